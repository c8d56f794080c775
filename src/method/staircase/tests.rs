use nalgebra::DMatrix;

use super::*;
use crate::certificate::certify;
use crate::gram::Gram;
use crate::math::control::Control;
use crate::problem::{Anchors, Classes, FullBatch, FullBatchLoss, Model, Problem, Training};
use crate::program::Program;
use crate::solution::Termination;

fn program(problem: &Problem) -> Program<'_> {
    let Training::FullBatch(full) = &problem.model().training else {
        panic!("full batches only");
    };
    Program::new(problem, full)
}

fn certified_gap(counts: &[u64], loss: FullBatchLoss, anchors: Anchors, temperature: f64) -> (Solved, f64, f64) {
    let classes = Classes::from_counts(counts).unwrap();
    let model = Model {
        temperature,
        training: Training::full_batch(FullBatch {
            loss,
            anchors,
            ..FullBatch::default()
        }),
        ..Model::default()
    };
    let problem = Problem::new(classes, model).unwrap();
    let program = program(&problem);
    let objective = program.class_level();
    let solved = solve(&objective, None, &Settings::default(), &Control::default());
    let gram = Gram::from_groups(program.partition.clone(), solved.values.clone());
    let certificate = certify(&problem, &gram, 1e-9).unwrap();
    (solved, certificate.relative_gap, certificate.loss)
}

#[test]
fn the_sincere_example_of_the_theory_has_rank_two() {
    let (solved, gap, loss) = certified_gap(&[2738, 2604, 13, 8, 3], FullBatchLoss::Sincere, Anchors::Sample, 0.73);
    assert_eq!(solved.termination, Termination::Converged);
    assert!((loss - 5.198714437843785).abs() < 1e-11, "{loss}");
    assert_eq!(solved.rank, 2);
    assert!(gap < 1e-10, "{gap}");
}

/// Class sizes of a long tail.
const TAIL: [u64; 10] = [5000, 2997, 1796, 1077, 645, 387, 232, 139, 83, 50];

#[test]
fn every_loss_is_certified_to_its_last_digits() {
    for (counts, loss, anchors, temperature) in [
        (&[50, 20, 10, 5, 3][..], FullBatchLoss::Supcon, Anchors::Sample, 0.3),
        (&[50, 20, 10, 5, 3], FullBatchLoss::Supcon, Anchors::Sample, 0.01),
        (&[1000, 1000, 2, 2], FullBatchLoss::Supcon, Anchors::Sample, 1.0),
        (&[500, 500, 500, 5, 5, 5, 5], FullBatchLoss::Supcon, Anchors::Class, 1.0),
        (
            &[415, 51, 51, 51, 176_726, 78, 78, 415, 4_851_214, 51],
            FullBatchLoss::Sincere,
            Anchors::Sample,
            0.1539,
        ),
        (&TAIL, FullBatchLoss::Sincere, Anchors::Sample, 0.5),
        (&TAIL, FullBatchLoss::Nscl, Anchors::Class, 0.5),
        (&TAIL, FullBatchLoss::Bcl, Anchors::Sample, 0.5),
    ] {
        let (solved, gap, _) = certified_gap(counts, loss, anchors, temperature);
        assert_eq!(solved.termination, Termination::Converged, "{loss} {counts:?}");
        assert!(gap < 1e-11, "{loss} {counts:?}: {gap}");
    }
}

#[test]
fn collapsed_groups_end_in_one_point_to_rounding() {
    let (solved, _, _) = certified_gap(&[1000, 1000, 2, 2], FullBatchLoss::Supcon, Anchors::Sample, 1.0);
    assert!(solved.values[(1, 1)] > 1.0 - 1e-14, "{}", solved.values[(1, 1)]);
    assert_eq!(solved.rank, 2);
}

/// Largest relative difference of the gradient and of the Hessian product from central differences.
fn differences<C: Cost>(cost: &C, h: &DMatrix<f64>, direction: &DMatrix<f64>) -> (f64, f64) {
    let at = cost.evaluate(h);
    let step = 1e-5;
    let (plus, minus) = (h + direction * step, h - direction * step);
    let (up, down) = (cost.evaluate(&plus), cost.evaluate(&minus));
    let slope = cost.gradient(h, &at).dot(direction);
    let found = (cost.value(&up) - cost.value(&down)) / (2.0 * step);
    let product = cost.hessian_product(h, &at, direction);
    let difference = (cost.gradient(&plus, &up) - cost.gradient(&minus, &down)) / (2.0 * step);
    (
        (slope - found).abs() / slope.abs(),
        (&product - difference).norm() / product.norm(),
    )
}

#[test]
fn derivatives_agree_with_differences() {
    let classes = Classes::from_counts(&[50, 50, 9, 4, 4, 4]).unwrap();
    for loss in FullBatchLoss::ALL {
        let model = Model {
            temperature: 0.7,
            training: Training::full_batch(loss),
            ..Model::default()
        };
        let problem = Problem::new(classes.clone(), model).unwrap();
        let program = program(&problem);
        let objective = program.class_level();
        let cost = Factored::new(&objective, -0.3);
        assert!(cost.has_private_row());
        // Normalised columns only: off the sphere the private coordinates extend the cost in one of several ways.
        let h = oblique::random(&mut generator(1, 0), 4, 3);
        let direction = oblique::random(&mut generator(1, 1), 4, 3);
        let (first, second) = differences(&cost, &h, &direction);
        assert!(first < 1e-8 && second < 1e-8, "{loss}: {first} {second}");
        let squared = Squared::new(&cost);
        let (first, second) = differences(&squared, &h, &direction);
        assert!(first < 1e-7 && second < 1e-7, "{loss}, squared: {first} {second}");
    }
}

#[test]
fn a_factor_gives_back_its_matrix() {
    let classes = Classes::from_counts(&[50, 50, 9, 4, 4, 4]).unwrap();
    let problem = Problem::new(classes, Model::default()).unwrap();
    let program = program(&problem);
    let objective = program.class_level();
    let cost = Factored::new(&objective, 0.0);
    let h = oblique::random(&mut generator(2, 0), 4, 3);
    // A column of a single class has no private coordinate.
    let mut h = h;
    h[(3, 1)] = 0.0;
    let h = oblique::normalised(h, 3);
    let values = cost.values(&h);
    let again = cost.values(&cost.factor(&values, 3).unwrap());
    assert!((values - again).amax() < 1e-14);
}

/// The simplex cut down to fewer dimensions: some eigenvectors of its eigenvalue have no part in some classes.
#[test]
fn a_factor_in_fewer_dimensions_has_unit_columns() {
    for classes in 3..=9 {
        let problem = Problem::new(Classes::from_counts(&vec![500; classes]).unwrap(), Model::default()).unwrap();
        let full = FullBatch::default();
        let program = Program::on_partition(&problem, &full, crate::gram::Partition::singletons(&problem));
        let objective = program.class_level();
        let cost = Factored::new(&objective, 0.0);
        let mut simplex = DMatrix::from_element(classes, classes, -1.0 / (classes as f64 - 1.0));
        simplex.fill_diagonal(1.0);
        for dimension in 1..classes {
            let h = cost.factor(&simplex, dimension).unwrap();
            assert_eq!(h.shape(), (dimension, classes));
            assert!(oblique::is_point(&h, 1e-14), "{classes} classes in {dimension}: {h}");
        }
    }
}

/// A cost that likes short columns and has no slope along the spheres: a run stays where it starts.
struct Lengths;

impl Cost for Lengths {
    type Point = DMatrix<f64>;

    fn evaluate(&self, h: &DMatrix<f64>) -> DMatrix<f64> {
        h.clone()
    }

    fn value(&self, at: &DMatrix<f64>) -> f64 {
        at.norm_squared()
    }

    fn gradient(&self, h: &DMatrix<f64>, _: &DMatrix<f64>) -> DMatrix<f64> {
        h * 2.0
    }

    fn hessian_product(&self, _: &DMatrix<f64>, _: &DMatrix<f64>, direction: &DMatrix<f64>) -> DMatrix<f64> {
        direction * 2.0
    }

    fn scale(&self, _: &DMatrix<f64>) -> f64 {
        1.0
    }
}

#[test]
fn a_run_that_does_not_end_at_unit_columns_does_not_count() {
    let settings = trust_region::Settings {
        max_iterations: 0,
        ..trust_region::Settings::default()
    };
    let best =
        |starts: &[DMatrix<f64>], random| best_of(&Lengths, starts, random, (2, 3), 0, &settings, &Control::default());
    let mut short = DMatrix::from_element(2, 3, 0.5_f64.sqrt());
    short.column_mut(1).fill(0.0);
    let found = best(std::slice::from_ref(&short), 3).unwrap();
    assert!(oblique::is_point(&found.outcome.h, 1e-15));
    assert_eq!((found.runs, found.hits), (4, 3));
    assert!(best(&[short], 0).is_none());
}

#[test]
fn two_dimensions_have_many_minima_and_the_best_is_known() {
    // THEORY 7: five unequal classes in the plane.
    let classes = Classes::from_counts(&[50, 20, 10, 5, 3]).unwrap();
    let model = Model {
        temperature: 0.3,
        ..Model::default()
    };
    let problem = Problem::new(classes, model).unwrap();
    let program = program(&problem);
    let objective = program.class_level();
    let cost = Factored::new(&objective, 0.0);
    let floor = program.objective().floor().unwrap();
    for (dimension, expected) in [(2, 3.3647616), (3, 3.3075851), (4, 3.2913620), (5, 3.2913620)] {
        let settings = trust_region::Settings::default();
        let best = best_of(&cost, &[], 60, (dimension, 5), 0, &settings, &Control::default()).unwrap();
        assert!(
            (floor + best.outcome.value - expected).abs() < 6e-8,
            "{dimension}: {}",
            floor + best.outcome.value
        );
        assert!(best.hits >= 1 && best.hits <= best.runs);
        if dimension >= 4 {
            assert_eq!(best.hits, best.runs, "{dimension}");
        }
    }
}
