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
//! about `e^{-2 pi d/h} / cos d` for every `d < pi/2`: `2e-16` at `d = 1.4`.
//!
//! **The ends.** By `ds/s` every integrand is `c s (1 - O(s r))` near 0 and falls like `e^{-40}` at the last node. Its
//! scale is that of the anchor and of everything that is drawn, `r = 1 + kappa + n`: not of the class alone, whose own
//! `n rho` may be small where `n sum rho' u'` is not. The integral is at least `c/r`. The nodes end at `s_0 = 1e-9/r`, where
//! the sum over all that would follow is geometric, `h c s_0 (1 + 2^{-1/3} + 2^{-2/3} + ..)`: the first weight has that
//! factor. What is left out is of second order, below `(s_0 r)^2 = 1e-18` of the integral for `u <= 1`, and below `1e-15`
//! for `u <= e^3`.
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
    /// Floor of a row over `rho`: `E log(..)` at `u = 0`; `None` for nscl.
    pub(super) floor: Option<Floor>,
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
    /// `h e^{-kappa s}`: weights of `ds/s`, the first for all nodes before it as well.
    pub(super) weight: Vec<f64>,
    /// `e^{-s}` and `1 - e^{-s}`; 1 and 0 where `own = rho`.
    own: Vec<f64>,
    own_gap: Vec<f64>,
}

/// The first node, in units of the scale of the integrands.
const FIRST: f64 = 1e-9;

/// The decay of the longest tail.
const TAIL: f64 = 40.0;

impl Grid {
    /// Nodes for the rows of a scheme.
    pub(super) fn new(scheme: &Scheme) -> Self {
        let decay = scheme.decay + f64::from(u8::from(scheme.skips && scheme.own_in_denominator));
        Self::with_ends(scheme, 1.0 + scheme.decay + scheme.draws, TAIL / decay)
    }

    /// Nodes for a row without `e^{-kappa s}` whose smallest `u` is `e^log_least`.
    pub(super) fn until(scheme: &Scheme, log_least: f64) -> Self {
        Self::with_ends(scheme, 2.0 + scheme.draws, TAIL * (-log_least).exp())
    }

    fn with_ends(scheme: &Scheme, scale: f64, end: f64) -> Self {
        let first = Self::index(FIRST / scale).floor();
        let last = Self::index(end).ceil();
        let s: Vec<f64> = (0..=(last - first) as usize)
            .map(|j| Self::node(first + j as f64))
            .collect();
        let decays = scheme.own_in_denominator;
        let mut weight: Vec<f64> = s.iter().map(|s| STEP * (-scheme.decay * s).exp()).collect();
        weight[0] *= Self::all_before();
        Self {
            weight,
            own: s.iter().map(|s| if decays { (-s).exp() } else { 1.0 }).collect(),
            own_gap: s.iter().map(|s| if decays { -(-s).exp_m1() } else { 0.0 }).collect(),
            s,
        }
    }

    /// `1 + 2^{-1/3} + 2^{-2/3} + ..`: the first node of an integrand that is linear in `s`, and all before it.
    fn all_before() -> f64 {
        1.0 / (1.0 - Self::node(-1.0))
    }

    fn node(index: f64) -> f64 {
        (index / 3.0).exp2()
    }

    fn index(s: f64) -> f64 {
        3.0 * s.log2()
    }
}

/// What is fixed of a row: its probability, and that of all other classes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mass {
    pub(super) rho: f64,
    /// `C0 = 1 - rho`, summed over the other classes so that it keeps its digits.
    pub(super) rest: f64,
    /// `log C0`.
    pub(super) log_rest: f64,
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

    /// What is the same at every matrix, at the nodes.
    pub(super) fn constants(&self, scheme: &Scheme, grid: &Grid) -> Vec<Constants> {
        (0..grid.s.len())
            .map(|j| {
                let (own, total, log_total) = self.total(grid, j);
                self.constants_at(scheme, own, total, log_total)
            })
            .collect()
    }

    /// What is the same at every matrix, at a node with the given `own`, `P0` and `log P0`.
    pub(super) fn constants_at(&self, scheme: &Scheme, own: f64, total: f64, log_total: f64) -> Constants {
        Constants {
            own,
            total,
            power: (scheme.draws * log_total).exp(),
            gain: if scheme.skips { (own / self.rest).ln_1p() } else { 0.0 },
        }
    }

    /// `C0^n`.
    pub(super) fn rest_power(&self, scheme: &Scheme) -> f64 {
        (scheme.draws * self.log_rest).exp()
    }

    /// The terms of the integrals at a node, for `delta = C0 - C`.
    pub(super) fn terms(&self, scheme: &Scheme, at: &Constants, rest_power: f64, delta: f64) -> Terms {
        let n = scheme.draws;
        let delta = delta.min(self.rest);
        if !scheme.skips {
            let left = (at.total - delta).max(at.own);
            let (power, drop) = lowered(at.power, n * (-delta / at.total).ln_1p());
            return Terms {
                drop,
                first: power / left,
                second: power / (left * left),
            };
        }
        let rest = self.rest - delta;
        let (rest_left, rest_drop) = lowered(rest_power, n * (-delta / self.rest).ln_1p());
        if n * at.gain > 1.0 || rest < 0.1 * self.rest {
            let left = (at.total - delta).max(at.own);
            let (power, drop) = lowered(at.power, n * (-delta / at.total).ln_1p());
            let log_gain = (at.own / rest).ln_1p();
            let difference = |m: f64, whole: f64, part: f64| {
                if m * log_gain < 1.0 {
                    part * (m * log_gain).exp_m1()
                } else {
                    whole - part
                }
            };
            let (whole, part) = if rest > 0.0 {
                (power / left, rest_left / rest)
            } else {
                (power / left, 0.0)
            };
            let second = if rest > 0.0 { part / rest } else { 0.0 };
            return Terms {
                drop: if n * at.gain > 1.0 {
                    drop - rest_drop
                } else {
                    rest_power * (n * at.gain).exp_m1() - difference(n, power, rest_left)
                },
                first: difference(n - 1.0, whole, part),
                second: difference(n - 2.0, whole / left, second),
            };
        }
        // (C0^n - C^n) ((P0/C0)^n - 1) - C^n ((P/C)^n - (P0/C0)^n): no term is a difference of nearly equal numbers.
        let growth = (at.own * delta / (rest * at.total)).ln_1p();
        let log_gain = at.gain + growth;
        let gained = (n * at.gain).exp_m1();
        let part = rest_left / rest;
        Terms {
            drop: rest_drop * gained - rest_left * (1.0 + gained) * (n * growth).exp_m1(),
            first: part * ((n - 1.0) * log_gain).exp_m1(),
            second: part / rest * ((n - 2.0) * log_gain).exp_m1(),
        }
    }

    /// The row at `u = 0`, divided by `rho`.
    pub(super) fn floor(&self, scheme: &Scheme, grid: &Grid) -> f64 {
        let n = scheme.draws;
        match scheme.floor {
            None | Some(Floor::Zero) => 0.0,
            Some(Floor::Draws) => (0..grid.s.len())
                .map(|j| -grid.weight[j] * (n * self.total(grid, j).2).exp_m1())
                .sum(),
            Some(Floor::Positives) => {
                let active = -(n * self.log_rest).exp_m1();
                let rest_power = self.rest_power(scheme);
                (0..grid.s.len())
                    .map(|j| {
                        let (own, _, log_total) = self.total(grid, j);
                        let log_gain = n * (own / self.rest).ln_1p();
                        let gain = if log_gain < 1.0 {
                            rest_power * log_gain.exp_m1()
                        } else {
                            (n * log_total).exp() - rest_power
                        };
                        grid.weight[j] * ((-grid.s[j]).exp() * active - gain)
                    })
                    .sum()
            }
            Some(Floor::Views(views)) => {
                // e^{-s/V} ds/s has a longer tail than the grid.
                let first = Grid::index(grid.s[0]).round() as i64;
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
                        let weight = if index == first {
                            STEP * Grid::all_before()
                        } else {
                            STEP
                        };
                        -weight * (-s / views).exp() * (n * log_total - s * (views - 2.0) / views).exp_m1()
                    })
                    .sum()
            }
        }
    }
}

/// What is the same at every matrix, at one node of a row.
#[derive(Debug, Clone, Copy)]
pub(super) struct Constants {
    own: f64,
    /// `P0` and `P0^n`.
    total: f64,
    power: f64,
    /// `log(P0/C0)` where anchors are skipped.
    gain: f64,
}

/// The terms of the integrals at one node.
#[derive(Debug, Clone, Copy)]
pub(super) struct Terms {
    /// `(P0^n - sigma C0^n) - (P^n - sigma C^n)`.
    pub(super) drop: f64,
    /// `P^{n-1} - sigma C^{n-1}`.
    pub(super) first: f64,
    /// `P^{n-2} - sigma C^{n-2}`.
    pub(super) second: f64,
}

/// `power e^{log}` and what it is below `power`, for `log <= 0`.
fn lowered(power: f64, log: f64) -> (f64, f64) {
    if log > -1.0 {
        let drop = -power * log.exp_m1();
        (power - drop, drop)
    } else {
        let left = power * log.exp();
        (left, power - left)
    }
}
