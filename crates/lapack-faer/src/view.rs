//! The caller's memory as matrices and vectors of faer, and what is checked before a view is made.

use std::ffi::c_int;
use std::ops::Range;
use std::ptr::NonNull;

use faer::linalg::matmul::triangular::BlockStructure;
use faer::prelude::IntoConst;
use faer::traits::RealField;
use faer::traits::math_utils::is_finite;
use faer::{MatMut, MatRef};

use BlockStructure::{TriangularLower, TriangularUpper};

/// `f32` and `f64`.
pub(crate) trait Real: RealField + Copy {}
impl<T: RealField + Copy> Real for T {}

/// The matrix at `start`, which may be null if nothing accesses it, with the given strides.
///
/// # Safety
///
/// All its elements exist, and nothing else accesses them during `'a`.
pub(crate) unsafe fn strided<'a, T>(
    start: *mut T,
    (rows, cols): (c_int, c_int),
    (down, right): (c_int, c_int),
) -> MatMut<'a, T> {
    let size = |count| usize::try_from(count).unwrap_or(0);
    let start = NonNull::new(start).unwrap_or(NonNull::dangling()).as_ptr();
    let (down, right) = (down as isize, right as isize);
    // SAFETY: the caller's promise; where there is no element, any pointer but null will do.
    unsafe { MatMut::from_raw_parts_mut(start, size(rows), size(cols), down, right) }
}

/// The column-major matrix at `start`.
///
/// # Safety
///
/// As [`strided`].
pub(crate) unsafe fn view_mut<'a, T>(start: *mut T, rows: c_int, cols: c_int, ld: c_int) -> MatMut<'a, T> {
    // SAFETY: the caller's promise.
    unsafe { strided(start, (rows, cols), (1, ld)) }
}

/// As [`view_mut`], to be read.
///
/// # Safety
///
/// As [`strided`], where others may read as well.
pub(crate) unsafe fn view<'a, T>(start: *const T, rows: c_int, cols: c_int, ld: c_int) -> MatRef<'a, T> {
    // SAFETY: the caller's promise; the mutable view gives way before anything is accessed.
    unsafe { view_mut(start.cast_mut(), rows, cols, ld) }.into_const()
}

/// The vector of `n` elements that BLAS finds at `start` with the increment `step`, as a column:
/// with a negative increment, the first element is the last in memory. Empty if `step` is 0.
///
/// # Safety
///
/// As [`strided`].
pub(crate) unsafe fn vector_mut<'a, T>(start: *mut T, n: c_int, step: c_int) -> MatMut<'a, T> {
    let n = if step == 0 { 0 } else { n };
    let first = if n > 0 && step < 0 {
        // SAFETY: `n - 1` steps stay inside of the vector.
        unsafe { start.offset((1 - n as isize) * step as isize) }
    } else {
        start
    };
    // SAFETY: the caller's promise.
    unsafe { strided(first, (n, 1), (step, 1)) }
}

/// As [`vector_mut`], to be read.
///
/// # Safety
///
/// As [`strided`], where others may read as well.
pub(crate) unsafe fn vector<'a, T>(start: *const T, n: c_int, step: c_int) -> MatRef<'a, T> {
    // SAFETY: the caller's promise; the mutable view gives way before anything is accessed.
    unsafe { vector_mut(start.cast_mut(), n, step) }.into_const()
}

/// `op(A)` with `rows` rows and `cols` columns, where `op` transposes for `T` and `C`; nothing if
/// the letter or the shape is invalid.
///
/// # Safety
///
/// As [`view`] for the matrix before transposition, if `ld` suffices for it.
pub(crate) unsafe fn operand<'a, T>(
    trans: u8,
    start: *const T,
    rows: c_int,
    cols: c_int,
    ld: c_int,
) -> Option<MatRef<'a, T>> {
    match trans {
        // SAFETY: the caller's promise, and `ld` was checked.
        b'N' if fits(rows, cols, ld) => Some(unsafe { view(start, rows, cols, ld) }),
        // SAFETY: as above.
        b'T' | b'C' if fits(cols, rows, ld) => Some(unsafe { view(start, cols, rows, ld) }.transpose()),
        _ => None,
    }
}

/// Whether a `rows` by `cols` matrix can have the leading dimension `ld`.
pub(crate) fn fits(rows: c_int, cols: c_int, ld: c_int) -> bool {
    rows >= 0 && cols >= 0 && ld >= rows
}

/// The triangle that `uplo` names, if it is a valid letter.
pub(crate) fn triangle(uplo: u8) -> Option<BlockStructure> {
    match uplo {
        b'L' => Some(TriangularLower),
        b'U' => Some(TriangularUpper),
        _ => None,
    }
}

/// The rows of column `j` that belong to the part of a matrix with `nrows` rows.
pub(crate) fn rows_of(part: BlockStructure, j: usize, nrows: usize) -> Range<usize> {
    match part {
        TriangularLower => j..nrows,
        TriangularUpper => 0..j + 1,
        _ => 0..nrows,
    }
}

/// Whether all elements in the part are finite.
pub(crate) fn finite<T: Real>(a: MatRef<'_, T>, part: BlockStructure) -> bool {
    (0..a.ncols()).all(|j| rows_of(part, j, a.nrows()).all(|i| is_finite(&a[(i, j)])))
}

/// The LAPACK `info` for the first argument that is not valid, or 0.
pub(crate) fn first_invalid(arguments: &[(c_int, bool)]) -> c_int {
    let invalid = arguments.iter().find(|(_, valid)| !valid);
    invalid.map_or(0, |(position, _)| -position)
}
