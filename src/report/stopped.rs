//! [`Stopped`]: what there is to say where a stop request came before anything was found.

use serde::{Deserialize, Serialize};

use super::{Name, ProblemReport};
use crate::problem::Problem;
use crate::report::view::{Style, View};

/// A run without an answer: it was asked to stop before.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Stopped {
    /// `ufmin/stopped/1`.
    pub schema: Name,
    /// Version of this crate.
    pub version: Name,
    /// Never.
    pub complete: bool,
    /// What was to be found.
    pub what: Name,
    /// The problem.
    pub problem: ProblemReport,
}

impl Stopped {
    /// Before `what` was found, of `problem`.
    pub fn new(problem: &Problem, what: &'static str) -> Self {
        Self {
            schema: Self::SCHEMA.into(),
            version: env!("CARGO_PKG_VERSION").into(),
            complete: false,
            what: what.into(),
            problem: ProblemReport::new(problem.classes(), problem.model()),
        }
    }
}

impl View for Stopped {
    const SCHEMA: &'static str = "ufmin/stopped/1";

    fn text(&self, _: Style) -> String {
        format!("stopped before {} was found\n", self.what)
    }

    fn passes(&self) -> bool {
        false
    }

    fn is_complete(&self) -> bool {
        false
    }
}
