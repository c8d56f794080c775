//! The two dense factorisations of this module, on one thread: their rounding must not depend on the number of threads.

use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::cholesky::llt;
use faer::linalg::lu::partial_pivoting as lu;
use faer::perm::PermRef;
use faer::{Mat, Par, Spec};

/// Solves `matrix x = right` by LU with partial pivoting; `None` if the result is not finite.
pub(super) fn solve(matrix: Mat<f64>, right: &[f64]) -> Option<Vec<f64>> {
    Factor::new(matrix).solve(right)
}

/// LU with partial pivoting, to be used again.
pub(super) struct Factor {
    /// Both triangles.
    matrix: Mat<f64>,
    forward: Vec<usize>,
    backward: Vec<usize>,
}

impl Factor {
    pub(super) fn new(mut matrix: Mat<f64>) -> Self {
        let n = matrix.nrows();
        let mut forward = vec![0_usize; n];
        let mut backward = vec![0_usize; n];
        let requirement = lu::factor::lu_in_place_scratch::<usize, f64>(n, n, Par::Seq, Spec::default());
        lu::factor::lu_in_place(
            matrix.as_mut(),
            &mut forward,
            &mut backward,
            Par::Seq,
            MemStack::new(&mut MemBuffer::new(requirement)),
            Spec::default(),
        );
        Self {
            matrix,
            forward,
            backward,
        }
    }

    /// The solution of `matrix x = right`; `None` if it is not finite.
    pub(super) fn solve(&self, right: &[f64]) -> Option<Vec<f64>> {
        let n = right.len();
        let requirement = lu::solve::solve_in_place_scratch::<usize, f64>(n, 1, Par::Seq);
        let mut x = Mat::from_fn(n, 1, |i, _| right[i]);
        // Each triangular solve reads only its own triangle.
        lu::solve::solve_in_place(
            self.matrix.as_ref(),
            self.matrix.as_ref(),
            PermRef::new_checked(&self.forward, &self.backward, n),
            x.as_mut(),
            Par::Seq,
            MemStack::new(&mut MemBuffer::new(requirement)),
        );
        let x: Vec<f64> = (0..n).map(|i| x[(i, 0)]).collect();
        x.iter().all(|value| value.is_finite()).then_some(x)
    }
}

/// Whether the Cholesky factorisation of the symmetric `matrix` (lower triangle) exists in floating point.
pub(super) fn has_cholesky(mut matrix: Mat<f64>) -> bool {
    let n = matrix.nrows();
    let requirement = llt::factor::cholesky_in_place_scratch::<f64>(n, Par::Seq, Spec::default());
    let mut memory = MemBuffer::new(requirement);
    let regularization = llt::factor::LltRegularization::default();
    llt::factor::cholesky_in_place(
        matrix.as_mut(),
        regularization,
        Par::Seq,
        MemStack::new(&mut memory),
        Spec::default(),
    )
    .is_ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn lu_solves_a_permuted_system() {
        // Zero pivots force row exchanges: x is planted.
        let rows = [[0.0, 2.0, 1.0], [1.0, 0.0, -1.0], [3.0, 1.0, 0.0]];
        let x = [1.5, -2.0, 0.25];
        let right: Vec<f64> = rows
            .iter()
            .map(|row| row.iter().zip(x).map(|(a, b)| a * b).sum())
            .collect();
        let solved = solve(Mat::from_fn(3, 3, |i, j| rows[i][j]), &right).unwrap();
        for (a, b) in solved.iter().zip(x) {
            assert!((a - b).abs() < 1e-14, "{solved:?}");
        }
    }

    #[test]
    fn a_singular_system_has_no_solution() {
        assert_eq!(solve(Mat::from_fn(2, 2, |_, _| 1.0), &[1.0, 2.0]), None);
    }

    #[test]
    fn cholesky_tells_definite_from_indefinite() {
        let matrix = |off: f64| Mat::from_fn(3, 3, |i, j| if i == j { 1.0 } else { off });
        assert!(has_cholesky(matrix(-0.49)));
        assert!(!has_cholesky(matrix(-0.51)));
    }
}
