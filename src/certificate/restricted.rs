//! The certificate of features of fewer dimensions than the optimum of the relaxation needs: the bound holds in every
//! dimension, so it is that of the relaxation; the loss is theirs.

use super::bound::{Bound, Dual, Primal, conclude};
use super::{Certificate, DualPoint, Verdict};
use crate::error::Error;
use crate::gram::Gram;

/// Features and their loss.
pub(crate) struct Found {
    /// Their Gram matrix, feasible as it is.
    pub(crate) gram: Gram,
    /// Loss above the floor in nats; the loss without a floor.
    pub(crate) excess: f64,
    /// Natural log of the excess; ignored without a floor.
    pub(crate) log_excess: f64,
    /// Relative rounding of the excess.
    pub(crate) rounding: f64,
}

impl Certificate {
    /// What the bound of this certificate proves of features found elsewhere. `dual` is its dual point on the groups of
    /// their Gram matrix.
    ///
    /// # Errors
    /// [`Error::Contradiction`] if their loss is below the bound.
    pub(crate) fn restricted_to(&self, found: Found, dual: DualPoint) -> Result<Self, Error> {
        let rounding = self.rounding.max(found.rounding);
        let bound = match self.log_excess {
            // From the excess of the relaxation to that of the features, in logs.
            Some(optimal) => (1.0 - self.relative_gap) * (optimal - found.log_excess).exp(),
            None => self.loss - self.gap,
        };
        let bound = Bound::new(bound).ok_or_else(|| Error::Gram {
            reason: "its loss is outside the range of floating-point numbers".to_owned(),
        })?;
        let primal = Primal {
            gram: found.gram,
            shift: 0.0,
            floor: self.floor,
            log_excess: found.log_excess,
            excess: found.excess,
            rounding,
        };
        let dual = Dual {
            bound,
            min_eigenvalue: self.min_eigenvalue,
            method: self.method,
            point: dual,
        };
        let mut certificate = conclude(primal, dual, self.tolerance)?;
        if certificate.verdict == Verdict::NotCertified {
            certificate.0.verdict = Verdict::RankExceedsDimension;
        }
        Ok(certificate)
    }
}
