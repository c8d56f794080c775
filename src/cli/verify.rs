//! `ufmin verify`: is every local minimum global?

use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::{Args, ValueEnum};
use ufmin::error::Error;
use ufmin::files::npy;
use ufmin::files::{prepare_folder, write_atomically};
use ufmin::math::control::Control;
use ufmin::problem::{Features, Model, Problem};
use ufmin::report::Report;
use ufmin::solve::{Solved, solve};
use ufmin::spec::{CrossCheckChoice, SolverTable};
use ufmin::study::landscape::{self, Journal, Landscape, Level, Settings, SweepReport, VerifyReport};

use super::failure::Failure;
use super::pictures::PictureArgs;
use super::problem_args::{ProblemArgs, whole_number};
use super::watch::{Watched, set_threads, watch};
use super::{Outcome, print_data};

/// Look for local minima that are not global
///
/// Minimises the non-convex loss over unit features from random starts, classifies every end point by its gradient and
/// the smallest eigenvalue of its Hessian, and compares the minima with the certified optimum of the convex relaxation.
/// Exit status: 0 no spurious local minimum, 1 some were found (or the optimum is not certified, or more than 5% of the
/// starts did not converge), 2 error. Ctrl-C with --output keeps the finished starts; the same command goes on from them.
#[derive(Debug, Args)]
#[command(mut_arg("dimension", |arg| arg
    .help("Dimension of the features, or a range of them, both ends included, such as 2..8 [default: classes + 1]")
    .value_name("D|A..B")))]
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
    /// Threads to use [default: all cores]; the result does not depend on it
    #[arg(long, value_name = "N", value_parser = whole_number, help_heading = "Search", allow_hyphen_values = true)]
    threads: Option<i64>,
    /// What to print
    #[arg(long, value_enum, default_value_t = Format::Text, help_heading = "Output")]
    format: Format,
    /// Folder for result.json, starts.jsonl, worst.npy, and gaps, traces and gram as .png and .svg; made if missing
    #[arg(short, long, value_name = "DIR", help_heading = "Output")]
    output: Option<PathBuf>,
    #[command(flatten)]
    pictures: PictureArgs,
    /// Print nothing but errors; the exit status tells
    #[arg(short, long, help_heading = "Output")]
    quiet: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum LevelChoice {
    Sample,
    Class,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A report to read
    Text,
    /// One JSON object, schema ufmin/verify/1 (ufmin/verify-sweep/1 for a range of dimensions)
    Json,
}

pub(crate) fn run(arguments: &VerifyArgs) -> Result<Outcome, Failure> {
    let settings = Settings {
        starts: at_least("--starts", arguments.starts, 1)?,
        seed: at_least("--seed", arguments.seed, 0)?,
        level: match arguments.level {
            LevelChoice::Sample => Level::Sample,
            LevelChoice::Class => Level::Class,
        },
        ..Settings::default()
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
    if let Some(threads) = arguments.threads {
        set_threads(threads)?;
    }
    if let Some(folder) = &arguments.output {
        prepare_folder(folder)?;
    }
    let Watched { control, bar } = watch(settings.starts, "starts")?;
    let optimum = solve(&problem, &options, &control.unobserved())?;
    let search = Searcher {
        problem: &problem,
        optimum: &optimum,
        settings: &settings,
        folder: arguments.output.as_deref(),
        control: &control,
    };
    let outcome = |passes: bool| {
        if passes {
            Outcome::Certified
        } else {
            Outcome::NotCertified
        }
    };
    if range.is_none() {
        let found = search.run(first, "starts.jsonl");
        bar.finish_and_clear();
        let (landscape, report) = found?;
        if let Some(folder) = search.folder {
            search.write(folder, &arguments.pictures, &landscape, &report)?;
        }
        if !arguments.quiet {
            match arguments.format {
                Format::Text => print_data(&landscape::text(&report))?,
                Format::Json => print_data(&report.to_json())?,
            }
        }
        return Ok(outcome(report.passes()));
    }
    let mut rows = Vec::new();
    for dimension in first..=last {
        bar.set_message(format!("starts in dimension {dimension}"));
        bar.set_position(0);
        let found = search.run(dimension, &format!("starts-{dimension}.jsonl"));
        if found.is_err() {
            bar.finish_and_clear();
        }
        rows.push(found?.1);
    }
    bar.finish_and_clear();
    let report = SweepReport::new(rows);
    if let Some(folder) = search.folder {
        write_atomically(&folder.join("result.json"), report.to_json().as_bytes())?;
        let chart = landscape::sweep_chart(&problem, &report);
        if let Some(chart) = chart {
            arguments.pictures.write(folder, "sweep", &chart)?;
        }
    }
    if !arguments.quiet {
        match arguments.format {
            Format::Text => print_data(&landscape::sweep_text(&report))?,
            Format::Json => print_data(&report.to_json())?,
        }
    }
    Ok(outcome(report.rows.iter().all(VerifyReport::passes)))
}

/// What all dimensions share.
struct Searcher<'a> {
    problem: &'a Problem,
    optimum: &'a Solved,
    settings: &'a Settings,
    folder: Option<&'a Path>,
    control: &'a Control,
}

impl Searcher<'_> {
    fn run(&self, dimension: u64, journal: &str) -> Result<(Landscape, VerifyReport), Error> {
        let clock = Instant::now();
        let journal = match self.folder {
            Some(folder) => {
                let problem = Report::new(self.problem, self.optimum, false)?.problem;
                Some(Journal::open(
                    &folder.join(journal),
                    &problem,
                    dimension,
                    self.settings,
                )?)
            }
            None => None,
        };
        let landscape = landscape::verify(
            self.problem,
            self.optimum,
            dimension,
            self.settings,
            journal.as_ref(),
            self.control,
        )?;
        let seconds = clock.elapsed().as_secs_f64();
        let report = VerifyReport::new(self.problem, self.optimum, self.settings, &landscape, seconds)?;
        Ok((landscape, report))
    }

    fn write(
        &self,
        folder: &Path,
        pictures: &PictureArgs,
        landscape: &Landscape,
        report: &VerifyReport,
    ) -> Result<(), Error> {
        if let Some(worst) = landscape.worst() {
            let features = landscape::features(
                self.problem,
                self.optimum,
                landscape.dimension,
                self.settings,
                worst.index,
                self.control,
            )?;
            write_atomically(&folder.join("worst.npy"), &npy::matrix_bytes(&features))?;
        }
        pictures.write(folder, "gaps", &landscape::gap_chart(self.problem, landscape))?;
        pictures.write(folder, "traces", &landscape::trace_chart(self.problem, landscape))?;
        if let Some(heatmap) = landscape::gram_heatmap(self.problem, self.optimum, landscape) {
            pictures.write(folder, "gram", &heatmap)?;
        }
        write_atomically(&folder.join("result.json"), report.to_json().as_bytes())
    }
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
