//! The book as a reader sees it: KaTeX takes every formula, and, where mdBook and Chromium are installed, the pages that they
//! make hold no formula that failed, with no network.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::markdown::Page;
use super::{book, page, report, root};

/// Inline formulas, between `\\(` and `\\)`.
fn inline(page: &Page) -> Vec<String> {
    let text: Vec<String> = page.prose().into_iter().map(|(_, line)| line).collect();
    let text = text.join("\n");
    let pieces = text.split("\\\\(").skip(1);
    pieces
        .filter_map(|rest| Some(rest.split_once("\\\\)")?.0.to_owned()))
        .collect()
}

/// Where node is found, the vendored KaTeX is asked for every formula and throws at none.
#[test]
#[allow(clippy::print_stderr)] // What was not run is said.
fn katex_takes_every_formula() {
    let mut formulas: Vec<(String, bool)> = Vec::new();
    for page in book() {
        formulas.extend(page.formulas().into_iter().map(|formula| (formula, true)));
        formulas.extend(inline(&page).into_iter().map(|formula| (formula, false)));
    }
    assert!(formulas.len() > 60, "{} formulas", formulas.len());
    let script = r#"
        const katex = require(process.argv[1]);
        const all = JSON.parse(require("fs").readFileSync(0, "utf8"));
        let wrong = 0;
        for (const [formula, displayMode] of [...all, ["\\frac{1", true]]) {
            try {
                if (!katex.renderToString(formula, { displayMode, throwOnError: true }).includes("katex-html")) throw "nothing";
            } catch (error) { wrong += 1; console.log(formula, String(error)); }
        }
        console.log(wrong);
    "#;
    if Command::new("node").arg("--version").output().is_err() {
        eprintln!("not run: there is no node");
        return;
    }
    let output = assert_cmd::Command::new("node")
        .args(["-e", script])
        .arg(root().join("docs/katex/katex.min.js"))
        .write_stdin(serde_json::to_string(&formulas).unwrap())
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    // The last is no formula, and must be the only one at fault.
    assert!(
        output.status.success() && told.trim_end().ends_with("\n1"),
        "{told}{output:?}"
    );
}

/// Whether a program is there.
fn found(name: &str) -> bool {
    Command::new(name)
        .arg("--version")
        .output()
        .is_ok_and(|output| output.status.success())
}

/// The pages that mdBook makes, loaded by Chromium without a network: no formula is left as text or in error, and the fonts are
/// those of KaTeX. `UFMIN_BOOK` names a folder that keeps the book, and the screenshot of its widest pages.
#[test]
#[allow(clippy::print_stderr)]
fn the_rendered_book_has_no_formula_in_error() {
    if !(found("mdbook") && found("chromium")) {
        eprintln!("not run: there is no mdbook, or no chromium");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let kept = std::env::var_os("UFMIN_BOOK").map(PathBuf::from);
    let target = kept.as_deref().unwrap_or(folder.path());
    let built = Command::new("mdbook")
        .arg("build")
        .arg(root().join("docs"))
        .arg("-d")
        .arg(target)
        .output()
        .unwrap();
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    let mut problems = Vec::new();
    let mut formulas = 0;
    for source in book() {
        let name = source
            .path
            .strip_prefix(root().join("docs/src"))
            .unwrap()
            .with_extension("html");
        let (display, inline) = (source.formulas().len(), inline(&source).len());
        if display + inline == 0 {
            continue;
        }
        formulas += display + inline;
        let dom = chromium(&target.join(&name), &["--dump-dom"]);
        // A displayed formula is one with both classes.
        let count = |needle: &str| dom.matches(needle).count();
        let (drawn, displayed, errors) = (
            count("class=\"katex\""),
            count("class=\"katex-display\""),
            count("katex-error"),
        );
        if (drawn, displayed, errors) != (display + inline, display, 0) {
            problems.push(format!(
                "{}: {drawn} formulas of {}, {displayed} displayed of {display}, {errors} in error",
                name.display(),
                display + inline
            ));
        }
        if dom.contains("https://") && dom.contains("cdn") {
            problems.push(format!("{}: it asks a network for something", name.display()));
        }
    }
    assert!(formulas > 60, "{formulas}");
    report(&problems);
    // A picture is more than its text: dark pixels where the first formula stands.
    let picture = folder.path().join("page.png");
    chromium(
        &target.join("theory/exact.html"),
        &[
            "--window-size=1200,1600",
            &format!("--screenshot={}", picture.display()),
        ],
    );
    let bytes = std::fs::read(&picture).unwrap();
    assert!(
        bytes.len() > 50_000,
        "a page of formulas is a picture of {} bytes",
        bytes.len()
    );
}

/// Loads a page as a file, with every name of the network unknown.
fn chromium(page: &Path, arguments: &[&str]) -> String {
    let profile = tempfile::tempdir().unwrap();
    let output = Command::new("chromium")
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--host-resolver-rules=MAP * ~NOTFOUND",
        ])
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .arg("--virtual-time-budget=10000")
        .args(arguments)
        .arg(format!("file://{}", page.display()))
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}: {}",
        page.display(),
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// The settings name files that are there, and none of a network; KaTeX has its licence beside it.
#[test]
fn the_book_brings_what_it_needs() {
    let text = std::fs::read_to_string(root().join("docs/book.toml")).unwrap();
    let settings: toml::Table = text.parse().unwrap();
    let html = settings["output"]["html"].as_table().unwrap();
    assert_eq!(html["no-section-label"], toml::Value::Boolean(true));
    assert!(!html.contains_key("mathjax-support"), "MathJax comes from a network");
    let mut files = 0;
    for list in ["additional-css", "additional-js"] {
        for name in html[list].as_array().unwrap() {
            let path = root().join("docs").join(name.as_str().unwrap());
            let content = std::fs::read_to_string(&path).unwrap();
            files += 1;
            assert!(
                !content.contains("url(fonts/") && !content.contains("url(http"),
                "{}",
                path.display()
            );
        }
    }
    assert_eq!(files, 5);
    let licence = std::fs::read_to_string(root().join("docs/katex/LICENSE")).unwrap();
    assert!(licence.contains("The MIT License") && licence.contains("Khan Academy"));
}

/// The numbers of the theory's chapters are those of their headings, from 1 on and without a gap; no other chapter has one.
#[test]
fn chapters_are_numbered_without_a_gap() {
    let summary = page("SUMMARY.md");
    let mut numbers = Vec::new();
    for (_, line) in summary.prose() {
        let Some((title, target)) = line
            .split_once("- [")
            .and_then(|(_, rest)| rest.split_once("]("))
            .and_then(|(title, rest)| Some((title.to_owned(), rest.split_once(')')?.0.to_owned())))
        else {
            continue;
        };
        let number = title
            .split_once(". ")
            .and_then(|(number, _)| number.parse::<u32>().ok());
        let Some(heading) = page(&target).headings().first().cloned() else {
            // The changelog is included.
            continue;
        };
        if let Some(number) = number {
            assert!(target.starts_with("theory/"), "{title}");
            assert_eq!(heading, title);
            numbers.push(number);
        } else {
            assert!(!heading.starts_with(|c: char| c.is_ascii_digit()), "{heading}");
        }
    }
    assert_eq!(numbers, (1..=numbers.len() as u32).collect::<Vec<_>>());
    assert!(numbers.len() >= 10);
}
