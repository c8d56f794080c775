//! The one statement of every full-batch loss: a weighted sum of log-sum-exp of differences of Gram entries.
//!
//! ```text
//! F(x) = sum_i w_i log( b_i + u_i e^{(1 - x_r)/tau} + sum_j m_ij e^{(x_j - x_r)/tau} ) + sum_e l_e (x_e - 1),   r = r(i)
//! ```
//!
//! over the entries `x` of a [`Layout`]: one within-class inner product for every group and one inner product for every
//! pair of groups. `r(i)` is the within-class entry of the anchor's class. At collapsed features `x_r = 1` and `F` is
//! THEORY (3). Everything is measured from the floor `sum_i w_i log(b_i + u_i)` by `log1p` and in the log domain, so the
//! excess keeps its digits at any temperature, even where it underflows.

use nalgebra::DMatrix;

use super::{Coefficients, coefficients, within_class_samples};
use crate::math::sum::compensated_sum;
use crate::problem::{FullBatch, FullBatchLoss, Measure, Problem};

/// Where the entries of a group-level Gram matrix stand in a vector.
///
/// `within(g)`: inner product of two samples of one class of group `g`. `pair(g, h)`: of two classes, one of group `g`
/// and one of group `h`; `pair(g, g)` of two different classes of group `g` (unused where the group has one class).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layout {
    groups: usize,
}

impl Layout {
    /// The layout for `groups` groups.
    pub fn new(groups: usize) -> Self {
        Self { groups }
    }

    /// Number of groups `r`.
    pub fn groups(self) -> usize {
        self.groups
    }

    /// Length of an entry vector: `r + r (r + 1) / 2`.
    pub fn len(self) -> usize {
        self.groups + self.groups * (self.groups + 1) / 2
    }

    /// True for no groups, which no problem has.
    pub fn is_empty(self) -> bool {
        self.groups == 0
    }

    /// Index of the within-class entry of group `g`.
    pub fn within(self, g: usize) -> usize {
        debug_assert!(g < self.groups);
        g
    }

    /// Entries of collapsed features with the given values by groups (r x r; the upper triangle is read).
    pub fn collapsed(self, values: &DMatrix<f64>) -> Vec<f64> {
        let mut entries = vec![1.0; self.len()];
        for h in 0..self.groups {
            for g in 0..=h {
                entries[self.pair(g, h)] = values[(g, h)];
            }
        }
        entries
    }

    /// Index of the entry between groups `g` and `h`, in either order.
    pub fn pair(self, g: usize, h: usize) -> usize {
        let (low, high) = if g <= h { (g, h) } else { (h, g) };
        debug_assert!(high < self.groups);
        self.groups + high * (high + 1) / 2 + low
    }
}

/// One row: the anchors of one group of classes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Row {
    /// Total anchor weight `w_i` of the row; positive.
    pub weight: f64,
    /// Entry `x_r` that every exponent is measured from.
    pub reference: usize,
    /// Mass `b_i` at exponent zero.
    pub base: f64,
    /// Mass `u_i` at exponent `(1 - x_r) / tau`: the anchor itself (population supcon of finite classes).
    pub unit: f64,
    /// The row's terms are `start..end` of [`LogSumExp::terms`].
    pub start: usize,
    /// One past the last term.
    pub end: usize,
}

impl Row {
    /// The mass at the collapsed point that does not depend on the geometry, `s_c` of THEORY (3).
    pub fn floor_mass(&self) -> f64 {
        self.base + self.unit
    }
}

/// A function of the form stated in the module documentation.
#[derive(Debug, Clone, PartialEq)]
pub struct LogSumExp {
    layout: Layout,
    temperature: f64,
    rows: Vec<Row>,
    terms: Vec<(u32, f64)>,
    linear: Vec<(u32, f64)>,
    has_floor: bool,
}

/// The function at one point: what value, gradient and Hessian product share.
#[derive(Debug, Clone)]
pub struct Evaluation {
    /// `log S_i`, where row `i` is `w_i (log floor_mass + log1p S_i)`; for rows without floor the log of the whole sum.
    pub log_relative: Vec<f64>,
    /// Value above the floor, or the whole value where a row has no floor.
    pub excess: f64,
    /// `log(excess)`, right even where `excess` underflows; NaN where the value is not a positive excess.
    pub log_excess: f64,
}

impl LogSumExp {
    /// The loss of `problem` on groups of classes with the given sizes and multiplicities (see [`coefficients`]).
    pub fn from_problem(problem: &Problem, full: &FullBatch, sizes: &[f64], multiplicity: &[f64]) -> Self {
        let coefficients = coefficients(problem, full, sizes, multiplicity);
        let finite_population =
            full.loss == FullBatchLoss::Population && problem.classes().measure() == Measure::Counts;
        let mut objective = Self::from_coefficients(&coefficients);
        if finite_population {
            for row in &mut objective.rows {
                row.unit = 1.0;
                row.base -= 1.0;
                // The anchor is one of its own n positives: -(x_r (n - 1) + 1)/(n tau) instead of -x_r/tau.
                let n = within_class_samples(problem, sizes[row.reference]);
                objective
                    .linear
                    .push((row.reference as u32, row.weight / (n * coefficients.temperature)));
            }
        }
        objective
    }

    /// THEORY (3) with within-class entries as reference.
    pub fn from_coefficients(coefficients: &Coefficients) -> Self {
        let groups = coefficients.groups();
        let layout = Layout::new(groups);
        let mut rows = Vec::with_capacity(groups);
        let mut terms = Vec::with_capacity(groups * groups);
        for g in 0..groups {
            if coefficients.weight[g] == 0.0 {
                continue;
            }
            let start = terms.len();
            for h in 0..groups {
                let others = coefficients.multiplicity[h] - f64::from(u8::from(g == h));
                if others > 0.0 {
                    terms.push((layout.pair(g, h) as u32, (others * coefficients.column[h]).ln()));
                }
            }
            rows.push(Row {
                weight: coefficients.multiplicity[g] * coefficients.weight[g],
                reference: layout.within(g),
                base: coefficients.base[g],
                unit: 0.0,
                start,
                end: terms.len(),
            });
        }
        let has_floor = rows.iter().all(|row| row.base > 0.0);
        debug_assert!(
            has_floor || rows.iter().all(|row| row.base == 0.0),
            "a loss has a floor in every row or in none"
        );
        Self {
            layout,
            temperature: coefficients.temperature,
            rows,
            terms,
            linear: Vec::new(),
            has_floor,
        }
    }

    /// Layout of the entry vectors.
    pub fn layout(&self) -> Layout {
        self.layout
    }

    /// Temperature `tau`.
    pub fn temperature(&self) -> f64 {
        self.temperature
    }

    /// The rows.
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// Terms `(entry, log mass)` of all rows, row by row.
    pub fn terms(&self) -> &[(u32, f64)] {
        &self.terms
    }

    /// Linear part: `(entry, l_e)`, meaning `l_e (x_e - 1)`.
    pub fn linear(&self) -> &[(u32, f64)] {
        &self.linear
    }

    /// `sum_i w_i log(floor mass)`, or `None` if a row has no mass at exponent zero (nscl).
    pub fn floor(&self) -> Option<f64> {
        let terms = self.rows.iter().map(|row| row.weight * row.floor_mass().ln());
        self.has_floor.then(|| compensated_sum(terms))
    }

    /// Values at `x`.
    pub fn evaluate(&self, x: &[f64]) -> Evaluation {
        debug_assert_eq!(x.len(), self.layout.len());
        let tau = self.temperature;
        let mut log_relative = Vec::with_capacity(self.rows.len());
        let mut excess = 0.0;
        let mut logs = Vec::with_capacity(self.rows.len());
        for row in &self.rows {
            let exponents = self.terms[row.start..row.end]
                .iter()
                .map(|&(entry, log_mass)| log_mass + (x[entry as usize] - x[row.reference]) / tau);
            let mut log_sum = log_sum_exp(exponents);
            if self.has_floor {
                log_sum -= row.floor_mass().ln();
                let spread = (1.0 - x[row.reference]) / tau;
                if row.unit > 0.0 && spread != 0.0 {
                    let extra = row.unit * spread.exp_m1() / row.floor_mass();
                    log_sum = (log_sum.exp() + extra).ln();
                }
                let value = softplus(log_sum);
                excess += row.weight * value;
                // For S below 1e-16, log1p(S) = S to every digit, and log S survives underflow.
                logs.push(row.weight.ln() + if log_sum < -37.0 { log_sum } else { value.ln() });
            } else {
                excess += row.weight * log_sum;
            }
            log_relative.push(log_sum);
        }
        let linear: f64 = self
            .linear
            .iter()
            .map(|&(entry, slope)| slope * (x[entry as usize] - 1.0))
            .sum();
        let log_excess = if !self.has_floor {
            f64::NAN
        } else if linear == 0.0 {
            log_sum_exp(logs.into_iter())
        } else {
            (excess + linear).ln()
        };
        Evaluation {
            log_relative,
            excess: excess + linear,
            log_excess,
        }
    }

    /// Derivative of every row by each of its terms' entries, `w_i p_ij / tau`, times `e^{-log_scale}`; in the order of
    /// [`LogSumExp::terms`]. These are the dual variables `y` of THEORY (4').
    pub fn term_gradients(&self, x: &[f64], at: &Evaluation, log_scale: f64) -> Vec<f64> {
        let tau = self.temperature;
        let mut gradients = vec![0.0; self.terms.len()];
        for (row, &log_relative) in self.rows.iter().zip(&at.log_relative) {
            let log_total = self.log_total(row, log_relative);
            let offset = (row.weight / tau).ln() - log_total - log_scale;
            for (gradient, &(entry, log_mass)) in gradients[row.start..row.end]
                .iter_mut()
                .zip(&self.terms[row.start..row.end])
            {
                *gradient = (offset + log_mass + (x[entry as usize] - x[row.reference]) / tau).exp();
            }
        }
        gradients
    }

    /// Gradient by the entries.
    pub fn gradient(&self, x: &[f64], at: &Evaluation) -> Vec<f64> {
        let tau = self.temperature;
        let term_gradients = self.term_gradients(x, at, 0.0);
        let mut gradient = vec![0.0; self.layout.len()];
        for (row, &log_relative) in self.rows.iter().zip(&at.log_relative) {
            let unit = row.unit * ((1.0 - x[row.reference]) / tau - self.log_total(row, log_relative)).exp();
            let mut sum = row.weight / tau * unit;
            for (&(entry, _), &y) in self.terms[row.start..row.end]
                .iter()
                .zip(&term_gradients[row.start..row.end])
            {
                gradient[entry as usize] += y;
                sum += y;
            }
            gradient[row.reference] -= sum;
        }
        for &(entry, slope) in &self.linear {
            gradient[entry as usize] += slope;
        }
        gradient
    }

    /// Hessian at `x` times `direction`.
    pub fn hessian_product(&self, x: &[f64], at: &Evaluation, direction: &[f64]) -> Vec<f64> {
        let tau = self.temperature;
        let term_gradients = self.term_gradients(x, at, 0.0);
        let mut product = vec![0.0; self.layout.len()];
        for (row, &log_relative) in self.rows.iter().zip(&at.log_relative) {
            let unit = row.weight / tau
                * row.unit
                * ((1.0 - x[row.reference]) / tau - self.log_total(row, log_relative)).exp();
            let of_reference = direction[row.reference];
            let terms = self.terms[row.start..row.end]
                .iter()
                .zip(&term_gradients[row.start..row.end]);
            // Mean of the exponents' slopes under the row's softmax, whose weights are y tau / w.
            let sum: f64 = terms
                .clone()
                .map(|(&(entry, _), y)| y * (direction[entry as usize] - of_reference))
                .sum::<f64>()
                - unit * of_reference;
            let mean = sum / row.weight;
            let mut total = unit * (-of_reference / tau - mean);
            for (&(entry, _), y) in terms {
                let change = y * ((direction[entry as usize] - of_reference) / tau - mean);
                product[entry as usize] += change;
                total += change;
            }
            product[row.reference] -= total;
        }
        product
    }

    /// The constant part of the concave minorant of row `i` above its floor, THEORY (4'), in units of `e^{log_scale}`:
    ///
    /// ```text
    /// row_i(x) - w_i log(floor mass) >= c + sum_j y_ij x_j     for every collapsed x (x_r = 1)
    /// ```
    ///
    /// for any `y_ij >= 0` whose sum is below `w_i / tau`; or, for rows without floor, whose whole value is bounded, for any
    /// sum, but the bound is good only where it is `w_i / tau`. Inner products are taken to be between -1 and 1. `y` is in units of `e^{log_scale}` too and stands in the order of the row's terms.
    /// Returns minus infinity where `y` is not admissible.
    pub fn row_minorant(&self, row: &Row, y: &[f64], log_scale: f64) -> f64 {
        let tau = self.temperature;
        let sum: f64 = y.iter().sum();
        if !y.iter().all(|&v| v >= 0.0) {
            return f64::NEG_INFINITY;
        }
        // In logs: the scale, or the weight, may underflow where the share is ordinary.
        let log_share = tau.ln() + sum.ln() + log_scale - row.weight.ln();
        let share = log_share.exp();
        let log_rest = if self.has_floor {
            if share >= 1.0 {
                return f64::NEG_INFINITY;
            }
            row.floor_mass().ln() - (-share).ln_1p()
        } else {
            0.0
        };
        let shift = log_scale + (tau / row.weight).ln() + log_rest;
        // Without a floor the slopes of a row sum to w/tau. Others are divided by their share of that, and the products of
        // the change with inner products, which are between -1 and 1, are paid for.
        let factor = if self.has_floor { 1.0 } else { 1.0 / share };
        let paid = if self.has_floor {
            0.0
        } else {
            (1.0 - factor).abs() * sum
        };
        let entropy: f64 = self.terms[row.start..row.end]
            .iter()
            .zip(y)
            .map(|(term, &v)| (term, v * factor))
            .filter(|&(_, v)| v > 0.0)
            .map(|(&(_, log_mass), v)| v * (1.0 + tau * (v.ln() + shift - log_mass)))
            .sum();
        // -w log1p(-share)/e^log_scale, which is tau sum for a small share.
        let gain = if !self.has_floor || sum == 0.0 {
            0.0
        } else if log_share < -37.0 {
            tau * sum
        } else {
            (row.weight.ln() + (-(-share).ln_1p()).ln() - log_scale).exp()
        };
        gain - entropy - paid
    }

    /// Log of the row's whole sum relative to `e^{x_r/tau}`.
    fn log_total(&self, row: &Row, log_relative: f64) -> f64 {
        if self.has_floor {
            row.floor_mass().ln() + softplus(log_relative)
        } else {
            log_relative
        }
    }
}

/// `log(1 + e^x)` without overflow or loss of digits.
pub(crate) fn softplus(x: f64) -> f64 {
    if x > 0.0 {
        x + (-x).exp().ln_1p()
    } else {
        x.exp().ln_1p()
    }
}

/// `log sum e^x`; minus infinity for no terms.
fn log_sum_exp(exponents: impl Iterator<Item = f64> + Clone) -> f64 {
    let largest = exponents.clone().fold(f64::NEG_INFINITY, f64::max);
    if !largest.is_finite() {
        return largest;
    }
    largest + exponents.map(|x| (x - largest).exp()).sum::<f64>().ln()
}
