//! A scene as SVG.
//!
//! Written here rather than by plotters, which needs one element of 100 bytes for every cell (21 MB at 500 classes) and
//! writes images with a media type that readers reject ("data:png").

use std::fmt::Write as _;

use super::PlotError;
use super::bitmap;
use super::diverging::{NOT_A_NUMBER, Rgb, colour};
use super::font::FAMILY;
use super::scene::{Anchor, Cells, Item, Polyline, Rectangle, Scene, Text};

/// Most rows drawn as paths; above, the cells are an embedded PNG.
pub(super) const MAX_PATH_ROWS: usize = 100;

pub(super) fn svg(scene: &Scene) -> Result<String, PlotError> {
    let Scene { width, height, .. } = *scene;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" xmlns:xlink=\"http://www.w3.org/1999/xlink\" role=\"img\" \
         width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" font-family=\"{FAMILY}\">\n\
         <title>{}</title>\n<rect width=\"{width}\" height=\"{height}\" fill=\"#ffffff\"/>\n",
        escape(&scene.description)
    );
    for item in &scene.items {
        match item {
            Item::Rectangle(rectangle) => push_rectangle(&mut out, rectangle),
            Item::Cells(cells) if cells.count <= MAX_PATH_ROWS => push_paths(&mut out, cells),
            Item::Cells(cells) => push_image(&mut out, cells)?,
            Item::Polyline(line) => push_polyline(&mut out, line),
            Item::Text(text) => push_text(&mut out, text),
        }
    }
    out.push_str("</svg>\n");
    Ok(out)
}

/// `write!` to a `String` cannot fail.
macro_rules! push {
    ($out:expr, $($arg:tt)*) => {
        let _ = write!($out, $($arg)*);
    };
}

fn push_rectangle(out: &mut String, r: &Rectangle) {
    let Rectangle {
        x,
        y,
        width,
        height,
        fill,
    } = *r;
    push!(
        out,
        "<rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" fill=\"{}\"/>\n",
        hex(fill)
    );
}

/// One path for every colour, with a rectangle for every run of equal cells in a row.
fn push_paths(out: &mut String, cells: &Cells) {
    let side = cells.cell;
    let mut paths = vec![String::new(); usize::from(NOT_A_NUMBER) + 1];
    for row in 0..cells.count {
        for run in super::labels::runs(cells.row(row)) {
            let path = &mut paths[usize::from(cells.row(row)[run.start])];
            let (x, y) = (cells.x as usize + run.start * side, cells.y as usize + row * side);
            let width = run.count * side;
            push!(path, "M{x} {y}h{width}v{side}h-{width}z");
        }
    }
    out.push_str("<g shape-rendering=\"crispEdges\">\n");
    for (level, path) in paths.iter().enumerate().filter(|(_, path)| !path.is_empty()) {
        push!(out, "<path fill=\"{}\" d=\"{path}\"/>\n", hex(colour(level as u8)));
    }
    out.push_str("</g>\n");
}

fn push_image(out: &mut String, cells: &Cells) -> Result<(), PlotError> {
    let data = base64(&bitmap::cells_png(cells)?);
    let (x, y, side) = (cells.x, cells.y, cells.side());
    // xlink:href for readers of SVG 1.1.
    push!(
        out,
        "<image x=\"{x}\" y=\"{y}\" width=\"{side}\" height=\"{side}\" image-rendering=\"pixelated\" \
         xlink:href=\"data:image/png;base64,{data}\"/>\n"
    );
    Ok(())
}

fn push_polyline(out: &mut String, line: &Polyline) {
    let points: Vec<String> = line
        .points
        .iter()
        .map(|&(x, y)| format!("{},{}", round(x), round(y)))
        .collect();
    push!(
        out,
        "<polyline points=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"{}\" stroke-linejoin=\"round\" \
         stroke-linecap=\"round\"/>\n",
        points.join(" "),
        hex(line.fill),
        line.width
    );
}

fn push_text(out: &mut String, text: &Text) {
    let (x, y) = (round(text.x), round(text.y));
    let anchor = match text.anchor {
        Anchor::Start => "start",
        Anchor::Middle => "middle",
        Anchor::End => "end",
    };
    let turn = if text.turned {
        format!(" transform=\"rotate(-90 {x} {y})\"")
    } else {
        String::new()
    };
    push!(
        out,
        "<text x=\"{x}\" y=\"{y}\" font-size=\"{}\" text-anchor=\"{anchor}\" fill=\"{}\"{turn}>{}</text>\n",
        round(text.em),
        hex(text.fill),
        escape(&text.text)
    );
}

fn round(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

fn hex([r, g, b]: Rgb) -> String {
    format!("#{r:02x}{g:02x}{b:02x}")
}

fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            c => out.push(c),
        }
    }
    out
}

/// RFC 4648, section 4.
pub(super) fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let word = chunk
            .iter()
            .enumerate()
            .fold(0u32, |word, (i, &byte)| word | u32::from(byte) << (16 - 8 * i));
        for digit in 0..4 {
            if digit <= chunk.len() {
                out.push(char::from(DIGITS[(word >> (18 - 6 * digit) & 63) as usize]));
            } else {
                out.push('=');
            }
        }
    }
    out
}
