//! The flags that describe a problem, shared by all verbs that take one. They fill the same structure as a problem file.

use std::path::{Path, PathBuf};

use clap::Args;
use ufmin::error::Error;
use ufmin::phase::Family;
use ufmin::problem::Problem;
use ufmin::spec::{self, Options, ProblemFile};

/// A problem: a file, or class sizes with flags. Flags override the file.
#[derive(Debug, Clone, Args)]
pub(crate) struct ProblemArgs {
    /// Problem file (TOML)
    #[arg(value_name = "PROBLEM.toml")]
    file: Option<PathBuf>,
    /// Class sizes, for example 500,500,5,5
    #[arg(
        long,
        value_name = "N,N,..",
        value_delimiter = ',',
        help_heading = "Problem",
        allow_hyphen_values = true
    )]
    sizes: Option<Vec<String>>,
    /// Text file of class sizes, one a line
    #[arg(long, value_name = "FILE", help_heading = "Problem")]
    sizes_file: Option<PathBuf>,
    /// Labels of the samples (.npy, any integer type), which are counted
    #[arg(long, value_name = "FILE.npy", help_heading = "Problem")]
    labels: Option<PathBuf>,
    /// Class probabilities that sum to 1 (population loss)
    #[arg(long, value_name = "P,P,..", value_delimiter = ',', help_heading = "Problem")]
    probabilities: Option<Vec<f64>>,
    /// supcon, sincere, nscl, population or bcl [default: supcon]
    #[arg(long, value_name = "NAME", help_heading = "Problem")]
    loss: Option<String>,
    /// Temperature, above 0 [default: 0.1]
    #[arg(long, value_name = "TAU", help_heading = "Problem", allow_hyphen_values = true)]
    temperature: Option<f64>,
    /// Augmented views per example; multiplies the sizes [default: 1]
    #[arg(long, value_name = "V", help_heading = "Problem", allow_hyphen_values = true)]
    views: Option<i64>,
    /// Anchor weights: sample (each sample the same) or class (each class the same) [default: sample]
    #[arg(long, value_name = "NAME", help_heading = "Problem")]
    anchors: Option<String>,
    /// Classes of one sample: error, skip (not an anchor) or zero (not an anchor, but counted) [default: error]
    #[arg(long, value_name = "NAME", help_heading = "Problem")]
    singletons: Option<String>,
    /// Features are entrywise nonnegative (a ReLU after the encoder)
    #[arg(long, help_heading = "Problem")]
    nonnegative: bool,
    /// Dimension of the features [default: as many as the optimum needs]
    #[arg(long, value_name = "D", help_heading = "Problem", allow_hyphen_values = true)]
    dimension: Option<i64>,
}

impl ProblemArgs {
    /// The problem that the file and the flags describe. `solver` may change the solver table.
    pub(crate) fn resolve(&self, solver: impl Fn(&mut ProblemFile)) -> Result<(Problem, Options), Error> {
        self.resolve_with(|file, folder| {
            solver(file);
            spec::resolve(file, folder)
        })
    }

    /// The class sizes at every ratio, and the problem.
    pub(crate) fn resolve_family(&self) -> Result<(Family, Problem), Error> {
        self.resolve_with(|file, folder| spec::resolve_family(file, folder))
    }

    fn resolve_with<T>(&self, resolve: impl FnOnce(&mut ProblemFile, &Path) -> Result<T, Error>) -> Result<T, Error> {
        let (mut file, text) = match &self.file {
            Some(path) => {
                let text = ufmin::files::read_text(path)?;
                (spec::parse(path, &text)?, Some((path, text)))
            }
            None => (ProblemFile::default(), None),
        };
        let folder = self
            .file
            .as_deref()
            .and_then(Path::parent)
            .unwrap_or(Path::new(""))
            .to_owned();
        self.apply(&mut file)?;
        resolve(&mut file, &folder).map_err(|error| match &text {
            Some((path, text)) => spec::locate(error, path, text),
            None => error,
        })
    }

    /// Writes the flags into the structure of a problem file. Giving sizes replaces the file's classes.
    fn apply(&self, file: &mut ProblemFile) -> Result<(), Error> {
        let path = match (&self.sizes_file, &self.labels) {
            (Some(path), None) => Some((path, "--sizes-file")),
            (None, Some(path)) => Some((path, "--labels")),
            (None, None) => None,
            (Some(_), Some(_)) => {
                let given = vec!["--sizes-file".to_owned(), "--labels".to_owned()];
                return Err(ufmin::error::ProblemError::ManySources { given }.into());
            }
        };
        if self.sizes.is_some() || path.is_some() || self.probabilities.is_some() {
            let views = file.classes.views;
            file.classes = spec::ClassesTable {
                views,
                ..Default::default()
            };
        }
        if let Some(sizes) = &self.sizes {
            file.classes.sizes = Some(sizes.iter().map(|word| toml::Value::String(word.clone())).collect());
        }
        if let Some((path, flag)) = path {
            // A path on the command line is relative to the working folder, not to the problem file.
            file.classes.file = Some(std::path::absolute(path).unwrap_or_else(|_| path.clone()));
            let is_npy = path
                .extension()
                .is_some_and(|extension| extension.eq_ignore_ascii_case("npy"));
            if (flag == "--labels") != is_npy {
                return Err(ufmin::error::ProblemError::FileKind {
                    flag,
                    path: path.clone(),
                }
                .into());
            }
        }
        if let Some(probabilities) = &self.probabilities {
            file.classes.probabilities = Some(probabilities.clone());
        }
        set(&mut file.classes.views, &self.views);
        set(&mut file.loss.kind, &self.loss);
        set(&mut file.loss.temperature, &self.temperature);
        set(&mut file.loss.anchors, &self.anchors);
        set(&mut file.loss.singletons, &self.singletons);
        set(&mut file.features.dimension, &self.dimension);
        if self.nonnegative {
            file.features.nonnegative = Some(true);
        }
        Ok(())
    }
}

fn set<T: Clone>(slot: &mut Option<T>, flag: &Option<T>) {
    if flag.is_some() {
        slot.clone_from(flag);
    }
}
