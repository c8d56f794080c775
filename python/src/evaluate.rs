//! [`Evaluation`]: trained features beside the global optimum, and [`evaluate`].

use std::path::Path;

use nalgebra::DMatrix;
use numpy::PyArray2;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use ufmin::error::{ArrayError, Contents, Error};
use ufmin::files::labels::Labels;
use ufmin::measure::rows::Rows;
use ufmin::problem::{Convention, Problem as Model};
use ufmin::solve::{CrossCheckChoice, Options};
use ufmin::spec::{self, ProblemFile};
use ufmin::study::evaluate::{self as study, Settings, Source, advise, check_labels, optimum};

use crate::array::{self, Features, rows};
use crate::error::raised;
use crate::keyword::file_of;
use crate::problem::Problem;
use crate::run::Run;
use crate::shown::{Files, answer, object};
use crate::verify::at_least;

answer! {
    /// Trained features beside the global optimum for their own classes. `table()` has a row a class.
    Evaluation(study::Evaluation), Files { json: "evaluation", table: Some("classes") }, {
        /// The loss of the features.
        #[getter]
        fn loss(&self) -> f64 {
            self.report.measures.loss
        }

        /// The smallest loss of any features.
        #[getter]
        fn optimal_loss(&self) -> f64 {
            self.report.measures.optimal_loss
        }

        /// The loss of the features above it.
        #[getter]
        fn gap_to_optimum(&self) -> f64 {
            self.report.measures.gap_to_optimum
        }

        /// The gap by the optimal excess.
        #[getter]
        fn relative_gap(&self) -> f64 {
            self.report.measures.relative_gap
        }

        /// How far the geometry of the class means is from the optimal one; None where a mean is zero.
        #[getter]
        fn gram_distance(&self) -> Option<f64> {
            self.report.measures.gram_distance
        }

        /// NC1, the spread within classes: a dict of its forms.
        #[getter]
        fn nc1<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
            object(py, &self.report.measures.nc1)
        }

        /// NC2, the shape of the class means: a dict of its forms.
        #[getter]
        fn nc2<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
            object(py, &self.report.measures.nc2)
        }

        /// NC3, the distance of the classifier from the class means; None without a classifier.
        #[getter]
        fn nc3(&self) -> Option<f64> {
            self.report.measures.nc3
        }

        /// The share of samples whose nearest class mean is their own.
        #[getter]
        fn ncc_accuracy(&self) -> f64 {
            self.report.measures.ncc_accuracy
        }

        /// Cosines of the class means, k x k; None where a mean is zero, or above 2048 classes.
        #[getter]
        fn class_gram<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyArray2<f64>>>> {
            let grams = self.report.grams.as_ref();
            grams.map(|(_, class_gram)| rows(py, class_gram)).transpose()
        }

        /// The optimal Gram matrix, k x k; None where `class_gram` is.
        #[getter]
        fn optimal_gram<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyArray2<f64>>>> {
            let grams = self.report.grams.as_ref();
            grams.map(|(optimal, _)| rows(py, optimal)).transpose()
        }

        /// What the numbers speak for: dicts of `action`, `sentence` and the numbers it `rests_on`.
        #[getter]
        fn advice<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
            object(py, &self.report.advice)
        }

        /// Things you should know.
        #[getter]
        fn warnings(&self) -> Vec<String> {
            self.report.warnings.clone()
        }

        fn __repr__(&self) -> String {
            format!(
                "<ufmin.Evaluation: loss {}, {} above the optimum>",
                self.report.measures.loss, self.report.measures.gap_to_optimum
            )
        }
    }
}

/// Labels of features, and the problem of so many samples.
pub(crate) struct Labelled {
    pub(crate) features: Features,
    pub(crate) labels: Labels,
    pub(crate) problem: Model,
    options: Options,
    convention: Convention,
}

impl Labelled {
    /// Class sizes are those of the labels unless the problem or the keywords give some.
    pub(crate) fn new(
        embeddings: &Bound<'_, PyAny>,
        labels: &Bound<'_, PyAny>,
        problem: Option<&Bound<'_, PyAny>>,
        keywords: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Self> {
        let py = embeddings.py();
        let labels = Labels::new(array::labels(labels)?);
        let features = Features::new(embeddings)?;
        features.check_labels(py, labels.classes.len())?;
        let base = problem
            .map(|problem| Problem::given(py, Some(problem), None))
            .transpose()?;
        let base = base.map_or_else(ProblemFile::default, |problem| problem.get().file().clone());
        let mut file = match keywords {
            Some(keywords) => file_of(base, keywords)?,
            None => base,
        };
        let resolved = spec::count_rows(&mut file, &labels)
            .map_err(Error::from)
            .and_then(|()| spec::resolve(&file, Path::new("")))
            .and_then(|(problem, options)| {
                let convention = spec::convention(&file, &problem)?;
                check_labels(&problem, &labels.counts, &labels.values)?;
                Ok((problem, options, convention))
            });
        let (problem, options, convention) = resolved.map_err(|error| raised(py, error))?;
        Ok(Self {
            features,
            labels,
            problem,
            options,
            convention,
        })
    }

    fn classifier(&self, weights: &Bound<'_, PyAny>) -> PyResult<DMatrix<f64>> {
        let matrix = array::matrix(weights, "classifier")?;
        if matrix.shape() == (self.labels.counts.len(), self.features.dimension()) {
            return Ok(matrix);
        }
        let source = ArrayError::Shape {
            contents: Contents::Classifier,
            found: vec![matrix.nrows() as u64, matrix.ncols() as u64],
        };
        let path = "classifier".into();
        Err(raised(weights.py(), Error::Array { path, source }))
    }
}

/// Compares trained features with the global optimum for their own classes.
///
/// Parameters
/// ----------
/// embeddings : array, n x d
///     A row a sample: a NumPy array (also `numpy.memmap`, larger than the memory), a torch tensor. They are scaled to unit length.
/// labels : array of n ints
///     The distinct values in ascending order are the classes.
/// problem : Problem, optional
///     How the features were trained, or keywords of `Problem`. Class sizes are those of the labels unless some are given.
/// classifier : array, k x d, optional
///     Weights of a linear classifier, for NC3.
/// exact : bool
///     Compute the loss over all pairs of samples whatever their number, which is estimated above 20,000.
/// seed : int
///     Of the anchors of an estimate.
/// time_limit, threads, progress
///     As for `solve`.
#[pyfunction]
#[pyo3(signature = (embeddings, labels, problem=None, /, *, classifier=None, exact=false, seed=0, time_limit=None, threads=None, progress=None, **keywords))]
#[allow(clippy::too_many_arguments)] // Keywords of Python.
pub(crate) fn evaluate(
    py: Python<'_>,
    embeddings: &Bound<'_, PyAny>,
    labels: &Bound<'_, PyAny>,
    problem: Option<&Bound<'_, PyAny>>,
    classifier: Option<&Bound<'_, PyAny>>,
    exact: bool,
    seed: i64,
    time_limit: Option<f64>,
    threads: Option<i64>,
    progress: Option<&Bound<'_, PyAny>>,
    keywords: Option<&Bound<'_, PyDict>>,
) -> PyResult<Py<Evaluation>> {
    let run = Run::new(py, time_limit, threads, progress)?;
    let settings = Settings {
        exact,
        seed: at_least(py, "seed", seed, 0)?,
    };
    let given = Labelled::new(embeddings, labels, problem, keywords)?;
    let classifier = classifier.map(|weights| given.classifier(weights)).transpose()?;
    let found = run.work(py, move |control| {
        let Labelled {
            mut features,
            labels,
            problem,
            options,
            convention,
        } = given;
        let options = Options {
            cross_check: CrossCheckChoice::Never,
            ..options
        };
        let solved = optimum(&problem, &options, control)?;
        let source = Source::Samples(&mut features, &labels.classes);
        let measured = study::evaluate(
            &problem,
            &solved,
            source,
            &labels.counts,
            classifier.as_ref(),
            &settings,
            control,
        )?;
        let advice = advise(&problem, &solved, &measured, &options, control)?;
        let name = "embeddings".to_owned();
        let report = study::Evaluation::new(&problem, &solved, name, &labels.values, measured, advice, settings.seed)?;
        Ok(report.in_convention(&problem, convention))
    })?;
    Evaluation::made(py, found)
}
