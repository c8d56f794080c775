//! What batches without replacement ask of the classes, and how many combinations of examples their loss is a sum of.

use super::invalid::Word;
use super::{Classes, Field, Invalid, Kind, Measure, Partition};
use crate::math::hypergeometric::each_draw;

/// Most combinations that the loss is summed over.
const MAX_TERMS: u64 = 1_000_000;

/// Examples of one class of group `g` but for one, and of the other classes of every group, from the sizes before views.
pub(crate) fn populations(sizes: &[f64], multiplicity: &[f64], g: usize) -> Vec<u64> {
    let others = |h: usize| multiplicity[h] - f64::from(u8::from(g == h));
    let of_groups = (0..sizes.len()).map(|h| (others(h) * sizes[h]) as u64);
    std::iter::once(sizes[g] as u64 - 1).chain(of_groups).collect()
}

/// The classes can have batches of `size` different examples, and their loss can be summed.
pub(super) fn check(classes: &Classes, size: u64, views: u64) -> Result<(), Invalid> {
    if classes.measure() == Measure::Probabilities {
        return Err(Invalid::conflict(
            Field::Replacement,
            "batches without replacement are of a data set, and only probabilities are given",
            &[Word::Text("give class sizes, or draw with replacement")],
        ));
    }
    let samples: f64 = classes.runs().iter().map(|run| run.size * run.count as f64).sum();
    if size as f64 > samples {
        return Err(Invalid::conflict(
            Field::BatchSize,
            format!("a batch of {size} different examples is asked for, and there are {samples}"),
            &[Word::Text(
                "give at most as many as there are, or leave the batches out for the full batch",
            )],
        ));
    }
    let (class, least) = classes.smallest;
    if least * (views as f64) < 2.0 {
        return Err(Invalid::new(Field::Size(class), Kind::AloneInBatches));
    }
    let partition = Partition::of_classes(classes);
    check_terms(size, partition.sizes(), &partition.multiplicity_f64())
}

/// The loss of batches of `size` different examples is a sum of so few terms that it is formed.
pub(crate) fn check_terms(size: u64, sizes: &[f64], multiplicity: &[f64]) -> Result<(), Invalid> {
    let refused = || {
        let samples: f64 = sizes.iter().zip(multiplicity).map(|(n, m)| n * m).sum();
        let share = (size as f64 - 1.0) / (samples - 1.0);
        Invalid::unavailable(
            Field::Replacement,
            format!(
                "the exact loss of {size} different examples of {} different sizes, {:.1}% of the data set, a sum of more than {MAX_TERMS} combinations,",
                sizes.len(),
                100.0 * share
            ),
            &[Word::Text(
                "draw with replacement, which differs little where a batch is a small part of the data set; or give fewer different sizes, or a smaller batch",
            )],
        )
    };
    // A table for every population and number of draws is made.
    if size.saturating_mul(size).saturating_mul(sizes.len() as u64) > 100 * MAX_TERMS {
        return Err(refused());
    }
    let mut left = MAX_TERMS;
    for g in 0..sizes.len() {
        let mut used = 0;
        let whole = each_draw(&populations(sizes, multiplicity, g), size - 1, left, &mut |_, _| {
            used += 1
        });
        if !whole {
            return Err(refused());
        }
        left -= used;
    }
    Ok(())
}
