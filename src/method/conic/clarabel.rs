//! Everything that knows clarabel: data layout, settings, statuses. Upgrading clarabel touches this file alone.

// The BLAS and LAPACK symbols that clarabel leaves undefined: without this line nothing would name the crate, and the
// linker would never see it.
extern crate lapack_faer as _;

use std::panic::{AssertUnwindSafe, catch_unwind};

use ::clarabel::algebra::CscMatrix;
use ::clarabel::solver::{
    DefaultInfo, DefaultSettings, DefaultSolver, IPSolver, SolverError, SolverStatus, SupportedConeT,
};

use super::program::{Cone, ConeProgram};
use crate::math::control::Control;
use crate::solution::Termination;

/// Programs with at least this many rows go to the supernodal factorisation, and to the less tight tolerance.
const LARGE: usize = 1000;

/// Tolerance asked of clarabel for gap and feasibility, relative to the excess. On small programs it is tighter than
/// clarabel often reaches, on purpose: the best point found is used, and the certificate says how good it is. On large
/// ones the last two digits would cost a third of the time; the certificate's error is of second order anyway.
const TOLERANCE: f64 = 1e-12;
const TOLERANCE_LARGE: f64 = 1e-10;

/// Tolerances `(relative, absolute)` of its iterative refinement. On large programs products with the matrix are what
/// costs, and residuals below these buy no digit of the answer: a quarter to a half of the time for the same gap.
const REFINEMENT: (f64, f64) = (1e-13, 1e-12);
const REFINEMENT_LARGE: (f64, f64) = (1e-9, 1e-10);

/// What clarabel made of a program.
#[derive(Debug, Clone)]
pub(super) struct ConeSolution {
    pub(super) x: Vec<f64>,
    pub(super) termination: Termination,
    pub(super) iterations: u64,
}

/// Solves a cone program. `stage` names it for the observer.
///
/// # Errors
/// Clarabel's own refusal of the data; a defect of the encoding, never the user's.
pub(super) fn solve(program: &ConeProgram, control: &Control, stage: &str) -> Result<ConeSolution, SolverError> {
    let columns = program.q.len();
    let mut triplets = (Vec::new(), Vec::new(), Vec::new());
    for &(row, column, value) in &program.triplets {
        triplets.0.push(row);
        triplets.1.push(column);
        triplets.2.push(value);
    }
    let a = CscMatrix::new_from_triplets(program.b.len(), columns, triplets.0, triplets.1, triplets.2);
    let p = CscMatrix::zeros((columns, columns));
    let cones: Vec<SupportedConeT<f64>> = program
        .cones
        .iter()
        .map(|(cone, _)| match *cone {
            Cone::Nonnegative(n) => SupportedConeT::NonnegativeConeT(n),
            Cone::Exponential => SupportedConeT::ExponentialConeT(),
            Cone::Psd(n) => SupportedConeT::PSDTriangleConeT(n),
        })
        .collect();
    let large = program.b.len() >= LARGE;
    let tolerance = if large { TOLERANCE_LARGE } else { TOLERANCE };
    let refinement = if large { REFINEMENT_LARGE } else { REFINEMENT };
    let settings = DefaultSettings {
        verbose: false,
        max_iter: 100,
        tol_gap_abs: tolerance,
        tol_gap_rel: tolerance,
        tol_feas: tolerance,
        iterative_refinement_reltol: refinement.0,
        iterative_refinement_abstol: refinement.1,
        // The Gram block is dense, so there is nothing to decompose.
        chordal_decomposition_enable: false,
        presolve_enable: false,
        // Explicit, so that results do not depend on clarabel's choice or the number of cores: on two threads they do.
        direct_solve_method: if large { "faer" } else { "qdldl" }.to_owned(),
        max_threads: 1,
        ..DefaultSettings::default()
    };
    let mut solver = DefaultSolver::new(&p, &program.q, &a, &program.b, &cones, settings)?;
    let watcher = control.clone();
    let stage = stage.to_owned();
    solver.set_termination_callback(move |info: &DefaultInfo<f64>| {
        watcher.report(&stage, u64::from(info.iterations), info.gap_rel);
        watcher.stop().is_some()
    });
    // A defect of clarabel (it panics where a factorisation fails) must not take the program down.
    if catch_unwind(AssertUnwindSafe(|| solver.solve())).is_err() {
        return Ok(ConeSolution {
            x: vec![f64::NAN; columns],
            termination: Termination::NumericalFailure,
            iterations: 0,
        });
    }
    let solution = &solver.solution;
    let termination = match solution.status {
        SolverStatus::Solved => Termination::Converged,
        SolverStatus::AlmostSolved | SolverStatus::InsufficientProgress => Termination::Stalled,
        SolverStatus::MaxIterations => Termination::IterationLimit,
        SolverStatus::MaxTime => Termination::TimeLimit,
        SolverStatus::CallbackTerminated => control.stop().map_or(Termination::Interrupted, Termination::from),
        SolverStatus::Unsolved
        | SolverStatus::NumericalError
        | SolverStatus::PrimalInfeasible
        | SolverStatus::DualInfeasible
        | SolverStatus::AlmostPrimalInfeasible
        | SolverStatus::AlmostDualInfeasible => Termination::NumericalFailure,
    };
    Ok(ConeSolution {
        x: solution.x.clone(),
        termination,
        iterations: u64::from(solution.iterations),
    })
}
