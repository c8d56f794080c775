//! [`MatrixFile`]: a matrix on disk, read by blocks of rows, so that only a block is in memory.
//!
//! On disk either the rows or the columns are contiguous. Of contiguous columns a block of rows is one piece of every
//! column: a block should have thousands of rows, so that the pieces are not short.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::archive::{self, Member};
use super::header::{Element, Header, NumberKind, half};
use crate::error::{ArrayError, Contents, Error};

/// Rows that one thread converts at a time.
const ROWS: usize = 64;

/// A two-dimensional array of numbers in a `.npy` file, or in a `.npz` file that has one array, or one called `embeddings` or
/// `features`. Rows are samples.
#[derive(Debug)]
pub struct MatrixFile {
    path: PathBuf,
    file: File,
    /// Where the data begin.
    start: u64,
    rows: usize,
    columns: usize,
    element: Element,
    contiguous_rows: bool,
    /// Values of all numbers in half precision, where that is the type.
    halves: Vec<f64>,
    raw: Vec<u8>,
}

impl MatrixFile {
    /// Opens a file with a row for every sample; with a column for every sample if it is `transposed`.
    ///
    /// # Errors
    /// [`Error::Read`]; [`Error::Array`] for anything but a whole, non-empty array of numbers with two dimensions;
    /// [`Error::Write`] where there is no room for what is compressed.
    pub fn open(path: &Path, transposed: bool) -> Result<Self, Error> {
        let mut file = File::open(path).map_err(Error::read(path))?;
        let length = file.metadata().map_err(Error::read(path))?.len();
        let whole = if archive::is_archive(&mut file).map_err(Error::read(path))? {
            archive::member(file, path)?
        } else {
            Member { file, start: 0, length }
        };
        let Member {
            mut file,
            start,
            length,
        } = whole;
        let refused = |source| Error::Array {
            path: path.to_owned(),
            source,
        };
        file.seek(SeekFrom::Start(start)).map_err(Error::read(path))?;
        let header = Header::read(&mut (&mut file).take(length))
            .map_err(Error::read(path))?
            .map_err(refused)?;
        let contents = Contents::Features;
        let (element, bytes) = header.checked(length, contents).map_err(refused)?;
        let &[a, b] = &header.shape[..] else {
            let found = header.shape;
            return Err(refused(ArrayError::Shape { contents, found }));
        };
        if bytes == 0 {
            return Err(refused(ArrayError::Empty));
        }
        if element.kind == NumberKind::Bool {
            let found = element.to_string();
            return Err(refused(ArrayError::Type { contents, found }));
        }
        let (rows, columns) = if transposed { (b, a) } else { (a, b) };
        let is_half = element.kind == NumberKind::Float && element.width == 2;
        Ok(Self {
            path: path.to_owned(),
            file,
            start: start + header.end as u64,
            rows: rows as usize,
            columns: columns as usize,
            element,
            contiguous_rows: header.fortran_order == transposed,
            halves: if is_half {
                (0..=u16::MAX).map(half).collect()
            } else {
                Vec::new()
            },
            raw: Vec::new(),
        })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Number of samples `n`.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Dimension `d` of the features.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// Reads rows from `first` on, one after the other, as many as `out` has room for.
    ///
    /// # Errors
    /// [`Error::Read`], also where the file has become shorter.
    ///
    /// # Panics
    /// If `out` is no whole number of rows, or there are not so many.
    pub fn read(&mut self, first: usize, out: &mut [f64]) -> Result<(), Error> {
        let count = out.len() / self.columns;
        assert!(
            count * self.columns == out.len() && first + count <= self.rows,
            "whole rows"
        );
        let width = self.element.width;
        self.raw.resize(out.len() * width, 0);
        let pieces = if self.contiguous_rows { 1 } else { self.columns };
        let piece = self.raw.len() / pieces;
        for (index, bytes) in self.raw.chunks_exact_mut(piece.max(1)).enumerate() {
            let element = if self.contiguous_rows {
                first * self.columns
            } else {
                index * self.rows + first
            };
            let at = self.start + element as u64 * width as u64;
            self.file
                .seek(SeekFrom::Start(at))
                .and_then(|_| self.file.read_exact(bytes))
                .map_err(Error::read(&self.path))?;
        }
        let Element { kind, big_endian, .. } = self.element;
        match (kind, width, big_endian) {
            (NumberKind::Float, 4, false) => self.convert(out, |b: [u8; 4]| f32::from_le_bytes(b).into()),
            (NumberKind::Float, 4, true) => self.convert(out, |b: [u8; 4]| f32::from_be_bytes(b).into()),
            (NumberKind::Float, 8, false) => self.convert(out, f64::from_le_bytes),
            (NumberKind::Float, 8, true) => self.convert(out, f64::from_be_bytes),
            (NumberKind::Float, _, false) => {
                self.convert(out, |b: [u8; 2]| self.halves[usize::from(u16::from_le_bytes(b))]);
            }
            (NumberKind::Float, _, true) => {
                self.convert(out, |b: [u8; 2]| self.halves[usize::from(u16::from_be_bytes(b))]);
            }
            (_, 1, _) => self.convert(out, |b: [u8; 1]| self.element.number(&b).real()),
            (_, 2, _) => self.convert(out, |b: [u8; 2]| self.element.number(&b).real()),
            (_, 4, _) => self.convert(out, |b: [u8; 4]| self.element.number(&b).real()),
            (_, _, _) => self.convert(out, |b: [u8; 8]| self.element.number(&b).real()),
        }
        Ok(())
    }

    /// Fills rows from what was read, `W` bytes a number.
    fn convert<const W: usize>(&self, out: &mut [f64], value: impl Fn([u8; W]) -> f64 + Sync) {
        let (numbers, _) = self.raw.as_chunks::<W>();
        let (columns, count) = (self.columns, out.len() / self.columns);
        out.par_chunks_mut(ROWS * columns)
            .enumerate()
            .for_each(|(block, rows)| {
                let first = block * ROWS;
                if self.contiguous_rows {
                    let source = &numbers[first * columns..];
                    for (target, &bytes) in rows.iter_mut().zip(source) {
                        *target = value(bytes);
                    }
                    return;
                }
                let here = rows.len() / columns;
                for column in 0..columns {
                    let source = &numbers[column * count + first..][..here];
                    for (row, &bytes) in source.iter().enumerate() {
                        rows[row * columns + column] = value(bytes);
                    }
                }
            });
    }
}
