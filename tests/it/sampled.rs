//! Sampled negatives and random batches: the integrals against enumeration of the draws, Monte Carlo and limits; the
//! solver against stored optima and tables, and on random instances.

use nalgebra::DMatrix;
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use ufmin::certificate::{BoundMethod, Verdict, certify};
use ufmin::gram::{Gram, Partition};
use ufmin::math::control::Control;
use ufmin::objective::{Objective, Sampled};
use ufmin::problem::{BatchLoss, Classes, Features, FullBatchLoss, Model, Problem, Run, Sampling, Training};
use ufmin::report::view::{Style, View};
use ufmin::solution::Method;
use ufmin::solve::{CrossCheckChoice, MethodChoice, Options, Solved, solve};

use crate::common::{model, problem_of, program_on, solved};

fn nce(negatives: u64, temperature: f64) -> Model {
    Model {
        temperature,
        training: Training::sampled_negatives(negatives),
        ..Model::default()
    }
}

fn batches(size: u64, temperature: f64) -> Model {
    batches_of(BatchLoss::Supcon, size, temperature)
}

fn batches_of(loss: BatchLoss, size: u64, temperature: f64) -> Model {
    Model {
        temperature,
        training: Training::random_batches(loss, size),
        ..Model::default()
    }
}

fn sampling(problem: &Problem) -> Sampling {
    match &problem.model().training {
        Training::Sampled(sampling) => *sampling,
        other => panic!("{other:?}"),
    }
}

fn sampled_on(problem: &Problem, partition: &Partition) -> Sampled {
    Sampled::on_partition(problem, &sampling(problem), partition)
}

fn problem(probabilities: &[f64], model: &Model) -> Problem {
    Problem::new(Classes::from_probabilities(probabilities).unwrap(), model.clone()).unwrap()
}

/// All count vectors of `draws` over `classes`, with their multinomial probabilities.
fn multinomial(draws: u64, probabilities: &[f64]) -> Vec<(Vec<f64>, f64)> {
    if probabilities.is_empty() {
        return if draws == 0 {
            vec![(Vec::new(), 1.0)]
        } else {
            Vec::new()
        };
    }
    let mut all = Vec::new();
    let mut binomial = 1.0;
    for count in 0..=draws {
        let here = binomial * probabilities[0].powi(count as i32);
        for (mut rest, probability) in multinomial(draws - count, &probabilities[1..]) {
            rest.insert(0, count as f64);
            all.push((rest, here * probability));
        }
        binomial *= (draws - count) as f64 / (count + 1) as f64;
    }
    all
}

/// The masses of a loss on a batch with so many samples of the classes, views counted: at exponent zero, and of each other
/// class. `None` for an anchor that is skipped.
fn masses(loss: BatchLoss, counts: &[f64], c: usize) -> Option<(f64, Vec<f64>)> {
    let others = counts.iter().enumerate().map(|(d, &n)| if d == c { 0.0 } else { n });
    let (base, others): (f64, Vec<f64>) = match loss {
        BatchLoss::Supcon => (counts[c] - 1.0, others.collect()),
        BatchLoss::Sincere => (1.0, others.collect()),
        BatchLoss::Nscl => (0.0, others.collect()),
        BatchLoss::Bcl => (1.0, others.map(|n| if n > 0.0 { 1.0 } else { 0.0 }).collect()),
    };
    (counts[c] >= 2.0 && base + others.iter().sum::<f64>() > 0.0).then_some((base, others))
}

/// `(floor, excess, y)` of THEORY (10) or (11) at a dense class-level matrix, by enumeration of the draws. Of nscl the floor
/// is 0 and the excess is the loss.
fn enumerated(problem: &Problem, gram: &DMatrix<f64>) -> (f64, f64, DMatrix<f64>) {
    let model = problem.model();
    let rho: Vec<f64> = {
        let sizes: Vec<f64> = problem.classes().sizes().collect();
        let power = model.training.power().unwrap_or(1.0);
        let total: f64 = sizes.iter().map(|n| n.powf(power)).sum();
        sizes.iter().map(|n| n.powf(power) / total).collect()
    };
    let k = rho.len();
    let v = model.views as f64;
    let sampling = sampling(problem);
    let draws = match sampling {
        Sampling::RandomBatches { size, .. } => size,
        Sampling::Negatives { count } => count,
        Sampling::ClassBalanced { .. } => panic!("its draws are enumerated in class_balanced.rs"),
    };
    let u = |c: usize, d: usize| ((gram[(c, d)] - 1.0) / model.temperature).exp();
    let (mut floor, mut excess, mut y) = (0.0, 0.0, DMatrix::zeros(k, k));
    for (counts, probability) in multinomial(draws, &rho) {
        for c in 0..k {
            let (weight, base, mass) = match sampling {
                Sampling::Negatives { .. } => (rho[c], 1.0 + counts[c], counts.clone()),
                Sampling::RandomBatches { loss, size, .. } => {
                    let samples: Vec<f64> = counts.iter().map(|n| n * v).collect();
                    let Some((base, mass)) = masses(loss, &samples, c) else {
                        continue;
                    };
                    (counts[c] / size as f64, base, mass)
                }
                Sampling::ClassBalanced { .. } => unreachable!("refused above"),
            };
            let negatives: f64 = (0..k).filter(|&d| d != c).map(|d| mass[d] * u(c, d)).sum();
            if base > 0.0 {
                floor += probability * weight * base.ln();
                excess += probability * weight * (negatives / base).ln_1p();
            } else {
                excess += probability * weight * negatives.ln();
            }
            for d in (0..k).filter(|&d| d != c) {
                y[(c, d)] += probability * weight * mass[d] * u(c, d) / (base + negatives) / model.temperature;
            }
        }
    }
    (floor, excess, y)
}

/// Some symmetric matrix with unit diagonal and entries from -1 to `top`.
fn matrix(k: usize, top: f64, random: &mut impl Rng) -> DMatrix<f64> {
    let mut m = DMatrix::identity(k, k);
    for i in 0..k {
        for j in 0..i {
            let value = -1.0 + (1.0 + top) * random.random::<f64>();
            m[(i, j)] = value;
            m[(j, i)] = value;
        }
    }
    m
}

#[test]
fn value_and_gradient_are_those_of_enumeration() {
    let mut random = ChaCha8Rng::seed_from_u64(1);
    let with = |loss, views, size, temperature| Model {
        views,
        ..batches_of(loss, size, temperature)
    };
    let mut checked = 0;
    for temperature in [2.0, 0.5, 0.1, 0.04] {
        for rho in [
            vec![0.5, 0.3, 0.2],
            vec![0.9, 0.09, 0.01],
            vec![0.999_999, 5e-7, 5e-7],
            vec![0.4, 0.6],
            vec![0.25, 0.25, 0.25, 0.25],
        ] {
            for model in [
                nce(1, temperature),
                nce(2, temperature),
                nce(6, temperature),
                with(BatchLoss::Supcon, 1, 3, temperature),
                with(BatchLoss::Supcon, 1, 6, temperature),
                with(BatchLoss::Supcon, 2, 4, temperature),
                with(BatchLoss::Supcon, 5, 3, temperature),
                with(BatchLoss::Sincere, 1, 3, temperature),
                with(BatchLoss::Sincere, 1, 7, temperature),
                with(BatchLoss::Sincere, 2, 4, temperature),
                with(BatchLoss::Sincere, 7, 5, temperature),
                with(BatchLoss::Nscl, 1, 3, temperature),
                with(BatchLoss::Nscl, 1, 7, temperature),
                with(BatchLoss::Nscl, 2, 4, temperature),
                with(BatchLoss::Bcl, 1, 3, temperature),
                with(BatchLoss::Bcl, 1, 7, temperature),
                with(BatchLoss::Bcl, 3, 4, temperature),
            ] {
                let problem = problem(&rho, &model);
                let sampled = sampled_on(&problem, &Partition::singletons(&problem));
                for top in [1.0, 0.2, -0.8] {
                    let gram = matrix(rho.len(), top, &mut random);
                    let (floor, excess, y) = enumerated(&problem, &gram);
                    let context = format!("{model:?} {rho:?} {top}");
                    let Some(found_floor) = sampled.floor() else {
                        // Of nscl: the loss, and slopes in nats.
                        let at = sampled.evaluate(&gram, 0.0);
                        let size = y.row_sum().iter().sum::<f64>() * temperature;
                        let off = (sampled.excess(&at) - excess) / excess.abs().max(size);
                        assert!(
                            off.abs() < 3e-14,
                            "{context}: the loss {} {excess}",
                            sampled.excess(&at)
                        );
                        for (a, b) in sampled.gradient(&at).iter().zip(y.iter()) {
                            assert!((a - b).abs() <= 1e-13 * b.abs(), "{context}: {a} {b}");
                        }
                        checked += 1;
                        continue;
                    };
                    let at = sampled.evaluate(&gram, excess.ln());
                    assert!(
                        (found_floor - floor).abs() < 2e-15 * (1.0 + 10.0 * floor),
                        "{context}: floor {found_floor} {floor}",
                    );
                    assert!(
                        (sampled.excess(&at) - 1.0).abs() < 3e-14,
                        "{context}: {}",
                        sampled.excess(&at) - 1.0
                    );
                    assert!((sampled.log_excess(&at) - excess.ln()).abs() < 3e-14, "{context}");
                    let found = sampled.gradient(&at);
                    for (a, b) in found.iter().zip(y.iter()) {
                        assert!((a * excess - b).abs() <= 3e-14 * b.abs(), "{context}: {a} {b}");
                    }
                    checked += 1;
                }
            }
        }
    }
    assert_eq!(checked, 4 * 5 * 17 * 3);
}

/// A case of `tests/reference/integrals.json`.
#[derive(serde::Deserialize)]
struct Integral {
    loss: String,
    views: u64,
    draws: u64,
    temperature: f64,
    groups: Vec<(f64, u64)>,
    gram: Vec<Vec<f64>>,
    excess: f64,
    log_excess: f64,
    gradient: Vec<Vec<f64>>,
}

/// Where nothing can be enumerated, up to 10^8 classes and 10^9 draws, the integrals are those of 50 digits: their lower
/// end is below the scale of everything that is drawn, not of the class alone.
#[test]
fn integrals_of_many_classes_and_draws_are_those_of_fifty_digits() {
    #[derive(serde::Deserialize)]
    struct Integrals {
        cases: Vec<Integral>,
    }
    let reference: Integrals = serde_json::from_str(include_str!("../reference/integrals.json")).unwrap();
    assert!(reference.cases.len() >= 14);
    for case in &reference.cases {
        let model = match case.loss.as_str() {
            "nce" => nce(case.draws, case.temperature),
            kind => Model {
                training: Training::random_batches(
                    if kind == "sincere" {
                        BatchLoss::Sincere
                    } else {
                        BatchLoss::Supcon
                    },
                    case.draws,
                ),
                views: case.views,
                ..batches(case.draws, case.temperature)
            },
        };
        let runs = case.groups.iter().map(|&(size, count)| Run { size, count });
        let problem = Problem::new(Classes::from_runs(runs).unwrap(), model).unwrap();
        let sampled = sampled_on(&problem, &Partition::by_size(&problem));
        let groups = case.groups.len();
        let gram = DMatrix::from_fn(groups, groups, |g, h| case.gram[g][h]);
        let at = sampled.evaluate(&gram, case.log_excess);
        let context = format!(
            "{} {:?} {} draws at {}",
            case.loss, case.groups, case.draws, case.temperature
        );
        let off = sampled.excess(&at) - 1.0;
        assert!(off.abs() < 1e-14, "{context}: {off:e}");
        assert!((sampled.log_excess(&at) - case.excess.ln()).abs() < 1e-14, "{context}");
        for g in 0..groups {
            for h in (0..groups).filter(|&h| case.gradient[g][h] > 0.0) {
                let off = sampled.gradient(&at)[(g, h)] * case.excess / case.gradient[g][h] - 1.0;
                assert!(off.abs() < 1e-14, "{context}: {off:e} of the slope {g}, {h}");
            }
        }
    }
}

#[test]
fn groups_stand_for_their_classes() {
    let mut random = ChaCha8Rng::seed_from_u64(2);
    for model in [
        nce(9, 0.3),
        batches(12, 0.3),
        batches(300, 0.05),
        batches_of(BatchLoss::Bcl, 12, 0.3),
        batches_of(BatchLoss::Bcl, 300, 0.05),
        batches_of(BatchLoss::Nscl, 12, 0.3),
    ] {
        let problem = problem_of(&[7, 2, 7, 2, 2, 1], model);
        let grouped = Partition::by_size(&problem);
        let mut values = matrix(3, 0.9, &mut random);
        for (g, value) in [0.3, -0.2, 1.0].into_iter().enumerate() {
            values[(g, g)] = value;
        }
        let gram = Gram::from_groups(grouped.clone(), values.clone());
        let single = sampled_on(&problem, &Partition::singletons(&problem));
        let grouped = sampled_on(&problem, &grouped);
        let (dense, few) = (single.evaluate(&gram.to_dense(), 0.0), grouped.evaluate(&values, 0.0));
        assert!((single.excess(&dense) / grouped.excess(&few) - 1.0).abs() < 1e-14);
        for (i, g) in [(0, 0), (1, 1), (5, 2)] {
            for (j, h) in [(2, 0), (3, 1), (5, 2)] {
                let (a, b) = (single.gradient(&dense)[(i, j)], grouped.gradient(&few)[(g, h)]);
                assert!((a - b).abs() <= 1e-14 * a.abs(), "{i} {j}: {a} {b}");
            }
        }
    }
}

#[test]
fn hessian_products_are_slopes_of_the_gradient() {
    let mut random = ChaCha8Rng::seed_from_u64(3);
    for temperature in [1.0, 0.3, 0.1] {
        for model in [
            nce(1, temperature),
            nce(50, temperature),
            batches(3, temperature),
            batches(64, temperature),
            Model {
                views: 2,
                ..batches_of(BatchLoss::Sincere, 64, temperature)
            },
            batches_of(BatchLoss::Nscl, 5, temperature),
            batches_of(BatchLoss::Nscl, 64, temperature),
            batches_of(BatchLoss::Bcl, 5, temperature),
            batches_of(BatchLoss::Bcl, 64, temperature),
        ] {
            let problem = problem_of(&[40, 9, 9, 3], model.clone());
            let sampled = sampled_on(&problem, &Partition::by_size(&problem));
            let mut at = matrix(3, 0.5, &mut random);
            at[(1, 1)] = 0.3;
            let mut direction = matrix(3, 1.0, &mut random);
            direction[(1, 1)] = -0.4;
            let scale = match sampled.floor() {
                Some(_) => sampled.log_excess(&sampled.evaluate(&at, 0.0)),
                None => 0.0,
            };
            let product = sampled.hessian_product(&sampled.evaluate(&at, scale), &direction);
            let step = 1e-4 * temperature;
            let slope = |h: f64| {
                let (up, down) = (&at + &direction * h, &at - &direction * h);
                let gradient = |m| sampled.gradient(&sampled.evaluate(m, scale)).clone();
                (gradient(&up) - gradient(&down)) / (2.0 * h)
            };
            // Richardson: the error is of fourth order.
            let expected = (slope(step) * 4.0 - slope(2.0 * step)) / 3.0;
            // A difference of slopes knows them to their own rounding.
            let slopes = sampled.gradient(&sampled.evaluate(&at, scale)).amax();
            let size = product.amax() + 1e-2 * slopes / temperature;
            let error = (&product - &expected).amax() / size;
            assert!(error < 1e-9, "{model:?}: {error:e}\n{product}\n{expected}");
        }
    }
}

/// Many negatives and large batches see the population, THEORY 5.
#[test]
fn many_draws_give_the_population_loss() {
    let mut random = ChaCha8Rng::seed_from_u64(4);
    let rho = [0.5, 0.3, 0.15, 0.05];
    let gram = matrix(4, 0.5, &mut random);
    for temperature in [1.0, 0.1] {
        let population = model(FullBatchLoss::Population, temperature);
        let limit = problem(&rho, &population);
        let program = program_on(&limit, Partition::singletons(&limit));
        let limit = program.class_level();
        let limit = limit.log_excess(&limit.evaluate(&gram, 0.0));
        for model in [nce, batches] {
            let mut last = f64::INFINITY;
            for draws in [1_000, 10_000, 100_000, 100_000_000] {
                let problem = problem(&rho, &model(draws, temperature));
                let sampled = sampled_on(&problem, &Partition::singletons(&problem));
                let distance = (sampled.log_excess(&sampled.evaluate(&gram, 0.0)) - limit).abs();
                assert!(distance * (draws as f64) < 50.0, "{draws}: {distance:e}");
                assert!(distance < 0.2 * last);
                last = distance;
            }
        }
    }
}

/// For small `u` the loss is linear in `u`, also where `u` underflows.
#[test]
fn the_excess_survives_underflow() {
    let rho = [0.6, 0.3, 0.1];
    let gram = DMatrix::from_fn(3, 3, |i, j| if i == j { 1.0 } else { -0.5 });
    for model in [nce(7, 0.1), batches(32, 0.1)] {
        let at = |temperature: f64| {
            let problem = problem(
                &rho,
                &Model {
                    temperature,
                    ..model.clone()
                },
            );
            let sampled = sampled_on(&problem, &Partition::singletons(&problem));
            let log_scale = sampled.log_excess(&sampled.evaluate(&gram, 0.0));
            let point = sampled.evaluate(&gram, log_scale);
            assert!((sampled.excess(&point) - 1.0).abs() < 1e-12, "{temperature}");
            let slope = sampled.gradient(&point)[(0, 1)] * temperature;
            let curvature = sampled.hessian_product(&point, &gram)[(0, 1)];
            assert!(slope.is_finite() && slope > 0.0 && curvature.is_finite());
            (log_scale + 1.5 / temperature, slope)
        };
        let (reference, slope) = at(0.03);
        for temperature in [0.02, 0.005, 0.002, 0.001, 1e-4] {
            let (log, s) = at(temperature);
            assert!((log - reference).abs() < 1e-11, "{temperature}: {log} {reference}");
            assert!((s / slope - 1.0).abs() < 1e-11, "{temperature}");
        }
    }
}

/// Batches drawn at random: the mean of their losses is (11) within four standard errors.
#[test]
fn random_batches_have_the_expected_loss() {
    let sizes = [60u64, 25, 10, 5];
    for (loss, views) in [
        (BatchLoss::Supcon, 1),
        (BatchLoss::Supcon, 2),
        (BatchLoss::Sincere, 1),
        (BatchLoss::Nscl, 1),
        (BatchLoss::Bcl, 1),
        (BatchLoss::Bcl, 2),
    ] {
        let model = Model {
            views,
            ..batches_of(loss, 48, 0.3)
        };
        let problem = problem_of(&sizes, model);
        let solved = solved(&problem);
        let gram = solved.certificate.gram.to_dense();
        let mut random = ChaCha8Rng::seed_from_u64(5);
        let (mut sum, mut squares, draws) = (0.0, 0.0, 40_000);
        for _ in 0..draws {
            let mut counts = [0.0; 4];
            for _ in 0..48 {
                let mut ticket = random.random_range(0..100u64);
                let mut class = 0;
                while ticket >= sizes[class] {
                    ticket -= sizes[class];
                    class += 1;
                }
                counts[class] += views as f64;
            }
            let mut value = 0.0;
            for c in 0..4 {
                if let Some((own, others)) = masses(loss, &counts, c) {
                    let negatives: f64 = (0..4).map(|d| others[d] * ((gram[(c, d)] - 1.0) / 0.3).exp()).sum();
                    value += counts[c] / (48.0 * views as f64) * (own + negatives).ln();
                }
            }
            sum += value;
            squares += value * value;
        }
        let mean = sum / f64::from(draws);
        let error = ((squares / f64::from(draws) - mean * mean) / f64::from(draws)).sqrt();
        let expected = solved.certificate.loss;
        assert!((mean - expected).abs() < 4.0 * error, "{mean} {expected} {error}");
        assert!(error < 1e-2 * expected.abs(), "{error} {expected}");
    }
}

// The solver.

fn assert_certified(solved: &Solved, context: &str) {
    let c = &solved.certificate;
    assert_eq!(
        c.verdict,
        Verdict::Certified,
        "{context}: {:e} by {:?}, {:?} {:?}",
        c.relative_gap,
        c.method,
        solved.solution.method,
        solved.warnings
    );
    assert!(c.lower_bound <= c.loss && c.gap >= 0.0, "{context}");
    assert!(c.floor.is_none() || c.excess > 0.0, "{context}");
}

/// Losses and entries of THEORY 5.
#[test]
fn tables_of_theory() {
    for (q, loss) in [
        (1, 0.365_324_58),
        (2, 0.641_133_51),
        (5, 1.197_354_62),
        (10, 1.741_131_71),
        (100, 3.893_287_40),
    ] {
        let third = 1.0 / 3.0;
        let found = solved(&problem(&[third, third, third], &nce(q, 1.0)));
        assert_certified(&found, "uniform");
        assert!((found.certificate.loss - loss).abs() < 1e-8);
        assert!((found.certificate.gram.entry(0, 1) + 0.5).abs() < 1e-14);
    }
    let entries = |solved: &Solved, expected: &[(u64, u64, f64)]| {
        for &(i, j, value) in expected {
            let found = solved.certificate.gram.entry(i, j);
            assert!((found - value).abs() < 1e-6, "{i} {j}: {found} {value}");
        }
    };
    let found = solved(&problem(&[0.5, 0.3, 0.2], &nce(5, 1.0)));
    assert!((found.certificate.loss - 1.235_350_265_12).abs() < 1e-11);
    entries(&found, &[(0, 1, -0.717_715), (0, 2, -0.528_231), (1, 2, -0.212_141)]);
    let found = solved(&problem(&[0.8, 0.1, 0.1], &nce(5, 1.0)));
    assert!((found.certificate.loss - 1.473_264_52).abs() < 1e-8);
    entries(&found, &[(0, 1, -0.881_238), (1, 2, 0.553_162)]);
    let rho = [10.0 / 22.0, 10.0 / 22.0, 1.0 / 22.0, 1.0 / 22.0];
    let found = solved(&problem(&rho, &batches(8, 1.0)));
    assert!((found.certificate.loss - 1.206_206_11).abs() < 1e-8);
    assert_eq!(found.solution.clusters, [[1]]);
    entries(&found, &[(0, 1, -0.962_492), (2, 3, 1.0), (0, 2, -0.136_945)]);
    let found = solved(&problem(&rho, &batches(16, 1.0)));
    entries(&found, &[(2, 3, 0.747_082)]);
}

/// What `tests/reference/sampled.py` stored.
#[derive(serde::Deserialize)]
struct Stored {
    kind: String,
    weights: Vec<u64>,
    draws: u64,
    views: u64,
    temperature: f64,
    floor: f64,
    excess: f64,
    gram: Vec<Vec<f64>>,
}

#[derive(serde::Deserialize)]
struct Reference {
    cases: Vec<Stored>,
}

#[test]
fn stored_optima_are_met_to_the_last_digits() {
    let reference: Reference = serde_json::from_str(include_str!("../reference/sampled.json")).unwrap();
    assert!(reference.cases.len() >= 19);
    for case in &reference.cases {
        let model = match case.kind.as_str() {
            "nce" => nce(case.draws, case.temperature),
            kind => Model {
                views: case.views,
                ..batches_of(
                    BatchLoss::ALL
                        .into_iter()
                        .find(|&loss| FullBatchLoss::from(loss).name() == kind)
                        .unwrap(),
                    case.draws,
                    case.temperature,
                )
            },
        };
        let problem = problem_of(&case.weights, model);
        for method in [MethodChoice::Dual, MethodChoice::Lowrank] {
            let options = Options {
                method,
                ..Options::default()
            };
            let found = solve(&problem, &options, &Control::default()).unwrap();
            let context = format!("{} {:?} {} {method:?}", case.kind, case.weights, case.draws);
            assert_certified(&found, &context);
            let c = &found.certificate;
            let floor = c.floor.unwrap_or(0.0);
            assert_eq!(c.floor.is_none(), case.kind == "nscl", "{context}");
            assert!((floor - case.floor).abs() < 1e-14 * (1.0 + case.floor), "{context}");
            assert!((c.excess / case.excess - 1.0).abs() < 1e-12, "{context}");
            for (i, row) in case.gram.iter().enumerate() {
                for (j, value) in row.iter().enumerate() {
                    let entry = c.gram.entry(i as u64, j as u64);
                    assert!((entry - value).abs() < 1e-8, "{context}: {i} {j} {entry} {value}");
                }
            }
        }
    }
}

/// Random batches see what the full batch does not: fewer draws, more collapse; and their limit is the population.
#[test]
fn a_curve_leads_to_its_limit() {
    use ufmin::study::curve::{Quantity, curve};
    let classes = Classes::from_counts(&[10, 10, 1, 1]).unwrap();
    let problem = Problem::new(classes, batches(4, 1.0)).unwrap();
    let values = [4.0, 8.0, 16.0, 64.0, 1024.0, 100_000.0];
    let found = curve(
        &problem,
        Quantity::BatchSize,
        &values,
        &Options::default(),
        None,
        &Control::default(),
    )
    .unwrap();
    assert!(found.is_certified() && found.complete);
    // Classes of one sample have no full batch.
    assert_eq!(found.limit.as_ref().unwrap().name, "population");
    let collapsed: Vec<usize> = found.rows.iter().map(|row| row.collapsed.len()).collect();
    assert_eq!(collapsed, [1, 1, 0, 0, 0, 0]);
    let distances: Vec<f64> = found.rows.iter().map(|row| row.distance_to_limit.unwrap()).collect();
    assert!(distances.windows(2).all(|pair| pair[1] < pair[0]), "{distances:?}");
    assert!(distances[5] < 1e-5);
    let csv = found.table().unwrap().to_csv();
    assert_eq!(csv.lines().count(), values.len() + 1);
    let json: serde_json::Value = serde_json::from_str(&found.to_json()).unwrap();
    assert_eq!(json["schema"], "ufmin/curve/1");
    assert_eq!(json["rows"][1]["collapsed"], serde_json::json!([[2, 3]]));
    assert!(found.text(Style::default()).contains("population"));
    let figure = found.chart();
    assert_eq!(figure.subtitle, "supcon, temperature 1, sizes 2 \u{d7} 10, 2 \u{d7} 1");
    let picture = String::from_utf8(figure.draw(ufmin::plot::Format::Svg).unwrap()).unwrap();
    assert!(picture.contains("batch size"));
}

/// What no loss can be says which field, and what to do.
#[test]
fn impossible_draws_are_refused() {
    use ufmin::spec::{parse, resolve};
    for (text, needles) in [
        (
            "[batches]\nkind = \"random\"",
            ["batches.size", "size = 256 under [batches]"],
        ),
        ("[batches]\nsize = 2", ["batches.size", "3 or more"]),
        ("[batches]\nsize = -7", ["batches.size", "3 or more"]),
        ("[batches]\nsize = 2000000000", ["batches.size", "population"]),
        ("[batches]\nkind = \"fixed\"", ["batches.members", "batches.json"]),
        (
            "[batches]\nkind = \"random\"\nmembers = [[0]]",
            ["batches.members", "kind = \"fixed\""],
        ),
        (
            "[batches]\nsize = 8\n[loss]\nkind = \"population\"",
            ["loss.kind", "supcon"],
        ),
        (
            "[batches]\nsize = 8\n[loss]\nkind = \"nscl\"\ntemperature = 0.003",
            ["loss.temperature", "0.1"],
        ),
        (
            "[batches]\nsize = 8\n[loss]\nkind = \"nce\"\nnegatives = 3",
            ["batches", "supcon"],
        ),
        (
            "[batches]\nsize = 8\n[loss]\nanchors = \"class\"",
            ["loss.anchors", "remove"],
        ),
        (
            "[batches]\nsize = 8\n[loss]\nsingletons = \"skip\"",
            ["loss.singletons", "remove"],
        ),
        (
            "[loss]\nkind = \"nce\"",
            ["loss.negatives", "negatives = 5 under [loss]"],
        ),
        ("[loss]\nkind = \"nce\"\nnegatives = 0", ["loss.negatives", "1 or more"]),
        (
            "[loss]\nkind = \"nce\"\nnegatives = 10000000000",
            ["loss.negatives", "population"],
        ),
        ("[loss]\nnegatives = 3", ["loss.negatives", "nce"]),
    ] {
        let text = format!("[classes]\nsizes = [5, 4]\n{text}\n");
        let file = parse(std::path::Path::new("p.toml"), &text).unwrap();
        let error = resolve(&file, std::path::Path::new("")).unwrap_err();
        assert!(error.to_string().contains(needles[0]), "{text}: {error}");
        assert!(error.hint().unwrap().contains(needles[1]), "{text}: {:?}", error.hint());
    }
    for text in [
        "[batches]\nsize = 8.5",
        "[batches]\nsizes = 8",
        "batches = 8",
        "[batches]\nsize = \"8\"",
    ] {
        let text = format!("{text}\n[classes]\nsizes = [5, 4]\n");
        assert!(parse(std::path::Path::new("p.toml"), &text).is_err(), "{text}");
    }
}

/// Uniform classes: the ETF for every number of negatives and every batch, and one downstream loss \[Awasthi2022\].
#[test]
fn uniform_classes_have_the_simplex_at_any_number_of_draws() {
    for draws in [3, 4, 100, 100_000] {
        for model in [
            nce(draws, 0.2),
            batches(draws, 0.2),
            batches_of(BatchLoss::Nscl, draws, 0.2),
            batches_of(BatchLoss::Bcl, draws, 0.2),
        ] {
            let found = solved(&problem_of(&[5; 7], model));
            assert_certified(&found, "uniform");
            assert!((found.certificate.gram.entry(2, 5) + 1.0 / 6.0).abs() < 1e-13);
            let downstream = ufmin::measure::metrics::downstream_loss(&found.certificate.gram).unwrap();
            assert!((downstream - (6.0 * (-7.0f64 / 6.0).exp()).ln_1p()).abs() < 1e-13);
        }
    }
}

/// What is not optimal is not certified, and no bound is above the optimum.
#[test]
fn a_wrong_matrix_is_not_certified_and_its_bound_holds() {
    for model in [
        nce(20, 0.3),
        batches(40, 0.3),
        batches(8, 1.0),
        batches_of(BatchLoss::Nscl, 40, 0.3),
        batches_of(BatchLoss::Bcl, 40, 0.3),
    ] {
        let problem = problem_of(&[50, 20, 20, 4], model);
        let best = solved(&problem);
        assert_certified(&best, "optimum");
        for error in [1e-6, 1e-4, 1e-2, 0.1] {
            let mut values = best.certificate.gram.values().into_owned();
            values[(0, 2)] += error;
            values[(2, 0)] += error;
            let moved = Gram::from_groups(best.certificate.gram.partition().clone(), values);
            let judged = certify(&problem, &moved, 1e-12).unwrap();
            assert_eq!(judged.verdict, Verdict::NotCertified, "{error}");
            assert!(judged.lower_bound <= best.certificate.loss * (1.0 + 1e-14));
            assert!(judged.loss >= best.certificate.lower_bound);
        }
    }
}

/// Nonnegative features: the orthogonal frame, since every sampled loss increases in every inner product.
#[test]
fn nonnegative_features_are_an_orthogonal_frame() {
    for model in [nce(5, 0.1), batches(6, 1.0), batches(256, 0.02)] {
        let model = Model {
            features: Features::nonnegative(),
            ..model
        };
        let found = solved(&problem_of(&[50, 20, 20, 1], model));
        assert_certified(&found, "frame");
        assert_eq!(found.solution.method, Method::ClosedForm);
        assert_eq!(found.certificate.method, BoundMethod::Entrywise);
        assert_eq!(found.certificate.gram.entry(0, 3), 0.0);
    }
}

/// The second answer comes from another method, and agrees.
#[test]
fn small_problems_are_cross_checked_by_the_low_rank_solver() {
    let found = solved(&problem(&[0.5, 0.3, 0.2], &nce(5, 0.2)));
    let check = found.cross_check.unwrap();
    assert_eq!(check.method, "lowrank");
    assert!(check.gram_difference < 1e-9, "{check:?}");
}

// Random instances.

#[derive(Debug, Clone)]
struct Instance {
    sizes: Vec<u64>,
    model: Model,
}

impl Instance {
    fn random(index: u64) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(0x5a3d_0000 + index);
        let mut log_uniform = |low: f64, high: f64| low * (high / low).powf(random.random::<f64>());
        let classes = log_uniform(2.0, 15.0) as usize;
        let ratio = log_uniform(1.0, 1000.0);
        let smallest = log_uniform(1.0, 50.0);
        let temperature = log_uniform(0.03, 2.0);
        let draws = log_uniform(3.0, 10_000.0) as u64;
        let mut sizes = Vec::new();
        while sizes.len() < classes {
            let size = log_uniform(smallest, smallest * ratio).floor() as u64;
            let copies = if log_uniform(1.0, 10.0) > 7.0 { 3 } else { 1 };
            sizes.extend(vec![size; copies.min(classes - sizes.len())]);
        }
        let model = match index % 5 {
            0 | 1 => nce(draws - 2, temperature),
            2 => batches(draws, temperature),
            3 => Model {
                views: 1 + index / 5 % 2,
                ..batches_of(
                    [BatchLoss::Sincere, BatchLoss::Nscl, BatchLoss::Bcl][index as usize / 10 % 3],
                    draws,
                    temperature,
                )
            },
            _ => Model {
                views: 1 + index / 5 % 3,
                ..batches(draws, temperature)
            },
        };
        Self { sizes, model }
    }

    fn solve(&self, choice: MethodChoice) -> Solved {
        let classes = Classes::from_counts(&self.sizes).unwrap();
        let problem = Problem::new(classes, self.model.clone()).unwrap();
        let options = Options {
            method: choice,
            cross_check: CrossCheckChoice::Never,
            ..Options::default()
        };
        solve(&problem, &options, &Control::default()).unwrap()
    }
}

/// Counts `(certified by the fixed point, merged, certified by lowrank, not certified)` and lists the last.
fn survey(instances: u64) -> ([usize; 4], Vec<String>) {
    use rayon::prelude::*;
    let found: Vec<(usize, String)> = (0..instances)
        .into_par_iter()
        .map(|index| {
            let instance = Instance::random(index);
            let solved = instance.solve(MethodChoice::Auto);
            let c = &solved.certificate;
            let finite = [c.loss, c.excess, c.lower_bound, c.relative_gap]
                .iter()
                .all(|x| x.is_finite());
            assert!(finite && c.gap >= 0.0, "{instance:?}");
            let kind = match (c.verdict, solved.solution.method) {
                (Verdict::Certified, Method::Dual) if solved.solution.clusters.is_empty() => 0,
                (Verdict::Certified, Method::Dual) => 1,
                (Verdict::Certified, _) => 2,
                _ => 3,
            };
            let context = format!(
                "{index}: {instance:?} {:e} by {} {:?}",
                c.relative_gap,
                solved.solution.method.name(),
                solved.solution.termination
            );
            // The exact solver proves what it returns to nearly all digits.
            assert!(kind > 1 || c.relative_gap < 1e-10, "{context}");
            (kind, context)
        })
        .collect();
    let mut counts = [0; 4];
    for (kind, _) in &found {
        counts[*kind] += 1;
    }
    let open = found.into_iter().filter(|(kind, _)| *kind == 3).map(|(_, text)| text);
    (counts, open.collect())
}

#[test]
fn random_instances_are_certified() {
    let (counts, open) = survey(300);
    assert!(open.is_empty(), "{counts:?}\n{}", open.join("\n"));
}

/// `cargo test --release --test it -- --ignored ten_thousand_sampled --nocapture`
#[test]
#[ignore = "minutes"]
#[allow(clippy::print_stderr)]
fn ten_thousand_sampled_instances_are_certified() {
    let (counts, open) = survey(10_000);
    eprintln!("regular, merged, low rank, open: {counts:?}\n{}", open.join("\n"));
    assert!(open.is_empty());
}

/// Resampling by a power is the loss of other class probabilities, and these are enumerated.
#[test]
fn a_power_of_the_sizes_is_what_classes_are_drawn_by() {
    let sizes = [40u64, 40, 9, 2, 1];
    let mut random = ChaCha8Rng::seed_from_u64(16);
    for power in [0.0, 0.3, 0.5, 1.0] {
        for (loss, views) in [(BatchLoss::Supcon, 1), (BatchLoss::Sincere, 1), (BatchLoss::Supcon, 2)] {
            let resampled = |size| Model {
                views,
                temperature: 0.4,
                training: Training::resampled_batches(loss, size, power),
                ..Model::default()
            };
            let small = problem_of(&sizes, resampled(5));
            let gram = matrix(5, 0.9, &mut random);
            let (floor, excess, y) = enumerated(&small, &gram);
            let objective = sampled_on(&small, &Partition::singletons(&small));
            let at = objective.evaluate(&gram, 0.0);
            let gradient = objective.gradient(&at);
            assert!((objective.floor().unwrap() - floor).abs() < 1e-12, "{power} {loss:?}");
            assert!(
                (objective.excess(&at) - excess).abs() < 1e-12 * excess,
                "{power} {loss:?}"
            );
            assert!((gradient - y).amax() < 1e-12, "{power} {loss:?}");

            let weights: Vec<f64> = sizes.iter().map(|&n| (n as f64).powf(power)).collect();
            let total: f64 = weights.iter().sum();
            let probabilities: Vec<f64> = weights.iter().map(|w| w / total).collect();
            let drawn = Model {
                training: Training::random_batches(loss, 64),
                ..resampled(64)
            };
            let (by_power, by_probability) = (
                solved(&problem_of(&sizes, resampled(64))),
                solved(&problem(&probabilities, &drawn)),
            );
            let (a, b) = (
                by_power.certificate.gram.to_dense(),
                by_probability.certificate.gram.to_dense(),
            );
            assert!((&a - b).amax() < 1e-9, "{power} {loss:?}");
            let (a_loss, b_loss) = (by_power.certificate.loss, by_probability.certificate.loss);
            assert!((a_loss - b_loss).abs() < 1e-12 * b_loss, "{power} {loss:?}");
            if power == 0.0 {
                // Classes drawn alike: the simplex ETF at any sizes.
                let off = (0..5).flat_map(|i| (0..i).map(move |j| (i, j)));
                assert!(off.into_iter().all(|(i, j)| (a[(i, j)] + 0.25).abs() < 1e-9), "{a}");
            }
        }
    }
}
