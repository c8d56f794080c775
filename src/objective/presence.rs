//! [`Presence`]: the rows of bcl on random batches. A class has mass 1 in the denominator if it is in the batch at all.
//!
//! With `n = b - 1` draws beside the anchor and `sigma = 1` where an anchor without a positive is skipped, a row is
//!
//! ```text
//! rho_c E[ 1{positive} log(1 + x) ] = rho_c int_0^inf e^{-s} E[ 1{positive} (1 - e^{-s x}) ] ds/s,   x = sum of u_cc' over the classes present,
//! ```
//!
//! and the numbers of a multinomial draw are those of independent Poisson draws given their sum: the expectation of a product
//! of functions of the single counts is `n! [t^n]` of a product of power series. With `q_c'(t) = 1 - e^{-rho_c' t}`,
//!
//! ```text
//! E[ 1{positive} e^{-s x} ] = n! [t^n] e^t (1 - sigma e^{-rho_c t}) R(t),   R(t) = prod_{c' != c} ( 1 - q_c'(t) (1 - e^{-s u_cc'}) ).
//! ```
//!
//! **The coefficient** is the mean of the function over the circle `|t| = n` with factors `t^{-n}`. All series have
//! coefficients between 0 and those of `e^t`, so that `N` points miss it by at most the coefficients at `n - N` and `n + N` of
//! `e^t`, in units of that at `n`; and a point at the angle `a` weighs at most `e^{-n (1 - cos a)}` or `e^{-n}`. About a dozen
//! points matter, however large `n` is. The mean loses a factor `sqrt(2 pi n)` of the weight at angle 0, half of the digits that it
//! would for all of the circle.
//!
//! `D = 1 - R` is built up one class after the other, `D <- D + a (1 - D)`, so that it keeps its digits where all
//! `u` are small.

use nalgebra::{Complex, DMatrix};

use super::contract::others;
use super::quadrature::{Grid, Scheme};
use super::sampled::{Found, LINEAR, SampledPoint, map_rows};

/// What is left out at the ends of the circle, as a logarithm.
const NEGLIGIBLE: f64 = -40.0;

/// What is fixed of the rows.
#[derive(Debug, Clone)]
pub(super) struct Presence {
    temperature: f64,
    multiplicity: Vec<f64>,
    probabilities: Vec<f64>,
    /// `sigma`.
    skips: bool,
    grid: Grid,
    /// Weights of the points of the circle; the real part of a sum with them is the coefficient.
    circle: Vec<Complex<f64>>,
    /// `q` of a class of every group at every point.
    present: Vec<Vec<Complex<f64>>>,
}

impl Presence {
    /// Batches of `size` examples with `views` each; `probabilities` are those of ONE class of every group.
    pub(super) fn new(size: u64, views: u64, temperature: f64, probabilities: &[f64], multiplicity: &[f64]) -> Self {
        let draws = size as f64 - 1.0;
        let classes: f64 = multiplicity.iter().sum();
        let points = circle(draws);
        Self {
            temperature,
            multiplicity: multiplicity.to_vec(),
            probabilities: probabilities.to_vec(),
            skips: views == 1,
            grid: Grid::new(&Scheme {
                decay: 1.0,
                draws: draws.min(classes - 1.0),
                own_in_denominator: false,
                skips: false,
                floor: None,
            }),
            present: probabilities
                .iter()
                .map(|&rho| points.iter().map(|(t, _)| -expm1(-t * rho)).collect())
                .collect(),
            circle: points.into_iter().map(|(_, weight)| weight).collect(),
        }
    }

    /// Nodes of the integrals, and points of the circle.
    pub(super) fn nodes(&self) -> usize {
        self.grid.s.len() + self.circle.len()
    }

    fn groups(&self) -> usize {
        self.multiplicity.len()
    }

    /// Classes of every group other than one class of `g`.
    fn counts(&self, g: usize) -> Vec<f64> {
        (0..self.groups()).map(|h| others(&self.multiplicity, g, h)).collect()
    }

    /// Weights of the points with the factor of the anchors that count.
    fn weights(&self, g: usize) -> Vec<Complex<f64>> {
        let counted = |(weight, q): (&Complex<f64>, &Complex<f64>)| if self.skips { weight * q } else { *weight };
        self.circle.iter().zip(&self.present[g]).map(counted).collect()
    }

    /// The row of one class of `g` from `log u` of the other groups: its excess, as a log over `rho`, and its slopes `phi`.
    pub(super) fn row(&self, log_u: &[f64], g: usize) -> Found {
        let counts = self.counts(g);
        let weights = self.weights(g);
        let present = || (0..counts.len()).filter(|&h| counts[h] > 0.0);
        let log_unit = present().map(|h| log_u[h]).fold(f64::NEG_INFINITY, f64::max);
        let linear = log_unit < LINEAR;
        let unit = if linear { 1.0 } else { log_unit.exp() };
        let mut excess = 0.0;
        let mut phi = vec![0.0; counts.len()];
        for (s, node) in self.grid.s.iter().zip(&self.grid.weight) {
            // 1 - e^{-su}, in units of the largest u where that is out of range, and e^{-su}.
            let gaps: Vec<f64> = log_u
                .iter()
                .map(|l| match linear {
                    true => s * (l - log_unit).exp(),
                    false => -(-s * l.exp()).exp_m1(),
                })
                .collect();
            let left: Vec<f64> = log_u.iter().map(|l| (-s * l.exp()).exp()).collect();
            let mut missing = 0.0;
            let mut slopes = vec![0.0; counts.len()];
            for (point, weight) in weights.iter().enumerate() {
                let mut sum = Complex::ZERO;
                for h in present() {
                    let a = self.present[h][point] * gaps[h];
                    sum = match linear {
                        true => sum + a * counts[h],
                        false => joined(sum, repeated(a, counts[h] as u64)),
                    };
                }
                missing += (weight * sum).re;
                let remaining = if linear { *weight } else { weight * (1.0 - sum) };
                for h in present() {
                    let q = self.present[h][point];
                    let factor = if linear { q } else { q / (1.0 - q * gaps[h]) };
                    slopes[h] += (remaining * factor).re;
                }
            }
            excess += node * missing / unit;
            for h in present() {
                phi[h] += node * s * left[h] * slopes[h];
            }
        }
        let share = self.probabilities[g] / self.temperature;
        phi.iter_mut().for_each(|value| *value *= share);
        Found::above_floor(excess.ln() + log_unit, phi)
    }

    /// [`Objective::hessian_product`](super::Objective::hessian_product).
    pub(super) fn hessian_product(&self, at: &SampledPoint, direction: &DMatrix<f64>) -> DMatrix<f64> {
        let groups = self.groups();
        // y_h = share u_h int node E[R t_h] with t_h = s e^{-su_h} q_h/(1 - a_h): dR = -R sum t du, dt = (t^2 - s t) du.
        let products = map_rows(groups, |g| {
            let counts = self.counts(g);
            let weights = self.weights(g);
            let log_u: Vec<f64> = at.log_u.column(g).iter().copied().collect();
            let present: Vec<usize> = (0..groups).filter(|&h| counts[h] > 0.0).collect();
            let along = |h: usize| direction[(g, h)] / self.temperature;
            let change: Vec<f64> = present.iter().map(|&h| log_u[h].exp() * along(h)).collect();
            let mut sums = vec![0.0; present.len()];
            let mut factors = vec![Complex::ZERO; present.len()];
            for (s, node) in self.grid.s.iter().zip(&self.grid.weight) {
                let gaps: Vec<f64> = present.iter().map(|&h| -(-s * log_u[h].exp()).exp_m1()).collect();
                let left: Vec<f64> = present.iter().map(|&h| (-s * log_u[h].exp()).exp()).collect();
                for (point, weight) in weights.iter().enumerate() {
                    let mut sum = Complex::ZERO;
                    let mut moved = Complex::ZERO;
                    for (i, &h) in present.iter().enumerate() {
                        let q = self.present[h][point];
                        let a = q * gaps[i];
                        sum = joined(sum, repeated(a, counts[h] as u64));
                        factors[i] = q * (s * left[i]) / (1.0 - a);
                        moved += factors[i] * (counts[h] * change[i]);
                    }
                    let remaining = weight * (1.0 - sum);
                    for (i, t) in factors.iter().enumerate() {
                        sums[i] += node * (remaining * t * ((t - s) * change[i] - moved)).re;
                    }
                }
            }
            let share = self.probabilities[g] / self.temperature;
            let mut product = vec![0.0; groups];
            for (&h, sum) in present.iter().zip(&sums) {
                product[h] = at.y[(g, h)] * along(h) + share * (log_u[h] - at.log_scale).exp() * sum;
            }
            product
        });
        DMatrix::from_fn(groups, groups, |g, h| products[g][h])
    }
}

/// `1 - (1 - a)(1 - b)`.
fn joined(a: Complex<f64>, b: Complex<f64>) -> Complex<f64> {
    a + b * (1.0 - a)
}

/// `1 - (1 - a)^count`.
fn repeated(a: Complex<f64>, mut count: u64) -> Complex<f64> {
    let mut result = Complex::ZERO;
    let mut power = a;
    while count > 0 {
        if count & 1 == 1 {
            result = joined(result, power);
        }
        count >>= 1;
        if count > 0 {
            power = joined(power, power);
        }
    }
    result
}

/// `e^z - 1`, to all digits.
fn expm1(z: Complex<f64>) -> Complex<f64> {
    let half = (0.5 * z.im).sin();
    let real = z.re.exp_m1() * z.im.cos() - 2.0 * half * half;
    Complex::new(real, z.re.exp() * z.im.sin())
}

/// Points `t` of the circle `|t| = n` in the upper half plane that matter, and weights such that the real part of the sum
/// of `weight f(t)` is `n! [t^n] e^t f(t)`.
fn circle(n: f64) -> Vec<(Complex<f64>, Complex<f64>)> {
    // The coefficients of e^t at n + N and n - N in units of that at n.
    let (mut above, mut below) = (0.0, 0.0);
    let mut points = 0u64;
    while above > NEGLIGIBLE || below > NEGLIGIBLE || points % 2 == 1 {
        let i = points as f64;
        above -= ((i + 1.0) / n).ln_1p();
        below += if i < n { (-i / n).ln_1p() } else { f64::NEG_INFINITY };
        points += 1;
    }
    let angle = |j: u64| (2.0 * j as f64 + 1.0) * std::f64::consts::PI / points as f64;
    let log_weight = |a: f64| {
        let half = (0.5 * a).sin();
        // sin a - a, which is small beside both.
        let phase = if a < 0.1 {
            let square = a * a;
            -a * square / 6.0 * (1.0 - square / 20.0 * (1.0 - square / 42.0 * (1.0 - square / 72.0)))
        } else {
            a.sin() - a
        };
        Complex::new(-2.0 * n * half * half, n * phase)
    };
    let angles = (0..points / 2)
        .map(angle)
        .take_while(|&a| n < -NEGLIGIBLE || log_weight(a).re > NEGLIGIBLE);
    let mut circle: Vec<_> = angles
        .map(|a| (Complex::from_polar(n, a), log_weight(a).exp()))
        .collect();
    // The coefficient of e^t itself is 1.
    let total: f64 = circle.iter().map(|(_, weight)| weight.re).sum();
    circle.iter_mut().for_each(|(_, weight)| *weight /= total);
    circle
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn coefficients_are_probabilities() {
        // n! [t^n] e^t (1 - e^{-rho t}) is the probability that a class of probability rho is drawn.
        for n in [2.0, 3.0, 7.0, 40.0, 255.0, 1e6, 1e9] {
            let circle = circle(n);
            assert!(circle.len() < 40, "{n}: {}", circle.len());
            for rho in [1e-12, 1e-3, 0.02, 0.5, 0.999] {
                let found: f64 = circle.iter().map(|(t, weight)| (-weight * expm1(-t * rho)).re).sum();
                let expected = -(n * (-rho).ln_1p()).exp_m1();
                assert!((found / expected - 1.0).abs() < 2e-14, "{n} {rho}: {found} {expected}");
            }
        }
    }

    #[test]
    fn a_repeated_factor_is_a_power() {
        let a = Complex::new(0.3, -0.2);
        for count in [0, 1, 2, 3, 10, 31] {
            let expected: Complex<f64> = 1.0 - (0..count).map(|_| 1.0 - a).product::<Complex<f64>>();
            assert!((repeated(a, count) - expected).norm() < 1e-15, "{count}");
        }
    }
}
