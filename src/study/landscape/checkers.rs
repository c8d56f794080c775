//! Checkers of first and second derivatives on the product of spheres, by the slope of a Taylor expansion.
//!
//! Along the retraction `R(t) = normalise(H + t U)` of a tangent vector `U`,
//!
//! ```text
//! | f(R(t)) - f(H) - t <grad, U> |                              falls as t^2,
//! | f(R(t)) - f(H) - t <grad, U> - t^2/2 <U, Hess[U]> |         falls as t^3,
//! ```
//!
//! the second because normalisation agrees with geodesics to second order. A wrong gradient has slope 1 in the first, a
//! wrong Hessian slope 2 in the second.

use nalgebra::DMatrix;

use crate::method::staircase::{Cost, oblique};

/// Steps tried, evenly spaced in the logarithm from `1e-8` to `1`.
const STEPS: usize = 81;

/// Neighbouring steps on which the slope is measured: the straightest of all such pieces.
const WINDOW: usize = 16;

/// What was measured.
#[derive(Debug, Clone)]
pub struct Check {
    /// Slope of `log error` by `log step` where that is straightest: 2 for a right gradient, 3 for a right Hessian.
    /// Infinite where the expansion is exact to rounding.
    pub slope: f64,
    /// The steps `t`.
    pub steps: Vec<f64>,
    /// The errors at them.
    pub errors: Vec<f64>,
}

/// Measures the slope of the first-order expansion of `cost` at `h` (d x n, unit columns) along the tangent part of
/// `direction`. It is about 2 if the gradient is right.
pub fn check_gradient<C: Cost>(cost: &C, h: &DMatrix<f64>, direction: &DMatrix<f64>) -> Check {
    check(cost, h, direction, false)
}

/// Measures the slope of the second-order expansion. It is about 3 if gradient and Hessian are right.
pub fn check_hessian<C: Cost>(cost: &C, h: &DMatrix<f64>, direction: &DMatrix<f64>) -> Check {
    check(cost, h, direction, true)
}

fn check<C: Cost>(cost: &C, h: &DMatrix<f64>, direction: &DMatrix<f64>, second: bool) -> Check {
    let mut u = direction.clone();
    oblique::project(h, &mut u);
    let length = u.norm();
    if length > 0.0 {
        u /= length;
    }
    let at = cost.evaluate(h);
    let value = cost.value(&at);
    let gradient = cost.gradient(h, &at);
    let first = gradient.dot(&u);
    let curvature = if second {
        let products = oblique::column_products(h, &gradient);
        oblique::hessian(h, &u, cost.hessian_product(h, &at, &u), &products).dot(&u)
    } else {
        0.0
    };
    let steps: Vec<f64> = (0..STEPS)
        .map(|i| 10f64.powf(-8.0 + 8.0 * i as f64 / (STEPS - 1) as f64))
        .collect();
    let errors: Vec<f64> = steps
        .iter()
        .map(|&t| {
            let moved = cost.value(&cost.evaluate(&oblique::retract(h, &(&u * t))));
            (moved - value - t * first - 0.5 * t * t * curvature).abs()
        })
        .collect();
    let noise = 64.0 * f64::EPSILON * value.abs().max(first.abs()).max(f64::MIN_POSITIVE);
    Check {
        slope: slope(&steps, &errors, noise),
        steps,
        errors,
    }
}

/// Slope of the straightest piece above the noise.
fn slope(steps: &[f64], errors: &[f64], noise: f64) -> f64 {
    let mut best = (f64::INFINITY, f64::INFINITY);
    for start in 0..=steps.len() - WINDOW {
        let piece = start..start + WINDOW;
        if errors[piece.clone()].iter().any(|&e| e <= noise) {
            continue;
        }
        let x: Vec<f64> = steps[piece.clone()].iter().map(|t| t.ln()).collect();
        let y: Vec<f64> = errors[piece].iter().map(|e| e.ln()).collect();
        let (mean_x, mean_y) = (mean(&x), mean(&y));
        let covariance: f64 = x.iter().zip(&y).map(|(x, y)| (x - mean_x) * (y - mean_y)).sum();
        let variance: f64 = x.iter().map(|x| (x - mean_x).powi(2)).sum();
        let slope = covariance / variance;
        let residual: f64 = x
            .iter()
            .zip(&y)
            .map(|(x, y)| (y - mean_y - slope * (x - mean_x)).powi(2))
            .sum();
        if residual < best.0 {
            best = (residual, slope);
        }
    }
    best.1
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}
