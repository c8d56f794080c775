//! The oblique manifold: d x n matrices whose columns are unit vectors.
//!
//! A point is a `DMatrix` with unit columns; a tangent vector at it has every column orthogonal to the point's. The metric
//! is that of the ambient space, column by column, possibly with a positive weight for every column. For a function with
//! Euclidean gradient `G` and Hessian `U -> E[U]`,
//!
//! ```text
//! grad    = G - H Diag(h_j . G_j)
//! Hess[U] = E[U] - H Diag(h_j . E[U]_j) - U Diag(h_j . G_j)
//! ```
//!
//! \[AbsilMahonySepulchre2008, Sec. 5.3\]. Retraction is normalisation of columns. A column of zeros has no direction: a
//! tangent step never leads to one, and [`normalised`], which makes a point of any matrix, chooses one.

use nalgebra::DMatrix;
use rand::Rng;
use rand_distr::{Distribution, StandardNormal};

use super::starts::generator;

/// A column of a matrix that should be a point, cut down to fewer rows, says nothing below this length: rounding does.
const NO_DIRECTION: f64 = 1e-8;

/// Seed of the directions of columns that have none.
const SEED: u64 = 0xd12ec;

/// Whether every column has length 1 within `tolerance`.
pub fn is_point(h: &DMatrix<f64>, tolerance: f64) -> bool {
    h.column_iter().all(|column| (column.norm() - 1.0).abs() <= tolerance)
}

/// The point nearest to `h`: columns normalised. One that is shorter than 1e-8, or not finite, becomes a random unit vector
/// within the first `free` rows, always the same for the same column number.
///
/// # Panics
/// If `free` is 0 or more than there are rows.
pub fn normalised(mut h: DMatrix<f64>, free: usize) -> DMatrix<f64> {
    assert!((1..=h.nrows()).contains(&free), "{free} of {} rows", h.nrows());
    for (j, mut column) in h.column_iter_mut().enumerate() {
        let length = column.norm();
        if length >= NO_DIRECTION && length.is_finite() {
            column /= length;
        } else {
            column.fill(0.0);
            let direction = random(&mut generator(SEED, j as u64), free, 1);
            column.rows_mut(0, free).copy_from(&direction);
        }
    }
    h
}

/// `h_j . u_j` of every column.
pub fn column_products(h: &DMatrix<f64>, u: &DMatrix<f64>) -> Vec<f64> {
    h.column_iter().zip(u.column_iter()).map(|(h, u)| h.dot(&u)).collect()
}

/// Orthogonal projection of `u` onto the tangent space at `h`, in place.
pub fn project(h: &DMatrix<f64>, u: &mut DMatrix<f64>) {
    for (h, mut u) in h.column_iter().zip(u.column_iter_mut()) {
        let along = h.dot(&u);
        u.axpy(-along, &h, 1.0);
    }
}

/// The point reached from the point `h` along `step`: columns of `h + step`, normalised. A column that vanishes stays where
/// it was.
pub fn retract(h: &DMatrix<f64>, step: &DMatrix<f64>) -> DMatrix<f64> {
    debug_assert!(is_point(h, 1e-6), "a step from columns that are not unit vectors");
    let mut moved = h + step;
    for (mut column, old) in moved.column_iter_mut().zip(h.column_iter()) {
        let length = column.norm();
        if length > 0.0 && length.is_finite() {
            column /= length;
        } else {
            column.copy_from(&old);
        }
    }
    moved
}

/// A point with independent, uniformly distributed columns.
pub fn random(generator: &mut impl Rng, dimension: usize, columns: usize) -> DMatrix<f64> {
    let mut h = DMatrix::zeros(dimension, columns);
    for mut column in h.column_iter_mut() {
        loop {
            column
                .iter_mut()
                .for_each(|entry| *entry = StandardNormal.sample(generator));
            let length = column.norm();
            if length > 1e-100 {
                column /= length;
                break;
            }
        }
    }
    h
}

/// The Riemannian Hessian along the tangent vector `u`, from the Euclidean one along it (`euclidean`, overwritten) and the
/// products `h_j . G_j` with the Euclidean gradient.
pub fn hessian(h: &DMatrix<f64>, u: &DMatrix<f64>, mut euclidean: DMatrix<f64>, along: &[f64]) -> DMatrix<f64> {
    for ((mut e, u), &a) in euclidean.column_iter_mut().zip(u.column_iter()).zip(along) {
        e.axpy(-a, &u, 1.0);
    }
    project(h, &mut euclidean);
    euclidean
}

/// Orthonormal bases of the tangent spaces of the columns: for every column the d - 1 vectors orthogonal to it, as the
/// last columns of the Householder reflection that takes it to the first axis.
pub fn tangent_basis(h: &DMatrix<f64>) -> Vec<DMatrix<f64>> {
    let d = h.nrows();
    h.column_iter()
        .map(|column| {
            let sign = if column[0] >= 0.0 { 1.0 } else { -1.0 };
            // I - w w^T / (1 + |h_0|) with w = h + sign e_0 maps h to -sign e_0.
            let mut w = column.into_owned();
            w[0] += sign;
            let scale = 1.0 / (1.0 + column[0].abs());
            DMatrix::from_fn(d, d - 1, |i, j| {
                f64::from(u8::from(i == j + 1)) - scale * w[i] * w[j + 1]
            })
        })
        .collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    #[test]
    fn bases_are_orthonormal_and_tangent() {
        let mut generator = ChaCha8Rng::seed_from_u64(1);
        let mut h = random(&mut generator, 5, 6);
        h.column_mut(0).copy_from_slice(&[-1.0, 0.0, 0.0, 0.0, 0.0]);
        h.column_mut(1).copy_from_slice(&[0.0, 0.0, 0.0, 0.0, 1.0]);
        for (j, basis) in tangent_basis(&h).iter().enumerate() {
            let gram = basis.transpose() * basis;
            assert!((gram - DMatrix::identity(4, 4)).amax() < 1e-14);
            assert!((basis.transpose() * h.column(j)).amax() < 1e-14);
        }
    }

    #[test]
    fn projection_is_tangent_and_idempotent_and_retraction_is_first_order() {
        let mut generator = ChaCha8Rng::seed_from_u64(2);
        let h = random(&mut generator, 4, 7);
        let mut u = random(&mut generator, 4, 7);
        project(&h, &mut u);
        assert!(column_products(&h, &u).iter().all(|p| p.abs() < 1e-15));
        let mut again = u.clone();
        project(&h, &mut again);
        assert!((&again - &u).amax() < 1e-15);
        for t in [1e-3, 1e-4] {
            let moved = retract(&h, &(&u * t));
            assert!((moved - &h - &u * t).amax() < t * t);
        }
    }

    #[test]
    fn a_column_without_a_direction_gets_one_among_the_free_rows() {
        let mut generator = ChaCha8Rng::seed_from_u64(4);
        let mut h = random(&mut generator, 4, 5) * 3.0;
        h.column_mut(1).fill(0.0);
        h.column_mut(2).copy_from_slice(&[0.0, 3e-17, 0.0, 0.0]);
        h[(2, 3)] = f64::NAN;
        let moved = normalised(h.clone(), 3);
        assert!(is_point(&moved, 1e-15) && !is_point(&h, 1e-3));
        for j in [0, 4] {
            assert!((moved.column(j) * h.column(j).norm() - h.column(j)).amax() < 1e-15);
        }
        for j in [1, 2, 3] {
            assert!(
                moved[(3, j)] == 0.0 && moved.column(j).amax() < 0.9999,
                "{}",
                moved.column(j)
            );
        }
        assert_ne!(moved.column(1), moved.column(2));
        assert_eq!(moved, normalised(h, 3));
    }

    #[test]
    fn random_columns_have_no_preferred_direction() {
        let mut generator = ChaCha8Rng::seed_from_u64(3);
        let h = random(&mut generator, 3, 20_000);
        assert!(h.row_mean().iter().take(3).count() == 3);
        for row in h.row_iter() {
            let mean = row.mean();
            let square = row.iter().map(|x| x * x).sum::<f64>() / 20_000.0;
            assert!(mean.abs() < 0.02 && (square - 1.0 / 3.0).abs() < 0.01);
        }
    }
}
