//! [`Invalid`]: a value that cannot be, with the field that holds it, what is wrong with it, and what to do.
//!
//! A [`Field`] is called what a problem file calls it. Other places have other names for the same fields, such as the flags
//! of a command line: they say so by a [`Wording`], and every remedy is told in their words.

mod remedy;

use std::fmt;

use super::{FullBatchLoss, Label, MAX_CLASS_SIZE, PROBABILITY_SUM_TOLERANCE};

/// What a value is given for. The text of a field is its path in a problem file, for example `classes.sizes[3]`; the fields
/// of a study, which no problem file has, are single words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs)] // The names are those of the keys.
pub enum Field {
    Title,
    Classes,
    Sizes,
    /// The size of one class.
    Size(u64),
    Probabilities,
    /// The probability of one class.
    Probability(u64),
    File,
    /// A file of class sizes.
    SizesFile,
    /// A file of labels.
    Labels,
    /// The column of a table.
    Column,
    /// The array of an archive.
    Key,
    /// Labels of samples that are left out.
    IgnoreLabel,
    /// Whether classes without samples are left out.
    DropEmpty,
    /// Whether class frequencies are divided by their sum.
    Normalise,
    Profile,
    Count,
    Largest,
    Smallest,
    Majority,
    Minority,
    Ratio,
    Views,
    Loss,
    Temperature,
    Anchors,
    Singletons,
    Negatives,
    LossScale,
    Reduction,
    Offsets,
    Batches,
    BatchKind,
    BatchSize,
    Power,
    Replacement,
    BatchClasses,
    PerClass,
    BatchMembers,
    /// One batch.
    Batch(u32),
    /// One place in a batch.
    BatchMember(u32, u32),
    /// A file of batches.
    BatchFile,
    Unused,
    Classifier,
    Nonnegative,
    Dimension,
    Norm,
    Energy,
    Ridge,
    Method,
    Tolerance,
    /// Ratios that a study runs through.
    Ratios,
    /// Temperatures that a study runs through.
    Temperatures,
    /// Points of a search.
    Points,
    /// Numbers of draws that a study runs through.
    Draws,
    /// Points of a diagram.
    Grid,
    /// Values of a curve.
    Values,
    /// Samples or classes.
    Level,
    /// Whether a second method solves the problem too.
    CrossCheck,
    /// Files of features.
    Embeddings,
    /// Features have a column for every sample.
    Transposed,
    /// A file of the weights of a classifier.
    ClassifierFile,
    /// The folder that results are written to.
    Output,
}

impl Field {
    /// The table and the key in a problem file, without the number of a class or a batch; `None` where no problem file has it.
    pub fn key(self) -> Option<(&'static str, &'static str)> {
        Some(match self {
            Self::Title => ("", "title"),
            Self::Classes => ("classes", ""),
            Self::Sizes | Self::Size(_) => ("classes", "sizes"),
            Self::Probabilities | Self::Probability(_) => ("classes", "probabilities"),
            Self::File => ("classes", "file"),
            Self::SizesFile => ("classes", "counts"),
            Self::Labels => ("classes", "labels"),
            Self::Column => ("classes", "column"),
            Self::Key => ("classes", "key"),
            Self::IgnoreLabel => ("classes", "ignore_label"),
            Self::DropEmpty => ("classes", "drop_empty"),
            Self::Normalise => ("classes", "normalise"),
            Self::Profile => ("classes", "profile"),
            Self::Count => ("classes", "count"),
            Self::Largest => ("classes", "largest"),
            Self::Smallest => ("classes", "smallest"),
            Self::Majority => ("classes", "majority"),
            Self::Minority => ("classes", "minority"),
            Self::Ratio => ("classes", "ratio"),
            Self::Views => ("classes", "views"),
            Self::Loss => ("loss", "kind"),
            Self::Temperature => ("loss", "temperature"),
            Self::Anchors => ("loss", "anchors"),
            Self::Singletons => ("loss", "singletons"),
            Self::Negatives => ("loss", "negatives"),
            Self::LossScale => ("loss", "scale"),
            Self::Reduction => ("loss", "reduction"),
            Self::Offsets => ("loss", "offsets"),
            Self::Batches => ("batches", ""),
            Self::BatchKind => ("batches", "kind"),
            Self::BatchSize => ("batches", "size"),
            Self::Power => ("batches", "power"),
            Self::Replacement => ("batches", "replacement"),
            Self::BatchClasses => ("batches", "classes"),
            Self::PerClass => ("batches", "per_class"),
            Self::BatchMembers | Self::Batch(_) | Self::BatchMember(..) => ("batches", "members"),
            Self::BatchFile => ("batches", "file"),
            Self::Unused => ("batches", "unused"),
            Self::Classifier => ("classifier", ""),
            Self::Nonnegative => ("features", "nonnegative"),
            Self::Dimension => ("features", "dimension"),
            Self::Norm => ("features", "norm"),
            Self::Energy => ("features", "energy"),
            Self::Ridge => ("features", "ridge"),
            Self::Method => ("solver", "method"),
            Self::Tolerance => ("solver", "tolerance"),
            Self::Ratios
            | Self::Temperatures
            | Self::Points
            | Self::Draws
            | Self::Grid
            | Self::Values
            | Self::Level
            | Self::CrossCheck
            | Self::Embeddings
            | Self::Transposed
            | Self::ClassifierFile
            | Self::Output => return None,
        })
    }

    /// The key alone, or the word for a field that no problem file has.
    pub fn name(self) -> &'static str {
        match (self, self.key()) {
            (_, Some((table, ""))) => table,
            (_, Some((_, key))) => key,
            (Self::Ratios, None) => "ratios",
            (Self::Temperatures, None) => "temperatures",
            (Self::Points, None) => "points",
            (Self::Draws, None) => "draws",
            (Self::Grid, None) => "grid",
            (Self::Values, None) => "values",
            (Self::Level, None) => "level",
            (Self::CrossCheck, None) => "cross-check",
            (Self::Embeddings, None) => "embeddings",
            (Self::Transposed, None) => "the switch for transposed features",
            (Self::ClassifierFile, None) => "a file of a classifier",
            (_, None) => "output",
        }
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.key() {
            Some((table, key)) if !table.is_empty() && !key.is_empty() => write!(f, "{table}.{key}")?,
            _ => f.write_str(self.name())?,
        }
        match self {
            Self::Size(class) | Self::Probability(class) => write!(f, "[{class}]"),
            Self::Batch(batch) => write!(f, "[{batch}]"),
            Self::BatchMember(batch, place) => write!(f, "[{batch}][{place}]"),
            _ => Ok(()),
        }
    }
}

/// What the place is like where values are given, for remedies.
pub trait Wording {
    /// What a field is called.
    fn name(&self, field: Field) -> String;

    /// How one of some values is given for a field; those of a list are separated by commas.
    fn setting(&self, field: Field, values: &[&str]) -> String;

    /// What one does for something that this crate does, such as `solve`.
    fn verb(&self, verb: &str) -> String {
        format!("ufmin {verb}")
    }
}

/// The words of problem files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProblemFileWording;

impl Wording for ProblemFileWording {
    fn name(&self, field: Field) -> String {
        field.to_string()
    }

    fn setting(&self, field: Field, values: &[&str]) -> String {
        let value = |value: &&str| match field {
            Field::Sizes | Field::Probabilities => format!("[{}]", value.replace(',', ", ")),
            Field::Loss
            | Field::Method
            | Field::Anchors
            | Field::Singletons
            | Field::Reduction
            | Field::File
            | Field::SizesFile
            | Field::Labels
            | Field::Column
            | Field::Key
            | Field::BatchKind
            | Field::BatchFile
            | Field::Unused => format!("\"{value}\""),
            _ => (*value).to_owned(),
        };
        let values = one_of(values.iter().map(value).collect());
        match field.key() {
            Some((table, "")) => format!("{values} under [{table}]"),
            Some(("", key)) => format!("{key} = {values}"),
            Some((table, key)) => format!("{key} = {values} under [{table}]"),
            None => format!("{} {values}", field.name()),
        }
    }
}

/// `a, b or c`.
pub fn one_of(mut words: Vec<String>) -> String {
    match words.pop() {
        Some(last) if words.is_empty() => last,
        Some(last) => format!("{} or {last}", words.join(", ")),
        None => String::new(),
    }
}

/// A part of a remedy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Word {
    /// As it is.
    Text(&'static str),
    /// What a field is called.
    Name(Field),
    /// One of some values of a field; of a table one of its keys.
    Set(Field, &'static [&'static str]),
    /// What one does, such as `solve`.
    Verb(&'static str),
}

/// A remedy, part by part.
pub type Hint = &'static [Word];

/// A remedy in the words of a place.
pub fn worded(hint: Hint, wording: &dyn Wording) -> String {
    hint.iter()
        .map(|word| match word {
            Word::Text(text) => (*text).to_owned(),
            Word::Name(field) => wording.name(*field),
            Word::Set(field, values) => wording.setting(*field, values),
            Word::Verb(verb) => wording.verb(verb),
        })
        .collect()
}

/// What is wrong with a value.
#[derive(Debug, Clone, PartialEq)]
pub enum Kind {
    /// It is not given, and is needed; by a profile, if one is named.
    Missing(Option<&'static str>),
    /// It is given, and the profile that is named, or a problem without one, does not have it.
    Misplaced(Option<&'static str>),
    /// It is given in these ways.
    Several(Vec<&'static str>),
    /// One class.
    OneClass,
    /// No size of a class.
    Size(String),
    /// More samples than a double holds exactly.
    TooManySamples(f64),
    /// No probability.
    Probability(f64),
    /// Probabilities with another sum than 1.
    Sum(f64),
    /// Outside a range.
    Range {
        /// As it was given.
        value: String,
        /// The ends of the range.
        least: f64,
        /// The ends of the range.
        most: f64,
    },
    /// Not a whole number of at least `least`.
    TooSmall {
        /// As it was given.
        value: i128,
        /// The smallest that there is.
        least: i64,
    },
    /// Against a rule that is no range.
    Rule {
        /// As it was given.
        value: String,
        /// The rule.
        rule: &'static str,
    },
    /// A character that could steer a terminal.
    ControlCharacter(char),
    /// No name that there is.
    Choice {
        /// As it was given.
        value: String,
        /// The names that there are.
        options: Vec<&'static str>,
    },
    /// No positive pair for the loss in a class of one sample; in any class, if no loss is named.
    NoPositive(Option<FullBatchLoss>),
    /// A class of one sample in batches of different examples.
    AloneInBatches,
    /// A schedule without a batch.
    NoBatch,
    /// A batch without a member.
    EmptyBatch,
    /// A number that no sample has.
    NoSample {
        /// As it was given.
        value: String,
        /// How many samples there are.
        samples: u32,
    },
    /// A sample twice in one batch.
    Repeated {
        /// The first place, from 0; the field is the second.
        first: u32,
        /// The sample, by the number that was given.
        sample: u32,
    },
    /// A sample in no batch.
    Unused {
        /// The first, by the number that the user has for it.
        sample: u32,
        /// How many there are.
        count: u32,
    },
    /// Of no meaning beside the others.
    Conflict {
        /// What does not go together.
        what: String,
        /// What to do.
        hint: Hint,
    },
    /// Not available in this version.
    Unavailable {
        /// What is not.
        what: String,
        /// What to do.
        hint: Hint,
    },
}

/// A value that cannot be. Its text says the value, its field where it stands, and [`Invalid::hint`] what to do.
#[derive(Debug, Clone, PartialEq)]
pub struct Invalid {
    /// What it is given for.
    pub field: Field,
    /// What is wrong with it.
    pub kind: Kind,
    /// The label of the class that it is about, where the data set has another than the number of the class.
    pub label: Option<Box<Label>>,
}

impl std::error::Error for Invalid {}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let field = self.field;
        let name = field.name();
        let owner = |field| Owner(field, self.label.as_deref());
        match &self.kind {
            Kind::Missing(Some(profile)) => write!(f, "the profile {profile} needs `{name}`"),
            Kind::Missing(None) => f.write_str(match field {
                Field::Negatives => "the loss nce needs a number of negatives, and none is given",
                Field::BatchSize => "random batches need a size, and none is given",
                Field::BatchClasses => "class-balanced batches need a number of classes, and none is given",
                Field::PerClass => "class-balanced batches need a number of examples of each class, and none is given",
                Field::BatchMembers => "fixed batches need their members, and none are given",
                Field::File | Field::BatchFile => "the file name is empty",
                Field::Values => "no values are given",
                _ => "no class sizes are given",
            }),
            Kind::Misplaced(Some(profile)) => write!(f, "the profile {profile} has no `{name}`"),
            Kind::Misplaced(None) => write!(f, "`{name}` belongs to a profile, and none is given"),
            Kind::Several(ways) => write!(f, "class sizes are given in more than one way: {}", ways.join(", ")),
            Kind::OneClass => f.write_str("only one class is given: a contrastive loss needs at least two"),
            Kind::Size(value) => write!(
                f,
                "{} has size {value}, and a class size is a whole number from 1 to {MAX_CLASS_SIZE}",
                owner(field)
            ),
            Kind::TooManySamples(value) => write!(
                f,
                "{} has {} samples (with views), above the largest size {MAX_CLASS_SIZE} that is exact in double precision",
                owner(field),
                short(*value)
            ),
            Kind::Probability(value) => write!(
                f,
                "{} has probability {}, and a probability is above 0 and at most 1",
                owner(field),
                short(*value)
            ),
            Kind::Sum(sum) => write!(
                f,
                "the probabilities sum to {}, not to 1 within {PROBABILITY_SUM_TOLERANCE:e}",
                short(*sum)
            ),
            Kind::Range { value, least, most } => match field {
                Field::Temperature => write!(f, "the temperature is {value}, outside {least} to {most}"),
                _ => write!(f, "{value} is given, and {least} to {most} is possible"),
            },
            Kind::TooSmall { value, least } => match field {
                Field::Dimension if *value == 0 => f.write_str("the dimension is 0, and features need at least one"),
                _ => write!(f, "{value} is given, and a whole number of at least {least} is needed"),
            },
            Kind::Rule { value, rule } => match field {
                Field::Tolerance => write!(f, "the tolerance is {value}, and {rule}"),
                Field::LossScale => write!(f, "the scale is {value}, and {rule}"),
                Field::Ratios | Field::Temperatures | Field::Grid => write!(f, "{value} is not {rule}"),
                _ => write!(f, "the profile's {name} is {value}: {rule}"),
            },
            Kind::ControlCharacter(character) => write!(f, "the {name} has the control character {character:?}"),
            Kind::Choice { value, options } => write!(f, "`{value}` is not one of {}", options.join(", ")),
            Kind::NoPositive(Some(loss)) => write!(f, "{} has 1 sample: {loss} needs a positive pair", owner(field)),
            Kind::NoPositive(None) => f.write_str("every class has 1 sample, so no anchor has a positive"),
            Kind::AloneInBatches => write!(
                f,
                "{} has 1 sample, which has no positive in any batch of different examples",
                owner(field)
            ),
            Kind::NoBatch => f.write_str("the list of batches is empty"),
            Kind::EmptyBatch => write!(f, "{} has no members", owner(field)),
            Kind::NoSample { value, samples } => write!(
                f,
                "{} is sample {value}, and the samples are 0 to {}",
                owner(field),
                samples - 1
            ),
            Kind::Repeated { first, sample } => {
                write!(f, "{} is sample {sample}, and so is place {first}", owner(field))
            }
            Kind::Unused { sample, count: 1 } => write!(f, "sample {sample} is in no batch"),
            Kind::Unused { sample, count } => {
                write!(f, "sample {sample} is in no batch, and so are {} others", count - 1)
            }
            Kind::Conflict { what, .. } => f.write_str(what),
            Kind::Unavailable { what, .. } => write!(f, "{what} is not available in this version"),
        }
    }
}

/// Whose number a field is, or which.
struct Owner<'a>(Field, Option<&'a Label>);

impl fmt::Display for Owner<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Field::Size(class) if self.1.is_some_and(|label| *label != Label::Number(class.into())) => {
                f.write_str(&self.1.map(Label::title).unwrap_or_default())
            }
            Field::Size(class) | Field::Probability(class) => write!(f, "class {class}"),
            Field::Batch(batch) => write!(f, "batch {batch}"),
            Field::BatchMember(batch, place) => write!(f, "place {place} of batch {batch}"),
            field => write!(f, "{field}"),
        }
    }
}

impl Invalid {
    /// Something wrong with the value of a field.
    pub fn new(field: Field, kind: Kind) -> Self {
        let label = None;
        Self { field, kind, label }
    }

    /// The same about a class of these labels, which messages then call by its label.
    #[must_use]
    pub fn among(self, labels: Option<&[Label]>) -> Self {
        let label = match self.field {
            Field::Size(class) => labels.and_then(|labels| labels.get(class as usize)),
            _ => None,
        };
        Self {
            label: label.cloned().map(Box::new),
            ..self
        }
    }

    /// A value of no meaning beside the others.
    pub fn conflict(field: Field, what: impl Into<String>, hint: Hint) -> Self {
        let what = what.into();
        Self::new(field, Kind::Conflict { what, hint })
    }

    /// Something that this version cannot do.
    pub fn unavailable(field: Field, what: impl Into<String>, hint: Hint) -> Self {
        let what = what.into();
        Self::new(field, Kind::Unavailable { what, hint })
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

/// The option that a misspelt word most likely means.
pub fn closest<'a>(word: &str, options: &[&'a str]) -> Option<&'a str> {
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
