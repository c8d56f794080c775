//! What a Gram matrix looks like, and features that have it.

pub mod embedding;
pub mod metrics;
pub mod schedule;
