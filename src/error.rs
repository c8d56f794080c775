//! [`Error`]: why something could not be done. Whether a solution is optimal is not an error but a verdict.

mod table;

use std::fmt;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use thiserror::Error as ThisError;

use crate::problem::invalid::worded;
pub use crate::problem::invalid::{Field, Hint, Invalid, Kind, ProblemFileWording, Word, Wording, closest, one_of};
#[cfg(feature = "files")]
#[cfg(feature = "files")]
pub(crate) use table::FOREIGN;
pub use table::{Format, TableError};

/// What an array is read as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Contents {
    /// One label a sample.
    Labels,
    /// One class size a class.
    Counts,
    /// Batches of sample numbers.
    Batches,
    /// A matrix.
    Matrix,
    /// A matrix with as many rows as columns.
    SquareMatrix,
    /// Features, a row (or a column) a sample.
    Features,
    /// Weights of a linear classifier, a row a class.
    Classifier,
}

impl Contents {
    fn types(self) -> &'static str {
        match self {
            Self::Labels => "an integer type, text, or floats with whole values",
            Self::Batches => "an integer type",
            Self::Counts | Self::Matrix | Self::SquareMatrix | Self::Features | Self::Classifier => {
                "float16, float32, float64 or an integer type"
            }
        }
    }

    fn shape(self) -> &'static str {
        match self {
            Self::Labels => "one dimension (one label a sample)",
            Self::Counts => "one dimension (one size a class)",
            Self::Batches => "two dimensions (batches x size, padded with -1)",
            Self::Matrix => "two dimensions",
            Self::SquareMatrix => "a square matrix",
            Self::Features => "two dimensions (a row for every sample)",
            Self::Classifier => "a row for every class, with as many columns as the features have dimensions,",
        }
    }
}

/// The first few names, and how many more.
fn brief_list(names: &[String]) -> String {
    const SHOWN: usize = 5;
    let mut list = names.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(", ");
    if names.len() > SHOWN {
        list += ", ...";
    }
    list
}

/// What is wrong with a `.npy` file. Every variant has a remedy ([`ArrayError::hint`]).
#[derive(Debug, Clone, PartialEq, Eq, ThisError)]
#[allow(missing_docs)]
pub enum ArrayError {
    #[error("it is not a .npy file, or its header is damaged ({detail})")]
    Header { detail: String },
    #[error("it is a .npz archive of arrays, and one array is needed")]
    Archive,
    #[error("its header promises {expected} bytes of data, and it has {found}")]
    Truncated { expected: u64, found: u64 },
    #[error("its header promises {expected} bytes of data, and {extra} more follow: it may hold a second array")]
    Trailing { expected: u64, extra: u64 },
    #[error("its element type is {found}, and {} is needed", contents.types())]
    Type { contents: Contents, found: String },
    #[error("its shape is {found:?}, and {} is needed", contents.shape())]
    Shape { contents: Contents, found: Vec<u64> },
    #[error(
        "its shape is {found:?} with a single 1 in each {}: these are one-hot labels, and one number a sample is needed",
        if *axis == 1 { "row" } else { "column" }
    )]
    OneHot { axis: usize, found: Vec<u64> },
    #[error(
        "its largest label is {largest} and it has {samples} elements: these look like class sizes, one a class, not like labels, one a sample"
    )]
    LikeCounts { samples: u64, largest: i128 },
    #[error(
        "class {class} has size {value}, and a whole number from 1 to {most} is needed{}",
        match *most {
            0..=2_048 => " (float16 is exact up to there)",
            2_049..=16_777_216 => " (float32 is exact up to there)",
            _ => "",
        }
    )]
    Count { class: u64, value: String, most: u64 },
    #[error("it is no whole .npz archive ({detail})")]
    DamagedArchive { detail: String },
    #[error(
        "it is a .npz archive with {} arrays{}{}, and none is called embeddings or features",
        names.len(),
        if names.is_empty() { "" } else { ": " },
        brief_list(names)
    )]
    Members { names: Vec<String> },
    #[error("it has {rows} rows of {columns} numbers, and there are {labels} labels")]
    RowsAndLabels { rows: u64, columns: u64, labels: u64 },
    #[error("row {row} is not finite: its entry {column} is {value}")]
    RowNotFinite { row: u64, column: u64, value: String },
    #[error("row {row} is zero, and has no direction")]
    ZeroRow { row: u64 },
    #[error(
        "row {row} has the negative entry {value} in column {column}, and the features of this problem are nonnegative"
    )]
    NegativeEntry { row: u64, column: u64, value: String },
    #[error("label {index} is {value}, and a label is a whole number or text")]
    Label { index: u64, value: String },
    #[error(
        "it is a .npz archive with {} arrays{}{}, and {}",
        names.len(),
        if names.is_empty() { "" } else { ": " },
        brief_list(names),
        wanted.as_ref().map_or("which of them is meant is not known".to_owned(), |key| format!("none is called {key}"))
    )]
    Key { names: Vec<String>, wanted: Option<String> },
    #[error("it has no elements")]
    Empty,
    #[error("element {index} is not finite")]
    NotFinite { index: u64 },
}

impl ArrayError {
    /// What to do about it, in the words of problem files.
    pub fn hint(&self) -> String {
        worded(self.words(), &ProblemFileWording)
    }

    /// What to do about it.
    pub fn words(&self) -> Hint {
        match self {
            Self::Header { .. } | Self::Truncated { .. } => &[Word::Text("write it again with numpy.save")],
            Self::Archive => &[Word::Text(
                "save one array of it alone: numpy.save(\"y.npy\", archive[NAME]), where archive = numpy.load(FILE) and NAME is one of archive.files",
            )],
            Self::Trailing { .. } => &[Word::Text(
                "write the array that you mean to a file of its own, with numpy.save",
            )],
            Self::Type {
                contents: Contents::Labels,
                ..
            } => &[Word::Text(
                "number the classes first, for example with numpy.unique(labels, return_inverse=True)[1]",
            )],
            Self::Type {
                contents: Contents::Counts,
                ..
            } => &[
                Word::Text(
                    "save the number of samples of each class, for example numpy.unique(labels, return_counts=True)[1]; labels go to ",
                ),
                Word::Name(Field::Labels),
            ],
            Self::Type {
                contents: Contents::Batches,
                ..
            } => &[Word::Text(
                "save the numbers of the samples, for example with a.astype(int)",
            )],
            Self::Type { .. } => &[Word::Text("convert it first, for example with a.astype(float)")],
            Self::Shape {
                contents: Contents::Labels,
                found,
            } => match found[..] {
                [_, _] => &[Word::Text(
                    "give one label a sample: the column that holds it, such as labels[:, 0], or labels.argmax(axis=1) where columns are scores of the classes",
                )],
                _ => &[Word::Text("give one label a sample, in an array of one dimension")],
            },
            Self::Shape {
                contents: Contents::Counts,
                ..
            } => &[Word::Text(
                "save the number of samples of each class alone, for example numpy.unique(labels, return_counts=True)[1]",
            )],
            Self::Shape {
                contents: Contents::Batches,
                ..
            } => &[Word::Text(
                "give one batch a row, shorter ones padded with -1; a single batch is a[None, :], and JSON takes lists of any length",
            )],
            Self::Shape {
                contents: Contents::Matrix,
                ..
            } => &[Word::Text("reshape it, for example with a[:, None]")],
            Self::Shape {
                contents: Contents::SquareMatrix,
                ..
            } => &[Word::Text(
                "give the k x k inner products, for example those of the class means, H.T @ H",
            )],
            Self::OneHot { axis: 1, .. } => &[Word::Text("save the number of the class: labels.argmax(axis=1)")],
            Self::OneHot { .. } => &[Word::Text("save the number of the class: labels.argmax(axis=0)")],
            Self::LikeCounts { .. } => &[
                Word::Text("give class sizes with "),
                Word::Name(Field::SizesFile),
                Word::Text(
                    "; if these are labels, number the classes with numpy.unique(labels, return_inverse=True)[1]",
                ),
            ],
            Self::Count { .. } => &[
                Word::Text("give the number of samples of each class that has any; labels go to "),
                Word::Name(Field::Labels),
                Word::Text(", class frequencies to "),
                Word::Name(Field::Probabilities),
            ],
            Self::Shape {
                contents: Contents::Features,
                ..
            } => &[Word::Text(
                "save one row for every sample, for example with H.reshape(len(H), -1)",
            )],
            Self::Shape {
                contents: Contents::Classifier,
                ..
            } => &[Word::Text(
                "save the weights k x d, classes in the ascending order of their labels: in PyTorch the weight of the last torch.nn.Linear",
            )],
            Self::DamagedArchive { .. } => &[Word::Text("write it again with numpy.savez")],
            Self::Members { .. } => &[Word::Text("name the features: numpy.savez(FILE, embeddings=H)")],
            Self::RowsAndLabels { rows, columns, labels } if columns == labels && rows != labels => &[
                Word::Text("a column for every sample is read with "),
                Word::Name(Field::Transposed),
                Word::Text("; otherwise give one label for every row"),
            ],
            Self::RowsAndLabels { .. } => &[Word::Text(
                "give one label for every row, of the same samples in the same order; with several views every row is one view",
            )],
            Self::RowNotFinite { .. } => &[Word::Text(
                "find out why training gave NaN or infinity there, or leave out the row and its label",
            )],
            Self::ZeroRow { .. } => &[Word::Text("leave out the row and its label")],
            Self::NegativeEntry { .. } => &[
                Word::Text("save the features after the ReLU, or leave out "),
                Word::Name(Field::Nonnegative),
            ],
            Self::Label { .. } => &[Word::Text(
                "number the classes first, for example with numpy.unique(labels, return_inverse=True)[1]",
            )],
            Self::Key { .. } => &[Word::Text("name the array by "), Word::Set(Field::Key, &["NAME"])],
            Self::Empty => &[Word::Text("give at least one element")],
            Self::NotFinite { .. } => &[Word::Text("remove NaN and infinity")],
        }
    }
}

/// A place in a text file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    /// Path as the user gave it.
    pub path: PathBuf,
    /// The file's text.
    pub text: String,
    /// Byte range of the offending key or value.
    pub span: std::ops::Range<usize>,
}

impl Location {
    /// Whether the place is known; if not, the location names the file only.
    pub fn is_known(&self) -> bool {
        !self.span.is_empty() || self.span.start > 0
    }

    /// Where the offending part starts; an unexpected end of the file is that of its last line with text.
    pub fn start(&self) -> usize {
        self.span.start.min(self.text.trim_end().len())
    }

    /// Line number, from 1.
    pub fn line(&self) -> usize {
        self.text[..self.start()].matches('\n').count() + 1
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.path.display())?;
        if self.is_known() {
            write!(f, ", line {}", self.line())?;
        }
        Ok(())
    }
}

/// Everything that can go wrong in this crate.
#[derive(Debug, ThisError)]
#[non_exhaustive]
pub enum Error {
    /// A file could not be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The operating system's reason.
        source: std::io::Error,
    },
    /// A file could not be written; no partial file is left.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// The operating system's reason.
        source: std::io::Error,
    },
    /// A problem file is not valid TOML, has an unknown key or a value of the wrong type.
    #[error("{location}: {message}")]
    Syntax {
        /// What is wrong.
        message: String,
        /// Where.
        location: Box<Location>,
        /// What to do.
        hint: String,
    },
    /// A value that no problem can have.
    #[error("{}: {source}", field_of(source, location.as_deref()))]
    Invalid {
        /// Field, value and remedy.
        source: Invalid,
        /// Where, if it came from a file.
        location: Option<Box<Location>>,
    },
    /// A file of counts or labels is not what is needed.
    #[error("{}: {source}", path.display())]
    Table {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: TableError,
    },
    /// A file of batches holds others than the problem can have.
    #[error("{}: {source}", path.display())]
    Batches {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: Invalid,
    },
    /// A file of batches is no list of lists of numbers.
    #[error("{}: it is no list of lists of sample numbers: {detail}", path.display())]
    BatchSyntax {
        /// The file.
        path: PathBuf,
        /// What is wrong, and where.
        detail: String,
    },
    /// A `.npy` file is not what is needed.
    #[error("{}: {source}", path.display())]
    Array {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: ArrayError,
    },
    /// Too much memory would be needed; nothing was started.
    #[error("{what} needs about {:.1} GB of memory, above the limit of {:.1} GB", bytes / 1e9, limit / 1e9)]
    TooLarge {
        /// What needs it.
        what: String,
        /// Estimate in bytes.
        bytes: f64,
        /// Limit in bytes.
        limit: f64,
        /// What to do.
        hint: Hint,
    },
    /// The chosen method cannot take this problem.
    #[error("method {method} cannot take this problem: {reason}")]
    Method {
        /// Name of the method.
        method: &'static str,
        /// Why.
        reason: String,
        /// The methods that can.
        instead: &'static [&'static str],
    },
    /// A Gram matrix does not belong to the problem.
    #[error("the Gram matrix cannot be judged: {reason}")]
    Gram {
        /// Why.
        reason: String,
    },
    /// This build has no such part.
    #[error("{what} is not in this build of ufmin: it was made without the feature `{feature}`")]
    NotBuilt {
        /// What was asked for.
        what: &'static str,
        /// The feature of the crate that has it.
        feature: &'static str,
        /// What to do instead.
        instead: &'static str,
    },
    /// A picture could not be drawn.
    #[cfg(feature = "plot")]
    #[error("the picture cannot be drawn: {reason}")]
    Plot {
        /// Why.
        reason: String,
    },
    /// The name of a picture does not tell its format.
    #[error("{} does not end in .png, .svg or .pdf", path.display())]
    PictureKind {
        /// The name.
        path: PathBuf,
    },
    /// A `result.json` is not what this program writes.
    #[error("{}: {detail}", path.display())]
    Result {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        detail: String,
    },
    /// The caller asked to stop before there was an answer.
    #[error("stopped before {what} was found")]
    Stopped {
        /// What was wanted.
        what: &'static str,
    },
    /// A file of finished rows that this study cannot go on from.
    #[error("{}, line {line}: {detail}", path.display())]
    Journal {
        /// The file.
        path: PathBuf,
        /// Line, from 1.
        line: usize,
        /// What is wrong with it.
        detail: String,
    },
    /// A file of finished rows that another process is writing.
    #[error("{} is being written by another run", path.display())]
    Busy {
        /// The file.
        path: PathBuf,
    },
    /// The caller asked to stop before a study was done.
    #[error("stopped after {done} of {total} {points}")]
    Interrupted {
        /// What the points of the study are: "starts".
        points: &'static str,
        /// Finished points.
        done: u64,
        /// Points that were asked for.
        total: u64,
        /// The file that holds them, if any.
        kept: Option<PathBuf>,
    },
    /// Two results that exclude each other: nothing is reported.
    #[error("internal error, the answer contradicts itself: {what}")]
    Contradiction {
        /// What excludes what.
        what: String,
    },
    /// Something that the crate promises cannot happen.
    #[error("internal error: {what}")]
    Internal {
        /// What happened.
        what: String,
    },
}

fn field_of(source: &Invalid, location: Option<&Location>) -> String {
    match location {
        Some(location) => format!("{location}: {}", source.field),
        None => source.field.to_string(),
    }
}

impl From<Invalid> for Error {
    fn from(source: Invalid) -> Self {
        Self::Invalid { source, location: None }
    }
}

impl Error {
    /// Refuses what takes more memory than there is, with its size, instead of ending the process.
    ///
    /// # Errors
    /// [`Error::TooLarge`].
    pub fn within_memory(what: impl FnOnce() -> String, bytes: f64, hint: Hint) -> Result<(), Self> {
        match crate::math::memory::available() {
            Some(limit) if bytes > limit => Err(Self::TooLarge {
                what: what(),
                bytes,
                limit,
                hint,
            }),
            _ => Ok(()),
        }
    }

    /// What to do about it, if there is something, in the words of problem files.
    pub fn hint(&self) -> Option<String> {
        self.hint_in(&ProblemFileWording)
    }

    /// What to do about it, if there is something, in the words of a place where fields have other names.
    pub fn hint_in(&self, wording: &dyn Wording) -> Option<String> {
        let output = || wording.name(Field::Output);
        Some(match self {
            Self::Read { source, .. } => match source.kind() {
                ErrorKind::InvalidData => format!(
                    "give a UTF-8 text file; arrays are read as .npy, labels by {} and class sizes by {}",
                    wording.name(Field::Labels),
                    wording.name(Field::SizesFile)
                ),
                ErrorKind::IsADirectory => "give a file, not a folder".to_owned(),
                _ => "check the path; file names in a problem file are relative to that file".to_owned(),
            },
            Self::Write { .. } => format!(
                "choose another {} that is a folder or does not exist, or make room",
                output()
            ),
            Self::Syntax { hint, .. } => hint.clone(),
            Self::TooLarge { hint, .. } => worded(hint, wording),
            Self::Invalid { source, .. } | Self::Batches { source, .. } => {
                source.hint_in(wording)
            }
            Self::BatchSyntax { .. } => {
                "write one list of sample numbers a batch, such as [[0, 1, 4], [2, 3, 5]]: json.dump([list(map(int, batch)) for batch in batch_sampler], file)".to_owned()
            }
            Self::Array { source, .. } => worded(source.words(), wording),
            Self::Table { source, .. } => worded(source.words(), wording),
            Self::Method { instead, .. } => format!("use {}", wording.setting(Field::Method, instead)),
            Self::NotBuilt { feature, instead, .. } => {
                format!("build it with --features {feature}, or {instead}")
            }
            #[cfg(feature = "plot")]
            Self::Plot { .. } => "draw fewer classes, or look at gram.npy directly".to_owned(),
            Self::PictureKind { .. } => "give a name such as gram.png, gram.svg or gram.pdf".to_owned(),
            Self::Result { .. } => format!("write the folder again, by ufmin solve with {}", output()),
            Self::Gram { .. } => "build it for this problem, for example from its partition by size".to_owned(),
            Self::Stopped { .. } => return None,
            Self::Journal { .. } => format!("choose another {}, or remove this file to begin again", output()),
            Self::Busy { .. } => format!("wait for its end, or choose another {}", output()),
            Self::Interrupted { kept: Some(path), .. } => format!(
                "the same command goes on from there: what is finished is in {}",
                path.display()
            ),
            Self::Interrupted { kept: None, .. } => format!(
                "give {}: what is finished is kept there, and the same command goes on from it",
                wording.setting(Field::Output, &["DIR"])
            ),
            Self::Contradiction { .. } | Self::Internal { .. } => {
                "this is a defect of ufmin: please report it with the command line and the problem file".to_owned()
            }
        })
    }

    /// Where in a text file, if anywhere.
    pub fn location(&self) -> Option<&Location> {
        match self {
            Self::Syntax { location, .. } => Some(location),
            Self::Invalid { location, .. } => location.as_deref(),
            _ => None,
        }
    }

    pub(crate) fn read(path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        |source| Self::Read { path, source }
    }

    pub(crate) fn write(path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        |source| Self::Write { path, source }
    }
}
