//! Arrays of text of a fixed width: `<U3`, NumPy's own, and `|S3`, which is bytes.

use super::header::Header;
use crate::error::{ArrayError, Contents};

/// Most characters of an element that are taken for text.
const WIDEST: usize = 1 << 16;

/// The type of an array of text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Text {
    characters: usize,
    /// Four bytes a character, in this byte order; else one.
    big_endian: Option<bool>,
}

impl Text {
    fn parse(descr: &str) -> Option<Self> {
        let (order, rest) = descr.split_at_checked(1)?;
        let (kind, width) = rest.split_at_checked(1)?;
        let characters = width.parse().ok().filter(|&n: &usize| (1..=WIDEST).contains(&n))?;
        let plain = width.bytes().all(|byte| byte.is_ascii_digit());
        let big_endian = match (order, kind) {
            ("<", "U") => Some(false),
            (">", "U") => Some(true),
            ("|", "S") => None,
            _ => return None,
        };
        plain.then_some(Self { characters, big_endian })
    }

    fn bytes(self) -> usize {
        self.characters * if self.big_endian.is_some() { 4 } else { 1 }
    }

    /// An element without the zeros that fill it up.
    fn element(self, chunk: &[u8]) -> Option<String> {
        let text = match self.big_endian {
            None => std::str::from_utf8(chunk).ok()?.to_owned(),
            Some(big_endian) => chunk
                .chunks_exact(4)
                .map(|unit| {
                    let unit = [unit[0], unit[1], unit[2], unit[3]];
                    char::from_u32(if big_endian {
                        u32::from_be_bytes(unit)
                    } else {
                        u32::from_le_bytes(unit)
                    })
                })
                .collect::<Option<String>>()?,
        };
        Some(text.trim_end_matches('\0').to_owned())
    }
}

/// The elements of a one-dimensional array of text; `None` for an array of another type.
pub(super) fn strings(header: &Header, bytes: &[u8]) -> Option<Result<Vec<String>, ArrayError>> {
    let text = Text::parse(header.element.as_ref().err()?)?;
    Some(elements(text, header, bytes))
}

fn elements(text: Text, header: &Header, bytes: &[u8]) -> Result<Vec<String>, ArrayError> {
    let contents = Contents::Labels;
    if header.shape.iter().filter(|&&n| n != 1).count() > 1 || header.shape.is_empty() {
        let found = header.shape.clone();
        return Err(ArrayError::Shape { contents, found });
    }
    let data = header.data(bytes, text.bytes())?;
    if data.is_empty() {
        return Err(ArrayError::Empty);
    }
    let chunks = data.chunks_exact(text.bytes()).zip(0..);
    chunks
        .map(|(chunk, index)| {
            let value = text.element(chunk).filter(|value| !value.is_empty());
            value.ok_or(ArrayError::Label {
                index,
                value: "empty or no text".to_owned(),
            })
        })
        .collect()
}
