//! The symbols against the functions behind them.

use std::ffi::c_char;

use super::eigen::eigenpairs;
use super::singular::decompose;
use super::{Numbers, Precision};
use crate::eigen::{dsyevr_, ssyevr_};
use crate::factor::{dgesv_, dpotrf_, dpotrs_, sgesv_, spotrf_, spotrs_};
use crate::product::{
    dgemm_, dgemv_, dsymv_, dsyr2k_, dsyrk_, gemm, gemv, sgemm_, sgemv_, ssymv_, ssyr2k_, ssyrk_, symv, syr2k, syrk,
};
use crate::singular::{dgesdd_, dgesvd_, sgesdd_, sgesvd_};

/// Calls the symbols of one precision as Fortran would and compares with the functions behind.
macro_rules! symbols {
    ($test:ident, $real:ty: $gemm:ident $gemv:ident $symv:ident $syrk:ident $syr2k:ident
     $syevr:ident $potrf:ident $potrs:ident $gesdd:ident $gesvd:ident $gesv:ident) => {
        #[test]
        fn $test() {
            let mut numbers = Numbers(12);
            let (a, b) = (numbers.matrix::<$real>(4, 4), numbers.matrix::<$real>(5, 4));
            let definite = numbers.definite::<$real>(4);
            let before = numbers.matrix::<$real>(4, 4);
            let letter = |letter: u8| letter as c_char;
            let (no, tr, up, lo, all) = (
                letter(b'n'),
                letter(b't'),
                letter(b'u'),
                letter(b'l'),
                letter(b'a'),
            );
            let (thin, vec) = (letter(b's'), letter(b'v'));
            let (m, n, k, one) = (4, 3, 2, 1);
            let (lda, ldb, alpha, beta) = (a.ld(), b.ld(), 0.5, -0.25);
            let same = |name: &str, call: &dyn Fn(*mut $real), expected: &dyn Fn(*mut $real)| {
                let (mut result, mut reference) = (before.clone(), before.clone());
                call(result.out());
                expected(reference.out());
                result.check(0.0, name, |i, j| reference.at(i, j));
                let changed = (0..16).any(|i| result.at(i % 4, i / 4) != before.at(i % 4, i / 4));
                assert!(changed, "{name}");
            };
            let (p, q) = (a.ptr(), b.ptr());
            // SAFETY: the arrays have the shapes that the contracts ask for.
            unsafe {
                same(
                    "gemm",
                    &|c| $gemm(&no, &tr, &m, &n, &k, &alpha, p, &lda, q, &ldb, &beta, c, &lda),
                    &|c| gemm(b'N', b'T', m, n, k, alpha, p, lda, q, ldb, beta, c, lda),
                );
                same(
                    "gemv",
                    &|y| $gemv(&tr, &m, &n, &alpha, p, &lda, q, &one, &beta, y, &k),
                    &|y| gemv(b'T', m, n, alpha, p, lda, q, one, beta, y, k),
                );
                same(
                    "symv",
                    &|y| $symv(&up, &n, &alpha, p, &lda, q, &one, &beta, y, &k),
                    &|y| symv(b'U', n, alpha, p, lda, q, one, beta, y, k),
                );
                same(
                    "syrk",
                    &|c| $syrk(&up, &tr, &n, &k, &alpha, q, &ldb, &beta, c, &lda),
                    &|c| syrk(b'U', b'T', n, k, alpha, q, ldb, beta, c, lda),
                );
                same(
                    "syr2k",
                    &|c| $syr2k(&lo, &no, &n, &k, &alpha, p, &lda, q, &ldb, &beta, c, &lda),
                    &|c| syr2k(b'L', b'N', n, k, alpha, p, lda, q, ldb, beta, c, lda),
                );
            }

            // The decompositions: the numbers of the generic calls, `info` set to 0.
            let (mut info, mut work, mut iwork, mut pivots) = (9, [0.0], [0], [0; 8]);
            let (mut s, mut u, mut vt) = ([0.0; 4], before.clone(), before.clone());
            let zero = 0.0;
            // SAFETY: as above.
            unsafe {
                let (out, w) = (&mut info, s.as_mut_ptr());
                let (work, iwork, pivots) = (work.as_mut_ptr(), iwork.as_mut_ptr(), pivots.as_mut_ptr());
                let (i, ld) = (iwork, before.ld());

                let mut count = 0;
                let p = definite.ptr();
                $syevr(
                    &vec,
                    &all,
                    &up,
                    &m,
                    p,
                    &ld,
                    &zero,
                    &zero,
                    &one,
                    &one,
                    &zero,
                    &mut count,
                    w,
                    u.out(),
                    &ld,
                    pivots,
                    work,
                    &one,
                    i,
                    &one,
                    out,
                );
                let (_, values, vectors) = eigenpairs(b'V', b'U', &definite);
                assert_eq!((*out, count), (0, 4));
                assert_eq!(s.map(Precision::get), *values);
                u.check(0.0, "syevr", |i, j| vectors.at(i, j));

                let expected = decompose((b'S', b'S'), &a, false);
                *out = 9;
                let p = a.ptr();
                let w = s.as_mut_ptr();
                $gesdd(
                    &thin,
                    &m,
                    &m,
                    p,
                    &ld,
                    w,
                    u.out(),
                    &ld,
                    vt.out(),
                    &ld,
                    work,
                    &one,
                    i,
                    out,
                );
                assert_eq!((*out, s.map(Precision::get).to_vec()), (0, expected.s.clone()));
                u.check(0.0, "gesdd", |i, j| expected.u.at(i, j));
                vt.check(0.0, "gesdd", |i, j| expected.vt.at(i, j));

                *out = 9;
                (u, vt) = (before.clone(), before.clone());
                let w = s.as_mut_ptr();
                $gesvd(
                    &thin,
                    &no,
                    &m,
                    &m,
                    p,
                    &ld,
                    w,
                    u.out(),
                    &ld,
                    vt.out(),
                    &ld,
                    work,
                    &one,
                    out,
                );
                assert_eq!(*out, 0);
                u.check(0.0, "gesvd", |i, j| expected.u.at(i, j));
                vt.check(0.0, "gesvd", |i, j| before.at(i, j));

                *out = 9;
                let (mut factor, mut right) = (definite.clone(), before.clone());
                $potrf(&lo, &m, factor.out(), &ld, out);
                assert_eq!(*out, 0);
                *out = 9;
                $potrs(&lo, &m, &n, factor.ptr(), &ld, right.out(), &ld, out);
                assert_eq!(*out, 0);
                let (mut square, mut other) = (definite.clone(), before.clone());
                *out = 9;
                $gesv(&m, &n, square.out(), &ld, pivots, other.out(), &ld, out);
                assert_eq!(*out, 0);
                right.check(1e-4, "potrs and gesv", |i, j| other.at(i, j));
                right.check(1e-4, "column beyond nrhs", |i, j| {
                    if j < 3 { right.at(i, j) } else { before.at(i, j) }
                });
            }
        }
    };
}

symbols!(single_symbols, f32: sgemm_ sgemv_ ssymv_ ssyrk_ ssyr2k_ ssyevr_ spotrf_ spotrs_ sgesdd_ sgesvd_ sgesv_);
symbols!(double_symbols, f64: dgemm_ dgemv_ dsymv_ dsyrk_ dsyr2k_ dsyevr_ dpotrf_ dpotrs_ dgesdd_ dgesvd_ dgesv_);
