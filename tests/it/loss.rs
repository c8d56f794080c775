//! The losses: class level against sample level, gradients and Hessians by slope, and the concave minorants.

use nalgebra::DMatrix;
use proptest::prelude::*;
use serde::Deserialize;
use ufmin::problem::{Anchors, FullBatchLoss};
use ufmin::program::{Program, SampleEntries, lift_samples, reduce_samples};

use crate::common::{anchored, problem, program};

/// THEORY (1) and its relatives, sample by sample, from a Gram matrix of samples. Written for reading, not for speed.
pub(crate) fn sample_level(
    gram: &DMatrix<f64>,
    labels: &[usize],
    loss: FullBatchLoss,
    anchors: Anchors,
    tau: f64,
) -> f64 {
    let n = labels.len();
    let size = |class: usize| labels.iter().filter(|&&label| label == class).count() as f64;
    let classes = labels.iter().copied().collect::<std::collections::BTreeSet<_>>().len() as f64;
    let mut total = 0.0;
    for i in 0..n {
        let own = labels[i];
        let positives: Vec<usize> = (0..n)
            .filter(|&j| labels[j] == own && (j != i || loss == FullBatchLoss::Population))
            .collect();
        let mut mean = 0.0;
        for &j in &positives {
            let term = |l: usize| ((gram[(i, l)] - gram[(i, j)]) / tau).exp();
            let negatives = || (0..n).filter(|&l| labels[l] != own);
            let sum: f64 = match loss {
                FullBatchLoss::Supcon => (0..n).filter(|&l| l != i).map(term).sum(),
                FullBatchLoss::Sincere => negatives().map(term).sum::<f64>() + term(j),
                FullBatchLoss::Nscl => negatives().map(term).sum(),
                FullBatchLoss::Population => (0..n).map(term).sum(),
                FullBatchLoss::Bcl => {
                    let own_mean =
                        (0..n).filter(|&l| labels[l] == own && l != i).map(term).sum::<f64>() / (size(own) - 1.0);
                    own_mean + negatives().map(|l| term(l) / size(labels[l])).sum::<f64>()
                }
            };
            mean += sum.ln() / positives.len() as f64;
        }
        total += mean
            * match anchors {
                Anchors::Sample => 1.0 / n as f64,
                Anchors::Class => 1.0 / (classes * size(own)),
            };
    }
    total
}

/// The whole value of a program's objective at entries.
fn value(program: &Program<'_>, entries: &[f64]) -> f64 {
    program.objective().floor().unwrap_or(0.0) + program.objective().evaluate(entries).excess
}

#[derive(Deserialize)]
struct SampleCase {
    labels: Vec<usize>,
    features: Vec<Vec<f64>>,
    loss: FullBatchLoss,
    anchors: Anchors,
    temperature: f64,
    value: f64,
}

/// Stored values of an independent implementation, at features that are not collapsed: the definition used by the tests
/// here is that one, and averaging over the symmetries never raises the loss.
#[test]
fn sample_level_definitions_agree_with_stored_values() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/reference/sample_level.json");
    let stored: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let cases: Vec<SampleCase> = serde_json::from_value(stored["cases"].clone()).unwrap();
    assert!(cases.len() >= 20);
    for case in cases {
        // Class-major order, as everywhere in the crate.
        let mut order: Vec<usize> = (0..case.labels.len()).collect();
        order.sort_by_key(|&i| case.labels[i]);
        let labels: Vec<usize> = order.iter().map(|&i| case.labels[i]).collect();
        let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(x, y)| x * y).sum::<f64>();
        let n = order.len();
        let gram = DMatrix::from_fn(n, n, |i, j| dot(&case.features[order[i]], &case.features[order[j]]));
        let found = sample_level(&gram, &labels, case.loss, case.anchors, case.temperature);
        assert!(
            (found - case.value).abs() < 1e-12 * (1.0 + case.value.abs()),
            "{} {found} {}",
            case.loss,
            case.value
        );

        let classes = labels[n - 1] + 1;
        let sizes: Vec<u64> = (0..classes)
            .map(|c| labels.iter().filter(|&&l| l == c).count() as u64)
            .collect();
        let given = problem(&sizes, anchored(case.loss, case.anchors), case.temperature);
        let program = program(&given);
        let averaged = value(&program, &reduce_samples(&program, &gram).values);
        assert!(
            averaged <= case.value + 1e-12,
            "{}: averaging raised the loss from {} to {averaged}",
            case.loss,
            case.value
        );
    }
}

fn any_loss() -> impl Strategy<Value = FullBatchLoss> {
    proptest::sample::select(FullBatchLoss::ALL.to_vec())
}

fn any_anchors() -> impl Strategy<Value = Anchors> {
    proptest::sample::select(vec![Anchors::Sample, Anchors::Class])
}

fn small_sizes() -> impl Strategy<Value = Vec<u64>> {
    proptest::collection::vec(2u64..5, 2..5)
}

/// Entries of an invariant matrix, not necessarily feasible: the loss is defined everywhere.
fn some_entries(program: &Program<'_>, seed: f64, within: f64) -> Vec<f64> {
    let layout = program.layout();
    let mut entries: Vec<f64> = (0..layout.len()).map(|i| 0.9 * (seed + 2.3 * i as f64).sin()).collect();
    for g in 0..program.groups() {
        entries[layout.within(g)] = within - 0.05 * g as f64;
    }
    entries
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    /// The reduced objective IS the sample-level loss on invariant matrices, collapsed or not.
    #[test]
    fn reduced_objective_is_the_sample_level_loss(
        sizes in small_sizes(), loss in any_loss(), anchors in any_anchors(), tau in 0.1f64..3.0, seed in 0.0f64..6.0, within in 0.3f64..1.0,
    ) {
        let given = problem(&sizes, anchored(loss, anchors), tau);
        let program = program(&given);
        let entries = some_entries(&program, seed, within);
        let gram = lift_samples(&program, &SampleEntries { values: entries.clone() });
        let labels: Vec<usize> = sizes.iter().enumerate().flat_map(|(c, &n)| vec![c; n as usize]).collect();
        let expected = sample_level(&gram, &labels, loss, anchors, tau);
        let found = value(&program, &entries);
        prop_assert!((found - expected).abs() < 1e-11 * (1.0 + expected.abs()), "{} against {}", found, expected);
        // And the class-level value at collapsed features is the sample-level value of repeated features.
        let collapsed = some_entries(&program, seed, 1.0).iter().enumerate()
            .map(|(i, &e)| if i < program.groups() { 1.0 } else { e }).collect::<Vec<_>>();
        let gram = lift_samples(&program, &SampleEntries { values: collapsed.clone() });
        let expected = sample_level(&gram, &labels, loss, anchors, tau);
        prop_assert!((value(&program, &collapsed) - expected).abs() < 1e-11 * (1.0 + expected.abs()));
    }

    /// Taylor remainders on both sides of a point, so that neighbouring orders cannot cancel: third order in the odd part of
    /// the value and of the gradient, fourth in the even part of the value.
    #[test]
    fn gradient_and_hessian_have_their_slopes(
        sizes in small_sizes(), loss in any_loss(), anchors in any_anchors(), tau in 0.3f64..2.0, seed in 0.0f64..6.0,
    ) {
        let given = problem(&sizes, anchored(loss, anchors), tau);
        let program = program(&given);
        let objective = program.objective();
        let x = some_entries(&program, seed, 0.8);
        let direction: Vec<f64> = (0..x.len()).map(|i| (1.7 * i as f64 + 3.0 * seed).cos()).collect();
        let at = objective.evaluate(&x);
        let gradient = objective.gradient(&x, &at);
        let product = objective.hessian_product(&x, &at, &direction);
        let slope: f64 = gradient.iter().zip(&direction).map(|(a, b)| a * b).sum();
        let curvature: f64 = product.iter().zip(&direction).map(|(a, b)| a * b).sum();
        prop_assert!(curvature >= -1e-12, "the loss is convex");
        let remainders = |h: f64| {
            let moved = |h: f64| -> (f64, Vec<f64>) {
                let x: Vec<f64> = x.iter().zip(&direction).map(|(x, d)| x + h * d).collect();
                let there = objective.evaluate(&x);
                (there.excess, objective.gradient(&x, &there))
            };
            let ((ahead, rising), (behind, falling)) = (moved(h), moved(-h));
            let of_gradient = rising.iter().zip(&falling).zip(&product)
                .map(|((a, b), p)| (a - b - 2.0 * h * p).abs()).fold(0.0, f64::max);
            let odd = (ahead - behind - 2.0 * h * slope).abs();
            let even = (ahead + behind - 2.0 * at.excess - h * h * curvature).abs();
            (odd, even, of_gradient)
        };
        let (large, small) = (remainders(2e-3), remainders(1e-3));
        // The constants stand for rounding.
        prop_assert!(small.0 <= large.0 / 6.0 + 1e-13, "odd remainder {} then {}", large.0, small.0);
        prop_assert!(small.1 <= large.1 / 10.0 + 1e-13, "even remainder {} then {}", large.1, small.1);
        prop_assert!(small.2 <= large.2 / 6.0 + 1e-12, "gradient remainder {} then {}", large.2, small.2);
    }

    /// The minorant of a row lies below the row everywhere, and touches it at the point whose gradient it was made from.
    #[test]
    fn minorants_lie_below_and_touch(
        sizes in small_sizes(), loss in any_loss(), anchors in any_anchors(), tau in 0.1f64..3.0, seed in 0.0f64..6.0, other in 0.0f64..6.0,
    ) {
        let given = problem(&sizes, anchored(loss, anchors), tau);
        let program = program(&given);
        let objective = program.objective();
        let collapsed = |seed: f64| {
            let mut x = some_entries(&program, seed, 1.0);
            x[..program.groups()].fill(1.0);
            x
        };
        let (x, far) = (collapsed(seed), collapsed(other));
        let at = objective.evaluate(&x);
        let scale = if objective.floor().is_some() { at.log_excess } else { 0.0 };
        let y = objective.term_gradients(&x, &at, scale);
        let bound_at = |point: &[f64]| -> f64 {
            objective.rows().iter().map(|row| {
                let slopes = &y[row.start..row.end];
                let linear: f64 = objective.terms()[row.start..row.end].iter().zip(slopes).map(|(t, y)| y * point[t.0 as usize]).sum();
                objective.row_minorant(row, slopes, scale) + linear
            }).sum::<f64>() * scale.exp()
        };
        let value = |point: &[f64]| objective.evaluate(point).excess;
        let size = 1.0 + value(&x).abs();
        prop_assert!((bound_at(&x) - value(&x)).abs() < 1e-11 * size, "touches: {} {}", bound_at(&x), value(&x));
        prop_assert!(bound_at(&far) <= value(&far) + 1e-11 * (1.0 + value(&far).abs()), "below");
    }
}

/// All points equal: (1) is log(N - 1) whatever the labels, and sincere is log(1 + N - n_c), THEORY (1).
#[test]
fn one_point_has_the_known_values() {
    let sizes = [7u64, 3, 2];
    let total: u64 = sizes.iter().sum();
    for (loss, expected) in [
        (FullBatchLoss::Supcon, ((total - 1) as f64).ln()),
        (FullBatchLoss::Population, (total as f64).ln()),
        (
            FullBatchLoss::Sincere,
            sizes
                .iter()
                .map(|&n| n as f64 / total as f64 * ((1 + total - n) as f64).ln())
                .sum(),
        ),
    ] {
        let given = problem(&sizes, anchored(loss, Anchors::Sample), 0.3);
        let program = program(&given);
        let found = value(&program, &vec![1.0; program.layout().len()]);
        assert!((found - expected).abs() < 1e-14, "{loss}: {found} against {expected}");
    }
}

/// The excess keeps its digits where it underflows: balanced classes have the closed form log1p((k-1) n/(n-1) e^(..)).
#[test]
fn log_excess_survives_underflow() {
    for tau in [0.05, 0.005, 0.002, 1e-3] {
        let given = problem(&[10, 10], FullBatchLoss::Supcon, tau);
        let program = program(&given);
        let mut entries = vec![-1.0; program.layout().len()];
        entries[0] = 1.0;
        let at = program.objective().evaluate(&entries);
        let expected = (10.0f64 / 9.0).ln() - 2.0 / tau;
        let expected = if expected > -30.0 {
            expected.exp().ln_1p().ln()
        } else {
            expected
        };
        assert!(
            (at.log_excess - expected).abs() < 1e-12 * expected.abs(),
            "{tau}: {} {expected}",
            at.log_excess
        );
    }
}
