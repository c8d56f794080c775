//! JSON in its usual shapes: a list, an object, records, columns, rows.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

use super::{Row, Table, with_header};
use crate::error::{Format, TableError};

/// A JSON value that keeps the order of its keys, and all of them.
#[derive(Debug, Clone, PartialEq)]
enum Node {
    Null,
    Scalar(String),
    List(Vec<Node>),
    Object(Vec<(String, Node)>),
}

impl Node {
    fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Scalar(_) => "a single value",
            Self::List(_) => "a list",
            Self::Object(_) => "an object",
        }
    }

    /// The text of a cell.
    fn cell(&self) -> Option<String> {
        match self {
            Self::Null => Some(String::new()),
            Self::Scalar(text) => Some(text.clone()),
            Self::List(_) | Self::Object(_) => None,
        }
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NodeVisitor)
    }
}

struct NodeVisitor;

impl<'de> Visitor<'de> for NodeVisitor {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Node, E> {
        Ok(Node::Scalar(value.to_string()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Node, E> {
        Ok(Node::Scalar(value.to_string()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Node, E> {
        Ok(Node::Scalar(value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Node, E> {
        // 500.0 is 500, and 1.5 with all its digits has no place for thousands.
        Ok(Node::Scalar(if value.fract() == 0.0 && value.abs() < 1e15 {
            format!("{value:.0}")
        } else {
            format!("{value:e}")
        }))
    }

    fn visit_str<E>(self, value: &str) -> Result<Node, E> {
        Ok(Node::Scalar(value.trim().to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Node, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Node::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Node, A::Error> {
        let mut object = Vec::new();
        while let Some(entry) = entries.next_entry()? {
            object.push(entry);
        }
        Ok(Node::Object(object))
    }
}

/// Reads one value, or one on every line.
pub(super) fn table(text: &str) -> Result<Table, TableError> {
    let values: Result<Vec<Node>, _> = serde_json::Deserializer::from_str(text).into_iter().collect();
    let mut values = values.map_err(|error| TableError::Json {
        detail: error.to_string(),
    })?;
    match values.len() {
        1 => of_value(values.remove(0)),
        _ => {
            let table = of_value(Node::List(values))?;
            Ok(Table {
                format: Format::JsonLines,
                ..table
            })
        }
    }
}

fn shape(detail: impl Into<String>) -> TableError {
    TableError::JsonShape { detail: detail.into() }
}

fn made(header: Option<Vec<String>>, rows: impl IntoIterator<Item = Vec<String>>) -> Table {
    Table {
        format: Format::Json,
        header,
        rows: (1..).zip(rows).map(|(line, cells)| Row { line, cells }).collect(),
    }
}

fn of_value(value: Node) -> Result<Table, TableError> {
    match value {
        Node::List(items) if items.is_empty() => Err(TableError::Empty),
        Node::List(items) => of_list(&items),
        Node::Object(entries) => of_object(entries),
        Node::Null | Node::Scalar(_) => Err(shape(format!("it is {}", value.kind()))),
    }
}

/// Values, records or rows.
fn of_list(items: &[Node]) -> Result<Table, TableError> {
    if let Some(cells) = items.iter().map(Node::cell).collect::<Option<Vec<_>>>() {
        return Ok(made(None, cells.into_iter().map(|cell| vec![cell])));
    }
    let mut header: Vec<String> = Vec::new();
    for item in items {
        match item {
            Node::Object(entries) => {
                let keys = entries.iter().map(|(key, _)| key);
                header.extend(keys.filter(|key| !header.contains(key)).cloned().collect::<Vec<_>>());
            }
            Node::List(_) => {}
            other => return Err(shape(format!("{} stands among {}s", other.kind(), items[0].kind()))),
        }
    }
    let cell = |node: &Node| node.cell().ok_or_else(|| shape(format!("a cell is {}", node.kind())));
    if header.is_empty() {
        let rows = items.iter().map(|item| match item {
            Node::List(cells) => cells.iter().map(cell).collect(),
            other => Err(shape(format!("{} stands among lists", other.kind()))),
        });
        let rows: Vec<Vec<String>> = rows.collect::<Result<_, _>>()?;
        let expected = rows[0].len();
        if let Some(at) = rows.iter().position(|row| row.len() != expected || row.is_empty()) {
            let found = rows[at].len();
            return Err(shape(format!(
                "list {at} has {found} values, and the first has {expected}"
            )));
        }
        return Ok(with_header(Format::Json, made(None, rows).rows));
    }
    let rows = items.iter().map(|item| match item {
        Node::Object(entries) => {
            let of_key = |key: &String| {
                let mut found = entries.iter().filter(|(name, _)| name == key);
                match (found.next(), found.next()) {
                    (Some((_, value)), None) => cell(value),
                    (None, _) => Ok(String::new()),
                    (Some(_), Some(_)) => Err(shape(format!("a record has the key `{key}` twice"))),
                }
            };
            header.iter().map(of_key).collect()
        }
        other => Err(shape(format!("{} stands among objects", other.kind()))),
    });
    let rows: Vec<Vec<String>> = rows.collect::<Result<_, _>>()?;
    Ok(made(Some(header), rows))
}

/// Names and numbers, or columns: lists, or objects as pandas writes them.
fn of_object(entries: Vec<(String, Node)>) -> Result<Table, TableError> {
    if entries.is_empty() {
        return Err(TableError::Empty);
    }
    if entries.iter().all(|(_, value)| value.cell().is_some()) {
        let rows = entries
            .into_iter()
            .map(|(key, value)| vec![key, value.cell().unwrap_or_default()]);
        // The first column has no name, as the index of a table has none.
        return Ok(made(Some(vec![String::new(), "value".to_owned()]), rows));
    }
    let header: Vec<String> = entries.iter().map(|(key, _)| key.clone()).collect();
    let cell = |node: &Node| node.cell().ok_or_else(|| shape(format!("a cell is {}", node.kind())));
    let mut lists = Vec::new();
    let mut objects = Vec::new();
    for (key, value) in entries {
        match value {
            Node::List(cells) => lists.push(cells),
            Node::Object(cells) => objects.push(cells),
            other => return Err(shape(format!("`{key}` is {} beside lists or objects", other.kind()))),
        }
    }
    if objects.is_empty() {
        let length = lists[0].len();
        if lists.iter().any(|list| list.len() != length) {
            return Err(shape("its lists have different lengths"));
        }
        let row = |at: usize| lists.iter().map(|list| cell(&list[at])).collect();
        let rows: Vec<Vec<String>> = (0..length).map(row).collect::<Result<_, _>>()?;
        return Ok(made(Some(header), rows));
    }
    if !lists.is_empty() {
        return Err(shape("lists and objects stand side by side"));
    }
    let keys: Vec<&String> = objects[0].iter().map(|(key, _)| key).collect();
    if objects
        .iter()
        .any(|object| !object.iter().map(|(key, _)| key).eq(keys.iter().copied()))
    {
        return Err(shape("its objects have different keys"));
    }
    let row = |at: usize| {
        let cells = objects.iter().map(|object| cell(&object[at].1));
        std::iter::once(Ok(keys[at].clone())).chain(cells).collect()
    };
    let rows: Vec<Vec<String>> = (0..keys.len()).map(row).collect::<Result<_, _>>()?;
    let header = std::iter::once(String::new()).chain(header).collect();
    Ok(made(Some(header), rows))
}
