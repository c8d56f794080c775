//! Heatmaps of results: what of a Gram matrix is drawn, and what is written around it.

use nalgebra::DMatrix;

use crate::gram::Gram;
use crate::plot::{ColourRange, Heatmap, Panel};
use crate::problem::{Measure, Problem};

/// Most classes that are drawn one by one; above that, groups.
pub const MAX_CLASSES: u64 = 1000;

/// Most groups that are drawn; of more, so many evenly spaced by size.
pub const MAX_GROUPS: usize = 1000;

/// Longest list of sizes in a subtitle.
const MAX_LISTED_SIZES: usize = 12;

/// A Gram matrix ready to be drawn, alone or beside another.
#[derive(Debug, Clone, PartialEq)]
pub struct Picture {
    /// Title of the picture.
    pub title: String,
    /// What it shows: loss, temperature, sizes.
    pub subtitle: String,
    /// The matrix with its labels.
    pub panel: Panel,
    /// What a reader must know to read it right.
    pub notes: Vec<String>,
}

impl Picture {
    /// The picture of a solved problem, in the user's class order; by groups (largest classes first) above
    /// [`MAX_CLASSES`] classes.
    pub fn of_gram(problem: &Problem, gram: &Gram) -> Self {
        let partition = gram.partition();
        let mut notes = Vec::new();
        let panel = if partition.classes() <= MAX_CLASSES {
            let group_of: Vec<usize> = partition
                .runs()
                .flat_map(|(_, count, group)| std::iter::repeat_n(group, count as usize))
                .collect();
            let boundaries = (1..group_of.len())
                .filter(|&i| group_of[i] != group_of[i - 1])
                .collect();
            let labels = group_of.iter().map(|&g| label(problem, partition.sizes()[g])).collect();
            Panel {
                labels,
                boundaries,
                axis: axis(problem),
                ..Panel::new(gram.to_dense())
            }
        } else {
            let groups = partition.groups();
            let shown: Vec<usize> = if groups <= MAX_GROUPS {
                (0..groups).collect()
            } else {
                notes.push(format!("{MAX_GROUPS} of {groups} class sizes, evenly spaced by rank"));
                (0..MAX_GROUPS).map(|i| i * (groups - 1) / (MAX_GROUPS - 1)).collect()
            };
            // The diagonal of a group is the inner product of two different classes of it.
            let values = DMatrix::from_fn(shown.len(), shown.len(), |i, j| gram.between(shown[i], shown[j]));
            let labels = shown.iter().map(|&g| label(problem, partition.sizes()[g])).collect();
            let multiplicity = shown.iter().map(|&g| partition.multiplicity()[g]).collect();
            let boundaries = if shown.len() <= 30 {
                (1..shown.len()).collect()
            } else {
                Vec::new()
            };
            Panel {
                labels,
                boundaries,
                multiplicity: Some(multiplicity),
                axis: axis(problem),
                ..Panel::new(values)
            }
        };
        let model = problem.model();
        let mut facts = vec![
            model.training.loss().name().to_owned(),
            format!("temperature {}", model.temperature),
        ];
        if model.features.nonnegative {
            facts.push("nonnegative features".to_owned());
        }
        facts.push(sizes(problem));
        notes.extend(panel.inspect());
        Self {
            title: model
                .title
                .clone()
                .unwrap_or_else(|| format!("Optimal Gram matrix of {} classes", partition.classes())),
            subtitle: facts.join(", "),
            panel,
            notes,
        }
    }

    /// The picture of a square matrix from elsewhere; what is unusual about it is noted, not hidden.
    pub fn of_matrix(name: &str, values: DMatrix<f64>) -> Self {
        let panel = Panel {
            axis: "row".to_owned(),
            ..Panel::new(values)
        };
        let notes = panel.inspect();
        Self {
            title: name.to_owned(),
            subtitle: format!("{0} x {0} matrix", panel.values.nrows()),
            panel,
            notes,
        }
    }

    /// The heatmap of this picture alone.
    pub fn heatmap(self) -> Heatmap {
        Heatmap {
            title: self.title,
            subtitle: Some(self.subtitle),
            panels: vec![self.panel],
            notes: self.notes,
        }
    }

    /// Two pictures side by side with their difference (first minus second), where they have the same number of rows;
    /// without it where not.
    pub fn against(self, other: Self) -> Heatmap {
        let mut notes: Vec<String> = self.notes.iter().map(|note| format!("left: {note}")).collect();
        notes.extend(other.notes.iter().map(|note| format!("right: {note}")));
        let difference = (self.panel.values.shape() == other.panel.values.shape()).then(|| {
            let values = &self.panel.values - &other.panel.values;
            let range = ColourRange::of_differences(&values);
            Panel {
                title: "left minus right".to_owned(),
                range,
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
        let subtitle = if same_title {
            None
        } else {
            Some(format!("left: {}; right: {}", self.subtitle, other.subtitle))
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
        Heatmap {
            title,
            subtitle,
            panels,
            notes,
        }
    }
}

fn axis(problem: &Problem) -> String {
    match problem.classes().measure() {
        Measure::Counts => "class size".to_owned(),
        Measure::Probabilities => "class probability".to_owned(),
    }
}

fn label(problem: &Problem, size: f64) -> String {
    match problem.classes().measure() {
        Measure::Counts => size.to_string(),
        Measure::Probabilities => format!("{:.4}", size).trim_end_matches('0').to_owned(),
    }
}

/// The sizes in a few words.
fn sizes(problem: &Problem) -> String {
    let classes = problem.classes();
    let what = match classes.measure() {
        Measure::Counts => "sizes",
        Measure::Probabilities => "probabilities",
    };
    if classes.runs().len() <= MAX_LISTED_SIZES {
        let runs: Vec<String> = classes
            .runs()
            .iter()
            .map(|run| {
                if run.count == 1 {
                    label(problem, run.size)
                } else {
                    format!("{} \u{d7} {}", run.count, label(problem, run.size))
                }
            })
            .collect();
        return format!("{what} {}", runs.join(", "));
    }
    let (low, high) = classes.runs().iter().fold((f64::INFINITY, 0.0f64), |(low, high), run| {
        (low.min(run.size), high.max(run.size))
    });
    format!(
        "{} classes, {what} {} to {}",
        classes.count(),
        label(problem, low),
        label(problem, high)
    )
}
