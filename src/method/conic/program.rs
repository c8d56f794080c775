//! The reduced program in clarabel's form: minimise `q'x` subject to `A x + s = b`, `s` in a product of cones.
//!
//! The entries of the Gram matrix are written about a centre, `x_e = c_e + tau d_e`, and every exponential is measured
//! from its value at the centre, so that all unknowns are of order one at any temperature. A row of the objective
//! enters in one of two ways, chosen by `S = ` (its sum relative to its floor) at the centre:
//!
//! * **direct** (`S` not small): its log-sum-exp, as exponential cones `(d_e - d_r - t, 1, u)` with `sum p u <= 1`,
//!   `p` the row's softmax at the centre;
//! * **tangent** (`S` small): `log1p(S)` is concave, so its tangent at the centre is a majorant, exact at the centre;
//!   what is minimised is `omega sum_j S_j u_j`, `omega = 1/(1 + S)`. Solving again about the new point converges with
//!   factor `S/(1 + S)`, THEORY (1, Scale). The direct form cannot do this: its excess drowns in the floor.
//!
//! In a tangent row of the finite population loss the term `(e^t - 1 - t) u/n` with `t = (1 - x_r)/tau` is left out. It
//! is nonnegative and vanishes at `x_r = 1`, so a minimiser with `x_r = 1` of what remains is a minimiser.
//!
//! Exponential cone of clarabel: `(x, y, z)` with `y e^(x/y) <= z`. Every block of rows has a name.

use super::svec;
use crate::objective::{Layout, Row};
use crate::program::Program;

/// Rows whose `S` at the centre is below this enter by their tangent.
pub(super) const TANGENT_BELOW: f64 = 0.2;

/// A cone and the number of rows it takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cone {
    /// Nonnegative orthant of the given dimension.
    Nonnegative(usize),
    /// Exponential cone, three rows.
    Exponential,
    /// Positive semidefinite matrices of the given order, as [`svec`].
    Psd(usize),
}

impl Cone {
    /// Number of rows.
    pub(super) fn rows(self) -> usize {
        match self {
            Self::Nonnegative(n) => n,
            Self::Exponential => 3,
            Self::Psd(n) => svec::len(n),
        }
    }
}

/// A cone program with sparse `A` as triplets.
#[derive(Debug, Clone, Default)]
pub(super) struct ConeProgram {
    /// Objective.
    pub(super) q: Vec<f64>,
    /// Entries `(row, column, value)` of `A`.
    pub(super) triplets: Vec<(usize, usize, f64)>,
    /// Right-hand side.
    pub(super) b: Vec<f64>,
    /// Cones in the order of the rows, with what each is for.
    pub(super) cones: Vec<(Cone, String)>,
}

impl ConeProgram {
    pub(super) fn variable(&mut self, cost: f64) -> usize {
        self.q.push(cost);
        self.q.len() - 1
    }

    /// Adds the constraint `constant + sum value * x_column` in the cone, one list of `(column, value)` a row.
    pub(super) fn constrain(&mut self, cone: Cone, name: String, rows: &[(&[(usize, f64)], f64)]) {
        debug_assert_eq!(cone.rows(), rows.len());
        for (terms, constant) in rows {
            let row = self.b.len();
            self.b.push(*constant);
            for &(column, value) in *terms {
                self.triplets.push((row, column, -value));
            }
        }
        self.cones.push((cone, name));
    }
}

fn cone_memory(cone: Cone) -> f64 {
    match cone {
        // Measured: 22,360 rows with a PSD block of order 80 took 581 MB, of which the block is 4 copies of 84 MB.
        Cone::Psd(n) => 4.0 * 8.0 * (svec::len(n) as f64).powi(2),
        Cone::Exponential => 3.0 * 2000.0,
        Cone::Nonnegative(n) => 1000.0 * n as f64,
    }
}

/// Memory in bytes that an interior-point method needs for a program of `groups` groups, to within a factor of about two:
/// the KKT factor holds the semidefinite block's dense Hessian, of order `groups (groups + 1) / 2`.
pub(super) fn memory_estimate(groups: usize) -> f64 {
    cone_memory(Cone::Psd(groups)) + cone_memory(Cone::Exponential) * (groups as f64).powi(2)
}

/// The encoding of a [`Program`] about a centre, with what is needed to read the answer.
#[derive(Debug, Clone)]
pub(super) struct Encoding {
    /// The cone program.
    pub(super) cone_program: ConeProgram,
    /// Column of each entry's variable `d_e`; `None` for entries that are constants.
    columns: Vec<Option<usize>>,
    centre: Vec<f64>,
    temperature: f64,
    /// Largest `S/(1 + S)` of a tangent row: the factor by which solving again improves.
    pub(super) contraction: f64,
}

impl Encoding {
    /// Encodes `program` about `centre` (entries in its [`Layout`]; within-class entries 1).
    pub(super) fn new(program: &Program<'_>, centre: Vec<f64>) -> Self {
        let layout = program.layout();
        let mut cone_program = ConeProgram::default();
        let columns: Vec<Option<usize>> = is_variable(program, layout)
            .into_iter()
            .map(|yes| yes.then(|| cone_program.variable(0.0)))
            .collect();
        let mut encoding = Self {
            cone_program,
            columns,
            centre,
            temperature: program.objective().temperature(),
            contraction: 0.0,
        };
        encoding.add_objective(program);
        encoding.add_blocks(program);
        if program.nonnegative {
            encoding.add_nonnegativity(program);
        }
        encoding
    }

    /// Entries from a solution of the cone program: the inverse of the encoding.
    pub(super) fn entries(&self, x: &[f64]) -> Vec<f64> {
        let variable = |(&centre, column): (&f64, &Option<usize>)| match column {
            Some(column) => centre + self.temperature * x[*column],
            None => centre,
        };
        self.centre.iter().zip(&self.columns).map(variable).collect()
    }

    /// Largest step `|d_e|` of a solution, in units of the temperature.
    pub(super) fn step(&self, x: &[f64]) -> f64 {
        self.columns
            .iter()
            .flatten()
            .map(|&column| x[column].abs())
            .fold(0.0, f64::max)
    }

    fn add_objective(&mut self, program: &Program<'_>) {
        let objective = program.objective();
        let at = objective.evaluate(&self.centre);
        let has_floor = objective.floor().is_some();
        let relative: Vec<f64> = at
            .log_relative
            .iter()
            .map(|log| if has_floor { log.exp() } else { f64::INFINITY })
            .collect();
        // The objective in units of the excess at the centre.
        let log_scale = if has_floor { at.log_excess } else { 0.0 };
        let gradients = objective.term_gradients(&self.centre, &at, log_scale);
        let scale = log_scale.exp();
        for (index, row) in objective.rows().iter().enumerate() {
            let y = &gradients[row.start..row.end];
            let tangent = relative[index] < TANGENT_BELOW;
            if tangent {
                self.contraction = self.contraction.max(relative[index] / (1.0 + relative[index]));
                self.add_tangent_row(program, row, y, relative[index], log_scale);
            } else {
                self.add_direct_row(program, row, y, relative[index], scale);
                let slope = objective
                    .linear()
                    .iter()
                    .filter(|l| l.0 as usize == row.reference)
                    .map(|l| l.1)
                    .sum::<f64>();
                if let Some(column) = self.columns[row.reference] {
                    self.cone_program.q[column] += slope * self.temperature / scale;
                }
            }
        }
    }

    fn add_tangent_row(&mut self, program: &Program<'_>, row: &Row, y: &[f64], relative: f64, log_scale: f64) {
        let tau = self.temperature;
        for (&(entry, _), &y) in program.objective().terms()[row.start..row.end].iter().zip(y) {
            // y = w omega S_j / (tau excess): the cost of u = e^(d_e - d_r).
            let u = self.cone_program.variable(tau * y);
            let exponent = self.exponent(entry as usize, row.reference, None);
            self.add_exponential(&exponent, u, "tangent", row);
        }
        if row.unit > 0.0
            && let Some(column) = self.columns[row.reference]
        {
            let log_factor = row.weight.ln() - row.floor_mass().ln() + relative.ln() - log_scale;
            self.cone_program.q[column] += log_factor.exp() / (1.0 + relative);
        }
    }

    fn add_direct_row(&mut self, program: &Program<'_>, row: &Row, y: &[f64], relative: f64, scale: f64) {
        let tau = self.temperature;
        let t = self.cone_program.variable(row.weight / scale);
        let mut simplex: Vec<(usize, f64)> = Vec::with_capacity(y.len() + 2);
        for (&(entry, _), &y) in program.objective().terms()[row.start..row.end].iter().zip(y) {
            let share = tau * y * scale / row.weight;
            let u = self.cone_program.variable(0.0);
            let exponent = self.exponent(entry as usize, row.reference, Some(t));
            self.add_exponential(&exponent, u, "log-sum-exp", row);
            simplex.push((u, -share));
        }
        // What the terms leave of the row's softmax belongs to the exponent zero and to the anchor itself.
        let rest = 1.0 / (1.0 + relative);
        for (mass, reference) in [(row.base, None), (row.unit, Some(row.reference))] {
            if mass > 0.0 {
                let u = self.cone_program.variable(0.0);
                let mut exponent = vec![(t, -1.0)];
                if let Some(column) = reference.and_then(|reference| self.columns[reference]) {
                    exponent.push((column, -1.0));
                }
                self.add_exponential(&exponent, u, "log-sum-exp", row);
                simplex.push((u, -rest * mass / row.floor_mass()));
            }
        }
        self.cone_program.constrain(
            Cone::Nonnegative(1),
            format!("log-sum-exp total, group {}", row.reference),
            &[(&simplex, 1.0)],
        );
    }

    /// The exponent `d_e - d_r - t`.
    fn exponent(&self, entry: usize, reference: usize, total: Option<usize>) -> Vec<(usize, f64)> {
        let mut terms = Vec::with_capacity(3);
        terms.extend(self.columns[entry].map(|column| (column, 1.0)));
        terms.extend(self.columns[reference].map(|column| (column, -1.0)));
        terms.extend(total.map(|column| (column, -1.0)));
        terms
    }

    fn add_exponential(&mut self, exponent: &[(usize, f64)], u: usize, kind: &str, row: &Row) {
        let name = format!("{kind}, group {}", row.reference);
        self.cone_program.constrain(
            Cone::Exponential,
            name,
            &[(exponent, 0.0), (&[], 1.0), (&[(u, 1.0)], 0.0)],
        );
    }

    /// An affine function of entries, as a row.
    fn affine(&self, entries: &[(usize, f64)], constant: f64) -> (Vec<(usize, f64)>, f64) {
        let mut terms = Vec::with_capacity(entries.len());
        let mut value = constant;
        for &(entry, factor) in entries {
            value += factor * self.centre[entry];
            terms.extend(self.columns[entry].map(|column| (column, factor * self.temperature)));
        }
        (terms, value)
    }

    /// The blocks stated in [`crate::program`].
    fn add_blocks(&mut self, program: &Program<'_>) {
        let layout = program.layout();
        let groups = program.groups();
        let mut scalars = Vec::new();
        for g in 0..groups {
            if program.has_within(g) {
                scalars.push(self.affine(&[(layout.within(g), -1.0)], 1.0));
            }
            if program.multiplicity[g] >= 2.0 {
                let (slope, constant) = diagonal_of_class(program, g);
                scalars.push(self.affine(&[(layout.within(g), slope), (layout.pair(g, g), -1.0)], constant));
            }
        }
        if !scalars.is_empty() {
            let rows: Vec<(&[(usize, f64)], f64)> = scalars
                .iter()
                .map(|(terms, value)| (terms.as_slice(), *value))
                .collect();
            self.cone_program.constrain(
                Cone::Nonnegative(rows.len()),
                "within-group eigenvalues".to_owned(),
                &rows,
            );
        }
        let mut block = Vec::with_capacity(svec::len(groups));
        for h in 0..groups {
            for g in 0..=h {
                let (_, factor) = svec::position(g, h);
                let (terms, value) = if g < h {
                    self.affine(&[(layout.pair(g, h), factor)], 0.0)
                } else {
                    let m = program.multiplicity[g];
                    let (slope, constant) = diagonal_of_class(program, g);
                    self.affine(
                        &[(layout.within(g), slope / m), (layout.pair(g, g), 1.0 - 1.0 / m)],
                        constant / m,
                    )
                };
                block.push((terms, value));
            }
        }
        let rows: Vec<(&[(usize, f64)], f64)> = block.iter().map(|(terms, value)| (terms.as_slice(), *value)).collect();
        let cone = if groups == 1 {
            Cone::Nonnegative(1)
        } else {
            Cone::Psd(groups)
        };
        self.cone_program
            .constrain(cone, "Gram matrix between groups".to_owned(), &rows);
    }

    fn add_nonnegativity(&mut self, program: &Program<'_>) {
        let rows: Vec<(Vec<(usize, f64)>, f64)> = (0..program.layout().len())
            .filter(|&entry| self.columns[entry].is_some())
            .map(|entry| {
                let (terms, value) = self.affine(&[(entry, 1.0)], 0.0);
                (
                    terms.into_iter().map(|(c, v)| (c, v / self.temperature)).collect(),
                    value / self.temperature,
                )
            })
            .collect();
        let rows: Vec<(&[(usize, f64)], f64)> = rows.iter().map(|(terms, value)| (terms.as_slice(), *value)).collect();
        self.cone_program
            .constrain(Cone::Nonnegative(rows.len()), "nonnegative entries".to_owned(), &rows);
    }
}

/// `p_g = slope x_gg + constant` with `p_g = x_gg + (1 - x_gg)/n_g`.
fn diagonal_of_class(program: &Program<'_>, g: usize) -> (f64, f64) {
    let inverse = 1.0 / program.samples[g];
    (1.0 - inverse, inverse)
}

/// Which entries vary: within-class entries of classes of two or more samples, pairs of different classes.
fn is_variable(program: &Program<'_>, layout: Layout) -> Vec<bool> {
    let mut varies = vec![false; layout.len()];
    for h in 0..program.groups() {
        varies[layout.within(h)] = program.has_within(h);
        for g in 0..=h {
            varies[layout.pair(g, h)] = g < h || program.multiplicity[h] >= 2.0;
        }
    }
    varies
}
