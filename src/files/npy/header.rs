//! The header of a `.npy` file: the one parser of it, as strict as NumPy's.
//!
//! Magic bytes, a version, a length, and a Python dictionary with exactly the keys `descr`, `fortran_order` and `shape`.
//! Python lets the last of two equal keys win; here every key stands once, so that a file has one meaning.

use std::fmt;
use std::io::Read;

use super::Number;
use crate::error::{ArrayError, Contents};
use crate::problem::MAX_CLASS_SIZE;

/// Deepest nesting of a structured type that is looked through.
const MAX_DEPTH: usize = 32;

/// What a header says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) element: Result<Element, String>,
    pub(super) fortran_order: bool,
    pub(super) shape: Vec<u64>,
    /// Where the data begin.
    pub(super) end: usize,
}

/// A number type of at most eight bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Element {
    pub(super) kind: NumberKind,
    pub(super) width: usize,
    pub(super) big_endian: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NumberKind {
    Bool,
    Signed,
    Unsigned,
    Float,
}

impl Header {
    /// Most bytes of a header that [`Header::read`] reads: NumPy's own have a few hundred.
    const MOST: u64 = 1 << 20;

    /// Reads a header from the front of a file, and no more than that.
    pub(super) fn read(file: &mut impl Read) -> std::io::Result<Result<Self, ArrayError>> {
        let mut bytes = Vec::new();
        file.by_ref().take(12).read_to_end(&mut bytes)?;
        let end = match bytes[..] {
            [_, _, _, _, _, _, 1, 0, low, high, ..] => 10 + u64::from(u16::from_le_bytes([low, high])),
            [_, _, _, _, _, _, 2 | 3, 0, a, b, c, d] => 12 + u64::from(u32::from_le_bytes([a, b, c, d])),
            // The parser says what is wrong.
            _ => return Ok(Self::parse(&bytes)),
        };
        if end > Self::MOST {
            let detail = format!("the header is {end} bytes long");
            return Ok(Err(ArrayError::Header { detail }));
        }
        file.by_ref().take(end.saturating_sub(12)).read_to_end(&mut bytes)?;
        bytes.truncate(end as usize);
        Ok(Self::parse(&bytes))
    }

    /// Parses the header of a whole file.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, ArrayError> {
        if bytes.starts_with(b"PK\x03\x04") || bytes.starts_with(b"PK\x05\x06") {
            return Err(ArrayError::Archive);
        }
        parse(bytes).map_err(|detail| ArrayError::Header { detail })
    }

    /// The element type and the bytes of the data, which end where the file of `length` bytes does.
    pub(super) fn checked(&self, length: u64, contents: Contents) -> Result<(Element, u64), ArrayError> {
        let of_type = |found: &String| ArrayError::Type {
            contents,
            found: found.clone(),
        };
        let element = *self.element.as_ref().map_err(of_type)?;
        self.check_length(length, element.width).map(|bytes| (element, bytes))
    }

    /// The data of a whole file, of elements of so many bytes.
    pub(super) fn data<'a>(&self, bytes: &'a [u8], width: usize) -> Result<&'a [u8], ArrayError> {
        self.check_length(bytes.len() as u64, width)?;
        Ok(&bytes[self.end..])
    }

    fn check_length(&self, length: u64, width: usize) -> Result<u64, ArrayError> {
        let found = length.saturating_sub(self.end as u64);
        let expected = self
            .elements()
            .and_then(|elements| elements.checked_mul(width as u64))
            .ok_or_else(|| ArrayError::Header {
                detail: format!("the shape {:?} is too large", self.shape),
            })?;
        if found < expected {
            return Err(ArrayError::Truncated { expected, found });
        }
        if found > expected {
            let extra = found - expected;
            return Err(ArrayError::Trailing { expected, extra });
        }
        Ok(expected)
    }

    /// Number of elements, if it can be counted.
    pub(super) fn elements(&self) -> Option<u64> {
        // NumPy writes shapes such as (0, 2^62, 2^62), whose product is 0.
        if self.shape.contains(&0) {
            return Some(0);
        }
        self.shape.iter().try_fold(1u64, |product, &n| product.checked_mul(n))
    }
}

fn parse(bytes: &[u8]) -> Result<Header, String> {
    let Some(rest) = bytes.strip_prefix(b"\x93NUMPY") else {
        return Err("it does not begin with \\x93NUMPY".to_owned());
    };
    let cut = || "it ends in its header".to_owned();
    let [major, minor, rest @ ..] = rest else {
        return Err(cut());
    };
    let (length, before) = match (major, minor) {
        (1, 0) => {
            let length = rest.first_chunk().ok_or_else(cut)?;
            (u32::from(u16::from_le_bytes(*length)), 10)
        }
        (2 | 3, 0) => {
            let length = rest.first_chunk().ok_or_else(cut)?;
            (u32::from_le_bytes(*length), 12)
        }
        _ => return Err(format!("version {major}.{minor} of the format is unknown")),
    };
    let end = usize::try_from(length)
        .ok()
        .and_then(|length| length.checked_add(before));
    let end = end.ok_or_else(cut)?;
    let text = bytes.get(before..end).ok_or_else(cut)?;
    let text = match major {
        3 => std::str::from_utf8(text)
            .map_err(|_| "it is not UTF-8".to_owned())?
            .to_owned(),
        // Latin-1: every byte is the character of its number.
        _ => text.iter().map(|&byte| char::from(byte)).collect(),
    };
    let mut reader = Reader {
        text: &text,
        // Python 2 wrote large lengths as 10L, before version 3.
        long_suffix: *major < 3,
    };
    let entries = reader.dictionary()?;
    let value = |key: &str| {
        let mut found = entries.iter().filter(|entry| entry.key == key);
        match (found.next(), found.next()) {
            (Some(entry), None) => Ok(entry),
            (None, _) => Err(format!("the key `{key}` is missing")),
            (Some(_), Some(_)) => Err(format!("the key `{key}` is given more than once")),
        }
    };
    if let Some(entry) = entries
        .iter()
        .find(|entry| !["descr", "fortran_order", "shape"].contains(&entry.key))
    {
        return Err(format!("the key `{}` is unknown", start(entry.key)));
    }
    let (descr, order, shape) = (value("descr")?, value("fortran_order")?, value("shape")?);
    let wrong =
        |entry: &Entry<'_>, needed: &str| format!("`{}` is {}, and {needed} is needed", entry.key, start(entry.source));
    Ok(Header {
        element: match &descr.value {
            Literal::Text(text) => Element::parse(text).ok_or_else(|| start(text)),
            Literal::List | Literal::Tuple(_) => Err("a structured type".to_owned()),
            Literal::Word(_) => return Err(wrong(descr, "a type")),
        },
        fortran_order: match order.value {
            Literal::Word("True") => true,
            Literal::Word("False") => false,
            _ => return Err(wrong(order, "True or False")),
        },
        shape: match &shape.value {
            Literal::Tuple(items) => items
                .iter()
                .map(|item| reader.length(item).ok_or_else(|| wrong(shape, "a tuple of lengths")))
                .collect::<Result<_, _>>()?,
            _ => return Err(wrong(shape, "a tuple of lengths")),
        },
        end,
    })
}

impl Element {
    /// A type as NumPy writes it: byte order, kind and width. Without a byte order it would be that of the reader.
    fn parse(descr: &str) -> Option<Self> {
        let (order, rest) = descr.split_at_checked(1)?;
        let (kind, width) = rest.split_at_checked(1)?;
        let (kind, widths): (_, &[usize]) = match kind {
            "b" => (NumberKind::Bool, &[1]),
            "i" => (NumberKind::Signed, &[1, 2, 4, 8]),
            "u" => (NumberKind::Unsigned, &[1, 2, 4, 8]),
            "f" => (NumberKind::Float, &[2, 4, 8]),
            _ => return None,
        };
        let width = *widths.iter().find(|candidate| candidate.to_string() == width)?;
        match order {
            "<" | ">" => {}
            "|" if width == 1 => {}
            _ => return None,
        }
        Some(Self {
            kind,
            width,
            big_endian: order == ">",
        })
    }
}

impl Element {
    /// The element that these bytes are, which are as many as its width.
    pub(super) fn number(self, chunk: &[u8]) -> Number {
        let Self {
            kind,
            width,
            big_endian,
        } = self;
        let mut bytes = [0u8; 8];
        bytes[..width].copy_from_slice(chunk);
        if big_endian {
            bytes[..width].reverse();
        }
        let unsigned = u64::from_le_bytes(bytes);
        let unused = 64 - 8 * width as u32;
        match kind {
            NumberKind::Bool => Number::Whole(i128::from(unsigned != 0)),
            NumberKind::Unsigned => Number::Whole(unsigned.into()),
            // Shifted up and down again, the sign fills the upper bits.
            NumberKind::Signed => Number::Whole(((unsigned << unused) as i64 >> unused).into()),
            NumberKind::Float if width == 2 => Number::Real(half(unsigned as u16)),
            NumberKind::Float if width == 4 => Number::Real(f32::from_bits(unsigned as u32).into()),
            NumberKind::Float => Number::Real(f64::from_bits(unsigned)),
        }
    }

    /// Largest whole number up to which a float of this width holds every one; that of the others is beyond any size.
    pub(super) fn exact(self) -> f64 {
        match (self.kind, self.width) {
            (NumberKind::Float, 2) => 2_048.0,
            (NumberKind::Float, 4) => 16_777_216.0,
            _ => MAX_CLASS_SIZE,
        }
    }
}

/// The value of a number in half precision: one bit of sign, five of exponent, ten of fraction.
pub(super) fn half(bits: u16) -> f64 {
    let fraction = f64::from(bits & 0x3ff);
    let magnitude = match (bits >> 10) & 0x1f {
        0 => fraction * 2f64.powi(-24),
        0x1f if bits & 0x3ff == 0 => f64::INFINITY,
        0x1f => f64::NAN,
        exponent => (1024.0 + fraction) * 2f64.powi(i32::from(exponent) - 25),
    };
    if bits & 0x8000 == 0 { magnitude } else { -magnitude }
}

impl fmt::Display for Element {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let order = match (self.width, self.big_endian) {
            (1, _) => '|',
            (_, true) => '>',
            (_, false) => '<',
        };
        let kind = match self.kind {
            NumberKind::Bool => 'b',
            NumberKind::Signed => 'i',
            NumberKind::Unsigned => 'u',
            NumberKind::Float => 'f',
        };
        write!(f, "{order}{kind}{}", self.width)
    }
}

/// One key of the dictionary, its value, and the text of the value.
struct Entry<'a> {
    key: &'a str,
    value: Literal<'a>,
    source: &'a str,
}

/// A Python literal, as far as headers have them.
enum Literal<'a> {
    /// A string, without its quotes; escapes stay as they are.
    Text(&'a str),
    /// A number or a name such as `True`.
    Word(&'a str),
    Tuple(Vec<Literal<'a>>),
    List,
}

/// Reads literals from the front of a text.
struct Reader<'a> {
    text: &'a str,
    long_suffix: bool,
}

impl<'a> Reader<'a> {
    /// The whole text as one dictionary.
    fn dictionary(&mut self) -> Result<Vec<Entry<'a>>, String> {
        let mut entries = Vec::new();
        self.expect('{')?;
        while !self.accept('}') {
            let Some(key) = self.string()? else {
                return Err(self.unexpected("a key in quotes"));
            };
            self.expect(':')?;
            self.skip_space();
            let before = self.text;
            let value = self.literal(0)?;
            let source = &before[..before.len() - self.text.len()];
            entries.push(Entry { key, value, source });
            if !self.accept(',') {
                self.expect('}')?;
                break;
            }
        }
        self.skip_space();
        if self.text.is_empty() {
            Ok(entries)
        } else {
            Err(self.unexpected("the end of the header"))
        }
    }

    fn literal(&mut self, depth: usize) -> Result<Literal<'a>, String> {
        if depth > MAX_DEPTH {
            return Err("its brackets are nested too deeply".to_owned());
        }
        if let Some(text) = self.string()? {
            return Ok(Literal::Text(text));
        }
        if self.accept('(') {
            let (mut items, comma) = self.items(')', depth)?;
            // In Python, (3) is the number.
            return Ok(match (items.pop(), items.is_empty()) {
                (Some(item), true) if !comma => item,
                (Some(item), _) => {
                    items.push(item);
                    Literal::Tuple(items)
                }
                (None, _) => Literal::Tuple(items),
            });
        }
        if self.accept('[') {
            self.items(']', depth)?;
            return Ok(Literal::List);
        }
        self.skip_space();
        let length = self
            .text
            .find(|c: char| !c.is_ascii_alphanumeric() && !"_.+-".contains(c))
            .unwrap_or(self.text.len());
        if length == 0 {
            return Err(self.unexpected("a value"));
        }
        let (word, rest) = self.text.split_at(length);
        self.text = rest;
        Ok(Literal::Word(word))
    }

    /// Literals up to the bracket that closes them, and whether a comma follows the last.
    fn items(&mut self, close: char, depth: usize) -> Result<(Vec<Literal<'a>>, bool), String> {
        let mut items = Vec::new();
        loop {
            if self.accept(close) {
                let comma = !items.is_empty();
                return Ok((items, comma));
            }
            items.push(self.literal(depth + 1)?);
            if !self.accept(',') {
                self.expect(close)?;
                return Ok((items, false));
            }
        }
    }

    /// A string in single or double quotes, if one comes next.
    fn string(&mut self) -> Result<Option<&'a str>, String> {
        let Some(quote) = ['\'', '"'].into_iter().find(|&quote| self.accept(quote)) else {
            return Ok(None);
        };
        let mut escaped = false;
        for (at, c) in self.text.char_indices() {
            match c {
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                '\n' | '\r' => break,
                c if c == quote => {
                    let text = &self.text[..at];
                    self.text = &self.text[at + 1..];
                    return Ok(Some(text));
                }
                _ => {}
            }
        }
        Err("a quote is not closed".to_owned())
    }

    /// A length of a shape, as Python writes whole numbers.
    fn length(&self, item: &Literal<'_>) -> Option<u64> {
        let Literal::Word(word) = item else {
            return None;
        };
        let word = match word.strip_suffix('L') {
            Some(digits) if self.long_suffix => digits,
            _ => word,
        };
        let digits = !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit());
        let zero_first = word.starts_with('0') && word.bytes().any(|byte| byte != b'0');
        word.parse().ok().filter(|_| digits && !zero_first)
    }

    fn skip_space(&mut self) {
        self.text = self.text.trim_start_matches([' ', '\t', '\n', '\r', '\x0c']);
    }

    fn accept(&mut self, c: char) -> bool {
        self.skip_space();
        match self.text.strip_prefix(c) {
            Some(rest) => {
                self.text = rest;
                true
            }
            None => false,
        }
    }

    fn expect(&mut self, c: char) -> Result<(), String> {
        if self.accept(c) {
            Ok(())
        } else {
            Err(self.unexpected(&format!("`{c}`")))
        }
    }

    fn unexpected(&self, wanted: &str) -> String {
        match self.text.chars().next() {
            Some(c) => format!("{c:?} stands where {wanted} should"),
            None => format!("it ends where {wanted} should stand"),
        }
    }
}

/// The start of a text that may be long.
fn start(text: &str) -> String {
    const LONGEST: usize = 40;
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests;
