//! [`Partition`]: which classes are alike, so that everything is constant on them.

use serde::{Deserialize, Serialize};

use super::{Classes, Problem};

/// Which group each class belongs to. Classes of equal size form one group; groups are ordered by size, largest first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Partition {
    /// First class of every run, in class order, and the number of classes at the end.
    starts: Vec<u64>,
    group_of_run: Vec<u32>,
    sizes: Vec<f64>,
    multiplicity: Vec<u64>,
}

impl Partition {
    /// Groups of classes of equal size.
    pub fn by_size(problem: &Problem) -> Self {
        Self::of_classes(problem.classes())
    }

    /// The same of classes alone.
    pub fn of_classes(classes: &Classes) -> Self {
        let runs = classes.runs();
        let mut order: Vec<u32> = (0..runs.len() as u32).collect();
        order.sort_by(|&a, &b| runs[b as usize].size.total_cmp(&runs[a as usize].size));
        let mut sizes: Vec<f64> = Vec::new();
        let mut multiplicity: Vec<u64> = Vec::new();
        let mut group_of_run = vec![0u32; runs.len()];
        for &index in &order {
            let run = runs[index as usize];
            if sizes.last() != Some(&run.size) {
                sizes.push(run.size);
                multiplicity.push(0);
            }
            let group = sizes.len() - 1;
            multiplicity[group] += run.count;
            group_of_run[index as usize] = group as u32;
        }
        let mut starts = vec![0u64];
        for run in runs {
            starts.push(starts[starts.len() - 1] + run.count);
        }
        Self {
            starts,
            group_of_run,
            sizes,
            multiplicity,
        }
    }

    /// Every class a group of its own, in class order.
    pub fn singletons(problem: &Problem) -> Self {
        let sizes: Vec<f64> = problem.classes().sizes().collect();
        let count = sizes.len();
        Self {
            starts: (0..=count as u64).collect(),
            group_of_run: (0..count as u32).collect(),
            multiplicity: vec![1; count],
            sizes,
        }
    }

    /// Groups of any points, given by runs of them `(count, group)` in order; `sizes` has one number a group.
    ///
    /// # Panics
    /// For a group without a size.
    pub fn from_runs(runs: impl Iterator<Item = (u64, u32)>, sizes: Vec<f64>) -> Self {
        let mut result = Self {
            starts: vec![0],
            group_of_run: Vec::new(),
            multiplicity: vec![0; sizes.len()],
            sizes,
        };
        let mut end = 0;
        for (count, group) in runs {
            end += count;
            result.multiplicity[group as usize] += count;
            if result.group_of_run.last() == Some(&group) {
                result.starts.pop();
            } else {
                result.group_of_run.push(group);
            }
            result.starts.push(end);
        }
        result
    }

    /// Number of groups `r`.
    pub fn groups(&self) -> usize {
        self.sizes.len()
    }

    /// Number of classes `k`.
    pub fn classes(&self) -> u64 {
        self.starts[self.starts.len() - 1]
    }

    /// Size of the classes of each group, as the user gave it (before views).
    pub fn sizes(&self) -> &[f64] {
        &self.sizes
    }

    /// Number of classes in each group.
    pub fn multiplicity(&self) -> &[u64] {
        &self.multiplicity
    }

    /// Number of classes in each group, as floats.
    pub fn multiplicity_f64(&self) -> Vec<f64> {
        self.multiplicity.iter().map(|&m| m as f64).collect()
    }

    /// Group of a class given by its position in the user's order.
    ///
    /// # Panics
    /// If `class` is not below [`Partition::classes`].
    pub fn group_of(&self, class: u64) -> usize {
        assert!(class < self.classes(), "class {class} of {}", self.classes());
        let run = self.starts.partition_point(|&start| start <= class) - 1;
        self.group_of_run[run] as usize
    }

    /// Runs of classes `(first, count, group)` in class order.
    pub fn runs(&self) -> impl Iterator<Item = (u64, u64, usize)> + '_ {
        self.starts
            .windows(2)
            .zip(&self.group_of_run)
            .map(|(ends, &group)| (ends[0], ends[1] - ends[0], group as usize))
    }

    /// The classes of every group, ascending. Allocates one index a class.
    pub fn members(&self) -> Vec<Vec<u64>> {
        let mut members: Vec<Vec<u64>> = self
            .multiplicity
            .iter()
            .map(|&m| Vec::with_capacity(m as usize))
            .collect();
        for (first, count, group) in self.runs() {
            members[group].extend(first..first + count);
        }
        members
    }

    /// Checks from the problem alone that every group holds classes of one size and none is missing.
    pub fn fits(&self, problem: &Problem) -> bool {
        let mut expected = problem.classes().sizes();
        let mut counts = vec![0u64; self.groups()];
        for (_, count, group) in self.runs() {
            if group >= self.groups() {
                return false;
            }
            counts[group] += count;
            for _ in 0..count {
                if expected.next() != Some(self.sizes[group]) {
                    return false;
                }
            }
        }
        expected.next().is_none() && counts == self.multiplicity
    }
}
