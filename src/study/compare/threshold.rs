//! From which imbalance on a loss collapses classes.

use crate::error::Error;
use crate::math::control::Control;
use crate::problem::{Family, Problem, Training};
use crate::study::phase::{self, ScanSettings};

/// Points of the scan of ratios: a fourth of those of `ufmin phase`, for every loss.
const POINTS: usize = 100;

/// Most distinct sizes for which the threshold is searched: it takes hundreds of solves, slow ones where no regular optimum
/// exists.
const MAX_GROUPS: usize = 40;

/// The smallest ratio at which classes of a problem share one vector, with its smallest size fixed and the others its
/// powers; or why there is none, in words.
pub(super) fn threshold(problem: &Problem, control: &Control) -> Result<Result<f64, String>, Error> {
    let model = problem.model();
    match &model.training {
        Training::FullBatch(_) => {}
        Training::FixedBatches(_) | Training::Sampled(_) => {
            return Ok(Err("only the full batch has a threshold".to_owned()));
        }
    }
    let family = Family::of_problem(problem);
    if family.groups() == 1 {
        return Ok(Err("all classes have one size".to_owned()));
    }
    if family.groups() > MAX_GROUPS {
        return Ok(Err(format!(
            "it is searched for up to {MAX_GROUPS} distinct sizes, and there are {}",
            family.groups()
        )));
    }
    let settings = ScanSettings {
        ratios: ScanSettings::default_ratios(&family, model),
        points: POINTS,
        ..ScanSettings::default()
    };
    let found = match phase::over_ratio(&family, model, &settings, None, control) {
        // Such as a smallest class of one sample.
        Err(Error::Invalid { source, .. }) => return Ok(Err(source.to_string())),
        found => found?,
    };
    if !found.complete {
        return Err(Error::Stopped { what: "a loss" });
    }
    let undecided = found.undecided.first().map(|stretch| stretch[0]);
    Ok(match (found.threshold, undecided, found.never_because) {
        (Some(ratio), Some(from), _) if from < ratio => Err(format!(
            "from ratio {from:.4} on it is not decided which classes share a vector; at {ratio:.4} classes do"
        )),
        (Some(ratio), ..) => Ok(ratio),
        (None, Some(from), _) => Err(format!(
            "from ratio {from:.4} on it is not decided which classes share a vector"
        )),
        (None, None, Some(why)) => Err(phase::theorem(why).to_owned()),
        (None, None, None) => Err(format!(
            "no ratio up to {:e} is found to collapse classes",
            settings.ratios.1
        )),
    })
}
