//! [`Labels`]: which sample belongs to which class, from a file of any kind.

use std::path::Path;

use super::counts::{Choice, is_path, labels};
use super::note::Note;
use super::npy::{archive, labels_of, like_counts};
use super::table::number::{Whole, is_number, whole};
use super::table::{Row, Table};
use super::text::decode;
use super::{Wrong, is_archive, is_array, read_bytes};
use crate::error::{Error, Format, TableError};
use crate::problem::Label;

/// Labels of samples. The distinct values, ascending, are the classes 0, 1, ...
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Labels {
    /// The value of every class, ascending.
    pub values: Vec<Label>,
    /// The class of every sample that is not left out.
    pub classes: Vec<u32>,
    /// Samples of every class, at least 1.
    pub counts: Vec<u64>,
    /// Samples of the file.
    pub total: usize,
    /// The samples that are not left out, ascending; `None` where none is.
    pub kept: Option<Vec<u32>>,
    /// What is to be said of the file.
    pub notes: Vec<Note>,
}

/// Names of an array among others that say that it is the one of labels.
const KEYS: [&str; 5] = ["labels", "y", "targets", "label", "target"];

/// What programs write in the place of a number that is not known.
const MISSING: [&str; 7] = ["nan", "NaN", "NAN", "None", "null", "NA", "N/A"];

impl Labels {
    /// Reads a file: an array (`.npy`, or one of a `.npz`) of integers, booleans, whole floats or text; JSON; or text of the
    /// formats that [`Format`] lists, in which a column has the labels.
    ///
    /// # Errors
    /// [`Error::Read`], [`Error::Array`], [`Error::Table`].
    pub fn read(path: &Path, choice: &Choice) -> Result<Self, Error> {
        let bytes = read_bytes(path)?;
        let found = if is_archive(&bytes) {
            archive::array(&bytes, choice.key.as_deref(), &KEYS).and_then(|inner| Self::of_array(&inner, choice))
        } else if is_array(&bytes, path) {
            Self::of_array(&bytes, choice)
        } else {
            Self::of_text(&bytes, choice)
        };
        found.map_err(|wrong| wrong.at(path))
    }

    fn of_array(bytes: &[u8], choice: &Choice) -> Result<Self, Wrong> {
        Self::made(labels_of(bytes)?, choice, true)
    }

    fn of_text(bytes: &[u8], choice: &Choice) -> Result<Self, Wrong> {
        let table = Table::parse(&decode(bytes)?)?;
        let column = column_of_labels(&table, choice)?;
        let format = table.format;
        if let Some(row) = table.rows.iter().find(|row| row.cells[column].is_empty()) {
            let line = row.line;
            return Err(TableError::NoLabel { format, line }.into());
        }
        let missing = |row: &&Row| MISSING.contains(&row.cells[column].as_str());
        if table
            .column(column)
            .all(|cell| is_number(cell) || MISSING.contains(&cell))
            && let Some(row) = table.rows.iter().find(missing)
        {
            let line = row.line;
            return Err(TableError::NoLabel { format, line }.into());
        }
        if table.column(column).all(is_number) {
            let fraction = table
                .rows
                .iter()
                .find(|row| !matches!(whole(&row.cells[column], false), Whole::Number(_) | Whole::Ambiguous));
            if let Some(row) = fraction {
                return Err(TableError::Fraction {
                    format,
                    line: row.line,
                    value: row.cells[column].chars().take(40).collect(),
                }
                .into());
            }
        }
        let values = labels(&table.column(column).collect::<Vec<_>>());
        let first = values[0].clone();
        let is_header = matches!(first, Label::Text(_)) && table.header.is_none() && format != Format::Json;
        // Beside files there are labels, whatever they look like.
        let is_file = |c: usize| table.is_file(c) || table.column(c).all(is_path);
        let doubted = !(0..table.columns()).any(|c| c != column && is_file(c));
        let mut made = Self::made(values, choice, doubted)?;
        let alone = made.values.iter().position(|label| *label == first);
        if is_header
            && alone.is_some_and(|class| made.counts[class] == 1)
            && made.counts.iter().filter(|&&count| count == 1).count() == 1
        {
            made.notes.push(Note::LikeHeader { label: first });
        }
        Ok(made)
    }

    /// The classes of these labels.
    pub fn new(labels: Vec<Label>) -> Self {
        let mut values = labels.clone();
        values.sort_unstable();
        values.dedup();
        let class = |label: &Label| values.partition_point(|value| value < label);
        let classes: Vec<u32> = labels.iter().map(|label| class(label) as u32).collect();
        let mut counts = vec![0; values.len()];
        for &class in &classes {
            counts[class as usize] += 1;
        }
        Self {
            total: classes.len(),
            values,
            classes,
            counts,
            kept: None,
            notes: Vec::new(),
        }
    }

    /// The same without the samples that are to be ignored. Other negative labels are refused, and what looks like class sizes
    /// is doubted.
    fn made(labels: Vec<Label>, choice: &Choice, doubted: bool) -> Result<Self, Wrong> {
        let total = labels.len();
        let mut notes = Vec::new();
        let mut ignored: Vec<Label> = Vec::new();
        for word in &choice.ignored {
            let word = word.trim();
            let label = match whole(word, false) {
                Whole::Number(number) if !labels.iter().any(|label| matches!(label, Label::Text(_))) => {
                    Label::Number(number)
                }
                _ => Label::Text(word.to_owned()),
            };
            let samples = labels.iter().filter(|other| **other == label).count() as u64;
            notes.push(match samples {
                0 => Note::NothingIgnored { label: label.clone() },
                samples => Note::Ignored {
                    label: label.clone(),
                    samples,
                },
            });
            ignored.push(label);
        }
        let is_kept = |label: &Label| !ignored.contains(label);
        let kept: Vec<u32> = (0..total as u32).filter(|&at| is_kept(&labels[at as usize])).collect();
        if kept.is_empty() {
            return Err(TableError::AllIgnored.into());
        }
        let whole = kept.len() == total;
        let labels: Vec<Label> = labels.into_iter().filter(|label| is_kept(label)).collect();
        let mut result = Self::new(labels);
        if let Label::Number(least) = result.values[0]
            && least < 0
        {
            return Err(TableError::Negative {
                label: Label::Number(least),
                samples: result.counts[0],
                total: total as u64,
            }
            .into());
        }
        let numbers: Option<Vec<i128>> = result.values.iter().map(Label::number).collect();
        if let Some(numbers) = &numbers {
            if whole && doubted {
                like_counts(total as u64, numbers.first().copied(), numbers.last().copied())?;
            }
            notes.extend(stands_apart(numbers, &result.counts));
        }
        result.total = total;
        result.kept = (!whole).then_some(kept);
        result.notes = notes;
        Ok(result)
    }
}

/// Labels without a gap, and one far above: 255 and 65535 mark what segmentation leaves out.
fn stands_apart(values: &[i128], counts: &[u64]) -> Option<Note> {
    let [first, .., last, label] = *values else {
        return None;
    };
    let dense = last - first + 1 == values.len() as i128 - 1;
    (dense && label > 2 * last.max(1) + 1).then(|| Note::StandsApart {
        label,
        samples: counts[counts.len() - 1],
        others: (first, last),
    })
}

/// The column of labels: by its name, the one beside a path, or the only one.
fn column_of_labels(table: &Table, choice: &Choice) -> Result<usize, TableError> {
    if let Some(wanted) = &choice.column {
        return table.find(wanted);
    }
    let columns = table.columns();
    if columns == 1 {
        return Ok(0);
    }
    let format = table.format;
    let all = || (0..columns).collect::<Vec<_>>();
    // What names the rows is no label: a path, or a different text in each.
    let is_path = |column: usize| table.column(column).all(is_path);
    let is_own = |column: usize| {
        let mut seen = std::collections::HashSet::new();
        table.column(column).all(|cell| !is_number(cell) && seen.insert(cell))
    };
    let is_index = |column: usize| table.header.as_ref().is_some_and(|header| header[column].is_empty());
    let labels: Vec<usize> = all()
        .into_iter()
        .filter(|&c| table.is_class(c) && !table.is_file(c))
        .collect();
    let mut others = all();
    others.retain(|&c| !table.is_file(c) && !is_path(c) && !is_index(c));
    if others.len() > 1 {
        others.retain(|&c| !is_own(c));
    }
    let one_hot: Vec<usize> = others
        .iter()
        .copied()
        .filter(|&c| table.column(c).all(is_bit))
        .collect();
    let single_one = || {
        let ones = |row: &Row| {
            one_hot
                .iter()
                .filter(|&&c| whole(&row.cells[c], false) == Whole::Number(1))
                .count()
        };
        one_hot.len() >= 2 && table.rows.iter().all(|row| ones(row) == 1)
    };
    match (&labels[..], &others[..]) {
        ([one], _) => Ok(*one),
        ([], [one]) => Ok(*one),
        ([], _) if single_one() => Err(TableError::OneHot {
            format,
            columns: one_hot.len(),
        }),
        (named, _) => Err(TableError::SeveralLabels {
            format,
            columns: match (named, &others[..]) {
                ([], []) => table.names(),
                ([], some) | (some, _) => some.iter().map(|&column| table.name(column)).collect(),
            },
        }),
    }
}

fn is_bit(cell: &str) -> bool {
    matches!(whole(cell, false), Whole::Number(0 | 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_the_values_in_ascending_order() {
        let labels = Labels::new([7, 1, 7, 3].map(Label::Number).to_vec());
        assert_eq!(labels.values, [1, 3, 7].map(Label::Number));
        assert_eq!(labels.classes, [2, 0, 2, 1]);
        assert_eq!(labels.counts, [1, 1, 2]);
    }
}
