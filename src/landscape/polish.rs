//! The second-order polish at sample level: a Riemannian trust region whose steps keep classes together.
//!
//! Near collapse the loss is a narrow valley. Moving a class as a whole changes the excess `S` by a factor of order one over
//! angles of order one, but moving its samples apart by an angle `t` adds `phi(t^2/tau)`, about `t^4/tau^2`: nothing for a
//! quadratic model at the bottom, a wall from `t^2 = tau sqrt(S)` on. At temperature 0.05 the excess is 1e-9 and the valley
//! 1e-3 wide. So the region is not round. With class means `m_c` of a step `U` and multipliers `c`,
//!
//! ```text
//! |U|_M^2 = sum_c c_c ( n_c |m_c|^2 + (1 + K) sum_{j in c} |u_j - m_c|^2 ),     K = (R^2 / tau) / sqrt(S),
//! ```
//!
//! and `M` is the preconditioner of Steihaug's conjugate gradients as well \[AbsilBakerGallivan2007\].

use std::ops::Range;

use nalgebra::DMatrix;

use crate::control::Control;
use crate::lowrank::{Cost, oblique};

/// Angle by which a class as a whole may move, `R^2`.
const REACH: f64 = 0.1;

/// Largest `K`.
const MAX_STIFFNESS: f64 = 1e8;

/// `K` at an excess in nats.
pub(super) fn stiffness(excess: f64, temperature: f64) -> f64 {
    (REACH / temperature / excess.sqrt()).clamp(0.0, MAX_STIFFNESS)
}

/// When to stop.
pub(super) struct Limits {
    /// Relative gradient, as in [`super::Curvature::gradient`].
    pub(super) tolerance: f64,
    pub(super) max_steps: u64,
    pub(super) max_inner: usize,
}

/// A point with its first-order data.
struct Here<P> {
    at: P,
    value: f64,
    gradient: DMatrix<f64>,
    along: Vec<f64>,
    /// `c`, one a class.
    metric: Vec<f64>,
    norm: f64,
}

fn look<C: Cost>(cost: &C, h: &DMatrix<f64>, classes: &[Range<usize>]) -> Here<C::Point> {
    let at = cost.evaluate(h);
    let value = cost.value(&at);
    let mut gradient = cost.gradient(h, &at);
    let along = oblique::column_products(h, &gradient);
    let lengths: Vec<f64> = gradient.column_iter().map(|g| g.norm()).collect();
    let multiplier = |j: usize| along[j].abs().max(1e-3 * lengths[j]);
    let mut metric: Vec<f64> = classes
        .iter()
        .map(|samples| samples.clone().map(multiplier).sum::<f64>() / samples.len() as f64)
        .collect();
    let largest = metric.iter().copied().fold(0.0, f64::max);
    let floor = if largest > 0.0 { largest * 1e-12 } else { 1.0 };
    metric.iter_mut().for_each(|c| *c = c.max(floor));
    oblique::project(h, &mut gradient);
    let (mut square, mut total) = (0.0, 0.0);
    for (samples, c) in classes.iter().zip(&metric) {
        square += gradient.columns_range(samples.clone()).norm_squared() / c;
        total += c * samples.len() as f64;
    }
    Here {
        at,
        value,
        gradient,
        along,
        metric,
        norm: (square / total).sqrt(),
    }
}

/// `M^-1 r`, projected to the tangent space.
fn precondition(
    h: &DMatrix<f64>,
    r: &DMatrix<f64>,
    classes: &[Range<usize>],
    metric: &[f64],
    stiffness: f64,
) -> DMatrix<f64> {
    let mut z = r.clone();
    let apart = 1.0 / (1.0 + stiffness);
    for (samples, c) in classes.iter().zip(metric) {
        let mut block = z.columns_range_mut(samples.clone());
        let mean = block.column_mean() * ((1.0 - apart) / c);
        block *= apart / c;
        for mut column in block.column_iter_mut() {
            column += &mean;
        }
    }
    oblique::project(h, &mut z);
    z
}

/// Minimises `cost` from `h`; `stiffness` is `K` by value. Returns the end point and the number of steps.
pub(super) fn polish<C: Cost>(
    cost: &C,
    mut h: DMatrix<f64>,
    classes: &[Range<usize>],
    stiffness: impl Fn(f64) -> f64,
    limits: &Limits,
    control: &Control,
) -> (DMatrix<f64>, u64) {
    let mut here = look(cost, &h, classes);
    let mut radius = 0.25;
    let mut steps = 0;
    let (mut least, mut idle) = (here.norm, 0);
    while here.norm > limits.tolerance && steps < limits.max_steps && radius > 1e-13 && idle < 4 {
        if !here.value.is_finite() || control.stop().is_some() {
            break;
        }
        steps += 1;
        let total: f64 = classes
            .iter()
            .zip(&here.metric)
            .map(|(samples, c)| c * samples.len() as f64)
            .sum();
        let k = stiffness(here.value);
        let Some(step) = truncated(cost, &h, &here, classes, k, radius * total.sqrt(), limits.max_inner) else {
            break;
        };
        let candidate = oblique::retract(&h, &step.direction);
        let there = look(cost, &candidate, classes);
        let noise = 1e3 * f64::EPSILON * cost.scale(&here.at).abs();
        let actual = here.value - there.value;
        let quotient = (actual + noise) / (step.predicted + noise);
        let drowned = step.predicted <= noise;
        if quotient.is_nan() || quotient <= 0.25 {
            radius *= 0.25;
        } else if quotient > 0.75 && step.on_border {
            radius = (2.0 * radius).min(2.0);
        }
        if there.value.is_finite() && quotient > 0.1 && (!drowned || there.norm < here.norm) {
            h = candidate;
            here = there;
        }
        if here.norm < 0.5 * least {
            (least, idle) = (here.norm, 0);
        } else if drowned {
            idle += 1;
        }
    }
    (h, steps)
}

struct Step {
    direction: DMatrix<f64>,
    /// Reduction of the model.
    predicted: f64,
    on_border: bool,
}

/// Steihaug's conjugate gradients in the metric `M`, whose norms follow from the recurrences.
fn truncated<C: Cost>(
    cost: &C,
    h: &DMatrix<f64>,
    here: &Here<C::Point>,
    classes: &[Range<usize>],
    stiffness: f64,
    radius: f64,
    max_inner: usize,
) -> Option<Step> {
    let solve = |r: &DMatrix<f64>| precondition(h, r, classes, &here.metric, stiffness);
    let mut step = DMatrix::zeros(h.nrows(), h.ncols());
    let mut image = step.clone();
    let mut residual = here.gradient.clone();
    let mut z = solve(&residual);
    let mut direction = -&z;
    let mut product = residual.dot(&z);
    let target = product.sqrt() * here.norm.clamp(1e-4, 0.1);
    let (mut s_s, mut s_d, mut d_d) = (0.0, 0.0, product);
    let mut on_border = false;
    for _ in 0..max_inner {
        let euclidean = cost.hessian_product(h, &here.at, &direction);
        let bent = oblique::hessian(h, &direction, euclidean, &here.along);
        let curvature = direction.dot(&bent);
        if !curvature.is_finite() {
            return None;
        }
        let length = product / curvature;
        let reached = s_s + 2.0 * length * s_d + length * length * d_d;
        if curvature <= 0.0 || reached >= radius * radius {
            let to_border = (-s_d + (s_d * s_d + d_d * (radius * radius - s_s).max(0.0)).sqrt()) / d_d;
            step.zip_apply(&direction, |s, d| *s += to_border * d);
            image.zip_apply(&bent, |s, d| *s += to_border * d);
            on_border = true;
            break;
        }
        step.zip_apply(&direction, |s, d| *s += length * d);
        image.zip_apply(&bent, |s, d| *s += length * d);
        residual.zip_apply(&bent, |r, b| *r += length * b);
        z = solve(&residual);
        let next = residual.dot(&z);
        if next.sqrt() <= target {
            break;
        }
        let ratio = next / product;
        s_s = reached;
        s_d = ratio * (s_d + length * d_d);
        d_d = next + ratio * ratio * d_d;
        direction.zip_apply(&z, |d, z| *d = ratio * *d - z);
        product = next;
    }
    let predicted = -(here.gradient.dot(&step) + 0.5 * step.dot(&image));
    Some(Step {
        direction: step,
        predicted: predicted.max(0.0),
        on_border,
    })
}
