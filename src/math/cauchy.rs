//! Fast sums with the kernels of THEORY 3 over many classes.
//!
//! With `y = log beta` every kernel of the solver is a function of a difference alone:
//!
//! ```text
//! 1/(beta + beta')   = e^{-(y + y')/2} sech((y - y')/2) / 2
//! 1/(beta + beta')^2 = e^{-(y + y')}   sech((y - y')/2)^2 / 4
//! log(beta + beta')  = (y + y')/2 + log 2 + log cosh((y - y')/2)
//! ```
//!
//! and is analytic for `|Im y| < pi`. On a panel of width 2 in `y` the polynomial through 20 Chebyshev nodes therefore
//! misses it by `6.44^-20 = 7e-17`, as a function of `y` and of `y'` alike, and
//!
//! ```text
//! sum_c' q_c' K(y_c - y_c')  =  sum_i l_i(y_c) sum_j K(Y_i - Y_j) [ sum_c' l_j(y_c') q_c' ]
//! ```
//!
//! with `l` the Lagrange polynomials of the panel of their argument and `Y` all nodes, 10 per unit of `log beta`. A sum for
//! all classes costs 40 products a class, for any kernel, against `2 Q` exponentials and products with the `Q = 200..300`
//! terms of an exponential sum. A panel with few groups has the groups themselves as nodes, so that few groups, and
//! isolated ones, are summed directly.

use super::blocks;

/// `sech(d/2) = 1/cosh(d/2)`.
pub(crate) fn sech_half(d: f64) -> f64 {
    let e = (-0.5 * d.abs()).exp();
    2.0 * e / (1.0 + e * e)
}

/// `log cosh(d/2)`.
pub(crate) fn log_cosh_half(d: f64) -> f64 {
    let d = d.abs();
    if d < 0.5 {
        // log cosh x = -log1p(-tanh^2 x)/2 keeps the digits of a small value.
        let t = (0.5 * d).tanh();
        return -0.5 * (-t * t).ln_1p();
    }
    0.5 * d + (-d).exp().ln_1p() - std::f64::consts::LN_2
}

/// `1/(1 + e^{-d})`, the share `beta/(beta + beta')` at `d = y - y'`.
pub(crate) fn logistic(d: f64) -> f64 {
    let e = (-d.abs()).exp();
    if d >= 0.0 { 1.0 / (1.0 + e) } else { e / (1.0 + e) }
}

/// How finely a [`Grid`] resolves the kernels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Resolution {
    /// To rounding: 20 nodes on a panel of width 2. For equations.
    Full,
    /// To about 1e-6: 8 nodes on a panel of width 2. For the Jacobian, which only steers.
    Coarse,
}

impl Resolution {
    /// Width of a panel in `log beta`, and its number of nodes.
    fn panel(self) -> (f64, usize) {
        match self {
            Resolution::Full => (2.0, 20),
            Resolution::Coarse => (2.0, 8),
        }
    }
}

/// Most terms spent on rows that need a direct sum. More rows than this are dominated by their own class only far from any
/// solution, or where classes collapse.
const DIRECT_TERMS: usize = 1 << 25;

/// Upper bound of the nodes of one panel.
pub(crate) const MAX_ORDER: usize = 20;

/// Where a group sits in the grid.
#[derive(Debug, Clone, Copy)]
enum Place {
    /// The group is itself this node.
    Node(u32),
    /// In the panel whose first node is `first`, at `local` in [-1, 1].
    Panel { first: u32, local: f64 },
}

/// Nodes that represent every group, given the `log beta` of each.
#[derive(Debug)]
pub(crate) struct Grid<'a> {
    points: &'a [f64],
    places: Vec<Place>,
    nodes: Vec<f64>,
    /// The group that a node is, if it is one.
    members: Vec<Option<usize>>,
    local_nodes: Vec<f64>,
    barycentric: Vec<f64>,
}

impl<'a> Grid<'a> {
    /// A grid for the groups at `points` (`log beta`, finite).
    pub(crate) fn new(points: &'a [f64], resolution: Resolution) -> Grid<'a> {
        let (width, order) = resolution.panel();
        let low = -blocks::max(points.len(), |g| -points[g]);
        let panel_of = |g: usize| ((points[g] - low) / width) as usize;
        let mut count = std::collections::BTreeMap::<usize, usize>::new();
        for g in 0..points.len() {
            *count.entry(panel_of(g)).or_default() += 1;
        }
        let angle = |i: usize| (2 * i + 1) as f64 * std::f64::consts::PI / (2 * order) as f64;
        let local_nodes: Vec<f64> = (0..order).map(|i| angle(i).cos()).collect();
        let barycentric = (0..order)
            .map(|i| if i % 2 == 0 { angle(i).sin() } else { -angle(i).sin() })
            .collect();
        let mut nodes = Vec::new();
        let mut members = Vec::new();
        let mut first = std::collections::BTreeMap::new();
        for (&panel, &inside) in &count {
            if inside > order {
                first.insert(panel, nodes.len() as u32);
                let centre = low + (panel as f64 + 0.5) * width;
                nodes.extend(local_nodes.iter().map(|x| centre + 0.5 * width * x));
                members.extend(local_nodes.iter().map(|_| None));
            }
        }
        let mut places = Vec::with_capacity(points.len());
        for (g, &point) in points.iter().enumerate() {
            let panel = panel_of(g);
            places.push(match first.get(&panel) {
                Some(&first) => Place::Panel {
                    first,
                    local: 2.0 * ((point - low) / width - panel as f64) - 1.0,
                },
                None => {
                    nodes.push(point);
                    members.push(Some(g));
                    Place::Node(nodes.len() as u32 - 1)
                }
            });
        }
        Grid {
            points,
            places,
            nodes,
            members,
            local_nodes,
            barycentric,
        }
    }

    /// `log beta` of the nodes.
    pub(crate) fn nodes(&self) -> &[f64] {
        &self.nodes
    }

    /// Number of groups.
    pub(crate) fn groups(&self) -> usize {
        self.points.len()
    }

    /// The first node of group `g` and the values `l_i(y_g)` at it and the nodes after it.
    pub(crate) fn basis<'b>(&self, g: usize, buffer: &'b mut [f64; MAX_ORDER]) -> (usize, &'b [f64]) {
        match self.places[g] {
            Place::Node(node) => {
                buffer[0] = 1.0;
                (node as usize, &buffer[..1])
            }
            Place::Panel { first, local } => {
                let values = &mut buffer[..self.local_nodes.len()];
                let mut total = 0.0;
                for ((value, x), w) in values.iter_mut().zip(&self.local_nodes).zip(&self.barycentric) {
                    *value = w / (local - x);
                    total += *value;
                }
                if total.is_finite() {
                    let scale = 1.0 / total;
                    values.iter_mut().for_each(|value| *value *= scale);
                } else {
                    // The group sits on a node.
                    for (value, x) in values.iter_mut().zip(&self.local_nodes) {
                        *value = if local == *x { 1.0 } else { 0.0 };
                    }
                }
                (first as usize, values)
            }
        }
    }

    /// `sum_c l_j(y_c) q_c` for every node `j`.
    pub(crate) fn gather<const W: usize>(&self, source: impl Fn(usize) -> [f64; W] + Sync) -> Vec<[f64; W]> {
        let partial = blocks::per_block(self.points.len(), |range| {
            let mut nodal = vec![[0.0; W]; self.nodes.len()];
            let mut buffer = [0.0; MAX_ORDER];
            for g in range {
                let q = source(g);
                let (first, basis) = self.basis(g, &mut buffer);
                for (node, l) in nodal[first..].iter_mut().zip(basis) {
                    for w in 0..W {
                        node[w] += l * q[w];
                    }
                }
            }
            nodal
        });
        let mut total = vec![[0.0; W]; self.nodes.len()];
        for nodal in partial {
            for (sum, term) in total.iter_mut().zip(nodal) {
                for w in 0..W {
                    sum[w] += term[w];
                }
            }
        }
        total
    }

    /// `sum_i l_i(y_g) f_i`: a function known at the nodes, at group `g`.
    pub(crate) fn interpolate<const W: usize>(&self, g: usize, nodal: &[[f64; W]]) -> [f64; W] {
        let mut buffer = [0.0; MAX_ORDER];
        let (first, basis) = self.basis(g, &mut buffer);
        let mut value = [0.0; W];
        for (node, l) in nodal[first..].iter().zip(basis) {
            for w in 0..W {
                value[w] += l * node[w];
            }
        }
        value
    }

    /// For one class `c` of every group, the `W` sums over all OTHER classes
    ///
    /// ```text
    /// sum_{c' != c} q_c' K_i(y_c - y_c'),   i = 1..W
    /// ```
    ///
    /// where `source` gives the `q` of one class of a group and `kernels` the values `K_1(d)..K_W(d)`.
    pub(crate) fn others<const W: usize>(
        &self,
        multiplicity: &[f64],
        source: impl Fn(usize) -> [f64; W] + Sync,
        kernels: impl Fn(f64) -> [f64; W] + Sync,
    ) -> Vec<[f64; W]> {
        let scaled = |g: usize, m: f64| source(g).map(|q| m * q);
        let gathered = self.gather(|g| scaled(g, multiplicity[g]));
        let nodal = node_rows(self.nodes.len(), |i| {
            let mut total = [0.0; W];
            for (j, (&y, q)) in self.nodes.iter().zip(&gathered).enumerate() {
                let k = kernels(self.nodes[i] - y);
                // A node that is a group leaves its own class out here, exactly.
                let own = if i == j {
                    self.members[i].map(|g| scaled(g, multiplicity[g] - 1.0))
                } else {
                    None
                };
                let q = own.as_ref().unwrap_or(q);
                for w in 0..W {
                    total[w] += k[w] * q[w];
                }
            }
            total
        });
        let at_zero = kernels(0.0);
        let mut sums = blocks::map(self.points.len(), |g| {
            let mut value = self.interpolate(g, &nodal);
            if let Place::Panel { .. } = self.places[g] {
                let own = source(g);
                (0..W).for_each(|w| value[w] -= own[w] * at_zero[w]);
            }
            value
        });

        // Where a class outweighs all others, taking it out of the sum has cost digits.
        let lost = |g: usize| {
            let own = source(g);
            (0..W).any(|w| sums[g][w].abs() < (own[w] * at_zero[w]).abs() / 16.0)
        };
        let in_panel = |g: &usize| matches!(self.places[*g], Place::Panel { .. });
        let rows: Vec<usize> = (0..self.points.len()).filter(in_panel).filter(|&g| lost(g)).collect();
        if rows.len() * self.points.len() <= DIRECT_TERMS {
            let direct = node_rows(rows.len(), |i| self.direct(rows[i], multiplicity, &source, &kernels));
            rows.into_iter().zip(direct).for_each(|(g, row)| sums[g] = row);
        }
        sums
    }

    /// One row of [`Grid::others`] term by term.
    fn direct<const W: usize>(
        &self,
        g: usize,
        multiplicity: &[f64],
        source: impl Fn(usize) -> [f64; W],
        kernels: impl Fn(f64) -> [f64; W],
    ) -> [f64; W] {
        let mut total = [0.0; W];
        for (h, &y) in self.points.iter().enumerate() {
            let m = if h == g { multiplicity[h] - 1.0 } else { multiplicity[h] };
            let (k, q) = (kernels(self.points[g] - y), source(h));
            for w in 0..W {
                total[w] += m * k[w] * q[w];
            }
        }
        total
    }
}

/// Rows of a node by node product: quadratic in few nodes, parallel from about a hundred.
pub(crate) fn node_rows<T: Send>(nodes: usize, row: impl Fn(usize) -> T + Sync) -> Vec<T> {
    use rayon::prelude::*;
    if nodes < 96 {
        return (0..nodes).map(row).collect();
    }
    (0..nodes).into_par_iter().map(&row).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// Deterministic numbers in [0, 1).
    fn uniform(seed: u64) -> impl FnMut() -> f64 {
        let mut state = seed | 1;
        move || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 11) as f64 / (1_u64 << 53) as f64
        }
    }

    #[test]
    fn kernels_match_their_definitions() {
        for d in [-30.0_f64, -3.0, -0.4, 0.0, 1e-6, 0.2, 0.7, 5.0, 40.0] {
            let cosh = (0.5 * d).cosh();
            assert!((sech_half(d) * cosh - 1.0).abs() < 4e-16, "sech at {d}");
            assert!((log_cosh_half(d) - cosh.ln()).abs() < 4e-15, "log cosh at {d}");
            assert!(
                (logistic(d) * (1.0 + (-d).exp()) - 1.0).abs() < 4e-16,
                "logistic at {d}"
            );
        }
        // Small values keep their digits: log cosh x = x^2/2 - x^4/12.
        assert!((log_cosh_half(1e-4) / (1.25e-9 - 1e-16 / 192.0) - 1.0).abs() < 1e-14);
        // Far out nothing overflows.
        assert_eq!(log_cosh_half(-4000.0), 2000.0 - std::f64::consts::LN_2);
        assert_eq!(
            [sech_half(4000.0), logistic(-4000.0), logistic(4000.0)],
            [0.0, 0.0, 1.0]
        );
    }

    /// The three Cauchy kernels through the grid against the sums as they are written, over ranges of beta up to 1e12.
    #[test]
    fn sums_match_direct_summation() {
        for (seed, r, range) in [
            (1, 7, 1e12),
            (2, 300, 1e12),
            (3, 3000, 1e12),
            (4, 3000, 1e4),
            (5, 6000, 1.0),
            (6, 5000, 30.0),
        ] {
            let mut random = uniform(seed);
            let y: Vec<f64> = (0..r).map(|_| f64::ln(range) * random() - 40.0).collect();
            let q: Vec<f64> = (0..r).map(|_| (6.0 * random()).exp()).collect();
            let m: Vec<f64> = (0..r).map(|_| (1.0 + 3.0 * random()).floor()).collect();
            let half_sum = |c: usize, d: usize| 0.5 * (y[c] + y[d]);
            let sums = Grid::new(&y, Resolution::Full).others(
                &m,
                // K = 1/x and 1/x^2 take a factor of the source; K = log x splits off (y + y')/2.
                |c| [q[c] * (-0.5 * (y[c] + 40.0)).exp(), q[c] * (-y[c] - 40.0).exp(), q[c]],
                |d| [0.5 * sech_half(d), 0.25 * sech_half(d).powi(2), log_cosh_half(d)],
            );
            for c in (0..r).step_by(r / 7) {
                let mut direct = [0.0_f64; 3];
                let mut size = 0.0;
                let mut fast = sums[c];
                fast[0] *= (-0.5 * (y[c] + 40.0)).exp();
                fast[1] *= (-y[c] - 40.0).exp();
                for d in 0..r {
                    let partners = if c == d { m[d] - 1.0 } else { m[d] };
                    let x = (y[c] + 40.0).exp() + (y[d] + 40.0).exp();
                    let term = [1.0 / x, 1.0 / (x * x), x.ln()].map(|k| partners * q[d] * k);
                    (0..3).for_each(|i| direct[i] += term[i]);
                    fast[2] += partners * q[d] * (half_sum(c, d) + 40.0 + std::f64::consts::LN_2);
                    size += term[2].abs();
                }
                for (i, scale) in [(0, direct[0]), (1, direct[1]), (2, size)] {
                    let error = (fast[i] - direct[i]).abs() / scale;
                    assert!(
                        error < 1e-14,
                        "kernel {i}, {r} groups, range {range}, row {c}: {error:e}"
                    );
                }
            }
        }
    }

    /// A class that outweighs all others by 1e9 would leave its own row with 7 digits if it were subtracted there.
    #[test]
    fn a_dominant_class_does_not_spoil_its_own_row() {
        let mut random = uniform(9);
        let y: Vec<f64> = (0..200).map(|_| random()).collect();
        let q: Vec<f64> = (0..200).map(|c| if c == 77 { 1e9 } else { 1.0 }).collect();
        let m = vec![1.0; 200];
        let grid = Grid::new(&y, Resolution::Full);
        assert_eq!(
            grid.nodes().len(),
            Resolution::Full.panel().1,
            "all groups in one panel, none a node of its own"
        );
        let sums = grid.others(&m, |c| [q[c]], |d| [sech_half(d)]);
        let direct: f64 = (0..200).filter(|&c| c != 77).map(|c| sech_half(y[77] - y[c])).sum();
        assert!((sums[77][0] / direct - 1.0).abs() < 1e-14, "{} {direct}", sums[77][0]);
    }

    #[test]
    fn the_coarse_grid_is_coarse_but_right() {
        let mut random = uniform(11);
        let y: Vec<f64> = (0..2000).map(|_| 10.0 * random()).collect();
        let m = vec![1.0; 2000];
        let both = [Resolution::Full, Resolution::Coarse].map(|resolution| {
            let grid = Grid::new(&y, resolution);
            (grid.nodes().len(), grid.others(&m, |_| [1.0], |d| [sech_half(d)])[0][0])
        });
        assert_eq!([both[0].0, both[1].0], [5 * 20, 5 * 8]);
        let error = (both[1].1 / both[0].1 - 1.0).abs();
        assert!(error < 1e-5 && error > 1e-12, "{error:e}");
    }
}
