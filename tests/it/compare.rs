//! `ufmin compare`: losses side by side.

use std::path::Path;

use serde_json::Value;
use ufmin::problem::{FullBatchLoss, Loss};
use ufmin::report::view::View;
use ufmin::solve::Options;
use ufmin::study::compare::{Candidate, Comparison, compare};
use ufmin::{Control, Model};

use crate::common::{model, problem_of, run};

fn json(arguments: &[&str]) -> Value {
    let folder = tempfile::tempdir().unwrap();
    let mut all = vec!["compare", "--format", "json"];
    all.extend(arguments);
    let output = run(folder.path(), &all);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is no number"))
}

/// Optima by Newton's method and measures from feature vectors, both in NumPy.
#[test]
fn rows_are_those_of_numpy() {
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference/compare.json"));
    let cases: Value = serde_json::from_str(&text.unwrap()).unwrap();
    let mut compared = 0;
    for case in cases.as_array().unwrap() {
        let sizes: Vec<String> = case["sizes"].as_array().unwrap().iter().map(Value::to_string).collect();
        let expected = case["rows"].as_object().unwrap();
        let losses: Vec<&str> = expected.keys().map(String::as_str).collect();
        let temperature = case["temperature"].to_string();
        let found = json(&[
            "--sizes",
            &sizes.join(","),
            "--temperature",
            &temperature,
            "--losses",
            &losses.join(","),
        ]);
        let rows = found["rows"].as_array().unwrap();
        assert_eq!(rows.len(), losses.len());
        for (row, loss) in rows.iter().zip(losses) {
            assert_eq!(row["loss"], loss);
            assert_eq!(row["verdict"], "certified");
            let expected = &expected[loss];
            let mut check = |name: &str, found: &Value, expected: &Value| {
                let (found, expected) = (number(found), number(expected));
                let allowed = 1e-9 * expected.abs().max(1.0);
                assert!(
                    (found - expected).abs() < allowed,
                    "{loss} {name}: {found} and not {expected}"
                );
                compared += 1;
            };
            for name in ["value", "min_tail_angle", "margin", "downstream_loss"] {
                check(name, &row[name], &expected[name]);
            }
            for name in ["equinorm", "equiangular", "distance"] {
                check(name, &row["etf_deviation"][name], &expected[name]);
            }
            for name in ["within_head", "head_to_tail", "within_tail"] {
                for (i, end) in ["least", "mean", "most"].into_iter().enumerate() {
                    check(&format!("{name}.{end}"), &row[name][end], &expected[name][i]);
                }
            }
        }
    }
    assert_eq!(compared, 2 * 4 * 16);
}

#[test]
fn collapse_and_its_threshold() {
    // The threshold is that of the example of `study::phase`; bcl with class anchors never collapses anything.
    let found = json(&[
        "--sizes",
        "2000,2000,10,10",
        "--temperature",
        "1",
        "--losses",
        "supcon,population",
    ]);
    let rows = found["rows"].as_array().unwrap();
    assert!((number(&rows[0]["threshold"]) - 142.569_686_81).abs() < 1e-7);
    for row in rows {
        assert_eq!(row["collapsed"], serde_json::json!([[2, 3]]));
        assert!(row["threshold"].is_number() && row["threshold_reason"].is_null());
        assert_eq!((number(&row["min_tail_angle"]), number(&row["margin"])), (0.0, 0.0));
        assert_eq!(row["min_tail_pair"], serde_json::json!([2, 3]));
    }
    let found = json(&[
        "--sizes",
        "2000,2000,10,10",
        "--anchors",
        "class",
        "--losses",
        "bcl,supcon",
    ]);
    let bcl = &found["rows"][0];
    assert!(bcl["threshold"].is_null() && bcl["threshold_reason"].as_str().unwrap().contains("simplex"));
    let etf = (-1.0f64 / 3.0).acos().to_degrees();
    assert!((number(&bcl["min_tail_angle"]) - etf).abs() < 1e-9);
    assert!(number(&bcl["etf_deviation"]["equinorm"]) < 1e-9 && number(&bcl["etf_deviation"]["equiangular"]) < 1e-9);
}

#[test]
fn nonnegative_features_make_all_losses_one() {
    let found = json(&[
        "--sizes",
        "90,20,5",
        "--relu",
        "--losses",
        "supcon,sincere,nscl,bcl,population",
    ]);
    for row in found["rows"].as_array().unwrap() {
        assert!((number(&row["min_tail_angle"]) - 90.0).abs() < 1e-9, "{row}");
        assert_eq!(row["rank"], 3);
    }
    let folder = tempfile::tempdir().unwrap();
    let output = run(folder.path(), &["compare", "--sizes", "90,20,5", "--relu"]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(
        text.contains(
            "All of these losses keep the tail equally apart: no class of it is closer to another than 90.000"
        ),
        "{text}"
    );
}

fn comparison(sizes: &[u64], losses: &[Loss]) -> Comparison {
    let model = Model {
        title: Some("A & B".to_owned()),
        ..model(FullBatchLoss::Supcon, 0.3)
    };
    let problem = problem_of(sizes, model);
    let losses: Vec<Candidate> = losses.iter().copied().map(Candidate::from).collect();
    compare(&problem, &losses, &Options::default(), None, &Control::default()).unwrap()
}

#[test]
fn the_text_ends_with_the_loss_that_keeps_the_tail_apart() {
    let found = comparison(&[5000, 1000, 200, 20], &[Loss::Bcl, Loss::Supcon, Loss::Bcl]);
    assert_eq!(found.rows.len(), 2);
    let mut rows: Vec<_> = found.rows.iter().collect();
    rows.sort_by(|a, b| b.min_tail_angle.unwrap().total_cmp(&a.min_tail_angle.unwrap()));
    let angle = |i: usize| rows[i].min_tail_angle.unwrap();
    assert!(angle(0) > angle(1) + 0.01);
    let text = found.text(ufmin::report::view::Style::default());
    let last = text.trim_end().lines().last().unwrap();
    let [a, b] = rows[0].min_tail_pair.unwrap();
    let expected = format!(
        "{} keeps the tail farthest apart: its closest pair with a tail class ({a} and {b}) is at {:.3} degrees, against \
         {:.3} with {}.",
        rows[0].loss,
        angle(0),
        angle(1),
        rows[1].loss
    );
    assert_eq!(last, expected);
}

#[test]
fn a_comparison_reads_back_and_draws_the_same() {
    let found = comparison(&[120, 100, 40, 20], &[Loss::Supcon, Loss::Sincere]);
    let again = Comparison::from_json(&found.to_json()).unwrap();
    assert_eq!(again.rows, found.rows);
    let draw = |comparison: &Comparison| {
        let (name, figure) = comparison.figures().remove(0);
        assert_eq!(name, "compare");
        figure.draw(ufmin::plot::Format::Svg).unwrap()
    };
    assert_eq!(draw(&again), draw(&found));
    let picture = String::from_utf8(draw(&found)).unwrap();
    for word in ["supcon", "sincere", "within the tail", "simplex ETF", "A &amp; B"] {
        assert!(picture.contains(word), "{word}");
    }
    let latex = found.latex().unwrap();
    assert_eq!(latex.lines().filter(|line| line.ends_with("\\\\")).count(), 3);
    assert!(latex.starts_with("\\begin{tabular}{l") && latex.contains("\nsincere & "));
}

#[test]
fn a_folder_has_every_form_and_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let with = |losses: &str| {
        let arguments = [
            "compare", "--sizes", "50,20,5", "--losses", losses, "--output", "out", "--format", "csv",
        ];
        let output = run(folder.path(), &arguments);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let first = with("supcon");
    let journal = || std::fs::read_to_string(folder.path().join("out/journal.jsonl")).unwrap();
    let kept = journal();
    let second = with("supcon,sincere");
    assert!(journal().starts_with(&kept) && journal().lines().count() == kept.lines().count() + 1);
    assert_eq!(
        second.lines().take(2).collect::<Vec<_>>(),
        first.lines().collect::<Vec<_>>()
    );
    for name in [
        "compare.json",
        "compare.csv",
        "compare.tex",
        "compare.png",
        "compare.svg",
    ] {
        assert!(folder.path().join("out").join(name).exists(), "{name}");
    }
}

#[test]
fn what_cannot_be_compared_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    for (arguments, words) in [
        (
            &["--sizes", "9,3", "--losses", "supcon,sinceer"][..],
            &["--losses", "sinceer", "sincere"][..],
        ),
        (
            &["--sizes", "9,3", "--losses", "supcon,cross-entropi"],
            &["--losses", "cross-entropi", "cross-entropy"],
        ),
        (
            &["--sizes", "9,3", "--losses", "supcon,cross-entropy", "--relu"],
            &["cross-entropy", "nonnegative"],
        ),
        (
            &[
                "--sizes",
                "9,3",
                "--losses",
                "supcon,cross-entropy",
                "--batch-size",
                "4",
            ],
            &["cross-entropy", "batches"],
        ),
        (
            &["--sizes", "9,3", "--losses", "cross-entropy", "--temperature", "0.001"],
            &["--temperature", "norm 1000", "[classifier]"],
        ),
        (&["--sizes", "9,3", "--losses", "supcon,nce"], &["negatives"]),
        (
            &["--sizes", "9,3", "--batch-size", "4", "--losses", "supcon,population"],
            &["population", "batches"],
        ),
        (
            &["--sizes", "9,1", "--losses", "population,supcon"],
            &["class 1", "positive"],
        ),
    ] {
        let mut all = vec!["compare"];
        all.extend(arguments);
        let output = run(folder.path(), &all);
        let errors = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {errors}");
        for word in words {
            assert!(errors.contains(word), "{arguments:?}: {errors}");
        }
    }
    let found = json(&["--sizes", "9,3", "--losses", "supcon,nce", "--negatives", "2"]);
    assert_eq!(found["rows"][1]["loss"], "nce");
}

/// [Graf2021], Theorem 2: with bounded norms balanced classes are a simplex, of a known value.
#[test]
fn balanced_cross_entropy_is_the_simplex_of_graf() {
    for (k, temperature) in [(2, 0.5), (4, 0.5), (10, 1.0), (10, 0.2)] {
        let sizes = vec!["6"; k].join(",");
        let tau = temperature.to_string();
        let found = json(&[
            "--sizes",
            &sizes,
            "--temperature",
            &tau,
            "--losses",
            "supcon,cross-entropy",
        ]);
        let row = &found["rows"][1];
        let n = k as f64;
        // Features of norm 1 and classifiers of norm 1/temperature.
        let expected = ((n - 1.0) * (-n / temperature / (n - 1.0)).exp()).ln_1p();
        assert!((number(&row["value"]) / expected - 1.0).abs() < 1e-9, "{row}");
        assert_eq!((&row["verdict"], number(&row["rank"])), (&"certified".into(), n - 1.0));
        let angle = (-1.0 / (n - 1.0)).acos().to_degrees();
        assert!((number(&row["min_tail_angle"]) - angle).abs() < 1e-7, "{row}");
        assert!((number(&row["margin"]) - n / (n - 1.0)).abs() < 1e-9);
        assert!(number(&row["etf_deviation"]["distance"]) < 1e-9);
        for i in 0..k {
            for j in 0..k {
                let cosine = if i == j { 1.0 } else { -1.0 / (n - 1.0) };
                assert!((number(&row["gram"][i][j]) - cosine).abs() < 1e-9);
            }
        }
        assert_eq!(row["threshold_reason"], "all classes have one size");
        assert_eq!(
            (number(&row["classifier"]["value"]), number(&row["features"]["value"])),
            (1.0 / temperature, 1.0)
        );
        assert!(found["rows"][0]["classifier"].is_null() && found["rows"][0]["features"].is_null());
    }
}

/// What `ufmin solve` says of the same cross-entropy, with and without tables in the file.
#[test]
fn long_tailed_cross_entropy_is_that_of_solve() {
    let folder = tempfile::tempdir().unwrap();
    let classes = "[classes]\nsizes = [500, 200, 50, 9, 1]\nviews = 2\n";
    let tables = [
        ("", "[classifier]\nnorm = 4.0\n[features]\nnorm = 1.0\n"),
        (
            "[features]\nenergy = 5.0\n",
            "[classifier]\nnorm = 4.0\n[features]\nenergy = 5.0\n",
        ),
        (
            "[classifier]\nenergy = 1.5\n[features]\nridge = 1e-4\n",
            "[classifier]\nenergy = 1.5\n[features]\nridge = 1e-4\n",
        ),
    ];
    for (given, meant) in tables {
        let write = |name: &str, text: String| std::fs::write(folder.path().join(name), text).unwrap();
        write("all.toml", format!("{classes}[loss]\ntemperature = 0.25\n{given}"));
        write(
            "alone.toml",
            format!("{classes}[loss]\nkind = \"cross-entropy\"\n{meant}"),
        );
        let read = |arguments: &[&str]| -> Value {
            let output = run(folder.path(), arguments);
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            serde_json::from_slice(&output.stdout).unwrap()
        };
        let found = read(&[
            "compare",
            "all.toml",
            "--losses",
            "supcon,cross-entropy",
            "--format",
            "json",
        ]);
        let alone = read(&["solve", "alone.toml", "--format", "json"]);
        let (row, solution) = (&found["rows"][1], &alone["solution"]);
        assert_eq!(row["value"], solution["loss"]);
        assert_eq!(row["collapsed"], solution["collapsed"]);
        assert_eq!(row["relative_gap"], alone["certificate"]["relative_gap"]);
        assert_eq!(
            (&row["classifier"], &row["features"]),
            (&alone["problem"]["classifier"], &alone["problem"]["features"])
        );
        let (gram, mut least) = (&solution["gram"], f64::INFINITY);
        for i in 0..5 {
            for j in 0..5 {
                let norms = (number(&gram[i][i]) * number(&gram[j][j])).sqrt();
                let cosine = number(&gram[i][j]) / norms;
                assert!((number(&row["gram"][i][j]) - cosine).abs() < 1e-12);
                if i != j && i.max(j) >= 3 {
                    least = least.min(cosine.clamp(-1.0, 1.0).acos().to_degrees());
                }
            }
        }
        assert!((number(&row["min_tail_angle"]) - least).abs() < 1e-9, "{given}: {row}");
        assert!(row["threshold"].is_null() && row["threshold_reason"].as_str().unwrap().contains("there are 5"));
        // The other loss does not see the tables.
        let supcon = json(&[
            "--sizes",
            "500,200,50,9,1",
            "--views",
            "2",
            "--temperature",
            "0.25",
            "--losses",
            "supcon",
        ]);
        assert_eq!(found["rows"][0]["value"], supcon["rows"][0]["value"]);
    }
}

/// The layer-peeled model: minority classes share one classifier from a ratio on, and have no feature at all far beyond.
#[test]
fn cross_entropy_collapses_and_vanishes() {
    let folder = tempfile::tempdir().unwrap();
    let write = |ratio: u64, tables: &str| {
        let profile = "profile = \"step\"\nmajority = 3\nminority = 2\nsmallest = 2\n";
        let text = format!("[classes]\n{profile}ratio = {ratio}\n{tables}");
        std::fs::write(folder.path().join("p.toml"), text).unwrap();
    };
    let read = |arguments: &[&str]| -> Value {
        let output = run(folder.path(), arguments);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    };
    let compare = [
        "compare",
        "p.toml",
        "--losses",
        "cross-entropy,supcon",
        "--format",
        "json",
    ];
    let energies = "[classifier]\nenergy = 1.0\n[features]\nenergy = 5.0\n";
    write(100_000, energies);
    let found = read(&compare);
    assert_eq!(found["problem"]["loss"], "cross-entropy");
    let row = &found["rows"][0];
    assert_eq!(row["collapsed"], serde_json::json!([[3, 4]]));
    assert_eq!((number(&row["min_tail_angle"]), number(&row["margin"])), (0.0, 0.0));
    let phase = [
        "phase",
        "p.toml",
        "--vary",
        "ratio",
        "--loss",
        "cross-entropy",
        "--format",
        "json",
    ];
    let threshold = number(&read(&phase)["threshold"]);
    assert!(
        (number(&row["threshold"]) / threshold - 1.0).abs() < 1e-9,
        "{row} {threshold}"
    );

    // With a ridge on features of a class of so few samples nothing is gained by telling it from the others.
    write(100_000, "[classifier]\nridge = 0.01\n[features]\nridge = 1e-5\n");
    let output = ["--output", "out"];
    let found = read(&[&compare[..], &output].concat());
    let row = &found["rows"][0];
    assert!(row["gram"][3].as_array().unwrap().iter().all(Value::is_null), "{row}");
    assert!(row["gram"][0][1].is_number() && row["group_gram"][1][1].is_null());
    for name in [
        "min_tail_angle",
        "margin",
        "etf_deviation",
        "downstream_loss",
        "within_head",
    ] {
        assert!(row[name].is_null(), "{name}");
    }
    let picture = std::fs::read_to_string(folder.path().join("out/compare.svg")).unwrap();
    assert!(picture.contains("grey entries are of features that are zero"));
    // The same from its journal.
    let again = read(&[&compare[..], &output].concat());
    assert_eq!(again["rows"], found["rows"]);
    // Other tables are another point of it.
    write(100_000, energies);
    let other = read(&[&compare[..], &output].concat());
    assert_eq!(other["rows"][0]["features"]["constraint"], "energy");
    assert_eq!(other["rows"][1], found["rows"][1]);
}
