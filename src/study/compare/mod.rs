//! [`Comparison`]: what several losses make of the same classes.

mod cross_entropy;
#[cfg(feature = "plot")]
mod pictures;
mod report;
mod threshold;

#[cfg(feature = "files")]
use std::path::Path;

use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Value, json};

use super::stored::Stored;
use super::{Journal, Stop, Study, rows};
use crate::certificate::Verdict;
use crate::cross_entropy::{Constraint, CrossEntropy};
use crate::error::Error;
use crate::gram::{Gram, Partition};
use crate::math::control::Control;
use crate::measure::halves::{EtfDeviation, Span, etf_deviation, halves, tail_of_groups};
use crate::measure::metrics::Angles;
use crate::problem::training::Parts;
use crate::problem::{Field, Invalid, Kind, Loss, Model, Problem, Training};
use crate::report::cross_entropy::{ConstraintReport, PairMatrix};
use crate::report::{GroupReport, Name, ProblemReport, Report, factor_of_groups};
use crate::solve::{CrossCheckChoice, Options, solve};
#[cfg(feature = "files")]
use crate::spec::{self, ProblemFile};

pub use cross_entropy::cross_entropy_of;

/// Identifier of the JSON form.
pub const SCHEMA: &str = "ufmin/compare/1";

/// Losses side by side on one problem.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
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
    /// The optimum of every row, of features scaled to length 1; `None` where one of them is zero. Empty where the comparison
    /// was read back.
    #[serde(skip)]
    pub grams: Vec<Option<Gram>>,
    /// How far it came, where it is not complete.
    #[serde(skip)]
    pub stop: Option<Stop>,
}

/// The optimum of one loss. Angles are in degrees; what is said of solutions is as in the result of `solve`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
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
    /// Sets of classes that share one vector; of cross-entropy, one classifier and with it one feature.
    pub collapsed: Vec<Vec<u64>>,
    /// Of cross-entropy the cosines of the features, `None` where one of the two is zero; as all that follows.
    pub group_gram: Option<PairMatrix>,
    pub gram: Option<PairMatrix>,
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
    /// What holds back the classifier of cross-entropy; null for other losses.
    #[serde(default)]
    pub classifier: Option<ConstraintReport>,
    /// What holds back its features.
    #[serde(default)]
    pub features: Option<ConstraintReport>,
}

/// What a row is of.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Candidate {
    /// A contrastive loss.
    Contrastive(Loss),
    /// Cross-entropy of a linear classifier, with what holds it and the features back.
    CrossEntropy {
        /// The bound or ridge of the classifier.
        classifier: Constraint,
        /// That of the features.
        features: Constraint,
    },
}

impl From<Loss> for Candidate {
    fn from(loss: Loss) -> Self {
        Self::Contrastive(loss)
    }
}

/// Losses that are compared where none are named.
pub const LOSSES: [Loss; 5] = [Loss::Supcon, Loss::Sincere, Loss::Nscl, Loss::Bcl, Loss::Population];

/// Losses by their names; `None` for cross-entropy, which is no contrastive one.
///
/// # Errors
/// [`Invalid`] for a name that is none.
pub fn losses_of_names(names: &[String]) -> Result<Vec<Option<Loss>>, Invalid> {
    const CROSS_ENTROPY: &str = "cross-entropy";
    let loss = |name: &String| {
        let name = name.trim();
        if name == CROSS_ENTROPY {
            return Ok(None);
        }
        let found = Loss::ALL.into_iter().find(|loss| loss.name() == name);
        found.map(Some).ok_or_else(|| {
            let (value, options) = (name.to_owned(), Loss::ALL.map(Loss::name));
            let options = options.into_iter().chain([CROSS_ENTROPY]).collect();
            Invalid::new(Field::Loss, Kind::Choice { value, options })
        })
    };
    names.iter().map(loss).collect()
}

/// The problem of a file (or flags) whatever its own loss, and the candidates of some losses, `None` for cross-entropy.
///
/// # Errors
/// As [`resolve`](crate::spec::resolve).
#[cfg(feature = "files")]
pub fn candidates(
    file: &ProblemFile,
    folder: &Path,
    losses: &[Option<Loss>],
) -> Result<(Problem, Options, Vec<Candidate>), Error> {
    // The problem must be one under the first; nce is the one that may need what the others cannot have, and population asks
    // least of the classes, as cross-entropy does.
    let mut contrastive = losses.iter().flatten().copied();
    let first = contrastive
        .clone()
        .find(|&loss| loss == Loss::Nce)
        .or(contrastive.next());
    let mut file = file.clone();
    file.loss.kind = Some(first.unwrap_or(Loss::Population).name().to_owned());
    let ((problem, options), constraints) = if losses.contains(&None) {
        let (resolved, constraints) = spec::beside_cross_entropy(&file, folder)?;
        (resolved, Some(constraints))
    } else {
        (spec::resolve(&file, folder)?, None)
    };
    let cross_entropy = constraints.map(|[classifier, features]| Candidate::CrossEntropy { classifier, features });
    let candidates = losses
        .iter()
        .filter_map(|loss| loss.map(Candidate::from).or(cross_entropy));
    Ok((problem, options, candidates.collect()))
}

impl Row {
    /// Number of classes that share their vector with another.
    pub fn collapsed_classes(&self) -> usize {
        self.collapsed.iter().map(Vec::len).sum()
    }

    /// Whether some feature is zero, as cross-entropy may have it: it has no angle.
    pub fn has_zero_features(&self) -> bool {
        let grams = [&self.group_gram, &self.gram];
        grams.into_iter().flatten().flatten().flatten().any(Option::is_none)
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
    losses: &[Candidate],
    options: &Options,
    journal: Option<&Journal>,
    control: &Control,
) -> Result<Comparison, Error> {
    let mut entries: Vec<Entry> = Vec::new();
    for (i, &candidate) in losses.iter().enumerate() {
        if !losses[..i].contains(&candidate) {
            entries.push(Entry::new(problem, options, candidate)?);
        }
    }
    let Some(first) = entries.first() else {
        return Err(Invalid::new(Field::Values, Kind::Missing(None)).into());
    };
    let partition = Partition::by_size(problem);
    let report = match first {
        Entry::Contrastive(_, problem) => ProblemReport::new(problem.classes(), problem.model()),
        Entry::CrossEntropy(_) => ProblemReport {
            loss: cross_entropy::NAME.into(),
            ..ProblemReport::new(problem.classes(), problem.model())
        },
    };
    let study = Losses {
        problem,
        entries: &entries,
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
        let gram = gram.map(|gram| gram.gram(problem)).transpose();
        grams.push(gram.map_err(|what| Error::Internal { what })?);
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
    /// None where a feature is zero.
    gram: Option<Stored>,
}

/// A loss with its problem. Its JSON, the key of its row, is its name; of cross-entropy with what holds it back.
enum Entry {
    Contrastive(Loss, Box<Problem>),
    CrossEntropy(Box<CrossEntropy>),
}

impl Entry {
    fn new(problem: &Problem, options: &Options, candidate: Candidate) -> Result<Self, Invalid> {
        Ok(match candidate {
            Candidate::Contrastive(loss) => Self::Contrastive(loss, Box::new(with_loss(problem, loss)?)),
            Candidate::CrossEntropy { classifier, features } => {
                Self::CrossEntropy(Box::new(cross_entropy_of(problem, options, classifier, features)?))
            }
        })
    }
}

impl Serialize for Entry {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Contrastive(loss, _) => loss.serialize(serializer),
            Self::CrossEntropy(problem) => {
                let [classifier, features] = [problem.classifier(), problem.features()].map(ConstraintReport::from);
                json!({ "loss": cross_entropy::NAME, "classifier": classifier, "features": features })
                    .serialize(serializer)
            }
        }
    }
}

/// Losses as a study.
struct Losses<'a> {
    problem: &'a Problem,
    entries: &'a [Entry],
    options: &'a Options,
}

impl<'a> Study for Losses<'a> {
    const POINTS: &'static str = "losses";
    type Point = &'a Entry;
    type Row = Found;

    fn points(&self) -> Vec<&'a Entry> {
        self.entries.iter().collect()
    }

    fn run(&self, entry: &&'a Entry, control: &Control) -> Result<Found, Error> {
        match entry {
            Entry::Contrastive(loss, problem) => contrastive_row(*loss, problem, self.options, control),
            Entry::CrossEntropy(problem) => cross_entropy::row(problem, self.options, self.problem, control),
        }
    }

    fn check(&self, entry: &&'a Entry, found: &Found) -> Result<(), String> {
        let name = match entry {
            Entry::Contrastive(loss, _) => loss.name(),
            Entry::CrossEntropy(_) => cross_entropy::NAME,
        };
        if found.row.loss != name {
            return Err(format!("it is not the row of {name}"));
        }
        match &found.gram {
            Some(gram) => gram.gram(self.problem).map(drop),
            None if matches!(entry, Entry::CrossEntropy(_)) => Ok(()),
            None => Err("it has no Gram matrix".to_owned()),
        }
    }
}

fn contrastive_row(loss: Loss, problem: &Problem, options: &Options, control: &Control) -> Result<Found, Error> {
    let solved = solve(problem, options, control)?;
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
    let some = |rows: Vec<Vec<f64>>| -> PairMatrix {
        let row = |row: Vec<f64>| row.into_iter().map(Some).collect();
        rows.into_iter().map(row).collect()
    };
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
        group_gram: solution.group_gram.map(some),
        gram: solution.gram.map(some),
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
        classifier: None,
        features: None,
    };
    let gram = Some(Stored::new(problem, gram));
    Ok(Found { row, gram })
}
