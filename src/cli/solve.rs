//! `ufmin solve`: the main job.

use std::borrow::Cow;
use std::path::Path;

use clap::{Args, ValueEnum};
use nalgebra::DMatrix;
use ufmin::cross_entropy::CrossEntropy;
use ufmin::error::{Error, Word};
use ufmin::files::npy;
use ufmin::files::write_atomically;
use ufmin::measure::embedding::{self, Embedding};
use ufmin::measure::schedule::{self, ClassMeans};
#[cfg(feature = "conic")]
use ufmin::method::conic;
use ufmin::problem::{FullBatch, Measure, Partition, Problem, Training};
use ufmin::program::{Program, SampleEntries, lift_samples};
use ufmin::report::audit::audited_features;
use ufmin::report::{Report, certificate_arrays, structure_arrays};
use ufmin::solve::{CrossCheckChoice, MethodChoice, Options, Solved, solve};
use ufmin::spec::{self, SolverTable};

use super::Outcome;
use super::cross_entropy;
use super::failure::Failure;
use super::problem_args::{ProblemArgs, number};
use super::session::{SessionArgs, without_csv};

/// Largest array that is written, in bytes.
const MAX_ARRAY_BYTES: f64 = 4e9;

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
    let by_sample = match (&problem.model().training, arguments.level) {
        (Training::FixedBatches(_), _) | (_, Level::Class) => None,
        (_, Level::Sample) => Some(check_samples(&problem)?),
    };
    let dimension = arguments.padded(&problem)?;
    let session = arguments.session.start()?.saying(&slow(&problem, &options));
    let solved = solve(&problem, &options, session.control())?;
    let mut report = Report::new(&problem, &solved, arguments.full_gram)?
        .in_convention(&problem, convention)
        .with_batch_mean(&problem);
    let sample_gram = match by_sample {
        Some(full) => Some(sample_gram(&problem, &full, &solved)),
        None if few_samples(&solved) => schedule::sample_gram(&problem, &solved.certificate.gram),
        None => None,
    };
    report.warnings.splice(0..0, arguments.problem.notes());
    if let Some(samples) = &sample_gram {
        report = report.at_sample_level(samples);
    }
    if let Some(folder) = session.folder() {
        let embedding = match report.embedding.take() {
            None if small_enough(&problem, &solved) => Some(audited_features(&problem, &solved)?),
            made => made,
        };
        if let Some(samples) = &sample_gram {
            write_atomically(&folder.join("sample_gram.npy"), &npy::matrix_bytes(samples))?;
        }
        write_output(folder, &problem, &solved, (embedding.as_ref(), dimension), &mut report)?;
    }
    session.keep("result", &report)?;
    session.finish(&report, None, None)
}

impl SolveArgs {
    /// The number of rows that embeddings.npy is filled up to.
    fn padded(&self, problem: &Problem) -> Result<Option<usize>, Failure> {
        match problem.model().features.dimension {
            _ if !self.pad => Ok(None),
            Some(dimension) if embedding::bytes(dimension, problem.classes().count()) <= MAX_ARRAY_BYTES => {
                Ok(Some(dimension as usize))
            }
            Some(dimension) => Err(Error::TooLarge {
                what: format!("embeddings.npy in dimension {dimension}"),
                bytes: embedding::bytes(dimension, problem.classes().count()),
                limit: MAX_ARRAY_BYTES,
                hint: &[Word::Text("give a smaller dimension, or leave out the padding")],
            }
            .into()),
            None => Err(Failure::usage(
                "--pad",
                "features are to be filled up with zeros, and no dimension is given",
                "give it, as --dimension 128",
            )),
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
    let full = match &problem.model().training {
        Training::FullBatch(full) => *full,
        // A schedule is solved by samples, whatever the level.
        Training::FixedBatches(_) | Training::Sampled(_) => {
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
    lift_samples(&program, &SampleEntries { values })
}

/// Whether the points of a schedule are so few that all their inner products are listed.
fn few_samples(solved: &Solved) -> bool {
    solved.certificate.gram.partition().classes() as f64 <= MAX_SAMPLES
}

/// Whether arrays with a row and a column for every class are written, and features.
fn small_enough(problem: &Problem, solved: &Solved) -> bool {
    let classes = problem.classes().count();
    let features = embedding::bytes(solved.rank, solved.certificate.gram.partition().classes());
    embedding::bytes(classes, classes).max(features) <= MAX_ARRAY_BYTES
}

/// Writes the output folder. Arrays that are too large are left out, with a warning in the report.
fn write_output(
    folder: &Path,
    problem: &Problem,
    solved: &Solved,
    (embedding, dimension): (Option<&Embedding>, Option<usize>),
    report: &mut Report,
) -> Result<(), Error> {
    let gram = &solved.certificate.gram;
    let classes = problem.classes().count();
    write_atomically(
        &folder.join("structure.npz"),
        &npy::npz_bytes(&structure_arrays(problem, solved)),
    )?;
    write_atomically(
        &folder.join("certificate.npz"),
        &npy::npz_bytes(&certificate_arrays(problem, solved)),
    )?;
    if let Some(cells) = schedule::sample_cells(problem, gram).filter(|_| !few_samples(solved)) {
        write_atomically(&folder.join("cells.npy"), &npy::indices_bytes(&cells))?;
        if gram.partition().groups() as f64 <= MAX_SAMPLES {
            write_atomically(&folder.join("cell_gram.npy"), &npy::matrix_bytes(&gram.values()))?;
        }
    }
    let means = ClassMeans::new(problem, solved);
    let class_gram = means.as_ref().map_or(gram, |means| &means.gram);
    if let Some(embedding) = embedding {
        write_atomically(&folder.join("gram.npy"), &npy::matrix_bytes(&class_gram.to_dense()))?;
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
        let features = match schedule::batches(problem) {
            Some(batches) => {
                let order = schedule::sample_order(batches, problem.model().views);
                Cow::Owned(embedding.features.select_columns(&order))
            }
            None => Cow::Borrowed(&embedding.features),
        };
        let features = match dimension.filter(|&dimension| dimension > features.nrows()) {
            Some(dimension) => Cow::Owned(features.into_owned().resize_vertically(dimension, 0.0)),
            None => features,
        };
        write_atomically(&folder.join("embeddings.npy"), &npy::matrix_bytes(&features))?;
    } else {
        report.warnings.push(format!(
            "gram.npy and embeddings.npy are not written: {classes} x {classes} numbers take {:.0} GB; structure.npz holds every entry by groups",
            embedding::bytes(classes, classes) / 1e9
        ));
    }
    Ok(())
}
