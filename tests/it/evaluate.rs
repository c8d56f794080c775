//! `ufmin evaluate`: metrics and losses against stored ones, files of every layout, hostile files, invariances, sequences.

use std::path::Path;

use nalgebra::DMatrix;
use serde_json::Value;
use ufmin::measure::rows::Rows;
use ufmin::problem::{Classes, Model, Problem};
use ufmin::study::evaluate::{Settings, Source, evaluate};
use ufmin::{Control, Error, Options, solve};

use crate::cli::{folder, refusal};
use crate::common::ufmin;

/// The features of `tests/reference/evaluate.py`: rows, and their classes.
fn features(sizes: &[usize], dimension: usize, spread: f64, seed: usize) -> (Vec<f64>, Vec<u32>) {
    let n: usize = sizes.iter().sum();
    let by_class: Vec<u32> = (0..)
        .zip(sizes)
        .flat_map(|(class, &size)| std::iter::repeat_n(class, size))
        .collect();
    let gcd = |mut a: usize, mut b: usize| {
        while b > 0 {
            (a, b) = (b, a % b);
        }
        a
    };
    let step = (n / 2 + 1..2 * n).find(|&step| gcd(step, n) == 1).unwrap();
    let classes: Vec<u32> = (0..n).map(|i| by_class[i * step % n]).collect();
    let part = |x: usize| ((x % 1009) as f64 - 504.0) / 1009.0;
    let mut rows = Vec::new();
    for (i, &class) in classes.iter().enumerate() {
        let c = class as usize + 1;
        rows.extend((0..dimension).map(|j| {
            let centre = part(c * 7919 + j * 104_729 + c * j * 31 + seed);
            centre + spread * part((i + 1) * 613 + j * 7001 + (i + 1) * j * 97 + 5 * seed)
        }));
    }
    (rows, classes)
}

fn header(descr: &str, fortran: bool, shape: &str) -> Vec<u8> {
    let order = if fortran { "True" } else { "False" };
    let text = format!("{{'descr': '{descr}', 'fortran_order': {order}, 'shape': {shape}, }}\n");
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((text.len() as u16).to_le_bytes());
    bytes.extend(text.as_bytes());
    bytes
}

/// A number in half precision that is exactly a multiple of 1/1024 below 1 in magnitude.
fn half(value: f64) -> u16 {
    let magnitude = value.abs();
    let sign = if value < 0.0 { 0x8000 } else { 0 };
    if magnitude == 0.0 {
        return sign;
    }
    let exponent = magnitude.log2().floor() as i32;
    let fraction = magnitude / 2f64.powi(exponent) * 1024.0 - 1024.0;
    assert_eq!(fraction.fract(), 0.0);
    sign | (((exponent + 15) as u16) << 10) | fraction as u16
}

/// An array of `rows`, which are one after the other; `columns_first` lays it out by columns.
fn array(descr: &str, rows: &[f64], dimension: usize, (columns_first, transposed): (bool, bool)) -> Vec<u8> {
    let n = rows.len() / dimension;
    let fortran = columns_first != transposed;
    let shape = if transposed {
        format!("({dimension}, {n})")
    } else {
        format!("({n}, {dimension})")
    };
    let mut bytes = header(descr, fortran, &shape);
    let mut put = |value: f64| {
        let mut little = match &descr[1..] {
            "f2" => half(value).to_le_bytes().to_vec(),
            "f4" => (value as f32).to_le_bytes().to_vec(),
            _ => value.to_le_bytes().to_vec(),
        };
        if descr.starts_with('>') {
            little.reverse();
        }
        bytes.extend(little);
    };
    if columns_first {
        (0..dimension).for_each(|j| (0..n).for_each(|i| put(rows[i * dimension + j])));
    } else {
        rows.iter().for_each(|&value| put(value));
    }
    bytes
}

fn labels(values: impl IntoIterator<Item = i64>) -> Vec<u8> {
    let data: Vec<u8> = values.into_iter().flat_map(i64::to_le_bytes).collect();
    let mut bytes = header("<i8", false, &format!("({},)", data.len() / 8));
    bytes.extend(data);
    bytes
}

fn write(folder: &Path, name: &str, bytes: &[u8]) {
    std::fs::write(folder.join(name), bytes).unwrap();
}

/// Writes `h.npy` (doubles, rows first) and `y.npy`.
fn save(folder: &Path, rows: &[f64], dimension: usize, classes: &[u32]) {
    write(folder, "h.npy", &array("<f8", rows, dimension, (false, false)));
    write(folder, "y.npy", &labels(classes.iter().map(|&class| class.into())));
}

fn json(folder: &Path, arguments: &[&str]) -> Value {
    let mut all = vec!["evaluate", "--format", "json"];
    all.extend(arguments);
    // All pairs of 20,000 samples, on a busy machine.
    let patience = std::time::Duration::from_secs(300);
    let output = ufmin(folder, &all).timeout(patience).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

const FILES: [&str; 4] = ["--embeddings", "h.npy", "--labels", "y.npy"];

fn of_files(folder: &Path, more: &[&str]) -> Value {
    json(folder, &[&FILES, more].concat())
}

fn number(value: &Value, path: &str) -> f64 {
    path.split('.')
        .fold(value, |value, key| &value[key])
        .as_f64()
        .unwrap_or_else(|| panic!("{path} in {value}"))
}

fn close(found: f64, expected: f64, tolerance: f64, what: &str) {
    let error = (found - expected).abs() / expected.abs().max(1.0);
    assert!(error <= tolerance, "{what}: {found} is not {expected}");
}

fn reference() -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference/evaluate.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

#[test]
fn metrics_are_those_of_an_independent_program() {
    let stored = reference();
    let cases = stored["cases"].as_array().unwrap();
    assert!(cases.len() >= 10);
    for case in cases {
        let sizes: Vec<usize> = serde_json::from_value(case["sizes"].clone()).unwrap();
        let dimension = case["dimension"].as_u64().unwrap() as usize;
        let seed = case["seed"].as_u64().unwrap() as usize;
        let (rows, classes) = features(&sizes, dimension, number(case, "spread"), seed);
        let folder = folder();
        save(folder.path(), &rows, dimension, &classes);
        let weights: Vec<f64> = (0..sizes.len())
            .flat_map(|c| {
                (0..dimension).map(move |j| (((c * 389 + j * 757 + c * j * 11) % 1009) as f64 - 504.0) / 1009.0)
            })
            .collect();
        write(
            folder.path(),
            "w.npy",
            &array("<f8", &weights, dimension, (false, false)),
        );
        let temperature = case["temperature"].to_string();
        let (loss, anchors) = (case["loss"].as_str().unwrap(), case["anchors"].as_str().unwrap());
        let arguments = [
            "--loss",
            loss,
            "--anchors",
            anchors,
            "--temperature",
            &temperature,
            "--classifier",
            "w.npy",
        ];
        let found = of_files(folder.path(), &arguments);
        for (path, key) in [
            ("loss", "value"),
            ("gram_distance", "gram_distance"),
            ("nc2.distance_optimum", "gram_distance"),
            ("nc2.distance_etf", "distance_etf"),
            ("nc2.distance_of", "distance_of"),
            ("nc1.trace_ratio", "trace_ratio"),
            ("nc1.pinv", "pinv"),
            ("nc2.equinorm", "equinorm"),
            ("nc2.equiangular", "equiangular"),
            ("nc2.etf", "etf"),
            ("nc3", "nc3"),
            ("ncc_accuracy", "ncc_accuracy"),
            ("effective_rank", "effective_rank"),
        ] {
            close(
                number(&found, path),
                number(case, key),
                1e-9,
                &format!("{path} of {case}"),
            );
        }
        assert_eq!(found["loss_kind"], "exact");
        let gap = number(&found, "gap_to_optimum");
        close(
            gap,
            number(&found, "loss") - number(&found, "optimal_loss"),
            1e-13,
            "gap",
        );
        assert!(gap > 0.0);
        for (class, expected) in case["per_class"].as_array().unwrap().iter().enumerate() {
            let found = &found["per_class"][class];
            assert_eq!(found["size"], sizes[class]);
            for (path, key) in [
                ("within", "within"),
                ("mean_norm", "mean_norm"),
                ("ncc_accuracy", "ncc_accuracy"),
                ("nearest.angle_degrees", "angle"),
                ("distance", "distance"),
            ] {
                close(
                    number(found, path),
                    number(expected, key),
                    1e-9,
                    &format!("{path} of class {class} of {case}"),
                );
            }
            assert_eq!(found["nearest"]["class"], expected["nearest"]);
        }
        let own = |class: &Value| number(&found["per_class"][class.as_u64().unwrap() as usize], "distance");
        let farthest = found["farthest"].as_array().unwrap();
        assert!(farthest.windows(2).all(|pair| own(&pair[0]) >= own(&pair[1])));
    }
}

#[test]
fn classes_of_one_sample_are_no_anchors() {
    let (rows, classes) = features(&[6, 1, 4, 1, 3], 6, 0.5, 77);
    let folder = folder();
    save(folder.path(), &rows, 6, &classes);
    for case in reference()["singletons"].as_array().unwrap() {
        let word = |key: &str| case[key].as_str().unwrap();
        let (loss, anchors, rule) = (word("loss"), word("anchors"), word("singletons"));
        let arguments = [
            "--temperature",
            "0.2",
            "--loss",
            loss,
            "--anchors",
            anchors,
            "--singletons",
            rule,
        ];
        let found = of_files(folder.path(), &arguments);
        close(number(&found, "loss"), number(case, "value"), 1e-12, &case.to_string());
    }
    let mut refused = vec!["evaluate"];
    refused.extend(FILES);
    let output = ufmin(folder.path(), &refused).output().unwrap();
    refusal("singletons", &output, &["--labels", "class 1 has 1 sample"]);
}

/// The same numbers in every type, byte order, memory order and container.
#[test]
fn every_layout_is_the_same_features() {
    let (rows, classes) = features(&[9, 7, 5, 2], 6, 0.4, 3);
    // What half precision holds.
    let rows: Vec<f64> = rows.iter().map(|x| ((x * 128.0).round() + 0.5) / 256.0).collect();
    let folder = folder();
    save(folder.path(), &rows, 6, &classes);
    let anonymous = |mut value: Value| {
        let fields = value.as_object_mut().unwrap();
        fields.remove("seconds");
        fields.remove("embeddings");
        value
    };
    let expected = anonymous(of_files(folder.path(), &[]));
    for descr in ["<f2", ">f2", "<f4", ">f4", "<f8", ">f8"] {
        for layout in [(false, false), (true, false), (false, true), (true, true)] {
            let bytes = array(descr, &rows, 6, layout);
            write(folder.path(), "h.npy", &bytes);
            let transposed: &[&str] = if layout.1 { &["--transposed"] } else { &[] };
            assert_eq!(
                anonymous(of_files(folder.path(), transposed)),
                expected,
                "{descr} {layout:?}"
            );
        }
    }
    // Labels of other types, and as text.
    let text: String = classes.iter().map(|class| format!("{}\n", class * 3 + 7)).collect();
    write(folder.path(), "y.txt", format!("# labels\n{text}").as_bytes());
    let by_text = json(
        folder.path(),
        &["--embeddings", "h.npy", "--labels", "y.txt", "--transposed"],
    );
    assert_eq!(by_text["loss"], expected["loss"]);
    assert_eq!(by_text["per_class"][2]["label"], 13);
    // In an archive: stored, and in a name that says so among others.
    let matrix = DMatrix::from_row_slice(rows.len() / 6, 6, &rows);
    use ufmin::files::npy::npz_bytes;
    use ufmin::math::array::Array;
    let alone = npz_bytes(&[("arr_0", Array::Matrix(matrix.clone()))]);
    let named = npz_bytes(&[("y", Array::Indices(vec![1])), ("features", Array::Matrix(matrix))]);
    for bytes in [alone, named] {
        write(folder.path(), "h.npz", &bytes);
        let found = json(folder.path(), &["--embeddings", "h.npz", "--labels", "y.npy"]);
        assert_eq!(anonymous(found), expected);
    }
    let unnamed = npz_bytes(&[("a", Array::Indices(vec![1])), ("b", Array::Indices(vec![2]))]);
    write(folder.path(), "h.npz", &unnamed);
    let output = ufmin(
        folder.path(),
        &["evaluate", "--embeddings", "h.npz", "--labels", "y.npy"],
    )
    .output()
    .unwrap();
    refusal("two arrays", &output, &["h.npz", "2 arrays: a, b", "embeddings=H"]);
}

#[test]
fn the_order_of_rows_and_the_counting_of_views_change_nothing() {
    let (rows, classes) = features(&[8, 6, 4], 5, 0.3, 9);
    let folder = folder();
    save(folder.path(), &rows, 5, &classes);
    let first = of_files(folder.path(), &["--temperature", "0.2"]);
    let viewed = of_files(folder.path(), &["--temperature", "0.2", "--views", "2"]);
    let order: Vec<usize> = (0..classes.len()).rev().collect();
    let turned: Vec<f64> = order.iter().flat_map(|&i| rows[5 * i..5 * i + 5].to_vec()).collect();
    let turned_classes: Vec<u32> = order.iter().map(|&i| classes[i]).collect();
    save(folder.path(), &turned, 5, &turned_classes);
    let second = of_files(folder.path(), &["--temperature", "0.2", "--threads", "1"]);
    for other in [&viewed, &second] {
        for path in [
            "loss",
            "optimal_loss",
            "gap_to_optimum",
            "gram_distance",
            "nc1.trace_ratio",
            "nc1.pinv",
            "effective_rank",
        ] {
            close(number(other, path), number(&first, path), 1e-13, path);
        }
    }
    assert_eq!(viewed["problem"]["sizes"], serde_json::json!([4, 3, 2]));
}

#[test]
fn a_problem_and_its_labels_must_agree() {
    let (rows, classes) = features(&[8, 6, 4], 5, 0.3, 9);
    let folder = folder();
    save(folder.path(), &rows, 5, &classes);
    write(
        folder.path(),
        "p.toml",
        b"[classes]\nsizes = [4, 3, 2]\nviews = 2\n[loss]\ntemperature = 0.3\n",
    );
    write(
        folder.path(),
        "bare.toml",
        b"[classes]\nviews = 2\n[loss]\ntemperature = 0.3\n",
    );
    let of = |problem: &str| json(folder.path(), &[&[problem], &FILES[..]].concat());
    assert_eq!(of("p.toml")["loss"], of("bare.toml")["loss"]);
    let refused = |arguments: &[&str], needles: &[&str]| {
        let all = [&["evaluate"], arguments, &FILES[..]].concat();
        refusal(
            &format!("{arguments:?}"),
            &ufmin(folder.path(), &all).output().unwrap(),
            needles,
        );
    };
    refused(
        &["--sizes", "8,7,4"],
        &["--labels: label 1 has 6 rows, and 7 in the problem"],
    );
    refused(
        &["p.toml", "--views", "1"],
        &["label 0 has 8 rows, and 4 in the problem"],
    );
    refused(&["--sizes", "8,6,4,2"], &["3 different labels, and 4 classes"]);
    refused(
        &["--views", "3"],
        &["label 0 has 8 rows, which is no multiple of 3 views"],
    );
    refused(
        &["--temperature", "0.002"],
        &["the loss of single samples at temperature 0.002"],
    );
    write(folder.path(), "w.npy", &array("<f8", &[1.0; 8], 4, (false, false)));
    refused(
        &["--classifier", "w.npy"],
        &["w.npy: its shape is [2, 4], and a row for every class"],
    );
}

#[test]
fn what_is_no_features_is_refused_by_name() {
    let (rows, classes) = features(&[4, 3], 3, 0.3, 1);
    let folder = folder();
    save(folder.path(), &rows, 3, &classes);
    let good = array("<f8", &rows, 3, (false, false));
    let with = |row: usize, values: &[f64]| {
        let mut changed = rows.clone();
        changed[3 * row..3 * row + values.len()].copy_from_slice(values);
        array("<f8", &changed, 3, (false, false))
    };
    let of = |header: Vec<u8>, data: &[u8]| [&header[..], data].concat();
    let refused = |bytes: &[u8], needles: &[&str]| {
        write(folder.path(), "bad.npy", bytes);
        let arguments = ["evaluate", "--embeddings", "bad.npy", "--labels", "y.npy"];
        let output = ufmin(folder.path(), &arguments).output().unwrap();
        refusal(needles[0], &output, &[&["bad.npy"], needles].concat());
    };
    refused(&with(5, &[0.0, f64::NAN]), &["row 5 is not finite: its entry 1 is NaN"]);
    refused(
        &with(2, &[f64::NEG_INFINITY]),
        &["row 2 is not finite: its entry 0 is -inf"],
    );
    refused(&with(6, &[0.0, 0.0, -0.0]), &["row 6 is zero"]);
    refused(&good[..good.len() - 1], &["promises 168 bytes of data, and it has 167"]);
    refused(&[&good[..], b"x"].concat(), &["1 more follow"]);
    refused(&good[..40], &["header"]);
    refused(b"", &["header"]);
    refused(b"\x93NUMPY\x02\x00\xff\xff\xff\xff", &["header"]);
    refused(&of(header("|O", false, "(7, 3)"), &[0; 168]), &["element type is |O"]);
    refused(&of(header("<c8", false, "(7, 3)"), &[0; 168]), &["element type is <c8"]);
    refused(&of(header("|b1", false, "(7, 3)"), &[1; 21]), &["element type is |b1"]);
    refused(
        &of(header("<f8", false, "(7,)"), &[0; 56]),
        &["shape is [7]", "H.reshape"],
    );
    refused(
        &of(header("<f8", false, "(7, 1, 3)"), &[0; 168]),
        &["shape is [7, 1, 3]"],
    );
    refused(&of(header("<f8", false, "(7, 0)"), &[]), &["no elements"]);
    refused(&of(header("<f8", false, "(0, 3)"), &[]), &["no elements"]);
    for shape in ["(4294967296, 4294967296)", "(9223372036854775807, 3)"] {
        refused(&of(header("<f8", false, shape), &[0; 168]), &["too large"]);
    }
    refused(
        &array("<f8", &rows[..18], 3, (false, false)),
        &["6 rows of 3 numbers, and there are 7 labels"],
    );
    refused(
        &array("<f8", &rows, 3, (false, true)),
        &["3 rows of 7 numbers, and there are 7 labels", "--transposed"],
    );
    refused(b"PK\x03\x04 and no more", &["no whole .npz archive"]);

    let run = |arguments: &[&str]| {
        ufmin(folder.path(), &[&["evaluate"], arguments].concat())
            .output()
            .unwrap()
    };
    refusal(
        "no labels",
        &run(&["--embeddings", "h.npy"]),
        &["--labels: no labels are given"],
    );
    write(folder.path(), "one.npy", &labels([3; 7]));
    refusal(
        "one class",
        &run(&["--embeddings", "h.npy", "--labels", "one.npy"]),
        &["only one class"],
    );
    write(folder.path(), "y.txt", b"1\n1.5\n");
    refusal(
        "words",
        &run(&["--embeddings", "h.npy", "--labels", "y.txt"]),
        &["y.txt: read as one value a line, line 2: the label 1.5 is a number that is not whole"],
    );
    refusal(
        "no file",
        &run(&["--embeddings", "e_*.npy", "--labels", "y.npy"]),
        &["no file is called e_*.npy"],
    );
    let negative = [&FILES[..], &["--nonnegative"]].concat();
    refusal(
        "ReLU",
        &run(&negative),
        &["has the negative entry", "leave out --nonnegative"],
    );
}

/// Two samples a class at an angle of 2e-7 from each other: the spread is known, and twelve digits below the rest.
#[test]
fn the_spread_of_collapsed_features_has_its_digits() {
    let t = 1e-7f64;
    let mut rows = Vec::new();
    for class in 0..3 {
        for sign in [1.0, -1.0] {
            let mut row = [0.0; 4];
            (row[class], row[3]) = (t.cos(), sign * t.sin());
            rows.extend(row);
        }
    }
    let folder = folder();
    save(folder.path(), &rows, 4, &[0, 0, 1, 1, 2, 2]);
    let found = of_files(folder.path(), &[]);
    // tr Sigma_W = sin^2 t, and the means cos t e_c have tr Sigma_B = (2/3) cos^2 t.
    let expected = t.tan().powi(2) * 1.5;
    assert!(
        (number(&found, "nc1.trace_ratio") / expected - 1.0).abs() < 1e-6,
        "{found}"
    );
    close(number(&found, "nc2.distance_of"), 0.0, 1e-12, "orthogonal means");
    assert!(
        found["nc1"]["pinv"].as_f64().unwrap() < 1e-20,
        "the spread is outside of the span of the means"
    );
}

#[test]
fn an_optimum_is_at_distance_zero_from_itself() {
    let folder = folder();
    for arguments in [
        &["--sizes", "100,100,10,10", "--temperature", "0.1"][..],
        &["--sizes", "1000,1000,2,2", "--temperature", "1"],
        &["--sizes", "50,20,5", "--loss", "nscl", "--views", "2"],
        &["--sizes", "40,9,1,3", "--singletons", "zero", "--temperature", "0.2"],
        &["--sizes", "60,20,6", "--batch-size", "16", "--temperature", "0.5"],
        &["--probabilities", "0.5,0.3,0.2", "--loss", "population"],
        &["--sizes", "9,5,3", "--nonnegative"],
    ] {
        let all = [&["solve", "--output", "out", "--quiet"], arguments].concat();
        assert!(ufmin(folder.path(), &all).status_code() == 0, "{arguments:?}");
        let found = json(folder.path(), &["--embeddings", "out"]);
        let gap = number(&found, "relative_gap");
        assert!((0.0..1e-9).contains(&gap), "{arguments:?}: {found}");
        assert!(number(&found, "gram_distance") < 1e-9, "{arguments:?}: {found}");
        assert_eq!(number(&found, "nc1.trace_ratio"), 0.0);
        std::fs::remove_dir_all(folder.path().join("out")).unwrap();
    }
}

trait StatusCode {
    fn status_code(&mut self) -> i32;
}

impl StatusCode for assert_cmd::Command {
    fn status_code(&mut self) -> i32 {
        self.output().unwrap().status.code().unwrap()
    }
}

/// Above 20,000 samples the loss is estimated; the exact one is within a few standard errors, whatever the seed.
#[test]
fn an_estimate_is_near_the_exact_loss() {
    let sizes = [12_000, 6_000, 2_100, 3];
    let (rows, classes) = features(&sizes, 3, 0.3, 5);
    let folder = folder();
    save(folder.path(), &rows, 3, &classes);
    let exact = of_files(folder.path(), &["--exact"]);
    assert_eq!(
        (exact["loss_kind"].as_str(), &exact["loss_standard_error"]),
        (Some("exact"), &Value::Null)
    );
    let mut seen = Vec::new();
    for (seed, threads) in [("0", "2"), ("1", "1"), ("0", "1")] {
        let found = of_files(folder.path(), &["--seed", seed, "--threads", threads]);
        assert_eq!(
            (found["loss_kind"].as_str(), found["seed"].to_string().as_str()),
            (Some("estimated"), seed)
        );
        let error = number(&found, "loss_standard_error");
        assert!(
            error > 0.0 && error < 0.05 * number(&found, "gap_to_optimum"),
            "{error}"
        );
        let off = (number(&found, "loss") - number(&exact, "loss")).abs();
        assert!(off < 5.0 * error, "off by {off}, standard error {error}");
        seen.push(found["loss"].to_string());
        for path in ["nc1.trace_ratio", "gram_distance", "ncc_accuracy"] {
            assert_eq!(number(&found, path), number(&exact, path));
        }
    }
    assert!(seen[0] == seen[2] && seen[0] != seen[1], "{seen:?}");
}

/// Random batches: the loss is the expectation at the class means, and that of all samples stands beside it.
#[test]
fn random_batches_have_both_losses() {
    let (rows, classes) = features(&[12, 9, 5], 4, 0.3, 2);
    let folder = folder();
    save(folder.path(), &rows, 4, &classes);
    let found = of_files(folder.path(), &["--batch-size", "8", "--temperature", "0.5"]);
    let full = of_files(folder.path(), &["--temperature", "0.5"]);
    assert_eq!(found["full_batch"]["name"], "supcon");
    close(
        number(&found, "full_batch.loss"),
        number(&full, "loss"),
        1e-13,
        "full batch",
    );
    assert!(number(&found, "gap_to_optimum") > 0.0);
    // The solver of the expectation at this Gram matrix says the same.
    let gram: Vec<Vec<f64>> = serde_json::from_value(found["class_gram"].clone()).unwrap();
    use ufmin::objective::{Objective, Sampled};
    use ufmin::problem::{BatchLoss, Training};
    let training = Training::random_batches(BatchLoss::Supcon, 8);
    let model = Model {
        temperature: 0.5,
        training: training.clone(),
        ..Model::default()
    };
    let problem = Problem::new(Classes::from_counts(&[12, 9, 5]).unwrap(), model).unwrap();
    let Training::Sampled(sampling) = training else {
        panic!()
    };
    let loss = Sampled::from_problem(&problem, &sampling, &[12.0, 9.0, 5.0], &[1.0; 3]);
    let point = loss.evaluate(&DMatrix::from_fn(3, 3, |i, j| gram[i][j]), 0.0);
    close(
        number(&found, "loss"),
        loss.floor().unwrap() + loss.excess(&point),
        1e-12,
        "expectation",
    );
}

#[test]
fn a_sequence_is_measured_in_the_order_of_its_numbers() {
    let folder = folder();
    let mut expected = Vec::new();
    for (epoch, spread) in [(1, 1.0), (2, 0.5), (10, 0.1), (30, 0.02)] {
        let (rows, classes) = features(&[9, 6, 5], 4, spread, 4);
        save(folder.path(), &rows, 4, &classes);
        expected.push(of_files(folder.path(), &[])["loss"].clone());
        std::fs::rename(
            folder.path().join("h.npy"),
            folder.path().join(format!("epoch_{epoch}.npy")),
        )
        .unwrap();
    }
    let arguments = ["--embeddings", "epoch_*.npy", "--labels", "y.npy", "--output", "out"];
    let first = json(folder.path(), &arguments);
    assert_eq!(
        (&first["schema"], &first["complete"]),
        (&"ufmin/evaluate-sequence/1".into(), &true.into())
    );
    let of = |key: &str| {
        first["rows"]
            .as_array()
            .unwrap()
            .iter()
            .map(|row| row[key].clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(of("loss"), expected);
    assert_eq!(of("at"), [1.0, 2.0, 10.0, 30.0].map(Value::from));
    for name in [
        "sequence.json",
        "sequence.csv",
        "sequence.png",
        "sequence.svg",
        "journal.jsonl",
    ] {
        assert!(folder.path().join("out").join(name).exists(), "{name}");
    }
    // Rows that are there are taken from there, and a file that was written again is measured again.
    let journal = || {
        std::fs::read_to_string(folder.path().join("out/journal.jsonl"))
            .unwrap()
            .lines()
            .count()
    };
    assert_eq!(journal(), 5);
    assert_eq!(json(folder.path(), &arguments), first);
    assert_eq!(journal(), 5);
    let (rows, _) = features(&[9, 6, 5], 4, 0.03, 4);
    write(folder.path(), "epoch_30.npy", &array("<f8", &rows, 4, (false, false)));
    assert_ne!(
        json(folder.path(), &arguments)["rows"][3]["loss"],
        first["rows"][3]["loss"]
    );
    assert_eq!(journal(), 6);
    let csv = ufmin(
        folder.path(),
        &[&["evaluate", "--format", "csv"], &arguments[..4]].concat(),
    )
    .output()
    .unwrap();
    assert_eq!(String::from_utf8(csv.stdout).unwrap().lines().count(), 5);
}

/// Advice rests on numbers that are in it, and there is none without.
#[test]
fn advice_is_given_where_the_numbers_speak() {
    let folder = folder();
    let actions = |found: &Value| -> Vec<String> {
        found["advice"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["action"].as_str().unwrap().to_owned())
            .collect()
    };
    // At the optimum of equal classes there is nothing to do.
    let solved = ["solve", "--sizes", "9,9,9", "--output", "out", "--quiet"];
    assert_eq!(ufmin(folder.path(), &solved).status_code(), 0);
    assert!(actions(&json(folder.path(), &["--embeddings", "out"])).is_empty());
    // At one that has collapsed two classes, training cannot part them.
    let solved = [
        "solve",
        "--sizes",
        "1000,1000,2,2",
        "--temperature",
        "1",
        "--output",
        "out",
        "--quiet",
    ];
    assert_eq!(ufmin(folder.path(), &solved).status_code(), 0);
    let found = json(folder.path(), &["--embeddings", "out"]);
    let given = actions(&found);
    assert!(
        given.contains(&"another-loss".to_owned()) && !given.contains(&"more-training".to_owned()),
        "{given:?}"
    );
    for advice in found["advice"].as_array().unwrap() {
        let value = |name: &str| {
            let rests = advice["rests_on"].as_array().unwrap();
            rests.iter().find(|one| one["name"] == name).unwrap()["value"]
                .as_f64()
                .unwrap()
        };
        assert_eq!(value("closest_at_optimum"), 0.0);
        assert!(value("closest_at_alternative") >= 5.0);
        let shown = format!("{:.1}", value("closest_at_alternative"));
        assert!(advice["sentence"].as_str().unwrap().contains(&shown), "{advice}");
    }
    // Where random batches of 16 put the classes, the full batch would not.
    let solved = [
        "solve",
        "--sizes",
        "500,300,40,20",
        "--temperature",
        "0.5",
        "--batch-size",
        "16",
        "--output",
        "small",
        "--quiet",
    ];
    assert_eq!(ufmin(folder.path(), &solved).status_code(), 0);
    let changed = ["evaluate", "--temperature", "0.3", "--embeddings", "small"];
    refusal(
        "flags",
        &ufmin(folder.path(), &changed).output().unwrap(),
        &["small has a problem of its own"],
    );
    let at = [
        "--sizes",
        "500,300,40,20",
        "--temperature",
        "0.5",
        "--embeddings",
        "small",
    ];
    let found = json(folder.path(), &at);
    let batches = &found["advice"].as_array().unwrap()[0];
    assert_eq!(
        (&batches["action"], &batches["rests_on"][1]["value"]),
        (&"larger-batches".into(), &16.0.into())
    );
    assert!(batches["rests_on"][0]["value"].as_f64().unwrap() < 1e-6);
    // Classes in their places whose samples are spread need training.
    let (k, d) = (3, 6);
    let mut rows = Vec::new();
    for i in 0..30 {
        let mut row = vec![0.0; d];
        for (j, entry) in row.iter_mut().enumerate().take(k) {
            *entry = if j == i % k { 2.0 } else { -1.0 };
        }
        row[3 + (i / k) % 3] += if i % 2 == 0 { 0.8 } else { -0.8 };
        rows.extend(row);
    }
    let classes: Vec<u32> = (0..30).map(|i| i % 3).collect();
    save(folder.path(), &rows, d, &classes);
    let found = of_files(folder.path(), &["--temperature", "0.5"]);
    assert_eq!(actions(&found), ["more-training"]);
}

/// Features that are made when they are read, and what was asked for at most.
struct Made {
    rows: usize,
    dimension: usize,
    largest: usize,
}

impl Rows for Made {
    fn path(&self) -> &Path {
        Path::new("made")
    }

    fn count(&self) -> usize {
        self.rows
    }

    fn dimension(&self) -> usize {
        self.dimension
    }

    fn read(&mut self, first: usize, out: &mut [f64]) -> Result<(), Error> {
        self.largest = self.largest.max(out.len());
        for (i, row) in (first..).zip(out.chunks_exact_mut(self.dimension)) {
            for (j, entry) in row.iter_mut().enumerate() {
                let own = if j == i % 5 { 1.0 } else { 0.0 };
                *entry = own + 0.1 * (((i * 613 + j * 7001) % 1009) as f64 / 1009.0 - 0.5);
            }
        }
        Ok(())
    }
}

/// Memory does not grow with the number of samples: no more than a block is ever asked for.
#[test]
fn features_are_read_by_blocks() {
    let problem = Problem::new(Classes::from_counts(&[12_000; 5]).unwrap(), Model::default()).unwrap();
    let solved = solve(&problem, &Options::default(), &Control::default()).unwrap();
    let mut made = Made {
        rows: 60_000,
        dimension: 200,
        largest: 0,
    };
    let classes: Vec<u32> = (0..60_000).map(|i| i % 5).collect();
    let source = Source::Samples(&mut made, &classes);
    let settings = Settings::default();
    let found = evaluate(
        &problem,
        &solved,
        source,
        &[12_000; 5],
        None,
        &settings,
        &Control::default(),
    )
    .unwrap();
    assert!(found.measures.ncc_accuracy == 1.0 && found.measures.gap_to_optimum > 0.0);
    assert!(made.largest <= 1 << 22 && made.largest > 1 << 21, "{}", made.largest);
}
