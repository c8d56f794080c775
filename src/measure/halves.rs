//! What a Gram matrix does to rare classes: angles within and between the head and the tail, the smaller half of the classes,
//! and how far the class means are from a simplex.

use serde::{Deserialize, Serialize};

use super::metrics::{Angles, MAX_REFERENCE_GROUPS, kini_distance};
use crate::gram::{Gram, Partition};
use crate::objective::others;

/// Angles between classes in degrees.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Span {
    /// The smallest.
    pub least: f64,
    /// The mean over pairs of classes.
    pub mean: f64,
    /// The largest.
    pub most: f64,
}

/// The tail is the smaller half of the classes, `floor(k/2)` of them, the later ones where sizes are equal; the head is the
/// rest.
#[derive(Debug, Clone, PartialEq)]
pub struct Halves {
    /// Number of classes in the tail.
    pub tail_classes: u64,
    /// Angles within the head; `None` for one class.
    pub within_head: Option<Span>,
    /// Angles between a class of the head and one of the tail.
    pub between: Option<Span>,
    /// Angles within the tail; `None` for one class.
    pub within_tail: Option<Span>,
    /// The closest pair with a class of the tail, ascending.
    pub closest: [u64; 2],
    /// Its angle in degrees.
    pub min_tail_angle: f64,
    /// Least `1 - M_cc'` over all pairs of classes: the least margin of the nearest-class-mean classifier on features that
    /// coincide with their class means.
    pub margin: f64,
}

/// How far class means are from a simplex ETF, as in THEORY 10.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct EtfDeviation {
    /// Standard deviation of the lengths of the centred class means over their mean.
    pub equinorm: Option<f64>,
    /// Standard deviation of their cosines over all pairs of classes.
    pub equiangular: Option<f64>,
    /// `|| M/||M|| - E/||E|| ||` in the Frobenius norm, with `E` the Gram matrix of the ETF.
    pub distance: f64,
}

/// Number of tail classes in every group.
pub fn tail_of_groups(partition: &Partition) -> Vec<u64> {
    let mut order: Vec<usize> = (0..partition.groups()).collect();
    let sizes = partition.sizes();
    order.sort_by(|&g, &h| sizes[g].total_cmp(&sizes[h]).then(h.cmp(&g)));
    let mut left = partition.classes() / 2;
    let mut tail = vec![0; partition.groups()];
    for g in order {
        tail[g] = left.min(partition.multiplicity()[g]);
        left -= tail[g];
    }
    tail
}

/// Angles by pairs, one after the other.
#[derive(Default)]
struct Gathered {
    pairs: f64,
    sum: f64,
    ends: Option<(f64, f64)>,
}

impl Gathered {
    fn add(&mut self, angle: f64, pairs: f64) {
        if pairs > 0.0 {
            self.pairs += pairs;
            self.sum += pairs * angle;
            let (least, most) = self.ends.unwrap_or((angle, angle));
            self.ends = Some((least.min(angle), most.max(angle)));
        }
    }

    fn span(&self) -> Option<Span> {
        let (least, most) = self.ends?;
        // The mean of equal angles is that angle.
        let mean = (self.sum / self.pairs).clamp(least, most);
        Some(Span { least, mean, most })
    }
}

/// Head and tail of a Gram matrix; `None` above 4000 groups.
pub fn halves(gram: &Gram, angles: &Angles<'_>) -> Option<Halves> {
    let partition = gram.partition();
    let groups = partition.groups();
    if groups > MAX_REFERENCE_GROUPS {
        return None;
    }
    let tail = tail_of_groups(partition);
    let multiplicity = partition.multiplicity();
    let head: Vec<u64> = multiplicity.iter().zip(&tail).map(|(m, t)| m - t).collect();
    let (mut within_head, mut between, mut within_tail) = <(Gathered, Gathered, Gathered)>::default();
    let mut closest: Option<(f64, usize, usize)> = None;
    let mut nearest = f64::NEG_INFINITY;
    for g in 0..groups {
        for h in g..groups {
            if g == h && multiplicity[g] < 2 {
                continue;
            }
            nearest = nearest.max(gram.between(g, h));
            let angle = angles.degrees(g, h);
            let same = |counts: &[u64]| match (g == h, counts[g] as f64, counts[h] as f64) {
                (true, n, _) => n * (n - 1.0) / 2.0,
                (false, a, b) => a * b,
            };
            let across = match g == h {
                true => (head[g] * tail[g]) as f64,
                false => head[g] as f64 * tail[h] as f64 + tail[g] as f64 * head[h] as f64,
            };
            within_head.add(angle, same(&head));
            between.add(angle, across);
            within_tail.add(angle, same(&tail));
            if (tail[g] > 0 || tail[h] > 0) && closest.is_none_or(|(least, ..)| angle < least) {
                closest = Some((angle, g, h));
            }
        }
    }
    let (min_tail_angle, g, h) = closest?;
    // Classes of the tail are the last of their group.
    let (mut of_g, mut of_h) = (Vec::new(), Vec::new());
    for (first, count, group) in partition.runs() {
        for (wanted, found) in [(g, &mut of_g), (h, &mut of_h)] {
            if group == wanted {
                found.extend(first + count.saturating_sub(2)..first + count);
            }
        }
    }
    let last = of_h[of_h.len() - 1];
    let other = if g == h {
        of_g[of_g.len() - 2]
    } else {
        of_g[of_g.len() - 1]
    };
    Some(Halves {
        tail_classes: partition.classes() / 2,
        within_head: within_head.span(),
        between: between.span(),
        within_tail: within_tail.span(),
        closest: [last.min(other), last.max(other)],
        min_tail_angle,
        margin: 1.0 - nearest,
    })
}

/// How far the class means are from a simplex ETF; `None` above 4000 groups.
pub fn etf_deviation(gram: &Gram) -> Option<EtfDeviation> {
    let partition = gram.partition();
    let groups = partition.groups();
    if groups > MAX_REFERENCE_GROUPS {
        return None;
    }
    let values = gram.values();
    let multiplicity = partition.multiplicity_f64();
    let k: f64 = multiplicity.iter().sum();
    let others = |g: usize, h: usize| others(&multiplicity, g, h);
    // Inner products with the mean of the class means.
    let to_mean: Vec<f64> = (0..groups)
        .map(|g| (1.0 + (0..groups).map(|h| others(g, h) * values[(g, h)]).sum::<f64>()) / k)
        .collect();
    let square = to_mean.iter().zip(&multiplicity).map(|(x, m)| m * x).sum::<f64>() / k;
    let lengths: Vec<f64> = to_mean
        .iter()
        .map(|x| (1.0 - 2.0 * x + square).max(0.0).sqrt())
        .collect();
    let over_classes = |f: &dyn Fn(usize) -> f64| (0..groups).map(|g| multiplicity[g] * f(g)).sum::<f64>() / k;
    let mean = over_classes(&|g| lengths[g]);
    let deviation = over_classes(&|g| (lengths[g] - mean).powi(2)).sqrt();
    let cosine = |g: usize, h: usize| (values[(g, h)] - to_mean[g] - to_mean[h] + square) / (lengths[g] * lengths[h]);
    let over_pairs = |f: &dyn Fn(f64) -> f64| {
        let row = |g: usize| -> f64 {
            let pairs = (0..groups).filter(|&h| others(g, h) > 0.0);
            pairs.map(|h| others(g, h) * f(cosine(g, h))).sum()
        };
        (0..groups).map(|g| multiplicity[g] * row(g)).sum::<f64>() / (k * (k - 1.0))
    };
    let equiangular = lengths.iter().all(|&length| length > 0.0).then(|| {
        let mean = over_pairs(&|cosine| cosine);
        over_pairs(&|cosine| (cosine - mean).powi(2)).sqrt()
    });
    let etf = nalgebra::DMatrix::from_element(groups, groups, -1.0 / (k - 1.0));
    Some(EtfDeviation {
        equinorm: (mean > 0.0).then(|| deviation / mean),
        equiangular,
        distance: kini_distance(&values, &etf, &multiplicity),
    })
}
