//! [`Certificate`]: a proof, from the problem and a Gram matrix alone, of how far that matrix is from optimal.
//!
//! For any `y >= 0` and `nu` with `S = (y + y^T)/2 + Diag(nu)` positive semidefinite, every feasible `M` has
//!
//! ```text
//! F(M) >= sum over rows of their minorant at y  -  sum nu                                       THEORY (4')
//! ```
//!
//! because `<S, M> >= 0` and the diagonal of `M` is 1. The rows of sampled losses are not conjugated: their minorant is the
//! tangent at a matrix whose gradient is `y`, which need not be feasible. The bound is exact at the optimum's own `y`, and its error is of
//! second order elsewhere. Three candidates are tried, and the best bound counts; each is proved, none is believed:
//!
//! * **rank one**: at a regular optimum `S = v v^T`. Take `v_c^2 = -(A M)_c` and rescale `y` so that `S` is exactly that.
//! * **kernel**: at any optimum `S M = 0`. Project the gradient's `S` onto the kernel of `M`, clip it to be semidefinite,
//!   and rescale `y` to it. Covers merged classes and optima of any rank.
//! * **shift**: the gradient's own `y` and `nu`, made semidefinite by adding to `nu`, THEORY (4): first order.
//!
//! With nonnegative features `S = 0` with multipliers `N = (y + y^T)/2 >= 0` for the entries proves the same bound.
//!
//! This module knows no solver. It works on groups of classes, after checking that each joins only classes of one size.

mod cauchy;

use nalgebra::DMatrix;
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::gram::{Gram, Partition};
use crate::loss::{Affine, ClassLevel, Minorant, Sampled, others};
use crate::problem::Problem;
use crate::spectrum::{definite_shift, eigen};
use crate::symmetry::Program;

/// What is proven.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// The relative gap is within the tolerance.
    Certified,
    /// It is not: the point may or may not be optimal.
    NotCertified,
    /// The relaxation is solved, but its optimum needs more dimensions than the problem allows: the bound holds, and no
    /// features of that dimension attain it.
    RankExceedsDimension,
}

/// How the smallest eigenvalue of the dual matrix `S` was bounded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BoundMethod {
    /// `S = v v^T` by construction.
    RankOne,
    /// `S = v v^T` by construction, and `M` semidefinite by the signs of `kappa`: no matrix is formed.
    Cauchy,
    /// As `Cauchy`, with merged classes: `S` has `kappa_C >= 0` on them besides, and `M` between distinct vectors is
    /// semidefinite by Cholesky.
    Merged,
    /// No dual matrix: the excess is not negative.
    Trivial,
    /// `S` projected onto the kernel of the Gram matrix, definiteness by Cholesky.
    Kernel,
    /// `S` of the gradient, shifted, definiteness by Cholesky.
    Shift,
    /// `S = 0`: the multipliers of the nonnegative entries carry the bound.
    Entrywise,
}

impl BoundMethod {
    /// The name used in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::RankOne => "rank-one",
            Self::Cauchy => "rank-one-kappa",
            Self::Merged => "rank-one-merged",
            Self::Trivial => "trivial",
            Self::Kernel => "kernel-cholesky",
            Self::Shift => "shifted-cholesky",
            Self::Entrywise => "entrywise-multipliers",
        }
    }

    /// How it is proved, as a clause of a sentence.
    pub fn explanation(self) -> &'static str {
        match self {
            Self::RankOne => "the dual matrix is v v^T by construction",
            Self::Cauchy => {
                "the dual matrix is v v^T by construction, and the Gram matrix is semidefinite by the kappa test"
            }
            Self::Merged => {
                "the dual matrix is v v^T plus kappa >= 0 on the merged classes by construction, and the Gram matrix is semidefinite by Cholesky factorisation"
            }
            Self::Trivial => "only the trivial bound was proved, with S = 0",
            Self::Kernel => "the dual matrix on the kernel of the Gram matrix, by Cholesky factorisation",
            Self::Shift => "the dual matrix of the gradient with a diagonal shift, by Cholesky factorisation",
            Self::Entrywise => "the dual matrix is zero, the multipliers of the nonnegative entries carry the bound",
        }
    }
}

/// A dual point that proves a lower bound; with groups, values are those of ONE class or one ordered pair of classes.
#[derive(Debug, Clone)]
pub struct DualPoint {
    /// `y_cc'`, r x r: row group of the anchor. In units of `e^log_scale`. `None` where it follows from the implicit form
    /// of the Gram matrix, see [`DualPoint::matrix`].
    pub y: Option<DMatrix<f64>>,
    /// `nu_c`, r. In units of `e^log_scale`.
    pub nu: Vec<f64>,
    /// Natural log of the unit: the log of the excess, or 0 for losses without a floor.
    pub log_scale: f64,
    /// The matrix at which the loss has the gradient `y`, r x r, where the bound is by its tangent (sampled losses). It
    /// need not be feasible.
    pub tangent: Option<DMatrix<f64>>,
}

impl DualPoint {
    /// `y`, r x r, also where it is implicit: `y_cc' = a_c a_c' u_cc' beta_c`. `column` is `a` of THEORY (3) by group.
    pub fn matrix(&self, gram: &Gram, column: &[f64]) -> Option<DMatrix<f64>> {
        if let Some(y) = &self.y {
            return Some(y.clone());
        }
        let form = gram.cauchy()?;
        let tau = form.point.temperature;
        Some(DMatrix::from_fn(column.len(), column.len(), |g, h| {
            let log_beta = form.point.log_beta[form.vertex[g] as usize];
            (column[g].ln() + column[h].ln() + log_beta + (form.between(g, h) - 1.0) / tau - self.log_scale).exp()
        }))
    }
}

/// How far a Gram matrix is from the minimum of the relaxation, with proof. All losses are means per anchor, in nats.
#[derive(Debug, Clone)]
pub struct Certificate {
    /// The feasible Gram matrix that this certificate speaks of: the given one, moved as little as needed.
    pub gram: Gram,
    /// How far it was moved: `(M + shift (..)) / (1 + shift)`.
    pub feasibility_shift: f64,
    /// Loss of [`Certificate::gram`].
    pub loss: f64,
    /// The part of the loss that no geometry can remove; `None` for nscl.
    pub floor: Option<f64>,
    /// Loss minus floor, computed without subtraction; the loss itself where there is no floor.
    pub excess: f64,
    /// Natural log of the excess, which survives underflow; `None` where there is no floor.
    pub log_excess: Option<f64>,
    /// Proven lower bound on the loss of every feasible Gram matrix.
    pub lower_bound: f64,
    /// `loss - lower_bound`, computed without subtracting the floor.
    pub gap: f64,
    /// `gap / excess`; `gap / max(1, |loss|)` where there is no floor.
    pub relative_gap: f64,
    /// Proven lower bound on the smallest eigenvalue of `S`, in units of the mean loss.
    pub min_eigenvalue: f64,
    /// How it was bounded.
    pub method: BoundMethod,
    /// The dual point: anyone can recompute the bound from it.
    pub dual: DualPoint,
    /// The tolerance on `relative_gap` that the verdict uses.
    pub tolerance: f64,
    /// The verdict on optimality ([`Certificate::limited_to`] adds the dimension).
    pub verdict: Verdict,
}

impl Certificate {
    /// The verdict for features of at most `dimension` dimensions, given the rank of the Gram matrix.
    #[must_use]
    pub fn limited_to(mut self, dimension: Option<u64>, rank: u64) -> Self {
        if self.verdict == Verdict::Certified && dimension.is_some_and(|dimension| dimension < rank) {
            self.verdict = Verdict::RankExceedsDimension;
        }
        self
    }
}

/// Most groups for which r x r matrices are formed and factorised.
pub const MAX_DENSE_GROUPS: usize = 4096;

/// Judges a Gram matrix.
///
/// # Errors
/// [`Error::Gram`] if the matrix does not belong to the problem (wrong classes, unequal classes in a group) or is not
/// finite. A matrix that is not feasible is no error: it is moved, and the gap tells.
pub fn certify(problem: &Problem, gram: &Gram, tolerance: f64) -> Result<Certificate, Error> {
    if !gram.partition().fits(problem) {
        return Err(Error::Gram {
            reason: "its groups are not classes of equal size of this problem".to_owned(),
        });
    }
    if let Some(form) = gram.cauchy()
        && !problem.model().is_sampled()
        && let Some(certificate) = cauchy::certify(problem, gram, form, tolerance)
        && (certificate.verdict == Verdict::Certified || gram.partition().groups() > MAX_DENSE_GROUPS)
    {
        return Ok(certificate);
    }
    let groups = gram.partition().groups();
    if groups > MAX_DENSE_GROUPS {
        return Err(Error::Gram {
            reason: format!("the linear-time proof fails, and {groups} groups are too many for a dense one"),
        });
    }
    let values = gram.values();
    if values.iter().any(|value| !value.is_finite()) {
        return Err(Error::Gram {
            reason: "it has entries that are not finite".to_owned(),
        });
    }
    let nonnegative = problem.model().nonnegative;
    let partition = gram.partition();
    Ok(match Sampled::on_partition(problem, partition) {
        Some(objective) => judge(&objective, partition, &values, nonnegative, tolerance),
        None => {
            let program = Program::on_partition(problem, partition.clone());
            judge(&ClassLevel::new(&program), partition, &values, nonnegative, tolerance)
        }
    })
}

/// Judges group values against a loss.
fn judge<O: Minorant>(
    objective: &O,
    partition: &Partition,
    values: &DMatrix<f64>,
    nonnegative: bool,
    tolerance: f64,
) -> Certificate {
    let (values, feasibility_shift) = make_feasible(objective.multiplicity(), values, nonnegative);
    let floor = objective.floor();
    // Of the excess only its logarithm counts: it fixes the unit.
    let at = objective.evaluate(&values, 0.0);
    let log_excess = objective.log_excess(&at);
    let excess = objective.excess(&at);
    let log_scale = if floor.is_some() { log_excess } else { 0.0 };
    let gradient = Gradient::new(objective, &values, log_scale);

    // In units of e^log_scale, where the excess is 1 (or the loss itself, without a floor).
    let value = if floor.is_some() { 1.0 } else { excess };
    let unit = if floor.is_some() { 1.0 } else { excess.abs().max(1.0) };
    let best = best_bound(&gradient, nonnegative, value, unit);
    let gap = (value - best.bound).max(0.0);
    let relative_gap = gap / unit;
    let scale = log_scale.exp();
    let loss = floor.unwrap_or(0.0) + excess;
    Certificate {
        gram: Gram::from_groups(partition.clone(), values.clone()),
        feasibility_shift,
        loss,
        floor,
        excess,
        log_excess: floor.map(|_| log_excess),
        // A bound above the loss of a feasible matrix is rounding.
        lower_bound: (floor.unwrap_or(0.0) + best.bound * scale).min(loss),
        gap: gap * scale,
        relative_gap,
        min_eigenvalue: -best.eta * scale,
        method: best.method,
        dual: DualPoint {
            y: Some(best.y),
            nu: best.nu,
            log_scale,
            tangent: best.tangent,
        },
        tolerance,
        verdict: if relative_gap <= tolerance {
            Verdict::Certified
        } else {
            Verdict::NotCertified
        },
    }
}

/// The r x r block of the orthonormal lift of a group matrix with diagonal `diagonal[g]` (one class with itself) and
/// `values` between different classes; the remaining eigenvalues are `diagonal[g] - values[g][g]` where `m_g >= 2`.
pub(crate) fn lifted_block(multiplicity: &[f64], diagonal: &[f64], values: &DMatrix<f64>) -> DMatrix<f64> {
    let root: Vec<f64> = multiplicity.iter().map(|m| m.sqrt()).collect();
    DMatrix::from_fn(values.nrows(), values.ncols(), |g, h| {
        if g == h {
            diagonal[g]
                + if multiplicity[g] > 1.0 {
                    (multiplicity[g] - 1.0) * values[(g, g)]
                } else {
                    0.0
                }
        } else {
            root[g] * root[h] * values[(g, h)]
        }
    })
}

/// The shift that makes a lifted group matrix semidefinite, proven: of its block and of its remaining eigenvalues.
fn lifted_shift(multiplicity: &[f64], diagonal: &[f64], values: &DMatrix<f64>) -> f64 {
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
struct Bound {
    bound: f64,
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

impl<'a, O: Minorant> Gradient<'a, O> {
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

    /// `constant - sum nu` of an affine minorant, with `nu` raised by `eta`.
    fn bound(&self, affine: Affine, mut nu: Vec<f64>, eta: &[f64], method: BoundMethod) -> Bound {
        for (value, eta) in nu.iter_mut().zip(eta) {
            *value += eta;
        }
        let bound = affine.constant - nu.iter().zip(self.multiplicity).map(|(nu, m)| nu * m).sum::<f64>();
        Bound {
            bound: if bound.is_nan() { f64::NEG_INFINITY } else { bound },
            eta: eta.iter().copied().fold(0.0, f64::max),
            method,
            y: affine.y,
            nu,
            tangent: affine.tangent,
        }
    }

    /// The affine minorant with slopes `wanted`, and `nu` in its scale.
    fn minorant(&self, wanted: &DMatrix<f64>, nu: &[f64]) -> Option<(Affine, Vec<f64>)> {
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
    fn rank_one(&self) -> Option<Bound> {
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
        Some(self.bound(affine, nu, &eta, BoundMethod::RankOne))
    }

    /// Candidate "kernel" for kernels of the given dimensions: of the block, and which groups have coinciding classes.
    fn kernel(&self, basis: &DMatrix<f64>, coincide: &[bool]) -> Option<Bound> {
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
    fn shift(&self) -> Option<Bound> {
        self.proved(&self.y, &self.nu, BoundMethod::Shift)
    }

    /// A bound from any slopes and `nu`, with the shift of `nu` that a Cholesky factorisation proves to be enough.
    fn proved(&self, wanted: &DMatrix<f64>, nu: &[f64], method: BoundMethod) -> Option<Bound> {
        let (affine, nu) = self.minorant(wanted, nu)?;
        let symmetric = (&affine.y + affine.y.transpose()) * 0.5;
        let eta = lifted_shift(self.multiplicity, &nu, &symmetric);
        let eta = vec![eta; nu.len()];
        Some(self.bound(affine, nu, &eta, method))
    }

    /// The bound by nothing: the excess is not negative. Without a floor there is none.
    fn trivial(&self) -> Bound {
        let groups = self.groups();
        Bound {
            bound: self.objective.floor().map_or(f64::NEG_INFINITY, |_| 0.0),
            eta: 0.0,
            method: BoundMethod::Trivial,
            y: DMatrix::zeros(groups, groups),
            nu: vec![0.0; groups],
            tangent: None,
        }
    }
}

/// Bounds tighter than this are not improved further; times one and a tenth of the number of groups, as rounding grows.
const GOOD_ENOUGH: f64 = 1e-12;

/// Eigenvalues of the Gram matrix below these, relative to the largest, are tried as its kernel.
const KERNEL_CUTOFFS: [f64; 7] = [1e-11, 1e-9, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3];

fn best_bound<O: Minorant>(gradient: &Gradient<'_, O>, nonnegative: bool, value: f64, unit: f64) -> Bound {
    let m = gradient.multiplicity;
    if nonnegative {
        let nu = vec![0.0; m.len()];
        let entrywise = gradient.minorant(&gradient.y, &nu);
        return entrywise.map_or_else(
            || gradient.trivial(),
            |(affine, nu)| gradient.bound(affine, nu, &[], BoundMethod::Entrywise),
        );
    }
    let enough = GOOD_ENOUGH * (1.0 + 0.1 * m.len() as f64);
    let good = |bound: &Bound| value - bound.bound <= enough * unit;
    let first = gradient.rank_one().or_else(|| gradient.shift());
    let mut best = match first {
        Some(bound) if good(&bound) => return bound,
        Some(bound) => bound,
        None => gradient.trivial(),
    };
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
        if let Some(bound) = gradient.kernel(&basis, &coincide)
            && bound.bound > best.bound
        {
            best = bound;
        }
        tried = Some((dimension, coincide));
        if good(&best) {
            return best;
        }
    }
    if best.method != BoundMethod::Shift
        && let Some(shift) = gradient.shift()
        && shift.bound > best.bound
    {
        best = shift;
    }
    best
}
