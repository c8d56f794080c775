//! `ufmin explain`: which positives repel.

use std::path::PathBuf;

use clap::Args;
use ufmin::error::Error;
use ufmin::report::ProblemReport;
use ufmin::report::arrays::write_table;
use ufmin::study::explain::{Explanation, Samples, explain};

use super::Outcome;
use super::evaluate::{labelled, labelled_rows};
use super::failure::Failure;
use super::problem_args::ProblemArgs;
use super::session::SessionArgs;

/// Which positives repel under supcon, and what SINCERE does instead
///
/// Takes features, a row a sample, and their labels, and prints for every class the losses of its anchors under supcon and
/// SINCERE at the temperature of the problem, the share of positives that supcon drives away (their softmax weight is above
/// 1/|P|), how strongly it does, the forces of the others and of the negatives, and the lower bound of SINCERE on the
/// divergence of positives and negatives. At most 100,000 samples.
#[derive(Debug, Args)]
#[command(
    mut_arg("labels", |arg| arg
        .help("Labels of the rows: .npy, .npz, one a line, path label, CSV or JSON; the values in ascending order are the classes")
        .value_name("FILE")
        .help_heading("Features")),
    mut_arg("pictures", |arg| arg.hide(true)),
    mut_arg("output", |arg| arg.help("Folder for explanation.json and explanation.csv; made if missing"))
)]
pub(crate) struct ExplainArgs {
    #[command(flatten)]
    problem: ProblemArgs,
    /// Features (.npy or .npz)
    #[arg(long, value_name = "FILE", required = true, help_heading = "Features")]
    embeddings: PathBuf,
    /// Features have a column for every sample (d x n)
    #[arg(long, help_heading = "Features")]
    transposed: bool,
    #[command(flatten)]
    session: SessionArgs,
}

pub(crate) fn run(arguments: &ExplainArgs) -> Result<Outcome, Failure> {
    let (labels, (problem, ..)) = labelled(&arguments.problem)?;
    let path = &arguments.embeddings;
    let mut rows = labelled_rows(path, arguments.transposed, &labels)?;
    let session = arguments.session.start()?.saying(&arguments.problem.notes());
    let samples = Samples {
        classes: &labels.classes,
        counts: &labels.counts,
        labels: &labels.values,
    };
    let name = path.display().to_string();
    let temperature = problem.model().temperature;
    let found = match explain(&mut rows, samples, temperature, name, session.control()) {
        Err(Error::Stopped { what }) => return session.stopped("explanation", &problem, what),
        found => found?,
    };
    let found = Explanation {
        problem: Some(ProblemReport::new(problem.classes(), problem.model())),
        ..found
    };
    if let Some(folder) = session.folder() {
        write_table(folder, "explanation", &found)?;
    }
    session.keep("explanation", &found)?;
    session.finish(&found, None, None)
}
