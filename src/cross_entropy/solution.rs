//! [`solve`] and what it returns: the geometry of classifier and features, and its proof.

use std::time::Instant;

use nalgebra::DMatrix;
use serde::{Deserialize, Serialize};

use super::certificate::Bound;
use super::lowrank;
use super::objective::{evaluate, logits};
use super::problem::{CrossEntropy, Reduced};
use super::seli::seli;
use super::trust_region::Point;
use crate::error::Error;
use crate::math::control::Control;
use crate::problem::Partition;
use crate::solution::{Method, Termination};

/// Vectors whose norm is below this, relative to the largest of their side, have vanished: they have no direction.
pub const VANISHED: f64 = 1e-7;

/// Vectors nearer than this, relative to their norm, coincide.
const COINCIDENT: f64 = 1e-7;

/// What is proven.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Proof {
    /// No classifier and features have less.
    pub lower_bound: f64,
    /// Loss less bound.
    pub gap: f64,
    /// The gap by the loss.
    pub relative_gap: f64,
    /// Proven lower bound on the smallest eigenvalue of the dual matrix with unit diagonal.
    pub min_eigenvalue: f64,
    /// Multipliers of the squared norms of the classifiers, by group; empty for SELI.
    pub alpha: Vec<f64>,
    /// Those of the features.
    pub beta: Vec<f64>,
    /// Dual matrix between two different classes of groups, and of a class with itself.
    #[serde(with = "crate::math::stored::matrix")]
    pub between: DMatrix<f64>,
    /// See [`Proof::between`].
    pub diagonal: Vec<f64>,
}

/// Inner products by groups of classes of equal size.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Products {
    /// Of two different classes; not defined on the diagonal for a group of one class, where it is that of the class.
    #[serde(with = "crate::math::stored::matrix")]
    pub between: DMatrix<f64>,
    /// Of a class with itself.
    pub diagonal: Vec<f64>,
}

/// A minimum of the cross-entropy with its geometry and its proof.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Solved {
    /// Which classes are alike.
    pub partition: Partition,
    /// Weighted mean cross-entropy with ridges; 0, which is not attained, for SELI.
    pub loss: f64,
    /// Without ridges.
    pub cross_entropy: f64,
    /// Cross-entropy of a class, by group.
    pub of_class: Vec<f64>,
    /// Inner products of features.
    pub features: Products,
    /// Inner products of classifiers.
    pub classifier: Products,
    /// `between[(j, g)]` is the logit of a class of group `j` at a sample of another class of group `g`.
    pub logits: Products,
    /// Dimension that classifier and features span.
    pub rank: u64,
    /// The least nuclear norm of logits with margins of at least 1, with a column for every sample; for SELI only.
    pub nuclear_norm: Option<f64>,
    /// The proof.
    pub proof: Proof,
    /// A formula for SELI, else the low-rank method.
    pub method: Method,
    /// Why the solver stopped.
    pub termination: Termination,
    /// Iterations of Newton's method.
    pub iterations: u64,
    /// Seconds from the problem to the proof.
    pub seconds: f64,
    /// Groups whose classifiers coincide, in sets; a group of several classes may stand alone.
    pub coincident: Vec<Vec<usize>>,
    point: Point,
}

/// Solves and proves.
///
/// # Errors
/// [`Error::Internal`] if an eigendecomposition fails. Whether the minimum is proven is no error: see
/// [`Proof::relative_gap`].
pub fn solve(problem: &CrossEntropy, control: &Control) -> Result<Solved, Error> {
    let start = Instant::now();
    let partition = Partition::of_classes(problem.classes());
    let reduced = Reduced::new(problem, &partition);
    if problem.is_vanishing() {
        let limit = seli(&reduced).ok_or_else(|| Error::Internal {
            what: "the eigenvalues of the simplex-encoded labels were not found".to_owned(),
        })?;
        let proven = limit.dual.is_some();
        let proof = Proof {
            lower_bound: 0.0,
            gap: 0.0,
            relative_gap: if proven { 0.0 } else { 1.0 },
            min_eigenvalue: 0.0,
            alpha: Vec::new(),
            beta: Vec::new(),
            between: DMatrix::zeros(0, 0),
            diagonal: Vec::new(),
        };
        let mut solved = describe(&reduced, partition, limit.point, proof, start);
        solved.nuclear_norm = Some(limit.nuclear_norm);
        solved.method = Method::ClosedForm;
        (solved.loss, solved.cross_entropy) = (0.0, 0.0);
        solved.of_class.fill(0.0);
        return Ok(solved);
    }
    let found = lowrank::minimise(&reduced, control);
    let (gap, relative_gap) = (found.bound.gap().max(0.0), found.bound.relative_gap());
    let Bound {
        value,
        lower,
        min_eigenvalue,
        multipliers: [alpha, beta],
        between,
        diagonal,
    } = found.bound;
    let proof = Proof {
        lower_bound: lower.min(value),
        gap,
        relative_gap,
        min_eigenvalue,
        alpha,
        beta,
        between,
        diagonal,
    };
    let mut solved = describe(&reduced, partition, found.point, proof, start);
    solved.loss = value;
    solved.iterations = found.iterations;
    if found.stopped {
        solved.termination = control.stop().map_or(Termination::Interrupted, Termination::from);
    }
    Ok(solved)
}

fn describe(reduced: &Reduced, partition: Partition, point: Point, proof: Proof, start: Instant) -> Solved {
    let [x, y] = &point.sides;
    let of = |x: &DMatrix<f64>, y: &DMatrix<f64>| {
        let (mut between, spread) = logits(reduced, x, y);
        let m = &reduced.multiplicity;
        let diagonal = (0..m.len()).map(|g| between[(g, g)] + spread[g]).collect();
        for g in 0..m.len() {
            if m[g] > 1.0 {
                between[(g, g)] -= spread[g] / (m[g] - 1.0);
            }
        }
        Products { between, diagonal }
    };
    let (t, s) = logits(reduced, x, y);
    let at = evaluate(reduced, &t, &s);
    let rows = x.nrows();
    let spreads: f64 = (0..reduced.groups())
        .filter(|&g| x[(rows - 1, g)] != 0.0 || y[(rows - 1, g)] != 0.0)
        .map(|g| reduced.multiplicity[g] - 1.0)
        .sum();
    let mut solved = Solved {
        loss: at.loss,
        cross_entropy: at.loss,
        of_class: at.of_class,
        features: of(y, y),
        classifier: of(x, x),
        logits: of(x, y),
        rank: (directions(x, y) as f64 + spreads) as u64,
        nuclear_norm: None,
        proof,
        method: Method::Lowrank,
        termination: Termination::Converged,
        iterations: 0,
        seconds: 0.0,
        coincident: Vec::new(),
        partition,
        point,
    };
    solved.coincident = solved.coincidences();
    solved.seconds = start.elapsed().as_secs_f64();
    solved
}

/// Singular values that count, of the columns of both sides, each in units of its largest.
fn directions(x: &DMatrix<f64>, y: &DMatrix<f64>) -> usize {
    let (rows, groups) = (x.nrows() - 1, x.ncols());
    if rows == 0 {
        return 0;
    }
    let unit = |side: &DMatrix<f64>| side.column_iter().map(|c| c.norm()).fold(f64::MIN_POSITIVE, f64::max);
    let (a, b) = (unit(x), unit(y));
    let both = DMatrix::from_fn(rows, 2 * groups, |i, c| {
        if c < groups {
            x[(i, c)] / a
        } else {
            y[(i, c - groups)] / b
        }
    });
    let values = both.singular_values();
    values.iter().filter(|v| **v > VANISHED * values.max()).count()
}

impl Products {
    /// The inner product of two classes, the same or not, of two groups.
    pub fn entry(&self, j: usize, g: usize, same: bool) -> f64 {
        if same { self.diagonal[g] } else { self.between[(j, g)] }
    }

    /// By classes in the user's order.
    pub fn to_dense(&self, partition: &Partition) -> DMatrix<f64> {
        let group: Vec<usize> = groups_of(partition);
        DMatrix::from_fn(group.len(), group.len(), |i, j| self.entry(group[i], group[j], i == j))
    }
}

/// The group of every class.
fn groups_of(partition: &Partition) -> Vec<usize> {
    let mut group = Vec::with_capacity(partition.classes() as usize);
    for (_, count, of) in partition.runs() {
        group.extend(std::iter::repeat_n(of, count as usize));
    }
    group
}

impl Solved {
    /// Norms of a side by group; exactly 0 for what has vanished.
    pub fn norms(&self, of: &Products) -> Vec<f64> {
        let norms: Vec<f64> = of.diagonal.iter().map(|d| d.max(0.0).sqrt()).collect();
        let most = norms.iter().copied().fold(0.0, f64::max);
        norms
            .into_iter()
            .map(|norm| if norm <= VANISHED * most { 0.0 } else { norm })
            .collect()
    }

    /// The cosine of two classes of groups, or `None` where one has vanished, or a group has one class only.
    pub fn cosine(&self, of: &Products, j: usize, g: usize) -> Option<f64> {
        let norms = self.norms(of);
        if j == g && self.partition.multiplicity()[g] < 2 {
            return None;
        }
        cosine(of.between[(j, g)], norms[j], norms[g])
    }

    /// The cosine of the classifier of a class with its feature (NC3 is that it is 1), by group.
    pub fn alignment(&self) -> Vec<Option<f64>> {
        let (w, h) = (self.norms(&self.classifier), self.norms(&self.features));
        (0..w.len())
            .map(|g| cosine(self.logits.diagonal[g], w[g], h[g]))
            .collect()
    }

    /// The cosine of a classifier of group `j` with the feature of another class of group `g`.
    pub fn cross_cosine(&self, j: usize, g: usize) -> Option<f64> {
        if j == g && self.partition.multiplicity()[g] < 2 {
            return None;
        }
        let (w, h) = (self.norms(&self.classifier), self.norms(&self.features));
        cosine(self.logits.between[(j, g)], w[j], h[g])
    }

    /// Groups whose classifiers have vanished.
    pub fn vanished(&self) -> Vec<usize> {
        let norms = self.norms(&self.classifier);
        (0..norms.len()).filter(|&g| norms[g] == 0.0).collect()
    }

    /// Dimension that the features span without the classifier.
    pub fn feature_rank(&self) -> u64 {
        let y = &self.point.sides[1];
        let spread = y.nrows() - 1;
        let multiplicity = self.partition.multiplicity();
        let spreads: u64 = (0..multiplicity.len())
            .filter(|&g| y[(spread, g)] != 0.0)
            .map(|g| multiplicity[g] - 1)
            .sum();
        directions(y, y) as u64 + spreads
    }

    /// Sets of groups whose classifiers coincide, those that vanish among them.
    fn coincidences(&self) -> Vec<Vec<usize>> {
        let x = &self.point.sides[0];
        let rows = x.nrows();
        let m = self.partition.multiplicity_f64();
        let norms = self.norms(&self.classifier);
        let most = norms.iter().copied().fold(0.0, f64::max);
        let single = |g: usize| {
            norms[g] == 0.0 || (x[(rows - 1, g)] / m[g].sqrt()).abs() <= COINCIDENT * norms[g].max(VANISHED * most)
        };
        let mut sets: Vec<Vec<usize>> = Vec::new();
        for g in (0..m.len()).filter(|&g| single(g)) {
            let same = |h: usize| {
                let difference = (x.column(g) / m[g].sqrt() - x.column(h) / m[h].sqrt()).norm();
                (norms[g] == 0.0 && norms[h] == 0.0) || difference <= COINCIDENT * norms[g].max(norms[h])
            };
            match sets.iter_mut().find(|set| same(set[0])) {
                Some(set) => set.push(g),
                None => sets.push(vec![g]),
            }
        }
        sets.retain(|set| set.len() > 1 || m[set[0]] > 1.0);
        sets
    }

    /// Classifiers or features of all classes as columns, `rank`-dimensional or a little more; both sides in one space.
    pub fn embedding(&self, classifier: bool) -> DMatrix<f64> {
        let x = &self.point.sides[usize::from(!classifier)];
        let rows = x.nrows() - 1;
        let m = self.partition.multiplicity();
        let alive: Vec<bool> = (0..m.len())
            .map(|g| self.point.sides.iter().any(|x| x[(rows, g)] != 0.0))
            .collect();
        let mut offset = vec![0; m.len()];
        let mut height = rows;
        for g in (0..m.len()).filter(|&g| alive[g]) {
            offset[g] = height;
            height += m[g] as usize - 1;
        }
        let group = groups_of(&self.partition);
        let mut out = DMatrix::zeros(height.max(1), group.len());
        let mut seen = vec![0usize; m.len()];
        for (class, &g) in group.iter().enumerate() {
            let root = (m[g] as f64).sqrt();
            for i in 0..rows {
                out[(i, class)] = x[(i, g)] / root;
            }
            if alive[g] {
                let spread = x[(rows, g)] / root;
                for (i, value) in simplex(m[g] as usize, seen[g]).into_iter().enumerate() {
                    out[(offset[g] + i, class)] = spread * value;
                }
            }
            seen[g] += 1;
        }
        out
    }
}

/// Vertex `i` of the regular simplex of `m` unit vectors in `m - 1` dimensions.
fn simplex(m: usize, i: usize) -> Vec<f64> {
    // Row l of Helmert's basis: l + 1 equal entries and then their negative sum.
    let scale = (m as f64 / (m as f64 - 1.0)).sqrt();
    (0..m - 1)
        .map(|l| {
            let norm = ((l + 1) as f64 * (l + 2) as f64).sqrt();
            scale
                * match i {
                    i if i <= l => 1.0 / norm,
                    i if i == l + 1 => -((l + 1) as f64) / norm,
                    _ => 0.0,
                }
        })
        .collect()
}

fn cosine(product: f64, a: f64, b: f64) -> Option<f64> {
    (a > 0.0 && b > 0.0).then(|| (product / (a * b)).clamp(-1.0, 1.0))
}
