//! The cross-entropy UFM against closed forms, and against CVXPY with Clarabel (`tests/reference/cross_entropy.py`).

use nalgebra::DMatrix;
use serde_json::Value;
use ufmin::Classes;
use ufmin::cross_entropy::{Constraint, CrossEntropy, Solved, solve};
use ufmin::math::control::Control;

fn solved(counts: &[u64], classifier: Constraint, features: Constraint) -> Solved {
    let classes = Classes::from_counts(counts).unwrap();
    let problem = CrossEntropy::new(classes, classifier, features).unwrap();
    let solved = solve(&problem, &Control::default()).unwrap();
    let gap = solved.proof.relative_gap;
    assert!(gap <= 1e-9, "{counts:?} {classifier:?} {features:?}: gap {gap}");
    solved
}

fn close(found: f64, expected: f64, tolerance: f64) {
    assert!((found - expected).abs() <= tolerance, "{found} is not {expected}");
}

/// The root of a decreasing function between two points.
fn root(f: impl Fn(f64) -> f64, mut low: f64, mut high: f64) -> f64 {
    for _ in 0..200 {
        let middle = 0.5 * (low + high);
        if f(middle) > 0.0 {
            low = middle;
        } else {
            high = middle;
        }
    }
    0.5 * (low + high)
}

/// [Graf2021], Theorem 2.
#[test]
fn balanced_classes_with_bounded_norms() {
    for (k, rho, r) in [
        (2, 1.0, 1.0),
        (3, 0.5, 2.0),
        (10, 1.0, 1.0),
        (10, 2.0, 3.0),
        (100, 3.0, 4.0),
    ] {
        let found = solved(&vec![7; k], Constraint::Norm(r), Constraint::Norm(rho));
        let n = k as f64;
        let expected = ((n - 1.0) * (-n * rho * r / (n - 1.0)).exp()).ln_1p();
        close(found.loss / expected, 1.0, 1e-12);
        assert_eq!(found.rank, k as u64 - 1);
        close(found.alignment()[0].unwrap(), 1.0, 1e-12);
        close(found.cosine(&found.features, 0, 0).unwrap(), -1.0 / (n - 1.0), 1e-12);
    }
    let published = solved(&[3; 10], Constraint::Norm(1.0), Constraint::Norm(1.0));
    close(published.loss, 1.376_934_920_450_193_5, 1e-14);
}

/// [Graf2021], Theorem 2 with a ridge: the norm is the root of an equation.
#[test]
fn balanced_classes_with_a_ridge_on_the_classifier() {
    for (k, lambda, rho) in [(10.0, 0.01, 1.0), (3.0, 0.05, 2.0), (50.0, 1e-3, 1.5)] {
        let found = solved(&vec![4; k as usize], Constraint::Ridge(lambda), Constraint::Norm(rho));
        let norm = root(
            |r| rho / ((k * rho * r / (k - 1.0)).exp() + k - 1.0) - lambda * r,
            0.0,
            1e4,
        );
        close(found.norms(&found.classifier)[0], norm, 1e-9);
        let loss = ((k - 1.0) * (-k * rho * norm / (k - 1.0)).exp()).ln_1p() + 0.5 * lambda * k * norm * norm;
        close(found.loss, loss, 1e-12);
    }
    let published = solved(&[4; 10], Constraint::Ridge(0.01), Constraint::Norm(1.0));
    close(published.norms(&published.classifier)[0], 2.910_004_952_95, 1e-10);
    close(published.loss, 0.727_083_007_454, 1e-11);
}

/// Ridges on both sides are a nuclear norm: on balanced classes of one number.
#[test]
fn balanced_classes_with_two_ridges() {
    let (k, n, a, b) = (6.0, 5.0, 0.01, 0.002);
    let found = solved(&[5; 6], Constraint::Ridge(a), Constraint::Ridge(b));
    // x = |w| |h| costs k sqrt(a b n) x.
    let price = k * f64::sqrt(a * b * n);
    let slope = |x: f64| k / ((k * x / (k - 1.0)).exp() + k - 1.0) - price;
    let x = root(slope, 0.0, 1e3);
    close(found.logits.diagonal[0], x, 1e-9);
    close(
        found.loss,
        ((k - 1.0) * (-k * x / (k - 1.0)).exp()).ln_1p() + price * x,
        1e-12,
    );
    // The two sides of a nuclear norm have equal parts of it.
    close(
        a * found.classifier.diagonal[0],
        b * n * found.features.diagonal[0],
        1e-10,
    );
}

#[test]
fn the_conic_program_agrees() {
    let text = std::fs::read_to_string(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/reference/cross_entropy.json"
    ))
    .unwrap();
    let cases: Vec<Value> = serde_json::from_str(&text).unwrap();
    assert!(cases.len() >= 10);
    for case in &cases {
        let constraint = |side: &str| {
            let value = case[side][1].as_f64().unwrap();
            match case[side][0].as_str().unwrap() {
                "norm" => Constraint::Norm(value),
                "energy" => Constraint::Energy(value),
                "frobenius" => Constraint::Frobenius(value),
                _ => Constraint::Ridge(value),
            }
        };
        let sizes: Vec<u64> = serde_json::from_value(case["sizes"].clone()).unwrap();
        let found = solved(&sizes, constraint("classifier"), constraint("features"));
        close(found.loss, case["loss"].as_f64().unwrap(), 1e-7);
        // The loss is flat in the logits of rare classes: an accuracy of 1e-9 of it is one of 1e-3 of them.
        let logits = found.logits.to_dense(&found.partition);
        let expected: Vec<Vec<f64>> = serde_json::from_value(case["logits"].clone()).unwrap();
        let expected = DMatrix::from_fn(sizes.len(), sizes.len(), |i, j| expected[i][j]);
        let difference = (&logits - &expected).amax() / expected.amax();
        assert!(difference < 5e-3, "{sizes:?}: logits differ by {difference}");
    }
}

/// [Fang2021]: minority classifiers coincide from ratio 12.1924 on.
#[test]
fn minority_collapse_of_the_layer_peeled_model() {
    let at = |ratio: f64| {
        let large = (1e4 * ratio).round() as u64;
        let sizes = [[large; 5], [10_000; 5]].concat();
        solved(&sizes, Constraint::Energy(1.0), Constraint::Energy(5.0))
    };
    let below = at(12.18);
    assert!(below.coincident.is_empty() && below.rank == 9, "{:?}", below.coincident);
    let above = at(12.2);
    assert_eq!(above.coincident, [[1]]);
    close(above.cosine(&above.classifier, 1, 1).unwrap(), 1.0, 1e-12);
}

/// A bound so tight that nothing is left for the small classes: no direction, so no angle.
#[test]
fn vanished_classifiers_have_no_angles() {
    let found = solved(
        &[1000, 1000, 1000, 1, 1],
        Constraint::Energy(0.05),
        Constraint::Energy(0.05),
    );
    assert_eq!(found.vanished(), [1]);
    assert_eq!(found.norms(&found.classifier)[1], 0.0);
    assert_eq!(found.cosine(&found.classifier, 1, 1), None);
    assert_eq!(found.cosine(&found.classifier, 0, 1), None);
    assert_eq!(found.alignment()[1], None);
    assert!(found.alignment()[0].is_some());
}

#[test]
fn strong_ridges_leave_nothing() {
    let found = solved(&[100, 50, 20, 1], Constraint::Ridge(1.0), Constraint::Ridge(1.0));
    assert_eq!(found.rank, 0);
    close(found.loss, 4f64.ln(), 1e-14);
    assert!(found.alignment().iter().all(Option::is_none));
}

#[test]
fn extreme_sizes() {
    for (classifier, features) in [
        (Constraint::Norm(1.0), Constraint::Norm(1.0)),
        (Constraint::Energy(1.0), Constraint::Energy(5.0)),
        (Constraint::Norm(2.0), Constraint::Energy(5.0)),
        (Constraint::Ridge(1e-3), Constraint::Norm(1.0)),
        (Constraint::Ridge(1e-3), Constraint::Ridge(1e-9)),
    ] {
        solved(&[1_000_000, 1], classifier, features);
        solved(&[1_000_000, 1_000_000, 1, 1], classifier, features);
        solved(&[1_000_000, 1000, 1], classifier, features);
    }
    // Two classes under norms are antipodal, whatever their sizes.
    let two = solved(&[1_000_000, 1], Constraint::Norm(1.0), Constraint::Norm(2.0));
    close(two.loss, (-4f64).exp().ln_1p(), 1e-12);
}

/// SELI is the limit of small ridges, and its factors are those of the simplex-encoded labels.
#[test]
fn vanishing_ridges() {
    let sizes = [30, 30, 3, 3, 1];
    let seli = solved(&sizes, Constraint::Ridge(0.0), Constraint::Ridge(0.0));
    let k = sizes.len();
    let logits = seli.logits.to_dense(&seli.partition);
    let p = DMatrix::from_fn(k, k, |i, j| f64::from(u8::from(i == j)) - 1.0 / k as f64);
    assert!((&logits - &p).amax() < 1e-12);
    // W W^T squares to the labels' own Gram matrix, and the nuclear norm is its trace.
    let w = seli.classifier.to_dense(&seli.partition);
    let n = DMatrix::from_fn(k, k, |i, j| if i == j { sizes[i] as f64 } else { 0.0 });
    assert!((&w * &w - &p * n * &p).amax() < 1e-10);
    close(seli.nuclear_norm.unwrap(), w.trace(), 1e-10);
    let h = seli.features.to_dense(&seli.partition);
    assert!((w * h - p).amax() < 1e-10);
    // Small ridges come near, as 1/log.
    let distance = |ridge: f64| {
        let near = solved(&sizes, Constraint::Ridge(ridge), Constraint::Ridge(ridge));
        (near.cosine(&near.classifier, 0, 1).unwrap() - seli.cosine(&seli.classifier, 0, 1).unwrap()).abs()
    };
    let (far, near) = (distance(1e-4), distance(1e-10));
    assert!(near < 0.5 * far && near < 0.05, "{far} {near}");
    // Balanced: the simplex.
    let balanced = solved(&[9; 4], Constraint::Ridge(0.0), Constraint::Ridge(0.0));
    close(balanced.cosine(&balanced.classifier, 0, 0).unwrap(), -1.0 / 3.0, 1e-12);
    close(balanced.nuclear_norm.unwrap(), 3.0 * 3.0, 1e-12);
}

#[test]
fn embeddings_have_the_stated_products() {
    let sizes = [50, 4, 50, 4, 4, 1];
    let found = solved(&sizes, Constraint::Energy(2.0), Constraint::Norm(3.0));
    let (w, h) = (found.embedding(true), found.embedding(false));
    for (x, y, stated) in [
        (&w, &w, &found.classifier),
        (&h, &h, &found.features),
        (&w, &h, &found.logits),
    ] {
        assert!((x.transpose() * y - stated.to_dense(&found.partition)).amax() < 1e-12);
    }
    // The loss from the vectors alone, and the constraints they meet.
    let z = w.transpose() * &h;
    let total: u64 = sizes.iter().sum();
    let loss: f64 = (0..6)
        .map(|c| {
            let sum: f64 = (0..6).map(|j| (z[(j, c)] - z[(c, c)]).exp()).sum();
            sizes[c] as f64 / total as f64 * sum.ln()
        })
        .sum();
    close(loss, found.loss, 1e-12);
    close(w.norm_squared() / 6.0, 2.0, 1e-12);
    assert!(h.column_iter().all(|column| (column.norm() - 3.0).abs() < 1e-12));
}

/// The bound is one: no feasible point is below it, however it was found.
#[test]
fn the_bound_is_below_other_points() {
    let sizes = [50, 4, 4];
    let optimum = solved(&sizes, Constraint::Norm(2.0), Constraint::Norm(1.0));
    let simplex = (2.0 * (-3.0f64).exp()).ln_1p();
    assert!(optimum.proof.lower_bound < simplex && optimum.loss < simplex - 1e-4);
    let tighter = solved(&sizes, Constraint::Norm(1.9), Constraint::Norm(1.0));
    assert!(tighter.proof.lower_bound > optimum.loss);
}

#[test]
fn what_cannot_be_is_refused() {
    let classes = || Classes::from_counts(&[5, 3]).unwrap();
    for (classifier, features) in [
        (Constraint::Norm(0.0), Constraint::Norm(1.0)),
        (Constraint::Norm(1.0), Constraint::Energy(f64::NAN)),
        (Constraint::Ridge(0.0), Constraint::Norm(1.0)),
        (Constraint::Norm(1.0), Constraint::Frobenius(1.0)),
        (Constraint::Norm(100.0), Constraint::Norm(100.0)),
    ] {
        assert!(
            CrossEntropy::new(classes(), classifier, features).is_err(),
            "{classifier:?} {features:?}"
        );
    }
}
