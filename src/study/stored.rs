//! [`Stored`]: a Gram matrix in the row of a journal.

use nalgebra::DMatrix;
use serde::{Deserialize, Serialize};

use crate::gram::{CauchyForm, Gram, Partition};
use crate::problem::Problem;

/// A Gram matrix as a journal has it.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Stored {
    /// The implicit form on the groups of classes of equal size.
    Implicit(CauchyForm),
    /// Values by these groups.
    Groups(Vec<Vec<f64>>),
    /// Class by class.
    Classes(Vec<Vec<f64>>),
}

impl Stored {
    /// The matrix in its shortest form.
    pub(crate) fn new(problem: &Problem, gram: &Gram) -> Self {
        if *gram.partition() != Partition::by_size(problem) {
            return Self::Classes(crate::report::rows(&gram.to_dense()));
        }
        match gram.cauchy() {
            Some(form) => Self::Implicit(form.clone()),
            None => Self::Groups(crate::report::rows(&gram.values())),
        }
    }

    /// The matrix, if it can be one of the classes of `problem`; else what is wrong.
    pub(crate) fn gram(&self, problem: &Problem) -> Result<Gram, String> {
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
