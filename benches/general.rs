//! What Newton's method alone does not solve: collapsed classes without a rule, random batches, and the landscape.
#![allow(clippy::print_stdout)]

mod common;

use std::time::Instant;

use criterion::BenchmarkId;
use ufmin::math::control::Control;
use ufmin::problem::{BatchLoss, Classes, FullBatchLoss, Model, Problem, Training};
use ufmin::solve::MethodChoice;
use ufmin::study::landscape::{SearchSettings, verify};

use common::{eigendecomposition, load, measures, real_counts, seconds, solved, supcon, symmetric};

/// Two large classes and `count` small ones of different sizes under SINCERE at temperature 1, which meet or nearly so.
fn collapsed(count: u64) -> Problem {
    let sizes: Vec<u64> = [100_000, 90_000].into_iter().chain((0..count).map(|i| 3 + i)).collect();
    let model = Model {
        temperature: 1.0,
        training: Training::full_batch(FullBatchLoss::Sincere),
        ..Model::default()
    };
    Problem::new(Classes::from_counts(&sizes).expect("sizes of at least 2"), model).expect("a valid problem")
}

/// SupCon in random batches, temperature 0.1.
fn batches(sizes: &[u64], size: u64) -> Problem {
    let model = Model {
        training: Training::random_batches(BatchLoss::Supcon, size),
        ..Model::default()
    };
    Problem::new(Classes::from_counts(sizes).expect("sizes of at least 1"), model).expect("a valid problem")
}

fn main() {
    let mut criterion = common::criterion();
    let mut group = criterion.benchmark_group("lowrank");
    for count in [3, 8] {
        let problem = collapsed(count);
        group.bench_with_input(BenchmarkId::new("collapsed", count), &problem, |bencher, problem| {
            bencher.iter(|| solved(problem, MethodChoice::Lowrank));
        });
    }
    group.finish();
    criterion.final_summary();
    if !measures() {
        return;
    }

    println!(
        "\ncollapsed classes without a rule, sincere, tau 1, 2 large and some small; load {}",
        load()
    );
    println!("  small  rank   lowrank s     conic s    ratio  lowrank gap  conic gap");
    for count in [3, 8, 16] {
        let problem = collapsed(count);
        let [lowrank, conic] = [MethodChoice::Lowrank, MethodChoice::Conic]
            .map(|method| (seconds(|| solved(&problem, method)), solved(&problem, method)));
        println!(
            "{count:7}{:6}{:12.5}{:12.5}{:9.1}{:13.1e}{:11.1e}",
            lowrank.1.rank,
            lowrank.0,
            conic.0,
            conic.0 / lowrank.0,
            lowrank.1.certificate.relative_gap,
            conic.1.certificate.relative_gap
        );
    }

    println!("\nsupcon in random batches, tau 0.1, in units of one symmetric eigendecomposition of order k (faer)");
    println!("problem                   batch  sizes    seconds      eigen    ratio  rel. gap  verdict");
    for (name, sizes) in real_counts() {
        for size in [256, 4096] {
            let problem = batches(&sizes, size);
            let matrix = symmetric(sizes.len());
            let time = seconds(|| solved(&problem, MethodChoice::Auto));
            let yardstick = seconds(|| eigendecomposition(&matrix));
            let answer = solved(&problem, MethodChoice::Auto);
            println!(
                "{name:24}{size:7}{:7}{time:11.4}{yardstick:11.4}{:9.1}{:10.1e}  {:?}",
                answer.certificate.gram.partition().groups(),
                time / yardstick,
                answer.certificate.relative_gap,
                answer.certificate.verdict
            );
        }
    }

    println!("\nlandscape: 200 starts, 200 samples, sizes 50, 50, 50, 10 x 5, 16 dimensions, all cores");
    println!("    tau    seconds  global  not converged");
    for temperature in [0.1, 0.3, 1.0] {
        let problem = supcon(&[50, 50, 50, 10, 10, 10, 10, 10], temperature);
        let optimum = solved(&problem, MethodChoice::Auto);
        let start = Instant::now();
        let found = verify(
            &problem,
            &optimum,
            16,
            &SearchSettings::default(),
            None,
            &Control::default(),
        )
        .expect("a problem of this size");
        let global: u64 = found
            .minima
            .iter()
            .filter(|minimum| minimum.global)
            .map(|m| m.count)
            .sum();
        let lost = found.runs.iter().filter(|run| run.minimum.is_none()).count();
        println!(
            "{temperature:7}{:11.2}{global:8}{lost:15}",
            start.elapsed().as_secs_f64()
        );
    }
}
