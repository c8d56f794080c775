//! The loss of trained features over all pairs of samples, exact or from a sample of anchors, by streams of rows.
//!
//! The rows of the loss are those of [`SampleLoss`](crate::objective::SampleLoss). The mean inner product `a` of an anchor
//! with its positives follows from the sum of its class, so that one pass over the rows gives, for any set of anchors,
//!
//! ```text
//! N_i = sum_N m_l e^{(g_il - a)/tau},   P_i = sum_P phi((g_ij - a)/tau),   phi(x) = e^x - 1 - x
//! supcon, population, bcl   row = log s + log1p( ((s/p) P_i + N_i)/s )
//! sincere                   row = mean_P log1p( N_i e^{(a - g_ij)/tau} )        (a second pass, over the positives)
//! nscl                      row = log N_i
//! ```
//!
//! Anchors that are drawn independently, each with its weight in the loss, give an estimate without bias: its mean over
//! draws is the loss of the full batch, and the spread of the rows gives its standard error. Random batches would be biased:
//! the logarithm of a mean over a batch is not the mean of the logarithm. The floor is known and is not estimated.

use nalgebra::DMatrix;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use super::rows::{Block, Rows, Sign, for_each_block, read_units};
use crate::error::Error;
use crate::math::control::Control;
use crate::math::spectrum::transposed_times;
use crate::math::sum::Sum;
use crate::objective::{Coefficients, MIN_SAMPLE_TEMPERATURE, expm1_and_phi};
use crate::problem::invalid::Word;
use crate::problem::{Field, FullBatchLoss, Invalid};

/// Anchors whose inner products one thread takes at a time, with so many rows.
const ANCHORS: usize = 32;
const ROWS: usize = 512;

/// Numbers in the vectors of the anchors of one pass: 64 MB.
const VECTORS: usize = 1 << 23;

/// Pairs of samples of an estimate: half as many as the exact loss of 20,000 samples has.
const PAIRS: f64 = 2e8;

/// Fewest anchors of an estimate.
const FEWEST: usize = 200;

/// The classes of a loss over samples.
#[derive(Debug, Clone)]
pub(crate) struct Form {
    loss: FullBatchLoss,
    temperature: f64,
    classes: Vec<OfClass>,
}

#[derive(Debug, Clone)]
struct OfClass {
    size: f64,
    /// Anchor weight of one sample; 0 for a sample that is no anchor.
    weight: f64,
    positives: f64,
    /// Mass of the positives once they coincide.
    base: f64,
    /// Mass of one sample for anchors of other classes.
    mass: f64,
}

/// The loss of trained features, less the floor.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Excess {
    /// In nats; the loss itself where there is no floor.
    pub(crate) value: f64,
    /// Of an estimate.
    pub(crate) standard_error: Option<f64>,
    /// Anchors that were met.
    pub(crate) anchors: u64,
}

impl Form {
    /// `coefficients` are those of single classes, and `sizes` the samples of each.
    pub(crate) fn new(loss: FullBatchLoss, coefficients: &Coefficients, sizes: &[u64]) -> Result<Self, Invalid> {
        if coefficients.temperature < MIN_SAMPLE_TEMPERATURE {
            return Err(Invalid::unavailable(
                Field::Temperature,
                format!(
                    "the loss of single samples at temperature {} (at least {MIN_SAMPLE_TEMPERATURE} is possible)",
                    coefficients.temperature
                ),
                &[Word::Text("give the temperature of the training")],
            ));
        }
        let classes = sizes.iter().enumerate().map(|(c, &size)| {
            let size = size as f64;
            OfClass {
                size,
                weight: coefficients.weight[c] / size,
                positives: if loss.needs_positive() { size - 1.0 } else { size },
                base: coefficients.base[c],
                mass: coefficients.column[c] / size,
            }
        });
        Ok(Self {
            loss,
            temperature: coefficients.temperature,
            classes: classes.collect(),
        })
    }

    /// Weight of all anchors: 1, or less where some count as zero.
    fn total_weight(&self) -> f64 {
        self.classes.iter().map(|class| class.weight * class.size).sum()
    }

    /// The exact loss, in as many passes as the vectors of all anchors need.
    pub(crate) fn exact(
        &self,
        rows: &mut dyn Rows,
        classes: &[u32],
        means: &DMatrix<f64>,
        control: &Control,
    ) -> Result<Excess, Error> {
        let dimension = rows.dimension();
        let at_once = (VECTORS / dimension).clamp(1, classes.len());
        let mut total = Sum::default();
        let mut met = 0;
        for first in (0..classes.len()).step_by(at_once) {
            let indices: Vec<usize> = (first..classes.len().min(first + at_once)).collect();
            let mut vectors = DMatrix::zeros(dimension, indices.len());
            read_units(rows, Sign::Any, first, vectors.as_mut_slice())?;
            let mut anchors = Anchors::new(self, indices, vectors, classes, means);
            for_each_block(rows, Sign::Any, "pairs of samples: rows", control, |block| {
                anchors.meet(&block, classes);
            })?;
            for (row, weight) in anchors.rows(rows, classes, control)?.into_iter().zip(anchors.weights()) {
                if weight > 0.0 {
                    met += 1;
                    total.add(weight * row);
                }
            }
        }
        Ok(Excess {
            value: total.value(),
            standard_error: None,
            anchors: met,
        })
    }

    /// Rows of so many anchors, drawn independently with their weights; ascending.
    pub(crate) fn draw(&self, classes: &[u32], dimension: usize, seed: u64) -> Vec<usize> {
        let wanted = (PAIRS / classes.len() as f64) as usize;
        let count = wanted.min(2 * VECTORS / dimension).max(FEWEST);
        // Samples in the order of their classes.
        let mut starts = vec![0usize; self.classes.len() + 1];
        for (c, class) in self.classes.iter().enumerate() {
            starts[c + 1] = starts[c] + class.size as usize;
        }
        let mut by_class = vec![0u32; classes.len()];
        let mut next = starts.clone();
        for (row, &class) in (0..).zip(classes) {
            by_class[next[class as usize]] = row;
            next[class as usize] += 1;
        }
        let mut below = Vec::with_capacity(self.classes.len());
        let mut sum = Sum::default();
        for class in &self.classes {
            sum.add(class.weight * class.size);
            below.push(sum.value());
        }
        let mut generator = ChaCha8Rng::seed_from_u64(seed);
        let mut uniform = || (generator.next_u64() >> 11) as f64 * 2f64.powi(-53);
        let mut drawn: Vec<usize> = (0..count)
            .map(|_| {
                let at = uniform() * sum.value();
                let class = below.partition_point(|&end| end <= at).min(below.len() - 1);
                let size = starts[class + 1] - starts[class];
                let inside = ((uniform() * size as f64) as usize).min(size - 1);
                by_class[starts[class] + inside] as usize
            })
            .collect();
        drawn.sort_unstable();
        drawn
    }

    /// The mean over drawn anchors, and its standard error.
    pub(crate) fn estimate(&self, values: &[f64]) -> Excess {
        let count = values.len() as f64;
        let mean = |terms: &mut dyn Iterator<Item = f64>| {
            let mut sum = Sum::default();
            terms.for_each(|term| sum.add(term));
            sum.value()
        };
        let average = mean(&mut values.iter().copied()) / count;
        let squares = mean(&mut values.iter().map(|value| (value - average).powi(2)));
        let weight = self.total_weight();
        Excess {
            value: weight * average,
            standard_error: Some(weight * (squares / (count - 1.0) / count).sqrt()),
            anchors: values.len() as u64,
        }
    }
}

/// Some anchors, and what they have met.
pub(crate) struct Anchors<'a> {
    form: &'a Form,
    /// Their rows, ascending.
    indices: Vec<usize>,
    classes: Vec<u32>,
    /// d x A.
    vectors: DMatrix<f64>,
    /// Mean inner product with the positives.
    means: Vec<f64>,
    negatives: Vec<Sum>,
    /// Over the positives: of `phi`, or for sincere, in the second pass, of the logarithms.
    positives: Vec<Sum>,
}

/// Copies the rows of `indices`, ascending, from blocks that pass by, into columns.
pub(crate) struct Collector {
    indices: Vec<usize>,
    next: usize,
    vectors: DMatrix<f64>,
}

impl Collector {
    pub(crate) fn new(indices: Vec<usize>, dimension: usize) -> Self {
        let vectors = DMatrix::zeros(dimension, indices.len());
        let next = 0;
        Self { indices, next, vectors }
    }

    pub(crate) fn see(&mut self, block: &Block<'_>) {
        let dimension = self.vectors.nrows();
        let rows = block.values.len() / dimension;
        while let Some(&index) = self.indices.get(self.next).filter(|&&index| index < block.first + rows) {
            let row = &block.values[(index - block.first) * dimension..][..dimension];
            self.vectors.column_mut(self.next).copy_from_slice(row);
            self.next += 1;
        }
    }

    pub(crate) fn anchors<'a>(self, form: &'a Form, classes: &[u32], means: &DMatrix<f64>) -> Anchors<'a> {
        Anchors::new(form, self.indices, self.vectors, classes, means)
    }
}

impl<'a> Anchors<'a> {
    fn new(
        form: &'a Form,
        indices: Vec<usize>,
        vectors: DMatrix<f64>,
        labels: &[u32],
        class_means: &DMatrix<f64>,
    ) -> Self {
        let classes: Vec<u32> = indices.iter().map(|&index| labels[index]).collect();
        let means = (0..indices.len())
            .map(|i| {
                let class = &form.classes[classes[i] as usize];
                let vector = vectors.column(i);
                let of_class = class.size * vector.dot(&class_means.column(classes[i] as usize));
                let own = if form.loss.needs_positive() {
                    vector.norm_squared()
                } else {
                    0.0
                };
                (of_class - own) / class.positives
            })
            .collect();
        let sums = vec![Sum::default(); indices.len()];
        Self {
            form,
            indices,
            classes,
            vectors,
            means,
            negatives: sums.clone(),
            positives: sums,
        }
    }

    fn weights(&self) -> impl Iterator<Item = f64> + '_ {
        self.classes
            .iter()
            .map(|&class| self.form.classes[class as usize].weight)
    }

    /// Adds the samples of a block to the sums of every anchor, in their order.
    pub(crate) fn meet(&mut self, block: &Block<'_>, labels: &[u32]) {
        let form = self.form;
        let rate = 1.0 / form.temperature;
        let mass: Vec<f64> = form.classes.iter().map(|class| class.mass).collect();
        let spread = matches!(
            form.loss,
            FullBatchLoss::Supcon | FullBatchLoss::Population | FullBatchLoss::Bcl
        );
        self.each(block, labels, |anchor, products, first, labels| {
            let (mut negatives, mut positives) = (0.0, 0.0);
            for ((&g, &label), row) in products.iter().zip(labels).zip(first..) {
                let delta = (g - anchor.mean) * rate;
                if label != anchor.class {
                    negatives += mass[label as usize] * delta.exp();
                } else if spread && (row != anchor.index || !form.loss.needs_positive()) {
                    positives += expm1_and_phi(delta).1;
                }
            }
            anchor.negatives.add(negatives);
            anchor.positives.add(positives);
        });
    }

    /// Calls `visit` for every anchor with its inner products with some rows, the first of them, and their labels.
    fn each(&mut self, block: &Block<'_>, labels: &[u32], visit: impl Fn(&mut Met<'_>, &[f64], usize, &[u32]) + Sync) {
        let dimension = self.vectors.nrows();
        let rows = block.values.len() / dimension;
        let vectors = &self.vectors;
        let chunks = self
            .negatives
            .par_chunks_mut(ANCHORS)
            .zip(self.positives.par_chunks_mut(ANCHORS))
            .enumerate();
        let (classes, indices, means) = (&self.classes, &self.indices, &self.means);
        let form = self.form;
        chunks.for_each(|(chunk, (negatives, positives))| {
            let start = chunk * ANCHORS;
            let wanted = |i: usize| form.classes[classes[i] as usize].weight > 0.0;
            if !(start..start + negatives.len()).any(wanted) {
                return;
            }
            let own = &vectors.as_slice()[start * dimension..(start + negatives.len()) * dimension];
            let mut products = vec![0.0; ROWS * negatives.len()];
            // Rows of the product are samples.
            for from in (0..rows).step_by(ROWS) {
                let here = ROWS.min(rows - from);
                let values = &block.values[from * dimension..(from + here) * dimension];
                let products = &mut products[..here * negatives.len()];
                transposed_times(dimension, values, own, products);
                let first = block.first + from;
                for (i, products) in products.chunks_exact(here).enumerate() {
                    let at = start + i;
                    if wanted(at) {
                        let mut met = Met {
                            index: indices[at],
                            class: classes[at],
                            mean: means[at],
                            negatives: &mut negatives[i],
                            positives: &mut positives[i],
                        };
                        visit(&mut met, products, first, &labels[first..first + here]);
                    }
                }
            }
        });
    }

    /// The row of every anchor above its floor, after it has met all rows; 0 for what is no anchor. Sincere needs a pass over
    /// the positives.
    pub(crate) fn rows(&mut self, rows: &mut dyn Rows, labels: &[u32], control: &Control) -> Result<Vec<f64>, Error> {
        let form = self.form;
        if form.loss == FullBatchLoss::Sincere {
            let rate = 1.0 / form.temperature;
            for_each_block(rows, Sign::Any, "positives: rows", control, |block| {
                self.each(&block, labels, |anchor, products, first, labels| {
                    let negatives = anchor.negatives.value();
                    let mut sum = 0.0;
                    for ((&g, &label), row) in products.iter().zip(labels).zip(first..) {
                        if label == anchor.class && row != anchor.index {
                            sum += (negatives * ((anchor.mean - g) * rate).exp()).ln_1p();
                        }
                    }
                    anchor.positives.add(sum);
                });
            })?;
        }
        let row = |i: usize| {
            let class = &form.classes[self.classes[i] as usize];
            let (negatives, positives) = (self.negatives[i].value(), self.positives[i].value());
            match form.loss {
                _ if class.weight == 0.0 => 0.0,
                FullBatchLoss::Nscl => negatives.ln(),
                FullBatchLoss::Sincere => positives / class.positives,
                FullBatchLoss::Supcon | FullBatchLoss::Population | FullBatchLoss::Bcl => {
                    (positives / class.positives + negatives / class.base).ln_1p()
                }
            }
        };
        Ok((0..self.indices.len()).map(row).collect())
    }
}

/// One anchor and its sums.
struct Met<'a> {
    index: usize,
    class: u32,
    mean: f64,
    negatives: &'a mut Sum,
    positives: &'a mut Sum,
}
