//! The sampled losses: what training with sampled negatives or random batches minimises, THEORY (10) and (11).
//!
//! ```text
//! nce             F(M) = sum_c rho_c E_{t ~ Mult(q, rho)} log( 1 + t_c + sum_{c' != c} t_c' u_cc' )                          (10)
//! batches         F(M) = 1/b sum_c E_{l ~ Mult(b, rho)} 1{l_c >= 2} l_c log( l_c - 1 + sum_{c' != c} l_c' u_cc' )            (11)
//! class-balanced  F(M) = E_B 1/P sum_{c in B} log( V m - 1 + V m sum_{c' in B, c' != c} u_cc' )                             (11'')
//! ```
//!
//! with `u_cc' = exp((M_cc' - 1)/tau)`; (11') with `V` views of every example; `B` is any `P` of the classes; sincere has `1`
//! in the place of `l_c - 1` and of `V m - 1`. Independent draws are in `drawn`, sets of classes in `subsets`, batches without
//! replacement (11''') in `portions`.

use nalgebra::DMatrix;
use rayon::prelude::*;

use super::contract::{Affine, Objective, exponential_rounding};
use super::drawn::{Drawn, Row};
use super::portions::Portions;
use super::quadrature::Scheme;
use super::subsets::Subsets;
use crate::gram::Partition;
use crate::problem::{BatchLoss, Problem, Sampling};

/// Below this `log u` a row is linear in `u` to every digit, and `u` itself may underflow.
pub(super) const LINEAR: f64 = -400.0;

/// Rows fewer than this are not worth a second thread.
const PARALLEL: usize = 16;

/// Entries are read as at most this in the unit `tau`: `u` up to `e^3`. Feasible matrices have `u <= 1`.
const LARGEST: f64 = 3.0;

/// A sampled loss on groups of classes; the vertices of the [`Objective`] are the groups.
#[derive(Debug, Clone)]
pub struct Sampled {
    temperature: f64,
    multiplicity: Vec<f64>,
    /// The probability of ONE class of every group.
    probabilities: Vec<f64>,
    kind: Kind,
    floor: f64,
}

/// How the rows come about.
#[derive(Debug, Clone)]
enum Kind {
    Drawn(Drawn),
    Subsets(Subsets),
    Portions(Portions),
}

/// A sampled loss at one matrix.
#[derive(Debug, Clone)]
pub struct SampledPoint {
    /// In units of `e^log_scale`.
    excess: f64,
    log_excess: f64,
    pub(super) log_scale: f64,
    pub(super) y: DMatrix<f64>,
    phi: DMatrix<f64>,
    /// `log u`, r x r.
    pub(super) log_u: DMatrix<f64>,
    /// Of independent draws.
    pub(super) rows: Vec<Row>,
}

impl Sampled {
    /// The loss of `problem` on groups of classes with the given sizes and multiplicities.
    pub fn from_problem(problem: &Problem, sampling: &Sampling, sizes: &[f64], multiplicity: &[f64]) -> Self {
        let model = problem.model();
        let temperature = model.temperature;
        let probabilities = sampling.probabilities(sizes, multiplicity);
        let drawn = |scheme| Kind::Drawn(Drawn::new(scheme, temperature, &probabilities, multiplicity));
        let kind = match *sampling {
            Sampling::RandomBatches {
                loss,
                size,
                replacement: false,
                ..
            } => {
                let groups = (sizes, multiplicity, &probabilities[..]);
                let sincere = loss == BatchLoss::Sincere;
                Kind::Portions(Portions::new(size, model.views, sincere, temperature, groups))
            }
            Sampling::RandomBatches { loss, size, .. } => {
                drawn(Scheme::batches(size, model.views, loss == BatchLoss::Sincere))
            }
            Sampling::Negatives { count } => drawn(Scheme::negatives(count)),
            Sampling::ClassBalanced {
                loss,
                classes,
                per_class,
            } => {
                let samples = per_class as f64 * model.views as f64;
                let base = match loss {
                    BatchLoss::Supcon => samples - 1.0,
                    BatchLoss::Sincere => 1.0,
                };
                Kind::Subsets(Subsets::new(classes, samples, base, temperature, multiplicity))
            }
        };
        let floor = match &kind {
            Kind::Drawn(drawn) => drawn.floor(),
            Kind::Subsets(subsets) => subsets.floor(),
            Kind::Portions(portions) => portions.floor(),
        };
        Self {
            temperature,
            multiplicity: multiplicity.to_vec(),
            probabilities,
            kind,
            floor,
        }
    }

    /// The loss of `problem` on its groups of equal sizes.
    pub fn on_partition(problem: &Problem, sampling: &Sampling, partition: &Partition) -> Self {
        Self::from_problem(problem, sampling, partition.sizes(), &partition.multiplicity_f64())
    }

    /// Temperature `tau`.
    pub fn temperature(&self) -> f64 {
        self.temperature
    }

    /// Number of groups `r`.
    pub fn groups(&self) -> usize {
        self.multiplicity.len()
    }

    /// Probability of ONE class of every group.
    pub fn probabilities(&self) -> Vec<f64> {
        self.probabilities.clone()
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
}

impl Objective for Sampled {
    type Point = SampledPoint;
    type Entries = DMatrix<f64>;

    fn multiplicity(&self) -> &[f64] {
        &self.multiplicity
    }

    fn floor(&self) -> Option<f64> {
        Some(self.floor)
    }

    /// The rule of the integrals misses them by `2e-16` each, and its nodes are a few hundred.
    fn rounding(&self) -> f64 {
        let nodes = match &self.kind {
            Kind::Drawn(drawn) => drawn.nodes(),
            Kind::Subsets(subsets) => subsets.nodes(),
            Kind::Portions(portions) => portions.terms(),
        };
        2.0 * exponential_rounding(self.temperature, self.groups() + nodes)
    }

    fn zeros(&self) -> DMatrix<f64> {
        let r = self.multiplicity().len();
        DMatrix::zeros(r, r)
    }

    fn evaluate(&self, values: &DMatrix<f64>, log_scale: f64) -> SampledPoint {
        let groups = self.groups();
        let log_u = values.map(|value| ((value - 1.0) / self.temperature).min(LARGEST));
        let column = |g: usize| log_u.column(g).iter().copied().collect::<Vec<f64>>();
        let mut rows = Vec::new();
        let found: Vec<(f64, Vec<f64>)> = match &self.kind {
            Kind::Drawn(drawn) => map_rows(groups, |g| drawn.row(&column(g), g))
                .into_iter()
                .map(|(log_excess, phi, row)| {
                    rows.push(row);
                    (log_excess, phi)
                })
                .collect(),
            Kind::Subsets(subsets) => map_rows(groups, |g| subsets.row(&column(g), g)),
            Kind::Portions(portions) => map_rows(groups, |g| portions.row(&column(g), g)),
        };
        let mut phi = DMatrix::zeros(groups, groups);
        let mut logs = Vec::with_capacity(groups);
        for (g, (of_row, slopes)) in found.into_iter().enumerate() {
            for (h, value) in slopes.into_iter().enumerate() {
                phi[(g, h)] = value;
            }
            logs.push(of_row + (self.multiplicity[g] * self.probabilities[g]).ln());
        }
        let y = DMatrix::from_fn(groups, groups, |g, h| phi[(g, h)] * (log_u[(g, h)] - log_scale).exp());
        let largest = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let log_excess = largest + logs.iter().map(|l| (l - largest).exp()).sum::<f64>().ln();
        SampledPoint {
            excess: (log_excess - log_scale).exp(),
            log_excess,
            log_scale,
            y,
            phi,
            log_u,
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
        match &self.kind {
            Kind::Drawn(drawn) => drawn.hessian_product(at, direction),
            Kind::Subsets(subsets) => subsets.hessian_product(at, direction),
            Kind::Portions(portions) => portions.hessian_product(at, direction),
        }
    }

    /// The tangent at a matrix whose gradient is wanted.
    fn minorant(&self, wanted: &DMatrix<f64>, near: &DMatrix<f64>, log_scale: f64) -> Option<Affine<DMatrix<f64>>> {
        self.tangent_with(wanted, near, log_scale)
    }
}

/// `f` of every row, in order; on several threads where there are many.
pub(super) fn map_rows<T: Send>(rows: usize, f: impl Fn(usize) -> T + Sync) -> Vec<T> {
    if rows < PARALLEL {
        return (0..rows).map(f).collect();
    }
    (0..rows).into_par_iter().map(&f).collect()
}
