//! The array of a `.npz` archive that is meant, as a place in a file.

use std::fs::File;
use std::io::{BufReader, Cursor, Read, Seek, SeekFrom};
use std::path::Path;

use npyz::zip::{CompressionMethod, ZipArchive};

use crate::error::{ArrayError, Error, TableError, Word};
use crate::files::{MAX_TEXT, Wrong};

/// Names of an array among others that say that it is the one of the features.
const NAMES: [&str; 2] = ["embeddings", "features"];

/// Bytes of a `.npy` file, alone or inside of an archive.
pub(super) struct Member {
    pub(super) file: File,
    /// Where it begins.
    pub(super) start: u64,
    pub(super) length: u64,
}

/// Whether a file begins as an archive does.
pub(super) fn is_archive(file: &mut File) -> std::io::Result<bool> {
    let mut magic = Vec::new();
    file.take(4).read_to_end(&mut magic)?;
    file.rewind()?;
    Ok(magic == *b"PK\x03\x04" || magic == *b"PK\x05\x06")
}

/// The only array of an archive, or the one that is called `embeddings` or `features`. What is stored as it is stays where
/// it is; what is compressed goes to a file without a name, so that it can be read in any order.
pub(super) fn member(file: File, path: &Path) -> Result<Member, Error> {
    let damaged = |detail: String| Error::Array {
        path: path.to_owned(),
        source: ArrayError::DamagedArchive { detail },
    };
    let keep = file.try_clone().map_err(Error::read(path))?;
    let mut archive = ZipArchive::new(BufReader::new(file)).map_err(|error| damaged(error.to_string()))?;
    let arrays: Vec<(String, usize)> = (0..archive.len())
        .filter_map(|index| {
            // Encrypted ones have names too.
            let name = archive.by_index_raw(index).ok()?.name().to_owned();
            Some((name.strip_suffix(".npy")?.to_owned(), index))
        })
        .collect();
    let named = arrays.iter().find(|(name, _)| NAMES.contains(&name.as_str()));
    let index = match (&arrays[..], named) {
        ([(_, index)], _) | (_, Some((_, index))) => *index,
        _ => {
            let names = arrays.into_iter().map(|(name, _)| name).collect();
            let source = ArrayError::Members { names };
            return Err(Error::Array {
                path: path.to_owned(),
                source,
            });
        }
    };
    let mut packed = archive.by_index(index).map_err(|error| damaged(error.to_string()))?;
    let length = packed.size();
    if packed.compression() == CompressionMethod::Stored {
        let start = packed.data_start();
        drop(packed);
        let end = keep.metadata().map_err(Error::read(path))?.len();
        if start.checked_add(length).is_none_or(|needed| needed > end) {
            return Err(damaged(format!("an array of {length} bytes goes beyond its end")));
        }
        return Ok(Member {
            file: keep,
            start,
            length,
        });
    }
    let mut spooled = tempfile::tempfile().map_err(Error::write(&std::env::temp_dir()))?;
    // One byte more than there should be tells of a wrong length. A bad checksum is an error at the end.
    let copied = std::io::copy(&mut packed.by_ref().take(length.saturating_add(1)), &mut spooled)
        .map_err(|error| damaged(error.to_string()))?;
    if copied != length {
        return Err(damaged(format!("it promises {length} bytes and holds others")));
    }
    spooled.seek(SeekFrom::Start(0)).map_err(Error::read(path))?;
    Ok(Member {
        file: spooled,
        start: 0,
        length,
    })
}

/// The bytes of the array of an archive in memory that is meant: the one of a name, the only one, or the only one with a
/// name of `known`.
pub(crate) fn array(bytes: &[u8], key: Option<&str>, known: &[&str]) -> Result<Vec<u8>, Wrong> {
    let damaged = |detail: String| ArrayError::DamagedArchive { detail };
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(|error| damaged(error.to_string()))?;
    let files: Vec<String> = (0..archive.len())
        .filter_map(|index| Some(archive.by_index_raw(index).ok()?.name().to_owned()))
        .collect();
    let foreign = |what, remedy| Err(TableError::Foreign { what, remedy }.into());
    if files.iter().any(|name| name.starts_with("xl/")) {
        let remedy = &[Word::Text("save the sheet in Excel as \"CSV UTF-8\"")];
        return foreign("an Excel workbook (.xlsx)", remedy);
    }
    if files.iter().any(|name| name.ends_with("data.pkl")) {
        let remedy = &[Word::Text(
            "save the tensor as an array: numpy.save(\"y.npy\", tensor.cpu().numpy())",
        )];
        return foreign("a file of torch.save", remedy);
    }
    let names: Vec<String> = files
        .iter()
        .filter_map(|name| name.strip_suffix(".npy"))
        .map(str::to_owned)
        .collect();
    if names.is_empty() && !files.is_empty() {
        let remedy = &[Word::Text("unpack it, and give the file that has the counts or labels")];
        return foreign("a ZIP archive without arrays", remedy);
    }
    let known: Vec<&String> = names.iter().filter(|name| known.contains(&name.as_str())).collect();
    let name = match (key, &names[..], &known[..]) {
        (Some(key), ..) => names.iter().find(|name| *name == key.trim_end_matches(".npy")),
        (None, [one], _) => Some(one),
        (None, _, [one]) => Some(*one),
        _ => None,
    };
    let Some(name) = name else {
        let wanted = key.map(str::to_owned);
        return Err(ArrayError::Key { names, wanted }.into());
    };
    let mut packed = archive
        .by_name(&format!("{name}.npy"))
        .map_err(|error| damaged(error.to_string()))?;
    let mut found = Vec::new();
    let read = packed.by_ref().take(MAX_TEXT + 1).read_to_end(&mut found);
    read.map_err(|error| damaged(error.to_string()))?;
    if found.len() as u64 > MAX_TEXT {
        return Err(damaged(format!("`{name}` is larger than 1 GB")).into());
    }
    Ok(found)
}
