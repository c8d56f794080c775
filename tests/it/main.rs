//! Integration tests: one binary, one module a subject.
#![allow(clippy::unwrap_used, missing_docs)]

mod batches;
mod book;
mod certificate;
mod class_balanced;
mod cli;
mod common;
mod dimension;
mod embedding;
mod evaluate;
mod heatmap;
mod house;
mod inputs;
mod landscape;
mod loss;
mod nonnegative;
mod phase;
mod problems;
mod random;
mod referee;
mod reference;
mod sampled;
mod samples;
mod spec;
mod study;
mod symmetry;
