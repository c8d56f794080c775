//! A Riemannian trust-region method for functions of unit columns, \[AbsilBakerGallivan2007\].
//!
//! At `H` the model `<grad, U> + <U, Hess[U]>/2` is minimised over tangent `U` with `|U|_M <= radius` in a [`Metric`], by
//! default `|U|_M^2 = sum_j c_j |U_j|^2` with the curvature scales `c_j > 0` of the columns: exactly, from the eigenvalues
//! of the Hessian, where it is small, and by conjugate gradients preconditioned by `M`, truncated, otherwise. Both converge quadratically at a non-degenerate minimum; the exact step also
//! leaves saddles and copes with any condition number.

use nalgebra::{Cholesky, DMatrix, DVector, Dyn};

use super::cost::Cost;
use super::oblique;
use crate::math::control::Control;
use crate::math::spectrum::eigen;
use crate::solution::Termination;

/// When to stop, and how to step.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// Riemannian gradient, in the norm weighted by the inverse column scales, relative to [`Cost::scale`]; positive.
    /// Default 1e-10. The floor of rounding ends a run as well.
    pub tolerance: f64,
    /// Most steps, at least 1. Default 500.
    pub max_iterations: usize,
    /// Most products with the Hessian in one step of conjugate gradients, at least 1. Default 400.
    pub max_inner: usize,
    /// Largest tangent dimension for which the Hessian is formed; 0 for never. Default 320.
    pub dense_limit: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            tolerance: 1e-10,
            max_iterations: 500,
            max_inner: 400,
            dense_limit: 320,
        }
    }
}

/// Where a run ended.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The last point, d x n.
    pub h: DMatrix<f64>,
    /// The value there.
    pub value: f64,
    /// Norm of the Riemannian gradient there, as in [`Settings::tolerance`].
    pub gradient_norm: f64,
    /// Steps taken.
    pub iterations: u64,
    /// Why it stopped: [`Termination::Converged`] at the tolerance, or [`Termination::Stalled`] where rounding allows no
    /// smaller value.
    pub termination: Termination,
}

/// The norm `|U|_M` in which steps are measured.
pub trait Metric: Sync {
    /// Scales `c_j` of the columns from their multipliers `|h_j . G_j|`, all positive.
    fn scales(&self, multipliers: Vec<f64>) -> Vec<f64>;

    /// `M^-1 r` of a tangent `r` at `h`, tangent again; `value` is that of the cost.
    fn precondition(&self, h: &DMatrix<f64>, r: &DMatrix<f64>, scales: &[f64], value: f64) -> DMatrix<f64>;
}

/// `|U|_M^2 = sum_j c_j |U_j|^2`: the columns move independently.
#[derive(Debug, Clone, Copy)]
pub struct Columns;

impl Metric for Columns {
    fn scales(&self, multipliers: Vec<f64>) -> Vec<f64> {
        multipliers
    }

    fn precondition(&self, _h: &DMatrix<f64>, r: &DMatrix<f64>, scales: &[f64], _value: f64) -> DMatrix<f64> {
        let mut z = r.clone();
        for (mut column, c) in z.column_iter_mut().zip(scales) {
            column /= *c;
        }
        z
    }
}

/// What the Euclidean gradient says on the product of spheres.
pub(crate) struct FirstOrder {
    /// The Riemannian gradient, d x n.
    pub(crate) gradient: DMatrix<f64>,
    /// `h_j . G_j`.
    pub(crate) along: Vec<f64>,
    /// The scales `c_j`.
    pub(crate) scales: Vec<f64>,
    /// `sqrt(sum |grad_j|^2 / c_j) / sqrt(sum c_j)`: free of the unit of the cost and of the number of columns.
    pub(crate) norm: f64,
}

impl FirstOrder {
    /// From the Euclidean `gradient` at `h`.
    pub(crate) fn new(h: &DMatrix<f64>, mut gradient: DMatrix<f64>, metric: &impl Metric) -> Self {
        let along = oblique::column_products(h, &gradient);
        // At an optimum -h_j . G_j is twice the multiplier of the column, and the size of its curvature.
        let multipliers = gradient
            .column_iter()
            .zip(&along)
            .map(|(g, a)| a.abs().max(1e-3 * g.norm()))
            .collect();
        let mut scales = metric.scales(multipliers);
        let largest = scales.iter().copied().fold(0.0, f64::max);
        let floor = if largest > 0.0 { largest * 1e-12 } else { 1.0 };
        scales.iter_mut().for_each(|c| *c = c.max(floor));
        oblique::project(h, &mut gradient);
        let square: f64 = gradient
            .column_iter()
            .zip(&scales)
            .map(|(g, c)| g.norm_squared() / c)
            .sum();
        let norm = (square / scales.iter().sum::<f64>()).sqrt();
        Self {
            gradient,
            along,
            scales,
            norm,
        }
    }
}

/// A point with its value and first-order data.
struct Here<P> {
    at: P,
    value: f64,
    gradient: DMatrix<f64>,
    along: Vec<f64>,
    metric: Vec<f64>,
    norm: f64,
}

fn look<C: Cost>(cost: &C, metric: &impl Metric, h: &DMatrix<f64>) -> Here<C::Point> {
    let at = cost.evaluate(h);
    let FirstOrder {
        gradient,
        along,
        scales,
        norm,
    } = FirstOrder::new(h, cost.gradient(h, &at), metric);
    Here {
        value: cost.value(&at),
        at,
        gradient,
        along,
        metric: scales,
        norm,
    }
}

/// Riemannian gradient norm at `h`, in the norm of [`Settings::tolerance`].
pub fn gradient_norm<C: Cost>(cost: &C, h: &DMatrix<f64>) -> f64 {
    look(cost, &Columns, h).norm
}

/// Minimises `cost` from `start` (d x n, unit columns).
pub fn minimise<C: Cost>(cost: &C, start: DMatrix<f64>, settings: &Settings, control: &Control) -> Outcome {
    minimise_in(cost, &Columns, start, settings, control)
}

/// Minimises `cost` from `start` with steps measured in `metric`. The exact step, where [`Settings::dense_limit`] allows it,
/// uses the scales of the columns alone.
pub fn minimise_in<C: Cost>(
    cost: &C,
    metric: &impl Metric,
    start: DMatrix<f64>,
    settings: &Settings,
    control: &Control,
) -> Outcome {
    let mut h = start;
    let mut here = look(cost, metric, &h);
    let full = here.metric.iter().sum::<f64>().sqrt();
    let mut radius = 0.25;
    let mut termination = Termination::IterationLimit;
    let mut iterations = 0;
    let mut idle = 0;
    let mut least = here.norm;
    if !(here.value.is_finite() && full.is_finite()) {
        return Outcome {
            value: here.value,
            gradient_norm: f64::INFINITY,
            h,
            iterations,
            termination: Termination::NumericalFailure,
        };
    }
    for _ in 0..settings.max_iterations {
        if here.norm <= settings.tolerance || here.norm == 0.0 {
            termination = Termination::Converged;
            break;
        }
        if let Some(reason) = control.stop() {
            termination = reason.into();
            break;
        }
        iterations += 1;
        let unit = here.metric.iter().sum::<f64>().sqrt();
        let tangent_dimension = h.ncols() * (h.nrows() - 1);
        let step = if tangent_dimension <= settings.dense_limit {
            exact_step(cost, &h, &here, radius * unit, control)
        } else {
            truncated_step(cost, metric, &h, &here, radius * unit, settings.max_inner, control)
        };
        let Some(Step {
            direction,
            predicted,
            on_border,
        }) = step
        else {
            termination = control.stop().map_or(Termination::NumericalFailure, Termination::from);
            break;
        };
        let candidate = oblique::retract(&h, &direction);
        let there = look(cost, metric, &candidate);
        // Near the minimum both reductions drown in rounding: their quotient is drawn to 1 there.
        let noise = 1e3 * f64::EPSILON * cost.scale(&here.at).abs();
        let actual = here.value - there.value;
        let quotient = (actual + noise) / (predicted + noise);
        let drowned = predicted <= noise;
        let accepted = there.value.is_finite() && quotient > 0.1 && (!drowned || there.norm < here.norm);
        let poor = quotient.is_nan() || quotient <= 0.25;
        if poor || !there.value.is_finite() {
            radius *= 0.25;
        } else if quotient > 0.75 && on_border {
            radius = (2.0 * radius).min(2.0);
        }
        if accepted {
            h = candidate;
            here = there;
            control.report("trust region", iterations, here.norm);
        }
        if here.norm < 0.5 * least {
            least = here.norm;
            idle = 0;
        } else if drowned {
            idle += 1;
        }
        if idle >= 4 || radius < 1e-13 {
            termination = Termination::Stalled;
            break;
        }
    }
    if here.norm <= settings.tolerance {
        termination = Termination::Converged;
    }
    Outcome {
        value: here.value,
        gradient_norm: here.norm,
        h,
        iterations,
        termination,
    }
}

struct Step {
    direction: DMatrix<f64>,
    /// Reduction of the model, at least 0.
    predicted: f64,
    on_border: bool,
}

/// The Riemannian Hessian in orthonormal coordinates of the tangent space, each column's divided by the root of its
/// metric; with the bases. `None` where the caller asked to stop.
fn dense_hessian<C: Cost>(
    cost: &C,
    h: &DMatrix<f64>,
    here: &Here<C::Point>,
    control: &Control,
) -> Option<(DMatrix<f64>, Vec<DMatrix<f64>>)> {
    let (d, n) = h.shape();
    let bases = oblique::tangent_basis(h);
    let size = n * (d - 1);
    let mut matrix = DMatrix::zeros(size, size);
    let mut direction = DMatrix::zeros(d, n);
    for j in 0..n {
        if control.stop().is_some() {
            return None;
        }
        for i in 0..d - 1 {
            direction.column_mut(j).copy_from(&bases[j].column(i));
            let product = oblique::hessian(
                h,
                &direction,
                cost.hessian_product(h, &here.at, &direction),
                &here.along,
            );
            let index = j * (d - 1) + i;
            for (l, basis) in bases.iter().enumerate() {
                let scale = 1.0 / (here.metric[j] * here.metric[l]).sqrt();
                let coordinates = basis.tr_mul(&product.column(l)) * scale;
                matrix
                    .view_mut((l * (d - 1), index), (d - 1, 1))
                    .copy_from(&coordinates);
            }
        }
        direction.column_mut(j).fill(0.0);
    }
    let symmetric = (&matrix + matrix.transpose()) * 0.5;
    Some((symmetric, bases))
}

/// Minimises the model exactly, from the eigenvalues of the Hessian.
fn exact_step<C: Cost>(
    cost: &C,
    h: &DMatrix<f64>,
    here: &Here<C::Point>,
    radius: f64,
    control: &Control,
) -> Option<Step> {
    let (d, n) = h.shape();
    let (matrix, bases) = dense_hessian(cost, h, here, control)?;
    let spectrum = eigen(&matrix)?;
    let mut gradient = DVector::zeros(n * (d - 1));
    for (j, basis) in bases.iter().enumerate() {
        let coordinates = basis.tr_mul(&here.gradient.column(j)) / here.metric[j].sqrt();
        gradient.rows_mut(j * (d - 1), d - 1).copy_from(&coordinates);
    }
    let slopes = spectrum.vectors.tr_mul(&gradient);
    let largest = spectrum.values.iter().fold(0.0f64, |a, v| a.max(v.abs()));
    // Rotations of all columns change nothing; neither does noise of this size.
    let null = 1e-14 * largest * (spectrum.values.len() as f64).sqrt();
    let coordinates_at = |shift: f64| -> DVector<f64> {
        DVector::from_fn(slopes.len(), |i, _| {
            let curvature = spectrum.values[i] + shift;
            if curvature <= null { 0.0 } else { -slopes[i] / curvature }
        })
    };
    let lowest = spectrum.values.first().copied().unwrap_or(0.0);
    // Rotations of all columns have no slope, and a curvature that is 0 at a stationary point and of the order of the
    // gradient near one.
    let total = slopes.norm();
    let rotation = |i: usize| spectrum.values[i] >= -10.0 * here.norm * largest && slopes[i].abs() <= 1e-6 * total;
    let convex = (0..slopes.len())
        .take_while(|&i| spectrum.values[i] < -1e-9 * largest)
        .all(rotation);
    let mut coordinates = coordinates_at(0.0);
    let mut on_border = false;
    if !convex || coordinates.norm() > radius {
        on_border = true;
        // |step(shift)| decreases; bracket and bisect in the logarithm of the shift above the lowest eigenvalue.
        let base = (-lowest).max(0.0);
        let (mut low, mut high) = (1e-16 * largest, 2.0 * largest + slopes.norm() / radius);
        for _ in 0..100 {
            let middle = (low * high).sqrt();
            coordinates = coordinates_at(base + middle);
            if coordinates.norm() > radius {
                low = middle;
            } else {
                high = middle;
            }
            if high / low < 1.01 {
                break;
            }
        }
        coordinates = coordinates_at(base + high);
        let missing = radius * radius - coordinates.norm_squared();
        if !convex && missing > 0.2 * radius * radius {
            // The hard case: the gradient has no part along the negative curvature.
            let sign = if slopes[0] > 0.0 { -1.0 } else { 1.0 };
            coordinates[0] += sign * missing.sqrt();
        }
    }
    let predicted: f64 = (0..slopes.len())
        .map(|i| -coordinates[i] * (slopes[i] + 0.5 * spectrum.values[i] * coordinates[i]))
        .sum();
    let tangent = &spectrum.vectors * coordinates;
    let mut direction = DMatrix::zeros(d, n);
    for (j, basis) in bases.iter().enumerate() {
        let column = basis * tangent.rows(j * (d - 1), d - 1) / here.metric[j].sqrt();
        direction.column_mut(j).copy_from(&column);
    }
    Some(Step {
        direction,
        predicted: predicted.max(0.0),
        on_border,
    })
}

/// Cholesky factors of `c_j I + P B_j P` with `P` the projection onto the tangent space of column `j`; `None` for a column
/// where that fails.
fn factored(h: &DMatrix<f64>, blocks: Vec<DMatrix<f64>>, scales: &[f64]) -> Vec<Option<Cholesky<f64, Dyn>>> {
    let columns = h.column_iter().zip(scales);
    blocks
        .into_iter()
        .zip(columns)
        .map(|(mut block, (h, &c))| {
            // P B P = B - h (B h)^T - (B h) h^T + (h . B h) h h^T.
            let bent = &block * h;
            let along = h.dot(&bent);
            block.ger(-1.0, &h, &bent, 1.0);
            block.ger(-1.0, &bent, &h, 1.0);
            block.ger(along, &h, &h, 1.0);
            for i in 0..block.nrows() {
                block[(i, i)] += c;
            }
            Cholesky::new(block)
        })
        .collect()
}

/// `(c_j I + P B_j P)^-1 r_j` of tangent columns.
fn solved(factors: &[Option<Cholesky<f64, Dyn>>], r: &DMatrix<f64>, scales: &[f64]) -> DMatrix<f64> {
    let mut z = r.clone();
    for ((mut column, factor), c) in z.column_iter_mut().zip(factors).zip(scales) {
        match factor {
            Some(factor) => factor.solve_mut(&mut column),
            None => column /= *c,
        }
    }
    z
}

/// Steihaug's conjugate gradients, preconditioned by the metric; the norms of steps follow from the recurrences.
fn truncated_step<C: Cost>(
    cost: &C,
    metric: &impl Metric,
    h: &DMatrix<f64>,
    here: &Here<C::Point>,
    radius: f64,
    max_inner: usize,
    control: &Control,
) -> Option<Step> {
    let blocks = cost
        .curvature_blocks(h, &here.at)
        .map(|blocks| factored(h, blocks, &here.metric));
    let precondition = |r: &DMatrix<f64>| match &blocks {
        Some(factors) => solved(factors, r, &here.metric),
        None => metric.precondition(h, r, &here.metric, here.value),
    };
    let mut step = DMatrix::zeros(h.nrows(), h.ncols());
    let mut image = step.clone();
    let mut residual = here.gradient.clone();
    let mut z = precondition(&residual);
    let mut direction = -&z;
    let mut product = residual.dot(&z);
    // Superlinear down to a ten-thousandth: the next step does the rest.
    let target = product.sqrt() * here.norm.clamp(1e-4, 0.1);
    let (mut s_s, mut s_d, mut d_d) = (0.0, 0.0, product);
    let mut on_border = false;
    for _ in 0..max_inner.min(h.len()) {
        // A product takes as long as a small solve: what there is of the step is one too.
        if control.stop().is_some() {
            break;
        }
        let euclidean = cost.hessian_product(h, &here.at, &direction);
        let bent = oblique::hessian(h, &direction, euclidean, &here.along);
        let curvature = direction.dot(&bent);
        if !curvature.is_finite() {
            return None;
        }
        let length = product / curvature;
        let reached = s_s + 2.0 * length * s_d + length * length * d_d;
        if curvature <= 1e-15 * d_d || reached >= radius * radius {
            let to_border = (-s_d + (s_d * s_d + d_d * (radius * radius - s_s).max(0.0)).sqrt()) / d_d;
            step.zip_apply(&direction, |s, d| *s += to_border * d);
            image.zip_apply(&bent, |s, d| *s += to_border * d);
            on_border = true;
            break;
        }
        step.zip_apply(&direction, |s, d| *s += length * d);
        image.zip_apply(&bent, |s, d| *s += length * d);
        residual.zip_apply(&bent, |r, b| *r += length * b);
        z = precondition(&residual);
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
