//! How what has no form of its own is stored by serde: matrices column by column, and what is shared as it is.

use std::sync::Arc;

use nalgebra::DMatrix;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A matrix: rows, columns, and its numbers column by column.
#[derive(Serialize, Deserialize)]
struct Columns(usize, usize, Vec<f64>);

impl Columns {
    fn of(matrix: &DMatrix<f64>) -> Self {
        Self(matrix.nrows(), matrix.ncols(), matrix.as_slice().to_vec())
    }

    fn matrix<E: serde::de::Error>(self) -> Result<DMatrix<f64>, E> {
        let Self(rows, columns, values) = self;
        if rows.checked_mul(columns) == Some(values.len()) {
            Ok(DMatrix::from_vec(rows, columns, values))
        } else {
            Err(E::custom(format!(
                "a matrix of {rows} x {columns} has {} numbers",
                values.len()
            )))
        }
    }
}

/// `#[serde(with = "matrix")]`
pub(crate) mod matrix {
    use super::*;

    pub(crate) fn serialize<S: Serializer>(matrix: &DMatrix<f64>, serializer: S) -> Result<S::Ok, S::Error> {
        Columns::of(matrix).serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<DMatrix<f64>, D::Error> {
        Columns::deserialize(deserializer)?.matrix()
    }
}

/// `#[serde(with = "optional_matrix")]`
pub(crate) mod optional_matrix {
    use super::*;

    pub(crate) fn serialize<S: Serializer>(matrix: &Option<DMatrix<f64>>, serializer: S) -> Result<S::Ok, S::Error> {
        matrix.as_ref().map(Columns::of).serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<DMatrix<f64>>, D::Error> {
        Option::<Columns>::deserialize(deserializer)?
            .map(Columns::matrix)
            .transpose()
    }
}

/// `#[serde(with = "two_matrices")]`
pub(crate) mod two_matrices {
    use super::*;

    pub(crate) fn serialize<S: Serializer>(matrices: &[DMatrix<f64>; 2], serializer: S) -> Result<S::Ok, S::Error> {
        [Columns::of(&matrices[0]), Columns::of(&matrices[1])].serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<[DMatrix<f64>; 2], D::Error> {
        let [first, second] = <[Columns; 2]>::deserialize(deserializer)?;
        Ok([first.matrix()?, second.matrix()?])
    }
}

/// `#[serde(with = "shared")]`
pub(crate) mod shared {
    use super::*;

    pub(crate) fn serialize<T: Serialize, S: Serializer>(shared: &Arc<T>, serializer: S) -> Result<S::Ok, S::Error> {
        T::serialize(shared, serializer)
    }

    pub(crate) fn deserialize<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Arc<T>, D::Error> {
        T::deserialize(deserializer).map(Arc::new)
    }
}

/// Refuses what is stored where its parts do not fit.
pub(crate) fn misfit<E: serde::de::Error>(what: &str) -> E {
    E::custom(format!("{what} does not fit"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[derive(Serialize, Deserialize, PartialEq, Debug)]
    struct Kept {
        #[serde(with = "matrix")]
        one: DMatrix<f64>,
        #[serde(with = "optional_matrix")]
        none: Option<DMatrix<f64>>,
        #[serde(with = "two_matrices")]
        two: [DMatrix<f64>; 2],
        #[serde(with = "shared")]
        shared: Arc<Vec<f64>>,
    }

    #[test]
    fn what_is_stored_comes_back() {
        let matrix = DMatrix::from_fn(2, 3, |i, j| 1.0 / (1.0 + i as f64 + 10.0 * j as f64));
        let kept = Kept {
            one: matrix.clone(),
            none: None,
            two: [matrix.clone(), matrix.transpose()],
            shared: Arc::new(vec![0.1, 1e-300]),
        };
        let text = serde_json::to_string(&kept).unwrap();
        assert_eq!(serde_json::from_str::<Kept>(&text).unwrap(), kept);
        let torn = text.replacen("[2,3,", "[2,4,", 1);
        assert!(
            serde_json::from_str::<Kept>(&torn)
                .unwrap_err()
                .to_string()
                .contains("2 x 4")
        );
    }
}
