//! The module `ufmin._ufmin`: what Python sees of the library. A file a noun, and no mathematics: a method converts what it is
//! given, asks the library, and converts the answer.
//!
//! Long work goes through [`run`] alone: it releases the interpreter, hears Ctrl-C and tells of progress. Errors go through
//! [`error`] alone: it puts the library's reasons in Python's words.

mod array;
mod batches;
mod bound;
mod certificate;
mod compare;
mod curve;
mod error;
mod evaluate;
mod explain;
mod fields;
mod found;
mod keyword;
mod phase;
mod pool;
mod problem;
mod run;
mod shown;
mod solution;
mod solve;
mod spelling;
mod statement;
mod verify;

use pyo3::prelude::*;

/// The compiled part of `ufmin`.
#[pymodule]
mod _ufmin {
    #[pymodule_export]
    use super::batches::{BatchesCheck, bind_batches, check_batches, sample_batches};
    #[pymodule_export]
    use super::bound::{AllBatches, bound};
    #[pymodule_export]
    use super::certificate::Certificate;
    #[pymodule_export]
    use super::compare::{Comparison, compare};
    #[pymodule_export]
    use super::curve::{Curve, curve};
    #[pymodule_export]
    use super::evaluate::{Evaluation, evaluate};
    #[pymodule_export]
    use super::explain::{Explanation, explain};
    #[pymodule_export]
    use super::phase::{CrossEntropyThreshold, Phase, PhaseDiagram, phase};
    #[pymodule_export]
    use super::problem::{Problem, problems};
    #[pymodule_export]
    use super::shown::{Result, colours};
    #[pymodule_export]
    use super::solution::Solution;
    #[pymodule_export]
    use super::solve::solve;
    #[pymodule_export]
    use super::verify::{Landscape, LandscapeSweep, verify};

    #[pymodule_export]
    #[allow(non_upper_case_globals)]
    const __version__: &str = env!("CARGO_PKG_VERSION");
}
