//! [`Problem`]: what is to be minimised. Immutable, and valid by construction.

mod family;
pub(crate) mod invalid;
mod loss;
mod partition;
pub mod profile;
pub(crate) mod synonyms;

pub use family::Family;
pub use invalid::ProblemError;
pub use loss::{Anchors, Loss, Singletons};
pub use partition::Partition;

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
}

impl Classes {
    /// Classes from sample counts, one an entry, in class order.
    ///
    /// # Errors
    /// [`ProblemError`] if there are fewer than two classes, or a count is 0 or above [`MAX_CLASS_SIZE`].
    pub fn from_counts(counts: &[u64]) -> Result<Self, ProblemError> {
        Self::from_runs(counts.iter().map(|&n| Run {
            size: n as f64,
            count: 1,
        }))
    }

    /// Classes from runs of equal counts; neighbouring runs of the same size are joined.
    ///
    /// # Errors
    /// As [`Classes::from_counts`].
    pub fn from_runs(runs: impl IntoIterator<Item = Run>) -> Result<Self, ProblemError> {
        Self::build(runs, Measure::Counts)
    }

    /// Classes from probabilities, which are rescaled to sum to exactly 1.
    ///
    /// # Errors
    /// [`ProblemError`] if there are fewer than two, one is not positive and finite, or the sum is not 1 within
    /// [`PROBABILITY_SUM_TOLERANCE`].
    pub fn from_probabilities(probabilities: &[f64]) -> Result<Self, ProblemError> {
        for (class, &value) in probabilities.iter().enumerate() {
            if !(value > 0.0 && value <= 1.0) {
                return Err(ProblemError::Probability {
                    class: class as u64,
                    value,
                });
            }
        }
        let sum: f64 = probabilities.iter().sum();
        if !probabilities.is_empty() && (sum - 1.0).abs() > PROBABILITY_SUM_TOLERANCE {
            return Err(ProblemError::ProbabilitySum { sum });
        }
        Self::build(
            probabilities.iter().map(|&p| Run {
                size: p / sum,
                count: 1,
            }),
            Measure::Probabilities,
        )
    }

    fn build(source: impl IntoIterator<Item = Run>, measure: Measure) -> Result<Self, ProblemError> {
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
                    return Err(ProblemError::Size {
                        class: count,
                        value: run.size,
                    });
                }
                if run.size > MAX_CLASS_SIZE {
                    return Err(ProblemError::SizeTooLarge {
                        class: count,
                        value: run.size,
                    });
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
            0 => Err(ProblemError::NoClasses),
            1 => Err(ProblemError::OneClass),
            _ => Ok(Self {
                runs,
                measure,
                count,
                largest,
                smallest,
            }),
        }
    }

    /// The runs, in the user's class order; neighbours differ in size.
    pub fn runs(&self) -> &[Run] {
        &self.runs
    }

    /// Counts or probabilities.
    pub fn measure(&self) -> Measure {
        self.measure
    }

    /// Number of classes `k >= 2`.
    pub fn count(&self) -> u64 {
        self.count
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

/// What an anchor meets in one step of training.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Batches {
    /// All samples, every time.
    #[default]
    Full,
    /// `size` examples drawn independently, with replacement: THEORY (11).
    Random {
        /// Examples in a batch `b`, [`BATCH_RANGE`].
        size: u64,
    },
}

/// Smallest and largest size of a random batch. With two examples no anchor has both a positive and a negative.
pub const BATCH_RANGE: (u64, u64) = (3, 1_000_000_000);

/// Smallest and largest number of sampled negatives.
pub const NEGATIVES_RANGE: (u64, u64) = (1, 1_000_000_000);

/// Everything about a problem except its classes. `Model::default()` is SupCon at temperature 0.1.
#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    /// Free text for reports. Default: none.
    pub title: Option<String>,
    /// Augmented views per example, at least 1; multiplies every class size. Default 1.
    pub views: u64,
    /// The loss. Default [`Loss::Supcon`].
    pub loss: Loss,
    /// Anchor weights. Default [`Anchors::Sample`].
    pub anchors: Anchors,
    /// What becomes of classes with one sample (after views). Default [`Singletons::Error`].
    pub singletons: Singletons,
    /// Temperature `tau`, in [`TEMPERATURE_RANGE`]. Default 0.1.
    pub temperature: f64,
    /// Sampled negatives of every anchor, for [`Loss::Nce`] and only there, in [`NEGATIVES_RANGE`]. Default none.
    pub negatives: Option<u64>,
    /// Batches. Default [`Batches::Full`].
    pub batches: Batches,
    /// Features are entrywise nonnegative (a ReLU after the encoder). Default false.
    pub nonnegative: bool,
    /// Dimension of the features, at least 1; `None` means as many as the optimum needs. Default `None`.
    pub dimension: Option<u64>,
}

impl Default for Model {
    fn default() -> Self {
        Self {
            title: None,
            views: 1,
            loss: Loss::Supcon,
            anchors: Anchors::Sample,
            singletons: Singletons::Error,
            temperature: 0.1,
            negatives: None,
            batches: Batches::Full,
            nonnegative: false,
            dimension: None,
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
    /// [`ProblemError`], naming the field, its value and the remedy.
    pub fn new(classes: Classes, model: Model) -> Result<Self, ProblemError> {
        let tau = model.temperature;
        if !(tau >= TEMPERATURE_RANGE.0 && tau <= TEMPERATURE_RANGE.1) {
            return Err(ProblemError::Temperature { value: tau });
        }
        if model.views == 0 {
            return Err(ProblemError::Views { value: model.views });
        }
        if model.dimension == Some(0) {
            return Err(ProblemError::Dimension);
        }
        let sampled = model.is_sampled();
        check_sampling(&model)?;
        match classes.measure {
            Measure::Probabilities => {
                if model.loss != Loss::Population && !sampled {
                    return Err(ProblemError::NeedsCounts { loss: model.loss });
                }
                if model.views != 1 && model.batches == Batches::Full {
                    return Err(ProblemError::ViewsOfProbabilities { value: model.views });
                }
            }
            Measure::Counts => {
                if classes.largest.1 * model.views as f64 > MAX_CLASS_SIZE {
                    let (class, size) = classes.largest;
                    return Err(ProblemError::SizeTooLarge {
                        class,
                        value: size * model.views as f64,
                    });
                }
                if model.loss.needs_positive() && !sampled {
                    if model.singletons == Singletons::Error && classes.smallest.1 * (model.views as f64) < 2.0 {
                        return Err(ProblemError::Singleton {
                            class: classes.smallest.0,
                            loss: model.loss,
                        });
                    }
                    if classes.largest.1 * (model.views as f64) < 2.0 {
                        return Err(ProblemError::NoAnchors);
                    }
                }
            }
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

impl Model {
    /// Whether the loss is an expectation over samples, THEORY (10) or (11), and not of the form (3).
    pub fn is_sampled(&self) -> bool {
        self.loss == Loss::Nce || self.batches != Batches::Full
    }
}

/// Conditions on negatives and batches, and on what they go with.
fn check_sampling(model: &Model) -> Result<(), ProblemError> {
    let range = |field, value: u64, (least, most): (u64, u64)| {
        if (least..=most).contains(&value) {
            Ok(())
        } else {
            Err(ProblemError::Draws {
                field,
                value: i128::from(value),
                least,
                most,
            })
        }
    };
    let conflict = |field, what: String, hint| Err(ProblemError::Conflict { field, what, hint });
    match (model.loss, model.negatives) {
        (Loss::Nce, None) => return Err(ProblemError::NegativesMissing),
        (Loss::Nce, Some(value)) => range("loss.negatives", value, NEGATIVES_RANGE)?,
        (loss, Some(value)) => {
            return conflict(
                "loss.negatives",
                format!("{value} negatives are given, and the loss {loss} has no sampled negatives"),
                "use the loss nce, or remove negatives",
            );
        }
        (_, None) => {}
    }
    if let Batches::Random { size } = model.batches {
        if model.loss == Loss::Nce {
            return conflict(
                "batches",
                format!("random batches of {size} are given, and the loss nce draws its own negatives"),
                "remove the batches, or use the loss supcon",
            );
        }
        if !matches!(model.loss, Loss::Supcon | Loss::Sincere) {
            return conflict(
                "loss.kind",
                format!("the loss {} has no expectation over random batches here", model.loss),
                "use supcon or sincere, or remove the batches",
            );
        }
        range("batches.size", size, BATCH_RANGE)?;
    }
    if model.is_sampled() && model.anchors == Anchors::Class {
        return conflict(
            "loss.anchors",
            "class-balanced anchors are given, and anchors of a sampled loss are drawn as often as their class"
                .to_owned(),
            "remove anchors, or use a full-batch loss",
        );
    }
    if model.is_sampled() && model.singletons != Singletons::Error {
        return conflict(
            "loss.singletons",
            "a rule for classes of one sample is given, and a sampled loss needs none: a draw may repeat".to_owned(),
            "remove singletons",
        );
    }
    Ok(())
}
