//! The low-rank solver as a [`Method`].

use nalgebra::DMatrix;

use super::climb::{self, Settings};
use super::schedule;
use crate::error::Error;
use crate::gram::{Gram, Partition};
use crate::math::control::Control;
use crate::method::{Attempt, Method, Refusal, check_groups};
use crate::objective::Objective;
use crate::program::Reduced;
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

    fn accepts(&self, program: &Reduced<'_>) -> Result<(), Refusal> {
        if program.nonnegative() {
            return Err(Refusal::Nonnegative);
        }
        if let Reduced::FixedBatches(program) = program {
            return schedule::accepts(program);
        }
        check_groups(program)?;
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
        program: &Reduced<'_>,
        start: Option<&DMatrix<f64>>,
        control: &Control,
    ) -> Result<Attempt, Error> {
        let solution = match program {
            Reduced::FullBatch(program) => solution(&program.partition, &program.class_level(), start, control),
            Reduced::Sampled(program) => solution(&program.partition, program.objective(), start, control),
            Reduced::FixedBatches(program) => schedule::minimise(program, control),
        };
        Ok(Attempt::Found(Box::new(solution)))
    }
}

fn solution<O: Objective<Entries = DMatrix<f64>>>(
    partition: &Partition,
    objective: &O,
    start: Option<&DMatrix<f64>>,
    control: &Control,
) -> Solution {
    let solved = climb::solve(objective, start, &Settings::default(), control);
    Solution {
        within_class: vec![1.0; partition.groups()],
        gram: Gram::from_groups(partition.clone(), solved.values),
        // Vectors that are near are not proven to coincide.
        clusters: Vec::new(),
        rank: Some(solved.rank),
        factor: Some(solved.h),
        method: solution::Method::Lowrank,
        termination: solved.termination,
        iterations: solved.iterations,
    }
}
