//! Products: `?gemm`, `?gemv`, `?symv`, `?syrk`, `?syr2k`.

use faer::linalg::matmul::triangular::{self, BlockStructure};
use faer::prelude::ReborrowMut;
use faer::traits::math_utils::{nan, one, zero};
use faer::{Accum, MatMut, MatRef, Par};

use BlockStructure::{Rectangular, StrictTriangularLower, StrictTriangularUpper, TriangularLower};

use crate::routine::routines;
use crate::view::{Real, fits, operand, rows_of, triangle, vector, vector_mut, view_mut};

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
}
