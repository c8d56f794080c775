//! A scene as PNG: plotters draws into memory, `png` encodes.

use plotters::backend::{BitMapBackend, DrawingBackend, RGBPixel};
use plotters::style::{Color as _, RGBColor};

use super::PlotError;
use super::diverging::{Rgb, colour};
use super::font::Font;
use super::labels::runs;
use super::scene::{Cells, Item, Polyline, Scene, Text};

/// 300 dots an inch, in dots a metre.
const DOTS_PER_METRE: u32 = 11_811;

type Backend<'a> = BitMapBackend<'a, RGBPixel>;

pub(super) fn png(scene: &Scene, font: &Font) -> Result<Vec<u8>, PlotError> {
    let size = (scene.width, scene.height);
    let mut pixels = vec![255u8; 3 * size.0 as usize * size.1 as usize];
    {
        let mut backend = Backend::with_buffer_and_format(&mut pixels, size).map_err(draw_error)?;
        for item in &scene.items {
            match item {
                Item::Rectangle(r) => {
                    fill(&mut backend, (r.x, r.y), (r.width, r.height), r.fill)?;
                }
                Item::Cells(cells) => draw_cells(&mut backend, cells)?,
                Item::Polyline(line) => draw_polyline(&mut backend, line)?,
                Item::Text(text) => draw_text(&mut backend, text, font)?,
            }
        }
        backend.present().map_err(draw_error)?;
    }
    let mut out = Vec::new();
    let mut encoder = png::Encoder::new(&mut out, size.0, size.1);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_compression(png::Compression::High);
    encoder.set_filter(png::Filter::NoFilter);
    encoder.set_pixel_dims(Some(png::PixelDimensions {
        xppu: DOTS_PER_METRE,
        yppu: DOTS_PER_METRE,
        unit: png::Unit::Meter,
    }));
    let mut writer = encoder.write_header()?;
    writer.write_image_data(&pixels)?;
    writer.finish()?;
    Ok(out)
}

/// The cells alone, with a palette: one byte a pixel.
pub(super) fn cells_png(cells: &Cells) -> Result<Vec<u8>, PlotError> {
    let side = cells.side();
    let mut pixels = Vec::with_capacity(side * side);
    for row in 0..cells.count {
        let line: Vec<u8> = cells
            .row(row)
            .iter()
            .flat_map(|&level| std::iter::repeat_n(level, cells.cell))
            .collect();
        for _ in 0..cells.cell {
            pixels.extend_from_slice(&line);
        }
    }
    let mut out = Vec::new();
    let mut encoder = png::Encoder::new(&mut out, side as u32, side as u32);
    encoder.set_color(png::ColorType::Indexed);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_palette((0..=u8::MAX).flat_map(colour).collect::<Vec<u8>>());
    encoder.set_compression(png::Compression::High);
    // Differences of unrelated levels would need more bits than the levels; equal rows compress without.
    encoder.set_filter(png::Filter::NoFilter);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(&pixels)?;
    writer.finish()?;
    Ok(out)
}

fn draw_error(error: impl std::fmt::Display) -> PlotError {
    PlotError::Draw {
        message: error.to_string(),
    }
}

fn fill(backend: &mut Backend<'_>, at: (i32, i32), size: (i32, i32), [r, g, b]: Rgb) -> Result<(), PlotError> {
    // The lower right corner is exclusive for this backend.
    let style = RGBColor(r, g, b).to_backend_color();
    backend
        .draw_rect(at, (at.0 + size.0, at.1 + size.1), &style, true)
        .map_err(draw_error)
}

fn draw_cells(backend: &mut Backend<'_>, cells: &Cells) -> Result<(), PlotError> {
    let side = cells.cell as i32;
    for row in 0..cells.count {
        let levels = cells.row(row);
        for run in runs(levels) {
            let at = (cells.x + run.start as i32 * side, cells.y + row as i32 * side);
            fill(backend, at, (run.count as i32 * side, side), colour(levels[run.start]))?;
        }
    }
    Ok(())
}

/// Every pixel is covered by as much of the line as its distance says, and only once.
fn draw_polyline(backend: &mut Backend<'_>, line: &Polyline) -> Result<(), PlotError> {
    let mut covered = std::collections::BTreeMap::<(i32, i32), f64>::new();
    let reach = 0.5 * line.width + 0.5;
    for ends in line.points.windows(2) {
        let ((ax, ay), (bx, by)) = (ends[0], ends[1]);
        let range = |a: f64, b: f64| (a.min(b) - reach).floor() as i32..=(a.max(b) + reach).ceil() as i32;
        let square = (bx - ax).powi(2) + (by - ay).powi(2);
        for y in range(ay, by) {
            for x in range(ax, bx) {
                let (px, py) = (f64::from(x) + 0.5 - ax, f64::from(y) + 0.5 - ay);
                let along = if square > 0.0 {
                    ((px * (bx - ax) + py * (by - ay)) / square).clamp(0.0, 1.0)
                } else {
                    0.0
                };
                let distance = (px - along * (bx - ax)).hypot(py - along * (by - ay));
                let coverage = (reach - distance).clamp(0.0, 1.0);
                if coverage > 0.0 {
                    let pixel = covered.entry((x, y)).or_default();
                    *pixel = pixel.max(coverage);
                }
            }
        }
    }
    let [r, g, b] = line.fill;
    for (at, coverage) in covered {
        backend
            .draw_pixel(at, RGBColor(r, g, b).mix(coverage).to_backend_color())
            .map_err(draw_error)?;
    }
    Ok(())
}

fn draw_text(backend: &mut Backend<'_>, text: &Text, font: &Font) -> Result<(), PlotError> {
    let [r, g, b] = text.fill;
    let ink = RGBColor(r, g, b);
    let start = text.offset(font);
    // Turned text is drawn level about the origin and then turned pixel by pixel about its position.
    let (px, py) = (text.x.round() as i32, text.y.round() as i32);
    let origin = if text.turned {
        (start, 0.0)
    } else {
        (text.x + start, text.y.round())
    };
    let mut result = Ok(());
    font.draw(&text.text, text.em, origin, |x, y, coverage| {
        let at = if text.turned { (px + y, py - 1 - x) } else { (x, y) };
        if result.is_ok() {
            result = backend.draw_pixel(at, ink.mix(coverage).to_backend_color());
        }
    });
    result.map_err(draw_error)
}
