//! `ufmin verify`: is every local minimum global?

use clap::{Args, ValueEnum};
use serde_json::Value;
use ufmin::error::Error;
use ufmin::files::npy;
use ufmin::files::write_atomically;
use ufmin::spec::SolverTable;
use ufmin::study::landscape::{self, Level, SearchSettings};

use super::Outcome;
use super::failure::Failure;
use super::problem_args::{ProblemArgs, whole_number};
use super::session::SessionArgs;

/// Look for local minima that are not global
///
/// Minimises the non-convex loss over unit features from random starts, classifies every end point by its gradient and
/// the smallest eigenvalue of its Hessian, and compares the minima with the certified optimum of the convex relaxation.
/// Exit status: 0 no spurious local minimum, 1 some were found (or the optimum is not certified, or more than 5% of the
/// starts did not converge), 2 error, 130 stopped by Ctrl-C. With --output the same command goes on from the finished starts.
#[derive(Debug, Args)]
#[command(
    mut_arg("dimension", |arg| arg
        .help("Dimension of the features, or a range of them, both ends included, such as 2..8 [default: classes + 1]")
        .value_name("D|A..B")),
    mut_arg("output", |arg| arg.help(
        "Folder for result.json, journal.jsonl, worst.npy, and gaps, traces and gram as .png and .svg; made if missing"
    ))
)]
pub(crate) struct VerifyArgs {
    #[command(flatten)]
    problem: ProblemArgs,
    /// Number of random starts (in each dimension)
    #[arg(long, value_name = "N", value_parser = whole_number, default_value_t = 200, help_heading = "Search", allow_hyphen_values = true)]
    starts: i64,
    /// Seed of the starts
    #[arg(long, value_name = "S", value_parser = whole_number, default_value_t = 0, help_heading = "Search", allow_hyphen_values = true)]
    seed: i64,
    /// sample: all samples are free; class: one vector a class
    #[arg(long, value_enum, default_value_t = LevelChoice::Sample, help_heading = "Search")]
    level: LevelChoice,
    #[command(flatten)]
    session: SessionArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum LevelChoice {
    Sample,
    Class,
}

pub(crate) fn run(arguments: &VerifyArgs) -> Result<Outcome, Failure> {
    let settings = SearchSettings {
        starts: at_least("--starts", arguments.starts, 1)?,
        seed: at_least("--seed", arguments.seed, 0)?,
        level: match arguments.level {
            LevelChoice::Sample => Level::Sample,
            LevelChoice::Class => Level::Class,
        },
        ..SearchSettings::default()
    };
    let mut problem_args = arguments.problem.clone();
    let range = problem_args.take_range();
    let (problem, options) = problem_args.resolve(&SolverTable::default())?;
    let session = arguments.session.start()?.saying(&arguments.problem.notes());
    let journal = |identity: &Value| session.journal(identity);
    let found = match landscape::search(&problem, &options, range, &settings, journal, session.control()) {
        Err(Error::Stopped { what }) => return session.stopped("result", &problem, what),
        found => found?,
    };
    let stop = found.stop();
    if range.is_some() {
        let report = found.sweep()?;
        session.keep("result", &report)?;
        return session.finish(&report, stop, found.journal.as_ref());
    }
    let report = found.report()?;
    if let (Some(folder), true) = (session.folder(), report.complete)
        && let Some(features) = found.worst(session.control())?
    {
        write_atomically(&folder.join("worst.npy"), &npy::matrix_bytes(&features))?;
    }
    session.keep("result", &report)?;
    session.finish(&report, stop, found.journal.as_ref())
}

fn at_least(flag: &'static str, value: i64, least: i64) -> Result<u64, Failure> {
    u64::try_from(value).ok().filter(|_| value >= least).ok_or_else(|| {
        Failure::usage(
            flag,
            format!("{value} is given, and a whole number of at least {least} is needed"),
            format!("give {least} or more, or leave it out"),
        )
    })
}
