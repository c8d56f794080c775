//! The certificate of a Gram matrix in the implicit form, THEORY (5), in linear time: no r x r matrix is formed.
//!
//! Everything is a function of the stored `t` and `beta` of the vertices; nothing else of a solver is used. With
//! `v = a t` take
//!
//! ```text
//! y_cc' = a_c a_c' u_cc' beta_c = 2 v_c v_c' beta_c/(beta_c + beta_c'),     nu_c = v_c^2.
//! ```
//!
//! Then `S = v v^T` exactly, whatever `t` and `beta` are, and the bound (4') needs two sums of Cauchy type only: with
//! `q_c = tau y_c/w_c`, `kappa'_c = log(tau a_c beta_c s_c/w_c)` and `e_c` the residual of (7),
//!
//! ```text
//! F >= floor - sum v_c e_c - sum w_c ( q_c kappa'_c + (1 - q_c) log1p(-q_c) ).
//! ```
//!
//! A class inside a cluster `C` sees the other members at `u = 1`; its `nu_c` is `a_c v_C^2/a_C - beta a_c (a_C - a_c)`,
//! which makes `S` on the cluster `v v^T` plus `kappa_C (a_C Diag(a) - a a^T)` up to a positive factor: semidefinite iff
//! `kappa_C >= 0`, THEORY (8). The sum of its own `y` cancels against that correction, so the bound reads the same.
//!
//! `M` is semidefinite where all `kappa <= 0`, up to the residual of (7), which the shift `(M + delta I)/(1 + delta)`
//! absorbs: for `sum v = 1` and any unit `x`, `x^T M x >= -q |e| (2 + 3 q |v|)` with `q = sqrt(k)`. With a cluster, a
//! Cholesky factorisation of the matrix between vertices decides.

use nalgebra::DMatrix;

use super::{BoundMethod, Certificate, DualPoint, MAX_DENSE_GROUPS, Verdict, lifted_shift};
use crate::dual::cauchy::{Grid, Resolution, log_cosh_half, sech_half};
use crate::gram::{CauchyForm, Gram};
use crate::loss::{Coefficients, coefficients, softplus};
use crate::problem::Problem;

/// Up to this many vertices a factorisation costs nothing.
const FEW: usize = 48;

/// Sums over the vertices of the form.
struct Vertices {
    multiplicity: Vec<f64>,
    /// `a_C`: total column mass of the vertex (of one class, for a group that is no cluster).
    column: Vec<f64>,
    /// `log sum_{others} a u`.
    log_mass: Vec<f64>,
    /// `log v`, unscaled.
    log_v: Vec<f64>,
    /// `v_c` of one class, scaled to sum to 1.
    v: Vec<f64>,
    /// `log sum v`, unscaled.
    log_v_sum: f64,
    /// Residual of (7) for the scaled `v`.
    residual: Vec<f64>,
}

impl Vertices {
    fn new(form: &CauchyForm, coefficients: &Coefficients) -> Self {
        let count = form.point.groups();
        let tau = form.point.temperature;
        let (mut multiplicity, mut column) = (vec![0.0; count], vec![0.0; count]);
        for (g, &vertex) in form.vertex.iter().enumerate() {
            let vertex = vertex as usize;
            if form.cluster[vertex] {
                multiplicity[vertex] = 1.0;
                column[vertex] += coefficients.multiplicity[g] * coefficients.column[g];
            } else {
                multiplicity[vertex] = coefficients.multiplicity[g];
                column[vertex] = coefficients.column[g];
            }
        }
        let (xi, y) = (&form.point.log_ratio, &form.point.log_beta);
        let log_alpha: Vec<f64> = (0..count).map(|i| column[i].ln() + xi[i]).collect();
        let log_v: Vec<f64> = (0..count).map(|i| log_alpha[i] + 0.5 * y[i]).collect();
        let alpha_scale = log_alpha.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let v_scale = log_v.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let mut v: Vec<f64> = log_v.iter().map(|log| (log - v_scale).exp()).collect();
        let v_sum: f64 = v.iter().zip(&multiplicity).map(|(v, m)| v * m).sum();
        v.iter_mut().for_each(|value| *value /= v_sum);
        let v_xi: f64 = (0..count).map(|i| multiplicity[i] * v[i] * xi[i]).sum();
        let sums = Grid::new(y, Resolution::Full).others(
            &multiplicity,
            |i| [(log_alpha[i] - alpha_scale).exp(), v[i]],
            |d| [sech_half(d), log_cosh_half(d)],
        );
        let log_mass = (0..count).map(|i| xi[i] + alpha_scale + sums[i][0].ln()).collect();
        let residual = (0..count)
            .map(|i| v[i] + (1.0 + tau * xi[i]) * (1.0 - v[i]) + tau * (v_xi - xi[i] * v[i]) - tau * sums[i][1])
            .collect();
        Self {
            multiplicity,
            column,
            log_mass,
            log_v,
            v,
            log_v_sum: v_scale + v_sum.ln(),
            residual,
        }
    }

    fn norm(&self, values: &[f64]) -> f64 {
        values
            .iter()
            .zip(&self.multiplicity)
            .map(|(x, m)| m * x * x)
            .sum::<f64>()
            .sqrt()
    }

    /// A shift `delta` for which `M + delta I` is semidefinite, or `None` where that is not known without a matrix.
    fn shift(&self, form: &CauchyForm) -> Option<f64> {
        let count = self.v.len();
        if form.point.log_ratio.iter().all(|&xi| xi <= 0.0) {
            let classes: f64 = self.multiplicity.iter().sum();
            let q = classes.sqrt();
            // One rounding of the sums is allowed for in every residual.
            let residual = self.norm(&self.residual) + f64::EPSILON * q;
            let shift = q * residual * (2.0 + 3.0 * q * self.norm(&self.v));
            // At low temperature the residual is rounding of log v, which a factorisation does not see.
            return Some(if count <= FEW {
                shift.min(self.factorised_shift(form))
            } else {
                shift
            });
        }
        if count > MAX_DENSE_GROUPS {
            return None;
        }
        let shift = self.factorised_shift(form);
        shift.is_finite().then_some(shift)
    }

    /// The shift of the matrix between vertices that a Cholesky factorisation proves to be enough.
    fn factorised_shift(&self, form: &CauchyForm) -> f64 {
        let count = self.v.len();
        let values = DMatrix::from_fn(count, count, |i, j| {
            if i == j && self.multiplicity[i] == 1.0 {
                1.0
            } else {
                form.point.entry(i, j)
            }
        });
        lifted_shift(&self.multiplicity, &vec![1.0; count], &values)
    }
}

/// Per group of classes, from the vertices.
struct Groups<'a> {
    form: &'a CauchyForm,
    coefficients: &'a Coefficients,
    vertices: &'a Vertices,
    /// `log sum_{c' != c} a_c' u_cc'`, other members of a cluster included.
    log_mass: Vec<f64>,
    has_floor: bool,
}

impl<'a> Groups<'a> {
    fn new(form: &'a CauchyForm, coefficients: &'a Coefficients, vertices: &'a Vertices) -> Self {
        let log_mass = (0..coefficients.groups())
            .map(|g| {
                let vertex = form.vertex[g] as usize;
                let inside = vertices.column[vertex] - coefficients.column[g];
                let outside = vertices.log_mass[vertex];
                if form.cluster[vertex] && inside > 0.0 {
                    outside.max(inside.ln()) + (-(outside - inside.ln()).abs()).exp().ln_1p()
                } else {
                    outside
                }
            })
            .collect();
        let has_floor = coefficients
            .base
            .iter()
            .zip(&coefficients.weight)
            .all(|(&s, &w)| s > 0.0 || w == 0.0);
        Self {
            form,
            coefficients,
            vertices,
            log_mass,
            has_floor,
        }
    }

    fn weight(&self, g: usize) -> f64 {
        self.coefficients.multiplicity[g] * self.coefficients.weight[g]
    }

    /// Groups with anchors.
    fn anchors(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.log_mass.len()).filter(|&g| self.coefficients.weight[g] > 0.0)
    }

    fn floor(&self) -> Option<f64> {
        self.has_floor.then(|| {
            self.anchors()
                .map(|g| self.weight(g) * self.coefficients.base[g].ln())
                .sum()
        })
    }

    /// The excess and its log; without a floor the loss, and 0.
    fn excess(&self) -> (f64, f64) {
        if !self.has_floor {
            return (self.anchors().map(|g| self.weight(g) * self.log_mass[g]).sum(), 0.0);
        }
        let log_value = |x: f64| if x < -37.0 { x } else { softplus(x).ln() };
        let log = |g: usize| self.weight(g).ln() + log_value(self.log_mass[g] - self.coefficients.base[g].ln());
        let largest = self.anchors().map(log).fold(f64::NEG_INFINITY, f64::max);
        let log_excess = largest + self.anchors().map(|g| (log(g) - largest).exp()).sum::<f64>().ln();
        (log_excess.exp(), log_excess)
    }

    /// `log y_c`.
    fn log_row(&self, g: usize) -> f64 {
        self.coefficients.column[g].ln() + self.form.point.log_beta[self.form.vertex[g] as usize] + self.log_mass[g]
    }

    /// Whether `S` of this construction is semidefinite: a cluster needs `kappa >= 0`, and the losses for which unequal
    /// classes may merge; a class without anchors has no `beta`.
    fn is_admissible(&self) -> bool {
        let unequal = self.form.clusters().iter().any(|set| set.len() > 1);
        let clusters = self.form.cluster.iter().zip(&self.form.point.log_ratio);
        (!unequal || self.coefficients.mergeable)
            && clusters.into_iter().all(|(&cluster, &xi)| !cluster || xi >= 0.0)
            && self.coefficients.weight.iter().all(|&w| w > 0.0)
    }

    /// The bound above the floor in units of `e^log_excess`, with the shift of `nu` in it; `None` if not admissible.
    fn bound(&self, log_excess: f64, v_squared: f64, rows: f64) -> Option<(f64, f64)> {
        if !self.is_admissible() {
            return None;
        }
        let vertices = self.vertices;
        let tau = self.coefficients.temperature;
        let residual: f64 = (0..vertices.v.len())
            .map(|i| vertices.multiplicity[i] * vertices.v[i] * vertices.residual[i])
            .sum();
        let log_shares: Vec<f64> = (0..self.log_mass.len())
            .map(|g| tau.ln() + self.log_row(g) - self.coefficients.weight[g].ln())
            .collect();
        // A row that is all excess has a share that rounds to 1. Any multiple of y and nu will do: take one that fits.
        let largest = self.anchors().map(|g| log_shares[g]).fold(f64::NEG_INFINITY, f64::max);
        let damping = if self.has_floor {
            (largest + 16.0 * f64::EPSILON).max(0.0)
        } else {
            0.0
        };
        let v_squared = v_squared * (-damping).exp();
        // Rounding of S = v v^T, as in the dense candidate.
        let eta = 4.0 * f64::EPSILON * v_squared;
        let mut bound = -v_squared * residual - eta;
        let mut mismatch = 0.0f64;
        for g in self.anchors() {
            let log_share = log_shares[g] - damping;
            if !self.has_floor {
                mismatch = mismatch.max(log_share.abs().exp_m1());
                bound += self.weight(g) * self.log_mass[g];
                continue;
            }
            let scaled = (log_share - log_excess).exp();
            let share = log_share.exp();
            let kappa = log_share - self.log_mass[g] + self.coefficients.base[g].ln();
            let rest = if share < 1e-300 {
                -scaled
            } else {
                (1.0 - share) * (-share).ln_1p() / log_excess.exp()
            };
            // One rounding of the logarithms that make kappa.
            let rounding = f64::EPSILON * (log_share.abs() + self.log_mass[g].abs());
            bound -= self.weight(g) * (scaled * (kappa + rounding) + rest);
        }
        // Without a floor rows must sum to w/tau: each is divided by its share of that, which changes y by up to `mismatch`
        // of itself. nu absorbs what this does to S, and the products of the change with the entries are paid for.
        let paid = mismatch * (2.0 + self.largest_entry());
        Some((bound - paid * (rows + v_squared), eta))
    }

    /// At least the largest `|M_cc'|`, and 1; it is more than 1 away from an optimum only.
    fn largest_entry(&self) -> f64 {
        let point = &self.form.point;
        let extent = |values: &[f64]| {
            values
                .iter()
                .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), &x| {
                    (low.min(x), high.max(x))
                })
        };
        let (least, most) = extent(&point.log_ratio);
        let (low, high) = extent(&point.log_beta);
        let below = 1.0 + point.temperature * (2.0 * least - log_cosh_half(high - low));
        let above = 1.0 + 2.0 * point.temperature * most;
        below.abs().max(above.abs()).max(1.0)
    }

    /// What needs no dual matrix: the excess is not negative, and no inner product is below -1.
    fn trivial_bound(&self) -> f64 {
        if self.has_floor {
            return 0.0;
        }
        let column: f64 = (0..self.log_mass.len())
            .map(|g| self.coefficients.multiplicity[g] * self.coefficients.column[g])
            .sum();
        let least = |g: usize| (column - self.coefficients.column[g]).ln() - 2.0 / self.coefficients.temperature;
        self.anchors().map(|g| self.weight(g) * least(g)).sum()
    }

    /// `nu_c` in units of `e^log_excess`.
    fn nu(&self, log_excess: f64) -> Vec<f64> {
        let nu = |g: usize| {
            let vertex = self.form.vertex[g] as usize;
            let (a, total) = (self.coefficients.column[g], self.vertices.column[vertex]);
            let square = (2.0 * self.vertices.log_v[vertex] - log_excess).exp();
            if self.form.cluster[vertex] {
                a * square / total - (self.form.point.log_beta[vertex] - log_excess).exp() * a * (total - a)
            } else {
                square
            }
        };
        (0..self.log_mass.len()).map(nu).collect()
    }
}

/// The certificate, or `None` where the definiteness of the matrix is not known without a larger one, or numbers are not
/// finite. Where the dual construction does not apply the bound is the trivial one, and the verdict says so.
pub(super) fn certify(problem: &Problem, gram: &Gram, form: &CauchyForm, tolerance: f64) -> Option<Certificate> {
    let partition = gram.partition();
    let coefficients = coefficients(problem, partition.sizes(), &partition.multiplicity_f64());
    let tau = coefficients.temperature;
    if problem.model().nonnegative || tau != form.point.temperature {
        return None;
    }
    let vertices = Vertices::new(form, &coefficients);
    let shift = vertices.shift(form)?;
    let groups = Groups::new(form, &coefficients, &vertices);
    let floor = groups.floor();
    let (excess, log_excess) = groups.excess();
    let scale = log_excess.exp();

    // In units of e^log_excess: (sum v)^2 and sum y.
    let v_squared = (2.0 * vertices.log_v_sum - log_excess).exp();
    let rows: f64 = groups
        .anchors()
        .map(|g| coefficients.multiplicity[g] * (groups.log_row(g) - log_excess).exp())
        .sum();
    let (bound, eta, method) = match groups.bound(log_excess, v_squared, rows) {
        Some((bound, eta)) if form.cluster.contains(&true) => (bound, eta, BoundMethod::Merged),
        Some((bound, eta)) => (bound, eta, BoundMethod::Cauchy),
        None => (groups.trivial_bound(), 0.0, BoundMethod::Trivial),
    };
    // What moving M by the shift can cost: -<gradient, M> <= sum v^2 to first order, and the loss is convex.
    let squares = vertices.norm(&vertices.v).powi(2);
    let moved =
        shift * (v_squared * (squares + vertices.norm(&vertices.residual)) + (2.0 * shift / tau).exp_m1() * rows);

    let (value, unit) = if floor.is_some() {
        (1.0, 1.0)
    } else {
        (excess, excess.abs().max(1.0))
    };
    let gap = (value + moved - bound).max(0.0);
    let relative_gap = gap / unit;
    let loss = floor.unwrap_or(0.0) + excess;
    relative_gap.is_finite().then(|| Certificate {
        gram: gram.clone(),
        feasibility_shift: shift,
        loss,
        floor,
        excess,
        log_excess: floor.map(|_| log_excess),
        // A bound above the loss of a feasible matrix is rounding.
        lower_bound: (floor.unwrap_or(0.0) + bound * scale).min(loss),
        gap: gap * scale,
        relative_gap,
        min_eigenvalue: -eta * scale,
        method,
        dual: DualPoint {
            y: None,
            nu: groups.nu(log_excess),
            log_scale: log_excess,
            tangent: None,
        },
        tolerance,
        verdict: if relative_gap <= tolerance {
            Verdict::Certified
        } else {
            Verdict::NotCertified
        },
    })
}
