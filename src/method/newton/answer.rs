//! The exact solvers as a [`Method`]: Newton's method with merging for full batches, the fixed point for sampled losses.

use nalgebra::DMatrix;

use super::fixed_point::solve_sampled;
use super::{Merging, NewtonOutcome, NewtonSettings, solve};
use crate::error::Error;
use crate::gram::{CauchyForm, Gram};
use crate::math::control::Control;
use crate::method::{Attempt, Method, Refusal, check_groups};
use crate::program::{Program, Reduced, SampledProgram};
use crate::solution::{self, Solution, Termination};

/// Newton's method on THEORY (5)-(8).
#[derive(Debug, Clone, Copy)]
pub struct Newton;

impl Method for Newton {
    fn name(&self) -> solution::Method {
        solution::Method::Dual
    }

    fn accepts(&self, program: &Reduced<'_>) -> Result<(), Refusal> {
        if program.nonnegative() {
            return Err(Refusal::Nonnegative);
        }
        check_groups(program)
    }

    fn minimise(
        &self,
        program: &Reduced<'_>,
        _start: Option<&DMatrix<f64>>,
        control: &Control,
    ) -> Result<Attempt, Error> {
        Ok(match program {
            Reduced::FullBatch(program) => full_batch(program, control),
            Reduced::Sampled(program) => sampled(program, control),
            Reduced::FixedBatches(_) => return Err(Refusal::FixedBatches.error(self.name())),
        })
    }
}

fn full_batch(program: &Program<'_>, control: &Control) -> Attempt {
    let groups = program.groups();
    let outcome = solve(program.coefficients(), &NewtonSettings::default(), &|| {
        control.stop().is_some()
    });
    let (form, clusters, steps, vertices) = match outcome {
        NewtonOutcome::Regular(solution) => {
            let form = CauchyForm {
                point: solution.solved.point,
                vertex: (0..groups as u32).collect(),
                cluster: vec![false; groups],
                shift: 0.0,
            };
            (form, Vec::new(), solution.steps, program.classes())
        }
        NewtonOutcome::Merged { merging, solution } => {
            let count = merging.coefficients.groups();
            let form = CauchyForm {
                point: solution.solved.point,
                vertex: merging.vertex.iter().map(|&vertex| vertex as u32).collect(),
                cluster: (0..count)
                    .map(|vertex| vertex >= count - merging.clusters.len())
                    .collect(),
                shift: 0.0,
            };
            let clusters = proven(&form, &merging);
            (form, clusters, solution.steps, merging.coefficients.classes())
        }
        NewtonOutcome::Unresolved { reason, .. } => return Attempt::Unresolved { reason, near: None },
    };
    Attempt::Found(Box::new(Solution {
        within_class: vec![1.0; groups],
        clusters,
        // The kernel of M between distinct vectors is spanned by v alone.
        rank: Some(vertices as u64 - 1),
        gram: Gram::from_cauchy(program.partition.clone(), form),
        factor: None,
        method: solution::Method::Dual,
        termination: Termination::Converged,
        iterations: steps as u64,
    }))
}

/// Rule (8) proves a cluster if `tau log(t_C / sqrt(beta_C)) > 0` beyond the rounding of the equations. On the threshold
/// itself classes may be 1e-7 apart.
const RULE_ROUNDING: f64 = 1e-12;

/// The clusters that share one vector by rule (8); without anchors classes always do.
fn proven(form: &CauchyForm, merging: &Merging) -> Vec<Vec<usize>> {
    let certain = |set: &Vec<usize>| {
        let vertex = merging.vertex[set[0]];
        let margin = form.point.temperature.min(1.0) * form.point.log_ratio[vertex];
        merging.coefficients.weight[vertex] == 0.0 || margin > RULE_ROUNDING
    };
    form.clusters().into_iter().filter(certain).collect()
}

fn sampled(program: &SampledProgram<'_>, control: &Control) -> Attempt {
    let partition = &program.partition;
    let groups = partition.groups();
    let optimum = match solve_sampled(program.objective(), &|| control.stop().is_some()) {
        Ok(optimum) => optimum,
        Err(failure) => {
            // Where the fixed point ended is a start for others, if it is near anything.
            let near = Some(failure.values).filter(|values| values.iter().all(|value| value.abs() <= 1.1));
            return Attempt::Unresolved {
                reason: failure.reason,
                near,
            };
        }
    };
    let vertices = |g: usize| {
        if optimum.merged.contains(&g) {
            1
        } else {
            partition.multiplicity()[g]
        }
    };
    Attempt::Found(Box::new(Solution {
        within_class: vec![1.0; groups],
        clusters: optimum.proven.iter().map(|&g| vec![g]).collect(),
        // The kernel of M between distinct vectors is spanned by v alone.
        rank: Some((0..groups).map(vertices).sum::<u64>() - 1),
        gram: Gram::from_groups(partition.clone(), optimum.values),
        factor: None,
        method: solution::Method::Dual,
        termination: Termination::Converged,
        iterations: optimum.steps as u64,
    }))
}
