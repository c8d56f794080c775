//! [`Solution`]: what a solver returns. It is a claim; [`crate::certificate`] judges it.

use nalgebra::DMatrix;
use serde::{Deserialize, Serialize};

use crate::gram::Gram;
use crate::math::control::StopReason;

/// How a solution is, or was, computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// Newton on the optimality system, THEORY (5)-(8).
    Dual,
    /// The conic program through clarabel.
    Conic,
    /// The low-rank factorisation.
    Lowrank,
    /// A formula.
    ClosedForm,
}

impl Method {
    /// The name used on the command line and in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Dual => "dual",
            Self::Conic => "conic",
            Self::Lowrank => "lowrank",
            Self::ClosedForm => "closed-form",
        }
    }
}

/// Why a solver stopped. It says nothing about optimality.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Termination {
    /// The solver's own stopping test was met.
    Converged,
    /// The solver could not improve its point any more, short of its own test.
    Stalled,
    /// The iteration limit was reached.
    IterationLimit,
    /// The time limit was reached.
    TimeLimit,
    /// The caller asked to stop.
    Interrupted,
    /// The arithmetic broke down, or the solver declared a feasible problem infeasible.
    NumericalFailure,
}

impl Termination {
    /// The name used in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Converged => "converged",
            Self::Stalled => "stalled",
            Self::IterationLimit => "iteration-limit",
            Self::TimeLimit => "time-limit",
            Self::Interrupted => "interrupted",
            Self::NumericalFailure => "numerical-failure",
        }
    }
}

impl From<StopReason> for Termination {
    fn from(reason: StopReason) -> Self {
        match reason {
            StopReason::Interrupted => Self::Interrupted,
            StopReason::TimeLimit => Self::TimeLimit,
        }
    }
}

/// A candidate minimiser.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Solution {
    /// Class-level Gram matrix.
    pub gram: Gram,
    /// Within-class inner product of each group, where the method has it as a variable; else 1.
    pub within_class: Vec<f64>,
    /// Sets of groups whose classes all share one vector, by a rule of the method (never by rounding).
    pub clusters: Vec<Vec<usize>>,
    /// Rank of the Gram matrix where the structure of the optimum tells it.
    pub rank: Option<u64>,
    /// The factor `H` of the low-rank method, as in [`Factored`](crate::method::staircase::Factored): a column a group.
    #[serde(with = "crate::math::stored::optional_matrix")]
    pub factor: Option<DMatrix<f64>>,
    /// How it was computed.
    pub method: Method,
    /// Why the solver stopped.
    pub termination: Termination,
    /// Iterations of the method, summed over its passes.
    pub iterations: u64,
}
