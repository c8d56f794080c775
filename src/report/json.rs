//! JSON that a person can read: objects one field a line, arrays on one line.

use std::io::Write;

use serde::Serialize;

/// The JSON form of data with string keys and finite numbers, ending in a newline.
///
/// # Panics
/// If a key is no string, or a number not finite.
pub fn json(data: &impl Serialize) -> String {
    let mut bytes = Vec::new();
    let mut serializer = serde_json::Serializer::with_formatter(&mut bytes, ShortArrays::default());
    data.serialize(&mut serializer)
        .expect("a report has string keys and finite numbers");
    bytes.push(b'\n');
    String::from_utf8(bytes).expect("JSON is UTF-8")
}

/// Objects one field a line, arrays on the line of their key.
#[derive(Default)]
struct ShortArrays {
    objects: usize,
    arrays: usize,
}

impl ShortArrays {
    fn line<W: ?Sized + Write>(&self, out: &mut W) -> std::io::Result<()> {
        if self.arrays > 0 {
            Ok(())
        } else {
            write!(out, "\n{:width$}", "", width = 2 * self.objects)
        }
    }
}

impl serde_json::ser::Formatter for ShortArrays {
    fn begin_array<W: ?Sized + Write>(&mut self, out: &mut W) -> std::io::Result<()> {
        self.arrays += 1;
        out.write_all(b"[")
    }

    fn end_array<W: ?Sized + Write>(&mut self, out: &mut W) -> std::io::Result<()> {
        self.arrays -= 1;
        out.write_all(b"]")
    }

    fn begin_array_value<W: ?Sized + Write>(&mut self, out: &mut W, first: bool) -> std::io::Result<()> {
        if first { Ok(()) } else { out.write_all(b", ") }
    }

    fn begin_object<W: ?Sized + Write>(&mut self, out: &mut W) -> std::io::Result<()> {
        self.objects += 1;
        out.write_all(b"{")
    }

    fn end_object<W: ?Sized + Write>(&mut self, out: &mut W) -> std::io::Result<()> {
        self.objects -= 1;
        self.line(out)?;
        out.write_all(b"}")
    }

    fn begin_object_key<W: ?Sized + Write>(&mut self, out: &mut W, first: bool) -> std::io::Result<()> {
        if !first {
            out.write_all(if self.arrays > 0 { b", " } else { b"," })?;
        }
        self.line(out)
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, out: &mut W) -> std::io::Result<()> {
        out.write_all(b": ")
    }
}
