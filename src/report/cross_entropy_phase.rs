//! The report of the collapse threshold of cross-entropy: the JSON form `ufmin/phase/1`.

use serde::{Deserialize, Serialize};

use super::Name;
use super::cross_entropy::ConstraintReport;
use super::text::Page;
use super::view::{Style, Table, View};
use crate::cross_entropy::{CrossEntropy, StepFamily, Threshold};

/// Where minority classifiers coincide, as JSON has it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[allow(missing_docs)] // As in the reference of the JSON form.
pub struct CrossEntropyPhase {
    pub schema: Name,
    pub version: Name,
    pub complete: bool,
    pub vary: Name,
    /// The smallest ratio in the range at which they coincide; null if at none.
    pub threshold: Option<f64>,
    /// Whether the search came to its end and found none.
    pub never: bool,
    /// The minority classes, numbered after the majority.
    pub collapsed: Vec<Vec<u64>>,
    pub range: [f64; 2],
    pub scanned: u64,
    pub worst_gap: f64,
    pub at: CrossEntropyFamily,
}

/// What is held fixed.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[allow(missing_docs)]
pub struct CrossEntropyFamily {
    pub title: Option<String>,
    pub loss: Name,
    /// Numbers of majority and minority classes.
    pub step: [u64; 2],
    pub smallest: f64,
    pub views: u64,
    pub classifier: ConstraintReport,
    pub features: ConstraintReport,
}

impl CrossEntropyPhase {
    /// The report of a search; `complete` unless it was stopped.
    pub fn new(problem: &CrossEntropy, family: StepFamily, found: &Threshold, complete: bool) -> Self {
        let minority = (family.majority..family.majority + family.minority).collect();
        Self {
            schema: Self::SCHEMA.into(),
            version: env!("CARGO_PKG_VERSION").into(),
            complete,
            vary: "ratio".into(),
            threshold: found.ratio,
            never: found.ratio.is_none() && complete,
            collapsed: found.ratio.map(|_| minority).into_iter().collect(),
            range: [found.range.0, found.range.1],
            scanned: found.scanned,
            worst_gap: found.worst_gap,
            at: CrossEntropyFamily {
                title: problem.title().map(str::to_owned),
                loss: "cross-entropy".into(),
                step: [family.majority, family.minority],
                smallest: family.smallest,
                views: problem.views(),
                classifier: problem.classifier().into(),
                features: problem.features().into(),
            },
        }
    }
}

impl View for CrossEntropyPhase {
    const SCHEMA: &'static str = "ufmin/phase/1";

    fn text(&self, style: Style) -> String {
        let at = &self.at;
        let mut page = Page::new(style);
        if let Some(title) = &at.title {
            page.line(title);
        }
        page.paragraph(format!(
            "{} majority and {} minority classes, cross-entropy, classifier {} {}, features {} {}",
            at.step[0],
            at.step[1],
            at.classifier.constraint,
            at.classifier.value,
            at.features.constraint,
            at.features.value
        ));
        match self.threshold {
            Some(ratio) => page.line(format!("minority classifiers coincide from ratio {ratio:.9} on")),
            None => page.line(format!(
                "minority classifiers coincide at none of {} ratios from {} to {}",
                self.scanned, self.range[0], self.range[1]
            )),
        }
        page.line(format!(
            "worst relative gap of the minima searched: {:.1e}",
            self.worst_gap
        ));
        page.text()
    }

    fn table(&self) -> Option<Table> {
        let mut table = Table::new(&["state", "ratio_from", "ratio_to"]);
        let row = |from: f64| vec!["collapsed".to_owned(), from.to_string(), self.range[1].to_string()];
        table.rows.extend(self.threshold.map(row));
        Some(table)
    }

    fn passes(&self) -> bool {
        true
    }

    fn is_complete(&self) -> bool {
        self.complete
    }
}
