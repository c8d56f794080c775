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
use ufmin::error::{Error, Word};
use ufmin::files::prepare_folder;
use ufmin::math::control::{Control, Progress};
use ufmin::problem::Problem;
use ufmin::report::arrays::write_view;
use ufmin::report::stopped::Stopped;
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

/// Address space of a thread: its stack, and what the allocator sets aside for it.
const THREAD: f64 = STACK as f64 + (128 << 20) as f64;

/// Address space that the least of problems takes, without threads.
const LEAST_MEMORY: f64 = (16 << 20) as f64;

/// How much there is to do, as far as threads are concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Work {
    /// No more than one thread does at once.
    Small,
    /// As many threads as there are.
    Large,
}

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
    /// Gone with the session, which ends the thread that speaks of long stages.
    _speaking: Option<Arc<()>>,
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
        self.start_for(Work::Large)
    }

    /// The same for so much work.
    pub(crate) fn start_for(&self, work: Work) -> Result<Session, Failure> {
        let limit = self.time_limit.map(time_limit).transpose()?;
        let asked = self.threads.map(threads).transpose()?;
        start_threads(asked, work)?;
        let mut control = Control::with_interrupt(begin_work()?);
        if let Some(limit) = limit {
            control = control.with_time_limit(limit);
        }
        let bar = ProgressBar::hidden();
        let mut speaking = None;
        if self.verbose {
            control = control.with_observer(lines());
        } else if !self.quiet && std::io::stderr().is_terminal() {
            bar.set_draw_target(indicatif::ProgressDrawTarget::stderr());
            control = control.with_observer(moving(bar.clone()));
        } else if !self.quiet {
            let token = Arc::new(());
            control = control.with_observer(heard(&token)?);
            speaking = Some(token);
        }
        Ok(Session {
            control,
            format: Format::Text,
            folder: None,
            pictures: None,
            quiet: self.quiet,
            verbose: self.verbose,
            bar: Bar(bar),
            _speaking: speaking,
        })
    }
}

/// Starts the threads: none besides this one for little work, and no more than the address space has room for.
fn start_threads(asked: Option<usize>, work: Work) -> Result<(), Failure> {
    let cores = || std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get);
    let wanted = asked.unwrap_or_else(cores);
    let memory = ufmin::math::memory::available().unwrap_or(f64::INFINITY);
    if memory < LEAST_MEMORY {
        return Err(Error::TooLarge {
            what: "any problem".to_owned(),
            bytes: LEAST_MEMORY,
            limit: memory,
            hint: &[Word::Text("raise the limit on memory, for example by ulimit -v")],
        }
        .into());
    }
    let room = ((memory - LEAST_MEMORY) / THREAD).min(wanted as f64) as usize;
    let count = if work == Work::Small && asked.is_none() {
        1
    } else {
        room.max(1)
    };
    let builder = rayon::ThreadPoolBuilder::new().num_threads(count).stack_size(STACK);
    let builder = if count == 1 && (work == Work::Small || room == 0) {
        builder.use_current_thread()
    } else {
        builder
    };
    builder.build_global().map_err(|error| {
        Failure::from(Error::Internal {
            what: format!("cannot start threads: {error}"),
        })
    })
}

impl SessionArgs {
    /// Puts the flags to work. The folder is made now: one that cannot be written is known before the long computation.
    pub(crate) fn start(&self) -> Result<Session, Failure> {
        self.start_for(Work::Large)
    }

    /// The same for so much work.
    pub(crate) fn start_for(&self, work: Work) -> Result<Session, Failure> {
        let session = self.run.start_for(work)?;
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

    /// Says of `problem` that a stop request came before `what` was found, as the answer `name` would have been said.
    pub(crate) fn stopped(self, name: &str, problem: &Problem, what: &'static str) -> Result<Outcome, Failure> {
        let report = Stopped::new(problem, what);
        self.keep(name, &report)?;
        self.finish(&report, None, None)?;
        Err(Error::Stopped { what }.into())
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

/// Whether a signal ends the process at once. So it is until the work begins, while files are read; then the first signal lowers
/// nothing but raises this, which asks the work to stop.
static STOP: OnceLock<Arc<AtomicBool>> = OnceLock::new();

/// From now on the first signal asks the work to stop, and the second does not wait for a place where it can.
fn begin_work() -> Result<Arc<AtomicBool>, Error> {
    watch_signals()?;
    let stop = STOP.get_or_init(Arc::default);
    stop.store(false, Ordering::SeqCst);
    Ok(Arc::clone(stop))
}

/// Ctrl-C and requests to terminate end the process with their exit status, from the first moment on; once.
pub(crate) fn watch_signals() -> Result<(), Error> {
    use signal_hook::{consts, flag};
    if STOP.get().is_some() {
        return Ok(());
    }
    let stop = STOP.get_or_init(|| Arc::new(AtomicBool::new(true)));
    let number = SIGNAL.get_or_init(Arc::default);
    let signals = [
        consts::SIGINT,
        consts::SIGTERM,
        #[cfg(unix)]
        consts::SIGHUP,
    ];
    for signal in signals {
        // In this order: the first signal finds the flag down.
        flag::register_conditional_shutdown(signal, 128 + signal, Arc::clone(stop))
            .and_then(|_| flag::register_usize(signal, Arc::clone(number), signal as usize))
            .and_then(|_| flag::register(signal, Arc::clone(stop)))
            .map_err(|error| Error::Internal {
                what: format!("cannot watch for signals: {error}"),
            })?;
    }
    Ok(())
}

/// While a file is read, which may have no end: speaks of it on stderr after a while, and a signal ends the process at once.
pub(crate) struct Patience {
    _token: Arc<()>,
    /// Whether the work had begun.
    working: bool,
}

/// How long nothing is said.
const SILENCE: Duration = Duration::from_secs(10);

/// Least time between two words about one stage where nobody sees a bar.
const WORD_EVERY: Duration = Duration::from_secs(60);

impl Patience {
    /// While a file is read: a pipe may have no end.
    pub(crate) fn reading(path: &Path) -> Self {
        let token = Arc::new(());
        let regular = path.metadata().is_ok_and(|data| data.is_file());
        if !regular {
            let (watched, path) = (Arc::downgrade(&token), path.display().to_string());
            // Without the thread nothing is said, and all is done.
            let _ = std::thread::Builder::new().stack_size(1 << 16).spawn(move || {
                std::thread::sleep(SILENCE);
                if watched.upgrade().is_some() {
                    let _ = writeln!(
                        std::io::stderr(),
                        "reading {path}, which is no regular file: nothing is computed before it ends"
                    );
                }
            });
        }
        let working = STOP.get().is_some_and(|stop| !stop.swap(true, Ordering::SeqCst));
        Self { _token: token, working }
    }
}

impl Drop for Patience {
    fn drop(&mut self) {
        if let (true, Some(stop)) = (self.working, STOP.get()) {
            stop.store(false, Ordering::SeqCst);
        }
    }
}

/// A stage, and where its end is if that is known.
type Heard = (Stage, Option<u64>);

/// An observer for where no bar is seen: a thread says how far a stage with a known end is that takes longer than
/// [`SILENCE`], and how long the rest will take, as long as `token` is there.
fn heard(token: &Arc<()>) -> Result<impl Fn(&Progress) + Send + Sync + 'static, Error> {
    let current: Arc<Mutex<Option<Heard>>> = Arc::default();
    let (watched, stages) = (Arc::downgrade(token), Arc::clone(&current));
    let speak = move || {
        let mut last: Option<(String, Instant)> = None;
        while watched.strong_count() > 0 {
            std::thread::sleep(Duration::from_millis(500));
            let stages = stages.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            let Some((stage, Some(total))) = stages.as_ref() else {
                continue;
            };
            let said = last.as_ref().filter(|(name, _)| *name == stage.name);
            let due = said.map_or(stage.began.elapsed() >= SILENCE, |(_, at)| at.elapsed() >= WORD_EVERY);
            if due && stage.most < *total && watched.strong_count() > 0 {
                // Nobody listens: the work goes on.
                let _ = writeln!(std::io::stderr(), "{}", stage.so_far(*total));
                last = Some((stage.name.clone(), Instant::now()));
            }
        }
    };
    std::thread::Builder::new()
        .stack_size(1 << 18)
        .spawn(speak)
        .map_err(|error| Error::Internal {
            what: format!("cannot start threads: {error}"),
        })?;
    Ok(move |progress: &Progress| {
        let mut current = current.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        match current.as_mut().filter(|(stage, _)| stage.name == progress.stage) {
            Some((stage, _)) => stage.most = stage.most.max(progress.iterations),
            None => *current = Some((Stage::new(progress), progress.total)),
        }
    })
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

    /// How many of `total` are done, and how long the rest will take as far as that is known.
    fn so_far(&self, total: u64) -> String {
        let (name, done) = (&self.name, self.most);
        let elapsed = self.began.elapsed();
        match self.left(total) {
            Some(seconds) if done < total => format!("{name}: {done} of {total}, {} left", duration(seconds)),
            // As many as there are threads are being worked on, and none is finished.
            None if done < total && elapsed >= SILENCE => {
                let rounds = (total - done).div_ceil(rayon::current_num_threads() as u64);
                let least = elapsed.as_secs_f64() * rounds as f64;
                format!("{name}: {done} of {total}, more than {} left", duration(least))
            }
            _ => format!("{name}: {done} of {total}"),
        }
    }

    fn in_words(&self, progress: &Progress) -> String {
        match progress.total {
            Some(total) => self.so_far(total),
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
        s if s < 48.0 * 3600.0 => format!("{:.1} h", s / 3600.0),
        s if s < 730.0 * 86400.0 => format!("{:.0} days", s / 86400.0),
        s => format!("{:.0} years", s / (365.25 * 86400.0)),
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
        // Nothing is finished yet: as many as there are threads are at work.
        stage.most = 100;
        stage.first = 100;
        if stage.began.elapsed() >= SILENCE {
            let words = stage.so_far(300);
            assert!(words.starts_with("starts: 100 of 300, more than "), "{words}");
        }
        assert_eq!(
            stage.in_words(&progress("conic", 3, None)),
            "conic, iteration 3, 5.0e-1"
        );
        assert_eq!(
            [0.2, 119.0, 121.0, 7300.0, 3e5, 1e9].map(duration),
            ["1 s", "119 s", "3 min", "2.0 h", "3 days", "32 years"]
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
