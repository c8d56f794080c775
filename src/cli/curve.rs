//! `ufmin curve`: the geometry against the batch size, the number of negatives, or the temperature.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use ufmin::files::{prepare_folder, write_atomically};
use ufmin::spec::SolverTable;
use ufmin::study::curve::{Quantity, curve};

use super::failure::Failure;
use super::pictures::PictureArgs;
use super::problem_args::{ProblemArgs, number, whole_number};
use super::watch::{Watched, set_threads, watch};
use super::{Outcome, print_data};

/// Solve at several batch sizes, numbers of negatives or temperatures
///
/// Prints one line a value: the loss, the loss of the representation on a downstream task, the angles of the closest and the
/// farthest classes, the distances to the simplex ETF and to the limit (the full batch, or the population), and the classes
/// that share one vector. Exit status: 0 all certified, 1 not all, 2 error.
#[derive(Debug, Args)]
pub(crate) struct CurveArgs {
    #[command(flatten)]
    problem: ProblemArgs,
    /// What varies; everything else is as in the problem
    #[arg(long, value_enum, help_heading = "Curve")]
    vary: Vary,
    /// Its values [default: powers of 2 from 4 to 8192, of 4 from 1 to 4096, or 0.05 to 1]
    #[arg(
        long,
        value_name = "X,X,..",
        value_delimiter = ',',
        value_parser = number,
        help_heading = "Curve",
        allow_hyphen_values = true
    )]
    values: Option<Vec<f64>>,
    /// Threads to use [default: all cores]
    #[arg(long, value_name = "N", value_parser = whole_number, help_heading = "Curve", allow_hyphen_values = true)]
    threads: Option<i64>,
    /// What to print
    #[arg(long, value_enum, default_value_t = Format::Text, help_heading = "Output")]
    format: Format,
    /// Folder for curve.json, curve.csv, curve.png and curve.svg; made if missing
    #[arg(short, long, value_name = "DIR", help_heading = "Output")]
    output: Option<PathBuf>,
    #[command(flatten)]
    pictures: PictureArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Vary {
    /// Examples in a random batch
    BatchSize,
    /// Sampled negatives of each anchor (loss nce)
    Negatives,
    /// The temperature
    Temperature,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A table to read
    Text,
    /// One JSON object, schema ufmin/curve/1
    Json,
}

pub(crate) fn run(arguments: &CurveArgs) -> Result<Outcome, Failure> {
    let powers = |base: f64, powers: std::ops::RangeInclusive<i32>| powers.map(|p| base.powi(p)).collect();
    let (vary, defaults): (_, Vec<f64>) = match arguments.vary {
        Vary::BatchSize => (Quantity::BatchSize, powers(2.0, 2..=13)),
        Vary::Negatives => (Quantity::Negatives, powers(4.0, 0..=6)),
        Vary::Temperature => (
            Quantity::Temperature,
            vec![0.05, 0.07, 0.1, 0.15, 0.2, 0.3, 0.5, 0.7, 1.0],
        ),
    };
    let mut values = arguments.values.clone().unwrap_or(defaults);
    values.sort_by(f64::total_cmp);
    values.dedup();
    // The problem must be one before its quantity varies.
    let first = values.first().map_or(4, |&value| value as i64);
    let given = match arguments.vary {
        Vary::BatchSize => arguments.problem.with_batch_size(first),
        Vary::Negatives => arguments.problem.with_negatives(first),
        Vary::Temperature => arguments.problem.clone(),
    };
    let (problem, options) = given.resolve(&SolverTable::default())?;
    if let Some(threads) = arguments.threads {
        set_threads(threads)?;
    }
    if let Some(folder) = &arguments.output {
        prepare_folder(folder)?;
    }
    let Watched { control, bar } = watch(values.len() as u64, "solving")?;
    let found = curve(&problem, vary, &values, &options, &control);
    bar.finish_and_clear();
    let found = found?;
    if let Some(folder) = &arguments.output {
        write_atomically(&folder.join("curve.json"), found.to_json().as_bytes())?;
        write_atomically(&folder.join("curve.csv"), found.to_csv().as_bytes())?;
        arguments.pictures.write(folder, "curve", &found.chart(&problem))?;
    }
    match arguments.format {
        Format::Text => print_data(&found.text())?,
        Format::Json => print_data(&found.to_json())?,
    }
    Ok(if found.is_certified() {
        Outcome::Certified
    } else {
        Outcome::NotCertified
    })
}
