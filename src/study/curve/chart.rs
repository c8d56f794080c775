//! A [`Curve`] as a picture.

use super::{Curve, Quantity, Row};
use crate::measure::metrics::angle_degrees;
use crate::plot::colour::{DARK, FIRST, SECOND};
use crate::plot::{Body, Chart, ChartAxis, Figure, Mark, Scale, Series};
use crate::report::picture::facts;

impl Curve {
    /// The angles as a picture.
    pub fn chart(&self) -> Figure {
        let classes = self.class_count as f64;
        let etf = angle_degrees(-1.0 / (classes - 1.0));
        let points = |angle: &dyn Fn(&Row) -> f64| -> Vec<[f64; 2]> {
            let rows = self.rows.iter();
            rows.filter_map(|row| Some([row.value?, angle(row)])).collect()
        };
        let farthest = points(&|row| row.farthest_degrees);
        let closest = points(&|row| row.nearest_degrees);
        let mut notes = Vec::new();
        if let Some(limit) = &self.limit {
            notes.push(format!(
                "{}: closest pair at {:.2} degrees, farthest at {:.2}.",
                match limit.name.as_ref() {
                    "population" => "Population",
                    _ => "Full batch",
                },
                limit.row.nearest_degrees,
                limit.row.farthest_degrees
            ));
        }
        Figure {
            title: format!("Angles between classes against the {}", self.name()),
            subtitle: facts(&self.problem, self.name()),
            body: Body::Chart(Chart {
                x: ChartAxis::new(
                    self.name(),
                    match self.vary {
                        Quantity::BatchSize | Quantity::Negatives | Quantity::Temperature => Scale::Logarithmic,
                        Quantity::Power => Scale::Linear,
                    },
                ),
                y: ChartAxis {
                    range: Some((-5.0, 185.0)),
                    ..ChartAxis::new("degrees", Scale::Linear)
                },
                legend: String::new(),
                series: vec![
                    Series::new("farthest pair", SECOND, Mark::Dotted(farthest)),
                    Series::new("simplex ETF", DARK, Mark::Line(points(&|_| etf))),
                    Series::new("closest pair", FIRST, Mark::Dotted(closest)),
                ],
            }),
            notes,
        }
    }
}
