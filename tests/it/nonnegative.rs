//! Nonnegative features: the orthogonal frame, by formula and by the conic program, certified.

use ufmin::certificate::{BoundMethod, Verdict, certify};
use ufmin::gram::Gram;
use ufmin::math::control::Control;
use ufmin::method::conic;
use ufmin::problem::{Anchors, Features, FullBatchLoss, Model, Problem};
use ufmin::solve::{MethodChoice, Options, solve};

use crate::common::{anchored, model, problem_of, program, solved};

fn problem(sizes: &[u64], loss: FullBatchLoss, anchors: Anchors, temperature: f64) -> Problem {
    let model = Model {
        features: Features {
            nonnegative: true,
            ..Features::default()
        },
        ..model(anchored(loss, anchors), temperature)
    };
    problem_of(sizes, model)
}

#[test]
fn conic_and_closed_form_agree_on_the_frame() {
    for loss in FullBatchLoss::ALL {
        for anchors in [Anchors::Sample, Anchors::Class] {
            for temperature in [0.1, 0.3, 1.0] {
                for sizes in [&[200u64, 200, 30, 7, 7][..], &[5, 4], &[1000, 3, 3, 2]] {
                    let problem = problem(sizes, loss, anchors, temperature);
                    let exact = solved(&problem);
                    assert_eq!(exact.certificate.verdict, Verdict::Certified);
                    assert_eq!(exact.certificate.method, BoundMethod::Entrywise);
                    assert!(exact.certificate.relative_gap < 1e-13);
                    let options = Options {
                        method: MethodChoice::Conic,
                        ..Options::default()
                    };
                    let conic = solve(&problem, &options, &Control::default()).unwrap();
                    assert_eq!(
                        conic.certificate.verdict,
                        Verdict::Certified,
                        "{loss} {temperature} {sizes:?}: {}",
                        conic.certificate.relative_gap
                    );
                    let difference = (conic.certificate.gram.to_dense() - exact.certificate.gram.to_dense()).amax();
                    assert!(difference < 1e-6, "{loss} {temperature} {sizes:?}: {difference}");
                    assert!(conic.certificate.gram.values().iter().all(|&value| value >= 0.0));
                }
            }
        }
    }
}

/// The frame is a claim that can fail: without the constraint the simplex does better, and other nonnegative matrices worse.
#[test]
fn the_frame_is_refused_where_it_is_not_optimal() {
    let constrained = problem(&[50, 20, 5], FullBatchLoss::Supcon, Anchors::Sample, 0.5);
    let free = Problem::new(constrained.classes().clone(), model(FullBatchLoss::Supcon, 0.5)).unwrap();
    let frame = solve(&constrained, &Options::default(), &Control::default())
        .unwrap()
        .certificate
        .gram
        .clone();
    assert_eq!(certify(&free, &frame, 1e-6).unwrap().verdict, Verdict::NotCertified);
    let partition = frame.partition().clone();
    let tilted = Gram::from_groups(partition, nalgebra::DMatrix::from_element(3, 3, 0.05));
    assert_eq!(
        certify(&constrained, &tilted, 1e-6).unwrap().verdict,
        Verdict::NotCertified
    );
    let simplex = conic::solve(&program(&free), &conic::ConicSettings::default(), &Control::default()).unwrap();
    let judged = certify(&constrained, &simplex.gram, 1e-6).unwrap();
    assert_eq!(
        judged.verdict,
        Verdict::NotCertified,
        "negative entries are moved away, at a price"
    );
    assert!(judged.feasibility_shift > 0.1 && judged.gram.values().iter().all(|&value| value >= 0.0));
}

#[test]
fn embeddings_are_the_frame_itself() {
    let problem = problem(&[9, 8, 7, 6, 5, 4, 3], FullBatchLoss::Supcon, Anchors::Sample, 0.1);
    let solved = solved(&problem);
    let embedding = ufmin::measure::embedding::features(&problem, &solved);
    assert!(embedding.features.iter().all(|&value| value >= 0.0));
    assert_eq!(
        ufmin::measure::embedding::gram_of(&embedding.features),
        nalgebra::DMatrix::identity(7, 7)
    );
}
