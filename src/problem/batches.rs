//! [`Batches`]: a schedule of batches that is the same in every epoch, and [`FixedBatches`], training on it.

pub mod binding;
pub mod conditions;
pub mod epoch;

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::invalid::Word;
use super::order::SampleOrder;
use super::{Field, FullBatchLoss, Invalid, Kind};

/// What becomes of a sample that is in no batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Unused {
    /// Refuse the schedule.
    #[default]
    Error,
    /// The sample is left out of the problem.
    Ignore,
}

/// Batches of examples, each batch without repetition. Immutable and valid.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Batches {
    order: SampleOrder,
    /// Examples, batch after batch, in the order they were given.
    members: Vec<u32>,
    /// Where each batch ends.
    ends: Vec<usize>,
    /// Examples in any batch, ascending.
    used: Vec<u32>,
    largest: usize,
    smallest: usize,
}

impl Batches {
    /// Batches of samples by their positions in `order`.
    ///
    /// # Errors
    /// [`Invalid`] naming batch, place and value: no batch, an empty one, a number that no sample has, a sample twice in one
    /// batch; or the first sample that is in none, unless those are ignored.
    pub fn from_positions<L>(
        order: SampleOrder,
        lists: impl IntoIterator<Item = L>,
        unused: Unused,
    ) -> Result<Self, Invalid>
    where
        L: IntoIterator<Item = i128>,
    {
        let mut members = Vec::new();
        let mut ends: Vec<usize> = Vec::new();
        let mut sorted = Vec::new();
        for (batch, list) in (0..).zip(lists) {
            let start = members.len();
            for (place, position) in (0..).zip(list) {
                members.push(
                    order
                        .example(position)
                        .ok_or_else(|| no_sample(batch, place, position.to_string(), order.examples()))?,
                );
            }
            let list = &members[start..];
            if list.is_empty() {
                return Err(Invalid::new(Field::Batch(batch), Kind::EmptyBatch));
            }
            sorted.clear();
            sorted.extend_from_slice(list);
            sorted.sort_unstable();
            if let Some(pair) = sorted.windows(2).find(|pair| pair[0] == pair[1]) {
                return Err(repeated(batch, list, pair[0], &order));
            }
            ends.push(members.len());
        }
        let mut used = members.clone();
        used.sort_unstable();
        used.dedup();
        let sizes = || {
            ends.iter()
                .scan(0, |start, &end| Some(end - std::mem::replace(start, end)))
        };
        let (Some(largest), Some(smallest)) = (sizes().max(), sizes().min()) else {
            return Err(Invalid::new(Field::BatchMembers, Kind::NoBatch));
        };
        let batches = Self {
            order,
            members,
            used,
            largest,
            smallest,
            ends,
        };
        match batches.unused().map(|example| batches.order.position(example)).min() {
            Some(sample) if unused == Unused::Error => {
                let count = batches.unused_count();
                Err(Invalid::new(Field::BatchMembers, Kind::Unused { sample, count }))
            }
            _ => Ok(batches),
        }
    }

    /// Batches of examples: as [`Batches::from_positions`], where examples without a batch are ignored.
    ///
    /// # Errors
    /// As [`Batches::from_positions`].
    ///
    /// # Panics
    /// For an example that `order` does not have.
    pub fn from_examples<L>(order: SampleOrder, lists: impl IntoIterator<Item = L>) -> Result<Self, Invalid>
    where
        L: IntoIterator<Item = u32>,
    {
        let positions: Vec<Vec<i128>> = lists
            .into_iter()
            .map(|list| list.into_iter().map(|example| order.position(example).into()).collect())
            .collect();
        Self::from_positions(order, positions, Unused::Ignore)
    }

    /// How the user numbers the samples.
    pub fn order(&self) -> &SampleOrder {
        &self.order
    }

    /// The batches: the class-major numbers of their examples, in the order they were given.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &[u32]> + Clone {
        (0..self.count()).map(|batch| self.batch(batch))
    }

    /// The examples of a batch.
    ///
    /// # Panics
    /// If there is no such batch.
    pub fn batch(&self, batch: usize) -> &[u32] {
        let start = if batch == 0 { 0 } else { self.ends[batch - 1] };
        &self.members[start..self.ends[batch]]
    }

    /// The batches by the numbers that the user gave.
    pub fn positions(&self) -> impl Iterator<Item = Vec<u32>> {
        self.iter()
            .map(|batch| batch.iter().map(|&example| self.order.position(example)).collect())
    }

    /// Number of batches, at least 1.
    pub fn count(&self) -> usize {
        self.ends.len()
    }

    /// Members of all batches together: an example counts once for each of its batches.
    pub fn memberships(&self) -> usize {
        self.members.len()
    }

    /// Examples in the largest batch.
    pub fn largest(&self) -> usize {
        self.largest
    }

    /// Examples in the smallest batch.
    pub fn smallest(&self) -> usize {
        self.smallest
    }

    /// Number of examples of the problem, in a batch or not.
    pub fn examples(&self) -> u32 {
        self.order.examples()
    }

    /// Examples that are in any batch, ascending.
    pub fn used(&self) -> &[u32] {
        &self.used
    }

    /// Examples that are in no batch, ascending.
    pub fn unused(&self) -> impl Iterator<Item = u32> + '_ {
        let starts = std::iter::once(0).chain(self.used.iter().map(|&example| example + 1));
        let ends = self.used.iter().copied().chain([self.examples()]);
        starts.zip(ends).flat_map(|(start, end)| start..end)
    }

    /// Number of examples that are in no batch.
    pub fn unused_count(&self) -> u32 {
        self.examples() - self.used.len() as u32
    }
}

/// The fault of a number that no sample has, `value` as it was given at a place of a batch.
pub(crate) fn no_sample(batch: u32, place: u32, value: String, samples: u32) -> Invalid {
    Invalid::new(Field::BatchMember(batch, place), Kind::NoSample { value, samples })
}

fn repeated(batch: u32, list: &[u32], example: u32, order: &SampleOrder) -> Invalid {
    let mut places = (0..).zip(list).filter(|&(_, &member)| member == example);
    let mut place = || places.next().map_or(0, |(place, _)| place);
    let (first, place) = (place(), place());
    Invalid::new(
        Field::BatchMember(batch, place),
        Kind::Repeated {
            first,
            sample: order.position(example),
        },
    )
}

/// Training on the same batches in every epoch: THEORY (12), divided by the number of anchors that have a positive in their
/// batch. An anchor counts once for each of its batches; one without a positive is skipped.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct FixedBatches {
    /// The loss on each batch; [`FullBatchLoss::Population`] is none.
    pub loss: FullBatchLoss,
    /// The batches. An example is in one with all its views.
    pub batches: Arc<Batches>,
}

impl FixedBatches {
    pub(super) fn check(&self) -> Result<(), Invalid> {
        match self.loss {
            FullBatchLoss::Supcon | FullBatchLoss::Sincere | FullBatchLoss::Nscl | FullBatchLoss::Bcl => Ok(()),
            FullBatchLoss::Population => Err(Invalid::conflict(
                Field::Loss,
                format!(
                    "the loss {} is that of infinitely many samples, and fixed batches have some",
                    self.loss
                ),
                &[Word::Text("use supcon, sincere, nscl or bcl, or remove the batches")],
            )),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::problem::Classes;

    fn class_major(sizes: &[u64]) -> SampleOrder {
        SampleOrder::class_major(&Classes::from_counts(sizes).unwrap()).unwrap()
    }

    #[test]
    fn members_are_kept_by_both_numbers() {
        // Positions 0..6 have examples 2, 0, 4, 3, 1, 5.
        let order = SampleOrder::of_labels(&["b", "a", "c", "b", "a", "c"]).unwrap();
        let lists = [vec![5, 0], vec![1, 2, 0]];
        let batches = Batches::from_positions(order.clone(), lists.clone(), Unused::Ignore).unwrap();
        assert_eq!(batches.iter().collect::<Vec<_>>(), [&[5, 2][..], &[0, 4, 2]]);
        let back: Vec<Vec<i128>> = batches
            .positions()
            .map(|list| list.into_iter().map(i128::from).collect())
            .collect();
        assert_eq!(back, lists);
        assert_eq!(batches.used(), [0, 2, 4, 5]);
        assert_eq!(batches.unused().collect::<Vec<_>>(), [1, 3]);
        assert_eq!(
            (batches.smallest(), batches.largest(), batches.memberships()),
            (2, 3, 5)
        );
        let again = Batches::from_examples(order, batches.iter().map(<[u32]>::to_vec)).unwrap();
        assert_eq!(again, batches);
        // The first sample that the user would look for is position 3, though example 1 comes before example 3.
        let order = batches.order().clone();
        let error = Batches::from_positions(order, lists, Unused::Error).unwrap_err();
        assert_eq!(error.kind, Kind::Unused { sample: 3, count: 2 });
    }

    #[test]
    fn positions_and_examples_are_inverse() {
        let labels = [3, 1, 2, 1, 3, 3, 0];
        let order = SampleOrder::of_labels(&labels).unwrap();
        let by_example: Vec<i32> = (0..7).map(|example| labels[order.position(example) as usize]).collect();
        assert_eq!(by_example, [0, 1, 1, 2, 3, 3, 3]);
        for position in 0..7 {
            assert_eq!(order.position(order.example(position).unwrap()), position as u32);
        }
        assert_eq!((order.example(7), order.example(-1)), (None, None));
    }

    #[test]
    fn faults_name_batch_place_and_value() {
        for (lists, field, kind) in [
            (vec![], Field::BatchMembers, Kind::NoBatch),
            (vec![vec![0, 1], vec![]], Field::Batch(1), Kind::EmptyBatch),
            (
                vec![vec![0, 1], vec![2, 4]],
                Field::BatchMember(1, 1),
                Kind::NoSample {
                    value: "4".to_owned(),
                    samples: 4,
                },
            ),
            (
                vec![vec![0, -1]],
                Field::BatchMember(0, 1),
                Kind::NoSample {
                    value: "-1".to_owned(),
                    samples: 4,
                },
            ),
            (
                vec![vec![3, 1, 2, 1]],
                Field::BatchMember(0, 3),
                Kind::Repeated { first: 1, sample: 1 },
            ),
            (
                vec![vec![0, 1, 3]],
                Field::BatchMembers,
                Kind::Unused { sample: 2, count: 1 },
            ),
        ] {
            let error = Batches::from_positions(class_major(&[2, 2]), lists, Unused::Error).unwrap_err();
            assert_eq!((error.field, error.kind), (field, kind));
        }
    }

    #[test]
    fn samples_too_many_to_number_are_refused() {
        let classes = Classes::from_counts(&[1 << 31, 1 << 31]).unwrap();
        assert!(SampleOrder::class_major(&classes).is_err());
        // A schedule of few samples of many costs what it holds.
        let order = class_major(&[1 << 31, (1 << 31) - 1]);
        let batches = Batches::from_positions(order, [vec![0, 4_294_967_294]], Unused::Ignore).unwrap();
        assert_eq!(
            (batches.unused_count(), batches.unused().next()),
            (u32::MAX - 2, Some(1))
        );
    }
}
