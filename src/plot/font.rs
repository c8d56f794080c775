//! The embedded font, DejaVu Sans cut down to Latin, Greek and some mathematics (see `fonts/README.md`).
//!
//! `ab_glyph` is used directly: through plotters, every glyph loses its left side bearing and starts at a whole pixel, so
//! that the gaps between letters are uneven. Sizes are in pixels an em.

use std::sync::LazyLock;

use ab_glyph::{Font as _, FontRef, PxScale, point};

pub(super) const BYTES: &[u8] = include_bytes!("fonts/DejaVuSans-subset.ttf");

static FACE: LazyLock<FontRef<'static>> =
    LazyLock::new(|| FontRef::try_from_slice(BYTES).expect("the embedded font is a font"));

/// Family names for viewers that draw the text themselves.
pub(super) const FAMILY: &str = "DejaVu Sans, Verdana, sans-serif";
/// Units of the font an em.
pub(super) const UNITS: f64 = 2048.0;
/// Height of accented capitals, height of capitals and digits, and depth of descenders, in ems.
pub(super) const ASCENT: f64 = 0.93;
pub(super) const CAP: f64 = 0.73;
pub(super) const DESCENT: f64 = 0.24;
/// Most characters of a text that are looked at; no picture has room for more.
const MAX_CHARACTERS: usize = 2000;

/// Number of the glyph of a character; 0, a box, where the font has none.
pub(super) fn glyph(c: char) -> u16 {
    FACE.glyph_id(c).0
}

/// Width of a glyph in ems.
pub(super) fn advance(glyph: u16) -> f64 {
    f64::from(FACE.h_advance_unscaled(ab_glyph::GlyphId(glyph))) / UNITS
}

/// What is not in the font is as wide as an em: in SVG another font draws it.
fn wide(c: char) -> f64 {
    if glyph(c) == 0 { 1.0 } else { advance(glyph(c)) }
}

/// Width of a line of text in ems.
pub(super) fn width(text: &str) -> f64 {
    text.chars().map(wide).sum()
}

/// Calls `draw(x, y, coverage)` for the pixels of a line of text whose baseline starts at `(x, y)`.
pub(super) fn draw(text: &str, em: f64, (x, y): (f64, f64), mut draw: impl FnMut(i32, i32, f64)) {
    // ab_glyph scales by the height of the face, not by the em.
    let scale = PxScale::from((em * f64::from(FACE.height_unscaled()) / UNITS) as f32);
    let mut pen = x;
    for c in text.chars() {
        let placed = FACE
            .glyph_id(c)
            .with_scale_and_position(scale, point(pen as f32, y as f32));
        if let Some(outlined) = FACE.outline_glyph(placed) {
            let corner = outlined.px_bounds().min;
            outlined.draw(|dx, dy, coverage| {
                let coverage = f64::from(coverage).clamp(0.0, 1.0);
                draw(corner.x as i32 + dx as i32, corner.y as i32 + dy as i32, coverage);
            });
        }
        pen += wide(c) * em;
    }
}

/// Text that a file of any format can hold on one line: control characters become spaces, and the two code points that
/// XML forbids become the replacement character.
pub(super) fn clean(text: &str) -> String {
    let clean = |c: char| match c {
        c if c.is_control() => ' ',
        '\u{2028}' | '\u{2029}' => ' ',
        '\u{fffe}' | '\u{ffff}' => '\u{fffd}',
        c => c,
    };
    text.chars().take(MAX_CHARACTERS).map(clean).collect()
}

/// The longest beginning of the text that fits into `ems`, with an ellipsis if anything is missing.
pub(super) fn elide(text: &str, ems: f64) -> String {
    let text = clean(text);
    if width(&text) <= ems {
        return text;
    }
    let mut room = ems - wide('…');
    let fits = |c: &char| {
        room -= wide(*c);
        room >= 0.0
    };
    let kept: String = text.chars().take_while(fits).collect();
    format!("{}…", kept.trim_end())
}

/// Lines no wider than `ems`, broken at spaces; what does not fit, a word or the rest, ends in an ellipsis.
pub(super) fn wrap(text: &str, ems: f64, lines: usize) -> Vec<String> {
    let mut done: Vec<String> = Vec::new();
    for word in clean(text).split_whitespace() {
        let full = done.len() > lines;
        match done.last_mut() {
            Some(line) if full || width(line) + width(" ") + width(word) <= ems => *line += &format!(" {word}"),
            _ => done.push(word.to_owned()),
        }
    }
    if done.len() > lines {
        let rest = done.split_off(lines - 1).join(" ") + "…";
        done.push(rest);
    }
    done.iter().map(|line| elide(line, ems)).collect()
}
