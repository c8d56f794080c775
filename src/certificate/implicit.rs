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
//! Cholesky factorisation of the matrix between vertices decides. The matrix is moved by that shift, and its loss is that of
//! the moved matrix, whose masses are sums of the same type with the kernel `sech(d/2)^{1/(1 + delta)}`.

use nalgebra::DMatrix;

use super::bound::{Bound, Dual, Primal, conclude};
use super::dense::lifted_shift;
use super::{BoundMethod, Certificate, DualPoint, MAX_DENSE_GROUPS};
use crate::error::Error;
use crate::gram::{CauchyForm, Gram};
use crate::math::cauchy::{Grid, Resolution, log_cosh_half, sech_half};
use crate::math::sum::compensated_sum;
use crate::objective::{Coefficients, coefficients};
use crate::problem::{FullBatch, Problem};

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

    /// `log sum_{others} a u` of the matrix moved by `delta`: there `log u' = (log u - delta/tau)/(1 + delta)`.
    fn moved_log_mass(&self, form: &CauchyForm, delta: f64) -> Vec<f64> {
        if delta == 0.0 {
            return self.log_mass.clone();
        }
        let count = self.v.len();
        let shrunk: Vec<f64> = form.point.log_ratio.iter().map(|xi| xi / (1.0 + delta)).collect();
        let log_alpha: Vec<f64> = (0..count).map(|i| self.column[i].ln() + shrunk[i]).collect();
        let scale = log_alpha.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let sums = Grid::new(&form.point.log_beta, Resolution::Full).others(
            &self.multiplicity,
            |i| [(log_alpha[i] - scale).exp()],
            |d| [(-log_cosh_half(d) / (1.0 + delta)).exp()],
        );
        let drop = delta / ((1.0 + delta) * form.point.temperature);
        (0..count).map(|i| shrunk[i] + scale - drop + sums[i][0].ln()).collect()
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
    /// The same of the moved matrix.
    moved_log_mass: Vec<f64>,
    has_floor: bool,
}

impl<'a> Groups<'a> {
    fn new(form: &'a CauchyForm, coefficients: &'a Coefficients, vertices: &'a Vertices, delta: f64) -> Self {
        let of_groups = |of_vertices: &[f64]| -> Vec<f64> {
            (0..coefficients.groups())
                .map(|g| {
                    let vertex = form.vertex[g] as usize;
                    let inside = vertices.column[vertex] - coefficients.column[g];
                    let outside = of_vertices[vertex];
                    if form.cluster[vertex] && inside > 0.0 {
                        outside.max(inside.ln()) + (-(outside - inside.ln()).abs()).exp().ln_1p()
                    } else {
                        outside
                    }
                })
                .collect()
        };
        let log_mass = of_groups(&vertices.log_mass);
        let moved_log_mass = of_groups(&vertices.moved_log_mass(form, delta));
        Self {
            form,
            coefficients,
            vertices,
            log_mass,
            moved_log_mass,
            has_floor: coefficients.has_floor(),
        }
    }

    fn weight(&self, g: usize) -> f64 {
        self.coefficients.multiplicity[g] * self.coefficients.weight[g]
    }

    /// Groups with anchors.
    fn anchors(&self) -> impl Iterator<Item = usize> + '_ {
        self.coefficients.anchors()
    }

    /// Relative rounding of the masses and shares: that of their logarithms, which are sums of these numbers, and of the
    /// sums over `k` vertices, whose roundings are independent.
    fn rounding(&self) -> f64 {
        let largest = |values: &[f64]| values.iter().fold(0.0f64, |most, x| most.max(x.abs()));
        let point = &self.form.point;
        let exponent = largest(&point.log_ratio)
            .max(largest(&point.log_beta))
            .max(largest(&self.log_mass))
            .max(1.0 / point.temperature);
        f64::EPSILON * (8.0 + 2.0 * exponent + (self.vertices.v.len() as f64).sqrt())
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

    /// The bound above the floor in units of `e^log_excess`, with the shift of `nu` in it; `None` where there is none.
    fn bound(&self, log_excess: f64) -> Option<(Bound, f64)> {
        if !self.is_admissible() {
            return None;
        }
        let vertices = self.vertices;
        let coefficients = self.coefficients;
        let tau = coefficients.temperature;
        // In units of e^log_excess: (sum v)^2 and sum y.
        let v_squared = (2.0 * vertices.log_v_sum - log_excess).exp();
        let rows = |damping: f64| {
            let row = |g: usize| coefficients.multiplicity[g] * (self.log_row(g) - damping - log_excess).exp();
            self.anchors().map(row).sum::<f64>()
        };
        let residual: f64 = (0..vertices.v.len())
            .map(|i| vertices.multiplicity[i] * vertices.v[i] * vertices.residual[i])
            .sum();
        let log_shares: Vec<f64> = (0..self.log_mass.len())
            .map(|g| tau.ln() + self.log_row(g) - coefficients.weight[g].ln())
            .collect();
        if !self.has_floor {
            return self.bound_without_floor(&log_shares, v_squared, residual, rows(0.0));
        }
        // A row that is all excess has a share of 1 but for rounding, and (4') needs less. Any multiple of y and nu will
        // do: take one that leaves every share below 1 by more than its rounding.
        let largest = self.anchors().map(|g| log_shares[g]).fold(f64::NEG_INFINITY, f64::max);
        let margin = 8.0 * self.rounding();
        let damping = if largest > -margin { largest + margin } else { 0.0 };
        let v_squared = v_squared * (-damping).exp();
        // Rounding of S = v v^T, as in the dense candidate.
        let eta = 4.0 * f64::EPSILON * v_squared;
        let mut terms = vec![-v_squared * residual - eta];
        for g in self.anchors() {
            // log_shares - largest first: the margin survives where the logarithms are large.
            let log_share = if damping > 0.0 {
                log_shares[g] - largest - margin
            } else {
                log_shares[g]
            };
            let log_weight = self.weight(g).ln();
            let kappa = log_share - self.log_mass[g] + coefficients.base[g].ln();
            terms.push(-(log_weight + log_share - log_excess).exp() * kappa);
            terms.push((log_weight + log_entropy_of_rest(log_share) - log_excess).exp());
        }
        Some((Bound::new(compensated_sum(terms.into_iter()))?, eta))
    }

    /// Without a floor rows must sum to `w/tau`: each is divided by its share of that, which changes `y` by up to
    /// `mismatch` of itself. `nu` absorbs what this does to `S`, and the products of the change with the entries are paid
    /// for.
    fn bound_without_floor(
        &self,
        log_shares: &[f64],
        v_squared: f64,
        residual: f64,
        rows: f64,
    ) -> Option<(Bound, f64)> {
        let eta = 4.0 * f64::EPSILON * v_squared;
        let mismatch = self
            .anchors()
            .map(|g| log_shares[g].abs().exp_m1())
            .fold(0.0f64, f64::max);
        let loss = compensated_sum(self.anchors().map(|g| self.weight(g) * self.log_mass[g]));
        let paid = mismatch * (2.0 + self.largest_entry());
        let bound = loss - v_squared * residual - eta - paid * (rows + v_squared);
        Some((Bound::new(bound)?, eta))
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
    fn trivial_bound(&self) -> Option<Bound> {
        if self.has_floor {
            return Bound::new(0.0);
        }
        let column: f64 = (0..self.log_mass.len())
            .map(|g| self.coefficients.multiplicity[g] * self.coefficients.column[g])
            .sum();
        let least = |g: usize| (column - self.coefficients.column[g]).ln() - 2.0 / self.coefficients.temperature;
        Bound::new(self.anchors().map(|g| self.weight(g) * least(g)).sum())
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

/// `log( -(1 - q) log(1 - q) )` for `q < 1` given by its logarithm: neither `q` nor `1 - q` loses digits at its small end.
fn log_entropy_of_rest(log_q: f64) -> f64 {
    if log_q < -37.0 {
        return log_q;
    }
    let rest = -log_q.exp_m1();
    let log_of_rest = if rest > 0.5 { (-log_q.exp()).ln_1p() } else { rest.ln() };
    (-rest * log_of_rest).ln()
}

/// The certificate, or `None` where the definiteness of the matrix is not known without a larger one, or numbers are not
/// finite. Where the dual construction does not apply the bound is the trivial one, and the verdict says so.
///
/// # Errors
/// As [`conclude`].
pub(super) fn certify(
    problem: &Problem,
    full: &FullBatch,
    gram: &Gram,
    form: &CauchyForm,
    tolerance: f64,
) -> Result<Option<Certificate>, Error> {
    let partition = gram.partition();
    let coefficients = coefficients(problem, full, partition.sizes(), &partition.multiplicity_f64());
    if problem.model().features.nonnegative || coefficients.temperature != form.point.temperature {
        return Ok(None);
    }
    let vertices = Vertices::new(form, &coefficients);
    let Some(shift) = vertices.shift(form).filter(|shift| shift.is_finite()) else {
        return Ok(None);
    };
    // A matrix that was moved before is not moved back.
    let shift = shift.max(form.shift);
    let groups = Groups::new(form, &coefficients, &vertices, shift);
    // Of the moved matrix.
    let (excess, log_excess) = coefficients.excess(&groups.moved_log_mass);
    let rounding = groups.rounding();
    if !(excess.is_finite() && log_excess.is_finite() && rounding.is_finite()) {
        return Ok(None);
    }
    let merged = form.cluster.contains(&true);
    let proof = match groups.bound(log_excess) {
        Some((bound, eta)) if merged => Some((bound, eta, BoundMethod::Merged)),
        Some((bound, eta)) => Some((bound, eta, BoundMethod::Cauchy)),
        None => groups.trivial_bound().map(|bound| (bound, 0.0, BoundMethod::Trivial)),
    };
    let Some((bound, eta, method)) = proof else {
        return Ok(None);
    };
    let form = CauchyForm { shift, ..form.clone() };
    let primal = Primal {
        gram: Gram::from_cauchy(partition.clone(), form),
        shift,
        floor: coefficients.floor(),
        log_excess,
        excess,
        rounding,
    };
    let dual = Dual {
        bound,
        min_eigenvalue: -eta * log_excess.exp(),
        method,
        point: DualPoint {
            sparse: None,
            y: None,
            nu: groups.nu(log_excess),
            log_scale: log_excess,
            tangent: None,
        },
    };
    conclude(primal, dual, tolerance).map(Some)
}

/// `log sum_{c' != c} a_c' u_cc'` of one class of every group of a full-batch problem at its implicit Gram matrix, by the fast
/// sums that the certificate uses; `None` for a matrix of another form or problem.
pub(crate) fn log_masses(problem: &Problem, full: &FullBatch, gram: &Gram) -> Option<Vec<f64>> {
    let form = gram.cauchy()?;
    let partition = gram.partition();
    let coefficients = coefficients(problem, full, partition.sizes(), &partition.multiplicity_f64());
    let vertices = Vertices::new(form, &coefficients);
    Some(Groups::new(form, &coefficients, &vertices, form.shift).moved_log_mass)
}
