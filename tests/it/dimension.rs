//! Features of fewer dimensions than the relaxation needs: the best of many starts, and the convex bound beside it.

use nalgebra::DMatrix;
use rayon::prelude::*;
use ufmin::certificate::Verdict;
use ufmin::math::control::Control;
use ufmin::objective::Objective;
use ufmin::problem::{BatchLoss, Classes, Features, FullBatchLoss, Model, Problem, Training};
use ufmin::solve::{CrossCheckChoice, Options, Solved, solve};
use ufmin::study::curve::{Quantity, curve};
use ufmin::study::landscape::{self, Level};

use crate::common::{self, problem_of, program_on};

fn solved(sizes: &[u64], model: Model) -> (Problem, Solved) {
    let problem = problem_of(sizes, model);
    let solved = common::solved(&problem);
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

/// The losses of equal classes in a given dimension: every one of the full batch, and random batches.
fn balanced(classes: usize, dimension: usize, temperature: f64) -> Vec<Problem> {
    let model = |training| Model {
        temperature,
        training,
        features: Features {
            dimension: Some(dimension as u64),
            ..Features::default()
        },
        ..Model::default()
    };
    let mut models: Vec<Model> = FullBatchLoss::ALL.map(|loss| model(Training::full_batch(loss))).into();
    models.extend(BatchLoss::ALL.map(|loss| model(Training::random_batches(loss, 16))));
    let sizes = Classes::from_counts(&vec![500; classes]).unwrap();
    models
        .into_iter()
        .map(|model| Problem::new(sizes.clone(), model).unwrap())
        .collect()
}

/// The features are unit vectors of the dimension, and what is said of them is true of them; what the problem is, for
/// messages.
fn features_are_what_is_said(problem: &Problem, solved: &Solved) -> String {
    let model = problem.model();
    let classes = problem.classes().count() as usize;
    let dimension = model.features.dimension.unwrap() as usize;
    let what = format!(
        "{:?} of {classes} classes in {dimension} dimensions at {}",
        model.training, model.temperature
    );
    let features = solved.solution.factor.as_ref().unwrap();
    assert_eq!(features.shape(), (dimension, classes), "{what}");
    for column in features.column_iter() {
        assert!(
            (column.norm() - 1.0).abs() < 1e-14,
            "{what}: a column of length {}",
            column.norm()
        );
    }
    let gram = solved.certificate.gram.to_dense();
    assert!((features.transpose() * features - &gram).amax() < 1e-14, "{what}");
    let spectrum = nalgebra::SymmetricEigen::new(gram).eigenvalues;
    let rank = spectrum.iter().filter(|&&value| value > 1e-10).count();
    assert_eq!(rank as u64, solved.rank, "{what}: {spectrum}");
    assert!(rank <= dimension, "{what}");
    assert!(solved.certificate.loss >= solved.certificate.lower_bound, "{what}");
    what
}

/// The loss of the best features is the lowest that `ufmin verify` knows: its starts go another way, by L-BFGS.
fn the_landscape_knows_no_better(problem: &Problem, starts: u64) {
    let options = Options {
        cross_check: CrossCheckChoice::Never,
        ..Options::default()
    };
    let found = solve(problem, &options, &Control::default()).unwrap();
    let what = features_are_what_is_said(problem, &found);
    let model = Model {
        features: Features::default(),
        ..problem.model().clone()
    };
    let free = Problem::new(problem.classes().clone(), model).unwrap();
    let optimum = solve(&free, &options, &Control::default()).unwrap();
    let settings = landscape::SearchSettings {
        starts,
        level: Level::Class,
        ..landscape::SearchSettings::default()
    };
    let dimension = problem.model().features.dimension.unwrap();
    let landscape = landscape::verify(&free, &optimum, dimension, &settings, None, &Control::default()).unwrap();
    // Any end point bounds the minimum, also one that is no certified minimum.
    let lowest = landscape.runs.iter().map(|run| run.loss).fold(f64::INFINITY, f64::min);
    let certificate = &found.certificate;
    let unit = if certificate.floor.is_some() {
        certificate.excess
    } else {
        1.0
    };
    // Losses hold sixteen digits, of which the floor takes some.
    let allowed = 1e-6 * unit + 1e-15 * lowest.abs();
    assert!(
        certificate.loss <= lowest + allowed,
        "{what}: {} found, {lowest} known",
        certificate.loss
    );
}

/// Four equal classes in the plane are a square; the triangle and a vector of length 0 is none of their geometries.
#[test]
fn four_equal_classes_in_the_plane_are_a_square() {
    for temperature in [0.1, 0.5] {
        for problem in balanced(4, 2, temperature) {
            let solved = common::solved(&problem);
            let what = features_are_what_is_said(&problem, &solved);
            let mut entries: Vec<f64> = solved.certificate.gram.to_dense().iter().copied().collect();
            entries.sort_by(f64::total_cmp);
            for (index, entry) in entries.into_iter().enumerate() {
                let expected = [-1.0, 0.0, 0.0, 1.0][index / 4];
                assert!((entry - expected).abs() < 1e-7, "{what}: {entry}");
            }
        }
    }
    let supcon = &balanced(4, 2, 0.1)[0];
    let solved = solve(supcon, &Options::default(), &Control::default()).unwrap();
    // log1p of (2 e^{-10} + e^{-20}) 500/499 in every row.
    let expected = ((2.0 * (-10f64).exp() + (-20f64).exp()) * 500.0 / 499.0).ln_1p();
    assert!(
        (solved.certificate.excess / expected - 1.0).abs() < 1e-12,
        "{}",
        solved.certificate.excess
    );
}

#[test]
fn equal_classes_in_two_dimensions_less_than_the_simplex_are_as_low_as_the_landscape() {
    let mut problems = balanced(4, 2, 0.1);
    problems.extend(balanced(5, 3, 0.1));
    // The integrals of random batches take their time.
    let full = |problem: &Problem| matches!(problem.model().training, Training::FullBatch(_));
    problems.extend(balanced(5, 3, 0.5).into_iter().filter(full));
    problems.extend(balanced(8, 6, 0.1).into_iter().filter(full));
    problems
        .par_iter()
        .for_each(|problem| the_landscape_knows_no_better(problem, 10));
}

#[test]
#[ignore = "a quarter of an hour: some 600 problems, each from 200 starts and again by the landscape"]
fn equal_classes_in_every_dimension_are_as_low_as_the_landscape() {
    for classes in 3..=9 {
        for dimension in 2..=classes - 2 {
            for temperature in [0.05, 0.1, 0.5, 1.0] {
                balanced(classes, dimension, temperature)
                    .par_iter()
                    .for_each(|problem| the_landscape_knows_no_better(problem, 20));
            }
        }
    }
}

/// A curve has the features of its problem at every value.
#[test]
fn a_curve_in_a_given_dimension_has_the_losses_of_its_problems() {
    let problem = &balanced(4, 2, 0.1)[0];
    let options = Options::default();
    let values = [0.1, 0.5];
    let found = curve(
        problem,
        Quantity::Temperature,
        &values,
        &options,
        None,
        &Control::default(),
    )
    .unwrap();
    for (row, temperature) in found.rows.iter().zip(values) {
        let per_class = (2.0 * (-1.0 / temperature).exp() + (-2.0 / temperature).exp()) * 500.0 / 499.0;
        assert!((row.excess.unwrap() / per_class.ln_1p() - 1.0).abs() < 1e-12, "{row:?}");
        assert_eq!(row.rank, 2);
        assert!((row.nearest_degrees - 90.0).abs() < 1e-5 && (row.farthest_degrees - 180.0).abs() < 1e-5);
    }
    let batches = [8.0, 32.0];
    let found = curve(
        problem,
        Quantity::BatchSize,
        &batches,
        &options,
        None,
        &Control::default(),
    )
    .unwrap();
    for row in &found.rows {
        assert_eq!(row.rank, 2);
        assert!(
            (row.nearest_degrees - 90.0).abs() < 1e-5 && (row.farthest_degrees - 180.0).abs() < 1e-5,
            "{row:?}"
        );
    }
}

/// Nonnegative features in fewer dimensions than classes are unit vectors too.
#[test]
fn nonnegative_features_are_unit_vectors() {
    for (classes, dimension) in [(3, 2), (4, 2), (4, 3)] {
        for free in balanced(classes, dimension, 0.1) {
            let model = Model {
                features: Features {
                    nonnegative: true,
                    ..free.model().features
                },
                ..free.model().clone()
            };
            let problem = Problem::new(free.classes().clone(), model).unwrap();
            let solved = common::solved(&problem);
            features_are_what_is_said(&problem, &solved);
            assert!(solved.solution.factor.unwrap().iter().all(|&entry| entry >= 0.0));
        }
    }
}
