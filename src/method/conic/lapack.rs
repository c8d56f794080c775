//! The BLAS and LAPACK routines that `clarabel` calls, under their Fortran names, on `faer`.
//!
//! With its features `sdp`, `blas-src` and `lapack-src` and no provider chosen, `clarabel` leaves
//! 22 symbols undefined: eleven routines in single and double precision. This module defines
//! them, so that a C linker is all the build needs: no Fortran compiler, no system library.
//! The feature `system-blas` leaves the module out and links a system library instead.
//!
//! Conventions, as in the reference implementation unless said otherwise:
//!
//! * Every argument is a pointer, matrices are column major with a leading dimension, option
//!   letters may be of either case, and `C` means `T`. The hidden string lengths that a Fortran
//!   compiler appends are neither passed by the `blas` and `lapack` crates nor read here.
//! * Only the triangle named by `uplo` is read or written; rows beyond the matrix never are.
//! * `beta = 0` overwrites the output without reading it and `alpha = 0` reads no operand.
//! * LAPACK: `info = -i` says that argument `i` is invalid, or asks for something that this
//!   module does not compute: `range` other than `A` in `?syevr`, a job `O` in the SVDs.
//! * BLAS has no `info`, and the reference `xerbla` would end the process: an invalid argument
//!   fills the output with NaN. With `ldc < 1` or `incy = 0` no element of the output is known to
//!   exist and none is written.
//! * Input that is not finite gives `info > 0` in `?syevr`, `?gesdd`, `?gesvd` (always 1),
//!   `?potrf` and `?gesv`, where the reference may go on with NaN. `clarabel` turns a failure of
//!   `?potrf` into a status, but panics (in Rust, on its own side) where `?syevr` or `?gesdd`
//!   fail, so its caller has to catch an unwinding `solve`.
//! * A matrix without rows may have the leading dimension 0, which the reference rejects, but
//!   which the completion step of `clarabel` passes for an empty separator.
//! * Workspaces are never read: the routines allocate their own. A query (`lwork = -1`) answers 1.
//! * All work is sequential. Nothing here panics, since a panic could not leave `extern "C"`:
//!   every dimension is checked before a `faer` kernel (which asserts them) sees it.
#![expect(
    clippy::too_many_arguments,
    reason = "the argument lists are those of BLAS and LAPACK"
)]

use std::ffi::{c_char, c_int};
use std::ops::Range;
use std::ptr::NonNull;

use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::evd::{self, ComputeEigenvectors};
use faer::linalg::matmul::triangular::{self, BlockStructure};
use faer::linalg::svd::{self, ComputeSvdVectors};
use faer::linalg::{cholesky::llt, lu::partial_pivoting as lu, triangular_solve};
use faer::prelude::{IntoConst, Reborrow, ReborrowMut};
use faer::traits::RealField;
use faer::traits::math_utils::{is_finite, nan, one, zero};
use faer::{Accum, Mat, MatMut, MatRef, Par};

use BlockStructure::{Rectangular, StrictTriangularLower, StrictTriangularUpper, TriangularLower, TriangularUpper};

// ---- Views of the caller's memory ----

/// The matrix at `start`, which may be null if nothing accesses it, with the given strides.
///
/// # Safety
///
/// All its elements exist, and nothing else accesses them during `'a`.
unsafe fn strided<'a, T>(start: *mut T, (rows, cols): (c_int, c_int), (down, right): (c_int, c_int)) -> MatMut<'a, T> {
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
unsafe fn view_mut<'a, T>(start: *mut T, rows: c_int, cols: c_int, ld: c_int) -> MatMut<'a, T> {
    // SAFETY: the caller's promise.
    unsafe { strided(start, (rows, cols), (1, ld)) }
}

/// As [`view_mut`], to be read.
///
/// # Safety
///
/// As [`strided`], where others may read as well.
unsafe fn view<'a, T>(start: *const T, rows: c_int, cols: c_int, ld: c_int) -> MatRef<'a, T> {
    // SAFETY: the caller's promise; the mutable view gives way before anything is accessed.
    unsafe { view_mut(start.cast_mut(), rows, cols, ld) }.into_const()
}

/// The vector of `n` elements that BLAS finds at `start` with the increment `step`, as a column:
/// with a negative increment, the first element is the last in memory. Empty if `step` is 0.
///
/// # Safety
///
/// As [`strided`].
unsafe fn vector_mut<'a, T>(start: *mut T, n: c_int, step: c_int) -> MatMut<'a, T> {
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
unsafe fn vector<'a, T>(start: *const T, n: c_int, step: c_int) -> MatRef<'a, T> {
    // SAFETY: the caller's promise; the mutable view gives way before anything is accessed.
    unsafe { vector_mut(start.cast_mut(), n, step) }.into_const()
}

/// `op(A)` with `rows` rows and `cols` columns, where `op` transposes for `T` and `C`; nothing if
/// the letter or the shape is invalid.
///
/// # Safety
///
/// As [`view`] for the matrix before transposition, if `ld` suffices for it.
unsafe fn operand<'a, T>(trans: u8, start: *const T, rows: c_int, cols: c_int, ld: c_int) -> Option<MatRef<'a, T>> {
    match trans {
        // SAFETY: the caller's promise, and `ld` was checked.
        b'N' if fits(rows, cols, ld) => Some(unsafe { view(start, rows, cols, ld) }),
        // SAFETY: as above.
        b'T' | b'C' if fits(cols, rows, ld) => Some(unsafe { view(start, cols, rows, ld) }.transpose()),
        _ => None,
    }
}

/// Whether a `rows` by `cols` matrix can have the leading dimension `ld`.
fn fits(rows: c_int, cols: c_int, ld: c_int) -> bool {
    rows >= 0 && cols >= 0 && ld >= rows
}

/// The triangle that `uplo` names, if it is a valid letter.
fn triangle(uplo: u8) -> Option<BlockStructure> {
    match uplo {
        b'L' => Some(TriangularLower),
        b'U' => Some(TriangularUpper),
        _ => None,
    }
}

/// The rows of column `j` that belong to the part of a matrix with `nrows` rows.
fn rows_of(part: BlockStructure, j: usize, nrows: usize) -> Range<usize> {
    match part {
        TriangularLower => j..nrows,
        TriangularUpper => 0..j + 1,
        _ => 0..nrows,
    }
}

/// Whether all elements in the part are finite.
fn finite<T: Real>(a: MatRef<'_, T>, part: BlockStructure) -> bool {
    (0..a.ncols()).all(|j| rows_of(part, j, a.nrows()).all(|i| is_finite(&a[(i, j)])))
}

/// The LAPACK `info` for the first argument that is not valid, or 0.
fn first_invalid(arguments: &[(c_int, bool)]) -> c_int {
    let invalid = arguments.iter().find(|(_, valid)| !valid);
    invalid.map_or(0, |(position, _)| -position)
}

// ---- The computations ----

/// `f32` and `f64`.
trait Real: RealField + Copy {}
impl<T: RealField + Copy> Real for T {}

/// `C := alpha A B + beta C` in one part of `C`, where only `part_a` of `A` is read.
fn accumulate<T: Real>(
    mut c: MatMut<'_, T>,
    part: BlockStructure,
    beta: T,
    alpha: T,
    (a, part_a): (MatRef<'_, T>, BlockStructure),
    b: MatRef<'_, T>,
) {
    for j in 0..c.ncols() {
        for i in rows_of(part, j, c.nrows()) {
            // Not a product: what is overwritten may be NaN.
            c[(i, j)] = if beta == zero() { zero() } else { c[(i, j)] * beta };
        }
    }
    if alpha != zero() && a.ncols() > 0 && c.nrows() > 0 && c.ncols() > 0 {
        let (add, all) = (Accum::Add, Rectangular);
        triangular::matmul(c, part, add, a, part_a, b, all, alpha, Par::Seq);
    }
}

/// Eigenvalues `w`, ascending, and eigenvectors `z` from a lower triangle. Returns `info`.
///
/// For a matrix that is not finite the eigenvalues are NaN and `info` is 0, as LAPACK's own routine answers: clarabel
/// takes a positive `info` for a broken invariant and panics, but detects NaN and stops with a numerical error.
fn eigen<T: Real>(a: MatRef<'_, T>, mut w: MatMut<'_, T>, mut z: Option<MatMut<'_, T>>) -> c_int {
    let compute = match z {
        Some(_) => ComputeEigenvectors::Yes,
        None => ComputeEigenvectors::No,
    };
    if a.nrows() == 0 {
        return 0;
    }
    if !finite(a, TriangularLower) {
        w.fill(T::nan_impl());
        return 0;
    }
    let settings = Default::default;
    let scratch = evd::self_adjoint_evd_scratch::<T>(a.nrows(), compute, Par::Seq, settings());
    let mut memory = MemBuffer::new(scratch);
    let stack = MemStack::new(&mut memory);
    let values = w.rb_mut().col_mut(0).as_diagonal_mut();
    let result = evd::self_adjoint_evd(a, values, z.rb_mut(), Par::Seq, stack, settings());
    let usable = |x: MatMut<'_, T>| finite(x.rb(), Rectangular);
    c_int::from(result.is_err() || !usable(w) || !z.is_none_or(usable))
}

/// The Cholesky factor of a lower triangle in its place. Returns `info`, and leaves `a` alone
/// if that is not 0.
fn cholesky<T: Real>(mut a: MatMut<'_, T>) -> c_int {
    let n = a.nrows();
    // The kernel uses the other triangle as workspace, so it is given a copy: `clarabel`
    // multiplies with the whole square, whose other triangle must stay zero.
    let mut factor = Mat::<T>::zeros(n, n);
    factor.copy_from_triangular_lower(a.rb());
    let settings = Default::default;
    let scratch = llt::factor::cholesky_in_place_scratch::<T>(n, Par::Seq, settings());
    let mut memory = MemBuffer::new(scratch);
    let stack = MemStack::new(&mut memory);
    let unregularised = Default::default();
    let factor_mut = factor.as_mut();
    match llt::factor::cholesky_in_place(factor_mut, unregularised, Par::Seq, stack, settings()) {
        Ok(_) if finite(factor.as_ref(), TriangularLower) => {
            a.copy_from_triangular_lower(factor.as_ref());
            0
        }
        Ok(_) => n as c_int,
        Err(llt::factor::LltError::NonPositivePivot { index }) => index as c_int + 1,
    }
}

/// Singular values `s`, descending, and the vectors that are wanted, all or the first
/// `min(m, n)`. Returns `info`.
fn singular<'a, T: Real>(
    a: MatRef<'_, T>,
    mut s: MatMut<'_, T>,
    mut u: Option<MatMut<'a, T>>,
    mut v: Option<MatMut<'a, T>>,
) -> c_int {
    if s.nrows() == 0 {
        return 0;
    }
    if !finite(a, Rectangular) {
        return 1;
    }
    // The kernel for `m > 11/6 n` expects zeros in a part of the full `U` (faer 0.24.4).
    for vectors in [&mut u, &mut v].into_iter().flatten() {
        vectors.fill(zero());
    }
    let (m, n) = a.shape();
    let compute = |vectors: &Option<MatMut<'_, T>>| match vectors {
        Some(square) if square.nrows() == square.ncols() => ComputeSvdVectors::Full,
        Some(_) => ComputeSvdVectors::Thin,
        None => ComputeSvdVectors::No,
    };
    let settings = Default::default;
    let scratch = svd::svd_scratch::<T>(m, n, compute(&u), compute(&v), Par::Seq, settings());
    let mut memory = MemBuffer::new(scratch);
    let stack = MemStack::new(&mut memory);
    let values = s.rb_mut().col_mut(0).as_diagonal_mut();
    let result = svd::svd(a, values, u.rb_mut(), v.rb_mut(), Par::Seq, stack, settings());
    let usable = |x: MatMut<'_, T>| finite(x.rb(), Rectangular);
    let usable = usable(s) && u.is_none_or(usable) && v.is_none_or(usable);
    c_int::from(result.is_err() || !usable)
}

/// `A = P L U` in the place of `A`, the row exchanges counted from 1, and the solution in the
/// place of `B`. Returns `info`, and leaves `b` alone if that is not 0.
fn solve<T: Real>(mut a: MatMut<'_, T>, mut ipiv: MatMut<'_, c_int>, mut b: MatMut<'_, T>) -> c_int {
    let n = a.nrows();
    if !finite(a.rb(), Rectangular) {
        return n as c_int;
    }
    let (mut rows, mut positions) = (vec![0_usize; n], vec![0_usize; n]);
    let settings = Default::default;
    let scratch = lu::factor::lu_in_place_scratch::<usize, T>(n, n, Par::Seq, settings());
    let mut memory = MemBuffer::new(scratch);
    let stack = MemStack::new(&mut memory);
    lu::factor::lu_in_place(a.rb_mut(), &mut rows, &mut positions, Par::Seq, stack, settings());
    let unusable = (0..n).find(|&i| !is_finite(&a[(i, i)]) || a[(i, i)] == zero());
    // `faer` gives the new order of the rows, LAPACK the exchanges that lead to it.
    let mut current: Vec<usize> = (0..n).collect();
    for i in 0..n {
        let other = (i..n).find(|&p| current[p] == rows[i]).unwrap_or(i);
        current.swap(i, other);
        ipiv[(i, 0)] = other as c_int + 1;
        if unusable.is_none() {
            for j in 0..b.ncols() {
                (b[(i, j)], b[(other, j)]) = (b[(other, j)], b[(i, j)]);
            }
        }
    }
    if let Some(i) = unusable {
        return i as c_int + 1;
    }
    triangular_solve::solve_unit_lower_triangular_in_place(a.rb(), b.rb_mut(), Par::Seq);
    triangular_solve::solve_upper_triangular_in_place(a.rb(), b, Par::Seq);
    0
}

// ---- The routines ----

/// Defines for each routine a function over both precisions, with the given body, and its two
/// symbols, which read the arguments that are passed by reference. Kinds of arguments: `letter`,
/// `int` and `value` (a scalar) arrive by value, `input`, `output` and `ints` as pointers.
/// A routine with `-> info` returns what the symbol stores there, its last argument.
macro_rules! routines {
    (@value $real:ty, letter) => { u8 };
    (@value $real:ty, int) => { c_int };
    (@value $real:ty, value) => { $real };
    (@value $real:ty, $pointer:ident) => { routines!(@pointer $real, $pointer) };
    (@pointer $real:ty, letter) => { *const c_char };
    (@pointer $real:ty, int) => { *const c_int };
    (@pointer $real:ty, ints) => { *mut c_int };
    (@pointer $real:ty, output) => { *mut $real };
    (@pointer $real:ty, $read:ident) => { *const $real };
    (@read letter $argument:ident) => { (*$argument as u8).to_ascii_uppercase() };
    (@read int $argument:ident) => { *$argument };
    (@read value $argument:ident) => { *$argument };
    (@read $pointer:ident $argument:ident) => { $argument };
    (@result info) => { c_int };
    (@symbol $real:ty, $symbol:ident = $name:ident($($argument:ident: $kind:ident),*) $($info:ident)?) => {
        /// The function of the same name for one precision.
        ///
        /// # Safety
        ///
        /// The pointers satisfy the contract of the routine.
        #[unsafe(no_mangle)]
        unsafe extern "C" fn $symbol(
            $($argument: routines!(@pointer $real, $kind),)* $($info: *mut c_int,)?
        ) {
            // SAFETY: the contract of the routine.
            unsafe {
                $(*$info =)? $name::<$real>($(routines!(@read $kind $argument)),*);
            }
        }
    };
    (@symbols $single:ident, $double:ident, $($rest:tt)*) => {
        routines!(@symbol f32, $single = $($rest)*);
        routines!(@symbol f64, $double = $($rest)*);
    };
    ($(
        $(#[$doc:meta])*
        $single:ident, $double:ident = $name:ident(
            $($argument:ident: $kind:ident),*
        ) $(-> $info:ident)? $body:block
    )*) => {$(
        $(#[$doc])*
        ///
        /// # Safety
        ///
        /// The pointers satisfy the contract of the routine.
        unsafe fn $name<T: Real>(
            $($argument: routines!(@value T, $kind)),*
        ) $(-> routines!(@result $info))? {
            // SAFETY: the contract of the routine. The bodies make a view only of what it says to
            // exist for arguments that they have checked.
            unsafe { $body }
        }
        routines!(@symbols $single, $double, $name($($argument: $kind),*) $($info)?);
    )*};
}

routines! {
    /// `C := alpha op(A) op(B) + beta C`, `C` of `m` by `n`, sums of `k` terms.
    ///
    /// Called for the products with the scaling matrices of the semidefinite cone (`NN`, `TN`,
    /// `NT`, `TT`) and in the completion step.
    sgemm_, dgemm_ = gemm(
        transa: letter, transb: letter, m: int, n: int, k: int, alpha: value, a: input, lda: int,
        b: input, ldb: int, beta: value, c: output, ldc: int
    ) {
        let mut out = view_mut(c, m.min(ldc), n, ldc);
        match (operand(transa, a, m, k, lda), operand(transb, b, k, n, ldb)) {
            (Some(a), Some(b)) if fits(m, n, ldc) => {
                accumulate(out, Rectangular, beta, alpha, (a, Rectangular), b);
            }
            _ => out.fill(nan()),
        }
    }

    /// `y := alpha op(A) x + beta y`, `A` of `m` by `n`.
    ///
    /// Only by the dense matrices of `clarabel`, outside of the solver, with increments 1.
    sgemv_, dgemv_ = gemv(
        trans: letter, m: int, n: int, alpha: value, a: input, lda: int, x: input, incx: int,
        beta: value, y: output, incy: int
    ) {
        let (rows, cols) = match trans {
            b'N' => (m, n),
            b'T' | b'C' => (n, m),
            // Invalid: only as much of `y` as exists in either case is filled with NaN.
            _ => (m.min(n), 0),
        };
        let (mut y, x) = (vector_mut(y, rows, incy), vector(x, cols, incx));
        match operand(trans, a, rows, cols, lda) {
            Some(a) if incx != 0 && incy != 0 => {
                accumulate(y, Rectangular, beta, alpha, (a, Rectangular), x);
            }
            _ => y.fill(nan()),
        }
    }

    /// `y := alpha A x + beta y`, `A` symmetric, of which `uplo` names the triangle to read.
    ///
    /// Only by the dense matrices of `clarabel`, outside of the solver, with increments 1.
    ssymv_, dsymv_ = symv(
        uplo: letter, n: int, alpha: value, a: input, lda: int, x: input, incx: int,
        beta: value, y: output, incy: int
    ) {
        let (mut y, x) = (vector_mut(y, n, incy), vector(x, n, incx));
        match (operand(b'N', a, n, n, lda), triangle(uplo)) {
            (Some(a), Some(part)) if incx != 0 && incy != 0 => {
                // The other triangle is the transpose of this one without its diagonal.
                let other = match part {
                    TriangularLower => StrictTriangularUpper,
                    _ => StrictTriangularLower,
                };
                accumulate(y.rb_mut(), Rectangular, beta, alpha, (a, part), x);
                accumulate(y, Rectangular, one(), alpha, (a.transpose(), other), x);
            }
            _ => y.fill(nan()),
        }
    }

    /// `C := alpha op(A) op(A)^T + beta C` in the triangle `uplo` of `C`, `op(A)` of `n` by `k`.
    ///
    /// Called with `U`, `N` for `R R^T` of the Nesterov-Todd scaling.
    ssyrk_, dsyrk_ = syrk(
        uplo: letter, trans: letter, n: int, k: int, alpha: value, a: input, lda: int,
        beta: value, c: output, ldc: int
    ) {
        let mut out = view_mut(c, n.min(ldc), n, ldc);
        match (triangle(uplo), operand(trans, a, n, k, lda)) {
            (Some(part), Some(a)) if fits(n, n, ldc) => {
                accumulate(out, part, beta, alpha, (a, Rectangular), a.transpose());
            }
            _ => out.fill(nan()),
        }
    }

    /// `C := alpha (op(A) op(B)^T + op(B) op(A)^T) + beta C` in the triangle `uplo` of `C`,
    /// `op(A)` and `op(B)` of `n` by `k`.
    ///
    /// Called with `U`, `N` for the product of the Jordan algebra.
    ssyr2k_, dsyr2k_ = syr2k(
        uplo: letter, trans: letter, n: int, k: int, alpha: value, a: input, lda: int,
        b: input, ldb: int, beta: value, c: output, ldc: int
    ) {
        let mut out = view_mut(c, n.min(ldc), n, ldc);
        let (a, b) = (operand(trans, a, n, k, lda), operand(trans, b, n, k, ldb));
        match (triangle(uplo), a, b) {
            (Some(part), Some(a), Some(b)) if fits(n, n, ldc) => {
                let (once, twice) = (b.transpose(), a.transpose());
                accumulate(out.rb_mut(), part, beta, alpha, (a, Rectangular), once);
                accumulate(out, part, one(), alpha, (b, Rectangular), twice);
            }
            _ => out.fill(nan()),
        }
    }

    /// All eigenvalues of the symmetric `A`, ascending, and with the job `V` its eigenvectors.
    /// `A`, which LAPACK destroys, stays as it is.
    ///
    /// Called with `N`, `A`, `U` for `n > 3`: the margin and the step length of the cone.
    ssyevr_, dsyevr_ = syevr(
        jobz: letter, range: letter, uplo: letter, n: int, a: input, lda: int, _vl: input,
        _vu: input, _il: int, _iu: int, _abstol: input, m: ints, w: output, z: output, ldz: int,
        isuppz: ints, work: output, lwork: int, iwork: ints, liwork: int
    ) -> info {
        let (query, vectors) = (lwork == -1 || liwork == -1, jobz == b'V');
        let info = first_invalid(&[
            (1, vectors || jobz == b'N'),
            (2, range == b'A'),
            (3, triangle(uplo).is_some()),
            (4, n >= 0),
            (6, fits(n, n, lda)),
            (15, !vectors || ldz >= n),
            (18, query || lwork >= 1),
            (20, query || liwork >= 1),
        ]);
        if info != 0 {
            return info;
        }
        (*work, *iwork) = (one(), 1);
        if query {
            return 0;
        }
        *m = n;
        if vectors {
            // The rows of each vector that are not zero: LAPACK finds them, this is always true.
            let mut support = view_mut(isuppz, 2, n, 2);
            for j in 0..support.ncols() {
                (support[(0, j)], support[(1, j)]) = (1, n);
            }
        }
        let a = view(a, n, n, lda);
        let lower = if uplo == b'L' { a } else { a.transpose() };
        eigen(lower, vector_mut(w, n, 1), vectors.then(|| view_mut(z, n, n, ldz)))
    }

    /// The factor `L` of `A = L L^T` (`uplo = L`) or `U` of `A = U^T U`, in its triangle of `A`.
    /// `info = i > 0`: the leading minor of order `i` is not positive definite or not finite,
    /// and `A` stays as it is.
    ///
    /// Called with `L` for `n > 3`: both iterates at each scaling, the barrier, the completion.
    spotrf_, dpotrf_ = potrf(uplo: letter, n: int, a: output, lda: int) -> info {
        let info =
            first_invalid(&[(1, triangle(uplo).is_some()), (2, n >= 0), (4, fits(n, n, lda))]);
        if info != 0 {
            return info;
        }
        let a = view_mut(a, n, n, lda);
        cholesky(if uplo == b'L' { a } else { a.transpose_mut() })
    }

    /// Solves `A X = B` with the factor of [`potrf`], `X` in the place of `B`.
    ///
    /// Called with `L` for `n > 3` in the completion step.
    spotrs_, dpotrs_ = potrs(
        uplo: letter, n: int, nrhs: int, a: input, lda: int, b: output, ldb: int
    ) -> info {
        let info = first_invalid(&[
            (1, triangle(uplo).is_some()),
            (2, n >= 0),
            (3, nrhs >= 0),
            (5, fits(n, n, lda)),
            (7, fits(n, nrhs, ldb)),
        ]);
        if info != 0 {
            return info;
        }
        let (a, mut b) = (view(a, n, n, lda), view_mut(b, n, nrhs, ldb));
        let lower = if uplo == b'L' { a } else { a.transpose() };
        triangular_solve::solve_lower_triangular_in_place(lower, b.rb_mut(), Par::Seq);
        triangular_solve::solve_upper_triangular_in_place(lower.transpose(), b, Par::Seq);
        0
    }

    /// `A = U diag(s) V^T`, `s` descending, `V^T` stored. The jobs ask for all vectors (`A`), for
    /// the first `min(m, n)` (`S`) or for none (`N`). `A`, which LAPACK destroys, stays as it is.
    ///
    /// Linked, but `clarabel` selects [`gesdd`].
    sgesvd_, dgesvd_ = gesvd(
        jobu: letter, jobvt: letter, m: int, n: int, a: input, lda: int, s: output, u: output,
        ldu: int, vt: output, ldvt: int, work: output, lwork: int
    ) -> info {
        let size = m.min(n);
        let count = |job, all| if job == b'A' { all } else { size };
        let (wants_u, wants_vt) = (jobu != b'N', jobvt != b'N');
        let info = first_invalid(&[
            (1, b"ASN".contains(&jobu)),
            (2, b"ASN".contains(&jobvt)),
            (3, m >= 0),
            (4, n >= 0),
            (6, fits(m, n, lda)),
            (9, !wants_u || ldu >= m),
            (11, !wants_vt || ldvt >= count(jobvt, n)),
            (13, lwork == -1 || lwork >= 1),
        ]);
        if info != 0 {
            return info;
        }
        *work = one();
        if lwork == -1 {
            return 0;
        }
        let u = wants_u.then(|| view_mut(u, m, count(jobu, m), ldu));
        let v = wants_vt.then(|| view_mut(vt, count(jobvt, n), n, ldvt).transpose_mut());
        singular(view(a, m, n, lda), vector_mut(s, size, 1), u, v)
    }

    /// As [`gesvd`] with one job for both sides.
    ///
    /// Called with `S` for `n > 3`, square: the Nesterov-Todd scaling, and the completion step
    /// where a matrix is not positive definite.
    sgesdd_, dgesdd_ = gesdd(
        jobz: letter, m: int, n: int, a: input, lda: int, s: output, u: output, ldu: int,
        vt: output, ldvt: int, work: output, lwork: int, _iwork: ints
    ) -> info {
        let info = gesvd(jobz, jobz, m, n, a, lda, s, u, ldu, vt, ldvt, work, lwork);
        // One argument less precedes all those after the job.
        if info < -1 { info + 1 } else { info }
    }

    /// Solves `A X = B` with `A = P L U`, the factors in the place of `A` and `X` in that of `B`.
    /// `info = i > 0`: the pivot `U(i, i)` is zero or not finite, and `B` stays as it is; an `A`
    /// with an element that is not finite is not factored and gives `info = n`.
    ///
    /// Linked, but not called by the solver.
    sgesv_, dgesv_ = gesv(
        n: int, nrhs: int, a: output, lda: int, ipiv: ints, b: output, ldb: int
    ) -> info {
        let info = first_invalid(&[
            (1, n >= 0),
            (2, nrhs >= 0),
            (4, fits(n, n, lda)),
            (7, fits(n, nrhs, ldb)),
        ]);
        if info != 0 {
            return info;
        }
        solve(view_mut(a, n, n, lda), vector_mut(ipiv, n, 1), view_mut(b, n, nrhs, ldb))
    }
}

#[cfg(test)]
mod tests;
