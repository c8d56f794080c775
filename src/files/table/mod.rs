//! [`Table`]: the one reader of text. It finds the format by looking, and makes rows of cells of it; what the columns mean,
//! class sizes ([`Counts`](super::counts::Counts)) or labels ([`Labels`](super::labels::Labels)), is said by who asks.

mod json;
mod lines;
pub(super) mod number;

use crate::error::{Format, TableError};
use crate::problem::label::shortened;

/// Rows of cells, as many in each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Table {
    pub(crate) format: Format,
    /// Names of the columns, where the first row has them; one may be empty.
    pub(crate) header: Option<Vec<String>>,
    pub(crate) rows: Vec<Row>,
}

/// A row, and the line of the text where it begins (the number of the record in JSON), from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) line: usize,
    pub(crate) cells: Vec<String>,
}

/// Words that the column of class sizes is called by.
const SIZES: [&str; 17] = [
    "count",
    "counts",
    "size",
    "sizes",
    "n",
    "num",
    "number",
    "freq",
    "frequency",
    "samples",
    "images",
    "examples",
    "support",
    "instances",
    "nsamples",
    "nimages",
    "proportion",
];

/// Words that the column of the classes is called by.
const CLASSES: [&str; 22] = [
    "class",
    "classes",
    "classname",
    "classid",
    "label",
    "labels",
    "target",
    "targets",
    "y",
    "category",
    "species",
    "name",
    "id",
    "idx",
    "index",
    "diagnosis",
    "dx",
    "genre",
    "intent",
    "kind",
    "type",
    "group",
];

/// Words that the column of a file name is called by, beside which the other is the label.
const FILES: [&str; 10] = [
    "path", "file", "filename", "image", "img", "imageid", "filepath", "text", "sentence", "sample",
];

impl Table {
    /// Reads a text.
    ///
    /// # Errors
    /// [`TableError`].
    pub(crate) fn parse(text: &str) -> Result<Self, TableError> {
        let trimmed = text.trim();
        let tuple = trimmed.strip_prefix('(').and_then(|rest| rest.strip_suffix(')'));
        let table = if trimmed.starts_with(['[', '{']) {
            json::table(text)?
        } else if let Some(items) = tuple {
            json::table(&format!("[{}]", items.trim_end_matches(',')))?
        } else {
            lines::table(text)?
        };
        if table.rows.is_empty() {
            return Err(TableError::Empty);
        }
        Ok(table)
    }

    /// Number of columns.
    pub(crate) fn columns(&self) -> usize {
        self.rows.first().map_or(0, |row| row.cells.len())
    }

    /// A column from top to bottom.
    pub(crate) fn column(&self, column: usize) -> impl Iterator<Item = &str> {
        self.rows.iter().map(move |row| row.cells[column].as_str())
    }

    /// What messages call a column: its name in the header, else its number from 0.
    pub(crate) fn name(&self, column: usize) -> String {
        let name = self.header.as_ref().map(|header| header[column].as_str());
        match name.filter(|name| !name.is_empty()) {
            Some(name) => shortened(name),
            None => column.to_string(),
        }
    }

    /// What messages call all columns, if there is a choice.
    pub(crate) fn names(&self) -> Vec<String> {
        match self.columns() {
            0 | 1 => Vec::new(),
            columns => (0..columns).map(|column| self.name(column)).collect(),
        }
    }

    /// The column of a name, in any case, or of a number where no column has it as its name.
    pub(crate) fn find(&self, wanted: &str) -> Result<usize, TableError> {
        let wanted = wanted.trim();
        let header = self.header.iter().flatten();
        let same = |name: &&String| name.as_str() == wanted;
        let alike = |name: &&String| name.to_lowercase() == wanted.to_lowercase();
        let named = header.clone().position(|name| same(&name));
        named
            .or_else(|| header.clone().position(|name| alike(&name)))
            .or_else(|| wanted.parse().ok().filter(|&column: &usize| column < self.columns()))
            .ok_or_else(|| TableError::NoColumn {
                format: self.format,
                wanted: wanted.to_owned(),
                columns: self.names(),
            })
    }

    /// Whether the header calls a column by one of some words, alone or among others: `train_count`, `numImages`.
    fn is_called(&self, column: usize, words: &[&str]) -> bool {
        let Some(name) = self.header.as_ref().map(|header| &header[column]) else {
            return false;
        };
        tokens(name).iter().any(|token| words.contains(&token.as_str()))
    }

    /// Whether the header calls a column as class sizes are called.
    pub(crate) fn is_size(&self, column: usize) -> bool {
        self.is_called(column, &SIZES)
    }

    /// Whether the header calls a column as classes are called, and not as sizes are.
    pub(crate) fn is_class(&self, column: usize) -> bool {
        self.is_called(column, &CLASSES) && !self.is_size(column)
    }

    /// Whether the header calls a column as files are called.
    pub(crate) fn is_file(&self, column: usize) -> bool {
        self.is_called(column, &FILES)
    }
}

/// The words of a name, in lower case, and all of them as one: `classId` is class, id and classid.
fn tokens(name: &str) -> Vec<String> {
    let mut tokens = vec![String::new()];
    let mut before = ' ';
    for c in name.chars() {
        if !c.is_alphanumeric() || (c.is_uppercase() && before.is_lowercase()) {
            tokens.push(String::new());
        }
        if c.is_alphanumeric() {
            tokens.last_mut().expect("it has one").extend(c.to_lowercase());
        }
        before = c;
    }
    tokens.retain(|token| !token.is_empty());
    let whole = tokens.concat();
    tokens.push(whole);
    tokens
}

/// Whether a cell of the first row is a name that columns have.
fn is_known(cell: &str) -> bool {
    tokens(cell)
        .iter()
        .any(|token| [&SIZES[..], &CLASSES, &FILES].concat().contains(&token.as_str()))
}

/// Takes the header off, if the first row is one: none of its cells is a number, and below one of them are numbers alone, or
/// one has a name that columns have and that its column has only there.
fn with_header(format: Format, mut rows: Vec<Row>) -> Table {
    if let [only] = &rows[..]
        && only.cells.len() > 1
        && only.cells.iter().all(|cell| is_known(cell))
    {
        rows.clear();
    }
    let is_header = rows.len() > 1 && {
        let (first, rest) = rows.split_first().expect("it has rows");
        let words =
            first.cells.iter().all(|cell| !number::is_number(cell)) && first.cells.iter().any(|c| !c.is_empty());
        let below = |column: usize| rest.iter().map(move |row| row.cells[column].as_str());
        let numeric = |column: usize| {
            let mut cells = below(column).filter(|cell| !cell.is_empty()).peekable();
            cells.peek().is_some() && cells.all(number::is_number)
        };
        let known = |column: usize| {
            let cell = first.cells[column].as_str();
            is_known(cell) && below(column).all(|other| other != cell)
        };
        words && (0..first.cells.len()).any(|column| numeric(column) || known(column))
    };
    let header = is_header.then(|| rows.remove(0).cells);
    Table { format, header, rows }
}
