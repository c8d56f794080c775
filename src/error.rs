//! [`Error`]: why something could not be done. Whether a solution is optimal is not an error but a
//! [`Verdict`](crate::certificate::Verdict).

use std::path::{Path, PathBuf};

use thiserror::Error as ThisError;

use crate::loss::Loss;
use crate::problem::{MAX_CLASS_SIZE, PROBABILITY_SUM_TOLERANCE, TEMPERATURE_RANGE};

/// A value that no problem can have. Every variant names the field, the value and a remedy ([`ProblemError::hint`]).
#[derive(Debug, Clone, PartialEq, ThisError)]
#[allow(missing_docs)] // The fields are the class index (0-based) and the offending value.
pub enum ProblemError {
    #[error("no class sizes are given")]
    NoClasses,
    #[error("only one class is given: a contrastive loss needs at least two")]
    OneClass,
    #[error("class sizes are given in more than one way: {}", given.join(", "))]
    ManySources { given: Vec<String> },
    #[error("class {class} has size {value}, and a class size is an integer of at least 1")]
    Size { class: u64, value: f64 },
    #[error("class {class} has size {value}, and a class size is an integer of at least 1")]
    SizeText { class: u64, value: String },
    #[error(
        "class {class} has {value} samples (with views), above the largest size {MAX_CLASS_SIZE} that is exact in double precision"
    )]
    SizeTooLarge { class: u64, value: f64 },
    #[error("class {class} has probability {value}, and a probability is above 0 and at most 1")]
    Probability { class: u64, value: f64 },
    #[error("the probabilities sum to {sum}, not to 1 within {PROBABILITY_SUM_TOLERANCE:e}")]
    ProbabilitySum { sum: f64 },
    #[error("the temperature is {value}, outside {} to {}", TEMPERATURE_RANGE.0, TEMPERATURE_RANGE.1)]
    Temperature { value: f64 },
    #[error("the number of views is {value}, and at least one is needed")]
    Views { value: u64 },
    #[error("{value} views are given with class probabilities, for which views mean nothing without random batches")]
    ViewsOfProbabilities { value: u64 },
    #[error("the dimension is 0, and features need at least one")]
    Dimension,
    #[error("the loss {loss} needs class sizes, and only probabilities are given")]
    NeedsCounts { loss: Loss },
    #[error("class {class} has 1 sample: {loss} needs a positive pair")]
    Singleton { class: u64, loss: Loss },
    #[error("every class has 1 sample, so no anchor has a positive")]
    NoAnchors,
    #[error("the profile's {field} is {value}: {rule}")]
    Profile {
        field: &'static str,
        value: String,
        rule: &'static str,
    },
    #[error("the profile {profile} needs `{field}`")]
    ProfileMissing { profile: &'static str, field: &'static str },
    #[error("the profile {profile} has no `{field}`")]
    ProfileExtra { profile: &'static str, field: &'static str },
    #[error("the tolerance is {value}, and a relative gap is above 0 and below 1")]
    Tolerance { value: f64 },
    #[error("{what} is not available in this version")]
    Unavailable {
        field: &'static str,
        what: String,
        hint: &'static str,
    },
    #[error("`{value}` is not one of {}", options.join(", "))]
    Choice {
        field: &'static str,
        value: String,
        options: Vec<&'static str>,
    },
    #[error("{value} is given, and a whole number of at least {least} is needed")]
    Negative {
        field: &'static str,
        value: i64,
        least: i64,
    },
    #[error("{flag} is given {}, {}", path.display(), if *flag == "--labels" { "which is not a .npy file" } else { "a .npy file" })]
    FileKind { flag: &'static str, path: PathBuf },
    #[error("`{value}` is not {}", if *field == "--grid" { "two whole numbers" } else { "a range" })]
    Interval { field: &'static str, value: String },
    #[error("{value} is given, and {least} to {most} is possible")]
    Range {
        field: &'static str,
        value: String,
        least: f64,
        most: f64,
    },
    #[error("the time limit is {value} seconds")]
    TimeLimit { value: f64 },
}

impl ProblemError {
    /// Path of the offending value in a problem file, for example `classes.sizes[3]`.
    pub fn field(&self) -> String {
        match self {
            Self::NoClasses | Self::OneClass | Self::ManySources { .. } => "classes".to_owned(),
            Self::Size { class, .. }
            | Self::SizeText { class, .. }
            | Self::SizeTooLarge { class, .. }
            | Self::Singleton { class, .. } => format!("classes.sizes[{class}]"),
            Self::Probability { class, .. } => format!("classes.probabilities[{class}]"),
            Self::ProbabilitySum { .. } => "classes.probabilities".to_owned(),
            Self::Temperature { .. } => "loss.temperature".to_owned(),
            Self::Views { .. } | Self::ViewsOfProbabilities { .. } => "classes.views".to_owned(),
            Self::Choice { field, .. } | Self::Negative { field, .. } => (*field).to_owned(),
            Self::Dimension => "features.dimension".to_owned(),
            Self::NeedsCounts { .. } => "loss.kind".to_owned(),
            Self::NoAnchors => "classes".to_owned(),
            Self::Profile { field, .. } | Self::ProfileMissing { field, .. } | Self::ProfileExtra { field, .. } => {
                format!("classes.{field}")
            }
            Self::Tolerance { .. } => "solver.tolerance".to_owned(),
            Self::Unavailable { field, .. } => (*field).to_owned(),
            Self::Range { field, .. } | Self::Interval { field, .. } => (*field).to_owned(),
            Self::FileKind { flag, .. } => (*flag).to_owned(),
            Self::TimeLimit { .. } => "--time-limit".to_owned(),
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> String {
        match self {
            Self::NoClasses => "give the number of samples of each class, for example sizes = [500, 500, 5, 5]".to_owned(),
            Self::OneClass => "add a second class; with one class every unit vector is optimal".to_owned(),
            Self::ManySources { .. } => "keep exactly one of sizes, profile, file and probabilities".to_owned(),
            Self::Size { .. } | Self::SizeText { .. } => {
                "remove the class, or give the number of its samples as a whole number (real class frequencies go to `probabilities`)".to_owned()
            }
            Self::SizeTooLarge { .. } => "divide all sizes by a common factor, or use `probabilities` with the population loss".to_owned(),
            Self::Probability { .. } => "remove classes that cannot occur, and give counts as `sizes`".to_owned(),
            Self::ProbabilitySum { .. } => "divide each by the sum, or give counts as `sizes`".to_owned(),
            Self::Temperature { .. } => "set a temperature such as 0.1 (SupCon's default is 0.1, published runs use 0.05 to 1)".to_owned(),
            Self::Views { .. } => "set views = 1, or 2 for training with two augmented views of each example".to_owned(),
            Self::ViewsOfProbabilities { .. } => "remove views".to_owned(),
            Self::Dimension => "remove the dimension, or set it to at least the number of classes minus 1".to_owned(),
            Self::NeedsCounts { .. } => "use the loss population, or give sizes".to_owned(),
            Self::Singleton { .. } => {
                "remove the class, raise its count, train with views = 2, or set singletons = \"skip\" (or \"zero\") under [loss]".to_owned()
            }
            Self::NoAnchors => "set views = 2, or use the loss population".to_owned(),
            Self::Profile { .. } => "see the reference of the problem file for what each profile takes".to_owned(),
            Self::ProfileMissing { field, .. } => format!("add `{field}`"),
            Self::ProfileExtra { field, .. } => format!("remove `{field}`"),
            Self::Tolerance { .. } => "set a relative duality gap such as 1e-9".to_owned(),
            Self::Unavailable { hint, .. } => (*hint).to_owned(),
            Self::Choice { value, options, .. } => match closest(value, options) {
                Some(option) => format!("did you mean `{option}`?"),
                None => format!("choose one of {}", options.join(", ")),
            },
            Self::Negative { field, least, .. } => {
                format!("set {} = {} or more, or leave it out", field.rsplit('.').next().unwrap_or(field), least)
            }
            Self::FileKind { .. } => "--labels takes a .npy file of labels, --sizes-file a text file with one class size a line".to_owned(),
            Self::Range { field: "--grid", .. } | Self::Interval { field: "--grid", .. } => "give the number of ratios and of temperatures, for example --grid 60x60".to_owned(),
            Self::Range { field: "--ratios", .. } | Self::Interval { field: "--ratios", .. } => "give two ascending ratios, for example --ratios 1..1000".to_owned(),
            Self::Range { field, .. } | Self::Interval { field, .. } => format!("give two ascending values, for example {field} 0.05..2"),
            Self::TimeLimit { .. } => "give a positive number of seconds".to_owned(),
        }
    }
}

/// The option that a misspelt word most likely means.
pub(crate) fn closest<'a>(word: &str, options: &[&'a str]) -> Option<&'a str> {
    let distance = |option: &str| {
        let (a, b): (Vec<char>, Vec<char>) = (word.to_lowercase().chars().take(40).collect(), option.chars().collect());
        let mut row: Vec<usize> = (0..=b.len()).collect();
        for (i, x) in a.iter().enumerate() {
            let mut diagonal = row[0];
            row[0] = i + 1;
            for (j, y) in b.iter().enumerate() {
                let substitution = diagonal + usize::from(x != y);
                diagonal = row[j + 1];
                row[j + 1] = substitution.min(diagonal + 1).min(row[j] + 1);
            }
        }
        row[b.len()]
    };
    options
        .iter()
        .map(|&option| (distance(option), option))
        .filter(|&(d, option)| d <= option.len() / 3 + 1)
        .min()
        .map(|(_, option)| option)
}

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
    /// Line number, from 1.
    pub fn line(&self) -> usize {
        self.text[..self.span.start.min(self.text.len())].matches('\n').count() + 1
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
    #[error("{}, line {}: {message}", location.path.display(), location.line())]
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
    #[error("the picture cannot be drawn: {source}")]
    Plot {
        /// Why.
        #[from]
        source: crate::plot::PlotError,
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
    /// Something that the crate promises cannot happen.
    #[error("internal error: {what}")]
    Internal {
        /// What happened.
        what: String,
    },
}

fn field_of(source: &ProblemError, location: Option<&Location>) -> String {
    match location {
        Some(location) => format!(
            "{}, line {}: {}",
            location.path.display(),
            location.line(),
            source.field()
        ),
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
            Self::Read { .. } => {
                Some("check the path; file names in a problem file are relative to that file".to_owned())
            }
            Self::Write { .. } => Some("choose another --output, or make room".to_owned()),
            Self::Syntax { hint, .. } | Self::TooLarge { hint, .. } => Some(hint.clone()),
            Self::Problem { source, .. } | Self::CountsFile { source, .. } => Some(source.hint()),
            Self::Array { source, .. } => Some(
                match source {
                    ArrayError::Header { .. } | ArrayError::Truncated { .. } => "write it again with numpy.save",
                    ArrayError::Type { .. } => "convert it first, for example with labels.astype(numpy.int64)",
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
            Self::Internal { .. } => {
                Some("this is a defect of ufmin: please report it with the problem file".to_owned())
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
