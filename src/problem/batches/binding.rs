//! [`bind`]: batch-binding \[Kini2024\]. One fixed example of every class is appended to every batch that lacks it.
//!
//! Every batch then holds every class, and every example of a class shares a batch with the fixed one: all classes are
//! connected and every two of them meet, in an active edge unless neither has a second example in any batch.

use std::sync::Arc;

use super::conditions::Conditions;
use super::{Batches, FixedBatches};
use crate::problem::{Invalid, Problem};

/// A bound schedule.
#[derive(Debug, Clone, PartialEq)]
pub struct Binding {
    /// The batches, each with its additions at the end, by class.
    pub batches: Batches,
    /// The fixed example of every class.
    pub examples: Vec<u32>,
    /// Members appended, over all batches: the fewest that one fixed example of every class in every batch can take.
    pub added: u64,
    /// What the bound batches join.
    pub conditions: Conditions,
}

/// Appends one fixed example of every class to every batch that lacks it.
///
/// The examples are chosen such that the fewest members are appended. A class costs a member for every batch that its
/// example is not in, whatever the others are, so the example that is in most batches is the best of its class; of several
/// the first.
///
/// # Errors
/// None for a valid problem and its batches.
pub fn bind(problem: &Problem, fixed: &FixedBatches) -> Result<Binding, Invalid> {
    let batches = &*fixed.batches;
    let mut uses = vec![0u32; batches.examples() as usize];
    for &example in batches.iter().flatten() {
        uses[example as usize] += 1;
    }
    let mut examples = Vec::with_capacity(problem.classes().count() as usize);
    let mut start = 0u32;
    for size in problem.classes().sizes() {
        let own = start..start + size as u32;
        // The last of equal maxima is the first example.
        examples.extend(own.clone().rev().max_by_key(|&example| uses[example as usize]));
        start = own.end;
    }
    // An example is in a batch once; stamps tell which of the fixed ones a batch has.
    let mut class = vec![u32::MAX; uses.len()];
    for (of, &example) in (0..).zip(&examples) {
        class[example as usize] = of;
    }
    let mut stamp = vec![usize::MAX; examples.len()];
    let mut lists = Vec::with_capacity(batches.count());
    for (index, batch) in batches.iter().enumerate() {
        for &example in batch {
            if let Some(stamp) = stamp.get_mut(class[example as usize] as usize) {
                *stamp = index;
            }
        }
        let missing = examples.iter().zip(&stamp).filter(|&(_, &seen)| seen != index);
        lists.push([batch.to_vec(), missing.map(|(&example, _)| example).collect()].concat());
    }
    let bound = Batches::from_examples(batches.order().clone(), lists)?;
    let added = (bound.memberships() - batches.memberships()) as u64;
    let fixed = FixedBatches {
        loss: fixed.loss,
        batches: Arc::new(bound),
    };
    let conditions = Conditions::new(problem, &fixed);
    Ok(Binding {
        batches: Arc::unwrap_or_clone(fixed.batches),
        examples,
        added,
        conditions,
    })
}
