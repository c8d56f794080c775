//! A page as PDF, with its text as text in the embedded font.
//!
//! By `pdf-writer`, which knows the objects of the format and brings one more package; `svg2pdf` with text and images would
//! bring sixty, among them a second PNG decoder and a text shaper, and a third of the time that the rest takes to build.

use std::collections::BTreeMap;

use miniz_oxide::deflate::compress_to_vec_zlib as zlib;
use pdf_writer::types::{CidFontType, FontFlags, LineCapStyle, LineJoinStyle, SystemInfo, UnicodeCmap};
use pdf_writer::{Content, Filter, Name, Pdf, Rect, Ref, Str, TextStr};

use super::colour::{Rgb, colour};
use super::font::{self, ASCENT, BYTES, CAP, DESCENT};
use super::page::{Cells, Item, Page};

/// Points a pixel, at 300 dots an inch.
const SCALE: f32 = 72.0 / 300.0;
const FONT: Name = Name(b"DejaVuSans");

/// The objects of the file; images follow.
const OBJECTS: i32 = 10;

pub(super) fn pdf(page: &Page) -> Vec<u8> {
    let [
        catalog,
        pages,
        sheet,
        content,
        face,
        cid,
        descriptor,
        file,
        unicode,
        about,
    ] = std::array::from_fn(|i| Ref::new(i as i32 + 1));
    let [width, height] = [page.size.0, page.size.1].map(|pixels| pixels as f32 * SCALE);
    let (drawing, glyphs, images) = contents(page, height);
    let names: Vec<String> = (0..images.len()).map(image_name).collect();
    let image = |i: usize| Ref::new(OBJECTS + 1 + i as i32);

    let mut pdf = Pdf::new();
    pdf.catalog(catalog).pages(pages);
    pdf.document_info(about).title(TextStr(&page.title));
    pdf.pages(pages).kids([sheet]).count(1);
    let mut leaf = pdf.page(sheet);
    leaf.media_box(Rect::new(0.0, 0.0, width, height))
        .parent(pages)
        .contents(content);
    let mut resources = leaf.resources();
    resources.fonts().pair(FONT, face);
    resources
        .x_objects()
        .pairs((0..names.len()).map(|i| (Name(names[i].as_bytes()), image(i))));
    drop(resources);
    drop(leaf);
    pdf.stream(content, &zlib(&drawing.finish(), 9))
        .filter(Filter::FlateDecode);
    let palette: Vec<u8> = (0..=u8::MAX).flat_map(colour).collect();
    for (i, cells) in images.iter().enumerate() {
        let (levels, rows) = (zlib(&cells.levels, 9), cells.levels.len() / cells.columns);
        let mut object = pdf.image_xobject(image(i), &levels);
        object
            .width(cells.columns as i32)
            .height(rows as i32)
            .bits_per_component(8);
        object.color_space().indexed(Name(b"DeviceRGB"), 255, &palette);
        object.filter(Filter::FlateDecode);
    }

    let mut font = pdf.type0_font(face);
    font.base_font(FONT)
        .encoding_predefined(Name(b"Identity-H"))
        .descendant_font(cid)
        .to_unicode(unicode);
    drop(font);
    let (registry, ordering, supplement) = (Str(b"Adobe"), Str(b"Identity"), 0);
    let info = SystemInfo {
        registry,
        ordering,
        supplement,
    };
    let mut map = UnicodeCmap::new(Name(b"Unicode"), info);
    let mut font = pdf.cid_font(cid);
    font.subtype(CidFontType::Type2)
        .base_font(FONT)
        .system_info(info)
        .font_descriptor(descriptor);
    font.cid_to_gid_map_predefined(Name(b"Identity"));
    let mut widths = font.widths();
    for (&glyph, &character) in &glyphs {
        widths.consecutive(glyph, [1000.0 * font::advance(glyph) as f32]);
        map.pair(glyph, character);
    }
    drop(widths);
    drop(font);
    let mut font = pdf.font_descriptor(descriptor);
    font.name(FONT)
        .flags(FontFlags::SYMBOLIC)
        .italic_angle(0.0)
        .stem_v(80.0)
        .font_file2(file);
    let [ascent, descent, cap] = [ASCENT, -DESCENT, CAP].map(|ems| 1000.0 * ems as f32);
    font.ascent(ascent)
        .descent(descent)
        .cap_height(cap)
        .bbox(Rect::new(-1021.0, -463.0, 1793.0, 1232.0));
    drop(font);
    pdf.stream(file, &zlib(BYTES, 9))
        .filter(Filter::FlateDecode)
        .pair(Name(b"Length1"), BYTES.len() as i32);
    pdf.cmap(unicode, &map.finish());
    pdf.finish()
}

fn image_name(i: usize) -> String {
    format!("Im{i}")
}

/// What is on the page, the glyphs that it needs, and its images.
fn contents(page: &Page, height: f32) -> (Content, BTreeMap<u16, char>, Vec<&Cells>) {
    let (mut content, mut glyphs, mut images) = (Content::new(), BTreeMap::new(), Vec::new());
    // From here on in pixels from the upper left corner.
    content.transform([SCALE, 0.0, 0.0, -SCALE, 0.0, height]);
    content
        .set_line_cap(LineCapStyle::RoundCap)
        .set_line_join(LineJoinStyle::RoundJoin);
    let parts = |ink: Rgb| ink.map(|part| f32::from(part) / 255.0);
    for item in &page.items {
        match item {
            Item::Shape(points, width, ink) => {
                let ([r, g, b], last) = (parts(*ink), points[points.len() - 1]);
                content.set_stroke_rgb(r, g, b).set_fill_rgb(r, g, b);
                content.move_to(points[0].0 as f32, points[0].1 as f32);
                // A point alone is a line to itself, which a round pen draws as a dot.
                for &(x, y) in points[1..].iter().chain([&last]) {
                    content.line_to(x as f32, y as f32);
                }
                // What is filled has an edge, so that neighbours leave no gap.
                match width {
                    0 => content.set_line_width(2.0).close_fill_nonzero_and_stroke(),
                    _ => content.set_line_width(*width as f32).stroke(),
                };
            }
            Item::Text(text) => {
                let mut codes = Vec::new();
                for c in text.text.chars() {
                    let glyph = font::glyph(c);
                    glyphs.entry(glyph).or_insert(if glyph == 0 { '\u{fffd}' } else { c });
                    codes.extend(glyph.to_be_bytes());
                }
                let ([r, g, b], em, (x, y)) = (parts(text.colour), text.em as f32, text.at);
                // The direction of reading, on a page whose vertical axis points down.
                let (dx, dy) = if text.turned { (0.0, -em) } else { (em, 0.0) };
                content.set_fill_rgb(r, g, b).begin_text().set_font(FONT, 1.0);
                content
                    .set_text_matrix([dx, dy, dy, -dx, x as f32, y as f32])
                    .show(Str(&codes))
                    .end_text();
            }
            Item::Cells(cells) => {
                let ((x, y), (width, height)) = (cells.corner, cells.size());
                let (name, height, bottom) = (image_name(images.len()), height as f32, (y + height as i32) as f32);
                // An image has its lower left corner at the origin; without interpolation its pixels are the cells.
                content
                    .save_state()
                    .transform([width as f32, 0.0, 0.0, -height, x as f32, bottom]);
                content.x_object(Name(name.as_bytes())).restore_state();
                images.push(cells);
            }
        }
    }
    (content, glyphs, images)
}
