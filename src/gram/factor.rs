//! [`FactorForm`]: a Gram matrix as `H^T H`, for schedules of batches, whose loss looks at few of the inner products.

use std::borrow::Cow;

use nalgebra::DMatrix;
use serde::{Deserialize, Serialize};

/// Unit columns, one a vertex. Where vertices stand for several points the last row holds the coordinate that is the vertex's
/// own: with `x` the other coordinates, of `m` points
///
/// ```text
/// between two vertices   x_g . x_h,      between two points of one   1 - s_g^2 m_g/(m_g - 1).
/// ```
///
/// Any such columns are a Gram matrix of unit vectors: nothing has to be proved.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FactorForm {
    #[serde(with = "crate::math::stored::matrix")]
    h: DMatrix<f64>,
    private: bool,
}

impl FactorForm {
    /// From columns, which are normalised; `private` says that the last row holds the vertices' own coordinates. `None` where
    /// a column has no direction or is not finite.
    pub fn new(mut h: DMatrix<f64>, private: bool) -> Option<Self> {
        for mut column in h.column_iter_mut() {
            let length = column.norm();
            if !(length.is_finite() && length > 1e-8) {
                return None;
            }
            column /= length;
        }
        Some(Self { h, private })
    }

    /// The columns, with the vertices' own coordinates.
    pub fn columns(&self) -> &DMatrix<f64> {
        &self.h
    }

    /// The coordinates that vertices share: of the mean of a vertex's points.
    pub fn shared(&self) -> Cow<'_, DMatrix<f64>> {
        if self.private {
            Cow::Owned(self.h.rows(0, self.h.nrows() - 1).into_owned())
        } else {
            Cow::Borrowed(&self.h)
        }
    }

    /// Whether the last row holds the vertices' own coordinates.
    pub fn has_private_row(&self) -> bool {
        self.private
    }

    /// The vertex's own coordinate.
    pub fn own(&self, g: usize) -> f64 {
        if self.private {
            self.h[(self.h.nrows() - 1, g)]
        } else {
            0.0
        }
    }

    /// Inner product of two different points, one of the vertex `g` of `m` points and one of the vertex `h`.
    pub fn between(&self, g: usize, h: usize, m: f64) -> f64 {
        if g == h {
            if m < 2.0 {
                return 1.0;
            }
            return 1.0 - self.own(g).powi(2) * m / (m - 1.0);
        }
        let shared = self.h.nrows() - usize::from(self.private);
        let (x, y) = (self.h.column(g), self.h.column(h));
        x.iter().zip(y.iter()).take(shared).map(|(x, y)| x * y).sum()
    }
}
