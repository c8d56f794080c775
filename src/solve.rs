//! [`solve`]: chooses a method, runs it, and has the result judged.

use std::time::Instant;

use crate::certificate::{Certificate, Verdict, certify};
use crate::conic;
use crate::control::Control;
use crate::embedding::{GramSpectrum, rank_cutoff};
use crate::error::Error;
use crate::gram::{Gram, Partition};
use crate::problem::Problem;
use crate::report::CrossCheck;
use crate::solution::{Method, Solution, Termination};
use crate::spec::{MethodChoice, Options};
use crate::symmetry::Program;

/// Default tolerance on the relative gap, for methods that are exact.
pub const TOLERANCE: f64 = 1e-9;

/// Default tolerance where the conic method is the only route.
pub const TOLERANCE_CONIC: f64 = 1e-6;

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
    /// Things the user should know.
    pub warnings: Vec<String>,
    /// Seconds from the validated problem to the certificate, without I/O and plots.
    pub seconds: f64,
}

/// Solves and certifies.
///
/// # Errors
/// [`Error::Method`] for a method that cannot take the problem, [`Error::TooLarge`]. A solution that cannot be certified
/// is no error: see [`Certificate::verdict`].
pub fn solve(problem: &Problem, options: &Options, control: &Control) -> Result<Solved, Error> {
    let start = Instant::now();
    let solution = run(problem, options.method, control)?;
    let exact = solution.method != Method::Conic;
    let tolerance = options
        .tolerance
        .unwrap_or(if exact { TOLERANCE } else { TOLERANCE_CONIC });
    let certificate = certify(problem, &solution.gram, tolerance)?;
    let rank_cutoff = rank_cutoff(&certificate, problem.model().temperature);
    let rank = GramSpectrum::new(&certificate.gram).rank(rank_cutoff);
    let certificate = certificate.limited_to(problem.model().dimension, rank);
    Ok(Solved {
        solution,
        certificate,
        rank,
        rank_cutoff,
        cross_check: None,
        warnings: Vec::new(),
        seconds: start.elapsed().as_secs_f64(),
    })
}

fn run(problem: &Problem, choice: MethodChoice, control: &Control) -> Result<Solution, Error> {
    let nonnegative = problem.model().nonnegative;
    match choice {
        MethodChoice::ClosedForm if !nonnegative => Err(Error::Method {
            method: "closed-form",
            reason: "only nonnegative features have a closed form at any sizes".to_owned(),
            hint: "use --method auto",
        }),
        MethodChoice::Dual => Err(Error::Method {
            method: "dual",
            reason: "it is not available in this version".to_owned(),
            hint: "use --method conic",
        }),
        MethodChoice::ClosedForm => Ok(orthogonal_frame(problem)),
        MethodChoice::Auto if nonnegative => Ok(orthogonal_frame(problem)),
        MethodChoice::Conic | MethodChoice::Auto => {
            conic::solve(&Program::new(problem), &conic::Settings::default(), control)
        }
    }
}

/// The optimum with nonnegative features: the identity, for every loss that increases in every inner product between
/// classes [Kini2024, Theorem 1]. All losses of THEORY (3) do.
fn orthogonal_frame(problem: &Problem) -> Solution {
    let partition = Partition::by_size(problem);
    let groups = partition.groups();
    Solution {
        gram: Gram::from_groups(partition, nalgebra::DMatrix::zeros(groups, groups)),
        within_class: vec![1.0; groups],
        merged: Vec::new(),
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
