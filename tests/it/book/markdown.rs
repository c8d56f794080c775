//! Just enough Markdown to check the book: fences, links, headings, tables, display math.

use std::path::{Path, PathBuf};

/// A fenced block, with the lines of its content (without the fences).
#[derive(Debug, Clone)]
pub(super) struct Fence {
    /// What follows the opening backticks.
    pub(super) info: String,
    /// Index of the first line of the content.
    pub(super) start: usize,
    /// One past the last line of the content.
    pub(super) end: usize,
}

/// A Markdown file, by lines.
#[derive(Debug, Clone)]
pub(super) struct Page {
    pub(super) path: PathBuf,
    pub(super) lines: Vec<String>,
}

impl Page {
    pub(super) fn read(path: &Path) -> Self {
        let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        Self {
            path: path.to_owned(),
            lines: text.lines().map(str::to_owned).collect(),
        }
    }

    pub(super) fn write(&self) {
        std::fs::write(&self.path, self.lines.join("\n") + "\n").unwrap();
    }

    /// Path for messages.
    pub(super) fn name(&self) -> String {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        self.path.strip_prefix(root).unwrap().display().to_string()
    }

    pub(super) fn fences(&self) -> Vec<Fence> {
        let mut fences = Vec::new();
        let mut open: Option<(String, usize)> = None;
        for (index, line) in self.lines.iter().enumerate() {
            let Some(info) = line.strip_prefix("```") else { continue };
            match open.take() {
                Some((info, start)) => fences.push(Fence {
                    info,
                    start,
                    end: index,
                }),
                None => open = Some((info.trim().to_owned(), index + 1)),
            }
        }
        assert!(open.is_none(), "{}: a fence is not closed", self.name());
        fences
    }

    pub(super) fn content(&self, fence: &Fence) -> &[String] {
        &self.lines[fence.start..fence.end]
    }

    /// Lines outside fences and indented code, with inline code removed.
    pub(super) fn prose(&self) -> Vec<(usize, String)> {
        let fences = self.fences();
        let inside = |index: usize| fences.iter().any(|f| index + 1 >= f.start && index <= f.end);
        self.lines
            .iter()
            .enumerate()
            .filter(|(index, line)| !inside(*index) && !line.starts_with("    "))
            .map(|(index, line)| (index, line.split('`').step_by(2).collect::<Vec<_>>().join("")))
            .collect()
    }

    /// Targets of links and images, and of `{{#include ..}}`.
    pub(super) fn targets(&self) -> Vec<String> {
        let mut targets = Vec::new();
        for (_, line) in self.prose() {
            targets.extend(
                line.split("](")
                    .skip(1)
                    .filter_map(|rest| Some(rest.split_once(')')?.0.to_owned())),
            );
            targets.extend(
                line.split("{{#include ")
                    .skip(1)
                    .filter_map(|rest| Some(rest.split_once("}}")?.0.trim().to_owned())),
            );
        }
        targets
    }

    /// The anchors of headings, as mdBook and GitHub make them.
    pub(super) fn anchors(&self) -> Vec<String> {
        self.headings()
            .iter()
            .map(|heading| {
                heading
                    .to_lowercase()
                    .chars()
                    .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'))
                    .map(|c| if c == ' ' { '-' } else { c })
                    .collect()
            })
            .collect()
    }

    pub(super) fn headings(&self) -> Vec<String> {
        let fences = self.fences();
        self.lines
            .iter()
            .enumerate()
            .filter(|(index, line)| line.starts_with('#') && !fences.iter().any(|f| (f.start..f.end).contains(index)))
            .map(|(_, line)| line.trim_start_matches('#').trim().to_owned())
            .collect()
    }

    /// First cells, without their backticks, of the table rows under the heading `heading` (or of the page).
    pub(super) fn first_cells(&self, heading: Option<&str>) -> Vec<String> {
        let mut inside = heading.is_none();
        let mut cells = Vec::new();
        for line in &self.lines {
            if line.starts_with('#') && heading.is_some() {
                inside = Some(line.trim_start_matches('#').trim()) == heading;
            }
            if inside && let Some(rest) = line.strip_prefix("| `") {
                cells.extend(rest.split_once('`').map(|(cell, _)| cell.to_owned()));
            }
        }
        cells
    }

    /// The formulas between `$$`.
    pub(super) fn formulas(&self) -> Vec<String> {
        let text: Vec<String> = self.prose().into_iter().map(|(_, line)| line).collect();
        text.join("\n")
            .split("$$")
            .skip(1)
            .step_by(2)
            .map(str::to_owned)
            .collect()
    }
}

/// All Markdown files below `folder`, sorted.
pub(super) fn pages_below(folder: &Path) -> Vec<Page> {
    let mut pages = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "md") {
                pages.push(Page::read(&path));
            }
        }
    }
    pages.sort_by(|a, b| a.path.cmp(&b.path));
    pages
}
