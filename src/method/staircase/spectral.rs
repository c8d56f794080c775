//! [`Spectral`]: a preconditioner from the singular values of the factor.
//!
//! At a regular optimum the weights of pairs are `W_gh = d_g d_h` with `d_g^2 = S_gg`, the loss bends along an entry by its
//! weight over the temperature, and `S H^T = 0` (THEORY 3). With `D = Diag(d)`, and `U = Z D^{-1/2}`,
//! `H = X D^{-1/2}`, `S = D^{1/2} T D^{1/2}`, the Hessian in the factor is then, but for the part of the row sums,
//!
//! ```text
//! Z -> 2 Z T + (2/tau) ( X X^T Z + X Z^T X ),   X T = 0.
//! ```
//!
//! In the singular vectors of `X = P Diag(sigma) Q^T`, which are those of `T`, it takes apart into pairs of numbers
//! `z_ij`, `z_ji`:
//!
//! ```text
//! [ t_j + (sigma_i^2)/tau    sigma_i sigma_j/tau      ]
//! [ sigma_i sigma_j/tau      t_i + (sigma_j^2)/tau    ]  times 2.
//! ```
//!
//! The direction `(sigma_j, -sigma_i)` of a pair is a rotation of all columns, which changes nothing; it is left out.
//!
//! Where classes come together, small singular values and the kernel of `S` make directions of next to no curvature, for
//! which the multipliers of single columns, the diagonal of `S`, are thousands of times too large: conjugate gradients
//! preconditioned by those take hundreds of products where some dozens do with this.

use nalgebra::DMatrix;

use crate::gram::entries::Entries;
use crate::math::spectrum::{product, singular, transposed_product};

/// What is added to all curvatures, relative to the mean of the `d`: rotations of all columns have none.
const FLOOR: f64 = 1e-3;

/// The inverse of the model above.
#[derive(Debug)]
pub struct Spectral {
    /// Left and right singular vectors of `X`, d x d and r x r.
    left: DMatrix<f64>,
    right: DMatrix<f64>,
    /// `D^{1/2}`.
    root: Vec<f64>,
    /// `sigma`, then zeros, as many as the larger side.
    sigma: Vec<f64>,
    /// `t`, likewise.
    dual: Vec<f64>,
    /// `1/tau`.
    ratio: f64,
    floor: f64,
    /// Squares of singular values that are zero.
    negligible: f64,
}

impl Spectral {
    /// At the shared coordinates `h` (d x r) with the dual matrix `s`; `ratio` is `1/tau`. `None` where no singular values are
    /// found.
    pub(super) fn new<E: Entries>(h: &DMatrix<f64>, s: &E, ratio: f64) -> Option<Self> {
        let (d, r) = h.shape();
        let diagonal: Vec<f64> = (0..r).map(|g| s.entry(g, g).max(0.0)).collect();
        let largest = diagonal.iter().copied().fold(0.0, f64::max);
        let root: Vec<f64> = diagonal.iter().map(|&s| s.max(1e-12 * largest).powf(0.25)).collect();
        let mut x = h.clone();
        for (mut column, root) in x.column_iter_mut().zip(&root) {
            column *= *root;
        }
        let (left, mut sigma, right) = singular(&x)?;
        // t_j = (q_j / d^{1/2})^T S (q_j / d^{1/2}).
        let mut turned = right.transpose();
        for (mut column, root) in turned.column_iter_mut().zip(&root) {
            column /= *root;
        }
        let image = s.times(&turned);
        let mut dual: Vec<f64> = (0..r).map(|j| image.row(j).dot(&turned.row(j)).max(0.0)).collect();
        let size = d.max(r);
        sigma.resize(size, 0.0);
        dual.resize(size, 0.0);
        let negligible = 1e-20 * sigma.first().map_or(0.0, |s| s * s);
        let floor = FLOOR * root.iter().map(|root| root * root).sum::<f64>() / r as f64;
        Some(Self {
            left,
            right,
            root,
            sigma,
            dual,
            ratio,
            floor,
            negligible,
        })
    }

    /// Coordinates `d`.
    pub(super) fn order(&self) -> usize {
        self.left.nrows()
    }

    /// The inverse at `residual`, d x r.
    pub(super) fn solve(&self, residual: &DMatrix<f64>) -> DMatrix<f64> {
        let mut z = residual.clone();
        for (mut column, root) in z.column_iter_mut().zip(&self.root) {
            column /= *root;
        }
        let mut z = product(&transposed_product(&self.left, &z), &self.right);
        let (d, r) = z.shape();
        let own = |i: usize, j: usize| 2.0 * (self.dual[j] + self.ratio * self.sigma[i] * self.sigma[i]) + self.floor;
        for j in 0..r {
            for i in 0..d {
                let paired = i < r && j < d;
                if !paired {
                    z[(i, j)] /= own(i, j);
                } else if i == j {
                    z[(i, i)] /= own(i, i) + 2.0 * self.ratio * self.sigma[i] * self.sigma[i];
                } else if i < j {
                    // Along (sigma_i, sigma_j) alone: the other direction is a rotation of all columns.
                    let (a, b) = (self.sigma[i], self.sigma[j]);
                    let square = a * a + b * b;
                    if square <= self.negligible {
                        z[(i, j)] /= own(i, j);
                        z[(j, i)] /= own(j, i);
                    } else {
                        let dual = (self.dual[j] * a * a + self.dual[i] * b * b) / square;
                        let curvature = 2.0 * (dual + self.ratio * square) + self.floor;
                        let along = (a * z[(i, j)] + b * z[(j, i)]) / (square * curvature);
                        z[(i, j)] = a * along;
                        z[(j, i)] = b * along;
                    }
                }
            }
        }
        let mut z = product(&product(&self.left, &z), &self.right.transpose());
        for (mut column, root) in z.column_iter_mut().zip(&self.root) {
            column /= *root;
        }
        z
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// The inverse of the model, on what it does not leave out.
    #[test]
    fn the_inverse_undoes_the_model() {
        let noise = |rows, columns, seed: f64| {
            DMatrix::from_fn(rows, columns, |i, j| (seed + 3.7 * i as f64 + 11.3 * j as f64).sin())
        };
        // A factor of rank 4 with five columns, and a dual matrix on its kernel, whose diagonal gives D.
        let (d, r, ratio) = (6, 5, 2.5);
        let basis = nearest(&noise(r, r, 0.3));
        let dual = basis.columns(4, 1) * basis.columns(4, 1).transpose();
        let root = DMatrix::from_diagonal(&nalgebra::DVector::from_fn(r, |g, _| dual[(g, g)].powf(0.25)));
        let inverse_root = root.map_diagonal(|x| 1.0 / x);
        let scaled = DMatrix::from_diagonal(&inverse_root) * &dual * DMatrix::from_diagonal(&inverse_root);
        // X in the kernel of T.
        let kernel = nearest(&noise(d, d, 1.1)).columns(0, 4).into_owned();
        let spectrum = scaled.clone().symmetric_eigen();
        let mut order: Vec<usize> = (0..r).collect();
        order.sort_by(|&a, &b| spectrum.eigenvalues[a].total_cmp(&spectrum.eigenvalues[b]));
        let rows = DMatrix::from_fn(4, r, |i, g| {
            [2.0, 1.0, 0.5, 0.1][i] * spectrum.eigenvectors[(g, order[i])]
        });
        let x = &kernel * rows;
        let h = &x * DMatrix::from_diagonal(&inverse_root);
        let spectral = Spectral::new(&h, &dual, ratio).unwrap();
        let wanted = spectral.solve(&noise(d, r, 0.7));
        let z = &wanted * &root;
        let model = (&z * &scaled + (&x * x.transpose() * &z + &x * z.transpose() * &x) * ratio) * 2.0;
        let image = (model + &z * spectral.floor) * &root;
        let found = spectral.solve(&image);
        assert!((&found - &wanted).amax() < 1e-9 * wanted.amax(), "{found} {wanted}");
        assert!(wanted.amax() > 0.01);
    }

    fn nearest(matrix: &DMatrix<f64>) -> DMatrix<f64> {
        crate::math::spectrum::nearest_rotation(matrix).unwrap()
    }
}
