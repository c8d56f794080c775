//! [`Cells`]: which samples of a fixed schedule are alike, THEORY 6.
//!
//! The loss (12) does not change when samples of one class that are in the same batches are exchanged. They form a cell: the
//! optimum is constant on cells, though its samples need not coincide. Views of one example are in one cell.

/// The cells of a schedule, by class and then by the batches they are in.
#[derive(Debug, Clone, PartialEq)]
pub struct Cells {
    /// Class of every cell.
    classes: Vec<u32>,
    /// Samples of every cell: examples times views.
    samples: Vec<f64>,
    /// Cell of every example, class-major; [`UNUSED`] for one in no batch.
    cell_of: Vec<u32>,
    /// Cells of every batch, ascending.
    batches: Vec<Vec<u32>>,
    views: u64,
}

/// The cell of an example that is in no batch.
pub const UNUSED: u32 = u32::MAX;

impl Cells {
    /// The cells of batches of examples, which are numbered class-major: class `c` has `sizes[c]` of them. A batch holds no
    /// example twice.
    ///
    /// # Panics
    /// For an example that no class has.
    pub fn new<'a>(sizes: &[u64], batches: impl Iterator<Item = &'a [u32]> + Clone, views: u64) -> Self {
        let examples: u64 = sizes.iter().sum();
        let mut batches_of: Vec<Vec<u32>> = vec![Vec::new(); examples as usize];
        for (index, batch) in batches.clone().enumerate() {
            for &example in batch {
                batches_of[example as usize].push(index as u32);
            }
        }
        let mut cell_of = vec![UNUSED; examples as usize];
        let mut classes = Vec::new();
        let mut samples = Vec::new();
        let mut start = 0usize;
        for (class, &size) in sizes.iter().enumerate() {
            let end = start + size as usize;
            let mut order: Vec<usize> = (start..end).filter(|&example| !batches_of[example].is_empty()).collect();
            order.sort_by(|&a, &b| batches_of[a].cmp(&batches_of[b]));
            let mut last: Option<usize> = None;
            for example in order {
                if last.is_none_or(|last| batches_of[last] != batches_of[example]) {
                    classes.push(class as u32);
                    samples.push(0.0);
                }
                last = Some(example);
                cell_of[example] = (classes.len() - 1) as u32;
                samples[classes.len() - 1] += views as f64;
            }
            start = end;
        }
        let batches = batches
            .map(|batch| {
                let mut cells: Vec<u32> = batch.iter().map(|&example| cell_of[example as usize]).collect();
                cells.sort_unstable();
                cells.dedup();
                cells
            })
            .collect();
        Self {
            classes,
            samples,
            cell_of,
            batches,
            views,
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

    /// Cell of an example, class-major; `None` where it is in no batch.
    pub fn cell_of(&self, example: usize) -> Option<u32> {
        Some(self.cell_of[example]).filter(|&cell| cell != UNUSED)
    }

    /// Views of one example.
    pub fn views(&self) -> u64 {
        self.views
    }
}
