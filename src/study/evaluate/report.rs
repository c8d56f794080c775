//! [`Evaluation`]: what was measured of one set of features, as data.

use nalgebra::DMatrix;
use serde::{Deserialize, Serialize};

#[cfg(feature = "plot")]
use super::pictures;
use super::{Advice, Measured, Measures, text};
use crate::certificate::Verdict;
use crate::error::Error;
use crate::method::formula::ALL_EQUAL;
#[cfg(feature = "plot")]
use crate::plot::Figure;
use crate::problem::convention::anchors_of;
use crate::problem::{Convention, Label, Problem, Reduction};
use crate::report::view::{Style, Table, View, cell};
use crate::report::{CertificateReport, MAX_JSON_ROWS, MAX_LISTED_CLASSES, Name, ProblemReport, Report, rows};
use crate::solve::Solved;

/// Identifier of the JSON form.
pub const SCHEMA: &str = "ufmin/evaluate/1";

/// Most classes that are listed as farthest from the optimum.
const FARTHEST: usize = 10;

/// Reports of the first versions do not say: those that were stopped were none.
fn is_complete() -> bool {
    true
}

/// Trained features beside the optimum.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Evaluation {
    /// [`SCHEMA`].
    pub schema: Name,
    /// Version of this crate.
    pub version: Name,
    /// Whether the advice is all there is; if not, a stop request came after the measurement.
    #[serde(default = "is_complete")]
    pub complete: bool,
    /// What was solved.
    pub problem: ProblemReport,
    /// The file or folder of the features.
    pub embeddings: String,
    /// Samples; of class vectors those that they stand for.
    pub samples: u64,
    /// Dimension of the features.
    pub dimension: u64,
    /// The loss of the features on the user's scale: times `problem.loss_scale`, with `problem.reduction`; null where these
    /// are 1 and a mean.
    #[serde(default)]
    pub reported_loss: Option<f64>,
    /// Anchors that it is a sum over; null for a mean.
    #[serde(default)]
    pub reported_anchors: Option<u64>,
    /// The numbers.
    #[serde(flatten)]
    pub measures: Measures,
    /// Loss where all features are equal, as at a first step and after total collapse; null where geometries are not evaluated.
    #[serde(default)]
    pub all_equal_loss: Option<f64>,
    /// Cosines of the class means; null above 64 classes.
    pub class_gram: Option<Vec<Vec<f64>>>,
    /// The optimal Gram matrix; null above 64 classes.
    pub optimal_gram: Option<Vec<Vec<f64>>>,
    /// Every class, in ascending order of labels; empty above 10,000 classes.
    pub per_class: Vec<ClassReport>,
    /// The classes farthest from the optimum, by their share of the Gram distance, farthest first.
    pub farthest: Vec<u64>,
    /// Rank of the optimum.
    pub optimal_rank: u64,
    /// Seed of an estimate.
    pub seed: u64,
    /// The proof of the optimum.
    pub certificate: CertificateReport,
    /// What the numbers speak for.
    pub advice: Vec<Advice>,
    /// Things the user should know.
    pub warnings: Vec<String>,
    /// Time of the measurement, without that of the optimum.
    pub seconds: f64,
    /// The optimal Gram matrix and that of the class means, of which the JSON has those of few classes.
    #[serde(skip)]
    pub grams: Option<(DMatrix<f64>, DMatrix<f64>)>,
}

/// One class.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ClassReport {
    /// Its number.
    pub class: u64,
    /// The label of its samples; null where there are none.
    pub label: Option<Label>,
    /// Samples, views counted.
    pub size: u64,
    /// Mean squared distance of its samples from their mean.
    pub within: f64,
    /// Length of the mean of its unit features: 1 is collapse.
    pub mean_norm: f64,
    /// Share of its samples whose nearest class mean is its own.
    pub ncc_accuracy: f64,
    /// The nearest class mean; null without a direction.
    pub nearest: Option<Nearest>,
    /// The same at the optimum.
    pub predicted: Option<Nearest>,
    /// Its row in the Gram distance.
    pub distance: Option<f64>,
}

/// A class and the angle to it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[allow(missing_docs)]
pub struct Nearest {
    pub class: u64,
    pub angle_degrees: f64,
}

impl Evaluation {
    /// `labels` are the label values of the classes, or empty.
    ///
    /// # Errors
    /// [`Error::Contradiction`] where the optimum does not agree with itself.
    pub fn new(
        problem: &Problem,
        solved: &Solved,
        embeddings: String,
        labels: &[Label],
        measured: Measured,
        advice: Vec<Advice>,
        seed: u64,
    ) -> Result<Self, Error> {
        let optimum = Report::new(problem, solved, false)?;
        let mut warnings = measured.warnings;
        warnings.extend(optimum.warnings);
        let grams = measured
            .class_gram
            .as_ref()
            .map(|gram| (solved.certificate.gram.to_dense(), gram.clone()));
        let classes = &measured.classes;
        let count = classes.sizes.len();
        let nearest = |(class, angle_degrees): (usize, f64)| Nearest {
            class: class as u64,
            angle_degrees,
        };
        let per_class: Vec<ClassReport> = (0..count)
            .map(|c| {
                let compared = measured.compared.as_ref().map(|compared| compared.classes[c]);
                let size = classes.sizes[c] as f64;
                ClassReport {
                    class: c as u64,
                    label: labels.get(c).cloned(),
                    size: classes.sizes[c],
                    within: classes.within[c] / size,
                    mean_norm: classes.means.column(c).norm(),
                    ncc_accuracy: classes.correct[c] as f64 / size,
                    nearest: compared.map(|compared| nearest(compared.nearest)),
                    predicted: compared.map(|compared| nearest(compared.predicted)),
                    distance: compared.map(|compared| compared.distance),
                }
            })
            .collect();
        let mut farthest: Vec<u64> = (0..count as u64).collect();
        let distance = |class: u64| per_class[class as usize].distance.unwrap_or(0.0);
        farthest.sort_by(|&a, &b| distance(b).total_cmp(&distance(a)));
        farthest.truncate(FARTHEST);
        Ok(Self {
            schema: SCHEMA.into(),
            version: env!("CARGO_PKG_VERSION").into(),
            complete: true,
            problem: optimum.problem,
            embeddings,
            samples: classes.samples(),
            dimension: classes.means.nrows() as u64,
            reported_loss: None,
            reported_anchors: None,
            all_equal_loss: optimum
                .references
                .iter()
                .find(|reference| reference.name == ALL_EQUAL)
                .map(|reference| reference.loss),
            measures: measured.measures,
            class_gram: measured
                .class_gram
                .filter(|_| count <= MAX_JSON_ROWS)
                .map(|gram| rows(&gram)),
            optimal_gram: optimum.solution.gram,
            farthest: if measured.compared.is_some() {
                farthest
            } else {
                Vec::new()
            },
            per_class: if count as u64 <= MAX_LISTED_CLASSES {
                per_class
            } else {
                Vec::new()
            },
            optimal_rank: optimum.solution.rank,
            seed,
            certificate: optimum.certificate,
            advice,
            warnings,
            seconds: measured.seconds,
            grams,
        })
    }

    /// States the loss of the features by a convention too, of the problem that they are features of.
    #[must_use]
    pub fn in_convention(mut self, problem: &Problem, convention: Convention) -> Self {
        let anchors = anchors_of(problem);
        self.reported_loss = convention.state(self.measures.loss, anchors);
        let is_sum = convention.reduction() == Reduction::Sum;
        self.reported_anchors = anchors.filter(|_| is_sum).map(|anchors| anchors as u64);
        self.problem.state(convention);
        self
    }
}

impl View for Evaluation {
    const SCHEMA: &'static str = SCHEMA;

    fn text(&self, style: Style) -> String {
        text::evaluation(self, style)
    }

    fn table(&self) -> Option<Table> {
        let mut table = Table::new(&[
            "class",
            "label",
            "size",
            "within",
            "mean_norm",
            "ncc_accuracy",
            "nearest_class",
            "nearest_degrees",
            "predicted_class",
            "predicted_degrees",
            "distance",
        ]);
        for class in &self.per_class {
            let of = |nearest: &Option<Nearest>| {
                [
                    cell(nearest.map(|nearest| nearest.class)),
                    cell(nearest.map(|nearest| nearest.angle_degrees)),
                ]
            };
            let mut row = vec![
                class.class.to_string(),
                cell(class.label.as_ref()),
                class.size.to_string(),
                class.within.to_string(),
                class.mean_norm.to_string(),
                class.ncc_accuracy.to_string(),
            ];
            row.extend(of(&class.nearest));
            row.extend(of(&class.predicted));
            row.push(cell(class.distance));
            table.rows.push(row);
        }
        Some(table)
    }

    #[cfg(feature = "plot")]
    fn figures(&self) -> Vec<(&'static str, Figure)> {
        let geometry = pictures::geometry(self).map(|figure| ("geometry", figure));
        let angles = pictures::angles(self).map(|figure| ("angles", figure));
        geometry.into_iter().chain(angles).collect()
    }

    fn passes(&self) -> bool {
        self.certificate.verdict == Verdict::Certified
    }

    fn is_complete(&self) -> bool {
        self.complete
    }
}
