//! [`Training`]: what a loss sees of the data, with what each kind of training needs and nothing else.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::invalid::{Word, short};
use super::{BATCH_CLASSES_RANGE, BATCH_RANGE, NEGATIVES_RANGE, PER_CLASS_RANGE, POWER_RANGE};
use super::{Batches, Field, FixedBatches, Invalid, Kind, Loss, portions};

/// The losses of the form (3): every anchor meets all samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FullBatchLoss {
    /// Supervised contrastive loss \[Khosla2020\]: `D` = all samples but `i`, `m_l = 1`. `s = n - 1`, `a = n`.
    Supcon,
    /// SINCERE \[FeeneyHughes2023\]: `D` = the negatives and `j` itself, `m_l = 1`. `s = 1`, `a = n`.
    Sincere,
    /// Negatives only in the denominator: `D` = the negatives, `m_l = 1`. `s = 0`, `a = n`; values may be negative.
    Nscl,
    /// Population SupCon: `D` = all samples including `i`, and `i` is one of its own positives. `s = n`, `a = n`, where
    /// `n` may be a probability.
    Population,
    /// Balanced contrastive: every class has mass 1 in the denominator, `m_l = 1/n` for a negative class and
    /// `1/(n - 1)` within the anchor's own class without `i`. `s = 1`, `a = 1`.
    Bcl,
}

impl FullBatchLoss {
    /// All of them, in the order of the documentation.
    pub const ALL: [Self; 5] = [Self::Supcon, Self::Sincere, Self::Nscl, Self::Population, Self::Bcl];

    /// The name used in problem files, on the command line and in JSON.
    pub fn name(self) -> &'static str {
        Loss::from(self).name()
    }

    /// Whether an anchor needs a second sample of its class.
    pub fn needs_positive(self) -> bool {
        match self {
            Self::Supcon | Self::Sincere | Self::Nscl | Self::Bcl => true,
            Self::Population => false,
        }
    }

    /// `(s, a)` of THEORY (3) for a class of `n` samples.
    pub(crate) fn base_and_column(self, n: f64) -> (f64, f64) {
        match self {
            Self::Supcon => (n - 1.0, n),
            Self::Sincere => (1.0, n),
            Self::Nscl => (0.0, n),
            Self::Population => (n, n),
            Self::Bcl => (1.0, 1.0),
        }
    }
}

impl From<FullBatchLoss> for Loss {
    fn from(loss: FullBatchLoss) -> Self {
        match loss {
            FullBatchLoss::Supcon => Self::Supcon,
            FullBatchLoss::Sincere => Self::Sincere,
            FullBatchLoss::Nscl => Self::Nscl,
            FullBatchLoss::Population => Self::Population,
            FullBatchLoss::Bcl => Self::Bcl,
        }
    }
}

impl std::fmt::Display for FullBatchLoss {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// The losses that have an expectation over random batches here, THEORY (11).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BatchLoss {
    /// As [`FullBatchLoss::Supcon`], on each batch.
    Supcon,
    /// As [`FullBatchLoss::Sincere`], on each batch.
    Sincere,
    /// As [`FullBatchLoss::Nscl`], on each batch; an anchor without a negative is skipped as well.
    Nscl,
    /// As [`FullBatchLoss::Bcl`], on each batch: classes that are in the batch have mass 1.
    Bcl,
}

impl BatchLoss {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Supcon, Self::Sincere, Self::Nscl, Self::Bcl];
}

impl From<BatchLoss> for FullBatchLoss {
    fn from(loss: BatchLoss) -> Self {
        match loss {
            BatchLoss::Supcon => Self::Supcon,
            BatchLoss::Sincere => Self::Sincere,
            BatchLoss::Nscl => Self::Nscl,
            BatchLoss::Bcl => Self::Bcl,
        }
    }
}

/// How anchors are weighted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Anchors {
    /// Every sample is an anchor: `w_c = n_c / N`.
    #[default]
    Sample,
    /// Every class counts the same: `w_c = 1 / k`.
    Class,
}

impl Anchors {
    /// The name used in problem files, on the command line and in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sample => "sample",
            Self::Class => "class",
        }
    }
}

/// What becomes of a class with one sample under a loss that needs a positive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Singletons {
    /// Refuse the problem.
    #[default]
    Error,
    /// The class is a negative for the others, and not an anchor.
    Skip,
    /// As `Skip`, and it still counts in the divisor of the mean.
    Zero,
}

impl Singletons {
    /// The name used in problem files and in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Skip => "skip",
            Self::Zero => "zero",
        }
    }
}

/// What training on the full batch needs. The default is supcon, every sample an anchor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FullBatch {
    /// The loss. Default [`FullBatchLoss::Supcon`].
    pub loss: FullBatchLoss,
    /// Anchor weights. Default [`Anchors::Sample`].
    pub anchors: Anchors,
    /// What becomes of classes with one sample (after views). Default [`Singletons::Error`].
    pub singletons: Singletons,
}

impl Default for FullBatch {
    fn default() -> Self {
        Self {
            loss: FullBatchLoss::Supcon,
            anchors: Anchors::default(),
            singletons: Singletons::default(),
        }
    }
}

impl From<FullBatchLoss> for FullBatch {
    fn from(loss: FullBatchLoss) -> Self {
        Self {
            loss,
            ..Self::default()
        }
    }
}

/// What an anchor meets in training, and which loss that makes. A kind holds what it needs and nothing else, so that there
/// is no combination to refuse; whoever asks what can be done with a problem matches on it without a wildcard.
#[derive(Debug, Clone, PartialEq)]
pub enum Training {
    /// All samples, every time: THEORY (3).
    FullBatch(FullBatch),
    /// The same batches in every epoch: THEORY (12).
    FixedBatches(FixedBatches),
    /// Draws, anew every time: the loss is an expectation over them.
    Sampled(Sampling),
}

/// What is drawn in every step of training. Anchors are drawn as often as their class.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Sampling {
    /// Batches of examples: drawn independently, THEORY (11), or without replacement, (11''').
    RandomBatches {
        /// The loss on each batch.
        loss: BatchLoss,
        /// Examples in a batch `b`, in [`BATCH_RANGE`].
        size: u64,
        /// A class of `n` samples is drawn in proportion to `n^power`, in [`POWER_RANGE`]: 1 draws samples alike, 0 classes.
        power: f64,
        /// Whether an example may be twice in a batch, as examples are drawn independently. False is what a loader does that
        /// shuffles every epoch and drops the last, smaller batch; power 1 then.
        replacement: bool,
    },
    /// Batches of some of the classes, drawn without replacement and all alike, with as many examples of each: THEORY (11'').
    ClassBalanced {
        /// The loss on each batch.
        loss: BatchLoss,
        /// Classes in a batch `P`, in [`BATCH_CLASSES_RANGE`] and at most all.
        classes: u64,
        /// Examples of each `m`, in [`PER_CLASS_RANGE`]; with views counted at least 2.
        per_class: u64,
    },
    /// Negatives of every anchor, which may collide with its class \[Awasthi2022\]: THEORY (10).
    Negatives {
        /// How many, in [`NEGATIVES_RANGE`].
        count: u64,
    },
}

impl Default for Training {
    fn default() -> Self {
        Self::FullBatch(FullBatch::default())
    }
}

/// What problem files and flags say of training, in any combination.
#[derive(Debug, Clone, PartialEq)]
pub struct Parts {
    /// The name of the loss. Default [`Loss::Supcon`].
    pub loss: Loss,
    /// Anchor weights. Default [`Anchors::Sample`].
    pub anchors: Anchors,
    /// What becomes of classes with one sample. Default [`Singletons::Error`].
    pub singletons: Singletons,
    /// Sampled negatives of every anchor. Default none.
    pub negatives: Option<u64>,
    /// Examples in a random batch. Default none: the full batch.
    pub batch_size: Option<u64>,
    /// The power of their sizes by which random batches draw classes. Default none, which is 1.
    pub power: Option<f64>,
    /// Whether random batches are drawn with replacement. Default none, which is true.
    pub replacement: Option<bool>,
    /// Classes in a class-balanced batch. Default none.
    pub batch_classes: Option<u64>,
    /// Examples of each class in a class-balanced batch. Default none.
    pub per_class: Option<u64>,
    /// The same batches in every epoch. Default none.
    pub batches: Option<Arc<Batches>>,
}

impl Default for Parts {
    fn default() -> Self {
        Training::default().parts()
    }
}

impl Training {
    /// A loss on the full batch: of a [`FullBatchLoss`] alone with every sample an anchor, classes of one sample refused.
    pub fn full_batch(full: impl Into<FullBatch>) -> Self {
        Self::FullBatch(full.into())
    }

    /// The expectation of a loss over random batches of `size` examples.
    pub fn random_batches(loss: BatchLoss, size: u64) -> Self {
        Self::resampled_batches(loss, size, 1.0)
    }

    /// The same where a class of `n` samples is drawn in proportion to `n^power`.
    pub fn resampled_batches(loss: BatchLoss, size: u64, power: f64) -> Self {
        Self::Sampled(Sampling::RandomBatches {
            loss,
            size,
            power,
            replacement: true,
        })
    }

    /// The expectation of a loss over random batches of `size` different examples.
    pub fn shuffled_batches(loss: BatchLoss, size: u64) -> Self {
        Self::Sampled(Sampling::RandomBatches {
            loss,
            size,
            power: 1.0,
            replacement: false,
        })
    }

    /// The expectation of a loss over batches of `classes` different classes with `per_class` examples of each.
    pub fn class_balanced_batches(loss: BatchLoss, classes: u64, per_class: u64) -> Self {
        Self::Sampled(Sampling::ClassBalanced {
            loss,
            classes,
            per_class,
        })
    }

    /// The same batches in every epoch.
    pub fn fixed_batches(loss: FullBatchLoss, batches: Arc<Batches>) -> Self {
        Self::FixedBatches(FixedBatches { loss, batches })
    }

    /// So many sampled negatives of every anchor.
    pub fn sampled_negatives(count: u64) -> Self {
        Self::Sampled(Sampling::Negatives { count })
    }

    /// What the parts make, if they go together.
    ///
    /// # Errors
    /// [`Invalid`], naming the part that has no meaning beside the others, or that is missing or out of range.
    pub fn from_parts(parts: Parts) -> Result<Self, Invalid> {
        let conflict = |field, what: &str, hint| Err(Invalid::conflict(field, what, hint));
        let Parts {
            loss,
            anchors,
            singletons,
            negatives,
            batch_size,
            power,
            replacement,
            batch_classes,
            per_class,
            batches,
        } = parts;
        let full_batch = |loss| {
            Self::FullBatch(FullBatch {
                loss,
                anchors,
                singletons,
            })
        };
        // What the name says: a loss of the samples of a batch, or negatives.
        let on_all = match loss {
            Loss::Supcon => Some(FullBatchLoss::Supcon),
            Loss::Sincere => Some(FullBatchLoss::Sincere),
            Loss::Nscl => Some(FullBatchLoss::Nscl),
            Loss::Population => Some(FullBatchLoss::Population),
            Loss::Bcl => Some(FullBatchLoss::Bcl),
            Loss::Nce => None,
        };
        let on_batches = |loss: FullBatchLoss| {
            let found = BatchLoss::ALL
                .into_iter()
                .find(|&on_batches| FullBatchLoss::from(on_batches) == loss);
            found.ok_or_else(|| {
                Invalid::conflict(
                    Field::Loss,
                    format!("the loss {loss} is one of the whole population, which has no batches"),
                    &[Word::Text("use supcon, or remove the batches")],
                )
            })
        };
        if let Some(batches) = batches {
            let needless = [
                (Field::BatchSize, batch_size.is_some(), "a size", "have their own sizes"),
                (Field::Power, power.is_some(), "a power", "draw no classes"),
                (
                    Field::Replacement,
                    replacement.is_some(),
                    "a rule for replacement",
                    "draw no examples",
                ),
                (
                    Field::BatchClasses,
                    batch_classes.is_some(),
                    "a number of classes",
                    "have their own classes",
                ),
                (
                    Field::PerClass,
                    per_class.is_some(),
                    "a number of examples of each class",
                    "have their own examples",
                ),
                (
                    Field::Negatives,
                    negatives.is_some(),
                    "a number of negatives",
                    "are what anchors meet",
                ),
                (
                    Field::Anchors,
                    anchors == Anchors::Class,
                    "class-balanced anchors are",
                    "count an anchor once for each of its batches",
                ),
                (
                    Field::Singletons,
                    singletons != Singletons::Error,
                    "a rule for classes of one sample",
                    "skip an anchor without a positive in its batch",
                ),
            ];
            if let Some((field, _, what, why)) = needless.into_iter().find(|(_, given, ..)| *given) {
                let verb = if what.ends_with("are") { "" } else { " is" };
                return conflict(
                    field,
                    &format!("{what}{verb} given, and fixed batches {why}"),
                    &[Word::Text("remove it, or the batches")],
                );
            }
            let Some(loss) = on_all else {
                return conflict(
                    Field::Batches,
                    "fixed batches are given, and the loss nce draws its own negatives",
                    &[Word::Text("remove the batches, or use the loss supcon")],
                );
            };
            let fixed = FixedBatches { loss, batches };
            fixed.check()?;
            return Ok(Self::FixedBatches(fixed));
        }
        let balanced = match (batch_classes, per_class) {
            (None, None) => None,
            (None, Some(_)) => return Err(Invalid::new(Field::BatchClasses, Kind::Missing(None))),
            (Some(_), None) => return Err(Invalid::new(Field::PerClass, Kind::Missing(None))),
            (Some(classes), Some(per_class)) => Some((classes, per_class)),
        };
        if balanced.is_some() && batch_size.is_some() {
            return conflict(
                Field::BatchSize,
                "a size is given, and class-balanced batches have the size classes x per_class",
                &[Word::Text(
                    "remove it, or the number of classes and of examples of each",
                )],
            );
        }
        if balanced.is_some() && power.is_some() {
            return conflict(
                Field::Power,
                "a power is given, and class-balanced batches draw classes alike, whatever their sizes",
                &[Word::Text("remove it")],
            );
        }
        if replacement.is_some() && batch_size.is_none() {
            return conflict(
                Field::Replacement,
                "it is said whether examples are drawn with replacement, and there are no random batches",
                &[Word::Text("remove it, or set "), Word::Set(Field::BatchSize, &["256"])],
            );
        }
        if power.is_some() && batch_size.is_none() {
            return conflict(
                Field::Power,
                "a power is given, and classes are drawn for random batches only",
                &[Word::Text("remove it, or set "), Word::Set(Field::BatchSize, &["256"])],
            );
        }
        let sampling = match (on_all, negatives, batch_size) {
            (Some(_), Some(value), _) => {
                return conflict(
                    Field::Negatives,
                    &format!("{value} negatives are given, and the loss {loss} has no sampled negatives"),
                    &[Word::Text("use the loss nce, or remove negatives")],
                );
            }
            (Some(loss), None, None) => match balanced {
                None => return Ok(full_batch(loss)),
                Some((classes, per_class)) => Sampling::ClassBalanced {
                    loss: on_batches(loss)?,
                    classes,
                    per_class,
                },
            },
            (Some(loss), None, Some(size)) => Sampling::RandomBatches {
                loss: on_batches(loss)?,
                size,
                power: power.unwrap_or(1.0),
                replacement: replacement.unwrap_or(true),
            },
            (None, None, _) => return Err(Invalid::new(Field::Negatives, Kind::Missing(None))),
            (None, Some(_), Some(size)) => {
                return conflict(
                    Field::Batches,
                    &format!("random batches of {size} are given, and the loss nce draws its own negatives"),
                    &[Word::Text("remove the batches, or use the loss supcon")],
                );
            }
            (None, Some(_), None) if balanced.is_some() => {
                return conflict(
                    Field::Batches,
                    "class-balanced batches are given, and the loss nce draws its own negatives",
                    &[Word::Text("remove the batches, or use the loss supcon")],
                );
            }
            (None, Some(count), None) => Sampling::Negatives { count },
        };
        sampling.check()?;
        if anchors == Anchors::Class {
            return conflict(
                Field::Anchors,
                "class-balanced anchors are given, and anchors of a sampled loss are drawn as often as their class",
                &[Word::Text("remove anchors, or use a full-batch loss")],
            );
        }
        if singletons != Singletons::Error {
            return conflict(
                Field::Singletons,
                "a rule for classes of one sample is given, and a sampled loss needs none: a draw may repeat",
                &[Word::Text("remove singletons")],
            );
        }
        Ok(Self::Sampled(sampling))
    }

    /// The parts that make it.
    pub fn parts(&self) -> Parts {
        Parts {
            loss: self.loss(),
            anchors: self.anchors(),
            singletons: match self {
                Self::FullBatch(full) => full.singletons,
                Self::FixedBatches(_) | Self::Sampled(_) => Singletons::Error,
            },
            negatives: self.negatives(),
            batch_size: self.batch_size(),
            power: self.power(),
            replacement: self.replacement(),
            batch_classes: self.class_balanced().map(|(classes, _)| classes),
            per_class: self.class_balanced().map(|(_, per_class)| per_class),
            batches: match self {
                Self::FixedBatches(fixed) => Some(Arc::clone(&fixed.batches)),
                Self::FullBatch(_) | Self::Sampled(_) => None,
            },
        }
    }

    /// The name of the loss.
    pub fn loss(&self) -> Loss {
        match self {
            Self::FullBatch(full) => full.loss.into(),
            Self::FixedBatches(fixed) => fixed.loss.into(),
            Self::Sampled(Sampling::RandomBatches { loss, .. } | Sampling::ClassBalanced { loss, .. }) => {
                FullBatchLoss::from(*loss).into()
            }
            Self::Sampled(Sampling::Negatives { .. }) => Loss::Nce,
        }
    }

    /// Anchor weights: those of a sampled loss are drawn as often as their class.
    pub fn anchors(&self) -> Anchors {
        match self {
            Self::FullBatch(full) => full.anchors,
            Self::FixedBatches(_) | Self::Sampled(_) => Anchors::Sample,
        }
    }

    /// What becomes of classes of one sample; `None` for training in which a draw may repeat it, or that has other rules.
    pub fn singletons(&self) -> Option<Singletons> {
        match self {
            Self::FullBatch(full) => Some(full.singletons),
            Self::FixedBatches(_) | Self::Sampled(_) => None,
        }
    }

    /// Whether it is nscl on batches that are drawn.
    pub(super) fn is_nscl_in_batches(&self) -> bool {
        matches!(self, Self::Sampled(_)) && self.loss() == Loss::Nscl
    }

    /// Examples in a random batch.
    pub fn batch_size(&self) -> Option<u64> {
        match *self {
            Self::Sampled(Sampling::RandomBatches { size, .. }) => Some(size),
            Self::FullBatch(_)
            | Self::FixedBatches(_)
            | Self::Sampled(Sampling::Negatives { .. } | Sampling::ClassBalanced { .. }) => None,
        }
    }

    /// The power of their sizes by which random batches draw classes.
    pub fn power(&self) -> Option<f64> {
        match *self {
            Self::Sampled(Sampling::RandomBatches { power, .. }) => Some(power),
            Self::FullBatch(_)
            | Self::FixedBatches(_)
            | Self::Sampled(Sampling::Negatives { .. } | Sampling::ClassBalanced { .. }) => None,
        }
    }

    /// Whether random batches are drawn with replacement.
    pub fn replacement(&self) -> Option<bool> {
        match *self {
            Self::Sampled(Sampling::RandomBatches { replacement, .. }) => Some(replacement),
            Self::FullBatch(_)
            | Self::FixedBatches(_)
            | Self::Sampled(Sampling::Negatives { .. } | Sampling::ClassBalanced { .. }) => None,
        }
    }

    /// Sampled negatives of every anchor.
    pub fn negatives(&self) -> Option<u64> {
        match *self {
            Self::Sampled(Sampling::Negatives { count }) => Some(count),
            Self::FullBatch(_)
            | Self::FixedBatches(_)
            | Self::Sampled(Sampling::RandomBatches { .. } | Sampling::ClassBalanced { .. }) => None,
        }
    }

    /// Classes in a class-balanced batch, and examples of each.
    pub fn class_balanced(&self) -> Option<(u64, u64)> {
        match *self {
            Self::Sampled(Sampling::ClassBalanced { classes, per_class, .. }) => Some((classes, per_class)),
            Self::FullBatch(_)
            | Self::FixedBatches(_)
            | Self::Sampled(Sampling::RandomBatches { .. } | Sampling::Negatives { .. }) => None,
        }
    }

    /// The loss is one of the batches, and numbers of draws are in their ranges.
    pub(super) fn check(&self) -> Result<(), Invalid> {
        match self {
            Self::FullBatch(_) => Ok(()),
            Self::FixedBatches(fixed) => fixed.check(),
            Self::Sampled(sampling) => sampling.check(),
        }
    }
}

impl Sampling {
    /// The probability that a draw is of ONE class of each group, from the sizes (or probabilities) of its classes and their
    /// numbers. They sum to 1 over all classes.
    pub fn probabilities(&self, sizes: &[f64], multiplicity: &[f64]) -> Vec<f64> {
        let weight = |n: f64| match *self {
            Self::RandomBatches { power, .. } if power != 1.0 => n.powf(power),
            Self::RandomBatches { .. } | Self::Negatives { .. } => n,
            Self::ClassBalanced { .. } => 1.0,
        };
        let total: f64 = sizes.iter().zip(multiplicity).map(|(&n, m)| weight(n) * m).sum();
        sizes.iter().map(|&n| weight(n) / total).collect()
    }

    /// The loss on groups of these sizes is formed by few enough terms: of batches without replacement, which are summed.
    ///
    /// # Errors
    /// [`Invalid`] for too many.
    pub(crate) fn check_terms(&self, sizes: &[f64], multiplicity: &[f64]) -> Result<(), Invalid> {
        match *self {
            Self::RandomBatches {
                size,
                replacement: false,
                ..
            } => portions::check_terms(size, sizes, multiplicity),
            Self::RandomBatches { .. } | Self::ClassBalanced { .. } | Self::Negatives { .. } => Ok(()),
        }
    }

    fn check(&self) -> Result<(), Invalid> {
        let range = |field, value: u64, (least, most): (u64, u64)| {
            if (least..=most).contains(&value) {
                Ok(())
            } else {
                Err(out_of_range(field, value.to_string(), (least, most)))
            }
        };
        match *self {
            Self::RandomBatches {
                loss,
                size,
                power,
                replacement,
            } => {
                if !replacement && !matches!(loss, BatchLoss::Supcon | BatchLoss::Sincere) {
                    return Err(Invalid::unavailable(
                        Field::Replacement,
                        format!("the loss {} on batches without replacement", FullBatchLoss::from(loss)),
                        &[Word::Text("use supcon or sincere, or draw with replacement")],
                    ));
                }
                if !replacement && power != 1.0 {
                    return Err(Invalid::conflict(
                        Field::Power,
                        "a power is given, and batches without replacement draw every sample alike",
                        &[Word::Text("remove it, or draw with replacement")],
                    ));
                }
                let (least, most) = POWER_RANGE;
                if !(least..=most).contains(&power) {
                    let value = short(power);
                    return Err(Invalid::new(Field::Power, Kind::Range { value, least, most }));
                }
                range(Field::BatchSize, size, BATCH_RANGE)
            }
            Self::ClassBalanced { classes, per_class, .. } => {
                range(Field::BatchClasses, classes, BATCH_CLASSES_RANGE)?;
                range(Field::PerClass, per_class, PER_CLASS_RANGE)
            }
            Self::Negatives { count } => range(Field::Negatives, count, NEGATIVES_RANGE),
        }
    }
}

/// A number of draws, as it was given, outside its range.
pub(crate) fn out_of_range(field: Field, value: String, (least, most): (u64, u64)) -> Invalid {
    let (least, most) = (least as f64, most as f64);
    Invalid::new(field, Kind::Range { value, least, most })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::problem::{Classes, SampleOrder, Unused};

    fn batches() -> Arc<Batches> {
        let classes = Classes::from_counts(&[2, 2]).unwrap();
        let order = SampleOrder::class_major(&classes).unwrap();
        Arc::new(Batches::from_positions(order, [[0, 1, 2, 3]], Unused::Error).unwrap())
    }

    #[test]
    fn parts_make_what_they_are_the_parts_of() {
        let full = FullBatchLoss::ALL.into_iter().flat_map(|loss| {
            [Singletons::Error, Singletons::Skip, Singletons::Zero].map(|singletons| {
                Training::FullBatch(FullBatch {
                    loss,
                    anchors: Anchors::Class,
                    singletons,
                })
            })
        });
        let random = BatchLoss::ALL.map(|loss| Training::resampled_batches(loss, 8, 0.5));
        let balanced = BatchLoss::ALL.map(|loss| Training::class_balanced_batches(loss, 4, 2));
        let sampled = Training::sampled_negatives(5);
        let fixed = [
            FullBatchLoss::Supcon,
            FullBatchLoss::Sincere,
            FullBatchLoss::Nscl,
            FullBatchLoss::Bcl,
        ]
        .map(|loss| Training::fixed_batches(loss, batches()));
        let all: Vec<Training> = full
            .chain(random)
            .chain(balanced)
            .chain(fixed)
            .chain([sampled, Training::default()])
            .collect();
        for training in &all {
            assert_eq!(&Training::from_parts(training.parts()).unwrap(), training);
        }
        // Every name makes something.
        for name in Loss::ALL {
            assert!(all.iter().any(|training| training.loss() == name), "{name}");
        }
    }

    #[test]
    fn parts_that_do_not_go_together_are_refused() {
        let nce = Parts {
            loss: Loss::Nce,
            ..Parts::default()
        };
        let drawn = Parts {
            batch_size: Some(8),
            ..Parts::default()
        };
        let fixed = Parts {
            batches: Some(batches()),
            ..Parts::default()
        };
        let balanced = Parts {
            batch_classes: Some(4),
            per_class: Some(2),
            ..Parts::default()
        };
        for (parts, field) in [
            (
                Parts {
                    per_class: None,
                    ..balanced.clone()
                },
                Field::PerClass,
            ),
            (
                Parts {
                    batch_classes: None,
                    ..balanced.clone()
                },
                Field::BatchClasses,
            ),
            (
                Parts {
                    batch_classes: Some(1),
                    ..balanced.clone()
                },
                Field::BatchClasses,
            ),
            (
                Parts {
                    per_class: Some(0),
                    ..balanced.clone()
                },
                Field::PerClass,
            ),
            (
                Parts {
                    batch_size: Some(8),
                    ..balanced.clone()
                },
                Field::BatchSize,
            ),
            (
                Parts {
                    power: Some(0.0),
                    ..balanced.clone()
                },
                Field::Power,
            ),
            (
                Parts {
                    loss: Loss::Population,
                    ..balanced.clone()
                },
                Field::Loss,
            ),
            (
                Parts {
                    loss: Loss::Nce,
                    negatives: Some(3),
                    ..balanced.clone()
                },
                Field::Batches,
            ),
            (
                Parts {
                    anchors: Anchors::Class,
                    ..balanced.clone()
                },
                Field::Anchors,
            ),
            (
                Parts {
                    batches: Some(batches()),
                    per_class: None,
                    ..balanced
                },
                Field::BatchClasses,
            ),
            (
                Parts {
                    batch_size: Some(8),
                    ..fixed.clone()
                },
                Field::BatchSize,
            ),
            (
                Parts {
                    power: Some(0.5),
                    ..fixed.clone()
                },
                Field::Power,
            ),
            (
                Parts {
                    power: Some(0.5),
                    ..Parts::default()
                },
                Field::Power,
            ),
            (
                Parts {
                    power: Some(-0.1),
                    ..drawn.clone()
                },
                Field::Power,
            ),
            (
                Parts {
                    negatives: Some(3),
                    ..fixed.clone()
                },
                Field::Negatives,
            ),
            (
                Parts {
                    anchors: Anchors::Class,
                    ..fixed.clone()
                },
                Field::Anchors,
            ),
            (
                Parts {
                    singletons: Singletons::Skip,
                    ..fixed.clone()
                },
                Field::Singletons,
            ),
            (
                Parts {
                    loss: Loss::Nce,
                    ..fixed.clone()
                },
                Field::Batches,
            ),
            (
                Parts {
                    loss: Loss::Population,
                    ..fixed
                },
                Field::Loss,
            ),
            (nce.clone(), Field::Negatives),
            (
                Parts {
                    negatives: Some(3),
                    ..drawn.clone()
                },
                Field::Negatives,
            ),
            (
                Parts {
                    negatives: Some(0),
                    ..nce.clone()
                },
                Field::Negatives,
            ),
            (
                Parts {
                    negatives: Some(3),
                    batch_size: Some(8),
                    ..nce.clone()
                },
                Field::Batches,
            ),
            (
                Parts {
                    loss: Loss::Population,
                    ..drawn.clone()
                },
                Field::Loss,
            ),
            (
                Parts {
                    batch_size: Some(2),
                    ..drawn.clone()
                },
                Field::BatchSize,
            ),
            (
                Parts {
                    anchors: Anchors::Class,
                    ..drawn.clone()
                },
                Field::Anchors,
            ),
            (
                Parts {
                    singletons: Singletons::Zero,
                    negatives: Some(3),
                    ..nce.clone()
                },
                Field::Singletons,
            ),
        ] {
            assert_eq!(
                Training::from_parts(parts.clone()).unwrap_err().field,
                field,
                "{parts:?}"
            );
        }
    }
}
