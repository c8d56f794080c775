//! `ufmin compare`: losses side by side on the same classes.

use clap::Args;
use ufmin::error::{Field, Invalid, Kind};
use ufmin::files::write_atomically;
use ufmin::problem::Loss;
use ufmin::report::view::View;
use ufmin::spec::{self, SolverTable};
use ufmin::study::compare::{self, Candidate};

use super::Outcome;
use super::failure::Failure;
use super::problem_args::ProblemArgs;
use super::session::{SessionArgs, with_latex, write_table};

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
        .collect::<Result<Vec<Option<Loss>>, Failure>>()?;
    // The problem must be one under the first; nce is the one that may need what the others cannot have, and population asks
    // least of the classes, as cross-entropy does.
    let mut contrastive = losses.iter().flatten().copied();
    let first = contrastive
        .clone()
        .find(|&loss| loss == Loss::Nce)
        .or(contrastive.next());
    let problem = arguments.problem.with_loss(first.unwrap_or(Loss::Population).name());
    let table = SolverTable::default();
    let ((problem, options), constraints) = if losses.contains(&None) {
        let (resolved, constraints) = problem.resolve_with(&table, spec::beside_cross_entropy)?;
        (resolved, Some(constraints))
    } else {
        (problem.resolve(&table)?, None)
    };
    let cross_entropy = constraints.map(|[classifier, features]| Candidate::CrossEntropy { classifier, features });
    let losses: Vec<Candidate> = losses
        .into_iter()
        .filter_map(|loss| loss.map(Candidate::from).or(cross_entropy))
        .collect();
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

/// A loss by its name; `None` for cross-entropy, which is no contrastive one.
fn loss(name: &str) -> Result<Option<Loss>, Failure> {
    const CROSS_ENTROPY: &str = "cross-entropy";
    let name = name.trim();
    if name == CROSS_ENTROPY {
        return Ok(None);
    }
    let found = Loss::ALL.into_iter().find(|loss| loss.name() == name);
    let options = || Loss::ALL.map(Loss::name).into_iter().chain([CROSS_ENTROPY]).collect();
    found.map(Some).ok_or_else(|| Failure::Value {
        flag: "--losses",
        source: Invalid::new(
            Field::Loss,
            Kind::Choice {
                value: name.to_owned(),
                options: options(),
            },
        ),
    })
}
