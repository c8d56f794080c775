//! [`Result`]: what every verb answers with. One answer in one form for each reader, as the library's `View` has it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use numpy::PyArray1;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyTuple};
use serde::Serialize;
use ufmin::error::Error;
use ufmin::files::{prepare_folder, write_atomically};
use ufmin::plot::{Figure, Format, colour};
use ufmin::report::arrays::{write_table, write_view};
use ufmin::report::view::{Cells, Style, Table, View};

use crate::run::asked;

/// The formats of pictures in a folder.
pub(crate) const FORMATS: [Format; 2] = [Format::Png, Format::Svg];

/// An answer of any verb.
pub(crate) trait Shown: Send + Sync + 'static {
    fn json(&self) -> String;
    fn text(&self, verbose: bool) -> String;
    fn table(&self) -> Option<Table>;
    fn latex(&self) -> Option<String>;
    fn figures(&self) -> Vec<(&'static str, Figure)>;
    fn passes(&self) -> bool;
    fn is_complete(&self) -> bool;
    fn write(&self, folder: &Path, files: Files) -> std::result::Result<(), Error>;
}

impl<T: View + Send + Sync + 'static> Shown for T {
    fn json(&self) -> String {
        self.to_json()
    }

    fn text(&self, verbose: bool) -> String {
        View::text(
            self,
            Style {
                verbose,
                colour: false,
                width: None,
            },
        )
    }

    fn table(&self) -> Option<Table> {
        View::table(self)
    }

    fn latex(&self) -> Option<String> {
        View::latex(self)
    }

    fn figures(&self) -> Vec<(&'static str, Figure)> {
        View::figures(self)
    }

    fn passes(&self) -> bool {
        View::passes(self)
    }

    fn is_complete(&self) -> bool {
        View::is_complete(self)
    }

    fn write(&self, folder: &Path, files: Files) -> std::result::Result<(), Error> {
        if let Some(table) = files.table {
            write_table(folder, table, self)?;
        }
        if let (Some(name), Some(table)) = (files.table, View::latex(self)) {
            write_atomically(&folder.join(name).with_extension("tex"), table.as_bytes())?;
        }
        write_view(folder, files.json, self, &FORMATS)
    }
}

/// What the files of an answer are called, without their endings.
#[derive(Clone, Copy)]
pub(crate) struct Files {
    pub(crate) json: &'static str,
    pub(crate) table: Option<&'static str>,
}

/// Where an answer comes from: it is there already, or is made when it is first looked at.
pub(crate) trait Source: Send + Sync + 'static {
    fn shown(&self) -> std::result::Result<Arc<dyn Shown>, Error>;
    fn write(&self, folder: &Path) -> std::result::Result<(), Error>;
}

/// An answer that is there.
struct Ready<T> {
    report: Arc<T>,
    files: Files,
}

impl<T: Shown> Source for Ready<T> {
    fn shown(&self) -> std::result::Result<Arc<dyn Shown>, Error> {
        Ok(self.report.clone())
    }

    fn write(&self, folder: &Path) -> std::result::Result<(), Error> {
        self.report.write(folder, self.files)
    }
}

/// What a verb answers with: the same in one form for each reader.
///
/// `to_dict()` is the JSON of the command line, `summary()` its text, `table()` its rows as columns for
/// `pandas.DataFrame(...)`, `png()`, `svg()` and `pdf()` its pictures, `save(folder)` all of them as files.
#[pyclass(frozen, subclass, module = "ufmin")]
pub(crate) struct Result {
    source: Arc<dyn Source>,
}

impl Result {
    pub(crate) fn new(source: impl Source) -> Self {
        Self {
            source: Arc::new(source),
        }
    }

    /// Of a report that is there.
    pub(crate) fn ready<T: Shown>(report: Arc<T>, files: Files) -> Self {
        Self::new(Ready { report, files })
    }

    pub(crate) fn shown(&self, py: Python<'_>) -> PyResult<Arc<dyn Shown>> {
        let source = Arc::clone(&self.source);
        asked(py, move || source.shown())
    }

    /// Something of the answer.
    fn of<T: Send + 'static>(
        &self,
        py: Python<'_>,
        what: impl FnOnce(&dyn Shown) -> std::result::Result<T, Error> + Send + 'static,
    ) -> PyResult<T> {
        let source = Arc::clone(&self.source);
        asked(py, move || what(&*source.shown()?))
    }

    fn draw<'py>(&self, py: Python<'py>, name: Option<&str>, format: Format) -> PyResult<Bound<'py, PyBytes>> {
        let wanted = name.map(str::to_owned);
        let drawn = self.of(py, move |shown| {
            let figures = shown.figures();
            let figure = match &wanted {
                None => figures.first(),
                Some(name) => figures.iter().find(|(known, _)| known == name),
            };
            let names: Vec<&str> = figures.iter().map(|(name, _)| *name).collect();
            Ok(match figure {
                Some((_, figure)) => Ok(figure.draw(format)?),
                None => Err(names),
            })
        })?;
        let bytes = drawn.map_err(|names| {
            PyValueError::new_err(match (name, names.is_empty()) {
                (Some(name), false) => format!("no picture is called {name}; there are {}", names.join(", ")),
                _ => "there is no picture of this".to_owned(),
            })
        })?;
        Ok(PyBytes::new(py, &bytes))
    }
}

#[pymethods]
impl Result {
    /// The JSON of the command line, as Python objects: a contract, whose fields are never removed or renamed.
    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        loads(py, &self.of(py, |shown| Ok(shown.json()))?)
    }

    /// The text report; `verbose` also says how the answer was found.
    #[pyo3(signature = (*, verbose=false))]
    fn summary(&self, py: Python<'_>, verbose: bool) -> PyResult<String> {
        self.of(py, move |shown| Ok(shown.text(verbose)))
    }

    /// The rows as columns: a dict of NumPy arrays, and lists of str, that `pandas.DataFrame` takes; None where the answer is
    /// no table. Numbers that are not known are NaN.
    fn table<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyDict>>> {
        let Some(table) = self.of(py, |shown| Ok(shown.table()))? else {
            return Ok(None);
        };
        let columns = PyDict::new(py);
        for (name, cells) in table.columns() {
            match cells {
                Cells::Whole(values) => columns.set_item(name, PyArray1::from_vec(py, values))?,
                Cells::Real(values) => columns.set_item(name, PyArray1::from_vec(py, values))?,
                Cells::Flags(values) => columns.set_item(name, PyArray1::from_vec(py, values))?,
                Cells::Words(values) => columns.set_item(name, values)?,
            }
        }
        Ok(Some(columns))
    }

    /// The rows as a LaTeX table; None where the answer has none.
    fn latex(&self, py: Python<'_>) -> PyResult<Option<String>> {
        self.of(py, |shown| Ok(shown.latex()))
    }

    /// Names of the pictures.
    #[getter]
    fn pictures(&self, py: Python<'_>) -> PyResult<Vec<&'static str>> {
        self.of(py, |shown| {
            Ok(shown.figures().into_iter().map(|(name, _)| name).collect())
        })
    }

    /// A picture as the bytes of a PNG file, the first unless one is named.
    #[pyo3(signature = (name=None))]
    fn png<'py>(&self, py: Python<'py>, name: Option<&str>) -> PyResult<Bound<'py, PyBytes>> {
        self.draw(py, name, Format::Png)
    }

    /// A picture as the text of an SVG file, the first unless one is named.
    #[pyo3(signature = (name=None))]
    fn svg(&self, py: Python<'_>, name: Option<&str>) -> PyResult<String> {
        let bytes = self.draw(py, name, Format::Svg)?;
        Ok(String::from_utf8_lossy(bytes.as_bytes()).into_owned())
    }

    /// A picture as the bytes of a PDF file, the first unless one is named.
    #[pyo3(signature = (name=None))]
    fn pdf<'py>(&self, py: Python<'py>, name: Option<&str>) -> PyResult<Bound<'py, PyBytes>> {
        self.draw(py, name, Format::Pdf)
    }

    /// Writes the answer into a folder, which is made if missing: JSON, table, pictures and, of a solution, its arrays. Names are
    /// those of the command line.
    #[pyo3(signature = (folder, /))]
    fn save(&self, py: Python<'_>, folder: PathBuf) -> PyResult<()> {
        let source = Arc::clone(&self.source);
        asked(py, move || {
            prepare_folder(&folder)?;
            source.write(&folder)
        })
    }

    /// Whether the answer is what one would hope for: where the command line ends with status 0, not 1.
    #[getter]
    fn passes(&self, py: Python<'_>) -> PyResult<bool> {
        Ok(self.shown(py)?.passes())
    }

    /// Whether nothing is missing: no time limit came before the end.
    #[getter]
    fn is_complete(&self, py: Python<'_>) -> PyResult<bool> {
        Ok(self.shown(py)?.is_complete())
    }

    fn _repr_html_(&self, py: Python<'_>) -> PyResult<String> {
        let text: String = escaped(&self.summary(py, false)?);
        let figure = self.of(py, |shown| {
            let first = shown.figures().into_iter().next();
            Ok(first.and_then(|(_, figure)| figure.draw(Format::Svg).ok()))
        })?;
        let mut html = format!("<pre>{text}</pre>");
        if let Some(svg) = figure {
            let data: String = py
                .import("base64")?
                .call_method1("b64encode", (PyBytes::new(py, &svg),))?
                .call_method0("decode")?
                .extract()?;
            html.push_str("<img style=\"max-width: 48em\" src=\"data:image/svg+xml;base64,");
            html.push_str(&data);
            html.push_str("\">");
        }
        Ok(html)
    }

    fn _repr_png_<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyBytes>>> {
        match self.pictures(py)?.is_empty() {
            true => Ok(None),
            false => self.png(py, None).map(Some),
        }
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// JSON as Python objects: by Python's own reader, so that an answer is what reading the command line's would give.
pub(crate) fn loads<'py>(py: Python<'py>, text: &str) -> PyResult<Bound<'py, PyAny>> {
    py.import("json")?.call_method1("loads", (text,))
}

/// What the JSON has of something, as Python objects.
pub(crate) fn object<'py>(py: Python<'py>, value: &impl Serialize) -> PyResult<Bound<'py, PyAny>> {
    loads(py, &ufmin::report::json(value))
}

/// What makes a report from its JSON, for pickles.
pub(crate) fn from_json<T: View>(text: &str) -> PyResult<T> {
    T::from_json(text).map_err(PyValueError::new_err)
}

/// How a report is pickled: as its JSON.
pub(crate) fn reduced<'py, T: Shown>(
    class: &Bound<'py, PyAny>,
    report: &T,
) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyTuple>)> {
    let py = class.py();
    Ok((
        class.get_type().getattr("from_json")?,
        PyTuple::new(py, [report.json()])?,
    ))
}

/// The colours of the pictures from -1 (blue) over 0 (white) to 1 (red): triples of red, green and blue from 0 to 1.
#[pyfunction]
pub(crate) fn colours() -> Vec<[f64; 3]> {
    colour::diverging()
        .map(|rgb| rgb.map(|value| f64::from(value) / 255.0))
        .collect()
}

/// A class of answers on a report of the library: reading from JSON and pickling besides its own methods.
macro_rules! answer {
    (
        $(#[doc = $doc:literal])*
        $name:ident($report:ty), $files:expr, { $($methods:tt)* }
    ) => {
        $(#[doc = $doc])*
        #[pyclass(frozen, extends = crate::shown::Result, module = "ufmin")]
        pub(crate) struct $name {
            report: std::sync::Arc<$report>,
        }

        impl $name {
            pub(crate) fn made(py: Python<'_>, report: $report) -> PyResult<Py<Self>> {
                let report = std::sync::Arc::new(report);
                let base = crate::shown::Result::ready(report.clone(), $files);
                Py::new(py, PyClassInitializer::from(base).add_subclass(Self { report }))
            }
        }

        #[pymethods]
        impl $name {
            /// The answer that `to_dict()` or the command line wrote as JSON. Pictures are those that the JSON has the data
            /// for.
            #[staticmethod]
            #[pyo3(signature = (text, /))]
            fn from_json(py: Python<'_>, text: &str) -> PyResult<Py<Self>> {
                Self::made(py, crate::shown::from_json(text)?)
            }

            fn __reduce__<'py>(
                slf: &Bound<'py, Self>,
            ) -> PyResult<(Bound<'py, PyAny>, Bound<'py, pyo3::types::PyTuple>)> {
                crate::shown::reduced(slf.as_any(), &*slf.get().report)
            }

            $($methods)*
        }
    };
}
pub(crate) use answer;
