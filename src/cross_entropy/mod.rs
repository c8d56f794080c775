//! The other side of the comparison: a linear classifier trained by cross-entropy on free features, THEORY 8.
//!
//! ```text
//! minimise   sum_c p_c mean_i log sum_j exp((w_j - w_c) . h_ci)  [+ ridges],    p_c = n_c/N,
//! over classifiers w_c and features h_ci, each held back by a norm, an energy, a Frobenius norm or a ridge.
//! ```
//!
//! The loss is convex in the logits, so the features of a class coincide, and the relaxation over the Gram matrix of `[W, H]`
//! is tight from the dimension of its rank. [`solve`] finds the minimum by Newton's method on a factor and proves it by a dual
//! point, from the point alone. Classes of equal size are one group: a mean of the group, and a simplex about it.

mod certificate;
mod lowrank;
mod objective;
mod problem;
mod seli;
mod solution;
mod trust_region;

pub use problem::{Constraint, CrossEntropy, MAX_GROUPS, MAX_LOGIT};
pub use solution::{Products, Proof, Solved, VANISHED, solve};
