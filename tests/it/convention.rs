//! `[loss] scale` and `reduction`: the loss as an implementation states it, beside a solution that does not change.

use std::fs::write;

use nalgebra::DMatrix;
use serde_json::{Value, json};
use ufmin::files::npy::matrix_bytes;
use ufmin::problem::{Convention, FullBatchLoss, Reduction};
use ufmin::report::Report;
use ufmin::report::view::{Style, View};

use crate::cli::{folder, json_in, refusal, without_time};
use crate::common::{problem, ufmin};

/// SupContrast multiplies by temperature / base_temperature = 0.1/0.07.
const SCALE: &str = "1.4285714285714286";

fn solved(arguments: &[&str]) -> Value {
    json_in(folder().path(), arguments)
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value}"))
}

fn close(a: f64, b: f64, tolerance: f64) {
    assert!((a - b).abs() <= tolerance * b.abs().max(1.0), "{a} is not {b}");
}

/// The number of a run of SupContrast that does not learn: 64 images, two views, all features the same. The page of the
/// problem file has these numbers.
#[test]
fn a_loss_stuck_at_6_92_is_all_features_equal() {
    let folder = folder();
    let labels: String = (0..128).map(|row| format!("{}\n", row / 2)).collect();
    write(folder.path().join("labels.txt"), labels).unwrap();
    let rows = DMatrix::from_fn(128, 3, |_, j| [0.6, 0.0, 0.8][j]);
    write(folder.path().join("h.npy"), matrix_bytes(&rows)).unwrap();
    let evaluate = |more: &[&str]| {
        let mut all = vec![
            "evaluate",
            "--embeddings",
            "h.npy",
            "--labels",
            "labels.txt",
            "--loss-scale",
            SCALE,
        ];
        all.extend(more);
        let output = ufmin(folder.path(), &all).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let found: Value = serde_json::from_str(&evaluate(&["--format", "json"])).unwrap();
    close(number(&found["loss"]), 127f64.ln(), 1e-12);
    close(number(&found["reported_loss"]), 127f64.ln() * 0.1 / 0.07, 1e-12);
    assert_eq!(format!("{:.3}", number(&found["reported_loss"])), "6.920");
    assert_eq!(found["reported_anchors"], Value::Null);
    let found: Value = serde_json::from_str(&evaluate(&["--format", "json", "--reduction", "sum"])).unwrap();
    close(number(&found["reported_loss"]), 128.0 * 127f64.ln() * 0.1 / 0.07, 1e-12);
    assert_eq!(format!("{:.3}", number(&found["reported_loss"])), "885.794");
    assert_eq!(found["reported_anchors"], 128);
    assert_eq!(found["problem"]["reduction"], "sum");
    let text = evaluate(&["--reduction", "sum"]);
    let line = text.lines().find(|line| line.starts_with("  on your scale")).unwrap();
    assert!(line.ends_with("x 1.4285714285714286, sum over 128 anchors"), "{line}");
}

#[test]
fn the_solution_is_the_same_on_any_scale() {
    let plain = without_time(solved(&["--sizes", "50,20,5"]));
    assert_eq!(plain["problem"]["loss_scale"], 1.0);
    assert_eq!(plain["problem"]["reduction"], "mean");
    assert_eq!(plain["solution"]["reported_loss"], Value::Null);
    let loss = number(&plain["solution"]["loss"]);
    for (arguments, expected, anchors) in [
        (&["--loss-scale", "2.5"][..], 2.5 * loss, Value::Null),
        (&["--reduction", "sum"], 75.0 * loss, json!(75)),
        (
            &["--reduction", "sum", "--loss-scale", SCALE],
            75.0 * loss / 0.7,
            json!(75),
        ),
    ] {
        let mut all = vec!["--sizes", "50,20,5"];
        all.extend(arguments);
        let mut found = without_time(solved(&all));
        let solution = &found["solution"];
        close(number(&solution["reported_loss"]), expected, 1e-14);
        assert_eq!(solution["reported_anchors"], anchors, "{arguments:?}");
        for field in ["reported_loss", "reported_anchors"] {
            found["solution"][field] = Value::Null;
        }
        // Every reference is on that scale too.
        let factor = expected / loss;
        for reference in found["references"].as_array_mut().unwrap() {
            close(
                number(&reference["reported_loss"]),
                factor * number(&reference["loss"]),
                1e-14,
            );
            reference["reported_loss"] = Value::Null;
        }
        found["problem"]["loss_scale"] = json!(1.0);
        found["problem"]["reduction"] = json!("mean");
        assert_eq!(found, plain, "{arguments:?}");
    }
    let of_views = solved(&["--sizes", "50,20,5", "--views", "2", "--reduction", "sum"]);
    assert_eq!(of_views["solution"]["reported_anchors"], 150);
}

/// A class of one sample adds nothing to a sum, whether it is counted or not.
#[test]
fn singletons_do_not_change_a_sum() {
    let of = |rule| {
        let found = solved(&["--sizes", "6,4,1", "--singletons", rule, "--reduction", "sum"]);
        (
            number(&found["solution"]["reported_loss"]),
            found["solution"]["reported_anchors"].clone(),
        )
    };
    let ((skipped, anchors), (counted, all)) = (of("skip"), of("zero"));
    assert_eq!((anchors, all), (json!(10), json!(11)));
    close(skipped, counted, 1e-12);
    assert_eq!(
        solved(&["--sizes", "6,4,1", "--loss", "population", "--reduction", "sum"])["solution"]["reported_anchors"],
        11
    );
}

/// One fixed batch of all samples is the full batch; twice the same batch sums to twice as much.
#[test]
fn fixed_batches_sum_over_the_anchors_of_the_schedule() {
    let folder = folder();
    write(folder.path().join("once.json"), "[[0, 1, 2, 3, 4]]").unwrap();
    write(folder.path().join("twice.json"), "[[0, 1, 2, 3, 4], [0, 1, 2, 3, 4]]").unwrap();
    let common = [
        "--sizes",
        "3,2",
        "--views",
        "2",
        "--temperature",
        "0.5",
        "--reduction",
        "sum",
    ];
    let of = |more: &[&str]| {
        let all: Vec<&str> = common.iter().chain(more).copied().collect();
        let found = json_in(folder.path(), &all);
        assert_eq!(found["certificate"]["verdict"], "certified", "{more:?}");
        let solution = &found["solution"];
        (number(&solution["reported_loss"]), solution["reported_anchors"].clone())
    };
    let (full, anchors) = of(&[]);
    assert_eq!(anchors, 10);
    let (once, anchors) = of(&["--batches", "once.json"]);
    assert_eq!(anchors, 10);
    close(once, full, 1e-9);
    let (twice, anchors) = of(&["--batches", "twice.json"]);
    assert_eq!(anchors, 20);
    close(twice, 2.0 * full, 1e-9);
}

#[test]
fn the_text_says_both_losses() {
    let arguments = [
        "solve",
        "--sizes",
        "50,20,5",
        "--loss-scale",
        SCALE,
        "--reduction",
        "sum",
    ];
    let output = ufmin(folder().path(), &arguments).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let loss = |start: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(start)).unwrap();
        line.split_whitespace().next().unwrap().parse::<f64>().unwrap()
    };
    close(loss("loss on your scale"), 75.0 * loss("loss   ") / 0.7, 1e-12);
    assert!(
        text.contains("  (x 1.4285714285714286, sum over 75 anchors)\n"),
        "{text}"
    );
}

#[test]
fn a_sum_is_refused_where_no_anchors_are_counted() {
    for (arguments, reason) in [
        (
            &["--probabilities", "0.5,0.5", "--loss", "population"][..],
            "probabilities",
        ),
        (&["--sizes", "9,9", "--batch-size", "8"], "batches that are drawn"),
        (
            &["--sizes", "9,9", "--batch-classes", "2", "--per-class", "2"],
            "batches that are drawn",
        ),
        (&["--sizes", "9,9", "--loss", "nce", "--negatives", "4"], "nce"),
        (&["--sizes", "9,8", "--anchors", "class"], "class-balanced anchors"),
    ] {
        let mut all = vec!["solve"];
        all.extend(arguments);
        all.extend(["--reduction", "sum"]);
        let output = ufmin(folder().path(), &all).output().unwrap();
        refusal(
            reason,
            &output,
            &["--reduction: a sum is asked for", reason, "--reduction mean"],
        );
        // A scale alone has a meaning for all of them.
        all.truncate(all.len() - 2);
        all.extend(["--loss-scale", "2"]);
        let found = json_in(folder().path(), &all[1..]);
        let solution = &found["solution"];
        close(
            number(&solution["reported_loss"]),
            2.0 * number(&solution["loss"]),
            1e-14,
        );
    }
}

#[test]
fn scales_are_positive_numbers() {
    for value in ["0", "-1.5", "nan", "inf", "1e-101"] {
        let arguments = ["solve", "--sizes", "9,9", "--loss-scale", value];
        let output = ufmin(folder().path(), &arguments).output().unwrap();
        refusal(
            value,
            &output,
            &["--loss-scale: the scale is", "positive and finite", "0.1/0.07"],
        );
    }
    let arguments = ["solve", "--sizes", "9,9", "--loss-scale", "0.1/0.07"];
    let output = ufmin(folder().path(), &arguments).output().unwrap();
    refusal("an expression", &output, &["--loss-scale", "it is not a number"]);
    let arguments = ["solve", "--sizes", "9,9", "--reduction", "none"];
    let output = ufmin(folder().path(), &arguments).output().unwrap();
    refusal("none", &output, &["--reduction: `none` is not one of mean, sum"]);
}

#[test]
fn problem_files_have_both_keys() {
    let folder = folder();
    let of = |loss: &str| {
        let text = format!("[classes]\nsizes = [50, 20, 5]\n[loss]\n{loss}\n");
        write(folder.path().join("p.toml"), text).unwrap();
        ufmin(folder.path(), &["solve", "p.toml"]).output().unwrap()
    };
    for (loss, needles) in [
        (
            "scale = 0.0",
            &["p.toml, line 4", "the scale is 0", "positive and finite"][..],
        ),
        (
            "scale = \"0.1/0.07\"",
            &["p.toml, line 4", "loss.scale", "scale = 1.4285714285714286"],
        ),
        (
            "reduction = \"total\"",
            &["p.toml, line 4", "`total` is not one of mean, sum"],
        ),
        (
            "anchors = \"class\"\nreduction = \"sum\"",
            &[
                "p.toml, line 5",
                "a sum is asked for",
                "reduction = \"mean\" under [loss]",
            ],
        ),
        (
            "kind = \"cross-entropy\"\nscale = 2.0",
            &["p.toml, line 5", "cross-entropy does not take a scale"],
        ),
        (
            "kind = \"cross-entropy\"\nreduction = \"sum\"",
            &["p.toml, line 5", "cross-entropy does not take a reduction"],
        ),
    ] {
        refusal(loss, &of(loss), needles);
    }
    assert_eq!(of("scale = 2\nreduction = \"sum\"").status.code(), Some(0));
    // A flag has the last word.
    let found = json_in(folder.path(), &["p.toml", "--loss-scale", "3"]);
    assert_eq!(found["problem"]["loss_scale"], 3.0);
    assert_eq!(found["problem"]["reduction"], "sum");
}

/// A result that was read back says the same; one of an earlier version is on the scale of the mean.
#[test]
fn results_read_back() {
    let problem = problem(&[50, 20, 5], FullBatchLoss::Supcon, 0.1);
    let convention = Convention::new(0.1 / 0.07, Reduction::Sum, &problem).unwrap();
    let solved = crate::common::solved(&problem);
    let report = Report::new(&problem, &solved, false)
        .unwrap()
        .in_convention(&problem, convention);
    let read = Report::from_json(&report.to_json()).unwrap();
    assert_eq!(read.to_json(), report.to_json());
    assert_eq!(read.text(Style::default()), report.text(Style::default()));
    assert_eq!(read.problem.reduction, Reduction::Sum);
    assert_eq!(read.problem().unwrap(), problem);
    let mut old: Value = serde_json::from_str(&report.to_json()).unwrap();
    for (table, field) in [
        ("problem", "loss_scale"),
        ("problem", "reduction"),
        ("solution", "reported_loss"),
        ("solution", "reported_anchors"),
    ] {
        assert!(old[table].as_object_mut().unwrap().remove(field).is_some(), "{field}");
    }
    let read = Report::from_json(&old.to_string()).unwrap();
    assert_eq!(
        (read.problem.loss_scale, read.problem.reduction),
        (1.0, Reduction::Mean)
    );
    assert_eq!(read.solution.reported_loss, None);
}
