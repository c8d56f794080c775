//! The staircase: minimise at rank p, test optimality, escape along the negative curvature into one more dimension, or drop
//! dimensions that the optimum does not use. After \[RosenCarlone2019, Alg. 1\] and \[Boumal2016\].
//!
//! A point is globally optimal iff its dual matrix is positive semidefinite (THEORY 7); an eigenvector `v` with negative
//! eigenvalue is a direction of descent, `H` with `v` as a new row. Newton's steps converge quadratically only where the
//! dimension equals the rank of the optimum, so dimensions with small singular values are dropped, and the answer must
//! pass the test again.

use nalgebra::DMatrix;

use super::cost::{Cost, Factored};
use super::oblique;
use super::starts::generator;
use super::trust_region::{self, Outcome, minimise};
use crate::gram::entries::Entries;
use crate::math::control::Control;
use crate::math::spectrum::{left_singular, singular};
use crate::objective::Objective;
use crate::solution::Termination;

/// Limits of the search.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// The trust region of the final run.
    pub trust_region: trust_region::Settings,
    /// Most changes of dimension, at least 1. Default 60.
    pub max_stairs: usize,
    /// Dimensions of the first run, if there are more than twice as many vertices; at least 1. Default 250.
    pub first_dimension: usize,
    /// Tolerance on the gradient in a run that only has to show where to escape, in (0, 1). Default 1e-2.
    pub sketch: f64,
    /// Most directions of negative curvature that are followed at once, at least 1; beside 4 and the rank. Default: no other
    /// limit.
    pub max_directions: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            trust_region: trust_region::Settings {
                tolerance: 1e-14,
                ..trust_region::Settings::default()
            },
            max_stairs: 60,
            first_dimension: 250,
            sketch: 1e-2,
            max_directions: usize::MAX,
        }
    }
}

/// A point of the staircase.
#[derive(Debug, Clone)]
pub struct Solved<E = DMatrix<f64>> {
    /// The factor (see [`Factored`]): rank rows, and one of private coordinates where vertices stand for several points.
    pub h: DMatrix<f64>,
    /// The invariant Gram matrix, r x r, where the loss looks at it.
    pub values: E,
    /// Rank of the whole Gram matrix, lifted to all points, where vectors within [`COINCIDE`] of each other count as one.
    pub rank: u64,
    /// Trust-region steps, of all runs.
    pub iterations: u64,
    /// Why the search stopped; converged means that the point passed the test of optimality.
    pub termination: Termination,
}

/// Unit vectors closer than this (an angle in radians) count as one in the rank. Whether they are one is not known: classes
/// can come this close without meeting.
pub const COINCIDE: f64 = 1e-7;

/// Tolerance on the gradient in a rough run.
const ROUGH: f64 = 1e-7;

/// Eigenvalues below this mean that dimensions are missing, whatever the gradient.
const MISSING: f64 = -0.03;

/// Eigenvalues of the scaled dual matrix, whose diagonal is about 1/2, above this are not negative.
const NEGATIVE: f64 = -1e-10;

/// Largest gradient at which the test of optimality means anything.
const STATIONARY: f64 = 1e-6;

/// Singular values below this, relative to the largest, may be zero at the optimum.
const SMALL: f64 = 3e-2;

/// Most ranks that are tried.
const MAX_RANKS: usize = 4;

/// Seed of the perturbation that leaves symmetric points.
const SEED: u64 = 0x5eed;

struct Search<'a, O> {
    objective: &'a O,
    settings: &'a Settings,
    control: &'a Control,
    log_scale: f64,
    iterations: u64,
}

/// A factor and its test.
struct Candidate {
    h: DMatrix<f64>,
    value: f64,
    gradient_norm: f64,
    /// Negative curvature, most negative first: eigenvalue and direction, one entry a vertex.
    negative: Vec<(f64, Vec<f64>)>,
    /// Vertices whose private coordinate would grow from zero.
    splitting: Vec<usize>,
    /// The most negative of all, 0 if there is none.
    lowest: f64,
    stopped: Option<Termination>,
}

impl Candidate {
    /// Stationary with a semidefinite dual matrix; its eigenvalues are uncertain by the size of the gradient.
    fn passes(&self) -> bool {
        self.gradient_norm <= STATIONARY && self.lowest >= NEGATIVE - 10.0 * self.gradient_norm
    }

    /// How far it is from that.
    fn badness(&self) -> f64 {
        (-self.lowest).max(self.gradient_norm)
    }
}

/// Minimises `objective` over all positive semidefinite matrices with unit diagonal, from `start` (r x r values) or from
/// the simplex ETF.
pub fn solve<O: Objective<Entries = DMatrix<f64>>>(
    objective: &O,
    start: Option<&DMatrix<f64>>,
    settings: &Settings,
    control: &Control,
) -> Solved {
    let multiplicity = objective.multiplicity();
    let r = multiplicity.len();
    let points: f64 = multiplicity.iter().sum();
    let etf = DMatrix::from_element(r, r, -1.0 / (points - 1.0));
    let values = start.unwrap_or(&etf);
    let dimension = if start.is_some() || r <= 2 * settings.first_dimension {
        r
    } else {
        settings.first_dimension
    };
    let factored = Factored::new(objective, scale_of(objective, values));
    let h = factored
        .factor(values, dimension)
        .unwrap_or_else(|| oblique::random(&mut generator(SEED, 0), factored.rows(dimension), r));
    solve_from(objective, h, settings, control)
}

/// As [`solve`], from a factor (see [`Factored`]) with unit columns.
pub fn solve_from<O: Objective>(
    objective: &O,
    start: DMatrix<f64>,
    settings: &Settings,
    control: &Control,
) -> Solved<O::Entries> {
    let multiplicity = objective.multiplicity();
    let mut search = Search {
        objective,
        settings,
        control,
        log_scale: 0.0,
        iterations: 0,
    };
    search.rescale(&start);
    let start = perturbed(&search.factored(), start);
    let candidate = search.climb(start);
    let factored = search.factored();
    let h = candidate.h.clone();
    let values = factored.values(&h);
    let joined = joined(&factored, h.clone());
    let joined_values = factored.values(&joined);
    let termination = match candidate.stopped {
        Some(reason) => reason,
        None if candidate.passes() => Termination::Converged,
        None => Termination::Stalled,
    };
    let lifted: f64 = (0..multiplicity.len())
        .filter(|&g| multiplicity[g] >= 2.0 && joined_values.entry(g, g) < 1.0)
        .map(|g| multiplicity[g] - 1.0)
        .sum();
    Solved {
        rank: shared_rank(&factored, &joined) as u64 + lifted as u64,
        values,
        h,
        iterations: search.iterations,
        termination,
    }
}

fn scale_of<O: Objective>(objective: &O, values: &O::Entries) -> f64 {
    let log_excess = objective.log_excess(&objective.evaluate(values, 0.0));
    if log_excess.is_finite() { log_excess } else { 0.0 }
}

/// Leaves the symmetric points, which are saddles more often than not.
pub(super) fn perturbed<O: Objective>(factored: &Factored<'_, O>, h: DMatrix<f64>) -> DMatrix<f64> {
    let mut noise = oblique::random(&mut generator(SEED, 0), h.nrows(), h.ncols()) * 1e-3;
    if factored.has_private_row() {
        let last = h.nrows() - 1;
        noise.row_mut(last).fill(0.0);
    }
    oblique::retract(&h, &noise)
}

/// Singular values above `cutoff`, relative to the largest and to the length 1 of the columns.
fn count_above(cutoff: f64, singular: &[f64]) -> usize {
    let largest = singular.iter().copied().fold(1.0, f64::max);
    singular.iter().filter(|&&s| s > cutoff * largest).count()
}

/// The ranks below the number of singular values (descending) that they suggest, the widest gap between neighbours first.
fn likely_ranks(singular: &[f64]) -> Vec<usize> {
    let largest = singular.iter().copied().fold(1.0, f64::max);
    let gap = |rank: usize| (singular[rank - 1] / largest).max(1e-12) / (singular[rank] / largest).max(1e-12);
    let mut ranks: Vec<usize> = (1..singular.len())
        .filter(|&rank| singular[rank] < SMALL * largest && gap(rank) > 2.0)
        .collect();
    ranks.sort_by(|&a, &b| gap(b).total_cmp(&gap(a)));
    ranks.truncate(MAX_RANKS);
    ranks
}

/// Number of dimensions that the shared coordinates span.
fn shared_rank<O: Objective>(factored: &Factored<'_, O>, h: &DMatrix<f64>) -> usize {
    left_singular(&shared(factored, h)).map_or(0, |(singular, _)| count_above(1e-9, &singular))
}

fn shared<O: Objective>(factored: &Factored<'_, O>, h: &DMatrix<f64>) -> DMatrix<f64> {
    h.rows(0, h.nrows() - usize::from(factored.has_private_row()))
        .into_owned()
}

/// The factor with its shared coordinates rotated to principal axes, and their singular values, descending.
fn principal<O: Objective>(factored: &Factored<'_, O>, h: &DMatrix<f64>) -> (DMatrix<f64>, Vec<f64>) {
    let (_, singular, right) = singular(&shared(factored, h)).expect("the columns are unit vectors");
    let mut rotated = DMatrix::zeros(singular.len() + usize::from(factored.has_private_row()), h.ncols());
    for (row, s) in singular.iter().enumerate() {
        rotated.row_mut(row).copy_from(&(right.column(row).transpose() * *s));
    }
    if factored.has_private_row() {
        rotated.row_mut(singular.len()).copy_from(&h.row(h.nrows() - 1));
    }
    (rotated, singular)
}

/// The first `rank` principal axes and the private coordinates, columns normalised.
fn truncated<O: Objective>(factored: &Factored<'_, O>, rotated: &DMatrix<f64>, rank: usize) -> DMatrix<f64> {
    let mut h = DMatrix::zeros(factored.rows(rank), rotated.ncols());
    h.rows_mut(0, rank).copy_from(&rotated.rows(0, rank));
    if factored.has_private_row() {
        h.row_mut(rank).copy_from(&rotated.row(rotated.nrows() - 1));
    }
    oblique::normalised(h, rank)
}

impl<'a, O: Objective> Search<'a, O> {
    /// Most directions of negative curvature that are followed at once from a point of so many dimensions.
    fn most_directions(&self, rank: usize) -> usize {
        (4 + rank).min(self.settings.max_directions)
    }

    fn factored(&self) -> Factored<'a, O> {
        Factored::new(self.objective, self.log_scale)
    }

    fn rescale(&mut self, h: &DMatrix<f64>) {
        self.log_scale = scale_of(self.objective, &self.factored().values(h));
    }

    fn run(&mut self, h: DMatrix<f64>, tolerance: f64) -> Candidate {
        self.rescale(&h);
        let exact = h.ncols() * (h.nrows() - 1) <= self.settings.trust_region.dense_limit;
        let settings = trust_region::Settings {
            // Conjugate gradients are slow to the last digits, and the proof is of second order in the error.
            tolerance: match self.objective.curvature_ratio() {
                _ if exact => tolerance,
                Some(_) => tolerance.max(1e-12),
                None => tolerance.max(1e-10),
            },
            ..self.settings.trust_region.clone()
        };
        let Outcome {
            h,
            value,
            gradient_norm,
            iterations,
            termination,
        } = minimise(&self.factored(), h, &settings, self.control);
        self.iterations += iterations;
        let stopped = match termination {
            Termination::Interrupted | Termination::TimeLimit | Termination::NumericalFailure => Some(termination),
            _ => None,
        };
        let (lowest, negative, splitting) = self.test(&h);
        Candidate {
            value: value.ln() + self.log_scale,
            h,
            gradient_norm,
            negative,
            splitting,
            lowest,
            stopped,
        }
    }

    /// The negative eigenvalues of the dual matrix, scaled by its diagonal, with their vectors, and the vertices that want
    /// to split.
    #[allow(clippy::type_complexity)]
    fn test(&self, h: &DMatrix<f64>) -> (f64, Vec<(f64, Vec<f64>)>, Vec<usize>) {
        let factored = self.factored();
        let at = factored.evaluate(h);
        let (mut matrix, own) = factored.dual_matrix(h, &at);
        let r = matrix.order();
        let diagonal: Vec<f64> = (0..r).map(|g| matrix.entry(g, g).abs()).collect();
        let largest = diagonal.iter().copied().fold(0.0, f64::max);
        let scale: Vec<f64> = diagonal
            .iter()
            .map(|d| 1.0 / (2.0 * d.max(1e-12 * largest)).sqrt())
            .collect();
        let splitting: Vec<(usize, f64)> = own
            .iter()
            .enumerate()
            .map(|(g, &own)| (g, own * scale[g] * scale[g]))
            .filter(|&(_, own)| own < NEGATIVE)
            .collect();
        matrix.update(|g, h, value| value * scale[g] * scale[h]);
        let Some(lowest) = matrix.lowest(-NEGATIVE, self.most_directions(h.nrows())) else {
            return (f64::NEG_INFINITY, Vec::new(), Vec::new());
        };
        let negative: Vec<(f64, Vec<f64>)> = lowest
            .into_iter()
            .map(|(value, vector)| (value, vector.iter().zip(&scale).map(|(v, s)| v * s).collect()))
            .collect();
        let lowest = negative
            .iter()
            .map(|n| n.0)
            .chain(splitting.iter().map(|s| s.1))
            .fold(0.0, f64::min);
        (lowest, negative, splitting.into_iter().map(|s| s.0).collect())
    }

    /// Up and down the stairs until the test is passed at the rank of the optimum.
    fn climb(&mut self, start: DMatrix<f64>) -> Candidate {
        let columns = start.ncols();
        let mut next = start;
        let mut last = f64::INFINITY;
        let mut stair = 0;
        let mut sketch = self.settings.sketch;
        loop {
            stair += 1;
            let narrow = next.nrows() < columns;
            let before = self.iterations;
            let mut here = self.run(next, if narrow { sketch } else { ROUGH });
            // Where a sketch has nothing to do, what is missing is finer than it.
            if narrow && self.iterations <= before + 1 {
                sketch = (0.01 * sketch).max(ROUGH);
            }
            self.control
                .report("low-rank staircase", stair as u64 - 1, here.gradient_norm);
            if narrow && here.lowest >= MISSING && here.stopped.is_none() {
                here = self.run(here.h, ROUGH);
            }
            if here.stopped.is_none() && here.lowest >= -1e-5 {
                here = self.finish(&here);
                if here.passes() || here.value >= last {
                    // Where nothing is won any more, what is left is rounding.
                    return here;
                }
                last = here.value;
            } else {
                last = f64::INFINITY;
            }
            if here.stopped.is_some() || stair >= self.settings.max_stairs {
                return here;
            }
            match self.escape(&here) {
                Some(escaped) => next = escaped,
                None => return here,
            }
        }
    }

    /// Newton's method at the rank of the optimum: the smallest at which the test is passed, else as it was.
    fn finish(&mut self, here: &Candidate) -> Candidate {
        let tolerance = self.settings.trust_region.tolerance;
        let (rotated, singular) = principal(&self.factored(), &here.h);
        let mut best: Option<Candidate> = None;
        for rank in likely_ranks(&singular) {
            let candidate = self.run(truncated(&self.factored(), &rotated, rank), tolerance);
            if candidate.stopped.is_some() || (candidate.passes() && candidate.gradient_norm <= 1e-9) {
                return candidate;
            }
            if best.as_ref().is_none_or(|best| candidate.badness() < best.badness()) {
                best = Some(candidate);
            }
        }
        let full = self.run(here.h.clone(), tolerance);
        match best {
            Some(best) if best.badness() < full.badness() => best,
            _ => full,
        }
    }

    /// A point of smaller value with one more dimension for every direction of negative curvature (at most the number of
    /// vertices, and a few at a time).
    fn escape(&self, from: &Candidate) -> Option<DMatrix<f64>> {
        let factored = self.factored();
        let (rotated, singular) = principal(&factored, &from.h);
        let r = rotated.ncols();
        let rank = count_above(1e-6, &singular).max(1);
        let room = r
            .saturating_sub(rank)
            .min(from.negative.len())
            .min(self.most_directions(rank));
        let directions = &from.negative[..room];
        let mut wide = DMatrix::zeros(factored.rows(rank + room), r);
        wide.rows_mut(0, rank).copy_from(&rotated.rows(0, rank));
        if factored.has_private_row() {
            wide.row_mut(rank + room).copy_from(&rotated.row(rotated.nrows() - 1));
        }
        let wide = oblique::normalised(wide, rank);
        let mut step = DMatrix::zeros(wide.nrows(), r);
        for (row, (_, direction)) in directions.iter().enumerate() {
            let largest = direction.iter().fold(0.0f64, |a, v| a.max(v.abs()));
            for (g, v) in direction.iter().enumerate() {
                step[(rank + row, g)] = v / largest;
            }
        }
        for &g in &from.splitting {
            step[(wide.nrows() - 1, g)] = 1.0;
        }
        let value = factored.value(&factored.evaluate(&wide));
        let mut length = 0.5;
        while length > 1e-9 {
            let moved = oblique::retract(&wide, &(&step * length));
            if factored.value(&factored.evaluate(&moved)) < value {
                return Some(moved);
            }
            length *= 0.5;
        }
        None
    }
}

/// Makes vectors within [`COINCIDE`] of each other equal.
fn joined<O: Objective>(factored: &Factored<'_, O>, mut h: DMatrix<f64>) -> DMatrix<f64> {
    let multiplicity = factored.objective().multiplicity();
    let r = h.ncols();
    let last = h.nrows() - 1;
    // Angle between two points of one vertex: sqrt(2 (1 - V_gg)).
    let tight = |h: &DMatrix<f64>, g: usize| {
        let m = multiplicity[g];
        m < 2.0 || h[(last, g)].abs() * (2.0 * m / (m - 1.0)).sqrt() < COINCIDE
    };
    let mut first: Vec<usize> = (0..r).collect();
    for g in 0..r {
        if !tight(&h, g) {
            continue;
        }
        if let Some(other) = (0..g)
            .filter(|&o| first[o] == o && tight(&h, o))
            .find(|&o| (h.column(o) - h.column(g)).norm() < COINCIDE)
        {
            first[g] = other;
        }
    }
    for g in 0..r {
        if first[g] != g || !tight(&h, g) {
            continue;
        }
        let set: Vec<usize> = (0..r).filter(|&o| first[o] == g).collect();
        let points: f64 = set.iter().map(|&o| multiplicity[o]).sum();
        if points < 2.0 {
            continue;
        }
        let mut mean: nalgebra::DVector<f64> = h.column(g).into_owned();
        for &o in &set[1..] {
            mean += h.column(o);
        }
        if factored.has_private_row() {
            mean[last] = 0.0;
        }
        mean.normalize_mut();
        for &o in &set {
            h.column_mut(o).copy_from(&mean);
        }
    }
    h
}
