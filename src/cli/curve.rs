//! `ufmin curve`: the geometry against the batch size, the number of negatives, or the temperature.

use clap::{Args, ValueEnum};
use ufmin::report::arrays::write_table;
use ufmin::spec::SolverTable;
use ufmin::study::curve::{self, Quantity};

use super::Outcome;
use super::failure::Failure;
use super::problem_args::{ProblemArgs, number};
use super::session::SessionArgs;

/// Solve at several batch sizes, numbers of negatives or temperatures
///
/// Prints one line a value: the loss, the loss of the representation on a downstream task, the angles of the closest and the
/// farthest classes, the distances to the simplex ETF and to the limit (the full batch, or the population), and the classes
/// that share one vector. Exit status: 0 all certified, 1 not all, 2 error, 130 stopped by Ctrl-C. With --output the same
/// command goes on from where it was stopped.
#[derive(Debug, Args)]
#[command(mut_arg("output", |arg| arg.help(
    "Folder for curve.json, curve.csv, curve.png, curve.svg and journal.jsonl; made if missing"
)))]
pub(crate) struct CurveArgs {
    #[command(flatten)]
    problem: ProblemArgs,
    /// What varies; everything else is as in the problem
    #[arg(long, value_enum, help_heading = "Curve")]
    vary: Vary,
    /// Its values [default: powers of 2 from 4 to 8192, of 4 from 1 to 4096, 0.05 to 1, or 0 to 1]
    #[arg(
        long,
        value_name = "X,X,..",
        value_delimiter = ',',
        value_parser = number,
        help_heading = "Curve",
        allow_hyphen_values = true
    )]
    values: Option<Vec<f64>>,
    #[command(flatten)]
    session: SessionArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Vary {
    /// Examples in a random batch
    BatchSize,
    /// Sampled negatives of each anchor (loss nce)
    Negatives,
    /// The temperature
    Temperature,
    /// The power of their sizes by which random batches draw classes (needs --batch-size)
    Power,
}

pub(crate) fn run(arguments: &CurveArgs) -> Result<Outcome, Failure> {
    let vary = match arguments.vary {
        Vary::BatchSize => Quantity::BatchSize,
        Vary::Negatives => Quantity::Negatives,
        Vary::Power => Quantity::Power,
        Vary::Temperature => Quantity::Temperature,
    };
    let values = vary.values(arguments.values.clone());
    // The problem must be one before its quantity varies.
    let first = values.first().map_or(4, |&value| value as i64);
    let given = match arguments.vary {
        Vary::BatchSize => arguments.problem.with_batch_size(first),
        Vary::Negatives => arguments.problem.with_negatives(first),
        Vary::Temperature | Vary::Power => arguments.problem.clone(),
    };
    let (problem, options) = given.resolve(&SolverTable::default())?;
    let session = arguments.session.start()?.saying(&arguments.problem.notes());
    let journal = session.journal(&curve::identity(&problem, vary, &options))?;
    let found = curve::curve(&problem, vary, &values, &options, journal.as_ref(), session.control())?;
    if let Some(folder) = session.folder() {
        write_table(folder, "curve", &found)?;
    }
    session.keep("curve", &found)?;
    session.finish(&found, found.stop, journal.as_ref())
}
