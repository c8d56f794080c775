//! Matrices as coloured cells, side by side, with colour bars.
//!
//! Cells have whole pixels, and the side of a panel follows from them: between 0.8 and 1.6 times the target.

use nalgebra::DMatrix;
use plotters::element::PathElement;
use plotters::style::text_anchor::{HPos, VPos};

use super::axis::{Axis, LABEL, Labels, class_labels};
use super::colour::{DARK, ink, level};
use super::frame::{self, NAME, Part, Plot};
use super::number::{cell as cell_text, tick};
use super::page::{Cells, Drawn, Page};
use super::{Figure, PlotError, font};

/// Most rows a panel may have: one pixel each. Above that, draw the groups.
pub const MAX_ROWS: usize = 2000;
/// Most classes for which the values are printed in the cells.
pub const MAX_PRINTED: usize = 12;

/// Side of a panel in pixels that the size of the cells aims at: for one panel, and for several.
pub(super) const TARGET: (usize, usize) = (1200, 840);
/// Between panels; distance and width of a colour bar.
const BETWEEN: i32 = 56;
const BAR_GAP: i32 = 36;
const BAR_WIDTH: i32 = 38;
/// Least width in pixels of a group that is set off by a line.
const MIN_GROUP: usize = 40;
/// Least and largest size of values in the cells, in pixels an em.
const VALUE: (f64, f64) = (14.0, 48.0);

/// The values at the ends of the colour map. 0 is always white, and equal distances from it have equal depth.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ColourRange {
    /// The least value with a colour of its own.
    pub low: f64,
    /// The largest, above `low`.
    pub high: f64,
}

impl ColourRange {
    /// Inner products of unit vectors.
    pub const UNIT: Self = Self { low: -1.0, high: 1.0 };

    /// Where there is nothing to see: no range that is made for values ends below this, so that what is left of inner products
    /// of unit vectors by rounding keeps the colour of 0.
    pub const LEAST: f64 = 1e-9;

    /// The symmetric range that holds all finite `values`, rounded up to 1, 2 or 5 times a power of ten, and at least
    /// [`LEAST`](Self::LEAST); from -1 to 1 if all are 0.
    pub fn around(values: impl IntoIterator<Item = f64>) -> Self {
        let finite = values.into_iter().filter(|v| v.is_finite());
        let largest = finite.fold(0.0, |m: f64, v| m.max(v.abs()));
        if largest > 0.0 && largest <= Self::LEAST {
            return Self {
                low: -Self::LEAST,
                high: Self::LEAST,
            };
        }
        let power = 10f64.powi(largest.log10().floor() as i32);
        let mut nice = [1.0, 2.0, 5.0, 10.0].into_iter().map(|m| m * power);
        // Values next to f64::MIN_POSITIVE or f64::MAX leave the range of `powi`; they are their own maximum.
        let high = nice.find(|m| m.is_finite() && *m > 0.0 && *m >= largest * (1.0 - 1e-12));
        let high = if largest > 0.0 {
            high.unwrap_or(largest).max(largest)
        } else {
            1.0
        };
        Self { low: -high, high }
    }

    /// Largest absolute value with a colour of its own.
    pub fn largest(self) -> f64 {
        self.low.abs().max(self.high.abs())
    }

    /// A colour bar `side` pixels high, in shares of the largest value: no range is too small or too large for those.
    fn bar(self, side: i32, quantity: &str) -> Part<'static> {
        let largest = self.largest();
        let values = match self {
            Self { low, high } if high == -low => [1.0, 0.5, 0.0, -0.5, -1.0].map(|share| share * high).to_vec(),
            Self { low, high } if low < 0.0 && high > 0.0 => vec![high, 0.0, low],
            Self { low, high } => vec![high, low],
        };
        let mut ticks: Vec<_> = values.into_iter().map(|value| (value / largest, tick(value))).collect();
        ticks.dedup();
        let (low, high) = (self.low / largest, self.high / largest);
        let value = |row: i32| high - (f64::from(row) + 0.5) / f64::from(side) * (high - low);
        let levels = (0..side).map(|row| level(value(row), Self { low, high })).collect();
        let x = Axis::labelled(0.0, 1.0, Labels::new(Vec::new(), LABEL, false), "");
        let y = Axis::labelled(low, high, Labels::new(ticks, LABEL, false), quantity);
        Part {
            title: "",
            gap: BAR_GAP,
            size: (BAR_WIDTH, side),
            axes: (x, y),
            right: true,
            grid: false,
            cells: Some(Cells::new(1, (BAR_WIDTH as usize, 1), levels)),
            draw: Box::new(|_| Ok(())),
        }
    }
}

/// One square matrix of a heatmap.
#[derive(Debug, Clone, PartialEq)]
pub struct Panel {
    /// Written above the panel; may be empty.
    pub title: String,
    /// k x k, in class order, row 0 on top. Entries that are not finite are drawn grey.
    pub values: DMatrix<f64>,
    /// One for each row, written on both axes: the class size, or anything else. Thinned where they would overlap;
    /// among many classes, neighbours with equal labels share one ("50 ×400").
    pub labels: Vec<String>,
    /// What the labels are, such as "class size"; may be empty.
    pub axis: String,
    /// Lines between groups, ascending: `i` draws one before row and column `i`, if a group at its side has several rows,
    /// and room.
    pub boundaries: Vec<usize>,
    /// At group level, the number of classes that each row stands for. All cells keep the same width, so that one class
    /// among a million is still visible; the number is written behind the label ("50 ×400").
    pub multiplicity: Option<Vec<u64>>,
    /// What [`Panel::multiplicity`] counts. Default `classes`.
    pub members: &'static str,
    /// What the ends of the colour map stand for.
    pub range: ColourRange,
    /// What the colours are, written along the colour bar. Neighbours with the same range and quantity share one.
    pub quantity: String,
}

impl Panel {
    /// A panel of inner products with these values, their 0-based indices as labels, and nothing else.
    pub fn new(values: DMatrix<f64>) -> Self {
        Self {
            title: String::new(),
            labels: (0..values.nrows()).map(|i| i.to_string()).collect(),
            values,
            axis: String::new(),
            members: "classes",
            boundaries: Vec::new(),
            multiplicity: None,
            range: ColourRange::UNIT,
            quantity: "inner product of class means".to_owned(),
        }
    }

    fn check(&self, panel: usize) -> Result<(), PlotError> {
        let (rows, columns) = self.values.shape();
        let counts = self.multiplicity.as_ref().map_or(rows, Vec::len);
        let ColourRange { low, high } = self.range;
        if rows != columns || !(1..=MAX_ROWS).contains(&rows) {
            return Err(PlotError::Matrix { panel, rows, columns });
        }
        if self.labels.len() != rows || counts != rows || self.boundaries.iter().any(|&row| row > rows) {
            return Err(PlotError::Rows { panel, rows });
        }
        if !(low.is_finite() && high.is_finite() && low < high) {
            return Err(PlotError::Range { panel, low, high });
        }
        Ok(())
    }

    /// Lines between groups and, if there are few, the values in the cells, all of one size: at least `least` pixels an em.
    fn draw(&self, plot: &mut Plot, cell: usize, least: f64) -> Drawn {
        let (count, area) = (self.values.nrows(), plot.plotting_area().strip_coord_spec());
        let side = (count * cell) as i32;
        let edges: Vec<usize> = [0]
            .into_iter()
            .chain(self.boundaries.iter().copied())
            .chain([count])
            .collect();
        for rows in edges.windows(3) {
            let widest = rows[0].abs_diff(rows[1]).max(rows[1].abs_diff(rows[2]));
            if widest < 2 || widest * cell < MIN_GROUP {
                continue;
            }
            let at = (rows[1] * cell) as i32;
            area.draw(&PathElement::new([(at, 0), (at, side)], frame::pen(DARK, 2)))?;
            area.draw(&PathElement::new([(0, at), (side, at)], frame::pen(DARK, 2)))?;
        }
        let written = self.values.map(|value| cell_text(value, self.range.largest()));
        let widest = written.iter().map(|text| font::width(text)).fold(0.0, f64::max);
        let em = (0.86 * cell as f64 / widest).min(VALUE.1);
        if count > MAX_PRINTED || em < least {
            return Ok(());
        }
        let at = |k: usize| ((k as f64 + 0.5) * cell as f64) as i32;
        for (i, j) in (0..count).flat_map(|i| (0..count).map(move |j| (i, j))) {
            let ink = ink(level(self.values[(i, j)], self.range));
            let style = frame::text(em, ink, HPos::Center, VPos::Center);
            area.draw_text(&written[(i, j)], &style, (at(j), at(i)))?;
        }
        Ok(())
    }
}

/// The page of a figure of matrices.
pub(super) fn page(figure: &Figure, panels: &[Panel]) -> Result<Page, PlotError> {
    let target = if panels.len() == 1 { TARGET.0 } else { TARGET.1 };
    frame::page(figure, vec![parts(panels, target, VALUE.0)?], ("", &[]))
}

/// Matrices of about `target` pixels, with their colour bars. Values in the cells have at least `least` pixels an em.
pub(super) fn parts(panels: &[Panel], target: usize, least: f64) -> Result<Vec<Part<'_>>, PlotError> {
    if panels.is_empty() {
        return Err(PlotError::NoPanels);
    }
    panels.iter().enumerate().try_for_each(|(i, panel)| panel.check(i))?;
    let mut parts: Vec<Part<'_>> = Vec::new();
    let mut labelled: Option<(usize, Labels)> = None;
    for (i, panel) in panels.iter().enumerate() {
        let count = panel.values.nrows();
        let cell = cell_size(count, target);
        let (labels, counted) = class_labels(&panel.labels, panel.multiplicity.as_deref(), cell);
        let counts = if counted {
            format!("×n: n {}", panel.members)
        } else {
            String::new()
        };
        let name = match &*panel.axis {
            "" => counts,
            axis if counted => format!("{axis} ({counts})"),
            axis => axis.to_owned(),
        };
        let name = font::elide(&name, (count * cell) as f64 / NAME);
        let size = count as f64;
        // Rows are not labelled beside a panel with the same labels.
        let again = labelled
            .replace((cell, labels.clone()))
            .is_some_and(|last| last == (cell, labels.clone()));
        let blank = labels.ticks.iter().map(|(at, _)| (*at, String::new())).collect();
        let rows = if again { blank } else { labels.ticks.clone() };
        let rows = Labels::new(rows, labels.em, false);
        let y = Axis::labelled(size, 0.0, rows, if again { "" } else { &name });
        let levels = |i: usize| (0..count).map(move |j| level(panel.values[(i, j)], panel.range));
        let levels = (0..count).flat_map(levels).collect();
        parts.push(Part {
            title: &panel.title,
            gap: if i == 0 { 0 } else { BETWEEN },
            size: ((count * cell) as i32, (count * cell) as i32),
            axes: (Axis::labelled(0.0, size, labels, &name), y),
            right: false,
            grid: false,
            cells: Some(Cells::new(count, (cell, cell), levels)),
            draw: Box::new(move |plot| panel.draw(plot, cell, least)),
        });
        let shared = |next: &Panel| (next.range, &next.quantity) == (panel.range, &panel.quantity);
        if !panels.get(i + 1).is_some_and(shared) {
            parts.push(panel.range.bar((count * cell) as i32, &panel.quantity));
            labelled = None;
        }
    }
    Ok(parts)
}

/// Pixels on the side of a cell: the panel comes nearest to the target, and not below 0.8 of it.
pub(super) fn cell_size(count: usize, target: usize) -> usize {
    let nearest = ((target + count / 2) / count).max(1);
    nearest + usize::from(nearest * count * 5 < target * 4)
}
