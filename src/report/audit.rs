//! The last look before anything is reported: the things that are reported, recomputed from each other.
//!
//! A failure is a defect of this crate, [`Error::Contradiction`], and nothing is printed or written.

use nalgebra::DMatrix;

use crate::certificate::{Verdict, log_masses};
use crate::error::Error;
use crate::gram::Gram;
use crate::math::sum::compensated_sum;
use crate::measure::embedding::{Embedding, features};
use crate::objective::{Objective, Sampled, coefficients, others};
use crate::problem::{FixedBatches, FullBatchLoss, Problem, Training};
use crate::solve::Solved;

/// Up to this many groups the loss is recomputed from all their inner products; above, rows of it.
const ALL_ROWS: usize = 512;

/// Rows that are recomputed above that.
const ROWS: usize = 32;

/// Features with up to this many numbers are made to be looked at, also where nobody asked for them.
const SMALL: f64 = 1e5;

/// Groups whose features are compared with the Gram matrix, one class each.
const COLUMNS: usize = 64;

fn differ(what: String) -> Error {
    Error::Contradiction { what }
}

/// Checks the numbers of an answer, its loss from its inner products, and its features where they are small: these are returned.
///
/// # Errors
/// [`Error::Contradiction`].
pub(crate) fn audit(problem: &Problem, solved: &Solved) -> Result<Option<Embedding>, Error> {
    numbers(solved)?;
    loss_of_inner_products(problem, solved)?;
    let partition = solved.certificate.gram.partition();
    let small = partition.classes() as f64 * (partition.classes().min(solved.rank) as f64) <= SMALL;
    let small = small && partition.groups() <= ALL_ROWS;
    small.then(|| audited_features(problem, solved)).transpose()
}

/// The features of an answer, checked.
///
/// # Errors
/// [`Error::Contradiction`].
pub fn audited_features(problem: &Problem, solved: &Solved) -> Result<Embedding, Error> {
    let embedding = features(problem, solved);
    audit_features(problem, solved, &embedding)?;
    Ok(embedding)
}

/// The bound is below the loss, and the verdict is that of the gap.
fn numbers(solved: &Solved) -> Result<(), Error> {
    let certificate = &solved.certificate;
    let finite = [
        certificate.loss,
        certificate.excess,
        certificate.lower_bound,
        certificate.gap,
        certificate.relative_gap,
        certificate.min_eigenvalue,
        certificate.feasibility_shift,
        certificate.log_excess.unwrap_or(0.0),
        certificate.floor.unwrap_or(0.0),
    ];
    if !finite.iter().all(|value| value.is_finite()) {
        return Err(differ("a number of the certificate is not finite".to_owned()));
    }
    if certificate.lower_bound > certificate.loss || certificate.relative_gap < certificate.rounding {
        return Err(differ(format!(
            "lower bound {}, loss {}, relative gap {:.1e}",
            certificate.lower_bound, certificate.loss, certificate.relative_gap
        )));
    }
    if certificate.verdict == Verdict::Certified && certificate.relative_gap > certificate.tolerance {
        return Err(differ("the verdict is not that of the gap".to_owned()));
    }
    Ok(())
}

/// The loss, term by term from the inner products between groups.
fn loss_of_inner_products(problem: &Problem, solved: &Solved) -> Result<(), Error> {
    let certificate = &solved.certificate;
    let gram = &certificate.gram;
    let partition = gram.partition();
    let groups = partition.groups();
    let multiplicity = partition.multiplicity_f64();
    let rounding = 64.0 * certificate.rounding;
    let full = match &problem.model().training {
        Training::FullBatch(full) => full,
        Training::FixedBatches(fixed) => {
            let loss = loss_of_batches(problem, fixed, solved, |g, h| gram.between(g, h))?;
            return same_total(solved, loss, rounding, "the Gram matrix");
        }
        Training::Sampled(_) if groups > ALL_ROWS => return Ok(()),
        Training::Sampled(sampling) => {
            let objective = Sampled::on_partition(problem, sampling, partition);
            let at = objective.evaluate(&gram.values(), 0.0);
            return same_loss(
                solved,
                objective.excess(&at),
                objective.log_excess(&at),
                rounding,
                "the Gram matrix",
            );
        }
    };
    let coefficients = coefficients(problem, full, partition.sizes(), &multiplicity);
    let direct = |g: usize| {
        let terms = (0..groups).map(|h| {
            let mass = others(&multiplicity, g, h) * coefficients.column[h];
            (mass.ln(), gram.between(g, h))
        });
        log_mass(terms, coefficients.temperature)
    };
    if groups <= ALL_ROWS || gram.cauchy().is_none() {
        let masses: Vec<f64> = (0..groups).map(direct).collect();
        let (excess, log_excess) = coefficients.excess(&masses);
        return same_loss(solved, excess, log_excess, rounding, "the Gram matrix");
    }
    let fast = log_masses(problem, full, gram).ok_or_else(|| differ("the Gram matrix lost its form".to_owned()))?;
    let (excess, log_excess) = coefficients.excess(&fast);
    same_loss(solved, excess, log_excess, rounding, "the Gram matrix")?;
    for row in 0..ROWS {
        let g = row * (groups - 1) / (ROWS - 1);
        let difference = (fast[g] - direct(g)).abs();
        if difference.is_nan() || difference > rounding {
            return Err(differ(format!("the row of group {g} is not the sum of its terms")));
        }
    }
    Ok(())
}

/// The loss of a schedule as it is defined, THEORY (12), batch by batch from the inner products of two different points of the
/// cells: nothing is measured from a floor.
fn loss_of_batches(
    problem: &Problem,
    fixed: &FixedBatches,
    solved: &Solved,
    entry: impl Fn(usize, usize) -> f64,
) -> Result<f64, Error> {
    let Some(schedule) = &solved.schedule else {
        return Err(differ("the answer has no schedule".to_owned()));
    };
    let cells = &schedule.cells;
    let tau = problem.model().temperature;
    let (mut sum, mut anchors) = (Vec::new(), 0.0);
    for batch in cells.batches() {
        for &anchor in batch {
            let points = |&&cell: &&u32| cells.samples()[cell as usize] - f64::from(u8::from(cell == anchor));
            let class = |cell: u32| cells.classes()[cell as usize];
            let own = |cell: &&u32| class(**cell) == class(anchor);
            let similarity = |&&cell: &&u32| entry(anchor as usize, cell as usize) / tau;
            let (positives, negatives): (Vec<&u32>, Vec<&u32>) = batch.iter().partition(own);
            let count: f64 = positives.iter().map(points).sum();
            if count == 0.0 || (fixed.loss == FullBatchLoss::Nscl && negatives.is_empty()) {
                continue;
            }
            let negatives = negatives.iter().map(|cell| {
                let mass = if fixed.loss == FullBatchLoss::Bcl {
                    let alike = batch.iter().filter(|&&other| class(other) == class(**cell));
                    points(cell) / alike.map(|&other| cells.samples()[other as usize]).sum::<f64>()
                } else {
                    points(cell)
                };
                (mass.ln(), similarity(cell))
            });
            let negatives: Vec<(f64, f64)> = negatives.collect();
            let positives: Vec<(f64, f64)> = positives
                .iter()
                .map(|cell| (points(cell), similarity(cell)))
                .filter(|&(points, _)| points > 0.0)
                .collect();
            let mean = positives.iter().map(|(points, x)| points * x).sum::<f64>() / count;
            let row = match fixed.loss {
                FullBatchLoss::Sincere => {
                    let of = |&(points, x): &(f64, f64)| {
                        points / count * (log_sum(negatives.iter().copied().chain([(0.0, x)])) - x)
                    };
                    positives.iter().map(of).sum()
                }
                FullBatchLoss::Nscl => log_sum(negatives.iter().copied()) - mean,
                FullBatchLoss::Supcon | FullBatchLoss::Population | FullBatchLoss::Bcl => {
                    let share = if fixed.loss == FullBatchLoss::Bcl { count } else { 1.0 };
                    let own = positives.iter().map(|&(points, x)| ((points / share).ln(), x));
                    log_sum(negatives.iter().copied().chain(own)) - mean
                }
            };
            sum.push(cells.samples()[anchor as usize] * row);
            anchors += cells.samples()[anchor as usize];
        }
    }
    Ok(compensated_sum(sum.into_iter()) / anchors)
}

/// Whether a loss that was found another way, with its floor, is the reported one, within `relative` of the excess and the
/// rounding of the whole.
fn same_total(solved: &Solved, loss: f64, relative: f64, of: &str) -> Result<(), Error> {
    let certificate = &solved.certificate;
    let unit = if certificate.floor.is_some() {
        certificate.excess
    } else {
        certificate.loss.abs().max(1.0)
    };
    let difference = (loss - certificate.loss).abs();
    if difference <= relative * unit + (1e-13 + 2.0 * certificate.rounding) * (1.0 + certificate.loss.abs()) {
        return Ok(());
    }
    Err(differ(format!(
        "the loss of {of} differs from the reported one by {difference:.1e}"
    )))
}

/// `log sum m e^x` over `(log m, x)`.
fn log_sum(terms: impl Iterator<Item = (f64, f64)>) -> f64 {
    let exponents: Vec<f64> = terms.map(|(mass, x)| mass + x).collect();
    let largest = exponents.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    largest + compensated_sum(exponents.iter().map(|x| (x - largest).exp())).ln()
}

/// Whether a loss that was found another way is the reported one, within `relative` of the excess.
fn same_loss(solved: &Solved, excess: f64, log_excess: f64, relative: f64, source: &str) -> Result<(), Error> {
    let certificate = &solved.certificate;
    let difference = match certificate.log_excess {
        Some(reported) => (log_excess - reported).exp_m1().abs(),
        None => (excess - certificate.loss).abs() / certificate.loss.abs().max(1.0),
    };
    if difference <= relative {
        return Ok(());
    }
    Err(differ(format!(
        "the loss of {source} differs from the reported one by {difference:.1e} of the excess, more than {relative:.1e}"
    )))
}

/// `log sum e^{log m + (x - 1)/tau}` over `(log m, x)`.
fn log_mass(terms: impl Iterator<Item = (f64, f64)>, temperature: f64) -> f64 {
    log_sum(terms.map(|(mass, x)| (mass, (x - 1.0) / temperature)))
}

/// Checks features against the answer that they belong to: unit columns, signs, rank, inner products, coinciding classes, and
/// their loss.
///
/// # Errors
/// [`Error::Contradiction`].
fn audit_features(problem: &Problem, solved: &Solved, embedding: &Embedding) -> Result<(), Error> {
    let gram = &solved.certificate.gram;
    let h = &embedding.features;
    let classes = gram.partition().classes() as usize;
    if h.ncols() != classes {
        return Err(differ(format!(
            "{} columns of features for {classes} classes",
            h.ncols()
        )));
    }
    if let Some((class, length)) = h.column_iter().map(|column| column.norm()).enumerate().find(unfit) {
        return Err(differ(format!(
            "the feature vector of class {class} has length {length}"
        )));
    }
    if problem.model().features.nonnegative && h.iter().any(|&entry| entry < 0.0) {
        return Err(differ("a feature is negative".to_owned()));
    }
    let allowed = match problem.model().features.dimension {
        Some(dimension) if solved.dimension_search.is_some() => dimension.min(h.nrows() as u64),
        _ => solved.rank,
    };
    let rows = h.row_iter().filter(|row| row.amax() > 0.0).count() as u64;
    if rows > allowed || solved.rank > classes as u64 {
        return Err(differ(format!("features of {rows} dimensions, rank {}", solved.rank)));
    }
    let partition = gram.partition();
    let shown: Vec<u64> = representatives(gram);
    let rounding = 1e-12 + 4.0 * f64::EPSILON * classes as f64;
    let mut worst = 0.0f64;
    let group_of: Vec<usize> = (0..classes as u64).map(|class| partition.group_of(class)).collect();
    for &class in &shown {
        let products = h.transpose() * h.column(class as usize);
        let other = |&c: &usize| c != class as usize;
        for c in (0..classes).filter(other) {
            let reported = gram.between(group_of[class as usize], group_of[c]);
            worst = worst.max((products[c] - reported).abs());
        }
    }
    if worst.is_nan() || worst > rounding + embedding.moved {
        return Err(differ(format!("H^T H differs from the Gram matrix by {worst:.1e}")));
    }
    coincide(solved, h)?;
    if shown.len() < partition.groups() {
        return Ok(());
    }
    // What the difference of the inner products can do to the loss.
    let relative = 64.0 * solved.certificate.rounding + (2.0 * worst / problem.model().temperature).exp_m1();
    match &problem.model().training {
        Training::FullBatch(full) => {
            let coefficients = coefficients(problem, full, partition.sizes(), &partition.multiplicity_f64());
            let mass = |&class: &u64| {
                let products = h.transpose() * h.column(class as usize);
                let others = (0..classes).filter(|&c| c != class as usize);
                let terms = others.map(|c| (coefficients.column[group_of[c]].ln(), products[c]));
                log_mass(terms, coefficients.temperature)
            };
            let masses: Vec<f64> = shown.iter().map(mass).collect();
            let (excess, log_excess) = coefficients.excess(&masses);
            same_loss(solved, excess, log_excess, relative, "the features")
        }
        Training::Sampled(sampling) => {
            let objective = Sampled::on_partition(problem, sampling, partition);
            let at = objective.evaluate(&values_of(gram, h), 0.0);
            same_loss(
                solved,
                objective.excess(&at),
                objective.log_excess(&at),
                relative,
                "the features",
            )
        }
        Training::FixedBatches(fixed) => {
            let values = values_of(gram, h);
            let loss = loss_of_batches(problem, fixed, solved, |g, f| values[(g, f)])?;
            same_total(solved, loss, relative, "the features")
        }
    }
}

fn unfit(&(_, length): &(usize, f64)) -> bool {
    length.is_nan() || (length - 1.0).abs() > 1e-12
}

/// The first class of up to [`COLUMNS`] groups, evenly spaced.
fn representatives(gram: &Gram) -> Vec<u64> {
    let partition = gram.partition();
    let mut first = vec![None; partition.groups()];
    for (class, _, group) in partition.runs() {
        first[group].get_or_insert(class);
    }
    let first: Vec<u64> = first.into_iter().flatten().collect();
    let count = first.len().min(COLUMNS);
    (0..count)
        .map(|i| first[i * (first.len() - 1) / (count - 1).max(1)])
        .collect()
}

/// Inner products between groups, r x r, from the features of their first classes.
fn values_of(gram: &Gram, h: &DMatrix<f64>) -> DMatrix<f64> {
    let members = gram.partition().members();
    DMatrix::from_fn(members.len(), members.len(), |g, f| {
        let (i, j) = match (g == f, members[g].get(1)) {
            (true, None) => return 1.0,
            (true, Some(&second)) => (members[g][0], second),
            (false, _) => (members[g][0], members[f][0]),
        };
        h.column(i as usize).dot(&h.column(j as usize))
    })
}

/// Classes that are said to share one vector do.
fn coincide(solved: &Solved, h: &DMatrix<f64>) -> Result<(), Error> {
    if solved.solution.clusters.is_empty() {
        return Ok(());
    }
    let members = solved.certificate.gram.partition().members();
    for cluster in &solved.solution.clusters {
        let mut classes = cluster.iter().flat_map(|&g| &members[g]);
        let Some(&first) = classes.next() else { continue };
        for &class in classes {
            let distance = (h.column(first as usize) - h.column(class as usize)).norm();
            if distance.is_nan() || distance > 1e-6 {
                return Err(differ(format!(
                    "classes {first} and {class} are said to share one vector and are {distance:.1e} apart"
                )));
            }
        }
    }
    Ok(())
}
