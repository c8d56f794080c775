//! [`best_of`]: the best of many local minimisations, for dimensions below the rank of the optimum.
//!
//! There the relaxation is a strict lower bound, local minima that are not global exist, and nothing better than trying is
//! known.

use std::sync::atomic::{AtomicU64, Ordering};

use nalgebra::DMatrix;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use super::cost::Cost;
use super::oblique;
use super::trust_region::{Outcome, Settings, minimise};
use crate::math::control::Control;

/// The best of several local minimisations.
#[derive(Debug, Clone)]
pub struct Best {
    /// The best run.
    pub outcome: Outcome,
    /// Runs that ended within 1e-9 of its value, itself included.
    pub hits: usize,
    /// Runs made: fewer than were asked for where the caller asked to stop.
    pub runs: usize,
    /// Steps of all runs.
    pub iterations: u64,
}

/// The random generator of a start: a stream of its own, so that runs do not depend on each other or on threads.
pub fn generator(seed: u64, start: u64) -> ChaCha8Rng {
    let mut generator = ChaCha8Rng::seed_from_u64(seed);
    generator.set_stream(start);
    generator
}

/// What the runs are called.
const STARTS: &str = "starts";

/// Most columns whose signs are searched, in one dimension.
const MAX_FLIPPED: usize = 200;

/// In one dimension a column is a sign, and nothing is smooth: flips single signs as long as that helps.
fn flipped<C: Cost>(cost: &C, mut outcome: Outcome) -> Outcome {
    loop {
        let before = outcome.value;
        for j in 0..outcome.h.ncols() {
            outcome.h[(0, j)] *= -1.0;
            let value = cost.value(&cost.evaluate(&outcome.h));
            if value < outcome.value {
                outcome.value = value;
            } else {
                outcome.h[(0, j)] *= -1.0;
            }
        }
        outcome.iterations += 1;
        if outcome.value >= before {
            return outcome;
        }
    }
}

/// Columns of a run that counts are unit vectors within this.
const UNIT: f64 = 1e-12;

/// Minimises from `given` points and from `random` uniformly distributed ones (d x n), in parallel; the result does not
/// depend on the number of threads. A run that did not end at unit columns and a finite value does not count. `None` if
/// none does.
pub fn best_of<C: Cost>(
    cost: &C,
    given: &[DMatrix<f64>],
    random: usize,
    shape: (usize, usize),
    seed: u64,
    settings: &Settings,
    control: &Control,
) -> Option<Best> {
    let count = given.len() + random;
    let done = AtomicU64::new(0);
    control.advance(STARTS, 0, count as u64);
    let inner = control.unobserved();
    let runs: Vec<Option<Outcome>> = (0..count)
        .into_par_iter()
        .map(|index| {
            // A start that is not begun is none; the first is, so that there is an answer.
            if index > 0 && control.stop().is_some() {
                return None;
            }
            let start = given
                .get(index)
                .cloned()
                .unwrap_or_else(|| oblique::random(&mut generator(seed, index as u64), shape.0, shape.1));
            let outcome = minimise(cost, start, settings, &inner);
            let outcome = if shape.0 == 1 && shape.1 <= MAX_FLIPPED {
                flipped(cost, outcome)
            } else {
                outcome
            };
            control.advance(STARTS, done.fetch_add(1, Ordering::Relaxed) + 1, count as u64);
            Some(outcome)
        })
        .collect();
    let runs: Vec<Outcome> = runs.into_iter().flatten().collect();
    let count = runs.len();
    let iterations = runs.iter().map(|run| run.iterations).sum();
    let counting: Vec<Outcome> = runs
        .into_iter()
        .filter(|run| run.value.is_finite() && oblique::is_point(&run.h, UNIT))
        .collect();
    let values: Vec<f64> = counting.iter().map(|run| run.value).collect();
    let outcome = counting
        .into_iter()
        .reduce(|best, run| if run.value < best.value { run } else { best })?;
    let close = outcome.value + 1e-9 * cost.scale(&cost.evaluate(&outcome.h)).abs();
    Some(Best {
        hits: values.iter().filter(|&&value| value <= close).count(),
        runs: count,
        iterations,
        outcome,
    })
}
