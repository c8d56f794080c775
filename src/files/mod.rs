//! Whole files: read at once, written so that a broken file is never seen.

pub mod counts;
pub mod labels;
pub mod note;
pub mod npy;
mod table;
mod text;

use std::io::{Read, Write};
use std::path::Path;
use std::sync::OnceLock;

use crate::error::{ArrayError, Error, TableError};

/// The name of standard input.
pub const STDIN: &str = "-";

/// Most that is read from what has no length, such as a pipe, in bytes.
const MAX_STREAM: u64 = 4 << 30;

/// Reads a file, or standard input for the name [`STDIN`]. What is asked for twice is the same: the input is kept.
///
/// # Errors
/// [`Error::Read`], also for a pipe that does not end within 4 GB.
pub fn read_bytes(path: &Path) -> Result<Vec<u8>, Error> {
    static INPUT: OnceLock<Vec<u8>> = OnceLock::new();
    if path == Path::new(STDIN) {
        if let Some(bytes) = INPUT.get() {
            return Ok(bytes.clone());
        }
        let mut bytes = Vec::new();
        std::io::stdin().read_to_end(&mut bytes).map_err(Error::read(path))?;
        return Ok(INPUT.get_or_init(|| bytes).clone());
    }
    let file = std::fs::File::open(path).map_err(Error::read(path))?;
    if file.metadata().map_err(Error::read(path))?.is_file() {
        return std::fs::read(path).map_err(Error::read(path));
    }
    read_within(
        file,
        path,
        MAX_STREAM,
        "it is no regular file and does not end within 4 GB",
    )
}

/// What is wrong with a file: as an array, or as a table.
pub(crate) enum Wrong {
    Array(ArrayError),
    Table(TableError),
}

impl Wrong {
    /// The error of a file.
    pub(crate) fn at(self, path: &Path) -> Error {
        let path = path.to_owned();
        match self {
            Self::Array(source) => Error::Array { path, source },
            Self::Table(source) => Error::Table { path, source },
        }
    }
}

impl From<ArrayError> for Wrong {
    fn from(error: ArrayError) -> Self {
        Self::Array(error)
    }
}

impl From<TableError> for Wrong {
    fn from(error: TableError) -> Self {
        Self::Table(error)
    }
}

/// Whether a file begins as an archive of arrays does.
pub(crate) fn is_archive(bytes: &[u8]) -> bool {
    bytes.starts_with(b"PK\x03\x04") || bytes.starts_with(b"PK\x05\x06")
}

/// Whether a file is an array, by its first bytes or, if those are damaged, by its name.
pub(crate) fn is_array(bytes: &[u8], path: &Path) -> bool {
    bytes.starts_with(b"\x93NUMPY") || has_extension(path, "npy")
}

/// All of a stream of at most `limit` bytes; `what` it is beyond that.
fn read_within(file: std::fs::File, path: &Path, limit: u64, what: &str) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    // A device has no length that could be checked before.
    file.take(limit + 1)
        .read_to_end(&mut bytes)
        .map_err(Error::read(path))?;
    if bytes.len() as u64 > limit {
        return Err(refused(path, what.to_owned()));
    }
    Ok(bytes)
}

fn refused(path: &Path, what: String) -> Error {
    Error::read(path)(std::io::Error::new(std::io::ErrorKind::InvalidData, what))
}

/// Whether a file name ends in `.` and `extension`, in upper or lower case.
pub fn has_extension(path: &Path, extension: &str) -> bool {
    path.extension()
        .is_some_and(|found| found.eq_ignore_ascii_case(extension))
}

/// Longest text file that is read, in bytes: far above any list of class sizes.
pub const MAX_TEXT: u64 = 1 << 30;

/// Reads a UTF-8 text file, or standard input; a byte-order mark at its start is dropped.
///
/// # Errors
/// [`Error::Read`], also for text that is not UTF-8 or longer than [`MAX_TEXT`].
pub fn read_text(path: &Path) -> Result<String, Error> {
    read_text_within(path, MAX_TEXT, "more than 1 GB of text")
}

/// The same of at most `limit` bytes; `what` is wrong with a longer text.
///
/// # Errors
/// [`Error::Read`], as [`read_text`].
pub fn read_text_within(path: &Path, limit: u64, what: &str) -> Result<String, Error> {
    let bytes = if path == Path::new(STDIN) {
        read_bytes(path)?
    } else {
        let file = std::fs::File::open(path).map_err(Error::read(path))?;
        read_within(file, path, limit, what)?
    };
    if bytes.len() as u64 > limit {
        return Err(refused(path, what.to_owned()));
    }
    let text = String::from_utf8(bytes).map_err(|error| refused(path, format!("not UTF-8 text: {error}")))?;
    Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
}

/// Writes a file through a temporary one in the same folder, so that the old or the new file is there, never a part.
///
/// # Errors
/// [`Error::Write`].
pub fn write_atomically(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let write = || -> std::io::Result<()> {
        let mut file = tempfile::Builder::new().prefix(".ufmin-").tempfile_in(folder)?;
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        #[cfg(unix)]
        {
            // A temporary file is private; the result gets the permissions of an ordinary new file.
            use std::os::unix::fs::PermissionsExt;
            file.as_file().set_permissions(std::fs::Permissions::from_mode(0o644))?;
        }
        file.persist(path).map_err(|error| error.error)?;
        Ok(())
    };
    write().map_err(Error::write(path))
}

/// Makes a folder and its parents, and checks that files can be made in it.
///
/// # Errors
/// [`Error::Write`].
pub fn prepare_folder(path: &Path) -> Result<(), Error> {
    std::fs::create_dir_all(path).map_err(Error::write(path))?;
    tempfile::Builder::new()
        .prefix(".ufmin-")
        .tempfile_in(path)
        .map(drop)
        .map_err(Error::write(path))
}
