//! Symmetric matrices that are zero off a pattern: proven definiteness and lowest eigenvectors by a sparse Cholesky
//! factorisation with a fill-reducing order, on faer. No matrix of the full order is formed.

use std::sync::{Arc, OnceLock};

use faer::MatMut;
use faer::Side;
use faer::linalg::solvers::SolveCore;
use faer::sparse::linalg::cholesky::{CholeskySymbolicParams, SymmetricOrdering, factorize_symbolic_cholesky};
use faer::sparse::linalg::solvers::{Llt, SymbolicLlt};
use faer::sparse::{SparseColMatRef, SymbolicSparseColMatRef};
use nalgebra::DMatrix;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::spectrum::eigen;
use super::stored::misfit;

/// Where a symmetric matrix of order `n` may be different from zero: both triangles and the whole diagonal.
#[derive(Debug)]
pub struct Pattern {
    /// Column `j` has its rows at `starts[j]..starts[j + 1]`, ascending.
    starts: Vec<u32>,
    rows: Vec<u32>,
    /// Position of the entry on the other side of the diagonal.
    twins: Vec<u32>,
    /// Position of every diagonal entry.
    diagonal: Vec<u32>,
    symbolic: OnceLock<Option<SymbolicLlt<u32>>>,
}

/// A pattern is stored as its columns; the rest follows from them.
#[derive(Serialize, Deserialize)]
struct StoredPattern {
    starts: Vec<u32>,
    rows: Vec<u32>,
}

impl Serialize for Pattern {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        StoredPattern {
            starts: self.starts.clone(),
            rows: self.rows.clone(),
        }
        .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Pattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let StoredPattern { starts, rows } = StoredPattern::deserialize(deserializer)?;
        Self::from_columns(starts, rows).ok_or_else(|| misfit("a pattern"))
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.starts == other.starts && self.rows == other.rows
    }
}

impl Pattern {
    /// The pattern of order `n` in which the members of every clique are joined to each other. Cliques hold numbers below
    /// `n`, none twice. `None` where it would have 2^32 entries or more.
    pub fn from_cliques(n: usize, cliques: &[Vec<u32>]) -> Option<Self> {
        let mut cliques_of: Vec<Vec<u32>> = vec![Vec::new(); n];
        for (index, clique) in cliques.iter().enumerate() {
            for &member in clique {
                cliques_of[member as usize].push(index as u32);
            }
        }
        let mut seen = vec![u32::MAX; n];
        let mut starts = vec![0u32];
        let mut rows: Vec<u32> = Vec::new();
        let mut diagonal = Vec::with_capacity(n);
        for (j, own) in cliques_of.iter().enumerate() {
            let start = rows.len();
            seen[j] = j as u32;
            rows.push(j as u32);
            for &clique in own {
                for &member in &cliques[clique as usize] {
                    if seen[member as usize] != j as u32 {
                        seen[member as usize] = j as u32;
                        rows.push(member);
                    }
                }
            }
            rows[start..].sort_unstable();
            let at = rows[start..].binary_search(&(j as u32)).ok()?;
            diagonal.push((start + at) as u32);
            starts.push(u32::try_from(rows.len()).ok()?);
        }
        Some(Self::with_diagonal(starts, rows, diagonal))
    }

    fn with_diagonal(starts: Vec<u32>, rows: Vec<u32>, diagonal: Vec<u32>) -> Self {
        // Columns are visited in order, so the twins of a column are met in the order of its rows.
        let mut next: Vec<u32> = starts[..diagonal.len()].to_vec();
        let mut twins = vec![0u32; rows.len()];
        for position in 0..rows.len() {
            let i = rows[position] as usize;
            twins[position] = next[i];
            next[i] += 1;
        }
        Self {
            starts,
            rows,
            twins,
            diagonal,
            symbolic: OnceLock::new(),
        }
    }

    /// From columns that were stored; `None` where they are not those of a symmetric pattern with its diagonal.
    fn from_columns(starts: Vec<u32>, rows: Vec<u32>) -> Option<Self> {
        let n = starts.len().checked_sub(1)?;
        let ascends = starts.is_sorted() && starts[0] == 0 && starts[n] as usize == rows.len();
        if !ascends || rows.iter().any(|&row| row as usize >= n) {
            return None;
        }
        let column = |j: usize| &rows[starts[j] as usize..starts[j + 1] as usize];
        let mut diagonal = Vec::with_capacity(n);
        for (j, &start) in starts[..n].iter().enumerate() {
            let entries = column(j);
            let mirrored = |&row: &u32| column(row as usize).binary_search(&(j as u32)).is_ok();
            if !entries.is_sorted_by(|a, b| a < b) || !entries.iter().all(mirrored) {
                return None;
            }
            diagonal.push(start + entries.binary_search(&(j as u32)).ok()? as u32);
        }
        Some(Self::with_diagonal(starts, rows, diagonal))
    }

    /// The order `n`.
    pub fn order(&self) -> usize {
        self.diagonal.len()
    }

    /// Number of entries, of both triangles.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// True for the empty matrix.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Positions and rows of column `j`, rows ascending.
    pub fn column(&self, j: usize) -> impl Iterator<Item = (usize, usize)> + '_ {
        let (start, end) = (self.starts[j] as usize, self.starts[j + 1] as usize);
        (start..end).zip(self.rows[start..end].iter().map(|&row| row as usize))
    }

    /// Position of the entry in row `i` and column `j`, if it is in the pattern.
    pub fn position(&self, i: usize, j: usize) -> Option<usize> {
        let (start, end) = (self.starts[j] as usize, self.starts[j + 1] as usize);
        self.rows[start..end]
            .binary_search(&(i as u32))
            .ok()
            .map(|at| start + at)
    }

    /// Position of the diagonal entry of column `j`.
    pub fn diagonal(&self, j: usize) -> usize {
        self.diagonal[j] as usize
    }

    /// Position of the mirror image of the entry at `position`.
    pub fn twin(&self, position: usize) -> usize {
        self.twins[position] as usize
    }

    fn view(&self) -> SymbolicSparseColMatRef<'_, u32> {
        let n = self.order();
        SymbolicSparseColMatRef::new_checked(n, n, &self.starts, None, &self.rows)
    }

    fn symbolic(&self) -> Option<&SymbolicLlt<u32>> {
        self.symbolic
            .get_or_init(|| SymbolicLlt::try_new(self.view(), Side::Lower).ok())
            .as_ref()
    }

    /// Bytes of a Cholesky factor, in the fill-reducing order; infinity where that cannot be found.
    pub fn factor_bytes(&self) -> f64 {
        let ordering = SymmetricOrdering::Amd;
        factorize_symbolic_cholesky(self.view(), Side::Lower, ordering, CholeskySymbolicParams::default())
            .map_or(f64::INFINITY, |symbolic| 8.0 * symbolic.len_val() as f64)
    }
}

/// A symmetric matrix on a pattern.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Sparse {
    #[serde(with = "super::stored::shared")]
    pattern: Arc<Pattern>,
    values: Vec<f64>,
}

impl Sparse {
    /// The zero matrix.
    pub fn zeros(pattern: Arc<Pattern>) -> Self {
        let values = vec![0.0; pattern.len()];
        Self { pattern, values }
    }

    /// Where entries may differ from zero.
    pub fn pattern(&self) -> &Arc<Pattern> {
        &self.pattern
    }

    /// The entries, by position in the pattern.
    pub fn values(&self) -> &[f64] {
        &self.values
    }

    /// See [`Sparse::values`].
    pub fn values_mut(&mut self) -> &mut [f64] {
        &mut self.values
    }

    /// The entry in row `i` and column `j`.
    pub fn get(&self, i: usize, j: usize) -> f64 {
        self.pattern
            .position(i, j)
            .map_or(0.0, |position| self.values[position])
    }

    /// `self` times a block of vectors.
    fn times(&self, block: &DMatrix<f64>) -> DMatrix<f64> {
        let mut out = DMatrix::zeros(block.nrows(), block.ncols());
        for c in 0..block.ncols() {
            for j in 0..self.pattern.order() {
                // Symmetric: column j is row j.
                out[(j, c)] = self
                    .pattern
                    .column(j)
                    .map(|(at, i)| self.values[at] * block[(i, c)])
                    .sum();
            }
        }
        out
    }

    /// The Cholesky factor of `self + shift I`, if it exists in floating point.
    fn factor(&self, shift: f64) -> Option<Llt<u32, f64>> {
        if self.values.iter().any(|value| !value.is_finite()) || !shift.is_finite() {
            return None;
        }
        let mut values = self.values.clone();
        for &at in &self.pattern.diagonal {
            values[at as usize] += shift;
        }
        let matrix = SparseColMatRef::new(self.pattern.view(), values.as_slice());
        Llt::try_new_with_symbolic(self.pattern.symbolic()?.clone(), matrix, Side::Lower).ok()
    }

    /// Rounding of a Cholesky factorisation that runs to its end, relative to the trace, as for a dense matrix \[Rump2006\]:
    /// a sparse one makes no more operations on an entry.
    fn allowance(&self) -> f64 {
        (self.pattern.order() as f64 + 3.0) * f64::EPSILON
    }

    fn trace(&self) -> f64 {
        let diagonal = self.pattern.diagonal.iter();
        diagonal.map(|&at| self.values[at as usize].abs()).sum()
    }

    /// A shift `eta >= 0` for which `self + eta I` is PROVEN positive semidefinite, within a factor of about 2 of the smallest
    /// that can be proved; infinity where nothing can be proved.
    pub fn definite_shift(&self) -> f64 {
        let n = self.pattern.order() as f64;
        let (trace, allowance) = (self.trace(), self.allowance());
        let largest = self.values.iter().fold(0.0f64, |most, value| most.max(value.abs()));
        let mut shift = allowance * trace.max(f64::MIN_POSITIVE / f64::EPSILON);
        // Beyond this the matrix is diagonally dominant.
        let end = 8.0 * n * largest.max(f64::MIN_POSITIVE) + shift;
        let first = shift;
        while self.factor(shift).is_none() {
            if shift.is_nan() || shift > end {
                return f64::INFINITY;
            }
            shift *= 4.0;
        }
        if shift > first && self.factor(0.5 * shift).is_some() {
            shift *= 0.5;
        }
        shift + allowance * (trace + n * shift)
    }

    /// Eigenvectors of negative eigenvalues, the most negative first, at most `most` of them, with their Rayleigh quotients:
    /// by iteration with the inverse of `self + shift I`. Empty where the matrix with `slack` on the diagonal has a Cholesky
    /// factor; `None` where it has no factor with any shift. An eigenvalue near zero may be missed, and none is invented: the
    /// quotients are computed.
    pub fn lowest(&self, slack: f64, most: usize) -> Option<Vec<(f64, Vec<f64>)>> {
        if self.factor(slack).is_some() {
            return Some(Vec::new());
        }
        let n = self.pattern.order();
        let end = 8.0 * n as f64 * self.values.iter().fold(1.0f64, |most, value| most.max(value.abs()));
        let mut shift = 4.0 * slack;
        let factor = loop {
            if let Some(factor) = self.factor(shift) {
                break factor;
            }
            if shift.is_nan() || shift > end {
                return None;
            }
            shift *= 4.0;
        };
        let width = (most + 4).min(n);
        let mut generator = ChaCha8Rng::seed_from_u64(0x10_7e57);
        let mut block = DMatrix::from_fn(n, width, |_, _| StandardNormal.sample(&mut generator));
        let mut quotients = Vec::new();
        for _ in 0..SUBSPACE_STEPS {
            let (rows, columns) = block.shape();
            factor.solve_in_place_with_conj(
                faer::Conj::No,
                MatMut::from_column_major_slice_mut(block.as_mut_slice(), rows, columns),
            );
            let (basis, values) = self.rayleigh_ritz(&block)?;
            block = basis;
            let settled = values
                .iter()
                .zip(&quotients)
                .take(most)
                .all(|(new, old): (&f64, &f64)| (new - old).abs() <= 0.02 * (new.abs() + slack));
            let known = !quotients.is_empty();
            quotients = values;
            if known && settled {
                break;
            }
        }
        Some(
            quotients
                .iter()
                .take(most)
                .enumerate()
                .take_while(|&(_, &value)| value < 0.0)
                .map(|(c, &value)| (value, block.column(c).iter().copied().collect()))
                .collect(),
        )
    }

    /// Orthonormal vectors that span `block`, with `self` diagonal among them: ascending Rayleigh quotients.
    fn rayleigh_ritz(&self, block: &DMatrix<f64>) -> Option<(DMatrix<f64>, Vec<f64>)> {
        let q = block.clone().qr().q();
        let projected = q.transpose() * self.times(&q);
        let spectrum = eigen(&((&projected + projected.transpose()) * 0.5))?;
        Some((q * spectrum.vectors, spectrum.values))
    }
}

/// Most steps of the subspace iteration.
const SUBSPACE_STEPS: usize = 40;
