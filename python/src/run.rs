//! [`Run`]: the one door to long work. It releases the interpreter, hears Ctrl-C, keeps time and tells of progress.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use pyo3::prelude::*;
use ufmin::error::Error;
use ufmin::math::control::{Control, Progress};

use crate::error::{raised, usage};
use crate::pool::Lease;

/// How often Python is asked for a signal, and told of progress.
const LISTEN_EVERY: Duration = Duration::from_millis(50);

/// Most threads that can be asked for.
const MAX_THREADS: usize = 1024;

/// The keywords of a verb that say how, not what.
#[derive(Default)]
pub(crate) struct Run {
    time_limit: Option<Duration>,
    threads: usize,
    progress: Option<Py<PyAny>>,
}

impl Run {
    /// From the keywords `time_limit`, `threads` and `progress` of a verb.
    pub(crate) fn new(
        py: Python<'_>,
        time_limit: Option<f64>,
        threads: Option<i64>,
        progress: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        let observer = match progress {
            Some(progress) => {
                let observer = py.import("ufmin._progress")?.call_method1("observer", (progress,))?;
                (!observer.is_none()).then(|| observer.unbind())
            }
            None => None,
        };
        Ok(Self {
            time_limit: time_limit.map(|seconds| limit(py, seconds)).transpose()?,
            threads: threads.map_or(Ok(0), |threads| count(py, threads))?,
            progress: observer,
        })
    }

    /// Does the work on threads of this process while other Python threads go on. A signal whose handler raises, and an
    /// observer that does, end it at once: the work sees its flag and stops by itself.
    pub(crate) fn work<T: Send + 'static>(
        &self,
        py: Python<'_>,
        work: impl FnOnce(&Control) -> Result<T, Error> + Send + 'static,
    ) -> PyResult<T> {
        let lease = Lease::new(self.threads).map_err(|what| raised(py, Error::Internal { what }))?;
        let stop = Arc::new(AtomicBool::new(false));
        let mut control = Control::with_interrupt(Arc::clone(&stop));
        if let Some(limit) = self.time_limit {
            control = control.with_time_limit(limit);
        }
        let latest = Arc::new(Mutex::new(None));
        if self.progress.is_some() {
            let latest = Arc::clone(&latest);
            control = control.with_observer(move |progress| {
                *latest.lock().unwrap_or_else(PoisonError::into_inner) = Some(progress.clone());
            });
        }
        let (answer, found) = sync_channel(1);
        lease.spawn(
            move || catch_unwind(AssertUnwindSafe(|| work(&control))),
            move |outcome| {
                // Nobody waits for the answer of work that was given up.
                let _ = answer.send(outcome);
            },
        );
        let found = Mutex::new(found);
        loop {
            let outcome = py.detach(|| {
                let found = found.lock().unwrap_or_else(PoisonError::into_inner);
                found.recv_timeout(LISTEN_EVERY)
            });
            let heard = self.listen(py, &latest);
            if heard.is_err() {
                stop.store(true, Ordering::Relaxed);
            }
            heard?;
            return match outcome {
                Ok(Ok(done)) => done.map_err(|error| raised(py, error)),
                Ok(Err(panic)) => Err(raised(py, Error::Internal { what: told(&*panic) })),
                Err(RecvTimeoutError::Timeout) => continue,
                Err(RecvTimeoutError::Disconnected) => Err(raised(
                    py,
                    Error::Internal {
                        what: "a thread ended without an answer".to_owned(),
                    },
                )),
            };
        }
    }

    /// Lets Python handle its signals, and tells the observer what is new.
    fn listen(&self, py: Python<'_>, latest: &Mutex<Option<Progress>>) -> PyResult<()> {
        py.check_signals()?;
        let news = latest.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let (Some(observer), Some(progress)) = (&self.progress, news) {
            let told = (progress.stage, progress.iterations, progress.total, progress.measure);
            observer.call1(py, told)?;
        }
        Ok(())
    }
}

/// Asks the library for something that may take a while, on threads of this process like any work: what is begun on others would
/// be dead in a forked child.
pub(crate) fn asked<T: Send + 'static>(
    py: Python<'_>,
    question: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> PyResult<T> {
    Run::default().work(py, |_| question())
}

fn limit(py: Python<'_>, seconds: f64) -> PyResult<Duration> {
    if seconds.is_nan() || seconds <= 0.0 {
        let what = format!("the time limit is {seconds} seconds");
        return Err(usage(py, "time_limit", what, "give a positive number of seconds"));
    }
    Ok(Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX))
}

fn count(py: Python<'_>, threads: i64) -> PyResult<usize> {
    let possible = usize::try_from(threads).ok().filter(|n| (1..=MAX_THREADS).contains(n));
    possible.ok_or_else(|| {
        let what = format!("{threads} threads are asked for, and 1 to {MAX_THREADS} can be used");
        usage(py, "threads", what, "leave it out to use all cores")
    })
}

/// What a panic says.
fn told(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("the work broke off").to_owned()
}
