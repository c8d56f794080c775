//! What to do about an [`Invalid`].

use super::{Field, Hint, Invalid, Kind, ProblemFileWording, Word, Wording, closest, worded};
use crate::problem::{MAX_CLASS_SIZE, synonyms};

impl Invalid {
    /// What to do about it, in the words of problem files.
    pub fn hint(&self) -> String {
        self.hint_in(&ProblemFileWording)
    }

    /// What to do about it, in the words of the place where the value was given.
    pub fn hint_in(&self, wording: &dyn Wording) -> String {
        let field = self.field;
        let text: &str = match &self.kind {
            Kind::Misplaced(Some(_)) => return format!("remove `{}`", field.name()),
            Kind::Missing(Some(profile)) => {
                return format!("add `{}`, for example {}", field.name(), profile_example(profile));
            }
            Kind::Conflict { hint, .. } | Kind::Unavailable { hint, .. } => return worded(hint, wording),
            Kind::Missing(None) => return worded(missing_hint(field), wording),
            Kind::Choice { value, options } => return choice_hint(field, value, options),
            Kind::TooSmall { least, .. } if field != Field::Dimension => {
                return format!("give {least} or more, or leave it out");
            }
            Kind::Range { value, least, .. } => return worded(range_hint(field, value, *least), wording),
            Kind::Rule { .. } if matches!(field, Field::Ratios | Field::Temperatures | Field::Grid) => {
                return worded(range_hint(field, "", 0.0), wording);
            }
            Kind::Rule { .. } if field == Field::Tolerance => "set a relative duality gap such as 1e-9",
            Kind::Rule { .. } if field == Field::LossScale => {
                "give what your code multiplies the loss by: temperature / base_temperature = 0.1/0.07 is 1.4285714285714286"
            }
            Kind::Rule { .. } if field == Field::Ratio => {
                "the ratio is the largest class size divided by the smallest: 1 is balanced, long-tailed benchmarks have 10 to 256"
            }
            Kind::Rule { .. } | Kind::Misplaced(None) => {
                return format!("for example {}", profile_example(field.name()));
            }
            Kind::TooSmall { .. } => "remove the dimension, or set it to at least the number of classes minus 1",
            Kind::Several(_) => "keep exactly one of them",
            Kind::OneClass => "add a second class; with one class every unit vector is optimal",
            Kind::Size(value) if value == "0" => {
                let hint: Hint = &[
                    Word::Text("remove the class, give the number of its samples, or leave out empty classes by "),
                    Word::Set(Field::DropEmpty, &["true"]),
                ];
                return worded(hint, wording);
            }
            Kind::Size(value) => size_hint(value),
            Kind::TooManySamples(value) => size_hint(&value.to_string()),
            Kind::Probability(_) => "remove classes that cannot occur, and give counts as `sizes`",
            Kind::Sum(_) => {
                let hint: Hint = &[
                    Word::Text("divide each by the sum, as is done by "),
                    Word::Set(Field::Normalise, &["true"]),
                    Word::Text(", or give counts as `sizes`"),
                ];
                return worded(hint, wording);
            }
            Kind::ControlCharacter(_) => "write the title on one line, without control characters",
            Kind::NoPositive(Some(_)) => {
                "remove the class, raise its count, train with views = 2, or set singletons to skip (or zero)"
            }
            Kind::AloneInBatches => "remove the class, raise its count, train with views = 2, or draw with replacement",
            Kind::NoBatch => "give one list of samples a batch, or leave the batches out for the full batch",
            Kind::EmptyBatch => "remove it, or give it members; batches and places are counted from 0",
            Kind::NoSample { .. } => {
                "samples are numbered from 0: by their position in the file of labels where the classes come from one, else class by class; an example has one number, whatever its views"
            }
            Kind::Repeated { .. } => "list a sample once in each of its batches",
            Kind::Unused { .. } => {
                let hint: Hint = &[
                    Word::Text("add it to a batch, or leave it out of the problem, by "),
                    Word::Set(Field::Unused, &["ignore"]),
                ];
                return worded(hint, wording);
            }
            Kind::NoPositive(None) => "set views = 2, or use the loss population",
        };
        text.to_owned()
    }
}

fn missing_hint(field: Field) -> Hint {
    match field {
        Field::Negatives => &[
            Word::Text("give the number of sampled negatives of each anchor, as "),
            Word::Set(Field::Negatives, &["5"]),
        ],
        Field::BatchSize => &[
            Word::Text("give the number of examples in a batch, as "),
            Word::Set(Field::BatchSize, &["256"]),
        ],
        Field::BatchClasses => &[
            Word::Text("give the number of classes in a batch, as "),
            Word::Set(Field::BatchClasses, &["8"]),
        ],
        Field::PerClass => &[
            Word::Text("give the number of examples of each class in a batch, as "),
            Word::Set(Field::PerClass, &["4"]),
        ],
        Field::File => &[Word::Text(
            "name a text file with one class size a line, or a .npy file of labels",
        )],
        Field::BatchMembers => &[
            Word::Text("give one list of samples a batch, as "),
            Word::Set(Field::BatchMembers, &["[[0, 1, 4], [2, 3, 5]]"]),
            Word::Text(", or name a file that has them, as "),
            Word::Set(Field::BatchFile, &["batches.json"]),
        ],
        Field::BatchFile => &[Word::Text(
            "name a JSON file of lists of samples, or a .npy file of batches x size padded with -1",
        )],
        Field::Values => &[
            Word::Text("give some, for example "),
            Word::Set(Field::Values, &["4,16,64,256"]),
        ],
        _ => &[
            Word::Text("give the number of samples of each class, as "),
            Word::Set(Field::Sizes, &["500,500,5,5"]),
        ],
    }
}

fn range_hint(field: Field, value: &str, least: f64) -> Hint {
    let below = value.parse::<f64>().is_ok_and(|value| value < least);
    match field {
        Field::Temperature => &[Word::Text(
            "set a temperature such as 0.1 (SupCon's default is 0.1, published runs use 0.05 to 1)",
        )],
        Field::Power => &[Word::Text(
            "1 draws samples alike, 0 draws classes alike, 0.5 is square-root sampling",
        )],
        Field::BatchSize if below => &[Word::Text(
            "give 3 or more: with two examples no anchor has both a positive and a negative",
        )],
        Field::BatchClasses if below => &[Word::Text("give 2 or more: with one class no anchor has a negative")],
        Field::BatchClasses => &[Word::Text("give fewer")],
        Field::PerClass => &[Word::Text("give 2 or more, or 1 with views; at most 1e9")],
        Field::BatchSize => &[Word::Text("use the loss population, the limit of large batches")],
        Field::Negatives if below => &[Word::Text("give 1 or more")],
        Field::Negatives => &[Word::Text("use the loss population, the limit of many negatives")],
        Field::Grid => &[
            Word::Text("give the number of ratios and of temperatures, for example "),
            Word::Set(Field::Grid, &["60x60"]),
        ],
        Field::Points if below => &[Word::Text("give 3 or more")],
        Field::Points => &[Word::Text(
            "give fewer: between two points that differ the boundary is found to the last digits anyway",
        )],
        Field::Draws => &[
            Word::Text("give two ascending whole numbers, for example "),
            Word::Set(Field::Draws, &["3..512"]),
        ],
        Field::Ratios => &[
            Word::Text("give two ascending ratios, for example "),
            Word::Set(Field::Ratios, &["1..1000"]),
        ],
        _ => &[
            Word::Text("give two ascending values, for example "),
            Word::Set(Field::Temperatures, &["0.05..2"]),
        ],
    }
}

fn choice_hint(field: Field, value: &str, options: &[&str]) -> String {
    let known = if field == Field::Loss {
        synonyms::hint(value)
    } else {
        None
    };
    match (known, closest(value, options)) {
        (Some(hint), _) => hint,
        (None, Some(option)) => format!("did you mean `{option}`?"),
        (None, None) => "choose one of these".to_owned(),
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
