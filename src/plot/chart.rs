//! Curves, bars and regions over two axes, each linear or logarithmic.

use plotters::element::{Circle, Polygon, Rectangle};
use plotters::series::LineSeries;
use plotters::style::Color as _;

use super::axis::{Axis, Scale};
use super::colour::Rgb;
use super::frame::{self, Entry, Part, Plot, ink, pen};
use super::page::{Drawn, Page};
use super::{Figure, PlotError};

/// Width and height of the plot.
const SIZE: (i32, i32) = (1300, 900);
/// Share of an axis between its ends and what is drawn, so that no mark lies on the frame.
const MARGIN: f64 = 0.03;

/// One of the two axes. What has no place on it (no number, or no logarithm) is left out, and a curve interrupted there.
#[derive(Debug, Clone, PartialEq)]
pub struct ChartAxis {
    /// What is measured, written along the axis.
    pub name: String,
    /// Linear or logarithmic.
    pub scale: Scale,
    /// Its ends, ascending; `None` leaves some room around what is drawn.
    pub range: Option<(f64, f64)>,
}

impl ChartAxis {
    /// An axis that ends where the data ends.
    pub fn new(name: &str, scale: Scale) -> Self {
        let (name, range) = (name.to_owned(), None);
        Self { name, scale, range }
    }

    fn usable(&self, value: f64) -> bool {
        value.is_finite() && (self.scale == Scale::Linear || value > 0.0)
    }

    fn axis(&self, values: impl Iterator<Item = f64>, bars: bool, horizontal: bool) -> Result<Axis, PlotError> {
        let found = values.filter(|&value| self.usable(value)).map(|value| (value, value));
        let found = found.reduce(|(low, high), (a, b)| (low.min(a), high.max(b)));
        let ends = found.map(|(low, high)| match self.scale {
            Scale::Logarithmic => {
                let room = (high / low).max(1.0 + 1e-9).powf(MARGIN);
                if high / low < 1.0 + 1e-9 {
                    (low / 3.0, high * 3.0)
                } else {
                    (low / room, high * room)
                }
            }
            Scale::Linear => {
                // One value alone is in the middle.
                let least = 1e-9 * low.abs().max(high.abs());
                let room = if high - low > least {
                    MARGIN * (high - low)
                } else {
                    low.abs().clamp(1e-3, 1.0)
                };
                // Bars stand on the end of the axis.
                (if bars { low } else { low - room }, high + room)
            }
        });
        let axis = if horizontal { "horizontal" } else { "vertical" };
        let fits = |&(low, high): &(f64, f64)| self.usable(low) && self.usable(high) && low < high;
        let ends = self.range.or(ends).filter(fits).ok_or(PlotError::Axis { axis })?;
        let length = if horizontal { SIZE.0 } else { SIZE.1 };
        Ok(Axis::new(self.scale, ends, length, horizontal, &self.name))
    }
}

/// How a series is drawn.
#[derive(Debug, Clone, PartialEq)]
pub enum Mark {
    /// A line through points `[x, y]`.
    Line(Vec<[f64; 2]>),
    /// A line with a dot at every point.
    Dotted(Vec<[f64; 2]>),
    /// Dots without a line.
    Dots(Vec<[f64; 2]>),
    /// A thin line, for one of many.
    Thin(Vec<[f64; 2]>),
    /// Bars from zero: edges, ascending and one more than bars, and heights.
    Bars(Vec<f64>, Vec<f64>),
    /// Polygons.
    Regions(Vec<Vec<[f64; 2]>>),
}

/// Something drawn, with its line in the legend.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// Written in the legend; empty for none.
    pub name: String,
    /// Its colour.
    pub colour: Rgb,
    /// What is drawn.
    pub mark: Mark,
}

impl Series {
    /// A series of this name.
    pub fn new(name: &str, colour: Rgb, mark: Mark) -> Self {
        let name = name.to_owned();
        Self { name, colour, mark }
    }
}

/// Any number of series over two axes.
#[derive(Debug, Clone, PartialEq)]
pub struct Chart {
    /// The horizontal axis.
    pub x: ChartAxis,
    /// The vertical axis.
    pub y: ChartAxis,
    /// Above the legend; may be empty.
    pub legend: String,
    /// Drawn in this order.
    pub series: Vec<Series>,
}

impl Chart {
    pub(super) fn page(&self, figure: &Figure) -> Result<Page, PlotError> {
        let coordinates = |axis: usize| {
            self.series.iter().flat_map(move |series| match &series.mark {
                Mark::Line(points) | Mark::Dotted(points) | Mark::Dots(points) | Mark::Thin(points) => {
                    points.iter().map(|p| p[axis]).collect()
                }
                Mark::Bars(edges, _) if axis == 0 => edges.clone(),
                Mark::Bars(_, heights) => heights.iter().copied().chain([0.0]).collect(),
                Mark::Regions(all) => all.iter().flatten().map(|p| p[axis]).collect::<Vec<f64>>(),
            })
        };
        let bars = self.series.iter().any(|series| matches!(series.mark, Mark::Bars(..)));
        let axes = (
            self.x.axis(coordinates(0), false, true)?,
            self.y.axis(coordinates(1), bars, false)?,
        );
        let named = self.series.iter().filter(|series| !series.name.is_empty());
        let entry = |series: &Series| (series.name.clone(), series.colour, thickness(&series.mark));
        let entries: Vec<Entry> = named.map(entry).collect();
        let draw = Box::new(|plot: &mut Plot| self.series.iter().try_for_each(|series| self.draw(plot, series)));
        let (title, gap, size, right, grid, cells) = ("", 0, SIZE, false, true, None);
        let part = Part {
            title,
            gap,
            size,
            axes,
            right,
            grid,
            cells,
            draw,
        };
        frame::page(figure, vec![vec![part]], (&self.legend, &entries))
    }

    fn draw(&self, plot: &mut Plot, Series { mark, colour, .. }: &Series) -> Drawn {
        match mark {
            Mark::Line(points) | Mark::Dotted(points) | Mark::Dots(points) | Mark::Thin(points) => {
                let usable = |point: &[f64; 2]| self.x.usable(point[0]) && self.y.usable(point[1]);
                if !matches!(mark, Mark::Dots(_)) {
                    for run in points.split(|point| !usable(point)).filter(|run| run.len() > 1) {
                        let style = pen(*colour, thickness(mark) as u32);
                        plot.draw_series(LineSeries::new(run.iter().map(|&[x, y]| (x, y)), style))?;
                    }
                }
                if let Mark::Dotted(points) | Mark::Dots(points) = mark {
                    let dot = |&[x, y]: &[f64; 2]| Circle::new((x, y), 9, ink(*colour).filled());
                    plot.draw_series(points.iter().filter(|point| usable(point)).map(dot))?;
                }
            }
            Mark::Bars(edges, heights) => {
                let bars = edges.windows(2).zip(heights).filter(|(_, height)| **height > 0.0);
                plot.draw_series(bars.map(|(ends, &height)| {
                    let mut bar = Rectangle::new([(ends[0], 0.0), (ends[1], height)], ink(*colour).filled());
                    // Two pixels between neighbours.
                    bar.set_margin(0, 0, 1, 1);
                    bar
                }))?;
            }
            Mark::Regions(all) => {
                let corners = |region: &Vec<[f64; 2]>| region.iter().map(|&[x, y]| (x, y)).collect::<Vec<_>>();
                plot.draw_series(
                    all.iter()
                        .map(|region| Polygon::new(corners(region), ink(*colour).filled())),
                )?;
            }
        }
        Ok(())
    }
}

fn thickness(mark: &Mark) -> i32 {
    match mark {
        Mark::Line(_) | Mark::Dotted(_) => 5,
        Mark::Dots(_) => 18,
        Mark::Thin(_) => 2,
        Mark::Bars(..) | Mark::Regions(_) => 28,
    }
}
