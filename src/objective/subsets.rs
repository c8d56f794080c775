//! [`Subsets`]: the rows of the class-balanced sampler, THEORY (11''): every batch has `P` of the `k` classes.
//!
//! A class `c` meets `n = P - 1` of the other `K = k - 1` classes, all sets alike. With `kappa` the mass of its own samples
//! in units of one class, its row is `log(kappa + x)` on average, `x` the sum of `u_cc'` over the set; the excess is
//! `E log(1 + x/kappa)`. Of nscl `kappa = 0`, there is no floor, and the row is `E log x` and a constant.
//!
//! **At most two different `u` in a row**, as at every standard geometry: how many of the set have the one is
//! hypergeometric, and the sum over that number is finite.
//!
//! **Any row**: `log(1 + x/kappa) = int_0^inf e^{-kappa s} (1 - e^{-s x}) ds/s` (`quadrature`), and the mean of `e^{-s x}`
//! over the sets is `G = e_n(z) / C(K, n)`, `e_n` the elementary symmetric polynomial of `z_c' = e^{-s u_cc'}`. One class
//! after the other,
//!
//! ```text
//! G(j, i) = (1 - i/j) G(j-1, i) + i/j z_j G(j-1, i-1),     1 - G(j, i) = (1 - i/j) (1 - G(j-1, i)) + i/j [ 1 - z_j + z_j (1 - G(j-1, i-1)) ]
//! ```
//!
//! and backwards for the derivatives by all `z_j`: sums of positive terms, so that no digit is lost. Only
//! `n - (K - j) <= i <= min(n, j)` contributes: `K (min(n, K - n) + 1)` steps a node. For nscl
//! `E log x = log u_0 + int_0^inf (e^{-s} - G) ds/s` with `u` in units of the largest of the row, `u_0`.

use nalgebra::DMatrix;

use super::contract::others;
use super::drawn::SMALLEST;
use super::quadrature::{Grid, Scheme};
use super::sampled::{Found, LINEAR, SampledPoint, map_rows};
use super::softplus;
use crate::math::hypergeometric;

/// Below this logarithm `log(1 + x) = x` to every digit.
const SMALL: f64 = -37.0;

/// What is fixed of the rows.
#[derive(Debug, Clone)]
pub(super) struct Subsets {
    temperature: f64,
    multiplicity: Vec<f64>,
    /// Classes `k`.
    classes: f64,
    /// `n = P - 1`: classes that an anchor meets.
    met: usize,
    /// `kappa`.
    own: f64,
    /// The loss at `u = 0`; of nscl, which has none, the constant beside `log x`.
    constant: f64,
    grid: Grid,
}

impl Subsets {
    /// Batches of `drawn` classes; `base` is the mass of an anchor's own class in the denominator, `mass` that of another.
    pub(super) fn new(drawn: u64, base: f64, mass: f64, temperature: f64, multiplicity: &[f64]) -> Self {
        let own = base / mass;
        let met = drawn - 1;
        let scheme = Scheme {
            decay: own,
            draws: met as f64,
            own_in_denominator: false,
            skips: false,
            floor: None,
        };
        let grid = if own > 0.0 {
            Grid::new(&scheme)
        } else {
            Grid::until(&scheme, (-2.0 / temperature).max(SMALLEST))
        };
        Self {
            temperature,
            multiplicity: multiplicity.to_vec(),
            classes: multiplicity.iter().sum(),
            met: met as usize,
            own,
            constant: if own > 0.0 { base.ln() } else { mass.ln() },
            grid,
        }
    }

    /// What no geometry can remove: the anchor's own class.
    pub(super) fn floor(&self) -> Option<f64> {
        (self.own > 0.0).then_some(self.constant)
    }

    /// Nodes of the integrals.
    pub(super) fn nodes(&self) -> usize {
        self.grid.s.len()
    }

    fn groups(&self) -> usize {
        self.multiplicity.len()
    }

    /// Classes of every group other than one class of `g`.
    fn counts(&self, g: usize) -> Vec<usize> {
        (0..self.groups())
            .map(|h| others(&self.multiplicity, g, h) as usize)
            .collect()
    }

    /// The row of one class of `g` from `log u` of the other groups.
    pub(super) fn row(&self, log_u: &[f64], g: usize) -> Found {
        let counts = self.counts(g);
        // Different values of log u, with their numbers of classes.
        let mut levels: Vec<(f64, usize)> = Vec::new();
        for (&value, &count) in log_u.iter().zip(&counts).filter(|&(_, &count)| count > 0) {
            match levels.iter_mut().find(|(level, _)| *level == value) {
                Some((_, of_level)) => *of_level += count,
                None => levels.push((value, count)),
            }
            if levels.len() > 2 {
                return match self.own > 0.0 {
                    true => self.any_row(log_u, &counts),
                    false => self.any_nscl_row(log_u, &counts),
                };
            }
        }
        let log_unit = levels.iter().map(|level| level.0).fold(f64::NEG_INFINITY, f64::max);
        let (first, second) = (levels[0], levels.get(1).copied().unwrap_or((f64::NEG_INFINITY, 0)));
        // Of x in units of the largest u.
        let log_mass = |of_first: usize, of_second: usize| {
            let terms = [(of_first, first.0), (of_second, second.0)];
            let sum: f64 = terms
                .iter()
                .filter(|(count, _)| *count > 0)
                .map(|(count, level)| *count as f64 * (level - log_unit).exp())
                .sum();
            sum.ln()
        };
        let relative = |log_mass: f64| log_mass + log_unit - self.own.ln();
        let row: f64 = hypergeometric(first.1, second.1, self.met)
            .map(|(i, probability)| {
                let mass = log_mass(i, self.met - i);
                let x = relative(mass);
                probability
                    * if self.own == 0.0 {
                        mass
                    } else if x < SMALL {
                        (x - log_unit).exp()
                    } else {
                        softplus(x) * (-log_unit).exp()
                    }
            })
            .sum();
        // A class is met with probability n/K, and n - 1 others with it.
        let slope = |is_first: bool| {
            let one = usize::from(is_first);
            let left = (first.1 - one, second.1 + one - 1);
            let mean: f64 = hypergeometric(left.0, left.1, self.met - 1)
                .map(|(i, probability)| {
                    let mass = log_mass(i + one, self.met - i - one);
                    probability
                        * if self.own == 0.0 {
                            (-mass).exp()
                        } else {
                            1.0 / (1.0 + relative(mass).exp()) / self.own
                        }
                })
                .sum();
            self.share() * self.met as f64 / (self.classes - 1.0) * mean
        };
        let slopes = [slope(true), if second.1 > 0 { slope(false) } else { 0.0 }];
        let phi = log_u
            .iter()
            .zip(&counts)
            .map(|(&value, &count)| match count {
                0 => 0.0,
                _ => slopes[usize::from(value != first.0)],
            })
            .collect();
        if self.own > 0.0 {
            Found::above_floor(row.ln() + log_unit, phi)
        } else {
            self.without_floor(row, phi, log_unit)
        }
    }

    /// A row of nscl from the expectation of `log x` and `phi`, in units of the largest `u`.
    fn without_floor(&self, mean_log: f64, phi: Vec<f64>, log_unit: f64) -> Found {
        Found {
            value: self.constant + log_unit + mean_log,
            phi,
            log_unit,
            drawn: None,
        }
    }

    /// [`Subsets::row`] of nscl.
    fn any_nscl_row(&self, log_u: &[f64], counts: &[usize]) -> Found {
        let present = || (0..counts.len()).filter(|&h| counts[h] > 0);
        let log_unit = present().map(|h| log_u[h]).fold(f64::NEG_INFINITY, f64::max);
        let relative: Vec<f64> = log_u
            .iter()
            .map(|l| (l - log_unit).clamp(SMALLEST, 0.0).exp())
            .collect();
        let mut row = 0.0;
        let mut phi = vec![0.0; counts.len()];
        let mut chain = Chain::new(counts, self.met);
        for (s, weight) in self.grid.s.iter().zip(&self.grid.weight) {
            let factors: Vec<f64> = relative.iter().map(|u| (-s * u).exp()).collect();
            let gaps: Vec<f64> = relative.iter().map(|u| -(-s * u).exp_m1()).collect();
            let missing = chain.forward(&factors, &gaps);
            row += weight
                * if missing < 0.5 {
                    missing + (-s).exp_m1()
                } else {
                    (-s).exp() - chain.mean(chain.group.len(), self.met)
                };
            let derivatives = chain.backward(&factors);
            for h in present() {
                phi[h] += weight * s * factors[h] * derivatives[h];
            }
        }
        phi.iter_mut().for_each(|value| *value *= self.share());
        self.without_floor(row, phi, log_unit)
    }

    /// Of one row in the mean, and `1/tau` of `d u = u dM/tau`.
    fn share(&self) -> f64 {
        1.0 / (self.classes * self.temperature)
    }

    /// [`Subsets::row`] of a loss with a floor.
    fn any_row(&self, log_u: &[f64], counts: &[usize]) -> Found {
        let present = || (0..counts.len()).filter(|&h| counts[h] > 0);
        let log_unit = present().map(|h| log_u[h]).fold(f64::NEG_INFINITY, f64::max);
        let linear = log_unit < LINEAR;
        let unit = log_unit.exp();
        let mut excess = 0.0;
        let mut phi = vec![0.0; counts.len()];
        let mut chain = Chain::new(counts, self.met);
        for (s, weight) in self.grid.s.iter().zip(&self.grid.weight) {
            let factors: Vec<f64> = log_u.iter().map(|l| (-s * l.exp()).exp()).collect();
            let gaps: Vec<f64> = log_u
                .iter()
                .map(|l| match linear {
                    true => s * (l - log_unit).exp(),
                    false => -(-s * l.exp()).exp_m1() / unit,
                })
                .collect();
            excess += weight * chain.forward(&factors, &gaps);
            let derivatives = chain.backward(&factors);
            for h in present() {
                phi[h] += weight * s * factors[h] * derivatives[h];
            }
        }
        phi.iter_mut().for_each(|value| *value *= self.share());
        Found::above_floor(excess.ln() + log_unit, phi)
    }

    /// [`Objective::hessian_product`](super::Objective::hessian_product).
    pub(super) fn hessian_product(&self, at: &SampledPoint, direction: &DMatrix<f64>) -> DMatrix<f64> {
        let groups = self.groups();
        // y_h = share u_h int w s z_h Q_h, so dy_h = y_h D_h/tau + share u_h int w s z_h (dQ_h - s du_h Q_h).
        let products = map_rows(groups, |g| {
            let counts = self.counts(g);
            // In units of the largest u of the row for nscl, as phi.
            let log_u: Vec<f64> = at.log_u.column(g).iter().map(|l| l + at.log_units[g]).collect();
            let change: Vec<f64> = (0..groups)
                .map(|h| match counts[h] {
                    0 => 0.0,
                    _ => log_u[h].exp() * direction[(g, h)] / self.temperature,
                })
                .collect();
            let mut sums = vec![0.0; groups];
            let mut chain = Chain::new(&counts, self.met);
            for (s, weight) in self.grid.s.iter().zip(&self.grid.weight) {
                let factors: Vec<f64> = log_u.iter().map(|l| (-s * l.exp()).exp()).collect();
                let moved: Vec<f64> = factors.iter().zip(&change).map(|(z, du)| -s * z * du).collect();
                let (derivatives, changes) = chain.second(&factors, &moved);
                for h in 0..groups {
                    sums[h] += weight * s * factors[h] * (changes[h] - s * change[h] * derivatives[h]);
                }
            }
            (0..groups)
                .map(|h| match counts[h] {
                    0 => 0.0,
                    _ => {
                        let along = direction[(g, h)] / self.temperature;
                        at.y[(g, h)] * along + self.share() * (log_u[h] - at.log_scale).exp() * sums[h]
                    }
                })
                .collect::<Vec<f64>>()
        });
        DMatrix::from_fn(groups, groups, |g, h| products[g][h])
    }
}

/// How many of `draws` without replacement are among the first `a` of `a + b`, with their probabilities.
fn hypergeometric(a: usize, b: usize, draws: usize) -> impl Iterator<Item = (usize, f64)> {
    let (least, weights) = hypergeometric::hypergeometric(a as u64, b as u64, draws as u64);
    (least as usize..).zip(weights)
}

/// The recursion over the classes of one row at one node.
struct Chain {
    /// The group of every class.
    group: Vec<usize>,
    groups: usize,
    draws: usize,
    /// `G(j, i)` for `j = 0..=K`, `i = 0..=n`.
    means: Vec<f64>,
}

impl Chain {
    fn new(counts: &[usize], draws: usize) -> Self {
        let group: Vec<usize> = (0..counts.len())
            .flat_map(|h| std::iter::repeat_n(h, counts[h]))
            .collect();
        let means = vec![0.0; (group.len() + 1) * (draws + 1)];
        Self {
            groups: counts.len(),
            group,
            draws,
            means,
        }
    }

    /// Which `i` contribute after `j` classes.
    fn band(&self, j: usize) -> std::ops::RangeInclusive<usize> {
        (self.draws + j).saturating_sub(self.group.len())..=self.draws.min(j)
    }

    fn mean(&self, j: usize, i: usize) -> f64 {
        self.means[j * (self.draws + 1) + i]
    }

    /// `1 - G(K, n)` in the units of `gaps`, which are `1 - z`; keeps all `G(j, i)`.
    fn forward(&mut self, factors: &[f64], gaps: &[f64]) -> f64 {
        self.fill(factors);
        let mut missing = vec![0.0; self.draws + 1];
        for (j, &h) in (1..).zip(&self.group) {
            // From the last: i needs what i - 1 was before this class.
            for i in self.band(j).rev() {
                let share = i as f64 / j as f64;
                let without = if i < j { (1.0 - share) * missing[i] } else { 0.0 };
                let with = if i > 0 {
                    share * (gaps[h] + factors[h] * missing[i - 1])
                } else {
                    0.0
                };
                missing[i] = without + with;
            }
        }
        missing[self.draws]
    }

    fn fill(&mut self, factors: &[f64]) {
        let width = self.draws + 1;
        self.means[0] = 1.0;
        for j in 1..=self.group.len() {
            let z = factors[self.group[j - 1]];
            for i in self.band(j) {
                let share = i as f64 / j as f64;
                let without = if i < j {
                    (1.0 - share) * self.mean(j - 1, i)
                } else {
                    0.0
                };
                let with = if i > 0 {
                    share * z * self.mean(j - 1, i - 1)
                } else {
                    0.0
                };
                self.means[j * width + i] = without + with;
            }
        }
    }

    /// After [`Chain::forward`]: the derivative of `G(K, n)` by `z` of ONE class of every group.
    fn backward(&self, factors: &[f64]) -> Vec<f64> {
        let mut derivatives = vec![0.0; self.groups];
        let mut adjoint = vec![0.0; self.draws + 2];
        adjoint[self.draws] = 1.0;
        for j in (1..=self.group.len()).rev() {
            let h = self.group[j - 1];
            // Classes of a group are alike: the last that is seen stands for all.
            derivatives[h] = self
                .band(j)
                .filter(|&i| i > 0)
                .map(|i| adjoint[i] * i as f64 / j as f64 * self.mean(j - 1, i - 1))
                .sum();
            self.step_back(j, factors[h], &mut adjoint);
        }
        derivatives
    }

    /// From the derivatives of `G(K, n)` by `G(j, i)` to those by `G(j - 1, i)`.
    fn step_back(&self, j: usize, z: f64, adjoint: &mut [f64]) {
        let count = j as f64;
        for i in 0..=self.draws.min(j - 1) {
            adjoint[i] = (1.0 - i as f64 / count) * adjoint[i] + (i as f64 + 1.0) / count * z * adjoint[i + 1];
        }
    }

    /// Derivatives by `z` of ONE class of every group, and their change where every `z` moves by that of its group.
    fn second(&mut self, factors: &[f64], moved: &[f64]) -> (Vec<f64>, Vec<f64>) {
        self.fill(factors);
        let width = self.draws + 1;
        let mut moves = vec![0.0; self.means.len()];
        for j in 1..=self.group.len() {
            let h = self.group[j - 1];
            for i in self.band(j) {
                let share = i as f64 / j as f64;
                let before = (j - 1) * width + i;
                let without = if i < j { (1.0 - share) * moves[before] } else { 0.0 };
                let with = if i > 0 {
                    share * (moved[h] * self.means[before - 1] + factors[h] * moves[before - 1])
                } else {
                    0.0
                };
                moves[j * width + i] = without + with;
            }
        }
        let (mut derivatives, mut changes) = (vec![0.0; self.groups], vec![0.0; self.groups]);
        let (mut adjoint, mut adjoint_move) = (vec![0.0; self.draws + 2], vec![0.0; self.draws + 2]);
        adjoint[self.draws] = 1.0;
        for j in (1..=self.group.len()).rev() {
            let h = self.group[j - 1];
            let (mut value, mut change) = (0.0, 0.0);
            for i in self.band(j).filter(|&i| i > 0) {
                let share = i as f64 / j as f64;
                let before = (j - 1) * width + i - 1;
                value += share * adjoint[i] * self.means[before];
                change += share * (adjoint_move[i] * self.means[before] + adjoint[i] * moves[before]);
            }
            (derivatives[h], changes[h]) = (value, change);
            self.step_back(j, factors[h], &mut adjoint_move);
            for i in 0..=self.draws.min(j - 1) {
                adjoint_move[i] += (i as f64 + 1.0) / j as f64 * moved[h] * adjoint[i + 1];
            }
            self.step_back(j, factors[h], &mut adjoint);
        }
        (derivatives, changes)
    }
}
