//! Pictures through plotters: plain data in, the bytes of a PNG, SVG or PDF file out.
//!
//! A [`Figure`] shows Gram matrices (entries in [-1, 1], red for 1, blue for -1, white at 0, in class order) or a [`Chart`]
//! of curves, bars and regions. Plotters draws it (areas, coordinates, axes, series) onto a page, a list of what is where,
//! and `raster.rs`, `svg.rs` and `pdf.rs` write that. `frame.rs` adds what plotters lacks: wrapped titles and notes, plots of
//! different sizes side by side, and legends beside them.
//!
//! The same figure gives the same bytes, on any number of threads and whatever fonts the system has.
//!
//! ```
//! use ufmin::plot::{Body, Figure, Format, Panel, PlotError};
//!
//! # fn main() -> Result<(), PlotError> {
//! let values = nalgebra::DMatrix::from_row_slice(2, 2, &[1.0, -1.0, -1.0, 1.0]);
//! let labels = vec!["100".to_string(), "10".to_string()];
//! let panel = Panel { labels, axis: "class size".to_string(), ..Panel::new(values) };
//! let title = "SupCon, temperature 0.1, classes of 100 and 10".to_string();
//! let figure = Figure { title, subtitle: String::new(), body: Body::Heatmap(vec![panel]), notes: vec![] };
//! let picture = figure.draw(Format::Svg)?;
//! assert!(String::from_utf8_lossy(&picture).contains("class size"));
//! # Ok(())
//! # }
//! ```

mod axis;
mod chart;
pub mod colour;
mod font;
mod frame;
mod heatmap;
mod number;
mod page;
mod pdf;
mod raster;
mod spans;
mod svg;
#[cfg(test)]
mod tests;

pub use axis::Scale;
pub use chart::{Chart, ChartAxis, Mark, Series};
pub use heatmap::{ColourRange, MAX_PRINTED, MAX_ROWS, Panel};
pub(crate) use number::significant;
use page::{Item, Page};
pub use spans::{SpanSeries, Spans};

/// The format of a picture's file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Pixels, 300 an inch: a heatmap is about 1600 wide for one panel and 3400 for three.
    Png,
    /// Vectors; the text stays text, in DejaVu Sans where the viewer has it. Above 100 classes the cells are an embedded
    /// PNG with whole pixels for every cell.
    Svg,
    /// Vectors with text in the embedded font; the cells are an image of a pixel each.
    Pdf,
}

impl Format {
    /// The ending of names.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Png => "png",
            Self::Svg => "svg",
            Self::Pdf => "pdf",
        }
    }

    /// The format that the ending of a name tells.
    pub fn of(path: &std::path::Path) -> Option<Self> {
        let ending = path.extension()?.to_str()?.to_ascii_lowercase();
        let mut all = [Self::Png, Self::Svg, Self::Pdf].into_iter();
        all.find(|format| format.extension() == ending)
    }
}

/// A picture.
#[derive(Debug, Clone, PartialEq)]
pub struct Figure {
    /// Above everything. Wrapped to three lines, then cut with an ellipsis.
    pub title: String,
    /// Below the title, smaller: loss, temperature, sizes. Wrapped to four lines.
    pub subtitle: String,
    /// What is drawn.
    pub body: Body,
    /// What the reader must know, below everything.
    pub notes: Vec<String>,
}

/// What a picture shows.
#[derive(Debug, Clone, PartialEq)]
pub enum Body {
    /// Matrices, from left to right (A, B and their difference).
    Heatmap(Vec<Panel>),
    /// Curves, bars and regions.
    Chart(Chart),
    /// Matrices, from left to right, and below them ranges of a quantity, those of a matrix under it.
    Comparison(Vec<Panel>, Spans),
}

impl Figure {
    /// The bytes of the picture's file.
    ///
    /// # Errors
    /// [`PlotError`] if its parts do not fit each other, or are too large or too small to be shown.
    pub fn draw(&self, format: Format) -> Result<Vec<u8>, PlotError> {
        match format {
            // A viewer of SVG has other fonts for what is not in this one.
            Format::Svg => svg::svg(&self.page()?).map(String::into_bytes),
            Format::Png => raster::png(&self.with_missing_noted()?),
            Format::Pdf => Ok(pdf::pdf(&self.with_missing_noted()?)),
        }
    }

    fn page(&self) -> Result<Page, PlotError> {
        match &self.body {
            Body::Heatmap(panels) => heatmap::page(self, panels),
            Body::Chart(chart) => chart.page(self),
            Body::Comparison(panels, spans) => spans.page(self, panels),
        }
    }

    /// The page, with a note if it has characters that the embedded font draws as boxes.
    fn with_missing_noted(&self) -> Result<Page, PlotError> {
        let page = self.page()?;
        let missing = |item: &Item| matches!(item, Item::Text(text) if text.text.chars().any(|c| font::glyph(c) == 0));
        if !page.items.iter().any(missing) {
            return Ok(page);
        }
        let mut figure = self.clone();
        let note = "boxes stand for characters other than Latin and Greek, which an SVG would show";
        figure.notes.insert(0, note.to_owned());
        figure.page()
    }
}

/// Why a picture cannot be drawn.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs)]
pub enum PlotError {
    #[error("a heatmap needs at least one panel")]
    NoPanels,
    #[error(
        "panel {panel} is {rows} x {columns}; it must be square, with 1 to {MAX_ROWS} rows: draw groups of classes"
    )]
    Matrix { panel: usize, rows: usize, columns: usize },
    #[error("panel {panel} has {rows} rows, but not as many labels and multiplicities, or a boundary behind them")]
    Rows { panel: usize, rows: usize },
    #[error("the series `{name}` has {given} ranges for {panels} panels")]
    Spans { name: String, given: usize, panels: usize },
    #[error("panel {panel} has the colour range {low} to {high}; its ends must be finite and ascend")]
    Range { panel: usize, low: f64, high: f64 },
    #[error("the {axis} axis has no values that it can show, or its ends do not ascend")]
    Axis { axis: &'static str },
    #[error("the picture would have {width} x {height} pixels: use fewer panels")]
    TooLarge { width: u32, height: u32 },
    #[error("the picture cannot be drawn: {message}")]
    Draw { message: String },
}

impl PlotError {
    fn draw(error: impl std::fmt::Display) -> Self {
        let message = error.to_string();
        Self::Draw { message }
    }
}

impl From<PlotError> for crate::error::Error {
    fn from(source: PlotError) -> Self {
        Self::Plot {
            reason: source.to_string(),
        }
    }
}
