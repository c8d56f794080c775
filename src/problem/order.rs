//! [`SampleOrder`]: by which numbers a user calls the samples, and by which this crate does.

use super::invalid::{Invalid, Word};
use super::{Classes, Field, Measure};

/// Most examples that can be numbered one by one.
pub const MAX_EXAMPLES: u64 = u32::MAX as u64;

/// The numbering of the samples of a problem. Inside, an *example* is numbered class-major: those of class 0 first. A user
/// who gave labels calls it by its *position* among them; without labels the two are the same. Views have no numbers of
/// their own.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SampleOrder {
    examples: u32,
    /// None where every position is the example of the same number.
    permutation: Option<Permutation>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Permutation {
    example_of: Vec<u32>,
    position_of: Vec<u32>,
}

impl SampleOrder {
    /// Positions that are examples.
    ///
    /// # Errors
    /// [`Invalid`] above [`MAX_EXAMPLES`], and for class probabilities, which have no samples.
    pub fn class_major(classes: &Classes) -> Result<Self, Invalid> {
        Ok(Self {
            examples: examples(classes)?,
            permutation: None,
        })
    }

    /// Positions in a list of labels, whose distinct values in ascending order are the classes.
    ///
    /// # Errors
    /// [`Invalid`] above [`MAX_EXAMPLES`].
    pub fn of_labels<T: Ord>(labels: &[T]) -> Result<Self, Invalid> {
        let examples = u32::try_from(labels.len()).map_err(|_| too_many(labels.len() as u64))?;
        if labels.is_sorted() {
            return Ok(Self {
                examples,
                permutation: None,
            });
        }
        let mut position_of: Vec<u32> = (0..examples).collect();
        position_of.sort_by_key(|&position| &labels[position as usize]);
        let mut example_of = vec![0; labels.len()];
        for (example, &position) in (0..).zip(&position_of) {
            example_of[position as usize] = example;
        }
        Ok(Self {
            examples,
            permutation: Some(Permutation {
                example_of,
                position_of,
            }),
        })
    }

    /// By the class-major number of the example at every position: the inverse of [`SampleOrder::listed`].
    ///
    /// # Errors
    /// [`Invalid`] for a list that is no order of the examples of `classes`, and as [`SampleOrder::class_major`].
    pub fn of_examples(example_of: &[u32], classes: &Classes) -> Result<Self, Invalid> {
        let examples = examples(classes)?;
        let mut position_of = vec![u32::MAX; examples as usize];
        for (position, &example) in (0..).zip(example_of) {
            if let Some(place) = position_of.get_mut(example as usize) {
                *place = position;
            }
        }
        if example_of.len() != examples as usize || position_of.contains(&u32::MAX) {
            return Err(Invalid::conflict(
                Field::Batches,
                format!("the numbers of the samples are no order of the {examples} that the classes have"),
                &[Word::Text("give the problem file")],
            ));
        }
        Ok(Self {
            examples,
            permutation: Some(Permutation {
                example_of: example_of.to_vec(),
                position_of,
            }),
        })
    }

    /// The class-major number of the example at every position, where that is not the position itself.
    pub fn listed(&self) -> Option<&[u32]> {
        self.permutation.as_ref().map(|permutation| &*permutation.example_of)
    }

    /// Number of examples.
    pub fn examples(&self) -> u32 {
        self.examples
    }

    /// The example at a position; `None` where there is none.
    pub fn example(&self, position: i128) -> Option<u32> {
        let position = u32::try_from(position).ok().filter(|&p| p < self.examples)?;
        Some(match &self.permutation {
            Some(permutation) => permutation.example_of[position as usize],
            None => position,
        })
    }

    /// The position of an example: the inverse of [`SampleOrder::example`].
    ///
    /// # Panics
    /// If `example` is not below [`SampleOrder::examples`].
    pub fn position(&self, example: u32) -> u32 {
        assert!(example < self.examples, "example {example} of {}", self.examples);
        match &self.permutation {
            Some(permutation) => permutation.position_of[example as usize],
            None => example,
        }
    }
}

/// Number of examples of some classes, where they can be numbered.
fn examples(classes: &Classes) -> Result<u32, Invalid> {
    match classes.measure() {
        Measure::Counts => {}
        Measure::Probabilities => {
            return Err(Invalid::conflict(
                Field::Batches,
                "batches of given samples need class sizes, and only probabilities are given",
                &[Word::Text("give sizes, or random batches")],
            ));
        }
    }
    let total: f64 = classes.runs().iter().map(|run| run.size * run.count as f64).sum();
    if total > MAX_EXAMPLES as f64 {
        return Err(too_many(total as u64));
    }
    Ok(total as u32)
}

fn too_many(examples: u64) -> Invalid {
    Invalid::unavailable(
        Field::Batches,
        format!("a numbering of {examples} samples, one by one (up to {MAX_EXAMPLES}),"),
        &[Word::Text(
            "use random batches, or fewer samples of the same proportions",
        )],
    )
}
