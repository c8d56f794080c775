//! The row of cross-entropy, which has a classifier, and features of any length.

use nalgebra::DMatrix;

use super::{Found, Row};
use crate::cross_entropy::{Constraint, CrossEntropy, Solved, StepFamily, collapse_threshold, solve};
use crate::error::Error;
use crate::gram::{Gram, Partition};
use crate::math::control::Control;
use crate::measure::halves::{etf_deviation, halves};
use crate::measure::metrics::{Angles, downstream_loss};
use crate::problem::invalid::Word;
use crate::problem::{Field, Invalid, Problem, Training};
use crate::report::MAX_JSON_ROWS;
use crate::report::cross_entropy::{CrossEntropyReport, PairMatrix};
use crate::solve::{MethodChoice, Options};
use crate::study::stored::Stored;

/// The name of the loss.
pub(super) const NAME: &str = "cross-entropy";

/// Ratios between which the threshold is searched, as by `ufmin phase`, and how many are looked at.
const RATIOS: (f64, f64) = (1.0, 1e9);
const POINTS: u64 = 100;

/// Cross-entropy on the classes of a problem, with its views and dimension. Temperature, anchors, classes of one sample and
/// negatives are of contrastive losses and mean nothing for it.
///
/// # Errors
/// [`Invalid`] for batches, nonnegative features, another method than the low-rank one, and as [`CrossEntropy::new`].
pub fn cross_entropy_of(
    problem: &Problem,
    options: &Options,
    classifier: Constraint,
    features: Constraint,
) -> Result<CrossEntropy, Invalid> {
    let model = problem.model();
    let parts = model.training.parts();
    let batches = matches!(model.training, Training::FixedBatches(_))
        || parts.batch_size.is_some()
        || parts.batch_classes.is_some();
    if batches {
        return Err(Invalid::conflict(
            Field::Batches,
            "cross-entropy does not take batches",
            &[Word::Text("remove them, or leave cross-entropy out of the comparison")],
        ));
    }
    if model.features.nonnegative {
        return Err(Invalid::conflict(
            Field::Nonnegative,
            "cross-entropy does not take nonnegative features",
            &[Word::Text(
                "remove nonnegative, or leave cross-entropy out of the comparison",
            )],
        ));
    }
    if !matches!(options.method, MethodChoice::Auto | MethodChoice::Lowrank) {
        return Err(Invalid::conflict(
            Field::Method,
            "cross-entropy does not take a method other than lowrank",
            &[Word::Text("leave it out, or use lowrank")],
        ));
    }
    CrossEntropy::new(problem.classes().clone(), classifier, features)?
        .with_views(model.views)?
        .with_dimension(model.features.dimension)
}

/// Solves it, and measures the directions of the features.
pub(super) fn row(
    problem: &CrossEntropy,
    options: &Options,
    base: &Problem,
    control: &Control,
) -> Result<Found, Error> {
    let stopped = || Error::Stopped { what: "a loss" };
    let solved = solve(problem, control)?;
    if control.stop().is_some() {
        return Err(stopped());
    }
    let threshold = threshold(problem, &solved.partition, control)?;
    if control.stop().is_some() {
        return Err(stopped());
    }
    let report = CrossEntropyReport::new(problem, &solved, options.tolerance, false);
    let cosines = cosines(&solved);
    let gram = gram(&solved.partition, &cosines);
    let halves = gram.as_ref().and_then(|gram| halves(gram, &Angles::new(gram, None)));
    let halves = halves.as_ref();
    let solution = report.solution;
    let small = solved.partition.groups() <= MAX_JSON_ROWS;
    let few = problem.classes().count() <= MAX_JSON_ROWS as u64;
    let row = Row {
        loss: NAME.into(),
        value: solution.loss,
        excess: None,
        verdict: report.certificate.verdict,
        gap: report.certificate.gap,
        relative_gap: report.certificate.relative_gap,
        method: solution.method,
        rank: solved.feature_rank(),
        collapsed: solution.collapsed,
        gram: few.then(|| by_class(&solved, &cosines)),
        group_gram: small.then_some(cosines),
        threshold: threshold.as_ref().ok().copied(),
        threshold_reason: threshold.err(),
        min_tail_angle: halves.map(|halves| halves.min_tail_angle),
        min_tail_pair: halves.map(|halves| halves.closest),
        within_head: halves.and_then(|halves| halves.within_head),
        head_to_tail: halves.and_then(|halves| halves.between),
        within_tail: halves.and_then(|halves| halves.within_tail),
        margin: halves.map(|halves| halves.margin),
        etf_deviation: gram.as_ref().and_then(etf_deviation),
        downstream_loss: gram.as_ref().and_then(downstream_loss),
        classifier: Some(report.problem.classifier),
        features: Some(report.problem.features),
    };
    let gram = gram.map(|gram| Stored::new(base, &gram));
    Ok(Found { row, gram })
}

/// Cosines of features between groups, 1 for a group of one class; null where a feature has vanished.
fn cosines(solved: &Solved) -> PairMatrix {
    let groups = solved.partition.groups();
    let norms = solved.norms(&solved.features);
    let together = |j: usize, g: usize| solved.coincident.iter().any(|set| set.contains(&j) && set.contains(&g));
    let entry = |j: usize, g: usize| {
        if norms[j] == 0.0 || norms[g] == 0.0 {
            None
        } else if together(j, g) || (j == g && solved.partition.multiplicity()[g] == 1) {
            // Classes of one classifier have one feature; its cosine with itself is rounded otherwise.
            Some(1.0)
        } else {
            solved.cosine(&solved.features, j, g)
        }
    };
    (0..groups)
        .map(|j| (0..groups).map(|g| entry(j, g)).collect())
        .collect()
}

/// The same by classes in the user's order.
fn by_class(solved: &Solved, cosines: &PairMatrix) -> PairMatrix {
    let partition = &solved.partition;
    let group: Vec<usize> = (0..partition.classes())
        .map(|class| partition.group_of(class))
        .collect();
    let entry = |i: usize, j: usize| {
        let cosine = cosines[group[i]][group[j]];
        if i == j { cosine.map(|_| 1.0) } else { cosine }
    };
    (0..group.len())
        .map(|i| (0..group.len()).map(|j| entry(i, j)).collect())
        .collect()
}

/// The Gram matrix of the features scaled to length 1, if all have a direction.
fn gram(partition: &Partition, cosines: &PairMatrix) -> Option<Gram> {
    let all: Vec<f64> = cosines.iter().flatten().copied().collect::<Option<_>>()?;
    let groups = partition.groups();
    let values = DMatrix::from_row_slice(groups, groups, &all);
    Some(Gram::from_groups(partition.clone(), values))
}

/// The ratio from which the small classes of two sizes share one classifier; or why there is none, in words.
fn threshold(problem: &CrossEntropy, partition: &Partition, control: &Control) -> Result<Result<f64, String>, Error> {
    let [majority, minority] = partition.multiplicity() else {
        return Ok(Err(match partition.groups() {
            1 => "all classes have one size".to_owned(),
            groups => format!("that of cross-entropy is of classes of two sizes, and there are {groups}"),
        }));
    };
    let family = StepFamily {
        majority: *majority,
        minority: *minority,
        smallest: partition.sizes()[1],
    };
    let found = match collapse_threshold(problem, family, RATIOS, POINTS, control) {
        // Such as a single small class.
        Err(Error::Invalid { source, .. }) => return Ok(Err(source.to_string())),
        found => found?,
    };
    Ok(found
        .ratio
        .ok_or_else(|| format!("no ratio up to {:e} is found to collapse classes", RATIOS.1)))
}
