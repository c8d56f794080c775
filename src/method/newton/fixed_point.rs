//! The exact solver of the sampled losses, THEORY (10) and (11).
//!
//! The gradient by an ordered pair of classes is `phi_cc' u_cc'` with `u = exp((M_cc' - 1)/tau)` and a `phi` that varies
//! slowly with `M`. At a regular optimum `S = v v^T` with `v > 0` and `M v = 0` as for every loss, so
//!
//! ```text
//! M_cc' = 1 + tau log( 2 v_c v_c' / (phi_cc' + phi_c'c) )                                                            (5)
//! 0     = v_c + sum_{c' != c} M_cc' v_c'                                                                             (7)
//! ```
//!
//! For fixed `phi` these are `k` equations in `log v` (by groups), with a symmetric Jacobian after scaling row `c` by `v_c`:
//! Newton's method solves them, `phi` is computed again from the new `M`, and so on to the floor of rounding. A point with
//! `M` positive semidefinite is the optimum.
//!
//! The `m` classes of a group may coincide: then they are one vertex. Between vertices of `N` classes in one point the
//! gradient is `N_c N_c' phi u`, and merging is optimal iff `S_ii >= S_ij` for two of its classes, which is
//! `v^2 >= m^2 phi_gg`. Whether a group is merged changes during the iteration, when its `M_gg` would exceed 1.

use faer::Mat;
use nalgebra::DMatrix;

use super::Reason;
use super::linear;
use crate::objective::{Objective, Sampled, others};

/// Most passes; a regular optimum takes 3 to 30, and of nscl, whose `phi` varies as fast as `M`, some dozens.
const MAX_PASSES: usize = 60;
const MAX_PASSES_OF_NSCL: usize = 200;

/// Newton steps for one `phi`.
const MAX_STEPS: usize = 40;

/// Entries are at their floor when they change by less than this, or do not change less any more below [`SMALL`]: not by
/// these factors.
const FLOOR: f64 = 4e-16;
const SMALL: f64 = 1e-11;
const STALLED: f64 = 0.5;
const STALLED_OF_NSCL: f64 = 0.95;

/// The rule for merged classes proves them to coincide where `log(v^2 / (m^2 phi_gg))` is above this: `v` and `phi` are
/// known to about 1e-11.
const RULE: f64 = 1e-9;

/// An optimum of a sampled loss.
#[derive(Debug, Clone)]
pub struct SampledOptimum {
    /// `M` by groups, r x r; 1 on the diagonal of groups of one class and of merged groups.
    pub values: DMatrix<f64>,
    /// Groups whose classes share one vector.
    pub merged: Vec<usize>,
    /// Those of them for which the rule `v^2 >= m^2 phi_gg` holds beyond the error of the iteration.
    pub proven: Vec<usize>,
    /// Newton steps, of all passes.
    pub steps: usize,
}

/// Where a run that found no optimum ended.
#[derive(Debug, Clone)]
pub struct SampledFailure {
    /// Why.
    pub reason: Reason,
    /// `M` by groups at the end, neither optimal nor feasible; a start for other methods.
    pub values: DMatrix<f64>,
}

/// Minimises a sampled loss over Gram matrices. `interrupt` is asked before every pass.
///
/// # Errors
/// [`SampledFailure`], mostly where unequal classes collapse.
pub fn solve_sampled(
    objective: &Sampled,
    interrupt: &(dyn Fn() -> bool + Sync),
) -> Result<SampledOptimum, Box<SampledFailure>> {
    let groups = objective.groups();
    let classes: f64 = objective.multiplicity().iter().sum();
    let mut state = State {
        objective,
        merged: vec![false; groups],
        values: DMatrix::from_element(groups, groups, -1.0 / (classes - 1.0)),
        x: Vec::new(),
        steps: 0,
        factor: None,
    };
    for g in 0..groups {
        if objective.multiplicity()[g] == 1.0 {
            state.values[(g, g)] = 1.0;
        }
    }
    match state.run(interrupt) {
        Ok(()) => Ok(SampledOptimum {
            merged: (0..groups).filter(|&g| state.merged[g]).collect(),
            proven: state.proven(),
            steps: state.steps,
            values: state.values,
        }),
        Err(reason) => Err(Box::new(SampledFailure {
            reason,
            values: state.values,
        })),
    }
}

struct State<'a> {
    objective: &'a Sampled,
    /// Whether all classes of a group share one vector.
    merged: Vec<bool>,
    values: DMatrix<f64>,
    /// `log v` of every vertex.
    x: Vec<f64>,
    steps: usize,
    factor: Option<linear::Factor>,
}

impl State<'_> {
    fn run(&mut self, interrupt: &(dyn Fn() -> bool + Sync)) -> Result<(), Reason> {
        let mut last = f64::INFINITY;
        let mut changes = 0;
        let (passes, stalled) = match self.objective.floor() {
            Some(_) => (MAX_PASSES, STALLED),
            None => (MAX_PASSES_OF_NSCL, STALLED_OF_NSCL),
        };
        for _ in 0..passes {
            if interrupt() {
                return Err(Reason::Interrupted);
            }
            let log_phi = self.log_phi();
            if self.x.is_empty() {
                self.x = self.start(&log_phi);
            }
            self.newton(&log_phi)?;
            let values = self.entries(&log_phi);
            if values.iter().any(|value| !value.is_finite()) {
                return Err(Reason::NotConverged);
            }
            let change = (&values - &self.values).amax();
            self.values = values;
            if self.regroup(&log_phi) {
                changes += 1;
                if changes > 2 * self.merged.len() + 4 {
                    return Err(Reason::Collapsed);
                }
                last = f64::INFINITY;
                continue;
            }
            if change <= FLOOR || (change <= SMALL && change >= stalled * last) {
                return if self.is_definite() {
                    Ok(())
                } else {
                    Err(Reason::Collapsed)
                };
            }
            last = change;
        }
        Err(Reason::NotConverged)
    }

    /// Classes in one vertex of group `g`, and vertices of that group.
    fn vertex(&self, g: usize) -> (f64, f64) {
        let m = self.objective.multiplicity()[g];
        if self.merged[g] { (m, 1.0) } else { (1.0, m) }
    }

    /// Vertices of group `h` other than a given vertex of `g`.
    fn others(&self, g: usize, h: usize) -> f64 {
        self.vertex(h).1 - f64::from(u8::from(g == h))
    }

    /// `log` of the symmetric part of `phi` between vertices.
    fn log_phi(&self) -> DMatrix<f64> {
        let at = self.objective.evaluate(&self.values, 0.0);
        let phi = self.objective.log_slopes(&at);
        DMatrix::from_fn(phi.nrows(), phi.ncols(), |g, h| {
            let larger = phi[(g, h)].max(phi[(h, g)]);
            let mean = 0.5 * ((phi[(g, h)] - larger).exp() + (phi[(h, g)] - larger).exp());
            (self.vertex(g).0 * self.vertex(h).0 * mean).ln() + larger
        })
    }

    /// The vertices as a whole: their number.
    fn vertices(&self) -> f64 {
        (0..self.merged.len()).map(|g| self.vertex(g).1).sum()
    }

    /// `log v` that fit `log (phi u)` at the simplex ETF of the vertices best; exact for two vertices.
    fn start(&self, log_phi: &DMatrix<f64>) -> Vec<f64> {
        let groups = self.merged.len();
        let count = self.vertices();
        let log_u = -count / ((count - 1.0) * self.objective.temperature());
        let sums: Vec<f64> = (0..groups)
            .map(|g| {
                (0..groups)
                    .filter(|&h| self.others(g, h) > 0.0)
                    .map(|h| self.others(g, h) * (log_phi[(g, h)] + log_u))
                    .sum()
            })
            .collect();
        if count == 2.0 {
            return sums.iter().map(|sum| 0.5 * sum).collect();
        }
        let total: f64 = (0..groups).map(|g| self.vertex(g).1 * sums[g]).sum();
        sums.iter()
            .map(|sum| (sum - total / (2.0 * (count - 1.0))) / (count - 2.0))
            .collect()
    }

    fn entry(&self, log_phi: &DMatrix<f64>, g: usize, h: usize) -> f64 {
        1.0 + self.objective.temperature() * (self.x[g] + self.x[h] - log_phi[(g, h)])
    }

    /// `M` of (5) by groups.
    fn entries(&self, log_phi: &DMatrix<f64>) -> DMatrix<f64> {
        let groups = self.merged.len();
        let two = self.vertices() == 2.0;
        DMatrix::from_fn(groups, groups, |g, h| {
            if self.others(g, h) <= 0.0 {
                1.0
            } else if two {
                -1.0
            } else {
                self.entry(log_phi, g, h)
            }
        })
    }

    /// Residuals of (7) in units of the largest `v`, and their scale.
    fn residuals(&self, log_phi: &DMatrix<f64>) -> (Vec<f64>, f64) {
        let groups = self.merged.len();
        let v = self.relative();
        let mut size = 0.0f64;
        let residuals = (0..groups)
            .map(|g| {
                let mut sum = v[g];
                let mut scale = v[g];
                for (h, v) in v.iter().enumerate() {
                    let others = self.others(g, h);
                    if others > 0.0 {
                        let term = others * self.entry(log_phi, g, h) * v;
                        sum += term;
                        scale += term.abs();
                    }
                }
                size = size.max(sum.abs() / scale);
                sum
            })
            .collect();
        (residuals, size)
    }

    fn relative(&self) -> Vec<f64> {
        let largest = self.x.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        self.x.iter().map(|x| (x - largest).exp()).collect()
    }

    /// Newton's method on (7) for one `phi`, with steps limited to a few units of `log v`. A factorisation is used as long as
    /// it gains a digit a step, also from one `phi` to the next.
    fn newton(&mut self, log_phi: &DMatrix<f64>) -> Result<(), Reason> {
        let tau = self.objective.temperature();
        if self.vertices() == 2.0 {
            // One entry, M = -1: v follows from phi.
            self.x = self.start(log_phi);
            return Ok(());
        }
        let mut least = f64::INFINITY;
        let mut last = f64::INFINITY;
        for _ in 0..MAX_STEPS {
            let (residuals, size) = self.residuals(log_phi);
            if !size.is_finite() {
                return Err(Reason::NotConverged);
            }
            if size <= 1e-15 || (size <= 1e-12 && size >= 0.5 * least) {
                return Ok(());
            }
            least = least.min(size);
            if size > 0.1 * last {
                self.factor = None;
            }
            last = size;
            let step = match &self.factor {
                Some(factor) => factor.solve(&self.scaled(&residuals)),
                None => {
                    let factor = linear::Factor::new(self.jacobian(log_phi));
                    let step = factor.solve(&self.scaled(&residuals));
                    self.factor = Some(factor);
                    step
                }
            };
            let step = step.ok_or(Reason::NotConverged)?;
            let longest = step.iter().fold(0.0f64, |a, s| a.max(s.abs()));
            let limit = 2.0 + 0.5 / tau;
            let factor = if longest > limit { limit / longest } else { 1.0 };
            for (x, s) in self.x.iter_mut().zip(&step) {
                *x += factor * s;
            }
            self.steps += 1;
        }
        if least <= 1e-9 {
            Ok(())
        } else {
            Err(Reason::NotConverged)
        }
    }

    /// Minus the residuals, every row in units of its own `v`.
    fn scaled(&self, residuals: &[f64]) -> Vec<f64> {
        residuals.iter().zip(self.relative()).map(|(r, v)| -r / v).collect()
    }

    /// The Jacobian of (7) by `log v`, every row in units of its own `v`.
    fn jacobian(&self, log_phi: &DMatrix<f64>) -> Mat<f64> {
        let groups = self.merged.len();
        let tau = self.objective.temperature();
        let v = self.relative();
        let mut jacobian = Mat::<f64>::zeros(groups, groups);
        for g in 0..groups {
            jacobian[(g, g)] += 1.0;
            for h in 0..groups {
                let weight = self.others(g, h) * v[h] / v[g];
                if weight > 0.0 {
                    let value = self.entry(log_phi, g, h);
                    jacobian[(g, h)] += weight * (value + tau);
                    jacobian[(g, g)] += weight * tau;
                }
            }
        }
        jacobian
    }

    /// Merges groups whose classes would have an inner product above 1, and parts those that should not be merged. True if
    /// anything changed.
    fn regroup(&mut self, log_phi: &DMatrix<f64>) -> bool {
        let mut changed = false;
        for g in 0..self.merged.len() {
            let m = self.objective.multiplicity()[g];
            if m < 2.0 {
                continue;
            }
            // Merged: v^2 >= m^2 phi_gg, where log_phi counts the m^2.
            let log_ratio = 2.0 * self.x[g] - log_phi[(g, g)];
            let merge = if self.merged[g] {
                log_ratio >= -1e-12
            } else {
                self.values[(g, g)] > 1.0
            };
            if merge != self.merged[g] {
                self.merged[g] = merge;
                // v of one class and of all of them.
                self.x[g] += if merge { m.ln() } else { -m.ln() };
                self.values[(g, g)] = if merge {
                    1.0
                } else {
                    1.0 - 1e-3 * self.objective.temperature().min(1.0)
                };
                self.factor = None;
                changed = true;
            }
        }
        changed
    }

    /// Merged groups of which the rule is certain.
    fn proven(&self) -> Vec<usize> {
        let log_phi = self.log_phi();
        (0..self.merged.len())
            .filter(|&g| self.merged[g] && 2.0 * self.x[g] - log_phi[(g, g)] > RULE)
            .collect()
    }

    /// Whether `M` is positive semidefinite: Cholesky of its block between vertices, lifted by `v v^T` along its kernel.
    fn is_definite(&self) -> bool {
        let groups = self.merged.len();
        let count = |g: usize| self.vertex(g).1;
        let m = self.objective.multiplicity();
        if (0..groups).any(|g| others(m, g, g) > 0.0 && self.values[(g, g)] > 1.0 + 1e-14) {
            return false;
        }
        let root: Vec<f64> = (0..groups).map(|g| count(g).sqrt()).collect();
        let mut null: Vec<f64> = self.relative().iter().zip(&root).map(|(v, root)| v * root).collect();
        let length = null.iter().map(|x| x * x).sum::<f64>().sqrt();
        null.iter_mut().for_each(|x| *x /= length);
        let scale = (0..groups)
            .map(|g| 1.0 + (count(g) - 1.0) * self.values[(g, g)].abs())
            .fold(1.0, f64::max);
        let shift = 1e-14 * scale * (groups as f64).max(8.0);
        linear::has_cholesky(Mat::from_fn(groups, groups, |g, h| {
            if h > g {
                return 0.0;
            }
            let block = if g == h {
                1.0 + (count(g) - 1.0) * self.values[(g, g)] + shift
            } else {
                root[g] * root[h] * self.values[(g, h)]
            };
            block + scale * null[g] * null[h]
        }))
    }
}
