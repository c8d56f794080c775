//! NumPy's `.npy` files, in and out, and `.npz` files, out.
//!
//! Every reader goes through one header parser and one rule: the data are exactly as long as the header says. NumPy would
//! ignore what follows the array; but a file that holds more than its header tells may mean another array.

mod archive;
mod header;
pub mod stream;

use std::io::Cursor;
use std::path::Path;

use nalgebra::DMatrix;
use npyz::{Order, WriterBuilder};

use crate::error::{ArrayError, Contents, Error};
use crate::files::read_bytes;
pub use crate::math::array::Array;
use crate::problem::invalid::short;
use header::{Element, Header, Kind};

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

/// Reads integer class labels, of any integer or boolean type, from a one-dimensional array (or one column or row).
///
/// Labels number the classes, from 0 or from 1, so that none exceeds the number of samples. An array in which one does is
/// doubted: it is more likely one of class sizes.
///
/// # Errors
/// [`Error::Read`], or [`Error::Array`] for anything but a whole, non-empty array of integers.
pub fn read_labels(path: &Path) -> Result<Vec<i128>, Error> {
    read(path, labels)
}

/// Reads class sizes, one a class, from a one-dimensional array (or one column or row) of integers, or of floats with whole
/// values, which weighted counts are.
///
/// # Errors
/// [`Error::Read`], or [`Error::Array`] for anything but a whole, non-empty array of numbers from 1 to
/// [`MAX_CLASS_SIZE`](crate::problem::MAX_CLASS_SIZE).
pub fn read_counts(path: &Path) -> Result<Vec<u64>, Error> {
    read(path, counts)
}

/// Reads a matrix of finite floats (f16, f32 or f64) or integers, rows first.
///
/// # Errors
/// [`Error::Read`], or [`Error::Array`] for anything but a whole two-dimensional array of finite numbers.
pub fn read_matrix(path: &Path) -> Result<DMatrix<f64>, Error> {
    read(path, matrix)
}

fn read<T>(path: &Path, convert: impl FnOnce(&[u8]) -> Result<T, ArrayError>) -> Result<T, Error> {
    convert(&read_bytes(path)?).map_err(|source| Error::Array {
        path: path.to_owned(),
        source,
    })
}

fn labels(bytes: &[u8]) -> Result<Vec<i128>, ArrayError> {
    let raw = Raw::parse(bytes, Contents::Labels)?;
    if let Some(axis) = raw.one_hot_axis() {
        let found = raw.shape;
        return Err(ArrayError::OneHot { axis, found });
    }
    raw.check_one_dimension(Contents::Labels)?;
    raw.check_labels()?;
    if raw.element.kind == Kind::Float {
        return Err(ArrayError::Type {
            contents: Contents::Labels,
            found: raw.element.to_string(),
        });
    }
    let label = |number: Number| number.whole().expect("an integer is whole");
    Ok(raw.numbers().map(label).collect())
}

fn counts(bytes: &[u8]) -> Result<Vec<u64>, ArrayError> {
    let raw = Raw::parse(bytes, Contents::Counts)?;
    if raw.element.kind == Kind::Bool {
        return Err(ArrayError::Type {
            contents: Contents::Counts,
            found: raw.element.to_string(),
        });
    }
    raw.check_one_dimension(Contents::Counts)?;
    // A larger whole number in low precision may have been another one before.
    let most = raw.element.exact();
    raw.numbers()
        .zip(0..)
        .map(|(number, class)| {
            number
                .whole()
                .filter(|n| (1..=most as i128).contains(n))
                .map(|n| n as u64)
                .ok_or_else(|| ArrayError::Count {
                    class,
                    value: number.to_string(),
                    most: most as u64,
                })
        })
        .collect()
}

fn matrix(bytes: &[u8]) -> Result<DMatrix<f64>, ArrayError> {
    let raw = Raw::parse(bytes, Contents::Matrix)?;
    if raw.element.kind == Kind::Bool {
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

    /// Doubts labels that are more likely class sizes: labels from 0 to k - 1, or from 1 to k, never exceed the number of
    /// samples. A negative number is no class size.
    fn check_labels(&self) -> Result<(), ArrayError> {
        let mut samples = 0u64;
        let (mut least, mut largest) = (i128::MAX, i128::MIN);
        for number in self.numbers() {
            let Some(label) = number.whole() else {
                return Ok(());
            };
            samples += 1;
            least = least.min(label);
            largest = largest.max(label);
        }
        if least >= 0 && largest > samples.into() {
            return Err(ArrayError::LikeCounts { samples, largest });
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
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn file(header: &str, data: &[u8]) -> Vec<u8> {
        let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
        bytes.extend((header.len() as u16).to_le_bytes());
        bytes.extend(header.as_bytes());
        bytes.extend(data);
        bytes
    }

    fn header(descr: &str, shape: &str) -> String {
        format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}\n")
    }

    fn integers(descr: &str, data: &[u8]) -> Vec<i128> {
        let file = file(&header(descr, "(2,)"), data);
        let raw = Raw::parse(&file, Contents::Labels).expect("a good file");
        raw.numbers().map(|n| n.whole().expect("an integer")).collect()
    }

    fn doubles(values: &[f64]) -> Vec<u8> {
        values.iter().flat_map(|v| v.to_le_bytes()).collect()
    }

    fn longs(values: &[i64]) -> Vec<u8> {
        values.iter().flat_map(|v| v.to_le_bytes()).collect()
    }

    fn labels_of(values: &[i64]) -> Result<Vec<i128>, ArrayError> {
        labels(&file(&header("<i8", &format!("({},)", values.len())), &longs(values)))
    }

    #[test]
    fn every_integer_type_and_byte_order_is_read() {
        assert_eq!(integers("|i1", &[0xff, 3]), [-1, 3]);
        assert_eq!(integers("|u1", &[0xff, 3]), [255, 3]);
        // NumPy takes every byte but 0 for True.
        assert_eq!(integers("|b1", &[2, 0]), [1, 0]);
        assert_eq!(integers("<i2", &[0xfe, 0xff, 1, 2]), [-2, 513]);
        assert_eq!(integers(">i2", &[0xff, 0xfe, 2, 1]), [-2, 513]);
        assert_eq!(integers(">u4", &[0, 0, 1, 0, 255, 255, 255, 255]), [256, 4_294_967_295]);
        let mut wide = u64::MAX.to_le_bytes().to_vec();
        wide.extend(7u64.to_le_bytes());
        assert_eq!(integers("<u8", &wide), [i128::from(u64::MAX), 7]);
        assert_eq!(integers("<i8", &wide), [-1, 7]);
    }

    #[test]
    fn matrices_round_trip_and_both_orders_mean_the_same() {
        let matrix = DMatrix::from_fn(3, 2, |i, j| i as f64 + 10.0 * j as f64);
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("m.npy");
        std::fs::write(&path, matrix_bytes(&matrix)).expect("written");
        assert_eq!(read_matrix(&path).expect("read"), matrix);
        let row_major = doubles(&[0.0, 10.0, 1.0, 11.0, 2.0, 12.0]);
        std::fs::write(&path, file(&header("<f8", "(3, 2)"), &row_major)).expect("written");
        assert_eq!(read_matrix(&path).expect("read"), matrix);
    }

    #[test]
    fn the_data_are_as_long_as_the_header_says() {
        let parse = |shape: &str, length: usize| {
            Raw::parse(&file(&header("<i8", shape), &vec![0; length]), Contents::Labels).map(|raw| raw.data.len())
        };
        assert_eq!(parse("(8,)", 64), Ok(64));
        assert_eq!(parse("()", 8), Ok(8));
        assert_eq!(parse("(3, 0)", 0), Ok(0));
        for (shape, expected) in [("(9,)", 72), ("(1000000000000,)", 8_000_000_000_000)] {
            let found = 64;
            assert_eq!(parse(shape, 64), Err(ArrayError::Truncated { expected, found }));
        }
        assert_eq!(
            parse("(2,)", 64),
            Err(ArrayError::Trailing {
                expected: 16,
                extra: 48
            })
        );
        for shape in [
            "(4294967296, 4294967296, 4294967296)",
            "(2305843009213693952,)",
            "(9223372036854775807,)",
        ] {
            assert!(
                matches!(parse(shape, 64), Err(ArrayError::Header { detail }) if detail.contains("too large")),
                "{shape}"
            );
        }
    }

    #[test]
    fn labels_that_look_like_class_sizes_are_doubted() {
        let doubted = |samples, largest| Err(ArrayError::LikeCounts { samples, largest });
        assert_eq!(labels_of(&[500, 500, 500, 50, 50, 50, 50]), doubted(7, 500));
        assert_eq!(labels_of(&[0, 4, 4]), doubted(3, 4));
        assert_eq!(labels_of(&[i64::MAX]), doubted(1, i64::MAX.into()));
        // Labels from 0 or from 1, and what no class size is.
        for good in [
            &[0, 0, 1, 1][..],
            &[1, 1, 2, 2],
            &[3, 2, 1],
            &[0],
            &[1],
            &[-1, 500],
            &[-500, -500],
        ] {
            let expected: Vec<i128> = good.iter().map(|&n| n.into()).collect();
            assert_eq!(labels_of(good), Ok(expected));
        }
        // As floats they are doubted too, before their type is: a remedy for the type would make labels of them.
        let floats = |values: &[f64]| labels(&file(&header("<f8", &format!("({},)", values.len())), &doubles(values)));
        assert_eq!(floats(&[500.0, 50.0, 50.0]), doubted(3, 500));
        for other in [&[0.0, 1.0, 1.0][..], &[0.5, 70.0], &[f64::NAN, 70.0], &[f64::INFINITY]] {
            assert!(matches!(floats(other), Err(ArrayError::Type { .. })), "{other:?}");
        }
    }

    #[test]
    fn one_hot_rows_and_columns_are_told_from_other_tables() {
        let axis = |order: &str, shape: [usize; 2], data: &[u8]| {
            let text = format!(
                "{{'descr': '|u1', 'fortran_order': {order}, 'shape': ({}, {}), }}\n",
                shape[0], shape[1]
            );
            match labels(&file(&text, data)) {
                Err(ArrayError::OneHot { axis, found }) => {
                    assert_eq!(found, shape.map(|n| n as u64));
                    Some(axis)
                }
                Err(ArrayError::Shape { .. }) => None,
                other => panic!("{other:?}"),
            }
        };
        let rows = [1, 0, 0, 1, 1, 0];
        assert_eq!(axis("False", [3, 2], &rows), Some(1));
        assert_eq!(axis("True", [2, 3], &rows), Some(0));
        assert_eq!(axis("False", [2, 3], &rows), None);
        assert_eq!(axis("True", [3, 2], &rows), None);
        assert_eq!(axis("True", [3, 2], &[1, 0, 1, 0, 1, 0]), Some(1));
        // A permutation is read by rows.
        assert_eq!(axis("False", [2, 2], &[0, 1, 1, 0]), Some(1));
        for other in [
            [1, 0, 0, 1, 1, 1],
            [1, 0, 0, 1, 0, 0],
            [2, 0, 0, 1, 1, 0],
            [1, 0, 0, 1, 255, 0],
        ] {
            assert_eq!(axis("False", [3, 2], &other), None);
        }
        for (descr, one) in [
            ("<f8", doubles(&[1.0])),
            ("<f4", 1f32.to_le_bytes().to_vec()),
            ("|b1", vec![1]),
        ] {
            let zero = vec![0; one.len()];
            let data = [&one, &zero, &zero, &one].map(Vec::as_slice).concat();
            assert!(matches!(
                labels(&file(&header(descr, "(2, 2)"), &data)),
                Err(ArrayError::OneHot { axis: 1, .. })
            ));
        }
    }

    #[test]
    fn class_sizes_are_whole_positive_and_exact() {
        let read = |descr: &str, data: &[u8], width: usize| {
            counts(&file(&header(descr, &format!("({},)", data.len() / width)), data))
        };
        assert_eq!(read("<i8", &longs(&[500, 1, 1 << 53]), 8), Ok(vec![500, 1, 1 << 53]));
        assert_eq!(read("<f8", &doubles(&[500.0, 7.0]), 8), Ok(vec![500, 7]));
        let single: Vec<u8> = [5f32, 16_777_216.0].iter().flat_map(|v| v.to_le_bytes()).collect();
        assert_eq!(read("<f4", &single, 4), Ok(vec![5, 1 << 24]));
        let refused = |class, value: &str, most| {
            let value = value.to_owned();
            Err(ArrayError::Count { class, value, most })
        };
        assert_eq!(read("<i8", &longs(&[500, 0]), 8), refused(1, "0", 1 << 53));
        assert_eq!(read("<i8", &longs(&[-3, 5]), 8), refused(0, "-3", 1 << 53));
        assert_eq!(
            read("<i8", &longs(&[5, (1 << 53) + 1]), 8),
            refused(1, "9007199254740993", 1 << 53)
        );
        for (value, text) in [
            (0.5, "0.5"),
            (f64::NAN, "NaN"),
            (1e300, "1e300"),
            (-1.0, "-1"),
            (f64::INFINITY, "inf"),
        ] {
            assert_eq!(read("<f8", &doubles(&[5.0, 4.0, value]), 8), refused(2, text, 1 << 53));
        }
        // The next number of single precision: it may be 16777217 that was rounded.
        let single = 16_777_218f32.to_le_bytes();
        assert_eq!(read("<f4", &single, 4), refused(0, "16777218", 1 << 24));
        assert!(matches!(read("|b1", &[1, 1], 1), Err(ArrayError::Type { .. })));
        assert!(matches!(
            counts(&file(&header("<i8", "(2, 2)"), &longs(&[0, 1, 500, 50]))),
            Err(ArrayError::Shape { .. })
        ));
        assert_eq!(counts(&file(&header("<i8", "(0,)"), &[])), Err(ArrayError::Empty));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(mut bytes in proptest::collection::vec(any::<u8>(), 0..200), cut in 0usize..150, flip in any::<(usize, u8)>()) {
            let read = |bytes: &[u8]| {
                let _ = (labels(bytes), counts(bytes), matrix(bytes));
            };
            read(&bytes);
            bytes.splice(0..0, *b"\x93NUMPY\x01\x00");
            read(&bytes);
            let mut good = file(&header("<i8", "(3,)"), &[7; 24]);
            let at = flip.0 % good.len();
            good[at] ^= flip.1;
            read(&good);
            good.truncate(cut);
            read(&good);
        }

        /// Headers of likely and unlikely parts: what is read has the one shape that the header tells, and all data.
        #[test]
        fn what_is_read_is_what_the_header_says(
            parts in proptest::collection::vec(prop::sample::select(vec![
                "'descr': '<i8'", "'fortran_order': False", "'fortran_order': True", "'shape': (2, 2)", "'shape': (4,)",
                "'shape': (2,)", "'shape': (1, 4)", "\"shape\": (4,)", "'shape': ()", "'shape': (0,)", "'shape': (-4,)",
                "'shape' : ( 4 , )", "'shape': (4)", "'shape': (4.0,)", "'x': 1",
            ]), 2..5),
            close in prop::sample::select(vec!["}", ", }", ", }   \n", "", "} ,", "\n}\n"]),
        ) {
            let text = format!("{{{}{close}", parts.join(", "));
            let data = longs(&[1, 0, 3, 2]);
            let bytes = file(&text, &data);
            let shapes: Vec<&&str> = parts.iter().filter(|part| part.contains("shape")).collect();
            let once = |key: &str| parts.iter().filter(|part| part.contains(key)).count() == 1;
            if let Ok(raw) = Raw::parse(&bytes, Contents::Matrix) {
                prop_assert!(once("descr") && once("fortran") && shapes.len() == 1 && parts.len() == 3, "{}", text);
                prop_assert_eq!(raw.shape.iter().product::<u64>(), 4);
                prop_assert_eq!(raw.data, &data[..]);
            } else {
                let good = once("descr") && once("fortran") && parts.len() == 3 && !close.is_empty() && !close.ends_with(',')
                    && matches!(shapes[..], [shape] if ["(2, 2)", "(4,)", "(1, 4)", "( 4 , )"].iter().any(|s| shape.ends_with(s)));
                prop_assert!(!good, "{}", text);
            }
            // No reader panics, and a vector is read whole.
            let _ = (counts(&bytes), matrix(&bytes));
            if let Ok(labels) = labels(&bytes) {
                prop_assert_eq!(labels, [1, 0, 3, 2]);
            }
        }
    }
}
