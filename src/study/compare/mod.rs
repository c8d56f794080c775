//! [`Comparison`]: what several losses make of the same classes.

#[cfg(feature = "plot")]
mod pictures;
mod report;
mod threshold;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::stored::Stored;
use super::{Journal, Stop, Study, rows};
use crate::certificate::Verdict;
use crate::error::Error;
use crate::gram::{Gram, Partition};
use crate::math::control::Control;
use crate::measure::halves::{EtfDeviation, Span, etf_deviation, halves, tail_of_groups};
use crate::measure::metrics::Angles;
use crate::problem::training::Parts;
use crate::problem::{Field, Invalid, Kind, Loss, Model, Problem, Training};
use crate::report::{GroupReport, Name, ProblemReport, Report, factor_of_groups};
use crate::solve::{CrossCheckChoice, Options, solve};

/// Identifier of the JSON form.
pub const SCHEMA: &str = "ufmin/compare/1";

/// Losses side by side on one problem.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Comparison {
    /// [`SCHEMA`].
    pub schema: Name,
    /// Version of this crate.
    pub version: Name,
    /// The problem; its loss is that of the first row.
    pub problem: ProblemReport,
    /// Number of classes.
    pub class_count: u64,
    /// Number of classes in the tail: the smaller half, the later ones where sizes are equal.
    pub tail_classes: u64,
    /// Groups of classes of equal size, largest first: the rows of every `group_gram`.
    pub groups: Vec<GroupReport>,
    /// Whether there is a row for every loss; if not, a stop request came before.
    pub complete: bool,
    /// One for every loss, in the order given.
    pub rows: Vec<Row>,
    /// The optimum of every row; empty where the comparison was read back.
    #[serde(skip)]
    pub grams: Vec<Gram>,
    /// How far it came, where it is not complete.
    #[serde(skip)]
    pub stop: Option<Stop>,
}

/// The optimum of one loss. Angles are in degrees; what is said of solutions is as in the result of `solve`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Row {
    pub loss: Name,
    /// The loss at the optimum, in nats. Values of different losses do not compare.
    pub value: f64,
    pub excess: Option<f64>,
    pub verdict: Verdict,
    pub gap: f64,
    pub relative_gap: f64,
    pub method: Name,
    pub rank: u64,
    pub collapsed: Vec<Vec<u64>>,
    pub group_gram: Option<Vec<Vec<f64>>>,
    pub gram: Option<Vec<Vec<f64>>>,
    /// The smallest ratio of sizes, with the smallest fixed and the others its powers, at which classes share one vector.
    pub threshold: Option<f64>,
    /// Why there is none; null where there is.
    pub threshold_reason: Option<String>,
    /// The smallest angle of a class of the tail with any other; null above 4000 distinct sizes, as all that follows.
    pub min_tail_angle: Option<f64>,
    /// A pair that has it.
    pub min_tail_pair: Option<[u64; 2]>,
    /// Angles within the head, the larger half; null for one class.
    pub within_head: Option<Span>,
    /// Angles between head and tail.
    pub head_to_tail: Option<Span>,
    /// Angles within the tail; null for one class.
    pub within_tail: Option<Span>,
    /// Least `1 - cos` over pairs of classes: the margin of the nearest-class-mean classifier.
    pub margin: Option<f64>,
    pub etf_deviation: Option<EtfDeviation>,
    pub downstream_loss: Option<f64>,
}

impl Row {
    /// Number of classes that share their vector with another.
    pub fn collapsed_classes(&self) -> usize {
        self.collapsed.iter().map(Vec::len).sum()
    }
}

/// The problem under another loss. Of sampled negatives only nce has some.
///
/// # Errors
/// [`Invalid`] where the problem has what the loss cannot have.
pub fn with_loss(problem: &Problem, loss: Loss) -> Result<Problem, Invalid> {
    let parts = problem.model().training.parts();
    let negatives = parts.negatives.filter(|_| loss == Loss::Nce);
    let training = Training::from_parts(Parts {
        loss,
        negatives,
        ..parts
    })?;
    let model = Model {
        training,
        ..problem.model().clone()
    };
    Problem::new(problem.classes().clone(), model)
}

/// What rows of one journal have in common: everything but the losses.
pub fn identity(problem: &Problem, options: &Options) -> Value {
    let model = Model {
        title: None,
        ..problem.model().clone()
    };
    let parts = Parts {
        loss: Loss::Supcon,
        ..model.training.parts()
    };
    let report = ProblemReport {
        loss: "any".into(),
        ..ProblemReport::new(problem.classes(), &model)
    };
    let settings = json!({
        "method": format!("{:?}", options.method),
        "tolerance": options.tolerance,
    });
    let whole = (problem.classes(), parts, model.views, model.temperature, model.features);
    super::identity("compare", &report, &settings, &whole)
}

/// Solves `problem` under each of `losses` (each once), until it is asked to stop.
///
/// # Errors
/// [`Error::Invalid`] for no losses, or one that the problem cannot have; [`Error::Journal`] and [`Error::Write`] for the
/// journal.
pub fn compare(
    problem: &Problem,
    losses: &[Loss],
    options: &Options,
    journal: Option<&Journal>,
    control: &Control,
) -> Result<Comparison, Error> {
    let mut problems: Vec<(Loss, Problem)> = Vec::new();
    for &loss in losses {
        if problems.iter().all(|(known, _)| *known != loss) {
            problems.push((loss, with_loss(problem, loss)?));
        }
    }
    let Some((_, first)) = problems.first() else {
        return Err(Invalid::new(Field::Values, Kind::Missing(None)).into());
    };
    let partition = Partition::by_size(problem);
    let report = ProblemReport::new(first.classes(), first.model());
    let study = Losses {
        problems: &problems,
        options: &Options {
            cross_check: CrossCheckChoice::Never,
            ..*options
        },
    };
    let found = rows(&study, journal, control)?;
    let stop = Stop::of::<Losses<'_>>(&found);
    let (mut rows, mut grams) = (Vec::new(), Vec::new());
    for Found { row, gram } in found.into_iter().flatten() {
        rows.push(row);
        grams.push(gram.gram(problem).map_err(|what| Error::Internal { what })?);
    }
    Ok(Comparison {
        schema: SCHEMA.into(),
        version: env!("CARGO_PKG_VERSION").into(),
        problem: report,
        class_count: problem.classes().count(),
        tail_classes: tail_of_groups(&partition).iter().sum(),
        groups: GroupReport::all(&partition),
        complete: stop.is_none(),
        rows,
        grams,
        stop,
    })
}

/// A row of the journal: a comparison that goes on draws all of its losses.
#[derive(Serialize, Deserialize)]
struct Found {
    row: Row,
    gram: Stored,
}

/// Losses as a study.
struct Losses<'a> {
    problems: &'a [(Loss, Problem)],
    options: &'a Options,
}

impl Losses<'_> {
    fn problem(&self, loss: Loss) -> Result<&Problem, Error> {
        let found = self.problems.iter().find(|(known, _)| *known == loss);
        found.map(|(_, problem)| problem).ok_or_else(|| Error::Internal {
            what: format!("{loss} is not among the losses"),
        })
    }
}

impl Study for Losses<'_> {
    const POINTS: &'static str = "losses";
    type Point = Loss;
    type Row = Found;

    fn points(&self) -> Vec<Loss> {
        self.problems.iter().map(|(loss, _)| *loss).collect()
    }

    fn run(&self, &loss: &Loss, control: &Control) -> Result<Found, Error> {
        let problem = self.problem(loss)?;
        let solved = solve(problem, self.options, control)?;
        let stopped = || Error::Stopped { what: "a loss" };
        // What a solver that was stopped has is not an optimum to compare.
        if control.stop().is_some() {
            return Err(stopped());
        }
        let report = Report::new(problem, &solved, false)?;
        let gram = &solved.certificate.gram;
        let halves = halves(gram, &Angles::new(gram, factor_of_groups(&solved)));
        let threshold = match threshold::threshold(problem, control) {
            Err(_) if control.stop().is_some() => return Err(stopped()),
            found => found?,
        };
        let solution = report.solution;
        let halves = halves.as_ref();
        let row = Row {
            loss: loss.name().into(),
            value: solution.loss,
            excess: solution.excess,
            verdict: report.certificate.verdict,
            gap: report.certificate.gap,
            relative_gap: report.certificate.relative_gap,
            method: solution.method,
            rank: solution.rank,
            collapsed: solution.collapsed,
            group_gram: solution.group_gram,
            gram: solution.gram,
            threshold: threshold.as_ref().ok().copied(),
            threshold_reason: threshold.err(),
            min_tail_angle: halves.map(|halves| halves.min_tail_angle),
            min_tail_pair: halves.map(|halves| halves.closest),
            within_head: halves.and_then(|halves| halves.within_head),
            head_to_tail: halves.and_then(|halves| halves.between),
            within_tail: halves.and_then(|halves| halves.within_tail),
            margin: halves.map(|halves| halves.margin),
            etf_deviation: etf_deviation(gram),
            downstream_loss: solution.downstream_loss,
        };
        let gram = Stored::new(problem, gram);
        Ok(Found { row, gram })
    }

    fn check(&self, &loss: &Loss, found: &Found) -> Result<(), String> {
        if found.row.loss != loss.name() {
            return Err(format!("it is not the row of {loss}"));
        }
        let problem = self.problem(loss).map_err(|error| error.to_string())?;
        found.gram.gram(problem).map(drop)
    }
}
