//! [`Curve`]: the geometry against the batch size, the number of negatives, the temperature or the power, and [`curve`].

use std::path::Path;

use numpy::PyArray1;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use ufmin::spec;
use ufmin::study::curve::{self as study, Quantity};

use crate::error::{raised, usage};
use crate::problem::Problem;
use crate::run::Run;
use crate::shown::{Files, answer, object};

answer! {
    /// The optimum at several values of one quantity. `table()` has its columns.
    Curve(study::Curve), Files { json: "curve", table: Some("curve") }, {
        /// What varies: "batch-size", "negatives", "temperature" or "power".
        #[getter]
        fn vary<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
            object(py, &self.report.vary)
        }

        /// The values.
        #[getter]
        fn values<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<f64>> {
            self.column(py, |row| row.value.unwrap_or(f64::NAN))
        }

        /// The loss at every value.
        #[getter]
        fn loss<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<f64>> {
            self.column(py, |row| row.loss)
        }

        /// The angle of the closest classes at every value, in degrees.
        #[getter]
        fn nearest_degrees<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<f64>> {
            self.column(py, |row| row.nearest_degrees)
        }

        /// The rows: a dict for every value, as in the JSON.
        #[getter]
        fn rows<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
            object(py, &self.report.rows)
        }

        /// What large batches, or many negatives, lead to: a dict of `name` and `row`, or None.
        #[getter]
        fn limit<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
            object(py, &self.report.limit)
        }

        /// Draws the angles of the closest and the farthest classes with matplotlib; returns the axes.
        #[pyo3(signature = (ax=None))]
        fn plot<'py>(slf: &Bound<'py, Self>, ax: Option<Bound<'py, PyAny>>) -> PyResult<Bound<'py, PyAny>> {
            slf.py().import("ufmin._figure")?.call_method1("curve", (slf, ax))
        }

        fn __repr__(&self) -> String {
            format!("<ufmin.Curve: {} at {} values>", self.report.loss, self.report.rows.len())
        }
    }
}

impl Curve {
    fn column<'py>(&self, py: Python<'py>, of: impl Fn(&study::Row) -> f64) -> Bound<'py, PyArray1<f64>> {
        PyArray1::from_vec(py, self.report.rows.iter().map(of).collect())
    }
}

/// Solves a problem at several values of one quantity.
///
/// Parameters
/// ----------
/// problem : Problem, optional
///     Or keywords of `Problem`.
/// vary : {"batch-size", "negatives", "temperature", "power"}
/// values : list of float, optional
///     By default powers of 2 from 4 to 8192, of 4 from 1 to 4096, 0.05 to 1, or 0 to 1.
/// time_limit, threads, progress
///     As for `solve`. A curve that was stopped has the values that were finished, and `is_complete` is False.
#[pyfunction]
#[pyo3(signature = (problem=None, /, *, vary, values=None, time_limit=None, threads=None, progress=None, **keywords))]
#[allow(clippy::too_many_arguments)] // Keywords of Python.
pub(crate) fn curve(
    py: Python<'_>,
    problem: Option<&Bound<'_, PyAny>>,
    vary: &str,
    values: Option<Vec<f64>>,
    time_limit: Option<f64>,
    threads: Option<i64>,
    progress: Option<&Bound<'_, PyAny>>,
    keywords: Option<&Bound<'_, PyDict>>,
) -> PyResult<Py<Curve>> {
    let run = Run::new(py, time_limit, threads, progress)?;
    let vary = match vary {
        "batch-size" | "batch_size" => Quantity::BatchSize,
        "negatives" => Quantity::Negatives,
        "temperature" => Quantity::Temperature,
        "power" => Quantity::Power,
        _ => {
            let what = format!("`{vary}` is not one of batch-size, negatives, temperature, power");
            return Err(usage(py, "vary", what, "choose one of these"));
        }
    };
    let values = vary.values(values);
    let first = values.first().copied().unwrap_or(4.0);
    let base = problem
        .map(|problem| Problem::given(py, Some(problem), None))
        .transpose()?;
    let base = base.map_or_else(ufmin::spec::ProblemFile::default, |problem| {
        problem.get().file().clone()
    });
    let file = match keywords {
        Some(keywords) => crate::keyword::file_of(base, keywords)?,
        None => base,
    };
    let file = vary.begun(file, first);
    let (problem, options) = spec::resolve(&file, Path::new("")).map_err(|error| raised(py, error))?;
    let found = run.work(py, move |control| {
        study::curve(&problem, vary, &values, &options, None, control)
    })?;
    Curve::made(py, found)
}
