//! [`Objective`]: what the solvers ask of a loss, at whatever level it is stated.
//!
//! `r` vertices stand for points; vertex `g` stands for `m_g` exchangeable ones. An invariant Gram matrix is a symmetric
//! r x r matrix `V`: `V_gh` is the inner product of a point of `g` and a point of `h`, `V_gg` that of two DIFFERENT points
//! of `g` (ignored where `m_g = 1`). With one row for every point,
//!
//! ```text
//! F(V) = sum_g m_g row_g(V_g1, .., V_gr),     dF = sum_g m_g sum_h (m_h - [g = h]) y_gh dV_gh.
//! ```

use nalgebra::DMatrix;

use crate::gram::entries::Entries;

/// A convex function of an invariant Gram matrix, through its rows.
///
/// Numbers are in units of `e^log_scale`, which the caller chooses (0, or the log of an excess of the right size), so that
/// they keep their digits at temperatures where the excess itself underflows.
pub trait Objective: Sync {
    /// What value, gradient and Hessian product at one matrix share.
    type Point: Send + Sync;

    /// Numbers for pairs of vertices: dense, or on the pairs that the loss looks at.
    type Entries: Entries;

    /// Points `m_g` of every vertex, at least 1.
    fn multiplicity(&self) -> &[f64];

    /// The part of the loss that no geometry can remove; `None` if there is none, as for nscl.
    fn floor(&self) -> Option<f64>;

    /// What rounding can do to the excess, and to a bound on it: relative to the excess, or to `max(1, |loss|)` where there is
    /// no floor.
    fn rounding(&self) -> f64;

    /// Zeros for all pairs that the loss looks at.
    fn zeros(&self) -> Self::Entries;

    /// Evaluates at `values` (r x r, symmetric).
    fn evaluate(&self, values: &Self::Entries, log_scale: f64) -> Self::Point;

    /// Loss minus floor (the loss itself where there is no floor), in units of `e^log_scale`; computed without
    /// subtracting the floor.
    fn excess(&self, at: &Self::Point) -> f64;

    /// Natural logarithm of the excess in nats; NaN where there is no floor. It survives underflow.
    fn log_excess(&self, at: &Self::Point) -> f64;

    /// `y`, r x r: derivative of the row of ONE point of `g` by its inner product with ONE point of `h`, in units of
    /// `e^log_scale`; 0 on the diagonal of vertices of one point. Its symmetric part is the gradient by pairs of points.
    fn gradient<'p>(&self, at: &'p Self::Point) -> &'p Self::Entries;

    /// Derivative of [`Objective::gradient`] along the symmetric `direction`, r x r, whose diagonal is read where
    /// `m_g >= 2` only.
    fn hessian_product(&self, at: &Self::Point, direction: &Self::Entries) -> Self::Entries;

    /// For `V = H^T H` (with the vertices' own coordinates in the last row of `h`, if they have any): what the curvature of the
    /// loss in `V` makes of the Hessian in `H`, for each column by itself, p x p; positive semidefinite. A preconditioner: none
    /// is needed where these are of the size of the multipliers.
    fn curvature_blocks(&self, at: &Self::Point, h: &DMatrix<f64>, private: bool) -> Option<Vec<DMatrix<f64>>> {
        let _ = (at, h, private);
        None
    }

    /// About how much more the loss bends along an inner product than it slopes: one over the temperature. `None` where a
    /// preconditioner should not rest on that.
    fn curvature_ratio(&self) -> Option<f64> {
        None
    }

    /// An affine function below the loss, whose slopes have the symmetric part of `wanted` as nearly as it can; `near` is a
    /// feasible matrix whose gradient is close to it. `None` where `wanted` is no slope of the loss. By default the tangent at
    /// `near`, THEORY (4): a convex function has no other that is always there.
    fn minorant(&self, wanted: &Self::Entries, near: &Self::Entries, log_scale: f64) -> Option<Affine<Self::Entries>> {
        let _ = wanted;
        let at = self.evaluate(near, log_scale);
        let y = self.gradient(&at).clone();
        Some(Affine::tangent(self.multiplicity(), self.excess(&at), y, near.clone()))
    }
}

/// An affine function below a loss at every feasible matrix `V`, in units of `e^log_scale`:
///
/// ```text
/// F(V) - floor >= constant + sum_g m_g sum_h (m_h - [g = h]) y_gh V_gh
/// ```
#[derive(Debug, Clone)]
pub struct Affine<E> {
    /// The constant.
    pub constant: f64,
    /// `y`, r x r, by ordered pairs of points.
    pub y: E,
    /// `y` is the wanted slope times about this.
    pub factor: f64,
    /// The matrix at which the function is tangent, if that is how it was made. It need not be feasible.
    pub tangent: Option<E>,
}

impl<E: Entries> Affine<E> {
    /// The tangent at `at`, where the loss above its floor is `excess` and its slopes are `y`.
    pub fn tangent(multiplicity: &[f64], excess: f64, y: E, at: E) -> Self {
        Self {
            constant: excess - linear(multiplicity, &y, &at),
            y,
            factor: 1.0,
            tangent: Some(at),
        }
    }
}

/// `sum_g m_g sum_h (m_h - [g = h]) y_gh V_gh`.
fn linear<E: Entries>(multiplicity: &[f64], y: &E, values: &E) -> f64 {
    let mut sum = 0.0;
    y.each(|g, h, y| sum += multiplicity[g] * others(multiplicity, g, h) * y * values.entry(g, h));
    sum
}

/// Relative rounding of a sum of `terms` exponentials of inner products over the temperature: that of the exponents, of
/// their logarithmic masses (below 40), and of the sum, whose roundings are independent.
pub(super) fn exponential_rounding(temperature: f64, terms: usize) -> f64 {
    f64::EPSILON * (48.0 + 2.0 / temperature + (terms as f64).sqrt())
}

/// Points of vertex `h` other than a given point of vertex `g`.
pub(crate) fn others(multiplicity: &[f64], g: usize, h: usize) -> f64 {
    multiplicity[h] - f64::from(u8::from(g == h))
}
