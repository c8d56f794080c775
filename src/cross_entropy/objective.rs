//! The loss of a symmetric point, with its derivatives: by groups of classes of equal size.
//!
//! With `x_g = sqrt(m_g) omega_g` and so on, the loss of a class of group `g` is
//!
//! ```text
//! log(1 + (m_g - 1) exp(-s_g m_g/(m_g - 1)) + sum_{j != g} m_j exp(T_jg - T_gg - s_g)),
//!      T_jg = omega_j . eta_g,   s_g = mu_g nu_g.
//! ```

use nalgebra::{DMatrix, DVector};

use super::problem::Reduced;
use crate::math::spectrum::{product, transposed_product};

/// Softmax masses of every column, and the derivatives of the weighted loss by `T` and `s`.
pub(super) struct Evaluation {
    /// Weighted mean cross-entropy, without ridges.
    pub(super) loss: f64,
    /// Loss of a class of every group.
    pub(super) of_class: Vec<f64>,
    /// `mass[(j, g)]`: the probability that a sample of a class of group `g` gives to all other classes of group `j`.
    pub(super) mass: DMatrix<f64>,
    /// Derivative by `T`.
    pub(super) by_logit: DMatrix<f64>,
    /// Derivative by `s`.
    pub(super) by_spread: DVector<f64>,
}

/// The ratio of the logit within a group to the spread: `m/(m - 1)`.
fn lift(m: f64) -> f64 {
    if m > 1.0 { m / (m - 1.0) } else { 0.0 }
}

/// `T` and `s` of a bilinear pair of columns (`(d + 1) x r` each, the last row holds the scalars).
pub(super) fn logits(reduced: &Reduced, x: &DMatrix<f64>, y: &DMatrix<f64>) -> (DMatrix<f64>, DVector<f64>) {
    let (rows, groups) = x.shape();
    let m = &reduced.multiplicity;
    let mut t = transposed_product(&x.rows(0, rows - 1).into_owned(), &y.rows(0, rows - 1).into_owned());
    for g in 0..groups {
        for j in 0..groups {
            t[(j, g)] /= (m[j] * m[g]).sqrt();
        }
    }
    let s = DVector::from_fn(groups, |g, _| x[(rows - 1, g)] * y[(rows - 1, g)] / m[g]);
    (t, s)
}

/// The loss and its derivatives at logits.
pub(super) fn evaluate(reduced: &Reduced, t: &DMatrix<f64>, s: &DVector<f64>) -> Evaluation {
    let groups = reduced.groups();
    let m = &reduced.multiplicity;
    let mut mass = DMatrix::zeros(groups, groups);
    let mut by_logit = DMatrix::zeros(groups, groups);
    let mut by_spread = DVector::zeros(groups);
    let mut of_class = vec![0.0; groups];
    let mut loss = 0.0;
    for g in 0..groups {
        let exponent = |j: usize| {
            if j == g {
                -s[g] * lift(m[g])
            } else {
                t[(j, g)] - t[(g, g)] - s[g]
            }
        };
        let others = |j: usize| if j == g { m[g] - 1.0 } else { m[j] };
        let top = (0..groups)
            .filter(|&j| others(j) > 0.0)
            .map(exponent)
            .fold(0.0, f64::max);
        let mut sum = 0.0;
        for j in 0..groups {
            if others(j) > 0.0 {
                mass[(j, g)] = others(j) * (exponent(j) - top).exp();
                sum += mass[(j, g)];
            }
        }
        let own = (-top).exp();
        of_class[g] = if top > 0.0 { top + (own + sum).ln() } else { sum.ln_1p() };
        let weight = m[g] * reduced.weight[g];
        loss += weight * of_class[g];
        let mut away = 0.0;
        for j in 0..groups {
            mass[(j, g)] /= own + sum;
            if j != g {
                by_logit[(j, g)] = weight * mass[(j, g)];
                away += mass[(j, g)];
            }
        }
        by_logit[(g, g)] = -weight * away;
        by_spread[g] = -weight * (away + mass[(g, g)] * lift(m[g]));
    }
    Evaluation {
        loss,
        of_class,
        mass,
        by_logit,
        by_spread,
    }
}

/// The change of both derivatives along a change of `T` and `s`.
pub(super) fn second(
    reduced: &Reduced,
    at: &Evaluation,
    dt: &DMatrix<f64>,
    ds: &DVector<f64>,
) -> (DMatrix<f64>, DVector<f64>) {
    let groups = reduced.groups();
    let m = &reduced.multiplicity;
    let mut logit = DMatrix::zeros(groups, groups);
    let mut spread = DVector::zeros(groups);
    for g in 0..groups {
        let change = |j: usize| {
            if j == g {
                -ds[g] * lift(m[g])
            } else {
                dt[(j, g)] - dt[(g, g)] - ds[g]
            }
        };
        let mean: f64 = (0..groups).map(|j| at.mass[(j, g)] * change(j)).sum();
        let weight = m[g] * reduced.weight[g];
        let mut away = 0.0;
        for j in (0..groups).filter(|&j| j != g) {
            let moved = at.mass[(j, g)] * (change(j) - mean);
            logit[(j, g)] = weight * moved;
            away += moved;
        }
        logit[(g, g)] = -weight * away;
        spread[g] = -weight * (away + at.mass[(g, g)] * (change(g) - mean) * lift(m[g]));
    }
    (logit, spread)
}

/// The derivatives by the columns of one side, from those by logits and the columns of the other: `other E^T` for the
/// classifier, `other E` for the features.
pub(super) fn pull(
    reduced: &Reduced,
    by_logit: &DMatrix<f64>,
    by_spread: &DVector<f64>,
    other: &DMatrix<f64>,
    classifier: bool,
) -> DMatrix<f64> {
    let (rows, groups) = other.shape();
    let m = &reduced.multiplicity;
    let scaled = DMatrix::from_fn(groups, groups, |j, g| {
        let entry = if classifier { by_logit[(g, j)] } else { by_logit[(j, g)] };
        entry / (m[j] * m[g]).sqrt()
    });
    let mut out = product(other, &scaled);
    for g in 0..groups {
        out[(rows - 1, g)] = by_spread[g] * other[(rows - 1, g)] / m[g];
    }
    out
}
