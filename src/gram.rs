//! [`Gram`]: the inner products of the class means, stored by groups of classes that are alike.

use std::borrow::Cow;

use nalgebra::DMatrix;

use crate::dual::DualPoint;
use crate::problem::Problem;

/// Which group each class belongs to. Classes of equal size form one group; groups are ordered by size, largest first.
#[derive(Debug, Clone, PartialEq)]
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
        let runs = problem.classes().runs();
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

/// A class-level Gram matrix `G` (k x k, unit diagonal) that is constant on groups of classes.
#[derive(Debug, Clone, PartialEq)]
pub struct Gram {
    partition: Partition,
    values: Values,
}

#[derive(Debug, Clone, PartialEq)]
enum Values {
    /// r x r, symmetric: inner product of a class of one group and a DIFFERENT class of the other; 1 on the diagonal of
    /// groups with one class.
    Dense(DMatrix<f64>),
    /// Two numbers a vertex determine every entry.
    Cauchy(CauchyForm),
}

/// The implicit form of THEORY (5): every entry on demand from `(t, beta)` of its two vertices. A vertex is a group, or
/// a cluster of groups whose classes all share one vector.
#[derive(Debug, Clone, PartialEq)]
pub struct CauchyForm {
    /// `t` and `beta` of every vertex.
    pub point: DualPoint,
    /// The vertex of every group.
    pub vertex: Vec<u32>,
    /// For every vertex, whether it is a cluster.
    pub cluster: Vec<bool>,
    /// `delta >= 0`: the matrix is `(M + delta I)/(1 + delta)` of the `M` of the point, so that it is semidefinite whatever
    /// the rounding of the point. Classes of a cluster stay together.
    pub shift: f64,
}

impl CauchyForm {
    /// Inner product of two different classes of the groups `g` and `h`.
    pub fn between(&self, g: usize, h: usize) -> f64 {
        let (i, j) = (self.vertex[g], self.vertex[h]);
        if i == j && self.cluster[i as usize] {
            1.0
        } else {
            self.unmoved(g, h) / (1.0 + self.shift)
        }
    }

    /// The same of the matrix that was moved by `shift`, THEORY (5).
    pub fn unmoved(&self, g: usize, h: usize) -> f64 {
        let (i, j) = (self.vertex[g] as usize, self.vertex[h] as usize);
        if i == j && self.cluster[i] {
            1.0
        } else {
            self.point.entry(i, j)
        }
    }

    /// The sets of groups whose classes share one vector, each ascending.
    pub fn clusters(&self) -> Vec<Vec<usize>> {
        let mut sets: Vec<Vec<usize>> = vec![Vec::new(); self.cluster.len()];
        for (g, &vertex) in self.vertex.iter().enumerate() {
            if self.cluster[vertex as usize] {
                sets[vertex as usize].push(g);
            }
        }
        sets.retain(|set| !set.is_empty());
        sets
    }
}

impl Gram {
    /// A Gram matrix from group values (r x r; see [`Gram::values`]). The upper triangle is read; the diagonal entry of
    /// a group with one class is set to 1.
    ///
    /// # Panics
    /// If `values` is not r x r.
    pub fn from_groups(partition: Partition, mut values: DMatrix<f64>) -> Self {
        let groups = partition.groups();
        assert_eq!(values.shape(), (groups, groups), "group values are r x r");
        for g in 0..groups {
            if partition.multiplicity[g] == 1 {
                values[(g, g)] = 1.0;
            }
            for h in 0..g {
                values[(g, h)] = values[(h, g)];
            }
        }
        Self {
            partition,
            values: Values::Dense(values),
        }
    }

    /// A Gram matrix in the implicit form.
    ///
    /// # Panics
    /// If the form has not one vertex for every group.
    pub fn from_cauchy(partition: Partition, form: CauchyForm) -> Self {
        assert_eq!(form.vertex.len(), partition.groups(), "one vertex a group");
        Self {
            partition,
            values: Values::Cauchy(form),
        }
    }

    /// A Gram matrix from a dense k x k matrix in class order, each class a group of its own. The diagonal is rescaled
    /// to 1 (`g_ij / sqrt(g_ii g_jj)`).
    ///
    /// # Panics
    /// If `dense` is not k x k.
    pub fn from_dense(problem: &Problem, dense: &DMatrix<f64>) -> Self {
        let scale = dense.diagonal().map(|d| 1.0 / d.sqrt());
        let values = DMatrix::from_fn(dense.nrows(), dense.ncols(), |i, j| {
            0.5 * (dense[(i, j)] + dense[(j, i)]) * scale[i] * scale[j]
        });
        Self::from_groups(Partition::singletons(problem), values)
    }

    /// Which class belongs to which group.
    pub fn partition(&self) -> &Partition {
        &self.partition
    }

    /// The implicit form, if the matrix has one.
    pub fn cauchy(&self) -> Option<&CauchyForm> {
        match &self.values {
            Values::Dense(_) => None,
            Values::Cauchy(form) => Some(form),
        }
    }

    /// Inner product of two different classes, one of group `g` and one of group `h`; 1 for a group of one class.
    pub fn between(&self, g: usize, h: usize) -> f64 {
        match &self.values {
            Values::Dense(values) => values[(g, h)],
            Values::Cauchy(_) if g == h && self.partition.multiplicity[g] == 1 => 1.0,
            Values::Cauchy(form) => form.between(g, h),
        }
    }

    /// Inner products by groups, r x r: of a class of one group and a different class of the other; 1 on the diagonal
    /// of groups with one class. Computed where the form is implicit: check the number of groups first.
    pub fn values(&self) -> Cow<'_, DMatrix<f64>> {
        match &self.values {
            Values::Dense(values) => Cow::Borrowed(values),
            Values::Cauchy(_) => {
                let groups = self.partition.groups();
                Cow::Owned(DMatrix::from_fn(groups, groups, |g, h| self.between(g, h)))
            }
        }
    }

    /// Inner product of two classes in the user's order.
    pub fn entry(&self, i: u64, j: u64) -> f64 {
        if i == j {
            1.0
        } else {
            self.between(self.partition.group_of(i), self.partition.group_of(j))
        }
    }

    /// The dense k x k matrix in class order.
    pub fn to_dense(&self) -> DMatrix<f64> {
        let values = self.values();
        let mut group_of = Vec::with_capacity(self.partition.classes() as usize);
        for (_, count, group) in self.partition.runs() {
            group_of.extend(std::iter::repeat_n(group, count as usize));
        }
        DMatrix::from_fn(group_of.len(), group_of.len(), |i, j| {
            if i == j {
                1.0
            } else {
                values[(group_of[i], group_of[j])]
            }
        })
    }
}
