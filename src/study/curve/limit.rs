//! The limit of a curve as a row of its journal.

use serde::{Deserialize, Serialize};

use super::{Row, at};
use crate::error::Error;
use crate::math::control::Control;
use crate::problem::{Model, Problem};
use crate::solve::Options;
use crate::study::Study;
use crate::study::stored::Stored;

/// The limit as a study of one point, so that it is in the journal too.
pub(super) struct AtLimit<'a> {
    pub(super) problem: &'a Problem,
    pub(super) model: Model,
    pub(super) options: &'a Options,
}

/// The optimum of the limit, with what distances from it are measured to.
#[derive(Serialize, Deserialize)]
pub(super) struct LimitRow {
    pub(super) row: Row,
    pub(super) gram: Stored,
}

impl Study for AtLimit<'_> {
    const POINTS: &'static str = "limits";
    type Point = &'static str;
    type Row = LimitRow;

    fn points(&self) -> Vec<&'static str> {
        vec!["limit"]
    }

    fn run(&self, _: &Self::Point, control: &Control) -> Result<LimitRow, Error> {
        let (row, gram) = at(self.problem, self.model.clone(), self.options, control)?;
        let gram = Stored::new(self.problem, &gram);
        Ok(LimitRow { row, gram })
    }

    fn check(&self, _: &Self::Point, found: &LimitRow) -> Result<(), String> {
        found.gram.gram(self.problem).map(drop)
    }

    fn in_parallel(&self) -> bool {
        false
    }
}
