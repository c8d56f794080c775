//! [`TableError`]: what is wrong with a file of counts or labels that is no array.

use std::fmt;

use thiserror::Error as ThisError;

use crate::problem::Label;
use crate::problem::invalid::{Field, Hint, Word};
use crate::problem::label::shortened;

/// What a text is read as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// One JSON value.
    Json,
    /// A JSON value on every line.
    JsonLines,
    /// Values between separators, with the quotes of CSV.
    Separated(char),
    /// Columns with spaces between them.
    Spaced,
    /// `name: number`, a pair a line.
    Pairs,
    /// A `value_counts()` of pandas, printed.
    Printed,
    /// One value a line.
    Lines,
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Json => "JSON",
            Self::JsonLines => "JSON lines",
            Self::Separated(',') => "comma-separated values",
            Self::Separated(';') => "semicolon-separated values",
            Self::Separated('\t') => "tab-separated values",
            Self::Separated(_) => "values separated by |",
            Self::Spaced => "columns separated by spaces",
            Self::Pairs => "lines of `name: number`",
            Self::Printed => "a printed value_counts()",
            Self::Lines => "one value a line",
        })
    }
}

/// What is wrong with a file of counts or labels. Every variant has a remedy ([`TableError::words`]).
#[derive(Debug, Clone, PartialEq, Eq, ThisError)]
#[allow(missing_docs)]
pub enum TableError {
    #[error("it is {what}, which is not read")]
    Foreign { what: &'static str, remedy: Hint },
    #[error("it is neither text nor a .npy or .npz file of NumPy")]
    Binary,
    #[error("it is text in no Unicode encoding: byte {at} is not UTF-8")]
    Encoding { at: u64 },
    #[error("it has no values")]
    Empty,
    #[error("it begins like JSON and is not: {detail}")]
    Json { detail: String },
    #[error("read as JSON, {detail}")]
    JsonShape { detail: String },
    #[error("read as {format}, line {line}: a quote is not closed")]
    Quote { format: Format, line: usize },
    #[error("read as {format}, line {line} has {found} columns, and the first line has {expected}")]
    Ragged {
        format: Format,
        line: usize,
        found: usize,
        expected: usize,
    },
    #[error("read as {format}, it is cut: line {line} stands for others")]
    Cut { format: Format, line: usize },
    #[error(
        "read as {format}, it has no column of whole numbers that could be class sizes{}",
        of(columns)
    )]
    NoCounts { format: Format, columns: Vec<String> },
    #[error("read as {format}, {} columns could be the class sizes: {}", columns.len(), brief(columns))]
    SeveralCounts { format: Format, columns: Vec<String> },
    #[error("read as {format}, {} columns could be the labels: {}", columns.len(), brief(columns))]
    SeveralLabels { format: Format, columns: Vec<String> },
    #[error("read as {format}, it has no column `{}`{}", shortened(wanted), of(columns))]
    NoColumn {
        format: Format,
        wanted: String,
        columns: Vec<String>,
    },
    #[error(
        "read as {format}, line {line}: {owner} has size {value}, and a class size is a whole number from 1 to 9007199254740992"
    )]
    Count {
        format: Format,
        line: usize,
        owner: String,
        value: String,
    },
    #[error(
        "read as {format}, line {line}: {owner} has size {value}, in which a separator could mean thousands or a fraction"
    )]
    Ambiguous {
        format: Format,
        line: usize,
        owner: String,
        value: String,
    },
    #[error("{owner} has no samples: its size is 0")]
    Zero { owner: String },
    #[error("read as {format}, {} has two rows, lines {} and {}", owner, lines[0], lines[1])]
    Repeated {
        format: Format,
        owner: String,
        lines: [usize; 2],
    },
    #[error("read as {format}, it names files, so that a line is a sample and not a class")]
    Paths { format: Format },
    #[error("read as {format}, line {line} has no label")]
    NoLabel { format: Format, line: usize },
    #[error("read as {format}, line {line}: the label {value} is a number that is not whole")]
    Fraction { format: Format, line: usize, value: String },
    #[error(
        "read as {format}, it has a single 1 in each row of {columns} columns: these are one-hot labels, and one label a sample is needed"
    )]
    OneHot { format: Format, columns: usize },
    #[error("label {label} is negative, and {samples} of {total} samples have it: no class")]
    Negative { label: Label, samples: u64, total: u64 },
    #[error("every sample has a label that is to be ignored")]
    AllIgnored,
    #[error("every class has size 0")]
    AllEmpty,
}

/// The first names, and dots for the others.
fn brief(names: &[String]) -> String {
    const SHOWN: usize = 12;
    let mut list = names.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(", ");
    if names.len() > SHOWN {
        list += ", ...";
    }
    list
}

/// The columns that there are.
fn of(columns: &[String]) -> String {
    match columns {
        [] => String::new(),
        columns => format!("; its columns are {}", brief(columns)),
    }
}

#[cfg(feature = "files")]
const CSV: Hint = &[Word::Text(
    "write it as CSV, for example with pandas: counts.to_csv(\"counts.csv\")",
)];

impl TableError {
    /// What to do about it.
    pub fn words(&self) -> Hint {
        match self {
            Self::Foreign { remedy, .. } => remedy,
            Self::Binary => &[Word::Text(
                "save an array with numpy.save, or write text: CSV, JSON, or one value a line",
            )],
            Self::Encoding { .. } => &[Word::Text(
                "save it as UTF-8 (in Excel the file type \"CSV UTF-8\"; in Python open(FILE, \"w\", encoding=\"utf-8\"))",
            )],
            Self::Empty => &[Word::Text(
                "give a line for every class (its size) or for every sample (its label)",
            )],
            Self::Json { .. } => &[Word::Text(
                "write it with json.dump; what Python prints is not JSON: its quotes are single, its keys may be numbers",
            )],
            Self::JsonShape { .. } => &[Word::Text(
                "give a list [500, 50], an object {\"cat\": 500, \"dog\": 50}, or records [{\"name\": \"cat\", \"count\": 500}]",
            )],
            Self::Quote { .. } => &[Word::Text("close the quote, or write the cell without quotes")],
            Self::Ragged {
                format: Format::Separated(_),
                ..
            } => &[Word::Text(
                "put cells that contain the separator in double quotes, and numbers without separators of thousands",
            )],
            Self::Ragged { .. } => &[Word::Text(
                "write it as CSV with a header, for example class,count; names that contain a comma in double quotes",
            )],
            Self::Cut { .. } => &[Word::Text(
                "save the whole table instead of its print, with pandas: counts.to_csv(\"counts.csv\")",
            )],
            Self::NoCounts { .. } => &[
                Word::Text(
                    "give the number of samples of each class in a column of whole numbers; labels, one a sample, go to ",
                ),
                Word::Name(Field::Labels),
            ],
            Self::SeveralCounts { .. } | Self::SeveralLabels { .. } | Self::NoColumn { .. } => &[
                Word::Text("name the column, or its number from 0, by "),
                Word::Set(Field::Column, &["NAME"]),
            ],
            Self::Count { .. } => &[
                Word::Text(
                    "remove the class, or give the number of its samples as a whole number; class frequencies go to ",
                ),
                Word::Name(Field::Probabilities),
                Word::Text(", labels (one a sample) to "),
                Word::Name(Field::Labels),
            ],
            Self::Ambiguous { .. } => &[Word::Text(
                "write whole numbers with digits alone: 1234, not 1.234 or 1,234",
            )],
            Self::Zero { .. } | Self::AllEmpty => &[
                Word::Text("remove it, or leave out empty classes by "),
                Word::Set(Field::DropEmpty, &["true"]),
                Word::Text("; labels, one a sample, go to "),
                Word::Name(Field::Labels),
            ],
            Self::Repeated { .. } => &[
                Word::Text("give every class one row; a file with one label a sample goes to "),
                Word::Name(Field::Labels),
            ],
            Self::Paths { .. } => &[
                Word::Text("give it as labels, one a sample, by "),
                Word::Name(Field::Labels),
                Word::Text("; classes that are called like files are read under a header, class,count"),
            ],
            Self::NoLabel { .. } => &[Word::Text("give every sample a label, or remove the line")],
            Self::Fraction { .. } => &[
                Word::Text(
                    "labels are names or whole numbers; if this is another column, name the one of the labels by ",
                ),
                Word::Set(Field::Column, &["NAME"]),
            ],
            Self::OneHot { .. } => &[Word::Text(
                "save the number of the class, with pandas: df[columns].values.argmax(axis=1)",
            )],
            Self::Negative { .. } => &[
                Word::Text("if it marks samples that training leaves out, leave them out here too: "),
                Word::Set(Field::IgnoreLabel, &["-1"]),
                Word::Text("; if it is a class, number the classes with numpy.unique(labels, return_inverse=True)[1]"),
            ],
            Self::AllIgnored => &[Word::Text("give fewer values by "), Word::Name(Field::IgnoreLabel)],
        }
    }
}

/// A file that is known by its first bytes, and is another kind than is read.
#[cfg(feature = "files")]
pub(crate) const FOREIGN: [(&[u8], &str, Hint); 12] = [
    (b"\x1f\x8b", "a gzip archive", &[Word::Text("unpack it with gunzip")]),
    (b"BZh", "a bzip2 archive", &[Word::Text("unpack it with bunzip2")]),
    (b"\xfd7zXZ\x00", "an xz archive", &[Word::Text("unpack it with unxz")]),
    (b"PAR1", "a Parquet file", CSV),
    (b"ARROW1", "an Arrow file", CSV),
    (
        b"\x89HDF",
        "an HDF5 file",
        &[Word::Text(
            "save the array with numpy.save, for example numpy.save(\"y.npy\", file[NAME][:])",
        )],
    ),
    (
        b"MATLAB 5.0",
        "a MATLAB file",
        &[Word::Text("save the array with numpy.save, after scipy.io.loadmat")],
    ),
    (
        b"\xd0\xcf\x11\xe0",
        "an Excel workbook (.xls)",
        &[Word::Text("save the sheet in Excel as \"CSV UTF-8\"")],
    ),
    (b"SQLite format 3", "an SQLite database", CSV),
    (b"\x80\x02", "a Python pickle", PICKLE),
    (b"\x80\x04", "a Python pickle", PICKLE),
    (b"\x80\x05", "a Python pickle", PICKLE),
];

#[cfg(feature = "files")]
const PICKLE: Hint = &[Word::Text(
    "save what is in it: an array with numpy.save, a dict of counts with json.dump",
)];
