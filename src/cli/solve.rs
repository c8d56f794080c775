//! `ufmin solve`: the main job.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};
use nalgebra::DMatrix;
use ufmin::error::{Error, Word};
use ufmin::files::npy;
use ufmin::files::{prepare_folder, write_atomically};
use ufmin::math::control::Control;
use ufmin::measure::embedding::{self, Embedding};
use ufmin::problem::{FullBatch, Measure, Problem, Training};
use ufmin::program::{Entries, Program, lift_samples};
use ufmin::report::audit::audit_features;
use ufmin::report::picture::Picture;
use ufmin::report::text;
use ufmin::report::{Report, certificate_arrays, structure_arrays};
use ufmin::solve::{Solved, solve};
use ufmin::spec::{CrossCheckChoice, SolverTable};

use super::failure::Failure;
use super::pictures::PictureArgs;
use super::problem_args::{ProblemArgs, number, whole_number};
use super::watch::{interrupt_flag, set_threads};
use super::{Outcome, print_data};

/// Largest array that is written, in bytes.
const MAX_ARRAY_BYTES: f64 = 4e9;

/// Find the global minimiser and prove it
///
/// Prints the loss, the angles between class means, collapsed classes and the certificate. Exit status: 0 certified,
/// 1 solved but not certified (or the rank exceeds --dimension), 2 error.
#[derive(Debug, Args)]
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
    /// Stop after this many seconds and report what is proven by then
    #[arg(long, value_name = "SECONDS", value_parser = number, help_heading = "Solver", allow_hyphen_values = true)]
    time_limit: Option<f64>,
    /// Threads to use [default: all cores]
    #[arg(long, value_name = "N", value_parser = whole_number, help_heading = "Solver", allow_hyphen_values = true)]
    threads: Option<i64>,
    /// What to print
    #[arg(long, value_enum, default_value_t = Format::Text, help_heading = "Output")]
    format: Format,
    /// Folder for result.json, gram.npy, embeddings.npy, gram.png, gram.svg, structure.npz, certificate.npz; made if missing
    #[arg(short, long, value_name = "DIR", help_heading = "Output")]
    output: Option<PathBuf>,
    #[command(flatten)]
    pictures: PictureArgs,
    /// class: inner products of classes; sample: of all samples too (up to 64 in the JSON, 4000 in sample_gram.npy)
    #[arg(long, value_enum, default_value_t = Level::Class, help_heading = "Output")]
    level: Level,
    /// List matrices of any size in the JSON
    #[arg(long, help_heading = "Output")]
    full_gram: bool,
    /// Print nothing but errors; the exit status tells
    #[arg(short, long, conflicts_with = "verbose", help_heading = "Output")]
    quiet: bool,
    /// Print more about how the answer was found
    #[arg(short, long, help_heading = "Output")]
    verbose: bool,
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

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A report to read
    Text,
    /// One JSON object, schema ufmin/solve/1
    Json,
}

pub(crate) fn run(arguments: &SolveArgs) -> Result<Outcome, Failure> {
    let (problem, mut options) = arguments.problem.resolve(&SolverTable {
        method: arguments.method.clone(),
        tolerance: arguments.tolerance,
    })?;
    options.cross_check = match arguments.cross_check {
        CrossCheck::Auto => CrossCheckChoice::Auto,
        CrossCheck::Always => CrossCheckChoice::Always,
        CrossCheck::Never => CrossCheckChoice::Never,
    };
    if arguments.full_gram {
        refuse_large("--full-gram", problem.classes().count())?;
    }
    let by_sample = match arguments.level {
        Level::Sample => Some(check_samples(&problem)?),
        Level::Class => None,
    };
    if let Some(threads) = arguments.threads {
        set_threads(threads)?;
    }
    let (control, bar) = control(arguments)?;
    // Opened before the long solve: a folder that cannot be written is known now.
    if let Some(folder) = &arguments.output {
        prepare_folder(folder)?;
    }
    let solved = solve(&problem, &options, &control);
    if let Some(bar) = bar {
        bar.finish_and_clear();
    }
    let solved = solved?;
    let mut report = Report::new(&problem, &solved, arguments.full_gram)?;
    let sample_gram = by_sample.map(|full| sample_gram(&problem, &full, &solved));
    if let Some(samples) = &sample_gram {
        report = report.at_sample_level(samples);
    }
    if let Some(folder) = &arguments.output {
        let embedding = small_enough(&problem).then(|| embedding::features(&problem, &solved));
        if let Some(embedding) = &embedding {
            audit_features(&problem, &solved, embedding)?;
        }
        if let Some(samples) = &sample_gram {
            write_atomically(&folder.join("sample_gram.npy"), &npy::matrix_bytes(samples))?;
        }
        write_output(folder, &problem, &solved, embedding.as_ref(), &mut report)?;
        let heatmap = Picture::of_gram(&problem, &solved.certificate.gram).heatmap();
        arguments.pictures.write(folder, "gram", &heatmap)?;
    }
    if !arguments.quiet {
        match arguments.format {
            Format::Text => print_data(&text::render(&report, arguments.verbose, colour()))?,
            Format::Json => print_data(&report.to_json())?,
        }
    }
    Ok(if solved.is_certified() {
        Outcome::Certified
    } else {
        Outcome::NotCertified
    })
}

/// Colour on a terminal only, and not where NO_COLOR is set.
fn colour() -> bool {
    std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

fn refuse_large(what: &str, rows: u64) -> Result<(), Error> {
    let bytes = embedding::bytes(rows, rows);
    if bytes <= MAX_ARRAY_BYTES {
        return Ok(());
    }
    Err(Error::TooLarge {
        what: format!("{what} with {rows} rows"),
        bytes,
        limit: MAX_ARRAY_BYTES,
        hint: &[Word::Text(
            "leave it out: structure.npz (with --output) holds every entry by groups",
        )],
    })
}

/// Most samples whose inner products are listed.
const MAX_SAMPLES: f64 = 4000.0;

/// The training of a problem whose inner products of all samples can be listed.
fn check_samples(problem: &Problem) -> Result<FullBatch, Failure> {
    let full = match problem.model().training {
        Training::FullBatch(full) => full,
        Training::Sampled(_) => {
            return Err(Failure::usage(
                "--level",
                "a sample level of a sampled loss is not available in this version",
                "use --level class: samples of a class coincide",
            ));
        }
    };
    if problem.classes().measure() == Measure::Probabilities {
        return Err(Failure::usage(
            "--level",
            "a sample level of class probabilities is not available in this version",
            "give class sizes",
        ));
    }
    let runs = problem.classes().runs().iter();
    let samples: f64 = runs.map(|run| problem.samples(run.size) * run.count as f64).sum();
    if samples > MAX_SAMPLES {
        return Err(Error::TooLarge {
            what: format!("--level sample with {samples} samples"),
            bytes: 8.0 * samples * samples,
            limit: 8.0 * MAX_SAMPLES * MAX_SAMPLES,
            hint: &[Word::Text("use --level class: samples of a class coincide")],
        }
        .into());
    }
    Ok(full)
}

/// Inner products of all samples, class-major.
fn sample_gram(problem: &Problem, full: &FullBatch, solved: &Solved) -> DMatrix<f64> {
    let gram = &solved.certificate.gram;
    let partition = gram.partition();
    let program = Program::on_partition(problem, full, partition.clone());
    let layout = program.layout();
    let mut values = program.layout().collapsed(&gram.values());
    for g in 0..program.groups() {
        values[layout.within(g)] = solved.solution.within_class[g];
    }
    lift_samples(&program, &Entries { values })
}

/// Ctrl-C, the time limit, and a progress line on a terminal.
fn control(arguments: &SolveArgs) -> Result<(Control, Option<ProgressBar>), Failure> {
    let mut control = Control::with_interrupt(interrupt_flag()?);
    if let Some(seconds) = arguments.time_limit {
        if seconds.is_nan() || seconds <= 0.0 {
            // A number of hundreds of digits is told in short.
            let shown = if seconds.abs() < 1e16 {
                seconds.to_string()
            } else {
                format!("{seconds:e}")
            };
            return Err(Failure::usage(
                "--time-limit",
                format!("the time limit is {shown} seconds"),
                "give a positive number of seconds",
            ));
        }
        control = control.with_time_limit(Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX));
    }
    if arguments.quiet || !std::io::stderr().is_terminal() {
        return Ok((control, None));
    }
    let bar = ProgressBar::new_spinner();
    bar.set_style(
        ProgressStyle::with_template("{spinner} {msg} [{elapsed}]")
            .unwrap_or_else(|_| ProgressStyle::default_spinner()),
    );
    let shown = bar.clone();
    let control = control.with_observer(move |progress| {
        shown.set_message(format!(
            "{}, iteration {}, {:.1e}",
            progress.stage, progress.iterations, progress.measure
        ));
        shown.tick();
    });
    Ok((control, Some(bar)))
}

/// Whether arrays with a row and a column for every class are written.
fn small_enough(problem: &Problem) -> bool {
    let classes = problem.classes().count();
    embedding::bytes(classes, classes) <= MAX_ARRAY_BYTES
}

/// Writes the output folder. Arrays that are too large are left out, with a warning in the report.
fn write_output(
    folder: &Path,
    problem: &Problem,
    solved: &Solved,
    embedding: Option<&Embedding>,
    report: &mut Report,
) -> Result<(), Error> {
    let gram = &solved.certificate.gram;
    let classes = gram.partition().classes();
    write_atomically(
        &folder.join("structure.npz"),
        &npy::npz_bytes(&structure_arrays(problem, solved)),
    )?;
    write_atomically(
        &folder.join("certificate.npz"),
        &npy::npz_bytes(&certificate_arrays(problem, solved)),
    )?;
    if let Some(embedding) = embedding {
        write_atomically(&folder.join("gram.npy"), &npy::matrix_bytes(&gram.to_dense()))?;
        if embedding.discarded > 1e-6 {
            report.warnings.push(format!(
                "embeddings.npy leaves out eigenvalues of sum {:.1e}",
                embedding.discarded
            ));
        }
        if solved.dimension_search.is_none()
            && let Some(dimension) = problem.model().features.dimension.filter(|&d| d < solved.rank)
        {
            report.warnings.push(format!(
                "embeddings.npy has {} dimensions, not {dimension}: cutting the optimum down would not give the best features of that dimension",
                solved.rank
            ));
        }
        write_atomically(&folder.join("embeddings.npy"), &npy::matrix_bytes(&embedding.features))?;
    } else {
        report.warnings.push(format!(
            "gram.npy and embeddings.npy are not written: {classes} x {classes} numbers take {:.0} GB; structure.npz holds every entry by groups",
            embedding::bytes(classes, classes) / 1e9
        ));
    }
    write_atomically(&folder.join("result.json"), report.to_json().as_bytes())
}
