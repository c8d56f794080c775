//! The command line: one file a verb, the only users of clap. Data goes to stdout, everything else to stderr.
//!
//! Exit status: 0 solved and certified, 1 solved but not certified, 2 error.
#![allow(clippy::print_stdout, clippy::print_stderr)]

mod heatmap;
mod phase;
mod problem_args;
mod problems;
mod shell;
mod solve;
mod watch;

use std::io::{IsTerminal, Write};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use miette::{GraphicalReportHandler, GraphicalTheme, LabeledSpan, NamedSource};
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
}

pub(crate) fn run() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // --help and --version come this way too; clap knows which stream and status they have.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    let result = match cli.verb {
        Verb::Solve(arguments) => solve::run(&arguments),
        Verb::Heatmap(arguments) => heatmap::run(&arguments),
        Verb::Phase(arguments) => phase::run(&arguments),
        Verb::Problems(arguments) => problems::run(&arguments),
        Verb::Completions(arguments) => shell::completions(&arguments),
        Verb::Man => shell::manual(),
    };
    match result {
        Ok(Outcome::Certified) => ExitCode::SUCCESS,
        Ok(Outcome::NotCertified) => ExitCode::from(1),
        Err(error) => {
            print_error(&error);
            ExitCode::from(2)
        }
    }
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

/// Prints an error with the lines of the file that it points at, and a hint.
fn print_error(error: &Error) {
    let mut diagnostic = miette::MietteDiagnostic::new(error.to_string());
    diagnostic.help = error.hint();
    let mut report = None;
    if let Some(location) = error.location()
        && !location.span.is_empty()
    {
        diagnostic = diagnostic.with_label(LabeledSpan::new_with_span(
            Some("here".to_owned()),
            location.span.clone(),
        ));
        let source = NamedSource::new(location.path.display().to_string(), location.text.clone());
        report = Some(miette::Report::new(diagnostic.clone()).with_source_code(source));
    }
    let report = report.unwrap_or_else(|| miette::Report::new(diagnostic));
    let colour = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let theme = if colour {
        GraphicalTheme::unicode()
    } else {
        GraphicalTheme::none()
    };
    let mut text = String::new();
    if GraphicalReportHandler::new_themed(theme)
        .with_width(110)
        .render_report(&mut text, report.as_ref())
        .is_err()
    {
        text = format!("error: {error}\n");
    }
    eprint!("error: {}", text.trim_start());
}
