//! Exact global minimisers of the unconstrained features model of supervised contrastive learning.
//!
//! The features `h_i` of `n` samples in `k` classes are free unit vectors. Supervised contrastive losses depend on them
//! through the Gram matrix `G = H^T H` alone, and are convex in it, so the relaxation
//!
//! ```text
//! minimise  L(G)   subject to   G positive semidefinite,  diag(G) = 1
//! ```
//!
//! has the same minimum as the non-convex problem in as many dimensions as `rank(G)`. By symmetry its optimum is constant
//! on classes and on classes of equal size, and the program becomes THEORY (3): with class sizes `n_c`, anchor weights
//! `w_c`, and coefficients `s_c`, `a_c` of the loss,
//!
//! ```text
//! minimise  F(M) = sum_c w_c log( s_c + sum_{c' != c} a_c' exp((M_cc' - 1)/tau) )   over M PSD with unit diagonal.
//! ```
//!
//! Data flows one way: a [`Problem`] is solved by [`solve`](fn@solve) (by a [`method`])
//! into a [`Solution`], whose [`Gram`] matrix is judged from the problem alone by [`certify`]. From the [`Certificate`] come
//! the embeddings ([`measure::embedding`]), the [`Report`](report::Report) and the pictures (`report::picture`). The names that a program
//! needs to state a problem, solve it and read the answer are here at the root; the modules have the rest.
//!
//! ```
//! use ufmin::{Classes, Control, Model, Options, Problem, solve};
//!
//! let classes = Classes::from_counts(&[1000, 1000, 2, 2])?;
//! let problem = Problem::new(classes, Model { temperature: 1.0, ..Model::default() })?;
//! let solved = solve(&problem, &Options::default(), &Control::default())?;
//! assert!(solved.is_certified());
//! // Minority collapse: the two small classes share one vector.
//! assert_eq!(solved.certificate.gram.entry(2, 3), 1.0);
//! # Ok::<(), ufmin::Error>(())
//! ```
//!
//! Cross-entropy of a linear classifier, the other side of the comparison, has its own problem and proof: [`cross_entropy`].
//!
//! # Features
//!
//! All but the last are on by default. Without any, the mathematics is left: problems, the exact and the low-rank solver,
//! certificates, phase boundaries, the landscape, and reports as data, JSON and text. What a build does
//! not have is refused by name ([`Error::NotBuilt`]); a certificate means the same in all.
//!
//! | feature | what it adds |
//! | --- | --- |
//! | `cli` | the command `ufmin`; brings `files` and `plot` |
//! | `conic` | `method::conic`, for `method = "conic"` and as the independent check of full batches |
//! | `files` | problem files (`spec`), arrays (`files`) |
//! | `plot` | `plot`, and the pictures of reports, curves, phase diagrams and landscapes |
//! | `schema` | `schemars::JsonSchema` of reports and of problem files |
//! | `system-blas` | the BLAS and LAPACK symbols of the conic solver from a library of the system |
//!
//! Equation numbers are those of the theory chapter of the book in `docs/`. Names in square brackets such as
//! `[Khosla2020]` are entries of its bibliography.
#![forbid(unsafe_code)]

// In the order of the imports: a module uses only those above it (tests/it/house.rs).
pub mod math;

pub mod problem;

pub mod error;

#[cfg(feature = "plot")]
pub mod plot;

#[cfg(feature = "files")]
pub mod files;

pub mod gram;

pub mod objective;

pub mod program;

pub mod solution;

pub mod cross_entropy;

pub mod certificate;

pub mod method;

pub mod solve;

#[cfg(feature = "files")]
pub mod spec;

pub mod measure;

pub mod report;

pub mod study;

pub use certificate::{Certificate, Verdict, certify};
pub use error::Error;
pub use gram::Gram;
pub use math::control::Control;
pub use problem::{
    Anchors, BatchLoss, Classes, FullBatch, FullBatchLoss, Loss, Model, Problem, Sampling, Singletons, Training,
};
pub use solution::{Method, Solution, Termination};
pub use solve::{CrossCheckChoice, MethodChoice, Options, Solved, solve};
