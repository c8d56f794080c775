//! [`Error`]: why something could not be done. Whether a solution is optimal is not an error but a verdict.

use std::fmt;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use thiserror::Error as ThisError;

pub(crate) use crate::problem::invalid::closest;
pub use crate::problem::invalid::{MAX_THREADS, ProblemError};

/// What is wrong with a `.npy` file.
#[derive(Debug, Clone, PartialEq, Eq, ThisError)]
#[allow(missing_docs)]
pub enum ArrayError {
    #[error("it is not a .npy file, or its header is damaged ({detail})")]
    Header { detail: String },
    #[error("its header promises {expected} bytes of data, and it has {found}")]
    Truncated { expected: u64, found: u64 },
    #[error("its element type is {found}, and {expected} is needed")]
    Type { expected: &'static str, found: String },
    #[error("its shape is {found:?}, and {expected} is needed")]
    Shape { expected: &'static str, found: Vec<u64> },
    #[error("it has no elements")]
    Empty,
    #[error("element {index} is not finite")]
    NotFinite { index: u64 },
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
    Problem {
        /// Field, value and remedy.
        source: ProblemError,
        /// Where, if it came from a file.
        location: Option<Box<Location>>,
    },
    /// A value that no problem can have, given on the command line.
    #[error("{flag}: {source}")]
    Flag {
        /// The flag, for example `--temperature`.
        flag: &'static str,
        /// Value and remedy.
        source: ProblemError,
    },
    /// A line of a counts file is not a class size.
    #[error("{}, line {line}: {source}", path.display())]
    CountsFile {
        /// The file.
        path: PathBuf,
        /// Line, from 1.
        line: usize,
        /// What is wrong with it.
        source: ProblemError,
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
        hint: String,
    },
    /// The chosen method cannot take this problem.
    #[error("method {method} cannot take this problem: {reason}")]
    Method {
        /// Name of the method.
        method: &'static str,
        /// Why.
        reason: String,
        /// What to do.
        hint: &'static str,
    },
    /// A Gram matrix does not belong to the problem.
    #[error("the Gram matrix cannot be judged: {reason}")]
    Gram {
        /// Why.
        reason: String,
    },
    /// A picture could not be drawn.
    #[error("the picture cannot be drawn: {reason}")]
    Plot {
        /// Why.
        reason: String,
    },
    /// The name of a picture does not tell its format.
    #[error("{} does not end in .png or .svg", path.display())]
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
    /// A file of finished starts that this search cannot go on from.
    #[error("{}, line {line}: {detail}", path.display())]
    Journal {
        /// The file.
        path: PathBuf,
        /// Line, from 1.
        line: usize,
        /// What is wrong with it.
        detail: String,
    },
    /// The caller asked to stop before all starts were done.
    #[error("stopped after {done} of {total} starts")]
    Interrupted {
        /// Finished starts.
        done: u64,
        /// Starts that were asked for.
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

fn field_of(source: &ProblemError, location: Option<&Location>) -> String {
    match location {
        Some(location) => format!("{location}: {}", source.field()),
        None => source.field(),
    }
}

impl From<ProblemError> for Error {
    fn from(source: ProblemError) -> Self {
        Self::Problem { source, location: None }
    }
}

impl Error {
    /// What to do about it, if there is something.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Read { source, .. } => Some(
                match source.kind() {
                    ErrorKind::InvalidData => "give a UTF-8 text file; an array of labels goes to --labels, as .npy",
                    ErrorKind::IsADirectory => "give a file, not a folder",
                    _ => "check the path; file names in a problem file are relative to that file",
                }
                .to_owned(),
            ),
            Self::Write { .. } => Some("choose another --output that is a folder or does not exist, or make room".to_owned()),
            Self::Syntax { hint, .. } | Self::TooLarge { hint, .. } => Some(hint.clone()),
            Self::Problem { source, .. } | Self::CountsFile { source, .. } | Self::Flag { source, .. } => {
                Some(source.hint())
            }
            Self::Array { source, .. } => Some(
                match source {
                    ArrayError::Header { .. } | ArrayError::Truncated { .. } => "write it again with numpy.save",
                    ArrayError::Type { .. } => {
                        "convert it first, for example with labels.astype(numpy.int64), or numpy.unique(labels, return_inverse=True)[1]"
                    }
                    ArrayError::Shape { expected, .. } if expected.contains("square") => {
                        "give the k x k inner products, for example those of the class means, H.T @ H"
                    }
                    ArrayError::Shape { expected, .. } if expected.contains("two") => "reshape it, for example with a[:, None]",
                    ArrayError::Shape { .. } => "reshape it, for example with labels.ravel()",
                    ArrayError::Empty => "give at least one element",
                    ArrayError::NotFinite { .. } => "remove NaN and infinity",
                }
                .to_owned(),
            ),
            Self::Method { hint, .. } => Some((*hint).to_owned()),
            Self::Plot { .. } => Some("draw fewer classes, or look at gram.npy directly".to_owned()),
            Self::PictureKind { .. } => Some("give a name such as gram.png or gram.svg".to_owned()),
            Self::Result { .. } => Some("write the folder again with ufmin solve --output".to_owned()),
            Self::Gram { .. } => Some("build it for this problem, for example from its partition by size".to_owned()),
            Self::Stopped { .. } => None,
            Self::Journal { .. } => Some("choose another --output, or remove this file to begin again".to_owned()),
            Self::Interrupted { kept: Some(path), .. } => Some(format!(
                "the same command goes on from there: finished starts are in {}",
                path.display()
            )),
            Self::Interrupted { kept: None, .. } => {
                Some("give --output DIR: finished starts are kept there, and the same command goes on from them".to_owned())
            }
            Self::Contradiction { .. } | Self::Internal { .. } => {
                Some("this is a defect of ufmin: please report it with the command line and the problem file".to_owned())
            }
        }
    }

    /// Where in a text file, if anywhere.
    pub fn location(&self) -> Option<&Location> {
        match self {
            Self::Syntax { location, .. } => Some(location),
            Self::Problem { location, .. } => location.as_deref(),
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
