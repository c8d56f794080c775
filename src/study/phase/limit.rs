//! What theory says about collapse at any ratio, and at any temperature.

use super::Family;
use crate::problem::{Anchors, FullBatch, FullBatchLoss};

/// Whether no ratio collapses any classes at this temperature:
///
/// - two classes are antipodal at any sizes;
/// - bcl with class-balanced anchors has the simplex as optimum at any sizes;
/// - with rule (8) the collapsed classes weigh less than the next one, so a single small class collapses with none;
/// - STEP with sample anchors, `k_A >= 2`: the inner product of two minority classes tends to
///   `min{1, 1/(k_A-1) + tau log((1+x)^2/(4x))}` of THEORY 4, and below 1 they stay apart. That is a statement about large ratios; a
///   scan that found nothing says it of the others.
pub fn collapse_never(family: &Family, full: &FullBatch, temperature: f64) -> bool {
    if never_at_any_temperature(family, full) {
        return true;
    }
    match family.step() {
        Some((majority, minority)) if minority >= 2 => {
            limit(majority as f64, full, temperature).is_some_and(|inner_product| inner_product < 1.0)
        }
        _ => false,
    }
}

/// The cases of [`collapse_never`] that do not depend on the temperature.
pub(super) fn never_at_any_temperature(family: &Family, full: &FullBatch) -> bool {
    let rule = match full.loss {
        FullBatchLoss::Supcon | FullBatchLoss::Population => full.anchors == Anchors::Sample,
        FullBatchLoss::Sincere | FullBatchLoss::Nscl | FullBatchLoss::Bcl => false,
    };
    let simplex = full.loss == FullBatchLoss::Bcl && full.anchors == Anchors::Class;
    let single = matches!(family.step(), Some((_, 1)));
    family.classes() == 2 || simplex || (rule && single)
}

/// The limit of the inner product of two minority classes as the ratio grows, before the minimum with 1; `None` where no
/// formula is known.
fn limit(majority: f64, full: &FullBatch, tau: f64) -> Option<f64> {
    if full.anchors != Anchors::Sample || majority < 2.0 {
        return None;
    }
    let base = match full.loss {
        FullBatchLoss::Supcon | FullBatchLoss::Population => 1.0,
        FullBatchLoss::Sincere | FullBatchLoss::Nscl => 0.0,
        FullBatchLoss::Bcl => return None,
    };
    // x = k_A e^{-1/tau} / D, in the logarithm: both terms underflow at low temperature.
    let exponent = -majority / ((majority - 1.0) * tau);
    let log_d = if base > 0.0 {
        ((majority - 1.0) * exponent.exp()).ln_1p()
    } else {
        (majority - 1.0).ln() + exponent
    };
    let log_x = majority.ln() - 1.0 / tau - log_d;
    // log((1+x)^2 / (4x)) = 2 log cosh(log(x)/2)
    Some(1.0 / (majority - 1.0) + 2.0 * tau * crate::math::cauchy::log_cosh_half(log_x))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limit_of(majority: f64, temperature: f64) -> f64 {
        limit(majority, &FullBatch::default(), temperature).unwrap_or(f64::NAN)
    }

    #[test]
    fn the_limit_crosses_one_at_the_temperatures_of_theory() {
        // tests/reference/step_check.txt: tau*(3), tau*(5), tau*(10).
        for (majority, temperature) in [(3.0, 0.20505036), (5.0, 0.083453827), (10.0, 0.030120559)] {
            let (below, above) = (
                limit_of(majority, temperature * (1.0 - 1e-6)),
                limit_of(majority, temperature * (1.0 + 1e-6)),
            );
            assert!(below > 1.0 && above < 1.0, "{majority}: {below} {above}");
        }
        // The same file, "beta formula" at k_A = 3, tau = 0.3.
        assert!((limit_of(3.0, 0.3) - 0.8187761).abs() < 1e-7);
    }
}
