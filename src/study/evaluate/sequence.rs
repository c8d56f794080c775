//! [`Sequence`]: features over training, beside one optimum.

use std::cmp::Ordering;
use std::sync::Mutex;

use nalgebra::DMatrix;
use serde::{Deserialize, Serialize};
use serde_json::json;

#[cfg(feature = "plot")]
use super::pictures;
use super::{Advice, Measures, Settings, Source, evaluate, text};
use crate::certificate::Verdict;
use crate::error::Error;
use crate::math::control::Control;
use crate::measure::rows::Rows;
#[cfg(feature = "plot")]
use crate::plot::Figure;
use crate::problem::Problem;
use crate::report::view::{Style, Table, View, cell};
use crate::report::{CertificateReport, Name, ProblemReport, Report};
use crate::solve::Solved;
use crate::study::{Journal, Stop, Study, rows};

/// Identifier of the JSON form.
pub const SEQUENCE_SCHEMA: &str = "ufmin/evaluate-sequence/1";

/// Curves over training.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Sequence {
    /// [`SEQUENCE_SCHEMA`].
    pub schema: Name,
    /// Version of this crate.
    pub version: Name,
    /// What was solved.
    pub problem: ProblemReport,
    /// Whether there is a row for every file; if not, a stop request came before.
    pub complete: bool,
    /// Loss of the certified optimum.
    pub optimal_loss: f64,
    /// One for every file, in the order given.
    pub rows: Vec<Row>,
    /// Seed of estimates.
    pub seed: u64,
    /// The proof of the optimum.
    pub certificate: CertificateReport,
    /// What the numbers speak for; nothing for a sequence that was stopped.
    pub advice: Vec<Advice>,
    /// Things the user should know.
    pub warnings: Vec<String>,
    /// How far it came, where it is not complete.
    #[serde(skip)]
    pub stop: Option<Stop>,
}

/// One set of features.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Row {
    /// Their file.
    pub embeddings: String,
    /// The number in its name that differs from file to file, else the position from 0.
    pub at: f64,
    /// What was measured.
    #[serde(flatten)]
    pub measures: Measures,
}

/// What tells one file of features from another, and from itself after it was written again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Checkpoint {
    /// Its name.
    pub embeddings: String,
    /// See [`Row::at`].
    pub at: f64,
    /// Its length in bytes.
    pub bytes: u64,
    /// When it was written, in nanoseconds since 1970.
    pub modified: String,
}

/// What is measured at every checkpoint, beside the features.
pub struct Common<'a> {
    /// The problem.
    pub problem: &'a Problem,
    /// Its optimum.
    pub solved: &'a Solved,
    /// Class of every row.
    pub classes: &'a [u32],
    /// Rows of every class.
    pub sizes: &'a [u64],
    /// How they are measured.
    pub settings: &'a Settings,
}

type Opened = (Box<dyn Rows>, Option<DMatrix<f64>>);

struct Checkpoints<'a, F> {
    common: &'a Common<'a>,
    checkpoints: &'a [Checkpoint],
    open: F,
    /// One at a time: every one has work for all threads.
    turn: Mutex<()>,
}

impl<F: Fn(usize) -> Result<Opened, Error> + Sync> Study for Checkpoints<'_, F> {
    const POINTS: &'static str = "files";
    type Point = Checkpoint;
    type Row = Row;

    fn points(&self) -> Vec<Checkpoint> {
        self.checkpoints.to_vec()
    }

    fn run(&self, point: &Checkpoint, control: &Control) -> Result<Row, Error> {
        let _turn = self.turn.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let index = self.checkpoints.iter().position(|other| other == point);
        let (mut rows, classifier) = (self.open)(index.unwrap_or_default())?;
        let Common {
            problem,
            solved,
            classes,
            sizes,
            settings,
        } = *self.common;
        let source = Source::Samples(rows.as_mut(), classes);
        let measured = evaluate(problem, solved, source, sizes, classifier.as_ref(), settings, control)?;
        Ok(Row {
            embeddings: point.embeddings.clone(),
            at: point.at,
            measures: measured.measures,
        })
    }

    fn check(&self, point: &Checkpoint, row: &Row) -> Result<(), String> {
        if row.embeddings == point.embeddings && row.at == point.at {
            return Ok(());
        }
        Err(format!("it is not the row of {}", point.embeddings))
    }

    fn in_parallel(&self) -> bool {
        false
    }
}

/// What rows of one journal have in common: everything but the files.
pub fn identity(problem: &Problem, classes: &[u32], transposed: bool, settings: &Settings) -> serde_json::Value {
    let facts = json!({
        "transposed": transposed,
        "exact": settings.exact,
        "seed": settings.seed,
    });
    crate::study::identity(
        "evaluate",
        &ProblemReport::new(problem.classes(), problem.model()),
        &facts,
        &(problem.classes(), problem.model(), classes),
    )
}

/// Measures every checkpoint, until it is asked to stop; `open` gives the features and the classifier of one by its index.
/// Without advice.
///
/// # Errors
/// As [`evaluate`]; [`Error::Journal`] and [`Error::Write`] for the journal.
pub fn sequence(
    common: &Common<'_>,
    checkpoints: &[Checkpoint],
    open: impl Fn(usize) -> Result<Opened, Error> + Sync,
    journal: Option<&Journal>,
    control: &Control,
) -> Result<Sequence, Error> {
    let optimum = Report::new(common.problem, common.solved, false)?;
    let study = Checkpoints {
        common,
        checkpoints,
        open,
        turn: Mutex::new(()),
    };
    let found = rows(&study, journal, control)?;
    let stop = stop_of(&study, &found);
    Ok(Sequence {
        schema: SEQUENCE_SCHEMA.into(),
        version: env!("CARGO_PKG_VERSION").into(),
        problem: optimum.problem,
        complete: stop.is_none(),
        optimal_loss: common.solved.certificate.loss,
        rows: found.into_iter().flatten().collect(),
        seed: common.settings.seed,
        certificate: optimum.certificate,
        advice: Vec::new(),
        warnings: optimum.warnings,
        stop,
    })
}

fn stop_of<S: Study>(_: &S, rows: &[Option<S::Row>]) -> Option<Stop> {
    Stop::of::<S>(rows)
}

/// The order of names in which numbers count as numbers: `epoch_9` before `epoch_10`.
pub fn natural_order(a: &str, b: &str) -> Ordering {
    let (mut left, mut right) = (pieces(a).into_iter(), pieces(b).into_iter());
    loop {
        let order = match (left.next(), right.next()) {
            (None, None) => return a.cmp(b),
            (None, Some(_)) => Ordering::Less,
            (Some(_), None) => Ordering::Greater,
            (Some(a), Some(b)) => match (digits(a), digits(b)) {
                // Without zeros in front the longer number is the larger.
                (Some(a), Some(b)) => a.len().cmp(&b.len()).then(a.cmp(b)),
                _ => a.cmp(b),
            },
        };
        if order != Ordering::Equal {
            return order;
        }
    }
}

/// The number in every name that differs, if it is one and the rest of the names is equal; else `None`.
pub fn number_of(names: &[String]) -> Option<Vec<f64>> {
    let split: Vec<Vec<&str>> = names.iter().map(|name| pieces(name)).collect();
    let first = split.first()?;
    if split.iter().any(|other| other.len() != first.len()) {
        return None;
    }
    let differs = |at: &usize| split.iter().any(|other| other[*at] != first[*at]);
    let places: Vec<usize> = (0..first.len()).filter(differs).collect();
    let &[place] = &places[..] else { return None };
    split
        .iter()
        .map(|pieces| digits(pieces[place])?.parse().ok().or(Some(0.0)))
        .collect()
}

/// Runs of digits and of other characters.
fn pieces(name: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut rest = name;
    while let Some(first) = rest.chars().next() {
        let is_digit = first.is_ascii_digit();
        let end = rest
            .find(|c: char| c.is_ascii_digit() != is_digit)
            .unwrap_or(rest.len());
        let (piece, after) = rest.split_at(end);
        pieces.push(piece);
        rest = after;
    }
    pieces
}

/// A run of digits without zeros in front.
fn digits(piece: &str) -> Option<&str> {
    piece
        .starts_with(|c: char| c.is_ascii_digit())
        .then(|| piece.trim_start_matches('0'))
}

impl View for Sequence {
    const SCHEMA: &'static str = SEQUENCE_SCHEMA;

    fn text(&self, style: Style) -> String {
        text::sequence(self, style)
    }

    fn table(&self) -> Option<Table> {
        let mut table = Table::new(&[
            "embeddings",
            "at",
            "loss",
            "loss_standard_error",
            "gap_to_optimum",
            "relative_gap",
            "collapsed_loss",
            "gram_distance",
            "distance_etf",
            "nc1_trace_ratio",
            "nc1_pinv",
            "nc2_equinorm",
            "nc2_equiangular",
            "nc2_etf",
            "nc3",
            "ncc_accuracy",
            "effective_rank",
            "nearest_degrees",
        ]);
        for row in &self.rows {
            let measures = &row.measures;
            table.rows.push(vec![
                row.embeddings.clone(),
                row.at.to_string(),
                measures.loss.to_string(),
                cell(measures.loss_standard_error),
                measures.gap_to_optimum.to_string(),
                measures.relative_gap.to_string(),
                cell(measures.collapsed_loss),
                cell(measures.gram_distance),
                cell(measures.nc2.distance_etf),
                cell(measures.nc1.trace_ratio),
                cell(measures.nc1.pinv),
                cell(measures.nc2.equinorm),
                cell(measures.nc2.equiangular),
                cell(measures.nc2.etf),
                cell(measures.nc3),
                measures.ncc_accuracy.to_string(),
                cell(measures.effective_rank),
                cell(measures.nearest_degrees),
            ]);
        }
        Some(table)
    }

    #[cfg(feature = "plot")]
    fn figures(&self) -> Vec<(&'static str, Figure)> {
        let chart = pictures::over_training(self).filter(|_| self.complete);
        chart.map(|figure| ("sequence", figure)).into_iter().collect()
    }

    fn passes(&self) -> bool {
        self.certificate.verdict == Verdict::Certified
    }

    fn is_complete(&self) -> bool {
        self.complete
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_in_the_order_of_their_numbers() {
        let mut names = ["epoch_10.npy", "epoch_9.npy", "a", "epoch_009.npy", "epoch_100.npy"];
        names.sort_by(|a, b| natural_order(a, b));
        assert_eq!(
            names,
            ["a", "epoch_009.npy", "epoch_9.npy", "epoch_10.npy", "epoch_100.npy"]
        );
    }

    #[test]
    fn the_number_that_differs_is_found() {
        let of = |names: &[&str]| number_of(&names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>());
        assert_eq!(
            of(&["run2/e_0.npy", "run2/e_5.npy", "run2/e_20.npy"]),
            Some(vec![0.0, 5.0, 20.0])
        );
        assert_eq!(of(&["a1b1", "a2b2"]), None);
        assert_eq!(of(&["first", "second"]), None);
        assert_eq!(of(&["one"]), None);
    }
}
