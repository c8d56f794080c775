//! Integration tests: one binary, one module a subject.
#![allow(clippy::unwrap_used, missing_docs)]

mod book;
mod certificate;
mod loss;
mod problems;
mod reference;
mod symmetry;
