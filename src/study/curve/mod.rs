//! [`Curve`]: the optimum as a function of the batch size, the number of negatives, or the temperature.

#[cfg(feature = "plot")]
mod chart;
mod limit;
mod report;

use nalgebra::DMatrix;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Journal, Stop, Study, rows};
use crate::certificate::Verdict;
use crate::error::Error;
use crate::gram::{Gram, Partition};
use crate::math::control::Control;
use crate::measure::metrics::kini_distance;
use crate::measure::schedule::class_gram;
use crate::problem::invalid::Word;
use crate::problem::training::Parts;
use crate::problem::{BatchLoss, Field, FullBatchLoss, Invalid, Kind, Measure, Model, Problem, Sampling, Training};
use crate::report::{Name, ProblemReport, Report};
use crate::solve::{CrossCheckChoice, Options, solve};
#[cfg(feature = "files")]
use crate::spec::ProblemFile;
use limit::AtLimit;

/// Identifier of the JSON form.
pub const SCHEMA: &str = "ufmin/curve/1";

/// What varies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Quantity {
    /// Examples in a random batch, THEORY (11).
    BatchSize,
    /// Sampled negatives of each anchor, THEORY (10).
    Negatives,
    /// The temperature, of any loss.
    Temperature,
    /// The power of their sizes by which random batches draw classes.
    Power,
}

impl Quantity {
    /// Values to look at: those that are given, ascending and each once, or usual ones.
    pub fn values(self, given: Option<Vec<f64>>) -> Vec<f64> {
        let powers = |base: f64, powers: std::ops::RangeInclusive<i32>| powers.map(|p| base.powi(p)).collect();
        let mut values = given.unwrap_or_else(|| match self {
            Self::BatchSize => powers(2.0, 2..=13),
            Self::Negatives => powers(4.0, 0..=6),
            Self::Power => (0..=10).map(|tenths| f64::from(tenths) / 10.0).collect(),
            Self::Temperature => vec![0.05, 0.07, 0.1, 0.15, 0.2, 0.3, 0.5, 0.7, 1.0],
        });
        values.sort_by(f64::total_cmp);
        values.dedup();
        values
    }

    /// A problem file that has some value of this quantity: `first`, unless it says one, and the loss that has negatives.
    #[cfg(feature = "files")]
    #[must_use]
    pub fn begun(self, mut file: ProblemFile, first: f64) -> ProblemFile {
        match self {
            Self::BatchSize => {
                let size = &mut file.batches.get_or_insert_default().size;
                *size = size.or(Some(first as i64));
            }
            Self::Negatives => {
                file.loss.negatives = file.loss.negatives.or(Some(first as i64));
                file.loss.kind = file.loss.kind.or(Some("nce".to_owned()));
            }
            Self::Temperature | Self::Power => {}
        }
        file
    }
}

/// The optimum at several values of one quantity.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Curve {
    /// [`SCHEMA`].
    pub schema: Name,
    /// Version of this crate.
    pub version: Name,
    /// What varies.
    pub vary: Quantity,
    /// The problem; of what varies it has the value before the first.
    pub problem: ProblemReport,
    /// The loss.
    pub loss: Name,
    /// Number of classes.
    pub class_count: u64,
    /// Whether there is a row for every value; if not, a stop request came before.
    pub complete: bool,
    /// Loss and optimum that large values lead to; null for the temperature and the power, and where there is none.
    pub limit: Option<Limit>,
    /// One for every value, in the order given.
    pub rows: Vec<Row>,
    /// How far it came, where it is not complete.
    #[serde(skip)]
    pub stop: Option<Stop>,
}

/// What large batches, or many negatives, approach.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Limit {
    /// `full-batch`: the same loss on all samples; `population`: its limit of many draws.
    pub name: Name,
    /// The optimum.
    pub row: Row,
}

/// The optimum at one value. Fields as in the result of `solve`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[allow(missing_docs)]
pub struct Row {
    /// The value; null for the limit.
    pub value: Option<f64>,
    pub loss: f64,
    pub loss_per_active_anchor: Option<f64>,
    pub excess: Option<f64>,
    pub downstream_loss: Option<f64>,
    pub rank: u64,
    pub collapsed: Vec<Vec<u64>>,
    /// Smallest and largest angle between classes.
    pub nearest_degrees: f64,
    pub farthest_degrees: f64,
    /// `|| M/||M|| - E/||E|| ||` in the Frobenius norm, with `E` the simplex ETF.
    pub distance_to_etf: f64,
    /// The same with the optimum of the limit.
    pub distance_to_limit: Option<f64>,
    pub method: Name,
    pub relative_gap: f64,
    pub verdict: Verdict,
}

/// What rows of one journal have in common: everything but the values.
pub fn identity(problem: &Problem, vary: Quantity, options: &Options) -> Value {
    let mut model = Model {
        title: None,
        ..problem.model().clone()
    };
    // The same for every value.
    match (vary, &mut model.training) {
        (Quantity::Temperature, _) => model.temperature = 0.0,
        (Quantity::Power, Training::Sampled(Sampling::RandomBatches { power, .. })) => *power = 1.0,
        (_, Training::Sampled(Sampling::RandomBatches { size, .. })) => *size = 0,
        (_, Training::Sampled(Sampling::Negatives { count })) => *count = 0,
        (_, Training::FullBatch(_) | Training::FixedBatches(_) | Training::Sampled(Sampling::ClassBalanced { .. })) => {
        }
    }
    let settings = json!({
        "vary": vary,
        "method": format!("{:?}", options.method),
        "tolerance": options.tolerance,
    });
    super::identity(
        "curve",
        &ProblemReport::new(problem.classes(), &model),
        &settings,
        &(problem.classes(), &model),
    )
}

/// Solves `problem` with the quantity at each of `values`, until it is asked to stop.
///
/// # Errors
/// [`Error::Invalid`] for a value that the problem cannot have; [`Error::Stopped`] where there is not even the limit;
/// [`Error::Journal`] and [`Error::Write`] for the journal.
pub fn curve(
    problem: &Problem,
    vary: Quantity,
    values: &[f64],
    options: &Options,
    journal: Option<&Journal>,
    control: &Control,
) -> Result<Curve, Error> {
    if values.is_empty() {
        return Err(no_values());
    }
    // Before the first solve.
    for &value in values {
        Problem::new(problem.classes().clone(), model_at(problem, vary, value)?)?;
    }
    let options = Options {
        cross_check: CrossCheckChoice::Never,
        ..*options
    };
    let limit = match limit(problem, vary) {
        None => None,
        Some((name, model)) => {
            let study = AtLimit {
                problem,
                model,
                options: &options,
            };
            let found = rows(&study, journal, control)?.remove(0).ok_or(Error::Stopped {
                what: "the limit of the curve",
            })?;
            let gram = found.gram.gram(problem).map_err(|what| Error::Internal { what })?;
            Some((name, found.row, gram))
        }
    };
    let study = Values {
        problem,
        vary,
        values,
        options: &options,
        limit: limit.as_ref().map(|(_, _, gram)| gram),
    };
    let rows = rows(&study, journal, control)?;
    let stop = Stop::of::<Values<'_>>(&rows);
    Ok(Curve {
        schema: SCHEMA.into(),
        version: env!("CARGO_PKG_VERSION").into(),
        vary,
        problem: ProblemReport::new(problem.classes(), problem.model()),
        loss: problem.model().training.loss().name().into(),
        class_count: problem.classes().count(),
        complete: stop.is_none(),
        limit: limit.map(|(name, row, _)| Limit { name: name.into(), row }),
        rows: rows.into_iter().flatten().collect(),
        stop,
    })
}

/// The optimum of one model, if there was time to find it.
fn at(problem: &Problem, model: Model, options: &Options, control: &Control) -> Result<(Row, Gram), Error> {
    let problem = Problem::new(problem.classes().clone(), model)?;
    let solved = solve(&problem, options, control)?;
    // An answer of a solver that was stopped is none of a curve.
    if control.stop().is_some() {
        return Err(Error::Stopped {
            what: "a point of the curve",
        });
    }
    let report = Report::new(&problem, &solved, false)?;
    let gram = class_gram(&problem, &solved);
    Ok((Row::new(report, &gram), gram))
}

/// Most groups of classes for which several values are solved at a time: beyond, a solve has work for all threads, and
/// matrices that are not needed several times at once.
const GROUPS_IN_PARALLEL: usize = 500;

/// A curve as a study.
struct Values<'a> {
    problem: &'a Problem,
    vary: Quantity,
    values: &'a [f64],
    options: &'a Options,
    limit: Option<&'a Gram>,
}

impl Study for Values<'_> {
    const POINTS: &'static str = "values";
    type Point = f64;
    type Row = Row;

    fn points(&self) -> Vec<f64> {
        self.values.to_vec()
    }

    fn run(&self, &value: &f64, control: &Control) -> Result<Row, Error> {
        let model = model_at(self.problem, self.vary, value)?;
        let (row, gram) = at(self.problem, model, self.options, control)?;
        Ok(Row {
            value: Some(value),
            distance_to_limit: self.limit.map(|limit| distance(&gram, limit)),
            ..row
        })
    }

    fn check(&self, &value: &f64, row: &Row) -> Result<(), String> {
        if row.value == Some(value) && row.distance_to_limit.is_some() == self.limit.is_some() {
            return Ok(());
        }
        Err(format!("it is not the row of {value}"))
    }

    fn in_parallel(&self) -> bool {
        Partition::by_size(self.problem).groups() <= GROUPS_IN_PARALLEL
    }
}

fn no_values() -> Error {
    Invalid::new(Field::Values, Kind::Missing(None)).into()
}

fn model_at(problem: &Problem, vary: Quantity, value: f64) -> Result<Model, Error> {
    let mut model = problem.model().clone();
    let parts = model.training.parts();
    let whole = || {
        if value.fract() == 0.0 && (0.0..1e18).contains(&value) {
            Ok(value as u64)
        } else {
            Err(Invalid::conflict(
                Field::Values,
                format!("{value} is given, and a whole number is needed"),
                &[
                    Word::Text("give whole numbers, for example "),
                    Word::Set(Field::Values, &["4,16,64,256"]),
                ],
            ))
        }
    };
    match vary {
        Quantity::BatchSize => {
            model.training = Training::from_parts(Parts {
                batch_size: Some(whole()?),
                ..parts
            })?;
        }
        Quantity::Negatives => {
            model.training = Training::from_parts(Parts {
                negatives: Some(whole()?),
                ..parts
            })?;
        }
        Quantity::Temperature => model.temperature = value,
        Quantity::Power => {
            model.training = Training::from_parts(Parts {
                power: Some(value),
                ..parts
            })?;
        }
    }
    Ok(model)
}

/// The full batch where the classes have one, else the population.
fn limit(problem: &Problem, vary: Quantity) -> Option<(&'static str, Model)> {
    let model = problem.model();
    let population = || Model {
        training: Training::full_batch(FullBatchLoss::Population),
        views: if problem.classes().measure() == Measure::Counts {
            model.views
        } else {
            1
        },
        ..model.clone()
    };
    match (vary, &model.training) {
        (Quantity::Temperature | Quantity::Power, _) => None,
        // Large batches lead to the losses of the classes as they are drawn.
        (Quantity::BatchSize, Training::Sampled(Sampling::RandomBatches { power, .. })) if *power != 1.0 => None,
        (Quantity::Negatives, _) => Some(("population", population())),
        (Quantity::BatchSize, Training::FullBatch(_)) => Some(("full-batch", model.clone())),
        (
            Quantity::BatchSize,
            Training::FixedBatches(_) | Training::Sampled(Sampling::Negatives { .. } | Sampling::ClassBalanced { .. }),
        ) => None,
        (Quantity::BatchSize, Training::Sampled(Sampling::RandomBatches { loss, .. })) => {
            let full = Model {
                training: Training::full_batch(FullBatchLoss::from(*loss)),
                ..model.clone()
            };
            match loss {
                _ if Problem::new(problem.classes().clone(), full.clone()).is_ok() => Some(("full-batch", full)),
                BatchLoss::Supcon => Some(("population", population())),
                BatchLoss::Sincere | BatchLoss::Nscl | BatchLoss::Bcl => None,
            }
        }
    }
}

/// Of two Gram matrices of the same classes.
fn distance(a: &Gram, b: &Gram) -> f64 {
    if a.partition() == b.partition() {
        kini_distance(&a.values(), &b.values(), &a.partition().multiplicity_f64())
    } else {
        let (a, b) = (a.to_dense(), b.to_dense());
        kini_distance(&a, &b, &vec![1.0; a.nrows()])
    }
}

impl Row {
    fn new(report: Report, gram: &Gram) -> Self {
        let solution = report.solution;
        let degrees = |pair: Option<crate::measure::metrics::Pair>| pair.map_or(0.0, |pair| pair.angle_degrees);
        let classes = gram.partition().classes() as f64;
        let groups = gram.partition().groups();
        let etf = DMatrix::from_element(groups, groups, -1.0 / (classes - 1.0));
        Self {
            value: None,
            loss: solution.loss,
            loss_per_active_anchor: solution.loss_per_active_anchor,
            excess: solution.excess,
            downstream_loss: solution.downstream_loss,
            rank: solution.rank,
            collapsed: solution.collapsed,
            nearest_degrees: degrees(solution.nearest_pair),
            farthest_degrees: degrees(solution.farthest_pair),
            distance_to_etf: distance(gram, &Gram::from_groups(gram.partition().clone(), etf)),
            distance_to_limit: None,
            method: solution.method,
            relative_gap: report.certificate.relative_gap,
            verdict: report.certificate.verdict,
        }
    }
}
