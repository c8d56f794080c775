//! Singular values: `?gesvd`, `?gesdd`.

use std::ffi::c_int;

use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::matmul::triangular::BlockStructure::Rectangular;
use faer::linalg::svd::{self, ComputeSvdVectors};
use faer::prelude::{Reborrow, ReborrowMut};
use faer::traits::math_utils::{one, zero};
use faer::{MatMut, MatRef, Par};

use crate::routine::routines;
use crate::view::{Real, finite, first_invalid, fits, vector_mut, view, view_mut};

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

routines! {
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
}
