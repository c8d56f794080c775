//! Numbers as they are written in a picture.

/// `digits` significant digits without trailing zeros; scientific below 1e-4 and from 1e6. ASCII.
pub(crate) fn significant(value: f64, digits: usize) -> String {
    if value == 0.0 || !value.is_finite() {
        return if value == 0.0 {
            "0".to_owned()
        } else {
            value.to_string()
        };
    }
    let scientific = format!("{value:.*e}", digits.saturating_sub(1));
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let trim = |number: &str| match number.contains('.') {
        true => number.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => number.to_owned(),
    };
    if !(-4..6).contains(&exponent) {
        return format!("{}e{exponent}", trim(mantissa));
    }
    let decimals = (digits as i32 - 1 - exponent).max(0) as usize;
    trim(&format!("{value:.decimals$}"))
}

/// With a minus sign instead of a hyphen.
fn typeset(number: &str) -> String {
    number.replace('-', "\u{2212}")
}

/// A tick of an axis.
pub(super) fn tick(value: f64) -> String {
    typeset(&significant(value, 3))
}

/// The value in a cell whose colours end at `largest`: two decimals, more for small ranges. Never "−0.00".
pub(super) fn cell(value: f64, largest: f64) -> String {
    if !value.is_finite() {
        return typeset(&value.to_string().replace("inf", "∞"));
    }
    let number = match largest {
        _ if value.abs() >= 1e7 => format!("{value:.0e}"),
        0.0 | 0.2.. => format!("{value:.2}"),
        0.02.. => format!("{value:.3}"),
        0.002.. => format!("{value:.4}"),
        _ if value == 0.0 => "0".to_owned(),
        _ => format!("{value:.0e}"),
    };
    let is_zero = number.starts_with('-') && number.chars().all(|c| "-0.".contains(c));
    typeset(if is_zero { &number[1..] } else { &number })
}
