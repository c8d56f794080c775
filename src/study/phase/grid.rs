//! The diagram of ratio and temperature: how many classes are collapsed, and the boundary as curves.

use std::collections::BTreeSet;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::line::{Line, Sample, Setting, State, StateKind, stopped};
use super::{Family, Fixed, RATIO_RANGE, Trained, check_range};
use crate::error::Error;
use crate::math::control::Control;
#[cfg(feature = "plot")]
use crate::plot::Figure;
use crate::problem::invalid;
use crate::problem::{Field, Invalid, Model, TEMPERATURE_RANGE};
use crate::report::view::{Style, Table, View, cell};
use crate::report::{Name, ProblemReport};
use crate::study::{self, Journal, Stop, Study};

/// Identifier of the JSON form.
pub const SCHEMA: &str = "ufmin/phase-grid/1";

/// Most points on a side.
pub const MAX_POINTS: usize = 1000;

/// Ratios of a diagram that names none.
pub const RATIOS: (f64, f64) = (1.0, 1000.0);

/// Temperatures of a diagram that names none.
pub const TEMPERATURES: (f64, f64) = (0.05, 2.0);

/// Which points.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GridSettings {
    /// Number of ratios and of temperatures, each at least 2, evenly spaced in the logarithm, both ends included.
    pub points: (usize, usize),
    /// Ratios, `1 <= low < high`.
    pub ratios: (f64, f64),
    /// Temperatures.
    pub temperatures: (f64, f64),
}

/// The diagram.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Grid {
    /// [`SCHEMA`].
    pub schema: Name,
    /// Version of this crate.
    pub version: Name,
    /// The ratios, ascending.
    pub ratios: Vec<f64>,
    /// The temperatures, ascending.
    pub temperatures: Vec<f64>,
    /// For every temperature and every ratio the number of classes that share their vector with another; `None` where no
    /// rule tells.
    pub collapsed: Vec<Vec<Option<u64>>>,
    /// The methods that told, as of a line (`Phase::decided_by`).
    #[serde(default)]
    pub decided_by: Vec<Name>,
    /// Curves of `[ratio, temperature]` on which collapse begins or ends.
    pub boundary: Vec<Vec<[f64; 2]>>,
    /// What is the same everywhere.
    pub at: Fixed,
    /// The problem at the ratio of the classes that were given, in whole sizes; null where there is none.
    #[serde(default)]
    pub problem: Option<ProblemReport>,
    /// Whether all of it was found; if not, a stop request came before: only the rows that were finished are here, and no
    /// boundary.
    pub complete: bool,
    /// How far it came, where it is not complete.
    #[serde(skip)]
    pub stop: Option<Stop>,
}

/// An edge of the lattice of points: from `(i, j)` to the next ratio, or to the next temperature.
type Edge = (usize, usize, bool);

/// What rows of one journal have in common: everything.
pub fn identity(family: &Family, model: &Model, settings: &GridSettings) -> Value {
    let model = Model {
        title: None,
        ..model.clone()
    };
    let of_settings = json!({
        "ratios": settings.ratios,
        "temperatures": settings.temperatures,
        "points": settings.points,
    });
    crate::study::identity(
        "phase-grid",
        &Fixed::new(family, &model),
        &of_settings,
        &(family, &model),
    )
}

/// The points of one temperature, as a study: its rows are what [`State`] they are in.
struct Rows<'a> {
    family: &'a Family,
    model: &'a Model,
    trained: &'a Trained,
    ratios: &'a [f64],
    temperatures: &'a [f64],
}

impl Rows<'_> {
    fn setting(&self, ratio: f64, temperature: f64) -> Setting {
        self.trained.setting(self.family, self.model.views, ratio, temperature)
    }
}

/// Points of a row that are solved one after the other.
const CHUNK: usize = 16;

impl Study for Rows<'_> {
    const POINTS: &'static str = "rows";
    type Point = (&'static str, usize);
    type Row = Vec<State>;

    fn points(&self) -> Vec<Self::Point> {
        (0..self.temperatures.len()).map(|j| ("row", j)).collect()
    }

    fn run(&self, &(_, j): &Self::Point, control: &Control) -> Result<Vec<State>, Error> {
        let ratios = self.ratios.par_iter().with_min_len(CHUNK);
        ratios
            .map(|&ratio| {
                if control.stop().is_some() {
                    return Err(stopped());
                }
                if self.model.features.nonnegative {
                    return Ok(State::Apart);
                }
                State::of(&self.setting(ratio, self.temperatures[j]), control)
            })
            .collect()
    }

    fn check(&self, _: &Self::Point, row: &Vec<State>) -> Result<(), String> {
        let groups = self.family.multiplicity().len();
        let sets = row.iter().flat_map(State::sets).flatten();
        if row.len() == self.ratios.len() && sets.max().is_none_or(|&group| group < groups) {
            return Ok(());
        }
        Err("it is not a row of this grid".to_owned())
    }
}

/// The boundary on every edge between neighbours that differ, as a study: its rows are positions, as logarithms.
struct Edges<'a> {
    rows: &'a Rows<'a>,
    states: &'a [State],
    edges: &'a [Edge],
}

impl Study for Edges<'_> {
    const POINTS: &'static str = "points of the boundary";
    type Point = (&'static str, Edge);
    type Row = f64;

    fn points(&self) -> Vec<Self::Point> {
        self.edges.iter().map(|&edge| ("edge", edge)).collect()
    }

    fn run(&self, &(_, (i, j, along_ratio)): &Self::Point, control: &Control) -> Result<f64, Error> {
        let Rows {
            ratios, temperatures, ..
        } = *self.rows;
        let (ratio, temperature) = (ratios[i], temperatures[j]);
        let cell = j * ratios.len() + i;
        let (low, high, other) = if along_ratio {
            (ratio.ln(), ratios[i + 1].ln(), cell + 1)
        } else {
            (temperature.ln(), temperatures[j + 1].ln(), cell + ratios.len())
        };
        let at = |x: f64| {
            if along_ratio {
                self.rows.setting(x.exp(), temperature)
            } else {
                self.rows.setting(ratio, x.exp())
            }
        };
        let end = |cell: usize, x: f64| Sample {
            x,
            state: self.states[cell].clone(),
            xi: None,
        };
        let line = Line {
            at: &at,
            whole: false,
            control,
        };
        line.boundary(&end(cell, low), &end(other, high))
    }
}

/// Solves every point, in parallel, and finds the boundary on every edge between neighbours that differ, until it is asked
/// to stop. The result does not depend on the number of threads.
///
/// # Errors
/// [`Error::Invalid`] for a family or a range that cannot be drawn; [`Error::Journal`] and [`Error::Write`] for the journal.
pub fn grid(
    family: &Family,
    model: &Model,
    settings: &GridSettings,
    journal: Option<&Journal>,
    control: &Control,
) -> Result<Grid, Error> {
    check(settings)?;
    let trained = super::check(family, model, &super::ScanSettings::default())?;
    family.check_ratio_varies()?;
    let (columns, rows) = settings.points;
    let ratios = spaced(settings.ratios, columns);
    let temperatures = spaced(settings.temperatures, rows);
    let study = Rows {
        family,
        model,
        trained: &trained,
        ratios: &ratios,
        temperatures: &temperatures,
    };
    let found = study::rows(&study, journal, control)?;
    let count = |state: &State| match state {
        State::Apart => Some(0),
        State::Collapsed(sets) | State::Searched(sets) => {
            Some(sets.iter().flatten().map(|&g| family.multiplicity()[g]).sum())
        }
        State::Undecided => None,
    };
    let stop = Stop::of::<Rows<'_>>(&found);
    let (of_rows, finished): (Vec<f64>, Vec<Vec<State>>) = temperatures
        .iter()
        .zip(found)
        .filter_map(|(&temperature, row)| Some((temperature, row?)))
        .unzip();
    let decided_by: BTreeSet<&str> = finished.iter().flatten().filter_map(State::decided_by).collect();
    let grid = Grid {
        schema: SCHEMA.into(),
        version: env!("CARGO_PKG_VERSION").into(),
        boundary: Vec::new(),
        decided_by: decided_by.into_iter().map(Name::from).collect(),
        ratios: ratios.clone(),
        temperatures: of_rows,
        collapsed: finished.iter().map(|row| row.iter().map(count).collect()).collect(),
        at: Fixed::new(family, model),
        problem: super::restated(family, model),
        complete: stop.is_none(),
        stop,
    };
    if !grid.complete {
        return Ok(grid);
    }

    let states: Vec<State> = finished.into_iter().flatten().collect();
    let kinds: Vec<StateKind> = states.iter().map(State::kind).collect();
    let edges = edges(&kinds, settings.points);
    let study = Edges {
        rows: &study,
        states: &states,
        edges: &edges,
    };
    let found = study::rows(&study, journal, control)?;
    if let Some(stop) = Stop::of::<Edges<'_>>(&found) {
        return Ok(Grid {
            complete: false,
            stop: Some(stop),
            ..grid
        });
    }
    let points: Vec<[f64; 2]> = edges
        .iter()
        .zip(found.into_iter().flatten())
        .map(|(&(i, j, along_ratio), x)| {
            if along_ratio {
                [x.exp(), temperatures[j]]
            } else {
                [ratios[i], x.exp()]
            }
        })
        .collect();
    Ok(Grid {
        boundary: curves(&edges, &points, &kinds, (columns, rows)),
        ..grid
    })
}

fn check(settings: &GridSettings) -> Result<(), Invalid> {
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

/// The edges between neighbours of different kinds.
fn edges(kinds: &[StateKind], (columns, rows): (usize, usize)) -> Vec<Edge> {
    let mut edges = Vec::new();
    for j in 0..rows {
        for i in 0..columns {
            let cell = j * columns + i;
            if i + 1 < columns && kinds[cell] != kinds[cell + 1] {
                edges.push((i, j, true));
            }
            if j + 1 < rows && kinds[cell] != kinds[cell + columns] {
                edges.push((i, j, false));
            }
        }
    }
    edges
}

/// Joins the boundary points of every square of four neighbours, and the segments to curves.
fn curves(
    edges: &[Edge],
    points: &[[f64; 2]],
    kinds: &[StateKind],
    (columns, rows): (usize, usize),
) -> Vec<Vec<[f64; 2]>> {
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

impl View for Grid {
    const SCHEMA: &'static str = SCHEMA;

    fn text(&self, _: Style) -> String {
        let points = self.collapsed.iter().flatten();
        let unknown = points.clone().filter(|count| count.is_none()).count();
        let undecided = match unknown {
            0 => String::new(),
            count => format!(", {count} undecided (no rule, and nothing for the low-rank solver)"),
        };
        let searched = self.decided_by.iter().any(|method| method == "lowrank");
        let how = if searched {
            "\ndecided by the low-rank solver where no rule tells which classes share a vector"
        } else {
            ""
        };
        format!(
            "{} points, {} with collapsed classes{undecided}; boundary of {} points in {} curves{how}\n",
            points.clone().count(),
            points.filter(|count| **count > Some(0)).count(),
            self.boundary.iter().map(Vec::len).sum::<usize>(),
            self.boundary.len()
        )
    }

    /// One line a point; the number of classes is empty where no rule tells.
    fn table(&self) -> Option<Table> {
        let mut table = Table::new(&["ratio", "temperature", "collapsed_classes"]);
        for (temperature, row) in self.temperatures.iter().zip(&self.collapsed) {
            for (ratio, count) in self.ratios.iter().zip(row) {
                table
                    .rows
                    .push(vec![ratio.to_string(), temperature.to_string(), cell(*count)]);
            }
        }
        Some(table)
    }

    #[cfg(feature = "plot")]
    fn figures(&self) -> Vec<(&'static str, Figure)> {
        let diagram = self.complete.then(|| ("phase", self.diagram()));
        diagram.into_iter().collect()
    }

    fn passes(&self) -> bool {
        true
    }

    fn is_complete(&self) -> bool {
        self.complete
    }
}

impl Grid {}
