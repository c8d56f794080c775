//! The losses: names, sample-level definitions, and their class-level coefficients, THEORY (3).
//!
//! For unit features `h_i`, labels `y_i`, an anchor `i` and a positive `j` of it, every loss here is
//!
//! ```text
//! log sum_{l in D} m_l exp((h_i.h_l - h_i.h_j) / tau)
//! ```
//!
//! averaged over the positives `j` of `i` and then over anchors. The losses differ in `D` and the masses `m_l` alone.
//!
//! [`Sampled`] is what training with sampled negatives or random batches minimises, THEORY (10) and (11).

mod class_level;
mod coefficients;
mod logsumexp;
mod minorant;
mod objective;
mod quadrature;
mod sampled;
mod samples;
pub(crate) mod synonyms;

pub use class_level::{ClassLevel, ClassPoint};
pub use coefficients::Coefficients;
pub(crate) use logsumexp::softplus;
pub use logsumexp::{Evaluation, Layout, LogSumExp, Row};
pub use minorant::{Affine, Minorant};
pub use objective::Objective;
pub(crate) use objective::others;
pub use sampled::{Sampled, SampledPoint};
pub use samples::{MIN_SAMPLE_TEMPERATURE, SampleLoss, SamplePoint};

use serde::{Deserialize, Serialize};

use crate::problem::{Measure, Model, Problem};

/// A contrastive loss: of the form (3) on the full batch, or sampled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Loss {
    /// Supervised contrastive loss \[Khosla2020\]: `D` = all samples but `i`, `m_l = 1`. `s = n - 1`, `a = n`.
    Supcon,
    /// SINCERE \[FeeneyHughes2024\]: `D` = the negatives and `j` itself, `m_l = 1`. `s = 1`, `a = n`.
    Sincere,
    /// Negatives only in the denominator: `D` = the negatives, `m_l = 1`. `s = 0`, `a = n`; values may be negative.
    Nscl,
    /// Population SupCon: `D` = all samples including `i`, and `i` is one of its own positives. `s = n`, `a = n`, where
    /// `n` may be a probability.
    Population,
    /// Balanced contrastive: every class has mass 1 in the denominator, `m_l = 1/n` for a negative class and
    /// `1/(n - 1)` within the anchor's own class without `i`. `s = 1`, `a = 1`.
    Bcl,
    /// Contrastive loss with sampled negatives \[Awasthi2022\], which may collide with the anchor's class: THEORY (10).
    Nce,
}

impl Loss {
    /// All losses, in the order of the documentation.
    pub const ALL: [Self; 6] = [
        Self::Supcon,
        Self::Sincere,
        Self::Nscl,
        Self::Population,
        Self::Bcl,
        Self::Nce,
    ];

    /// The losses of the form (3).
    pub const FULL_BATCH: [Self; 5] = [Self::Supcon, Self::Sincere, Self::Nscl, Self::Population, Self::Bcl];

    /// The name used in problem files, on the command line and in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Supcon => "supcon",
            Self::Sincere => "sincere",
            Self::Nscl => "nscl",
            Self::Population => "population",
            Self::Bcl => "bcl",
            Self::Nce => "nce",
        }
    }

    /// Whether an anchor needs a second sample of its class.
    pub fn needs_positive(self) -> bool {
        !matches!(self, Self::Population | Self::Nce)
    }

    /// `(s, a)` of THEORY (3) for a class of `n` samples; of nce those of its limit of many negatives.
    fn base_and_column(self, n: f64) -> (f64, f64) {
        match self {
            Self::Supcon => (n - 1.0, n),
            Self::Sincere => (1.0, n),
            Self::Nscl => (0.0, n),
            Self::Population | Self::Nce => (n, n),
            Self::Bcl => (1.0, 1.0),
        }
    }
}

/// How anchors are weighted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Anchors {
    /// Every sample is an anchor: `w_c = n_c / N`.
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Singletons {
    /// Refuse the problem.
    Error,
    /// The class is a negative for the others, and not an anchor.
    Skip,
    /// As `Skip`, and it still counts in the divisor of the mean.
    Zero,
}

/// Coefficients of the class-level problem (3) for groups of classes, from one problem.
///
/// `sizes` are the class sizes as the user gave them, one a group; `multiplicity` the number of classes in each group.
pub fn coefficients(problem: &Problem, sizes: &[f64], multiplicity: &[f64]) -> Coefficients {
    let samples: Vec<f64> = sizes.iter().map(|&size| problem.samples(size)).collect();
    real_coefficients(problem.model(), &samples, multiplicity)
}

/// Coefficients of the class-level problem (3) for groups of classes of any positive real size, for example along a family
/// of sizes. `samples` are the sizes with views counted; of [`Loss::Population`] only their ratios matter.
pub fn real_coefficients(model: &Model, samples: &[f64], multiplicity: &[f64]) -> Coefficients {
    let is_anchor = |n: f64| !model.loss.needs_positive() || n >= 2.0;
    let counted = |n: f64| is_anchor(n) || model.singletons == Singletons::Zero;
    let mass = |n: f64| match model.anchors {
        Anchors::Sample => n,
        Anchors::Class => 1.0,
    };
    let total: f64 = samples
        .iter()
        .zip(multiplicity)
        .filter(|&(&n, _)| counted(n))
        .map(|(&n, &m)| m * mass(n))
        .sum();
    let weight = samples
        .iter()
        .map(|&n| if is_anchor(n) { mass(n) / total } else { 0.0 })
        .collect();
    let (base, column) = samples.iter().map(|&n| model.loss.base_and_column(n)).unzip();
    Coefficients {
        temperature: model.temperature,
        multiplicity: multiplicity.to_vec(),
        weight,
        base,
        column,
        mergeable: matches!(model.loss, Loss::Supcon | Loss::Population)
            && model.anchors == Anchors::Sample
            && samples.iter().all(|&n| is_anchor(n)),
    }
}

/// Samples per class that the within-class average runs over: `n_c`, or infinity for probabilities.
pub fn within_class_samples(problem: &Problem, size: f64) -> f64 {
    match problem.classes().measure() {
        Measure::Counts => problem.samples(size),
        Measure::Probabilities => f64::INFINITY,
    }
}

impl std::fmt::Display for Loss {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}
