//! `ufmin compare`: losses side by side on the same classes.

use clap::Args;
use ufmin::error::{Field, Invalid, Kind};
use ufmin::files::write_atomically;
use ufmin::problem::Loss;
use ufmin::report::view::View;
use ufmin::spec::SolverTable;
use ufmin::study::compare;

use super::Outcome;
use super::failure::Failure;
use super::problem_args::ProblemArgs;
use super::session::{SessionArgs, with_latex, write_table};

/// Put losses side by side on the same classes
///
/// Solves the problem under every loss and prints one line each: the value, rank and collapsed classes of the optimum, the
/// imbalance ratio from which classes collapse, the smallest angle of a class of the tail (the smaller half of the classes)
/// with any other, the margin of the nearest-class-mean classifier, the deviation from a simplex, and the loss on a
/// downstream task; then which loss keeps the tail apart. Exit status: 0 all certified, 1 not all, 2 error, 130 stopped by
/// Ctrl-C. With --output the same command goes on from where it was stopped.
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
    /// Losses to compare, in this order [default: supcon,sincere,nscl,bcl,population]
    #[arg(long, value_name = "NAME,..", value_delimiter = ',', help_heading = "Comparison")]
    losses: Option<Vec<String>>,
    #[command(flatten)]
    session: SessionArgs,
}

pub(crate) fn run(arguments: &CompareArgs) -> Result<Outcome, Failure> {
    let default = || {
        ["supcon", "sincere", "nscl", "bcl", "population"]
            .map(str::to_owned)
            .to_vec()
    };
    let given = arguments.problem.loss().map(|name| vec![name.to_owned()]);
    let names = arguments.losses.clone().or(given).unwrap_or_else(default);
    let losses = names
        .iter()
        .map(|name| loss(name))
        .collect::<Result<Vec<Loss>, Failure>>()?;
    // The problem must be one under the first; nce is the one that may need what the others cannot have.
    let first = losses.iter().find(|&&loss| loss == Loss::Nce).or(losses.first());
    let problem = match first {
        Some(loss) => arguments.problem.with_loss(loss.name()),
        None => arguments.problem.clone(),
    };
    let (problem, options) = problem.resolve(&SolverTable::default())?;
    let session = arguments.session.start()?;
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

/// A loss by its name.
fn loss(name: &str) -> Result<Loss, Failure> {
    let name = name.trim();
    if name == "cross-entropy" {
        return Err(Failure::usage(
            "--losses",
            "cross-entropy cannot stand beside contrastive losses yet: it has a classifier, and features of other lengths",
            "solve it alone, from a problem file with kind = \"cross-entropy\" under [loss]",
        ));
    }
    let found = Loss::ALL.into_iter().find(|loss| loss.name() == name);
    found.ok_or_else(|| Failure::Value {
        flag: "--losses",
        source: Invalid::new(
            Field::Loss,
            Kind::Choice {
                value: name.to_owned(),
                options: Loss::ALL.map(Loss::name).to_vec(),
            },
        ),
    })
}
