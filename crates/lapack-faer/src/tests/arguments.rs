//! Arguments that are invalid, empty or not finite.

use super::eigen::eigenpairs;
use super::singular::decompose;
use super::{Memory, NAN, Numbers, ORDERS, Precision, both};
use crate::eigen::syevr;
use crate::factor::{gesv, potrf, potrs};
use crate::product::{gemm, gemv, symv, syr2k, syrk};
use crate::singular::{gesdd, gesvd};

fn decompositions_reject_what_is_not_finite<T: Precision>() {
    let mut numbers = Numbers(10);
    for n in ORDERS {
        for value in [NAN, f64::INFINITY, -f64::INFINITY] {
            for (row, col) in [(0, 0), (0, n - 1), (n - 1, n - 1)] {
                let full = numbers.symmetric::<T>(n);
                let element = |i, j| {
                    if (i, j) == (row, col) { value } else { full.at(i, j) }
                };
                let broken = Memory::<T>::new(n, n, element);
                for jobz in *b"NV" {
                    let (info, values, ..) = eigenpairs(jobz, b'U', &broken.only(b'U'));
                    assert_eq!(info, 0, "{n} {value} {row} {col}");
                    assert!((0..n).all(|i| values[i].is_nan()), "{n} {value} {row} {col}");
                }
                for (job, driver) in [(b'S', false), (b'S', true), (b'N', true)] {
                    assert_eq!(decompose((job, job), &broken, driver).info, 1);
                }
            }
        }
    }
}

fn blas_fills_with_nan_what_it_cannot_compute<T: Precision>() {
    let a = Numbers(11).matrix::<T>(3, 3);
    let (a, ld, unit) = (a.ptr(), a.ld(), T::of(1.0));
    let check = |case: &str, call: &dyn Fn(*mut T)| {
        let mut c = Memory::<T>::new(3, 3, |_, _| 1.0);
        call(c.out());
        assert!((0..3).all(|i| c.at(i, 0).is_nan()), "{case}");
    };
    // SAFETY: all matrices are 3 by 3 in memory.
    unsafe {
        check("gemm trans", &|c| {
            gemm(b'X', b'N', 3, 3, 3, unit, a, ld, a, ld, unit, c, ld)
        });
        check("gemm trans", &|c| {
            gemm(b'N', b'X', 3, 3, 3, unit, a, ld, a, ld, unit, c, ld)
        });
        check("gemm k", &|c| {
            gemm(b'N', b'N', 3, 3, -1, unit, a, ld, a, ld, unit, c, ld)
        });
        check("gemm lda", &|c| {
            gemm(b'N', b'N', 3, 3, 3, unit, a, 2, a, ld, unit, c, ld)
        });
        check("gemm ldb", &|c| {
            gemm(b'N', b'N', 3, 3, 3, unit, a, ld, a, 2, unit, c, ld)
        });
        check("gemv trans", &|y| gemv(b'X', 3, 3, unit, a, ld, a, 1, unit, y, 1));
        check("gemv lda", &|y| gemv(b'N', 3, 3, unit, a, 2, a, 1, unit, y, 1));
        check("gemv incx", &|y| gemv(b'N', 3, 3, unit, a, ld, a, 0, unit, y, 1));
        check("symv uplo", &|y| symv(b'X', 3, unit, a, ld, a, 1, unit, y, 1));
        check("symv lda", &|y| symv(b'U', 3, unit, a, 2, a, 1, unit, y, 1));
        check("symv incx", &|y| symv(b'U', 3, unit, a, ld, a, 0, unit, y, 1));
        check("syrk uplo", &|c| syrk(b'X', b'N', 3, 3, unit, a, ld, unit, c, ld));
        check("syrk trans", &|c| syrk(b'U', b'X', 3, 3, unit, a, ld, unit, c, ld));
        check("syr2k uplo", &|c| {
            syr2k(b'X', b'N', 3, 3, unit, a, ld, a, ld, unit, c, ld)
        });
        check("syr2k trans", &|c| {
            syr2k(b'U', b'X', 3, 3, unit, a, ld, a, ld, unit, c, ld)
        });
        check("syr2k ldb", &|c| {
            syr2k(b'U', b'N', 3, 3, unit, a, ld, a, 2, unit, c, ld)
        });
        // Too small for the output: only what exists either way is written.
        let mut c = Memory::<T>::new(3, 3, |_, _| 1.0);
        gemm(b'N', b'N', 3, 1, 3, unit, a, ld, a, ld, unit, c.out(), 2);
        c.check(0.0, "ldc", |i, j| if i < 2 && j == 0 { NAN } else { 1.0 });
    }
}

fn lapack_names_the_invalid_argument<T: Precision>() {
    let (mut a, mut x, mut count) = ([T::of(1.0); 9], [T::of(1.0); 9], [0; 9]);
    let (p, q, k) = (a.as_mut_ptr(), x.as_mut_ptr(), count.as_mut_ptr());
    // SAFETY: the arguments are rejected before any memory but the workspace is used.
    unsafe {
        let eigen = |jobz, range, uplo, n, lda, ldz, lwork, liwork| {
            syevr(
                jobz, range, uplo, n, p, lda, p, p, 0, 0, p, k, q, q, ldz, k, q, lwork, k, liwork,
            )
        };
        assert_eq!(eigen(b'X', b'A', b'U', 3, 3, 3, 1, 1), -1);
        assert_eq!(eigen(b'V', b'I', b'U', 3, 3, 3, 1, 1), -2);
        assert_eq!(eigen(b'V', b'A', b'X', 3, 3, 3, 1, 1), -3);
        assert_eq!(eigen(b'V', b'A', b'U', -1, 3, 3, 1, 1), -4);
        assert_eq!(eigen(b'V', b'A', b'U', 3, 2, 3, 1, 1), -6);
        assert_eq!(eigen(b'V', b'A', b'U', 3, 3, 2, -1, -1), -15);
        assert_eq!(eigen(b'V', b'A', b'U', 3, 3, 3, 0, 1), -18);
        assert_eq!(eigen(b'V', b'A', b'U', 3, 3, 3, 1, 0), -20);
        assert_eq!(potrf(b'X', 3, p, 3), -1);
        assert_eq!(potrf(b'L', -1, p, 3), -2);
        assert_eq!(potrf(b'L', 3, p, 2), -4);
        assert_eq!(potrs(b'X', 3, 1, p, 3, q, 3), -1);
        assert_eq!(potrs(b'L', -1, 1, p, 3, q, 3), -2);
        assert_eq!(potrs(b'L', 3, -1, p, 3, q, 3), -3);
        assert_eq!(potrs(b'L', 3, 1, p, 2, q, 3), -5);
        assert_eq!(potrs(b'L', 3, 1, p, 3, q, 2), -7);
        let dd = |job, m, n, lda, ldu, ldvt, lwork| gesdd(job, m, n, p, lda, q, q, ldu, q, ldvt, q, lwork, k);
        assert_eq!(dd(b'O', 3, 2, 3, 3, 2, 1), -1);
        assert_eq!(dd(b'S', -1, 2, 3, 3, 2, 1), -2);
        assert_eq!(dd(b'S', 3, -1, 3, 3, 2, 1), -3);
        assert_eq!(dd(b'S', 3, 2, 2, 3, 2, 1), -5);
        assert_eq!(dd(b'S', 3, 2, 3, 2, 2, 1), -8);
        assert_eq!(dd(b'S', 3, 2, 3, 3, 1, 1), -10);
        assert_eq!(dd(b'A', 2, 3, 2, 2, 2, 1), -10);
        assert_eq!(dd(b'S', 3, 2, 3, 3, 2, 0), -12);
        let qr = |job_u, job_vt, m, n, lda, ldu, ldvt, lwork| {
            gesvd(job_u, job_vt, m, n, p, lda, q, q, ldu, q, ldvt, q, lwork)
        };
        assert_eq!(qr(b'O', b'S', 3, 2, 3, 3, 2, 1), -1);
        assert_eq!(qr(b'S', b'O', 3, 2, 3, 3, 2, 1), -2);
        assert_eq!(qr(b'S', b'S', -1, 2, 3, 3, 2, 1), -3);
        assert_eq!(qr(b'S', b'S', 3, -1, 3, 3, 2, 1), -4);
        assert_eq!(qr(b'S', b'S', 3, 2, 2, 3, 2, 1), -6);
        assert_eq!(qr(b'S', b'N', 3, 2, 3, 2, 0, 1), -9);
        assert_eq!(qr(b'N', b'S', 3, 2, 3, 0, 1, 1), -11);
        assert_eq!(qr(b'S', b'S', 3, 2, 3, 3, 2, 0), -13);
        assert_eq!(gesv(-1, 1, p, 3, k, q, 3), -1);
        assert_eq!(gesv(3, -1, p, 3, k, q, 3), -2);
        assert_eq!(gesv(3, 1, p, 2, k, q, 3), -4);
        assert_eq!(gesv(3, 1, p, 3, k, q, 2), -7);
    }
}

/// No pointer to an empty matrix is used, null or not.
fn empty_problems_do_nothing<T: Precision>() {
    let (p, unit) = (std::ptr::null_mut::<T>(), T::of(1.0));
    let (mut work, mut iwork, mut m) = ([unit], [0], 7);
    let (q, k) = (work.as_mut_ptr(), iwork.as_mut_ptr());
    // SAFETY: all matrices and vectors are empty, and the workspaces hold one element.
    unsafe {
        gemm(b'N', b'T', 0, 0, 0, unit, p, 0, p, 0, unit, p, 0);
        gemm(b'N', b'T', 3, 0, 2, unit, p, 3, p, 0, unit, p, 3);
        gemv(b'N', 0, 0, unit, p, 0, p, 1, unit, p, 1);
        symv(b'U', 0, unit, p, 0, p, -1, unit, p, -1);
        syrk(b'U', b'N', 0, 0, unit, p, 0, unit, p, 0);
        syr2k(b'U', b'N', 0, 0, unit, p, 0, p, 0, unit, p, 0);
        let (null, n) = (std::ptr::null_mut(), b'N');
        assert_eq!(
            syevr(n, b'A', b'U', 0, p, 0, p, p, 0, 0, p, &mut m, p, p, 0, null, q, 1, k, 1),
            0
        );
        assert_eq!(m, 0);
        assert_eq!(potrf(b'L', 0, p, 0), 0);
        assert_eq!(potrs(b'L', 0, 0, p, 0, p, 0), 0);
        assert_eq!(gesdd(b'S', 0, 2, p, 0, p, p, 0, p, 0, q, 1, k), 0);
        assert_eq!(gesvd(b'S', b'A', 2, 0, p, 2, p, p, 2, p, 0, q, 1), 0);
        assert_eq!(gesv(0, 0, p, 0, null, p, 0), 0);
    }
}

both! {
    invalid_blas_arguments_give_nan: blas_fills_with_nan_what_it_cannot_compute;
    invalid_lapack_arguments_give_their_position: lapack_names_the_invalid_argument;
    empty_problems_are_left_alone: empty_problems_do_nothing;
    not_finite_input_is_an_error: decompositions_reject_what_is_not_finite;
}
