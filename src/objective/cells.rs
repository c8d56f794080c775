//! A loss on a fixed schedule of batches, THEORY (12): the [`Objective`] whose vertices are cells of samples.
//!
//! An anchor `i` of a batch `B` meets the samples of `B` alone. With `P` its positives there, `p` of them, and `m_l` the
//! mass of a negative (1; for bcl one over the number of samples of its class in the batch), its row is that of the full batch
//! on `B`, with the inner products measured from their mean over the positives, `a = mean_P g_ij`, `delta_j = (g_ij - a)/tau`:
//!
//! ```text
//! supcon, bcl   log s + log1p( s^-1 ( (s/p) sum_P phi(delta_j) + sum_N m_l e^{(g_il - a)/tau} ) ),   s = p (1 for bcl)
//! sincere       mean_P log1p( sum_N e^{(g_il - g_ij)/tau} )
//! nscl          log sum_N e^{(g_il - a)/tau}
//! ```
//!
//! `phi(x) = e^x - 1 - x` is of second order, so the excess keeps its digits up to collapse. An anchor without a positive is
//! skipped; so is, for nscl, one without a negative, whose row would be minus infinity.

use std::ops::Range;
use std::sync::Arc;

use nalgebra::{DMatrix, DVector};

use super::Objective;
use super::contract::exponential_rounding;
use super::samples::expm1_and_phi;
use crate::gram::cells::Cells;
use crate::math::sparse::{Pattern, Sparse};
use crate::math::sum::compensated_sum;
use crate::problem::FullBatchLoss;

/// A loss on the inner products of cells that share a batch.
#[derive(Debug, Clone)]
pub struct CellLoss {
    temperature: f64,
    terms: Arc<Terms>,
    floor: Option<f64>,
}

/// What does not depend on the temperature.
#[derive(Debug)]
struct Terms {
    loss: FullBatchLoss,
    /// Samples of every cell.
    multiplicity: Vec<f64>,
    pattern: Arc<Pattern>,
    rows: Vec<Row>,
    /// Entry of every term: in the column of the anchor's cell, in the row of the other's.
    positions: Vec<u32>,
    /// Cell of every term.
    cells: Vec<u32>,
    /// Points of every term's cell other than the anchor.
    points: Vec<f64>,
    /// Mass of one such point, where it is not 1 (bcl).
    masses: Vec<f64>,
    anchors: f64,
    skipped: f64,
    largest_row: usize,
}

/// The anchors of one cell in one batch.
#[derive(Debug, Clone, Copy)]
struct Row {
    /// The cell.
    anchor: u32,
    /// Share of all anchors.
    weight: f64,
    /// Positives `p` of an anchor.
    positives: f64,
    /// `s`: mass of the positives once they coincide.
    base: f64,
    /// Terms of positives are `start..middle`, of negatives `middle..end`.
    start: usize,
    middle: usize,
    end: usize,
}

/// `weight (log sum mass e^{x/tau} - sum c x/tau)`.
#[derive(Debug, Clone)]
pub struct LogSum {
    /// Factor of the whole.
    pub weight: f64,
    /// `(position, mass)` of the exponentials.
    pub terms: Vec<(u32, f64)>,
    /// `(position, c)` of what is subtracted.
    pub minus: Vec<(u32, f64)>,
}

/// Blocks of curvatures that take more are not made.
const MAX_BLOCK_BYTES: f64 = 1e9;

/// The loss at one Gram matrix.
#[derive(Debug, Clone)]
pub struct CellPoint {
    /// In units of `e^log_scale`.
    excess: f64,
    log_excess: f64,
    log_scale: f64,
    y: Sparse,
    /// Share of one point of every term in the softmax of its row; sincere: that of the negatives among themselves, and of a
    /// positive `j` the share of the negatives against it.
    shares: Vec<f64>,
}

impl CellLoss {
    /// The loss on the batches of `cells`. `None` where the pattern has 2^32 entries. Without an anchor that has a positive and a
    /// negative in one batch, see [`CellLoss::compares`], it has no meaning.
    pub fn new(loss: FullBatchLoss, temperature: f64, cells: &Cells) -> Option<Self> {
        let terms = Terms::new(loss, cells)?;
        let floors = terms.rows.iter().map(|row| row.weight * row.base.ln());
        Some(Self {
            temperature,
            floor: (loss != FullBatchLoss::Nscl).then(|| compensated_sum(floors)),
            terms: Arc::new(terms),
        })
    }

    /// The same loss at another temperature; the terms are shared.
    #[must_use]
    pub fn at_temperature(&self, temperature: f64) -> Self {
        Self {
            temperature,
            ..self.clone()
        }
    }

    /// The pairs of cells that share a batch.
    pub fn pattern(&self) -> &Arc<Pattern> {
        &self.terms.pattern
    }

    /// Whether any anchor has a positive and a negative.
    pub fn compares(&self) -> bool {
        self.terms.rows.iter().any(|row| row.middle < row.end)
    }

    /// Temperature.
    pub fn temperature(&self) -> f64 {
        self.temperature
    }

    /// Anchors that count: a sample once for each batch in which it has a positive (for nscl, and a negative).
    pub fn anchors(&self) -> f64 {
        self.terms.anchors
    }

    /// Anchors that do not.
    pub fn skipped_anchors(&self) -> f64 {
        self.terms.skipped
    }

    /// The loss as weighted sums of `log sum mass e^{x/tau} - sum c x/tau` over the entries `x` at positions of the pattern.
    pub fn log_sums(&self) -> Vec<LogSum> {
        let mut sums = Vec::new();
        for row in &self.terms.rows {
            let terms = |range: Range<usize>, mass: f64| -> Vec<(u32, f64)> {
                let term = |t: usize| {
                    (
                        self.terms.positions[t],
                        self.terms.points[t] * self.terms.mass(t) * mass,
                    )
                };
                range.map(term).collect()
            };
            let negatives = terms(row.middle..row.end, 1.0);
            let share = |t: usize| self.terms.points[t] / row.positives;
            if self.terms.loss == FullBatchLoss::Sincere {
                for t in row.start..row.middle {
                    let own = (self.terms.positions[t], 1.0);
                    sums.push(LogSum {
                        weight: row.weight * share(t),
                        terms: std::iter::once(own).chain(negatives.iter().copied()).collect(),
                        minus: vec![own],
                    });
                }
                continue;
            }
            let mut all = if self.terms.loss == FullBatchLoss::Nscl {
                Vec::new()
            } else {
                terms(row.start..row.middle, 1.0)
            };
            all.extend(negatives);
            sums.push(LogSum {
                weight: row.weight,
                terms: all,
                minus: (row.start..row.middle)
                    .map(|t| (self.terms.positions[t], share(t)))
                    .collect(),
            });
        }
        sums
    }
}

impl Terms {
    fn new(loss: FullBatchLoss, cells: &Cells) -> Option<Self> {
        let mut result = Self {
            loss,
            multiplicity: cells.samples().to_vec(),
            pattern: Arc::new(Pattern::from_cliques(cells.count(), cells.batches())?),
            rows: Vec::new(),
            positions: Vec::new(),
            cells: Vec::new(),
            points: Vec::new(),
            masses: Vec::new(),
            anchors: 0.0,
            skipped: 0.0,
            largest_row: 0,
        };
        let classes = cells.classes();
        let mut in_class = vec![0.0; classes.iter().max().map_or(0, |&c| c as usize + 1)];
        for batch in cells.batches() {
            for &cell in batch {
                in_class[classes[cell as usize] as usize] += result.multiplicity[cell as usize];
            }
            let total: f64 = batch.iter().map(|&cell| result.multiplicity[cell as usize]).sum();
            for &cell in batch {
                let own = in_class[classes[cell as usize] as usize];
                let needs_negative = loss == FullBatchLoss::Nscl && own == total;
                if own < 2.0 || needs_negative {
                    result.skipped += result.multiplicity[cell as usize];
                } else {
                    result.anchors += result.multiplicity[cell as usize];
                    // Without negatives a row of sincere is zero.
                    if loss != FullBatchLoss::Sincere || own < total {
                        result.push(cell, batch, classes, &in_class);
                    }
                }
            }
            for &cell in batch {
                in_class[classes[cell as usize] as usize] = 0.0;
            }
        }
        for row in &mut result.rows {
            row.weight /= result.anchors;
        }
        Some(result)
    }

    /// The row of the anchors of `cell` in a batch.
    fn push(&mut self, cell: u32, batch: &[u32], classes: &[u32], in_class: &[f64]) {
        let class = |cell: u32| classes[cell as usize];
        let points = |other: u32, m: &[f64]| m[other as usize] - f64::from(u8::from(other == cell));
        let start = self.positions.len();
        let mut middle = start;
        for positive in [true, false] {
            for &other in batch.iter().filter(|&&other| (class(other) == class(cell)) == positive) {
                let points = points(other, &self.multiplicity);
                if points == 0.0 {
                    continue;
                }
                let position = self.pattern.position(other as usize, cell as usize);
                self.positions
                    .push(position.expect("cells of one batch are in the pattern") as u32);
                self.cells.push(other);
                self.points.push(points);
                if self.loss == FullBatchLoss::Bcl {
                    let shared = in_class[class(other) as usize] - f64::from(u8::from(positive));
                    self.masses.push(1.0 / shared);
                }
            }
            if positive {
                middle = self.positions.len();
            }
        }
        let positives = in_class[class(cell) as usize] - 1.0;
        self.rows.push(Row {
            anchor: cell,
            weight: self.multiplicity[cell as usize],
            positives,
            base: match self.loss {
                FullBatchLoss::Supcon | FullBatchLoss::Population => positives,
                FullBatchLoss::Sincere | FullBatchLoss::Nscl | FullBatchLoss::Bcl => 1.0,
            },
            start,
            middle,
            end: self.positions.len(),
        });
        self.largest_row = self.largest_row.max(self.positions.len() - start);
    }

    fn mass(&self, term: usize) -> f64 {
        self.masses.get(term).copied().unwrap_or(1.0)
    }

    /// Slopes, given by the columns of the anchors' cells, by their rows.
    fn by_anchor(&self, columns: &[f64]) -> Sparse {
        let mut y = Sparse::zeros(Arc::clone(&self.pattern));
        for (at, value) in y.values_mut().iter_mut().enumerate() {
            *value = columns[self.pattern.twin(at)];
        }
        y
    }
}

impl Objective for CellLoss {
    type Point = CellPoint;
    type Entries = Sparse;

    fn multiplicity(&self) -> &[f64] {
        &self.terms.multiplicity
    }

    fn floor(&self) -> Option<f64> {
        self.floor
    }

    fn rounding(&self) -> f64 {
        exponential_rounding(self.temperature, self.terms.largest_row + self.terms.rows.len())
    }

    fn zeros(&self) -> Sparse {
        Sparse::zeros(Arc::clone(&self.terms.pattern))
    }

    fn evaluate(&self, values: &Sparse, log_scale: f64) -> CellPoint {
        let tau = self.temperature;
        let unit = (-log_scale).exp();
        let scaled = unit / (self.terms.anchors * tau);
        let values = values.values();
        let exponentials: Vec<f64> = values.iter().map(|value| ((value - 1.0) / tau).exp()).collect();
        let mut columns = vec![0.0; values.len()];
        let mut shares = vec![0.0; self.terms.positions.len()];
        let mut totals = Vec::with_capacity(self.terms.rows.len());
        for row in &self.terms.rows {
            let p = row.positives;
            let (positives, negatives) = (row.start..row.middle, row.middle..row.end);
            let value = |t: usize| values[self.terms.positions[t] as usize];
            let exponential = |t: usize| exponentials[self.terms.positions[t] as usize];
            let sum: f64 = negatives
                .clone()
                .map(|t| self.terms.points[t] * self.terms.mass(t) * exponential(t))
                .sum();
            // What the mass times the exponential of a negative is multiplied by, to be its share and its slope.
            let (share_factor, slope_factor) = if self.terms.loss == FullBatchLoss::Sincere {
                let (mut mean, mut share) = (0.0, 0.0);
                for t in positives {
                    let ratio = sum * ((1.0 - value(t)) / tau).exp();
                    let sigma = ratio / (1.0 + ratio);
                    mean += self.terms.points[t] * ratio.ln_1p();
                    share += self.terms.points[t] * sigma;
                    shares[t] = sigma;
                    columns[self.terms.positions[t] as usize] -= scaled * sigma / p;
                }
                totals.push(row.weight * mean / p);
                (1.0 / sum, scaled * share / (p * sum))
            } else {
                let mean = positives
                    .clone()
                    .map(|t| self.terms.points[t] * (value(t) - 1.0))
                    .sum::<f64>()
                    / p;
                // e^{(1 - a)/tau}.
                let rise = (-mean / tau).exp();
                if self.terms.loss == FullBatchLoss::Nscl {
                    totals.push(row.weight * (sum * rise).ln());
                    for t in positives {
                        columns[self.terms.positions[t] as usize] -= scaled / p;
                    }
                    (1.0 / sum, scaled / sum)
                } else {
                    let mut spread = 0.0;
                    for t in positives.clone() {
                        let (grown, second) = expm1_and_phi((value(t) - 1.0 - mean) / tau);
                        spread += self.terms.points[t] * second;
                        shares[t] = grown;
                    }
                    let relative = spread / p + sum * rise / row.base;
                    totals.push(row.weight * relative.ln_1p());
                    let denominator = 1.0 + relative;
                    for t in positives {
                        let grown = shares[t];
                        // The share less 1/p, without the subtraction.
                        columns[self.terms.positions[t] as usize] += scaled * (grown - relative) / (p * denominator);
                        shares[t] = (1.0 + grown) / (p * denominator);
                    }
                    let factor = rise / (row.base * denominator);
                    (factor, scaled * factor)
                }
            };
            for t in negatives {
                let term = self.terms.mass(t) * exponential(t);
                shares[t] = share_factor * term;
                columns[self.terms.positions[t] as usize] += slope_factor * term;
            }
        }
        let total = compensated_sum(totals.into_iter());
        CellPoint {
            excess: total * unit,
            log_excess: if self.floor.is_some() { total.ln() } else { f64::NAN },
            log_scale,
            y: self.terms.by_anchor(&columns),
            shares,
        }
    }

    fn excess(&self, at: &CellPoint) -> f64 {
        at.excess
    }

    fn log_excess(&self, at: &CellPoint) -> f64 {
        at.log_excess
    }

    fn gradient<'p>(&self, at: &'p CellPoint) -> &'p Sparse {
        &at.y
    }

    fn hessian_product(&self, at: &CellPoint, direction: &Sparse) -> Sparse {
        let rate = 1.0 / self.temperature;
        let scaled = (-at.log_scale).exp() * rate / self.terms.anchors;
        let direction = direction.values();
        let mut columns = vec![0.0; direction.len()];
        for row in &self.terms.rows {
            let along = |t: usize| direction[self.terms.positions[t] as usize];
            let of = |t: usize| self.terms.points[t] * at.shares[t] * along(t);
            let (positives, negatives) = (row.start..row.middle, row.middle..row.end);
            let mean: f64 = match self.terms.loss {
                FullBatchLoss::Sincere | FullBatchLoss::Nscl => negatives.clone().map(of).sum(),
                FullBatchLoss::Supcon | FullBatchLoss::Population | FullBatchLoss::Bcl => {
                    (row.start..row.end).map(of).sum()
                }
            };
            // The slopes of negatives are `share n`, and both change.
            let (mut share, mut growth) = (1.0, 0.0);
            match self.terms.loss {
                FullBatchLoss::Nscl => {}
                FullBatchLoss::Sincere => {
                    share = 0.0;
                    for t in positives {
                        let sigma = at.shares[t];
                        let change = sigma * (1.0 - sigma) * (mean - along(t)) * rate;
                        columns[self.terms.positions[t] as usize] -= scaled * change / row.positives;
                        share += self.terms.points[t] * sigma / row.positives;
                        growth += self.terms.points[t] * change / row.positives;
                    }
                }
                FullBatchLoss::Supcon | FullBatchLoss::Population | FullBatchLoss::Bcl => {
                    for t in positives {
                        columns[self.terms.positions[t] as usize] += scaled * at.shares[t] * (along(t) - mean) * rate;
                    }
                }
            }
            for t in negatives {
                let change = growth + share * (along(t) - mean) * rate;
                columns[self.terms.positions[t] as usize] += scaled * at.shares[t] * change;
            }
        }
        self.terms.by_anchor(&columns)
    }

    /// The second moments of the positives, whose inner products with an anchor are drawn together the harder the smaller the
    /// excess is: of order `1/excess` beside the multipliers.
    fn curvature_blocks(&self, at: &CellPoint, h: &DMatrix<f64>, private: bool) -> Option<Vec<DMatrix<f64>>> {
        let (p, n) = h.shape();
        let small = 8.0 * (p * p * n) as f64 <= MAX_BLOCK_BYTES;
        if !small || !matches!(self.terms.loss, FullBatchLoss::Supcon | FullBatchLoss::Bcl) {
            return None;
        }
        let shared = p - usize::from(private);
        let scaled = (-at.log_scale).exp() / (self.temperature * self.temperature);
        let mut blocks = vec![DMatrix::zeros(p, p); n];
        let mut mean = DVector::zeros(p);
        let mut other = DVector::zeros(p);
        for row in &self.terms.rows {
            let anchor = row.anchor as usize;
            let mut of_anchor = h.column(anchor).into_owned();
            if private {
                of_anchor[shared] = 0.0;
            }
            mean.fill(0.0);
            let weight = row.weight * scaled;
            for t in row.start..row.end {
                let share = self.terms.points[t] * at.shares[t];
                let cell = self.terms.cells[t] as usize;
                other.copy_from(&h.column(cell));
                if cell == anchor {
                    // Two points of one cell: 1 - s^2 m/(m - 1).
                    let m = self.terms.multiplicity[cell];
                    other.fill(0.0);
                    other[shared] = -2.0 * h[(shared, cell)] * m / (m - 1.0);
                } else {
                    if private {
                        other[shared] = 0.0;
                    }
                    blocks[cell].ger(weight * share * (1.0 - share), &of_anchor, &of_anchor, 1.0);
                }
                mean.axpy(share, &other, 1.0);
                blocks[anchor].ger(weight * share, &other, &other, 1.0);
            }
            blocks[anchor].ger(-weight, &mean, &mean, 1.0);
        }
        Some(blocks)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use rand::{Rng, RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;
    use crate::gram::entries::Entries;
    use crate::problem::{Batches, Classes, SampleOrder};

    const LOSSES: [FullBatchLoss; 4] = [
        FullBatchLoss::Supcon,
        FullBatchLoss::Sincere,
        FullBatchLoss::Nscl,
        FullBatchLoss::Bcl,
    ];

    const SIZES: [u64; 3] = [4, 3, 2];

    fn schedule() -> Vec<Vec<u32>> {
        vec![
            vec![0, 1, 2, 4, 5, 7],
            vec![2, 3, 4, 6, 7, 8],
            vec![0, 1],
            vec![2, 5, 6],
            vec![1, 0, 3, 5, 8],
        ]
    }

    fn cells(views: u64) -> Cells {
        of(schedule(), views)
    }

    fn of(lists: Vec<Vec<u32>>, views: u64) -> Cells {
        let classes = Classes::from_counts(&SIZES).unwrap();
        let order = SampleOrder::class_major(&classes).unwrap();
        Cells::new(&classes, &Batches::from_examples(order, lists).unwrap(), views)
    }

    /// An invariant Gram matrix between cells: any numbers will do for the formula.
    fn values(loss: &CellLoss, generator: &mut impl Rng) -> Sparse {
        let mut values = loss.zeros();
        values.update(|_, _, _| generator.random::<f64>() * 1.6 - 0.8);
        let mut values = values.symmetrised();
        let m = loss.multiplicity().to_vec();
        values.update(|g, h, value| if g == h && m[g] < 2.0 { 1.0 } else { value });
        values
    }

    /// THEORY (12) and its relatives as they are defined, on single samples.
    fn direct(kind: FullBatchLoss, tau: f64, cells: &Cells, values: &Sparse, views: usize) -> f64 {
        let class = |example: u32| match example {
            0..=3 => 0,
            4..=6 => 1,
            _ => 2,
        };
        let entry = |a: (u32, usize), b: (u32, usize)| {
            let (c, d) = (cells.of_used()[a.0 as usize], cells.of_used()[b.0 as usize]);
            if a == b {
                1.0
            } else {
                values.get(c as usize, d as usize)
            }
        };
        let (mut sum, mut anchors) = (0.0, 0.0);
        for batch in schedule() {
            let all: Vec<(u32, usize)> = batch.iter().flat_map(|&e| (0..views).map(move |v| (e, v))).collect();
            for &i in &all {
                let positives: Vec<_> = all.iter().filter(|&&j| j != i && class(j.0) == class(i.0)).collect();
                let negatives: Vec<_> = all.iter().filter(|&&j| class(j.0) != class(i.0)).collect();
                if positives.is_empty() || (kind == FullBatchLoss::Nscl && negatives.is_empty()) {
                    continue;
                }
                anchors += 1.0;
                let mut row = 0.0;
                for &&j in &positives {
                    let e = |l: (u32, usize)| ((entry(i, l) - entry(i, j)) / tau).exp();
                    let of_positives: f64 = positives.iter().map(|&&l| e(l)).sum();
                    let of_negatives: f64 = negatives.iter().map(|&&l| e(l)).sum();
                    let balanced: f64 = (0..3)
                        .filter(|&c| c != class(i.0))
                        .map(|c| {
                            let members: Vec<_> = negatives.iter().filter(|l| class(l.0) == c).collect();
                            let total: f64 = members.iter().map(|&&&l| e(l)).sum();
                            if members.is_empty() {
                                0.0
                            } else {
                                total / members.len() as f64
                            }
                        })
                        .sum();
                    row += match kind {
                        FullBatchLoss::Supcon => (of_positives + of_negatives).ln(),
                        FullBatchLoss::Sincere => (e(j) + of_negatives).ln(),
                        FullBatchLoss::Nscl => of_negatives.ln(),
                        FullBatchLoss::Bcl => (of_positives / positives.len() as f64 + balanced).ln(),
                        FullBatchLoss::Population => unreachable!("not a loss on batches"),
                    };
                }
                sum += row / positives.len() as f64;
            }
        }
        sum / anchors
    }

    #[test]
    fn the_loss_is_that_of_single_samples() {
        let generator = &mut ChaCha8Rng::seed_from_u64(1);
        for kind in LOSSES {
            for (tau, views) in [(0.2, 1), (1.0, 2)] {
                let cells = cells(views);
                let loss = CellLoss::new(kind, tau, &cells).unwrap();
                let values = values(&loss, generator);
                let expected = direct(kind, tau, &cells, &values, views as usize);
                let found = loss.floor().unwrap_or(0.0) + loss.excess(&loss.evaluate(&values, 0.0));
                assert!((found - expected).abs() < 1e-12, "{kind} {views}: {found} {expected}");
            }
        }
    }

    #[test]
    fn anchors_without_a_positive_are_counted() {
        let loss = CellLoss::new(FullBatchLoss::Supcon, 0.5, &cells(1)).unwrap();
        // 2 is alone in the fourth batch, 7 in the first; 8 and 5 in the last.
        assert_eq!((loss.anchors(), loss.skipped_anchors()), (18.0, 4.0));
        let loss = CellLoss::new(FullBatchLoss::Nscl, 0.5, &cells(1)).unwrap();
        assert_eq!((loss.anchors(), loss.skipped_anchors()), (16.0, 6.0));
        let cells = of(vec![vec![0, 4, 7], vec![1, 5, 8]], 1);
        assert!(!CellLoss::new(FullBatchLoss::Supcon, 0.5, &cells).unwrap().compares());
    }

    #[test]
    fn slopes_and_curvatures_are_differences() {
        let generator = &mut ChaCha8Rng::seed_from_u64(2);
        for kind in LOSSES {
            for views in [1, 3] {
                let loss = CellLoss::new(kind, 0.3, &cells(views)).unwrap();
                let m = loss.multiplicity().to_vec();
                let at = values(&loss, generator);
                let mut along = values(&loss, generator);
                along.update(|g, h, value| if g == h && m[g] < 2.0 { 0.0 } else { value });
                let pairing = |y: &Sparse, d: &Sparse| {
                    let mut sum = 0.0;
                    y.each(|g, h, y| sum += m[g] * super::super::others(&m, g, h) * y * d.get(g, h));
                    sum
                };
                let moved = |t: f64| {
                    let mut moved = at.clone();
                    moved.update(|g, h, value| value + t * along.get(g, h));
                    loss.evaluate(&moved, -0.7)
                };
                let here = moved(0.0);
                let t = 1e-5;
                let (up, down) = (moved(t), moved(-t));
                let slope = pairing(loss.gradient(&here), &along);
                let difference = (loss.excess(&up) - loss.excess(&down)) / (2.0 * t);
                assert!(
                    (slope - difference).abs() < 1e-7 * slope.abs().max(1.0),
                    "{kind}: {slope} {difference}"
                );
                let bent = loss.hessian_product(&here, &along);
                bent.each(|g, h, value| {
                    let difference = (loss.gradient(&up).get(g, h) - loss.gradient(&down).get(g, h)) / (2.0 * t);
                    assert!(
                        (value - difference).abs() < 1e-6,
                        "{kind} ({g}, {h}): {value} {difference}"
                    );
                });
                // Convex.
                assert!(pairing(&bent, &along) >= -1e-12, "{kind}");
            }
        }
    }

    /// One batch of everything is the full batch.
    #[test]
    fn one_batch_is_the_full_batch() {
        use super::super::SampleLoss;
        use crate::problem::{Model, Problem, Training};
        let generator = &mut ChaCha8Rng::seed_from_u64(3);
        for kind in LOSSES {
            let model = Model {
                training: Training::full_batch(kind),
                temperature: 0.4,
                ..Model::default()
            };
            let problem = Problem::new(Classes::from_counts(&SIZES).unwrap(), model).unwrap();
            let full = SampleLoss::new(&problem).unwrap();
            let cells = of(vec![(0..9).collect()], 1);
            let loss = CellLoss::new(kind, 0.4, &cells).unwrap();
            let values = values(&loss, generator);
            let dense = DMatrix::from_fn(9, 9, |i, j| {
                let cell = |i: usize| cells.of_used()[i] as usize;
                if i == j { 1.0 } else { values.get(cell(i), cell(j)) }
            });
            let (all, some) = (full.evaluate(&dense, 0.2), loss.evaluate(&values, 0.2));
            assert!((full.excess(&all) - loss.excess(&some)).abs() < 1e-13, "{kind}");
            // A sample of the first class by one of the second.
            let (y, z) = (full.gradient(&all)[(0, 4)], loss.gradient(&some).get(0, 1));
            assert!((y - z).abs() < 1e-14, "{kind}: {y} {z}");
        }
    }
}
