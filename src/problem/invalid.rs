//! [`ProblemError`]: a value that no problem can have.

use std::path::PathBuf;

use thiserror::Error as ThisError;

use super::{FullBatchLoss, MAX_CLASS_SIZE, PROBABILITY_SUM_TOLERANCE, TEMPERATURE_RANGE, synonyms};

/// Most threads that can be asked for.
pub const MAX_THREADS: i64 = 1024;

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
    #[error("class {class} has size {}, and a class size is a whole number from 1 to {MAX_CLASS_SIZE}", short(*value))]
    Size { class: u64, value: f64 },
    #[error("class {class} has size {value}, and a class size is a whole number from 1 to {MAX_CLASS_SIZE}")]
    SizeText { class: u64, value: String },
    #[error(
        "class {class} has {} samples (with views), above the largest size {MAX_CLASS_SIZE} that is exact in double precision",
        short(*value)
    )]
    SizeTooLarge { class: u64, value: f64 },
    #[error("class {class} has probability {}, and a probability is above 0 and at most 1", short(*value))]
    Probability { class: u64, value: f64 },
    #[error("the probabilities sum to {}, not to 1 within {PROBABILITY_SUM_TOLERANCE:e}", short(*sum))]
    ProbabilitySum { sum: f64 },
    #[error("the temperature is {}, outside {} to {}", short(*value), TEMPERATURE_RANGE.0, TEMPERATURE_RANGE.1)]
    Temperature { value: f64 },
    #[error("the number of views is {value}, and at least one is needed")]
    Views { value: u64 },
    #[error("{value} views are given with class probabilities, for which views mean nothing without random batches")]
    ViewsOfProbabilities { value: u64 },
    #[error("the dimension is 0, and features need at least one")]
    Dimension,
    #[error("the loss {loss} needs class sizes, and only probabilities are given")]
    NeedsCounts { loss: FullBatchLoss },
    #[error("the loss nce needs a number of negatives, and none is given")]
    NegativesMissing,
    #[error("random batches need a size, and none is given")]
    BatchSizeMissing,
    #[error("{value} is given, and {least} to {most} is possible")]
    Draws {
        field: &'static str,
        value: i128,
        least: u64,
        most: u64,
    },
    #[error("{what}")]
    Conflict {
        field: &'static str,
        what: String,
        hint: &'static str,
    },
    #[error("class {class} has 1 sample: {loss} needs a positive pair")]
    Singleton { class: u64, loss: FullBatchLoss },
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
    #[error("`{field}` belongs to a profile, and none is given")]
    NoProfile { field: &'static str },
    #[error("the file name is empty")]
    EmptyPath,
    #[error("the title has the control character {:?}", char::from_u32(*character).unwrap_or_default())]
    Title { character: u32 },
    #[error("the tolerance is {}, and a relative gap is above 0 and below 1", short(*value))]
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
    #[error("{} is not a .npy file", path.display())]
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
    #[error("the time limit is {} seconds", short(*value))]
    TimeLimit { value: f64 },
    #[error("{value} threads are asked for, and 1 to {MAX_THREADS} can be used")]
    Threads { value: i64 },
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
            Self::NegativesMissing => "loss.negatives".to_owned(),
            Self::BatchSizeMissing => "batches.size".to_owned(),
            Self::Draws { field, .. } | Self::Conflict { field, .. } => (*field).to_owned(),
            Self::NoAnchors => "classes".to_owned(),
            Self::Profile { field, .. }
            | Self::ProfileMissing { field, .. }
            | Self::ProfileExtra { field, .. }
            | Self::NoProfile { field } => format!("classes.{field}"),
            Self::EmptyPath => "classes.file".to_owned(),
            Self::Title { .. } => "title".to_owned(),
            Self::Tolerance { .. } => "solver.tolerance".to_owned(),
            Self::Unavailable { field, .. } => (*field).to_owned(),
            Self::Range { field, .. } | Self::Interval { field, .. } => (*field).to_owned(),
            Self::FileKind { flag, .. } => (*flag).to_owned(),
            Self::TimeLimit { .. } => "--time-limit".to_owned(),
            Self::Threads { .. } => "--threads".to_owned(),
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> String {
        match self {
            Self::NoClasses => "give the number of samples of each class, as sizes = [500, 500, 5, 5] under [classes] or as --sizes 500,500,5,5".to_owned(),
            Self::OneClass => "add a second class; with one class every unit vector is optimal".to_owned(),
            Self::ManySources { .. } => "keep exactly one of them".to_owned(),
            Self::Size { value, .. } | Self::SizeTooLarge { value, .. } => size_hint(&value.to_string()).to_owned(),
            Self::SizeText { value, .. } => size_hint(value).to_owned(),
            Self::Probability { .. } => "remove classes that cannot occur, and give counts as `sizes`".to_owned(),
            Self::ProbabilitySum { .. } => "divide each by the sum, or give counts as `sizes`".to_owned(),
            Self::Temperature { .. } => "set a temperature such as 0.1 (SupCon's default is 0.1, published runs use 0.05 to 1)".to_owned(),
            Self::Views { .. } => "give 1, or 2 for training with two augmented views of each example".to_owned(),
            Self::ViewsOfProbabilities { .. } => "remove views".to_owned(),
            Self::Dimension => "remove the dimension, or set it to at least the number of classes minus 1".to_owned(),
            Self::NeedsCounts { .. } => "use the loss population or nce, random batches, or give sizes".to_owned(),
            Self::NegativesMissing => "give the number of sampled negatives of each anchor, as negatives = 5 under [loss] or as --negatives 5".to_owned(),
            Self::BatchSizeMissing => "give the number of examples in a batch, as size = 256 under [batches] or as --batch-size 256".to_owned(),
            Self::Draws { field: "batches.size", value, .. } if *value < 3 => {
                "give 3 or more: with two examples no anchor has both a positive and a negative".to_owned()
            }
            Self::Draws { field: "batches.size", .. } => "use the loss population, the limit of large batches".to_owned(),
            Self::Draws { value, .. } if *value < 1 => "give 1 or more".to_owned(),
            Self::Draws { .. } => "use the loss population, the limit of many negatives".to_owned(),
            Self::Conflict { hint, .. } => (*hint).to_owned(),
            Self::Singleton { .. } => {
                "remove the class, raise its count, train with views = 2, or set singletons to skip (or zero)".to_owned()
            }
            Self::NoAnchors => "set views = 2, or use the loss population".to_owned(),
            Self::Profile { field: "ratio", .. } => {
                "the ratio is the largest class size divided by the smallest: 1 is balanced, long-tailed benchmarks have 10 to 256".to_owned()
            }
            Self::Profile { field, .. } | Self::NoProfile { field } => format!("for example {}", profile_example(field)),
            Self::EmptyPath => "name a text file with one class size a line, or a .npy file of labels".to_owned(),
            Self::Title { .. } => "write the title on one line, without control characters".to_owned(),
            Self::ProfileMissing { profile, field } => {
                format!("add `{field}`, for example {}", profile_example(profile))
            }
            Self::ProfileExtra { field, .. } => format!("remove `{field}`"),
            Self::Tolerance { .. } => "set a relative duality gap such as 1e-9".to_owned(),
            Self::Unavailable { hint, .. } => (*hint).to_owned(),
            Self::Choice { field, value, options } => {
                let known = if *field == "loss.kind" { synonyms::hint(value) } else { None };
                match (known, closest(value, options)) {
                    (Some(hint), _) => hint,
                    (None, Some(option)) => format!("did you mean `{option}`?"),
                    (None, None) => "choose one of these".to_owned(),
                }
            }
            Self::Negative { least, .. } => format!("give {least} or more, or leave it out"),
            Self::FileKind { .. } => "give labels, one a sample, as .npy (numpy.save); class sizes go to --sizes-file, as text with one a line or as .npy".to_owned(),
            Self::Range { field: "--grid", .. } | Self::Interval { field: "--grid", .. } => "give the number of ratios and of temperatures, for example --grid 60x60".to_owned(),
            Self::Range { field: "--ratios", .. } | Self::Interval { field: "--ratios", .. } => "give two ascending ratios, for example --ratios 1..1000".to_owned(),
            Self::Range { field, .. } | Self::Interval { field, .. } => format!("give two ascending values, for example {field} 0.05..2"),
            Self::TimeLimit { .. } => "give a positive number of seconds".to_owned(),
            Self::Threads { .. } => "leave it out to use all cores".to_owned(),
        }
    }
}

/// A profile as hints show it; `word` is its name or one of its keys.
fn profile_example(word: &str) -> &'static str {
    match word {
        "step" | "majority" | "minority" | "smallest" => {
            "profile = \"step\", majority = 5, minority = 5, smallest = 10, ratio = 100"
        }
        "pareto" => "profile = \"pareto\", count = 1000, largest = 1280, ratio = 256",
        _ => "profile = \"exponential\", count = 100, largest = 5000, ratio = 100",
    }
}

/// A number as a person writes it: never hundreds of digits.
pub(crate) fn short(value: f64) -> String {
    if value != 0.0 && value.is_finite() && !(1e-5..1e16).contains(&value.abs()) {
        format!("{value:e}")
    } else {
        value.to_string()
    }
}

/// What to do about a class size that is not a whole number, or is one out of range.
fn size_hint(value: &str) -> &'static str {
    let bare = value.trim_matches('"');
    let digits = bare.bytes().all(|b| b.is_ascii_digit());
    match bare.parse::<f64>() {
        Ok(size) if digits && size >= MAX_CLASS_SIZE => {
            "divide all sizes by a common factor, or use `probabilities` with the population loss"
        }
        Ok(_) if bare.len() < value.len() => "write the number without quotes",
        _ => {
            "remove the class, or give the number of its samples as a whole number (real class frequencies go to `probabilities`)"
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
        // Of a short word, most letters must stay.
        .filter(|&(d, option)| d <= option.len() / 3 + 1 && 2 * d <= option.len())
        .min()
        .map(|(_, option)| option)
}
