//! The pictures in an output folder.

use clap::{Args, ValueEnum};
use ufmin::plot::Format;

/// Which pictures a verb writes beside its results.
#[derive(Debug, Clone, Args)]
pub(crate) struct PictureArgs {
    /// Formats of the pictures in --output
    #[arg(
        long,
        value_name = "FORMAT,..",
        value_enum,
        value_delimiter = ',',
        default_values_t = [Choice::Png, Choice::Svg],
        hide_possible_values = true,
        help_heading = "Output",
        help = "Formats of the pictures in --output: png, svg, pdf"
    )]
    pictures: Vec<Choice>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Choice {
    Png,
    Svg,
    Pdf,
}

impl PictureArgs {
    /// The formats that were asked for.
    pub(crate) fn formats(&self) -> Vec<Format> {
        let format = |choice: &Choice| match choice {
            Choice::Png => Format::Png,
            Choice::Svg => Format::Svg,
            Choice::Pdf => Format::Pdf,
        };
        self.pictures.iter().map(format).collect()
    }
}
