//! The axes of plots: plotters' linear and logarithmic coordinates, with ticks and labels of our own choice.
//!
//! Plotters gives a logarithmic axis of less than a decade no tick, starts others at the first power of ten, and does not
//! keep labels from overlapping; and it knows no axis of classes.

use std::ops::Range;

use plotters::coord::combinators::{IntoLogRange, LogCoord};
use plotters::coord::ranged1d::{KeyPointHint, NoDefaultFormatting, Ranged, ValueFormatter};
use plotters::coord::types::RangedCoordf64;

use super::font::{self, ASCENT, CAP, DESCENT};
use super::number::tick;

/// Size of labels in pixels an em; the largest of class labels, and the least of those for every row, level and turned.
pub(super) const LABEL: f64 = 32.0;
const LEVEL_MIN: f64 = 26.0;
const TURNED_MIN: f64 = 24.0;
/// Size of class labels where rows are left out.
const THINNED: f64 = 30.0;
/// Height of a line of text with the least distance to the next, and the longest class label, in ems.
const PITCH: f64 = ASCENT + DESCENT + 0.03;
const LONGEST: f64 = 13.0;

/// How values become positions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scale {
    /// In proportion.
    Linear,
    /// In proportion to the logarithm; values are positive.
    Logarithmic,
}

enum Coordinate {
    Linear(RangedCoordf64),
    Logarithmic(LogCoord<f64>),
}

/// An axis with the values and labels of its ticks, and the values of minor lines.
pub(super) struct Axis {
    coordinate: Coordinate,
    pub(super) labels: Labels,
    minor: Vec<f64>,
    /// What is measured.
    pub(super) name: String,
}

/// Labels with their positions, and how they are written.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Labels {
    pub(super) ticks: Vec<(f64, String)>,
    /// Size in pixels an em.
    pub(super) em: f64,
    /// Turned by a quarter, below a plot.
    pub(super) turned: bool,
}

impl Labels {
    pub(super) fn new(ticks: Vec<(f64, String)>, em: f64, turned: bool) -> Self {
        Self { ticks, em, turned }
    }

    /// Pixels of the widest label.
    pub(super) fn widest(&self) -> f64 {
        let widths = self.ticks.iter().map(|(_, text)| font::width(text) * self.em);
        widths.fold(0.0, f64::max)
    }
}

impl Axis {
    /// A linear axis with these labels, which descends where `low` is above `high`.
    pub(super) fn labelled(low: f64, high: f64, labels: Labels, name: &str) -> Self {
        let (coordinate, minor) = (Coordinate::Linear((low..high).into()), Vec::new());
        let name = font::clean(name);
        Self {
            coordinate,
            labels,
            minor,
            name,
        }
    }

    /// An axis of `length` pixels with round numbers, as many as have room; `level` if they are written along it.
    pub(super) fn new(scale: Scale, (low, high): (f64, f64), length: i32, level: bool, name: &str) -> Self {
        let mut axis = Self::labelled(low, high, Labels::new(Vec::new(), LABEL, false), name);
        let linear = || RangedCoordf64::from(low..high).key_points(8);
        let values = match scale {
            Scale::Linear => linear(),
            Scale::Logarithmic => {
                axis.coordinate = Coordinate::Logarithmic((low..high).log_scale().into());
                let decades = (high / low).log10();
                let times = |digits: Range<i32>, wanted: &dyn Fn(i32, i32) -> bool| -> Vec<f64> {
                    let powers = low.log10().floor() as i32..=high.log10().floor() as i32;
                    let all = powers.flat_map(|power| digits.clone().map(move |digit| (digit, power)));
                    let decimals = all.filter(|&(digit, power)| wanted(digit, power));
                    let values = decimals.filter_map(|(digit, power)| format!("{digit}e{power}").parse().ok());
                    values
                        .filter(|v| low * (1.0 - 1e-9) <= *v && *v <= high * (1.0 + 1e-9))
                        .collect()
                };
                if decades < 8.0 {
                    axis.minor = times(1..10, &|_, _| true);
                }
                let every = (decades / 8.0).ceil() as i32;
                let few = times(1..6, &|digit, _| [1, 2, 5].contains(&digit));
                match decades {
                    3.5.. => times(1..2, &|_, power| power.rem_euclid(every) == 0),
                    _ if few.len() > 2 => few,
                    _ => linear(),
                }
            }
        };
        let all: Vec<(f64, String)> = values.into_iter().map(|value| (value, tick(value))).collect();
        let centres: Vec<f64> = all
            .iter()
            .map(|(value, _)| axis.map(value, (0, length)).into())
            .collect();
        let extent = |text: &str| if level { font::width(text) } else { CAP + DESCENT };
        let extents: Vec<f64> = all.iter().map(|(_, text)| extent(text) * LABEL).collect();
        let kept = thin(&centres, &extents, &vec![1; all.len()], 20.0);
        axis.labels.ticks = kept.into_iter().map(|i| all[i].clone()).collect();
        axis
    }
}

impl Ranged for Axis {
    type FormatOption = NoDefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, limits: (i32, i32)) -> i32 {
        match &self.coordinate {
            Coordinate::Linear(axis) => axis.map(value, limits),
            Coordinate::Logarithmic(axis) => axis.map(value, limits),
        }
    }

    fn key_points<Hint: KeyPointHint>(&self, hint: Hint) -> Vec<f64> {
        match hint.weight().allow_light_points() {
            true => self.minor.clone(),
            false => self.labels.ticks.iter().map(|(value, _)| *value).collect(),
        }
    }

    fn range(&self) -> Range<f64> {
        match &self.coordinate {
            Coordinate::Linear(axis) => axis.range(),
            Coordinate::Logarithmic(axis) => axis.range(),
        }
    }
}

impl ValueFormatter<f64> for Axis {
    /// Plotters would turn labels about the middle of their upper edge, into the plot.
    fn format_ext(&self, value: &f64) -> String {
        let label = self
            .labels
            .ticks
            .iter()
            .find(|(at, _)| at == value && !self.labels.turned);
        label.map_or(String::new(), |(_, text)| text.clone())
    }
}

/// Which labels to write so that none overlaps: indices in increasing order. Label `i` is centred at `centres[i]`
/// (increasing) and takes `extents[i]`; at least `gap` stays between two. The first label comes before all others, then
/// the last, then the heavier, then the earlier.
pub(super) fn thin(centres: &[f64], extents: &[f64], weights: &[usize], gap: f64) -> Vec<usize> {
    let mut order: Vec<usize> = (0..centres.len()).collect();
    order.sort_by_key(|&i| (i != 0, i + 1 != centres.len(), std::cmp::Reverse(weights[i]), i));
    let clear = |a: usize, b: usize| (centres[b] - centres[a]).abs() >= (extents[a] + extents[b]) / 2.0 + gap;
    let mut kept: Vec<usize> = Vec::new();
    for i in order {
        let at = kept.partition_point(|&j| j < i);
        // Only neighbours can overlap.
        if kept[at.saturating_sub(1)..kept.len().min(at + 1)]
            .iter()
            .all(|&j| clear(i, j))
        {
            kept.insert(at, i);
        }
    }
    kept
}

/// Labels of classes in rows of `cell` pixels, and whether some have a number of classes ("50 ×400"). Every row gets its own
/// if they fit side by side, level or turned; otherwise long runs of equal labels share one and the rest is thinned.
pub(super) fn class_labels(labels: &[String], multiplicity: Option<&[u64]>, cell: usize) -> (Labels, bool) {
    let cell = cell as f64;
    let label = |rows: Range<usize>| {
        let counts = multiplicity.map_or(&[][..], |counts| &counts[rows.clone()]);
        let counted = counts.iter().fold(0u64, |sum, &count| sum.saturating_add(count));
        let classes = if multiplicity.is_some() {
            counted
        } else {
            rows.len() as u64
        };
        // The number of classes is never cut.
        let count = if classes == 1 {
            String::new()
        } else {
            format!(" ×{classes}")
        };
        let text = font::elide(&labels[rows.start], LONGEST - font::width(&count)) + &count;
        ((rows.start + rows.end) as f64 / 2.0, text.trim().to_owned())
    };
    let each: Vec<_> = (0..labels.len()).map(|row| label(row..row + 1)).collect();
    let fit = |ems: f64| (cell / ems).min(LABEL);
    let (level, upright) = (fit(Labels::new(each.clone(), 1.0, false).widest() + 0.6), fit(PITCH));
    let counted = |labels: &Labels| labels.ticks.iter().any(|(_, text)| text.contains('×'));
    if level >= LEVEL_MIN || upright >= TURNED_MIN {
        let turned = level < LEVEL_MIN;
        let all = Labels::new(each, if turned { upright } else { level }, turned);
        return (all.clone(), counted(&all));
    }
    let mut runs: Vec<Range<usize>> = Vec::new();
    for run in labels.chunk_by(|a, b| a == b) {
        let start = runs.last().map_or(0, |last| last.end);
        // A run long enough to hold its label shares one; all other rows compete one by one.
        let step = if run.len() as f64 * cell >= PITCH * THINNED {
            run.len()
        } else {
            1
        };
        runs.extend((start..start + run.len()).step_by(step).map(|row| row..row + step));
    }
    let all: Vec<_> = runs.iter().cloned().map(label).collect();
    let centres: Vec<f64> = all.iter().map(|(centre, _)| centre * cell).collect();
    let weights: Vec<usize> = runs.iter().map(ExactSizeIterator::len).collect();
    // Level labels must be clear of each other along the columns and along the rows.
    let wide: Vec<f64> = all
        .iter()
        .map(|(_, text)| font::width(text).max(PITCH) * THINNED)
        .collect();
    let level = thin(&centres, &wide, &weights, 0.8 * THINNED);
    let above = thin(&centres, &vec![PITCH * THINNED; all.len()], &weights, 0.35 * THINNED);
    let turned = level.len() < above.len();
    let kept = if turned { above } else { level };
    let kept = Labels::new(kept.into_iter().map(|i| all[i].clone()).collect(), THINNED, turned);
    (kept.clone(), counted(&kept))
}
