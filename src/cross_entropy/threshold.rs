//! The imbalance ratio from which the classifiers of the small classes coincide, under STEP imbalance.
//!
//! The minimum among points whose minority classes coincide is a point at every ratio. It is the minimum of all where the dual
//! block of their differences, two rows and columns, is semidefinite: `|gamma| <= (alpha beta)^(1/2)`. The threshold is the root
//! of the difference, found as accurately as the points are, and not from classes that nearly coincide.

use super::certificate::bound;
use super::lowrank::minimise_merged;
use super::problem::{CrossEntropy, Reduced};
use crate::error::Error;
use crate::math::control::Control;
use crate::problem::{Field, Invalid, Kind};

/// Classes under STEP imbalance: `majority` of `ratio * smallest` samples, `minority` of `smallest`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StepFamily {
    /// Number of large classes, at least 1.
    pub majority: u64,
    /// Number of small classes, at least 2: one alone coincides with none.
    pub minority: u64,
    /// Samples in a small class, before views.
    pub smallest: f64,
}

/// Where the minority classifiers coincide.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Threshold {
    /// The smallest ratio in the range at which they do; `None` if at none that was looked at.
    pub ratio: Option<f64>,
    /// The range of ratios that was searched.
    pub range: (f64, f64),
    /// Ratios that were looked at before the refinement.
    pub scanned: u64,
    /// The largest relative gap of a minimum among merged points, without the block in question.
    pub worst_gap: f64,
}

/// The threshold of a family under the constraints of a problem, whose own sizes do not count; ratios are real numbers.
///
/// # Errors
/// [`Error::Invalid`] for a range that is none, no minority of several classes, or SELI. A search that is stopped returns what it
/// has found by then.
pub fn collapse_threshold(
    problem: &CrossEntropy,
    family: StepFamily,
    range: (f64, f64),
    points: u64,
    control: &Control,
) -> Result<Threshold, Error> {
    let (low, high) = range;
    if !(low >= 1.0 && high > low && high <= 1e12) {
        let (value, rule) = (
            format!("{low}..{high}"),
            "ratios are from 1 to 1e12, the first below the last",
        );
        return Err(Invalid::new(Field::Ratios, Kind::Rule { value, rule }).into());
    }
    if family.minority < 2 || family.majority < 1 || problem.is_vanishing() {
        let value = format!("{} + {} classes", family.majority, family.minority);
        let rule = "a collapse needs a large class, two small ones and a bound or ridge above 0";
        return Err(Invalid::new(Field::Minority, Kind::Rule { value, rule }).into());
    }
    let mut worst_gap = 0.0f64;
    // Positive where the differences of minority classes want to grow.
    let mut excess = |ratio: f64| -> f64 {
        let reduced = Reduced::step(problem, family.majority, family.minority, family.smallest, ratio);
        let found = minimise_merged(&reduced, control, 1);
        let (bound, pull) = bound(&reduced, &found.point, Some(1));
        worst_gap = worst_gap.max(bound.relative_gap());
        pull - 1.0
    };
    let points = points.max(2);
    let step = (high / low).ln() / (points - 1) as f64;
    let mut before = low;
    let mut found = None;
    for i in 0..points {
        if control.stop().is_some() {
            break;
        }
        let ratio = if i + 1 == points {
            high
        } else {
            low * (step * i as f64).exp()
        };
        if excess(ratio) <= 0.0 {
            found = Some(ratio);
            break;
        }
        before = ratio;
    }
    let ratio = found.map(|mut above| {
        let mut below = before;
        if below < above {
            for _ in 0..60 {
                let middle = 0.5 * (below + above);
                if middle <= below || middle >= above {
                    break;
                }
                if excess(middle) <= 0.0 {
                    above = middle;
                } else {
                    below = middle;
                }
            }
        }
        above
    });
    Ok(Threshold {
        ratio,
        range,
        scanned: points,
        worst_gap,
    })
}
