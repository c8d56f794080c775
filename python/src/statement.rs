//! [`Statement`]: what the library solves of a problem file.

use std::path::Path;
use std::sync::Arc;

use toml::Value;
use ufmin::cross_entropy::CrossEntropy;
use ufmin::error::Error;
use ufmin::problem::{Convention, Training};
use ufmin::solve::Options;
use ufmin::spec::{self, ProblemFile};

/// What the library solves.
#[derive(Clone)]
pub(crate) enum Statement {
    Contrastive {
        problem: Arc<ufmin::Problem>,
        options: Options,
        convention: Convention,
    },
    CrossEntropy {
        problem: Arc<CrossEntropy>,
        tolerance: Option<f64>,
    },
}

impl Statement {
    pub(crate) fn new(file: &ProblemFile, folder: &Path) -> Result<Self, Error> {
        if let Some((problem, tolerance)) = spec::cross_entropy(file, folder)? {
            return Ok(Self::CrossEntropy {
                problem: Arc::new(problem),
                tolerance,
            });
        }
        let (problem, options) = spec::resolve(file, folder)?;
        let convention = spec::convention(file, &problem)?;
        Ok(Self::Contrastive {
            problem: Arc::new(problem),
            options,
            convention,
        })
    }

    pub(crate) fn classes(&self) -> &ufmin::Classes {
        match self {
            Self::Contrastive { problem, .. } => problem.classes(),
            Self::CrossEntropy { problem, .. } => problem.classes(),
        }
    }

    /// The samples of fixed batches, by the numbers that were given.
    pub(crate) fn members(&self) -> Option<Vec<Vec<i64>>> {
        let Self::Contrastive { problem, .. } = self else {
            return None;
        };
        let Training::FixedBatches(fixed) = &problem.model().training else {
            return None;
        };
        let list = |list: Vec<u32>| list.into_iter().map(i64::from).collect();
        Some(fixed.batches.positions().map(list).collect())
    }
}

/// A problem file without the names of others: what they hold is in it.
pub(crate) fn absorbed(mut file: ProblemFile, folder: &Path, statement: &Statement) -> Result<ProblemFile, Error> {
    let classes = statement.classes();
    if file.classes.reads_file() {
        let order = match statement.members() {
            Some(_) => Some(Arc::new(spec::sample_order(&spec::given(&file.classes, folder)?)?)),
            None => None,
        };
        file.classes = spec::ClassesTable {
            sizes: Some(classes.sizes().map(|size| Value::Integer(size as i64)).collect()),
            views: file.classes.views,
            order,
            ..Default::default()
        };
    }
    if let Some(table) = file.batches.as_mut().filter(|table| table.file.is_some()) {
        table.file = None;
        table.members = statement.members();
    }
    file.expected = None;
    Ok(file)
}
