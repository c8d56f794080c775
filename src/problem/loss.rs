//! The names of the losses and of their options; [`crate::objective`] says what they are.

use serde::{Deserialize, Serialize};

/// A contrastive loss: of the form (3) on the full batch, or sampled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Loss {
    /// Supervised contrastive loss \[Khosla2020\]: `D` = all samples but `i`, `m_l = 1`. `s = n - 1`, `a = n`.
    Supcon,
    /// SINCERE \[FeeneyHughes2024\]: `D` = the negatives and `j` itself, `m_l = 1`. `s = 1`, `a = n`.
    Sincere,
    /// Negatives only in the denominator: `D` = the negatives, `m_l = 1`. `s = 0`, `a = n`; values may be negative.
    Nscl,
    /// Population SupCon: `D` = all samples including `i`, and `i` is one of its own positives. `s = n`, `a = n`, where
    /// `n` may be a probability.
    Population,
    /// Balanced contrastive: every class has mass 1 in the denominator, `m_l = 1/n` for a negative class and
    /// `1/(n - 1)` within the anchor's own class without `i`. `s = 1`, `a = 1`.
    Bcl,
    /// Contrastive loss with sampled negatives \[Awasthi2022\], which may collide with the anchor's class: THEORY (10).
    Nce,
}

impl Loss {
    /// All losses, in the order of the documentation.
    pub const ALL: [Self; 6] = [
        Self::Supcon,
        Self::Sincere,
        Self::Nscl,
        Self::Population,
        Self::Bcl,
        Self::Nce,
    ];

    /// The losses of the form (3).
    pub const FULL_BATCH: [Self; 5] = [Self::Supcon, Self::Sincere, Self::Nscl, Self::Population, Self::Bcl];

    /// The name used in problem files, on the command line and in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Supcon => "supcon",
            Self::Sincere => "sincere",
            Self::Nscl => "nscl",
            Self::Population => "population",
            Self::Bcl => "bcl",
            Self::Nce => "nce",
        }
    }

    /// Whether an anchor needs a second sample of its class.
    pub fn needs_positive(self) -> bool {
        !matches!(self, Self::Population | Self::Nce)
    }

    /// `(s, a)` of THEORY (3) for a class of `n` samples; of nce those of its limit of many negatives.
    pub(crate) fn base_and_column(self, n: f64) -> (f64, f64) {
        match self {
            Self::Supcon => (n - 1.0, n),
            Self::Sincere => (1.0, n),
            Self::Nscl => (0.0, n),
            Self::Population | Self::Nce => (n, n),
            Self::Bcl => (1.0, 1.0),
        }
    }
}

/// How anchors are weighted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Anchors {
    /// Every sample is an anchor: `w_c = n_c / N`.
    Sample,
    /// Every class counts the same: `w_c = 1 / k`.
    Class,
}

impl Anchors {
    /// The name used in problem files, on the command line and in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sample => "sample",
            Self::Class => "class",
        }
    }
}

/// What becomes of a class with one sample under a loss that needs a positive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Singletons {
    /// Refuse the problem.
    Error,
    /// The class is a negative for the others, and not an anchor.
    Skip,
    /// As `Skip`, and it still counts in the divisor of the mean.
    Zero,
}

impl std::fmt::Display for Loss {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}
