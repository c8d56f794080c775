//! Problem files: strict parsing of the TOML schema, then resolution into a [`Problem`] and [`Options`].
//!
//! [`ProblemFile`] accepts exactly the schema. The command line fills the same structure, so that a flag and a key mean
//! the same. Every error points at the line of its key or value.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use toml::Value;
use toml::de::{DeTable, DeValue};

use crate::error::{Error, Location, ProblemError, closest};
use crate::files::read_text;
use crate::loss::{Anchors, Loss, Singletons};
use crate::npy::read_labels;
use crate::phase::Family;
use crate::problem::{Classes, MAX_CLASS_SIZE, Model, Problem, Run};
use crate::profile::Profile;
use crate::solution::{Method, Solution, Termination};

/// A problem file, as written. Unknown keys are errors.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)] // The fields are the keys of the reference page.
pub struct ProblemFile {
    pub title: Option<String>,
    #[serde(default)]
    pub classes: ClassesTable,
    #[serde(default)]
    pub loss: LossTable,
    #[serde(default)]
    pub features: FeaturesTable,
    pub batches: Option<Value>,
    pub classifier: Option<Value>,
    #[serde(default)]
    pub solver: SolverTable,
    pub expected: Option<Expected>,
}

/// `[classes]`: exactly one way of giving sizes.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct ClassesTable {
    pub sizes: Option<Vec<Value>>,
    pub probabilities: Option<Vec<f64>>,
    pub file: Option<PathBuf>,
    pub profile: Option<String>,
    pub count: Option<i64>,
    pub largest: Option<i64>,
    pub smallest: Option<i64>,
    pub majority: Option<i64>,
    pub minority: Option<i64>,
    pub ratio: Option<f64>,
    pub views: Option<i64>,
}

/// `[loss]`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct LossTable {
    pub kind: Option<String>,
    pub temperature: Option<f64>,
    pub anchors: Option<String>,
    pub singletons: Option<String>,
    pub negatives: Option<i64>,
    pub offsets: Option<PathBuf>,
}

/// `[features]`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct FeaturesTable {
    pub nonnegative: Option<bool>,
    pub dimension: Option<i64>,
    pub norm: Option<f64>,
    pub energy: Option<f64>,
    pub ridge: Option<f64>,
}

/// `[solver]`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct SolverTable {
    pub method: Option<String>,
    pub tolerance: Option<f64>,
}

/// `[expected]`: what an independent source says of the optimum; makes a problem file a test.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct Expected {
    pub loss: Option<f64>,
    pub excess: Option<f64>,
    pub rank: Option<u64>,
    pub collapsed: Option<Vec<Vec<u64>>>,
    pub entries: Option<Vec<(u64, u64, f64)>>,
    pub tolerance: Option<f64>,
    pub source: Option<String>,
}

/// Which solver to use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum MethodChoice {
    /// The fastest method that can prove its answer.
    #[default]
    Auto,
    /// Newton on the optimality system.
    Dual,
    /// The conic program through clarabel, not polished.
    Conic,
    /// A formula, where there is one.
    ClosedForm,
}

impl MethodChoice {
    /// Names, as on the command line.
    pub const NAMES: [&'static str; 4] = ["auto", "dual", "conic", "closed-form"];
}

/// How to solve, as opposed to what.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Options {
    /// Which solver.
    pub method: MethodChoice,
    /// Tolerance on the relative gap, in (0, 1). `None`: 1e-9, or 1e-6 where conic is the only route.
    pub tolerance: Option<f64>,
    /// Whether to solve again by an independent method and compare.
    pub cross_check: CrossCheckChoice,
}

/// When to solve again by the conic program and compare the Gram matrices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum CrossCheckChoice {
    /// Where method is `auto` and the reduced program is small.
    #[default]
    Auto,
    /// Whenever the answer is not the conic program's own.
    Always,
    /// Never.
    Never,
}

/// `auto` cross-checks programs of at most this many groups.
const CROSS_CHECK_GROUPS: usize = 12;

impl Options {
    /// Whether a solution is to be compared with the conic program's.
    pub fn wants_cross_check(&self, solution: &Solution) -> bool {
        let other = solution.method != Method::Conic && solution.termination == Termination::Converged;
        let small = solution.gram.partition().groups() <= CROSS_CHECK_GROUPS;
        match self.cross_check {
            CrossCheckChoice::Auto => other && small && self.method == MethodChoice::Auto,
            CrossCheckChoice::Always => other,
            CrossCheckChoice::Never => false,
        }
    }
}

/// Losses that problem files may name and this version cannot solve.
const LATER_LOSSES: [&str; 2] = ["nce", "cross-entropy"];

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

/// Parses the text of a problem file.
///
/// # Errors
/// [`Error::Syntax`].
pub fn parse(path: &Path, text: &str) -> Result<ProblemFile, Error> {
    let syntax = |message: String, span: Span, hint: String| Error::Syntax {
        message,
        location: Box::new(Location {
            path: path.to_owned(),
            text: text.to_owned(),
            span,
        }),
        hint,
    };
    let refused = |error: toml::de::Error| {
        let span = error.span().unwrap_or(0..0);
        let (message, hint) = explain(text, error.message().trim(), &span);
        syntax(message, span, hint)
    };
    let table = DeTable::parse(text).map_err(refused)?;
    // Serde would also fill a table from a list, field by field.
    for (key, value) in table.get_ref() {
        let name: &str = key.get_ref();
        if TABLES.contains(&name) && !matches!(value.get_ref(), DeValue::Table(_)) {
            return Err(syntax(
                format!("{name}: a table is needed"),
                value.span(),
                format!("write [{name}] on a line of its own, and its keys below"),
            ));
        }
    }
    ProblemFile::deserialize(toml::Deserializer::from(table)).map_err(refused)
}

/// A byte range of a text.
type Span = std::ops::Range<usize>;

/// Keys that are tables.
const TABLES: [&str; 5] = ["classes", "loss", "features", "solver", "expected"];

/// One line that each key may look like; keys are those of the reference page.
const EXAMPLES: [(&str, &str); 20] = [
    ("title", "title = \"two large classes, two small\""),
    ("classes.sizes", "sizes = [500, 500, 5, 5]"),
    ("classes.probabilities", "probabilities = [0.5, 0.3, 0.2]"),
    ("classes.file", "file = \"counts.txt\""),
    ("classes.profile", "profile = \"exponential\""),
    ("classes.count", "count = 100"),
    ("classes.largest", "largest = 5000"),
    ("classes.smallest", "smallest = 10"),
    ("classes.majority", "majority = 5"),
    ("classes.minority", "minority = 5"),
    ("classes.ratio", "ratio = 100"),
    ("classes.views", "views = 2"),
    ("loss.kind", "kind = \"supcon\""),
    ("loss.temperature", "temperature = 0.1"),
    ("loss.anchors", "anchors = \"sample\""),
    ("loss.singletons", "singletons = \"skip\""),
    ("features.nonnegative", "nonnegative = true"),
    ("features.dimension", "dimension = 16"),
    ("solver.method", "method = \"auto\""),
    ("solver.tolerance", "tolerance = 1e-9"),
];

/// What serde says of an integer that does not fit.
const TOO_LARGE: &str = "u64 value was too large";

/// What is wrong, in the words of the problem file rather than of Rust, and what to do about it.
fn explain(text: &str, message: &str, span: &Span) -> (String, String) {
    if let Some(rest) = message.strip_prefix("unknown field `") {
        let word = rest.split('`').next().unwrap_or_default();
        let options: Vec<&str> = rest.split('`').skip(2).step_by(2).collect();
        let table = EXAMPLES
            .iter()
            .find_map(|(key, _)| key.strip_suffix(word)?.strip_suffix('.'));
        let hint = match (closest(word, &options), table) {
            (Some(option), _) => format!("did you mean `{option}`?"),
            (None, Some(table)) => format!("move it to the table [{table}]"),
            (None, None) => "remove the key".to_owned(),
        };
        return (message.replacen("field", "key", 1), hint);
    }
    if message == "duplicate key" {
        let key = text.get(span.clone()).unwrap_or_default();
        return (format!("duplicate key `{key}`"), "remove one of the two".to_owned());
    }
    let mut plain = message.to_owned();
    for (rust, words) in [
        (TOO_LARGE, "the number is too large"),
        ("expected f64", "expected a number"),
        ("expected i64", "expected a whole number"),
        ("expected u64", "expected a whole number of at least 0"),
        ("expected a sequence", "expected a list"),
        ("expected a boolean", "expected true or false"),
        ("expected a tuple of size 3", "expected [i, j, value]"),
    ] {
        plain = plain.replace(rust, words);
    }
    let mut spans = Vec::new();
    if let Ok(table) = DeTable::parse(text) {
        collect_spans(table.get_ref(), String::new(), &mut spans);
    }
    let at = spans
        .into_iter()
        .rfind(|(_, s)| s.start <= span.start && span.end <= s.end);
    let Some((path, _)) = at else {
        let hint =
            "this is not TOML: a line is a [table], a key = value or a # comment; text is \"quoted\", lists are in [ ]";
        return (plain, hint.to_owned());
    };
    let example = EXAMPLES
        .iter()
        .find(|(key, _)| path == *key || path.starts_with(&format!("{key}[")));
    let hint = match example {
        _ if message == TOO_LARGE => format!("the largest number is 2^53 = {MAX_CLASS_SIZE}"),
        Some((_, example)) => format!("write it like this: {example}"),
        None => "see the reference of the problem file".to_owned(),
    };
    (format!("{path}: {plain}"), hint)
}

/// Spans of all values by path, parents before children.
fn collect_spans(table: &DeTable<'_>, prefix: String, spans: &mut Vec<(String, Span)>) {
    for (key, value) in table {
        let path = if prefix.is_empty() {
            key.get_ref().to_string()
        } else {
            format!("{prefix}.{}", key.get_ref())
        };
        spans.push((path.clone(), value.span()));
        match value.get_ref() {
            DeValue::Table(inner) => collect_spans(inner, path, spans),
            DeValue::Array(items) => {
                spans.extend(
                    items
                        .iter()
                        .enumerate()
                        .map(|(i, item)| (format!("{path}[{i}]"), item.span())),
                );
            }
            _ => {}
        }
    }
}

/// Where the class sizes may be; errors about a key that is not there are about these.
const SOURCES: [&str; 4] = [
    "classes.sizes",
    "classes.file",
    "classes.profile",
    "classes.probabilities",
];

/// Adds the place in the file to an error that names a field: its value or, where the field is not given, that of the
/// class sizes.
pub fn locate(error: Error, path: &Path, text: &str) -> Error {
    let Error::Problem { source, location: None } = error else {
        return error;
    };
    let mut spans = Vec::new();
    if let Ok(table) = DeTable::parse(text) {
        collect_spans(table.get_ref(), String::new(), &mut spans);
    }
    let spans: BTreeMap<String, Span> = spans.into_iter().collect();
    let field = source.field();
    let span = std::iter::once(field.as_str())
        .filter(|&field| field != "classes")
        .chain(SOURCES)
        .chain(["classes"])
        .find_map(|key| spans.get(key).cloned())
        .unwrap_or(0..0);
    let location = Some(Box::new(Location {
        path: path.to_owned(),
        text: text.to_owned(),
        span,
    }));
    Error::Problem { source, location }
}

/// Turns a parsed file (or flags) into a problem. `folder` is what file names are relative to.
///
/// # Errors
/// [`Error::Problem`] without location, and errors of the files that are named.
pub fn resolve(file: &ProblemFile, folder: &Path) -> Result<(Problem, Options), Error> {
    let loss = loss_kind(file)?;
    refuse_later(file)?;
    let classes = classes(&file.classes, folder)?;
    let defaults = Model::default();
    let model = Model {
        title: title(file.title.as_deref())?,
        views: whole("classes.views", file.classes.views, 1)?.unwrap_or(1),
        loss,
        anchors: match choice("loss.anchors", file.loss.anchors.as_deref(), &["sample", "class"])? {
            Some("class") => Anchors::Class,
            _ => defaults.anchors,
        },
        singletons: match choice(
            "loss.singletons",
            file.loss.singletons.as_deref(),
            &["error", "skip", "zero"],
        )? {
            Some("skip") => Singletons::Skip,
            Some("zero") => Singletons::Zero,
            _ => defaults.singletons,
        },
        temperature: file.loss.temperature.unwrap_or(defaults.temperature),
        nonnegative: file.features.nonnegative.unwrap_or(defaults.nonnegative),
        dimension: match file.features.dimension {
            Some(0) => return Err(ProblemError::Dimension.into()),
            other => whole("features.dimension", other, 1)?,
        },
    };
    let options = Options {
        method: method(file.solver.method.as_deref())?,
        tolerance: tolerance(file.solver.tolerance)?,
        cross_check: CrossCheckChoice::default(),
    };
    Ok((Problem::new(classes, model)?, options))
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
            hint: "use supcon, sincere, nscl, population or bcl",
        });
    }
    let name = choice("loss.kind", name, &Loss::ALL.map(Loss::name))?;
    Ok(Loss::ALL
        .into_iter()
        .find(|loss| Some(loss.name()) == name)
        .unwrap_or(Loss::Supcon))
}

/// Keys of the schema whose solvers are not in this version: refused, never ignored.
fn refuse_later(file: &ProblemFile) -> Result<(), ProblemError> {
    let given = [
        (
            "batches",
            file.batches.is_some(),
            "a batch scheme",
            "remove [batches] for the full batch",
        ),
        (
            "classifier",
            file.classifier.is_some(),
            "a classifier",
            "remove [classifier]",
        ),
        (
            "loss.negatives",
            file.loss.negatives.is_some(),
            "a number of sampled negatives",
            "remove negatives; the loss population is its limit",
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
    if name == Some("lowrank") {
        return Err(ProblemError::Unavailable {
            field: "solver.method",
            what: "the method lowrank".to_owned(),
            hint: "use auto, dual or conic",
        });
    }
    Ok(match choice("solver.method", name, &MethodChoice::NAMES)? {
        Some("dual") => MethodChoice::Dual,
        Some("conic") => MethodChoice::Conic,
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
        if path
            .extension()
            .is_some_and(|extension| extension.eq_ignore_ascii_case("npy"))
        {
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

/// Class sizes from a text file with one integer a line; blank lines and lines that start with `#` are skipped.
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

/// Class sizes from labels: the distinct values in ascending order are classes 0, 1, ...
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
