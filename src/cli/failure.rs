//! [`Failure`]: why a command could not be done, in the words of the command line. What the library calls by its field is a
//! flag here, and only here.

use std::fmt;

use ufmin::error::{Error, Field, Invalid, Location, ProblemFileWording, Wording};

/// The flag of a field, if it has one.
pub(crate) fn flag(field: Field) -> Option<&'static str> {
    Some(match field {
        Field::Classes | Field::Sizes | Field::Size(_) => "--sizes",
        Field::Probabilities | Field::Probability(_) => "--probabilities",
        Field::Views => "--views",
        Field::Loss => "--loss",
        Field::Temperature => "--temperature",
        Field::Anchors => "--anchors",
        Field::Singletons => "--singletons",
        Field::Negatives => "--negatives",
        Field::LossScale => "--loss-scale",
        Field::Reduction => "--reduction",
        Field::Batches | Field::BatchSize => "--batch-size",
        Field::Power => "--power",
        Field::Replacement => "--without-replacement",
        Field::BatchClasses => "--batch-classes",
        Field::PerClass => "--per-class",
        Field::BatchFile => "--batches",
        Field::Nonnegative => "--nonnegative",
        Field::Dimension => "--dimension",
        Field::Method => "--method",
        Field::Tolerance => "--tolerance",
        Field::Ratios => "--ratios",
        Field::Temperatures => "--temperatures",
        Field::Points => "--points",
        Field::Draws => "--draws",
        Field::Grid => "--grid",
        Field::Values => "--values",
        Field::Level => "--level",
        Field::CrossCheck => "--cross-check",
        Field::Labels => "--labels",
        Field::Embeddings => "--embeddings",
        Field::Transposed => "--transposed",
        Field::ClassifierFile => "--classifier",
        Field::SizesFile => "--sizes-file",
        Field::Column => "--column",
        Field::Key => "--key",
        Field::IgnoreLabel => "--ignore-label",
        Field::DropEmpty => "--drop-empty",
        Field::Normalise => "--normalise",
        Field::Output => "--output",
        Field::Title
        | Field::File
        | Field::Profile
        | Field::Count
        | Field::Largest
        | Field::Smallest
        | Field::Majority
        | Field::Minority
        | Field::Ratio
        | Field::Offsets
        | Field::BatchKind
        | Field::BatchMembers
        | Field::Batch(_)
        | Field::BatchMember(..)
        | Field::Unused
        | Field::Classifier
        | Field::Norm
        | Field::Energy
        | Field::Ridge => return None,
    })
}

/// Flags, and keys for what has none.
pub(crate) struct Flags;

impl Wording for Flags {
    fn name(&self, field: Field) -> String {
        flag(field).map_or_else(|| ProblemFileWording.name(field), str::to_owned)
    }

    fn setting(&self, field: Field, values: &[&str]) -> String {
        match flag(field) {
            // A switch.
            Some(flag) if values == ["true"] => flag.to_owned(),
            Some(flag) => {
                let values = values.iter().map(|&value| value.to_owned()).collect();
                format!("{flag} {}", ufmin::error::one_of(values))
            }
            None => ProblemFileWording.setting(field, values),
        }
    }
}

/// Keys where a problem file is at fault, and flags for what no problem file has.
struct Keys;

impl Wording for Keys {
    fn name(&self, field: Field) -> String {
        match field.key() {
            Some(_) => ProblemFileWording.name(field),
            None => Flags.name(field),
        }
    }

    fn setting(&self, field: Field, values: &[&str]) -> String {
        match field.key() {
            Some(_) => ProblemFileWording.setting(field, values),
            None => Flags.setting(field, values),
        }
    }
}

/// Why a command could not be done.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The library's reason.
    Library(Error),
    /// A value of the problem that is given by a flag, or would be.
    Value {
        /// Which may depend on how the classes are given.
        flag: &'static str,
        source: Invalid,
    },
    /// A value of what only the command line has.
    Usage {
        flag: &'static str,
        what: String,
        hint: String,
    },
}

impl Failure {
    /// A value of a flag that the library does not know.
    pub(crate) fn usage(flag: &'static str, what: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Usage {
            flag,
            what: what.into(),
            hint: hint.into(),
        }
    }

    /// What to do about it, if there is something.
    pub(crate) fn hint(&self) -> Option<String> {
        match self {
            Self::Library(error) if error.location().is_some() => error.hint_in(&Keys),
            Self::Library(error) => error.hint_in(&Flags),
            Self::Value { source, .. } => Some(source.hint_in(&Flags)),
            Self::Usage { hint, .. } => Some(hint.clone()),
        }
    }

    /// Where in a text file, if anywhere.
    pub(crate) fn location(&self) -> Option<&Location> {
        match self {
            Self::Library(error) => error.location(),
            Self::Value { .. } | Self::Usage { .. } => None,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Library(Error::Invalid { source, location: None }) => {
                write!(f, "{}: {source}", Keys.name(source.field))
            }
            Self::Library(error) => write!(f, "{error}"),
            Self::Value { flag, source } => write!(f, "{flag}: {source}"),
            Self::Usage { flag, what, .. } => write!(f, "{flag}: {what}"),
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Library(error)
    }
}

impl From<Invalid> for Failure {
    fn from(source: Invalid) -> Self {
        Self::Library(source.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whatever no problem file has can be given here, so that no answer names a field that its reader cannot find.
    #[test]
    fn every_field_of_a_study_has_a_flag() {
        for field in [
            Field::Ratios,
            Field::Temperatures,
            Field::Points,
            Field::Draws,
            Field::Grid,
            Field::Values,
            Field::Level,
            Field::CrossCheck,
            Field::Embeddings,
            Field::Transposed,
            Field::ClassifierFile,
            Field::Output,
        ] {
            assert!(field.key().is_none() && flag(field).is_some(), "{field}");
        }
    }

    #[test]
    fn remedies_are_in_the_words_of_their_place() {
        let missing = || Invalid::new(Field::Negatives, ufmin::error::Kind::Missing(None));
        let of_flag = Failure::Value {
            flag: "--negatives",
            source: missing(),
        };
        assert!(of_flag.hint().is_some_and(|hint| hint.ends_with("as --negatives 5")));
        let location = Some(Box::new(Location {
            path: "p.toml".into(),
            text: String::new(),
            span: 0..0,
        }));
        let of_file = Failure::Library(Error::Invalid {
            source: missing(),
            location,
        });
        assert!(
            of_file
                .hint()
                .is_some_and(|hint| hint.ends_with("as negatives = 5 under [loss]"))
        );
    }
}
