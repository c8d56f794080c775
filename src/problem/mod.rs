//! [`Problem`]: what is to be minimised. Immutable, and valid by construction.

pub mod batches;
pub mod convention;
mod family;
pub mod invalid;
pub mod label;
mod loss;
mod order;
mod partition;
pub(crate) mod portions;
pub mod profile;
pub(crate) mod synonyms;
pub mod training;

use std::sync::Arc;

use crate::math::sum::compensated_sum;
#[cfg(feature = "files")]
pub(crate) use batches::no_sample;
pub use batches::{Batches, FixedBatches, Unused};
pub use convention::{Convention, Reduction};
pub use family::Family;
use invalid::Word;
pub use invalid::{Field, Invalid, Kind};
pub use label::Label;
pub use loss::Loss;
pub use order::{MAX_EXAMPLES, SampleOrder};
pub use partition::Partition;

pub use training::{Anchors, BatchLoss, FullBatch, FullBatchLoss, Sampling, Singletons, Training};

/// The least temperature of nscl on drawn batches: two of its inner products differ by up to 2, and `e^(2/tau)` is a number.
pub const MIN_BATCH_NSCL_TEMPERATURE: f64 = 0.004;

/// Smallest and largest temperature that the arithmetic is tested for.
pub const TEMPERATURE_RANGE: (f64, f64) = (1e-4, 1e4);

/// Largest admissible number of samples in a class: 2^53, up to which `f64` holds every integer.
pub const MAX_CLASS_SIZE: f64 = 9_007_199_254_740_992.0;

/// Tolerance on the sum of class probabilities; within it they are rescaled to sum to 1.
pub const PROBABILITY_SUM_TOLERANCE: f64 = 1e-9;

/// A run of consecutive classes of equal size, in the user's class order.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Run {
    /// Samples in each class (an integer), or the probability of each class.
    pub size: f64,
    /// Number of classes in the run, at least 1.
    pub count: u64,
}

/// Whether the classes are given by sample counts or by probabilities.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measure {
    /// Integer sample counts.
    Counts,
    /// Positive reals that sum to 1: the limit of infinitely many samples.
    Probabilities,
}

/// The classes in the user's order, run-length encoded: 10^6 classes in two blocks are two runs.
#[derive(Debug, Clone, PartialEq)]
pub struct Classes {
    runs: Vec<Run>,
    measure: Measure,
    count: u64,
    /// `(class, size)` of the first largest and the first smallest class.
    largest: (u64, f64),
    smallest: (u64, f64),
    labels: Option<Arc<[Label]>>,
}

impl Classes {
    /// Classes from sample counts, one an entry, in class order.
    ///
    /// # Errors
    /// [`Invalid`] if there are fewer than two classes, or a count is 0 or above [`MAX_CLASS_SIZE`].
    pub fn from_counts(counts: &[u64]) -> Result<Self, Invalid> {
        Self::from_runs(counts.iter().map(|&n| Run {
            size: n as f64,
            count: 1,
        }))
    }

    /// Classes from runs of equal counts; neighbouring runs of the same size are joined.
    ///
    /// # Errors
    /// As [`Classes::from_counts`].
    pub fn from_runs(runs: impl IntoIterator<Item = Run>) -> Result<Self, Invalid> {
        Self::build(runs, Measure::Counts)
    }

    /// Classes from probabilities, which are rescaled to sum to exactly 1.
    ///
    /// # Errors
    /// [`Invalid`] if there are fewer than two, one is not positive and finite, or the sum is not 1 within
    /// [`PROBABILITY_SUM_TOLERANCE`].
    pub fn from_probabilities(probabilities: &[f64]) -> Result<Self, Invalid> {
        Self::of_probabilities(probabilities, false)
    }

    /// Classes from frequencies, which are divided by their sum: for numbers that were printed with a few digits.
    ///
    /// # Errors
    /// [`Invalid`] if there are fewer than two, or one is not above 0 and at most 1.
    pub fn from_frequencies(frequencies: &[f64]) -> Result<Self, Invalid> {
        Self::of_probabilities(frequencies, true)
    }

    fn of_probabilities(probabilities: &[f64], normalise: bool) -> Result<Self, Invalid> {
        for (class, &value) in probabilities.iter().enumerate() {
            if !(value > 0.0 && value <= 1.0) {
                return Err(Invalid::new(Field::Probability(class as u64), Kind::Probability(value)));
            }
        }
        let sum = compensated_sum(probabilities.iter().copied());
        if !normalise && !probabilities.is_empty() && (sum - 1.0).abs() > PROBABILITY_SUM_TOLERANCE {
            return Err(Invalid::new(Field::Probabilities, Kind::Sum(sum)));
        }
        // What was divided by its sum before is left as it is, so that a stored problem is the same again.
        let sum = if (sum - 1.0).abs() <= 2.0 * f64::EPSILON {
            1.0
        } else {
            sum
        };
        Self::build(
            probabilities.iter().map(|&p| Run {
                size: p / sum,
                count: 1,
            }),
            Measure::Probabilities,
        )
    }

    fn build(source: impl IntoIterator<Item = Run>, measure: Measure) -> Result<Self, Invalid> {
        let mut runs: Vec<Run> = Vec::new();
        let mut count = 0u64;
        let mut largest = (0, f64::NEG_INFINITY);
        let mut smallest = (0, f64::INFINITY);
        for run in source {
            if run.count == 0 {
                continue;
            }
            if measure == Measure::Counts {
                if run.size < 1.0 || run.size.fract() != 0.0 || run.size.is_nan() {
                    return Err(Invalid::new(Field::Size(count), Kind::Size(invalid::short(run.size))));
                }
                if run.size > MAX_CLASS_SIZE {
                    return Err(Invalid::new(Field::Size(count), Kind::TooManySamples(run.size)));
                }
            }
            if run.size > largest.1 {
                largest = (count, run.size);
            }
            if run.size < smallest.1 {
                smallest = (count, run.size);
            }
            count += run.count;
            match runs.last_mut() {
                Some(last) if last.size == run.size => last.count += run.count,
                _ => runs.push(run),
            }
        }
        match count {
            0 => Err(Invalid::new(Field::Classes, Kind::Missing(None))),
            1 => Err(Invalid::new(Field::Classes, Kind::OneClass)),
            _ => Ok(Self {
                runs,
                measure,
                count,
                largest,
                smallest,
                labels: None,
            }),
        }
    }

    /// The runs, in the user's class order; neighbours differ in size.
    pub fn runs(&self) -> &[Run] {
        &self.runs
    }

    /// The same classes with what the data set calls them, in their order.
    ///
    /// # Panics
    /// If there are not as many labels as classes.
    #[must_use]
    pub fn with_labels(self, labels: Vec<Label>) -> Self {
        assert_eq!(labels.len() as u64, self.count, "every class has a label");
        let labels = Some(labels.into());
        Self { labels, ..self }
    }

    /// What the data set calls the classes, if it is known.
    pub fn labels(&self) -> Option<&[Label]> {
        self.labels.as_deref()
    }

    /// Counts or probabilities.
    pub fn measure(&self) -> Measure {
        self.measure
    }

    /// Number of classes `k >= 2`.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The class of every example in class-major order: as many entries as there are samples before views.
    pub fn class_of_examples(&self) -> impl Iterator<Item = u32> + '_ {
        self.sizes()
            .zip(0..)
            .flat_map(|(size, class)| std::iter::repeat_n(class, size as usize))
    }

    /// Sizes one by one, in the user's class order.
    pub fn sizes(&self) -> impl Iterator<Item = f64> + '_ {
        self.runs
            .iter()
            .flat_map(|run| std::iter::repeat_n(run.size, run.count as usize))
    }

    /// Size of the largest class divided by that of the smallest.
    pub fn ratio(&self) -> f64 {
        self.largest.1 / self.smallest.1
    }
}

/// Smallest and largest size of a random batch. With two examples no anchor has both a positive and a negative.
pub const BATCH_RANGE: (u64, u64) = (3, 1_000_000_000);

/// Smallest and largest power of class sizes by which random batches draw classes.
pub const POWER_RANGE: (f64, f64) = (0.0, 1.0);

/// Smallest and largest number of classes in a class-balanced batch. With one class no anchor has a negative.
pub const BATCH_CLASSES_RANGE: (u64, u64) = (2, 1_000_000);

/// Smallest and largest number of examples of each class in a class-balanced batch.
pub const PER_CLASS_RANGE: (u64, u64) = (1, 1_000_000_000);

/// Smallest and largest number of sampled negatives.
pub const NEGATIVES_RANGE: (u64, u64) = (1, 1_000_000_000);

/// What features may be. The default is any unit vectors, in as many dimensions as the optimum needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Features {
    /// Features are entrywise nonnegative (a ReLU after the encoder). Default false.
    pub nonnegative: bool,
    /// Their dimension, at least 1; `None` means as many as the optimum needs. Default `None`.
    pub dimension: Option<u64>,
}

impl Features {
    /// Features of a dimension, without a sign constraint.
    pub fn of_dimension(dimension: u64) -> Self {
        Self {
            dimension: Some(dimension),
            ..Self::default()
        }
    }

    /// Nonnegative features.
    pub fn nonnegative() -> Self {
        Self {
            nonnegative: true,
            ..Self::default()
        }
    }
}

/// Everything about a problem except its classes. `Model::default()` is SupCon at temperature 0.1.
#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    /// Free text for reports. Default: none.
    pub title: Option<String>,
    /// Augmented views per example, at least 1; multiplies every class size. Default 1.
    pub views: u64,
    /// Temperature `tau`, in [`TEMPERATURE_RANGE`]. Default 0.1.
    pub temperature: f64,
    /// The loss and what it sees of the data. Default: supcon on the full batch.
    pub training: Training,
    /// Constraints on the features. Default: none.
    pub features: Features,
}

impl Default for Model {
    fn default() -> Self {
        Self {
            title: None,
            views: 1,
            temperature: 0.1,
            training: Training::default(),
            features: Features::default(),
        }
    }
}

/// A problem of the unconstrained features model: minimise THEORY (1) (or a relative of it) over unit features.
#[derive(Debug, Clone, PartialEq)]
pub struct Problem {
    classes: Classes,
    model: Model,
}

impl Problem {
    /// Checks every condition that the mathematics needs.
    ///
    /// # Errors
    /// [`Invalid`], naming the field, its value and the remedy.
    pub fn new(classes: Classes, model: Model) -> Result<Self, Invalid> {
        let tau = model.temperature;
        if !(tau >= TEMPERATURE_RANGE.0 && tau <= TEMPERATURE_RANGE.1) {
            let (least, most) = TEMPERATURE_RANGE;
            let value = invalid::short(tau);
            return Err(Invalid::new(Field::Temperature, Kind::Range { value, least, most }));
        }
        if model.views == 0 {
            return Err(Invalid::new(Field::Views, Kind::TooSmall { value: 0, least: 1 }));
        }
        if model.features.dimension == Some(0) {
            return Err(Invalid::new(Field::Dimension, Kind::TooSmall { value: 0, least: 1 }));
        }
        model.training.check()?;
        if tau < MIN_BATCH_NSCL_TEMPERATURE && model.training.is_nscl_in_batches() {
            let (least, most) = (MIN_BATCH_NSCL_TEMPERATURE, TEMPERATURE_RANGE.1);
            let value = invalid::short(tau);
            return Err(Invalid::new(Field::Temperature, Kind::Range { value, least, most }));
        }
        check_sizes(&classes, &model).map_err(|error| error.among(classes.labels()))?;
        if let Training::FixedBatches(fixed) = &model.training {
            check_examples(&classes, &fixed.batches)?;
        }
        Ok(Self { classes, model })
    }

    /// The classes, in the user's order.
    pub fn classes(&self) -> &Classes {
        &self.classes
    }

    /// Loss, temperature and constraints.
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// Samples per class with views counted, `n_c`, from the size the user gave; a probability stays what it is.
    pub fn samples(&self, size: f64) -> f64 {
        match self.classes.measure {
            Measure::Counts => size * self.model.views as f64,
            Measure::Probabilities => size,
        }
    }
}

/// The classes are ones that the training can have.
fn check_sizes(classes: &Classes, model: &Model) -> Result<(), Invalid> {
    let views = model.views;
    match classes.measure {
        Measure::Counts if classes.largest.1 * views as f64 > MAX_CLASS_SIZE => {
            let (class, size) = classes.largest;
            return Err(Invalid::new(
                Field::Size(class),
                Kind::TooManySamples(size * views as f64),
            ));
        }
        Measure::Counts | Measure::Probabilities => {}
    }
    match (&model.training, classes.measure) {
        (Training::FullBatch(full), Measure::Counts) if full.loss.needs_positive() => {
            let samples = |(_, size): (u64, f64)| size * views as f64;
            if full.singletons == Singletons::Error && samples(classes.smallest) < 2.0 {
                let field = Field::Size(classes.smallest.0);
                return Err(Invalid::new(field, Kind::NoPositive(Some(full.loss))));
            }
            if samples(classes.largest) < 2.0 {
                return Err(Invalid::new(Field::Classes, Kind::NoPositive(None)));
            }
            Ok(())
        }
        (Training::FullBatch(full), Measure::Probabilities) if full.loss.needs_positive() => Err(Invalid::conflict(
            Field::Loss,
            format!(
                "the loss {} needs class sizes, and only probabilities are given",
                full.loss
            ),
            &[Word::Text(
                "use the loss population or nce, random batches, or give sizes",
            )],
        )),
        (Training::FullBatch(_) | Training::Sampled(Sampling::Negatives { .. }), Measure::Probabilities)
            if views != 1 =>
        {
            Err(Invalid::conflict(
                Field::Views,
                format!(
                    "{views} views are given with class probabilities, for which views mean nothing without random batches"
                ),
                &[Word::Text("remove views")],
            ))
        }
        (&Training::Sampled(Sampling::ClassBalanced { classes: drawn, .. }), _) if drawn > classes.count() => {
            Err(Invalid::conflict(
                Field::BatchClasses,
                format!(
                    "{drawn} different classes are to be in a batch, and there are {}",
                    classes.count()
                ),
                &[Word::Text("give at most as many as there are classes")],
            ))
        }
        (&Training::Sampled(Sampling::ClassBalanced { per_class: 1, .. }), _) if views == 1 => Err(Invalid::conflict(
            Field::PerClass,
            "one example of each class is in a batch, and none has a positive",
            &[
                Word::Text("set "),
                Word::Set(Field::PerClass, &["2"]),
                Word::Text(", or give views"),
            ],
        )),
        (
            Training::Sampled(Sampling::RandomBatches {
                size,
                replacement: false,
                ..
            }),
            _,
        ) => portions::check(classes, *size, views),
        // Anchors without a positive in their batch are skipped, whole classes if need be.
        (Training::FullBatch(_) | Training::Sampled(_) | Training::FixedBatches(_), _) => Ok(()),
    }
}

/// The batches number the samples of these classes.
fn check_examples(classes: &Classes, batches: &Batches) -> Result<(), Invalid> {
    let (needed, given) = (SampleOrder::class_major(classes)?.examples(), batches.examples());
    if needed == given {
        return Ok(());
    }
    Err(Invalid::conflict(
        Field::Batches,
        format!("the batches are of {given} samples, and the classes have {needed}"),
        &[Word::Text("give the classes from which the batches were drawn")],
    ))
}
