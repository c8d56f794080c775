//! A result as a problem file: the problem that an answer restates, to be solved again.
//!
//! Every report holds its problem in full, so `ufmin solve result.json` gives the same answer, bit for bit. What is only
//! about the output, or about a second method, is not part of a problem.

use std::path::Path;

use serde::Deserialize;
use toml::Value;

use super::schema::{BatchesTable, ClassesTable, ClassifierTable, FeaturesTable, LossTable, ProblemFile, SolverTable};
use crate::error::Error;
use crate::problem::{Classes, Label};

/// Most classes that runs of equal sizes are taken apart into.
const MAX_CLASSES: u64 = 10_000_000;

/// What of a report says what it is of.
#[derive(Deserialize)]
struct Restated {
    problem: Option<ProblemOf>,
    solution: Option<SolutionOf>,
    certificate: Option<CertificateOf>,
}

#[derive(Deserialize)]
struct SolutionOf {
    asked: Option<String>,
}

#[derive(Deserialize)]
struct CertificateOf {
    tolerance: Option<f64>,
}

/// The field `problem`; what older reports do not have is absent.
#[derive(Deserialize)]
struct ProblemOf {
    title: Option<String>,
    sizes: Option<Vec<u64>>,
    probabilities: Option<Vec<f64>>,
    runs: Option<Vec<(f64, u64)>>,
    class_count: Option<u64>,
    class_labels: Option<Vec<Label>>,
    views: Option<i64>,
    loss: Option<String>,
    anchors: Option<String>,
    singletons: Option<String>,
    temperature: Option<f64>,
    nonnegative: Option<bool>,
    dimension: Option<i64>,
    batches: Option<BatchesOf>,
    negatives: Option<i64>,
    loss_scale: Option<f64>,
    reduction: Option<String>,
    classifier: Option<ConstraintOf>,
    features: Option<ConstraintOf>,
}

#[derive(Deserialize)]
struct BatchesOf {
    kind: Option<String>,
    size: Option<i64>,
    power: Option<f64>,
    replacement: Option<bool>,
    classes: Option<i64>,
    per_class: Option<i64>,
    count: Option<u64>,
    unused: Option<u64>,
    members: Option<Vec<Vec<i64>>>,
    examples: Option<Vec<u32>>,
}

#[derive(Deserialize)]
struct ConstraintOf {
    constraint: String,
    value: f64,
}

/// The problem of a result, as the problem file that states it.
///
/// # Errors
/// [`Error::Result`] for a text that is no result, or one whose problem is too large to be listed in it.
pub fn restated(path: &Path, text: &str) -> Result<ProblemFile, Error> {
    let refused = |detail: String| Error::Result {
        path: path.to_owned(),
        detail,
    };
    let found: Restated = serde_json::from_str(text).map_err(|error| refused(format!("it is not JSON: {error}")))?;
    let Some(problem) = found.problem else {
        return Err(refused(
            "it has no field `problem`, which every result of a problem has".to_owned(),
        ));
    };
    let loss = problem.loss.as_deref();
    let classes = classes(&problem).map_err(refused)?;
    let batches = problem.batches.map(batches).transpose().map_err(refused)?;
    Ok(ProblemFile {
        title: problem.title,
        classes,
        features: match problem.features {
            Some(given) => FeaturesTable {
                norm: given.of("norm"),
                energy: given.of("energy"),
                ridge: given.of("ridge"),
                dimension: problem.dimension,
                nonnegative: problem.nonnegative.filter(|&nonnegative| nonnegative),
            },
            None => FeaturesTable {
                nonnegative: problem.nonnegative,
                dimension: problem.dimension,
                ..FeaturesTable::default()
            },
        },
        classifier: problem.classifier.map(|given| ClassifierTable {
            norm: given.of("norm"),
            energy: given.of("energy"),
            frobenius: given.of("frobenius"),
            ridge: given.of("ridge"),
        }),
        solver: SolverTable {
            // Cross-entropy has one method and names none; nce and batches ask as all others do.
            method: found.solution.and_then(|solution| solution.asked),
            tolerance: found.certificate.and_then(|certificate| certificate.tolerance),
        },
        batches,
        expected: None,
        loss: LossTable {
            kind: loss.map(str::to_owned),
            temperature: problem.temperature,
            // The default of both is what losses that have no choice are given by.
            anchors: problem.anchors.filter(|anchors| anchors != "sample"),
            singletons: problem.singletons.filter(|singletons| singletons != "error"),
            negatives: problem.negatives,
            scale: problem.loss_scale.filter(|&scale| scale != 1.0),
            reduction: problem.reduction.filter(|reduction| reduction != "mean"),
            offsets: None,
        },
    })
}

impl ConstraintOf {
    /// The number, if it is that of this constraint.
    fn of(&self, name: &str) -> Option<f64> {
        (self.constraint == name).then_some(self.value)
    }
}

fn classes(problem: &ProblemOf) -> Result<ClassesTable, String> {
    let size = |size: f64| Value::Integer(size as i64);
    let mut table = ClassesTable {
        views: problem.views,
        probabilities: problem.probabilities.clone(),
        ..ClassesTable::default()
    };
    if let Some(sizes) = &problem.sizes {
        table.sizes = Some(sizes.iter().map(|&n| size(n as f64)).collect());
    } else if let (Some(runs), None) = (&problem.runs, &problem.probabilities) {
        let count = runs.iter().fold(0u64, |sum, &(_, count)| sum.saturating_add(count));
        if count > MAX_CLASSES {
            return Err(format!(
                "its {count} classes are too many to be listed again: give the problem file"
            ));
        }
        let classes = runs.iter().flat_map(|&(size, count)| (0..count).map(move |_| size));
        // Sizes are whole, probabilities are not.
        if runs.iter().all(|&(size, _)| size >= 1.0 && size.fract() == 0.0) {
            table.sizes = Some(classes.map(size).collect());
        } else {
            table.probabilities = Some(classes.collect());
        }
    }
    if !table.is_given() {
        let count = problem.class_count.unwrap_or_default();
        return Err(format!(
            "it does not list the sizes of its {count} classes: give the problem file"
        ));
    }
    if let Some(labels) = &problem.class_labels {
        let classes = match (&problem.sizes, &problem.probabilities) {
            (Some(sizes), _) => Classes::from_counts(sizes),
            (None, Some(probabilities)) => Classes::from_probabilities(probabilities),
            (None, None) => return Err("it names its classes and does not list their sizes".to_owned()),
        };
        let classes = classes.map_err(|error| error.to_string())?;
        if classes.count() != labels.len() as u64 {
            return Err(format!(
                "it has {} classes and {} names of them",
                classes.count(),
                labels.len()
            ));
        }
        table.sizes = None;
        table.probabilities = None;
        table.read = Some(classes.with_labels(labels.clone()).into());
    }
    Ok(table)
}

fn batches(given: BatchesOf) -> Result<BatchesTable, String> {
    let fixed = given.count.is_some();
    if fixed && given.members.is_none() {
        return Err("it does not list its fixed batches, which are many: give the problem file".to_owned());
    }
    Ok(BatchesTable {
        replacement: given.replacement,
        // That of class-balanced batches is a product.
        size: given.size.filter(|_| given.classes.is_none()),
        kind: given.kind,
        power: given.power,
        classes: given.classes,
        per_class: given.per_class,
        members: given.members,
        file: None,
        unused: given.unused.filter(|&unused| unused > 0).map(|_| "ignore".to_owned()),
        examples: given.examples,
    })
}
