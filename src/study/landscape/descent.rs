//! L-BFGS by argmin, from a random start into the neighbourhood of a stationary point.
//!
//! argmin knows no manifolds. Unit columns are written as normalised free ones, `h_j = x_j / |x_j|`, and where the loss has
//! a floor its logarithm is minimised,
//!
//! ```text
//! phi(X) = log( excess(H(X)) / e^log_scale ),        d phi / d x_j = (I - h_j h_j^T) g_j / (excess |x_j|),
//! ```
//!
//! which has the same stationary points, is of order one at any temperature, and falls by `log 10` for every digit.
//!
//! The valley near collapse (`together.rs`) is made round by another linear change: with class means `m_c`,
//!
//! ```text
//! x_j = m_c(Z) + (z_j - m_c(Z)) / sqrt(1 + K).
//! ```
//!
//! `K` grows as the excess falls; a new stage begins where it has grown by [`GROWTH`].

use std::cell::RefCell;
use std::ops::Range;
use std::sync::{Arc, Mutex};

use argmin::core::observers::{Observe, ObserverMode};
use argmin::core::{CostFunction, Error, Executor, Gradient, IterState, KV, State};
use argmin::solver::linesearch::MoreThuenteLineSearch;
use argmin::solver::quasinewton::LBFGS;
use nalgebra::{DMatrix, DVector};

use crate::math::control::Control;
use crate::method::staircase::{Cost, oblique};

/// Pairs of steps and gradient differences that are kept.
const MEMORY: usize = 20;

/// Factor of `K` after which the variables change.
const GROWTH: f64 = 30.0;

/// Where L-BFGS ended.
pub(super) struct Descent {
    /// d x n, unit columns.
    pub(super) h: DMatrix<f64>,
    /// Value of the cost at the start and after every iteration.
    pub(super) trace: Vec<f64>,
}

type Vector = DVector<f64>;
type Iteration = IterState<Vector, Vector, (), (), (), f64>;

/// A cost of unit columns as a function of free ones.
struct Spheres<'a, C> {
    cost: &'a C,
    dimension: usize,
    classes: &'a [Range<usize>],
    /// `1 / sqrt(1 + K)`.
    apart: f64,
    /// Whether the logarithm is minimised.
    logarithm: bool,
    control: &'a Control,
    /// The last point asked for: argmin asks for value and gradient one by one.
    last: RefCell<Option<Seen>>,
}

#[derive(Clone)]
struct Seen {
    at: Vector,
    value: f64,
    gradient: Vector,
}

impl<C: Cost> Spheres<'_, C> {
    /// The free columns `X` of variables `Z`.
    fn free(&self, z: &Vector) -> DMatrix<f64> {
        let mut columns = DMatrix::from_column_slice(self.dimension, z.len() / self.dimension, z.as_slice());
        spread(&mut columns, self.classes, self.apart);
        columns
    }

    fn look<T>(&self, x: &Vector, read: impl Fn(&Seen) -> T) -> Result<T, Error> {
        if let Some(seen) = self.last.borrow().as_ref().filter(|seen| seen.at == *x) {
            return Ok(read(seen));
        }
        if self.control.stop().is_some() {
            return Err(Error::msg("stopped"));
        }
        let free = self.free(x);
        let h = normalised(&free);
        let at = self.cost.evaluate(&h);
        let value = self.cost.value(&at);
        let mut gradient = self.cost.gradient(&h, &at);
        oblique::project(&h, &mut gradient);
        let unit = if self.logarithm { 1.0 / value } else { 1.0 };
        for (mut column, free) in gradient.column_iter_mut().zip(free.column_iter()) {
            column *= unit / free.norm();
        }
        // The change of variables is symmetric.
        spread(&mut gradient, self.classes, self.apart);
        let seen = Seen {
            at: x.clone(),
            value: if self.logarithm { value.ln() } else { value },
            gradient: DVector::from_column_slice(gradient.as_slice()),
        };
        if !(seen.value.is_finite() && seen.gradient.iter().all(|v| v.is_finite())) {
            return Err(Error::msg("not finite"));
        }
        let result = read(&seen);
        *self.last.borrow_mut() = Some(seen);
        Ok(result)
    }
}

impl<C: Cost> CostFunction for Spheres<'_, C> {
    type Param = Vector;
    type Output = f64;

    fn cost(&self, x: &Vector) -> Result<f64, Error> {
        self.look(x, |seen| seen.value)
    }
}

impl<C: Cost> Gradient for Spheres<'_, C> {
    type Param = Vector;
    type Gradient = Vector;

    fn gradient(&self, x: &Vector) -> Result<Vector, Error> {
        self.look(x, |seen| seen.gradient.clone())
    }
}

/// Columns of unit length.
fn normalised(free: &DMatrix<f64>) -> DMatrix<f64> {
    oblique::normalised(free.clone(), free.nrows())
}

/// Multiplies the deviations from class means.
fn spread(columns: &mut DMatrix<f64>, classes: &[Range<usize>], factor: f64) {
    for samples in classes.iter().filter(|samples| samples.len() > 1) {
        let mut block = columns.columns_range_mut(samples.clone());
        let mean = block.column_mean() * (1.0 - factor);
        block *= factor;
        for mut column in block.column_iter_mut() {
            column += &mean;
        }
    }
}

/// What argmin's iterations leave behind, also where a line search fails.
#[derive(Default)]
struct Record {
    values: Vec<f64>,
    last: Option<Vector>,
}

struct Recorder {
    record: Arc<Mutex<Record>>,
    /// The stage is over below this.
    until: f64,
}

impl Observe<Iteration> for Recorder {
    fn observe_iter(&mut self, state: &Iteration, _kv: &KV) -> Result<(), Error> {
        if let (Ok(mut record), Some(param)) = (self.record.lock(), state.get_param()) {
            record.values.push(state.get_cost());
            record.last = Some(param.clone());
        }
        if state.get_cost() < self.until {
            return Err(Error::msg("the stage is over"));
        }
        Ok(())
    }
}

/// How far to descend.
pub(super) struct Limits {
    /// Gradient of `phi`.
    pub(super) tolerance: f64,
    pub(super) max_iterations: u64,
    /// Whether the logarithm is minimised: for costs that are positive excesses.
    pub(super) logarithm: bool,
}

/// Descends from `start` (d x n, unit columns). `stiffness` is `K` by value of the cost; it does not fall as that falls.
pub(super) fn descend<C: Cost>(
    cost: &C,
    start: &DMatrix<f64>,
    classes: &[Range<usize>],
    stiffness: impl Fn(f64) -> f64,
    limits: &Limits,
    control: &Control,
) -> Descent {
    let first = cost.value(&cost.evaluate(start));
    let mut descent = Descent {
        h: start.clone(),
        trace: vec![first],
    };
    loop {
        let done = descent.trace.len() as u64 - 1;
        let value = descent.trace[done as usize];
        let k = stiffness(value);
        // A stage ends where K has grown; K is largest, and the last stage without end, at the optimum.
        let mut until = value;
        while limits.logarithm && until > 1e-3 && stiffness(until) < GROWTH * (1.0 + k) {
            until *= 0.5;
        }
        let until = if until > 1e-3 && limits.logarithm {
            until.ln()
        } else {
            f64::NEG_INFINITY
        };
        let problem = Spheres {
            cost,
            dimension: start.nrows(),
            classes,
            apart: 1.0 / (1.0 + k).sqrt(),
            logarithm: limits.logarithm,
            control,
            last: RefCell::new(None),
        };
        let over = stage(problem, &mut descent, limits, until);
        let now = descent.trace.len() as u64 - 1;
        if !over || now == done || now >= limits.max_iterations || control.stop().is_some() {
            return descent;
        }
    }
}

/// One stage; whether it ended at `until`.
fn stage<C: Cost>(problem: Spheres<'_, C>, descent: &mut Descent, limits: &Limits, until: f64) -> bool {
    let left = limits.max_iterations - (descent.trace.len() as u64 - 1);
    let (dimension, classes, apart) = (problem.dimension, problem.classes, problem.apart);
    let record = Arc::new(Mutex::new(Record::default()));
    let mut variables = descent.h.clone();
    spread(&mut variables, classes, 1.0 / apart);
    // A failing line search is no error here: what was reached is polished by a method of second order.
    let run = || -> Result<(), Error> {
        let search = MoreThuenteLineSearch::new().with_bounds(1e-14, 1e4)?;
        let solver = LBFGS::new(search, MEMORY)
            .with_tolerance_grad(limits.tolerance)?
            .with_tolerance_cost(1e-13)?;
        let x = DVector::from_column_slice(variables.as_slice());
        let recorder = Recorder {
            record: Arc::clone(&record),
            until,
        };
        Executor::new(problem, solver)
            .configure(|state| state.param(x).max_iters(left))
            .ctrlc(false)
            .timer(false)
            .add_observer(recorder, ObserverMode::Always)
            .run()
            .map(drop)
    };
    let _ = run();
    let record = std::mem::take(&mut *record.lock().unwrap_or_else(std::sync::PoisonError::into_inner));
    let over = record.values.last().is_some_and(|&value| value < until);
    let unfold = |value: f64| if limits.logarithm { value.exp() } else { value };
    descent.trace.extend(record.values.into_iter().map(unfold));
    if let Some(z) = record.last {
        let mut free = DMatrix::from_column_slice(dimension, z.len() / dimension, z.as_slice());
        spread(&mut free, classes, apart);
        descent.h = normalised(&free);
    }
    over
}
