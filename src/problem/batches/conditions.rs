//! [`Conditions`]: whether nonnegative features trained on fixed batches have the orthogonal frame as their only optimum,
//! THEORY 6.
//!
//! Every batch bounds its own rows: an anchor with a positive wants its positives at 1 and the samples of other classes at
//! 0. The frame does that everywhere at once, so a Gram matrix is optimal if and only if it has these values at every
//! *active* edge. Between two classes an edge of a batch is active if one of its ends has a positive there; within a class,
//! if the batch also holds another class. A batch of one class and three samples or more asks its inner products to be
//! equal under supcon and bcl, so all of its samples are joined as soon as two of them are.
//!
//! No pair of samples is looked at: samples of a class in an active batch are one set of a union-find, and pairs of classes
//! are met as sets of classes.

use std::collections::HashSet;

use super::{Batches, FixedBatches};
use crate::problem::{FullBatchLoss, Problem};

mod colouring;
mod coverage;

/// Most missing pairs of classes that are listed.
pub const MAX_LISTED_PAIRS: usize = 1000;

/// What the batches join. Classes are numbered from 0, and all lists ascend.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conditions {
    /// Parts into which the active edges within a class leave it, for every class: 1 if it is connected, 0 if no sample of
    /// it is in a batch.
    pub parts: Vec<u32>,
    /// The first [`MAX_LISTED_PAIRS`] pairs of classes without an active edge.
    pub missing_pairs: Vec<(u32, u32)>,
    /// Number of pairs of classes without an active edge.
    pub missing_count: u64,
    /// Classes of which no sample has a positive in any batch.
    pub without_positive: Vec<u32>,
    /// Whether the orthogonal frame is the only optimum of nonnegative features, of the dimension of the problem if it gives
    /// one: then, and only then, there are no missing pairs and every class is connected, unless the dimension is so small
    /// that a class in parts has no room. `None` where that is not decided.
    pub unique_orthogonal_frame: Option<bool>,
}

impl Conditions {
    /// The conditions for the batches of a problem, whether its features are nonnegative or not.
    pub fn new(problem: &Problem, fixed: &FixedBatches) -> Self {
        let classes = problem.classes().count() as usize;
        let graph = Graph::new(problem, fixed);
        let (missing_pairs, missing_count) = coverage::missing_pairs(&graph, classes);
        let mut conditions = Self {
            parts: graph.parts(classes),
            missing_pairs,
            missing_count,
            without_positive: graph.without_positive(classes),
            unique_orthogonal_frame: None,
        };
        conditions.unique_orthogonal_frame = graph.unique(&conditions, problem.model().features.dimension);
        conditions
    }

    /// Whether a class is connected by active edges.
    pub fn is_connected(&self, class: usize) -> bool {
        self.parts[class] == 1
    }
}

/// The classes of one batch.
#[derive(Debug, Clone, Copy)]
struct Share {
    class: u32,
    /// Whether its samples have a positive in the batch.
    positive: bool,
    /// One of its members, by its place in [`Batches::used`].
    member: u32,
}

/// What the batches join and which classes they hold.
struct Graph {
    /// Class of every node: a used example, or two of its views.
    class: Vec<u32>,
    sets: Sets,
    /// Views beyond the two nodes that an example has where it has several.
    more_views: u32,
    /// The classes of every batch, ascending.
    shares: Vec<Share>,
    ends: Vec<usize>,
    /// Batches of one class and at least three samples, none of which are joined; by members. Empty under losses that are
    /// constant there.
    level: Vec<Vec<u32>>,
}

impl Graph {
    fn new(problem: &Problem, fixed: &FixedBatches) -> Self {
        let batches = &*fixed.batches;
        let class_of: Vec<u32> = problem.classes().class_of_examples().collect();
        let class: Vec<u32> = batches
            .used()
            .iter()
            .map(|&example| class_of[example as usize])
            .collect();
        let place = places(batches);
        // Views of an example have its batches, so they are joined together or not at all, and two stand for all.
        let views = problem.model().views;
        let copies = views.min(2) as usize;
        let mut sets = Sets::new(class.len() * copies);
        let node = |member: u32, copy: usize| member as usize * copies + copy;
        let mut shares = Vec::new();
        let mut ends = Vec::with_capacity(batches.count());
        let mut of_one_class = Vec::new();
        let mut members: Vec<u32> = Vec::new();
        for batch in batches.iter() {
            members.clear();
            members.extend(batch.iter().map(|&example| place(example)));
            members.sort_unstable();
            let start = shares.len();
            let same_class = |a: &u32, b: &u32| class[*a as usize] == class[*b as usize];
            for own in members.chunk_by(same_class) {
                shares.push(Share {
                    class: class[own[0] as usize],
                    positive: views * own.len() as u64 >= 2,
                    member: own[0],
                });
            }
            ends.push(shares.len());
            if shares.len() - start >= 2 {
                for own in members.chunk_by(same_class) {
                    for &member in own {
                        for copy in 0..copies {
                            sets.join(node(own[0], 0), node(member, copy));
                        }
                    }
                }
            } else if views * members.len() as u64 >= 3 {
                let nodes = members
                    .iter()
                    .flat_map(|&member| (0..copies).map(move |copy| node(member, copy) as u32));
                of_one_class.push(nodes.collect());
            }
        }
        let levels = match fixed.loss {
            FullBatchLoss::Supcon | FullBatchLoss::Bcl => true,
            // Without a negative sincere is zero, and nscl has no denominator.
            FullBatchLoss::Sincere | FullBatchLoss::Nscl | FullBatchLoss::Population => false,
        };
        let level = if levels { sets.close(of_one_class) } else { Vec::new() };
        Self {
            class: class
                .iter()
                .flat_map(|&class| std::iter::repeat_n(class, copies))
                .collect(),
            sets,
            more_views: u32::try_from(views.saturating_sub(2)).unwrap_or(u32::MAX),
            shares: shares
                .into_iter()
                .map(|share| Share {
                    member: share.member * copies as u32,
                    ..share
                })
                .collect(),
            ends,
            level,
        }
    }

    /// The classes of every batch.
    fn batches(&self) -> impl Iterator<Item = &[Share]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, &end)| &self.shares[start..end])
    }

    fn parts(&self, classes: usize) -> Vec<u32> {
        let mut parts = vec![0; classes];
        for (node, &class) in self.class.iter().enumerate() {
            parts[class as usize] += u32::from(self.sets.root(node) == node);
            // A view that is not joined to another of its example is joined to nothing.
            if self.more_views > 0 && node % 2 == 1 && self.sets.root(node) != self.sets.root(node - 1) {
                parts[class as usize] = parts[class as usize].saturating_add(self.more_views);
            }
        }
        parts
    }

    fn without_positive(&self, classes: usize) -> Vec<u32> {
        let mut positive = vec![false; classes];
        for share in &self.shares {
            positive[share.class as usize] |= share.positive;
        }
        (0..classes as u32).filter(|&class| !positive[class as usize]).collect()
    }

    /// Whether the frame is the only optimum, in features of a dimension if one is given.
    fn unique(&self, conditions: &Conditions, dimension: Option<u64>) -> Option<bool> {
        let classes = conditions.parts.len() as u64;
        if dimension.is_some_and(|d| d < classes) || conditions.missing_count > 0 {
            // The frame does not fit, or the angle of two classes is free.
            return Some(false);
        }
        let split: Vec<usize> = (0..conditions.parts.len())
            .filter(|&c| !conditions.is_connected(c))
            .collect();
        if split.is_empty() {
            return Some(true);
        }
        let Some(room) = dimension.map(|d| d - classes) else {
            return Some(false);
        };
        // Parts of one class at any equal inner products are optimal, and need a dimension for each part but one. Two parts
        // are enough where no batch asks three for equal ones.
        if split
            .iter()
            .any(|&class| u64::from(conditions.parts[class]) <= room + 1)
        {
            return Some(false);
        }
        if room >= 1 {
            let mut loose = self.sets.clone();
            for batch in &self.level {
                for pair in batch.windows(2) {
                    loose.join(pair[0] as usize, pair[1] as usize);
                }
            }
            let mut groups = vec![0; conditions.parts.len()];
            for (node, &class) in self.class.iter().enumerate() {
                groups[class as usize] += u32::from(loose.root(node) == node);
            }
            return if groups.iter().any(|&count| count >= 2) {
                Some(false)
            } else {
                None
            };
        }
        colouring::only_one(self, conditions.parts.len())
    }
}

/// The place of an example among the used ones.
fn places(batches: &Batches) -> impl Fn(u32) -> u32 {
    // All of them are used, as a rule; then an example is its own place.
    let table = (batches.unused_count() > 0).then(|| batches.used().to_vec());
    move |example| match &table {
        Some(used) => used.partition_point(|&other| other < example) as u32,
        None => example,
    }
}

/// Disjoint sets of nodes.
#[derive(Clone)]
struct Sets {
    parent: Vec<u32>,
    size: Vec<u32>,
}

impl Sets {
    fn new(nodes: usize) -> Self {
        Self {
            parent: (0..nodes as u32).collect(),
            size: vec![1; nodes],
        }
    }

    fn root(&self, mut node: usize) -> usize {
        while self.parent[node] as usize != node {
            node = self.parent[node] as usize;
        }
        node
    }

    /// Joins the sets of two nodes; the roots that were, the one that stays first, if there were two.
    fn join(&mut self, a: usize, b: usize) -> Option<(usize, usize)> {
        let (mut a, mut b) = (self.root(a), self.root(b));
        if a == b {
            return None;
        }
        // By size: no path is longer than the logarithm of the number of nodes.
        if self.size[a] < self.size[b] {
            std::mem::swap(&mut a, &mut b);
        }
        self.parent[b] = a as u32;
        self.size[a] += self.size[b];
        Some((a, b))
    }

    /// Joins all of a batch as soon as two of it are joined, until there is no such batch; the batches that stay apart.
    fn close(&mut self, batches: Vec<Vec<u32>>) -> Vec<Vec<u32>> {
        if batches.is_empty() {
            return batches;
        }
        // The batches that a set is in. Where a set meets one for the second time, two of its members are joined. Smaller
        // lists go into larger ones.
        let mut seen: Vec<HashSet<u32>> = vec![HashSet::new(); self.parent.len()];
        let mut joined = vec![false; batches.len()];
        let mut queue: Vec<u32> = Vec::new();
        for (index, batch) in (0..).zip(&batches) {
            for &node in batch {
                if !seen[self.root(node as usize)].insert(index) {
                    queue.push(index);
                }
            }
        }
        while let Some(index) = queue.pop() {
            if std::mem::replace(&mut joined[index as usize], true) {
                continue;
            }
            for pair in batches[index as usize].windows(2) {
                let Some((stays, goes)) = self.join(pair[0] as usize, pair[1] as usize) else {
                    continue;
                };
                let (mut large, mut small) = (std::mem::take(&mut seen[stays]), std::mem::take(&mut seen[goes]));
                if large.len() < small.len() {
                    std::mem::swap(&mut large, &mut small);
                }
                queue.extend(small.into_iter().filter(|&batch| !large.insert(batch)));
                seen[stays] = large;
            }
        }
        let mut joined = joined.into_iter();
        batches.into_iter().filter(|_| joined.next() == Some(false)).collect()
    }
}
