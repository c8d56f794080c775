//! [`Gram`]: the inner products of the class means, stored by groups of classes that are alike.

pub mod block;
pub mod cells;
pub mod entries;
pub mod factor;
pub mod implicit;

use std::borrow::Cow;
use std::sync::Arc;

use nalgebra::DMatrix;
use serde::{Deserialize, Serialize};

pub use crate::problem::Partition;
use crate::problem::Problem;
pub use factor::FactorForm;
pub use implicit::CauchyForm;

/// A class-level Gram matrix `G` (k x k, unit diagonal) that is constant on groups of classes. A clone costs nothing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Gram {
    #[serde(with = "crate::math::stored::shared")]
    partition: Arc<Partition>,
    #[serde(with = "crate::math::stored::shared")]
    values: Arc<Values>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Values {
    /// r x r, symmetric: inner product of a class of one group and a DIFFERENT class of the other; 1 on the diagonal of
    /// groups with one class.
    Dense(#[serde(with = "crate::math::stored::matrix")] DMatrix<f64>),
    /// Two numbers a vertex determine every entry.
    Cauchy(CauchyForm),
    /// The inner products of columns.
    Factor(FactorForm),
}

impl Gram {
    /// A Gram matrix from group values (r x r; see [`Gram::values`]). The upper triangle is read; the diagonal entry of
    /// a group with one class is set to 1.
    ///
    /// # Panics
    /// If `values` is not r x r.
    pub fn from_groups(partition: Partition, mut values: DMatrix<f64>) -> Self {
        let groups = partition.groups();
        assert_eq!(values.shape(), (groups, groups), "group values are r x r");
        for g in 0..groups {
            if partition.multiplicity()[g] == 1 {
                values[(g, g)] = 1.0;
            }
            for h in 0..g {
                values[(g, h)] = values[(h, g)];
            }
        }
        Self {
            partition: Arc::new(partition),
            values: Arc::new(Values::Dense(values)),
        }
    }

    /// A Gram matrix in the implicit form.
    ///
    /// # Panics
    /// If the form has not one vertex for every group.
    pub fn from_cauchy(partition: Partition, form: CauchyForm) -> Self {
        assert_eq!(form.vertex.len(), partition.groups(), "one vertex a group");
        Self {
            partition: Arc::new(partition),
            values: Arc::new(Values::Cauchy(form)),
        }
    }

    /// A Gram matrix from a dense k x k matrix in class order, each class a group of its own. The diagonal is rescaled
    /// to 1 (`g_ij / sqrt(g_ii g_jj)`).
    ///
    /// # Panics
    /// If `dense` is not k x k.
    pub fn from_dense(problem: &Problem, dense: &DMatrix<f64>) -> Self {
        let scale = dense.diagonal().map(|d| 1.0 / d.sqrt());
        let values = DMatrix::from_fn(dense.nrows(), dense.ncols(), |i, j| {
            0.5 * (dense[(i, j)] + dense[(j, i)]) * scale[i] * scale[j]
        });
        Self::from_groups(Partition::singletons(problem), values)
    }

    /// Which class belongs to which group.
    pub fn partition(&self) -> &Partition {
        &self.partition
    }

    /// A Gram matrix in the form of a factor.
    ///
    /// # Panics
    /// If the form has not one column for every group.
    pub fn from_factor(partition: Partition, form: FactorForm) -> Self {
        assert_eq!(form.columns().ncols(), partition.groups(), "one column a group");
        Self {
            partition: Arc::new(partition),
            values: Arc::new(Values::Factor(form)),
        }
    }

    /// The implicit form, if the matrix has one.
    pub fn cauchy(&self) -> Option<&CauchyForm> {
        match &*self.values {
            Values::Dense(_) | Values::Factor(_) => None,
            Values::Cauchy(form) => Some(form),
        }
    }

    /// The factor, if the matrix is given by one.
    pub fn factor(&self) -> Option<&FactorForm> {
        match &*self.values {
            Values::Dense(_) | Values::Cauchy(_) => None,
            Values::Factor(form) => Some(form),
        }
    }

    /// Inner product of two different classes, one of group `g` and one of group `h`; 1 for a group of one class.
    pub fn between(&self, g: usize, h: usize) -> f64 {
        match &*self.values {
            Values::Dense(values) => values[(g, h)],
            Values::Cauchy(_) if g == h && self.partition.multiplicity()[g] == 1 => 1.0,
            Values::Cauchy(form) => form.between(g, h),
            Values::Factor(form) => form.between(g, h, self.partition.multiplicity()[g] as f64),
        }
    }

    /// Inner products by groups, r x r: of a class of one group and a different class of the other; 1 on the diagonal
    /// of groups with one class. Computed where the form is implicit: check the number of groups first.
    pub fn values(&self) -> Cow<'_, DMatrix<f64>> {
        match &*self.values {
            Values::Dense(values) => Cow::Borrowed(values),
            Values::Cauchy(_) | Values::Factor(_) => {
                let groups = self.partition.groups();
                Cow::Owned(DMatrix::from_fn(groups, groups, |g, h| self.between(g, h)))
            }
        }
    }

    /// Inner product of two classes in the user's order.
    pub fn entry(&self, i: u64, j: u64) -> f64 {
        if i == j {
            1.0
        } else {
            self.between(self.partition.group_of(i), self.partition.group_of(j))
        }
    }

    /// The dense k x k matrix in class order.
    pub fn to_dense(&self) -> DMatrix<f64> {
        let values = self.values();
        let mut group_of = Vec::with_capacity(self.partition.classes() as usize);
        for (_, count, group) in self.partition.runs() {
            group_of.extend(std::iter::repeat_n(group, count as usize));
        }
        DMatrix::from_fn(group_of.len(), group_of.len(), |i, j| {
            if i == j {
                1.0
            } else {
                values[(group_of[i], group_of[j])]
            }
        })
    }
}
