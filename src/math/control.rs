//! [`Control`]: how a caller watches a long computation and stops it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// What a solver tells its observer now and then.
#[derive(Debug, Clone, PartialEq)]
pub struct Progress {
    /// What is being done, for example "conic pass 2".
    pub stage: String,
    /// Iterations, or points of a study, done in this stage.
    pub iterations: u64,
    /// How many there are, where that is known.
    pub total: Option<u64>,
    /// The solver's own relative gap or residual; not evidence, only a sign of life.
    pub measure: f64,
}

type Observer = Arc<dyn Fn(&Progress) + Send + Sync>;

/// Stop requests and progress reports. Cheap to clone; clones share the stop flag.
#[derive(Clone, Default)]
pub struct Control {
    interrupt: Arc<AtomicBool>,
    deadline: Option<Instant>,
    observer: Option<Observer>,
}

/// Why a computation was asked to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopReason {
    /// The interrupt flag was raised (Ctrl-C).
    Interrupted,
    /// The time limit has passed.
    TimeLimit,
}

impl Control {
    /// A control whose interrupt flag is shared with the caller.
    pub fn with_interrupt(interrupt: Arc<AtomicBool>) -> Self {
        Self {
            interrupt,
            ..Self::default()
        }
    }

    /// Adds a time limit from now. Limits beyond what the clock can represent mean none.
    #[must_use]
    pub fn with_time_limit(mut self, limit: Duration) -> Self {
        self.deadline = Instant::now().checked_add(limit);
        self
    }

    /// Adds an observer.
    #[must_use]
    pub fn with_observer(mut self, observer: impl Fn(&Progress) + Send + Sync + 'static) -> Self {
        self.observer = Some(Arc::new(observer));
        self
    }

    /// The same stop requests without an observer: for parts of a computation that is itself observed.
    #[must_use]
    pub fn unobserved(&self) -> Self {
        Self {
            observer: None,
            ..self.clone()
        }
    }

    /// Whether, and why, work should stop now.
    pub fn stop(&self) -> Option<StopReason> {
        if self.interrupt.load(Ordering::Relaxed) {
            Some(StopReason::Interrupted)
        } else if self.deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            Some(StopReason::TimeLimit)
        } else {
            None
        }
    }

    /// Tells the observer.
    pub fn report(&self, stage: &str, iterations: u64, measure: f64) {
        self.tell(stage, iterations, None, measure);
    }

    /// Tells the observer of a stage with a known end.
    pub fn advance(&self, stage: &str, done: u64, total: u64) {
        self.tell(stage, done, Some(total), done as f64 / total.max(1) as f64);
    }

    fn tell(&self, stage: &str, iterations: u64, total: Option<u64>, measure: f64) {
        if let Some(observer) = &self.observer {
            observer(&Progress {
                stage: stage.to_owned(),
                iterations,
                total,
                measure,
            });
        }
    }
}

impl std::fmt::Debug for Control {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Control")
            .field("interrupt", &self.interrupt)
            .field("deadline", &self.deadline)
            .field("observer", &self.observer.is_some())
            .finish()
    }
}
