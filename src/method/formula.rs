//! [`Geometry`]: feasible points that cost nothing to evaluate, for comparison and as a test of every bound.
//!
//! Classes fall into clusters that share one vector each, and different clusters have one common inner product. With `A` the
//! mass `a` of all classes and `A_C` that of the cluster of a class `c`, its row of THEORY (3) has the mass
//! `A_C - a_c + (A - A_C) exp((cosine - 1)/tau)`: linear in the number of groups.

use std::borrow::Cow;

use nalgebra::DMatrix;
use serde::{Deserialize, Serialize};

use crate::certificate::{Certificate, MAX_DENSE_GROUPS};
use crate::error::Error;
use crate::gram::entries::Entries;
use crate::gram::implicit::Point;
use crate::gram::{CauchyForm, FactorForm, Gram, Partition};
use crate::math::control::Control;
use crate::math::sum::compensated_sum;
use crate::method::staircase::schedule;
use crate::method::{Attempt, Method, Refusal, check_groups};
use crate::objective::{Objective, Sampled, coefficients};
use crate::problem::{Problem, Sampling, Training};
use crate::program::{FixedProgram, Reduced};
use crate::solution::{self, Solution, Termination};

/// Above this many groups only few splits of the classes in two are tried.
const MAX_SPLIT_GROUPS: usize = 64;

/// Above this many groups a sampled loss is not evaluated at geometries: each costs a quadrature of all pairs.
const MAX_SAMPLED_GROUPS: usize = 4000;

/// How much a standard geometry loses against the optimum.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Reference {
    /// `etf`, `orthogonal-frame`, `merged-minorities` or [`ALL_EQUAL`].
    pub name: Cow<'static, str>,
    /// Loss at this geometry, in nats.
    #[serde(default)]
    pub loss: f64,
    /// The same on the user's scale; null where that is nats and a mean.
    #[serde(default)]
    pub reported_loss: Option<f64>,
    /// Loss at this geometry minus the optimal loss, in nats, computed from the excesses; never negative.
    pub loss_above_optimum: f64,
}

/// All classes in one point: features that are all equal, as at a first step and after total collapse.
pub const ALL_EQUAL: &str = "all-equal";

/// A geometry at which the loss is known.
#[derive(Debug, Clone)]
pub struct Geometry {
    name: String,
    /// The name under which reports list it, if they do.
    listed: Option<&'static str>,
    /// Dimensions that its vectors span.
    rank: f64,
    /// Loss above the floor in nats, or the loss where there is no floor.
    excess: f64,
    /// Natural log of the excess; 0 where there is no floor.
    log_excess: f64,
    pieces: Vec<Piece>,
    cosine: f64,
}

/// Classes of one size that are all in one cluster, or each a cluster by itself.
#[derive(Debug, Clone, Copy)]
struct Piece {
    size: f64,
    multiplicity: f64,
    cluster: Option<usize>,
}

impl Geometry {
    /// The geometries of a problem: the simplex ETF (without a sign constraint), the orthogonal frame, the smaller half of
    /// the classes in one point of either, all classes in one point, and the classes in two points, the largest against the
    /// rest. All satisfy the constraints of the problem but for the dimension.
    pub fn all(problem: &Problem, partition: &Partition) -> Vec<Self> {
        let groups = partition.groups();
        // A quadrature of all pairs.
        let costly = match problem.model().training {
            Training::FullBatch(_) => false,
            Training::Sampled(_) => true,
            Training::FixedBatches(_) => return Vec::new(),
        };
        if costly && groups > MAX_SAMPLED_GROUPS {
            return Vec::new();
        }
        let nonnegative = problem.model().features.nonnegative;
        let classes = partition.classes() as f64;
        let cosine = |clusters: f64| if nonnegative { 0.0 } else { -1.0 / (clusters - 1.0) };
        let rank = |clusters: f64| if nonnegative { clusters } else { clusters - 1.0 };
        let plain: Vec<Piece> = partition
            .sizes()
            .iter()
            .zip(partition.multiplicity())
            .map(|(&size, &m)| Piece {
                size,
                multiplicity: m as f64,
                cluster: None,
            })
            .collect();
        let mut result = Vec::new();
        let mut add = |name: String, listed, rank, pieces: &[Piece], cosine| {
            let (excess, log_excess) = excess_at(problem, pieces, cosine);
            result.push(Self {
                name,
                listed,
                rank,
                excess,
                log_excess,
                pieces: pieces.to_vec(),
                cosine,
            });
        };
        if !nonnegative {
            let name = "the simplex ETF".to_owned();
            add(name, Some("etf"), classes - 1.0, &plain, cosine(classes));
        }
        let name = "the orthogonal frame".to_owned();
        add(name, Some("orthogonal-frame"), classes, &plain, 0.0);
        let merged = (classes / 2.0).floor();
        if merged >= 2.0 {
            let name = format!("the {merged} smallest classes in one point");
            let clusters = classes - merged + 1.0;
            let pieces = split(&plain, classes - merged, false);
            add(
                name,
                Some("merged-minorities"),
                rank(clusters),
                &pieces,
                cosine(clusters),
            );
        }
        let all = split(&plain, classes, true);
        add("all classes in one point".to_owned(), Some(ALL_EQUAL), 1.0, &all, 1.0);
        let few = groups <= MAX_SPLIT_GROUPS && !costly;
        let mut largest = 0.0;
        let ends: Vec<f64> = partition
            .multiplicity()
            .iter()
            .map(|&m| {
                largest += m as f64;
                largest
            })
            .collect();
        for &end in std::iter::once(&1.0).chain(ends.iter().take(if few { groups - 1 } else { 0 })) {
            if end < classes {
                let name = format!("the {end} largest classes in one point and the others in another");
                add(name, None, rank(2.0), &split(&plain, end, true), cosine(2.0));
            }
        }
        result
    }

    /// The standard geometries on a schedule, the samples of a class in one point: the simplex ETF (without a sign constraint),
    /// the orthogonal frame, the smaller half of the classes in one point of either, and all in one.
    pub fn of_cells(program: &FixedProgram<'_>) -> Vec<Self> {
        let problem = program.problem();
        let nonnegative = problem.model().features.nonnegative;
        let sizes: Vec<f64> = problem.classes().sizes().collect();
        let classes = sizes.len();
        let mut by_size: Vec<usize> = (0..classes).collect();
        by_size.sort_by(|&a, &b| sizes[b].total_cmp(&sizes[a]));
        let mut rank = vec![0; classes];
        for (position, &class) in by_size.iter().enumerate() {
            rank[class] = position;
        }
        let cells = program.cells.classes();
        let objective = program.objective();
        let mut result = Vec::new();
        let mut add = |name: String, listed, clusters: usize, cosine: f64, dimensions: usize| {
            // The largest classes are clusters of their own, the rest is one.
            let cluster = |cell: usize| rank[cells[cell] as usize].min(clusters - 1);
            let mut values = objective.zeros();
            values.update(|g, h, _| if cluster(g) == cluster(h) { 1.0 } else { cosine });
            let at = objective.evaluate(&values, 0.0);
            result.push(Self {
                name,
                listed,
                rank: dimensions as f64,
                excess: objective.excess(&at),
                log_excess: if objective.floor().is_some() {
                    objective.log_excess(&at)
                } else {
                    0.0
                },
                pieces: Vec::new(),
                cosine,
            });
        };
        let simplex = |clusters: usize| -1.0 / (clusters as f64 - 1.0);
        if !nonnegative {
            let name = "the simplex ETF".to_owned();
            add(name, Some("etf"), classes, simplex(classes), classes - 1);
        }
        let name = "the orthogonal frame".to_owned();
        add(name, Some("orthogonal-frame"), classes, 0.0, classes);
        let merged = classes / 2;
        if merged >= 2 {
            let clusters = classes - merged + 1;
            let name = format!("the {merged} smallest classes in one point");
            let (cosine, dimensions) = if nonnegative {
                (0.0, clusters)
            } else {
                (simplex(clusters), clusters - 1)
            };
            add(name, Some("merged-minorities"), clusters, cosine, dimensions);
        }
        add("all classes in one point".to_owned(), Some(ALL_EQUAL), 1, 1.0, 1);
        result
    }

    /// The geometry of least loss among those that treat the classes of a group alike, which a Gram matrix by groups needs.
    pub(crate) fn best(problem: &Problem, partition: &Partition) -> Option<Self> {
        let less = |a: &Self, b: &Self| (a.log_excess, a.excess) < (b.log_excess, b.excess);
        Self::all(problem, partition)
            .into_iter()
            .filter(|geometry| geometry.pieces.len() == partition.groups())
            .reduce(|best, other| if less(&other, &best) { other } else { best })
    }

    /// Whether it is the simplex ETF.
    pub(crate) fn is_simplex(&self) -> bool {
        self.listed == Some("etf")
    }

    /// Its inner products by groups, and its rank.
    pub(crate) fn values(&self) -> (DMatrix<f64>, u64) {
        let groups = self.pieces.len();
        let values = DMatrix::from_fn(groups, groups, |g, h| inner_product(&self.pieces, self.cosine, g, h));
        (values, self.rank as u64)
    }

    /// Whether a certificate admits this geometry.
    ///
    /// # Errors
    /// [`Error::Contradiction`] if its loss is below the proven bound.
    pub fn challenge(&self, certificate: &Certificate) -> Result<(), Error> {
        certificate.admits(&self.name, self.excess, self.log_excess)
    }

    /// The entry of a report, if there is one for it and it fits the dimension.
    pub fn reference(&self, problem: &Problem, certificate: &Certificate) -> Option<Reference> {
        let fits = problem.model().features.dimension.is_none_or(|d| d as f64 >= self.rank);
        Some(Reference {
            name: self.listed.filter(|_| fits)?.into(),
            loss: certificate.floor.unwrap_or(0.0) + self.excess,
            reported_loss: None,
            loss_above_optimum: {
                // A geometry that is optimal differs from the optimum by rounding.
                let scale = certificate
                    .floor
                    .map_or(certificate.loss.abs().max(1.0), |_| certificate.excess);
                let above = self.excess - certificate.excess;
                if above > 2.0 * certificate.rounding * scale {
                    above
                } else {
                    0.0
                }
            },
        })
    }
}

/// The orthogonal frame for nonnegative features, and the simplex ETF for class-balanced batches.
#[derive(Debug, Clone, Copy)]
pub struct Formula;

impl Method for Formula {
    fn name(&self) -> solution::Method {
        solution::Method::ClosedForm
    }

    fn accepts(&self, program: &Reduced<'_>) -> Result<(), Refusal> {
        if program.nonnegative() {
            Ok(())
        } else if treats_classes_alike(program) {
            check_groups(program)
        } else {
            Err(Refusal::NeedsNonnegative)
        }
    }

    fn minimise(
        &self,
        program: &Reduced<'_>,
        _start: Option<&DMatrix<f64>>,
        _control: &Control,
    ) -> Result<Attempt, Error> {
        let solution = match program {
            Reduced::FixedBatches(program) => frame_of_cells(program),
            Reduced::FullBatch(_) | Reduced::Sampled(_) => {
                let cosine = match program.nonnegative() {
                    true => 0.0,
                    false => -1.0 / (program.partition().classes() as f64 - 1.0),
                };
                frame(program, cosine)
            }
        };
        Ok(Attempt::Found(Box::new(solution)))
    }
}

/// Whether the loss is the same at every permutation of the classes, whatever their sizes. It is convex, so that the mean
/// over all permutations of a matrix is no worse, and it increases in every inner product: of the matrices whose entries
/// are all one number, the simplex ETF has the least.
fn treats_classes_alike(program: &Reduced<'_>) -> bool {
    match &program.problem().model().training {
        Training::Sampled(Sampling::ClassBalanced { .. }) => true,
        Training::FullBatch(_)
        | Training::FixedBatches(_)
        | Training::Sampled(Sampling::RandomBatches { .. } | Sampling::Negatives { .. }) => false,
    }
}

/// The optimum with nonnegative features and fixed batches: every sample at the axis of its class \[Kini2024\], THEORY 6. Others
/// can be as good.
fn frame_of_cells(program: &FixedProgram<'_>) -> Solution {
    let classes = program.cells.classes();
    let columns = DMatrix::from_fn(program.classes(), classes.len(), |axis, cell| {
        f64::from(u8::from(classes[cell] as usize == axis))
    });
    let form = FactorForm::new(columns, false).expect("unit columns");
    Solution {
        gram: Gram::from_factor(program.partition.clone(), form),
        within_class: Vec::new(),
        clusters: Vec::new(),
        rank: Some(program.classes() as u64),
        factor: None,
        method: solution::Method::ClosedForm,
        termination: Termination::Converged,
        iterations: 0,
    }
}

/// The best standard geometry, where nothing better is known: a feasible point, to be judged as any other. Where it is the
/// simplex ETF, or there are too many groups for a matrix, it is that in the implicit form.
pub(crate) fn fallback(program: &Reduced<'_>, control: &Control) -> Solution {
    if let Reduced::FixedBatches(fixed) = program {
        let stopped = control.stop().map_or(Termination::Stalled, Termination::from);
        return schedule::at_the_simplex(fixed, solution::Method::ClosedForm, stopped);
    }
    let (problem, partition) = (program.problem(), program.partition().clone());
    let groups = partition.groups();
    let classes = partition.classes() as f64;
    // To compare geometries may take longer than what was stopped.
    let best = if groups <= MAX_DENSE_GROUPS && control.stop().is_none() {
        Geometry::best(problem, &partition)
    } else {
        None
    };
    let (gram, rank) = match best {
        Some(geometry) if matches!(program, Reduced::Sampled(_)) || !geometry.is_simplex() => {
            let (values, rank) = geometry.values();
            (Gram::from_groups(partition, values), rank)
        }
        _ => (simplex(problem, partition), classes as u64 - 1),
    };
    Solution {
        gram,
        within_class: vec![1.0; groups],
        clusters: Vec::new(),
        rank: Some(rank),
        factor: None,
        method: solution::Method::ClosedForm,
        termination: control.stop().map_or(Termination::Stalled, Termination::from),
        iterations: 0,
    }
}

/// The simplex ETF in the implicit form: equal `beta`.
fn simplex(problem: &Problem, partition: Partition) -> Gram {
    let groups = partition.groups();
    let classes = partition.classes() as f64;
    let temperature = problem.model().temperature;
    let point = Point {
        temperature,
        log_ratio: vec![-classes / (2.0 * (classes - 1.0) * temperature); groups],
        log_beta: vec![0.0; groups],
        z: vec![0.0; groups],
        log_mass: vec![0.0; groups],
    };
    let form = CauchyForm {
        point,
        vertex: (0..groups as u32).collect(),
        cluster: vec![false; groups],
        shift: 0.0,
    };
    Gram::from_cauchy(partition, form)
}

/// One inner product between all classes. With nonnegative features 0 is the optimum for every loss that increases in
/// every inner product between classes \[Kini2024, Theorem 1\]. All losses of THEORY (3) do.
fn frame(program: &Reduced<'_>, cosine: f64) -> Solution {
    let partition = program.partition().clone();
    let groups = partition.groups();
    Solution {
        gram: Gram::from_groups(partition, DMatrix::from_element(groups, groups, cosine)),
        within_class: vec![1.0; groups],
        clusters: Vec::new(),
        rank: Some(program.problem().classes().count() - u64::from(cosine < 0.0)),
        factor: None,
        method: solution::Method::ClosedForm,
        termination: Termination::Converged,
        iterations: 0,
    }
}

/// The largest `count` classes and the rest; a group on the border is split. The rest is one cluster, and so are the largest
/// if `both`, else each of them is by itself. `pieces` are largest first.
fn split(pieces: &[Piece], count: f64, both: bool) -> Vec<Piece> {
    let mut left = count;
    let mut result = Vec::with_capacity(pieces.len() + 1);
    for piece in pieces {
        let largest = piece.multiplicity.min(left);
        left -= largest;
        for (multiplicity, cluster) in [(largest, both.then_some(0)), (piece.multiplicity - largest, Some(1))] {
            if multiplicity > 0.0 {
                result.push(Piece {
                    multiplicity,
                    cluster,
                    ..*piece
                });
            }
        }
    }
    result
}

/// Of two different classes of the pieces `g` and `h`.
fn inner_product(pieces: &[Piece], cosine: f64, g: usize, h: usize) -> f64 {
    if pieces[g].cluster.is_some() && pieces[g].cluster == pieces[h].cluster {
        1.0
    } else {
        cosine
    }
}

/// Excess (the loss, without a floor) and its log where clusters have the given inner product.
fn excess_at(problem: &Problem, pieces: &[Piece], cosine: f64) -> (f64, f64) {
    let sizes: Vec<f64> = pieces.iter().map(|piece| piece.size).collect();
    let multiplicity: Vec<f64> = pieces.iter().map(|piece| piece.multiplicity).collect();
    let full = match &problem.model().training {
        Training::FullBatch(full) => full,
        Training::Sampled(sampling) => {
            let objective = Sampled::from_problem(problem, sampling, &sizes, &multiplicity);
            let together = |g: usize, h: usize| pieces[g].cluster.is_some() && pieces[g].cluster == pieces[h].cluster;
            let values = DMatrix::from_fn(
                pieces.len(),
                pieces.len(),
                |g, h| if together(g, h) { 1.0 } else { cosine },
            );
            let at = objective.evaluate(&values, 0.0);
            return (objective.excess(&at), objective.log_excess(&at));
        }
        Training::FixedBatches(_) => unreachable!("fixed batches have no geometry of classes"),
    };
    let coefficients = coefficients(problem, full, &sizes, &multiplicity);
    let column = |g: usize| coefficients.multiplicity[g] * coefficients.column[g];
    let log_u = (cosine - 1.0) / coefficients.temperature;
    // The mass of all but the largest column keeps its digits beside it.
    let largest = (0..pieces.len()).fold(0, |most, g| if column(g) > column(most) { g } else { most });
    let small = compensated_sum((0..pieces.len()).filter(|&g| g != largest).map(column));
    let sum_where =
        |wanted: &dyn Fn(usize) -> bool| compensated_sum((0..pieces.len()).filter(|&g| wanted(g)).map(column));
    let clusters = [0, 1].map(|cluster| {
        let inside = |g: usize| pieces[g].cluster == Some(cluster);
        let without_largest = sum_where(&|g| inside(g) && g != largest);
        (sum_where(&inside), without_largest, sum_where(&|g| !inside(g)))
    });
    let log_mass = |g: usize| {
        let own = coefficients.column[g];
        let copies = (coefficients.multiplicity[g] - 1.0) * own;
        let (inside, outside) = match pieces[g].cluster {
            None if g == largest => (0.0, small + copies),
            None => (0.0, small + column(largest) - own),
            Some(cluster) => {
                let (whole, without_largest, outside) = clusters[cluster];
                let inside = if g == largest {
                    without_largest + copies
                } else {
                    whole - own
                };
                (inside.max(0.0), outside)
            }
        };
        let (a, b) = (inside.ln(), outside.ln() + log_u);
        let (high, low) = if a > b { (a, b) } else { (b, a) };
        if high == f64::NEG_INFINITY {
            high
        } else {
            high + (low - high).exp().ln_1p()
        }
    };
    let log_masses: Vec<f64> = (0..pieces.len()).map(log_mass).collect();
    coefficients.excess(&log_masses)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::certificate::certify;
    use crate::problem::{Classes, FullBatchLoss, Model};

    /// The loss of a geometry against that of its dense Gram matrix.
    #[test]
    fn the_linear_formula_is_the_loss() {
        let sizes = [40u64, 40, 17, 9, 9, 9, 2];
        for loss in FullBatchLoss::ALL {
            let model = Model {
                training: Training::full_batch(loss),
                temperature: 0.4,
                ..Model::default()
            };
            let problem = Problem::new(Classes::from_counts(&sizes).unwrap(), model).unwrap();
            let partition = Partition::by_size(&problem);
            let geometries = Geometry::all(&problem, &partition);
            let dense = |cluster: &dyn Fn(usize) -> usize, cosine: f64| {
                let values = DMatrix::from_fn(7, 7, |i, j| if cluster(i) == cluster(j) { 1.0 } else { cosine });
                certify(&problem, &Gram::from_dense(&problem, &values), 1e-9)
                    .unwrap()
                    .loss
            };
            let floor = certify(&problem, &Gram::from_dense(&problem, &DMatrix::identity(7, 7)), 1e-9)
                .unwrap()
                .floor
                .unwrap_or(0.0);
            let expected = [
                ("the simplex ETF", dense(&|i| i, -1.0 / 6.0)),
                ("the orthogonal frame", dense(&|i| i, 0.0)),
                ("the 3 smallest classes in one point", dense(&|i| i.min(4), -0.25)),
                ("all classes in one point", dense(&|_| 0, 1.0)),
                (
                    "the 1 largest classes in one point and the others in another",
                    dense(&|i| i.min(1), -1.0),
                ),
                (
                    "the 3 largest classes in one point and the others in another",
                    dense(&|i| usize::from(i > 2), -1.0),
                ),
            ];
            for (name, value) in expected {
                let found = geometries.iter().find(|geometry| geometry.name == name).unwrap();
                let difference = (found.excess + floor - value).abs();
                assert!(difference < 1e-12, "{loss}, {name}: {} {value}", found.excess + floor);
            }
        }
    }
}
