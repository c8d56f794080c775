//! [`solve`].

use pyo3::prelude::*;
use pyo3::types::PyDict;
use ufmin::certificate::Verdict;
use ufmin::cross_entropy;
use ufmin::solve::CrossCheckChoice;

use crate::certificate::word;
use crate::error::{usage, warn_not_certified};
use crate::found::Found;
use crate::problem::Problem;
use crate::run::Run;
use crate::solution::Solution;
use crate::statement::Statement;

/// When the answer is found again by another method.
fn cross_check(py: Python<'_>, word: &str) -> PyResult<CrossCheckChoice> {
    match word {
        "auto" => Ok(CrossCheckChoice::Auto),
        "always" => Ok(CrossCheckChoice::Always),
        "never" => Ok(CrossCheckChoice::Never),
        _ => {
            let what = format!("`{word}` is not one of auto, always, never");
            Err(usage(py, "cross_check", what, "choose one of these"))
        }
    }
}

/// Finds the global minimiser of a problem, and proves it.
///
/// Parameters
/// ----------
/// problem : Problem, optional
///     What to solve. Keywords of `Problem` may be given in its place, or over it: `method` and `tolerance` are among them.
/// cross_check : {"auto", "always", "never"}
///     Whether to solve again by an independent method and compare; "auto" does where there are at most 12 distinct sizes.
/// time_limit : float, optional
///     Stop after so many seconds; the answer is then the best that is known, and not certified.
/// threads : int, optional
///     Threads to use, by default all cores. The result does not depend on it.
/// progress : bool or callable
///     True shows a bar of tqdm if it is installed; a callable is called with a `Progress` now and then.
///
/// Returns
/// -------
/// Solution
///     One that is not certified is returned too, with a `NotCertifiedWarning`.
#[pyfunction]
#[pyo3(signature = (problem=None, /, *, cross_check="auto", time_limit=None, threads=None, progress=None, **keywords))]
#[allow(clippy::too_many_arguments)] // Keywords of Python.
pub(crate) fn solve(
    py: Python<'_>,
    problem: Option<&Bound<'_, PyAny>>,
    cross_check: &str,
    time_limit: Option<f64>,
    threads: Option<i64>,
    progress: Option<&Bound<'_, PyAny>>,
    keywords: Option<&Bound<'_, PyDict>>,
) -> PyResult<Py<Solution>> {
    let run = Run::new(py, time_limit, threads, progress)?;
    let choice = self::cross_check(py, cross_check)?;
    let problem = Problem::given(py, problem, keywords)?;
    let found = match problem.get().statement().clone() {
        Statement::Contrastive {
            problem,
            mut options,
            convention,
        } => {
            options.cross_check = choice;
            run.work(py, move |control| {
                let solved = ufmin::solve(&problem, &options, control)?;
                Ok(Found::of_contrastive(problem, Box::new(solved), convention))
            })?
        }
        Statement::CrossEntropy { .. } if choice == CrossCheckChoice::Always => {
            let what = "cross-entropy has no second method to compare with";
            return Err(usage(
                py,
                "cross_check",
                what,
                "use cross_check=\"never\": the bound is proven from the solution alone",
            ));
        }
        Statement::CrossEntropy { problem, tolerance } => run.work(py, move |control| {
            let solved = cross_entropy::solve(&problem, control)?;
            Ok(Found::CrossEntropy {
                problem,
                solved: Box::new(solved),
                tolerance,
            })
        })?,
    };
    if found.verdict() != Verdict::Certified {
        warn_not_certified(py, word(found.verdict()), found.relative_gap())?;
    }
    Solution::made(py, problem, found)
}
