//! Factors against the matrix, solutions against the right-hand side.

use std::ffi::c_int;

use super::{Memory, NAN, Numbers, ORDERS, Precision, both, in_triangle, int, sum};
use crate::factor::{gesv, potrf, potrs};

fn potrf_factors_and_potrs_solves<T: Precision>() {
    let mut numbers = Numbers(6);
    for n in ORDERS.into_iter().chain([132]) {
        for uplo in *b"UL" {
            let full = numbers.definite::<T>(n);
            let tolerance = 10.0 * (n as f64).max(4.0) * T::EPSILON;
            let mut factor = full.only(uplo);
            // SAFETY: the matrix has the shape passed.
            let info = unsafe { potrf(uplo, int(n), factor.out(), factor.ld()) };
            assert_eq!(info, 0);
            let lower = |i: usize, j: usize| match uplo {
                b'L' => factor.at(i, j),
                _ => factor.at(j, i),
            };
            let product = |i: usize, j: usize| sum(i.min(j) + 1, |k| lower(i, k) * lower(j, k));
            full.check(tolerance, "L L^T", product);
            factor.check(0.0, "other triangle", |i, j| {
                if in_triangle(uplo, i, j) { factor.at(i, j) } else { NAN }
            });

            let solution = numbers.matrix::<T>(n, 3);
            let right = |i, j| sum(n, |k| full.at(i, k) * solution.at(k, j));
            let mut b = Memory::<T>::new(n, 3, right);
            // SAFETY: the matrices have the shapes passed.
            let info = unsafe { potrs(uplo, int(n), 3, factor.ptr(), factor.ld(), b.out(), b.ld()) };
            assert_eq!(info, 0);
            b.check(40.0 * tolerance, "solution", |i, j| solution.at(i, j));
        }
    }
}

fn potrf_reports_the_minor<T: Precision>() {
    let mut numbers = Numbers(7);
    for n in ORDERS {
        for (uplo, broken) in [(b'L', 0), (b'U', n / 2), (b'L', n - 1)] {
            for value in [-1.0, 0.0, NAN, f64::INFINITY] {
                let full = numbers.definite::<T>(n);
                let element = |i, j| {
                    if (i, j) == (broken, broken) {
                        value
                    } else {
                        full.at(i, j)
                    }
                };
                let before = Memory::<T>::new(n, n, element).only(uplo);
                let mut a = before.clone();
                // SAFETY: the matrix has the shape passed.
                let info = unsafe { potrf(uplo, int(n), a.out(), a.ld()) };
                assert_eq!(info, int(broken) + 1, "{n} {uplo} {value}");
                a.check(0.0, "stays", |i, j| before.at(i, j));
            }
        }
        if n > 1 {
            for value in [NAN, f64::INFINITY] {
                let full = numbers.definite::<T>(n);
                let element = |i, j| {
                    if (i, j) == (n - 1, 0) { value } else { full.at(i, j) }
                };
                let mut a = Memory::<T>::new(n, n, element).only(b'L');
                // SAFETY: the matrix has the shape passed.
                assert_eq!(unsafe { potrf(b'L', int(n), a.out(), a.ld()) }, int(n));
            }
        }
    }
}

fn gesv_solves_with_pivoting<T: Precision>() {
    let mut numbers = Numbers(9);
    for n in ORDERS {
        // Zeros on the diagonal need the pivoting; the weight on a cyclic shift the conditioning.
        let shift = |i: usize, j: usize| f64::from(u8::from((i + 1) % n == j)) * 8.0;
        let noise = numbers.matrix::<T>(n, n);
        let element = |i, j| {
            if i == j && n > 1 {
                0.0
            } else {
                shift(i, j) + noise.at(i, j)
            }
        };
        let before = Memory::<T>::new(n, n, element);
        let solution = numbers.matrix::<T>(n, 2);
        let right = Memory::<T>::new(n, 2, |i, j| sum(n, |k| before.at(i, k) * solution.at(k, j)));
        let (mut a, mut b, mut pivots) = (before.clone(), right.clone(), vec![0; n]);
        let tolerance = 400.0 * (n as f64).max(4.0) * T::EPSILON;
        // SAFETY: the arrays have the shapes passed.
        let solve = |a: &mut Memory<T>, b: &mut Memory<T>, pivots: &mut [c_int]| unsafe {
            gesv(int(n), 2, a.out(), a.ld(), pivots.as_mut_ptr(), b.out(), b.ld())
        };
        assert_eq!(solve(&mut a, &mut b, &mut pivots), 0);
        b.check(tolerance, "solution", |i, j| solution.at(i, j));
        let mut order: Vec<usize> = (0..n).collect();
        for (i, &pivot) in pivots.iter().enumerate() {
            assert!(pivot > int(i) && pivot <= int(n));
            order.swap(i, pivot as usize - 1);
        }
        let lower = |i, k| if i == k { 1.0 } else { a.at(i, k) };
        let product = |i: usize, j: usize| sum(i.min(j) + 1, |k| lower(i, k) * a.at(k, j));
        Memory::<T>::new(n, n, product).check(tolerance, "P L U", |i, j| before.at(order[i], j));
        a.check(0.0, "padding", |i, j| a.at(i, j));

        let column = |i, j, value: f64| if j == n / 2 { value } else { before.at(i, j) };
        let mut broken = Memory::<T>::new(n, n, |i, j| column(i, j, 0.0));
        let mut b = right.clone();
        assert_eq!(solve(&mut broken, &mut b, &mut pivots), int(n / 2) + 1);
        b.check(0.0, "stays", |i, j| right.at(i, j));
        for value in [NAN, f64::INFINITY] {
            let mut broken = Memory::<T>::new(n, n, |i, j| column(i, j, value));
            assert_eq!(solve(&mut broken, &mut b, &mut pivots), int(n));
            b.check(0.0, "stays", |i, j| right.at(i, j));
        }
    }
}

both! {
    potrf_and_potrs_satisfy_their_identities: potrf_factors_and_potrs_solves;
    potrf_reports_indefinite_and_not_finite_minors: potrf_reports_the_minor;
    gesv_satisfies_its_identities: gesv_solves_with_pivoting;
}
