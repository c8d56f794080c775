//! `ufmin evaluate`: trained features beside the global optimum.

use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use clap::Args;
use nalgebra::DMatrix;
use ufmin::error::{ArrayError, Contents, Error};
use ufmin::files::labels::Labels;
use ufmin::files::npy::stream::MatrixFile;
use ufmin::files::npy::{matrix_bytes, read_matrix};
use ufmin::files::{read_text, write_atomically};
use ufmin::measure::rows::{Rows, Selected};
use ufmin::problem::{Convention, Label, Measure, Problem};
use ufmin::report::Report;
use ufmin::report::arrays::write_table;
use ufmin::report::view::View;
use ufmin::solve::{CrossCheckChoice, Options, Solved};
use ufmin::spec::SolverTable;
use ufmin::study::evaluate::{
    Checkpoint, Common, Evaluation, Measured, Settings, Source, advise, advise_sequence, check_labels, evaluate,
    identity, natural_order, number_of, optimum, sequence,
};

use super::Outcome;
use super::failure::Failure;
use super::problem_args::{ProblemArgs, whole_number};
use super::session::{Session, SessionArgs};

/// Compare trained features with the global optimum for their own classes
///
/// Takes features, a row a sample (.npy or .npz; float16, float32 or float64; streamed, so that they may be larger than the
/// memory), and their labels. Prints the gap of their loss to the certified optimum, the distance of the class geometry from
/// the optimal one, neural collapse metrics, every class, and what the numbers speak for. Class sizes are those of the labels
/// unless a problem gives them. Several files of features, in the order of their numbers, give curves over training. A folder
/// of solve --output needs no labels. Exit status: 0 measured, 1 measured and the optimum is not certified, 2 error, 130
/// stopped by Ctrl-C.
#[derive(Debug, Args)]
#[command(
    mut_arg("labels", |arg| arg
        .help("Labels of the rows: .npy, .npz, one a line, path label, CSV or JSON; the values in ascending order are the classes")
        .value_name("FILE")
        .help_heading("Features")),
    mut_arg("output", |arg| arg.help(
        "Folder for evaluation.json, classes.csv, class_gram.npy, and geometry and angles as .png and .svg; of several files sequence.json, .csv, .png, .svg and journal.jsonl; made if missing"
    ))
)]
pub(crate) struct EvaluateArgs {
    #[command(flatten)]
    problem: ProblemArgs,
    /// Features: a file, several or a pattern such as 'epoch_*.npy', or a folder of solve --output
    #[arg(long, value_name = "FILE|DIR", num_args = 1.., required = true, help_heading = "Features")]
    embeddings: Vec<PathBuf>,
    /// Features have a column for every sample (d x n)
    #[arg(long, help_heading = "Features")]
    transposed: bool,
    /// Weights of a linear classifier, k x d (.npy), for NC3; one, or one for every file of features
    #[arg(long, value_name = "FILE", num_args = 1.., help_heading = "Features")]
    classifier: Vec<PathBuf>,
    /// Compute the loss over all pairs of samples whatever their number, which is estimated above 20,000
    #[arg(long, help_heading = "Features")]
    exact: bool,
    /// Seed of the anchors of an estimate
    #[arg(long, value_name = "S", value_parser = whole_number, default_value_t = 0, help_heading = "Features", allow_hyphen_values = true)]
    seed: i64,
    #[command(flatten)]
    session: SessionArgs,
}

/// Samples with their problem.
struct Trained<'a> {
    arguments: &'a EvaluateArgs,
    files: Vec<PathBuf>,
    classifiers: Vec<PathBuf>,
    labels: Labels,
    problem: Problem,
    options: Options,
    convention: Convention,
    settings: Settings,
}

pub(crate) fn run(arguments: &EvaluateArgs) -> Result<Outcome, Failure> {
    let settings = Settings {
        exact: arguments.exact,
        seed: u64::try_from(arguments.seed).map_err(|_| {
            Failure::usage(
                "--seed",
                format!(
                    "{} is given, and a whole number of at least 0 is needed",
                    arguments.seed
                ),
                "give 0 or more, or leave it out",
            )
        })?,
    };
    let files = expand("--embeddings", &arguments.embeddings)?;
    if let Some(folder) = files.iter().find(|file| file.is_dir()) {
        if files.len() > 1 {
            return Err(Failure::usage(
                "--embeddings",
                format!("{} is a folder, and several are given", folder.display()),
                "give the folder alone, or files of features",
            ));
        }
        return of_folder(arguments, folder, settings);
    }
    let classifiers = expand("--classifier", &arguments.classifier)?;
    if classifiers.len() > 1 && classifiers.len() != files.len() {
        return Err(Failure::usage(
            "--classifier",
            format!("{} files are given, and {} of features", classifiers.len(), files.len()),
            "give one for all, or one for each",
        ));
    }
    let (labels, (problem, options, convention)) = labelled(&arguments.problem)?;
    let trained = Trained {
        arguments,
        files,
        classifiers,
        labels,
        options: Options {
            cross_check: CrossCheckChoice::Never,
            ..options
        },
        problem,
        convention,
        settings,
    };
    // Every file is looked at before the first is measured.
    for index in 0..trained.files.len() {
        trained.open(index)?;
    }
    let session = arguments.session.start()?.saying(&arguments.problem.notes());
    let solved = match optimum(&trained.problem, &trained.options, session.control()) {
        Err(Error::Stopped { what }) => return session.stopped("evaluation", &trained.problem, what),
        found => found?,
    };
    if trained.files.len() > 1 {
        trained.sequence(session, &solved)
    } else {
        trained.single(session, &solved)
    }
}

impl Trained<'_> {
    /// The features of a file, and the classifier that goes with them.
    fn open(&self, index: usize) -> Result<(Selected<MatrixFile>, Option<DMatrix<f64>>), Error> {
        let rows = labelled_rows(&self.files[index], self.arguments.transposed, &self.labels)?;
        let path = match &self.classifiers[..] {
            [one] => Some(one),
            many => many.get(index),
        };
        let shape = (self.labels.counts.len(), rows.dimension());
        let classifier = path.map(|path| classifier(path, shape)).transpose()?;
        Ok((rows, classifier))
    }

    fn single(&self, session: Session, solved: &Solved) -> Result<Outcome, Failure> {
        let (mut rows, classifier) = self.open(0)?;
        let source = Source::Samples(&mut rows, &self.labels.classes);
        let measured = match evaluate(
            &self.problem,
            solved,
            source,
            &self.labels.counts,
            classifier.as_ref(),
            &self.settings,
            session.control(),
        ) {
            Err(Error::Stopped { what }) => return session.stopped("evaluation", &self.problem, what),
            found => found?,
        };
        let about = About {
            problem: &self.problem,
            solved,
            options: &self.options,
            convention: self.convention,
            embeddings: &self.files[0],
            labels: &self.labels.values,
            seed: self.settings.seed,
        };
        about.finish(session, measured)
    }

    fn sequence(&self, session: Session, solved: &Solved) -> Result<Outcome, Failure> {
        let names: Vec<String> = self.files.iter().map(|file| file.display().to_string()).collect();
        let at = number_of(&names).unwrap_or_else(|| (0..names.len()).map(|i| i as f64).collect());
        let checkpoints: Result<Vec<Checkpoint>, Error> = names
            .into_iter()
            .zip(at)
            .zip(&self.files)
            .map(|((embeddings, at), file)| {
                let unread = |source| Error::Read {
                    path: file.clone(),
                    source,
                };
                let data = file.metadata().map_err(unread)?;
                let since = data.modified().map_err(unread)?.duration_since(UNIX_EPOCH);
                Ok(Checkpoint {
                    embeddings,
                    at,
                    bytes: data.len(),
                    modified: since.unwrap_or_default().as_nanos().to_string(),
                })
            })
            .collect();
        let journal = session.journal(&identity(
            &self.problem,
            &self.labels.classes,
            self.arguments.transposed,
            &self.settings,
        ))?;
        let common = Common {
            problem: &self.problem,
            solved,
            classes: &self.labels.classes,
            sizes: &self.labels.counts,
            settings: &self.settings,
        };
        let open = |index: usize| {
            let (rows, classifier) = self.open(index)?;
            Ok((Box::new(rows) as Box<dyn Rows>, classifier))
        };
        let mut found = sequence(&common, &checkpoints?, open, journal.as_ref(), session.control())?;
        if found.complete {
            match advise_sequence(&self.problem, solved, &found.rows, &self.options, session.control()) {
                Err(Error::Stopped { .. }) => found.complete = false,
                advice => found.advice = advice?,
            }
        }
        if let Some(folder) = session.folder() {
            write_table(folder, "sequence", &found)?;
        }
        session.keep("sequence", &found)?;
        session.finish(&found, found.stop, journal.as_ref())
    }
}

/// What an evaluation is of.
struct About<'a> {
    problem: &'a Problem,
    solved: &'a Solved,
    options: &'a Options,
    convention: Convention,
    embeddings: &'a Path,
    labels: &'a [Label],
    seed: u64,
}

impl About<'_> {
    /// Advice, files, and the report.
    fn finish(&self, session: Session, measured: Measured) -> Result<Outcome, Failure> {
        let advice = advise(self.problem, self.solved, &measured, self.options, session.control());
        // What was measured stands without it.
        let (advice, complete) = match advice {
            Err(Error::Stopped { .. }) => (Vec::new(), false),
            found => (found?, true),
        };
        let gram = measured.class_gram.clone();
        let name = self.embeddings.display().to_string();
        let mut report = Evaluation::new(
            self.problem,
            self.solved,
            name,
            self.labels,
            measured,
            advice,
            self.seed,
        )?
        .in_convention(self.problem, self.convention);
        report.complete = complete;
        if let Some(folder) = session.folder() {
            if let Some(gram) = gram {
                write_atomically(&folder.join("class_gram.npy"), &matrix_bytes(&gram))?;
            }
            write_table(folder, "classes", &report)?;
        }
        session.keep("evaluation", &report)?;
        session.finish(&report, None, None)
    }
}

/// A folder of `solve --output`: a column is a class.
fn of_folder(arguments: &EvaluateArgs, folder: &Path, settings: Settings) -> Result<Outcome, Failure> {
    if arguments.problem.labels().is_some() || !arguments.classifier.is_empty() || arguments.transposed {
        return Err(Failure::usage(
            "--embeddings",
            format!(
                "{} is a folder of class vectors, and labels, a classifier or --transposed are given",
                folder.display()
            ),
            "leave them out, or give a file of features",
        ));
    }
    let (problem, options, convention) = if arguments.problem.is_given() {
        arguments.problem.resolve_stated(&SolverTable::default())?
    } else if arguments.problem.is_changed() {
        return Err(Failure::usage(
            "--embeddings",
            format!(
                "{} has a problem of its own, and flags of another are given",
                folder.display()
            ),
            "leave them out, or give the class sizes too",
        ));
    } else {
        let path = folder.join("result.json");
        let refused = |detail| Error::Result {
            path: path.clone(),
            detail,
        };
        let report = Report::from_json(&read_text(&path)?).map_err(refused)?;
        let problem = report.problem().map_err(refused)?;
        (problem, Options::default(), Convention::default())
    };
    let options = Options {
        cross_check: CrossCheckChoice::Never,
        ..options
    };
    let path = folder.join("embeddings.npy");
    let features = read_matrix(&path)?;
    let classes = problem.classes();
    if features.ncols() as u64 != classes.count() {
        let (rows, columns) = (features.nrows(), features.ncols());
        return Err(Error::Result {
            path,
            detail: format!(
                "it is {rows} x {columns}, and a column for each of the {} classes of the problem is needed",
                classes.count()
            ),
        }
        .into());
    }
    // Probabilities have no samples: every class counts the same.
    let sizes: Vec<u64> = classes
        .sizes()
        .map(|size| match classes.measure() {
            Measure::Counts => problem.samples(size) as u64,
            Measure::Probabilities => 1,
        })
        .collect();
    let session = arguments.session.start()?.saying(&arguments.problem.notes());
    let solved = match optimum(&problem, &options, session.control()) {
        Err(Error::Stopped { what }) => return session.stopped("evaluation", &problem, what),
        found => found?,
    };
    let source = Source::Classes(&features);
    let measured = evaluate(&problem, &solved, source, &sizes, None, &settings, session.control())?;
    let about = About {
        problem: &problem,
        solved: &solved,
        options: &options,
        convention,
        embeddings: folder,
        labels: &[],
        seed: settings.seed,
    };
    about.finish(session, measured)
}

fn classifier(path: &Path, (classes, dimension): (usize, usize)) -> Result<DMatrix<f64>, Error> {
    let weights = read_matrix(path)?;
    if weights.shape() == (classes, dimension) {
        return Ok(weights);
    }
    let found = vec![weights.nrows() as u64, weights.ncols() as u64];
    Err(Error::Array {
        path: path.to_owned(),
        source: ArrayError::Shape {
            contents: Contents::Classifier,
            found,
        },
    })
}

/// The rows of a file that have these labels, without those whose label is to be ignored.
pub(crate) fn labelled_rows(path: &Path, transposed: bool, labels: &Labels) -> Result<Selected<MatrixFile>, Error> {
    let rows = MatrixFile::open(path, transposed)?;
    if rows.rows() != labels.total {
        let source = ArrayError::RowsAndLabels {
            rows: rows.rows() as u64,
            columns: rows.columns() as u64,
            labels: labels.total as u64,
        };
        let path = path.to_owned();
        return Err(Error::Array { path, source });
    }
    Ok(Selected::new(rows, labels.kept.clone()))
}

/// What is wrong with labels that a flag gives is said of the flag.
fn of_labels(error: Error) -> Failure {
    match error {
        Error::Invalid { source, location: None } => Failure::Value {
            flag: "--labels",
            source,
        },
        other => other.into(),
    }
}

/// The labels that the flags name, and the problem of so many samples.
pub(crate) fn labelled(problem: &ProblemArgs) -> Result<(Labels, (Problem, Options, Convention)), Failure> {
    let Some((path, choice)) = problem.labels() else {
        return Err(Failure::usage(
            "--labels",
            "no labels are given",
            "give one label for every row, for example --labels y.npy (numpy.save)",
        ));
    };
    let labels = Labels::read(path, &choice)?;
    let resolved = problem.resolve_counts(&labels)?;
    check_labels(&resolved.0, &labels.counts, &labels.values).map_err(of_labels)?;
    Ok((labels, resolved))
}

/// Files as they are given, where a name that is none may be a pattern with * and ?; in the order of their numbers.
fn expand(flag: &'static str, given: &[PathBuf]) -> Result<Vec<PathBuf>, Failure> {
    let mut files = Vec::new();
    for path in given {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if path.exists() || !name.contains(['*', '?']) {
            files.push(path.clone());
            continue;
        }
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let unread = |source| Error::Read {
            path: path.clone(),
            source,
        };
        let before = files.len();
        for entry in std::fs::read_dir(folder.unwrap_or(Path::new("."))).map_err(unread)? {
            let found = entry.map_err(unread)?.file_name();
            if matches(&name, &found.to_string_lossy()) {
                files.push(folder.map_or_else(|| PathBuf::from(&found), |folder| folder.join(&found)));
            }
        }
        if files.len() == before {
            return Err(Failure::usage(
                flag,
                format!("no file is called {}", path.display()),
                "check the pattern: * stands for any characters of a file name, ? for one",
            ));
        }
    }
    files.sort_by(|a, b| natural_order(&a.to_string_lossy(), &b.to_string_lossy()));
    files.dedup();
    Ok(files)
}

/// Whether a name fits a pattern.
fn matches(pattern: &str, name: &str) -> bool {
    let mut rest = name;
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let fits = |part: &str, text: &str| {
        let mut characters = text.chars();
        let mut length = 0;
        for wanted in part.chars() {
            let found = characters.next()?;
            if wanted != '?' && wanted != found {
                return None;
            }
            length += found.len_utf8();
        }
        Some(length)
    };
    match fits(first, rest) {
        Some(length) => rest = &rest[length..],
        None => return false,
    }
    let parts: Vec<&str> = parts.collect();
    let Some((last, middle)) = parts.split_last() else {
        return rest.is_empty();
    };
    for part in middle {
        let starts = rest.char_indices().map(|(at, _)| at).chain([rest.len()]);
        let found = starts
            .filter_map(|at| fits(part, &rest[at..]).map(|length| at + length))
            .next();
        match found {
            Some(end) => rest = &rest[end..],
            None => return false,
        }
    }
    let starts = rest.char_indices().map(|(at, _)| at).chain([rest.len()]);
    starts
        .into_iter()
        .any(|at| fits(last, &rest[at..]) == Some(rest.len() - at))
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn patterns_fit_whole_names() {
        for (pattern, name, fits) in [
            ("epoch_*.npy", "epoch_10.npy", true),
            ("epoch_*.npy", "epoch_10.npy.bak", false),
            ("*", "", true),
            ("a*b*b", "abb", true),
            ("a*b*b", "ab", false),
            ("?.npy", "\u{e9}.npy", true),
            ("?.npy", "10.npy", false),
            ("*10*", "epoch_10.npy", true),
            ("x", "x", true),
        ] {
            assert_eq!(matches(pattern, name), fits, "{pattern} {name}");
        }
    }
}
