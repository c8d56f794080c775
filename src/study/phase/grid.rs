//! The diagram of ratio and temperature: how many classes are collapsed, and the boundary as curves.

use std::sync::atomic::{AtomicU64, Ordering};

use rayon::prelude::*;
use serde::Serialize;

use super::line::{Kind, Line, Sample, State, stopped};
use super::{Family, Fixed, RATIO_RANGE, check_range, coefficients};
use crate::error::Error;
use crate::math::control::Control;
use crate::problem::invalid;
use crate::problem::{Field, Invalid, Model, TEMPERATURE_RANGE};

/// Identifier of the JSON form.
pub const SCHEMA: &str = "ufmin/phase-grid/1";

/// Most points on a side.
pub const MAX_POINTS: usize = 1000;

/// Which points.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Settings {
    /// Number of ratios and of temperatures, each at least 2, evenly spaced in the logarithm, both ends included.
    pub points: (usize, usize),
    /// Ratios, `1 <= low < high`.
    pub ratios: (f64, f64),
    /// Temperatures.
    pub temperatures: (f64, f64),
}

/// The diagram.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Grid {
    /// [`SCHEMA`].
    pub schema: &'static str,
    /// Version of this crate.
    pub version: &'static str,
    /// The ratios, ascending.
    pub ratios: Vec<f64>,
    /// The temperatures, ascending.
    pub temperatures: Vec<f64>,
    /// For every temperature and every ratio the number of classes that share their vector with another; `None` where no
    /// rule tells.
    pub collapsed: Vec<Vec<Option<u64>>>,
    /// Curves of `[ratio, temperature]` on which collapse begins or ends.
    pub boundary: Vec<Vec<[f64; 2]>>,
    /// What is the same everywhere.
    pub at: Fixed,
}

/// An edge of the lattice of points: from `(i, j)` to the next ratio, or to the next temperature.
type Edge = (usize, usize, bool);

/// Solves every point, in parallel, and finds the boundary on every edge between neighbours that differ. The result does
/// not depend on the number of threads.
///
/// # Errors
/// [`Error::Invalid`] for a family or a range that cannot be drawn, [`Error::Stopped`].
pub fn grid(family: &Family, model: &Model, settings: &Settings, control: &Control) -> Result<Grid, Error> {
    check(settings)?;
    let full = super::check(family, model, &super::Settings::default())?;
    family.check_ratio_varies()?;
    let (columns, rows) = settings.points;
    let ratios = spaced(settings.ratios, columns);
    let temperatures = spaced(settings.temperatures, rows);
    let coefficients = |ratio, temperature| coefficients(family, &full, model.views, ratio, temperature);
    let done = AtomicU64::new(0);
    let samples: Vec<Sample> = (0..rows * columns)
        .into_par_iter()
        .map(|cell| {
            if control.stop().is_some() {
                return Err(stopped());
            }
            let (ratio, temperature) = (ratios[cell % columns], temperatures[cell / columns]);
            let state = if model.features.nonnegative {
                State::Apart
            } else {
                State::of(&coefficients(ratio, temperature), control)?
            };
            let count = done.fetch_add(1, Ordering::Relaxed) + 1;
            control.report("grid", count, count as f64 / (rows * columns) as f64);
            Ok(Sample {
                x: f64::NAN,
                state,
                xi: None,
            })
        })
        .collect::<Result<_, _>>()?;

    let differs = |a: usize, b: usize| samples[a].state.kind() != samples[b].state.kind();
    let mut edges: Vec<Edge> = Vec::new();
    for j in 0..rows {
        for i in 0..columns {
            let cell = j * columns + i;
            if i + 1 < columns && differs(cell, cell + 1) {
                edges.push((i, j, true));
            }
            if j + 1 < rows && differs(cell, cell + columns) {
                edges.push((i, j, false));
            }
        }
    }
    let points: Vec<[f64; 2]> = edges
        .par_iter()
        .map(|&(i, j, along_ratio)| {
            let (ratio, temperature) = (ratios[i], temperatures[j]);
            let cell = j * columns + i;
            let (low, high, other) = if along_ratio {
                (ratio.ln(), ratios[i + 1].ln(), cell + 1)
            } else {
                (temperature.ln(), temperatures[j + 1].ln(), cell + columns)
            };
            let at = |x: f64| {
                if along_ratio {
                    coefficients(x.exp(), temperature)
                } else {
                    coefficients(ratio, x.exp())
                }
            };
            let end = |cell: usize, x: f64| Sample {
                x,
                ..samples[cell].clone()
            };
            let x = Line { at: &at, control }.boundary(&end(cell, low), &end(other, high))?;
            Ok(if along_ratio {
                [x.exp(), temperature]
            } else {
                [ratio, x.exp()]
            })
        })
        .collect::<Result<_, Error>>()?;

    let count = |state: &State| match state {
        State::Apart => Some(0),
        State::Collapsed(sets) => Some(sets.iter().flatten().map(|&g| family.multiplicity()[g]).sum()),
        State::Undecided => None,
    };
    let collapsed = samples
        .chunks(columns)
        .map(|row| row.iter().map(|sample| count(&sample.state)).collect())
        .collect();
    let kinds: Vec<Kind> = samples.iter().map(|sample| sample.state.kind()).collect();
    Ok(Grid {
        schema: SCHEMA,
        version: env!("CARGO_PKG_VERSION"),
        boundary: curves(&edges, &points, &kinds, (columns, rows)),
        ratios,
        temperatures,
        collapsed,
        at: Fixed::new(family, model),
    })
}

fn check(settings: &Settings) -> Result<(), Invalid> {
    for count in [settings.points.0, settings.points.1] {
        if !(2..=MAX_POINTS).contains(&count) {
            let (value, least, most) = (count.to_string(), 2.0, MAX_POINTS as f64);
            return Err(Invalid::new(Field::Grid, invalid::Kind::Range { value, least, most }));
        }
    }
    check_range(Field::Ratios, settings.ratios, RATIO_RANGE)?;
    check_range(Field::Temperatures, settings.temperatures, TEMPERATURE_RANGE)
}

/// Points evenly spaced in the logarithm; the ends are exact.
fn spaced((low, high): (f64, f64), count: usize) -> Vec<f64> {
    let last = (count - 1) as f64;
    let between = |i: usize| (low.ln() + i as f64 / last * (high / low).ln()).exp();
    (0..count)
        .map(|i| match i {
            0 => low,
            i if i + 1 == count => high,
            i => between(i),
        })
        .collect()
}

/// Joins the boundary points of every square of four neighbours, and the segments to curves.
fn curves(edges: &[Edge], points: &[[f64; 2]], kinds: &[Kind], (columns, rows): (usize, usize)) -> Vec<Vec<[f64; 2]>> {
    let index: std::collections::HashMap<Edge, usize> = edges.iter().enumerate().map(|(n, &edge)| (edge, n)).collect();
    // At most two segments meet in a point of an edge, one from each of its squares.
    let mut next: Vec<Vec<usize>> = vec![Vec::new(); edges.len()];
    for j in 0..rows - 1 {
        for i in 0..columns - 1 {
            // In this order around the square.
            let around = [(i, j, true), (i + 1, j, false), (i, j + 1, true), (i, j, false)];
            let crossed: Vec<usize> = around.iter().filter_map(|edge| index.get(edge).copied()).collect();
            let corner = |di: usize, dj: usize| kinds[(j + dj) * columns + i + di];
            let pairs: Vec<[usize; 2]> = match crossed[..] {
                [a, b] => vec![[a, b]],
                // Two corners of a kind face each other: the lower right corner is cut off, and the upper left.
                [a, b, c, d] if corner(0, 0) == corner(1, 1) => vec![[a, b], [c, d]],
                [a, b, c, d] => vec![[a, d], [b, c]],
                // Three kinds meet: their boundaries do too, nearly.
                [a, b, c] => vec![[a, b], [b, c]],
                _ => Vec::new(),
            };
            for [a, b] in pairs {
                next[a].push(b);
                next[b].push(a);
            }
        }
    }
    let mut curves = Vec::new();
    let mut follow = |start: usize, next: &mut Vec<Vec<usize>>| {
        let mut curve = vec![points[start]];
        let mut here = start;
        while let Some(there) = next[here].pop() {
            next[there].retain(|&n| n != here);
            curve.push(points[there]);
            here = there;
        }
        curves.push(curve);
    };
    // Open curves from their ends first, then closed ones.
    for start in 0..edges.len() {
        if next[start].len() == 1 {
            follow(start, &mut next);
        }
    }
    for start in 0..edges.len() {
        if !next[start].is_empty() {
            follow(start, &mut next);
        }
    }
    curves
}

impl Grid {
    /// The JSON form.
    pub fn to_json(&self) -> String {
        crate::report::json(self)
    }

    /// One line a point: `ratio,temperature,collapsed_classes`, the last empty where no rule tells.
    pub fn to_csv(&self) -> String {
        let mut csv = String::from("ratio,temperature,collapsed_classes\n");
        for (temperature, row) in self.temperatures.iter().zip(&self.collapsed) {
            for (ratio, count) in self.ratios.iter().zip(row) {
                let count = count.map_or_else(String::new, |count| count.to_string());
                csv.push_str(&format!("{ratio},{temperature},{count}\n"));
            }
        }
        csv
    }
}
