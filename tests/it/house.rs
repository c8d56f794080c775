//! The order of the rooms: a module of the library imports only from those declared above it in `src/lib.rs`.

use std::path::Path;

fn files(folder: &Path, found: &mut Vec<std::path::PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn every_import_goes_up() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let root = std::fs::read_to_string(source.join("lib.rs")).unwrap();
    let rooms: Vec<&str> = root
        .lines()
        .filter_map(|line| line.split_once("pub mod ").or(line.split_once("pub(crate) mod ")))
        .filter_map(|(_, name)| name.strip_suffix(';'))
        .collect();
    assert!(rooms.len() > 10 && rooms[0] == "math", "{rooms:?}");
    let place = |room: &str| rooms.iter().position(|name| *name == room);
    let mut found = Vec::new();
    files(&source, &mut found);
    let mut climbing = Vec::new();
    let mut imports = 0;
    for path in found {
        let inside = path.strip_prefix(&source).unwrap();
        let first = inside.iter().next().unwrap().to_str().unwrap();
        // The command is no part of the library, and tests may look at everything.
        let Some(here) = place(first.trim_end_matches(".rs")) else {
            continue;
        };
        if inside.iter().any(|part| part == "tests" || part == "tests.rs") {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let code = text
            .split("#[cfg(test)]\n#[allow(clippy::unwrap_used)]\nmod tests {")
            .next()
            .unwrap();
        let code = code.split("#[cfg(test)]\nmod tests {").next().unwrap();
        for (number, line) in code.lines().enumerate() {
            // Documentation may point down.
            if line.trim_start().starts_with("//") {
                continue;
            }
            for (at, _) in line.match_indices("crate::") {
                let room: String = line[at + 7..]
                    .chars()
                    .take_while(|c| c.is_alphanumeric() || *c == '_')
                    .collect();
                imports += 1;
                if place(&room).is_none_or(|there| there > here) {
                    climbing.push(format!("{}:{}: {}", inside.display(), number + 1, line.trim()));
                }
            }
        }
    }
    assert!(imports > 100, "only {imports} imports were seen");
    assert!(climbing.is_empty(), "{}", climbing.join("\n"));
}

/// Flags are known to the command alone: a library says fields, and the command puts its words for them.
#[test]
fn no_message_of_the_library_names_a_flag() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    files(&source, &mut found);
    // The flag of cargo that builds with a feature is not one of the command.
    let is_flag = |word: &str| {
        word != "--features" && {
            word.strip_prefix("--")
                .is_some_and(|name| name.starts_with(|c: char| c.is_ascii_lowercase()))
        }
    };
    let mut named = Vec::new();
    let mut strings = 0;
    for path in found {
        let inside = path.strip_prefix(&source).unwrap();
        if inside.starts_with("cli") {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        for (number, line) in text.lines().enumerate() {
            if line.trim_start().starts_with("//") {
                continue;
            }
            let words = line
                .split('"')
                .skip(1)
                .step_by(2)
                .flat_map(|part| part.split([' ', '(', '`']));
            for word in words {
                strings += 1;
                if is_flag(word) {
                    named.push(format!("{}:{}: {}", inside.display(), number + 1, line.trim()));
                }
            }
        }
    }
    assert!(strings > 1000, "only {strings} words were seen");
    assert!(named.is_empty(), "{}", named.join("\n"));
}
