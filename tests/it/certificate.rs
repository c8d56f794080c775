//! The certificate says no: to a saddle, a perturbed optimum, an infeasible matrix, a wrong temperature, a foreign matrix.
//! And when it says yes, the bound holds at every other feasible point.

use nalgebra::DMatrix;
use proptest::prelude::*;
use ufmin::certificate::{BoundMethod, Verdict, certify};
use ufmin::error::Error;
use ufmin::gram::{Gram, Partition};
use ufmin::math::control::Control;
use ufmin::math::spectrum::{definite_shift, eigen};
use ufmin::method::conic;
use ufmin::problem::{Anchors, FullBatchLoss, Problem};
use ufmin::solution::Termination;
use ufmin::solve::{MethodChoice, Options, solve};

use crate::common::{anchored, model, problem, problem_of, program, solved};

const SIZES: [u64; 5] = [120, 60, 20, 8, 3];

fn optimum(problem: &Problem) -> Gram {
    let solution = conic::solve(&program(problem), &conic::ConicSettings::default(), &Control::default()).unwrap();
    certify(problem, &solution.gram, 1e-8).unwrap().gram.clone()
}

#[test]
fn optima_of_every_loss_certify_to_1e_minus_8() {
    for loss in FullBatchLoss::ALL {
        for anchors in [Anchors::Sample, Anchors::Class] {
            for temperature in [0.07, 0.1, 0.2, 0.5, 1.0] {
                let model = model(anchored(loss, anchors), temperature);
                let problem = problem_of(&SIZES, model);
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
                    "{loss} {anchors:?} {temperature}: {}",
                    certificate.relative_gap
                );
                assert!(certificate.lower_bound <= certificate.loss && certificate.gap >= 0.0);
                for g in &solution.within_class {
                    assert!((1.0 - g).abs() < 1e-6, "within-class collapse is an output: {g}");
                }
            }
        }
    }
}

/// A perturbation of size e costs about e^2 of the excess; the proof must not hide it.
#[test]
fn a_perturbed_optimum_is_refused() {
    for loss in FullBatchLoss::ALL {
        let problem = problem(&SIZES, loss, 0.5);
        let best = optimum(&problem);
        let mut values = best.values().into_owned();
        for (index, step) in [(0usize, 1usize, 2e-3), (2, 3, -3e-3)]
            .iter()
            .map(|&(i, j, s)| ((i, j), s))
        {
            values[index] += step;
        }
        let moved = certify(&problem, &Gram::from_groups(best.partition().clone(), values), 1e-8).unwrap();
        let optimal = certify(&problem, &best, 1e-8).unwrap();
        assert_eq!(moved.verdict, Verdict::NotCertified, "{loss}: {}", moved.relative_gap);
        assert!(
            moved.gap >= moved.loss - optimal.loss - 1e-12,
            "{loss}: the gap covers what was lost"
        );
        assert!(
            moved.lower_bound <= optimal.loss + 1e-12,
            "{loss}: the bound is below the optimum"
        );
    }
}

#[test]
fn saddles_are_refused() {
    for loss in FullBatchLoss::ALL {
        let problem = problem(&SIZES, loss, 0.5);
        let partition = Partition::by_size(&problem);
        // All points equal is stationary; so is a configuration on a line, (1,1,-1,-1,-1); and the ETF is not optimal here.
        let line = [1.0, 1.0, -1.0, -1.0, -1.0];
        for (name, values) in [
            ("one point", DMatrix::from_element(5, 5, 1.0)),
            ("a line", DMatrix::from_fn(5, 5, |i, j| line[i] * line[j])),
            (
                "the ETF",
                DMatrix::from_fn(5, 5, |i, j| if i == j { 1.0 } else { -0.25 }),
            ),
            ("the frame", DMatrix::identity(5, 5)),
        ] {
            let certificate = certify(&problem, &Gram::from_groups(partition.clone(), values), 1e-6).unwrap();
            assert_eq!(
                certificate.verdict,
                Verdict::NotCertified,
                "{loss} {name}: {}",
                certificate.relative_gap
            );
        }
    }
}

#[test]
fn an_infeasible_matrix_is_moved_and_refused() {
    let problem = problem(&SIZES, FullBatchLoss::Supcon, 0.5);
    let partition = Partition::by_size(&problem);
    for values in [
        DMatrix::from_fn(5, 5, |i, j| if i == j { 1.0 } else { -0.5 }),
        DMatrix::from_fn(5, 5, |i, j| if i == j { 1.0 } else { -1.0 }),
        DMatrix::from_fn(5, 5, |i, j| if i == j { 1.0 } else { 3.0 - (i * j) as f64 }),
        DMatrix::from_fn(5, 5, |i, j| if i == j { 1.0 } else { -1e300 }),
    ] {
        let certificate = certify(&problem, &Gram::from_groups(partition.clone(), values), 1e-6).unwrap();
        assert_eq!(certificate.verdict, Verdict::NotCertified);
        assert!(certificate.feasibility_shift > 0.1, "{}", certificate.feasibility_shift);
        let smallest = eigen(&certificate.gram.to_dense()).unwrap().values[0];
        assert!(smallest > -1e-12, "what is judged is feasible: {smallest}");
    }
}

#[test]
fn the_optimum_of_another_temperature_is_refused() {
    for (right, wrong) in [(0.1, 0.11), (1.0, 0.9), (0.07, 0.1)] {
        let there = optimum(&problem(&SIZES, FullBatchLoss::Supcon, wrong));
        let certificate = certify(&problem(&SIZES, FullBatchLoss::Supcon, right), &there, 1e-8).unwrap();
        assert_eq!(
            certificate.verdict,
            Verdict::NotCertified,
            "{right} {wrong}: {}",
            certificate.relative_gap
        );
    }
}

#[test]
fn a_matrix_that_is_not_of_the_problem_is_an_error() {
    let here = problem(&SIZES, FullBatchLoss::Supcon, 0.5);
    let other = problem(&[120, 60, 20, 8, 4], FullBatchLoss::Supcon, 0.5);
    assert!(matches!(
        certify(&here, &optimum(&other), 1e-8),
        Err(Error::Gram { .. })
    ));
    // A group that joins unequal classes: the partition of a balanced problem.
    let balanced = problem(&[9, 9, 9, 9, 9], FullBatchLoss::Supcon, 0.5);
    assert!(matches!(
        certify(&here, &optimum(&balanced), 1e-8),
        Err(Error::Gram { .. })
    ));
    let nan = Gram::from_groups(Partition::by_size(&here), DMatrix::from_element(5, 5, f64::NAN));
    assert!(matches!(certify(&here, &nan, 1e-8), Err(Error::Gram { .. })));
}

#[test]
fn the_verdict_is_the_same_with_and_without_grouping() {
    let problem = problem(&[50, 4, 50, 50, 4, 9], FullBatchLoss::Sincere, 0.3);
    let grouped = certify(&problem, &optimum(&problem), 1e-8).unwrap();
    let dense = certify(&problem, &Gram::from_dense(&problem, &grouped.gram.to_dense()), 1e-8).unwrap();
    assert_eq!(
        (grouped.verdict, dense.verdict),
        (Verdict::Certified, Verdict::Certified)
    );
    assert!((grouped.loss - dense.loss).abs() < 1e-13 * grouped.loss.abs());
    assert!((grouped.excess / dense.excess - 1.0).abs() < 1e-10);
}

/// Anyone can recompute the bound from `y` and `nu`, by the formula of THEORY (4') and a dense eigenvalue: of a dense
/// certificate and of an implicit one.
#[test]
fn the_bound_can_be_recomputed_from_the_dual_point() {
    for loss in [
        FullBatchLoss::Supcon,
        FullBatchLoss::Sincere,
        FullBatchLoss::Population,
        FullBatchLoss::Bcl,
    ] {
        let tau = 0.2;
        let problem = problem(&SIZES, loss, tau);
        let total: f64 = SIZES.iter().sum::<u64>() as f64;
        let s_and_a = |n: f64| match loss {
            FullBatchLoss::Supcon => (n - 1.0, n),
            FullBatchLoss::Sincere => (1.0, n),
            FullBatchLoss::Population => (n, n),
            FullBatchLoss::Bcl | FullBatchLoss::Nscl => (1.0, 1.0),
        };
        let column: Vec<f64> = SIZES.iter().map(|&n| s_and_a(n as f64).1).collect();
        for gram in [optimum(&problem), exact(&problem).unwrap()] {
            let certificate = certify(&problem, &gram, 1e-8).unwrap();
            let scale = certificate.dual.log_scale.exp();
            let y = certificate.dual.matrix(&certificate.gram, &column).unwrap();
            let mut bound = 0.0;
            for c in 0..5 {
                let (w, s) = (SIZES[c] as f64 / total, s_and_a(SIZES[c] as f64).0);
                let row: f64 = (0..5).filter(|&d| d != c).map(|d| y[(c, d)] * scale).sum();
                let log_rest = (-tau * row / w).ln_1p();
                bound += w * s.ln() - w * log_rest - certificate.dual.nu[c] * scale;
                for d in (0..5).filter(|&d| d != c) {
                    let value = y[(c, d)] * scale;
                    bound -= value * (1.0 + tau * ((tau * value * s / (w * column[d])).ln() - log_rest));
                }
            }
            let difference = (bound - certificate.lower_bound).abs();
            assert!(
                difference < 1e-13 * bound.abs(),
                "{loss}: {bound} {}",
                certificate.lower_bound
            );
            let dual = DMatrix::from_fn(5, 5, |i, j| {
                if i == j {
                    certificate.dual.nu[i]
                } else {
                    0.5 * (y[(i, j)] + y[(j, i)])
                }
            });
            let smallest = eigen(&dual).unwrap().values[0];
            assert!(
                smallest >= -1e-14 * dual.amax(),
                "{loss}: S is semidefinite: {smallest}"
            );
        }
    }
}

#[test]
fn a_dimension_below_the_rank_is_its_own_verdict() {
    let problem = problem(&SIZES, FullBatchLoss::Supcon, 0.5);
    let certificate = certify(&problem, &optimum(&problem), 1e-8).unwrap();
    assert_eq!(
        certificate.clone().limited_to(Some(3), 4).verdict,
        Verdict::RankExceedsDimension
    );
    assert_eq!(certificate.clone().limited_to(Some(4), 4).verdict, Verdict::Certified);
    let refused = certify(&problem, &optimum(&problem), 1e-18).unwrap();
    assert_eq!(refused.limited_to(Some(3), 4).verdict, Verdict::NotCertified);
}

/// The linear-time proof and the dense one are two routes to one bound; and the first says no where it must.
#[test]
fn the_linear_time_certificate_agrees_with_the_dense_one_and_says_no() {
    for loss in FullBatchLoss::ALL {
        for temperature in [0.1, 0.5, 2.0] {
            let problem = problem(&[120, 60, 60, 20, 8, 3], loss, temperature);
            let Some(gram) = exact(&problem) else { continue };
            let form = gram.cauchy().unwrap().clone();
            let implicit = certify(&problem, &gram, 1e-9).unwrap();
            assert_eq!(implicit.method, BoundMethod::Cauchy, "{loss} {temperature}");
            let dense = certify(
                &problem,
                &Gram::from_groups(gram.partition().clone(), gram.values().into_owned()),
                1e-9,
            )
            .unwrap();
            assert_eq!(
                (implicit.verdict, dense.verdict),
                (Verdict::Certified, Verdict::Certified),
                "{loss} {temperature}"
            );
            assert!(
                (implicit.loss - dense.loss).abs() < 1e-13 * dense.loss.abs().max(1.0),
                "{loss} {temperature}"
            );
            assert!(
                (implicit.lower_bound - dense.lower_bound).abs() < 1e-11 * dense.loss.abs().max(1.0),
                "{loss} {temperature}"
            );

            // t or beta of one vertex off by a little: a gap that covers the loss.
            for (vertex, of_t, of_beta) in [(0, 3e-3, 0.0), (1, 0.0, 3e-3), (2, -3e-3, 1e-2)] {
                let mut moved = form.clone();
                moved.point.log_ratio[vertex] += of_t - 0.5 * of_beta;
                moved.point.log_beta[vertex] += of_beta;
                let judged = certify(&problem, &Gram::from_cauchy(gram.partition().clone(), moved), 1e-9).unwrap();
                assert_eq!(
                    judged.verdict,
                    Verdict::NotCertified,
                    "{loss} {temperature} {vertex}: {}",
                    judged.relative_gap
                );
                assert!(judged.lower_bound <= implicit.loss + 1e-12 * implicit.loss.abs().max(1.0));
            }
            // Another temperature.
            let other = self::problem(&[120, 60, 60, 20, 8, 3], loss, temperature * 1.05);
            assert_eq!(certify(&other, &gram, 1e-9).unwrap().verdict, Verdict::NotCertified);
        }
    }
}

/// Classes merged that should not be, and classes apart that should be merged.
#[test]
fn wrong_merging_is_refused() {
    let collapsed = problem(&[1000, 1000, 2, 2], FullBatchLoss::Supcon, 1.0);
    let merged = exact(&collapsed).unwrap();
    assert_eq!(merged.cauchy().unwrap().clusters(), [[1]]);
    assert_eq!(certify(&collapsed, &merged, 1e-9).unwrap().verdict, Verdict::Certified);
    // The same cluster where the minorities want to be apart.
    let apart = problem(&[1000, 1000, 2, 2], FullBatchLoss::Supcon, 0.1);
    let mut form = merged.cauchy().unwrap().clone();
    form.point.temperature = 0.1;
    let wrong = Gram::from_cauchy(merged.partition().clone(), form);
    assert_eq!(certify(&apart, &wrong, 1e-9).unwrap().verdict, Verdict::NotCertified);
    // All of the large classes in one point.
    let mut form = merged.cauchy().unwrap().clone();
    form.cluster.fill(true);
    let wrong = Gram::from_cauchy(merged.partition().clone(), form);
    assert_eq!(
        certify(&collapsed, &wrong, 1e-9).unwrap().verdict,
        Verdict::NotCertified
    );
}

/// The exact solver's Gram matrix.
fn exact(problem: &Problem) -> Option<Gram> {
    let options = Options {
        method: MethodChoice::Dual,
        ..Options::default()
    };
    let solved = solve(problem, &options, &Control::default()).unwrap();
    (solved.solution.termination == Termination::Converged).then_some(solved.solution.gram)
}

fn random_unit_gram(k: usize, seed: f64) -> DMatrix<f64> {
    let factor = DMatrix::from_fn(k, k, |i, j| (seed * (1 + i) as f64 + 2.7 * (i * k + j) as f64).sin());
    let full = factor.transpose() * &factor;
    let scale = full.diagonal().map(|d| 1.0 / d.sqrt());
    DMatrix::from_fn(k, k, |i, j| full[(i, j)] * scale[i] * scale[j])
}

/// Away from the optimum inner products of the implicit form may be below -1; the bound of nscl must pay for that.
#[test]
fn the_linear_time_bound_of_nscl_holds_where_inner_products_are_below_minus_one() {
    for shift in [-0.107_621_022_288_753_32, -0.5, 0.3] {
        let problem = problem(&[230, 2, 13, 50], FullBatchLoss::Nscl, 0.251_376_850_510_845_8);
        let gram = exact(&problem).unwrap();
        let best = certify(&problem, &gram, 1e-9).unwrap();
        let mut form = gram.cauchy().unwrap().clone();
        form.point.log_beta[1] += shift;
        let judged = certify(&problem, &Gram::from_cauchy(gram.partition().clone(), form), 1e-9).unwrap();
        assert!(
            judged.lower_bound <= best.loss,
            "{} above {}",
            judged.lower_bound,
            best.loss
        );
    }
}

/// Without a floor, slopes whose rows do not sum to `w/tau` bound nothing, however nearly semidefinite their dual matrix.
#[test]
fn bounds_without_a_floor_hold_far_from_the_optimum() {
    for (sizes, tau) in [
        (vec![2, 2, 6], 0.05),
        (vec![2, 2, 6], 0.01),
        (vec![300, 40, 5, 5, 2], 0.1),
    ] {
        let problem = problem(&sizes, FullBatchLoss::Nscl, tau);
        let best = solved(&problem);
        assert!(best.is_certified());
        let best = best.certificate;
        for step in 0..200 {
            let gram = Gram::from_dense(&problem, &random_unit_gram(sizes.len(), f64::from(step) * 0.05));
            let judged = certify(&problem, &gram, 1e-8).unwrap();
            assert!(
                judged.lower_bound <= best.loss + 1e-12 * best.loss.abs(),
                "{sizes:?} {tau} {step}"
            );
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// Whatever matrix is judged, its lower bound lies below the loss of any other feasible matrix.
    #[test]
    fn bounds_hold_everywhere(
        sizes in proptest::collection::vec(2u64..300, 2..6), loss in proptest::sample::select(FullBatchLoss::ALL.to_vec()),
        tau in 0.05f64..3.0, one in 0.0f64..9.0, two in 0.0f64..9.0,
    ) {
        let problem = problem(&sizes, loss, tau);
        let k = sizes.len();
        let judge = |seed: f64| certify(&problem, &Gram::from_dense(&problem, &random_unit_gram(k, seed)), 1e-8).unwrap();
        let (first, second) = (judge(one), judge(two));
        let best = certify(&problem, &optimum(&problem), 1e-8).unwrap();
        for bound in [&first, &second, &best] {
            for point in [&first, &second, &best] {
                prop_assert!(bound.lower_bound <= point.loss + 1e-12 * (1.0 + point.loss.abs()), "{} above {}", bound.lower_bound, point.loss);
            }
            prop_assert!(bound.gap >= 0.0 && bound.relative_gap.is_finite());
        }
    }

    /// The bound of the linear-time proof holds for any `t` and `beta`, not only at the optimum.
    #[test]
    fn linear_time_bounds_hold_for_any_point(
        sizes in proptest::collection::vec(2u64..300, 3..6), loss in proptest::sample::select(FullBatchLoss::ALL.to_vec()),
        tau in 0.1f64..2.0, t in proptest::collection::vec(-0.4f64..0.0, 6), beta in proptest::collection::vec(-0.5f64..0.5, 6),
    ) {
        let problem = problem(&sizes, loss, tau);
        let Some(gram) = exact(&problem) else { return Ok(()) };
        let best = certify(&problem, &gram, 1e-9).unwrap();
        let mut form = gram.cauchy().unwrap().clone();
        for (i, (t, beta)) in t.iter().zip(&beta).enumerate().take(form.point.groups()) {
            form.point.log_ratio[i] += t;
            form.point.log_beta[i] += beta;
        }
        let judged = certify(&problem, &Gram::from_cauchy(gram.partition().clone(), form), 1e-9).unwrap();
        prop_assert!(judged.lower_bound <= best.loss + 1e-11 * best.loss.abs().max(1.0), "{} above {}", judged.lower_bound, best.loss);
        prop_assert!(judged.loss + 1e-11 * best.loss.abs().max(1.0) >= best.lower_bound);
    }

    /// A proven shift is enough (by the dense eigenvalue) and not much more than needed.
    #[test]
    fn definite_shifts_are_enough_and_tight(k in 1usize..12, seed in 0.0f64..9.0) {
        let raw = DMatrix::from_fn(k, k, |i, j| (seed + (i * j + i + j) as f64).cos());
        let matrix = (&raw + raw.transpose()) * 0.5;
        let shift = definite_shift(&matrix);
        let smallest = eigen(&matrix).unwrap().values[0];
        prop_assert!(smallest + shift >= 0.0, "{} + {}", smallest, shift);
        prop_assert!(shift <= 1e-12 + 5.0 * (-smallest).max(0.0), "{} for {}", shift, smallest);
    }
}
