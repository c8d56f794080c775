//! What the benches share: problems, the yardstick, and wall times for the ratios that each prints at its end.
#![allow(dead_code, clippy::print_stdout)]

use std::hint::black_box;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use criterion::Criterion;
use faer::{Mat, Side};
use ufmin::math::control::Control;
use ufmin::problem::{Classes, Model, Problem};
use ufmin::solve::{CrossCheckChoice, MethodChoice, Options, Solved, solve};

/// Short runs: the ratios differ by factors, not by per cents.
pub(crate) fn criterion() -> Criterion {
    Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_millis(800))
        .without_plots()
        .configure_from_args()
}

/// True when criterion measures, false when `cargo test` or a list of names asked for less.
pub(crate) fn measures() -> bool {
    let arguments: Vec<String> = std::env::args().collect();
    arguments.iter().any(|a| a == "--bench") && !arguments.iter().any(|a| a == "--list")
}

/// SupCon, every sample an anchor.
pub(crate) fn supcon(sizes: &[u64], temperature: f64) -> Problem {
    let model = Model {
        temperature,
        ..Model::default()
    };
    Problem::new(Classes::from_counts(sizes).expect("sizes of at least 2"), model).expect("a temperature in range")
}

/// From the validated problem to the certificate.
pub(crate) fn solved(problem: &Problem, method: MethodChoice) -> Solved {
    let options = Options {
        method,
        cross_check: CrossCheckChoice::Never,
        ..Options::default()
    };
    solve(problem, &options, &Control::default()).expect("a method that takes the problem")
}

/// `count` log-uniform sizes from 10^3 to 10^10, unsorted and nearly all distinct; SplitMix64 with a fixed seed.
pub(crate) fn random_sizes(count: usize) -> Vec<u64> {
    let mut state = 7u64;
    let mut uniform = || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = state;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((x ^ (x >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    };
    (0..count).map(|_| (1e3 * 1e7f64.powf(uniform())) as u64).collect()
}

/// `count` distinct sizes from 5000 down to 10, equally spaced in the logarithm; those of `peers.py`.
pub(crate) fn geometric_sizes(count: usize) -> Vec<u64> {
    (0..count)
        .map(|i| (5000.0 * 500f64.powf(-(i as f64) / (count as f64 - 1.0))).round() as u64)
        .collect()
}

/// Median wall time in seconds of 3 to 15 runs, about a second in all.
pub(crate) fn seconds<T>(mut run: impl FnMut() -> T) -> f64 {
    let start = Instant::now();
    let mut times = Vec::new();
    while times.len() < 3 || (times.len() < 15 && start.elapsed().as_secs_f64() < 1.0) {
        let start = Instant::now();
        black_box(run());
        times.push(start.elapsed().as_secs_f64());
    }
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

/// A symmetric matrix without structure.
pub(crate) fn symmetric(order: usize) -> Mat<f64> {
    Mat::from_fn(order, order, |i, j| {
        let (low, high) = (i.min(j) as f64, i.max(j) as f64);
        (1.3 * low + 0.7 * high * high + low * high).sin()
    })
}

/// One symmetric eigendecomposition, values and vectors, by faer on all cores: the yardstick.
pub(crate) fn eigendecomposition(matrix: &Mat<f64>) -> f64 {
    let eigen = matrix.self_adjoint_eigen(Side::Lower).expect("finite entries");
    eigen.S().column_vector()[0]
}

/// Class counts of real data: `(name, sizes)` of the files in the folder that UFMIN_DATA names; says so when unset.
pub(crate) fn real_counts() -> Vec<(&'static str, Vec<u64>)> {
    let Some(folder) = std::env::var_os("UFMIN_DATA").map(PathBuf::from) else {
        println!(
            "UFMIN_DATA is not set: no real class counts (laion400m-imagenet.txt, places-lt.txt, lvis-v1-instances.txt)"
        );
        return Vec::new();
    };
    ["laion400m-imagenet", "places-lt", "lvis-v1-instances"]
        .into_iter()
        .filter_map(
            |name| match std::fs::read_to_string(folder.join(format!("{name}.txt"))) {
                Ok(text) => {
                    let sizes = text.split_whitespace().map(|n| n.parse().expect("one count a line"));
                    Some((name, sizes.collect()))
                }
                Err(error) => {
                    println!("{name}.txt of UFMIN_DATA: {error}");
                    None
                }
            },
        )
        .collect()
}

/// Largest resident size so far, in MB; Linux.
pub(crate) fn peak_memory() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM"))?;
    Some(line.split_whitespace().nth(1)?.parse::<f64>().ok()? / 1024.0)
}

/// Load average of the last minute, for the record.
pub(crate) fn load() -> String {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split_whitespace().next().unwrap_or("unknown").to_owned()
}
