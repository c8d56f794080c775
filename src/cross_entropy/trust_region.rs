//! Newton's method with a trust region on columns that lie on spheres (or are free, under a ridge).
//!
//! At a point the multiplier `alpha_g` of every column is known: minus the derivative along the column by its squared norm
//! where there is a sphere, the ridge itself where there is none. The Riemannian gradient is then `derivative + alpha x`
//! everywhere, and the Riemannian Hessian `second derivative + alpha`, projected. The multipliers are the natural scale of the
//! columns, and precondition the inner iteration.

use nalgebra::DMatrix;
use serde::{Deserialize, Serialize};

use super::objective::{Evaluation, evaluate, logits, pull, second};
use super::problem::{Reduced, Side};
use crate::math::control::Control;

/// Columns of the classifier and of the features, `(d + 1) x r` each: `sqrt(m_g)` times the mean of a group, and below it the
/// spread of the group about its mean.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Point {
    #[serde(with = "crate::math::stored::two_matrices")]
    pub(super) sides: [DMatrix<f64>; 2],
}

/// What is known at a point.
pub(super) struct State {
    pub(super) at: Evaluation,
    /// Loss with ridges.
    pub(super) value: f64,
    /// Multipliers of both sides, by group.
    pub(super) multipliers: [Vec<f64>; 2],
    gradient: [DMatrix<f64>; 2],
}

type Pair = [DMatrix<f64>; 2];

fn dot(a: &Pair, b: &Pair) -> f64 {
    a[0].dot(&b[0]) + a[1].dot(&b[1])
}

fn combine(a: &Pair, factor: f64, b: &Pair) -> Pair {
    [&a[0] + factor * &b[0], &a[1] + factor * &b[1]]
}

/// A problem with its two domains.
pub(super) struct Descent<'a> {
    pub(super) reduced: &'a Reduced,
    pub(super) domains: [Side; 2],
}

impl<'a> Descent<'a> {
    pub(super) fn new(reduced: &'a Reduced) -> Self {
        Self {
            reduced,
            domains: [reduced.side(true), reduced.side(false)],
        }
    }

    /// Moves columns to their spheres.
    pub(super) fn retract(&self, point: &mut Point) {
        for (domain, x) in self.domains.iter().zip(&mut point.sides) {
            match domain {
                Side::Balls(squared) => {
                    for (g, mut column) in x.column_iter_mut().enumerate() {
                        let norm = column.norm();
                        if norm > 0.0 {
                            column *= (squared * self.reduced.multiplicity[g]).sqrt() / norm;
                        }
                    }
                }
                Side::Total(squared) => {
                    let norm = x.norm();
                    if norm > 0.0 {
                        *x *= squared.sqrt() / norm;
                    }
                }
                Side::Ridge(_) => {}
            }
        }
    }

    pub(super) fn state(&self, point: &Point) -> State {
        let [x, y] = &point.sides;
        let (t, s) = logits(self.reduced, x, y);
        let at = evaluate(self.reduced, &t, &s);
        let mut gradient = [
            pull(self.reduced, &at.by_logit, &at.by_spread, y, true),
            pull(self.reduced, &at.by_logit, &at.by_spread, x, false),
        ];
        let mut value = at.loss;
        let mut multipliers = [Vec::new(), Vec::new()];
        for side in 0..2 {
            let x = &point.sides[side];
            multipliers[side] = match &self.domains[side] {
                Side::Balls(_) => (0..x.ncols())
                    .map(|g| -gradient[side].column(g).dot(&x.column(g)) / x.column(g).norm_squared())
                    .collect(),
                Side::Total(_) => vec![-gradient[side].dot(x) / x.norm_squared(); x.ncols()],
                Side::Ridge(ridge) => {
                    value += (0..x.ncols())
                        .map(|g| 0.5 * ridge[g] * x.column(g).norm_squared())
                        .sum::<f64>();
                    ridge.clone()
                }
            };
            for (g, multiplier) in multipliers[side].iter().enumerate() {
                let mut column = gradient[side].column_mut(g);
                column.axpy(*multiplier, &x.column(g), 1.0);
            }
        }
        State {
            at,
            value,
            multipliers,
            gradient,
        }
    }

    fn project(&self, point: &Point, v: &mut Pair) {
        for ((x, domain), v) in point.sides.iter().zip(&self.domains).zip(v) {
            match domain {
                Side::Balls(_) => {
                    for g in 0..x.ncols() {
                        let along = v.column(g).dot(&x.column(g)) / x.column(g).norm_squared();
                        v.column_mut(g).axpy(-along, &x.column(g), 1.0);
                    }
                }
                Side::Total(_) => {
                    let along = v.dot(x) / x.norm_squared();
                    *v -= along * x;
                }
                Side::Ridge(_) => {}
            }
        }
    }

    fn hessian(&self, point: &Point, state: &State, v: &Pair) -> Pair {
        let [x, y] = &point.sides;
        let (t1, s1) = logits(self.reduced, &v[0], y);
        let (t2, s2) = logits(self.reduced, x, &v[1]);
        let (logit, spread) = second(self.reduced, &state.at, &(t1 + t2), &(s1 + s2));
        let at = &state.at;
        let of = |other: &DMatrix<f64>, moved: &DMatrix<f64>, classifier: bool| {
            pull(self.reduced, &logit, &spread, other, classifier)
                + pull(self.reduced, &at.by_logit, &at.by_spread, moved, classifier)
        };
        let mut out = [of(y, &v[1], true), of(x, &v[0], false)];
        for side in 0..2 {
            for g in 0..x.ncols() {
                out[side]
                    .column_mut(g)
                    .axpy(state.multipliers[side][g], &v[side].column(g), 1.0);
            }
        }
        self.project(point, &mut out);
        out
    }

    /// Multipliers as a scale: positive, whatever they are far from an optimum.
    fn scales(state: &State) -> [Vec<f64>; 2] {
        [0, 1].map(|side| {
            let most = state.multipliers[side].iter().fold(0.0f64, |most, a| most.max(a.abs()));
            let least = (most * 1e-9).max(f64::MIN_POSITIVE);
            state.multipliers[side].iter().map(|a| a.abs().max(least)).collect()
        })
    }

    /// Descends until the squared gradient, in its natural scale, is `target` of the loss, or no step helps. Returns the
    /// iterations, or `None` where it was stopped.
    pub(super) fn descend(&self, point: &mut Point, target: f64, most: u64, control: &Control) -> Option<u64> {
        self.retract(point);
        let mut state = self.state(point);
        let size = point.sides[0].len() + point.sides[1].len();
        // Far from an end a good direction is enough.
        let inner = if target > 1e-20 { 150 } else { 1500 };
        let mut radius = f64::INFINITY;
        let (mut least, mut idle) = (f64::INFINITY, 0);
        for iteration in 0..most {
            if control.stop().is_some() {
                return None;
            }
            let scales = Self::scales(&state);
            let weigh = |v: &Pair, power: f64| -> Pair {
                [0, 1].map(|side| {
                    let mut out = v[side].clone();
                    for (g, mut column) in out.column_iter_mut().enumerate() {
                        column *= scales[side][g].powf(power);
                    }
                    out
                })
            };
            let mut r = state.gradient.clone();
            self.project(point, &mut r);
            let mut z = weigh(&r, -1.0);
            let decrement = dot(&r, &z);
            if decrement <= target * state.value || !decrement.is_finite() {
                return Some(iteration);
            }
            if decrement < 0.25 * least {
                (least, idle) = (decrement, 0);
            } else {
                idle += 1;
                // Where the value cannot tell steps apart, the gradient must.
                if idle > 12 && decrement < 1e-16 * state.value {
                    return Some(iteration);
                }
            }
            if radius.is_infinite() {
                radius = (0.1 * dot(&point.sides, &weigh(&point.sides, 1.0))).sqrt();
            }
            // Steihaug's conjugate gradients in the norm of the scales.
            let mut step: Pair = [
                DMatrix::zeros(z[0].nrows(), z[0].ncols()),
                DMatrix::zeros(z[1].nrows(), z[1].ncols()),
            ];
            let mut direction = [-&z[0], -&z[1]];
            let mut rho = decrement;
            let aim = decrement * (decrement / state.value).sqrt().clamp(1e-14, 1e-2).powi(2);
            let mut predicted = 0.0;
            for _ in 0..(4 * size).min(inner) {
                let image = self.hessian(point, &state, &direction);
                let curvature = dot(&direction, &image);
                let weighed = weigh(&direction, 1.0);
                let (ss, sd, dd) = (
                    dot(&step, &weigh(&step, 1.0)),
                    dot(&step, &weighed),
                    dot(&direction, &weighed),
                );
                let to_edge = || {
                    let root = (sd * sd + dd * (radius * radius - ss).max(0.0)).sqrt();
                    (root - sd) / dd
                };
                let length = rho / curvature;
                let slope = dot(&r, &direction);
                if curvature <= 1e-15 * dd || ss + 2.0 * length * sd + length * length * dd >= radius * radius {
                    if curvature.abs() <= 1e-15 * dd && ss > 0.0 {
                        break;
                    }
                    let length = to_edge();
                    predicted -= length * slope + 0.5 * length * length * curvature;
                    step = combine(&step, length, &direction);
                    break;
                }
                predicted -= length * slope + 0.5 * length * length * curvature;
                step = combine(&step, length, &direction);
                r = combine(&r, length, &image);
                z = weigh(&r, -1.0);
                let next = dot(&r, &z);
                if next <= aim {
                    break;
                }
                direction = combine(&[-&z[0], -&z[1]], next / rho, &direction);
                rho = next;
            }
            let mut moved = point.clone();
            moved.sides = combine(&moved.sides, 1.0, &step);
            self.retract(&mut moved);
            let next = self.state(&moved);
            // Differences below rounding say nothing about the step.
            let noise = 1e-13 * state.value;
            let ratio = (state.value - next.value + noise) / (predicted + noise);
            let length = dot(&step, &weigh(&step, 1.0)).sqrt();
            if ratio > 0.1 {
                if ratio > 0.75 && length > 0.9 * radius {
                    radius *= 3.0;
                }
                *point = moved;
                state = next;
            } else {
                // Also where the value is no number.
                radius = 0.25 * length.min(radius);
                if radius <= 0.0 || radius.is_nan() {
                    return Some(iteration);
                }
            }
        }
        Some(most)
    }
}
