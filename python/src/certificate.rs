//! [`Certificate`]: what is proven of a solution.

use pyo3::prelude::*;
use ufmin::certificate::Verdict;
use ufmin::report::cross_entropy as of_cross_entropy;

use crate::found::Found;

/// The word of a verdict in the JSON.
pub(crate) fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Certified => "certified",
        Verdict::NotCertified => "not-certified",
        Verdict::RankExceedsDimension => "rank-exceeds-dimension",
    }
}

/// What is proven of a solution: no features of any dimension have a smaller loss than `lower_bound`.
#[pyclass(frozen, module = "ufmin")]
pub(crate) struct Certificate {
    /// No unit features of any dimension have a smaller loss.
    #[pyo3(get)]
    lower_bound: f64,
    /// Loss minus lower bound.
    #[pyo3(get)]
    gap: f64,
    /// The gap by the excess (by max(1, |loss|) for nscl, by the loss for cross-entropy).
    #[pyo3(get)]
    relative_gap: f64,
    /// Proven lower bound on the smallest eigenvalue of the dual matrix.
    #[pyo3(get)]
    min_eigenvalue: f64,
    /// How that was bounded.
    #[pyo3(get)]
    method: &'static str,
    /// The relative gap that counts as certified.
    #[pyo3(get)]
    tolerance: f64,
    verdict: Verdict,
}

impl Certificate {
    pub(crate) fn of(found: &Found) -> Self {
        let (verdict, relative_gap) = (found.verdict(), found.relative_gap());
        match found {
            Found::Contrastive { solved, .. } => {
                let certificate = &solved.certificate;
                Certificate {
                    lower_bound: certificate.lower_bound,
                    gap: certificate.gap,
                    relative_gap,
                    min_eigenvalue: certificate.min_eigenvalue,
                    method: certificate.method.name(),
                    tolerance: certificate.tolerance,
                    verdict,
                }
            }
            Found::CrossEntropy { solved, tolerance, .. } => Certificate {
                lower_bound: solved.proof.lower_bound,
                gap: solved.proof.gap,
                relative_gap,
                min_eigenvalue: solved.proof.min_eigenvalue,
                method: of_cross_entropy::proof_method(solved),
                tolerance: tolerance.unwrap_or(of_cross_entropy::TOLERANCE),
                verdict,
            },
        }
    }
}

#[pymethods]
impl Certificate {
    /// "certified", "not-certified" or "rank-exceeds-dimension".
    #[getter]
    fn verdict(&self) -> &'static str {
        word(self.verdict)
    }

    /// Whether the verdict is "certified".
    #[getter]
    fn is_certified(&self) -> bool {
        self.verdict == Verdict::Certified
    }

    fn __repr__(&self) -> String {
        format!(
            "<ufmin.Certificate: {}, lower bound {}, relative gap {:.1e}>",
            word(self.verdict),
            self.lower_bound,
            self.relative_gap
        )
    }
}
