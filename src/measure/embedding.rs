//! [`Embedding`]: unit vectors with a given Gram matrix, and its inverse, the Gram matrix of vectors.

use nalgebra::DMatrix;

pub use crate::gram::block::GramSpectrum;
use crate::gram::{FactorForm, Gram};
use crate::problem::Problem;
use crate::solve::Solved;

/// Features that attain a Gram matrix. A column is a class.
#[derive(Debug, Clone)]
pub struct Embedding {
    /// `H`, d x k, columns of unit length, `H^T H = G`; classes in the user's order.
    pub features: DMatrix<f64>,
    /// Sum of the eigenvalues of `G` that were left out, against a trace of k.
    pub discarded: f64,
    /// By how much an entry of `H^T H` may differ from `G` because of that, beside rounding.
    pub moved: f64,
}

/// Bytes that an embedding of `rank` dimensions takes.
pub fn bytes(rank: u64, classes: u64) -> f64 {
    8.0 * rank as f64 * classes as f64
}

/// Unit vectors whose inner products are `gram`, from its `rank` largest eigenvalues (equal ones are not parted).
///
/// Rows are ordered: eigenvectors of the block between groups by descending eigenvalue, each with its entry of largest
/// magnitude positive (the first of them, within 1e-9); then, for every group of `m >= 2` classes, `m - 1` Helmert
/// contrasts among them. The result is a function of the matrix alone.
pub fn embed(gram: &Gram, spectrum: &GramSpectrum, rank: u64) -> Embedding {
    let partition = gram.partition();
    let members = partition.members();
    let smallest = spectrum.smallest_of(rank);
    let kept = |value: f64| value >= smallest;
    let rows: u64 = spectrum
        .values()
        .filter(|&(value, _)| kept(value))
        .map(|(_, count)| count)
        .sum();
    let mut features = DMatrix::zeros(rows as usize, partition.classes() as usize);
    let mut row = 0;
    for (index, &value) in spectrum.block.iter().enumerate().filter(|&(_, &value)| kept(value)) {
        let column = spectrum.vectors.column(index);
        let peak = column.amax();
        let sign = column
            .iter()
            .find(|entry| entry.abs() >= peak * (1.0 - 1e-9))
            .map_or(1.0, |entry| entry.signum());
        for (g, classes) in members.iter().enumerate() {
            let entry = sign * value.max(0.0).sqrt() * column[g] / (classes.len() as f64).sqrt();
            for &class in classes {
                features[(row, class as usize)] = entry;
            }
        }
        row += 1;
    }
    for (g, classes) in members.iter().enumerate() {
        let value = spectrum.differences[g];
        if classes.len() < 2 || !kept(value) {
            continue;
        }
        for j in 1..classes.len() {
            let scale = value.max(0.0).sqrt() / ((j * (j + 1)) as f64).sqrt();
            for &class in &classes[..j] {
                features[(row, class as usize)] = scale;
            }
            features[(row, classes[j] as usize)] = -scale * j as f64;
            row += 1;
        }
    }
    let mut moved = 0.0f64;
    for mut column in features.column_iter_mut() {
        // What was left out of this vector, and what its new length changes.
        moved = moved.max(2.0 * (1.0 - column.norm_squared()).abs());
        column.normalize_mut();
    }
    let discarded = spectrum
        .values()
        .filter(|&(value, _)| !kept(value))
        .map(|(value, count)| value.max(0.0) * count as f64)
        .sum();
    Embedding {
        features,
        discarded,
        moved,
    }
}

/// The features of an answer, a column a class: those that were found where the dimension is limited, the orthogonal frame
/// where they may not be negative, else from the eigenvalues of the Gram matrix.
pub fn features(problem: &Problem, solved: &Solved) -> Embedding {
    let gram = &solved.certificate.gram;
    match &solved.solution.factor {
        Some(features) if solved.dimension_search.is_some() => Embedding {
            features: features.clone(),
            discarded: 0.0,
            moved: 0.0,
        },
        _ if problem.model().features.nonnegative => match gram.factor() {
            Some(form) => of_columns(gram, form),
            None => orthogonal_frame(gram),
        },
        _ => embed(gram, &GramSpectrum::new(gram), solved.rank),
    }
}

/// The columns of a factor, one a point.
fn of_columns(gram: &Gram, form: &FactorForm) -> Embedding {
    let runs = gram.partition().runs();
    let groups: Vec<usize> = runs
        .flat_map(|(_, count, group)| std::iter::repeat_n(group, count as usize))
        .collect();
    Embedding {
        features: form.shared().select_columns(&groups),
        discarded: 0.0,
        moved: 0.0,
    }
}

/// The orthogonal frame in the place of a Gram matrix that is nearly the identity.
fn orthogonal_frame(gram: &Gram) -> Embedding {
    let classes = gram.partition().classes() as usize;
    let multiplicity = gram.partition().multiplicity();
    let values = gram.values();
    let pairs = (0..values.nrows()).flat_map(|g| (0..=g).map(move |h| (g, h)));
    Embedding {
        features: DMatrix::identity(classes, classes),
        discarded: 0.0,
        moved: pairs
            .filter(|&(g, h)| g != h || multiplicity[g] > 1)
            .fold(0.0, |most, (g, h)| most.max(values[(g, h)].abs())),
    }
}

/// `H^T H`: the inverse of [`embed`].
pub fn gram_of(features: &DMatrix<f64>) -> DMatrix<f64> {
    features.transpose() * features
}
