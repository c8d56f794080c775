//! [`NegativesOnly`]: rows of nscl on random batches, whose denominators are negatives alone. THEORY (11) with
//!
//! ```text
//! F(M) = 1/b sum_c E_{l ~ Mult(b, rho)} 1{V l_c >= 2, l_c < b} l_c log( V sum_{c' != c} l_c' u_cc' )
//! ```
//!
//! An anchor without a positive is skipped, and so is one without a negative. With `n = b - 1`, `C` and `P = C + rho_c` as in
//! `quadrature` (sincere), `sigma = 1` for one view and else 0, a row is
//!
//! ```text
//! rho_c ( A log V + int_0^inf [ A e^{-s} - (P^n - sigma C^n - rho_c^n) ] ds/s ),     A = 1 - sigma (1 - rho_c)^n - rho_c^n
//! ```
//!
//! where `A` is the probability that the anchor counts. There is no floor. `u` is taken in units of the largest of the row,
//! `e^L`, which adds `A L`. The integrand falls as late as `e^{-s u}` does for the smallest `u`, so that the nodes of a row
//! end where that is; they are those of `quadrature` otherwise, and the first stands for all before it.

use nalgebra::DMatrix;

use super::contract::others;
use super::quadrature::{FIRST, Grid, STEP, TAIL};
use super::sampled::{SampledPoint, map_rows};

/// What is fixed of the rows.
#[derive(Debug, Clone)]
pub(super) struct NegativesOnly {
    temperature: f64,
    multiplicity: Vec<f64>,
    /// Of ONE class of every group.
    probabilities: Vec<f64>,
    /// `n = b - 1`.
    draws: f64,
    /// `log V`.
    log_views: f64,
    /// An anchor whose class is not drawn again is skipped.
    skips: bool,
}

/// One node of a row.
struct Node {
    s: f64,
    weight: f64,
    /// `e^{-su}` of every group.
    factors: Vec<f64>,
    sums: Sums,
}

/// `C` and `P` of a row at one node; the logarithms keep their digits near 0, for large `n`.
struct Sums {
    rho: f64,
    /// `C`.
    others: f64,
    log_others: f64,
    log_total: f64,
}

/// `log u` of a row with its unit.
struct Levels<'a> {
    log_u: &'a [f64],
    log_unit: f64,
    /// The lowest, in the unit.
    lowest: f64,
}

impl NegativesOnly {
    /// Batches of `size` examples with `views` of each.
    pub(super) fn new(size: u64, views: u64, temperature: f64, probabilities: &[f64], multiplicity: &[f64]) -> Self {
        Self {
            temperature,
            multiplicity: multiplicity.to_vec(),
            probabilities: probabilities.to_vec(),
            draws: size as f64 - 1.0,
            log_views: (views as f64).ln(),
            skips: views == 1,
        }
    }

    /// Nodes of a row at the temperature 1, for the rounding.
    pub(super) fn nodes(&self) -> usize {
        300
    }

    fn groups(&self) -> usize {
        self.multiplicity.len()
    }

    fn weights(&self, g: usize) -> Vec<f64> {
        (0..self.groups())
            .map(|h| others(&self.multiplicity, g, h) * self.probabilities[h])
            .collect()
    }

    /// `P^m - sigma C^m`, without differences of nearly equal numbers.
    fn power(&self, at: &Sums, m: f64) -> f64 {
        if !self.skips {
            return (m * at.log_total).exp();
        }
        let gain = m * (at.rho / at.others).ln_1p();
        if gain < 1.0 {
            (m * at.log_others).exp() * gain.exp_m1()
        } else {
            (m * at.log_total).exp() - (m * at.log_others).exp()
        }
    }

    /// `P^n - sigma C^n - rho^n`, in the same way.
    fn counted(&self, at: &Sums) -> f64 {
        let n = self.draws;
        let own = (n * at.rho.ln()).exp();
        if at.others > at.rho {
            return self.power(at, n) - own;
        }
        let gain = n * (at.others / at.rho).ln_1p();
        let with = if gain < 1.0 {
            own * gain.exp_m1()
        } else {
            (n * at.log_total).exp() - own
        };
        let without = if self.skips { (n * at.log_others).exp() } else { 0.0 };
        with - without
    }

    /// Calls `each` with the nodes of a row of one class of `g`.
    fn visit(&self, g: usize, levels: &Levels<'_>, weights: &[f64], mut each: impl FnMut(&Node)) {
        let rho = self.probabilities[g];
        let rest: f64 = weights.iter().sum();
        let first = Grid::index(FIRST / (1.0 + self.draws)).floor() as i64;
        let last = Grid::index(TAIL).ceil() - 3.0 * levels.lowest / std::f64::consts::LN_2;
        for index in first..=last.ceil() as i64 {
            let s = Grid::node(index as f64);
            let gaps: Vec<f64> = levels
                .log_u
                .iter()
                .map(|l| -(-s * (l - levels.log_unit).exp()).exp_m1())
                .collect();
            let factors: Vec<f64> = levels
                .log_u
                .iter()
                .zip(&gaps)
                .map(|(l, gap)| match *gap < 0.5 {
                    true => 1.0 - gap,
                    false => (-s * (l - levels.log_unit).exp()).exp(),
                })
                .collect();
            let gap = weights.iter().zip(&gaps).map(|(w, gap)| w * gap).sum();
            let others = weights.iter().zip(&factors).map(|(w, e)| w * e).sum();
            each(&Node {
                s,
                weight: if index == first { STEP * Grid::all_before() } else { STEP },
                sums: Sums::new(rho, rest, others, gap),
                factors,
            });
        }
    }

    fn levels<'a>(log_u: &'a [f64], weights: &[f64]) -> Levels<'a> {
        let present = || log_u.iter().zip(weights).filter(|&(_, &w)| w > 0.0).map(|(&l, _)| l);
        let log_unit = present().fold(f64::NEG_INFINITY, f64::max);
        Levels {
            log_u,
            log_unit,
            lowest: present().fold(f64::INFINITY, f64::min) - log_unit,
        }
    }

    /// The row of one class of `g` over its probability; its slopes `phi` in units of `e^{-L}`, and `L`.
    pub(super) fn row(&self, log_u: &[f64], g: usize) -> (f64, Vec<f64>, f64) {
        let weights = self.weights(g);
        let levels = Self::levels(log_u, &weights);
        let rho = self.probabilities[g];
        let rest: f64 = weights.iter().sum();
        let active = self.counted(&Sums::new(rho, rest, rest, 0.0));
        let mut value = active * (self.log_views + levels.log_unit);
        let mut sums = vec![0.0; self.groups()];
        self.visit(g, &levels, &weights, |node| {
            value += node.weight * (active * (-node.s).exp() - self.counted(&node.sums));
            if node.sums.others > 0.0 {
                let first = node.weight * node.s * self.power(&node.sums, self.draws - 1.0);
                for (sum, factor) in sums.iter_mut().zip(&node.factors) {
                    *sum += first * factor;
                }
            }
        });
        let scale = self.draws * rho / self.temperature;
        let slopes = (0..self.groups())
            .map(|h| match weights[h] > 0.0 {
                true => scale * self.probabilities[h] * sums[h],
                false => 0.0,
            })
            .collect();
        (value, slopes, levels.log_unit)
    }

    /// [`Objective::hessian_product`](super::Objective::hessian_product).
    pub(super) fn hessian_product(&self, at: &SampledPoint, direction: &DMatrix<f64>) -> DMatrix<f64> {
        let (groups, tau) = (self.groups(), self.temperature);
        let products = map_rows(groups, |g| {
            let weights = self.weights(g);
            let log_u: Vec<f64> = at.log_u.column(g).iter().copied().collect();
            let levels = Self::levels(&log_u, &weights);
            let rho = self.probabilities[g];
            let n = self.draws;
            let relative: Vec<f64> = log_u.iter().map(|l| (l - levels.log_unit).exp()).collect();
            // d u of ONE class of every group.
            let change: Vec<f64> = (0..groups)
                .map(|h| match weights[h] > 0.0 {
                    true => relative[h] * direction[(g, h)] / tau,
                    false => 0.0,
                })
                .collect();
            let mut sums = vec![0.0; groups];
            self.visit(g, &levels, &weights, |node| {
                if node.sums.others == 0.0 {
                    return;
                }
                let first = node.weight * node.s * self.power(&node.sums, n - 1.0);
                let second = node.weight * node.s * (n - 1.0) * self.power(&node.sums, n - 2.0);
                let moved: f64 = (0..groups).map(|h| weights[h] * node.factors[h] * change[h]).sum();
                for h in 0..groups {
                    sums[h] -= node.s * node.factors[h] * (first * change[h] + second * moved);
                }
            });
            let scale = n * rho / tau * (-at.log_scale).exp();
            (0..groups)
                .map(|h| match weights[h] > 0.0 {
                    true => {
                        at.y[(g, h)] * direction[(g, h)] / tau + scale * self.probabilities[h] * relative[h] * sums[h]
                    }
                    false => 0.0,
                })
                .collect::<Vec<f64>>()
        });
        DMatrix::from_fn(groups, groups, |g, h| products[g][h])
    }
}

impl Sums {
    /// `rest` is `C` at `s = 0`, and `gap` what `others` is below it.
    fn new(rho: f64, rest: f64, others: f64, gap: f64) -> Self {
        let log_rest = if rho < 0.5 { (-rho).ln_1p() } else { rest.ln() };
        Self {
            rho,
            others,
            log_others: if gap < 0.5 * rest {
                log_rest + (-gap / rest).ln_1p()
            } else {
                others.ln()
            },
            log_total: if gap < 0.5 { (-gap).ln_1p() } else { (rho + others).ln() },
        }
    }
}
