//! A root of a function of one variable between two points of different sign.

/// The root of `f` in `[a, b]`, to the last digits of `a + b`, by Chandrupatla's method: inverse quadratic interpolation
/// where three points allow it, bisection otherwise \[Chandrupatla1997\]. A value of 0 counts as positive. `None` if the ends
/// have the same sign, or `f` has no value somewhere on the way.
pub(super) fn root(a: f64, b: f64, mut f: impl FnMut(f64) -> Option<f64>) -> Option<f64> {
    let positive = |value: f64| value >= 0.0;
    let (mut x1, mut x2) = (b, a);
    let (mut f1, mut f2) = (f(x1)?, f(x2)?);
    if positive(f1) == positive(f2) {
        return None;
    }
    let (mut x3, mut f3);
    let mut share = 0.5;
    let tolerance = 4e-16 * (1.0 + a.abs().max(b.abs()));
    for _ in 0..200 {
        let x = x1 + share * (x2 - x1);
        let value = f(x)?;
        if positive(value) == positive(f1) {
            (x3, f3) = (x1, f1);
        } else {
            (x3, f3) = (x2, f2);
            (x2, f2) = (x1, f1);
        }
        (x1, f1) = (x, value);
        let best = if f1.abs() < f2.abs() { x1 } else { x2 };
        let limit = tolerance / (x2 - x1).abs();
        if limit > 0.5 || value == 0.0 {
            return Some(best);
        }
        let xi = (x1 - x2) / (x3 - x2);
        let phi = (f1 - f2) / (f3 - f2);
        share = if phi * phi < xi && (1.0 - phi).powi(2) < 1.0 - xi {
            f1 / (f2 - f1) * f3 / (f2 - f3) + (x3 - x1) / (x2 - x1) * f1 / (f3 - f1) * f2 / (f3 - f2)
        } else {
            0.5
        };
        share = share.clamp(limit, 1.0 - limit);
    }
    Some(0.5 * (x1 + x2))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// Ends, function, root.
    type Case = (f64, f64, fn(f64) -> f64, f64);

    #[test]
    fn roots_are_found_to_rounding_in_few_evaluations() {
        let cases: [Case; 5] = [
            (0.0, 3.0, |x| x * x - 2.0, 2.0_f64.sqrt()),
            (-2.0, 7.0, |x| x.exp() - 1.0, 0.0),
            (1.0, 4.0, |x| 3.0_f64.ln() - x.ln(), 3.0),
            (0.0, 20.0, |x| 1e-6 * (0.25 - (-x).exp()), 4.0_f64.ln()),
            (0.0, 5.0, |x| if x < 1.7 { -1.0 } else { x }, 1.7),
        ];
        for (a, b, f, expected) in cases {
            let mut count = 0;
            let x = root(a, b, |x| {
                count += 1;
                Some(f(x))
            })
            .unwrap();
            assert!((x - expected).abs() < 1e-14, "{x} {expected}");
            assert!(count < 70, "{count} evaluations");
        }
    }

    #[test]
    fn without_a_change_of_sign_or_a_value_there_is_none() {
        assert_eq!(root(0.0, 1.0, |x| Some(1.0 + x)), None);
        assert_eq!(root(0.0, 1.0, |x| (x != 0.5).then_some(x - 0.4)), None);
    }
}
