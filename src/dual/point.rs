//! What the solver returns: the Gram matrix of all classes in four numbers per group.

use super::cauchy::log_cosh_half;

/// A solution of THEORY (5)-(7) in the log domain, one entry per group.
///
/// With `xi_c = log(t_c / sqrt(beta_c))` and `y_c = log beta_c`, THEORY (5) is symmetric:
///
/// ```text
/// u_cc' = 2 t_c t_c' / (beta_c + beta_c') = e^{xi_c + xi_c'} / cosh((y_c - y_c')/2)
/// M_cc' = 1 + tau ( xi_c + xi_c' - log cosh((y_c - y_c')/2) )                                                        (5)
/// ```
///
/// so entries keep their digits where `t` and `beta` themselves would underflow, and `kappa_c = t_c^2 - beta_c` of the
/// optimality tests has the sign of `xi_c`.
#[derive(Debug, Clone, PartialEq)]
pub struct DualPoint {
    /// Temperature `tau` of the problem solved.
    pub temperature: f64,
    /// `xi = log(t / sqrt(beta))`.
    pub log_ratio: Vec<f64>,
    /// `log beta`. For an anchor weight of 0 it is finite, and so small that no digit depends on it.
    pub log_beta: Vec<f64>,
    /// `z`, the logarithm of the denominator `s_c + sum_c' a_c' u_cc'`, THEORY (6).
    pub z: Vec<f64>,
    /// `log sum_{c' != c} a_c' u_cc'`, the logarithm of what `z` adds to `s_c`; it keeps its digits where `z` cannot
    /// tell `e^z` from `s_c`.
    pub log_mass: Vec<f64>,
}

impl DualPoint {
    /// Number of groups.
    pub fn groups(&self) -> usize {
        self.z.len()
    }

    /// `log t_g`, where `v = a t` and `S = v v^T`.
    pub fn log_t(&self, g: usize) -> f64 {
        self.log_ratio[g] + 0.5 * self.log_beta[g]
    }

    /// `log u_cc'` for two different classes of the groups `g` and `h`, which may be equal; THEORY (5).
    pub fn log_u(&self, g: usize, h: usize) -> f64 {
        self.log_ratio[g] + self.log_ratio[h] - log_cosh_half(self.log_beta[g] - self.log_beta[h])
    }

    /// `M_cc'`, the cosine between two different classes of the groups `g` and `h`, which may be equal; THEORY (5).
    pub fn entry(&self, g: usize, h: usize) -> f64 {
        1.0 + self.temperature * self.log_u(g, h)
    }

    /// `sign kappa_g` of `kappa = t^2 - beta`: positive above 0, negative below.
    pub fn kappa_is_positive(&self, g: usize) -> bool {
        self.log_ratio[g] > 0.0
    }
}
