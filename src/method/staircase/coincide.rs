//! [`coinciding`]: which classes share one vector at the optimum, as the low-rank solver finds it, where no rule tells.
//!
//! Along a line of problems the distance of two classes that meet falls as the root of the distance to the threshold, so
//! vectors within an angle `a` count as one with an error of the order `a^2` in the threshold. At the threshold itself the
//! loss is of fourth order in the distance, and a gradient of 1e-10 lets vectors be some 1e-4 apart that are one.

use nalgebra::DMatrix;

use super::climb::{Settings, solve};
use super::cost::Factored;
use super::trust_region;
use crate::math::control::Control;
use crate::objective::Objective;
use crate::solution::Termination;

/// Vectors within this angle, in radians, are taken for one.
pub const SHARED: f64 = 1e-4;

/// Tolerance on the gradient that no run reaches.
const TO_THE_FLOOR: f64 = 1e-16;

/// Sets of groups whose classes share one vector each, ascending; a set of one group has several classes in it. `Err` with the
/// reason where the search did not come to an optimum.
///
/// # Errors
/// Why the solver stopped.
pub fn coinciding<O: Objective<Entries = DMatrix<f64>>>(
    objective: &O,
    control: &Control,
) -> Result<Vec<Vec<usize>>, Termination> {
    // To the floor of rounding: the vectors of rare classes count for little in the gradient, and are what this is about.
    let settings = Settings {
        trust_region: trust_region::Settings {
            tolerance: TO_THE_FLOOR,
            ..Settings::default().trust_region
        },
        ..Settings::default()
    };
    let solved = solve(objective, None, &settings, control);
    match solved.termination {
        // What is stalled is at the floor of rounding.
        Termination::Converged | Termination::Stalled => {}
        Termination::IterationLimit
        | Termination::TimeLimit
        | Termination::Interrupted
        | Termination::NumericalFailure => return Err(solved.termination),
    }
    let multiplicity = objective.multiplicity();
    let private = Factored::new(objective, 0.0).has_private_row();
    let h = &solved.h;
    let shared = h.nrows() - usize::from(private);
    let own = |g: usize| if private { h[(shared, g)].powi(2) } else { 0.0 };
    // Squared distance of a class of one group and another class of the other.
    let distance = |g: usize, k: usize| {
        let m = multiplicity[g];
        if g == k {
            2.0 * own(g) * m / (m - 1.0)
        } else {
            let between = h.column(g).rows(0, shared) - h.column(k).rows(0, shared);
            between.norm_squared() + own(g) + own(k)
        }
    };
    let near = |g: usize, k: usize| distance(g, k) <= SHARED * SHARED;
    let groups = multiplicity.len();
    let mut set_of: Vec<usize> = (0..groups).collect();
    for g in 0..groups {
        for k in 0..g {
            if near(g, k) && set_of[g] != set_of[k] {
                let (from, to) = (set_of[g], set_of[k]);
                set_of.iter_mut().filter(|set| **set == from).for_each(|set| *set = to);
            }
        }
    }
    let mut sets: Vec<Vec<usize>> = (0..groups)
        .map(|set| (0..groups).filter(|&g| set_of[g] == set).collect())
        .filter(|set: &Vec<usize>| match set[..] {
            [] => false,
            [g] => multiplicity[g] >= 2.0 && near(g, g),
            _ => true,
        })
        .collect();
    sets.sort();
    Ok(sets)
}
