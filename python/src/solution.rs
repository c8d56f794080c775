//! [`Solution`]: the global minimiser with its proof.

use std::sync::Arc;

use numpy::PyArray2;
use pyo3::exceptions::{PyIndexError, PyValueError};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyBytes;
use ufmin::certificate::Verdict;
use ufmin::cross_entropy;
use ufmin::method::formula::Reference;
use ufmin::report::{GroupReport, arrays};
use ufmin::solve::Solved;

use crate::array::{rows, transposed};
use crate::certificate::{Certificate, word};
use crate::error::{raised, usage};
use crate::found::{Answered, Found, Lazy, side, vectors};
use crate::problem::Problem;
use crate::run::asked;
use crate::shown::{Result, loads, object};

type Array = PyOnceLock<Py<PyArray2<f64>>>;

/// What a pickle calls, and with what.
type Reduced<'py> = (Bound<'py, PyAny>, (Py<Problem>, Bound<'py, PyBytes>));

/// The global minimiser of a problem, with the proof that no other is better.
///
/// Arrays are read-only and made when they are first looked at. Classes are in the order of the problem, counted from 0.
#[pyclass(frozen, extends = Result, module = "ufmin")]
pub(crate) struct Solution {
    problem: Py<Problem>,
    found: Arc<Found>,
    gram: Array,
    group_gram: Array,
    embeddings: Array,
}

impl Solution {
    pub(crate) fn made(py: Python<'_>, problem: Py<Problem>, found: Found) -> PyResult<Py<Self>> {
        let found = Arc::new(found);
        let base = Result::new(Lazy::new(found.clone()));
        let solution = Self {
            problem,
            found,
            gram: Array::new(),
            group_gram: Array::new(),
            embeddings: Array::new(),
        };
        Py::new(py, PyClassInitializer::from(base).add_subclass(solution))
    }

    /// Something that the library makes of what was found.
    fn asked<T: Send + 'static>(
        &self,
        py: Python<'_>,
        what: impl FnOnce(&Found) -> Answered<T> + Send + 'static,
    ) -> PyResult<T> {
        let found = Arc::clone(&self.found);
        asked(py, move || what(&found))
    }

    fn class(&self, index: i64) -> PyResult<u64> {
        let classes = self.found.partition().classes() as i64;
        let place = if index < 0 { index + classes } else { index };
        if (0..classes).contains(&place) {
            return Ok(place as u64);
        }
        Err(PyIndexError::new_err(format!("class {index} of {classes}")))
    }

    fn contrastive(&self) -> Option<&Solved> {
        match &*self.found {
            Found::Contrastive { solved, .. } => Some(solved),
            Found::CrossEntropy { .. } => None,
        }
    }
}

#[pymethods]
impl Solution {
    /// The problem that was solved.
    #[getter]
    fn problem(&self, py: Python<'_>) -> Py<Problem> {
        self.problem.clone_ref(py)
    }

    /// The loss, a mean over anchors in nats.
    #[getter]
    fn loss(&self) -> f64 {
        match &*self.found {
            Found::Contrastive { solved, .. } => solved.certificate.loss,
            Found::CrossEntropy { solved, .. } => solved.loss,
        }
    }

    /// The part of the loss that the geometry decides: loss minus floor, computed without subtraction. None where the loss has
    /// no floor.
    #[getter]
    fn excess(&self) -> Option<f64> {
        let certificate = &self.contrastive()?.certificate;
        certificate.floor.map(|_| certificate.excess)
    }

    /// The part of the loss that no geometry can remove. None for nscl and cross-entropy.
    #[getter]
    fn floor(&self) -> Option<f64> {
        self.contrastive()?.certificate.floor
    }

    /// Natural logarithm of the excess, which survives underflow. None where the loss has no floor.
    #[getter]
    fn log_excess(&self) -> Option<f64> {
        self.contrastive()?.certificate.log_excess
    }

    /// Dimensions that the optimal features span.
    #[getter]
    fn rank(&self) -> u64 {
        match &*self.found {
            Found::Contrastive { solved, .. } => solved.rank,
            Found::CrossEntropy { solved, .. } => solved.rank,
        }
    }

    /// Inner products of the features of all classes, k x k, in the order of the classes: those of class means where batches
    /// are fixed.
    ///
    /// Above 4 GB it is refused: use `groups` and `group_gram`, or `entry(i, j)`.
    #[getter]
    fn gram<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArray2<f64>>> {
        let made = self.gram.get_or_try_init(py, || {
            // It is symmetric: rows are columns.
            PyResult::Ok(transposed(py, self.asked(py, Found::gram)?)?.unbind())
        })?;
        Ok(made.bind(py).clone())
    }

    /// Groups of classes that are alike: dicts of `size`, `count` and `classes`, as in the JSON.
    #[getter]
    fn groups<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        object(py, &self.asked(py, |found| Ok(GroupReport::all(found.partition())))?)
    }

    /// Inner products between the groups: of two different classes of a group on the diagonal.
    #[getter]
    fn group_gram<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArray2<f64>>> {
        let made = self.group_gram.get_or_try_init(py, || {
            PyResult::Ok(transposed(py, self.asked(py, Found::group_gram)?)?.unbind())
        })?;
        Ok(made.bind(py).clone())
    }

    /// Inner products of all samples: class by class, or by their numbers where batches are fixed. At most 4000 samples.
    fn sample_gram<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArray2<f64>>> {
        if self.contrastive().is_none() {
            return Err(no_samples(py));
        }
        transposed(py, self.asked(py, Found::sample_gram)?)
    }

    /// Features that attain the optimum, k x d: a row a class (a sample, by its number, where batches are fixed).
    ///
    /// Rows are unit vectors, except for cross-entropy. They are determined up to a rotation, which is chosen by a fixed rule.
    #[getter]
    fn embeddings<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArray2<f64>>> {
        let made = self.embeddings.get_or_try_init(py, || {
            PyResult::Ok(transposed(py, self.asked(py, Found::embeddings)?)?.unbind())
        })?;
        Ok(made.bind(py).clone())
    }

    /// Sets of two or more classes that are proven to share one vector (for cross-entropy one classifier).
    #[getter]
    fn collapsed(&self, py: Python<'_>) -> PyResult<Vec<Vec<u64>>> {
        self.asked(py, |found| Ok(found.collapsed()))
    }

    /// The inner product of the features of two classes.
    #[pyo3(signature = (i, j, /))]
    fn entry(&self, i: i64, j: i64) -> PyResult<f64> {
        Ok(self.found.entry(self.class(i)?, self.class(j)?))
    }

    /// The angle between the features of two classes, in degrees; NaN where a feature is zero.
    #[pyo3(signature = (i, j, /))]
    fn angle(&self, i: i64, j: i64) -> PyResult<f64> {
        Ok(self.found.angle(self.class(i)?, self.class(j)?))
    }

    /// Classifiers of cross-entropy, k x d, in the space of the embeddings: a row a class. None for contrastive losses.
    #[getter]
    fn classifier<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyArray2<f64>>>> {
        let made = self.asked(py, |found| found.of_cross_entropy(|solved| vectors(solved, true)))?;
        made.map(|made| transposed(py, made)).transpose()
    }

    /// Inner products of the classifiers of cross-entropy, k x k. None for contrastive losses.
    #[getter]
    fn classifier_gram<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyArray2<f64>>>> {
        self.side_of(py, |solved| &solved.classifier)
    }

    /// Logits of cross-entropy, k x k: a row a classifier, a column a class of features. None for contrastive losses.
    #[getter]
    fn logits<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyArray2<f64>>>> {
        self.side_of(py, |solved| &solved.logits)
    }

    /// What is proven.
    #[getter]
    fn certificate(&self) -> Certificate {
        Certificate::of(&self.found)
    }

    /// Whether the verdict is "certified".
    #[getter]
    fn is_certified(&self) -> bool {
        self.found.verdict() == Verdict::Certified
    }

    /// The method that found it: "dual", "conic", "lowrank" or "closed-form".
    #[getter]
    fn method(&self) -> &'static str {
        match &*self.found {
            Found::Contrastive { solved, .. } => solved.solution.method.name(),
            Found::CrossEntropy { solved, .. } => solved.method.name(),
        }
    }

    /// Why the method stopped: "converged" above all.
    #[getter]
    fn termination(&self) -> &'static str {
        match &*self.found {
            Found::Contrastive { solved, .. } => solved.solution.termination.name(),
            Found::CrossEntropy { solved, .. } => solved.termination.name(),
        }
    }

    /// Iterations of the method.
    #[getter]
    fn iterations(&self) -> u64 {
        match &*self.found {
            Found::Contrastive { solved, .. } => solved.solution.iterations,
            Found::CrossEntropy { solved, .. } => solved.iterations,
        }
    }

    /// Seconds from the problem to the certificate, without the cross-check.
    #[getter]
    fn seconds(&self) -> f64 {
        match &*self.found {
            Found::Contrastive { solved, .. } => solved.seconds,
            Found::CrossEntropy { solved, .. } => solved.seconds,
        }
    }

    /// How far an independent method came to the same Gram matrix: a dict of `method`, `gram_difference` and `seconds`; None
    /// where none was asked.
    #[getter]
    fn cross_check<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let check = self.contrastive().and_then(|solved| solved.cross_check.as_ref());
        check.map(|check| object(py, check)).transpose()
    }

    /// Standard geometries against the optimum: dicts of `name` and `loss_above_optimum`.
    #[getter]
    fn references<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let none: &[Reference] = &[];
        object(py, &self.contrastive().map_or(none, |solved| &solved.references))
    }

    /// Things you should know.
    #[getter]
    fn warnings<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        match self.contrastive() {
            Some(solved) => object(py, &solved.warnings),
            None => self.as_super_dict(py)?.get_item("warnings"),
        }
    }

    /// The JSON of `ufmin solve`, as Python objects: a contract, whose fields are never removed or renamed.
    ///
    /// `full_gram` lists matrices of any size, not only up to 64 rows; level "sample" the inner products of samples too.
    #[pyo3(signature = (*, full_gram=false, level="class"))]
    fn to_dict<'py>(&self, py: Python<'py>, full_gram: bool, level: &str) -> PyResult<Bound<'py, PyAny>> {
        let by_sample = match level {
            "class" => false,
            "sample" if self.contrastive().is_none() => return Err(no_samples(py)),
            "sample" => true,
            _ => {
                let what = format!("`{level}` is not one of class, sample");
                return Err(usage(py, "level", what, "choose one of these"));
            }
        };
        if full_gram {
            arrays::refuse_large("the full Gram matrix", self.found.partition().classes())
                .map_err(|error| raised(py, error))?;
        }
        let report = self.asked(py, move |found| Ok(found.report(full_gram, by_sample)?.json()))?;
        loads(py, &report)
    }

    /// Draws the Gram matrix with matplotlib, in the colours of the pictures; returns the axes.
    ///
    /// `ax` are axes to draw on, by default new ones. Above 1000 classes the groups are drawn, as wide as they have classes.
    #[pyo3(signature = (ax=None))]
    fn plot<'py>(slf: &Bound<'py, Self>, ax: Option<Bound<'py, PyAny>>) -> PyResult<Bound<'py, PyAny>> {
        slf.py().import("ufmin._figure")?.call_method1("heatmap", (slf, ax))
    }

    /// The solution that a pickle holds.
    #[staticmethod]
    fn _restored(py: Python<'_>, problem: Py<Problem>, stored: Vec<u8>) -> PyResult<Py<Self>> {
        let statement = problem.get().statement().clone();
        let found = asked(py, move || Ok(Found::from_bytes(&statement, &stored)))?;
        Self::made(py, problem, found.map_err(PyValueError::new_err)?)
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<Reduced<'py>> {
        let (py, solution) = (slf.py(), slf.get());
        let bytes = solution.asked(py, |found| Ok(found.to_bytes()))?;
        let bytes = bytes.map_err(PyValueError::new_err)?;
        let restored = slf.get_type().getattr("_restored")?;
        Ok((restored, (solution.problem(py), PyBytes::new(py, &bytes))))
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let loss: String = self.problem.get().loss_name(py)?;
        Ok(format!(
            "<ufmin.Solution: {loss} on {} classes, loss {}, rank {}, {}, relative gap {:.1e}>",
            self.found.partition().classes(),
            self.loss(),
            self.rank(),
            word(self.found.verdict()),
            self.found.relative_gap(),
        ))
    }
}

impl Solution {
    fn side_of<'py>(
        &self,
        py: Python<'py>,
        of: impl Fn(&cross_entropy::Solved) -> &cross_entropy::Products + Send + 'static,
    ) -> PyResult<Option<Bound<'py, PyArray2<f64>>>> {
        let made = self.asked(py, |found| found.of_cross_entropy(|solved| side(solved, of)))?;
        made.map(|made| rows(py, &made)).transpose()
    }

    fn as_super_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let report = self.asked(py, |found| Ok(found.report(false, false)?.json()))?;
        loads(py, &report)
    }
}

fn no_samples(py: Python<'_>) -> PyErr {
    let what = "cross-entropy has no sample level";
    usage(py, "level", what, "samples of a class coincide: use gram")
}
