//! Errors for a person: the message, the line of the file, and a hint. Readable without colour, and never wrapped.

use std::io::{IsTerminal, Write};

use clap::builder::styling::{AnsiColor, Style};
use ufmin::error::{Error, Location};

use super::failure::Failure;

/// Most characters of a line that are shown on each side of the place that an error points at.
const CONTEXT: usize = 60;

/// Prints an error to stderr. Where that is closed, the exit status still tells.
pub(super) fn print(error: &Failure) {
    let mut stderr = std::io::stderr().lock();
    let colour = stderr.is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let style = if colour {
        AnsiColor::Red.on_default().bold()
    } else {
        Style::new()
    };
    let _ = stderr.write_all(render(error, style).as_bytes());
}

/// Prints a warning to stderr.
pub(super) fn warn(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "warning: {}", visible(text));
}

fn render(error: &Failure, style: Style) -> String {
    let mut text = format!("{style}error:{style:#} {}\n", visible(&brief(&error.to_string())));
    if let Some(location) = error.location().filter(|location| location.is_known()) {
        text.push_str(&excerpt(location, style));
    }
    if let Failure::Library(Error::Contradiction { .. } | Error::Internal { .. }) = error {
        let words: Vec<String> = std::env::args().map(|word| visible(&word)).collect();
        text.push_str(&format!("command: {}\n", words.join(" ")));
    }
    if let Some(hint) = error.hint() {
        text.push_str(&format!("hint: {}\n", visible(&brief(&hint))));
    }
    text
}

/// The line with the place underlined. Of a long line, the part around the place.
fn excerpt(location: &Location, style: Style) -> String {
    let text = location.text.as_str();
    let (before, after) = text.split_at_checked(location.start()).unwrap_or((text, ""));
    let before = before.rsplit('\n').next().unwrap_or_default();
    let after = after.lines().next().unwrap_or_default();
    let skipped = before.chars().count().saturating_sub(CONTEXT);
    let before: String = before.chars().skip(skipped).collect();
    let shown: String = after.chars().take(CONTEXT).collect();
    let dots = |cut: bool| if cut { "..." } else { "" };
    let before = format!("{}{}", dots(skipped > 0), visible(&before));
    let marked = shown.char_indices().filter(|(at, _)| *at < location.span.len());
    let number = location.line().to_string();
    // A tab is as wide in the second line as in the first.
    let indent: String = before.chars().map(|c| if c == '\t' { '\t' } else { ' ' }).collect();
    format!(
        "  {number} | {before}{}{}\n  {:gap$} | {indent}{style}{}{style:#}\n",
        visible(&shown),
        dots(shown.len() < after.len()),
        "",
        "^".repeat(marked.count().max(1)),
        gap = number.len(),
    )
}

/// Most characters of a message: what it quotes may be as long as a file.
const LONGEST: usize = 600;

/// A text that is not too long, else its beginning and its end.
fn brief(text: &str) -> String {
    let count = text.chars().count();
    if count <= LONGEST {
        return text.to_owned();
    }
    let kept = LONGEST / 2;
    let (first, last): (String, String) = (
        text.chars().take(kept).collect(),
        text.chars().skip(count - kept).collect(),
    );
    format!("{first} ... {last}")
}

/// Text without control characters, which could steer the terminal.
fn visible(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() && c != '\t' { '\u{fffd}' } else { c })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str, span: std::ops::Range<usize>) -> String {
        let location = Location {
            path: "p.toml".into(),
            text: text.to_owned(),
            span,
        };
        excerpt(&location, Style::new())
    }

    #[test]
    fn the_place_is_underlined() {
        assert_eq!(shown("a = 1\nb = 22\n", 10..12), "  2 | b = 22\n    |     ^^\n");
        assert_eq!(shown("a = 1\r\nb = 22\r\n", 11..13), "  2 | b = 22\n    |     ^^\n");
        assert_eq!(shown("\tb = 2", 5..6), "  1 | \tb = 2\n    | \t    ^\n");
        // A span over several lines is underlined to the end of the first.
        assert_eq!(shown("a = [\n1]\n", 4..8), "  1 | a = [\n    |     ^\n");
        // The end of the file.
        assert_eq!(shown("a = [1\n\n", 8..8), "  1 | a = [1\n    |       ^\n");
        assert_eq!(
            shown("t = \"\u{416}\u{1b}\"", 4..9),
            "  1 | t = \"\u{416}\u{fffd}\"\n    |     ^^^^\n"
        );
    }

    #[test]
    fn of_a_long_message_the_ends_are_shown() {
        assert_eq!(brief("short"), "short");
        let long = format!("unknown key `{}`, expected `sizes`", "\u{416}".repeat(100_000));
        let shown = brief(&long);
        assert!(shown.chars().count() < 700 && shown.starts_with("unknown key") && shown.ends_with("`sizes`"));
    }

    #[test]
    fn of_a_long_line_a_part_is_shown() {
        let text = format!("sizes = [{}0{}]", "5,".repeat(1_000_000), ",5".repeat(1_000_000));
        let place = 9 + 2_000_000;
        let expected = format!(
            "  1 | ...{}0{}...\n    | {}^\n",
            "5,".repeat(30),
            ",5,5".repeat(14) + ",5,",
            " ".repeat(63)
        );
        assert_eq!(shown(&text, place..place + 1), expected);
    }
}
