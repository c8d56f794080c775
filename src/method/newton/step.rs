//! One Newton step: the Jacobian of THEORY (6)-(7), densely for few groups and through the nodes of a grid for many.
//!
//! In `x = log t` and `z`, with `sigma_cc' = beta_c / (beta_c + beta_c')` and `pi_cc' = a_c' u_cc' e^{-z_c}`,
//!
//! ```text
//! d log u_cc' = dx_c + dx_c' + sigma_cc' dz_c + sigma_c'c dz_c'
//! d(6)_c = dz_c - sum_{c' != c} pi_cc' d log u_cc'
//! d(7)_c = v_c dx_c + sum_{c' != c} v_c' ( M_cc' dx_c' + tau d log u_cc' )
//! ```
//!
//! Everything that couples two classes is a sum over `p = v dx` and `q = v dz` with a smooth kernel in `log beta`: since
//! `pi_cc' = f_c sigma_cc' v_c'`,
//!
//! ```text
//! d(6)_c : - f_c sum ( sigma_cc' p_c' + sigma_cc' sigma_c'c q_c' )
//! d(7)_c : sum ( (1 + tau + tau xi_c + tau xi_c' - tau log cosh((y_c - y_c')/2)) p_c' + tau sigma_c'c q_c' )
//! ```
//!
//! On a grid with `n` nodes the Jacobian is therefore a 2 x 2 block per group plus a matrix of rank `2 n + 1`. Eliminating
//! the blocks leaves one dense system for `sum l_j p`, `sum l_j q` (two per node) and `sum xi p`: an exact solve at the cost
//! of `O(n^3)` and `O(1)` per group, without an iteration that could stall.

use faer::Mat;

use super::equations::{Equations, Evaluation, log_add};
use super::linear;
use crate::math::blocks;
use crate::math::cauchy::{Grid, MAX_ORDER, Resolution, log_cosh_half, logistic, node_rows};

/// A Newton step in the unknowns.
#[derive(Debug)]
pub(super) struct Step {
    pub(super) xi: Vec<f64>,
    pub(super) z: Vec<f64>,
}

impl Step {
    /// From `dx` to `dxi`: `xi = x - y/2` and `dy = -dz`.
    fn from_log_t(x: Vec<f64>, z: Vec<f64>) -> Step {
        let xi = x.iter().zip(&z).map(|(x, z)| x + 0.5 * z).collect();
        Step { xi, z }
    }
}

/// The step from the Jacobian entry by entry.
pub(super) fn dense(equations: &Equations<'_>, at: &Evaluation) -> Option<Step> {
    let r = equations.groups();
    let (tau, v) = (equations.tau, &at.v);
    let (xi, z) = (&at.unknowns.xi, &at.unknowns.z);
    let mut jacobian = Mat::<f64>::zeros(2 * r, 2 * r);
    for g in 0..r {
        let log_denominator = log_add(equations.log_base[g], at.log_mass[g]);
        jacobian[(g, r + g)] += 1.0;
        jacobian[(r + g, g)] += v[g];
        for h in 0..r {
            let partners = equations.multiplicity[h] - if h == g { 1.0 } else { 0.0 };
            let distance = at.y[g] - at.y[h];
            let log_u = xi[g] + xi[h] - log_cosh_half(distance);
            let pi = partners * (equations.log_column[h] + log_u - log_denominator).exp();
            let weight = partners * v[h];
            let (sigma, sigma_other) = (logistic(distance), logistic(-distance));

            jacobian[(g, g)] -= pi;
            jacobian[(g, h)] -= pi;
            jacobian[(g, r + g)] -= pi * sigma;
            jacobian[(g, r + h)] -= pi * sigma_other;

            jacobian[(r + g, h)] += weight * (1.0 + tau * log_u);
            jacobian[(r + g, g)] += weight * tau;
            jacobian[(r + g, h)] += weight * tau;
            jacobian[(r + g, r + g)] += weight * tau * sigma;
            jacobian[(r + g, r + h)] += weight * tau * sigma_other;
        }
    }
    debug_assert_eq!(z.len(), r);
    let right: Vec<f64> = at.row_z.iter().chain(&at.row_v).map(|residual| -residual).collect();
    let mut x = linear::solve(jacobian, &right)?;
    let z = x.split_off(r);
    Some(Step::from_log_t(x, z))
}

/// What the elimination keeps of one group.
#[derive(Debug, Clone, Copy, Default)]
struct Block {
    /// Inverse of the 2 x 2 diagonal block, row by row: `(dx, dz)` from (6) and (7).
    inverse: [[f64; 2]; 2],
    /// `f`, with `pi_cc' = f_c sigma_cc' v_c'`.
    f: f64,
    /// `1 + tau + tau xi`.
    level: f64,
}

/// The same step through the nodes of a grid; as exact as the grid resolves the kernels.
pub(super) fn reduced(equations: &Equations<'_>, at: &Evaluation, resolution: Resolution) -> Option<Step> {
    let (r, tau, m, v) = (equations.groups(), equations.tau, equations.multiplicity, &at.v);
    let xi = &at.unknowns.xi;
    let grid = Grid::new(&at.y, resolution);
    let n = grid.nodes().len();
    let sums = grid.others(
        m,
        |g| [v[g], v[g]],
        |d| {
            let sigma = logistic(d);
            [sigma, sigma * sigma]
        },
    );

    // The grid sums include the class itself; its own term is taken out here, in the diagonal block.
    let block = blocks::map(r, |g| {
        let share = (at.log_mass[g] - log_add(equations.log_base[g], at.log_mass[g])).exp();
        let [sigma, sigma_squared] = sums[g];
        let f = share / sigma;
        let level = 1.0 + tau + tau * xi[g];
        let a = -share + 0.5 * f * v[g];
        let b = 1.0 - f * sigma_squared + 0.25 * f * v[g];
        let c = v[g] + tau * (1.0 - v[g]) - v[g] * (level + tau * xi[g]);
        let d = tau * sigma - 0.5 * tau * v[g];
        let scale = 1.0 / (a * d - b * c);
        Block {
            inverse: [[d * scale, -b * scale], [-c * scale, a * scale]],
            f,
            level,
        }
    });

    // What is gathered at the nodes: the elimination of (dx, dz) from p = m v dx and q = m v dz.
    let gathered = grid.gather(|g| {
        let (
            Block {
                inverse: [x, z],
                f,
                level,
            },
            weight,
        ) = (block[g], m[g] * v[g]);
        let (r6, r7) = (-at.row_z[g], -at.row_v[g]);
        [
            weight * (x[0] * r6 + x[1] * r7),
            weight * (z[0] * r6 + z[1] * r7),
            weight * x[1] * level,
            weight * z[1] * level,
            weight * x[1],
            weight * z[1],
            weight * xi[g] * x[0] * f,
            weight * xi[g] * x[1],
        ]
    });
    let [b_right, b_level, b_one] = blocks::sum(r, |g| {
        let (
            Block {
                inverse: [x, _], level, ..
            },
            weight,
        ) = (block[g], m[g] * v[g] * xi[g]);
        [
            weight * (x[0] * -at.row_z[g] + x[1] * -at.row_v[g]),
            weight * x[1] * level,
            weight * x[1],
        ]
    });
    let grams = gram(&grid, |g| {
        let (Block { inverse: [x, z], f, .. }, weight) = (block[g], m[g] * v[g]);
        [weight * x[0] * f, weight * x[1], weight * z[0] * f, weight * z[1]]
    });

    // T6 = sigma P + sigma sigma' Q and T7 = tau (log cosh) P - tau sigma' Q, one row per node.
    let kernels = node_rows(n, |i| {
        let row = |entry: &dyn Fn(f64) -> [f64; 2]| -> Vec<f64> {
            let (p, q): (Vec<f64>, Vec<f64>) = grid.nodes().iter().map(|y| entry(grid.nodes()[i] - y).into()).unzip();
            [p, q].concat()
        };
        let t6 = row(&|d| [logistic(d), logistic(d) * logistic(-d)]);
        let t7 = row(&|d| [tau * log_cosh_half(d), -tau * logistic(-d)]);
        [t6, t7]
    });

    // Unknowns: P (n), Q (n), b = sum xi p. P = right + G11 T6 + G12 T7 - level sum(P) - tau one b, and Q, b alike.
    let mut system = Mat::<f64>::identity(2 * n + 1, 2 * n + 1);
    for (i, couplings) in grams.iter().enumerate() {
        for &(j, [x6, x7, z6, z7]) in couplings {
            for column in 0..2 * n {
                let [t6, t7] = [kernels[j][0][column], kernels[j][1][column]];
                system[(i, column)] -= x6 * t6 + x7 * t7;
                system[(n + i, column)] -= z6 * t6 + z7 * t7;
            }
        }
    }
    let mut right = vec![0.0; 2 * n + 1];
    for (i, nodal) in gathered.iter().enumerate() {
        let [p, q, level_p, level_q, one_p, one_q, xi_6, xi_7] = *nodal;
        right[i] = p;
        right[n + i] = q;
        for column in 0..n {
            system[(i, column)] += level_p;
            system[(n + i, column)] += level_q;
        }
        system[(i, 2 * n)] += tau * one_p;
        system[(n + i, 2 * n)] += tau * one_q;
        for column in 0..2 * n {
            system[(2 * n, column)] -= xi_6 * kernels[i][0][column] + xi_7 * kernels[i][1][column];
        }
        system[(2 * n, i)] += b_level;
    }
    right[2 * n] = b_right;
    system[(2 * n, 2 * n)] += tau * b_one;
    let nodal = linear::solve(system, &right)?;

    let total: f64 = nodal[..n].iter().sum();
    let b = nodal[2 * n];
    let t: Vec<[f64; 2]> = kernels
        .iter()
        .map(|rows| [0, 1].map(|k| rows[k].iter().zip(&nodal).map(|(kernel, value)| kernel * value).sum()))
        .collect();
    let pairs = blocks::map(r, |g| {
        let Block {
            inverse: [x, z],
            f,
            level,
        } = block[g];
        let [t6, t7] = grid.interpolate(g, &t);
        let rhs6 = -at.row_z[g] + f * t6;
        let rhs7 = -at.row_v[g] + t7 - level * total - tau * b;
        (x[0] * rhs6 + x[1] * rhs7, z[0] * rhs6 + z[1] * rhs7)
    });
    let (x, z): (Vec<f64>, Vec<f64>) = pairs.into_iter().unzip();
    x.iter()
        .chain(&z)
        .all(|value| value.is_finite())
        .then(|| Step::from_log_t(x, z))
}

/// `sum_c weight_c l_i(y_c) l_j(y_c)`: for every node `i` the nodes `j` it meets, which are those of its own panel.
fn gram<const W: usize>(grid: &Grid<'_>, weight: impl Fn(usize) -> [f64; W] + Sync) -> Vec<Vec<(usize, [f64; W])>> {
    let n = grid.nodes().len();
    let partial = blocks::per_block(grid.groups(), |range| {
        // Row i holds the products with the nodes first, first + 1, .. of its panel.
        let mut table = vec![[[0.0; W]; MAX_ORDER]; n];
        let mut firsts = vec![0; n];
        let mut buffer = [0.0; MAX_ORDER];
        for g in range {
            let weight = weight(g);
            let (first, basis) = grid.basis(g, &mut buffer);
            for (i, left) in basis.iter().enumerate() {
                firsts[first + i] = first;
                for (entry, right) in table[first + i].iter_mut().zip(basis) {
                    for w in 0..W {
                        entry[w] += left * right * weight[w];
                    }
                }
            }
        }
        (firsts, table)
    });
    let mut rows: Vec<Vec<(usize, [f64; W])>> = vec![Vec::new(); n];
    for (firsts, table) in partial {
        for (i, (first, entries)) in firsts.into_iter().zip(table).enumerate() {
            for (offset, entry) in entries
                .into_iter()
                .enumerate()
                .filter(|(_, entry)| entry.iter().any(|&x| x != 0.0))
            {
                match rows[i].iter_mut().find(|(j, _)| *j == first + offset) {
                    Some((_, total)) => (0..W).for_each(|w| total[w] += entry[w]),
                    None => rows[i].push((first + offset, entry)),
                }
            }
        }
    }
    rows
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::method::newton::equations::Unknowns;
    use crate::objective::Coefficients;

    fn long_tail(r: usize) -> Coefficients {
        let sizes: Vec<f64> = (0..r)
            .map(|g| (20.0 + 1e4 * f64::powf(0.97, g as f64 * 200.0 / r as f64)).floor())
            .collect();
        let multiplicity: Vec<f64> = (0..r).map(|g| 1.0 + (g % 3) as f64).collect();
        let total: f64 = sizes.iter().zip(&multiplicity).map(|(n, m)| n * m).sum();
        Coefficients {
            temperature: 0.2,
            weight: sizes.iter().map(|n| n / total).collect(),
            base: sizes.iter().map(|n| n - 1.0).collect(),
            column: sizes,
            multiplicity,
            mergeable: true,
        }
    }

    /// Moves the start off, so that no term vanishes by symmetry.
    fn somewhere(equations: &Equations<'_>) -> Unknowns {
        let mut unknowns = equations.start();
        unknowns
            .xi
            .iter_mut()
            .enumerate()
            .for_each(|(g, x)| *x += 0.1 * (g as f64 * 1.7).sin());
        unknowns
            .z
            .iter_mut()
            .enumerate()
            .for_each(|(g, x)| *x += 0.1 * (g as f64 * 2.3).cos());
        unknowns
    }

    /// A Newton step solves the linearised equations: along `h` times the step, the residuals shrink like `1 - h`.
    #[test]
    fn the_dense_step_is_the_slope_of_the_equations() {
        let coefficients = long_tail(12);
        let equations = Equations::new(&coefficients);
        let at = equations.evaluate(somewhere(&equations)).unwrap();
        let step = dense(&equations, &at).unwrap();
        let moved = |h: f64| {
            let shift = |from: &[f64], by: &[f64]| from.iter().zip(by).map(|(x, d)| x + h * d).collect();
            let unknowns = Unknowns {
                xi: shift(&at.unknowns.xi, &step.xi),
                z: shift(&at.unknowns.z, &step.z),
            };
            equations.evaluate(unknowns).unwrap()
        };
        let h = 1e-5;
        let (ahead, behind) = (moved(h), moved(-h));
        // (7) is homogeneous in v, which is rescaled to sum 1 at every point.
        let scale = |e: &Evaluation, g: usize| {
            (e.unknowns.xi[g] + 0.5 * e.y[g] - at.unknowns.xi[g] - 0.5 * at.y[g]).exp() * at.v[g] / e.v[g]
        };
        for g in 0..12 {
            let slope_z = (ahead.row_z[g] - behind.row_z[g]) / (2.0 * h);
            let slope_v = (ahead.row_v[g] * scale(&ahead, g) - behind.row_v[g] * scale(&behind, g)) / (2.0 * h);
            assert!(
                (slope_z + at.row_z[g]).abs() < 1e-8,
                "(6) of {g}: {slope_z} {}",
                at.row_z[g]
            );
            assert!(
                (slope_v + at.row_v[g]).abs() < 1e-8,
                "(7) of {g}: {slope_v} {}",
                at.row_v[g]
            );
        }
    }

    #[test]
    fn the_reduced_step_is_the_dense_step() {
        for (r, resolution, tolerance) in [
            (8, Resolution::Coarse, 1e-10),
            (150, Resolution::Full, 1e-10),
            (150, Resolution::Coarse, 1e-4),
        ] {
            let coefficients = long_tail(r);
            let equations = Equations::new(&coefficients);
            let at = equations.evaluate(somewhere(&equations)).unwrap();
            let (full, fast) = (
                dense(&equations, &at).unwrap(),
                reduced(&equations, &at, resolution).unwrap(),
            );
            let size = full.xi.iter().chain(&full.z).fold(0.0_f64, |a, x| a.max(x.abs()));
            for (a, b) in full.xi.iter().chain(&full.z).zip(fast.xi.iter().chain(&fast.z)) {
                assert!((a - b).abs() < tolerance * size, "{r} groups, {resolution:?}: {a} {b}");
            }
        }
    }
}
