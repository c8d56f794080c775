//! [`Explanation`]: which positives repel, and [`explain`].

use pyo3::prelude::*;
use pyo3::types::PyDict;
use ufmin::report::ProblemReport;
use ufmin::study::explain::{self as study, Samples};

use crate::evaluate::Labelled;
use crate::run::Run;
use crate::shown::{Files, answer, object};

answer! {
    /// Which positives SupCon drives away, and what SINCERE does instead. `table()` has a row a class.
    Explanation(study::Explanation), Files { json: "explanation", table: Some("explanation") }, {
        /// Sums over all anchors: a dict, as in the JSON.
        #[getter]
        fn all<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
            object(py, &self.report.all)
        }

        /// The share of positive pairs in which SupCon drives the positive away.
        #[getter]
        fn repelling_share(&self) -> f64 {
            self.report.all.repelling_share
        }

        /// A dict an anchor, as in the JSON; None above 10,000 anchors.
        #[getter]
        fn per_anchor<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
            object(py, &self.report.per_anchor)
        }

        fn __repr__(&self) -> String {
            format!(
                "<ufmin.Explanation: {} samples, {:.1} % of positive pairs repel>",
                self.report.samples,
                100.0 * self.report.all.repelling_share
            )
        }
    }
}

/// Shows which positives SupCon drives away from their anchors: those whose softmax weight is above 1/|P|.
///
/// Parameters
/// ----------
/// embeddings : array, n x d
///     A row a sample, at most 100,000.
/// labels : array of n ints
/// problem : Problem, optional
///     Or keywords of `Problem`; of it the temperature counts.
/// time_limit, threads, progress
///     As for `solve`.
#[pyfunction]
#[pyo3(signature = (embeddings, labels, problem=None, /, *, time_limit=None, threads=None, progress=None, **keywords))]
#[allow(clippy::too_many_arguments)] // Keywords of Python.
pub(crate) fn explain(
    py: Python<'_>,
    embeddings: &Bound<'_, PyAny>,
    labels: &Bound<'_, PyAny>,
    problem: Option<&Bound<'_, PyAny>>,
    time_limit: Option<f64>,
    threads: Option<i64>,
    progress: Option<&Bound<'_, PyAny>>,
    keywords: Option<&Bound<'_, PyDict>>,
) -> PyResult<Py<Explanation>> {
    let run = Run::new(py, time_limit, threads, progress)?;
    let given = Labelled::new(embeddings, labels, problem, keywords)?;
    let found = run.work(py, move |control| {
        let Labelled {
            mut features,
            labels,
            problem,
            ..
        } = given;
        let samples = Samples {
            classes: &labels.classes,
            counts: &labels.counts,
            labels: &labels.values,
        };
        let temperature = problem.model().temperature;
        let found = study::explain(&mut features, samples, temperature, "embeddings".to_owned(), control)?;
        Ok(study::Explanation {
            problem: Some(ProblemReport::new(problem.classes(), problem.model())),
            ..found
        })
    })?;
    Explanation::made(py, found)
}
