//! The command line: one file a verb, the only users of clap. Data goes to stdout, everything else to stderr.
//!
//! Exit status: 0 solved and certified, 1 solved but not certified (or not to the end, after a time limit), 2 error, and 128
//! plus the number of the signal that stopped the work before its end.
#![allow(clippy::print_stdout, clippy::print_stderr)]

mod batches;
mod bound;
mod compare;
mod cross_entropy;
mod curve;
mod diagnostic;
mod evaluate;
mod explain;
mod failure;
mod heatmap;
mod phase;
mod pictures;
mod problem_args;
mod problems;
mod session;
mod shell;
mod solve;
mod verify;

use std::io::Write;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use failure::Failure;
use ufmin::error::Error;

/// Exact global minimisers of supervised contrastive losses, with a proof.
///
/// Given class sizes, a loss and a temperature, ufmin returns the geometry that the loss drives the embeddings to, and a
/// certificate that no other is better.
#[derive(Debug, Parser)]
#[command(
    name = "ufmin",
    version,
    max_term_width = 110,
    subcommand_required = true,
    arg_required_else_help = true
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Solve(Box<solve::SolveArgs>),
    Heatmap(heatmap::HeatmapArgs),
    Phase(Box<phase::PhaseArgs>),
    Curve(Box<curve::CurveArgs>),
    Compare(Box<compare::CompareArgs>),
    Verify(Box<verify::VerifyArgs>),
    Evaluate(Box<evaluate::EvaluateArgs>),
    Explain(Box<explain::ExplainArgs>),
    Bound(bound::BoundArgs),
    Batches(batches::BatchesArgs),
    Problems(problems::ProblemsArgs),
    Completions(shell::CompletionsArgs),
    /// Print the manual pages (roff), for example into `ufmin man | man -l -`
    Man,
}

/// What a verb ends with, other than an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Solved and certified: exit 0.
    Certified,
    /// Solved, not certified: exit 1.
    NotCertified,
    /// Stopped before the end.
    Incomplete,
}

pub(crate) fn run() -> ExitCode {
    // Before anything is read, which may take long.
    if let Err(error) = session::watch_signals() {
        diagnostic::print(&error.into());
        return ExitCode::from(2);
    }
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // --help and --version come this way too; clap knows which stream and status they have.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    let result: Result<Outcome, Failure> = match cli.verb {
        Verb::Solve(arguments) => solve::run(&arguments),
        Verb::Heatmap(arguments) => heatmap::run(&arguments),
        Verb::Phase(arguments) => phase::run(&arguments),
        Verb::Curve(arguments) => curve::run(&arguments),
        Verb::Compare(arguments) => compare::run(&arguments),
        Verb::Verify(arguments) => verify::run(&arguments),
        Verb::Evaluate(arguments) => evaluate::run(&arguments),
        Verb::Explain(arguments) => explain::run(&arguments),
        Verb::Bound(arguments) => bound::run(&arguments),
        Verb::Batches(arguments) => batches::run(&arguments),
        Verb::Problems(arguments) => problems::run(&arguments),
        Verb::Completions(arguments) => shell::completions(&arguments),
        Verb::Man => shell::manual(),
    };
    match result {
        Ok(Outcome::Certified) => ExitCode::SUCCESS,
        Ok(Outcome::NotCertified) => ExitCode::from(1),
        Ok(Outcome::Incomplete) => cut_short(),
        Err(error) => {
            diagnostic::print(&error);
            match error {
                Failure::Library(Error::Stopped { .. } | Error::Interrupted { .. }) => cut_short(),
                _ => ExitCode::from(2),
            }
        }
    }
}

/// The exit status of work that was stopped: by a signal, as shells report it, or by its time limit.
fn cut_short() -> ExitCode {
    ExitCode::from(session::signal().map_or(1, |signal| 128 + signal))
}

/// Writes data to stdout; a closed pipe is the reader's choice, not an error.
pub(crate) fn print_data(text: &str) -> Result<(), Error> {
    let mut stdout = std::io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        other => other.map_err(|source| Error::Write {
            path: "standard output".into(),
            source,
        }),
    }
}
