//! A [`Comparison`] as one picture: the Gram matrices side by side, and below each the angles of head and tail.

use nalgebra::DMatrix;

use super::{Comparison, Row};
use crate::measure::halves::Span;
use crate::measure::metrics::angle_degrees;
use crate::plot::colour::{DARK, FIRST, GLOBAL, SECOND};
use crate::plot::{Body, Figure, Panel, SpanSeries, Spans};
use crate::report::picture::{Picture, facts};

/// Most sentences about collapsed classes.
const MAX_NOTES: usize = 7;

impl Comparison {
    /// The picture; `None` without rows, or without the matrices of more classes than the JSON has.
    pub(super) fn figure(&self) -> Option<Figure> {
        let of_row = |(i, row): (usize, &Row)| -> Option<Panel> {
            let picture = match (self.grams.get(i), &row.gram) {
                (Some(Some(gram)), _) => Picture::of_gram(&self.problem, gram),
                (_, Some(rows)) => {
                    // The cosine of a feature that is zero is none: grey.
                    let values = DMatrix::from_fn(rows.len(), rows.len(), |i, j| rows[i][j].unwrap_or(f64::NAN));
                    Picture::of_classes(&self.problem, values)
                }
                (_, None) => return None,
            };
            Some(Panel {
                title: row.loss.to_string(),
                ..picture.panel
            })
        };
        let panels: Vec<Panel> = self.rows.iter().enumerate().map(of_row).collect::<Option<_>>()?;
        if panels.is_empty() {
            return None;
        }
        let spans = |span: &dyn Fn(&Row) -> Option<Span>| -> Vec<Option<[f64; 3]>> {
            let ends = |row| span(row).map(|span| [span.least, span.mean, span.most]);
            self.rows.iter().map(ends).collect()
        };
        let series = |name: &str, colour, spans| SpanSeries {
            name: name.to_owned(),
            colour,
            spans,
        };
        let closest = self.rows.iter().map(|row| row.min_tail_angle.map(|angle| [angle; 3]));
        let strip = Spans {
            name: "angle in degrees".to_owned(),
            unit: "\u{b0}".to_owned(),
            reference: Some((
                "simplex ETF".to_owned(),
                angle_degrees(-1.0 / (self.class_count as f64 - 1.0)),
            )),
            series: vec![
                series("within the head", GLOBAL, spans(&|row| row.within_head)),
                series("head to tail", SECOND, spans(&|row| row.head_to_tail)),
                series("within the tail", FIRST, spans(&|row| row.within_tail)),
            ],
            marks: Some(series("closest to a tail class", DARK, closest.collect())),
        };
        let collapsed = self.rows.iter().flat_map(|row| {
            let what = if row.classifier.is_some() {
                "classifier"
            } else {
                "vector"
            };
            let note = move |set: &Vec<u64>| format!("{}: {} classes share one {what}.", row.loss, set.len());
            row.collapsed.iter().map(note)
        });
        let mut notes = vec![format!(
            "Tail: the {} smallest classes. Bars are the range over pairs of classes, dots the mean.",
            self.tail_classes
        )];
        notes.extend(collapsed.take(MAX_NOTES));
        for row in &self.rows {
            if let (Some(classifier), Some(features)) = (&row.classifier, &row.features) {
                notes.push(format!(
                    "{}: cosines of features; classifier {} {}, features {} {}.",
                    row.loss, classifier.constraint, classifier.value, features.constraint, features.value
                ));
            }
            if row.has_zero_features() {
                notes.push(format!("{}: grey entries are of features that are zero.", row.loss));
            }
        }
        Some(Figure {
            title: self
                .problem
                .title
                .clone()
                .unwrap_or_else(|| format!("Optimal geometry of {} classes by loss", self.class_count)),
            subtitle: facts(&self.problem, "loss"),
            body: Body::Comparison(panels, strip),
            notes,
        })
    }
}
