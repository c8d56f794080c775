//! What is written along the axes and in the cells: runs of equal labels, thinning, and numbers.

/// Consecutive rows that share one label.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Run {
    pub(super) start: usize,
    pub(super) count: usize,
}

impl Run {
    /// Its rows, each a run of its own.
    pub(super) fn rows(self) -> impl Iterator<Item = Self> {
        (self.start..self.start + self.count).map(|start| Self { start, count: 1 })
    }
}

/// Maximal runs of equal neighbours.
pub(super) fn runs<T: PartialEq>(items: &[T]) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    for (i, item) in items.iter().enumerate() {
        match runs.last_mut() {
            Some(run) if items[run.start] == *item => run.count += 1,
            _ => runs.push(Run { start: i, count: 1 }),
        }
    }
    runs
}

/// Which labels to write so that none overlaps: indices in increasing order. Label `i` is centred at `centres[i]`
/// (increasing) and takes `extents[i]`; at least `gap` stays between two. The first label comes before all others, then
/// the last, then the heavier, then the earlier; labels of equal extent and weight at equal distances come out evenly
/// spaced except before the last.
pub(super) fn thin(centres: &[f64], extents: &[f64], weights: &[usize], gap: f64) -> Vec<usize> {
    let count = centres.len();
    let mut order: Vec<usize> = (0..count).collect();
    order.sort_by_key(|&i| (i != 0, i + 1 != count, std::cmp::Reverse(weights[i]), i));
    let clear = |a: usize, b: usize| centres[b] - centres[a] >= (extents[a] + extents[b]) / 2.0 + gap;
    let mut kept: Vec<usize> = Vec::new();
    for i in order {
        let at = kept.partition_point(|&j| j < i);
        let before = at.checked_sub(1).is_none_or(|b| clear(kept[b], i));
        let after = kept.get(at).is_none_or(|&a| clear(i, a));
        if before && after {
            kept.insert(at, i);
        }
    }
    kept
}

/// Most characters of a text that are looked at; no picture has room for more.
const MAX_CHARACTERS: usize = 2000;

/// Text that a file of any format can hold on one line: control characters become spaces, and the two code points that
/// XML forbids become the replacement character.
pub(super) fn clean(text: &str) -> String {
    text.chars()
        .take(MAX_CHARACTERS)
        .map(|c| match c {
            c if c.is_control() => ' ',
            '\u{2028}' | '\u{2029}' => ' ',
            '\u{fffe}' | '\u{ffff}' => '\u{fffd}',
            c => c,
        })
        .collect()
}

/// `digits` significant digits without trailing zeros; scientific below 1e-4 and from 1e6. ASCII.
pub(super) fn significant(value: f64, digits: usize) -> String {
    if value == 0.0 || !value.is_finite() {
        return if value == 0.0 {
            "0".to_string()
        } else {
            format!("{value}")
        };
    }
    let scientific = format!("{value:.*e}", digits.saturating_sub(1));
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if !(-4..6).contains(&exponent) {
        return format!("{}e{exponent}", trim(mantissa));
    }
    let decimals = (digits as i32 - 1 - exponent).max(0) as usize;
    trim(&format!("{value:.decimals$}")).to_string()
}

/// Without the zeros at the end of a decimal fraction.
fn trim(number: &str) -> &str {
    if number.contains('.') {
        number.trim_end_matches('0').trim_end_matches('.')
    } else {
        number
    }
}

/// With a minus sign instead of a hyphen.
pub(super) fn typeset(number: &str) -> String {
    number.replace('-', "\u{2212}")
}

/// A tick of a colour bar.
pub(super) fn tick(value: f64) -> String {
    typeset(&significant(value, 3))
}

/// The value in a cell whose colours end at `max`: two decimals, more for small ranges. Never "−0.00".
pub(super) fn cell(value: f64, max: f64) -> String {
    if value.is_nan() {
        return "NaN".to_string();
    }
    if value.is_infinite() {
        return if value > 0.0 { "∞" } else { "\u{2212}∞" }.to_string();
    }
    let number = if max >= 0.2 || max == 0.0 {
        format!("{value:.2}")
    } else if max >= 0.02 {
        format!("{value:.3}")
    } else if max >= 0.002 {
        format!("{value:.4}")
    } else if value == 0.0 {
        "0".to_string()
    } else {
        format!("{value:.0e}")
    };
    let zero = number
        .strip_prefix('-')
        .filter(|n| n.chars().all(|c| c == '0' || c == '.'));
    let number = zero.unwrap_or(&number);
    if number.len() > 9 {
        typeset(&format!("{value:.0e}"))
    } else {
        typeset(number)
    }
}
