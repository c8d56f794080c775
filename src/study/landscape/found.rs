//! [`Landscape`]: what the starts found, all together.

use nalgebra::DMatrix;
use serde::{Deserialize, Serialize};

use super::distinct::{self, Candidate};
use super::start::{self, EndKind, Ground, Start};
use super::{GLOBAL, SAME_GRAM};
use crate::math::spectrum::nearest_rotation;
use crate::objective::Objective;
use crate::solve::Solved;
use crate::study::Stop;

/// A local minimum, up to rotations and permutations of classes of equal size.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Minimum {
    /// Loss of the first start that reached it: mean over anchors, nats.
    pub loss: f64,
    /// Its gap to the optimum of the relaxation, relative.
    pub relative_gap: f64,
    /// Starts that ended there.
    pub count: u64,
    /// Whether it counts as global.
    pub global: bool,
    /// The first start that reached it.
    pub first: u64,
}

/// What was found.
#[derive(Debug, Clone)]
pub struct Landscape {
    /// Dimension of the features.
    pub dimension: u64,
    /// The starts, by index: those that were finished.
    pub runs: Vec<Start>,
    /// Number of starts that were asked for.
    pub asked: u64,
    /// Distinct local minima, by ascending loss.
    pub minima: Vec<Minimum>,
    /// Whether the dimension suffices for the optimum of the relaxation; if not, "global" is relative to the best found.
    pub attainable: bool,
    /// Largest distance of the class means of two global minima after the best rotation, relative to their norm: between
    /// the first that was found and every other. `None` with fewer than two.
    pub worst_procrustes: Option<f64>,
}

impl Landscape {
    pub(super) fn new<O: Objective<Entries = DMatrix<f64>>>(
        ground: &Ground<'_, O>,
        optimum: &Solved,
        mut runs: Vec<Start>,
    ) -> Self {
        let partition = optimum.certificate.gram.partition();
        let sizes: Vec<f64> = (0..partition.classes())
            .map(|class| partition.sizes()[partition.group_of(class)])
            .collect();
        let minima_at: Vec<usize> = (0..runs.len()).filter(|&i| runs[i].kind == EndKind::Minimum).collect();
        let grams: Vec<DMatrix<f64>> = minima_at.iter().map(|&i| runs[i].class_gram()).collect();
        let candidates: Vec<Candidate<'_>> = minima_at
            .iter()
            .zip(&grams)
            .map(|(&i, gram)| Candidate {
                loss: runs[i].relative_gap,
                gram,
            })
            .collect();
        let groups = distinct::group(&candidates, &sizes, GLOBAL, SAME_GRAM);
        let attainable = ground.dimension as u64 >= optimum.rank;
        let best = candidates
            .iter()
            .map(|candidate| candidate.loss)
            .fold(f64::INFINITY, f64::min);
        let reference = if attainable { 0.0 } else { best };
        let mut minima: Vec<Minimum> = Vec::new();
        for number in 0..groups.iter().map(|g| g + 1).max().unwrap_or(0) {
            let members: Vec<&Start> = (0..groups.len())
                .filter(|&i| groups[i] == number)
                .map(|i| &runs[minima_at[i]])
                .collect();
            let first = members[0];
            minima.push(Minimum {
                loss: first.loss,
                relative_gap: first.relative_gap,
                count: members.len() as u64,
                // A group is within twice the tolerance of its lowest member, which decides.
                global: members.iter().any(|run| run.relative_gap - reference <= GLOBAL),
                first: first.index,
            });
        }
        for (&i, &number) in minima_at.iter().zip(&groups) {
            runs[i].minimum = Some(number);
        }
        let at_global = |run: &&Start| run.minimum.is_some_and(|number| minima[number].global);
        let global: Vec<DMatrix<f64>> = runs.iter().filter(at_global).map(Start::mean_matrix).collect();
        let worst_procrustes = global
            .split_first()
            .and_then(|(first, others)| others.iter().map(|other| procrustes(first, other)).reduce(f64::max));
        Self {
            dimension: ground.dimension as u64,
            runs,
            asked: ground.settings.starts,
            minima,
            attainable,
            worst_procrustes,
        }
    }

    /// Whether all starts were finished.
    pub fn is_complete(&self) -> bool {
        self.runs.len() as u64 == self.asked
    }

    /// How far a search in several dimensions came, if not to its end.
    pub fn stop(all: &[Self]) -> Option<Stop> {
        let stop = Stop {
            points: "starts",
            done: all.iter().map(|landscape| landscape.runs.len() as u64).sum(),
            total: all.iter().map(|landscape| landscape.asked).sum(),
        };
        (stop.done < stop.total).then_some(stop)
    }

    /// Starts that ended in a local minimum.
    pub fn converged(&self) -> u64 {
        self.count(EndKind::Minimum)
    }

    /// Starts that ended in a saddle.
    pub fn saddles(&self) -> u64 {
        self.count(EndKind::Saddle)
    }

    /// Starts that ended in a global minimum.
    pub fn global(&self) -> u64 {
        self.minima
            .iter()
            .filter(|minimum| minimum.global)
            .map(|minimum| minimum.count)
            .sum()
    }

    /// Starts that ended in a local minimum that is not global.
    pub fn spurious(&self) -> u64 {
        self.converged() - self.global()
    }

    fn count(&self, kind: EndKind) -> u64 {
        self.runs.iter().filter(|run| run.kind == kind).count() as u64
    }

    /// The start that ended highest: among local minima, or among all where there are none.
    pub fn worst(&self) -> Option<&Start> {
        let highest = |kind: Option<EndKind>| {
            self.runs
                .iter()
                .filter(|run| kind.is_none_or(|kind| run.kind == kind))
                .reduce(|a, b| if b.relative_gap > a.relative_gap { b } else { a })
        };
        highest(Some(EndKind::Minimum)).or_else(|| highest(None))
    }

    /// Whether every finished start reached a point of second order, but for one in twenty, and none a minimum that is not global.
    pub fn passes(&self) -> bool {
        self.spurious() == 0 && 20 * (self.runs.len() as u64 - self.converged()) <= self.runs.len() as u64
    }

    /// Median number of iterations of L-BFGS to each of the [milestones](super::MILESTONES); `None` where half of the starts never came
    /// so far.
    pub fn median_iterations(&self) -> [Option<u64>; 3] {
        std::array::from_fn(|at| {
            let mut counts: Vec<u64> = self
                .runs
                .iter()
                .map(|run| run.iterations_to[at].unwrap_or(u64::MAX))
                .collect();
            counts.sort_unstable();
            counts
                .get(counts.len().saturating_sub(1) / 2)
                .copied()
                .filter(|&count| count < u64::MAX)
        })
    }
}

impl Start {
    /// Class means, d x k.
    fn mean_matrix(&self) -> DMatrix<f64> {
        let rows = self.means.first().map_or(0, Vec::len);
        DMatrix::from_iterator(rows, self.means.len(), self.means.iter().flatten().copied())
    }

    /// Cosines of the class means, k x k.
    pub fn class_gram(&self) -> DMatrix<f64> {
        start::cosines(&self.mean_matrix())
    }
}

/// `min |R A - B| / |B|` over orthogonal `R`.
fn procrustes(a: &DMatrix<f64>, b: &DMatrix<f64>) -> f64 {
    nearest_rotation(&(b * a.transpose())).map_or(f64::MAX, |rotation| (rotation * a - b).norm() / b.norm())
}
