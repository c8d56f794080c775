//! `ufmin verify`: is every local minimum global?

use std::time::Instant;

use clap::{Args, ValueEnum};
use ufmin::error::Error;
use ufmin::files::npy;
use ufmin::files::write_atomically;
use ufmin::problem::{Features, Model, Problem};
use ufmin::solve::{CrossCheckChoice, solve};
use ufmin::spec::SolverTable;
use ufmin::study::landscape::{self, Landscape, Level, SearchSettings, SweepReport, VerifyReport};

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
    let (given, mut options) = problem_args.resolve(&SolverTable::default())?;
    options.cross_check = CrossCheckChoice::Never;
    // The relaxation knows no dimension.
    let model = Model {
        features: Features {
            dimension: None,
            ..given.model().features
        },
        ..given.model().clone()
    };
    let problem = Problem::new(given.classes().clone(), model)?;
    let single = given
        .model()
        .features
        .dimension
        .unwrap_or(problem.classes().count() + 1);
    let (first, last) = range.unwrap_or((single, single));
    for dimension in [first, last] {
        landscape::check(&problem, dimension, settings.level)?;
    }
    let session = arguments.session.start()?.saying(&arguments.problem.notes());
    let journal = session.journal(&landscape::identity(&problem, &options, &settings))?;
    let optimum = solve(&problem, &options, &session.control().unobserved())?;
    if session.control().stop().is_some() && !optimum.is_certified() {
        return Err(Error::Stopped {
            what: "the optimum that the starts are compared with",
        }
        .into());
    }
    let clock = Instant::now();
    let dimensions: Vec<u64> = (first..=last).collect();
    let landscapes = landscape::verify_all(
        &problem,
        &optimum,
        &dimensions,
        &settings,
        journal.as_ref(),
        session.control(),
    )?;
    let stop = Landscape::stop(&landscapes);
    let seconds = clock.elapsed().as_secs_f64();
    let report =
        |landscape: &Landscape, seconds: f64| VerifyReport::new(&problem, &optimum, &settings, landscape, seconds);
    if range.is_none() {
        let landscape = &landscapes[0];
        let report = report(landscape, seconds)?;
        if let (Some(folder), Some(worst), true) = (session.folder(), landscape.worst(), report.complete) {
            let (dimension, control) = (landscape.dimension, session.control());
            let features = landscape::features(&problem, &optimum, dimension, &settings, worst.index, control)?;
            write_atomically(&folder.join("worst.npy"), &npy::matrix_bytes(&features))?;
        }
        session.keep("result", &report)?;
        return session.finish(&report, stop, journal.as_ref());
    }
    // All dimensions are one search: each has its share of the time.
    let share = seconds / landscapes.len() as f64;
    let rows = landscapes.iter().map(|landscape| report(landscape, share));
    let report = SweepReport::new(rows.collect::<Result<_, _>>()?);
    session.keep("result", &report)?;
    session.finish(&report, stop, journal.as_ref())
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
