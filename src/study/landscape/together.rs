//! The metric of the second-order polish at sample level: steps that keep classes together.
//!
//! Near collapse the loss is a narrow valley. Moving a class as a whole changes the excess `S` by a factor of order one over
//! angles of order one, but moving its samples apart by an angle `t` adds `phi(t^2/tau)`, about `t^4/tau^2`: nothing for a
//! quadratic model at the bottom, a wall from `t^2 = tau sqrt(S)` on. At temperature 0.05 the excess is 1e-9 and the valley
//! 1e-3 wide. So the region is not round. With class means `m_c` of a step `U` and multipliers `c`,
//!
//! ```text
//! |U|_M^2 = sum_c c_c ( n_c |m_c|^2 + (1 + K) sum_{j in c} |u_j - m_c|^2 ),     K = (R^2 / tau) / sqrt(S).
//! ```

use std::ops::Range;

use nalgebra::DMatrix;

use crate::method::staircase::oblique;
use crate::method::staircase::trust_region::Metric;

/// Angle by which a class as a whole may move, `R^2`.
const REACH: f64 = 0.1;

/// Largest `K`.
const MAX_STIFFNESS: f64 = 1e8;

/// `K` at an excess in nats.
pub(super) fn stiffness(excess: f64, temperature: f64) -> f64 {
    (REACH / temperature / excess.sqrt()).clamp(0.0, MAX_STIFFNESS)
}

/// `M` for features whose columns are samples, class by class; `stiffness` is `K` by value of the cost.
pub(super) struct Together<'a, F> {
    pub(super) classes: &'a [Range<usize>],
    pub(super) stiffness: F,
}

impl<F: Fn(f64) -> f64 + Sync> Metric for Together<'_, F> {
    /// One scale a class: the mean of its multipliers.
    fn scales(&self, mut multipliers: Vec<f64>) -> Vec<f64> {
        for samples in self.classes {
            let of_class = &mut multipliers[samples.clone()];
            let mean = of_class.iter().sum::<f64>() / of_class.len() as f64;
            of_class.fill(mean);
        }
        multipliers
    }

    fn precondition(&self, h: &DMatrix<f64>, r: &DMatrix<f64>, scales: &[f64], value: f64) -> DMatrix<f64> {
        let mut z = r.clone();
        let apart = 1.0 / (1.0 + (self.stiffness)(value));
        for samples in self.classes {
            let c = scales[samples.start];
            let mut block = z.columns_range_mut(samples.clone());
            let mean = block.column_mean() * ((1.0 - apart) / c);
            block *= apart / c;
            for mut column in block.column_iter_mut() {
                column += &mean;
            }
        }
        oblique::project(h, &mut z);
        z
    }
}
