//! The keywords of a problem: which key of a problem file each is, its type, and what it is where it is not given.

use std::collections::BTreeMap;
use std::sync::Arc;

use pyo3::IntoPyObjectExt;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyFloat, PyInt, PyList, PyString, PyTuple};
use toml::Value;
use ufmin::error::closest;
use ufmin::files::labels::Labels;
use ufmin::problem::SampleOrder;
use ufmin::spec::ProblemFile;

use crate::array;
use crate::error::{raised, usage};

/// What a keyword takes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Whole,
    Real,
    Text,
    Flag,
    Reals,
    /// Class sizes, labels and batches have their own place.
    Large,
}

/// What a keyword is where it is not given.
#[derive(Clone, Copy, PartialEq)]
enum Unset {
    None,
    Whole(i64),
    Real(f64),
    Text(&'static str),
    Flag(bool),
}

struct Keyword {
    name: &'static str,
    /// Table and key of a problem file.
    table: &'static str,
    key: &'static str,
    kind: Kind,
    default: Unset,
}

const fn keyword(name: &'static str, place: (&'static str, &'static str), kind: Kind, default: Unset) -> Keyword {
    let (table, key) = place;
    Keyword {
        name,
        table,
        key,
        kind,
        default,
    }
}

/// In the order of `repr`.
const KEYWORDS: [Keyword; 35] = [
    keyword("sizes", ("classes", "sizes"), Kind::Large, Unset::None),
    keyword("labels", ("classes", "order"), Kind::Large, Unset::None),
    keyword("probabilities", ("classes", "probabilities"), Kind::Reals, Unset::None),
    keyword("profile", ("classes", "profile"), Kind::Text, Unset::None),
    keyword("count", ("classes", "count"), Kind::Whole, Unset::None),
    keyword("largest", ("classes", "largest"), Kind::Whole, Unset::None),
    keyword("smallest", ("classes", "smallest"), Kind::Whole, Unset::None),
    keyword("majority", ("classes", "majority"), Kind::Whole, Unset::None),
    keyword("minority", ("classes", "minority"), Kind::Whole, Unset::None),
    keyword("ratio", ("classes", "ratio"), Kind::Real, Unset::None),
    keyword("views", ("classes", "views"), Kind::Whole, Unset::Whole(1)),
    keyword("loss", ("loss", "kind"), Kind::Text, Unset::Text("supcon")),
    keyword("temperature", ("loss", "temperature"), Kind::Real, Unset::Real(0.1)),
    keyword("anchors", ("loss", "anchors"), Kind::Text, Unset::Text("sample")),
    keyword("singletons", ("loss", "singletons"), Kind::Text, Unset::Text("error")),
    keyword("negatives", ("loss", "negatives"), Kind::Whole, Unset::None),
    keyword("loss_scale", ("loss", "scale"), Kind::Real, Unset::Real(1.0)),
    keyword("reduction", ("loss", "reduction"), Kind::Text, Unset::Text("mean")),
    keyword("batch_size", ("batches", "size"), Kind::Whole, Unset::None),
    keyword("power", ("batches", "power"), Kind::Real, Unset::None),
    keyword("batch_classes", ("batches", "classes"), Kind::Whole, Unset::None),
    keyword("per_class", ("batches", "per_class"), Kind::Whole, Unset::None),
    keyword("batches", ("batches", "members"), Kind::Large, Unset::None),
    keyword("unused", ("batches", "unused"), Kind::Text, Unset::Text("error")),
    keyword(
        "nonnegative",
        ("features", "nonnegative"),
        Kind::Flag,
        Unset::Flag(false),
    ),
    keyword("dimension", ("features", "dimension"), Kind::Whole, Unset::None),
    keyword("feature_norm", ("features", "norm"), Kind::Real, Unset::None),
    keyword("feature_energy", ("features", "energy"), Kind::Real, Unset::None),
    keyword("feature_ridge", ("features", "ridge"), Kind::Real, Unset::None),
    keyword("classifier_norm", ("classifier", "norm"), Kind::Real, Unset::None),
    keyword("classifier_energy", ("classifier", "energy"), Kind::Real, Unset::None),
    keyword(
        "classifier_frobenius",
        ("classifier", "frobenius"),
        Kind::Real,
        Unset::None,
    ),
    keyword("classifier_ridge", ("classifier", "ridge"), Kind::Real, Unset::None),
    keyword("method", ("solver", "method"), Kind::Text, Unset::Text("auto")),
    keyword("tolerance", ("solver", "tolerance"), Kind::Real, Unset::None),
];

/// Of the title there is no table.
const TITLE: &str = "title";

fn named(name: &str) -> Option<&'static Keyword> {
    KEYWORDS.iter().find(|keyword| keyword.name == name)
}

/// The problem file that keywords fill, `base` where they are silent. `None` takes a value back.
pub(crate) fn file_of(base: ProblemFile, keywords: &Bound<'_, PyDict>) -> PyResult<ProblemFile> {
    let py = keywords.py();
    let (mut base, mut given) = (base, ProblemFile::default());
    let (mut tables, mut gone) = (toml::Table::new(), Vec::new());
    let mut labels = None;
    for (name, value) in keywords {
        let name: String = name.extract()?;
        if name == TITLE {
            match value
                .extract::<Option<String>>()
                .map_err(|_| wrong_type(&name, "a str", &value))?
            {
                None => base.title = None,
                title => given.title = title,
            }
            continue;
        }
        let keyword = named(&name).ok_or_else(|| unknown(&name))?;
        if value.is_none() {
            gone.push(keyword);
            continue;
        }
        match keyword.name {
            "sizes" => given.classes.sizes = Some(sizes(&value)?),
            "labels" => labels = Some(array::labels(&value)?),
            "batches" => given.batches.get_or_insert_default().members = Some(array::batches(&value)?),
            _ => {
                let table = tables
                    .entry(keyword.table)
                    .or_insert_with(|| Value::Table(toml::Table::new()));
                if let Value::Table(table) = table {
                    table.insert(keyword.key.to_owned(), keyword.value(&value)?);
                }
            }
        }
    }
    if let Some(labels) = labels {
        if given.classes.sizes.is_some() {
            let what = "class sizes are given in more than one way: sizes, labels";
            return Err(usage(py, "labels", what, "keep exactly one of them"));
        }
        let counted = Labels::new(labels.clone()).counts.into_iter();
        given.classes.sizes = Some(counted.map(|count| Value::Integer(count as i64)).collect());
        let order = SampleOrder::of_labels(&labels).map_err(|error| raised(py, error.into()))?;
        given.classes.order = Some(Arc::new(order));
    }
    let rest = filled(tables)?;
    given = ProblemFile {
        title: given.title.take(),
        batches: match (rest.batches.clone(), given.batches.take()) {
            (Some(table), Some(large)) => Some(ufmin::spec::BatchesTable {
                members: large.members,
                ..table
            }),
            (table, large) => table.or(large),
        },
        classes: ufmin::spec::ClassesTable {
            sizes: given.classes.sizes.take(),
            order: given.classes.order.take(),
            ..rest.classes.clone()
        },
        ..rest
    };
    Ok(without(base, &gone)?.overridden(given))
}

/// A problem file from its tables, whose values have the types of the keys.
fn filled(tables: toml::Table) -> PyResult<ProblemFile> {
    Value::Table(tables)
        .try_into()
        .map_err(|error| PyTypeError::new_err(format!("{error}")))
}

/// A file without the values of some keywords.
fn without(mut file: ProblemFile, gone: &[&Keyword]) -> PyResult<ProblemFile> {
    if gone.is_empty() {
        return Ok(file);
    }
    let is_gone = |name: &str| gone.iter().any(|keyword| keyword.name == name);
    if is_gone("sizes") || is_gone("labels") {
        (file.classes.sizes, file.classes.order) = (None, None);
    }
    if let Some(table) = file.batches.as_mut().filter(|_| is_gone("batches")) {
        table.members = None;
    }
    let (sizes, order) = (file.classes.sizes.take(), file.classes.order.take());
    let members = file.batches.as_mut().and_then(|table| table.members.take());
    let title = file.title.take();
    let mut tables = tables_of(&file);
    for keyword in gone {
        if let Some(Value::Table(table)) = tables.get_mut(keyword.table) {
            table.remove(keyword.key);
        }
    }
    // A table without a key says nothing, and may not be there without what it belongs to.
    tables.retain(|_, table| table.as_table().is_none_or(|table| !table.is_empty()));
    let mut file = filled(tables)?;
    (file.classes.sizes, file.classes.order, file.title) = (sizes, order, title);
    if members.is_some() {
        file.batches.get_or_insert_default().members = members;
    }
    Ok(file)
}

fn tables_of(file: &ProblemFile) -> toml::Table {
    // Serialising structs of numbers, words and lists cannot fail.
    toml::Table::try_from(file).unwrap_or_default()
}

/// The keywords of a file that are not what they would be if they were not given; of class sizes, labels and batches there
/// are none here.
pub(crate) fn small_values(file: &ProblemFile) -> BTreeMap<&'static str, Value> {
    let mut small = file.clone();
    small.classes.sizes = None;
    if let Some(table) = &mut small.batches {
        table.members = None;
    }
    let mut tables = tables_of(&small);
    let mut values = BTreeMap::new();
    for keyword in &KEYWORDS {
        let Some(Value::Table(table)) = tables.get_mut(keyword.table) else {
            continue;
        };
        if let Some(value) = table.remove(keyword.key)
            && !keyword.default.is(&value)
        {
            values.insert(keyword.name, value);
        }
    }
    if let Some(title) = &file.title {
        values.insert(TITLE, Value::String(title.clone()));
    }
    values
}

/// The file without what would be the same if it were not given.
pub(crate) fn canonical(file: ProblemFile) -> PyResult<ProblemFile> {
    let told = small_values(&file);
    let has_default = |keyword: &&Keyword| keyword.default != Unset::None;
    let default: Vec<&Keyword> = KEYWORDS
        .iter()
        .filter(|keyword| has_default(keyword) && !told.contains_key(keyword.name))
        .collect();
    let mut file = without(file, &default)?;
    if let Some(table) = &mut file.batches {
        // It is that of the keys.
        table.kind = None;
    }
    Ok(file)
}

/// Names in the order of `repr`.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    KEYWORDS.iter().map(|keyword| keyword.name).chain([TITLE])
}

/// What a keyword is where it is not given.
pub(crate) fn default_of<'py>(py: Python<'py>, name: &str) -> PyResult<Bound<'py, PyAny>> {
    match named(name).map_or(Unset::None, |keyword| keyword.default) {
        Unset::None => Ok(py.None().into_bound(py)),
        Unset::Whole(value) => value.into_bound_py_any(py),
        Unset::Real(value) => value.into_bound_py_any(py),
        Unset::Text(value) => value.into_bound_py_any(py),
        Unset::Flag(value) => value.into_bound_py_any(py),
    }
}

/// A value as Python has it.
pub(crate) fn object<'py>(py: Python<'py>, value: &Value) -> PyResult<Bound<'py, PyAny>> {
    Ok(match value {
        Value::Integer(value) => PyInt::new(py, *value).into_any(),
        Value::Float(value) => PyFloat::new(py, *value).into_any(),
        Value::Boolean(value) => PyBool::new(py, *value).to_owned().into_any(),
        Value::String(value) => PyString::new(py, value).into_any(),
        Value::Array(values) => {
            let items: PyResult<Vec<_>> = values.iter().map(|value| object(py, value)).collect();
            PyTuple::new(py, items?)?.into_any()
        }
        other => PyString::new(py, &other.to_string()).into_any(),
    })
}

impl Unset {
    fn is(self, value: &Value) -> bool {
        match (self, value) {
            (Self::Whole(default), Value::Integer(value)) => default == *value,
            (Self::Real(default), Value::Float(value)) => default == *value,
            (Self::Text(default), Value::String(value)) => default == value,
            (Self::Flag(default), Value::Boolean(value)) => default == *value,
            _ => false,
        }
    }
}

impl Keyword {
    fn value(&self, value: &Bound<'_, PyAny>) -> PyResult<Value> {
        let refused = |wanted| wrong_type(self.name, wanted, value);
        // True is 1 for Python, and no number of anything here.
        let is_flag = value.is_instance_of::<PyBool>();
        Ok(match self.kind {
            Kind::Whole if !is_flag => Value::Integer(value.extract().map_err(|_| refused("an int"))?),
            Kind::Real if !is_flag => Value::Float(value.extract().map_err(|_| refused("a real number"))?),
            Kind::Text => Value::String(value.extract().map_err(|_| refused("a str"))?),
            Kind::Flag => Value::Boolean(value.extract().map_err(|_| refused("a bool"))?),
            Kind::Reals => {
                let values: Vec<f64> = listed(value)?
                    .extract()
                    .map_err(|_| refused("a list of real numbers"))?;
                Value::Array(values.into_iter().map(Value::Float).collect())
            }
            Kind::Whole | Kind::Large => return Err(refused("an int")),
            Kind::Real => return Err(refused("a real number")),
        })
    }
}

/// Class sizes; what is no whole number is refused with its class.
fn sizes(value: &Bound<'_, PyAny>) -> PyResult<Vec<Value>> {
    let list = listed(value)?;
    if list.is_instance_of::<PyString>() {
        return Err(wrong_type("sizes", "a list of ints", value));
    }
    let items = list
        .try_iter()
        .map_err(|_| wrong_type("sizes", "a list of ints", value))?;
    items
        .map(|item| {
            let item = item?;
            Ok(if item.is_instance_of::<PyBool>() {
                Value::Boolean(item.extract()?)
            } else if let Ok(whole) = item.extract::<i64>() {
                Value::Integer(whole)
            } else if let Ok(real) = item.extract::<f64>() {
                Value::Float(real)
            } else {
                Value::String(item.str()?.extract()?)
            })
        })
        .collect()
}

/// The list of an array, whose items are Python's own.
fn listed<'py>(value: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    if value.is_instance_of::<PyList>() {
        return Ok(value.clone());
    }
    if value.hasattr("tolist")? {
        return value.call_method0("tolist");
    }
    if value.hasattr("__array__")? {
        return array::asarray(value)?.call_method0("tolist");
    }
    Ok(value.clone())
}

fn wrong_type(name: &str, wanted: &str, value: &Bound<'_, PyAny>) -> PyErr {
    let found = value.get_type();
    let found = found
        .name()
        .map_or_else(|_| "something else".to_owned(), |name| name.to_string());
    PyTypeError::new_err(format!("{name} must be {wanted}, not {found}"))
}

fn unknown(name: &str) -> PyErr {
    let all: Vec<&str> = names().collect();
    let hint = closest(name, &all).map_or_else(String::new, |name| format!(". Did you mean '{name}'?"));
    PyTypeError::new_err(format!("unexpected keyword argument '{name}'{hint}"))
}
