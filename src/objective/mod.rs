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

mod cells;
mod class_level;
mod coefficients;
mod contract;
mod drawn;
mod logsumexp;
mod minorant;
mod portions;
mod presence;
mod quadrature;
mod sampled;
mod samples;
mod subsets;

pub use cells::{CellLoss, CellPoint, LogSum};
pub use class_level::{ClassLevel, ClassPoint};
pub use coefficients::Coefficients;
pub(crate) use contract::others;
pub use contract::{Affine, Objective};
pub(crate) use logsumexp::softplus;
pub use logsumexp::{Evaluation, Layout, LogSumExp, Row};
pub use sampled::{Sampled, SampledPoint};
pub(crate) use samples::expm1_and_phi;
pub use samples::{MIN_SAMPLE_TEMPERATURE, SampleLoss, SamplePoint};

use crate::problem::{Anchors, FullBatch, FullBatchLoss, Measure, Problem, Singletons};

/// Coefficients of the class-level problem (3) for groups of classes, trained on
/// full batches.
///
/// `sizes` are the class sizes as the user gave them, one a group; `multiplicity` the number of classes in each group.
pub fn coefficients(problem: &Problem, full: &FullBatch, sizes: &[f64], multiplicity: &[f64]) -> Coefficients {
    let samples: Vec<f64> = sizes.iter().map(|&size| problem.samples(size)).collect();
    real_coefficients(full, problem.model().temperature, &samples, multiplicity)
}

/// Coefficients of the class-level problem (3) for groups of classes of any positive real size, for example along a family
/// of sizes. `samples` are the sizes with views counted; of [`FullBatchLoss::Population`] only their ratios matter.
pub fn real_coefficients(full: &FullBatch, temperature: f64, samples: &[f64], multiplicity: &[f64]) -> Coefficients {
    let FullBatch {
        loss,
        anchors,
        singletons,
    } = *full;
    let is_anchor = |n: f64| !loss.needs_positive() || n >= 2.0;
    let counted = |n: f64| is_anchor(n) || singletons == Singletons::Zero;
    let mass = |n: f64| match anchors {
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
    let (base, column) = samples.iter().map(|&n| loss.base_and_column(n)).unzip();
    Coefficients {
        temperature,
        multiplicity: multiplicity.to_vec(),
        weight,
        base,
        column,
        mergeable: matches!(loss, FullBatchLoss::Supcon | FullBatchLoss::Population)
            && anchors == Anchors::Sample
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
