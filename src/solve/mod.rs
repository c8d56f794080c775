//! [`solve`]: chooses a method, runs it, and has the result judged.

mod dimension;
mod lowrank;
mod options;
mod sampled;

pub use dimension::{DimensionSearch, MAX_CLASSES as MAX_SEARCHED_CLASSES};
pub use options::{CrossCheck, CrossCheckChoice, MethodChoice, Options};

use std::time::Instant;

use crate::certificate::{Certificate, MAX_DENSE_GROUPS, Verdict, certify};
use crate::error::Error;
use crate::gram::block::GramSpectrum;
use crate::gram::implicit::Point;
use crate::gram::{CauchyForm, Gram, Partition};
use crate::math::control::Control;
use crate::method::conic;
use crate::method::formula::{Geometry, Reference};
use crate::method::newton::{self as dual, Outcome, Reason};
use crate::objective::{Sampled, coefficients};
use crate::problem::{FullBatch, Problem, Training};
use crate::program::Program;
use crate::solution::{Method, Solution, Termination};

/// Default tolerance on the relative gap, for methods that are exact.
pub const TOLERANCE: f64 = 1e-9;

/// Default tolerance where the conic or the low-rank method is the only route.
pub const TOLERANCE_ITERATIVE: f64 = 1e-6;

/// A solution with its certificate.
#[derive(Debug, Clone)]
pub struct Solved {
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
    /// Standard geometries against what is reported; none of them is below the bound.
    pub references: Vec<Reference>,
    /// Things the user should know.
    pub warnings: Vec<String>,
    /// Seconds from the validated problem to the certificate, without I/O and plots.
    pub seconds: f64,
}

/// Solves and certifies.
///
/// # Errors
/// [`Error::Method`] for a method that cannot take the problem, [`Error::TooLarge`]; [`Error::Contradiction`] where a
/// standard geometry, or features that were found, are below the proven bound. A solution that cannot be certified
/// is no error: see [`Certificate::verdict`].
pub fn solve(problem: &Problem, options: &Options, control: &Control) -> Result<Solved, Error> {
    let start = Instant::now();
    let mut warnings = Vec::new();
    let solution = run(problem, options.method, control, &mut warnings)?;
    let exact = matches!(solution.method, Method::Dual | Method::ClosedForm);
    let tolerance = options
        .tolerance
        .unwrap_or(if exact { TOLERANCE } else { TOLERANCE_ITERATIVE });
    let certificate = certify(problem, &solution.gram, tolerance)?;
    let rank_cutoff = rank_cutoff(&certificate, problem.model().temperature);
    let rank = solution
        .rank
        .unwrap_or_else(|| GramSpectrum::new(&certificate.gram).rank(rank_cutoff));
    let certificate = certificate.limited_to(problem.model().features.dimension, rank);
    let seconds = start.elapsed().as_secs_f64();
    // The other method for sampled losses is the low-rank solver, which knows no sign constraint.
    let checkable = match problem.model().training {
        Training::FullBatch(_) => true,
        Training::Sampled(_) => solution.method == Method::Dual,
    };
    let cross_check = if checkable && options.wants_cross_check(&solution) {
        check(problem, &certificate.gram, control, &mut warnings)
    } else {
        None
    };
    let mut solved = Solved {
        solution,
        certificate,
        rank,
        rank_cutoff,
        cross_check,
        dimension_search: None,
        references: Vec::new(),
        warnings,
        seconds,
    };
    let geometries = Geometry::all(problem, &Partition::by_size(problem));
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
    let excess = solved.certificate.excess;
    solved.references = geometries
        .iter()
        .filter_map(|geometry| geometry.reference(problem, excess))
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

/// Solves again by an independent method (the conic program; for sampled losses the low-rank solver) and compares. Has its
/// own time, and never changes the verdict.
fn check(problem: &Problem, gram: &Gram, control: &Control, warnings: &mut Vec<String>) -> Option<CrossCheck> {
    let start = Instant::now();
    let mut failed = |why: String| {
        warnings.push(format!("no independent check: {why}"));
        None
    };
    let other = match &problem.model().training {
        Training::FullBatch(full) => conic_solution(problem, full, control),
        Training::Sampled(sampling) => {
            let partition = gram.partition().clone();
            let objective = Sampled::on_partition(problem, sampling, &partition);
            Ok(lowrank::solution(partition, &objective, None, control))
        }
    };
    let solution = match other {
        Ok(solution) => solution,
        Err(error) => return failed(error.to_string()),
    };
    let name = solution.method.name();
    if !matches!(solution.termination, Termination::Converged | Termination::Stalled) {
        return failed(format!("the {name} method ended with {}", solution.termination.name()));
    }
    let gram_difference = (solution.gram.values().as_ref() - gram.values().as_ref()).amax();
    Some(CrossCheck {
        method: name,
        gram_difference,
        seconds: start.elapsed().as_secs_f64(),
    })
}

fn run(
    problem: &Problem,
    choice: MethodChoice,
    control: &Control,
    warnings: &mut Vec<String>,
) -> Result<Solution, Error> {
    let nonnegative = problem.model().features.nonnegative;
    match (choice, &problem.model().training) {
        (MethodChoice::ClosedForm, _) if !nonnegative => Err(Error::Method {
            method: "closed-form",
            reason: "only nonnegative features have a closed form at any sizes".to_owned(),
            hint: "use --method auto",
        }),
        (MethodChoice::Dual, _) if nonnegative => Err(Error::Method {
            method: "dual",
            reason: "it is for features without a sign constraint".to_owned(),
            hint: "use --method auto, conic or closed-form",
        }),
        (MethodChoice::Lowrank, _) if nonnegative => Err(Error::Method {
            method: "lowrank",
            reason: "it is for features without a sign constraint".to_owned(),
            hint: "use --method auto, conic or closed-form",
        }),
        (MethodChoice::ClosedForm, _) => Ok(orthogonal_frame(problem)),
        (MethodChoice::Auto, _) if nonnegative => Ok(orthogonal_frame(problem)),
        (MethodChoice::Conic, Training::Sampled(_)) => Err(Error::Method {
            method: "conic",
            reason: "a sampled loss is no finite sum of exponential cones".to_owned(),
            hint: "use --method auto, dual or lowrank",
        }),
        (_, Training::Sampled(sampling)) => sampled::solution(problem, sampling, choice, control, warnings),
        (MethodChoice::Conic, Training::FullBatch(full)) => conic_solution(problem, full, control),
        (MethodChoice::Lowrank, Training::FullBatch(full)) if fits_lowrank(problem) => {
            Ok(lowrank::full_batch(problem, full, control))
        }
        (MethodChoice::Lowrank, Training::FullBatch(_)) => Err(Error::Method {
            method: "lowrank",
            reason: format!(
                "there are {} distinct class sizes, and it takes at most {}",
                Partition::by_size(problem).groups(),
                lowrank::MAX_GROUPS
            ),
            hint: "use --method auto or dual",
        }),
        (MethodChoice::Dual, Training::FullBatch(full)) => {
            Ok(dual_solution(problem, full, control).unwrap_or_else(|reason| {
                warnings.push(unresolved(reason));
                fallback(problem, control)
            }))
        }
        (MethodChoice::Auto, Training::FullBatch(full)) => match dual_solution(problem, full, control) {
            Ok(solution) => Ok(solution),
            Err(Reason::Interrupted) => Ok(fallback(problem, control)),
            Err(_) if fits_lowrank(problem) => lowrank_or_conic(problem, full, control, warnings),
            Err(reason) => {
                warnings.push(format!(
                    "{}, and there are too many distinct sizes for the other methods; the best standard geometry is shown",
                    unresolved(reason)
                ));
                Ok(fallback(problem, control))
            }
        },
    }
}

/// The low-rank solution; where it is not certified, the better of it and the conic one.
fn lowrank_or_conic(
    problem: &Problem,
    full: &FullBatch,
    control: &Control,
    warnings: &mut Vec<String>,
) -> Result<Solution, Error> {
    let gap = |solution: &Solution| certify(problem, &solution.gram, TOLERANCE_ITERATIVE).map(|c| c.relative_gap);
    let lowrank = lowrank::full_batch(problem, full, control);
    let reached = gap(&lowrank)?;
    if reached <= TOLERANCE_ITERATIVE || control.stop().is_some() || !fits_conic(problem) {
        return Ok(lowrank);
    }
    warnings.push(format!(
        "the low-rank method reached a relative gap of {reached:.1e}; the conic program was tried as well"
    ));
    let conic = conic_solution(problem, full, control)?;
    Ok(if gap(&conic)? < reached { conic } else { lowrank })
}

fn fits_lowrank(problem: &Problem) -> bool {
    Partition::by_size(problem).groups() <= lowrank::MAX_GROUPS
}

/// Most groups for which `auto` falls back to the conic program; it takes minutes there.
const MAX_CONIC_GROUPS: usize = 80;

fn fits_conic(problem: &Problem) -> bool {
    Partition::by_size(problem).groups() <= MAX_CONIC_GROUPS
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

/// The conic program; whether it fits is checked before it is built.
fn conic_solution(problem: &Problem, full: &FullBatch, control: &Control) -> Result<Solution, Error> {
    let settings = conic::Settings::default();
    conic::check_memory(Partition::by_size(problem).groups(), &settings)?;
    conic::solve(&Program::new(problem, full), &settings, control)
}

/// Newton's method on THEORY (5)-(7), with merging (8).
fn dual_solution(problem: &Problem, full: &FullBatch, control: &Control) -> Result<Solution, Reason> {
    let partition = Partition::by_size(problem);
    let coefficients = coefficients(problem, full, partition.sizes(), &partition.multiplicity_f64());
    let groups = partition.groups();
    let outcome = dual::solve(&coefficients, &dual::Settings::default(), &|| control.stop().is_some());
    let (form, steps, vertices) = match outcome {
        Outcome::Regular(solution) => {
            let vertex = (0..groups as u32).collect();
            let form = CauchyForm {
                point: solution.solved.point,
                vertex,
                cluster: vec![false; groups],
                shift: 0.0,
            };
            (form, solution.steps, coefficients.classes())
        }
        Outcome::Merged { merging, solution } => {
            let count = merging.coefficients.groups();
            let form = CauchyForm {
                point: solution.solved.point,
                vertex: merging.vertex.iter().map(|&vertex| vertex as u32).collect(),
                cluster: (0..count)
                    .map(|vertex| vertex >= count - merging.clusters.len())
                    .collect(),
                shift: 0.0,
            };
            (form, solution.steps, merging.coefficients.classes())
        }
        Outcome::Unresolved { reason, .. } => return Err(reason),
    };
    Ok(Solution {
        within_class: vec![1.0; groups],
        clusters: form.clusters(),
        // The kernel of M between distinct vectors is spanned by v alone.
        rank: Some(vertices as u64 - 1),
        gram: Gram::from_cauchy(partition, form),
        factor: None,
        method: Method::Dual,
        termination: Termination::Converged,
        iterations: steps as u64,
    })
}

/// The best standard geometry, where nothing better is known: a feasible point, to be judged as any other. Where it is the
/// simplex ETF, or there are too many groups for a matrix, it is that in the implicit form.
fn fallback(problem: &Problem, control: &Control) -> Solution {
    let partition = Partition::by_size(problem);
    let groups = partition.groups();
    let classes = partition.classes() as f64;
    // The linear-time certificate, which takes the implicit form, is one of full-batch losses.
    let implicit = match problem.model().training {
        Training::FullBatch(_) => true,
        Training::Sampled(_) => false,
    };
    let best = if groups <= MAX_DENSE_GROUPS {
        Geometry::best(problem, &partition)
    } else {
        None
    };
    let (gram, rank) = match best {
        Some(geometry) if !implicit || !geometry.is_simplex() => {
            let (values, rank) = geometry.values();
            (Gram::from_groups(partition, values), rank)
        }
        _ => (simplex(problem, partition), classes as u64 - 1),
    };
    Solution {
        gram,
        within_class: vec![1.0; groups],
        clusters: Vec::new(),
        rank: Some(rank),
        factor: None,
        method: Method::ClosedForm,
        termination: control.stop().map_or(Termination::Stalled, Termination::from),
        iterations: 0,
    }
}

/// The simplex ETF in the implicit form: equal `beta`.
fn simplex(problem: &Problem, partition: Partition) -> Gram {
    let groups = partition.groups();
    let classes = partition.classes() as f64;
    let temperature = problem.model().temperature;
    let point = Point {
        temperature,
        log_ratio: vec![-classes / (2.0 * (classes - 1.0) * temperature); groups],
        log_beta: vec![0.0; groups],
        z: vec![0.0; groups],
        log_mass: vec![0.0; groups],
    };
    let form = CauchyForm {
        point,
        vertex: (0..groups as u32).collect(),
        cluster: vec![false; groups],
        shift: 0.0,
    };
    Gram::from_cauchy(partition, form)
}

/// The optimum with nonnegative features: the identity, for every loss that increases in every inner product between
/// classes \[Kini2024, Theorem 1\]. All losses of THEORY (3) do.
fn orthogonal_frame(problem: &Problem) -> Solution {
    let partition = Partition::by_size(problem);
    let groups = partition.groups();
    Solution {
        gram: Gram::from_groups(partition, nalgebra::DMatrix::zeros(groups, groups)),
        within_class: vec![1.0; groups],
        clusters: Vec::new(),
        rank: Some(problem.classes().count()),
        factor: None,
        method: Method::ClosedForm,
        termination: Termination::Converged,
        iterations: 0,
    }
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
