//! [`Note`]: what a reader should say of a file that it read.

use crate::problem::Label;
use crate::problem::invalid::{Field, Wording};

/// Something unusual about a file, which may be right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Note {
    /// The last class has as many samples as all others together.
    Total {
        /// What the class is called.
        owner: String,
        /// Its samples.
        samples: u64,
    },
    /// One label is far above the others, which are consecutive.
    StandsApart {
        /// The label.
        label: i128,
        /// How many samples have it.
        samples: u64,
        /// The smallest of the others, and the largest.
        others: (i128, i128),
    },
    /// Samples were left out.
    Ignored {
        /// Their label.
        label: Label,
        /// How many.
        samples: u64,
    },
    /// No sample has a label that is to be ignored.
    NothingIgnored {
        /// The label.
        label: Label,
    },
    /// Classes without samples were left out.
    Dropped {
        /// How many.
        classes: u64,
        /// What the first is called.
        first: String,
    },
    /// Class sizes that repeat small numbers without a gap, as labels do.
    LikeLabels {
        /// How many there are.
        values: u64,
        /// The largest.
        largest: u64,
    },
    /// One item with a product, which would be a single class, stands for many classes of one sample.
    Turned {
        /// As it was given.
        text: String,
        /// How many classes.
        count: u64,
    },
    /// The first line is a class of its own.
    LikeHeader {
        /// What it says.
        label: Label,
    },
}

impl Note {
    /// The note in the words of a place.
    pub fn words(&self, wording: &dyn Wording) -> String {
        match self {
            Self::Total { owner, samples } => format!(
                "the last row, {owner}, is the sum of the others ({samples}): if it is a total and no class, remove it"
            ),
            Self::StandsApart {
                label,
                samples,
                others: (first, last),
            } => format!(
                "label {label} ({samples} samples) stands apart from {first} to {last}: if it marks samples that training leaves out, give {}",
                wording.setting(Field::IgnoreLabel, &[&label.to_string()])
            ),
            Self::Ignored { label, samples } => {
                let samples_are = if *samples == 1 { "sample is" } else { "samples are" };
                format!("{samples} {samples_are} left out, whose label is {label}")
            }
            Self::NothingIgnored { label } => {
                format!("no sample has the label {label}, which is to be ignored")
            }
            Self::Dropped { classes: 1, first } => format!("{first} has no samples and is left out"),
            Self::Dropped { classes, first } => {
                format!("{classes} classes have no samples and are left out: {first} is the first")
            }
            Self::LikeLabels { values, largest } => format!(
                "{values} class sizes from 1 to {largest}: if these are labels, one a sample, give them by {}",
                wording.name(Field::Labels)
            ),
            Self::Turned { text, count } => format!(
                "{text} is read as {count} classes of 1 sample, as one class of {count} would be no problem; otherwise AxB are B classes of A samples, here 1x{count}"
            ),
            Self::LikeHeader { label } => format!(
                "the first line, {label}, is a class of one sample: if it is a header, name its column by {}",
                wording.setting(Field::Column, &[&label.to_string()])
            ),
        }
    }
}
