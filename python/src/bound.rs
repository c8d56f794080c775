//! [`Bound`](AllBatches): lower bounds in closed form, and [`bound`].

use pyo3::prelude::*;
use ufmin::error::Field;
use ufmin::study::bound as study;

use crate::error::usage;
use crate::shown::{Files, answer};

answer! {
    /// The least that the supervised contrastive loss, summed over all batches, can be (Graf et al. 2021).
    AllBatches(study::AllBatches), Files { json: "bound", table: None }, {
        /// The bound; None where it is above the largest float.
        #[getter]
        fn value(&self) -> Option<f64> {
            self.report.value
        }

        /// Natural logarithm of the bound; None where the bound is 0.
        #[getter]
        fn log_value(&self) -> Option<f64> {
            self.report.log_value
        }

        /// The bound by the number of batches.
        #[getter]
        fn per_batch(&self) -> f64 {
            self.report.per_batch
        }

        /// The bound by the number of anchors that have a positive; None where there are none.
        #[getter]
        fn per_anchor(&self) -> Option<f64> {
            self.report.per_anchor
        }

        fn __repr__(&self) -> String {
            format!("<ufmin.AllBatches: {} a batch>", self.report.per_batch)
        }
    }
}

/// The least that the supervised contrastive loss, summed over all batches of a size, can be (Graf et al. 2021).
///
/// Of `classes` with `per_class` samples each, every multiset of `batch` samples is a batch once; its loss is the sum over its
/// samples that have a positive in it. Features have length `radius`.
#[pyfunction]
#[pyo3(signature = (*, classes, per_class, batch, radius=1.0, temperature=1.0))]
pub(crate) fn bound(
    py: Python<'_>,
    classes: u64,
    per_class: u64,
    batch: u64,
    radius: f64,
    temperature: f64,
) -> PyResult<Py<AllBatches>> {
    let found = study::AllBatches::new(classes, per_class, batch, radius, temperature).map_err(|error| {
        let keyword = match error.field {
            Field::Classes => "classes",
            Field::Count => "per_class",
            Field::BatchSize => "batch",
            Field::Temperature => "temperature",
            _ => "radius",
        };
        usage(py, keyword, error.to_string(), "give a number in this range")
    })?;
    AllBatches::made(py, found)
}
