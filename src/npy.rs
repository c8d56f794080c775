//! NumPy's `.npy` and `.npz` files, in and out.

use std::io::Cursor;
use std::path::Path;

use nalgebra::DMatrix;
use npyz::{DType, Endianness, NpyHeader, Order, TypeChar, WriterBuilder};

pub use crate::array::Array;
use crate::error::{ArrayError, Error};
use crate::files::read_bytes;

/// An array as it stands in a file: raw elements of one type.
struct Raw {
    shape: Vec<u64>,
    order: Order,
    kind: TypeChar,
    little_endian: bool,
    width: usize,
    data: Vec<u8>,
    type_name: String,
}

/// Reads integer class labels, of any integer or boolean type, from a one-dimensional array (or one column or row).
///
/// # Errors
/// [`Error::Read`], or [`Error::Array`] for anything but a whole, non-empty array of integers.
pub fn read_labels(path: &Path) -> Result<Vec<i128>, Error> {
    let fail = |source| Error::Array {
        path: path.to_owned(),
        source,
    };
    let raw = read_raw(path)?;
    if !matches!(raw.kind, TypeChar::Int | TypeChar::Uint | TypeChar::Bool) {
        return Err(fail(ArrayError::Type {
            expected: "an integer type",
            found: raw.type_name,
        }));
    }
    if raw.shape.iter().filter(|&&n| n != 1).count() > 1 || raw.shape.is_empty() {
        return Err(fail(ArrayError::Shape {
            expected: "one dimension (one label a sample)",
            found: raw.shape,
        }));
    }
    if raw.data.is_empty() {
        return Err(fail(ArrayError::Empty));
    }
    let signed = raw.kind == TypeChar::Int;
    Ok(raw.elements().map(|bytes| integer(&bytes, signed)).collect())
}

/// Reads a matrix of finite floats (f32 or f64) or integers, rows first.
///
/// # Errors
/// [`Error::Read`], or [`Error::Array`] for anything but a whole two-dimensional array of finite numbers.
pub fn read_matrix(path: &Path) -> Result<DMatrix<f64>, Error> {
    let fail = |source| Error::Array {
        path: path.to_owned(),
        source,
    };
    let raw = read_raw(path)?;
    let [rows, columns] = raw.shape[..] else {
        return Err(fail(ArrayError::Shape {
            expected: "two dimensions",
            found: raw.shape,
        }));
    };
    if raw.data.is_empty() {
        return Err(fail(ArrayError::Empty));
    }
    let values: Vec<f64> = match (raw.kind, raw.width) {
        (TypeChar::Float, 8) => raw.elements().map(f64::from_le_bytes).collect(),
        (TypeChar::Float, 4) => raw
            .elements()
            .map(|b| f64::from(f32::from_le_bytes([b[0], b[1], b[2], b[3]])))
            .collect(),
        (TypeChar::Int, _) => raw.elements().map(|b| integer(&b, true) as f64).collect(),
        (TypeChar::Uint, _) => raw.elements().map(|b| integer(&b, false) as f64).collect(),
        _ => {
            return Err(fail(ArrayError::Type {
                expected: "float32, float64 or an integer type",
                found: raw.type_name,
            }));
        }
    };
    if let Some(index) = values.iter().position(|value| !value.is_finite()) {
        return Err(fail(ArrayError::NotFinite { index: index as u64 }));
    }
    let (rows, columns) = (rows as usize, columns as usize);
    Ok(match raw.order {
        Order::C => DMatrix::from_row_slice(rows, columns, &values),
        Order::Fortran => DMatrix::from_column_slice(rows, columns, &values),
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

impl Raw {
    /// Elements as little-endian bytes, zero-padded to eight (sign is up to the caller).
    fn elements(&self) -> impl Iterator<Item = [u8; 8]> + '_ {
        self.data.chunks_exact(self.width).map(|chunk| {
            let mut bytes = [0u8; 8];
            bytes[..self.width].copy_from_slice(chunk);
            if !self.little_endian {
                bytes[..self.width].reverse();
            }
            if self.kind == TypeChar::Int && bytes[self.width - 1] & 0x80 != 0 {
                bytes[self.width..].fill(0xff);
            }
            bytes
        })
    }
}

fn integer(bytes: &[u8; 8], signed: bool) -> i128 {
    if signed {
        i128::from(i64::from_le_bytes(*bytes))
    } else {
        i128::from(u64::from_le_bytes(*bytes))
    }
}

fn read_raw(path: &Path) -> Result<Raw, Error> {
    let bytes = read_bytes(path)?;
    parse(&bytes).map_err(|source| Error::Array {
        path: path.to_owned(),
        source,
    })
}

/// Parses a `.npy` file; the header is checked before anything is allocated for it.
fn parse(bytes: &[u8]) -> Result<Raw, ArrayError> {
    let damaged = |detail: &str| ArrayError::Header {
        detail: detail.to_owned(),
    };
    let elements = checked_elements(bytes).ok_or_else(|| damaged("no readable header"))?;
    let mut reader = Cursor::new(bytes);
    let header = NpyHeader::from_reader(&mut reader).map_err(|error| damaged(&error.to_string()))?;
    let data = &bytes[(reader.position() as usize).min(bytes.len())..];
    let DType::Plain(kind) = header.dtype() else {
        return Err(ArrayError::Type {
            expected: "a plain number type",
            found: "a structured type".to_owned(),
        });
    };
    let width = kind.num_bytes().unwrap_or(0);
    let plain = matches!(
        kind.type_char(),
        TypeChar::Int | TypeChar::Uint | TypeChar::Bool | TypeChar::Float
    );
    if !plain || !matches!(width, 1 | 2 | 4 | 8) {
        return Err(ArrayError::Type {
            expected: "an integer or a float type",
            found: kind.to_string(),
        });
    }
    let expected = elements
        .checked_mul(width as u64)
        .ok_or_else(|| damaged("the shape is too large"))?;
    if (data.len() as u64) < expected {
        return Err(ArrayError::Truncated {
            expected,
            found: data.len() as u64,
        });
    }
    Ok(Raw {
        shape: header.shape().to_vec(),
        order: header.order(),
        kind: kind.type_char(),
        little_endian: kind.endianness() != Endianness::Big,
        width,
        data: data[..expected as usize].to_vec(),
        type_name: kind.to_string(),
    })
}

/// Number of elements that the header promises, without overflow: read from its text before the parser multiplies.
fn checked_elements(bytes: &[u8]) -> Option<u64> {
    if bytes.len() < 10 || &bytes[..6] != b"\x93NUMPY" {
        return None;
    }
    let (start, length): (usize, usize) = match bytes[6] {
        1 => (10, usize::from(u16::from_le_bytes([bytes[8], bytes[9]]))),
        2 | 3 => (12, u32::from_le_bytes(bytes.get(8..12)?.try_into().ok()?) as usize),
        _ => return None,
    };
    let text = std::str::from_utf8(bytes.get(start..start.checked_add(length)?)?).ok()?;
    let shape = text.split_once("'shape'")?.1.split_once('(')?.1.split_once(')')?.0;
    let mut product = 1u64;
    let mut saw_zero = false;
    for part in shape.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        let n: u64 = part.parse().ok()?;
        saw_zero |= n == 0;
        product = product.checked_mul(n.max(1))?;
    }
    Some(if saw_zero { 0 } else { product })
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

    fn integers(header: &str, data: &[u8]) -> Vec<i128> {
        let raw = parse(&file(header, data)).expect("a good file");
        let signed = raw.kind == TypeChar::Int;
        raw.elements().map(|bytes| integer(&bytes, signed)).collect()
    }

    #[test]
    fn every_integer_type_and_byte_order_is_read() {
        let header = |descr: &str| format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': (2,), }}\n");
        assert_eq!(integers(&header("|i1"), &[0xff, 3]), [-1, 3]);
        assert_eq!(integers(&header("|u1"), &[0xff, 3]), [255, 3]);
        assert_eq!(integers(&header("|b1"), &[1, 0]), [1, 0]);
        assert_eq!(integers(&header("<i2"), &[0xfe, 0xff, 1, 2]), [-2, 513]);
        assert_eq!(integers(&header(">i2"), &[0xff, 0xfe, 2, 1]), [-2, 513]);
        assert_eq!(
            integers(&header(">u4"), &[0, 0, 1, 0, 255, 255, 255, 255]),
            [256, 4_294_967_295]
        );
        let mut wide = u64::MAX.to_le_bytes().to_vec();
        wide.extend(7u64.to_le_bytes());
        assert_eq!(integers(&header("<u8"), &wide), [i128::from(u64::MAX), 7]);
        assert_eq!(integers(&header("<i8"), &wide), [-1, 7]);
    }

    #[test]
    fn matrices_round_trip_and_both_orders_mean_the_same() {
        let matrix = DMatrix::from_fn(3, 2, |i, j| i as f64 + 10.0 * j as f64);
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("m.npy");
        std::fs::write(&path, matrix_bytes(&matrix)).expect("written");
        assert_eq!(read_matrix(&path).expect("read"), matrix);
        let row_major: Vec<u8> = [0.0f64, 10.0, 1.0, 11.0, 2.0, 12.0]
            .iter()
            .flat_map(|v| v.to_le_bytes())
            .collect();
        std::fs::write(
            &path,
            file(
                "{'descr': '<f8', 'fortran_order': False, 'shape': (3, 2), }\n",
                &row_major,
            ),
        )
        .expect("written");
        assert_eq!(read_matrix(&path).expect("read"), matrix);
    }

    #[test]
    fn hostile_headers_are_errors() {
        let header = |shape: &str| format!("{{'descr': '<i8', 'fortran_order': False, 'shape': ({shape}), }}\n");
        for shape in [
            "4294967296, 4294967296, 4294967296",
            "-3,",
            "x",
            "9223372036854775807,",
            "18446744073709551616,",
        ] {
            assert!(parse(&file(&header(shape), &[0; 64])).is_err(), "{shape}");
        }
        assert!(matches!(
            parse(&file(&header("9,"), &[0; 64])),
            Err(ArrayError::Truncated {
                expected: 72,
                found: 64
            })
        ));
        for text in [
            "",
            "\x00",
            "{}",
            "{'shape': (2,)}",
            "{'descr': [('a', '<i4')], 'fortran_order': False, 'shape': (2,), }",
        ] {
            assert!(parse(&file(text, &[0; 64])).is_err(), "{text}");
        }
        assert!(parse(b"").is_err() && parse(b"\x93NUMPY\x02\x00\xff\xff\xff\xff").is_err());
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(mut bytes in proptest::collection::vec(any::<u8>(), 0..200), cut in 0usize..150, flip in any::<(usize, u8)>()) {
            let _ = parse(&bytes);
            bytes.splice(0..0, *b"\x93NUMPY\x01\x00");
            let _ = parse(&bytes);
            let mut good = file("{'descr': '<i8', 'fortran_order': False, 'shape': (3,), }\n", &[7; 24]);
            let at = flip.0 % good.len();
            good[at] ^= flip.1;
            good.truncate(cut);
            let _ = parse(&good);
        }
    }
}
