//! What the numbers speak for: sentences, each with the numbers it rests on, and none where they do not.
//!
//! * **More training**: the gap is at least a twentieth of the excess and three standard errors, and most of it is the
//!   spread of samples about their class means, which the optimum does not have; or, in a sequence, it still falls.
//! * **Larger batches**: the features are less than half as far from the optimum of random batches of some size as from that of
//!   the full batch that they are measured against.
//! * **Another temperature, another loss, larger batches**: the optimum itself puts two classes within half the angle of the
//!   simplex ETF, so that training cannot part them, the features are nearer to that optimum than to the ETF, and the solved
//!   optimum of the alternative has its closest classes a quarter and five degrees farther apart.

use serde::{Deserialize, Serialize};

use super::{Measured, Measures, Row};
use crate::error::Error;
use crate::gram::Partition;
use crate::math::control::Control;
use crate::measure::metrics::{Angles, Pair, angle_degrees, extreme_pairs, kini_distance};
use crate::problem::training::Parts;
use crate::problem::{Anchors, BatchLoss, FullBatchLoss, Loss, Model, Problem, TEMPERATURE_RANGE, Training};
use crate::report::class_name;
use crate::report::{Name, factor_of_groups};
use crate::solve::{CrossCheckChoice, Options, Solved, solve};

/// Share of the excess from which a gap counts.
const GAP: f64 = 0.05;

/// Standard errors by which an estimated gap must be above zero.
const ERRORS: f64 = 3.0;

/// By how much the gap of a sequence must fall over its last third.
const FALL: f64 = 0.1;

/// Gram distance below which classes are where they should be.
const CLOSE: f64 = 0.05;

/// Batch sizes that features are looked for at.
const BATCHES: [u64; 7] = [16, 32, 64, 128, 256, 512, 1024];

/// Most distinct sizes for which alternatives are solved.
const MAX_GROUPS: usize = 500;
const MAX_BCL_GROUPS: usize = 30;

/// A sentence and what it rests on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Advice {
    /// `more-training`, `lower-temperature`, `higher-temperature`, `larger-batches` or `another-loss`.
    pub action: Name,
    /// For a person.
    pub sentence: String,
    /// The numbers in the sentence.
    pub rests_on: Vec<Value>,
}

/// A number with its name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[allow(missing_docs)]
pub struct Value {
    pub name: Name,
    pub value: f64,
}

fn advice<const N: usize>(action: &'static str, sentence: String, rests_on: [(&'static str, f64); N]) -> Advice {
    let rests_on = rests_on.into_iter().map(|(name, value)| Value {
        name: name.into(),
        value,
    });
    Advice {
        action: action.into(),
        sentence,
        rests_on: rests_on.collect(),
    }
}

/// Advice from one set of features.
///
/// # Errors
/// [`Error::Stopped`].
pub fn advise(
    problem: &Problem,
    solved: &Solved,
    measured: &Measured,
    options: &Options,
    control: &Control,
) -> Result<Vec<Advice>, Error> {
    let mut all = Vec::new();
    all.extend(spread(&measured.measures));
    all.extend(small_batches(problem, measured, options, control)?);
    all.extend(alternatives(problem, solved, Some(measured), options, control)?);
    Ok(all)
}

/// Advice from a sequence of features, in the order of training, of which `last` is the end.
///
/// # Errors
/// [`Error::Stopped`].
pub fn advise_sequence(
    problem: &Problem,
    solved: &Solved,
    rows: &[Row],
    options: &Options,
    control: &Control,
) -> Result<Vec<Advice>, Error> {
    let mut all = Vec::new();
    if let Some(last) = rows.last() {
        all.extend(falling(rows).or_else(|| spread(&last.measures).filter(|_| rows.len() < 3)));
        if follows(&last.measures) {
            all.extend(alternatives(problem, solved, None, options, control)?);
        }
    }
    Ok(all)
}

/// Whether a gap is there, and not one of chance.
fn significant(measures: &Measures) -> bool {
    measures.relative_gap > GAP && measures.gap_to_optimum > ERRORS * measures.loss_standard_error.unwrap_or(0.0)
}

/// The spread of samples is most of the gap.
fn spread(measures: &Measures) -> Option<Advice> {
    let cost = measures.loss - measures.collapsed_loss?;
    let share = cost / measures.gap_to_optimum;
    let nc1 = measures.nc1.trace_ratio?;
    if !significant(measures) || share < 0.5 {
        return None;
    }
    Some(advice(
        "more-training",
        format!(
            "More training: the spread of samples about their class means (NC1 {nc1:.2e}) costs {cost:.3e} nats, {:.0}% of the gap to the optimum, which has none.",
            100.0 * share.min(1.0)
        ),
        [
            ("spread_cost", cost),
            ("gap_to_optimum", measures.gap_to_optimum),
            ("nc1.trace_ratio", nc1),
        ],
    ))
}

/// The classes are where training with small batches puts them: nearer to the optimum of some size of random batches than to
/// half their distance from that of the full batch.
fn small_batches(
    problem: &Problem,
    measured: &Measured,
    options: &Options,
    control: &Control,
) -> Result<Option<Advice>, Error> {
    let measures = &measured.measures;
    let (Some(gram), Some(own)) = (&measured.class_gram, measures.gram_distance) else {
        return Ok(None);
    };
    let full = match &problem.model().training {
        Training::FullBatch(full) if full.anchors == Anchors::Sample => full.loss,
        Training::FullBatch(_) | Training::FixedBatches(_) | Training::Sampled(_) => return Ok(None),
    };
    let loss = BatchLoss::ALL
        .into_iter()
        .find(|&loss| FullBatchLoss::from(loss) == full);
    let groups = Partition::by_size(problem).groups();
    // A row of bcl in random batches costs a thousand terms for every other size.
    let most = if loss == Some(BatchLoss::Bcl) {
        MAX_BCL_GROUPS
    } else {
        MAX_GROUPS
    };
    let (Some(loss), true) = (loss, own > CLOSE && groups <= most) else {
        return Ok(None);
    };
    let views = problem.model().views;
    let samples = measured.classes.samples();
    let mut best: Option<(f64, u64)> = None;
    for size in BATCHES.into_iter().filter(|size| 4 * size * views <= samples) {
        let model = Model {
            training: Training::random_batches(loss, size),
            ..problem.model().clone()
        };
        if let Some(found) = solved_other(problem, model, options, control)? {
            let optimum = found.certificate.gram.to_dense();
            let distance = kini_distance(gram, &optimum, &vec![1.0; gram.nrows()]);
            if best.is_none_or(|(least, _)| distance < least) {
                best = Some((distance, size));
            }
        }
    }
    Ok(best.filter(|(distance, _)| *distance < own / 2.0).map(|(distance, size)| {
        advice(
            "larger-batches",
            format!(
                "Larger batches: the classes are at a Gram distance of {distance:.3} from where random batches of {size} drive them, and of {own:.3} from the optimum of the full batch."
            ),
            [
                ("gram_distance_of_batches", distance),
                ("batch_size", size as f64),
                ("gram_distance", own),
            ],
        )
    }))
}

/// The certified optimum of another model of the same classes; `None` where there is none.
fn solved_other(
    problem: &Problem,
    model: Model,
    options: &Options,
    control: &Control,
) -> Result<Option<Solved>, Error> {
    if control.stop().is_some() {
        return Err(Error::Stopped { what: "the advice" });
    }
    let Ok(problem) = Problem::new(problem.classes().clone(), model) else {
        return Ok(None);
    };
    let options = Options {
        cross_check: CrossCheckChoice::Never,
        ..*options
    };
    // What cannot be solved is no advice.
    let found = solve(&problem, &options, &control.unobserved()).ok();
    Ok(found.filter(Solved::is_certified))
}

/// The gap still falls.
fn falling(rows: &[Row]) -> Option<Advice> {
    let last = rows.last()?;
    // At least two files earlier, if there are so many: the step from the last but one may be short.
    let before = rows.get((2 * rows.len() / 3).min(rows.len().checked_sub(3)?))?;
    let (from, to) = (before.measures.gap_to_optimum, last.measures.gap_to_optimum);
    let error = |row: &Row| row.measures.loss_standard_error.unwrap_or(0.0);
    let chance = ERRORS * error(before).hypot(error(last));
    if !significant(&last.measures) || from - to <= FALL * from + chance {
        return None;
    }
    Some(advice(
        "more-training",
        format!(
            "More training: the gap to the optimum fell from {from:.3e} nats at {} to {to:.3e} at {}, and is still {:.2} of the excess.",
            before.embeddings, last.embeddings, last.measures.relative_gap
        ),
        [
            ("gap_to_optimum_before", from),
            ("gap_to_optimum", to),
            ("relative_gap", last.measures.relative_gap),
        ],
    ))
}

/// Whether the features are nearer to the optimum than to the simplex ETF.
fn follows(measures: &Measures) -> bool {
    matches!((measures.gram_distance, measures.nc2.distance_etf), (Some(own), Some(etf)) if own < etf)
}

/// What parts classes that the optimum itself puts close.
fn alternatives(
    problem: &Problem,
    solved: &Solved,
    measured: Option<&Measured>,
    options: &Options,
    control: &Control,
) -> Result<Vec<Advice>, Error> {
    let mut all = Vec::new();
    let count = problem.classes().count() as f64;
    let etf = angle_degrees(-1.0 / (count - 1.0));
    let Some(close) = closest(solved).filter(|pair| pair.angle_degrees < etf / 2.0) else {
        return Ok(all);
    };
    if count < 3.0
        || Partition::by_size(problem).groups() > MAX_GROUPS
        || !solved.is_certified()
        || measured.is_some_and(|measured| !follows(&measured.measures))
    {
        return Ok(all);
    }
    let theta = close.angle_degrees;
    let enough = |pair: &Pair| pair.angle_degrees >= (1.25 * theta).max(theta + 5.0);
    let seen = measured.and_then(|measured| {
        let gram = measured.class_gram.as_ref()?;
        let [i, j] = close.classes.map(|class| class as usize);
        Some(angle_degrees(gram[(i, j)]))
    });
    let model = problem.model();
    let [a, b] = close.classes.map(|class| class_name(problem.classes().labels(), class));
    let here = format!(
        "the optimum itself has classes {a} and {b} {theta:.1} degrees apart{}",
        seen.map_or(String::new(), |seen| format!(" (measured {seen:.1})"))
    );
    let try_all = |models: Vec<(&'static str, String, Model)>| -> Result<Option<Advice>, Error> {
        let mut best: Option<(f64, &'static str, String)> = None;
        for (action, what, model) in models {
            let Some(found) = solved_other(problem, model, options, control)? else {
                continue;
            };
            if let Some(pair) = closest(&found).filter(&enough)
                && best.as_ref().is_none_or(|(angle, ..)| pair.angle_degrees > *angle)
            {
                best = Some((pair.angle_degrees, action, what));
            }
        }
        Ok(best.map(|(angle, action, what)| {
            advice(
                action,
                format!("{what}: {here}, so training cannot part them; its own has its closest classes at {angle:.1}."),
                [("closest_at_optimum", theta), ("closest_at_alternative", angle)],
            )
        }))
    };
    let (least, most) = TEMPERATURE_RANGE;
    let temperatures = [
        ("lower-temperature", "A lower temperature", model.temperature / 2.0),
        ("higher-temperature", "A higher temperature", model.temperature * 2.0),
    ];
    let temperatures = temperatures
        .into_iter()
        .filter(|&(.., value)| (least..=most).contains(&value))
        .map(|(action, what, temperature)| {
            let model = Model {
                temperature,
                ..model.clone()
            };
            (action, format!("{what}, such as {temperature}"), model)
        });
    all.extend(try_all(temperatures.collect())?);
    if let Some(size) = model.training.batch_size() {
        let parts = Parts {
            batch_size: Some(size.saturating_mul(4)),
            ..model.training.parts()
        };
        let larger = with(model, parts).map(|model| {
            let what = format!("Larger batches, such as {}", size.saturating_mul(4));
            ("larger-batches", what, model)
        });
        all.extend(try_all(larger.into_iter().collect())?);
    }
    let parts = model.training.parts();
    let losses = Loss::ALL.into_iter().flat_map(|loss| {
        let anchors = match loss {
            Loss::Bcl => vec![parts.anchors, Anchors::Class],
            _ => vec![parts.anchors],
        };
        anchors.into_iter().map(move |anchors| (loss, anchors))
    });
    let losses = losses.filter(|&(loss, anchors)| (loss, anchors) != (parts.loss, parts.anchors));
    let losses = losses.filter_map(|(loss, anchors)| {
        let model = with(
            model,
            Parts {
                loss,
                anchors,
                ..parts.clone()
            },
        )?;
        let what = match anchors {
            Anchors::Class if loss == Loss::Bcl => format!("Another loss, such as {loss} with class-balanced anchors"),
            _ => format!("Another loss, such as {loss}"),
        };
        Some(("another-loss", what, model))
    });
    all.extend(try_all(losses.collect())?);
    Ok(all)
}

fn with(model: &Model, parts: Parts) -> Option<Model> {
    let training = Training::from_parts(parts).ok()?;
    Some(Model {
        training,
        ..model.clone()
    })
}

fn closest(solved: &Solved) -> Option<Pair> {
    let gram = &solved.certificate.gram;
    extreme_pairs(&Angles::new(gram, factor_of_groups(solved))).map(|(nearest, _)| nearest)
}
