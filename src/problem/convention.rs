//! [`Convention`]: how an implementation states its loss. It changes the number, and neither the geometry nor its proof.

use serde::{Deserialize, Serialize};

use super::invalid::{Word, short};
use super::{Anchors, Field, FullBatch, Invalid, Kind, Measure, Problem, Sampling, Singletons, Training};

/// Smallest and largest scale of a loss: any product with a loss and a number of anchors is finite.
pub const SCALE_RANGE: (f64, f64) = (1e-100, 1e100);

/// What becomes of the losses of the anchors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Reduction {
    /// Their mean.
    #[default]
    Mean,
    /// Their sum.
    Sum,
}

impl Reduction {
    /// The name used in problem files, on the command line and in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Mean => "mean",
            Self::Sum => "sum",
        }
    }
}

/// A factor and a reduction. The default is the mean itself.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Convention {
    scale: f64,
    reduction: Reduction,
}

impl Default for Convention {
    fn default() -> Self {
        Self {
            scale: 1.0,
            reduction: Reduction::Mean,
        }
    }
}

impl Convention {
    /// The loss of `problem` times `scale`, as a mean or a sum over anchors.
    ///
    /// # Errors
    /// [`Invalid`] for a scale outside [`SCALE_RANGE`], and for a sum where the loss is no mean over a number of anchors.
    pub fn new(scale: f64, reduction: Reduction, problem: &Problem) -> Result<Self, Invalid> {
        let (least, most) = SCALE_RANGE;
        if !(least..=most).contains(&scale) {
            let value = short(scale);
            let rule = "a scale is a positive and finite number, from 1e-100 to 1e100";
            return Err(Invalid::new(Field::LossScale, Kind::Rule { value, rule }));
        }
        if reduction == Reduction::Sum {
            check_sum(problem)?;
        }
        Ok(Self { scale, reduction })
    }

    /// The factor.
    pub fn scale(&self) -> f64 {
        self.scale
    }

    /// Mean or sum.
    pub fn reduction(&self) -> Reduction {
        self.reduction
    }

    /// What a mean over so many anchors is by this convention; `None` by the default one, of which there is nothing to say,
    /// and for a sum over anchors of unknown number.
    pub fn state(&self, mean: f64, anchors: Option<f64>) -> Option<f64> {
        match self.reduction {
            _ if *self == Self::default() => None,
            Reduction::Mean => Some(self.scale * mean),
            Reduction::Sum => anchors.map(|anchors| self.scale * (anchors * mean)),
        }
    }
}

/// The anchors by whose number the mean of a full batch divides, views counted: all samples, or those whose class has two
/// where the others are left out.
fn anchors(problem: &Problem, full: &FullBatch) -> f64 {
    let left_out = |samples: f64| {
        let needs = full.loss.needs_positive();
        needs && full.singletons == Singletons::Skip && samples < 2.0
    };
    let runs = problem.classes().runs().iter();
    runs.map(|run| (problem.samples(run.size), run.count as f64))
        .filter(|&(samples, _)| !left_out(samples))
        .map(|(samples, count)| samples * count)
        .sum()
}

/// The anchors that a sum is over on the full batch; `None` where the loss is no mean over a number of them, and for fixed
/// batches, which count their own.
pub(crate) fn anchors_of(problem: &Problem) -> Option<f64> {
    match &problem.model().training {
        Training::FullBatch(full) if check_sum(problem).is_ok() => Some(anchors(problem, full)),
        Training::FullBatch(_) | Training::FixedBatches(_) | Training::Sampled(_) => None,
    }
}

fn check_sum(problem: &Problem) -> Result<(), Invalid> {
    let what = match &problem.model().training {
        Training::FixedBatches(_) => return Ok(()),
        Training::Sampled(Sampling::RandomBatches { .. } | Sampling::ClassBalanced { .. }) => {
            "a sum is asked for, and the loss of batches that are drawn is an expectation: no anchors are counted"
        }
        Training::Sampled(Sampling::Negatives { .. }) => {
            "a sum is asked for, and the loss nce is an expectation over anchors that are drawn: none are counted"
        }
        Training::FullBatch(_) if problem.classes().measure() == Measure::Probabilities => {
            "a sum is asked for, and class probabilities have no number of anchors"
        }
        Training::FullBatch(full) if full.anchors == Anchors::Class => {
            "a sum is asked for, and class-balanced anchors are weighted: their mean is no sum over a number"
        }
        Training::FullBatch(_) => return Ok(()),
    };
    Err(Invalid::conflict(
        Field::Reduction,
        what,
        &[Word::Text("remove it, or "), Word::Set(Field::Reduction, &["mean"])],
    ))
}
