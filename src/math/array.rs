//! [`Array`]: named arrays are what is stored beside a report; their bytes are made elsewhere.

use nalgebra::DMatrix;

/// One array of an `.npz` archive.
#[derive(Debug, Clone)]
pub enum Array {
    /// Vector of floats.
    Vector(Vec<f64>),
    /// Vector of indices.
    Indices(Vec<u64>),
    /// Matrix, written in Fortran order as it is stored.
    Matrix(DMatrix<f64>),
}
