//! The pictures in an output folder.

use std::path::Path;

use clap::{Args, ValueEnum};
use ufmin::error::Error;
use ufmin::files::write_atomically;
use ufmin::plot::{Figure, Format};

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
    /// Writes `NAME.png` and so on.
    pub(crate) fn write(&self, folder: &Path, name: &str, figure: &Figure) -> Result<(), Error> {
        for choice in &self.pictures {
            let format = match choice {
                Choice::Png => Format::Png,
                Choice::Svg => Format::Svg,
                Choice::Pdf => Format::Pdf,
            };
            let path = folder.join(name).with_extension(format.extension());
            write_atomically(&path, &figure.draw(format)?)?;
        }
        Ok(())
    }
}
