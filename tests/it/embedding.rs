//! Embeddings: unit vectors with the given inner products, whatever the groups and the rank.

use ufmin::math::control::Control;
use ufmin::measure::embedding::{GramSpectrum, embed, gram_of};
use ufmin::problem::{Classes, FullBatchLoss, Model, Problem};
use ufmin::program::lift;
use ufmin::solve::{MethodChoice, Options, solve};

use crate::common::{model, problem_of, solved};

#[test]
fn features_have_the_gram_matrix_and_the_rank() {
    for (sizes, temperature, rank) in [
        (&[10u64, 10, 10, 10][..], 0.1, 3),
        (&[500, 20], 0.2, 1),
        (&[100, 10, 100, 10, 55, 10], 0.3, 5),
        (&[1000, 2, 1000, 2], 1.0, 2),
        (&[2, 700, 3, 1000, 2], 0.5, 2),
    ] {
        let classes = Classes::from_counts(sizes).unwrap();
        let problem = Problem::new(classes, model(FullBatchLoss::Supcon, temperature)).unwrap();
        for method in [MethodChoice::Auto, MethodChoice::Conic] {
            let solved = solve(
                &problem,
                &Options {
                    method,
                    ..Options::default()
                },
                &Control::default(),
            )
            .unwrap();
            let gram = &solved.certificate.gram;
            let embedding = embed(gram, &GramSpectrum::new(gram), solved.rank);
            assert_eq!(solved.rank, rank, "{sizes:?} {method:?}");
            assert_eq!(
                embedding.features.shape(),
                (rank as usize, sizes.len()),
                "{sizes:?} {method:?}"
            );
            for column in embedding.features.column_iter() {
                assert!((column.norm() - 1.0).abs() < 1e-14);
            }
            let difference = (gram_of(&embedding.features) - lift(gram)).amax();
            // A conic point is rank-deficient only to its own accuracy.
            let allowed = if method == MethodChoice::Conic { 1e-4 } else { 1e-12 };
            assert!(difference < allowed, "{sizes:?} {method:?}: {difference}");
            assert!(embedding.discarded < allowed);
        }
    }
}

#[test]
fn the_sign_convention_is_deterministic() {
    let problem = problem_of(&[90, 40, 12, 5], Model::default());
    let features = || {
        let solved = solved(&problem);
        embed(
            &solved.certificate.gram,
            &GramSpectrum::new(&solved.certificate.gram),
            solved.rank,
        )
        .features
    };
    let first = features();
    assert_eq!(first, features());
    for row in first.row_iter() {
        let peak = row.amax();
        let leading = row.iter().find(|value| value.abs() > peak * (1.0 - 1e-6)).unwrap();
        assert!(*leading > 0.0, "the entry of largest magnitude is positive");
    }
}
