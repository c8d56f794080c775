//! [`Phase`] and [`PhaseDiagram`]: where classes begin to share one vector, and [`phase`].

use std::path::Path;

use numpy::PyArray1;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use ufmin::cross_entropy::collapse_threshold;
use ufmin::report::cross_entropy_phase::CrossEntropyPhase;
use ufmin::spec;
use ufmin::study::phase::{self as study, ScanSettings, Vary, grid};

use crate::error::{raised, usage};
use crate::problem::Problem;
use crate::run::Run;
use crate::shown::{Files, answer, object};
use crate::statement::Statement;

const FILES: Files = Files {
    json: "phase",
    table: None,
};

answer! {
    /// Where classes begin to share one vector, along a ratio or a temperature.
    Phase(study::Phase), FILES, {
        /// What was varied: "ratio" or "temperature".
        #[getter]
        fn vary(&self) -> &'static str {
            match self.report.vary {
                Vary::Ratio => "ratio",
                Vary::Temperature => "temperature",
                Vary::Negatives => "negatives",
                Vary::BatchSize => "batch-size",
            }
        }

        /// The smallest ratio, or temperature, at which a set of classes shares one vector, or None.
        #[getter]
        fn threshold(&self) -> Option<f64> {
            self.report.threshold
        }

        /// Whether no ratio (or no temperature) collapses any classes.
        #[getter]
        fn never(&self) -> bool {
            self.report.never
        }

        /// The sets of classes that collapse first.
        #[getter]
        fn collapsed(&self) -> Vec<Vec<u64>> {
            self.report.collapsed.clone()
        }

        /// All stretches in which classes are collapsed, as pairs of their ends.
        #[getter]
        fn intervals(&self) -> Vec<(f64, f64)> {
            self.report.intervals.iter().map(|&[low, high]| (low, high)).collect()
        }

        /// The range that was searched.
        #[getter]
        fn range(&self) -> (f64, f64) {
            let [low, high] = self.report.range;
            (low, high)
        }

        /// Problems of whole sizes next to the threshold, each solved and certified: dicts of `ratio`, `verdict` and
        /// `collapsed`.
        #[getter]
        fn certified<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
            object(py, &self.report.certified)
        }

        fn __repr__(&self) -> String {
            let threshold = self.report.threshold.map_or_else(|| "None".to_owned(), |value| value.to_string());
            format!("<ufmin.Phase: vary {}, threshold {threshold}>", self.vary())
        }
    }
}

answer! {
    /// The threshold of cross-entropy, along the ratio of STEP imbalance.
    CrossEntropyThreshold(CrossEntropyPhase), FILES, {
        /// The smallest ratio at which the classifiers of the small classes coincide, or None.
        #[getter]
        fn threshold(&self) -> Option<f64> {
            self.report.threshold
        }

        /// Whether no ratio of the range collapses any classes.
        #[getter]
        fn never(&self) -> bool {
            self.report.never
        }

        /// The sets of classes that collapse.
        #[getter]
        fn collapsed(&self) -> Vec<Vec<u64>> {
            self.report.collapsed.clone()
        }

        /// The range that was searched.
        #[getter]
        fn range(&self) -> (f64, f64) {
            let [low, high] = self.report.range;
            (low, high)
        }

        fn __repr__(&self) -> String {
            let threshold = self.report.threshold.map_or_else(|| "None".to_owned(), |value| value.to_string());
            format!("<ufmin.CrossEntropyThreshold: threshold {threshold}>")
        }
    }
}

answer! {
    /// The diagram of ratio and temperature: how many classes share their vector with another.
    PhaseDiagram(study::Grid), Files { json: "phase", table: Some("phase") }, {
        /// The ratios, ascending.
        #[getter]
        fn ratios<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<f64>> {
            PyArray1::from_slice(py, &self.report.ratios)
        }

        /// The temperatures, ascending.
        #[getter]
        fn temperatures<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<f64>> {
            PyArray1::from_slice(py, &self.report.temperatures)
        }

        /// For every temperature (a row) and every ratio the number of classes that share their vector; NaN where no rule
        /// tells.
        #[getter]
        fn collapsed<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, numpy::PyArray2<f64>>> {
            let value = |count: &Option<u64>| count.map_or(f64::NAN, |count| count as f64);
            let rows: Vec<Vec<f64>> = self.report.collapsed.iter().map(|row| row.iter().map(value).collect()).collect();
            Ok(numpy::PyArray2::from_vec2(py, &rows)?)
        }

        /// Curves on which collapse begins or ends, each an array of rows (ratio, temperature).
        #[getter]
        fn boundary<'py>(&self, py: Python<'py>) -> PyResult<Vec<Bound<'py, numpy::PyArray2<f64>>>> {
            let curve = |curve: &Vec<[f64; 2]>| {
                let rows: Vec<Vec<f64>> = curve.iter().map(|point| point.to_vec()).collect();
                Ok(numpy::PyArray2::from_vec2(py, &rows)?)
            };
            self.report.boundary.iter().map(curve).collect()
        }

        /// Draws the diagram with matplotlib; returns the axes.
        #[pyo3(signature = (ax=None))]
        fn plot<'py>(slf: &Bound<'py, Self>, ax: Option<Bound<'py, PyAny>>) -> PyResult<Bound<'py, PyAny>> {
            slf.py().import("ufmin._figure")?.call_method1("diagram", (slf, ax))
        }

        fn __repr__(&self) -> String {
            format!(
                "<ufmin.PhaseDiagram: {} ratios x {} temperatures>",
                self.report.ratios.len(),
                self.report.temperatures.len()
            )
        }
    }
}

/// Finds the imbalance ratio, or the temperatures, at which classes begin to share one vector.
///
/// The ratio is that of the largest to the smallest class; the smallest is fixed, and sizes are real numbers. Profiles keep
/// their form at every ratio; explicit sizes are raised to a power (two sizes: STEP imbalance).
///
/// Parameters
/// ----------
/// problem : Problem, optional
///     Or keywords of `Problem`.
/// vary : {"ratio", "temperature"}
/// ratios, temperatures : tuple of two floats, optional
///     Where to look: 1 to 1e9, and 0.005 to 50; with `grid` 1 to 1000, and 0.05 to 2.
/// points : int
///     Points of the search, evenly spaced in the logarithm, before refinement.
/// grid : tuple of two ints, optional
///     The diagram of so many ratios by so many temperatures instead.
/// time_limit, threads, progress
///     As for `solve`.
///
/// Returns
/// -------
/// Phase, PhaseDiagram with `grid`, or CrossEntropyThreshold for cross-entropy
#[pyfunction]
#[pyo3(signature = (problem=None, /, *, vary="ratio", ratios=None, temperatures=None, points=400, grid=None, time_limit=None, threads=None, progress=None, **keywords))]
#[allow(clippy::too_many_arguments)] // Keywords of Python.
pub(crate) fn phase(
    py: Python<'_>,
    problem: Option<&Bound<'_, PyAny>>,
    vary: &str,
    ratios: Option<(f64, f64)>,
    temperatures: Option<(f64, f64)>,
    points: usize,
    grid: Option<(usize, usize)>,
    time_limit: Option<f64>,
    threads: Option<i64>,
    progress: Option<&Bound<'_, PyAny>>,
    keywords: Option<&Bound<'_, PyDict>>,
) -> PyResult<Py<PyAny>> {
    let run = Run::new(py, time_limit, threads, progress)?;
    let vary = match vary {
        "ratio" => Vary::Ratio,
        "temperature" => Vary::Temperature,
        "negatives" => Vary::Negatives,
        "batch-size" => Vary::BatchSize,
        _ => {
            let what = format!("`{vary}` is not one of ratio, temperature, negatives, batch-size");
            return Err(usage(py, "vary", what, "choose one of these"));
        }
    };
    let defaults = ScanSettings::default();
    let settings = ScanSettings {
        ratios: ratios.unwrap_or(defaults.ratios),
        temperatures: temperatures.unwrap_or(defaults.temperatures),
        draws: None,
        points,
    };
    let given = Problem::given(py, problem, keywords)?;
    let file = given.get().file();
    if let Statement::CrossEntropy { .. } = given.get().statement() {
        if vary != Vary::Ratio || grid.is_some() {
            let what = "cross-entropy has no temperature, and no diagram of it";
            return Err(usage(py, "vary", what, "use vary=\"ratio\""));
        }
        let step = spec::cross_entropy_step(file, Path::new("")).map_err(|error| raised(py, error))?;
        let Some((problem, family)) = step else {
            return Err(usage(py, "loss", "the loss is not cross-entropy", "give another"));
        };
        let found = run.work(py, move |control| {
            let found = collapse_threshold(&problem, family, settings.ratios, settings.points as u64, control)?;
            let complete = control.stop().is_none();
            Ok(CrossEntropyPhase::new(&problem, family, &found, complete))
        })?;
        return Ok(CrossEntropyThreshold::made(py, found)?.into_any());
    }
    let (family, problem) = spec::resolve_family(file, Path::new("")).map_err(|error| raised(py, error))?;
    study::check_dimension(&problem).map_err(|error| raised(py, error.into()))?;
    if let Some(points) = grid {
        let settings = grid::GridSettings {
            points,
            ratios: ratios.unwrap_or(grid::RATIOS),
            temperatures: temperatures.unwrap_or(grid::TEMPERATURES),
        };
        let found = run.work(py, move |control| {
            grid::grid(&family, problem.model(), &settings, None, control)
        })?;
        return Ok(PhaseDiagram::made(py, found)?.into_any());
    }
    let settings = ScanSettings {
        ratios: ratios.unwrap_or_else(|| ScanSettings::default_ratios(&family, problem.model())),
        ..settings
    };
    let found = run.work(py, move |control| {
        let found = match vary {
            Vary::Ratio => study::over_ratio(&family, problem.model(), &settings, None, control),
            Vary::Temperature => {
                let family = study::at_ratio_of(family, &problem);
                study::over_temperature(&family, problem.model(), &settings, None, control)
            }
            Vary::Negatives | Vary::BatchSize => {
                let family = study::at_ratio_of(family, &problem);
                study::over_draws(&family, problem.model(), &settings, None, control)
            }
        }?;
        // A scan without its end has no answer.
        match found.stop {
            Some(stop) => Err(stop.error(None)),
            None => Ok(found),
        }
    })?;
    Ok(Phase::made(py, found)?.into_any())
}
