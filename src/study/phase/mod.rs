//! Phase boundaries: the imbalance ratio, and the temperatures, at which classes begin to share one vector.
//!
//! The optimum of THEORY (3) collapses a set `C` of classes into one vector iff, in the smaller problem where `C` is one
//! class,
//!
//! ```text
//! kappa_C = t_C^2 - beta_C >= 0   and   M is positive semidefinite.                                                  (8)
//! ```
//!
//! Along a line of problems (a ratio with the smallest size fixed, or a temperature) the boundary is a root of
//! `kappa_C`. `line` scans the line with the exact solver, finds the roots between points that differ, and has the solver
//! confirm each on both sides; `family` gives real-valued sizes at every ratio; `grid` does both for the diagram of ratio
//! and temperature.
//!
//! ```
//! use ufmin::study::phase::{self, Family, ScanSettings};
//! use ufmin::{Classes, Control, Model, Problem};
//!
//! // Two large and two small classes of 10 samples, at temperature 1.
//! let classes = Classes::from_counts(&[100, 100, 10, 10])?;
//! let problem = Problem::new(classes, Model { temperature: 1.0, ..Model::default() })?;
//! let family = Family::of_problem(&problem);
//! let phase = phase::over_ratio(&family, problem.model(), &ScanSettings::default(), None, &Control::default())?;
//! assert!((phase.threshold.unwrap() - 142.56968681).abs() < 1e-7);
//! assert_eq!(phase.collapsed, [[2, 3]]);
//! # Ok::<(), ufmin::Error>(())
//! ```

#[cfg(feature = "plot")]
mod diagram;
pub mod grid;
mod limit;
mod line;
mod report;
mod root;

pub use crate::problem::Family;
pub use grid::Grid;
pub use limit::{Never, large_ratio_limit, why_never};
pub use report::text;
pub(crate) use report::theorem;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::certificate::Verdict;
use crate::error::Error;
use crate::math::control::Control;
pub use crate::method::staircase::SHARED;
use crate::objective::{Coefficients, Sampled, real_coefficients};
use crate::problem::invalid::{self, Word};
use crate::problem::{BATCH_RANGE, NEGATIVES_RANGE, Sampling, TEMPERATURE_RANGE, Training};
use crate::problem::{Classes, Features, Field, FullBatch, Invalid, MAX_CLASS_SIZE, Measure, Model, Problem};
use crate::report::{MAX_LISTED_CLASSES, Name, ProblemReport};
use crate::solution::Method;
use crate::solve::{CrossCheckChoice, MethodChoice, Options, solve};
use crate::study::{Journal, Stop, Study, all_rows};
pub use line::{LEAST_WEIGHT, MAX_DECIDED};
use line::{Line, Setting, StateKind, Stretch};

/// Identifier of the JSON form.
pub const SCHEMA: &str = "ufmin/phase/1";

/// Where to look.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ScanSettings {
    /// Ratios, `1 <= low < high`. Default 1 to 1e9.
    pub ratios: (f64, f64),
    /// Temperatures, within [`TEMPERATURE_RANGE`]. Default 0.005 to 50.
    pub temperatures: (f64, f64),
    /// Whole numbers of sampled negatives, or of examples in a random batch; `None`: 1 to 4096 and 3 to 8192.
    pub draws: Option<(u64, u64)>,
    /// Points of the scan, evenly spaced in the logarithm, at least 3. Default 400. A collapsed stretch between two of them
    /// is found if `kappa` of the smallest classes has its only maximum there.
    pub points: usize,
}

/// The highest ratio of a scan under a loss that has a rule for it, and without.
const HIGHEST_RATIO: [f64; 2] = [1e9, 1e5];

impl ScanSettings {
    /// The ratios that are searched by default: as far as it can be decided which classes share a vector.
    pub fn default_ratios(family: &Family, model: &Model) -> (f64, f64) {
        let rule = match &model.training {
            Training::FullBatch(full) => {
                let unequal = family.groups() > 2;
                let mergeable = coefficients(family, full, model.views, 2.0, 1.0).mergeable;
                mergeable || !unequal
            }
            Training::Sampled(_) | Training::FixedBatches(_) => false,
        };
        (1.0, HIGHEST_RATIO[usize::from(!rule)])
    }
}

impl Default for ScanSettings {
    fn default() -> ScanSettings {
        ScanSettings {
            ratios: (1.0, 1e9),
            temperatures: (0.005, 50.0),
            draws: None,
            points: 400,
        }
    }
}

/// What is varied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Vary {
    /// The ratio of the largest to the smallest size; the smallest is fixed.
    Ratio,
    /// The temperature.
    Temperature,
    /// The number of sampled negatives of each anchor.
    Negatives,
    /// The examples in a random batch.
    BatchSize,
}

/// The phases of one line of problems.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Phase {
    /// [`SCHEMA`].
    pub schema: Name,
    /// Version of this crate.
    pub version: Name,
    /// What was varied.
    pub vary: Vary,
    /// The smallest ratio, or temperature, at which a set of classes shares one vector, if one was found.
    pub threshold: Option<f64>,
    /// No ratio (or no temperature) collapses any classes, for the reason of `never_because`.
    pub never: bool,
    /// What `never` rests on: a theorem about all ratios, or [`Never::ScanAndLimit`], the scan of `range` and the limit of
    /// large ratios. `None` unless `never`.
    pub never_because: Option<Never>,
    /// Ratios (or temperatures) at which the problem was solved to look for collapsed classes.
    pub scanned: u64,
    /// The inner product of two minority classes in the limit of large ratios, where a formula is known: see
    /// [`large_ratio_limit`]. `None` where the temperature varies.
    pub limit: Option<f64>,
    /// The sets of classes that collapse first: input order, 0-based.
    pub collapsed: Vec<Vec<u64>>,
    /// Number of classes in each set of `collapsed`; these are left out above 10,000 classes.
    pub collapsed_counts: Vec<u64>,
    /// All stretches within `range` in which classes are collapsed.
    pub intervals: Vec<[f64; 2]>,
    /// Stretches in which the exact solver has no regular optimum, no rule says which classes collapse, and there are more
    /// than [`MAX_DECIDED`] groups for the low-rank solver to say it, or weights of classes that differ by more than
    /// [`LEAST_WEIGHT`].
    pub undecided: Vec<[f64; 2]>,
    /// The methods by which it was decided where classes share a vector: `dual`, by a rule of the exact solver; `lowrank`, by
    /// vectors within [`SHARED`] of each other where no rule tells, which gives a boundary to some 1e-7 of itself.
    #[serde(default)]
    pub decided_by: Vec<Name>,
    /// The range searched. A stretch that ends there may go on.
    pub range: [f64; 2],
    /// What was held fixed.
    pub at: Fixed,
    /// The problem at the ratio of the classes that were given, in whole sizes; null where there is none. Nothing of it but the
    /// form of its sizes counts where the ratio varies.
    #[serde(default)]
    pub problem: Option<ProblemReport>,
    /// Whether all of the range was searched. If not, a stop request came before: `scanned` points were, and what is not known
    /// is null or empty.
    pub complete: bool,
    /// How far it came, where it is not complete.
    #[serde(skip)]
    pub stop: Option<Stop>,
    /// Problems of whole sizes next to the threshold, each solved and certified.
    pub certified: Vec<Neighbour>,
    /// Things the user should know.
    pub warnings: Vec<String>,
}

/// What does not vary.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[allow(missing_docs)] // As in the problem file.
pub struct Fixed {
    pub title: Option<String>,
    pub loss: Name,
    pub anchors: Name,
    pub views: u64,
    pub nonnegative: bool,
    /// `None` where it varies.
    pub temperature: Option<f64>,
    /// `None` where it varies.
    pub ratio: Option<f64>,
    /// Sampled negatives; `None` where they vary, and for losses without.
    #[serde(default)]
    pub negatives: Option<u64>,
    /// Examples in a random batch; `None` where it varies, and for other training.
    #[serde(default)]
    pub batch_size: Option<u64>,
    pub smallest: f64,
    pub class_count: u64,
    /// `(majority, minority)` counts where there are two sizes.
    pub step: Option<[u64; 2]>,
}

impl Fixed {
    /// What is fixed when both the ratio and the temperature vary.
    pub(crate) fn new(family: &Family, model: &Model) -> Fixed {
        Fixed {
            title: model.title.clone(),
            loss: model.training.loss().name().into(),
            anchors: model.training.anchors().name().into(),
            views: model.views,
            nonnegative: model.features.nonnegative,
            temperature: None,
            ratio: None,
            negatives: model.training.negatives(),
            batch_size: model.training.batch_size(),
            smallest: family.smallest(),
            class_count: family.classes(),
            step: family.step().map(|(majority, minority)| [majority, minority]),
        }
    }
}

/// A certified problem of whole sizes beside a threshold.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Neighbour {
    /// Its ratio.
    pub ratio: f64,
    /// What is proven of its optimum.
    pub verdict: Verdict,
    /// Whether classes share one vector.
    pub collapsed: bool,
}

/// Coefficients of a family at a ratio and a temperature, with so many views.
pub fn coefficients(family: &Family, full: &FullBatch, views: u64, ratio: f64, temperature: f64) -> Coefficients {
    let samples: Vec<f64> = family.sizes(ratio).iter().map(|n| n * views as f64).collect();
    let multiplicity: Vec<f64> = family.multiplicity().iter().map(|&m| m as f64).collect();
    real_coefficients(full, temperature, &samples, &multiplicity)
}

/// The training of a model whose phases can be found.
#[derive(Debug, Clone, Copy)]
enum Trained {
    FullBatch(FullBatch),
    Sampled(Sampling),
}

impl Trained {
    /// The problem of a family at a ratio and a temperature.
    fn setting(&self, family: &Family, views: u64, ratio: f64, temperature: f64) -> Setting {
        match self {
            Self::FullBatch(full) => Setting::FullBatch(coefficients(family, full, views, ratio, temperature)),
            Self::Sampled(sampling) => {
                let multiplicity: Vec<f64> = family.multiplicity().iter().map(|&m| m as f64).collect();
                let sizes = family.sizes(ratio);
                let sampled = Sampled::of_sizes(sampling, temperature, views, &sizes, &multiplicity);
                Setting::Sampled(Box::new(sampled))
            }
        }
    }

    fn full_batch(&self) -> Option<&FullBatch> {
        match self {
            Self::FullBatch(full) => Some(full),
            Self::Sampled(_) => None,
        }
    }
}

/// The same training with other negatives, or examples in a batch.
fn with_draws(training: &Training, draws: u64) -> Training {
    match training {
        Training::Sampled(Sampling::Negatives { .. }) => Training::Sampled(Sampling::Negatives { count: draws }),
        Training::Sampled(Sampling::RandomBatches { loss, power, .. }) => Training::Sampled(Sampling::RandomBatches {
            loss: *loss,
            size: draws,
            power: *power,
            replacement: true,
        }),
        other => other.clone(),
    }
}

/// The family at the ratio of a problem: its sizes are those that [`solve`](fn@crate::solve::solve) has, whole numbers, except for
/// STEP imbalance at any real ratio.
pub fn at_ratio_of(family: Family, problem: &Problem) -> Family {
    if family.step().is_some() {
        family
    } else {
        Family::of_problem(problem)
    }
}

/// Refuses a dimension in which the boundary is another: it is that of the relaxation, which features in fewer dimensions than
/// its rank do not attain.
///
/// # Errors
/// [`Invalid`].
pub fn check_dimension(problem: &Problem) -> Result<(), Invalid> {
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

/// What rows of one journal have in common: everything but the range and the number of points.
pub fn identity(family: &Family, model: &Model, vary: Vary) -> Value {
    let mut model = Model {
        title: None,
        ..model.clone()
    };
    let mut fixed = Fixed::new(family, &model);
    match vary {
        Vary::Ratio => fixed.temperature = Some(model.temperature),
        Vary::Temperature => {
            fixed.ratio = Some(family.ratio());
            model.temperature = 0.0;
        }
        Vary::Negatives | Vary::BatchSize => {
            fixed.ratio = Some(family.ratio());
            fixed.temperature = Some(model.temperature);
            (fixed.negatives, fixed.batch_size) = (None, None);
            model.training = with_draws(&model.training, 0);
        }
    }
    crate::study::identity("phase", &fixed, &json!({ "vary": vary }), &(family, &model))
}

/// The ratios at which classes collapse, at the temperature of the model.
///
/// # Errors
/// [`Error::Invalid`] for a family without a ratio, a range that is none, or a model that has no phases;
/// [`Error::Journal`] and [`Error::Write`] for the journal. A search that is stopped is no error: [`Phase::complete`] tells.
pub fn over_ratio(
    family: &Family,
    model: &Model,
    settings: &ScanSettings,
    journal: Option<&Journal>,
    control: &Control,
) -> Result<Phase, Error> {
    let trained = check(family, model, settings)?;
    let full = trained.full_batch();
    family.check_ratio_varies()?;
    let at = |x: f64| trained.setting(family, model.views, x.exp(), model.temperature);
    let mut phase = Phase {
        at: Fixed {
            temperature: Some(model.temperature),
            ..Fixed::new(family, model)
        },
        ..empty(Vary::Ratio, family, model, settings.ratios)
    };
    phase.limit = full.and_then(|full| large_ratio_limit(family, model, full));
    if model.features.nonnegative {
        return Ok(phase.without_collapse(Some(Never::NonnegativeFeatures)));
    }
    let line = Line {
        at: &at,
        whole: false,
        control,
    };
    if let Some(stop) = stopped_at(fill(&mut phase, family, &line, settings.points, journal))? {
        return Ok(phase.stopped(stop));
    }
    if phase.intervals.is_empty() && phase.undecided.is_empty() {
        let why = match full {
            Some(full) => why_never(family, model, full),
            None => limit::of_classes(family),
        };
        phase = phase.without_collapse(why);
    }
    // What the low-rank solver finds is no proof of a collapse on either side.
    let by_rule = phase.decided_by.iter().all(|method| *method == Method::Dual.name());
    if let Some(ratio) = phase.threshold.filter(|_| by_rule) {
        match neighbours(family, model, ratio, journal, control) {
            Ok(certified) => phase.certified = certified,
            stopped => {
                if let Some(stop) = stopped_at(stopped.map(drop))? {
                    return Ok(phase.stopped(stop));
                }
            }
        }
    }
    Ok(phase)
}

/// The temperatures at which classes collapse, at the given ratio of the family.
///
/// # Errors
/// As [`over_ratio`].
pub fn over_temperature(
    family: &Family,
    model: &Model,
    settings: &ScanSettings,
    journal: Option<&Journal>,
    control: &Control,
) -> Result<Phase, Error> {
    let trained = check(family, model, settings)?;
    let at = |x: f64| trained.setting(family, model.views, family.ratio(), x.exp());
    let mut phase = Phase {
        at: Fixed {
            ratio: Some(family.ratio()),
            ..Fixed::new(family, model)
        },
        ..empty(Vary::Temperature, family, model, settings.temperatures)
    };
    if model.features.nonnegative || family.ratio() == 1.0 {
        let why = if model.features.nonnegative {
            Never::NonnegativeFeatures
        } else {
            Never::EqualSizes
        };
        return Ok(phase.without_collapse(Some(why)));
    }
    let line = Line {
        at: &at,
        whole: false,
        control,
    };
    if let Some(stop) = stopped_at(fill(&mut phase, family, &line, settings.points, journal))? {
        return Ok(phase.stopped(stop));
    }
    if phase.intervals.is_empty() && phase.undecided.is_empty() {
        let why = match trained.full_batch() {
            Some(full) => limit::theorem(family, model, full),
            None => limit::of_classes(family),
        };
        phase = phase.without_collapse(why);
    }
    Ok(phase)
}

/// The numbers of sampled negatives, or of examples in a random batch, at which classes collapse, at the given ratio of the
/// family and the temperature of the model. Ends of intervals are whole numbers that belong to them.
///
/// # Errors
/// As [`over_ratio`]; [`Error::Invalid`] for a loss without such draws.
pub fn over_draws(
    family: &Family,
    model: &Model,
    settings: &ScanSettings,
    journal: Option<&Journal>,
    control: &Control,
) -> Result<Phase, Error> {
    let trained = check(family, model, settings)?;
    let (vary, (least, most), default) = match trained {
        Trained::Sampled(Sampling::Negatives { .. }) => (Vary::Negatives, NEGATIVES_RANGE, (1, 4096)),
        Trained::Sampled(Sampling::RandomBatches { .. }) => (Vary::BatchSize, BATCH_RANGE, (3, 8192)),
        Trained::Sampled(Sampling::ClassBalanced { .. }) | Trained::FullBatch(_) => {
            return Err(Invalid::conflict(
                Field::Loss,
                "the full batch has neither sampled negatives nor a size of its batches to vary",
                &[
                    Word::Text("use "),
                    Word::Set(Field::Loss, &["nce"]),
                    Word::Text(", or random batches"),
                ],
            )
            .into());
        }
    };
    let (low, high) = settings.draws.unwrap_or(default);
    if !(least <= low && low < high && high <= most) {
        let (value, least, most) = (format!("{low}..{high}"), least as f64, most as f64);
        return Err(Invalid::new(Field::Draws, invalid::Kind::Range { value, least, most }).into());
    }
    let at = |x: f64| {
        let draws = x.exp().round() as u64;
        let trained = match with_draws(&model.training, draws) {
            Training::Sampled(sampling) => Trained::Sampled(sampling),
            Training::FullBatch(_) | Training::FixedBatches(_) => trained,
        };
        trained.setting(family, model.views, family.ratio(), model.temperature)
    };
    let mut phase = Phase {
        at: Fixed {
            ratio: Some(family.ratio()),
            temperature: Some(model.temperature),
            negatives: None,
            batch_size: None,
            ..Fixed::new(family, model)
        },
        ..empty(vary, family, model, (low as f64, high as f64))
    };
    if let Some(why) = limit::of_classes(family) {
        return Ok(phase.without_collapse(Some(why)));
    }
    let line = Line {
        at: &at,
        whole: true,
        control,
    };
    if let Some(stop) = stopped_at(fill(&mut phase, family, &line, settings.points, journal))? {
        return Ok(phase.stopped(stop));
    }
    Ok(phase)
}

/// How far a part of a search came that was stopped; `None` where it came to its end.
fn stopped_at(found: Result<(), Error>) -> Result<Option<Stop>, Error> {
    match found {
        Ok(()) => Ok(None),
        Err(Error::Interrupted {
            points, done, total, ..
        }) => Ok(Some(Stop { points, done, total })),
        Err(error) => Err(error),
    }
}

/// The problem at the ratio of a family, in whole sizes.
pub(crate) fn restated(family: &Family, model: &Model) -> Option<ProblemReport> {
    let runs = family.rounded(family.ratio());
    let classes = match family.measure() {
        Measure::Counts => Classes::from_runs(runs),
        Measure::Probabilities if family.classes() <= MAX_LISTED_CLASSES => {
            let sizes = family.sizes(family.ratio());
            let mut of_class = vec![0.0; family.classes() as usize];
            for (group, &size) in sizes.iter().enumerate() {
                for class in family.members(&[group]) {
                    of_class[class as usize] = size;
                }
            }
            let sum: f64 = of_class.iter().sum();
            let shares: Vec<f64> = of_class.iter().map(|size| size / sum).collect();
            Classes::from_probabilities(&shares)
        }
        Measure::Probabilities => return None,
    };
    classes.ok().map(|classes| ProblemReport::new(&classes, model))
}

impl Phase {
    /// A search that came so far.
    fn stopped(self, stop: Stop) -> Phase {
        let scanned = if stop.points == line::SCAN {
            stop.done
        } else {
            self.scanned
        };
        Phase {
            complete: false,
            scanned,
            stop: Some(stop),
            ..self
        }
    }

    /// With what is known about why it found nothing.
    fn without_collapse(self, why: Option<Never>) -> Phase {
        Phase {
            never: why.is_some(),
            never_because: why,
            ..self
        }
    }
}

fn empty(vary: Vary, family: &Family, model: &Model, range: (f64, f64)) -> Phase {
    Phase {
        schema: SCHEMA.into(),
        version: env!("CARGO_PKG_VERSION").into(),
        vary,
        threshold: None,
        never: false,
        never_because: None,
        scanned: 0,
        limit: None,
        collapsed: Vec::new(),
        collapsed_counts: Vec::new(),
        intervals: Vec::new(),
        undecided: Vec::new(),
        decided_by: Vec::new(),
        range: [range.0, range.1],
        at: Fixed::new(family, model),
        problem: restated(family, model),
        complete: true,
        stop: None,
        certified: Vec::new(),
        warnings: Vec::new(),
    }
}

/// Scans the line over the logarithm of the range and writes down what it finds.
fn fill(
    phase: &mut Phase,
    family: &Family,
    line: &Line<'_>,
    points: usize,
    journal: Option<&Journal>,
) -> Result<(), Error> {
    let [low, high] = phase.range;
    let samples = line.scan(low.ln(), high.ln(), points, journal)?;
    phase.scanned = samples.len() as u64;
    let methods: BTreeSet<&str> = samples.iter().filter_map(|sample| sample.state.decided_by()).collect();
    phase.decided_by = methods.into_iter().map(Name::from).collect();
    let stretches = line.stretches(&samples, journal)?;
    // The ends of the range come back as they were given.
    let end = |x: f64| match x {
        x if x == low.ln() => low,
        x if x == high.ln() => high,
        x if line.whole => x.exp().round(),
        x => x.exp(),
    };
    let stretches_of = |kind: StateKind| stretches.iter().filter(move |stretch| stretch.kind == kind);
    let ends = |stretch: &Stretch| [end(stretch.from), end(stretch.to)];
    phase.intervals = stretches_of(StateKind::Collapsed).map(ends).collect();
    phase.undecided = stretches_of(StateKind::Undecided).map(ends).collect();
    phase.threshold = phase.intervals.first().map(|interval| interval[0]);
    if let Some(first) = stretches_of(StateKind::Collapsed).next() {
        let counts = |set: &Vec<usize>| set.iter().map(|&g| family.multiplicity()[g]).sum();
        phase.collapsed_counts = first.sets.iter().map(counts).collect();
        if family.classes() <= MAX_LISTED_CLASSES {
            phase.collapsed = first.sets.iter().map(|set| family.members(set)).collect();
        }
    }
    if stretches_of(StateKind::Undecided).next().is_some() {
        phase.warnings.push(format!(
            "for {} with {} anchors no rule says which classes share a vector in the undecided stretches, and the low-rank solver \
             does not say it above {MAX_DECIDED} sizes, or where the weights of classes differ by more than {:e}",
            phase.at.loss,
            phase.at.anchors,
            1.0 / LEAST_WEIGHT
        ));
    }
    Ok(())
}

/// The problems of whole sizes on both sides of a threshold, solved and certified, where the nearest are STEP problems
/// within a thousandth of it.
fn neighbours(
    family: &Family,
    model: &Model,
    threshold: f64,
    journal: Option<&Journal>,
    control: &Control,
) -> Result<Vec<Neighbour>, Error> {
    let smallest = family.smallest();
    let largest = smallest * threshold;
    let near = largest >= 1000.0 && (largest + 1.0) * model.views as f64 <= MAX_CLASS_SIZE;
    if family.step().is_none() || family.measure() != Measure::Counts || smallest.fract() != 0.0 || !near {
        return Ok(Vec::new());
    }
    let mut sizes = vec![largest.ceil() - 1.0, largest.floor() + 1.0];
    sizes.dedup();
    // Whether features of the wanted dimension attain the optimum is another question.
    let model = Model {
        features: Features {
            dimension: None,
            ..model.features
        },
        ..model.clone()
    };
    let study = Certified {
        family,
        model: &model,
        sizes,
    };
    all_rows(&study, journal, control)
}

/// Problems whose largest classes have these sizes, as a study.
struct Certified<'a> {
    family: &'a Family,
    model: &'a Model,
    sizes: Vec<f64>,
}

impl Study for Certified<'_> {
    const POINTS: &'static str = "neighbours of the threshold";
    type Point = (&'static str, f64);
    type Row = Neighbour;

    fn points(&self) -> Vec<Self::Point> {
        self.sizes.iter().map(|&size| ("certified", size)).collect()
    }

    fn run(&self, &(_, size): &Self::Point, control: &Control) -> Result<Neighbour, Error> {
        let options = Options {
            method: MethodChoice::Dual,
            cross_check: CrossCheckChoice::Never,
            ..Options::default()
        };
        let ratio = size / self.family.smallest();
        let classes = Classes::from_runs(self.family.rounded(ratio))?;
        let solved = solve(&Problem::new(classes, self.model.clone())?, &options, control)?;
        if control.stop().is_some() {
            return Err(line::stopped());
        }
        Ok(Neighbour {
            ratio,
            verdict: solved.certificate.verdict,
            collapsed: !solved.solution.clusters.is_empty(),
        })
    }

    fn check(&self, &(_, size): &Self::Point, row: &Neighbour) -> Result<(), String> {
        if row.ratio == size / self.family.smallest() {
            return Ok(());
        }
        Err(format!("it is not the neighbour with {size} samples"))
    }
}

/// Most points of a search; a solve each.
pub const MAX_POINTS: usize = 1_000_000;

/// Ratios that can be searched.
const RATIO_RANGE: (f64, f64) = (1.0, 1e12);

fn check_range(field: Field, (low, high): (f64, f64), (least, most): (f64, f64)) -> Result<(), Invalid> {
    if low >= least && low < high && high <= most {
        return Ok(());
    }
    let value = format!("{low}..{high}");
    Err(Invalid::new(field, invalid::Kind::Range { value, least, most }))
}

/// The training of a model whose phases can be found.
fn check(family: &Family, model: &Model, settings: &ScanSettings) -> Result<Trained, Error> {
    // The sizes along a family are real numbers, of which no subsets are drawn.
    if model.training.replacement() == Some(false) {
        return Err(Invalid::conflict(
            Field::Replacement,
            "phase boundaries are over real class sizes, and batches without replacement need whole samples",
            &[Word::Text(
                "draw with replacement, or look at single problems with `ufmin solve`",
            )],
        )
        .into());
    }
    let trained = match &model.training {
        Training::FullBatch(full) => Trained::FullBatch(*full),
        Training::FixedBatches(_) => {
            return Err(Invalid::conflict(
                Field::Batches,
                "phase boundaries are those of the full batch, and fixed batches are given, whose samples no ratio can vary",
                &[Word::Text("remove the batches")],
            )
            .into());
        }
        Training::Sampled(sampling @ (Sampling::Negatives { .. } | Sampling::RandomBatches { .. })) => {
            Trained::Sampled(*sampling)
        }
        Training::Sampled(Sampling::ClassBalanced { .. }) => {
            return Err(Invalid::conflict(
                Field::BatchClasses,
                "class-balanced batches have the simplex ETF as their optimum at any ratio: there is no phase boundary",
                &[Word::Text("remove the batches")],
            )
            .into());
        }
    };
    check_range(Field::Ratios, settings.ratios, RATIO_RANGE)?;
    check_range(Field::Temperatures, settings.temperatures, TEMPERATURE_RANGE)?;
    if !(3..=MAX_POINTS).contains(&settings.points) {
        let (value, least, most) = (settings.points.to_string(), 3.0, MAX_POINTS as f64);
        return Err(Invalid::new(Field::Points, invalid::Kind::Range { value, least, most }).into());
    }
    let largest = family.smallest() * model.views as f64;
    if let Trained::FullBatch(full) = trained
        && full.loss.needs_positive()
        && largest < 2.0
    {
        return Err(Invalid::unavailable(
            Field::Classes,
            format!(
                "a phase boundary under {} with classes of fewer than 2 samples",
                full.loss
            ),
            &[Word::Text(
                "start from a smallest class of 2 samples or more, or set views = 2",
            )],
        )
        .into());
    }
    Ok(trained)
}
