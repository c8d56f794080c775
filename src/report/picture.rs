//! Heatmaps of results: what of a Gram matrix is drawn, and what is written around it.

use nalgebra::DMatrix;

use crate::cross_entropy::VANISHED;
use crate::gram::Gram;
use crate::gram::cells::Cells;
use crate::plot::{Body, ColourRange, Figure, Panel, significant};
use crate::problem::Label;
use crate::report::cross_entropy::CrossEntropyProblem;
use crate::report::{ProblemReport, telling};

/// Most classes that are drawn one by one; above that, groups.
pub const MAX_CLASSES: u64 = 1000;

/// Most groups that are drawn; of more, so many evenly spaced by size.
pub const MAX_GROUPS: usize = 1000;

/// Longest list of sizes in a subtitle.
const MAX_LISTED_SIZES: usize = 12;

/// Deviations up to this much of the colour range are rounding (a Gram matrix in single precision) and are not mentioned.
const TOLERANCE: f64 = 1e-5;

/// A Gram matrix ready to be drawn, alone or beside another.
#[derive(Debug, Clone, PartialEq)]
pub struct Picture {
    /// Title of the picture.
    pub title: String,
    /// What it shows: loss, temperature, sizes.
    pub subtitle: String,
    /// The matrix with its labels.
    pub panel: Panel,
    /// What a reader must know to read it right, besides what is unusual about the entries.
    pub notes: Vec<String>,
}

impl Picture {
    /// The picture of a solved problem, in the user's class order; by groups (largest classes first) above
    /// [`MAX_CLASSES`] classes.
    pub fn of_gram(problem: &ProblemReport, gram: &Gram) -> Self {
        let partition = gram.partition();
        if partition.classes() <= MAX_CLASSES {
            return Self::of_classes(problem, gram.to_dense());
        }
        let groups = partition.groups();
        let mut notes = Vec::new();
        let shown: Vec<usize> = if groups <= MAX_GROUPS {
            (0..groups).collect()
        } else {
            notes.push(format!("{MAX_GROUPS} of {groups} class sizes, evenly spaced by rank"));
            (0..MAX_GROUPS).map(|i| i * (groups - 1) / (MAX_GROUPS - 1)).collect()
        };
        // The diagonal of a group is the inner product of two different classes of it.
        let values = DMatrix::from_fn(shown.len(), shown.len(), |i, j| gram.between(shown[i], shown[j]));
        let boundaries = if shown.len() <= 30 {
            (1..shown.len()).collect()
        } else {
            Vec::new()
        };
        let panel = Panel {
            labels: shown.iter().map(|&g| label(partition.sizes()[g])).collect(),
            boundaries,
            multiplicity: Some(shown.iter().map(|&g| partition.multiplicity()[g]).collect()),
            ..Panel::new(values)
        };
        Self::of_problem(problem, panel, axis(problem), notes)
    }

    /// The picture of the kinds of samples that fixed batches tell apart, by class and then by their batches.
    pub fn of_cells(problem: &ProblemReport, gram: &Gram, cells: &Cells) -> Self {
        let count = cells.count();
        let mut notes =
            vec!["pairs of samples that share no batch are free: only the others are in the loss".to_owned()];
        let shown: Vec<usize> = if count <= MAX_GROUPS {
            (0..count).collect()
        } else {
            notes.push(format!("{MAX_GROUPS} of {count} kinds of samples, evenly spaced"));
            (0..MAX_GROUPS).map(|i| i * (count - 1) / (MAX_GROUPS - 1)).collect()
        };
        let class = |&cell: &usize| cells.classes()[cell];
        let panel = Panel {
            labels: shown.iter().map(|cell| problem.name(class(cell).into())).collect(),
            boundaries: (1..shown.len())
                .filter(|&i| class(&shown[i]) != class(&shown[i - 1]))
                .collect(),
            multiplicity: Some(shown.iter().map(|&cell| cells.samples()[cell] as u64).collect()),
            members: "samples",
            quantity: "inner product of samples".to_owned(),
            ..Panel::new(DMatrix::from_fn(shown.len(), shown.len(), |i, j| {
                gram.between(shown[i], shown[j])
            }))
        };
        let picture = Self::of_problem(problem, panel, "class of the samples", notes);
        Self {
            title: format!("{}: {count} kinds of samples", picture.title),
            ..picture
        }
    }

    /// The picture of inner products of the classes of a problem, in the user's order.
    pub fn of_classes(problem: &ProblemReport, values: DMatrix<f64>) -> Self {
        let panel = Panel::new(values);
        let sizes = problem.listed().filter(|sizes| sizes.len() == panel.values.nrows());
        let Some(sizes) = sizes else {
            return Self::of_problem(problem, panel, "row", Vec::new());
        };
        let panel = Panel {
            boundaries: (1..sizes.len()).filter(|&i| sizes[i] != sizes[i - 1]).collect(),
            labels: ticks(problem.class_labels.as_deref(), &sizes),
            ..panel
        };
        Self::of_problem(
            problem,
            panel,
            &axis_of_classes(problem.class_labels.as_deref(), problem.probabilities.is_none()),
            Vec::new(),
        )
    }

    /// The picture of the features of cross-entropy from their inner products: scaled to length 1, as they may have any, and
    /// grey where one is zero.
    pub fn of_features(problem: &CrossEntropyProblem, values: DMatrix<f64>) -> Self {
        let most = values.diagonal().max();
        let scale = values.diagonal().map(|square| {
            if square > VANISHED * VANISHED * most {
                1.0 / square.sqrt()
            } else {
                f64::NAN
            }
        });
        let cosines = DMatrix::from_fn(values.nrows(), values.ncols(), |i, j| {
            values[(i, j)] * scale[i] * scale[j]
        });
        let sizes: Vec<f64> = match (&problem.sizes, &problem.probabilities) {
            (Some(sizes), _) => sizes.iter().map(|&size| size as f64).collect(),
            (None, probabilities) => probabilities.clone().unwrap_or_default(),
        };
        let labels = problem.class_labels.as_deref();
        let axis = if sizes.len() == values.nrows() {
            axis_of_classes(labels, problem.probabilities.is_none())
        } else {
            "row".to_owned()
        };
        let mut panel = Panel {
            axis: axis.clone(),
            quantity: "cosine of features".to_owned(),
            ..Panel::new(cosines)
        };
        if axis != "row" {
            panel.boundaries = (1..sizes.len()).filter(|&i| sizes[i] != sizes[i - 1]).collect();
            panel.labels = ticks(labels, &sizes);
        }
        let title = problem.title.clone();
        Self {
            title: title.unwrap_or_else(|| format!("Features of {} classes", problem.class_count)),
            subtitle: format!(
                "cross-entropy, classifier {} {}, features {} {}",
                problem.classifier.constraint,
                problem.classifier.value,
                problem.features.constraint,
                problem.features.value
            ),
            panel,
            notes: Vec::new(),
        }
    }

    fn of_problem(problem: &ProblemReport, panel: Panel, axis: &str, notes: Vec<String>) -> Self {
        let title = problem.title.clone();
        let axis = axis.to_owned();
        Self {
            title: title.unwrap_or_else(|| format!("Optimal Gram matrix of {} classes", problem.class_count)),
            subtitle: facts(problem, ""),
            panel: Panel { axis, ..panel },
            notes,
        }
    }

    /// The picture of a square matrix from elsewhere; what is unusual about it is noted, not hidden.
    pub fn of_matrix(name: &str, values: DMatrix<f64>) -> Self {
        let panel = Panel {
            axis: "row".to_owned(),
            ..Panel::new(values)
        };
        Self {
            title: name.to_owned(),
            subtitle: format!("{0} x {0} matrix", panel.values.nrows()),
            panel,
            notes: Vec::new(),
        }
    }

    /// The same with other values at the ends of the colours.
    pub fn with_range(mut self, range: ColourRange) -> Self {
        self.panel.range = range;
        self
    }

    /// The entries that belong to two different classes: of these an automatic range is made, as the diagonal is 1.
    pub fn between_classes(&self) -> impl Iterator<Item = f64> {
        let (values, multiplicity) = (&self.panel.values, &self.panel.multiplicity);
        let several = |i: usize| multiplicity.as_ref().is_some_and(|m| m[i] > 1);
        let wanted = move |&(i, j): &(usize, usize)| i != j || several(i);
        let cells = (0..values.nrows()).flat_map(|i| (0..values.ncols()).map(move |j| (i, j)));
        cells.filter(wanted).map(|at| values[at])
    }

    /// The heatmap of this picture alone.
    pub fn heatmap(mut self) -> Figure {
        self.notes.extend(inspect(&self.panel));
        Figure {
            title: self.title,
            subtitle: self.subtitle,
            body: Body::Heatmap(vec![self.panel]),
            notes: self.notes,
        }
    }

    /// Two pictures side by side with their difference (first minus second), where they have the same number of rows;
    /// without it where not.
    pub fn against(self, other: Self) -> Figure {
        let mut notes = Vec::new();
        for (side, picture) in [("left", &self), ("right", &other)] {
            let all = picture.notes.iter().cloned().chain(inspect(&picture.panel));
            notes.extend(all.map(|note| format!("{side}: {note}")));
        }
        let difference = (self.panel.values.shape() == other.panel.values.shape()).then(|| {
            let values = &self.panel.values - &other.panel.values;
            Panel {
                title: "left minus right".to_owned(),
                range: ColourRange::around(values.iter().copied()),
                quantity: "difference of inner products".to_owned(),
                values,
                ..self.panel.clone()
            }
        });
        if difference.is_none() {
            notes.push("no difference is drawn: the matrices have different sizes".to_owned());
        }
        let same_title = self.title == other.title;
        let name = |picture: &Self| {
            if same_title {
                picture.subtitle.clone()
            } else {
                picture.title.clone()
            }
        };
        let (left, right) = (name(&self), name(&other));
        let subtitle = if self.subtitle == other.subtitle {
            self.subtitle.clone()
        } else {
            format!("left: {}; right: {}", self.subtitle, other.subtitle)
        };
        let title = if same_title {
            self.title.clone()
        } else {
            format!("{left} against {right}")
        };
        let mut panels = vec![
            Panel {
                title: left,
                ..self.panel
            },
            Panel {
                title: right,
                ..other.panel
            },
        ];
        panels.extend(difference);
        Figure {
            title,
            subtitle,
            body: Body::Heatmap(panels),
            notes,
        }
    }
}

fn axis(problem: &ProblemReport) -> &'static str {
    match problem.probabilities {
        None => "class size",
        Some(_) => "class probability",
    }
}

/// What stands at the classes of an axis: their sizes, behind their labels where these say more than a number.
pub(crate) fn ticks(labels: Option<&[Label]>, sizes: &[f64]) -> Vec<String> {
    match telling(labels).filter(|labels| labels.len() == sizes.len()) {
        Some(labels) => labels
            .iter()
            .zip(sizes)
            .map(|(name, &size)| format!("{name} ({})", label(size)))
            .collect(),
        None => sizes.iter().map(|&size| label(size)).collect(),
    }
}

/// What an axis with these ticks is called.
pub(crate) fn axis_of_classes(labels: Option<&[Label]>, counts: bool) -> String {
    let size = if counts { "size" } else { "probability" };
    match telling(labels) {
        None => format!("class {size}"),
        Some(_) => format!("class ({size})"),
    }
}

/// A class size, or a probability to four decimals.
fn label(size: f64) -> String {
    if size.fract() == 0.0 {
        size.to_string()
    } else {
        format!("{size:.4}").trim_end_matches('0').to_owned()
    }
}

/// What a picture shows: loss, temperature, training and sizes, without what `varies` in it.
pub(crate) fn facts(problem: &ProblemReport, varies: &str) -> String {
    let mut facts = Vec::new();
    if varies != "loss" {
        facts.push(problem.loss.to_string());
    }
    if varies != "temperature" {
        facts.push(format!("temperature {}", problem.temperature));
    }
    if let Some(negatives) = problem.negatives.filter(|_| varies != "negatives") {
        facts.push(format!("{negatives} negatives"));
    }
    if let Some(batches) = problem.batches.as_ref().filter(|_| varies != "batch size") {
        facts.push(batches.to_string());
    }
    if problem.nonnegative {
        facts.push("nonnegative features".to_owned());
    }
    let what = if problem.probabilities.is_some() {
        "probabilities"
    } else {
        "sizes"
    };
    let runs = problem.runs();
    if !runs.is_empty() {
        facts.push(sizes(what, &runs));
    }
    facts.join(", ")
}

/// Sizes in a few words, from sizes with the number of classes that have them.
fn sizes(what: &str, runs: &[(f64, u64)]) -> String {
    if runs.len() <= MAX_LISTED_SIZES {
        let run = |&(size, count): &(f64, u64)| match count {
            1 => label(size),
            _ => format!("{count} \u{d7} {}", label(size)),
        };
        let list: Vec<String> = runs.iter().map(run).collect();
        return format!("{what} {}", list.join(", "));
    }
    let count: u64 = runs.iter().map(|(_, count)| count).sum();
    let (low, high) = runs.iter().fold((f64::INFINITY, 0.0f64), |(low, high), &(size, _)| {
        (low.min(size), high.max(size))
    });
    format!("{count} classes, {what} {} to {}", label(low), label(high))
}

/// Sentences about a matrix that is supposed to be a Gram matrix of unit vectors: entries that are not numbers or have no
/// colour of their own, a diagonal that is not 1, a missing symmetry. Empty if there is nothing to say.
fn inspect(panel: &Panel) -> Vec<String> {
    let (values, range) = (&panel.values, panel.range);
    let mut remarks = Vec::new();
    let margin = TOLERANCE * range.largest();
    let brief = |value: f64| significant(value, 4);
    let entries = |count: usize, singular: &str, plural: &str| match count {
        1 => format!("1 entry {singular}"),
        _ => format!("{count} entries {plural}"),
    };
    let missing = values.iter().filter(|v| !v.is_finite()).count();
    if missing > 0 {
        remarks.push(format!("{} not finite (drawn grey)", entries(missing, "is", "are")));
    }
    let inside = range.low - margin..=range.high + margin;
    let outside = || values.iter().filter(|v| v.is_finite() && !inside.contains(v));
    if let Some(largest) = outside().copied().reduce(|a, b| if b.abs() > a.abs() { b } else { a }) {
        let what = if largest > 0.0 { "largest" } else { "smallest" };
        let subject = entries(outside().count(), "lies", "lie");
        let (low, high) = (brief(range.low), brief(range.high));
        remarks.push(format!(
            "{subject} outside [{low}, {high}] (colour of the end); {what} {}",
            brief(largest)
        ));
    }
    // The diagonal cell of a group of several classes belongs to two different classes.
    let size = values.nrows();
    let single = |i: &usize| panel.multiplicity.as_ref().is_none_or(|m| m[*i] <= 1);
    let diagonal = (0..size).filter(single).map(|i| values[(i, i)]);
    let wrong: Vec<f64> = diagonal
        .filter(|d| d.is_finite() && (d - 1.0).abs() > TOLERANCE)
        .collect();
    let bounds = wrong
        .iter()
        .copied()
        .reduce(f64::min)
        .zip(wrong.iter().copied().reduce(f64::max));
    if let Some((least, most)) = bounds.map(|(least, most)| (brief(least), brief(most))) {
        let span = if least == most {
            least
        } else {
            format!("{least} to {most}")
        };
        let count = wrong.len();
        remarks.push(format!(
            "the diagonal is not 1: {count} of {size} entries differ ({span})"
        ));
    }
    if !(0..size).all(|i| single(&i)) {
        remarks.push(format!(
            "diagonal cells of groups (\u{d7}n) show two different {} of the group",
            panel.members
        ));
    }
    // f64::max ignores the NaN of an entry that is not finite.
    let pairs = (0..size).flat_map(|i| (0..i).map(move |j| (i, j)));
    let skew = pairs.fold(0.0, |most: f64, (i, j)| {
        most.max((values[(i, j)] - values[(j, i)]).abs())
    });
    if skew > TOLERANCE && skew.is_finite() {
        remarks.push(format!(
            "not symmetric: entries differ from their mirror image by up to {}",
            brief(skew)
        ));
    }
    remarks
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn remarks(values: DMatrix<f64>) -> Vec<String> {
        inspect(&Panel::new(values))
    }

    /// A symmetric matrix with unit diagonal and entries in (-1, 1).
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

    #[test]
    fn what_is_unusual_is_said_and_nothing_else() {
        assert!(remarks(gram(30)).is_empty());
        let rounded = DMatrix::from_fn(5, 5, |i, j| f64::from(gram(5)[(i, j)] as f32) + 3e-7);
        assert!(remarks(rounded).is_empty());

        let mut values = gram(4);
        values[(2, 2)] = 1.3;
        (values[(0, 1)], values[(1, 0)]) = (-1.2, -1.2);
        let expected = [
            "3 entries lie outside [-1, 1] (colour of the end); largest 1.3",
            "the diagonal is not 1: 1 of 4 entries differ (1.3)",
        ];
        assert_eq!(remarks(values), expected);

        values = gram(4) * 0.5;
        values[(0, 0)] = 0.25;
        assert_eq!(
            remarks(values),
            ["the diagonal is not 1: 4 of 4 entries differ (0.25 to 0.5)"]
        );
        values = gram(4);
        for missing in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            values[(3, 3)] = missing;
            assert_eq!(remarks(values.clone()), ["1 entry is not finite (drawn grey)"]);
        }
        values = gram(4);
        values[(0, 3)] += 0.25;
        assert!(remarks(values).last().unwrap().ends_with("mirror image by up to 0.25"));
    }

    #[test]
    fn groups_and_narrow_ranges_are_known() {
        let mut values = gram(3);
        values[(1, 1)] = 0.4;
        let multiplicity = Some(vec![1, 5, 1]);
        let groups = Panel {
            multiplicity,
            ..Panel::new(values.clone())
        };
        assert_eq!(
            inspect(&groups),
            ["diagonal cells of groups (\u{d7}n) show two different classes of the group"]
        );
        let picture = Picture {
            panel: groups,
            ..Picture::of_matrix("m", gram(3))
        };
        let between: Vec<f64> = picture.between_classes().collect();
        assert!(between.len() == 7 && between.contains(&0.4), "{between:?}");

        let unit = Picture::of_matrix("m", gram(3));
        assert!(unit.between_classes().all(|entry| entry.abs() < 1.0));
        let narrow = unit.with_range(ColourRange { low: -2.0, high: 0.995 }).heatmap();
        assert_eq!(
            narrow.notes,
            ["3 entries lie outside [-2, 0.995] (colour of the end); largest 1"]
        );
    }

    #[test]
    fn sizes_are_listed_or_abbreviated() {
        assert_eq!(sizes("sizes", &[(100.0, 5), (10.0, 1)]), "sizes 5 \u{d7} 100, 10");
        let many: Vec<(f64, u64)> = (1..=20).map(|i| (f64::from(i), 2)).collect();
        assert_eq!(sizes("sizes", &many), "40 classes, sizes 1 to 20");
        assert_eq!(
            sizes("probabilities", &[(0.25, 2), (0.5, 1)]),
            "probabilities 2 \u{d7} 0.25, 0.5"
        );
    }

    #[test]
    fn differences_have_a_range_of_their_own_and_unlike_sizes_none() {
        let pair = |a: usize, b: usize| {
            let other = Picture::of_matrix("b", gram(b) * 0.9);
            Picture::of_matrix("a", gram(a)).against(other)
        };
        let figure = pair(3, 3);
        let Body::Heatmap(panels) = &figure.body else { panic!() };
        assert_eq!(
            (panels.len(), &*panels[2].quantity),
            (3, "difference of inner products")
        );
        assert!((panels[2].range.high - 0.1).abs() < 1e-12 && panels[0].range == ColourRange::UNIT);
        assert!(
            figure
                .notes
                .iter()
                .all(|note| note.starts_with("right: the diagonal is not 1"))
        );
        let figure = pair(3, 4);
        let Body::Heatmap(panels) = &figure.body else { panic!() };
        assert!(panels.len() == 2 && figure.notes.iter().any(|note| note.contains("different sizes")));
    }
}
