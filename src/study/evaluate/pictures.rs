//! Measured beside predicted, as pictures.

use nalgebra::DMatrix;

use super::{Evaluation, Sequence};
use crate::plot::colour::{DARK, FIRST, GLOBAL, SECOND};
use crate::plot::{Body, Chart, ChartAxis, ColourRange, Figure, Mark, Panel, Scale, Series};
use crate::report::picture::{axis_of_classes, facts, ticks};

/// Most classes of a heatmap; of more, so many evenly spaced by size.
const MAX_DRAWN: usize = 500;

/// Smallest value of a logarithmic curve: what is below is rounding.
const LEAST: f64 = 1e-16;

/// Optimal and measured Gram matrix of the class means and their difference, largest classes first; `None` where the
/// measured one was not kept.
pub(super) fn geometry(report: &Evaluation) -> Option<Figure> {
    let listed = |rows: &Vec<Vec<f64>>| DMatrix::from_fn(rows.len(), rows.len(), |i, j| rows[i][j]);
    let (predicted, found) = match (&report.grams, &report.optimal_gram, &report.class_gram) {
        (Some(both), ..) => both.clone(),
        (None, Some(predicted), Some(found)) => (listed(predicted), listed(found)),
        _ => return None,
    };
    let order = by_size(report);
    let mut notes = Vec::new();
    if order.len() < found.nrows() {
        notes.push(format!(
            "{MAX_DRAWN} of {} classes, evenly spaced by size",
            found.nrows()
        ));
    }
    let count = order.len();
    let shown = |matrix: &DMatrix<f64>| DMatrix::from_fn(count, count, |i, j| matrix[(order[i], order[j])]);
    let (predicted, found) = (shown(&predicted), shown(&found));
    let difference = &found - &predicted;
    let off = |matrix: &DMatrix<f64>| -> Vec<f64> {
        let pairs = (0..count).flat_map(|i| (0..count).map(move |j| (i, j)));
        pairs.filter(|(i, j)| i != j).map(|at| matrix[at]).collect()
    };
    let range = ColourRange::around(off(&predicted).into_iter().chain(off(&found)));
    if range.high < 1.0 {
        notes.push("the diagonal is 1 and has the deepest red".to_owned());
    }
    let sizes: Vec<f64> = report.per_class.iter().map(|class| class.size as f64).collect();
    let all = ticks(report.problem.class_labels.as_deref(), &sizes);
    let labels: Vec<String> = order.iter().map(|&class| all[class].clone()).collect();
    let boundaries = (1..count).filter(|&i| sizes[order[i]] != sizes[order[i - 1]]).collect();
    let panel = |title: String, values: DMatrix<f64>| Panel {
        title,
        labels: labels.clone(),
        axis: axis_of_classes(
            report.problem.class_labels.as_deref(),
            report.problem.probabilities.is_none(),
        ),
        boundaries: Vec::clone(&boundaries),
        range,
        ..Panel::new(values)
    };
    let distance = report.measures.gram_distance.unwrap_or_default();
    let change = Panel {
        range: ColourRange::around(difference.iter().copied()),
        quantity: "difference of inner products".to_owned(),
        ..panel("measured minus predicted".to_owned(), difference)
    };
    Some(Figure {
        title: "Predicted and measured geometry of the classes".to_owned(),
        subtitle: format!("{}; Gram distance {distance:.3}", facts(&report.problem, "")),
        body: Body::Heatmap(vec![
            panel("predicted: global optimum".to_owned(), predicted),
            panel("measured: class means".to_owned(), found),
            change,
        ]),
        notes,
    })
}

/// The angle of every class to its nearest neighbour, predicted and measured, one dot a class; `None` where a class mean
/// has no direction.
pub(super) fn angles(report: &Evaluation) -> Option<Figure> {
    let mut points: Vec<(u64, [f64; 2])> = report
        .per_class
        .iter()
        .filter_map(|class| {
            let (predicted, found) = (class.predicted?, class.nearest?);
            Some((class.size, [predicted.angle_degrees, found.angle_degrees]))
        })
        .collect();
    if points.is_empty() {
        return None;
    }
    points.sort_by_key(|&(size, _)| std::cmp::Reverse(size));
    let equal = points[0].0 == points[points.len() - 1].0;
    let all: Vec<[f64; 2]> = points.into_iter().map(|(_, point)| point).collect();
    let (head, tail) = all.split_at(all.len().div_ceil(2));
    let ends = all.iter().flatten().copied();
    let (low, high) = ends.fold((f64::INFINITY, 0.0f64), |(low, high), x| (low.min(x), high.max(x)));
    let room = (0.05 * (high - low)).max(1.0);
    let range = Some((low - room, high + room));
    let axis = |name: &str| ChartAxis {
        range,
        ..ChartAxis::new(name, Scale::Linear)
    };
    let mut series = vec![Series::new(
        "measured = predicted",
        DARK,
        Mark::Line(vec![[low - room, low - room], [high + room, high + room]]),
    )];
    if equal {
        series.push(Series::new("classes", FIRST, Mark::Dots(all.clone())));
    } else {
        series.push(Series::new(
            "larger half of the classes",
            FIRST,
            Mark::Dots(head.to_vec()),
        ));
        series.push(Series::new("smaller half", SECOND, Mark::Dots(tail.to_vec())));
    }
    Some(Figure {
        title: "Angle of each class to its nearest neighbour".to_owned(),
        subtitle: facts(&report.problem, ""),
        body: Body::Chart(Chart {
            x: axis("predicted by the global optimum, degrees"),
            y: axis("measured, degrees"),
            legend: String::new(),
            series,
        }),
        notes: vec!["one dot a class".to_owned()],
    })
}

/// Gap, distance and spread over training. `None` where nothing is above rounding.
pub(super) fn over_training(report: &Sequence) -> Option<Figure> {
    let points = |of: &dyn Fn(&super::Measures) -> Option<f64>| -> Vec<[f64; 2]> {
        let rows = report.rows.iter();
        rows.filter_map(|row| Some([row.at, of(&row.measures)?]))
            .filter(|point| point[1] > LEAST)
            .collect()
    };
    let series = vec![
        Series::new(
            "gap, of the excess",
            GLOBAL,
            Mark::Dotted(points(&|measures| Some(measures.relative_gap))),
        ),
        Series::new(
            "Gram distance",
            FIRST,
            Mark::Dotted(points(&|measures| measures.gram_distance)),
        ),
        Series::new(
            "NC1 (spread)",
            SECOND,
            Mark::Dotted(points(&|measures| measures.nc1.trace_ratio)),
        ),
    ];
    let any = |series: &Series| matches!(&series.mark, Mark::Dotted(points) if !points.is_empty());
    if !series.iter().any(any) {
        return None;
    }
    let names: Vec<String> = report.rows.iter().map(|row| row.embeddings.clone()).collect();
    let numbered = super::number_of(&names).is_some();
    Some(Figure {
        title: "Trained features on their way to the global optimum".to_owned(),
        subtitle: facts(&report.problem, ""),
        body: Body::Chart(Chart {
            x: ChartAxis::new(if numbered { "number of the file" } else { "file" }, Scale::Linear),
            y: ChartAxis::new("0 at the optimum", Scale::Logarithmic),
            legend: String::new(),
            series,
        }),
        notes: Vec::new(),
    })
}

/// Classes, the largest first; of very many, some that are evenly spaced.
fn by_size(report: &Evaluation) -> Vec<usize> {
    let mut order: Vec<usize> = (0..report.per_class.len()).collect();
    order.sort_by_key(|&class| std::cmp::Reverse(report.per_class[class].size));
    if order.len() <= MAX_DRAWN {
        return order;
    }
    let last = order.len() - 1;
    (0..MAX_DRAWN).map(|i| order[i * last / (MAX_DRAWN - 1)]).collect()
}
