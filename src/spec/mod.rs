//! Problem files: strict parsing of the TOML schema (`schema`), then resolution (`resolve`) into a
//! [`Problem`](crate::problem::Problem) and [`Options`](crate::solve::Options).
//!
//! [`ProblemFile`] accepts exactly the schema. The command line fills the same structure, so that a flag and a key mean
//! the same. Every error points at the line of its key or value.

mod batches;
pub mod bundled;
mod classes;
mod cross_entropy;
mod overrides;
mod resolve;
mod restated;
mod schema;

pub use batches::{sample_order, samples};
pub use classes::{Given, classes_of_counts, classes_of_labels, count_rows, given, read_classes, value_of_word};
pub use cross_entropy::{beside_cross_entropy, cross_entropy, cross_entropy_step};
pub use resolve::{convention, load, load_text, method, read, resolve, resolve_family};
pub use restated::restated;
pub use schema::{
    BatchesTable, ClassesTable, ClassifierTable, Expected, FeaturesTable, LossTable, ProblemFile, SolverTable, locate,
    parse,
};
