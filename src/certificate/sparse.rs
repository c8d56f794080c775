//! The certificate of a Gram matrix given by a factor, on the pairs that a schedule of batches looks at.
//!
//! The affine minorant is the tangent at the matrix itself, THEORY (4). Its slopes are zero off the pattern, and so is `S`: one
//! sparse Cholesky factorisation proves it semidefinite, in the scale of its diagonal,
//!
//! ```text
//! S = A + Diag(nu),   nu_g = -(A M)_g,   D = Diag(nu),   D^{-1/2} S D^{-1/2} + eta I PSD   =>   gap <= eta sum nu.
//! ```
//!
//! With nonnegative features multipliers carry the positive slopes, and `nu_g = sum_h |min(A_gh, 0)|` makes what is left
//! diagonally dominant: for the orthogonal frame, whose points within a class coincide, the bound is then exact.

use super::bound::{Bound, Dual, Primal, conclude};
use super::{BoundMethod, Certificate, DualPoint};
use crate::error::Error;
use crate::gram::Gram;
use crate::gram::entries::Entries;
use crate::math::sparse::Sparse;
use crate::objective::{Objective, others};

/// Judges `gram`, a matrix in the form of a factor, whose entries on the pattern are read from it.
pub(super) fn certify<O: Objective<Entries = Sparse>>(
    objective: &O,
    gram: &Gram,
    nonnegative: bool,
    tolerance: f64,
) -> Result<Certificate, Error> {
    let m = objective.multiplicity();
    let mut values = objective.zeros();
    values.update(|g, h, _| gram.between(g, h));
    if nonnegative && values.values().iter().any(|&value| value < 0.0) {
        return Err(Error::Gram {
            reason: "it has negative entries".to_owned(),
        });
    }
    let floor = objective.floor();
    let at = objective.evaluate(&values, 0.0);
    let (excess, log_excess) = (objective.excess(&at), objective.log_excess(&at));
    let log_scale = if floor.is_some() { log_excess } else { 0.0 };
    let primal = Primal {
        gram: gram.clone(),
        shift: 0.0,
        floor,
        log_excess,
        excess,
        rounding: objective.rounding(),
    };
    let (_, _, scale) = primal.units();
    let nothing = || Error::Gram {
        reason: "no lower bound is a finite number".to_owned(),
    };
    let affine = objective.minorant(&values, &values, log_scale).ok_or_else(nothing)?;
    let a = affine.y.symmetrised();
    let multipliers = if nonnegative {
        dominant(&a, m)
    } else {
        shifted(&a, &values, m)
    };
    let total = multipliers.nu.iter().zip(m).map(|(nu, m)| nu * m).sum::<f64>();
    let dual = Dual {
        bound: Bound::new(affine.constant - total).ok_or_else(nothing)?,
        min_eigenvalue: -multipliers.shift * scale,
        method: if nonnegative {
            BoundMethod::Entrywise
        } else {
            BoundMethod::Shift
        },
        point: DualPoint {
            y: None,
            sparse: Some(affine.y),
            nu: multipliers.nu,
            log_scale,
            tangent: None,
        },
    };
    conclude(primal, dual, tolerance)
}

/// `nu` for which `S` is semidefinite, and the most that was added to one of them for that.
struct Multipliers {
    nu: Vec<f64>,
    shift: f64,
}

/// `nu = -(A M)`, raised by what a Cholesky factorisation needs.
fn shifted(a: &Sparse, values: &Sparse, m: &[f64]) -> Multipliers {
    let mut nu = vec![0.0; m.len()];
    let mut largest = 0.0f64;
    a.each(|g, h, entry| nu[g] -= others(m, g, h) * entry * values.entry(g, h));
    // The eigenvalues of differences of points of one vertex: each needs its own multiplier alone.
    let mut shift = 0.0f64;
    for (g, &m) in m.iter().enumerate() {
        let entry = a.entry(g, g);
        if m >= 2.0 {
            let needed = entry + 2.0 * f64::EPSILON * (nu[g].abs() + entry.abs());
            shift = shift.max(needed - nu[g]);
            nu[g] = nu[g].max(needed);
        }
        largest = largest.max(nu[g].abs()).max(entry.abs());
    }
    // A vertex whose own multiplier is zero, or negative by rounding, is scaled by what is small beside the others.
    let scale: Vec<f64> = nu
        .iter()
        .map(|nu| nu.max(1e-9 * largest).max(f64::MIN_POSITIVE))
        .collect();
    let mut block = a.clone();
    let mut rows = vec![0.0; m.len()];
    block.update(|g, h, entry| {
        let lifted = if g == h {
            nu[g] + (m[g] - 1.0) * entry
        } else {
            (m[g] * m[h]).sqrt() * entry
        };
        let scaled = lifted / (scale[g] * scale[h]).sqrt();
        rows[g] += scaled.abs();
        scaled
    });
    // The scaled entries have a few roundings each.
    let rounding = 8.0 * f64::EPSILON * rows.iter().copied().fold(0.0, f64::max);
    let eta = block.definite_shift() + rounding;
    for (nu, scale) in nu.iter_mut().zip(&scale) {
        *nu += eta * scale;
        shift = shift.max(eta * scale);
    }
    Multipliers { nu, shift }
}

/// `nu` that dominates the negative slopes; nonnegative entries take the positive ones.
fn dominant(a: &Sparse, m: &[f64]) -> Multipliers {
    let mut nu = vec![0.0; m.len()];
    a.each(|g, h, entry| nu[g] += others(m, g, h) * (-entry).max(0.0));
    Multipliers { nu, shift: 0.0 }
}
