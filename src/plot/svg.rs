//! A page as SVG.
//!
//! Written here rather than by plotters, which needs one element of 100 bytes for every cell (21 MB at 500 classes) and
//! writes images with a media type that readers reject ("data:png").

use std::fmt::Write as _;

use super::PlotError;
use super::colour::{Rgb, colour};
use super::font::FAMILY;
use super::page::{Cells, Item, Page};
use super::raster::cells_png;

/// Most columns drawn as paths; above, and where cells are lines, they are an embedded PNG.
pub(super) const MAX_PATH_COLUMNS: usize = 100;

pub(super) fn svg(page: &Page) -> Result<String, PlotError> {
    let ((width, height), title) = (page.size, escape(&page.title));
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" xmlns:xlink=\"http://www.w3.org/1999/xlink\" role=\"img\" \
         width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" font-family=\"{FAMILY}\">\n\
         <title>{title}</title>\n<rect width=\"{width}\" height=\"{height}\" fill=\"#ffffff\"/>\n\
         <g stroke-linejoin=\"round\" stroke-linecap=\"round\">\n"
    );
    for item in &page.items {
        out += &match item {
            Item::Shape(points, width, ink) => {
                // A point alone is a line to itself. What is filled has an edge, so that neighbours leave no gap.
                let alone = points.first().filter(|_| points.len() == 1);
                let all = points.iter().chain(alone).map(|(x, y)| format!("{x},{y} "));
                let (points, ink) = (all.collect::<String>(), hex(*ink));
                let (fill, width) = if *width == 0 { (&*ink, 2) } else { ("none", *width) };
                let points = points.trim_end();
                format!("<polyline points=\"{points}\" fill=\"{fill}\" stroke=\"{ink}\" stroke-width=\"{width}\"/>\n")
            }
            Item::Text(text) => {
                let ((x, y), em, fill) = (text.at, text.em, hex(text.colour));
                let turn = format!(" transform=\"rotate(-90 {x:.1} {y})\"");
                let (turn, text) = (if text.turned { &*turn } else { "" }, escape(&text.text));
                format!("<text x=\"{x:.1}\" y=\"{y}\" font-size=\"{em:.1}\" fill=\"{fill}\"{turn}>{text}</text>\n")
            }
            Item::Cells(cells) if cells.columns <= MAX_PATH_COLUMNS && cells.cell.1 > 1 => paths(cells),
            Item::Cells(cells) => {
                let ((x, y), (width, height), data) = (cells.corner, cells.size(), base64(&cells_png(cells)?));
                // With xlink:href, for readers of SVG 1.1.
                format!(
                    "<image x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" image-rendering=\"pixelated\" \
                     xlink:href=\"data:image/png;base64,{data}\"/>\n"
                )
            }
        };
    }
    Ok(out + "</g>\n</svg>\n")
}

/// One path for every colour.
fn paths(cells: &Cells) -> String {
    let mut out = "<g shape-rendering=\"crispEdges\">\n".to_owned();
    for (level, runs) in cells.runs() {
        // Writing to a string cannot fail.
        let _ = write!(out, "<path fill=\"{}\" d=\"", hex(colour(level)));
        for [x, y, width, height] in runs {
            let _ = write!(out, "M{x} {y}h{width}v{height}h-{width}z");
        }
        out += "\"/>\n";
    }
    out + "</g>\n"
}

fn hex([r, g, b]: Rgb) -> String {
    format!("#{r:02x}{g:02x}{b:02x}")
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// RFC 4648, section 4.
pub(super) fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digits = |chunk: &[u8]| {
        let byte = |i: usize| u32::from(chunk.get(i).copied().unwrap_or(0));
        let (word, filled) = (byte(0) << 16 | byte(1) << 8 | byte(2), chunk.len());
        let digit = move |i: usize| char::from(DIGITS[(word >> (18 - 6 * i) & 63) as usize]);
        (0..4).map(move |i| if i <= filled { digit(i) } else { '=' })
    };
    bytes.chunks(3).flat_map(digits).collect()
}
