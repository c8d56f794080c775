//! What the tests share: problems in few words, the program as a process, random numbers.

use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use serde_json::Value;
use ufmin::gram::Partition;
use ufmin::math::control::Control;
use ufmin::problem::{Anchors, Classes, FullBatch, FullBatchLoss, Model, Problem, Training};
use ufmin::program::Program;
use ufmin::solve::{Options, Solved, solve};

/// A loss of the full batch with these anchors.
pub(crate) fn anchored(loss: FullBatchLoss, anchors: Anchors) -> FullBatch {
    FullBatch {
        loss,
        anchors,
        ..FullBatch::default()
    }
}

pub(crate) fn model(full: impl Into<FullBatch>, temperature: f64) -> Model {
    Model {
        temperature,
        training: Training::full_batch(full),
        ..Model::default()
    }
}

pub(crate) fn problem_of(sizes: &[u64], model: Model) -> Problem {
    Problem::new(Classes::from_counts(sizes).unwrap(), model).unwrap()
}

pub(crate) fn problem(sizes: &[u64], full: impl Into<FullBatch>, temperature: f64) -> Problem {
    problem_of(sizes, model(full, temperature))
}

/// By the default options.
pub(crate) fn solved(problem: &Problem) -> Solved {
    solve(problem, &Options::default(), &Control::default()).unwrap()
}

/// What a model of the full batch is trained with.
pub(crate) fn full_batch(model: &Model) -> FullBatch {
    match &model.training {
        Training::FullBatch(full) => *full,
        other => panic!("{other:?}"),
    }
}

pub(crate) fn program(problem: &Problem) -> Program<'_> {
    Program::new(problem, &full_batch(problem.model()))
}

pub(crate) fn program_on(problem: &Problem, partition: Partition) -> Program<'_> {
    Program::on_partition(problem, &full_batch(problem.model()), partition)
}

/// The program, to be started in a folder.
pub(crate) fn process(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("ufmin"));
    command.current_dir(folder).args(arguments);
    command.env_remove("NO_COLOR").env("RUST_BACKTRACE", "1");
    command
}

/// The same, to be asked about its end, which comes within two minutes.
pub(crate) fn ufmin(folder: &Path, arguments: &[&str]) -> assert_cmd::Command {
    let mut command = assert_cmd::Command::from_std(process(folder, arguments));
    command.timeout(Duration::from_secs(120));
    command
}

pub(crate) fn run(folder: &Path, arguments: &[&str]) -> Output {
    ufmin(folder, arguments).output().unwrap()
}

/// Removes all times.
pub(crate) fn without_seconds(value: &mut Value) {
    match value {
        Value::Object(table) => {
            table.remove("seconds");
            table.values_mut().for_each(without_seconds);
        }
        Value::Array(items) => items.iter_mut().for_each(without_seconds),
        _ => {}
    }
}

/// SplitMix64: a few lines, any seed, the same stream everywhere.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ (x >> 31)
    }

    /// In [0, 1).
    pub(crate) fn uniform(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1u64 << 53) as f64
    }

    pub(crate) fn below(&mut self, end: usize) -> usize {
        (self.uniform() * end as f64) as usize
    }

    pub(crate) fn log_uniform(&mut self, [low, high]: [f64; 2]) -> f64 {
        low * (high / low).powf(self.uniform())
    }

    pub(crate) fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }
}
