//! A [`Curve`] as a picture.

use super::{Curve, Row};
use crate::measure::metrics::angle_degrees;
use crate::plot::{Chart, ChartAxis, Mark, Scale, Series};

impl Curve {
    /// The angles as a picture.
    pub fn chart(&self) -> Chart {
        let classes = self.class_count as f64;
        let etf = angle_degrees(-1.0 / (classes - 1.0));
        let points = |of: &dyn Fn(&Row) -> f64| -> Vec<[f64; 2]> {
            let rows = self.rows.iter();
            rows.filter_map(|row| Some([row.value?, of(row)])).collect()
        };
        let series = |name: &str, mark: Mark| Series {
            name: name.to_owned(),
            mark,
        };
        let farthest = points(&|row| row.farthest_degrees);
        let closest = points(&|row| row.nearest_degrees);
        let mut notes = Vec::new();
        if let Some(limit) = &self.limit {
            notes.push(format!(
                "{}: closest pair at {:.2} degrees, farthest at {:.2}.",
                match limit.name {
                    "population" => "Population",
                    _ => "Full batch",
                },
                limit.row.nearest_degrees,
                limit.row.farthest_degrees
            ));
        }
        Chart {
            title: format!("Angles between classes against the {}", self.name()),
            subtitle: format!("{} classes, {}", self.class_count, self.loss),
            x: ChartAxis::new(self.name(), Scale::Logarithmic),
            y: ChartAxis {
                range: Some((0.0, 180.0)),
                ..ChartAxis::new("degrees", Scale::Linear)
            },
            series: vec![
                series("closest pair", Mark::Line(closest.clone())),
                series("", Mark::Points(closest)),
                series("farthest pair", Mark::Line(farthest.clone())),
                series("", Mark::Points(farthest)),
                series("simplex ETF", Mark::Line(points(&|_| etf))),
            ],
            notes,
        }
    }
}
