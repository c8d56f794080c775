//! Factorisations and the systems they solve: `?potrf`, `?potrs`, `?gesv`.

use std::ffi::c_int;

use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::matmul::triangular::BlockStructure::{Rectangular, TriangularLower};
use faer::linalg::{cholesky::llt, lu::partial_pivoting as lu, triangular_solve};
use faer::prelude::{Reborrow, ReborrowMut};
use faer::traits::math_utils::{is_finite, zero};
use faer::{Mat, MatMut, Par};

use crate::routine::routines;
use crate::view::{Real, finite, first_invalid, fits, triangle, vector_mut, view, view_mut};

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

routines! {
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
