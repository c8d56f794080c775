//! The low-rank solver as a [`Method`].

use nalgebra::DMatrix;

use super::climb::{self, Settings};
use crate::error::Error;
use crate::gram::Gram;
use crate::math::control::Control;
use crate::method::{Attempt, Method, Refusal, check_sampled_groups};
use crate::objective::Objective;
use crate::program::Program;
use crate::solution::{self, Solution};

/// Most groups: several r x r matrices are held.
pub const MAX_GROUPS: usize = 2048;

/// The low-rank solver, from the simplex ETF or a given start.
#[derive(Debug, Clone, Copy)]
pub struct Staircase;

impl Method for Staircase {
    fn name(&self) -> solution::Method {
        solution::Method::Lowrank
    }

    fn accepts(&self, program: &Program<'_>) -> Result<(), Refusal> {
        if program.nonnegative {
            return Err(Refusal::Nonnegative);
        }
        check_sampled_groups(program)?;
        let groups = program.groups();
        if groups > MAX_GROUPS {
            return Err(Refusal::Groups {
                groups,
                limit: MAX_GROUPS,
            });
        }
        Ok(())
    }

    fn minimise(
        &self,
        program: &Program<'_>,
        start: Option<&DMatrix<f64>>,
        control: &Control,
    ) -> Result<Attempt, Error> {
        let solution = match program.sampled() {
            Some(objective) => solution(program, objective, start, control),
            None => solution(program, &program.class_level(), start, control),
        };
        Ok(Attempt::Found(solution))
    }
}

fn solution<O: Objective>(
    program: &Program<'_>,
    objective: &O,
    start: Option<&DMatrix<f64>>,
    control: &Control,
) -> Solution {
    let solved = climb::solve(objective, start, &Settings::default(), control);
    Solution {
        within_class: vec![1.0; program.groups()],
        gram: Gram::from_groups(program.partition.clone(), solved.values),
        clusters: solved.clusters,
        rank: Some(solved.rank),
        factor: Some(solved.h),
        method: solution::Method::Lowrank,
        termination: solved.termination,
        iterations: solved.iterations,
    }
}
