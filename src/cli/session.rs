//! What every verb that computes has alike: where the answer goes, when to stop, how many threads, and what is said meanwhile.

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::{Args, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::Value;
use ufmin::error::Error;
use ufmin::files::prepare_folder;
use ufmin::math::control::{Control, Progress};
use ufmin::report::arrays::write_view;
use ufmin::report::view::{Style, View};
use ufmin::study::{Journal, Stop};

use super::failure::Failure;
use super::pictures::PictureArgs;
use super::problem_args::{number, whole_number};
use super::{Outcome, print_data};

/// Most threads that can be asked for.
const MAX_THREADS: i64 = 1024;

/// Least time between two lines of `--verbose`.
const LINE_EVERY: Duration = Duration::from_secs(2);

/// Stack of a thread. One that waits for a part of its solve may begin another solve on top of it.
const STACK: usize = 32 << 20;

/// Flags of a verb that computes.
#[derive(Debug, Clone, Args)]
pub(crate) struct RunArgs {
    /// Stop after this many seconds and report what is known by then
    #[arg(long, value_name = "SECONDS", value_parser = number, help_heading = "Run", allow_hyphen_values = true)]
    time_limit: Option<f64>,
    /// Threads to use [default: all cores]; the result does not depend on it
    #[arg(long, value_name = "N", value_parser = whole_number, help_heading = "Run", allow_hyphen_values = true)]
    threads: Option<i64>,
    /// Print nothing but errors; the exit status tells
    #[arg(short, long, conflicts_with = "verbose", help_heading = "Output")]
    quiet: bool,
    /// Print more about how the answer was found, and the progress line by line on stderr
    #[arg(short, long, help_heading = "Output")]
    verbose: bool,
}

/// Flags of a verb that computes and has an answer to print.
#[derive(Debug, Clone, Args)]
pub(crate) struct SessionArgs {
    /// What to print
    #[arg(long, value_enum, default_value_t = Format::Text, help_heading = "Output")]
    format: Format,
    /// Folder for the result; made if missing
    #[arg(short, long, value_name = "DIR", help_heading = "Output")]
    output: Option<PathBuf>,
    #[command(flatten)]
    run: RunArgs,
    #[command(flatten)]
    pictures: PictureArgs,
}

/// How the answer is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// A report to read
    Text,
    /// One JSON object, whose schema is in its first field
    Json,
    /// A table with one line a row, for spreadsheets
    Csv,
    /// A table for print
    #[value(skip)]
    Latex,
}

/// `--format` of a verb whose answer is no table.
pub(crate) fn without_csv(format: clap::Arg) -> clap::Arg {
    let offered = [Format::Text, Format::Json];
    let values: Vec<PossibleValue> = offered.iter().filter_map(ValueEnum::to_possible_value).collect();
    format.value_parser(PossibleValuesParser::new(values).try_map(|name| Format::from_str(&name, false)))
}

/// `--format` of a verb whose table is made for print too.
pub(crate) fn with_latex(format: clap::Arg) -> clap::Arg {
    let latex = PossibleValue::new("latex").help("A table for print, with the rules of the package booktabs");
    let offered = Format::value_variants().iter().filter_map(ValueEnum::to_possible_value);
    let values: Vec<PossibleValue> = offered.chain([latex]).collect();
    format.value_parser(PossibleValuesParser::new(values).try_map(|name| match &*name {
        "latex" => Ok(Format::Latex),
        name => Format::from_str(name, false),
    }))
}

/// A run of the program: its flags at work.
pub(crate) struct Session {
    control: Control,
    format: Format,
    folder: Option<PathBuf>,
    pictures: Option<PictureArgs>,
    quiet: bool,
    verbose: bool,
    bar: Bar,
}

/// A progress bar that is gone when the run is over, however it ends.
struct Bar(ProgressBar);

impl Drop for Bar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

impl RunArgs {
    /// Puts the flags to work.
    pub(crate) fn start(&self) -> Result<Session, Failure> {
        let limit = self.time_limit.map(time_limit).transpose()?;
        let threads = self.threads.map(threads).transpose()?;
        rayon::ThreadPoolBuilder::new()
            // 0: one for every core.
            .num_threads(threads.unwrap_or(0))
            .stack_size(STACK)
            .build_global()
            .map_err(|error| Error::Internal {
                what: format!("cannot start threads: {error}"),
            })?;
        let mut control = Control::with_interrupt(watch_signals()?);
        if let Some(limit) = limit {
            control = control.with_time_limit(limit);
        }
        let bar = ProgressBar::hidden();
        if self.verbose {
            control = control.with_observer(lines());
        } else if !self.quiet && std::io::stderr().is_terminal() {
            bar.set_draw_target(indicatif::ProgressDrawTarget::stderr());
            control = control.with_observer(moving(bar.clone()));
        }
        Ok(Session {
            control,
            format: Format::Text,
            folder: None,
            pictures: None,
            quiet: self.quiet,
            verbose: self.verbose,
            bar: Bar(bar),
        })
    }
}

impl SessionArgs {
    /// Puts the flags to work. The folder is made now: one that cannot be written is known before the long computation.
    pub(crate) fn start(&self) -> Result<Session, Failure> {
        let session = self.run.start()?;
        if let Some(folder) = &self.output {
            prepare_folder(folder)?;
        }
        Ok(Session {
            format: self.format,
            folder: self.output.clone(),
            pictures: Some(self.pictures.clone()),
            ..session
        })
    }
}

impl Session {
    /// Stop requests, and who hears of progress.
    pub(crate) fn control(&self) -> &Control {
        &self.control
    }

    /// Says what there is to say of the files that a problem was read from.
    pub(crate) fn saying(self, notes: &[String]) -> Self {
        if !self.quiet {
            for note in notes {
                super::diagnostic::warn(note);
            }
        }
        self
    }

    /// Where files go.
    pub(crate) fn folder(&self) -> Option<&Path> {
        self.folder.as_deref()
    }

    /// The journal in the folder, if there is one.
    pub(crate) fn journal(&self, identity: &Value) -> Result<Option<Journal>, Error> {
        let folder = self.folder.as_deref();
        folder.map(|folder| Journal::open(folder, identity)).transpose()
    }

    /// Writes the pictures of an answer, and the answer itself as `NAME.json`, into the folder, if there is one.
    pub(crate) fn keep(&self, name: &str, view: &impl View) -> Result<(), Error> {
        let Some(folder) = self.folder() else { return Ok(()) };
        let formats = self.pictures.as_ref().map_or_else(Vec::new, PictureArgs::formats);
        write_view(folder, name, view, &formats)
    }

    /// Prints an answer in the form that was asked for, and says how it ends. `stop` is how far a study came that is not
    /// complete, and `journal` what it goes on from.
    pub(crate) fn finish(
        self,
        view: &impl View,
        stop: Option<Stop>,
        journal: Option<&Journal>,
    ) -> Result<Outcome, Failure> {
        // Before the answer, not among it.
        drop(self.bar);
        if !self.quiet {
            let style = Style {
                verbose: self.verbose,
                colour: colour(),
                width: width(),
            };
            print_data(&match (self.format, view.table()) {
                (Format::Csv, Some(table)) => table.to_csv(),
                (Format::Json, _) => view.to_json(),
                (Format::Latex, _) => view.latex().unwrap_or_else(|| view.text(style)),
                _ => view.text(style),
            })?;
        }
        match (stop, view.is_complete()) {
            (Some(stop), _) => Err(stop.error(journal.map(Journal::path)).into()),
            (None, false) => Ok(Outcome::Incomplete),
            (None, true) if view.passes() => Ok(Outcome::Certified),
            (None, true) => Ok(Outcome::NotCertified),
        }
    }
}

/// Characters in a line of the terminal; where the output goes elsewhere COLUMNS says how many, if anything does.
pub(crate) fn width() -> Option<usize> {
    const LEAST: usize = 20;
    let columns = || std::env::var("COLUMNS").ok()?.trim().parse().ok();
    let of_terminal = terminal_size::terminal_size_of(std::io::stdout()).map(|(width, _)| usize::from(width.0));
    of_terminal.or_else(columns).filter(|&width| width >= LEAST)
}

/// Colour on a terminal only, and not where NO_COLOR is set.
fn colour() -> bool {
    std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

fn time_limit(seconds: f64) -> Result<Duration, Failure> {
    if seconds.is_nan() || seconds <= 0.0 {
        // A number of hundreds of digits is told in short.
        let shown = if seconds.abs() < 1e16 {
            seconds.to_string()
        } else {
            format!("{seconds:e}")
        };
        return Err(Failure::usage(
            "--time-limit",
            format!("the time limit is {shown} seconds"),
            "give a positive number of seconds",
        ));
    }
    Ok(Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX))
}

fn threads(threads: i64) -> Result<usize, Failure> {
    if (1..=MAX_THREADS).contains(&threads) {
        return Ok(threads as usize);
    }
    Err(Failure::usage(
        "--threads",
        format!("{threads} threads are asked for, and 1 to {MAX_THREADS} can be used"),
        "leave it out to use all cores",
    ))
}

/// The signal that asked this process to stop; 0 if none has.
static SIGNAL: OnceLock<Arc<AtomicUsize>> = OnceLock::new();

/// The signal that asked this process to stop, if one has.
pub(crate) fn signal() -> Option<u8> {
    let number = SIGNAL.get()?.load(Ordering::Relaxed);
    u8::try_from(number).ok().filter(|&number| number > 0)
}

/// A flag that Ctrl-C and requests to terminate raise. The second does not wait for a place where the work can stop.
fn watch_signals() -> Result<Arc<AtomicBool>, Error> {
    use signal_hook::{consts, flag};
    let stop = Arc::new(AtomicBool::new(false));
    let number = SIGNAL.get_or_init(Arc::default);
    let signals = [
        consts::SIGINT,
        consts::SIGTERM,
        #[cfg(unix)]
        consts::SIGHUP,
    ];
    for signal in signals {
        // In this order: the first signal finds the flag down.
        flag::register_conditional_shutdown(signal, 128 + signal, Arc::clone(&stop))
            .and_then(|_| flag::register_usize(signal, Arc::clone(number), signal as usize))
            .and_then(|_| flag::register(signal, Arc::clone(&stop)))
            .map_err(|error| Error::Internal {
                what: format!("cannot watch for signals: {error}"),
            })?;
    }
    Ok(stop)
}

/// A stage of the work as it goes on.
struct Stage {
    name: String,
    began: Instant,
    /// What was done when it began: rows that an earlier run has left are no measure of speed.
    first: u64,
    most: u64,
}

impl Stage {
    fn new(progress: &Progress) -> Self {
        Self {
            name: progress.stage.clone(),
            began: Instant::now(),
            first: progress.iterations,
            most: progress.iterations,
        }
    }

    /// Seconds that the rest will take at the speed so far.
    fn left(&self, total: u64) -> Option<f64> {
        let done = self.most.checked_sub(self.first).filter(|&done| done > 0)?;
        Some(self.began.elapsed().as_secs_f64() / done as f64 * total.saturating_sub(self.most) as f64)
    }

    fn in_words(&self, progress: &Progress) -> String {
        match progress.total {
            Some(total) => match self.left(total) {
                Some(seconds) if self.most < total => {
                    format!("{}: {} of {total}, {} left", self.name, self.most, duration(seconds))
                }
                _ => format!("{}: {} of {total}", self.name, self.most),
            },
            None => format!(
                "{}, iteration {}, {:.1e}",
                progress.stage, progress.iterations, progress.measure
            ),
        }
    }
}

fn duration(seconds: f64) -> String {
    match seconds.ceil() {
        s if s < 120.0 => format!("{s} s"),
        s if s < 7200.0 => format!("{} min", (s / 60.0).ceil()),
        s => format!("{:.1} h", s / 3600.0),
    }
}

/// Calls `show` with the stage, whether it has just begun, and the news. Threads may overtake each other: what is done never
/// becomes less.
fn observer(
    show: impl Fn(&Stage, bool, &Progress) + Send + Sync + 'static,
) -> impl Fn(&Progress) + Send + Sync + 'static {
    let current: Mutex<Option<Stage>> = Mutex::new(None);
    move |progress| {
        let mut current = current.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        match current.as_mut().filter(|stage| stage.name == progress.stage) {
            Some(stage) => {
                stage.most = stage.most.max(progress.iterations);
                show(stage, false, progress);
            }
            None => show(current.insert(Stage::new(progress)), true, progress),
        }
    }
}

/// Lines on stderr: the first and the last of every stage, and some between.
fn lines() -> impl Fn(&Progress) + Send + Sync + 'static {
    let last: Mutex<Option<Instant>> = Mutex::new(None);
    observer(move |stage, new, progress| {
        let mut last = last.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let end = progress.total == Some(progress.iterations);
        if new || end || last.is_none_or(|last| last.elapsed() >= LINE_EVERY) {
            *last = Some(Instant::now());
            // Nobody listens: the work goes on.
            let _ = writeln!(std::io::stderr(), "{}", stage.in_words(progress));
        }
    })
}

/// A bar where the end is known, else a line that changes.
fn moving(bar: ProgressBar) -> impl Fn(&Progress) + Send + Sync + 'static {
    observer(move |stage, new, progress| {
        if new {
            let (style, default) = match progress.total {
                Some(_) => (
                    "{msg} {wide_bar} [{elapsed}]",
                    ProgressStyle::default_bar as fn() -> ProgressStyle,
                ),
                None => (
                    "{spinner} {msg} [{elapsed}]",
                    ProgressStyle::default_spinner as fn() -> ProgressStyle,
                ),
            };
            bar.set_style(ProgressStyle::with_template(style).unwrap_or_else(|_| default()));
        }
        if let Some(total) = progress.total {
            bar.set_length(total);
            bar.set_position(stage.most);
        }
        bar.set_message(stage.in_words(progress));
        bar.tick();
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn progress(stage: &str, iterations: u64, total: Option<u64>) -> Progress {
        Progress {
            stage: stage.to_owned(),
            iterations,
            total,
            measure: 0.5,
        }
    }

    #[test]
    fn a_stage_in_words() {
        let mut stage = Stage::new(&progress("starts", 100, Some(300)));
        assert_eq!(
            stage.in_words(&progress("starts", 100, Some(300))),
            "starts: 100 of 300"
        );
        // Half of the rest in 60 seconds: what was there before is no measure.
        stage.most = 200;
        stage.began = Instant::now()
            .checked_sub(Duration::from_secs(60))
            .unwrap_or_else(Instant::now);
        let left = stage.left(300).unwrap_or_default();
        assert!(
            (60.0..61.0).contains(&left) || stage.began.elapsed().as_secs() < 60,
            "{left}"
        );
        assert_eq!(
            stage.in_words(&progress("conic", 3, None)),
            "conic, iteration 3, 5.0e-1"
        );
        assert_eq!(
            [0.2, 119.0, 121.0, 7300.0].map(duration),
            ["1 s", "119 s", "3 min", "2.0 h"]
        );
    }

    #[test]
    fn what_is_done_never_becomes_less() {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&seen);
        let observe = observer(move |stage, new, _| {
            if let Ok(mut kept) = kept.lock() {
                kept.push((stage.most, new));
            }
        });
        for (stage, at) in [("a", 1), ("a", 3), ("a", 2), ("b", 0)] {
            observe(&progress(stage, at, Some(9)));
        }
        let seen = seen.lock().map(|seen| seen.clone()).unwrap_or_default();
        assert_eq!(seen, [(1, true), (3, false), (3, false), (0, true)]);
    }
}
