//! [`Landscape`] and [`LandscapeSweep`]: is every local minimum global? And [`verify`].

use pyo3::prelude::*;
use pyo3::types::PyDict;
use ufmin::study::landscape::{self as study, Level, SearchSettings, SweepReport, VerifyReport};

use crate::error::usage;
use crate::problem::Problem;
use crate::run::Run;
use crate::shown::{Files, answer, object};

const FILES: Files = Files {
    json: "result",
    table: None,
};

answer! {
    /// What random starts came to in one dimension. `table()` has a row a start.
    Landscape(VerifyReport), FILES, {
        /// Dimension of the features.
        #[getter]
        fn dimension(&self) -> u64 {
            self.report.dimension
        }

        /// Starts that were asked for.
        #[getter]
        fn starts(&self) -> u64 {
            self.report.starts
        }

        /// Starts that ended at a second-order point.
        #[getter]
        fn converged(&self) -> u64 {
            self.report.converged
        }

        /// Starts that ended at the global minimum.
        #[getter]
        fn global_minima(&self) -> u64 {
            self.report.global
        }

        /// Starts that ended at a local minimum that is not global.
        #[getter]
        fn spurious(&self) -> u64 {
            self.report.spurious
        }

        /// Starts that ended at a saddle.
        #[getter]
        fn saddles(&self) -> u64 {
            self.report.saddles
        }

        /// The distinct minima: dicts of `loss`, `relative_gap`, `count`, `global` and `first`.
        #[getter]
        fn distinct_minima<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
            object(py, &self.report.distinct_minima)
        }

        fn __repr__(&self) -> String {
            format!(
                "<ufmin.Landscape: {} starts in {} dimensions, {} global, {} spurious>",
                self.report.starts, self.report.dimension, self.report.global, self.report.spurious
            )
        }
    }
}

answer! {
    /// What random starts came to in several dimensions. `table()` has a row a dimension.
    LandscapeSweep(SweepReport), FILES, {
        /// A dict a dimension, as in the JSON.
        #[getter]
        fn rows<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
            object(py, &self.report.rows)
        }

        fn __repr__(&self) -> String {
            format!("<ufmin.LandscapeSweep: {} dimensions>", self.report.rows.len())
        }
    }
}

/// Looks for local minima that are not global: minimises the non-convex loss over unit features from random starts.
///
/// Parameters
/// ----------
/// problem : Problem, optional
///     Or keywords of `Problem`. Its dimension is that of the features, by default one more than there are classes.
/// starts : int
/// seed : int
/// level : {"sample", "class"}
///     Whether all samples are free, or one vector a class.
/// dimensions : tuple of two ints, optional
///     Search in every dimension from the first to the last instead.
/// time_limit, threads, progress
///     As for `solve`.
///
/// Returns
/// -------
/// Landscape, or LandscapeSweep with `dimensions`
#[pyfunction]
#[pyo3(signature = (problem=None, /, *, starts=200, seed=0, level="sample", dimensions=None, time_limit=None, threads=None, progress=None, **keywords))]
#[allow(clippy::too_many_arguments)] // Keywords of Python.
pub(crate) fn verify(
    py: Python<'_>,
    problem: Option<&Bound<'_, PyAny>>,
    starts: i64,
    seed: i64,
    level: &str,
    dimensions: Option<(u64, u64)>,
    time_limit: Option<f64>,
    threads: Option<i64>,
    progress: Option<&Bound<'_, PyAny>>,
    keywords: Option<&Bound<'_, PyDict>>,
) -> PyResult<Py<PyAny>> {
    let run = Run::new(py, time_limit, threads, progress)?;
    let settings = SearchSettings {
        starts: at_least(py, "starts", starts, 1)?,
        seed: at_least(py, "seed", seed, 0)?,
        level: match level {
            "sample" => Level::Sample,
            "class" => Level::Class,
            _ => {
                let what = format!("`{level}` is not one of sample, class");
                return Err(usage(py, "level", what, "choose one of these"));
            }
        },
        ..SearchSettings::default()
    };
    if let Some((first, last)) = dimensions.filter(|(first, last)| !(1 <= *first && first <= last)) {
        let what = format!("{first} to {last} is no range of dimensions");
        return Err(usage(
            py,
            "dimensions",
            what,
            "give the first and the last, such as (2, 8)",
        ));
    }
    let (problem, options, _) = Problem::given(py, problem, keywords)?.get().contrastive(py, "verify")?;
    if dimensions.is_some() {
        let found = run.work(py, move |control| {
            study::search(&problem, &options, dimensions, &settings, |_| Ok(None), control)?.sweep()
        })?;
        return Ok(LandscapeSweep::made(py, found)?.into_any());
    }
    let found = run.work(py, move |control| {
        study::search(&problem, &options, None, &settings, |_| Ok(None), control)?.report()
    })?;
    Ok(Landscape::made(py, found)?.into_any())
}

/// A whole number of at least `least`.
pub(crate) fn at_least(py: Python<'_>, keyword: &str, value: i64, least: i64) -> PyResult<u64> {
    u64::try_from(value).ok().filter(|_| value >= least).ok_or_else(|| {
        let what = format!("{value} is given, and a whole number of at least {least} is needed");
        usage(py, keyword, what, &format!("give {least} or more, or leave it out"))
    })
}
