//! Whole problems: how they are built, and the conditions of optimality checked densely, from `M` alone.

use faer::{Mat, Side};

use super::*;

mod known;
mod random;

#[derive(Debug, Clone, Copy, PartialEq)]
enum Loss {
    Supcon,
    Sincere,
    Nscl,
    Population,
    Bcl,
}

const LOSSES: [Loss; 5] = [Loss::Supcon, Loss::Sincere, Loss::Nscl, Loss::Population, Loss::Bcl];

/// The table of THEORY 1, with equal sizes grouped, largest first.
fn coefficients(sizes: &[f64], loss: Loss, class_anchors: bool, temperature: f64) -> Coefficients {
    let mut sorted = sizes.to_vec();
    sorted.sort_by(|a, b| b.total_cmp(a));
    let (mut column, mut multiplicity): (Vec<f64>, Vec<f64>) = (Vec::new(), Vec::new());
    for n in sorted {
        if column.last() == Some(&n) {
            *multiplicity.last_mut().unwrap() += 1.0;
        } else {
            column.push(n);
            multiplicity.push(1.0);
        }
    }
    grouped(&column, multiplicity, loss, class_anchors, temperature)
}

fn grouped(sizes: &[f64], multiplicity: Vec<f64>, loss: Loss, class_anchors: bool, temperature: f64) -> Coefficients {
    let total: f64 = sizes.iter().zip(&multiplicity).map(|(n, m)| n * m).sum();
    let classes: f64 = multiplicity.iter().sum();
    let each = |f: &dyn Fn(f64) -> f64| sizes.iter().map(|&n| f(n)).collect::<Vec<f64>>();
    Coefficients {
        temperature,
        weight: each(&|n| if class_anchors { 1.0 / classes } else { n / total }),
        base: each(&|n| match loss {
            Loss::Supcon => n - 1.0,
            Loss::Population => n,
            Loss::Nscl => 0.0,
            Loss::Sincere | Loss::Bcl => 1.0,
        }),
        column: each(&|n| if loss == Loss::Bcl { 1.0 } else { n }),
        mergeable: !class_anchors && matches!(loss, Loss::Supcon | Loss::Population),
        multiplicity,
    }
}

fn step_profile(majority: f64, minority: f64, m: f64, tau: f64, ratio: f64, loss: Loss) -> Coefficients {
    grouped(&[m * ratio, m], vec![majority, minority], loss, false, tau)
}

fn solved(coefficients: &Coefficients) -> NewtonOutcome {
    solve(coefficients, &NewtonSettings::default(), &|| false)
}

/// `M` over classes, in group order, and `F = sum w_c z_c` where `z` is recomputed from it; `None` if unresolved.
fn gram(coefficients: &Coefficients, outcome: &NewtonOutcome) -> Option<Mat<f64>> {
    let entry: Box<dyn Fn(usize, usize) -> f64> = match outcome {
        NewtonOutcome::Regular(solution) => Box::new(|g, h| solution.solved.point.entry(g, h)),
        NewtonOutcome::Merged { merging, solution } => Box::new(|g, h| merging.entry(&solution.solved.point, g, h)),
        NewtonOutcome::Unresolved { .. } => return None,
    };
    let class = class_groups(coefficients);
    let k = class.len();
    Some(Mat::from_fn(
        k,
        k,
        |i, j| if i == j { 1.0 } else { entry(class[i], class[j]) },
    ))
}

fn class_groups(coefficients: &Coefficients) -> Vec<usize> {
    (0..coefficients.groups())
        .flat_map(|g| vec![g; coefficients.multiplicity[g] as usize])
        .collect()
}

fn log_sum(terms: &[f64]) -> f64 {
    let top = terms.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if top == f64::NEG_INFINITY {
        top
    } else {
        top + terms.iter().map(|x| (x - top).exp()).sum::<f64>().ln()
    }
}

/// `log( s_c + sum a exp((M - 1)/tau) )` of every class.
fn denominators(c: &Coefficients, m: &Mat<f64>) -> Vec<f64> {
    let class = class_groups(c);
    let row = |i: usize| {
        let others = (0..class.len()).filter(|&j| j != i);
        let terms = others.map(|j| c.column[class[j]].ln() + (m[(i, j)] - 1.0) / c.temperature);
        log_sum(&terms.chain([c.base[class[i]].ln()]).collect::<Vec<f64>>())
    };
    (0..class.len()).map(row).collect()
}

fn loss(c: &Coefficients, m: &Mat<f64>) -> f64 {
    class_groups(c)
        .into_iter()
        .zip(denominators(c, m))
        .map(|(g, z)| c.weight[g] * z)
        .sum()
}

/// The conditions of optimality, THEORY 2, from `M` alone: `S = A + Diag(nu)` PSD, `S M = 0`, `M` PSD. Rows of `S` are
/// scaled to unit diagonal, so that small classes count as much as large ones.
fn assert_optimal(c: &Coefficients, m: &Mat<f64>, context: &str) {
    let class = class_groups(c);
    let k = class.len();
    let z = denominators(c, m);
    let log_a = Mat::from_fn(k, k, |i, j| {
        let (g, h) = (class[i], class[j]);
        let ends = [
            c.weight[g].ln() + c.column[h].ln() - z[i],
            c.weight[h].ln() + c.column[g].ln() - z[j],
        ];
        if i == j {
            f64::NEG_INFINITY
        } else {
            log_sum(&ends) + (m[(i, j)] - 1.0) / c.temperature
        }
    });
    let mut log_scale = vec![0.0; k];
    let mut rounding = 0.0_f64;
    for i in 0..k {
        let top = (0..k).map(|j| log_a[(i, j)]).fold(f64::NEG_INFINITY, f64::max);
        let row: Vec<f64> = (0..k).map(|j| (log_a[(i, j)] - top).exp()).collect();
        let nu = -(0..k).map(|j| row[j] * m[(i, j)]).sum::<f64>();
        assert!(nu > 0.0, "nu of class {i} is {nu}: {context}");
        let size = nu + row.iter().sum::<f64>();
        // nu is what is left of a sum of size `size`.
        rounding = rounding.max(1e-14 * size / nu);
        log_scale[i] = 0.5 * (nu.ln() + top);
        for d in 0..k {
            let product: f64 = (0..k).map(|j| (if i == j { nu } else { row[j] }) * m[(j, d)]).sum();
            assert!(product.abs() < 1e-10 * size, "S M at ({i}, {d}): {context}");
        }
    }
    let s = Mat::from_fn(k, k, |i, j| {
        if i == j {
            1.0
        } else {
            (log_a[(i, j)] - log_scale[i] - log_scale[j]).exp()
        }
    });
    let least = |matrix: &Mat<f64>| matrix.self_adjoint_eigenvalues(Side::Lower).unwrap()[0];
    assert!(
        least(&s) > -1e-10 - rounding * k as f64,
        "S has eigenvalue {}: {context}",
        least(&s)
    );
    assert!(least(m) > -1e-11 * k as f64, "M has eigenvalue {}: {context}", least(m));
}
