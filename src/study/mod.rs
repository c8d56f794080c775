//! Many solves and what they say together: along a parameter, over a plane of parameters, from many starts.
//!
//! A [`Study`] has points, each with a row that depends on the study and the point alone, and a report of all rows. [`rows`]
//! finds the rows of all points in parallel, until it is asked to stop; with a [`Journal`] finished rows are on disk at once,
//! and a later run goes on from them. So neither Ctrl-C nor a kill loses more than the points in flight, and a run that was
//! stopped and one that was not come to the same end.

pub mod batches;
pub mod bound;
pub mod compare;
pub mod curve;
pub mod evaluate;
pub mod explain;
mod journal;
pub mod landscape;
pub mod phase;
mod run;
mod stored;

pub use journal::{Journal, identity};
pub use run::{Stop, Study, all_rows, rows};
