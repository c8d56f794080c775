//! Whole files: read at once, written so that a broken file is never seen.

pub mod labels;
pub mod npy;

use std::io::{Read, Write};
use std::path::Path;

use crate::error::Error;

/// Most that is read from what has no length, such as a pipe, in bytes.
const MAX_STREAM: u64 = 4 << 30;

/// Reads a file.
///
/// # Errors
/// [`Error::Read`], also for a pipe that does not end within 4 GB.
pub fn read_bytes(path: &Path) -> Result<Vec<u8>, Error> {
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

/// Reads a UTF-8 text file; a byte-order mark at its start is dropped.
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
    let file = std::fs::File::open(path).map_err(Error::read(path))?;
    let bytes = read_within(file, path, limit, what)?;
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
