//! What theory says about collapse at any ratio, and at any temperature.

use serde::{Deserialize, Serialize};

use super::Family;
use crate::problem::{Anchors, FullBatch, FullBatchLoss, Model};

/// Why no classes collapse. All but the last are theorems about every ratio and every temperature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Never {
    /// Nonnegative features: the orthogonal frame is the optimum at any sizes.
    NonnegativeFeatures,
    /// Classes of one size: the simplex is the optimum.
    EqualSizes,
    /// Two classes are antipodal at any sizes.
    TwoClasses,
    /// bcl with class-balanced anchors: the simplex is the optimum at any sizes.
    BalancedLoss,
    /// One class smaller than all others, which have one size, under rule (8): a set that collapses holds all classes of a
    /// size and weighs less than the next class.
    OneSmallClass,
    /// STEP: no ratio of a scan collapses any classes, and neither does the limit of large ratios. That says nothing of
    /// ratios between those of the scan, nor of those between its end and the limit.
    ScanAndLimit,
}

impl Never {
    /// Whether it holds for all ratios and temperatures, whatever was searched.
    pub fn is_theorem(self) -> bool {
        self != Self::ScanAndLimit
    }
}

/// Why no ratio collapses any classes at this temperature, if something says so. [`Never::ScanAndLimit`] is the half that
/// theory gives: STEP with sample anchors and `k_A >= 2`, where [`large_ratio_limit`] is below 1. The other half is a scan
/// that finds nothing.
pub fn why_never(family: &Family, model: &Model, full: &FullBatch) -> Option<Never> {
    let limit = || large_ratio_limit(family, model, full).filter(|&inner_product| inner_product < 1.0);
    theorem(family, model, full).or_else(|| limit().map(|_| Never::ScanAndLimit))
}

/// The theorems of [`why_never`], which do not depend on the temperature.
pub(super) fn theorem(family: &Family, model: &Model, full: &FullBatch) -> Option<Never> {
    let rule = match full.loss {
        FullBatchLoss::Supcon | FullBatchLoss::Population => full.anchors == Anchors::Sample,
        FullBatchLoss::Sincere | FullBatchLoss::Nscl | FullBatchLoss::Bcl => false,
    };
    let single = matches!(family.step(), Some((_, 1)));
    if model.features.nonnegative {
        Some(Never::NonnegativeFeatures)
    } else if family.groups() == 1 {
        Some(Never::EqualSizes)
    } else if family.classes() == 2 {
        Some(Never::TwoClasses)
    } else if full.loss == FullBatchLoss::Bcl && full.anchors == Anchors::Class {
        Some(Never::BalancedLoss)
    } else {
        (rule && single).then_some(Never::OneSmallClass)
    }
}

/// The theorems that hold for any loss of this package: of the classes alone.
pub(super) fn of_classes(family: &Family) -> Option<Never> {
    if family.groups() == 1 {
        Some(Never::EqualSizes)
    } else {
        (family.classes() == 2).then_some(Never::TwoClasses)
    }
}

/// The inner product of two minority classes in the limit of large ratios, THEORY 4:
/// `min{1, 1/(k_A-1) + tau log((1+x)^2/(4x))}` for STEP with sample anchors, `k_A >= 2` and two minority classes or more.
/// Below 1 they stay apart at all ratios from some on. `None` where no formula is known.
pub fn large_ratio_limit(family: &Family, model: &Model, full: &FullBatch) -> Option<f64> {
    match family.step() {
        Some((majority, minority)) if minority >= 2 && !model.features.nonnegative => {
            limit(majority as f64, full, model.temperature).map(|inner_product| inner_product.min(1.0))
        }
        _ => None,
    }
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
