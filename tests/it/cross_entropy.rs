//! The cross-entropy UFM against closed forms, and against CVXPY with Clarabel (`tests/reference/cross_entropy.py`).

use ufmin::Classes;
use ufmin::cross_entropy::{Constraint, CrossEntropy, Solved, solve};
use ufmin::math::control::Control;

fn solved(counts: &[u64], classifier: Constraint, features: Constraint) -> Solved {
    let classes = Classes::from_counts(counts).unwrap();
    let problem = CrossEntropy::new(classes, classifier, features).unwrap();
    let solved = solve(&problem, &Control::default()).unwrap();
    println!("{:?} {classifier:?} {features:?}: loss {} gap {:.1e} rank {} iterations {} seconds {:.3} min eig {:.1e}", &counts[..counts.len().min(8)], solved.loss, solved.proof.relative_gap, solved.rank, solved.iterations, solved.seconds, solved.proof.min_eigenvalue);
    solved
}

#[test]
fn probe() {
    use Constraint::*;
    solved(&[7; 10], Norm(1.0), Norm(1.0));
    solved(&[7; 10], Ridge(0.01), Norm(1.0));
    solved(&[7; 10], Ridge(0.01), Ridge(0.001));
    solved(&[100, 100, 100, 100, 100, 10, 10, 10, 10, 10], Energy(1.0), Energy(5.0));
    solved(&[1300, 1300, 1300, 1300, 1300, 100, 100, 100, 100, 100], Energy(1.0), Energy(5.0));
    solved(&[100, 50, 20, 10, 5, 1], Energy(1.0), Energy(5.0));
    solved(&[100, 50, 20, 10, 5, 1], Norm(1.0), Norm(3.0));
    solved(&[100, 50, 20, 10, 5, 1], Ridge(0.01), Ridge(0.0001));
    solved(&[100, 50, 20, 10, 5, 1], Frobenius(2.0), Norm(3.0));
    solved(&[100, 50, 20, 10, 5, 1], Ridge(0.01), Energy(3.0));
    solved(&[100, 50, 20, 10, 5, 1], Norm(2.0), Ridge(0.001));
    solved(&[1000000, 1], Norm(1.0), Norm(1.0));
    solved(&[1000000, 1], Energy(1.0), Energy(1.0));
    solved(&[1000000, 1], Ridge(0.01), Ridge(0.01));
    solved(&[1000000, 1000000, 1, 1], Energy(1.0), Energy(5.0));
    solved(&[1000000, 1000, 1, 1], Norm(1.0), Energy(5.0));
    solved(&[100, 50, 20, 10, 5, 1], Ridge(1.0), Ridge(1.0));
    solved(&[100, 50, 20, 10, 5, 1], Norm(10.0), Norm(10.0));
    solved(&[100, 50, 20, 10, 5, 1], Ridge(0.0), Ridge(0.0));
    let many: Vec<u64> = (1..=60).map(|i| 5000 / i).collect();
    solved(&many, Energy(1.0), Energy(5.0));
    solved(&many, Norm(1.0), Norm(10.0));
    solved(&many, Ridge(1e-3), Ridge(1e-5));
}
