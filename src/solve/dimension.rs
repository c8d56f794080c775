//! Features of fewer dimensions than the relaxation needs: the best of many starts, against the convex bound.
//!
//! The bound on the loss holds in every dimension, so what is found has a proven gap; but the gap need not close, and
//! local minima that are not global exist.

use nalgebra::DMatrix;
use serde::{Deserialize, Serialize};

use super::{CrossCheck, Solved};
use crate::certificate::{Certificate, DualPoint, Found};
use crate::error::Error;
use crate::gram::{Gram, Partition};
use crate::math::control::{Control, StopReason};
use crate::method::staircase::{Best, Factored, Squared, best_of, trust_region};
use crate::objective::{Objective, Sampled, coefficients};
use crate::problem::{Problem, Training};
use crate::program::Program;
use crate::solution::{Method, Solution, Termination};

/// Most classes for which features of a given dimension are searched.
pub const MAX_CLASSES: u64 = 1000;

/// What a search among features of a given dimension found, beside the relaxation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DimensionSearch {
    /// Dimension of the features.
    pub dimension: u64,
    /// Local minimisations made.
    pub starts: usize,
    /// Those that ended at the best loss found, within 1e-9.
    pub best_found: usize,
    /// Loss of the relaxation's optimum, which no features of any dimension beat.
    pub relaxation_loss: f64,
    /// Dimensions that the relaxation's optimum needs.
    pub relaxation_rank: u64,
    /// Best loss found minus the loss of the relaxation, in nats; computed from the excesses.
    pub loss_above_relaxation: f64,
}

/// Replaces a solution whose rank exceeds the dimension by the best features of that dimension that many starts find; the
/// bound stays. Returns it as it was, with a warning, where there are too many classes.
///
/// # Errors
/// [`Error::Contradiction`] for features below the proven bound.
pub(super) fn search(
    problem: &Problem,
    mut relaxed: Solved,
    dimension: u64,
    control: &Control,
) -> Result<Solved, Error> {
    let classes = problem.classes().count();
    if classes > MAX_CLASSES {
        relaxed.warnings.push(format!(
            "features of {dimension} dimensions are searched for up to {MAX_CLASSES} classes; the optimum of the relaxation is shown"
        ));
        return Ok(relaxed);
    }
    let partition = Partition::singletons(problem);
    match &problem.model().training {
        Training::FullBatch(full) => {
            let program = Program::on_partition(problem, full, partition);
            search_in(&program.class_level(), problem, relaxed, dimension, control)
        }
        Training::Sampled(sampling) => {
            // Every class is a group of its own here.
            sampling.check_terms(partition.sizes(), &partition.multiplicity_f64())?;
            let objective = Sampled::on_partition(problem, sampling, &partition);
            search_in(&objective, problem, relaxed, dimension, control)
        }
        Training::FixedBatches(_) => {
            relaxed.warnings.push(format!(
                "features of {dimension} dimensions are not searched for fixed batches; the optimum of the relaxation is shown"
            ));
            Ok(relaxed)
        }
    }
}

fn search_in<O: Objective<Entries = DMatrix<f64>>>(
    objective: &O,
    problem: &Problem,
    relaxed: Solved,
    dimension: u64,
    control: &Control,
) -> Result<Solved, Error> {
    let classes = problem.classes().count();
    let (d, k) = (dimension as usize, classes as usize);
    let cost = Factored::new(objective, relaxed.certificate.log_excess.unwrap_or(0.0));
    let settings = trust_region::Settings::default();
    let starts = (4000 / k).clamp(8, 200);
    let best = if problem.model().features.nonnegative {
        best_of(&Squared::new(&cost), &[], starts, (d, k), 0, &settings, control).map(|mut best| {
            best.outcome.h = Squared::<Factored<'_, O>>::features(&best.outcome.h).0;
            best
        })
    } else {
        let cut = cost.factor(&relaxed.certificate.gram.to_dense(), d);
        let given: Vec<DMatrix<f64>> = cut.into_iter().collect();
        best_of(&cost, &given, starts, (d, k), 0, &settings, control)
    };
    match best {
        Some(best) => replaced(problem, relaxed, dimension, &cost, best, control.stop()),
        None => {
            let mut relaxed = relaxed;
            relaxed.warnings.push(format!(
                "none of {starts} starts found features of {dimension} dimensions; the optimum of the relaxation is shown"
            ));
            Ok(relaxed)
        }
    }
}

fn replaced<O: Objective<Entries = DMatrix<f64>>>(
    problem: &Problem,
    relaxed: Solved,
    dimension: u64,
    cost: &Factored<'_, O>,
    best: Best,
    stopped: Option<StopReason>,
) -> Result<Solved, Error> {
    let partition = Partition::singletons(problem);
    let groups = partition.groups();
    let h = &best.outcome.h;
    let singular = h.clone().svd(false, false).singular_values;
    let rank = singular.iter().filter(|&&s| s > 1e-7 * singular.max()).count() as u64;
    let values = cost.values(h);
    let objective = cost.objective();
    let at = objective.evaluate(&values, 0.0);
    let (excess, log_excess) = (objective.excess(&at), objective.log_excess(&at));
    let old = &relaxed.certificate;
    let dual = by_class(problem, old, &partition);
    let search = DimensionSearch {
        dimension,
        starts: best.runs,
        best_found: best.hits,
        relaxation_loss: old.loss,
        relaxation_rank: relaxed.rank,
        loss_above_relaxation: excess - old.excess,
    };
    let gram = Gram::from_groups(partition, values);
    let cross_check = relaxed.cross_check.clone().map(|check| CrossCheck {
        compared: CrossCheck::RELAXATION.into(),
        ..check
    });
    let found = Found {
        gram: gram.clone(),
        excess,
        log_excess,
        rounding: objective.rounding(),
    };
    Ok(Solved {
        certificate: old.restricted_to(found, dual)?,
        solution: Solution {
            gram,
            within_class: vec![1.0; groups],
            clusters: Vec::new(),
            rank: Some(rank),
            factor: Some(best.outcome.h),
            method: Method::Lowrank,
            // A search is stopped as a whole, whatever its best run did.
            termination: stopped.map_or(best.outcome.termination, Termination::from),
            iterations: relaxed.solution.iterations + best.iterations,
        },
        rank,
        rank_cutoff: 1e-10,
        cross_check,
        dimension_search: Some(search),
        ..relaxed
    })
}

/// The dual point with every class a group of its own.
fn by_class(problem: &Problem, certificate: &Certificate, partition: &Partition) -> DualPoint {
    let gram = &certificate.gram;
    let old = gram.partition();
    let group: Vec<usize> = (0..partition.classes()).map(|class| old.group_of(class)).collect();
    let y = match &problem.model().training {
        Training::FullBatch(full) => {
            let column = coefficients(problem, full, old.sizes(), &old.multiplicity_f64()).column;
            certificate.dual.matrix(gram, &column)
        }
        Training::Sampled(_) | Training::FixedBatches(_) => certificate.dual.y.clone(),
    };
    let y = y.map(|y| {
        DMatrix::from_fn(group.len(), group.len(), |i, j| {
            if i == j { 0.0 } else { y[(group[i], group[j])] }
        })
    });
    let tangent = certificate.dual.tangent.as_ref().map(|tangent| {
        DMatrix::from_fn(group.len(), group.len(), |i, j| {
            if i == j { 1.0 } else { tangent[(group[i], group[j])] }
        })
    });
    DualPoint {
        y,
        sparse: None,
        tangent,
        nu: group.iter().map(|&g| certificate.dual.nu[g]).collect(),
        log_scale: certificate.dual.log_scale,
    }
}
