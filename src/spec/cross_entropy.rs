//! `kind = "cross-entropy"`: from a parsed problem file to a [`CrossEntropy`].

use std::path::Path;

use super::classes::given;
use super::resolve::{resolve, title, tolerance, whole};
use super::schema::{ClassifierTable, FeaturesTable, ProblemFile};
use crate::cross_entropy::{Constraint, CrossEntropy, MAX_LOGIT, StepFamily};
use crate::error::Error;
use crate::problem::invalid::{Hint, Word, short};
use crate::problem::{Field, Invalid, Kind, Partition, Problem};
use crate::solve::Options;

/// The name of the loss.
pub(super) const NAME: &str = "cross-entropy";

/// The cross-entropy problem of a file or flags, and the tolerance on its relative gap if one is given; `None` for another
/// loss, which is what [`resolve`](super::resolve) is for. `folder` is what file names are relative to.
///
/// # Errors
/// [`Error::Invalid`] without location, and errors of the files that are named.
pub fn cross_entropy(file: &ProblemFile, folder: &Path) -> Result<Option<(CrossEntropy, Option<f64>)>, Error> {
    if file.loss.kind.as_deref() != Some(NAME) {
        return Ok(None);
    }
    refuse_contrastive(file)?;
    let problem = CrossEntropy::new(
        given(&file.classes, folder)?.classes,
        classifier(file.classifier.as_ref())?,
        features(&file.features)?,
    )?
    .with_views(whole(Field::Views, file.classes.views, 1)?.unwrap_or(1))?
    .with_dimension(whole(Field::Dimension, file.features.dimension, 1)?)?
    .with_title(title(file.title.as_deref())?);
    Ok(Some((problem, tolerance(file.solver.tolerance)?)))
}

/// The problem of a file without its cross-entropy, and what holds classifier and features back beside it: a norm of
/// `1/temperature` and a norm of 1 where the file does not say.
///
/// # Errors
/// As [`resolve`](super::resolve), and [`Error::Invalid`] for several constraints on one side.
pub fn beside_cross_entropy(file: &ProblemFile, folder: &Path) -> Result<((Problem, Options), [Constraint; 2]), Error> {
    let mut contrastive = file.clone();
    contrastive.classifier = None;
    let table = &mut contrastive.features;
    (table.norm, table.energy, table.ridge) = (None, None, None);
    let (problem, options) = resolve(&contrastive, folder)?;
    let temperature = problem.model().temperature;
    let classifier = match &file.classifier {
        Some(table) => classifier(Some(table))?,
        None if 1.0 / temperature > MAX_LOGIT => {
            return Err(Invalid::conflict(
                Field::Temperature,
                format!(
                    "beside it cross-entropy has classifiers of norm {}, and {MAX_LOGIT} is the most",
                    short(1.0 / temperature)
                ),
                &[
                    Word::Text("raise the temperature, or give a "),
                    Word::Set(Field::Classifier, &["norm"]),
                ],
            )
            .into());
        }
        None => Constraint::Norm(1.0 / temperature),
    };
    let given = &file.features;
    let features = if given.norm.is_some() || given.energy.is_some() || given.ridge.is_some() {
        features(given)?
    } else {
        Constraint::Norm(1.0)
    };
    Ok(((problem, options), [classifier, features]))
}

/// [`cross_entropy`] with the STEP family of its classes, whose ratio is free; the sizes of the problem do not count then.
///
/// # Errors
/// As [`cross_entropy`]; [`Error::Invalid`] for classes of other than two sizes that are given as no STEP profile.
pub fn cross_entropy_step(file: &ProblemFile, folder: &Path) -> Result<Option<(CrossEntropy, StepFamily)>, Error> {
    let mut whole = file.clone();
    let is_step = file.classes.profile.as_deref() == Some("step");
    if is_step {
        // A real ratio need not give whole sizes.
        whole.classes.ratio = Some(1.0);
    }
    let Some((problem, _)) = cross_entropy(&whole, folder)? else {
        return Ok(None);
    };
    let partition = Partition::of_classes(problem.classes());
    let family = match (is_step, &file.classes) {
        (true, table) => [table.majority, table.minority, table.smallest].map(|value| value.unwrap_or(0) as f64),
        (false, _) if partition.groups() == 2 => {
            let counts = partition.multiplicity_f64();
            [counts[0], counts[1], partition.sizes()[1]]
        }
        (false, _) => {
            return Err(Invalid::conflict(
                Field::Classes,
                format!(
                    "there are {} sizes, and the threshold of cross-entropy is of STEP imbalance",
                    partition.groups()
                ),
                &[Word::Text("give classes of two sizes, or the profile step")],
            )
            .into());
        }
    };
    let [majority, minority, smallest] = family;
    let family = StepFamily {
        majority: majority as u64,
        minority: minority as u64,
        smallest,
    };
    Ok(Some((problem, family)))
}

/// The one constraint of a table.
fn one(field: Field, given: [(&'static str, Option<Constraint>); 4], missing: Hint) -> Result<Constraint, Invalid> {
    let found: Vec<_> = given.into_iter().filter_map(|(name, c)| c.map(|c| (name, c))).collect();
    match found[..] {
        [(_, constraint)] => Ok(constraint),
        [] => Err(Invalid::conflict(
            field,
            "cross-entropy is given, and nothing holds the logits back".to_owned(),
            missing,
        )),
        _ => Err(Invalid::new(
            field,
            Kind::Several(found.into_iter().map(|(name, _)| name).collect()),
        )),
    }
}

fn classifier(table: Option<&ClassifierTable>) -> Result<Constraint, Invalid> {
    let table = table.cloned().unwrap_or_default();
    let given = [
        ("norm", table.norm.map(Constraint::Norm)),
        ("energy", table.energy.map(Constraint::Energy)),
        ("frobenius", table.frobenius.map(Constraint::Frobenius)),
        ("ridge", table.ridge.map(Constraint::Ridge)),
    ];
    let missing = &[
        Word::Text("give a "),
        Word::Set(Field::Classifier, &["norm", "energy", "frobenius", "ridge"]),
    ];
    one(Field::Classifier, given, missing)
}

fn features(table: &FeaturesTable) -> Result<Constraint, Invalid> {
    let given = [
        ("norm", table.norm.map(Constraint::Norm)),
        ("energy", table.energy.map(Constraint::Energy)),
        ("ridge", table.ridge.map(Constraint::Ridge)),
        ("", None),
    ];
    let missing = &[
        Word::Text("give "),
        Word::Name(Field::Norm),
        Word::Text(", "),
        Word::Name(Field::Energy),
        Word::Text(" or "),
        Word::Name(Field::Ridge),
    ];
    one(Field::Norm, given, missing)
}

/// Keys that mean something for contrastive losses only: refused, never ignored.
fn refuse_contrastive(file: &ProblemFile) -> Result<(), Invalid> {
    let loss = &file.loss;
    let method = file.solver.method.as_deref().unwrap_or("auto");
    let given: [(Field, bool, &str, Hint); 10] = [
        (
            Field::Temperature,
            loss.temperature.is_some(),
            "a temperature",
            &[Word::Text("remove it: logits are w.h, and norms are their scale")],
        ),
        (
            Field::Anchors,
            loss.anchors.is_some(),
            "a weight of anchors",
            &[Word::Text("remove it")],
        ),
        (
            Field::Singletons,
            loss.singletons.is_some(),
            "a rule for classes of one sample",
            &[Word::Text("remove it: such a class is as good as any")],
        ),
        (
            Field::Negatives,
            loss.negatives.is_some(),
            "a number of negatives",
            &[Word::Text("remove it")],
        ),
        (
            Field::LossScale,
            loss.scale.is_some(),
            "a scale",
            &[Word::Text("remove it: the loss is the mean over samples")],
        ),
        (
            Field::Reduction,
            loss.reduction.is_some(),
            "a reduction",
            &[Word::Text("remove it: the loss is the mean over samples")],
        ),
        (
            Field::Offsets,
            loss.offsets.is_some(),
            "offsets of the logits",
            &[Word::Text("remove it")],
        ),
        (
            Field::Batches,
            file.batches.is_some(),
            "batches",
            &[Word::Text("remove them: the mean over batches is that over samples")],
        ),
        (
            Field::Nonnegative,
            file.features.nonnegative == Some(true),
            "nonnegative features",
            &[Word::Text("remove nonnegative")],
        ),
        (
            Field::Method,
            !matches!(method, "auto" | "lowrank"),
            "a method other than lowrank",
            &[Word::Text("leave it out, or use lowrank")],
        ),
    ];
    match given.into_iter().find(|(_, given, ..)| *given) {
        Some((field, _, what, hint)) => Err(Invalid::conflict(
            field,
            format!("cross-entropy does not take {what}"),
            hint,
        )),
        None => Ok(()),
    }
}
