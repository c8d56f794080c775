//! [`CrossEntropy`]: the problem, valid by construction, and its reduction by groups of classes of equal size.

use crate::problem::invalid::{Word, short};
use crate::problem::{Classes, Field, Invalid, Kind, MAX_CLASS_SIZE, Measure, Partition};

/// Most groups of classes of equal size.
pub const MAX_GROUPS: usize = 500;

/// Largest product of the bounds on a classifier and on a feature, by norm: beyond it the loss is no normal number.
pub const MAX_LOGIT: f64 = 300.0;

/// What holds the classifier or the features back.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Constraint {
    /// Every vector has at most this norm.
    Norm(f64),
    /// The mean squared norm, over classes, is at most this.
    Energy(f64),
    /// The Frobenius norm of the classifier is at most this.
    Frobenius(f64),
    /// `lambda/2` times the sum of squared norms, of all classifiers or of the features of ALL samples, is added to the loss.
    Ridge(f64),
}

impl Constraint {
    /// The key in a problem file.
    pub fn name(self) -> &'static str {
        match self {
            Self::Norm(_) => "norm",
            Self::Energy(_) => "energy",
            Self::Frobenius(_) => "frobenius",
            Self::Ridge(_) => "ridge",
        }
    }

    /// Its number.
    pub fn value(self) -> f64 {
        match self {
            Self::Norm(value) | Self::Energy(value) | Self::Frobenius(value) | Self::Ridge(value) => value,
        }
    }

    /// Most that the root mean squared norm of `k` vectors can be; `None` for a ridge.
    fn reach(self, k: f64) -> Option<f64> {
        match self {
            Self::Norm(norm) => Some(norm),
            Self::Energy(energy) => Some(energy.sqrt()),
            Self::Frobenius(norm) => Some(norm / k.sqrt()),
            Self::Ridge(_) => None,
        }
    }
}

/// Minimise the mean cross-entropy over a linear classifier without bias and free features, THEORY 8.
#[derive(Debug, Clone, PartialEq)]
pub struct CrossEntropy {
    classes: Classes,
    views: u64,
    title: Option<String>,
    classifier: Constraint,
    features: Constraint,
    dimension: Option<u64>,
}

impl CrossEntropy {
    /// The problem of some classes.
    ///
    /// # Errors
    /// [`Invalid`]: a constraint that is not positive and finite (a ridge may be 0 if both are), a Frobenius norm of features,
    /// bounds whose product is above [`MAX_LOGIT`], a ridge with probabilities, more than [`MAX_GROUPS`] distinct sizes, no
    /// views or dimensions.
    pub fn new(classes: Classes, classifier: Constraint, features: Constraint) -> Result<Self, Invalid> {
        let vanishing = classifier == Constraint::Ridge(0.0) && features == Constraint::Ridge(0.0);
        for (constraint, field) in [(classifier, Field::Classifier), (features, field_of(features))] {
            let value = constraint.value();
            if !vanishing && !((1e-12..=1e12).contains(&value)) {
                let rule = "a bound or a ridge is from 1e-12 to 1e12; a ridge may be 0 if both are (SELI)";
                return Err(Invalid::new(
                    field,
                    Kind::Rule {
                        value: short(value),
                        rule,
                    },
                ));
            }
        }
        if let Constraint::Frobenius(_) = features {
            return Err(Invalid::conflict(
                Field::Energy,
                "the features are given a Frobenius norm".to_owned(),
                &[Word::Text("give their norm, energy or ridge")],
            ));
        }
        let k = classes.count() as f64;
        if let (Some(w), Some(h)) = (classifier.reach(k), features.reach(k))
            && w * h > MAX_LOGIT
        {
            return Err(Invalid::conflict(
                field_of(features),
                format!(
                    "classifier and features may have a product of norms of {}, and {MAX_LOGIT} is the most",
                    short(w * h)
                ),
                &[Word::Text(
                    "lower one of the two: the loss underflows, and its limit is the maximal margin",
                )],
            ));
        }
        if classes.measure() == Measure::Probabilities && matches!(features, Constraint::Ridge(_)) {
            return Err(Invalid::conflict(
                Field::Ridge,
                "a ridge counts samples, and only probabilities are given".to_owned(),
                &[Word::Text("give class sizes, or the energy of the features")],
            ));
        }
        let groups = Partition::of_classes(&classes).groups();
        if groups > MAX_GROUPS {
            return Err(Invalid::conflict(
                Field::Classes,
                format!("there are {groups} distinct class sizes, and cross-entropy takes {MAX_GROUPS}"),
                &[Word::Text("round the sizes, so that more classes are alike")],
            ));
        }
        Ok(Self {
            classes,
            views: 1,
            title: None,
            classifier,
            features,
            dimension: None,
        })
    }

    /// The same with augmented views, which multiply every class size.
    ///
    /// # Errors
    /// [`Invalid`] for none, or classes that become too large.
    pub fn with_views(mut self, views: u64) -> Result<Self, Invalid> {
        if views == 0 {
            return Err(Invalid::new(Field::Views, Kind::TooSmall { value: 0, least: 1 }));
        }
        let largest = self.classes.sizes().fold(0.0, f64::max);
        if self.classes.measure() == Measure::Counts && largest * views as f64 > MAX_CLASS_SIZE {
            return Err(Invalid::new(Field::Views, Kind::TooManySamples(largest * views as f64)));
        }
        self.views = views;
        Ok(self)
    }

    /// The same with features and classifiers of a dimension.
    ///
    /// # Errors
    /// [`Invalid`] for dimension 0.
    pub fn with_dimension(mut self, dimension: Option<u64>) -> Result<Self, Invalid> {
        if dimension == Some(0) {
            return Err(Invalid::new(Field::Dimension, Kind::TooSmall { value: 0, least: 1 }));
        }
        self.dimension = dimension;
        Ok(self)
    }

    /// The same with a title.
    #[must_use]
    pub fn with_title(mut self, title: Option<String>) -> Self {
        self.title = title;
        self
    }

    /// The classes, in the user's order.
    pub fn classes(&self) -> &Classes {
        &self.classes
    }

    /// Augmented views per example.
    pub fn views(&self) -> u64 {
        self.views
    }

    /// Free text for reports.
    pub fn title(&self) -> Option<&str> {
        self.title.as_deref()
    }

    /// What holds the classifier back.
    pub fn classifier(&self) -> Constraint {
        self.classifier
    }

    /// What holds the features back.
    pub fn features(&self) -> Constraint {
        self.features
    }

    /// Dimension of features and classifiers, if it is limited.
    pub fn dimension(&self) -> Option<u64> {
        self.dimension
    }

    /// Whether both ridges vanish: the geometry asked for is SELI.
    pub fn is_vanishing(&self) -> bool {
        self.classifier.value() == 0.0
    }
}

fn field_of(features: Constraint) -> Field {
    match features {
        Constraint::Norm(_) => Field::Norm,
        Constraint::Energy(_) | Constraint::Frobenius(_) => Field::Energy,
        Constraint::Ridge(_) => Field::Ridge,
    }
}

/// The problem by groups of classes of equal size.
#[derive(Debug, Clone)]
pub(super) struct Reduced {
    /// Classes of every group.
    pub(super) multiplicity: Vec<f64>,
    /// Weight `n_c/N` of a class of every group.
    pub(super) weight: Vec<f64>,
    /// Samples of a class of every group.
    pub(super) samples: Vec<f64>,
    pub(super) classifier: Constraint,
    pub(super) features: Constraint,
}

impl Reduced {
    pub(super) fn new(problem: &CrossEntropy, partition: &Partition) -> Self {
        let multiplicity = partition.multiplicity_f64();
        let views = match problem.classes.measure() {
            Measure::Counts => problem.views as f64,
            Measure::Probabilities => 1.0,
        };
        let samples: Vec<f64> = partition.sizes().iter().map(|size| size * views).collect();
        Self::of_groups(problem, samples, multiplicity)
    }

    fn of_groups(problem: &CrossEntropy, samples: Vec<f64>, multiplicity: Vec<f64>) -> Self {
        let total: f64 = samples.iter().zip(&multiplicity).map(|(n, m)| n * m).sum();
        Self {
            weight: samples.iter().map(|n| n / total).collect(),
            multiplicity,
            samples,
            classifier: problem.classifier,
            features: problem.features,
        }
    }

    /// The same constraints for `majority` classes of `ratio * smallest` samples and `minority` of `smallest`.
    pub(super) fn step(problem: &CrossEntropy, majority: u64, minority: u64, smallest: f64, ratio: f64) -> Self {
        let small = smallest * problem.views as f64;
        Self::of_groups(
            problem,
            vec![ratio * small, small],
            vec![majority as f64, minority as f64],
        )
    }

    pub(super) fn groups(&self) -> usize {
        self.multiplicity.len()
    }

    /// Number of classes.
    pub(super) fn classes(&self) -> f64 {
        self.multiplicity.iter().sum()
    }

    /// The constraint of a side, and the coefficients of its ridge by group.
    pub(super) fn side(&self, classifier: bool) -> Side {
        let k = self.classes();
        match if classifier { self.classifier } else { self.features } {
            Constraint::Norm(norm) => Side::Balls(norm * norm),
            Constraint::Energy(energy) => Side::Total(k * energy),
            Constraint::Frobenius(norm) => Side::Total(norm * norm),
            Constraint::Ridge(ridge) if classifier => Side::Ridge(vec![ridge; self.groups()]),
            Constraint::Ridge(ridge) => Side::Ridge(self.samples.iter().map(|n| ridge * n).collect()),
        }
    }
}

/// The domain of one side, whose support function gives the bound.
#[derive(Debug, Clone)]
pub(super) enum Side {
    /// The squared norm of every vector is at most this.
    Balls(f64),
    /// The sum of squared norms is at most this.
    Total(f64),
    /// Half of these times the squared norms of a group is added to the loss.
    Ridge(Vec<f64>),
}
