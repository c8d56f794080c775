//! `ufmin solve`: the main job.

use clap::{Args, ValueEnum};
use ufmin::cross_entropy::CrossEntropy;
#[cfg(feature = "conic")]
use ufmin::method::conic;
use ufmin::problem::{Partition, Problem, Training};
use ufmin::report::Report;
use ufmin::report::arrays::{self, check_samples, few_samples, refuse_large, sample_gram};
use ufmin::solve::{CrossCheckChoice, MethodChoice, Options, solve};
use ufmin::spec::{self, SolverTable};

use super::Outcome;
use super::cross_entropy;
use super::failure::Failure;
use super::problem_args::{ProblemArgs, number};
use super::session::{SessionArgs, Work, without_csv};

/// Find the global minimiser and prove it
///
/// Prints the loss, the angles between class means, collapsed classes and the certificate. Exit status: 0 certified,
/// 1 solved but not certified (or the rank exceeds --dimension), 2 error, 130 stopped by Ctrl-C.
#[derive(Debug, Args)]
#[command(
    mut_arg("format", without_csv),
    mut_arg("output", |arg| arg.help(
        "Folder for result.json, gram.npy, embeddings.npy, gram.png, gram.svg, structure.npz, certificate.npz; made if missing"
    ))
)]
pub(crate) struct SolveArgs {
    #[command(flatten)]
    problem: ProblemArgs,
    /// auto, dual, conic, lowrank or closed-form [default: auto]
    #[arg(long, value_name = "NAME", help_heading = "Solver")]
    method: Option<String>,
    /// Relative gap, of the excess loss, that counts as certified [default: 1e-9; 1e-6 by conic or lowrank]
    #[arg(long, value_name = "GAP", value_parser = number, help_heading = "Solver", allow_hyphen_values = true)]
    tolerance: Option<f64>,
    /// Solve again by the conic program and compare: auto (up to 12 distinct sizes), always or never
    #[arg(long, value_enum, default_value_t = CrossCheck::Auto, value_name = "WHEN", help_heading = "Solver")]
    cross_check: CrossCheck,
    #[command(flatten)]
    session: SessionArgs,
    /// class: inner products of classes; sample: of all samples too (up to 64 in the JSON, 4000 in sample_gram.npy)
    #[arg(long, value_enum, default_value_t = Level::Class, help_heading = "Output")]
    level: Level,
    /// Fill embeddings.npy with rows of zeros up to --dimension
    #[arg(long, help_heading = "Output")]
    pad: bool,
    /// List matrices of any size in the JSON
    #[arg(long, help_heading = "Output")]
    full_gram: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Level {
    Class,
    Sample,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum CrossCheck {
    Auto,
    Always,
    Never,
}

pub(crate) fn run(arguments: &SolveArgs) -> Result<Outcome, Failure> {
    let solver = SolverTable {
        method: arguments.method.clone(),
        tolerance: arguments.tolerance,
    };
    if let Some((problem, tolerance)) = arguments.problem.resolve_with(&solver, spec::cross_entropy)? {
        return run_cross_entropy(arguments, &problem, tolerance);
    }
    let (problem, mut options, convention) = arguments.problem.resolve_stated(&solver)?;
    options.cross_check = match arguments.cross_check {
        CrossCheck::Auto => CrossCheckChoice::Auto,
        CrossCheck::Always => CrossCheckChoice::Always,
        CrossCheck::Never => CrossCheckChoice::Never,
    };
    if arguments.full_gram {
        refuse_large("--full-gram", problem.classes().count())?;
    }
    let is_schedule = matches!(problem.model().training, Training::FixedBatches(_));
    let by_sample = arguments.level == Level::Sample && !is_schedule;
    if by_sample {
        check_samples(&problem)?;
    }
    let dimension = arguments.padded(&problem)?;
    let session = arguments
        .session
        .start_for(work(&problem))?
        .saying(&slow(&problem, &options));
    let solved = solve(&problem, &options, session.control())?;
    let mut report = Report::new(&problem, &solved, arguments.full_gram)?
        .in_convention(&problem, convention)
        .with_batch_mean(&problem);
    let sample_gram = if by_sample || (is_schedule && few_samples(&solved)) {
        Some(sample_gram(&problem, &solved)?)
    } else {
        None
    };
    report.warnings.splice(0..0, arguments.problem.notes());
    if let Some(samples) = &sample_gram {
        report = report.at_sample_level(samples);
    }
    if let Some(folder) = session.folder() {
        arrays::write(folder, &problem, &solved, sample_gram.as_ref(), &mut report)?;
        if let Some(dimension) = dimension {
            arrays::pad(folder, dimension)?;
        }
    }
    session.keep("result", &report)?;
    session.finish(&report, None, None)
}

impl SolveArgs {
    /// The number of rows that embeddings.npy is filled up to.
    fn padded(&self, problem: &Problem) -> Result<Option<u64>, Failure> {
        match problem.model().features.dimension {
            None if self.pad => Err(Failure::usage(
                "--pad",
                "features are to be filled up with zeros, and no dimension is given",
                "give it, as --dimension 128",
            )),
            dimension => Ok(dimension.filter(|_| self.pad)),
        }
    }
}

/// Says what the conic program takes, where that is long.
#[cfg(not(feature = "conic"))]
fn slow(_: &Problem, _: &Options) -> Vec<String> {
    Vec::new()
}

/// Says what the conic program takes, where that is long.
#[cfg(feature = "conic")]
fn slow(problem: &Problem, options: &Options) -> Vec<String> {
    const LONG: f64 = 5.0;
    let groups = Partition::by_size(problem).groups();
    let (seconds, bytes) = conic::effort(groups);
    let is_full = matches!(problem.model().training, Training::FullBatch(_));
    if options.method != MethodChoice::Conic
        || !is_full
        || seconds < LONG
        || conic::check_memory(groups, &conic::ConicSettings::default()).is_err()
    {
        return Vec::new();
    }
    vec![format!(
        "the conic program with {groups} distinct class sizes takes {} and {:.1} GB",
        conic::duration(seconds),
        bytes / 1e9
    )]
}

/// Most distinct class sizes that one thread solves and checks in no time.
const FEW_SIZES: usize = 16;

/// Whether one thread does all there is to do: a few sizes on the full batch, without a search in fewer dimensions.
fn work(problem: &Problem) -> Work {
    let few = Partition::by_size(problem).groups() <= FEW_SIZES;
    let full = matches!(problem.model().training, Training::FullBatch(_));
    if few && full && problem.model().features.dimension.is_none() {
        Work::Small
    } else {
        Work::Large
    }
}

fn run_cross_entropy(
    arguments: &SolveArgs,
    problem: &CrossEntropy,
    tolerance: Option<f64>,
) -> Result<Outcome, Failure> {
    if arguments.full_gram {
        refuse_large("--full-gram", problem.classes().count())?;
    }
    if arguments.level == Level::Sample {
        return Err(Failure::usage(
            "--level",
            "cross-entropy has no sample level",
            "use --level class: samples of a class coincide",
        ));
    }
    if arguments.cross_check == CrossCheck::Always {
        return Err(Failure::usage(
            "--cross-check",
            "cross-entropy has no second method to compare with",
            "use --cross-check never: the bound is proven from the solution alone",
        ));
    }
    let session = arguments.session.start()?.saying(&arguments.problem.notes());
    cross_entropy::run(problem, tolerance, arguments.full_gram, session)
}
