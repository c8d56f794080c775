//! A line chart: quantities against one with a logarithmic axis.

use super::PlotError;
use super::diagram::{
    Axis, CURVE, DARK, GAP, LABEL, LEADING, LEGEND_GAP, MINOR, NAME, NOTE, PAD, SOFT, STROKE, SUBTITLE, TICK, TITLE,
    paragraph, rectangle, text,
};
use super::diverging::Rgb;
use super::font::{ASCENT, CAP, DESCENT, Font};
use super::labels::clean;
use super::scene::{Anchor, Item, Polyline, Scene};

const WIDTH: f64 = 1200.0;
const HEIGHT: f64 = 800.0;
const MARK: i32 = 14;
const LINE: f64 = 56.0;
const FAINT: Rgb = [224, 224, 224];

/// Colours of the series; they differ in lightness too.
const COLOURS: [Rgb; 4] = [[178, 24, 43], [33, 102, 172], [150, 150, 150], [27, 120, 55]];

/// Several quantities at the same values of another, which is positive and ascending.
#[derive(Debug, Clone, PartialEq)]
pub struct Chart {
    /// Above the plot.
    pub title: String,
    /// Below the title.
    pub subtitle: String,
    /// Values along the horizontal axis, at least two.
    pub x: Vec<f64>,
    /// What `x` is.
    pub x_name: String,
    /// What the series are.
    pub y_name: String,
    /// Ends of the vertical axis and the distance of its ticks; `None` to fit the series.
    pub y_range: Option<[f64; 3]>,
    /// At most four.
    pub series: Vec<Series>,
    /// Below the plot.
    pub notes: Vec<String>,
}

/// One line of a [`Chart`].
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// In the legend.
    pub name: String,
    /// One for every `x`, finite.
    pub values: Vec<f64>,
}

/// Low and high end of the vertical axis, and the distance of its ticks: 1, 2 or 5 times a power of ten.
fn range(chart: &Chart) -> (f64, f64, f64) {
    if let Some([low, high, step]) = chart.y_range {
        return (low, high, step);
    }
    let values = || chart.series.iter().flat_map(|series| series.values.iter().copied());
    let (low, high) = (
        values().fold(f64::INFINITY, f64::min),
        values().fold(f64::NEG_INFINITY, f64::max),
    );
    let spread = (high - low).max(1e-9 * high.abs().max(1.0));
    let power = 10f64.powf((spread / 5.0).log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0]
        .map(|m| m * power)
        .into_iter()
        .find(|step| spread / step <= 6.0)
        .unwrap_or(10.0 * power);
    ((low / step).floor() * step, (high / step).ceil() * step, step)
}

pub(super) fn scene(chart: &Chart, font: &Font) -> Result<Scene, PlotError> {
    check(chart)?;
    let axis = Axis::between(chart.x[0], chart.x[chart.x.len() - 1], WIDTH);
    let (low, high, step) = range(chart);
    let decimals = (-step.log10().floor()).clamp(0.0, 12.0) as usize;
    let count = ((high - low) / step).round() as usize;
    let y_ticks: Vec<(f64, String)> = (0..=count)
        .map(|i| {
            let value = low + i as f64 * step;
            ((value - low) / (high - low) * HEIGHT, format!("{value:.decimals$}"))
        })
        .collect();
    let widest = y_ticks
        .iter()
        .map(|(_, label)| font.width(label) * LABEL)
        .fold(0.0, f64::max);
    let left = (PAD + (ASCENT + DESCENT) * NAME + GAP + widest + GAP + TICK).ceil();
    let legend_width = chart
        .series
        .iter()
        .map(|series| LINE + GAP + font.width(&series.name) * LABEL)
        .fold(0.0, f64::max);
    let width = (left + WIDTH + LEGEND_GAP + legend_width + PAD).ceil();
    let mut items = Vec::new();
    let mut y = PAD;
    for (words, em, fill, lines) in [(&chart.title, TITLE, DARK, 3), (&chart.subtitle, SUBTITLE, SOFT, 4)] {
        y = paragraph(&mut items, font, words, y, width, (em, lines), fill);
    }
    let top = (y + 24.0).ceil();
    let bottom = top + HEIGHT;
    let (x0, y0, w, h) = (left as i32, top as i32, WIDTH as i32, HEIGHT as i32);

    for (at, label) in &y_ticks {
        let y = (bottom - at).round() as i32 - STROKE / 2;
        items.push(rectangle(x0, y, w, STROKE, FAINT));
        items.push(rectangle(x0 - STROKE - TICK as i32, y, TICK as i32, STROKE, DARK));
        let at = (left - TICK - GAP, bottom - at + CAP / 2.0 * LABEL);
        items.push(text(label, at, LABEL, Anchor::End, false, DARK));
    }
    for (x, y, width, height) in [
        (x0 - STROKE, y0 - STROKE, w + 2 * STROKE, STROKE),
        (x0 - STROKE, y0 + h, w + 2 * STROKE, STROKE),
        (x0 - STROKE, y0, STROKE, h),
        (x0 + w, y0, STROKE, h),
    ] {
        items.push(rectangle(x, y, width, height, DARK));
    }
    for (at, label) in axis.ticks(|label| font.width(label) * LABEL) {
        let length = if label.is_some() { TICK } else { MINOR };
        let x = (left + at).round() as i32 - STROKE / 2;
        items.push(rectangle(x, y0 + h + STROKE, STROKE, length as i32, DARK));
        if let Some(label) = label {
            let at = (left + at, bottom + TICK + GAP + CAP * LABEL);
            items.push(text(&label, at, LABEL, Anchor::Middle, false, DARK));
        }
    }
    let side = left + WIDTH + LEGEND_GAP;
    // The first series is drawn last, on top.
    for (i, series) in chart.series.iter().enumerate().rev() {
        let fill = COLOURS[i % COLOURS.len()];
        let points: Vec<(f64, f64)> = chart
            .x
            .iter()
            .zip(&series.values)
            .map(|(&x, value)| (left + axis.at(x), bottom - (value - low) / (high - low) * HEIGHT))
            .collect();
        let constant = series.values.windows(2).all(|pair| pair[0] == pair[1]);
        for &(x, y) in points.iter().filter(|_| !constant) {
            items.push(rectangle(
                x.round() as i32 - MARK / 2,
                y.round() as i32 - MARK / 2,
                MARK,
                MARK,
                fill,
            ));
        }
        items.push(Item::Polyline(Polyline {
            points,
            width: CURVE,
            fill,
        }));
        let middle = top + CAP * LABEL + i as f64 * LEADING * LABEL * 1.3;
        items.push(rectangle(
            side as i32,
            (middle - CAP / 2.0 * LABEL) as i32 - 2,
            LINE as i32,
            5,
            fill,
        ));
        let at = (side + LINE + GAP, middle);
        items.push(text(&series.name, at, LABEL, Anchor::Start, false, DARK));
    }
    let names = bottom + TICK + GAP + (CAP + DESCENT) * LABEL + ASCENT * NAME;
    let at = (left + WIDTH / 2.0, names);
    items.push(text(&chart.x_name, at, NAME, Anchor::Middle, false, DARK));
    let at = (PAD + ASCENT * NAME, top + HEIGHT / 2.0);
    items.push(text(&chart.y_name, at, NAME, Anchor::Middle, true, DARK));
    let mut y = names + DESCENT * NAME + 18.0;
    for note in &chart.notes {
        y = paragraph(&mut items, font, note, y, width, (NOTE, 3), SOFT);
    }
    Ok(Scene {
        width: width as u32,
        height: (y + PAD).ceil() as u32,
        description: clean(&chart.title),
        items,
    })
}

fn check(chart: &Chart) -> Result<(), PlotError> {
    let x = &chart.x;
    let ascending = x.len() >= 2 && x[0] > 0.0 && x.windows(2).all(|pair| pair[0] < pair[1] && pair[1].is_finite());
    let series = &chart.series;
    let shaped = (1..=COLOURS.len()).contains(&series.len())
        && series
            .iter()
            .all(|series| series.values.len() == x.len() && series.values.iter().all(|value| value.is_finite()));
    if ascending && shaped {
        return Ok(());
    }
    Err(PlotError::Chart {
        points: x.len(),
        series: series.len(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chart_without_a_line_is_refused() {
        let font = Font::new().expect("the font is embedded");
        let line = |values: &[f64]| Series {
            name: "a".to_owned(),
            values: values.to_vec(),
        };
        let chart = Chart {
            title: String::new(),
            subtitle: String::new(),
            x: vec![4.0, 8.0],
            x_name: String::new(),
            y_name: String::new(),
            y_range: None,
            series: vec![line(&[1.0, 1.0])],
            notes: Vec::new(),
        };
        assert!(scene(&chart, &font).is_ok());
        for (x, series) in [
            (vec![4.0], vec![line(&[1.0])]),
            (vec![4.0, 4.0], vec![line(&[1.0, 2.0])]),
            (vec![4.0, 8.0], vec![line(&[1.0])]),
            (vec![4.0, 8.0], vec![line(&[1.0, f64::NAN])]),
            (vec![4.0, 8.0], Vec::new()),
        ] {
            let broken = Chart {
                x,
                series,
                ..chart.clone()
            };
            assert!(matches!(scene(&broken, &font), Err(PlotError::Chart { .. })));
        }
    }
}
