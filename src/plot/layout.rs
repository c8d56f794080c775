//! From a [`Heatmap`] to a [`Scene`]: where everything goes.
//!
//! Cells have whole pixels, and the side of a panel follows from them: between 0.8 and 1.6 times the target. Panels stand
//! side by side, tops aligned; left of each its axis, right of each run of panels with one range its colour bar; the
//! title above and the notes below take the width that results.

use super::axis::{Axis, GAP, NAME, NAME_GAP, OVERHANG, TICK};
use super::diverging::{LEVELS, Rgb, colour, ink, level};
use super::font::{ASCENT, CAP, DESCENT, Font};
use super::labels::{cell as cell_text, clean, tick};
use super::scene::{Anchor, Cells, Item, Rectangle, Scene, Text};
use super::{ColourRange, Heatmap, MAX_PRINTED, MAX_ROWS, Panel, PlotError};

const DARK: Rgb = [26, 26, 26];
const SOFT: Rgb = [70, 70, 70];

/// Side of a panel in pixels that the size of the cells aims at: for one panel, and for several.
const TARGET: (usize, usize) = (1200, 840);
/// Most pixels of a picture.
const MAX_PIXELS: u64 = 60_000_000;
/// White around everything.
const PAD: f64 = 36.0;
/// Least width of the picture, so that a title has room.
const MIN_WIDTH: f64 = 1200.0;
/// Width of ticks and frames.
const STROKE: i32 = 2;
/// Between panels.
const BETWEEN: f64 = 56.0;
/// Distance and width of a colour bar.
const BAR_GAP: f64 = 36.0;
const BAR_WIDTH: f64 = 38.0;

/// Sizes of text in pixels an em.
const TITLE: f64 = 38.0;
const SUBTITLE: f64 = 31.0;
const PANEL_TITLE: f64 = 36.0;
const BAR_LABEL: f64 = 30.0;
const NOTE: f64 = 28.0;
const VALUE_MIN: f64 = 14.0;
const VALUE_MAX: f64 = 48.0;
/// Distance of baselines in ems.
const LEADING: f64 = 1.35;

const TITLE_LINES: usize = 3;
const SUBTITLE_LINES: usize = 4;
const NOTE_LINES: usize = 3;
const MAX_NOTES: usize = 8;
/// A line between groups is drawn if a group at one of its sides has this many pixels.
const MIN_GROUP: usize = 40;

pub(super) fn scene(heatmap: &Heatmap, font: &Font) -> Result<Scene, PlotError> {
    check(heatmap)?;
    let target = if heatmap.panels.len() == 1 { TARGET.0 } else { TARGET.1 };
    let plans: Vec<Plan> = heatmap
        .panels
        .iter()
        .map(|panel| Plan::new(panel, target, font))
        .collect();
    let frames = frames(heatmap, &plans, font);

    let right = frames.iter().map(|f| f.right).fold(0.0, f64::max);
    let width = (right + PAD).max(MIN_WIDTH).ceil();
    let mut draft = Draft {
        font,
        items: Vec::new(),
    };

    let mut y = PAD;
    y = draft.paragraph(&heatmap.title, (PAD, y), width - 2.0 * PAD, TITLE, TITLE_LINES, DARK);
    if let Some(subtitle) = &heatmap.subtitle {
        y = draft.paragraph(subtitle, (PAD, y), width - 2.0 * PAD, SUBTITLE, SUBTITLE_LINES, SOFT);
    }
    if y > PAD {
        y += 18.0;
    }
    let titles: Vec<Vec<String>> = (heatmap.panels.iter().zip(&plans))
        .map(|(panel, plan)| font.wrap(&clean(&panel.title), plan.side() / PANEL_TITLE, 2))
        .collect();
    let lines = titles.iter().map(Vec::len).max().unwrap_or(0);
    if lines > 0 {
        y += lines as f64 * PANEL_TITLE * LEADING + 6.0;
    }
    let top = y.ceil();
    for (lines, (frame, plan)) in titles.iter().zip(frames.iter().zip(&plans)) {
        for (i, line) in lines.iter().rev().enumerate() {
            let baseline = top - 18.0 - i as f64 * PANEL_TITLE * LEADING;
            draft.text(
                line,
                (frame.plot + plan.side() / 2.0, baseline),
                PANEL_TITLE,
                Anchor::Middle,
                false,
                DARK,
            );
        }
    }

    for ((panel, plan), frame) in heatmap.panels.iter().zip(&plans).zip(&frames) {
        draft.panel(panel, plan, (frame.plot, top));
        draft.axis(&plan.axis, plan, (frame.plot, top), frame.labelled);
        if let Some(x) = frame.bar {
            draft.bar(panel.range, (x, top), plan.side());
        }
    }

    let mut y = plans
        .iter()
        .map(|plan| top + plan.side() + plan.axis.depth_below(font))
        .fold(0.0, f64::max);
    if !heatmap.notes.is_empty() {
        y += 24.0;
        for note in heatmap.notes.iter().take(MAX_NOTES) {
            y = draft.paragraph(note, (PAD, y), width - 2.0 * PAD, NOTE, NOTE_LINES, SOFT);
        }
        if heatmap.notes.len() > MAX_NOTES {
            let rest = format!("… and {} more notes", heatmap.notes.len() - MAX_NOTES);
            y = draft.paragraph(&rest, (PAD, y), width - 2.0 * PAD, NOTE, 1, SOFT);
        }
    }
    let height = (y + PAD).ceil();
    if width * height > MAX_PIXELS as f64 {
        return Err(PlotError::TooLarge {
            width: width as u64,
            height: height as u64,
        });
    }
    let description = std::iter::once(heatmap.title.as_str())
        .chain(heatmap.panels.iter().map(|p| p.title.as_str()))
        .filter(|t| !t.is_empty())
        .map(clean)
        .collect::<Vec<_>>()
        .join(" | ");
    Ok(Scene {
        width: width as u32,
        height: height as u32,
        description,
        items: draft.items,
    })
}

/// Everything that makes the rest of this file safe to run.
fn check(heatmap: &Heatmap) -> Result<(), PlotError> {
    if heatmap.panels.is_empty() {
        return Err(PlotError::NoPanels);
    }
    let mut pixels = 0u64;
    for (panel, given) in heatmap.panels.iter().enumerate() {
        let (rows, columns) = given.values.shape();
        if rows != columns {
            return Err(PlotError::NotSquare { panel, rows, columns });
        }
        if rows == 0 {
            return Err(PlotError::Empty { panel });
        }
        if rows > MAX_ROWS {
            return Err(PlotError::TooManyRows { panel, rows });
        }
        if given.labels.len() != rows {
            return Err(PlotError::Labels {
                panel,
                labels: given.labels.len(),
                rows,
            });
        }
        if let Some(multiplicity) = given.multiplicity.as_ref().filter(|m| m.len() != rows) {
            return Err(PlotError::Multiplicity {
                panel,
                multiplicities: multiplicity.len(),
                rows,
            });
        }
        if let Some(&boundary) = given.boundaries.iter().find(|&&b| b > rows) {
            return Err(PlotError::Boundary { panel, boundary, rows });
        }
        let max = given.range.max();
        if !(max.is_finite() && max >= 0.0) {
            return Err(PlotError::Range { panel, max });
        }
        let side = (rows * cell_size(rows, TARGET.1)) as u64;
        pixels = pixels.saturating_add(side * side);
        if pixels > MAX_PIXELS {
            return Err(PlotError::TooLarge {
                width: side * (panel as u64 + 1),
                height: side,
            });
        }
    }
    Ok(())
}

/// Pixels on the side of a cell: the panel comes nearest to the target, and not below 0.8 of it.
pub(super) fn cell_size(count: usize, target: usize) -> usize {
    let nearest = ((target + count / 2) / count).max(1);
    if nearest * count * 5 < target * 4 {
        nearest + 1
    } else {
        nearest
    }
}

/// A panel with its size and the labels of its axes.
struct Plan {
    count: usize,
    cell: usize,
    axis: Axis,
}

impl Plan {
    fn new(panel: &Panel, target: usize, font: &Font) -> Self {
        let count = panel.values.nrows();
        let cell = cell_size(count, target);
        let labels: Vec<String> = panel.labels.iter().map(|l| clean(l)).collect();
        let axis = Axis::new(&labels, panel.multiplicity.as_deref(), cell, &clean(&panel.axis), font);
        Self { count, cell, axis }
    }

    fn side(&self) -> f64 {
        (self.count * self.cell) as f64
    }
}

/// Where a panel is from left to right.
struct Frame {
    /// Left edge of the cells.
    plot: f64,
    /// Whether the rows are labelled; not beside a panel with the same labels.
    labelled: bool,
    /// Left edge of the colour bar.
    bar: Option<f64>,
    /// Right edge of everything.
    right: f64,
}

fn frames(heatmap: &Heatmap, plans: &[Plan], font: &Font) -> Vec<Frame> {
    let mut frames: Vec<Frame> = Vec::new();
    let mut x = PAD;
    for (i, (panel, plan)) in heatmap.panels.iter().zip(plans).enumerate() {
        let beside = frames.last().is_some_and(|f| f.bar.is_none());
        let labelled = !beside || plans[i - 1].axis != plan.axis || plans[i - 1].cell != plan.cell;
        let left = if labelled { plan.axis.depth_left(font) } else { 0.0 };
        let plot = (x + left.max(OVERHANG)).ceil();
        let mut right = plot + plan.side();
        let bar = match heatmap.panels.get(i + 1) {
            Some(next) if next.range == panel.range => None,
            _ => Some(right + BAR_GAP),
        };
        if bar.is_some() {
            right += BAR_GAP + bar_width(panel.range, font);
        } else {
            right += OVERHANG;
        }
        frames.push(Frame {
            plot,
            labelled,
            bar,
            right,
        });
        x = right + BETWEEN - OVERHANG;
    }
    frames
}

/// Ticks of a colour bar: positions from -1 to 1, and what is written there.
fn bar_ticks(range: ColourRange) -> Vec<(f64, String)> {
    let max = range.max();
    let positions: &[f64] = if max == 0.0 {
        &[0.0]
    } else {
        &[-1.0, -0.5, 0.0, 0.5, 1.0]
    };
    positions.iter().map(|&at| (at, tick(at * max))).collect()
}

fn bar_labels_width(range: ColourRange, font: &Font) -> f64 {
    bar_ticks(range)
        .iter()
        .map(|(_, text)| font.width(text) * BAR_LABEL)
        .fold(0.0, f64::max)
}

/// Width of a colour bar with its ticks, labels and name.
fn bar_width(range: ColourRange, font: &Font) -> f64 {
    BAR_WIDTH + TICK + GAP + bar_labels_width(range, font) + NAME_GAP + (ASCENT + DESCENT) * NAME
}

/// Width of the lines between groups.
pub(super) fn stroke(cell: usize) -> usize {
    match cell {
        0..4 => 1,
        4..60 => 2,
        _ => 3,
    }
}

/// The boundaries that get a line: those with a group of at least [`MIN_GROUP`] pixels on one side.
pub(super) fn visible_boundaries(boundaries: &[usize], count: usize, cell: usize) -> Vec<usize> {
    let mut all: Vec<usize> = boundaries.iter().copied().filter(|&b| b > 0 && b < count).collect();
    all.sort_unstable();
    all.dedup();
    let near = |i: usize| {
        let before = if i == 0 { 0 } else { all[i - 1] };
        let after = all.get(i + 1).copied().unwrap_or(count);
        (all[i] - before).max(after - all[i]) * cell >= MIN_GROUP
    };
    (0..all.len()).filter(|&i| near(i)).map(|i| all[i]).collect()
}

/// A scene in the making.
struct Draft<'a> {
    font: &'a Font,
    items: Vec<Item>,
}

impl Draft<'_> {
    fn text(&mut self, text: &str, (x, y): (f64, f64), em: f64, anchor: Anchor, turned: bool, fill: Rgb) {
        if !text.is_empty() {
            self.items.push(Item::Text(Text {
                x,
                y,
                text: text.to_string(),
                em,
                anchor,
                turned,
                fill,
            }));
        }
    }

    fn rectangle(&mut self, x: i32, y: i32, width: i32, height: i32, fill: Rgb) {
        self.items.push(Item::Rectangle(Rectangle {
            x,
            y,
            width,
            height,
            fill,
        }));
    }

    /// Writes wrapped lines below `y` and returns the `y` below them.
    fn paragraph(&mut self, text: &str, (x, y): (f64, f64), width: f64, em: f64, lines: usize, fill: Rgb) -> f64 {
        let mut y = y;
        for line in self.font.wrap(&clean(text), width / em, lines) {
            self.text(&line, (x, (y + ASCENT * em).round()), em, Anchor::Start, false, fill);
            y += LEADING * em;
        }
        y
    }

    fn panel(&mut self, panel: &Panel, plan: &Plan, (x, y): (f64, f64)) {
        let (x, y) = (x as i32, y as i32);
        let (count, cell, side) = (plan.count, plan.cell as i32, (plan.count * plan.cell) as i32);
        let max = panel.range.max();
        let levels: Vec<u8> = (0..count)
            .flat_map(|i| (0..count).map(move |j| (i, j)))
            .map(|at| level(panel.values[at], max))
            .collect();
        self.items.push(Item::Cells(Cells {
            x,
            y,
            count,
            cell: plan.cell,
            levels,
        }));

        let line = stroke(plan.cell) as i32;
        for boundary in visible_boundaries(&panel.boundaries, count, plan.cell) {
            let at = boundary as i32 * cell - line / 2;
            self.rectangle(x + at, y, line, side, DARK);
            self.rectangle(x, y + at, side, line, DARK);
        }
        self.rectangle(x - STROKE, y - STROKE, side + 2 * STROKE, STROKE, DARK);
        self.rectangle(x - STROKE, y + side, side + 2 * STROKE, STROKE, DARK);
        self.rectangle(x - STROKE, y, STROKE, side, DARK);
        self.rectangle(x + side, y, STROKE, side, DARK);

        if count <= MAX_PRINTED {
            self.values(panel, plan, (f64::from(x), f64::from(y)));
        }
    }

    /// The values in the cells, all of one size, if they fit.
    fn values(&mut self, panel: &Panel, plan: &Plan, (x, y): (f64, f64)) {
        let max = panel.range.max();
        let text = |i: usize, j: usize| cell_text(panel.values[(i, j)], max);
        let cells = || (0..plan.count).flat_map(|i| (0..plan.count).map(move |j| (i, j)));
        let widest = cells().map(|(i, j)| self.font.width(&text(i, j))).fold(0.0, f64::max);
        let em = (0.86 * plan.cell as f64 / widest).min(VALUE_MAX);
        if em < VALUE_MIN {
            return;
        }
        for (i, j) in cells() {
            let ink = ink(colour(level(panel.values[(i, j)], max)));
            let at = |k: usize| (k as f64 + 0.5) * plan.cell as f64;
            let baseline = (y + at(i) + CAP / 2.0 * em).round();
            self.text(&text(i, j), (x + at(j), baseline), em, Anchor::Middle, false, ink);
        }
    }

    fn axis(&mut self, axis: &Axis, plan: &Plan, (x, y): (f64, f64), labelled: bool) {
        let side = plan.side();
        let bottom = y + side;
        let length = TICK as i32;
        for (centre, text) in &axis.labels {
            let tick = (centre - f64::from(STROKE) / 2.0).round() as i32;
            self.rectangle(x as i32 + tick, bottom as i32, STROKE, length, DARK);
            self.rectangle(x as i32 - length, y as i32 + tick, length, STROKE, DARK);
            if axis.turned {
                let at = (x + centre + CAP / 2.0 * axis.em, bottom + TICK + GAP);
                self.text(text, at, axis.em, Anchor::End, true, DARK);
            } else {
                let at = (x + centre, bottom + TICK + GAP + CAP * axis.em);
                self.text(text, at, axis.em, Anchor::Middle, false, DARK);
            }
            if labelled {
                let at = (x - TICK - GAP, y + centre + CAP / 2.0 * axis.em);
                self.text(text, at, axis.em, Anchor::End, false, DARK);
            }
        }
        let below = bottom + axis.labels_below(self.font) + NAME_GAP + ASCENT * NAME;
        self.text(&axis.name, (x + side / 2.0, below), NAME, Anchor::Middle, false, DARK);
        if labelled {
            let left = x - TICK - GAP - axis.widest(self.font) - NAME_GAP - DESCENT * NAME;
            self.text(&axis.name, (left, y + side / 2.0), NAME, Anchor::Middle, true, DARK);
        }
    }

    fn bar(&mut self, range: ColourRange, (x, y): (f64, f64), height: f64) {
        let (left, top, width) = (x as i32, y as i32, BAR_WIDTH as i32);
        let edge = |step: u8| (height * f64::from(step) / f64::from(LEVELS)).round() as i32;
        for step in 0..LEVELS {
            let (from, to) = (edge(step), edge(step + 1));
            self.rectangle(left, top + from, width, to - from, colour(LEVELS - 1 - step));
        }
        let tall = height as i32;
        self.rectangle(left - STROKE, top - STROKE, width + 2 * STROKE, STROKE, DARK);
        self.rectangle(left - STROKE, top + tall, width + 2 * STROKE, STROKE, DARK);
        self.rectangle(left - STROKE, top, STROKE, tall, DARK);
        self.rectangle(left + width, top, STROKE, tall, DARK);

        for (ratio, text) in bar_ticks(range) {
            let at = height * (1.0 - ratio) / 2.0;
            let stroke = f64::from(STROKE);
            let at_pixel = (at - stroke / 2.0).clamp(-stroke, height).round() as i32;
            self.rectangle(left + width, top + at_pixel, TICK as i32 + STROKE, STROKE, DARK);
            let position = (x + BAR_WIDTH + TICK + GAP, y + at + CAP / 2.0 * BAR_LABEL);
            self.text(&text, position, BAR_LABEL, Anchor::Start, false, DARK);
        }
        let name = match range {
            ColourRange::Unit => "inner product of class means",
            ColourRange::Symmetric(_) => "difference of inner products",
        };
        let right = x + BAR_WIDTH + TICK + GAP + bar_labels_width(range, self.font) + NAME_GAP + ASCENT * NAME;
        let name = self.font.elide(name, height / NAME);
        self.text(&name, (right, y + height / 2.0), NAME, Anchor::Middle, true, DARK);
    }
}
