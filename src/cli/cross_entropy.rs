//! `ufmin solve` for cross-entropy.

use std::path::Path;

use ufmin::cross_entropy::{CrossEntropy, Solved, solve};
use ufmin::error::Error;
use ufmin::files::{npy, write_atomically};
use ufmin::report::cross_entropy::{CrossEntropyReport, certificate_arrays};

use super::Outcome;
use super::failure::Failure;
use super::session::Session;

/// Most classes whose arrays are written.
const MAX_WRITTEN: u64 = 10_000;

pub(crate) fn run(
    problem: &CrossEntropy,
    tolerance: Option<f64>,
    full_gram: bool,
    session: Session,
) -> Result<Outcome, Failure> {
    let solved = solve(problem, session.control())?;
    let mut report = CrossEntropyReport::new(problem, &solved, tolerance, full_gram);
    if let Some(folder) = session.folder() {
        let classes = solved.partition.classes();
        if classes <= MAX_WRITTEN {
            write_arrays(folder, &solved)?;
        } else {
            report.warnings.push(format!(
                "arrays are not written: there are {classes} classes, and those of {MAX_WRITTEN} are the most"
            ));
        }
        let arrays = certificate_arrays(problem, &solved);
        write_atomically(&folder.join("certificate.npz"), &npy::npz_bytes(&arrays))?;
    }
    session.keep("result", &report)?;
    session.finish(&report, None, None)
}

/// Gram matrices, logits, and the vectors themselves with a column for every class.
fn write_arrays(folder: &Path, solved: &Solved) -> Result<(), Error> {
    let partition = &solved.partition;
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
    Ok(())
}
