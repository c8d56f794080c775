//! `ufmin problems`: the bundled problem files.

use clap::Args;
use comfy_table::{Table, presets};
use ufmin::error::closest;
use ufmin::spec::bundled::{PROBLEMS, problem, summary};

use super::failure::Failure;
use super::session::width;
use super::{Outcome, print_data};

/// List the bundled problem files, or print one
///
/// Each is a documented case with the values that an independent source expects. Start from one:
/// `ufmin problems step-imbalance > mine.toml`, then `ufmin solve mine.toml`.
#[derive(Debug, Args)]
pub(crate) struct ProblemsArgs {
    /// The problem file to print
    name: Option<String>,
}

/// A line of at most so many characters.
fn cut(line: &str, room: usize) -> String {
    if line.chars().count() <= room {
        return line.to_owned();
    }
    let start: String = line.chars().take(room.saturating_sub(3)).collect();
    format!("{}...", start.trim_end())
}

pub(crate) fn run(arguments: &ProblemsArgs) -> Result<Outcome, Failure> {
    match &arguments.name {
        Some(name) => {
            let unknown = || {
                let names = PROBLEMS.map(|(name, _)| name);
                let hint = match closest(name, &names) {
                    Some(name) => format!("did you mean `{name}`?"),
                    None => "choose one of these".to_owned(),
                };
                Failure::usage("NAME", format!("`{name}` is not one of {}", names.join(", ")), hint)
            };
            print_data(problem(name).ok_or_else(unknown)?)?;
        }
        None => {
            let mut table = Table::new();
            table.load_style(presets::NOTHING);
            let longest = PROBLEMS.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
            // The name, and three spaces about it.
            let room = width().map_or(usize::MAX, |width| width.saturating_sub(longest + 4));
            for (name, text) in PROBLEMS {
                table.add_row([name.to_owned(), cut(summary(text), room)]);
            }
            print_data(&format!("{}\n", table.trim_fmt()))?;
        }
    }
    Ok(Outcome::Certified)
}
