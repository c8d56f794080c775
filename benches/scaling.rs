//! The exact solver, solved and certified, against the number of classes, of distinct sizes, and the temperature.
#![allow(clippy::print_stdout)]

mod common;

use criterion::BenchmarkId;
use ufmin::problem::{Classes, Model, Problem, Run};
use ufmin::solve::MethodChoice;

use common::{load, measures, peak_memory, random_sizes, seconds, solved, supcon};

const CLASSES: [usize; 4] = [100, 1_000, 10_000, 100_000];
const GROUPS: [usize; 4] = [2, 30, 1_000, 30_000];
const TEMPERATURES: [f64; 4] = [0.02, 0.05, 0.1, 0.3];

/// 10^6 classes in `groups` distinct sizes.
fn million(groups: usize) -> Problem {
    let sizes = random_sizes(groups);
    let count = 1_000_000 / groups as u64;
    let runs = sizes.iter().map(|&size| Run {
        size: size as f64,
        count,
    });
    Problem::new(Classes::from_runs(runs).expect("sizes of at least 2"), Model::default()).expect("a valid problem")
}

fn main() {
    // The peak only grows, so it is taken first and in this order.
    let peaks = CLASSES.map(|classes| {
        if measures() {
            solved(&supcon(&random_sizes(classes), 0.1), MethodChoice::Dual);
        }
        peak_memory().unwrap_or(f64::NAN)
    });
    let mut criterion = common::criterion();
    let mut group = criterion.benchmark_group("classes");
    for classes in CLASSES {
        let problem = supcon(&random_sizes(classes), 0.1);
        group.bench_with_input(BenchmarkId::from_parameter(classes), &problem, |bencher, problem| {
            bencher.iter(|| solved(problem, MethodChoice::Dual));
        });
    }
    group.finish();
    criterion.final_summary();
    if !measures() {
        return;
    }

    println!(
        "\nsolved and certified, supcon, log-uniform sizes over a ratio of 10^7, tau 0.1; load {}",
        load()
    );
    println!("  classes   seconds  us a class  time ratio  rel. gap  peak MB  verdict");
    let mut before: Option<f64> = None;
    for (classes, peak) in CLASSES.into_iter().zip(peaks) {
        let problem = supcon(&random_sizes(classes), 0.1);
        let time = seconds(|| solved(&problem, MethodChoice::Dual));
        let certificate = solved(&problem, MethodChoice::Dual).certificate;
        println!(
            "{classes:9}{time:10.5}{:12.2}{:>12}{:10.1e}{:9.0}  {:?}",
            1e6 * time / classes as f64,
            before.map_or_else(|| "-".to_owned(), |before| format!("{:.1}", time / before)),
            certificate.relative_gap,
            peak,
            certificate.verdict
        );
        before = Some(time);
    }

    println!("\n10^6 classes by the number of distinct sizes, tau 0.1");
    println!("    sizes   seconds  rel. gap  verdict");
    for groups in GROUPS {
        let problem = million(groups);
        let time = seconds(|| solved(&problem, MethodChoice::Dual));
        let certificate = solved(&problem, MethodChoice::Dual).certificate;
        println!(
            "{groups:9}{time:10.5}{:10.1e}  {:?}",
            certificate.relative_gap, certificate.verdict
        );
    }

    println!("\n1000 classes by temperature");
    println!("      tau   seconds  rel. gap  verdict");
    for temperature in TEMPERATURES {
        let problem = supcon(&random_sizes(1000), temperature);
        let time = seconds(|| solved(&problem, MethodChoice::Dual));
        let certificate = solved(&problem, MethodChoice::Dual).certificate;
        println!(
            "{temperature:9}{time:10.5}{:10.1e}  {:?}",
            certificate.relative_gap, certificate.verdict
        );
    }
}
