//! [`Found`]: the library's answer to a problem of either kind, asked alike.

use std::path::Path;
use std::sync::{Arc, OnceLock};

use nalgebra::DMatrix;
use serde::{Deserialize, Serialize};
use ufmin::certificate::Verdict;
use ufmin::cross_entropy::{self, CrossEntropy};
use ufmin::error::Error;
use ufmin::gram::{Gram, Partition};
use ufmin::measure::schedule::class_gram;
use ufmin::problem::Convention;
use ufmin::report::cross_entropy::{self as of_cross_entropy, CrossEntropyReport};
use ufmin::report::{Report, angle_degrees, arrays, collapsed_sets};
use ufmin::solve::Solved;

use crate::shown::{FORMATS, Shown, Source};
use crate::statement::Statement;

/// What was found, as it is pickled beside the problem.
#[derive(Serialize, Deserialize)]
enum Stored {
    Contrastive(Box<Solved>),
    CrossEntropy(Box<cross_entropy::Solved>),
}

/// What was solved, and what was found.
pub(crate) enum Found {
    Contrastive {
        problem: Arc<ufmin::Problem>,
        solved: Box<Solved>,
        convention: Convention,
        /// Inner products of the classes.
        gram: Gram,
    },
    CrossEntropy {
        problem: Arc<CrossEntropy>,
        solved: Box<cross_entropy::Solved>,
        tolerance: Option<f64>,
    },
}

/// What the library answers when it is asked.
pub(crate) type Answered<T> = std::result::Result<T, Error>;

impl Found {
    pub(crate) fn report(&self, full_gram: bool, by_sample: bool) -> Answered<Arc<dyn Shown>> {
        Ok(match self {
            Self::Contrastive {
                problem,
                solved,
                convention,
                ..
            } => {
                let report = Report::new(problem, solved, full_gram)?
                    .in_convention(problem, *convention)
                    .with_batch_mean(problem);
                // A schedule is solved by samples, whatever was asked for.
                let few = solved.schedule.is_some() && arrays::few_samples(solved);
                if few || (by_sample && solved.schedule.is_none()) {
                    Arc::new(report.at_sample_level(&arrays::sample_gram(problem, solved)?))
                } else {
                    Arc::new(report)
                }
            }
            Self::CrossEntropy {
                problem,
                solved,
                tolerance,
            } => Arc::new(CrossEntropyReport::new(problem, solved, *tolerance, full_gram)),
        })
    }

    /// Of a problem and its solution.
    pub(crate) fn of_contrastive(problem: Arc<ufmin::Problem>, solved: Box<Solved>, convention: Convention) -> Self {
        let gram = class_gram(&problem, &solved);
        Self::Contrastive {
            problem,
            solved,
            convention,
            gram,
        }
    }

    /// What was stored of an answer to the same problem.
    ///
    /// # Errors
    /// Why it is none, in words.
    pub(crate) fn from_bytes(statement: &Statement, bytes: &[u8]) -> std::result::Result<Self, String> {
        let stored: Stored = ciborium::from_reader(bytes).map_err(|error| format!("this is no solution: {error}"))?;
        match (statement.clone(), stored) {
            (
                Statement::Contrastive {
                    problem, convention, ..
                },
                Stored::Contrastive(solved),
            ) if solved.schedule.is_some() || groups_of(&problem, solved.certificate.gram.partition()) => {
                Ok(Self::of_contrastive(problem, solved, convention))
            }
            (Statement::CrossEntropy { problem, tolerance }, Stored::CrossEntropy(solved))
                if solved.partition == Partition::of_classes(problem.classes()) =>
            {
                Ok(Self::CrossEntropy {
                    problem,
                    solved,
                    tolerance,
                })
            }
            _ => Err("this is no solution of the problem".to_owned()),
        }
    }

    /// The inverse of [`Found::from_bytes`].
    ///
    /// # Errors
    /// Why it cannot be stored, in words.
    pub(crate) fn to_bytes(&self) -> std::result::Result<Vec<u8>, String> {
        let stored = match self {
            Self::Contrastive { solved, .. } => Stored::Contrastive(solved.clone()),
            Self::CrossEntropy { solved, .. } => Stored::CrossEntropy(solved.clone()),
        };
        let mut bytes = Vec::new();
        ciborium::into_writer(&stored, &mut bytes).map_err(|error| error.to_string())?;
        Ok(bytes)
    }

    /// Something of a cross-entropy answer; `None` of another.
    pub(crate) fn of_cross_entropy<T>(
        &self,
        what: impl FnOnce(&cross_entropy::Solved) -> Answered<T>,
    ) -> Answered<Option<T>> {
        match self {
            Self::Contrastive { .. } => Ok(None),
            Self::CrossEntropy { solved, .. } => what(solved).map(Some),
        }
    }

    pub(crate) fn collapsed(&self) -> Vec<Vec<u64>> {
        match self {
            Self::Contrastive { solved, gram, .. } => collapsed_sets(gram, &solved.solution.clusters),
            Self::CrossEntropy { solved, .. } => of_cross_entropy::collapsed_sets(solved),
        }
    }

    /// Inner products of all samples, of a contrastive answer.
    pub(crate) fn sample_gram(&self) -> Answered<DMatrix<f64>> {
        match self {
            Self::Contrastive { problem, solved, .. } => arrays::sample_gram(problem, solved),
            // Samples of a class coincide.
            Self::CrossEntropy { .. } => self.gram(),
        }
    }

    pub(crate) fn partition(&self) -> &Partition {
        match self {
            Self::Contrastive { gram, .. } => gram.partition(),
            Self::CrossEntropy { solved, .. } => &solved.partition,
        }
    }

    pub(crate) fn verdict(&self) -> Verdict {
        match self {
            Self::Contrastive { solved, .. } => solved.certificate.verdict,
            Self::CrossEntropy {
                problem,
                solved,
                tolerance,
            } => of_cross_entropy::verdict(problem, solved, tolerance.unwrap_or(of_cross_entropy::TOLERANCE)),
        }
    }

    pub(crate) fn relative_gap(&self) -> f64 {
        match self {
            Self::Contrastive { solved, .. } => solved.certificate.relative_gap,
            Self::CrossEntropy { solved, .. } => solved.proof.relative_gap,
        }
    }

    /// Inner products of the features of all classes.
    pub(crate) fn gram(&self) -> Answered<DMatrix<f64>> {
        match self {
            Self::Contrastive { gram, .. } => arrays::dense(gram),
            Self::CrossEntropy { solved, .. } => side(solved, |solved| &solved.features),
        }
    }

    pub(crate) fn group_gram(&self) -> Answered<DMatrix<f64>> {
        arrays::refuse_large("the Gram matrix of groups", self.partition().groups() as u64)?;
        Ok(match self {
            Self::Contrastive { gram, .. } => gram.values().into_owned(),
            Self::CrossEntropy { solved, .. } => solved.features.between.clone(),
        })
    }

    pub(crate) fn embeddings(&self) -> Answered<DMatrix<f64>> {
        match self {
            Self::Contrastive { problem, solved, .. } => arrays::features(problem, solved),
            Self::CrossEntropy { solved, .. } => vectors(solved, false),
        }
    }

    pub(crate) fn entry(&self, i: u64, j: u64) -> f64 {
        match self {
            Self::Contrastive { gram, .. } => gram.entry(i, j),
            Self::CrossEntropy { solved, .. } => {
                let group = |class| solved.partition.group_of(class);
                solved.features.entry(group(i), group(j), i == j)
            }
        }
    }

    pub(crate) fn angle(&self, i: u64, j: u64) -> f64 {
        match self {
            Self::Contrastive { solved, gram, .. } => angle_degrees(solved, gram, i, j),
            Self::CrossEntropy { solved, .. } if i != j => {
                let group = |class| solved.partition.group_of(class);
                let cosine = solved.cosine(&solved.features, group(i), group(j));
                cosine.map_or(f64::NAN, |cosine| cosine.acos().to_degrees())
            }
            Self::CrossEntropy { .. } => 0.0,
        }
    }
}

/// Whether a partition is one that an answer has: classes by size or, in few dimensions, one by one.
fn groups_of(problem: &ufmin::Problem, partition: &Partition) -> bool {
    *partition == Partition::by_size(problem) || *partition == Partition::singletons(problem)
}

/// One of the matrices of a cross-entropy answer.
pub(crate) fn side(
    solved: &cross_entropy::Solved,
    of: impl Fn(&cross_entropy::Solved) -> &cross_entropy::Products,
) -> Answered<DMatrix<f64>> {
    arrays::refuse_large("the matrix of all classes", solved.partition.classes())?;
    Ok(of(solved).to_dense(&solved.partition))
}

pub(crate) fn vectors(solved: &cross_entropy::Solved, classifier: bool) -> Answered<DMatrix<f64>> {
    arrays::refuse_large("the array of vectors", solved.partition.classes())?;
    Ok(solved.embedding(classifier))
}

/// The report is made when it is first looked at.
pub(crate) struct Lazy {
    found: Arc<Found>,
    report: OnceLock<Arc<dyn Shown>>,
}

impl Lazy {
    pub(crate) fn new(found: Arc<Found>) -> Self {
        Self {
            found,
            report: OnceLock::new(),
        }
    }
}

impl Source for Lazy {
    fn shown(&self) -> Answered<Arc<dyn Shown>> {
        if let Some(report) = self.report.get() {
            return Ok(report.clone());
        }
        let made = self.found.report(false, false)?;
        Ok(self.report.get_or_init(|| made).clone())
    }

    fn write(&self, folder: &Path) -> Answered<()> {
        match &*self.found {
            Found::Contrastive {
                problem,
                solved,
                convention,
                ..
            } => {
                let mut report = Report::new(problem, solved, false)?
                    .in_convention(problem, *convention)
                    .with_batch_mean(problem);
                let samples = if solved.schedule.is_some() && arrays::few_samples(solved) {
                    Some(arrays::sample_gram(problem, solved)?)
                } else {
                    None
                };
                if let Some(samples) = &samples {
                    report = report.at_sample_level(samples);
                }
                arrays::write(folder, problem, solved, samples.as_ref(), &mut report)?;
                arrays::write_view(folder, "result", &report, &FORMATS)
            }
            Found::CrossEntropy {
                problem,
                solved,
                tolerance,
            } => {
                let mut report = CrossEntropyReport::new(problem, solved, *tolerance, false);
                arrays::write_cross_entropy(folder, problem, solved, &mut report)?;
                arrays::write_view(folder, "result", &report, &FORMATS)
            }
        }
    }
}
