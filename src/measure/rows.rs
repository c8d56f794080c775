//! [`Rows`]: trained features, read by blocks of rows, and those blocks as unit vectors.

use std::path::Path;

use nalgebra::DMatrix;
use rayon::prelude::*;

use crate::error::{ArrayError, Error};
#[cfg(feature = "files")]
use crate::files::npy::stream::MatrixFile;
use crate::math::control::Control;
use crate::problem::invalid::short;

/// Numbers in a block of rows: 32 MB. Blocks depend on the dimension alone, and so do the results.
const BLOCK: usize = 1 << 22;

/// Features of `n` samples in `d` dimensions, a row a sample.
pub trait Rows: Send {
    /// Where they are, for messages.
    fn path(&self) -> &Path;

    /// Number of samples `n`.
    fn count(&self) -> usize;

    /// Dimension `d`, at least 1.
    fn dimension(&self) -> usize;

    /// Reads rows from `first` on, one after the other, as many as `out` has room for.
    ///
    /// # Errors
    /// [`Error::Read`].
    fn read(&mut self, first: usize, out: &mut [f64]) -> Result<(), Error>;
}

#[cfg(feature = "files")]
impl Rows for MatrixFile {
    fn path(&self) -> &Path {
        self.path()
    }

    fn count(&self) -> usize {
        self.rows()
    }

    fn dimension(&self) -> usize {
        self.columns()
    }

    fn read(&mut self, first: usize, out: &mut [f64]) -> Result<(), Error> {
        self.read(first, out)
    }
}

/// Some of the rows of others, in their order.
#[derive(Debug)]
pub struct Selected<R> {
    rows: R,
    /// Ascending; all rows where there is no list.
    kept: Option<Vec<u32>>,
}

impl<R: Rows> Selected<R> {
    /// The rows of these numbers, ascending; all without a list.
    pub fn new(rows: R, kept: Option<Vec<u32>>) -> Self {
        Self { rows, kept }
    }
}

impl<R: Rows> Rows for Selected<R> {
    fn path(&self) -> &Path {
        self.rows.path()
    }

    fn count(&self) -> usize {
        self.kept.as_ref().map_or(self.rows.count(), Vec::len)
    }

    fn dimension(&self) -> usize {
        self.rows.dimension()
    }

    fn read(&mut self, first: usize, out: &mut [f64]) -> Result<(), Error> {
        let Some(kept) = &self.kept else {
            return self.rows.read(first, out);
        };
        let dimension = self.rows.dimension();
        let wanted = &kept[first..first + out.len() / dimension];
        let mut done = 0;
        // Rows that are neighbours are read at once.
        for run in wanted.chunk_by(|a, b| a + 1 == *b) {
            let length = run.len() * dimension;
            self.rows.read(run[0] as usize, &mut out[done..done + length])?;
            done += length;
        }
        Ok(())
    }
}

/// Features in memory, d x n: a column is a sample.
impl Rows for DMatrix<f64> {
    fn path(&self) -> &Path {
        Path::new("features")
    }

    fn count(&self) -> usize {
        self.ncols()
    }

    fn dimension(&self) -> usize {
        self.nrows()
    }

    fn read(&mut self, first: usize, out: &mut [f64]) -> Result<(), Error> {
        let start = first * self.nrows();
        out.copy_from_slice(&self.as_slice()[start..start + out.len()]);
        Ok(())
    }
}

/// Unit vectors of a block of rows, one after the other.
#[derive(Debug)]
pub(crate) struct Block<'a> {
    /// The first row.
    pub(crate) first: usize,
    /// d numbers a row.
    pub(crate) values: &'a [f64],
}

/// What rows must be, besides finite and not zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sign {
    Any,
    Nonnegative,
}

/// Calls `visit` with every block of unit rows, in order.
///
/// # Errors
/// Those of [`Rows::read`]; [`Error::Array`] for a row that is not finite, is zero, or has a negative entry where none may
/// be; [`Error::Stopped`].
pub(crate) fn for_each_block(
    rows: &mut dyn Rows,
    sign: Sign,
    stage: &str,
    control: &Control,
    mut visit: impl FnMut(Block<'_>),
) -> Result<(), Error> {
    let (count, dimension) = (rows.count(), rows.dimension());
    let size = (BLOCK / dimension).clamp(1, count.max(1));
    let mut buffer = vec![0.0; size * dimension];
    let mut first = 0;
    while first < count {
        if control.stop().is_some() {
            return Err(Error::Stopped { what: "the measures" });
        }
        let here = size.min(count - first);
        let values = &mut buffer[..here * dimension];
        read_units(rows, sign, first, values)?;
        visit(Block { first, values });
        first += here;
        control.advance(stage, first as u64, count as u64);
    }
    Ok(())
}

/// Reads rows from `first` on and scales them to unit length.
pub(crate) fn read_units(rows: &mut dyn Rows, sign: Sign, first: usize, out: &mut [f64]) -> Result<(), Error> {
    let dimension = rows.dimension();
    rows.read(first, out)?;
    let wrong = out
        .par_chunks_mut(dimension)
        .enumerate()
        .filter_map(|(index, row)| {
            normalise((first + index) as u64, row, sign)
                .err()
                .map(|error| (index, error))
        })
        .min_by_key(|(index, _)| *index);
    match wrong {
        None => Ok(()),
        Some((_, source)) => Err(Error::Array {
            path: rows.path().to_owned(),
            source,
        }),
    }
}

/// Scales a row to unit length, without overflow or underflow on the way.
fn normalise(row: u64, values: &mut [f64], sign: Sign) -> Result<(), ArrayError> {
    if sign == Sign::Nonnegative
        && let Some(column) = values.iter().position(|&x| x < 0.0)
    {
        return Err(ArrayError::NegativeEntry {
            row,
            column: column as u64,
            value: short(values[column]),
        });
    }
    let mut squared = dot(values, values);
    if !(1e-200..1e200).contains(&squared) {
        if let Some(column) = values.iter().position(|x| !x.is_finite()) {
            return Err(ArrayError::RowNotFinite {
                row,
                column: column as u64,
                value: short(values[column]),
            });
        }
        let largest = values.iter().fold(0.0f64, |most, x| most.max(x.abs()));
        if largest == 0.0 {
            return Err(ArrayError::ZeroRow { row });
        }
        values.iter_mut().for_each(|x| *x /= largest);
        squared = dot(values, values);
    }
    let length = squared.sqrt();
    values.iter_mut().for_each(|x| *x /= length);
    Ok(())
}

/// Inner product in sixteen interleaved sums, whose order does not depend on the machine.
pub(crate) fn dot(a: &[f64], b: &[f64]) -> f64 {
    const LANES: usize = 16;
    let (heads, tails) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    let rest: f64 = heads
        .remainder()
        .iter()
        .zip(tails.remainder())
        .map(|(x, y)| x * y)
        .sum();
    let mut sums = [0.0; LANES];
    for (x, y) in heads.zip(tails) {
        for lane in 0..LANES {
            sums[lane] += x[lane] * y[lane];
        }
    }
    let mut width = LANES;
    while width > 1 {
        width /= 2;
        for lane in 0..width {
            sums[lane] += sums[lane + width];
        }
    }
    sums[0] + rest
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_any_length_become_unit_vectors() {
        for scale in [1.0, 1e-310, 1e-160, 1e300] {
            let mut row = [3.0 * scale, -4.0 * scale];
            normalise(0, &mut row, Sign::Any).unwrap();
            // A subnormal number has few digits.
            let allowed = if scale < 1e-300 { 1e-2 } else { 1e-15 };
            assert!(
                (row[0] - 0.6).abs() < allowed && (row[1] + 0.8).abs() < allowed,
                "{row:?}"
            );
        }
    }

    #[test]
    fn rows_without_a_direction_are_named() {
        let wrong = |row: &[f64], sign| normalise(7, &mut row.to_vec(), sign).unwrap_err();
        assert_eq!(wrong(&[0.0, -0.0], Sign::Any), ArrayError::ZeroRow { row: 7 });
        for (value, text) in [(f64::NAN, "NaN"), (f64::NEG_INFINITY, "-inf")] {
            let expected = ArrayError::RowNotFinite {
                row: 7,
                column: 1,
                value: text.into(),
            };
            assert_eq!(wrong(&[1.0, value], Sign::Any), expected);
        }
        let expected = ArrayError::NegativeEntry {
            row: 7,
            column: 1,
            value: "-0.5".into(),
        };
        assert_eq!(wrong(&[1.0, -0.5], Sign::Nonnegative), expected);
    }

    #[test]
    fn an_inner_product_of_any_length() {
        for length in [1usize, 15, 16, 17, 100] {
            let a: Vec<f64> = (0..length).map(|i| i as f64).collect();
            let expected = (length * (length - 1) * (2 * length - 1) / 6) as f64;
            assert_eq!(dot(&a, &a), expected);
        }
    }
}
