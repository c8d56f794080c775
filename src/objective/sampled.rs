//! The sampled losses: what training with sampled negatives or random batches minimises, THEORY (10) and (11).
//!
//! ```text
//! nce      F(M) = sum_c rho_c E_{t ~ Mult(q, rho)} log( 1 + t_c + sum_{c' != c} t_c' u_cc' )                          (10)
//! batches  F(M) = 1/b sum_c E_{l ~ Mult(b, rho)} 1{l_c >= 2} l_c log( l_c - 1 + sum_{c' != c} l_c' u_cc' )            (11)
//! ```
//!
//! with `u_cc' = exp((M_cc' - 1)/tau)`; (11') with `V` views of every example; sincere has `1` in the place of `l_c - 1`.
//! Value, gradient and Hessian product are one-dimensional integrals over a grid that all rows share (`quadrature`).

use nalgebra::DMatrix;
use rayon::prelude::*;

use super::contract::{Objective, exponential_rounding, others};
use super::quadrature::{Constants, Floor, Grid, Mass, Scheme};
use crate::gram::Partition;
use crate::problem::{BatchLoss, Problem, Sampling};

/// Terms of a power series, and where it is used: `s u` up to this for the whole row. What is left out is below
/// `0.06^9 / 10! = 3e-18` relative.
const TERMS: usize = 9;
const SERIES: f64 = 0.06;

/// Below this `log u` a row is linear in `u` to every digit, and `u` itself may underflow.
const LINEAR: f64 = -400.0;

/// Rows fewer than this are not worth a second thread.
const PARALLEL: usize = 16;

/// Entries are read as at most this in the unit `tau`: `u` up to `e^3`. Feasible matrices have `u <= 1`.
const LARGEST: f64 = 3.0;

/// A sampled loss on groups of classes; the vertices of the [`Objective`] are the groups.
#[derive(Debug, Clone)]
pub struct Sampled {
    temperature: f64,
    multiplicity: Vec<f64>,
    mass: Vec<Mass>,
    /// Of every row, from its first node.
    constants: Vec<Vec<Constants>>,
    scheme: Scheme,
    grid: Grid,
    floor: f64,
}

/// A sampled loss at one matrix.
#[derive(Debug, Clone)]
pub struct SampledPoint {
    /// In units of `e^log_scale`.
    excess: f64,
    log_excess: f64,
    log_scale: f64,
    y: DMatrix<f64>,
    phi: DMatrix<f64>,
    rows: Vec<Row>,
}

/// A row at one matrix: what the Hessian product needs besides the gradient.
#[derive(Debug, Clone)]
struct Row {
    sums: RowSums,
    /// `log` of the row's excess over `rho`.
    log_excess: f64,
    /// `h s e^{-kappa s} K` at the nodes.
    first: Vec<f64>,
    /// `h s e^{-kappa s} (n - 1)(P^{n-2} - sigma C^{n-2})` at the nodes.
    second: Vec<f64>,
}

/// Sums over the other classes of one row at all nodes: by moments up to `high`, by recursion from there.
#[derive(Debug, Clone)]
struct RowSums {
    high: usize,
    /// `log` of the largest `u` of the row.
    log_unit: f64,
    /// `u / e^{log_unit}` for every group; 0 where it has no other class.
    relative: Vec<f64>,
    /// `1 - e^{-su}` at the first three nodes from `high`.
    gaps: [Vec<f64>; 3],
}

impl Sampled {
    /// The loss of `problem` on groups of classes with the given sizes and multiplicities.
    pub fn from_problem(problem: &Problem, sampling: &Sampling, sizes: &[f64], multiplicity: &[f64]) -> Self {
        let model = problem.model();
        let scheme = match *sampling {
            Sampling::RandomBatches { loss, size, .. } => {
                Scheme::batches(size, model.views, loss == BatchLoss::Sincere)
            }
            Sampling::Negatives { count } => Scheme::negatives(count),
        };
        let probabilities = sampling.probabilities(sizes, multiplicity);
        Self::new(scheme, model.temperature, &probabilities, multiplicity)
    }

    /// The loss of `problem` on its groups of equal sizes.
    pub fn on_partition(problem: &Problem, sampling: &Sampling, partition: &Partition) -> Self {
        Self::from_problem(problem, sampling, partition.sizes(), &partition.multiplicity_f64())
    }

    /// `probabilities` are those of ONE class of every group.
    fn new(scheme: Scheme, temperature: f64, probabilities: &[f64], multiplicity: &[f64]) -> Self {
        let groups = probabilities.len();
        let mass: Vec<Mass> = (0..groups)
            .map(|g| {
                let rest = (0..groups).map(|h| others(multiplicity, g, h) * probabilities[h]).sum();
                Mass::new(probabilities[g], rest)
            })
            .collect();
        let grid = Grid::new(&scheme);
        let floors = map_rows(groups, |g| {
            multiplicity[g] * mass[g].rho * mass[g].floor(&scheme, &grid)
        });
        Self {
            constants: map_rows(groups, |g| mass[g].constants(&scheme, &grid)),
            temperature,
            multiplicity: multiplicity.to_vec(),
            mass,
            scheme,
            floor: floors.iter().sum(),
            grid,
        }
    }

    /// Temperature `tau`.
    pub fn temperature(&self) -> f64 {
        self.temperature
    }

    /// Number of groups `r`.
    pub fn groups(&self) -> usize {
        self.mass.len()
    }

    /// Probability of ONE class of every group.
    pub fn probabilities(&self) -> Vec<f64> {
        self.mass.iter().map(|mass| mass.rho).collect()
    }

    /// `phi`, r x r: the gradient by ordered pairs of classes is `phi_cc' u_cc'`, and `phi` varies slowly. In nats, unlike
    /// [`Objective::gradient`].
    pub fn slopes<'p>(&self, at: &'p SampledPoint) -> &'p DMatrix<f64> {
        &at.phi
    }

    /// Whether every entry is in the range where the loss is evaluated as it is: `u` at most `e^3`.
    pub(super) fn is_exact_at(&self, values: &DMatrix<f64>) -> bool {
        values.iter().all(|value| (value - 1.0) / self.temperature <= LARGEST)
    }

    fn log_u(&self, value: f64) -> f64 {
        ((value - 1.0) / self.temperature).min(LARGEST)
    }

    /// Masses of the classes of every group other than one class of `g`.
    fn weights(&self, g: usize) -> Vec<f64> {
        (0..self.groups())
            .map(|h| others(&self.multiplicity, g, h) * self.mass[h].rho)
            .collect()
    }

    fn row(&self, values: &DMatrix<f64>, g: usize) -> (Row, Vec<f64>) {
        let (scheme, grid, mass) = (&self.scheme, &self.grid, &self.mass[g]);
        let weights = self.weights(g);
        let log_u: Vec<f64> = values.column(g).iter().map(|&value| self.log_u(value)).collect();
        let sums = RowSums::new(grid, &log_u, &weights);
        let linear = sums.log_unit < LINEAR;
        let unit = sums.log_unit.exp();
        let n = scheme.draws;
        let relative = sums.total(grid, &weights, &sums.relative, true);
        let mut excess = 0.0;
        let mut first = Vec::with_capacity(relative.len());
        let mut second = Vec::with_capacity(relative.len());
        let rest_power = mass.rest_power(scheme);
        for ((j, &relative), constants) in relative.iter().enumerate().zip(&self.constants[g]) {
            let delta = if linear { 0.0 } else { relative * unit };
            let weight = grid.weight[j] * grid.s[j];
            let terms = mass.terms(scheme, constants, rest_power, delta);
            excess += grid.weight[j]
                * if linear {
                    n * relative * terms.first
                } else {
                    terms.drop / unit
                };
            first.push(weight * terms.first);
            second.push(weight * (n - 1.0) * terms.second);
        }
        let integrals = sums.weighted(grid, &first);
        let scale = n * mass.rho / self.temperature;
        let phi = (0..self.groups())
            .map(|h| {
                if weights[h] > 0.0 {
                    scale * self.mass[h].rho * integrals[h]
                } else {
                    0.0
                }
            })
            .collect();
        let row = Row {
            log_excess: excess.ln() + sums.log_unit,
            sums,
            first,
            second,
        };
        (row, phi)
    }
}

impl Scheme {
    /// (10) with `q` negatives.
    fn negatives(q: u64) -> Self {
        Self {
            decay: 1.0,
            draws: q as f64,
            own_in_denominator: true,
            skips: false,
            floor: Floor::Draws,
        }
    }

    /// (11) and (11') with batches of `size` examples. The variable is `s = V t`.
    fn batches(size: u64, views: u64, sincere: bool) -> Self {
        let v = views as f64;
        Self {
            decay: if sincere { 1.0 / v } else { (v - 1.0) / v },
            draws: size as f64 - 1.0,
            own_in_denominator: !sincere,
            skips: views == 1,
            floor: match (sincere, views) {
                (true, _) => Floor::Zero,
                (false, 1) => Floor::Positives,
                (false, _) => Floor::Views(v),
            },
        }
    }
}

impl RowSums {
    fn new(grid: &Grid, log_u: &[f64], weights: &[f64]) -> Self {
        let present = || log_u.iter().zip(weights).filter(|&(_, &w)| w > 0.0);
        let log_unit = present().map(|(&l, _)| l).fold(f64::NEG_INFINITY, f64::max);
        let log_limit = SERIES.ln() - log_unit;
        let high = grid.s.partition_point(|&s| s.ln() <= log_limit);
        let gaps = std::array::from_fn(|i| match grid.s.get(high + i) {
            Some(s) => log_u.iter().map(|l| -(-s * l.exp()).exp_m1()).collect(),
            None => Vec::new(),
        });
        Self {
            high,
            log_unit,
            relative: log_u
                .iter()
                .zip(weights)
                .map(|(l, &w)| if w > 0.0 { (l - log_unit).exp() } else { 0.0 })
                .collect(),
            gaps,
        }
    }

    /// Calls `visit` with every node from `high` and `1 - e^{-su}` of all groups there.
    fn high_nodes(&self, grid: &Grid, mut visit: impl FnMut(usize, &[f64])) {
        let mut gaps = self.gaps.clone();
        for j in self.high..grid.s.len() {
            let gap = &mut gaps[(j - self.high) % 3];
            visit(j, gap);
            gap.iter_mut().for_each(|e| *e *= 2.0 - *e);
        }
    }

    /// `s` in the unit of the row, `s e^{log_unit}`.
    fn scaled(&self, grid: &Grid, j: usize) -> f64 {
        grid.s[j] * self.log_unit.exp()
    }

    /// At every node, the sum over groups of `weight` times `f(s u)`, where `f(x)` is `1 - e^{-x}` in units of
    /// `e^{log_unit}` for `gap`, else `e^{-x}`; `factor` is `u / e^{log_unit}` for `gap` and ignored otherwise.
    fn total(&self, grid: &Grid, weight: &[f64], relative: &[f64], gap: bool) -> Vec<f64> {
        let mut moments = [0.0; TERMS];
        for (&w, &u) in weight.iter().zip(relative) {
            let mut power = if gap { w * u } else { w };
            for moment in &mut moments {
                *moment += power;
                power *= u;
            }
        }
        // (1 - e^{-x})/x = sum (-x)^i/(i+1)!, e^{-x} = sum (-x)^i/i!.
        let mut factorial = 1.0;
        for (i, moment) in moments.iter_mut().enumerate() {
            factorial *= if gap { i as f64 + 1.0 } else { (i as f64).max(1.0) };
            *moment /= factorial;
        }
        let mut totals: Vec<f64> = (0..self.high)
            .map(|j| {
                let x = -self.scaled(grid, j);
                let series = moments.iter().rev().fold(0.0, |sum, moment| sum * x + moment);
                if gap { grid.s[j] * series } else { series }
            })
            .collect();
        let unit = if gap { (-self.log_unit).exp() } else { 1.0 };
        self.high_nodes(grid, |_, gaps| {
            let sum: f64 = if gap {
                weight.iter().zip(gaps).map(|(w, e)| w * e).sum()
            } else {
                weight.iter().zip(gaps).map(|(w, e)| w * (1.0 - e)).sum()
            };
            totals.push(sum * unit);
        });
        totals
    }

    /// For every group, the sum over nodes of `weight e^{-su}`; `weight` has one entry a node.
    fn weighted(&self, grid: &Grid, weight: &[f64]) -> Vec<f64> {
        let mut moments = [0.0; TERMS];
        for (j, &w) in (0..self.high).zip(weight) {
            let x = -self.scaled(grid, j);
            let mut power = w;
            for (i, moment) in moments.iter_mut().enumerate() {
                *moment += power;
                power *= x / (i as f64 + 1.0);
            }
        }
        let mut sums: Vec<f64> = self
            .relative
            .iter()
            .map(|&u| moments.iter().rev().fold(0.0, |sum, moment| sum * u + moment))
            .collect();
        self.high_nodes(grid, |j, gaps| {
            let w = weight[j];
            for (sum, gap) in sums.iter_mut().zip(gaps) {
                *sum += w * (1.0 - gap);
            }
        });
        sums
    }
}

impl Objective for Sampled {
    type Point = SampledPoint;

    fn multiplicity(&self) -> &[f64] {
        &self.multiplicity
    }

    fn floor(&self) -> Option<f64> {
        Some(self.floor)
    }

    /// The rule of the integrals misses them by `2e-16` each, and its nodes are a few hundred.
    fn rounding(&self) -> f64 {
        2.0 * exponential_rounding(self.temperature, self.groups() + self.grid.s.len())
    }

    fn evaluate(&self, values: &DMatrix<f64>, log_scale: f64) -> SampledPoint {
        let groups = self.groups();
        let found = map_rows(groups, |g| self.row(values, g));
        let mut phi = DMatrix::zeros(groups, groups);
        let mut rows = Vec::with_capacity(groups);
        for (g, (row, of_row)) in found.into_iter().enumerate() {
            for (h, value) in of_row.into_iter().enumerate() {
                phi[(g, h)] = value;
            }
            rows.push(row);
        }
        let y = DMatrix::from_fn(groups, groups, |g, h| {
            phi[(g, h)] * (self.log_u(values[(g, h)]) - log_scale).exp()
        });
        let logs: Vec<f64> = rows
            .iter()
            .enumerate()
            .map(|(g, row)| row.log_excess + (self.multiplicity[g] * self.mass[g].rho).ln())
            .collect();
        let largest = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let log_excess = largest + logs.iter().map(|l| (l - largest).exp()).sum::<f64>().ln();
        SampledPoint {
            excess: (log_excess - log_scale).exp(),
            log_excess,
            log_scale,
            y,
            phi,
            rows,
        }
    }

    fn excess(&self, at: &SampledPoint) -> f64 {
        at.excess
    }

    fn log_excess(&self, at: &SampledPoint) -> f64 {
        at.log_excess
    }

    fn gradient<'p>(&self, at: &'p SampledPoint) -> &'p DMatrix<f64> {
        &at.y
    }

    fn hessian_product(&self, at: &SampledPoint, direction: &DMatrix<f64>) -> DMatrix<f64> {
        let groups = self.groups();
        let tau = self.temperature;
        let grid = &self.grid;
        // y_h = c_h u_h int first e^{-s u_h}: dy_h = y_h D_h/tau + c_h u_h int (d first - first s u_h D_h/tau) e^{-s u_h}.
        let products = map_rows(groups, |g| {
            let row = &at.rows[g];
            let sums = &row.sums;
            let unit = sums.log_unit.exp();
            let weights = self.weights(g);
            let slopes: Vec<f64> = (0..groups)
                .map(|h| {
                    if weights[h] > 0.0 {
                        weights[h] * sums.relative[h] * unit * direction[(g, h)] / tau
                    } else {
                        0.0
                    }
                })
                .collect();
            let change = sums.total(grid, &slopes, &sums.relative, false);
            let of_others: Vec<f64> = (grid.s.iter().zip(&change).zip(&row.second))
                .map(|((s, change), second)| -second * s * change)
                .collect();
            let of_own: Vec<f64> = grid.s.iter().zip(&row.first).map(|(s, first)| first * s).collect();
            let others = sums.weighted(grid, &of_others);
            let own = sums.weighted(grid, &of_own);
            let scale = self.scheme.draws * self.mass[g].rho / tau;
            (0..groups)
                .map(|h| {
                    if weights[h] == 0.0 {
                        return 0.0;
                    }
                    let u = sums.relative[h] * unit;
                    let along = direction[(g, h)] / tau;
                    let share = scale * self.mass[h].rho * (sums.relative[h].ln() + sums.log_unit - at.log_scale).exp();
                    at.y[(g, h)] * along + share * (others[h] - own[h] * u * along)
                })
                .collect::<Vec<f64>>()
        });
        DMatrix::from_fn(groups, groups, |g, h| products[g][h])
    }
}

/// `f` of every row, in order; on several threads where there are many.
fn map_rows<T: Send>(rows: usize, f: impl Fn(usize) -> T + Sync) -> Vec<T> {
    if rows < PARALLEL {
        return (0..rows).map(f).collect();
    }
    (0..rows).into_par_iter().map(&f).collect()
}
