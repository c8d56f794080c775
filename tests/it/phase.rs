//! Phase boundaries against stored thresholds, and against the exact solver and the certificate on both sides.

use std::path::Path;

use proptest::prelude::*;
use ufmin::certificate::Verdict;
use ufmin::math::control::Control;
use ufmin::method::newton::{self, NewtonOutcome};
use ufmin::plot::{Body, Format, Mark};
use ufmin::problem::profile::Profile;
use ufmin::problem::{
    Anchors, BatchLoss, Classes, Features, FullBatch, FullBatchLoss, Model, Problem, Run, Sampling, Training,
};
use ufmin::report::view::{Style, View};
use ufmin::study::phase::{
    Family, Never, Phase, ScanSettings, Vary, coefficients, grid, over_draws, over_ratio, over_temperature, text,
};

use crate::common::{full_batch, model, problem_of, run, solved};

fn step(majority: u64, minority: u64, smallest: u64) -> Family {
    let profile = Profile::Step {
        majority,
        minority,
        smallest,
        ratio: 100.0,
    };
    Family::of_profile(profile).unwrap()
}

fn ratio_phase(family: &Family, model: &Model) -> Phase {
    over_ratio(family, model, &ScanSettings::default(), None, &Control::default()).unwrap()
}

/// Number of classes that share a vector, by the solver alone; `None` where it is silent.
fn collapsed_classes(family: &Family, model: &Model, ratio: f64, temperature: f64) -> Option<f64> {
    let full = full_batch(model);
    let coefficients = coefficients(family, &full, model.views, ratio, temperature);
    match newton::solve(&coefficients, &newton::NewtonSettings::default(), &|| false) {
        NewtonOutcome::Regular(_) => Some(0.0),
        NewtonOutcome::Merged { merging, .. } => {
            let groups = merging.clusters.iter().flatten();
            Some(groups.map(|&g| coefficients.multiplicity[g]).sum())
        }
        NewtonOutcome::Unresolved { .. } => None,
    }
}

/// tests/reference/step_check.txt, computed in Python by another root finder from THEORY (9) and its neighbours.
#[test]
fn thresholds_of_step_are_those_of_the_reference() {
    for (loss, majority, minority, temperature, expected, tolerance) in [
        (FullBatchLoss::Supcon, 2, 2, 1.0, 142.56968681, 1e-10),
        (FullBatchLoss::Sincere, 2, 2, 1.0, 9.3791399938, 1e-10),
        (FullBatchLoss::Nscl, 2, 2, 1.0, 8.9761056003, 1e-10),
        (FullBatchLoss::Supcon, 1, 2, 1.0, 24.39135321, 1e-9),
        (FullBatchLoss::Supcon, 1, 4, 0.5, 425.0985143, 1e-9),
        (FullBatchLoss::Supcon, 3, 2, 0.2, 20801.794, 1e-7),
        (FullBatchLoss::Supcon, 5, 2, 0.08, 24650270.0, 1e-7),
    ] {
        let family = step(majority, minority, 10);
        let phase = ratio_phase(&family, &model(loss, temperature));
        let found = phase.threshold.unwrap();
        assert!(
            (found / expected - 1.0).abs() < tolerance,
            "{loss} {majority} {minority} {temperature}: {found} {expected}"
        );
        assert!(!phase.never);
        assert_eq!(phase.collapsed, [(majority..majority + minority).collect::<Vec<u64>>()]);
        for neighbour in &phase.certified {
            assert_eq!(
                neighbour.verdict,
                Verdict::Certified,
                "{loss} {temperature}: {neighbour:?}"
            );
            assert_eq!(
                neighbour.collapsed,
                neighbour.ratio > found,
                "{loss} {temperature}: {neighbour:?}"
            );
        }
        assert_eq!(phase.certified.len(), if 10.0 * found >= 1000.0 { 2 } else { 0 });
    }
}

/// THEORY 4's closed form for one majority class, with `e = exp(-2/tau)`, in the limit of many samples: population.
#[test]
fn one_majority_class_has_a_closed_form() {
    for (minority, temperature) in [(2_u64, 1.0), (4, 0.5), (7, 0.3), (3, 5.0)] {
        let e = f64::exp(-2.0 / temperature);
        let b = 2.0 - e * (1.0 + e);
        let expected = minority as f64 * (b + (b * b + 8.0 * e * e * (1.0 + e)).sqrt()) / (2.0 * e * (1.0 + e));
        let found = ratio_phase(&step(1, minority, 10), &model(FullBatchLoss::Population, temperature)).threshold;
        match found {
            Some(found) => assert!(
                (found / expected - 1.0).abs() < 1e-11,
                "{minority} {temperature}: {found} {expected}"
            ),
            None => assert!(expected <= 1.0, "{minority} {temperature}: none, {expected}"),
        }
    }
}

#[test]
fn never_is_said_where_theory_says_it() {
    let phase = ratio_phase(&step(3, 2, 10), &model(FullBatchLoss::Supcon, 0.3));
    assert!(phase.never && phase.threshold.is_none() && phase.collapsed.is_empty() && phase.intervals.is_empty());
    // A scan and a limit are no proof for every ratio, and the answer says what was looked at.
    assert_eq!(phase.never_because, Some(Never::ScanAndLimit));
    assert!(!Never::ScanAndLimit.is_theorem());
    assert!((phase.limit.unwrap() - 0.818_776_1).abs() < 1e-7);
    assert!(phase.scanned >= 400);
    let said = text(&phase, Style::default());
    let expected = format!("none of the {} ratios scanned from 1 to 1000000000", phase.scanned);
    assert!(
        said.contains(&expected) && said.contains("the limit of large ratios"),
        "{said}"
    );
    assert!(
        said.contains("is 0.818776") && !said.contains("no ratio collapses"),
        "{said}"
    );
    // One small class, two classes, and the loss that does not see imbalance: theorems.
    let balanced = Model {
        training: Training::full_batch(FullBatch {
            anchors: Anchors::Class,
            ..FullBatchLoss::Bcl.into()
        }),
        ..model(FullBatchLoss::Bcl, 0.3)
    };
    let relu = Model {
        features: Features {
            nonnegative: true,
            ..Features::default()
        },
        ..model(FullBatchLoss::Sincere, 0.3)
    };
    for (family, model, because) in [
        (step(4, 1, 10), model(FullBatchLoss::Supcon, 0.3), Never::OneSmallClass),
        (step(1, 1, 10), model(FullBatchLoss::Sincere, 0.3), Never::TwoClasses),
        (step(2, 5, 10), balanced, Never::BalancedLoss),
        (step(2, 5, 10), relu, Never::NonnegativeFeatures),
    ] {
        let phase = ratio_phase(&family, &model);
        assert!(phase.never && phase.never_because == Some(because) && because.is_theorem());
        assert!(
            text(&phase, Style::default()).contains("no ratio collapses any classes: "),
            "{}",
            text(&phase, Style::default())
        );
    }
    // Just below tau*(3) = 0.20505036 it happens; a limit in front of the threshold is not "never".
    let short = ScanSettings {
        ratios: (1.0, 20_000.0),
        ..ScanSettings::default()
    };
    let phase = over_ratio(
        &step(3, 2, 10),
        &model(FullBatchLoss::Supcon, 0.2),
        &short,
        None,
        &Control::default(),
    )
    .unwrap();
    assert!(!phase.never && phase.never_because.is_none() && phase.threshold.is_none());
    assert_eq!(phase.limit, Some(1.0));
    let expected = format!("at any of the {} ratios scanned from 1 to 20000", phase.scanned);
    assert!(
        text(&phase, Style::default()).contains(&expected),
        "{}",
        text(&phase, Style::default())
    );
}

#[test]
fn the_collapsed_temperatures_are_an_interval_that_is_not_a_half_line() {
    let profile = Profile::Step {
        majority: 2,
        minority: 2,
        smallest: 10,
        ratio: 135.0,
    };
    let family = Family::of_profile(profile).unwrap();
    let model = model(FullBatchLoss::Supcon, 0.1);
    let phase = over_temperature(&family, &model, &ScanSettings::default(), None, &Control::default()).unwrap();
    assert_eq!(phase.intervals.len(), 1, "{:?}", phase.intervals);
    let [low, high] = phase.intervals[0];
    assert!(
        (low - 0.49218865).abs() < 1e-8 && (high - 0.95131231).abs() < 1e-8,
        "{low} {high}"
    );
    assert_eq!(phase.collapsed, [[2, 3]]);
    for (temperature, expected) in [
        (0.4, 0.0),
        (low - 1e-7, 0.0),
        (low + 1e-7, 2.0),
        (high - 1e-7, 2.0),
        (high + 1e-7, 0.0),
    ] {
        assert_eq!(
            collapsed_classes(&family, &model, 135.0, temperature),
            Some(expected),
            "{temperature}"
        );
    }
    // The interval shrinks to nothing as the ratio falls; between two points of a coarse scan it is found all the same.
    let profile = Profile::Step {
        majority: 2,
        minority: 2,
        smallest: 10,
        ratio: 125.2,
    };
    let coarse = ScanSettings {
        points: 40,
        ..ScanSettings::default()
    };
    let family = Family::of_profile(profile).unwrap();
    let fine = over_temperature(&family, &model, &ScanSettings::default(), None, &Control::default()).unwrap();
    let found = over_temperature(&family, &model, &coarse, None, &Control::default()).unwrap();
    assert_eq!(found.intervals.len(), fine.intervals.len());
    for (a, b) in found.intervals.iter().flatten().zip(fine.intervals.iter().flatten()) {
        assert!((a / b - 1.0).abs() < 1e-9, "{a} {b}");
    }
}

/// Sizes so large that rounding them to whole samples moves nothing: the certificate decides on both sides.
#[test]
fn thresholds_of_unequal_sizes_are_certified_just_below_and_above() {
    let explicit = |sizes: &[u64]| {
        let problem = problem_of(sizes, Model::default());
        Family::of_problem(&problem)
    };
    let million = 1_000_000_u64;
    for (family, temperature) in [
        (
            explicit(&[50 * million, 20 * million, 10 * million, 3 * million, million]),
            1.0,
        ),
        (explicit(&[3 * million, 90 * million, million, 80 * million]), 0.5),
        (
            explicit(&[9 * million, 9 * million, 3 * million, million, million, million]),
            0.7,
        ),
        (
            Family::of_profile(Profile::Exponential {
                count: 8,
                largest: 100 * million,
                ratio: 100.0,
            })
            .unwrap(),
            1.0,
        ),
        (
            Family::of_profile(Profile::Pareto {
                count: 6,
                largest: 100 * million,
                ratio: 100.0,
            })
            .unwrap(),
            2.0,
        ),
    ] {
        let model = model(FullBatchLoss::Supcon, temperature);
        let phase = ratio_phase(&family, &model);
        let threshold = phase.threshold.unwrap();
        assert!(threshold > 1.0 && phase.collapsed.len() == 1, "{phase:?}");
        for (side, expected) in [(1.0 - 1e-4, false), (1.0 + 1e-4, true)] {
            let mut sizes = vec![0.0; family.classes() as usize];
            for (group, size) in family.sizes(threshold * side).into_iter().enumerate() {
                for class in family.members(&[group]) {
                    sizes[class as usize] = size.round();
                }
            }
            let runs = sizes.iter().map(|&size| Run { size, count: 1 });
            let problem = Problem::new(Classes::from_runs(runs).unwrap(), model.clone()).unwrap();
            let solved = solved(&problem);
            assert!(solved.is_certified(), "{threshold} {side}");
            let collapsed: Vec<Vec<u64>> = (solved.solution.clusters.iter())
                .map(|groups| {
                    let members = solved.certificate.gram.partition().members();
                    let mut classes: Vec<u64> = groups.iter().flat_map(|&g| members[g].clone()).collect();
                    classes.sort_unstable();
                    classes
                })
                .collect();
            assert_eq!(
                collapsed,
                if expected { phase.collapsed.clone() } else { Vec::new() },
                "{threshold} {side}"
            );
        }
    }
}

#[test]
fn explicit_sizes_and_profiles_are_the_same_family() {
    let sizes = |n: &[u64]| {
        let model = model(FullBatchLoss::Supcon, 1.0);
        let problem = problem_of(n, model.clone());
        ratio_phase(&Family::of_problem(&problem), &model)
    };
    // STEP from two sizes, whatever their ratio, in any order.
    let (a, b) = (
        sizes(&[70, 10, 70, 10]),
        ratio_phase(&step(2, 2, 10), &model(FullBatchLoss::Supcon, 1.0)),
    );
    assert!((a.threshold.unwrap() / b.threshold.unwrap() - 1.0).abs() < 1e-12);
    assert_eq!((a.collapsed, b.collapsed), (vec![vec![1, 3]], vec![vec![2, 3]]));
    // Powers of a geometric sequence are geometric: the exponential profile.
    let a = sizes(&[80, 40, 20, 10]);
    let exponential = Profile::Exponential {
        count: 4,
        largest: 1000,
        ratio: 100.0,
    };
    let b = ratio_phase(
        &Family::of_profile(exponential).unwrap(),
        &model(FullBatchLoss::Supcon, 1.0),
    );
    assert!((a.threshold.unwrap() / b.threshold.unwrap() - 1.0).abs() < 1e-11);
    assert_eq!(a.collapsed, b.collapsed);
}

#[test]
fn a_population_needs_no_scale() {
    let model = model(FullBatchLoss::Population, 0.8);
    let classes = Classes::from_probabilities(&[0.4, 0.4, 0.1, 0.1]).unwrap();
    let problem = Problem::new(classes, model.clone()).unwrap();
    let probabilities = ratio_phase(&Family::of_problem(&problem), &model).threshold.unwrap();
    let counts = ratio_phase(&step(2, 2, 10), &model).threshold.unwrap();
    assert!((probabilities / counts - 1.0).abs() < 1e-11, "{probabilities} {counts}");
}

#[test]
fn what_has_no_phases_is_refused_with_a_remedy() {
    let control = Control::default();
    let default = ScanSettings::default();
    let equal = problem_of(&[10, 10, 10], Model::default());
    let family = Family::of_problem(&equal);
    let error = over_ratio(&family, equal.model(), &default, None, &control).unwrap_err();
    assert!(error.hint().unwrap().contains("two or more sizes"), "{error}");
    assert!(
        over_temperature(&family, equal.model(), &default, None, &control)
            .unwrap()
            .never
    );
    for settings in [
        ScanSettings {
            ratios: (0.5, 10.0),
            ..default
        },
        ScanSettings {
            ratios: (10.0, 10.0),
            ..default
        },
        ScanSettings {
            temperatures: (f64::NAN, 1.0),
            ..default
        },
        ScanSettings { points: 2, ..default },
    ] {
        assert!(
            over_ratio(&step(2, 2, 10), &Model::default(), &settings, None, &control).is_err(),
            "{settings:?}"
        );
    }
    let stop = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(true));
    let stopped = over_ratio(
        &step(2, 2, 10),
        &Model::default(),
        &default,
        None,
        &Control::with_interrupt(stop),
    );
    let stopped = stopped.unwrap();
    assert!(!stopped.complete && stopped.scanned == 0 && stopped.threshold.is_none());
    assert!(matches!(stopped.stop, Some(stop) if stop.done == 0 && stop.total == 400));
}

#[test]
fn the_diagram_agrees_with_the_lines_through_it() {
    let (family, model) = (step(2, 2, 10), model(FullBatchLoss::Supcon, 0.1));
    let settings = grid::GridSettings {
        points: (13, 11),
        ratios: (50.0, 400.0),
        temperatures: (0.3, 1.5),
    };
    let found = grid::grid(&family, &model, &settings, None, &Control::default()).unwrap();
    let one = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    let again = one.install(|| grid::grid(&family, &model, &settings, None, &Control::default()).unwrap());
    assert_eq!(found, again);
    for (temperature, row) in found.temperatures.iter().zip(&found.collapsed) {
        for (ratio, count) in found.ratios.iter().zip(row) {
            let expected = collapsed_classes(&family, &model, *ratio, *temperature).map(|count| count as u64);
            assert_eq!(*count, expected, "{ratio} {temperature}");
        }
    }
    // One curve, all of its points boundaries, next to each other.
    assert_eq!(found.boundary.len(), 1);
    assert!(found.boundary[0].len() > 10);
    for &[ratio, temperature] in &found.boundary[0] {
        let beside = [(-1e-6, 0.0), (1e-6, 0.0), (0.0, -1e-6), (0.0, 1e-6)]
            .map(|(a, b)| collapsed_classes(&family, &model, ratio * (1.0 + a), temperature * (1.0 + b)));
        assert!(
            beside.contains(&Some(0.0)) && beside.contains(&Some(2.0)),
            "{ratio} {temperature}"
        );
    }
    let csv = found.table().unwrap().to_csv();
    assert_eq!(csv.lines().count(), 1 + 13 * 11);
    assert!(csv.starts_with("ratio,temperature,collapsed_classes\n50,0.3,"));
    let picture = String::from_utf8(found.diagram().draw(Format::Svg).unwrap()).unwrap();
    assert!(picture.contains("<polyline") && picture.contains("imbalance ratio"));
    // What is coloured ends at the boundary: with the corner behind it, the curve encloses as much as the regions cover.
    let area = |points: &[[f64; 2]]| {
        let logs: Vec<[f64; 2]> = points.iter().map(|point| point.map(f64::ln)).collect();
        let cross = |(a, b): (&[f64; 2], &[f64; 2])| a[0] * b[1] - a[1] * b[0];
        0.5 * logs.iter().zip(logs.iter().cycle().skip(1)).map(cross).sum::<f64>()
    };
    let Body::Chart(chart) = found.diagram().body else {
        panic!("a diagram is a chart")
    };
    let names: Vec<&str> = chart.series.iter().map(|series| series.name.as_str()).collect();
    assert_eq!(names, ["2", "0", ""]);
    let Mark::Regions(regions) = &chart.series[0].mark else {
        panic!("counts are regions")
    };
    let covered: f64 = regions.iter().map(|region| area(region)).sum();
    let mut outline = found.boundary[0].clone();
    outline.push([400.0, 1.5]);
    let enclosed = area(&outline).abs();
    assert!(
        enclosed > 0.3 && (covered - enclosed).abs() < 1e-9,
        "{covered} {enclosed}"
    );
}

fn ufmin(arguments: &str) -> (Option<i32>, String, String) {
    let words: Vec<&str> = std::iter::once("phase").chain(arguments.split_whitespace()).collect();
    let output = run(Path::new("."), &words);
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[test]
fn the_command_answers_and_refuses_with_a_remedy() {
    for (arguments, status, out, err) in [
        (
            "--sizes 100,100,10,10 --temperature 1 --vary ratio",
            0,
            "from ratio 142.5696868 on",
            "",
        ),
        (
            "--sizes 100,100,10,10 --nonnegative --vary ratio --format json",
            0,
            "\"never\": true",
            "",
        ),
        (
            "--sizes 10,10 --vary temperature",
            0,
            "no temperature collapses any classes",
            "",
        ),
        ("--sizes 10,10 --vary ratio", 2, "", "give two or more sizes"),
        ("--sizes 100,10,10", 2, "", "--vary"),
        (
            "--sizes 100,10,10 --vary ratio --ratios 5",
            2,
            "",
            "give two ascending ratios",
        ),
        (
            "--sizes 100,10,10 --vary ratio --ratios 9..5",
            2,
            "",
            "give two ascending ratios",
        ),
        (
            "--sizes 100,10,10 --vary temperature --temperatures 0..5",
            2,
            "",
            "--temperatures 0.05..2",
        ),
        ("--sizes 100,10,10 --vary ratio --points 2", 2, "", "give 3 or more"),
        (
            "--sizes 100,10,10 --vary ratio --dimension 1",
            2,
            "",
            "remove the dimension",
        ),
        ("--sizes 100,10,10 --grid 10x10", 2, "", "--output"),
        ("--sizes 100,10,10 --grid 10 --output nowhere", 2, "", "--grid 60x60"),
        ("--sizes 100,1,1 --singletons skip --vary ratio", 2, "", "set views = 2"),
    ] {
        let (code, stdout, stderr) = ufmin(arguments);
        assert_eq!(code, Some(status), "{arguments}: {stderr}");
        assert!(
            stdout.contains(out) && stderr.contains(err),
            "{arguments}: {stdout}{stderr}"
        );
        assert_eq!(stdout.is_empty(), status == 2, "{arguments}");
    }
    assert!(!std::path::Path::new("nowhere").exists());
}

/// A STEP ratio need not make whole sizes here, and the files of the diagram are all written.
#[test]
fn a_profile_with_a_real_ratio_and_the_files_of_a_diagram() {
    let folder = tempfile::tempdir().unwrap();
    let problem = folder.path().join("step.toml");
    let classes = "[classes]\nprofile = \"step\"\nmajority = 2\nminority = 2\nsmallest = 10\nratio = 134.99999\n";
    std::fs::write(&problem, classes).unwrap();
    let problem = problem.display();
    let (code, stdout, _) = ufmin(&format!("{problem} --vary temperature"));
    assert_eq!(code, Some(0));
    assert!(stdout.contains("temperature from 0.492188"), "{stdout}");
    let output = folder.path().join("diagram");
    let (code, stdout, stderr) = ufmin(&format!(
        "{problem} --grid 9x7 --ratios 50..400 --temperatures 0.3..1.5 --output {}",
        output.display()
    ));
    assert_eq!(code, Some(0), "{stderr}");
    assert!(stdout.starts_with("63 points, "), "{stdout}");
    let read = |name: &str| std::fs::read(output.join(name)).unwrap();
    assert!(read("phase.png").starts_with(b"\x89PNG"));
    assert!(read("phase.svg").starts_with(b"<svg"));
    assert!(!output.join("phase.pdf").exists());
    let (code, _, stderr) = ufmin(&format!(
        "{problem} --grid 3x3 --pictures pdf --output {}",
        folder.path().join("printed").display()
    ));
    assert_eq!(code, Some(0), "{stderr}");
    let names = std::fs::read_dir(folder.path().join("printed")).unwrap();
    let mut names: Vec<_> = names.map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["journal.jsonl", "phase.csv", "phase.json", "phase.pdf"]);
    assert_eq!(read("phase.csv").iter().filter(|&&byte| byte == b'\n').count(), 64);
    let json: serde_json::Value = serde_json::from_slice(&read("phase.json")).unwrap();
    assert_eq!(json["schema"], "ufmin/phase-grid/1");
    assert_eq!(json["collapsed"].as_array().unwrap().len(), 7);
}

/// By bisection over solves of another implementation: two majority and two minority classes, nce at temperature 1.
#[test]
fn thresholds_of_sampled_negatives_are_those_of_the_reference() {
    let family = step(2, 2, 10);
    for (negatives, expected) in [(1, 17.63656), (4, 31.91802)] {
        let model = Model {
            temperature: 1.0,
            training: Training::Sampled(Sampling::Negatives { count: negatives }),
            ..Model::default()
        };
        let settings = ScanSettings {
            ratios: (1.0, 1e4),
            points: 40,
            ..ScanSettings::default()
        };
        let phase = over_ratio(&family, &model, &settings, None, &Control::default()).unwrap();
        let found = phase.threshold.unwrap();
        assert!((found - expected).abs() < 5e-6, "{negatives}: {found}");
        assert_eq!(phase.collapsed, [[2, 3]]);
        assert_eq!((phase.at.negatives, phase.at.loss.as_ref()), (Some(negatives), "nce"));
    }
}

/// The number of negatives, or the batch size, at which classes collapse is the one whose own threshold ratio is passed.
#[test]
fn draws_and_ratios_meet_at_one_boundary() {
    let (family, control) = (
        Family::of_problem(&problem_of(&[250, 250, 10, 10], Model::default())),
        Control::default(),
    );
    let trainings: [fn(u64) -> Sampling; 2] = [
        |count| Sampling::Negatives { count },
        |size| Sampling::RandomBatches {
            loss: BatchLoss::Supcon,
            size,
            power: 1.0,
            replacement: true,
        },
    ];
    for (sampling, (vary, least)) in trainings.into_iter().zip([(Vary::Negatives, 1), (Vary::BatchSize, 3)]) {
        let draws = Some((least, 300));
        let settings = ScanSettings {
            ratios: (1.0, 1e4),
            draws,
            points: 25,
            ..ScanSettings::default()
        };
        let least = least as f64;
        let at = |draws| Model {
            temperature: 1.0,
            training: Training::Sampled(sampling(draws)),
            ..Model::default()
        };
        let phase = over_draws(&family, &at(4), &settings, None, &control).unwrap();
        assert_eq!((phase.vary, phase.range), (vary, [least, 300.0]));
        let threshold = |draws: f64| {
            over_ratio(&family, &at(draws as u64), &settings, None, &control)
                .unwrap()
                .threshold
                .unwrap()
        };
        assert!(!phase.intervals.is_empty() && phase.undecided.is_empty(), "{phase:?}");
        for [from, to] in &phase.intervals {
            assert!(from.fract() == 0.0 && to.fract() == 0.0);
            assert!(threshold(*from) <= 25.0 && threshold(*to) <= 25.0, "{from} {to}");
            assert!(*from == least || threshold(from - 1.0) > 25.0);
            assert!(*to == 300.0 || threshold(to + 1.0) > 25.0);
        }
    }
}

/// Where classes of unequal size meet and no rule tells, the low-rank solver does: nothing stays undecided, and certified
/// solutions of whole sizes on both sides of the boundary say the same.
#[test]
fn what_no_rule_decides_the_solver_does() {
    for (loss, anchors) in [
        (FullBatchLoss::Sincere, Anchors::Sample),
        (FullBatchLoss::Nscl, Anchors::Sample),
        (FullBatchLoss::Bcl, Anchors::Sample),
        (FullBatchLoss::Supcon, Anchors::Class),
    ] {
        let model = Model {
            training: Training::full_batch(FullBatch { anchors, ..loss.into() }),
            ..model(loss, 1.0)
        };
        let family = Family::of_problem(&problem_of(&[5000, 2000, 500, 200, 100], model.clone()));
        let settings = ScanSettings {
            ratios: (1.0, 1e4),
            points: 30,
            ..ScanSettings::default()
        };
        let phase = over_ratio(&family, &model, &settings, None, &Control::default()).unwrap();
        assert!(
            phase.undecided.is_empty() && phase.warnings.is_empty(),
            "{loss:?} {:?}",
            phase.undecided
        );
        let Some(threshold) = phase.threshold else {
            continue;
        };
        for (side, meet) in [(0.97, false), (1.03, true)] {
            let sizes: Vec<u64> = family
                .sizes(threshold * side)
                .iter()
                .map(|size| size.round() as u64)
                .collect();
            let solved = solved(&problem_of(&sizes, model.clone()));
            assert!(solved.is_certified(), "{loss:?} {sizes:?}");
            let gram = solved.certificate.gram.to_dense();
            let closest = (0..5)
                .flat_map(|i| (0..i).map(move |j| (i, j)))
                .map(|at| gram[at])
                .fold(-1.0, f64::max);
            assert_eq!(
                closest > 1.0 - 1e-7,
                meet,
                "{loss:?} at {side} of {threshold}: {closest}"
            );
        }
    }
    let sincere = model(FullBatchLoss::Sincere, 1.0);
    let family = Family::of_problem(&problem_of(&[500, 200, 50, 20, 10], sincere.clone()));
    let settings = ScanSettings {
        ratios: (1.0, 1e4),
        points: 30,
        ..ScanSettings::default()
    };
    let phase = over_ratio(&family, &sincere, &settings, None, &Control::default()).unwrap();
    assert!(
        phase.threshold.is_some() && phase.decided_by == ["dual", "lowrank"],
        "{phase:?}"
    );
    assert!(text(&phase, Style::default()).contains("decided by the low-rank solver where no rule tells"));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    /// `phase` never reports a threshold at which the solver disagrees: nothing is collapsed before, something behind.
    #[test]
    fn the_solver_agrees_on_both_sides_of_every_threshold(
        majority in 1_u64..6,
        minority in 1_u64..6,
        smallest in 2_u64..200,
        log_temperature in -3.0..1.5_f64,
        loss in prop::sample::select(FullBatchLoss::ALL.to_vec()),
        anchors in prop::sample::select(vec![Anchors::Sample, Anchors::Class]),
    ) {
        let family = step(majority, minority, smallest);
        let model = Model { training: Training::full_batch(FullBatch { anchors, ..loss.into() }), ..model(loss, log_temperature.exp()) };
        let settings = ScanSettings { ratios: (1.0, 1e6), points: 60, ..ScanSettings::default() };
        let phase = over_ratio(&family, &model, &settings, None, &Control::default()).unwrap();
        prop_assert!(!(phase.never && phase.threshold.is_some()));
        if let Some(threshold) = phase.threshold {
            let at = |side: f64| collapsed_classes(&family, &model, threshold * side, model.temperature);
            // Where only the low-rank solver tells, the exact one is silent.
            let silent = phase.decided_by.iter().any(|method| method == "lowrank");
            let (before, behind) = (at(1.0 - 1e-5), at(1.0 + 1e-5));
            prop_assert!(before == Some(0.0) || (silent && before.is_none()), "{} {:?}", threshold, phase.undecided);
            prop_assert!(behind > Some(0.0) || (silent && behind.is_none()), "{}", threshold);
        }
        for neighbour in &phase.certified {
            prop_assert_eq!(neighbour.verdict, Verdict::Certified);
        }
    }

    /// The same for sizes that differ, by rule (8).
    #[test]
    fn the_solver_agrees_for_unequal_sizes(
        mut exponents in prop::collection::vec(0.0..1.0_f64, 2..7),
        log_temperature in -2.0..1.5_f64,
    ) {
        exponents.extend([0.0, 1.0]);
        let sizes: Vec<u64> = exponents.iter().map(|e| (10.0 * 1e6_f64.powf(*e)).round() as u64).collect();
        let model = model(FullBatchLoss::Supcon, log_temperature.exp());
        let problem = problem_of(&sizes, model.clone());
        let family = Family::of_problem(&problem);
        let settings = ScanSettings { ratios: (1.0, 1e6), points: 60, ..ScanSettings::default() };
        let phase = over_ratio(&family, &model, &settings, None, &Control::default()).unwrap();
        if let Some(threshold) = phase.threshold {
            let at = |side: f64| collapsed_classes(&family, &model, threshold * side, model.temperature);
            prop_assert_eq!(at(1.0 - 1e-5), Some(0.0), "{}", threshold);
            prop_assert!(at(1.0 + 1e-5) > Some(0.0), "{}", threshold);
        }
    }
}
