//! Symmetric matrices as vectors, in clarabel's order.
//!
//! Cone: `PSDTriangleConeT(n)`. Order: the upper triangle column by column, entry `(i, j)`, `i <= j`, at
//! `j (j + 1) / 2 + i`. Scaling: entries off the diagonal are multiplied by sqrt(2), so that
//! `svec(A) . svec(B) = trace(A B)`. Duals come back in the same scaling.

use std::f64::consts::SQRT_2;

/// Length of `svec` of an n x n matrix.
pub(super) fn len(n: usize) -> usize {
    n * (n + 1) / 2
}

/// Position of entry `(i, j)` and the factor it is multiplied by.
pub(super) fn position(i: usize, j: usize) -> (usize, f64) {
    let (low, high) = if i <= j { (i, j) } else { (j, i) };
    (high * (high + 1) / 2 + low, if low == high { 1.0 } else { SQRT_2 })
}

#[cfg(test)]
mod tests {
    use nalgebra::DMatrix;

    use super::*;

    /// The vector of a symmetric matrix, whose upper triangle is read.
    fn svec(matrix: &DMatrix<f64>) -> Vec<f64> {
        let n = matrix.nrows();
        let mut vector = vec![0.0; len(n)];
        for j in 0..n {
            for i in 0..=j {
                let (at, factor) = position(i, j);
                vector[at] = factor * matrix[(i, j)];
            }
        }
        vector
    }

    /// The symmetric n x n matrix of a vector: the inverse of [`svec`].
    ///
    /// # Panics
    /// If the vector's length is not [`len`]`(n)`.
    fn smat(vector: &[f64], n: usize) -> DMatrix<f64> {
        assert_eq!(
            vector.len(),
            len(n),
            "length of the vector of a symmetric {n} x {n} matrix"
        );
        DMatrix::from_fn(n, n, |i, j| {
            let (at, factor) = position(i, j);
            vector[at] / factor
        })
    }

    fn sample(n: usize, seed: f64) -> DMatrix<f64> {
        let raw = DMatrix::from_fn(n, n, |i, j| ((i * 7 + j * 13) as f64 * 0.37 + seed).sin());
        &raw + raw.transpose()
    }

    #[test]
    fn vector_inner_product_is_the_trace_and_smat_inverts() {
        for n in 1..8 {
            let (a, b) = (sample(n, 0.1), sample(n, 0.9));
            let inner: f64 = svec(&a).iter().zip(svec(&b)).map(|(x, y)| x * y).sum();
            assert!(
                (inner - (&a * &b).trace()).abs() < 1e-12 * (1.0 + inner.abs()),
                "n = {n}"
            );
            assert!((smat(&svec(&a), n) - &a).amax() < 1e-15);
        }
    }

    #[test]
    fn order_is_the_upper_triangle_by_columns() {
        let positions: Vec<usize> = [(0, 0), (0, 1), (1, 1), (0, 2), (1, 2), (2, 2)]
            .iter()
            .map(|&(i, j)| position(i, j).0)
            .collect();
        assert_eq!(positions, [0, 1, 2, 3, 4, 5]);
        assert_eq!(position(2, 0), position(0, 2));
    }
}
