//! [`Certificate`]: what is proven of a solution.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use serde::Deserialize;
use serde::de::IntoDeserializer;
use serde::de::value::{Error as ValueError, StrDeserializer};
use ufmin::certificate::Verdict;
use ufmin::report::cross_entropy as of_cross_entropy;

use crate::found::Found;

/// What a pickle calls, and with what.
type Reduced<'py> = (Bound<'py, PyAny>, ([f64; 5], String, &'static str));

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
    method: String,
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
                    method: certificate.method.name().to_owned(),
                    tolerance: certificate.tolerance,
                    verdict,
                }
            }
            Found::CrossEntropy { solved, tolerance, .. } => Certificate {
                lower_bound: solved.proof.lower_bound,
                gap: solved.proof.gap,
                relative_gap,
                min_eigenvalue: solved.proof.min_eigenvalue,
                method: of_cross_entropy::proof_method(solved).to_owned(),
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

    /// The certificate that a pickle holds.
    #[staticmethod]
    fn _restored(numbers: [f64; 5], method: String, verdict: &str) -> PyResult<Self> {
        let [lower_bound, gap, relative_gap, min_eigenvalue, tolerance] = numbers;
        let word: StrDeserializer<'_, ValueError> = verdict.into_deserializer();
        let verdict = Verdict::deserialize(word).map_err(|error| PyValueError::new_err(error.to_string()))?;
        Ok(Self {
            lower_bound,
            gap,
            relative_gap,
            min_eigenvalue,
            method,
            tolerance,
            verdict,
        })
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<Reduced<'py>> {
        let own = slf.get();
        let numbers = [
            own.lower_bound,
            own.gap,
            own.relative_gap,
            own.min_eigenvalue,
            own.tolerance,
        ];
        let restored = slf.get_type().getattr("_restored")?;
        Ok((restored, (numbers, own.method.clone(), own.verdict())))
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
