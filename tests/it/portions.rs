//! Batches without replacement, THEORY (11'''): the loss against all subsets of the samples, the optimum against the full batch
//! and the low-rank solver; and the mean over batches of their means.

use nalgebra::DMatrix;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};
use ufmin::certificate::Verdict;
use ufmin::gram::Partition;
use ufmin::measure::batch_mean::batch_mean;
use ufmin::measure::metrics::angle_degrees;
use ufmin::objective::{Objective, Sampled};
use ufmin::problem::{BatchLoss, Classes, Field, FullBatchLoss, Model, Problem, Training};
use ufmin::solve::{MethodChoice, Options, solve};

use crate::cli::{folder, json_in, refusal};
use crate::common::{model, problem_of, run, solved};

fn shuffled(loss: BatchLoss, size: u64, views: u64, temperature: f64) -> Model {
    Model {
        temperature,
        views,
        training: Training::shuffled_batches(loss, size),
        ..Model::default()
    }
}

fn on(problem: &Problem, partition: &Partition) -> Sampled {
    match &problem.model().training {
        Training::Sampled(sampling) => Sampled::on_partition(problem, sampling, partition),
        other => panic!("{other:?}"),
    }
}

/// The batches of `size` of samples with these classes: all subsets.
fn subsets(owner: &[usize], size: u32) -> Vec<Vec<f64>> {
    let k = owner.iter().max().unwrap() + 1;
    (0u32..1 << owner.len())
        .filter(|set| set.count_ones() == size)
        .map(|set| {
            let mut counts = vec![0.0; k];
            (0..owner.len())
                .filter(|i| set >> i & 1 == 1)
                .for_each(|i| counts[owner[i]] += 1.0);
            counts
        })
        .collect()
}

/// Sum of the losses of the anchors of a batch, without what no geometry removes, and the number of anchors.
fn of_batch(counts: &[f64], gram: &DMatrix<f64>, model: &Model) -> (f64, f64, f64) {
    let v = model.views as f64;
    let (mut excess, mut floor, mut anchors) = (0.0, 0.0, 0.0);
    for (c, &count) in counts.iter().enumerate().filter(|(_, count)| v * **count >= 2.0) {
        let others: f64 = (0..counts.len())
            .filter(|&d| d != c)
            .map(|d| v * counts[d] * ((gram[(c, d)] - 1.0) / model.temperature).exp())
            .sum();
        let base = if model.training.loss().name() == "sincere" {
            1.0
        } else {
            v * count - 1.0
        };
        excess += count * (others / base).ln_1p();
        floor += count * base.ln();
        anchors += count;
    }
    (excess, floor, anchors)
}

/// The mean over the active anchors of a batch of one view, anchor by anchor.
fn plain_mean(counts: &[f64], gram: &DMatrix<f64>, temperature: f64, loss: BatchLoss) -> f64 {
    let (mut total, mut anchors) = (0.0, 0.0);
    for (c, &count) in counts.iter().enumerate().filter(|(_, count)| **count >= 2.0) {
        let mass = |d: usize| match loss {
            BatchLoss::Bcl => f64::from(u8::from(counts[d] > 0.0)),
            _ => counts[d],
        };
        let others = (0..counts.len()).filter(|&d| d != c);
        let negatives: f64 = others
            .map(|d| mass(d) * ((gram[(c, d)] - 1.0) / temperature).exp())
            .sum();
        let own = match loss {
            BatchLoss::Supcon => count - 1.0,
            BatchLoss::Sincere | BatchLoss::Bcl => 1.0,
            BatchLoss::Nscl => 0.0,
        };
        if own + negatives > 0.0 {
            total += count * (own + negatives).ln();
            anchors += count;
        }
    }
    if anchors == 0.0 { 0.0 } else { total / anchors }
}

fn random_matrix(k: usize, random: &mut ChaCha8Rng) -> DMatrix<f64> {
    let mut m = DMatrix::identity(k, k);
    for i in 0..k {
        for j in 0..i {
            let value = 2.0 * random.random::<f64>() - 1.0;
            m[(i, j)] = value;
            m[(j, i)] = value;
        }
    }
    m
}

#[test]
fn the_loss_is_the_mean_over_all_subsets() {
    let mut random = ChaCha8Rng::seed_from_u64(5);
    let mut checked = 0;
    for sizes in [&[4u64, 3, 2][..], &[5, 2, 2, 2], &[3, 3, 3, 2]] {
        let owner: Vec<usize> = sizes
            .iter()
            .enumerate()
            .flat_map(|(c, &n)| vec![c; n as usize])
            .collect();
        let samples = owner.len() as u32;
        for size in [3, 4, samples - 1, samples] {
            let batches = subsets(&owner, size);
            for (loss, views) in [
                (BatchLoss::Supcon, 1),
                (BatchLoss::Supcon, 2),
                (BatchLoss::Sincere, 1),
                (BatchLoss::Sincere, 3),
            ] {
                for temperature in [1.0, 0.1] {
                    let problem = problem_of(sizes, shuffled(loss, size.into(), views, temperature));
                    let objective = on(&problem, &Partition::singletons(&problem));
                    let gram = random_matrix(sizes.len(), &mut random);
                    let scale = 1.0 / (batches.len() as f64 * f64::from(size));
                    let sums = batches.iter().map(|counts| of_batch(counts, &gram, problem.model()));
                    let (excess, floor) = sums.fold((0.0, 0.0), |(e, f), (x, y, _)| (e + scale * x, f + scale * y));
                    let at = objective.evaluate(&gram, 0.0);
                    let context = format!("{sizes:?} {size} {loss:?} {views} {temperature}");
                    assert!(
                        (objective.excess(&at) / excess - 1.0).abs() < 1e-13,
                        "{context}: {}",
                        objective.excess(&at) / excess
                    );
                    assert!(
                        (objective.floor().unwrap() - floor).abs() < 1e-14 * (1.0 + floor),
                        "{context}"
                    );
                    assert!((objective.log_excess(&at) - excess.ln()).abs() < 1e-13, "{context}");
                    // The gradient and its change, by differences.
                    let direction =
                        random_matrix(sizes.len(), &mut random) - DMatrix::identity(sizes.len(), sizes.len());
                    let h = 1e-5 * temperature;
                    let [above, below] = [h, -h].map(|h| objective.evaluate(&(&gram + &direction * h), 0.0));
                    let slope = objective.gradient(&at).component_mul(&direction).sum();
                    let difference = (objective.excess(&above) - objective.excess(&below)) / (2.0 * h);
                    assert!(
                        (slope - difference).abs() < 1e-7 * slope.abs().max(0.1 / temperature),
                        "{context}: {slope} {difference}"
                    );
                    let product = objective.hessian_product(&at, &direction);
                    let change = (objective.gradient(&above) - objective.gradient(&below)) / (2.0 * h);
                    let off = (product - &change).amax();
                    assert!(off < 1e-6 * change.amax().max(1.0 / temperature), "{context}: {off}");
                    checked += 1;
                }
            }
        }
    }
    assert_eq!(checked, 96);
}

#[test]
fn groups_of_equal_classes_are_the_same_loss() {
    let problem = problem_of(&[6, 6, 6, 2, 2], shuffled(BatchLoss::Supcon, 9, 1, 0.3));
    let partition = Partition::by_size(&problem);
    let (all, grouped) = (on(&problem, &Partition::singletons(&problem)), on(&problem, &partition));
    let values = DMatrix::from_row_slice(2, 2, &[-0.2, -0.1, -0.1, 0.4]);
    let full = DMatrix::from_fn(5, 5, |i, j| {
        let (g, h) = (partition.group_of(i as u64), partition.group_of(j as u64));
        if i == j { 1.0 } else { values[(g, h)] }
    });
    let excess = |objective: &Sampled, m: &DMatrix<f64>| objective.excess(&objective.evaluate(m, 0.0));
    let (a, b) = (excess(&all, &full), excess(&grouped, &values));
    assert!((a / b - 1.0).abs() < 1e-13, "{a} {b}");
}

#[test]
fn a_batch_of_everything_is_the_full_batch() {
    for (loss, full) in [
        (BatchLoss::Supcon, FullBatchLoss::Supcon),
        (BatchLoss::Sincere, FullBatchLoss::Sincere),
    ] {
        let sizes = [12, 7, 7, 3];
        let whole = solved(&problem_of(&sizes, model(full, 0.5)));
        let drawn = solved(&problem_of(&sizes, shuffled(loss, 29, 1, 0.5)));
        assert_eq!(drawn.certificate.verdict, Verdict::Certified);
        assert!((whole.certificate.loss - drawn.certificate.loss).abs() < 1e-12);
        let off = (whole.certificate.gram.to_dense() - drawn.certificate.gram.to_dense()).amax();
        assert!(off < 1e-7, "{off}");
    }
}

#[test]
fn half_of_the_data_without_replacement_is_another_geometry() {
    let sizes = [20, 7, 5, 2];
    let with = |loss| {
        problem_of(
            &sizes,
            Model {
                training: Training::random_batches(loss, 17),
                temperature: 0.5,
                ..Model::default()
            },
        )
    };
    let problem = problem_of(&sizes, shuffled(BatchLoss::Supcon, 17, 1, 0.5));
    let found = solved(&problem);
    assert_eq!(found.certificate.verdict, Verdict::Certified);
    assert!(
        found.certificate.relative_gap < 1e-9,
        "{}",
        found.certificate.relative_gap
    );
    // The other method for sampled losses has no Newton equations.
    let options = Options {
        method: MethodChoice::Lowrank,
        ..Options::default()
    };
    let other = solve(&problem, &options, &Default::default()).unwrap();
    let (a, b) = (found.certificate.gram.to_dense(), other.certificate.gram.to_dense());
    assert!((&a - &b).amax() < 1e-6, "{}", (&a - &b).amax());
    let replaced = solved(&with(BatchLoss::Supcon)).certificate.gram.to_dense();
    let widest = (0..4)
        .flat_map(|i| (0..i).map(move |j| (i, j)))
        .map(|at| (angle_degrees(a[at]) - angle_degrees(replaced[at])).abs());
    let widest = widest.fold(0.0, f64::max);
    assert!((widest - 2.119).abs() < 0.01, "{widest}");
}

#[test]
fn flags_and_keys_of_batches_without_replacement() {
    let folder = folder();
    let flags = ["--sizes", "16,8,6,4", "--batch-size", "17", "--without-replacement"];
    let found = json_in(folder.path(), &flags);
    assert_eq!(found["problem"]["batches"]["replacement"], json!(false));
    assert_eq!(found["certificate"]["verdict"], json!("certified"));
    std::fs::write(
        folder.path().join("p.toml"),
        "[classes]\nsizes = [16, 8, 6, 4]\n[batches]\nkind = \"random\"\nsize = 17\nreplacement = false\n",
    )
    .unwrap();
    let of_file = json_in(folder.path(), &["p.toml"]);
    assert_eq!(of_file["solution"]["loss"], found["solution"]["loss"]);
    let text = String::from_utf8(run(folder.path(), &[&["solve"][..], &flags].concat()).stdout).unwrap();
    assert!(text.contains("random batches of 17 without replacement"), "{text}");
    // The share of anchors that have a positive, by counting.
    let owner: Vec<usize> = [4, 3, 2].iter().enumerate().flat_map(|(c, &n)| vec![c; n]).collect();
    let batches = subsets(&owner, 4);
    let active: f64 =
        batches.iter().flatten().filter(|count| **count >= 2.0).sum::<f64>() / (4.0 * batches.len() as f64);
    let small = json_in(
        folder.path(),
        &["--sizes", "4,3,2", "--batch-size", "4", "--without-replacement"],
    );
    let ratio =
        small["solution"]["loss"].as_f64().unwrap() / small["solution"]["loss_per_active_anchor"].as_f64().unwrap();
    assert!((ratio - active).abs() < 1e-14, "{ratio} {active}");
    for (more, needles) in [
        (
            &["--sizes", "16,8,6,4", "--batch-size", "35", "--without-replacement"][..],
            &["a batch of 35 different examples", "there are 34"][..],
        ),
        (
            &["--sizes", "16,8,1", "--batch-size", "8", "--without-replacement"],
            &["class 2 has 1 sample", "views = 2"],
        ),
        (
            &[
                "--sizes",
                "16,8",
                "--batch-size",
                "8",
                "--power",
                "0.5",
                "--without-replacement",
            ],
            &["power", "replacement"],
        ),
        (
            &[
                "--sizes",
                "16,8",
                "--batch-size",
                "8",
                "--without-replacement",
                "--loss",
                "nscl",
            ],
            &["the loss nscl on batches without replacement", "supcon or sincere"],
        ),
        (
            &["--sizes", "16,8", "--without-replacement"],
            &["random batches need a size", "--batch-size"],
        ),
        (
            &[
                "--probabilities",
                "0.5,0.5",
                "--batch-size",
                "8",
                "--without-replacement",
            ],
            &["of a data set", "probabilities"],
        ),
        (
            &[
                "--sizes",
                "500,400,300,200,100,90,80,70",
                "--batch-size",
                "64",
                "--without-replacement",
            ],
            &[
                "8 different sizes",
                "3.6% of the data set",
                "more than 1000000 combinations",
                "draw with replacement",
            ],
        ),
    ] {
        let output = run(folder.path(), &[&["solve"][..], more].concat());
        refusal(&format!("{more:?}"), &output, needles);
    }
    let error = Problem::new(
        Classes::from_counts(&[5, 1]).unwrap(),
        shuffled(BatchLoss::Supcon, 4, 1, 0.1),
    )
    .unwrap_err();
    assert_eq!(error.field, Field::Size(1));
    // Evaluated at features, every class is one of its own.
    let views = [
        "--sizes",
        "1x1024",
        "--views",
        "2",
        "--batch-size",
        "64",
        "--without-replacement",
    ];
    assert_eq!(
        json_in(folder.path(), &views)["certificate"]["verdict"],
        json!("certified")
    );
}

#[test]
fn the_mean_over_batches_is_that_of_all_of_them() {
    let sizes = [4u64, 3, 2];
    let owner: Vec<usize> = sizes
        .iter()
        .enumerate()
        .flat_map(|(c, &n)| vec![c; n as usize])
        .collect();
    let problem = problem_of(&sizes, shuffled(BatchLoss::Supcon, 4, 1, 0.5));
    let gram = solved(&problem).certificate.gram.clone();
    let dense = gram.to_dense();
    let batches = subsets(&owner, 4);
    let mean = |counts: &Vec<f64>| {
        let (excess, floor, anchors) = of_batch(counts, &dense, problem.model());
        if anchors == 0.0 {
            0.0
        } else {
            (excess + floor) / anchors
        }
    };
    let exact = batches.iter().map(mean).sum::<f64>() / batches.len() as f64;
    let found = batch_mean(&problem, &gram).unwrap();
    assert!(
        (found.mean - exact).abs() < 4.0 * found.standard_error,
        "{found:?} {exact}"
    );
    assert!(found.standard_error < 0.01 && found.batches == 20_000, "{found:?}");
    // With replacement, against all sequences of draws; of every loss.
    for loss in BatchLoss::ALL {
        let drawn = Model {
            training: Training::random_batches(loss, 3),
            temperature: 0.5,
            ..Model::default()
        };
        let drawn = problem_of(&sizes, drawn);
        let gram = solved(&drawn).certificate.gram.clone();
        let dense = gram.to_dense();
        let mut exact = 0.0;
        for a in 0..9 {
            for b in 0..9 {
                for c in 0..9 {
                    let mut counts = vec![0.0; 3];
                    [a, b, c].into_iter().for_each(|i| counts[owner[i]] += 1.0);
                    exact += plain_mean(&counts, &dense, 0.5, loss) / 729.0;
                }
            }
        }
        let found = batch_mean(&drawn, &gram).unwrap();
        assert!(
            (found.mean - exact).abs() < 4.0 * found.standard_error,
            "{loss:?}: {found:?} {exact}"
        );
    }
    // With two views every anchor counts, and it is the loss itself.
    let views = problem_of(&sizes, shuffled(BatchLoss::Supcon, 4, 2, 0.5));
    assert_eq!(batch_mean(&views, &solved(&views).certificate.gram), None);
    let found: Value = json_in(folder().path(), &["--sizes", "40,30,3", "--batch-size", "8"]);
    let (ratio, mean) = (
        &found["solution"]["loss_per_active_anchor"],
        &found["solution"]["loss_per_batch"]["mean"],
    );
    assert!(
        (ratio.as_f64().unwrap() - mean.as_f64().unwrap()).abs() > 1e-3,
        "{ratio} {mean}"
    );
}
