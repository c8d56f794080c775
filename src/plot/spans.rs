//! Matrices side by side, and below each the ranges of a quantity.

use plotters::element::{Circle, PathElement};
use plotters::style::Color as _;
use plotters::style::text_anchor::{HPos, VPos};

use super::axis::{Axis, LABEL, Labels, Scale};
use super::colour::{DARK, GREY, Rgb};
use super::frame::{self, Entry, Part, Plot, ink, pen};
use super::heatmap::{self, Panel, TARGET};
use super::page::{Drawn, Page};
use super::{Figure, PlotError};

/// All matrices together aim at this width in pixels, and each at least at the second.
const WIDTH: usize = 2900;
const LEAST: usize = 400;
/// Least size of values in the cells, in pixels an em: smaller ones cannot be read in a column of print.
const VALUE: f64 = 24.0;
/// Height of the ranges in pixels, and of the space above the largest that the numbers need, as a share.
const HEIGHT: i32 = 560;
const HEADROOM: f64 = 0.12;
/// Pixels an em of the number at a mark.
const NUMBER: f64 = 28.0;
/// Widths of a range and of the reference in pixels, and radius of a dot.
const BAR: u32 = 9;
const LINE: u32 = 3;
const DOT: i32 = 10;

/// A range for every matrix.
#[derive(Debug, Clone, PartialEq)]
pub struct SpanSeries {
    /// Written in the legend.
    pub name: String,
    /// Its colour.
    pub colour: Rgb,
    /// `[least, middle, most]`, one a matrix; `None` where there is none.
    pub spans: Vec<Option<[f64; 3]>>,
}

/// Ranges of a quantity that is not negative.
#[derive(Debug, Clone, PartialEq)]
pub struct Spans {
    /// What is measured, written along the axis.
    pub name: String,
    /// Written behind numbers.
    pub unit: String,
    /// A value to compare with, and its name in the legend.
    pub reference: Option<(String, f64)>,
    /// Drawn side by side below their matrix.
    pub series: Vec<SpanSeries>,
    /// Values of their own, the middles, with their number above.
    pub marks: Option<SpanSeries>,
}

impl Spans {
    fn all(&self) -> impl Iterator<Item = &SpanSeries> {
        self.series.iter().chain(&self.marks)
    }

    pub(super) fn page(&self, figure: &Figure, panels: &[Panel]) -> Result<Page, PlotError> {
        if let Some(series) = self.all().find(|series| series.spans.len() != panels.len()) {
            return Err(PlotError::Spans {
                name: series.name.clone(),
                given: series.spans.len(),
                panels: panels.len(),
            });
        }
        let target = (WIDTH / panels.len().max(1)).clamp(LEAST, TARGET.1);
        let matrices = heatmap::parts(panels, target, VALUE)?;
        // The middles of the matrices, in pixels from the left end of the first; a colour bar is no matrix.
        let mut centres = Vec::new();
        let (mut end, mut width, mut narrowest) = (0, 0, i32::MAX);
        for (i, part) in matrices.iter().enumerate() {
            let [left, _, right] = part.rooms();
            let start = if i == 0 { 0 } else { end + part.gap + left };
            end = start + part.size.0;
            if !part.right {
                centres.push(f64::from(start + end) / 2.0);
                width = end;
                narrowest = narrowest.min(part.size.0);
            }
            end += right;
        }
        let ends = self.all().flat_map(|series| series.spans.iter().flatten());
        let largest = ends
            .map(|span| span[2])
            .chain(self.reference.iter().map(|(_, value)| *value));
        let high = largest.filter(|value| value.is_finite()).fold(1.0, f64::max) * (1.0 + HEADROOM);
        let ticks = centres.iter().zip(panels).map(|(&at, panel)| (at, panel.title.clone()));
        let x = Axis::labelled(0.0, f64::from(width), Labels::new(ticks.collect(), LABEL, false), "");
        let y = Axis::new(Scale::Linear, (-0.03 * high, high), HEIGHT, false, &self.name);
        let reference = self
            .reference
            .iter()
            .map(|(name, _)| (name.clone(), GREY, LINE as i32 + 2));
        let series = self.series.iter().map(|s| (s.name.clone(), s.colour, BAR as i32));
        let marks = self.marks.iter().map(|s| (s.name.clone(), s.colour, 2 * DOT));
        let entries: Vec<Entry> = series.chain(marks).chain(reference).collect();
        let slot = f64::from(narrowest) / (self.all().count() as f64 + 1.0);
        let draw = Box::new(move |plot: &mut Plot| self.draw(plot, &centres, slot, f64::from(width)));
        let strip = Part {
            title: "",
            gap: 0,
            size: (width, HEIGHT),
            axes: (x, y),
            right: false,
            grid: true,
            cells: None,
            draw,
        };
        frame::page(figure, vec![matrices, vec![strip]], ("", &entries))
    }

    fn draw(&self, plot: &mut Plot, centres: &[f64], slot: f64, width: f64) -> Drawn {
        if let Some((_, value)) = &self.reference {
            plot.draw_series([PathElement::new([(0.0, *value), (width, *value)], pen(GREY, LINE + 1))])?;
        }
        let middle = (self.all().count() as f64 - 1.0) / 2.0;
        for (i, series) in self.all().enumerate() {
            for (centre, span) in centres.iter().zip(&series.spans) {
                let Some([least, value, most]) = *span else { continue };
                let x = centre + (i as f64 - middle) * slot;
                if most > least {
                    plot.draw_series([PathElement::new([(x, least), (x, most)], pen(series.colour, BAR))])?;
                }
                plot.draw_series([Circle::new((x, value), DOT, ink(series.colour).filled())])?;
                if self.marks.as_ref() == Some(series) {
                    let (x, y) = plot.backend_coord(&(x, value));
                    let area = plot.plotting_area().strip_coord_spec();
                    let (left, top) = area.get_base_pixel();
                    let number = format!("{value:.1}{}", self.unit);
                    let style = frame::text(NUMBER, DARK, HPos::Center, VPos::Bottom);
                    area.draw_text(&number, &style, (x - left, y - top - 2 * DOT))?;
                }
            }
        }
        Ok(())
    }
}
