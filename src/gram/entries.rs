//! [`Entries`]: numbers for pairs of vertices, dense or on the pairs of a pattern alone.
//!
//! An invariant Gram matrix, the slopes of a loss and a dual matrix have one number for every ordered pair of vertices that
//! the loss looks at. A full batch looks at all pairs: [`DMatrix`]. A schedule of batches looks at those that share a batch:
//! [`Sparse`].

use nalgebra::DMatrix;

use crate::math::sparse::Sparse;
use crate::math::spectrum::{definite_shift, eigen, product, transposed_product};

/// Numbers `e_gh` for ordered pairs of `r` vertices; those that are not stored are zero, and the diagonal is stored.
pub trait Entries: Clone + std::fmt::Debug + Send + Sync {
    /// Number of vertices `r`.
    fn order(&self) -> usize;

    /// The entry of a pair.
    fn entry(&self, g: usize, h: usize) -> f64;

    /// Replaces every stored entry by `f(g, h, entry)`.
    fn update(&mut self, f: impl FnMut(usize, usize, f64) -> f64);

    /// Calls `f(g, h, entry)` for every stored entry.
    fn each(&self, f: impl FnMut(usize, usize, f64));

    /// Replaces the diagonal by `f(g)`.
    fn set_diagonal(&mut self, f: impl Fn(usize) -> f64);

    /// `(e + e^T)/2`.
    fn symmetrised(&self) -> Self;

    /// `X^T Y` of p x r matrices, at the stored pairs.
    fn products(&self, x: &DMatrix<f64>, y: &DMatrix<f64>) -> Self;

    /// `X e` of a p x r matrix.
    fn times(&self, x: &DMatrix<f64>) -> DMatrix<f64>;

    /// Of a symmetric matrix: the eigenvectors of eigenvalues below `-slack`, the most negative first, at most `most`, with
    /// the eigenvalues (or quotients near them); empty where there are none. `None` where they cannot be computed.
    fn lowest(&self, slack: f64, most: usize) -> Option<Vec<(f64, Vec<f64>)>>;

    /// A shift `eta` for which `e + eta I` is proven positive semidefinite; infinity where there is none.
    fn definite_shift(&self) -> f64;
}

impl Entries for DMatrix<f64> {
    fn order(&self) -> usize {
        self.nrows()
    }

    fn entry(&self, g: usize, h: usize) -> f64 {
        self[(g, h)]
    }

    fn update(&mut self, mut f: impl FnMut(usize, usize, f64) -> f64) {
        for (h, mut column) in self.column_iter_mut().enumerate() {
            for (g, value) in column.iter_mut().enumerate() {
                *value = f(g, h, *value);
            }
        }
    }

    fn each(&self, mut f: impl FnMut(usize, usize, f64)) {
        for (h, column) in self.column_iter().enumerate() {
            for (g, &value) in column.iter().enumerate() {
                f(g, h, value);
            }
        }
    }

    fn set_diagonal(&mut self, f: impl Fn(usize) -> f64) {
        for g in 0..self.nrows() {
            self[(g, g)] = f(g);
        }
    }

    fn symmetrised(&self) -> Self {
        (self + self.transpose()) * 0.5
    }

    fn products(&self, x: &DMatrix<f64>, y: &DMatrix<f64>) -> Self {
        transposed_product(x, y)
    }

    fn times(&self, x: &DMatrix<f64>) -> DMatrix<f64> {
        product(x, self)
    }

    fn lowest(&self, slack: f64, most: usize) -> Option<Vec<(f64, Vec<f64>)>> {
        let spectrum = eigen(self)?;
        let negative = spectrum.values.iter().enumerate().take(most);
        Some(
            negative
                .take_while(|&(_, &value)| value < -slack)
                .map(|(i, &value)| (value, spectrum.vectors.column(i).iter().copied().collect()))
                .collect(),
        )
    }

    fn definite_shift(&self) -> f64 {
        definite_shift(self)
    }
}

impl Entries for Sparse {
    fn order(&self) -> usize {
        self.pattern().order()
    }

    fn entry(&self, g: usize, h: usize) -> f64 {
        self.get(g, h)
    }

    fn update(&mut self, mut f: impl FnMut(usize, usize, f64) -> f64) {
        let pattern = self.pattern().clone();
        let values = self.values_mut();
        for h in 0..pattern.order() {
            for (at, g) in pattern.column(h) {
                values[at] = f(g, h, values[at]);
            }
        }
    }

    fn each(&self, mut f: impl FnMut(usize, usize, f64)) {
        for h in 0..self.order() {
            for (at, g) in self.pattern().column(h) {
                f(g, h, self.values()[at]);
            }
        }
    }

    fn set_diagonal(&mut self, f: impl Fn(usize) -> f64) {
        let pattern = self.pattern().clone();
        for g in 0..pattern.order() {
            self.values_mut()[pattern.diagonal(g)] = f(g);
        }
    }

    fn symmetrised(&self) -> Self {
        let mut result = self.clone();
        for (at, value) in result.values_mut().iter_mut().enumerate() {
            *value = 0.5 * (*value + self.values()[self.pattern().twin(at)]);
        }
        result
    }

    fn products(&self, x: &DMatrix<f64>, y: &DMatrix<f64>) -> Self {
        let mut result = Self::zeros(self.pattern().clone());
        let p = x.nrows();
        let (x, y) = (x.as_slice(), y.as_slice());
        result.update(|g, h, _| {
            let columns = x[g * p..(g + 1) * p].iter().zip(&y[h * p..(h + 1) * p]);
            columns.map(|(x, y)| x * y).sum()
        });
        result
    }

    fn times(&self, x: &DMatrix<f64>) -> DMatrix<f64> {
        let p = x.nrows();
        let mut out = DMatrix::zeros(p, self.order());
        let from = x.as_slice();
        for (h, mut column) in out.column_iter_mut().enumerate() {
            for (at, g) in self.pattern().column(h) {
                let value = self.values()[at];
                for (out, x) in column.iter_mut().zip(&from[g * p..(g + 1) * p]) {
                    *out += value * x;
                }
            }
        }
        out
    }

    fn lowest(&self, slack: f64, most: usize) -> Option<Vec<(f64, Vec<f64>)>> {
        Sparse::lowest(self, slack, most)
    }

    fn definite_shift(&self) -> f64 {
        Sparse::definite_shift(self)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::math::sparse::Pattern;
    use rand::{Rng, RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    fn pair(generator: &mut impl Rng) -> (Sparse, DMatrix<f64>) {
        let cliques = vec![vec![0, 3, 5], vec![1, 3], vec![2, 6, 4, 0], vec![6, 5]];
        let pattern = Arc::new(Pattern::from_cliques(8, &cliques).unwrap());
        let joined = |g: usize, h: usize| {
            let shared = |c: &Vec<u32>| c.contains(&(g as u32)) && c.contains(&(h as u32));
            g == h || cliques.iter().any(shared)
        };
        let mut sparse = Sparse::zeros(pattern);
        sparse.update(|_, _, _| generator.random::<f64>() - 0.5);
        let dense = DMatrix::from_fn(8, 8, |g, h| {
            assert_eq!(sparse.pattern().position(g, h).is_some(), joined(g, h));
            sparse.get(g, h)
        });
        (sparse, dense)
    }

    fn dense(sparse: &Sparse) -> DMatrix<f64> {
        DMatrix::from_fn(sparse.order(), sparse.order(), |g, h| sparse.entry(g, h))
    }

    #[test]
    fn a_pattern_holds_what_a_dense_matrix_holds_there() {
        let generator = &mut ChaCha8Rng::seed_from_u64(7);
        let (sparse, full) = pair(generator);
        assert_eq!(dense(&sparse.symmetrised()), full.symmetrised());
        let x = DMatrix::from_fn(3, 8, |_, _| generator.random::<f64>());
        let y = DMatrix::from_fn(3, 8, |_, _| generator.random::<f64>());
        assert!((sparse.times(&x) - full.times(&x)).amax() < 1e-15);
        let (some, all) = (sparse.products(&x, &y), full.products(&x, &y));
        some.each(|g, h, value| assert!((value - all[(g, h)]).abs() < 1e-15));
        let mut count = 0;
        sparse.each(|_, _, _| count += 1);
        assert_eq!(count, sparse.pattern().len());
    }

    #[test]
    fn definiteness_and_lowest_eigenvectors_are_those_of_the_dense_matrix() {
        let generator = &mut ChaCha8Rng::seed_from_u64(8);
        for _ in 0..50 {
            let (sparse, full) = pair(generator);
            let (sparse, full) = (sparse.symmetrised(), full.symmetrised());
            let spectrum = eigen(&full).unwrap();
            let shift = Entries::definite_shift(&sparse);
            assert!(shift >= -spectrum.values[0] && shift <= -5.0 * spectrum.values[0] + 1e-13);
            let found = Entries::lowest(&sparse, 1e-10, 2).unwrap();
            assert!(!found.is_empty());
            for ((value, vector), exact) in found.iter().zip(&spectrum.values) {
                let v = nalgebra::DVector::from_column_slice(vector);
                let quotient = (v.transpose() * &full * &v)[(0, 0)] / v.norm_squared();
                assert!((value - quotient).abs() < 1e-12);
                assert!((value - exact).abs() < 0.1 * exact.abs() + 1e-3, "{value} {exact}");
            }
            let mut definite = sparse.clone();
            definite.update(|g, h, value| if g == h { value + 5.0 } else { value });
            assert!(Entries::lowest(&definite, 1e-10, 2).unwrap().is_empty());
            assert!(Entries::definite_shift(&definite) < 1e-12);
        }
        let (mut broken, _) = pair(generator);
        broken.update(|_, _, _| f64::NAN);
        assert_eq!(Entries::definite_shift(&broken), f64::INFINITY);
        assert_eq!(Entries::lowest(&broken, 1e-10, 2), None);
    }
}
