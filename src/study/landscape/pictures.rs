//! Pictures of a search: gaps as a histogram, losses along the way, and the mean Gram matrix beside the optimal one.

use nalgebra::DMatrix;

use super::{Start, SweepReport, VerifyReport};
use crate::plot::colour::{DARK, GLOBAL, GREY, SPURIOUS};
use crate::plot::{Body, Chart, ChartAxis, Figure, Mark, Scale, Series};
use crate::report::picture::{Picture, facts};

/// Gaps below this are rounding, and drawn here.
const LEAST: f64 = 1e-16;

/// Bars a power of ten.
const PER_DECADE: i32 = 2;

/// Bars on a linear axis.
const BINS: i32 = 60;

/// The pictures of a finished search; of one that was read back, those that need no more than where the starts ended.
pub(super) fn of_search(report: &VerifyReport) -> Vec<(&'static str, Figure)> {
    let runs = report.runs.as_deref().unwrap_or_default();
    if !report.complete || runs.is_empty() {
        return Vec::new();
    }
    let mut figures = vec![("gaps", gap_chart(report, runs))];
    if runs.iter().any(|run| !run.trace.is_empty()) {
        figures.push(("traces", trace_chart(report, runs)));
    }
    figures.extend(gram_heatmap(report, runs).map(|heatmap| ("gram", heatmap)));
    figures
}

/// The picture of a finished sweep, where some dimension has a minimum.
pub(super) fn of_sweep(report: &SweepReport) -> Vec<(&'static str, Figure)> {
    let chart = if report.complete { sweep_chart(report) } else { None };
    chart.map(|chart| ("sweep", chart)).into_iter().collect()
}

fn subtitle(report: &VerifyReport) -> String {
    let (dimension, starts) = (report.dimension, report.starts);
    format!("{}, dimension {dimension}, {starts} starts", facts(&report.problem, ""))
}

/// Whether a start ended in a global minimum.
fn is_global(report: &VerifyReport, run: &Start) -> bool {
    let minimum = run.minimum.and_then(|number| report.distinct_minima.get(number));
    minimum.is_some_and(|minimum| minimum.global)
}

fn chart(x: ChartAxis, y: ChartAxis, series: Vec<Series>) -> Body {
    let legend = String::new();
    Body::Chart(Chart { x, y, legend, series })
}

/// Histogram of the relative gaps in which the starts ended: global minima, spurious ones, and what is none.
fn gap_chart(report: &VerifyReport, runs: &[Start]) -> Figure {
    let gaps: Vec<f64> = runs.iter().map(|run| run.relative_gap.max(LEAST)).collect();
    let (least, most) = gaps
        .iter()
        .fold((f64::MAX, LEAST), |(low, high), &gap| (low.min(gap), high.max(gap)));
    // Gaps of one size are told apart on a linear axis.
    let scale = if least > 1e-3 && most < 30.0 * least {
        Scale::Linear
    } else {
        Scale::Logarithmic
    };
    let edges: Vec<f64> = match scale {
        Scale::Linear => {
            let width = ((most - least) / f64::from(BINS - 2)).max(1e-3 * most);
            (0..=BINS).map(|i| least + (f64::from(i) - 1.0) * width).collect()
        }
        Scale::Logarithmic => {
            let at = |gap: f64| (gap.log10() * f64::from(PER_DECADE)).floor() as i32;
            // At least three decades, so that one bar does not fill the picture.
            let (low, high) = (at(least), at(most).max(at(least) + 3 * PER_DECADE));
            (low..=high + 1)
                .map(|i| 10f64.powf(f64::from(i) / f64::from(PER_DECADE)))
                .collect()
        }
    };
    let bins = edges.len() - 1;
    let count = |wanted: &dyn Fn(&Start) -> bool| -> Vec<f64> {
        let mut heights = vec![0.0; bins];
        for (_, gap) in runs.iter().zip(&gaps).filter(|(run, _)| wanted(run)) {
            let bin = edges.partition_point(|edge| edge <= gap).clamp(1, bins) - 1;
            heights[bin] += 1.0;
        }
        heights
    };
    // Bars stand on each other: the highest, of all starts, is drawn first.
    let mut series: Vec<Series> = Vec::new();
    for (name, colour, heights) in [
        ("no minimum", GREY, count(&|_| true)),
        ("spurious minimum", SPURIOUS, count(&|run| run.minimum.is_some())),
        ("global minimum", GLOBAL, count(&|run| is_global(report, run))),
    ] {
        let mark = Mark::Bars(edges.clone(), heights);
        // The lower of two equal ones covers the upper.
        if series.last().is_some_and(|last| last.mark == mark) {
            series.pop();
        }
        series.push(Series::new(name, colour, mark));
    }
    let mut notes = Vec::new();
    if least <= LEAST {
        notes.push("gaps at or below rounding are in the first bar".to_owned());
    }
    let x = ChartAxis::new("loss above the optimum, relative to its excess", scale);
    Figure {
        title: "Where the starts ended".to_owned(),
        subtitle: subtitle(report),
        body: chart(x, ChartAxis::new("starts", Scale::Linear), series),
        notes,
    }
}

/// Most traces that are drawn.
const MAX_TRACES: usize = 200;

/// Relative gap along L-BFGS, start by start, with the median.
fn trace_chart(report: &VerifyReport, runs: &[Start]) -> Figure {
    let points = |trace: &[(u64, f64)]| -> Vec<[f64; 2]> {
        trace.iter().map(|&(at, gap)| [at as f64, gap.max(LEAST)]).collect()
    };
    let mut series: Vec<Series> = runs
        .iter()
        .take(MAX_TRACES)
        .enumerate()
        .map(|(i, run)| {
            let name = if i == 0 { "one start" } else { "" };
            Series::new(name, GREY, Mark::Thin(points(&run.trace)))
        })
        .collect();
    series.push(Series::new("median", DARK, Mark::Line(points(&median(runs)))));
    let y = ChartAxis::new("loss above the optimum, relative to its excess", Scale::Logarithmic);
    Figure {
        title: "The loss along L-BFGS".to_owned(),
        subtitle: subtitle(report),
        body: chart(ChartAxis::new("iteration", Scale::Linear), y, series),
        notes: vec!["a line ends where second-order steps take over".to_owned()],
    }
}

/// Median gap at every iteration that some trace has, with each trace's last value after its end, as long as half of the
/// traces go on.
fn median(runs: &[Start]) -> Vec<(u64, f64)> {
    let traces: Vec<&[(u64, f64)]> = runs.iter().map(|run| run.trace.as_slice()).collect();
    let mut lengths: Vec<u64> = traces
        .iter()
        .filter_map(|trace| trace.last())
        .map(|last| last.0)
        .collect();
    lengths.sort_unstable();
    let Some(&end) = lengths.get(lengths.len() / 2) else {
        return Vec::new();
    };
    let mut iterations: Vec<u64> = traces
        .iter()
        .flat_map(|trace| trace.iter().map(|point| point.0))
        .collect();
    iterations.retain(|&at| at <= end);
    iterations.sort_unstable();
    iterations.dedup();
    iterations
        .into_iter()
        .map(|at| {
            let mut gaps: Vec<f64> = traces
                .iter()
                .filter_map(|trace| trace[..trace.partition_point(|point| point.0 <= at)].last())
                .map(|point| point.1)
                .collect();
            gaps.sort_by(f64::total_cmp);
            (at, gaps[gaps.len() / 2])
        })
        .collect()
}

/// The optimal Gram matrix beside that of the lowest local minimum (the mean over the starts that ended there, where the
/// dimension suffices and all have one matrix), and their difference. Of minima with different geometries no mean is made: it
/// would be none of them. `None` without any, or with too many classes to show.
fn gram_heatmap(report: &VerifyReport, runs: &[Start]) -> Option<Figure> {
    let optimal = report.optimum.gram.as_ref()?;
    let minima = &report.distinct_minima;
    let global = minima.iter().filter(|minimum| minimum.global).count();
    let (title, shown) = if report.attainable && global == 1 {
        let found: Vec<DMatrix<f64>> = runs
            .iter()
            .filter(|run| is_global(report, run))
            .map(Start::class_gram)
            .collect();
        let count = found.len();
        let sum = found.into_iter().reduce(|a, b| a + b)?;
        (format!("Mean of {count} global minima"), sum / count as f64)
    } else {
        let lowest = minima.first()?;
        let run = runs.iter().find(|run| run.index == lowest.first)?;
        let (count, distinct) = (lowest.count, minima.len());
        let title = match distinct {
            1 => format!("The one minimum found, by {count} starts"),
            _ => format!("Lowest of {distinct} distinct minima, of {count} starts"),
        };
        (title, run.class_gram())
    };
    if shown.nrows() > crate::plot::MAX_ROWS {
        return None;
    }
    let mut left = Picture::of_classes(&report.problem, optimal.to_dense());
    let mut right = Picture::of_classes(&report.problem, shown);
    left.title = "Optimum of the relaxation".to_owned();
    right.title = title;
    let mut heatmap = left.against(right);
    heatmap.title = "Optimal and found Gram matrices of class means".to_owned();
    heatmap.subtitle = subtitle(report);
    Some(heatmap)
}

/// Relative gap of the lowest and of the highest local minimum by dimension. `None` where no dimension has a minimum.
fn sweep_chart(report: &SweepReport) -> Option<Figure> {
    let first = report.rows.first()?;
    let points = |gap: &dyn Fn(&VerifyReport) -> Option<f64>| -> Vec<[f64; 2]> {
        let rows = report.rows.iter();
        rows.filter_map(|row| Some([row.dimension as f64, gap(row)?.max(LEAST)]))
            .collect()
    };
    let worst = points(&|row| row.worst_relative_gap);
    let best = points(&|row| row.best_relative_gap);
    if best.is_empty() {
        return None;
    }
    let x = ChartAxis::new("dimension of the features", Scale::Linear);
    let y = ChartAxis::new("loss above the relaxation, relative to its excess", Scale::Logarithmic);
    let series = vec![
        Series::new("highest minimum", SPURIOUS, Mark::Dotted(worst)),
        Series::new("lowest minimum", GLOBAL, Mark::Dotted(best)),
    ];
    Some(Figure {
        title: "Local minima by dimension".to_owned(),
        subtitle: format!("{}, {} starts each", facts(&first.problem, ""), first.starts),
        body: chart(x, y, series),
        notes: vec!["gaps at or below rounding are drawn at 1e-16".to_owned()],
    })
}
