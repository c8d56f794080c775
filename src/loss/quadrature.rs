//! The one-dimensional integrals of the sampled losses, THEORY (10) and (11).
//!
//! For a multinomial draw the expectation of `e^{-s (linear function of the counts)}` is a power of a sum, and
//! `log x = int_0^inf (e^{-t} - e^{-t x}) dt/t` turns the expectation of a logarithm into an integral of such powers. With
//! class probabilities `rho`, `u_cc' = exp((M_cc' - 1)/tau)` and `n` draws beside the anchor, every row of (10) and (11) is
//! its floor plus
//!
//! ```text
//! rho_c int_0^inf e^{-kappa s} [ (P0^n - sigma C0^n) - (P^n - sigma C^n) ] ds/s
//! C = sum_{c' != c} rho_c' e^{-s u_cc'},   P = C + own,   own = rho_c e^{-s} (sincere: rho_c)
//! ```
//!
//! where `C0`, `P0` are `C`, `P` at `u = 0`, and `sigma = 1` where an anchor without a positive is skipped. With
//! `delta = C0 - C = sum_{c' != c} rho_c' (1 - e^{-s u_cc'})` and `K = P^{n-1} - sigma C^{n-1}`,
//!
//! ```text
//! d row_c / d u_cc' = n rho_c rho_c' int_0^inf e^{-kappa s} e^{-s u_cc'} K ds.
//! ```
//!
//! **The rule** is the trapezoid in `log s` with step `h = log(2)/3`. In `w = log s` the integrands are analytic for
//! `|Im w| < pi/2`, where `|e^{-s u}| <= e^{-u Re s}` and `|1 - e^{-su}| <= |s| u`, so that the relative error is at most
//! about `e^{-2 pi d/h} / cos d` for every `d < pi/2`: `2e-16` at `d = 1.4`. The range of `s` cuts off less than `1e-16`.
//!
//! **Nodes** are in ratio 2 at distance 3, so `E = 1 - e^{-su}` follows from `E(2s) = E(s) (2 - E(s))`, which amplifies no
//! relative error; where `s u <= 0.06` for the whole row, sums over classes are polynomials in `s` with nine moments.

/// Step of the rule in `log s`: three nodes an octave.
pub(super) const STEP: f64 = std::f64::consts::LN_2 / 3.0;

/// How a sampled loss draws, in the notation of the module documentation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Scheme {
    /// `kappa >= 0`.
    pub(super) decay: f64,
    /// `n >= 1`: draws beside the anchor.
    pub(super) draws: f64,
    /// Whether samples of the anchor's own class stand in its denominator (`own = rho e^{-s}`), or not (`own = rho`).
    pub(super) own_in_denominator: bool,
    /// `sigma = 1`: an anchor whose class is not drawn again is skipped.
    pub(super) skips: bool,
    /// Floor of a row over `rho`: `E log(..)` at `u = 0`.
    pub(super) floor: Floor,
}

/// What a row is at `u = 0`, divided by `rho`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Floor {
    /// 0: the positive stands alone in the denominator.
    Zero,
    /// `E log(1 + t_c)`.
    Draws,
    /// `E 1{l >= 2} log(l - 1)`.
    Positives,
    /// `E log(V l - 1)` for `V >= 2` views.
    Views(f64),
}

/// The nodes, shared by all rows.
#[derive(Debug, Clone)]
pub(super) struct Grid {
    pub(super) s: Vec<f64>,
    /// `h e^{-kappa s}`: weights of `ds/s`.
    pub(super) weight: Vec<f64>,
    /// `e^{-s}` and `1 - e^{-s}`; 1 and 0 where `own = rho`.
    own: Vec<f64>,
    own_gap: Vec<f64>,
}

/// Relative size of what the ends of the range cut off.
const CUT: f64 = 1e-17;

/// `-log CUT`, and the decay of the longest tail.
const TAIL: f64 = 40.0;

impl Grid {
    /// Nodes for rows of probability up to `largest`.
    pub(super) fn new(scheme: &Scheme, largest: f64) -> Self {
        let rate = scheme.decay + f64::from(u8::from(scheme.skips && scheme.own_in_denominator));
        let first = Self::index(CUT / (1.0 + scheme.draws * largest)).floor();
        let last = Self::index(TAIL / rate).ceil();
        let s: Vec<f64> = (0..=(last - first) as usize)
            .map(|j| Self::node(first + j as f64))
            .collect();
        let decays = scheme.own_in_denominator;
        Self {
            weight: s.iter().map(|s| STEP * (-scheme.decay * s).exp()).collect(),
            own: s.iter().map(|s| if decays { (-s).exp() } else { 1.0 }).collect(),
            own_gap: s.iter().map(|s| if decays { -(-s).exp_m1() } else { 0.0 }).collect(),
            s,
        }
    }

    fn node(index: f64) -> f64 {
        (index / 3.0).exp2()
    }

    fn index(s: f64) -> f64 {
        3.0 * s.log2()
    }

    /// First node that a row of probability `rho` needs.
    pub(super) fn start(&self, scheme: &Scheme, rho: f64) -> usize {
        let least = CUT / (1.0 + scheme.draws * rho);
        self.s.partition_point(|&s| s < least)
    }
}

/// What is fixed of a row: its probability, and that of all other classes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mass {
    pub(super) rho: f64,
    /// `C0 = 1 - rho`, summed over the other classes so that it keeps its digits.
    pub(super) rest: f64,
    /// `log C0`.
    log_rest: f64,
}

impl Mass {
    pub(super) fn new(rho: f64, rest: f64) -> Self {
        let log_rest = if rho < 0.5 { (-rho).ln_1p() } else { rest.ln() };
        Self { rho, rest, log_rest }
    }

    /// `own`, `P0` and `log P0` at node `j`.
    fn total(&self, grid: &Grid, j: usize) -> (f64, f64, f64) {
        let own = self.rho * grid.own[j];
        let total = self.rest + own;
        let missing = self.rho * grid.own_gap[j];
        let log_total = if missing < 0.5 { (-missing).ln_1p() } else { total.ln() };
        (own, total, log_total)
    }

    /// `(P0^n - sigma C0^n) - (P^n - sigma C^n)` at node `j`.
    pub(super) fn drop(&self, scheme: &Scheme, grid: &Grid, j: usize, delta: f64) -> f64 {
        let n = scheme.draws;
        let delta = delta.min(self.rest);
        let (own, total, log_total) = self.total(grid, j);
        let of_total = || -(n * log_total).exp() * (n * (-delta / total).ln_1p()).exp_m1();
        if !scheme.skips {
            return of_total();
        }
        let of_rest = -(n * self.log_rest).exp() * (n * (-delta / self.rest).ln_1p()).exp_m1();
        let log_gain = n * (own / self.rest).ln_1p();
        if log_gain > 1.0 {
            return of_total() - of_rest;
        }
        let left = self.rest - delta;
        if left < 0.1 * self.rest {
            return (n * self.log_rest).exp() * log_gain.exp_m1() - power_difference(left, own, n);
        }
        // (C0^n - C^n) ((P0/C0)^n - 1) - C^n ((P/C)^n - (P0/C0)^n): no term is a difference of nearly equal numbers.
        let log_left = self.log_rest + (-delta / self.rest).ln_1p();
        let growth = (n * (own * delta / (left * total)).ln_1p()).exp_m1();
        of_rest * log_gain.exp_m1() - (n * log_left + log_gain).exp() * growth
    }

    /// `P^m - sigma C^m` at node `j`.
    pub(super) fn kernel(&self, scheme: &Scheme, grid: &Grid, j: usize, delta: f64, m: f64) -> f64 {
        if m == 0.0 {
            return f64::from(u8::from(!scheme.skips));
        }
        let delta = delta.min(self.rest);
        let (own, total, log_total) = self.total(grid, j);
        if !scheme.skips {
            return (m * (log_total + (-delta / total).ln_1p())).exp();
        }
        let log_left = self.log_rest + (-delta / self.rest).ln_1p();
        let log_gain = m * (own / (self.rest - delta)).ln_1p();
        if log_gain < 1.0 {
            (m * log_left).exp() * log_gain.exp_m1()
        } else {
            (m * (log_total + (-delta / total).ln_1p())).exp() - (m * log_left).exp()
        }
    }

    /// The row at `u = 0`, divided by `rho`.
    pub(super) fn floor(&self, scheme: &Scheme, grid: &Grid) -> f64 {
        let n = scheme.draws;
        let start = grid.start(scheme, self.rho);
        match scheme.floor {
            Floor::Zero => 0.0,
            Floor::Draws => (start..grid.s.len())
                .map(|j| -grid.weight[j] * (n * self.total(grid, j).2).exp_m1())
                .sum(),
            Floor::Positives => {
                let active = -(n * self.log_rest).exp_m1();
                (start..grid.s.len())
                    .map(|j| grid.weight[j] * ((-grid.s[j]).exp() * active - self.kernel(scheme, grid, j, 0.0, n)))
                    .sum()
            }
            Floor::Views(views) => {
                // e^{-s/V} ds/s has a longer tail than the grid.
                let first = Grid::index(grid.s[start]).round() as i64;
                let last = Grid::index(TAIL * views).ceil() as i64;
                (first..=last)
                    .map(|index| {
                        let s = Grid::node(index as f64);
                        let missing = -self.rho * (-s).exp_m1();
                        let log_total = if missing < 0.5 {
                            (-missing).ln_1p()
                        } else {
                            (self.rest + self.rho * (-s).exp()).ln()
                        };
                        -STEP * (-s / views).exp() * (n * log_total - s * (views - 2.0) / views).exp_m1()
                    })
                    .sum()
            }
        }
    }
}

/// `(left + own)^n - left^n`.
fn power_difference(left: f64, own: f64, n: f64) -> f64 {
    let log_gain = n * (own / left).ln_1p();
    if log_gain < 1.0 {
        left.powf(n) * log_gain.exp_m1()
    } else {
        (left + own).powf(n) - left.powf(n)
    }
}
