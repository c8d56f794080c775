//! Exact global minimisers of the unconstrained features model of supervised contrastive learning.

pub mod certificate;
pub mod conic;
pub mod control;
pub mod error;
pub mod gram;
pub mod loss;
pub mod problem;
pub mod solution;
pub mod spectrum;
pub mod symmetry;
