//! [`Journal`]: finished rows on disk, one a line, so that a study that was stopped goes on where it was.
//!
//! The first line says of what: the study, the problem, the settings and the version of the program. Which points are asked
//! for is not in it, so a study can be extended. Each further line is `{"point": .., "row": ..}`, written at once. A line
//! without its end is one that was being written when the program was killed, and is dropped.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::{File, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::error::Error;

/// Name of the file in the folder of a study.
const FILE: &str = "journal.jsonl";

/// Identifier of the form of the file.
const SCHEMA: &str = "ufmin/journal/1";

/// What rows must have in common to stand in one journal: the study, the problem, and the settings that rows depend on.
/// `whole` is all of that again, with what a report of the problem leaves out, such as the sizes of very many classes; its
/// digest is what counts.
pub fn identity(
    study: &'static str,
    problem: &impl Serialize,
    settings: &impl Serialize,
    whole: &impl fmt::Debug,
) -> Value {
    let mut problem = json!(problem);
    // Of very many classes a digest is enough.
    if let Some(fields) = problem.as_object_mut() {
        fields.remove("runs");
    }
    json!({
        "problem": problem,
        "settings": settings,
        "study": study,
        "whole": digest(whole),
    })
}

/// A number that differs for data of different `Debug` form, but for accidents of one in 2^64 (FNV-1a).
fn digest(data: &impl fmt::Debug) -> String {
    struct Digest(u64);
    impl fmt::Write for Digest {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            for byte in text.bytes() {
                self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
            }
            Ok(())
        }
    }
    let mut digest = Digest(0xcbf2_9ce4_8422_2325);
    fmt::write(&mut digest, format_args!("{data:?}")).expect("nothing can fail here");
    format!("{:016x}", digest.0)
}

/// A line of the file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line<P, R> {
    point: P,
    row: R,
}

/// A file of finished rows.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    file: Mutex<File>,
    /// By the JSON of the point: number of the line, and the line.
    rows: BTreeMap<String, (usize, String)>,
}

impl Journal {
    /// Opens the journal in `folder` for the study with this [`identity`], or begins one.
    ///
    /// # Errors
    /// [`Error::Journal`] for a file of another study or one that is damaged, [`Error::Busy`] for one that another process
    /// is writing, [`Error::Read`], [`Error::Write`].
    pub fn open(folder: &Path, identity: &Value) -> Result<Self, Error> {
        let path = folder.join(FILE);
        let options = File::options()
            .create(true)
            .read(true)
            .write(true)
            .truncate(false)
            .open(&path);
        let mut file = options.map_err(Error::write(&path))?;
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => return Err(Error::Busy { path }),
            // Some file systems know no locks.
            Ok(()) | Err(TryLockError::Error(_)) => {}
        }
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(Error::read(&path))?;
        // Whole lines only.
        let end = bytes.iter().rposition(|&b| b == b'\n').map_or(0, |at| at + 1);
        let head = json!({ "schema": SCHEMA, "version": env!("CARGO_PKG_VERSION"), "identity": identity });
        let rows = read(&bytes[..end], &head).map_err(|(line, detail)| Error::Journal {
            path: path.clone(),
            line,
            detail,
        })?;
        let mut begin = || -> std::io::Result<()> {
            file.set_len(end as u64)?;
            file.seek(SeekFrom::End(0))?;
            if end == 0 {
                file.write_all(format!("{head}\n").as_bytes())?;
            }
            Ok(())
        };
        begin().map_err(Error::write(&path))?;
        Ok(Self {
            path,
            file: Mutex::new(file),
            rows,
        })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Rows that were finished when it was opened.
    pub fn finished(&self) -> u64 {
        self.rows.len() as u64
    }

    /// The row of a point that was finished when this was opened, if `check` finds nothing wrong with it.
    pub(super) fn find<R: DeserializeOwned>(
        &self,
        point: &impl Serialize,
        check: impl FnOnce(&R) -> Result<(), String>,
    ) -> Result<Option<R>, Error> {
        // As `read` writes it, with sorted keys.
        let key = serde_json::to_value(point).map_err(unwritten)?.to_string();
        let Some((line, text)) = self.rows.get(&key) else {
            return Ok(None);
        };
        let refused = |detail: String| Error::Journal {
            path: self.path.clone(),
            line: *line,
            detail,
        };
        let found: Line<IgnoredAny, R> =
            serde_json::from_str(text).map_err(|error| refused(format!("it is not the row of a point: {error}")))?;
        check(&found.row).map_err(refused)?;
        Ok(Some(found.row))
    }

    /// Adds a finished row.
    pub(super) fn add(&self, point: &impl Serialize, row: &impl Serialize) -> Result<(), Error> {
        // In one piece, so that a kill leaves whole lines and at most a beginning of one.
        let line = text(&Line { point, row })? + "\n";
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.write_all(line.as_bytes()).map_err(Error::write(&self.path))
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        // Closing the file is not enough where a process that is just being started has it open too.
        let file = self.file.get_mut().unwrap_or_else(PoisonError::into_inner);
        let _ = file.unlock();
    }
}

fn text(data: &impl Serialize) -> Result<String, Error> {
    serde_json::to_string(data).map_err(unwritten)
}

fn unwritten(error: serde_json::Error) -> Error {
    Error::Internal {
        what: format!("a row cannot be written: {error}"),
    }
}

/// The lines after the first, by point; or the line at fault and what is wrong with it.
fn read(bytes: &[u8], head: &Value) -> Result<BTreeMap<String, (usize, String)>, (usize, String)> {
    let mut rows: BTreeMap<String, (usize, String)> = BTreeMap::new();
    let lines = bytes.split(|&b| b == b'\n').filter(|line| !line.is_empty());
    for (number, line) in lines.enumerate() {
        let refused = |detail: String| (number + 1, detail);
        if number == 0 {
            let found: Value =
                serde_json::from_slice(line).map_err(|error| refused(format!("it is not a journal: {error}")))?;
            if let Some(difference) = difference(head, &found) {
                return Err(refused(format!("it belongs to another study: {difference}")));
            }
            continue;
        }
        let line = std::str::from_utf8(line).map_err(|error| refused(format!("it is not UTF-8 text: {error}")))?;
        let parsed: Line<Value, IgnoredAny> =
            serde_json::from_str(line).map_err(|error| refused(format!("it is not the row of a point: {error}")))?;
        let point = parsed.point.to_string();
        match rows.get(&point) {
            Some((first, other)) if other != line => {
                return Err(refused(format!(
                    "it differs from line {first}, of the same point {point}"
                )));
            }
            Some(_) => {}
            None => {
                rows.insert(point, (number + 1, line.to_owned()));
            }
        }
    }
    Ok(rows)
}

/// The first field in which two headers differ, in words.
fn difference(wanted: &Value, found: &Value) -> Option<String> {
    match (wanted, found) {
        (Value::Object(a), Value::Object(b)) => {
            let extra = b
                .keys()
                .find(|key| !a.contains_key(*key))
                .map(|key| format!("it has `{key}`"));
            // What it is of, before what that leads to.
            let mut fields: Vec<(&String, &Value)> = a.iter().collect();
            fields.sort_by_key(|(key, _)| match key.as_str() {
                "schema" | "version" | "study" => 0,
                "settings" => 1,
                _ => 2,
            });
            fields
                .into_iter()
                .find_map(|(key, value)| match b.get(key) {
                    None => Some(format!("it has no `{key}`")),
                    Some(Value::Object(_)) if value.is_object() => difference(value, &b[key]),
                    Some(other) if other == value => None,
                    Some(_) if key == "whole" => Some("its problem is not the same in all details".to_owned()),
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
