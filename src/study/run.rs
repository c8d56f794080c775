//! [`Study`] and [`rows`]: every point once, in parallel, with progress, stop and resume.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use rayon::prelude::*;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Journal;
use crate::error::Error;
use crate::math::control::Control;

/// Points, and a row of results for each.
pub trait Study: Sync {
    /// What the points are, in the plural: "starts".
    const POINTS: &'static str;

    /// What tells a point from others of the study: its JSON is the key of its row in the journal.
    type Point: Serialize + Sync;

    /// What is found there: a function of the study and the point alone.
    type Row: Serialize + DeserializeOwned + Send;

    /// The points, in the order of their rows.
    fn points(&self) -> Vec<Self::Point>;

    /// Finds the row of a point.
    ///
    /// # Errors
    /// [`Error::Stopped`] on a stop request; what else stands in the way of all of the study.
    fn run(&self, point: &Self::Point, control: &Control) -> Result<Self::Row, Error>;

    /// Whether a row from a journal can be the one of this point; if not, why.
    ///
    /// # Errors
    /// The reason, in words.
    fn check(&self, _point: &Self::Point, _row: &Self::Row) -> Result<(), String> {
        Ok(())
    }

    /// Whether several points are worked on at a time; if not, the threads are left to each point.
    fn in_parallel(&self) -> bool {
        true
    }
}

/// A study that was stopped before its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stop {
    /// What the points are, in the plural.
    pub points: &'static str,
    /// How many are finished.
    pub done: u64,
    /// How many there are.
    pub total: u64,
}

impl Stop {
    /// The stop of a study with these rows; `None` where nothing is missing.
    pub fn of<S: Study>(rows: &[Option<S::Row>]) -> Option<Self> {
        let stop = Self {
            points: S::POINTS,
            done: rows.iter().flatten().count() as u64,
            total: rows.len() as u64,
        };
        (stop.done < stop.total).then_some(stop)
    }

    /// As an error, which says how to go on from the journal at `kept`.
    pub fn error(self, kept: Option<&Path>) -> Error {
        Error::Interrupted {
            points: self.points,
            done: self.done,
            total: self.total,
            kept: kept.map(Path::to_owned),
        }
    }
}

/// The rows of all points of `study`, in their order; `None` for those that were not finished when `control` asked to stop.
/// Rows that are in the journal are taken from there, and every other is added to it as soon as it is found. The observer
/// of `control` is told how many points are done.
///
/// # Errors
/// [`Error::Journal`] for a row in the journal that is none of its point, [`Error::Write`], and what [`Study::run`] says.
pub fn rows<S: Study>(study: &S, journal: Option<&Journal>, control: &Control) -> Result<Vec<Option<S::Row>>, Error> {
    let points = study.points();
    let total = points.len() as u64;
    let mut known = Vec::with_capacity(points.len());
    for point in &points {
        let found = journal.map(|journal| journal.find(point, |row| study.check(point, row)));
        known.push(found.transpose()?.flatten());
    }
    let done = AtomicU64::new(known.iter().flatten().count() as u64);
    control.advance(S::POINTS, done.load(Ordering::Relaxed), total);
    let inner = control.unobserved();
    let find = |(point, known): (&S::Point, Option<S::Row>)| -> Result<Option<S::Row>, Error> {
        if known.is_some() {
            return Ok(known);
        }
        if control.stop().is_some() {
            return Ok(None);
        }
        let row = match study.run(point, &inner) {
            Err(Error::Stopped { .. }) if control.stop().is_some() => return Ok(None),
            found => found?,
        };
        if let Some(journal) = journal {
            journal.add(point, &row)?;
        }
        let count = done.fetch_add(1, Ordering::Relaxed) + 1;
        control.advance(S::POINTS, count, total);
        Ok(Some(row))
    };
    if study.in_parallel() {
        let pairs = points.par_iter().zip(known).with_max_len(1);
        pairs.map(find).collect()
    } else {
        points.iter().zip(known).map(find).collect()
    }
}

/// The rows of all points of `study`, in their order.
///
/// # Errors
/// [`Error::Interrupted`] where `control` asked to stop before the last was finished; else as [`rows`].
pub fn all_rows<S: Study>(study: &S, journal: Option<&Journal>, control: &Control) -> Result<Vec<S::Row>, Error> {
    let found = rows(study, journal, control)?;
    match Stop::of::<S>(&found) {
        Some(stop) => Err(stop.error(journal.map(Journal::path))),
        None => Ok(found.into_iter().flatten().collect()),
    }
}
