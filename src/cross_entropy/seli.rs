//! SELI, the limit of a vanishing ridge on both sides \[Thrampoulidis2022\], in closed form.
//!
//! The logits become proportional to the simplex-encoded labels, `P = I - 1 1^T/k` by classes, and the factors are those of its
//! singular value decomposition with a column for every sample: with `N = Diag(n_c)` and `R = (P N P)^(1/2)`,
//! `W W^T = R`, `H^T H = R^+` and `W^T H = P` by classes. By groups of equal size `P N P` is `n_g` on differences within a group, and
//! one block of as many rows as there are groups.

use nalgebra::DMatrix;

use super::problem::Reduced;
use super::trust_region::Point;
use crate::math::spectrum::{eigen, transposed_product};

/// The factors, and the nuclear norm of the simplex-encoded labels: the least of all logits with margins of at least 1.
pub(super) struct Seli {
    pub(super) point: Point,
    pub(super) nuclear_norm: f64,
    /// Bound on the nuclear norm by the dual point, shrunk or moved where it must be to be feasible; `None` if the signs are wrong.
    pub(super) dual: Option<f64>,
}

pub(super) fn seli(reduced: &Reduced) -> Option<Seli> {
    let groups = reduced.groups();
    let m = &reduced.multiplicity;
    let k = reduced.classes();
    let unit: Vec<f64> = m.iter().map(|m| (m / k).sqrt()).collect();
    let p = DMatrix::from_fn(groups, groups, |i, j| {
        if i == j {
            1.0 - unit[i] * unit[j]
        } else {
            -unit[i] * unit[j]
        }
    });
    let weighted = DMatrix::from_fn(groups, groups, |i, j| reduced.samples[i].sqrt() * p[(i, j)]);
    let spectrum = eigen(&transposed_product(&weighted, &weighted))?;
    // One eigenvalue is zero, that of all classes together.
    let roots: Vec<f64> = spectrum.values[1..].iter().map(|v| v.max(0.0).sqrt()).collect();
    let vectors = spectrum.vectors.columns(1, groups - 1);
    let side = |power: f64| {
        DMatrix::from_fn(groups, groups, |i, g| {
            if i + 1 < groups {
                roots[i].powf(0.5 * power) * vectors[(g, i)]
            } else if m[g] > 1.0 {
                // Differences within a group of m classes: the spread of a column, in units of sqrt(m).
                (reduced.samples[g].powf(0.5 * power) * (m[g] - 1.0)).sqrt()
            } else {
                0.0
            }
        })
    };
    let nuclear_norm = roots.iter().sum::<f64>()
        + (0..groups)
            .map(|g| (m[g] - 1.0) * reduced.samples[g].sqrt())
            .sum::<f64>();
    // Y N^(1/2) = R^+ P N by classes: its columns sum to zero, and off the label no entry may be positive.
    let inverse = DMatrix::from_fn(groups, groups, |i, j| {
        (0..groups - 1)
            .map(|l| vectors[(i, l)] * vectors[(j, l)] / roots[l])
            .sum::<f64>()
    });
    let mut feasible = true;
    for g in 0..groups {
        for j in 0..groups {
            let entry = if j == g {
                if m[g] < 2.0 {
                    continue;
                }
                (inverse[(g, g)] - 1.0 / reduced.samples[g].sqrt()) / m[g]
            } else {
                inverse[(j, g)] / (m[j] * m[g]).sqrt()
            };
            feasible &= entry <= 1e-12 / reduced.samples[g].sqrt();
        }
    }
    Some(Seli {
        point: Point {
            sides: [side(1.0), side(-1.0)],
        },
        nuclear_norm,
        dual: feasible.then_some(nuclear_norm),
    })
}
