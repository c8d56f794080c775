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

use std::cell::RefCell;
use std::sync::{Arc, Mutex};

use argmin::core::observers::{Observe, ObserverMode};
use argmin::core::{CostFunction, Error, Executor, Gradient, IterState, KV, State};
use argmin::solver::linesearch::MoreThuenteLineSearch;
use argmin::solver::quasinewton::LBFGS;
use nalgebra::{DMatrix, DVector};

use crate::control::Control;
use crate::lowrank::{Cost, oblique};

/// Pairs of steps and gradient differences that are kept.
const MEMORY: usize = 20;

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
    fn columns(&self, x: &Vector) -> DMatrix<f64> {
        let free = DMatrix::from_column_slice(self.dimension, x.len() / self.dimension, x.as_slice());
        let zero = DMatrix::zeros(free.nrows(), free.ncols());
        oblique::retract(&free, &zero)
    }

    fn look<T>(&self, x: &Vector, read: impl Fn(&Seen) -> T) -> Result<T, Error> {
        if let Some(seen) = self.last.borrow().as_ref().filter(|seen| seen.at == *x) {
            return Ok(read(seen));
        }
        if self.control.stop().is_some() {
            return Err(Error::msg("stopped"));
        }
        let h = self.columns(x);
        let at = self.cost.evaluate(&h);
        let value = self.cost.value(&at);
        let mut gradient = self.cost.gradient(&h, &at);
        oblique::project(&h, &mut gradient);
        let unit = if self.logarithm { 1.0 / value } else { 1.0 };
        for (mut column, free) in gradient
            .column_iter_mut()
            .zip(x.as_slice().chunks_exact(self.dimension))
        {
            let length = free.iter().map(|v| v * v).sum::<f64>().sqrt();
            column *= unit / length;
        }
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

/// What argmin's iterations leave behind, also where a line search fails.
#[derive(Default)]
struct Record {
    values: Vec<f64>,
    last: Option<Vector>,
}

struct Recorder(Arc<Mutex<Record>>);

impl Observe<Iteration> for Recorder {
    fn observe_iter(&mut self, state: &Iteration, _kv: &KV) -> Result<(), Error> {
        if let (Ok(mut record), Some(param)) = (self.0.lock(), state.get_param()) {
            record.values.push(state.get_cost());
            record.last = Some(param.clone());
        }
        Ok(())
    }
}

/// Descends from `start` (d x n, unit columns) until the gradient of `phi` is below `tolerance`, `phi` stands still, or
/// `max_iterations` are done. `logarithm` is for costs that are positive excesses.
pub(super) fn descend<C: Cost>(
    cost: &C,
    start: &DMatrix<f64>,
    logarithm: bool,
    tolerance: f64,
    max_iterations: u64,
    control: &Control,
) -> Descent {
    let unfold = |value: f64| if logarithm { value.exp() } else { value };
    let first = cost.value(&cost.evaluate(start));
    let mut descent = Descent {
        h: start.clone(),
        trace: vec![first],
    };
    let problem = Spheres {
        cost,
        dimension: start.nrows(),
        logarithm,
        control,
        last: RefCell::new(None),
    };
    let record = Arc::new(Mutex::new(Record::default()));
    // A failing line search is no error here: what was reached is polished by a method of second order.
    let run = || -> Result<(), Error> {
        let search = MoreThuenteLineSearch::new().with_bounds(1e-14, 1e4)?;
        let solver = LBFGS::new(search, MEMORY)
            .with_tolerance_grad(tolerance)?
            .with_tolerance_cost(1e-13)?;
        let x = DVector::from_column_slice(start.as_slice());
        Executor::new(problem, solver)
            .configure(|state| state.param(x).max_iters(max_iterations))
            .ctrlc(false)
            .timer(false)
            .add_observer(Recorder(Arc::clone(&record)), ObserverMode::Always)
            .run()
            .map(drop)
    };
    let _ = run();
    let record = std::mem::take(&mut *record.lock().unwrap_or_else(std::sync::PoisonError::into_inner));
    descent.trace.extend(record.values.into_iter().map(unfold));
    if let Some(x) = record.last {
        let free = DMatrix::from_column_slice(start.nrows(), start.ncols(), x.as_slice());
        let zero = DMatrix::zeros(free.nrows(), free.ncols());
        descent.h = oblique::retract(&free, &zero);
    }
    descent
}
