//! The library's errors as Python's: the classes are those of `ufmin._errors`, the words those of keywords.

use std::io;
use std::path::Path;

use pyo3::exceptions::PyOSError;
use pyo3::prelude::*;
use ufmin::error::{Error, Field, ProblemFileWording, Wording, one_of};

/// The keyword of a field, if it has one.
fn keyword(field: Field) -> Option<&'static str> {
    Some(match field {
        Field::Title => "title",
        Field::Classes | Field::Sizes | Field::Size(_) | Field::File | Field::SizesFile => "sizes",
        Field::Probabilities | Field::Probability(_) => "probabilities",
        Field::Profile => "profile",
        Field::Count => "count",
        Field::Largest => "largest",
        Field::Smallest => "smallest",
        Field::Majority => "majority",
        Field::Minority => "minority",
        Field::Ratio => "ratio",
        Field::Views => "views",
        Field::Loss => "loss",
        Field::Temperature => "temperature",
        Field::Anchors => "anchors",
        Field::Singletons => "singletons",
        Field::Negatives => "negatives",
        Field::LossScale => "loss_scale",
        Field::Reduction => "reduction",
        Field::Batches
        | Field::BatchKind
        | Field::BatchMembers
        | Field::Batch(_)
        | Field::BatchMember(..)
        | Field::BatchFile => "batches",
        Field::BatchSize => "batch_size",
        Field::Power => "power",
        Field::BatchClasses => "batch_classes",
        Field::PerClass => "per_class",
        Field::Unused => "unused",
        Field::Classifier => "classifier_norm",
        Field::Nonnegative => "nonnegative",
        Field::Dimension => "dimension",
        Field::Norm => "feature_norm",
        Field::Energy => "feature_energy",
        Field::Ridge => "feature_ridge",
        Field::Method => "method",
        Field::Tolerance => "tolerance",
        Field::Ratios => "ratios",
        Field::Temperatures => "temperatures",
        Field::Points => "points",
        Field::Grid => "grid",
        Field::Values => "values",
        Field::Level => "level",
        Field::CrossCheck => "cross_check",
        Field::Labels => "labels",
        Field::Embeddings => "embeddings",
        Field::ClassifierFile => "classifier",
        Field::Column
        | Field::Key
        | Field::IgnoreLabel
        | Field::DropEmpty
        | Field::Normalise
        | Field::Replacement
        | Field::Offsets
        | Field::Draws
        | Field::Transposed
        | Field::Output => return None,
    })
}

/// Keywords and their values.
struct Keywords;

impl Wording for Keywords {
    fn name(&self, field: Field) -> String {
        let name = match field {
            Field::Transposed => "embeddings.T",
            Field::Output => "save(folder)",
            field => keyword(field).unwrap_or(field.name()),
        };
        name.to_owned()
    }

    fn setting(&self, field: Field, values: &[&str]) -> String {
        let name = self.name(field);
        let setting = |value: &&str| match (field, *value) {
            // The kind of batches is that of the keywords that are given.
            (Field::BatchKind, "random") => "batch_size alone".to_owned(),
            (Field::BatchKind, "class-balanced") => "batch_classes and per_class".to_owned(),
            (Field::BatchKind, _) => "batches".to_owned(),
            (Field::BatchFile, _) => "batches=[[0, 1, 4], [2, 3, 5]]".to_owned(),
            (Field::Level, "class") => "gram".to_owned(),
            (Field::Classifier, constraint) => format!("classifier_{constraint}"),
            (Field::Sizes | Field::Probabilities | Field::Values, value) => {
                format!("{name}=[{}]", value.replace(',', ", "))
            }
            (Field::Grid, value) => format!("{name}=({})", value.replace('x', ", ")),
            (Field::Ratios | Field::Temperatures, value) => format!("{name}=({})", value.replace("..", ", ")),
            (_, value) if value.parse::<f64>().is_ok() || value.starts_with('[') => format!("{name}={value}"),
            (_, value) => format!("{name}=\"{value}\""),
        };
        one_of(values.iter().map(setting).collect())
    }

    fn verb(&self, verb: &str) -> String {
        format!("ufmin.{verb}")
    }
}

/// The exception for an error of the library.
pub(crate) fn raised(py: Python<'_>, error: Error) -> PyErr {
    match &error {
        Error::Read { path, source } | Error::Write { path, source } => return os_error(py, path, source),
        _ => {}
    }
    let located = error.location().is_some();
    let hint = match &error {
        // No folder keeps what a call has finished.
        Error::Interrupted { .. } | Error::Stopped { .. } => Some("give it more time".to_owned()),
        Error::Contradiction { .. } | Error::Internal { .. } => {
            Some("this is a defect of ufmin: please report it with the problem and what was asked of it".to_owned())
        }
        _ if located => error.hint_in(&ProblemFileWording),
        _ => error.hint_in(&Keywords),
    };
    let (field, message) = match &error {
        Error::Invalid { source, location } => {
            let index = match source.field {
                Field::Size(i) | Field::Probability(i) => format!("[{i}]"),
                Field::Batch(i) => format!("[{i}]"),
                Field::BatchMember(i, j) => format!("[{i}][{j}]"),
                _ => String::new(),
            };
            let name = Keywords.name(source.field);
            let message = match location {
                Some(_) => error.to_string(),
                None => format!("{name}{index}: {source}"),
            };
            (Some(name), message)
        }
        Error::Table { .. } => (Some("sizes".to_owned()), error.to_string()),
        Error::Batches { .. } | Error::BatchSyntax { .. } => (Some("batches".to_owned()), error.to_string()),
        Error::Method { .. } => (Some("method".to_owned()), error.to_string()),
        // An array in memory is called by its keyword.
        Error::Array { path, .. } => {
            let name = path.to_str().filter(|name| ARRAYS.contains(name));
            (name.map(str::to_owned), error.to_string())
        }
        _ => (None, error.to_string()),
    };
    let class = match error {
        Error::Invalid { .. }
        | Error::Syntax { .. }
        | Error::Table { .. }
        | Error::Batches { .. }
        | Error::BatchSyntax { .. }
        | Error::Array { .. }
        | Error::Method { .. }
        | Error::PictureKind { .. }
        | Error::Result { .. }
        | Error::Journal { .. } => "ProblemError",
        _ => "SolverError",
    };
    exception(py, class, &message, field.as_deref(), hint.as_deref())
}

/// What arrays that are given are called.
const ARRAYS: [&str; 4] = ["embeddings", "labels", "classifier", "batches"];

/// A value of a keyword that the library does not know.
pub(crate) fn usage(py: Python<'_>, keyword: &str, what: impl AsRef<str>, hint: &str) -> PyErr {
    let message = format!("{keyword}: {}", what.as_ref());
    exception(py, "ProblemError", &message, Some(keyword), Some(hint))
}

fn exception(py: Python<'_>, class: &str, message: &str, field: Option<&str>, hint: Option<&str>) -> PyErr {
    let made = py
        .import("ufmin._errors")
        .and_then(|module| module.getattr(class))
        .and_then(|class| class.call1((message, field, hint)));
    match made {
        Ok(exception) => PyErr::from_value(exception),
        Err(error) => error,
    }
}

/// The `OSError` of the operating system's reason: the number chooses among its kinds.
fn os_error(py: Python<'_>, path: &Path, source: &io::Error) -> PyErr {
    let class = py.get_type::<PyOSError>();
    let made = match source.raw_os_error() {
        Some(number) => py
            .import("os")
            .and_then(|os| os.call_method1("strerror", (number,)))
            .and_then(|reason| class.call1((number, reason, path.as_os_str()))),
        None => class.call1((format!("{}: {source}", path.display()),)),
    };
    match made {
        Ok(exception) => PyErr::from_value(exception),
        Err(error) => error,
    }
}

/// Warns that an answer is not proven, at the line of the caller.
pub(crate) fn warn_not_certified(py: Python<'_>, verdict: &str, relative_gap: f64) -> PyResult<()> {
    let class = py.import("ufmin._errors")?.getattr("NotCertifiedWarning")?;
    let message =
        format!("the answer is {verdict}: its relative gap is {relative_gap:.1e}; see .certificate and .summary()\0");
    let message = std::ffi::CStr::from_bytes_with_nul(message.as_bytes()).unwrap_or(c"the answer is not certified");
    PyErr::warn(py, &class, message, 1)
}
