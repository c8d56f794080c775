//! A phase diagram: a number for every point of a grid with logarithmic axes, and curves over it.

use super::PlotError;
use super::diverging::{Rgb, sequential};
use super::font::{ASCENT, CAP, DESCENT, Font};
use super::labels::{clean, thin};
use super::scene::{Anchor, Item, Polyline, Rectangle, Scene, Text};

const DARK: Rgb = [26, 26, 26];
const SOFT: Rgb = [70, 70, 70];
const GREY: Rgb = [176, 176, 176];
const WHITE: Rgb = [255, 255, 255];
/// Width and height of the plot that whole cells come nearest to.
const TARGET: f64 = 1100.0;
const PAD: f64 = 36.0;
const STROKE: i32 = 2;
const TICK: f64 = 12.0;
const MINOR: f64 = 6.0;
const GAP: f64 = 10.0;
const TITLE: f64 = 38.0;
const SUBTITLE: f64 = 31.0;
const NAME: f64 = 34.0;
const LABEL: f64 = 32.0;
const NOTE: f64 = 28.0;
const LEADING: f64 = 1.35;
const CURVE: f64 = 5.0;
/// Distance and side of the swatches of the legend, and most of them.
const LEGEND_GAP: f64 = 44.0;
const SWATCH: i32 = 40;
const MAX_SWATCHES: usize = 14;

/// Counts on a grid of two quantities, both ascending, positive and evenly spaced in the logarithm.
#[derive(Debug, Clone, PartialEq)]
pub struct Diagram {
    /// Above the plot.
    pub title: String,
    /// Below the title.
    pub subtitle: String,
    /// Values along the horizontal axis, at least two.
    pub x: Vec<f64>,
    /// Values along the vertical axis, at least two.
    pub y: Vec<f64>,
    /// What `x` is.
    pub x_name: String,
    /// What `y` is.
    pub y_name: String,
    /// What the counts are.
    pub legend: String,
    /// A row for every `y` with one count for every `x`; `None` is drawn grey.
    pub counts: Vec<Vec<Option<u64>>>,
    /// Curves of `[x, y]`.
    pub curves: Vec<Vec<[f64; 2]>>,
    /// Below the plot.
    pub notes: Vec<String>,
}

/// An axis: values to pixels from its start, each value in the middle of its cell.
struct Axis {
    low: f64,
    per_pixel: f64,
    cell: f64,
    count: usize,
}

impl Axis {
    fn new(values: &[f64]) -> Axis {
        let count = values.len();
        let cell = (TARGET / count as f64).round().max(1.0);
        let (low, high) = (values[0].ln(), values[count - 1].ln());
        Axis {
            low,
            per_pixel: (high - low) / ((count - 1) as f64 * cell),
            cell,
            count,
        }
    }

    fn length(&self) -> f64 {
        self.count as f64 * self.cell
    }

    fn at(&self, value: f64) -> f64 {
        (value.ln() - self.low) / self.per_pixel + 0.5 * self.cell
    }

    /// Ticks at 1..9 times powers of ten, and the labels that are written: powers of ten first, then 2 and 5, then the rest.
    fn ticks(&self, extent: impl Fn(&str) -> f64) -> Vec<(f64, Option<String>)> {
        let first = (self.low / std::f64::consts::LN_10).floor() as i32 - 1;
        let last = ((self.low + self.length() * self.per_pixel) / std::f64::consts::LN_10).ceil() as i32 + 1;
        let mut ticks: Vec<(f64, String, usize)> = Vec::new();
        for power in first..=last {
            for digit in 1..=9 {
                let text = decimal(digit, power);
                let Ok(value) = text.parse::<f64>() else { continue };
                let at = self.at(value);
                let weight = match digit {
                    1 => 3,
                    2 | 5 => 2,
                    _ => 1,
                };
                if (0.0..=self.length()).contains(&at) {
                    ticks.push((at, text, weight));
                }
            }
        }
        let few = ticks.len() <= 6;
        let wanted: Vec<usize> = (0..ticks.len()).filter(|&i| few || ticks[i].2 > 1).collect();
        // `thin` prefers both ends; a decade at the end of the axis deserves that, a 2 or 5 does not.
        let centres: Vec<f64> = wanted.iter().map(|&i| ticks[i].0).collect();
        let extents: Vec<f64> = wanted.iter().map(|&i| extent(&ticks[i].1)).collect();
        let decades: Vec<usize> = (0..wanted.len()).filter(|&i| ticks[wanted[i]].2 == 3).collect();
        let pick = |from: &[usize]| -> Vec<usize> {
            let at: Vec<f64> = from.iter().map(|&i| centres[i]).collect();
            let wide: Vec<f64> = from.iter().map(|&i| extents[i]).collect();
            thin(&at, &wide, &vec![1; from.len()], 24.0)
                .into_iter()
                .map(|i| from[i])
                .collect()
        };
        let all: Vec<usize> = (0..wanted.len()).collect();
        let everything = pick(&all);
        let written = if everything.len() == all.len() || decades.len() < 2 {
            everything
        } else {
            pick(&decades)
        };
        let written: Vec<usize> = written.into_iter().map(|i| wanted[i]).collect();
        ticks
            .into_iter()
            .enumerate()
            .map(|(i, (at, text, _))| (at, written.contains(&i).then_some(text)))
            .collect()
    }
}

/// `digit * 10^power` in plain decimals up to a million, and with an exponent beyond.
fn decimal(digit: u32, power: i32) -> String {
    match power {
        6.. => format!("{digit}e{power}"),
        0..=5 => format!("{digit}{}", "0".repeat(power as usize)),
        -4..=-1 => format!("0.{}{digit}", "0".repeat((-power - 1) as usize)),
        _ => format!("{digit}e{power}"),
    }
}

pub(super) fn scene(diagram: &Diagram, font: &Font) -> Result<Scene, PlotError> {
    check(diagram)?;
    let (x_axis, y_axis) = (Axis::new(&diagram.x), Axis::new(&diagram.y));
    let x_ticks = x_axis.ticks(|text| font.width(text) * LABEL);
    let y_ticks = y_axis.ticks(|_| (CAP + DESCENT) * LABEL);
    let widest = y_ticks
        .iter()
        .filter_map(|(_, text)| text.as_ref().map(|text| font.width(text) * LABEL))
        .fold(0.0, f64::max);
    let left = (PAD + (ASCENT + DESCENT) * NAME + GAP + widest + GAP + TICK).ceil();
    let legend = swatches(diagram);
    let legend_width = legend
        .iter()
        .map(|(text, _)| f64::from(SWATCH) + GAP + font.width(text) * LABEL)
        .fold(font.width(&diagram.legend) * LABEL, f64::max);
    let right = left + x_axis.length() + LEGEND_GAP + legend_width;
    let width = (right + PAD).ceil();
    let mut items = Vec::new();

    let mut y = PAD;
    for (text, em, fill, lines) in [(&diagram.title, TITLE, DARK, 3), (&diagram.subtitle, SUBTITLE, SOFT, 4)] {
        y = paragraph(&mut items, font, text, y, width, (em, lines), fill);
    }
    let top = (y + 18.0).ceil();
    let bottom = top + y_axis.length();

    // Cells, in runs of equal colour along a row.
    for (j, row) in diagram.counts.iter().enumerate() {
        let cell_top = bottom - (j + 1) as f64 * y_axis.cell;
        for run in super::labels::runs(row) {
            items.push(Item::Rectangle(Rectangle {
                x: (left + run.start as f64 * x_axis.cell) as i32,
                y: cell_top as i32,
                width: (run.count as f64 * x_axis.cell) as i32,
                height: y_axis.cell as i32,
                fill: colour(&legend, row[run.start]),
            }));
        }
    }
    for curve in &diagram.curves {
        let points = curve
            .iter()
            .map(|[x, y]| (left + x_axis.at(*x), bottom - y_axis.at(*y)))
            .collect();
        items.push(Item::Polyline(Polyline {
            points,
            width: CURVE,
            fill: DARK,
        }));
    }

    let (x0, y0) = (left as i32, top as i32);
    let (w, h) = (x_axis.length() as i32, y_axis.length() as i32);
    for (x, y, width, height) in [
        (x0 - STROKE, y0 - STROKE, w + 2 * STROKE, STROKE),
        (x0 - STROKE, y0 + h, w + 2 * STROKE, STROKE),
        (x0 - STROKE, y0, STROKE, h),
        (x0 + w, y0, STROKE, h),
    ] {
        items.push(rectangle(x, y, width, height, DARK));
    }
    for (at, label) in &x_ticks {
        let length = if label.is_some() { TICK } else { MINOR };
        let x = (left + at).round() as i32 - STROKE / 2;
        items.push(rectangle(x, y0 + h + STROKE, STROKE, length as i32, DARK));
        if let Some(label) = label {
            let at = (left + at, bottom + TICK + GAP + CAP * LABEL);
            items.push(text(label, at, LABEL, Anchor::Middle, false, DARK));
        }
    }
    for (at, label) in &y_ticks {
        let length = if label.is_some() { TICK } else { MINOR } as i32;
        let y = (bottom - at).round() as i32 - STROKE / 2;
        items.push(rectangle(x0 - STROKE - length, y, length, STROKE, DARK));
        if let Some(label) = label {
            let at = (left - TICK - GAP, bottom - at + CAP / 2.0 * LABEL);
            items.push(text(label, at, LABEL, Anchor::End, false, DARK));
        }
    }
    let names = bottom + TICK + GAP + (CAP + DESCENT) * LABEL + ASCENT * NAME;
    let middle = (left + x_axis.length() / 2.0, top + y_axis.length() / 2.0);
    items.push(text(
        &diagram.x_name,
        (middle.0, names),
        NAME,
        Anchor::Middle,
        false,
        DARK,
    ));
    let turned = (PAD + ASCENT * NAME, middle.1);
    items.push(text(&diagram.y_name, turned, NAME, Anchor::Middle, true, DARK));

    // The legend: zero at the bottom, as in the plot where collapse grows.
    let side = left + x_axis.length() + LEGEND_GAP;
    items.push(text(
        &diagram.legend,
        (side, top + CAP * LABEL),
        LABEL,
        Anchor::Start,
        false,
        DARK,
    ));
    for (i, (label, fill)) in legend.iter().rev().enumerate() {
        let y = top as i32 + 56 + i as i32 * (SWATCH + 12);
        items.push(rectangle(side as i32, y, SWATCH, SWATCH, DARK));
        items.push(rectangle(
            side as i32 + STROKE,
            y + STROKE,
            SWATCH - 2 * STROKE,
            SWATCH - 2 * STROKE,
            *fill,
        ));
        let at = (
            side + f64::from(SWATCH) + GAP,
            f64::from(y + SWATCH / 2) + CAP / 2.0 * LABEL,
        );
        items.push(text(label, at, LABEL, Anchor::Start, false, DARK));
    }

    let mut y = names + DESCENT * NAME + 18.0;
    for note in &diagram.notes {
        y = paragraph(&mut items, font, note, y, width, (NOTE, 3), SOFT);
    }
    Ok(Scene {
        width: width as u32,
        height: (y + PAD).ceil() as u32,
        description: clean(&diagram.title),
        items,
    })
}

fn check(diagram: &Diagram) -> Result<(), PlotError> {
    let ascending = |values: &[f64]| {
        values.len() >= 2 && values[0] > 0.0 && values.windows(2).all(|pair| pair[0] < pair[1] && pair[1].is_finite())
    };
    let shaped =
        diagram.counts.len() == diagram.y.len() && diagram.counts.iter().all(|row| row.len() == diagram.x.len());
    if ascending(&diagram.x) && ascending(&diagram.y) && shaped {
        return Ok(());
    }
    Err(PlotError::Diagram {
        columns: diagram.x.len(),
        rows: diagram.y.len(),
    })
}

/// The colours of all counts there are, ascending, the first for "none"; grey last if some count is missing. More than
/// [`MAX_SWATCHES`] are joined to classes of neighbouring counts.
fn swatches(diagram: &Diagram) -> Vec<(String, Rgb)> {
    let mut counts: Vec<u64> = diagram.counts.iter().flatten().copied().flatten().collect();
    counts.sort_unstable();
    counts.dedup();
    counts.retain(|&count| count > 0);
    let per = counts.len().div_ceil(MAX_SWATCHES).max(1);
    let groups: Vec<&[u64]> = counts.chunks(per).collect();
    let mut swatches = vec![("0".to_owned(), WHITE)];
    for (i, group) in groups.iter().enumerate() {
        let share = if groups.len() == 1 {
            0.35
        } else {
            i as f64 / (groups.len() - 1) as f64
        };
        let label = match group {
            [one] => one.to_string(),
            [first, .., last] => format!("{first} to {last}"),
            [] => continue,
        };
        swatches.push((label, sequential(share)));
    }
    if diagram.counts.iter().flatten().any(Option::is_none) {
        swatches.push(("?".to_owned(), GREY));
    }
    swatches
}

fn colour(swatches: &[(String, Rgb)], count: Option<u64>) -> Rgb {
    let Some(count) = count else { return GREY };
    let holds = |label: &str| match label.split_once(" to ") {
        Some((_, last)) => last.parse().is_ok_and(|last: u64| count <= last),
        None => label.parse().is_ok_and(|only: u64| count <= only),
    };
    swatches
        .iter()
        .find(|(label, _)| holds(label))
        .map_or(GREY, |(_, fill)| *fill)
}

pub(super) fn rectangle(x: i32, y: i32, width: i32, height: i32, fill: Rgb) -> Item {
    Item::Rectangle(Rectangle {
        x,
        y,
        width,
        height,
        fill,
    })
}

pub(super) fn text(text: &str, (x, y): (f64, f64), em: f64, anchor: Anchor, turned: bool, fill: Rgb) -> Item {
    Item::Text(Text {
        x,
        y: y.round(),
        text: clean(text),
        em,
        anchor,
        turned,
        fill,
    })
}

/// Writes wrapped lines below `y` and returns the `y` below them.
pub(super) fn paragraph(
    items: &mut Vec<Item>,
    font: &Font,
    words: &str,
    y: f64,
    width: f64,
    (em, lines): (f64, usize),
    fill: Rgb,
) -> f64 {
    let mut y = y;
    for line in font.wrap(&clean(words), (width - 2.0 * PAD) / em, lines) {
        items.push(text(&line, (PAD, y + ASCENT * em), em, Anchor::Start, false, fill));
        y += LEADING * em;
    }
    y
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_have_no_noise() {
        let all: Vec<String> = [-6, -4, -1, 0, 3, 6].map(|power| decimal(2, power)).to_vec();
        assert_eq!(all, ["2e-6", "0.0002", "0.2", "2", "2000", "2e6"]);
    }

    #[test]
    fn a_diagram_without_a_grid_is_refused() {
        let font = Font::new().expect("the font is embedded");
        let diagram = Diagram {
            title: String::new(),
            subtitle: String::new(),
            x: vec![1.0, 2.0],
            y: vec![0.1, 0.2],
            x_name: String::new(),
            y_name: String::new(),
            legend: String::new(),
            counts: vec![vec![Some(0), Some(2)], vec![None, Some(3)]],
            curves: vec![vec![[1.5, 0.1], [1.0, 0.15]]],
            notes: Vec::new(),
        };
        assert!(scene(&diagram, &font).is_ok());
        for broken in [
            Diagram {
                x: vec![1.0],
                ..diagram.clone()
            },
            Diagram {
                y: vec![0.2, 0.1],
                ..diagram.clone()
            },
            Diagram {
                counts: vec![vec![Some(0)]; 2],
                ..diagram
            },
        ] {
            assert!(matches!(scene(&broken, &font), Err(PlotError::Diagram { .. })));
        }
    }
}
