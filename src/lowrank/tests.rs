use super::*;
use crate::certificate::certify;
use crate::control::Control;
use crate::gram::Gram;
use crate::loss::{Anchors, ClassLevel, Loss};
use crate::problem::{Classes, Model, Problem};
use crate::solution::Termination;
use crate::symmetry::Program;

fn certified_gap(counts: &[u64], loss: Loss, anchors: Anchors, temperature: f64) -> (Solved, f64, f64) {
    let classes = Classes::from_counts(counts).unwrap();
    let model = Model {
        loss,
        anchors,
        temperature,
        ..Model::default()
    };
    let problem = Problem::new(classes, model).unwrap();
    let program = Program::new(&problem);
    let objective = ClassLevel::new(&program);
    let solved = solve(&objective, None, &Settings::default(), &Control::default());
    let gram = Gram::from_groups(program.partition.clone(), solved.values.clone());
    let certificate = certify(&problem, &gram, 1e-9).unwrap();
    (solved, certificate.relative_gap, certificate.loss)
}

#[test]
fn the_sincere_example_of_the_theory_has_rank_two() {
    let (solved, gap, loss) = certified_gap(&[2738, 2604, 13, 8, 3], Loss::Sincere, Anchors::Sample, 0.73);
    assert_eq!(solved.termination, Termination::Converged);
    assert!((loss - 5.198714437843785).abs() < 1e-11, "{loss}");
    assert_eq!(solved.rank, 2);
    assert!(gap < 1e-10, "{gap}");
}

/// Class sizes of a long tail.
const TAIL: [u64; 10] = [5000, 2997, 1796, 1077, 645, 387, 232, 139, 83, 50];

#[test]
fn every_loss_is_certified_to_its_last_digits() {
    for (counts, loss, anchors, temperature) in [
        (&[50, 20, 10, 5, 3][..], Loss::Supcon, Anchors::Sample, 0.3),
        (&[50, 20, 10, 5, 3], Loss::Supcon, Anchors::Sample, 0.01),
        (&[1000, 1000, 2, 2], Loss::Supcon, Anchors::Sample, 1.0),
        (&[500, 500, 500, 5, 5, 5, 5], Loss::Supcon, Anchors::Class, 1.0),
        (
            &[415, 51, 51, 51, 176_726, 78, 78, 415, 4_851_214, 51],
            Loss::Sincere,
            Anchors::Sample,
            0.1539,
        ),
        (&TAIL, Loss::Sincere, Anchors::Sample, 0.5),
        (&TAIL, Loss::Nscl, Anchors::Class, 0.5),
        (&TAIL, Loss::Bcl, Anchors::Sample, 0.5),
    ] {
        let (solved, gap, _) = certified_gap(counts, loss, anchors, temperature);
        assert_eq!(solved.termination, Termination::Converged, "{loss} {counts:?}");
        assert!(gap < 1e-11, "{loss} {counts:?}: {gap}");
    }
}

#[test]
fn collapsed_groups_are_listed() {
    let (solved, _, _) = certified_gap(&[1000, 1000, 2, 2], Loss::Supcon, Anchors::Sample, 1.0);
    assert_eq!(solved.clusters, [vec![1]]);
    assert_eq!(solved.values[(1, 1)], 1.0);
    assert_eq!(solved.rank, 2);
}
