//! Newton's method on THEORY (5)-(7), with its fallbacks.

use super::NewtonSettings;
use super::equations::{Equations, Evaluation, Unknowns};
use super::step::{self, Step};
use crate::gram::implicit::Point;
use crate::math::cauchy::Resolution;

/// Up to this many groups a step uses the full Jacobian.
const DENSE_STEP: usize = 48;

/// Residuals (see [`Evaluation::norm`]) below which Newton is at its floor: about a hundred roundings.
pub(super) const CONVERGED: f64 = 2e-12;

/// A solution of the equations, optimal or not.
#[derive(Debug, Clone, PartialEq)]
pub struct SolvedSystem {
    /// The point.
    pub point: Point,
    /// Residual of (6) relative to `max(1, |z|)` and of (7) relative to `max(1, tau)`, whichever is larger, with
    /// `sum v = 1`.
    pub residual: f64,
}

/// How one run of Newton's method ended.
#[derive(Debug)]
enum Run {
    Converged(Evaluation),
    Stalled(f64),
    Interrupted,
}

/// Why no solution of the equations is returned.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Failure {
    /// No run converged; the smallest residual seen.
    Diverged(f64),
    /// The caller asked to stop.
    Interrupted,
}

/// How much to try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effort {
    /// Undamped, then damped, from the start of [`Equations::start`].
    Usual,
    /// Then continuation from equal classes, and perturbed starts.
    Everything,
}

/// Newton's method for one problem; counts its steps.
pub(super) struct Runs<'a> {
    pub(super) settings: &'a NewtonSettings,
    pub(super) interrupt: &'a (dyn Fn() -> bool + Sync),
    pub(super) steps: usize,
}

impl Runs<'_> {
    /// Solves (5)-(7). With [`Effort::Everything`] the search goes on past solutions that are not `accepted`, and returns
    /// the last of them if there is no better.
    pub(super) fn solve(
        &mut self,
        equations: &Equations<'_>,
        effort: Effort,
        accepted: impl Fn(&Point) -> bool,
    ) -> Result<SolvedSystem, Failure> {
        if let Some(exact) = equations.closed_form() {
            return match equations.evaluate(exact) {
                Some(evaluation) => Ok(solved(equations, evaluation)),
                None => Err(Failure::Diverged(f64::INFINITY)),
            };
        }
        let mut best = Err(Failure::Diverged(f64::INFINITY));
        let attempts = match effort {
            Effort::Usual => 2,
            Effort::Everything => 2 + PATHS.len() + self.settings.perturbed_starts,
        };
        for attempt in 0..attempts {
            let run = match attempt {
                0 => self.run(equations, equations.start(), false),
                1 => self.run(equations, equations.start(), true),
                _ => match PATHS.get(attempt - 2) {
                    Some(path) => self.continuation(equations, *path),
                    None => self.run(equations, perturbed(equations.start(), attempt - 2 - PATHS.len()), true),
                },
            };
            match run {
                Run::Converged(evaluation) => {
                    let found = solved(equations, evaluation);
                    if effort == Effort::Usual || accepted(&found.point) {
                        return Ok(found);
                    }
                    best = Ok(found);
                }
                Run::Stalled(residual) => {
                    if let Err(Failure::Diverged(least)) = best {
                        best = Err(Failure::Diverged(residual.min(least)));
                    }
                }
                Run::Interrupted => return Err(Failure::Interrupted),
            }
        }
        best
    }

    /// One run from `start`, to the floor of rounding: below [`CONVERGED`] it goes on while a step still halves the
    /// residual.
    fn run(&mut self, equations: &Equations<'_>, start: Unknowns, damped: bool) -> Run {
        let Some(mut at) = equations.evaluate(start) else {
            return Run::Stalled(f64::INFINITY);
        };
        let mut resolution = Resolution::Coarse;
        let mut least = at.norm;
        for _ in 0..self.settings.max_iterations {
            if (self.interrupt)() {
                return Run::Interrupted;
            }
            self.steps += 1;
            let step = if equations.groups() <= DENSE_STEP {
                step::dense(equations, &at)
            } else {
                step::reduced(equations, &at, resolution)
            };
            let Some(step) = step else { break };
            let next = if damped && at.norm > CONVERGED {
                line_search(equations, &at, &step)
            } else {
                equations.evaluate(advance(&at.unknowns, &step, 1.0))
            };
            let Some(next) = next else { break };
            if at.norm <= CONVERGED && next.norm >= 0.5 * at.norm {
                return Run::Converged(if next.norm < at.norm { next } else { at });
            }
            // A coarse Jacobian is right to 1e-6; where a step does not show it, the equations need the full one.
            if at.norm < 1e-3 && next.norm > 0.03 * at.norm {
                resolution = Resolution::Full;
            }
            least = least.min(next.norm);
            if next.norm > 1e12 {
                break;
            }
            at = next;
        }
        if at.norm <= CONVERGED {
            Run::Converged(at)
        } else {
            Run::Stalled(least)
        }
    }

    /// From the easy end of a path to the problem: each solution starts the next, extrapolated.
    fn continuation(&mut self, equations: &Equations<'_>, path: Path) -> Run {
        let mut least = f64::INFINITY;
        let easy = path.at(equations, 0.0);
        if easy.tau < equations.tau {
            return Run::Stalled(least);
        }
        let mut here = match self.run(&easy, easy.start(), false) {
            Run::Converged(evaluation) => (0.0, evaluation.unknowns),
            other => return other,
        };
        let mut before: Option<(f64, Unknowns)> = None;
        let mut stride = 1.0_f64 / 64.0;
        for _ in 0..self.settings.max_continuation {
            let fraction = (here.0 + stride).min(1.0);
            let start = extrapolate(before.as_ref(), &here, fraction);
            match self.run(&path.at(equations, fraction), start, false) {
                Run::Converged(evaluation) if fraction == 1.0 => return Run::Converged(evaluation),
                Run::Converged(evaluation) => {
                    before = Some(std::mem::replace(&mut here, (fraction, evaluation.unknowns)));
                    stride *= 2.0;
                }
                Run::Interrupted => return Run::Interrupted,
                Run::Stalled(residual) => {
                    least = least.min(residual);
                    stride *= 0.25;
                    if stride < 1e-6 {
                        break;
                    }
                }
            }
        }
        Run::Stalled(least)
    }
}

/// A family of problems with an easy one at 0 and the problem at 1.
#[derive(Debug, Clone, Copy)]
enum Path {
    /// From equal classes, where the ETF is the solution.
    Balance,
    /// From this temperature.
    Temperature(f64),
}

const PATHS: [Path; 4] = [
    Path::Balance,
    Path::Temperature(0.05),
    Path::Temperature(0.2),
    Path::Temperature(1.0),
];

impl Path {
    fn at<'a>(self, equations: &Equations<'a>, fraction: f64) -> Equations<'a> {
        match self {
            Path::Balance => equations.near_balance(fraction),
            Path::Temperature(high) => equations.warmed(high, fraction),
        }
    }
}

fn solved(equations: &Equations<'_>, evaluation: Evaluation) -> SolvedSystem {
    let residual = evaluation.norm;
    SolvedSystem {
        point: equations.point(evaluation),
        residual,
    }
}

fn advance(unknowns: &Unknowns, step: &Step, length: f64) -> Unknowns {
    let move_by = |from: &[f64], by: &[f64]| from.iter().zip(by).map(|(x, d)| x + length * d).collect();
    Unknowns {
        xi: move_by(&unknowns.xi, &step.xi),
        z: move_by(&unknowns.z, &step.z),
    }
}

/// The longest step `1, 1/2, 1/4, ..` that shortens the residual.
fn line_search(equations: &Equations<'_>, at: &Evaluation, step: &Step) -> Option<Evaluation> {
    let mut length = 1.0;
    while length > 1e-6 {
        if let Some(next) = equations.evaluate(advance(&at.unknowns, step, length))
            && next.length < (1.0 - 1e-4 * length) * at.length
        {
            return Some(next);
        }
        length *= 0.5;
    }
    None
}

/// The line through the last two solutions of a path, at `fraction`.
fn extrapolate(before: Option<&(f64, Unknowns)>, here: &(f64, Unknowns), fraction: f64) -> Unknowns {
    let Some(before) = before else { return here.1.clone() };
    let ratio = (fraction - here.0) / (here.0 - before.0);
    let line = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| b + ratio * (b - a)).collect();
    Unknowns {
        xi: line(&before.1.xi, &here.1.xi),
        z: line(&before.1.z, &here.1.z),
    }
}

/// The start moved by a fixed pseudorandom amount, larger with every attempt.
fn perturbed(mut start: Unknowns, attempt: usize) -> Unknowns {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(attempt as u64 + 1);
    let mut uniform = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
    };
    let size = 0.25 * (attempt as f64 + 1.0);
    for x in start.xi.iter_mut().chain(start.z.iter_mut()) {
        *x += size * uniform();
    }
    start
}
