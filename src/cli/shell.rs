//! `ufmin completions` and `ufmin man`: what a package installs beside the program.

use clap::builder::PossibleValuesParser;
use clap::{Args, Command, CommandFactory};
use clap_complete::Shell;
use ufmin::error::Error;
use ufmin::problem::Loss;
use ufmin::solve::MethodChoice;
use ufmin::spec::bundled::PROBLEMS;

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
    clap_complete::generate(arguments.shell, &mut with_names(Cli::command()), "ufmin", &mut bytes);
    print(with_files(arguments.shell, String::from_utf8_lossy(&bytes).into_owned()).as_bytes())
}

/// The names that arguments take. They are no part of the arguments: what is wrong with a name is said by the library, which
/// knows those of other libraries too.
fn with_names(mut command: Command) -> Command {
    let losses = || Loss::ALL.map(Loss::name).into_iter().chain(["cross-entropy"]);
    let problems = || PROBLEMS.map(|(name, _)| name);
    let verbs: Vec<String> = command
        .get_subcommands()
        .map(|verb| verb.get_name().to_owned())
        .collect();
    for verb in verbs {
        command = command.mut_subcommand(verb, |verb| {
            if verb.has_subcommands() {
                return with_names(verb);
            }
            verb.mut_args(|argument| match argument.get_id().as_str() {
                "loss" | "losses" => argument.value_parser(PossibleValuesParser::new(losses())),
                "method" => argument.value_parser(PossibleValuesParser::new(MethodChoice::NAMES)),
                "anchors" => argument.value_parser(PossibleValuesParser::new(["sample", "class"])),
                "singletons" => argument.value_parser(PossibleValuesParser::new(["error", "skip", "zero"])),
                "reduction" => argument.value_parser(PossibleValuesParser::new(["mean", "sum"])),
                // Of `problems`, and the problem of any other verb.
                "name" | "file" if argument.is_positional() => {
                    argument.value_parser(PossibleValuesParser::new(problems()))
                }
                _ => argument,
            })
        });
    }
    command
}

/// A problem is a file too. Bash offers files by itself; zsh is told to, and fish knows no names of positions.
fn with_files(shell: Shell, script: String) -> String {
    let names = PROBLEMS.map(|(name, _)| name).join(" ");
    match shell {
        Shell::Zsh => {
            let files = format!("{{_alternative \"files:file:_files\" \"problems:bundled problem:({names})\"}}");
            script.replace(&format!(":({names})"), &format!(":{files}"))
        }
        Shell::Fish => format!(
            "{script}complete -c ufmin -n \"__fish_seen_subcommand_from solve phase curve compare verify problems\" -a \"{names}\"\n"
        ),
        _ => script,
    }
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
