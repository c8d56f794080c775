//! Eigenvalues against the identities that define them.

use std::ffi::c_int;

use super::{Memory, NAN, Numbers, ORDERS, Precision, both, int, sum};
use crate::eigen::syevr;

/// Calls [`syevr`] as `clarabel` does: a query of the workspace, then the computation.
pub(crate) fn eigenpairs<T: Precision>(jobz: u8, uplo: u8, a: &Memory<T>) -> (c_int, Vec<f64>, Memory<T>) {
    let n = a.rows;
    let (mut w, mut z) = (vec![T::of(NAN); n], Memory::<T>::nan(n, n));
    let (mut m, mut support) = (0, vec![0; 2 * n]);
    let (mut work, mut iwork, unused) = ([T::of(NAN)], [0], T::of(NAN));
    let mut info = 0;
    for lengths in [-1, 1] {
        // SAFETY: the arrays have the lengths that the contract asks for.
        unsafe {
            info = syevr(
                jobz,
                b'A',
                uplo,
                int(n),
                a.ptr(),
                a.ld(),
                &unused,
                &unused,
                0,
                0,
                &unused,
                &mut m,
                w.as_mut_ptr(),
                z.out(),
                z.ld(),
                support.as_mut_ptr(),
                work.as_mut_ptr(),
                lengths,
                iwork.as_mut_ptr(),
                lengths,
            );
        }
        assert_eq!((work[0].get(), iwork[0]), (1.0, 1));
        assert!(
            lengths == 1 || (info == 0 && w.iter().all(|w| w.get().is_nan())),
            "query"
        );
    }
    if info == 0 {
        let all: Vec<c_int> = if jobz == b'V' {
            [1, int(n)].repeat(n)
        } else {
            vec![0; 2 * n]
        };
        assert_eq!((m, support), (int(n), all));
    }
    (info, w.into_iter().map(T::get).collect(), z)
}

fn check_eigen<T: Precision>(full: &Memory<T>, scale: f64) {
    let n = full.rows;
    let tolerance = 20.0 * (n as f64).max(4.0) * T::EPSILON;
    for uplo in *b"UL" {
        let a = full.only(uplo);
        let (info, w, z) = eigenpairs(b'V', uplo, &a);
        assert_eq!(info, 0);
        assert!(w.windows(2).all(|pair| pair[0] <= pair[1]), "{w:?}");
        for (j, w) in w.iter().enumerate() {
            for i in 0..n {
                let residual = sum(n, |k| full.at(i, k) / scale * z.at(k, j)) - z.at(i, j) * (w / scale);
                assert!(residual.abs() <= tolerance, "{n} {scale:e}: residual {residual:e}");
                let angle = sum(n, |k| z.at(k, i) * z.at(k, j)) - f64::from(u8::from(i == j));
                assert!(angle.abs() <= tolerance, "{n} {scale:e}: angle {angle:e}");
            }
        }
        z.check(0.0, "padding", |i, j| z.at(i, j));
        let (info, values, untouched) = eigenpairs(b'N', uplo, &a);
        assert_eq!(info, 0);
        untouched.check(0.0, "no vectors wanted", |_, _| NAN);
        for (value, w) in values.iter().zip(&w) {
            assert!((value - w).abs() <= tolerance * scale, "{n} {scale:e}: {value:e} {w:e}");
        }
    }
}

fn syevr_diagonalises<T: Precision>() {
    let mut numbers = Numbers(5);
    for n in ORDERS {
        let full = numbers.symmetric::<T>(n);
        check_eigen(&full, 1.0);
        for scale in [T::LARGE, 1.0 / T::LARGE] {
            check_eigen(&full.scaled(scale), scale);
        }
        let column: Vec<f64> = (0..n).map(|_| numbers.next()).collect();
        check_eigen(&Memory::<T>::new(n, n, |i, j| column[i] * column[j]), 1.0);
        check_eigen(&Memory::<T>::new(n, n, |_, _| 0.0), 1.0);
        check_eigen(&Memory::<T>::new(n, n, |i, j| if i == j { 3.0 } else { 1.0 }), 1.0);
    }
    // Beyond the order from which the kernel divides and conquers.
    check_eigen(&numbers.symmetric::<T>(132), 1.0);
    check_eigen(&Memory::<T>::new(132, 132, |i, j| if i == j { 3.0 } else { 1.0 }), 1.0);
}

both! {
    syevr_satisfies_its_identities: syevr_diagonalises;
}
