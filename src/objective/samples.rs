//! The sample-level loss THEORY (1) and its relatives: the [`Objective`] whose vertices are all samples.
//!
//! Nothing is assumed about collapse. Anchor `i` has positives `P` (without itself, except for population supcon), `p` of
//! them, negatives `N`, masses `m_l` and the mean positive `a = mean_P g_ij`. With `delta_j = (g_ij - a)/tau`, whose sum
//! is zero, and `phi(x) = e^x - 1 - x`,
//!
//! ```text
//! supcon, population, bcl   row = log s + log1p( s^-1 ( (s/p) sum_P phi(delta_j) + sum_N m_l e^{(g_il - a)/tau} ) )
//! sincere                   row = mean_P log1p( sum_N e^{(g_il - g_ij)/tau} )
//! nscl                      row = log sum_N e^{(g_il - a)/tau}
//! ```
//!
//! where `s` is `p` (1 for bcl, with `m_l = 1/n` of the negative's class). `phi` is of second order, so the excess over
//! the floor `log s` keeps its digits up to collapse, where `phi = 0` and the rows are those of THEORY (3).

use std::ops::Range;

use nalgebra::DMatrix;

use super::contract::exponential_rounding;
use super::{Objective, coefficients};
use crate::problem::invalid::Word;
use crate::problem::{Field, FullBatchLoss, Invalid, Measure, Problem, Training};

/// Below this temperature `e^{2/tau}` leaves the range of numbers.
pub const MIN_SAMPLE_TEMPERATURE: f64 = 0.003;

/// A loss on the features of all samples, class-major: the classes in the user's order, the samples of each together.
#[derive(Debug, Clone)]
pub struct SampleLoss {
    loss: FullBatchLoss,
    temperature: f64,
    classes: Vec<Class>,
    /// Mass of every sample in the denominators of other classes.
    mass: Vec<f64>,
    /// All 1.
    multiplicity: Vec<f64>,
    floor: Option<f64>,
}

/// The samples of one class.
#[derive(Debug, Clone)]
struct Class {
    samples: Range<usize>,
    /// Anchor weight of one sample; 0 for a sample that is no anchor.
    weight: f64,
    /// Positives of an anchor.
    positives: f64,
    /// `s`: mass of the positives once they coincide.
    base: f64,
}

/// The loss at one Gram matrix.
#[derive(Debug, Clone)]
pub struct SamplePoint {
    /// In units of `e^log_scale`.
    excess: f64,
    log_excess: f64,
    /// n x n, row `i` is the anchor's.
    y: DMatrix<f64>,
    /// `tau e^log_scale / w_i`, which makes the softmax of `y`; 0 for a sample that is no anchor.
    softmax: Vec<f64>,
    /// Sincere: `sigma_j` of every positive, in the order of anchors and of their positives.
    shares: Vec<f64>,
}

impl SampleLoss {
    /// The sample-level loss of `problem`.
    ///
    /// # Errors
    /// [`Invalid`] for class probabilities, which have no samples, for random batches and sampled negatives, whose
    /// loss is an expectation, and below [`MIN_SAMPLE_TEMPERATURE`].
    pub fn new(problem: &Problem) -> Result<Self, Invalid> {
        if problem.classes().measure() == Measure::Probabilities {
            return Err(Invalid::unavailable(
                Field::Level,
                "a sample level of class probabilities",
                &[
                    Word::Text("use "),
                    Word::Set(Field::Level, &["class"]),
                    Word::Text(", or give class sizes"),
                ],
            ));
        }
        let model = problem.model();
        let full = match &model.training {
            Training::FullBatch(full) => full,
            Training::Sampled(_) => {
                return Err(Invalid::unavailable(
                    Field::Level,
                    "a sample level of random batches or sampled negatives",
                    &[Word::Text("use "), Word::Set(Field::Level, &["class"])],
                ));
            }
            Training::FixedBatches(_) => {
                return Err(Invalid::unavailable(
                    Field::Batches,
                    "the loss of single samples in fixed batches",
                    &[Word::Text("remove the batches")],
                ));
            }
        };
        let loss = full.loss;
        if model.temperature < MIN_SAMPLE_TEMPERATURE {
            return Err(Invalid::unavailable(
                Field::Level,
                format!(
                    "the loss of single samples at temperature {} (at least {MIN_SAMPLE_TEMPERATURE} is possible)",
                    model.temperature
                ),
                &[Word::Text("use "), Word::Set(Field::Level, &["class"])],
            ));
        }
        let sizes: Vec<f64> = problem.classes().sizes().collect();
        let coefficients = coefficients(problem, full, &sizes, &vec![1.0; sizes.len()]);
        let mut classes = Vec::with_capacity(sizes.len());
        let mut mass = Vec::new();
        for (c, &size) in sizes.iter().enumerate() {
            let count = problem.samples(size);
            let start = mass.len();
            mass.resize(start + count as usize, coefficients.column[c] / count);
            classes.push(Class {
                samples: start..mass.len(),
                weight: coefficients.weight[c] / count,
                positives: if loss.needs_positive() { count - 1.0 } else { count },
                base: coefficients.base[c],
            });
        }
        let floor = (loss != FullBatchLoss::Nscl).then(|| {
            let anchors = classes.iter().filter(|class| class.weight > 0.0);
            anchors
                .map(|class| class.weight * class.samples.len() as f64 * class.base.ln())
                .sum()
        });
        Ok(Self {
            loss,
            temperature: model.temperature,
            classes,
            multiplicity: vec![1.0; mass.len()],
            mass,
            floor,
        })
    }

    /// Number of samples `n`.
    pub fn samples(&self) -> usize {
        self.mass.len()
    }

    /// The samples of every class.
    pub fn classes(&self) -> impl Iterator<Item = Range<usize>> + '_ {
        self.classes.iter().map(|class| class.samples.clone())
    }

    /// `e^{(g - 1)/tau}` for samples of different classes, 0 for others; symmetric, one exponential a pair.
    fn exponentials(&self, values: &DMatrix<f64>) -> DMatrix<f64> {
        let n = self.samples();
        let rate = 1.0 / self.temperature;
        let mut all = DMatrix::zeros(n, n);
        for class in &self.classes {
            for i in class.samples.clone() {
                // Later classes only; the other triangle is a copy.
                for l in class.samples.end..n {
                    all[(l, i)] = ((values[(l, i)] - 1.0) * rate).exp();
                }
            }
        }
        for class in &self.classes {
            for i in class.samples.clone() {
                for l in class.samples.end..n {
                    all[(i, l)] = all[(l, i)];
                }
            }
        }
        all
    }

    /// Whether `j` is a positive of the anchor `i` of the same class.
    fn is_positive(&self, i: usize, j: usize) -> bool {
        i != j || self.loss == FullBatchLoss::Population
    }
}

impl Objective for SampleLoss {
    type Point = SamplePoint;
    type Entries = DMatrix<f64>;

    fn multiplicity(&self) -> &[f64] {
        &self.multiplicity
    }

    fn floor(&self) -> Option<f64> {
        self.floor
    }

    fn rounding(&self) -> f64 {
        exponential_rounding(self.temperature, self.multiplicity().len())
    }

    fn zeros(&self) -> DMatrix<f64> {
        let r = self.multiplicity().len();
        DMatrix::zeros(r, r)
    }

    fn evaluate(&self, values: &DMatrix<f64>, log_scale: f64) -> SamplePoint {
        let n = self.samples();
        let tau = self.temperature;
        let unit = (-log_scale).exp();
        let mut y = self.exponentials(values);
        let mut sums = vec![0.0; n];
        for (i, sum) in sums.iter_mut().enumerate() {
            *sum = y.column(i).iter().zip(&self.mass).map(|(e, m)| e * m).sum();
        }
        // What the exponentials of row i are multiplied by, besides the mass of their column.
        let mut factors = vec![0.0; n];
        let mut softmax = vec![0.0; n];
        let mut shares = Vec::new();
        let mut total = 0.0;
        let entry = |i: usize, j: usize| if i == j { 1.0 } else { values[(j, i)] };
        for class in self.classes.iter().filter(|class| class.weight > 0.0) {
            let scaled = class.weight / tau * unit;
            for i in class.samples.clone() {
                softmax[i] = 1.0 / scaled;
                let positives = || class.samples.clone().filter(|&j| self.is_positive(i, j));
                if self.loss == FullBatchLoss::Sincere {
                    let (mut mean, mut share) = (0.0, 0.0);
                    for j in positives() {
                        let ratio = sums[i] * ((1.0 - entry(i, j)) / tau).exp();
                        let sigma = ratio / (1.0 + ratio);
                        mean += ratio.ln_1p();
                        share += sigma;
                        shares.push(sigma);
                        y[(i, j)] = -scaled * sigma / class.positives;
                    }
                    total += class.weight * mean / class.positives;
                    factors[i] = scaled * share / class.positives / sums[i];
                    continue;
                }
                let mean = positives().map(|j| entry(i, j) - 1.0).sum::<f64>() / class.positives;
                // e^{(1 - a)/tau}.
                let rise = (-mean / tau).exp();
                if self.loss == FullBatchLoss::Nscl {
                    total += class.weight * (sums[i] * rise).ln();
                    factors[i] = scaled / sums[i];
                    for j in positives() {
                        y[(i, j)] = -scaled / class.positives;
                    }
                    continue;
                }
                let share = class.base / class.positives;
                let mut spread = 0.0;
                for j in positives() {
                    let delta = (entry(i, j) - 1.0 - mean) / tau;
                    let (grown, second) = expm1_and_phi(delta);
                    spread += second;
                    y[(i, j)] = grown;
                }
                let relative = (share * spread + sums[i] * rise) / class.base;
                total += class.weight * relative.ln_1p();
                let denominator = 1.0 + relative;
                factors[i] = scaled * rise / (class.base * denominator);
                for j in positives() {
                    // The softmax less 1/p: (e^delta / (1 + S) - 1)/p, without the subtraction.
                    y[(i, j)] = scaled * (y[(i, j)] - relative) / (class.positives * denominator);
                }
            }
        }
        for class in &self.classes {
            for l in class.samples.clone() {
                let mass = self.mass[l];
                let column = &mut y.column_mut(l);
                for i in (0..class.samples.start).chain(class.samples.end..n) {
                    column[i] *= factors[i] * mass;
                }
                column[l] = 0.0;
            }
        }
        SamplePoint {
            excess: total * unit,
            log_excess: if self.floor.is_some() { total.ln() } else { f64::NAN },
            y,
            softmax,
            shares,
        }
    }

    fn excess(&self, at: &SamplePoint) -> f64 {
        at.excess
    }

    fn log_excess(&self, at: &SamplePoint) -> f64 {
        at.log_excess
    }

    fn gradient<'p>(&self, at: &'p SamplePoint) -> &'p DMatrix<f64> {
        &at.y
    }

    fn hessian_product(&self, at: &SamplePoint, direction: &DMatrix<f64>) -> DMatrix<f64> {
        let n = self.samples();
        let rate = 1.0 / self.temperature;
        let mut product = DMatrix::zeros(n, n);
        // Column by column, for all anchors at once: first the mean slope of every row under its softmax.
        let mut slopes = vec![0.0; n];
        for class in &self.classes {
            for l in class.samples.clone() {
                let (y, d) = (at.y.column(l), direction.column(l));
                for i in (0..class.samples.start).chain(class.samples.end..n) {
                    slopes[i] += y[i] * d[i];
                }
            }
        }
        let mut shares = at.shares.iter();
        // Of the negatives' softmax: dy = y ((D / tau - slope) + growth).
        let mut shifts = vec![0.0; n];
        for class in self.classes.iter().filter(|class| class.weight > 0.0) {
            for i in class.samples.clone() {
                let unit = at.softmax[i];
                let positives = || class.samples.clone().filter(|&j| self.is_positive(i, j));
                let of = |j: usize| if i == j { 0.0 } else { direction[(j, i)] };
                match self.loss {
                    FullBatchLoss::Nscl => shifts[i] = -slopes[i] * unit * rate,
                    FullBatchLoss::Sincere => {
                        // du = d log sum_N; sigma_j grows by sigma (1 - sigma)(du - D_j / tau).
                        let sigmas: Vec<f64> = shares.by_ref().take(class.positives as usize).copied().collect();
                        let share = sigmas.iter().sum::<f64>() / class.positives;
                        let du = slopes[i] * unit * rate / share;
                        let mut growth = 0.0;
                        for (j, sigma) in positives().zip(&sigmas) {
                            let change = sigma * (1.0 - sigma) * (du - of(j) * rate);
                            product[(i, j)] = -change / (class.positives * unit);
                            growth += change / class.positives;
                        }
                        shifts[i] = growth / share - du;
                    }
                    // Nce is refused by `new`.
                    FullBatchLoss::Supcon | FullBatchLoss::Population | FullBatchLoss::Bcl => {
                        // The positives' softmax is y tau / w + 1/p.
                        let flat = 1.0 / (class.positives * unit);
                        let own: f64 = positives().map(|j| (at.y[(i, j)] + flat) * of(j)).sum();
                        shifts[i] = -(slopes[i] + own) * unit * rate;
                        for j in positives() {
                            product[(i, j)] = (at.y[(i, j)] + flat) * (of(j) * rate + shifts[i]);
                        }
                    }
                }
            }
        }
        for class in &self.classes {
            for l in class.samples.clone() {
                let (y, d) = (at.y.column(l), direction.column(l));
                let mut column = product.column_mut(l);
                for i in (0..class.samples.start).chain(class.samples.end..n) {
                    column[i] = y[i] * (d[i] * rate + shifts[i]);
                }
                column[l] = 0.0;
            }
        }
        product
    }
}

/// `e^x - 1` and `e^x - 1 - x`, both with all their digits.
pub(crate) fn expm1_and_phi(x: f64) -> (f64, f64) {
    if x.abs() > 0.3 {
        let grown = x.exp_m1();
        return (grown, grown - x);
    }
    // Twelve terms of the series; the next is below 1e-17 of the first.
    let mut second = 0.0;
    for power in (2..=13).rev() {
        second = (second + 1.0) * x / f64::from(power);
    }
    second *= x;
    (x + second, second)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phi_keeps_its_digits() {
        for x in [1e-9f64, -1e-5, 0.01, -0.29, 0.3, 0.31, -2.0, 3.0] {
            let (grown, second) = expm1_and_phi(x);
            assert!((grown - x.exp_m1()).abs() <= 4e-16 * grown.abs(), "expm1 of {x}");
            // x^2/2 (1 + x/3 (1 + x/4 (1 + ...))), summed to the end.
            let series = (3..60).rev().fold(1.0, |tail, power| 1.0 + x / f64::from(power) * tail) * x * x / 2.0;
            assert!(
                (second - series).abs() <= 2e-15 * series,
                "phi of {x}: {second} {series}"
            );
        }
    }
}
