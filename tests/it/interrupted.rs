//! Work that is stopped: what is finished is written and says that it is not complete, the exit status says why, and the same
//! command goes on. And a result can be solved again.

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::cli::npy;
use crate::common::{process, run, without_seconds};

fn json(text: &[u8]) -> Value {
    let mut value: Value = serde_json::from_slice(text).unwrap();
    without_seconds(&mut value);
    value
}

/// Features of six samples in two classes, and their labels.
fn features(folder: &Path) {
    let points: [f64; 12] = [1.0, 0.1, 1.0, -0.2, 0.9, 0.3, -1.0, 0.3, -0.8, 0.1, -0.7, -0.3];
    let bytes: Vec<u8> = points.iter().flat_map(|value| value.to_le_bytes()).collect();
    std::fs::write(folder.join("h.npy"), npy("<f8", false, "(6, 2)", &bytes)).unwrap();
    std::fs::write(folder.join("y.npy"), npy("|u1", false, "(6,)", &[0, 0, 0, 1, 1, 1])).unwrap();
}

/// A verb with the file that its answer goes to.
const VERBS: [(&[&str], &str); 9] = [
    (&["solve", "--sizes", "50,20,10,5,3"], "result.json"),
    (&["solve", "--sizes", "50,20,10,5,3", "--dimension", "2"], "result.json"),
    (
        &[
            "solve",
            "--sizes",
            "50,20,10,5",
            "--batch-size",
            "16",
            "--temperature",
            "0.5",
        ],
        "result.json",
    ),
    (&["verify", "--sizes", "4,3,2", "--starts", "3"], "result.json"),
    (
        &[
            "curve",
            "--sizes",
            "9,5,3",
            "--vary",
            "temperature",
            "--values",
            "0.5,1",
        ],
        "curve.json",
    ),
    (&["compare", "--sizes", "9,5,3"], "compare.json"),
    (
        &[
            "phase",
            "--sizes",
            "100,100,10,10",
            "--temperature",
            "1",
            "--vary",
            "ratio",
            "--points",
            "20",
        ],
        "phase.json",
    ),
    (&["phase", "--sizes", "100,100,10,10", "--grid", "4x4"], "phase.json"),
    (
        &["explain", "--embeddings", "h.npy", "--labels", "y.npy"],
        "explanation.json",
    ),
];

#[test]
fn every_verb_that_runs_out_of_time_writes_what_there_is_and_goes_on() {
    for (arguments, file) in VERBS {
        let folder = tempfile::tempdir().unwrap();
        features(folder.path());
        let with = |more: &[&str]| {
            let all: Vec<&str> = arguments.iter().chain(more).copied().collect();
            run(folder.path(), &all)
        };
        let output = with(&["--output", "out", "--format", "json", "--time-limit", "1e-9"]);
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{arguments:?}\n{errors}");
        let (shown, written) = (
            json(&output.stdout),
            json(&std::fs::read(folder.path().join("out").join(file)).unwrap()),
        );
        assert_eq!(shown, written, "{arguments:?}");
        assert_eq!(shown["complete"], false, "{arguments:?}");
        assert!(shown["problem"].is_object(), "{arguments:?}");

        let quiet = with(&["--output", "out", "--quiet"]);
        assert!(
            quiet.stdout.is_empty() && quiet.stderr.is_empty(),
            "{arguments:?}\n{quiet:?}"
        );
        let whole = json(&std::fs::read(folder.path().join("out").join(file)).unwrap());
        assert_ne!(whole["complete"], false, "{arguments:?}");
        let fresh = json(&with(&["--format", "json", "--output", "fresh"]).stdout);
        assert_eq!(whole, fresh, "{arguments:?}");
    }
}

#[test]
fn an_evaluation_without_its_optimum_says_so() {
    let folder = tempfile::tempdir().unwrap();
    features(folder.path());
    let arguments = [
        "evaluate",
        "--embeddings",
        "h.npy",
        "--labels",
        "y.npy",
        "--format",
        "json",
    ];
    let output = run(folder.path(), &[&arguments[..], &["--time-limit", "1e-9"]].concat());
    assert_eq!(output.status.code(), Some(1));
    let shown = json(&output.stdout);
    assert_eq!(
        (&shown["complete"], &shown["schema"]),
        (&false.into(), &"ufmin/stopped/1".into())
    );
    assert_eq!(shown["problem"]["sizes"], serde_json::json!([3, 3]));
    assert_eq!(json(&run(folder.path(), &arguments).stdout)["complete"], true);
}

#[cfg(unix)]
fn send(signal: &str, child: &std::process::Child) {
    let status = std::process::Command::new("kill")
        .args([signal, &child.id().to_string()])
        .status();
    assert!(status.unwrap().success());
}

/// A search of many starts is stopped when some are finished; a pipe that says nothing is left at once.
#[cfg(unix)]
#[test]
fn signals_have_their_exit_status_whatever_is_being_done() {
    for (signal, status) in [("-INT", 130), ("-TERM", 143)] {
        let folder = tempfile::tempdir().unwrap();
        let arguments = [
            "verify", "--sizes", "5,4,3", "--starts", "100000", "--output", "out", "--quiet",
        ];
        let mut child = process(folder.path(), &arguments).spawn().unwrap();
        let journal = folder.path().join("out/journal.jsonl");
        let lines = || std::fs::read_to_string(&journal).map_or(0, |text| text.lines().count());
        let began = Instant::now();
        while lines() < 3 && began.elapsed() < Duration::from_secs(60) {
            std::thread::sleep(Duration::from_millis(5));
        }
        send(signal, &child);
        assert_eq!(child.wait().unwrap().code(), Some(status));
        let written = json(&std::fs::read(folder.path().join("out/result.json")).unwrap());
        assert_eq!(written["complete"], false);
        assert!(written["starts"].as_u64().unwrap() >= 2);

        let pipe = folder.path().join("pipe.toml");
        assert!(
            std::process::Command::new("mkfifo")
                .arg(&pipe)
                .status()
                .unwrap()
                .success()
        );
        let output: [&[&str]; 3] = [
            &["heatmap", "pipe.toml", "-o", "a.png"],
            &["solve", "pipe.toml"],
            &["phase", "pipe.toml", "--vary", "ratio"],
        ];
        for arguments in output {
            let mut child = process(folder.path(), arguments).spawn().unwrap();
            std::thread::sleep(Duration::from_millis(300));
            send(signal, &child);
            assert_eq!(child.wait().unwrap().code(), Some(status), "{arguments:?}");
        }
    }
}

/// Every result holds its problem in full: solved again from it, the answer is the same in every bit.
#[test]
fn a_result_is_solved_again_to_the_same_bits() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write(
        "mixed.toml",
        "title = \"mixed\"\n[classes]\nfile = \"mixed.npy\"\n[batches]\nunused = \"ignore\"\nmembers = [[0, 1, 2, 3], [2, 4, 5, 0]]\n",
    );
    let labels = npy("|u1", false, "(7,)", &[1, 0, 1, 0, 0, 1, 1]);
    std::fs::write(folder.path().join("mixed.npy"), labels).unwrap();
    write(
        "ce.toml",
        "[classes]\nsizes = [40, 9, 4]\nviews = 2\n[loss]\nkind = \"cross-entropy\"\n[classifier]\nnorm = 3\n[features]\nenergy = 2\n[solver]\ntolerance = 1e-7\n",
    );
    write(
        "many.toml",
        "[classes]\nprofile = \"step\"\nmajority = 9000\nminority = 3000\nsmallest = 10\nratio = 4\n",
    );
    let problems: [&[&str]; 14] = [
        &[
            "--sizes",
            "500,50,50,5",
            "--temperature",
            "0.2",
            "--views",
            "2",
            "--loss-scale",
            "1.4",
            "--reduction",
            "sum",
        ],
        &[
            "--probabilities",
            "0.31,0.29,0.2,0.1,0.07,0.02999999999",
            "--loss",
            "population",
        ],
        &[
            "--sizes",
            "30,20,5",
            "--loss",
            "sincere",
            "--anchors",
            "class",
            "--tolerance",
            "1e-8",
        ],
        &["--sizes", "30,20,5,1", "--singletons", "zero"],
        &["--sizes", "30,20,5,1", "--singletons", "skip", "--loss", "bcl"],
        &["--sizes", "30,20,5", "--loss", "nscl", "--method", "conic"],
        &["--sizes", "30,20,5", "--nonnegative"],
        &["--sizes", "30,20,5,4", "--dimension", "2"],
        &["--probabilities", "0.5,0.3,0.2", "--loss", "nce", "--negatives", "3"],
        &["--sizes", "30,20,5", "--batch-size", "12", "--power", "0.5"],
        &[
            "--sizes",
            "30,20,5",
            "--batch-classes",
            "2",
            "--per-class",
            "3",
            "--loss",
            "sincere",
        ],
        &["mixed.toml"],
        &["ce.toml"],
        &["many.toml"],
    ];
    for arguments in problems {
        let first = run(folder.path(), &[&["solve", "--format", "json"], arguments].concat());
        write("first.json", &String::from_utf8_lossy(&first.stdout));
        let again = run(folder.path(), &["solve", "first.json", "--format", "json"]);
        let errors = String::from_utf8_lossy(&again.stderr).into_owned();
        assert_eq!(again.status.code(), first.status.code(), "{arguments:?}\n{errors}");
        assert_eq!(json(&first.stdout), json(&again.stdout), "{arguments:?}");
    }
    // Flags change what a result says, as they change a file.
    let changed = json(
        &run(
            folder.path(),
            &["solve", "first.json", "--sizes", "9,3", "--format", "json"],
        )
        .stdout,
    );
    assert_eq!(changed["problem"]["sizes"], serde_json::json!([9, 3]));
}

/// The other verbs hold the problem too, and it can be solved.
#[test]
fn the_problem_of_every_verb_can_be_solved() {
    let folder = tempfile::tempdir().unwrap();
    features(folder.path());
    let all = VERBS.iter().map(|(arguments, _)| *arguments);
    let evaluate: &[&str] = &["evaluate", "--embeddings", "h.npy", "--labels", "y.npy"];
    for arguments in all.chain([evaluate]) {
        let grid: &[&str] = if arguments.contains(&"--grid") {
            &["--output", "out"]
        } else {
            &[]
        };
        let found = run(folder.path(), &[arguments, grid, &["--format", "json"]].concat());
        std::fs::write(folder.path().join("of.json"), &found.stdout).unwrap();
        let solved = run(folder.path(), &["solve", "of.json", "--format", "json"]);
        let errors = String::from_utf8_lossy(&solved.stderr).into_owned();
        assert!(matches!(solved.status.code(), Some(0 | 1)), "{arguments:?}\n{errors}");
        let (of, own) = (&json(&found.stdout)["problem"], &json(&solved.stdout)["problem"]);
        for key in [
            "sizes",
            "probabilities",
            "loss",
            "temperature",
            "views",
            "batches",
            "singletons",
        ] {
            assert_eq!(of[key], own[key], "{arguments:?} {key}");
        }
    }
}

/// A search of local minima is left between the steps of its inner loops, with the starts that are finished.
#[test]
fn a_search_in_few_dimensions_looks_at_the_clock() {
    let folder = tempfile::tempdir().unwrap();
    let sizes: Vec<String> = (0..150).map(|i| (10 + 3 * i).to_string()).collect();
    let sizes = sizes.join(",");
    let arguments = [
        "solve",
        "--sizes",
        &sizes,
        "--dimension",
        "20",
        "--format",
        "json",
        "--time-limit",
        "0.5",
    ];
    let output = run(folder.path(), &arguments);
    assert_eq!(output.status.code(), Some(1));
    let found = json(&output.stdout);
    assert_eq!(
        (&found["complete"], &found["solution"]["termination"]),
        (&false.into(), &"time-limit".into())
    );
    assert!(found["solution"]["dimension_search"]["starts"].as_u64().unwrap() < 27);
}
