//! [`Counts`]: class sizes from a file of any kind.

use std::collections::HashMap;
use std::path::Path;

use super::note::Note;
use super::npy::{archive, whole_numbers};
use super::table::Table;
use super::table::number::{Whole, is_number, whole};
use super::text::decode;
use super::{Wrong, is_archive, is_array, read_bytes};
use crate::error::{Error, Format, TableError};
use crate::problem::{Label, MAX_CLASS_SIZE};

/// How a file of counts or labels is read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Choice {
    /// The column of a table, by its name or its number from 0.
    pub column: Option<String>,
    /// The array of an archive.
    pub key: Option<String>,
    /// Labels of samples that are left out.
    pub ignored: Vec<String>,
    /// Leave out classes of size 0, which are errors else.
    pub drop_empty: bool,
}

/// The size of every class, in the order of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counts {
    /// What the file calls the classes, if it names them.
    pub labels: Option<Vec<Label>>,
    /// The size of each, at least 1.
    pub sizes: Vec<u64>,
    /// What is to be said of it.
    pub notes: Vec<Note>,
}

/// Names of an array among others that say that it is the one of class sizes.
const KEYS: [&str; 4] = ["counts", "class_counts", "sizes", "cls_num_list"];

/// Least number of sizes that are doubted to be labels.
const DOUBTED: usize = 8;

impl Counts {
    /// Reads a file: an array (`.npy`, or one of a `.npz`), JSON, or text of the formats that [`Format`] lists.
    ///
    /// # Errors
    /// [`Error::Read`], [`Error::Array`], [`Error::Table`].
    pub fn read(path: &Path, choice: &Choice) -> Result<Self, Error> {
        let bytes = read_bytes(path)?;
        let of_array = |bytes: &[u8]| -> Result<Self, Wrong> {
            Ok(Self::made(None, whole_numbers(bytes, choice.drop_empty)?, choice)?)
        };
        let found = if is_archive(&bytes) {
            archive::array(&bytes, choice.key.as_deref(), &KEYS).and_then(|inner| of_array(&inner))
        } else if is_array(&bytes, path) {
            of_array(&bytes)
        } else {
            Self::of_text(&bytes, choice).map_err(Wrong::from)
        };
        found.map_err(|wrong| wrong.at(path))
    }

    fn of_text(bytes: &[u8], choice: &Choice) -> Result<Self, TableError> {
        let table = Table::parse(&decode(bytes)?)?;
        let format = table.format;
        if let Some(sizes) = listed_in_a_row(&table, choice) {
            return Self::made(None, sizes?, choice);
        }
        let column = column_of_sizes(&table, choice)?;
        let names = column_of_names(&table, column);
        if let Some(names) = names
            && table.header.is_none()
            && table.rows.len() > 1
            && table.column(names).all(is_path)
        {
            return Err(TableError::Paths { format });
        }
        let labels = names.map(|names| labels(&table.column(names).collect::<Vec<_>>()));
        let owner = |row: usize| match &labels {
            Some(labels) => labels[row].title(),
            None => format!("class {row}"),
        };
        if let Some(labels) = &labels {
            let mut seen = HashMap::new();
            for (row, label) in labels.iter().enumerate() {
                if let Some(first) = seen.insert(label, row) {
                    return Err(TableError::Repeated {
                        format,
                        owner: label.title(),
                        lines: [table.rows[first].line, table.rows[row].line],
                    });
                }
            }
        }
        let sizes = table.rows.iter().enumerate().map(|(at, row)| {
            let value = row.cells[column].as_str();
            size(format, row.line, value, || owner(at))
        });
        let sizes = sizes.collect::<Result<_, _>>()?;
        Self::made(labels, sizes, choice)
    }

    /// Empty classes are errors or are left out, and then keep the others their numbers.
    pub(crate) fn made(labels: Option<Vec<Label>>, sizes: Vec<u64>, choice: &Choice) -> Result<Self, TableError> {
        let mut notes = Vec::new();
        let mut result = Self {
            labels,
            sizes,
            notes: Vec::new(),
        };
        let empty: Vec<usize> = (0..result.sizes.len()).filter(|&at| result.sizes[at] == 0).collect();
        if let Some(&first) = empty.first() {
            let owner = result.owner(first);
            if !choice.drop_empty {
                return Err(TableError::Zero { owner });
            }
            if empty.len() == result.sizes.len() {
                return Err(TableError::AllEmpty);
            }
            let numbers = || (0..result.sizes.len() as i128).map(Label::Number).collect();
            let labels: Vec<Label> = result.labels.take().unwrap_or_else(numbers);
            let kept = labels.into_iter().zip(&result.sizes).filter(|(_, size)| **size > 0);
            result.labels = Some(kept.map(|(label, _)| label).collect());
            result.sizes.retain(|&size| size > 0);
            let classes = empty.len() as u64;
            notes.push(Note::Dropped { classes, first: owner });
        }
        let (last, others) = result.sizes.split_last().expect("a table has rows");
        let sum = others.iter().try_fold(0u64, |sum, &size| sum.checked_add(size));
        if others.len() >= 2 && sum == Some(*last) {
            let owner = result.owner(others.len());
            let samples = *last;
            notes.push(Note::Total { owner, samples });
        }
        if result.labels.is_none() {
            notes.extend(like_labels(&result.sizes));
        }
        Ok(Self { notes, ..result })
    }

    fn owner(&self, class: usize) -> String {
        match &self.labels {
            Some(labels) => labels[class].title(),
            None => format!("class {class}"),
        }
    }
}

/// Sizes without names that are all of 1 to a number, each twice or more on average and far from sorted down.
fn like_labels(sizes: &[u64]) -> Option<Note> {
    let mut distinct = sizes.to_vec();
    distinct.sort_unstable();
    distinct.dedup();
    let largest = *distinct.last()?;
    let whole = distinct[0] == 1 && largest == distinct.len() as u64 && largest >= 2;
    let repeated = sizes.len() >= DOUBTED && sizes.len() >= 3 * distinct.len();
    (whole && repeated).then_some(Note::LikeLabels {
        values: sizes.len() as u64,
        largest,
    })
}

fn size(format: Format, line: usize, value: &str, owner: impl Fn() -> String) -> Result<u64, TableError> {
    let found = whole(value, format == Format::Separated(','));
    let shown = || value.chars().take(40).collect();
    match found {
        Whole::Number(number) if (0..=MAX_CLASS_SIZE as i128).contains(&number) => Ok(number as u64),
        Whole::Ambiguous => Err(TableError::Ambiguous {
            format,
            line,
            owner: owner(),
            value: shown(),
        }),
        Whole::Number(_) | Whole::Fraction | Whole::No => Err(TableError::Count {
            format,
            line,
            owner: owner(),
            value: match value {
                "" => "nothing".to_owned(),
                _ => shown(),
            },
        }),
    }
}

/// A single row of numbers is a list of sizes.
fn listed_in_a_row(table: &Table, choice: &Choice) -> Option<Result<Vec<u64>, TableError>> {
    let [row] = &table.rows[..] else {
        return None;
    };
    let is_list = table.header.is_none() && choice.column.is_none() && row.cells.len() >= 2;
    (is_list && table.format != Format::Json && row.cells.iter().all(|cell| is_number(cell))).then(|| {
        let sizes = row.cells.iter().enumerate();
        sizes
            .map(|(class, value)| size(table.format, row.line, value, || format!("class {class}")))
            .collect()
    })
}

/// The column of sizes: by its name, or the only one that can be.
fn column_of_sizes(table: &Table, choice: &Choice) -> Result<usize, TableError> {
    if let Some(wanted) = &choice.column {
        return table.find(wanted);
    }
    let columns = table.columns();
    if columns == 1 {
        return Ok(0);
    }
    if matches!(table.format, Format::Pairs | Format::Printed) {
        return Ok(1);
    }
    let comma = table.format == Format::Separated(',');
    let could = |&column: &usize| {
        let sizes = |cell: &str| matches!(whole(cell, comma), Whole::Number(_) | Whole::Ambiguous);
        table.column(column).all(sizes) && !table.is_class(column)
    };
    // The index of a printed table has no name.
    let named = |&column: &usize| table.header.as_ref().is_none_or(|header| !header[column].is_empty());
    let candidates: Vec<usize> = (0..columns).filter(could).filter(named).collect();
    let called: Vec<usize> = candidates
        .iter()
        .copied()
        .filter(|&column| table.is_size(column))
        .collect();
    let is_numbering = |&column: &usize| numbering(table.column(column));
    let others: Vec<usize> = candidates
        .iter()
        .copied()
        .filter(|column| !is_numbering(column))
        .collect();
    let (format, names) = (table.format, |columns: &[usize]| {
        columns.iter().map(|&c| table.name(c)).collect()
    });
    match (&candidates[..], &called[..], &others[..]) {
        // Of numbers that number the classes the sizes are not made, unless their name says so.
        ([], ..) => {
            // One that is wrong in one place is still meant.
            let numeric = |&column: &usize| table.column(column).any(is_number) && !table.is_class(column);
            match (0..columns).filter(numeric).filter(named).collect::<Vec<_>>()[..] {
                [one] if table.is_size(one) || table.header.is_none() => Ok(one),
                _ => Err(TableError::NoCounts {
                    format,
                    columns: table.names(),
                }),
            }
        }
        (_, [one], _) => Ok(*one),
        ([one], ..) => Ok(*one),
        (_, [], [one]) if candidates.len() == 2 => Ok(*one),
        _ => Err(TableError::SeveralCounts {
            format,
            columns: names(if called.is_empty() { &candidates } else { &called }),
        }),
    }
}

/// Whether whole numbers are those of classes: every one from 0, or from 1, once.
fn numbering<'a>(cells: impl Iterator<Item = &'a str>) -> bool {
    let mut numbers: Vec<i128> = Vec::new();
    for cell in cells {
        match whole(cell, false) {
            Whole::Number(number) => numbers.push(number),
            _ => return false,
        }
    }
    numbers.sort_unstable();
    let first = numbers.first().copied().unwrap_or(-1);
    (0..=1).contains(&first)
        && numbers
            .iter()
            .zip(first..)
            .all(|(&number, expected)| number == expected)
}

/// The column that names the classes, beside that of their sizes: the one that is called so, or the first whose values are
/// different, names before numbers.
fn column_of_names(table: &Table, sizes: usize) -> Option<usize> {
    let others = || (0..table.columns()).filter(|&column| column != sizes);
    let is_text = |column: usize| !table.column(column).any(is_number) && table.column(column).all(|c| !c.is_empty());
    let distinct = |column: usize| {
        let mut seen = std::collections::HashSet::new();
        table.column(column).all(|cell| seen.insert(cell))
    };
    let first = |wanted: &dyn Fn(usize) -> bool| others().find(|&column| wanted(column));
    first(&|column| table.is_class(column) && is_text(column))
        .or_else(|| first(&|column| is_text(column) && distinct(column)))
        .or_else(|| first(&|column| table.is_class(column)))
        // Of two columns the other one is.
        .or_else(|| (table.columns() == 2).then(|| 1 - sizes))
        .or_else(|| first(&distinct))
}

/// Whether a name is one of a file: with folders, or with an extension.
pub(super) fn is_path(name: &str) -> bool {
    let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
    let letters = extension.bytes().all(|byte| byte.is_ascii_alphanumeric());
    !is_number(name) && (name.contains(['/', '\\']) || ((2..=5).contains(&extension.len()) && letters))
}

/// Whole numbers if all are, else names.
pub(super) fn labels(cells: &[&str]) -> Vec<Label> {
    let number = |cell: &&str| match whole(cell, false) {
        Whole::Number(number) => Some(Label::Number(number)),
        _ => None,
    };
    let numbers: Option<Vec<Label>> = cells.iter().map(number).collect();
    numbers.unwrap_or_else(|| cells.iter().map(|&cell| Label::Text(cell.to_owned())).collect())
}
