//! [`ClassMeasures`]: class means of unit features, their spread, and the nearest class mean of every sample, THEORY 10.
//!
//! Two passes over the rows. The first adds up the classes, every coordinate compensated and in the order of the rows. The
//! second takes the distance of every row from its own mean, so that a spread of 1e-14 of collapsed features has its digits:
//! the second moment less the square of the mean would lose all of them.

use nalgebra::{DMatrix, DVector};
use rayon::prelude::*;

use super::rows::{Block, Rows, Sign, dot, for_each_block};
use crate::error::Error;
use crate::math::control::Control;
use crate::math::spectrum::{left_singular, transposed_times};
use crate::math::sum::{Sum, two_sum};

/// Eigenvalues of the between-class covariance at or below this share of the largest count as zero.
pub const PSEUDOINVERSE_CUTOFF: f64 = 1e-10;

/// Coordinates that one thread adds up, and rows whose products it takes at a time.
const STRIPE: usize = 32;
const ROWS: usize = 128;

/// Class means and what surrounds them.
#[derive(Debug, Clone)]
pub struct ClassMeasures {
    /// Means of the unit rows of every class, d x k: a column is a class.
    pub means: DMatrix<f64>,
    /// Samples of every class.
    pub sizes: Vec<u64>,
    /// Sum of the squared distances of the samples of every class from its mean.
    pub within: Vec<f64>,
    /// Samples of every class whose nearest class mean is that of their own (the first of equally near ones counts).
    pub correct: Vec<u64>,
    /// `tr(Sigma_W Sigma_B^+)`; `None` where all means coincide.
    pub pseudoinverse_trace: Option<f64>,
}

/// Class means about their own mean, and the spectrum of their covariance `Sigma_B`.
#[derive(Debug, Clone)]
pub struct Between {
    /// `g`, the mean of the class means.
    pub centre: DVector<f64>,
    /// `mu_c - g`, d x k.
    pub centred: DMatrix<f64>,
    /// Eigenvalues of `Sigma_B`, descending.
    pub eigenvalues: Vec<f64>,
    /// `U diag(eigenvalue^{-1/2})` over those that are not zero, d x r: the columns of a root of the pseudoinverse.
    root: DMatrix<f64>,
}

impl Between {
    /// Of class means, d x k.
    ///
    /// # Errors
    /// [`Error::Internal`] where a decomposition fails, which it does for numbers that are not finite.
    pub fn new(means: &DMatrix<f64>) -> Result<Self, Error> {
        let (dimension, classes) = means.shape();
        let centre = DVector::from_fn(dimension, |i, _| {
            let mut sum = Sum::default();
            means.row(i).iter().for_each(|&x| sum.add(x));
            sum.value() / classes as f64
        });
        let mut centred = means.clone();
        for mut column in centred.column_iter_mut() {
            column -= &centre;
        }
        let scaled = &centred / (classes as f64).sqrt();
        let (singular, vectors) = left_singular(&scaled).ok_or_else(|| Error::Internal {
            what: "the class means have no singular values".to_owned(),
        })?;
        // Relative to the root of the eigenvalues.
        let cutoff = PSEUDOINVERSE_CUTOFF.sqrt() * singular.first().copied().unwrap_or(0.0);
        // Means that coincide to rounding have no covariance.
        let kept = if singular.first().is_some_and(|&largest| largest > 1e-15) {
            singular.iter().take_while(|&&value| value > cutoff).count()
        } else {
            0
        };
        let mut root = vectors.columns(0, kept).into_owned();
        for (mut column, value) in root.column_iter_mut().zip(&singular) {
            column /= *value;
        }
        Ok(Self {
            centre,
            centred,
            eigenvalues: singular.iter().map(|value| value * value).collect(),
            root,
        })
    }

    /// `tr Sigma_B`.
    pub fn trace(&self) -> f64 {
        self.centred.norm_squared() / self.centred.ncols() as f64
    }

    /// `exp` of the entropy of the normalised eigenvalues; `None` where all are zero.
    pub fn effective_rank(&self) -> Option<f64> {
        let total: f64 = self.eigenvalues.iter().sum();
        if self.root.ncols() == 0 {
            return None;
        }
        let shares = self.eigenvalues.iter().map(|value| value / total);
        let entropy: f64 = shares
            .filter(|&share| share > 0.0)
            .map(|share| -share * share.ln())
            .sum();
        Some(entropy.exp())
    }
}

/// Sums of vectors by class, compensated: for every stripe of coordinates, `k` pieces.
struct Sums {
    stripes: Vec<Stripe>,
    classes: usize,
}

struct Stripe {
    first: usize,
    width: usize,
    high: Vec<f64>,
    low: Vec<f64>,
}

impl Sums {
    fn new(dimension: usize, classes: usize) -> Self {
        let stripe = |first: usize| {
            let width = STRIPE.min(dimension - first);
            Stripe {
                first,
                width,
                high: vec![0.0; classes * width],
                low: vec![0.0; classes * width],
            }
        };
        Self {
            stripes: (0..dimension).step_by(STRIPE).map(stripe).collect(),
            classes,
        }
    }

    /// Every coordinate in the order of the rows, whatever thread adds it up.
    fn add(&mut self, block: &Block<'_>, dimension: usize, classes: &[u32]) {
        self.stripes.par_iter_mut().for_each(|stripe| {
            for (row, &class) in block.values.chunks_exact(dimension).zip(&classes[block.first..]) {
                let source = &row[stripe.first..stripe.first + stripe.width];
                let at = class as usize * stripe.width;
                let high = &mut stripe.high[at..at + stripe.width];
                let low = &mut stripe.low[at..at + stripe.width];
                for ((high, low), &x) in high.iter_mut().zip(low).zip(source) {
                    let (sum, lost) = two_sum(*high, x);
                    *high = sum;
                    *low += lost;
                }
            }
        });
    }

    fn means(&self, dimension: usize, sizes: &[u64]) -> DMatrix<f64> {
        let mut means = DMatrix::zeros(dimension, self.classes);
        for stripe in &self.stripes {
            for (class, &size) in sizes.iter().enumerate() {
                for j in 0..stripe.width {
                    let at = class * stripe.width + j;
                    means[(stripe.first + j, class)] = (stripe.high[at] + stripe.low[at]) / size as f64;
                }
            }
        }
        means
    }
}

/// The first pass: class means of the unit rows, d x k. `visit` sees every block too.
pub(crate) fn means(
    rows: &mut dyn Rows,
    classes: &[u32],
    sizes: &[u64],
    sign: Sign,
    control: &Control,
    mut visit: impl FnMut(&Block<'_>),
) -> Result<DMatrix<f64>, Error> {
    let dimension = rows.dimension();
    let mut sums = Sums::new(dimension, sizes.len());
    for_each_block(rows, sign, "class means: rows", control, |block| {
        sums.add(&block, dimension, classes);
        visit(&block);
    })?;
    Ok(sums.means(dimension, sizes))
}

/// What the second pass finds of one row.
struct OfRow {
    /// Squared distance from the mean of its class.
    within: f64,
    /// The same in the metric of the pseudoinverse of `Sigma_B`.
    relative: f64,
    nearest: u32,
}

/// The second pass. `visit` sees every block too.
pub(crate) fn spread(
    rows: &mut dyn Rows,
    classes: &[u32],
    sizes: &[u64],
    (means, between): (DMatrix<f64>, &Between),
    control: &Control,
    mut visit: impl FnMut(&Block<'_>),
) -> Result<ClassMeasures, Error> {
    let count = sizes.len();
    let dimension = rows.dimension();
    let nearest = NearestMean::new(&between.centred);
    let mut within = vec![Sum::default(); count];
    let mut correct = vec![0u64; count];
    let mut relative = Sum::default();
    for_each_block(rows, Sign::Any, "spread within classes: rows", control, |block| {
        let labels = &classes[block.first..];
        let found: Vec<OfRow> = block
            .values
            .par_chunks(ROWS * dimension)
            .zip(labels.par_chunks(ROWS))
            .flat_map_iter(|(values, labels)| of_rows(values, labels, &means, between, &nearest))
            .collect();
        for (row, &class) in found.iter().zip(labels) {
            within[class as usize].add(row.within);
            relative.add(row.relative);
            correct[class as usize] += u64::from(row.nearest == class);
        }
        visit(&block);
    })?;
    Ok(ClassMeasures {
        means,
        sizes: sizes.to_vec(),
        within: within.into_iter().map(Sum::value).collect(),
        correct,
        pseudoinverse_trace: (between.root.ncols() > 0).then(|| relative.value() / classes.len() as f64),
    })
}

fn of_rows(
    values: &[f64],
    labels: &[u32],
    means: &DMatrix<f64>,
    between: &Between,
    nearest: &NearestMean<'_>,
) -> impl Iterator<Item = OfRow> + use<> {
    let dimension = means.nrows();
    let here = values.len() / dimension;
    // From the centre for the nearest mean, and from the own mean for the spread: both without cancellation.
    let mut moved = values.to_vec();
    for row in moved.chunks_exact_mut(dimension) {
        row.iter_mut().zip(between.centre.iter()).for_each(|(x, g)| *x -= g);
    }
    let classes = nearest.of(&moved);
    moved.copy_from_slice(values);
    for (row, &class) in moved.chunks_exact_mut(dimension).zip(labels) {
        let mean = means.column(class as usize);
        row.iter_mut().zip(mean.iter()).for_each(|(x, mu)| *x -= mu);
    }
    let rank = between.root.ncols();
    let mut projected = vec![0.0; here * rank];
    if rank > 0 {
        transposed_times(dimension, between.root.as_slice(), &moved, &mut projected);
    }
    let found: Vec<OfRow> = (0..here)
        .map(|row| {
            let deviation = &moved[row * dimension..(row + 1) * dimension];
            let projected = &projected[row * rank..(row + 1) * rank];
            OfRow {
                within: dot(deviation, deviation),
                relative: dot(projected, projected),
                nearest: classes[row],
            }
        })
        .collect();
    found.into_iter()
}

/// The nearest of the class means: the one with the largest `h.m - |m|^2/2`, the first of equal ones.
///
/// Many means are looked at in single precision first. An inner product of `d` terms is wrong there by at most
/// `(d + 4) 2^-24 |h| |m|`, rounding of the numbers included, and the means that this leaves in question are looked at again in
/// double precision: the answer is that of double precision.
struct NearestMean<'a> {
    centred: &'a DMatrix<f64>,
    single: Vec<f32>,
    /// `|m|^2/2`.
    halves: Vec<f64>,
    /// The largest `|m|`.
    longest: f64,
}

/// Fewest means that are looked at in single precision first.
const SCREENED: usize = 64;

/// Means a row that are looked at again one by one; with more of them all are.
const AGAIN: usize = 8;

impl<'a> NearestMean<'a> {
    fn new(centred: &'a DMatrix<f64>) -> Self {
        let halves: Vec<f64> = centred
            .column_iter()
            .map(|column| column.norm_squared() / 2.0)
            .collect();
        let single = if halves.len() >= SCREENED {
            centred.iter().map(|&x| x as f32).collect()
        } else {
            Vec::new()
        };
        Self {
            centred,
            single,
            longest: (2.0 * halves.iter().copied().fold(0.0, f64::max)).sqrt(),
            halves,
        }
    }

    /// Of rows from the same centre, one after the other.
    fn of(&self, rows: &[f64]) -> Vec<u32> {
        if self.single.is_empty() {
            return self.in_double(rows);
        }
        let (dimension, count) = self.centred.shape();
        let single: Vec<f32> = rows.iter().map(|&x| x as f32).collect();
        let mut products = vec![0.0f32; rows.len() / dimension * count];
        transposed_times(dimension, &self.single, &single, &mut products);
        let relative = (dimension + 4) as f64 * 2f64.powi(-24) * self.longest;
        let mut again = 0;
        let mut found = Vec::with_capacity(rows.len() / dimension);
        for (row, products) in rows.chunks_exact(dimension).zip(products.chunks_exact(count)) {
            let score = |class: usize| f64::from(products[class]) - self.halves[class];
            let least = (0..count).fold(f64::NEG_INFINITY, |best, class| best.max(score(class)));
            let least = least - 2.0 * relative * dot(row, row).sqrt();
            let mut best = (f64::NEG_INFINITY, 0);
            for class in (0..count).filter(|&class| score(class) >= least) {
                again += 1;
                let mean = &self.centred.as_slice()[class * dimension..(class + 1) * dimension];
                let exact = dot(row, mean) - self.halves[class];
                if exact > best.0 {
                    best = (exact, class as u32);
                }
            }
            if again * dimension > AGAIN * rows.len() {
                return self.in_double(rows);
            }
            found.push(best.1);
        }
        found
    }

    fn in_double(&self, rows: &[f64]) -> Vec<u32> {
        let (dimension, count) = self.centred.shape();
        let mut products = vec![0.0; rows.len() / dimension * count];
        transposed_times(dimension, self.centred.as_slice(), rows, &mut products);
        let nearest = |products: &[f64]| {
            let mut best = (f64::NEG_INFINITY, 0);
            for ((class, &product), &half) in (0..).zip(products).zip(&self.halves) {
                if product - half > best.0 {
                    best = (product - half, class);
                }
            }
            best.1
        };
        products.chunks_exact(count).map(nearest).collect()
    }
}

impl ClassMeasures {
    /// Features that are one vector a class, d x k, which stands for samples that coincide: nothing is spread, and a class
    /// whose vector is that of an earlier class is taken for that one.
    pub fn collapsed(means: DMatrix<f64>, sizes: Vec<u64>, between: &Between) -> Self {
        let nearest = |class: usize| {
            let distance = |other: usize| (means.column(other) - means.column(class)).norm_squared();
            (0..class).all(|other| distance(other) > 0.0)
        };
        let correct = (0..sizes.len())
            .map(|class| if nearest(class) { sizes[class] } else { 0 })
            .collect();
        Self {
            within: vec![0.0; sizes.len()],
            correct,
            pseudoinverse_trace: (between.root.ncols() > 0).then_some(0.0),
            means,
            sizes,
        }
    }

    /// Number of samples `n`.
    pub fn samples(&self) -> u64 {
        self.sizes.iter().sum()
    }

    /// `tr Sigma_W`.
    pub fn within_trace(&self) -> f64 {
        let mut total = Sum::default();
        self.within.iter().for_each(|&sum| total.add(sum));
        total.value() / self.samples() as f64
    }

    /// Share of samples whose nearest class mean is that of their own class.
    pub fn accuracy(&self) -> f64 {
        self.correct.iter().sum::<u64>() as f64 / self.samples() as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Means from far apart to within the rounding of single precision of each other.
    #[test]
    fn the_nearest_mean_in_single_precision_is_that_in_double() {
        let (dimension, count) = (7, 90);
        let entry = |i: usize, j: usize| ((i * 7919 + j * 104_729 + i * j * 31) % 1009) as f64 / 1009.0 - 0.5;
        for closeness in [1.0, 1e-3, 1e-9] {
            let means = DMatrix::from_fn(dimension, count, |i, j| entry(i, 3) + closeness * entry(i, j));
            let nearest = NearestMean::new(&means);
            assert!(!nearest.single.is_empty());
            let rows: Vec<f64> = (0..200)
                .flat_map(|row| (0..dimension).map(move |i| entry(i, 3) + closeness * entry(i, row * 13 + 5)))
                .collect();
            let found = nearest.of(&rows);
            assert_eq!(found, nearest.in_double(&rows));
            // Not all the same one.
            assert!(found.iter().collect::<std::collections::BTreeSet<_>>().len() > 20);
        }
    }
}
