//! The names of the losses; [`super::Training`] says what they need and [`crate::objective`] what they are.

use serde::{Deserialize, Serialize};

/// The name of a contrastive loss in problem files, on the command line and in JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Loss {
    /// [`FullBatchLoss::Supcon`](super::FullBatchLoss::Supcon), or its expectation over random batches.
    Supcon,
    /// [`FullBatchLoss::Sincere`](super::FullBatchLoss::Sincere), or its expectation over random batches.
    Sincere,
    /// [`FullBatchLoss::Nscl`](super::FullBatchLoss::Nscl).
    Nscl,
    /// [`FullBatchLoss::Population`](super::FullBatchLoss::Population).
    Population,
    /// [`FullBatchLoss::Bcl`](super::FullBatchLoss::Bcl).
    Bcl,
    /// [`Sampling::Negatives`](super::Sampling::Negatives).
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
}

impl std::fmt::Display for Loss {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}
