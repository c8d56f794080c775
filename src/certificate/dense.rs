//! The certificate of a dense group matrix: three candidates for the dual matrix, and the best bound counts.

use nalgebra::DMatrix;

use super::bound::{Bound, Dual, Primal, conclude};
use super::{BoundMethod, Certificate, DualPoint};
use crate::error::Error;
use crate::gram::block::lifted_block;
use crate::gram::{Gram, Partition};
use crate::math::spectrum::{definite_shift, eigen};
use crate::objective::{Affine, Objective, others};

/// Judges group values against a loss.
pub(super) fn certify<O: Objective<Entries = DMatrix<f64>>>(
    objective: &O,
    partition: &Partition,
    values: &DMatrix<f64>,
    nonnegative: bool,
    tolerance: f64,
) -> Result<Certificate, Error> {
    let (values, shift) = make_feasible(objective.multiplicity(), values, nonnegative);
    let floor = objective.floor();
    // Of the excess only its logarithm counts: it fixes the unit.
    let at = objective.evaluate(&values, 0.0);
    let (excess, log_excess) = (objective.excess(&at), objective.log_excess(&at));
    let log_scale = if floor.is_some() { log_excess } else { 0.0 };
    let gradient = Gradient::new(objective, &values, log_scale);
    let primal = Primal {
        gram: Gram::from_groups(partition.clone(), values.clone()),
        shift,
        floor,
        log_excess,
        excess,
        rounding: objective.rounding(),
    };
    let (value, unit, scale) = primal.units();
    let best = best_bound(&gradient, nonnegative, value, unit).ok_or_else(|| Error::Gram {
        reason: "no lower bound is a finite number".to_owned(),
    })?;
    let dual = Dual {
        bound: best.bound,
        min_eigenvalue: -best.eta * scale,
        method: best.method,
        point: DualPoint {
            y: Some(best.y),
            sparse: None,
            nu: best.nu,
            log_scale,
            tangent: best.tangent,
        },
    };
    conclude(primal, dual, tolerance)
}

/// The shift that makes a lifted group matrix semidefinite, proven: of its block and of its remaining eigenvalues.
pub(super) fn lifted_shift(multiplicity: &[f64], diagonal: &[f64], values: &DMatrix<f64>) -> f64 {
    let mut shift = definite_shift(&lifted_block(multiplicity, diagonal, values));
    for (g, &m) in multiplicity.iter().enumerate() {
        if m >= 2.0 {
            let slack = 2.0 * f64::EPSILON * (diagonal[g].abs() + values[(g, g)].abs());
            shift = shift.max(values[(g, g)] - diagonal[g] + slack);
        }
    }
    shift
}

/// Moves group values to a feasible matrix: `(M + delta I + epsilon J)/(1 + delta + epsilon)`, with `J` all ones and
/// `epsilon > 0` only where entries must not be negative. Returns it with `delta + epsilon`.
fn make_feasible(multiplicity: &[f64], values: &DMatrix<f64>, nonnegative: bool) -> (DMatrix<f64>, f64) {
    let ones = vec![1.0; multiplicity.len()];
    let delta = lifted_shift(multiplicity, &ones, values);
    let epsilon = if nonnegative {
        values.iter().fold(0.0f64, |low, &v| low.max(-v))
    } else {
        0.0
    };
    let total = 1.0 + delta + epsilon;
    let mut moved = values.map(|value| (value + epsilon) / total);
    for (g, &m) in multiplicity.iter().enumerate() {
        if m == 1.0 {
            moved[(g, g)] = 1.0;
        }
    }
    (moved, delta + epsilon)
}

/// A proven bound in units of `e^log_scale`, and the dual point that proves it.
struct Proof {
    bound: Bound,
    eta: f64,
    method: BoundMethod,
    y: DMatrix<f64>,
    nu: Vec<f64>,
    tangent: Option<DMatrix<f64>>,
}

/// The gradient of the loss at a feasible matrix, by ordered pairs of classes, and what the candidates share.
struct Gradient<'a, O> {
    objective: &'a O,
    multiplicity: &'a [f64],
    values: &'a DMatrix<f64>,
    log_scale: f64,
    /// `y_cc'`: derivative of the row of `c` by `M_cc'`.
    y: DMatrix<f64>,
    /// `A = (y + y^T)/2`.
    a: DMatrix<f64>,
    /// `-(A M)_c` without the diagonal of `M`.
    nu: Vec<f64>,
}

impl<'a, O: Objective<Entries = DMatrix<f64>>> Gradient<'a, O> {
    fn new(objective: &'a O, values: &'a DMatrix<f64>, log_scale: f64) -> Self {
        let multiplicity = objective.multiplicity();
        let groups = multiplicity.len();
        let at = objective.evaluate(values, log_scale);
        let y = objective.gradient(&at).clone();
        let a = (&y + y.transpose()) * 0.5;
        let nu = (0..groups)
            .map(|g| {
                -(0..groups)
                    .map(|h| others(multiplicity, g, h) * a[(g, h)] * values[(g, h)])
                    .sum::<f64>()
            })
            .collect();
        Self {
            objective,
            multiplicity,
            values,
            log_scale,
            y,
            a,
            nu,
        }
    }

    fn groups(&self) -> usize {
        self.multiplicity.len()
    }

    /// `constant - sum nu` of an affine minorant, with `nu` raised by `eta`; `None` where that proves nothing.
    fn proof(&self, affine: Affine<DMatrix<f64>>, mut nu: Vec<f64>, eta: &[f64], method: BoundMethod) -> Option<Proof> {
        for (value, eta) in nu.iter_mut().zip(eta) {
            *value += eta;
        }
        let bound = affine.constant - nu.iter().zip(self.multiplicity).map(|(nu, m)| nu * m).sum::<f64>();
        Some(Proof {
            bound: Bound::new(bound)?,
            eta: eta.iter().copied().fold(0.0, f64::max),
            method,
            y: affine.y,
            nu,
            tangent: affine.tangent,
        })
    }

    /// The affine minorant with slopes `wanted`, and `nu` in its scale.
    fn minorant(&self, wanted: &DMatrix<f64>, nu: &[f64]) -> Option<(Affine<DMatrix<f64>>, Vec<f64>)> {
        let affine = self.objective.minorant(wanted, self.values, self.log_scale)?;
        let nu = nu.iter().map(|value| value * affine.factor).collect();
        Some((affine, nu))
    }

    /// `y` rescaled so that its symmetric part is `target` off the diagonal.
    fn rescaled(&self, target: &DMatrix<f64>) -> DMatrix<f64> {
        DMatrix::from_fn(target.nrows(), target.ncols(), |g, h| {
            let y = self.y[(g, h)];
            if y == 0.0 {
                0.0
            } else {
                y * target[(g, h)] / self.a[(g, h)]
            }
        })
    }

    /// Candidate "rank one".
    fn rank_one(&self) -> Option<Proof> {
        if !self.nu.iter().all(|&nu| nu > 0.0) {
            return None;
        }
        let v: Vec<f64> = self.nu.iter().map(|nu| nu.sqrt()).collect();
        let target = DMatrix::from_fn(v.len(), v.len(), |g, h| v[g] * v[h]);
        // S = v v^T needs an entry for every pair of classes.
        let groups = self.groups();
        let pairs = || (0..groups).flat_map(|g| (0..groups).map(move |h| (g, h)));
        let pairs = || pairs().filter(|&(g, h)| others(self.multiplicity, g, h) > 0.0);
        if !pairs().all(|(g, h)| self.a[(g, h)] > 0.0) {
            return None;
        }
        let (affine, nu) = self.minorant(&self.rescaled(&target), &self.nu)?;
        // The entries of S are v v' (1 + e) with |e| <= 4 eps by rounding, and adding e v_c sum v to nu_c covers that. The
        // slopes of a tangent are what they are: e is measured.
        let mut error = 4.0 * f64::EPSILON;
        if affine.tangent.is_some() {
            let of = |(g, h)| ((affine.y[(g, h)] + affine.y[(h, g)]) * 0.5 / target[(g, h)] - 1.0f64).abs();
            error += pairs().map(of).fold(0.0, f64::max);
        }
        let total: f64 = v.iter().zip(self.multiplicity).map(|(v, m)| v * m).sum();
        let eta: Vec<f64> = v.iter().map(|v| error * v * total).collect();
        self.proof(affine, nu, &eta, BoundMethod::RankOne)
    }

    /// Candidate "kernel" for kernels of the given dimensions: of the block, and which groups have coinciding classes.
    fn kernel(&self, basis: &DMatrix<f64>, coincide: &[bool]) -> Option<Proof> {
        let groups = self.groups();
        let block = lifted_block(self.multiplicity, &self.nu, &self.a);
        let small = basis.transpose() * block * basis;
        let small = (&small + small.transpose()) * 0.5;
        let spectrum = eigen(&small)?;
        let mut clipped = spectrum.vectors.clone();
        for (j, &value) in spectrum.values.iter().enumerate() {
            clipped.column_mut(j).scale_mut(value.max(0.0).sqrt());
        }
        let factor = basis * clipped;
        let projected = &factor * factor.transpose();
        let mut target = DMatrix::zeros(groups, groups);
        let mut nu = vec![0.0; groups];
        for g in 0..groups {
            let m = self.multiplicity[g];
            let difference = if coincide[g] {
                (self.nu[g] - self.a[(g, g)]).max(0.0)
            } else {
                0.0
            };
            if m >= 2.0 {
                target[(g, g)] = (projected[(g, g)] - difference) / m;
                nu[g] = target[(g, g)] + difference;
            } else {
                nu[g] = projected[(g, g)];
            }
            for h in 0..g {
                let value = projected[(g, h)] / (m * self.multiplicity[h]).sqrt();
                target[(g, h)] = value;
                target[(h, g)] = value;
            }
        }
        self.proved(&self.rescaled(&target), &nu, BoundMethod::Kernel)
    }

    /// Candidate "shift".
    fn shift(&self) -> Option<Proof> {
        self.proved(&self.y, &self.nu, BoundMethod::Shift)
    }

    /// A bound from any slopes and `nu`, with the shift of `nu` that a Cholesky factorisation proves to be enough.
    fn proved(&self, wanted: &DMatrix<f64>, nu: &[f64], method: BoundMethod) -> Option<Proof> {
        let (affine, nu) = self.minorant(wanted, nu)?;
        let symmetric = (&affine.y + affine.y.transpose()) * 0.5;
        let eta = lifted_shift(self.multiplicity, &nu, &symmetric);
        let eta = vec![eta; nu.len()];
        self.proof(affine, nu, &eta, method)
    }

    /// The bound by nothing: the excess is not negative, and no inner product is below -1.
    fn trivial(&self) -> Option<Proof> {
        let groups = self.groups();
        let bound = match self.objective.floor() {
            Some(_) => 0.0,
            None => {
                let opposite = DMatrix::from_element(groups, groups, -1.0);
                self.objective
                    .excess(&self.objective.evaluate(&opposite, self.log_scale))
            }
        };
        Some(Proof {
            bound: Bound::new(bound)?,
            eta: 0.0,
            method: BoundMethod::Trivial,
            y: DMatrix::zeros(groups, groups),
            nu: vec![0.0; groups],
            tangent: None,
        })
    }
}

/// Bounds tighter than this are not improved further; times one and a tenth of the number of groups, as rounding grows.
const GOOD_ENOUGH: f64 = 1e-12;

/// Eigenvalues of the Gram matrix below these, relative to the largest, are tried as its kernel.
const KERNEL_CUTOFFS: [f64; 7] = [1e-11, 1e-9, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3];

fn best_bound<O: Objective<Entries = DMatrix<f64>>>(
    gradient: &Gradient<'_, O>,
    nonnegative: bool,
    value: f64,
    unit: f64,
) -> Option<Proof> {
    let m = gradient.multiplicity;
    if nonnegative {
        let nu = vec![0.0; m.len()];
        let entrywise = gradient
            .minorant(&gradient.y, &nu)
            .and_then(|(affine, nu)| gradient.proof(affine, nu, &[], BoundMethod::Entrywise));
        return entrywise.or_else(|| gradient.trivial());
    }
    let enough = GOOD_ENOUGH * (1.0 + 0.1 * m.len() as f64);
    let good = |proof: &Proof| value - proof.bound.get() <= enough * unit;
    let better = |best: Option<Proof>, other: Option<Proof>| match (best, other) {
        (Some(best), Some(other)) => Some(if other.bound > best.bound { other } else { best }),
        (best, other) => best.or(other),
    };
    let mut best = gradient.rank_one();
    if best.is_none() {
        best = gradient.shift();
    }
    if best.as_ref().is_some_and(good) {
        return best;
    }
    best = better(best, gradient.trivial());
    let ones = vec![1.0; m.len()];
    let Some(spectrum) = eigen(&lifted_block(m, &ones, gradient.values)) else {
        return best;
    };
    let largest = spectrum.values.last().copied().unwrap_or(1.0).max(1.0);
    let mut tried = None;
    for cutoff in KERNEL_CUTOFFS {
        let dimension = spectrum
            .values
            .iter()
            .filter(|&&value| value <= cutoff * largest)
            .count();
        let coincide: Vec<bool> = (0..m.len())
            .map(|g| m[g] >= 2.0 && 1.0 - gradient.values[(g, g)] <= cutoff * largest)
            .collect();
        if dimension == 0 || tried.as_ref() == Some(&(dimension, coincide.clone())) {
            continue;
        }
        let basis = spectrum.vectors.columns(0, dimension).into_owned();
        best = better(best, gradient.kernel(&basis, &coincide));
        tried = Some((dimension, coincide));
        if best.as_ref().is_some_and(good) {
            return best;
        }
    }
    if best.as_ref().is_none_or(|best| best.method != BoundMethod::Shift) {
        best = better(best, gradient.shift());
    }
    best
}
