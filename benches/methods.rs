//! The exact solver against the conic program, and against one symmetric eigendecomposition of the same size.
#![allow(clippy::print_stdout)]

mod common;

use criterion::BenchmarkId;
use ufmin::problem::{Classes, Model, Problem, Run};
use ufmin::solve::MethodChoice;

use common::{
    eigendecomposition, geometric_sizes, load, measures, random_sizes, real_counts, seconds, solved, supcon, symmetric,
};

const CONIC: [usize; 5] = [4, 8, 12, 16, 24];
const ORDERS: [usize; 3] = [100, 300, 1000];

/// Time of the exact solver in yardsticks of `order`, as a line of the table.
fn line(name: &str, problem: &Problem, order: usize) {
    let matrix = symmetric(order);
    // Alternating, so that a change of load meets both.
    let (mut exact, mut yardstick) = (f64::INFINITY, f64::INFINITY);
    for _ in 0..2 {
        exact = exact.min(seconds(|| solved(problem, MethodChoice::Dual)));
        yardstick = yardstick.min(seconds(|| eigendecomposition(&matrix)));
    }
    let answer = solved(problem, MethodChoice::Dual);
    println!(
        "{name:34}{:8}{:7}{exact:11.5}{order:8}{yardstick:11.5}{:9.4}{:10.1e}  {:?}",
        problem.classes().count(),
        answer.certificate.gram.partition().groups(),
        exact / yardstick,
        answer.certificate.relative_gap,
        answer.certificate.verdict
    );
}

fn main() {
    let mut criterion = common::criterion();
    let mut group = criterion.benchmark_group("methods");
    for classes in CONIC {
        let problem = supcon(&geometric_sizes(classes), 0.1);
        for (name, method) in [("dual", MethodChoice::Dual), ("conic", MethodChoice::Conic)] {
            group.bench_with_input(BenchmarkId::new(name, classes), &problem, |bencher, problem| {
                bencher.iter(|| solved(problem, method));
            });
        }
    }
    group.finish();
    let mut group = criterion.benchmark_group("eigendecomposition");
    let matrix = symmetric(300);
    group.bench_function("300", |bencher| bencher.iter(|| eigendecomposition(&matrix)));
    group.finish();
    criterion.final_summary();
    if !measures() {
        return;
    }

    println!(
        "\nexact against conic, supcon, distinct sizes from 5000 to 10; load {}",
        load()
    );
    println!("  classes    tau      dual s     conic s  conic/dual  dual gap  conic gap");
    for temperature in [1.0, 0.1] {
        for classes in CONIC {
            let problem = supcon(&geometric_sizes(classes), temperature);
            let [dual, conic] = [MethodChoice::Dual, MethodChoice::Conic].map(|method| {
                let time = seconds(|| solved(&problem, method));
                (time, solved(&problem, method).certificate.relative_gap)
            });
            println!(
                "{classes:9}{temperature:7}{:12.6}{:12.5}{:12.0}{:10.1e}{:11.1e}",
                dual.0,
                conic.0,
                conic.0 / dual.0,
                dual.1,
                conic.1
            );
        }
    }

    println!("\nsolved and certified, tau 0.1, in units of one symmetric eigendecomposition of the given order (faer)");
    println!(
        "problem                            classes  sizes    seconds   order      eigen    ratio  rel. gap  verdict"
    );
    for order in ORDERS {
        line("random sizes", &supcon(&random_sizes(order), 0.1), order);
    }
    line("random sizes", &supcon(&random_sizes(100_000), 0.1), 1000);
    let run = |size: f64| Run { size, count: 500_000 };
    let step = Classes::from_runs([run(1000.0), run(10.0)]).expect("sizes of at least 2");
    line(
        "step",
        &Problem::new(step, Model::default()).expect("a valid problem"),
        1000,
    );
    for (name, sizes) in real_counts() {
        let views = if name.starts_with("lvis") { 2 } else { 1 };
        let model = Model {
            views,
            ..Model::default()
        };
        let order = sizes.len().min(1000);
        match Classes::from_counts(&sizes).and_then(|classes| Problem::new(classes, model)) {
            Ok(problem) => line(&format!("{name}, views {views}"), &problem, order),
            Err(error) => println!("{name}: {error}"),
        }
    }
}
