//! `ufmin phase`: where classes begin to share one vector.

use std::path::Path;

use clap::{Args, ValueEnum};
use ufmin::cross_entropy::{CrossEntropy, StepFamily, collapse_threshold};
use ufmin::error::{Field, Invalid, Kind};
use ufmin::problem::Problem;
use ufmin::report::arrays::write_table;
use ufmin::report::cross_entropy_phase::CrossEntropyPhase;
use ufmin::spec::{self, ProblemFile, SolverTable};
use ufmin::study::phase::{self, Family, ScanSettings, grid};

use super::Outcome;
use super::failure::Failure;
use super::problem_args::{ProblemArgs, whole_number};
use super::session::{Session, SessionArgs};

/// Find the imbalance ratio, the temperatures, negatives or batch sizes at which classes share one vector
///
/// The ratio is that of the largest to the smallest class; the smallest is fixed, and sizes are real numbers. Profiles
/// keep their form at every ratio; explicit sizes are raised to a power (two sizes: STEP imbalance). With --grid the
/// diagram of ratio and temperature is written to --output. Stopped, the same command goes on from there. Exit status:
/// 0 also when there is no collapse, 1 stopped by --time-limit, 2 error, 130 stopped by Ctrl-C.
#[derive(Debug, Args)]
#[command(mut_arg("output", |arg| arg.help(
    "Folder for phase.json and journal.jsonl, and with --grid phase.png, phase.svg and phase.csv; made if missing"
)))]
pub(crate) struct PhaseArgs {
    #[command(flatten)]
    problem: ProblemArgs,
    /// What varies; everything else is as in the problem
    #[arg(long, value_enum, required_unless_present = "grid", help_heading = "Phase")]
    vary: Option<Vary>,
    /// Ratios to search [default: 1..1e9, 1..1e5 where no rule tells; with --grid 1..1000]
    #[arg(long, value_name = "A..B", help_heading = "Phase", allow_hyphen_values = true)]
    ratios: Option<String>,
    /// Temperatures to search [default: 0.005..50; with --grid 0.05..2]
    #[arg(long, value_name = "A..B", help_heading = "Phase", allow_hyphen_values = true)]
    temperatures: Option<String>,
    /// Negatives or batch sizes to search [default: 1..4096, 3..8192]
    #[arg(long, value_name = "A..B", help_heading = "Phase", allow_hyphen_values = true)]
    draws: Option<String>,
    /// Points of the search, evenly spaced in the logarithm, before refinement
    #[arg(long, value_name = "N", value_parser = whole_number, default_value_t = 400, help_heading = "Phase")]
    points: i64,
    /// Draw the diagram of so many ratios by so many temperatures, for example 60x60
    #[arg(
        long,
        value_name = "RATIOSxTEMPERATURES",
        requires = "output",
        conflicts_with_all = ["vary", "points"],
        help_heading = "Phase"
    )]
    grid: Option<String>,
    #[command(flatten)]
    session: SessionArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Vary {
    /// The imbalance ratio, with the smallest size fixed
    Ratio,
    /// The temperature
    Temperature,
    /// Sampled negatives of each anchor (loss nce)
    Negatives,
    /// Examples in a random batch
    BatchSize,
}

pub(crate) fn run(arguments: &PhaseArgs) -> Result<Outcome, Failure> {
    let defaults = ScanSettings::default();
    let settings = ScanSettings {
        ratios: range(Field::Ratios, arguments.ratios.as_deref(), defaults.ratios)?,
        temperatures: range(
            Field::Temperatures,
            arguments.temperatures.as_deref(),
            defaults.temperatures,
        )?,
        draws: arguments.draws.as_deref().map(draws).transpose()?,
        points: usize::try_from(arguments.points).unwrap_or(0),
    };
    let points = arguments.grid.as_deref().map(size).transpose()?;
    let of_step = |file: &ProblemFile, folder: &Path| spec::cross_entropy_step(file, folder);
    let solver = SolverTable::default();
    if let Some((problem, family)) = arguments.problem.resolve_with(&solver, of_step)? {
        return cross_entropy(arguments, &problem, family, settings.ratios);
    }
    // The problem must be one before its draws vary.
    let given = match arguments.vary {
        Some(Vary::Negatives) => arguments.problem.with_negatives(1),
        Some(Vary::BatchSize) => arguments.problem.with_batch_size(3),
        Some(Vary::Ratio | Vary::Temperature) | None => arguments.problem.clone(),
    };
    let (family, problem) = given.resolve_family()?;
    let settings = ScanSettings {
        ratios: match arguments.ratios {
            None => ScanSettings::default_ratios(&family, problem.model()),
            Some(_) => settings.ratios,
        },
        ..settings
    };
    phase::check_dimension(&problem)?;
    let session = arguments.session.start()?.saying(&arguments.problem.notes());
    if let Some(points) = points {
        let settings = grid::GridSettings {
            points,
            ratios: range(Field::Ratios, arguments.ratios.as_deref(), grid::RATIOS)?,
            temperatures: range(
                Field::Temperatures,
                arguments.temperatures.as_deref(),
                grid::TEMPERATURES,
            )?,
        };
        return diagram(session, &family, &problem, &settings);
    }
    let model = problem.model();
    let (vary, family) = match arguments.vary {
        Some(Vary::Temperature) => (phase::Vary::Temperature, phase::at_ratio_of(family, &problem)),
        Some(Vary::Negatives) => (phase::Vary::Negatives, phase::at_ratio_of(family, &problem)),
        Some(Vary::BatchSize) => (phase::Vary::BatchSize, phase::at_ratio_of(family, &problem)),
        Some(Vary::Ratio) | None => (phase::Vary::Ratio, family),
    };
    let journal = session.journal(&phase::identity(&family, model, vary))?;
    let over = match vary {
        phase::Vary::Temperature => phase::over_temperature,
        phase::Vary::Ratio => phase::over_ratio,
        phase::Vary::Negatives | phase::Vary::BatchSize => phase::over_draws,
    };
    let found = over(&family, model, &settings, journal.as_ref(), session.control())?;
    session.keep("phase", &found)?;
    session.finish(&found, found.stop, journal.as_ref())
}

/// The threshold of cross-entropy, over the ratio alone: it has no temperature.
fn cross_entropy(
    arguments: &PhaseArgs,
    problem: &CrossEntropy,
    family: StepFamily,
    ratios: (f64, f64),
) -> Result<Outcome, Failure> {
    if arguments.vary != Some(Vary::Ratio) {
        return Err(Failure::usage(
            "--vary",
            "cross-entropy has no temperature, and no diagram of it",
            "use --vary ratio",
        ));
    }
    let points = u64::try_from(arguments.points).unwrap_or(0);
    let session = arguments.session.start()?.saying(&arguments.problem.notes());
    let found = collapse_threshold(problem, family, ratios, points, session.control())?;
    let complete = session.control().stop().is_none();
    let report = CrossEntropyPhase::new(problem, family, &found, complete);
    session.keep("phase", &report)?;
    session.finish(&report, None, None)
}

fn diagram(
    session: Session,
    family: &Family,
    problem: &Problem,
    settings: &grid::GridSettings,
) -> Result<Outcome, Failure> {
    let model = problem.model();
    let journal = session.journal(&grid::identity(family, model, settings))?;
    let found = grid::grid(family, model, settings, journal.as_ref(), session.control())?;
    if let Some(folder) = session.folder() {
        write_table(folder, "phase", &found)?;
    }
    session.keep("phase", &found)?;
    session.finish(&found, found.stop, journal.as_ref())
}

/// `A..B`.
fn range(field: Field, text: Option<&str>, default: (f64, f64)) -> Result<(f64, f64), Invalid> {
    let Some(text) = text else { return Ok(default) };
    let parse = |word: &str| word.trim().parse::<f64>().ok().filter(|value| value.is_finite());
    let ends = text
        .split_once("..")
        .and_then(|(low, high)| Some((parse(low)?, parse(high)?)));
    ends.ok_or_else(|| unreadable(field, text, "a range"))
}

/// `A..B` of whole numbers.
fn draws(text: &str) -> Result<(u64, u64), Invalid> {
    let parse = |word: &str| word.trim().parse::<u64>().ok();
    let ends = text
        .split_once("..")
        .and_then(|(low, high)| Some((parse(low)?, parse(high)?)));
    ends.ok_or_else(|| unreadable(Field::Draws, text, "a range of whole numbers"))
}

/// `RATIOSxTEMPERATURES`.
fn size(text: &str) -> Result<(usize, usize), Invalid> {
    let parse = |word: &str| word.trim().parse::<usize>().ok();
    let counts = text
        .split_once(['x', 'X', '×'])
        .and_then(|(columns, rows)| Some((parse(columns)?, parse(rows)?)));
    counts.ok_or_else(|| unreadable(Field::Grid, text, "two whole numbers"))
}

fn unreadable(field: Field, text: &str, rule: &'static str) -> Invalid {
    let value = format!("`{text}`");
    Invalid::new(field, Kind::Rule { value, rule })
}
