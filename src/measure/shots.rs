//! [`Shot`]: classes with many, some and few samples, as long-tailed recognition counts them \[Liu2019\].

use serde::{Deserialize, Serialize};
use std::borrow::Cow;

use super::metrics::{Angles, MAX_REFERENCE_GROUPS};
use crate::objective::others;
use crate::problem::Measure;

/// Up to this many distinct sizes every one is reported by itself.
const MAX_LISTED_GROUPS: usize = 10;

/// Sizes of the classes in the middle, both included.
const MEDIUM: (f64, f64) = (20.0, 100.0);

/// Classes of similar size, and the angles between class means there.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Shot {
    /// `many`: more than 100 samples; `medium`: 20 to 100; `few`: fewer than 20; views are not counted.
    pub name: Cow<'static, str>,
    /// How many classes.
    pub classes: u64,
    /// Mean angle between two of them; null for one class.
    pub mean_angle_degrees: Option<f64>,
    /// Mean angle of one of them to the class that is nearest to it, of all classes.
    pub nearest_angle_degrees: f64,
}

impl Shot {
    /// The numbers of samples that the name stands for.
    pub fn samples(&self) -> String {
        let (least, most) = MEDIUM;
        match self.name.as_ref() {
            "many" => format!("above {most}"),
            "medium" => format!("{least} to {most}"),
            _ => format!("below {least}"),
        }
    }
}

fn name_of(size: f64) -> usize {
    let (least, most) = MEDIUM;
    usize::from(size <= most) + usize::from(size < least)
}

/// The classes by their number of samples, those that there are; empty for few or very many groups, and for probabilities.
pub fn shots(angles: &Angles<'_>, measure: Measure) -> Vec<Shot> {
    let partition = angles.partition();
    let groups = partition.groups();
    let mut distinct = partition.sizes().to_vec();
    distinct.sort_by(f64::total_cmp);
    distinct.dedup();
    if measure != Measure::Counts || distinct.len() <= MAX_LISTED_GROUPS || groups > MAX_REFERENCE_GROUPS {
        return Vec::new();
    }
    let multiplicity = partition.multiplicity_f64();
    let kind: Vec<usize> = partition.sizes().iter().map(|&size| name_of(size)).collect();
    let (mut classes, mut pairs) = ([0.0; 3], [0.0; 3]);
    let (mut sum, mut nearest) = ([0.0; 3], [0.0; 3]);
    for g in 0..groups {
        let mut least = f64::INFINITY;
        for h in 0..groups {
            let count = others(&multiplicity, g, h);
            if count == 0.0 {
                continue;
            }
            let angle = angles.degrees(g, h);
            least = least.min(angle);
            if kind[g] == kind[h] {
                pairs[kind[g]] += multiplicity[g] * count;
                sum[kind[g]] += multiplicity[g] * count * angle;
            }
        }
        classes[kind[g]] += multiplicity[g];
        nearest[kind[g]] += multiplicity[g] * least;
    }
    ["many", "medium", "few"]
        .into_iter()
        .enumerate()
        .filter(|&(kind, _)| classes[kind] > 0.0)
        .map(|(kind, name)| Shot {
            name: name.into(),
            classes: classes[kind] as u64,
            mean_angle_degrees: (pairs[kind] > 0.0).then(|| sum[kind] / pairs[kind]),
            nearest_angle_degrees: nearest[kind] / classes[kind],
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bounds_are_those_of_long_tailed_recognition() {
        let names = [101.0, 100.0, 20.0, 19.0].map(name_of);
        assert_eq!(names, [0, 1, 1, 2]);
    }
}
