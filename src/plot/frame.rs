//! Where everything goes: title and subtitle, plots side by side with their axes, a legend at their right, and notes.
//!
//! Plotters sets titles in one line, and legends inside of the plot, over the data.

use std::cell::RefCell;
use std::rc::Rc;

use plotters::chart::{ChartBuilder, ChartContext, LabelAreaPosition};
use plotters::coord::cartesian::Cartesian2d;
use plotters::element::Rectangle;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color as _, FontTransform, IntoFont as _, RGBColor, ShapeStyle, TextStyle};

use super::axis::{Axis, LABEL};
use super::colour::{DARK, GRID, Rgb, SOFT};
use super::font::{self, ASCENT, CAP, DESCENT};
use super::page::{Area, Cells, Drawn, Item, Page};
use super::{Figure, PlotError};

/// White around everything, and below the title and above the notes.
const PAD: i32 = 36;
const GAP: i32 = 22;
/// Length of a tick; labels are as far from its end.
const TICK: i32 = 10;
/// Sizes of text in pixels an em.
pub(super) const NAME: f64 = 34.0;
pub(super) const PANEL: f64 = 36.0;
const TITLE: f64 = 38.0;
const SUBTITLE: f64 = 31.0;
const NOTE: f64 = 28.0;
/// Distance of baselines in ems.
const LEADING: f64 = 1.35;
const MAX_NOTES: usize = 8;
/// Least width of a picture, so that a title has room.
const MIN_WIDTH: i32 = 1200;
/// Most pixels of a picture.
const MAX_PIXELS: u64 = 60_000_000;
/// Distance and width of a legend's swatches, distance of its text, and of its lines.
const LEGEND: [i32; 4] = [44, 56, 12, 46];

pub(super) type Plot = ChartContext<'static, Page, Cartesian2d<Axis, Axis>>;

pub(super) fn ink([r, g, b]: Rgb) -> RGBColor {
    RGBColor(r, g, b)
}

pub(super) fn pen(colour: Rgb, width: u32) -> ShapeStyle {
    ink(colour).stroke_width(width)
}

pub(super) fn text(em: f64, colour: Rgb, horizontal: HPos, vertical: VPos) -> TextStyle<'static> {
    let mut style = TextStyle::from(("sans-serif", em).into_font());
    (style.color, style.pos) = (ink(colour).to_backend_color(), Pos::new(horizontal, vertical));
    style
}

/// One plot with its axes.
pub(super) struct Part<'a> {
    pub(super) title: &'a str,
    /// Pixels to what is at its left, and of the plot.
    pub(super) gap: i32,
    pub(super) size: (i32, i32),
    pub(super) axes: (Axis, Axis),
    /// The vertical axis is labelled at the right.
    pub(super) right: bool,
    pub(super) grid: bool,
    /// Below all else in the plot.
    pub(super) cells: Option<Cells>,
    pub(super) draw: Box<dyn Fn(&mut Plot) -> Drawn + 'a>,
}

/// A line of a legend: what it stands for, its colour, and how thick that is drawn.
pub(super) type Entry = (String, Rgb, i32);

impl Part<'_> {
    /// Rooms at the left, below and at the right, for labels and names of axes.
    pub(super) fn rooms(&self) -> [i32; 3] {
        let (x, y) = &self.axes;
        let room = |axis: &Axis, labels: f64| {
            let name = if axis.name.is_empty() { 0.0 } else { 1.6 * NAME };
            f64::from(2 * TICK) + labels + name
        };
        let level = (CAP + DESCENT) * x.labels.em;
        let below = room(x, if x.labels.turned { x.labels.widest() } else { level }).ceil() as i32;
        let widest = room(y, y.labels.widest()).ceil() as i32;
        match self.right {
            true => [0, 0, widest],
            false => [widest, below, 0],
        }
    }

    /// Draws into `body`, with the upper left corner of the plot at `(x, y)`.
    fn draw(self, body: &Area, page: &RefCell<Page>, (x, y): (i32, i32)) -> Drawn {
        let ((width, height), [left, below, right]) = (self.size, self.rooms());
        let style = text(PANEL, DARK, HPos::Center, VPos::Bottom);
        for (i, line) in self.titles().iter().rev().enumerate() {
            let up = (i as f64 * LEADING * PANEL) as i32 + 10;
            body.draw_text(line, &style, (x + width / 2, y - up))?;
        }
        if let Some(mut cells) = self.cells {
            let (x0, y0) = body.get_base_pixel();
            cells.corner = (x0 + x, y0 + y);
            page.borrow_mut().items.push(Item::Cells(cells));
        }
        let area = body
            .clone()
            .shrink((x - left, y), (left + width + right, height + below));
        let (names, labels) = (
            (self.axes.0.name.clone(), self.axes.1.name.clone()),
            self.axes.0.labels.clone(),
        );
        let em = labels.em.min(self.axes.1.labels.em);
        let mut builder = ChartBuilder::on(&area);
        builder.set_label_area_size(LabelAreaPosition::Left, left);
        builder.set_label_area_size(LabelAreaPosition::Right, right);
        builder.set_label_area_size(LabelAreaPosition::Bottom, below);
        let mut plot = builder.build_cartesian_2d(self.axes.0, self.axes.1)?;
        let mut mesh = plot.configure_mesh();
        mesh.axis_style(pen(DARK, 2)).set_all_tick_mark_size(TICK);
        mesh.bold_line_style(pen(GRID, 3)).light_line_style(pen(GRID, 1));
        mesh.label_style(text(em, DARK, HPos::Left, VPos::Top));
        mesh.axis_desc_style(text(NAME, DARK, HPos::Left, VPos::Top));
        if !self.grid {
            mesh.disable_mesh();
        }
        mesh.x_desc(names.0).y_desc(names.1).draw()?;
        drop(mesh);
        if labels.turned {
            let style = text(em, DARK, HPos::Right, VPos::Center).transform(FontTransform::Rotate270);
            for (at, label) in &labels.ticks {
                let (at, _) = plot.backend_coord(&(*at, 0.0));
                body.draw_text(label, &style, (at - body.get_base_pixel().0, y + height + 2 * TICK))?;
            }
        }
        (self.draw)(&mut plot)?;
        // Where plotters has drawn two of the sides, below what is in the plot.
        body.draw(&Rectangle::new([(x - 1, y - 1), (x + width, y + height)], pen(DARK, 2)))
    }

    fn titles(&self) -> Vec<String> {
        font::wrap(self.title, f64::from(self.size.0) / PANEL, 2)
    }
}

/// Pixels between rows of plots.
const ROWS: i32 = 40;

/// The page of a figure with rows of plots, whose first plots start at the same place, and a legend beside the last row.
pub(super) fn page(figure: &Figure, rows: Vec<Vec<Part<'_>>>, legend: (&str, &[Entry])) -> Result<Page, PlotError> {
    let first = |row: &Vec<Part<'_>>| row.first().map_or(0, |part| part.gap + part.rooms()[0]);
    let indent = rows.iter().map(first).max().unwrap_or(0);
    let (mut corners, mut width, mut height, mut legend_corner) = (Vec::new(), 0, 0, (0, 0));
    for (i, row) in rows.iter().enumerate() {
        let start = if i == 0 { 0 } else { height + ROWS };
        let titles = row.iter().map(|part| part.titles().len()).max().unwrap_or(0);
        let top = start + (titles as f64 * LEADING * PANEL) as i32 + 2;
        let mut right_end = indent - first(row);
        for part in row {
            let [left, below, right] = part.rooms();
            corners.push((right_end + part.gap + left, top));
            right_end += part.gap + left + part.size.0 + right;
            height = height.max(top + part.size.1 + below);
        }
        width = width.max(right_end);
        legend_corner = (right_end + LEGEND[0], start);
    }
    if !legend.1.is_empty() {
        let widths = legend
            .1
            .iter()
            .map(|(text, ..)| font::width(text) * LABEL + f64::from(LEGEND[1] + LEGEND[2]));
        let widest = widths.fold(font::width(legend.0) * LABEL, f64::max).ceil() as i32;
        width = width.max(legend_corner.0 + widest);
    }
    let page_width = (width + 2 * PAD).max(MIN_WIDTH);
    let wrapped = |words: &str, em: f64, lines, colour| {
        let lines = font::wrap(words, f64::from(page_width - 2 * PAD) / em, lines);
        lines.into_iter().map(move |line| (line, em, colour))
    };
    let mut above: Vec<(String, f64, Rgb)> = wrapped(&figure.title, TITLE, 3, DARK).collect();
    above.extend(wrapped(&figure.subtitle, SUBTITLE, 4, SOFT));
    let shown = figure.notes.iter().take(MAX_NOTES).cloned();
    let more = figure.notes.len().saturating_sub(MAX_NOTES);
    let notes = shown.chain((more > 0).then(|| format!("… and {more} more notes")));
    let below: Vec<(String, f64, Rgb)> = notes.flat_map(|note| wrapped(&note, NOTE, 3, SOFT)).collect();
    let room = |lines: &[(String, f64, Rgb)]| {
        let all: f64 = lines.iter().map(|(_, em, _)| LEADING * em).sum();
        if lines.is_empty() { 0 } else { all as i32 + GAP }
    };
    let start = PAD + room(&above);
    let size = (page_width as u32, (start + height + room(&below) + PAD) as u32);
    if u64::from(size.0) * u64::from(size.1) > MAX_PIXELS {
        let (width, height) = size;
        return Err(PlotError::TooLarge { width, height });
    }
    let (title, items) = (font::clean(&figure.title), Vec::new());
    let page = Rc::new(RefCell::new(Page { size, title, items }));
    let root = Area::from(&page);
    let draw = || -> Drawn {
        for (lines, start) in [(above, PAD), (below, start + height + GAP)] {
            let mut y = f64::from(start);
            for (line, em, colour) in lines {
                let top = (y + (ASCENT - CAP) * em) as i32;
                root.draw_text(&line, &text(em, colour, HPos::Left, VPos::Top), (PAD, top))?;
                y += LEADING * em;
            }
        }
        let body = root.clone().shrink((PAD, start), (width, height));
        for (part, corner) in rows.into_iter().flatten().zip(corners) {
            part.draw(&body, &page, corner)?;
        }
        draw_legend(&body, legend_corner, legend)
    };
    draw().map_err(PlotError::draw)?;
    Ok(page.take())
}

fn draw_legend(body: &Area, (x, top): (i32, i32), (title, entries): (&str, &[Entry])) -> Drawn {
    let style = text(LABEL, DARK, HPos::Left, VPos::Center);
    let mut y = top + 24;
    if !title.is_empty() {
        body.draw_text(title, &style, (x, y))?;
        y += LEGEND[3];
    }
    for (name, colour, thick) in entries {
        let corners = [(x, y - thick / 2), (x + LEGEND[1], y + thick / 2)];
        body.draw(&Rectangle::new(corners, ink(*colour).filled()))?;
        if *thick >= 24 {
            body.draw(&Rectangle::new(corners, pen(DARK, 2)))?;
        }
        body.draw_text(name, &style, (x + LEGEND[1] + LEGEND[2], y))?;
        y += LEGEND[3];
    }
    Ok(())
}
