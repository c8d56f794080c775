//! A [`Comparison`] for a person, as a table, and in LaTeX.

use super::{Comparison, Row};
use crate::certificate::Verdict;
#[cfg(feature = "plot")]
use crate::plot::Figure;
use crate::report::text::Page;
use crate::report::view::{Column, Style, Table, View, cell};

/// Whether two angles are the same in a sentence, which has three decimals.
fn same(a: f64, b: f64) -> bool {
    format!("{a:.3}") == format!("{b:.3}")
}

impl Comparison {
    /// Whether every row is certified.
    pub fn is_certified(&self) -> bool {
        self.rows.iter().all(|row| row.verdict == Verdict::Certified)
    }

    /// Which loss keeps the tail apart, with the number; `None` where fewer than two rows know.
    pub fn conclusion(&self) -> Option<String> {
        let known: Vec<(&Row, f64, [u64; 2])> = self
            .rows
            .iter()
            .filter_map(|row| Some((row, row.min_tail_angle?, row.min_tail_pair?)))
            .collect();
        let best = known.iter().copied().reduce(|a, b| if b.1 > a.1 { b } else { a })?;
        let worst = known.iter().copied().reduce(|a, b| if b.1 < a.1 { b } else { a })?;
        let names = |angle: f64| {
            let alike = known.iter().filter(|(_, other, _)| same(*other, angle));
            let names: Vec<&str> = alike.map(|(row, ..)| &*row.loss).collect();
            match names.split_last() {
                Some((last, others)) if !others.is_empty() => format!("{} and {last}", others.join(", ")),
                _ => names.concat(),
            }
        };
        if known.len() < 2 {
            return None;
        }
        let (angle, [a, b]) = (best.1, best.2.map(|class| self.problem.name(class)));
        if same(angle, worst.1) {
            return Some(format!(
                "All of these losses keep the tail equally apart: no class of it is closer to another than {angle:.3} degrees."
            ));
        }
        let several = known.iter().filter(|(_, other, _)| same(*other, angle)).count() > 1;
        Some(format!(
            "{} keep{} the tail farthest apart: {} closest pair with a tail class ({a} and {b}) is at {angle:.3} degrees, \
             against {:.3} with {}.",
            names(angle),
            if several { "" } else { "s" },
            if several { "their" } else { "its" },
            worst.1,
            names(worst.1)
        ))
    }

    /// The cells of the text and of the LaTeX table: rounded to what a reader compares.
    fn rounded(&self) -> Table {
        let fixed = |value: Option<f64>, digits: usize| value.map_or("-".to_owned(), |x| format!("{x:.digits$}"));
        let columns: [Column<'_, Row>; 11] = [
            ("loss", &|row| row.loss.to_string()),
            ("value", &|row| format!("{:.6}", row.value)),
            ("rank", &|row| row.rank.to_string()),
            ("collapsed", &|row| match row.collapsed_classes() {
                0 => "-".to_owned(),
                count => count.to_string(),
            }),
            ("threshold", &|row| fixed(row.threshold, 4)),
            ("tail angle", &|row| fixed(row.min_tail_angle, 3)),
            ("margin", &|row| fixed(row.margin, 6)),
            ("equinorm", &|row| {
                fixed(row.etf_deviation.and_then(|etf| etf.equinorm), 6)
            }),
            ("equiangular", &|row| {
                fixed(row.etf_deviation.and_then(|etf| etf.equiangular), 6)
            }),
            ("downstream", &|row| fixed(row.downstream_loss, 6)),
            ("certified", &|row| row.verdict.certified().to_owned()),
        ];
        Table::of_rows(&self.rows, &columns)
    }
}

impl View for Comparison {
    const SCHEMA: &'static str = super::SCHEMA;

    fn text(&self, style: Style) -> String {
        let mut page = Page::new(style);
        if let Some(title) = &self.problem.title {
            page.line(title);
        }
        let nonnegative = if self.problem.nonnegative {
            ", nonnegative features"
        } else {
            ""
        };
        page.paragraph(format_args!(
            "{} classes, temperature {}{nonnegative}; angles in degrees, the tail is the smaller half of the classes ({})",
            self.class_count, self.problem.temperature, self.tail_classes
        ));
        let table = self.rounded();
        let header: Vec<&str> = table.header.iter().map(String::as_str).collect();
        page.table(&header, table.rows);
        page.line("");
        for row in &self.rows {
            for set in &row.collapsed {
                let what = match row.classifier {
                    Some(_) => "classifier",
                    None => "vector (proven)",
                };
                page.line(format_args!("{}: {} classes share one {what}", row.loss, set.len()));
            }
            if row.has_zero_features() {
                page.line(format_args!("{}: features that are zero have no angle", row.loss));
            }
            if let (Some(classifier), Some(features)) = (&row.classifier, &row.features) {
                page.line(format_args!(
                    "{}: classifier {} {}, features {} {}; angles, margin and downstream loss are of features scaled to length 1",
                    row.loss, classifier.constraint, classifier.value, features.constraint, features.value
                ));
            }
        }
        for row in self.rows.iter().filter(|_| style.verbose) {
            if let Some(reason) = &row.threshold_reason {
                page.line(format_args!("{}: no threshold, because {reason}", row.loss));
            }
        }
        if let Some(conclusion) = self.conclusion() {
            page.line(conclusion);
        }
        page.text()
    }

    fn table(&self) -> Option<Table> {
        let joined = |sets: &[Vec<u64>]| {
            let set = |set: &Vec<u64>| set.iter().map(u64::to_string).collect::<Vec<_>>().join(" ");
            sets.iter().map(set).collect::<Vec<_>>().join("; ")
        };
        Some(Table::of_rows(
            &self.rows,
            &[
                ("loss", &|row| row.loss.to_string()),
                ("value", &|row| row.value.to_string()),
                ("excess", &|row| cell(row.excess)),
                ("relative_gap", &|row| row.relative_gap.to_string()),
                ("verdict", &|row| row.verdict.certified().to_owned()),
                ("rank", &|row| row.rank.to_string()),
                ("collapsed_classes", &|row| row.collapsed_classes().to_string()),
                ("collapsed", &|row| joined(&row.collapsed)),
                ("threshold", &|row| cell(row.threshold)),
                ("threshold_reason", &|row| cell(row.threshold_reason.clone())),
                ("min_tail_angle", &|row| cell(row.min_tail_angle)),
                ("within_head_mean", &|row| cell(row.within_head.map(|span| span.mean))),
                ("head_to_tail_mean", &|row| cell(row.head_to_tail.map(|span| span.mean))),
                ("within_tail_mean", &|row| cell(row.within_tail.map(|span| span.mean))),
                ("margin", &|row| cell(row.margin)),
                ("equinorm", &|row| cell(row.etf_deviation.and_then(|etf| etf.equinorm))),
                ("equiangular", &|row| {
                    cell(row.etf_deviation.and_then(|etf| etf.equiangular))
                }),
                ("distance_to_etf", &|row| {
                    cell(row.etf_deviation.map(|etf| etf.distance))
                }),
                ("downstream_loss", &|row| cell(row.downstream_loss)),
            ],
        ))
    }

    fn latex(&self) -> Option<String> {
        Some(self.rounded().to_latex())
    }

    #[cfg(feature = "plot")]
    fn figures(&self) -> Vec<(&'static str, Figure)> {
        let figure = self.figure().filter(|_| self.complete);
        figure.map(|figure| ("compare", figure)).into_iter().collect()
    }

    fn passes(&self) -> bool {
        self.is_certified()
    }

    fn is_complete(&self) -> bool {
        self.complete
    }
}
