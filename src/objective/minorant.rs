//! Affine functions below the losses at class level, from which certificates are made: [`Objective::minorant`].

use nalgebra::DMatrix;

use super::class_level::ClassLevel;
use super::contract::{Affine, Objective, others};
use super::sampled::Sampled;

/// Rows that sum to `w/tau` within this, relative, are left as they are: a gradient is balanced but for rounding.
const BALANCED: f64 = 64.0 * f64::EPSILON;

/// The rounding of a gradient where exponents are in the hundreds.
const ROUNDING: f64 = 1e-12;

/// Shares `tau y_c / w_c` of a dual point are kept below this: 1 but for a few roundings.
const FULL_SHARE: f64 = 1.0 - 16.0 * f64::EPSILON;

impl ClassLevel<'_> {
    /// The exact conjugate of every row, THEORY (4'), for exactly the wanted slopes but for a common factor.
    pub(super) fn conjugate_at(&self, wanted: &DMatrix<f64>, log_scale: f64) -> Option<Affine<DMatrix<f64>>> {
        let affine = |y: DMatrix<f64>, factor: f64| Affine {
            constant: self.conjugate(&y, log_scale),
            y,
            factor,
            tangent: None,
        };
        if self.floor().is_some() {
            // Any multiple will do, and a row that is all excess has a share that rounds to 1.
            let share = self.largest_share(wanted, log_scale);
            let factor = if share > FULL_SHARE { FULL_SHARE / share } else { 1.0 };
            return Some(affine(wanted * factor, factor));
        }
        let mut y = wanted.clone();
        let factor = self.balance_rows(&mut y);
        let balanced = affine(y, factor);
        if balanced.constant.is_finite() {
            return Some(balanced);
        }
        // At the ends of the range the correction fails; a gradient needs none but for rounding. Other slopes do: without
        // it their constant proves nothing.
        self.is_balanced(wanted, ROUNDING).then(|| affine(wanted.clone(), 1.0))
    }

    /// The constant of the minorant with slopes `y`.
    fn conjugate(&self, y: &DMatrix<f64>, log_scale: f64) -> f64 {
        let objective = self.loss();
        let rows = objective.rows().iter();
        rows.map(|row| {
            let g = row.reference;
            let m = self.multiplicity()[g];
            let of_row: Vec<f64> = (0..self.groups())
                .map(|h| (h, others(self.multiplicity(), g, h)))
                .filter(|&(_, others)| others > 0.0)
                .map(|(h, others)| m * others * y[(g, h)])
                .collect();
            objective.row_minorant(row, &of_row, log_scale)
        })
        .sum()
    }

    /// Largest `tau y_c / w_c`, which (4') needs below 1.
    fn largest_share(&self, y: &DMatrix<f64>, log_scale: f64) -> f64 {
        let log_scale = log_scale + self.loss().temperature().ln();
        let rows = self.loss().rows().iter();
        rows.map(|row| {
            let g = row.reference;
            let sum: f64 = (0..self.groups())
                .map(|h| others(self.multiplicity(), g, h) * y[(g, h)])
                .sum();
            (log_scale + (sum * self.multiplicity()[g]).ln() - row.weight.ln()).exp()
        })
        .fold(0.0, f64::max)
    }

    /// Whether every row of `y` sums to `w/tau` within the relative `tolerance`.
    fn is_balanced(&self, y: &DMatrix<f64>, tolerance: f64) -> bool {
        let m = self.multiplicity();
        let tau = self.loss().temperature();
        let mut weight = vec![0.0; self.groups()];
        for row in self.loss().rows() {
            weight[row.reference] = row.weight / m[row.reference];
        }
        (0..self.groups()).all(|g| {
            let sum: f64 = (0..self.groups()).map(|h| others(m, g, h) * y[(g, h)]).sum();
            (sum * tau - weight[g]).abs() <= tolerance * weight[g]
        })
    }

    /// A loss without floor bounds a row only if `y` sums to `w/tau` over it. Meets that by a common factor, which is
    /// returned, and an antisymmetric correction, which leaves the symmetric part as it is.
    fn balance_rows(&self, y: &mut DMatrix<f64>) -> f64 {
        let m = self.multiplicity();
        let tau = self.loss().temperature();
        let groups = self.groups();
        let mut weight = vec![0.0; groups];
        for row in self.loss().rows() {
            weight[row.reference] = row.weight / m[row.reference];
        }
        let row_sum = |y: &DMatrix<f64>, g: usize| (0..groups).map(|h| others(m, g, h) * y[(g, h)]).sum::<f64>();
        if self.is_balanced(y, BALANCED) {
            return 1.0;
        }
        let total: f64 = (0..groups).map(|g| m[g] * row_sum(y, g)).sum();
        let wanted: f64 = (0..groups).map(|g| m[g] * weight[g] / tau).sum();
        *y *= wanted / total;
        let harmonic = DMatrix::from_fn(groups, groups, |g, h| {
            let sum = y[(g, h)] + y[(h, g)];
            if g == h || sum == 0.0 {
                0.0
            } else {
                y[(g, h)] * y[(h, g)] / sum
            }
        });
        let mut laplacian = DMatrix::from_fn(groups, groups, |g, h| -m[h] * harmonic[(g, h)]);
        for g in 0..groups {
            laplacian[(g, g)] = (0..groups).map(|h| m[h] * harmonic[(g, h)]).sum();
        }
        let residual = nalgebra::DVector::from_fn(groups, |g, _| weight[g] / tau - row_sum(y, g));
        // The constant vector is the kernel; pin the last potential to zero.
        for h in 0..groups {
            laplacian[(groups - 1, h)] = if h == groups - 1 { 1.0 } else { 0.0 };
        }
        let mut right = residual;
        right[groups - 1] = 0.0;
        if let Some(potential) = laplacian.lu().solve(&right) {
            for g in 0..groups {
                for h in 0..groups {
                    y[(g, h)] += harmonic[(g, h)] * (potential[g] - potential[h]);
                }
            }
        }
        wanted / total
    }
}

/// Steps towards the point of tangency; each gains one to several digits.
const MAX_STEPS: usize = 12;

impl Sampled {
    /// The tangent at a matrix `V'` whose gradient has the wanted symmetric part. As `y = phi u` with slowly varying `phi`,
    /// `V' += tau log(wanted / found)` finds it in a few steps. The slopes returned are the exact gradient at `V'`.
    pub(super) fn tangent_with(
        &self,
        wanted: &DMatrix<f64>,
        near: &DMatrix<f64>,
        log_scale: f64,
    ) -> Option<Affine<DMatrix<f64>>> {
        let groups = self.groups();
        let m = self.multiplicity();
        let tau = self.temperature();
        let pairs = || (0..groups).flat_map(|h| (0..=h).map(move |g| (g, h)));
        let pairs = || pairs().filter(|&(g, h)| others(m, g, h) > 0.0);
        let symmetric = |y: &DMatrix<f64>, g, h| 0.5 * (y[(g, h)] + y[(h, g)]);
        if !pairs().all(|(g, h)| symmetric(wanted, g, h) > 0.0) {
            return None;
        }
        let mut tangent = near.clone();
        let mut best: Option<(f64, DMatrix<f64>, f64, DMatrix<f64>)> = None;
        for _ in 0..MAX_STEPS {
            let at = self.evaluate(&tangent, log_scale);
            let y = self.gradient(&at);
            let distance = |(g, h)| (symmetric(wanted, g, h) / symmetric(y, g, h)).ln();
            let worst = pairs().map(|pair| distance(pair).abs()).fold(0.0, f64::max);
            if !worst.is_finite() || best.as_ref().is_some_and(|(least, ..)| worst > 0.5 * least) {
                break;
            }
            best = Some((worst, y.clone(), self.excess(&at), tangent.clone()));
            if worst <= 2.0 * f64::EPSILON {
                break;
            }
            for (g, h) in pairs() {
                let value = tangent[(g, h)] + tau * distance((g, h));
                tangent[(g, h)] = value;
                tangent[(h, g)] = value;
            }
            if !self.is_exact_at(&tangent) {
                break;
            }
        }
        let (_, y, excess, tangent) = best?;
        Some(Affine::tangent(m, excess, y, tangent))
    }
}
