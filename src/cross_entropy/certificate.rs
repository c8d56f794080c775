//! The lower bound, from a point alone: weak duality by the same principle as THEORY (4).
//!
//! With `G` the gradient of the loss by the logits, at columns of probabilities `q`, convexity gives
//! `loss(Z) >= <G, Z> - f*(G)`, `f*(G) = sum_c p_c sum_j q_jc log q_jc`. If `[[Diag(alpha), G], [G^T, Diag(beta)]]` is
//! semidefinite, `<G, Z>` is at least `-1/2 sum alpha_c |w_c|^2 - 1/2 sum beta_c |h_c|^2` for every classifier and all
//! features, and the support function of the domains ends it. `G` shrunk is again a gradient, at probabilities nearer to the
//! labels: so much is it shrunk that the definiteness is proven by a Cholesky factorisation.

use nalgebra::DMatrix;

use super::objective::{evaluate, logits};
use super::problem::{Reduced, Side};
use super::trust_region::{Descent, Point};
use crate::math::spectrum::definite_shift;

/// A proven bound, and the dual point that proves it.
#[derive(Debug, Clone)]
pub(super) struct Bound {
    /// The objective at the point.
    pub(super) value: f64,
    /// No classifier and features have less.
    pub(super) lower: f64,
    /// Proven lower bound on the smallest eigenvalue of the dual matrix with unit diagonal.
    pub(super) min_eigenvalue: f64,
    /// Multipliers of the squared norms, by group.
    pub(super) multipliers: [Vec<f64>; 2],
    /// `G`, by pairs of classes of groups: `between` is that of two different classes.
    pub(super) between: DMatrix<f64>,
    pub(super) diagonal: Vec<f64>,
}

impl Bound {
    pub(super) fn gap(&self) -> f64 {
        self.value - self.lower
    }

    /// By the value, which is positive.
    pub(super) fn relative_gap(&self) -> f64 {
        let gap = self.gap().max(0.0) / self.value;
        if gap.is_nan() { f64::INFINITY } else { gap }
    }
}

pub(super) fn bound(reduced: &Reduced, point: &Point) -> Bound {
    let state = Descent::new(reduced).state(point);
    let domains = [reduced.side(true), reduced.side(false)];
    let groups = reduced.groups();
    let m = &reduced.multiplicity;
    let (t, s) = logits(reduced, &point.sides[0], &point.sides[1]);
    let at = evaluate(reduced, &t, &s);
    // A multiplier that is no positive number proves nothing; any positive one proves something.
    let multipliers = [0, 1].map(|side| -> Vec<f64> {
        let most = state.multipliers[side].iter().copied().fold(0.0, f64::max);
        let raise = |a: &f64| a.max(most * 1e-12).max(f64::MIN_POSITIVE * 1e10);
        state.multipliers[side].iter().map(raise).collect()
    });
    // G between two classes: the mass of a group is shared by its classes.
    let each = |j: usize, g: usize| {
        let count = if j == g { m[g] - 1.0 } else { m[j] };
        if count > 0.0 {
            reduced.weight[g] * at.mass[(j, g)] / count
        } else {
            0.0
        }
    };
    let away: Vec<f64> = (0..groups).map(|g| at.mass.column(g).sum()).collect();
    let diagonal: Vec<f64> = (0..groups).map(|g| -reduced.weight[g] * away[g]).collect();
    let between = DMatrix::from_fn(groups, groups, each);
    let scale = |j: usize, g: usize| (multipliers[0][j] * multipliers[1][g]).sqrt();
    // The block of what is constant on groups, and one of two rows for every group of several classes; unit diagonals.
    let mut block = DMatrix::identity(2 * groups, 2 * groups);
    for g in 0..groups {
        for j in 0..groups {
            let entry = if j == g {
                diagonal[g] + (m[g] - 1.0) * between[(g, g)]
            } else {
                (m[j] * m[g]).sqrt() * between[(j, g)]
            };
            block[(j, groups + g)] = entry / scale(j, g);
            block[(groups + g, j)] = entry / scale(j, g);
        }
    }
    let mut shift = definite_shift(&block);
    for g in (0..groups).filter(|&g| m[g] > 1.0) {
        let entry = (diagonal[g] - between[(g, g)]).abs() / scale(g, g);
        shift = shift.max(entry * (1.0 + 8.0 * f64::EPSILON) - 1.0);
    }
    let shrink = 1.0 / (1.0 + shift);
    // -f*: the entropy of the shrunken probabilities.
    let mut entropy = 0.0;
    for g in 0..groups {
        let rest = away[g] * shrink;
        let mut sum = -(1.0 - rest) * (-rest).ln_1p();
        for j in 0..groups {
            let count = if j == g { m[g] - 1.0 } else { m[j] };
            let each = at.mass[(j, g)] * shrink / count;
            if count > 0.0 && each > 0.0 {
                sum -= count * each * each.ln();
            }
        }
        // A probability of one has no entropy: the limit of 0 log 0.
        if rest >= 1.0 {
            sum = if sum.is_finite() { sum } else { 0.0 };
        }
        entropy += m[g] * reduced.weight[g] * sum;
    }
    let mut lower = entropy;
    for (domain, multipliers) in domains.iter().zip(&multipliers) {
        lower -= match domain {
            Side::Balls(squared) => 0.5 * squared * multipliers.iter().zip(m).map(|(a, m)| a * m).sum::<f64>(),
            Side::Total(squared) => 0.5 * squared * multipliers.iter().copied().fold(0.0, f64::max),
            Side::Ridge(_) => 0.0,
        };
    }
    // The mean of losses that are not negative.
    let lower = if lower.is_nan() { 0.0 } else { lower.max(0.0) };
    Bound {
        value: state.value,
        lower,
        min_eigenvalue: -shift,
        multipliers,
        between: between * shrink,
        diagonal: diagonal.into_iter().map(|d| d * shrink).collect(),
    }
}
