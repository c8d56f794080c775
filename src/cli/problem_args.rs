//! The flags that describe a problem, shared by all verbs that take one. They fill the same structure as a problem file.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use clap::Args;
use ufmin::error::{Error, Field, Invalid, Kind, Word, closest};
use ufmin::files::STDIN;
use ufmin::files::counts::Choice;
use ufmin::files::labels::Labels;
use ufmin::files::note::Note;
use ufmin::problem::{Convention, Problem};
use ufmin::solve::Options;
use ufmin::spec::bundled::{PROBLEMS, problem};
use ufmin::spec::{self, ProblemFile, SolverTable};
use ufmin::study::phase::Family;

use super::failure::{Failure, Flags, flag};
use super::session::Patience;

/// A problem: a file, or class sizes with flags. Flags override the file.
#[derive(Debug, Clone, Args)]
pub(crate) struct ProblemArgs {
    /// Problem file (TOML), a result (.json), whose problem is taken, the name of a bundled problem, or - for standard input
    #[arg(value_name = "PROBLEM.toml|RESULT.json")]
    file: Option<PathBuf>,
    /// Class sizes, for example 500,500,5,5; 500x5,50x3 are five classes of 500 and three of 50
    #[arg(
        long,
        value_name = "N,N,..",
        value_delimiter = ',',
        help_heading = "Problem",
        allow_hyphen_values = true
    )]
    sizes: Option<Vec<String>>,
    /// Class sizes: CSV, TSV, JSON, one a line, name: count, .npy or .npz; - is standard input
    #[arg(long, value_name = "FILE", help_heading = "Problem")]
    sizes_file: Option<PathBuf>,
    /// Labels of the samples, which are counted: .npy, .npz, one a line, path label, CSV or JSON; - is standard input
    #[arg(long, value_name = "FILE", help_heading = "Problem")]
    labels: Option<PathBuf>,
    /// Column of a table, by name or by number from 0 [default: the one that it can be]
    #[arg(long, value_name = "NAME", help_heading = "Problem")]
    column: Option<String>,
    /// Array of an .npz archive [default: the one that it can be]
    #[arg(long, value_name = "NAME", help_heading = "Problem")]
    key: Option<String>,
    /// Labels of samples that are left out, as training leaves them out, for example -1,255
    #[arg(
        long,
        value_name = "L,L,..",
        value_delimiter = ',',
        help_heading = "Problem",
        allow_hyphen_values = true
    )]
    ignore_label: Option<Vec<String>>,
    /// Leave out classes of size 0
    #[arg(long, help_heading = "Problem")]
    drop_empty: bool,
    /// Class probabilities that sum to 1 (population, nce, random batches)
    #[arg(
        long,
        value_name = "P,P,..",
        value_delimiter = ',',
        value_parser = number,
        help_heading = "Problem",
        allow_hyphen_values = true
    )]
    probabilities: Option<Vec<f64>>,
    /// Divide the class probabilities by their sum: for frequencies printed to a few digits
    #[arg(long, visible_alias = "normalize", help_heading = "Problem")]
    normalise: bool,
    /// supcon, sincere, nscl, population, bcl, nce, or cross-entropy (solve, phase) [default: supcon]
    #[arg(long, value_name = "NAME", help_heading = "Problem")]
    loss: Option<String>,
    /// Temperature, above 0 [default: 0.1]
    #[arg(long, visible_alias = "tau", value_name = "TAU", value_parser = number, help_heading = "Problem", allow_hyphen_values = true)]
    temperature: Option<f64>,
    /// Augmented views per example; multiplies the sizes [default: 1]
    #[arg(long, value_name = "V", value_parser = whole_number, help_heading = "Problem", allow_hyphen_values = true)]
    views: Option<i64>,
    /// Anchor weights: sample (each sample the same) or class (each class the same) [default: sample]
    #[arg(long, value_name = "NAME", help_heading = "Problem")]
    anchors: Option<String>,
    /// Classes of one sample: error, skip (not an anchor) or zero (not an anchor, but counted) [default: error]
    #[arg(long, value_name = "NAME", help_heading = "Problem")]
    singletons: Option<String>,
    /// Sampled negatives of each anchor (loss nce)
    #[arg(long, value_name = "Q", value_parser = whole_number, help_heading = "Problem", allow_hyphen_values = true)]
    negatives: Option<i64>,
    /// What the loss is multiplied by where it is also stated on your scale: solve, evaluate [default: 1]
    #[arg(long, value_name = "S", value_parser = number, help_heading = "Problem", allow_hyphen_values = true)]
    loss_scale: Option<f64>,
    /// Whether the loss on your scale is the mean or the sum over anchors: solve, evaluate [default: mean]
    #[arg(long, value_name = "NAME", help_heading = "Problem")]
    reduction: Option<String>,
    /// Examples in a random batch (supcon, sincere) [default: full batch]
    #[arg(long, value_name = "B", value_parser = whole_number, help_heading = "Problem", allow_hyphen_values = true)]
    batch_size: Option<i64>,
    /// Random batches draw a class of n samples in proportion to n^P: 1 samples alike, 0 classes alike [default: 1]
    #[arg(long, value_name = "P", value_parser = number, help_heading = "Problem", allow_hyphen_values = true)]
    power: Option<f64>,
    /// Random batches hold different examples, as those of a loader that shuffles every epoch and drops the last batch
    #[arg(long, help_heading = "Problem")]
    without_replacement: bool,
    /// Classes in a class-balanced batch, drawn alike without replacement; needs --per-class (supcon, sincere)
    #[arg(long, value_name = "P", value_parser = whole_number, help_heading = "Problem", allow_hyphen_values = true)]
    batch_classes: Option<i64>,
    /// Examples of each class in a class-balanced batch; needs --batch-classes
    #[arg(long, value_name = "M", value_parser = whole_number, help_heading = "Problem", allow_hyphen_values = true)]
    per_class: Option<i64>,
    /// Fixed batches of samples: lists (.json) or batches x size, padded with -1 (.npy) [default: full batch]
    #[arg(long, value_name = "FILE", help_heading = "Problem", conflicts_with = "batch_size")]
    batches: Option<PathBuf>,
    /// Features are entrywise nonnegative (a ReLU after the encoder)
    #[arg(long, visible_alias = "relu", help_heading = "Problem")]
    nonnegative: bool,
    /// Dimension of the features [default: as many as the optimum needs]
    #[arg(long, value_name = "D", value_parser = dimensions, help_heading = "Problem", allow_hyphen_values = true)]
    dimension: Option<Dimensions>,
    /// What there is to say of the files that were read.
    #[arg(skip)]
    notes: Notes,
}

/// Notes on files, each once. Problems that are made of the same flags share them.
#[derive(Debug, Clone, Default)]
struct Notes(Arc<Mutex<Vec<String>>>);

impl Notes {
    fn add(&self, notes: &[Note]) {
        let mut said = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for note in notes {
            let words = note.words(&Flags);
            if !said.contains(&words) {
                said.push(words);
            }
        }
    }
}

/// What `--dimension` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dimensions {
    One(i64),
    /// `A..B`, both included; for verbs that take several.
    Range(u64, u64),
}

impl ProblemArgs {
    /// Takes a range of dimensions out, for a verb that runs through it.
    pub(crate) fn take_range(&mut self) -> Option<(u64, u64)> {
        let Some(Dimensions::Range(first, last)) = self.dimension else {
            return None;
        };
        self.dimension = None;
        Some((first, last))
    }

    /// The problem that the file and the flags describe. `solver` holds what the flags of a verb say of the solver.
    pub(crate) fn resolve(&self, solver: &SolverTable) -> Result<(Problem, Options), Failure> {
        self.resolve_with(solver, spec::resolve)
    }

    /// The same with how the loss is stated.
    pub(crate) fn resolve_stated(&self, solver: &SolverTable) -> Result<(Problem, Options, Convention), Failure> {
        self.resolve_with(solver, stated)
    }

    /// The same with random batches of `size`, unless a size is given.
    pub(crate) fn with_batch_size(&self, size: i64) -> Self {
        Self {
            batch_size: self.batch_size.or(Some(size)),
            ..self.clone()
        }
    }

    /// The same with so many sampled negatives, unless a number is given; and with the loss that has some, unless a loss or
    /// a file is given.
    pub(crate) fn with_negatives(&self, negatives: i64) -> Self {
        let loss = self.file.is_none().then(|| "nce".to_owned());
        Self {
            negatives: self.negatives.or(Some(negatives)),
            loss: self.loss.clone().or(loss),
            ..self.clone()
        }
    }

    /// The loss that a flag gives.
    pub(crate) fn loss(&self) -> Option<&str> {
        self.loss.as_deref()
    }

    /// The class sizes at every ratio, and the problem.
    pub(crate) fn resolve_family(&self) -> Result<(Family, Problem), Failure> {
        self.resolve_with(&SolverTable::default(), spec::resolve_family)
    }

    /// The file of labels, and how it is read.
    pub(crate) fn labels(&self) -> Option<(&Path, Choice)> {
        let path = self.labels.as_deref()?;
        let choice = Choice {
            column: self.column.clone(),
            key: self.key.clone(),
            ignored: self.ignore_label.clone().unwrap_or_default(),
            drop_empty: false,
        };
        Some((path, choice))
    }

    /// What there is to say of the files that were read.
    pub(crate) fn notes(&self) -> Vec<String> {
        self.notes.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether a file or a flag gives classes.
    pub(crate) fn is_given(&self) -> bool {
        self.file.is_some() || self.sizes.is_some() || self.sizes_file.is_some() || self.probabilities.is_some()
    }

    /// Whether a flag says something of a problem besides its classes.
    pub(crate) fn is_changed(&self) -> bool {
        self.loss.is_some()
            || self.temperature.is_some()
            || self.views.is_some()
            || self.anchors.is_some()
            || self.singletons.is_some()
            || self.negatives.is_some()
            || self.loss_scale.is_some()
            || self.reduction.is_some()
            || self.batch_size.is_some()
            || self.without_replacement
            || self.batch_classes.is_some()
            || self.per_class.is_some()
            || self.nonnegative
            || self.dimension.is_some()
    }

    /// The problem of samples that were counted: the classes are those of the file or of a flag, and where neither has any
    /// they have `counts` samples, views counted.
    pub(crate) fn resolve_counts(&self, labels: &Labels) -> Result<(Problem, Options, Convention), Failure> {
        self.notes.add(&labels.notes);
        let others = Self {
            labels: None,
            column: None,
            key: None,
            ignore_label: None,
            ..self.clone()
        };
        others.resolve_from(&SolverTable::default(), Some(labels), stated)
    }

    /// What a function makes of the file and the flags.
    pub(crate) fn resolve_with<T>(
        &self,
        solver: &SolverTable,
        resolve: impl FnOnce(&ProblemFile, &Path) -> Result<T, Error>,
    ) -> Result<T, Failure> {
        self.resolve_from(solver, None, resolve)
    }

    fn resolve_from<T>(
        &self,
        solver: &SolverTable,
        labels: Option<&Labels>,
        resolve: impl FnOnce(&ProblemFile, &Path) -> Result<T, Error>,
    ) -> Result<T, Failure> {
        let (mut file, text) = match &self.file {
            Some(path) => {
                let (file, text) = match bundled(path)? {
                    Some(text) => (spec::parse(path, text)?, text.to_owned()),
                    None => {
                        let _patience = Patience::reading(path);
                        spec::read(path)?
                    }
                };
                (file, Some((path, text)))
            }
            None => (ProblemFile::default(), None),
        };
        let mut source = self.apply(&mut file)?;
        if let Some(labels) = labels.filter(|_| !file.classes.is_given()) {
            spec::count_rows(&mut file, labels).map_err(|source| Failure::Value {
                flag: "--labels",
                source,
            })?;
            source = Some("--labels");
        }
        set(&mut file.solver.method, &solver.method);
        set(&mut file.solver.tolerance, &solver.tolerance);
        // A path on the command line is relative to the working folder, not to the problem file.
        let home = self.file.as_deref().and_then(Path::parent).unwrap_or(Path::new(""));
        let folder = if source.is_none() { home } else { Path::new("") };
        if let Some(batches) = file.batches.as_mut().and_then(|table| table.file.as_mut()) {
            // What the classes are relative to may not be what the batches are.
            if self.batches.is_none() && source.is_some() {
                *batches = home.join(&*batches);
            } else if self.batches.is_some() && !folder.as_os_str().is_empty() {
                *batches = std::path::absolute(&*batches).map_err(|source| Error::Read {
                    path: batches.clone(),
                    source,
                })?;
            }
        }
        let table = &file.classes;
        let named = [&table.file, &table.counts, &table.labels].into_iter().flatten().next();
        let named = named
            .filter(|path| *path != Path::new(STDIN))
            .map(|file| folder.join(file));
        let _patience = named.map(|path| Patience::reading(&path));
        let notes = spec::read_classes(&mut file, folder);
        notes
            .and_then(|notes| {
                self.notes.add(&notes);
                resolve(&file, folder)
            })
            .map_err(|error| {
                let flag = match &error {
                    Error::Invalid { source: invalid, .. } => self.flag(invalid.field, source, solver),
                    _ => None,
                };
                match (error, flag, &text) {
                    (Error::Invalid { source, .. }, Some(flag), _) => Failure::Value { flag, source },
                    (error, _, Some((path, text))) => spec::locate(error, path, text).into(),
                    (error, _, None) => error.into(),
                }
            })
    }

    /// The flag that a field of the problem file comes from: the one given or, without a file, the one to give.
    fn flag(&self, field: Field, source: Option<&'static str>, solver: &SolverTable) -> Option<&'static str> {
        let given = match field {
            Field::Classes | Field::Sizes | Field::Size(_) | Field::Probabilities | Field::Probability(_) => {
                let flag = source.or(flag(Field::Sizes));
                return flag.filter(|_| source.is_some() || self.file.is_none());
            }
            Field::Column => self.column.is_some(),
            Field::Key => self.key.is_some(),
            Field::IgnoreLabel => self.ignore_label.is_some(),
            Field::DropEmpty => self.drop_empty,
            Field::Normalise => self.normalise,
            Field::Views => self.views.is_some(),
            Field::Loss => self.loss.is_some(),
            Field::Temperature => self.temperature.is_some(),
            Field::Anchors => self.anchors.is_some(),
            Field::Singletons => self.singletons.is_some(),
            Field::Negatives => self.negatives.is_some(),
            Field::LossScale => self.loss_scale.is_some(),
            Field::Reduction => self.reduction.is_some(),
            Field::Batches | Field::BatchSize => self.batch_size.is_some(),
            Field::Power => self.power.is_some(),
            Field::Replacement => self.without_replacement,
            Field::BatchClasses => self.batch_classes.is_some(),
            Field::PerClass => self.per_class.is_some(),
            Field::BatchFile | Field::BatchMembers => self.batches.is_some(),
            Field::Dimension => self.dimension.is_some(),
            Field::Method => solver.method.is_some(),
            Field::Tolerance => solver.tolerance.is_some(),
            _ => return None,
        };
        flag(field).filter(|_| given || self.file.is_none())
    }

    /// Writes the flags into the structure of a problem file, and says which flag gave the classes, if any. Giving sizes
    /// replaces the file's classes.
    fn apply(&self, file: &mut ProblemFile) -> Result<Option<&'static str>, Failure> {
        let given: Vec<&'static str> = [
            ("--sizes", self.sizes.is_some()),
            ("--sizes-file", self.sizes_file.is_some()),
            ("--labels", self.labels.is_some()),
            ("--probabilities", self.probabilities.is_some()),
        ]
        .into_iter()
        .filter_map(|(flag, given)| given.then_some(flag))
        .collect();
        if let &[flag, _, ..] = &given[..] {
            let source = Invalid::new(Field::Classes, Kind::Several(given));
            return Err(Failure::Value { flag, source });
        }
        let source = given.first().copied();
        let dimension = match self.dimension {
            Some(Dimensions::One(dimension)) => Some(dimension),
            Some(Dimensions::Range(first, last)) => {
                let source = Invalid::unavailable(
                    Field::Dimension,
                    format!("{first}..{last}, a range of dimensions,"),
                    &[Word::Text("give one dimension, or let ufmin verify run through them")],
                );
                return Err(Failure::Value {
                    flag: "--dimension",
                    source,
                });
            }
            None => None,
        };
        let given = ProblemFile {
            classes: spec::ClassesTable {
                views: self.views,
                sizes: self.sizes.as_deref().map(sizes),
                counts: self.sizes_file.clone(),
                labels: self.labels.clone(),
                column: self.column.clone(),
                key: self.key.clone(),
                ignore_label: self.ignore_label.as_ref().map(|ignored| {
                    let values = ignored.iter().map(|word| spec::value_of_word(word)).collect();
                    toml::Value::Array(values)
                }),
                drop_empty: self.drop_empty.then_some(true),
                normalise: self.normalise.then_some(true),
                probabilities: self.probabilities.clone(),
                ..Default::default()
            },
            loss: spec::LossTable {
                kind: self.loss.clone(),
                temperature: self.temperature,
                anchors: self.anchors.clone(),
                singletons: self.singletons.clone(),
                negatives: self.negatives,
                scale: self.loss_scale,
                reduction: self.reduction.clone(),
                ..Default::default()
            },
            features: spec::FeaturesTable {
                nonnegative: self.nonnegative.then_some(true),
                dimension,
                ..Default::default()
            },
            batches: self.batches_table(),
            ..Default::default()
        };
        *file = std::mem::take(file).overridden(given);
        Ok(source)
    }

    /// What flags say of batches.
    fn batches_table(&self) -> Option<spec::BatchesTable> {
        let table = spec::BatchesTable {
            size: self.batch_size,
            power: self.power,
            replacement: self.without_replacement.then_some(false),
            classes: self.batch_classes,
            per_class: self.per_class,
            file: self.batches.clone(),
            ..Default::default()
        };
        let kind = if table.file.is_some() {
            "fixed"
        } else if table.classes.is_some() || table.per_class.is_some() {
            "class-balanced"
        } else if table.size.is_some() {
            "random"
        } else {
            return (table.power.is_some() || table.replacement.is_some()).then_some(table);
        };
        let kind = Some(kind.to_owned());
        Some(spec::BatchesTable { kind, ..table })
    }
}

/// The text of the bundled problem of a name, if there is no file of that name.
fn bundled(path: &Path) -> Result<Option<&'static str>, Failure> {
    let plain = path.file_name() == Some(path.as_os_str());
    let Some(name) = path.to_str().filter(|&name| plain && name != STDIN && !path.exists()) else {
        return Ok(None);
    };
    if let Some(text) = problem(name) {
        return Ok(Some(text));
    }
    let names = PROBLEMS.map(|(name, _)| name);
    match closest(name.strip_suffix(".toml").unwrap_or(name), &names) {
        Some(near) => Err(Failure::usage(
            "PROBLEM",
            format!("there is no file {name}, and no bundled problem of that name"),
            format!("did you mean `{near}`? ufmin problems lists them"),
        )),
        None => Ok(None),
    }
}

/// A problem, with how its loss is stated.
fn stated(file: &ProblemFile, folder: &Path) -> Result<(Problem, Options, Convention), Error> {
    let (problem, options) = spec::resolve(file, folder)?;
    let convention = spec::convention(file, &problem)?;
    Ok((problem, options, convention))
}

fn sizes(words: &[String]) -> Vec<toml::Value> {
    match words {
        [word] if word.trim().is_empty() => Vec::new(),
        words => words.iter().map(|word| spec::value_of_word(word)).collect(),
    }
}

/// Parses a flag's number; what is wrong with its value is said later, as for problem files.
pub(crate) fn number(word: &str) -> Result<f64, String> {
    word.trim()
        .parse()
        .map_err(|_| "it is not a number; write it like 0.1 or 1e-9".to_owned())
}

/// Parses a flag's whole number.
pub(crate) fn whole_number(word: &str) -> Result<i64, String> {
    word.trim()
        .parse()
        .map_err(|_| "it is not a whole number; write it like 2".to_owned())
}

/// Parses a dimension or a range of them.
fn dimensions(word: &str) -> Result<Dimensions, String> {
    let Some((first, last)) = word.split_once("..") else {
        return whole_number(word).map(Dimensions::One);
    };
    let end = |word: &str| word.trim().trim_start_matches('=').parse::<u64>().ok();
    match (end(first), end(last)) {
        (Some(first), Some(last)) if 1 <= first && first <= last => Ok(Dimensions::Range(first, last)),
        _ => Err("it is not a range of dimensions; write it like 2..8, both ends included".to_owned()),
    }
}

fn set<T: Clone>(slot: &mut Option<T>, flag: &Option<T>) {
    if flag.is_some() {
        slot.clone_from(flag);
    }
}
