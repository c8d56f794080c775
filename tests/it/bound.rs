//! `ufmin bound`: closed forms against enumeration.

use serde_json::Value;
use ufmin::study::bound::AllBatches;

use crate::common::{Random, run};

/// The loss of a batch: over its samples that have a positive in it.
fn batch_loss(batch: &[usize], per_class: usize, features: &[Vec<f64>], temperature: f64) -> f64 {
    let class = |i: usize| batch[i] / per_class;
    let product = |i: usize, j: usize| -> f64 {
        let (a, b) = (&features[batch[i]], &features[batch[j]]);
        a.iter().zip(b).map(|(x, y)| x * y).sum::<f64>() / temperature
    };
    let others = |i: usize| (0..batch.len()).filter(move |&j| j != i);
    let mut total = 0.0;
    for i in 0..batch.len() {
        let positives: Vec<usize> = others(i).filter(|&j| class(j) == class(i)).collect();
        if positives.is_empty() {
            continue;
        }
        let log = others(i).map(|j| product(i, j).exp()).sum::<f64>().ln();
        total += positives.iter().map(|&j| log - product(i, j)).sum::<f64>() / positives.len() as f64;
    }
    total
}

/// All multisets of `size` of `count` samples, ascending.
fn multisets(count: usize, size: usize) -> Vec<Vec<usize>> {
    if size == 0 {
        return vec![Vec::new()];
    }
    let mut all = Vec::new();
    for shorter in multisets(count, size - 1) {
        let last = shorter.last().copied().unwrap_or(0);
        for next in last..count {
            all.push(shorter.iter().copied().chain([next]).collect());
        }
    }
    all
}

/// Features of every sample: a simplex of classes of this length.
fn simplex(classes: usize, per_class: usize, radius: f64) -> Vec<Vec<f64>> {
    let length = ((classes - 1) as f64 / classes as f64).sqrt();
    let vertex = |c: usize| -> Vec<f64> {
        let entry = |e: usize| f64::from(u8::from(e == c)) - 1.0 / classes as f64;
        (0..classes).map(|e| entry(e) * radius / length).collect()
    };
    (0..classes * per_class).map(|i| vertex(i / per_class)).collect()
}

#[test]
fn the_simplex_attains_the_bound_over_all_batches_and_nothing_is_below() {
    let mut random = Random(7);
    for (classes, per_class, batch, radius, temperature) in [
        (2, 1, 2, 1.0, 1.0),
        (3, 2, 9, 1.0, 1.0),
        (3, 2, 4, 0.7, 0.5),
        (2, 3, 5, 2.0, 1.0),
        (4, 1, 5, 1.3, 0.3),
    ] {
        let bound = AllBatches::new(classes as u64, per_class as u64, batch as u64, radius, temperature).unwrap();
        let batches = multisets(classes * per_class, batch);
        let sum = |features: &[Vec<f64>]| -> f64 {
            batches
                .iter()
                .map(|one| batch_loss(one, per_class, features, temperature))
                .sum()
        };
        let value = bound.value.unwrap();
        let attained = sum(&simplex(classes, per_class, radius));
        assert!((attained - value).abs() <= 1e-12 * attained, "{attained} {bound:?}");
        assert!((bound.log_batches - (batches.len() as f64).ln()).abs() < 1e-12);
        assert!((bound.per_batch - value / batches.len() as f64).abs() < 1e-12 * value.max(1.0));
        for _ in 0..3 {
            let mut features = vec![vec![0.0; 4]; classes * per_class];
            for feature in &mut features {
                feature.iter_mut().for_each(|x| *x = random.uniform() - 0.5);
                let length = feature.iter().map(|x| x * x).sum::<f64>().sqrt();
                feature.iter_mut().for_each(|x| *x *= radius / length);
            }
            assert!(sum(&features) >= value, "{bound:?}");
        }
    }
}

/// Two classes of a batch want to be antipodal.
#[test]
fn a_batch_alone_is_not_minimised_by_the_simplex() {
    let at_simplex = simplex(3, 2, 1.0);
    let antipodal: Vec<Vec<f64>> = [1.0, 1.0, -1.0, -1.0, 0.0, 0.0].map(|x| vec![x]).to_vec();
    let batch = [0, 1, 2];
    assert!(batch_loss(&batch, 2, &antipodal, 1.0) < batch_loss(&batch, 2, &at_simplex, 1.0) - 0.05);
}

#[test]
fn the_published_value_and_numbers_above_the_largest() {
    let folder = tempfile::tempdir().unwrap();
    let json = |arguments: &str| -> Value {
        let arguments = format!("bound all-batches --format json {arguments}");
        let output = run(folder.path(), &arguments.split(' ').collect::<Vec<_>>());
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    };
    let found = json("--classes 3 --per-class 2 --batch 9 --radius 1");
    assert!((found["value"].as_f64().unwrap() - 25_205.688_636_803_963).abs() < 1e-10);
    // Ten classes of 5000 and batches of 512, by mpmath with 60 digits.
    let found = json("--classes 10 --per-class 5000 --batch 512 --temperature 0.1");
    assert!(found["value"].is_null());
    let near = |name: &str, expected: f64| {
        let found = found[name].as_f64().unwrap();
        assert!(
            (found - expected).abs() < 1e-12 * expected,
            "{name}: {found} and not {expected}"
        );
    };
    near("log_value", LARGE[0]);
    near("log_batches", LARGE[1]);
    near("per_anchor", LARGE[2]);
    near("per_batch", LARGE[3]);
}

/// `log_value`, `log_batches`, `per_anchor` and `per_batch`; printed by tests/reference/bound.py.
const LARGE: [f64; 4] = [
    2_863.879_159_885_412,
    2_856.273_453_696_513,
    3.925_059_710_008_582_6,
    2_009.630_571_524_394_3,
];

#[test]
fn numbers_out_of_range_are_refused_by_their_flag() {
    let folder = tempfile::tempdir().unwrap();
    for (flag, value) in [
        ("--classes", "1"),
        ("--per-class", "0"),
        ("--batch", "1"),
        ("--radius", "-1"),
        ("--radius", "nan"),
        ("--temperature", "0"),
        ("--batch", "-3"),
    ] {
        let mut arguments = vec!["bound", "all-batches"];
        for (name, default) in [
            ("--classes", "3"),
            ("--per-class", "2"),
            ("--batch", "9"),
            ("--radius", "1"),
            ("--temperature", "1"),
        ] {
            arguments.extend([name, if name == flag { value } else { default }]);
        }
        let output = run(folder.path(), &arguments);
        let errors = String::from_utf8(output.stderr).unwrap();
        assert!(
            output.status.code() == Some(2) && errors.contains(flag),
            "{flag} {value}: {errors}"
        );
    }
}
