//! [`Cells`]: which samples of a fixed schedule are alike, THEORY 6.
//!
//! The loss (12) does not change when samples of one class that are in the same batches are exchanged. They form a cell: the
//! optimum is constant on cells, though its samples need not coincide. Views of one example are in one cell.

use serde::{Deserialize, Serialize};

use crate::problem::{Batches, Classes, Partition};

/// The cells of a schedule, by class and then by the batches they are in. Examples in no batch are in no cell.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Cells {
    /// Class of every cell.
    classes: Vec<u32>,
    /// Samples of every cell: examples times views.
    samples: Vec<f64>,
    /// Cell of every example that is used, in the order of [`Batches::used`].
    cell_of: Vec<u32>,
    /// Cells of every batch, ascending.
    batches: Vec<Vec<u32>>,
    views: u64,
}

impl Cells {
    /// The cells of a schedule for these classes, each example with so many views.
    pub fn new(classes: &Classes, batches: &Batches, views: u64) -> Self {
        let used = batches.used();
        let place = |example: u32| used.binary_search(&example).expect("a member of a batch is used");
        let mut batches_of: Vec<Vec<u32>> = vec![Vec::new(); used.len()];
        let by_place: Vec<Vec<usize>> = batches
            .iter()
            .map(|batch| batch.iter().map(|&example| place(example)).collect())
            .collect();
        for (index, batch) in (0..).zip(&by_place) {
            for &place in batch {
                batches_of[place].push(index);
            }
        }
        let mut result = Self {
            classes: Vec::new(),
            samples: Vec::new(),
            cell_of: vec![0; used.len()],
            batches: Vec::new(),
            views,
        };
        let (mut start, mut first) = (0usize, 0u64);
        for (class, size) in (0..).zip(classes.sizes()) {
            first += size as u64;
            let end = start + used[start..].partition_point(|&example| u64::from(example) < first);
            result.split(class, start..end, &batches_of);
            start = end;
        }
        result.batches = by_place
            .into_iter()
            .map(|batch| {
                let mut cells: Vec<u32> = batch.into_iter().map(|place| result.cell_of[place]).collect();
                cells.sort_unstable();
                cells.dedup();
                cells
            })
            .collect();
        result
    }

    /// Cells of the examples of one class, by their batches.
    fn split(&mut self, class: u32, places: std::ops::Range<usize>, batches_of: &[Vec<u32>]) {
        let mut order: Vec<usize> = places.collect();
        order.sort_by(|&a, &b| batches_of[a].cmp(&batches_of[b]));
        let mut last: Option<usize> = None;
        for place in order {
            if last.is_none_or(|last| batches_of[last] != batches_of[place]) {
                self.classes.push(class);
                self.samples.push(0.0);
            }
            last = Some(place);
            self.cell_of[place] = (self.classes.len() - 1) as u32;
            self.samples[self.classes.len() - 1] += self.views as f64;
        }
    }

    /// Number of cells.
    pub fn count(&self) -> usize {
        self.classes.len()
    }

    /// Class of every cell.
    pub fn classes(&self) -> &[u32] {
        &self.classes
    }

    /// Samples of every cell: examples times views.
    pub fn samples(&self) -> &[f64] {
        &self.samples
    }

    /// Cells of every batch, ascending.
    pub fn batches(&self) -> &[Vec<u32>] {
        &self.batches
    }

    /// Cell of every example that is used, in the order of [`Batches::used`].
    pub fn of_used(&self) -> &[u32] {
        &self.cell_of
    }

    /// Views of one example.
    pub fn views(&self) -> u64 {
        self.views
    }

    /// Samples that are used, class-major, by their cells. A point of it is a sample, not a class.
    pub fn partition(&self) -> Partition {
        let runs = self.cell_of.iter().map(|&cell| (self.views, cell));
        Partition::from_runs(runs, vec![1.0; self.count()])
    }
}
