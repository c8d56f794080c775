//! `ufmin heatmap`: Gram matrices as pictures.

use std::path::{Path, PathBuf};

use clap::Args;
use ufmin::error::{ArrayError, Contents, Error};
use ufmin::files::npy::read_matrix;
use ufmin::files::{has_extension, read_text, write_atomically};
use ufmin::math::control::Control;
use ufmin::plot::{self, Heatmap, Panel};
use ufmin::report::picture::Picture;
use ufmin::solve::solve;
use ufmin::spec::{CrossCheckChoice, load};

use super::Outcome;
use super::failure::Failure;

/// Draw a Gram matrix, or two and their difference
///
/// Takes a problem file (which is solved), a folder of `ufmin solve --output`, or a .npy file with a square matrix, for
/// example the Gram matrix of trained class means. Colours run from -1 to 1 and mean the same in every picture. Exit
/// status: 0 drawn, 1 drawn but a solved problem is not certified, 2 error.
#[derive(Debug, Args)]
pub(crate) struct HeatmapArgs {
    /// Problem file, folder of solve --output, or matrix (.npy)
    #[arg(value_name = "SOURCE")]
    source: PathBuf,
    /// A second one, drawn beside the first with their difference
    #[arg(long, value_name = "SOURCE")]
    against: Option<PathBuf>,
    /// Picture to write: the ending .png or .svg decides
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// Title, instead of the problem's own
    #[arg(long)]
    title: Option<String>,
}

pub(crate) fn run(arguments: &HeatmapArgs) -> Result<Outcome, Failure> {
    let kind = PictureKind::of(&arguments.output)?;
    let (picture, certified) = picture(&arguments.source)?;
    let (mut heatmap, outcome) = match &arguments.against {
        Some(path) => {
            let (other, also) = self::picture(path)?;
            (picture.against(other), certified && also)
        }
        None => (picture.heatmap(), certified),
    };
    if let Some(title) = &arguments.title {
        heatmap.title.clone_from(title);
    }
    write_atomically(&arguments.output, &kind.draw(&heatmap)?)?;
    Ok(if outcome {
        Outcome::Certified
    } else {
        Outcome::NotCertified
    })
}

/// The formats of pictures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PictureKind {
    Png,
    Svg,
}

impl PictureKind {
    fn of(path: &Path) -> Result<Self, Error> {
        match path
            .extension()
            .and_then(|extension| extension.to_str())
            .map(str::to_ascii_lowercase)
            .as_deref()
        {
            Some("png") => Ok(Self::Png),
            Some("svg") => Ok(Self::Svg),
            _ => Err(Error::PictureKind { path: path.to_owned() }),
        }
    }

    /// The bytes of a picture.
    pub(crate) fn draw(self, heatmap: &Heatmap) -> Result<Vec<u8>, Error> {
        match self {
            Self::Png => plot::png(heatmap),
            Self::Svg => plot::svg(heatmap).map(String::into_bytes),
        }
        .map_err(Error::from)
    }
}

/// The picture of a source, and whether it is certified (a matrix from elsewhere counts as such).
fn picture(source: &Path) -> Result<(Picture, bool), Error> {
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
    let (problem, mut options, _) = load(source)?;
    options.cross_check = CrossCheckChoice::Never;
    let solved = solve(&problem, &options, &Control::default())?;
    Ok((
        Picture::of_gram(&problem, &solved.certificate.gram),
        solved.is_certified(),
    ))
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
    let mut picture = Picture::of_matrix(&folder.display().to_string(), values);
    let result = folder.join("result.json");
    if !result.exists() {
        return Ok(picture);
    }
    let damaged = |detail: String| Error::Result {
        path: result.clone(),
        detail,
    };
    let json: serde_json::Value =
        serde_json::from_str(&read_text(&result)?).map_err(|error| damaged(error.to_string()))?;
    let problem = &json["problem"];
    let text = |key: &str| problem[key].as_str().map(str::to_owned);
    let loss = text("loss").ok_or_else(|| damaged("it has no problem.loss".to_owned()))?;
    picture.title =
        text("title").unwrap_or_else(|| format!("Optimal Gram matrix of {} classes", picture.panel.values.nrows()));
    picture.subtitle = format!("{loss}, temperature {}", problem["temperature"]);
    let sizes = [("sizes", "class size"), ("probabilities", "class probability")]
        .into_iter()
        .find_map(|(key, axis)| problem[key].as_array().map(|sizes| (sizes, axis)));
    if let Some((sizes, axis)) = sizes.filter(|(sizes, _)| sizes.len() == picture.panel.values.nrows()) {
        let labels: Vec<String> = sizes.iter().map(ToString::to_string).collect();
        let boundaries = (1..labels.len()).filter(|&i| labels[i] != labels[i - 1]).collect();
        picture.panel = Panel {
            labels,
            boundaries,
            axis: axis.to_owned(),
            ..picture.panel
        };
    }
    Ok(picture)
}
