//! [`Squared`]: a cost over entrywise nonnegative unit columns, as a cost over all unit columns.
//!
//! ```text
//! h_j = q_j / |q_j|,      q_j = x_j * x_j (entrywise),      |x_j| = 1.
//! ```
//!
//! Every nonnegative unit vector is reached. An entry that is 0 stays 0 to first order, so starts must be positive.

use nalgebra::DMatrix;

use super::cost::Cost;

/// `cost` at the normalised squares of the columns.
#[derive(Debug)]
pub struct Squared<'a, C> {
    cost: &'a C,
}

/// A squared cost at one point.
#[derive(Debug, Clone)]
pub struct SquaredPoint<P> {
    at: P,
    /// The features, d x n.
    h: DMatrix<f64>,
    /// Euclidean gradient at the features.
    gradient: DMatrix<f64>,
    /// `|q_j|`.
    length: Vec<f64>,
}

impl<'a, C: Cost> Squared<'a, C> {
    /// `cost` at the normalised squares of the columns.
    pub fn new(cost: &'a C) -> Self {
        Self { cost }
    }

    /// The features of `x`, d x n, and `|q_j|`. Of unit columns, which have `|q_j| >= 1/sqrt(d)`, they are unit columns.
    pub fn features(x: &DMatrix<f64>) -> (DMatrix<f64>, Vec<f64>) {
        let mut h = x.component_mul(x);
        let length: Vec<f64> = h.column_iter().map(|column| column.norm()).collect();
        for (mut column, length) in h.column_iter_mut().zip(&length) {
            column /= *length;
        }
        (h, length)
    }
}

impl<C: Cost> Cost for Squared<'_, C> {
    type Point = SquaredPoint<C::Point>;

    fn evaluate(&self, x: &DMatrix<f64>) -> Self::Point {
        let (h, length) = Self::features(x);
        let at = self.cost.evaluate(&h);
        let gradient = self.cost.gradient(&h, &at);
        SquaredPoint {
            at,
            h,
            gradient,
            length,
        }
    }

    fn value(&self, at: &Self::Point) -> f64 {
        self.cost.value(&at.at)
    }

    fn gradient(&self, x: &DMatrix<f64>, at: &Self::Point) -> DMatrix<f64> {
        let mut gradient = at.gradient.clone();
        for (j, mut column) in gradient.column_iter_mut().enumerate() {
            let h = at.h.column(j);
            let along = h.dot(&column);
            column.axpy(-along, &h, 1.0);
            column *= 2.0 / at.length[j];
            column.component_mul_assign(&x.column(j));
        }
        gradient
    }

    fn hessian_product(&self, x: &DMatrix<f64>, at: &Self::Point, direction: &DMatrix<f64>) -> DMatrix<f64> {
        // d q = 2 x * dx, d|q| = h . dq, dh = (dq - h d|q|) / |q|
        let mut change = x.component_mul(direction) * 2.0;
        let mut stretch = vec![0.0; x.ncols()];
        for (j, mut column) in change.column_iter_mut().enumerate() {
            let h = at.h.column(j);
            stretch[j] = h.dot(&column);
            column.axpy(-stretch[j], &h, 1.0);
            column /= at.length[j];
        }
        let bent = self.cost.hessian_product(&at.h, &at.at, &change);
        let mut product = DMatrix::zeros(x.nrows(), x.ncols());
        for (j, &stretch) in stretch.iter().enumerate() {
            let (h, dh) = (at.h.column(j), change.column(j));
            let (g, dg) = (at.gradient.column(j), bent.column(j));
            let length = at.length[j];
            let along = h.dot(&g);
            // w = (g - h (h . g)) / |q| and its derivative; the gradient is 2 x * w.
            let w = (g - h * along) / length;
            let dw = (dg - dh * along - h * (dh.dot(&g) + h.dot(&dg))) / length - &w * (stretch / length);
            let column = direction.column(j).component_mul(&w) + x.column(j).component_mul(&dw);
            product.column_mut(j).copy_from(&(column * 2.0));
        }
        product
    }

    fn scale(&self, at: &Self::Point) -> f64 {
        self.cost.scale(&at.at)
    }
}
