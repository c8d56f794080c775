//! Loops over groups in fixed blocks: parallel, and with sums whose order does not depend on the number of threads.

use std::ops::Range;

use rayon::prelude::*;

/// Groups per block. Fixed, so that every reduction has the same shape on any machine.
const BLOCK: usize = 4096;

/// `f` of every block of `0..n`, in order.
pub(crate) fn per_block<T: Send>(n: usize, f: impl Fn(Range<usize>) -> T + Sync) -> Vec<T> {
    let block = |b: usize| f(b * BLOCK..((b + 1) * BLOCK).min(n));
    let blocks = n.div_ceil(BLOCK);
    if blocks <= 1 {
        return (0..blocks).map(&block).collect();
    }
    (0..blocks).into_par_iter().map(&block).collect()
}

/// `f(0), f(1), ..`, evaluated in parallel when there are many.
pub(crate) fn map<T: Send>(n: usize, f: impl Fn(usize) -> T + Sync) -> Vec<T> {
    if n <= BLOCK {
        return (0..n).map(f).collect();
    }
    (0..n).into_par_iter().with_min_len(BLOCK).map(&f).collect()
}

/// Entrywise sum of `f(0), f(1), ..`.
pub(crate) fn sum<const W: usize>(n: usize, f: impl Fn(usize) -> [f64; W] + Sync) -> [f64; W] {
    let partial = per_block(n, |range| range.fold([0.0; W], |total, g| add(total, f(g))));
    partial.into_iter().fold([0.0; W], add)
}

/// Largest of `f(0), f(1), ..`; NaN if any of them is NaN.
pub(crate) fn max(n: usize, f: impl Fn(usize) -> f64 + Sync) -> f64 {
    let larger = |a: f64, b: f64| if b > a || b.is_nan() { b } else { a };
    per_block(n, |range| range.map(&f).fold(f64::NEG_INFINITY, larger))
        .into_iter()
        .fold(f64::NEG_INFINITY, |a, b| if a.is_nan() { a } else { larger(a, b) })
}

fn add<const W: usize>(mut total: [f64; W], term: [f64; W]) -> [f64; W] {
    for (t, x) in total.iter_mut().zip(term) {
        *t += x;
    }
    total
}
