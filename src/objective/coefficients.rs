//! The coefficients of THEORY (3): everything a full-batch loss says about the classes, and nothing else.

use super::softplus;
use crate::math::sum::compensated_sum;

/// Coefficients of the class-level problem, THEORY (3), one entry per group of classes with identical data:
///
/// ```text
/// F(M) = sum_c w_c log( s_c + sum_{c' != c} a_c' exp((M_cc' - 1) / tau) )
/// ```
///
/// where `c` runs over classes; group `g` stands for `multiplicity[g]` classes. For every full-batch loss `a_cc'`
/// depends on `c'` alone, so one column `a` suffices. All vectors have one entry per group.
#[derive(Debug, Clone, PartialEq)]
pub struct Coefficients {
    /// Temperature `tau > 0`.
    pub temperature: f64,
    /// Number of classes in the group, at least 1.
    pub multiplicity: Vec<f64>,
    /// Anchor weight `w_c` of ONE class of the group; `sum_g multiplicity * weight = 1`. May be 0 (skipped singletons).
    pub weight: Vec<f64>,
    /// `s_c >= 0`: the mass at exponent zero once the class has collapsed.
    pub base: Vec<f64>,
    /// `a_c > 0`: the mass that one class of this group adds to the denominators of all other classes.
    pub column: Vec<f64>,
    /// True when clusters of unequal classes follow the merging rule, THEORY (8): `s_c = n_c + const`,
    /// `a_c = n_c`, `w_c` proportional to `n_c` (supcon and population with sample anchors).
    pub mergeable: bool,
}

impl Coefficients {
    /// Number of groups `r`.
    pub fn groups(&self) -> usize {
        self.weight.len()
    }

    /// Number of classes `k`, as a float (it may exceed what an index holds comfortably).
    pub fn classes(&self) -> f64 {
        self.multiplicity.iter().sum()
    }

    /// Anchor weight of all classes of group `g`.
    fn group_weight(&self, g: usize) -> f64 {
        self.multiplicity[g] * self.weight[g]
    }

    /// Groups with anchors.
    pub(crate) fn anchors(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.groups()).filter(|&g| self.weight[g] > 0.0)
    }

    /// Whether every row has mass at exponent zero.
    pub(crate) fn has_floor(&self) -> bool {
        self.anchors().all(|g| self.base[g] > 0.0)
    }

    /// `sum_c w_c log s_c`, or `None` if a row has no mass at exponent zero (nscl).
    pub(crate) fn floor(&self) -> Option<f64> {
        let terms = self.anchors().map(|g| self.group_weight(g) * self.base[g].ln());
        self.has_floor().then(|| compensated_sum(terms))
    }

    /// The excess and its log from `log sum_{c' != c} a_c' exp((M_cc' - 1)/tau)` of one class of every group; without a floor
    /// the loss, and 0. The log survives where the excess underflows.
    pub(crate) fn excess(&self, log_masses: &[f64]) -> (f64, f64) {
        if !self.has_floor() {
            let terms = self.anchors().map(|g| self.group_weight(g) * log_masses[g]);
            return (compensated_sum(terms), 0.0);
        }
        let logs: Vec<f64> = self
            .anchors()
            .map(|g| {
                let x = log_masses[g] - self.base[g].ln();
                // Below 1e-16, log1p(S) = S to every digit.
                self.group_weight(g).ln() + if x < -37.0 { x } else { softplus(x).ln() }
            })
            .collect();
        let largest = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let log_excess = largest + compensated_sum(logs.iter().map(|log| (log - largest).exp())).ln();
        (log_excess.exp(), log_excess)
    }
}
