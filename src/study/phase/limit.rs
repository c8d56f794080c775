//! What theory says about collapse at any ratio, and at any temperature.

use super::Family;
use crate::objective::{Anchors, Loss};
use crate::problem::Model;

/// Whether no ratio collapses any classes at this temperature:
///
/// - two classes are antipodal at any sizes;
/// - bcl with class-balanced anchors has the simplex as optimum at any sizes;
/// - with rule (8) the collapsed classes weigh less than the next one, so a single small class collapses with none;
/// - STEP with sample anchors, `k_A >= 2`: the inner product of two minority classes tends to
///   `min{1, 1/(k_A-1) + tau log((1+x)^2/(4x))}` of THEORY 4, and below 1 they stay apart. That is a statement about large ratios; a
///   scan that found nothing says it of the others.
pub fn collapse_never(family: &Family, model: &Model) -> bool {
    if never_at_any_temperature(family, model) {
        return true;
    }
    match family.step() {
        Some((majority, minority)) if minority >= 2 => {
            limit(majority as f64, model).is_some_and(|inner_product| inner_product < 1.0)
        }
        _ => false,
    }
}

/// The cases of [`collapse_never`] that do not depend on the temperature.
pub(super) fn never_at_any_temperature(family: &Family, model: &Model) -> bool {
    let rule = matches!(model.loss, Loss::Supcon | Loss::Population) && model.anchors == Anchors::Sample;
    let single = matches!(family.step(), Some((_, 1)));
    family.classes() == 2 || (model.loss == Loss::Bcl && model.anchors == Anchors::Class) || (rule && single)
}

/// The limit of the inner product of two minority classes as the ratio grows, before the minimum with 1; `None` where no
/// formula is known.
fn limit(majority: f64, model: &Model) -> Option<f64> {
    if model.anchors != Anchors::Sample || majority < 2.0 {
        return None;
    }
    let tau = model.temperature;
    let base = match model.loss {
        Loss::Supcon | Loss::Population => 1.0,
        Loss::Sincere | Loss::Nscl => 0.0,
        Loss::Bcl | Loss::Nce => return None,
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
        let model = Model {
            temperature,
            ..Model::default()
        };
        limit(majority, &model).unwrap_or(f64::NAN)
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
