//! The low-rank route of [`solve`](super::solve).

use crate::gram::{Gram, Partition};
use crate::math::control::Control;
use crate::method::staircase;
use crate::objective::Objective;
use crate::problem::{FullBatch, Problem};
use crate::program::Program;
use crate::solution::{Method, Solution};
use nalgebra::DMatrix;

/// Most groups for the low-rank method: several r x r matrices are held.
pub(super) const MAX_GROUPS: usize = 2048;

/// The low-rank solution of a full-batch problem.
pub(super) fn full_batch(problem: &Problem, full: &FullBatch, control: &Control) -> Solution {
    let program = Program::new(problem, full);
    solution(program.partition.clone(), &program.class_level(), None, control)
}

/// The low-rank solution of an objective whose vertices are the groups of `partition`, from `start` (r x r values) or the
/// simplex ETF.
pub(super) fn solution<O: Objective>(
    partition: Partition,
    objective: &O,
    start: Option<&DMatrix<f64>>,
    control: &Control,
) -> Solution {
    let solved = staircase::solve(objective, start, &staircase::Settings::default(), control);
    Solution {
        within_class: vec![1.0; partition.groups()],
        gram: Gram::from_groups(partition, solved.values),
        clusters: solved.clusters,
        rank: Some(solved.rank),
        factor: Some(solved.h),
        method: Method::Lowrank,
        termination: solved.termination,
        iterations: solved.iterations,
    }
}
