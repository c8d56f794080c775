//! Problems whose answer is known: closed forms, THEORY 4, examples of merging, extreme and bad input.

use super::*;

#[test]
fn balanced_classes_form_a_simplex() {
    for loss in LOSSES {
        for k in [2.0, 3.0, 10.0, 1e6] {
            let c = grouped(&[7.0], vec![k], loss, false, 0.1);
            let NewtonOutcome::Regular(solution) = solved(&c) else {
                panic!("{loss:?} {k}")
            };
            assert!((solution.solved.point.entry(0, 0) + 1.0 / (k - 1.0)).abs() < 2e-16);
            assert!(
                solution.solved.residual < 1e-14,
                "{loss:?} {k}: {}",
                solution.solved.residual
            );
        }
    }
}

/// The ETF is also what equal weights and columns give when they are not one group, and what bcl with class anchors gives at
/// any imbalance.
#[test]
fn the_simplex_is_found_where_it_is_not_assumed() {
    let split = grouped(&[7.0; 5], vec![1.0, 2.0, 1.0, 1.0, 3.0], Loss::Supcon, false, 0.3);
    let balanced = coefficients(&[9000.0, 800.0, 70.0, 60.0, 5.0, 5.0, 2.0, 2.0], Loss::Bcl, true, 0.3);
    for c in [split, balanced] {
        let m = gram(&c, &solved(&c)).unwrap();
        for i in 0..8 {
            for j in 0..i {
                assert!((m[(i, j)] + 1.0 / 7.0).abs() < 1e-14, "{}", m[(i, j)]);
            }
        }
    }
}

#[test]
fn two_classes_are_opposite() {
    for loss in LOSSES {
        for class_anchors in [false, true] {
            for (sizes, tau) in [
                ([5.0, 2.0], 0.1),
                ([1e7, 2.0], 0.002),
                ([1e7, 2.0], 50.0),
                ([4.0, 4.0], 1.0),
            ] {
                let c = coefficients(&sizes, loss, class_anchors, tau);
                let outcome = solved(&c);
                let NewtonOutcome::Regular(solution) = &outcome else {
                    panic!("{outcome:?}")
                };
                assert!(
                    solution.solved.residual < 1e-13,
                    "{loss:?} {sizes:?}: {}",
                    solution.solved.residual
                );
                assert!((gram(&c, &outcome).unwrap()[(0, 1)] + 1.0).abs() < 1e-13);
            }
        }
    }
}

/// The reference values of THEORY 4.
#[test]
fn step_imbalance_has_the_values_of_theory_4() {
    use Loss::{Nscl, Sincere, Supcon};
    let nan = f64::NAN;
    let cases = [
        (
            5.0,
            5.0,
            0.1,
            1.0,
            Supcon,
            [-0.1111111111, nan, nan],
            2.19737401955,
            1e-10,
        ),
        (
            5.0,
            5.0,
            0.1,
            10.0,
            Supcon,
            [-0.1412640227, -0.002644478754, -0.1312010838],
            4.3772551615,
            1e-10,
        ),
        (
            5.0,
            5.0,
            1.0,
            10.0,
            Supcon,
            [-0.2429373954, 0.1613388603, -0.04311935979],
            5.43448466323,
            1e-10,
        ),
        (
            2.0,
            2.0,
            1.0,
            10.0,
            Supcon,
            [-0.8958728698, 0.5475518019, -0.2007125606],
            4.74572653902,
            1e-10,
        ),
        (1.0, 2.0, 1.0, 100.0, Supcon, [nan, 1.0, -1.0], 6.87278733125, 1e-10),
        (
            5.0,
            5.0,
            0.1,
            10.0,
            Sincere,
            [-0.212288, 0.043856, -0.084217],
            0.00399816,
            1e-6,
        ),
        (
            5.0,
            5.0,
            0.1,
            10.0,
            Nscl,
            [-0.225172, 0.139172, -0.078637],
            -5.66498351,
            1e-6,
        ),
    ];
    for (majority, minority, tau, ratio, kind, entries, value, tolerance) in cases {
        let c = if ratio == 1.0 {
            grouped(&[10.0], vec![10.0], kind, false, tau)
        } else {
            step_profile(majority, minority, 10.0, tau, ratio, kind)
        };
        let m = gram(&c, &solved(&c)).unwrap();
        let k = (majority + minority) as usize;
        let found = [m[(0, 1)], m[(k - 1, k - 2)], m[(0, k - 1)]];
        for (found, expected) in found.iter().zip(entries) {
            assert!(
                expected.is_nan() || (found - expected).abs() < tolerance,
                "{kind:?} {ratio}: {found} {expected}"
            );
        }
        let error = (loss(&c, &m) - value).abs();
        assert!(
            error < tolerance.max(1e-9) * value.abs().max(1.0) * 2.0,
            "{kind:?} {ratio}: {}",
            loss(&c, &m)
        );
        // (9), where nothing has collapsed.
        if ratio > 1.0 && majority > 1.0 {
            let [alpha, beta, gamma] = found;
            let product = (1.0 + (majority - 1.0) * alpha) * (1.0 + (minority - 1.0) * beta) / (majority * minority);
            assert!((gamma + product.sqrt()).abs() < 1e-12);
        }
    }
}

/// The ratios `R*` of THEORY 4 at which the minority collapses: regular just below the printed digits, merged just above.
#[test]
fn minority_collapse_starts_at_the_ratios_of_theory_4() {
    let e = (-2.0_f64).exp();
    let b = 2.0 - e * (1.0 + e);
    let closed_form = 2.0 * (b + (b * b + 8.0 * e * e * (1.0 + e)).sqrt()) / (2.0 * e * (1.0 + e));
    let thresholds = [
        (2.0, 10.0, Loss::Supcon, 142.5697, 5e-5),
        (2.0, 10.0, Loss::Sincere, 9.37914, 5e-6),
        (2.0, 10.0, Loss::Nscl, 8.976106, 5e-7),
        // The closed form for one majority class, which holds for large m.
        (1.0, 1e9, Loss::Supcon, closed_form, 1e-6),
    ];
    for (majority, m, kind, ratio, digits) in thresholds {
        let below = solved(&step_profile(majority, 2.0, m, 1.0, ratio - digits, kind));
        let above = solved(&step_profile(majority, 2.0, m, 1.0, ratio + digits, kind));
        assert!(
            matches!(below, NewtonOutcome::Regular(_)),
            "{kind:?} below {ratio}: {below:?}"
        );
        let NewtonOutcome::Merged { merging, .. } = above else {
            panic!("{kind:?} above {ratio}: {above:?}")
        };
        assert_eq!(merging.clusters, [[1]]);
    }
}

/// THEORY 4: the collapsed region of 2 + 2 classes, m = 10, R = 135, is an interval of temperatures in the middle.
#[test]
fn the_collapsed_temperatures_need_not_reach_zero_or_infinity() {
    for (tau, collapsed) in [(0.4, false), (0.5, true), (0.8, true), (1.0, false)] {
        let outcome = solved(&step_profile(2.0, 2.0, 10.0, tau, 135.0, Loss::Supcon));
        assert_eq!(
            matches!(outcome, NewtonOutcome::Merged { .. }),
            collapsed,
            "tau {tau}: {outcome:?}"
        );
    }
}

#[test]
fn the_smallest_classes_merge() {
    let c = coefficients(&[2.0, 1000.0, 2.0, 1000.0], Loss::Supcon, false, 1.0);
    let outcome = solved(&c);
    let NewtonOutcome::Merged { merging, solution } = &outcome else {
        panic!("{outcome:?}")
    };
    assert_eq!(merging.clusters, [[1]]);
    assert_eq!(
        (merging.entry(&solution.solved.point, 1, 1), &merging.vertex),
        (1.0, &vec![0, 1])
    );
    assert_optimal(&c, &gram(&c, &outcome).unwrap(), "1000, 1000, 2, 2");
}

/// Unequal classes share a vector too, with the groups in any order.
#[test]
fn unequal_classes_merge_and_the_order_of_groups_does_not_matter() {
    let c = grouped(
        &[3.0, 20000.0, 2.0, 15000.0],
        vec![1.0, 1.0, 2.0, 1.0],
        Loss::Supcon,
        false,
        1.0,
    );
    let outcome = solved(&c);
    let NewtonOutcome::Merged { merging, .. } = &outcome else {
        panic!("{outcome:?}")
    };
    assert_eq!(merging.clusters, [[0, 2]]);
    assert_eq!(merging.vertex, [2, 0, 2, 1]);
    assert_optimal(&c, &gram(&c, &outcome).unwrap(), "2, 2, 3 merged");
}

/// THEORY 3: here the test of `M` is not monotone in the number of merged classes, and no class is merged.
#[test]
fn bisection_is_not_misled_by_indefinite_mergers() {
    let c = coefficients(
        &[40.0, 30.0, 29.0, 19.0, 18.0, 15.0, 13.0, 11.0, 10.0, 10.0],
        Loss::Supcon,
        false,
        10.426,
    );
    let outcome = solved(&c);
    assert!(matches!(outcome, NewtonOutcome::Regular(_)), "{outcome:?}");
    assert_optimal(&c, &gram(&c, &outcome).unwrap(), "m = 1");
}

/// `S = v v^T` from the point is the gradient at `M`: the parts of the point fit together.
#[test]
fn the_point_is_the_gradient() {
    let c = coefficients(&[500.0, 90.0, 90.0, 31.0, 8.0], Loss::Sincere, false, 0.4);
    let outcome = solved(&c);
    let NewtonOutcome::Regular(Solution {
        solved: SolvedSystem { point, .. },
        ..
    }) = &outcome
    else {
        panic!("{outcome:?}")
    };
    let z = denominators(&c, &gram(&c, &outcome).unwrap());
    for (i, &g) in class_groups(&c).iter().enumerate() {
        assert!((point.z[g] - z[i]).abs() < 1e-14);
        assert!((point.log_mass[g] - (point.z[g].exp() - c.base[g]).ln()).abs() < 1e-12);
        let log_beta = (c.weight[g] / (c.temperature * c.column[g])).ln() - point.z[g];
        assert!((point.log_beta[g] - log_beta).abs() < 1e-14);
        for h in 0..c.groups() {
            let (t, beta) = (
                point.log_t(g) + point.log_t(h),
                point.log_beta[g].exp() + point.log_beta[h].exp(),
            );
            assert!(((2.0 * t.exp() / beta).ln() - point.log_u(g, h)).abs() < 1e-13);
        }
    }
}

/// At tau = 0.002 the excess is below 1e-200 of the loss; its logarithm still follows the geometry.
#[test]
fn digits_survive_underflow() {
    let c = coefficients(&[1e7, 1000.0, 30.0, 2.0], Loss::Supcon, false, 0.002);
    let outcome = solved(&c);
    let m = gram(&c, &outcome).unwrap();
    assert_optimal(&c, &m, "tau 0.002");
    let NewtonOutcome::Regular(Solution {
        solved: SolvedSystem { point, residual },
        ..
    }) = &outcome
    else {
        panic!("{outcome:?}")
    };
    assert!(*residual < 1e-12);
    for g in 0..4 {
        assert!(
            (point.z[g] - c.base[g].ln()).abs() < 1e-200,
            "the excess is far below a rounding of z"
        );
        let terms: Vec<f64> = (0..4)
            .filter(|&h| h != g)
            .map(|h| c.column[h].ln() + (m[(g, h)] - 1.0) / 0.002)
            .collect();
        assert!(
            (point.log_mass[g] - log_sum(&terms)).abs() < 1e-10,
            "{} {terms:?}",
            point.log_mass[g]
        );
        assert!(point.log_mass[g] < -500.0);
    }
}

/// Classes without anchors: one is an ordinary class with `beta = 0`, several share one vector whatever the loss.
#[test]
fn classes_without_anchors_share_one_vector() {
    for (idle, kind) in [
        (1.0, Loss::Supcon),
        (1.0, Loss::Sincere),
        (3.0, Loss::Supcon),
        (3.0, Loss::Nscl),
        (2.0, Loss::Bcl),
    ] {
        let mut c = grouped(&[60.0, 25.0, 9.0, 1.0], vec![1.0, 2.0, 1.0, idle], kind, false, 0.2);
        c.mergeable = false;
        c.weight[3] = 0.0;
        let outcome = solved(&c);
        assert_eq!(
            matches!(outcome, NewtonOutcome::Merged { .. }),
            idle > 1.0,
            "{kind:?} {idle}: {outcome:?}"
        );
        assert_optimal(&c, &gram(&c, &outcome).unwrap(), &format!("{kind:?} with {idle} idle"));
    }
}

/// THEORY 3: past the threshold with unequal sizes no rule applies, and none is pretended.
#[test]
fn collapse_without_a_rule_is_reported() {
    let c = coefficients(&[2738.0, 2604.0, 13.0, 8.0, 3.0], Loss::Sincere, false, 0.73);
    let NewtonOutcome::Unresolved { reason, .. } = solved(&c) else {
        panic!("claimed an optimum")
    };
    assert_eq!(reason, Reason::Collapsed);
}

#[test]
fn bad_input_and_interruption_are_reported() {
    let good = coefficients(&[9.0, 5.0, 3.0, 2.0], Loss::Supcon, false, 0.1);
    let reason = |c: &Coefficients, stop: bool| match solve(c, &NewtonSettings::default(), &|| stop) {
        NewtonOutcome::Unresolved { reason, .. } => Some(reason),
        _ => None,
    };
    assert_eq!(reason(&good, false), None);
    assert_eq!(reason(&good, true), Some(Reason::Interrupted));
    assert_eq!(
        reason(&grouped(&[4.0], vec![1.0], Loss::Supcon, false, 0.1), false),
        Some(Reason::OneClass)
    );
    let mut no_anchors = good.clone();
    no_anchors.weight.fill(0.0);
    assert_eq!(reason(&no_anchors, false), Some(Reason::InvalidCoefficients));
    for temperature in [0.0, -1.0, f64::NAN] {
        assert_eq!(
            reason(
                &Coefficients {
                    temperature,
                    ..good.clone()
                },
                false
            ),
            Some(Reason::InvalidCoefficients)
        );
    }
}

/// Sample weights collapse the small classes of bcl. With thousands of them Newton's method runs away, and says so instead of
/// following `beta` over hundreds of orders of magnitude.
#[test]
fn a_collapse_of_thousands_of_classes_is_reported() {
    let sizes: Vec<f64> = (0..5000).map(|i| 2.0 + f64::from(i * i) / 25.0).collect();
    let outcome = solved(&coefficients(&sizes, Loss::Bcl, false, 0.5));
    let NewtonOutcome::Unresolved { reason, .. } = outcome else {
        panic!("claimed an optimum")
    };
    assert!(matches!(reason, Reason::NotConverged | Reason::Collapsed), "{reason:?}");
}

/// Without anchors the sizes need not even be equal.
#[test]
fn unequal_classes_without_anchors_share_one_vector() {
    let mut c = grouped(
        &[60.0, 5.0, 25.0, 2.0],
        vec![1.0, 1.0, 1.0, 1.0],
        Loss::Sincere,
        false,
        0.2,
    );
    (c.weight[1], c.weight[3]) = (0.0, 0.0);
    let outcome = solved(&c);
    let NewtonOutcome::Merged { merging, .. } = &outcome else {
        panic!("{outcome:?}")
    };
    assert_eq!(merging.clusters, [[1, 3]]);
    let m = gram(&c, &outcome).unwrap();
    // No class pulls or pushes between the two, so that S has zeros there; the check needs one row for both.
    assert_optimal(
        &merging.coefficients,
        &gram(&merging.coefficients, &solved(&merging.coefficients)).unwrap(),
        "merged",
    );
    assert_eq!(m[(1, 3)], 1.0);
}
