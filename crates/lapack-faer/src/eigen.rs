//! Eigenvalues of symmetric matrices: `?syevr`.

use std::ffi::c_int;

use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::evd::{self, ComputeEigenvectors};
use faer::linalg::matmul::triangular::BlockStructure::{Rectangular, TriangularLower};
use faer::prelude::{Reborrow, ReborrowMut};
use faer::traits::math_utils::one;
use faer::{MatMut, MatRef, Par};

use crate::routine::routines;
use crate::view::{Real, finite, first_invalid, fits, triangle, vector_mut, view, view_mut};

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

routines! {
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
}
