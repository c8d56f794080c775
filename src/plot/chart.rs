//! A chart: curves, points and bars over two axes, each linear or logarithmic.
//!
//! What is drawn decides the range of an axis; what has no place on it (no number, or no logarithm) is left out, and a
//! curve is interrupted there.

use super::PlotError;
use super::diagram::{paragraph, rectangle, text};
use super::diverging::Rgb;
use super::font::{ASCENT, CAP, DESCENT, Font};
use super::labels::{clean, thin, tick};
use super::scene::{Anchor, Item, Polyline, Scene};

const DARK: Rgb = [26, 26, 26];
const SOFT: Rgb = [70, 70, 70];
const GRID: Rgb = [226, 226, 226];
/// Colours of series, safe for the common forms of colour blindness.
const COLOURS: [Rgb; 6] = [
    [0, 114, 178],
    [213, 94, 0],
    [0, 158, 115],
    [204, 121, 167],
    [120, 94, 240],
    [26, 26, 26],
];
/// One of many thin lines.
const CROWD: Rgb = [158, 190, 214];
const WIDTH: f64 = 1300.0;
const HEIGHT: f64 = 900.0;
const PAD: f64 = 36.0;
const STROKE: i32 = 2;
const TICK: f64 = 12.0;
const GAP: f64 = 10.0;
const TITLE: f64 = 38.0;
const SUBTITLE: f64 = 31.0;
const NAME: f64 = 34.0;
const LABEL: f64 = 32.0;
const NOTE: f64 = 28.0;
const LEGEND_GAP: f64 = 44.0;
const SWATCH: f64 = 56.0;

/// How values become positions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scale {
    /// In proportion.
    Linear,
    /// In proportion to the logarithm; values are positive.
    Logarithmic,
}

/// One of the two axes.
#[derive(Debug, Clone, PartialEq)]
pub struct ChartAxis {
    /// What is measured, written along the axis.
    pub name: String,
    /// Linear or logarithmic.
    pub scale: Scale,
    /// Ends of the axis, ascending; `None` takes those of what is drawn.
    pub range: Option<(f64, f64)>,
}

impl ChartAxis {
    /// An axis that ends where the data ends.
    pub fn new(name: &str, scale: Scale) -> Self {
        Self {
            name: name.to_owned(),
            scale,
            range: None,
        }
    }
}

/// How a series is drawn.
#[derive(Debug, Clone, PartialEq)]
pub enum Mark {
    /// A line through points `[x, y]`.
    Line(Vec<[f64; 2]>),
    /// A thin light line, for one of many.
    Thin(Vec<[f64; 2]>),
    /// Squares at points `[x, y]`.
    Points(Vec<[f64; 2]>),
    /// Bars from the low end of the vertical axis: bar `i` reaches from `edges[i]` to `edges[i + 1]` and up to
    /// `heights[i]`.
    Bars {
        /// Ascending, one more than bars.
        edges: Vec<f64>,
        /// One a bar.
        heights: Vec<f64>,
    },
}

/// Something drawn, with its line in the legend.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// Written in the legend; empty for none.
    pub name: String,
    /// What is drawn.
    pub mark: Mark,
}

/// A chart of any number of series.
#[derive(Debug, Clone, PartialEq)]
pub struct Chart {
    /// Above the plot.
    pub title: String,
    /// Below the title; may be empty.
    pub subtitle: String,
    /// The horizontal axis.
    pub x: ChartAxis,
    /// The vertical axis.
    pub y: ChartAxis,
    /// Drawn in this order. Thick lines, points and bars take the colours in turn; without a name, that of the one before.
    pub series: Vec<Series>,
    /// Below the plot.
    pub notes: Vec<String>,
}

/// Values to pixels from the start of the axis.
struct Axis {
    scale: Scale,
    low: f64,
    high: f64,
    length: f64,
}

impl Axis {
    fn new(
        of: &ChartAxis,
        values: impl Iterator<Item = f64>,
        length: f64,
        which: &'static str,
    ) -> Result<Self, PlotError> {
        let usable = |v: &f64| v.is_finite() && (of.scale == Scale::Linear || *v > 0.0);
        let (low, high) = match of.range {
            Some(range) => range,
            None => values
                .filter(usable)
                .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| {
                    (low.min(v), high.max(v))
                }),
        };
        if !(usable(&low) && usable(&high) && low <= high) {
            return Err(PlotError::Chart { axis: which });
        }
        let (mut low, mut high) = match of.scale {
            Scale::Linear => (low, high),
            Scale::Logarithmic => (low.log10(), high.log10()),
        };
        if high - low <= 1e-12 * low.abs().max(high.abs()) {
            // One value: somewhere in the middle.
            let room = if low == 0.0 { 1.0 } else { 0.5 * low.abs().min(1.0) };
            (low, high) = (low - room, high + room);
        }
        Ok(Self {
            scale: of.scale,
            low,
            high,
            length,
        })
    }

    /// Pixels from the start, within the axis; `None` for what has no place.
    fn at(&self, value: f64) -> Option<f64> {
        let value = match self.scale {
            Scale::Linear => value,
            Scale::Logarithmic if value > 0.0 => value.log10(),
            Scale::Logarithmic => return None,
        };
        value
            .is_finite()
            .then(|| ((value - self.low) / (self.high - self.low)).clamp(0.0, 1.0) * self.length)
    }

    /// Positions and labels of the ticks, ascending.
    fn ticks(&self, extent: impl Fn(&str) -> f64) -> Vec<(f64, String)> {
        let span = self.high - self.low;
        let values: Vec<f64> = match self.scale {
            Scale::Linear => steps(self.low, self.high, nice(span / 6.0)),
            Scale::Logarithmic if span < 1.0 => {
                let (low, high) = (10f64.powf(self.low), 10f64.powf(self.high));
                steps(low, high, nice((high - low) / 6.0))
                    .into_iter()
                    .filter(|&v| v > 0.0)
                    .collect()
            }
            Scale::Logarithmic => {
                let every = (span / 8.0).ceil().max(1.0);
                let digits: &[f64] = if span <= 3.0 { &[1.0, 2.0, 5.0] } else { &[1.0] };
                let slack = 1e-9 * span;
                steps(self.low.floor(), self.high, every)
                    .into_iter()
                    .flat_map(|power| digits.iter().map(move |digit| (power, digit.log10(), digit)))
                    .filter(|(power, more, _)| (self.low - slack..=self.high + slack).contains(&(power + more)))
                    .map(|(power, _, digit)| decimal(*digit, power))
                    .collect()
            }
        };
        let all: Vec<(f64, String)> = values
            .into_iter()
            .filter_map(|value| self.at(value).map(|at| (at, tick(value))))
            .collect();
        let centres: Vec<f64> = all.iter().map(|(at, _)| *at).collect();
        let extents: Vec<f64> = all.iter().map(|(_, label)| extent(label)).collect();
        let kept = thin(&centres, &extents, &vec![1; all.len()], 20.0);
        kept.into_iter().map(|i| all[i].clone()).collect()
    }
}

/// `digit * 10^power`, read from its decimal form so that it has no noise.
fn decimal(digit: f64, power: f64) -> f64 {
    format!("{digit}e{power}").parse().unwrap_or(digit * 10f64.powf(power))
}

/// 1, 2 or 5 times a power of ten, at least `step`.
fn nice(step: f64) -> f64 {
    let power = step.log10().floor();
    [1.0, 2.0, 5.0, 10.0]
        .map(|digit| digit * 10f64.powf(power))
        .into_iter()
        .find(|&v| v >= step * (1.0 - 1e-9))
        .unwrap_or(step)
}

/// Multiples of `step` from `low` to `high`, both within rounding.
fn steps(low: f64, high: f64, step: f64) -> Vec<f64> {
    let first = (low / step - 1e-9).ceil();
    let last = (high / step + 1e-9).floor();
    let count = (last - first).clamp(-1.0, 1000.0) as i64;
    // Divided rather than multiplied where the step is a fraction, so that 3 x 0.1 is 0.3.
    let inverse = (1.0 / step).round();
    let exact = step < 1.0 && (inverse * step - 1.0).abs() < 1e-9;
    (0..=count)
        .map(|i| {
            let multiple = first + i as f64;
            if exact { multiple / inverse } else { multiple * step }
        })
        .collect()
}

fn values_of(mark: &Mark, axis: usize) -> Vec<f64> {
    match mark {
        Mark::Line(points) | Mark::Thin(points) | Mark::Points(points) => points.iter().map(|p| p[axis]).collect(),
        Mark::Bars { edges, .. } if axis == 0 => edges.clone(),
        Mark::Bars { heights, .. } => heights.clone(),
    }
}

/// The colour of every series.
fn colours(series: &[Series]) -> Vec<Rgb> {
    let mut next = 0;
    series
        .iter()
        .map(|series| {
            if matches!(series.mark, Mark::Thin(_)) {
                return CROWD;
            }
            if next == 0 || !series.name.is_empty() {
                next += 1;
            }
            COLOURS[(next - 1) % COLOURS.len()]
        })
        .collect()
}

pub(super) fn scene(chart: &Chart, font: &Font) -> Result<Scene, PlotError> {
    let of = |axis: usize| {
        chart
            .series
            .iter()
            .flat_map(move |series| values_of(&series.mark, axis))
    };
    let x_axis = Axis::new(&chart.x, of(0), WIDTH, "horizontal")?;
    // Bars stand on zero.
    let bars = chart
        .series
        .iter()
        .any(|series| matches!(series.mark, Mark::Bars { .. }));
    let y_axis = Axis::new(&chart.y, of(1).chain(bars.then_some(0.0)), HEIGHT, "vertical")?;
    let x_ticks = x_axis.ticks(|label| font.width(label) * LABEL);
    let y_ticks = y_axis.ticks(|_| (CAP + DESCENT) * LABEL);
    let widest =
        |labels: &mut dyn Iterator<Item = &String>| labels.map(|label| font.width(label) * LABEL).fold(0.0, f64::max);
    let left =
        (PAD + (ASCENT + DESCENT) * NAME + GAP + widest(&mut y_ticks.iter().map(|(_, label)| label)) + GAP + TICK)
            .ceil();
    let colours = colours(&chart.series);
    let named: Vec<(&Series, Rgb)> = chart
        .series
        .iter()
        .zip(&colours)
        .filter(|(series, _)| !series.name.is_empty())
        .map(|(series, &fill)| (series, fill))
        .collect();
    let legend = if named.is_empty() {
        // Half of the last label may stand beyond the end of the axis.
        font.width("0.00001") * LABEL / 2.0
    } else {
        LEGEND_GAP + SWATCH + GAP + widest(&mut named.iter().map(|(series, _)| &series.name))
    };
    let width = (left + WIDTH + legend + PAD).ceil();
    let mut items = Vec::new();
    let mut y = PAD;
    for (words, em, fill, lines) in [(&chart.title, TITLE, DARK, 3), (&chart.subtitle, SUBTITLE, SOFT, 4)] {
        y = paragraph(&mut items, font, words, y, width, (em, lines), fill);
    }
    let top = (y + 18.0).ceil();
    let bottom = top + HEIGHT;
    let (x0, y0, w, h) = (left as i32, top as i32, WIDTH as i32, HEIGHT as i32);

    for (at, _) in &x_ticks {
        items.push(rectangle((left + at).round() as i32 - STROKE / 2, y0, STROKE, h, GRID));
    }
    for (at, _) in &y_ticks {
        items.push(rectangle(
            x0,
            (bottom - at).round() as i32 - STROKE / 2,
            w,
            STROKE,
            GRID,
        ));
    }
    let place = |[x, y]: &[f64; 2]| Some((left + x_axis.at(*x)?, bottom - y_axis.at(*y)?));
    for (series, &fill) in chart.series.iter().zip(&colours) {
        match &series.mark {
            Mark::Line(points) | Mark::Thin(points) => {
                let width = if matches!(series.mark, Mark::Thin(_)) { 2.0 } else { 5.0 };
                for run in points.split(|point| place(point).is_none()) {
                    let points: Vec<(f64, f64)> = run.iter().filter_map(place).collect();
                    if points.len() > 1 {
                        items.push(Item::Polyline(Polyline { points, width, fill }));
                    }
                }
            }
            Mark::Points(points) => {
                items.extend(
                    points
                        .iter()
                        .filter_map(place)
                        .map(|(x, y)| rectangle(x.round() as i32 - 7, y.round() as i32 - 7, 14, 14, fill)),
                );
            }
            Mark::Bars { edges, heights } => {
                for (pair, &height) in edges.windows(2).zip(heights) {
                    let (Some(from), Some(to)) = (x_axis.at(pair[0]), x_axis.at(pair[1])) else {
                        continue;
                    };
                    let (from, to) = ((left + from).round() as i32, (left + to).round() as i32);
                    let up = y_axis.at(height).unwrap_or(0.0).round() as i32;
                    if up > 0 {
                        // One pixel between neighbours.
                        items.push(rectangle(from, bottom as i32 - up, (to - from - 1).max(1), up, fill));
                    }
                }
            }
        }
    }
    for (x, y, width, height) in [
        (x0 - STROKE, y0 - STROKE, w + 2 * STROKE, STROKE),
        (x0 - STROKE, y0 + h, w + 2 * STROKE, STROKE),
        (x0 - STROKE, y0, STROKE, h),
        (x0 + w, y0, STROKE, h),
    ] {
        items.push(rectangle(x, y, width, height, DARK));
    }
    for (at, label) in &x_ticks {
        let x = (left + at).round() as i32 - STROKE / 2;
        items.push(rectangle(x, y0 + h + STROKE, STROKE, TICK as i32, DARK));
        let at = (left + at, bottom + TICK + GAP + CAP * LABEL);
        items.push(text(label, at, LABEL, Anchor::Middle, false, DARK));
    }
    for (at, label) in &y_ticks {
        let y = (bottom - at).round() as i32 - STROKE / 2;
        items.push(rectangle(x0 - STROKE - TICK as i32, y, TICK as i32, STROKE, DARK));
        let at = (left - TICK - GAP, bottom - at + CAP / 2.0 * LABEL);
        items.push(text(label, at, LABEL, Anchor::End, false, DARK));
    }
    let names = bottom + TICK + GAP + (CAP + DESCENT) * LABEL + ASCENT * NAME;
    let middle = (left + WIDTH / 2.0, top + HEIGHT / 2.0);
    items.push(text(
        &chart.x.name,
        (middle.0, names),
        NAME,
        Anchor::Middle,
        false,
        DARK,
    ));
    let turned = (PAD + ASCENT * NAME, middle.1);
    items.push(text(&chart.y.name, turned, NAME, Anchor::Middle, true, DARK));
    for (i, (series, fill)) in named.iter().enumerate() {
        let side = left + WIDTH + LEGEND_GAP;
        let middle = top + 24.0 + i as f64 * 1.4 * LABEL;
        let thick = match series.mark {
            Mark::Line(_) => 6,
            Mark::Thin(_) => 3,
            Mark::Points(_) | Mark::Bars { .. } => 24,
        };
        items.push(rectangle(
            side as i32,
            middle as i32 - thick / 2,
            SWATCH as i32,
            thick,
            *fill,
        ));
        let at = (side + SWATCH + GAP, middle + CAP / 2.0 * LABEL);
        items.push(text(&series.name, at, LABEL, Anchor::Start, false, DARK));
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn chart(mark: Mark, scale: Scale) -> Chart {
        Chart {
            title: "A chart".to_owned(),
            subtitle: String::new(),
            x: ChartAxis::new("step", Scale::Linear),
            y: ChartAxis::new("gap", scale),
            series: vec![Series {
                name: "one".to_owned(),
                mark,
            }],
            notes: Vec::new(),
        }
    }

    fn labels(scene: &Scene, font: &Font) -> Vec<String> {
        let mut texts = Vec::new();
        let mut boxes: Vec<[f64; 4]> = Vec::new();
        for item in &scene.items {
            if let Item::Text(text) = item {
                let bounds = text.bounds(font);
                assert!(
                    bounds[0] >= 0.0 && bounds[2] <= f64::from(scene.width),
                    "{} is cut off",
                    text.text
                );
                let apart =
                    |b: &[f64; 4]| bounds[2] <= b[0] || b[2] <= bounds[0] || bounds[3] <= b[1] || b[3] <= bounds[1];
                assert!(boxes.iter().all(apart), "{} overlaps", text.text);
                boxes.push(bounds);
                texts.push(text.text.clone());
            }
        }
        texts
    }

    #[test]
    fn ticks_are_round_numbers_in_reach() {
        let font = Font::new().expect("the font is embedded");
        let points = vec![[0.0, 3e-9], [10.0, 0.0], [13.0, 0.4]];
        let found = labels(
            &scene(&chart(Mark::Line(points), Scale::Logarithmic), &font).expect("it is drawn"),
            &font,
        );
        for wanted in ["0", "5", "10", "1e\u{2212}8", "1e\u{2212}6", "0.01"] {
            assert!(found.contains(&wanted.to_owned()), "{wanted} is not among {found:?}");
        }
        let bars = Mark::Bars {
            edges: vec![0.0, 0.1, 0.2, 0.7],
            heights: vec![3.0, 0.0, 7.0],
        };
        let found = labels(&scene(&chart(bars, Scale::Linear), &font).expect("it is drawn"), &font);
        for wanted in ["0.2", "0.6", "4"] {
            assert!(found.contains(&wanted.to_owned()), "{wanted} is not among {found:?}");
        }
    }

    #[test]
    fn bars_and_lines_are_where_their_values_are() {
        let font = Font::new().expect("the font is embedded");
        let bars = Mark::Bars {
            edges: vec![0.0, 1.0, 2.0],
            heights: vec![5.0, 10.0],
        };
        let blue: Vec<_> = scene(&chart(bars, Scale::Linear), &font)
            .expect("it is drawn")
            .items
            .into_iter()
            .filter_map(|item| match item {
                Item::Rectangle(r) if r.fill == COLOURS[0] => Some(r.height),
                _ => None,
            })
            .collect();
        assert_eq!(blue[..2], [HEIGHT as i32 / 2, HEIGHT as i32]);
        // A value without logarithm splits the line in two, and one point alone is no line.
        let points = vec![[0.0, 1.0], [1.0, 10.0], [2.0, 0.0], [3.0, 5.0]];
        let drawn = scene(&chart(Mark::Thin(points), Scale::Logarithmic), &font).expect("it is drawn");
        let lines: Vec<_> = drawn
            .items
            .iter()
            .filter_map(|item| match item {
                Item::Polyline(line) => Some(&line.points),
                _ => None,
            })
            .collect();
        assert_eq!(lines.len(), 1);
        assert!((lines[0][0].1 - lines[0][1].1 - HEIGHT).abs() < 1e-9);
    }

    #[test]
    fn nothing_to_draw_is_an_error() {
        let font = Font::new().expect("the font is embedded");
        for mark in [
            Mark::Line(Vec::new()),
            Mark::Line(vec![[1.0, f64::NAN]]),
            Mark::Points(vec![[0.0, -1.0]]),
        ] {
            let refused = scene(&chart(mark, Scale::Logarithmic), &font);
            assert!(matches!(
                refused,
                Err(PlotError::Chart {
                    axis: "vertical" | "horizontal"
                })
            ));
        }
        let one = scene(&chart(Mark::Points(vec![[2.0, 3.0]]), Scale::Linear), &font);
        assert!(one.is_ok(), "one point has a place");
    }
}
