//! Colours. The diverging map is ColorBrewer's red-white-blue (`colorous::RED_BLUE`, safe for the common forms of colour
//! blindness), turned so that red is positive, in 255 steps that are symmetric about 0.

use super::ColourRange;

/// Red, green, blue.
pub type Rgb = [u8; 3];

/// The global optimum, and what reached it: the same in every picture.
pub const GLOBAL: Rgb = [0, 114, 178];
/// Minima that are not global.
pub const SPURIOUS: Rgb = [213, 94, 0];
/// One quantity of two.
pub const FIRST: Rgb = [0, 158, 115];
/// The other.
pub const SECOND: Rgb = [160, 70, 160];
/// A reference, a boundary or a summary; and text.
pub const DARK: Rgb = [26, 26, 26];
/// One of a crowd, or nothing known.
pub const GREY: Rgb = [176, 182, 188];
pub(super) const SOFT: Rgb = [70, 70, 70];
pub(super) const GRID: Rgb = [226, 226, 226];

/// Number of colours: odd, so that 0 has one of its own; together with [`NOT_A_NUMBER`] they fill a byte.
pub(super) const LEVELS: u8 = 255;
/// The level of 0.
pub(super) const CENTRE: u8 = LEVELS / 2;
/// The level of entries that are not finite.
pub(super) const NOT_A_NUMBER: u8 = 255;

/// The level of a value. Values outside the range take the colour of its end.
pub(super) fn level(value: f64, range: ColourRange) -> u8 {
    if !value.is_finite() {
        return NOT_A_NUMBER;
    }
    let ratio = value.clamp(range.low, range.high) / range.largest();
    (f64::from(CENTRE) + (ratio * f64::from(CENTRE)).round()) as u8
}

/// The colour of a level.
pub(super) fn colour(level: u8) -> Rgb {
    match level {
        NOT_A_NUMBER => GREY,
        _ => colorous::RED_BLUE
            .eval_rational(usize::from(LEVELS - 1 - level), LEVELS.into())
            .as_array(),
    }
}

/// A colour for a share of the way from few to many, light enough for a dark line over it.
pub fn heat(share: f64) -> Rgb {
    colorous::YELLOW_ORANGE_RED
        .eval_continuous(0.12 + 0.68 * share.clamp(0.0, 1.0))
        .as_array()
}

/// Black or white, whichever has a contrast of 4.5 with the colour of a level.
pub(super) fn ink(level: u8) -> Rgb {
    if matches!(level, 38..=210 | NOT_A_NUMBER) {
        [0; 3]
    } else {
        [255; 3]
    }
}

/// The colours of values from -1 (blue) over 0 (white) to 1 (red), evenly spaced.
pub fn diverging() -> impl Iterator<Item = Rgb> {
    (0..LEVELS).map(colour)
}
