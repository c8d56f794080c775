//! Long computations at the terminal: Ctrl-C, threads, and a progress bar.

use std::io::IsTerminal;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use indicatif::{ProgressBar, ProgressStyle};
use ufmin::error::Error;
use ufmin::math::control::Control;

use super::failure::Failure;

/// Most threads that can be asked for.
const MAX_THREADS: i64 = 1024;

/// A control with a progress bar, which is hidden where stderr is no terminal.
pub(crate) struct Watched {
    pub(crate) control: Control,
    pub(crate) bar: ProgressBar,
}

/// Ctrl-C stops cleanly, a second one at once; the bar counts to `steps`.
pub(crate) fn watch(steps: u64, what: &'static str) -> Result<Watched, Error> {
    let control = Control::with_interrupt(interrupt_flag()?);
    let bar = if std::io::stderr().is_terminal() {
        ProgressBar::new(steps)
    } else {
        ProgressBar::hidden()
    };
    let style = ProgressStyle::with_template("{msg} {wide_bar} {pos}/{len} [{elapsed} of {duration}]");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar.set_message(what);
    let shown = bar.clone();
    // Reports of several threads may overtake each other.
    let control = control.with_observer(move |progress| {
        if progress.iterations > shown.position() {
            shown.set_position(progress.iterations);
        }
    });
    Ok(Watched { control, bar })
}

/// A flag that Ctrl-C raises.
pub(crate) fn interrupt_flag() -> Result<Arc<AtomicBool>, Error> {
    let interrupt = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&interrupt);
    ctrlc::set_handler(move || {
        // The second Ctrl-C does not wait for the solver to reach a place where it can stop.
        if flag.swap(true, Ordering::Relaxed) {
            std::process::exit(2);
        }
    })
    .map_err(|error| Error::Internal {
        what: format!("cannot watch for Ctrl-C: {error}"),
    })?;
    Ok(interrupt)
}

/// The number of threads of all parallel loops.
pub(crate) fn set_threads(threads: i64) -> Result<(), Failure> {
    if !(1..=MAX_THREADS).contains(&threads) {
        return Err(Failure::usage(
            "--threads",
            format!("{threads} threads are asked for, and 1 to {MAX_THREADS} can be used"),
            "leave it out to use all cores",
        ));
    }
    rayon::ThreadPoolBuilder::new()
        .num_threads(threads as usize)
        .build_global()
        .map_err(|error| Error::Internal {
            what: format!("cannot start {threads} threads: {error}"),
        })?;
    Ok(())
}
