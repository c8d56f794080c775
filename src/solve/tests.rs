//! What depends on the features of the crate.

use super::{CrossCheckChoice, MethodChoice, Options, solve};
use crate::error::Error;
use crate::math::control::Control;

use crate::problem::{Classes, FullBatchLoss, Model, Problem, Training};
use crate::solution::Method;

const CONIC: bool = cfg!(feature = "conic");

fn problem(sizes: &[u64], loss: FullBatchLoss, temperature: f64) -> Problem {
    let model = Model {
        temperature,
        training: Training::full_batch(loss),
        ..Model::default()
    };
    Problem::new(Classes::from_counts(sizes).unwrap(), model).unwrap()
}

#[test]
fn the_conic_program_is_refused_where_it_is_not_built() {
    let problem = problem(&[50, 20, 20, 5], FullBatchLoss::Supcon, 0.2);
    let asked = [
        Options {
            method: MethodChoice::Conic,
            ..Options::default()
        },
        Options {
            cross_check: CrossCheckChoice::Always,
            ..Options::default()
        },
    ];
    for options in asked {
        let result = solve(&problem, &options, &Control::default());
        assert_eq!(result.is_ok(), CONIC);
        match result {
            Ok(solved) => {
                assert!(solved.is_certified());
                let conic = solved.solution.method == Method::Conic;
                assert!(conic || solved.cross_check.is_some_and(|check| check.gram_difference < 1e-6));
            }
            Err(error) => {
                assert!(matches!(error, Error::NotBuilt { feature: "conic", .. }), "{error}");
                assert!(error.hint().unwrap().contains("--features conic"));
            }
        }
    }
}

/// `auto` certifies without it, also where classes collapse and no rule tells which, and has nothing to warn of.
#[test]
fn auto_does_without_the_conic_program() {
    let regular = problem(&[50, 20, 20, 5], FullBatchLoss::Supcon, 0.2);
    let collapsed = problem(&[1000, 500, 3, 2], FullBatchLoss::Sincere, 1.0);
    for (problem, method) in [(regular, Method::Dual), (collapsed, Method::Lowrank)] {
        let solved = solve(&problem, &Options::default(), &Control::default()).unwrap();
        assert!(solved.is_certified());
        assert_eq!(solved.solution.method, method);
        assert_eq!(solved.cross_check.is_some(), CONIC);
        assert_eq!(solved.warnings, Vec::<String>::new());
    }
}
