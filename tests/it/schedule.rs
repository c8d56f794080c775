//! Optima of fixed batches: by cells, against other methods, other tools, and the loss as it is defined.

use std::sync::Arc;

use serde_json::Value;
use ufmin::certificate::{Verdict, certify};
use ufmin::gram::Gram;
use ufmin::measure::schedule::sample_gram;
use ufmin::problem::{Batches, Classes, Features, FullBatchLoss, Model, Problem, SampleOrder, Training};
use ufmin::report::Report;
use ufmin::report::view::View;
use ufmin::{Control, CrossCheckChoice, Error, MethodChoice, Options, Solved, solve};

use crate::common::{Random, ufmin};

const LOSSES: [FullBatchLoss; 4] = [
    FullBatchLoss::Supcon,
    FullBatchLoss::Sincere,
    FullBatchLoss::Nscl,
    FullBatchLoss::Bcl,
];

/// A problem on batches of class-major examples.
fn on_batches(sizes: &[u64], lists: Vec<Vec<u32>>, loss: FullBatchLoss, model: Model) -> Problem {
    let classes = Classes::from_counts(sizes).unwrap();
    let order = SampleOrder::class_major(&classes).unwrap();
    let batches = Batches::from_examples(order, lists).unwrap();
    let training = Training::fixed_batches(loss, Arc::new(batches));
    Problem::new(classes, Model { training, ..model }).unwrap()
}

fn at(temperature: f64) -> Model {
    Model {
        temperature,
        ..Model::default()
    }
}

fn by(problem: &Problem, method: MethodChoice) -> Solved {
    let options = Options {
        method,
        cross_check: CrossCheckChoice::Never,
        ..Options::default()
    };
    solve(problem, &options, &Control::default()).unwrap()
}

/// Random batches in which every class has a positive; sizes and lists.
fn random_schedule(random: &mut Random) -> (Vec<u64>, Vec<Vec<u32>>) {
    loop {
        let sizes: Vec<u64> = (0..2 + random.below(3)).map(|_| 2 + random.below(5) as u64).collect();
        let n: u64 = sizes.iter().sum();
        let lists: Vec<Vec<u32>> = (0..1 + random.below(4))
            .map(|_| {
                let mut all: Vec<u32> = (0..n as u32).collect();
                random.shuffle(&mut all);
                all.truncate(3 + random.below(n as usize - 2));
                all
            })
            .collect();
        let class = |example: u32| {
            let mut end = 0;
            sizes.iter().position(|size| {
                end += size;
                u64::from(example) < end
            })
        };
        let meets = |c: usize| {
            lists
                .iter()
                .any(|l| l.iter().filter(|&&e| class(e) == Some(c)).count() > 1)
        };
        let mixed = lists.iter().any(|list| {
            let twice = |c: usize| list.iter().filter(|&&e| class(e) == Some(c)).count() > 1;
            list.iter().any(|&e| class(e) != class(list[0])) && (0..sizes.len()).any(twice)
        });
        if (0..sizes.len()).all(meets) && mixed {
            return (sizes, lists);
        }
    }
}

#[test]
fn samples_of_a_cell_need_not_coincide() {
    // THEORY 6: labels 0,0,1,1,1,2,2,1 with batches {0,1,5,6,7}, {0,1,2,3,4,7}, class-major.
    let lists = vec![vec![0, 1, 6, 7, 5], vec![0, 1, 2, 3, 4, 5]];
    let problem = on_batches(&[2, 4, 2], lists, FullBatchLoss::Supcon, at(0.222_028_35));
    let solved = by(&problem, MethodChoice::Auto);
    assert_eq!(solved.certificate.verdict, Verdict::Certified);
    assert!((solved.certificate.loss - 0.441_271_174).abs() < 1e-9);
    let samples = sample_gram(&problem, &solved.certificate.gram).unwrap();
    for (i, j) in [(2, 3), (3, 4), (2, 4)] {
        assert!((samples[(i, j)] - 0.8936).abs() < 5e-5, "{}", samples[(i, j)]);
    }
    let report = Report::new(&problem, &solved, false).unwrap();
    let schedule = report.solution.schedule.as_ref().unwrap();
    // Sample 5 of class 1 is alone in the first batch.
    assert_eq!((schedule.cells, schedule.anchors, schedule.skipped_anchors), (4, 10, 1));
    assert!(schedule.within_class_spread[1] > 0.05 && schedule.within_class_spread[0] < 1e-12);
    let back: Report = serde_json::from_str(&report.to_json()).unwrap();
    assert_eq!(back.to_json(), report.to_json());
}

/// 16 problems that CVXPY and Clarabel solved on single samples, without any reduction.
#[test]
fn optima_are_those_of_another_tool_on_single_samples() {
    let stored: Value = serde_json::from_str(include_str!("../reference/fixed_batches.json")).unwrap();
    let cases = stored["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 16);
    for case in cases {
        let numbers =
            |value: &Value| -> Vec<u64> { value.as_array().unwrap().iter().map(|v| v.as_u64().unwrap()).collect() };
        let loss = LOSSES.into_iter().find(|loss| case["loss"] == loss.name()).unwrap();
        let lists = case["batches"].as_array().unwrap().iter();
        let lists = lists
            .map(|list| numbers(list).into_iter().map(|e| e as u32).collect())
            .collect();
        let tau = case["temperature"].as_f64().unwrap();
        let problem = on_batches(&numbers(&case["sizes"]), lists, loss, at(tau));
        let solved = by(&problem, MethodChoice::Auto);
        assert_eq!(solved.certificate.verdict, Verdict::Certified, "{case}");
        let value = case["value"].as_f64().unwrap();
        assert!(
            (solved.certificate.loss - value).abs() < 1e-8,
            "{} {value}",
            solved.certificate.loss
        );
        let samples = sample_gram(&problem, &solved.certificate.gram).unwrap();
        for entry in case["entries"].as_array().unwrap() {
            let (i, j) = (entry[0].as_u64().unwrap() as usize, entry[1].as_u64().unwrap() as usize);
            let expected = entry[2].as_f64().unwrap();
            // nscl looks at positives through their mean alone, so that single ones are not determined.
            if loss != FullBatchLoss::Nscl {
                assert!(
                    (samples[(i, j)] - expected).abs() < 1e-4,
                    "{loss} ({i}, {j}): {} {expected}",
                    samples[(i, j)]
                );
            }
        }
    }
}

#[test]
fn methods_agree_on_random_schedules() {
    let mut random = Random(41);
    for round in 0..24 {
        let (sizes, lists) = random_schedule(&mut random);
        let loss = LOSSES[round % 4];
        let tau = random.log_uniform([0.15, 3.0]);
        let views = 1 + round as u64 / 12;
        let model = Model { views, ..at(tau) };
        let problem = on_batches(&sizes, lists.clone(), loss, model);
        let lowrank = by(&problem, MethodChoice::Lowrank);
        let name = format!("{loss}, tau {tau}, sizes {sizes:?}, views {views}, batches {lists:?}");
        assert_eq!(
            lowrank.certificate.verdict,
            Verdict::Certified,
            "{name}: {}",
            lowrank.certificate.relative_gap
        );
        let conic = by(&problem, MethodChoice::Conic);
        let (a, b) = (&lowrank.certificate, &conic.certificate);
        // Of each other's bounds too: a bound is below every loss.
        assert!(a.lower_bound <= b.loss && b.lower_bound <= a.loss, "{name}");
        assert!((a.loss - b.loss).abs() < 1e-7, "{name}: {} {}", a.loss, b.loss);
        Report::new(&problem, &lowrank, true).unwrap();
        Report::new(&problem, &conic, true).unwrap();
    }
}

#[test]
fn nonnegative_features_end_in_the_orthogonal_frame() {
    let mut random = Random(43);
    for round in 0..16 {
        let (sizes, lists) = random_schedule(&mut random);
        let tau = random.log_uniform([0.05, 3.0]);
        let model = Model {
            features: Features {
                nonnegative: true,
                ..Features::default()
            },
            ..at(tau)
        };
        let problem = on_batches(&sizes, lists.clone(), LOSSES[round % 4], model);
        let solved = by(&problem, MethodChoice::Auto);
        assert_eq!(solved.certificate.verdict, Verdict::Certified);
        // The bound of THEORY 6 is attained.
        assert!(
            solved.certificate.relative_gap < 1e-12,
            "{}",
            solved.certificate.relative_gap
        );
        Report::new(&problem, &solved, true).unwrap();
        if round % 4 == 0 {
            let class = |example: u32| {
                let mut end = 0;
                sizes.iter().position(|size| {
                    end += size;
                    u64::from(example) < end
                })
            };
            let (mut sum, mut anchors) = (0.0, 0.0);
            for list in &lists {
                for c in 0..sizes.len() {
                    let own = list.iter().filter(|&&e| class(e) == Some(c)).count() as f64;
                    if own >= 2.0 {
                        sum += own * (own - 1.0 + (list.len() as f64 - own) * (-1.0 / tau).exp()).ln();
                        anchors += own;
                    }
                }
            }
            let bound = sum / anchors;
            assert!((solved.certificate.loss - bound).abs() < 1e-12 * (1.0 + bound.abs()));
            let conic = by(&problem, MethodChoice::Conic);
            assert!(
                (conic.certificate.loss - bound).abs() < 1e-7,
                "{} {bound}",
                conic.certificate.loss
            );
        }
    }
}

/// A schedule of one batch of everything is the full batch, and classes coincide.
#[test]
fn one_batch_of_everything_is_the_full_batch() {
    let sizes = [9, 5, 5, 2];
    for loss in LOSSES {
        let problem = on_batches(&sizes, vec![(0..21).collect()], loss, at(0.4));
        let solved = by(&problem, MethodChoice::Auto);
        let full = crate::common::problem(&sizes, loss, 0.4);
        let expected = by(&full, MethodChoice::Auto);
        let difference = (solved.certificate.loss - expected.certificate.loss).abs();
        assert!(difference < 1e-9, "{loss}: {difference:e}");
        let report = Report::new(&problem, &solved, false).unwrap();
        let schedule = report.solution.schedule.as_ref().unwrap();
        assert!(schedule.within_class_spread.iter().all(|&spread| spread < 1e-6));
        let gram = report.solution.gram.as_ref().unwrap();
        for (i, row) in gram.iter().enumerate() {
            for (j, entry) in row.iter().enumerate() {
                let other = expected.certificate.gram.entry(i as u64, j as u64);
                assert!((entry - other).abs() < 1e-5, "{loss} ({i}, {j}): {entry} {other}");
            }
        }
    }
}

/// A bigger schedule with batch-binding at a low temperature: the sparse certificate, and no matrix of all pairs.
#[test]
fn a_bound_schedule_of_thousands_of_samples_is_certified() {
    let sizes = [1800u64, 700, 300, 120, 60, 20];
    let n: u32 = 3000;
    let mut all: Vec<u32> = (0..n).collect();
    Random(7).shuffle(&mut all);
    let first = [0u32, 1800, 2500, 2800, 2920, 2980];
    let lists: Vec<Vec<u32>> = all
        .chunks(100)
        .map(|chunk| {
            let bound = first.iter().filter(|f| !chunk.contains(f));
            chunk.iter().chain(bound).copied().collect()
        })
        .collect();
    let problem = on_batches(&sizes, lists, FullBatchLoss::Supcon, at(0.15));
    let solved = by(&problem, MethodChoice::Auto);
    assert_eq!(
        solved.certificate.verdict,
        Verdict::Certified,
        "{:e}",
        solved.certificate.relative_gap
    );
    assert!(solved.schedule.as_ref().unwrap().cells.count() < 200);
    Report::new(&problem, &solved, false).unwrap();
}

#[test]
fn a_gram_matrix_of_something_else_is_refused() {
    let problem = on_batches(
        &[3, 3],
        vec![vec![0, 1, 3, 4], vec![1, 2, 4, 5]],
        FullBatchLoss::Supcon,
        at(0.5),
    );
    let full = crate::common::problem(&[3, 3], FullBatchLoss::Supcon, 0.5);
    let other: Gram = by(&full, MethodChoice::Auto).certificate.gram.clone();
    assert!(matches!(certify(&problem, &other, 1e-9), Err(Error::Gram { .. })));
    let own = by(&problem, MethodChoice::Auto);
    assert_eq!(
        certify(&problem, &own.certificate.gram, 1e-6).unwrap().verdict,
        Verdict::Certified
    );
}

#[test]
fn what_no_batch_determines_is_an_error_that_names_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("p.toml");
    for (members, sizes, wanted) in [
        ("[[0, 1, 2], [0, 1, 3]]", "[2, 2]", "no two samples of class 1"),
        (
            "[[0, 1], [2, 3]]",
            "[2, 2]",
            "no batch holds a sample with another of its class",
        ),
    ] {
        let text = format!("[classes]\nsizes = {sizes}\n[batches]\nkind = \"fixed\"\nmembers = {members}\n");
        std::fs::write(&file, text).unwrap();
        let output = ufmin(folder.path(), &["solve", "p.toml"])
            .assert()
            .code(2)
            .get_output()
            .clone();
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.contains(wanted) && said.contains("hint"), "{said}");
    }
    let text = "[classes]\nsizes = [4, 3]\n[batches]\nkind = \"fixed\"\nmembers = [[0, 1, 4, 5], [2, 3, 5, 6]]\n";
    std::fs::write(&file, text).unwrap();
    let output = ufmin(folder.path(), &["solve", "p.toml", "--method", "dual"])
        .assert()
        .code(2)
        .get_output()
        .clone();
    assert!(
        String::from_utf8(output.stderr)
            .unwrap()
            .contains("samples of a class need not coincide")
    );
    ufmin(
        folder.path(),
        &["solve", "p.toml", "--output", "out", "--pictures", "png"],
    )
    .assert()
    .code(0);
    let written = |name: &str| folder.path().join("out").join(name).exists();
    for name in [
        "result.json",
        "gram.npy",
        "embeddings.npy",
        "sample_gram.npy",
        "cells.png",
        "structure.npz",
        "certificate.npz",
    ] {
        assert!(written(name), "{name}");
    }
}
