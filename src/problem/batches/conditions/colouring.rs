//! As many dimensions as classes, and classes in parts: is the frame forced?
//!
//! Nonnegative unit vectors are orthogonal if and only if their supports are disjoint. One coordinate out of the support of
//! every part is a colouring of the parts in which active edges join different colours. If the classes are the only
//! colouring with `k` colours, every choice of coordinates is that one, so each support is one axis and the frame is forced.
//! Another colouring is another optimum, made of axes, if the batches that ask for equal inner products have one colour or
//! all different ones.

use super::Graph;

/// Most parts that are coloured.
const MAX_PARTS: usize = 256;

/// Most steps of the search.
const MAX_STEPS: u64 = 2_000_000;

/// Whether the classes are the only way to colour the parts with as many colours as there are classes; `None` where the
/// search would be too long, or finds no colouring that tells.
pub(super) fn only_one(graph: &Graph, classes: usize) -> Option<bool> {
    let mut number = vec![u32::MAX; graph.class.len()];
    let mut class = Vec::new();
    for (node, &of) in graph.class.iter().enumerate() {
        if graph.sets.root(node) == node {
            number[node] = class.len() as u32;
            class.push(of as usize);
            if class.len() > MAX_PARTS {
                return None;
            }
        }
    }
    let part = |node: u32| number[graph.sets.root(node as usize)] as usize;
    let mut apart = vec![vec![false; class.len()]; class.len()];
    for shares in graph.batches() {
        for (i, a) in shares.iter().enumerate() {
            for b in shares[i + 1..].iter().filter(|b| a.positive || b.positive) {
                let (a, b) = (part(a.member), part(b.member));
                apart[a][b] = true;
                apart[b][a] = true;
            }
        }
    }
    let level: Vec<Vec<usize>> = graph
        .level
        .iter()
        .map(|batch| batch.iter().map(|&node| part(node)).collect())
        .collect();
    let mut search = Search {
        class: &class,
        apart: &apart,
        level: &level,
        classes,
        more_views: graph.more_views > 0,
        colour: vec![None; class.len()],
        other: false,
        steps: 0,
    };
    match search.extend(0) {
        Some(true) => Some(false),
        Some(false) if search.other => None,
        Some(false) => Some(true),
        None => None,
    }
}

struct Search<'a> {
    class: &'a [usize],
    apart: &'a [Vec<bool>],
    level: &'a [Vec<usize>],
    classes: usize,
    /// Whether a batch has more samples than are coloured, so that different colours of these tell nothing.
    more_views: bool,
    colour: Vec<Option<usize>>,
    /// Whether a colouring other than the classes was found at all.
    other: bool,
    steps: u64,
}

impl Search<'_> {
    /// Colours what is left, with `used` colours so far; whether a colouring was found that is another optimum.
    fn extend(&mut self, used: usize) -> Option<bool> {
        self.steps += 1;
        if self.steps > MAX_STEPS {
            return None;
        }
        // The part with the fewest colours left.
        let free = |part: usize| (0..used).filter(|&colour| self.may(part, colour)).count();
        let open = (0..self.class.len()).filter(|&part| self.colour[part].is_none());
        let Some(part) = open.min_by_key(|&part| free(part)) else {
            return Some(self.is_other_optimum());
        };
        for colour in 0..self.classes.min(used + 1) {
            if self.may(part, colour) {
                self.colour[part] = Some(colour);
                let found = self.extend(used.max(colour + 1));
                self.colour[part] = None;
                if found != Some(false) {
                    return found;
                }
            }
        }
        Some(false)
    }

    fn may(&self, part: usize, colour: usize) -> bool {
        let row = &self.apart[part];
        (0..row.len()).all(|other| !row[other] || self.colour[other] != Some(colour))
    }

    fn is_other_optimum(&mut self) -> bool {
        let same = |a: usize, b: usize| self.colour[a] == self.colour[b];
        let parts = self.class.len();
        let by_class = (0..parts).all(|a| (0..a).all(|b| same(a, b) == (self.class[a] == self.class[b])));
        if by_class {
            return false;
        }
        let level = self.level.iter().all(|batch| {
            let pairs = || (1..batch.len()).flat_map(|i| (0..i).map(move |j| (i, j)));
            let different = !self.more_views && pairs().all(|(i, j)| !same(batch[i], batch[j]));
            different || pairs().all(|(i, j)| same(batch[i], batch[j]))
        });
        self.other = true;
        level
    }
}
