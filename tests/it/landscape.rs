//! The landscape verifier: theorems where they hold, spurious minima where they are, and the same answer every time.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use nalgebra::DMatrix;
use proptest::prelude::*;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde_json::Value;
use ufmin::math::control::Control;
use ufmin::method::staircase::{Cost, Factored, oblique};
use ufmin::objective::SampleLoss;
use ufmin::problem::{Anchors, FullBatch, FullBatchLoss, Model, Problem, Singletons, Training};
use ufmin::report::view::View;
use ufmin::solve::{Options, Solved};
use ufmin::study::Journal;
use ufmin::study::landscape::{
    self, EndKind, Landscape, Level, SearchSettings, VerifyReport, check_gradient, check_hessian,
};

use crate::common::{anchored, problem, problem_of, program, run as ufmin, solved, without_seconds};

fn optimum(problem: &Problem) -> Solved {
    let optimum = solved(problem);
    assert!(optimum.is_certified());
    optimum
}

fn search(problem: &Problem, dimension: u64, level: Level, starts: u64) -> Landscape {
    let settings = SearchSettings {
        starts,
        level,
        ..SearchSettings::default()
    };
    landscape::verify(
        problem,
        &optimum(problem),
        dimension,
        &settings,
        None,
        &Control::default(),
    )
    .unwrap()
}

/// Every start ends in the certified optimum.
fn benign(problem: &Problem, dimension: u64, level: Level, starts: u64) {
    let found = search(problem, dimension, level, starts);
    let model = problem.model();
    let what = format!(
        "{:?} {} tau {} d {dimension}",
        problem.classes(),
        model.training.loss(),
        model.temperature
    );
    assert_eq!(
        (found.global(), found.spurious(), found.saddles()),
        (starts, 0, 0),
        "{what}"
    );
    assert_eq!(found.minima.len(), 1, "{what}");
    assert!(found.attainable && found.passes(), "{what}");
    for run in &found.runs {
        assert!(run.relative_gap.abs() < 1e-9, "{what}: gap {}", run.relative_gap);
        assert!(run.gram_distance < 1e-5, "{what}: Gram distance {}", run.gram_distance);
        assert!(run.min_eigenvalue > -1e-6, "{what}: curvature {}", run.min_eigenvalue);
        match level {
            Level::Class => assert_eq!(run.nc1, None),
            Level::Sample => assert!(run.nc1.unwrap() < 1e-8, "{what}: collapse {:?}", run.nc1),
        }
    }
    assert!(
        found.worst_procrustes.unwrap() < 1e-4,
        "{what}: {:?}",
        found.worst_procrustes
    );
}

#[test]
fn five_unequal_classes_in_the_plane_have_a_minimum_for_every_cyclic_order() {
    let problem = problem(&[50, 20, 10, 5, 3], FullBatchLoss::Supcon, 0.3);
    let found = search(&problem, 2, Level::Class, 200);
    assert_eq!(found.converged(), 200);
    assert_eq!(found.minima.len(), 12);
    // THEORY 7.
    let losses: Vec<f64> = found.minima.iter().map(|minimum| minimum.loss).collect();
    assert!(
        (losses[0] - 3.3647616).abs() < 5e-8 && (losses[11] - 3.3780770).abs() < 5e-8,
        "{losses:?}"
    );
    assert_eq!(found.minima.iter().map(|minimum| minimum.count).sum::<u64>(), 200);
    assert!(!found.attainable && !found.passes());
    assert_eq!(found.global(), found.minima[0].count);
    // Each is another order around the circle.
    let mut orders: Vec<Vec<usize>> = found
        .minima
        .iter()
        .map(|minimum| cyclic_order(&found.runs[minimum.first as usize].means))
        .collect();
    orders.sort();
    orders.dedup();
    assert_eq!(orders.len(), 12);
    // In d = 4 = k - 1 there is one left, the optimum of the relaxation.
    benign(&problem, 4, Level::Class, 50);
    let middle = search(&problem, 3, Level::Class, 100);
    assert!((middle.minima[0].loss - 3.3075851).abs() < 5e-8);
    assert!(middle.minima.len() > 1 && middle.converged() == 100);
}

/// Class 0 first, and its neighbour of smaller number second.
fn cyclic_order(means: &[Vec<f64>]) -> Vec<usize> {
    let angle = |mean: &Vec<f64>| mean[1].atan2(mean[0]);
    let mut order: Vec<usize> = (0..means.len()).collect();
    order.sort_by(|&i, &j| angle(&means[i]).total_cmp(&angle(&means[j])));
    let first = order.iter().position(|&class| class == 0).unwrap();
    order.rotate_left(first);
    if order[1] > order[order.len() - 1] {
        order[1..].reverse();
    }
    order
}

#[test]
fn small_counts_of_cyclic_orders() {
    for (sizes, orders) in [(vec![9, 5, 3], 1), (vec![12, 8, 5, 3], 3)] {
        let problem = problem(&sizes, FullBatchLoss::Supcon, 0.3);
        let found = search(&problem, 2, Level::Class, 100);
        assert_eq!((found.converged(), found.minima.len()), (100, orders), "{sizes:?}");
    }
    // Classes of equal size may be exchanged: one order of four.
    let balanced = problem(&[4; 4], FullBatchLoss::Supcon, 0.3);
    assert_eq!(search(&balanced, 2, Level::Class, 50).minima.len(), 1);
}

#[test]
fn step_imbalance_has_no_spurious_minimum_beyond_k_dimensions() {
    for temperature in [0.1, 0.5, 1.0] {
        benign(
            &problem(&[12, 12, 3, 3], FullBatchLoss::Supcon, temperature),
            5,
            Level::Sample,
            12,
        );
    }
}

#[test]
fn long_tails_have_no_spurious_minimum_beyond_k_dimensions() {
    for temperature in [0.1, 0.5, 1.0] {
        benign(
            &problem(&[16, 9, 5, 3, 2], FullBatchLoss::Supcon, temperature),
            6,
            Level::Sample,
            12,
        );
    }
}

#[test]
fn every_loss_is_benign() {
    for loss in FullBatchLoss::ALL {
        for anchors in [Anchors::Sample, Anchors::Class] {
            benign(&problem(&[8, 4, 2], anchored(loss, anchors), 0.3), 4, Level::Sample, 6);
            benign(
                &problem(&[80, 40, 30, 2], anchored(loss, anchors), 0.3),
                3,
                Level::Class,
                6,
            );
        }
    }
}

/// Minority collapse: the two small classes share one vector, and the optimum has rank two.
#[test]
fn collapsed_minorities_are_found_from_every_start() {
    benign(
        &problem(&[100, 100, 1000, 2, 2], FullBatchLoss::Supcon, 1.0),
        4,
        Level::Class,
        30,
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Held-out sizes: d >= k - 1 suffices at class level.
    #[test]
    fn class_level_is_benign_from_k_minus_one_dimensions(
        sizes in proptest::collection::vec(2u64..400, 2..8),
        temperature in 0.08f64..1.5,
        more in 0u64..3,
    ) {
        let problem = problem(&sizes, FullBatchLoss::Supcon, temperature);
        let dimension = sizes.len() as u64 - 1 + more;
        prop_assume!(dimension >= 2);
        let found = search(&problem, dimension, Level::Class, 8);
        prop_assert_eq!((found.global(), found.minima.len()), (8, 1), "{:?} tau {}", sizes, temperature);
    }
}

struct Wrong<C> {
    cost: C,
    gradient: f64,
    hessian: f64,
}

impl<C: Cost> Cost for Wrong<C> {
    type Point = C::Point;

    fn evaluate(&self, h: &DMatrix<f64>) -> C::Point {
        self.cost.evaluate(h)
    }

    fn value(&self, at: &C::Point) -> f64 {
        self.cost.value(at)
    }

    fn gradient(&self, h: &DMatrix<f64>, at: &C::Point) -> DMatrix<f64> {
        self.cost.gradient(h, at) * self.gradient
    }

    fn hessian_product(&self, h: &DMatrix<f64>, at: &C::Point, direction: &DMatrix<f64>) -> DMatrix<f64> {
        self.cost.hessian_product(h, at, direction) * self.hessian
    }

    fn scale(&self, at: &C::Point) -> f64 {
        self.cost.scale(at)
    }
}

#[test]
fn checkers_measure_slopes_two_and_three_and_see_mistakes() {
    let mut generator = ChaCha8Rng::seed_from_u64(7);
    for loss in FullBatchLoss::ALL {
        let problem = problem(&[4, 3, 2], anchored(loss, Anchors::Class), 0.4);
        let samples = SampleLoss::new(&problem).unwrap();
        let program = program(&problem);
        let classes = program.class_level();
        let h = oblique::random(&mut generator, 4, 9);
        let u = oblique::random(&mut generator, 4, 9);
        slopes(&Factored::new(&samples, 0.0), &h, &u, loss);
        slopes(
            &Factored::new(&classes, 0.0),
            &h.columns(0, 3).into_owned(),
            &u.columns(0, 3).into_owned(),
            loss,
        );
    }
}

fn slopes<C: Cost>(cost: &C, h: &DMatrix<f64>, u: &DMatrix<f64>, loss: FullBatchLoss) {
    let first = check_gradient(cost, h, u);
    let second = check_hessian(cost, h, u);
    assert!(
        (first.slope - 2.0).abs() < 0.1,
        "{loss}: gradient slope {}",
        first.slope
    );
    assert!(
        (second.slope - 3.0).abs() < 0.15,
        "{loss}: Hessian slope {}",
        second.slope
    );
    assert_eq!((first.steps.len(), first.errors.len()), (81, 81));
    let wrong = |gradient, hessian| Wrong {
        cost: Borrowed(cost),
        gradient,
        hessian,
    };
    let mistaken = check_gradient(&wrong(1.01, 1.0), h, u).slope;
    assert!(
        (mistaken - 1.0).abs() < 0.1,
        "{loss}: slope {mistaken} with a wrong gradient"
    );
    let mistaken = check_hessian(&wrong(1.0, 1.01), h, u).slope;
    assert!(
        (mistaken - 2.0).abs() < 0.1,
        "{loss}: slope {mistaken} with a wrong Hessian"
    );
}

struct Borrowed<'a, C>(&'a C);

impl<C: Cost> Cost for Borrowed<'_, C> {
    type Point = C::Point;

    fn evaluate(&self, h: &DMatrix<f64>) -> C::Point {
        self.0.evaluate(h)
    }

    fn value(&self, at: &C::Point) -> f64 {
        self.0.value(at)
    }

    fn gradient(&self, h: &DMatrix<f64>, at: &C::Point) -> DMatrix<f64> {
        self.0.gradient(h, at)
    }

    fn hessian_product(&self, h: &DMatrix<f64>, at: &C::Point, direction: &DMatrix<f64>) -> DMatrix<f64> {
        self.0.hessian_product(h, at, direction)
    }

    fn scale(&self, at: &C::Point) -> f64 {
        self.0.scale(at)
    }
}

/// Stopped after some starts by its caller, a search goes on to the same end.
#[test]
fn an_interrupted_search_goes_on_to_the_same_report() {
    let problem = problem(&[10, 6, 3], FullBatchLoss::Supcon, 0.3);
    let solved = optimum(&problem);
    let settings = SearchSettings {
        starts: 24,
        ..SearchSettings::default()
    };
    let report = |found: &Landscape| {
        VerifyReport::new(&problem, &solved, &settings, found, 0.0)
            .unwrap()
            .to_json()
    };
    let whole = landscape::verify(&problem, &solved, 4, &settings, None, &Control::default()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let identity = landscape::identity(&problem, &Options::default(), &settings);
    let mut interruptions = 0;
    let resumed = loop {
        let journal = Journal::open(folder.path(), &identity).unwrap();
        let before = journal.finished();
        let flag = Arc::new(AtomicBool::new(false));
        let raised = Arc::clone(&flag);
        let control = Control::with_interrupt(flag).with_observer(move |progress| {
            assert_eq!((progress.stage.as_str(), progress.total), ("starts", Some(24)));
            if progress.iterations >= before + 7 {
                raised.store(true, Ordering::Relaxed);
            }
        });
        let found = landscape::verify(&problem, &solved, 4, &settings, Some(&journal), &control).unwrap();
        let Some(stop) = Landscape::stop(std::slice::from_ref(&found)) else {
            break found;
        };
        assert!(stop.done >= before + 7 && stop.done < 24 && stop.total == 24);
        assert_eq!(found.runs.len() as u64, stop.done);
        // What is finished is the same as in the end.
        assert!(found.runs.iter().all(|run| *run == whole.runs[run.index as usize]));
        let report = VerifyReport::new(&problem, &solved, &settings, &found, 0.0).unwrap();
        assert!(!report.complete && !report.passes() && report.verdict == "incomplete");
        assert_eq!(report.starts, stop.done);
        let hint = stop.error(Some(journal.path())).hint().unwrap();
        assert!(
            hint.contains("journal.jsonl") && hint.contains("the same command"),
            "{hint}"
        );
        interruptions += 1;
    };
    assert!(interruptions >= 2);
    assert_eq!(resumed.runs, whole.runs);
    assert_eq!(report(&resumed), report(&whole));
    // Without a journal, the remedy is to ask for one.
    let flag = Arc::new(AtomicBool::new(true));
    let nothing = landscape::verify(&problem, &solved, 4, &settings, None, &Control::with_interrupt(flag)).unwrap();
    let error = Landscape::stop(&[nothing]).unwrap().error(None);
    assert!(error.to_string().contains("0 of 24 starts") && error.hint().unwrap().contains("output DIR"));
}

fn parsed(bytes: &[u8]) -> Value {
    let mut value = serde_json::from_slice(bytes).unwrap();
    without_seconds(&mut value);
    value
}

const SMALL: [&str; 8] = [
    "verify",
    "--sizes",
    "10,6,3",
    "--temperature",
    "0.3",
    "--starts",
    "12",
    "--format=json",
];

#[test]
fn threads_do_not_change_the_result() {
    let folder = tempfile::tempdir().unwrap();
    let with = |threads: &str| {
        let output = ufmin(folder.path(), &[&SMALL[..], &["--threads", threads]].concat());
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        assert!(output.stderr.is_empty());
        parsed(&output.stdout)
    };
    let one = with("1");
    assert_eq!(one, with("2"));
    assert_eq!(one, with("5"));
    assert_eq!(one["schema"], "ufmin/verify/1");
    for (key, value) in [
        ("starts", 12),
        ("converged", 12),
        ("global", 12),
        ("spurious", 0),
        ("saddles", 0),
    ] {
        assert_eq!(one[key], value, "{key}");
    }
    assert_eq!(one["dimension"], 4);
    assert_eq!(one["seed"], 0);
    assert_eq!(one["runs"].as_array().unwrap().len(), 12);
    assert_eq!(one["verdict"], "no-spurious-minimum");
    // Another seed is another set of starts, with the same verdict.
    let other = parsed(&ufmin(folder.path(), &[&SMALL[..], &["--seed", "1"]].concat()).stdout);
    assert_ne!(one["runs"], other["runs"]);
    assert_eq!(one["verdict"], other["verdict"]);
}

#[test]
fn an_output_folder_holds_everything_and_is_gone_on_from() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = [&SMALL[..], &["--output", "out"]].concat();
    let first = ufmin(folder.path(), &arguments);
    assert_eq!(first.status.code(), Some(0), "{first:?}");
    let out = folder.path().join("out");
    for name in [
        "result.json",
        "gaps.png",
        "gaps.svg",
        "traces.png",
        "traces.svg",
        "gram.png",
        "gram.svg",
    ] {
        assert!(out.join(name).exists(), "{name}");
    }
    assert_eq!(
        parsed(&std::fs::read(out.join("result.json")).unwrap()),
        parsed(&first.stdout)
    );
    let worst = ufmin::files::npy::read_matrix(&out.join("worst.npy")).unwrap();
    assert_eq!(worst.shape(), (4, 19));
    assert!(worst.column_iter().all(|column| (column.norm() - 1.0).abs() < 1e-12));
    // The first five starts, and a part of the sixth: as after a power failure.
    let journal = out.join("journal.jsonl");
    let text = std::fs::read_to_string(&journal).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 13);
    let cut = format!("{}\n{}", lines[..6].join("\n"), &lines[6][..40]);
    std::fs::write(&journal, cut).unwrap();
    let resumed = ufmin(folder.path(), &arguments);
    assert_eq!(parsed(&resumed.stdout), parsed(&first.stdout));
    assert_eq!(std::fs::read_to_string(&journal).unwrap().lines().count(), 13);
    // More starts: the old ones count.
    let mut more = arguments.clone();
    more[6] = "14";
    let extended = parsed(&ufmin(folder.path(), &more).stdout);
    assert_eq!(extended["starts"], 14);
    assert_eq!(extended["runs"][3], parsed(&first.stdout)["runs"][3]);
}

#[test]
fn a_folder_of_another_search_is_refused_and_so_is_a_damaged_one() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = [&SMALL[..], &["--output", "out"]].concat();
    assert_eq!(ufmin(folder.path(), &arguments).status.code(), Some(0));
    let refusal = |arguments: &[&str], needles: &[&str]| {
        let output = ufmin(folder.path(), arguments);
        let errors = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{errors}");
        assert!(output.stdout.is_empty());
        for needle in needles.iter().chain(&["journal.jsonl, line", "remove this file"]) {
            assert!(errors.contains(needle), "{needle} is not in {errors}");
        }
    };
    for (more, needle) in [
        (["--seed", "1"], "`seed` is 0, not 1"),
        (["--level", "class"], "`level` is"),
        (["--loss", "sincere"], "`loss` is"),
        (["--views", "2"], "`views` is 1, not 2"),
    ] {
        refusal(&[&arguments[..], &more].concat(), &["another study", needle]);
    }
    let journal = folder.path().join("out/journal.jsonl");
    let good = std::fs::read_to_string(&journal).unwrap();
    let line = good.lines().nth(2).unwrap();
    let changed = line.replacen("\"escapes\":0", "\"escapes\":1", 1);
    assert_ne!(line, changed);
    for (bad, needle) in [
        ("not JSON\n".to_owned(), "it is not a journal"),
        ("[]\n".to_owned(), "no object"),
        ("\u{0}\u{0}\n".to_owned(), "it is not a journal"),
        (format!("{good}{{\"point\": 3}}\n"), "line 14: it is not the row"),
        (
            good.replacen("\"means\":[[", "\"means\":[[0.5,", 1),
            "line 2: its class means have another shape",
        ),
        (format!("{good}{changed}\n"), "line 14: it differs from line 3"),
    ] {
        std::fs::write(&journal, bad).unwrap();
        refusal(&arguments, &[needle]);
    }
    // Nothing but a beginning of a first line is no journal yet.
    std::fs::write(&journal, "{\"sch").unwrap();
    assert_eq!(ufmin(folder.path(), &arguments).status.code(), Some(0));
}

#[test]
fn a_sweep_tabulates_dimensions_and_exit_statuses_tell() {
    let folder = tempfile::tempdir().unwrap();
    let sizes = [
        "verify",
        "--sizes",
        "50,20,10,5,3",
        "--temperature",
        "0.3",
        "--level",
        "class",
        "--starts",
        "60",
    ];
    let sweep = ufmin(
        folder.path(),
        &[&sizes[..], &["--dimension", "2..5", "--format", "json", "-o", "out"]].concat(),
    );
    assert_eq!(sweep.status.code(), Some(1));
    let sweep = parsed(&sweep.stdout);
    assert_eq!(sweep["schema"], "ufmin/verify-sweep/1");
    let rows = sweep["rows"].as_array().unwrap();
    let of = |key: &str| rows.iter().map(|row| row[key].clone()).collect::<Vec<_>>();
    assert_eq!(of("dimension"), [2, 3, 4, 5]);
    assert_eq!(rows[0]["distinct_minima"].as_array().unwrap().len(), 12);
    assert_eq!(
        (rows[2]["spurious"].clone(), rows[3]["global"].clone()),
        (0.into(), 60.into())
    );
    assert!(rows.iter().all(|row| row.get("runs").is_none()));
    assert!(folder.path().join("out/sweep.png").exists() && folder.path().join("out/journal.jsonl").exists());
    let text = |more: &[&str]| {
        let output = ufmin(folder.path(), &[&sizes[..], more].concat());
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    let (status, shown) = text(&["--dimension", "2"]);
    assert_eq!(status, Some(1));
    assert!(
        shown.contains("SPURIOUS LOCAL MINIMA") && shown.contains("in 11 minima"),
        "{shown}"
    );
    let (status, shown) = text(&["--dimension", "4"]);
    assert_eq!(status, Some(0));
    assert!(shown.contains("NO SPURIOUS LOCAL MINIMUM in 60 starts"), "{shown}");
    let (status, shown) = text(&["--dimension", "4..6"]);
    assert_eq!(status, Some(0));
    assert!(shown.contains("NO SPURIOUS LOCAL MINIMUM in any"), "{shown}");
    assert_eq!(text(&["--dimension", "4", "--quiet"]), (Some(0), String::new()));
}

#[test]
fn what_cannot_be_searched_is_refused_with_a_remedy() {
    let folder = tempfile::tempdir().unwrap();
    for (arguments, needles) in [
        (
            &["--sizes", "5000,500"][..],
            &["landscape of 5500 samples", "--level class"][..],
        ),
        (
            &["--sizes", "1000,500", "--dimension", "900"],
            &["in 900 dimensions", "--level class"],
        ),
        (
            &["--sizes", "10,10", "--nonnegative"],
            &["nonnegative", "orthogonal frame"],
        ),
        (&["--sizes", "10,10", "--starts", "0"], &["--starts", "at least 1"]),
        (&["--sizes", "10,10", "--seed", "-1"], &["--seed", "at least 0"]),
        (&["--sizes", "10,10", "--dimension", "0"], &["dimension"]),
        (
            &["--sizes", "10,10", "--dimension", "5..2"],
            &["range of dimensions", "2..8"],
        ),
        (&["--sizes", "10,10", "--dimension", "0..2"], &["range of dimensions"]),
        (&["--sizes", "10,10", "--dimension", "2..x"], &["range of dimensions"]),
        (
            &["--probabilities", "0.5,0.5", "--loss", "population"],
            &["sample level", "--level class"],
        ),
        (
            &["--sizes", "10,10", "--temperature", "0.001"],
            &["temperature 0.001", "--level class"],
        ),
        (
            &["--sizes", "20,10,5", "--batch-size", "8"],
            &["sample level of random batches", "--level class"],
        ),
    ] {
        let output = ufmin(folder.path(), &[&["verify"][..], arguments].concat());
        let errors = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {errors}");
        for needle in needles {
            assert!(errors.contains(needle), "{arguments:?}: {needle} is not in {errors}");
        }
    }
    let output = ufmin(folder.path(), &["solve", "--sizes", "10,10", "--dimension", "2..3"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8(output.stderr).unwrap().contains("ufmin verify"));
    // Class level has neither limit.
    for arguments in [
        &["--probabilities", "0.5,0.3,0.2", "--loss", "population"][..],
        &["--sizes", "100,10,10", "--temperature", "0.002"],
        &["--sizes", "20,10,5", "--batch-size", "8", "--temperature", "0.5"],
        &["--probabilities", "0.5,0.3,0.2", "--loss", "nce", "--negatives", "5"],
    ] {
        let all = [&["verify", "--level", "class", "--starts", "5"][..], arguments].concat();
        let output = ufmin(folder.path(), &all);
        assert_eq!(output.status.code(), Some(0), "{output:?}");
    }
}

/// The dimension of a problem file is the default.
#[test]
fn a_problem_file_gives_the_dimension() {
    let folder = tempfile::tempdir().unwrap();
    let text = "[classes]\nsizes = [9, 6, 4]\n[loss]\ntemperature = 0.5\n[features]\ndimension = 6\n";
    std::fs::write(folder.path().join("p.toml"), text).unwrap();
    let output = ufmin(
        folder.path(),
        &["verify", "p.toml", "--starts", "3", "--format", "json"],
    );
    assert_eq!(parsed(&output.stdout)["dimension"], 6);
    let output = ufmin(
        folder.path(),
        &[
            "verify",
            "p.toml",
            "--starts",
            "3",
            "--format",
            "json",
            "--dimension",
            "2..3",
        ],
    );
    assert_eq!(parsed(&output.stdout)["rows"][1]["problem"]["dimension"], 3);
}

/// Singletons that are no anchors are negatives still.
#[test]
fn skipped_classes_are_negatives() {
    let model = Model {
        temperature: 0.5,
        training: Training::full_batch(FullBatch {
            singletons: Singletons::Skip,
            ..FullBatch::default()
        }),
        ..Model::default()
    };
    let problem = problem_of(&[6, 4, 1], model);
    let found = search(&problem, 4, Level::Sample, 10);
    assert_eq!(found.global(), 10);
    assert!(found.runs.iter().all(|run| run.kind == EndKind::Minimum));
}
