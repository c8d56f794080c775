//! `ufmin explain`: forces on trained features.

use std::path::Path;

use nalgebra::DMatrix;
use serde_json::Value;
use ufmin::files::npy::matrix_bytes;

use crate::common::{Random, run};

/// Writes features and labels, and runs the verb on them.
fn explained(features: &DMatrix<f64>, labels: &[i64], more: &[&str]) -> std::process::Output {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("H.npy"), matrix_bytes(features)).unwrap();
    let text: Vec<String> = labels.iter().map(i64::to_string).collect();
    std::fs::write(folder.path().join("y.txt"), text.join("\n")).unwrap();
    let mut arguments = vec!["explain", "--embeddings", "H.npy", "--labels", "y.txt"];
    arguments.extend(more);
    run(folder.path(), &arguments)
}

fn json(features: &DMatrix<f64>, labels: &[i64], more: &[&str]) -> Value {
    let mut all = vec!["--format", "json"];
    all.extend(more);
    let output = explained(features, labels, &all);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is no number"))
}

fn near(name: &str, found: &Value, expected: f64) {
    let found = number(found);
    assert!(
        (found - expected).abs() < 1e-9 * expected.abs().max(1.0),
        "{name}: {found} and not {expected}"
    );
}

#[test]
fn forces_are_those_of_numpy() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference/explain.json");
    let case: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let rows: Vec<Vec<f64>> = serde_json::from_value(case["features"].clone()).unwrap();
    let labels: Vec<i64> = serde_json::from_value(case["labels"].clone()).unwrap();
    let features = DMatrix::from_fn(rows.len(), rows[0].len(), |i, j| rows[i][j]);
    let temperature = case["temperature"].to_string();
    // Label 7 has one sample, which is no anchor.
    let found = json(
        &features,
        &labels,
        &["--temperature", &temperature, "--singletons", "skip"],
    );
    let expected = case["anchors"].as_array().unwrap();
    let anchors = found["per_anchor"].as_array().unwrap();
    assert_eq!(anchors.len(), expected.len());
    for (anchor, expected) in anchors.iter().zip(expected) {
        for name in ["sample", "class", "repelling"] {
            assert_eq!(anchor[name], expected[name], "{name}");
        }
        for name in [
            "supcon",
            "sincere",
            "repulsion",
            "largest_weight",
            "supcon_pull",
            "sincere_pull",
            "supcon_push",
            "sincere_push",
        ] {
            near(name, &anchor[name], number(&expected[name]));
        }
    }
    let classes = found["per_class"].as_array().unwrap();
    assert_eq!(
        classes
            .iter()
            .map(|class| class["label"].as_i64().unwrap())
            .collect::<Vec<_>>(),
        [2, 5, 7, 9]
    );
    assert!(classes[2].get("supcon").is_none() && classes[2]["samples"] == 1);
    let mean = |name: &str, class: Option<u64>| {
        let of = expected
            .iter()
            .filter(|anchor| class.is_none_or(|class| anchor["class"] == class));
        let values: Vec<f64> = of.map(|anchor| number(&anchor[name])).collect();
        values.iter().sum::<f64>() / values.len() as f64
    };
    for (class, row) in [
        (None, &found["all"]),
        (Some(0), &classes[0]),
        (Some(1), &classes[1]),
        (Some(3), &classes[3]),
    ] {
        for name in [
            "supcon",
            "sincere",
            "repulsion",
            "supcon_pull",
            "sincere_pull",
            "supcon_push",
            "sincere_push",
        ] {
            near(name, &row[name], mean(name, class));
        }
        near("divergence_bound", &row["divergence_bound"], mean("bound", class));
    }
    let repelling: u64 = expected
        .iter()
        .map(|anchor| anchor["repelling"].as_u64().unwrap())
        .sum();
    assert!(repelling > 3);
    assert_eq!(found["all"]["repelling_pairs"], repelling);
    // 5 samples of label 5, 4 of 9, 2 of 2.
    assert_eq!(found["all"]["positive_pairs"], 5 * 4 + 4 * 3 + 2);
}

#[test]
fn sincere_is_never_above_supcon_and_equal_with_one_positive() {
    let mut random = Random(11);
    for (size, temperature) in [(2, "0.1"), (2, "2"), (5, "0.02"), (5, "0.5"), (9, "10")] {
        let features = DMatrix::from_fn(3 * size, 3, |_, _| random.uniform() - 0.4);
        let labels: Vec<i64> = (0..3 * size as i64).map(|i| i % 3).collect();
        let found = json(&features, &labels, &["--temperature", temperature]);
        for anchor in found["per_anchor"].as_array().unwrap() {
            let (supcon, sincere) = (number(&anchor["supcon"]), number(&anchor["sincere"]));
            assert!(sincere <= supcon + 1e-12 * supcon.abs(), "{anchor}");
            if size == 2 {
                assert!((sincere - supcon).abs() < 1e-12 * supcon.max(1.0), "{anchor}");
                assert_eq!(anchor["repelling"], 0);
            }
            // Forces balance: a common change of all inner products changes nothing.
            let balance =
                number(&anchor["repulsion"]) - number(&anchor["supcon_pull"]) + number(&anchor["supcon_push"]);
            assert!(balance.abs() < 1e-12, "{anchor}");
        }
    }
}

/// Where classes coincide on a simplex all positives weigh the same, below `1/|P|`.
#[test]
fn collapsed_features_have_no_repelling_positive() {
    let features = DMatrix::from_fn(6, 1, |i, _| if i < 3 { 1.0 } else { -1.0 });
    let labels = [0, 0, 0, 1, 1, 1];
    let found = json(&features, &labels, &["--temperature", "0.5"]);
    assert_eq!(found["all"]["repelling_pairs"], 0);
    let exponent = (-4.0f64).exp();
    near("supcon", &found["all"]["supcon"], (2.0 + 3.0 * exponent).ln());
    near("sincere", &found["all"]["sincere"], (3.0 * exponent).ln_1p());
    near(
        "bound",
        &found["all"]["divergence_bound"],
        3.0f64.ln() - (3.0 * exponent).ln_1p(),
    );
}

#[test]
fn what_is_no_set_of_features_is_refused() {
    let features = DMatrix::from_fn(4, 2, |i, j| if i == j { 1.0 } else { -0.5 });
    for (labels, more, words) in [
        (&[0, 0, 1, 1, 1][..], &[][..], &["H.npy", "4", "5"][..]),
        (&[0, 1, 2, 3], &["--singletons", "skip"], &["class"]),
        (&[0, 0, 1, 1], &["--temperature", "0"], &["temperature"]),
    ] {
        let output = explained(&features, labels, more);
        let errors = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{errors}");
        for word in words {
            assert!(errors.contains(word), "{errors}");
        }
    }
}
