//! The methods: each turns a [`Reduced`] into a [`Solution`], a claim that [`crate::certificate`] judges. `newton` solves the
//! optimality system, THEORY (5)-(8); `staircase` factors the Gram matrix; `conic` is clarabel; `formula` knows the standard
//! geometries. [`AUTO`] is their order of preference: what comes first is faster or proves more.

#[cfg(feature = "conic")]
pub mod conic;
pub mod formula;
pub mod newton;
pub mod staircase;

use nalgebra::DMatrix;

use crate::error::{Error, Hint, Word};
use crate::math::control::Control;
use crate::program::Reduced;
use crate::solution::{self, Solution};

use newton::Reason;

/// A way to minimise.
pub trait Method: Sync {
    /// Its name.
    fn name(&self) -> solution::Method;

    /// Whether it can take the program at all, before any work.
    ///
    /// # Errors
    /// Why not.
    fn accepts(&self, program: &Reduced<'_>) -> Result<(), Refusal>;

    /// Minimises, from `start` (r x r values, near a minimum) where it uses one.
    ///
    /// # Errors
    /// [`Error::Internal`] where foreign code refuses what it was given.
    fn minimise(
        &self,
        program: &Reduced<'_>,
        start: Option<&DMatrix<f64>>,
        control: &Control,
    ) -> Result<Attempt, Error>;
}

/// What came of a run.
#[derive(Debug)]
pub enum Attempt {
    /// A candidate minimiser.
    Found(Box<Solution>),
    /// Nothing that is known to be a minimiser.
    Unresolved {
        /// Why.
        reason: Reason,
        /// Where it ended, r x r, if that is near anything.
        near: Option<DMatrix<f64>>,
    },
}

/// Why a method does not take a program.
#[derive(Debug, Clone, PartialEq)]
pub enum Refusal {
    /// It is for nonnegative features, or for class-balanced batches.
    NeedsNonnegative,
    /// It is for features without a sign constraint.
    Nonnegative,
    /// It is for finite sums of exponentials, and the loss is an expectation.
    Sampled,
    /// It is for one batch, or for draws, in which the samples of a class are alike.
    FixedBatches,
    /// There are more groups than it takes.
    Groups {
        /// Groups of the program.
        groups: usize,
        /// The most it takes.
        limit: usize,
    },
    /// It needs more memory than it may use.
    Memory {
        /// What is too large.
        what: String,
        /// Estimate in bytes.
        bytes: f64,
        /// Limit in bytes.
        limit: f64,
        /// What to do.
        hint: Hint,
    },
}

impl Refusal {
    /// As the error of a user who asked for the method.
    pub fn error(self, method: solution::Method) -> Error {
        let (reason, instead): (_, &[&str]) = match self {
            Self::NeedsNonnegative => (
                "only nonnegative features and class-balanced batches have a closed form at any sizes".to_owned(),
                &["auto"],
            ),
            Self::Nonnegative => (
                "it is for features without a sign constraint".to_owned(),
                &["auto", "conic", "closed-form"],
            ),
            Self::Sampled => (
                "a sampled loss is no finite sum of exponential cones".to_owned(),
                &["auto", "dual", "lowrank"],
            ),
            Self::FixedBatches => (
                "it finds one vector for every class, and with fixed batches the samples of a class need not coincide"
                    .to_owned(),
                &["auto", "lowrank", "conic"],
            ),
            Self::Groups { groups, limit } => (
                format!("there are {groups} distinct class sizes, and it takes at most {limit}"),
                &["auto", "dual"],
            ),
            Self::Memory {
                what,
                bytes,
                limit,
                hint,
            } => {
                return Error::TooLarge {
                    what,
                    bytes,
                    limit,
                    hint,
                };
            }
        };
        Error::Method {
            method: method.name(),
            reason,
            instead,
        }
    }
}

/// A method as `auto` uses it.
pub struct Preference {
    /// The method.
    pub method: &'static dyn Method,
    /// Most groups for which it is worth its time.
    pub most_groups: usize,
    /// Whether what it finds is a minimiser by its own conditions; otherwise the next is tried where the certificate says no.
    pub exact: bool,
}

/// The order in which `auto` tries the methods.
pub static AUTO: &[Preference] = &[
    Preference {
        method: &formula::Formula,
        most_groups: usize::MAX,
        exact: true,
    },
    Preference {
        method: &newton::Newton,
        most_groups: usize::MAX,
        exact: true,
    },
    Preference {
        method: &staircase::Staircase,
        most_groups: usize::MAX,
        exact: false,
    },
    // It takes minutes there.
    #[cfg(feature = "conic")]
    Preference {
        method: &conic::Conic,
        most_groups: 80,
        exact: false,
    },
];

/// Fixed batches are for none of the solvers at class level, and a sampled loss holds ten r x r matrices: values, gradient, slopes, and the certificate's copies.
fn check_groups(program: &Reduced<'_>) -> Result<(), Refusal> {
    let groups = program.groups();
    match program {
        Reduced::FullBatch(_) => return Ok(()),
        Reduced::Sampled(_) if groups <= staircase::MAX_GROUPS => return Ok(()),
        Reduced::Sampled(_) => {}
        Reduced::FixedBatches(_) => return Err(Refusal::FixedBatches),
    }
    let bytes = |r: usize| 80.0 * (r as f64).powi(2);
    Err(Refusal::Memory {
        what: format!("a sampled loss with {groups} distinct class sizes"),
        bytes: bytes(groups),
        limit: bytes(staircase::MAX_GROUPS),
        hint: &[Word::Text(
            "round the sizes so that fewer are distinct, or use the full-batch loss",
        )],
    })
}
