//! The book in `docs/` and the README say what the program does.
//!
//! * Links, images and includes lead somewhere; every page is in the summary; formulas survive Markdown.
//! * Every `console` block is run in one folder a page, in order: lines `$ ufmin ..` must end with status 0 (or N, with
//!   `# exit N`) and print what follows them, if anything does. In a block marked `console excerpt` what is shown must be
//!   lines of it, in order. Blocks marked `file=NAME` are written to the folder first. Blocks marked `python run` are run
//!   where a Python with NumPy is found, and must print the `text` block after them; blocks marked `console needs-python`
//!   use files that those write, and are run there too.
//! * The reference pages name every key, flag and field that there is, and no other.
//!
//! `UFMIN_BLESS=1 cargo test --release --test it book` renews outputs and `reference/cli.md` instead of comparing them, and
//! draws the pictures of the gallery.

mod bound;
mod markdown;
mod rendered;
mod transcript;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use markdown::{Page, pages_below};
use serde_json::Value;
use transcript::{Excepted, difference, excerpt, python, run, run_python, workspace};
use ufmin::spec::{BatchesTable, ClassifierTable, Expected, ProblemFile};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn book() -> Vec<Page> {
    pages_below(&root().join("docs/src"))
}

fn page(name: &str) -> Page {
    Page::read(&root().join("docs/src").join(name))
}

fn bless() -> bool {
    std::env::var_os("UFMIN_BLESS").is_some_and(|value| value == "1")
}

/// Fails with everything that is wrong, not with the first thing.
fn report(problems: &[String]) {
    assert!(problems.is_empty(), "\n{}\n", problems.join("\n"));
}

#[test]
fn links_and_images_lead_somewhere() {
    let mut problems = Vec::new();
    let mut pages = book();
    assert!(pages.len() >= 15);
    pages.push(Page::read(&root().join("README.md")));
    let mut targets = 0;
    for page in &pages {
        for target in page.targets() {
            targets += 1;
            let (file, anchor) = target.split_once('#').unwrap_or((&target, ""));
            let path = if file.is_empty() {
                page.path.clone()
            } else {
                page.path.parent().unwrap().join(file)
            };
            if target.contains("://") {
                problems.push(format!("{}: {target} is a bare address: cite by key", page.name()));
            } else if !path.exists() {
                problems.push(format!("{}: {target} does not exist", page.name()));
            } else if !anchor.is_empty() && !Page::read(&path).anchors().contains(&anchor.to_owned()) {
                problems.push(format!("{}: {target} has no such heading", page.name()));
            }
        }
    }
    assert!(targets > 40, "{targets} links");
    report(&problems);
}

#[test]
fn every_page_is_in_the_summary() {
    let summary = page("SUMMARY.md");
    let listed: BTreeSet<PathBuf> = summary
        .targets()
        .iter()
        .map(|t| root().join("docs/src").join(t))
        .collect();
    for page in book() {
        assert!(
            page.path == summary.path || listed.contains(&page.path),
            "{} is not in SUMMARY.md",
            page.name()
        );
    }
}

/// mdBook reads Markdown before KaTeX reads formulas: escapes and emphasis must not occur in them.
#[test]
fn formulas_survive_markdown() {
    let mut problems = Vec::new();
    let mut count = 0;
    for page in book() {
        let markers: usize = page.prose().iter().map(|(_, line)| line.matches("$$").count()).sum();
        if !markers.is_multiple_of(2) {
            problems.push(format!("{}: a formula is not closed", page.name()));
        }
        for formula in page.formulas() {
            count += 1;
            let characters: Vec<char> = formula.chars().collect();
            let wrong = characters.windows(2).any(|pair| match pair {
                ['\\', next] => next.is_ascii_punctuation(),
                [before, '_'] => before.is_ascii_punctuation() || before.is_whitespace(),
                ['*', _] => true,
                ['<', next] => !next.is_whitespace(),
                _ => false,
            });
            let list = formula
                .lines()
                .any(|line| line.trim_start().starts_with(['-', '+', '=', '#', '>', '|']));
            if wrong || list || formula.contains("\n\n") {
                problems.push(format!("{}: {formula}", page.name()));
            }
        }
    }
    assert!(count > 20, "{count} formulas");
    report(&problems);
}

#[test]
#[allow(clippy::print_stderr)] // What was not run is said.
fn commands_print_what_the_book_shows() {
    let mut problems = Vec::new();
    let mut commands = 0;
    let python = python();
    for mut page in book() {
        let folder = workspace();
        // Blocks are renewed from the last to the first, so that line numbers stay valid.
        let mut renewed: Vec<(usize, usize, Vec<String>)> = Vec::new();
        let fences = page.fences();
        for (index, fence) in fences.iter().enumerate() {
            let mut words = fence.info.split_whitespace();
            let language = words.next().unwrap_or_default();
            let content = page.content(fence).to_vec();
            for name in words.clone().filter_map(|word| word.strip_prefix("file=")) {
                std::fs::write(folder.path().join(name), content.join("\n") + "\n").unwrap();
            }
            if language == "console" && words.clone().any(|word| word == "needs-python") && python.is_none() {
                eprintln!(
                    "{}:{}: not run, there is no Python with NumPy",
                    page.name(),
                    fence.start
                );
            } else if language == "console" {
                let is_excerpt = words.any(|word| word == "excerpt");
                let excepted = Excepted::of(&fence.info);
                let prompts: Vec<usize> = (0..content.len()).filter(|&i| content[i].starts_with("$ ")).collect();
                if prompts.first() != Some(&0) {
                    problems.push(format!(
                        "{}:{}: a console block starts with `$ `",
                        page.name(),
                        fence.start
                    ));
                    continue;
                }
                for (k, &at) in prompts.iter().enumerate() {
                    let end = prompts.get(k + 1).copied().unwrap_or(content.len());
                    let command = &content[at][2..];
                    commands += 1;
                    let place = format!("{}:{}: {command}", page.name(), fence.start + at + 1);
                    let real = match run(command, folder.path()) {
                        Ok(real) => real,
                        Err(error) => {
                            problems.push(format!("{place}\n{error}"));
                            continue;
                        }
                    };
                    let shown = &content[at + 1..end];
                    if shown.is_empty() {
                        continue;
                    }
                    let (wrong, new) = if is_excerpt {
                        excerpt(shown, &real, excepted)
                    } else {
                        (difference(shown, &real, excepted), Some(real))
                    };
                    settle(
                        wrong,
                        new,
                        place,
                        (fence.start + at + 1, fence.start + end),
                        &mut renewed,
                        &mut problems,
                    );
                }
            } else if fence.info == "python run" {
                let Some(output) = fences.get(index + 1).filter(|next| is_text(&next.info)) else {
                    problems.push(format!("{}:{}: a text block must follow", page.name(), fence.start));
                    continue;
                };
                if page.content(output) == ["?"] && !(bless() && python.is_some()) {
                    problems.push(format!("{}:{}: never run", page.name(), fence.start));
                }
                let Some(python) = &python else { continue };
                let place = format!("{}:{}: python", page.name(), fence.start);
                match run_python(python, &content.join("\n"), folder.path()) {
                    Ok(real) => {
                        let wrong = difference(page.content(output), &real, Excepted::of(&output.info));
                        settle(
                            wrong,
                            Some(real),
                            place,
                            (output.start, output.end),
                            &mut renewed,
                            &mut problems,
                        );
                    }
                    Err(error) => problems.push(format!("{place}\n{error}")),
                }
            }
        }
        // A picture that a page shows is one that a command of the gallery makes.
        if page.path.ends_with("gallery/index.md") {
            for target in page.targets().iter().filter(|target| target.ends_with(".png")) {
                let image = page.path.parent().unwrap().join(target);
                let made = folder.path().join(image.file_name().unwrap());
                if !made.exists() {
                    problems.push(format!("{}: no command makes {target}", page.name()));
                } else if bless() {
                    std::fs::copy(&made, &image).unwrap();
                }
            }
        }
        if !renewed.is_empty() {
            for (start, end, lines) in renewed.into_iter().rev() {
                page.lines.splice(start..end, lines);
            }
            page.write();
        }
    }
    assert!(commands > 25, "{commands} commands");
    report(&problems);
}

/// Whether a block is of text, whatever it is excepted from.
fn is_text(info: &str) -> bool {
    info.split_whitespace().next() == Some("text")
}

/// Records a difference as a problem, or renews the lines `range` under `UFMIN_BLESS=1`.
fn settle(
    wrong: Option<String>,
    new: Option<Vec<String>>,
    place: String,
    range: (usize, usize),
    renewed: &mut Vec<(usize, usize, Vec<String>)>,
    problems: &mut Vec<String>,
) {
    let Some(wrong) = wrong else { return };
    match new.filter(|_| bless()) {
        Some(lines) => renewed.push((range.0, range.1, lines)),
        None => problems.push(format!("{place}\n{wrong}")),
    }
}

/// The first `text` block of the README is what its first command prints.
#[test]
fn the_readme_shows_the_real_report() {
    let mut readme = Page::read(&root().join("README.md"));
    let fence = readme.fences().into_iter().find(|fence| is_text(&fence.info)).unwrap();
    let folder = workspace();
    let command = "ufmin solve problems/step-imbalance.toml --output out";
    let invocation = command.replacen("ufmin", "cargo run --release --", 1);
    assert!(
        readme
            .lines
            .iter()
            .any(|line| line.trim_start().starts_with(&invocation))
    );
    let real = run(command, folder.path()).unwrap();
    if let Some(wrong) = difference(readme.content(&fence), &real, Excepted::of(&fence.info)) {
        assert!(bless(), "README.md: {wrong}\nrenew it with UFMIN_BLESS=1");
        readme.lines.splice(fence.start..fence.end, real);
        readme.write();
    }
    for name in [
        "result.json",
        "gram.npy",
        "embeddings.npy",
        "gram.png",
        "gram.svg",
        "structure.npz",
        "certificate.npz",
    ] {
        assert!(folder.path().join("out").join(name).exists(), "{name}");
    }
}

/// The program of the README is the one in the documentation of the crate, which runs as its first test.
#[test]
fn the_readme_program_is_the_one_of_the_crate() {
    let readme = Page::read(&root().join("README.md"));
    let fence = readme.fences().into_iter().find(|fence| fence.info == "rust").unwrap();
    let source = std::fs::read_to_string(root().join("src/lib.rs")).unwrap();
    let documentation = source.lines().map_while(|line| line.strip_prefix("//!"));
    let lines = documentation.map(|line| line.strip_prefix(' ').unwrap_or(line));
    let program = lines.skip_while(|line| !line.starts_with("use ufmin::"));
    let program: Vec<&str> = program.take_while(|&line| line != "```").collect();
    assert_eq!(readme.content(&fence), program);
}

/// The verbs that a help lists.
fn commands(help: &[String]) -> Vec<String> {
    help.iter()
        .skip_while(|line| *line != "Commands:")
        .skip(1)
        .take_while(|line| !line.is_empty())
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next().map(str::to_owned))
        .filter(|verb| verb != "help")
        .collect()
}

#[test]
fn the_command_line_page_is_the_help() {
    let folder = workspace();
    let top = run("ufmin --help", folder.path()).unwrap();
    let verbs = commands(&top);
    assert!(verbs.contains(&"solve".to_owned()), "{verbs:?}");
    let mut text = vec![
        "# Command line".to_owned(),
        String::new(),
        "What `--help` prints. Flags override the problem file. Numbers of classes and samples count from 0."
            .to_owned(),
        "Exit status and output files have [a page of their own](output.md).".to_owned(),
    ];
    let mut section = |title: String, lines: Vec<String>| {
        text.extend([
            String::new(),
            format!("## {title}"),
            String::new(),
            "```text".to_owned(),
        ]);
        text.extend(lines);
        text.push("```".to_owned());
    };
    section("ufmin".to_owned(), top);
    for verb in &verbs {
        let help = run(&format!("ufmin {verb} --help"), folder.path()).unwrap();
        let inner = commands(&help);
        section(format!("ufmin {verb}"), help);
        for inner in inner {
            let verb = format!("ufmin {verb} {inner}");
            let help = run(&format!("{verb} --help"), folder.path()).unwrap();
            section(verb, help);
        }
    }
    let path = root().join("docs/src/reference/cli.md");
    let text = text.join("\n") + "\n";
    if std::fs::read_to_string(&path).unwrap_or_default() != text {
        assert!(
            bless(),
            "reference/cli.md is not what --help prints: renew it with UFMIN_BLESS=1"
        );
        std::fs::write(path, text).unwrap();
    }
}

/// Every key of the schema has a row in the table of its section, and every row is a key.
#[test]
fn the_problem_file_page_names_every_key() {
    let page = page("reference/problem-file.md");
    let mut file = serde_json::to_value(ProblemFile::default()).unwrap();
    file["batches"] = serde_json::to_value(BatchesTable::default()).unwrap();
    file["classifier"] = serde_json::to_value(ClassifierTable::default()).unwrap();
    file["expected"] = serde_json::to_value(Expected::default()).unwrap();
    let file = file.as_object().unwrap();
    let keys = |value: &Value| {
        value
            .as_object()
            .map(|table| table.keys().cloned().collect::<BTreeSet<_>>())
    };
    let mut top = BTreeSet::new();
    for (name, value) in file {
        match keys(value) {
            Some(expected) => {
                let heading = format!("`[{name}]`");
                let rows: BTreeSet<String> = page.first_cells(Some(&heading)).into_iter().collect();
                assert_eq!(rows, expected, "the table under {heading}");
            }
            None => {
                top.insert(name.clone());
            }
        }
    }
    let rows: BTreeSet<String> = page.first_cells(Some("Top level")).into_iter().collect();
    assert_eq!(rows, top, "the table under Top level");
    for fence in page.fences().iter().filter(|fence| fence.info.starts_with("toml")) {
        let text = page.content(fence).join("\n");
        let path = Path::new("example.toml");
        let parsed = ufmin::spec::parse(path, &text).unwrap_or_else(|error| panic!("{error}\n{text}"));
        if !text.contains("file =") {
            ufmin::spec::resolve(&parsed, Path::new("")).unwrap_or_else(|error| panic!("{error}\n{text}"));
        }
    }
}

/// Paths of all fields: `solution.groups[].size`.
fn fields(value: &Value, prefix: &str, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(table) => {
            for (key, value) in table {
                let path = if prefix.is_empty() {
                    key.clone()
                } else {
                    format!("{prefix}.{key}")
                };
                found.insert(path.clone());
                fields(value, &path, found);
            }
        }
        Value::Array(items) if items.iter().any(Value::is_object) => {
            items
                .iter()
                .for_each(|item| fields(item, &format!("{prefix}[]"), found));
        }
        _ => {}
    }
}

/// Every field of real results is described, and every field that is described occurs (below those that may be null or
/// empty, in a result where they are not).
#[test]
fn the_json_page_names_every_field() {
    let folder = workspace();
    let mut found = BTreeSet::new();
    let write = |name: &str, text: &[u8]| std::fs::write(folder.path().join(name), text).unwrap();
    let many = "[classes]\nprofile = \"step\"\nmajority = 9000\nminority = 3000\nsmallest = 10\nratio = 4\n";
    write("many.toml", many.as_bytes());
    write("unsorted.json", b"[[0, 1, 2, 3]]");
    write("unsorted.npy", &crate::cli::npy("|u1", false, "(4,)", &[1, 0, 1, 0]));
    for arguments in [
        "many.toml",
        "--labels unsorted.npy --batches unsorted.json",
        "problems/step-imbalance.toml",
        "problems/nscl.toml",
        "problems/population.toml",
        "problems/nonnegative-frame.toml",
        "problems/fixed-batches.toml",
        "problems/class-balanced.toml",
        "problems/layer-peeled.toml",
        "--sizes 1000,10,10 --temperature 1",
        "--sizes 1000,1000,2,2 --temperature 1 --method conic",
        "--sizes 4,3 --level sample",
        "--sizes 9,5,3 --dimension 1",
        "--sizes 200,150,120,90,80,60,40,30,20,10,5 --batch-size 8",
    ] {
        let exit = if arguments.contains("--dimension") {
            " # exit 1"
        } else {
            ""
        };
        let text = run(&format!("ufmin solve {arguments} --format json{exit}"), folder.path())
            .unwrap()
            .join("\n");
        fields(&serde_json::from_str(&text).unwrap(), "", &mut found);
    }
    let verified = run("ufmin verify --sizes 4,3 --starts 2 --format json", folder.path())
        .unwrap()
        .join("\n");
    fields(&serde_json::from_str(&verified).unwrap(), "", &mut found);
    let evaluations = [
        "--embeddings points.npy --labels points_labels.npy --classifier weights.npy --batch-size 4 --temperature 1",
        "--embeddings points.npy points_again.npy --labels points_labels.npy",
    ];
    for arguments in evaluations {
        let evaluated = run(&format!("ufmin evaluate {arguments} --format json"), folder.path()).unwrap();
        fields(&serde_json::from_str(&evaluated.join("\n")).unwrap(), "", &mut found);
    }
    // The rows of a sequence have the fields of one evaluation.
    found = found
        .into_iter()
        .filter(|path| path != "rows")
        .map(|path| path.strip_prefix("rows[].").unwrap_or(&path).to_owned())
        .collect();
    for arguments in [
        "sample --sizes 6,3,1 --size 4 -o b.json --format json",
        "check --sizes 6,3,1 --batches b.json --format json # exit 1",
        "bind --sizes 6,3,1 --batches b.json -o bound.json --format json",
    ] {
        let text = run(&format!("ufmin batches {arguments}"), folder.path()).unwrap();
        fields(&serde_json::from_str(&text.join("\n")).unwrap(), "", &mut found);
    }
    let stopped =
        "ufmin explain --embeddings points.npy --labels points_labels.npy --time-limit 1e-9 --format json # exit 1";
    // What was not found is said on stderr too, behind the object.
    let mut text = run(stopped, folder.path()).unwrap();
    text.truncate(text.iter().position(|line| line == "}").unwrap() + 1);
    fields(&serde_json::from_str(&text.join("\n")).unwrap(), "", &mut found);
    for arguments in [
        "compare --sizes 100,100,10,10,10 --temperature 0.5 --losses supcon,sincere,cross-entropy",
        "explain --embeddings points.npy --labels points_labels.npy",
        "bound all-batches --classes 3 --per-class 2 --batch 9",
    ] {
        let text = run(&format!("ufmin {arguments} --format json"), folder.path()).unwrap();
        fields(&serde_json::from_str(&text.join("\n")).unwrap(), "", &mut found);
    }
    let described: BTreeSet<String> = page("reference/json.md").first_cells(None).into_iter().collect();
    let missing: Vec<_> = found.difference(&described).collect();
    assert!(missing.is_empty(), "not described: {missing:?}");
    let parent = |path: &str| {
        path.rsplit_once('.')
            .map(|(parent, _)| parent.trim_end_matches("[]").to_owned())
    };
    let is_open = |path: &str| {
        let parent = parent(path);
        // The parent occurs, and nothing below it does: it was null or empty everywhere.
        parent.is_some_and(|parent| {
            found.contains(&parent)
                && !found
                    .iter()
                    .any(|field| field.starts_with(&format!("{parent}[]")) || field.starts_with(&format!("{parent}.")))
        })
    };
    let invented: Vec<_> = described.difference(&found).filter(|path| !is_open(path)).collect();
    assert!(invented.is_empty(), "described and not there: {invented:?}");
}

/// Every name that a certificate's method can have is on the page, and the rows of the two tables name no other.
#[test]
fn the_json_page_names_every_method_of_a_certificate() {
    use ufmin::certificate::BoundMethod;
    let page = page("reference/json.md");
    let row = page
        .lines
        .iter()
        .find(|line| line.starts_with("| `certificate.method` |"));
    let named: BTreeSet<&str> = row.unwrap().split('`').skip(3).step_by(2).collect();
    let names: BTreeSet<&str> = BoundMethod::ALL.iter().map(|method| method.name()).collect();
    assert_eq!(named, names);
    let of_cross_entropy = page
        .lines
        .iter()
        .find(|line| line.starts_with("`certificate.method` is"));
    let named: Vec<&str> = of_cross_entropy.unwrap().split('`').skip(3).step_by(2).collect();
    assert_eq!(named, ufmin::report::cross_entropy::CERTIFICATE_METHODS);
}

/// The table of references of chapter 4, made in 60 digits by another program, is what the commands below it print.
#[test]
fn the_references_of_step_imbalance_are_printed_below_them() {
    let page = page("theory/step.md");
    let start = page
        .lines
        .iter()
        .position(|line| line.starts_with("| loss | `k_A`"))
        .unwrap();
    let rows = page.lines[start + 2..].iter().take_while(|line| line.starts_with('|'));
    let rows: Vec<Vec<&str>> = rows
        .map(|row| row.trim_matches('|').split('|').map(str::trim).collect())
        .collect();
    let fence = page.fences().into_iter().find(|fence| fence.start > start).unwrap();
    let numbers = |line: &str| -> Vec<f64> {
        let words = line.split(|c: char| !(c.is_ascii_digit() || "-.e".contains(c)));
        words.filter_map(|word| word.parse().ok()).collect()
    };
    let of_key = |key: &str| -> Vec<Vec<f64>> {
        let lines = page.content(&fence).iter().filter(|line| line.contains(key));
        lines.map(|line| numbers(line.split_once(':').unwrap().1)).collect()
    };
    let (losses, grams) = (of_key("\"loss\""), of_key("\"group_gram\""));
    assert!(rows.len() == 7 && losses.len() == 7 && grams.len() == 7);
    for ((row, loss), gram) in rows.iter().zip(&losses).zip(&grams) {
        let last = gram[gram.len() - 1];
        let gamma = if gram.len() == 1 { gram[0] } else { gram[1] };
        for (cell, value) in [(6, gram[0]), (7, last), (8, gamma), (9, loss[0])] {
            if row[cell] != "none" {
                let decimals = row[cell].split_once('.').map_or(0, |(_, digits)| digits.len() as i32);
                let reference: f64 = row[cell].parse().unwrap();
                assert!(
                    (reference - value).abs() <= 0.5000001 * 10f64.powi(-decimals),
                    "{row:?}: {value}"
                );
            }
        }
    }
}

/// Keys like `[Kini2024]` that appear in a text.
fn citations(text: &str) -> BTreeSet<String> {
    text.split('[')
        .skip(1)
        .map(|rest| rest.chars().take_while(char::is_ascii_alphanumeric).collect::<String>())
        .filter(|word| {
            let letters = word.trim_end_matches(|c: char| c.is_ascii_digit());
            word.len() == letters.len() + 4
                && letters.starts_with(|c: char| c.is_ascii_uppercase())
                && letters.len() > 2
        })
        .collect()
}

fn sources() -> String {
    let mut text = String::new();
    let mut folders = vec![root().join("src")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                text += &std::fs::read_to_string(path).unwrap();
            }
        }
    }
    text
}

#[test]
fn citations_are_in_the_bibliography() {
    let known: BTreeSet<String> = page("bibliography.md").headings().into_iter().collect();
    let mut cited = citations(&sources());
    assert!(cited.contains("Khosla2020"), "{cited:?}");
    for page in book() {
        cited.extend(citations(&page.lines.join("\n")));
    }
    let missing: Vec<_> = cited.difference(&known).collect();
    assert!(missing.is_empty(), "not in bibliography.md: {missing:?}");
}

/// Every key on a page is a link to its entry, and the links of a page are of keys on it.
#[test]
fn citations_of_the_book_are_links() {
    let mut problems = Vec::new();
    let mut links = 0;
    for page in book() {
        let is_definition = |line: &str| line.starts_with('[') && line.contains("]: ");
        let (definitions, text): (Vec<String>, Vec<String>) = page
            .prose()
            .into_iter()
            .map(|(_, line)| line)
            .partition(|line| is_definition(line));
        let cited = citations(&text.join("\n"));
        if page.path.ends_with("bibliography.md") {
            continue;
        }
        let up = if page.path.parent() == Some(root().join("docs/src").as_path()) {
            ""
        } else {
            "../"
        };
        let expected: Vec<String> = cited
            .iter()
            .map(|key| format!("[{key}]: {up}bibliography.md#{}", key.to_lowercase()))
            .collect();
        links += expected.len();
        if definitions != expected {
            problems.push(format!(
                "{}: it ends in\n{}\nand should in\n{}",
                page.name(),
                definitions.join("\n"),
                expected.join("\n")
            ));
        }
    }
    assert!(links > 15, "{links} links");
    report(&problems);
}

/// Every entry is cited somewhere, says where the work is found, and ends in BibTeX that agrees with it.
#[test]
fn entries_of_the_bibliography_are_cited_and_complete() {
    let bibliography = page("bibliography.md");
    let mut cited = citations(&sources());
    for page in book().iter().filter(|page| !page.path.ends_with("bibliography.md")) {
        cited.extend(citations(&page.lines.join("\n")));
    }
    let starts: Vec<usize> = (0..bibliography.lines.len())
        .filter(|&i| bibliography.lines[i].starts_with("## "))
        .collect();
    assert!(starts.len() >= 20);
    for (n, &start) in starts.iter().enumerate() {
        let end = starts.get(n + 1).copied().unwrap_or(bibliography.lines.len());
        let key = &bibliography.lines[start][3..];
        assert!(cited.contains(key), "{key} is cited nowhere");
        let entry = bibliography.lines[start + 1..end].join(" ");
        let (words, bibtex) = entry
            .split_once("```bibtex ")
            .unwrap_or_else(|| panic!("{key} has no BibTeX"));
        let year = &key[key.len() - 4..];
        assert!(
            words.contains(year) && bibtex.contains(&format!("{{{year}}}")),
            "{key}: {entry}"
        );
        let place = ["doi:", "arXiv:"].iter().any(|mark| words.contains(mark));
        assert!(
            place && bibtex.starts_with('@') && bibtex.contains(&format!("{{{key},")),
            "{key}: {entry}"
        );
        // The numbers that say where it is are the same in both.
        for field in ["doi", "eprint", "pages", "volume"] {
            let value = bibtex
                .split_once(&format!("  {field} = {{"))
                .and_then(|(_, rest)| rest.split_once('}'));
            if let Some((value, _)) = value {
                assert!(words.contains(&value.replace("--", "-")), "{key}: {field} {value}");
            }
        }
    }
}

/// `THEORY (7)` in the source is equation (7) of the book, `THEORY 3` its chapter 3; each exists once.
#[test]
fn theory_citations_resolve() {
    let theory = pages_below(&root().join("docs/src/theory"));
    let mut tags = Vec::new();
    let mut chapters = Vec::new();
    for page in &theory {
        tags.extend(page.formulas().iter().filter_map(|formula| {
            formula
                .split_once("\\tag{")
                .and_then(|(_, rest)| rest.split_once('}'))
                .map(|(tag, _)| tag.to_owned())
        }));
        chapters.extend(
            page.headings()
                .first()
                .and_then(|title| title.split_once(". "))
                .map(|(n, _)| n.to_owned()),
        );
    }
    let unique: BTreeSet<_> = tags.iter().collect();
    assert_eq!(unique.len(), tags.len(), "a number is given twice: {tags:?}");
    let text = sources();
    let mut cited = 0;
    for rest in text.split("THEORY").skip(1) {
        let rest: String = rest
            .chars()
            .take(40)
            .map(|c| if c == '\n' || c == '/' || c == '!' { ' ' } else { c })
            .collect();
        let rest = rest.trim_start();
        let number: String = rest
            .trim_start_matches('(')
            .chars()
            .take_while(|c| c.is_ascii_digit() || *c == '\'')
            .collect();
        if number.is_empty() {
            continue;
        }
        cited += 1;
        let known = if rest.starts_with('(') { &tags } else { &chapters };
        assert!(
            known.contains(&number),
            "THEORY {rest:.12} is not in the book ({known:?})"
        );
    }
    assert!(cited > 20, "{cited} citations");
}
