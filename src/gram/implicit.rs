//! The implicit form of a Gram matrix, THEORY (5): two numbers a vertex determine every entry.

use serde::{Deserialize, Serialize};

use crate::math::cauchy::log_cosh_half;

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
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Point {
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

impl Point {
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

/// The implicit form of THEORY (5): every entry on demand from `(t, beta)` of its two vertices. A vertex is a group, or
/// a cluster of groups whose classes all share one vector.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CauchyForm {
    /// `t` and `beta` of every vertex.
    pub point: Point,
    /// The vertex of every group.
    pub vertex: Vec<u32>,
    /// For every vertex, whether it is a cluster.
    pub cluster: Vec<bool>,
    /// `delta >= 0`: the matrix is `(M + delta I)/(1 + delta)` of the `M` of the point, so that it is semidefinite whatever
    /// the rounding of the point. Classes of a cluster stay together.
    pub shift: f64,
}

impl CauchyForm {
    /// Whether it has a vertex for each of so many groups, and all numbers of every vertex.
    pub fn fits(&self, groups: usize) -> bool {
        let vertices = self.point.groups();
        let data = [&self.point.log_ratio, &self.point.log_beta, &self.point.log_mass];
        self.vertex.len() == groups
            && self.vertex.iter().all(|&vertex| (vertex as usize) < vertices)
            && data.iter().all(|values| values.len() == vertices)
            && self.cluster.len() == vertices
    }

    /// Inner product of two different classes of the groups `g` and `h`.
    pub fn between(&self, g: usize, h: usize) -> f64 {
        let (i, j) = (self.vertex[g], self.vertex[h]);
        if i == j && self.cluster[i as usize] {
            1.0
        } else {
            self.unmoved(g, h) / (1.0 + self.shift)
        }
    }

    /// The same of the matrix that was moved by `shift`, THEORY (5).
    pub fn unmoved(&self, g: usize, h: usize) -> f64 {
        let (i, j) = (self.vertex[g] as usize, self.vertex[h] as usize);
        if i == j && self.cluster[i] {
            1.0
        } else {
            self.point.entry(i, j)
        }
    }

    /// The sets of groups whose classes share one vector, each ascending.
    pub fn clusters(&self) -> Vec<Vec<usize>> {
        let mut sets: Vec<Vec<usize>> = vec![Vec::new(); self.cluster.len()];
        for (g, &vertex) in self.vertex.iter().enumerate() {
            if self.cluster[vertex as usize] {
                sets[vertex as usize].push(g);
            }
        }
        sets.retain(|set| !set.is_empty());
        sets
    }
}
