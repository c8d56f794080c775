//! Text of any Unicode encoding, and files of other programs by their first bytes.

use crate::error::{FOREIGN, TableError};

/// The text of a file: UTF-8, or UTF-16 of either byte order; a byte-order mark at its start is dropped.
///
/// # Errors
/// [`TableError::Foreign`], [`TableError::Binary`], [`TableError::Encoding`].
pub(crate) fn decode(bytes: &[u8]) -> Result<String, TableError> {
    let is_text = std::str::from_utf8(bytes).is_ok_and(|text| !text.contains('\0'));
    let foreign = FOREIGN.iter().find(|(magic, ..)| !is_text && bytes.starts_with(magic));
    if let Some(&(_, what, remedy)) = foreign {
        return Err(TableError::Foreign { what, remedy });
    }
    let utf16 = |bytes: &[u8], unit: fn([u8; 2]) -> u16| {
        let units: Vec<u16> = bytes.chunks_exact(2).map(|pair| unit([pair[0], pair[1]])).collect();
        let whole = bytes.len().is_multiple_of(2);
        String::from_utf16(&units)
            .ok()
            .filter(|_| whole)
            .ok_or(TableError::Binary)
    };
    match bytes {
        [0xff, 0xfe, rest @ ..] => return utf16(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => return utf16(rest, u16::from_be_bytes),
        // Without a mark: every other byte of the first characters is zero.
        [a, 0, b, 0, ..] if *a != 0 && *b != 0 => return utf16(bytes, u16::from_le_bytes),
        [0, a, 0, b, ..] if *a != 0 && *b != 0 => return utf16(bytes, u16::from_be_bytes),
        _ => {}
    }
    if bytes.contains(&0) {
        return Err(TableError::Binary);
    }
    let text = std::str::from_utf8(bytes).map_err(|error| TableError::Encoding {
        at: error.valid_up_to() as u64,
    })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    // Lines of old Macs, and of Excel there.
    Ok(if text.contains('\n') {
        text.to_owned()
    } else {
        text.replace('\r', "\n")
    })
}
