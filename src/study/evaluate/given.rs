//! What features are measured against: the problem whose samples they are, and its optimum.

use crate::error::{Error, Word};
use crate::math::control::Control;
use crate::problem::{Field, Invalid, Label, Measure, Problem};
use crate::solve::{Options, Solved, solve};

/// Checks that the rows of every class are as many as the problem says. `counts` are the rows of every class, `values` its
/// label.
///
/// # Errors
/// [`Error::Invalid`].
pub fn check_labels(problem: &Problem, counts: &[u64], values: &[Label]) -> Result<(), Error> {
    let classes = problem.classes();
    let found = counts.len() as u64;
    if found != classes.count() {
        return Err(Invalid::conflict(
            Field::Labels,
            format!(
                "there are {found} different labels, and {} classes in the problem",
                classes.count()
            ),
            &[Word::Text(
                "evaluate the samples that the problem describes, or leave out its sizes: those of the labels are used then",
            )],
        )
        .into());
    }
    if classes.measure() == Measure::Probabilities {
        return Ok(());
    }
    let pairs = classes.sizes().zip(counts).zip(values);
    for ((size, &count), label) in pairs {
        let wanted = problem.samples(size) as u64;
        if wanted != count {
            let views = problem.model().views;
            let of_views = if views == 1 {
                String::new()
            } else {
                format!(" ({size} x {views} views)")
            };
            return Err(Invalid::conflict(
                Field::Labels,
                format!("{} has {count} rows, and {wanted} in the problem{of_views}", label.title()),
                &[Word::Text(
                    "every row is one view of one example: evaluate all that was trained on, or leave out the sizes of the problem",
                )],
            )
            .into());
        }
    }
    Ok(())
}

/// The optimum that features are compared with. It may be uncertified, but not for having been stopped.
///
/// # Errors
/// As [`solve`](fn@solve), and [`Error::Stopped`].
pub fn optimum(problem: &Problem, options: &Options, control: &Control) -> Result<Solved, Error> {
    let solved = solve(problem, options, &control.unobserved())?;
    if control.stop().is_some() && !solved.is_certified() {
        return Err(Error::Stopped {
            what: "the optimum that the features are compared with",
        });
    }
    Ok(solved)
}
