//! The picture of a [`Grid`]: regions of one count of collapsed classes, and the exact boundary.

use std::collections::{BTreeMap, HashMap};

use super::Grid;
use crate::plot::colour::{DARK, GREY, heat};
use crate::plot::{Body, Chart, ChartAxis, Figure, Mark, Scale, Series};

/// Most colours of counts.
const MAX_COLOURS: usize = 14;

/// A polygon of `[ratio, temperature]`.
type Polygon = Vec<[f64; 2]>;

/// Where the boundary crosses an edge of the lattice: from `(i, j)` to the next ratio (`true`), or temperature.
type Crossings = HashMap<(usize, usize, bool), [f64; 2]>;

impl Grid {
    /// What is drawn.
    pub fn diagram(&self) -> Figure {
        let at = &self.at;
        let sizes = match at.step {
            Some([majority, minority]) => format!("{majority} majority and {minority} minority classes"),
            None => format!("{} classes", at.class_count),
        };
        let anchors = match at.anchors.as_ref() {
            "sample" => String::new(),
            anchors => format!(", {anchors} anchors"),
        };
        let mut notes = Vec::new();
        if self.collapsed.iter().flatten().any(Option::is_none) {
            notes.push("grey: no regular optimum, no rule, and nothing for the low-rank solver".to_owned());
        }
        if !self.boundary.is_empty() {
            notes.push(
                "black line: the exact boundary of collapse, on every line between neighbouring points".to_owned(),
            );
        }
        let axis = |name: &str, values: &[f64]| ChartAxis {
            range: Some((values[0], values[values.len() - 1])),
            ..ChartAxis::new(name, Scale::Logarithmic)
        };
        let mut series = self.regions();
        series.extend(
            self.boundary
                .iter()
                .map(|curve| Series::new("", DARK, Mark::Line(curve.clone()))),
        );
        Figure {
            title: at.title.clone().unwrap_or_else(|| "Minority collapse".to_owned()),
            subtitle: format!("{}{anchors}, {sizes}, smallest class {}", at.loss, at.smallest),
            body: Body::Chart(Chart {
                x: axis("imbalance ratio", &self.ratios),
                y: axis("temperature", &self.temperatures),
                legend: "collapsed classes".to_owned(),
                series,
            }),
            notes,
        }
    }

    /// The regions of every count there is, the highest first, with grey for unknown counts; more than [`MAX_COLOURS`] are
    /// joined to ranges of neighbouring counts.
    fn regions(&self) -> Vec<Series> {
        let mut polygons = self.polygons();
        let unknown = polygons.remove(&None);
        polygons.remove(&Some(0));
        let all: Vec<(u64, Vec<Polygon>)> = polygons
            .into_iter()
            .filter_map(|(count, all)| Some((count?, all)))
            .collect();
        let groups: Vec<&[(u64, Vec<Polygon>)]> = all.chunks(all.len().div_ceil(MAX_COLOURS).max(1)).collect();
        let last = groups.len().saturating_sub(1);
        let mut series = vec![Series::new("0", [255; 3], Mark::Regions(Vec::new()))];
        for (i, group) in groups.iter().enumerate() {
            let share = if last == 0 { 0.35 } else { i as f64 / last as f64 };
            let (low, high) = (group[0].0, group[group.len() - 1].0);
            let name = if low == high {
                low.to_string()
            } else {
                format!("{low} to {high}")
            };
            let regions = group.iter().flat_map(|(_, polygons)| polygons.clone()).collect();
            series.push(Series::new(&name, heat(share), Mark::Regions(regions)));
        }
        series.extend(unknown.map(|regions| Series::new("?", GREY, Mark::Regions(regions))));
        series.reverse();
        series
    }

    /// Every square of four neighbours by the counts at its corners: as a whole, in runs along a row, or in pieces.
    fn polygons(&self) -> BTreeMap<Option<u64>, Vec<Polygon>> {
        let crossings = self.crossings();
        let mut polygons: BTreeMap<Option<u64>, Vec<Polygon>> = BTreeMap::new();
        for j in 0..self.temperatures.len() - 1 {
            let corners = |i: usize| [(i, j), (i + 1, j), (i + 1, j + 1), (i, j + 1)];
            let counts = |i: usize| corners(i).map(|(i, j)| self.collapsed[j][i]);
            let squares: Vec<[Option<u64>; 4]> = (0..self.ratios.len() - 1).map(counts).collect();
            let whole = |square: &[Option<u64>; 4]| square.iter().all(|count| *count == square[0]);
            let mut i = 0;
            for run in squares.chunk_by(|a, b| a == b && whole(a)) {
                if whole(&run[0]) {
                    let (left, right) = (self.ratios[i], self.ratios[i + run.len()]);
                    let (low, high) = (self.temperatures[j], self.temperatures[j + 1]);
                    let square = vec![[left, low], [right, low], [right, high], [left, high]];
                    polygons.entry(run[0][0]).or_default().push(square);
                } else {
                    for (count, piece) in self.pieces((i, j), run[0], &crossings) {
                        polygons.entry(count).or_default().push(piece);
                    }
                }
                i += run.len();
            }
        }
        polygons
    }

    /// A point of the boundary lies on a line of the lattice, exactly.
    fn crossings(&self) -> Crossings {
        let mut crossings = HashMap::new();
        for &[ratio, temperature] in self.boundary.iter().flatten() {
            let i = self.ratios.partition_point(|&value| value < ratio);
            let j = self.temperatures.partition_point(|&value| value < temperature);
            if self.temperatures.get(j) == Some(&temperature) && i > 0 {
                crossings.insert((i - 1, j, true), [ratio, temperature]);
            }
            if self.ratios.get(i) == Some(&ratio) && j > 0 {
                crossings.insert((i, j - 1, false), [ratio, temperature]);
            }
        }
        crossings
    }

    /// A square with several counts, cut from its edges to a point between the cuts, on their line if there are two. An edge
    /// is cut where the boundary crosses it, or halfway: between two counts above 0 there is no boundary of collapse.
    fn pieces(
        &self,
        (i, j): (usize, usize),
        counts: [Option<u64>; 4],
        crossings: &Crossings,
    ) -> Vec<(Option<u64>, Polygon)> {
        let corners = [(i, j), (i + 1, j), (i + 1, j + 1), (i, j + 1)];
        let corners = corners.map(|(i, j)| [self.ratios[i], self.temperatures[j]]);
        let edges = [(i, j, true), (i + 1, j, false), (i, j + 1, true), (i, j, false)];
        // In logarithms, as in the picture.
        let mean = |points: &[[f64; 2]]| {
            let share = 1.0 / points.len() as f64;
            [0, 1].map(|axis| points.iter().map(|point| point[axis].powf(share)).product())
        };
        let cuts: Vec<(usize, [f64; 2])> = (0..4)
            .filter(|&k| counts[k] != counts[(k + 1) % 4])
            .map(|k| {
                let halfway = mean(&[corners[k], corners[(k + 1) % 4]]);
                (k, crossings.get(&edges[k]).copied().unwrap_or(halfway))
            })
            .collect();
        let centre: [f64; 2] = mean(&cuts.iter().map(|(_, at)| *at).collect::<Vec<_>>());
        let piece = |n: usize| {
            let ((from, start), (to, end)) = (cuts[n], cuts[(n + 1) % cuts.len()]);
            // The corners from one cut to the next, all with one count.
            let between = (1..=(to + 3 - from) % 4 + 1).map(|step| corners[(from + step) % 4]);
            let outline = std::iter::once(start).chain(between).chain([end, centre]);
            (counts[(from + 1) % 4], outline.collect())
        };
        (0..cuts.len()).map(piece).collect()
    }
}
