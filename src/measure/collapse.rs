//! [`Compared`]: class means beside an optimal Gram matrix and the textbook geometries, THEORY 10.
//!
//! Matrices of all pairs of classes are taken by stripes: none is kept.

use nalgebra::DMatrix;
use rayon::prelude::*;

use super::classes::Between;
use super::metrics::Angles;
use crate::gram::Gram;
use crate::math::spectrum::transposed_times;
use crate::math::sum::compensated_sum;

/// Most classes whose pairs are compared.
pub const MAX_CLASSES: usize = 20_000;

/// Classes of one stripe.
const STRIPE: usize = 128;

/// Distances between Gram matrices are those of \[Kini2024\], `|| G/||G|| - M/||M|| ||` in the Frobenius norm.
#[derive(Debug, Clone)]
pub struct Compared {
    /// Distance of the cosines of the class means from the optimal Gram matrix.
    pub to_optimum: f64,
    /// The same from the simplex ETF.
    pub to_etf: f64,
    /// The same from the orthogonal frame.
    pub to_frame: f64,
    /// Every class.
    pub classes: Vec<ComparedClass>,
}

/// One class among the others.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ComparedClass {
    /// The row of the class in the distance from the optimum: the squares of all classes add up to that of the distance.
    pub distance: f64,
    /// The nearest class and the angle to it, in degrees.
    pub nearest: (usize, f64),
    /// The same in the optimal Gram matrix.
    pub predicted: (usize, f64),
}

/// How equal the centred class means are.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Equality {
    /// Standard deviation of the lengths over their mean.
    pub equinorm: Option<f64>,
    /// Standard deviation of the cosines of all pairs.
    pub equiangular: Option<f64>,
    /// Mean of `|cosine + 1/(k-1)|`.
    pub etf: Option<f64>,
}

/// Columns of unit length; `None` if one is zero.
pub(crate) fn directions(columns: &DMatrix<f64>) -> Option<DMatrix<f64>> {
    let mut units = columns.clone();
    for mut column in units.column_iter_mut() {
        let length = column.norm();
        if length == 0.0 {
            return None;
        }
        column /= length;
    }
    Some(units)
}

/// Angle in degrees between two unit vectors, accurate near 0 and 180.
fn angle(u: impl Iterator<Item = f64> + Clone, v: impl Iterator<Item = f64> + Clone) -> f64 {
    let length = |sign: f64| {
        u.clone()
            .zip(v.clone())
            .map(|(x, y)| (x + sign * y).powi(2))
            .sum::<f64>()
            .sqrt()
    };
    2.0 * length(-1.0).atan2(length(1.0)).to_degrees()
}

/// `f` of every class and its inner products with all classes, in order.
fn per_class<T: Send>(units: &DMatrix<f64>, f: impl Fn(usize, &[f64]) -> T + Sync) -> Vec<T> {
    let (dimension, count) = units.shape();
    units
        .as_slice()
        .par_chunks(STRIPE * dimension)
        .enumerate()
        .flat_map_iter(|(stripe, columns)| {
            let mut products = vec![0.0; columns.len() / dimension * count];
            transposed_times(dimension, units.as_slice(), columns, &mut products);
            let rows = products.chunks_exact(count).enumerate();
            rows.map(|(i, row)| f(stripe * STRIPE + i, row)).collect::<Vec<T>>()
        })
        .collect()
}

/// An optimal Gram matrix by classes.
struct Optimum<'a> {
    angles: Angles<'a>,
    gram: &'a Gram,
    group_of: Vec<usize>,
    /// The first two classes of every group.
    first: Vec<Vec<usize>>,
}

impl<'a> Optimum<'a> {
    fn new(gram: &'a Gram, angles: Angles<'a>) -> Self {
        let partition = gram.partition();
        let mut group_of = Vec::with_capacity(partition.classes() as usize);
        let mut first: Vec<Vec<usize>> = vec![Vec::new(); partition.groups()];
        for (_, count, group) in partition.runs() {
            for _ in 0..count {
                if first[group].len() < 2 {
                    first[group].push(group_of.len());
                }
                group_of.push(group);
            }
        }
        Self {
            angles,
            gram,
            group_of,
            first,
        }
    }

    /// Inner products of one class with all groups.
    fn row(&self, class: usize) -> Vec<f64> {
        let own = self.group_of[class];
        (0..self.first.len())
            .map(|group| self.gram.between(own, group))
            .collect()
    }

    /// The first class of another vertex that is nearest to this, and its angle.
    fn nearest(&self, class: usize, row: &[f64]) -> (usize, f64) {
        let own = self.group_of[class];
        let mut best = (f64::NEG_INFINITY, 0, 0);
        for (group, &product) in row.iter().enumerate() {
            let Some(&other) = self.first[group].iter().find(|&&other| other != class) else {
                continue;
            };
            if product > best.0 {
                best = (product, other, group);
            }
        }
        (best.1, self.angles.degrees(own, best.2))
    }
}

/// Compares class means, d x k, with an optimal Gram matrix; `None` if a mean is zero and has no direction.
pub fn compare(means: &DMatrix<f64>, gram: &Gram, angles: Angles<'_>) -> Option<Compared> {
    let units = directions(means)?;
    let count = units.ncols();
    let optimum = Optimum::new(gram, angles);
    let wanted = |row: &[f64], class: usize, other: usize| {
        if class == other {
            1.0
        } else {
            row[optimum.group_of[other]]
        }
    };
    let found = |products: &[f64], class: usize, other: usize| if class == other { 1.0 } else { products[other] };
    let norms = per_class(&units, |class, products| {
        let row = optimum.row(class);
        let sum = |f: &dyn Fn(usize) -> f64| compensated_sum((0..count).map(|other| f(other).powi(2)));
        [
            sum(&|other| found(products, class, other)),
            sum(&|other| wanted(&row, class, other)),
        ]
    });
    let norm = |index: usize| compensated_sum(norms.iter().map(|row| row[index])).sqrt();
    let (measured, predicted) = (norm(0), norm(1));
    let k = count as f64;
    let etf_entry = -1.0 / (k - 1.0);
    let etf_norm = (k * (1.0 + 1.0 / (k - 1.0))).sqrt();
    let rows = per_class(&units, |class, products| {
        let row = optimum.row(class);
        let squares = |f: &dyn Fn(usize) -> f64| {
            compensated_sum((0..count).map(|other| (found(products, class, other) / measured - f(other)).powi(2)))
        };
        let own = |other: usize| f64::from(u8::from(class == other));
        let nearest = (0..count)
            .filter(|&other| other != class)
            .reduce(|a, b| if products[b] > products[a] { b } else { a })
            .unwrap_or(class);
        let (u, v) = (units.column(class), units.column(nearest));
        let compared = ComparedClass {
            distance: squares(&|other| wanted(&row, class, other) / predicted).sqrt(),
            nearest: (nearest, angle(u.iter().copied(), v.iter().copied())),
            predicted: optimum.nearest(class, &row),
        };
        let etf = squares(&|other| (own(other) + (1.0 - own(other)) * etf_entry) / etf_norm);
        let frame = squares(&|other| own(other) / k.sqrt());
        (compared, etf, frame)
    });
    let total = |squares: &mut dyn Iterator<Item = f64>| compensated_sum(squares).sqrt();
    Some(Compared {
        to_optimum: total(&mut rows.iter().map(|(row, ..)| row.distance.powi(2))),
        to_etf: total(&mut rows.iter().map(|(_, etf, _)| *etf)),
        to_frame: total(&mut rows.iter().map(|(.., frame)| *frame)),
        classes: rows.into_iter().map(|(row, ..)| row).collect(),
    })
}

/// How equal the centred class means are in length and in angle.
pub fn equality(between: &Between) -> Equality {
    let lengths: Vec<f64> = between.centred.column_iter().map(|column| column.norm()).collect();
    let k = lengths.len() as f64;
    let mean = compensated_sum(lengths.iter().copied()) / k;
    let variance = compensated_sum(lengths.iter().map(|length| (length - mean).powi(2))) / k;
    let equinorm = (mean > 0.0).then(|| variance.sqrt() / mean);
    let Some(units) = directions(&between.centred) else {
        return Equality {
            equinorm,
            equiangular: None,
            etf: None,
        };
    };
    let pairs = k * (k - 1.0);
    let mean_of = |f: &(dyn Fn(f64) -> f64 + Sync)| {
        let rows = per_class(&units, |class, products| {
            let others = products.iter().enumerate().filter(|&(other, _)| other != class);
            compensated_sum(others.map(|(_, &cosine)| f(cosine)))
        });
        compensated_sum(rows.into_iter()) / pairs
    };
    let cosine = mean_of(&|cosine| cosine);
    Equality {
        equinorm,
        equiangular: Some(mean_of(&|other| (other - cosine).powi(2)).sqrt()),
        etf: Some(mean_of(&|cosine| (cosine + 1.0 / (k - 1.0)).abs())),
    }
}

/// Distance of classifier weights, k x d, from the centred class means, d x k: `|| W/||W|| - (mu-g)/||mu-g|| ||` in the
/// Frobenius norm; `None` where either is zero.
pub fn duality(weights: &DMatrix<f64>, between: &Between) -> Option<f64> {
    let (of_weights, of_means) = (weights.norm(), between.centred.norm());
    if of_weights == 0.0 || of_means == 0.0 {
        return None;
    }
    Some((weights.transpose() / of_weights - &between.centred / of_means).norm())
}
