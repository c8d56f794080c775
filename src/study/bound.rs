//! [`AllBatches`]: the lower bound of \[Graf2021\] on the sum of the supervised contrastive loss over all batches, THEORY (13).
//!
//! With `m` samples in each of `k` classes, features of length `rho`, temperature `tau`, and every multiset of `b` samples as
//! a batch once,
//!
//! ```text
//! L >= sum_{l=2}^{b} l M_l log( l - 1 + (b-l) e^{-k rho^2/((k-1) tau)} ),   M_l = k C(m+l-1, l) C(m(k-1)+b-l-1, b-l).
//! ```
//!
//! The loss of a batch is the sum over its samples that have a positive in it. `l M_l` counts the samples that have `l - 1`
//! positives, over all batches. Collapsed features on a simplex attain the bound, though a batch alone may have less loss.

use serde::{Deserialize, Serialize};

use crate::math::sum::Sum;
use crate::problem::{Field, Invalid, Kind, TEMPERATURE_RANGE};
use crate::report::Name;
use crate::report::text::Page;
use crate::report::view::{Style, View};

/// Identifier of the JSON form.
pub const SCHEMA: &str = "ufmin/bound/1";

/// Most classes, samples in a class, and samples in a batch: their products stay exact.
pub const MAX_COUNT: u64 = 1_000_000;

/// Largest length of features.
pub const MAX_RADIUS: f64 = 1e6;

/// The bound, with what it is of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AllBatches {
    /// [`SCHEMA`].
    pub schema: Name,
    /// Version of this crate.
    pub version: Name,
    /// `all-batches`.
    pub bound: Name,
    /// Classes `k`, at least 2.
    pub classes: u64,
    /// Samples in each class `m`, at least 1.
    pub per_class: u64,
    /// Samples in a batch `b`, at least 2; a sample may be in it several times.
    pub batch: u64,
    /// Length of the features `rho`.
    pub radius: f64,
    /// Temperature `tau`; the paper has 1.
    pub temperature: f64,
    /// The bound on the sum over all batches, in nats; null where it is above the largest number.
    pub value: Option<f64>,
    /// Its natural logarithm; null for a bound of 0.
    pub log_value: Option<f64>,
    /// Natural logarithm of the number of batches, `C(m k + b - 1, b)`.
    pub log_batches: f64,
    /// The bound over the number of batches: on the mean loss of a batch.
    pub per_batch: f64,
    /// The bound over the number of samples that have a positive, in all batches: on their mean loss; null where none has.
    pub per_anchor: Option<f64>,
}

/// `mantissa * 2^exponent`: counts of batches are far above the largest `f64`.
#[derive(Clone, Copy)]
struct Scaled {
    mantissa: f64,
    exponent: i64,
}

/// Mantissas stay within this factor of 1.
const STEP: i32 = 256;

impl Scaled {
    fn new(value: f64) -> Self {
        Self {
            mantissa: value,
            exponent: 0,
        }
    }

    fn times(mut self, factor: f64) -> Self {
        self.mantissa *= factor;
        let step = 2f64.powi(STEP);
        if self.mantissa.abs() >= step {
            self.mantissa /= step;
            self.exponent += i64::from(STEP);
        } else if self.mantissa != 0.0 && self.mantissa.abs() < 1.0 / step {
            self.mantissa *= step;
            self.exponent -= i64::from(STEP);
        }
        self
    }

    /// `C(n + r - 1, r)`: multisets of size `r` from `n`.
    fn multisets(n: u64, r: u64) -> Self {
        // C(n + r - 1, r) = C(n + r - 1, n - 1): the shorter product.
        let (few, many) = if r < n { (r, n - 1) } else { (n - 1, r) };
        (1..=few).fold(Self::new(1.0), |product, i| {
            product.times((many + i) as f64).times(1.0 / i as f64)
        })
    }

    fn log(self) -> f64 {
        self.mantissa.ln() + self.exponent as f64 * std::f64::consts::LN_2
    }

    /// This over another.
    fn over(self, other: Self) -> f64 {
        let power = (self.exponent - other.exponent).clamp(-4096, 4096) as i32;
        // In two steps: each factor is finite.
        self.mantissa / other.mantissa * 2f64.powi(power / 2) * 2f64.powi(power - power / 2)
    }
}

impl AllBatches {
    /// The bound of `per_class` samples in each of `classes`, and batches of `batch`.
    ///
    /// # Errors
    /// [`Invalid`] for a number out of its range; the field is `Classes`, `Count` for `per_class`, `BatchSize`, `Norm` for
    /// the radius, or `Temperature`.
    pub fn new(classes: u64, per_class: u64, batch: u64, radius: f64, temperature: f64) -> Result<Self, Invalid> {
        for (field, value, least) in [
            (Field::Classes, classes, 2),
            (Field::Count, per_class, 1),
            (Field::BatchSize, batch, 2),
        ] {
            range(field, value as f64, least as f64, MAX_COUNT as f64)?;
        }
        range(Field::Norm, radius, 0.0, MAX_RADIUS)?;
        range(
            Field::Temperature,
            temperature,
            TEMPERATURE_RANGE.0,
            TEMPERATURE_RANGE.1,
        )?;
        let (k, m, b) = (classes as f64, per_class as f64, batch as f64);
        let outside = m * (k - 1.0);
        let shift = (-k * radius * radius / ((k - 1.0) * temperature)).exp();
        // From M_b downwards, M_{l-1}/M_l = l (m(k-1) + b - l) / ((m + l - 1) (b - l + 1)), all relative to M_b.
        let last = Scaled::multisets(per_class, batch).times(k);
        let mut ratio = Scaled::new(1.0);
        let mut terms: Vec<(Scaled, f64)> = Vec::new();
        for l in (2..=batch).rev() {
            let l = l as f64;
            let loss = ((l - 2.0) + (b - l) * shift).ln_1p();
            terms.push((ratio.times(l), loss));
            ratio = ratio.times(l / (m + l - 1.0)).times((outside + b - l) / (b - l + 1.0));
        }
        let top = terms.iter().map(|(count, _)| count.exponent).max().unwrap_or(0);
        let unit = Scaled {
            mantissa: 1.0,
            exponent: top,
        };
        let (mut sum, mut anchors) = (Sum::default(), Sum::default());
        for (count, loss) in &terms {
            let share = count.over(unit);
            sum.add(share * loss);
            anchors.add(share);
        }
        let (sum, anchors) = (sum.value(), anchors.value());
        let total = Scaled {
            exponent: last.exponent + top,
            ..last
        }
        .times(sum);
        let batches = Scaled::multisets(classes * per_class, batch);
        let value = total.over(Scaled::new(1.0));
        Ok(Self {
            schema: SCHEMA.into(),
            version: env!("CARGO_PKG_VERSION").into(),
            bound: "all-batches".into(),
            classes,
            per_class,
            batch,
            radius,
            temperature,
            value: Some(value).filter(|value| value.is_finite()),
            log_value: (sum > 0.0).then(|| total.log()),
            log_batches: batches.log(),
            per_batch: total.over(batches),
            per_anchor: (anchors > 0.0).then(|| sum / anchors),
        })
    }
}

fn range(field: Field, value: f64, least: f64, most: f64) -> Result<(), Invalid> {
    if value >= least && value <= most {
        return Ok(());
    }
    let value = value.to_string();
    Err(Invalid::new(field, Kind::Range { value, least, most }))
}

impl View for AllBatches {
    const SCHEMA: &'static str = SCHEMA;

    fn text(&self, style: Style) -> String {
        let mut page = Page::new(style);
        page.paragraph(format_args!(
            "{} classes of {} samples, features of length {}, temperature {}, all batches of {}",
            self.classes, self.per_class, self.radius, self.temperature, self.batch
        ));
        let value = match (self.value, self.log_value) {
            (Some(value), _) => value.to_string(),
            (None, Some(log)) => format!("exp({log})"),
            (None, None) => "0".to_owned(),
        };
        page.line(format_args!("bound       {value:<22} sum over all batches, nats"));
        page.line(format_args!("per batch   {:<22} mean over batches", self.per_batch));
        if let Some(anchor) = self.per_anchor {
            page.line(format_args!(
                "per anchor  {anchor:<22} mean over the samples that have a positive in their batch"
            ));
        }
        page.line(format_args!(
            "batches     exp({}), each multiset of samples once",
            self.log_batches
        ));
        page.text()
    }

    fn passes(&self) -> bool {
        true
    }

    fn is_complete(&self) -> bool {
        true
    }
}
