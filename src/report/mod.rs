//! [`Report`]: the answer as plain data, ready to be printed, stored or drawn. It cannot be built without a certificate.
//!
//! The JSON form is a contract (`ufmin/solve/1`): fields may be added, never removed or renamed; every number is finite
//! and reads back to the same `f64`.

#[cfg(feature = "files")]
pub mod arrays;
pub mod audit;
pub mod cross_entropy;
pub mod cross_entropy_phase;
mod json;
#[cfg(feature = "plot")]
pub mod picture;
pub mod stopped;
pub mod text;
pub mod view;

use std::borrow::Cow;
use std::fmt;

use nalgebra::DMatrix;
use serde::{Deserialize, Serialize};

use crate::certificate::{Certificate, Verdict};
use crate::error::Error;
use crate::gram::cells::Cells;
use crate::gram::entries::Entries;
use crate::gram::{Gram, Partition};
use crate::math::array::Array;
use crate::measure::batch_mean::{BatchMean, batch_mean};
use crate::measure::embedding::Embedding;
use crate::measure::metrics::{Angles, Pair, downstream_loss, extreme_pairs, nearly_collapsed};
use crate::measure::schedule::{ClassMeans, batches};
use crate::measure::shots::{Shot, shots};
use crate::method::formula::Reference;
#[cfg(feature = "plot")]
use crate::plot::Figure;
use crate::problem::batches::conditions::Conditions;
use crate::problem::convention::anchors_of;
use crate::problem::label::{Label, shortened};
use crate::problem::training::Parts;
use crate::problem::{
    Anchors, BatchLoss, Batches, Classes, Convention, Features, FixedBatches, Loss, MAX_CLASS_SIZE, Measure, Model,
    Problem, Reduction, Run, Sampling, Singletons, Training,
};
use crate::report::audit::audit;
#[cfg(feature = "plot")]
use crate::report::picture::Picture;
use crate::report::view::{Style, View};
use crate::solution::Termination;
use crate::solve::{CrossCheck, DimensionSearch, Solved};

pub use json::json;

/// A name from a fixed list, which a report that was read back owns.
pub type Name = Cow<'static, str>;

/// Identifier of the JSON form.
pub const SCHEMA: &str = "ufmin/solve/1";

/// Largest number of rows of a matrix in the JSON without `--full-gram`.
pub const MAX_JSON_ROWS: usize = 64;

/// Most groups whose r x r matrices are stored in `.npz` files.
pub const MAX_STORED_GROUPS: usize = 4096;

/// Above this many classes the JSON lists neither sizes nor the classes of groups.
pub const MAX_LISTED_CLASSES: u64 = 10_000;

/// A result, as data.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Report {
    /// [`SCHEMA`].
    pub schema: Name,
    /// Version of this crate.
    pub version: Name,
    /// Whether the solver came to its own end, not to a time limit or a stop request.
    #[serde(default = "is_complete")]
    pub complete: bool,
    /// What was solved.
    pub problem: ProblemReport,
    /// What was found.
    pub solution: SolutionReport,
    /// What is proven.
    pub certificate: CertificateReport,
    /// Standard geometries against the optimum.
    pub references: Vec<Reference>,
    /// Things the user should know.
    pub warnings: Vec<String>,
    /// All inner products, of which the JSON has those of few classes; `None` where the report was read back.
    #[serde(skip)]
    pub gram: Option<Gram>,
    /// Inner products of the kinds of samples that fixed batches tell apart; `None` where the report was read back.
    #[serde(skip)]
    pub cells: Option<(Gram, Cells)>,
    /// Features of the classes, where they are so small that they were made to be checked.
    #[serde(skip)]
    pub embedding: Option<Embedding>,
}

/// Results of the first versions do not say: only their `termination` does.
fn is_complete() -> bool {
    true
}

/// The problem, restated in full: it can be solved again from this (`spec::restated`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[allow(missing_docs)] // As in the problem file.
pub struct ProblemReport {
    pub title: Option<String>,
    pub sizes: Option<Vec<u64>>,
    pub probabilities: Option<Vec<f64>>,
    pub class_count: u64,
    /// What the data set calls the classes, in their order: the labels, or the names in a file of counts. Null where it does
    /// not say, and above [`MAX_LISTED_CLASSES`].
    #[serde(default)]
    pub class_labels: Option<Vec<Label>>,
    pub views: u64,
    pub loss: Name,
    pub anchors: Name,
    /// `error`, `skip` or `zero`; null where classes of one sample need no rule.
    #[serde(default)]
    pub singletons: Option<Name>,
    pub temperature: f64,
    pub nonnegative: bool,
    pub dimension: Option<u64>,
    /// Null for the full batch.
    pub batches: Option<BatchesReport>,
    /// Sampled negatives of each anchor; null but for nce.
    pub negatives: Option<u64>,
    /// What the loss is multiplied by where it is stated on the user's scale: 1 by default.
    #[serde(default = "unit")]
    pub loss_scale: f64,
    /// Whether it is a mean or a sum there.
    #[serde(default)]
    pub reduction: Reduction,
    /// Sizes (or probabilities) with the number of neighbouring classes that have them, where the classes are not listed; in
    /// the JSON up to [`MAX_LISTED_RUNS`].
    #[serde(default, skip_serializing_if = "is_unlisted", serialize_with = "whole_sizes")]
    pub(crate) runs: Vec<(f64, u64)>,
}

/// Most runs of equal sizes that the JSON lists.
pub const MAX_LISTED_RUNS: usize = 1_000_000;

fn is_unlisted(runs: &[(f64, u64)]) -> bool {
    runs.is_empty() || runs.len() > MAX_LISTED_RUNS
}

/// Runs with sizes as whole numbers where they are, as `problem.sizes` has them.
fn whole_sizes<S: serde::Serializer>(runs: &[(f64, u64)], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(runs.iter().map(|&(size, count)| (Size(size), count)))
}

/// A size or a probability, whole where it is.
struct Size(f64);

impl Serialize for Size {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        whole_size(&self.0, serializer)
    }
}

/// Writes a size without a fraction where it has none: sizes are counts.
fn whole_size<S: serde::Serializer>(size: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    if size.fract() == 0.0 && (1.0..=MAX_CLASS_SIZE).contains(size) {
        serializer.serialize_u64(*size as u64)
    } else {
        serializer.serialize_f64(*size)
    }
}

fn unit() -> f64 {
    1.0
}

/// What a class is called: by its label, else by its number.
pub(crate) fn class_name(labels: Option<&[Label]>, class: u64) -> String {
    let label = labels.and_then(|labels| labels.get(class as usize));
    label.map_or_else(|| class.to_string(), |label| shortened(&label.to_string()))
}

/// Labels that say more than the numbers of the classes do.
pub(crate) fn telling(labels: Option<&[Label]>) -> Option<&[Label]> {
    let labels = labels?;
    let numbered = (0..).zip(labels).all(|(number, label)| *label == Label::Number(number));
    (!numbered).then_some(labels)
}

/// The batches of a problem.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct BatchesReport {
    /// `random`: drawn with replacement; `class-balanced`: as many examples of each of some classes; `fixed`: the same in
    /// every epoch.
    pub kind: Name,
    /// Examples in a batch that is drawn; null for fixed batches.
    pub size: Option<u64>,
    /// Random batches draw a class of `n` samples in proportion to `n^power`; null for other batches.
    #[serde(default)]
    pub power: Option<f64>,
    /// Whether an example may be twice in a random batch; null for other batches.
    #[serde(default)]
    pub replacement: Option<bool>,
    /// Classes in a class-balanced batch, alone there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub classes: Option<u64>,
    /// Examples of each class in a class-balanced batch, alone there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_class: Option<u64>,
    /// Fixed batches, alone.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub fixed: Option<FixedBatchesReport>,
}

/// Most members of fixed batches that the JSON lists.
pub const MAX_LISTED_MEMBERS: usize = 10_000;

/// Fixed batches.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct FixedBatchesReport {
    /// Number of batches.
    pub count: u64,
    /// Examples in the smallest batch.
    pub smallest: u64,
    /// Examples in the largest batch.
    pub largest: u64,
    /// Examples in no batch.
    pub unused: u64,
    /// The samples of every batch by the numbers that the user gave; absent above [`MAX_LISTED_MEMBERS`] in all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub members: Option<Vec<Vec<u32>>>,
    /// The class-major number of every sample, in the order of the numbers that the user gave, where that is another; as
    /// `members`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub examples: Option<Vec<u32>>,
}

impl BatchesReport {
    /// The batches of a training; `None` where it has none.
    pub fn new(training: &Training) -> Option<Self> {
        match training {
            Training::FullBatch(_) | Training::Sampled(Sampling::Negatives { .. }) => None,
            Training::Sampled(Sampling::RandomBatches {
                size,
                power,
                replacement,
                ..
            }) => Some(Self {
                kind: "random".into(),
                size: Some(*size),
                power: Some(*power),
                replacement: Some(*replacement),
                classes: None,
                per_class: None,
                fixed: None,
            }),
            Training::Sampled(Sampling::ClassBalanced { classes, per_class, .. }) => Some(Self {
                kind: "class-balanced".into(),
                size: Some(classes * per_class),
                power: None,
                replacement: None,
                classes: Some(*classes),
                per_class: Some(*per_class),
                fixed: None,
            }),
            Training::FixedBatches(FixedBatches { batches, .. }) => Some(Self {
                kind: "fixed".into(),
                size: None,
                power: None,
                replacement: None,
                classes: None,
                per_class: None,
                fixed: Some(FixedBatchesReport::new(batches)),
            }),
        }
    }
}

impl FixedBatchesReport {
    /// The batches.
    pub fn new(batches: &Batches) -> Self {
        let listed = batches.memberships() <= MAX_LISTED_MEMBERS;
        Self {
            count: batches.count() as u64,
            smallest: batches.smallest() as u64,
            largest: batches.largest() as u64,
            unused: batches.unused_count().into(),
            members: listed.then(|| batches.positions().collect()),
            examples: batches.order().listed().filter(|_| listed).map(<[u32]>::to_vec),
        }
    }
}

impl fmt::Display for FixedBatchesReport {
    /// `6 fixed batches of 4 to 8`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let batches = if self.count == 1 { "batch" } else { "batches" };
        write!(f, "{} fixed {batches} of {}", self.count, self.smallest)?;
        if self.smallest < self.largest {
            write!(f, " to {}", self.largest)?;
        }
        Ok(())
    }
}

impl fmt::Display for BatchesReport {
    /// `random batches of 64`, `6 fixed batches of 4 to 8`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.fixed, self.size) {
            (Some(fixed), _) => fixed.fmt(f),
            (None, Some(size)) => {
                write!(f, "{} batches of {size}", self.kind)?;
                if self.replacement == Some(false) {
                    write!(f, " without replacement")?;
                }
                if let (Some(classes), Some(per_class)) = (self.classes, self.per_class) {
                    return write!(f, ": {classes} classes, {per_class} of each");
                }
                match self.power.filter(|&power| power != 1.0) {
                    Some(power) => write!(f, ", classes drawn by their size to the power {power}"),
                    None => Ok(()),
                }
            }
            (None, None) => write!(f, "{} batches", self.kind),
        }
    }
}

/// Classes with one row in the group-level Gram matrix.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct GroupReport {
    /// Size of each class, before views (a probability, where those were given).
    #[serde(serialize_with = "whole_size")]
    pub size: f64,
    /// Number of classes.
    pub count: u64,
    /// The classes, 0-based in the user's order; absent above [`MAX_LISTED_CLASSES`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub classes: Option<Vec<u64>>,
}

/// The minimiser.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SolutionReport {
    /// `dual`, `conic`, `lowrank` or `closed-form`.
    pub method: Name,
    /// The method that was asked for, `auto` among them; null in reports of the first versions.
    #[serde(default)]
    pub asked: Option<Name>,
    /// Why the solver stopped.
    pub termination: Name,
    /// Iterations, summed over passes.
    pub iterations: u64,
    /// From the validated problem to the certificate.
    pub seconds: f64,
    /// Mean over anchors, nats; with random batches over all samples of a batch, THEORY (11).
    pub loss: f64,
    /// The loss on the user's scale: times `problem.loss_scale`, with `problem.reduction`; null where these are 1 and a mean.
    pub reported_loss: Option<f64>,
    /// Anchors that the loss on the user's scale is a sum over; null for a mean.
    pub reported_anchors: Option<u64>,
    /// Mean over the anchors of random batches that have a positive; null for other losses.
    pub loss_per_active_anchor: Option<f64>,
    /// Mean over random batches of the mean over their active anchors, the default of libraries for metric learning, from batches
    /// that were drawn; null for other losses, where every anchor is active, and where it was not asked for.
    #[serde(default)]
    pub loss_per_batch: Option<BatchMean>,
    /// Cross-entropy of the classifier whose weights are the class means; null above 4000 distinct sizes.
    pub downstream_loss: Option<f64>,
    /// What no geometry can remove; null for nscl.
    pub floor: Option<f64>,
    /// Loss minus floor, computed without subtraction; null for nscl.
    pub excess: Option<f64>,
    /// Natural log of the excess; null for nscl.
    pub log_excess: Option<f64>,
    /// Rank of the Gram matrix.
    pub rank: u64,
    /// Comparison with an independent method, if one was made.
    pub cross_check: Option<CrossCheck>,
    /// What was found among features of the given dimension, where it is below the rank of the relaxation's optimum;
    /// else null.
    pub dimension_search: Option<DimensionSearch>,
    /// Sets of two or more classes proven to share one vector.
    pub collapsed: Vec<Vec<u64>>,
    /// Pairs under 0.1 degree that are not proven to coincide.
    pub nearly_collapsed: Vec<Pair>,
    /// Classes of more than 100, of 20 to 100 and of fewer than 20 samples; empty up to 10 distinct sizes and above 4000.
    #[serde(default)]
    pub shots: Vec<Shot>,
    /// The closest pair of classes, and the farthest; null above 4000 distinct sizes.
    pub nearest_pair: Option<Pair>,
    /// See `nearest_pair`.
    pub farthest_pair: Option<Pair>,
    /// Groups of classes of equal size, largest first; below the rank of the relaxation's optimum, where classes of equal size
    /// need not be alike, each class one, in the order of input.
    pub groups: Vec<GroupReport>,
    /// Inner products between groups (between different classes of one group on the diagonal; 1 for one class).
    pub group_gram: Option<Vec<Vec<f64>>>,
    /// `class`, or `sample` where the inner products of samples were asked for; features of a class coincide either way.
    pub level: Name,
    /// Inner products of the samples in class-major order: level `sample`, up to 64 of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sample_gram: Option<Vec<Vec<f64>>>,
    /// Inner products of the classes in the user's order.
    pub gram: Option<Vec<Vec<f64>>>,
    /// Within-class inner product of every class (of every group above 10,000 classes); with fixed batches the mean over pairs
    /// of different samples.
    pub within_class: Vec<f64>,
    /// Fixed batches alone: `gram` and the angles are those of class means then.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<ScheduleReport>,
}

/// What fixed batches make of the samples.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ScheduleReport {
    /// Kinds of samples that the batches tell apart.
    pub cells: u64,
    /// Anchors that count: a sample once for each batch in which it has a positive (for nscl, and a negative).
    pub anchors: u64,
    /// Anchors that do not.
    pub skipped_anchors: u64,
    /// Mean square distance of the samples of each class from their mean.
    pub within_class_spread: Vec<f64>,
    /// With nonnegative features: whether the orthogonal frame is the only optimum, as the conditions of THEORY 6 tell; null where
    /// they leave it open, and without that constraint.
    pub unique_orthogonal_frame: Option<bool>,
}

/// The proof, in numbers.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CertificateReport {
    /// No feasible Gram matrix has a smaller loss.
    pub lower_bound: f64,
    /// `loss - lower_bound`.
    pub gap: f64,
    /// Relative to the excess (to `max(1, |loss|)` for nscl).
    pub relative_gap: f64,
    /// Proven lower bound on the smallest eigenvalue of the dual matrix, in units of the mean loss.
    pub min_eigenvalue: f64,
    /// How that was bounded.
    pub method: Name,
    /// `certified`, `not-certified` or `rank-exceeds-dimension`.
    pub verdict: crate::certificate::Verdict,
    /// The relative gap that counts as certified.
    pub tolerance: f64,
    /// How far the Gram matrix was moved to be feasible.
    pub feasibility_shift: f64,
    /// Relative rounding of the excess and of the bound; the gap contains it twice.
    pub rounding: f64,
}

impl ProblemReport {
    /// What is to be solved.
    pub fn new(classes: &Classes, model: &Model) -> Self {
        let listed = classes.count() <= MAX_LISTED_CLASSES;
        let counts = classes.measure() == Measure::Counts;
        Self {
            title: model.title.clone(),
            sizes: (counts && listed).then(|| classes.sizes().map(|size| size as u64).collect()),
            probabilities: (!counts && listed).then(|| classes.sizes().collect()),
            class_count: classes.count(),
            class_labels: classes.labels().filter(|_| listed).map(<[Label]>::to_vec),
            views: model.views,
            loss: model.training.loss().name().into(),
            anchors: model.training.anchors().name().into(),
            singletons: model.training.singletons().map(|singletons| singletons.name().into()),
            temperature: model.temperature,
            nonnegative: model.features.nonnegative,
            dimension: model.features.dimension,
            batches: BatchesReport::new(&model.training),
            negatives: model.training.negatives(),
            loss_scale: unit(),
            reduction: Reduction::default(),
            runs: if listed {
                Vec::new()
            } else {
                classes.runs().iter().map(|run| (run.size, run.count)).collect()
            },
        }
    }

    /// Says how the loss is stated on the user's scale.
    pub(crate) fn state(&mut self, convention: Convention) {
        self.loss_scale = convention.scale();
        self.reduction = convention.reduction();
    }

    /// What a class is called: by its label, else by its number.
    pub fn name(&self, class: u64) -> String {
        class_name(self.class_labels.as_deref(), class)
    }

    /// The labels, where they say more than the numbers of the classes do.
    pub(crate) fn names(&self) -> Option<&[Label]> {
        telling(self.class_labels.as_deref())
    }

    /// The size (or probability) of every class, where they are listed.
    pub fn listed(&self) -> Option<Vec<f64>> {
        let sizes = self.sizes.as_ref();
        let sizes = sizes.map(|sizes| sizes.iter().map(|&size| size as f64).collect());
        sizes.or_else(|| self.probabilities.clone())
    }

    /// Sizes (or probabilities) with the number of neighbouring classes that have them; none where a report of too many
    /// classes to be listed was read back.
    pub fn runs(&self) -> Vec<(f64, u64)> {
        let listed = self.listed().unwrap_or_default();
        let runs = listed.chunk_by(|a, b| a == b).map(|run| (run[0], run.len() as u64));
        runs.chain(self.runs.iter().copied()).collect()
    }
}

impl GroupReport {
    /// The groups of a partition.
    pub fn all(partition: &Partition) -> Vec<Self> {
        let listed = partition.classes() <= MAX_LISTED_CLASSES;
        let members = if listed { partition.members() } else { Vec::new() };
        (0..partition.groups())
            .map(|g| Self {
                size: partition.sizes()[g],
                count: partition.multiplicity()[g],
                classes: members.get(g).cloned(),
            })
            .collect()
    }
}

impl Report {
    /// The report of a solved problem. `full_gram` lists matrices of any size.
    ///
    /// # Errors
    /// [`Error::Contradiction`] where the answer does not agree with itself.
    pub fn new(problem: &Problem, solved: &Solved, full_gram: bool) -> Result<Self, Error> {
        let embedding = audit(problem, solved)?;
        let model = problem.model();
        let certificate = &solved.certificate;
        // With fixed batches the points of the certificate's matrix are samples.
        let means = ClassMeans::new(problem, solved);
        let gram = means.as_ref().map_or(&certificate.gram, |means| &means.gram);
        let partition = gram.partition();
        let class_count = partition.classes();
        let listed = class_count <= MAX_LISTED_CLASSES;
        let has_floor = certificate.floor.is_some();
        let groups = GroupReport::all(partition);
        let small = |rows: u64| full_gram || rows <= MAX_JSON_ROWS as u64;
        let angles = Angles::new(gram, factor_of_groups(solved));
        let (nearest_pair, farthest_pair) = extreme_pairs(&angles).unzip();
        let within_class = if let Some(means) = &means {
            means.within.clone()
        } else if listed {
            (0..class_count)
                .map(|class| solved.solution.within_class[partition.group_of(class)])
                .collect()
        } else {
            solved.solution.within_class.clone()
        };
        Ok(Self {
            schema: SCHEMA.into(),
            version: env!("CARGO_PKG_VERSION").into(),
            complete: !matches!(
                solved.solution.termination,
                Termination::TimeLimit | Termination::Interrupted
            ),
            problem: ProblemReport::new(problem.classes(), model),
            solution: SolutionReport {
                method: solved.solution.method.name().into(),
                asked: Some(solved.asked.name().into()),
                termination: solved.solution.termination.name().into(),
                iterations: solved.solution.iterations,
                seconds: solved.seconds,
                loss: certificate.loss,
                reported_loss: None,
                reported_anchors: None,
                loss_per_active_anchor: active_share(problem).map(|share| certificate.loss / share),
                loss_per_batch: None,
                downstream_loss: downstream_loss(gram),
                floor: certificate.floor,
                excess: has_floor.then_some(certificate.excess),
                log_excess: certificate.log_excess,
                rank: solved.rank,
                cross_check: solved.cross_check.clone(),
                dimension_search: solved.dimension_search.clone(),
                collapsed: collapsed_sets(gram, &solved.solution.clusters),
                nearly_collapsed: nearly_collapsed(&angles, &solved.solution.clusters),
                shots: shots(&angles, problem.classes().measure()),
                nearest_pair,
                farthest_pair,
                group_gram: small(groups.len() as u64).then(|| rows(&gram.values())),
                groups,
                level: if means.is_some() { "sample" } else { "class" }.into(),
                sample_gram: None,
                gram: small(class_count).then(|| rows(&gram.to_dense())),
                within_class,
                schedule: means
                    .as_ref()
                    .zip(solved.schedule.as_ref())
                    .map(|(means, schedule)| ScheduleReport {
                        cells: schedule.cells.count() as u64,
                        anchors: schedule.anchors as u64,
                        skipped_anchors: schedule.skipped_anchors as u64,
                        within_class_spread: means.spread.clone(),
                        unique_orthogonal_frame: frame_is_unique(problem),
                    }),
            },
            certificate: CertificateReport {
                lower_bound: certificate.lower_bound,
                gap: certificate.gap,
                relative_gap: certificate.relative_gap,
                min_eigenvalue: certificate.min_eigenvalue,
                method: certificate.method.name().into(),
                verdict: certificate.verdict,
                tolerance: certificate.tolerance,
                feasibility_shift: certificate.feasibility_shift,
                rounding: certificate.rounding,
            },
            references: solved.references.clone(),
            warnings: solved.warnings.iter().cloned().chain(whole_data_set(problem)).collect(),
            gram: Some(gram.clone()),
            cells: solved
                .schedule
                .as_ref()
                .map(|schedule| (certificate.gram.clone(), schedule.cells.clone())),
            embedding,
        })
    }

    /// The problem that was solved: the inverse of [`ProblemReport::new`]. The rule for classes of one sample, which reports of the
    /// first versions do not say, is there the one with the floor of the solution.
    ///
    /// # Errors
    /// What is missing or wrong, in words.
    pub fn problem(&self) -> Result<Problem, String> {
        let given = &self.problem;
        let classes = match (&given.sizes, &given.probabilities) {
            (Some(sizes), _) => Classes::from_counts(sizes),
            (None, Some(probabilities)) => Classes::from_probabilities(probabilities),
            (None, None) if given.runs.iter().any(|&(size, _)| size >= 1.0) => {
                Classes::from_runs(given.runs.iter().map(|&(size, count)| Run { size, count }))
            }
            (None, None) => return Err("it lists no class sizes: give the problem too".to_owned()),
        };
        let mut classes = classes.map_err(|error| error.to_string())?;
        if let Some(labels) = given
            .class_labels
            .as_ref()
            .filter(|l| l.len() as u64 == classes.count())
        {
            classes = classes.with_labels(labels.clone());
        }
        let batches = given.batches.as_ref();
        let named = |name: &str| Loss::ALL.into_iter().find(|loss| loss.name() == name);
        let anchors = [Anchors::Sample, Anchors::Class];
        let parts = Parts {
            loss: named(&given.loss).ok_or_else(|| format!("there is no loss {}", given.loss))?,
            anchors: anchors
                .into_iter()
                .find(|anchors| anchors.name() == given.anchors)
                .ok_or_else(|| format!("there are no anchors {}", given.anchors))?,
            singletons: Singletons::Error,
            negatives: given.negatives,
            // Of class-balanced batches it is a product.
            batch_size: batches.filter(|of| of.classes.is_none()).and_then(|of| of.size),
            power: batches.and_then(|of| of.power),
            replacement: batches.and_then(|of| of.replacement),
            batch_classes: batches.and_then(|of| of.classes),
            per_class: batches.and_then(|of| of.per_class),
            batches: None,
        };
        if batches.is_some_and(|of| of.fixed.is_some()) {
            return Err("it is of fixed batches: give the problem too".to_owned());
        }
        let mut why = String::new();
        let all = [Singletons::Error, Singletons::Skip, Singletons::Zero];
        let said = |rule: &&Singletons| given.singletons.as_ref().is_none_or(|name| rule.name() == name);
        for &singletons in all.iter().filter(said) {
            let training = match Training::from_parts(Parts {
                singletons,
                ..parts.clone()
            }) {
                Ok(training) => training,
                Err(error) if why.is_empty() => return Err(error.to_string()),
                Err(_) => break,
            };
            let model = Model {
                title: given.title.clone(),
                views: given.views,
                temperature: given.temperature,
                training,
                features: Features {
                    nonnegative: given.nonnegative,
                    dimension: given.dimension,
                },
            };
            let problem = match Problem::new(classes.clone(), model) {
                Ok(problem) => problem,
                Err(error) => {
                    why = error.to_string();
                    continue;
                }
            };
            let floor = match &problem.model().training {
                Training::FullBatch(full) => crate::program::Program::new(&problem, full).coefficients().floor(),
                Training::FixedBatches(_) | Training::Sampled(_) => return Ok(problem),
            };
            match (floor, self.solution.floor) {
                (Some(own), Some(stated)) if (own - stated).abs() > 1e-9 * (1.0 + stated.abs()) => {
                    why = format!("its floor is {stated}, and that of its problem {own}");
                }
                _ => return Ok(problem),
            }
        }
        Err(why)
    }

    /// States the loss by a convention too, of the problem that this report is of.
    #[must_use]
    pub fn in_convention(mut self, problem: &Problem, convention: Convention) -> Self {
        let solution = &mut self.solution;
        let of_schedule = solution.schedule.as_ref().map(|schedule| schedule.anchors as f64);
        let anchors = of_schedule.or_else(|| anchors_of(problem));
        solution.reported_loss = convention.state(solution.loss, anchors);
        let is_sum = convention.reduction() == Reduction::Sum;
        solution.reported_anchors = anchors.filter(|_| is_sum).map(|anchors| anchors as u64);
        for reference in &mut self.references {
            reference.reported_loss = convention.state(reference.loss, anchors);
        }
        self.problem.state(convention);
        self
    }

    /// States the mean over batches of their means over active anchors too, of the problem that this report is of.
    #[must_use]
    pub fn with_batch_mean(mut self, problem: &Problem) -> Self {
        self.solution.loss_per_batch = self.gram.as_ref().and_then(|gram| batch_mean(problem, gram));
        self
    }

    /// States the inner products of the samples too: of all `samples` in class-major order, if there are at most 64.
    #[must_use]
    pub fn at_sample_level(mut self, sample_gram: &DMatrix<f64>) -> Self {
        self.solution.level = "sample".into();
        self.solution.sample_gram = (sample_gram.nrows() <= MAX_JSON_ROWS).then(|| rows(sample_gram));
        self
    }
}

impl View for Report {
    const SCHEMA: &'static str = SCHEMA;

    fn text(&self, style: Style) -> String {
        text::render(self, style)
    }

    #[cfg(feature = "plot")]
    fn figures(&self) -> Vec<(&'static str, Figure)> {
        let drawn = self.gram.as_ref().map(|gram| Picture::of_gram(&self.problem, gram));
        let read_back = || {
            let rows = self.solution.gram.as_ref()?;
            let values = DMatrix::from_fn(rows.len(), rows.len(), |i, j| rows[i][j]);
            Some(Picture::of_classes(&self.problem, values))
        };
        let picture = drawn.or_else(read_back);
        let cells = self.cells.as_ref();
        let of_cells = cells.map(|(gram, cells)| ("cells", Picture::of_cells(&self.problem, gram, cells).heatmap()));
        let of_classes = picture.map(|picture| ("gram", picture.heatmap()));
        of_classes.into_iter().chain(of_cells).collect()
    }

    fn passes(&self) -> bool {
        self.certificate.verdict == Verdict::Certified
    }

    fn is_complete(&self) -> bool {
        self.complete
    }
}

/// Whether the orthogonal frame is the only optimum of nonnegative features on fixed batches.
fn frame_is_unique(problem: &Problem) -> Option<bool> {
    match &problem.model().training {
        Training::FixedBatches(fixed) if problem.model().features.nonnegative => {
            Conditions::new(problem, fixed).unique_orthogonal_frame
        }
        _ => None,
    }
}

/// Says where a batch is no part of the data set.
fn whole_data_set(problem: &Problem) -> Option<String> {
    let Training::Sampled(Sampling::RandomBatches { size, replacement, .. }) = problem.model().training else {
        return None;
    };
    let classes = problem.classes();
    let samples: f64 = classes.runs().iter().map(|run| run.size * run.count as f64).sum();
    (classes.measure() == Measure::Counts && size as f64 >= samples).then(|| {
        let drawn = if replacement {
            format!("here {size} samples are drawn with replacement")
        } else {
            "and so is this".to_owned()
        };
        format!(
            "a batch of {size} is at least the data set of {samples}: a data loader makes one full batch of it, which is the problem without batches; {drawn}"
        )
    })
}

/// The share of the samples of a random batch that have a positive in it (and for nscl a negative); `None` for other losses.
fn active_share(problem: &Problem) -> Option<f64> {
    let model = problem.model();
    match &model.training {
        // The loss of fixed batches is a mean over these anchors.
        Training::FullBatch(_) | Training::FixedBatches(_) | Training::Sampled(Sampling::Negatives { .. }) => None,
        Training::Sampled(Sampling::ClassBalanced { .. }) => Some(1.0),
        &Training::Sampled(Sampling::RandomBatches {
            size,
            replacement: false,
            ..
        }) => {
            if model.views > 1 {
                return Some(1.0);
            }
            let runs = problem.classes().runs();
            let samples: f64 = runs.iter().map(|run| run.size * run.count as f64).sum();
            // The others of the batch are all of other classes.
            let alone = |n: f64| -> f64 {
                (0..size - 1)
                    .map(|drawn| ((samples - n - drawn as f64) / (samples - 1.0 - drawn as f64)).max(0.0))
                    .product()
            };
            Some(
                runs.iter()
                    .map(|run| run.count as f64 * run.size / samples * (1.0 - alone(run.size)))
                    .sum(),
            )
        }
        Training::Sampled(sampling @ Sampling::RandomBatches { size, loss, .. }) => {
            let runs = problem.classes().runs().iter();
            let (sizes, counts): (Vec<f64>, Vec<f64>) = runs.map(|run| (run.size, run.count as f64)).unzip();
            let others = *size as f64 - 1.0;
            let share = |rho: f64| {
                let with_positive = match model.views {
                    1 => -(others * (-rho).ln_1p()).exp_m1(),
                    _ => 1.0,
                };
                let alone = if *loss == BatchLoss::Nscl {
                    rho.powf(others)
                } else {
                    0.0
                };
                rho * (with_positive - alone)
            };
            let probabilities = sampling.probabilities(&sizes, &counts);
            Some(
                probabilities
                    .iter()
                    .zip(&counts)
                    .map(|(&rho, count)| count * share(rho))
                    .sum(),
            )
        }
    }
}

pub(crate) fn rows(matrix: &DMatrix<f64>) -> Vec<Vec<f64>> {
    matrix.row_iter().map(|row| row.iter().copied().collect()).collect()
}

/// Most that the reported matrix may have been moved away from that of the factor.
const SAME_MATRIX: f64 = 1e-12;

/// The factor of the low-rank method where it is that of the reported matrix, with a column for every group.
pub(crate) fn factor_of_groups(solved: &Solved) -> Option<&DMatrix<f64>> {
    let groups = solved.certificate.gram.partition().groups();
    let same = solved.certificate.feasibility_shift <= SAME_MATRIX;
    solved
        .solution
        .factor
        .as_ref()
        .filter(|factor| same && factor.ncols() == groups)
}

/// The angle in degrees between two classes in the user's order; `gram` is that of the classes, see
/// [`class_gram`](crate::measure::schedule::class_gram). Small angles of the low-rank method keep their digits.
pub fn angle_degrees(solved: &Solved, gram: &Gram, i: u64, j: u64) -> f64 {
    if i == j {
        return 0.0;
    }
    let partition = gram.partition();
    Angles::new(gram, factor_of_groups(solved)).degrees(partition.group_of(i), partition.group_of(j))
}

/// The classes of every cluster (a set of groups) that has at least two, each set ascending.
pub fn collapsed_sets(gram: &Gram, clusters: &[Vec<usize>]) -> Vec<Vec<u64>> {
    if clusters.is_empty() {
        return Vec::new();
    }
    let members = gram.partition().members();
    let mut sets: Vec<Vec<u64>> = clusters
        .iter()
        .map(|cluster| {
            let mut set: Vec<u64> = cluster.iter().flat_map(|&g| members[g].iter().copied()).collect();
            set.sort_unstable();
            set
        })
        .filter(|set| set.len() >= 2)
        .collect();
    sets.sort();
    sets
}

/// The arrays of `structure.npz`: everything that determines the Gram matrix, by groups.
pub fn structure_arrays(problem: &Problem, solved: &Solved) -> Vec<(&'static str, Array)> {
    let gram = &solved.certificate.gram;
    let partition = gram.partition();
    let (mut first, mut count, mut group) = (Vec::new(), Vec::new(), Vec::new());
    for (start, length, of_group) in partition.runs() {
        first.push(start);
        count.push(length);
        group.push(of_group as u64);
    }
    let mut arrays = vec![
        ("run_first", Array::Indices(first)),
        ("run_count", Array::Indices(count)),
        ("run_group", Array::Indices(group)),
        (
            "group_size",
            Array::Vector(partition.sizes().iter().map(|&size| problem.samples(size)).collect()),
        ),
        ("group_multiplicity", Array::Indices(partition.multiplicity().to_vec())),
    ];
    if let (Some(form), Some(schedule), Some(batches)) = (gram.factor(), &solved.schedule, batches(problem)) {
        let cells = &schedule.cells;
        let numbers = |values: &[u32]| Array::Indices(values.iter().map(|&value| u64::from(value)).collect());
        let position = |&example: &u32| u64::from(batches.order().position(example));
        return vec![
            ("sample", Array::Indices(batches.used().iter().map(position).collect())),
            ("cell_of_sample", numbers(cells.of_used())),
            ("cell_class", numbers(cells.classes())),
            ("cell_samples", Array::Vector(cells.samples().to_vec())),
            ("factor", Array::Matrix(form.columns().clone())),
            (
                "has_own_coordinate",
                Array::Indices(vec![u64::from(form.has_private_row())]),
            ),
        ];
    }
    if let Some(form) = gram.cauchy() {
        // M_cc' = (1 + tau (r_c + r_c' - log cosh((b_c - b_c')/2))) / (1 + shift) with r = log t - b/2 and b = log beta of the vertices.
        let log_t = (0..form.point.groups())
            .map(|vertex| form.point.log_t(vertex))
            .collect();
        arrays.push(("log_t", Array::Vector(log_t)));
        arrays.push(("log_beta", Array::Vector(form.point.log_beta.clone())));
        arrays.push(("shift", Array::Vector(vec![form.shift])));
        arrays.push((
            "vertex_of_group",
            Array::Indices(form.vertex.iter().map(|&v| u64::from(v)).collect()),
        ));
        arrays.push((
            "vertex_is_cluster",
            Array::Indices(form.cluster.iter().map(|&c| u64::from(c)).collect()),
        ));
    }
    if let Some(factor) = &solved.solution.factor {
        arrays.push(("factor", Array::Matrix(factor.clone())));
    }
    if partition.groups() <= MAX_STORED_GROUPS {
        arrays.push(("group_gram", Array::Matrix(gram.values().into_owned())));
    }
    arrays
}

/// The arrays of `certificate.npz`: the dual point and the coefficients of the problem, from which the bound of THEORY
/// (4') can be recomputed.
pub fn certificate_arrays(problem: &Problem, solved: &Solved) -> Vec<(&'static str, Array)> {
    let certificate = &solved.certificate;
    let partition = certificate.gram.partition();
    let multiplicity = partition.multiplicity_f64();
    let full = match &problem.model().training {
        Training::FullBatch(full) => full,
        Training::Sampled(sampling) => return sampled_arrays(problem, sampling, certificate),
        // Nothing of classes determines the bound.
        Training::FixedBatches(_) => return schedule_proof(certificate),
    };
    let coefficients = crate::objective::coefficients(problem, full, partition.sizes(), &multiplicity);
    let y = if partition.groups() <= MAX_STORED_GROUPS {
        certificate.dual.matrix(&certificate.gram, &coefficients.column)
    } else {
        None
    };
    let mut arrays = vec![
        ("nu", Array::Vector(certificate.dual.nu.clone())),
        ("log_scale", Array::Vector(vec![certificate.dual.log_scale])),
        ("multiplicity", Array::Vector(multiplicity)),
        ("weight", Array::Vector(coefficients.weight)),
        ("s", Array::Vector(coefficients.base)),
        ("a", Array::Vector(coefficients.column)),
        ("temperature", Array::Vector(vec![coefficients.temperature])),
    ];
    if let Some(y) = y {
        arrays.push(("y", Array::Matrix(y)));
    }
    arrays
}

/// The same for a schedule: the tangent's slopes `y` at the reported matrix, where cells share a batch, and `nu`; the bound is
/// `loss - sum y M - sum nu`.
fn schedule_proof(certificate: &Certificate) -> Vec<(&'static str, Array)> {
    let (mut rows, mut columns, mut slopes) = (Vec::new(), Vec::new(), Vec::new());
    if let Some(y) = &certificate.dual.sparse {
        y.each(|g, h, value| {
            rows.push(g as u64);
            columns.push(h as u64);
            slopes.push(value);
        });
    }
    vec![
        ("nu", Array::Vector(certificate.dual.nu.clone())),
        ("log_scale", Array::Vector(vec![certificate.dual.log_scale])),
        (
            "multiplicity",
            Array::Vector(certificate.gram.partition().multiplicity_f64()),
        ),
        ("y_row", Array::Indices(rows)),
        ("y_column", Array::Indices(columns)),
        ("y", Array::Vector(slopes)),
    ]
}

/// The same for a sampled loss, whose bound is by the tangent at a matrix: with the loss at `tangent` from its integral and
/// its gradient `y` there, the bound is `loss - sum y tangent - sum nu`.
fn sampled_arrays(problem: &Problem, sampling: &Sampling, certificate: &Certificate) -> Vec<(&'static str, Array)> {
    let partition = certificate.gram.partition();
    let multiplicity = partition.multiplicity_f64();
    let model = problem.model();
    let probabilities = sampling.probabilities(partition.sizes(), &multiplicity);
    let draws = match *sampling {
        Sampling::Negatives { count } => vec![("negatives", count)],
        Sampling::RandomBatches { size, replacement, .. } => {
            vec![("batch_size", size), ("replacement", u64::from(replacement))]
        }
        Sampling::ClassBalanced { classes, per_class, .. } => {
            vec![("batch_classes", classes), ("per_class", per_class)]
        }
    };
    let mut arrays = vec![
        ("nu", Array::Vector(certificate.dual.nu.clone())),
        ("log_scale", Array::Vector(vec![certificate.dual.log_scale])),
        ("multiplicity", Array::Vector(multiplicity)),
        ("probability", Array::Vector(probabilities)),
        ("temperature", Array::Vector(vec![model.temperature])),
        ("views", Array::Indices(vec![model.views])),
    ];
    arrays.extend(
        draws
            .into_iter()
            .map(|(name, value)| (name, Array::Indices(vec![value]))),
    );
    if let Some(y) = &certificate.dual.y {
        arrays.push(("y", Array::Matrix(y.clone())));
    }
    if let Some(tangent) = &certificate.dual.tangent {
        arrays.push(("tangent", Array::Matrix(tangent.clone())));
    }
    arrays
}
