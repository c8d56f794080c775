//! From a parsed problem file, or flags, to a [`Problem`] and [`Options`].

use std::path::Path;

use toml::Value;

use super::schema::{BatchesTable, ClassesTable, ProblemFile, locate, parse};
use super::{CrossCheckChoice, MethodChoice, Options};
use crate::error::{ArrayError, Error, ProblemError};
use crate::files::npy::read_labels;
use crate::files::{has_extension, read_text};
use crate::problem::Family;
use crate::problem::profile::Profile;
use crate::problem::synonyms::AVAILABLE;
use crate::problem::training::Parts;
use crate::problem::{Anchors, Features, Loss, Singletons, Training};
use crate::problem::{BATCH_RANGE, Classes, MAX_CLASS_SIZE, Model, NEGATIVES_RANGE, Problem, Run};

/// Losses that problem files may name and this version cannot solve.
const LATER_LOSSES: [&str; 1] = ["cross-entropy"];

/// Turns a parsed file (or flags) into a problem. `folder` is what file names are relative to.
///
/// # Errors
/// [`Error::Problem`] without location, and errors of the files that are named.
pub fn resolve(file: &ProblemFile, folder: &Path) -> Result<(Problem, Options), Error> {
    let loss = loss_kind(file)?;
    refuse_later(file)?;
    let classes = classes(&file.classes, folder)?;
    let defaults = Model::default();
    let parts = Parts {
        loss,
        anchors: match choice("loss.anchors", file.loss.anchors.as_deref(), &["sample", "class"])? {
            Some("class") => Anchors::Class,
            _ => Anchors::Sample,
        },
        singletons: match choice(
            "loss.singletons",
            file.loss.singletons.as_deref(),
            &["error", "skip", "zero"],
        )? {
            Some("skip") => Singletons::Skip,
            Some("zero") => Singletons::Zero,
            _ => Singletons::Error,
        },
        negatives: draws("loss.negatives", file.loss.negatives, NEGATIVES_RANGE)?,
        batch_size: batch_size(file.batches.as_ref())?,
    };
    let model = Model {
        title: title(file.title.as_deref())?,
        views: whole("classes.views", file.classes.views, 1)?.unwrap_or(1),
        temperature: file.loss.temperature.unwrap_or(defaults.temperature),
        training: Training::from_parts(parts)?,
        features: Features {
            nonnegative: file.features.nonnegative.unwrap_or(defaults.features.nonnegative),
            dimension: match file.features.dimension {
                Some(0) => return Err(ProblemError::Dimension.into()),
                other => whole("features.dimension", other, 1)?,
            },
        },
    };
    let options = Options {
        method: method(file.solver.method.as_deref())?,
        tolerance: tolerance(file.solver.tolerance)?,
        cross_check: CrossCheckChoice::default(),
    };
    Ok((Problem::new(classes, model)?, options))
}

/// Reads and resolves a problem file.
///
/// # Errors
/// [`Error`], pointing at the line.
pub fn load(path: &Path) -> Result<(Problem, Options, ProblemFile), Error> {
    let text = read_text(path)?;
    let file = parse(path, &text)?;
    let folder = path.parent().unwrap_or(Path::new(""));
    let (problem, options) = resolve(&file, folder).map_err(|error| locate(error, path, &text))?;
    Ok((problem, options, file))
}

/// The class sizes of a file as a function of the imbalance ratio, and the problem at the ratio it gives. With a profile
/// the sizes are real, and `smallest * ratio` of a STEP profile need not be whole: the problem then has equal classes, and
/// only its [`Model`] means something.
///
/// # Errors
/// As [`resolve`].
pub fn resolve_family(file: &ProblemFile, folder: &Path) -> Result<(Family, Problem), Error> {
    let sources = [
        file.classes.sizes.is_some(),
        file.classes.probabilities.is_some(),
        file.classes.file.is_some(),
    ];
    if file.classes.profile.is_none() || sources.contains(&true) {
        let (problem, _) = resolve(file, folder)?;
        return Ok((Family::of_problem(&problem), problem));
    }
    let family = Family::of_profile(profile(&file.classes)?)?;
    let mut whole = file.clone();
    if family.step().is_some() && file.classes.profile.as_deref() == Some("step") {
        whole.classes.ratio = Some(1.0);
    }
    let (problem, _) = resolve(&whole, folder)?;
    Ok((family, problem))
}

/// A title is printed as it is, so it must not be able to steer a terminal.
fn title(title: Option<&str>) -> Result<Option<String>, ProblemError> {
    match title.and_then(|title| title.chars().find(|c| c.is_control())) {
        Some(character) => Err(ProblemError::Title {
            character: character.into(),
        }),
        None => Ok(title.map(str::to_owned)),
    }
}

fn loss_kind(file: &ProblemFile) -> Result<Loss, ProblemError> {
    let name = file.loss.kind.as_deref();
    if let Some(later) = name.filter(|name| LATER_LOSSES.contains(name)) {
        return Err(ProblemError::Unavailable {
            field: "loss.kind",
            what: format!("the loss {later}"),
            hint: AVAILABLE,
        });
    }
    let name = choice("loss.kind", name, &Loss::ALL.map(Loss::name))?;
    Ok(Loss::ALL
        .into_iter()
        .find(|loss| Some(loss.name()) == name)
        .unwrap_or(Loss::Supcon))
}

/// Examples in a random batch; none on the full batch. Sizes without a kind are random batches.
fn batch_size(table: Option<&BatchesTable>) -> Result<Option<u64>, ProblemError> {
    let Some(table) = table else {
        return Ok(None);
    };
    let fixed = choice("batches.kind", table.kind.as_deref(), &["random", "fixed"])? == Some("fixed");
    if fixed || table.members.is_some() {
        return Err(ProblemError::Unavailable {
            field: if fixed { "batches.kind" } else { "batches.members" },
            what: "a scheme of fixed batches".to_owned(),
            hint: "use kind = \"random\" with a size, or remove [batches] for the full batch",
        });
    }
    match draws("batches.size", table.size, BATCH_RANGE)? {
        Some(size) => Ok(Some(size)),
        None => Err(ProblemError::BatchSizeMissing),
    }
}

/// A number of draws in the range that [`Training::from_parts`] also checks; here it may be negative.
fn draws(field: &'static str, value: Option<i64>, (least, most): (u64, u64)) -> Result<Option<u64>, ProblemError> {
    match value {
        Some(value) if !(least as i64..=most as i64).contains(&value) => Err(ProblemError::Draws {
            field,
            value: value.into(),
            least,
            most,
        }),
        other => Ok(other.map(|value| value as u64)),
    }
}

/// Keys of the schema whose solvers are not in this version: refused, never ignored.
fn refuse_later(file: &ProblemFile) -> Result<(), ProblemError> {
    let given = [
        (
            "classifier",
            file.classifier.is_some(),
            "a classifier",
            "remove [classifier]",
        ),
        (
            "loss.offsets",
            file.loss.offsets.is_some(),
            "an offset of the logits",
            "remove offsets",
        ),
        (
            "features.norm",
            file.features.norm.is_some(),
            "a norm of the features other than 1",
            "remove norm and divide the temperature by its square",
        ),
        (
            "features.energy",
            file.features.energy.is_some(),
            "an energy of the features",
            "remove energy",
        ),
        (
            "features.ridge",
            file.features.ridge.is_some(),
            "a ridge on the features",
            "remove ridge",
        ),
    ];
    match given.into_iter().find(|(_, given, _, _)| *given) {
        Some((field, _, what, hint)) => Err(ProblemError::Unavailable {
            field,
            what: what.to_owned(),
            hint,
        }),
        None => Ok(()),
    }
}

/// The method of a name.
///
/// # Errors
/// [`ProblemError::Choice`].
pub fn method(name: Option<&str>) -> Result<MethodChoice, ProblemError> {
    Ok(match choice("solver.method", name, &MethodChoice::NAMES)? {
        Some("dual") => MethodChoice::Dual,
        Some("conic") => MethodChoice::Conic,
        Some("lowrank") => MethodChoice::Lowrank,
        Some("closed-form") => MethodChoice::ClosedForm,
        _ => MethodChoice::Auto,
    })
}

fn tolerance(value: Option<f64>) -> Result<Option<f64>, ProblemError> {
    match value {
        Some(value) if !(value > 0.0 && value < 1.0) => Err(ProblemError::Tolerance { value }),
        other => Ok(other),
    }
}

fn choice<'a>(field: &'static str, value: Option<&str>, options: &[&'a str]) -> Result<Option<&'a str>, ProblemError>
where
    'a: 'static,
{
    match value {
        None => Ok(None),
        Some(value) => match options.iter().find(|&&option| option == value) {
            Some(&option) => Ok(Some(option)),
            None => Err(ProblemError::Choice {
                field,
                value: value.to_owned(),
                options: options.to_vec(),
            }),
        },
    }
}

fn whole(field: &'static str, value: Option<i64>, least: i64) -> Result<Option<u64>, ProblemError> {
    match value {
        Some(value) if value < least => Err(ProblemError::Negative { field, value, least }),
        other => Ok(other.map(|value| value as u64)),
    }
}

fn classes(table: &ClassesTable, folder: &Path) -> Result<Classes, Error> {
    let given: Vec<String> = [
        ("sizes", table.sizes.is_some()),
        ("probabilities", table.probabilities.is_some()),
        ("file", table.file.is_some()),
        ("profile", table.profile.is_some()),
    ]
    .into_iter()
    .filter(|(_, given)| *given)
    .map(|(name, _)| name.to_owned())
    .collect();
    if given.len() > 1 {
        return Err(ProblemError::ManySources { given }.into());
    }
    if table.profile.is_none() {
        check_profile_keys(table, None, &[])?;
    }
    if let Some(sizes) = &table.sizes {
        let runs = sizes
            .iter()
            .enumerate()
            .map(|(class, value)| size_of(class as u64, value))
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Classes::from_runs(runs)?)
    } else if let Some(probabilities) = &table.probabilities {
        Ok(Classes::from_probabilities(probabilities)?)
    } else if let Some(file) = &table.file {
        if file.as_os_str().is_empty() {
            return Err(ProblemError::EmptyPath.into());
        }
        let path = folder.join(file);
        if has_extension(&path, "npz") {
            let source = ArrayError::Archive;
            Err(Error::Array { path, source })
        } else if has_extension(&path, "npy") {
            classes_of_labels(&path)
        } else {
            classes_of_counts(&path)
        }
    } else if table.profile.is_some() {
        Ok(Classes::from_runs(profile(table)?.runs()?)?)
    } else {
        Err(ProblemError::NoClasses.into())
    }
}

/// A word of the command line or of a counts file, as the value that it would be in a problem file.
pub fn value_of_word(word: &str) -> Value {
    let word = word.trim();
    match (word.parse::<i64>(), word.parse::<f64>()) {
        (Ok(n), _) => Value::Integer(n),
        // An integer that does not fit stays as it was written.
        (Err(_), Ok(x)) if word.contains(['.', 'e', 'E', 'n', 'N']) => Value::Float(x),
        _ => Value::String(word.to_owned()),
    }
}

fn size_of(class: u64, value: &Value) -> Result<Run, ProblemError> {
    match value {
        Value::Integer(n) if (1..=MAX_CLASS_SIZE as i64).contains(n) => Ok(Run {
            size: *n as f64,
            count: 1,
        }),
        other => Err(ProblemError::SizeText {
            class,
            value: other.to_string(),
        }),
    }
}

/// Class sizes from a text file with one integer a line; blank lines and lines that start with `#` are skipped. Those of a
/// `.npy` file are [`read_counts`](crate::files::npy::read_counts).
///
/// # Errors
/// [`Error::Read`], [`Error::CountsFile`] with the line, [`Error::Problem`].
pub fn classes_of_counts(path: &Path) -> Result<Classes, Error> {
    let text = read_text(path)?;
    let mut runs = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let run = size_of(runs.len() as u64, &value_of_word(line)).map_err(|source| Error::CountsFile {
            path: path.to_owned(),
            line: index + 1,
            source,
        })?;
        runs.push(run);
    }
    Ok(Classes::from_runs(runs)?)
}

/// Class sizes from labels: the distinct values in ascending order are classes 0, 1, ... A file that looks like class sizes
/// is doubted ([`read_labels`]).
///
/// # Errors
/// [`Error::Read`], [`Error::Array`], [`Error::Problem`].
pub fn classes_of_labels(path: &Path) -> Result<Classes, Error> {
    let mut labels = read_labels(path)?;
    labels.sort_unstable();
    let counts: Vec<u64> = labels.chunk_by(|a, b| a == b).map(|chunk| chunk.len() as u64).collect();
    Ok(Classes::from_counts(&counts)?)
}

const PROFILE_KEYS: [&str; 6] = ["count", "largest", "smallest", "majority", "minority", "ratio"];

/// Refuses keys that the profile does not have: a key that is ignored would be a wrong answer.
fn check_profile_keys(
    table: &ClassesTable,
    profile: Option<&'static str>,
    allowed: &[&str],
) -> Result<(), ProblemError> {
    let present = [
        table.count.is_some(),
        table.largest.is_some(),
        table.smallest.is_some(),
        table.majority.is_some(),
        table.minority.is_some(),
        table.ratio.is_some(),
    ];
    match PROFILE_KEYS
        .into_iter()
        .zip(present)
        .find(|(key, present)| *present && !allowed.contains(key))
    {
        Some((field, _)) => Err(match profile {
            Some(profile) => ProblemError::ProfileExtra { profile, field },
            None => ProblemError::NoProfile { field },
        }),
        None => Ok(()),
    }
}

fn profile(table: &ClassesTable) -> Result<Profile, ProblemError> {
    let missing = |profile, field| ProblemError::ProfileMissing { profile, field };
    let integer =
        |profile, field, name, value: Option<i64>| whole(name, value, 0)?.ok_or_else(|| missing(profile, field));
    match choice(
        "classes.profile",
        table.profile.as_deref(),
        &["step", "exponential", "pareto"],
    )? {
        Some("step") => {
            check_profile_keys(table, Some("step"), &["smallest", "majority", "minority", "ratio"])?;
            Ok(Profile::Step {
                majority: integer("step", "majority", "classes.majority", table.majority)?,
                minority: integer("step", "minority", "classes.minority", table.minority)?,
                smallest: integer("step", "smallest", "classes.smallest", table.smallest)?,
                ratio: table.ratio.ok_or_else(|| missing("step", "ratio"))?,
            })
        }
        Some(name) => {
            check_profile_keys(table, Some(name), &["count", "largest", "ratio"])?;
            let count = integer(name, "count", "classes.count", table.count)?;
            let largest = integer(name, "largest", "classes.largest", table.largest)?;
            let ratio = table.ratio.ok_or_else(|| missing(name, "ratio"))?;
            Ok(if name == "pareto" {
                Profile::Pareto { count, largest, ratio }
            } else {
                Profile::Exponential { count, largest, ratio }
            })
        }
        None => Err(ProblemError::NoClasses),
    }
}
