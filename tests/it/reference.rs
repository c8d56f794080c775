//! Stored optima of independent tools, `tests/reference/`.

use nalgebra::DMatrix;
use serde::Deserialize;
use ufmin::certificate::{Verdict, certify};
use ufmin::math::control::Control;
use ufmin::method::conic;
use ufmin::problem::{Anchors, Classes, FullBatchLoss, Problem};
use ufmin::report::Report;
use ufmin::solution::Method;
use ufmin::solve::{CrossCheckChoice, MethodChoice, Options, Solved, solve};

use crate::common::{anchored, model, program};

#[derive(Deserialize)]
pub(crate) struct Optimum {
    sizes: Option<Vec<u64>>,
    probabilities: Option<Vec<f64>>,
    loss: FullBatchLoss,
    anchors: Anchors,
    temperature: f64,
    excess: Option<f64>,
    loss_value: f64,
    gram: Vec<Vec<f64>>,
    rank: u64,
    collapsed: Vec<Vec<u64>>,
    /// Pairs that do not coincide and are about 1e-3 radians or less apart, with their angle.
    near: Vec<(u64, u64, f64)>,
}

impl Optimum {
    pub(crate) fn problem(&self) -> Problem {
        let classes = match (&self.sizes, &self.probabilities) {
            (Some(sizes), _) => Classes::from_counts(sizes).unwrap(),
            (_, Some(probabilities)) => Classes::from_probabilities(probabilities).unwrap(),
            _ => panic!("a case has sizes or probabilities"),
        };
        let full = anchored(self.loss, self.anchors);
        Problem::new(classes, model(full, self.temperature)).unwrap()
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

    /// Error relative to the excess; for a loss without a floor, to `max(1, |loss|)`.
    pub(crate) fn error_of(&self, loss: f64, excess: f64) -> f64 {
        match self.excess {
            Some(stored) => (excess / stored - 1.0).abs(),
            None => (loss - self.loss_value).abs() / self.loss_value.abs().max(1.0),
        }
    }
}

pub(crate) fn optima() -> Vec<Optimum> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/reference/optima.json");
    let text = std::fs::read_to_string(path).unwrap();
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    serde_json::from_value(value["cases"].clone()).unwrap()
}

/// By `--method conic`: excess to 1e-9 relative and certified to 1e-8 without exception. The Gram matrix to 1e-4 where the
/// loss determines it that well: an error e of an entry that carries a share p of the excess changes the excess by about
/// p (e/tau)^2 of itself, so a certified gap bounds what can be asked.
#[test]
fn conic_agrees_with_stored_optima() {
    let cases = optima();
    assert!(cases.len() >= 40);
    let mut loose = 0;
    for case in cases {
        let problem = case.problem();
        let solution = conic::solve(
            &program(&problem),
            &conic::ConicSettings::default(),
            &Control::default(),
        )
        .unwrap();
        let certificate = certify(&problem, &solution.gram, 1e-8).unwrap();
        assert_eq!(
            certificate.verdict,
            Verdict::Certified,
            "{}: gap {}",
            case.name(),
            certificate.relative_gap
        );
        let error = case.error_of(certificate.loss, certificate.excess);
        assert!(error < 1e-9, "{}: excess off by {error}", case.name());
        // The gap must cover the error: a bound that lies is worse than none.
        assert!(
            error <= certificate.relative_gap + 1e-12,
            "{}: {error} above the gap {}",
            case.name(),
            certificate.relative_gap
        );
        let entries = (certificate.gram.to_dense() - case.gram()).amax();
        assert!(entries < 1e-3, "{}: entries off by {entries}", case.name());
        loose += usize::from(entries >= 1e-4);
        let within = solution.within_class.iter().copied().fold(1.0, f64::min);
        assert!(within > 1.0 - 1e-7, "{}: within-class entry {within}", case.name());
    }
    assert!(
        loose <= 1,
        "{loose} cases have entries worse than 1e-4; only the collapsed ratio-1e4 case may"
    );
}

/// Excess to eleven digits, the exact rank, and the classes that coincide and that come near, certified to 1e-10; entries to
/// `accuracy`.
#[track_caller]
fn assert_agrees(case: &Optimum, problem: &Problem, solved: &Solved, accuracy: f64) {
    let certificate = &solved.certificate;
    assert!(
        certificate.relative_gap <= 1e-10,
        "{}: gap {}",
        case.name(),
        certificate.relative_gap
    );
    // The printed bound is below the attained minimum, the rounding of the floor included.
    assert!(
        certificate.lower_bound <= case.loss_value,
        "{}: {} above {}",
        case.name(),
        certificate.lower_bound,
        case.loss_value
    );
    let error = case.error_of(certificate.loss, certificate.excess);
    assert!(error < 1e-11, "{}: excess off by {error}", case.name());
    let entries = (certificate.gram.to_dense() - case.gram()).amax();
    assert!(entries < accuracy, "{}: entries off by {entries}", case.name());
    assert_eq!(solved.rank, case.rank, "{}", case.name());
    let report = Report::new(problem, solved, false).unwrap().solution;
    let together = |sets: &[Vec<u64>], pair: [u64; 2]| sets.iter().any(|set| pair.iter().all(|c| set.contains(c)));
    // Every pair that coincides is proven or shown as near as can be; every pair that is near, with its own angle; no other.
    let classes = case.gram.len() as u64;
    for i in 0..classes {
        for j in i + 1..classes {
            let proven = together(&report.collapsed, [i, j]);
            let listed = report.nearly_collapsed.iter().find(|pair| pair.classes == [i, j]);
            let near = case.near.iter().find(|&&(a, b, _)| (a, b) == (i, j));
            let angle = listed.map(|pair| pair.angle_degrees.to_radians());
            let what = format!("{}: classes {i} and {j}, proven {proven}, {angle:?}", case.name());
            assert!(!(proven && listed.is_some()), "{what}");
            if together(&case.collapsed, [i, j]) {
                assert!(proven || angle.is_some_and(|angle| angle < 1e-9), "{what}");
                assert!(proven || solved.solution.method != Method::Dual, "{what}");
            } else if let Some(&(_, _, expected)) = near {
                let error = (angle.unwrap() - expected).abs();
                assert!(!proven && error < 1e-3 * expected, "{what}, not {expected:e}");
            } else {
                assert!(!proven && listed.is_none(), "{what}");
            }
        }
    }
}

/// By `auto`: excess and Gram entries to nine digits and more, wherever the exact solver has a rule. Elsewhere (unequal
/// classes that meet under losses without a merging rule) the low-rank method answers, as below.
#[test]
fn auto_agrees_with_stored_optima_to_the_last_digits() {
    let mut exact = 0;
    for case in optima() {
        let problem = case.problem();
        let solved = solve(
            &problem,
            &Options {
                cross_check: CrossCheckChoice::Never,
                ..Options::default()
            },
            &Control::default(),
        )
        .unwrap();
        let certificate = &solved.certificate;
        assert_eq!(
            certificate.verdict,
            Verdict::Certified,
            "{}: gap {}",
            case.name(),
            certificate.relative_gap
        );
        if solved.solution.method != Method::Dual {
            continue;
        }
        exact += 1;
        assert_agrees(&case, &problem, &solved, 1e-9);
    }
    assert!(exact >= 45, "{exact} cases by the exact solver");
}

/// By `--method lowrank`, whatever rule another method may know: excess to eleven digits, the exact rank, the classes
/// that coincide, and the angles of those that nearly do, down to 4e-9 radians.
#[test]
fn lowrank_agrees_with_stored_optima() {
    for case in optima() {
        let problem = case.problem();
        let options = Options {
            method: MethodChoice::Lowrank,
            cross_check: CrossCheckChoice::Never,
            ..Options::default()
        };
        let solved = solve(&problem, &options, &Control::default()).unwrap();
        assert_agrees(&case, &problem, &solved, 1e-6);
    }
}
