//! What a Gram matrix looks like, features that have it, and what trained features look like beside it.

pub mod batch_mean;
pub mod classes;
pub mod collapse;
pub mod embedding;
pub mod forces;
pub mod halves;
pub mod metrics;
pub mod rows;
pub(crate) mod sample_loss;
pub mod schedule;
pub mod shots;
