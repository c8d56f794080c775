//! How the command behaves: bundled problems by name, aliases, completions, tables that fit, reference losses and remarks.

use serde_json::json;

use crate::cli::{folder, json_in, refusal};
use crate::common::{process, run, ufmin};

fn text_of(arguments: &[&str], columns: Option<&str>) -> String {
    let folder = folder();
    let mut command = process(folder.path(), arguments);
    command.env_remove("COLUMNS");
    if let Some(columns) = columns {
        command.env("COLUMNS", columns);
    }
    String::from_utf8(command.output().unwrap().stdout).unwrap()
}

#[test]
fn bundled_problems_are_found_by_name_and_files_come_first() {
    let folder = folder();
    let found = json_in(folder.path(), &["step-imbalance"]);
    assert_eq!(
        found,
        json_in(folder.path(), &["step-imbalance.toml"]).clone_time(&found)
    );
    assert_eq!(found["problem"]["class_count"], json!(10));
    // A file of that name is what is meant.
    std::fs::write(folder.path().join("step-imbalance"), "[classes]\nsizes = [5, 4]\n").unwrap();
    assert_eq!(
        json_in(folder.path(), &["step-imbalance"])["problem"]["class_count"],
        json!(2)
    );
    let near = run(folder.path(), &["solve", "step-imbalence"]);
    refusal(
        "near",
        &near,
        &["no file step-imbalence", "did you mean `step-imbalance`?"],
    );
    refusal(
        "far",
        &run(folder.path(), &["solve", "nothing-like-it.toml"]),
        &["cannot read nothing-like-it.toml"],
    );
    ufmin(folder.path(), &["heatmap", "two-classes", "-o", "a.png"])
        .assert()
        .code(0);
    for verb in [
        &["phase", "minority-collapse", "--vary", "temperature"][..],
        &["compare", "two-classes", "--losses", "supcon,sincere"],
    ] {
        ufmin(folder.path(), verb).assert().code(0);
    }
}

/// Two runs differ in time alone.
trait CloneTime {
    fn clone_time(self, other: &serde_json::Value) -> serde_json::Value;
}

impl CloneTime for serde_json::Value {
    fn clone_time(mut self, other: &serde_json::Value) -> serde_json::Value {
        self["solution"]["seconds"] = other["solution"]["seconds"].clone();
        self["solution"]["cross_check"] = other["solution"]["cross_check"].clone();
        self
    }
}

#[test]
fn tau_and_normalize_are_other_names() {
    let folder = folder();
    let a = json_in(folder.path(), &["--sizes", "50,5", "--tau", "0.2"]);
    let b = json_in(folder.path(), &["--sizes", "50,5", "--temperature", "0.2"]);
    assert_eq!(a["solution"]["loss"], b["solution"]["loss"]);
    let frequencies = ["--probabilities", "0.5,0.4", "--loss", "population", "--normalize"];
    assert_eq!(
        json_in(folder.path(), &frequencies)["problem"]["probabilities"][0],
        json!(0.5 / 0.9)
    );
}

#[test]
fn completions_know_the_names() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let text = text_of(&["completions", shell], None);
        for word in ["sincere", "cross-entropy", "lowrank", "closed-form"] {
            assert!(
                text.contains(word) || shell == "elvish" || shell == "powershell",
                "{shell}: {word}"
            );
        }
        if ["bash", "zsh", "fish"].contains(&shell) {
            assert!(
                text.contains("step-imbalance") && text.contains("minority-collapse"),
                "{shell}"
            );
        }
    }
    // In zsh a problem is a file too.
    assert!(text_of(&["completions", "zsh"], None).contains("files:file:_files"));
}

#[test]
fn tables_fit_the_terminal() {
    let sizes = "800,700,600,500,400,300,200,100";
    let all = ["solve", "--sizes", sizes, "--cross-check", "never"];
    let (wide, narrow) = (text_of(&all, None), text_of(&all, Some("80")));
    let table = |text: &str| -> Vec<String> {
        let lines = text
            .lines()
            .skip_while(|line| !line.contains("angle   group 0"))
            .take_while(|line| !line.starts_with("closest"));
        lines.map(str::to_owned).collect()
    };
    let widest = |lines: &[String]| lines.iter().map(|line| line.chars().count()).max().unwrap();
    assert!(widest(&table(&wide)) > 80);
    assert!(widest(&table(&narrow)) <= 80, "{narrow}");
    // Nothing is lost: the same cells, and the names of the rows once more.
    let cells = |lines: &[String]| -> std::collections::BTreeSet<String> {
        lines
            .iter()
            .flat_map(|line| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
            .collect()
    };
    assert_eq!(cells(&table(&wide)), cells(&table(&narrow)));
    for arguments in [
        &["compare", "--sizes", sizes, "--losses", "supcon,sincere,nscl,bcl"][..],
        &["curve", "--sizes", "80,7,6", "--vary", "batch-size", "--values", "4,8"],
    ] {
        let text = text_of(arguments, Some("80"));
        let rows = text
            .lines()
            .filter(|line| line.starts_with("  ") || line.contains("   "));
        assert!(
            rows.clone().count() > 2 && rows.into_iter().all(|line| line.chars().count() <= 80),
            "{text}"
        );
    }
}

#[test]
fn many_medium_and_few_shot_classes() {
    let folder = folder();
    let sizes = "500,300,150,101,100,80,60,40,20,19,10,5,5";
    let found = json_in(folder.path(), &["--sizes", sizes, "--cross-check", "never"]);
    let shots = found["solution"]["shots"].as_array().unwrap();
    let summary: Vec<_> = shots
        .iter()
        .map(|shot| (shot["name"].as_str().unwrap(), shot["classes"].as_u64().unwrap()))
        .collect();
    assert_eq!(summary, [("many", 4), ("medium", 5), ("few", 4)]);
    // The means, from the whole matrix.
    let gram: Vec<Vec<f64>> = serde_json::from_value(found["solution"]["gram"].clone()).unwrap();
    let angle = |i: usize, j: usize| gram[i][j].clamp(-1.0, 1.0).acos().to_degrees();
    for (shot, classes) in shots.iter().zip([0..4, 4..9, 9..13]) {
        let pairs: Vec<f64> = classes
            .clone()
            .flat_map(|i| classes.clone().filter(move |&j| j != i).map(move |j| (i, j)))
            .map(|(i, j)| angle(i, j))
            .collect();
        let mean = pairs.iter().sum::<f64>() / pairs.len() as f64;
        assert!(
            (shot["mean_angle_degrees"].as_f64().unwrap() - mean).abs() < 1e-5,
            "{shot} {mean}"
        );
        let nearest = classes.clone().map(|i| {
            (0..13)
                .filter(|&j| j != i)
                .map(|j| angle(i, j))
                .fold(f64::INFINITY, f64::min)
        });
        let nearest = nearest.sum::<f64>() / classes.len() as f64;
        assert!(
            (shot["nearest_angle_degrees"].as_f64().unwrap() - nearest).abs() < 1e-5,
            "{shot} {nearest}"
        );
    }
    let text = text_of(&["solve", "--sizes", sizes, "--cross-check", "never"], Some("80"));
    assert!(
        text.contains("many-shot   above 100") && text.contains("few-shot    below 20"),
        "{text}"
    );
    assert_eq!(
        json_in(folder.path(), &["--sizes", "500,50,5"])["solution"]["shots"],
        json!([])
    );
}

#[test]
fn the_loss_of_equal_features_is_in_every_report() {
    let folder = folder();
    let equal = |arguments: &[&str]| -> serde_json::Value {
        let found = json_in(folder.path(), arguments);
        let all = found["references"].as_array().unwrap().clone();
        all.into_iter()
            .find(|reference| reference["name"] == "all-equal")
            .unwrap_or_else(|| panic!("{found}"))
    };
    // 64 images, each its own class, two views: log 127, and 0.1/0.07 times that by SupContrast.
    let scale = (0.1f64 / 0.07).to_string();
    let found = equal(&["--sizes", "1x64", "--views", "2", "--loss-scale", &scale]);
    assert!((found["loss"].as_f64().unwrap() - 127f64.ln()).abs() < 1e-13);
    assert!(
        (found["reported_loss"].as_f64().unwrap() - 6.920267).abs() < 1e-6,
        "{found}"
    );
    let text = text_of(
        &["solve", "--sizes", "1x64", "--views", "2", "--loss-scale", &scale],
        None,
    );
    assert!(
        text.contains("With all features equal") && text.contains("the loss is 4.844") && text.contains("6.920"),
        "{text}"
    );
    for (arguments, expected) in [
        (&["--sizes", "30,20,10"][..], 59f64.ln()),
        (&["--sizes", "30,20,10", "--nonnegative"], 59f64.ln()),
        (
            &["--sizes", "1x1024", "--views", "2", "--batch-size", "64"],
            127f64.ln(),
        ),
        (
            &["--sizes", "30,20,10", "--batch-classes", "2", "--per-class", "4"],
            7f64.ln(),
        ),
        (&["--probabilities", "0.5,0.3,0.2", "--loss", "population"], 0.0),
        (&["--sizes", "30,20,10", "--dimension", "1"], 59f64.ln()),
    ] {
        let found = equal(arguments)["loss"].as_f64().unwrap();
        assert!((found - expected).abs() < 1e-12, "{arguments:?}: {found} {expected}");
    }
    // The loss of any of them is the optimum and what is above it, and that is never negative.
    for arguments in [
        &["--sizes", "500,500"][..],
        &["--sizes", "7,7,7"],
        &["--sizes", "1x64", "--views", "2"],
        &["--sizes", "30,20,10"],
        &["--sizes", "4,5"],
    ] {
        let found = json_in(folder.path(), arguments);
        for reference in found["references"].as_array().unwrap() {
            let above = reference["loss_above_optimum"].as_f64().unwrap();
            let difference = reference["loss"].as_f64().unwrap() - found["solution"]["loss"].as_f64().unwrap();
            assert!(
                above >= 0.0 && (above - difference).abs() < 1e-11,
                "{arguments:?}: {reference}"
            );
        }
    }
}

#[test]
fn a_batch_of_the_whole_data_set_is_said() {
    let folder = folder();
    for (batch, said) in [("34", true), ("64", true), ("33", false)] {
        let found = json_in(folder.path(), &["--sizes", "20,8,6", "--batch-size", batch]);
        let warnings = found["warnings"].to_string();
        assert_eq!(warnings.contains("is at least the data set of 34"), said, "{warnings}");
    }
    let found = json_in(
        folder.path(),
        &["--sizes", "20,8,6", "--batch-size", "34", "--without-replacement"],
    );
    assert!(found["warnings"].to_string().contains("and so is this"), "{found}");
}

#[test]
fn embeddings_are_filled_up_to_the_dimension() {
    let folder = folder();
    let all = [
        "solve",
        "--sizes",
        "50,20,5",
        "--dimension",
        "7",
        "--pad",
        "--output",
        "out",
    ];
    ufmin(folder.path(), &all).assert().code(0);
    let padded = ufmin::files::npy::read_matrix(&folder.path().join("out/embeddings.npy")).unwrap();
    assert_eq!((padded.nrows(), padded.ncols()), (7, 3));
    assert!((2..7).all(|row| padded.row(row).iter().all(|&x| x == 0.0)));
    assert!(
        (padded.tr_mul(&padded) - ufmin::files::npy::read_matrix(&folder.path().join("out/gram.npy")).unwrap()).amax()
            < 1e-12
    );
    refusal(
        "no dimension",
        &run(folder.path(), &["solve", "--sizes", "5,5", "--pad"]),
        &["--pad: ", "--dimension 128"],
    );
}

#[test]
fn the_conic_method_says_what_it_takes() {
    let (seconds, bytes) = ufmin::method::conic::effort(24);
    assert!(seconds < 1.0 && bytes > 1e6);
    assert!(ufmin::method::conic::effort(80).0 > 30.0);
    let sizes: Vec<String> = (0..600).map(|i| (5000 - i).to_string()).collect();
    let output = run(
        folder().path(),
        &["solve", "--sizes", &sizes.join(","), "--method", "conic"],
    );
    refusal(
        "600",
        &output,
        &[
            "600 distinct class sizes, about",
            "days of work, needs about",
            "GB of memory",
        ],
    );
}
