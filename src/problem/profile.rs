//! Class-size profiles: families of imbalanced sizes that the literature uses, as runs of equal sizes.

use super::invalid::short;
use super::{Field, Invalid, Kind, MAX_CLASS_SIZE, Run};

/// Largest number of classes of a profile.
const MAX_CLASSES: u64 = 100_000_000;

/// Largest number of runs of equal sizes of a profile: each takes about 200 bytes until the problem is solved.
const MAX_RUNS: usize = 10_000_000;

/// A family of class sizes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Profile {
    /// `majority` classes of size `smallest * ratio`, then `minority` classes of size `smallest`.
    Step {
        /// Number of large classes, at least 1.
        majority: u64,
        /// Number of small classes, at least 1.
        minority: u64,
        /// Size of a small class.
        smallest: u64,
        /// Size of a large class divided by that of a small one; `smallest * ratio` must be an integer.
        ratio: f64,
    },
    /// `floor(largest * ratio^(-i/(count-1)))` for `i = 0 .. count`: the convention of CIFAR-LT \[Cao2019\].
    Exponential {
        /// Number of classes, at least 2.
        count: u64,
        /// Size of the first class.
        largest: u64,
        /// First size divided by the last, at least 1.
        ratio: f64,
    },
    /// `floor(largest * (1 + i (ratio^(1/6) - 1)/(count-1))^(-6))`: a power law with exponent 6 in the
    /// manner of ImageNet-LT \[Liu2019\], of which it has the ends and not the sum: 166,769 samples instead of 115,846.
    Pareto {
        /// Number of classes, at least 2.
        count: u64,
        /// Size of the first class.
        largest: u64,
        /// First size divided by the last, at least 1.
        ratio: f64,
    },
}

impl Profile {
    /// The class sizes as runs, in class order.
    ///
    /// # Errors
    /// [`Kind::Rule`] for parameters outside their range.
    pub fn runs(self) -> Result<Vec<Run>, Invalid> {
        match self {
            Self::Step {
                majority,
                minority,
                smallest,
                ratio,
            } => {
                at_least(Field::Majority, majority, 1, "at least one majority class is needed")?;
                at_least(Field::Minority, minority, 1, "at least one minority class is needed")?;
                at_most_classes(Field::Majority, majority)?;
                at_most_classes(Field::Minority, minority)?;
                check_size(Field::Smallest, smallest)?;
                check_ratio(ratio)?;
                let large = smallest as f64 * ratio;
                let rounded = large.round();
                // Only the rounding of a decimal ratio, and of the product, is forgiven.
                if (large - rounded).abs() > 2.0 * f64::EPSILON * large {
                    return Err(broken(
                        Field::Ratio,
                        short(ratio),
                        "smallest * ratio, the size of a majority class, must be a whole number",
                    ));
                }
                Ok(vec![
                    Run {
                        size: rounded,
                        count: majority,
                    },
                    Run {
                        size: smallest as f64,
                        count: minority,
                    },
                ])
            }
            Self::Exponential { count, largest, ratio } => {
                let exponent = -ratio.ln() / (count.max(2) - 1) as f64;
                one_size_a_class(count, largest, ratio, |i| (exponent * i).exp())
            }
            Self::Pareto { count, largest, ratio } => {
                let slope = (ratio.powf(1.0 / 6.0) - 1.0) / (count.max(2) - 1) as f64;
                one_size_a_class(count, largest, ratio, |i| (1.0 + i * slope).powi(-6))
            }
        }
    }
}

fn broken(field: Field, value: String, rule: &'static str) -> Invalid {
    Invalid::new(field, Kind::Rule { value, rule })
}

fn one_size_a_class(count: u64, largest: u64, ratio: f64, shape: impl Fn(f64) -> f64) -> Result<Vec<Run>, Invalid> {
    at_least(Field::Count, count, 2, "at least two classes are needed")?;
    at_most_classes(Field::Count, count)?;
    check_size(Field::Largest, largest)?;
    check_ratio(ratio)?;
    let mut runs: Vec<Run> = Vec::new();
    for i in 0..count {
        if runs.len() > MAX_RUNS {
            return Err(broken(
                Field::Count,
                count.to_string(),
                "at most 10^7 distinct class sizes are possible",
            ));
        }
        let exact = largest as f64 * shape(i as f64);
        // A size that is an integer in exact arithmetic must not fall to the one below.
        let near = (exact - exact.round()).abs() <= 1e-12 * exact;
        let size = if near { exact.round() } else { exact.floor() };
        if size < 1.0 {
            return Err(broken(
                Field::Ratio,
                short(ratio),
                "the smallest class, largest / ratio, would have no sample",
            ));
        }
        match runs.last_mut() {
            Some(last) if last.size == size => last.count += 1,
            _ => runs.push(Run { size, count: 1 }),
        }
    }
    Ok(runs)
}

fn at_least(field: Field, value: u64, least: u64, rule: &'static str) -> Result<(), Invalid> {
    if value < least {
        Err(broken(field, value.to_string(), rule))
    } else {
        Ok(())
    }
}

fn at_most_classes(field: Field, value: u64) -> Result<(), Invalid> {
    if value > MAX_CLASSES {
        Err(broken(field, value.to_string(), "at most 10^8 classes are possible"))
    } else {
        Ok(())
    }
}

fn check_size(field: Field, value: u64) -> Result<(), Invalid> {
    at_least(field, value, 1, "a class has at least one sample")?;
    if value > MAX_CLASS_SIZE as u64 {
        Err(broken(field, value.to_string(), "a class has at most 2^53 samples"))
    } else {
        Ok(())
    }
}

fn check_ratio(ratio: f64) -> Result<(), Invalid> {
    if (1.0..=MAX_CLASS_SIZE).contains(&ratio) {
        Ok(())
    } else {
        Err(broken(Field::Ratio, short(ratio), "a number from 1 to 2^53 is needed"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sizes(profile: Profile) -> Vec<f64> {
        profile
            .runs()
            .expect("valid profile")
            .iter()
            .flat_map(|run| vec![run.size; run.count as usize])
            .collect()
    }

    #[test]
    fn exponential_is_the_cifar_lt_convention() {
        // CIFAR-10-LT with ratio 100, the published counts.
        let counts = sizes(Profile::Exponential {
            count: 10,
            largest: 5000,
            ratio: 100.0,
        });
        assert_eq!(
            counts,
            [5000.0, 2997.0, 1796.0, 1077.0, 645.0, 387.0, 232.0, 139.0, 83.0, 50.0]
        );
    }

    #[test]
    fn pareto_ends_at_the_ratio() {
        let counts = sizes(Profile::Pareto {
            count: 1000,
            largest: 1280,
            ratio: 256.0,
        });
        assert_eq!((counts[0], counts[999]), (1280.0, 5.0));
        assert!(counts.windows(2).all(|pair| pair[0] >= pair[1]));
    }

    #[test]
    fn step_needs_whole_sizes_and_stays_two_runs() {
        let step = |ratio| {
            Profile::Step {
                majority: 500_000,
                minority: 500_000,
                smallest: 10,
                ratio,
            }
            .runs()
        };
        assert_eq!(step(2.5).expect("25 is whole").len(), 2);
        assert!(step(2.55).is_err() && step(0.5).is_err() && step(f64::NAN).is_err() && step(f64::INFINITY).is_err());
    }

    #[test]
    fn impossible_profiles_are_refused() {
        for (count, largest, ratio) in [(1, 10, 2.0), (10, 0, 2.0), (10, 10, 100.0), (u64::MAX, 10, 2.0)] {
            assert!(
                Profile::Exponential { count, largest, ratio }.runs().is_err(),
                "{count} {largest} {ratio}"
            );
            assert!(
                Profile::Pareto { count, largest, ratio }.runs().is_err(),
                "{count} {largest} {ratio}"
            );
        }
    }
}
