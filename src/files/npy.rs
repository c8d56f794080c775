//! NumPy's `.npy` files, in and out, and `.npz` files, out.
//!
//! Every reader goes through one header parser and one rule: the data are exactly as long as the header says. NumPy would
//! ignore what follows the array; but a file that holds more than its header tells may mean another array.

pub(crate) mod archive;
mod header;
pub mod stream;
mod strings;

use std::io::Cursor;
use std::path::Path;

use nalgebra::DMatrix;
use npyz::{Order, WriterBuilder};

use crate::error::{ArrayError, Contents, Error};
use crate::files::read_bytes;
pub use crate::math::array::Array;
use crate::problem::Label;
use crate::problem::invalid::short;
use header::{Element, Header, NumberKind};

/// What is in the place of a member where a batch is shorter than the array.
const PADDING: i128 = -1;

/// An array as it stands in a file.
struct Raw<'a> {
    shape: Vec<u64>,
    fortran_order: bool,
    element: Element,
    data: &'a [u8],
}

/// One element.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Number {
    Whole(i128),
    Real(f64),
}

/// Reads class labels, of any integer or boolean type, text of a fixed width, or floats with whole values, from a
/// one-dimensional array (or one column or row).
///
/// Labels number the classes, from 0 or from 1, so that none exceeds the number of samples. An array in which one does is
/// doubted: it is more likely one of class sizes.
///
/// # Errors
/// [`Error::Read`], or [`Error::Array`] for anything but a whole, non-empty array of labels.
pub fn read_labels(path: &Path) -> Result<Vec<Label>, Error> {
    read(path, labels)
}

/// [`read_labels`] of the bytes of a file.
///
/// # Errors
/// [`ArrayError`] for anything but a whole, non-empty array of labels.
pub fn labels(bytes: &[u8]) -> Result<Vec<Label>, ArrayError> {
    let labels = labels_of(bytes)?;
    let numbers: Vec<i128> = labels.iter().filter_map(Label::number).collect();
    like_counts(
        labels.len() as u64,
        numbers.iter().min().copied(),
        numbers.iter().max().copied(),
    )?;
    Ok(labels)
}

/// Reads class sizes, one a class, from a one-dimensional array (or one column or row) of integers, or of floats with whole
/// values, which weighted counts are.
///
/// # Errors
/// [`Error::Read`], or [`Error::Array`] for anything but a whole, non-empty array of numbers from 1 to
/// [`MAX_CLASS_SIZE`](crate::problem::MAX_CLASS_SIZE).
pub fn read_counts(path: &Path) -> Result<Vec<u64>, Error> {
    read(path, |bytes| whole_numbers(bytes, false))
}

/// Reads a matrix of finite floats (f16, f32 or f64) or integers, rows first.
///
/// # Errors
/// [`Error::Read`], or [`Error::Array`] for anything but a whole two-dimensional array of finite numbers.
pub fn read_matrix(path: &Path) -> Result<DMatrix<f64>, Error> {
    read(path, matrix)
}

/// Reads batches of sample numbers, one a row, each up to the padding with -1 at its end.
///
/// # Errors
/// [`Error::Read`], or [`Error::Array`] for anything but a whole two-dimensional array of integers.
pub fn read_batches(path: &Path) -> Result<Vec<Vec<i128>>, Error> {
    read(path, batches)
}

fn read<T>(path: &Path, convert: impl FnOnce(&[u8]) -> Result<T, ArrayError>) -> Result<T, Error> {
    convert(&read_bytes(path)?).map_err(|source| Error::Array {
        path: path.to_owned(),
        source,
    })
}

/// The labels of an array, whatever they look like.
pub(crate) fn labels_of(bytes: &[u8]) -> Result<Vec<Label>, ArrayError> {
    if let Some(strings) = strings::strings(&Header::parse(bytes)?, bytes) {
        return Ok(strings?.into_iter().map(Label::Text).collect());
    }
    let raw = Raw::parse(bytes, Contents::Labels)?;
    if let Some(axis) = raw.one_hot_axis() {
        let found = raw.shape;
        return Err(ArrayError::OneHot { axis, found });
    }
    raw.check_one_dimension(Contents::Labels)?;
    // A larger whole number in low precision may have been another one before.
    let most = raw.element.exact() as i128;
    let is_float = raw.element.kind == NumberKind::Float;
    raw.numbers()
        .zip(0..)
        .map(|(number, index)| {
            number
                .whole()
                .filter(|label| !is_float || label.abs() <= most)
                .map(Label::Number)
                .ok_or_else(|| ArrayError::Label {
                    index,
                    value: number.to_string(),
                })
        })
        .collect()
}

/// Doubts labels that are more likely class sizes: labels from 0 to k - 1, or from 1 to k, never exceed the number of
/// samples. A negative number is no class size.
pub(crate) fn like_counts(samples: u64, least: Option<i128>, largest: Option<i128>) -> Result<(), ArrayError> {
    match (least, largest) {
        (Some(0..), Some(largest)) if largest > samples.into() => Err(ArrayError::LikeCounts { samples, largest }),
        _ => Ok(()),
    }
}

/// The class sizes of an array; of 0 too, if that is wanted.
pub(crate) fn whole_numbers(bytes: &[u8], with_zero: bool) -> Result<Vec<u64>, ArrayError> {
    let raw = Raw::parse(bytes, Contents::Counts)?;
    if raw.element.kind == NumberKind::Bool {
        return Err(ArrayError::Type {
            contents: Contents::Counts,
            found: raw.element.to_string(),
        });
    }
    raw.check_one_dimension(Contents::Counts)?;
    // A larger whole number in low precision may have been another one before.
    let most = raw.element.exact();
    let least = i128::from(!with_zero);
    raw.numbers()
        .zip(0..)
        .map(|(number, class)| {
            number
                .whole()
                .filter(|n| (least..=most as i128).contains(n))
                .map(|n| n as u64)
                .ok_or_else(|| ArrayError::Count {
                    class,
                    value: number.to_string(),
                    most: most as u64,
                })
        })
        .collect()
}

/// [`read_matrix`] of the bytes of a file.
///
/// # Errors
/// [`ArrayError`] for anything but a whole two-dimensional array of finite numbers.
pub fn matrix(bytes: &[u8]) -> Result<DMatrix<f64>, ArrayError> {
    let raw = Raw::parse(bytes, Contents::Matrix)?;
    if raw.element.kind == NumberKind::Bool {
        return Err(ArrayError::Type {
            contents: Contents::Matrix,
            found: raw.element.to_string(),
        });
    }
    let [rows, columns] = raw.shape[..] else {
        return Err(ArrayError::Shape {
            contents: Contents::Matrix,
            found: raw.shape,
        });
    };
    if raw.data.is_empty() {
        return Err(ArrayError::Empty);
    }
    let values: Vec<f64> = raw.numbers().map(Number::real).collect();
    if let Some(index) = values.iter().position(|value| !value.is_finite()) {
        return Err(ArrayError::NotFinite { index: index as u64 });
    }
    let (rows, columns) = (rows as usize, columns as usize);
    Ok(if raw.fortran_order {
        DMatrix::from_vec(rows, columns, values)
    } else {
        DMatrix::from_row_slice(rows, columns, &values)
    })
}

/// [`read_batches`] of the bytes of a file.
///
/// # Errors
/// [`ArrayError`] for anything but a whole two-dimensional array of integers.
pub fn batches(bytes: &[u8]) -> Result<Vec<Vec<i128>>, ArrayError> {
    let raw = Raw::parse(bytes, Contents::Batches)?;
    if matches!(raw.element.kind, NumberKind::Bool | NumberKind::Float) {
        return Err(ArrayError::Type {
            contents: Contents::Batches,
            found: raw.element.to_string(),
        });
    }
    let [rows, columns] = raw.shape[..] else {
        return Err(ArrayError::Shape {
            contents: Contents::Batches,
            found: raw.shape,
        });
    };
    if raw.data.is_empty() {
        return Err(ArrayError::Empty);
    }
    let (rows, columns) = (rows as usize, columns as usize);
    let numbers: Vec<i128> = raw.numbers().map(|n| n.whole().expect("an integer is whole")).collect();
    let row = |row: usize| -> Vec<i128> {
        let column = |column| {
            if raw.fortran_order {
                numbers[column * rows + row]
            } else {
                numbers[row * columns + column]
            }
        };
        let length = (0..columns)
            .rev()
            .find(|&c| column(c) != PADDING)
            .map_or(0, |last| last + 1);
        (0..length).map(column).collect()
    };
    Ok((0..rows).map(row).collect())
}

/// The bytes of a `.npy` file with batches of sample numbers (int64, batches x size), shorter ones padded with -1: what
/// [`read_batches`] reads.
pub fn batches_bytes(batches: &[Vec<u32>]) -> Vec<u8> {
    let columns = batches.iter().map(Vec::len).max().unwrap_or(0);
    let values: Vec<i64> = batches
        .iter()
        .flat_map(|batch| {
            let padding = std::iter::repeat_n(PADDING as i64, columns - batch.len());
            batch.iter().map(|&sample| i64::from(sample)).chain(padding)
        })
        .collect();
    let mut bytes = Vec::new();
    write_array(&mut bytes, &[batches.len() as u64, columns as u64], Order::C, &values);
    bytes
}

/// A `.npy` file of a vector of integers.
pub fn indices_bytes(values: &[u64]) -> Vec<u8> {
    let mut bytes = Vec::new();
    write_array(&mut bytes, &[values.len() as u64], Order::C, values);
    bytes
}

/// The bytes of a `.npy` file with a matrix (f64, Fortran order, which NumPy reads as it is).
pub fn matrix_bytes(matrix: &DMatrix<f64>) -> Vec<u8> {
    let mut bytes = Vec::new();
    write_matrix(&mut bytes, matrix);
    bytes
}

fn write_matrix(out: &mut Vec<u8>, matrix: &DMatrix<f64>) {
    let shape = [matrix.nrows() as u64, matrix.ncols() as u64];
    write_array(out, &shape, Order::Fortran, matrix.as_slice());
}

fn write_array<T: npyz::AutoSerialize + Copy>(out: &mut Vec<u8>, shape: &[u64], order: Order, values: &[T]) {
    let mut writer = npyz::WriteOptions::new()
        .default_dtype()
        .shape(shape)
        .order(order)
        .writer(out)
        .begin_nd()
        .expect("writing to memory does not fail");
    writer
        .extend(values.iter().copied())
        .expect("writing to memory does not fail");
    writer
        .finish()
        .expect("as many elements were written as the shape says");
}

/// The bytes of an uncompressed `.npz` archive, as `numpy.savez` writes it.
pub fn npz_bytes(arrays: &[(&str, Array)]) -> Vec<u8> {
    let mut archive = npyz::npz::NpzWriter::new(Cursor::new(Vec::new()));
    for (name, array) in arrays {
        let mut bytes = Vec::new();
        match array {
            Array::Vector(values) => write_array(&mut bytes, &[values.len() as u64], Order::C, values),
            Array::Indices(values) => write_array(&mut bytes, &[values.len() as u64], Order::C, values),
            Array::Matrix(matrix) => write_matrix(&mut bytes, matrix),
        }
        let file = npyz::npz::file_name_from_array_name(name);
        let options = npyz::zip::write::FileOptions::default()
            .compression_method(npyz::zip::CompressionMethod::Stored)
            // Equal arrays are equal files: the time of writing is not in them.
            .last_modified_time(npyz::zip::DateTime::default())
            .large_file(bytes.len() > 1 << 31);
        archive
            .zip_writer()
            .start_file(file, options)
            .expect("writing to memory does not fail");
        std::io::Write::write_all(archive.zip_writer(), &bytes).expect("writing to memory does not fail");
    }
    let mut zip = archive;
    zip.zip_writer()
        .finish()
        .expect("writing to memory does not fail")
        .into_inner()
}

impl<'a> Raw<'a> {
    /// Takes a file apart; its length is compared with its header before anything is allocated for the data.
    fn parse(bytes: &'a [u8], contents: Contents) -> Result<Self, ArrayError> {
        let header = Header::parse(bytes)?;
        let (element, _) = header.checked(bytes.len() as u64, contents)?;
        let data = &bytes[header.end..];
        Ok(Self {
            shape: header.shape,
            fortran_order: header.fortran_order,
            element,
            data,
        })
    }

    /// Elements in the order of the file.
    fn numbers(&self) -> impl Iterator<Item = Number> + '_ {
        self.data
            .chunks_exact(self.element.width)
            .map(|chunk| self.element.number(chunk))
    }

    fn check_one_dimension(&self, contents: Contents) -> Result<(), ArrayError> {
        if self.shape.iter().filter(|&&n| n != 1).count() > 1 || self.shape.is_empty() {
            let found = self.shape.clone();
            return Err(ArrayError::Shape { contents, found });
        }
        if self.data.is_empty() {
            return Err(ArrayError::Empty);
        }
        Ok(())
    }

    /// The axis along which exactly one element is 1 and the others are 0, if there are at least two of them and two such
    /// lines: one-hot labels have it.
    fn one_hot_axis(&self) -> Option<usize> {
        let &[rows, columns] = &self.shape[..] else {
            return None;
        };
        if rows < 2 || columns < 2 {
            return None;
        }
        // Fewer than there are elements; 2 stands for any number above 1.
        let (mut in_row, mut in_column) = (vec![0u8; rows as usize], vec![0u8; columns as usize]);
        for (number, index) in self.numbers().zip(0..) {
            match number.whole() {
                Some(0) => {}
                Some(1) => {
                    let (row, column) = if self.fortran_order {
                        (index % in_row.len(), index / in_row.len())
                    } else {
                        (index / in_column.len(), index % in_column.len())
                    };
                    in_row[row] = 2.min(in_row[row] + 1);
                    in_column[column] = 2.min(in_column[column] + 1);
                }
                _ => return None,
            }
        }
        let once = |counts: &[u8]| counts.iter().all(|&count| count == 1);
        match (once(&in_row), once(&in_column)) {
            (true, _) => Some(1),
            // There are more samples than classes.
            (false, true) if columns > rows => Some(0),
            _ => None,
        }
    }
}

impl Number {
    /// The number, if it is whole; numbers beyond the range of `i128` end at its ends.
    fn whole(self) -> Option<i128> {
        match self {
            Self::Whole(n) => Some(n),
            Self::Real(x) => (x.is_finite() && x.fract() == 0.0).then_some(x as i128),
        }
    }

    fn real(self) -> f64 {
        match self {
            Self::Whole(n) => n as f64,
            Self::Real(x) => x,
        }
    }
}

impl std::fmt::Display for Number {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Whole(n) => n.fmt(f),
            Self::Real(x) => f.write_str(&short(*x)),
        }
    }
}

#[cfg(test)]
mod tests;
