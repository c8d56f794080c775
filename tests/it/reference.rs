//! Stored optima of independent tools, `tests/reference/`.

use nalgebra::DMatrix;
use serde::Deserialize;
use ufmin::certificate::certify;
use ufmin::conic;
use ufmin::control::Control;
use ufmin::loss::{Anchors, Loss};
use ufmin::problem::{Classes, Model, Problem};
use ufmin::symmetry::Program;

#[derive(Deserialize)]
pub(crate) struct Optimum {
    sizes: Option<Vec<u64>>,
    probabilities: Option<Vec<f64>>,
    loss: Loss,
    anchors: Anchors,
    temperature: f64,
    pub(crate) excess: Option<f64>,
    loss_value: f64,
    gram: Vec<Vec<f64>>,
}

impl Optimum {
    pub(crate) fn problem(&self) -> Problem {
        let classes = match (&self.sizes, &self.probabilities) {
            (Some(sizes), _) => Classes::from_counts(sizes).unwrap(),
            (_, Some(probabilities)) => Classes::from_probabilities(probabilities).unwrap(),
            _ => panic!("a case has sizes or probabilities"),
        };
        let model = Model {
            loss: self.loss,
            anchors: self.anchors,
            temperature: self.temperature,
            ..Model::default()
        };
        Problem::new(classes, model).unwrap()
    }

    pub(crate) fn gram(&self) -> DMatrix<f64> {
        DMatrix::from_fn(self.gram.len(), self.gram.len(), |i, j| self.gram[i][j])
    }

    pub(crate) fn name(&self) -> String {
        format!(
            "{} {:?} {:?} {:?} tau {}",
            self.loss, self.anchors, self.sizes, self.probabilities, self.temperature
        )
    }
}

pub(crate) fn optima() -> Vec<Optimum> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/reference/optima.json");
    let text = std::fs::read_to_string(path).unwrap();
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    serde_json::from_value(value["cases"].clone()).unwrap()
}

#[test]
fn conic_agrees_with_stored_optima() {
    for case in optima() {
        let problem = case.problem();
        let program = Program::new(&problem);
        let start = std::time::Instant::now();
        let solution = conic::solve(&program, &conic::Settings::default(), &Control::default()).unwrap();
        let time = start.elapsed().as_secs_f64();
        let certificate = certify(&problem, &solution.gram, 1e-6).unwrap();
        let error = (certificate.gram.to_dense() - case.gram()).amax();
        let excess = match case.excess {
            Some(e) => certificate.excess / e - 1.0,
            None => certificate.loss - case.loss_value,
        };
        println!(
            "{:6.3}s it {:3} {:?} err {error:.1e} excess {excess:+.1e} gap {:.1e} {:?} shift {:.0e} within {:.1e} {}",
            time,
            solution.iterations,
            solution.termination,
            certificate.relative_gap,
            certificate.method,
            certificate.feasibility_shift,
            1.0 - solution.within_class.iter().copied().fold(1.0, f64::min),
            case.name().chars().take(90).collect::<String>()
        );
    }
}
