//! [`Labels`]: which sample belongs to which class.

use std::path::Path;

use super::npy::read_labels;
use super::{has_extension, read_text};
use crate::error::{ArrayError, Error};

/// Labels of samples. The distinct values, ascending, are the classes 0, 1, ...
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Labels {
    /// The value of every class, ascending.
    pub values: Vec<i128>,
    /// The class of every sample.
    pub classes: Vec<u32>,
    /// Samples of every class, at least 1.
    pub counts: Vec<u64>,
}

impl Labels {
    /// Reads a `.npy` file as [`read_labels`] does, or a text file with one whole number a line; blank lines and lines that
    /// start with `#` are skipped.
    ///
    /// # Errors
    /// [`Error::Read`], [`Error::Array`].
    pub fn read(path: &Path) -> Result<Self, Error> {
        let values = if has_extension(path, "txt") || has_extension(path, "csv") {
            of_text(&read_text(path)?)
        } else {
            return read_labels(path).map(|values| Self::new(&values));
        };
        values.map(|values| Self::new(&values)).map_err(|source| Error::Array {
            path: path.to_owned(),
            source,
        })
    }

    /// The classes of these labels.
    pub fn new(labels: &[i128]) -> Self {
        let mut values = labels.to_vec();
        values.sort_unstable();
        values.dedup();
        let class = |label: &i128| values.partition_point(|value| value < label);
        let classes: Vec<u32> = labels.iter().map(|label| class(label) as u32).collect();
        let mut counts = vec![0; values.len()];
        for &class in &classes {
            counts[class as usize] += 1;
        }
        Self {
            values,
            classes,
            counts,
        }
    }
}

fn of_text(text: &str) -> Result<Vec<i128>, ArrayError> {
    let mut labels = Vec::new();
    for (line, text) in (1..).zip(text.lines().map(str::trim)) {
        if text.is_empty() || text.starts_with('#') {
            continue;
        }
        let label = text.parse::<i64>().map_err(|_| ArrayError::Label {
            line,
            text: text.chars().take(40).collect(),
        })?;
        labels.push(label.into());
    }
    if labels.is_empty() {
        return Err(ArrayError::Empty);
    }
    Ok(labels)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_the_values_in_ascending_order() {
        let labels = Labels::new(&[7, -1, 7, 3]);
        assert_eq!(labels.values, [-1, 3, 7]);
        assert_eq!(labels.classes, [2, 0, 2, 1]);
        assert_eq!(labels.counts, [1, 1, 2]);
    }

    #[test]
    fn text_has_one_label_a_line() {
        assert_eq!(of_text("# classes\n3\n\n -2 \n").unwrap(), [3, -2]);
        assert_eq!(
            of_text("1\n\n1.5\n").unwrap_err(),
            ArrayError::Label {
                line: 3,
                text: "1.5".into()
            }
        );
        assert_eq!(of_text("\n#\n").unwrap_err(), ArrayError::Empty);
    }
}
