//! Tests of the pictures: what is in them, where it is, and that nothing overlaps.

#![allow(clippy::unwrap_used)]

use std::path::Path;

use nalgebra::DMatrix;

use super::axis::{class_labels, thin};
use super::colour::{CENTRE, DARK, FIRST, GLOBAL, LEVELS, NOT_A_NUMBER, Rgb, SECOND, SPURIOUS, colour, ink, level};
use super::font::{self, ASCENT, DESCENT};
use super::heatmap::cell_size;
use super::number::{cell, significant, tick};
use super::page::{Cells, Text};
use super::svg::{MAX_PATH_COLUMNS, base64};
use super::*;

/// A symmetric matrix with unit diagonal whose entries all differ and lie in (-1, 1).
fn gram(k: usize) -> DMatrix<f64> {
    DMatrix::from_fn(k, k, |i, j| {
        let (low, high) = (i.min(j) as f64, i.max(j) as f64);
        if i == j {
            1.0
        } else {
            (12.9898 * low + 78.233 * high).sin() * 0.99
        }
    })
}

fn panel(k: usize) -> Panel {
    let size = |i: usize| 5000 / (1 + i / 3);
    Panel {
        labels: (0..k).map(|i| size(i).to_string()).collect(),
        axis: "class size".into(),
        ..Panel::new(gram(k))
    }
}

fn heatmap(panels: Vec<Panel>) -> Figure {
    Figure {
        title: "SupCon, temperature τ = 0.1".into(),
        subtitle: String::new(),
        body: Body::Heatmap(panels),
        notes: vec!["a note".into()],
    }
}

/// A | B | A - B.
fn comparison(k: usize) -> Figure {
    let titled = |title: &str, values: DMatrix<f64>| Panel {
        title: title.into(),
        values,
        ..panel(k)
    };
    let (a, b) = (titled("optimum", gram(k)), titled("trained", gram(k) * 0.9));
    let values = &a.values - &b.values;
    let difference = Panel {
        range: ColourRange::around(values.iter().copied()),
        quantity: "difference of inner products".into(),
        ..titled("difference", values)
    };
    heatmap(vec![a, b, difference])
}

fn chart(x: ChartAxis, y: ChartAxis, mark: Mark) -> Figure {
    Figure {
        body: Body::Chart(Chart {
            x,
            y,
            legend: String::new(),
            series: vec![Series::new("one", GLOBAL, mark)],
        }),
        ..heatmap(Vec::new())
    }
}

fn linear(name: &str) -> ChartAxis {
    ChartAxis::new(name, Scale::Linear)
}

fn logarithmic(name: &str) -> ChartAxis {
    ChartAxis::new(name, Scale::Logarithmic)
}

fn png(figure: &Figure) -> Vec<u8> {
    figure.draw(Format::Png).unwrap()
}

fn svg(figure: &Figure) -> String {
    String::from_utf8(figure.draw(Format::Svg).unwrap()).unwrap()
}

fn texts(page: &Page) -> Vec<&Text> {
    let texts = page.items.iter();
    texts
        .filter_map(|item| if let Item::Text(text) = item { Some(text) } else { None })
        .collect()
}

fn written(figure: &Figure) -> Vec<String> {
    texts(&figure.page().unwrap())
        .iter()
        .map(|text| text.text.clone())
        .collect()
}

/// The matrices, without the colour bars.
fn cells(page: &Page) -> Vec<&Cells> {
    let cells = page.items.iter();
    let cells = cells.filter_map(|item| {
        if let Item::Cells(cells) = item {
            Some(cells)
        } else {
            None
        }
    });
    cells.filter(|cells| cells.cell.0 == cells.cell.1).collect()
}

fn shapes(page: &Page, wanted: Rgb) -> Vec<(&[(i32, i32)], u32)> {
    let shape = |item| match item {
        &Item::Shape(ref points, width, ink) if ink == wanted => Some((&points[..], width)),
        _ => None,
    };
    page.items.iter().filter_map(shape).collect()
}

/// Left, top, right, bottom of the box that holds a text with all its ascenders and descenders.
fn bounds(text: &Text) -> [f64; 4] {
    let ((x, y), width) = (text.at, font::width(&text.text) * text.em);
    let (up, down) = (ASCENT * text.em, DESCENT * text.em);
    if text.turned {
        [x - up, y - width, x + down, y]
    } else {
        [x, y - up, x + width, y + down]
    }
}

/// Width, height and the samples of a PNG.
fn decode(bytes: &[u8]) -> (u32, u32, Vec<u8>) {
    let mut reader = ::png::Decoder::new(std::io::Cursor::new(bytes)).read_info().unwrap();
    let mut samples = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut samples).unwrap();
    (info.width, info.height, samples)
}

/// Element names in order of their start tags; panics if the text is not well-formed XML of the kind written here.
fn elements(xml: &str) -> Vec<String> {
    let (mut open, mut seen) = (Vec::new(), Vec::new());
    let entities = |text: &str| {
        for (at, _) in text.match_indices('&') {
            let known = ["&amp;", "&lt;", "&gt;"].iter().any(|e| text[at..].starts_with(e));
            assert!(known, "bare & in {text:?}");
        }
        let control = text.chars().any(|c| c.is_control() && c != '\n');
        assert!(!text.contains('<') && !control, "{text:?}");
    };
    let mut rest = xml;
    while let Some(start) = rest.find('<') {
        entities(&rest[..start]);
        let end = start + rest[start..].find('>').unwrap();
        let tag = &rest[start + 1..end];
        rest = &rest[end + 1..];
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop().as_deref(), Some(name));
            continue;
        }
        entities(tag);
        assert!(tag.matches('"').count().is_multiple_of(2), "{tag}");
        let name = tag.split([' ', '/']).next().unwrap().to_string();
        if !tag.ends_with('/') {
            open.push(name.clone());
        }
        seen.push(name);
    }
    assert!(open.is_empty() && rest.trim().is_empty(), "open: {open:?}");
    seen
}

/// The objects of a PDF, found through its table of references, with their streams inflated.
fn objects(pdf: &[u8]) -> Vec<String> {
    let find = |from: usize, word: &[u8]| from + pdf[from..].windows(word.len()).position(|w| w == word).unwrap();
    let text = |range: std::ops::Range<usize>| String::from_utf8_lossy(&pdf[range]).into_owned();
    assert!(pdf.starts_with(b"%PDF-1.") && pdf.ends_with(b"%%EOF"));
    let start: usize = text(find(pdf.len() - 40, b"startxref") + 9..pdf.len() - 5)
        .trim()
        .parse()
        .unwrap();
    let table = text(start..find(start, b"trailer"));
    let mut offsets = table.lines().skip(3).map(|line| line[..10].parse::<usize>().unwrap());
    let mut object = |number: usize| {
        let at = offsets.next().unwrap();
        assert!(
            pdf[at..].starts_with(format!("{number} 0 obj").as_bytes()),
            "object {number}"
        );
        let end = find(at, b"endobj");
        let head = text(at..end);
        if !head.contains("FlateDecode") {
            return head;
        }
        let (from, to) = (find(at, b"stream\n") + 7, find(at, b"\nendstream"));
        let data = miniz_oxide::inflate::decompress_to_vec_zlib(&pdf[from..to]).unwrap();
        text(at..from) + &String::from_utf8_lossy(&data)
    };
    (1..=table.lines().count() - 3).map(&mut object).collect()
}

/// Every text lies in the picture, no two overlap, and none but values lies on cells.
fn assert_legible(figure: &Figure) {
    let page = figure.page().unwrap();
    let (width, height) = (f64::from(page.size.0), f64::from(page.size.1));
    let boxes: Vec<([f64; 4], &str)> = texts(&page).iter().map(|t| (bounds(t), &*t.text)).collect();
    let apart = |a: &[f64; 4], b: &[f64; 4]| a[2] <= b[0] || b[2] <= a[0] || a[3] <= b[1] || b[3] <= a[1];
    for (i, (a, text)) in boxes.iter().enumerate() {
        let [left, top, right, bottom] = *a;
        assert!(
            left >= 0.0 && top >= 0.0 && right <= width && bottom <= height,
            "{text:?} is cut"
        );
        for (b, word) in &boxes[..i] {
            assert!(apart(a, b), "{text:?} overlaps {word:?} in {:?}", figure.title);
        }
        for cells in cells(&page) {
            let ((x, y), (side, _)) = (cells.corner, cells.size());
            let area = [
                f64::from(x),
                f64::from(y),
                f64::from(x) + side as f64,
                f64::from(y) + side as f64,
            ];
            let inside = left >= area[0] && right <= area[2] && top >= area[1] - 10.0 && bottom <= area[3] + 10.0;
            assert!(
                apart(a, &area) || (inside && cells.columns <= MAX_PRINTED),
                "{text:?} covers cells"
            );
        }
    }
}

#[test]
fn nothing_overlaps_or_is_cut_at_any_size() {
    for k in [
        1, 2, 3, 5, 7, 9, 12, 13, 20, 33, 40, 57, 80, 100, 101, 150, 365, 500, 767, 1000, 2000,
    ] {
        assert_legible(&heatmap(vec![panel(k)]));
    }
    for k in [1, 2, 5, 10, 12, 13, 40, 100, 300] {
        assert_legible(&comparison(k));
    }
}

#[test]
fn nothing_overlaps_with_labels_of_any_length() {
    for k in [1, 2, 3, 6, 12, 13, 25, 60, 200] {
        for length in [0, 1, 4, 9, 15, 40, 5000] {
            let count = |i: u64| if i.is_multiple_of(2) { 1 } else { u64::MAX / (i + 1) };
            let long = Panel {
                labels: (0..k).map(|i| format!("{i}{}", "W".repeat(length * (i % 3)))).collect(),
                multiplicity: Some((0..k as u64).map(count).collect()),
                title: "w".repeat(length),
                axis: "x".repeat(length),
                ..panel(k)
            };
            let range = ColourRange::around([1.234e-7]);
            let mut map = heatmap(vec![long.clone(), Panel { range, ..long }]);
            map.title = "word ".repeat(length) + &"W".repeat(length);
            map.subtitle = "more words ".repeat(length);
            map.notes = vec!["note ".repeat(length); length.min(20)];
            assert_legible(&map);
        }
    }
}

#[test]
fn thinned_labels_keep_their_distance_the_ends_and_the_blocks() {
    let mut state = 1u64;
    let mut random = |n: u64| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % n
    };
    for _ in 0..300 {
        let n = 1 + random(60) as usize;
        let mut centres = vec![0.0];
        (1..n).for_each(|i| centres.push(centres[i - 1] + 1.0 + random(30) as f64));
        let extents: Vec<f64> = (0..n).map(|_| 1.0 + random(40) as f64).collect();
        let weights: Vec<usize> = (0..n).map(|_| 1 + random(5) as usize).collect();
        let kept = thin(&centres, &extents, &weights, 3.0);
        assert_eq!(kept[0], 0);
        let clear = |a: usize, b: usize| centres[b] - centres[a] >= (extents[a] + extents[b]) / 2.0 + 3.0;
        assert!(kept.windows(2).all(|w| w[0] < w[1] && clear(w[0], w[1])));
        // Nothing was left out without a reason.
        for i in (0..n).filter(|i| !kept.contains(i)) {
            assert!(kept.iter().any(|&j| !clear(i.min(j), i.max(j))));
        }
    }
    let even: Vec<f64> = (0..100).map(|i| 12.0 * f64::from(i)).collect();
    assert_eq!(thin(&even, &[30.0; 100], &[1; 100], 5.0)[..4], [0, 3, 6, 9]);
    assert!(thin(&even, &[30.0; 100], &[1; 100], 5.0).contains(&99));
    let mut weights = [1; 100];
    weights[50] = 9;
    assert!(thin(&even, &[30.0; 100], &weights, 5.0).contains(&50));
    assert!(thin(&[], &[], &[], 1.0).is_empty());
}

#[test]
fn many_equal_neighbours_share_a_label_and_few_do_not() {
    let labels: Vec<String> = (0..1000)
        .map(|i| if i < 300 { "500".into() } else { "50".into() })
        .collect();
    let (shared, counted) = class_labels(&labels, None, 1);
    assert_eq!(
        shared.ticks,
        [(150.0, "500 ×300".to_string()), (650.0, "50 ×700".to_string())]
    );
    assert!(!shared.turned && counted);

    let pairs: Vec<String> = (0..1000).map(|i| (5000 - i / 2).to_string()).collect();
    let (thinned, counted) = class_labels(&pairs, None, 1);
    assert!(thinned.ticks.len() > 10 && !counted && thinned.turned);
    let (first, last) = (&thinned.ticks[0], thinned.ticks.last().unwrap());
    assert_eq!((first.1.as_str(), last.1.as_str()), ("5000", "4501"));

    let (groups, _) = class_labels(&labels[298..302], Some(&[1, 7, 1, 1]), 300);
    let written: Vec<&str> = groups.ticks.iter().map(|(_, text)| text.as_str()).collect();
    assert_eq!(written, ["500", "500 ×7", "50", "50"]);
}

#[test]
fn a_million_classes_in_groups_say_how_many() {
    let groups = Panel {
        labels: vec!["100".into(), "10".into()],
        multiplicity: Some(vec![500_000, 500_000]),
        ..panel(2)
    };
    let all = written(&heatmap(vec![groups]));
    for wanted in ["100 ×500000", "10 ×500000", "class size (×n: n classes)"] {
        assert_eq!(all.iter().filter(|text| *text == wanted).count(), 2, "{wanted}");
    }
}

/// Relative luminance as of WCAG 2: 0 for black, 1 for white.
fn luminance(rgb: Rgb) -> f64 {
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
fn contrast(a: Rgb, b: Rgb) -> f64 {
    let (a, b) = (luminance(a), luminance(b));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

#[test]
fn colours_are_symmetric_about_white_and_red_is_positive() {
    let around = |largest: f64| ColourRange {
        low: -largest,
        high: largest,
    };
    let unit = ColourRange::UNIT;
    assert_eq!(
        [-1.0, 0.0, -0.0, 1.0].map(|v| level(v, unit)),
        [0, CENTRE, CENTRE, LEVELS - 1]
    );
    assert_eq!(
        [-7.0, 7.0, f64::MAX].map(|v| level(v, unit)),
        [0, LEVELS - 1, LEVELS - 1]
    );
    assert_eq!(
        [f64::NAN, f64::INFINITY, f64::NEG_INFINITY].map(|v| level(v, unit)),
        [NOT_A_NUMBER; 3]
    );
    for largest in [0.2, 5e-324] {
        assert_eq!(
            [-0.2, 0.0, 0.2].map(|v| level(v, around(largest))),
            [0, CENTRE, LEVELS - 1]
        );
    }
    for i in 0..=1000 {
        let value = f64::from(i) / 1000.0;
        assert_eq!(level(value, unit) - CENTRE, CENTRE - level(-value, unit));
    }
    // One end nearer to 0 than the other: white stays at 0, and depth is the same on both sides.
    let skewed = ColourRange { low: -0.1, high: 0.4 };
    assert_eq!(level(0.0, skewed), CENTRE);
    assert_eq!(level(-0.1, skewed), level(-7.0, skewed));
    assert_eq!(level(0.1, skewed) - CENTRE, CENTRE - level(-0.1, skewed));

    let white = colour(CENTRE);
    assert!(white.iter().all(|&c| c > 235) && white.iter().max().unwrap() - white.iter().min().unwrap() < 6);
    let mut last = luminance(white);
    for step in 1..=CENTRE {
        let (warm, cold) = (colour(CENTRE + step), colour(CENTRE - step));
        assert!((luminance(warm) - luminance(cold)).abs() < 0.08, "{warm:?} {cold:?}");
        assert!(luminance(warm) <= last + 2e-3, "{step}");
        last = luminance(warm);
        assert!(
            step < 12 || (warm[0] > warm[2] && cold[2] > cold[0]),
            "{warm:?} {cold:?}"
        );
    }
    let [r, g, b] = colour(NOT_A_NUMBER);
    assert!(r.abs_diff(b) < 16 && g < 190);
    for level in 0..=u8::MAX {
        assert!(contrast(ink(level), colour(level)) >= 4.5, "{level}");
    }
    for ink in [GLOBAL, SPURIOUS, FIRST, SECOND, DARK] {
        assert!(contrast(ink, [255; 3]) >= 3.0, "{ink:?}");
    }
}

#[test]
fn numbers_are_written_as_in_print() {
    let cells = [1.0, -0.25, -0.001, 0.005001, -0.0].map(|v| cell(v, 1.0));
    assert_eq!(cells, ["1.00", "−0.25", "0.00", "0.01", "0.00"]);
    assert_eq!([0.01234, -0.00004].map(|v| cell(v, 0.05)), ["0.012", "0.000"]);
    assert_eq!([1.2e-9, -3e-10, 0.0].map(|v| cell(v, 2e-9)), ["1e−9", "−3e−10", "0"]);
    assert_eq!(
        [f64::NAN, f64::NEG_INFINITY, 1e300].map(|v| cell(v, 1.0)),
        ["NaN", "−∞", "1e300"]
    );
    let ticks = [0.0, 0.5, -1.0, 0.1, 2e-9, 1e7, 5000.0].map(tick);
    assert_eq!(ticks, ["0", "0.5", "−1", "0.1", "2e−9", "1e7", "5000"]);
    let short = [1.3, 100.0, 0.000_123_44, -1.0].map(|v| significant(v, 3));
    assert_eq!(short, ["1.3", "100", "0.000123", "-1"]);
    assert_eq!(font::clean("a\nb\u{0}\u{ffff}"), "a b \u{fffd}");
}

#[test]
fn ranges_of_differences_are_round_and_cover_them() {
    let of = |v: f64| ColourRange::around([0.0, v]).high;
    for (value, max) in [
        (0.13, 0.2),
        (-0.2, 0.2),
        (0.3, 0.5),
        (-0.7, 1.0),
        (1.9, 2.0),
        (0.0, 1.0),
        (3e-9, 5e-9),
        // Rounding of inner products.
        (3e-10, 1e-9),
    ] {
        assert!((of(value) - max).abs() <= 1e-12 * max, "{value}: {}", of(value));
    }
    for value in [f64::MIN_POSITIVE, 5e-324, f64::MAX, 1e-300] {
        assert!(of(value).is_finite() && of(value) >= value);
    }
    assert_eq!(of(f64::NAN), 1.0);
}

#[test]
fn png_shows_the_right_colour_in_every_cell() {
    for k in [1, 2, 13, 100, 101] {
        let map = heatmap(vec![panel(k)]);
        let bytes = png(&map);
        assert_eq!(bytes[..8], *b"\x89PNG\r\n\x1a\n");
        let (width, height, pixels) = decode(&bytes);
        let page = map.page().unwrap();
        assert_eq!((width, height), page.size);
        assert!(
            (1200..2100).contains(&width) && (1100..2100).contains(&height),
            "{width} x {height}"
        );
        assert_eq!(pixels[..3], [255, 255, 255]);
        let (cells, values) = (cells(&page)[0], gram(k));
        for (i, j) in (0..k).flat_map(|i| (0..k).map(move |j| (i, j))) {
            // The corners of the cell, away from printed values; the frame covers half of its pen at two sides.
            for (dx, dy) in [(0, 0), (cells.cell.0 - 2, cells.cell.0 - 2)] {
                let x = cells.corner.0 as usize + j * cells.cell.0 + dx;
                let y = cells.corner.1 as usize + i * cells.cell.0 + dy;
                let at = 3 * (y * width as usize + x);
                let expected = colour(level(values[(i, j)], ColourRange::UNIT));
                assert_eq!(pixels[at..at + 3], expected, "k = {k}, ({i}, {j})");
            }
        }
    }
}

#[test]
fn ink_is_where_the_page_says() {
    for turned in [false, true] {
        let text = Text {
            text: "HgH".into(),
            at: (150.0, 160.0),
            em: 50.0,
            turned,
            colour: [0; 3],
        };
        let page = Page {
            size: (300, 310),
            title: String::new(),
            items: vec![Item::Text(text.clone())],
        };
        let (width, _, pixels) = decode(&raster::png(&page).unwrap());
        let dark = |at: &usize| pixels[3 * at] < 128;
        let place = |at: usize| (at % width as usize, at / width as usize);
        let (columns, rows): (Vec<usize>, Vec<usize>) = (0..pixels.len() / 3).filter(dark).map(place).unzip();
        let ends = [
            columns.iter().min(),
            rows.iter().min(),
            columns.iter().max(),
            rows.iter().max(),
        ];
        let [left, top, right, bottom] = ends.map(|end| *end.unwrap() as f64);
        let b = bounds(&text);
        // H has a bearing of 0.1 em at both sides and ends below the ascent; g descends by 0.2 em.
        let margins = [left - b[0], top - b[1], b[2] - right - 1.0, b[3] - bottom - 1.0];
        let expected = if turned {
            [0.2, 0.1, 0.03, 0.1]
        } else {
            [0.1, 0.2, 0.1, 0.03]
        };
        for (margin, expected) in margins.iter().zip(expected) {
            assert!((margin / 50.0 - expected).abs() < 0.05, "{turned}: {margins:?}");
        }
    }
}

#[test]
fn lines_are_smooth_and_as_wide_as_said() {
    let page = Page {
        size: (40, 40),
        title: String::new(),
        items: vec![
            Item::Shape(vec![(5, 10), (35, 10)], 4, [0; 3]),
            Item::Shape(vec![(20, 30)], 10, [0; 3]),
        ],
    };
    let (_, _, pixels) = decode(&raster::png(&page).unwrap());
    let darkness = |rows: std::ops::Range<usize>| -> f64 {
        let row = |y: usize| (0..40).map(move |x| (y, x));
        rows.flat_map(row)
            .map(|(y, x)| 1.0 - f64::from(pixels[3 * (40 * y + x)]) / 255.0)
            .sum()
    };
    // A round pen adds a disc of its width at the ends.
    let (line, dot) = (4.0 * 30.0 + std::f64::consts::PI * 4.0, std::f64::consts::PI * 25.0);
    assert!((darkness(0..20) / line - 1.0).abs() < 0.03 && (darkness(20..40) / dot - 1.0).abs() < 0.05);
    assert!(pixels.iter().any(|&p| p > 20 && p < 235), "edges are mixed");
}

#[test]
fn row_zero_is_on_top() {
    let mut values = DMatrix::zeros(2, 2);
    values[(0, 1)] = 1.0;
    let page = heatmap(vec![Panel::new(values)]).page().unwrap();
    let cells = cells(&page)[0];
    assert_eq!(cells.levels, [CENTRE, LEVELS - 1, CENTRE, CENTRE]);
    let texts = texts(&page);
    let printed: Vec<&&Text> = texts.iter().filter(|t| t.text == "1.00").collect();
    assert_eq!(printed.len(), 1);
    let middle = |at: i32| f64::from(at) + cells.size().0 as f64 / 2.0;
    assert!(printed[0].at.0 > middle(cells.corner.0) && printed[0].at.1 < middle(cells.corner.1));
    // Of the labels of rows, the first is above the second.
    let label = |name: &str| {
        texts
            .iter()
            .find(|t| t.text == name && t.at.0 < f64::from(cells.corner.0))
            .unwrap()
    };
    assert!(label("0").at.1 < label("1").at.1);
}

#[test]
fn values_are_printed_up_to_twelve_classes() {
    let printed = |k: usize| {
        let values = gram(k).map(|v| v * 0.5);
        let all = written(&heatmap(vec![Panel::new(values.clone())]));
        values.iter().all(|&v| all.contains(&cell(v, 1.0)))
    };
    assert!(printed(2) && printed(MAX_PRINTED));
    assert!(!printed(MAX_PRINTED + 1));
}

#[test]
fn svg_is_well_formed_and_says_everything() {
    let mut map = comparison(5);
    map.title = "<b> & \"quotes\" ]]> 'x'".into();
    map.notes = vec!["1 < 2".into(), "\u{1}\u{b}tab\there".into()];
    let Body::Heatmap(panels) = &mut map.body else { panic!() };
    panels[0].labels[1] = "a<b&c>".into();
    panels[0].axis = "α & β".into();
    let text = svg(&map);
    let names = elements(&text);
    assert_eq!(names[0], "svg");
    assert!(names.iter().filter(|n| *n == "text").count() > 75);
    for expected in [
        "&lt;b&gt; &amp; \"quotes\" ]]&gt; 'x'</text>",
        ">a&lt;b&amp;c&gt;<",
        ">α &amp; β<",
        ">1 &lt; 2<",
        ">optimum<",
        ">inner product of class means<",
        ">difference of inner products<",
        ">−0.5<",
        ">5000<",
        "font-family=\"DejaVu Sans",
    ] {
        assert!(text.contains(expected), "{expected} is missing");
    }
    assert!(!text.contains("-0.00") && !text.contains("−0.00"));
}

#[test]
fn svg_cells_are_paths_up_to_a_hundred_classes_and_an_image_above() {
    let images = |k: usize| {
        elements(&svg(&heatmap(vec![panel(k)])))
            .iter()
            .filter(|n| *n == "image")
            .count()
    };
    // The colour bar is one too: rectangles would have light between them.
    assert_eq!((images(MAX_PATH_COLUMNS), images(MAX_PATH_COLUMNS + 1)), (1, 2));

    let map = heatmap(vec![panel(101)]);
    let text = svg(&map);
    let data = text
        .split("data:image/png;base64,")
        .nth(1)
        .unwrap()
        .split('"')
        .next()
        .unwrap();
    let mut bytes = Vec::new();
    for four in data.as_bytes().chunks(4) {
        let digit = |c: &u8| match c {
            b'A'..=b'Z' => c - b'A',
            b'a'..=b'z' => c - b'a' + 26,
            b'0'..=b'9' => c - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => 0,
        };
        let word = four.iter().fold(0u32, |word, c| word << 6 | u32::from(digit(c)));
        bytes.extend_from_slice(&word.to_be_bytes()[1..]);
    }
    let (width, height, indices) = decode(&bytes);
    let page = map.page().unwrap();
    let (cells, values) = (cells(&page)[0], gram(101));
    assert_eq!((width as usize, height as usize), cells.size());
    for (i, j) in [(0, 0), (0, 100), (100, 0), (3, 57), (100, 100)] {
        let at = i * cells.cell.1 * cells.size().0 + j * cells.cell.0 + 1;
        assert_eq!(indices[at], level(values[(i, j)], ColourRange::UNIT));
    }
}

#[test]
fn base64_follows_the_rfc() {
    let plain = ["", "f", "fo", "foo", "foob", "fooba"].map(|text| base64(text.as_bytes()));
    assert_eq!(plain, ["", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE="]);
    assert_eq!(base64(&[0xfb, 0xff, 0xbf]), "+/+/");
}

#[test]
fn pdf_has_its_text_its_font_and_its_cells() {
    let map = comparison(13);
    let all = objects(&map.draw(Format::Pdf).unwrap());
    let one = |word: &str| {
        let found: Vec<&String> = all.iter().filter(|object| object.contains(word)).collect();
        assert_eq!(found.len(), 1, "{word}");
        found[0].clone()
    };
    assert!(one("/Type /Catalog").contains("/Pages"));
    let (width, _) = map.page().unwrap().size;
    let sheet = one("/MediaBox");
    assert!(
        sheet.contains(&format!("{}", width as f32 * 0.24)),
        "300 pixels are an inch: {sheet}"
    );
    assert!(one("/FontFile2").contains("/DejaVuSans"));
    let file = one("/Length1");
    assert!(
        file.contains("glyf") && file.contains("loca"),
        "the font is in the file"
    );
    // Glyphs have their characters, so that text can be searched and copied.
    let map = one("begincmap");
    for c in "SupConτ−0125".chars() {
        let pair = format!("<{:04X}> <{:04X}>", font::glyph(c), c as u32);
        assert!(map.contains(&pair) || map.contains(&pair.to_lowercase()), "{c}");
    }
    // Three matrices and two bars.
    assert_eq!(
        all.iter().filter(|object| object.contains("/Subtype /Image")).count(),
        5
    );
    let content = one(" Tm");
    assert!(content.matches(" Do").count() == 5 && content.matches("BT").count() > 40);
}

#[test]
fn files_stay_small() {
    for (k, png_kib, svg_kib, pdf_kib) in [
        (2, 120, 40, 60),
        (12, 400, 60, 60),
        (100, 400, 400, 80),
        (1000, 2500, 1500, 1200),
    ] {
        let map = heatmap(vec![panel(k)]);
        let kib = [Format::Png, Format::Svg, Format::Pdf].map(|format| map.draw(format).unwrap().len() / 1024);
        assert!(
            kib[0] < png_kib && kib[1] < svg_kib && kib[2] < pdf_kib,
            "k = {k}: {kib:?} KiB"
        );
    }
    // A matrix with the structure of a solution: blocks.
    let block = |i: usize, j: usize| -0.3 + 0.1 * ((i / 300 + j / 300) as f64);
    let values = DMatrix::from_fn(1000, 1000, |i, j| if i == j { 1.0 } else { block(i, j) });
    assert!(svg(&heatmap(vec![Panel::new(values)])).len() < 100_000);
}

#[test]
fn the_same_picture_is_the_same_file_on_any_thread() {
    let map = comparison(11);
    for format in [Format::Png, Format::Svg, Format::Pdf] {
        let first = map.draw(format).unwrap();
        std::thread::scope(|scope| {
            let all: Vec<_> = (0..3).map(|_| scope.spawn(|| map.draw(format).unwrap())).collect();
            assert!(all.into_iter().all(|thread| thread.join().unwrap() == first));
        });
        let mut other = map.clone();
        let Body::Heatmap(panels) = &mut other.body else {
            panic!()
        };
        panels[0].values[(0, 1)] += 0.1;
        assert_ne!(other.draw(format).unwrap(), first);
    }
}

#[test]
fn neighbours_of_one_range_share_a_colour_bar_that_states_it() {
    let page = comparison(3).page().unwrap();
    let count = |text: &str| texts(&page).iter().filter(|t| t.text == text).count();
    assert_eq!(count("inner product of class means"), 1);
    assert_eq!(count("difference of inner products"), 1);
    // The range of the difference, 0.1 in one entry, is stated.
    assert_eq!((count("0.1"), count("−0.1"), count("−1")), (1, 1, 1));
    assert_eq!(cells(&page).len(), 3);
    assert_eq!(count("class size"), 5);
    // From the top of a bar to its bottom the level falls, through white at 0.
    let bar = |item: &Item| match item {
        Item::Cells(cells) if cells.columns == 1 => Some(cells.levels.clone()),
        _ => None,
    };
    let levels = page.items.iter().find_map(bar).unwrap();
    assert!(levels.is_sorted_by(|a, b| a >= b) && levels[0] == LEVELS - 1 && *levels.last().unwrap() == 0);
    assert_eq!(levels[levels.len() / 2], CENTRE);

    let range = ColourRange { low: -0.05, high: 0.12 };
    let skewed = heatmap(vec![Panel { range, ..panel(20) }]);
    let all = written(&skewed);
    assert!(
        ["0.12", "0", "−0.05"]
            .iter()
            .all(|end| all.contains(&(*end).to_owned())),
        "{all:?}"
    );
    let page = skewed.page().unwrap();
    let levels = page.items.iter().find_map(bar).unwrap();
    let white = levels.iter().position(|&level| level == CENTRE).unwrap() as f64 / levels.len() as f64;
    assert!((white - 0.12 / 0.17).abs() < 0.02, "{white}");
}

#[test]
fn lines_between_groups_do_not_cover_them() {
    let lines = |k: usize, boundaries: Vec<usize>| {
        let page = heatmap(vec![Panel { boundaries, ..panel(k) }]).page().unwrap();
        let cells = cells(&page)[0];
        // Lines down the matrix, by row.
        let row = |(points, _): &(&[(i32, i32)], u32)| match points {
            [(a, top), (b, low)] if a == b && (low - top) as usize == cells.size().1 => {
                Some((a - cells.corner.0) as usize / cells.cell.0)
            }
            _ => None,
        };
        shapes(&page, DARK)
            .iter()
            .filter_map(row)
            .filter(|row| (1..k).contains(row))
            .collect::<Vec<usize>>()
    };
    assert_eq!(lines(5, vec![1, 3]), [1, 3]);
    // Classes that are all different need no lines.
    assert_eq!(lines(5, vec![1, 2, 3, 4]), [0usize; 0]);
    // A pixel a class: a head of 400, a tail of single classes.
    assert_eq!(lines(1000, (400..1000).collect()), [400]);
}

#[test]
fn panels_come_near_their_target() {
    for count in 1..=MAX_ROWS {
        for target in [840, 1200] {
            let side = count * cell_size(count, target);
            assert!(side * 5 >= target * 4, "{count}: {side}");
            assert!(side < target * 8 / 5 + 2 || count > target, "{count}: {side}");
        }
    }
}

#[test]
fn what_cannot_be_drawn_is_an_error() {
    let error = |panel: Panel| heatmap(vec![panel]).draw(Format::Png).unwrap_err();
    assert!(matches!(heatmap(vec![]).draw(Format::Pdf), Err(PlotError::NoPanels)));
    for (rows, columns) in [(0, 0), (2, 3), (MAX_ROWS + 1, MAX_ROWS + 1)] {
        let found = error(Panel::new(DMatrix::zeros(rows, columns)));
        assert!(matches!(found, PlotError::Matrix { panel: 0, rows: r, columns: c } if (r, c) == (rows, columns)));
    }
    let labels = vec!["1".into()];
    let (multiplicity, boundaries) = (Some(vec![1; 4]), vec![4]);
    for broken in [
        Panel { labels, ..panel(3) },
        Panel {
            multiplicity,
            ..panel(3)
        },
        Panel { boundaries, ..panel(3) },
    ] {
        assert!(matches!(error(broken), PlotError::Rows { panel: 0, rows: 3 }));
    }
    for (low, high) in [(1.0, -1.0), (f64::NAN, 1.0), (0.0, f64::INFINITY)] {
        let range = ColourRange { low, high };
        assert!(matches!(error(Panel { range, ..panel(3) }), PlotError::Range { .. }));
    }
    assert!(matches!(
        heatmap(vec![panel(1); 500]).draw(Format::Svg),
        Err(PlotError::TooLarge { .. })
    ));
}

#[test]
fn strange_input_is_drawn() {
    let strange = [
        f64::NAN,
        f64::INFINITY,
        f64::NEG_INFINITY,
        f64::MAX,
        -5e-324,
        1e300,
        -0.0,
        1.0,
        -1.0,
    ];
    let values = DMatrix::from_iterator(3, 3, strange);
    for largest in [1.0, f64::MAX, 5e-324] {
        let panel = Panel {
            labels: vec![
                "日本語\u{202e}".into(),
                "\u{0}\u{ffff}\u{10ffff}".into(),
                "e\u{301}".into(),
            ],
            multiplicity: Some(vec![0, u64::MAX, 3]),
            range: ColourRange {
                low: -largest,
                high: largest,
            },
            ..Panel::new(values.clone())
        };
        let mut map = heatmap(vec![panel]);
        (map.title, map.subtitle) = (String::new(), "x".repeat(100_000));
        assert_legible(&map);
        png(&map);
        elements(&svg(&map));
        objects(&map.draw(Format::Pdf).unwrap());
    }
}

#[test]
fn missing_characters_are_said_where_they_are_boxes() {
    let mut map = heatmap(vec![panel(3)]);
    let plain = decode(&png(&map)).1;
    map.title = "日本語 τ".into();
    assert!(!svg(&map).contains("boxes") && svg(&map).contains("日本語"));
    assert!(written(&map).iter().all(|text| !text.contains("boxes")));
    let page = map.with_missing_noted().unwrap();
    assert_eq!(
        texts(&page)
            .iter()
            .filter(|text| text.text.starts_with("boxes stand for"))
            .count(),
        1
    );
    assert!(decode(&png(&map)).1 > plain, "the note takes a line");
    map.title = "Größe τ, −½ ≤ x".into();
    assert_eq!(decode(&png(&map)).1, plain);
}

#[test]
fn the_font_is_small_and_has_every_sign_that_is_written() {
    let signs = "−×…·∞≤≥≈≠‖√⟨⟩²±–—′".chars();
    for c in (' '..='~')
        .chain('À'..='ž')
        .chain('Α'..='Ρ')
        .chain('α'..='ω')
        .chain(signs)
    {
        assert!(font::glyph(c) != 0, "{c}");
    }
    assert!(font::BYTES.len() < 60_000);
    assert_eq!(font::elide("class", 100.0), "class");
    let cut = font::elide("a long name of a class", 5.0);
    assert!(cut.ends_with('…') && font::width(&cut) <= 5.0 && cut.len() > 5, "{cut}");
    let lines = font::wrap(&"word ".repeat(50), 10.0, 3);
    assert!(
        lines.len() == 3 && lines[2].ends_with('…') && !lines[1].ends_with('…'),
        "{lines:?}"
    );
    assert!(lines.iter().all(|line| font::width(line) <= 10.0));
    assert_eq!(font::wrap("two words", 100.0, 3), ["two words"]);
    assert!(font::wrap(&"m".repeat(12), 5.0, 9)[0].ends_with('…'));
    assert!(font::wrap("", 5.0, 9).is_empty());
}

#[test]
fn ticks_are_round_numbers_in_reach() {
    let wanted = |figure: &Figure, all: &[&str]| {
        assert_legible(figure);
        let found = written(figure);
        all.iter()
            .for_each(|tick| assert!(found.contains(&(*tick).to_owned()), "{tick} is not among {found:?}"));
    };
    let points = vec![[0.0, 3e-9], [10.0, 0.0], [13.0, 0.4]];
    let decades = chart(linear("step"), logarithmic("gap"), Mark::Line(points));
    wanted(
        &decades,
        &["0", "2", "12", "1e−8", "1e−6", "0.01", "step", "gap", "one"],
    );
    let bars = Mark::Bars(vec![0.0, 0.1, 0.2, 0.7], vec![3.0, 0.0, 7.0]);
    wanted(&chart(linear("x"), linear("y"), bars), &["0.2", "0.6", "4"]);
    // Less than a decade, where plotters has no tick, or none below the power of ten.
    let ends = |low: f64, high: f64| Mark::Line(vec![[low, 1.0], [high, 2.0]]);
    wanted(
        &chart(logarithmic("x"), linear("y"), ends(0.22, 0.71)),
        &["0.3", "0.5", "0.7"],
    );
    wanted(
        &chart(logarithmic("x"), linear("y"), ends(0.05, 1.0)),
        &["0.05", "0.2", "1"],
    );
    // Of many decades every so many, from one on.
    wanted(
        &chart(logarithmic("x"), linear("y"), ends(1e-16, 1e6)),
        &["1e−15", "0.001", "1", "1000"],
    );
    for (low, high) in [
        (1e-140, 1e140),
        (0.999, 1.001),
        (5.0, 5.0),
        (-1e300, 1e300),
        (0.0, 1e-9),
    ] {
        for scale in [Scale::Linear, Scale::Logarithmic] {
            let axis = ChartAxis::new("x", scale);
            if scale == Scale::Linear || low > 0.0 {
                assert_legible(&chart(axis, linear("y"), ends(low, high)));
            }
        }
    }
}

#[test]
fn bars_lines_and_dots_are_where_their_values_are() {
    let bars = chart(
        linear("x"),
        linear("y"),
        Mark::Bars(vec![0.0, 1.0, 2.0], vec![5.0, 10.0]),
    );
    let page = bars.page().unwrap();
    let tops: Vec<(i32, i32)> = shapes(&page, GLOBAL)
        .iter()
        .map(|(points, _)| {
            points
                .iter()
                .fold((i32::MAX, 0), |(top, low), p| (top.min(p.1), low.max(p.1)))
        })
        .collect();
    // The two bars, then their swatch in the legend; both stand on the frame.
    assert_eq!((tops.len(), tops[0].1), (3, tops[1].1));
    let heights = [tops[0].1 - tops[0].0, tops[1].1 - tops[1].0];
    assert!(
        (2 * heights[0] - heights[1]).abs() <= 2 && heights[1] > 850,
        "{heights:?}"
    );

    // A value without logarithm splits the line in two, and one point alone is no line.
    let points = vec![[0.0, 1.0], [1.0, 10.0], [2.0, 0.0], [3.0, 5.0]];
    let page = chart(linear("x"), logarithmic("y"), Mark::Dotted(points))
        .page()
        .unwrap();
    let drawn = shapes(&page, GLOBAL);
    let (lines, dots): (Vec<_>, Vec<_>) = drawn
        .iter()
        .filter(|shape| shape.1 > 0)
        .partition(|shape| shape.0.len() > 1);
    assert_eq!((lines.len(), dots.len()), (1, 3));
    let frame = shapes(&page, DARK)
        .into_iter()
        .rfind(|(points, _)| points.len() == 5)
        .unwrap()
        .0;
    // No dot touches the frame.
    for (dot, width) in dots {
        let reach = width as i32 / 2 + 1;
        assert!(
            dot[0].0 - frame[0].0 > reach && frame[2].0 - dot[0].0 > reach,
            "{dot:?} {frame:?}"
        );
        assert!(
            dot[0].1 - frame[0].1 > reach && frame[2].1 - dot[0].1 > reach,
            "{dot:?} {frame:?}"
        );
    }
    let region = vec![vec![[0.0, 0.0], [4.0, 0.0], [4.0, 2.0]]];
    let mut figure = chart(linear("x"), linear("y"), Mark::Regions(region));
    let Body::Chart(chart) = &mut figure.body else { panic!() };
    (chart.x.range, chart.y.range) = (Some((0.0, 4.0)), Some((0.0, 2.0)));
    let page = figure.page().unwrap();
    let (corners, width) = shapes(&page, GLOBAL)[0];
    assert_eq!((corners.len(), width), (3, 0));
    // From the lower left corner of the plot to the upper right.
    assert!(
        corners[2].0 - corners[0].0 > 1290 && corners[0].1 - corners[2].1 > 890,
        "{corners:?}"
    );
}

#[test]
fn nothing_to_draw_is_an_error() {
    for mark in [
        Mark::Line(Vec::new()),
        Mark::Line(vec![[1.0, f64::NAN]]),
        Mark::Dotted(vec![[0.0, -1.0]]),
    ] {
        let refused = chart(linear("x"), logarithmic("y"), mark).draw(Format::Svg);
        assert!(matches!(
            refused,
            Err(PlotError::Axis {
                axis: "vertical" | "horizontal"
            })
        ));
    }
    let mut backwards = chart(linear("x"), linear("y"), Mark::Dotted(vec![[2.0, 3.0]]));
    assert!(backwards.draw(Format::Svg).is_ok(), "one point has a place");
    let Body::Chart(chart) = &mut backwards.body else {
        panic!()
    };
    chart.x.range = Some((1.0, 0.0));
    assert!(matches!(
        backwards.draw(Format::Svg),
        Err(PlotError::Axis { axis: "horizontal" })
    ));
}

#[test]
fn names_tell_the_format() {
    let of = |name: &str| Format::of(Path::new(name));
    let known = [of("a.png"), of("b/a.SVG"), of("a.b.pdf")];
    assert_eq!(known, [Some(Format::Png), Some(Format::Svg), Some(Format::Pdf)]);
    assert_eq!([of("a"), of("a.jpeg"), of(".png")], [None; 3]);
}
