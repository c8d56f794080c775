//! [`Label`]: what a class is called where the data set has names of its own.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The number or the name that a data set has for a class. Numbers come before names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Label {
    /// A number, as arrays of integers hold it.
    Number(i128),
    /// A name.
    Text(String),
}

impl Label {
    /// The number, if it is one.
    pub fn number(&self) -> Option<i128> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Text(_) => None,
        }
    }

    /// What messages call a class with this label: `label -1`, `class cat`.
    pub fn title(&self) -> String {
        match self {
            Self::Number(number) => format!("label {number}"),
            Self::Text(name) => format!("class {}", shortened(name)),
        }
    }
}

/// A name that may be long, for a message or a table.
pub fn shortened(name: &str) -> String {
    const LONGEST: usize = 40;
    match name.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}...", &name[..end]),
        None => name.to_owned(),
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Text(name) => f.write_str(name),
        }
    }
}

impl From<i128> for Label {
    fn from(number: i128) -> Self {
        Self::Number(number)
    }
}

/// A number where JSON readers have it exactly, else text.
impl Serialize for Label {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Number(number) => match (i64::try_from(*number), u64::try_from(*number)) {
                (Ok(number), _) => serializer.serialize_i64(number),
                (_, Ok(number)) => serializer.serialize_u64(number),
                _ => serializer.serialize_str(&number.to_string()),
            },
            Self::Text(name) => serializer.serialize_str(name),
        }
    }
}

impl<'de> Deserialize<'de> for Label {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Form {
            Signed(i64),
            Unsigned(u64),
            Text(String),
        }
        Ok(match Form::deserialize(deserializer)? {
            Form::Signed(number) => Self::Number(number.into()),
            Form::Unsigned(number) => Self::Number(number.into()),
            Form::Text(name) => Self::Text(name),
        })
    }
}

/// A number or text, as it is written.
#[cfg(feature = "schema")]
impl schemars::JsonSchema for Label {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Label".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": ["integer", "string"] })
    }
}
