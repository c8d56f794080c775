//! Exact symmetry reduction and its inverse, THEORY (1).
//!
//! The loss is convex and invariant under permutations of the samples of a class, and of classes of equal size. Averaging
//! a Gram matrix over these permutations keeps it feasible and does not raise the loss, so the minimum is attained at an
//! invariant matrix, which [`Program`] describes by one number an orbit: the entries of a [`Layout`].
//!
//! Positive semidefiniteness of the invariant matrix is that of small blocks. With `p_g = x_gg + (1 - x_gg)/n_g` for the
//! within-class entry `x_gg` of a class of `n_g` samples and multiplicities `m_g`, in the well-scaled congruent form:
//!
//! ```text
//! 1 - x_gg >= 0                                         (n_g >= 2)
//! p_g - M_gg >= 0                                       (m_g >= 2)
//! [ M_gg + (p_g - M_gg)/m_g on the diagonal, M_gh off it ]  PSD, r x r
//! ```

use std::sync::OnceLock;

use nalgebra::DMatrix;

use crate::error::Error;
use crate::gram::cells::Cells;
use crate::gram::entries::Entries;
use crate::gram::{Gram, Partition};
use crate::objective::{
    CellLoss, ClassLevel, Coefficients, Layout, LogSumExp, Objective, Sampled, coefficients, within_class_samples,
};
use crate::problem::invalid::Word;
use crate::problem::{Field, FixedBatches, FullBatch, Invalid, Problem, Sampling, Training};

/// A problem reduced by equal class sizes, by what it is trained on.
#[derive(Debug)]
pub enum Reduced<'a> {
    /// A full batch.
    FullBatch(Program<'a>),
    /// Draws.
    Sampled(SampledProgram<'a>),
    /// The same batches in every epoch.
    FixedBatches(FixedProgram<'a>),
}

impl<'a> Reduced<'a> {
    /// The reduction of `problem`.
    ///
    /// # Errors
    /// [`Error::Invalid`] for fixed batches in which a class has no positive, [`Error::TooLarge`] for too many pairs.
    pub fn new(problem: &'a Problem) -> Result<Self, Error> {
        Ok(match &problem.model().training {
            Training::FullBatch(full) => Self::FullBatch(Program::new(problem, full)),
            Training::Sampled(sampling) => Self::Sampled(SampledProgram {
                problem,
                sampling,
                partition: Partition::by_size(problem),
                objective: OnceLock::new(),
            }),
            Training::FixedBatches(fixed) => Self::FixedBatches(FixedProgram::new(problem, fixed)?),
        })
    }

    /// The problem.
    pub fn problem(&self) -> &'a Problem {
        match self {
            Self::FullBatch(program) => program.problem,
            Self::Sampled(program) => program.problem,
            Self::FixedBatches(program) => program.problem,
        }
    }

    /// Which class belongs to which group.
    pub fn partition(&self) -> &Partition {
        match self {
            Self::FullBatch(program) => &program.partition,
            Self::Sampled(program) => &program.partition,
            Self::FixedBatches(program) => &program.partition,
        }
    }

    /// Number of groups `r`.
    pub fn groups(&self) -> usize {
        self.partition().groups()
    }

    /// Whether entries are bounded below by zero.
    pub fn nonnegative(&self) -> bool {
        self.problem().model().features.nonnegative
    }
}

/// The program of a fixed schedule: cells of samples, and the loss on the pairs of them that share a batch.
#[derive(Debug)]
pub struct FixedProgram<'a> {
    problem: &'a Problem,
    /// Which samples are alike.
    pub cells: Cells,
    /// Samples that are used, class-major, by their cells.
    pub partition: Partition,
    objective: CellLoss,
}

impl<'a> FixedProgram<'a> {
    /// The program of `problem`, which is trained on `fixed`.
    ///
    /// # Errors
    /// [`Error::Invalid`] naming a class none of whose samples has a positive in any batch, [`Error::TooLarge`] for 2^32 pairs.
    pub fn new(problem: &'a Problem, fixed: &FixedBatches) -> Result<Self, Error> {
        let model = problem.model();
        let cells = Cells::new(problem.classes(), &fixed.batches, model.views);
        if let Some(class) = without_positive(problem.classes().count(), &cells) {
            return Err(Invalid::conflict(
                Field::Batches,
                format!("no two samples of class {class} share a batch, so that nothing draws them together"),
                &[Word::Text(
                    "put two of its samples in one batch, use views = 2, or leave the class out",
                )],
            )
            .into());
        }
        let objective = CellLoss::new(fixed.loss, model.temperature, &cells).ok_or_else(|| {
            let pairs: f64 = cells.batches().iter().map(|batch| (batch.len() as f64).powi(2)).sum();
            Error::TooLarge {
                what: format!("a schedule with {pairs} pairs of kinds of samples that share a batch"),
                bytes: 60.0 * pairs,
                limit: 60.0 * f64::from(u32::MAX),
                hint: &[Word::Text("use fewer or smaller batches")],
            }
        })?;
        if !objective.compares() {
            return Err(Invalid::conflict(
                Field::Batches,
                "no batch holds a sample with another of its class and one of another class",
                &[Word::Text("make the batches larger, or mix the classes in them")],
            )
            .into());
        }
        Ok(Self {
            problem,
            partition: cells.partition(),
            cells,
            objective,
        })
    }

    /// The problem.
    pub fn problem(&self) -> &'a Problem {
        self.problem
    }

    /// The loss on pairs of cells that share a batch.
    pub fn objective(&self) -> &CellLoss {
        &self.objective
    }

    /// Largest difference of an inner product that the loss looks at, between two Gram matrices on these cells.
    pub fn largest_difference(&self, a: &Gram, b: &Gram) -> f64 {
        let mut largest = 0.0f64;
        self.objective
            .zeros()
            .each(|g, h, _| largest = largest.max((a.between(g, h) - b.between(g, h)).abs()));
        largest
    }

    /// Number of classes that have samples in batches: all of them.
    pub fn classes(&self) -> usize {
        self.cells.classes().last().map_or(0, |&class| class as usize + 1)
    }
}

/// The first class that has no two samples in one batch.
fn without_positive(count: u64, cells: &Cells) -> Option<u64> {
    let mut has = vec![false; count as usize];
    let mut in_batch = vec![0.0; count as usize];
    let class = |&cell: &u32| cells.classes()[cell as usize] as usize;
    for batch in cells.batches() {
        for cell in batch {
            in_batch[class(cell)] += cells.samples()[*cell as usize];
            has[class(cell)] |= in_batch[class(cell)] >= 2.0;
        }
        for cell in batch {
            in_batch[class(cell)] = 0.0;
        }
    }
    has.iter().position(|has| !has).map(|class| class as u64)
}

/// The program of a loss that is an expectation over draws.
#[derive(Debug)]
pub struct SampledProgram<'a> {
    problem: &'a Problem,
    sampling: &'a Sampling,
    /// Which class belongs to which group.
    pub partition: Partition,
    objective: OnceLock<Sampled>,
}

impl SampledProgram<'_> {
    /// The loss, built when first asked for.
    pub fn objective(&self) -> &Sampled {
        self.objective
            .get_or_init(|| Sampled::on_partition(self.problem, self.sampling, &self.partition))
    }
}

/// The reduced convex program of a full batch: groups with multiplicities, and the objective over their entries.
#[derive(Debug)]
pub struct Program<'a> {
    problem: &'a Problem,
    full: FullBatch,
    /// Which class belongs to which group.
    pub partition: Partition,
    /// Samples in one class of each group, `n_g` (infinite for probabilities).
    pub samples: Vec<f64>,
    /// Number of classes in each group, `m_g`.
    pub multiplicity: Vec<f64>,
    /// Entries are bounded below by zero.
    pub nonnegative: bool,
    // Built when first asked for: the rows alone have r^2 terms.
    coefficients: OnceLock<Coefficients>,
    rows: OnceLock<LogSumExp>,
}

/// An invariant Gram matrix at the sample level: one within-class entry a group and one entry a pair of groups.
#[derive(Debug, Clone, PartialEq)]
pub struct SampleEntries {
    /// In the order of a [`Layout`].
    pub values: Vec<f64>,
}

impl<'a> Program<'a> {
    /// The program of `problem`, reduced by equal class sizes.
    pub fn new(problem: &'a Problem, full: &FullBatch) -> Self {
        Self::on_partition(problem, full, Partition::by_size(problem))
    }

    /// The program of `problem` on a given partition, whose groups must each hold classes of one size.
    pub fn on_partition(problem: &'a Problem, full: &FullBatch, partition: Partition) -> Self {
        let multiplicity = partition.multiplicity_f64();
        let samples = partition
            .sizes()
            .iter()
            .map(|&size| within_class_samples(problem, size))
            .collect();
        Self {
            problem,
            full: *full,
            partition,
            samples,
            multiplicity,
            nonnegative: problem.model().features.nonnegative,
            coefficients: OnceLock::new(),
            rows: OnceLock::new(),
        }
    }

    /// Number of groups `r`.
    pub fn groups(&self) -> usize {
        self.multiplicity.len()
    }

    /// The problem.
    pub fn problem(&self) -> &'a Problem {
        self.problem
    }

    /// Coefficients of THEORY (3).
    pub fn coefficients(&self) -> &Coefficients {
        self.coefficients
            .get_or_init(|| coefficients(self.problem, &self.full, self.partition.sizes(), &self.multiplicity))
    }

    /// The loss over the entries.
    pub fn objective(&self) -> &LogSumExp {
        self.rows.get_or_init(|| {
            LogSumExp::from_problem(self.problem, &self.full, self.partition.sizes(), &self.multiplicity)
        })
    }

    /// Layout of the entries.
    pub fn layout(&self) -> Layout {
        Layout::new(self.groups())
    }

    /// Number of classes `k`.
    pub fn classes(&self) -> f64 {
        self.multiplicity.iter().sum()
    }

    /// Whether the within-class entry of group `g` is a variable (a class with one sample has none).
    pub fn has_within(&self, g: usize) -> bool {
        self.samples[g] >= 2.0
    }

    /// The loss where every class has collapsed to one vector.
    pub fn class_level(&self) -> ClassLevel<'_> {
        ClassLevel::new(self.objective(), &self.multiplicity)
    }

    /// The class-level Gram matrix of entries: within-class entries are moved to 1, which keeps the matrix feasible
    /// (it adds a nonnegative diagonal) and does not raise the loss.
    pub fn gram(&self, entries: &[f64]) -> Gram {
        let layout = self.layout();
        let values = DMatrix::from_fn(self.groups(), self.groups(), |g, h| entries[layout.pair(g, h)]);
        Gram::from_groups(self.partition.clone(), values)
    }
}

/// Averages a dense class-level matrix (k x k, class order) over permutations of the classes of each group.
///
/// # Panics
/// If `dense` is not k x k.
pub fn reduce(partition: &Partition, dense: &DMatrix<f64>) -> Gram {
    let members = partition.members();
    let values = DMatrix::from_fn(partition.groups(), partition.groups(), |g, h| {
        let mut sum = 0.0;
        let mut count = 0.0;
        for &i in &members[g] {
            for &j in members[h].iter().filter(|&&j| j != i) {
                sum += dense[(i as usize, j as usize)] + dense[(j as usize, i as usize)];
                count += 2.0;
            }
        }
        if count == 0.0 { 1.0 } else { sum / count }
    });
    Gram::from_groups(partition.clone(), values)
}

/// The dense class-level matrix of a reduced one: the inverse of [`reduce`] on invariant matrices.
pub fn lift(gram: &Gram) -> DMatrix<f64> {
    gram.to_dense()
}

/// Averages a dense sample-level matrix (samples in class-major order) over permutations of the samples of a class and
/// of the classes of a group.
///
/// # Panics
/// If `dense` is not N x N for the class sizes of the partition.
pub fn reduce_samples(program: &Program<'_>, dense: &DMatrix<f64>) -> SampleEntries {
    let layout = program.layout();
    let groups = sample_classes(program);
    assert_eq!(dense.nrows(), groups.len(), "one row a sample");
    let mut sums = vec![(0.0, 0.0); layout.len()];
    for (i, &(class_i, g)) in groups.iter().enumerate() {
        for (j, &(class_j, h)) in groups.iter().enumerate() {
            if i != j {
                let entry = if class_i == class_j {
                    layout.within(g)
                } else {
                    layout.pair(g, h)
                };
                sums[entry].0 += dense[(i, j)];
                sums[entry].1 += 1.0;
            }
        }
    }
    SampleEntries {
        values: sums
            .into_iter()
            .map(|(sum, count)| if count == 0.0 { 1.0 } else { sum / count })
            .collect(),
    }
}

/// The dense sample-level matrix of invariant entries, samples in class-major order: the inverse of [`reduce_samples`].
pub fn lift_samples(program: &Program<'_>, entries: &SampleEntries) -> DMatrix<f64> {
    let layout = program.layout();
    let groups = sample_classes(program);
    DMatrix::from_fn(groups.len(), groups.len(), |i, j| {
        let ((class_i, g), (class_j, h)) = (groups[i], groups[j]);
        if i == j {
            1.0
        } else if class_i == class_j {
            entries.values[layout.within(g)]
        } else {
            entries.values[layout.pair(g, h)]
        }
    })
}

/// `(class, group)` of every sample, class-major.
fn sample_classes(program: &Program<'_>) -> Vec<(u64, usize)> {
    let mut groups = Vec::new();
    for (first, count, group) in program.partition.runs() {
        for class in first..first + count {
            groups.extend(std::iter::repeat_n((class, group), program.samples[group] as usize));
        }
    }
    groups
}
