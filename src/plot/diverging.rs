//! The diverging colour map: ColorBrewer's red-white-blue (`colorous::RED_BLUE`, safe for the common forms of colour
//! blindness), turned so that red is positive, in [`LEVELS`] steps that are symmetric about 0.

/// Red, green, blue.
pub(super) type Rgb = [u8; 3];

/// Number of colours: odd, so that 0 has one of its own; together with [`NOT_A_NUMBER`] they fill a byte.
pub(super) const LEVELS: u8 = 255;

/// The level of 0.
pub(super) const CENTRE: u8 = LEVELS / 2;

/// The level of entries that are not finite.
pub(super) const NOT_A_NUMBER: u8 = 255;

const GREY: Rgb = [150, 150, 150];

/// The level of a value whose colours end at `-max` and `max`. Values outside take the colour of the end.
pub(super) fn level(value: f64, max: f64) -> u8 {
    if !value.is_finite() {
        return NOT_A_NUMBER;
    }
    // With max = 0, 0 / 0 is the centre and everything else an end.
    let ratio = if value == 0.0 {
        0.0
    } else {
        (value / max).clamp(-1.0, 1.0)
    };
    (f64::from(CENTRE) + (ratio * f64::from(CENTRE)).round()) as u8
}

/// The colour of a level.
pub(super) fn colour(level: u8) -> Rgb {
    if level == NOT_A_NUMBER {
        return GREY;
    }
    let c = colorous::RED_BLUE.eval_continuous(1.0 - f64::from(level) / f64::from(LEVELS - 1));
    [c.r, c.g, c.b]
}

/// The colour of a share of the way from few to many, light enough for a dark line over it.
pub(super) fn sequential(share: f64) -> Rgb {
    let c = colorous::YELLOW_ORANGE_RED.eval_continuous(0.12 + 0.68 * share.clamp(0.0, 1.0));
    [c.r, c.g, c.b]
}

/// Relative luminance as of WCAG 2: 0 for black, 1 for white.
pub(super) fn luminance(rgb: Rgb) -> f64 {
    let linear = rgb.map(|c| {
        let c = f64::from(c) / 255.0;
        if c <= 0.04045 {
            c / 12.92
        } else {
            ((c + 0.055) / 1.055).powf(2.4)
        }
    });
    0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
}

/// Contrast of two colours as of WCAG 2, from 1 to 21.
pub(super) fn contrast(a: Rgb, b: Rgb) -> f64 {
    let (a, b) = (luminance(a), luminance(b));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

/// Black or white, whichever is easier to read on the background.
pub(super) fn ink(background: Rgb) -> Rgb {
    const BLACK: Rgb = [0, 0, 0];
    const WHITE: Rgb = [255, 255, 255];
    if contrast(WHITE, background) > contrast(BLACK, background) {
        WHITE
    } else {
        BLACK
    }
}
