//! Classes that share one vector: which, and the smaller problem that is left; THEORY (8).
//!
//! If a set `C` of classes shares one vector, every member sees the same denominator and the problem between clusters is
//! THEORY (3) again, with `C` replaced by ONE class
//!
//! ```text
//! w_C = sum w_c,   a_C = sum a_c,   s_C = s_c + (a_C - a_c)
//! ```
//!
//! in three cases: supcon and population supcon with sample anchors (any `C`), classes with equal data (every loss), and
//! classes without anchors (every loss; only `a_C` matters). The dual matrix on `C` minus its rank-one part is then
//! `kappa_C / a_C (a_C Diag(a) - a a^T)` up to a positive factor, so the collapse is optimal iff
//!
//! ```text
//! kappa_C = t_C^2 - beta_C >= 0                                                                                      (8)
//! ```
//!
//! and the smaller `M` is positive semidefinite. For equal classes this is the rule `S_ii >= beta_0` of THEORY 3, and
//! without anchors `beta_C = 0`: such classes always share one vector.

use super::definite::{Definiteness, definiteness};
use super::equations::Equations;
use super::iteration::{Effort, Failure, Runs, SolvedSystem};
use crate::gram::implicit::Point;
use crate::objective::Coefficients;

/// The problem that is left when each cluster is one class.
#[derive(Debug, Clone, PartialEq)]
pub struct Merging {
    /// Sets of groups whose classes all share one vector, each ascending.
    pub clusters: Vec<Vec<usize>>,
    /// Coefficients of the smaller problem: the groups outside the clusters in their order, then the clusters.
    pub coefficients: Coefficients,
    /// For every group of the original problem, its group in the smaller one.
    pub vertex: Vec<usize>,
}

impl Merging {
    /// Merges each of `clusters`, which must be one of the three cases above.
    pub fn new(coefficients: &Coefficients, clusters: Vec<Vec<usize>>) -> Merging {
        let mut vertex = vec![usize::MAX; coefficients.groups()];
        let outside = coefficients.groups() - clusters.iter().map(Vec::len).sum::<usize>();
        for (c, cluster) in clusters.iter().enumerate() {
            for &g in cluster {
                vertex[g] = outside + c;
            }
        }
        let kept: Vec<usize> = (0..coefficients.groups())
            .filter(|&g| vertex[g] == usize::MAX)
            .collect();
        for (i, &g) in kept.iter().enumerate() {
            vertex[g] = i;
        }
        let pick = |values: &[f64]| -> Vec<f64> { kept.iter().map(|&g| values[g]).collect() };
        let mut merged = Coefficients {
            temperature: coefficients.temperature,
            multiplicity: pick(&coefficients.multiplicity),
            weight: pick(&coefficients.weight),
            base: pick(&coefficients.base),
            column: pick(&coefficients.column),
            mergeable: coefficients.mergeable,
        };
        for cluster in &clusters {
            let sum = |values: &[f64]| {
                cluster
                    .iter()
                    .map(|&g| coefficients.multiplicity[g] * values[g])
                    .sum::<f64>()
            };
            let (first, column) = (cluster[0], sum(&coefficients.column));
            merged.multiplicity.push(1.0);
            merged.weight.push(sum(&coefficients.weight));
            merged
                .base
                .push(coefficients.base[first] + (column - coefficients.column[first]));
            merged.column.push(column);
        }
        Merging {
            clusters,
            coefficients: merged,
            vertex,
        }
    }

    /// `M_cc'` between two different classes of the groups `g` and `h` of the original problem.
    pub fn entry(&self, point: &Point, g: usize, h: usize) -> f64 {
        if self.vertex[g] == self.vertex[h] && self.is_cluster(self.vertex[g]) {
            return 1.0;
        }
        point.entry(self.vertex[g], self.vertex[h])
    }

    fn is_cluster(&self, vertex: usize) -> bool {
        vertex >= self.coefficients.groups() - self.clusters.len()
    }

    /// `kappa_C >= 0` for the cluster with index `c`, THEORY (8).
    fn admits(&self, point: &Point, c: usize) -> bool {
        let vertex = self.coefficients.groups() - self.clusters.len() + c;
        // Up to the rounding of xi: at the threshold itself both geometries are optimal.
        self.coefficients.weight[vertex] == 0.0 || point.temperature * point.log_ratio[vertex] >= -1e-15
    }
}

/// A problem solved under some merging, and what is known about it.
#[derive(Debug)]
pub(super) struct Candidate {
    pub(super) merging: Merging,
    pub(super) solved: SolvedSystem,
    pub(super) definiteness: Definiteness,
}

impl Candidate {
    /// All conditions of optimality hold: (5)-(7), (8) for each cluster, `M` positive semidefinite.
    pub(super) fn is_optimal(&self) -> bool {
        matches!(self.definiteness, Definiteness::Kappa | Definiteness::Factorisation) && self.admitted()
    }

    fn admitted(&self) -> bool {
        (0..self.merging.clusters.len()).all(|c| self.merging.admits(&self.solved.point, c))
    }
}

/// The search over mergings of one problem.
pub(super) struct Search<'a> {
    pub(super) coefficients: &'a Coefficients,
    pub(super) newton: Runs<'a>,
}

impl Search<'_> {
    /// Solves the problem with `clusters` merged.
    pub(super) fn attempt(&mut self, clusters: Vec<Vec<usize>>, effort: Effort) -> Result<Candidate, Failure> {
        let merging = Merging::new(self.coefficients, clusters);
        let smaller = &merging.coefficients;
        let limit = self.newton.settings.dense_limit;
        let definiteness = |point: &Point| definiteness(point, &smaller.multiplicity, &smaller.column, limit);
        let accepted = |point: &Point| definiteness(point) != Definiteness::Indefinite;
        let solved = self.newton.solve(&Equations::new(smaller), effort, accepted)?;
        let definiteness = definiteness(&solved.point);
        Ok(Candidate {
            merging,
            solved,
            definiteness,
        })
    }

    /// Classes without anchors, which always share one vector: the cluster they form, if there are two or more.
    pub(super) fn without_anchors(&self) -> Vec<Vec<usize>> {
        let c = self.coefficients;
        let idle: Vec<usize> = (0..c.groups()).filter(|&g| c.weight[g] == 0.0).collect();
        let classes: f64 = idle.iter().map(|&g| c.multiplicity[g]).sum();
        if classes > 1.0 { vec![idle] } else { Vec::new() }
    }

    /// The `m` smallest classes for the largest `m >= 2` with `kappa_m >= 0`; the sign is monotone in `m`. `None` if every
    /// `kappa_m` is negative. Only sets lighter than the next class can collapse, so few `m` are solved; should the
    /// answer fail the test of `M`, all `m` are searched.
    pub(super) fn smallest_classes(&mut self, effort: Effort) -> Result<Option<Candidate>, Failure> {
        let c = self.coefficients;
        let mut order: Vec<usize> = (0..c.groups()).collect();
        order.sort_by(|&g, &h| c.column[g].total_cmp(&c.column[h]));
        // Ends of the sets that are complete: classes of equal size merge all or not at all, and one cluster is too few.
        let mut ends = Vec::new();
        let (mut classes, mut size) = (0.0, 0.0);
        for (i, &g) in order.iter().enumerate() {
            classes += c.multiplicity[g];
            size += c.multiplicity[g] * c.column[g];
            let Some(&next) = order.get(i + 1) else { break };
            if classes > 1.0 && c.column[next] > c.column[g] {
                ends.push((i + 1, size <= c.column[next] * (1.0 + 1e-12)));
            }
        }
        for only_light in [true, false] {
            let sets: Vec<usize> = ends
                .iter()
                .filter(|(_, light)| *light || !only_light)
                .map(|(end, _)| *end)
                .collect();
            let found = self.last_admitted(&order, &sets, effort)?;
            if found
                .as_ref()
                .is_some_and(|found| found.definiteness != Definiteness::Indefinite)
                || !only_light
            {
                return Ok(found);
            }
        }
        Ok(None)
    }

    /// Bisection on the sign of `kappa` over nested sets `order[..end]`.
    fn last_admitted(&mut self, order: &[usize], ends: &[usize], effort: Effort) -> Result<Option<Candidate>, Failure> {
        let (mut low, mut high) = (0, ends.len());
        let mut found = None;
        while low < high {
            let middle = low + (high - low) / 2;
            let mut cluster = order[..ends[middle]].to_vec();
            cluster.sort_unstable();
            match self.attempt(vec![cluster], effort) {
                Ok(candidate) if candidate.admitted() => {
                    low = middle + 1;
                    found = Some(candidate);
                }
                Err(Failure::Interrupted) => return Err(Failure::Interrupted),
                // Larger sets are better conditioned; a failure is taken for a set that is too small.
                Err(Failure::Diverged(_)) => low = middle + 1,
                Ok(_) => high = middle,
            }
        }
        Ok(found)
    }

    /// For losses without rule (8): groups of equal classes, each merged within itself. Starts from the groups with
    /// `kappa > 0`, and exchanges groups that violate their sign until none does.
    pub(super) fn equal_classes(
        &mut self,
        base: &[Vec<usize>],
        first: Option<&SolvedSystem>,
        effort: Effort,
    ) -> Result<Option<Candidate>, Failure> {
        let c = self.coefficients;
        let mut several: Vec<usize> = (0..c.groups())
            .filter(|&g| c.multiplicity[g] > 1.0 && !base.iter().any(|set| set.contains(&g)))
            .collect();
        several.sort_by(|&g, &h| {
            c.weight[g]
                .total_cmp(&c.weight[h])
                .then(c.column[g].total_cmp(&c.column[h]))
        });
        let mut starts: Vec<Vec<usize>> = Vec::new();
        if let Some(solved) = first {
            // The indices agree only if nothing was merged before.
            if base.is_empty() {
                starts.push(
                    several
                        .iter()
                        .copied()
                        .filter(|&g| solved.point.kappa_is_positive(g))
                        .collect(),
                );
            }
        }
        starts
            .extend((1..=several.len().min(self.newton.settings.merge_starts)).map(|count| several[..count].to_vec()));
        let mut seen = std::collections::HashSet::new();
        for mut merged in starts {
            while !merged.is_empty() && seen.insert(merged.clone()) {
                let clusters = base.iter().cloned().chain(merged.iter().map(|&g| vec![g])).collect();
                let candidate = match self.attempt(clusters, effort) {
                    Ok(candidate) => candidate,
                    Err(Failure::Interrupted) => return Err(Failure::Interrupted),
                    Err(Failure::Diverged(_)) => break,
                };
                if candidate.is_optimal() {
                    return Ok(Some(candidate));
                }
                let positive = |g: &usize| candidate.solved.point.kappa_is_positive(candidate.merging.vertex[*g]);
                merged = several.iter().copied().filter(positive).collect();
            }
        }
        Ok(None)
    }
}
