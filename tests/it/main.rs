//! Integration tests: one binary, one module a subject.
#![allow(clippy::unwrap_used, missing_docs)]

mod certificate;
mod embedding;
mod loss;
mod nonnegative;
mod phase;
mod problems;
mod reference;
mod symmetry;
