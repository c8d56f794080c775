//! [`evaluate`]: trained features beside the global optimum of the problem they were trained on, THEORY 10.
//!
//! The loss of the features is that of the full batch over all pairs of samples. Of random batches and sampled negatives it
//! is the expectation THEORY (10) or (11) at the cosines of the class means, and the loss of the full batch stands beside it.

mod advice;
mod given;
mod report;
mod sequence;
mod text;

#[cfg(feature = "plot")]
mod pictures;

use std::time::Instant;

use nalgebra::DMatrix;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Word};
use crate::gram::Partition;
use crate::math::control::Control;
use crate::measure::classes::{Between, ClassMeasures, means, spread};
use crate::measure::collapse::{Compared, Equality, MAX_CLASSES, compare, directions, duality, equality};
use crate::measure::metrics::Angles;
use crate::measure::rows::{Rows, Sign};
use crate::measure::sample_loss::{Collector, Excess, Form};
use crate::objective::{Objective, Sampled, coefficients, real_coefficients};
use crate::problem::{Field, FullBatch, FullBatchLoss, Invalid, Problem, Sampling, Singletons, Training};
use crate::program::Program;
use crate::report::{Name, factor_of_groups};
use crate::solve::Solved;

pub use advice::{Advice, Value, advise, advise_sequence};
pub use given::{check_labels, optimum};
pub use report::{ClassReport, Evaluation, Nearest, SCHEMA};
pub use sequence::{Checkpoint, Common, Row, SEQUENCE_SCHEMA, Sequence, identity, natural_order, number_of, sequence};

/// Most samples whose loss is exact unless it is asked for.
pub const MAX_EXACT: u64 = 20_000;

/// Most classes whose Gram matrix is kept.
pub const MAX_KEPT: usize = 2048;

/// How features are measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Settings {
    /// Exact loss of any number of samples; else above [`MAX_EXACT`] samples it is estimated. Default false.
    pub exact: bool,
    /// Seed of the anchors of an estimate. Default 0.
    pub seed: u64,
}

/// Features.
pub enum Source<'a> {
    /// A row a sample, with its class.
    Samples(&'a mut dyn Rows, &'a [u32]),
    /// A column a class, for samples that coincide; d x k.
    Classes(&'a DMatrix<f64>),
}

/// What is known of some features, as numbers. Distances and numbers that have no value, because a denominator is zero or a class mean has no
/// direction, are null.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Measures {
    /// Loss of the features.
    pub loss: f64,
    /// Loss of the certified optimum.
    pub optimal_loss: f64,
    /// `loss - optimal_loss`, without subtracting the floor.
    pub gap_to_optimum: f64,
    /// The gap over the excess of the optimum (over `max(1, |optimal_loss|)` for nscl).
    pub relative_gap: f64,
    /// `exact` or `estimated`.
    pub loss_kind: Name,
    /// Standard error of an estimate.
    pub loss_standard_error: Option<f64>,
    /// Anchors whose rows were computed; null where the loss is of class vectors.
    pub loss_anchors: Option<u64>,
    /// The loss if every sample had the direction of its class mean; null above [`MAX_KEPT`] classes.
    pub collapsed_loss: Option<f64>,
    /// The loss of all samples beside one of random batches or sampled negatives.
    pub full_batch: Option<FullBatchMeasure>,
    /// Distance of the class Gram matrix from the optimal one.
    pub gram_distance: Option<f64>,
    /// Within-class against between-class spread.
    pub nc1: Nc1,
    /// How far class means are from equal lengths and angles.
    pub nc2: Nc2,
    /// Distance of the classifier from the class means.
    pub nc3: Option<f64>,
    /// Share of samples whose nearest class mean is that of their class.
    pub ncc_accuracy: f64,
    /// Effective rank of the covariance of the class means.
    pub effective_rank: Option<f64>,
    /// Smallest angle between two class means.
    pub nearest_degrees: Option<f64>,
}

/// The loss of the full batch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[allow(missing_docs)]
pub struct FullBatchMeasure {
    /// Its name.
    pub name: Name,
    pub loss: f64,
    pub loss_kind: Name,
    pub loss_standard_error: Option<f64>,
}

/// `tr Sigma_W / tr Sigma_B` and `tr(Sigma_W Sigma_B^+)/k`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[allow(missing_docs)]
pub struct Nc1 {
    pub trace_ratio: Option<f64>,
    pub pinv: Option<f64>,
}

/// See [`Equality`] and [`Compared`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[allow(missing_docs)]
pub struct Nc2 {
    pub equinorm: Option<f64>,
    pub equiangular: Option<f64>,
    pub etf: Option<f64>,
    pub distance_optimum: Option<f64>,
    pub distance_etf: Option<f64>,
    pub distance_of: Option<f64>,
}

/// All that was found of some features.
#[derive(Debug, Clone)]
pub struct Measured {
    /// The numbers.
    pub measures: Measures,
    /// Means and spread of the classes.
    pub classes: ClassMeasures,
    /// The classes beside the optimum; `None` if a mean is zero.
    pub compared: Option<Compared>,
    /// Cosines of the class means, k x k; `None` above [`MAX_KEPT`] classes, or if a mean is zero.
    pub class_gram: Option<DMatrix<f64>>,
    /// Whether there was a row for every sample.
    pub of_samples: bool,
    /// Things the user should know.
    pub warnings: Vec<String>,
    /// Time of the measurement.
    pub seconds: f64,
}

/// Measures features against the optimum of `problem`. Of samples, `sizes` are the numbers of rows of every class.
///
/// # Errors
/// [`Error::Array`] for rows that are no features; [`Error::Invalid`] for a temperature below what the loss of samples can
/// have; [`Error::TooLarge`]; [`Error::Contradiction`] for a loss below the proven bound; [`Error::Stopped`].
///
/// # Panics
/// If there are not as many labels as rows, or not as many sizes or columns as classes.
pub fn evaluate(
    problem: &Problem,
    solved: &Solved,
    source: Source<'_>,
    sizes: &[u64],
    classifier: Option<&DMatrix<f64>>,
    settings: &Settings,
    control: &Control,
) -> Result<Measured, Error> {
    let clock = Instant::now();
    let count = problem.classes().count() as usize;
    assert_eq!(sizes.len(), count, "one size a class");
    let of_samples = matches!(source, Source::Samples(..));
    check_size(count, of_samples, &problem.model().training)?;
    let (classes, between, own) = match source {
        Source::Samples(rows, labels) => {
            assert_eq!(rows.count(), labels.len(), "one label a row");
            let (classes, between, excess) = both_passes(problem, rows, labels, sizes, settings, control)?;
            (classes, between, Some(excess))
        }
        Source::Classes(columns) => {
            assert_eq!(columns.ncols(), count, "one column a class");
            let units = directions(columns).ok_or_else(|| Error::Internal {
                what: "a class vector is zero".to_owned(),
            })?;
            let between = Between::new(&units)?;
            (ClassMeasures::collapsed(units, sizes.to_vec(), &between), between, None)
        }
    };
    let mut warnings = Vec::new();
    let gram = &solved.certificate.gram;
    let compared = compare(&classes.means, gram, Angles::new(gram, factor_of_groups(solved)));
    if compared.is_none() {
        warnings.push("a class mean is zero: angles and distances of Gram matrices have no value".to_owned());
    }
    let class_gram = directions(&classes.means).filter(|_| count <= MAX_KEPT).map(|units| {
        let mut gram = units.tr_mul(&units);
        gram.fill_diagonal(1.0);
        gram
    });
    let at_means = class_gram.as_ref().map(|gram| excess_at(problem, gram)).transpose()?;
    let floor = solved.certificate.floor.unwrap_or(0.0);
    let sampled = match &problem.model().training {
        Training::FullBatch(_) => None,
        Training::FixedBatches(_) => return Err(of_fixed_batches().into()),
        Training::Sampled(sampling) => Some(*sampling),
    };
    let excess = match (&own, sampled) {
        (Some(excess), None) => excess.as_ref().copied(),
        _ => at_means.map(|value| Excess {
            value,
            standard_error: None,
            anchors: 0,
        }),
    };
    let excess = excess.ok_or_else(|| Error::Internal {
        what: "the loss of these features has no value: a class mean is zero".to_owned(),
    })?;
    // An excess that has underflowed is below nothing.
    let told = excess.value >= f64::MIN_POSITIVE || solved.certificate.floor.is_none();
    if told && excess.standard_error.is_none() && !problem.model().features.nonnegative {
        solved
            .certificate
            .admits("the features", excess.value, excess.value.ln())?;
    }
    let full_batch = match (own.flatten(), sampled) {
        (Some(excess), Some(sampling)) => Some(full_batch(problem, sampling, sizes, &excess)),
        _ => None,
    };
    if classes.means.nrows() < solved.rank as usize && solved.dimension_search.is_none() {
        warnings.push(format!(
            "the features have {} dimensions and the optimum needs {}: part of the gap cannot be closed in so few",
            classes.means.nrows(),
            solved.rank
        ));
    }
    let unit = match solved.certificate.floor {
        Some(_) => solved.certificate.excess,
        None => solved.certificate.loss.abs().max(1.0),
    };
    let gap = excess.value - solved.certificate.excess;
    // No exact loss is below the optimum by more than the proof leaves open. An estimate may be.
    let is_rounding = excess.standard_error.is_none() && -gap <= solved.certificate.relative_gap * unit;
    let gap = if gap < 0.0 && is_rounding { 0.0 } else { gap };
    let between_trace = between.trace();
    let ratio = |value: f64| (between_trace > 0.0).then(|| value / between_trace);
    let Equality {
        equinorm,
        equiangular,
        etf,
    } = equality(&between);
    let distance = |of: &dyn Fn(&Compared) -> f64| compared.as_ref().map(of);
    let measures = Measures {
        loss: floor + excess.value,
        optimal_loss: solved.certificate.loss,
        gap_to_optimum: gap,
        relative_gap: if gap == 0.0 {
            0.0
        } else {
            (gap / unit).clamp(-f64::MAX, f64::MAX)
        },
        loss_kind: kind(&excess),
        loss_standard_error: excess.standard_error,
        loss_anchors: Some(excess.anchors).filter(|&anchors| anchors > 0),
        collapsed_loss: at_means.map(|value| floor + value),
        full_batch,
        gram_distance: distance(&|compared| compared.to_optimum),
        nc1: Nc1 {
            trace_ratio: ratio(classes.within_trace()),
            pinv: classes.pseudoinverse_trace.map(|trace| trace / count as f64),
        },
        nc2: Nc2 {
            equinorm,
            equiangular,
            etf,
            distance_optimum: distance(&|compared| compared.to_optimum),
            distance_etf: distance(&|compared| compared.to_etf),
            distance_of: distance(&|compared| compared.to_frame),
        },
        nc3: classifier.and_then(|weights| duality(weights, &between)),
        ncc_accuracy: classes.accuracy(),
        effective_rank: between.effective_rank(),
        nearest_degrees: compared.as_ref().map(|compared| {
            let angles = compared.classes.iter().map(|class| class.nearest.1);
            angles.fold(f64::INFINITY, f64::min)
        }),
    };
    Ok(Measured {
        measures,
        of_samples,
        classes,
        compared,
        class_gram,
        warnings,
        seconds: clock.elapsed().as_secs_f64(),
    })
}

fn kind(excess: &Excess) -> Name {
    match excess.standard_error {
        None => "exact".into(),
        Some(_) => "estimated".into(),
    }
}

/// Both passes over samples; the excess of the full batch, if it has one.
fn both_passes(
    problem: &Problem,
    rows: &mut dyn Rows,
    labels: &[u32],
    sizes: &[u64],
    settings: &Settings,
    control: &Control,
) -> Result<(ClassMeasures, Between, Option<Excess>), Error> {
    let sign = if problem.model().features.nonnegative {
        Sign::Nonnegative
    } else {
        Sign::Any
    };
    let form = form(problem, sizes)?;
    let estimated = !settings.exact && labels.len() as u64 > MAX_EXACT;
    let dimension = rows.dimension();
    let drawn = form
        .as_ref()
        .filter(|_| estimated)
        .map(|form| form.draw(labels, dimension, settings.seed));
    let mut collector = drawn.map(|drawn| Collector::new(drawn, dimension));
    let class_means = means(rows, labels, sizes, sign, control, |block| {
        if let Some(collector) = &mut collector {
            collector.see(block);
        }
    })?;
    let between = Between::new(&class_means)?;
    let mut anchors = match (collector, &form) {
        (Some(collector), Some(form)) => Some(collector.anchors(form, labels, &class_means)),
        _ => None,
    };
    let classes = spread(rows, labels, sizes, (class_means, &between), control, |block| {
        if let Some(anchors) = &mut anchors {
            anchors.meet(block, labels);
        }
    })?;
    let excess = match (&form, anchors) {
        (Some(form), Some(mut anchors)) => Some(form.estimate(&anchors.rows(rows, labels, control)?)),
        (Some(form), None) => Some(form.exact(rows, labels, &classes.means, control)?),
        (None, _) => None,
    };
    Ok((classes, between, excess))
}

/// The loss of the full batch that goes with the training of `problem`; `None` if no sample would have a positive.
fn form(problem: &Problem, sizes: &[u64]) -> Result<Option<Form>, Error> {
    let ones = vec![1.0; sizes.len()];
    let (loss, coefficients) = match &problem.model().training {
        Training::FullBatch(full) => {
            let given: Vec<f64> = problem.classes().sizes().collect();
            (full.loss, coefficients(problem, full, &given, &ones))
        }
        Training::FixedBatches(_) => return Err(of_fixed_batches().into()),
        Training::Sampled(sampling) => {
            let full = companion(*sampling);
            if full.loss.needs_positive() && sizes.iter().all(|&size| size < 2) {
                return Ok(None);
            }
            let counts: Vec<f64> = sizes.iter().map(|&size| size as f64).collect();
            (
                full.loss,
                real_coefficients(&full, problem.model().temperature, &counts, &ones),
            )
        }
    };
    Ok(Some(Form::new(loss, &coefficients, sizes)?))
}

/// The full batch beside draws; samples without a positive are no anchors.
fn companion(sampling: Sampling) -> FullBatch {
    let loss = match sampling {
        Sampling::RandomBatches { loss, .. } | Sampling::ClassBalanced { loss, .. } => loss.into(),
        Sampling::Negatives { .. } => FullBatchLoss::Population,
    };
    FullBatch {
        singletons: Singletons::Skip,
        ..FullBatch::from(loss)
    }
}

fn full_batch(problem: &Problem, sampling: Sampling, sizes: &[u64], excess: &Excess) -> FullBatchMeasure {
    let full = companion(sampling);
    let counts: Vec<f64> = sizes.iter().map(|&size| size as f64).collect();
    let coefficients = real_coefficients(&full, problem.model().temperature, &counts, &vec![1.0; counts.len()]);
    FullBatchMeasure {
        name: full.loss.name().into(),
        loss: coefficients.floor().unwrap_or(0.0) + excess.value,
        loss_kind: kind(excess),
        loss_standard_error: excess.standard_error,
    }
}

/// The loss less its floor where samples have the directions of their class means, whose cosines are `gram`.
fn excess_at(problem: &Problem, gram: &DMatrix<f64>) -> Result<f64, Error> {
    let partition = Partition::singletons(problem);
    match &problem.model().training {
        Training::FullBatch(full) => {
            let program = Program::on_partition(problem, full, partition);
            let loss = program.class_level();
            Ok(loss.excess(&loss.evaluate(gram, 0.0)))
        }
        Training::FixedBatches(_) => Err(of_fixed_batches().into()),
        Training::Sampled(sampling) => {
            sampling.check_terms(partition.sizes(), &partition.multiplicity_f64())?;
            let loss = Sampled::on_partition(problem, sampling, &partition);
            Ok(loss.excess(&loss.evaluate(gram, 0.0)))
        }
    }
}

/// Samples of fixed batches need not collapse, and class vectors have no loss there.
fn of_fixed_batches() -> Invalid {
    Invalid::unavailable(
        Field::Batches,
        "the loss of trained features on fixed batches",
        &[Word::Text(
            "leave out the batches: features are measured against the full batch then",
        )],
    )
}

/// The loss of class vectors is taken from their Gram matrix, that of samples without it.
fn check_size(count: usize, of_samples: bool, training: &Training) -> Result<(), Error> {
    let most = match training {
        Training::FullBatch(_) if of_samples => MAX_CLASSES,
        Training::FullBatch(_) | Training::FixedBatches(_) | Training::Sampled(_) => MAX_KEPT,
    };
    if count <= most {
        return Ok(());
    }
    let bytes = |count: usize| 8.0 * (count as f64).powi(2);
    Err(Error::TooLarge {
        what: format!("comparing {count} classes pair by pair"),
        bytes: bytes(count),
        limit: bytes(most),
        hint: &[Word::Text(
            "evaluate the samples of fewer classes (20,000 at most; 2048 for class vectors, random batches and sampled negatives)",
        )],
    })
}
