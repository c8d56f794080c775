//! THEORY (5)-(7) with multiplicities: residuals, closed forms, and the start of Newton's method.

use crate::gram::implicit::Point;
use crate::math::blocks;
use crate::math::cauchy::{Grid, Resolution, log_cosh_half, sech_half};
use crate::objective::Coefficients;

/// `log w` of a class without anchors lies this far below the smallest other one. Its `beta` is then 0 to every digit, and
/// still finite: its `xi` stays finite too.
const NO_ANCHOR: f64 = 200.0;

/// How far `z` may overshoot its largest feasible value on the way to a solution.
const RUNAWAY: f64 = 60.0;

/// The unknowns: `xi_g = log(t_g / sqrt(beta_g))` and `z_g`, one pair per group.
#[derive(Debug, Clone)]
pub(super) struct Unknowns {
    pub(super) xi: Vec<f64>,
    pub(super) z: Vec<f64>,
}

/// The unknowns together with everything computed from them once.
#[derive(Debug)]
pub(super) struct Evaluation {
    pub(super) unknowns: Unknowns,
    /// `y = log beta`.
    pub(super) y: Vec<f64>,
    /// `log sum_{c' != c} a_c' u_cc'`.
    pub(super) log_mass: Vec<f64>,
    /// `v` of one class, scaled so that all classes sum to 1.
    pub(super) v: Vec<f64>,
    /// `z - log(s + mass)`, THEORY (6).
    pub(super) row_z: Vec<f64>,
    /// `v_c + sum_{c' != c} M_cc' v_c'`, THEORY (7).
    pub(super) row_v: Vec<f64>,
    /// Largest residual: of (6) relative to `max(1, |z|)`, of (7) relative to `max(1, tau)`, which is how far rounding
    /// alone can push them.
    pub(super) norm: f64,
    /// Euclidean length of the residuals, for the line search.
    pub(super) length: f64,
}

/// The equations of one problem.
#[derive(Debug)]
pub(super) struct Equations<'a> {
    pub(super) tau: f64,
    pub(super) multiplicity: &'a [f64],
    pub(super) classes: f64,
    pub(super) log_base: Vec<f64>,
    pub(super) log_column: Vec<f64>,
    /// `log(w / (tau a))`, so that `log beta = offset - z`.
    offset: Vec<f64>,
    /// `log( max s + sum a )`: no `z` exceeds it at a feasible `M`.
    ceiling: f64,
}

impl<'a> Equations<'a> {
    pub(super) fn new(coefficients: &'a Coefficients) -> Equations<'a> {
        let r = coefficients.groups();
        let least = coefficients
            .weight
            .iter()
            .filter(|&&w| w > 0.0)
            .fold(f64::INFINITY, |a, &w| a.min(w));
        let log_column: Vec<f64> = blocks::map(r, |g| coefficients.column[g].ln());
        let offset = blocks::map(r, |g| {
            let w = coefficients.weight[g];
            let log_weight = if w > 0.0 { w.ln() } else { least.ln() - NO_ANCHOR };
            log_weight - coefficients.temperature.ln() - log_column[g]
        });
        let base = blocks::max(r, |g| coefficients.base[g]);
        let [columns] = blocks::sum(r, |g| [coefficients.multiplicity[g] * coefficients.column[g]]);
        Equations {
            tau: coefficients.temperature,
            multiplicity: &coefficients.multiplicity,
            classes: coefficients.classes(),
            log_base: blocks::map(r, |g| coefficients.base[g].ln()),
            log_column,
            offset,
            ceiling: (base + columns).ln(),
        }
    }

    /// The same classes on the way from equal ones (`fraction` 0) to themselves (1): `w`, `a` and `s` interpolate
    /// geometrically.
    pub(super) fn near_balance(&self, fraction: f64) -> Equations<'a> {
        let blend = |values: &[f64]| {
            let [sum] = blocks::sum(values.len(), |g| [self.multiplicity[g] * values[g]]);
            let mean = sum / self.classes;
            let blend = |g: usize| {
                if mean.is_finite() {
                    mean + fraction * (values[g] - mean)
                } else {
                    values[g]
                }
            };
            blocks::map(values.len(), blend)
        };
        Equations {
            tau: self.tau,
            multiplicity: self.multiplicity,
            classes: self.classes,
            log_base: blend(&self.log_base),
            log_column: blend(&self.log_column),
            offset: blend(&self.offset),
            // Geometric means of w, a and s exceed no sum of theirs.
            ceiling: self.ceiling,
        }
    }

    /// The same classes on the way from a higher temperature (`fraction` 0) to their own (1), evenly in `1/tau`: where
    /// `M` hardly changes the unknowns are straight lines in `1/tau`.
    pub(super) fn warmed(&self, high: f64, fraction: f64) -> Equations<'a> {
        Equations {
            tau: 1.0 / (fraction / self.tau + (1.0 - fraction) / high),
            multiplicity: self.multiplicity,
            classes: self.classes,
            log_base: self.log_base.clone(),
            log_column: self.log_column.clone(),
            // The temperature in log beta is common to all groups, so that it does not matter.
            offset: self.offset.clone(),
            ceiling: self.ceiling,
        }
    }

    pub(super) fn groups(&self) -> usize {
        self.multiplicity.len()
    }

    /// Residuals of (6) and (7), with (5) substituted; `None` where they are not finite, or where `z` is so far above what
    /// a feasible `M` allows that Newton's method is on its way to a collapsed problem: beta then spreads without limit.
    pub(super) fn evaluate(&self, unknowns: Unknowns) -> Option<Evaluation> {
        let (r, tau, m) = (self.groups(), self.tau, self.multiplicity);
        let Unknowns { xi, z } = &unknowns;
        let y = blocks::map(r, |g| self.offset[g] - z[g]);
        if !blocks::max(r, |g| y[g].abs() + xi[g].abs()).is_finite()
            || blocks::max(r, |g| z[g]) > self.ceiling + RUNAWAY
        {
            return None;
        }

        // alpha = a e^xi and v = a t = a e^{xi + y/2}, each divided by its largest value so that neither overflows.
        let log_alpha = |g: usize| self.log_column[g] + xi[g];
        let log_v = |g: usize| log_alpha(g) + 0.5 * y[g];
        let alpha_scale = blocks::max(r, log_alpha);
        let v_scale = blocks::max(r, log_v);
        let mut v = blocks::map(r, |g| (log_v(g) - v_scale).exp());
        let [v_sum] = blocks::sum(r, |g| [m[g] * v[g]]);
        v.iter_mut().for_each(|value| *value /= v_sum);
        let [v_xi] = blocks::sum(r, |g| [m[g] * v[g] * xi[g]]);

        // sum_{c' != c} a_c' u_cc' = e^xi_c sum alpha_c' sech((y_c - y_c')/2)
        // sum_{c' != c} v_c' M_cc' = sum v_c' (1 + tau (xi_c + xi_c' - log cosh((y_c - y_c')/2)))
        let sums = Grid::new(&y, Resolution::Full).others(
            m,
            |g| [(log_alpha(g) - alpha_scale).exp(), v[g]],
            |d| [sech_half(d), log_cosh_half(d)],
        );
        let log_mass = blocks::map(r, |g| xi[g] + alpha_scale + sums[g][0].ln());
        let row_z = blocks::map(r, |g| z[g] - log_add(self.log_base[g], log_mass[g]));
        let row_v = blocks::map(r, |g| {
            v[g] + (1.0 + tau * xi[g]) * (1.0 - v[g]) + tau * (v_xi - xi[g] * v[g]) - tau * sums[g][1]
        });

        let norm = blocks::max(r, |g| {
            (row_z[g].abs() / z[g].abs().max(1.0)).max(row_v[g].abs() / tau.max(1.0))
        });
        let [square] = blocks::sum(r, |g| [m[g] * (row_z[g].powi(2) + row_v[g].powi(2))]);
        let evaluation = Evaluation {
            unknowns,
            y,
            log_mass,
            v,
            row_z,
            row_v,
            norm,
            length: square.sqrt(),
        };
        (norm.is_finite() && square.is_finite()).then_some(evaluation)
    }

    /// The two problems whose solution is known: one group (the simplex ETF, `M_cc' = -1/(k-1)`), and two classes
    /// (`M_12 = -1`, which (7) turns into `v_1 = v_2`).
    pub(super) fn closed_form(&self) -> Option<Unknowns> {
        let m = self.multiplicity;
        match self.groups() {
            1 => Some(self.frame()),
            2 if m[0] == 1.0 && m[1] == 1.0 => {
                let mut unknowns = self.frame();
                let y = [self.offset[0] - unknowns.z[0], self.offset[1] - unknowns.z[1]];
                let sum = -2.0 / self.tau + log_cosh_half(y[0] - y[1]);
                let difference = (self.log_column[1] + 0.5 * y[1]) - (self.log_column[0] + 0.5 * y[0]);
                unknowns.xi = vec![0.5 * (sum + difference), 0.5 * (sum - difference)];
                Some(unknowns)
            }
            _ => None,
        }
    }

    /// The simplex ETF on these classes: `u_cc' = e^{(M - 1)/tau}` with `M = -1/(k-1)`, and `z` from (6).
    fn frame(&self) -> Unknowns {
        let log_u = -self.classes / ((self.classes - 1.0) * self.tau);
        let scale = blocks::max(self.groups(), |g| self.log_column[g]);
        let a = |g: usize| (self.log_column[g] - scale).exp();
        let [total] = blocks::sum(self.groups(), |g| [self.multiplicity[g] * a(g)]);
        // The largest class would lose the others' digits in a difference when it outweighs them.
        let others = |g: usize| {
            let rest = total - a(g);
            if rest > 0.5 * total || self.groups() == 1 {
                return total * (1.0 - a(g) / total);
            }
            (0..self.groups())
                .map(|h| a(h) * (self.multiplicity[h] - f64::from(u8::from(h == g))))
                .sum()
        };
        Unknowns {
            xi: vec![0.5 * log_u; self.groups()],
            z: blocks::map(self.groups(), |g| {
                log_add(self.log_base[g], others(g).ln() + scale + log_u)
            }),
        }
    }

    /// Where Newton's method starts: `z` of the ETF, and the `v` whose products `v_c v_c'` fit the gradient there best in
    /// the logarithm,
    ///
    /// ```text
    /// log v_c = ( r_c - sum r / (2 (k-1)) ) / (k-2),   r_c = sum_{c' != c} log A_cc'
    /// ```
    ///
    /// In `xi` the gradient at the ETF reads `log A_cc' = log u + log cosh((y_c - y_c')/2)`, up to terms of `c` and of `c'`
    /// that pass through unchanged. Three classes or more.
    pub(super) fn start(&self) -> Unknowns {
        let mut unknowns = self.frame();
        let y = blocks::map(self.groups(), |g| self.offset[g] - unknowns.z[g]);
        let rows = Grid::new(&y, Resolution::Coarse).others(self.multiplicity, |_| [1.0], |d| [log_cosh_half(d)]);
        let [total] = blocks::sum(self.groups(), |g| [self.multiplicity[g] * rows[g][0]]);
        let k = self.classes;
        for (xi, row) in unknowns.xi.iter_mut().zip(&rows) {
            *xi += (row[0] - total / (2.0 * (k - 1.0))) / (k - 2.0);
        }
        unknowns
    }

    /// The solution as data.
    pub(super) fn point(&self, evaluation: Evaluation) -> Point {
        Point {
            temperature: self.tau,
            log_ratio: evaluation.unknowns.xi,
            log_beta: evaluation.y,
            z: evaluation.unknowns.z,
            log_mass: evaluation.log_mass,
        }
    }
}

/// `log(e^a + e^b)`; `a` may be minus infinity.
pub(super) fn log_add(a: f64, b: f64) -> f64 {
    let (low, high) = if a < b { (a, b) } else { (b, a) };
    high + (low - high).exp().ln_1p()
}
