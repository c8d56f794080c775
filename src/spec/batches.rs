//! `[batches]`: what it says, and the files it names.

use std::path::Path;
use std::sync::Arc;

use super::classes::{Given, given};
use super::resolve::{choice, draws};
use super::schema::{BatchesTable, ProblemFile};
use crate::error::{ArrayError, Error};
use crate::files::npy::read_batches;
use crate::files::{has_extension, read_text};
use crate::problem::invalid::Word;
use crate::problem::{BATCH_CLASSES_RANGE, BATCH_RANGE, PER_CLASS_RANGE};
use crate::problem::{Batches, Classes, Field, Invalid, Kind, SampleOrder, Unused, no_sample};

/// What `[batches]` describes.
pub(super) enum Scheme {
    /// Batches of a size, drawn anew.
    Random(u64),
    /// So many classes, and examples of each, drawn anew; a number that is missing is refused with the other parts.
    ClassBalanced(Option<u64>, Option<u64>),
    /// The same batches in every epoch.
    Fixed(Arc<Batches>),
}

/// The batches of a problem; none on the full batch. Without a kind it is the one that has the keys.
pub(super) fn scheme(table: Option<&BatchesTable>, given: &Given, folder: &Path) -> Result<Option<Scheme>, Error> {
    let Some(table) = table else {
        return Ok(None);
    };
    let kinds = &["random", "class-balanced", "fixed"];
    let kind = match choice(Field::BatchKind, table.kind.as_deref(), kinds)? {
        Some(kind) => kind,
        None if table.members.is_some() || table.file.is_some() => "fixed",
        None if table.classes.is_some() || table.per_class.is_some() => "class-balanced",
        None => "random",
    };
    if kind != "class-balanced" {
        let needless = [
            (Field::BatchClasses, table.classes.is_some()),
            (Field::PerClass, table.per_class.is_some()),
        ];
        if let Some((field, _)) = needless.into_iter().find(|(_, given)| *given) {
            return Err(Invalid::conflict(
                field,
                format!("`{}` is given, and the batches are {kind}", field.name()),
                &[
                    Word::Text("remove it, or set "),
                    Word::Set(Field::BatchKind, &["class-balanced"]),
                ],
            )
            .into());
        }
    }
    Ok(Some(match kind {
        "fixed" => Scheme::Fixed(Arc::new(fixed_batches(table, given, folder)?)),
        "class-balanced" => {
            refuse_samples(table)?;
            if table.size.is_some() {
                return Err(Invalid::conflict(
                    Field::BatchSize,
                    "a size is given, and class-balanced batches have the size classes x per_class",
                    &[
                        Word::Text("remove it, or set "),
                        Word::Set(Field::BatchKind, &["random"]),
                    ],
                )
                .into());
            }
            Scheme::ClassBalanced(
                draws(Field::BatchClasses, table.classes, BATCH_CLASSES_RANGE)?,
                draws(Field::PerClass, table.per_class, PER_CLASS_RANGE)?,
            )
        }
        _ => Scheme::Random(random_size(table)?),
    }))
}

/// Batches that are drawn have no list of samples.
fn refuse_samples(table: &BatchesTable) -> Result<(), Invalid> {
    let needless = [
        (Field::BatchMembers, table.members.is_some()),
        (Field::BatchFile, table.file.is_some()),
        (Field::Unused, table.unused.is_some()),
    ];
    if let Some((field, _)) = needless.into_iter().find(|(_, given)| *given) {
        return Err(Invalid::conflict(
            field,
            format!("`{}` is given, and the batches are drawn", field.name()),
            &[
                Word::Text("remove it, or set "),
                Word::Set(Field::BatchKind, &["fixed"]),
            ],
        ));
    }
    Ok(())
}

fn random_size(table: &BatchesTable) -> Result<u64, Invalid> {
    refuse_samples(table)?;
    match draws(Field::BatchSize, table.size, BATCH_RANGE)? {
        Some(size) => Ok(size),
        None => Err(Invalid::new(Field::BatchSize, Kind::Missing(None))),
    }
}

fn fixed_batches(table: &BatchesTable, given: &Given, folder: &Path) -> Result<Batches, Error> {
    if table.size.is_some() {
        let hint = &[
            Word::Text("remove it, or set "),
            Word::Set(Field::BatchKind, &["random"]),
        ];
        return Err(Invalid::conflict(
            Field::BatchSize,
            "a size is given, and fixed batches have their own sizes",
            hint,
        )
        .into());
    }
    let unused = match choice(Field::Unused, table.unused.as_deref(), &["error", "ignore"])? {
        Some("ignore") => Unused::Ignore,
        _ => Unused::Error,
    };
    match (&table.members, &table.file) {
        (Some(_), Some(_)) => Err(Invalid::conflict(
            Field::BatchFile,
            "batches are given by members and by a file",
            &[Word::Text("keep one of the two")],
        )
        .into()),
        (None, None) => Err(Invalid::new(Field::BatchMembers, Kind::Missing(None)).into()),
        (Some(members), None) => {
            let lists = members.iter().map(|list| list.iter().map(|&position| position.into()));
            let order = match &table.examples {
                Some(examples) => SampleOrder::of_examples(examples, &given.classes)?,
                None => sample_order(given)?,
            };
            Ok(Batches::from_positions(order, lists, unused)?)
        }
        (None, Some(file)) if file.as_os_str().is_empty() => {
            Err(Invalid::new(Field::BatchFile, Kind::Missing(None)).into())
        }
        (None, Some(file)) => {
            let path = folder.join(file);
            let order = sample_order(given)?;
            let lists = read_lists(&path, order.examples())?;
            Batches::from_positions(order, lists, unused).map_err(|source| Error::Batches { path, source })
        }
    }
}

/// How samples are numbered: by position among labels, where the classes come from some.
///
/// # Errors
/// [`Invalid`] for classes whose samples cannot be numbered, or of which some are left out.
pub fn sample_order(given: &Given) -> Result<SampleOrder, Invalid> {
    if let Some(order) = &given.order {
        return Ok(SampleOrder::clone(order));
    }
    match &given.labels {
        Some(labels) if labels.kept.is_some() => Err(Invalid::conflict(
            Field::Batches,
            "batches number the samples of the labels, and some of these are to be ignored",
            &[Word::Text(
                "save the labels without them, and number the samples that are left",
            )],
        )),
        Some(labels) => SampleOrder::of_labels(&labels.classes),
        None => SampleOrder::class_major(&given.classes),
    }
}

/// The classes of a file or flags, and how their samples are numbered; whatever the rest says.
///
/// # Errors
/// [`Error::Invalid`] without location, and errors of the files that are named.
pub fn samples(file: &ProblemFile, folder: &Path) -> Result<(Classes, SampleOrder), Error> {
    let given = given(&file.classes, folder)?;
    let order = sample_order(&given)?;
    Ok((given.classes, order))
}

/// Batches of sample numbers from a `.npy` file, or a JSON file of lists.
fn read_lists(path: &Path, samples: u32) -> Result<Vec<Vec<i128>>, Error> {
    if has_extension(path, "npz") {
        let (path, source) = (path.to_owned(), ArrayError::Archive);
        return Err(Error::Array { path, source });
    }
    if has_extension(path, "npy") {
        return read_batches(path);
    }
    let text = read_text(path)?;
    let lists: Vec<Vec<serde_json::Number>> = serde_json::from_str(&text).map_err(|error| Error::BatchSyntax {
        path: path.to_owned(),
        detail: error.to_string(),
    })?;
    let whole = |batch: u32, place: u32, number: &serde_json::Number| {
        number.as_i128().ok_or_else(|| Error::Batches {
            path: path.to_owned(),
            source: no_sample(batch, place, number.to_string(), samples),
        })
    };
    (0..)
        .zip(&lists)
        .map(|(batch, list)| {
            (0..)
                .zip(list)
                .map(|(place, number)| whole(batch, place, number))
                .collect()
        })
        .collect()
}
