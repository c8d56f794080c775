//! The low-rank solver on a fixed schedule of batches: the factor has a column a cell, and the loss looks at the pairs of cells
//! that share a batch alone.

use nalgebra::DMatrix;

use super::climb::{Settings, perturbed, solve_from};
use super::cost::Factored;
use super::oblique;
use super::starts::generator;
use super::trust_region;
use crate::error::Word;
use crate::gram::{FactorForm, Gram};
use crate::math::control::Control;
use crate::method::Refusal;
use crate::objective::{CellLoss, Objective};
use crate::program::FixedProgram;
use crate::solution::{self, Solution, Termination};

/// Memory in bytes that may be used: a Cholesky factor of half of it takes a minute, and a dozen of them are made.
const MEMORY_LIMIT: f64 = 2e9;

/// Most dimensions of the first run: more are added where the optimum needs them.
const FIRST_DIMENSION: usize = 64;

/// Dimensions of the first run beyond those of the simplex of the classes.
const SPARE_DIMENSIONS: usize = 12;

/// Seed of the first class means where there are more classes than dimensions.
const SEED: u64 = 0xba7c4;

/// Whether the pairs of the schedule and the Cholesky factor of their dual matrix fit in memory.
///
/// # Errors
/// [`Refusal::Memory`] with the estimate.
pub(super) fn accepts(program: &FixedProgram<'_>) -> Result<(), Refusal> {
    let pattern = program.objective().pattern();
    let pairs: f64 = program.cells.batches().iter().map(|b| (b.len() as f64).powi(2)).sum();
    // Of a pair: its terms with their shares, and a dozen numbers an entry.
    let before = 40.0 * pairs + 100.0 * pattern.len() as f64;
    let bytes = if before > MEMORY_LIMIT {
        before
    } else {
        before + 2.0 * pattern.factor_bytes()
    };
    if bytes <= MEMORY_LIMIT {
        return Ok(());
    }
    Err(Refusal::Memory {
        what: format!(
            "a schedule with {} kinds of samples, whose dual matrix fills in",
            program.cells.count()
        ),
        bytes,
        limit: MEMORY_LIMIT,
        hint: &[Word::Text(
            "use fewer epochs in one schedule, smaller batches, or kind = \"random\", which describes reshuffled batches by their expectation",
        )],
    })
}

/// Minimises from the simplex of the classes, every cell at its class.
pub(super) fn minimise(program: &FixedProgram<'_>, control: &Control) -> Solution {
    let objective = program.objective();
    let factored = Factored::new(objective, 0.0);
    let cells = program.cells.count();
    let classes = program.classes();
    let dimension = (classes - 1 + SPARE_DIMENSIONS).min(FIRST_DIMENSION).min(cells.max(2));
    let means = simplex(classes, dimension);
    let mut start = DMatrix::zeros(factored.rows(dimension), cells);
    for (cell, &class) in program.cells.classes().iter().enumerate() {
        start
            .view_mut((0, cell), (dimension, 1))
            .copy_from(&means.column(class as usize));
    }
    let (start, before) = continued(objective, start, control);
    let settings = Settings {
        max_directions: MAX_DIRECTIONS,
        sketch: ROUGH,
        ..Settings::default()
    };
    let solved = solve_from(objective, start, &settings, control);
    let iterations = before + solved.iterations;
    solution(
        program,
        solved.h,
        solution::Method::Lowrank,
        solved.termination,
        iterations,
    )
}

/// From a start to one near the optimum, by optima at falling temperatures: at a high one the loss is nearly quadratic, at a low
/// one the samples of a class are drawn together a thousand times harder than classes are pushed apart. Also returns the number of steps.
fn continued(objective: &CellLoss, start: DMatrix<f64>, control: &Control) -> (DMatrix<f64>, u64) {
    let last = 1.0 / objective.temperature();
    let mut h = start;
    let mut iterations = 0;
    let mut rate = FIRST_RATE;
    while rate < last && control.stop().is_none() {
        let warm = objective.at_temperature(1.0 / rate);
        let at = warm.evaluate(&Factored::new(&warm, 0.0).values(&h), 0.0);
        let log_excess = warm.log_excess(&at);
        let log_scale = if log_excess.is_finite() { log_excess } else { 0.0 };
        let settings = trust_region::Settings {
            tolerance: ROUGH,
            ..trust_region::Settings::default()
        };
        let factored = Factored::new(&warm, log_scale);
        let outcome = trust_region::minimise(&factored, perturbed(&factored, h), &settings, control);
        iterations += outcome.iterations;
        h = outcome.h;
        rate *= STEP;
    }
    (h, iterations)
}

/// `1/tau` of the first optimum, and the factor from one to the next.
const FIRST_RATE: f64 = 2.0;
const STEP: f64 = 1.2;

/// Gradient at which the next temperature is taken up.
const ROUGH: f64 = 1e-3;

/// Directions of negative curvature that are followed at once: where the point is rough there are many, and few are needed.
const MAX_DIRECTIONS: usize = 6;

/// The solution of a factor (see [`Factored`]); where that has no direction somewhere, the classes' simplex.
pub(crate) fn solution(
    program: &FixedProgram<'_>,
    h: DMatrix<f64>,
    method: solution::Method,
    termination: Termination,
    iterations: u64,
) -> Solution {
    let Some(form) = FactorForm::new(h, Factored::new(program.objective(), 0.0).has_private_row()) else {
        return at_the_simplex(program, method, Termination::NumericalFailure);
    };
    of_form(program, form, method, termination, iterations)
}

/// Every sample at the vertex of its class.
pub(crate) fn at_the_simplex(
    program: &FixedProgram<'_>,
    method: solution::Method,
    termination: Termination,
) -> Solution {
    let means = simplex(program.classes(), program.classes().max(2) - 1);
    let columns: Vec<usize> = program.cells.classes().iter().map(|&class| class as usize).collect();
    let form = FactorForm::new(means.select_columns(&columns), false).expect("unit columns");
    of_form(program, form, method, termination, 0)
}

fn of_form(
    program: &FixedProgram<'_>,
    form: FactorForm,
    method: solution::Method,
    termination: Termination,
    iterations: u64,
) -> Solution {
    Solution {
        gram: Gram::from_factor(program.partition.clone(), form),
        within_class: Vec::new(),
        clusters: Vec::new(),
        rank: None,
        factor: None,
        method,
        termination,
        iterations,
    }
}

/// Unit vectors of the classes, a column each: the vertices of their simplex where there is room, else random.
fn simplex(classes: usize, dimension: usize) -> DMatrix<f64> {
    if dimension + 1 < classes {
        return oblique::random(&mut generator(SEED, 0), dimension, classes);
    }
    // Helmert's contrasts.
    let mut means = DMatrix::zeros(dimension, classes);
    for j in 1..classes {
        let scale = 1.0 / ((j * (j + 1)) as f64).sqrt();
        for class in 0..j {
            means[(j - 1, class)] = scale;
        }
        means[(j - 1, j)] = -scale * j as f64;
    }
    oblique::normalised(means, 1)
}
