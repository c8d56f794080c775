//! `[classes]`: the one place where class sizes are taken from what a file or flags say, and from the files that they name.

use std::path::Path;
use std::sync::Arc;

use toml::Value;

use super::resolve::{check_profile_keys, profile};
use super::schema::{ClassesTable, ProblemFile};
use crate::error::Error;
use crate::files::counts::{Choice, Counts};
use crate::files::has_extension;
use crate::files::labels::Labels;
use crate::files::note::Note;
use crate::problem::invalid::Word;
use crate::problem::{Classes, Field, Invalid, Kind, Label, MAX_CLASS_SIZE, Run, SampleOrder};

/// Most classes that one item of a list of sizes stands for.
const MAX_REPEATED: u64 = 100_000_000;

/// Classes as they were given, with what was found on the way.
#[derive(Debug, Clone, PartialEq)]
pub struct Given {
    /// The classes, in their order.
    pub classes: Classes,
    /// Which sample has which class, where labels say so.
    pub labels: Option<Arc<Labels>>,
    /// How samples are numbered, where it is given by itself.
    pub order: Option<Arc<SampleOrder>>,
    /// What is to be said of the file.
    pub notes: Vec<Note>,
}

impl Given {
    /// The classes of labels, called by them.
    ///
    /// # Errors
    /// [`Invalid`] for a single class.
    pub fn of_labels(labels: Labels) -> Result<Self, Invalid> {
        Ok(Self {
            classes: Classes::from_counts(&labels.counts)?.with_labels(labels.values.clone()),
            notes: labels.notes.clone(),
            labels: Some(Arc::new(labels)),
            order: None,
        })
    }

    fn of_counts(counts: Counts) -> Result<Self, Invalid> {
        let mut classes = Classes::from_counts(&counts.sizes)?;
        if let Some(labels) = counts.labels {
            classes = classes.with_labels(labels);
        }
        Ok(Self {
            classes,
            labels: None,
            order: None,
            notes: counts.notes,
        })
    }
}

impl From<Classes> for Given {
    fn from(classes: Classes) -> Self {
        Self {
            classes,
            labels: None,
            order: None,
            notes: Vec::new(),
        }
    }
}

/// Reads the file that the classes of a problem file come from, if there is one, once: whatever is made of the problem file
/// then takes them from there. Says what is unusual about it.
///
/// # Errors
/// As [`resolve`](super::resolve).
pub fn read_classes(file: &mut ProblemFile, folder: &Path) -> Result<Vec<Note>, Error> {
    let table = &mut file.classes;
    let has_words = table.sizes.iter().flatten().any(Value::is_str);
    if table.read.is_none() && (table.reads_file() || table.drop_empty == Some(true) || has_words) {
        table.read = Some(given(table, folder)?);
    }
    Ok(table.read.as_ref().map(|given| given.notes.clone()).unwrap_or_default())
}

/// The classes that a table describes. `folder` is what file names are relative to.
///
/// # Errors
/// As [`resolve`](super::resolve).
pub fn given(table: &ClassesTable, folder: &Path) -> Result<Given, Error> {
    Ok(Given {
        order: table.order.clone(),
        ..found(table, folder)?
    })
}

/// Gives a file the classes of samples that were counted, where it has none; a row is one view.
///
/// # Errors
/// [`Invalid`] for rows that are no multiple of the views.
pub fn count_rows(file: &mut ProblemFile, labels: &Labels) -> Result<(), Invalid> {
    if file.classes.is_given() {
        return Ok(());
    }
    // What is no number of views is refused with the problem.
    let views = u64::try_from(file.classes.views.unwrap_or(1)).unwrap_or(1).max(1);
    if let Some(class) = labels.counts.iter().position(|count| count % views != 0) {
        return Err(Invalid::conflict(
            Field::Labels,
            format!(
                "{} has {} rows, which is no multiple of {views} views",
                labels.values[class].title(),
                labels.counts[class]
            ),
            &[
                Word::Text("every row is one view of one example: evaluate all of them, or leave out "),
                Word::Name(Field::Views),
            ],
        ));
    }
    let counts: Vec<u64> = labels.counts.iter().map(|count| count / views).collect();
    file.classes.read = Some(Classes::from_counts(&counts)?.with_labels(labels.values.clone()).into());
    Ok(())
}

fn found(table: &ClassesTable, folder: &Path) -> Result<Given, Error> {
    if let Some(given) = &table.read {
        return Ok(given.clone());
    }
    let ways: Vec<&str> = [
        ("sizes", table.sizes.is_some()),
        ("probabilities", table.probabilities.is_some()),
        ("file", table.file.is_some()),
        ("counts", table.counts.is_some()),
        ("labels", table.labels.is_some()),
        ("profile", table.profile.is_some()),
    ]
    .into_iter()
    .filter(|(_, given)| *given)
    .map(|(name, _)| name)
    .collect();
    if ways.len() > 1 {
        return Err(Invalid::new(Field::Classes, Kind::Several(ways)).into());
    }
    check_keys(table)?;
    if let Some(sizes) = &table.sizes {
        return of_sizes(sizes, table.drop_empty == Some(true)).map_err(Error::from);
    }
    if let Some(probabilities) = &table.probabilities {
        let classes = if table.normalise == Some(true) {
            Classes::from_frequencies(probabilities)?
        } else {
            Classes::from_probabilities(probabilities)?
        };
        return Ok(classes.into());
    }
    for (field, path) in [
        (Field::File, &table.file),
        (Field::SizesFile, &table.counts),
        (Field::Labels, &table.labels),
    ] {
        let Some(path) = path else { continue };
        if path.as_os_str().is_empty() {
            return Err(Invalid::new(field, Kind::Missing(None)).into());
        }
        // An array that is only called a file is one of labels.
        let is_array = || has_extension(path, "npy") || has_extension(path, "npz");
        let of_labels = field == Field::Labels || (field == Field::File && is_array());
        let path = if path == Path::new(crate::files::STDIN) {
            path.clone()
        } else {
            folder.join(path)
        };
        let choice = choice(table)?;
        return Ok(if of_labels {
            Given::of_labels(Labels::read(&path, &choice)?)?
        } else {
            refuse_ignored(table)?;
            Given::of_counts(Counts::read(&path, &choice)?)?
        });
    }
    if table.profile.is_some() {
        return Ok(Classes::from_runs(profile(table)?.runs()?)?.into());
    }
    Err(Invalid::new(Field::Classes, Kind::Missing(None)).into())
}

/// How the file of a table is read.
fn choice(table: &ClassesTable) -> Result<Choice, Invalid> {
    let word = |value: &Value| match value {
        Value::Integer(number) => Ok(number.to_string()),
        Value::String(text) => Ok(text.clone()),
        other => {
            let what = format!("`{other}` is to be ignored, and a label is a whole number or text");
            let hint = &[Word::Text("write it like "), Word::Set(Field::IgnoreLabel, &["-1"])];
            Err(Invalid::conflict(Field::IgnoreLabel, what, hint))
        }
    };
    let ignored = match &table.ignore_label {
        None => Vec::new(),
        Some(Value::Array(values)) => values.iter().map(word).collect::<Result<_, _>>()?,
        Some(value) => vec![word(value)?],
    };
    Ok(Choice {
        column: table.column.clone(),
        key: table.key.clone(),
        ignored,
        drop_empty: table.drop_empty == Some(true),
    })
}

fn refuse_ignored(table: &ClassesTable) -> Result<(), Invalid> {
    if table.ignore_label.is_none() {
        return Ok(());
    }
    Err(Invalid::conflict(
        Field::IgnoreLabel,
        "a label is to be ignored, and the classes come from a file of class sizes",
        &[
            Word::Text("remove it, or give labels, one a sample, by "),
            Word::Name(Field::Labels),
        ],
    ))
}

/// Refuses keys that say how a file is read where there is none: a key that is ignored would be a wrong answer.
fn check_keys(table: &ClassesTable) -> Result<(), Invalid> {
    if table.profile.is_none() {
        check_profile_keys(table, None, &[])?;
    }
    let of_file = [
        (Field::Column, table.column.is_some()),
        (Field::Key, table.key.is_some()),
        (Field::IgnoreLabel, table.ignore_label.is_some()),
    ];
    let file = table.reads_file();
    if let Some((field, _)) = of_file.into_iter().find(|(_, given)| *given && !file) {
        return Err(Invalid::conflict(
            field,
            format!(
                "`{}` is given, and no file of counts or labels that it could say something of",
                field.name()
            ),
            &[
                Word::Text("remove it, or give a file by "),
                Word::Name(Field::SizesFile),
                Word::Text(" or "),
                Word::Name(Field::Labels),
            ],
        ));
    }
    if table.normalise == Some(true) && table.probabilities.is_none() {
        return Err(Invalid::conflict(
            Field::Normalise,
            "frequencies are to be divided by their sum, and none are given",
            &[
                Word::Text("remove it, or give them by "),
                Word::Name(Field::Probabilities),
            ],
        ));
    }
    Ok(())
}

/// Sizes one by one, of which `500x5` are five.
fn of_sizes(sizes: &[Value], drop_empty: bool) -> Result<Given, Invalid> {
    let mut runs: Vec<Run> = Vec::new();
    let mut empty: Vec<u64> = Vec::new();
    let mut class = 0u64;
    for value in sizes {
        if drop_empty && *value == Value::Integer(0) {
            empty.push(class);
            class += 1;
            continue;
        }
        let run = run_of(class, value)?;
        class += run.count;
        runs.push(run);
    }
    let mut notes = Vec::new();
    // One class would be no problem at all: who writes this has so many samples, each a class of its own.
    if let [Value::String(text)] = sizes
        && let [Run { size, count: 1 }] = runs[..]
        && (2.0..=MAX_REPEATED as f64).contains(&size)
    {
        let (text, count) = (text.clone(), size as u64);
        runs = vec![Run { size: 1.0, count }];
        notes.push(Note::Turned { text, count });
    }
    let classes = Classes::from_runs(runs)?;
    let Some(&first) = empty.first() else {
        return Ok(Given {
            notes,
            ..classes.into()
        });
    };
    let kept = (0..class).filter(|class| empty.binary_search(class).is_err());
    let labels = kept.map(|class| Label::Number(class.into())).collect();
    Ok(Given {
        classes: classes.with_labels(labels),
        labels: None,
        order: None,
        notes: vec![Note::Dropped {
            classes: empty.len() as u64,
            first: format!("class {first}"),
        }],
    })
}

/// A word of the command line, as the value that it would be in a problem file.
pub fn value_of_word(word: &str) -> Value {
    let word = word.trim();
    match (word.parse::<i64>(), word.parse::<f64>()) {
        (Ok(n), _) => Value::Integer(n),
        // An integer that does not fit stays as it was written.
        (Err(_), Ok(x)) if word.contains(['.', 'e', 'E', 'n', 'N']) => Value::Float(x),
        _ => Value::String(word.to_owned()),
    }
}

fn run_of(class: u64, value: &Value) -> Result<Run, Invalid> {
    let is_size = |n: &i64| (1..=MAX_CLASS_SIZE as i64).contains(n);
    let refused = || Invalid::new(Field::Size(class), Kind::Size(value.to_string()));
    match value {
        Value::Integer(n) if is_size(n) => Ok(Run {
            size: *n as f64,
            count: 1,
        }),
        Value::String(text) => {
            let (size, count) = text.split_once(['x', 'X', '*', '\u{d7}']).ok_or_else(refused)?;
            let size = size.trim().parse().ok().filter(is_size).ok_or_else(refused)?;
            let count = whole_count(count).ok_or_else(refused)?;
            Ok(Run {
                size: size as f64,
                count,
            })
        }
        _ => Err(refused()),
    }
}

fn whole_count(text: &str) -> Option<u64> {
    let count = text.trim().parse().ok()?;
    (1..=MAX_REPEATED).contains(&count).then_some(count)
}

/// Class sizes from a file of any kind.
///
/// # Errors
/// [`Error::Read`], [`Error::Array`], [`Error::Table`] with the line, [`Error::Invalid`].
pub fn classes_of_counts(path: &Path) -> Result<Classes, Error> {
    Ok(Given::of_counts(Counts::read(path, &Choice::default())?)?.classes)
}

/// Class sizes from labels: the distinct values in ascending order are classes 0, 1, ... A file that looks like class sizes
/// is doubted.
///
/// # Errors
/// [`Error::Read`], [`Error::Array`], [`Error::Table`], [`Error::Invalid`].
pub fn classes_of_labels(path: &Path) -> Result<Classes, Error> {
    Ok(Given::of_labels(Labels::read(path, &Choice::default())?)?.classes)
}
