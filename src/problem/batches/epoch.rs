//! [`epoch`]: the batches of one epoch of training, drawn without replacement.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::{Batches, Unused};
use crate::problem::order::SampleOrder;
use crate::problem::{Classes, Field, Invalid, Kind};

/// How an epoch is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EpochSettings {
    /// Examples in a batch, at least 1.
    pub size: u64,
    /// Seed of the ChaCha8 generator.
    pub seed: u64,
    /// Whether every batch has each class in its share of the data, to within less than two examples. If not, the order is
    /// uniform.
    pub stratified: bool,
    /// Whether a last batch of fewer examples is left out.
    pub drop_last: bool,
}

/// One epoch of batches: every example once, but for those of a last batch that is dropped. Equal settings give equal
/// batches on every machine.
///
/// # Errors
/// [`Invalid`] for a size of 0, or one above the number of examples if the last batch is dropped.
pub fn epoch(classes: &Classes, order: &SampleOrder, settings: &EpochSettings) -> Result<Batches, Invalid> {
    let mut random = ChaCha8Rng::seed_from_u64(settings.seed);
    let examples = order.examples();
    let size = usize::try_from(settings.size).unwrap_or(usize::MAX);
    if size == 0 {
        return Err(Invalid::new(Field::BatchSize, Kind::TooSmall { value: 0, least: 1 }));
    }
    if settings.drop_last && settings.size > examples.into() {
        let value = settings.size.to_string();
        let (least, most) = (1.0, f64::from(examples));
        return Err(Invalid::new(Field::BatchSize, Kind::Range { value, least, most }));
    }
    let drawn = if settings.stratified {
        stratified(classes, examples, &mut random)
    } else {
        let mut drawn: Vec<u32> = (0..examples).collect();
        drawn.shuffle(&mut random);
        drawn
    };
    let mut lists: Vec<Vec<u32>> = drawn.chunks(size).map(<[u32]>::to_vec).collect();
    if settings.drop_last && lists.last().is_some_and(|last| last.len() < size) {
        lists.pop();
    }
    if settings.stratified {
        // Where in an epoch a class comes is its share's doing, not chance; the order of the batches may be chance.
        let whole = lists.iter().filter(|list| list.len() == size).count();
        lists[..whole].shuffle(&mut random);
        lists.iter_mut().for_each(|list| list.shuffle(&mut random));
    }
    let positions = lists.into_iter().map(|list| {
        list.into_iter()
            .map(|example| i128::from(order.position(example)))
            .collect::<Vec<_>>()
    });
    Batches::from_positions(order.clone(), positions.collect::<Vec<_>>(), Unused::Ignore)
}

/// All examples, such that among the first `t` every class has `t n_c / n` examples to within less than one, for every `t`.
///
/// The `r`-th example of a class must come after `(r - 1) n / n_c` draws, and by `ceil(r n / n_c)`. Windows of this kind can
/// always be met, and are by taking what is due first.
fn stratified(classes: &Classes, examples: u32, random: &mut ChaCha8Rng) -> Vec<u32> {
    let sizes: Vec<u64> = classes.sizes().map(|size| size as u64).collect();
    let n = u64::from(examples);
    let starts: Vec<u64> = sizes
        .iter()
        .scan(0, |end, &size| Some(std::mem::replace(end, *end + size)))
        .collect();
    let mut members: Vec<u32> = (0..examples).collect();
    for (&start, &size) in starts.iter().zip(&sizes) {
        members[start as usize..(start + size) as usize].shuffle(random);
    }
    let release = |class: usize, rank: u64| (rank - 1) * n / sizes[class] + 1;
    let due = |class: usize, rank: u64| (rank * n).div_ceil(sizes[class]);
    // Chance decides between classes that are due at the same time.
    let tie: Vec<u32> = sizes.iter().map(|_| random.random()).collect();
    let mut waiting: BinaryHeap<Reverse<(u64, u32, usize, u64)>> = (0..sizes.len())
        .map(|class| Reverse((1, tie[class], class, 1)))
        .collect();
    let mut ready: BinaryHeap<Reverse<(u64, u32, usize, u64)>> = BinaryHeap::new();
    let mut drawn = Vec::with_capacity(members.len());
    for time in 1..=n {
        while let Some(&Reverse((from, tie, class, rank))) = waiting.peek() {
            if from > time {
                break;
            }
            waiting.pop();
            ready.push(Reverse((due(class, rank), tie, class, rank)));
        }
        let Reverse((_, tie, class, rank)) = ready.pop().expect("at every time an example may be drawn");
        drawn.push(members[(starts[class] + rank - 1) as usize]);
        if rank < sizes[class] {
            // The next of the class is released later, even if it is late already.
            waiting.push(Reverse((release(class, rank + 1), tie, class, rank + 1)));
        }
    }
    drawn
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::problem::Run;

    #[test]
    fn every_stretch_from_the_start_has_the_shares() {
        for sizes in [
            vec![1, 1],
            vec![7, 3, 3, 1],
            vec![100, 10, 10, 1, 1, 1],
            vec![13, 13, 13],
            (1..40).collect(),
        ] {
            let runs = sizes.iter().map(|&size| Run {
                size: f64::from(size),
                count: 1,
            });
            let classes = Classes::from_runs(runs).unwrap();
            let class_of: Vec<u32> = classes.class_of_examples().collect();
            let n: i32 = sizes.iter().sum();
            for seed in 0..20 {
                let drawn = stratified(&classes, n as u32, &mut ChaCha8Rng::seed_from_u64(seed));
                let mut counts = vec![0; sizes.len()];
                for (time, &example) in (1..).zip(&drawn) {
                    counts[class_of[example as usize] as usize] += 1;
                    for (count, size) in counts.iter().zip(&sizes) {
                        let away: i32 = n * count - time * size;
                        assert!(away.abs() < n, "{sizes:?}: {count} of {size} after {time}");
                    }
                }
                let mut sorted = drawn;
                sorted.sort_unstable();
                assert!(sorted.into_iter().eq(0..n as u32));
            }
        }
    }
}
