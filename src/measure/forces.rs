//! The forces of supcon and SINCERE on trained features, anchor by anchor, THEORY 9.
//!
//! With `s_il = h_i.h_l / tau`, positives `P` and negatives `N` of an anchor `i`,
//!
//! ```text
//! supcon    l_i = log sum_{l != i} e^{s_il} - mean_P s_ip,        d l_i/d s_ip = w_ip - 1/|P|,  w the softmax over l != i
//! sincere   l_i = mean_P log( 1 + N_i e^{-s_ip} ),                d l_i/d s_ip = -1/|P| N_i/(N_i + e^{s_ip}),  N_i = sum_N e^{s_in}
//! ```
//!
//! A derivative above zero drives the two samples apart: under supcon a positive repels its anchor iff its softmax weight is
//! above `1/|P|`, under SINCERE none does. What negatives push is the sum of their weights.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::rows::dot;
use crate::math::control::Control;

/// What acts on one anchor. Forces are derivatives by inner products over `tau`, summed over the pairs of the anchor.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Anchor {
    /// The sample, a row of the features.
    pub sample: u64,
    /// Its class.
    pub class: u64,
    /// Supcon loss, nats.
    pub supcon: f64,
    /// SINCERE loss, nats: never above that of supcon.
    pub sincere: f64,
    /// Positives whose softmax weight is above `1/|P|`.
    pub repelling: u64,
    /// What they push: the sum of `w - 1/|P|` over them.
    pub repulsion: f64,
    /// The largest `w |P|` of a positive: above 1 it repels.
    pub largest_weight: f64,
    /// What the other positives pull under supcon: the sum of `1/|P| - w`.
    pub supcon_pull: f64,
    /// What the positives pull under SINCERE: all do.
    pub sincere_pull: f64,
    /// What the negatives push under supcon: the sum of their softmax weights.
    pub supcon_push: f64,
    /// What the negatives push under SINCERE, equal to `sincere_pull`: both are the mean of `N_i/(N_i + e^{s_ip})`.
    pub sincere_push: f64,
}

/// Forces on every anchor that has a positive, in the order of the rows; `None` on a stop request. `units` are unit vectors
/// of `dimension` numbers, one after the other, and `classes` their classes.
pub fn forces(
    units: &[f64],
    dimension: usize,
    classes: &[u32],
    temperature: f64,
    control: &Control,
) -> Option<Vec<Anchor>> {
    let count = classes.len();
    let mut sizes = vec![0usize; classes.iter().max().map_or(0, |&c| c as usize + 1)];
    classes.iter().for_each(|&class| sizes[class as usize] += 1);
    let found: Vec<Option<Option<Anchor>>> = (0..count)
        .into_par_iter()
        .map_init(
            || vec![0.0; count],
            |products, i| {
                if control.stop().is_some() {
                    return None;
                }
                if sizes[classes[i] as usize] < 2 {
                    return Some(None);
                }
                let anchor = &units[i * dimension..(i + 1) * dimension];
                for (product, unit) in products.iter_mut().zip(units.chunks_exact(dimension)) {
                    *product = dot(anchor, unit) / temperature;
                }
                Some(Some(of_anchor(i, products, classes)))
            },
        )
        .collect();
    let all: Option<Vec<Option<Anchor>>> = found.into_iter().collect();
    all.map(|anchors| anchors.into_iter().flatten().collect())
}

/// `products` are `s_il` with all samples.
fn of_anchor(i: usize, products: &[f64], classes: &[u32]) -> Anchor {
    let own = classes[i];
    let others = || {
        let all = products.iter().zip(classes).enumerate().filter(move |&(l, _)| l != i);
        all.map(move |(_, (&s, &class))| (s, class == own))
    };
    // The largest exponent is 0, so that nothing overflows.
    let top = others().map(|(s, _)| s).fold(f64::NEG_INFINITY, f64::max);
    let (mut positives, mut of_positives, mut of_negatives, mut sum) = (0.0, 0.0, 0.0, 0.0);
    let mut negative_top = f64::NEG_INFINITY;
    for (s, is_positive) in others() {
        if is_positive {
            positives += 1.0;
            sum += s;
            of_positives += (s - top).exp();
        } else {
            of_negatives += (s - top).exp();
            negative_top = negative_top.max(s);
        }
    }
    // Negatives far below the positives keep their own scale.
    let scaled: f64 = others()
        .filter(|(_, is_positive)| !is_positive)
        .map(|(s, _)| (s - negative_top).exp())
        .sum();
    let log_negatives = negative_top + scaled.ln();
    let mass = of_positives + of_negatives;
    let mut anchor = Anchor {
        sample: i as u64,
        class: own.into(),
        supcon: top + mass.ln() - sum / positives,
        sincere: 0.0,
        repelling: 0,
        repulsion: 0.0,
        largest_weight: 0.0,
        supcon_pull: 0.0,
        sincere_pull: 0.0,
        supcon_push: of_negatives / mass,
        sincere_push: 0.0,
    };
    for (s, _) in others().filter(|(_, is_positive)| *is_positive) {
        let weight = (s - top).exp() / mass;
        let slope = weight - 1.0 / positives;
        if slope > 0.0 {
            anchor.repelling += 1;
            anchor.repulsion += slope;
        } else {
            anchor.supcon_pull -= slope;
        }
        anchor.largest_weight = anchor.largest_weight.max(weight * positives);
        // log(1 + e^x) and its derivative, x = log N_i - s_ip.
        let x = log_negatives - s;
        anchor.sincere += (x.max(0.0) + (-x.abs()).exp().ln_1p()) / positives;
        anchor.sincere_pull += 1.0 / (1.0 + (-x).exp()) / positives;
    }
    anchor.sincere_push = anchor.sincere_pull;
    anchor
}
