//! Finished starts on disk, one a line, so that an interrupted search goes on where it was.
//!
//! The first line says of what: problem, level, dimension, seed, settings and version of the program. The number of starts
//! is not in it, so a search can be extended. Each further line is a [`Run`]. A line without its end is one that was being
//! written when the program was killed, and is dropped.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use serde_json::{Value, json};

use super::{Run, Settings};
use crate::error::Error;
use crate::report::ProblemReport;

/// A file of finished starts.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    file: Mutex<File>,
    runs: BTreeMap<u64, Run>,
}

impl Journal {
    /// Opens the journal at `path` for this search, or begins one.
    ///
    /// # Errors
    /// [`Error::Journal`] for a file of another search or one that is damaged, [`Error::Read`], [`Error::Write`].
    pub fn open(path: &Path, problem: &ProblemReport, dimension: u64, settings: &Settings) -> Result<Self, Error> {
        let head = json!({
            "schema": "ufmin/starts/1",
            "version": env!("CARGO_PKG_VERSION"),
            "problem": ProblemReport { dimension: None, ..problem.clone() },
            "dimension": dimension,
            "settings": settings,
        });
        let refused = |line: usize, detail: String| Error::Journal {
            path: path.to_owned(),
            line,
            detail,
        };
        let bytes = if path.exists() {
            std::fs::read(path).map_err(Error::read(path))?
        } else {
            Vec::new()
        };
        // Whole lines only.
        let end = bytes.iter().rposition(|&b| b == b'\n').map_or(0, |at| at + 1);
        let mut runs = BTreeMap::new();
        let lines = bytes[..end].split(|&b| b == b'\n').filter(|line| !line.is_empty());
        for (number, line) in lines.enumerate() {
            if number == 0 {
                let found: Value = serde_json::from_slice(line)
                    .map_err(|error| refused(1, format!("it is not a list of starts: {error}")))?;
                if let Some(difference) = difference(&head, &found) {
                    return Err(refused(1, format!("it belongs to another search: {difference}")));
                }
                continue;
            }
            let run: Run = serde_json::from_slice(line)
                .map_err(|error| refused(number + 1, format!("it is not a start: {error}")))?;
            let shape = (
                run.means.len() as u64,
                run.means.iter().all(|mean| mean.len() as u64 == dimension),
            );
            if shape != (problem.class_count, true) {
                return Err(refused(number + 1, "its class means have another shape".to_owned()));
            }
            if let Some(other) = runs.insert(run.index, run)
                && runs.get(&other.index) != Some(&other)
            {
                return Err(refused(
                    number + 1,
                    format!("it differs from an earlier line of start {}", other.index),
                ));
            }
        }
        let failed = Error::write(path);
        let open = || -> std::io::Result<File> {
            let mut file = File::options().create(true).write(true).truncate(false).open(path)?;
            file.set_len(end as u64)?;
            file.seek(SeekFrom::End(0))?;
            if end == 0 {
                file.write_all(format!("{head}\n").as_bytes())?;
                file.flush()?;
            }
            Ok(file)
        };
        Ok(Self {
            path: path.to_owned(),
            file: Mutex::new(open().map_err(failed)?),
            runs,
        })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Starts that were finished when it was opened.
    pub fn finished(&self) -> u64 {
        self.runs.len() as u64
    }

    /// A start that was finished when it was opened.
    pub fn run(&self, index: u64) -> Option<&Run> {
        self.runs.get(&index)
    }

    /// Adds a finished start.
    ///
    /// # Errors
    /// [`Error::Write`].
    pub fn add(&self, run: &Run) -> Result<(), Error> {
        let mut line = serde_json::to_vec(run).map_err(|error| Error::Internal {
            what: format!("a start cannot be written: {error}"),
        })?;
        line.push(b'\n');
        let mut file = self.file.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        file.write_all(&line)
            .and_then(|()| file.flush())
            .map_err(Error::write(&self.path))
    }
}

/// The first field in which two headers differ, in words.
fn difference(wanted: &Value, found: &Value) -> Option<String> {
    match (wanted, found) {
        (Value::Object(a), Value::Object(b)) => {
            let extra = b
                .keys()
                .find(|key| !a.contains_key(*key))
                .map(|key| format!("it has `{key}`"));
            a.iter()
                .find_map(|(key, value)| match b.get(key) {
                    None => Some(format!("it has no `{key}`")),
                    Some(Value::Object(_)) if value.is_object() => difference(value, &b[key]),
                    Some(other) if other == value => None,
                    Some(other) => Some(format!("`{key}` is {}, not {}", brief(other), brief(value))),
                })
                .or(extra)
        }
        _ => (wanted != found).then(|| "its first line is no object".to_owned()),
    }
}

fn brief(value: &Value) -> String {
    let text = value.to_string();
    if text.chars().count() > 60 {
        format!("{}...", text.chars().take(60).collect::<String>())
    } else {
        text
    }
}
