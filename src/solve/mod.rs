//! [`solve`]: chooses a method, runs it, and has the result judged.

mod dimension;
mod options;
#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;

pub use dimension::{DimensionSearch, MAX_CLASSES as MAX_SEARCHED_CLASSES};
pub use options::{CrossCheck, CrossCheckChoice, MethodChoice, Options};

use std::time::Instant;

use serde::{Deserialize, Serialize};

use crate::certificate::{Certificate, Verdict, certify, certify_schedule};
use crate::error::Error;
use crate::gram::Gram;
use crate::gram::block::GramSpectrum;
use crate::gram::cells::Cells;
use crate::math::control::Control;
use crate::method::formula::{self, Formula, Reference};
use crate::method::newton::{Newton, Reason};
use crate::method::staircase::Staircase;
use crate::method::{AUTO, Attempt, Method};
use crate::problem::invalid::Word;
use crate::problem::{Problem, Training};
use crate::program::Reduced;
use crate::solution::{self, Solution, Termination};

/// Bytes that a sampled loss takes for every pair of groups: some fifteen matrices, and half as many numbers of its integrals.
const BYTES_SAMPLED: f64 = 200.0;

/// Most cells of a schedule that are solved again by the conic program as a check.
const MAX_CONIC_CELLS: usize = 60;

/// Default tolerance on the relative gap, for methods that are exact.
pub const TOLERANCE: f64 = 1e-9;

/// Default tolerance where the conic or the low-rank method is the only route.
pub const TOLERANCE_ITERATIVE: f64 = 1e-6;

/// A solution with its certificate.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Solved {
    /// The method that was asked for.
    pub asked: MethodChoice,
    /// What the solver claims.
    pub solution: Solution,
    /// What is proven of it.
    pub certificate: Certificate,
    /// Rank of the Gram matrix.
    pub rank: u64,
    /// Eigenvalues below this, relative to the largest, count as zero.
    pub rank_cutoff: f64,
    /// Agreement with an independent method, if one was run.
    pub cross_check: Option<CrossCheck>,
    /// What was found among features of the given dimension, where it is below the rank of the relaxation's optimum.
    pub dimension_search: Option<DimensionSearch>,
    /// The samples that a fixed schedule of batches tells apart; `None` for other training. The points of the Gram matrix are
    /// samples then, not classes.
    pub schedule: Option<Schedule>,
    /// Standard geometries against what is reported; none of them is below the bound.
    pub references: Vec<Reference>,
    /// Things the user should know.
    pub warnings: Vec<String>,
    /// Seconds from the validated problem to the certificate, without I/O and plots.
    pub seconds: f64,
}

/// What a fixed schedule of batches makes of the samples.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Schedule {
    /// Samples that are alike.
    pub cells: Cells,
    /// Anchors that count: a sample once for each batch in which it has a positive (for nscl, and a negative).
    pub anchors: f64,
    /// Anchors that do not.
    pub skipped_anchors: f64,
}

impl Schedule {
    fn of(program: &Reduced<'_>) -> Option<Self> {
        match program {
            Reduced::FixedBatches(fixed) => Some(Self {
                cells: fixed.cells.clone(),
                anchors: fixed.objective().anchors(),
                skipped_anchors: fixed.objective().skipped_anchors(),
            }),
            Reduced::FullBatch(_) | Reduced::Sampled(_) => None,
        }
    }
}

/// Solves and certifies.
///
/// # Errors
/// [`Error::Method`] for a method that cannot take the problem, [`Error::Invalid`] for fixed batches in which a class has no positive, [`Error::NotBuilt`] without the feature `conic` for what
/// needs it, [`Error::TooLarge`]; [`Error::Contradiction`] where a standard geometry, or features that were found, are below
/// the proven bound. A solution that cannot be certified is no error: see [`Statement::verdict`](crate::certificate::Statement::verdict).
pub fn solve(problem: &Problem, options: &Options, control: &Control) -> Result<Solved, Error> {
    let sampled = match problem.model().training {
        Training::FullBatch(_) => false,
        Training::Sampled(_) => true,
        Training::FixedBatches(_) => false,
    };
    if options.cross_check == CrossCheckChoice::Always && !sampled {
        conic(CONIC_CHECKS)?;
    }
    let start = Instant::now();
    let mut warnings = Vec::new();
    let program = Reduced::new(problem)?;
    if let Reduced::Sampled(_) = &program {
        let groups = program.groups();
        Error::within_memory(
            || format!("a sampled loss with {groups} distinct class sizes"),
            BYTES_SAMPLED * (groups as f64).powi(2),
            &[Word::Text(
                "round the sizes so that fewer are distinct, or use the full-batch loss",
            )],
        )?;
    }
    let solution = run(&program, options.method, control, &mut warnings)?;
    let exact = matches!(solution.method, solution::Method::Dual | solution::Method::ClosedForm);
    let tolerance = options
        .tolerance
        .unwrap_or(if exact { TOLERANCE } else { TOLERANCE_ITERATIVE });
    let certificate = judged(&program, &solution.gram, tolerance)?;
    let rank_cutoff = rank_cutoff(&certificate, problem.model().temperature);
    let rank = solution
        .rank
        .unwrap_or_else(|| GramSpectrum::new(&certificate.gram).rank(rank_cutoff));
    let certificate = certificate.limited_to(problem.model().features.dimension, rank);
    let seconds = start.elapsed().as_secs_f64();
    // The other method for sampled losses is the low-rank solver, which knows no sign constraint.
    let checkable = if sampled {
        solution.method == solution::Method::Dual
    } else {
        cfg!(feature = "conic")
    };
    let cross_check = if checkable && options.wants_cross_check(&solution) {
        check(&program, &certificate.gram, control, &mut warnings)
    } else {
        None
    };
    let mut solved = Solved {
        asked: options.method,
        solution,
        certificate,
        rank,
        rank_cutoff,
        cross_check,
        dimension_search: None,
        schedule: Schedule::of(&program),
        references: Vec::new(),
        warnings,
        seconds,
    };
    let geometries = match &program {
        // To compare takes as long as some steps of the solver.
        _ if control.stop().is_some() => Vec::new(),
        Reduced::FixedBatches(fixed) => formula::Geometry::of_cells(fixed),
        Reduced::FullBatch(_) | Reduced::Sampled(_) => formula::Geometry::all(problem, program.partition()),
    };
    for geometry in &geometries {
        geometry.challenge(&solved.certificate)?;
    }
    if let Some(dimension) = problem.model().features.dimension
        && solved.certificate.verdict == Verdict::RankExceedsDimension
    {
        let start = Instant::now();
        solved = dimension::search(problem, solved, dimension, control)?;
        solved.seconds += start.elapsed().as_secs_f64();
    }
    solved.references = geometries
        .iter()
        .filter_map(|geometry| geometry.reference(problem, &solved.certificate))
        .collect();
    if solved.certificate.tolerance < 2.0 * solved.certificate.rounding {
        solved.warnings.push(format!(
            "a tolerance of {:.1e} is below what rounding can tell here ({:.1e}): nothing can be certified to it",
            solved.certificate.tolerance,
            2.0 * solved.certificate.rounding
        ));
    }
    Ok(solved)
}

/// The certificate of a Gram matrix of `program`.
fn judged(program: &Reduced<'_>, gram: &Gram, tolerance: f64) -> Result<Certificate, Error> {
    match program {
        Reduced::FixedBatches(fixed) => certify_schedule(fixed, gram, tolerance),
        Reduced::FullBatch(_) | Reduced::Sampled(_) => certify(program.problem(), gram, tolerance),
    }
}

/// What needs the feature `conic`, and what to do without it.
const CONIC_ASKED: (&str, &str) = ("the conic method", "set the method to auto");
const CONIC_CHECKS: (&str, &str) = (
    "the conic program, which checks this problem,",
    "set the cross-check to never",
);

/// The conic method, if this build has it.
#[cfg(feature = "conic")]
fn conic(_: (&'static str, &'static str)) -> Result<&'static dyn Method, Error> {
    Ok(&crate::method::conic::Conic)
}

#[cfg(not(feature = "conic"))]
fn conic((what, instead): (&'static str, &'static str)) -> Result<&'static dyn Method, Error> {
    Err(Error::NotBuilt {
        what,
        feature: "conic",
        instead,
    })
}

/// Solves again by an independent method (the conic program; for sampled losses the low-rank solver) and compares. Has its
/// own time, and never changes the verdict.
fn check(program: &Reduced<'_>, gram: &Gram, control: &Control, warnings: &mut Vec<String>) -> Option<CrossCheck> {
    let start = Instant::now();
    let mut failed = |why: String| {
        warnings.push(format!("no independent check: {why}"));
        None
    };
    let other = match program {
        Reduced::FullBatch(_) => conic(CONIC_CHECKS),
        Reduced::Sampled(_) => Ok(&Staircase as &dyn Method),
        Reduced::FixedBatches(_) if program.groups() > MAX_CONIC_CELLS => return None,
        Reduced::FixedBatches(_) => conic(CONIC_CHECKS),
    };
    let solution = match other.and_then(|other| asked(other, program, control)) {
        Ok(Attempt::Found(solution)) => solution,
        Ok(Attempt::Unresolved { reason, .. }) => return failed(unresolved(reason)),
        Err(error) => return failed(error.to_string()),
    };
    let name = solution.method.name();
    if !matches!(solution.termination, Termination::Converged | Termination::Stalled) {
        return failed(format!("the {name} method ended with {}", solution.termination.name()));
    }
    let gram_difference = match program {
        // Only what the loss looks at is determined.
        Reduced::FixedBatches(fixed) => fixed.largest_difference(&solution.gram, gram),
        Reduced::FullBatch(_) | Reduced::Sampled(_) => {
            (solution.gram.values().as_ref() - gram.values().as_ref()).amax()
        }
    };
    Some(CrossCheck {
        method: name.into(),
        compared: CrossCheck::REPORTED.into(),
        gram_difference,
        seconds: start.elapsed().as_secs_f64(),
    })
}

/// What a method makes of a program that it may refuse.
fn asked(method: &dyn Method, program: &Reduced<'_>, control: &Control) -> Result<Attempt, Error> {
    method
        .accepts(program)
        .map_err(|refusal| refusal.error(method.name()))?;
    method.minimise(program, None, control)
}

/// The method that a user asked for, or what `auto` finds.
fn run(
    program: &Reduced<'_>,
    choice: MethodChoice,
    control: &Control,
    warnings: &mut Vec<String>,
) -> Result<Solution, Error> {
    let method: &dyn Method = match choice {
        MethodChoice::Auto => return auto(program, control, warnings),
        MethodChoice::Dual => &Newton,
        MethodChoice::Conic => conic(CONIC_ASKED)?,
        MethodChoice::Lowrank => &Staircase,
        MethodChoice::ClosedForm => &Formula,
    };
    Ok(match asked(method, program, control)? {
        Attempt::Found(solution) => *solution,
        Attempt::Unresolved { reason, .. } => {
            if reason != Reason::Interrupted {
                warnings.push(unresolved(reason));
            }
            formula::fallback(program, control)
        }
    })
}

/// The methods in the order of [`AUTO`]: the first exact answer, or the first that is certified, or the best.
fn auto(program: &Reduced<'_>, control: &Control, warnings: &mut Vec<String>) -> Result<Solution, Error> {
    let mut refused = None;
    let mut open = None;
    let mut start = None;
    let mut best: Option<(Solution, f64)> = None;
    for preference in AUTO {
        let method = preference.method;
        if program.groups() > preference.most_groups {
            continue;
        }
        if let Err(refusal) = method.accepts(program) {
            // The one that a user can do something about.
            refused = match (refused, refusal.error(method.name())) {
                (_, error @ Error::TooLarge { .. }) | (None, error) => Some(error),
                (refused, _) => refused,
            };
            continue;
        }
        if let Some((solution, gap)) = &best {
            warnings.push(format!(
                "the {} method reached a relative gap of {gap:.1e}; the {} method was tried as well",
                solution.method.name(),
                method.name().name()
            ));
        }
        match method.minimise(program, start.as_ref(), control)? {
            Attempt::Found(solution) if preference.exact => return Ok(*solution),
            Attempt::Found(solution) => {
                let gap = judged(program, &solution.gram, TOLERANCE_ITERATIVE)?.relative_gap;
                if best.as_ref().is_none_or(|(_, least)| gap < *least) {
                    best = Some((*solution, gap));
                }
                if gap <= TOLERANCE_ITERATIVE || control.stop().is_some() {
                    break;
                }
            }
            Attempt::Unresolved {
                reason: Reason::Interrupted,
                ..
            } => return Ok(formula::fallback(program, control)),
            Attempt::Unresolved { reason, near } => {
                open = Some(reason);
                start = near;
            }
        }
    }
    match (best, open, refused) {
        (Some((solution, _)), ..) => Ok(solution),
        (None, Some(reason), _) => {
            warnings.push(format!(
                "{}, and there are too many distinct sizes for the other methods; the best standard geometry is shown",
                unresolved(reason)
            ));
            Ok(formula::fallback(program, control))
        }
        (None, None, Some(error)) => Err(error),
        (None, None, None) => Err(Error::Internal {
            what: "no method looked at the problem".to_owned(),
        }),
    }
}

fn unresolved(reason: Reason) -> String {
    let why = match reason {
        Reason::OneClass | Reason::InvalidCoefficients => "the problem is outside its range",
        Reason::Collapsed => "classes collapse, and no rule tells which for this loss",
        Reason::NotConverged => "Newton's method found no regular optimum, as where classes collapse",
        Reason::DefinitenessUndecided => "there are too many distinct sizes to tell whether the matrix is semidefinite",
        Reason::Interrupted => "it was stopped",
    };
    format!("the exact solver found no optimum: {why}")
}

impl Solved {
    /// True if the verdict is [`Verdict::Certified`].
    pub fn is_certified(&self) -> bool {
        self.certificate.verdict == Verdict::Certified
    }
}

/// The relative size below which an eigenvalue of a certified Gram matrix counts as zero: `max(1e-8, 10 x accuracy)`,
/// where the accuracy of the entries is the distance to feasibility or `tau` times the root of the relative gap (the
/// loss is quadratic about its minimum, on the scale of the temperature), whichever is larger.
fn rank_cutoff(certificate: &Certificate, temperature: f64) -> f64 {
    let of_gap = temperature.min(1.0) * certificate.relative_gap.max(0.0).sqrt();
    (10.0 * certificate.feasibility_shift.max(of_gap)).clamp(1e-8, 1e-2)
}
