//! The TOML schema of problem files: its structures, strict parsing, and where in a text a field stands.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use toml::Value;
use toml::de::{DeTable, DeValue};

use super::classes::Given;
use crate::error::{Error, Location};
use crate::problem::invalid::closest;
use crate::problem::{MAX_CLASS_SIZE, SampleOrder};

/// A problem file, as written. Unknown keys are errors.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
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
    pub batches: Option<BatchesTable>,
    pub classifier: Option<ClassifierTable>,
    #[serde(default)]
    pub solver: SolverTable,
    pub expected: Option<Expected>,
}

/// `[classes]`: exactly one way of giving sizes.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct ClassesTable {
    #[cfg_attr(feature = "schema", schemars(with = "Option<Vec<u64>>"))]
    pub sizes: Option<Vec<Value>>,
    pub probabilities: Option<Vec<f64>>,
    pub file: Option<PathBuf>,
    pub counts: Option<PathBuf>,
    pub labels: Option<PathBuf>,
    pub column: Option<String>,
    pub key: Option<String>,
    #[cfg_attr(feature = "schema", schemars(with = "Option<Vec<String>>"))]
    pub ignore_label: Option<Value>,
    pub drop_empty: Option<bool>,
    pub normalise: Option<bool>,
    pub profile: Option<String>,
    pub count: Option<i64>,
    pub largest: Option<i64>,
    pub smallest: Option<i64>,
    pub majority: Option<i64>,
    pub minority: Option<i64>,
    pub ratio: Option<f64>,
    pub views: Option<i64>,
    /// The classes, where they were read already ([`read_classes`](super::read_classes)).
    #[serde(skip)]
    pub read: Option<Given>,
    /// How samples are numbered where labels were counted that are in no file.
    #[serde(skip)]
    pub order: Option<Arc<SampleOrder>>,
}

impl ClassesTable {
    /// Whether sizes are given in some way.
    pub fn is_given(&self) -> bool {
        self.sizes.is_some()
            || self.probabilities.is_some()
            || self.reads_file()
            || self.profile.is_some()
            || self.read.is_some()
    }

    /// Whether sizes come from a file.
    pub fn reads_file(&self) -> bool {
        self.file.is_some() || self.counts.is_some() || self.labels.is_some()
    }
}

/// `[loss]`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct LossTable {
    pub kind: Option<String>,
    pub temperature: Option<f64>,
    pub anchors: Option<String>,
    pub singletons: Option<String>,
    pub negatives: Option<i64>,
    pub scale: Option<f64>,
    pub reduction: Option<String>,
    pub offsets: Option<PathBuf>,
}

/// `[batches]`; absent for the full batch.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct BatchesTable {
    pub kind: Option<String>,
    pub size: Option<i64>,
    pub power: Option<f64>,
    pub replacement: Option<bool>,
    pub classes: Option<i64>,
    pub per_class: Option<i64>,
    pub members: Option<Vec<Vec<i64>>>,
    pub file: Option<PathBuf>,
    pub unused: Option<String>,
    /// Of a result that is solved again: the class-major number of every sample, where they are numbered otherwise.
    #[serde(skip)]
    pub examples: Option<Vec<u32>>,
}

/// `[features]`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct FeaturesTable {
    pub nonnegative: Option<bool>,
    pub dimension: Option<i64>,
    pub norm: Option<f64>,
    pub energy: Option<f64>,
    pub ridge: Option<f64>,
}

/// `[classifier]`, of cross-entropy.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct ClassifierTable {
    pub norm: Option<f64>,
    pub energy: Option<f64>,
    pub frobenius: Option<f64>,
    pub ridge: Option<f64>,
}

/// `[solver]`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct SolverTable {
    pub method: Option<String>,
    pub tolerance: Option<f64>,
}

/// `[expected]`: what an independent source says of the optimum; makes a problem file a test.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
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
const TABLES: [&str; 7] = [
    "classes",
    "loss",
    "features",
    "classifier",
    "batches",
    "solver",
    "expected",
];

/// One line that each key may look like; keys are those of the reference page.
const EXAMPLES: [(&str, &str); 46] = [
    ("title", "title = \"two large classes, two small\""),
    ("classes.sizes", "sizes = [500, 500, 5, 5]"),
    ("classes.probabilities", "probabilities = [0.5, 0.3, 0.2]"),
    ("classes.file", "file = \"counts.txt\""),
    ("classes.counts", "counts = \"counts.csv\""),
    ("classes.labels", "labels = \"labels.npy\""),
    ("classes.column", "column = \"train\""),
    ("classes.key", "key = \"y_train\""),
    ("classes.ignore_label", "ignore_label = [-1, 255]"),
    ("classes.drop_empty", "drop_empty = true"),
    ("classes.normalise", "normalise = true"),
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
    ("loss.negatives", "negatives = 5"),
    ("loss.scale", "scale = 1.4285714285714286"),
    ("loss.reduction", "reduction = \"sum\""),
    ("batches.kind", "kind = \"random\""),
    ("batches.size", "size = 256"),
    ("batches.power", "power = 0.5"),
    ("batches.replacement", "replacement = false"),
    ("batches.classes", "classes = 8"),
    ("batches.per_class", "per_class = 4"),
    ("batches.members", "members = [[0, 1, 4], [2, 3, 5]]"),
    ("batches.file", "file = \"batches.json\""),
    ("batches.unused", "unused = \"ignore\""),
    ("features.nonnegative", "nonnegative = true"),
    ("features.dimension", "dimension = 16"),
    ("features.norm", "norm = 1.0"),
    ("features.energy", "energy = 5.0"),
    ("features.ridge", "ridge = 1e-4"),
    ("classifier.norm", "norm = 1.0"),
    ("classifier.energy", "energy = 1.0"),
    ("classifier.frobenius", "frobenius = 3.0"),
    ("classifier.ridge", "ridge = 0.01"),
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
        collect_spans_of_value(value.get_ref(), value.span(), path, spans);
    }
}

fn collect_spans_of_value(value: &DeValue<'_>, span: Span, path: String, spans: &mut Vec<(String, Span)>) {
    match value {
        DeValue::Table(inner) => {
            spans.push((path.clone(), span));
            collect_spans(inner, path, spans);
        }
        DeValue::Array(items) => {
            spans.push((path.clone(), span));
            for (i, item) in items.iter().enumerate() {
                collect_spans_of_value(item.get_ref(), item.span(), format!("{path}[{i}]"), spans);
            }
        }
        _ => spans.push((path, span)),
    }
}

/// Where the class sizes may be; errors about a key that is not there are about these.
const SOURCES: [&str; 6] = [
    "classes.sizes",
    "classes.file",
    "classes.counts",
    "classes.labels",
    "classes.profile",
    "classes.probabilities",
];

/// Adds the place in the file to an error that names a field: its value or, where the field is not given, its table or
/// that of the class sizes.
pub fn locate(error: Error, path: &Path, text: &str) -> Error {
    let Error::Invalid { source, location: None } = error else {
        return error;
    };
    let mut spans = Vec::new();
    if let Ok(table) = DeTable::parse(text) {
        collect_spans(table.get_ref(), String::new(), &mut spans);
    }
    let spans: BTreeMap<String, Span> = spans.into_iter().collect();
    let field = source.field.to_string();
    let span = std::iter::once(field.as_str())
        .chain(field.split_once('.').map(|(table, _)| table))
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
    Error::Invalid { source, location }
}
