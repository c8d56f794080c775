//! The conic program of a fixed schedule of batches: every sum of exponentials by its cones, over all inner products of cells.

use nalgebra::DMatrix;

use super::clarabel;
use super::program::{Cone, ConeProgram, memory_estimate};
use super::{ConicSettings, svec};
use crate::error::Error;
use crate::gram::entries::Entries;
use crate::math::control::Control;
use crate::math::sparse::Sparse;
use crate::math::spectrum::eigen;
use crate::method::staircase::schedule::solution;
use crate::objective::Objective;
use crate::program::FixedProgram;
use crate::solution::{self, Solution, Termination};

/// Passes: the second is measured from the answer of the first, so that its unknowns are small.
const PASSES: usize = 3;

/// Memory in bytes of the program, to within a factor of about two.
pub(super) fn memory(program: &FixedProgram<'_>) -> f64 {
    memory_estimate(program.cells.count())
}

/// The entries of the Gram matrix as columns of the cone program: the upper triangle, `V = centre + tau d`.
struct Layout {
    multiplicity: Vec<f64>,
}

impl Layout {
    fn column(&self, g: usize, h: usize) -> usize {
        svec::position(g, h).0
    }

    fn is_constant(&self, g: usize, h: usize) -> bool {
        g == h && self.multiplicity[g] < 2.0
    }

    fn pairs(&self) -> impl Iterator<Item = (usize, usize)> + '_ {
        (0..self.multiplicity.len()).flat_map(|h| (0..=h).map(move |g| (g, h)))
    }
}

/// Minimises over positive semidefinite matrices between cells.
///
/// # Errors
/// [`Error::Internal`] where clarabel refuses the program.
pub(super) fn solve(
    program: &FixedProgram<'_>,
    settings: &ConicSettings,
    nonnegative: bool,
    control: &Control,
) -> Result<Solution, Error> {
    let multiplicity = program.objective().multiplicity().to_vec();
    let order = multiplicity.len();
    let layout = Layout { multiplicity };
    let cosine = if nonnegative {
        0.0
    } else {
        -1.0 / (program.classes() as f64 - 1.0).max(1.0)
    };
    let classes = program.cells.classes();
    let mut centre = DMatrix::from_fn(order, order, |g, h| if classes[g] == classes[h] { 1.0 } else { cosine });
    let mut iterations = 0;
    let mut termination = Termination::IterationLimit;
    for pass in 1..=PASSES {
        let cone_program = encode(program, &layout, &centre, nonnegative);
        let outcome = clarabel::solve(&cone_program, control, &format!("conic pass {pass}")).map_err(|source| {
            Error::Internal {
                what: format!("clarabel refused the program: {source}"),
            }
        })?;
        iterations += outcome.iterations;
        termination = outcome.termination;
        if !outcome.x.iter().all(|value| value.is_finite())
            || matches!(termination, Termination::Interrupted | Termination::TimeLimit)
        {
            break;
        }
        let tau = program.objective().temperature();
        let mut moved = 0.0f64;
        for (g, h) in layout.pairs().filter(|&(g, h)| !layout.is_constant(g, h)) {
            let step = tau * outcome.x[layout.column(g, h)];
            moved = moved.max(step.abs());
            centre[(g, h)] += step;
            centre[(h, g)] = centre[(g, h)];
        }
        if moved < settings.entry_tolerance {
            break;
        }
    }
    let factor = factored(&layout.multiplicity, &centre, nonnegative);
    Ok(solution(
        program,
        factor,
        solution::Method::Conic,
        termination,
        iterations,
    ))
}

fn encode(program: &FixedProgram<'_>, layout: &Layout, centre: &DMatrix<f64>, nonnegative: bool) -> ConeProgram {
    let objective = program.objective();
    let tau = objective.temperature();
    let m = &layout.multiplicity;
    let mut cones = ConeProgram::default();
    for _ in layout.pairs() {
        cones.variable(0.0);
    }
    let place = places(&objective.zeros());
    for (index, sum) in objective.log_sums().into_iter().enumerate() {
        let exponents: Vec<f64> = sum
            .terms
            .iter()
            .map(|&(at, mass)| mass.ln() + centre[place[at as usize]] / tau)
            .collect();
        let largest = exponents.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let total: f64 = exponents.iter().map(|x| (x - largest).exp()).sum();
        let height = cones.variable(sum.weight);
        for &(at, coefficient) in &sum.minus {
            let (g, h) = place[at as usize];
            if !layout.is_constant(g, h) {
                cones.q[layout.column(g, h)] -= sum.weight * coefficient;
            }
        }
        let mut mass: Vec<(usize, f64)> = Vec::with_capacity(exponents.len());
        for (&(at, _), exponent) in sum.terms.iter().zip(&exponents) {
            let (g, h) = place[at as usize];
            let share = (exponent - largest).exp() / total;
            let bound = cones.variable(0.0);
            mass.push((bound, -share));
            let column = (layout.column(g, h), 1.0);
            let both = [column, (height, -1.0)];
            let exponent: &[(usize, f64)] = if layout.is_constant(g, h) { &both[1..] } else { &both };
            cones.constrain(
                Cone::Exponential,
                format!("term of sum {index}"),
                &[(exponent, 0.0), (&[], 1.0), (&[(bound, 1.0)], 0.0)],
            );
        }
        cones.constrain(Cone::Nonnegative(1), format!("sum {index}"), &[(&mass, 1.0)]);
    }
    for (g, h) in layout.pairs().filter(|&(g, h)| !layout.is_constant(g, h)) {
        let column = layout.column(g, h);
        if g == h {
            let room = [(column, -tau)];
            cones.constrain(
                Cone::Nonnegative(1),
                "within a cell".to_owned(),
                &[(&room, 1.0 - centre[(g, g)])],
            );
        }
        if nonnegative {
            let entry = [(column, tau)];
            cones.constrain(Cone::Nonnegative(1), "sign".to_owned(), &[(&entry, centre[(g, h)])]);
        }
    }
    let mut block: Vec<(Vec<(usize, f64)>, f64)> = Vec::with_capacity(svec::len(m.len()));
    for (g, h) in layout.pairs() {
        let factor = svec::position(g, h).1;
        block.push(if g != h {
            (vec![(layout.column(g, h), factor * tau)], factor * centre[(g, h)])
        } else if m[g] >= 2.0 {
            let rest = 1.0 - 1.0 / m[g];
            (
                vec![(layout.column(g, g), tau * rest)],
                centre[(g, g)] * rest + 1.0 / m[g],
            )
        } else {
            (Vec::new(), 1.0)
        });
    }
    let rows: Vec<(&[(usize, f64)], f64)> = block
        .iter()
        .map(|(terms, constant)| (terms.as_slice(), *constant))
        .collect();
    cones.constrain(Cone::Psd(m.len()), "Gram matrix".to_owned(), &rows);
    cones
}

/// The pair of cells of every position of the pattern.
fn places(zeros: &Sparse) -> Vec<(usize, usize)> {
    let mut places = Vec::with_capacity(zeros.values().len());
    zeros.each(|g, h, _| places.push((g, h)));
    places
}

/// A factor (see [`Factored`](crate::method::staircase::Factored)) of the matrix nearest to `values` that has one.
fn factored(m: &[f64], values: &DMatrix<f64>, nonnegative: bool) -> DMatrix<f64> {
    let order = m.len();
    let private = m.iter().any(|&m| m >= 2.0);
    let within = |g: usize| values[(g, g)].min(1.0);
    let block = DMatrix::from_fn(order, order, |g, h| match m[g] {
        _ if g != h => values[(g, h)],
        m if m >= 2.0 => within(g) + (1.0 - within(g)) / m,
        _ => 1.0,
    });
    let Some(spectrum) = eigen(&block) else {
        return DMatrix::zeros(1, order);
    };
    let kept: Vec<usize> = (0..order).rev().filter(|&i| spectrum.values[i] > 0.0).collect();
    let level = usize::from(nonnegative);
    let mut h = DMatrix::zeros(kept.len() + level + usize::from(private), order);
    for (row, &i) in kept.iter().enumerate() {
        let length = spectrum.values[i].sqrt();
        for g in 0..order {
            h[(row, g)] = length * spectrum.vectors[(g, i)];
        }
    }
    if private {
        let last = h.nrows() - 1;
        for g in (0..order).filter(|&g| m[g] >= 2.0) {
            h[(last, g)] = ((1.0 - within(g)) * (m[g] - 1.0) / m[g]).max(0.0).sqrt();
        }
    }
    if nonnegative {
        // A common coordinate lifts entries that are negative by rounding.
        let products = h.rows(0, kept.len()).transpose() * h.rows(0, kept.len());
        let lowest = products.iter().copied().fold(0.0, f64::min);
        h.row_mut(kept.len()).fill((4.0 * lowest.abs()).sqrt());
    }
    h
}
