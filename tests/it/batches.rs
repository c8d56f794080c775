//! Fixed batches: problem files, and the files of batches that they name.

use std::path::Path;
use std::sync::Arc;

use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use ufmin::error::Error;
use ufmin::problem::batches::binding::bind;
use ufmin::problem::batches::conditions::Conditions;
use ufmin::problem::batches::epoch::{EpochSettings, epoch};
use ufmin::problem::{
    Batches, Classes, Features, Field, FullBatchLoss, Kind, Model, Problem, SampleOrder, Training, Unused,
};
use ufmin::report::ProblemReport;
use ufmin::spec::load;

use crate::cli::npy;
use crate::common::ufmin;

/// The problem of a text in a folder, with more files beside it.
fn load_beside(text: &str, files: &[(&str, &[u8])]) -> Result<Problem, Error> {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in files {
        std::fs::write(folder.path().join(name), bytes).unwrap();
    }
    let path = folder.path().join("p.toml");
    std::fs::write(&path, text).unwrap();
    load(&path).map(|(problem, ..)| problem)
}

fn batches_of(problem: &Problem) -> Arc<Batches> {
    match &problem.model().training {
        Training::FixedBatches(fixed) => Arc::clone(&fixed.batches),
        other => panic!("{other:?}"),
    }
}

fn members(problem: &Problem) -> Vec<Vec<u32>> {
    batches_of(problem).iter().map(<[u32]>::to_vec).collect()
}

/// An int64 array.
fn array(shape: &str, fortran: bool, values: &[i64]) -> Vec<u8> {
    let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    npy("<i8", fortran, shape, &bytes)
}

#[test]
fn members_files_and_arrays_are_the_same_batches() {
    let expected = [vec![0, 1, 3], vec![2, 4]];
    let sizes = "[classes]\nsizes = [3, 2]\n[batches]\n";
    for (rest, files) in [
        ("kind = \"fixed\"\nmembers = [[0, 1, 3], [2, 4]]", vec![]),
        ("members = [[0, 1, 3], [2, 4]]\nunused = \"error\"", vec![]),
        (
            "file = \"b.json\"",
            vec![("b.json", b"[[0, 1, 3],\n[2, 4]]\n".to_vec())],
        ),
        (
            "kind = \"fixed\"\nfile = \"b.npy\"",
            vec![("b.npy", array("(2, 3)", false, &[0, 1, 3, 2, 4, -1]))],
        ),
        (
            "file = \"b.npy\"",
            vec![("b.npy", array("(2, 3)", true, &[0, 2, 1, 4, 3, -1]))],
        ),
    ] {
        let files: Vec<(&str, &[u8])> = files.iter().map(|(name, bytes)| (*name, &bytes[..])).collect();
        let problem = load_beside(&format!("{sizes}{rest}\n"), &files).unwrap();
        assert_eq!(members(&problem), expected, "{rest}");
    }
}

#[test]
fn with_labels_a_number_is_a_position_among_them() {
    let text = "[classes]\nfile = \"y.npy\"\nviews = 2\n[batches]\nmembers = [[0, 1, 2], [4, 3, 0]]\n";
    let labels = array("(5,)", false, &[4, 2, 4, 2, 4]);
    let problem = load_beside(text, &[("y.npy", &labels)]).unwrap();
    // Class 0 is label 2: positions 1 and 3 are examples 0 and 1.
    assert_eq!(members(&problem), [[2, 0, 3], [4, 1, 2]]);
    assert_eq!(
        problem.classes().class_of_examples().collect::<Vec<_>>(),
        [0, 0, 1, 1, 1]
    );
    let report = serde_json::to_value(ProblemReport::new(problem.classes(), problem.model())).unwrap();
    assert_eq!(
        report["batches"],
        serde_json::json!({
            "kind": "fixed",
            "examples": [2, 0, 3, 1, 4], "size": null, "power": null, "replacement": null, "count": 2, "smallest": 3, "largest": 3, "unused": 0,
            "members": [[0, 1, 2], [4, 3, 0]],
        })
    );
    let missing = load_beside(&text.replace("[4, 3, 0]", "[4, 0]"), &[("y.npy", &labels)]).unwrap_err();
    assert!(missing.to_string().contains("sample 3 is in no batch"), "{missing}");
    let ignored = text.replace("[4, 3, 0]]", "[4, 0]]\nunused = \"ignore\"");
    let problem = load_beside(&ignored, &[("y.npy", &labels)]).unwrap();
    assert_eq!(batches_of(&problem).unused().collect::<Vec<_>>(), [1]);
}

#[test]
fn hostile_batches_are_refused_by_name() {
    let table = "[classes]\nsizes = [2, 2]\n[batches]\nkind = \"fixed\"\n";
    let members = |lists: &str| (format!("{table}members = {lists}\n"), None);
    let json = |text: &str| {
        let file = ("b.json", text.as_bytes().to_vec());
        (format!("{table}file = \"b.json\"\n"), Some(file))
    };
    let npy_file = |bytes: Vec<u8>| (format!("{table}file = \"b.npy\"\n"), Some(("b.npy", bytes)));
    let plain = |text: &str| (text.to_owned(), None);
    let deep = "[".repeat(100_000);
    for ((text, file), parts) in [
        (
            members("[]"),
            &["line 5: batches.members: ", "list of batches is empty"][..],
        ),
        (
            members("[[0, 1], []]"),
            &["line 5: batches.members[1]: batch 1 has no members", "remove it"],
        ),
        (
            members("[\n[0, 1],\n[2, 3, 4]]"),
            &["line 7: batches.members[1][2]: place 2 of batch 1 is sample 4, and the samples are 0 to 3"],
        ),
        (members("[[0, 1, 2, 3], [-1]]"), &["place 0 of batch 1 is sample -1"]),
        (
            members("[[0, 1, 2, 3], [3, 1, 2, 1]]"),
            &[
                "batches.members[1][3]: place 3 of batch 1 is sample 1, and so is place 1",
                "once",
            ],
        ),
        (
            members("[[0, 3]]"),
            &[
                "sample 1 is in no batch, and so are 1 others",
                "unused = \"ignore\" under [batches]",
            ],
        ),
        (
            members("[[0.5]]"),
            &["batches.members", "expected a whole number", "members = [[0, 1, 4]"],
        ),
        (members("[0, 1]"), &["batches.members", "expected a list"]),
        (members("[[\"0\"]]"), &["batches.members", "expected a whole number"]),
        (
            members("[[0, 1, 2, 3]]\nsize = 4"),
            &["batches.size", "have their own sizes"],
        ),
        (
            members("[[0, 1, 2, 3]]\nfile = \"b.json\""),
            &["batches.file", "keep one"],
        ),
        (
            members("[[0, 1, 2, 3]]\nunused = \"drop\""),
            &["batches.unused: `drop`", "error, ignore"],
        ),
        (
            plain(table),
            &[
                "line 3: batches.members: fixed batches need their members",
                "[[0, 1, 4]",
            ],
        ),
        (
            plain(&format!("{table}file = \"\"\n")),
            &["batches.file: the file name is empty"],
        ),
        (
            plain(&format!("{table}file = \"none.json\"\n")),
            &["cannot read", "none.json"],
        ),
        (json("[[0, 1], [2, 9]]"), &["b.json: place 1 of batch 1 is sample 9"]),
        (
            json("[[0, 1], [2, 3.0]]"),
            &["b.json: place 1 of batch 1 is sample 3.0"],
        ),
        (
            json("[[0, 1], [2, 1e300]]"),
            &["b.json: place 1 of batch 1 is sample 1e+300"],
        ),
        (
            json("[[0, 1], [2, 3]"),
            &["b.json: it is no list of lists", "line 1 column 15", "json.dump"],
        ),
        (
            json("{\"a\": 1}"),
            &["b.json: it is no list of lists", "expected a sequence"],
        ),
        (json("[0, 1]"), &["b.json: it is no list of lists"]),
        (json("[[0, null]]"), &["b.json: it is no list of lists"]),
        (json(&deep), &["b.json: it is no list of lists"]),
        (json(""), &["b.json: it is no list of lists"]),
        (
            json("[[0, 1, 2, 3]] [[0]]"),
            &["b.json: it is no list of lists", "trailing"],
        ),
        (npy_file(b"[[0, 1]]".to_vec()), &["b.npy: it is not a .npy file"]),
        (
            npy_file(array("(4,)", false, &[0, 1, 2, 3])),
            &["b.npy", "[4]", "batches x size", "a[None, :]"],
        ),
        (npy_file(array("(0, 4)", false, &[])), &["b.npy: it has no elements"]),
        (
            npy_file(array("(2, 2)", false, &[0, 1, -1, -1])),
            &["b.npy: batch 1 has no members"],
        ),
        (
            npy_file(array("(1, 4)", false, &[0, -1, 1, 2])),
            &["b.npy: place 1 of batch 0 is sample -1"],
        ),
        (
            npy_file(npy("<f8", false, "(1, 1)", &0f64.to_le_bytes())),
            &["b.npy: its element type", "astype(int)"],
        ),
        (
            npy_file(npy("<u8", false, "(1, 1)", &u64::MAX.to_le_bytes())),
            &["place 0 of batch 0 is sample 18446744073709551615"],
        ),
        (
            plain("[classes]\nsizes = [2, 2]\n[batches]\nsize = 4\nmembers = [[0]]\nkind = \"random\"\n"),
            &["line 5: batches.members", "kind = \"fixed\" under [batches]"],
        ),
        (
            plain("[classes]\nprobabilities = [0.5, 0.5]\n[batches]\nmembers = [[0]]\n"),
            &["line 3: batches: batches of given samples need class sizes"],
        ),
        (
            plain("[classes]\nsizes = [3000000000, 3000000000]\n[batches]\nmembers = [[0]]\n"),
            &["a numbering of 6000000000 samples", "not available"],
        ),
        (
            plain("[classes]\nsizes = [2, 2]\n[loss]\nkind = \"population\"\n[batches]\nmembers = [[0, 1, 2, 3]]\n"),
            &[
                "line 4: loss.kind: the loss population",
                "use supcon, sincere, nscl or bcl",
            ],
        ),
        (
            plain("[classes]\nsizes = [2, 2]\n[loss]\nanchors = \"class\"\n[batches]\nmembers = [[0, 1, 2, 3]]\n"),
            &["line 4: loss.anchors: class-balanced anchors are given, and fixed batches count an anchor once"],
        ),
    ] {
        let files: Vec<(&str, &[u8])> = file.iter().map(|(name, bytes)| (*name, &bytes[..])).collect();
        let error = load_beside(&text, &files).unwrap_err();
        let whole = format!("{error}\nhint: {}", error.hint().unwrap());
        for part in parts {
            assert!(whole.contains(part), "{text}\n{whole}\nhas no {part:?}");
        }
        assert!(whole.len() < 2000, "{}", whole.len());
    }
}

#[test]
fn batches_of_other_classes_are_refused() {
    let classes = |sizes: &[u64]| Classes::from_counts(sizes).unwrap();
    let order = SampleOrder::class_major(&classes(&[2, 2])).unwrap();
    let batches = Arc::new(Batches::from_positions(order, [[0, 1, 2, 3]], Unused::Error).unwrap());
    let model = |loss| Model {
        training: Training::fixed_batches(loss, Arc::clone(&batches)),
        ..Model::default()
    };
    let error = Problem::new(classes(&[2, 3]), model(FullBatchLoss::Supcon)).unwrap_err();
    assert_eq!(error.field, Field::Batches);
    assert!(
        error.to_string().contains("of 4 samples, and the classes have 5"),
        "{error}"
    );
    let error = Problem::new(classes(&[2, 2]), model(FullBatchLoss::Population)).unwrap_err();
    assert!(matches!(
        (error.field, error.kind),
        (Field::Loss, Kind::Conflict { .. })
    ));
    // Classes of one sample are no obstacle: an anchor without a positive is skipped.
    Problem::new(classes(&[1, 3]), model(FullBatchLoss::Supcon)).unwrap();
}

#[test]
fn no_verb_takes_the_full_batch_for_fixed_ones() {
    let text = "[classes]\nsizes = [2, 2]\n[batches]\nmembers = [[0, 1, 2, 3]]\n";
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("p.toml"), text).unwrap();
    for verb in [&["verify", "p.toml"][..], &["phase", "p.toml", "--vary", "temperature"]] {
        let output = ufmin(folder.path(), verb).output().unwrap();
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{verb:?}: {text}");
        assert!(text.contains("batches") && text.contains("hint"), "{verb:?}: {text}");
    }
    for verb in [
        &["solve", "p.toml"][..],
        &["solve", "p.toml", "--nonnegative", "--method", "closed-form"],
        &["heatmap", "p.toml", "-o", "h.png"],
        &["curve", "p.toml", "--vary", "temperature", "--values", "0.3,1"],
    ] {
        ufmin(folder.path(), verb).assert().code(0);
    }
    // A flag replaces the batches of the file.
    let output = ufmin(folder.path(), &["solve", "p.toml", "--batch-size", "4"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0));
}

/// The round trip of a file of batches is in its reader's own words.
#[test]
fn arrays_of_batches_read_back() {
    let folder = tempfile::tempdir().unwrap();
    let path: &Path = &folder.path().join("b.npy");
    let lists = vec![vec![4, 0, 2], vec![1], vec![3, 5]];
    std::fs::write(path, ufmin::files::npy::batches_bytes(&lists)).unwrap();
    let back = ufmin::files::npy::read_batches(path).unwrap();
    let back: Vec<Vec<u32>> = back
        .iter()
        .map(|list| list.iter().map(|&n| u32::try_from(n).unwrap()).collect())
        .collect();
    assert_eq!(back, lists);
}

// The conditions, against a graph of samples with explicit edges.

/// A problem of fixed batches from labels that ascend.
fn fixed(labels: &[u64], lists: &[Vec<i128>], loss: FullBatchLoss, views: u64, dimension: Option<u64>) -> Problem {
    let classes = labels.iter().max().unwrap() + 1;
    let counts: Vec<u64> = (0..classes)
        .map(|class| labels.iter().filter(|&&label| label == class).count() as u64)
        .collect();
    let classes = Classes::from_counts(&counts).unwrap();
    let order = SampleOrder::class_major(&classes).unwrap();
    let batches = Batches::from_positions(order, lists.to_vec(), Unused::Ignore).unwrap();
    let model = Model {
        views,
        training: Training::fixed_batches(loss, Arc::new(batches)),
        features: Features {
            nonnegative: true,
            dimension,
        },
        ..Model::default()
    };
    Problem::new(classes, model).unwrap()
}

fn conditions(problem: &Problem) -> Conditions {
    match &problem.model().training {
        Training::FixedBatches(fixed) => Conditions::new(problem, fixed),
        other => panic!("{other:?}"),
    }
}

/// The definitions of THEORY 6 word by word, on samples (views are samples): parts of every class, missing pairs, classes
/// without a positive.
fn by_edges(problem: &Problem) -> (Vec<u32>, Vec<(u32, u32)>, Vec<u32>) {
    let Training::FixedBatches(fixed) = &problem.model().training else {
        panic!("no fixed batches");
    };
    let views = problem.model().views as usize;
    let labels: Vec<u32> = problem.classes().class_of_examples().collect();
    let classes = problem.classes().count() as u32;
    let label = |node: usize| labels[node / views];
    let batches: Vec<Vec<usize>> = fixed
        .batches
        .iter()
        .map(|batch| {
            batch
                .iter()
                .flat_map(|&e| (0..views).map(move |v| e as usize * views + v))
                .collect()
        })
        .collect();
    let n = labels.len() * views;
    let mut used = vec![false; n];
    let mut joined = vec![vec![false; n]; n];
    let mut met = vec![vec![false; classes as usize]; classes as usize];
    let mut positive = vec![false; classes as usize];
    for batch in &batches {
        let has_positive = |i: usize| batch.iter().any(|&j| j != i && label(j) == label(i));
        let mixed = batch.iter().any(|&i| label(i) != label(batch[0]));
        for &i in batch {
            used[i] = true;
            positive[label(i) as usize] |= has_positive(i);
            for &j in batch {
                if label(i) == label(j) {
                    joined[i][j] |= mixed || i == j;
                } else if has_positive(i) || has_positive(j) {
                    met[label(i) as usize][label(j) as usize] = true;
                }
            }
        }
    }
    let levels = matches!(fixed.loss, FullBatchLoss::Supcon | FullBatchLoss::Bcl);
    loop {
        for m in 0..n {
            for i in 0..n {
                for j in 0..n {
                    joined[i][j] |= joined[i][m] && joined[m][j];
                }
            }
        }
        let mut changed = false;
        for batch in batches.iter().filter(|batch| levels && batch.len() >= 3) {
            let pairs = || batch.iter().flat_map(|&i| batch.iter().map(move |&j| (i, j)));
            let one_class = batch.iter().all(|&i| label(i) == label(batch[0]));
            if one_class && pairs().any(|(i, j)| i != j && joined[i][j]) {
                for (i, j) in pairs() {
                    changed |= !joined[i][j];
                    joined[i][j] = true;
                }
            }
        }
        if !changed {
            break;
        }
    }
    let first = |i: usize| used[i] && (0..i).all(|j| !used[j] || !joined[i][j]);
    let parts = (0..classes).map(|c| (0..n).filter(|&i| label(i) == c && first(i)).count() as u32);
    let pairs = (0..classes).flat_map(|a| (a + 1..classes).map(move |b| (a, b)));
    let missing = pairs.filter(|&(a, b)| !met[a as usize][b as usize]);
    let without = (0..classes).filter(|&c| !positive[c as usize]);
    (parts.collect(), missing.collect(), without.collect())
}

fn agrees_with_edges(problem: &Problem) {
    let found = conditions(problem);
    let (parts, missing, without) = by_edges(problem);
    let shown = || format!("{:?} {:?}", problem.classes(), problem.model().training);
    assert_eq!(found.parts, parts, "{}", shown());
    assert_eq!(found.missing_pairs, missing, "{}", shown());
    assert_eq!(found.missing_count, missing.len() as u64, "{}", shown());
    assert_eq!(found.without_positive, without, "{}", shown());
    let unique = missing.is_empty() && parts.iter().all(|&parts| parts == 1);
    assert_eq!(found.unique_orthogonal_frame, Some(unique), "{}", shown());
}

/// All schedules of up to three different batches of four samples in two classes, and of two batches of five in two or three.
#[test]
fn the_conditions_are_those_of_the_samples_in_all_small_cases() {
    let losses = [FullBatchLoss::Supcon, FullBatchLoss::Sincere];
    let subset = |mask: usize, n: usize| (0..n as i128).filter(|i| mask >> i & 1 == 1).collect::<Vec<_>>();
    let mut cases = 0;
    for labels in [&[0u64, 0, 1, 1][..], &[0, 1, 1, 1], &[0, 0, 0, 1, 1], &[0, 0, 1, 1, 2]] {
        let n = labels.len();
        for a in 1..1 << n {
            for b in a..1 << n {
                for c in b..1 << n {
                    // Three batches of five samples would be the same again, many times.
                    if n > 4 && c > b {
                        break;
                    }
                    for loss in losses {
                        let lists = [subset(a, n), subset(b, n), subset(c, n)];
                        agrees_with_edges(&fixed(labels, &lists, loss, 1 + (a as u64 + b as u64) % 3, None));
                        cases += 1;
                    }
                }
            }
        }
    }
    assert!(cases > 4000, "{cases}");
}

/// More batches and classes, with many batches of one class, so that joins must spread.
#[test]
fn the_conditions_are_those_of_the_samples_in_random_cases() {
    let mut random = ChaCha8Rng::seed_from_u64(12);
    let mut closed = 0;
    for round in 0..3000 {
        let classes = random.random_range(2..6u64);
        let sizes: Vec<usize> = (0..classes).map(|_| random.random_range(1..7)).collect();
        let labels: Vec<u64> = (0..classes)
            .flat_map(|class| std::iter::repeat_n(class, sizes[class as usize]))
            .collect();
        let lists: Vec<Vec<i128>> = (0..random.random_range(1..12))
            .map(|_| {
                let only = random.random_bool(0.6).then(|| random.random_range(0..classes));
                let candidates: Vec<i128> = (0..labels.len())
                    .filter(|&i| only.is_none_or(|class| labels[i] == class))
                    .map(|i| i as i128)
                    .collect();
                let mut list: Vec<i128> = candidates.iter().copied().filter(|_| random.random_bool(0.5)).collect();
                if list.is_empty() {
                    list.push(candidates[0]);
                }
                list
            })
            .collect();
        let loss = [FullBatchLoss::Supcon, FullBatchLoss::Nscl, FullBatchLoss::Bcl][round % 3];
        let problem = fixed(&labels, &lists, loss, 1 + round as u64 % 7 / 5, None);
        agrees_with_edges(&problem);
        let without = fixed(&labels, &lists, FullBatchLoss::Sincere, problem.model().views, None);
        closed += usize::from(conditions(&problem).parts != conditions(&without).parts);
    }
    // The closure matters in enough of them to be tested by them.
    assert!(closed > 50, "{closed}");
}

/// A hundred and more classes are met as bits, others one by one.
#[test]
fn the_pairs_of_many_classes_are_those_of_the_samples() {
    let mut random = ChaCha8Rng::seed_from_u64(13);
    for classes in [65u64, 130, 200] {
        let labels: Vec<u64> = (0..2 * classes).map(|i| i / 2).collect();
        for most in [3, 20, 2 * classes] {
            let lists: Vec<Vec<i128>> = (0..6)
                .map(|_| {
                    let mut all: Vec<i128> = (0..2 * i128::from(classes)).collect();
                    all.shuffle(&mut random);
                    all.truncate(random.random_range(1..=most as usize));
                    all
                })
                .collect();
            let problem = fixed(&labels, &lists, FullBatchLoss::Supcon, 1, None);
            let found = conditions(&problem);
            let (parts, missing, without) = by_edges(&problem);
            assert_eq!(found.parts, parts);
            assert_eq!(found.missing_count, missing.len() as u64);
            assert_eq!(found.missing_pairs, missing[..missing.len().min(1000)]);
            assert_eq!(found.without_positive, without);
        }
    }
}

/// What solving says, without a graph: `tests/reference/batches.py`.
#[test]
fn the_conditions_are_those_of_the_optimum() {
    let text = include_str!("../reference/batches.json");
    let reference: serde_json::Value = serde_json::from_str(text).unwrap();
    let cases = reference["cases"].as_array().unwrap();
    let (mut unique, mut split_alone, mut missing_alone) = (0, 0, 0);
    for case in cases {
        let labels: Vec<u64> = serde_json::from_value(case["labels"].clone()).unwrap();
        let lists: Vec<Vec<i64>> = serde_json::from_value(case["batches"].clone()).unwrap();
        let lists: Vec<Vec<i128>> = lists
            .into_iter()
            .map(|list| list.into_iter().map(i128::from).collect())
            .collect();
        let loss = match case["loss"].as_str().unwrap() {
            "supcon" => FullBatchLoss::Supcon,
            "sincere" => FullBatchLoss::Sincere,
            "nscl" => FullBatchLoss::Nscl,
            "bcl" => FullBatchLoss::Bcl,
            other => panic!("{other}"),
        };
        let problem = fixed(&labels, &lists, loss, 1, None);
        let found = conditions(&problem);
        // A class in no batch is no part of what was solved; here it has no angle that could be known.
        if found.parts.contains(&0) {
            assert_eq!(found.unique_orthogonal_frame, Some(false));
            continue;
        }
        assert_eq!(found.unique_orthogonal_frame, case["unique"].as_bool(), "{case}");
        let split = found.parts.iter().any(|&parts| parts > 1);
        unique += usize::from(case["unique"] == true);
        split_alone += usize::from(split && found.missing_count == 0);
        missing_alone += usize::from(!split && found.missing_count > 0);
    }
    assert!(
        cases.len() > 300 && unique > 80 && split_alone > 20 && missing_alone > 10,
        "{unique} {split_alone} {missing_alone}"
    );
}

#[test]
fn a_dimension_can_force_a_class_in_parts_onto_its_axis() {
    let unique = |labels: &[u64], lists: &[&[i128]], dimension| {
        let lists: Vec<Vec<i128>> = lists.iter().map(|list| list.to_vec()).collect();
        conditions(&fixed(labels, &lists, FullBatchLoss::Supcon, 1, dimension)).unique_orthogonal_frame
    };
    // One class in two parts, each of which meets the other class.
    let one: (&[u64], &[&[i128]]) = (&[0, 0, 0, 0, 1, 1], &[&[0, 1, 4, 5], &[2, 3, 4, 5]]);
    for (dimension, expected) in [(None, false), (Some(1), false), (Some(2), true), (Some(3), false)] {
        assert_eq!(unique(one.0, one.1, dimension), Some(expected), "{dimension:?}");
    }
    // Two classes in parts, which may swap axes.
    let two: (&[u64], &[&[i128]]) = (&[0, 0, 0, 0, 1, 1, 1, 1], &[&[0, 1, 4, 5], &[2, 3, 6, 7]]);
    for dimension in [None, Some(2), Some(3)] {
        assert_eq!(unique(two.0, two.1, dimension), Some(false), "{dimension:?}");
    }
    // The same where a third batch holds a part of each: only one colouring is left.
    let held: &[&[i128]] = &[&[0, 1, 4, 5], &[2, 3, 6, 7], &[0, 6]];
    assert_eq!(
        unique(two.0, held, Some(2)),
        Some(false),
        "an edge without a positive is none"
    );
    let held: &[&[i128]] = &[&[0, 1, 4, 5], &[2, 3, 6, 7], &[0, 1, 6]];
    assert_eq!(unique(two.0, held, Some(2)), Some(true));
    // Three parts of one class, whose inner products a batch asks to be equal: in one more dimension three nonnegative
    // vectors at equal angles must coincide, which is not decided here; in two more they need not.
    let level: (&[u64], &[&[i128]]) = (
        &[0, 0, 0, 0, 0, 0, 1, 1],
        &[&[0, 1, 6, 7], &[2, 3, 6, 7], &[4, 5, 6, 7], &[0, 2, 4]],
    );
    for (dimension, expected) in [
        (None, Some(false)),
        (Some(2), Some(true)),
        (Some(3), None),
        (Some(4), Some(false)),
    ] {
        assert_eq!(unique(level.0, level.1, dimension), expected, "{dimension:?}");
    }
    // Two classes that never meet, in any dimension that has room for a frame.
    let apart: (&[u64], &[&[i128]]) = (&[0, 0, 1, 1, 2, 2], &[&[0, 1, 2, 3], &[0, 1, 4, 5]]);
    for dimension in [None, Some(2), Some(3), Some(9)] {
        assert_eq!(unique(apart.0, apart.1, dimension), Some(false), "{dimension:?}");
    }
    // No sample ever has a positive.
    let problem = fixed(
        &[0, 0, 1, 1],
        &[vec![0, 2], vec![1, 3], vec![0, 3]],
        FullBatchLoss::Supcon,
        1,
        None,
    );
    let found = conditions(&problem);
    assert_eq!((found.without_positive, found.parts), (vec![0, 1], vec![2, 2]));
    assert_eq!(
        (found.missing_pairs, found.unique_orthogonal_frame),
        (vec![(0, 1)], Some(false))
    );
}

/// Against axes: nonnegative unit vectors along coordinates, tried one by one.
#[test]
fn a_dimension_of_as_many_axes_as_classes_is_decided_as_by_trying_them() {
    let mut random = ChaCha8Rng::seed_from_u64(14);
    let mut counts = [0; 3];
    for _ in 0..600 {
        let classes = random.random_range(2..4u64);
        let labels: Vec<u64> = (0..classes).flat_map(|class| [class; 4]).collect();
        let n = labels.len();
        let mut lists: Vec<Vec<i128>> = (0..random.random_range(2..8))
            .map(|_| {
                let mut list: Vec<i128> = (0..n as i128).collect();
                list.shuffle(&mut random);
                list.truncate(random.random_range(2..5));
                list
            })
            .collect();
        lists.push((0..n as i128).step_by(4).chain((1..n as i128).step_by(4)).collect());
        let problem = fixed(&labels, &lists, FullBatchLoss::Sincere, 1, Some(classes));
        let found = conditions(&problem);
        let Training::FixedBatches(training) = &problem.model().training else {
            panic!("no fixed batches");
        };
        // Every assignment of axes to samples that has the loss of the frame row by row.
        let used: Vec<usize> = training.batches.used().iter().map(|&e| e as usize).collect();
        let mut axes = vec![0; n];
        let mut grams = std::collections::BTreeSet::new();
        let total = classes.pow(used.len() as u32);
        for code in 0..total {
            let mut rest = code;
            for &sample in &used {
                axes[sample] = rest % classes;
                rest /= classes;
            }
            let optimal = training.batches.iter().all(|batch| {
                let members = || batch.iter().map(|&e| e as usize);
                let positive = |i: usize| members().any(|j| j != i && labels[j] == labels[i]);
                let mixed = members().any(|i| labels[i] != labels[batch[0] as usize]);
                members().all(|i| {
                    members().all(|j| {
                        if labels[i] == labels[j] {
                            !mixed || axes[i] == axes[j]
                        } else {
                            !(positive(i) || positive(j)) || axes[i] != axes[j]
                        }
                    })
                })
            });
            if optimal {
                let gram: Vec<bool> = used
                    .iter()
                    .flat_map(|&i| used.iter().map(move |&j| (i, j)))
                    .map(|(i, j)| axes[i] == axes[j])
                    .collect();
                grams.insert(gram);
            }
        }
        assert!(!grams.is_empty());
        if found.parts.contains(&0) {
            continue;
        }
        let expected = if found.missing_count > 0 {
            Some(false)
        } else {
            Some(grams.len() == 1)
        };
        assert_eq!(found.unique_orthogonal_frame, expected, "{lists:?}");
        counts[match (expected, found.parts.iter().all(|&parts| parts == 1)) {
            (Some(true), true) => 0,
            (Some(true), false) => 1,
            _ => 2,
        }] += 1;
    }
    assert!(counts.iter().all(|&count| count > 5), "{counts:?}");
}

/// Every class at every choice of a fixed example, in small cases.
#[test]
fn binding_appends_the_fewest_members() {
    let mut random = ChaCha8Rng::seed_from_u64(15);
    for round in 0..200 {
        let labels: &[u64] = [&[0, 0, 0, 1, 1][..], &[0, 0, 1, 1, 2, 2], &[0, 1, 1, 2]][round % 3];
        let n = labels.len() as i128;
        let lists: Vec<Vec<i128>> = (0..random.random_range(1..5))
            .map(|_| {
                let mut list: Vec<i128> = (0..n).collect();
                list.shuffle(&mut random);
                list.truncate(random.random_range(1..=labels.len()));
                list
            })
            .collect();
        let problem = fixed(labels, &lists, FullBatchLoss::Supcon, 1, None);
        let Training::FixedBatches(training) = &problem.model().training else {
            panic!("no fixed batches");
        };
        let binding = bind(&problem, training).unwrap();
        let classes = problem.classes().count();
        let own = |class: u64| (0..n).filter(move |&i| labels[i as usize] == class);
        let mut choices: Vec<Vec<i128>> = vec![Vec::new()];
        for class in 0..classes {
            let extended = choices
                .iter()
                .flat_map(|choice| own(class).map(|i| [&choice[..], &[i]].concat()));
            choices = extended.collect();
        }
        let cost = |choice: &Vec<i128>| -> usize {
            lists
                .iter()
                .map(|list| choice.iter().filter(|i| !list.contains(i)).count())
                .sum()
        };
        let fewest = choices.iter().map(cost).min().unwrap();
        assert_eq!(binding.added as usize, fewest, "{lists:?}");
        assert_eq!(
            binding.batches.memberships(),
            lists.iter().map(Vec::len).sum::<usize>() + fewest
        );
        // What was there stays there, and every batch has every fixed example.
        for (bound, list) in binding.batches.iter().zip(&lists) {
            let bound: Vec<i128> = bound.iter().map(|&e| e.into()).collect();
            assert_eq!(bound[..list.len()], list[..]);
            assert!(binding.examples.iter().all(|&e| bound.contains(&e.into())));
        }
        // It is not enough for two classes of which only one sample each is used.
        let uses = |class: u64| {
            own(class)
                .filter(|&i| binding.batches.used().contains(&(i as u32)))
                .count()
        };
        let alone: Vec<u32> = (0..classes)
            .filter(|&class| uses(class) == 1)
            .map(|class| class as u32)
            .collect();
        let pairs: Vec<(u32, u32)> = alone
            .iter()
            .flat_map(|&a| alone.iter().filter(move |&&b| a < b).map(move |&b| (a, b)))
            .collect();
        assert!(binding.conditions.parts.iter().all(|&parts| parts == 1), "{lists:?}");
        assert_eq!(binding.conditions.missing_pairs, pairs, "{lists:?}");
        assert_eq!(binding.conditions.unique_orthogonal_frame, Some(pairs.is_empty()));
    }
}

#[test]
fn an_epoch_has_every_sample_once() {
    let classes = Classes::from_counts(&[40, 11, 3]).unwrap();
    let order = SampleOrder::class_major(&classes).unwrap();
    let class_of: Vec<u32> = classes.class_of_examples().collect();
    let settings = EpochSettings {
        size: 8,
        seed: 3,
        stratified: false,
        drop_last: false,
    };
    let drawn = epoch(&classes, &order, &settings).unwrap();
    assert_eq!(drawn, epoch(&classes, &order, &settings).unwrap());
    assert_ne!(
        drawn,
        epoch(&classes, &order, &EpochSettings { seed: 4, ..settings }).unwrap()
    );
    assert_eq!((drawn.count(), drawn.largest(), drawn.smallest()), (7, 8, 6));
    assert_eq!((drawn.memberships(), drawn.unused_count()), (54, 0));
    let dropped = epoch(
        &classes,
        &order,
        &EpochSettings {
            drop_last: true,
            ..settings
        },
    )
    .unwrap();
    assert_eq!((dropped.count(), dropped.unused_count()), (6, 6));
    let stratified = EpochSettings {
        stratified: true,
        ..settings
    };
    let mut wide = 0;
    for seed in 0..50 {
        let count = |batch: &[u32], class: u32| batch.iter().filter(|&&e| class_of[e as usize] == class).count() as f64;
        for batch in epoch(&classes, &order, &EpochSettings { seed, ..stratified })
            .unwrap()
            .iter()
        {
            for (class, size) in (0..).zip([40.0, 11.0, 3.0]) {
                let share = batch.len() as f64 * size / 54.0;
                assert!((count(batch, class) - share).abs() < 2.0, "{batch:?}");
            }
        }
        for batch in epoch(&classes, &order, &EpochSettings { seed, ..settings })
            .unwrap()
            .iter()
        {
            wide += usize::from((count(batch, 1) - batch.len() as f64 * 11.0 / 54.0).abs() >= 2.0);
        }
    }
    assert!(wide > 5, "chance does not keep the shares: {wide}");
    for (settings, field) in [
        (EpochSettings { size: 0, ..settings }, Field::BatchSize),
        (
            EpochSettings {
                size: 55,
                drop_last: true,
                ..settings
            },
            Field::BatchSize,
        ),
    ] {
        assert_eq!(epoch(&classes, &order, &settings).unwrap_err().field, field);
    }
}

// The command.

#[test]
fn schedules_go_from_verb_to_verb() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let labels: Vec<i64> = (0..60).map(|i| [5, 5, 2, 5, 9, 2][i % 6]).collect();
    std::fs::write(at.join("y.npy"), array("(60,)", false, &labels)).unwrap();
    let run = |arguments: &[&str], status: i32| {
        let output = ufmin(at, arguments).output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(status), "{arguments:?}: {errors}");
        String::from_utf8(output.stdout).unwrap() + &errors
    };
    run(
        &[
            "batches", "sample", "--labels", "y.npy", "--size", "4", "--seed", "1", "-o", "b.json",
        ],
        0,
    );
    let check = run(
        &[
            "batches",
            "check",
            "--labels",
            "y.npy",
            "--batches",
            "b.json",
            "--format",
            "json",
        ],
        1,
    );
    let check: serde_json::Value = serde_json::from_str(&check).unwrap();
    assert_eq!(
        (&check["schema"], &check["unique_orthogonal_frame"]),
        (&"ufmin/batches/1".into(), &false.into())
    );
    let text = run(&["batches", "check", "--labels", "y.npy", "--batches", "b.json"], 1);
    assert!(text.contains("NOT UNIQUE") && text.contains("batch-binding"), "{text}");
    for file in ["bound.json", "bound.npy"] {
        let bound = run(
            &[
                "batches",
                "bind",
                "--labels",
                "y.npy",
                "--batches",
                "b.json",
                "-o",
                file,
                "--format",
                "json",
            ],
            0,
        );
        let bound: serde_json::Value = serde_json::from_str(&bound).unwrap();
        let samples: Vec<usize> = serde_json::from_value(bound["binding"]["samples"].clone()).unwrap();
        assert_eq!(samples.iter().map(|&s| labels[s]).collect::<Vec<_>>(), [2, 5, 9]);
        let text = run(&["batches", "check", "--labels", "y.npy", "--batches", file], 0);
        assert!(text.contains("UNIQUE: with nonnegative"), "{text}");
    }
    // A problem file elsewhere, with paths of its own.
    std::fs::create_dir(at.join("sub")).unwrap();
    std::fs::copy(at.join("y.npy"), at.join("sub/labels.npy")).unwrap();
    std::fs::copy(at.join("bound.npy"), at.join("sub/own.npy")).unwrap();
    std::fs::write(
        at.join("sub/p.toml"),
        "[classes]\nfile = \"labels.npy\"\n[batches]\nfile = \"own.npy\"\n",
    )
    .unwrap();
    run(&["batches", "check", "sub/p.toml"], 0);
    run(&["batches", "check", "sub/p.toml", "--labels", "y.npy"], 0);
    run(&["batches", "check", "sub/p.toml", "--batches", "b.json"], 1);
    // The orders of files and of samples.
    let no = run(&["batches", "check", "--labels", "y.npy"], 2);
    assert!(
        no.contains("no fixed batches") && no.contains("--batches batches.json"),
        "{no}"
    );
    let no = run(&["batches", "bind", "sub/p.toml", "-o", "b.txt"], 2);
    assert!(no.contains("b.txt does not end in .json or .npy"), "{no}");
    let no = run(
        &["batches", "sample", "--sizes", "3,3", "--size", "0", "-o", "c.json"],
        2,
    );
    assert!(no.contains("--size: 0 is given"), "{no}");
    let no = run(
        &[
            "batches",
            "sample",
            "--probabilities",
            "0.5,0.5",
            "--size",
            "4",
            "-o",
            "c.json",
        ],
        2,
    );
    assert!(no.contains("class sizes"), "{no}");
    assert!(!at.join("c.json").exists());
    // Classes of one sample are drawn like others.
    run(
        &[
            "batches", "sample", "--sizes", "3,1", "--size", "2", "-o", "c.npy", "--quiet",
        ],
        0,
    );
}
