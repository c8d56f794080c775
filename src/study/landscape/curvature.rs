//! The smallest eigenvalue of the Riemannian Hessian, away from rotations.
//!
//! A rotation of all columns changes nothing: with skew-symmetric `A` the tangent vectors `A H` have curvature zero at a
//! stationary point. They are projected out. The scale is that of the columns: `c_j = |h_j . G_j|` is twice the multiplier
//! of the constraint `|h_j| = 1`, and eigenvalues are those of
//!
//! ```text
//! Hess f [U] = lambda U C,     C = Diag(c),     <U, V>_C = sum_j c_j u_j . v_j,
//! ```
//!
//! free of units, of the number of samples and of the temperature. In this inner product the rotations have an orthogonal
//! basis in closed form: with `H C H^T = Q Lambda Q^T` and `E_ab = q_a q_b^T - q_b q_a^T`,
//!
//! ```text
//! <E_ab H, E_cd H>_C = [ab = cd] (lambda_a + lambda_b).
//! ```

use nalgebra::{DMatrix, DVector};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use crate::math::spectrum::eigen;
use crate::method::staircase::trust_region::{Columns, FirstOrder};
use crate::method::staircase::{Cost, oblique};

/// Largest tangent dimension for which the Hessian is formed.
const DENSE: usize = 100;

/// Most steps of Lanczos.
const MAX_STEPS: usize = 120;

/// Rotations whose generator moves the columns by less than this, squared and relative, are not told from rounding.
const STILL: f64 = 1e-13;

/// The lowest curvature found.
#[derive(Debug, Clone)]
pub struct Curvature {
    /// Smallest eigenvalue, relative to the columns' multipliers; 0 where rotations are the only directions.
    pub smallest: f64,
    /// Its eigenvector, d x n, tangent, of unit length in the inner product of `C`.
    pub direction: DMatrix<f64>,
    /// Norm of the Riemannian gradient on the same scale: `|grad|_{1/C} / sqrt(sum c)`.
    pub gradient: f64,
}

/// The Riemannian Hessian at one point, in columns scaled by `sqrt(c_j)`, without rotations.
struct Operator<'a, C: Cost> {
    cost: &'a C,
    h: &'a DMatrix<f64>,
    at: &'a C::Point,
    products: Vec<f64>,
    roots: Vec<f64>,
    /// `Q` of `H C H^T`, and its eigenvalues.
    axes: DMatrix<f64>,
    moments: Vec<f64>,
}

impl<C: Cost> Operator<'_, C> {
    /// Projects scaled columns onto the scaled tangent space without rotations.
    fn project(&self, u: &mut DMatrix<f64>) {
        oblique::project(self.h, u);
        // M = U C H^T with U = u / sqrt(c): the scaled columns times sqrt(c).
        let mut weighted = u.clone();
        scale(&mut weighted, &self.roots, 1.0);
        let m = self.axes.tr_mul(&(weighted * self.h.transpose())) * &self.axes;
        let largest = self.moments.iter().copied().fold(0.0, f64::max);
        let d = m.nrows();
        let skew = DMatrix::from_fn(d, d, |a, b| {
            let moved = self.moments[a] + self.moments[b];
            if a == b || moved <= STILL * largest {
                0.0
            } else {
                (m[(a, b)] - m[(b, a)]) / moved
            }
        });
        let mut rotation = &self.axes * (skew * self.axes.tr_mul(self.h));
        scale(&mut rotation, &self.roots, 1.0);
        *u -= rotation;
    }

    /// The Hessian between two projections.
    fn apply(&self, u: &DMatrix<f64>) -> DMatrix<f64> {
        let mut direction = u.clone();
        scale(&mut direction, &self.roots, -1.0);
        let euclidean = self.cost.hessian_product(self.h, self.at, &direction);
        let mut image = oblique::hessian(self.h, &direction, euclidean, &self.products);
        scale(&mut image, &self.roots, -1.0);
        self.project(&mut image);
        image
    }
}

/// Column `j` times `roots[j]` to the power.
fn scale(u: &mut DMatrix<f64>, roots: &[f64], power: f64) {
    for (mut column, root) in u.column_iter_mut().zip(roots) {
        column *= if power > 0.0 { *root } else { 1.0 / root };
    }
}

/// The smallest eigenvalue at `h`, which is meaningful where the gradient is small beside it. Deterministic.
///
/// Up to 100 tangent dimensions it is that of the whole matrix; above, Lanczos with full reorthogonalisation approaches
/// the smallest eigenvalue from above.
pub fn curvature<C: Cost>(cost: &C, h: &DMatrix<f64>) -> Curvature {
    let at = cost.evaluate(h);
    let (operator, gradient) = operator(cost, h, &at);
    let Some(operator) = operator else {
        return Curvature {
            smallest: f64::NAN,
            direction: DMatrix::zeros(h.nrows(), h.ncols()),
            gradient: f64::INFINITY,
        };
    };
    let (smallest, mut direction) = if h.ncols() * (h.nrows() - 1) <= DENSE {
        dense(&operator)
    } else {
        lanczos(&operator)
    };
    scale(&mut direction, &operator.roots, -1.0);
    Curvature {
        smallest,
        direction,
        gradient,
    }
}

/// The operator, if its numbers are finite, and the relative norm of the gradient.
fn operator<'a, C: Cost>(cost: &'a C, h: &'a DMatrix<f64>, at: &'a C::Point) -> (Option<Operator<'a, C>>, f64) {
    let FirstOrder {
        along: products,
        scales,
        norm,
        ..
    } = FirstOrder::new(h, cost.gradient(h, at), &Columns);
    let roots: Vec<f64> = scales.iter().map(|c| c.sqrt()).collect();
    let mut weighted = h.clone();
    scale(&mut weighted, &roots, 1.0);
    let operator = eigen(&(&weighted * weighted.transpose())).map(|spectrum| Operator {
        cost,
        h,
        at,
        products,
        roots,
        axes: spectrum.vectors,
        moments: spectrum.values,
    });
    (operator, norm)
}

/// All eigenvalues; rotations are moved out of the way by a positive shift.
fn dense<C: Cost>(operator: &Operator<'_, C>) -> (f64, DMatrix<f64>) {
    let (d, n) = operator.h.shape();
    let bases = oblique::tangent_basis(operator.h);
    let size = n * (d - 1);
    let mut matrix = DMatrix::zeros(size, size);
    let mut rotations = DMatrix::zeros(size, size);
    let mut direction = DMatrix::zeros(d, n);
    let coordinates = |u: &DMatrix<f64>| {
        let mut all = DVector::zeros(size);
        for (l, basis) in bases.iter().enumerate() {
            all.rows_mut(l * (d - 1), d - 1).copy_from(&basis.tr_mul(&u.column(l)));
        }
        all
    };
    for (j, tangent) in bases.iter().enumerate() {
        for i in 0..d - 1 {
            direction.fill(0.0);
            direction.column_mut(j).copy_from(&tangent.column(i));
            let mut inside = direction.clone();
            operator.project(&mut inside);
            let index = j * (d - 1) + i;
            matrix.set_column(index, &coordinates(&operator.apply(&inside)));
            rotations.set_column(index, &coordinates(&(&direction - &inside)));
        }
    }
    let matrix = (&matrix + matrix.transpose()) * 0.5;
    let shift = 1.0 + matrix.norm();
    let count = rotations.trace().round() as usize;
    let none = (0.0, DMatrix::zeros(d, n));
    if count >= size {
        return none;
    }
    let Some(spectrum) = eigen(&(matrix + (&rotations + rotations.transpose()) * (0.5 * shift))) else {
        return (f64::NAN, none.1);
    };
    let mut vector = DMatrix::zeros(d, n);
    for (l, basis) in bases.iter().enumerate() {
        let of_column = spectrum.vectors.view((l * (d - 1), 0), (d - 1, 1));
        vector.column_mut(l).copy_from(&(basis * of_column));
    }
    (spectrum.values[0], vector)
}

/// Lanczos from a start of its own, the same for every point of the same shape.
fn lanczos<C: Cost>(operator: &Operator<'_, C>) -> (f64, DMatrix<f64>) {
    let (d, n) = operator.h.shape();
    let mut generator = ChaCha8Rng::seed_from_u64(0x6375_7276);
    let mut vector = oblique::random(&mut generator, d, n);
    operator.project(&mut vector);
    vector /= vector.norm();
    let mut basis: Vec<DMatrix<f64>> = Vec::with_capacity(MAX_STEPS);
    let (mut diagonal, mut off_diagonal): (Vec<f64>, Vec<f64>) = (Vec::new(), Vec::new());
    let mut best = (f64::NAN, DVector::zeros(0));
    for step in 0..MAX_STEPS {
        let mut image = operator.apply(&vector);
        diagonal.push(vector.dot(&image));
        basis.push(vector);
        // Twice is enough.
        for _ in 0..2 {
            for old in &basis {
                let part = old.dot(&image);
                image.zip_apply(old, |i, o| *i -= part * o);
            }
        }
        let length = image.norm();
        let size = diagonal.len();
        let reach = (0..size).map(|i| diagonal[i].abs() + off_diagonal.get(i).copied().unwrap_or(0.0));
        // Few distinct eigenvalues, as at symmetric points, are soon exhausted; what is left then is rounding.
        let exhausted = length <= 1e-10 * reach.fold(0.0, f64::max);
        if step % 8 == 7 || step + 1 == MAX_STEPS || exhausted {
            let tridiagonal = DMatrix::from_fn(size, size, |i, j| match i.abs_diff(j) {
                0 => diagonal[i],
                1 => off_diagonal[i.min(j)],
                _ => 0.0,
            });
            let Some(spectrum) = eigen(&tridiagonal) else { break };
            let smallest = spectrum.values[0];
            let weights = spectrum.vectors.column(0).into_owned();
            let residual = length * weights[size - 1].abs();
            best = (smallest, weights);
            let resolved = residual <= 1e-9 || (smallest < 0.0 && residual <= -1e-3 * smallest);
            if exhausted || resolved {
                break;
            }
        }
        off_diagonal.push(length);
        vector = image / length;
        // Parts along rotations, of the size of rounding, were divided by a small length.
        operator.project(&mut vector);
        vector /= vector.norm();
    }
    let (smallest, weights) = best;
    let mut direction = DMatrix::zeros(d, n);
    for (old, &weight) in basis.iter().zip(weights.iter()) {
        direction.zip_apply(old, |v, o| *v += weight * o);
    }
    (smallest, direction)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::math::control::Control;
    use crate::method::staircase::Factored;
    use crate::method::staircase::trust_region::{self, minimise};
    use crate::objective::{Objective, SampleLoss};
    use crate::problem::{Classes, Model, Problem};

    fn loss(sizes: &[u64], temperature: f64) -> SampleLoss {
        let model = Model {
            temperature,
            ..Model::default()
        };
        SampleLoss::new(&Problem::new(Classes::from_counts(sizes).unwrap(), model).unwrap()).unwrap()
    }

    #[test]
    fn both_ways_to_the_smallest_eigenvalue_agree() {
        for (sizes, temperature, dimension) in [
            (vec![6, 6, 3, 3], 0.1, 7),
            (vec![12, 9, 2], 1.0, 5),
            (vec![8, 4, 4], 0.2, 2),
        ] {
            let loss = loss(&sizes, temperature);
            let mut generator = ChaCha8Rng::seed_from_u64(3);
            let h = oblique::random(&mut generator, dimension, loss.samples());
            let log_scale = loss.log_excess(&loss.evaluate(&h.tr_mul(&h), 0.0));
            let cost = Factored::new(&loss, log_scale);
            let settings = trust_region::Settings::default();
            let h = minimise(&cost, h, &settings, &Control::default()).h;
            let (mut values, mut vectors) = (Vec::new(), Vec::new());
            for way in [dense, lanczos] {
                let at = cost.evaluate(&h);
                let (value, vector) = way(&operator(&cost, &h, &at).0.unwrap());
                values.push(value);
                vectors.push(vector);
            }
            let [exact, iterative] = values[..] else { panic!() };
            assert!((exact - iterative).abs() < 1e-8 * exact.abs(), "{sizes:?}: {values:?}");
            // The eigenvectors may differ within an eigenspace; both have the eigenvalue as Rayleigh quotient.
            let at = cost.evaluate(&h);
            let operator = operator(&cost, &h, &at).0.unwrap();
            for vector in vectors {
                let quotient = vector.dot(&operator.apply(&vector)) / vector.norm_squared();
                assert!(
                    (quotient - exact).abs() < 1e-6 * exact.abs(),
                    "{quotient} is not {exact}"
                );
            }
        }
    }

    /// Features on a line, embedded in the plane, are stationary by symmetry. Moving them out of the line along `x` has
    /// the curvature `2 x^T S x` with `S = W - Diag(h_i (W h)_i)`, and `x = h` is the rotation.
    #[test]
    fn a_line_in_the_plane_is_a_saddle_with_its_eigenvalue() {
        let loss = loss(&[3, 2, 2], 0.5);
        let signs = [1.0, 1.0, 1.0, -1.0, -1.0, 1.0, -1.0];
        let mut h = DMatrix::zeros(2, 7);
        h.row_mut(0).copy_from_slice(&signs);
        let line = DVector::from_row_slice(&signs);
        let y = loss.gradient(&loss.evaluate(&h.tr_mul(&h), 0.0)).clone();
        let w = (&y + y.transpose()) * 0.5;
        let weighted = line.component_mul(&(&w * &line));
        let s = (&w - DMatrix::from_diagonal(&weighted)) * 2.0;
        assert!((&s * &line).amax() < 1e-14);
        // Relative to c = 2 |h_j . (H W)_j|, without the rotation.
        let roots = weighted.map(|a| (2.0 * a.abs()).sqrt());
        let scaled = DMatrix::from_fn(7, 7, |i, j| s[(i, j)] / (roots[i] * roots[j]));
        let rotation = line.component_mul(&roots).normalize();
        let spectrum = eigen(&(scaled + &rotation * rotation.transpose() * 1e3)).unwrap();
        let expected = spectrum.values[0];
        assert!(expected < -0.1, "{expected}");

        let cost = Factored::new(&loss, 0.0);
        let found = curvature(&cost, &h);
        assert!(
            (found.smallest - expected).abs() < 1e-12,
            "{} is not {expected}",
            found.smallest
        );
        assert!(found.gradient < 1e-14);
        assert_eq!(
            crate::study::landscape::SearchSettings::default().kind(&found),
            crate::study::landscape::EndKind::Saddle
        );
        // Lower on both sides along its direction, by half the eigenvalue times the square.
        let value = |t: f64| cost.value(&cost.evaluate(&oblique::retract(&h, &(&found.direction * t))));
        let fall = value(1e-3) + value(-1e-3) - 2.0 * value(0.0);
        assert!((fall / 1e-6 / expected - 1.0).abs() < 1e-3, "{fall}");
    }
}
