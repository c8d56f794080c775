//! The embedded font, DejaVu Sans cut down to Latin, Greek and some mathematics (see `fonts/README.md`).
//!
//! `ab_glyph` is used directly rather than through plotters, whose own text drawing drops the left side bearing of every
//! glyph (uneven gaps between letters) and keeps fonts in a process-wide table.

use ab_glyph::{Font as _, FontRef, Glyph, PxScale, point};

const BYTES: &[u8] = include_bytes!("fonts/DejaVuSans-subset.ttf");

/// Family names for viewers that draw the text themselves.
pub(super) const FAMILY: &str = "DejaVu Sans, Verdana, sans-serif";

/// Height of capitals and digits in ems.
pub(super) const CAP: f64 = 0.73;

/// Depth of descenders in ems.
pub(super) const DESCENT: f64 = 0.24;

/// Height of accented capitals in ems.
pub(super) const ASCENT: f64 = 0.93;

/// Sizes are in pixels an em throughout.
pub(super) struct Font {
    face: FontRef<'static>,
    units_per_em: f64,
}

impl Font {
    pub(super) fn new() -> Result<Self, ab_glyph::InvalidFont> {
        let face = FontRef::try_from_slice(BYTES)?;
        let units_per_em = f64::from(face.units_per_em().ok_or(ab_glyph::InvalidFont)?);
        Ok(Self { face, units_per_em })
    }

    /// Width of a line of text in ems.
    pub(super) fn width(&self, text: &str) -> f64 {
        text.chars().map(|c| self.advance(c)).sum()
    }

    fn advance(&self, c: char) -> f64 {
        let glyph = self.face.glyph_id(c);
        // A character that is not in the font is drawn as a box here, and in SVG by some other font: as wide as an em.
        if glyph.0 == 0 {
            1.0
        } else {
            f64::from(self.face.h_advance_unscaled(glyph)) / self.units_per_em
        }
    }

    /// Calls `draw(x, y, coverage)` for the pixels of a line of text whose baseline starts at `(x, y)`.
    pub(super) fn draw(&self, text: &str, em: f64, (x, y): (f64, f64), mut draw: impl FnMut(i32, i32, f64)) {
        // ab_glyph scales by the height of the face, not by the em.
        let scale = PxScale::from((em * f64::from(self.face.height_unscaled()) / self.units_per_em) as f32);
        let mut pen = x;
        for c in text.chars() {
            let glyph = Glyph {
                id: self.face.glyph_id(c),
                scale,
                position: point(pen as f32, y as f32),
            };
            if let Some(outlined) = self.face.outline_glyph(glyph) {
                let corner = outlined.px_bounds().min;
                outlined.draw(|dx, dy, coverage| {
                    let coverage = f64::from(coverage).clamp(0.0, 1.0);
                    draw(corner.x as i32 + dx as i32, corner.y as i32 + dy as i32, coverage);
                });
            }
            pen += self.advance(c) * em;
        }
    }

    /// Whether the font has a glyph of its own for the character.
    #[cfg(test)]
    pub(super) fn has(&self, c: char) -> bool {
        self.face.glyph_id(c).0 != 0
    }

    /// The longest beginning of the text that fits into `ems`, with an ellipsis if anything is missing.
    pub(super) fn elide(&self, text: &str, ems: f64) -> String {
        if self.width(text) <= ems {
            return text.to_string();
        }
        let mut room = ems - self.advance('…');
        let mut kept = String::new();
        for c in text.chars() {
            room -= self.advance(c);
            if room < 0.0 {
                break;
            }
            kept.push(c);
        }
        kept.truncate(kept.trim_end().len());
        kept.push('…');
        kept
    }

    /// Lines no wider than `ems`, broken at spaces where there are any; what does not fit into `lines` lines ends in an
    /// ellipsis.
    pub(super) fn wrap(&self, text: &str, ems: f64, lines: usize) -> Vec<String> {
        let mut done: Vec<String> = Vec::new();
        let mut line = String::new();
        for word in text.split(' ').filter(|w| !w.is_empty()) {
            let mut word = word.to_string();
            loop {
                let joined = if line.is_empty() {
                    word.clone()
                } else {
                    format!("{line} {word}")
                };
                if self.width(&joined) <= ems {
                    line = joined;
                    break;
                }
                if !line.is_empty() {
                    done.push(std::mem::take(&mut line));
                    continue;
                }
                // One word wider than a line: break it between characters, at least one of them on each line.
                let mut cut = word.chars().next().map_or(0, char::len_utf8);
                let mut width = self.width(&word[..cut]);
                for c in word[cut..].chars() {
                    width += self.advance(c);
                    if width > ems {
                        break;
                    }
                    cut += c.len_utf8();
                }
                let rest = word.split_off(cut);
                done.push(std::mem::replace(&mut word, rest));
                if word.is_empty() {
                    break;
                }
            }
            if done.len() > lines {
                break;
            }
        }
        if !line.is_empty() {
            done.push(line);
        }
        if done.len() > lines {
            done.truncate(lines);
            if let Some(last) = done.last_mut() {
                *last = self.elide(&format!("{last}…"), ems);
                if !last.ends_with('…') {
                    last.push('…');
                }
            }
        }
        done
    }
}
