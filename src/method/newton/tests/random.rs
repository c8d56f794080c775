//! Random problems against the conditions of optimality.

use super::*;

fn random(seed: u64) -> impl FnMut() -> f64 {
    let mut state = seed | 1;
    move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// Random sizes from 2 to `2 ratio`, some of them repeated.
fn random_sizes(random: &mut impl FnMut() -> f64, most_classes: f64, most_ratio: f64) -> Vec<f64> {
    let k = (2.0 + (most_classes - 1.0) * random()).floor() as usize;
    let ratio = most_ratio.powf(random());
    let stepped = random() < 0.3;
    let mut sizes = Vec::new();
    while sizes.len() < k {
        let position = if stepped { random().round() } else { random() };
        let copies = if random() < 0.25 {
            1 + (4.0 * random()) as usize
        } else {
            1
        };
        sizes.extend(vec![(2.0 * ratio.powf(position)).floor(); copies.min(k - sizes.len())]);
    }
    sizes
}

fn check_random(seed: u64, instances: usize, most_classes: f64, most_ratio: f64, [low, high]: [f64; 2]) {
    for kind in LOSSES {
        for class_anchors in [false, true] {
            let mut random = random(seed);
            let mut resolved = 0;
            for _ in 0..instances {
                let sizes = random_sizes(&mut random, most_classes, most_ratio);
                let tau = low * (high / low).powf(random());
                let context = format!("{kind:?}, class anchors {class_anchors}, tau {tau}, sizes {sizes:?}");
                let c = coefficients(&sizes, kind, class_anchors, tau);
                let outcome = solved(&c);
                if let Some(m) = gram(&c, &outcome) {
                    resolved += 1;
                    assert_optimal(&c, &m, &context);
                } else {
                    // Rule (8) leaves nothing open.
                    assert!(!c.mergeable, "{outcome:?}: {context}");
                }
            }
            assert!(
                resolved * 2 > instances,
                "{kind:?} {class_anchors}: {resolved} of {instances}"
            );
        }
    }
}

#[test]
fn random_problems_meet_the_conditions_of_optimality() {
    check_random(20, 60, 12.0, 1e3, [0.05, 2.0]);
}

#[test]
fn random_extreme_problems_meet_the_conditions_of_optimality() {
    check_random(21, 40, 10.0, 1e7, [0.002, 50.0]);
}

#[test]
#[ignore = "half a minute: thousands of instances"]
fn thousands_of_random_problems_meet_the_conditions_of_optimality() {
    check_random(22, 1500, 12.0, 1e3, [0.05, 2.0]);
    check_random(23, 1500, 12.0, 1e7, [0.002, 50.0]);
    check_random(24, 15, 150.0, 1e6, [0.02, 2.0]);
}

/// Groups that the search over equal classes merges are found whenever any set of groups would do.
#[test]
#[ignore = "a minute: tries every set of groups"]
fn equal_classes_are_merged_whenever_that_is_optimal() {
    let mut random = random(31);
    let (mut unresolved, settings) = (0, NewtonSettings::default());
    while unresolved < 150 {
        let sizes = random_sizes(&mut random, 10.0, 1e3);
        let tau = 0.05 * 40_f64.powf(random());
        let c = coefficients(&sizes, LOSSES[(5.0 * random()) as usize], random() < 0.5, tau);
        if !matches!(solved(&c), NewtonOutcome::Unresolved { .. }) {
            continue;
        }
        unresolved += 1;
        let several: Vec<usize> = (0..c.groups()).filter(|&g| c.multiplicity[g] > 1.0).collect();
        for mask in 0_usize..1 << several.len() {
            let clusters = several
                .iter()
                .enumerate()
                .filter(|(i, _)| mask >> i & 1 == 1)
                .map(|(_, &g)| vec![g])
                .collect();
            let newton = Runs {
                settings: &settings,
                interrupt: &|| false,
                steps: 0,
            };
            let candidate = Search {
                coefficients: &c,
                newton,
            }
            .attempt(clusters, Effort::Everything);
            assert!(
                !candidate.is_ok_and(|candidate| candidate.is_optimal()),
                "missed {mask:b} of {sizes:?} at {tau}"
            );
        }
    }
}

/// Many distinct sizes: the same bits on one thread and on two, and (7) checked by a direct sum on some rows.
#[test]
#[ignore = "quadratic checks of 20,000 groups"]
fn many_distinct_sizes_do_not_depend_on_threads() {
    let mut random = random(5);
    let sizes: Vec<f64> = (0..20_000)
        .map(|i| (5.0 * 1e5_f64.powf(random())).floor() + 1e-6 * f64::from(i))
        .collect();
    let c = coefficients(&sizes, Loss::Supcon, false, 0.1);
    let [one, two] = [1, 2].map(|threads| {
        rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap()
            .install(|| solved(&c))
    });
    assert!(one == two);
    let NewtonOutcome::Regular(Solution {
        solved: SolvedSystem { point, .. },
        ..
    }) = one
    else {
        panic!("{one:?}")
    };
    let log_v: Vec<f64> = (0..c.groups()).map(|g| c.column[g].ln() + point.log_t(g)).collect();
    let top = log_v.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let v: Vec<f64> = log_v.iter().map(|x| (x - top).exp()).collect();
    let total: f64 = v.iter().sum();
    for g in (0..c.groups()).step_by(997) {
        let others = (0..c.groups()).filter(|&h| h != g);
        let (mut row, mut mass) = (v[g], 0.0);
        for h in others {
            row += point.entry(g, h) * v[h];
            mass += c.column[h] * point.log_u(g, h).exp();
        }
        assert!(row.abs() < 1e-13 * total, "(7) of {g}: {}", row / total);
        assert!((mass.ln() - point.log_mass[g]).abs() < 1e-13, "(6) of {g}");
    }
}
