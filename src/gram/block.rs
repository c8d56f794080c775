//! The blocks of a Gram matrix that is constant on groups: definiteness and spectrum without a k x k matrix.

use nalgebra::DMatrix;

use super::{FactorForm, Gram};
use crate::math::spectrum::{eigen, product, transposed_product};

/// The r x r block of the orthonormal lift of a group matrix with diagonal `diagonal[g]` (one class with itself) and
/// `values` between different classes; the remaining eigenvalues are `diagonal[g] - values[g][g]` where `m_g >= 2`.
pub(crate) fn lifted_block(multiplicity: &[f64], diagonal: &[f64], values: &DMatrix<f64>) -> DMatrix<f64> {
    let root: Vec<f64> = multiplicity.iter().map(|m| m.sqrt()).collect();
    DMatrix::from_fn(values.nrows(), values.ncols(), |g, h| {
        if g == h {
            diagonal[g]
                + if multiplicity[g] > 1.0 {
                    (multiplicity[g] - 1.0) * values[(g, g)]
                } else {
                    0.0
                }
        } else {
            root[g] * root[h] * values[(g, h)]
        }
    })
}

/// The eigenvalues of a class-level Gram matrix, from its blocks: no k x k matrix is formed.
#[derive(Debug, Clone)]
pub struct GramSpectrum {
    /// Eigenvalues of the block between groups, descending, with eigenvectors as columns.
    pub(crate) block: Vec<f64>,
    pub(crate) vectors: DMatrix<f64>,
    /// `1 - M_gg` of each group, an eigenvalue `m_g - 1` times.
    pub(crate) differences: Vec<f64>,
    multiplicity: Vec<u64>,
}

impl GramSpectrum {
    /// Eigenvalues of a Gram matrix.
    pub fn new(gram: &Gram) -> Self {
        let multiplicity = gram.partition().multiplicity_f64();
        if let Some(form) = gram.factor() {
            return Self::of_factor(gram, form, &multiplicity);
        }
        let ones = vec![1.0; multiplicity.len()];
        let values = gram.values();
        let block = lifted_block(&multiplicity, &ones, &values);
        let spectrum = eigen(&block).expect("a Gram matrix is finite");
        let order: Vec<usize> = (0..spectrum.values.len()).rev().collect();
        Self {
            block: order.iter().map(|&i| spectrum.values[i]).collect(),
            vectors: spectrum.vectors.select_columns(&order),
            differences: (0..multiplicity.len()).map(|g| 1.0 - values[(g, g)]).collect(),
            multiplicity: gram.partition().multiplicity().to_vec(),
        }
    }

    /// Of a matrix in the form of a factor: from the second moments of its columns, as many as it has rows.
    fn of_factor(gram: &Gram, form: &FactorForm, multiplicity: &[f64]) -> Self {
        let mut weighted = form.shared().into_owned();
        for (mut column, m) in weighted.column_iter_mut().zip(multiplicity) {
            column *= m.sqrt();
        }
        let moments = product(&weighted, &weighted.transpose());
        let spectrum = eigen(&moments).expect("unit columns are finite");
        let largest = spectrum.values.last().copied().unwrap_or(0.0);
        let kept: Vec<usize> = (0..spectrum.values.len())
            .rev()
            .filter(|&i| spectrum.values[i] > f64::EPSILON * largest)
            .collect();
        let mut vectors = transposed_product(&weighted, &spectrum.vectors.select_columns(&kept));
        for mut column in vectors.column_iter_mut() {
            column.normalize_mut();
        }
        Self {
            block: kept.iter().map(|&i| spectrum.values[i]).collect(),
            vectors,
            differences: (0..multiplicity.len())
                .map(|g| {
                    if multiplicity[g] < 2.0 {
                        0.0
                    } else {
                        1.0 - gram.between(g, g)
                    }
                })
                .collect(),
            multiplicity: gram.partition().multiplicity().to_vec(),
        }
    }

    /// Eigenvalues with their multiplicities, in no particular order.
    pub fn values(&self) -> impl Iterator<Item = (f64, u64)> + '_ {
        let differences = self
            .differences
            .iter()
            .zip(&self.multiplicity)
            .map(|(&value, &m)| (value, m - 1));
        self.block
            .iter()
            .map(|&value| (value, 1))
            .chain(differences)
            .filter(|&(_, count)| count > 0)
    }

    /// Largest eigenvalue.
    pub fn largest(&self) -> f64 {
        self.values().map(|(value, _)| value).fold(0.0, f64::max)
    }

    /// The smallest of the `rank` largest eigenvalues; infinity for none.
    pub(crate) fn smallest_of(&self, rank: u64) -> f64 {
        let mut values: Vec<(f64, u64)> = self.values().collect();
        values.sort_by(|a, b| b.0.total_cmp(&a.0));
        let mut counted = 0;
        for (value, count) in values {
            if counted >= rank {
                break;
            }
            counted += count;
            if counted >= rank {
                return value;
            }
        }
        f64::INFINITY
    }

    /// Number of eigenvalues above `relative * largest`.
    pub fn rank(&self, relative: f64) -> u64 {
        let cutoff = relative * self.largest();
        self.values()
            .filter(|&(value, _)| value > cutoff)
            .map(|(_, count)| count)
            .sum()
    }
}
