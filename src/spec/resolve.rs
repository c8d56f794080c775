//! From a parsed problem file, or flags, to a [`Problem`] and [`Options`].

use std::path::Path;

use super::batches::{Scheme, scheme};
use super::classes::given;
use super::restated::restated;
use super::schema::{ClassesTable, ProblemFile, locate, parse};
use crate::error::Error;
use crate::files::{has_extension, read_text, read_text_within};
use crate::problem::Family;
use crate::problem::invalid::{Hint, Word, short};
use crate::problem::profile::Profile;
use crate::problem::synonyms::AVAILABLE;
use crate::problem::training::{Parts, out_of_range};
use crate::problem::{Anchors, Convention, Features, Field, Invalid, Kind, Loss, Reduction, Singletons, Training};
use crate::problem::{Model, NEGATIVES_RANGE, Problem};
use crate::solve::{CrossCheckChoice, MethodChoice, Options};

/// Turns a parsed file (or flags) into a problem. `folder` is what file names are relative to.
///
/// # Errors
/// [`Error::Invalid`] without location, and errors of the files that are named.
pub fn resolve(file: &ProblemFile, folder: &Path) -> Result<(Problem, Options), Error> {
    let loss = loss_kind(file)?;
    refuse_later(file)?;
    let given = given(&file.classes, folder)?;
    let (mut batch_size, mut batch_classes, mut per_class, mut batches) = (None, None, None, None);
    match scheme(file.batches.as_ref(), &given, folder)? {
        Some(Scheme::Random(size)) => batch_size = Some(size),
        // A table of this kind says so even where it has no numbers.
        Some(Scheme::ClassBalanced(None, None)) => {
            return Err(Invalid::new(Field::BatchClasses, Kind::Missing(None)).into());
        }
        Some(Scheme::ClassBalanced(classes, each)) => (batch_classes, per_class) = (classes, each),
        Some(Scheme::Fixed(fixed)) => batches = Some(fixed),
        None => {}
    }
    let defaults = Model::default();
    let parts = Parts {
        loss,
        anchors: match choice(Field::Anchors, file.loss.anchors.as_deref(), &["sample", "class"])? {
            Some("class") => Anchors::Class,
            _ => Anchors::Sample,
        },
        singletons: match choice(
            Field::Singletons,
            file.loss.singletons.as_deref(),
            &["error", "skip", "zero"],
        )? {
            Some("skip") => Singletons::Skip,
            Some("zero") => Singletons::Zero,
            _ => Singletons::Error,
        },
        negatives: draws(Field::Negatives, file.loss.negatives, NEGATIVES_RANGE)?,
        batch_size,
        power: file.batches.as_ref().and_then(|table| table.power),
        replacement: file.batches.as_ref().and_then(|table| table.replacement),
        batch_classes,
        per_class,
        batches,
    };
    let model = Model {
        title: title(file.title.as_deref())?,
        views: whole(Field::Views, file.classes.views, 1)?.unwrap_or(1),
        temperature: file.loss.temperature.unwrap_or(defaults.temperature),
        training: Training::from_parts(parts)?,
        features: Features {
            nonnegative: file.features.nonnegative.unwrap_or(defaults.features.nonnegative),
            dimension: whole(Field::Dimension, file.features.dimension, 1)?,
        },
    };
    let options = Options {
        method: method(file.solver.method.as_deref())?,
        tolerance: tolerance(file.solver.tolerance)?,
        cross_check: CrossCheckChoice::default(),
    };
    let problem = Problem::new(given.classes, model)?;
    // A study that states no loss must not accept one that cannot be.
    convention(file, &problem)?;
    Ok((problem, options))
}

/// How a file (or flags) wants the loss of its problem to be stated.
///
/// # Errors
/// [`Error::Invalid`] without location.
pub fn convention(file: &ProblemFile, problem: &Problem) -> Result<Convention, Error> {
    let names = [Reduction::Mean, Reduction::Sum].map(Reduction::name);
    let reduction = match choice(Field::Reduction, file.loss.reduction.as_deref(), &names)? {
        Some("sum") => Reduction::Sum,
        _ => Reduction::Mean,
    };
    let scale = file.loss.scale.unwrap_or(Convention::default().scale());
    Ok(Convention::new(scale, reduction, problem)?)
}

/// Longest problem file that is read, in bytes: room for a million class sizes. Parsing takes some fifty times as much memory.
const MAX_PROBLEM_TEXT: u64 = 8 << 20;

/// Reads a problem file, or the problem of a result (`.json`); with its text, in which errors have their places.
///
/// # Errors
/// [`Error::Read`], also above 8 MB (that of a result may be longer); [`Error::Syntax`], [`Error::Result`].
pub fn read(path: &Path) -> Result<(ProblemFile, String), Error> {
    if has_extension(path, "json") {
        let text = read_text(path)?;
        return Ok((restated(path, &text)?, text));
    }
    let text = read_text_within(
        path,
        MAX_PROBLEM_TEXT,
        "a problem file has at most 8 MB; name a file of class sizes in it instead of listing them",
    )?;
    Ok((parse(path, &text)?, text))
}

/// Reads and resolves a problem file.
///
/// # Errors
/// [`Error`], pointing at the line.
pub fn load(path: &Path) -> Result<(Problem, Options, ProblemFile), Error> {
    let (file, text) = read(path)?;
    let folder = path.parent().unwrap_or(Path::new(""));
    let (problem, options) = resolve(&file, folder).map_err(|error| locate(error, path, &text))?;
    Ok((problem, options, file))
}

/// The same for a text that is not to be read from the path that messages name.
///
/// # Errors
/// [`Error`], pointing at the line.
pub fn load_text(path: &Path, text: &str) -> Result<(Problem, Options, ProblemFile), Error> {
    let file = parse(path, text)?;
    let folder = path.parent().unwrap_or(Path::new(""));
    let (problem, options) = resolve(&file, folder).map_err(|error| locate(error, path, text))?;
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
        file.classes.reads_file(),
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
pub(super) fn title(title: Option<&str>) -> Result<Option<String>, Invalid> {
    match title.and_then(|title| title.chars().find(|c| c.is_control())) {
        Some(character) => Err(Invalid::new(Field::Title, Kind::ControlCharacter(character))),
        None => Ok(title.map(str::to_owned)),
    }
}

fn loss_kind(file: &ProblemFile) -> Result<Loss, Invalid> {
    let name = file.loss.kind.as_deref();
    if name == Some(super::cross_entropy::NAME) {
        return Err(Invalid::unavailable(
            Field::Loss,
            "the loss cross-entropy here",
            &[
                Word::Text("it is for "),
                Word::Verb("solve"),
                Word::Text(", "),
                Word::Verb("compare"),
                Word::Text(", and "),
                Word::Verb("phase"),
                Word::Text(" over the ratio; here "),
                Word::Text(AVAILABLE),
            ],
        ));
    }
    let name = choice(Field::Loss, name, &Loss::ALL.map(Loss::name))?;
    Ok(Loss::ALL
        .into_iter()
        .find(|loss| Some(loss.name()) == name)
        .unwrap_or(Loss::Supcon))
}

/// A number of draws in the range that [`Training::from_parts`] also checks; here it may be negative.
pub(super) fn draws(field: Field, value: Option<i64>, (least, most): (u64, u64)) -> Result<Option<u64>, Invalid> {
    match value {
        Some(value) if !(least as i64..=most as i64).contains(&value) => {
            Err(out_of_range(field, value.to_string(), (least, most)))
        }
        other => Ok(other.map(|value| value as u64)),
    }
}

/// Keys of the schema whose solvers are not in this version: refused, never ignored.
fn refuse_later(file: &ProblemFile) -> Result<(), Invalid> {
    let given: [(Field, bool, &str, Hint); 5] = [
        (
            Field::Classifier,
            file.classifier.is_some(),
            "a classifier with this loss",
            &[
                Word::Text("remove the classifier, or "),
                Word::Set(Field::Loss, &["cross-entropy"]),
            ],
        ),
        (
            Field::Offsets,
            file.loss.offsets.is_some(),
            "an offset of the logits",
            &[Word::Text("remove offsets")],
        ),
        (
            Field::Norm,
            file.features.norm.is_some(),
            "a norm of the features other than 1",
            &[Word::Text("remove norm and divide the temperature by its square")],
        ),
        (
            Field::Energy,
            file.features.energy.is_some(),
            "an energy of the features",
            &[Word::Text("remove energy")],
        ),
        (
            Field::Ridge,
            file.features.ridge.is_some(),
            "a ridge on the features",
            &[Word::Text("remove ridge")],
        ),
    ];
    match given.into_iter().find(|(_, given, _, _)| *given) {
        Some((field, _, what, hint)) => Err(Invalid::unavailable(field, what, hint)),
        None => Ok(()),
    }
}

/// The method of a name.
///
/// # Errors
/// [`Kind::Choice`].
pub fn method(name: Option<&str>) -> Result<MethodChoice, Invalid> {
    Ok(match choice(Field::Method, name, &MethodChoice::NAMES)? {
        Some("dual") => MethodChoice::Dual,
        Some("conic") => MethodChoice::Conic,
        Some("lowrank") => MethodChoice::Lowrank,
        Some("closed-form") => MethodChoice::ClosedForm,
        _ => MethodChoice::Auto,
    })
}

pub(super) fn tolerance(value: Option<f64>) -> Result<Option<f64>, Invalid> {
    match value {
        Some(value) if !(value > 0.0 && value < 1.0) => {
            let rule = "a relative gap is above 0 and below 1";
            let value = short(value);
            Err(Invalid::new(Field::Tolerance, Kind::Rule { value, rule }))
        }
        other => Ok(other),
    }
}

pub(super) fn choice<'a>(field: Field, value: Option<&str>, options: &[&'a str]) -> Result<Option<&'a str>, Invalid>
where
    'a: 'static,
{
    match value {
        None => Ok(None),
        Some(value) => match options.iter().find(|&&option| option == value) {
            Some(&option) => Ok(Some(option)),
            None => {
                let (value, options) = (value.to_owned(), options.to_vec());
                Err(Invalid::new(field, Kind::Choice { value, options }))
            }
        },
    }
}

pub(super) fn whole(field: Field, value: Option<i64>, least: i64) -> Result<Option<u64>, Invalid> {
    match value {
        Some(value) if value < least => {
            let value = value.into();
            Err(Invalid::new(field, Kind::TooSmall { value, least }))
        }
        other => Ok(other.map(|value| value as u64)),
    }
}

const PROFILE_KEYS: [Field; 6] = [
    Field::Count,
    Field::Largest,
    Field::Smallest,
    Field::Majority,
    Field::Minority,
    Field::Ratio,
];

/// Refuses keys that the profile does not have: a key that is ignored would be a wrong answer.
pub(super) fn check_profile_keys(
    table: &ClassesTable,
    profile: Option<&'static str>,
    allowed: &[Field],
) -> Result<(), Invalid> {
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
        Some((field, _)) => Err(Invalid::new(field, Kind::Misplaced(profile))),
        None => Ok(()),
    }
}

pub(super) fn profile(table: &ClassesTable) -> Result<Profile, Invalid> {
    let missing = |profile, field| Invalid::new(field, Kind::Missing(Some(profile)));
    let integer = |profile, field, value: Option<i64>| whole(field, value, 0)?.ok_or_else(|| missing(profile, field));
    match choice(
        Field::Profile,
        table.profile.as_deref(),
        &["step", "exponential", "pareto"],
    )? {
        Some("step") => {
            check_profile_keys(
                table,
                Some("step"),
                &[Field::Smallest, Field::Majority, Field::Minority, Field::Ratio],
            )?;
            Ok(Profile::Step {
                majority: integer("step", Field::Majority, table.majority)?,
                minority: integer("step", Field::Minority, table.minority)?,
                smallest: integer("step", Field::Smallest, table.smallest)?,
                ratio: table.ratio.ok_or_else(|| missing("step", Field::Ratio))?,
            })
        }
        Some(name) => {
            check_profile_keys(table, Some(name), &[Field::Count, Field::Largest, Field::Ratio])?;
            let count = integer(name, Field::Count, table.count)?;
            let largest = integer(name, Field::Largest, table.largest)?;
            let ratio = table.ratio.ok_or_else(|| missing(name, Field::Ratio))?;
            Ok(if name == "pareto" {
                Profile::Pareto { count, largest, ratio }
            } else {
                Profile::Exponential { count, largest, ratio }
            })
        }
        None => Err(Invalid::new(Field::Classes, Kind::Missing(None))),
    }
}
