//! `ufmin solve` for cross-entropy.

use ufmin::cross_entropy::{CrossEntropy, solve};
use ufmin::report::arrays;
use ufmin::report::cross_entropy::CrossEntropyReport;

use super::Outcome;
use super::failure::Failure;
use super::session::Session;

pub(crate) fn run(
    problem: &CrossEntropy,
    tolerance: Option<f64>,
    full_gram: bool,
    session: Session,
) -> Result<Outcome, Failure> {
    let solved = solve(problem, session.control())?;
    let mut report = CrossEntropyReport::new(problem, &solved, tolerance, full_gram);
    if let Some(folder) = session.folder() {
        arrays::write_cross_entropy(folder, problem, &solved, &mut report)?;
    }
    session.keep("result", &report)?;
    session.finish(&report, None, None)
}
