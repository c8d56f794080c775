//! `ufmin completions` and `ufmin man`: what a package installs beside the program.

use clap::{Args, CommandFactory};
use clap_complete::Shell;
use ufmin::error::Error;

use super::failure::Failure;
use super::{Cli, Outcome, print_data};

/// Print shell completions
#[derive(Debug, Args)]
pub(crate) struct CompletionsArgs {
    /// The shell
    shell: Shell,
}

/// The text is data like any other, so a closed pipe is no error.
fn print(bytes: &[u8]) -> Result<Outcome, Failure> {
    print_data(&String::from_utf8_lossy(bytes))?;
    Ok(Outcome::Certified)
}

pub(crate) fn completions(arguments: &CompletionsArgs) -> Result<Outcome, Failure> {
    let mut bytes = Vec::new();
    clap_complete::generate(arguments.shell, &mut Cli::command(), "ufmin", &mut bytes);
    print(&bytes)
}

/// The manual page of the program, followed by those of its verbs.
pub(crate) fn manual() -> Result<Outcome, Failure> {
    let mut bytes = Vec::new();
    let mut command = Cli::command();
    command.build();
    let mut pages = vec![command.clone()];
    pages.extend(
        command
            .get_subcommands()
            .filter(|verb| verb.get_name() != "help")
            .cloned(),
    );
    for page in pages {
        clap_mangen::Man::new(page)
            .render(&mut bytes)
            .map_err(|source| Error::Write {
                path: "standard output".into(),
                source,
            })?;
    }
    print(&bytes)
}
