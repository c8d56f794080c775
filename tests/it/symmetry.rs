//! Reduction and lift are inverse on invariant matrices, and the answer follows the user's class order.

use nalgebra::DMatrix;
use proptest::prelude::*;
use ufmin::gram::{Gram, Partition};
use ufmin::math::control::Control;
use ufmin::problem::{Classes, FullBatchLoss, Model, Problem, Run};
use ufmin::program::{SampleEntries, lift, lift_samples, reduce, reduce_samples};
use ufmin::solve::{Options, solve};

use crate::common::{problem, program, solved};

proptest! {
    #[test]
    fn lift_then_reduce_is_the_identity(sizes in proptest::collection::vec(2u64..5, 2..7), seed in 0.0f64..9.0) {
        let problem = problem(&sizes, FullBatchLoss::Supcon, 0.5);
        let program = program(&problem);
        let r = program.groups();
        let values = DMatrix::from_fn(r, r, |g, h| (seed + (g * h + g + h) as f64).sin());
        let gram = Gram::from_groups(program.partition.clone(), values);
        let dense = lift(&gram);
        prop_assert!((reduce(&program.partition, &dense).values().as_ref() - gram.values().as_ref()).amax() < 1e-14);
        prop_assert!((lift(&reduce(&program.partition, &dense)) - &dense).amax() < 1e-14);
        for (i, &n) in sizes.iter().enumerate() {
            for (j, &m) in sizes.iter().enumerate() {
                prop_assert_eq!(gram.entry(i as u64, j as u64), dense[(i, j)]);
                // Classes of equal size are alike.
                if n == m && i != j {
                    prop_assert_eq!(program.partition.group_of(i as u64), program.partition.group_of(j as u64));
                }
            }
        }

        let entries = SampleEntries { values: (0..program.layout().len()).map(|i| {
            // The diagonal entry of a group of one class is no entry at all.
            let lone = (0..r).any(|g| program.multiplicity[g] == 1.0 && program.layout().pair(g, g) == i);
            if lone { 1.0 } else { (seed + i as f64).cos() }
        }).collect() };
        let samples = lift_samples(&program, &entries);
        let back = reduce_samples(&program, &samples);
        for (a, b) in back.values.iter().zip(&entries.values) {
            prop_assert!((a - b).abs() < 1e-14, "{} {}", a, b);
        }
    }

    #[test]
    fn blocks_have_the_eigenvalues_of_the_lifted_matrix(sizes in proptest::collection::vec(2u64..4, 2..6), seed in 0.0f64..9.0) {
        // A random PSD class-level matrix with unit diagonal, made invariant, has the spectrum that the groups say.
        let problem = problem(&sizes, FullBatchLoss::Supcon, 0.5);
        let k = sizes.len();
        let factor = DMatrix::from_fn(k, k, |i, j| (seed + (i * k + j) as f64 * 1.3).sin());
        let full = factor.transpose() * &factor;
        let scale = full.diagonal().map(|d| 1.0 / d.sqrt());
        let unit = DMatrix::from_fn(k, k, |i, j| full[(i, j)] * scale[i] * scale[j]);
        let gram = reduce(&Partition::by_size(&problem), &unit);
        let mut by_groups: Vec<f64> = ufmin::measure::embedding::GramSpectrum::new(&gram).values()
            .flat_map(|(value, count)| vec![value; count as usize]).collect();
        by_groups.sort_by(f64::total_cmp);
        let dense: Vec<f64> = ufmin::math::spectrum::eigen(&lift(&gram)).unwrap().values;
        prop_assert_eq!(by_groups.len(), dense.len());
        for (a, b) in by_groups.iter().zip(&dense) {
            prop_assert!((a - b).abs() < 1e-12, "{} {}", a, b);
        }
    }
}

#[test]
fn a_million_balanced_classes_are_one_group() {
    let classes = Classes::from_runs([Run {
        size: 500.0,
        count: 1_000_000,
    }])
    .unwrap();
    let problem = Problem::new(classes, Model::default()).unwrap();
    assert_eq!(program(&problem).groups(), 1);
    let solved = solved(&problem);
    assert!(solved.is_certified());
    let expected = -1.0 / 999_999.0;
    assert!((solved.certificate.gram.values()[(0, 0)] - expected).abs() < 1e-12);
    assert_eq!(solved.rank, 999_999);
}

#[test]
fn the_answer_is_permuted_with_the_input() {
    let sizes = [300u64, 20, 300, 7, 45, 20];
    let order = [4usize, 1, 0, 5, 3, 2];
    let permuted: Vec<u64> = order.iter().map(|&i| sizes[i]).collect();
    let gram = |sizes: &[u64]| {
        let solved = solve(
            &problem(sizes, FullBatchLoss::Supcon, 0.2),
            &Options::default(),
            &Control::default(),
        )
        .unwrap();
        assert!(solved.is_certified());
        lift(&solved.certificate.gram)
    };
    let (first, second) = (gram(&sizes), gram(&permuted));
    for i in 0..6 {
        for j in 0..6 {
            assert_eq!(
                second[(i, j)].to_bits(),
                first[(order[i], order[j])].to_bits(),
                "groups are in order of size, so every bit agrees"
            );
        }
    }
}
