//! `ufmin batches`: schedules of batches, checked, bound and drawn.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use ufmin::error::{Error, Field, Invalid, Word};
use ufmin::files::npy::batches_bytes;
use ufmin::files::{has_extension, write_atomically};
use ufmin::problem::batches::binding::bind;
use ufmin::problem::batches::epoch::{EpochSettings, epoch};
use ufmin::problem::{Batches, FixedBatches, Problem, Training};
use ufmin::report::json;
use ufmin::report::view::{Style, View};
use ufmin::spec::{self, SolverTable};
use ufmin::study::batches::{Check, Written};

use super::failure::Failure;
use super::problem_args::{ProblemArgs, whole_number};
use super::session::{Format, without_csv};
use super::{Outcome, print_data};

/// Check, bind and draw fixed batches
///
/// Whether the orthogonal frame is the only optimum of nonnegative features depends on which samples meet in a batch.
#[derive(Debug, Args)]
pub(crate) struct BatchesArgs {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Check(Box<CheckArgs>),
    Bind(Box<BindArgs>),
    Sample(Box<SampleArgs>),
}

/// Whether the batches make the orthogonal frame the only optimum of nonnegative features
///
/// Every class must be connected by batches of its samples, and every two classes must meet where one of them has a
/// positive. Tested whether the problem has nonnegative features or not, and in any dimension unless one is given. Exit
/// status: 0 yes, 1 no or not decided, 2 error.
#[derive(Debug, Args)]
#[command(mut_arg("format", without_csv))]
struct CheckArgs {
    #[command(flatten)]
    problem: ProblemArgs,
    #[command(flatten)]
    show: ShowArgs,
}

/// Append one fixed example of every class to every batch that lacks it
///
/// The examples are those that take the fewest additions. Exit status: 0 if the orthogonal frame is then the only optimum of
/// nonnegative features, 1 if not, 2 error.
#[derive(Debug, Args)]
#[command(mut_arg("format", without_csv))]
struct BindArgs {
    #[command(flatten)]
    problem: ProblemArgs,
    /// File for the batches: .json (lists) or .npy (batches x size, padded with -1)
    #[arg(short, long, value_name = "FILE", help_heading = "Output")]
    output: PathBuf,
    #[command(flatten)]
    show: ShowArgs,
}

/// Draw the batches of one epoch
///
/// Every sample once, in random order. Of the problem only the classes are used.
#[derive(Debug, Args)]
#[command(mut_arg("format", without_csv))]
struct SampleArgs {
    #[command(flatten)]
    problem: ProblemArgs,
    /// Examples in a batch
    #[arg(long, value_name = "B", value_parser = whole_number, help_heading = "Sample", allow_hyphen_values = true)]
    size: i64,
    /// Seed; equal seeds give equal batches on every machine
    #[arg(long, value_name = "S", default_value_t = 0, help_heading = "Sample")]
    seed: u64,
    /// Give every batch the classes in their shares, to within two examples
    #[arg(long, help_heading = "Sample")]
    stratified: bool,
    /// Leave out a last batch of fewer examples
    #[arg(long, help_heading = "Sample")]
    drop_last: bool,
    /// File for the batches: .json (lists) or .npy (batches x size, padded with -1)
    #[arg(short, long, value_name = "FILE", help_heading = "Output")]
    output: PathBuf,
    #[command(flatten)]
    show: ShowArgs,
}

#[derive(Debug, Args)]
struct ShowArgs {
    /// What to print
    #[arg(long, value_enum, default_value_t = Format::Text, help_heading = "Output")]
    format: Format,
    /// Print nothing but errors; the exit status tells
    #[arg(short, long, help_heading = "Output")]
    quiet: bool,
}

pub(crate) fn run(arguments: &BatchesArgs) -> Result<Outcome, Failure> {
    match &arguments.verb {
        Verb::Check(arguments) => {
            let (problem, _) = arguments.problem.resolve(&SolverTable::default())?;
            show(
                &Check::new(&problem, fixed(&problem)?),
                &arguments.show,
                &arguments.problem,
            )
        }
        Verb::Bind(arguments) => {
            let kind = FileKind::of(&arguments.output)?;
            let (problem, _) = arguments.problem.resolve(&SolverTable::default())?;
            let bound = bind(&problem, fixed(&problem)?)?;
            write(&arguments.output, kind, &bound.batches)?;
            let file = arguments.output.display().to_string();
            show(
                &Written::of_binding(file, &problem, &bound),
                &arguments.show,
                &arguments.problem,
            )
        }
        Verb::Sample(arguments) => {
            let kind = FileKind::of(&arguments.output)?;
            let Ok(size) = u64::try_from(arguments.size) else {
                let source = Invalid::new(
                    Field::BatchSize,
                    ufmin::error::Kind::TooSmall {
                        value: arguments.size.into(),
                        least: 1,
                    },
                );
                return Err(Failure::Value { flag: "--size", source });
            };
            let (classes, order) = arguments.problem.resolve_with(&SolverTable::default(), spec::samples)?;
            let settings = EpochSettings {
                size,
                seed: arguments.seed,
                stratified: arguments.stratified,
                drop_last: arguments.drop_last,
            };
            let drawn =
                epoch(&classes, &order, &settings).map_err(|source| Failure::Value { flag: "--size", source })?;
            write(&arguments.output, kind, &drawn)?;
            let file = arguments.output.display().to_string();
            show(
                &Written::of_epoch(file, &drawn, settings.seed),
                &arguments.show,
                &arguments.problem,
            )
        }
    }
}

/// The batches of a problem that has some.
fn fixed(problem: &Problem) -> Result<&FixedBatches, Failure> {
    match &problem.model().training {
        Training::FixedBatches(fixed) => Ok(fixed),
        Training::FullBatch(_) | Training::Sampled(_) => Err(Invalid::conflict(
            Field::Batches,
            "the problem has no fixed batches",
            &[
                Word::Text("give the batches of an epoch, by "),
                Word::Set(Field::BatchFile, &["batches.json"]),
                Word::Text("; ufmin batches sample draws some"),
            ],
        )
        .into()),
    }
}

/// What a file of batches is.
#[derive(Debug, Clone, Copy)]
enum FileKind {
    Json,
    Npy,
}

impl FileKind {
    fn of(path: &Path) -> Result<Self, Failure> {
        if has_extension(path, "npy") {
            Ok(Self::Npy)
        } else if has_extension(path, "json") {
            Ok(Self::Json)
        } else {
            Err(Failure::usage(
                "--output",
                format!("{} does not end in .json or .npy", path.display()),
                "give a name such as batches.json or batches.npy",
            ))
        }
    }
}

fn write(path: &Path, kind: FileKind, batches: &Batches) -> Result<(), Error> {
    let lists: Vec<Vec<u32>> = batches.positions().collect();
    let bytes = match kind {
        FileKind::Npy => batches_bytes(&lists),
        FileKind::Json => {
            let lines: Vec<String> = lists
                .iter()
                .map(|list| list.iter().map(u32::to_string).collect::<Vec<_>>().join(", "))
                .collect();
            format!("[[{}]]\n", lines.join("],\n [")).into_bytes()
        }
    };
    write_atomically(path, &bytes)
}

fn show(view: &impl View, arguments: &ShowArgs, problem: &ProblemArgs) -> Result<Outcome, Failure> {
    if !arguments.quiet {
        problem.notes().iter().for_each(|note| super::diagnostic::warn(note));
        print_data(&match arguments.format {
            Format::Json => json(view),
            Format::Text | Format::Csv | Format::Latex => view.text(Style::default()),
        })?;
    }
    Ok(if view.passes() {
        Outcome::Certified
    } else {
        Outcome::NotCertified
    })
}
