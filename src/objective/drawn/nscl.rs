//! The rows of nscl on random batches: [`Drawn`] without anything of the anchor's own class in the denominator.
//!
//! An anchor counts if its batch has a negative and, with one view, a positive: with probability
//! `A = 1 - sigma (1 - rho)^n - rho^n`. With `C` and `P = C + rho` as in `quadrature`, and `u` in units of the largest of the
//! row, `u_0`,
//!
//! ```text
//! row_c = rho_c ( A log(V u_0) + int_0^inf [ A e^{-s} - T ] ds/s ),   T = P^n - sigma C^n - rho^n,
//! d row_c / d u_cc' = n rho_c rho_c' int_0^inf e^{-s u_cc'} (P^{n-1} - sigma C^{n-1}) ds.
//! ```
//!
//! There is no floor, and no `e^{-kappa s}`: the integrand ends with the smallest `u` of the row, as a batch may hold that
//! class alone. So every row has its own nodes. Where `C` is above half of its value at `s = 0` everything follows from
//! `C_0 - C`, below from the sum `C` itself.

use super::{Drawn, Row, RowSums};
use crate::objective::quadrature::{Grid, Mass, Scheme};
use crate::objective::sampled::Found;

/// Smaller `u`, in units of the largest of the row, are read as this: feasible matrices have none, see
/// [`crate::problem::MIN_BATCH_NSCL_TEMPERATURE`].
pub(in crate::objective) const SMALLEST: f64 = -640.0;

/// What is the same at all nodes of a row.
struct Powers {
    n: f64,
    skips: bool,
    rho: f64,
    log_rho: f64,
    /// `rho^n` and `A`.
    own: f64,
    counted: f64,
}

impl Powers {
    fn new(scheme: &Scheme, mass: &Mass) -> Self {
        let log_rho = if mass.rest < 0.5 {
            (-mass.rest).ln_1p()
        } else {
            mass.rho.ln()
        };
        let mut powers = Self {
            n: scheme.draws,
            skips: scheme.skips,
            rho: mass.rho,
            log_rho,
            own: (scheme.draws * log_rho).exp(),
            counted: 0.0,
        };
        powers.counted = powers.batches(mass.rest, mass.log_rest, 0.0);
        powers
    }

    /// `(C + rho)^m - sigma C^m`.
    fn difference(&self, m: f64, log_c: f64, log_p: f64) -> f64 {
        if !self.skips {
            return (m * log_p).exp();
        }
        let gain = m * self.gain(log_c);
        if gain < 1.0 {
            (m * log_c).exp() * gain.exp_m1()
        } else {
            (m * log_p).exp() - (m * log_c).exp()
        }
    }

    /// `log(1 + rho/C)`.
    fn gain(&self, log_c: f64) -> f64 {
        (self.log_rho - log_c).exp().ln_1p()
    }

    /// `T`.
    fn batches(&self, c: f64, log_c: f64, log_p: f64) -> f64 {
        if self.skips && c > self.rho {
            return self.difference(self.n, log_c, log_p) - self.own;
        }
        let of_others = if self.skips { (self.n * log_c).exp() } else { 0.0 };
        let gain = self.n * (c / self.rho).ln_1p();
        let with_own = if gain < 1.0 {
            self.own * gain.exp_m1()
        } else {
            (self.n * log_p).exp() - self.own
        };
        with_own - of_others
    }
}

impl Drawn {
    /// The row of one class of `g` from `log u` of the other groups.
    pub(super) fn nscl_row(&self, log_u: &[f64], g: usize) -> Found {
        let (scheme, mass) = (&self.scheme, &self.mass[g]);
        let weights = self.weights(g);
        let present = || log_u.iter().zip(&weights).filter(|&(_, &w)| w > 0.0).map(|(&l, _)| l);
        let log_unit = present().fold(f64::NEG_INFINITY, f64::max);
        let least = present().fold(f64::INFINITY, f64::min) - log_unit;
        let relative: Vec<f64> = log_u.iter().map(|l| (l - log_unit).clamp(SMALLEST, 0.0)).collect();
        let grid = Grid::until(scheme, least.max(SMALLEST));
        let sums = RowSums::new(&grid, &relative, &weights, true);
        let missing = sums.total(&grid, &weights, &sums.relative, true);
        let left = sums.total(&grid, &weights, &sums.relative, false);
        let powers = Powers::new(scheme, mass);
        let constants = mass.constants_at(scheme, mass.rho, 1.0, 0.0);
        let rest_power = mass.rest_power(scheme);
        let n = scheme.draws;
        let mut integral = 0.0;
        let mut first = Vec::with_capacity(grid.s.len());
        let mut second = Vec::with_capacity(grid.s.len());
        for (j, &s) in grid.s.iter().enumerate() {
            let delta = missing[j].min(mass.rest);
            let near = delta < 0.5 * mass.rest;
            let (c, log_c) = if near {
                (mass.rest - delta, mass.log_rest + (-delta / mass.rest).ln_1p())
            } else {
                (left[j], left[j].ln())
            };
            let log_p = if delta < 0.5 {
                (-delta).ln_1p()
            } else {
                (c + mass.rho).ln()
            };
            let counted = powers.batches(c, log_c, log_p);
            let beside = if near && counted > 0.5 * powers.counted {
                // A (e^{-s} - 1) - (T - A), each without cancellation.
                mass.terms(scheme, &constants, rest_power, delta).drop + powers.counted * (-s).exp_m1()
            } else {
                powers.counted * (-s).exp() - counted
            };
            integral += grid.weight[j] * beside;
            let weight = grid.weight[j] * s;
            first.push(weight * powers.difference(n - 1.0, log_c, log_p));
            second.push(weight * (n - 1.0) * powers.difference(n - 2.0, log_c, log_p));
        }
        let integrals = sums.weighted(&grid, &first);
        let scale = n * mass.rho / self.temperature;
        let phi = (0..self.groups())
            .map(|h| match weights[h] > 0.0 {
                true => scale * self.mass[h].rho * integrals[h],
                false => 0.0,
            })
            .collect();
        Found {
            value: powers.counted * (self.log_views + log_unit) + integral,
            phi,
            log_unit,
            drawn: Some(Row {
                sums,
                first,
                second,
                grid: Some(grid),
            }),
        }
    }
}
