//! Integration tests: one binary, one module a subject.
#![allow(clippy::unwrap_used, missing_docs)]

mod book;
mod certificate;
mod cli;
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

use ufmin::gram::Partition;
use ufmin::problem::{FullBatch, Model, Problem, Training};
use ufmin::program::Program;

/// What a model of the full batch is trained with.
fn full_batch(model: &Model) -> FullBatch {
    match model.training {
        Training::FullBatch(full) => full,
        Training::Sampled(sampling) => panic!("{sampling:?}"),
    }
}

fn program(problem: &Problem) -> Program<'_> {
    Program::new(problem, &full_batch(problem.model()))
}

fn program_on(problem: &Problem, partition: Partition) -> Program<'_> {
    Program::on_partition(problem, &full_batch(problem.model()), partition)
}
