//! Class-balanced batches, THEORY (11''): the loss against enumeration of the sets of classes and Monte Carlo, the optimum
//! against its closed form.

use nalgebra::DMatrix;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use ufmin::certificate::{Verdict, certify};
use ufmin::gram::{Gram, Partition};
use ufmin::math::control::Control;
use ufmin::objective::{Objective, Sampled};
use ufmin::problem::{BatchLoss, Features, Field, FullBatchLoss, Model, Problem, Training};
use ufmin::report::Report;
use ufmin::solution::Method;
use ufmin::solve::{MethodChoice, Options, solve};

use crate::common::{model, problem_of, solved};

fn balanced(loss: BatchLoss, classes: u64, per_class: u64, views: u64, temperature: f64) -> Model {
    Model {
        temperature,
        views,
        training: Training::class_balanced_batches(loss, classes, per_class),
        ..Model::default()
    }
}

fn sampled_on(problem: &Problem, partition: &Partition) -> Sampled {
    match &problem.model().training {
        Training::Sampled(sampling) => Sampled::on_partition(problem, sampling, partition),
        other => panic!("{other:?}"),
    }
}

/// The mass of an anchor's own class in its denominator, and that of one sample set of another class.
fn masses(model: &Model) -> (f64, f64) {
    let (_, per_class) = model.training.class_balanced().unwrap();
    let mass = (per_class * model.views) as f64;
    match model.training.loss().name() {
        "sincere" => (1.0, mass),
        "nscl" => (0.0, mass),
        "bcl" => (1.0, 1.0),
        _ => (mass - 1.0, mass),
    }
}

/// `(excess, y)` at a class-level matrix by going through all sets of `P` classes.
fn enumerated(problem: &Problem, gram: &DMatrix<f64>) -> (f64, DMatrix<f64>) {
    let model = problem.model();
    let (drawn, _) = model.training.class_balanced().unwrap();
    let (base, mass) = masses(model);
    let k = gram.nrows();
    let sets: Vec<Vec<usize>> = (0u32..1 << k)
        .filter(|set| u64::from(set.count_ones()) == drawn)
        .map(|set| (0..k).filter(|&c| set >> c & 1 == 1).collect())
        .collect();
    let (mut excess, mut y) = (0.0, DMatrix::zeros(k, k));
    let weight = 1.0 / (sets.len() as f64 * drawn as f64);
    for set in &sets {
        for &c in set {
            let others = || set.iter().copied().filter(move |&d| d != c);
            let u = |d: usize| mass * ((gram[(c, d)] - 1.0) / model.temperature).exp();
            let negatives: f64 = others().map(u).sum();
            excess += weight
                * if base > 0.0 {
                    (negatives / base).ln_1p()
                } else {
                    negatives.ln()
                };
            for d in others() {
                y[(c, d)] += weight * u(d) / (base + negatives) / model.temperature;
            }
        }
    }
    (excess, y)
}

/// A symmetric matrix with unit diagonal and entries among `values`, or anything from -1 to 1 where there are none.
fn matrix(k: usize, values: &[f64], random: &mut ChaCha8Rng) -> DMatrix<f64> {
    let mut m = DMatrix::identity(k, k);
    for i in 0..k {
        for j in 0..i {
            let value = match values.len() {
                0 => 2.0 * random.random::<f64>() - 1.0,
                count => values[random.random_range(0..count)],
            };
            m[(i, j)] = value;
            m[(j, i)] = value;
        }
    }
    m
}

#[test]
fn value_and_gradient_are_those_of_enumeration() {
    let mut random = ChaCha8Rng::seed_from_u64(3);
    let sizes = [50u64, 20, 9, 3, 2, 1, 1];
    let mut checked = 0;
    for temperature in [2.0, 0.5, 0.1, 0.04] {
        for k in 2..=7 {
            for drawn in 2..=k as u64 {
                for (loss, per_class, views) in [
                    (BatchLoss::Supcon, 2, 1),
                    (BatchLoss::Supcon, 1, 2),
                    (BatchLoss::Supcon, 7, 3),
                    (BatchLoss::Sincere, 2, 1),
                    (BatchLoss::Sincere, 8, 2),
                    (BatchLoss::Nscl, 2, 1),
                    (BatchLoss::Nscl, 3, 2),
                    (BatchLoss::Bcl, 2, 1),
                ] {
                    let problem = problem_of(&sizes[..k], balanced(loss, drawn, per_class, views, temperature));
                    let objective = sampled_on(&problem, &Partition::singletons(&problem));
                    let (base, _) = masses(problem.model());
                    assert_eq!(objective.floor(), (base > 0.0).then(|| base.ln()));
                    // Any entries, two values a row, and one: three ways of evaluation.
                    for values in [&[][..], &[1.0, -0.3], &[-0.25]] {
                        let gram = matrix(k, values, &mut random);
                        let (excess, y) = enumerated(&problem, &gram);
                        let at = objective.evaluate(&gram, 0.0);
                        let context =
                            format!("{loss:?} {drawn} of {k}, {per_class} x {views}, {temperature}, {values:?}");
                        let unit = if base > 0.0 { excess } else { excess.abs().max(1.0) };
                        let error = ((objective.excess(&at) - excess) / unit).abs();
                        assert!(error < 1e-12, "{context}: {error:e}");
                        let worst = objective
                            .gradient(&at)
                            .iter()
                            .zip(&y)
                            .map(|(a, b)| (a - b).abs() / y.amax().max(1e-300))
                            .fold(0.0, f64::max);
                        assert!(worst < 1e-12, "{context}: {worst:e}");
                        checked += 1;
                    }
                }
            }
        }
    }
    assert_eq!(checked, 4 * 21 * 8 * 3);
}

#[test]
fn groups_stand_for_their_classes() {
    let mut random = ChaCha8Rng::seed_from_u64(4);
    let sizes = [9u64, 9, 9, 4, 4, 4, 4, 2];
    for drawn in [2, 3, 5, 8] {
        let problem = problem_of(&sizes, balanced(BatchLoss::Supcon, drawn, 3, 1, 0.3));
        let partition = Partition::by_size(&problem);
        let groups = matrix(3, &[], &mut random) + DMatrix::from_diagonal_element(3, 3, -0.6);
        let group = [0usize, 0, 0, 1, 1, 1, 1, 2];
        let classes = DMatrix::from_fn(8, 8, |i, j| if i == j { 1.0 } else { groups[(group[i], group[j])] });
        let (excess, y) = enumerated(&problem, &classes);
        let objective = sampled_on(&problem, &partition);
        let at = objective.evaluate(&groups, 0.0);
        assert!((objective.excess(&at) / excess - 1.0).abs() < 1e-12);
        for i in 0..8 {
            for j in (0..8).filter(|&j| j != i) {
                let found = objective.gradient(&at)[(group[i], group[j])];
                assert!((found / y[(i, j)] - 1.0).abs() < 1e-12, "{drawn}: {i} {j}");
            }
        }
    }
}

#[test]
fn hessian_products_are_slopes_of_the_gradient() {
    let mut random = ChaCha8Rng::seed_from_u64(5);
    for (drawn, temperature, scale) in [(2, 0.5, 0.0), (3, 0.2, -2.0), (4, 1.0, 0.5), (6, 0.1, -3.0)] {
        for loss in BatchLoss::ALL {
            let problem = problem_of(&[9, 9, 4, 4, 2, 1], balanced(loss, drawn, 2, 1, temperature));
            let objective = sampled_on(&problem, &Partition::by_size(&problem));
            let at = matrix(4, &[], &mut random) * 0.7;
            let direction = matrix(4, &[], &mut random);
            let product = objective.hessian_product(&objective.evaluate(&at, scale), &direction);
            let h = 1e-5 * temperature;
            let gradient = |sign: f64| {
                let there = objective.evaluate(&(&at + &direction * (sign * h)), scale);
                objective.gradient(&there).clone()
            };
            let slope = (gradient(1.0) - gradient(-1.0)) / (2.0 * h);
            // A difference of slopes knows them to their own rounding.
            let size = slope.amax() + 1e-2 / temperature * gradient(0.0).amax();
            assert!((&product - &slope).amax() < 1e-8 * size, "{loss:?} {product} {slope}");
        }
    }
}

/// Batches as a sampler draws them.
#[test]
fn batches_that_are_drawn_have_the_expected_loss() {
    let mut random = ChaCha8Rng::seed_from_u64(6);
    let k = 20;
    let sizes: Vec<u64> = (1..=k as u64).rev().collect();
    let problem = problem_of(&sizes, balanced(BatchLoss::Supcon, 8, 4, 1, 0.3));
    let gram = matrix(k, &[], &mut random);
    let objective = sampled_on(&problem, &Partition::singletons(&problem));
    let expected = objective.floor().unwrap() + objective.excess(&objective.evaluate(&gram, 0.0));
    let (base, mass) = masses(problem.model());
    let (mut sum, mut squares) = (0.0, 0.0);
    let draws = 40_000;
    for _ in 0..draws {
        let mut order: Vec<usize> = (0..k).collect();
        for i in 0..8 {
            order.swap(i, random.random_range(i..k));
        }
        let batch = &order[..8];
        let loss: f64 = batch
            .iter()
            .map(|&c| {
                let others = batch.iter().filter(|&&d| d != c);
                let negatives: f64 = others.map(|&d| mass * ((gram[(c, d)] - 1.0) / 0.3).exp()).sum();
                (base + negatives).ln() / 8.0
            })
            .sum();
        sum += loss;
        squares += loss * loss;
    }
    let mean = sum / f64::from(draws);
    let error = ((squares / f64::from(draws) - mean * mean) / f64::from(draws)).sqrt();
    assert!((mean - expected).abs() < 4.0 * error, "{mean} {expected} {error}");
    assert!(error < 2e-3);
}

/// `log(base + V m (P - 1) e^{-k/((k-1) tau)})`, with the excess in logarithms.
fn closed_form(model: &Model, k: f64) -> (f64, f64) {
    let (drawn, _) = model.training.class_balanced().unwrap();
    let (base, mass) = masses(model);
    let ratio = mass * (drawn as f64 - 1.0) / base;
    let log_u = -k / ((k - 1.0) * model.temperature);
    let excess = (ratio * log_u.exp()).ln_1p();
    (
        base.ln() + excess,
        if log_u < -40.0 { ratio.ln() + log_u } else { excess.ln() },
    )
}

#[test]
fn the_optimum_is_the_simplex_at_any_imbalance() {
    let tail: Vec<u64> = (0..100).map(|i| 1 + 5000 / (1 + i * i)).collect();
    for (sizes, drawn) in [
        (&[1000u64, 1][..], 2),
        (&[1000, 1000, 2, 2], 3),
        (&[500_000, 40, 3, 1, 1], 2),
        (&tail, 16),
        (&tail, 100),
    ] {
        for temperature in [5.0, 0.5, 0.1, 0.02] {
            for (loss, per_class, views) in [
                (BatchLoss::Supcon, 4, 1),
                (BatchLoss::Supcon, 1, 2),
                (BatchLoss::Sincere, 2, 2),
            ] {
                let problem = problem_of(sizes, balanced(loss, drawn, per_class, views, temperature));
                let found = solved(&problem);
                let context = format!("{} classes, {drawn}, {temperature}, {loss:?}", sizes.len());
                assert!(found.is_certified(), "{context}: {:e}", found.certificate.relative_gap);
                assert_eq!(found.solution.method, Method::ClosedForm, "{context}");
                assert_eq!(found.rank, sizes.len() as u64 - 1, "{context}");
                let k = sizes.len() as f64;
                let (value, log_excess) = closed_form(problem.model(), k);
                assert!(
                    (found.certificate.loss - value).abs() < 1e-14 * value.abs().max(1.0),
                    "{context}"
                );
                let error = (found.certificate.log_excess.unwrap() - log_excess).abs();
                assert!(error < 1e-12 * log_excess.abs().max(1.0), "{context}: {error:e}");
                for (i, j) in [(0, 1), (0, k as u64 - 1), (k as u64 / 2, 0)] {
                    if i != j {
                        let entry = found.certificate.gram.entry(i, j);
                        assert!((entry + 1.0 / (k - 1.0)).abs() < 1e-14, "{context}: {entry}");
                    }
                }
                // The dual matrix is a multiple of 1 1^T: one slope for all pairs.
                if let Some(y) = &found.certificate.dual.y {
                    let present: Vec<f64> = y.iter().copied().filter(|&y| y != 0.0).collect();
                    let (low, high) = present
                        .iter()
                        .fold((f64::INFINITY, 0.0f64), |(a, b), &y| (a.min(y), b.max(y)));
                    assert!(high / low - 1.0 < 1e-12, "{context}: {low} {high}");
                }
            }
        }
    }
}

/// With all classes in every batch it is the full batch of as many samples of each.
#[test]
fn all_classes_in_a_batch_are_a_balanced_full_batch() {
    for (loss, full) in [
        (BatchLoss::Supcon, FullBatchLoss::Supcon),
        (BatchLoss::Sincere, FullBatchLoss::Sincere),
    ] {
        let batches = solved(&problem_of(&[300, 70, 9, 2, 1], balanced(loss, 5, 3, 2, 0.3)));
        let whole = solved(&problem_of(&[6; 5], model(full, 0.3)));
        assert!((batches.certificate.loss - whole.certificate.loss).abs() < 1e-13);
    }
}

#[test]
fn other_methods_find_the_same() {
    let problem = problem_of(&[40, 20, 20, 7, 3, 1], balanced(BatchLoss::Supcon, 3, 4, 1, 0.4));
    let exact = solved(&problem);
    for (method, tolerance) in [(MethodChoice::Dual, 1e-9), (MethodChoice::Lowrank, 1e-5)] {
        let options = Options {
            method,
            ..Options::default()
        };
        let other = solve(&problem, &options, &Control::default()).unwrap();
        assert!(other.is_certified(), "{method:?}");
        let distance = (other.certificate.gram.to_dense() - exact.certificate.gram.to_dense()).amax();
        assert!(distance < tolerance, "{method:?}: {distance:e}");
    }
}

#[test]
fn nonnegative_features_are_an_orthogonal_frame() {
    let model = Model {
        features: Features {
            nonnegative: true,
            dimension: None,
        },
        ..balanced(BatchLoss::Supcon, 3, 4, 1, 0.5)
    };
    let found = solved(&problem_of(&[900, 50, 4, 1], model));
    assert!(found.is_certified());
    let value = (3.0 + 8.0 * (-2.0f64).exp()).ln();
    assert!((found.certificate.loss - value).abs() < 1e-14);
    assert_eq!(found.rank, 4);
}

#[test]
fn standard_geometries_have_the_loss_of_enumeration() {
    let problem = problem_of(&[60, 30, 10, 5, 2, 1], balanced(BatchLoss::Supcon, 4, 2, 1, 0.4));
    let found = solved(&problem);
    let at = |gram: DMatrix<f64>| enumerated(&problem, &gram).0 - found.certificate.excess;
    let merged = DMatrix::from_fn(6, 6, |i, j| if i == j || (i > 2 && j > 2) { 1.0 } else { -1.0 / 3.0 });
    for (name, value) in [
        ("etf", 0.0),
        ("orthogonal-frame", at(DMatrix::identity(6, 6))),
        ("merged-minorities", at(merged)),
    ] {
        let reference = found
            .references
            .iter()
            .find(|reference| reference.name == name)
            .unwrap();
        assert!((reference.loss_above_optimum - value).abs() < 1e-12, "{name}");
    }
}

#[test]
fn a_wrong_matrix_is_not_certified_and_its_bound_holds() {
    let problem = problem_of(&[60, 30, 10, 5], balanced(BatchLoss::Sincere, 3, 2, 1, 0.4));
    let optimum = closed_form(problem.model(), 4.0).0;
    let mut values = DMatrix::from_element(4, 4, -1.0 / 3.0);
    for (i, j, value) in [(0, 1, -0.5), (2, 3, -0.1)] {
        values[(i, j)] = value;
        values[(j, i)] = value;
    }
    let gram = Gram::from_groups(Partition::singletons(&problem), values);
    let certificate = certify(&problem, &gram, 1e-6).unwrap();
    assert_eq!(certificate.verdict, Verdict::NotCertified);
    assert!(certificate.lower_bound <= optimum && optimum < certificate.loss);
}

#[test]
fn a_dimension_below_that_of_the_simplex_is_searched() {
    let model = Model {
        features: Features {
            nonnegative: false,
            dimension: Some(2),
        },
        ..balanced(BatchLoss::Supcon, 3, 2, 1, 0.5)
    };
    let found = solved(&problem_of(&[30, 20, 7, 3, 1], model));
    assert_eq!(found.certificate.verdict, Verdict::RankExceedsDimension);
    let optimum = closed_form(&balanced(BatchLoss::Supcon, 3, 2, 1, 0.5), 5.0).0;
    assert!(found.certificate.loss > optimum + 1e-3, "{}", found.certificate.loss);
}

#[test]
fn many_classes_take_no_quadrature() {
    let sizes: Vec<u64> = (0..50_000).map(|i| if i < 100 { 5000 } else { 1 + i % 7 }).collect();
    let problem = problem_of(&sizes, balanced(BatchLoss::Supcon, 1000, 4, 1, 0.1));
    let found = solved(&problem);
    assert!(found.is_certified());
    let value = closed_form(problem.model(), 50_000.0).0;
    assert!((found.certificate.loss - value).abs() < 1e-13);
}

#[test]
fn what_cannot_be_drawn_is_refused() {
    let classes = || ufmin::problem::Classes::from_counts(&[5, 4, 1]).unwrap();
    for (drawn, per_class, views, field) in [(4, 2, 1, Field::BatchClasses), (3, 1, 1, Field::PerClass)] {
        let error = Problem::new(classes(), balanced(BatchLoss::Sincere, drawn, per_class, views, 0.5)).unwrap_err();
        assert_eq!(error.field, field);
    }
    Problem::new(classes(), balanced(BatchLoss::Sincere, 3, 1, 2, 0.5)).unwrap();
}

#[test]
fn a_result_that_is_read_back_has_its_batches() {
    let problem = problem_of(&[50, 20, 3, 1], balanced(BatchLoss::Supcon, 3, 4, 2, 0.2));
    let report = Report::new(&problem, &solved(&problem), false).unwrap();
    let text = serde_json::to_string(&report).unwrap();
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    let batches = serde_json::json!({
        "kind": "class-balanced", "size": 12, "power": null, "replacement": null, "classes": 3, "per_class": 4,
    });
    assert_eq!(value["problem"]["batches"], batches);
    let back: Report = serde_json::from_str(&text).unwrap();
    assert_eq!(back.problem().unwrap().model().training, problem.model().training);
}
