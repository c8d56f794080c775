//! [`View`]: what every verb shows of its answer, in one form for each reader.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::json;

#[cfg(feature = "plot")]
use crate::plot::Figure;

/// An answer that can be shown: as text for a person, as JSON, which it reads back from, in pictures, and as a table where it
/// is one.
pub trait View: Serialize + DeserializeOwned {
    /// Identifier of the JSON form, in its field `schema`.
    const SCHEMA: &'static str;

    /// Reads the JSON form; fields that are not known are left out.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    fn from_json(text: &str) -> Result<Self, String> {
        let value: Value = serde_json::from_str(text).map_err(|error| format!("it is not JSON: {error}"))?;
        match value.get("schema") {
            Some(schema) if schema == Self::SCHEMA => {}
            Some(schema) => return Err(format!("its schema is {schema}, and \"{}\" is needed", Self::SCHEMA)),
            None => {
                return Err(format!(
                    "it has no field `schema`, which should be \"{}\"",
                    Self::SCHEMA
                ));
            }
        }
        Self::deserialize(value).map_err(|error| error.to_string())
    }

    /// The JSON form, ending in a newline.
    fn to_json(&self) -> String {
        json(self)
    }

    /// Text for a person.
    fn text(&self, style: Style) -> String;

    /// The rows for a spreadsheet; `None` where the answer is no table.
    fn table(&self) -> Option<Table> {
        None
    }

    /// The rows as a LaTeX table for print; `None` where the answer has none.
    fn latex(&self) -> Option<String> {
        None
    }

    /// The pictures, each with a name for its file. One that was read back has those that its JSON has the data for.
    #[cfg(feature = "plot")]
    fn figures(&self) -> Vec<(&'static str, Figure)> {
        Vec::new()
    }

    /// Whether the answer is what one would hope for: exit status 0, not 1.
    fn passes(&self) -> bool;

    /// Whether nothing is missing from it: no stop request came before its end.
    fn is_complete(&self) -> bool;
}

/// How text is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Style {
    /// Also how the answer was found.
    pub verbose: bool,
    /// With escape codes for colour.
    pub colour: bool,
    /// Most characters of a line of a table, which is broken between columns there; none for tables as wide as they are.
    pub width: Option<usize>,
}

/// The name of a column, and its cell for a row.
pub type Column<'a, R> = (&'a str, &'a dyn Fn(&R) -> String);

/// A table of named columns.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Table {
    /// Names of the columns.
    pub header: Vec<String>,
    /// A cell for every column; what is not known is empty.
    pub rows: Vec<Vec<String>>,
}

impl Table {
    /// An empty table with these columns.
    pub fn new(header: &[&str]) -> Self {
        Self {
            header: header.iter().map(|&name| name.to_owned()).collect(),
            rows: Vec::new(),
        }
    }

    /// A table with a line for every row.
    pub fn of_rows<R>(rows: &[R], columns: &[Column<'_, R>]) -> Self {
        let line = |row: &R| columns.iter().map(|(_, cell)| cell(row)).collect();
        Self {
            header: columns.iter().map(|&(name, _)| name.to_owned()).collect(),
            rows: rows.iter().map(line).collect(),
        }
    }

    /// The columns with their names: whole numbers, numbers, yes or no where every cell is one, else words.
    pub fn columns(&self) -> Vec<(&str, Cells)> {
        let column = |place: usize| Cells::of(self.rows.iter().map(move |row| row[place].as_str()));
        self.header.iter().map(String::as_str).zip((0..).map(column)).collect()
    }

    /// Comma-separated values, the header first. A cell with a comma or a quote is quoted.
    pub fn to_csv(&self) -> String {
        let cell = |text: &String| {
            if text.contains([',', '"', '\n']) {
                format!("\"{}\"", text.replace('"', "\"\""))
            } else {
                text.clone()
            }
        };
        let line = |cells: &Vec<String>| cells.iter().map(cell).collect::<Vec<_>>().join(",") + "\n";
        std::iter::once(&self.header).chain(&self.rows).map(line).collect()
    }

    /// A LaTeX `tabular` with the rules of booktabs: the first column aligned to the left, the others to the right.
    pub fn to_latex(&self) -> String {
        let line = |cells: &Vec<String>| {
            let cells: Vec<String> = cells.iter().map(|text| latex_cell(text)).collect();
            format!("{} \\\\\n", cells.join(" & "))
        };
        let columns = "r".repeat(self.header.len().saturating_sub(1));
        let mut text = format!(
            "\\begin{{tabular}}{{l{columns}}}\n\\toprule\n{}\\midrule\n",
            line(&self.header)
        );
        text.extend(self.rows.iter().map(line));
        text + "\\bottomrule\n\\end{tabular}\n"
    }
}

/// The cells of a column.
#[derive(Debug, Clone, PartialEq)]
pub enum Cells {
    /// Whole numbers, all of them known.
    Whole(Vec<i64>),
    /// Numbers; what is not known is NaN.
    Real(Vec<f64>),
    /// Yes or no.
    Flags(Vec<bool>),
    /// Anything else; what is not known is empty.
    Words(Vec<String>),
}

impl Cells {
    fn of<'a>(cells: impl Iterator<Item = &'a str> + Clone) -> Self {
        let flag = |cell: &str| match cell {
            "true" => Some(true),
            "false" => Some(false),
            _ => None,
        };
        let real = |cell: &str| match cell {
            "" => Some(f64::NAN),
            // Words that Rust reads as numbers are none here.
            _ if cell.starts_with(|c: char| c.is_alphabetic()) => None,
            _ => cell.parse().ok(),
        };
        if let Some(whole) = cells.clone().map(|cell| cell.parse().ok()).collect() {
            Self::Whole(whole)
        } else if let Some(flags) = cells.clone().map(flag).collect() {
            Self::Flags(flags)
        } else if let Some(reals) = cells.clone().map(real).collect() {
            Self::Real(reals)
        } else {
            Self::Words(cells.map(str::to_owned).collect())
        }
    }
}

/// A number in math mode, so that its minus sign is one; a lone dash for what is not known; all else with its special
/// characters escaped.
fn latex_cell(text: &str) -> String {
    if text == "-" {
        return "--".to_owned();
    }
    if text.starts_with('-') && text.parse::<f64>().is_ok() {
        return format!("${text}$");
    }
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\\' => escaped.push_str("\\textbackslash{}"),
            '~' => escaped.push_str("\\textasciitilde{}"),
            '^' => escaped.push_str("\\textasciicircum{}"),
            '&' | '%' | '$' | '#' | '_' | '{' | '}' => escaped.extend(['\\', character]),
            _ => escaped.push(character),
        }
    }
    escaped
}

/// A cell for a value that may be unknown.
pub(crate) fn cell(value: Option<impl ToString>) -> String {
    value.map_or_else(String::new, |value| value.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_quoted_where_they_must_be() {
        let table = Table {
            rows: vec![
                vec!["0.1".to_owned(), "a,b".to_owned()],
                vec![String::new(), "\"c\"".to_owned()],
            ],
            ..Table::new(&["x", "name"])
        };
        assert_eq!(table.to_csv(), "x,name\n0.1,\"a,b\"\n,\"\"\"c\"\"\"\n");
        assert_eq!(cell(Some(0.1)) + &cell(None::<u64>), "0.1");
    }

    #[test]
    fn columns_have_the_type_of_their_cells() {
        let row = |cells: [&str; 5]| cells.map(str::to_owned).to_vec();
        let table = Table {
            rows: vec![
                row(["3", "0.5", "true", "infinite", ""]),
                row(["-4", "", "false", "1", ""]),
            ],
            ..Table::new(&["whole", "real", "flag", "word", "nothing"])
        };
        let columns = table.columns();
        assert_eq!(columns[0], ("whole", Cells::Whole(vec![3, -4])));
        assert!(matches!(&columns[1].1, Cells::Real(x) if x[0] == 0.5 && x[1].is_nan()));
        assert_eq!(columns[2].1, Cells::Flags(vec![true, false]));
        assert_eq!(columns[3].1, Cells::Words(vec!["infinite".to_owned(), "1".to_owned()]));
        assert!(matches!(&columns[4].1, Cells::Real(x) if x.iter().all(|x| x.is_nan())));
    }

    #[test]
    fn latex_keeps_what_is_special_to_it() {
        let table = Table {
            rows: vec![["a_b & 5%", "-1.5", "-"].map(str::to_owned).to_vec()],
            ..Table::new(&["name", "x", "y"])
        };
        assert_eq!(
            table.to_latex(),
            "\\begin{tabular}{lrr}\n\\toprule\nname & x & y \\\\\n\\midrule\na\\_b \\& 5\\% & $-1.5$ & -- \\\\\n\
             \\bottomrule\n\\end{tabular}\n"
        );
        assert_eq!(
            latex_cell("\\^~"),
            "\\textbackslash{}\\textasciicircum{}\\textasciitilde{}"
        );
    }
}
