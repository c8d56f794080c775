//! Numerical pieces that know nothing of the problem: sums, spectra, Cauchy kernels, and how a long computation is stopped.

pub mod array;
pub(crate) mod blocks;
pub mod cauchy;
pub mod control;
pub(crate) mod hypergeometric;
pub mod memory;
pub mod sparse;
pub mod spectrum;
pub(crate) mod stored;
pub(crate) mod sum;
