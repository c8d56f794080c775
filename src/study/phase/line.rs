//! The optimum along a line of problems: where classes collapse, and where that begins and ends.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::root::root;
use crate::error::Error;
use crate::math::control::Control;
use crate::method::newton::{self, Outcome, Reason, Settings};
use crate::objective::Coefficients;

/// What the exact solver says of one problem.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum State {
    /// No two classes share a vector.
    Apart,
    /// Sets of groups whose classes share one vector each.
    Collapsed(Vec<Vec<usize>>),
    /// No rule tells: the regular optimum has ceased to exist, and classes of unequal data come together.
    Undecided,
}

impl State {
    /// Solves.
    pub(super) fn of(coefficients: &Coefficients, control: &Control) -> Result<State, Error> {
        match newton::solve(coefficients, &Settings::default(), &|| control.stop().is_some()) {
            Outcome::Regular(_) => Ok(State::Apart),
            Outcome::Merged { merging, .. } => Ok(State::Collapsed(merging.clusters)),
            Outcome::Unresolved {
                reason: Reason::Interrupted,
                ..
            } => Err(stopped()),
            Outcome::Unresolved { .. } => Ok(State::Undecided),
        }
    }

    /// The sets that share a vector.
    pub(super) fn sets(&self) -> &[Vec<usize>] {
        match self {
            State::Collapsed(sets) => sets,
            State::Apart | State::Undecided => &[],
        }
    }

    pub(super) fn kind(&self) -> Kind {
        match self {
            State::Apart => Kind::Apart,
            State::Collapsed(_) => Kind::Collapsed,
            State::Undecided => Kind::Undecided,
        }
    }
}

pub(super) fn stopped() -> Error {
    Error::Stopped {
        what: "the phase boundary",
    }
}

/// A [`State`] without its sets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Apart,
    Collapsed,
    Undecided,
}

/// The first set that collapses if any does, where a rule names it: for losses with rule (8) the smallest class with the
/// next one (with all of their sizes), for the others the smallest classes of equal size, if there are two or more. `None`
/// if there is none, or if it would hold all classes. Groups are ordered by size, largest first.
pub(super) fn first_set(coefficients: &Coefficients) -> Option<Vec<usize>> {
    let (m, r) = (&coefficients.multiplicity, coefficients.groups());
    if !coefficients.mergeable {
        return (0..r).rev().find(|&g| m[g] > 1.0).filter(|_| r > 1).map(|g| vec![g]);
    }
    let size = &coefficients.column;
    let mut start = r;
    let mut classes = 0.0;
    while start > 0 && (classes < 2.0 || size[start - 1] <= size[start]) {
        start -= 1;
        classes += m[start];
    }
    (start > 0).then(|| (start..r).collect())
}

/// A line of problems: position (a logarithm, in units of its own) to coefficients.
pub(super) struct Line<'a> {
    pub(super) at: &'a (dyn Fn(f64) -> Coefficients + Sync),
    pub(super) control: &'a Control,
}

/// One point of a scan.
#[derive(Debug, Clone)]
pub(super) struct Sample {
    pub(super) x: f64,
    pub(super) state: State,
    /// `xi` of [`first_set`], which has the sign of its `kappa`, where the merged problem has a definite solution.
    pub(super) xi: Option<f64>,
}

/// A stretch of the line with the same kind of state.
#[derive(Debug, Clone)]
pub(super) struct Stretch {
    pub(super) from: f64,
    pub(super) to: f64,
    pub(super) kind: Kind,
    /// For [`Kind::Collapsed`]: the fewest classes seen to collapse, which for nested sets are those that do throughout.
    pub(super) sets: Vec<Vec<usize>>,
}

/// How far from a boundary the solver is asked on both sides, in the logarithm; the first that tells counts.
const CONFIRM: [f64; 5] = [1e-9, 1e-8, 1e-7, 1e-6, 1e-5];

impl Line<'_> {
    pub(super) fn sample(&self, x: f64) -> Result<Sample, Error> {
        if self.control.stop().is_some() {
            return Err(stopped());
        }
        let coefficients = (self.at)(x);
        let state = State::of(&coefficients, self.control)?;
        let xi = first_set(&coefficients).and_then(|set| self.xi(x, &[set], false));
        Ok(Sample { x, state, xi })
    }

    /// `xi` of clusters at `x`, where the merged problem has a definite solution.
    fn xi(&self, x: f64, clusters: &[Vec<usize>], thorough: bool) -> Option<f64> {
        let interrupt = || self.control.stop().is_some();
        let solved = newton::solve_clusters(
            &(self.at)(x),
            clusters.to_vec(),
            thorough,
            &Settings::default(),
            &interrupt,
        );
        solved
            .ok()
            .filter(newton::Clustered::is_definite)
            .map(|solved| solved.log_ratio())
    }

    /// States at evenly spaced positions, in parallel, with extra points where the first set nearly changes between two.
    pub(super) fn scan(&self, low: f64, high: f64, points: usize, stage: &str) -> Result<Vec<Sample>, Error> {
        let done = std::sync::atomic::AtomicU64::new(0);
        let mut samples: Vec<Sample> = (0..points)
            .into_par_iter()
            .map(|i| {
                let share = i as f64 / (points - 1) as f64;
                let sample = self.sample(low + share * (high - low));
                let count = done.fetch_add(1, std::sync::atomic::Ordering::Relaxed) + 1;
                self.control.advance(stage, count, points as u64);
                sample
            })
            .collect::<Result<_, _>>()?;
        let extra: Vec<f64> = samples
            .windows(3)
            .filter_map(|near| self.hidden_extremum(near))
            .collect();
        for x in extra {
            samples.push(self.sample(x)?);
        }
        samples.sort_by(|a, b| a.x.total_cmp(&b.x));
        Ok(samples)
    }

    /// Where `kappa` of the first set has an extremum of the other sign between three points of one sign.
    fn hidden_extremum(&self, near: &[Sample]) -> Option<f64> {
        let [a, b, c] = near else { return None };
        let (fa, fb, fc) = (a.xi?, b.xi?, c.xi?);
        let sign = match b.state {
            State::Apart => 1.0,
            State::Collapsed(_) => -1.0,
            State::Undecided => return None,
        };
        let same = near.iter().all(|sample| sample.state.kind() == b.state.kind());
        if !same || sign * fb < sign * fa || sign * fb < sign * fc {
            return None;
        }
        let value = |x: f64| self.xi(x, &[first_set(&(self.at)(x))?], false).map(|xi| sign * xi);
        let golden = 0.5 * (5.0_f64.sqrt() - 1.0);
        let (mut low, mut high) = (a.x, c.x);
        for _ in 0..40 {
            let (left, right) = (high - golden * (high - low), low + golden * (high - low));
            let (at_left, at_right) = (value(left)?, value(right)?);
            if at_left >= 0.0 {
                return Some(left);
            }
            if at_right >= 0.0 {
                return Some(right);
            }
            if at_left > at_right {
                high = right;
            } else {
                low = left;
            }
        }
        None
    }

    /// Stretches of the line, with the ends between them to the last digits.
    pub(super) fn stretches(&self, samples: &[Sample]) -> Result<Vec<Stretch>, Error> {
        let mut stretches: Vec<Stretch> = Vec::new();
        for (i, sample) in samples.iter().enumerate() {
            let kind = sample.state.kind();
            let sets = sample.state.sets().to_vec();
            let mut from = sample.x;
            if let Some(last) = stretches.last_mut() {
                if last.kind == kind {
                    last.to = sample.x;
                    if total(&sets) < total(&last.sets) {
                        last.sets = sets;
                    }
                    continue;
                }
                from = self.boundary(&samples[i - 1], sample)?;
                last.to = from;
            }
            stretches.push(Stretch {
                from,
                to: sample.x,
                kind,
                sets,
            });
        }
        for stretch in &mut stretches {
            self.fewest(stretch)?;
        }
        Ok(stretches)
    }

    /// The sets right behind both ends of a collapsed stretch, where they are smallest.
    fn fewest(&self, stretch: &mut Stretch) -> Result<(), Error> {
        if stretch.kind != Kind::Collapsed {
            return Ok(());
        }
        for (end, inward) in [(stretch.from, 1.0), (stretch.to, -1.0)] {
            for step in CONFIRM {
                let x = end + inward * step;
                if x > stretch.to || x < stretch.from {
                    break;
                }
                if let State::Collapsed(sets) = State::of(&(self.at)(x), self.control)? {
                    if total(&sets) < total(&stretch.sets) {
                        stretch.sets = sets;
                    }
                    break;
                }
            }
        }
        Ok(())
    }

    /// The position between two samples of different kinds where the kind changes: a root of `kappa` that the solver
    /// confirms on both sides, else by bisection on the solver itself.
    pub(super) fn boundary(&self, a: &Sample, b: &Sample) -> Result<f64, Error> {
        let sets = match (&a.state, &b.state) {
            (State::Collapsed(sets), State::Apart) | (State::Apart, State::Collapsed(sets)) => sets.clone(),
            _ => return self.bisect(a, b),
        };
        let mut candidates: Vec<Vec<Vec<usize>>> = Vec::new();
        candidates.extend(first_set(&(self.at)(0.5 * (a.x + b.x))).map(|set| vec![set]));
        candidates.extend(sets.iter().map(|set| vec![set.clone()]));
        candidates.push(sets);
        for clusters in candidates {
            let mut unsolved = false;
            let x = root(a.x, b.x, |x| {
                // Where the merged problem has no definite solution, more classes collapse or none.
                self.xi(x, &clusters, true)
                    .or_else(|| match State::of(&(self.at)(x), self.control) {
                        Ok(State::Apart) => Some(-1.0),
                        Ok(State::Collapsed(_)) => Some(1.0),
                        _ => {
                            unsolved = true;
                            None
                        }
                    })
            });
            if self.control.stop().is_some() {
                return Err(stopped());
            }
            if let Some(x) = x
                && !unsolved
                && self.confirmed(x, a, b)?
            {
                return Ok(x);
            }
        }
        self.bisect(a, b)
    }

    /// The solver says one thing just before `x` and the other just behind it.
    fn confirmed(&self, x: f64, a: &Sample, b: &Sample) -> Result<bool, Error> {
        for step in CONFIRM {
            let (before, behind) = ((x - step).max(a.x), (x + step).min(b.x));
            let agrees = State::of(&(self.at)(before), self.control)?.kind() == a.state.kind()
                && State::of(&(self.at)(behind), self.control)?.kind() == b.state.kind();
            if agrees {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn bisect(&self, a: &Sample, b: &Sample) -> Result<f64, Error> {
        let (mut low, mut high) = (a.x, b.x);
        while high - low > 1e-10 {
            let middle = 0.5 * (low + high);
            if State::of(&(self.at)(middle), self.control)?.kind() == a.state.kind() {
                low = middle;
            } else {
                high = middle;
            }
        }
        Ok(0.5 * (low + high))
    }
}

fn total(sets: &[Vec<usize>]) -> usize {
    sets.iter().map(Vec::len).sum()
}
