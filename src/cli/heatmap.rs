//! `ufmin heatmap`: Gram matrices as pictures.

use std::path::{Path, PathBuf};

use clap::Args;
use ufmin::error::{ArrayError, Contents, Error};
use ufmin::files::npy::read_matrix;
use ufmin::files::{has_extension, read_text, write_atomically};
use ufmin::math::control::Control;
use ufmin::plot::{ColourRange, Format};
use ufmin::report::cross_entropy::CrossEntropyReport;
use ufmin::report::picture::Picture;
use ufmin::report::view::View;
use ufmin::report::{ProblemReport, Report};
use ufmin::solution::Termination;
use ufmin::solve::{CrossCheckChoice, solve};
use ufmin::spec::{bundled, load, load_text};

use super::Outcome;
use super::failure::Failure;
use super::session::{Patience, RunArgs};

/// Draw a Gram matrix, or two and their difference
///
/// Takes a problem file (which is solved), a folder of `ufmin solve --output`, or a .npy file with a square matrix, for
/// example the Gram matrix of trained class means. Colours run from -1 to 1 and mean the same in every picture, unless
/// --range says otherwise. Exit status: 0 drawn, 1 drawn but a solved problem is not certified, 2 error.
#[derive(Debug, Args)]
pub(crate) struct HeatmapArgs {
    /// Problem file, folder of solve --output, or matrix (.npy)
    #[arg(value_name = "SOURCE")]
    source: PathBuf,
    /// A second one, drawn beside the first with their difference
    #[arg(long, value_name = "SOURCE")]
    against: Option<PathBuf>,
    /// Picture to write: the ending .png, .svg or .pdf decides
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// Title, instead of the problem's own
    #[arg(long)]
    title: Option<String>,
    /// Values at the ends of the colours; auto: as far as inner products of different classes go [default: -1..1]
    #[arg(long, value_name = "auto|A..B", value_parser = range, allow_hyphen_values = true)]
    range: Option<Range>,
    #[command(flatten)]
    run: RunArgs,
}

/// What `--range` says.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Range {
    Auto,
    Ends(f64, f64),
}

fn range(word: &str) -> Result<Range, String> {
    if word.trim() == "auto" {
        return Ok(Range::Auto);
    }
    let end = |word: &str| word.trim().parse::<f64>().ok().filter(|end| end.is_finite());
    match word.split_once("..").and_then(|(low, high)| end(low).zip(end(high))) {
        Some((low, high)) if low < high => Ok(Range::Ends(low, high)),
        _ => Err("it is not a range; write auto, or two ascending numbers like -0.2..0.2".to_owned()),
    }
}

pub(crate) fn run(arguments: &HeatmapArgs) -> Result<Outcome, Failure> {
    let format = Format::of(&arguments.output).ok_or_else(|| Error::PictureKind {
        path: arguments.output.clone(),
    })?;
    let session = arguments.run.start()?;
    let (mut pictures, mut outcome) = (Vec::new(), Outcome::Certified);
    for source in std::iter::once(&arguments.source).chain(&arguments.against) {
        let (picture, certified) = picture(source, session.control())?;
        pictures.push(picture);
        if !certified {
            outcome = Outcome::NotCertified;
        }
    }
    let range = match arguments.range {
        None => ColourRange::UNIT,
        Some(Range::Auto) => ColourRange::around(pictures.iter().flat_map(Picture::between_classes)),
        Some(Range::Ends(low, high)) => ColourRange { low, high },
    };
    let mut pictures = pictures.into_iter().map(|picture| picture.with_range(range));
    let mut heatmap = match (pictures.next(), pictures.next()) {
        (Some(picture), Some(other)) => picture.against(other),
        (Some(picture), None) => picture.heatmap(),
        (None, _) => unreachable!("there is one source"),
    };
    if let Some(title) = &arguments.title {
        heatmap.title.clone_from(title);
    }
    write_atomically(&arguments.output, &heatmap.draw(format).map_err(Error::from)?)?;
    Ok(outcome)
}

/// The picture of a source, and whether it is certified (a matrix from elsewhere counts as such).
fn picture(source: &Path, control: &Control) -> Result<(Picture, bool), Error> {
    if source.is_dir() {
        return Ok((of_folder(source)?, true));
    }
    // An archive is refused there, by what it is.
    if has_extension(source, "npy") || has_extension(source, "npz") {
        let name = source
            .file_name()
            .map_or_else(|| "matrix".to_owned(), |name| name.to_string_lossy().into_owned());
        return Ok((Picture::of_matrix(&name, square(source)?), true));
    }
    let name = source.to_str().filter(|_| !source.exists()).unwrap_or_default();
    let (problem, mut options, _) = match bundled::problem(name) {
        Some(text) => load_text(source, text)?,
        None => {
            let _patience = Patience::reading(source);
            load(source)?
        }
    };
    options.cross_check = CrossCheckChoice::Never;
    let solved = solve(&problem, &options, control)?;
    if solved.solution.termination == Termination::Interrupted {
        return Err(Error::Stopped {
            what: "the Gram matrix",
        });
    }
    let stated = ProblemReport::new(problem.classes(), problem.model());
    let gram = &solved.certificate.gram;
    let picture = match &solved.schedule {
        Some(schedule) => Picture::of_cells(&stated, gram, &schedule.cells),
        None => Picture::of_gram(&stated, gram),
    };
    Ok((picture, solved.is_certified()))
}

fn square(path: &Path) -> Result<nalgebra::DMatrix<f64>, Error> {
    let values = read_matrix(path)?;
    if values.is_square() {
        return Ok(values);
    }
    let found = vec![values.nrows() as u64, values.ncols() as u64];
    Err(Error::Array {
        path: path.to_owned(),
        source: ArrayError::Shape {
            contents: Contents::SquareMatrix,
            found,
        },
    })
}

/// A folder of `solve --output`: gram.npy, with labels and title from result.json where it is there.
fn of_folder(folder: &Path) -> Result<Picture, Error> {
    let values = square(&folder.join("gram.npy"))?;
    let result = folder.join("result.json");
    if !result.exists() {
        return Ok(Picture::of_matrix(&folder.display().to_string(), values));
    }
    let text = read_text(&result)?;
    match Report::from_json(&text) {
        Ok(report) => Ok(Picture::of_classes(&report.problem, values)),
        // That of cross-entropy has one schema with it and other fields.
        Err(detail) => match CrossEntropyReport::from_json(&text) {
            Ok(report) => Ok(Picture::of_features(&report.problem, values)),
            Err(_) => Err(Error::Result { path: result, detail }),
        },
    }
}
