//! `ufmin bound`: lower bounds in closed form.

use clap::{Args, Subcommand};
use ufmin::error::{Field, Invalid};
use ufmin::study::bound::AllBatches;

use super::Outcome;
use super::failure::Failure;
use super::problem_args::{number, whole_number};
use super::session::{SessionArgs, without_csv};

/// Lower bounds on losses in closed form
#[derive(Debug, Args)]
pub(crate) struct BoundArgs {
    #[command(subcommand)]
    bound: Bound,
}

#[derive(Debug, Subcommand)]
enum Bound {
    AllBatches(Box<AllBatchesArgs>),
}

/// The loss summed over all batches is at least this (Graf et al. 2021)
///
/// Of the supervised contrastive loss with equally many samples in every class: each multiset of samples of the given size is
/// a batch once, its loss is the sum over its samples that have a positive in it. Collapsed features on a simplex attain the
/// bound, though they minimise no batch alone.
#[derive(Debug, Args)]
#[command(
    mut_arg("format", without_csv),
    mut_arg("pictures", |arg| arg.hide(true)),
    mut_arg("output", |arg| arg.help("Folder for bound.json; made if missing"))
)]
struct AllBatchesArgs {
    /// Number of classes
    #[arg(long, value_name = "K", value_parser = whole_number, help_heading = "Bound", allow_hyphen_values = true)]
    classes: i64,
    /// Samples in each class
    #[arg(long, value_name = "M", value_parser = whole_number, help_heading = "Bound", allow_hyphen_values = true)]
    per_class: i64,
    /// Samples in a batch
    #[arg(long, value_name = "B", value_parser = whole_number, help_heading = "Bound", allow_hyphen_values = true)]
    batch: i64,
    /// Length of the features
    #[arg(long, value_name = "RHO", value_parser = number, default_value_t = 1.0, help_heading = "Bound", allow_hyphen_values = true)]
    radius: f64,
    /// Temperature; the paper has 1
    #[arg(long, value_name = "TAU", value_parser = number, default_value_t = 1.0, help_heading = "Bound", allow_hyphen_values = true)]
    temperature: f64,
    #[command(flatten)]
    session: SessionArgs,
}

pub(crate) fn run(arguments: &BoundArgs) -> Result<Outcome, Failure> {
    let Bound::AllBatches(arguments) = &arguments.bound;
    // What is below 0 is below the least of every range.
    let count = |value: i64| u64::try_from(value).unwrap_or(0);
    let found = AllBatches::new(
        count(arguments.classes),
        count(arguments.per_class),
        count(arguments.batch),
        arguments.radius,
        arguments.temperature,
    )
    .map_err(refused)?;
    let session = arguments.session.start()?;
    session.keep("bound", &found)?;
    session.finish(&found, None, None)
}

fn refused(source: Invalid) -> Failure {
    let flag = match source.field {
        Field::Classes => "--classes",
        Field::Count => "--per-class",
        Field::BatchSize => "--batch",
        Field::Temperature => "--temperature",
        _ => "--radius",
    };
    Failure::usage(flag, source.to_string(), "give a number in this range")
}
