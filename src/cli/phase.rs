//! `ufmin phase`: where classes begin to share one vector.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use ufmin::error::{Field, Invalid, Kind, Word};
use ufmin::files::{prepare_folder, write_atomically};
use ufmin::problem::Problem;
use ufmin::study::phase::{self, Family, Grid, Settings, grid};

use super::failure::Failure;
use super::pictures::PictureArgs;
use super::problem_args::{ProblemArgs, whole_number};
use super::watch::{Watched, set_threads, watch};
use super::{Outcome, print_data};

/// Find the imbalance ratio, or the temperatures, at which classes share one vector
///
/// The ratio is that of the largest to the smallest class; the smallest is fixed, and sizes are real numbers. Profiles
/// keep their form at every ratio; explicit sizes are raised to a power (two sizes: STEP imbalance). With --grid the
/// diagram of ratio and temperature is written to --output. Exit status: 0 also when there is no collapse, 2 error.
#[derive(Debug, Args)]
pub(crate) struct PhaseArgs {
    #[command(flatten)]
    problem: ProblemArgs,
    /// What varies; everything else is as in the problem
    #[arg(long, value_enum, required_unless_present = "grid", help_heading = "Phase")]
    vary: Option<Vary>,
    /// Ratios to search [default: 1..1e9; with --grid 1..1000]
    #[arg(long, value_name = "A..B", help_heading = "Phase", allow_hyphen_values = true)]
    ratios: Option<String>,
    /// Temperatures to search [default: 0.005..50; with --grid 0.05..2]
    #[arg(long, value_name = "A..B", help_heading = "Phase", allow_hyphen_values = true)]
    temperatures: Option<String>,
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
    /// Threads to use [default: all cores]
    #[arg(long, value_name = "N", value_parser = whole_number, help_heading = "Phase", allow_hyphen_values = true)]
    threads: Option<i64>,
    /// What to print
    #[arg(long, value_enum, default_value_t = Format::Text, help_heading = "Output")]
    format: Format,
    /// Folder for phase.json, and with --grid phase.png, phase.svg and phase.csv; made if missing
    #[arg(short, long, value_name = "DIR", help_heading = "Output")]
    output: Option<PathBuf>,
    #[command(flatten)]
    pictures: PictureArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Vary {
    /// The imbalance ratio, with the smallest size fixed
    Ratio,
    /// The temperature
    Temperature,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// An answer to read
    Text,
    /// One JSON object, schema ufmin/phase/1 (ufmin/phase-grid/1 with --grid)
    Json,
}

pub(crate) fn run(arguments: &PhaseArgs) -> Result<Outcome, Failure> {
    let defaults = Settings::default();
    let settings = Settings {
        ratios: range(Field::Ratios, arguments.ratios.as_deref(), defaults.ratios)?,
        temperatures: range(
            Field::Temperatures,
            arguments.temperatures.as_deref(),
            defaults.temperatures,
        )?,
        points: usize::try_from(arguments.points).unwrap_or(0),
    };
    let points = arguments.grid.as_deref().map(size).transpose()?;
    let (family, problem) = arguments.problem.resolve_family()?;
    refuse_dimension(&problem)?;
    if let Some(threads) = arguments.threads {
        set_threads(threads)?;
    }
    if let Some(folder) = &arguments.output {
        prepare_folder(folder)?;
    }
    if let Some(points) = points {
        let settings = grid::Settings {
            points,
            ratios: range(Field::Ratios, arguments.ratios.as_deref(), (1.0, 1000.0))?,
            temperatures: range(Field::Temperatures, arguments.temperatures.as_deref(), (0.05, 2.0))?,
        };
        return diagram(arguments, &family, &problem, &settings);
    }
    let Watched { control, bar } = watch(settings.points as u64, "solving")?;
    let phase = match arguments.vary {
        Some(Vary::Temperature) => {
            phase::over_temperature(&family_at(family, &problem), problem.model(), &settings, &control)
        }
        _ => phase::over_ratio(&family, problem.model(), &settings, &control),
    };
    bar.finish_and_clear();
    let phase = phase?;
    if let Some(folder) = &arguments.output {
        write_atomically(&folder.join("phase.json"), phase.to_json().as_bytes())?;
    }
    match arguments.format {
        Format::Text => print_data(&phase::text(&phase))?,
        Format::Json => print_data(&phase.to_json())?,
    }
    Ok(Outcome::Certified)
}

/// At a fixed ratio the sizes are those that `ufmin solve` has: whole numbers, except for STEP at any real ratio.
fn family_at(family: Family, problem: &Problem) -> Family {
    if family.step().is_some() {
        family
    } else {
        Family::of_problem(problem)
    }
}

fn diagram(
    arguments: &PhaseArgs,
    family: &Family,
    problem: &Problem,
    settings: &grid::Settings,
) -> Result<Outcome, Failure> {
    let cells = settings.points.0.saturating_mul(settings.points.1) as u64;
    let Watched { control, bar } = watch(cells, "solving")?;
    let found = grid::grid(family, problem.model(), settings, &control);
    bar.finish_and_clear();
    let found: Grid = found?;
    if let Some(folder) = &arguments.output {
        write_atomically(&folder.join("phase.csv"), found.to_csv().as_bytes())?;
        arguments.pictures.write(folder, "phase", &found.diagram())?;
        write_atomically(&folder.join("phase.json"), found.to_json().as_bytes())?;
    }
    match arguments.format {
        Format::Text => {
            let collapsed = found
                .collapsed
                .iter()
                .flatten()
                .filter(|count| **count > Some(0))
                .count();
            print_data(&format!(
                "{cells} points, {collapsed} with collapsed classes; boundary of {} points in {} curves\n",
                found.boundary.iter().map(Vec::len).sum::<usize>(),
                found.boundary.len()
            ))?;
        }
        Format::Json => print_data(&found.to_json())?,
    }
    Ok(Outcome::Certified)
}

/// The boundary is that of the relaxation, which features in fewer dimensions than its rank do not attain.
fn refuse_dimension(problem: &Problem) -> Result<(), Invalid> {
    match problem.model().features.dimension {
        Some(dimension) if dimension + 1 < problem.classes().count() => Err(Invalid::unavailable(
            Field::Dimension,
            format!("a phase boundary in {dimension} dimensions"),
            &[Word::Text(
                "remove the dimension: the boundary is that of features with at least as many dimensions as classes, less one",
            )],
        )),
        _ => Ok(()),
    }
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
