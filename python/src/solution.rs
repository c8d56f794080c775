//! [`Solution`]: the global minimiser with its proof, and [`solve`].

use std::path::Path;
use std::sync::{Arc, OnceLock};

use nalgebra::DMatrix;
use numpy::PyArray2;
use pyo3::exceptions::{PyIndexError, PyValueError};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBytes, PyDict};
use serde::{Deserialize, Serialize};
use ufmin::certificate::Verdict;
use ufmin::cross_entropy::{self, CrossEntropy};
use ufmin::error::Error;
use ufmin::gram::{Gram, Partition};
use ufmin::measure::schedule::class_gram;
use ufmin::method::formula::Reference;
use ufmin::problem::Convention;
use ufmin::report::cross_entropy::{self as of_cross_entropy, CrossEntropyReport};
use ufmin::report::{GroupReport, Report, angle_degrees, arrays, collapsed_sets};
use ufmin::solve::{CrossCheckChoice, Solved};

use crate::array::{rows, transposed};
use crate::error::{raised, usage, warn_not_certified};
use crate::problem::{Problem, Statement};
use crate::run::Run;
use crate::shown::{FORMATS, Result, Shown, Source, loads, object};

/// What was found, as it is pickled beside the problem.
#[derive(Serialize, Deserialize)]
enum Stored {
    Contrastive(Box<Solved>),
    CrossEntropy(Box<cross_entropy::Solved>),
}

/// What was solved, and what was found.
pub(crate) enum Found {
    Contrastive {
        problem: Arc<ufmin::Problem>,
        solved: Box<Solved>,
        convention: Convention,
        /// Inner products of the classes.
        gram: Gram,
    },
    CrossEntropy {
        problem: Arc<CrossEntropy>,
        solved: Box<cross_entropy::Solved>,
        tolerance: Option<f64>,
    },
}

type Answered<T> = std::result::Result<T, Error>;

impl Found {
    fn report(&self, full_gram: bool, by_sample: bool) -> Answered<Arc<dyn Shown>> {
        Ok(match self {
            Self::Contrastive {
                problem,
                solved,
                convention,
                ..
            } => {
                let report = Report::new(problem, solved, full_gram)?.in_convention(problem, *convention);
                // A schedule is solved by samples, whatever was asked for.
                let few = solved.schedule.is_some() && arrays::few_samples(solved);
                if few || (by_sample && solved.schedule.is_none()) {
                    Arc::new(report.at_sample_level(&arrays::sample_gram(problem, solved)?))
                } else {
                    Arc::new(report)
                }
            }
            Self::CrossEntropy {
                problem,
                solved,
                tolerance,
            } => Arc::new(CrossEntropyReport::new(problem, solved, *tolerance, full_gram)),
        })
    }

    /// Of a problem and its solution.
    fn of_contrastive(problem: Arc<ufmin::Problem>, solved: Box<Solved>, convention: Convention) -> Self {
        let gram = class_gram(&problem, &solved);
        Self::Contrastive {
            problem,
            solved,
            convention,
            gram,
        }
    }

    /// What was stored of the same problem; `None` where it is of another kind.
    fn restored(statement: &Statement, stored: Stored) -> Option<Self> {
        match (statement.clone(), stored) {
            (
                Statement::Contrastive {
                    problem, convention, ..
                },
                Stored::Contrastive(solved),
            ) if problem.classes().count() <= solved.certificate.gram.partition().classes() => {
                Some(Self::of_contrastive(problem, solved, convention))
            }
            (Statement::CrossEntropy { problem, tolerance }, Stored::CrossEntropy(solved)) => {
                Some(Self::CrossEntropy {
                    problem,
                    solved,
                    tolerance,
                })
            }
            _ => None,
        }
    }

    fn stored(&self) -> Stored {
        match self {
            Self::Contrastive { solved, .. } => Stored::Contrastive(solved.clone()),
            Self::CrossEntropy { solved, .. } => Stored::CrossEntropy(solved.clone()),
        }
    }

    fn partition(&self) -> &Partition {
        match self {
            Self::Contrastive { gram, .. } => gram.partition(),
            Self::CrossEntropy { solved, .. } => &solved.partition,
        }
    }

    fn verdict(&self) -> Verdict {
        match self {
            Self::Contrastive { solved, .. } => solved.certificate.verdict,
            Self::CrossEntropy {
                problem,
                solved,
                tolerance,
            } => of_cross_entropy::verdict(problem, solved, tolerance.unwrap_or(of_cross_entropy::TOLERANCE)),
        }
    }

    fn relative_gap(&self) -> f64 {
        match self {
            Self::Contrastive { solved, .. } => solved.certificate.relative_gap,
            Self::CrossEntropy { solved, .. } => solved.proof.relative_gap,
        }
    }

    /// Inner products of the features of all classes.
    fn gram(&self) -> Answered<DMatrix<f64>> {
        match self {
            Self::Contrastive { gram, .. } => arrays::dense(gram),
            Self::CrossEntropy { solved, .. } => side(solved, |solved| &solved.features),
        }
    }

    fn group_gram(&self) -> Answered<DMatrix<f64>> {
        arrays::refuse_large("the Gram matrix of groups", self.partition().groups() as u64)?;
        Ok(match self {
            Self::Contrastive { gram, .. } => gram.values().into_owned(),
            Self::CrossEntropy { solved, .. } => solved.features.between.clone(),
        })
    }

    fn embeddings(&self) -> Answered<DMatrix<f64>> {
        match self {
            Self::Contrastive { problem, solved, .. } => arrays::features(problem, solved),
            Self::CrossEntropy { solved, .. } => vectors(solved, false),
        }
    }

    fn entry(&self, i: u64, j: u64) -> f64 {
        match self {
            Self::Contrastive { gram, .. } => gram.entry(i, j),
            Self::CrossEntropy { solved, .. } => {
                let group = |class| solved.partition.group_of(class);
                solved.features.entry(group(i), group(j), i == j)
            }
        }
    }

    fn angle(&self, i: u64, j: u64) -> f64 {
        match self {
            Self::Contrastive { solved, gram, .. } => angle_degrees(solved, gram, i, j),
            Self::CrossEntropy { solved, .. } if i != j => {
                let group = |class| solved.partition.group_of(class);
                let cosine = solved.cosine(&solved.features, group(i), group(j));
                cosine.map_or(f64::NAN, |cosine| cosine.acos().to_degrees())
            }
            Self::CrossEntropy { .. } => 0.0,
        }
    }
}

/// One of the matrices of a cross-entropy answer.
fn side(
    solved: &cross_entropy::Solved,
    of: impl Fn(&cross_entropy::Solved) -> &cross_entropy::Products,
) -> Answered<DMatrix<f64>> {
    arrays::refuse_large("the matrix of all classes", solved.partition.classes())?;
    Ok(of(solved).to_dense(&solved.partition))
}

fn vectors(solved: &cross_entropy::Solved, classifier: bool) -> Answered<DMatrix<f64>> {
    arrays::refuse_large("the array of vectors", solved.partition.classes())?;
    Ok(solved.embedding(classifier))
}

/// The report is made when it is first looked at.
struct Lazy {
    found: Arc<Found>,
    report: OnceLock<Arc<dyn Shown>>,
}

impl Source for Lazy {
    fn shown(&self) -> Answered<Arc<dyn Shown>> {
        if let Some(report) = self.report.get() {
            return Ok(report.clone());
        }
        let made = self.found.report(false, false)?;
        Ok(self.report.get_or_init(|| made).clone())
    }

    fn write(&self, folder: &Path) -> Answered<()> {
        match &*self.found {
            Found::Contrastive {
                problem,
                solved,
                convention,
                ..
            } => {
                let mut report = Report::new(problem, solved, false)?.in_convention(problem, *convention);
                let samples = if solved.schedule.is_some() && arrays::few_samples(solved) {
                    Some(arrays::sample_gram(problem, solved)?)
                } else {
                    None
                };
                if let Some(samples) = &samples {
                    report = report.at_sample_level(samples);
                }
                arrays::write(folder, problem, solved, samples.as_ref(), &mut report)?;
                arrays::write_view(folder, "result", &report, &FORMATS)
            }
            Found::CrossEntropy {
                problem,
                solved,
                tolerance,
            } => {
                let mut report = CrossEntropyReport::new(problem, solved, *tolerance, false);
                arrays::write_cross_entropy(folder, problem, solved, &mut report)?;
                arrays::write_view(folder, "result", &report, &FORMATS)
            }
        }
    }
}

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
    fn made(py: Python<'_>, problem: Py<Problem>, found: Found) -> PyResult<Py<Self>> {
        let found = Arc::new(found);
        let base = Result::new(Lazy {
            found: found.clone(),
            report: OnceLock::new(),
        });
        let solution = Self {
            problem,
            found,
            gram: Array::new(),
            group_gram: Array::new(),
            embeddings: Array::new(),
        };
        Py::new(py, PyClassInitializer::from(base).add_subclass(solution))
    }

    /// A matrix that the library makes, without holding the interpreter meanwhile.
    fn asked<T: Send>(&self, py: Python<'_>, what: impl Fn(&Found) -> Answered<T> + Send + Sync) -> PyResult<T> {
        py.detach(|| what(&self.found)).map_err(|error| raised(py, error))
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

    fn of_cross_entropy(&self) -> Option<&cross_entropy::Solved> {
        match &*self.found {
            Found::Contrastive { .. } => None,
            Found::CrossEntropy { solved, .. } => Some(solved),
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
        object(py, &py.detach(|| GroupReport::all(self.found.partition())))
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
        match &*self.found {
            Found::Contrastive { problem, solved, .. } => {
                let samples = py.detach(|| arrays::sample_gram(problem, solved));
                transposed(py, samples.map_err(|error| raised(py, error))?)
            }
            Found::CrossEntropy { .. } => Err(no_samples(py)),
        }
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
    fn collapsed(&self, py: Python<'_>) -> Vec<Vec<u64>> {
        py.detach(|| match &*self.found {
            Found::Contrastive { solved, gram, .. } => collapsed_sets(gram, &solved.solution.clusters),
            Found::CrossEntropy { solved, .. } => of_cross_entropy::collapsed_sets(solved),
        })
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
        let Some(solved) = self.of_cross_entropy() else {
            return Ok(None);
        };
        let made = py.detach(|| vectors(solved, true)).map_err(|error| raised(py, error))?;
        transposed(py, made).map(Some)
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
        let (verdict, relative_gap) = (self.found.verdict(), self.found.relative_gap());
        match &*self.found {
            Found::Contrastive { solved, .. } => {
                let certificate = &solved.certificate;
                Certificate {
                    lower_bound: certificate.lower_bound,
                    gap: certificate.gap,
                    relative_gap,
                    min_eigenvalue: certificate.min_eigenvalue,
                    method: certificate.method.name(),
                    tolerance: certificate.tolerance,
                    verdict,
                }
            }
            Found::CrossEntropy { solved, tolerance, .. } => Certificate {
                lower_bound: solved.proof.lower_bound,
                gap: solved.proof.gap,
                relative_gap,
                min_eigenvalue: solved.proof.min_eigenvalue,
                method: of_cross_entropy::proof_method(solved),
                tolerance: tolerance.unwrap_or(of_cross_entropy::TOLERANCE),
                verdict,
            },
        }
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
        let report = self.asked(py, |found| found.report(full_gram, by_sample))?;
        loads(py, &py.detach(|| report.json()))
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
    fn _restored(py: Python<'_>, problem: Py<Problem>, stored: &[u8]) -> PyResult<Py<Self>> {
        let stored: Stored = py
            .detach(|| ciborium::from_reader(stored))
            .map_err(|error| PyValueError::new_err(format!("this is no solution: {error}")))?;
        let found = Found::restored(problem.get().statement(), stored)
            .ok_or_else(|| PyValueError::new_err("this is no solution of the problem"))?;
        Self::made(py, problem, found)
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<Reduced<'py>> {
        let (py, solution) = (slf.py(), slf.get());
        let bytes = py.detach(|| {
            let mut bytes = Vec::new();
            ciborium::into_writer(&solution.found.stored(), &mut bytes).map(|()| bytes)
        });
        let bytes = bytes.map_err(|error| PyValueError::new_err(error.to_string()))?;
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
        of: impl Fn(&cross_entropy::Solved) -> &cross_entropy::Products + Send + Sync,
    ) -> PyResult<Option<Bound<'py, PyArray2<f64>>>> {
        let Some(solved) = self.of_cross_entropy() else {
            return Ok(None);
        };
        let made = py.detach(|| side(solved, of)).map_err(|error| raised(py, error))?;
        rows(py, &made).map(Some)
    }

    fn as_super_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let report = self.asked(py, |found| found.report(false, false))?;
        loads(py, &report.json())
    }
}

fn no_samples(py: Python<'_>) -> PyErr {
    let what = "cross-entropy has no sample level";
    usage(py, "level", what, "samples of a class coincide: use gram")
}

/// The word of a verdict in the JSON.
fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Certified => "certified",
        Verdict::NotCertified => "not-certified",
        Verdict::RankExceedsDimension => "rank-exceeds-dimension",
    }
}

/// What is proven of a solution: no features of any dimension have a smaller loss than `lower_bound`.
#[pyclass(frozen, module = "ufmin")]
pub(crate) struct Certificate {
    /// No unit features of any dimension have a smaller loss.
    #[pyo3(get)]
    lower_bound: f64,
    /// Loss minus lower bound.
    #[pyo3(get)]
    gap: f64,
    /// The gap by the excess (by max(1, |loss|) for nscl, by the loss for cross-entropy).
    #[pyo3(get)]
    relative_gap: f64,
    /// Proven lower bound on the smallest eigenvalue of the dual matrix.
    #[pyo3(get)]
    min_eigenvalue: f64,
    /// How that was bounded.
    #[pyo3(get)]
    method: &'static str,
    /// The relative gap that counts as certified.
    #[pyo3(get)]
    tolerance: f64,
    verdict: Verdict,
}

#[pymethods]
impl Certificate {
    /// "certified", "not-certified" or "rank-exceeds-dimension".
    #[getter]
    fn verdict(&self) -> &'static str {
        word(self.verdict)
    }

    /// Whether the verdict is "certified".
    #[getter]
    fn is_certified(&self) -> bool {
        self.verdict == Verdict::Certified
    }

    fn __repr__(&self) -> String {
        format!(
            "<ufmin.Certificate: {}, lower bound {}, relative gap {:.1e}>",
            word(self.verdict),
            self.lower_bound,
            self.relative_gap
        )
    }
}

/// When the answer is found again by another method.
pub(crate) fn cross_check(py: Python<'_>, word: &str) -> PyResult<CrossCheckChoice> {
    match word {
        "auto" => Ok(CrossCheckChoice::Auto),
        "always" => Ok(CrossCheckChoice::Always),
        "never" => Ok(CrossCheckChoice::Never),
        _ => {
            let what = format!("`{word}` is not one of auto, always, never");
            Err(usage(py, "cross_check", what, "choose one of these"))
        }
    }
}

/// Finds the global minimiser of a problem, and proves it.
///
/// Parameters
/// ----------
/// problem : Problem, optional
///     What to solve. Keywords of `Problem` may be given in its place, or over it: `method` and `tolerance` are among them.
/// cross_check : {"auto", "always", "never"}
///     Whether to solve again by an independent method and compare; "auto" does where there are at most 12 distinct sizes.
/// time_limit : float, optional
///     Stop after so many seconds; the answer is then the best that is known, and not certified.
/// threads : int, optional
///     Threads to use, by default all cores. The result does not depend on it.
/// progress : bool or callable
///     True shows a bar of tqdm if it is installed; a callable is called with a `Progress` now and then.
///
/// Returns
/// -------
/// Solution
///     One that is not certified is returned too, with a `NotCertifiedWarning`.
#[pyfunction]
#[pyo3(signature = (problem=None, /, *, cross_check="auto", time_limit=None, threads=None, progress=None, **keywords))]
#[allow(clippy::too_many_arguments)] // Keywords of Python.
pub(crate) fn solve(
    py: Python<'_>,
    problem: Option<&Bound<'_, PyAny>>,
    cross_check: &str,
    time_limit: Option<f64>,
    threads: Option<i64>,
    progress: Option<&Bound<'_, PyAny>>,
    keywords: Option<&Bound<'_, PyDict>>,
) -> PyResult<Py<Solution>> {
    let run = Run::new(py, time_limit, threads, progress)?;
    let choice = self::cross_check(py, cross_check)?;
    let problem = Problem::given(py, problem, keywords)?;
    let found = match problem.get().statement().clone() {
        Statement::Contrastive {
            problem,
            mut options,
            convention,
        } => {
            options.cross_check = choice;
            run.work(py, move |control| {
                let solved = ufmin::solve(&problem, &options, control)?;
                Ok(Found::of_contrastive(problem, Box::new(solved), convention))
            })?
        }
        Statement::CrossEntropy { .. } if choice == CrossCheckChoice::Always => {
            let what = "cross-entropy has no second method to compare with";
            return Err(usage(
                py,
                "cross_check",
                what,
                "use cross_check=\"never\": the bound is proven from the solution alone",
            ));
        }
        Statement::CrossEntropy { problem, tolerance } => run.work(py, move |control| {
            let solved = cross_entropy::solve(&problem, control)?;
            Ok(Found::CrossEntropy {
                problem,
                solved: Box::new(solved),
                tolerance,
            })
        })?,
    };
    if found.verdict() != Verdict::Certified {
        warn_not_certified(py, word(found.verdict()), found.relative_gap())?;
    }
    Solution::made(py, problem, found)
}
