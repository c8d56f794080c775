//! `ufmin compare`: losses side by side on the same classes.

use clap::Args;
use ufmin::files::write_atomically;
use ufmin::report::arrays::write_table;
use ufmin::report::view::View;
use ufmin::spec::SolverTable;
use ufmin::study::compare;

use super::Outcome;
use super::failure::Failure;
use super::problem_args::ProblemArgs;
use super::session::{SessionArgs, with_latex};

/// Put losses side by side on the same classes
///
/// Solves the problem under every loss and prints one line each: the value, rank and collapsed classes of the optimum, the
/// imbalance ratio from which classes collapse, the smallest angle of a class of the tail (the smaller half of the classes)
/// with any other, the margin of the nearest-class-mean classifier, the deviation from a simplex, and the loss on a
/// downstream task; then which loss keeps the tail apart. cross-entropy, of a linear classifier, can be one of them: where the
/// file does not say, classifiers have norms up to 1/temperature and features up to 1. Exit status: 0 all certified, 1 not
/// all, 2 error, 130 stopped by Ctrl-C. With --output the same command goes on from where it was stopped.
#[derive(Debug, Args)]
#[command(
    mut_arg("output", |arg| arg.help(
        "Folder for compare.json, compare.csv, compare.tex, compare.png, compare.svg and journal.jsonl; made if missing"
    )),
    mut_arg("format", with_latex),
    mut_arg("loss", |arg| arg.hide(true).conflicts_with("losses"))
)]
pub(crate) struct CompareArgs {
    #[command(flatten)]
    problem: ProblemArgs,
    /// Losses to compare, in this order, cross-entropy among them if named [default:
    /// supcon,sincere,nscl,bcl,population]
    #[arg(long, value_name = "NAME,..", value_delimiter = ',', help_heading = "Comparison")]
    losses: Option<Vec<String>>,
    #[command(flatten)]
    session: SessionArgs,
}

pub(crate) fn run(arguments: &CompareArgs) -> Result<Outcome, Failure> {
    let default = || compare::LOSSES.map(|loss| loss.name().to_owned()).to_vec();
    let given = arguments.problem.loss().map(|name| vec![name.to_owned()]);
    let names = arguments.losses.clone().or(given).unwrap_or_else(default);
    let losses = compare::losses_of_names(&names).map_err(|source| Failure::Value {
        flag: "--losses",
        source,
    })?;
    let (problem, options, losses) = arguments
        .problem
        .resolve_with(&SolverTable::default(), |file, folder| {
            compare::candidates(file, folder, &losses)
        })?;
    let session = arguments.session.start()?.saying(&arguments.problem.notes());
    let journal = session.journal(&compare::identity(&problem, &options))?;
    let found = compare::compare(&problem, &losses, &options, journal.as_ref(), session.control())?;
    if let Some(folder) = session.folder() {
        write_table(folder, "compare", &found)?;
        if let Some(table) = found.latex() {
            write_atomically(&folder.join("compare.tex"), table.as_bytes())?;
        }
    }
    session.keep("compare", &found)?;
    session.finish(&found, found.stop, journal.as_ref())
}
