//! Every routine against plain loops or the identity that defines its result, in both precisions.
//! Memory that must not be read or written holds NaN: it would spread, or its loss would show.

mod arguments;
mod eigen;
mod factor;
mod product;
mod singular;
mod symbols;

use std::ffi::c_int;

use faer::traits::RealField;

/// The orders of the tests: all small ones, one above the block sizes of the simple kernels.
pub(crate) const ORDERS: [usize; 13] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 40];
pub(crate) const NAN: f64 = f64::NAN;

/// The precisions: `f64` values, with which the tests compute, come in and out.
pub(crate) trait Precision: RealField + Copy {
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
pub(crate) struct Numbers(pub(crate) u64);

impl Numbers {
    pub(crate) fn next(&mut self) -> f64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 44) as f64 / f64::from(1 << 19) - 1.0
    }

    pub(crate) fn matrix<T: Precision>(&mut self, rows: usize, cols: usize) -> Memory<T> {
        Memory::new(rows, cols, |_, _| self.next())
    }

    pub(crate) fn symmetric<T: Precision>(&mut self, n: usize) -> Memory<T> {
        let a = self.matrix::<T>(n, n);
        Memory::new(n, n, |i, j| a.at(i.max(j), i.min(j)))
    }

    /// `B B^T + I`.
    pub(crate) fn definite<T: Precision>(&mut self, n: usize) -> Memory<T> {
        let b = self.matrix::<T>(n, n);
        let unit = |i, j| f64::from(u8::from(i == j));
        Memory::new(n, n, |i, j| sum(n, |k| b.at(i, k) * b.at(j, k)) + unit(i, j))
    }
}

/// A column-major matrix with two rows of padding, which hold NaN.
#[derive(Clone)]
pub(crate) struct Memory<T> {
    pub(crate) data: Vec<T>,
    pub(crate) rows: usize,
    pub(crate) cols: usize,
    pub(crate) ld: usize,
}

impl<T: Precision> Memory<T> {
    pub(crate) fn new(rows: usize, cols: usize, mut value: impl FnMut(usize, usize) -> f64) -> Self {
        let ld = rows + 2;
        let mut data = vec![T::of(NAN); ld * cols];
        for j in 0..cols {
            for i in 0..rows {
                data[i + j * ld] = T::of(value(i, j));
            }
        }
        Memory { data, rows, cols, ld }
    }

    pub(crate) fn nan(rows: usize, cols: usize) -> Self {
        Memory::new(rows, cols, |_, _| NAN)
    }

    /// The same with NaN outside of the triangle.
    pub(crate) fn only(&self, uplo: u8) -> Self {
        let inside = |i, j| {
            if in_triangle(uplo, i, j) { self.at(i, j) } else { NAN }
        };
        Memory::new(self.rows, self.cols, inside)
    }

    pub(crate) fn scaled(&self, factor: f64) -> Self {
        Memory::new(self.rows, self.cols, |i, j| self.at(i, j) * factor)
    }

    pub(crate) fn at(&self, i: usize, j: usize) -> f64 {
        assert!(i < self.rows && j < self.cols);
        self.data[i + j * self.ld].get()
    }

    /// Element of `op(A)`.
    pub(crate) fn op(&self, trans: u8, i: usize, j: usize) -> f64 {
        if trans == b'N' { self.at(i, j) } else { self.at(j, i) }
    }

    pub(crate) fn ld(&self) -> c_int {
        self.ld as c_int
    }

    pub(crate) fn ptr(&self) -> *const T {
        self.data.as_ptr()
    }

    pub(crate) fn out(&mut self) -> *mut T {
        self.data.as_mut_ptr()
    }

    /// Compares with the expected elements, NaN with NaN, and the padding with NaN.
    pub(crate) fn check(&self, tolerance: f64, case: &str, expected: impl Fn(usize, usize) -> f64) {
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

pub(crate) fn sum(n: usize, term: impl Fn(usize) -> f64) -> f64 {
    (0..n).map(term).sum()
}

pub(crate) fn in_triangle(uplo: u8, i: usize, j: usize) -> bool {
    if uplo == b'L' { i >= j } else { i <= j }
}

/// The shape of a matrix whose `op` has the given shape.
pub(crate) fn stored(trans: u8, rows: usize, cols: usize) -> (usize, usize) {
    if trans == b'N' { (rows, cols) } else { (cols, rows) }
}

pub(crate) fn int(n: usize) -> c_int {
    n as c_int
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
pub(crate) use both;
