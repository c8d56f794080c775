//! Whether `M` of (5) is positive semidefinite, which makes a solution of (5)-(7) the global optimum.

use faer::Mat;

use super::linear;
use crate::gram::implicit::Point;

/// How `M` was found to be positive semidefinite, or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Definiteness {
    /// All `kappa <= 0`: the O(k) proof of THEORY 3.
    Kappa,
    /// A dense Cholesky factorisation of `M + v v^T`, shifted by its own rounding.
    Factorisation,
    /// `M` has a negative eigenvalue.
    Indefinite,
    /// Some `kappa > 0` and too many groups to factorise.
    Undecided,
}

/// Tests `M`; `limit` is the largest number of groups to factorise.
pub(super) fn definiteness(point: &Point, multiplicity: &[f64], column: &[f64], limit: usize) -> Definiteness {
    let r = point.groups();
    // Two classes of one group: 1 - M_gg = -2 tau xi_g >= 0, up to the rounding of xi.
    if (0..r).any(|g| multiplicity[g] > 1.0 && point.temperature * point.log_ratio[g] > 1e-14) {
        return Definiteness::Indefinite;
    }
    if point.log_ratio.iter().all(|&xi| xi <= 0.0) {
        return Definiteness::Kappa;
    }
    if some_entry_exceeds_one(point) {
        return Definiteness::Indefinite;
    }
    if r > limit {
        return Definiteness::Undecided;
    }
    if linear::has_cholesky(lifted(point, multiplicity, column)) {
        Definiteness::Factorisation
    } else {
        Definiteness::Indefinite
    }
}

/// Whether `M_gh > 1` for two groups with `xi > 0` that are neighbours in `beta`, where entries are largest.
fn some_entry_exceeds_one(point: &Point) -> bool {
    let mut positive: Vec<usize> = (0..point.groups()).filter(|&g| point.kappa_is_positive(g)).collect();
    positive.sort_by(|&g, &h| point.log_beta[g].total_cmp(&point.log_beta[h]));
    positive
        .windows(2)
        .any(|pair| point.temperature * point.log_u(pair[0], pair[1]) > 1e-14)
}

/// The invariant block of `M` in an orthonormal basis: diagonal `1 + (m_g - 1) M_gg`, off the diagonal
/// `sqrt(m_g m_h) M_gh`. `M v = 0` leaves one eigenvalue 0, which `v v^T` lifts; a shift of a few roundings keeps the
/// factorisation from failing on what is 0 exactly.
fn lifted(point: &Point, multiplicity: &[f64], column: &[f64]) -> Mat<f64> {
    let r = point.groups();
    let root: Vec<f64> = multiplicity.iter().map(|m| m.sqrt()).collect();
    let log_v: Vec<f64> = (0..r).map(|g| column[g].ln() + point.log_t(g)).collect();
    let largest = log_v.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let mut null: Vec<f64> = (0..r).map(|g| root[g] * (log_v[g] - largest).exp()).collect();
    let length = null.iter().map(|x| x * x).sum::<f64>().sqrt();
    null.iter_mut().for_each(|x| *x /= length);
    let scale = (0..r)
        .map(|g| 1.0 + (multiplicity[g] - 1.0) * point.entry(g, g).abs())
        .fold(1.0, f64::max);
    let shift = 1e-14 * scale * (r as f64).max(8.0);
    Mat::from_fn(r, r, |g, h| {
        if h > g {
            return 0.0;
        }
        let entry = point.entry(g, h);
        let block = if g == h {
            1.0 + (multiplicity[g] - 1.0) * entry + shift
        } else {
            root[g] * root[h] * entry
        };
        block + scale * null[g] * null[h]
    })
}
