//! Numerical pieces that know nothing of the problem.

pub(crate) mod sum;
