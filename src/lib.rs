//! Exact global minimisers of the unconstrained features model of supervised contrastive learning.

pub mod certificate;
pub mod conic;
pub mod control;
pub mod dual;
pub mod embedding;
pub mod error;
pub mod files;
pub mod gram;
pub mod loss;
pub mod metrics;
pub mod npy;
pub mod picture;
pub mod plot;
pub mod problem;
pub mod profile;
pub mod report;
pub mod solution;
pub mod solve;
pub mod spec;
pub mod spectrum;
pub mod symmetry;
pub mod text;
