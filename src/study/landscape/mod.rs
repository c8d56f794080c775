//! The landscape of the non-convex problem: local minimisation from many starts, and what the end points are.
//!
//! ```text
//! minimise  L(H^T H)   over  H in R^{d x n} with unit columns
//! ```
//!
//! at sample level (`n` samples, no collapse assumed) or class level (`n = k` class vectors). The relaxation over Gram
//! matrices is solved and certified elsewhere; here it is the yardstick. In enough dimensions every local minimum is
//! global (THEORY 7, \[Behnia2024\]); in fewer there are others, and they are found and told apart.
//!
//! A start goes through L-BFGS (`descent.rs`, by argmin) and a Riemannian trust region to a stationary point, whose
//! [`curvature()`] decides whether it is a local minimum; a saddle is left along its negative curvature a few times. Minima
//! are grouped up to permutations of classes of equal size (`distinct.rs`). [`verify`] is a [`Study`] whose points are starts;
//! each is a function of the seed, the dimension and its number. [`check_gradient`] and [`check_hessian`] test the derivatives
//! of any cost.

mod checkers;
mod curvature;
mod descent;
mod distinct;
mod found;
#[cfg(feature = "plot")]
mod pictures;
mod report;
mod search;
mod start;
mod together;

use std::ops::Range;

use nalgebra::DMatrix;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

pub use checkers::{Check, check_gradient, check_hessian};
pub use curvature::{Curvature, curvature};
pub use found::{Landscape, Minimum};
pub use report::{IterationsTo, OptimumReport, SCHEMA, SWEEP_SCHEMA, SweepReport, VerifyReport, sweep_text, text};
pub use search::{Found, search};
pub use start::{EndKind, MILESTONES, Start};

use crate::error::Error;
use crate::gram::Partition;
use crate::math::control::Control;
use crate::objective::{Objective, SampleLoss, Sampled};
use crate::problem::invalid::{self, Hint, Word};
use crate::problem::{Features, Field, FullBatchLoss, Invalid, Model, Problem, Training};
use crate::program::Program;
use crate::report::ProblemReport;
use crate::solve::{Options, Solved};
use crate::study::{Journal, Study, rows};
use start::Ground;

/// Most columns of the features: samples, or classes at class level.
pub const MAX_COLUMNS: u64 = 3000;

/// Most memory for finished starts, in bytes.
const MAX_BYTES: f64 = 16e9;

/// Most dimensions of the features. More than there are columns change nothing.
pub const MAX_DIMENSION: u64 = 3000;

/// Most numbers in the features, `n d`.
pub const MAX_NUMBERS: u64 = 1_000_000;

/// Relative gap up to which an end point counts as global, and relative difference of losses of distinct minima.
pub const GLOBAL: f64 = 1e-6;

/// Largest difference of entries of class Gram matrices of one minimum.
pub const SAME_GRAM: f64 = 1e-3;

/// What the columns of the features are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// All samples: no collapse is assumed.
    Sample,
    /// One vector a class.
    Class,
}

impl Level {
    /// The name used on the command line and in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sample => "sample",
            Self::Class => "class",
        }
    }
}

/// How the landscape is searched. Tolerances are relative: losses to the optimal excess (to `max(1, |loss|)` without a
/// floor), gradients and eigenvalues to the multipliers of the columns, see [`curvature()`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SearchSettings {
    /// Number of starts, at least 1. Default 200.
    #[serde(skip)]
    pub starts: u64,
    /// Seed of all random numbers. Default 0.
    pub seed: u64,
    /// Samples or classes. Default [`Level::Sample`].
    pub level: Level,
    /// L-BFGS stops at a gradient of the logarithm of the excess (of the loss, without a floor) below this. Default 1e-5.
    pub descent_tolerance: f64,
    /// Most iterations of L-BFGS. Default 3000.
    pub max_iterations: u64,
    /// The trust region stops at a relative gradient below this. Default 1e-9.
    pub polish_tolerance: f64,
    /// Most steps of the trust region after L-BFGS and after every escape. Default 200.
    pub max_polish: usize,
    /// Relative gradient of a stationary point. Default 1e-6.
    pub gradient_tolerance: f64,
    /// An eigenvalue of the Hessian below minus this is negative. Default 1e-6.
    pub curvature_tolerance: f64,
    /// How often a start may leave a saddle. Default 10.
    pub max_escapes: u64,
}

impl Default for SearchSettings {
    fn default() -> Self {
        Self {
            starts: 200,
            seed: 0,
            level: Level::Sample,
            descent_tolerance: 1e-5,
            max_iterations: 3000,
            polish_tolerance: 1e-9,
            max_polish: 200,
            gradient_tolerance: 1e-6,
            curvature_tolerance: 1e-6,
            max_escapes: 10,
        }
    }
}

/// What starts of one journal have in common: everything but their number and the dimension.
pub fn identity(problem: &Problem, options: &Options, settings: &SearchSettings) -> Value {
    let model = Model {
        title: None,
        features: Features {
            dimension: None,
            ..problem.model().features
        },
        ..problem.model().clone()
    };
    let mut of_settings = json!(settings);
    of_settings["method"] = json!(format!("{:?}", options.method));
    of_settings["tolerance"] = json!(options.tolerance);
    crate::study::identity(
        "verify",
        &ProblemReport::new(problem.classes(), &model),
        &of_settings,
        &(problem.classes(), &model),
    )
}

/// Searches the landscape of `problem` in `dimension` dimensions from `settings.starts` starts, until it is asked to stop.
/// `optimum` is the solution of the relaxation. With a journal, starts that are in it are not run again, and every finished
/// one is added.
///
/// # Errors
/// [`Error::Invalid`] for problems that have no such landscape here, [`Error::TooLarge`]; [`Error::Journal`] and
/// [`Error::Write`] for the journal; [`Error::Contradiction`] for a start that ended below the proven bound of `optimum`.
pub fn verify(
    problem: &Problem,
    optimum: &Solved,
    dimension: u64,
    settings: &SearchSettings,
    journal: Option<&Journal>,
    control: &Control,
) -> Result<Landscape, Error> {
    let mut found = verify_all(problem, optimum, &[dimension], settings, journal, control)?;
    Ok(found.remove(0))
}

/// The same in each of several dimensions, one study of `dimensions.len() * settings.starts` starts.
///
/// # Errors
/// As [`verify`].
pub fn verify_all(
    problem: &Problem,
    optimum: &Solved,
    dimensions: &[u64],
    settings: &SearchSettings,
    journal: Option<&Journal>,
    control: &Control,
) -> Result<Vec<Landscape>, Error> {
    check_starts(problem, dimensions, settings)?;
    dispatch(
        problem,
        optimum,
        dimensions,
        settings,
        Search {
            optimum,
            journal,
            control,
        },
    )
}

/// The features (d x n) at the end of start `index`: the same that [`verify`] came to.
///
/// # Errors
/// As [`verify`].
pub fn features(
    problem: &Problem,
    optimum: &Solved,
    dimension: u64,
    settings: &SearchSettings,
    index: u64,
    control: &Control,
) -> Result<DMatrix<f64>, Error> {
    dispatch(problem, optimum, &[dimension], settings, FeaturesOf { index, control })
}

/// Checks what [`verify`] checks before it starts.
///
/// # Errors
/// [`Error::Invalid`] and [`Error::TooLarge`].
pub fn check(problem: &Problem, dimension: u64, level: Level) -> Result<(), Error> {
    if problem.model().features.nonnegative {
        let source = Invalid::unavailable(
            Field::Nonnegative,
            "the landscape of nonnegative features",
            &[
                Word::Text("leave out the constraint; the optimum with it is the orthogonal frame, see "),
                Word::Verb("solve"),
            ],
        );
        return Err(source.into());
    }
    if matches!(problem.model().training, Training::FixedBatches(_)) {
        return Err(no_landscape_of_batches().into());
    }
    if dimension == 0 {
        return Err(Invalid::new(Field::Dimension, invalid::Kind::TooSmall { value: 0, least: 1 }).into());
    }
    let runs = problem.classes().runs().iter();
    let columns: f64 = match level {
        Level::Class => problem.classes().count() as f64,
        Level::Sample => runs.map(|run| problem.samples(run.size) * run.count as f64).sum(),
    };
    let numbers = columns * dimension as f64;
    let (what, hint): (_, Hint) = match level {
        Level::Sample => (
            "samples",
            &[
                Word::Text("use "),
                Word::Set(Field::Level, &["class"]),
                Word::Text(", which has one column a class, or smaller classes of the same proportions"),
            ],
        ),
        Level::Class => (
            "classes",
            &[
                Word::Text("use fewer classes or dimensions: "),
                Word::Verb("solve"),
                Word::Text(" has the global optimum of any number"),
            ],
        ),
    };
    let too_large = |bytes: f64, limit: f64| Error::TooLarge {
        what: format!("the landscape of {columns} {what} in {dimension} dimensions"),
        bytes,
        limit,
        hint,
    };
    // Some ten matrices of columns x columns, and the pairs of L-BFGS.
    if columns > MAX_COLUMNS as f64 {
        return Err(too_large(80.0 * columns * columns, 80.0 * (MAX_COLUMNS as f64).powi(2)));
    }
    if numbers > MAX_NUMBERS as f64 {
        return Err(too_large(400.0 * numbers, 400.0 * MAX_NUMBERS as f64));
    }
    // The axes of rotations are some eight matrices of d x d.
    let d = dimension as f64;
    if dimension > MAX_DIMENSION {
        return Err(too_large(64.0 * d * d, 64.0 * (MAX_DIMENSION as f64).powi(2)));
    }
    Error::within_memory(
        || format!("the landscape of {columns} {what} in {dimension} dimensions"),
        80.0 * columns * columns + 400.0 * numbers + 64.0 * d * d,
        hint,
    )?;
    if level == Level::Sample {
        SampleLoss::new(problem)?;
    }
    Ok(())
}

/// Bytes that finished starts take, which are all kept, with the points that the search is made of.
fn check_starts(problem: &Problem, dimensions: &[u64], settings: &SearchSettings) -> Result<(), Error> {
    // Class means twice, the path of the loss, and what is counted.
    let of_start = |&dimension: &u64| 16.0 * problem.classes().count() as f64 * dimension as f64 + 2500.0;
    let starts = settings.starts as f64;
    let bytes = starts * dimensions.iter().map(of_start).sum::<f64>();
    let what = || format!("a search from {starts} starts in {} dimensions", dimensions.len());
    let hint: Hint = &[Word::Text(
        "begin with fewer starts: a search in the same folder goes on from those that are finished",
    )];
    if bytes > MAX_BYTES {
        return Err(Error::TooLarge {
            what: what(),
            bytes,
            limit: MAX_BYTES,
            hint,
        });
    }
    Error::within_memory(what, bytes, hint)
}

/// Something to do with the grounds of several dimensions, whatever the type of their objective.
trait Task {
    type Output;
    fn run<O: Objective<Entries = DMatrix<f64>>>(self, grounds: &[Ground<'_, O>]) -> Result<Self::Output, Error>;
}

fn dispatch<T: Task>(
    problem: &Problem,
    optimum: &Solved,
    dimensions: &[u64],
    settings: &SearchSettings,
    task: T,
) -> Result<T::Output, Error> {
    for &dimension in dimensions {
        check(problem, dimension, settings.level)?;
    }
    let model = problem.model();
    // The walls of `together.rs`: sincere measures every positive by itself, nscl has no floor.
    let walled = match &model.training {
        Training::FullBatch(full) => match full.loss {
            FullBatchLoss::Supcon | FullBatchLoss::Population | FullBatchLoss::Bcl => true,
            FullBatchLoss::Sincere | FullBatchLoss::Nscl => false,
        },
        Training::Sampled(_) | Training::FixedBatches(_) => false,
    };
    let temperature = walled.then_some(model.temperature);
    match settings.level {
        Level::Sample => {
            let loss = SampleLoss::new(problem)?;
            let classes: Vec<Range<usize>> = loss.classes().collect();
            task.run(&grounds(&loss, classes, optimum, dimensions, settings, temperature))
        }
        Level::Class => {
            let partition = Partition::singletons(problem);
            let classes: Vec<Range<usize>> = (0..partition.groups()).map(|class| class..class + 1).collect();
            match &model.training {
                Training::FullBatch(full) => {
                    let program = Program::on_partition(problem, full, partition);
                    let loss = program.class_level();
                    task.run(&grounds(&loss, classes, optimum, dimensions, settings, temperature))
                }
                Training::Sampled(sampling) => {
                    sampling.check_terms(partition.sizes(), &partition.multiplicity_f64())?;
                    let loss = Sampled::on_partition(problem, sampling, &partition);
                    task.run(&grounds(&loss, classes, optimum, dimensions, settings, temperature))
                }
                Training::FixedBatches(_) => Err(no_landscape_of_batches().into()),
            }
        }
    }
}

fn no_landscape_of_batches() -> Invalid {
    Invalid::unavailable(
        Field::Batches,
        "the landscape of fixed batches",
        &[Word::Text("remove the batches, for the landscape of the full batch")],
    )
}

fn grounds<'a, O: Objective<Entries = DMatrix<f64>>>(
    objective: &'a O,
    classes: Vec<Range<usize>>,
    optimum: &Solved,
    dimensions: &[u64],
    settings: &'a SearchSettings,
    temperature: Option<f64>,
) -> Vec<Ground<'a, O>> {
    let certificate = &optimum.certificate;
    let log_scale = certificate.log_excess.unwrap_or(0.0);
    let (value, gap_scale) = match certificate.log_excess {
        Some(_) => (1.0, 1.0),
        None => (certificate.loss, certificate.loss.abs().max(1.0)),
    };
    let gram = certificate.gram.to_dense();
    let ground = |&dimension: &u64| Ground {
        objective,
        classes: classes.clone(),
        dimension: dimension as usize,
        log_scale,
        optimum: value,
        gap_scale,
        temperature,
        gram: gram.clone(),
        settings,
    };
    dimensions.iter().map(ground).collect()
}

struct FeaturesOf<'a> {
    index: u64,
    control: &'a Control,
}

impl Task for FeaturesOf<'_> {
    type Output = DMatrix<f64>;

    fn run<O: Objective<Entries = DMatrix<f64>>>(self, grounds: &[Ground<'_, O>]) -> Result<DMatrix<f64>, Error> {
        grounds[0]
            .run(self.index, &self.control.unobserved())
            .map(|(_, features)| features)
            .ok_or(STOPPED)
    }
}

const STOPPED: Error = Error::Stopped {
    what: "a local minimum",
};

struct Search<'a> {
    optimum: &'a Solved,
    journal: Option<&'a Journal>,
    control: &'a Control,
}

impl Task for Search<'_> {
    type Output = Vec<Landscape>;

    fn run<O: Objective<Entries = DMatrix<f64>>>(self, grounds: &[Ground<'_, O>]) -> Result<Vec<Landscape>, Error> {
        let mut runs = rows(&Starts { grounds }, self.journal, self.control)?.into_iter();
        let certificate = &self.optimum.certificate;
        let landscape = |ground: &Ground<'_, O>| {
            let starts = ground.settings.starts as usize;
            let runs: Vec<Start> = runs.by_ref().take(starts).flatten().collect();
            for run in &runs {
                let log_excess = certificate.log_excess.unwrap_or(0.0) + run.relative_gap.ln_1p();
                certificate.admits(&format!("start {} of the landscape", run.index), run.loss, log_excess)?;
            }
            Ok(Landscape::new(ground, self.optimum, runs))
        };
        grounds.iter().map(landscape).collect()
    }
}

/// The starts in all dimensions, as a study. A point is a dimension and the number of a start.
struct Starts<'a, 'b, O> {
    grounds: &'a [Ground<'b, O>],
}

impl<O: Objective<Entries = DMatrix<f64>>> Study for Starts<'_, '_, O> {
    const POINTS: &'static str = "starts";
    type Point = (usize, u64);
    type Row = Start;

    fn points(&self) -> Vec<(usize, u64)> {
        let starts = |ground: &Ground<'_, O>| {
            let dimension = ground.dimension;
            (0..ground.settings.starts).map(move |index| (dimension, index))
        };
        self.grounds.iter().flat_map(starts).collect()
    }

    fn run(&self, &(dimension, index): &(usize, u64), control: &Control) -> Result<Start, Error> {
        let ground = self.grounds.iter().find(|ground| ground.dimension == dimension);
        let found = ground.and_then(|ground| ground.run(index, control));
        found.map(|(run, _)| run).ok_or(STOPPED)
    }

    fn check(&self, &(dimension, index): &(usize, u64), run: &Start) -> Result<(), String> {
        let classes = self.grounds.first().map_or(0, |ground| ground.classes.len());
        if run.index != index {
            Err(format!("it is not start {index}"))
        } else if run.means.len() != classes || run.means.iter().any(|mean| mean.len() != dimension) {
            Err("its class means have another shape".to_owned())
        } else {
            Ok(())
        }
    }
}
