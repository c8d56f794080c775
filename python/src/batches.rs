//! Batches of samples: whether they make the orthogonal frame the only optimum, appending what they lack, and drawing an epoch.

use std::path::Path;

use pyo3::prelude::*;
use pyo3::types::PyDict;
use ufmin::error::Error;
use ufmin::problem::batches::binding::bind;
use ufmin::problem::batches::epoch::{EpochSettings, epoch};
use ufmin::problem::{Batches, FixedBatches, Training};
use ufmin::spec::{self, ProblemFile};
use ufmin::study::batches as study;

use crate::error::{raised, usage};
use crate::keyword::file_of;
use crate::problem::Problem;
use crate::run::asked;
use crate::shown::{Files, answer};
use crate::verify::at_least;

answer! {
    /// Whether batches make the orthogonal frame the only optimum of nonnegative features.
    BatchesCheck(study::Check), Files { json: "batches", table: None }, {
        /// Whether the frame is the only optimum; None where the conditions leave it open.
        #[getter]
        fn unique_orthogonal_frame(&self) -> Option<bool> {
            self.report.findings.unique_orthogonal_frame
        }

        /// Whether each class is connected by batches of its samples; None above 10,000 classes.
        #[getter]
        fn connected(&self) -> Option<Vec<bool>> {
            self.report.findings.connected.clone()
        }

        /// Pairs of classes that meet in no batch in which one of them has a positive, the first of them.
        #[getter]
        fn missing_pairs(&self) -> Vec<(u32, u32)> {
            self.report.findings.missing_pairs.clone()
        }

        /// Classes without a positive in any batch.
        #[getter]
        fn without_positive(&self) -> Vec<u32> {
            self.report.findings.without_positive.clone()
        }

        fn __repr__(&self) -> String {
            let word = match self.report.findings.unique_orthogonal_frame {
                Some(true) => "the orthogonal frame is the only optimum",
                Some(false) => "the orthogonal frame is not the only optimum",
                None => "not decided",
            };
            format!("<ufmin.BatchesCheck: {word}>")
        }
    }
}

/// What is asked of the fixed batches of a problem.
fn fixed<T: Send + 'static>(
    py: Python<'_>,
    problem: Option<&Bound<'_, PyAny>>,
    keywords: Option<&Bound<'_, PyDict>>,
    question: impl FnOnce(&ufmin::Problem, &FixedBatches) -> Result<T, Error> + Send + 'static,
) -> PyResult<T> {
    let (problem, ..) = Problem::given(py, problem, keywords)?
        .get()
        .contrastive(py, "batches")?;
    let Training::FixedBatches(fixed) = problem.model().training.clone() else {
        let what = "the problem has no fixed batches";
        let hint = "give those of an epoch, batches=[[0, 1, 4], [2, 3, 5]]; ufmin.sample_batches draws some";
        return Err(usage(py, "batches", what, hint));
    };
    asked(py, move || question(&problem, &fixed))
}

/// Lists for a PyTorch sampler.
fn lists(batches: &Batches) -> Vec<Vec<u32>> {
    batches.positions().collect()
}

/// Whether the batches of a problem make the orthogonal frame the only optimum of nonnegative features.
///
/// Every class must be connected by batches of its samples, and every two classes must meet where one of them has a positive.
/// Tested whether the problem has nonnegative features or not, and in any dimension unless one is given.
#[pyfunction]
#[pyo3(signature = (problem=None, /, **keywords))]
pub(crate) fn check_batches(
    py: Python<'_>,
    problem: Option<&Bound<'_, PyAny>>,
    keywords: Option<&Bound<'_, PyDict>>,
) -> PyResult<Py<BatchesCheck>> {
    let found = fixed(py, problem, keywords, |problem, fixed| {
        Ok(study::Check::new(problem, fixed))
    })?;
    BatchesCheck::made(py, found)
}

/// The batches of a problem with one fixed example of every class appended to every batch that lacks it: lists of samples, by
/// the numbers of the problem, for a PyTorch `batch_sampler`.
///
/// The examples are those that take the fewest additions.
#[pyfunction]
#[pyo3(signature = (problem=None, /, **keywords))]
pub(crate) fn bind_batches(
    py: Python<'_>,
    problem: Option<&Bound<'_, PyAny>>,
    keywords: Option<&Bound<'_, PyDict>>,
) -> PyResult<Vec<Vec<u32>>> {
    fixed(py, problem, keywords, |problem, fixed| {
        Ok(lists(&bind(problem, fixed)?.batches))
    })
}

/// One epoch of batches: lists of samples, every sample once in random order, for a PyTorch `batch_sampler`. Of the problem only
/// the classes are used.
///
/// Parameters
/// ----------
/// problem : Problem, optional
///     Or keywords of `Problem`; with `labels` samples are numbered by their position there.
/// size : int
///     Examples in a batch.
/// seed : int
///     Equal seeds give equal batches on every machine.
/// stratified : bool
///     Give every batch the classes in their shares, to within two examples.
/// drop_last : bool
///     Leave out a last batch of fewer examples.
#[pyfunction]
#[pyo3(signature = (problem=None, /, *, size, seed=0, stratified=false, drop_last=false, **keywords))]
pub(crate) fn sample_batches(
    py: Python<'_>,
    problem: Option<&Bound<'_, PyAny>>,
    size: i64,
    seed: u64,
    stratified: bool,
    drop_last: bool,
    keywords: Option<&Bound<'_, PyDict>>,
) -> PyResult<Vec<Vec<u32>>> {
    let settings = EpochSettings {
        size: at_least(py, "size", size, 1)?,
        seed,
        stratified,
        drop_last,
    };
    let base = problem
        .map(|problem| Problem::given(py, Some(problem), None))
        .transpose()?;
    let base = base.map_or_else(ProblemFile::default, |problem| problem.get().file().clone());
    // Whatever the rest says: a class of one sample is in an epoch too.
    let file = match keywords {
        Some(keywords) => file_of(base, keywords)?,
        None => base,
    };
    let (classes, order) = spec::samples(&file, Path::new("")).map_err(|error| raised(py, error))?;
    let drawn = epoch(&classes, &order, &settings);
    Ok(lists(&drawn.map_err(|error| {
        usage(py, "size", error.to_string(), &error.hint())
    })?))
}
