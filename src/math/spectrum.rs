//! Eigenvalues and proven definiteness of dense symmetric matrices, on faer.

use faer::linalg::matmul::matmul;
use faer::traits::ComplexField;
use faer::traits::math_utils::one;
use faer::{Accum, MatMut, MatRef, Par, Side};
use nalgebra::DMatrix;

/// Eigenvalues and orthonormal eigenvectors of a symmetric matrix, eigenvalues ascending.
#[derive(Debug, Clone)]
pub struct Spectrum {
    /// Eigenvalues, ascending.
    pub values: Vec<f64>,
    /// Eigenvectors as columns, in the same order.
    pub vectors: DMatrix<f64>,
}

fn view(matrix: &DMatrix<f64>) -> MatRef<'_, f64> {
    MatRef::from_column_major_slice(matrix.as_slice(), matrix.nrows(), matrix.ncols())
}

/// `a b`, on one thread: the result does not depend on how many there are.
pub(crate) fn product(a: &DMatrix<f64>, b: &DMatrix<f64>) -> DMatrix<f64> {
    multiplied(view(a), view(b))
}

/// `a^T b`, on one thread.
pub(crate) fn transposed_product(a: &DMatrix<f64>, b: &DMatrix<f64>) -> DMatrix<f64> {
    multiplied(view(a).transpose(), view(b))
}

/// `a^T b` for columns of `length` numbers that lie one after the other in `a` and in `b`, into columns of `out`; on one
/// thread.
pub(crate) fn transposed_times<T: ComplexField>(length: usize, a: &[T], b: &[T], out: &mut [T]) {
    let of = |columns: &[T]| columns.len() / length;
    let (rows, columns) = (of(a), of(b));
    let a = MatRef::from_column_major_slice(a, length, rows);
    let b = MatRef::from_column_major_slice(b, length, columns);
    let out = MatMut::from_column_major_slice_mut(out, rows, columns);
    matmul(out, Accum::Replace, a.transpose(), b, one::<T>(), Par::Seq);
}

/// Singular values, descending, and left singular vectors of a matrix; `None` for a matrix that is not finite.
pub(crate) fn left_singular(matrix: &DMatrix<f64>) -> Option<(Vec<f64>, DMatrix<f64>)> {
    if matrix.iter().any(|value| !value.is_finite()) {
        return None;
    }
    let decomposition = view(matrix).thin_svd().ok()?;
    let values: Vec<f64> = decomposition.S().column_vector().iter().copied().collect();
    let u = decomposition.U();
    let vectors = DMatrix::from_fn(matrix.nrows(), values.len(), |i, j| u[(i, j)]);
    Some((values, vectors))
}

/// All left singular vectors, the singular values, descending, and all right singular vectors; `None` for a matrix that is not
/// finite.
pub(crate) fn singular(matrix: &DMatrix<f64>) -> Option<(DMatrix<f64>, Vec<f64>, DMatrix<f64>)> {
    if matrix.iter().any(|value| !value.is_finite()) {
        return None;
    }
    let decomposition = view(matrix).svd().ok()?;
    let values: Vec<f64> = decomposition.S().column_vector().iter().copied().collect();
    let copied = |u: MatRef<'_, f64>| DMatrix::from_fn(u.nrows(), u.ncols(), |i, j| u[(i, j)]);
    Some((copied(decomposition.U()), values, copied(decomposition.V())))
}

fn multiplied(a: MatRef<'_, f64>, b: MatRef<'_, f64>) -> DMatrix<f64> {
    let mut out = DMatrix::zeros(a.nrows(), b.ncols());
    let (rows, columns) = out.shape();
    let target = MatMut::from_column_major_slice_mut(out.as_mut_slice(), rows, columns);
    matmul(target, Accum::Replace, a, b, 1.0, Par::Seq);
    out
}

/// Eigendecomposition of a symmetric matrix (the lower triangle is read), or `None` for a matrix that is not finite.
pub fn eigen(matrix: &DMatrix<f64>) -> Option<Spectrum> {
    if matrix.iter().any(|value| !value.is_finite()) {
        return None;
    }
    let decomposition = view(matrix).self_adjoint_eigen(Side::Lower).ok()?;
    let values: Vec<f64> = decomposition.S().column_vector().iter().copied().collect();
    let u = decomposition.U();
    let vectors = DMatrix::from_fn(matrix.nrows(), matrix.ncols(), |i, j| u[(i, j)]);
    Some(Spectrum { values, vectors })
}

/// The orthogonal matrix nearest to a square one, `U V^T` of its singular value decomposition; `None` for a matrix that is
/// not finite.
pub fn nearest_rotation(matrix: &DMatrix<f64>) -> Option<DMatrix<f64>> {
    if matrix.iter().any(|value| !value.is_finite()) {
        return None;
    }
    let decomposition = view(matrix).svd().ok()?;
    let (u, v) = (decomposition.U(), decomposition.V());
    let (rows, columns) = matrix.shape();
    Some(DMatrix::from_fn(rows, columns, |i, j| {
        (0..rows).map(|l| u[(i, l)] * v[(j, l)]).sum()
    }))
}

/// Whether a Cholesky factorisation of a symmetric matrix succeeds (the lower triangle is read).
pub fn cholesky_succeeds(matrix: &DMatrix<f64>) -> bool {
    matrix.iter().all(|value| value.is_finite()) && view(matrix).llt(Side::Lower).is_ok()
}

/// A shift `eta >= 0` for which `matrix + eta I` is PROVEN positive semidefinite, within a factor of about 4 of the
/// smallest that can be proved; infinity for a matrix that is not finite.
///
/// A Cholesky factorisation in floating point that runs to its end proves that the smallest eigenvalue is at least
/// `-(n + 3) eps trace` \[Rump2006\]; the returned shift contains that allowance.
pub fn definite_shift(matrix: &DMatrix<f64>) -> f64 {
    let n = matrix.nrows();
    if matrix.iter().any(|value| !value.is_finite()) {
        return f64::INFINITY;
    }
    let trace: f64 = matrix.diagonal().iter().map(|d| d.abs()).sum();
    let allowance = (n as f64 + 3.0) * f64::EPSILON;
    let mut shift = allowance * trace.max(f64::MIN_POSITIVE / f64::EPSILON);
    let mut shifted = matrix.clone();
    // The shift ends: beyond the Frobenius norm the matrix is diagonally dominated by it.
    loop {
        for i in 0..n {
            shifted[(i, i)] = matrix[(i, i)] + shift;
        }
        if cholesky_succeeds(&shifted) {
            return shift + allowance * (trace + n as f64 * shift);
        }
        if !shift.is_finite() {
            return f64::INFINITY;
        }
        shift *= 4.0;
    }
}
