//! [`BatchMean`]: the mean over random batches of the mean over their active anchors, by drawing batches.
//!
//! Libraries of metric learning divide the loss of a batch by the number of its anchors that have a positive, batch by batch,
//! and a training log shows the mean of that. The ratio of the means, THEORY (11), is another number: a batch with few
//! active anchors counts as much as one with many.

use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use crate::gram::Gram;
use crate::problem::{BatchLoss, Problem, Sampling, Training};

/// Examples that are drawn in all, and batches at most and at least.
const DRAWS: u64 = 4_000_000;
const MOST: u64 = 20_000;
const LEAST: u64 = 100;

/// Above this many examples a data set is not listed.
const MAX_EXAMPLES: f64 = 1e9;

/// The mean over batches of a mean over anchors, from batches that were drawn.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct BatchMean {
    /// The mean, in nats.
    pub mean: f64,
    /// Standard error of it.
    pub standard_error: f64,
    /// Batches that were drawn, always the same ones; one without an active anchor has the loss 0.
    pub batches: u64,
}

/// The mean at a Gram matrix of the classes of `problem`; `None` but for random batches of a feasible size with one view,
/// and where every anchor has a positive, so that it is the loss.
pub fn batch_mean(problem: &Problem, gram: &Gram) -> Option<BatchMean> {
    let model = problem.model();
    let &Training::Sampled(
        ref sampling @ Sampling::RandomBatches {
            loss,
            size,
            replacement,
            ..
        },
    ) = &model.training
    else {
        return None;
    };
    let batches = (DRAWS / size).min(MOST);
    if model.views > 1 || batches < LEAST {
        return None;
    }
    let partition = gram.partition();
    let (sizes, multiplicity) = (partition.sizes(), partition.multiplicity_f64());
    let probabilities = sampling.probabilities(sizes, &multiplicity);
    let examples: f64 = sizes.iter().zip(&multiplicity).map(|(n, m)| n * m).sum();
    if !replacement && examples > MAX_EXAMPLES {
        return None;
    }
    // Ends of the groups on a line of which a draw is a point: of length 1, or of an example each.
    let mut end = 0.0;
    let ends: Vec<f64> = (0..sizes.len())
        .map(|g| {
            end += multiplicity[g] * if replacement { probabilities[g] } else { sizes[g] };
            end
        })
        .collect();
    let each = |g: usize| if replacement { probabilities[g] } else { sizes[g] };
    // The group and the class of a point.
    let owner = |at: f64| -> (usize, u64) {
        let g = ends.partition_point(|&end| end <= at).min(sizes.len() - 1);
        let start = if g == 0 { 0.0 } else { ends[g - 1] };
        let class = ((at - start) / each(g)).floor().clamp(0.0, multiplicity[g] - 1.0);
        (g, class as u64)
    };
    let mut generator = ChaCha8Rng::seed_from_u64(0);
    let (mut sum, mut squares) = (0.0, 0.0);
    for _ in 0..batches {
        let mut members: Vec<(usize, u64)> = if replacement {
            (0..size).map(|_| owner(generator.random::<f64>() * end)).collect()
        } else {
            different(examples as u64, size, &mut generator)
                .into_iter()
                .map(|example| owner(example as f64 + 0.5))
                .collect()
        };
        members.sort_unstable();
        let counts: Vec<(usize, f64)> = members
            .chunk_by(|a, b| a == b)
            .map(|c| (c[0].0, c.len() as f64))
            .collect();
        let value = of_batch(&counts, gram, model.temperature, loss);
        sum += value;
        squares += value * value;
    }
    let count = batches as f64;
    let mean = sum / count;
    Some(BatchMean {
        mean,
        standard_error: ((squares / count - mean * mean).max(0.0) / count).sqrt(),
        batches,
    })
}

/// So many different numbers below `end`, all sets alike: Floyd's method.
fn different(end: u64, count: u64, generator: &mut impl Rng) -> Vec<u64> {
    let mut found = std::collections::HashSet::with_capacity(count as usize);
    for last in end - count..end {
        let drawn = generator.random_range(0..=last);
        if !found.insert(drawn) {
            found.insert(last);
        }
    }
    found.into_iter().collect()
}

/// The mean over the active anchors of a batch with so many examples of one class each of these groups.
fn of_batch(counts: &[(usize, f64)], gram: &Gram, temperature: f64, loss: BatchLoss) -> f64 {
    // What a class is in the sum of another: its examples, or itself.
    let mass = |count: f64| match loss {
        BatchLoss::Bcl => 1.0,
        BatchLoss::Supcon | BatchLoss::Sincere | BatchLoss::Nscl => count,
    };
    let mut groups: Vec<(usize, f64)> = Vec::new();
    for &(g, count) in counts {
        match groups.last_mut() {
            Some((last, total)) if *last == g => *total += mass(count),
            _ => groups.push((g, mass(count))),
        }
    }
    let u = |g: usize, h: usize| ((gram.between(g, h) - 1.0) / temperature).exp();
    let (mut total, mut anchors) = (0.0, 0.0);
    // The group of the last anchor, what other groups are in its sum, and the mass of its own.
    let mut of_group = (usize::MAX, 0.0, 0.0);
    for &(g, count) in counts.iter().filter(|(_, count)| *count >= 2.0) {
        if of_group.0 != g {
            let own = groups.iter().find(|(h, _)| *h == g).map_or(0.0, |(_, mass)| *mass);
            let elsewhere = groups.iter().filter(|(h, _)| *h != g);
            of_group = (g, elsewhere.map(|&(h, mass)| mass * u(g, h)).sum(), own);
        }
        let (_, elsewhere, own) = of_group;
        let alike = own - mass(count);
        let negatives = elsewhere + if alike > 0.0 { alike * u(g, g) } else { 0.0 };
        let base = match loss {
            BatchLoss::Supcon => count - 1.0,
            BatchLoss::Sincere | BatchLoss::Bcl => 1.0,
            // An anchor without a negative is skipped.
            BatchLoss::Nscl if negatives == 0.0 => continue,
            BatchLoss::Nscl => 0.0,
        };
        total += count * (base + negatives).ln();
        anchors += count;
    }
    if anchors == 0.0 { 0.0 } else { total / anchors }
}
