//! [`Portions`]: rows of random batches drawn WITHOUT replacement, as a loader makes them of every epoch, THEORY (11''').
//!
//! A batch is any `b` of the `N` examples, all alike. Its samples of a class coincide at the optimum as they do in (11): the
//! loss is convex and the same for all orders of the samples of a class, so that these have one inner product, and every row
//! falls where that rises to 1. With `l_c` examples of class `c` in the batch,
//!
//! ```text
//! F(M) = 1/b sum_c E[ 1{V l_c >= 2} l_c log( V l_c - 1 + V sum_{c' != c} l_c' u_cc' ) ].
//! ```
//!
//! The factor `l_c` is taken into the mean: one example of `c` is in the batch, and `b - 1` of the other `N - 1` are drawn
//! beside it. `M` is the same for all classes of a group, so that only the numbers of examples by group matter, and their
//! combinations are few enough to be listed: a finite sum, without a quadrature.

use nalgebra::DMatrix;

use super::contract::others;
use super::sampled::{Found, SampledPoint, map_rows};
use crate::math::hypergeometric::each_draw;
use crate::problem::portions::populations;

/// Below this `log(1 + x) = x` to every digit.
const SMALL: f64 = 1e-17;

/// What is fixed of the rows.
#[derive(Debug, Clone)]
pub(super) struct Portions {
    temperature: f64,
    multiplicity: Vec<f64>,
    /// The probability of ONE class of every group.
    probabilities: Vec<f64>,
    views: f64,
    rows: Vec<Vec<Term>>,
    floor: f64,
}

/// One combination: how probable it is, the mass of the anchor's own class, and the examples of every group.
#[derive(Debug, Clone)]
struct Term {
    probability: f64,
    own: f64,
    met: Vec<f64>,
}

impl Portions {
    /// Batches of `size` examples of classes of these sizes, before views.
    pub(super) fn new(
        size: u64,
        views: u64,
        sincere: bool,
        temperature: f64,
        (sizes, multiplicity, probabilities): (&[f64], &[f64], &[f64]),
    ) -> Self {
        let rows = map_rows(sizes.len(), |g| {
            let mut terms = Vec::new();
            each_draw(
                &populations(sizes, multiplicity, g),
                size - 1,
                u64::MAX,
                &mut |numbers, probability| {
                    let samples = views * (numbers[0] + 1);
                    // An anchor without a positive is skipped.
                    if samples >= 2 {
                        terms.push(Term {
                            probability,
                            own: if sincere { 1.0 } else { samples as f64 - 1.0 },
                            met: numbers[1..].iter().map(|&number| number as f64).collect(),
                        });
                    }
                },
            );
            terms
        });
        let floor = |terms: &Vec<Term>| terms.iter().map(|term| term.probability * term.own.ln()).sum::<f64>();
        let floors = rows.iter().zip(multiplicity).zip(probabilities);
        Self {
            temperature,
            floor: floors.map(|((terms, m), rho)| m * rho * floor(terms)).sum(),
            multiplicity: multiplicity.to_vec(),
            probabilities: probabilities.to_vec(),
            views: views as f64,
            rows,
        }
    }

    /// What no geometry can remove.
    pub(super) fn floor(&self) -> f64 {
        self.floor
    }

    /// Most terms of a row.
    pub(super) fn terms(&self) -> usize {
        self.rows.iter().map(Vec::len).max().unwrap_or(0)
    }

    fn groups(&self) -> usize {
        self.multiplicity.len()
    }

    /// `u` of the groups that have another class, in the unit of the largest.
    fn relative(&self, log_u: &[f64], g: usize) -> (f64, Vec<f64>) {
        let present = |h: usize| others(&self.multiplicity, g, h) > 0.0;
        let log_unit = (0..self.groups())
            .filter(|&h| present(h))
            .map(|h| log_u[h])
            .fold(f64::NEG_INFINITY, f64::max);
        let relative = (0..self.groups())
            .map(|h| if present(h) { (log_u[h] - log_unit).exp() } else { 0.0 })
            .collect();
        (log_unit, relative)
    }

    /// The row of one class of `g` from `log u` of the other groups: its excess, as a log over its probability, and its slopes
    /// `phi`.
    pub(super) fn row(&self, log_u: &[f64], g: usize) -> Found {
        let (log_unit, relative) = self.relative(log_u, g);
        let unit = log_unit.exp();
        let mut excess = 0.0;
        let mut slopes = vec![0.0; self.groups()];
        for term in &self.rows[g] {
            let met: f64 = term.met.iter().zip(&relative).map(|(number, u)| number * u).sum();
            let scaled = self.views * met / term.own;
            let x = scaled * unit;
            excess += term.probability * if x < SMALL { scaled } else { x.ln_1p() / unit };
            let share = term.probability * self.views / (term.own * (1.0 + x));
            for (slope, number) in slopes.iter_mut().zip(&term.met) {
                *slope += share * number;
            }
        }
        let scale = self.probabilities[g] / self.temperature;
        let phi = slopes
            .iter()
            .enumerate()
            .map(|(h, slope)| match others(&self.multiplicity, g, h) {
                0.0 => 0.0,
                count => scale * slope / count,
            });
        Found::above_floor(excess.ln() + log_unit, phi.collect())
    }

    /// [`Objective::hessian_product`](super::Objective::hessian_product).
    pub(super) fn hessian_product(&self, at: &SampledPoint, direction: &DMatrix<f64>) -> DMatrix<f64> {
        let groups = self.groups();
        let products = map_rows(groups, |g| {
            let log_u: Vec<f64> = at.log_u.column(g).iter().copied().collect();
            let (log_unit, relative) = self.relative(&log_u, g);
            let unit = log_unit.exp();
            let moved: Vec<f64> = (0..groups)
                .map(|h| relative[h] * unit * direction[(g, h)] / self.temperature)
                .collect();
            // y_h = scale u_h sum p V n_h / (own + V n.u): its denominator moves too.
            let mut changes = vec![0.0; groups];
            for term in &self.rows[g] {
                let sum = |of: &[f64]| term.met.iter().zip(of).map(|(number, u)| number * u).sum::<f64>();
                let mass = term.own + self.views * unit * sum(&relative);
                let share = term.probability * self.views * (self.views * sum(&moved)) / (mass * mass);
                for (change, number) in changes.iter_mut().zip(&term.met) {
                    *change -= share * number;
                }
            }
            let scale = self.probabilities[g] / self.temperature;
            (0..groups)
                .map(|h| match others(&self.multiplicity, g, h) {
                    0.0 => 0.0,
                    count => {
                        let along = direction[(g, h)] / self.temperature;
                        at.y[(g, h)] * along + scale / count * (log_u[h] - at.log_scale).exp() * changes[h]
                    }
                })
                .collect::<Vec<f64>>()
        });
        DMatrix::from_fn(groups, groups, |g, h| products[g][h])
    }
}
