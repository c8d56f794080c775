//! Products against plain loops.

use std::ffi::c_int;

use super::{Memory, NAN, Numbers, ORDERS, Precision, both, in_triangle, int, stored, sum};
use crate::product::{gemm, gemv, symv, syr2k, syrk};

const SCALARS: [f64; 3] = [0.0, 1.0, -0.7];

/// `beta c`, where `beta = 0` ignores `c`.
fn times(beta: f64, c: f64) -> f64 {
    if beta == 0.0 { 0.0 } else { beta * c }
}

/// The pairs of `alpha` and `beta`, with a factor for the operands and one for the output: NaN
/// where the scalar says that they are not read.
fn scalars() -> impl Iterator<Item = (f64, f64, f64, f64)> {
    let poison = |scalar| if scalar == 0.0 { NAN } else { 1.0 };
    let pairs = SCALARS.into_iter().flat_map(|alpha| SCALARS.map(|beta| (alpha, beta)));
    pairs.map(move |(alpha, beta)| (alpha, beta, poison(alpha), poison(beta)))
}

fn gemm_is_the_product<T: Precision>() {
    let mut numbers = Numbers(1);
    let shapes = ORDERS
        .map(|n| (n, n % 5 + 2, n % 7))
        .into_iter()
        .chain([(3, 40, 17), (6, 6, 6)]);
    for (m, n, k) in shapes {
        for (trans_a, trans_b) in [(b'N', b'N'), (b'T', b'N'), (b'N', b'C'), (b'T', b'T')] {
            for (alpha, beta, read, old) in scalars() {
                let (rows, cols) = stored(trans_a, m, k);
                let a = numbers.matrix::<T>(rows, cols).scaled(read);
                let (rows, cols) = stored(trans_b, k, n);
                let b = numbers.matrix::<T>(rows, cols).scaled(read);
                let before = numbers.matrix::<T>(m, n).scaled(old);
                let mut c = before.clone();
                let (one, two) = (T::of(alpha), T::of(beta));
                // SAFETY: the matrices have the shapes passed.
                unsafe {
                    gemm(
                        trans_a,
                        trans_b,
                        int(m),
                        int(n),
                        int(k),
                        one,
                        a.ptr(),
                        a.ld(),
                        b.ptr(),
                        b.ld(),
                        two,
                        c.out(),
                        c.ld(),
                    );
                }
                let case = format!("{m} {n} {k} {trans_a} {trans_b} {alpha} {beta}");
                c.check(30.0 * T::EPSILON, &case, |i, j| {
                    let product = sum(k, |l| a.op(trans_a, i, l) * b.op(trans_b, l, j));
                    times(alpha, product) + times(beta, before.at(i, j))
                });
            }
        }
    }
}

/// Where element `i` of a vector with `n` elements and increment `step` is stored.
fn place(i: usize, n: usize, step: c_int) -> usize {
    let step_length = step.unsigned_abs() as usize;
    if step > 0 {
        i * step_length
    } else {
        (n - 1 - i) * step_length
    }
}

/// A vector with NaN in the gaps.
fn spread<T: Precision>(values: &[f64], step: c_int) -> Vec<T> {
    let n = values.len();
    let mut data = vec![T::of(NAN); n * step.unsigned_abs() as usize];
    for (i, &value) in values.iter().enumerate() {
        data[place(i, n, step)] = T::of(value);
    }
    data
}

/// Checks one product with a vector, of the matrix `element`, that `call` computes.
fn check_vector_product<T: Precision>(
    (m, n): (usize, usize),
    numbers: &mut Numbers,
    element: impl Fn(usize, usize) -> f64,
    call: impl Fn(T, bool, *const T, c_int, T, *mut T, c_int),
) {
    for (alpha, beta, read, old) in scalars() {
        for (incx, incy) in [(1, 1), (2, 1), (-1, 3), (1, -2)] {
            let x: Vec<f64> = (0..n).map(|_| numbers.next() * read).collect();
            let y: Vec<f64> = (0..m).map(|_| numbers.next() * old).collect();
            let (x_data, mut y_data) = (spread::<T>(&x, incx), spread::<T>(&y, incy));
            let (scale, keep) = (T::of(alpha), T::of(beta));
            call(
                scale,
                read.is_nan(),
                x_data.as_ptr(),
                incx,
                keep,
                y_data.as_mut_ptr(),
                incy,
            );
            let result: Vec<f64> = (0..m)
                .map(|i| times(alpha, sum(n, |j| element(i, j) * x[j])) + times(beta, y[i]))
                .collect();
            for (value, expected) in y_data.iter().zip(spread::<f64>(&result, incy)) {
                let equal = (value.get() - expected).abs() <= 40.0 * T::EPSILON;
                let case = format!("{m} {n} {alpha} {beta} {incx} {incy}");
                assert!(equal || (value.get().is_nan() && expected.is_nan()), "{case}");
            }
        }
    }
}

fn gemv_is_the_product<T: Precision>() {
    let mut numbers = Numbers(2);
    for order in ORDERS {
        for trans in *b"NTC" {
            let a = numbers.matrix::<T>(order, order % 4 + 1);
            let nan = Memory::<T>::nan(a.rows, a.cols);
            let (m, n) = stored(trans, a.rows, a.cols);
            let element = |i, j| a.op(trans, i, j);
            check_vector_product::<T>(
                (m, n),
                &mut numbers,
                element,
                |alpha, unread, x, incx, beta, y, incy| {
                    let a = if unread { &nan } else { &a };
                    // SAFETY: the matrix and the vectors have the shapes passed.
                    unsafe {
                        gemv(
                            trans,
                            int(a.rows),
                            int(a.cols),
                            alpha,
                            a.ptr(),
                            a.ld(),
                            x,
                            incx,
                            beta,
                            y,
                            incy,
                        );
                    }
                },
            );
        }
    }
}

fn symv_reads_one_triangle<T: Precision>() {
    let mut numbers = Numbers(3);
    for n in ORDERS {
        for uplo in *b"UL" {
            let full = numbers.symmetric::<T>(n);
            let (a, nan) = (full.only(uplo), Memory::<T>::nan(n, n));
            let element = |i, j| full.at(i, j);
            check_vector_product::<T>(
                (n, n),
                &mut numbers,
                element,
                |alpha, unread, x, incx, beta, y, incy| {
                    let a = if unread { &nan } else { &a };
                    // SAFETY: the matrix and the vectors have the shapes passed.
                    unsafe { symv(uplo, int(n), alpha, a.ptr(), a.ld(), x, incx, beta, y, incy) }
                },
            );
        }
    }
}

fn updates_write_one_triangle<T: Precision>() {
    let mut numbers = Numbers(4);
    for n in ORDERS {
        for (uplo, trans) in [(b'U', b'N'), (b'U', b'T'), (b'L', b'N'), (b'L', b'C')] {
            for (alpha, beta, read, old) in scalars() {
                let k = n % 6;
                let (rows, cols) = stored(trans, n, k);
                let a = numbers.matrix::<T>(rows, cols).scaled(read);
                let b = numbers.matrix::<T>(rows, cols).scaled(read);
                let before = numbers.symmetric::<T>(n).scaled(old).only(uplo);
                let (mut once, mut twice) = (before.clone(), before.clone());
                let (scale, keep) = (T::of(alpha), T::of(beta));
                // SAFETY: the matrices have the shapes passed.
                unsafe {
                    let (n, k) = (int(n), int(k));
                    syrk(uplo, trans, n, k, scale, a.ptr(), a.ld(), keep, once.out(), once.ld());
                    syr2k(
                        uplo,
                        trans,
                        n,
                        k,
                        scale,
                        a.ptr(),
                        a.ld(),
                        b.ptr(),
                        b.ld(),
                        keep,
                        twice.out(),
                        twice.ld(),
                    );
                }
                let case = format!("{n} {k} {uplo} {trans} {alpha} {beta}");
                let expected = |other: &Memory<T>, i, j| {
                    let product = sum(k, |l| a.op(trans, i, l) * other.op(trans, j, l));
                    times(alpha, product)
                };
                let updated = |i, j, value: f64| {
                    if in_triangle(uplo, i, j) {
                        value + times(beta, before.at(i, j))
                    } else {
                        NAN
                    }
                };
                let tolerance = 30.0 * T::EPSILON;
                once.check(tolerance, &case, |i, j| updated(i, j, expected(&a, i, j)));
                twice.check(tolerance, &case, |i, j| {
                    updated(i, j, expected(&b, i, j) + expected(&b, j, i))
                });
            }
        }
    }
}

both! {
    gemm_agrees_with_loops: gemm_is_the_product;
    gemv_agrees_with_loops: gemv_is_the_product;
    symv_agrees_with_loops: symv_reads_one_triangle;
    syrk_and_syr2k_agree_with_loops: updates_write_one_triangle;
}
