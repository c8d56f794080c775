//! A page as PNG: plotters' bitmap backend fills shapes and mixes colours, `png` encodes.
//!
//! Lines and text are drawn here, pixel by pixel on that backend: its own lines of more than one pixel have jagged edges,
//! and its text is uneven (see `font.rs`).

use std::collections::BTreeMap;

use plotters::backend::{BitMapBackend, RGBPixel};
use plotters::style::{Color as _, RGBColor};
use plotters_backend::{BackendColor, BackendCoord, DrawingBackend, DrawingErrorKind};

use super::PlotError;
use super::colour::{Rgb, colour};
use super::font;
use super::page::{Cells, Item, Page};

/// 300 dots an inch, in dots a metre.
const DOTS_PER_METRE: u32 = 11_811;

type Backend<'a> = BitMapBackend<'a, RGBPixel>;
type Drawn = Result<(), DrawingErrorKind<<Backend<'static> as DrawingBackend>::ErrorType>>;

pub(super) fn png(page: &Page) -> Result<Vec<u8>, PlotError> {
    let mut pixels = vec![255; 3 * page.size.0 as usize * page.size.1 as usize];
    let mut backend = Backend::with_buffer_and_format(&mut pixels, page.size).map_err(PlotError::draw)?;
    for item in &page.items {
        draw(&mut backend, item).map_err(PlotError::draw)?;
    }
    backend.present().map_err(PlotError::draw)?;
    drop(backend);
    encode(page.size, png::ColorType::Rgb, &pixels)
}

/// The cells alone, with a palette: one byte a pixel.
pub(super) fn cells_png(cells: &Cells) -> Result<Vec<u8>, PlotError> {
    let (width, height) = cells.size();
    let level = |y: usize, x: usize| cells.levels[y / cells.cell.1 * cells.columns + x / cells.cell.0];
    let row = |y: usize| (0..width).map(move |x| level(y, x));
    let pixels: Vec<u8> = (0..height).flat_map(row).collect();
    encode((width as u32, height as u32), png::ColorType::Indexed, &pixels)
}

fn encode((width, height): (u32, u32), kind: png::ColorType, pixels: &[u8]) -> Result<Vec<u8>, PlotError> {
    let mut info = png::Info::with_size(width, height);
    (info.color_type, info.bit_depth) = (kind, png::BitDepth::Eight);
    if kind == png::ColorType::Indexed {
        info.palette = Some((0..=u8::MAX).flat_map(colour).collect());
    }
    let (xppu, yppu, unit) = (DOTS_PER_METRE, DOTS_PER_METRE, png::Unit::Meter);
    info.pixel_dims = Some(png::PixelDimensions { xppu, yppu, unit });
    let mut out = Vec::new();
    let mut encoder = png::Encoder::with_info(&mut out, info).map_err(PlotError::draw)?;
    encoder.set_compression(png::Compression::High);
    // Differences of unrelated colours would need more bits than the colours; equal rows compress without.
    encoder.set_filter(png::Filter::NoFilter);
    let mut writer = encoder.write_header().map_err(PlotError::draw)?;
    writer.write_image_data(pixels).map_err(PlotError::draw)?;
    writer.finish().map_err(PlotError::draw)?;
    Ok(out)
}

fn mixed([r, g, b]: Rgb, coverage: f64) -> BackendColor {
    RGBColor(r, g, b).mix(coverage).to_backend_color()
}

fn draw(backend: &mut Backend<'_>, item: &Item) -> Drawn {
    match item {
        Item::Shape(corners, 0, fill) => backend.fill_polygon(corners.iter().copied(), &mixed(*fill, 1.0)),
        Item::Shape(points, width, ink) => draw_line(backend, points, f64::from(*width), *ink),
        Item::Cells(cells) => cells.runs().try_for_each(|(level, runs)| {
            let fill = mixed(colour(level), 1.0);
            // The lower right corner is exclusive for this backend.
            let mut rectangles = runs
                .into_iter()
                .map(|[x, y, width, height]| ((x, y), (x + width, y + height)));
            rectangles.try_for_each(|(from, to)| backend.draw_rect(from, to, &fill, true))
        }),
        Item::Text(text) => {
            let mut drawn = Ok(());
            // Turned text is drawn level about the origin and then turned pixel by pixel.
            let (x0, y0) = if text.turned { (0.0, 0.0) } else { text.at };
            let (turned_x, turned_y) = (text.at.0.round() as i32, text.at.1 as i32);
            font::draw(&text.text, text.em, (x0, y0), |x, y, coverage| {
                let at = if text.turned {
                    (turned_x + y, turned_y - 1 - x)
                } else {
                    (x, y)
                };
                if drawn.is_ok() {
                    drawn = backend.draw_pixel(at, mixed(text.colour, coverage));
                }
            });
            drawn
        }
    }
}

/// Every pixel is covered by as much of the line as its distance says, and only once.
fn draw_line(backend: &mut Backend<'_>, points: &[BackendCoord], width: f64, ink: Rgb) -> Drawn {
    let mut covered = BTreeMap::<BackendCoord, f64>::new();
    let reach = 0.5 * width + 0.5;
    let dot = [points[0]; 2];
    for ends in points.windows(2).chain((points.len() == 1).then_some(&dot[..])) {
        let [(ax, ay), (bx, by)] = [ends[0], ends[1]].map(|(x, y)| (f64::from(x), f64::from(y)));
        let range = |a: f64, b: f64| (a.min(b) - reach).floor() as i32..=(a.max(b) + reach).ceil() as i32;
        let (dx, dy) = (bx - ax, by - ay);
        for (y, x) in range(ay, by).flat_map(|y| range(ax, bx).map(move |x| (y, x))) {
            let (px, py) = (f64::from(x) + 0.5 - ax, f64::from(y) + 0.5 - ay);
            let share = ((px * dx + py * dy) / (dx * dx + dy * dy).max(1.0)).clamp(0.0, 1.0);
            let coverage = (reach - (px - share * dx).hypot(py - share * dy)).clamp(0.0, 1.0);
            let pixel = covered.entry((x, y)).or_default();
            *pixel = pixel.max(coverage);
        }
    }
    let mut pixels = covered.into_iter();
    pixels.try_for_each(|(at, coverage)| backend.draw_pixel(at, mixed(ink, coverage)))
}
