//! [`Cost`]: a smooth function of unit columns; [`Factored`]: an [`Objective`] of the Gram matrix of such columns.
//!
//! For points without multiplicities `V = H^T H`. A vertex that stands for `m >= 2` exchangeable points has one column
//! `(x, s)` of unit length: `x` is the mean of its points and `s` a coordinate of its own, so that exactly the invariant
//! positive semidefinite matrices of THEORY (1) are reached:
//!
//! ```text
//! V_gh = x_g . x_h,      V_gg = (m |x_g|^2 - 1)/(m - 1) = 1 - s_g^2 m/(m - 1).
//! ```

use nalgebra::DMatrix;

use super::oblique;
use super::spectral::Spectral;
use crate::gram::entries::Entries;
use crate::math::spectrum::eigen;
use crate::objective::Objective;

/// A twice differentiable function of d x n matrices with unit columns, extended to a neighbourhood of them.
pub trait Cost: Sync {
    /// What value, gradient and Hessian product at one matrix share.
    type Point: Send + Sync;

    /// Evaluates at `h`.
    fn evaluate(&self, h: &DMatrix<f64>) -> Self::Point;

    /// The value.
    fn value(&self, at: &Self::Point) -> f64;

    /// Euclidean gradient, d x n.
    fn gradient(&self, h: &DMatrix<f64>, at: &Self::Point) -> DMatrix<f64>;

    /// Euclidean Hessian times `direction`, d x n.
    fn hessian_product(&self, h: &DMatrix<f64>, at: &Self::Point, direction: &DMatrix<f64>) -> DMatrix<f64>;

    /// For each column by itself, a part of the Hessian that is positive semidefinite and may be large beside the multipliers,
    /// d x d; `None` where there is none.
    fn curvature_blocks(&self, h: &DMatrix<f64>, at: &Self::Point) -> Option<Vec<DMatrix<f64>>> {
        let _ = (h, at);
        None
    }

    /// A preconditioner for the shared coordinates from singular values; `along` are the `h_j . G_j`. `None` where there is none.
    fn spectral(&self, h: &DMatrix<f64>, at: &Self::Point, along: &[f64]) -> Option<Spectral> {
        let _ = (h, at, along);
        None
    }

    /// Values and gradients are relative to this: 1, or the value where that is an excess.
    fn scale(&self, at: &Self::Point) -> f64;
}

/// An [`Objective`] as a function of the columns of a factor.
#[derive(Debug)]
pub struct Factored<'a, O> {
    objective: &'a O,
    log_scale: f64,
    /// Whether the last row of `h` holds the private coordinates `s`.
    private: bool,
}

/// A factored objective at one matrix.
#[derive(Debug, Clone)]
pub struct FactoredPoint<P, E> {
    /// The objective at the Gram matrix.
    pub at: P,
    /// `m_g m_h A_gh` off the diagonal with `A = (y + y^T)/2`, zero on it.
    weights: E,
    /// `-m_g^2 A_gg`: the weight of the private coordinates.
    own: Vec<f64>,
}

impl<'a, O: Objective> Factored<'a, O> {
    /// `objective` in units of `e^log_scale`.
    pub fn new(objective: &'a O, log_scale: f64) -> Self {
        let private = objective.multiplicity().iter().any(|&m| m >= 2.0);
        Self {
            objective,
            log_scale,
            private,
        }
    }

    /// The objective.
    pub fn objective(&self) -> &'a O {
        self.objective
    }

    /// The unit of values, as a logarithm.
    pub fn log_scale(&self) -> f64 {
        self.log_scale
    }

    /// Rows of a factor for vectors of `dimension` coordinates: one more where vertices have private ones.
    pub fn rows(&self, dimension: usize) -> usize {
        dimension + usize::from(self.private)
    }

    /// Whether the last row holds private coordinates.
    pub fn has_private_row(&self) -> bool {
        self.private
    }

    /// `X^T Y` of the shared coordinates.
    fn products(&self, h: &DMatrix<f64>, other: &DMatrix<f64>) -> O::Entries {
        let blank = self.objective.zeros();
        if self.private {
            let shared = h.nrows() - 1;
            blank.products(&h.rows(0, shared).into_owned(), &other.rows(0, shared).into_owned())
        } else {
            blank.products(h, other)
        }
    }

    /// The invariant Gram matrix of a factor, r x r.
    pub fn values(&self, h: &DMatrix<f64>) -> O::Entries {
        let mut values = self.products(h, h);
        let multiplicity = self.objective.multiplicity();
        values.set_diagonal(|g| {
            let m = multiplicity[g];
            if m >= 2.0 {
                let s = h[(h.nrows() - 1, g)];
                1.0 - s * s * m / (m - 1.0)
            } else {
                1.0
            }
        });
        values
    }

    /// Symmetric weights of pairs of vertices, and of private coordinates, from `y`.
    fn weights(&self, y: &O::Entries) -> (O::Entries, Vec<f64>) {
        let m = self.objective.multiplicity();
        let own = (0..m.len()).map(|g| -m[g] * m[g] * y.entry(g, g)).collect();
        let mut weights = y.symmetrised();
        weights.update(|g, h, value| if g == h { 0.0 } else { m[g] * m[h] * value });
        (weights, own)
    }

    /// `2 [X W; s * own]`.
    fn apply(&self, h: &DMatrix<f64>, weights: &O::Entries, own: &[f64]) -> DMatrix<f64> {
        let mut product = weights.times(h) * 2.0;
        if !self.private {
            return product;
        }
        let last = h.nrows() - 1;
        for (g, &own) in own.iter().enumerate() {
            product[(last, g)] = 2.0 * own * h[(last, g)];
        }
        product
    }

    /// The dual matrix in the coordinates of the factor: half the curvature of the cost along new coordinates of the
    /// columns is `v^T S v` with `S = W - Diag(h_j . G_j)/2`, r x r; and that along the private coordinate of each vertex
    /// that stands for several points (infinite for the others). THEORY 7: where both are semidefinite and the gradient
    /// vanishes, the matrix is globally optimal.
    pub fn dual_matrix(&self, h: &DMatrix<f64>, at: &FactoredPoint<O::Point, O::Entries>) -> (O::Entries, Vec<f64>) {
        let along = oblique::column_products(h, &self.gradient(h, at));
        let mut matrix = at.weights.clone();
        matrix.set_diagonal(|g| -0.5 * along[g]);
        let multiplicity = self.objective.multiplicity();
        let own = (0..multiplicity.len())
            .map(|g| {
                if multiplicity[g] >= 2.0 {
                    at.own[g] - 0.5 * along[g]
                } else {
                    f64::INFINITY
                }
            })
            .collect();
        (matrix, own)
    }
}

impl<O: Objective<Entries = DMatrix<f64>>> Factored<'_, O> {
    /// The factor of invariant `values` in as many dimensions as their block between vertices has positive eigenvalues,
    /// at most `dimension` (1 or more), the largest first; the inverse of [`Factored::values`] up to rotation. A vertex that
    /// has no part in those dimensions gets a random place in them: every column is a unit vector. `None` for values that
    /// are not finite.
    pub fn factor(&self, values: &DMatrix<f64>, dimension: usize) -> Option<DMatrix<f64>> {
        let multiplicity = self.objective.multiplicity();
        let r = multiplicity.len();
        let block = DMatrix::from_fn(r, r, |g, h| {
            let m = multiplicity[g];
            if g == h {
                if m >= 2.0 {
                    values[(g, g)] + (1.0 - values[(g, g)]) / m
                } else {
                    1.0
                }
            } else {
                values[(g, h)]
            }
        });
        let spectrum = eigen(&block)?;
        let mut h = DMatrix::zeros(self.rows(dimension), r);
        for (row, index) in (0..r).rev().take(dimension).enumerate() {
            let length = spectrum.values[index].max(0.0).sqrt();
            for g in 0..r {
                h[(row, g)] = length * spectrum.vectors[(g, index)];
            }
        }
        for (g, &m) in multiplicity.iter().enumerate() {
            if m >= 2.0 {
                let square = (1.0 - values[(g, g)]) * (m - 1.0) / m;
                h[(dimension, g)] = square.max(0.0).sqrt();
            }
        }
        Some(oblique::normalised(h, dimension))
    }
}

impl<O: Objective> Cost for Factored<'_, O> {
    type Point = FactoredPoint<O::Point, O::Entries>;

    fn evaluate(&self, h: &DMatrix<f64>) -> Self::Point {
        let at = self.objective.evaluate(&self.values(h), self.log_scale);
        let (weights, own) = self.weights(self.objective.gradient(&at));
        FactoredPoint { at, weights, own }
    }

    fn value(&self, at: &Self::Point) -> f64 {
        self.objective.excess(&at.at)
    }

    fn gradient(&self, h: &DMatrix<f64>, at: &Self::Point) -> DMatrix<f64> {
        self.apply(h, &at.weights, &at.own)
    }

    fn hessian_product(&self, h: &DMatrix<f64>, at: &Self::Point, direction: &DMatrix<f64>) -> DMatrix<f64> {
        let shared = h.nrows() - usize::from(self.private);
        let mut change = self.products(h, direction).symmetrised();
        let multiplicity = self.objective.multiplicity();
        change.update(|g, l, value| match multiplicity[g] {
            _ if g != l => 2.0 * value,
            m if m >= 2.0 => -2.0 * h[(shared, g)] * direction[(shared, g)] * m / (m - 1.0),
            _ => 0.0,
        });
        let (weights, own) = self.weights(&self.objective.hessian_product(&at.at, &change));
        self.apply(direction, &at.weights, &at.own) + self.apply(h, &weights, &own)
    }

    fn curvature_blocks(&self, h: &DMatrix<f64>, at: &Self::Point) -> Option<Vec<DMatrix<f64>>> {
        self.objective.curvature_blocks(&at.at, h, self.private)
    }

    fn spectral(&self, h: &DMatrix<f64>, at: &Self::Point, along: &[f64]) -> Option<Spectral> {
        let ratio = self.objective.curvature_ratio()?;
        let mut dual = at.weights.clone();
        dual.set_diagonal(|g| -0.5 * along[g]);
        let shared = h.nrows() - usize::from(self.private);
        Spectral::new(&h.rows(0, shared).into_owned(), &dual, ratio)
    }

    fn scale(&self, at: &Self::Point) -> f64 {
        let value = self.value(at);
        if self.objective.floor().is_some() {
            value
        } else {
            value.abs().max((-self.log_scale).exp())
        }
    }
}
