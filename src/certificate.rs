//! [`Certificate`]: a proof, from the problem and a Gram matrix alone, of how far that matrix is from optimal.
//!
//! For any `y >= 0` and `nu` with `S = (y + y^T)/2 + Diag(nu)` positive semidefinite, every feasible `M` has
//!
//! ```text
//! F(M) >= sum over rows of their minorant at y  -  sum nu                                       THEORY (4')
//! ```
//!
//! because `<S, M> >= 0` and the diagonal of `M` is 1. The bound is exact at the optimum's own `y`, and its error is of
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
use crate::gram::Gram;
use crate::loss::{Evaluation, Row};
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
    let program = Program::on_partition(problem, gram.partition().clone());
    let (values, feasibility_shift) = make_feasible(&program, &values);
    let entries = program.collapsed_entries(&values);
    let at = program.objective.evaluate(&entries);
    let floor = program.objective.floor();
    let log_scale = if floor.is_some() { at.log_excess } else { 0.0 };
    let gradient = Gradient::new(&program, &values, &entries, &at, log_scale);

    // In units of e^log_scale, where the excess is 1 (or the loss itself, without a floor).
    let value = if floor.is_some() { 1.0 } else { at.excess };
    let unit = if floor.is_some() { 1.0 } else { at.excess.abs().max(1.0) };
    let best = best_bound(&gradient, value, unit);
    let gap = (value - best.bound).max(0.0);
    let relative_gap = gap / unit;
    let scale = log_scale.exp();
    let loss = floor.unwrap_or(0.0) + at.excess;
    Ok(Certificate {
        gram: Gram::from_groups(gram.partition().clone(), values),
        feasibility_shift,
        loss,
        floor,
        excess: at.excess,
        log_excess: floor.map(|_| at.log_excess),
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
        },
        tolerance,
        verdict: if relative_gap <= tolerance {
            Verdict::Certified
        } else {
            Verdict::NotCertified
        },
    })
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
fn make_feasible(program: &Program, values: &DMatrix<f64>) -> (DMatrix<f64>, f64) {
    let ones = vec![1.0; program.groups()];
    let delta = lifted_shift(&program.multiplicity, &ones, values);
    let epsilon = if program.nonnegative {
        values.iter().fold(0.0f64, |low, &v| low.max(-v))
    } else {
        0.0
    };
    let total = 1.0 + delta + epsilon;
    let mut moved = values.map(|value| (value + epsilon) / total);
    for (g, &m) in program.multiplicity.iter().enumerate() {
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
}

/// The gradient of the loss at a feasible matrix, by ordered pairs of classes, and what the candidates share.
struct Gradient<'a> {
    program: &'a Program,
    values: &'a DMatrix<f64>,
    log_scale: f64,
    /// `y_cc'`: derivative of the row of `c` by `M_cc'`.
    y: DMatrix<f64>,
    /// `A = (y + y^T)/2`.
    a: DMatrix<f64>,
    /// `-(A M)_c` without the diagonal of `M`.
    nu: Vec<f64>,
}

impl<'a> Gradient<'a> {
    fn new(program: &'a Program, values: &'a DMatrix<f64>, entries: &[f64], at: &Evaluation, log_scale: f64) -> Self {
        let groups = program.groups();
        let terms = program.objective.term_gradients(entries, at, log_scale);
        let mut y = DMatrix::zeros(groups, groups);
        for row in program.objective.rows() {
            let g = row.reference;
            let mut next = row.start;
            for h in 0..groups {
                let others = others(program, g, h);
                if others > 0.0 {
                    y[(g, h)] = terms[next] / (program.multiplicity[g] * others);
                    next += 1;
                }
            }
        }
        let a = (&y + y.transpose()) * 0.5;
        let nu = (0..groups)
            .map(|g| {
                -(0..groups)
                    .map(|h| others(program, g, h) * a[(g, h)] * values[(g, h)])
                    .sum::<f64>()
            })
            .collect();
        Self {
            program,
            values,
            log_scale,
            y,
            a,
            nu,
        }
    }

    /// `sum of minorants - sum nu` with `nu` raised by `eta`; minus infinity for inadmissible `y`.
    fn bound(&self, mut y: DMatrix<f64>, mut nu: Vec<f64>, mut eta: f64, method: BoundMethod) -> Bound {
        let program = self.program;
        let mut bound = 0.0;
        for value in &mut nu {
            *value += eta;
        }
        let share = self.largest_share(&y);
        if share > FULL_SHARE {
            // Any multiple of (y, nu) will do, and a row that is all excess has a share that rounds to 1.
            let factor = FULL_SHARE / share;
            y *= factor;
            nu.iter_mut().for_each(|value| *value *= factor);
            eta *= factor;
        }
        for row in program.objective.rows() {
            let g = row.reference;
            let m = program.multiplicity[g];
            let of_row: Vec<f64> = (0..program.groups())
                .map(|h| (h, others(program, g, h)))
                .filter(|&(_, others)| others > 0.0)
                .map(|(h, others)| m * others * y[(g, h)])
                .collect();
            bound += program.objective.row_minorant(row, &of_row, self.log_scale);
        }
        bound -= nu.iter().zip(&program.multiplicity).map(|(nu, m)| nu * m).sum::<f64>();
        if bound.is_nan() {
            bound = f64::NEG_INFINITY;
        }
        Bound {
            bound,
            eta,
            method,
            y,
            nu,
        }
    }

    /// Largest `tau y_c / w_c`, which (4') needs below 1; 0 without a floor.
    fn largest_share(&self, y: &DMatrix<f64>) -> f64 {
        let program = self.program;
        if program.objective.floor().is_none() {
            return 0.0;
        }
        let scale = self.log_scale.exp() * program.objective.temperature();
        let share = |row: &Row| {
            let g = row.reference;
            let sum: f64 = (0..program.groups()).map(|h| others(program, g, h) * y[(g, h)]).sum();
            scale * sum * program.multiplicity[g] / row.weight
        };
        program.objective.rows().iter().map(share).fold(0.0, f64::max)
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

    /// A loss without floor bounds a row only if `y` sums to `w/tau` over it. Meets that by a common factor and an
    /// antisymmetric correction, which leaves the symmetric part, hence `S`, as it is.
    fn balance_rows(&self, y: &mut DMatrix<f64>, nu: &mut [f64]) {
        let program = self.program;
        if program.objective.floor().is_some() {
            return;
        }
        let tau = program.objective.temperature();
        let groups = program.groups();
        let mut weight = vec![0.0; groups];
        for row in program.objective.rows() {
            weight[row.reference] = row.weight / program.multiplicity[row.reference];
        }
        let row_sum = |y: &DMatrix<f64>, g: usize| (0..groups).map(|h| others(program, g, h) * y[(g, h)]).sum::<f64>();
        let total: f64 = (0..groups).map(|g| program.multiplicity[g] * row_sum(y, g)).sum();
        let wanted: f64 = (0..groups).map(|g| program.multiplicity[g] * weight[g] / tau).sum();
        *y *= wanted / total;
        nu.iter_mut().for_each(|value| *value *= wanted / total);
        let harmonic = DMatrix::from_fn(groups, groups, |g, h| {
            let sum = y[(g, h)] + y[(h, g)];
            if g == h || sum == 0.0 {
                0.0
            } else {
                y[(g, h)] * y[(h, g)] / sum
            }
        });
        let mut laplacian = DMatrix::from_fn(groups, groups, |g, h| -program.multiplicity[h] * harmonic[(g, h)]);
        for g in 0..groups {
            laplacian[(g, g)] = (0..groups).map(|h| program.multiplicity[h] * harmonic[(g, h)]).sum();
        }
        let residual = nalgebra::DVector::from_fn(groups, |g, _| weight[g] / tau - row_sum(y, g));
        // The constant vector is the kernel; pin the last potential to zero.
        for h in 0..groups {
            laplacian[(groups - 1, h)] = if h == groups - 1 { 1.0 } else { 0.0 };
        }
        let mut right = residual;
        right[groups - 1] = 0.0;
        if let Some(potential) = laplacian.lu().solve(&right) {
            for g in 0..groups {
                for h in 0..groups {
                    y[(g, h)] += harmonic[(g, h)] * (potential[g] - potential[h]);
                }
            }
        }
    }

    /// Candidate "rank one".
    fn rank_one(&self) -> Option<Bound> {
        if !self.nu.iter().all(|&nu| nu > 0.0) {
            return None;
        }
        let v: Vec<f64> = self.nu.iter().map(|nu| nu.sqrt()).collect();
        let target = DMatrix::from_fn(v.len(), v.len(), |g, h| v[g] * v[h]);
        // S = v v^T needs an entry for every pair of classes.
        let complete =
            (0..v.len()).all(|g| (0..v.len()).all(|h| others(self.program, g, h) == 0.0 || self.a[(g, h)] > 0.0));
        if !complete {
            return None;
        }
        let mut y = self.rescaled(&target);
        let mut nu = self.nu.clone();
        self.balance_rows(&mut y, &mut nu);
        // Rounding: the entries of S are v v' (1 + e) with |e| <= 4 eps, and adding 4 eps v_c sum v to nu_c covers that.
        let total: f64 = v.iter().zip(&self.program.multiplicity).map(|(v, m)| v * m).sum();
        let mut eta = 0.0f64;
        for (nu, v) in nu.iter_mut().zip(&v) {
            let extra = 4.0 * f64::EPSILON * v * total;
            *nu += extra;
            eta = eta.max(extra);
        }
        let mut bound = self.bound(y, nu, 0.0, BoundMethod::RankOne);
        bound.eta = eta;
        Some(bound)
    }

    /// Candidate "kernel" for kernels of the given dimensions: of the block, and which groups have coinciding classes.
    fn kernel(&self, basis: &DMatrix<f64>, coincide: &[bool]) -> Option<Bound> {
        let program = self.program;
        let groups = program.groups();
        let block = lifted_block(&program.multiplicity, &self.nu, &self.a);
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
            let m = program.multiplicity[g];
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
                let value = projected[(g, h)] / (m * program.multiplicity[h]).sqrt();
                target[(g, h)] = value;
                target[(h, g)] = value;
            }
        }
        let mut y = self.rescaled(&target);
        self.balance_rows(&mut y, &mut nu);
        Some(self.proved(y, nu, BoundMethod::Kernel))
    }

    /// Candidate "shift".
    fn shift(&self) -> Bound {
        self.proved(self.y.clone(), self.nu.clone(), BoundMethod::Shift)
    }

    /// A bound from any `y` and `nu`, with the shift of `nu` that a Cholesky factorisation proves to be enough.
    fn proved(&self, y: DMatrix<f64>, nu: Vec<f64>, method: BoundMethod) -> Bound {
        let symmetric = (&y + y.transpose()) * 0.5;
        let eta = lifted_shift(&self.program.multiplicity, &nu, &symmetric);
        self.bound(y, nu, eta, method)
    }
}

/// Number of classes of group `h` other than a given class of group `g`.
fn others(program: &Program, g: usize, h: usize) -> f64 {
    crate::loss::others(&program.multiplicity, g, h)
}

/// Shares `tau y_c / w_c` of a dual point are kept below this: 1 but for a few roundings.
const FULL_SHARE: f64 = 1.0 - 16.0 * f64::EPSILON;

/// Bounds tighter than this are not improved further.
const GOOD_ENOUGH: f64 = 1e-12;

/// Eigenvalues of the Gram matrix below these, relative to the largest, are tried as its kernel.
const KERNEL_CUTOFFS: [f64; 7] = [1e-11, 1e-9, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3];

fn best_bound(gradient: &Gradient<'_>, value: f64, unit: f64) -> Bound {
    let program = gradient.program;
    if program.nonnegative {
        let nu = vec![0.0; program.groups()];
        return gradient.bound(gradient.y.clone(), nu, 0.0, BoundMethod::Entrywise);
    }
    let good = |bound: &Bound| value - bound.bound <= GOOD_ENOUGH * unit;
    let mut best = match gradient.rank_one() {
        Some(bound) if good(&bound) => return bound,
        Some(bound) => bound,
        None => gradient.shift(),
    };
    let ones = vec![1.0; program.groups()];
    let Some(spectrum) = eigen(&lifted_block(&program.multiplicity, &ones, gradient.values)) else {
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
        let coincide: Vec<bool> = (0..program.groups())
            .map(|g| program.multiplicity[g] >= 2.0 && 1.0 - gradient.values[(g, g)] <= cutoff * largest)
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
    if best.method != BoundMethod::Shift {
        let shift = gradient.shift();
        if shift.bound > best.bound {
            best = shift;
        }
    }
    best
}
