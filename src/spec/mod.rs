//! Problem files: strict parsing of the TOML schema (`schema`), then resolution (`resolve`) into a [`Problem`] and
//! [`Options`].
//!
//! [`ProblemFile`] accepts exactly the schema. The command line fills the same structure, so that a flag and a key mean
//! the same. Every error points at the line of its key or value.

pub mod bundled;
mod resolve;
mod schema;

use std::path::Path;

pub use resolve::{classes_of_counts, classes_of_labels, method, resolve, resolve_family, value_of_word};
pub use schema::{
    BatchesTable, ClassesTable, Expected, FeaturesTable, LossTable, ProblemFile, SolverTable, locate, parse,
};

use crate::error::Error;
use crate::files::read_text;
use crate::problem::Problem;
pub use crate::solve::{CrossCheckChoice, MethodChoice, Options};

/// Reads and resolves a problem file.
///
/// # Errors
/// [`Error`], pointing at the line.
pub fn load(path: &Path) -> Result<(Problem, Options, ProblemFile), Error> {
    let text = read_text(path)?;
    let file = parse(path, &text)?;
    let folder = path.parent().unwrap_or(Path::new(""));
    let (problem, options) = resolve(&file, folder).map_err(|error| locate(error, path, &text))?;
    Ok((problem, options, file))
}
