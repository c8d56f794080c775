//! The sampled losses: what training with sampled negatives or random batches minimises, THEORY (10) and (11).
//!
//! ```text
//! nce             F(M) = sum_c rho_c E_{t ~ Mult(q, rho)} log( 1 + t_c + sum_{c' != c} t_c' u_cc' )                          (10)
//! batches         F(M) = 1/b sum_c E_{l ~ Mult(b, rho)} 1{l_c >= 2} l_c log( l_c - 1 + sum_{c' != c} l_c' u_cc' )            (11)
//! class-balanced  F(M) = E_B 1/P sum_{c in B} log( V m - 1 + V m sum_{c' in B, c' != c} u_cc' )                             (11'')
//! ```
//!
//! with `u_cc' = exp((M_cc' - 1)/tau)`; (11') with `V` views of every example; `B` is any `P` of the classes; sincere has `1`
//! in the place of `l_c - 1` and of `V m - 1`. In (11) nscl has nothing in that place, and anchors without a negative are
//! skipped; bcl has 1 there and in the place of every positive `l_c'`. Independent draws are in `drawn`, those of bcl in
//! `presence`, sets of classes in `subsets`, batches without replacement (11''') in `portions`.

use nalgebra::DMatrix;
use rayon::prelude::*;

use super::contract::{Affine, Objective, exponential_rounding};
use super::drawn::{Drawn, Row};
use super::portions::Portions;
use super::presence::Presence;
use super::quadrature::Scheme;
use super::subsets::Subsets;
use crate::gram::Partition;
use crate::problem::{BatchLoss, FullBatchLoss, Problem, Sampling};

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
    floor: Option<f64>,
}

/// How the rows come about.
#[derive(Debug, Clone)]
enum Kind {
    Drawn(Drawn),
    Presence(Presence),
    Subsets(Subsets),
    Portions(Portions),
}

/// The row of one class of a group.
pub(super) struct Found {
    /// The excess, as a log over the probability of the class; of a loss without a floor the row itself, over that probability.
    pub(super) value: f64,
    /// `phi`, in units of `e^{-log_unit}`.
    pub(super) phi: Vec<f64>,
    /// 0 where there is a floor.
    pub(super) log_unit: f64,
    /// What [`Drawn::hessian_product`] needs.
    pub(super) drawn: Option<Row>,
}

impl Found {
    /// A row of a loss with a floor.
    pub(super) fn above_floor(log_excess: f64, phi: Vec<f64>) -> Self {
        Self {
            value: log_excess,
            phi,
            log_unit: 0.0,
            drawn: None,
        }
    }
}

/// A sampled loss at one matrix.
#[derive(Debug, Clone)]
pub struct SampledPoint {
    /// In units of `e^log_scale`.
    excess: f64,
    log_excess: f64,
    pub(super) log_scale: f64,
    pub(super) y: DMatrix<f64>,
    /// `phi`, every row in its unit.
    phi: DMatrix<f64>,
    /// Logs of the units of `phi`.
    pub(super) log_units: Vec<f64>,
    /// `log u`, r x r.
    pub(super) log_u: DMatrix<f64>,
    /// Of independent draws.
    pub(super) rows: Vec<Row>,
}

impl Sampled {
    /// The loss of `problem` on groups of classes with the given sizes and multiplicities.
    pub fn from_problem(problem: &Problem, sampling: &Sampling, sizes: &[f64], multiplicity: &[f64]) -> Self {
        let model = problem.model();
        Self::of_sizes(sampling, model.temperature, model.views, sizes, multiplicity)
    }

    /// The same for groups of classes of any positive real size, for example along a family of sizes.
    pub fn of_sizes(sampling: &Sampling, temperature: f64, views: u64, sizes: &[f64], multiplicity: &[f64]) -> Self {
        let probabilities = sampling.probabilities(sizes, multiplicity);
        let drawn = |scheme| Kind::Drawn(Drawn::new(scheme, views, temperature, &probabilities, multiplicity));
        let kind = match *sampling {
            Sampling::RandomBatches {
                loss,
                size,
                replacement: false,
                ..
            } => {
                let groups = (sizes, multiplicity, &probabilities[..]);
                let sincere = loss == BatchLoss::Sincere;
                Kind::Portions(Portions::new(size, views, sincere, temperature, groups))
            }
            Sampling::RandomBatches { loss, size, .. } => match Scheme::batches(loss, size, views) {
                Some(scheme) => drawn(scheme),
                None => Kind::Presence(Presence::new(size, views, temperature, &probabilities, multiplicity)),
            },
            Sampling::Negatives { count } => drawn(Scheme::negatives(count)),
            Sampling::ClassBalanced {
                loss,
                classes,
                per_class,
            } => {
                let (base, samples) = FullBatchLoss::from(loss).base_and_column(per_class as f64 * views as f64);
                Kind::Subsets(Subsets::new(classes, base, samples, temperature, multiplicity))
            }
        };
        let floor = match &kind {
            Kind::Drawn(drawn) => drawn.floor(),
            Kind::Presence(_) => Some(0.0),
            Kind::Subsets(subsets) => subsets.floor(),
            Kind::Portions(portions) => Some(portions.floor()),
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

    /// `log phi`, r x r: the gradient by ordered pairs of classes is `phi_cc' u_cc'`, and `phi` varies slowly. In nats, unlike
    /// [`Objective::gradient`].
    pub fn log_slopes(&self, at: &SampledPoint) -> DMatrix<f64> {
        DMatrix::from_fn(self.groups(), self.groups(), |g, h| {
            at.phi[(g, h)].ln() + at.log_units[g]
        })
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
        self.floor
    }

    /// The rule of the integrals misses them by `2e-16` each, and its nodes are a few hundred.
    fn rounding(&self) -> f64 {
        let nodes = match &self.kind {
            Kind::Drawn(drawn) => drawn.nodes(),
            Kind::Presence(presence) => presence.nodes(),
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
        let found: Vec<Found> = match &self.kind {
            Kind::Drawn(drawn) => map_rows(groups, |g| drawn.row(&column(g), g)),
            Kind::Presence(presence) => map_rows(groups, |g| presence.row(&column(g), g)),
            Kind::Subsets(subsets) => map_rows(groups, |g| subsets.row(&column(g), g)),
            Kind::Portions(portions) => map_rows(groups, |g| portions.row(&column(g), g)),
        };
        let mut phi = DMatrix::zeros(groups, groups);
        let (mut of_rows, mut log_units, mut rows) = (Vec::new(), Vec::new(), Vec::new());
        for (g, row) in found.into_iter().enumerate() {
            for (h, value) in row.phi.into_iter().enumerate() {
                phi[(g, h)] = value;
            }
            of_rows.push(row.value);
            log_units.push(-row.log_unit);
            rows.extend(row.drawn);
        }
        let y = DMatrix::from_fn(groups, groups, |g, h| {
            phi[(g, h)] * (log_u[(g, h)] + log_units[g] - log_scale).exp()
        });
        let weight = |g: usize| self.multiplicity[g] * self.probabilities[g];
        let (excess, log_excess) = if self.floor.is_some() {
            let logs: Vec<f64> = of_rows
                .iter()
                .enumerate()
                .map(|(g, row)| row + weight(g).ln())
                .collect();
            let largest = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let log_excess = largest + logs.iter().map(|l| (l - largest).exp()).sum::<f64>().ln();
            ((log_excess - log_scale).exp(), log_excess)
        } else {
            let loss: f64 = of_rows.iter().enumerate().map(|(g, row)| weight(g) * row).sum();
            (loss * (-log_scale).exp(), f64::NAN)
        };
        SampledPoint {
            excess,
            log_excess,
            log_scale,
            y,
            phi,
            log_units,
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
            Kind::Presence(presence) => presence.hessian_product(at, direction),
            Kind::Subsets(subsets) => subsets.hessian_product(at, direction),
            Kind::Portions(portions) => portions.hessian_product(at, direction),
        }
    }

    fn curvature_ratio(&self) -> Option<f64> {
        Some(1.0 / self.temperature)
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
