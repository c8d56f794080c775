//! A full-batch loss on class vectors, THEORY (3), as an [`Objective`].

use nalgebra::DMatrix;

use super::contract::{Affine, Objective, exponential_rounding, others};
use super::{Evaluation, LogSumExp};

/// A loss where every class has collapsed to one vector. The vertices are groups of classes.
#[derive(Debug, Clone, Copy)]
pub struct ClassLevel<'a> {
    loss: &'a LogSumExp,
    multiplicity: &'a [f64],
}

/// A full-batch loss at one Gram matrix.
#[derive(Debug, Clone)]
pub struct ClassPoint {
    evaluation: Evaluation,
    /// In units of `e^log_scale`.
    excess: f64,
    y: DMatrix<f64>,
    log_scale: f64,
}

impl<'a> ClassLevel<'a> {
    /// The loss at collapsed features; `multiplicity` classes in every group of its layout.
    pub fn new(loss: &'a LogSumExp, multiplicity: &'a [f64]) -> Self {
        debug_assert_eq!(loss.layout().groups(), multiplicity.len());
        Self { loss, multiplicity }
    }

    /// The loss over the entries.
    pub(super) fn loss(&self) -> &'a LogSumExp {
        self.loss
    }

    /// Number of groups `r`.
    pub(super) fn groups(&self) -> usize {
        self.multiplicity.len()
    }
}

impl Objective for ClassLevel<'_> {
    type Point = ClassPoint;
    type Entries = DMatrix<f64>;

    fn multiplicity(&self) -> &[f64] {
        self.multiplicity
    }

    fn floor(&self) -> Option<f64> {
        self.loss.floor()
    }

    fn rounding(&self) -> f64 {
        exponential_rounding(self.loss.temperature(), self.groups())
    }

    fn zeros(&self) -> DMatrix<f64> {
        let r = self.multiplicity().len();
        DMatrix::zeros(r, r)
    }

    fn evaluate(&self, values: &DMatrix<f64>, log_scale: f64) -> ClassPoint {
        let objective = self.loss;
        let entries = objective.layout().collapsed(values);
        let evaluation = objective.evaluate(&entries);
        let terms = objective.term_gradients(&entries, &evaluation, log_scale);
        let groups = self.groups();
        let mut y = DMatrix::zeros(groups, groups);
        for row in objective.rows() {
            let g = row.reference;
            let mut of_row = terms[row.start..row.end].iter();
            for h in 0..groups {
                let others = others(self.multiplicity, g, h);
                if others > 0.0 {
                    let term = of_row.next().expect("one term for every group with another class");
                    y[(g, h)] = term / (self.multiplicity[g] * others);
                }
            }
        }
        let excess = if objective.floor().is_some() {
            (evaluation.log_excess - log_scale).exp()
        } else {
            evaluation.excess * (-log_scale).exp()
        };
        ClassPoint {
            evaluation,
            excess,
            y,
            log_scale,
        }
    }

    fn excess(&self, at: &ClassPoint) -> f64 {
        at.excess
    }

    fn log_excess(&self, at: &ClassPoint) -> f64 {
        at.evaluation.log_excess
    }

    fn gradient<'p>(&self, at: &'p ClassPoint) -> &'p DMatrix<f64> {
        &at.y
    }

    fn hessian_product(&self, at: &ClassPoint, direction: &DMatrix<f64>) -> DMatrix<f64> {
        let tau = self.loss.temperature();
        let groups = self.groups();
        let unit = at.log_scale.exp();
        let mut product = DMatrix::zeros(groups, groups);
        for row in self.loss.rows() {
            let g = row.reference;
            // d y_h = y_h (D_h / tau - sum_h' y_h' D_h' / w), y = (w / tau) softmax.
            let weight = row.weight / self.multiplicity[g];
            let slope: f64 = (0..groups)
                .map(|h| others(self.multiplicity, g, h) * at.y[(g, h)] * direction[(g, h)])
                .sum();
            let mean = slope * unit / weight;
            for h in 0..groups {
                product[(g, h)] = at.y[(g, h)] * (direction[(g, h)] / tau - mean);
            }
        }
        product
    }

    fn curvature_ratio(&self) -> Option<f64> {
        Some(1.0 / self.loss.temperature())
    }

    /// The exact conjugate of every row, THEORY (4').
    fn minorant(&self, wanted: &DMatrix<f64>, _near: &DMatrix<f64>, log_scale: f64) -> Option<Affine<DMatrix<f64>>> {
        self.conjugate_at(wanted, log_scale)
    }
}
