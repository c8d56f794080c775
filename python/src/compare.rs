//! [`Comparison`]: losses side by side on the same classes, and [`compare`].

use std::path::Path;

use nalgebra::DMatrix;
use numpy::PyArray2;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use ufmin::spec::ProblemFile;
use ufmin::study::compare as study;

use crate::array::rows;
use crate::error::raised;
use crate::keyword::file_of;
use crate::problem::Problem;
use crate::run::Run;
use crate::shown::{Files, answer, object};

answer! {
    /// Losses side by side on the same classes. `table()` has a row a loss.
    Comparison(study::Comparison), Files { json: "compare", table: Some("compare") }, {
        /// Names of the losses.
        #[getter]
        fn losses(&self) -> Vec<String> {
            self.report.rows.iter().map(|row| row.loss.to_string()).collect()
        }

        /// A dict a loss, as in the JSON.
        #[getter]
        fn rows<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
            object(py, &self.report.rows)
        }

        /// Which loss keeps the tail classes apart, in a sentence; None where nothing can be said.
        #[getter]
        fn conclusion(&self) -> Option<String> {
            self.report.conclusion()
        }

        /// The Gram matrix of every loss, up to 64 classes: read-only arrays, NaN where a feature is zero, or None.
        #[getter]
        fn grams<'py>(&self, py: Python<'py>) -> PyResult<Vec<Option<Bound<'py, PyArray2<f64>>>>> {
            let gram = |row: &study::Row| {
                let matrix = |gram: &Vec<Vec<Option<f64>>>| {
                    let entry = |i: usize, j: usize| gram[i][j].unwrap_or(f64::NAN);
                    rows(py, &DMatrix::from_fn(gram.len(), gram.len(), entry))
                };
                row.gram.as_ref().map(matrix).transpose()
            };
            self.report.rows.iter().map(gram).collect()
        }

        fn __repr__(&self) -> String {
            format!("<ufmin.Comparison: {}>", self.losses().join(", "))
        }
    }
}

/// Puts losses side by side on the same classes: value, rank, collapsed classes, angles of the tail, and more.
///
/// Parameters
/// ----------
/// problem : Problem, optional
///     Or keywords of `Problem`; its own loss does not count.
/// losses : list of str, optional
///     By default supcon, sincere, nscl, bcl and population; "cross-entropy" can be one of them, beside which classifiers have
///     norms up to 1/temperature and features up to 1, unless the problem says otherwise.
/// time_limit, threads, progress
///     As for `solve`. A comparison that was stopped has the losses that were finished, and `is_complete` is False.
#[pyfunction]
#[pyo3(signature = (problem=None, /, *, losses=None, time_limit=None, threads=None, progress=None, **keywords))]
pub(crate) fn compare(
    py: Python<'_>,
    problem: Option<&Bound<'_, PyAny>>,
    losses: Option<Vec<String>>,
    time_limit: Option<f64>,
    threads: Option<i64>,
    progress: Option<&Bound<'_, PyAny>>,
    keywords: Option<&Bound<'_, PyDict>>,
) -> PyResult<Py<Comparison>> {
    let run = Run::new(py, time_limit, threads, progress)?;
    let names = losses.unwrap_or_else(|| study::LOSSES.map(|loss| loss.name().to_owned()).to_vec());
    let base = problem
        .map(|problem| Problem::given(py, Some(problem), None))
        .transpose()?;
    let base = base.map_or_else(ProblemFile::default, |problem| problem.get().file().clone());
    // Not every problem of which cross-entropy is a candidate is one by itself.
    let file = match keywords {
        Some(keywords) => file_of(base, keywords)?,
        None => base,
    };
    let candidates = study::losses_of_names(&names)
        .map_err(Into::into)
        .and_then(|losses| study::candidates(&file, Path::new(""), &losses));
    let (problem, options, candidates) = candidates.map_err(|error| raised(py, error))?;
    let found = run.work(py, move |control| {
        study::compare(&problem, &candidates, &options, None, control)
    })?;
    Comparison::made(py, found)
}
