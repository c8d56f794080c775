//! Runs what the book shows and compares what it prints.
//!
//! Text must agree, and numbers in every digit that is shown; the width of white space is ignored. What differs between runs
//! or machines is excepted where the info string of the block says so, by one of these words:
//!
//! * `times`: durations;
//! * `iterations`: counts of iterations, and whether a solver converged or stalled;
//! * `gaps`: what is rounding. Numbers below 1e-9 on both sides, differences between methods below 1e-5 and between minima below
//!   1e-3, and angles that are not proven to be 0;
//! * `digits=N`: numbers agree to two units of the digit `N` or of the last one shown. Of an exact solver 13, of an iterative
//!   one 6.

use std::path::Path;
use std::process::Command;

/// A folder with a copy of `problems/`, `labels.npy` (500, 50 and 5 samples in three classes), `counts.npy` (those
/// numbers), and features of four samples in two classes with a classifier: `points.npy`, `points_again.npy`,
/// `points_labels.npy`, `weights.npy`.
pub(super) fn workspace() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let problems = Path::new(env!("CARGO_MANIFEST_DIR")).join("problems");
    std::fs::create_dir(folder.path().join("problems")).unwrap();
    for entry in std::fs::read_dir(problems).unwrap() {
        let path = entry.unwrap().path();
        std::fs::copy(&path, folder.path().join("problems").join(path.file_name().unwrap())).unwrap();
    }
    let counts = [500u16, 50, 5];
    let labels = (0u8..).zip(counts).flat_map(|(label, count)| vec![label; count.into()]);
    let write = |name, bytes| std::fs::write(folder.path().join(name), bytes).unwrap();
    write("labels.npy", npy("|u1", "(555,)", labels));
    write(
        "counts.npy",
        npy("<u2", "(3,)", counts.into_iter().flat_map(u16::to_le_bytes)),
    );
    let doubles = |shape, values: &[f64]| {
        let data: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        npy("<f8", shape, data.into_iter())
    };
    let points = [1.0, 0.1, 1.0, -0.2, -1.0, 0.3, -0.8, 0.1];
    write("points.npy", doubles("(4, 2)", &points));
    write("points_again.npy", doubles("(4, 2)", &points.map(|x| x + 0.05)));
    write("points_labels.npy", npy("|u1", "(4,)", [0, 0, 1, 1].into_iter()));
    write("weights.npy", doubles("(2, 2)", &[1.0, 0.0, -1.0, 0.1]));
    folder
}

/// An array, as `numpy.save` writes it.
fn npy(descr: &str, shape: &str, data: impl Iterator<Item = u8>) -> Vec<u8> {
    let mut header = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}");
    header.push_str(&" ".repeat(128 - 10 - 1 - header.len()));
    header.push('\n');
    let mut bytes = b"\x93NUMPY\x01\x00\x76\x00".to_vec();
    bytes.extend_from_slice(header.as_bytes());
    bytes.extend(data);
    bytes
}

/// Runs `ufmin ARGUMENTS [> FILE] [# exit N]` in `folder`; returns what it prints, by lines.
pub(super) fn run(command: &str, folder: &Path) -> Result<Vec<String>, String> {
    let (command, status) = match command.split_once("# exit ") {
        Some((command, status)) => (command, status.trim().parse::<i32>().map_err(|e| e.to_string())?),
        None => (command, 0),
    };
    let (command, file) = match command.split_once(" > ") {
        Some((command, file)) => (command, Some(file.trim())),
        None => (command, None),
    };
    let mut words = command.split_whitespace();
    if words.next() != Some("ufmin") {
        return Err("only ufmin is run".to_owned());
    }
    let output = assert_cmd::Command::cargo_bin("ufmin")
        .map_err(|e| e.to_string())?
        .args(words)
        .current_dir(folder)
        .env("NO_COLOR", "1")
        .env_remove("COLUMNS")
        .output()
        .map_err(|e| e.to_string())?;
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    if output.status.code() != Some(status) {
        return Err(format!(
            "status {:?} instead of {status}\n{errors}",
            output.status.code()
        ));
    }
    let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
    if let Some(file) = file {
        std::fs::write(folder.join(file), &text).unwrap();
        text.clear();
    }
    // A busy machine takes so long that the program says how far it is.
    let waiting = |line: &&str| line.ends_with(" left") && line.contains(" of ");
    let errors: String = errors
        .lines()
        .filter(|line| !waiting(line))
        .map(|line| format!("{line}\n"))
        .collect();
    Ok((text + &errors)
        .lines()
        .map(|line| line.trim_end().to_owned())
        .collect())
}

/// The Python to run scripts with, if there is one that has NumPy. `UFMIN_PYTHON` names it; the default is `python3`.
pub(super) fn python() -> Option<String> {
    let python = std::env::var("UFMIN_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let found = Command::new(&python).args(["-c", "import numpy"]).output().ok()?;
    found.status.success().then_some(python)
}

/// Runs a script in `folder`; returns what it prints, by lines.
pub(super) fn run_python(python: &str, script: &str, folder: &Path) -> Result<Vec<String>, String> {
    let output = Command::new(python)
        .args(["-c", script])
        .current_dir(folder)
        .output()
        .map_err(|e| e.to_string())?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    Ok(String::from_utf8_lossy(&output.stdout)
        .lines()
        .map(|line| line.trim_end().to_owned())
        .collect())
}

/// What a line says: words and numbers.
#[derive(Debug, Clone, PartialEq)]
enum Token {
    Word(String),
    /// As it is written, its value, and the size of two units of the last digit shown.
    Number(String, f64, f64),
}

/// What a block is excepted from; see the module documentation.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Excepted {
    times: bool,
    iterations: bool,
    gaps: bool,
    digits: Option<i32>,
}

impl Excepted {
    /// By the words of an info string; words that say something else are left.
    pub(super) fn of(info: &str) -> Self {
        let mut excepted = Self::default();
        for word in info.split_whitespace() {
            match word {
                "times" => excepted.times = true,
                "iterations" => excepted.iterations = true,
                "gaps" => excepted.gaps = true,
                _ => {
                    if let Some(digits) = word.strip_prefix("digits=") {
                        excepted.digits = Some(digits.parse().unwrap());
                    }
                }
            }
        }
        excepted
    }
}

fn tokens(line: &str) -> Vec<Token> {
    let mut tokens: Vec<Token> = Vec::new();
    for piece in line.split_whitespace() {
        let mut rest = piece;
        while !rest.is_empty() {
            let sign = usize::from(rest.starts_with('-'));
            if rest[sign..].starts_with(|c: char| c.is_ascii_digit()) {
                let length = number_length(rest, sign);
                tokens.push(number(&rest[..length]));
                rest = &rest[length..];
            } else {
                let end = (1..rest.len())
                    .find(|&i| {
                        rest.is_char_boundary(i) && rest[i..].starts_with(|c: char| c.is_ascii_digit() || c == '-')
                    })
                    .unwrap_or(rest.len());
                tokens.push(Token::Word(rest[..end].to_owned()));
                rest = &rest[end..];
            }
        }
    }
    tokens
}

fn number_length(text: &str, sign: usize) -> usize {
    let digits = |from: usize| text[from..].bytes().take_while(u8::is_ascii_digit).count();
    let mut end = sign + digits(sign);
    if text[end..].starts_with('.') && digits(end + 1) > 0 {
        end += 1 + digits(end + 1);
    }
    if text[end..].starts_with('e') {
        let sign = usize::from(text[end + 1..].starts_with(['-', '+']));
        if digits(end + 1 + sign) > 0 {
            end += 1 + sign + digits(end + 1 + sign);
        }
    }
    end
}

fn number(text: &str) -> Token {
    let value: f64 = text.parse().unwrap();
    let (mantissa, exponent) = text.split_once('e').unwrap_or((text, "0"));
    let decimals = mantissa.split_once('.').map_or(0, |(_, digits)| digits.len() as i32);
    // Integers are exact.
    let unit = if decimals == 0 && exponent == "0" {
        0.0
    } else {
        10f64.powi(exponent.parse::<i32>().unwrap() - decimals)
    };
    Token::Number(text.to_owned(), value, 2.0 * unit)
}

/// Whether two lines say the same; see the module documentation.
pub(super) fn agree(shown: &str, real: &str, excepted: Excepted) -> bool {
    let starts_with_one = |beginnings: &[&str]| beginnings.iter().any(|beginning| shown.starts_with(beginning));
    let negligible = if !excepted.gaps {
        0.0
    } else if shown.contains("differ by at most") {
        1e-5
    } else if starts_with_one(&["Gram distance", "within classes", "between minima"]) {
        1e-3
    } else {
        1e-9
    };
    if excepted.iterations && starts_with_one(&["iterations of L-BFGS"]) {
        return real.starts_with("iterations of L-BFGS");
    }
    let near_zero = excepted.gaps && shown.trim_start().starts_with("nearly collapsed");
    let (mut shown, mut real) = (tokens(shown), tokens(real));
    for line in [&mut shown, &mut real] {
        // In JSON the key comes first.
        if matches!(line.first(), Some(Token::Word(key))
            if (key == "\"seconds\":" && excepted.times) || (key == "\"iterations\":" && excepted.iterations))
        {
            line.truncate(1);
        }
        for i in 0..line.len().saturating_sub(1) {
            if excepted.iterations && matches!(&line[i], Token::Word(word) if word == "stalled") {
                line[i] = Token::Word("converged".to_owned());
            }
            let opened = i > 0 && matches!(&line[i - 1], Token::Word(word) if word.ends_with('('));
            if near_zero && opened && matches!(line[i], Token::Number(..)) {
                line[i] = Token::Word("..".to_owned());
            }
            let unit = match &line[i + 1] {
                Token::Word(word) => word.trim_end_matches([')', '.', ',']),
                Token::Number(..) => continue,
            };
            let varies = match unit {
                "ms" | "s" => excepted.times,
                "iterations" => excepted.iterations,
                _ => false,
            };
            if varies && matches!(line[i], Token::Number(..)) {
                line[i] = Token::Word("..".to_owned());
                if let Token::Word(word) = &mut line[i + 1] {
                    *word = word.replace("ms", "s");
                }
            }
        }
    }
    shown.len() == real.len()
        && shown.iter().zip(&real).all(|pair| match pair {
            (Token::Number(text, a, unit), Token::Number(other_text, b, other)) => {
                let rounding = a.abs() < negligible && b.abs() < negligible;
                let to_digits = excepted.digits.is_some_and(|digits| {
                    let scale = 10f64.powi(a.abs().max(b.abs()).log10().floor() as i32);
                    let unit = unit.min(*other).max(2.0 * scale * 10f64.powi(1 - digits));
                    (a - b).abs() <= unit * (1.0 + 1e-9)
                });
                text == other_text || rounding || to_digits
            }
            (a, b) => a == b,
        })
}

/// `None` if the lines agree one by one, else the first difference.
pub(super) fn difference(shown: &[String], real: &[String], excepted: Excepted) -> Option<String> {
    for i in 0..shown.len().max(real.len()) {
        let (a, b) = (shown.get(i), real.get(i));
        if !matches!((a, b), (Some(a), Some(b)) if agree(a, b, excepted)) {
            return Some(format!("shown: {a:?}\n real: {b:?}"));
        }
    }
    None
}

/// For an excerpt: every shown line, in order, among the real ones. The second form of the answer is the excerpt renewed.
pub(super) fn excerpt(shown: &[String], real: &[String], excepted: Excepted) -> (Option<String>, Option<Vec<String>>) {
    let words = |line: &str| -> Vec<Token> {
        tokens(line)
            .into_iter()
            .filter(|token| matches!(token, Token::Word(_)))
            .collect()
    };
    let mut missing = None;
    let mut from = 0;
    for line in shown {
        match real[from..]
            .iter()
            .position(|candidate| agree(line, candidate, excepted))
        {
            Some(at) => from += at + 1,
            None => {
                missing = Some(format!("shown: {line:?}\n real: no such line"));
                break;
            }
        }
    }
    let mut renewed = Vec::new();
    let mut from = 0;
    for line in shown {
        // Of the lines with the same words (or at least the same first one), the one with most tokens in common.
        let first = |line: &str| words(line).into_iter().next();
        let common = |candidate: &str| {
            let pairs = tokens(candidate).into_iter().zip(tokens(line));
            pairs.filter(|(a, b)| a == b).count()
        };
        let best = |eligible: &dyn Fn(&str) -> bool| {
            (from..real.len())
                .filter(|&at| eligible(&real[at]))
                .max_by_key(|&at| (common(&real[at]), std::cmp::Reverse(at)))
        };
        let found = best(&|candidate| words(candidate) == words(line))
            .or_else(|| best(&|candidate| first(candidate).is_some() && first(candidate) == first(line)));
        match found {
            Some(at) => {
                renewed.push(real[at].clone());
                from = at + 1;
            }
            None => return (missing, None),
        }
    }
    (missing, Some(renewed))
}

#[test]
fn the_comparison_can_fail() {
    let exact = |shown, real| agree(shown, real, Excepted::default());
    let with = |info: &'static str| move |shown, real| agree(shown, real, Excepted::of(info));
    assert!(exact("0  98.121 (group 1)", "0 98.121 (group 1)"));
    assert!(!exact("0  98.121 (group 1)", "0 98.122 (group 1)"));
    assert!(!exact("0  98.121 (group 1)", "0 98.121 (group 2)"));
    assert!(!exact("-0.14", "0.14"));
    // In the last digits that are printed, too.
    assert!(!exact("[[-0.1412640226452936, 1]]", "[[-0.1412640226465250, 1]]"));
    assert!(!exact("2 of 3 in 1.55 ms", "2 of 3 in 1.56 ms"));
    assert!(!exact("gap 6.36e-17 = 5.05e-13 of", "gap 1.1e-16 = 9.00e-13 of"));

    let digits = with("console digits=13");
    assert!(digits("excess 1.2579071527470023e-4", "excess 1.2579071527470181e-4"));
    assert!(!digits("excess 1.2579071527470023e-4", "excess 1.2579071527511e-4"));
    assert!(!digits("[[-0.1412640226452936, 1]]", "[[-0.1412640226465250, 1]]"));
    assert!(digits("0  98.121 (group 1)", "0 98.122 (group 1)"));
    assert!(!digits("0  98.121 (group 1)", "0 98.124 (group 1)"));
    assert!(!digits("\"rank\": 9,", "\"rank\": 8,"));

    let gaps = with("console gaps");
    assert!(gaps("gap 6.36e-17 = 5.05e-13 of", "gap 1.1e-16 = 9.00e-13 of"));
    assert!(!gaps("gap 6.36e-17 = 5.05e-13 of", "gap 6.36e-17 = 5.05e-7 of"));
    assert!(!gaps(
        "differ by at most 7.0e-12 (1 ms)",
        "differ by at most 7.0e-12 (2 ms)"
    ));
    assert!(gaps("nearly collapsed: 2-3 (2.4e-2)", "nearly collapsed: 2-3 (1.1e-3)"));
    assert!(!gaps(
        "nearly collapsed: 2-3 (2.4e-2)",
        "nearly collapsed: 1-3 (2.4e-2)"
    ));

    let all = with("console times iterations gaps");
    assert!(all("after 30 iterations, 2.23 ms", "after 31 iterations, 1.10 s"));
    assert!(all(
        "differ by at most 7.0e-12 (1.55 ms).",
        "differ by at most 8.1e-7 (0.02 s)."
    ));
    assert!(!all("at most 7.0e-12 (1.55 ms).", "at least 7.0e-12 (1.55 ms)."));
    assert!(!all("method conic, converged", "method dual, converged"));
    assert!(all("\"seconds\": 0.005741075,", "\"seconds\": 0.1,"));
    assert!(!all("\"rank\": 9,", "\"rank\": 8,"));
    let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
    assert!(difference(&lines("a 1\nb"), &lines("a 1\nb\nc"), Excepted::default()).is_some());
    let (missing, renewed) = excerpt(&lines("rank 9"), &lines("loss 1\nrank 8"), Excepted::default());
    assert!(missing.is_some());
    assert_eq!(renewed, Some(lines("rank 8")));
}
