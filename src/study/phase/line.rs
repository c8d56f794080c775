//! The optimum along a line of problems: where classes collapse, and where that begins and ends.

use serde::{Deserialize, Serialize};

use super::root::root;
use crate::error::Error;
use crate::math::control::Control;
use crate::method::newton::{self, NewtonOutcome, NewtonSettings, Reason, solve_sampled};
use crate::method::staircase::coinciding;
use crate::objective::{ClassLevel, Coefficients, LogSumExp, Objective, Sampled};
use crate::solution::Termination;
use crate::study::{Journal, Study, all_rows};

/// Most groups for which the low-rank solver decides what no rule tells.
pub const MAX_DECIDED: usize = 64;

/// Least weight of a class, relative to the largest, with which the low-rank solver decides. Rare classes repel each other by the
/// square of their weight: with less, rounding of the loss hides whether they meet.
pub const LEAST_WEIGHT: f64 = 1e-5;

/// A problem of the line.
pub(super) enum Setting {
    /// Of a full-batch loss.
    FullBatch(Coefficients),
    /// Of a sampled loss.
    Sampled(Box<Sampled>),
}

impl Setting {
    fn groups(&self) -> usize {
        match self {
            Self::FullBatch(coefficients) => coefficients.groups(),
            Self::Sampled(sampled) => sampled.groups(),
        }
    }

    /// [`first_set`] of a full-batch loss; the rules of sampled losses have no root to follow.
    fn first_set(&self) -> Option<Vec<usize>> {
        match self {
            Self::FullBatch(coefficients) => first_set(coefficients),
            Self::Sampled(_) => None,
        }
    }
}

/// What the solvers say of one problem.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum State {
    /// No two classes share a vector.
    Apart,
    /// Sets of groups whose classes share one vector each.
    Collapsed(Vec<Vec<usize>>),
    /// No rule tells, and the low-rank solver does: sets of groups whose classes share one vector each, or none.
    Searched(Vec<Vec<usize>>),
    /// No rule tells: the regular optimum has ceased to exist, and classes of unequal data come together.
    Undecided,
}

impl State {
    /// Solves: exactly where a rule says which classes come together, else by the low-rank solver.
    pub(super) fn of(setting: &Setting, control: &Control) -> Result<State, Error> {
        let interrupt = || control.stop().is_some();
        match setting {
            Setting::FullBatch(coefficients) => {
                match newton::solve(coefficients, &NewtonSettings::default(), &interrupt) {
                    NewtonOutcome::Regular(_) => Ok(State::Apart),
                    NewtonOutcome::Merged { merging, .. } => Ok(State::Collapsed(merging.clusters)),
                    NewtonOutcome::Unresolved {
                        reason: Reason::Interrupted,
                        ..
                    } => Err(stopped()),
                    NewtonOutcome::Unresolved { .. } => {
                        let rows = LogSumExp::from_coefficients(coefficients);
                        let weights = coefficients.weight.iter().copied().filter(|&weight| weight > 0.0);
                        State::searched(&ClassLevel::new(&rows, &coefficients.multiplicity), weights, control)
                    }
                }
            }
            Setting::Sampled(sampled) => match solve_sampled(sampled, &interrupt) {
                Ok(optimum) if optimum.merged.is_empty() => Ok(State::Apart),
                Ok(optimum) => Ok(State::Collapsed(optimum.merged.into_iter().map(|g| vec![g]).collect())),
                Err(failure) if failure.reason == Reason::Interrupted => Err(stopped()),
                Err(_) => State::searched(&**sampled, sampled.probabilities().into_iter(), control),
            },
        }
    }

    /// What the low-rank solver says, with these weights of classes.
    fn searched<O>(objective: &O, weights: impl Iterator<Item = f64>, control: &Control) -> Result<State, Error>
    where
        O: Objective<Entries = nalgebra::DMatrix<f64>>,
    {
        let (least, most) = weights.fold((f64::INFINITY, 0.0f64), |(least, most), weight| {
            (least.min(weight), most.max(weight))
        });
        if objective.multiplicity().len() > MAX_DECIDED || least < LEAST_WEIGHT * most * (1.0 - 1e-9) {
            return Ok(State::Undecided);
        }
        match coinciding(objective, &control.unobserved()) {
            Ok(sets) => Ok(State::Searched(sets)),
            Err(Termination::Interrupted | Termination::TimeLimit) => Err(stopped()),
            Err(_) => Ok(State::Undecided),
        }
    }

    /// The method that told; `None` where none did.
    pub(super) fn decided_by(&self) -> Option<&'static str> {
        match self {
            State::Apart | State::Collapsed(_) => Some(crate::solution::Method::Dual.name()),
            State::Searched(_) => Some(crate::solution::Method::Lowrank.name()),
            State::Undecided => None,
        }
    }

    /// The sets that share a vector.
    pub(super) fn sets(&self) -> &[Vec<usize>] {
        match self {
            State::Collapsed(sets) | State::Searched(sets) => sets,
            State::Apart | State::Undecided => &[],
        }
    }

    pub(super) fn kind(&self) -> StateKind {
        match self {
            State::Apart => StateKind::Apart,
            State::Searched(sets) if sets.is_empty() => StateKind::Apart,
            State::Collapsed(_) | State::Searched(_) => StateKind::Collapsed,
            State::Undecided => StateKind::Undecided,
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
pub(super) enum StateKind {
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

/// A line of problems: position (a logarithm, in units of its own) to a problem.
pub(super) struct Line<'a> {
    pub(super) at: &'a (dyn Fn(f64) -> Setting + Sync),
    /// Whether positions are logarithms of whole numbers, and a boundary is the first of those behind it.
    pub(super) whole: bool,
    pub(super) control: &'a Control,
}

/// One point of a scan.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Sample {
    pub(super) x: f64,
    pub(super) state: State,
    /// `xi` of [`first_set`], which has the sign of its `kappa`, where the merged problem has a definite solution.
    pub(super) xi: Option<f64>,
}

/// A change of kind between two samples.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Crossing {
    x: f64,
    /// The sets just inside the collapsed side, where they are smallest.
    sets: Vec<Vec<usize>>,
}

/// A stretch of the line with the same kind of state.
#[derive(Debug, Clone)]
pub(super) struct Stretch {
    pub(super) from: f64,
    pub(super) to: f64,
    pub(super) kind: StateKind,
    /// For [`StateKind::Collapsed`]: the fewest classes seen to collapse, which for nested sets are those that do throughout.
    pub(super) sets: Vec<Vec<usize>>,
}

/// The sign with which `kappa` of the first set is highest in the middle of three samples of one kind, if it is.
fn extremum_sign([a, b, c]: [&Sample; 3]) -> Option<f64> {
    let (fa, fb, fc) = (a.xi?, b.xi?, c.xi?);
    let sign = match b.state {
        State::Apart => 1.0,
        State::Collapsed(_) => -1.0,
        State::Searched(_) | State::Undecided => return None,
    };
    let same = [a, c].iter().all(|sample| sample.state.kind() == b.state.kind());
    (same && sign * fb >= sign * fa && sign * fb >= sign * fc).then_some(sign)
}

/// Where bisection ends, in the logarithm, where the low-rank solver tells.
const SEARCHED_STEP: f64 = 1e-8;

/// How far from a boundary the solver is asked on both sides, in the logarithm; the first that tells counts.
const CONFIRM: [f64; 5] = [1e-9, 1e-8, 1e-7, 1e-6, 1e-5];

impl Line<'_> {
    pub(super) fn sample(&self, x: f64) -> Result<Sample, Error> {
        if self.control.stop().is_some() {
            return Err(stopped());
        }
        let setting = (self.at)(x);
        let state = State::of(&setting, self.control)?;
        let xi = setting.first_set().and_then(|set| self.xi(x, &[set], false));
        Ok(Sample { x, state, xi })
    }

    /// `xi` of clusters at `x`, where the merged problem has a definite solution.
    fn xi(&self, x: f64, clusters: &[Vec<usize>], thorough: bool) -> Option<f64> {
        let interrupt = || self.control.stop().is_some();
        let Setting::FullBatch(coefficients) = (self.at)(x) else {
            return None;
        };
        let solved = newton::solve_clusters(
            &coefficients,
            clusters.to_vec(),
            thorough,
            &NewtonSettings::default(),
            &interrupt,
        );
        solved
            .ok()
            .filter(newton::Clustered::is_definite)
            .map(|solved| solved.log_ratio())
    }

    /// States at evenly spaced positions, with extra points where the first set nearly changes between two.
    pub(super) fn scan(
        &self,
        low: f64,
        high: f64,
        points: usize,
        journal: Option<&Journal>,
    ) -> Result<Vec<Sample>, Error> {
        let last = (points - 1) as f64;
        let between = (0..points).map(|i| low + i as f64 / last * (high - low));
        let mut positions: Vec<f64> = if self.whole {
            between.map(|x| x.exp().round().ln()).collect()
        } else {
            between.collect()
        };
        positions.dedup();
        let line = self;
        let mut samples = all_rows(&Scan { line, positions }, journal, self.control)?;
        let extra = all_rows(
            &Extrema {
                line,
                samples: &samples,
            },
            journal,
            self.control,
        )?;
        samples.extend(extra.into_iter().flatten());
        samples.sort_by(|a, b| a.x.total_cmp(&b.x));
        Ok(samples)
    }

    /// Whether a row of a journal speaks of groups that there are.
    fn knows(&self, x: f64, sets: &[Vec<usize>]) -> bool {
        let groups = (self.at)(x).groups();
        sets.iter().flatten().all(|&group| group < groups)
    }

    /// Where `kappa` of the first set has an extremum of the other sign between three points of one sign.
    fn hidden_extremum(&self, near: &[Sample]) -> Option<f64> {
        let [a, b, c] = near else { return None };
        let sign = extremum_sign([a, b, c])?;
        let value = |x: f64| self.xi(x, &[(self.at)(x).first_set()?], false).map(|xi| sign * xi);
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
    pub(super) fn stretches(&self, samples: &[Sample], journal: Option<&Journal>) -> Result<Vec<Stretch>, Error> {
        let crossings = all_rows(&Crossings { line: self, samples }, journal, self.control)?;
        let runs = samples.chunk_by(|a, b| a.state.kind() == b.state.kind()).enumerate();
        let stretch = |(i, run): (usize, &[Sample])| {
            let (first, last) = (&run[0], &run[run.len() - 1]);
            let (before, behind) = (i.checked_sub(1).map(|i| &crossings[i]), crossings.get(i));
            let kind = first.state.kind();
            let ends = before.into_iter().chain(behind).map(|crossing| &*crossing.sets);
            let ends = ends.filter(|sets| kind == StateKind::Collapsed && !sets.is_empty());
            let seen = run.iter().map(|sample| sample.state.sets()).chain(ends);
            let count = |sets: &&[Vec<usize>]| sets.iter().map(Vec::len).sum::<usize>();
            Stretch {
                from: before.map_or(first.x, |crossing| crossing.x),
                to: match behind {
                    // The last whole number before the boundary.
                    Some(crossing) if self.whole => (crossing.x.exp().round() - 1.0).ln(),
                    Some(crossing) => crossing.x,
                    None => last.x,
                },
                kind,
                sets: seen.min_by_key(count).unwrap_or_default().to_vec(),
            }
        };
        Ok(runs.map(stretch).collect())
    }

    /// The sets just behind a boundary at `x`, on the side of a collapsed sample; none where the solver finds none.
    fn sets_behind(&self, x: f64, collapsed: &Sample) -> Result<Vec<Vec<usize>>, Error> {
        let room = collapsed.x - x;
        for step in CONFIRM.into_iter().take_while(|step| *step <= room.abs()) {
            if let State::Collapsed(sets) = State::of(&(self.at)(x + step.copysign(room)), self.control)? {
                return Ok(sets);
            }
        }
        Ok(Vec::new())
    }

    /// The position between two samples of different kinds where the kind changes: a root of `kappa` that the solver
    /// confirms on both sides, else by bisection on the solver itself.
    pub(super) fn boundary(&self, a: &Sample, b: &Sample) -> Result<f64, Error> {
        if self.whole {
            return self.first_behind(a, b);
        }
        let sets = match (&a.state, &b.state) {
            (State::Collapsed(sets), State::Apart) | (State::Apart, State::Collapsed(sets)) => sets.clone(),
            _ => return self.bisect(a, b),
        };
        let mut candidates: Vec<Vec<Vec<usize>>> = Vec::new();
        candidates.extend((self.at)(0.5 * (a.x + b.x)).first_set().map(|set| vec![set]));
        candidates.extend(sets.iter().map(|set| vec![set.clone()]));
        candidates.push(sets);
        for clusters in candidates {
            let mut unsolved = false;
            let x = root(a.x, b.x, |x| {
                // Where the merged problem has no definite solution, more classes collapse or none.
                self.xi(x, &clusters, true).or_else(|| {
                    match State::of(&(self.at)(x), self.control).map(|state| state.kind()) {
                        Ok(StateKind::Apart) => Some(-1.0),
                        Ok(StateKind::Collapsed) => Some(1.0),
                        _ => {
                            unsolved = true;
                            None
                        }
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

    /// The first whole number behind the boundary, as its logarithm.
    fn first_behind(&self, a: &Sample, b: &Sample) -> Result<f64, Error> {
        let [mut low, mut high] = [a, b].map(|sample| sample.x.exp().round());
        while high - low > 1.0 {
            let middle = ((low + high) / 2.0).floor();
            if State::of(&(self.at)(middle.ln()), self.control)?.kind() == a.state.kind() {
                low = middle;
            } else {
                high = middle;
            }
        }
        Ok(high.ln())
    }

    fn bisect(&self, a: &Sample, b: &Sample) -> Result<f64, Error> {
        let (mut low, mut high) = (a.x, b.x);
        let mut searched = [a, b].iter().any(|sample| matches!(sample.state, State::Searched(_)));
        // Vectors are told apart by an angle whose square is the error of the boundary.
        while high - low > if searched { SEARCHED_STEP } else { 1e-10 } {
            let middle = 0.5 * (low + high);
            let state = State::of(&(self.at)(middle), self.control)?;
            searched |= matches!(state, State::Searched(_));
            if state.kind() == a.state.kind() {
                low = middle;
            } else {
                high = middle;
            }
        }
        Ok(0.5 * (low + high))
    }
}

/// What the points of a scan are called.
pub(super) const SCAN: &str = "points of the scan";

/// The points of a scan, as a study. What rows of a line depend on is the line and their positions, so that a finer scan, or
/// one of another range, goes on from them.
struct Scan<'a> {
    line: &'a Line<'a>,
    positions: Vec<f64>,
}

impl Study for Scan<'_> {
    const POINTS: &'static str = SCAN;
    type Point = (&'static str, f64);
    type Row = Sample;

    fn points(&self) -> Vec<Self::Point> {
        self.positions.iter().map(|&x| ("sample", x)).collect()
    }

    fn run(&self, &(_, x): &Self::Point, _: &Control) -> Result<Sample, Error> {
        self.line.sample(x)
    }

    fn check(&self, &(_, x): &Self::Point, row: &Sample) -> Result<(), String> {
        if row.x == x && self.line.knows(x, row.state.sets()) {
            return Ok(());
        }
        Err(format!("it is not the sample at {x}"))
    }
}

/// The neighbours of a sample between which `kappa` may have an extremum, with the part of the scan that they bound.
#[derive(Serialize)]
struct Between<'a>(&'static str, f64, f64, #[serde(skip)] &'a [Sample]);

impl<'a> Between<'a> {
    fn new(name: &'static str, samples: &'a [Sample]) -> Self {
        Self(name, samples[0].x, samples[samples.len() - 1].x, samples)
    }

    fn contains(&self, x: f64) -> Result<(), String> {
        if (self.1..=self.2).contains(&x) {
            return Ok(());
        }
        Err(format!("{x} is not between {} and {}", self.1, self.2))
    }
}

/// Hidden extrema, as a study: a sample where one is.
struct Extrema<'a> {
    line: &'a Line<'a>,
    samples: &'a [Sample],
}

impl<'a> Study for Extrema<'a> {
    const POINTS: &'static str = "extrema";
    type Point = Between<'a>;
    type Row = Option<Sample>;

    fn points(&self) -> Vec<Between<'a>> {
        let near = self
            .samples
            .windows(3)
            .filter(|near| extremum_sign([&near[0], &near[1], &near[2]]).is_some());
        near.map(|near| Between::new("extremum", near)).collect()
    }

    fn run(&self, between: &Between<'a>, _: &Control) -> Result<Option<Sample>, Error> {
        let x = self.line.hidden_extremum(between.3);
        if self.line.control.stop().is_some() {
            return Err(stopped());
        }
        x.map(|x| self.line.sample(x)).transpose()
    }

    fn check(&self, between: &Between<'a>, row: &Option<Sample>) -> Result<(), String> {
        row.as_ref().map_or(Ok(()), |sample| between.contains(sample.x))
    }
}

/// The boundaries between neighbouring samples of different kinds, as a study.
struct Crossings<'a> {
    line: &'a Line<'a>,
    samples: &'a [Sample],
}

impl<'a> Study for Crossings<'a> {
    const POINTS: &'static str = "boundaries";
    type Point = Between<'a>;
    type Row = Crossing;

    fn points(&self) -> Vec<Between<'a>> {
        let pairs = self.samples.windows(2);
        let differ = pairs.filter(|pair| pair[0].state.kind() != pair[1].state.kind());
        differ.map(|pair| Between::new("boundary", pair)).collect()
    }

    fn run(&self, between: &Between<'a>, _: &Control) -> Result<Crossing, Error> {
        let [a, b] = [&between.3[0], &between.3[1]];
        let x = self.line.boundary(a, b)?;
        let collapsed = [a, b]
            .into_iter()
            .find(|sample| sample.state.kind() == StateKind::Collapsed);
        let sets = collapsed.map(|sample| self.line.sets_behind(x, sample)).transpose()?;
        Ok(Crossing {
            x,
            sets: sets.unwrap_or_default(),
        })
    }

    fn check(&self, between: &Between<'a>, row: &Crossing) -> Result<(), String> {
        between.contains(row.x)?;
        if self.line.knows(row.x, &row.sets) {
            return Ok(());
        }
        Err("its sets are none of this problem".to_owned())
    }
}
