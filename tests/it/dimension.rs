//! Features of fewer dimensions than the relaxation needs: the best of many starts, and the convex bound beside it.

use nalgebra::DMatrix;
use ufmin::certificate::Verdict;
use ufmin::math::control::Control;
use ufmin::objective::Objective;
use ufmin::problem::{Classes, Features, FullBatchLoss, Model, Problem, Training};
use ufmin::solve::{Solved, solve};
use ufmin::spec::Options;

use crate::program_on;

fn solved(sizes: &[u64], model: Model) -> (Problem, Solved) {
    let problem = Problem::new(Classes::from_counts(sizes).unwrap(), model).unwrap();
    let solved = solve(&problem, &Options::default(), &Control::default()).unwrap();
    (problem, solved)
}

/// THEORY 7: the numbers of an independent source.
#[test]
fn the_best_in_two_and_three_dimensions_is_that_of_the_theory() {
    for (dimension, expected) in [(2, 3.364_761_6), (3, 3.307_585_1)] {
        let model = Model {
            temperature: 0.3,
            features: Features {
                dimension: Some(dimension),
                ..Features::default()
            },
            ..Model::default()
        };
        let (problem, solved) = solved(&[50, 20, 10, 5, 3], model);
        let certificate = &solved.certificate;
        assert!((certificate.loss - expected).abs() < 6e-8, "{}", certificate.loss);
        assert_eq!(certificate.verdict, Verdict::RankExceedsDimension);
        assert!((certificate.lower_bound - 3.291_362_0).abs() < 6e-8);
        let search = solved.dimension_search.as_ref().unwrap();
        assert_eq!((search.dimension, search.relaxation_rank), (dimension, 4));
        assert!(search.best_found >= 1 && search.best_found < search.starts);
        assert!((search.loss_above_relaxation - (certificate.loss - search.relaxation_loss)).abs() < 1e-14);
        // The features are there, in that dimension, and have the loss that is claimed.
        let features = solved.solution.factor.as_ref().unwrap();
        assert_eq!(features.shape(), (dimension as usize, 5));
        let program = program_on(&problem, certificate.gram.partition().clone());
        let objective = program.class_level();
        let excess = objective.excess(&objective.evaluate(&(features.transpose() * features), 0.0));
        assert!((excess / certificate.excess - 1.0).abs() < 1e-13);
    }
}

#[test]
fn a_dimension_that_suffices_changes_nothing() {
    let model = |dimension| Model {
        temperature: 0.3,
        features: Features {
            dimension,
            ..Features::default()
        },
        ..Model::default()
    };
    let (_, free) = solved(&[50, 20, 10, 5, 3], model(None));
    let (_, limited) = solved(&[50, 20, 10, 5, 3], model(Some(4)));
    assert!(limited.is_certified() && limited.dimension_search.is_none());
    assert_eq!(free.certificate.loss, limited.certificate.loss);
}

/// In one dimension a class is a sign: all assignments can be tried.
#[test]
fn one_dimension_is_the_best_assignment_of_signs() {
    let sizes = [90, 40, 33, 20, 11, 7, 4, 3];
    for loss in [FullBatchLoss::Supcon, FullBatchLoss::Nscl, FullBatchLoss::Bcl] {
        let model = Model {
            temperature: 0.8,
            training: Training::full_batch(loss),
            features: Features {
                dimension: Some(1),
                ..Features::default()
            },
            ..Model::default()
        };
        let (problem, solved) = solved(&sizes, model);
        let program = program_on(&problem, solved.certificate.gram.partition().clone());
        let objective = program.class_level();
        let best = (0u32..128)
            .map(|bits| {
                let sign = |class: usize| if bits >> class & 1 == 1 { -1.0 } else { 1.0 };
                let values = DMatrix::from_fn(8, 8, |i, j| sign(i) * sign(j));
                objective.excess(&objective.evaluate(&values, 0.0))
            })
            .fold(f64::INFINITY, f64::min);
        assert!((solved.certificate.excess - best).abs() < 1e-12, "{loss}");
    }
}

/// With nonnegative features in two dimensions the answer lies on a quarter circle: a grid search is a second route.
#[test]
fn nonnegative_features_in_the_plane_agree_with_a_grid() {
    let model = Model {
        temperature: 0.3,
        features: Features {
            nonnegative: true,
            dimension: Some(2),
        },
        ..Model::default()
    };
    let (problem, solved) = solved(&[30, 12, 5], model);
    let features = solved.solution.factor.as_ref().unwrap();
    assert!(features.iter().all(|&entry| entry >= 0.0));
    assert_eq!(features.nrows(), 2);
    let program = program_on(&problem, solved.certificate.gram.partition().clone());
    let objective = program.class_level();
    let steps = 200;
    let angle = |step: usize| step as f64 / steps as f64 * std::f64::consts::FRAC_PI_2;
    let mut best = f64::INFINITY;
    for second in 0..=steps {
        for third in 0..=steps {
            for first in [0, steps] {
                let at = [angle(first), angle(second), angle(third)];
                let values = DMatrix::from_fn(3, 3, |i, j| (at[i] - at[j]).cos());
                best = best.min(objective.excess(&objective.evaluate(&values, 0.0)));
            }
        }
    }
    let found = solved.certificate.excess;
    assert!(
        found <= best * (1.0 + 1e-12) && found > best * (1.0 - 1e-3),
        "{found} against {best}"
    );
    assert_eq!(solved.certificate.verdict, Verdict::RankExceedsDimension);
}
