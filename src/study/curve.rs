//! [`Curve`]: the optimum as a function of the batch size, the number of negatives, or the temperature.

#[cfg(feature = "plot")]
mod chart;

use nalgebra::DMatrix;
use serde::Serialize;

use crate::certificate::Verdict;
use crate::error::Error;
use crate::gram::Gram;
use crate::math::control::Control;
use crate::objective::others;
use crate::problem::invalid::Word;
use crate::problem::training::Parts;
use crate::problem::{BatchLoss, Field, FullBatchLoss, Invalid, Kind, Measure, Model, Problem, Sampling, Training};
use crate::report::Report;
use crate::solve::solve;
use crate::solve::{CrossCheckChoice, Options};

/// Identifier of the JSON form.
pub const SCHEMA: &str = "ufmin/curve/1";

/// What varies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Quantity {
    /// Examples in a random batch, THEORY (11).
    BatchSize,
    /// Sampled negatives of each anchor, THEORY (10).
    Negatives,
    /// The temperature, of any loss.
    Temperature,
}

/// The optimum at several values of one quantity.
#[derive(Debug, Clone, Serialize)]
pub struct Curve {
    /// [`SCHEMA`].
    pub schema: &'static str,
    /// Version of this crate.
    pub version: &'static str,
    /// What varies.
    pub vary: Quantity,
    /// The loss.
    pub loss: &'static str,
    /// Number of classes.
    pub class_count: u64,
    /// Loss and optimum that large values lead to; null for the temperature, and where there is none.
    pub limit: Option<Limit>,
    /// One for every value, in the order given.
    pub rows: Vec<Row>,
}

/// What large batches, or many negatives, approach.
#[derive(Debug, Clone, Serialize)]
pub struct Limit {
    /// `full-batch`: the same loss on all samples; `population`: its limit of many draws.
    pub name: &'static str,
    /// The optimum.
    pub row: Row,
}

/// The optimum at one value. Fields as in the result of `solve`.
#[derive(Debug, Clone, Serialize)]
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
    pub method: &'static str,
    pub relative_gap: f64,
    pub verdict: Verdict,
}

/// Solves `problem` with the quantity at each of `values` in turn.
///
/// # Errors
/// [`Error::Problem`] for a value that the problem cannot have, [`Error::Stopped`].
pub fn curve(
    problem: &Problem,
    vary: Quantity,
    values: &[f64],
    options: &Options,
    control: &Control,
) -> Result<Curve, Error> {
    if values.is_empty() {
        return Err(no_values());
    }
    let at = |model: Model| -> Result<(Row, Gram), Error> {
        if control.stop().is_some() {
            return Err(Error::Stopped {
                what: "the whole curve",
            });
        }
        let problem = Problem::new(problem.classes().clone(), model)?;
        let options = Options {
            cross_check: CrossCheckChoice::Never,
            ..*options
        };
        let solved = solve(&problem, &options, control)?;
        let report = Report::new(&problem, &solved, false)?;
        let gram = solved.certificate.gram.clone();
        Ok((Row::new(report, &gram), gram))
    };
    let limit = limit(problem, vary).map(|(name, model)| at(model).map(|(row, gram)| (name, row, gram)));
    let limit = limit.transpose()?;
    let mut rows = Vec::with_capacity(values.len());
    for (index, &value) in values.iter().enumerate() {
        let (mut row, gram) = at(model_at(problem, vary, value)?)?;
        row.value = Some(value);
        row.distance_to_limit = limit.as_ref().map(|(_, _, limit)| distance(&gram, limit));
        rows.push(row);
        control.report("solving", index as u64 + 1, value);
    }
    Ok(Curve {
        schema: SCHEMA,
        version: env!("CARGO_PKG_VERSION"),
        vary,
        loss: problem.model().training.loss().name(),
        class_count: problem.classes().count(),
        limit: limit.map(|(name, row, _)| Limit { name, row }),
        rows,
    })
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
    match (vary, model.training) {
        (Quantity::Temperature, _) => None,
        (Quantity::Negatives, _) => Some(("population", population())),
        (Quantity::BatchSize, Training::FullBatch(_)) => Some(("full-batch", model.clone())),
        (Quantity::BatchSize, Training::Sampled(Sampling::Negatives { .. })) => None,
        (Quantity::BatchSize, Training::Sampled(Sampling::RandomBatches { loss, .. })) => {
            let full = Model {
                training: Training::full_batch(FullBatchLoss::from(loss)),
                ..model.clone()
            };
            match loss {
                _ if Problem::new(problem.classes().clone(), full.clone()).is_ok() => Some(("full-batch", full)),
                BatchLoss::Supcon => Some(("population", population())),
                BatchLoss::Sincere => None,
            }
        }
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

/// `|| A/||A|| - B/||B|| ||` in the Frobenius norm \[Kini2024\], for two Gram matrices on the same groups.
pub fn distance(a: &Gram, b: &Gram) -> f64 {
    let (of_a, of_b) = (a.values(), b.values());
    let m = a.partition().multiplicity_f64();
    // By pairs of classes: the diagonal is 1 in both.
    let sum = |f: &dyn Fn(f64, f64) -> f64| -> f64 {
        let mut total = 0.0;
        for g in 0..m.len() {
            total += m[g] * f(1.0, 1.0);
            for h in 0..m.len() {
                let pairs = m[g] * others(&m, g, h);
                if pairs > 0.0 {
                    total += pairs * f(of_a[(g, h)], of_b[(g, h)]);
                }
            }
        }
        total
    };
    let (norm_a, norm_b) = (sum(&|x, _| x * x).sqrt(), sum(&|_, y| y * y).sqrt());
    sum(&|x, y| (x / norm_a - y / norm_b).powi(2)).sqrt()
}

impl Curve {
    /// The JSON form.
    pub fn to_json(&self) -> String {
        crate::report::json(self)
    }

    /// One line a value, for spreadsheets.
    pub fn to_csv(&self) -> String {
        let number = |value: Option<f64>| value.map_or(String::new(), |value| value.to_string());
        let mut out = format!(
            "{},loss,loss_per_active_anchor,downstream_loss,nearest_degrees,farthest_degrees,distance_to_etf,distance_to_limit,collapsed_classes,verdict\n",
            self.name().replace(' ', "_")
        );
        for row in &self.rows {
            let cells = [
                number(row.value),
                row.loss.to_string(),
                number(row.loss_per_active_anchor),
                number(row.downstream_loss),
                row.nearest_degrees.to_string(),
                row.farthest_degrees.to_string(),
                row.distance_to_etf.to_string(),
                number(row.distance_to_limit),
                row.collapsed.iter().map(Vec::len).sum::<usize>().to_string(),
                verdict(row).to_owned(),
            ];
            out += &cells.join(",");
            out.push('\n');
        }
        out
    }

    /// Whether every row is certified.
    pub fn is_certified(&self) -> bool {
        self.rows.iter().all(|row| row.verdict == Verdict::Certified)
    }

    fn name(&self) -> &'static str {
        match self.vary {
            Quantity::BatchSize => "batch size",
            Quantity::Negatives => "negatives",
            Quantity::Temperature => "temperature",
        }
    }

    /// The table for a person.
    pub fn text(&self) -> String {
        let mut table = crate::report::text::table();
        let limit = self.limit.as_ref();
        let mut header = vec![self.name(), "loss", "downstream", "nearest", "farthest", "to ETF"];
        header.extend(limit.map(|limit| match limit.name {
            "population" => "to population",
            _ => "to full batch",
        }));
        header.extend(["collapsed", "certified"]);
        table.set_header(header);
        let rows = self.rows.iter().chain(limit.map(|limit| &limit.row));
        for row in rows {
            let mut cells = vec![
                row.value
                    .map_or_else(|| limit.map_or("", |limit| limit.name).to_owned(), |v| v.to_string()),
                format!("{:.8}", row.loss),
                row.downstream_loss.map_or("-".to_owned(), |x| format!("{x:.6}")),
                format!("{:.3}", row.nearest_degrees),
                format!("{:.3}", row.farthest_degrees),
                format!("{:.6}", row.distance_to_etf),
            ];
            if limit.is_some() {
                cells.push(row.distance_to_limit.map_or("-".to_owned(), |x| format!("{x:.6}")));
            }
            cells.push(match row.collapsed.iter().map(Vec::len).sum::<usize>() {
                0 => "-".to_owned(),
                count => format!("{count} classes"),
            });
            cells.push(verdict(row).to_owned());
            table.add_row(cells);
        }
        crate::report::text::right_align(&mut table);
        format!(
            "{} classes, {}; angles between classes in degrees, distances of normalised Gram matrices\n\n{}\n",
            self.class_count,
            self.loss,
            table.trim_fmt()
        )
    }
}

fn verdict(row: &Row) -> &'static str {
    match row.verdict {
        Verdict::Certified => "yes",
        Verdict::NotCertified => "no",
        Verdict::RankExceedsDimension => "rank too high",
    }
}
