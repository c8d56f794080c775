//! Solving the sampled losses, THEORY (10) and (11): the fixed point, and the low-rank solver where classes collapse.

use super::MethodChoice;
use super::{fallback, lowrank, unresolved};
use crate::error::Error;
use crate::gram::{Gram, Partition};
use crate::math::control::Control;
use crate::method::newton::{Reason, solve_sampled};
use crate::objective::Sampled;
use crate::problem::{Problem, Sampling};
use crate::solution::{Method, Solution, Termination};

/// Solves a sampled loss without sign constraint by the fixed point and, if `choice` leaves that open, by the low-rank
/// solver from where the fixed point ended.
pub(super) fn solution(
    problem: &Problem,
    sampling: &Sampling,
    choice: MethodChoice,
    control: &Control,
    warnings: &mut Vec<String>,
) -> Result<Solution, Error> {
    let partition = Partition::by_size(problem);
    let groups = partition.groups();
    if groups > lowrank::MAX_GROUPS {
        // Values, gradient, slopes, and the certificate's copies.
        let bytes = |r: usize| 10.0 * 8.0 * (r as f64).powi(2);
        return Err(Error::TooLarge {
            what: format!("a sampled loss with {groups} distinct class sizes"),
            bytes: bytes(groups),
            limit: bytes(lowrank::MAX_GROUPS),
            hint: "round the sizes so that fewer are distinct, or use the full-batch loss".to_owned(),
        });
    }
    let objective = Sampled::on_partition(problem, sampling, &partition);
    if choice == MethodChoice::Lowrank {
        return Ok(lowrank::solution(partition, &objective, None, control));
    }
    let failure = match solve_sampled(&objective, &|| control.stop().is_some()) {
        Ok(optimum) => {
            let vertices = |g: usize| {
                if optimum.merged.contains(&g) {
                    1
                } else {
                    partition.multiplicity()[g]
                }
            };
            return Ok(Solution {
                within_class: vec![1.0; groups],
                clusters: optimum.merged.iter().map(|&g| vec![g]).collect(),
                // The kernel of M between distinct vectors is spanned by v alone.
                rank: Some((0..groups).map(vertices).sum::<u64>() - 1),
                gram: Gram::from_groups(partition, optimum.values),
                factor: None,
                method: Method::Dual,
                termination: Termination::Converged,
                iterations: optimum.steps as u64,
            });
        }
        Err(failure) => failure,
    };
    match (choice, failure.reason) {
        (_, Reason::Interrupted) => Ok(fallback(problem, control)),
        (MethodChoice::Auto, _) => {
            // From where the fixed point ended, if that is near anything.
            let near = Some(&failure.values).filter(|values| values.iter().all(|value| value.abs() <= 1.1));
            Ok(lowrank::solution(partition, &objective, near, control))
        }
        (_, reason) => {
            warnings.push(unresolved(reason));
            Ok(fallback(problem, control))
        }
    }
}
