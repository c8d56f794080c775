//! Which local minima are the same: equal losses, and class Gram matrices that agree after a permutation of classes of
//! equal size.
//!
//! A permutation of classes of equal size is a symmetry of the loss, so a minimum comes with all its images; they count as
//! one. Matching is a search for a permutation `p` within the groups of equal sizes with
//!
//! ```text
//! | A_ij - B_p(i)p(j) | <= tolerance     for all i, j,
//! ```
//!
//! one class after the other, depth first. Classes whose sorted rows differ can not be matched, which leaves little to
//! search; where more than [`MAX_NODES`] partial matchings would have to be tried, equal sorted rows of both matrices
//! decide.

use nalgebra::DMatrix;

/// Most partial matchings that are tried.
pub(super) const MAX_NODES: usize = 200_000;

/// Largest difference of corresponding entries of `a` and `b` (k x k) at most `tolerance` for some permutation of the
/// classes that maps each to one of the same size.
///
/// # Panics
/// If the matrices are not k x k for k sizes.
pub(super) fn agree(a: &DMatrix<f64>, b: &DMatrix<f64>, sizes: &[f64], tolerance: f64) -> bool {
    let k = sizes.len();
    assert!(a.shape() == (k, k) && b.shape() == (k, k), "one row a class");
    // The permutation that changes nothing is the usual one.
    if (a - b).amax() <= tolerance {
        return true;
    }
    let (rows_a, rows_b) = (profiles(a, sizes), profiles(b, sizes));
    let alike = |i: usize, j: usize| {
        sizes[i] == sizes[j]
            && rows_a[i]
                .iter()
                .zip(&rows_b[j])
                .all(|(x, y)| (x - y).abs() <= tolerance)
    };
    let candidates: Vec<Vec<usize>> = (0..k).map(|i| (0..k).filter(|&j| alike(i, j)).collect()).collect();
    if candidates.iter().any(Vec::is_empty) {
        return false;
    }
    // Classes with few candidates first.
    let mut order: Vec<usize> = (0..k).collect();
    order.sort_by_key(|&i| (candidates[i].len(), i));
    let mut search = Search {
        a,
        b,
        tolerance,
        order,
        candidates,
        image: vec![usize::MAX; k],
        taken: vec![false; k],
        nodes: 0,
    };
    // Out of nodes: every class has a counterpart with the same row, and no contradiction was found.
    search.extend(0).unwrap_or(true)
}

/// The entries of every row in descending order, by the size of the other class.
fn profiles(gram: &DMatrix<f64>, sizes: &[f64]) -> Vec<Vec<f64>> {
    (0..sizes.len())
        .map(|i| {
            let mut row: Vec<(f64, f64)> = (0..sizes.len())
                .filter(|&j| j != i)
                .map(|j| (sizes[j], gram[(i, j)]))
                .collect();
            row.sort_by(|x, y| y.0.total_cmp(&x.0).then(y.1.total_cmp(&x.1)));
            row.into_iter().map(|(_, value)| value).collect()
        })
        .collect()
}

struct Search<'a> {
    a: &'a DMatrix<f64>,
    b: &'a DMatrix<f64>,
    tolerance: f64,
    order: Vec<usize>,
    candidates: Vec<Vec<usize>>,
    image: Vec<usize>,
    taken: Vec<bool>,
    nodes: usize,
}

impl Search<'_> {
    /// Whether the first `depth` classes in order, which have images, can be completed; `None` out of nodes.
    fn extend(&mut self, depth: usize) -> Option<bool> {
        let Some(&i) = self.order.get(depth) else {
            return Some(true);
        };
        for at in 0..self.candidates[i].len() {
            let j = self.candidates[i][at];
            if self.taken[j] {
                continue;
            }
            self.nodes += 1;
            if self.nodes > MAX_NODES {
                return None;
            }
            let fits = self.order[..depth]
                .iter()
                .all(|&other| (self.a[(i, other)] - self.b[(j, self.image[other])]).abs() <= self.tolerance);
            if !fits {
                continue;
            }
            self.image[i] = j;
            self.taken[j] = true;
            let found = self.extend(depth + 1);
            self.taken[j] = false;
            if found != Some(false) {
                return found;
            }
        }
        Some(false)
    }
}

/// One of the minima to be told apart.
#[derive(Debug, Clone)]
pub(super) struct Candidate<'a> {
    /// Loss in units in which `loss_tolerance` of [`group`] is meant.
    pub(super) loss: f64,
    /// Gram matrix of the classes, k x k.
    pub(super) gram: &'a DMatrix<f64>,
}

/// Sorts minima into groups of equal ones: for every candidate the index of its group. Groups are numbered by ascending
/// loss of their lowest member, against which the others are compared.
pub(super) fn group(
    candidates: &[Candidate<'_>],
    sizes: &[f64],
    loss_tolerance: f64,
    gram_tolerance: f64,
) -> Vec<usize> {
    let mut order: Vec<usize> = (0..candidates.len()).collect();
    order.sort_by(|&i, &j| candidates[i].loss.total_cmp(&candidates[j].loss).then(i.cmp(&j)));
    let mut lowest: Vec<usize> = Vec::new();
    let mut groups = vec![0; candidates.len()];
    for i in order {
        let candidate = &candidates[i];
        let same = lowest.iter().rposition(|&first| {
            let other = &candidates[first];
            candidate.loss - other.loss <= loss_tolerance && agree(other.gram, candidate.gram, sizes, gram_tolerance)
        });
        groups[i] = same.unwrap_or_else(|| {
            lowest.push(i);
            lowest.len() - 1
        });
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Points on a circle at the given angles, in degrees.
    fn circle(angles: &[f64]) -> DMatrix<f64> {
        DMatrix::from_fn(angles.len(), angles.len(), |i, j| {
            (angles[i] - angles[j]).to_radians().cos()
        })
    }

    #[test]
    fn permutations_of_equal_sizes_are_seen_and_others_are_not() {
        let a = circle(&[0.0, 50.0, 120.0, 200.0, 290.0]);
        let mirrored_and_permuted = circle(&[-50.0, 0.0, -200.0, -120.0, -290.0]);
        assert!(agree(&a, &mirrored_and_permuted, &[5.0; 5], 1e-9));
        assert!(agree(&a, &mirrored_and_permuted, &[5.0, 5.0, 3.0, 3.0, 2.0], 1e-9));
        assert!(!agree(&a, &mirrored_and_permuted, &[5.0, 4.0, 3.0, 3.0, 2.0], 1e-3));
        let moved = circle(&[0.0, 50.0, 120.0, 200.0, 291.0]);
        assert!(!agree(&a, &moved, &[5.0; 5], 1e-3) && agree(&a, &moved, &[5.0; 5], 2e-2));
    }

    /// Two graphs of degree two on six vertices: one cycle, or two triangles. Their sorted rows agree, the graphs do not.
    #[test]
    fn equal_rows_do_not_suffice() {
        let graph = |edges: [(usize, usize); 6]| {
            let mut gram = DMatrix::identity(6, 6);
            for (i, j) in edges {
                gram[(i, j)] = 0.4;
                gram[(j, i)] = 0.4;
            }
            gram
        };
        let cycle = graph([(0, 1), (1, 2), (2, 3), (3, 4), (4, 5), (5, 0)]);
        let triangles = graph([(0, 1), (1, 2), (2, 0), (3, 4), (4, 5), (5, 3)]);
        assert!(!agree(&cycle, &triangles, &[1.0; 6], 1e-3));
        let other_cycle = graph([(0, 3), (3, 1), (1, 4), (4, 2), (2, 5), (5, 0)]);
        assert!(agree(&cycle, &other_cycle, &[1.0; 6], 1e-3));
    }

    #[test]
    fn groups_ascend_in_loss() {
        let (a, b) = (circle(&[0.0, 100.0, 220.0]), circle(&[0.0, 120.0, 240.0]));
        let candidate = |loss, gram| Candidate { loss, gram };
        let all = [
            candidate(2.0, &b),
            candidate(1.0, &a),
            candidate(1.0 + 1e-7, &a),
            candidate(1.0, &b),
            candidate(2.0 + 1e-7, &b),
        ];
        assert_eq!(group(&all, &[1.0; 3], 1e-6, 1e-3), [2, 0, 0, 1, 2]);
        assert_eq!(group(&[], &[1.0; 3], 1e-6, 1e-3), [0; 0]);
    }
}
