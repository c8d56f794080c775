//! Text by lines: separated values, pairs, printed tables, image lists, one value a line.

use super::number::{Whole, whole};
use super::{Row, Table, with_header};
use crate::error::{Format, TableError, Word};

/// A line that says something, with its number from 1.
type Line<'a> = (usize, &'a str);

/// Separators in the order in which they are tried: what is in names comes last.
const SEPARATORS: [char; 4] = ['\t', ';', ',', '|'];

pub(super) fn table(text: &str) -> Result<Table, TableError> {
    let said = |&(_, line): &Line<'_>| !line.trim().is_empty() && !line.trim_start().starts_with('#');
    let mut lines: Vec<Line<'_>> = (1..).zip(text.lines()).filter(said).collect();
    // Excel's own first line.
    let declared = lines.first().and_then(|(_, line)| {
        let mut rest = line.trim().strip_prefix("sep=")?.chars();
        rest.next().filter(|_| rest.next().is_none())
    });
    if declared.is_some() {
        lines.remove(0);
    }
    if lines.is_empty() {
        return Err(TableError::Empty);
    }
    if let Some(error) = of_python(&lines) {
        return Err(error);
    }
    if let Some(printed) = printed(&lines)? {
        return Ok(printed);
    }
    if let Some(listed) = listed(&lines)? {
        return Ok(listed);
    }
    if declared.is_none()
        && let Some(pairs) = pairs(&lines)
    {
        return Ok(pairs);
    }
    let skipped = lines[0].0 - 1;
    let mut ragged = None;
    for separator in declared.map_or(SEPARATORS.to_vec(), |separator| vec![separator]) {
        let format = Format::Separated(separator);
        let Some(rows) = separated(text, skipped, separator)? else {
            continue;
        };
        match uniform(format, rows) {
            Ok(rows) if separator == ',' && in_words(&rows) => {}
            Ok(rows) => return Ok(with_header(format, rows)),
            Err(error) => ragged = ragged.or(Some(error)),
        }
    }
    if let Some(spaced) = spaced(&lines) {
        return Ok(spaced);
    }
    match ragged {
        Some(error) => Err(error),
        None => {
            let row = |&(line, text): &Line<'_>| Row {
                line,
                cells: vec![unquoted(text)],
            };
            Ok(with_header(Format::Lines, lines.iter().map(row).collect()))
        }
    }
}

fn unquoted(text: &str) -> String {
    let text = text.trim();
    let inside = ['"', '\'']
        .into_iter()
        .find_map(|quote| text.strip_prefix(quote)?.strip_suffix(quote));
    inside.unwrap_or(text).to_owned()
}

/// Rows of values between separators, with the quotes of CSV; `None` where no row has two cells.
fn separated(text: &str, skipped: usize, separator: char) -> Result<Option<Vec<Row>>, TableError> {
    let format = Format::Separated(separator);
    let mut rows = Vec::new();
    let mut lines = (1..).zip(text.lines()).skip(skipped);
    while let Some((line, first)) = lines.next() {
        if first.trim().is_empty() || first.trim_start().starts_with('#') {
            continue;
        }
        let mut record = first.to_owned();
        let cells = loop {
            match cells(&record, separator) {
                Some(cells) => break cells,
                // A line break inside of quotes.
                None => match lines.next() {
                    Some((_, next)) => record.extend(["\n", next]),
                    None => return Err(TableError::Quote { format, line }),
                },
            }
        };
        rows.push(Row { line, cells });
    }
    Ok(rows.iter().any(|row| row.cells.len() > 1).then_some(rows))
}

/// The cells of a record; `None` where a quote is still open.
fn cells(record: &str, separator: char) -> Option<Vec<String>> {
    let mut cells = Vec::new();
    let mut rest = record;
    loop {
        let start = rest.trim_start_matches(|c: char| c == ' ' || (c == '\t' && separator != '\t'));
        if let Some(mut inside) = start.strip_prefix('"') {
            let mut cell = String::new();
            loop {
                let end = inside.find('"')?;
                cell.push_str(&inside[..end]);
                inside = &inside[end + 1..];
                match inside.strip_prefix('"') {
                    Some(after) => {
                        cell.push('"');
                        inside = after;
                    }
                    None => break,
                }
            }
            let end = inside.find(separator).unwrap_or(inside.len());
            cell.push_str(inside[..end].trim_end());
            cells.push(cell.trim().to_owned());
            rest = &inside[end..];
        } else {
            let end = rest.find(separator).unwrap_or(rest.len());
            cells.push(rest[..end].trim().to_owned());
            rest = &rest[end..];
        }
        match rest.strip_prefix(separator) {
            Some(after) => rest = after,
            None => return Some(cells),
        }
    }
}

/// The same rows, as long as the first; what is empty in all of them at their end is left out.
fn uniform(format: Format, mut rows: Vec<Row>) -> Result<Vec<Row>, TableError> {
    // 500, and 50, are two values with a comma each, and so is a sheet with an empty column.
    let filled = |row: &Row| {
        row.cells
            .iter()
            .rposition(|cell| !cell.is_empty())
            .map_or(0, |at| at + 1)
    };
    let widest = rows.iter().map(filled).max().unwrap_or(0).max(1);
    for row in &mut rows {
        if row.cells.len() > widest {
            row.cells.truncate(widest);
        }
    }
    let expected = rows[0].cells.len();
    // The rows of a sheet that is wider further down are separators alone, and a table of Markdown has a rule.
    let rule = |cell: &String| cell.len() >= 2 && cell.bytes().all(|byte| b"-:=".contains(&byte));
    rows.retain(|row| filled(row) > 0 && !row.cells.iter().all(|cell| cell.is_empty() || rule(cell)));
    match rows.iter().find(|row| row.cells.len() != expected) {
        Some(row) => Err(TableError::Ragged {
            format,
            line: row.line,
            found: row.cells.len(),
            expected,
        }),
        None => Ok(rows),
    }
}

/// Whether the comma of every row is inside of a number after a name, `cat 2,997`, and not behind the number of a class,
/// `Class 0,500`: those go up by one.
fn in_words(rows: &[Row]) -> bool {
    let number = |row: &Row| -> Option<u64> {
        let [name, thousands] = &row.cells[..] else {
            return None;
        };
        let (_, last) = name.rsplit_once(char::is_whitespace)?;
        let three = thousands.len() == 3 && thousands.bytes().all(|byte| byte.is_ascii_digit());
        last.parse().ok().filter(|_| three && last.len() <= 3)
    };
    let numbers: Option<Vec<u64>> = rows.iter().map(number).collect();
    numbers.is_some_and(|numbers| numbers.windows(2).any(|pair| pair[1] != pair[0] + 1))
}

/// What Python prints of objects that are no tables.
fn of_python(lines: &[Line<'_>]) -> Option<TableError> {
    let (first, last) = (lines[0].1.trim(), lines[lines.len() - 1].1.trim());
    let name = first.split('(').next().unwrap_or_default();
    let called = name.len() < first.len()
        && name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if called && last.ends_with(')') && first.contains(['[', '{']) {
        return Some(TableError::Foreign {
            what: "what Python prints of an object",
            remedy: &[Word::Text(
                "write it with json.dump(dict(counts), file), or an array with numpy.save",
            )],
        });
    }
    let report = ["precision", "recall", "support"];
    report
        .iter()
        .all(|word| first.contains(word))
        .then_some(TableError::Foreign {
            what: "a printed classification report, with rows that are no classes",
            remedy: &[Word::Text(
                "write the support of every class: one `name: number` a line",
            )],
        })
}

/// A `value_counts()` as pandas prints it: an index and numbers, and a last line with the type of them.
fn printed(lines: &[Line<'_>]) -> Result<Option<Table>, TableError> {
    let Some(((_, last), mut lines)) = lines.split_last() else {
        return Ok(None);
    };
    if !last.split(", ").any(|part| part.trim().starts_with("dtype:")) {
        return Ok(None);
    }
    let format = Format::Printed;
    let pair = |text: &str| -> Option<[String; 2]> {
        let (name, number) = text.trim().rsplit_once(char::is_whitespace)?;
        Some([name.trim().to_owned(), number.to_owned()])
    };
    if let Some((line, _)) = lines.iter().find(|(_, text)| text.trim().starts_with("..")) {
        return Err(TableError::Cut { format, line: *line });
    }
    // The name of the index stands alone, or beside that of the numbers.
    let is_row = |text: &str| pair(text).is_some_and(|[_, number]| whole(&number, false) != Whole::No);
    if let Some(((_, first), rest)) = lines.split_first()
        && !is_row(first)
    {
        lines = rest;
    }
    let rows = lines.iter().map(|&(line, text)| {
        let cells = pair(text).map(Vec::from);
        cells.map(|cells| Row { line, cells }).ok_or(TableError::Ragged {
            format,
            line,
            found: 1,
            expected: 2,
        })
    });
    let rows = rows.collect::<Result<_, _>>()?;
    let header = Some(vec!["class".to_owned(), "count".to_owned()]);
    Ok(Some(Table { format, header, rows }))
}

/// A list of YAML: of values alone.
fn listed(lines: &[Line<'_>]) -> Result<Option<Table>, TableError> {
    let item = |text: &str| text.trim_start().strip_prefix("- ").map(unquoted);
    if item(lines[0].1).is_none() {
        return Ok(None);
    }
    let rows: Option<Vec<Row>> = lines
        .iter()
        .map(|&(line, text)| {
            let cell = item(text).filter(|cell| !cell.contains(": ") && !cell.starts_with(['[', '{', '-']))?;
            Some(Row {
                line,
                cells: vec![cell],
            })
        })
        .collect();
    let foreign = TableError::Foreign {
        what: "YAML with more than a list of values",
        remedy: &[Word::Text(
            "write lines of `name: number`, or JSON: json.dump(yaml.safe_load(open(FILE)), file)",
        )],
    };
    let rows = rows.ok_or(foreign)?;
    let format = Format::Lines;
    Ok(Some(Table {
        format,
        header: None,
        rows,
    }))
}

/// Lines of `name: number` or `name = number`.
fn pairs(lines: &[Line<'_>]) -> Option<Table> {
    let row = |&(line, text): &Line<'_>| {
        let text = text.trim().trim_end_matches(',');
        let (name, number) = text.rsplit_once(':').or_else(|| text.rsplit_once('='))?;
        let (name, number) = (unquoted(name), unquoted(number));
        let pair = !name.is_empty() && whole(&number, false) != Whole::No;
        pair.then(|| Row {
            line,
            cells: vec![name, number],
        })
    };
    // The key under which YAML has all pairs.
    let lines = match lines {
        [(_, key), rest @ ..] if key.trim_end().ends_with(':') && !rest.is_empty() => rest,
        lines => lines,
    };
    let rows = lines.iter().map(row).collect::<Option<Vec<Row>>>()?;
    Some(Table {
        format: Format::Pairs,
        header: None,
        rows,
    })
}

/// Columns between spaces: as many in every row, with the index of a printed table before its first; or a name (a path) of
/// any number of words and a number.
fn spaced(lines: &[Line<'_>]) -> Option<Table> {
    let words = |text: &str| -> Vec<String> { text.split_whitespace().map(str::to_owned).collect() };
    let mut rows: Vec<Row> = lines
        .iter()
        .map(|&(line, text)| Row {
            line,
            cells: words(text),
        })
        .collect();
    let numeral = |cell: &String| whole(cell, false) != Whole::No;
    let format = Format::Spaced;
    let ends_in_number = |row: &Row| row.cells.len() > 1 && row.cells.last().is_some_and(numeral);
    let named = |row: &Row| !row.cells[..row.cells.len() - 1].iter().any(numeral);
    let body = if ends_in_number(&rows[0]) { 0 } else { 1 };
    let all_end_in_number = rows.len() > body && rows[body..].iter().all(ends_in_number);
    // Other numbers than those of a name, `Class 0`, are columns of their own.
    let plain = |row: &Row| {
        let name = &row.cells[..row.cells.len() - 1];
        name.iter()
            .all(|cell| matches!(whole(cell, false), Whole::No | Whole::Number(_)))
    };
    let all_end_in_number = all_end_in_number && rows[body..].iter().all(plain);
    let width = rows[body.min(rows.len() - 1)].cells.len();
    let even = rows[body.min(rows.len() - 1)..]
        .iter()
        .all(|row| row.cells.len() == width);
    if all_end_in_number && (!even || (width > 2 && rows[body..].iter().all(named))) {
        // Words of a name, and its number. A header of another length would be a guess.
        let joined = |text: &str| -> Vec<String> {
            let (name, number) = text.trim().rsplit_once(char::is_whitespace).unwrap_or((text, ""));
            vec![unquoted(name), number.to_owned()]
        };
        let rows: Vec<Row> = lines
            .iter()
            .map(|&(line, text)| Row {
                line,
                cells: joined(text),
            })
            .collect();
        return Some(with_header(format, rows));
    }
    if even && width > 1 {
        match rows[0].cells.len() {
            here if here == width => return Some(with_header(format, rows)),
            here if body == 1 && here + 1 == width => {
                let header = std::iter::once(String::new()).chain(rows.remove(0).cells).collect();
                return Some(Table {
                    format,
                    header: Some(header),
                    rows,
                });
            }
            _ => {}
        }
    }
    None
}
