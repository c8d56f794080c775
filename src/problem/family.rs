//! [`Family`]: class sizes as a function of the imbalance ratio, with the smallest size fixed.

use super::invalid::Word;
use super::profile::Profile;
use super::{Field, Invalid, Measure, Partition, Problem};

/// How the sizes between the smallest and the largest depend on the ratio `R`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    /// `n = smallest R^p` at position `p`.
    Power,
    /// `n = smallest R (1 + p (R^(1/6) - 1))^(-6)` at position `p`: [`Profile::Pareto`].
    Pareto,
}

/// Real-valued class sizes for every ratio `R >= 1` of the largest to the smallest; the smallest does not change.
///
/// Explicit sizes are raised to a power: `n_c = smallest (n_c0 / smallest)^(log R / log R0)`, which for two sizes is STEP,
/// and for an exponential profile the profile.
#[derive(Debug, Clone, PartialEq)]
pub struct Family {
    shape: Shape,
    smallest: f64,
    ratio: f64,
    measure: Measure,
    /// One a group, largest first.
    positions: Vec<f64>,
    multiplicity: Vec<u64>,
    /// First class, number of classes and group of every run, in class order.
    runs: Vec<(u64, u64, usize)>,
}

impl Family {
    /// The sizes of a problem, and their powers at other ratios.
    pub fn of_problem(problem: &Problem) -> Family {
        let partition = Partition::by_size(problem);
        let ratio = problem.classes().ratio();
        let smallest = partition.sizes()[partition.groups() - 1];
        let position = |size: &f64| {
            if ratio > 1.0 {
                (size / smallest).ln() / ratio.ln()
            } else {
                0.0
            }
        };
        Family {
            shape: Shape::Power,
            smallest,
            ratio,
            measure: problem.classes().measure(),
            positions: partition.sizes().iter().map(position).collect(),
            multiplicity: partition.multiplicity().to_vec(),
            runs: partition.runs().collect(),
        }
    }

    /// A profile without the rounding to whole samples.
    ///
    /// # Errors
    /// [`Kind::Rule`](super::Kind::Rule) for parameters outside their range.
    pub fn of_profile(profile: Profile) -> Result<Family, Invalid> {
        // Checks the parameters; a STEP ratio may be any real number.
        let whole = match profile {
            Profile::Step {
                majority,
                minority,
                smallest,
                ratio,
            } if ratio >= 1.0 && ratio.is_finite() => Profile::Step {
                majority,
                minority,
                smallest,
                ratio: 1.0,
            },
            other => other,
        };
        whole.runs()?;
        let one_a_class = |shape, count: u64, largest: u64, ratio: f64| {
            let position = |i: u64| i as f64 / (count - 1) as f64;
            Family {
                shape,
                smallest: largest as f64 / ratio,
                ratio,
                measure: Measure::Counts,
                positions: (0..count)
                    .map(|i| {
                        if shape == Shape::Power {
                            1.0 - position(i)
                        } else {
                            position(i)
                        }
                    })
                    .collect(),
                multiplicity: vec![1; count as usize],
                runs: (0..count).map(|i| (i, 1, i as usize)).collect(),
            }
        };
        Ok(match profile {
            Profile::Step {
                majority,
                minority,
                smallest,
                ratio,
            } => Family {
                shape: Shape::Power,
                smallest: smallest as f64,
                ratio,
                measure: Measure::Counts,
                positions: vec![1.0, 0.0],
                multiplicity: vec![majority, minority],
                runs: vec![(0, majority, 0), (majority, minority, 1)],
            },
            Profile::Exponential { count, largest, ratio } => one_a_class(Shape::Power, count, largest, ratio),
            Profile::Pareto { count, largest, ratio } => one_a_class(Shape::Pareto, count, largest, ratio),
        })
    }

    /// The size that does not change.
    pub fn smallest(&self) -> f64 {
        self.smallest
    }

    /// The ratio of the sizes that were given.
    pub fn ratio(&self) -> f64 {
        self.ratio
    }

    /// Counts or probabilities.
    pub fn measure(&self) -> Measure {
        self.measure
    }

    /// Number of classes.
    pub fn classes(&self) -> u64 {
        self.multiplicity.iter().sum()
    }

    /// Number of groups of classes that have equal sizes at every ratio.
    pub fn groups(&self) -> usize {
        self.positions.len()
    }

    /// Number of classes in each group.
    pub fn multiplicity(&self) -> &[u64] {
        &self.multiplicity
    }

    /// `(k_A, k_B)` if there are two sizes: STEP imbalance.
    pub fn step(&self) -> Option<(u64, u64)> {
        match self.multiplicity[..] {
            [majority, minority] => Some((majority, minority)),
            _ => None,
        }
    }

    /// Sizes of the groups at a ratio, largest first.
    pub fn sizes(&self, ratio: f64) -> Vec<f64> {
        let size = |&p: &f64| match self.shape {
            Shape::Power => self.smallest * ratio.powf(p),
            Shape::Pareto => self.smallest * ratio * (1.0 + p * (ratio.powf(1.0 / 6.0) - 1.0)).powi(-6),
        };
        self.positions.iter().map(size).collect()
    }

    /// The classes of some groups in class order, 0-based.
    pub fn members(&self, groups: &[usize]) -> Vec<u64> {
        self.runs
            .iter()
            .filter(|(_, _, group)| groups.contains(group))
            .flat_map(|&(start, count, _)| start..start + count)
            .collect()
    }

    /// The runs of classes with whole sizes nearest to those at a ratio, for a problem that can be certified.
    pub(crate) fn rounded(&self, ratio: f64) -> Vec<super::Run> {
        let sizes = self.sizes(ratio);
        let run = |&(_, count, group): &(u64, u64, usize)| super::Run {
            size: sizes[group].round(),
            count,
        };
        self.runs.iter().map(run).collect()
    }

    /// Refuses a family in which the ratio cannot be varied.
    pub(crate) fn check_ratio_varies(&self) -> Result<(), Invalid> {
        if self.groups() > 1 {
            return Ok(());
        }
        Err(Invalid::unavailable(
            Field::Classes,
            "varying the ratio of classes that all have the same size",
            &[
                Word::Text("give two or more sizes, for example "),
                Word::Set(Field::Sizes, &["100,100,10,10"]),
                Word::Text(", or a profile"),
            ],
        ))
    }
}
