//! Heatmaps of Gram matrices, as PNG and SVG: plain data in, bytes out.
//!
//! A Gram matrix of class means has entries in [-1, 1], so the colours are fixed: red for 1, blue for -1, white at 0, the
//! same in every picture ([`ColourRange::Unit`]). Rows and columns stay in class order, row 0 on top.
//!
//! The way through the files: a [`Heatmap`] becomes a `Scene` of rectangles, cells and text at integer positions
//! (`layout.rs`, with `axis.rs` for what is written along the panels and `diverging.rs` for the colours); `bitmap.rs` and
//! `svg.rs` write the same scene. Everything that could overlap is decided in the scene, where it is tested.
//!
//! ```
//! use ufmin::plot::{Heatmap, Panel, PlotError, svg};
//!
//! # fn main() -> Result<(), PlotError> {
//! let values = nalgebra::DMatrix::from_row_slice(2, 2, &[1.0, -1.0, -1.0, 1.0]);
//! let labels = vec!["100".to_string(), "10".to_string()];
//! let panel = Panel { labels, axis: "class size".to_string(), ..Panel::new(values) };
//! let notes = panel.inspect();
//! assert!(notes.is_empty());
//! let title = "SupCon, temperature 0.1, classes of 100 and 10".to_string();
//! let picture = svg(&Heatmap { title, subtitle: None, panels: vec![panel], notes })?;
//! assert!(picture.contains("class size"));
//! # Ok(())
//! # }
//! ```

mod axis;
mod bitmap;
mod chart;
mod diagram;
mod diverging;
mod font;
mod inspect;
mod labels;
mod layout;
mod scene;
mod svg;
#[cfg(test)]
mod tests;

use nalgebra::DMatrix;

pub use chart::{Chart, ChartAxis, Mark, Scale, Series};
pub use diagram::Diagram;
pub use inspect::inspect;

/// Most rows a panel may have: one pixel each. Above that, draw the groups.
pub const MAX_ROWS: usize = 2000;

/// Most classes for which the values are printed in the cells.
pub const MAX_PRINTED: usize = 12;

/// What the ends of the colour map stand for. 0 is always in the middle, in white.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ColourRange {
    /// Inner products of unit vectors: [-1, 1].
    Unit,
    /// Differences: [-max, max], with `max >= 0` finite. See [`ColourRange::of_differences`].
    Symmetric(f64),
}

impl ColourRange {
    /// The symmetric range for a matrix of differences: its largest finite absolute value, rounded up to 1, 2 or 5
    /// times a power of ten; 0 if all are 0.
    pub fn of_differences(values: &DMatrix<f64>) -> Self {
        let largest = values
            .iter()
            .filter(|v| v.is_finite())
            .fold(0.0f64, |m, v| m.max(v.abs()));
        if largest == 0.0 {
            return Self::Symmetric(0.0);
        }
        let power = 10f64.powi(largest.log10().floor() as i32);
        // Values next to f64::MIN_POSITIVE or f64::MAX leave the range of `powi`; they are their own maximum.
        let nice = [1.0, 2.0, 5.0, 10.0]
            .map(|m| m * power)
            .into_iter()
            .find(|&m| m >= largest * (1.0 - 1e-12));
        Self::Symmetric(nice.filter(|m| m.is_finite()).unwrap_or(largest).max(largest))
    }

    /// Largest absolute value with a colour of its own.
    pub fn max(self) -> f64 {
        match self {
            Self::Unit => 1.0,
            Self::Symmetric(max) => max,
        }
    }
}

/// One square matrix of a [`Heatmap`].
#[derive(Debug, Clone, PartialEq)]
pub struct Panel {
    /// Written above the panel; may be empty.
    pub title: String,
    /// k x k, in class order. Entries that are not finite are drawn grey.
    pub values: DMatrix<f64>,
    /// One for each row, written on both axes: the class size, or anything else. Thinned where they would overlap;
    /// among many classes, neighbours with equal labels share one ("50 ×400").
    pub labels: Vec<String>,
    /// What the labels are, such as "class size"; may be empty.
    pub axis: String,
    /// Lines between groups: `i` draws one before row and column `i`. 0 and k draw nothing. Lines that would cover the
    /// cells between them are left out.
    pub boundaries: Vec<usize>,
    /// At group level, the number of classes that each row stands for. All cells keep the same width, so that one class
    /// among a million is still visible; the number is written behind the label ("50 ×400").
    pub multiplicity: Option<Vec<u64>>,
    /// What the ends of the colour map stand for.
    pub range: ColourRange,
}

impl Panel {
    /// A panel with these values, their 0-based indices as labels, and nothing else.
    pub fn new(values: DMatrix<f64>) -> Self {
        Self {
            title: String::new(),
            labels: (0..values.nrows()).map(|i| i.to_string()).collect(),
            values,
            axis: String::new(),
            boundaries: Vec::new(),
            multiplicity: None,
            range: ColourRange::Unit,
        }
    }

    /// As [`inspect()`], knowing that the diagonal cell of a group of several classes belongs to two different classes,
    /// and which range the colours have.
    pub fn inspect(&self) -> Vec<String> {
        inspect::remarks(&self.values, self.multiplicity.as_deref(), self.range)
    }
}

/// A picture of one matrix, or of several side by side (A, B and their difference).
#[derive(Debug, Clone, PartialEq)]
pub struct Heatmap {
    /// Loss, temperature, sizes. Wrapped to three lines, then cut with an ellipsis.
    pub title: String,
    /// Below the title, smaller. Wrapped to four lines, then cut with an ellipsis.
    pub subtitle: Option<String>,
    /// Drawn from left to right; neighbours of the same range share one colour bar.
    pub panels: Vec<Panel>,
    /// What the reader must know, below the panels: see [`inspect()`] and [`Panel::inspect`].
    pub notes: Vec<String>,
}

/// Why a [`Heatmap`] cannot be drawn.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PlotError {
    /// Nothing to draw.
    #[error("a heatmap needs at least one panel")]
    NoPanels,
    /// A matrix without entries.
    #[error("panel {panel} has no entries")]
    Empty {
        /// 0-based index of the panel.
        panel: usize,
    },
    /// A Gram matrix is square.
    #[error("panel {panel} is {rows} x {columns}, not square")]
    NotSquare {
        /// 0-based index of the panel.
        panel: usize,
        /// Rows of its matrix.
        rows: usize,
        /// Columns of its matrix.
        columns: usize,
    },
    /// Not one label a row.
    #[error("panel {panel} has {labels} labels for {rows} rows")]
    Labels {
        /// 0-based index of the panel.
        panel: usize,
        /// Labels given.
        labels: usize,
        /// Rows of its matrix.
        rows: usize,
    },
    /// Not one multiplicity a row.
    #[error("panel {panel} has {multiplicities} multiplicities for {rows} rows")]
    Multiplicity {
        /// 0-based index of the panel.
        panel: usize,
        /// Multiplicities given.
        multiplicities: usize,
        /// Rows of its matrix.
        rows: usize,
    },
    /// A line behind the last row.
    #[error("panel {panel} has a boundary before row {boundary}, but only {rows} rows")]
    Boundary {
        /// 0-based index of the panel.
        panel: usize,
        /// The boundary given.
        boundary: usize,
        /// Rows of its matrix.
        rows: usize,
    },
    /// [`ColourRange::Symmetric`] of a negative number, an infinity or NaN.
    #[error("panel {panel} has the colour range [-{max}, {max}]; the maximum must be finite and not negative")]
    Range {
        /// 0-based index of the panel.
        panel: usize,
        /// The maximum given.
        max: f64,
    },
    /// More rows than pixels.
    #[error("panel {panel} has {rows} rows, more than the {MAX_ROWS} that a picture can show: draw groups of classes")]
    TooManyRows {
        /// 0-based index of the panel.
        panel: usize,
        /// Rows of its matrix.
        rows: usize,
    },
    /// A diagram needs ascending positive axes of two or more values, and a count for each pair of them.
    #[error("a diagram of {columns} x {rows} points does not fit its counts, or its axes do not ascend")]
    Diagram {
        /// Values along the horizontal axis.
        columns: usize,
        /// Values along the vertical axis.
        rows: usize,
    },
    /// An axis of a chart without a value that it could show, or with ends that do not ascend.
    #[error("the {axis} axis of the chart has no values that it can show")]
    Chart {
        /// `horizontal` or `vertical`.
        axis: &'static str,
    },
    /// More pixels than a picture should have.
    #[error("the picture would have {width} x {height} pixels: use fewer panels")]
    TooLarge {
        /// Width in pixels.
        width: u64,
        /// Height in pixels.
        height: u64,
    },
    /// The embedded font could not be read.
    #[error("the embedded font cannot be read")]
    Font(#[from] ab_glyph::InvalidFont),
    /// The bitmap could not be drawn.
    #[error("the bitmap cannot be drawn: {message}")]
    Draw {
        /// What plotters says.
        message: String,
    },
    /// The PNG could not be encoded.
    #[error("the PNG cannot be encoded")]
    Encode(#[from] png::EncodingError),
}

/// The picture as a PNG file: about 1600 pixels wide for one panel and 3400 for three, 300 dots an inch.
///
/// # Errors
/// [`PlotError`] if a panel does not fit its labels, is empty, not square or too large.
pub fn png(heatmap: &Heatmap) -> Result<Vec<u8>, PlotError> {
    let font = font::Font::new()?;
    bitmap::png(&layout::scene(heatmap, &font)?, &font)
}

/// The same picture as an SVG file. Up to 100 classes the cells are paths; above, an embedded PNG with whole pixels for
/// every cell. Text stays text, in DejaVu Sans where the viewer has it.
///
/// # Errors
/// As [`png()`].
pub fn svg(heatmap: &Heatmap) -> Result<String, PlotError> {
    let font = font::Font::new()?;
    svg::svg(&layout::scene(heatmap, &font)?)
}

/// A phase diagram as a PNG file.
///
/// # Errors
/// [`PlotError::Diagram`] if its parts do not fit.
pub fn diagram_png(diagram: &Diagram) -> Result<Vec<u8>, PlotError> {
    let font = font::Font::new()?;
    bitmap::png(&diagram::scene(diagram, &font)?, &font)
}

/// The same diagram as an SVG file.
///
/// # Errors
/// As [`diagram_png`].
pub fn diagram_svg(diagram: &Diagram) -> Result<String, PlotError> {
    let font = font::Font::new()?;
    svg::svg(&diagram::scene(diagram, &font)?)
}

/// A chart as a PNG file.
///
/// # Errors
/// [`PlotError::Chart`] for an axis without values.
pub fn chart_png(chart: &Chart) -> Result<Vec<u8>, PlotError> {
    let font = font::Font::new()?;
    bitmap::png(&chart::scene(chart, &font)?, &font)
}

/// The same chart as an SVG file.
///
/// # Errors
/// As [`chart_png`].
pub fn chart_svg(chart: &Chart) -> Result<String, PlotError> {
    let font = font::Font::new()?;
    svg::svg(&chart::scene(chart, &font)?)
}

impl From<PlotError> for crate::error::Error {
    fn from(source: PlotError) -> Self {
        Self::Plot {
            reason: source.to_string(),
        }
    }
}
