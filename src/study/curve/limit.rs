//! The limit of a curve as a row of its journal.

use nalgebra::DMatrix;
use serde::{Deserialize, Serialize};

use super::{Row, at};
use crate::error::Error;
use crate::gram::{CauchyForm, Gram, Partition};
use crate::math::control::Control;
use crate::problem::{Model, Problem};
use crate::solve::Options;
use crate::study::Study;

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

/// A Gram matrix as a journal has it.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Stored {
    /// The implicit form on the groups of classes of equal size.
    Implicit(CauchyForm),
    /// Values by these groups.
    Groups(Vec<Vec<f64>>),
    /// Class by class.
    Classes(Vec<Vec<f64>>),
}

impl Stored {
    fn new(problem: &Problem, gram: &Gram) -> Self {
        if *gram.partition() != Partition::by_size(problem) {
            return Self::Classes(crate::report::rows(&gram.to_dense()));
        }
        match gram.cauchy() {
            Some(form) => Self::Implicit(form.clone()),
            None => Self::Groups(crate::report::rows(&gram.values())),
        }
    }

    /// The matrix, if it can be one of the classes of `problem`; else what is wrong.
    pub(super) fn gram(&self, problem: &Problem) -> Result<Gram, String> {
        let partition = match self {
            Self::Classes(_) => Partition::singletons(problem),
            Self::Implicit(_) | Self::Groups(_) => Partition::by_size(problem),
        };
        let groups = partition.groups();
        match self {
            Self::Implicit(form) if form.fits(groups) => Ok(Gram::from_cauchy(partition, form.clone())),
            Self::Groups(rows) | Self::Classes(rows)
                if rows.len() == groups && rows.iter().all(|row| row.len() == groups) =>
            {
                let values = DMatrix::from_fn(groups, groups, |g, h| rows[g][h]);
                Ok(Gram::from_groups(partition, values))
            }
            _ => Err(format!("its Gram matrix is not one of {groups} groups of classes")),
        }
    }
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
