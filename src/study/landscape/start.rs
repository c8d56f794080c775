//! One start: a random point, L-BFGS, a trust region of second order, and what the end point is.
//!
//! A start is a function of the problem, the seed and its index alone: its random numbers are a stream of their own, and
//! nothing in it runs in parallel.

use std::ops::Range;

use nalgebra::DMatrix;
use serde::{Deserialize, Serialize};

use super::SearchSettings;
use super::curvature::{Curvature, curvature};
use super::descent::{self, descend};
use super::together::{Together, stiffness};
use crate::math::control::Control;
use crate::measure::metrics::kini_distance;
use crate::method::staircase::trust_region::{self, minimise, minimise_in};
use crate::method::staircase::{Cost, Factored, generator, oblique};
use crate::objective::Objective;

/// Relative gaps for which the iterations of L-BFGS are counted.
pub const MILESTONES: [f64; 3] = [1e-2, 1e-4, 1e-6];

/// Largest tangent dimension for which a step of the trust region forms the Hessian.
const DENSE_STEPS: usize = 100;

/// What an end point is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum EndKind {
    /// Stationary, with no eigenvalue of the Riemannian Hessian below minus the tolerance, rotations apart.
    Minimum,
    /// Stationary, with a negative eigenvalue.
    Saddle,
    /// Not stationary within the tolerance.
    NotConverged,
}

impl EndKind {
    /// The name used in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Minimum => "minimum",
            Self::Saddle => "saddle",
            Self::NotConverged => "not-converged",
        }
    }
}

/// One start, from its beginning to its end.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Start {
    /// Number of the start, from 0.
    pub index: u64,
    /// What the end point is.
    pub kind: EndKind,
    /// Its place among the distinct minima of the search; null where it is no minimum, and in a journal, where the others are
    /// not known.
    pub minimum: Option<usize>,
    /// Loss there: mean over anchors, nats.
    pub loss: f64,
    /// Loss minus the optimum of the relaxation, relative to its excess (to `max(1, |loss|)` without floor).
    pub relative_gap: f64,
    /// Distance of the Gram matrix of the class means (of the classes) from the optimal one, both scaled to Frobenius
    /// norm 1 \[Kini2024\].
    pub gram_distance: f64,
    /// Within-class collapse, `tr Sigma_W / tr Sigma_B` (NC1); null at class level, and where all means coincide.
    pub nc1: Option<f64>,
    /// Riemannian gradient relative to the columns' multipliers, see [`Curvature::gradient`].
    pub gradient: f64,
    /// Smallest eigenvalue of the Riemannian Hessian relative to the columns' multipliers, see [`Curvature::smallest`].
    pub min_eigenvalue: f64,
    /// Iterations of L-BFGS.
    pub iterations: u64,
    /// Steps of the trust region.
    pub polish: u64,
    /// Saddles that were left along their negative curvature.
    pub escapes: u64,
    /// Iterations of L-BFGS until the relative gap was at most 1e-2, 1e-4 and 1e-6; null where it was not.
    pub iterations_to: [Option<u64>; 3],
    /// Class means, k lists of d numbers; the unit vectors themselves at class level. Not in a report.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub means: Vec<Vec<f64>>,
    /// Relative gap along L-BFGS, thinned out: `(iteration, gap)`. Not in a report.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub trace: Vec<(u64, f64)>,
}

/// What all starts share.
pub(super) struct Ground<'a, O> {
    pub(super) objective: &'a O,
    /// Columns of every class.
    pub(super) classes: Vec<Range<usize>>,
    pub(super) dimension: usize,
    /// Unit of the excess, as a logarithm: that of the optimum.
    pub(super) log_scale: f64,
    /// Optimal excess (loss, without floor) in that unit.
    pub(super) optimum: f64,
    /// What gaps are relative to, in that unit.
    pub(super) gap_scale: f64,
    /// Temperature, where the valley of `polish.rs` has walls.
    pub(super) temperature: Option<f64>,
    /// Optimal Gram matrix of the classes, k x k.
    pub(super) gram: DMatrix<f64>,
    pub(super) settings: &'a SearchSettings,
}

impl<O: Objective<Entries = DMatrix<f64>>> Ground<'_, O> {
    /// Runs start `index` to its end: what it found, and the features (d x n). `None` where the caller asked to stop.
    pub(super) fn run(&self, index: u64, control: &Control) -> Option<(Start, DMatrix<f64>)> {
        let settings = self.settings;
        let mut generator = generator(settings.seed, index);
        let columns = self.objective.multiplicity().len();
        let cost = Factored::new(self.objective, self.log_scale);
        let start = oblique::random(&mut generator, self.dimension, columns);
        let has_floor = self.objective.floor().is_some();
        let stiffness = |value: f64| match self.temperature {
            Some(temperature) => stiffness(value * self.log_scale.exp(), temperature),
            None => 0.0,
        };
        let descent = descend(
            &cost,
            &start,
            &self.classes,
            stiffness,
            &descent::Limits {
                tolerance: settings.descent_tolerance,
                max_iterations: settings.max_iterations,
                logarithm: has_floor,
            },
            control,
        );
        let gaps: Vec<f64> = descent.trace.iter().map(|value| self.gap(*value)).collect();
        let exact = trust_region::Settings {
            tolerance: settings.polish_tolerance,
            max_iterations: settings.max_polish,
            dense_limit: DENSE_STEPS,
            ..Default::default()
        };
        let truncated = trust_region::Settings {
            dense_limit: 0,
            ..exact.clone()
        };
        let together = Together {
            classes: &self.classes,
            stiffness,
        };
        let mut h = descent.h;
        let (mut steps, mut escapes) = (0, 0);
        let end = loop {
            let outcome = if columns * (self.dimension - 1) <= DENSE_STEPS {
                minimise(&cost, h, &exact, control)
            } else {
                minimise_in(&cost, &together, h, &truncated, control)
            };
            steps += outcome.iterations;
            h = outcome.h;
            if control.stop().is_some() {
                return None;
            }
            let end = curvature(&cost, &h);
            let negative = end.smallest < -settings.curvature_tolerance;
            if !negative || escapes == settings.max_escapes {
                break end;
            }
            escapes += 1;
            h = leave(&cost, &h, &end);
        };
        let value = cost.value(&cost.evaluate(&h));
        let means = self.means(&h);
        let floor = self.objective.floor().unwrap_or(0.0);
        let run = Start {
            index,
            kind: settings.kind(&end),
            minimum: None,
            loss: floor + value * self.log_scale.exp(),
            relative_gap: self.gap(value),
            gram_distance: kini_distance(&cosines(&means), &self.gram, &vec![1.0; self.classes.len()]),
            nc1: self.nc1(&h, &means),
            gradient: finite(end.gradient),
            min_eigenvalue: finite(end.smallest),
            iterations: gaps.len() as u64 - 1,
            polish: steps,
            escapes,
            iterations_to: MILESTONES.map(|gap| gaps.iter().position(|g| *g <= gap).map(|at| at as u64)),
            means: means.column_iter().map(|mean| mean.iter().copied().collect()).collect(),
            trace: thinned(&gaps),
        };
        Some((run, h))
    }

    fn gap(&self, value: f64) -> f64 {
        finite((value - self.optimum) / self.gap_scale)
    }

    /// Class means, d x k.
    fn means(&self, h: &DMatrix<f64>) -> DMatrix<f64> {
        let mut means = DMatrix::zeros(h.nrows(), self.classes.len());
        for (class, samples) in self.classes.iter().enumerate() {
            means.set_column(class, &h.columns_range(samples.clone()).column_mean());
        }
        means
    }

    /// `tr Sigma_W / tr Sigma_B`; `None` where every class is one column.
    fn nc1(&self, h: &DMatrix<f64>, means: &DMatrix<f64>) -> Option<f64> {
        if self.classes.iter().all(|samples| samples.len() == 1) {
            return None;
        }
        let mut within = 0.0;
        for (class, samples) in self.classes.iter().enumerate() {
            for sample in samples.clone() {
                within += (h.column(sample) - means.column(class)).norm_squared();
            }
        }
        let centre = means.column_mean();
        let between: f64 = means.column_iter().map(|mean| (mean - &centre).norm_squared()).sum();
        let ratio = (within / h.ncols() as f64) / (between / self.classes.len() as f64);
        ratio.is_finite().then_some(ratio)
    }
}

impl SearchSettings {
    /// What an end point with this gradient and curvature is.
    pub fn kind(&self, end: &Curvature) -> EndKind {
        if end.gradient.is_nan() || end.gradient > self.gradient_tolerance || end.smallest.is_nan() {
            EndKind::NotConverged
        } else if end.smallest < -self.curvature_tolerance {
            EndKind::Saddle
        } else {
            EndKind::Minimum
        }
    }
}

/// A lower point beside a saddle: the lowest of a few on both sides along the negative curvature.
fn leave<C: Cost>(cost: &C, h: &DMatrix<f64>, end: &Curvature) -> DMatrix<f64> {
    let largest = end.direction.column_iter().map(|u| u.norm()).fold(0.0, f64::max);
    let mut best = (f64::INFINITY, h.clone());
    for step in [0.3, 0.1, 0.03, 0.01, 0.001] {
        for sign in [1.0, -1.0] {
            let moved = oblique::retract(h, &(&end.direction * (sign * step / largest)));
            let value = cost.value(&cost.evaluate(&moved));
            if value < best.0 {
                best = (value, moved);
            }
        }
    }
    best.1
}

/// A number that JSON can hold.
fn finite(value: f64) -> f64 {
    if value.is_nan() {
        f64::MAX
    } else {
        value.clamp(-f64::MAX, f64::MAX)
    }
}

/// Every iteration up to 20, then fewer and fewer, and the last.
fn thinned(gaps: &[f64]) -> Vec<(u64, f64)> {
    let mut kept = Vec::new();
    let mut next = 0;
    for (i, &gap) in gaps.iter().enumerate() {
        if i >= next || i + 1 == gaps.len() {
            kept.push((i as u64, gap));
            next = i + 1 + i / 20;
        }
    }
    kept
}

/// Inner products of the directions of columns, with unit diagonal; a column of zeros has inner product 0 with others.
pub(super) fn cosines(columns: &DMatrix<f64>) -> DMatrix<f64> {
    let mut directions = columns.clone();
    for mut column in directions.column_iter_mut() {
        let length = column.norm();
        if length > 0.0 {
            column /= length;
        }
    }
    let mut gram = directions.tr_mul(&directions);
    gram.fill_diagonal(1.0);
    gram
}
