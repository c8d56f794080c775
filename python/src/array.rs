//! NumPy arrays out of the library's matrices, and the library's numbers out of whatever NumPy can read.

use std::path::{Path, PathBuf};

use nalgebra::DMatrix;
use numpy::{PyArray1, PyArray2, PyArrayMethods};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};
use ufmin::error::{ArrayError, Contents, Error};
use ufmin::files::npy;
use ufmin::measure::rows::Rows;
use ufmin::problem::Label;

use crate::error::raised;

/// A read-only array with a row for every column of a matrix: columns are stored one after the other, so nothing is moved.
pub(crate) fn transposed<'py>(py: Python<'py>, matrix: DMatrix<f64>) -> PyResult<Bound<'py, PyArray2<f64>>> {
    let (rows, columns) = matrix.shape();
    let values: Vec<f64> = matrix.data.into();
    let array = PyArray1::from_vec(py, values).reshape([columns, rows])?;
    array.call_method1("setflags", (false,))?;
    Ok(array)
}

/// A read-only array with the rows of a matrix.
pub(crate) fn rows<'py>(py: Python<'py>, matrix: &DMatrix<f64>) -> PyResult<Bound<'py, PyArray2<f64>>> {
    transposed(py, matrix.transpose())
}

/// What NumPy makes of an object, as `numpy.asarray` does: lists, tensors, series, anything with `__array__`.
pub(crate) fn asarray<'py>(object: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let object = if object.hasattr("detach")? {
        // A tensor that requires a gradient, or is on another device, has no array.
        object.call_method0("detach")?.call_method0("cpu")?
    } else {
        object.clone()
    };
    object.py().import("numpy")?.call_method1("asarray", (object,))
}

/// The bytes of a `.npy` file with an array: what the library reads from files it reads from there, with the same checks.
fn npy_bytes<'py>(object: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyBytes>> {
    let py = object.py();
    let buffer = py.import("io")?.call_method0("BytesIO")?;
    let options = PyDict::new(py);
    options.set_item("allow_pickle", false)?;
    py.import("numpy")?
        .call_method("save", (&buffer, asarray(object)?), Some(&options))?;
    Ok(buffer.call_method0("getvalue")?.cast_into()?)
}

/// What the library reads from an array called `name`.
fn read<T>(
    object: &Bound<'_, PyAny>,
    name: &str,
    contents: Contents,
    parse: impl FnOnce(&[u8]) -> Result<T, ArrayError>,
) -> PyResult<T> {
    let array = asarray(object)?;
    // Said here, of what NumPy would refuse in words about pickles, and by the name that it has there.
    check_type(&array, name, contents)?;
    parse(npy_bytes(&array)?.as_bytes()).map_err(|source| {
        let path = name.into();
        raised(object.py(), Error::Array { path, source })
    })
}

/// Checks that the elements of an array are numbers of the kind that is needed.
fn check_type(array: &Bound<'_, PyAny>, name: &str, contents: Contents) -> PyResult<()> {
    let kinds = match contents {
        Contents::Labels => "iub",
        Contents::Batches => "iu",
        _ => "iuf",
    };
    let element = array.getattr("dtype")?;
    let kind: String = element.getattr("kind")?.extract()?;
    if kinds.contains(&kind) {
        return Ok(());
    }
    let found: String = element.str()?.extract()?;
    let source = ArrayError::Type { contents, found };
    let path = name.into();
    Err(raised(array.py(), Error::Array { path, source }))
}

/// Integer labels, one a sample.
pub(crate) fn labels(object: &Bound<'_, PyAny>) -> PyResult<Vec<Label>> {
    read(object, "labels", Contents::Labels, npy::labels)
}

/// Batches of sample numbers: lists of any length, or an array of batches x size padded with -1.
pub(crate) fn batches(object: &Bound<'_, PyAny>) -> PyResult<Vec<Vec<i64>>> {
    if let Ok(lists) = object.extract::<Vec<Vec<i64>>>()
        && !object.hasattr("dtype")?
    {
        return Ok(lists);
    }
    let lists = read(object, "batches", Contents::Batches, npy::batches)?;
    let number = |value: i128| i64::try_from(value).unwrap_or(i64::MAX);
    Ok(lists
        .into_iter()
        .map(|list| list.into_iter().map(number).collect())
        .collect())
}

/// A matrix, row by row as it is given.
pub(crate) fn matrix(object: &Bound<'_, PyAny>, name: &str) -> PyResult<DMatrix<f64>> {
    read(object, name, Contents::Matrix, npy::matrix)
}

/// Features in an array of NumPy, a row a sample, read block by block: whatever their type, and wherever they are.
pub(crate) struct Features {
    array: Py<PyAny>,
    count: usize,
    dimension: usize,
}

impl Features {
    /// Of an object that is called `embeddings`.
    pub(crate) fn new(object: &Bound<'_, PyAny>) -> PyResult<Self> {
        let array = asarray(object)?;
        let py = array.py();
        let refused = |source| {
            let path = PathBuf::from(EMBEDDINGS);
            raised(py, Error::Array { path, source })
        };
        let contents = Contents::Features;
        check_type(&array, EMBEDDINGS, contents)?;
        let shape: Vec<u64> = array.getattr("shape")?.extract()?;
        match shape[..] {
            [count, dimension] if count > 0 && dimension > 0 => Ok(Self {
                array: array.unbind(),
                count: count as usize,
                dimension: dimension as usize,
            }),
            [_, _] => Err(refused(ArrayError::Empty)),
            _ => Err(refused(ArrayError::Shape { contents, found: shape })),
        }
    }

    /// Checks that there is a label for every row.
    pub(crate) fn check_labels(&self, py: Python<'_>, labels: usize) -> PyResult<()> {
        if labels == self.count {
            return Ok(());
        }
        let source = ArrayError::RowsAndLabels {
            rows: self.count as u64,
            columns: self.dimension as u64,
            labels: labels as u64,
        };
        let path = PathBuf::from(EMBEDDINGS);
        Err(raised(py, Error::Array { path, source }))
    }

    fn block(&self, first: usize, out: &mut [f64]) -> PyResult<()> {
        Python::attach(|py| {
            let last = first + out.len() / self.dimension;
            let rows = pyo3::types::PySlice::new(py, first as isize, last as isize, 1);
            let options = PyDict::new(py);
            options.set_item("dtype", "float64")?;
            let block = py
                .import("numpy")?
                .call_method(
                    "ascontiguousarray",
                    (self.array.bind(py).get_item(rows)?,),
                    Some(&options),
                )?
                .cast_into::<PyArray2<f64>>()?;
            out.copy_from_slice(block.readonly().as_slice()?);
            Ok(())
        })
    }
}

/// The keyword of features.
const EMBEDDINGS: &str = "embeddings";

impl Rows for Features {
    fn path(&self) -> &Path {
        Path::new(EMBEDDINGS)
    }

    fn count(&self) -> usize {
        self.count
    }

    fn dimension(&self) -> usize {
        self.dimension
    }

    fn read(&mut self, first: usize, out: &mut [f64]) -> Result<(), Error> {
        self.block(first, out).map_err(|error| Error::Read {
            path: EMBEDDINGS.into(),
            source: std::io::Error::other(error.to_string()),
        })
    }
}
