//! [`Drawn`]: rows of the sampled losses whose draws are independent, THEORY (10) and (11), as integrals (`quadrature`).

mod nscl;

pub(super) use nscl::SMALLEST;

use nalgebra::DMatrix;

use super::contract::others;
use super::quadrature::{Constants, Floor, Grid, Mass, Scheme};
use super::sampled::{Found, LINEAR, SampledPoint, map_rows};
use crate::problem::BatchLoss;

/// Terms of a power series, and where it is used: `s u` up to this for the whole row. What is left out is below
/// `0.06^9 / 10! = 3e-18` relative.
const TERMS: usize = 9;
const SERIES: f64 = 0.06;

/// What is fixed of the rows.
#[derive(Debug, Clone)]
pub(super) struct Drawn {
    temperature: f64,
    multiplicity: Vec<f64>,
    mass: Vec<Mass>,
    /// Of every row, from its first node.
    constants: Vec<Vec<Constants>>,
    scheme: Scheme,
    grid: Grid,
    /// `log V`, which nscl counts.
    log_views: f64,
}

/// A row at one matrix: what the Hessian product needs besides the gradient.
#[derive(Debug, Clone)]
pub(super) struct Row {
    sums: RowSums,
    /// `h s e^{-kappa s} K` at the nodes.
    first: Vec<f64>,
    /// `h s e^{-kappa s} (n - 1)(P^{n-2} - sigma C^{n-2})` at the nodes.
    second: Vec<f64>,
    /// Nodes of this row alone.
    grid: Option<Grid>,
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
    /// Whether `e^{-su}` is wanted to all digits where it is small.
    long: bool,
}

impl Drawn {
    /// `probabilities` are those of ONE class of every group.
    pub(super) fn new(
        scheme: Scheme,
        views: u64,
        temperature: f64,
        probabilities: &[f64],
        multiplicity: &[f64],
    ) -> Self {
        let groups = probabilities.len();
        let mass: Vec<Mass> = (0..groups)
            .map(|g| {
                let rest = (0..groups).map(|h| others(multiplicity, g, h) * probabilities[h]).sum();
                Mass::new(probabilities[g], rest)
            })
            .collect();
        let grid = match scheme.floor {
            Some(_) => Grid::new(&scheme),
            // As far as any feasible matrix needs; every row has its own nodes.
            None => Grid::until(&scheme, (-2.0 / temperature).max(SMALLEST)),
        };
        Self {
            constants: match scheme.floor {
                Some(_) => map_rows(groups, |g| mass[g].constants(&scheme, &grid)),
                None => Vec::new(),
            },
            temperature,
            multiplicity: multiplicity.to_vec(),
            mass,
            scheme,
            grid,
            log_views: (views as f64).ln(),
        }
    }

    fn groups(&self) -> usize {
        self.mass.len()
    }

    /// Nodes of the integrals.
    pub(super) fn nodes(&self) -> usize {
        self.grid.s.len()
    }

    /// What no geometry can remove; `None` for nscl.
    pub(super) fn floor(&self) -> Option<f64> {
        self.scheme.floor?;
        let floors = map_rows(self.groups(), |g| {
            self.multiplicity[g] * self.mass[g].rho * self.mass[g].floor(&self.scheme, &self.grid)
        });
        Some(floors.iter().sum())
    }

    /// Masses of the classes of every group other than one class of `g`.
    fn weights(&self, g: usize) -> Vec<f64> {
        (0..self.groups())
            .map(|h| others(&self.multiplicity, g, h) * self.mass[h].rho)
            .collect()
    }

    /// The row of one class of `g` from `log u` of the other groups: its excess, as a log over `rho`, its slopes `phi`, and what
    /// the Hessian product needs.
    pub(super) fn row(&self, log_u: &[f64], g: usize) -> Found {
        if self.scheme.floor.is_none() {
            return self.nscl_row(log_u, g);
        }
        let (scheme, grid, mass) = (&self.scheme, &self.grid, &self.mass[g]);
        let weights = self.weights(g);
        let sums = RowSums::new(grid, log_u, &weights, false);
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
        let log_excess = excess.ln() + sums.log_unit;
        Found {
            drawn: Some(Row {
                sums,
                first,
                second,
                grid: None,
            }),
            ..Found::above_floor(log_excess, phi)
        }
    }

    /// [`Objective::hessian_product`](super::Objective::hessian_product).
    pub(super) fn hessian_product(&self, at: &SampledPoint, direction: &DMatrix<f64>) -> DMatrix<f64> {
        let groups = self.groups();
        let tau = self.temperature;
        // y_h = c_h u_h int first e^{-s u_h}: dy_h = y_h D_h/tau + c_h u_h int (d first - first s u_h D_h/tau) e^{-s u_h}.
        let products = map_rows(groups, |g| {
            let row = &at.rows[g];
            let grid = row.grid.as_ref().unwrap_or(&self.grid);
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

impl Scheme {
    /// (10) with `q` negatives.
    pub(super) fn negatives(q: u64) -> Self {
        Self {
            decay: 1.0,
            draws: q as f64,
            own_in_denominator: true,
            skips: false,
            floor: Some(Floor::Draws),
        }
    }

    /// (11) and (11') with batches of `size` examples; `None` for bcl. The variable is `s = V t`.
    pub(super) fn batches(loss: BatchLoss, size: u64, views: u64) -> Option<Self> {
        let v = views as f64;
        let (decay, own_in_denominator, floor) = match (loss, views) {
            (BatchLoss::Supcon, 1) => (0.0, true, Some(Floor::Positives)),
            (BatchLoss::Supcon, _) => ((v - 1.0) / v, true, Some(Floor::Views(v))),
            (BatchLoss::Sincere, _) => (1.0 / v, false, Some(Floor::Zero)),
            (BatchLoss::Nscl, _) => (0.0, false, None),
            (BatchLoss::Bcl, _) => return None,
        };
        Some(Self {
            decay,
            draws: size as f64 - 1.0,
            own_in_denominator,
            skips: views == 1,
            floor,
        })
    }
}

impl RowSums {
    fn new(grid: &Grid, log_u: &[f64], weights: &[f64], long: bool) -> Self {
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
            long,
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

    /// Calls `visit` with every node from `high` and `e^{-su}` of all groups there.
    fn high_exponentials(&self, grid: &Grid, mut visit: impl FnMut(usize, &[f64])) {
        let mut exponentials: Vec<f64> = vec![0.0; self.relative.len()];
        if !self.long {
            return self.high_nodes(grid, |j, gaps| {
                exponentials.iter_mut().zip(gaps).for_each(|(z, gap)| *z = 1.0 - gap);
                visit(j, &exponentials);
            });
        }
        // A square doubles the relative error, which 1 - gap does not; of a small number that is little.
        let mut before: [Vec<f64>; 3] = std::array::from_fn(|_| exponentials.clone());
        self.high_nodes(grid, |j, gaps| {
            let before = &mut before[(j - self.high) % 3];
            for (z, gap) in before.iter_mut().zip(gaps) {
                *z = if *gap < 0.5 || j < self.high + 3 {
                    1.0 - gap
                } else {
                    *z * *z
                };
            }
            visit(j, before);
        });
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
        let mut push = |_, values: &[f64]| {
            let sum: f64 = weight.iter().zip(values).map(|(w, value)| w * value).sum();
            totals.push(sum * unit);
        };
        if gap {
            self.high_nodes(grid, &mut push);
        } else {
            self.high_exponentials(grid, &mut push);
        }
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
        self.high_exponentials(grid, |j, exponentials| {
            let w = weight[j];
            for (sum, z) in sums.iter_mut().zip(exponentials) {
                *sum += w * z;
            }
        });
        sums
    }
}
