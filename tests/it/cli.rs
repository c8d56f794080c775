//! The built program: exit statuses, what is printed where, hostile input, and the JSON contract.

use std::path::Path;
use std::process::Output;

use predicates::prelude::*;
use serde_json::Value;

use crate::common::{process, ufmin};

/// A folder with files to name on the command line.
pub(crate) fn folder() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

fn solve(arguments: &[&str]) -> Output {
    let mut all = vec!["solve"];
    all.extend(arguments);
    ufmin(folder().path(), &all).output().unwrap()
}

pub(crate) fn json_in(folder: &Path, arguments: &[&str]) -> Value {
    let mut all = vec!["solve", "--format", "json"];
    all.extend(arguments);
    let output = ufmin(folder, &all).output().unwrap();
    assert!(output.status.code() < Some(2), "{arguments:?}: {output:?}");
    assert!(output.stderr.is_empty(), "{arguments:?}: {output:?}");
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{arguments:?}: {error}"))
}

fn json(arguments: &[&str]) -> Value {
    json_in(folder().path(), arguments)
}

/// Two runs of one problem differ only in time.
pub(crate) fn without_time(mut value: Value) -> Value {
    let solution = value["solution"].as_object_mut().unwrap();
    solution.remove("seconds").unwrap();
    if let Some(check) = solution["cross_check"].as_object_mut() {
        check.remove("seconds").unwrap();
    }
    value
}

/// What every error must be: exit 2, silent stdout, a message and a remedy on stderr, no panic, no escape codes.
pub(crate) fn refusal(what: &str, output: &Output, needles: &[&str]) {
    let stderr = String::from_utf8(output.stderr.clone()).unwrap();
    assert_eq!(output.status.code(), Some(2), "{what}: {stderr}");
    assert!(output.stdout.is_empty(), "{what}: {output:?}");
    assert!(stderr.starts_with("error: "), "{what}: {stderr}");
    // Our remedies are hints, those of the argument parser point at --help.
    assert!(
        stderr.contains("\nhint: ") || stderr.contains("try '--help'"),
        "{what}: {stderr}"
    );
    assert!(
        !stderr.contains("panicked") && !stderr.contains("RUST_BACKTRACE") && !stderr.contains("backtrace"),
        "{what}: {stderr}"
    );
    assert!(
        stderr.chars().all(|c| !c.is_control() || c == '\n' || c == '\t'),
        "{what}: {stderr:?}"
    );
    assert!(stderr.len() < 1500, "{what}: {} bytes of message", stderr.len());
    for needle in needles {
        assert!(stderr.contains(needle), "{what}: no {needle:?} in\n{stderr}");
    }
}

fn refused(arguments: &[&str], needles: &[&str]) {
    refusal(&format!("{arguments:?}"), &solve(arguments), needles);
}

fn refused_file(text: impl AsRef<[u8]>, needles: &[&str]) {
    let folder = folder();
    std::fs::write(folder.path().join("p.toml"), text.as_ref()).unwrap();
    let output = ufmin(folder.path(), &["solve", "p.toml"]).output().unwrap();
    refusal(&String::from_utf8_lossy(text.as_ref()), &output, needles);
}

/// A `.npy` file, version 1.
pub(crate) fn npy(descr: &str, fortran: bool, shape: &str, data: &[u8]) -> Vec<u8> {
    let order = if fortran { "True" } else { "False" };
    let mut header = format!("{{'descr': '{descr}', 'fortran_order': {order}, 'shape': {shape}, }}");
    header.push_str(&" ".repeat(63 - (header.len() + 10) % 64));
    header.push('\n');
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.extend(data);
    bytes
}

// Exit statuses.

#[test]
fn certified_is_0_and_silent_on_stderr() {
    let output = solve(&["--sizes", "500,500,5,5"]);
    assert_eq!(output.status.code(), Some(0));
    assert!(output.stderr.is_empty());
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("\nCERTIFIED: "), "{text}");
    assert!(!text.contains('\u{1b}'), "{text:?}");
}

#[test]
fn quiet_prints_nothing_and_keeps_the_status() {
    for (arguments, status) in [
        (&["--sizes", "5,5", "-q"][..], 0),
        (&["--sizes", "5,5", "-q", "--tolerance", "1e-300"], 1),
    ] {
        let output = solve(arguments);
        assert_eq!(output.status.code(), Some(status));
        assert!(output.stdout.is_empty() && output.stderr.is_empty());
    }
}

#[test]
fn not_certified_is_1() {
    let arguments = ["--sizes", "7,5,3", "--tolerance", "1e-300"];
    let output = solve(&arguments);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8(output.stdout).unwrap().contains("\nNOT CERTIFIED: "));
    assert_eq!(json(&arguments)["certificate"]["verdict"], "not-certified");
}

#[test]
fn dimension_below_the_rank_is_1() {
    let arguments = ["--sizes", "7,5,3", "--dimension", "1"];
    let output = solve(&arguments);
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("\nRANK EXCEEDS DIMENSION: "), "{text}");
    assert_eq!(json(&arguments)["certificate"]["verdict"], "rank-exceeds-dimension");
    assert_eq!(solve(&["--sizes", "7,5,3", "--dimension", "2"]).status.code(), Some(0));
}

#[test]
fn usage_errors_are_2() {
    let folder = folder();
    let bare = ufmin(folder.path(), &[]).output().unwrap();
    assert_eq!(bare.status.code(), Some(2));
    assert!(bare.stdout.is_empty());
    assert!(
        String::from_utf8(bare.stderr)
            .unwrap()
            .contains("Usage: ufmin <COMMAND>")
    );
    refusal("verb", &ufmin(folder.path(), &["slove"]).output().unwrap(), &["slove"]);
    refused(&[], &["no class sizes", "--sizes 500,500,5,5"]);
    refused(&["--sizes", "5,5", "--sise", "5"], &["--sise"]);
    refused(&["a.toml", "b.toml"], &["b.toml"]);
    refused(&["--sizes", "5,5", "-q", "-v"], &["--quiet", "--verbose"]);
    refused(&["--sizes", "5,5", "--format", "yaml"], &["--format", "text", "json"]);
    refused(&["--sizes", "5,5", "--level", "pixel"], &["--level", "class", "sample"]);
    refused(
        &["--sizes", "5,5", "--cross-check", "maybe"],
        &["--cross-check", "always"],
    );
}

#[test]
fn help_and_version_are_0() {
    let folder = folder();
    ufmin(folder.path(), &["--version"])
        .assert()
        .code(0)
        .stdout(predicate::str::starts_with("ufmin "));
    ufmin(folder.path(), &["solve", "--help"])
        .assert()
        .code(0)
        .stdout(predicate::str::contains("Usage: ufmin solve [OPTIONS]"));
}

// Values of flags.

#[test]
fn sizes_of_flags() {
    for (sizes, needles) in [
        ("", &["--sizes", "no class sizes"][..]),
        (",", &["--sizes", "class 0 has size \"\""]),
        ("5,5,", &["--sizes", "class 2 has size \"\""]),
        ("5,0", &["--sizes", "class 1 has size 0,"]),
        ("-5,5", &["--sizes", "class 0 has size -5,"]),
        ("5,2.5", &["--sizes", "class 1 has size 2.5,"]),
        ("5,1e3", &["--sizes", "class 1 has size 1000.0,"]),
        ("5,nan", &["--sizes", "class 1 has size nan,"]),
        ("5,five", &["--sizes", "class 1 has size \"five\","]),
        ("5 5", &["--sizes", "class 0 has size \"5 5\","]),
        (
            "5,9007199254740993",
            &["--sizes", "class 1 has size 9007199254740993,", "common factor"],
        ),
        (
            "5,9223372036854775807",
            &["--sizes", "9223372036854775807", "common factor"],
        ),
        (
            "5,99999999999999999999",
            &["--sizes", "99999999999999999999", "common factor"],
        ),
        ("5", &["--sizes", "only one class", "add a second class"]),
        ("5,1", &["--sizes", "class 1 has 1 sample", "singletons"]),
        ("5,5\u{1b}[31m", &["--sizes", "class 1"]),
    ] {
        refused(&["--sizes", sizes], needles);
    }
    // The largest size, and spaces.
    assert_eq!(solve(&["--sizes", "9007199254740992, 500"]).status.code(), Some(0));
    refused(
        &["--sizes", "9007199254740992,5", "--views", "2"],
        &["--sizes", "with views"],
    );
    refused(
        &["--sizes", "5,5", "--views", "9223372036854775807"],
        &["--sizes", "with views"],
    );
    refused(
        &["--sizes", "1,1", "--singletons", "skip"],
        &["--sizes", "every class has 1 sample"],
    );
}

#[test]
fn numbers_of_flags() {
    for (flag, value, needles) in [
        (
            "--temperature",
            "nan",
            &["--temperature: the temperature is NaN", "such as 0.1"][..],
        ),
        ("--temperature", "inf", &["--temperature: the temperature is inf"]),
        ("--temperature", "0", &["--temperature: the temperature is 0,"]),
        ("--temperature", "-1", &["--temperature: the temperature is -1,"]),
        ("--temperature", "1e300", &["--temperature: the temperature is 1e300,"]),
        (
            "--temperature",
            "1e-300",
            &["--temperature: the temperature is 1e-300,"],
        ),
        ("--temperature", "warm", &["--temperature", "warm", "not a number"]),
        ("--temperature", "", &["--temperature", "not a number"]),
        ("--views", "0", &["--views: 0 is given", "give 1"]),
        ("--views", "-2", &["--views: -2 is given"]),
        ("--views", "1.5", &["--views", "1.5", "not a whole number"]),
        ("--dimension", "0", &["--dimension: the dimension is 0"]),
        ("--dimension", "-1", &["--dimension: -1 is given"]),
        ("--dimension", "x", &["--dimension", "not a whole number"]),
        (
            "--tolerance",
            "0",
            &["--tolerance: the tolerance is 0,", "such as 1e-9"],
        ),
        ("--tolerance", "1", &["--tolerance: the tolerance is 1,"]),
        ("--tolerance", "nan", &["--tolerance: the tolerance is NaN,"]),
        ("--tolerance", "-1e-9", &["--tolerance: the tolerance is -1e-9,"]),
        ("--tolerance", "x", &["--tolerance", "not a number"]),
        ("--threads", "0", &["--threads: 0 threads", "all cores"]),
        ("--threads", "-1", &["--threads: -1 threads"]),
        ("--threads", "100000000", &["--threads: 100000000 threads"]),
        ("--threads", "two", &["--threads", "not a whole number"]),
        (
            "--time-limit",
            "0",
            &[
                "--time-limit: the time limit is 0 seconds",
                "positive number of seconds",
            ],
        ),
        ("--time-limit", "nan", &["--time-limit: the time limit is NaN"]),
        ("--time-limit", "-3", &["--time-limit: the time limit is -3"]),
        ("--time-limit", "-1e300", &["--time-limit: the time limit is -1e300"]),
        ("--time-limit", "soon", &["--time-limit", "not a number"]),
    ] {
        refused(&["--sizes", "5,5", flag, value], needles);
    }
    // A limit that the clock cannot represent is none, and one that has passed stops at once.
    for limit in ["1e300", "inf"] {
        assert_eq!(solve(&["--sizes", "5,5", "--time-limit", limit]).status.code(), Some(0));
    }
    let stopped = json(&["--sizes", "9,5,4,3", "--method", "conic", "--time-limit", "1e-300"]);
    assert_eq!(stopped["solution"]["termination"], "time-limit");
}

#[test]
fn names_of_flags() {
    for (flag, value, needles) in [
        (
            "--loss",
            "supconn",
            &["--loss: `supconn` is not one of supcon,", "did you mean `supcon`?"][..],
        ),
        (
            "--loss",
            "triplet",
            &["--loss: `triplet` is not one of supcon,", "choose one of these"],
        ),
        (
            "--loss",
            "nce",
            &["--negatives: the loss nce needs a number of negatives", "--negatives 5"],
        ),
        (
            "--loss",
            "cross-entropy",
            &["classifier: cross-entropy is given, and nothing", "under [classifier]"],
        ),
        (
            "--method",
            "newton",
            &["--method: `newton` is not one of auto,", "choose one of these"],
        ),
        ("--method", "closed-form", &["closed-form", "nonnegative"]),
        (
            "--anchors",
            "samples",
            &["--anchors: `samples`", "did you mean `sample`?"],
        ),
        ("--singletons", "keep", &["--singletons: `keep`", "error, skip, zero"]),
        ("--singletons", "", &["--singletons"]),
    ] {
        refused(&["--sizes", "5,5", flag, value], needles);
    }
    // What is not available is not offered.
    let output = solve(&["--sizes", "5,5", "--loss", "zzz"]);
    assert!(!String::from_utf8(output.stderr).unwrap().contains(", cross-entropy"));
}

#[test]
fn probabilities_of_flags() {
    let population = |probabilities| vec!["--loss", "population", "--probabilities", probabilities];
    for (probabilities, needles) in [
        (
            "0.5,0.4",
            &["--probabilities", "sum to 0.9", "divide each by the sum"][..],
        ),
        ("0.5,nan", &["--probabilities", "class 1 has probability NaN"]),
        ("1.5,-0.5", &["--probabilities", "class 0 has probability 1.5"]),
        ("-0.5,1.5", &["--probabilities", "class 0 has probability -0.5"]),
        ("1,0", &["--probabilities", "class 1 has probability 0,"]),
        ("1", &["--probabilities", "only one class"]),
        ("half,half", &["--probabilities", "half", "not a number"]),
        ("", &["--probabilities", "not a number"]),
    ] {
        refused(&population(probabilities), needles);
    }
    refused(
        &["--probabilities", "0.5,0.5"],
        &["--loss: the loss supcon needs class sizes", "population"],
    );
    let mut views = population("0.5,0.5");
    views.extend(["--views", "2"]);
    refused(&views, &["--views", "remove views"]);
    assert_eq!(solve(&population("0.5,0.3,0.2")).status.code(), Some(0));
}

#[test]
fn a_flag_that_overrides_the_file_is_the_one_to_blame() {
    let folder = folder();
    let path = folder.path().join("p.toml");
    std::fs::write(&path, "[classes]\nsizes = [5, 5]\n[loss]\ntemperature = 0.1\n").unwrap();
    let output = ufmin(folder.path(), &["solve", "p.toml", "--temperature", "0"])
        .output()
        .unwrap();
    refusal("flag", &output, &["--temperature: the temperature is 0,"]);
    assert!(!String::from_utf8(output.stderr).unwrap().contains("line"));
    // And the other way: a good flag replaces a bad key.
    std::fs::write(&path, "[classes]\nsizes = [5, 0]\n[loss]\ntemperature = 0\n").unwrap();
    ufmin(
        folder.path(),
        &["solve", "p.toml", "--temperature", "1", "--sizes", "5,5"],
    )
    .assert()
    .code(0);
    // A bad key that no flag replaces is still the file's.
    let output = ufmin(folder.path(), &["solve", "p.toml", "--temperature", "1"])
        .output()
        .unwrap();
    refusal(
        "file",
        &output,
        &["p.toml, line 2: classes.sizes[1]: class 1 has size 0,"],
    );
}

// Values of problem files.

const GOOD: &str = "[classes]\nsizes = [5, 5, 4]\n";

#[test]
fn class_sizes_of_files() {
    for (classes, needles) in [
        ("sizes = []", &["line 2: classes: no class sizes"][..]),
        ("sizes = [5]", &["line 2: classes: only one class"]),
        (
            "sizes = [5, 0]",
            &[
                "line 2: classes.sizes[1]: class 1 has size 0,",
                "  2 | sizes = [5, 0]\n",
            ],
        ),
        ("sizes = [5, -3]", &["classes.sizes[1]: class 1 has size -3,"]),
        ("sizes = [5, 2.5]", &["classes.sizes[1]: class 1 has size 2.5,"]),
        ("sizes = [5, 5.0]", &["classes.sizes[1]: class 1 has size 5.0,"]),
        ("sizes = [5, nan]", &["classes.sizes[1]: class 1 has size nan,"]),
        ("sizes = [5, inf]", &["classes.sizes[1]: class 1 has size inf,"]),
        ("sizes = [5, \"x\"]", &["classes.sizes[1]: class 1 has size \"x\","]),
        (
            "sizes = [5, \"7\"]",
            &["classes.sizes[1]: class 1 has size \"7\",", "without quotes"],
        ),
        ("sizes = [5, [5]]", &["classes.sizes[1]: class 1 has size [5],"]),
        ("sizes = [5, true]", &["classes.sizes[1]: class 1 has size true,"]),
        (
            "sizes = [5, 9007199254740993]",
            &["classes.sizes[1]: class 1 has size 9007199254740993,"],
        ),
        (
            "sizes = [5, 9223372036854775808]",
            &["classes.sizes[1]: the number is too large", "2^53"],
        ),
        (
            "sizes = [5, 1]",
            &["classes.sizes[1]: class 1 has 1 sample", "singletons"],
        ),
        ("sizes = 5", &["classes.sizes", "expected a list", "[500, 500, 5, 5]"]),
        ("sizes = \"5,5\"", &["classes.sizes", "expected a list"]),
        (
            "sizes = [5, 5]\nfile = \"c.txt\"",
            &["more than one way: sizes, file", "exactly one"],
        ),
        (
            "sizes = [5, 5]\nprofile = \"step\"",
            &["more than one way: sizes, profile"],
        ),
        ("", &["line 1: classes: no class sizes", "sizes = [500, 500, 5, 5]"]),
        ("file = \"\"", &["line 2: classes.file: the file name is empty"]),
        ("file = \"nothing.txt\"", &["cannot read nothing.txt", "check the path"]),
        (
            "probabilities = [0.5, 0.5]",
            &["line 2: loss.kind: the loss supcon needs class sizes"],
        ),
        (
            "probabilities = [0.5, 0.4]",
            &["line 2: classes.probabilities", "sum to 0.9"],
        ),
        (
            "probabilities = [0.5, nan]",
            &["classes.probabilities[1]: class 1 has probability NaN"],
        ),
        (
            "probabilities = [0.5, \"x\"]",
            &["classes.probabilities[1]", "expected a number"],
        ),
        ("probabilities = []", &["no class sizes"]),
    ] {
        refused_file(format!("[classes]\n{classes}\n"), needles);
    }
    // A long line is cut about the place.
    let many = format!("[classes]\nsizes = [{}0]\n", "5, ".repeat(100_000));
    refused_file_shortly(&many, "line 2: classes.sizes[100000]: class 100000 has size 0,");
}

fn refused_file_shortly(text: &str, needle: &str) {
    let folder = folder();
    std::fs::write(folder.path().join("p.toml"), text).unwrap();
    let output = ufmin(folder.path(), &["solve", "p.toml"]).output().unwrap();
    refusal("a long file", &output, &[needle]);
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stderr.lines().all(|line| line.len() < 160), "{stderr}");
}

#[test]
fn profiles_of_files() {
    for (profile, needles) in [
        (
            "profile = \"expo\"",
            &["line 2: classes.profile: `expo`", "step, exponential, pareto"][..],
        ),
        (
            "profile = \"exponential\"\ncount = 10",
            &[
                "classes.largest: the profile exponential needs `largest`",
                "add `largest`",
            ],
        ),
        (
            "profile = \"step\"\nmajority = 1\nminority = 1\nsmallest = 5",
            &["needs `ratio`"],
        ),
        (
            "profile = \"pareto\"\ncount = 5\nlargest = 9\nratio = 3\nsmallest = 4",
            &[
                "line 6: classes.smallest: the profile pareto has no `smallest`",
                "remove",
            ],
        ),
        (
            "sizes = [5, 5]\ncount = 2",
            &["line 3: classes.count: `count` belongs to a profile"],
        ),
        (
            "profile = \"exponential\"\ncount = 1\nlargest = 9\nratio = 3",
            &["line 3: classes.count"],
        ),
        (
            "profile = \"exponential\"\ncount = -1\nlargest = 9\nratio = 3",
            &["line 3: classes.count: -1"],
        ),
        (
            "profile = \"exponential\"\ncount = 1000000000\nlargest = 9\nratio = 3",
            &["line 3: classes.count", "at most 10^8"],
        ),
        (
            "profile = \"pareto\"\ncount = 100000000\nlargest = 1000000000000\nratio = 3",
            &["line 3: classes.count", "10^7 distinct"],
        ),
        (
            "profile = \"exponential\"\ncount = 2\nlargest = 9007199254740993\nratio = 3",
            &["line 4: classes.largest", "2^53"],
        ),
        (
            "profile = \"exponential\"\ncount = 9\nlargest = 9\nratio = 100",
            &["line 5: classes.ratio", "no sample"],
        ),
        (
            "profile = \"step\"\nmajority = 1000000000000\nminority = 1\nsmallest = 5\nratio = 2",
            &["line 3: classes.majority", "at most 10^8"],
        ),
        (
            "profile = \"step\"\nmajority = 9223372036854775807\nminority = 9223372036854775807\nsmallest = 5\nratio = 2",
            &["line 3: classes.majority", "at most 10^8"],
        ),
        (
            "profile = \"step\"\nmajority = 1\nminority = 0\nsmallest = 5\nratio = 2",
            &["line 4: classes.minority"],
        ),
        (
            "profile = \"step\"\nmajority = 1\nminority = 1\nsmallest = 0\nratio = 2",
            &["line 5: classes.smallest"],
        ),
        (
            "profile = \"step\"\nmajority = 1\nminority = 1\nsmallest = 5\nratio = 2.5",
            &["line 6: classes.ratio", "whole number"],
        ),
        // Far below the rounding of the large class, but not a whole number.
        (
            "profile = \"step\"\nmajority = 1\nminority = 1\nsmallest = 10000000000\nratio = 1.00000000005",
            &["line 6: classes.ratio", "whole number"],
        ),
        (
            "profile = \"step\"\nmajority = 1\nminority = 1\nsmallest = 5\nratio = nan",
            &["line 6: classes.ratio", "NaN"],
        ),
        (
            "profile = \"step\"\nmajority = 1\nminority = 1\nsmallest = 5\nratio = 1e300",
            &["line 6: classes.ratio", "is 1e300:"],
        ),
        (
            "profile = \"step\"\nmajority = 1\nminority = 1\nsmallest = 5\nratio = \"2\"",
            &["classes.ratio", "expected a number"],
        ),
        (
            "profile = \"step\"\nmajority = 1\nminority = 1\nsmallest = 1\nratio = 2",
            &["class 1 has 1 sample"],
        ),
    ] {
        refused_file(format!("[classes]\n{profile}\n"), needles);
    }
}

#[test]
fn other_keys_of_files() {
    for (text, needles) in [
        (
            "[loss]\ntemperature = nan",
            &["line 4: loss.temperature: the temperature is NaN"][..],
        ),
        (
            "[loss]\ntemperature = inf",
            &["loss.temperature: the temperature is inf"],
        ),
        ("[loss]\ntemperature = 0", &["loss.temperature: the temperature is 0,"]),
        (
            "[loss]\ntemperature = -0.1",
            &["loss.temperature: the temperature is -0.1,"],
        ),
        (
            "[loss]\ntemperature = \"x\"",
            &["loss.temperature", "expected a number", "temperature = 0.1"],
        ),
        (
            "[loss]\nkind = \"supcom\"",
            &["loss.kind: `supcom`", "did you mean `supcon`?"],
        ),
        (
            "[loss]\nkind = 3",
            &["loss.kind", "expected a string", "kind = \"supcon\""],
        ),
        (
            "[loss]\nkind = \"nce\"",
            &["loss.negatives: the loss nce needs a number of negatives"],
        ),
        (
            "[loss]\nkind = \"cross-entropy\"",
            &["classifier: cross-entropy is given, and nothing", "under [classifier]"],
        ),
        (
            "[loss]\nkind = \"\\u001b[31mred\"",
            &["loss.kind", "is not one of supcon,"],
        ),
        ("[loss]\nanchors = \"all\"", &["loss.anchors: `all`", "sample, class"]),
        ("[loss]\nanchors = 1", &["loss.anchors", "expected a string"]),
        (
            "[loss]\nsingletons = \"drop\"",
            &["loss.singletons: `drop`", "error, skip, zero"],
        ),
        ("[loss]\nsingletons = []", &["loss.singletons", "expected a string"]),
        ("[loss]\nnegatives = 5", &["line 4: loss.negatives", "use the loss nce"]),
        ("[loss]\noffsets = \"d.npy\"", &["loss.offsets", "not available"]),
        (
            "[loss]\ntemprature = 1",
            &["line 4: unknown key `temprature`", "did you mean `temperature`?"],
        ),
        (
            "[features]\nnonnegative = 1",
            &["features.nonnegative", "expected true or false"],
        ),
        ("[features]\ndimension = 0", &["features.dimension: the dimension is 0"]),
        (
            "[features]\ndimension = 2.0",
            &["features.dimension", "expected a whole number"],
        ),
        ("[features]\ndimension = -1", &["features.dimension: -1"]),
        ("[features]\nenergy = 1.0", &["features.energy", "not available"]),
        ("[features]\nnorm = 1.0", &["features.norm", "not available"]),
        ("[features]\nridge = 1.0", &["features.ridge", "not available"]),
        ("[features]\nrelu = true", &["unknown key `relu`", "remove the key"]),
        ("[solver]\ntolerance = 0", &["solver.tolerance: the tolerance is 0,"]),
        ("[solver]\ntolerance = [1]", &["solver.tolerance", "expected a number"]),
        (
            "[solver]\nmethod = \"conics\"",
            &["solver.method", "did you mean `conic`?"],
        ),
        (
            "[solver]\nverbose = true",
            &["unknown key `verbose`", "expected `method` or `tolerance`"],
        ),
        ("views = 0", &["line 3: classes.views: 0"]),
        (
            "views = 2.0",
            &["classes.views", "expected a whole number", "views = 2"],
        ),
        ("label = 1", &["line 3: unknown key `label`", "did you mean `labels`?"]),
        (
            "[batches]\nkind = \"fixed\"\nmembers = [[0, 14]]",
            &[
                "line 5: batches.members[0][1]: place 1 of batch 0 is sample 14, and the samples are 0 to 13",
                "numbered from 0",
            ],
        ),
        ("[classifier]\nnorm = 1.0", &["classifier: ", "not available"]),
        (
            "[expected]\nrank = -1",
            &["expected.rank", "expected a whole number of at least 0"],
        ),
        ("[expected]\nvalue = 1", &["unknown key `value`"]),
        (
            "[expected]\nentries = [[0, 1]]",
            &["expected.entries[0]", "[i, j, value]"],
        ),
        (
            "[los]\nkind = \"bcl\"",
            &["line 3: unknown key `los`", "did you mean `loss`?"],
        ),
        ("[classes]\nviews = 2", &["duplicate key"]),
        ("views = 1\nviews = 1", &["line 4: duplicate key `views`", "remove one"]),
    ] {
        refused_file(format!("{GOOD}{text}\n"), needles);
    }
    for (text, needles) in [
        ("sizes = [5, 5]\n", &["unknown key `sizes`", "the table [classes]"][..]),
        (
            "titel = \"x\"\n[classes]\nsizes = [5, 5]\n",
            &["unknown key `titel`", "did you mean `title`?"],
        ),
        (
            "title = 3\n[classes]\nsizes = [5, 5]\n",
            &["line 1: title", "expected a string"],
        ),
        (
            "title = \"\\u001b[31m\"\n[classes]\nsizes = [5, 5]\n",
            &["line 1: title", "control character"],
        ),
        (
            "title = \"a\\nb\"\n[classes]\nsizes = [5, 5]\n",
            &["line 1: title", "on one line"],
        ),
        // Serde would read these as tables, field by field.
        (
            "classes = [[5, 5]]\n",
            &["line 1: classes: a table is needed", "[classes]"],
        ),
        ("[[classes]]\nsizes = [5, 5]\n", &["classes: a table is needed"]),
        (
            "loss = [\"supcon\"]\n[classes]\nsizes = [5, 5]\n",
            &["loss: a table is needed"],
        ),
        (
            "features = []\n[classes]\nsizes = [5, 5]\n",
            &["features: a table is needed"],
        ),
        (
            "solver = 3\n[classes]\nsizes = [5, 5]\n",
            &["solver: a table is needed"],
        ),
        (
            "expected = []\n[classes]\nsizes = [5, 5]\n",
            &["expected: a table is needed"],
        ),
    ] {
        refused_file(text, needles);
    }
}

#[test]
fn broken_files() {
    let toml = "this is not TOML";
    for (text, needles) in [
        (&b""[..], &["error: p.toml: classes: no class sizes"][..]),
        (b"\n\n", &["p.toml: classes: no class sizes"]),
        (b"[classes\nsizes = [5, 5]\n", &["line 1: ", "]", toml]),
        (
            b"[classes]\nsizes = [5, 5\n",
            &["line 2: ", "2 | sizes = [5, 5\n", toml],
        ),
        (b"[classes]\nsizes = [5,, 5]\n", &["line 2: extra comma", toml]),
        (b"[classes]\nsizes = 5, 5\n", &["line 2: ", toml]),
        (b"[classes]\nsizes 5\n", &["line 2: ", toml]),
        (b"[classes]\nsizes = [5, 5]\x00\n", &["line 2: ", toml]),
        (b"title = \"\x1b[31m\"\n", &["line 1: ", toml]),
        (b"\x00\x01\x02\x03", &["line 1: ", toml]),
        (b"\x93NUMPY\x01\x00", &["cannot read p.toml", "not UTF-8", "--labels"]),
        (b"\xff\xfe[\x00c\x00", &["not UTF-8"]),
        (
            b"[classes]\r\nsizes = [5, 0]\r\n",
            &["line 2: classes.sizes[1]", "2 | sizes = [5, 0]\n"],
        ),
        (
            b"\xef\xbb\xbf[classes]\nsizes = [5, 0]\n",
            &["line 2: classes.sizes[1]"],
        ),
    ] {
        refused_file(text, needles);
    }
    refused_file("a = ".to_owned() + &"[".repeat(100_000), &["line 1: ", "recursion"]);
    refused_file("a = ".to_owned() + &"{a = ".repeat(100_000), &["line 1: ", "recursion"]);
    // Unicode before the place.
    let text = "title = \"\u{416}\u{1f600}\"\n[classes]\nsizes = [5, 0]\n";
    refused_file(
        text,
        &[
            "line 3: classes.sizes[1]",
            "  3 | sizes = [5, 0]\n    |             ^\n",
        ],
    );
}

#[test]
fn odd_but_good_files() {
    let folder = folder();
    let path = folder.path().join("p.toml");
    let plain = without_time(json(&["--sizes", "5,5,4"]));
    for text in [
        "[classes]\r\nsizes = [5, 5, 4]\r\n",
        "\u{feff}[classes]\nsizes = [5, 5, 4]\n",
        "classes = { sizes = [5, 5, 4] }",
        "classes.sizes = [\n5, # five\n0x5,\n4,\n]\n",
        "[classes]\nsizes = [5, 5, 4]\n[loss]\n[features]\n[solver]\n[expected]\n",
    ] {
        std::fs::write(&path, text).unwrap();
        assert_eq!(without_time(json_in(folder.path(), &["p.toml"])), plain, "{text:?}");
    }
    // A whole number is a temperature too.
    std::fs::write(&path, "[classes]\nsizes = [5, 5, 4]\n[loss]\ntemperature = 1\n").unwrap();
    assert_eq!(json_in(folder.path(), &["p.toml"])["problem"]["temperature"], 1.0);
    let title = "\u{416} \u{1f600} \u{4e2d}";
    std::fs::write(&path, format!("title = \"{title}\"\n{GOOD}")).unwrap();
    assert_eq!(json_in(folder.path(), &["p.toml"])["problem"]["title"], title);
    ufmin(folder.path(), &["solve", "p.toml"])
        .assert()
        .code(0)
        .stdout(predicate::str::starts_with(title));
}

// Files that are named.

#[test]
fn problem_files_that_cannot_be_read() {
    refused(&["nothing.toml"], &["cannot read nothing.toml", "check the path"]);
    refused(&["."], &["cannot read .", "not a folder"]);
    #[cfg(unix)]
    refused(&["/dev/null/p.toml"], &["cannot read /dev/null/p.toml"]);
}

#[test]
fn counts_files() {
    let folder = folder();
    let run = |bytes: &[u8]| {
        std::fs::write(folder.path().join("c.txt"), bytes).unwrap();
        ufmin(folder.path(), &["solve", "--sizes-file", "c.txt"])
            .output()
            .unwrap()
    };
    for (bytes, needles) in [
        (&b""[..], &["c.txt: it has no values"][..]),
        (b"# nothing\n\n", &["c.txt: it has no values"]),
        (b"5\n", &["--sizes-file: only one class"]),
        (
            b"# sizes\n5\n\nfive\n",
            &[
                "c.txt: read as one value a line, line 4: class 1 has size five",
                "whole number",
            ],
        ),
        (b"5\n-5\n", &["line 2: class 1 has size -5"]),
        (b"5\n0\n", &["c.txt: class 1 has no samples", "--drop-empty"]),
        (b"5\n4.5\n", &["line 2: class 1 has size 4.5"]),
        (b"5\n9007199254740993\n", &["line 2: class 1 has size 9007199254740993"]),
        (b"5\n\x00\n", &["c.txt: it is neither text nor"]),
        (b"5\n\x1b[31m\n", &["line 2: class 1"]),
        (b"5\n1\n", &["--sizes-file: class 1 has 1 sample"]),
        (b"\xff\xff\n", &["c.txt: it is text in no Unicode encoding", "UTF-8"]),
    ] {
        refusal(&format!("{bytes:?}"), &run(bytes), needles);
    }
    for bytes in [
        &b"5\n5\n4\n"[..],
        b"\xef\xbb\xbf# sizes\r\n 5\r\n5\t\r\n\r\n4",
        b"5\n\n5\n# four\n+4\n",
        b"5 5 4\n",
        b"5\n5.0\n4e0\n",
    ] {
        assert_eq!(run(bytes).status.code(), Some(0), "{bytes:?}");
    }
    refused(&["--sizes-file", "nothing"], &["cannot read nothing"]);
    refused(&["--sizes-file", "."], &["cannot read .", "not a folder"]);
    refused(&["--sizes-file", ""], &["--sizes-file"]);
    // In a problem file, relative to it and with the same line.
    let inner = folder.path().join("inner");
    std::fs::create_dir(&inner).unwrap();
    std::fs::write(inner.join("c.txt"), "5\nx\n").unwrap();
    std::fs::write(inner.join("p.toml"), "[classes]\nfile = \"c.txt\"\n").unwrap();
    let output = ufmin(folder.path(), &["solve", "inner/p.toml"]).output().unwrap();
    refusal(
        "inner",
        &output,
        &["inner/c.txt: read as one value a line, line 2: class 1 has size x"],
    );
    std::fs::write(inner.join("c.txt"), "5\n1\n").unwrap();
    let output = ufmin(folder.path(), &["solve", "inner/p.toml"]).output().unwrap();
    refusal(
        "inner",
        &output,
        &["inner/p.toml, line 2: classes.sizes[1]", "  2 | file = \"c.txt\"\n"],
    );
    // On the command line, relative to the working folder.
    ufmin(folder.path(), &["solve", "inner/p.toml", "--sizes-file", "c.txt"])
        .assert()
        .code(0);
}

#[test]
fn label_files_that_are_refused() {
    let folder = folder();
    let labels: Vec<u8> = [0i64, 0, 0, 1, 1, 1, 1, 2, 2]
        .into_iter()
        .flat_map(i64::to_le_bytes)
        .collect();
    let floats: Vec<u8> = [0.0f64, 0.0, 1.0, 0.5].into_iter().flat_map(f64::to_le_bytes).collect();
    for (bytes, needles) in [
        (
            npy("<i8", false, "(9,)", &labels[..70]),
            &[
                "y.npy: its header promises 72 bytes of data, and it has 70",
                "numpy.save",
            ][..],
        ),
        (npy("<i8", false, "(9,)", &[]), &["promises 72 bytes"]),
        (
            npy("<f8", false, "(4,)", &floats),
            &["y.npy: label 3 is 0.5", "numpy.unique(labels, return_inverse=True)[1]"],
        ),
        (
            npy("<U1", false, "(4,)", &[65; 16]),
            &["y.npy: label 0 is empty or no text"],
        ),
        (
            npy("|S1", false, "(4,)", &[0xff; 4]),
            &["y.npy: label 0 is empty or no text"],
        ),
        (npy("|O", false, "(4,)", &[65; 40]), &["its element type is |O"]),
        (npy("<c16", false, "(2,)", &[0; 32]), &["its element type is <c16"]),
        (npy("<M8[s]", false, "(2,)", &[0; 16]), &["its element type is <M8[s]"]),
        (
            npy("<i8", false, "(3, 3)", &labels),
            &["its shape is [3, 3]", "labels[:, 0]", "labels.argmax(axis=1)"],
        ),
        (npy("<i8", true, "(3, 3)", &labels), &["its shape is [3, 3]"]),
        (npy("<i8", false, "()", &labels[..8]), &["its shape is []"]),
        (npy("<i8", false, "(0,)", &[]), &["no elements"]),
        (
            npy("<i8", false, "(4611686018427387904,)", &labels),
            &["y.npy: ", "numpy.save"],
        ),
        (npy("<i8", false, "(99999999999999999999,)", &labels), &["y.npy: "]),
        (npy("<i8", false, "(-9,)", &labels), &["y.npy: "]),
        (
            npy("<i8", false, "(1000000000000,)", &labels),
            &["promises 8000000000000"],
        ),
        (npy("<i8", false, "(3,)", &labels[..24]), &["--labels: only one class"]),
        (
            npy("<i8", false, "(4,)", &labels[..32]),
            &["--labels: class 1 has 1 sample"],
        ),
        (Vec::new(), &["y.npy: it is not a .npy file"]),
        (b"\x93NUMPY".to_vec(), &["y.npy: it is not a .npy file"]),
        (
            b"\x93NUMPY\x01\x00\xff\xff{".to_vec(),
            &["y.npy: it is not a .npy file"],
        ),
        (b"\x00\x01\xff".repeat(100), &["y.npy: it is not a .npy file"]),
        (b"0\n0\n1\n1\n".to_vec(), &["y.npy: it is not a .npy file"]),
    ] {
        std::fs::write(folder.path().join("y.npy"), &bytes).unwrap();
        let output = ufmin(folder.path(), &["solve", "--labels", "y.npy"]).output().unwrap();
        refusal(&format!("{:?}", String::from_utf8_lossy(&bytes)), &output, needles);
        // The same through a problem file.
        std::fs::write(folder.path().join("p.toml"), "[classes]\nfile = \"y.npy\"\n").unwrap();
        let output = ufmin(folder.path(), &["solve", "p.toml"]).output().unwrap();
        refusal("through a problem file", &output, &[]);
    }
    refused(&["--labels", "nothing.npy"], &["cannot read nothing.npy"]);
    refused(&["--labels", "y.txt"], &["cannot read y.txt"]);
    std::fs::create_dir(folder.path().join("d.npy")).unwrap();
    let output = ufmin(folder.path(), &["solve", "--labels", "d.npy"]).output().unwrap();
    refusal("d.npy", &output, &["cannot read d.npy", "not a folder"]);
}

#[test]
fn one_source_of_sizes() {
    let sources = [
        ("--sizes", "5,5"),
        ("--sizes-file", "c.txt"),
        ("--labels", "y.npy"),
        ("--probabilities", "0.5,0.5"),
    ];
    for (i, (a, x)) in sources.into_iter().enumerate() {
        for (b, y) in sources.into_iter().skip(i + 1) {
            refused(&[a, x, b, y], &[a, b, "more than one way", "exactly one"]);
        }
    }
}

#[test]
fn outputs_that_cannot_be_written() {
    let folder = folder();
    std::fs::write(folder.path().join("file"), "x").unwrap();
    for path in ["file", "file/below"] {
        let output = ufmin(folder.path(), &["solve", "--sizes", "5,5", "--output", path])
            .output()
            .unwrap();
        refusal(path, &output, &["cannot write file", "--output"]);
    }
    assert_eq!(std::fs::read_to_string(folder.path().join("file")).unwrap(), "x");
    refused(&["--sizes", "5,5", "--output", ""], &["--output"]);
    #[cfg(target_os = "linux")]
    refused(
        &["--sizes", "5,5", "--output", "/proc/ufmin"],
        &["cannot write /proc/ufmin"],
    );
    // A result that cannot be put in place: an error, and no partial file.
    std::fs::create_dir_all(folder.path().join("out/result.json/full")).unwrap();
    let output = ufmin(folder.path(), &["solve", "--sizes", "5,5", "--output", "out"])
        .output()
        .unwrap();
    refusal("result.json is a folder", &output, &["cannot write out/result.json"]);
    let left = std::fs::read_dir(folder.path().join("out")).unwrap();
    let names: Vec<_> = left.map(|entry| entry.unwrap().file_name()).collect();
    assert!(
        names.iter().all(|name| !name.to_string_lossy().starts_with('.')),
        "{names:?}"
    );
    // A wrong flag is found before a folder is made.
    let output = ufmin(
        folder.path(),
        &["solve", "--sizes", "5,5", "--output", "new", "--time-limit", "0"],
    );
    let output = { output }.output().unwrap();
    refusal("order", &output, &["--time-limit"]);
    assert!(!folder.path().join("new").exists());
}

#[test]
fn matrices_that_do_not_fit_are_refused_first() {
    let folder = folder();
    let profile = "profile = \"step\"\nmajority = 500000\nminority = 500000\nsmallest = 5\nratio = 10\n";
    std::fs::write(folder.path().join("p.toml"), format!("[classes]\n{profile}")).unwrap();
    let output = ufmin(folder.path(), &["solve", "p.toml", "--full-gram"])
        .output()
        .unwrap();
    refusal(
        "a million classes",
        &output,
        &["--full-gram", "8000.0 GB", "leave it out"],
    );
    refused(
        &["--sizes", "5000,5", "--level", "sample"],
        &["a sample level of 5005 samples", "--level class"],
    );
    refused(
        &[
            "--probabilities",
            "0.5,0.5",
            "--loss",
            "population",
            "--level",
            "sample",
        ],
        &["--level: ", "give class sizes"],
    );
    let value = json_in(folder.path(), &["p.toml"]);
    assert_eq!(value["problem"]["class_count"], 1_000_000);
    assert!(value["solution"]["gram"].is_null());
}

// Streams.

#[test]
fn a_reader_that_has_left_is_no_error() {
    for arguments in [
        &["solve", "--sizes", "5,5"][..],
        &["solve", "--sizes", "5,5", "--format", "json"],
    ] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let child = process(Path::new("."), arguments)
            .stdout(writer)
            .stderr(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        assert!(output.stderr.is_empty(), "{output:?}");
    }
    // Nor is it on stderr: the exit status tells.
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = process(Path::new("."), &["solve", "--sizes", "5"]);
    let status = command.stderr(writer).status().unwrap();
    assert_eq!(status.code(), Some(2));
}

#[test]
fn no_escape_codes_reach_a_pipe() {
    let folder = folder();
    for arguments in [
        &["solve", "--sizes", "5,5"][..],
        &["solve", "--sizes", "5"],
        &["solve", "--zzz"],
        &["--help"],
    ] {
        for no_color in [false, true] {
            let mut command = ufmin(folder.path(), arguments);
            if no_color {
                command.env("NO_COLOR", "1");
            }
            let output = command.output().unwrap();
            let printed = [output.stdout, output.stderr].concat();
            assert!(!printed.is_empty() && !printed.contains(&0x1b), "{arguments:?}");
        }
    }
}

// The JSON contract.

/// Every number is finite: JSON has no others, and serde writes null for them.
fn check_no_null(path: &str, value: &Value, allowed: &[&str]) {
    match value {
        Value::Null => assert!(allowed.contains(&path), "{path} is null"),
        Value::Array(items) => items.iter().for_each(|item| check_no_null(path, item, allowed)),
        Value::Object(fields) => fields
            .iter()
            .for_each(|(key, item)| check_no_null(&format!("{path}.{key}"), item, allowed)),
        _ => {}
    }
}

#[test]
fn the_json_has_every_key_of_the_contract() {
    let keys = [
        (
            "problem",
            &[
                "title",
                "sizes",
                "views",
                "loss",
                "temperature",
                "nonnegative",
                "dimension",
                "batches",
                "negatives",
                "loss_scale",
                "reduction",
                "class_count",
            ][..],
        ),
        (
            "solution",
            &[
                "method",
                "termination",
                "iterations",
                "seconds",
                "loss",
                "reported_loss",
                "reported_anchors",
                "loss_per_active_anchor",
                "downstream_loss",
                "floor",
                "excess",
                "log_excess",
                "rank",
                "cross_check",
                "dimension_search",
                "collapsed",
                "nearly_collapsed",
                "groups",
                "group_gram",
                "level",
                "gram",
                "within_class",
            ],
        ),
        (
            "certificate",
            &[
                "lower_bound",
                "gap",
                "relative_gap",
                "min_eigenvalue",
                "method",
                "verdict",
            ],
        ),
    ];
    let always = [
        ".problem.title",
        ".problem.class_labels",
        ".references.reported_loss",
        ".solution.loss_per_batch",
        ".problem.probabilities",
        ".problem.dimension",
        ".problem.batches",
        ".problem.negatives",
        ".solution.reported_loss",
        ".solution.reported_anchors",
        ".solution.loss_per_active_anchor",
        ".solution.cross_check",
        ".solution.dimension_search",
    ];
    let floorless = [".solution.floor", ".solution.excess", ".solution.log_excess"];
    for (arguments, also) in [
        (&["--sizes", "50,7,5,5"][..], &[][..]),
        (
            &["--sizes", "50,7,5,5", "--temperature", "0.0001", "--loss", "sincere"],
            &[],
        ),
        (
            &["--sizes", "50,7,5,5", "--temperature", "10000", "--anchors", "class"],
            &[],
        ),
        (&["--sizes", "50,7,5,5", "--loss", "nscl"], &floorless),
        (&["--sizes", "50,7,5,5", "--loss", "bcl", "--views", "2"], &[]),
        (&["--sizes", "50,7,5,1", "--singletons", "zero"], &[]),
        (&["--sizes", "50,7,5,5", "--nonnegative"], &[]),
        (&["--sizes", "9007199254740992,2"], &[]),
        (
            &["--probabilities", "0.5,0.3,0.2", "--loss", "population"],
            &[".problem.sizes"],
        ),
    ] {
        let value = json(arguments);
        assert_eq!(value["schema"], "ufmin/solve/1");
        assert_eq!(value["version"], env!("CARGO_PKG_VERSION"));
        for (table, keys) in keys {
            for key in keys {
                assert!(value[table].get(key).is_some(), "{arguments:?}: no {table}.{key}");
            }
        }
        let allowed: Vec<&str> = always.iter().chain(also).copied().collect();
        check_no_null("", &value, &allowed);
    }
}

fn gram(value: &Value) -> Vec<Vec<f64>> {
    serde_json::from_value(value["solution"]["gram"].clone()).unwrap()
}

#[test]
fn permuted_sizes_give_the_permuted_gram() {
    let sizes = [40, 3, 12, 3, 7];
    let straight = gram(&json(&["--sizes", "40,3,12,3,7", "--temperature", "0.5"]));
    for order in [[4, 3, 2, 1, 0], [1, 3, 0, 4, 2]] {
        let words: Vec<String> = order.iter().map(|&i: &usize| sizes[i].to_string()).collect();
        let permuted = gram(&json(&["--sizes", &words.join(","), "--temperature", "0.5"]));
        for (a, &i) in order.iter().enumerate() {
            for (b, &j) in order.iter().enumerate() {
                // The same reduced program, so the same arithmetic.
                assert!((permuted[a][b] - straight[i][j]).abs() < 1e-14, "{order:?} {a} {b}");
            }
        }
    }
    // The test can fail: the classes are not alike.
    assert!((straight[0][1] - straight[1][2]).abs() > 1e-3);
}

#[test]
fn labels_of_any_integer_type_are_sizes() {
    let folder = folder();
    let labels: [i64; 9] = [1, 0, 1, 1, 0, 0, 1, 1, 0];
    let expected = without_time(json(&["--sizes", "4,5"]));
    let bytes = |width: usize, big: bool| -> Vec<u8> {
        labels
            .iter()
            .flat_map(|label| {
                let mut bytes = label.to_le_bytes()[..width].to_vec();
                if big {
                    bytes.reverse();
                }
                bytes
            })
            .collect()
    };
    for (descr, width, big) in [
        ("|b1", 1, false),
        ("|i1", 1, false),
        ("|u1", 1, false),
        ("<i2", 2, false),
        (">i2", 2, true),
        ("<u2", 2, false),
        (">u2", 2, true),
        ("<i4", 4, false),
        (">i4", 4, true),
        ("<u4", 4, false),
        (">u4", 4, true),
        ("<i8", 8, false),
        (">i8", 8, true),
        ("<u8", 8, false),
        (">u8", 8, true),
    ] {
        for (shape, fortran) in [("(9,)", false), ("(9,)", true), ("(9, 1)", false), ("(1, 9)", true)] {
            let file = npy(descr, fortran, shape, &bytes(width, big));
            std::fs::write(folder.path().join("y.npy"), file).unwrap();
            let mut found = without_time(json_in(folder.path(), &["--labels", "y.npy"]));
            assert_eq!(
                found["problem"]["class_labels"].take(),
                serde_json::json!([0, 1]),
                "{descr} {shape}"
            );
            assert_eq!(found, expected, "{descr} {shape}");
        }
    }
    // Classes are the distinct values in ascending order, whatever they are.
    let odd: Vec<u8> = [6i64, 4, 6, 7, 4, 6, 7]
        .into_iter()
        .flat_map(i64::to_le_bytes)
        .collect();
    std::fs::write(folder.path().join("y.npy"), npy("<i8", false, "(7,)", &odd)).unwrap();
    let found = json_in(folder.path(), &["--labels", "y.npy"]);
    assert_eq!(found["problem"]["sizes"], serde_json::json!([2, 3, 2]));
    assert_eq!(found["problem"]["class_labels"], serde_json::json!([4, 6, 7]));
}

#[test]
fn flags_mean_what_keys_mean() {
    let folder = folder();
    for (text, flags) in [
        (
            "[classes]\nsizes = [30, 30, 4, 1]\nviews = 2\n[loss]\nkind = \"sincere\"\ntemperature = 0.3\nanchors = \"class\"\n\
             singletons = \"skip\"\n[features]\ndimension = 2\n[solver]\nmethod = \"conic\"\ntolerance = 1e-5\n",
            "--sizes 30,30,4,1 --views 2 --loss sincere --temperature 0.3 --anchors class --singletons skip --dimension 2 \
             --method conic --tolerance 1e-5",
        ),
        (
            "[classes]\nprobabilities = [0.6, 0.4]\n[loss]\nkind = \"population\"\n[features]\nnonnegative = true\n",
            "--probabilities 0.6,0.4 --loss population --nonnegative",
        ),
    ] {
        std::fs::write(folder.path().join("p.toml"), text).unwrap();
        let from_file = without_time(json_in(folder.path(), &["p.toml"]));
        let words: Vec<&str> = flags.split_whitespace().collect();
        assert_eq!(from_file, without_time(json_in(folder.path(), &words)), "{flags}");
    }
}

#[test]
fn the_output_folder_holds_what_was_printed() {
    let folder = folder();
    let arguments = ["solve", "--sizes", "7,5,3", "--format", "json", "--output", "a/b"];
    let output = ufmin(folder.path(), &arguments).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let out = folder.path().join("a/b");
    assert_eq!(std::fs::read(out.join("result.json")).unwrap(), output.stdout);
    let features = ufmin::files::npy::read_matrix(&out.join("embeddings.npy")).unwrap();
    let written = ufmin::files::npy::read_matrix(&out.join("gram.npy")).unwrap();
    let value: Value = serde_json::from_slice(&output.stdout).unwrap();
    let printed = gram(&value);
    for i in 0..3 {
        for j in 0..3 {
            assert_eq!(written[(i, j)], printed[i][j]);
            let product = features.column(i).dot(&features.column(j));
            assert!((product - printed[i][j]).abs() < 1e-7, "{i} {j}");
        }
    }
    // Once more over the old files.
    assert_eq!(
        ufmin(folder.path(), &arguments).output().unwrap().status.code(),
        Some(0)
    );
}

/// Numbers to six decimals, so that the last bits of another machine do not matter.
fn rounded(value: &mut Value) {
    match value {
        Value::Number(number) if number.is_f64() => {
            // Adding zero turns -0 into 0.
            let decimal = (number.as_f64().unwrap() * 1e6).round() / 1e6 + 0.0;
            *value = serde_json::json!(decimal);
        }
        Value::Array(items) => items.iter_mut().for_each(rounded),
        Value::Object(fields) => fields.values_mut().for_each(rounded),
        _ => {}
    }
}

#[test]
fn the_json_of_a_small_problem() {
    let arguments = ["--sizes", "50,5,5", "--temperature", "0.5", "--method", "conic"];
    let mut value = json(&arguments);
    rounded(&mut value);
    for (table, key) in [("solution", "seconds"), ("solution", "iterations")] {
        value[table][key] = serde_json::json!(format!("[{key}]"));
    }
    value["version"] = "[version]".into();
    insta::assert_json_snapshot!(value);
}
