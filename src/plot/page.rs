//! What plotters draws, kept as a list at whole pixels: [`super::raster`], [`super::svg`] and [`super::pdf`] write it.

use std::convert::Infallible;

use plotters::coord::Shift;
use plotters::drawing::{DrawingArea, DrawingAreaErrorKind};
use plotters::style::text_anchor::{HPos, VPos};
use plotters_backend::FontTransform::{Rotate90, Rotate270};
use plotters_backend::{BackendColor, BackendCoord, BackendStyle, BackendTextStyle, DrawingBackend, DrawingErrorKind};

use super::colour::{NOT_A_NUMBER, Rgb};
use super::font::{self, CAP, DESCENT};

pub(super) type Area = DrawingArea<Page, Shift>;
pub(super) type Drawn<T = ()> = Result<T, DrawingAreaErrorKind<Infallible>>;
type Kept<T = ()> = Result<T, DrawingErrorKind<Infallible>>;

/// A picture on a white ground.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Page {
    /// Width and height in pixels.
    pub(super) size: (u32, u32),
    /// For readers that cannot see the picture.
    pub(super) title: String,
    /// In the order of drawing.
    pub(super) items: Vec<Item>,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Item {
    /// A line by a round pen of this width, a dot if it is one point; filled instead if the width is 0.
    Shape(Vec<BackendCoord>, u32, Rgb),
    Text(Text),
    Cells(Cells),
}

/// A line of text.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Text {
    pub(super) text: String,
    /// Where its baseline starts.
    pub(super) at: (f64, f64),
    /// Size in pixels an em.
    pub(super) em: f64,
    /// Turned to be read from below.
    pub(super) turned: bool,
    pub(super) colour: Rgb,
}

/// A matrix of equal cells, by levels of the diverging colour map.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Cells {
    pub(super) corner: BackendCoord,
    pub(super) columns: usize,
    /// Width and height of a cell in pixels.
    pub(super) cell: (usize, usize),
    /// Row by row.
    pub(super) levels: Vec<u8>,
}

impl Cells {
    pub(super) fn new(columns: usize, cell: (usize, usize), levels: Vec<u8>) -> Self {
        let corner = (0, 0);
        Self {
            corner,
            columns,
            cell,
            levels,
        }
    }

    /// Width and height in pixels.
    pub(super) fn size(&self) -> (usize, usize) {
        (
            self.columns * self.cell.0,
            self.levels.len() / self.columns * self.cell.1,
        )
    }

    /// For every level that occurs, rectangles `[x, y, width, height]` over runs of equal cells.
    pub(super) fn runs(&self) -> impl Iterator<Item = (u8, Vec<[i32; 4]>)> {
        let mut runs = vec![Vec::new(); usize::from(NOT_A_NUMBER) + 1];
        let (width, height) = (self.cell.0 as i32, self.cell.1 as i32);
        for (row, levels) in (0..).zip(self.levels.chunks(self.columns)) {
            let mut x = self.corner.0;
            for run in levels.chunk_by(|a, b| a == b) {
                let length = run.len() as i32 * width;
                runs[usize::from(run[0])].push([x, self.corner.1 + row * height, length, height]);
                x += length;
            }
        }
        (0..=NOT_A_NUMBER).zip(runs).filter(|(_, runs)| !runs.is_empty())
    }
}

impl Page {
    fn shape(&mut self, points: impl IntoIterator<Item = BackendCoord>, width: u32, colour: BackendColor) -> Kept {
        let points = points.into_iter().collect();
        self.items.push(Item::Shape(points, width, colour.rgb.into()));
        Ok(())
    }
}

impl DrawingBackend for Page {
    type ErrorType = Infallible;

    fn get_size(&self) -> (u32, u32) {
        self.size
    }

    fn ensure_prepared(&mut self) -> Kept {
        Ok(())
    }

    fn present(&mut self) -> Kept {
        Ok(())
    }

    fn draw_pixel(&mut self, point: BackendCoord, colour: BackendColor) -> Kept {
        self.shape([point], 1, colour)
    }

    fn draw_line<S: BackendStyle>(&mut self, from: BackendCoord, to: BackendCoord, style: &S) -> Kept {
        self.shape([from, to], style.stroke_width(), style.color())
    }

    fn draw_rect<S: BackendStyle>(&mut self, a: BackendCoord, b: BackendCoord, style: &S, fill: bool) -> Kept {
        let width = if fill { 0 } else { style.stroke_width() };
        self.shape([a, (b.0, a.1), b, (a.0, b.1), a], width, style.color())
    }

    fn draw_path<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(&mut self, path: I, style: &S) -> Kept {
        self.shape(path, style.stroke_width(), style.color())
    }

    fn draw_circle<S: BackendStyle>(&mut self, centre: BackendCoord, radius: u32, style: &S, _: bool) -> Kept {
        self.shape([centre], 2 * radius, style.color())
    }

    fn fill_polygon<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(&mut self, corners: I, style: &S) -> Kept {
        self.shape(corners, 0, style.color())
    }

    fn draw_text<S: BackendTextStyle>(&mut self, text: &str, style: &S, (x, y): BackendCoord) -> Kept {
        let (text, em, anchor) = (font::clean(text), style.size(), style.anchor());
        // Plotters reads names at the right from above: here from below, in the same place.
        let down = em
            * match anchor.v_pos {
                VPos::Top if matches!(style.transform(), Rotate90) => -DESCENT,
                VPos::Top => CAP,
                VPos::Center => CAP / 2.0,
                VPos::Bottom => -DESCENT,
            };
        let back = match anchor.h_pos {
            HPos::Left => 0.0,
            HPos::Center => 0.5 * em * font::width(&text),
            HPos::Right => em * font::width(&text),
        };
        let turned = matches!(style.transform(), Rotate90 | Rotate270);
        let (right, below) = if turned { (down, back) } else { (-back, down) };
        let at = (f64::from(x) + right, (f64::from(y) + below).round());
        let colour = style.color().rgb.into();
        if !text.trim().is_empty() {
            self.items.push(Item::Text(Text {
                text,
                at,
                em,
                turned,
                colour,
            }));
        }
        Ok(())
    }

    fn estimate_text_size<S: BackendTextStyle>(&self, text: &str, style: &S) -> Kept<(u32, u32)> {
        let [width, height] = [font::width(text), CAP].map(|ems| (ems * style.size()).ceil() as u32);
        Ok((width, height))
    }
}
