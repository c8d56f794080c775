//! [`Bound`]: a lower bound, which is a finite number or does not exist; and [`conclude`], the one place where a bound and
//! the loss of a feasible matrix become a [`Certificate`].

use super::{BoundMethod, Certificate, DualPoint, Statement, Verdict};
use crate::error::Error;
use crate::gram::Gram;

/// A proven lower bound on the loss above the floor, in a unit that goes with it. NaN and infinity prove nothing and cannot be
/// one.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub(super) struct Bound(f64);

impl Bound {
    /// `None` for a number that is not finite.
    pub(super) fn new(value: f64) -> Option<Self> {
        value.is_finite().then_some(Self(value))
    }

    /// The number.
    pub(super) fn get(self) -> f64 {
        self.0
    }
}

/// A feasible Gram matrix and its loss.
pub(super) struct Primal {
    pub(super) gram: Gram,
    /// How far it was moved to be feasible.
    pub(super) shift: f64,
    /// What no geometry can remove; `None` where there is nothing.
    pub(super) floor: Option<f64>,
    /// Natural log of the loss above the floor; ignored without a floor.
    pub(super) log_excess: f64,
    /// The loss above the floor in nats; the loss without a floor.
    pub(super) excess: f64,
    /// Relative rounding of the loss above the floor (to `max(1, |loss|)` without a floor) and of a bound on it.
    pub(super) rounding: f64,
}

/// A lower bound and the point that proves it.
pub(super) struct Dual {
    /// In the unit of the primal: its excess, or nats without a floor.
    pub(super) bound: Bound,
    /// Proven lower bound on the smallest eigenvalue of `S`, in nats.
    pub(super) min_eigenvalue: f64,
    pub(super) method: BoundMethod,
    pub(super) point: DualPoint,
}

/// Rounding of the floor, a sum of products `w log s` of one sign, compensated; relative.
const FLOOR_ROUNDING: f64 = 16.0 * f64::EPSILON;

impl Primal {
    /// The loss in its unit (its excess, or nats without a floor), what gaps are relative to in that unit, and the unit in
    /// nats.
    pub(super) fn units(&self) -> (f64, f64, f64) {
        if self.floor.is_some() {
            (1.0, 1.0, self.log_excess.exp())
        } else {
            (self.excess, self.excess.abs().max(1.0), 1.0)
        }
    }
}

/// The certificate. The bound is lowered by twice the stated rounding, so that the gap is never below what the evaluation
/// can tell.
///
/// # Errors
/// [`Error::Contradiction`] for a bound above the loss of a feasible matrix by more than the stated rounding, [`Error::Gram`]
/// where the numbers of the matrix are so large that nothing can be said.
pub(super) fn conclude(primal: Primal, dual: Dual, tolerance: f64) -> Result<Certificate, Error> {
    let (value, unit, scale) = primal.units();
    let raw = (value - dual.bound.get()) / unit;
    let relative_gap = raw + 2.0 * primal.rounding;
    if !(relative_gap.is_finite() && primal.excess.is_finite() && primal.shift.is_finite()) {
        return Err(Error::Gram {
            reason: "its loss is outside the range of floating-point numbers".to_owned(),
        });
    }
    if raw < -primal.rounding {
        return Err(Error::Contradiction {
            what: format!(
                "the lower bound ({}) exceeds the loss of a feasible matrix by {:.1e} of its excess, more than rounding ({:.1e})",
                dual.method.name(),
                -raw,
                primal.rounding
            ),
        });
    }
    let gap = relative_gap * unit * scale;
    let floor = primal.floor.unwrap_or(0.0);
    let loss = floor + primal.excess;
    let lowered = (dual.bound.get() - 2.0 * primal.rounding * unit) * scale;
    Ok(Certificate(Statement {
        gram: primal.gram,
        feasibility_shift: primal.shift,
        loss,
        floor: primal.floor,
        excess: primal.excess,
        log_excess: primal.floor.map(|_| primal.log_excess),
        lower_bound: (floor + lowered - FLOOR_ROUNDING * floor.abs()).next_down(),
        gap,
        relative_gap,
        rounding: primal.rounding,
        min_eigenvalue: dual.min_eigenvalue,
        method: dual.method,
        dual: dual.point,
        tolerance,
        verdict: if relative_gap <= tolerance {
            Verdict::Certified
        } else {
            Verdict::NotCertified
        },
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_bound_is_made_of_what_is_not_a_number() {
        for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert_eq!(Bound::new(value), None);
        }
        assert_eq!(Bound::new(-1.5).map(Bound::get), Some(-1.5));
    }
}
