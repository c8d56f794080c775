//! Tests of the pictures: what is in them, where it is, and that nothing overlaps.

#![allow(clippy::unwrap_used)]

use nalgebra::DMatrix;

use super::axis::Axis;
use super::diverging::{CENTRE, LEVELS, NOT_A_NUMBER, colour, contrast, ink, level, luminance};
use super::font::Font;
use super::labels::{Run, cell, clean, runs, significant, thin, tick};
use super::layout::{self, cell_size, visible_boundaries};
use super::scene::{Anchor, Cells, Item, Scene, Text};
use super::svg::{MAX_PATH_ROWS, base64};
use super::{ColourRange, Heatmap, MAX_PRINTED, MAX_ROWS, Panel, PlotError, bitmap, inspect, png, svg};

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
        boundaries: (1..k).filter(|&i| size(i) != size(i - 1)).collect(),
        ..Panel::new(gram(k))
    }
}

fn heatmap(panels: Vec<Panel>) -> Heatmap {
    Heatmap {
        title: "SupCon, temperature τ = 0.1".into(),
        subtitle: None,
        panels,
        notes: vec!["a note".into()],
    }
}

/// A | B | A - B.
fn comparison(k: usize) -> Heatmap {
    let (a, b) = (
        panel(k),
        Panel {
            values: gram(k) * 0.9,
            ..panel(k)
        },
    );
    let values = &a.values - &b.values;
    let difference = Panel {
        range: ColourRange::of_differences(&values),
        values,
        ..panel(k)
    };
    let titled = |title: &str, panel: Panel| Panel {
        title: title.into(),
        ..panel
    };
    heatmap(vec![
        titled("optimum", a),
        titled("trained", b),
        titled("difference", difference),
    ])
}

fn scene(heatmap: &Heatmap) -> Scene {
    layout::scene(heatmap, &Font::new().unwrap()).unwrap()
}

fn texts(scene: &Scene) -> Vec<&Text> {
    scene
        .items
        .iter()
        .filter_map(|item| if let Item::Text(text) = item { Some(text) } else { None })
        .collect()
}

fn cells(scene: &Scene) -> Vec<&Cells> {
    scene
        .items
        .iter()
        .filter_map(|item| {
            if let Item::Cells(cells) = item {
                Some(cells)
            } else {
                None
            }
        })
        .collect()
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
            let rest = &text[at..];
            assert!(
                ["&amp;", "&lt;", "&gt;"].iter().any(|e| rest.starts_with(e)),
                "bare & in {text:?}"
            );
        }
        assert!(
            !text.contains('<') && !text.chars().any(|c| c.is_control() && c != '\n'),
            "{text:?}"
        );
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

/// Every text lies in the picture and no two overlap.
fn assert_legible(heatmap: &Heatmap) {
    let font = Font::new().unwrap();
    let scene = scene(heatmap);
    let boxes: Vec<([f64; 4], &str)> = texts(&scene)
        .iter()
        .map(|t| (t.bounds(&font), t.text.as_str()))
        .collect();
    for (i, &([left, top, right, bottom], text)) in boxes.iter().enumerate() {
        let (width, height) = (f64::from(scene.width), f64::from(scene.height));
        assert!(
            left >= 0.0 && top >= 0.0 && right <= width && bottom <= height,
            "{text:?} is cut"
        );
        for &(other, word) in &boxes[..i] {
            let apart = right <= other[0] || other[2] <= left || bottom <= other[1] || other[3] <= top;
            assert!(apart, "{text:?} overlaps {word:?} in {:?}", heatmap.title);
        }
    }
    for cells in cells(&scene) {
        let (left, top, side) = (f64::from(cells.x), f64::from(cells.y), cells.side() as f64);
        for (text, &(b, word)) in texts(&scene).iter().zip(&boxes) {
            let apart = b[2] <= left || left + side <= b[0] || b[3] <= top || top + side <= b[1];
            let inside = text.anchor == Anchor::Middle && b[0] >= left && b[2] <= left + side && b[1] >= top;
            assert!(apart || inside, "{word:?} covers cells");
        }
    }
}

#[test]
fn nothing_overlaps_or_is_cut_at_any_size() {
    for k in [
        1, 2, 3, 5, 7, 9, 12, 13, 20, 33, 40, 41, 57, 80, 100, 101, 150, 365, 500, 767, 1000, 2000,
    ] {
        assert_legible(&heatmap(vec![panel(k)]));
    }
    for k in [1, 2, 5, 10, 12, 13, 40, 100, 300] {
        assert_legible(&comparison(k));
    }
}

#[test]
fn nothing_overlaps_with_labels_of_any_length() {
    for k in [1, 2, 3, 6, 12, 13, 25, 60, 200, 1000] {
        for length in [0, 1, 4, 9, 15, 40, 5000] {
            let labels = (0..k).map(|i| format!("{i}{}", "W".repeat(length * (i % 3)))).collect();
            let multiplicity = Some(
                (0..k as u64)
                    .map(|i| if i % 2 == 0 { 1 } else { u64::MAX / (i + 1) })
                    .collect(),
            );
            let long = Panel {
                labels,
                multiplicity,
                title: "w".repeat(length),
                axis: "x".repeat(length),
                ..panel(k)
            };
            let mut map = heatmap(vec![
                long.clone(),
                Panel {
                    range: ColourRange::Symmetric(1.234e-7),
                    ..long
                },
            ]);
            map.title = "word ".repeat(length) + &"W".repeat(length);
            map.subtitle = Some("more words ".repeat(length));
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
    let font = Font::new().unwrap();
    let labels: Vec<String> = (0..1000)
        .map(|i| if i < 300 { "500".into() } else { "50".into() })
        .collect();
    let axis = Axis::new(&labels, None, 1, "class size", &font);
    assert_eq!(
        axis.labels,
        [(150.0, "500 ×300".to_string()), (650.0, "50 ×700".to_string())]
    );
    assert!(!axis.turned);

    let pairs: Vec<String> = (0..1000).map(|i| (5000 - i / 2).to_string()).collect();
    let axis = Axis::new(&pairs, None, 1, "class size", &font);
    assert!(axis.labels.len() > 10 && axis.labels.iter().all(|(_, text)| !text.contains('×')));
    assert_eq!(
        (axis.labels[0].1.as_str(), axis.labels.last().unwrap().1.as_str()),
        ("5000", "4501")
    );

    let axis = Axis::new(&labels[298..302], Some(&[1, 7, 1, 1]), 300, "class size", &font);
    let written: Vec<&str> = axis.labels.iter().map(|(_, text)| text.as_str()).collect();
    assert_eq!(written, ["500", "500 ×7", "50", "50"]);
    assert_eq!(
        runs(&[1, 1, 2, 1]),
        [(0, 2), (2, 1), (3, 1)].map(|(start, count)| Run { start, count })
    );
}

#[test]
fn colours_are_symmetric_about_white_and_red_is_positive() {
    assert_eq!(
        [-1.0, 0.0, -0.0, 1.0].map(|v| level(v, 1.0)),
        [0, CENTRE, CENTRE, LEVELS - 1]
    );
    assert_eq!(
        [-7.0, 7.0, f64::MAX].map(|v| level(v, 1.0)),
        [0, LEVELS - 1, LEVELS - 1]
    );
    assert_eq!(
        [f64::NAN, f64::INFINITY, f64::NEG_INFINITY].map(|v| level(v, 1.0)),
        [NOT_A_NUMBER; 3]
    );
    assert_eq!([-0.2, 0.0, 0.2].map(|v| level(v, 0.2)), [0, CENTRE, LEVELS - 1]);
    assert_eq!([-0.2, 0.0, 0.2].map(|v| level(v, 0.0)), [0, CENTRE, LEVELS - 1]);
    for i in 0..=1000 {
        let value = f64::from(i) / 1000.0;
        assert_eq!(level(value, 1.0) - CENTRE, CENTRE - level(-value, 1.0));
    }
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
    assert!(r == g && g == b && r < 180);
    for level in 0..=u8::MAX {
        assert!(contrast(ink(colour(level)), colour(level)) >= 4.5, "{level}");
    }
}

#[test]
fn numbers_are_written_as_in_print() {
    assert_eq!(
        [1.0, -0.25, -0.001, 0.005001, -0.0].map(|v| cell(v, 1.0)),
        ["1.00", "−0.25", "0.00", "0.01", "0.00"]
    );
    assert_eq!([0.01234, -0.00004].map(|v| cell(v, 0.05)), ["0.012", "0.000"]);
    assert_eq!([1.2e-9, -3e-10, 0.0].map(|v| cell(v, 2e-9)), ["1e−9", "−3e−10", "0"]);
    assert_eq!(
        [f64::NAN, f64::NEG_INFINITY, 1e300].map(|v| cell(v, 1.0)),
        ["NaN", "−∞", "1e300"]
    );
    assert_eq!(
        [0.0, 0.5, -1.0, 0.1, 2e-9, 1e7].map(tick),
        ["0", "0.5", "−1", "0.1", "2e−9", "1e7"]
    );
    assert_eq!(
        [1.3, 100.0, 0.000_123_44, -1.0].map(|v| significant(v, 3)),
        ["1.3", "100", "0.000123", "-1"]
    );
    assert_eq!(clean("a\nb\u{0}\u{ffff}"), "a b \u{fffd}");
}

#[test]
fn ranges_of_differences_are_round_and_cover_them() {
    let of = |v: f64| ColourRange::of_differences(&DMatrix::from_row_slice(1, 2, &[0.0, v])).max();
    for (value, max) in [
        (0.13, 0.2),
        (-0.2, 0.2),
        (0.3, 0.5),
        (-0.7, 1.0),
        (1.9, 2.0),
        (0.0, 0.0),
        (3e-10, 5e-10),
    ] {
        assert!((of(value) - max).abs() <= 1e-12 * max, "{value}: {}", of(value));
    }
    for value in [f64::MIN_POSITIVE, 5e-324, f64::MAX, 1e-300] {
        assert!(of(value).is_finite() && of(value) >= value);
    }
    assert_eq!(of(f64::NAN), 0.0);
}

#[test]
fn inspect_says_what_is_unusual_and_nothing_else() {
    assert!(inspect(&gram(30)).is_empty());
    assert!(inspect(&DMatrix::zeros(0, 0)).is_empty());
    let rounded = DMatrix::from_fn(5, 5, |i, j| f64::from(gram(5)[(i, j)] as f32) + 3e-7);
    assert!(inspect(&rounded).is_empty());

    let mut values = gram(4);
    values[(2, 2)] = 1.3;
    values[(0, 1)] = -1.2;
    values[(1, 0)] = -1.2;
    let notes = inspect(&values);
    assert_eq!(notes.len(), 2, "{notes:?}");
    assert_eq!(
        notes[0],
        "3 entries lie outside [-1, 1] (colour of the end); largest 1.3"
    );
    assert_eq!(notes[1], "the diagonal is not 1: 1 of 4 entries differ (1.3)");

    values = gram(4) * 0.5;
    assert_eq!(inspect(&values), ["the diagonal is not 1: 4 of 4 entries differ (0.5)"]);
    values[(0, 0)] = 0.25;
    assert_eq!(
        inspect(&values),
        ["the diagonal is not 1: 4 of 4 entries differ (0.25 to 0.5)"]
    );

    values = gram(4);
    for missing in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        values[(3, 3)] = missing;
        assert_eq!(inspect(&values), ["1 entry is not finite (drawn grey)"]);
    }
    values = gram(4);
    values[(0, 3)] += 0.25;
    assert!(inspect(&values).last().unwrap().ends_with("mirror image by up to 0.25"));
    assert!(inspect(&DMatrix::zeros(2, 3))[0].contains("2 x 3, not square"));
}

#[test]
fn inspect_knows_groups_and_differences() {
    let mut values = gram(3);
    values[(1, 1)] = 0.4;
    let groups = Panel {
        multiplicity: Some(vec![1, 5, 1]),
        ..Panel::new(values.clone())
    };
    assert_eq!(
        groups.inspect(),
        ["diagonal cells of groups (×n) show two different classes of the group"]
    );
    values[(0, 0)] = 0.9;
    assert!(
        Panel {
            values: values.clone(),
            ..groups
        }
        .inspect()[0]
            .contains("the diagonal is not 1")
    );
    let difference = Panel {
        range: ColourRange::Symmetric(2.0),
        ..Panel::new(values.clone())
    };
    assert!(difference.inspect().is_empty());
    let narrow = Panel {
        range: ColourRange::Symmetric(0.95),
        ..Panel::new(values)
    };
    assert_eq!(
        narrow.inspect()[0],
        "1 entry lies outside [-0.95, 0.95] (colour of the end); largest 1"
    );
}

#[test]
fn png_shows_the_right_colour_in_every_cell() {
    for k in [1, 2, 13, 100, 101] {
        let map = heatmap(vec![Panel {
            boundaries: vec![],
            ..panel(k)
        }]);
        let bytes = png(&map).unwrap();
        assert_eq!(bytes[..8], *b"\x89PNG\r\n\x1a\n");
        let (width, height, pixels) = decode(&bytes);
        let scene = scene(&map);
        assert_eq!((width, height), (scene.width, scene.height));
        assert!(
            (1200..2100).contains(&width) && (1100..2100).contains(&height),
            "{width} x {height}"
        );
        assert_eq!(pixels[..3], [255, 255, 255]);
        let cells = cells(&scene)[0];
        for i in 0..k {
            for j in 0..k {
                // The corners of the cell, away from printed values.
                for (dx, dy) in [(0, 0), (cells.cell - 1, cells.cell - 1)] {
                    let (x, y) = (
                        cells.x as usize + j * cells.cell + dx,
                        cells.y as usize + i * cells.cell + dy,
                    );
                    let at = 3 * (y * width as usize + x);
                    let expected = colour(level(map.panels[0].values[(i, j)], 1.0));
                    assert_eq!(pixels[at..at + 3], expected, "k = {k}, ({i}, {j})");
                }
            }
        }
    }
}

#[test]
fn ink_is_where_the_scene_says() {
    let font = Font::new().unwrap();
    for (anchor, turned) in [Anchor::Start, Anchor::Middle, Anchor::End]
        .map(|a| [(a, false), (a, true)])
        .concat()
    {
        let (text, fill) = ("HgH".to_string(), [0; 3]);
        let text = Text {
            x: 150.0,
            y: 160.0,
            text,
            em: 50.0,
            anchor,
            turned,
            fill,
        };
        let items = vec![Item::Text(text.clone())];
        let scene = Scene {
            width: 300,
            height: 310,
            description: String::new(),
            items,
        };
        let (width, _, pixels) = decode(&bitmap::png(&scene, &font).unwrap());
        let dark = |at: &usize| pixels[3 * at] < 128;
        let (columns, rows): (Vec<usize>, Vec<usize>) = (0..pixels.len() / 3)
            .filter(dark)
            .map(|at| (at % width as usize, at / width as usize))
            .unzip();
        let ink = [
            columns.iter().min(),
            rows.iter().min(),
            columns.iter().max(),
            rows.iter().max(),
        ];
        let [left, top, right, bottom] = ink.map(|edge| *edge.unwrap() as f64);
        let bounds = text.bounds(&font);
        // H has a bearing of 0.1 em at both sides and ends below the ascent; g descends by 0.2 em.
        let margins = [
            left - bounds[0],
            top - bounds[1],
            bounds[2] - right - 1.0,
            bounds[3] - bottom - 1.0,
        ];
        let expected = if turned {
            [0.2, 0.1, 0.03, 0.1]
        } else {
            [0.1, 0.2, 0.1, 0.03]
        };
        for (margin, expected) in margins.iter().zip(expected) {
            assert!(
                (margin / 50.0 - expected).abs() < 0.05,
                "{anchor:?} {turned}: {margins:?}"
            );
        }
    }
}

#[test]
fn row_zero_is_on_top() {
    let mut values = DMatrix::zeros(2, 2);
    values[(0, 1)] = 1.0;
    let scene = scene(&heatmap(vec![Panel::new(values)]));
    assert_eq!(cells(&scene)[0].levels, [CENTRE, LEVELS - 1, CENTRE, CENTRE]);
    let printed: Vec<&Text> = texts(&scene).into_iter().filter(|t| t.text == "1.00").collect();
    assert_eq!(printed.len(), 1);
    let middle = |at: i32| f64::from(at) + cells(&scene)[0].side() as f64 / 2.0;
    assert!(printed[0].x > middle(cells(&scene)[0].x) && printed[0].y < middle(cells(&scene)[0].y));
}

#[test]
fn values_are_printed_up_to_twelve_classes() {
    let printed = |k: usize| {
        let values = gram(k).map(|v| v * 0.5);
        let scene = scene(&heatmap(vec![Panel::new(values.clone())]));
        let all: Vec<String> = values.iter().map(|&v| cell(v, 1.0)).collect();
        all.iter().all(|v| texts(&scene).iter().any(|t| t.text == *v))
    };
    assert!(printed(2) && printed(MAX_PRINTED));
    assert!(!printed(MAX_PRINTED + 1));
}

#[test]
fn svg_is_well_formed_and_says_everything() {
    let mut map = comparison(5);
    map.title = "<b> & \"quotes\" ]]> 'x'".into();
    map.panels[0].labels[1] = "a<b&c>".into();
    map.panels[0].axis = "α & β".into();
    map.notes = vec!["1 < 2".into(), "\u{1}\u{b}tab\there".into()];
    let text = svg(&map).unwrap();
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
        elements(&svg(&heatmap(vec![panel(k)])).unwrap())
            .iter()
            .filter(|n| *n == "image")
            .count()
    };
    assert_eq!((images(MAX_PATH_ROWS), images(MAX_PATH_ROWS + 1)), (0, 1));

    let map = heatmap(vec![panel(101)]);
    let text = svg(&map).unwrap();
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
    let scene = scene(&map);
    let cells = cells(&scene)[0];
    assert_eq!((width as usize, height as usize), (cells.side(), cells.side()));
    for (i, j) in [(0, 0), (0, 100), (100, 0), (3, 57), (100, 100)] {
        assert_eq!(
            indices[i * cells.cell * cells.side() + j * cells.cell + 1],
            level(map.panels[0].values[(i, j)], 1.0)
        );
    }
}

#[test]
fn base64_follows_the_rfc() {
    let vectors = [
        ("", ""),
        ("f", "Zg=="),
        ("fo", "Zm8="),
        ("foo", "Zm9v"),
        ("foob", "Zm9vYg=="),
        ("fooba", "Zm9vYmE="),
    ];
    for (plain, encoded) in vectors {
        assert_eq!(base64(plain.as_bytes()), encoded);
    }
    assert_eq!(base64(&[0xfb, 0xff, 0xbf]), "+/+/");
}

#[test]
fn files_stay_small() {
    for (k, png_kib, svg_kib) in [(2, 120, 40), (12, 400, 60), (100, 400, 400), (1000, 2500, 1500)] {
        let map = heatmap(vec![panel(k)]);
        let (png, svg) = (png(&map).unwrap().len() / 1024, svg(&map).unwrap().len() / 1024);
        assert!(png < png_kib && svg < svg_kib, "k = {k}: {png} KiB, {svg} KiB");
    }
    // A matrix with the structure of a solution: blocks.
    let values = DMatrix::from_fn(1000, 1000, |i, j| {
        if i == j {
            1.0
        } else {
            -0.3 + 0.1 * ((i / 300 + j / 300) as f64)
        }
    });
    assert!(svg(&heatmap(vec![Panel::new(values)])).unwrap().len() < 100_000);
}

#[test]
fn the_same_picture_twice_is_the_same_file() {
    let map = comparison(11);
    assert_eq!(png(&map).unwrap(), png(&map).unwrap());
    assert_eq!(svg(&map).unwrap(), svg(&map).unwrap());
    let mut other = map.clone();
    other.panels[0].values[(0, 1)] += 0.1;
    assert_ne!(png(&map).unwrap(), png(&other).unwrap());
}

#[test]
fn neighbours_of_one_range_share_a_colour_bar() {
    let scene = scene(&comparison(3));
    let count = |text: &str| texts(&scene).iter().filter(|t| t.text == text).count();
    assert_eq!(count("inner product of class means"), 1);
    assert_eq!(count("difference of inner products"), 1);
    // The range of the difference, 0.1 in one entry, is stated.
    assert_eq!((count("0.1"), count("−0.1")), (1, 1));
    assert_eq!(cells(&scene).len(), 3);
    assert_eq!(count("class size"), 5);
}

#[test]
fn lines_between_groups_do_not_cover_them() {
    assert_eq!(visible_boundaries(&[0, 3, 3, 1, 5], 5, 100), [1, 3]);
    // 1 pixel a class: a head of 40, a tail of single classes.
    let tail: Vec<usize> = (40..100).collect();
    assert_eq!(visible_boundaries(&tail, 100, 1), [40]);
    assert_eq!(visible_boundaries(&[], 100, 1), [0usize; 0]);
    for count in 1..=MAX_ROWS {
        for target in [840, 1200] {
            let side = count * cell_size(count, target);
            assert!(
                side * 5 >= target * 4 && (side < target * 8 / 5 + 2 || count > target),
                "{count}: {side}"
            );
        }
    }
}

#[test]
fn what_cannot_be_drawn_is_an_error() {
    let error = |panel: Panel| png(&heatmap(vec![panel])).unwrap_err();
    assert!(matches!(png(&heatmap(vec![])), Err(PlotError::NoPanels)));
    assert!(matches!(
        error(Panel::new(DMatrix::zeros(0, 0))),
        PlotError::Empty { panel: 0 }
    ));
    assert!(matches!(
        error(Panel::new(DMatrix::zeros(2, 3))),
        PlotError::NotSquare {
            rows: 2,
            columns: 3,
            ..
        }
    ));
    let short = Panel {
        labels: vec!["1".into()],
        ..panel(3)
    };
    assert!(matches!(error(short), PlotError::Labels { labels: 1, rows: 3, .. }));
    let counts = Panel {
        multiplicity: Some(vec![1; 4]),
        ..panel(3)
    };
    assert!(matches!(
        error(counts),
        PlotError::Multiplicity {
            multiplicities: 4,
            rows: 3,
            ..
        }
    ));
    let line = Panel {
        boundaries: vec![4],
        ..panel(3)
    };
    assert!(matches!(
        error(line),
        PlotError::Boundary {
            boundary: 4,
            rows: 3,
            ..
        }
    ));
    for max in [-1.0, f64::NAN, f64::INFINITY] {
        let range = Panel {
            range: ColourRange::Symmetric(max),
            ..panel(3)
        };
        assert!(matches!(error(range), PlotError::Range { .. }));
    }
    let large = Panel::new(DMatrix::zeros(MAX_ROWS + 1, MAX_ROWS + 1));
    assert!(matches!(
        svg(&heatmap(vec![large])),
        Err(PlotError::TooManyRows { rows: 2001, .. })
    ));
    assert!(matches!(
        png(&heatmap(vec![panel(1); 500])),
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
    for range in [
        ColourRange::Unit,
        ColourRange::Symmetric(0.0),
        ColourRange::Symmetric(f64::MAX),
        ColourRange::Symmetric(5e-324),
    ] {
        let labels = vec![
            "日本語\u{202e}".into(),
            "\u{0}\u{ffff}\u{10ffff}".into(),
            "e\u{301}".into(),
        ];
        let panel = Panel {
            labels,
            multiplicity: Some(vec![0, u64::MAX, 3]),
            range,
            ..Panel::new(values.clone())
        };
        let notes = panel.inspect();
        let map = Heatmap {
            title: String::new(),
            subtitle: Some("x".repeat(100_000)),
            panels: vec![panel],
            notes,
        };
        assert_legible(&map);
        png(&map).unwrap();
        elements(&svg(&map).unwrap());
    }
}

#[test]
fn the_font_is_small_and_has_every_sign_that_is_written() {
    let font = Font::new().unwrap();
    for c in (' '..='~')
        .chain('À'..='ž')
        .chain('Α'..='Ρ')
        .chain('α'..='ω')
        .chain("−×…·∞≤≥≈≠‖√⟨⟩²±–—′".chars())
    {
        assert!(font.has(c), "{c}");
    }
    assert!(include_bytes!("fonts/DejaVuSans-subset.ttf").len() < 60_000);
    assert_eq!(font.elide("class", 100.0), "class");
    let cut = font.elide("a long name of a class", 5.0);
    assert!(cut.ends_with('…') && font.width(&cut) <= 5.0 && cut.len() > 5, "{cut}");
    let lines = font.wrap(&"word ".repeat(50), 10.0, 3);
    assert!(
        lines.len() == 3 && lines[2].ends_with('…') && lines.iter().all(|l| font.width(l) <= 10.0),
        "{lines:?}"
    );
    assert_eq!(font.wrap("two words", 100.0, 3), ["two words"]);
    assert_eq!(font.wrap(&"m".repeat(12), 5.0, 9).concat(), "m".repeat(12));
}
