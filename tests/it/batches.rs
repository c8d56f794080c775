//! Fixed batches: problem files, and the files of batches that they name.

use std::path::Path;
use std::sync::Arc;

use ufmin::error::Error;
use ufmin::problem::{Batches, Classes, Field, FullBatchLoss, Kind, Model, Problem, SampleOrder, Training, Unused};
use ufmin::report::ProblemReport;
use ufmin::spec::load;
use ufmin::{Control, Options, solve};

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
            "kind": "fixed", "size": null, "count": 2, "smallest": 3, "largest": 3, "unused": 0,
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
    let problem = load_beside(text, &[]).unwrap();
    let error = solve(&problem, &Options::default(), &Control::default()).unwrap_err();
    assert!(error.to_string().contains("a solver for fixed batches"), "{error}");
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("p.toml"), text).unwrap();
    for verb in [
        &["solve", "p.toml"][..],
        &["solve", "p.toml", "--nonnegative", "--method", "closed-form"],
        &["verify", "p.toml"],
        &["phase", "p.toml", "--vary", "temperature"],
        &["curve", "p.toml", "--vary", "temperature", "--values", "0.1,1"],
    ] {
        let output = ufmin(folder.path(), verb).output().unwrap();
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{verb:?}: {text}");
        assert!(text.contains("batches") && text.contains("hint"), "{verb:?}: {text}");
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
