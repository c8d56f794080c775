//! A picture as a list of what is on it, at positions in pixels: the same for every file format.

use super::diverging::Rgb;
use super::font::Font;
#[cfg(test)]
use super::font::{ASCENT, DESCENT};

/// What is drawn, in this order, on a white ground.
#[derive(Debug, PartialEq)]
pub(super) struct Scene {
    pub(super) width: u32,
    pub(super) height: u32,
    /// For readers that cannot see the picture.
    pub(super) description: String,
    pub(super) items: Vec<Item>,
}

#[derive(Debug, PartialEq)]
pub(super) enum Item {
    Rectangle(Rectangle),
    Cells(Cells),
    Polyline(Polyline),
    Text(Text),
}

/// A line through points, drawn with smooth edges.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Polyline {
    pub(super) points: Vec<(f64, f64)>,
    pub(super) width: f64,
    pub(super) fill: Rgb,
}

/// A filled rectangle; lines are narrow rectangles, so that every edge lies between pixels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Rectangle {
    pub(super) x: i32,
    pub(super) y: i32,
    pub(super) width: i32,
    pub(super) height: i32,
    pub(super) fill: Rgb,
}

/// A square matrix of square cells.
#[derive(Debug, PartialEq)]
pub(super) struct Cells {
    pub(super) x: i32,
    pub(super) y: i32,
    /// Rows, and columns.
    pub(super) count: usize,
    /// Pixels on the side of a cell.
    pub(super) cell: usize,
    /// Levels of the colour map, row by row.
    pub(super) levels: Vec<u8>,
}

impl Cells {
    /// Pixels on the side of the matrix.
    pub(super) fn side(&self) -> usize {
        self.count * self.cell
    }

    pub(super) fn row(&self, row: usize) -> &[u8] {
        &self.levels[row * self.count..(row + 1) * self.count]
    }
}

/// Which point of the line of text is at its position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

/// A line of text.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Text {
    /// Position of the anchor.
    pub(super) x: f64,
    /// Position of the baseline.
    pub(super) y: f64,
    pub(super) text: String,
    /// Size in pixels an em.
    pub(super) em: f64,
    pub(super) anchor: Anchor,
    /// Turned by 90 degrees about its position, to be read from below.
    pub(super) turned: bool,
    pub(super) fill: Rgb,
}

impl Text {
    /// Where the text starts, along the direction of reading, from its position.
    pub(super) fn offset(&self, font: &Font) -> f64 {
        let width = font.width(&self.text) * self.em;
        match self.anchor {
            Anchor::Start => 0.0,
            Anchor::Middle => -width / 2.0,
            Anchor::End => -width,
        }
    }

    /// For tests: left, top, right, bottom of the box that holds the text with all its ascenders and descenders.
    #[cfg(test)]
    pub(super) fn bounds(&self, font: &Font) -> [f64; 4] {
        let start = self.offset(font);
        let end = start + font.width(&self.text) * self.em;
        let (up, down) = (ASCENT * self.em, DESCENT * self.em);
        if self.turned {
            [self.x - up, self.y - end, self.x + down, self.y - start]
        } else {
            [self.x + start, self.y - up, self.x + end, self.y + down]
        }
    }
}
