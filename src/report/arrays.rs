//! An answer as arrays: inner products of classes and of samples, features, and a folder with all of them.

use std::borrow::Cow;
use std::path::Path;

use nalgebra::DMatrix;

use super::audit::audited_features;
use super::cross_entropy::{self, CrossEntropyReport};
use super::view::View;
use super::{Report, certificate_arrays, structure_arrays};
use crate::cross_entropy as model;
use crate::error::Error;
use crate::files::{npy, write_atomically};
use crate::gram::Gram;
use crate::measure::embedding::{self, Embedding};
use crate::measure::schedule::{self, ClassMeans};
#[cfg(feature = "plot")]
use crate::plot::Format;
use crate::problem::invalid::Word;
use crate::problem::{Field, FullBatch, Invalid, Measure, Problem, Training};
use crate::program::{Program, SampleEntries, lift_samples};
use crate::solve::Solved;

/// Largest array that is made, in bytes.
pub const MAX_ARRAY_BYTES: f64 = 4e9;

/// Most samples whose inner products are listed.
pub const MAX_SAMPLES: u64 = 4000;

/// Most classes of cross-entropy whose arrays are written.
pub const MAX_WRITTEN: u64 = 10_000;

/// Refuses a matrix with a row and a column for each of too many things; `what` is it.
///
/// # Errors
/// [`Error::TooLarge`].
pub fn refuse_large(what: &str, rows: u64) -> Result<(), Error> {
    refuse_larger(format!("{what} with {rows} rows"), embedding::bytes(rows, rows))
}

fn refuse_larger(what: String, bytes: f64) -> Result<(), Error> {
    if bytes <= MAX_ARRAY_BYTES {
        return Ok(());
    }
    Err(Error::TooLarge {
        what,
        bytes,
        limit: MAX_ARRAY_BYTES,
        hint: &[
            Word::Text("leave it out: structure.npz (with "),
            Word::Name(Field::Output),
            Word::Text(") holds every entry by groups"),
        ],
    })
}

/// The training of a problem whose samples are as many as can be listed, and coincide by class.
///
/// # Errors
/// [`Error::Invalid`] for a training or for classes without a sample level, [`Error::TooLarge`].
pub fn check_samples(problem: &Problem) -> Result<FullBatch, Error> {
    let Training::FullBatch(full) = &problem.model().training else {
        // A schedule is solved by samples, whatever the level.
        return Err(Invalid::unavailable(
            Field::Level,
            "a sample level of a sampled loss",
            &[
                Word::Text("use "),
                Word::Set(Field::Level, &["class"]),
                Word::Text(": samples of a class coincide"),
            ],
        )
        .into());
    };
    if problem.classes().measure() == Measure::Probabilities {
        return Err(Invalid::unavailable(
            Field::Level,
            "a sample level of class probabilities",
            &[Word::Text("give class sizes")],
        )
        .into());
    }
    let runs = problem.classes().runs().iter();
    let samples: f64 = runs.map(|run| problem.samples(run.size) * run.count as f64).sum();
    if samples > MAX_SAMPLES as f64 {
        let square = |samples: f64| 8.0 * samples * samples;
        return Err(Error::TooLarge {
            what: format!("a sample level of {samples} samples"),
            bytes: square(samples),
            limit: square(MAX_SAMPLES as f64),
            hint: &[
                Word::Text("use "),
                Word::Set(Field::Level, &["class"]),
                Word::Text(": samples of a class coincide"),
            ],
        });
    }
    Ok(*full)
}

/// Inner products of all samples: class-major, or by the numbers that the user gave where batches are fixed.
///
/// # Errors
/// As [`check_samples`].
pub fn sample_gram(problem: &Problem, solved: &Solved) -> Result<DMatrix<f64>, Error> {
    let gram = &solved.certificate.gram;
    if solved.schedule.is_some() {
        let points = gram.partition().classes();
        refuse_larger(
            format!("a matrix of {points} samples"),
            embedding::bytes(points, points),
        )?;
        if let Some(samples) = schedule::sample_gram(problem, gram) {
            return Ok(samples);
        }
    }
    let full = check_samples(problem)?;
    let program = Program::on_partition(problem, &full, gram.partition().clone());
    let layout = program.layout();
    let mut values = layout.collapsed(&gram.values());
    for g in 0..program.groups() {
        values[layout.within(g)] = solved.solution.within_class[g];
    }
    Ok(lift_samples(&program, &SampleEntries { values }))
}

/// The features of an answer as the user counts them: a column a class or, where batches are fixed, a sample.
///
/// # Errors
/// [`Error::TooLarge`], and [`Error::Contradiction`] where they do not agree with the rest of the answer.
pub fn features(problem: &Problem, solved: &Solved) -> Result<DMatrix<f64>, Error> {
    let columns = solved.certificate.gram.partition().classes();
    refuse_larger(
        format!("an array of {} x {columns} features", solved.rank),
        embedding::bytes(solved.rank, columns),
    )?;
    let features = audited_features(problem, solved)?.features;
    Ok(match in_order(problem, &features) {
        Cow::Owned(ordered) => ordered,
        Cow::Borrowed(_) => features,
    })
}

/// The columns of features in the order of the user.
fn in_order<'a>(problem: &Problem, features: &'a DMatrix<f64>) -> Cow<'a, DMatrix<f64>> {
    match schedule::batches(problem) {
        Some(batches) => {
            let order = schedule::sample_order(batches, problem.model().views);
            Cow::Owned(features.select_columns(&order))
        }
        None => Cow::Borrowed(features),
    }
}

/// Inner products of the classes in the user's order.
///
/// # Errors
/// [`Error::TooLarge`].
pub fn dense(gram: &Gram) -> Result<DMatrix<f64>, Error> {
    refuse_large("the Gram matrix", gram.partition().classes())?;
    Ok(gram.to_dense())
}

/// Whether the points of a schedule are so few that all their inner products are listed.
pub fn few_samples(solved: &Solved) -> bool {
    solved.certificate.gram.partition().classes() <= MAX_SAMPLES
}

/// Whether arrays with a row and a column for every class are written, and features.
fn small_enough(problem: &Problem, solved: &Solved) -> bool {
    let classes = problem.classes().count();
    let features = embedding::bytes(solved.rank, solved.certificate.gram.partition().classes());
    embedding::bytes(classes, classes).max(features) <= MAX_ARRAY_BYTES
}

/// Writes `gram.npy`, `embeddings.npy`, `structure.npz` and `certificate.npz`, and `sample_gram.npy` if it is given. Arrays
/// that are too large are left out, with a warning in the report.
///
/// # Errors
/// [`Error::Write`], and [`Error::Contradiction`] where the answer does not agree with itself.
pub fn write(
    folder: &Path,
    problem: &Problem,
    solved: &Solved,
    sample_gram: Option<&DMatrix<f64>>,
    report: &mut Report,
) -> Result<(), Error> {
    let embedding = match report.embedding.take() {
        None if small_enough(problem, solved) => Some(audited_features(problem, solved)?),
        made => made,
    };
    if let Some(samples) = sample_gram {
        write_atomically(&folder.join("sample_gram.npy"), &npy::matrix_bytes(samples))?;
    }
    let gram = &solved.certificate.gram;
    write_atomically(
        &folder.join("structure.npz"),
        &npy::npz_bytes(&structure_arrays(problem, solved)),
    )?;
    write_atomically(
        &folder.join("certificate.npz"),
        &npy::npz_bytes(&certificate_arrays(problem, solved)),
    )?;
    if let Some(cells) = schedule::sample_cells(problem, gram).filter(|_| !few_samples(solved)) {
        write_atomically(&folder.join("cells.npy"), &npy::indices_bytes(&cells))?;
        if gram.partition().groups() as u64 <= MAX_SAMPLES {
            write_atomically(&folder.join("cell_gram.npy"), &npy::matrix_bytes(&gram.values()))?;
        }
    }
    match embedding {
        Some(embedding) => write_dense(folder, problem, solved, &embedding, report),
        None => {
            let classes = problem.classes().count();
            report.warnings.push(format!(
                "gram.npy and embeddings.npy are not written: {classes} x {classes} numbers take {:.0} GB; structure.npz holds every entry by groups",
                embedding::bytes(classes, classes) / 1e9
            ));
            Ok(())
        }
    }
}

fn write_dense(
    folder: &Path,
    problem: &Problem,
    solved: &Solved,
    embedding: &Embedding,
    report: &mut Report,
) -> Result<(), Error> {
    let means = ClassMeans::new(problem, solved);
    let class_gram = means.as_ref().map_or(&solved.certificate.gram, |means| &means.gram);
    write_atomically(&folder.join("gram.npy"), &npy::matrix_bytes(&class_gram.to_dense()))?;
    if embedding.discarded > 1e-6 {
        report.warnings.push(format!(
            "embeddings.npy leaves out eigenvalues of sum {:.1e}",
            embedding.discarded
        ));
    }
    if solved.dimension_search.is_none()
        && let Some(dimension) = problem.model().features.dimension.filter(|&d| d < solved.rank)
    {
        report.warnings.push(format!(
            "embeddings.npy has {} dimensions, not {dimension}: cutting the optimum down would not give the best features of that dimension",
            solved.rank
        ));
    }
    let features = in_order(problem, &embedding.features);
    write_atomically(&folder.join("embeddings.npy"), &npy::matrix_bytes(&features))
}

/// Fills the features that [`write()`] wrote up with rows of zeros to a dimension: they are other features of the same inner
/// products, as fixed prototypes need them.
///
/// # Errors
/// [`Error::Read`], [`Error::Write`], and [`Error::TooLarge`] for a dimension that no file has.
pub fn pad(folder: &Path, dimension: u64) -> Result<(), Error> {
    let path = folder.join("embeddings.npy");
    if !path.exists() {
        return Ok(());
    }
    let features = npy::read_matrix(&path)?;
    if features.nrows() as u64 >= dimension {
        return Ok(());
    }
    refuse_larger(
        format!("embeddings.npy in dimension {dimension}"),
        embedding::bytes(dimension, features.ncols() as u64),
    )?;
    let features = features.resize_vertically(dimension as usize, 0.0);
    write_atomically(&path, &npy::matrix_bytes(&features))
}

/// Writes the arrays of a cross-entropy answer: Gram matrices, logits, and the vectors themselves with a column for every
/// class; and `certificate.npz`. Above [`MAX_WRITTEN`] classes the former are left out, with a warning in the report.
///
/// # Errors
/// [`Error::Write`].
pub fn write_cross_entropy(
    folder: &Path,
    problem: &model::CrossEntropy,
    solved: &model::Solved,
    report: &mut CrossEntropyReport,
) -> Result<(), Error> {
    let partition = &solved.partition;
    if partition.classes() <= MAX_WRITTEN {
        let matrices = [
            ("gram.npy", solved.features.to_dense(partition)),
            ("classifier_gram.npy", solved.classifier.to_dense(partition)),
            ("logits.npy", solved.logits.to_dense(partition)),
            ("embeddings.npy", solved.embedding(false)),
            ("classifier.npy", solved.embedding(true)),
        ];
        for (name, matrix) in matrices {
            write_atomically(&folder.join(name), &npy::matrix_bytes(&matrix))?;
        }
    } else {
        report.warnings.push(format!(
            "arrays are not written: there are {} classes, and those of {MAX_WRITTEN} are the most",
            partition.classes()
        ));
    }
    let arrays = cross_entropy::certificate_arrays(problem, solved);
    write_atomically(&folder.join("certificate.npz"), &npy::npz_bytes(&arrays))
}

/// Writes the pictures of an answer in these formats, and the answer itself as `NAME.json`.
///
/// # Errors
/// [`Error::Write`] and [`Error::Plot`].
#[cfg(feature = "plot")]
pub fn write_view(folder: &Path, name: &str, view: &impl View, formats: &[Format]) -> Result<(), Error> {
    for (name, figure) in view.figures() {
        for &format in formats {
            let path = folder.join(name).with_extension(format.extension());
            write_atomically(&path, &figure.draw(format)?)?;
        }
    }
    write_atomically(&folder.join(format!("{name}.json")), view.to_json().as_bytes())
}

/// Writes `NAME.csv`, where the answer is a table.
///
/// # Errors
/// [`Error::Write`].
pub fn write_table(folder: &Path, name: &str, view: &impl View) -> Result<(), Error> {
    match view.table() {
        Some(table) => write_atomically(&folder.join(format!("{name}.csv")), table.to_csv().as_bytes()),
        None => Ok(()),
    }
}
