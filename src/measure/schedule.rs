//! What the optimum of a fixed schedule of batches says of classes and of single samples: their means, how far samples are from
//! them, and inner products in the order in which the user numbers the samples.

use nalgebra::DMatrix;

use crate::gram::{Gram, Partition};
use crate::problem::{Batches, Problem, Training};
use crate::solve::Solved;

/// Means of the samples of every class that are in batches.
#[derive(Debug, Clone)]
pub struct ClassMeans {
    /// Cosines between the (uncentred) means, every class by itself.
    pub gram: Gram,
    /// Mean inner product of two different samples of each class.
    pub within: Vec<f64>,
    /// Mean square distance of the samples of each class from their mean.
    pub spread: Vec<f64>,
}

impl ClassMeans {
    /// Those of a solved problem; `None` where it has no fixed batches.
    pub fn new(problem: &Problem, solved: &Solved) -> Option<Self> {
        let cells = &solved.schedule.as_ref()?.cells;
        let shared = solved.certificate.gram.factor()?.shared();
        let classes = problem.classes().count() as usize;
        let mut means = DMatrix::zeros(shared.nrows(), classes);
        let mut counts = vec![0.0; classes];
        for ((column, &class), &samples) in shared.column_iter().zip(cells.classes()).zip(cells.samples()) {
            let mut mean = means.column_mut(class as usize);
            mean.axpy(samples, &column, 1.0);
            counts[class as usize] += samples;
        }
        let (mut within, mut spread) = (Vec::with_capacity(classes), Vec::with_capacity(classes));
        for (mut mean, n) in means.column_iter_mut().zip(counts) {
            mean /= n;
            let square = mean.norm_squared();
            within.push(if n < 2.0 {
                1.0
            } else {
                ((n * square - 1.0) / (n - 1.0)).clamp(-1.0, 1.0)
            });
            spread.push((1.0 - square).max(0.0));
            if square > 0.0 {
                mean /= square.sqrt();
            }
        }
        let cosines = means.transpose() * &means;
        Some(Self {
            gram: Gram::from_groups(Partition::singletons(problem), cosines),
            within,
            spread,
        })
    }
}

/// The inner products of the classes: those of their means where batches are fixed.
pub fn class_gram(problem: &Problem, solved: &Solved) -> Gram {
    ClassMeans::new(problem, solved).map_or_else(|| solved.certificate.gram.clone(), |means| means.gram)
}

/// The batches of a problem, if they are fixed.
pub fn batches(problem: &Problem) -> Option<&Batches> {
    match &problem.model().training {
        Training::FixedBatches(fixed) => Some(&fixed.batches),
        Training::FullBatch(_) | Training::Sampled(_) => None,
    }
}

/// Points of the Gram matrix of a schedule in the user's order of the samples that are used: by their numbers, the views of
/// one together.
pub fn sample_order(batches: &Batches, views: u64) -> Vec<usize> {
    let mut places: Vec<usize> = (0..batches.used().len()).collect();
    places.sort_by_key(|&place| batches.order().position(batches.used()[place]));
    let views = views as usize;
    places
        .into_iter()
        .flat_map(|place| place * views..(place + 1) * views)
        .collect()
}

/// The cell of every sample that is used, in the user's order; `None` where batches are not fixed.
pub fn sample_cells(problem: &Problem, gram: &Gram) -> Option<Vec<u64>> {
    let order = sample_order(batches(problem)?, problem.model().views);
    let cell = |point: &usize| gram.partition().group_of(*point as u64) as u64;
    Some(order.iter().map(cell).collect())
}

/// Inner products of the samples that are used, in the user's order.
pub fn sample_gram(problem: &Problem, gram: &Gram) -> Option<DMatrix<f64>> {
    let order = sample_order(batches(problem)?, problem.model().views);
    let entry = |i: usize, j: usize| gram.entry(order[i] as u64, order[j] as u64);
    Some(DMatrix::from_fn(order.len(), order.len(), entry))
}
