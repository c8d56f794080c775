//! A [`Curve`] for a person, and as a table.

use super::{Curve, Quantity, Row};
use crate::certificate::Verdict;
#[cfg(feature = "plot")]
use crate::plot::Figure;
use crate::report::text::Page;
use crate::report::view::{Style, Table, View, cell};

impl Row {
    /// Number of classes that share their vector with another.
    fn collapsed_classes(&self) -> usize {
        self.collapsed.iter().map(Vec::len).sum()
    }
}

impl Curve {
    /// Whether every row is certified.
    pub fn is_certified(&self) -> bool {
        self.rows.iter().all(|row| row.verdict == Verdict::Certified)
    }

    pub(super) fn name(&self) -> &'static str {
        match self.vary {
            Quantity::BatchSize => "batch size",
            Quantity::Negatives => "negatives",
            Quantity::Temperature => "temperature",
            Quantity::Power => "power",
        }
    }
}

impl View for Curve {
    const SCHEMA: &'static str = super::SCHEMA;

    fn text(&self, style: Style) -> String {
        let limit = self.limit.as_ref();
        let mut header = vec![self.name(), "loss", "downstream", "nearest", "farthest", "to ETF"];
        header.extend(limit.map(|limit| match limit.name.as_ref() {
            "population" => "to population",
            _ => "to full batch",
        }));
        header.extend(["collapsed", "certified"]);
        let known = |value: Option<f64>| value.map_or("-".to_owned(), |x| format!("{x:.6}"));
        let cells = |row: &Row| {
            let name = || limit.map_or(String::new(), |limit| limit.name.to_string());
            let mut cells = vec![
                row.value.map_or_else(name, |value| value.to_string()),
                format!("{:.8}", row.loss),
                known(row.downstream_loss),
                format!("{:.3}", row.nearest_degrees),
                format!("{:.3}", row.farthest_degrees),
                format!("{:.6}", row.distance_to_etf),
            ];
            cells.extend(limit.map(|_| known(row.distance_to_limit)));
            cells.push(match row.collapsed_classes() {
                0 => "-".to_owned(),
                count => format!("{count} classes"),
            });
            cells.push(row.verdict.certified().to_owned());
            cells
        };
        let (mut page, classes, loss) = (Page::new(style), self.class_count, &self.loss);
        page.paragraph(format_args!(
            "{classes} classes, {loss}; angles between classes in degrees, distances of normalised Gram matrices"
        ));
        page.table(
            &header,
            self.rows.iter().chain(limit.map(|limit| &limit.row)).map(cells),
        );
        page.text()
    }

    fn table(&self) -> Option<Table> {
        Some(Table::of_rows(
            &self.rows,
            &[
                (&self.name().replace(' ', "_"), &|row| cell(row.value)),
                ("loss", &|row| row.loss.to_string()),
                ("loss_per_active_anchor", &|row| cell(row.loss_per_active_anchor)),
                ("downstream_loss", &|row| cell(row.downstream_loss)),
                ("nearest_degrees", &|row| row.nearest_degrees.to_string()),
                ("farthest_degrees", &|row| row.farthest_degrees.to_string()),
                ("distance_to_etf", &|row| row.distance_to_etf.to_string()),
                ("distance_to_limit", &|row| cell(row.distance_to_limit)),
                ("collapsed_classes", &|row| row.collapsed_classes().to_string()),
                ("verdict", &|row| row.verdict.certified().to_owned()),
            ],
        ))
    }

    #[cfg(feature = "plot")]
    fn figures(&self) -> Vec<(&'static str, Figure)> {
        let chart = self.complete.then(|| ("curve", self.chart()));
        chart.into_iter().collect()
    }

    fn passes(&self) -> bool {
        self.is_certified()
    }

    fn is_complete(&self) -> bool {
        self.complete
    }
}
