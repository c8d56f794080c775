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

mod bound;
mod dense;
mod implicit;
mod restricted;
mod sparse;

use std::borrow::Cow;
use std::ops::Deref;

use nalgebra::DMatrix;
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::gram::Gram;
use crate::math::sparse::Sparse;
use crate::objective::Sampled;
use crate::problem::{Problem, Training};
use crate::program::{FixedProgram, Program};

pub(crate) use implicit::log_masses;
pub(crate) use restricted::Found;

/// What is proven.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
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

impl Verdict {
    /// The answer to "certified?" in a cell of a table.
    pub fn certified(self) -> &'static str {
        match self {
            Self::Certified => "yes",
            Self::NotCertified => "no",
            Self::RankExceedsDimension => "rank too high",
        }
    }
}

/// How the smallest eigenvalue of the dual matrix `S` was bounded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
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
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::RankOne,
        Self::Cauchy,
        Self::Merged,
        Self::Trivial,
        Self::Kernel,
        Self::Shift,
        Self::Entrywise,
    ];

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
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct DualPoint {
    /// `y_cc'`, r x r: row group of the anchor. In units of `e^log_scale`. `None` where it follows from the implicit form
    /// of the Gram matrix, see [`DualPoint::matrix`].
    #[serde(with = "crate::math::stored::optional_matrix")]
    pub y: Option<DMatrix<f64>>,
    /// `y` on the pairs of a schedule of batches, where it is zero for all others.
    pub sparse: Option<Sparse>,
    /// `nu_c`, r. In units of `e^log_scale`.
    pub nu: Vec<f64>,
    /// Natural log of the unit: the log of the excess, or 0 for losses without a floor.
    pub log_scale: f64,
    /// The matrix at which the loss has the gradient `y`, r x r, where the bound is by its tangent (sampled losses). It
    /// need not be feasible.
    #[serde(with = "crate::math::stored::optional_matrix")]
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
            (column[g].ln() + column[h].ln() + log_beta + (form.unmoved(g, h) - 1.0) / tau - self.log_scale).exp()
        }))
    }
}

/// How far a Gram matrix is from the minimum of the relaxation, with proof: a [`Statement`] that can be read and not changed.
/// Only this module makes one, after it has proved what it states; one that was stored says what it said then.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Certificate(Statement);

impl Deref for Certificate {
    type Target = Statement;

    fn deref(&self) -> &Statement {
        &self.0
    }
}

/// What a [`Certificate`] states. All losses are means per anchor, in nats.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Statement {
    /// The feasible Gram matrix that this certificate speaks of: the given one, moved as little as needed.
    pub gram: Gram,
    /// How far it was moved: `(M + shift (..)) / (1 + shift)`.
    pub feasibility_shift: f64,
    /// Loss of [`Statement::gram`].
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
    /// `gap / excess`; `gap / max(1, |loss|)` where there is no floor. Never below [`Statement::rounding`].
    pub relative_gap: f64,
    /// What rounding can do to the excess and to a bound on it, in the unit of `relative_gap`; the gap contains it twice.
    pub rounding: f64,
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
            self.0.verdict = Verdict::RankExceedsDimension;
        }
        self
    }
}

impl Certificate {
    /// Whether features whose loss was found elsewhere may exist: `excess` is their loss above the floor in nats (the loss,
    /// without a floor), `log_excess` its logarithm. `what` they are, for the message.
    ///
    /// # Errors
    /// [`Error::Contradiction`] if their loss is below the proven bound by more than rounding.
    pub fn admits(&self, what: &str, excess: f64, log_excess: f64) -> Result<(), Error> {
        let (attained, value, unit) = match self.log_excess {
            Some(optimal) => ((log_excess - optimal).exp(), 1.0, 1.0),
            None => (excess, self.loss, self.loss.abs().max(1.0)),
        };
        let below = (value - attained) / unit - self.relative_gap;
        let rounding = 4.0 * self.rounding * (1.0 + attained.abs() / unit);
        if below > rounding {
            return Err(Error::Contradiction {
                what: format!(
                    "the loss of {what} is below the proven lower bound ({}) by {below:.1e} of the excess",
                    self.method.name()
                ),
            });
        }
        Ok(())
    }
}

/// Most groups for which r x r matrices are formed and factorised.
pub const MAX_DENSE_GROUPS: usize = 4096;

/// Judges a Gram matrix.
///
/// # Errors
/// [`Error::Gram`] if the matrix does not belong to the problem (wrong classes, unequal classes in a group) or is not
/// finite; [`Error::Contradiction`] for a bound above the loss of a feasible matrix. A matrix that is not feasible is no
/// error: it is moved, and the gap tells.
pub fn certify(problem: &Problem, gram: &Gram, tolerance: f64) -> Result<Certificate, Error> {
    let nonnegative = problem.model().features.nonnegative;
    let partition = gram.partition();
    match &problem.model().training {
        Training::FixedBatches(fixed) => certify_schedule(&FixedProgram::new(problem, fixed)?, gram, tolerance),
        Training::FullBatch(full) => {
            check_groups(problem, gram)?;
            if let Some(form) = gram.cauchy()
                && let Some(certificate) = implicit::certify(problem, full, gram, form, tolerance)?
                && (certificate.verdict == Verdict::Certified || partition.groups() > MAX_DENSE_GROUPS)
            {
                return Ok(certificate);
            }
            let values = dense_values(gram)?;
            let program = Program::on_partition(problem, full, partition.clone());
            dense::certify(&program.class_level(), partition, &values, nonnegative, tolerance)
        }
        Training::Sampled(sampling) => {
            check_groups(problem, gram)?;
            let values = dense_values(gram)?;
            let objective = Sampled::on_partition(problem, sampling, partition);
            dense::certify(&objective, partition, &values, nonnegative, tolerance)
        }
    }
}

/// The groups of a matrix are those of classes of the problem.
fn check_groups(problem: &Problem, gram: &Gram) -> Result<(), Error> {
    if gram.partition().fits(problem) {
        return Ok(());
    }
    Err(Error::Gram {
        reason: "its groups are not classes of equal size of this problem".to_owned(),
    })
}

/// The entries by groups, for a dense proof.
fn dense_values(gram: &Gram) -> Result<Cow<'_, DMatrix<f64>>, Error> {
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
    Ok(values)
}

/// Judges a Gram matrix of the samples of a schedule, in the form of a factor with a column a cell.
///
/// # Errors
/// As [`certify`].
pub fn certify_schedule(program: &FixedProgram<'_>, gram: &Gram, tolerance: f64) -> Result<Certificate, Error> {
    if *gram.partition() != program.partition || gram.factor().is_none() {
        return Err(Error::Gram {
            reason: "it is not that of a factor on the cells of this schedule".to_owned(),
        });
    }
    let nonnegative = program.problem().model().features.nonnegative;
    sparse::certify(program.objective(), gram, nonnegative, tolerance)
}
