//! What all studies have alike: stopped or killed they go on to the same end, and say so; and what all verbs have alike.

use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use ufmin::error::Error;
use ufmin::math::control::Control;
use ufmin::plot::{Figure, Format as PictureFormat};
use ufmin::problem::{BatchLoss, Model, Sampling, Training};
use ufmin::report::Report;
use ufmin::report::view::View;
use ufmin::solve::Options;
use ufmin::study::curve::{self, Curve, Quantity, curve};
use ufmin::study::landscape::{SweepReport, VerifyReport};
use ufmin::study::phase::{Grid, Phase};
use ufmin::study::{Journal, Study, rows};

use crate::common::{problem_of, process, run as ufmin};

/// A study that takes some seconds, with the name of its result.
struct Slow {
    arguments: &'static [&'static str],
    result: &'static str,
    files: &'static [&'static str],
}

const SLOW: [Slow; 4] = [
    Slow {
        arguments: &[
            "verify",
            "--sizes",
            "40,20,10,10",
            "--temperature",
            "0.1",
            "--starts",
            "60",
        ],
        result: "result.json",
        files: &["worst.npy", "gaps.svg", "traces.svg", "gram.svg"],
    },
    Slow {
        arguments: &[
            "curve",
            "--sizes",
            "900,700,500,400,300,250,200,170,140,120,100,85,70,60,50,42,35,29,24,20,17,14,12,10",
            "--vary",
            "batch-size",
            "--values",
            "40,48,56,64,80,96,112,128,160,192,224,256",
        ],
        result: "curve.json",
        files: &["curve.csv", "curve.svg"],
    },
    Slow {
        arguments: &["phase", "--sizes", "100,90,80,70,60,50,40,30,20,10", "--grid", "60x24"],
        result: "phase.json",
        files: &["phase.csv", "phase.svg"],
    },
    Slow {
        arguments: &[
            "phase",
            "--sizes",
            "100,90,80,70,60,50,40,30,20,10",
            "--vary",
            "temperature",
            "--points",
            "8000",
        ],
        result: "phase.json",
        files: &[],
    },
];

fn start(folder: &Path, arguments: &[&str]) -> Child {
    let mut process = process(folder, arguments);
    process.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

fn read(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// The text of a result, but for the times in it.
fn without_seconds(path: &Path) -> String {
    let text = std::fs::read_to_string(path).unwrap();
    let lines = text
        .lines()
        .filter(|line| !line.trim_start().starts_with("\"seconds\""));
    lines.collect::<Vec<_>>().join("\n")
}

fn lines_of(path: &Path) -> usize {
    let text = std::fs::read(path).unwrap_or_default();
    text.iter().filter(|&&byte| byte == b'\n').count()
}

/// A last line without its end, as a kill in the middle of a write leaves it.
fn tear(journal: &Path) {
    let mut text = std::fs::read(journal).unwrap();
    text.extend_from_slice(b"{\"point\":[4");
    std::fs::write(journal, text).unwrap();
}

/// Sends a signal as soon as the journal is open, which a torn line at its end tells by being dropped, and has a row.
/// Whether the program was still at work then.
fn signal_at_work(child: &mut Child, journal: &Path, signal: &str) -> bool {
    let clock = Instant::now();
    let is_open = || std::fs::read(journal).is_ok_and(|text| text.ends_with(b"\n"));
    while !(is_open() && lines_of(journal) >= 2) && child.try_wait().unwrap().is_none() {
        assert!(clock.elapsed() < Duration::from_secs(300), "no row in five minutes");
        std::thread::sleep(Duration::from_millis(2));
    }
    let at_work = child.try_wait().unwrap().is_none();
    let id = child.id().to_string();
    let sent = std::process::Command::new("kill").args([signal, &id]).status().unwrap();
    at_work && sent.success()
}

/// Killed with no chance to say anything, then stopped by signals, a study comes to the end that it has in one go.
#[cfg(unix)]
#[test]
fn killed_and_stopped_studies_go_on_to_the_same_bytes() {
    for slow in &SLOW {
        let folder = tempfile::tempdir().unwrap();
        let verb = slow.arguments[0];
        let in_pieces = [slow.arguments, &["--output", "pieces"]].concat();
        let in_one = [slow.arguments, &["--output", "one"]].concat();
        let (pieces, one) = (folder.path().join("pieces"), folder.path().join("one"));
        let journal = pieces.join("journal.jsonl");

        let mut child = start(folder.path(), &in_pieces);
        let caught = signal_at_work(&mut child, &journal, "-KILL");
        let output = child.wait_with_output().unwrap();
        assert!(
            caught && output.status.code().is_none(),
            "{verb} was too fast: {output:?}"
        );
        assert!(!pieces.join(slow.result).exists());
        let kept = lines_of(&journal);

        for (signal, status) in [("-INT", 130), ("-TERM", 143)] {
            tear(&journal);
            let mut child = start(folder.path(), &in_pieces);
            let caught = signal_at_work(&mut child, &journal, signal);
            let output = child.wait_with_output().unwrap();
            let errors = String::from_utf8(output.stderr).unwrap();
            if !caught || output.status.code() == Some(0) {
                // A machine so fast that it was done before.
                continue;
            }
            assert_eq!(output.status.code(), Some(status), "{verb}: {errors}");
            assert!(lines_of(&journal) >= kept);
            assert!(errors.starts_with("error: stopped "), "{verb}: {errors}");
            if pieces.join(slow.result).exists() {
                assert!(
                    errors.contains("the same command goes on from there"),
                    "{verb}: {errors}"
                );
                assert_eq!(read(&pieces.join(slow.result))["complete"], false, "{verb}");
            }
        }

        tear(&journal);
        let resumed = ufmin(folder.path(), &in_pieces);
        let whole = ufmin(folder.path(), &in_one);
        assert_eq!(resumed.status.code(), Some(0), "{verb}: {resumed:?}");
        assert_eq!(resumed.stdout, whole.stdout, "{verb}");
        assert_eq!(read(&pieces.join(slow.result))["complete"], true);
        assert_eq!(
            without_seconds(&pieces.join(slow.result)),
            without_seconds(&one.join(slow.result)),
            "{verb}"
        );
        for file in slow.files {
            assert_eq!(
                std::fs::read(pieces.join(file)).unwrap(),
                std::fs::read(one.join(file)).unwrap(),
                "{verb}: {file}"
            );
        }
        assert_eq!(lines_of(&journal), lines_of(&one.join("journal.jsonl")), "{verb}");
    }
}

#[test]
fn a_journal_of_another_problem_is_refused() {
    let curve = [
        "curve",
        "--sizes",
        "9,5,4",
        "--vary",
        "temperature",
        "--values",
        "0.2,0.5",
        "-o",
        "c",
    ];
    let grid = ["phase", "--sizes", "100,100,10,10", "--grid", "4x3", "-o", "p"];
    let verify = ["verify", "--sizes", "9,5,4", "--starts", "2", "-o", "v"];
    // A command, and what to add to it with what it is refused for.
    type Case<'a> = (&'a [&'a str], &'a [(&'a [&'a str], &'a str)]);
    let cases: [Case<'_>; 3] = [
        (
            &curve,
            &[
                (&["--loss", "sincere"], "`loss` is \"supcon\", not \"sincere\""),
                (&["--dimension", "2"], "`dimension` is null, not 2"),
                (&["--batch-size", "9"], "`batches` is null"),
            ],
        ),
        (
            &grid,
            &[
                (&["--ratios", "1..50"], "`ratios` is [1.0,1000.0], not [1.0,50.0]"),
                (&["--views", "2"], "`views` is 1, not 2"),
                (&["--anchors", "class"], "`anchors` is \"sample\", not \"class\""),
            ],
        ),
        (
            &verify,
            &[
                (&["--seed", "3"], "`seed` is 0, not 3"),
                (&["--temperature", "0.2"], "`temperature` is 0.1, not 0.2"),
            ],
        ),
    ];
    let folder = tempfile::tempdir().unwrap();
    for (arguments, others) in cases {
        let first = ufmin(folder.path(), arguments);
        assert_eq!(first.status.code(), Some(0), "{first:?}");
        for (more, needle) in others {
            let refused = ufmin(folder.path(), &[arguments, more].concat());
            let errors = String::from_utf8(refused.stderr).unwrap();
            assert_eq!(refused.status.code(), Some(2), "{errors}");
            assert!(
                refused.stdout.is_empty() && errors.contains(needle),
                "{needle} is not in {errors}"
            );
            assert!(
                errors.contains("journal.jsonl, line 1: it belongs to another study"),
                "{errors}"
            );
            assert!(
                errors.contains("hint: choose another --output, or remove this file"),
                "{errors}"
            );
        }
        // A verb does not read the journal of another.
        let other = ufmin(
            folder.path(),
            &[
                "curve",
                "--sizes",
                "9,5,4",
                "--vary",
                "batch-size",
                "-o",
                arguments[arguments.len() - 1],
            ],
        );
        assert_eq!(other.status.code(), Some(2), "{other:?}");
    }
    // Classes too many to be listed are told apart all the same.
    let many = |smallest: u64| {
        let sizes: Vec<u64> = (0..12_000)
            .map(|class| if class == 0 { smallest } else { 10 })
            .collect();
        let problem = problem_of(&sizes, Model::default());
        curve::identity(&problem, Quantity::Temperature, &Options::default())
    };
    assert_eq!(many(5), many(5));
    let journal = Journal::open(folder.path(), &many(5)).unwrap();
    drop(journal);
    let error = Journal::open(folder.path(), &many(6)).unwrap_err();
    assert!(error.to_string().contains("not the same in all details"), "{error}");
}

#[test]
fn more_values_go_on_from_those_that_are_there() {
    let folder = tempfile::tempdir().unwrap();
    let with = |values: &str, output: &str| {
        let arguments = [
            "curve",
            "--sizes",
            "9,5,4",
            "--vary",
            "temperature",
            "--format",
            "json",
            "--values",
            values,
            "-o",
            output,
        ];
        let found = ufmin(folder.path(), &arguments);
        assert_eq!(found.status.code(), Some(0), "{found:?}");
        String::from_utf8(found.stdout).unwrap()
    };
    with("0.2,0.5", "a");
    let journal = folder.path().join("a/journal.jsonl");
    // A mark in a finished row shows that it is not computed again.
    let text = std::fs::read_to_string(&journal).unwrap();
    assert_eq!(text.lines().count(), 3);
    let marked = text.replacen("\"relative_gap\":", "\"relative_gap\":1", 1);
    assert_ne!(text, marked);
    std::fs::write(&journal, marked).unwrap();
    let more = with("0.2,0.3,0.5", "a");
    assert_eq!(lines_of(&journal), 4);
    let fresh = with("0.2,0.3,0.5", "b");
    let differ: Vec<_> = more.lines().zip(fresh.lines()).filter(|(a, b)| a != b).collect();
    assert!(differ.len() == 1 && differ[0].0.contains("relative_gap"), "{differ:?}");
}

/// The limit of a curve is a row like others: it is not solved again, and distances are those from the one that is there.
#[test]
fn the_limit_of_a_curve_is_kept() {
    for more in [&[][..], &["--dimension", "2"]] {
        let folder = tempfile::tempdir().unwrap();
        let with = |values: &str, output: &str| {
            let arguments = [
                "curve",
                "--sizes",
                "9,7,5,5",
                "--vary",
                "batch-size",
                "--format",
                "json",
                "--values",
                values,
                "-o",
                output,
            ];
            let found = ufmin(folder.path(), &[&arguments, more].concat());
            assert!(found.status.code() < Some(2), "{found:?}");
            String::from_utf8(found.stdout).unwrap()
        };
        with("8", "a");
        let journal = folder.path().join("a/journal.jsonl");
        let text = std::fs::read_to_string(&journal).unwrap();
        let (limit, others): (Vec<&str>, Vec<&str>) =
            text.lines().partition(|line| line.contains("\"point\":\"limit\""));
        assert_eq!((limit.len(), others.len()), (1, 2), "{text}");
        let marked = limit[0].replacen("\"relative_gap\":", "\"relative_gap\":1", 1);
        std::fs::write(&journal, format!("{}\n{marked}\n", others.join("\n"))).unwrap();
        let (gone_on, fresh) = (with("8,16", "a"), with("8,16", "b"));
        let differ: Vec<_> = gone_on.lines().zip(fresh.lines()).filter(|(a, b)| a != b).collect();
        assert!(differ.len() == 1 && differ[0].0.contains("relative_gap"), "{differ:?}");
        // One of other classes is refused, not used.
        for (from, to) in [("\"gram\":{", "\"gram\":{\"other\":[],"), ("[[", "[[0.5],[")] {
            let damaged = limit[0].replacen(from, to, 1);
            if damaged == limit[0] {
                continue;
            }
            std::fs::write(&journal, format!("{}\n{damaged}\n", others[0])).unwrap();
            let refused = ufmin(
                folder.path(),
                &[
                    &[
                        "curve",
                        "--sizes",
                        "9,7,5,5",
                        "--vary",
                        "batch-size",
                        "--values",
                        "8",
                        "-o",
                        "a",
                    ][..],
                    more,
                ]
                .concat(),
            );
            let errors = String::from_utf8(refused.stderr).unwrap();
            assert_eq!(refused.status.code(), Some(2), "{errors}");
            assert!(errors.contains("journal.jsonl, line 2"), "{errors}");
        }
    }
}

/// What a scan has found serves a finer one, and one of another range: only points that are new are solved.
#[test]
fn a_finer_scan_goes_on_from_a_coarse_one() {
    let folder = tempfile::tempdir().unwrap();
    let with = |more: &[&str], output: &str| {
        let arguments = [
            "phase",
            "--sizes",
            "100,100,10,10",
            "--vary",
            "temperature",
            "--format",
            "json",
        ];
        let found = ufmin(folder.path(), &[&arguments, more, &["-o", output]].concat());
        assert_eq!(found.status.code(), Some(0), "{found:?}");
        String::from_utf8(found.stdout).unwrap()
    };
    let journal = folder.path().join("a/journal.jsonl");
    let samples = || {
        let text = std::fs::read_to_string(&journal).unwrap();
        text.lines().filter(|line| line.contains("[\"sample\",")).count()
    };
    with(&["--points", "20"], "a");
    assert_eq!(samples(), 20);
    // Every second point of 39 is one of 20.
    let fine = with(&["--points", "39"], "a");
    assert!((39..=45).contains(&samples()), "{}", samples());
    assert_eq!(fine, with(&["--points", "39"], "b"));
    let refused = ufmin(
        folder.path(),
        &["phase", "--sizes", "100,100,10,10", "--vary", "ratio", "-o", "a"],
    );
    let errors = String::from_utf8(refused.stderr).unwrap();
    assert!(
        refused.status.code() == Some(2) && errors.contains("`vary` is \"temperature\", not \"ratio\""),
        "{errors}"
    );
}

/// Squares of the numbers up to 40, by a study of its own.
struct Squares {
    broken: Option<u64>,
}

impl Study for Squares {
    const POINTS: &'static str = "numbers";
    type Point = u64;
    type Row = u64;

    fn points(&self) -> Vec<u64> {
        (0..40).rev().collect()
    }

    fn run(&self, &point: &u64, _: &Control) -> Result<u64, Error> {
        if self.broken == Some(point) {
            return Err(Error::Stopped { what: "a square" });
        }
        Ok(point * point)
    }

    fn check(&self, &point: &u64, &row: &u64) -> Result<(), String> {
        (row == point * point)
            .then_some(())
            .ok_or_else(|| format!("{row} is not the square of {point}"))
    }
}

#[test]
fn a_journal_is_for_one_run_at_a_time_and_its_rows_are_checked() {
    let folder = tempfile::tempdir().unwrap();
    let identity = json!({"study": "squares"});
    let expected: Vec<Option<u64>> = (0..40).rev().map(|x| Some(x * x)).collect();
    let good = Squares { broken: None };
    {
        let journal = Journal::open(folder.path(), &identity).unwrap();
        let busy = Journal::open(folder.path(), &identity).unwrap_err();
        assert!(matches!(busy, Error::Busy { .. }), "{busy}");
        assert!(busy.hint().unwrap().contains("choose another output"));
        // A point that gives up though nobody asked it to is an error, not a stop; the others are kept.
        let broken = Squares { broken: Some(7) };
        assert!(rows(&broken, Some(&journal), &Control::default()).is_err());
    }
    let journal = Journal::open(folder.path(), &identity).unwrap();
    assert!(journal.finished() < 40);
    assert_eq!(rows(&good, Some(&journal), &Control::default()).unwrap(), expected);
    drop(journal);
    let path = folder.path().join("journal.jsonl");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(
        &path,
        text.replace("{\"point\":6,\"row\":36}", "{\"point\":6,\"row\":37}"),
    )
    .unwrap();
    let journal = Journal::open(folder.path(), &identity).unwrap();
    assert_eq!(journal.finished(), 40);
    let error = rows(&good, Some(&journal), &Control::default()).unwrap_err();
    assert!(error.to_string().contains("37 is not the square of 6"), "{error}");
}

/// Every verb that computes, with an answer that is found in a moment.
const QUICK: [&[&str]; 7] = [
    &["solve", "--sizes", "9,5,4"],
    &[
        "curve",
        "--sizes",
        "9,5,4",
        "--vary",
        "temperature",
        "--values",
        "0.2,0.5",
    ],
    &["curve", "--sizes", "9,5,4", "--vary", "batch-size", "--values", "4,16"],
    &["phase", "--sizes", "100,100,10,10", "--vary", "ratio", "--points", "20"],
    &["phase", "--sizes", "100,100,10,10", "--grid", "6x4", "--output", "grid"],
    &["verify", "--sizes", "9,5,4", "--starts", "4"],
    &["verify", "--sizes", "9,5,4", "--starts", "4", "--dimension", "2..3"],
];

#[test]
fn quiet_is_quiet_and_verbose_tells_the_progress_in_every_verb() {
    for arguments in QUICK {
        let folder = tempfile::tempdir().unwrap();
        let plain = ufmin(folder.path(), arguments);
        let quiet = ufmin(folder.path(), &[arguments, &["--quiet"]].concat());
        assert!(plain.status.code() < Some(2), "{plain:?}");
        assert_eq!(plain.status, quiet.status, "{arguments:?}");
        assert!(!plain.stdout.is_empty() && plain.stderr.is_empty(), "{plain:?}");
        assert!(quiet.stdout.is_empty() && quiet.stderr.is_empty(), "{quiet:?}");
        let fresh = tempfile::tempdir().unwrap();
        let verbose = ufmin(fresh.path(), &[arguments, &["--verbose"]].concat());
        assert_eq!(plain.status, verbose.status, "{arguments:?}");
        let told = String::from_utf8(verbose.stderr).unwrap();
        let ends = match arguments {
            ["solve", ..] => "",
            ["curve", ..] => "values: 2 of 2\n",
            ["phase", _, _, "--vary", ..] => "points of the scan: 20 of 20\n",
            ["phase", ..] => "rows: 4 of 4\n",
            [.., "2..3"] => "starts: 8 of 8\n",
            _ => "starts: 4 of 4\n",
        };
        assert!(told.contains(ends), "{arguments:?}: {told}");
        let both = ufmin(folder.path(), &[arguments, &["-q", "-v"]].concat());
        assert_eq!(both.status.code(), Some(2));
    }
    // The picture of a heatmap is its only output.
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("p.toml"), "[classes]\nsizes = [9, 5, 4]\n").unwrap();
    let drawn = ufmin(
        folder.path(),
        &["heatmap", "p.toml", "-o", "p.svg", "--quiet", "--threads", "1"],
    );
    assert!(
        drawn.status.success() && drawn.stdout.is_empty() && drawn.stderr.is_empty(),
        "{drawn:?}"
    );
}

#[test]
fn a_time_limit_ends_every_verb() {
    for arguments in QUICK {
        let folder = tempfile::tempdir().unwrap();
        let solve = arguments[0] == "solve";
        // The dual solver is done with a small problem before it looks at the clock.
        let method: &[&str] = if solve { &["--method", "conic"] } else { &[] };
        let limited = [arguments, method, &["--time-limit", "1e-9", "--format", "json"]].concat();
        let output = ufmin(folder.path(), &limited);
        let errors = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {errors}");
        if output.stdout.is_empty() {
            assert!(errors.starts_with("error: stopped "), "{arguments:?}: {errors}");
            assert!(
                !arguments.contains(&"phase") || errors.contains("goes on"),
                "{arguments:?}: {errors}"
            );
        } else {
            let printed: Value = serde_json::from_slice(&output.stdout).unwrap();
            assert_eq!(printed["complete"], false, "{arguments:?}");
            assert_eq!(errors.is_empty(), solve, "{arguments:?}: {errors}");
        }
        for bad in ["0", "-1", "nan"] {
            let refused = ufmin(folder.path(), &[arguments, &["--time-limit", bad]].concat());
            let errors = String::from_utf8(refused.stderr).unwrap();
            assert_eq!(refused.status.code(), Some(2), "{errors}");
            assert!(errors.contains("--time-limit"), "{errors}");
        }
        let enough = ufmin(folder.path(), &[arguments, &["--time-limit", "1e9"]].concat());
        assert_eq!(enough.status.code(), ufmin(folder.path(), arguments).status.code());
    }
}

#[test]
fn threads_do_not_change_any_answer() {
    for arguments in QUICK {
        let folder = tempfile::tempdir().unwrap();
        let with = |threads: &str| {
            let output = ufmin(
                folder.path(),
                &[
                    arguments,
                    &["--format", "json", "--threads", threads, "--output", threads],
                ]
                .concat(),
            );
            assert!(output.status.code() < Some(2), "{output:?}");
            let text = String::from_utf8(output.stdout).unwrap();
            let lines = text.lines().filter(|line| !line.contains("\"seconds\""));
            lines.collect::<Vec<_>>().join("\n")
        };
        if arguments.contains(&"--output") {
            continue;
        }
        assert_eq!(with("1"), with("2"), "{arguments:?}");
    }
    let folder = tempfile::tempdir().unwrap();
    let grid = |threads: &str| {
        let arguments = [
            "phase",
            "--sizes",
            "100,90,60,20,10",
            "--grid",
            "40x6",
            "--format",
            "json",
            "--threads",
            threads,
            "-o",
            threads,
        ];
        ufmin(folder.path(), &arguments).stdout
    };
    let one = grid("1");
    assert!(!one.is_empty());
    assert_eq!(one, grid("2"));
}

#[test]
fn every_report_reads_back_from_its_json() {
    fn back<R: View>(text: &str) -> R {
        let report = R::from_json(text).unwrap_or_else(|error| panic!("{error}: {text}"));
        assert_eq!(ufmin::report::json(&report), text);
        let other = R::from_json(&text.replacen(R::SCHEMA, "ufmin/other/1", 1))
            .map(drop)
            .unwrap_err();
        assert!(other.contains("ufmin/other/1") && other.contains(R::SCHEMA), "{other}");
        assert!(R::from_json("{}").map(drop).unwrap_err().contains("no field `schema`"));
        assert!(R::from_json("{").map(drop).unwrap_err().contains("not JSON"));
        // Fields of a later version are no reason to refuse a report.
        let later = text.replacen("{\n", "{\n  \"later\": [1],\n", 1);
        assert!(R::from_json(&later).is_ok());
        report
    }
    let folder = tempfile::tempdir().unwrap();
    let printed = |arguments: &[&str]| {
        let output = ufmin(folder.path(), &[arguments, &["--format", "json"]].concat());
        assert!(output.status.code() < Some(2), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let report: Report = back(&printed(QUICK[0]));
    assert!(report.complete && report.passes());
    assert_eq!(report.problem.sizes.as_deref(), Some(&[9, 5, 4][..]));
    // All that may be in one: probabilities, draws, a dimension below the rank, samples.
    back::<Report>(&printed(&[
        "solve",
        "--probabilities",
        "0.5,0.25,0.25",
        "--loss",
        "nce",
        "--negatives",
        "4",
    ]));
    back::<Report>(&printed(&[
        "solve",
        "--sizes",
        "9,5,4",
        "--batch-size",
        "8",
        "--views",
        "2",
    ]));
    back::<Report>(&printed(&["solve", "--sizes", "9,5,4,3", "--dimension", "2"]));
    back::<Report>(&printed(&[
        "solve", "--sizes", "4,3,2", "--level", "sample", "--loss", "nscl",
    ]));
    assert_eq!(back::<Curve>(&printed(QUICK[1])).rows.len(), 2);
    assert!(back::<Curve>(&printed(QUICK[2])).limit.is_some());
    assert!(back::<Phase>(&printed(QUICK[3])).threshold.is_some());
    back::<Phase>(&printed(&[
        "phase",
        "--sizes",
        "100,100,10,10",
        "--vary",
        "temperature",
        "--points",
        "20",
    ]));
    let grid: Grid = back(&printed(QUICK[4]));
    assert_eq!((grid.ratios.len(), grid.temperatures.len()), (6, 4));
    assert_eq!(back::<VerifyReport>(&printed(QUICK[5])).runs.unwrap().len(), 4);
    assert_eq!(back::<SweepReport>(&printed(QUICK[6])).rows.len(), 2);
}

/// Pictures come from the report alone: drawn from a JSON that was read back they are the bytes in the output folder, but for
/// those whose data no JSON has.
#[test]
fn reports_that_were_read_back_have_the_same_pictures() {
    fn names<R: View>(folder: &Path, result: &str) -> Vec<&'static str> {
        let report = R::from_json(&std::fs::read_to_string(folder.join(result)).unwrap()).unwrap();
        let draw = |(name, figure): (&'static str, Figure)| {
            let written = std::fs::read(folder.join(name).with_extension("svg")).unwrap();
            assert_eq!(figure.draw(PictureFormat::Svg).unwrap(), written, "{name}");
            name
        };
        report.figures().into_iter().map(draw).collect()
    }
    let folder = tempfile::tempdir().unwrap();
    let out = |arguments: &[&str], name: &str| {
        let found = ufmin(folder.path(), &[arguments, &["--output", name]].concat());
        assert!(found.status.code() < Some(2), "{found:?}");
        folder.path().join(name)
    };
    assert_eq!(names::<Report>(&out(QUICK[0], "solve"), "result.json"), ["gram"]);
    assert_eq!(names::<Curve>(&out(QUICK[1], "tau"), "curve.json"), ["curve"]);
    assert_eq!(names::<Curve>(&out(QUICK[2], "size"), "curve.json"), ["curve"]);
    assert!(names::<Phase>(&out(QUICK[3], "line"), "phase.json").is_empty());
    let grid = &QUICK[4][..QUICK[4].len() - 2];
    assert_eq!(names::<Grid>(&out(grid, "grid"), "phase.json"), ["phase"]);
    let search = out(QUICK[5], "verify");
    assert!(search.join("traces.svg").exists() && search.join("gram.svg").exists());
    assert_eq!(names::<VerifyReport>(&search, "result.json"), ["gaps"]);
    assert_eq!(names::<SweepReport>(&out(QUICK[6], "sweep"), "result.json"), ["sweep"]);
}

#[test]
fn tables_have_a_line_for_every_row() {
    let folder = tempfile::tempdir().unwrap();
    for (arguments, rows) in QUICK[1..].iter().zip([2, 2, 1, 24, 4, 2]) {
        let output = ufmin(folder.path(), &[arguments, &["--format", "csv"][..]].concat());
        let text = String::from_utf8(output.stdout).unwrap();
        let columns: Vec<usize> = text.lines().map(|line| line.split(',').count()).collect();
        assert_eq!(columns.len(), rows + 1, "{arguments:?}: {text}");
        assert!(columns.iter().all(|&count| count == columns[0] && count > 2), "{text}");
    }
    let refused = ufmin(folder.path(), &[QUICK[0], &["--format", "csv"]].concat());
    assert_eq!(refused.status.code(), Some(2));
}

/// A curve that is stopped has the rows that are finished, each as in the end.
#[test]
fn a_stopped_curve_has_its_finished_rows() {
    let model = Model {
        training: Training::Sampled(Sampling::RandomBatches {
            loss: BatchLoss::Supcon,
            size: 8,
            power: 1.0,
            replacement: true,
        }),
        ..Model::default()
    };
    let problem = problem_of(&[9, 5, 4], model);
    let values = [4.0, 8.0, 16.0, 32.0, 64.0, 128.0];
    let options = Options::default();
    let whole = curve(
        &problem,
        Quantity::BatchSize,
        &values,
        &options,
        None,
        &Control::default(),
    )
    .unwrap();
    let flag = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let raised = std::sync::Arc::clone(&flag);
    let control = Control::with_interrupt(flag).with_observer(move |progress| {
        if progress.iterations >= 2 {
            raised.store(true, std::sync::atomic::Ordering::Relaxed);
        }
    });
    let part = curve(&problem, Quantity::BatchSize, &values, &options, None, &control).unwrap();
    let stop = part.stop.unwrap();
    assert!(!part.complete && stop.total == 6 && stop.done == part.rows.len() as u64);
    assert!((2..6).contains(&part.rows.len()), "{}", part.rows.len());
    for row in &part.rows {
        let same = whole.rows.iter().find(|other| other.value == row.value).unwrap();
        assert_eq!(json!(row), json!(same));
    }
}
