//! The coefficients of THEORY (3): everything a full-batch loss says about the classes, and nothing else.

/// Coefficients of the class-level problem, THEORY (3), one entry per group of classes with identical data:
///
/// ```text
/// F(M) = sum_c w_c log( s_c + sum_{c' != c} a_c' exp((M_cc' - 1) / tau) )
/// ```
///
/// where `c` runs over classes; group `g` stands for `multiplicity[g]` classes. For every full-batch loss `a_cc'`
/// depends on `c'` alone, so one column `a` suffices. All vectors have one entry per group.
#[derive(Debug, Clone, PartialEq)]
pub struct Coefficients {
    /// Temperature `tau > 0`.
    pub temperature: f64,
    /// Number of classes in the group, at least 1.
    pub multiplicity: Vec<f64>,
    /// Anchor weight `w_c` of ONE class of the group; `sum_g multiplicity * weight = 1`. May be 0 (skipped singletons).
    pub weight: Vec<f64>,
    /// `s_c >= 0`: the mass at exponent zero once the class has collapsed.
    pub base: Vec<f64>,
    /// `a_c > 0`: the mass that one class of this group adds to the denominators of all other classes.
    pub column: Vec<f64>,
    /// True when clusters of unequal classes follow the merging rule, THEORY (8): `s_c = n_c + const`,
    /// `a_c = n_c`, `w_c` proportional to `n_c` (supcon and population with sample anchors).
    pub mergeable: bool,
}

impl Coefficients {
    /// Number of groups `r`.
    pub fn groups(&self) -> usize {
        self.weight.len()
    }

    /// Number of classes `k`, as a float (it may exceed what an index holds comfortably).
    pub fn classes(&self) -> f64 {
        self.multiplicity.iter().sum()
    }
}
