//! Singular values and vectors against the matrix.

use std::ffi::c_int;

use super::{Memory, NAN, Numbers, ORDERS, Precision, both, int, sum};
use crate::singular::{gesdd, gesvd};

pub(crate) struct Svd<T> {
    pub(crate) info: c_int,
    pub(crate) s: Vec<f64>,
    pub(crate) u: Memory<T>,
    pub(crate) vt: Memory<T>,
}

/// Calls [`gesdd`] if the jobs are equal and otherwise [`gesvd`], each after a query.
pub(crate) fn decompose<T: Precision>(jobs: (u8, u8), a: &Memory<T>, query_driver: bool) -> Svd<T> {
    let (m, n, count) = (a.rows, a.cols, a.rows.min(a.cols));
    let mut s = vec![T::of(NAN); count];
    let mut u = Memory::<T>::nan(m, if jobs.0 == b'A' { m } else { count });
    let mut vt = Memory::<T>::nan(if jobs.1 == b'A' { n } else { count }, n);
    let (mut work, mut iwork, mut info) = ([T::of(NAN)], [0; 1], 0);
    for length in [-1, 1] {
        // SAFETY: the arrays have the lengths that the contract asks for.
        info = unsafe {
            if query_driver {
                gesvd(
                    jobs.0,
                    jobs.1,
                    int(m),
                    int(n),
                    a.ptr(),
                    a.ld(),
                    s.as_mut_ptr(),
                    u.out(),
                    u.ld(),
                    vt.out(),
                    vt.ld(),
                    work.as_mut_ptr(),
                    length,
                )
            } else {
                gesdd(
                    jobs.0,
                    int(m),
                    int(n),
                    a.ptr(),
                    a.ld(),
                    s.as_mut_ptr(),
                    u.out(),
                    u.ld(),
                    vt.out(),
                    vt.ld(),
                    work.as_mut_ptr(),
                    length,
                    iwork.as_mut_ptr(),
                )
            }
        };
        assert_eq!(work[0].get(), 1.0);
        assert!(
            length == 1 || (info == 0 && s.iter().all(|s| s.get().is_nan())),
            "query"
        );
    }
    Svd {
        info,
        s: s.into_iter().map(T::get).collect(),
        u,
        vt,
    }
}

fn check_svd<T: Precision>(a: &Memory<T>, scale: f64) {
    let (m, n, count) = (a.rows, a.cols, a.rows.min(a.cols));
    let tolerance = 20.0 * (m.max(n) as f64).max(4.0) * T::EPSILON;
    let case = format!("{m} {n} {scale:e}");
    let jobs = b"ASN".iter().flat_map(|&u| b"ASN".map(|vt| (u, vt)));
    let reference = decompose((b'S', b'S'), a, false).s;
    for (jobs, driver) in jobs.flat_map(|jobs| [(jobs, false), (jobs, true)]) {
        let small = m.max(n) <= 12;
        // `gesdd` has one job, and the large cases take long without optimisation.
        if (jobs.0 != jobs.1 && !driver) || (!small && (jobs != (b'S', b'S') || driver)) {
            continue;
        }
        let Svd { info, s, u, vt } = decompose(jobs, a, driver);
        assert_eq!(info, 0, "{case} {jobs:?}");
        assert!(
            s.windows(2).all(|pair| pair[0] >= pair[1]) && s[count - 1] >= 0.0,
            "{s:?}"
        );
        for (value, expected) in s.iter().zip(&reference) {
            assert!(
                (value - expected).abs() <= tolerance * scale,
                "{case}: {jobs:?} {s:?} {reference:?}"
            );
        }
        let unit = |i, j| f64::from(u8::from(i == j));
        if jobs.0 == b'N' {
            u.check(0.0, "no U wanted", |_, _| NAN);
        } else {
            let gram = |i, j| sum(m, |k| u.at(k, i) * u.at(k, j));
            Memory::<f64>::new(u.cols, u.cols, gram).check(tolerance, &case, unit);
            u.check(0.0, "padding", |i, j| u.at(i, j));
        }
        if jobs.1 == b'N' {
            vt.check(0.0, "no V wanted", |_, _| NAN);
        } else {
            let gram = |i, j| sum(n, |k| vt.at(i, k) * vt.at(j, k));
            Memory::<f64>::new(vt.rows, vt.rows, gram).check(tolerance, &case, unit);
            vt.check(0.0, "padding", |i, j| vt.at(i, j));
        }
        if jobs.0 != b'N' && jobs.1 != b'N' {
            let product = |i, j| sum(count, |k| u.at(i, k) * (s[k] / scale) * vt.at(k, j));
            Memory::<f64>::new(m, n, product).check(tolerance, &case, |i, j| a.at(i, j) / scale);
        }
    }
}

fn svd_reconstructs<T: Precision>() {
    let mut numbers = Numbers(8);
    let tall = ORDERS
        .into_iter()
        .flat_map(|n| [(n, n), (n + 1, n), (n, n + 2), (3 * n, n), (n, 3 * n)]);
    for (m, n) in tall {
        let a = numbers.matrix::<T>(m, n);
        check_svd(&a, 1.0);
        for scale in [T::LARGE, 1.0 / T::LARGE] {
            check_svd(&a.scaled(scale), scale);
        }
        let (left, right) = (numbers.matrix::<f64>(m, 1), numbers.matrix::<f64>(1, n));
        check_svd(&Memory::<T>::new(m, n, |i, j| left.at(i, 0) * right.at(0, j)), 1.0);
        check_svd(&Memory::<T>::new(m, n, |_, _| 0.0), 1.0);
        check_svd(&Memory::<T>::new(m, n, |i, j| if i == j { 3.0 } else { 1.0 }), 1.0);
    }
    // Beyond the order from which the kernel divides and conquers.
    check_svd(&numbers.matrix::<T>(132, 130), 1.0);
}

both! {
    gesdd_and_gesvd_satisfy_their_identities: svd_reconstructs;
}
