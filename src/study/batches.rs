//! What `ufmin batches` says: [`Check`] of the conditions of THEORY 6, and [`Written`] schedules.

use std::fmt::Write;

use serde::{Deserialize, Serialize};

use crate::problem::batches::binding::Binding;
use crate::problem::batches::conditions::{Conditions, MAX_LISTED_PAIRS};
use crate::problem::{Batches, FixedBatches, Problem};
use crate::report::view::{Style, View};
use crate::report::{FixedBatchesReport, MAX_LISTED_CLASSES, Name, ProblemReport};

/// Identifier of the JSON form of a check.
pub const SCHEMA: &str = "ufmin/batches/1";

/// Identifier of the JSON form of a schedule that was written.
pub const SCHEMA_WRITTEN: &str = "ufmin/batches-written/1";

/// Most classes that the text names, one by one.
const MAX_NAMED: usize = 8;

/// Whether fixed batches make the orthogonal frame the only optimum of nonnegative features.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Check {
    /// [`SCHEMA`].
    pub schema: Name,
    /// Version of this crate.
    pub version: Name,
    /// The problem.
    pub problem: ProblemReport,
    /// What was found.
    #[serde(flatten)]
    pub findings: Findings,
}

/// What batches join, THEORY 6.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Findings {
    /// Whether each class is connected by active edges; null above 10,000 classes.
    pub connected: Option<Vec<bool>>,
    /// Classes that are not connected, at most 1000.
    pub split: Vec<Split>,
    /// Number of classes that are not connected.
    pub split_count: u64,
    /// Pairs of classes without an active edge, at most 1000.
    pub missing_pairs: Vec<(u32, u32)>,
    /// Number of these pairs.
    pub missing_count: u64,
    /// Whether the orthogonal frame is the only optimum of nonnegative features; null where it is not decided.
    pub unique_orthogonal_frame: Option<bool>,
    /// Classes of which no sample has a positive in any batch, at most 10,000.
    pub without_positive: Vec<u32>,
}

/// A class that is not connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Split {
    /// The class.
    pub class: u64,
    /// Its connected parts; 0 if no sample of it is in a batch.
    pub parts: u32,
}

impl Check {
    /// Checks the batches of a problem, whether its features are nonnegative or not.
    pub fn new(problem: &Problem, fixed: &FixedBatches) -> Self {
        Self {
            schema: SCHEMA.into(),
            version: env!("CARGO_PKG_VERSION").into(),
            problem: ProblemReport::new(problem.classes(), problem.model()),
            findings: Findings::new(problem, Conditions::new(problem, fixed)),
        }
    }
}

impl Findings {
    fn new(problem: &Problem, conditions: Conditions) -> Self {
        let listed = problem.classes().count() <= MAX_LISTED_CLASSES;
        let split = (0..).zip(&conditions.parts).filter(|&(_, &parts)| parts != 1);
        let split = split.map(|(class, &parts)| Split { class, parts });
        Self {
            connected: listed.then(|| conditions.parts.iter().map(|&parts| parts == 1).collect()),
            split: split.clone().take(MAX_LISTED_PAIRS).collect(),
            split_count: split.count() as u64,
            missing_pairs: conditions.missing_pairs,
            missing_count: conditions.missing_count,
            unique_orthogonal_frame: conditions.unique_orthogonal_frame,
            without_positive: conditions
                .without_positive
                .into_iter()
                .take(MAX_LISTED_CLASSES as usize)
                .collect(),
        }
    }

    /// One a line. `has_room`: a frame fits into the dimension.
    fn text(&self, has_room: bool) -> String {
        let mut text = String::new();
        let mut line = |passes: bool, what: String| {
            let mark = if passes { "yes" } else { "NO " };
            let _ = writeln!(text, "  {mark}  {what}");
        };
        line(
            self.split_count == 0,
            if self.split_count == 0 {
                "every class is connected by the batches of its samples".to_owned()
            } else {
                format!(
                    "every class is connected by the batches of its samples; not {}",
                    named(
                        self.split.iter().map(|split| match split.parts {
                            0 => format!("class {} (in no batch)", split.class),
                            parts => format!("class {} ({parts} parts)", split.class),
                        }),
                        self.split_count
                    )
                )
            },
        );
        line(
            self.missing_count == 0,
            if self.missing_count == 0 {
                "every two classes meet in a batch where one of them has a positive".to_owned()
            } else {
                format!(
                    "every two classes meet in a batch where one of them has a positive; not {}",
                    named(
                        self.missing_pairs.iter().map(|(a, b)| format!("{a} and {b}")),
                        self.missing_count
                    )
                )
            },
        );
        if !self.without_positive.is_empty() {
            let without = &self.without_positive;
            let names = named(
                without.iter().map(|class| format!("class {class}")),
                without.len() as u64,
            );
            let _ = writeln!(
                text,
                "  no sample of {names} has a positive in any batch: it is never an anchor"
            );
        }
        text.push_str(match self.unique_orthogonal_frame {
            Some(true) => "\nUNIQUE: with nonnegative features, the orthogonal frame is the only optimum.\n",
            Some(false) if !has_room => "\nNO FRAME: one orthogonal axis a class needs as many dimensions as classes.\n",
            Some(false) => {
                "\nNOT UNIQUE: with nonnegative features, other geometries have the loss of the orthogonal frame.\n\
                 To make it the only one, append one fixed example of every class to every batch: batch-binding.\n"
            }
            None => {
                "\nUNDECIDED: in more dimensions other geometries would have the loss of the orthogonal frame; in this one\n\
                 it is not known. To make sure, append one fixed example of every class to every batch: batch-binding.\n"
            }
        });
        text
    }
}

/// The first of some names, and how many more there are.
fn named(names: impl Iterator<Item = String>, count: u64) -> String {
    let first: Vec<String> = names.take(MAX_NAMED).collect();
    match count - first.len() as u64 {
        0 => first.join(", "),
        more => format!("{} and {more} more", first.join(", ")),
    }
}

fn heading(problem: &ProblemReport) -> String {
    let title = problem
        .title
        .iter()
        .map(|title| format!("{title}\n"))
        .collect::<String>();
    let batches = problem
        .batches
        .as_ref()
        .map_or(String::new(), |batches| format!(", {batches}"));
    format!("{title}{} classes, {}{batches}\n", problem.class_count, problem.loss)
}

impl View for Check {
    const SCHEMA: &'static str = SCHEMA;

    fn text(&self, _: Style) -> String {
        let problem = &self.problem;
        let has_room = problem
            .dimension
            .is_none_or(|dimension| dimension >= problem.class_count);
        format!("{}\n{}", heading(problem), self.findings.text(has_room))
    }

    fn passes(&self) -> bool {
        self.findings.unique_orthogonal_frame == Some(true)
    }

    fn is_complete(&self) -> bool {
        true
    }
}

/// A schedule of batches that was written to a file.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Written {
    /// [`SCHEMA_WRITTEN`].
    pub schema: Name,
    /// Version of this crate.
    pub version: Name,
    /// `bind` or `sample`.
    pub kind: Name,
    /// The file, as it was named.
    pub file: String,
    /// Its batches, without the members.
    pub batches: FixedBatchesReport,
    /// Seed of the sample; null for `bind`.
    pub seed: Option<u64>,
    /// What was appended; null for `sample`.
    pub binding: Option<Bound>,
    /// What the bound batches join; absent for `sample`.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub findings: Option<Findings>,
}

/// What binding appended.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Bound {
    /// The fixed sample of every class, by the numbers that the user gave; null above 10,000 classes.
    pub samples: Option<Vec<u32>>,
    /// Members appended, over all batches.
    pub added: u64,
    /// Members before.
    pub before: u64,
    /// Whether the dimension of the problem, if it has one, is at least the number of classes.
    pub has_room: bool,
}

impl Written {
    fn new(kind: &'static str, file: String, batches: &Batches) -> Self {
        Self {
            schema: SCHEMA_WRITTEN.into(),
            version: env!("CARGO_PKG_VERSION").into(),
            kind: kind.into(),
            file,
            batches: FixedBatchesReport {
                members: None,
                ..FixedBatchesReport::new(batches)
            },
            seed: None,
            binding: None,
            findings: None,
        }
    }

    /// An epoch of batches.
    pub fn of_epoch(file: String, batches: &Batches, seed: u64) -> Self {
        Self {
            seed: Some(seed),
            ..Self::new("sample", file, batches)
        }
    }

    /// Bound batches.
    pub fn of_binding(file: String, problem: &Problem, binding: &Binding) -> Self {
        let batches = &binding.batches;
        let listed = problem.classes().count() <= MAX_LISTED_CLASSES;
        let position = |&example: &u32| batches.order().position(example);
        Self {
            binding: Some(Bound {
                samples: listed.then(|| binding.examples.iter().map(position).collect()),
                added: binding.added,
                before: batches.memberships() as u64 - binding.added,
                has_room: problem
                    .model()
                    .features
                    .dimension
                    .is_none_or(|dimension| dimension >= problem.classes().count()),
            }),
            findings: Some(Findings::new(problem, binding.conditions.clone())),
            ..Self::new("bind", file, batches)
        }
    }
}

impl View for Written {
    const SCHEMA: &'static str = SCHEMA_WRITTEN;

    fn text(&self, _: Style) -> String {
        let mut text = format!("{}: {}", self.file, self.batches);
        if self.batches.unused > 0 {
            let _ = write!(text, "; {} samples are in none", self.batches.unused);
        }
        text.push('\n');
        if let (Some(bound), Some(findings)) = (&self.binding, &self.findings) {
            let _ = writeln!(text, "{} members appended to {}", bound.added, bound.before);
            if let Some(samples) = &bound.samples {
                let names = samples
                    .iter()
                    .enumerate()
                    .map(|(class, sample)| format!("{sample} (class {class})"));
                let _ = writeln!(text, "fixed samples: {}", named(names, samples.len() as u64));
            }
            let _ = write!(text, "\n{}", findings.text(bound.has_room));
            if findings.missing_count > 0 {
                text.push_str(
                    "Of these two classes only one sample each is in any batch, so neither has a positive there: give one of\n\
                     them a second sample, or views.\n",
                );
            }
        }
        text
    }

    fn passes(&self) -> bool {
        let frame = |findings: &Findings| findings.unique_orthogonal_frame == Some(true);
        self.findings.as_ref().is_none_or(frame)
    }

    fn is_complete(&self) -> bool {
        true
    }
}
