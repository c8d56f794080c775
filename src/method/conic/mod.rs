//! The conic program: exponential cones for the losses, semidefinite blocks for the Gram matrix, solved by clarabel.
//!
//! ```text
//! minimise   F(x)                                    over within-class entries x_gg and between-class entries M
//! subject to 1 - x_gg >= 0, p_g - M_gg >= 0, [block] PSD       (see `symmetry`),  M >= 0 where the features are
//! ```
//!
//! Nothing is assumed about within-class collapse: `x_gg` is a variable, and comes out as 1.

mod clarabel;
mod program;
mod schedule;
mod svec;

use nalgebra::{DMatrix, DVector};

use crate::error::{Error, Field, Word};
use crate::math::control::Control;
use crate::method::{Attempt, Method, Refusal};
use crate::program::{Program, Reduced};
use crate::solution::{self, Solution, Termination};
use program::{Encoding, memory_estimate};

/// ConicSettings of the conic method.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ConicSettings {
    /// Largest number of passes about a new centre, at least 1. Default 6.
    pub passes: u32,
    /// Stop re-centring once the entries of the Gram matrix would move by less than this. Default 1e-7.
    pub entry_tolerance: f64,
    /// Memory in bytes that may be used. Default 8 GB.
    pub memory_limit: f64,
}

impl Default for ConicSettings {
    fn default() -> Self {
        Self {
            passes: 6,
            entry_tolerance: 1e-7,
            memory_limit: 8e9,
        }
    }
}

/// The conic program.
#[derive(Debug, Clone, Copy)]
pub struct Conic;

impl Method for Conic {
    fn name(&self) -> solution::Method {
        solution::Method::Conic
    }

    fn accepts(&self, program: &Reduced<'_>) -> Result<(), Refusal> {
        match program {
            Reduced::FullBatch(program) => check_memory(program.groups(), &ConicSettings::default()),
            Reduced::Sampled(_) => Err(Refusal::Sampled),
            Reduced::FixedBatches(program) => check_bytes(
                format!("the conic program with {} kinds of samples", program.cells.count()),
                schedule::memory(program),
                &ConicSettings::default(),
            ),
        }
    }

    fn minimise(
        &self,
        program: &Reduced<'_>,
        _start: Option<&DMatrix<f64>>,
        control: &Control,
    ) -> Result<Attempt, Error> {
        match program {
            Reduced::FullBatch(program) => {
                solve(program, &ConicSettings::default(), control).map(|solution| Attempt::Found(Box::new(solution)))
            }
            Reduced::Sampled(_) => Err(Refusal::Sampled.error(self.name())),
            Reduced::FixedBatches(fixed) => {
                schedule::solve(fixed, &ConicSettings::default(), program.nonnegative(), control)
                    .map(|solution| Attempt::Found(Box::new(solution)))
            }
        }
    }
}

/// Seconds of 24 distinct sizes, measured, and the power by which they grow: every pass solves with a matrix of order
/// `r (r + 1) / 2`, whose factor has most of the work.
const SECONDS_OF_24: f64 = 0.15;
const POWER: i32 = 5;

/// What the conic program of so many distinct class sizes takes on the full batch: seconds on one core, to within a factor of
/// about four, and bytes of memory, to within a factor of about two.
pub fn effort(groups: usize) -> (f64, f64) {
    let seconds = SECONDS_OF_24 * (groups as f64 / 24.0).powi(POWER);
    (seconds, memory_estimate(groups))
}

/// `about 40 s`, `about 3 h`.
pub fn duration(seconds: f64) -> String {
    match seconds {
        ..120.0 => format!("about {seconds:.0} s"),
        ..7_200.0 => format!("about {:.0} min", seconds / 60.0),
        ..172_800.0 => format!("about {:.0} h", seconds / 3_600.0),
        _ => format!("about {:.0} days", seconds / 86_400.0),
    }
}

/// Whether a program of so many groups may be built and solved.
///
/// # Errors
/// [`Refusal::Memory`] where the estimate exceeds the limit.
pub fn check_memory(groups: usize, settings: &ConicSettings) -> Result<(), Refusal> {
    let what = format!(
        "the conic program with {groups} distinct class sizes, {} of work,",
        duration(effort(groups).0)
    );
    check_bytes(what, memory_estimate(groups), settings)
}

fn check_bytes(what: String, bytes: f64, settings: &ConicSettings) -> Result<(), Refusal> {
    if bytes <= settings.memory_limit {
        return Ok(());
    }
    Err(Refusal::Memory {
        what,
        bytes,
        limit: settings.memory_limit,
        hint: &[
            Word::Text("the exact solver needs no semidefinite program ("),
            Word::Set(Field::Method, &["auto"]),
            Word::Text(" with "),
            Word::Set(Field::CrossCheck, &["never"]),
            Word::Text("); or round the sizes so that fewer are distinct"),
        ],
    })
}

/// Solves a program.
///
/// # Errors
/// [`Error::TooLarge`] before any work where the memory estimate exceeds the limit.
pub fn solve(program: &Program<'_>, settings: &ConicSettings, control: &Control) -> Result<Solution, Error> {
    let groups = program.groups();
    check_memory(groups, settings).map_err(|refusal| refusal.error(solution::Method::Conic))?;
    let mut centre = first_centre(program);
    let mut iterations = 0;
    let mut best: Option<(Vec<f64>, Termination)> = None;
    for pass in 1..=settings.passes {
        let encoding = Encoding::new(program, centre.clone());
        let outcome =
            clarabel::solve(&encoding.cone_program, control, &format!("conic pass {pass}")).map_err(|source| {
                Error::Internal {
                    what: format!("clarabel refused the program: {source}"),
                }
            })?;
        iterations += outcome.iterations;
        let usable = outcome.x.iter().all(|value| value.is_finite())
            && !matches!(outcome.termination, Termination::Interrupted | Termination::TimeLimit);
        if !usable {
            let entries = best.map_or_else(|| plain_start(program), |(entries, _)| entries);
            return Ok(solution(program, &entries, outcome.termination, iterations));
        }
        let entries = encoding.entries(&outcome.x);
        let remaining = encoding.contraction * encoding.step(&outcome.x) * program.objective().temperature();
        best = Some((entries.clone(), outcome.termination));
        if remaining < settings.entry_tolerance {
            break;
        }
        centre = entries;
        for g in 0..groups {
            centre[program.layout().within(g)] = 1.0;
        }
    }
    let (entries, termination) = best.unwrap_or_else(|| (plain_start(program), Termination::IterationLimit));
    Ok(solution(program, &entries, termination, iterations))
}

/// Where the first pass is centred: the [`predict`]ed optimum if there is one, else the [`plain_start`]. The centre sets
/// the scaling and the tangents; it need not be feasible or near, and how far the solution is from it decides whether
/// another pass is needed. It is never returned as a solution.
fn first_centre(program: &Program<'_>) -> Vec<f64> {
    let start = plain_start(program);
    if program.nonnegative || program.classes() <= 2.0 || program.groups() == 1 {
        return start;
    }
    predict(program, &start).unwrap_or(start)
}

/// The simplex ETF; the orthogonal frame for nonnegative features.
fn plain_start(program: &Program<'_>) -> Vec<f64> {
    let cosine = if program.nonnegative {
        0.0
    } else {
        -1.0 / (program.classes() - 1.0)
    };
    let layout = program.layout();
    let mut entries = vec![cosine; layout.len()];
    for g in 0..program.groups() {
        entries[layout.within(g)] = 1.0;
    }
    entries
}

/// Largest number of steps of the predictor.
const PREDICTIONS: usize = 30;

/// Estimates a regular optimum, where `S = v v^T` and `M v = 0`, THEORY (3), from the gradient `A` at `M` by
/// `M <- M + tau (x_c + x_c' - log A)`, `v = e^x`, with `x` from one Newton step on `M v = 0` each time.
/// `None` where that does not settle inside [-1, 1].
fn predict(program: &Program<'_>, start: &[f64]) -> Option<Vec<f64>> {
    let groups = program.groups();
    let layout = program.layout();
    let objective = program.objective();
    let tau = objective.temperature();
    let others = |g: usize, h: usize| program.multiplicity[h] - f64::from(u8::from(g == h));
    let mut entries = start.to_vec();
    let mut x: Option<Vec<f64>> = None;
    for _ in 0..PREDICTIONS {
        let at = objective.evaluate(&entries);
        let log_scale = if objective.floor().is_some() {
            at.log_excess
        } else {
            0.0
        };
        let terms = objective.term_gradients(&entries, &at, log_scale);
        let mut gradient = vec![0.0; layout.len()];
        for (&(entry, _), &y) in objective.terms().iter().zip(&terms) {
            gradient[entry as usize] += y;
        }
        // `log A` of one ordered pair of classes: two groups stand for 2 m_g m_h of them, a group's own for m_g (m_g - 1).
        let moved = DMatrix::from_fn(groups, groups, |g, h| {
            let pairs = program.multiplicity[g] * others(g, h) * if g == h { 1.0 } else { 2.0 };
            if pairs > 0.0 {
                entries[layout.pair(g, h)] - tau * (gradient[layout.pair(g, h)] / pairs).ln()
            } else {
                0.0
            }
        });
        let previous = x.unwrap_or_else(|| {
            // Row sums as at the ETF, with equal weights: (k - 2) x_g + sum x = (row sum of log A)_g.
            let classes = program.classes();
            let row = |g: usize| -> f64 {
                (0..groups)
                    .filter(|&h| others(g, h) > 0.0)
                    .map(|h| others(g, h) * (entries[layout.pair(g, h)] - moved[(g, h)]) / tau)
                    .sum()
            };
            let rows: Vec<f64> = (0..groups).map(row).collect();
            let total =
                rows.iter().zip(&program.multiplicity).map(|(r, m)| r * m).sum::<f64>() / (2.0 * (classes - 1.0));
            rows.iter().map(|r| (r - total) / (classes - 2.0)).collect()
        });
        let v: Vec<f64> = previous.iter().map(|x| x.exp()).collect();
        let cosine = |g: usize, h: usize| moved[(g, h)] + tau * (previous[g] + previous[h]);
        let total: f64 = v.iter().zip(&program.multiplicity).map(|(v, m)| v * m).sum();
        let residual = DVector::from_fn(groups, |g, _| {
            v[g] + (0..groups).map(|h| others(g, h) * cosine(g, h) * v[h]).sum::<f64>()
        });
        let jacobian = DMatrix::from_fn(groups, groups, |g, h| {
            let pair = others(g, h) * v[h] * if others(g, h) > 0.0 { cosine(g, h) + tau } else { 0.0 };
            if g == h {
                pair + v[g] + tau * (total - v[g])
            } else {
                pair
            }
        });
        let step = jacobian.lu().solve(&residual)?;
        let next: Vec<f64> = previous
            .iter()
            .zip(step.iter())
            .map(|(x, step)| x - step.clamp(-2.0, 2.0))
            .collect();
        let mut change = 0.0f64;
        for h in 0..groups {
            for g in (0..=h).filter(|&g| others(g, h) > 0.0) {
                let value = moved[(g, h)] + tau * (next[g] + next[h]);
                change = change.max((value - entries[layout.pair(g, h)]).abs());
                entries[layout.pair(g, h)] = value;
            }
        }
        x = Some(next);
        if !change.is_finite() {
            return None;
        }
        if change < 1e-9 {
            return entries.iter().all(|value| value.abs() <= 1.0).then_some(entries);
        }
    }
    None
}

fn solution(program: &Program<'_>, entries: &[f64], termination: Termination, iterations: u64) -> Solution {
    let layout = program.layout();
    Solution {
        gram: program.gram(entries),
        within_class: (0..program.groups()).map(|g| entries[layout.within(g)]).collect(),
        clusters: Vec::new(),
        rank: None,
        factor: None,
        method: solution::Method::Conic,
        termination,
        iterations,
    }
}
