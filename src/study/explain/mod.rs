//! [`Explanation`]: what supcon and SINCERE do to trained features: which positives repel, and how far apart the classes are.

mod report;

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::math::control::Control;
use crate::math::sum::Sum;
use crate::measure::forces::{Anchor, forces};
use crate::measure::rows::{Rows, Sign, for_each_block};
use crate::problem::invalid::Word;
use crate::problem::{Field, Invalid, Label};
use crate::report::{Name, ProblemReport};

/// Identifier of the JSON form.
pub const SCHEMA: &str = "ufmin/explain/1";

/// Most samples: all pairs are looked at.
pub const MAX_SAMPLES: usize = 100_000;

/// Most anchors that the JSON lists.
pub const MAX_ANCHORS: usize = 10_000;

/// Forces and losses on trained features.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Explanation {
    /// [`SCHEMA`].
    pub schema: Name,
    /// Version of this crate.
    pub version: Name,
    /// The problem that the labels describe; null where the library was given none.
    #[serde(default)]
    pub problem: Option<ProblemReport>,
    /// The features.
    pub embeddings: String,
    /// Rows of the features.
    pub samples: u64,
    /// Their dimension.
    pub dimension: u64,
    /// Temperature of both losses.
    pub temperature: f64,
    /// All anchors together.
    pub all: Forces,
    /// Class by class.
    pub per_class: Vec<ClassForces>,
    /// Anchor by anchor, up to 10,000; null above.
    pub per_anchor: Option<Vec<Anchor>>,
}

/// Forces on the anchors of one class.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ClassForces {
    /// The class, from 0.
    pub class: u64,
    /// Its label; null beyond 64 bits.
    pub label: Option<Label>,
    /// Its samples.
    pub samples: u64,
    /// What acts on them; null for a class of one sample, which has no positive.
    #[serde(flatten)]
    pub forces: Option<Forces>,
}

/// Means over anchors. Forces are derivatives of the loss of an anchor by its inner products over the temperature.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Forces {
    /// Anchors that have a positive.
    pub anchors: u64,
    /// Supcon loss.
    pub supcon: f64,
    /// SINCERE loss.
    pub sincere: f64,
    /// Pairs of an anchor and a positive.
    pub positive_pairs: u64,
    /// Those in which the positive repels under supcon: its softmax weight is above `1/|P|`. Under SINCERE none does.
    pub repelling_pairs: u64,
    /// Share of pairs that repel.
    pub repelling_share: f64,
    /// What the repelling positives of an anchor push.
    pub repulsion: f64,
    /// The largest softmax weight of a positive, in units of `1/|P|`.
    pub largest_weight: f64,
    /// What the other positives pull under supcon.
    pub supcon_pull: f64,
    /// What the positives pull under SINCERE.
    pub sincere_pull: f64,
    /// What the negatives push under supcon.
    pub supcon_push: f64,
    /// What the negatives push under SINCERE.
    pub sincere_push: f64,
    /// Lower bound `log|N| - E[L_sincere]` on the symmetrised divergence `KL(p+||p-) + KL(p-||p+)` of positives and
    /// negatives \[FeeneyHughes2023\]; at most 0 says nothing. Over several classes the mean of their bounds.
    pub divergence_bound: f64,
}

impl Forces {
    /// Of anchors and the number of samples of their class, of `samples` in all; `None` without anchors.
    fn of<'a>(anchors: impl Iterator<Item = (&'a Anchor, u64)>, samples: u64) -> Option<Self> {
        let mut sums = [Sum::default(); 8];
        let (mut count, mut pairs, mut repelling, mut largest) = (0u64, 0u64, 0u64, 0.0f64);
        for (anchor, size) in anchors {
            count += 1;
            pairs += size - 1;
            repelling += anchor.repelling;
            largest = largest.max(anchor.largest_weight);
            let values = [
                anchor.supcon,
                anchor.sincere,
                anchor.repulsion,
                anchor.supcon_pull,
                anchor.sincere_pull,
                anchor.supcon_push,
                anchor.sincere_push,
                ((samples - size) as f64).ln() - anchor.sincere,
            ];
            sums.iter_mut().zip(values).for_each(|(sum, value)| sum.add(value));
        }
        if count == 0 {
            return None;
        }
        let [
            supcon,
            sincere,
            repulsion,
            supcon_pull,
            sincere_pull,
            supcon_push,
            sincere_push,
            divergence_bound,
        ] = sums.map(|sum| sum.value() / count as f64);
        Some(Self {
            anchors: count,
            supcon,
            sincere,
            positive_pairs: pairs,
            repelling_pairs: repelling,
            repelling_share: repelling as f64 / pairs as f64,
            repulsion,
            largest_weight: largest,
            supcon_pull,
            sincere_pull,
            supcon_push,
            sincere_push,
            divergence_bound,
        })
    }
}

/// The samples whose forces are explained.
#[derive(Debug, Clone, Copy)]
pub struct Samples<'a> {
    /// Class of every row, from 0.
    pub classes: &'a [u32],
    /// Samples in every class.
    pub counts: &'a [u64],
    /// Label of every class.
    pub labels: &'a [Label],
}

/// Forces and losses on `rows`, called `name`.
///
/// # Errors
/// [`Error::Array`] for rows that are no features; [`Error::Invalid`] above [`MAX_SAMPLES`], or where no class has two
/// samples; [`Error::Stopped`].
///
/// # Panics
/// If there are not as many classes as rows.
pub fn explain(
    rows: &mut dyn Rows,
    samples: Samples<'_>,
    temperature: f64,
    name: String,
    control: &Control,
) -> Result<Explanation, Error> {
    let (count, dimension) = (rows.count(), rows.dimension());
    assert_eq!(count, samples.classes.len(), "one class a row");
    if count > MAX_SAMPLES {
        return Err(Invalid::unavailable(
            Field::Embeddings,
            format!("forces between {count} samples (at most {MAX_SAMPLES} are possible)"),
            &[Word::Text(
                "give the features of a part of the samples, for example of every tenth",
            )],
        )
        .into());
    }
    let mut units = Vec::with_capacity(count * dimension);
    for_each_block(rows, Sign::Any, "features", control, |block| {
        units.extend_from_slice(block.values)
    })?;
    let stopped = Error::Stopped { what: "the forces" };
    let anchors = forces(&units, dimension, samples.classes, temperature, control).ok_or(stopped)?;
    let size = |anchor: &Anchor| samples.counts[anchor.class as usize];
    let mut of_class: Vec<Vec<&Anchor>> = vec![Vec::new(); samples.counts.len()];
    anchors
        .iter()
        .for_each(|anchor| of_class[anchor.class as usize].push(anchor));
    let all = Forces::of(anchors.iter().map(|anchor| (anchor, size(anchor))), count as u64);
    let all = all.ok_or_else(|| {
        Invalid::conflict(
            Field::Labels,
            "no class has two samples, so that there are no positives",
            &[Word::Text("give labels in which classes repeat")],
        )
    })?;
    let per_class = of_class.iter().zip(samples.counts).zip(samples.labels).enumerate();
    Ok(Explanation {
        schema: SCHEMA.into(),
        version: env!("CARGO_PKG_VERSION").into(),
        problem: None,
        embeddings: name,
        samples: count as u64,
        dimension: dimension as u64,
        temperature,
        all,
        per_class: per_class
            .map(|(class, ((anchors, &size), label))| ClassForces {
                class: class as u64,
                label: Some(label.clone()),
                samples: size,
                forces: Forces::of(anchors.iter().map(|&anchor| (anchor, size)), count as u64),
            })
            .collect(),
        per_anchor: (anchors.len() <= MAX_ANCHORS).then_some(anchors),
    })
}
