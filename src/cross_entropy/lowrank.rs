//! The solver: Newton on a factor, and then on factors of lower rank, on which the minimum is a regular point.
//!
//! A factor of full rank finds the minimum from anywhere, but slowly at the end: it has more columns than the optimum, and the
//! Hessian is singular there. What is small in it is therefore cut off, little by little, and Newton's method goes on below;
//! of the points that come out the certificate takes its pick.

use nalgebra::DMatrix;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

use super::certificate::{Bound, bound};
use super::problem::{Reduced, Side};
use super::trust_region::{Descent, Point};
use crate::math::control::Control;
use crate::math::spectrum::{left_singular, transposed_product};

/// Squared gradient by the loss, in its natural scale, at which the first stage ends, and the last.
const COARSE: f64 = 1e-11;
const FINE: f64 = 1e-30;

/// Squared singular values below this, relative to the largest, are cut off, in this order.
const CUTS: [f64; 5] = [1e-3, 1e-4, 1e-6, 1e-8, 0.0];

/// A gap, relative to the loss, with which the search for a lower rank ends.
const ENOUGH: f64 = 1e-11;

/// Ridges below this, by the loss, are those of vectors that are zero.
const NOTHING: f64 = 1e-18;

/// What the solver found, with the bound that judges it.
pub(super) struct Found {
    pub(super) point: Point,
    pub(super) bound: Bound,
    pub(super) iterations: u64,
    /// Stopped before its end.
    pub(super) stopped: bool,
}

pub(super) fn minimise(reduced: &Reduced, control: &Control) -> Found {
    let descent = Descent::new(reduced);
    let mut start = start(reduced, &descent);
    let mut iterations = 0;
    let mut stopped = false;
    match descent.descend(&mut start, COARSE, 400, control) {
        Some(count) => iterations += count,
        None => stopped = true,
    }
    let mut best = (start.clone(), bound(reduced, &start));
    let mut polished = false;
    let mut last = None;
    for cut in CUTS {
        // A gap is quadratic in the distance: the coarse point is never enough.
        if stopped || (polished && best.1.relative_gap() <= ENOUGH) {
            break;
        }
        let (mut point, kept) = truncated(&start, &descent, cut);
        if last.as_ref() == Some(&kept) {
            continue;
        }
        last = Some(kept);
        match descent.descend(&mut point, FINE, 200, control) {
            Some(count) => iterations += count,
            None => stopped = true,
        }
        vanish(&mut point, &descent);
        let judged = bound(reduced, &point);
        if judged.relative_gap() < best.1.relative_gap() || (!polished && judged.relative_gap() <= ENOUGH) {
            best = (point, judged);
            polished = true;
        }
    }
    let (point, bound) = best;
    Found {
        point,
        bound,
        iterations,
        stopped,
    }
}

/// A simplex, a little disturbed: the disturbance has a fixed seed, and leads away from saddles.
fn start(reduced: &Reduced, descent: &Descent<'_>) -> Point {
    let groups = reduced.groups();
    let rows = if groups == 1 { 1 } else { groups + 2 };
    let mut generator = ChaCha8Rng::seed_from_u64(8);
    let mut noise = || -> f64 { StandardNormal.sample(&mut generator) };
    let k = reduced.classes();
    let m = &reduced.multiplicity;
    let spread = |g: usize| if m[g] > 1.0 { (m[g] - 1.0).sqrt() } else { 0.0 };
    let base = DMatrix::from_fn(rows, groups, |i, g| {
        if i + 1 == rows {
            spread(g)
        } else {
            let unit = if i == g { 1.0 } else { 0.0 };
            let mean = if i < groups { (m[i] * m[g]).sqrt() / k } else { 0.0 };
            unit - mean + 0.05 * noise()
        }
    });
    // Without a sphere the scale is open: logits of about 2, shared as the ridges will have it.
    let (first, second) = (&descent.domains[0], &descent.domains[1]);
    let level = |side: &Side| match side {
        Side::Balls(squared) => squared.sqrt(),
        Side::Total(squared) => (squared / k).sqrt(),
        Side::Ridge(_) => f64::NAN,
    };
    let (a, b) = (level(first), level(second));
    let (a, b) = match (a.is_nan(), b.is_nan()) {
        (true, true) => {
            let mean = reduced.samples.iter().zip(m).map(|(n, m)| n * m).sum::<f64>() / k;
            let balance = (reduced.classifier.value() / (reduced.features.value() * mean)).powf(0.25);
            (2f64.sqrt() / balance, 2f64.sqrt() * balance)
        }
        (true, false) => (2.0 / b, b),
        (false, true) => (a, 2.0 / a),
        (false, false) => (a, b),
    };
    let mut point = Point {
        sides: [&base * a, &base * b],
    };
    descent.retract(&mut point);
    point
}

/// The point without its small directions and spreads, and which it kept. Directions are those of the factor in the scale of
/// the multipliers.
fn truncated(point: &Point, descent: &Descent<'_>, cut: f64) -> (Point, (usize, Vec<bool>)) {
    let state = descent.state(point);
    let rows = point.sides[0].nrows();
    let groups = point.sides[0].ncols();
    let scaled = DMatrix::from_fn(rows, 2 * groups, |i, c| {
        let (side, g) = (c / groups, c % groups);
        point.sides[side][(i, g)] * state.multipliers[side][g].abs().sqrt()
    });
    let (values, vectors) = left_singular(&scaled.rows(0, rows - 1).into_owned())
        .filter(|_| rows > 1)
        .unwrap_or_else(|| (Vec::new(), DMatrix::zeros(rows - 1, 0)));
    let spread: Vec<f64> = (0..groups)
        .map(|g| scaled[(rows - 1, g)].powi(2) + scaled[(rows - 1, groups + g)].powi(2))
        .collect();
    let largest = values.first().map_or(0.0, |v| v * v);
    let rank = values.iter().filter(|v| **v * **v > cut * largest && **v > 0.0).count();
    // A spread is a singular value that a group's own classes share: it is compared with those of groups of its scale.
    let kept: Vec<bool> = (0..groups)
        .map(|g| {
            let own = state.multipliers[0][g].abs() * point.sides[0].column(g).norm_squared()
                + state.multipliers[1][g].abs() * point.sides[1].column(g).norm_squared();
            spread[g] > cut * own && spread[g] > 0.0
        })
        .collect();
    let basis = vectors.columns(0, rank).into_owned();
    let sides = [0, 1].map(|side| {
        let x = &point.sides[side];
        let turned = transposed_product(&basis, &x.rows(0, rows - 1).into_owned());
        let last = x.row(rows - 1);
        DMatrix::from_fn(rank + 1, groups, |i, g| match i {
            i if i < rank => turned[(i, g)],
            _ if kept[g] => last[g],
            _ => 0.0,
        })
    });
    (Point { sides }, (rank, kept))
}

/// Vectors that are zero up to rounding are zero; all of them, where ridges leave nothing.
fn vanish(point: &mut Point, descent: &Descent<'_>) {
    if descent.domains.iter().all(|domain| matches!(domain, Side::Ridge(_))) {
        let state = descent.state(point);
        let ridges: f64 = state.value - state.at.loss;
        if ridges <= NOTHING * state.value {
            for x in &mut point.sides {
                x.fill(0.0);
            }
            return;
        }
    }
    for x in &mut point.sides {
        let most = x.column_iter().map(|column| column.norm()).fold(0.0, f64::max);
        for mut column in x.column_iter_mut() {
            if column.norm() <= 1e-11 * most {
                column.fill(0.0);
            }
        }
    }
    descent.retract(point);
}
