//! The low-rank solver: any [`Objective`](crate::objective::Objective) of a Gram matrix, through a factor `M = H^T H` whose
//! columns are unit vectors.
//!
//! ```text
//! minimise  F(H^T H)   over  H in R^{p x r},  |h_g| = 1
//! ```
//!
//! The problem is not convex, but a point of it where the gradient vanishes and the dual matrix `S` is positive semidefinite
//! is the global optimum of the convex program over `M` (THEORY 7), and with `p` above the rank of the optimum no other
//! local minimum exists. [`solve`] climbs in `p` until that holds. It needs no structure of the loss, and finds the optima
//! that the exact solver cannot: classes that meet where no rule tells which.

mod answer;
mod climb;
mod coincide;
mod cost;
mod nonnegative;
pub mod oblique;
pub(crate) mod schedule;
mod starts;
#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
pub mod trust_region;

pub use answer::{MAX_GROUPS, Staircase};
pub use climb::{COINCIDE, Settings, Solved, solve, solve_from};
pub use coincide::{SHARED, coinciding};
pub use cost::{Cost, Factored, FactoredPoint};
pub use nonnegative::{Squared, SquaredPoint};
pub use starts::{Best, best_of, generator};
