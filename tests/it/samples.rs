//! The sample-level loss against its definition, against the class level where both are defined, and by slopes.

use nalgebra::DMatrix;
use proptest::prelude::*;
use ufmin::objective::{Objective, SampleLoss};
use ufmin::problem::{Anchors, Classes, FullBatch, FullBatchLoss, Model, Problem, Singletons, Training};
use ufmin::program::{SampleEntries, lift_samples};

use crate::common::{anchored, full_batch, problem, problem_of, program};
use crate::loss::sample_level;

/// The Gram matrix of unit vectors in four dimensions with entries from `raw`.
fn gram(raw: &[f64], n: usize) -> DMatrix<f64> {
    let mut h = DMatrix::from_fn(4, n, |i, j| {
        raw[(4 * j + i) % raw.len()] + if i == j % 4 { 0.7 } else { 0.0 }
    });
    for mut column in h.column_iter_mut() {
        column.normalize_mut();
    }
    h.transpose() * h
}

fn labels(sizes: &[u64]) -> Vec<usize> {
    sizes
        .iter()
        .enumerate()
        .flat_map(|(c, &n)| std::iter::repeat_n(c, n as usize))
        .collect()
}

fn value(loss: &SampleLoss, gram: &DMatrix<f64>) -> f64 {
    loss.floor().unwrap_or(0.0) + loss.excess(&loss.evaluate(gram, 0.0))
}

prop_compose! {
    fn instance()(
        sizes in proptest::collection::vec(2u64..5, 2..5),
        loss in proptest::sample::select(FullBatchLoss::ALL.to_vec()),
        anchors in proptest::sample::select(vec![Anchors::Sample, Anchors::Class]),
        temperature in 0.1f64..2.0,
        raw in proptest::collection::vec(-1.0f64..1.0, 80),
    ) -> (Vec<u64>, Problem, Vec<f64>) {
        let problem = problem(&sizes, anchored(loss, anchors), temperature);
        (sizes, problem, raw)
    }
}

proptest! {
    #[test]
    fn the_loss_is_its_definition((sizes, problem, raw) in instance()) {
        let loss = SampleLoss::new(&problem).unwrap();
        let labels = labels(&sizes);
        let gram = gram(&raw, labels.len());
        let model = problem.model();
        let full = full_batch(model);
        let expected = sample_level(&gram, &labels, full.loss, full.anchors, model.temperature);
        let found = value(&loss, &gram);
        prop_assert!((found - expected).abs() < 1e-12 * (1.0 + expected.abs()), "{found} is not {expected}");
        let point = loss.evaluate(&gram, 0.0);
        if loss.floor().is_some() {
            prop_assert!((loss.log_excess(&point) - loss.excess(&point).ln()).abs() < 1e-12);
        }
        // The unit is a unit.
        let scaled = loss.evaluate(&gram, -3.0);
        prop_assert!((loss.excess(&scaled) * (-3f64).exp() / loss.excess(&point) - 1.0).abs() < 1e-12);
        prop_assert!((loss.gradient(&scaled) * (-3f64).exp() - loss.gradient(&point)).amax() < 1e-12);
    }

    /// Differences of values at +-h and of gradients at +-h, against gradient and Hessian product.
    #[test]
    fn derivatives_are_those_of_the_value((sizes, problem, raw) in instance()) {
        let loss = SampleLoss::new(&problem).unwrap();
        let n = sizes.iter().sum::<u64>() as usize;
        let gram = gram(&raw, n);
        let mut direction = DMatrix::from_fn(n, n, |i, j| raw[(7 * i.min(j) + 3 * i.max(j)) % raw.len()]);
        direction.fill_diagonal(0.0);
        let log_scale = -1.5;
        let step = 1e-5;
        let at = |t: f64| loss.evaluate(&(&gram + &direction * t), log_scale);
        let point = at(0.0);
        let slope = (loss.excess(&at(step)) - loss.excess(&at(-step))) / (2.0 * step);
        let predicted = loss.gradient(&point).dot(&direction);
        let tau = problem.model().temperature;
        let scale = 1.0 + predicted.abs() + 1.0 / tau;
        prop_assert!((slope - predicted).abs() < 1e-6 * scale / (tau * tau), "{slope} is not {predicted}");
        let change = (loss.gradient(&at(step)) - loss.gradient(&at(-step))) / (2.0 * step);
        let product = loss.hessian_product(&point, &direction);
        let scale = 1.0 + product.amax() + 1.0 / (tau * tau);
        prop_assert!((&change - &product).amax() < 1e-6 * scale / (tau * tau), "{change} is not {product}");
        prop_assert!(product.diagonal().amax() == 0.0);
    }

    /// At collapsed features, and at others that are invariant, the program says the same.
    #[test]
    fn invariant_matrices_have_the_value_of_the_program((sizes, problem, raw) in instance(), within in 0.5f64..1.0) {
        let loss = SampleLoss::new(&problem).unwrap();
        let program = program(&problem);
        let layout = program.layout();
        let mut values: Vec<f64> = (0..layout.len()).map(|e| 0.4 * raw[e % raw.len()]).collect();
        for collapsed in [true, false] {
            for g in 0..program.groups() {
                values[layout.within(g)] = if collapsed { 1.0 } else { within };
            }
            let evaluation = program.objective().evaluate(&values);
            let lifted = lift_samples(&program, &SampleEntries { values: values.clone() });
            prop_assert_eq!(lifted.nrows() as u64, sizes.iter().sum::<u64>());
            let point = loss.evaluate(&lifted, 0.0);
            let error = (loss.excess(&point) - evaluation.excess).abs();
            // Two hundred exponents of up to 1/tau each, rounded.
            prop_assert!(error < 1e-12 * evaluation.excess.abs().max(1e-3), "excess is off by {error}");
            match (loss.floor(), program.objective().floor()) {
                (Some(a), Some(b)) => prop_assert!((a - b).abs() < 1e-13 * (1.0 + b.abs())),
                (a, b) => prop_assert_eq!(a, b),
            }
        }
    }
}

/// At temperature 0.05 the excess of collapsed features is below 1e-8 of the loss, and has its digits.
#[test]
fn the_excess_keeps_its_digits_near_collapse() {
    let problem = problem(&[6, 3, 2], FullBatchLoss::Supcon, 0.05);
    let loss = SampleLoss::new(&problem).unwrap();
    let program = program(&problem);
    let layout = program.layout();
    let mut values = vec![-0.4; layout.len()];
    for g in 0..program.groups() {
        values[layout.within(g)] = 1.0;
    }
    let mut lifted = lift_samples(&program, &SampleEntries { values: values.clone() });
    let expected = program.objective().evaluate(&values);
    let point = loss.evaluate(&lifted, expected.log_excess);
    assert!((loss.excess(&point) - 1.0).abs() < 1e-12);
    assert!((loss.log_excess(&point) - expected.log_excess).abs() < 1e-12);
    // Pulling one pair of a class apart by 1e-7 costs of second order only, and the gradient says so.
    lifted[(0, 1)] -= 1e-7;
    lifted[(1, 0)] -= 1e-7;
    let moved = loss.evaluate(&lifted, expected.log_excess);
    let first_order = -2e-7 * loss.gradient(&point)[(0, 1)];
    let second_order = loss.excess(&moved) - loss.excess(&point) - first_order;
    // phi sums to (delta^2/2)(1 + 1/4) over five positives of two anchors in eleven: 1/5 x 5/4 x 2/11 x delta^2/2 more.
    let delta: f64 = 1e-7 / 0.05 * 0.8;
    let spread = delta * delta / 2.0 * 1.25 / 5.0 * 2.0 / 11.0 * (-expected.log_excess).exp();
    assert!(
        (second_order / spread - 1.0).abs() < 1e-3,
        "{second_order} is not {spread}"
    );
}

#[test]
fn views_and_single_samples_are_as_at_class_level() {
    for singletons in [Singletons::Skip, Singletons::Zero] {
        let model = Model {
            temperature: 0.5,
            training: Training::full_batch(FullBatch {
                singletons,
                ..FullBatch::default()
            }),
            ..Model::default()
        };
        let problem = problem_of(&[4, 1, 3, 1], model);
        let loss = SampleLoss::new(&problem).unwrap();
        let gram = gram(&[0.3, -0.8, 0.5, 0.9, -0.2, 0.1, -0.6], 9);
        let labels = [0, 0, 0, 0, 1, 2, 2, 2, 3];
        // The mean over the seven anchors with a positive, times 7/9 where the others count as zero.
        let mut sum = 0.0;
        for i in (0..9).filter(|&i| labels[i] % 2 == 0) {
            let positives: Vec<usize> = (0..9).filter(|&j| j != i && labels[j] == labels[i]).collect();
            for &j in &positives {
                let terms = (0..9)
                    .filter(|&l| l != i)
                    .map(|l| ((gram[(i, l)] - gram[(i, j)]) / 0.5).exp());
                sum += terms.sum::<f64>().ln() / positives.len() as f64;
            }
        }
        let counted = if singletons == Singletons::Skip { 7.0 } else { 9.0 };
        assert!((value(&loss, &gram) - sum / counted).abs() < 1e-13);
        assert!(loss.gradient(&loss.evaluate(&gram, 0.0)).row(4).amax() == 0.0);
    }
    let doubled = Model {
        views: 2,
        ..Model::default()
    };
    let problem = problem_of(&[2, 1], doubled);
    let loss = SampleLoss::new(&problem).unwrap();
    assert_eq!(loss.classes().collect::<Vec<_>>(), [0..4, 4..6]);
}

#[test]
fn probabilities_have_no_samples() {
    let model = Model {
        training: Training::full_batch(FullBatchLoss::Population),
        ..Model::default()
    };
    let problem = Problem::new(Classes::from_probabilities(&[0.5, 0.5]).unwrap(), model).unwrap();
    let refused = SampleLoss::new(&problem).unwrap_err();
    assert!(refused.to_string().contains("sample level") && refused.hint().contains("level class"));
}
