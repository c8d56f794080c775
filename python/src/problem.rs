//! [`Problem`]: what is to be minimised, by the keywords that say it.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use pyo3::exceptions::{PyKeyError, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyTuple};
use toml::Value;
use ufmin::error::Error;
use ufmin::files::read_text;
use ufmin::problem::{Convention, SampleOrder};
use ufmin::solve::Options;
use ufmin::spec::{self, ProblemFile, bundled};

use crate::error::{raised, usage};
use crate::keyword::{canonical, default_of, file_of, names, object, small_values};
use crate::spelling::listed;
use crate::statement::{Statement, absorbed};

/// A problem of the unconstrained features model: class sizes, a loss, and what training sees.
///
/// Give exactly one of `sizes` (samples of each class), `labels` (a label for every sample), `probabilities` and `profile`.
/// Everything else has the default of the command line; keywords are named as in problem files and in the JSON.
///
/// Problems are immutable, hashable and picklable, and `repr` can be pasted back.
///
/// Parameters
/// ----------
/// sizes : list or array of int
///     Samples of each class. Classes keep this order everywhere.
/// labels : array of int
///     One label a sample; the distinct values in ascending order are the classes. `batches` number samples by their position
///     here.
/// probabilities : list of float
///     Class probabilities that sum to 1, for `population`, `nce` and random batches.
/// profile : {"exponential", "pareto", "step"}
///     A family of sizes, with `count`, `largest` and `ratio`, or for STEP imbalance `majority`, `minority`, `smallest` and
///     `ratio`.
/// views : int
///     Augmented views of an example; multiplies the sizes.
/// loss : {"supcon", "sincere", "nscl", "population", "bcl", "nce", "cross-entropy"}
/// temperature : float
/// anchors : {"sample", "class"}
///     Whether each sample or each class weighs the same.
/// singletons : {"error", "skip", "zero"}
///     What a class of one sample is.
/// negatives : int
///     Sampled negatives of each anchor, for `nce`.
/// loss_scale, reduction : float, {"mean", "sum"}
///     How your code states the loss; `to_dict()["solution"]["reported_loss"]` is on that scale.
/// batch_size, power : int, float
///     Random batches of that size, which draw a class of n samples in proportion to n**power.
/// batch_classes, per_class : int
///     Class-balanced batches: so many classes, and examples of each.
/// batches, unused : lists of int or an array padded with -1, {"error", "ignore"}
///     The batches of an epoch, the same in every epoch, and what a sample in none of them is.
/// nonnegative : bool
///     Features after a ReLU.
/// dimension : int
///     Dimension of the features; by default as many as the optimum needs.
/// feature_norm, feature_energy, feature_ridge : float
/// classifier_norm, classifier_energy, classifier_frobenius, classifier_ridge : float
///     What holds features and classifier of cross-entropy back: one of each.
/// method : {"auto", "dual", "conic", "lowrank", "closed-form"}
/// tolerance : float
///     Relative gap that counts as certified: 1e-9, or 1e-6 where the conic or the low-rank method is the only route.
/// title : str
#[pyclass(frozen, module = "ufmin")]
pub(crate) struct Problem {
    file: ProblemFile,
    /// Keywords that are not at their default, without sizes, labels and batches.
    values: BTreeMap<&'static str, Value>,
    statement: Statement,
}

impl Problem {
    /// The problem of a file that names no others.
    fn of_file(py: Python<'_>, file: ProblemFile) -> PyResult<Self> {
        let statement = Statement::new(&file, Path::new("")).map_err(|error| raised(py, error))?;
        Self::settled(file, statement)
    }

    fn settled(file: ProblemFile, statement: Statement) -> PyResult<Self> {
        let mut file = canonical(file)?;
        // Numbers of samples need no list where they go by class.
        let by_class = SampleOrder::class_major(statement.classes()).ok();
        if file.classes.order.as_deref() == by_class.as_ref() {
            file.classes.order = None;
        }
        Ok(Self {
            values: small_values(&file),
            file,
            statement,
        })
    }

    /// The problem that a verb is called with: one that exists, with keywords over it, or keywords alone.
    pub(crate) fn given(
        py: Python<'_>,
        problem: Option<&Bound<'_, PyAny>>,
        keywords: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Py<Self>> {
        let base = problem.map(|problem| problem.cast::<Self>().map_err(|_| not_a_problem(problem)));
        match (base.transpose()?, keywords.filter(|keywords| !keywords.is_empty())) {
            (Some(problem), None) => Ok(problem.clone().unbind()),
            (Some(problem), Some(keywords)) => Py::new(py, problem.get().replaced(keywords)?),
            (None, Some(keywords)) => Py::new(py, Self::of_file(py, file_of(ProblemFile::default(), keywords)?)?),
            (None, None) => Err(PyTypeError::new_err(
                "a problem is needed, or its keywords, such as sizes=[500, 500, 5, 5]",
            )),
        }
    }

    /// What the library solves.
    pub(crate) fn statement(&self) -> &Statement {
        &self.statement
    }

    /// The problem, for a verb that cross-entropy does not have.
    pub(crate) fn contrastive(
        &self,
        py: Python<'_>,
        verb: &str,
    ) -> PyResult<(Arc<ufmin::Problem>, Options, Convention)> {
        match &self.statement {
            Statement::Contrastive {
                problem,
                options,
                convention,
            } => Ok((problem.clone(), *options, *convention)),
            Statement::CrossEntropy { .. } => {
                let what = format!("`cross-entropy` is no loss of {verb}");
                Err(usage(
                    py,
                    "loss",
                    what,
                    "it is for solve, compare, and phase over the ratio",
                ))
            }
        }
    }

    /// The name of the loss.
    pub(crate) fn loss_name(&self, py: Python<'_>) -> PyResult<String> {
        self.field(py, "loss")?.extract()
    }

    fn replaced(&self, keywords: &Bound<'_, PyDict>) -> PyResult<Self> {
        Self::of_file(keywords.py(), file_of(self.file.clone(), keywords)?)
    }

    /// The keywords over this problem as a file, for what is asked of files.
    pub(crate) fn file(&self) -> &ProblemFile {
        &self.file
    }

    pub(crate) fn field<'py>(&self, py: Python<'py>, name: &str) -> PyResult<Bound<'py, PyAny>> {
        match self.values.get(name) {
            Some(value) => object(py, value),
            None => default_of(py, name),
        }
    }

    /// A field that cross-entropy does not have.
    pub(crate) fn contrastive_field<'py>(&self, py: Python<'py>, name: &str) -> PyResult<Bound<'py, PyAny>> {
        match self.statement {
            Statement::Contrastive { .. } => self.field(py, name),
            Statement::CrossEntropy { .. } => Ok(py.None().into_bound(py)),
        }
    }

    /// Keywords and values that make this problem again, in the order of `repr`.
    fn keywords<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let keywords = PyDict::new(py);
        for name in names() {
            match name {
                "sizes" if self.file.classes.order.is_some() => {}
                "sizes" => {
                    if let Some(sizes) = &self.file.classes.sizes {
                        let sizes: PyResult<Vec<_>> = sizes.iter().map(|size| object(py, size)).collect();
                        keywords.set_item(name, PyList::new(py, sizes?)?)?;
                    }
                }
                "labels" => {
                    if let Some(labels) = self.label_list() {
                        keywords.set_item(name, labels)?;
                    }
                }
                "batches" => {
                    if let Some(members) = self.file.batches.as_ref().and_then(|table| table.members.as_ref()) {
                        keywords.set_item(name, members)?;
                    }
                }
                _ => {
                    if let Some(value) = self.values.get(name) {
                        let value = object(py, value)?;
                        match value.cast::<PyTuple>() {
                            Ok(tuple) => keywords.set_item(name, tuple.to_list())?,
                            Err(_) => keywords.set_item(name, value)?,
                        }
                    }
                }
            }
        }
        Ok(keywords)
    }

    /// Whether batches of samples are given.
    fn names_samples(&self) -> bool {
        self.file.batches.as_ref().is_some_and(|table| table.members.is_some())
    }

    /// Labels by which samples are numbered as they were given; the classes are their values.
    pub(crate) fn label_list(&self) -> Option<Vec<u32>> {
        let order = self.file.classes.order.as_ref()?;
        let mut labels = vec![0; order.examples() as usize];
        for (example, class) in (0..).zip(self.statement.classes().class_of_examples()) {
            labels[order.position(example) as usize] = class;
        }
        Some(labels)
    }
}

fn not_a_problem(object: &Bound<'_, PyAny>) -> PyErr {
    let found = object
        .get_type()
        .name()
        .map_or_else(|_| "object".to_owned(), |name| name.to_string());
    PyTypeError::new_err(format!(
        "a ufmin.Problem is needed, not {found}: class sizes are given as sizes=[..], labels as labels=y"
    ))
}

#[pymethods]
impl Problem {
    #[new]
    #[pyo3(
        signature = (**keywords),
        text_signature = "(*, sizes=None, labels=None, probabilities=None, profile=None, count=None, largest=None, smallest=None, majority=None, minority=None, ratio=None, views=1, loss=\"supcon\", temperature=0.1, anchors=\"sample\", singletons=\"error\", negatives=None, loss_scale=1.0, reduction=\"mean\", batch_size=None, power=None, batch_classes=None, per_class=None, batches=None, unused=\"error\", nonnegative=False, dimension=None, feature_norm=None, feature_energy=None, feature_ridge=None, classifier_norm=None, classifier_energy=None, classifier_frobenius=None, classifier_ridge=None, method=\"auto\", tolerance=None, title=None)"
    )]
    fn new(py: Python<'_>, keywords: Option<&Bound<'_, PyDict>>) -> PyResult<Self> {
        let file = match keywords {
            Some(keywords) => file_of(ProblemFile::default(), keywords)?,
            None => ProblemFile::default(),
        };
        Self::of_file(py, file)
    }

    /// The problem of labels, one a sample: any integer array, PyTorch tensor or pandas Series.
    ///
    /// The distinct values in ascending order are the classes. The keywords are those of `Problem`.
    #[staticmethod]
    #[pyo3(signature = (labels, /, **keywords))]
    fn from_labels(labels: &Bound<'_, PyAny>, keywords: Option<&Bound<'_, PyDict>>) -> PyResult<Self> {
        let py = labels.py();
        let given = match keywords {
            Some(keywords) => keywords.copy()?,
            None => PyDict::new(py),
        };
        if given.contains("labels")? {
            return Err(PyTypeError::new_err("labels are given twice"));
        }
        given.set_item("labels", labels)?;
        Self::of_file(py, file_of(ProblemFile::default(), &given)?)
    }

    /// The problem of a problem file (TOML), read at once: the files that it names are no longer needed.
    #[staticmethod]
    #[pyo3(signature = (path, /))]
    fn from_file(py: Python<'_>, path: PathBuf) -> PyResult<Self> {
        let text = read_text(&path).map_err(|error| raised(py, error))?;
        Self::of_text(py, &path, &text)
    }

    /// One of the bundled problems, by its name in `ufmin.problems()`.
    #[staticmethod]
    #[pyo3(signature = (name, /))]
    fn bundled(py: Python<'_>, name: &str) -> PyResult<Self> {
        let Some(text) = bundled::problem(name) else {
            let known = bundled::PROBLEMS.map(|(name, _)| name);
            let hint = ufmin::error::closest(name, &known)
                .map_or_else(String::new, |name| format!(". Did you mean '{name}'?"));
            return Err(PyKeyError::new_err(format!(
                "no bundled problem is called '{name}'{hint}"
            )));
        };
        Self::of_text(py, Path::new(name), text)
    }

    /// The same problem with other values of some keywords; None takes one back.
    ///
    /// Class sizes that are given in one way replace those that were given in another, and batches of one kind those of another.
    #[pyo3(signature = (**keywords))]
    fn replace(slf: Py<Self>, py: Python<'_>, keywords: Option<&Bound<'_, PyDict>>) -> PyResult<Py<Self>> {
        match keywords {
            Some(keywords) => Py::new(py, slf.get().replaced(keywords)?),
            None => Ok(slf),
        }
    }

    /// The keywords that are not at their default: `Problem(**problem.to_dict())` is the same problem.
    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        self.keywords(py)
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let mut text = String::from("ufmin.Problem(");
        let keywords = self.keywords(py)?;
        if let (Some(sizes), false) = (&self.file.classes.sizes, self.names_samples()) {
            // Labels that number the samples of no batch are as many class sizes.
            match listed(sizes) {
                Some(listed) => text.push_str(&format!("sizes={listed}")),
                None => return Ok(self.in_short()),
            }
            let _ = keywords.del_item("sizes").or_else(|_| keywords.del_item("labels"));
        }
        for (name, value) in keywords {
            let separator = if text.ends_with('(') { "" } else { ", " };
            let name: String = name.extract()?;
            let value: String = value.repr()?.extract()?;
            // Writing to a string cannot fail.
            let _ = write!(text, "{separator}{name}={value}");
        }
        text.push(')');
        Ok(text)
    }

    fn __eq__(&self, other: &Bound<'_, PyAny>) -> bool {
        // Where no batches name samples, their numbers are no part of the problem.
        let file = |problem: &Self| {
            let mut file = problem.file.clone();
            file.classes.order = file.classes.order.filter(|_| problem.names_samples());
            file
        };
        other.cast::<Self>().is_ok_and(|other| file(other.get()) == file(self))
    }

    fn __hash__(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        // Equal problems have equal numbers, and equal numbers one text.
        format!("{:?}", self.values).hash(&mut hasher);
        for run in self.statement.classes().runs() {
            (run.size.to_bits(), run.count).hash(&mut hasher);
        }
        hasher.finish()
    }

    fn __getnewargs_ex__<'py>(&self, py: Python<'py>) -> PyResult<(Bound<'py, PyTuple>, Bound<'py, PyDict>)> {
        Ok((PyTuple::empty(py), self.keywords(py)?))
    }
}

impl Problem {
    fn of_text(py: Python<'_>, path: &Path, text: &str) -> PyResult<Self> {
        let read = || -> Result<(ProblemFile, Statement), Error> {
            let file = spec::parse(path, text)?;
            let folder = path.parent().unwrap_or(Path::new(""));
            let located = |error| spec::locate(error, path, text);
            let statement = Statement::new(&file, folder).map_err(located)?;
            Ok((absorbed(file, folder, &statement).map_err(located)?, statement))
        };
        let (file, statement) = read().map_err(|error| raised(py, error))?;
        Self::settled(file, statement)
    }

    /// What is not pasted back: too many sizes to be read.
    fn in_short(&self) -> String {
        let classes = self.statement.classes();
        let word = |name: &str, default: &str| match self.values.get(name) {
            Some(Value::String(word)) => word.clone(),
            Some(other) => other.to_string(),
            None => default.to_owned(),
        };
        format!(
            "<ufmin.Problem with {} classes of {} different neighbours, loss {}>",
            classes.count(),
            classes.runs().len(),
            word("loss", "supcon"),
        )
    }
}

/// The bundled problems: names, and what each shows.
#[pyfunction]
pub(crate) fn problems() -> Vec<(&'static str, &'static str)> {
    bundled::PROBLEMS
        .map(|(name, text)| (name, bundled::summary(text)))
        .to_vec()
}
