//! [`Options`]: how to solve, as opposed to what.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::solution::{Method, Solution, Termination};

/// Which solver to use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MethodChoice {
    /// The fastest method that can prove its answer.
    #[default]
    Auto,
    /// Newton on the optimality system.
    Dual,
    /// The conic program through clarabel, not polished.
    Conic,
    /// The low-rank factorisation, with the staircase.
    Lowrank,
    /// A formula, where there is one.
    ClosedForm,
}

impl MethodChoice {
    /// Names, as on the command line.
    pub const NAMES: [&'static str; 5] = ["auto", "dual", "conic", "lowrank", "closed-form"];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Auto => Self::NAMES[0],
            Self::Dual => Self::NAMES[1],
            Self::Conic => Self::NAMES[2],
            Self::Lowrank => Self::NAMES[3],
            Self::ClosedForm => Self::NAMES[4],
        }
    }
}

/// How to solve, as opposed to what.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Options {
    /// Which solver.
    pub method: MethodChoice,
    /// Tolerance on the relative gap, in (0, 1). `None`: 1e-9, or 1e-6 where conic or lowrank is the only route.
    pub tolerance: Option<f64>,
    /// Whether to solve again by an independent method and compare.
    pub cross_check: CrossCheckChoice,
}

/// When to solve again by the conic program and compare the Gram matrices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum CrossCheckChoice {
    /// Where method is `auto` and the reduced program is small.
    #[default]
    Auto,
    /// Whenever the answer is not the conic program's own.
    Always,
    /// Never.
    Never,
}

/// `auto` cross-checks programs of at most this many groups.
const CROSS_CHECK_GROUPS: usize = 12;

impl Options {
    /// Whether a solution is to be compared with the conic program's.
    pub fn wants_cross_check(&self, solution: &Solution) -> bool {
        let other = solution.method != Method::Conic && solution.termination == Termination::Converged;
        let small = solution.gram.partition().groups() <= CROSS_CHECK_GROUPS;
        match self.cross_check {
            CrossCheckChoice::Auto => other && small && self.method == MethodChoice::Auto,
            CrossCheckChoice::Always => other,
            CrossCheckChoice::Never => false,
        }
    }
}

impl CrossCheck {
    /// [`CrossCheck::compared`] of the matrix that is reported.
    pub const REPORTED: &'static str = "gram";
    /// [`CrossCheck::compared`] of the relaxation's optimum, where another matrix is reported.
    pub const RELAXATION: &'static str = "relaxation";
}

fn reported() -> Cow<'static, str> {
    CrossCheck::REPORTED.into()
}

/// Agreement of two independent methods.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CrossCheck {
    /// The other method.
    pub method: Cow<'static, str>,
    /// What both methods solved: `gram`, the matrix that is reported, or `relaxation`, where features of fewer dimensions
    /// than its rank are reported and no second method has looked at those.
    #[serde(default = "reported")]
    pub compared: Cow<'static, str>,
    /// Largest difference of an entry of the Gram matrix.
    pub gram_difference: f64,
    /// Time of the other method.
    pub seconds: f64,
}
