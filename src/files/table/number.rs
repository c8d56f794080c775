//! Numbers in cells, as people and programs write them.

/// What a cell is as a whole number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::files) enum Whole {
    Number(i128),
    /// It may be two different numbers: 1.234, or 1,234 where commas separate nothing.
    Ambiguous,
    /// A number that is not whole, or is too large to be exact.
    Fraction,
    /// No number.
    No,
}

/// Largest float whose neighbours are told apart.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// A cell as a whole number. `comma` says that commas separate cells, so that one inside of a cell separates thousands.
pub(in crate::files) fn whole(cell: &str, comma: bool) -> Whole {
    let cell = cell.trim();
    let digits = cell.strip_prefix(['+', '-']).unwrap_or(cell);
    if digits.is_empty() {
        return Whole::No;
    }
    if digits.bytes().all(|byte| byte.is_ascii_digit()) {
        // 000 is what remains of 5,000 that was cut at its comma.
        if digits.len() > 1 && digits.starts_with('0') {
            return Whole::Ambiguous;
        }
        return cell.parse().map_or(Whole::Fraction, Whole::Number);
    }
    for (separator, sure) in [
        (',', comma),
        ('.', false),
        ('\u{a0}', true),
        ('\u{202f}', true),
        ('\'', true),
        ('\u{2019}', true),
        ('_', true),
    ] {
        if in_thousands(digits, separator) {
            return if sure {
                cell.replace(separator, "")
                    .parse()
                    .map_or(Whole::Fraction, Whole::Number)
            } else {
                Whole::Ambiguous
            };
        }
    }
    match cell.parse::<f64>() {
        Ok(value) if is_numeral(cell) && value.fract() == 0.0 && value.abs() <= EXACT => Whole::Number(value as i128),
        Ok(_) if is_numeral(cell) => Whole::Fraction,
        _ => Whole::No,
    }
}

/// Whether a cell is a number of any kind.
pub(in crate::files) fn is_number(cell: &str) -> bool {
    whole(cell, true) != Whole::No
}

/// The names of infinity and of what is no number are names here.
fn is_numeral(cell: &str) -> bool {
    cell.bytes()
        .all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte))
}

/// Groups of three digits after the first.
fn in_thousands(digits: &str, separator: char) -> bool {
    let mut groups = digits.split(separator);
    let first = groups.next().unwrap_or_default();
    let numeral = |group: &str| group.bytes().all(|byte| byte.is_ascii_digit());
    let mut rest = groups.peekable();
    rest.peek().is_some()
        && (1..=3).contains(&first.len())
        && numeral(first)
        && rest.all(|group| group.len() == 3 && numeral(group))
}
