//! Every routine against plain loops or the identity that defines its result, in both precisions.
//! Memory that must not be read or written holds NaN: it would spread, or its loss would show.

use super::*;

/// The orders of the tests: all small ones, one above the block sizes of the simple kernels.
const ORDERS: [usize; 13] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 40];
const SCALARS: [f64; 3] = [0.0, 1.0, -0.7];
const NAN: f64 = f64::NAN;

/// The precisions: `f64` values, with which the tests compute, come in and out.
trait Precision: RealField + Copy {
    const EPSILON: f64;
    /// A factor whose square is just inside of the range.
    const LARGE: f64;
    fn of(value: f64) -> Self;
    fn get(self) -> f64;
}

macro_rules! real {
    ($real:ty, $large:expr) => {
        impl Precision for $real {
            const EPSILON: f64 = <$real>::EPSILON as f64;
            const LARGE: f64 = $large;
            fn of(value: f64) -> Self {
                value as $real
            }
            fn get(self) -> f64 {
                f64::from(self)
            }
        }
    };
}
real!(f32, 1e18);
real!(f64, 1e150);

/// A linear congruential generator with values in [-1, 1), exact in both precisions.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> f64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 44) as f64 / f64::from(1 << 19) - 1.0
    }

    fn matrix<T: Precision>(&mut self, rows: usize, cols: usize) -> Memory<T> {
        Memory::new(rows, cols, |_, _| self.next())
    }

    fn symmetric<T: Precision>(&mut self, n: usize) -> Memory<T> {
        let a = self.matrix::<T>(n, n);
        Memory::new(n, n, |i, j| a.at(i.max(j), i.min(j)))
    }

    /// `B B^T + I`.
    fn definite<T: Precision>(&mut self, n: usize) -> Memory<T> {
        let b = self.matrix::<T>(n, n);
        let unit = |i, j| f64::from(u8::from(i == j));
        Memory::new(n, n, |i, j| sum(n, |k| b.at(i, k) * b.at(j, k)) + unit(i, j))
    }
}

/// A column-major matrix with two rows of padding, which hold NaN.
#[derive(Clone)]
struct Memory<T> {
    data: Vec<T>,
    rows: usize,
    cols: usize,
    ld: usize,
}

impl<T: Precision> Memory<T> {
    fn new(rows: usize, cols: usize, mut value: impl FnMut(usize, usize) -> f64) -> Self {
        let ld = rows + 2;
        let mut data = vec![T::of(NAN); ld * cols];
        for j in 0..cols {
            for i in 0..rows {
                data[i + j * ld] = T::of(value(i, j));
            }
        }
        Memory { data, rows, cols, ld }
    }

    fn nan(rows: usize, cols: usize) -> Self {
        Memory::new(rows, cols, |_, _| NAN)
    }

    /// The same with NaN outside of the triangle.
    fn only(&self, uplo: u8) -> Self {
        let inside = |i, j| {
            if in_triangle(uplo, i, j) { self.at(i, j) } else { NAN }
        };
        Memory::new(self.rows, self.cols, inside)
    }

    fn scaled(&self, factor: f64) -> Self {
        Memory::new(self.rows, self.cols, |i, j| self.at(i, j) * factor)
    }

    fn at(&self, i: usize, j: usize) -> f64 {
        assert!(i < self.rows && j < self.cols);
        self.data[i + j * self.ld].get()
    }

    /// Element of `op(A)`.
    fn op(&self, trans: u8, i: usize, j: usize) -> f64 {
        if trans == b'N' { self.at(i, j) } else { self.at(j, i) }
    }

    fn ld(&self) -> c_int {
        self.ld as c_int
    }

    fn ptr(&self) -> *const T {
        self.data.as_ptr()
    }

    fn out(&mut self) -> *mut T {
        self.data.as_mut_ptr()
    }

    /// Compares with the expected elements, NaN with NaN, and the padding with NaN.
    fn check(&self, tolerance: f64, case: &str, expected: impl Fn(usize, usize) -> f64) {
        for (index, value) in self.data.iter().enumerate() {
            let (i, j, value) = (index % self.ld, index / self.ld, value.get());
            let expected = if i < self.rows { expected(i, j) } else { NAN };
            let near = (value - expected).abs() <= tolerance * expected.abs().max(1.0);
            let equal = near || value == expected;
            assert!(
                equal || (value.is_nan() && expected.is_nan()),
                "{case}: ({i}, {j}) is {value}, expected {expected}"
            );
        }
    }
}

fn sum(n: usize, term: impl Fn(usize) -> f64) -> f64 {
    (0..n).map(term).sum()
}

fn in_triangle(uplo: u8, i: usize, j: usize) -> bool {
    if uplo == b'L' { i >= j } else { i <= j }
}

/// The shape of a matrix whose `op` has the given shape.
fn stored(trans: u8, rows: usize, cols: usize) -> (usize, usize) {
    if trans == b'N' { (rows, cols) } else { (cols, rows) }
}

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

fn int(n: usize) -> c_int {
    n as c_int
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

/// Calls [`syevr`] as `clarabel` does: a query of the workspace, then the computation.
fn eigenpairs<T: Precision>(jobz: u8, uplo: u8, a: &Memory<T>) -> (c_int, Vec<f64>, Memory<T>) {
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

struct Svd<T> {
    info: c_int,
    s: Vec<f64>,
    u: Memory<T>,
    vt: Memory<T>,
}

/// Calls [`gesdd`] if the jobs are equal and otherwise [`gesvd`], each after a query.
fn decompose<T: Precision>(jobs: (u8, u8), a: &Memory<T>, query_driver: bool) -> Svd<T> {
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

/// Both precisions of a test.
macro_rules! both {
    ($($test:ident: $body:ident;)*) => {$(
        #[test]
        fn $test() {
            $body::<f64>();
            $body::<f32>();
        }
    )*};
}

both! {
    gemm_agrees_with_loops: gemm_is_the_product;
    gemv_agrees_with_loops: gemv_is_the_product;
    symv_agrees_with_loops: symv_reads_one_triangle;
    syrk_and_syr2k_agree_with_loops: updates_write_one_triangle;
    syevr_satisfies_its_identities: syevr_diagonalises;
    potrf_and_potrs_satisfy_their_identities: potrf_factors_and_potrs_solves;
    potrf_reports_indefinite_and_not_finite_minors: potrf_reports_the_minor;
    gesdd_and_gesvd_satisfy_their_identities: svd_reconstructs;
    gesv_satisfies_its_identities: gesv_solves_with_pivoting;
    invalid_blas_arguments_give_nan: blas_fills_with_nan_what_it_cannot_compute;
    invalid_lapack_arguments_give_their_position: lapack_names_the_invalid_argument;
    empty_problems_are_left_alone: empty_problems_do_nothing;
    not_finite_input_is_an_error: decompositions_reject_what_is_not_finite;
}

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
