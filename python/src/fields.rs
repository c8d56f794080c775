//! The fields of a [`Problem`]: its keywords, with their defaults.

use numpy::PyArray1;
use pyo3::prelude::*;
use pyo3::types::PyTuple;
use ufmin::problem::Measure;

use crate::problem::Problem;

#[pymethods]
impl Problem {
    /// Number of classes.
    #[getter]
    fn class_count(&self) -> u64 {
        self.statement().classes().count()
    }

    /// Samples of each class, before views, in the order of the classes; None where probabilities are given.
    #[getter]
    fn sizes<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyTuple>>> {
        let classes = self.statement().classes();
        match classes.measure() {
            Measure::Counts => Ok(Some(PyTuple::new(
                py,
                classes.sizes().map(|size| size as u64).collect::<Vec<_>>(),
            )?)),
            Measure::Probabilities => Ok(None),
        }
    }

    /// Labels by which `batches` number the samples, classes from 0; None where samples go class by class.
    #[getter]
    fn labels<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyArray1<u32>>> {
        self.label_list().map(|labels| PyArray1::from_vec(py, labels))
    }

    /// Class probabilities, or None.
    #[getter]
    fn probabilities<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyTuple>>> {
        let classes = self.statement().classes();
        match classes.measure() {
            Measure::Probabilities => Ok(Some(PyTuple::new(py, classes.sizes().collect::<Vec<_>>())?)),
            Measure::Counts => Ok(None),
        }
    }

    /// The profile of the sizes, or None.
    #[getter]
    fn profile<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.field(py, "profile")
    }

    /// Classes of the profile, or None.
    #[getter]
    fn count<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.field(py, "count")
    }

    /// Largest size of the profile, or None.
    #[getter]
    fn largest<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.field(py, "largest")
    }

    /// Smallest size of the profile, or None.
    #[getter]
    fn smallest<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.field(py, "smallest")
    }

    /// Large classes of a STEP profile, or None.
    #[getter]
    fn majority<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.field(py, "majority")
    }

    /// Small classes of a STEP profile, or None.
    #[getter]
    fn minority<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.field(py, "minority")
    }

    /// Ratio of the largest to the smallest size of the profile, or None.
    #[getter]
    fn ratio<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.field(py, "ratio")
    }

    /// Augmented views of an example.
    #[getter]
    fn views<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.field(py, "views")
    }

    /// The name of the loss.
    #[getter]
    fn loss<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.field(py, "loss")
    }

    /// The temperature; None for cross-entropy.
    #[getter]
    fn temperature<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.contrastive_field(py, "temperature")
    }

    /// The weight of anchors; None for cross-entropy.
    #[getter]
    fn anchors<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.contrastive_field(py, "anchors")
    }

    /// What a class of one sample is; None for cross-entropy.
    #[getter]
    fn singletons<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.contrastive_field(py, "singletons")
    }

    /// Sampled negatives of each anchor, or None.
    #[getter]
    fn negatives<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.field(py, "negatives")
    }

    /// What the loss is multiplied by where it is stated on your scale.
    #[getter]
    fn loss_scale<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.field(py, "loss_scale")
    }

    /// Whether the loss on your scale is a mean or a sum over anchors.
    #[getter]
    fn reduction<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.field(py, "reduction")
    }

    /// Examples in a random batch, or None.
    #[getter]
    fn batch_size<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.field(py, "batch_size")
    }

    /// The power of their sizes by which random batches draw classes, or None where it was not given: samples alike then.
    #[getter]
    fn power<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.field(py, "power")
    }

    /// Classes in a class-balanced batch, or None.
    #[getter]
    fn batch_classes<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.field(py, "batch_classes")
    }

    /// Examples of each class in a class-balanced batch, or None.
    #[getter]
    fn per_class<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.field(py, "per_class")
    }

    /// The samples of every batch of an epoch, or None.
    #[getter]
    fn batches<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyTuple>>> {
        let members = self.file().batches.as_ref().and_then(|table| table.members.as_ref());
        members
            .map(|members| {
                let lists: PyResult<Vec<_>> = members.iter().map(|list| PyTuple::new(py, list)).collect();
                PyTuple::new(py, lists?)
            })
            .transpose()
    }

    /// What a sample in no batch is.
    #[getter]
    fn unused<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.field(py, "unused")
    }

    /// Whether features are nonnegative.
    #[getter]
    fn nonnegative<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.field(py, "nonnegative")
    }

    /// Dimension of the features, or None for as many as the optimum needs.
    #[getter]
    fn dimension<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.field(py, "dimension")
    }

    /// Largest norm of features, for cross-entropy, or None.
    #[getter]
    fn feature_norm<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.field(py, "feature_norm")
    }

    /// Largest energy of features, for cross-entropy, or None.
    #[getter]
    fn feature_energy<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.field(py, "feature_energy")
    }

    /// Ridge on features, for cross-entropy, or None.
    #[getter]
    fn feature_ridge<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.field(py, "feature_ridge")
    }

    /// Largest norm of classifiers, for cross-entropy, or None.
    #[getter]
    fn classifier_norm<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.field(py, "classifier_norm")
    }

    /// Largest energy of classifiers, for cross-entropy, or None.
    #[getter]
    fn classifier_energy<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.field(py, "classifier_energy")
    }

    /// Largest Frobenius norm of the classifier, for cross-entropy, or None.
    #[getter]
    fn classifier_frobenius<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.field(py, "classifier_frobenius")
    }

    /// Ridge on the classifier, for cross-entropy, or None.
    #[getter]
    fn classifier_ridge<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.field(py, "classifier_ridge")
    }

    /// Which solver.
    #[getter]
    fn method<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.field(py, "method")
    }

    /// Relative gap that counts as certified, or None for that of the method.
    #[getter]
    fn tolerance<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.field(py, "tolerance")
    }

    /// Free text for reports, or None.
    #[getter]
    fn title<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.field(py, "title")
    }
}
