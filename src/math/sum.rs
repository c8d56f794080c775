//! Sums that keep their digits.

/// A compensated sum that grows.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Sum {
    high: f64,
    low: f64,
}

impl Sum {
    pub(crate) fn add(&mut self, term: f64) {
        let (high, low) = two_sum(self.high, term);
        self.high = high;
        self.low += low;
    }

    pub(crate) fn value(self) -> f64 {
        self.high + self.low
    }
}

/// The rounded sum, and what rounding took from it, exactly (Knuth).
#[inline]
pub(crate) fn two_sum(a: f64, b: f64) -> (f64, f64) {
    let sum = a + b;
    let of_b = sum - a;
    (sum, (a - (sum - of_b)) + (b - of_b))
}

/// The sum of `terms`, compensated (Neumaier): its error is one rounding of the result and a second-order term, however many
/// there are, where they have one sign.
pub(crate) fn compensated_sum(terms: impl Iterator<Item = f64>) -> f64 {
    let (mut sum, mut low) = (0.0f64, 0.0f64);
    for term in terms {
        let total = sum + term;
        low += if sum.abs() >= term.abs() {
            (sum - total) + term
        } else {
            (term - total) + sum
        };
        sum = total;
    }
    sum + low
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_sum_keeps_its_last_digit() {
        let terms = || (0..1_000_000).map(|i| 0.1 + f64::from(i % 7));
        let exact = 100_000.0 + (0..1_000_000).map(|i| i % 7).sum::<i32>() as f64;
        assert!((compensated_sum(terms()) - exact).abs() <= exact * f64::EPSILON);
    }
}
