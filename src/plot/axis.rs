//! The labels along a panel, the same for rows and columns: which are written, how large, and which way.

use super::font::{ASCENT, CAP, DESCENT, Font};
use super::labels::{Run, runs, thin};

/// Length of a tick, and its distance to the label.
pub(super) const TICK: f64 = 10.0;
pub(super) const GAP: f64 = 8.0;
/// Between the labels of an axis and its name.
pub(super) const NAME_GAP: f64 = 14.0;
/// Size of the name in pixels an em.
pub(super) const NAME: f64 = 34.0;
/// Most pixels by which a label may stick out beyond the end of its axis.
pub(super) const OVERHANG: f64 = 24.0;

/// Largest size of the labels in pixels an em, the smallest for level and for turned labels of every row, and the size
/// when rows are left out.
const LABEL: f64 = 36.0;
const LEVEL_MIN: f64 = 26.0;
const TURNED_MIN: f64 = 24.0;
const THINNED: f64 = 30.0;
/// Longest label in ems.
const LONGEST: f64 = 13.0;
/// Height of a line of text in ems, with the least distance to the next label.
const PITCH: f64 = ASCENT + DESCENT + 0.03;
/// Least distance in ems between level labels of neighbouring rows.
const APART: f64 = 0.6;
const TIMES: char = '×';

/// The labels of both axes of a panel.
#[derive(Debug, PartialEq)]
pub(super) struct Axis {
    /// Centre of a label in pixels from the first row, and its text.
    pub(super) labels: Vec<(f64, String)>,
    /// Size of the labels in pixels an em.
    pub(super) em: f64,
    /// Below the panel, the labels are turned.
    pub(super) turned: bool,
    /// What the labels are.
    pub(super) name: String,
}

impl Axis {
    /// An axis of rows of `cell` pixels. Every row gets its label if they fit side by side, level or turned; otherwise
    /// long runs of equal labels share one and the rest is thinned.
    pub(super) fn new(labels: &[String], multiplicity: Option<&[u64]>, cell: usize, name: &str, font: &Font) -> Self {
        let cell = cell as f64;
        let side = labels.len() as f64 * cell;
        let candidate = |run: Run| {
            let rows = run.start..run.start + run.count;
            let classes = match multiplicity {
                Some(multiplicity) => multiplicity[rows].iter().fold(0u64, |sum, &m| sum.saturating_add(m)),
                None => run.count as u64,
            };
            let text = counted(&labels[run.start], classes, font);
            let centre = (run.start as f64 + run.count as f64 / 2.0) * cell;
            Candidate {
                width: font.width(&text),
                text,
                centre,
                rows: run.count,
                counted: classes != 1,
            }
        };
        let each: Vec<Candidate> = (0..labels.len())
            .map(|start| candidate(Run { start, count: 1 }))
            .collect();
        let widest = each.iter().map(|c| c.width).fold(0.0, f64::max);

        let (kept, em, turned) = if cell / (widest + APART) >= LEVEL_MIN {
            (each, (cell / (widest + APART)).min(LABEL), false)
        } else if cell / PITCH >= TURNED_MIN {
            (each, (cell / PITCH).min(LABEL), true)
        } else {
            // A run long enough to hold its label shares one; all other rows compete one by one.
            let room = (PITCH * THINNED / cell).ceil() as usize;
            let candidates = runs(labels)
                .into_iter()
                .flat_map(|run| {
                    if run.count >= room {
                        vec![run]
                    } else {
                        run.rows().collect()
                    }
                })
                .map(candidate)
                .collect();
            let (kept, turned) = thinned(candidates, side);
            (kept, THINNED, turned)
        };
        let name = match (name.is_empty(), kept.iter().any(|c| c.counted)) {
            (_, false) => name.to_string(),
            (true, true) => format!("{TIMES}n: n classes"),
            (false, true) => format!("{name} ({TIMES}n: n classes)"),
        };
        let labels = kept
            .into_iter()
            .filter(|c| !c.text.is_empty())
            .map(|c| (c.centre, c.text))
            .collect();
        Self {
            labels,
            em,
            turned,
            name: font.elide(&name, side / NAME),
        }
    }

    /// Pixels that the widest label takes.
    pub(super) fn widest(&self, font: &Font) -> f64 {
        self.labels
            .iter()
            .map(|(_, text)| font.width(text) * self.em)
            .fold(0.0, f64::max)
    }

    fn name_depth(&self) -> f64 {
        if self.name.is_empty() {
            0.0
        } else {
            NAME_GAP + (ASCENT + DESCENT) * NAME
        }
    }

    /// Pixels that the axis takes at the left of the panel.
    pub(super) fn depth_left(&self, font: &Font) -> f64 {
        TICK + GAP + self.widest(font) + self.name_depth()
    }

    /// Pixels that the labels take below the panel, without the name.
    pub(super) fn labels_below(&self, font: &Font) -> f64 {
        TICK + GAP
            + if self.turned {
                self.widest(font)
            } else {
                (CAP + DESCENT) * self.em
            }
    }

    /// Pixels that the axis takes below the panel.
    pub(super) fn depth_below(&self, font: &Font) -> f64 {
        self.labels_below(font) + self.name_depth()
    }
}

/// A label that may be written.
struct Candidate {
    centre: f64,
    text: String,
    /// In ems.
    width: f64,
    /// Rows that share it.
    rows: usize,
    /// Whether the text ends in a number of classes.
    counted: bool,
}

/// The labels that fit along an axis, and whether they are turned: only if more of them fit that way.
fn thinned(candidates: Vec<Candidate>, side: f64) -> (Vec<Candidate>, bool) {
    let centres: Vec<f64> = candidates.iter().map(|c| c.centre).collect();
    let rows: Vec<usize> = candidates.iter().map(|c| c.rows).collect();
    // Level labels must be clear of each other along the columns and along the rows.
    let widths: Vec<f64> = candidates.iter().map(|c| c.width.max(PITCH) * THINNED).collect();
    let turned = thin(&centres, &vec![PITCH * THINNED; centres.len()], &rows, 0.35 * THINNED);
    let level = thin(&centres, &widths, &rows, 0.8 * THINNED);
    let inside = level.iter().all(|&i| {
        let half = widths[i] / 2.0;
        centres[i] - half >= -OVERHANG && centres[i] + half <= side + OVERHANG
    });
    let (kept, turn) = if level.len() >= turned.len() && inside {
        (level, false)
    } else {
        (turned, true)
    };
    let mut kept = kept.into_iter().peekable();
    let candidates = candidates
        .into_iter()
        .enumerate()
        .filter(|(i, _)| kept.next_if_eq(i).is_some());
    (candidates.map(|(_, candidate)| candidate).collect(), turn)
}

/// A label with the number of classes that it stands for, which is never cut.
fn counted(label: &str, classes: u64, font: &Font) -> String {
    if classes == 1 {
        return font.elide(label, LONGEST);
    }
    let count = format!("{TIMES}{classes}");
    if label.is_empty() {
        return count;
    }
    format!("{} {count}", font.elide(label, LONGEST - font.width(&count)))
}
