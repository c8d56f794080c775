//! The methods: each turns a reduced problem into a [`Solution`](crate::solution::Solution), a claim that
//! [`crate::certificate`] judges. `newton` solves the optimality system, THEORY (5)-(8); `staircase` factors the Gram matrix;
//! `conic` is clarabel; `formula` knows the standard geometries.

pub mod conic;
pub mod formula;
pub mod newton;
pub mod staircase;
