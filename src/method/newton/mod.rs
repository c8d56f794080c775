//! The exact solver of the class-level problem THEORY (3),
//!
//! ```text
//! min_{M PSD, M_cc = 1}  F(M) = sum_c w_c log( s_c + sum_{c' != c} a_c' exp((M_cc' - 1)/tau) ).
//! ```
//!
//! At a regular optimum the dual matrix has rank one, `S = v v^T` with `v > 0`, and with `t = v/a` and
//! `beta = w e^{-z}/(tau a)` the semidefinite program is the smooth system
//!
//! ```text
//! u_cc' = exp((M_cc' - 1)/tau) = 2 t_c t_c' / (beta_c + beta_c')                                                     (5)
//! z_c   = log( s_c + sum_{c' != c} a_c' u_cc' )                                                                      (6)
//! 0     = v_c + sum_{c' != c} M_cc' v_c'                                                                             (7)
//! ```
//!
//! of two equations per group of equal classes. [`cauchy`](crate::math::cauchy) sums its kernels in linear time, `equations` states it, `step`
//! linearises it, `iteration` solves it, `definite` tells whether the solution is the optimum (it is iff `M` is positive
//! semidefinite), and `merge` finds the classes that share one vector where it is not (8).
//!
//! `fixed_point` solves the sampled losses, THEORY (10) and (11), in the same variables.
//!
//! Nothing here is a certificate: that is computed from the result alone, elsewhere.

mod answer;
mod definite;
mod equations;
mod fixed_point;
mod iteration;
mod linear;
mod merge;
mod step;
#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;

pub use answer::Newton;
pub use definite::Definiteness;
pub use fixed_point::{SampledFailure, SampledOptimum, solve_sampled};
pub use iteration::SolvedSystem;
pub use merge::Merging;

use crate::objective::Coefficients;
use iteration::{Effort, Failure, Runs};
use merge::{Candidate, Search};

/// Limits of the search; none of them touches the accuracy of a result, which is always the floor of rounding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewtonSettings {
    /// Newton steps in one run, at least 1. Default 60; a run that converges takes 4 to 15.
    pub max_iterations: usize,
    /// Problems solved on the way from equal classes, at least 0 (off). Default 60.
    pub max_continuation: usize,
    /// Perturbed starts after everything else, at least 0 (off). Default 6.
    pub perturbed_starts: usize,
    /// Sets of groups from which the search over equal classes starts, at least 0. Default 16.
    pub merge_starts: usize,
    /// Most groups for a dense factorisation of `M`, where the linear-time test is silent. Default 4096 (128 MB).
    pub dense_limit: usize,
}

impl Default for NewtonSettings {
    fn default() -> NewtonSettings {
        NewtonSettings {
            max_iterations: 60,
            max_continuation: 60,
            perturbed_starts: 8,
            merge_starts: 16,
            dense_limit: 4096,
        }
    }
}

/// What [`solve`] found.
#[derive(Debug, Clone, PartialEq)]
pub enum NewtonOutcome {
    /// The optimum; no two classes share a vector.
    Regular(Solution),
    /// The optimum; the classes of each cluster share one vector. The solution is that of `merging.coefficients`.
    Merged {
        /// The clusters, and the problem between them.
        merging: Merging,
        /// Its solution, one entry per group of `merging.coefficients`.
        solution: Solution,
    },
    /// No point that is known to be optimal.
    Unresolved {
        /// Why.
        reason: Reason,
        /// Smallest residual of the last attempt, as in [`SolvedSystem::residual`]; infinite if there was none.
        residual: f64,
        /// Newton steps spent.
        steps: usize,
    },
}

/// An optimum and how it is known to be one.
#[derive(Debug, Clone, PartialEq)]
pub struct Solution {
    /// The point and its residual.
    pub solved: SolvedSystem,
    /// Why `M` is positive semidefinite.
    pub definiteness: Definiteness,
    /// Newton steps spent, of all attempts.
    pub steps: usize,
}

/// Why no optimum is returned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// One class: there is nothing to separate.
    OneClass,
    /// No class has an anchor, or a coefficient is outside its range.
    InvalidCoefficients,
    /// The equations were solved, `M` is not positive semidefinite, and no rule for collapsed classes applies.
    Collapsed,
    /// The equations have no solution that Newton's method could find; usually collapsed classes without a rule.
    NotConverged,
    /// The equations were solved, but there are too many groups to tell whether `M` is positive semidefinite.
    DefinitenessUndecided,
    /// The caller asked to stop.
    Interrupted,
}

/// Solves THEORY (3). `interrupt` is asked before every Newton step; when it says yes the result is
/// [`Reason::Interrupted`].
pub fn solve(
    coefficients: &Coefficients,
    settings: &NewtonSettings,
    interrupt: &(dyn Fn() -> bool + Sync),
) -> NewtonOutcome {
    if let Some(reason) = refuse(coefficients) {
        return NewtonOutcome::Unresolved {
            reason,
            residual: f64::INFINITY,
            steps: 0,
        };
    }
    let newton = Runs {
        settings,
        interrupt,
        steps: 0,
    };
    let mut search = Search { coefficients, newton };
    let result = optimum(&mut search);
    let steps = search.newton.steps;
    match result {
        Ok(Candidate {
            merging,
            solved,
            definiteness,
        }) => {
            let solution = Solution {
                solved,
                definiteness,
                steps,
            };
            if merging.clusters.is_empty() {
                NewtonOutcome::Regular(solution)
            } else {
                NewtonOutcome::Merged { merging, solution }
            }
        }
        Err((reason, residual)) => NewtonOutcome::Unresolved {
            reason,
            residual,
            steps,
        },
    }
}

/// A solution of the problem in which given sets of classes share one vector each, optimal for the whole or not.
#[derive(Debug, Clone, PartialEq)]
pub struct Clustered {
    /// The clusters, and the problem between them.
    pub merging: Merging,
    /// Its solution, one entry per group of `merging.coefficients`.
    pub solution: Solution,
}

impl Clustered {
    /// The smallest `log(t_C / sqrt(beta_C))` of the clusters, which has the sign of `kappa_C`: where it is not negative and
    /// `M` is positive semidefinite the clusters are optimal, THEORY (8).
    pub fn log_ratio(&self) -> f64 {
        let first = self.merging.coefficients.groups() - self.merging.clusters.len();
        let ratios = &self.solution.solved.point.log_ratio[first..];
        ratios.iter().copied().fold(f64::INFINITY, f64::min)
    }

    /// Whether `M` of the smaller problem is known to be positive semidefinite.
    pub fn is_definite(&self) -> bool {
        matches!(
            self.solution.definiteness,
            Definiteness::Kappa | Definiteness::Factorisation
        )
    }
}

/// Solves THEORY (5)-(7) with each of `clusters` as one class (each must be one of the cases of [`Merging::new`]), without
/// asking whether that is optimal: the sign of [`Clustered::log_ratio`] tells. With `thorough` every fallback is tried
/// until `M` is positive semidefinite.
///
/// # Errors
/// Why there is no solution.
pub fn solve_clusters(
    coefficients: &Coefficients,
    clusters: Vec<Vec<usize>>,
    thorough: bool,
    settings: &NewtonSettings,
    interrupt: &(dyn Fn() -> bool + Sync),
) -> Result<Clustered, Reason> {
    if let Some(reason) = refuse(coefficients) {
        return Err(reason);
    }
    let newton = Runs {
        settings,
        interrupt,
        steps: 0,
    };
    let mut search = Search { coefficients, newton };
    let mut result = search.attempt(clusters.clone(), Effort::Usual);
    let found = |result: &Result<Candidate, Failure>| matches!(result, Ok(candidate) if candidate.definiteness != Definiteness::Indefinite);
    if thorough && !found(&result) {
        result = search.attempt(clusters, Effort::Everything);
    }
    let steps = search.newton.steps;
    match result {
        Ok(candidate) => Ok(Clustered {
            merging: candidate.merging,
            solution: Solution {
                solved: candidate.solved,
                definiteness: candidate.definiteness,
                steps,
            },
        }),
        Err(failure) => Err(reason(failure).0),
    }
}

fn refuse(coefficients: &Coefficients) -> Option<Reason> {
    let Coefficients {
        temperature,
        multiplicity,
        weight,
        base,
        column,
        ..
    } = coefficients;
    let ordinary = *temperature > 0.0
        && multiplicity.iter().all(|&m| m >= 1.0)
        && column.iter().all(|&a| a > 0.0)
        && weight.iter().chain(base).all(|&x| x >= 0.0)
        && weight.iter().any(|&w| w > 0.0)
        && [multiplicity, weight, base, column]
            .iter()
            .all(|values| values.iter().all(|x| x.is_finite()));
    if !ordinary {
        return Some(Reason::InvalidCoefficients);
    }
    (coefficients.classes() < 2.0).then_some(Reason::OneClass)
}

/// The regular point if it is the optimum, else merged classes by the rule of the loss, then both again with every
/// fallback. The order is one of cost: whatever meets the conditions of optimality is the optimum.
fn optimum(search: &mut Search<'_>) -> Result<Candidate, (Reason, f64)> {
    let idle = search.without_anchors();
    let mut best = Err((Reason::NotConverged, f64::INFINITY));
    for effort in [Effort::Usual, Effort::Everything] {
        let regular = search.attempt(idle.clone(), effort);
        match &regular {
            Ok(candidate) if candidate.is_optimal() => return regular.map_err(reason),
            Ok(candidate) if candidate.definiteness == Definiteness::Undecided => {
                best = Err((Reason::DefinitenessUndecided, candidate.solved.residual));
            }
            Ok(candidate) => best = Err((Reason::Collapsed, candidate.solved.residual)),
            Err(Failure::Interrupted) => return regular.map_err(reason),
            Err(Failure::Diverged(residual)) => {
                if let Err((Reason::NotConverged, least)) = &mut best {
                    *least = least.min(*residual);
                }
            }
        }
        let merged = if search.coefficients.mergeable && idle.is_empty() {
            search.smallest_classes(effort)
        } else {
            search.equal_classes(&idle, regular.as_ref().ok().map(|candidate| &candidate.solved), effort)
        };
        match merged {
            Ok(Some(candidate)) if candidate.is_optimal() => return Ok(candidate),
            Ok(Some(candidate)) if candidate.definiteness == Definiteness::Undecided => {
                best = Err((Reason::DefinitenessUndecided, candidate.solved.residual));
            }
            Err(Failure::Interrupted) => return Err(reason(Failure::Interrupted)),
            _ => {}
        }
        // More starts decide nothing about definiteness; and they have found another solution only for few classes.
        let large = search.coefficients.groups() > search.newton.settings.dense_limit;
        if large || matches!(best, Err((Reason::DefinitenessUndecided, _))) {
            break;
        }
    }
    best
}

fn reason(failure: Failure) -> (Reason, f64) {
    match failure {
        Failure::Diverged(residual) => (Reason::NotConverged, residual),
        Failure::Interrupted => (Reason::Interrupted, f64::INFINITY),
    }
}
