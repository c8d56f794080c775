//! What a Gram matrix looks like: angles, nearly coinciding classes, and how far the textbook geometries are from it.

use nalgebra::DMatrix;
use serde::{Deserialize, Serialize};

use crate::gram::{Gram, Partition};
use crate::objective::others;

/// Two classes closer than this are listed as nearly collapsed, in degrees.
pub const NEARLY_COLLAPSED_DEGREES: f64 = 0.1;

/// Longest list of nearly collapsed pairs that is built.
const MAX_PAIRS: usize = 1000;

/// Above this many groups nothing is computed for every pair of them.
pub(crate) const MAX_REFERENCE_GROUPS: usize = 4000;

/// Angle in degrees between unit vectors with the given inner product; accurate near 0 and 180 degrees.
pub fn angle_degrees(inner_product: f64) -> f64 {
    let half = |gap: f64| (gap.max(0.0) / 2.0).sqrt().min(1.0).asin().to_degrees() * 2.0;
    if inner_product > 0.0 {
        half(1.0 - inner_product)
    } else {
        180.0 - half(1.0 + inner_product)
    }
}

/// Angle in degrees between unit vectors at a distance; accurate near 0, where their inner product has lost it.
fn angle_at_distance(distance: f64) -> f64 {
    2.0 * (0.5 * distance).min(1.0).asin().to_degrees()
}

/// Distance of two different points of the vertices `g` and `h` from a factor of the low-rank method: columns `(x, s)`, with
/// `s` along directions that every vertex has for itself, see [`Factored`](crate::method::staircase::Factored).
fn distance_of(factor: &DMatrix<f64>, multiplicity: &[u64], g: usize, h: usize) -> f64 {
    let private = multiplicity.iter().any(|&m| m > 1);
    let shared = factor.nrows() - usize::from(private);
    let own = |g: usize| if private { factor[(shared, g)] } else { 0.0 };
    if g == h {
        let m = multiplicity[g] as f64;
        return own(g).abs() * (2.0 * m / (m - 1.0)).sqrt();
    }
    let between = (factor.view((0, g), (shared, 1)) - factor.view((0, h), (shared, 1))).norm_squared();
    (between + own(g).powi(2) + own(h).powi(2)).sqrt()
}

/// `|| A/||A|| - B/||B|| ||` in the Frobenius norm \[Kini2024\], of class Gram matrices that are constant on groups of so many
/// classes: `a` and `b` are their values by groups, see [`Gram::values`].
pub fn kini_distance(a: &DMatrix<f64>, b: &DMatrix<f64>, multiplicity: &[f64]) -> f64 {
    // By pairs of classes: the diagonal is 1 in both.
    let sum = |f: &dyn Fn(f64, f64) -> f64| -> f64 {
        let mut total = 0.0;
        for g in 0..multiplicity.len() {
            total += multiplicity[g] * f(1.0, 1.0);
            for h in 0..multiplicity.len() {
                let pairs = multiplicity[g] * others(multiplicity, g, h);
                if pairs > 0.0 {
                    total += pairs * f(a[(g, h)], b[(g, h)]);
                }
            }
        }
        total
    };
    let (norm_a, norm_b) = (sum(&|x, _| x * x).sqrt(), sum(&|_, y| y * y).sqrt());
    sum(&|x, y| (x / norm_a - y / norm_b).powi(2)).sqrt()
}

/// A pair of classes and the angle between them.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Pair {
    /// Classes in the user's order, 0-based, ascending.
    pub classes: [u64; 2],
    /// Angle in degrees.
    pub angle_degrees: f64,
}

/// The angles between classes of a Gram matrix.
#[derive(Debug, Clone, Copy)]
pub struct Angles<'a> {
    gram: &'a Gram,
    factor: Option<&'a DMatrix<f64>>,
}

impl<'a> Angles<'a> {
    /// `factor` is that of the low-rank method, a column a group, from which small angles keep their digits.
    pub fn new(gram: &'a Gram, factor: Option<&'a DMatrix<f64>>) -> Self {
        Self { gram, factor }
    }

    /// The groups of the matrix.
    pub(crate) fn partition(&self) -> &'a Partition {
        self.gram.partition()
    }

    /// The angle in degrees between two different classes of the groups `g` and `h`.
    pub fn degrees(&self, g: usize, h: usize) -> f64 {
        let angle = angle_degrees(self.gram.between(g, h));
        match self.factor {
            Some(factor) if angle < NEARLY_COLLAPSED_DEGREES => {
                angle_at_distance(distance_of(factor, self.gram.partition().multiplicity(), g, h))
            }
            _ => angle,
        }
    }

    /// Pairs of groups `(g, h, inner product)` that stand for at least one pair of classes, `g <= h`.
    fn pairs(&self) -> impl Iterator<Item = (usize, usize, f64)> + '_ {
        let multiplicity = self.gram.partition().multiplicity();
        (0..multiplicity.len())
            .flat_map(move |h| (0..=h).map(move |g| (g, h)))
            .filter(move |&(g, h)| g < h || multiplicity[h] >= 2)
            .map(|(g, h)| (g, h, self.gram.between(g, h)))
    }
}

/// Inner products above this are of angles below 0.12 degrees.
const NEAR: f64 = 0.999_998;

/// The closest and the farthest pair of classes (the first of their groups); `None` above 4000 groups.
pub fn extreme_pairs(angles: &Angles<'_>) -> Option<(Pair, Pair)> {
    let partition = angles.gram.partition();
    if partition.groups() > MAX_REFERENCE_GROUPS {
        return None;
    }
    // The first two classes of every group, without a list of all classes.
    let mut first: Vec<Vec<u64>> = vec![Vec::with_capacity(2); partition.groups()];
    for (start, count, group) in partition.runs() {
        let room = 2 - first[group].len() as u64;
        first[group].extend(start..start + count.min(room));
    }
    let pair = |(g, h, _): (usize, usize, f64)| {
        let (i, j) = if g == h {
            (first[g][0], first[g][1])
        } else {
            (first[g][0], first[h][0])
        };
        Pair {
            classes: [i.min(j), i.max(j)],
            angle_degrees: angles.degrees(g, h),
        }
    };
    let closer = |a: (usize, usize, f64), b: (usize, usize, f64)| {
        if a.2.min(b.2) > NEAR {
            angles.degrees(b.0, b.1) < angles.degrees(a.0, a.1)
        } else {
            b.2 > a.2
        }
    };
    let nearest = angles.pairs().reduce(|a, b| if closer(a, b) { b } else { a })?;
    let farthest = angles.pairs().reduce(|a, b| if b.2 < a.2 { b } else { a })?;
    Some((pair(nearest), pair(farthest)))
}

/// Pairs of classes under [`NEARLY_COLLAPSED_DEGREES`] that are not in one proven cluster, at most 1000 of them.
/// `clusters` are the sets of groups whose classes are proven to coincide. Empty above 4000 groups.
pub fn nearly_collapsed(angles: &Angles<'_>, clusters: &[Vec<usize>]) -> Vec<Pair> {
    let partition = angles.gram.partition();
    let groups = partition.groups();
    if groups > MAX_REFERENCE_GROUPS {
        return Vec::new();
    }
    // 0 for groups in no cluster.
    let mut cluster_of = vec![0usize; groups];
    for (index, set) in clusters.iter().enumerate() {
        for &g in set {
            cluster_of[g] = index + 1;
        }
    }
    let proven = |g: usize, h: usize| cluster_of[g] != 0 && cluster_of[g] == cluster_of[h];
    let close: Vec<(usize, usize, f64)> = angles
        .pairs()
        .map(|(g, h, _)| (g, h, angles.degrees(g, h)))
        .filter(|&(g, h, angle)| angle < NEARLY_COLLAPSED_DEGREES && !proven(g, h))
        .collect();
    if close.is_empty() {
        return Vec::new();
    }
    let members = partition.members();
    let mut pairs = Vec::new();
    for (g, h, angle_degrees) in close {
        for &i in &members[g] {
            for &j in members[h].iter().filter(|&&j| g != h || i < j) {
                if pairs.len() == MAX_PAIRS {
                    return pairs;
                }
                pairs.push(Pair {
                    classes: [i.min(j), i.max(j)],
                    angle_degrees,
                });
            }
        }
    }
    pairs.sort_by_key(|pair| pair.classes);
    pairs
}

/// The loss of the representation on a downstream task \[Awasthi2022\]: cross-entropy of the linear classifier whose
/// weights are the class means, `sum_c rho_c log sum_c' exp(M_cc' - M_cc)` with `rho` the class probabilities. `None` above
/// 4000 groups.
pub fn downstream_loss(gram: &Gram) -> Option<f64> {
    let partition = gram.partition();
    let groups = partition.groups();
    if groups > MAX_REFERENCE_GROUPS {
        return None;
    }
    let (sizes, multiplicity) = (partition.sizes(), partition.multiplicity_f64());
    let total: f64 = sizes.iter().zip(&multiplicity).map(|(n, m)| n * m).sum();
    let of_class = |g: usize| {
        let others = (0..groups).map(|h| others(&multiplicity, g, h) * (gram.between(g, h) - 1.0).exp());
        others.sum::<f64>().ln_1p()
    };
    Some(
        (0..groups)
            .map(|g| multiplicity[g] * sizes[g] / total * of_class(g))
            .sum(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn angles_keep_their_digits_at_both_ends() {
        for degrees in [1e-5f64, 0.1, 30.0, 90.0, 120.0, 179.9, 180.0] {
            let found = angle_degrees(degrees.to_radians().cos());
            let allowed = if (1.0..179.0).contains(&degrees) { 1e-12 } else { 1e-6 };
            assert!((found - degrees).abs() < allowed, "{degrees} came back as {found}");
        }
        assert_eq!(angle_degrees(1.0), 0.0);
        assert_eq!(angle_degrees(-1.0), 180.0);
    }
}
