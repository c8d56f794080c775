//! What is too large is refused with its size; equal runs are equal files.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::cli::refusal;
use crate::common::{run, without_seconds};

#[test]
fn long_problem_files_are_refused_and_long_quotes_are_cut() {
    let folder = tempfile::tempdir().unwrap();
    let sizes = format!("[classes]\nsizes = [{}5]\n", "5,".repeat(10_000_000));
    std::fs::write(folder.path().join("long.toml"), sizes).unwrap();
    let began = Instant::now();
    let output = run(folder.path(), &["solve", "long.toml"]);
    assert!(began.elapsed() < Duration::from_secs(10));
    refusal("a long file", &output, &["8 MB", "file of class sizes"]);
    let key = format!("[classes]\nsizes = [5, 5]\n{} = 1\n", "k".repeat(1_000_000));
    std::fs::write(folder.path().join("key.toml"), key).unwrap();
    let output = run(folder.path(), &["solve", "key.toml"]);
    refusal("a long key", &output, &["unknown key", " ... "]);
    assert!(output.stderr.len() < 4000, "{}", output.stderr.len());
}

#[test]
fn what_would_take_all_memory_is_refused_with_its_size() {
    let folder = tempfile::tempdir().unwrap();
    let cases: [(&[&str], &[&str]); 4] = [
        (
            &["verify", "--sizes", "5,4,3", "--starts", "1000000000"],
            &["1000000000 starts", "GB", "fewer starts"],
        ),
        (
            &[
                "verify",
                "--sizes",
                "5,4,3",
                "--level",
                "class",
                "--dimension",
                "300000",
            ],
            &["300000 dimensions", "GB"],
        ),
        (
            &[
                "phase",
                "--sizes",
                "50,50,5,5",
                "--vary",
                "ratio",
                "--points",
                "1000000000",
            ],
            &["--points", "1000000000", "1000000"],
        ),
        (
            &["verify", "--sizes", "2000,1500,1000", "--starts", "1"],
            &["4500 samples", "GB", "--level class"],
        ),
    ];
    for (arguments, needles) in cases {
        refusal(&arguments.join(" "), &run(folder.path(), arguments), needles);
    }
}

/// Three classes need no block of memory for every thread that a machine has.
#[cfg(target_os = "linux")]
#[test]
fn a_small_problem_fits_into_little_address_space() {
    let program = assert_cmd::cargo::cargo_bin!("ufmin").display().to_string();
    let limited = |kilobytes: u32, arguments: &str| {
        let script = format!("ulimit -v {kilobytes} && exec '{program}' {arguments}");
        std::process::Command::new("sh").args(["-c", &script]).output().unwrap()
    };
    let output = limited(90_000, "solve --sizes 50,20,5");
    assert_eq!(
        output.status.code(),
        Some(0),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    // Where a landscape does not fit, it is refused as it would be on a small machine.
    let output = limited(400_000, "verify --sizes 1000,1000,500 --starts 1");
    refusal("2500 samples in 400 MB", &output, &["2500 samples", "GB"]);
}

/// Written at different times, to the byte; but for `seconds`.
#[test]
fn equal_runs_write_equal_files() {
    let folder = tempfile::tempdir().unwrap();
    let solve = |out: &str| {
        run(
            folder.path(),
            &["solve", "--sizes", "50,20,5,5", "--temperature", "0.5", "-o", out],
        )
    };
    assert_eq!(solve("a").status.code(), Some(0));
    // Archives tell times in steps of two seconds.
    std::thread::sleep(Duration::from_millis(2100));
    assert_eq!(solve("b").status.code(), Some(0));
    let mut names: Vec<String> = std::fs::read_dir(folder.path().join("a"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert!(names.iter().any(|name| name == "structure.npz") && names.iter().any(|name| name == "certificate.npz"));
    for name in names {
        let read = |out: &str| std::fs::read(folder.path().join(out).join(&name)).unwrap();
        if name.ends_with(".json") {
            let value = |out: &str| {
                let mut value: Value = serde_json::from_slice(&read(out)).unwrap();
                without_seconds(&mut value);
                value
            };
            assert_eq!(value("a"), value("b"), "{name}");
        } else {
            assert_eq!(read("a"), read("b"), "{name}");
        }
    }
}

/// Sizes are whole where they are counts, in groups as in the problem.
#[test]
fn sizes_of_groups_are_whole_numbers() {
    let folder = tempfile::tempdir().unwrap();
    let groups = |arguments: &[&str]| -> Vec<Value> {
        let output = run(folder.path(), &[&["solve", "--format", "json"], arguments].concat());
        let value: Value = serde_json::from_slice(&output.stdout).unwrap();
        let groups = value["solution"]["groups"].as_array().unwrap();
        groups.iter().map(|group| group["size"].clone()).collect()
    };
    assert_eq!(
        groups(&["--sizes", "50,20,20"]),
        [Value::from(50u64), Value::from(20u64)]
    );
    assert_eq!(
        groups(&["--probabilities", "0.5,0.25,0.25", "--loss", "population"]),
        [0.5, 0.25]
    );
}
