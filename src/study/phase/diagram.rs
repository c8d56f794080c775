//! A [`Grid`] as a picture.

use super::Grid;
use crate::plot::Diagram;

impl Grid {
    /// What is drawn.
    pub fn diagram(&self) -> Diagram {
        let at = &self.at;
        let sizes = match at.step {
            Some([majority, minority]) => format!("{majority} majority and {minority} minority classes"),
            None => format!("{} classes", at.class_count),
        };
        let anchors = if at.anchors == "sample" {
            String::new()
        } else {
            format!(", {} anchors", at.anchors)
        };
        let mut notes = Vec::new();
        if self.collapsed.iter().flatten().any(Option::is_none) {
            notes.push("grey: no regular optimum, and no rule says which classes share a vector".to_owned());
        }
        if !self.boundary.is_empty() {
            notes.push("black line: the exact boundary on every line between neighbouring points".to_owned());
        }
        Diagram {
            title: at.title.clone().unwrap_or_else(|| "Minority collapse".to_owned()),
            subtitle: format!("{}{anchors}, {sizes}, smallest class {}", at.loss, at.smallest),
            x: self.ratios.clone(),
            y: self.temperatures.clone(),
            x_name: "imbalance ratio".to_owned(),
            y_name: "temperature".to_owned(),
            legend: "collapsed classes".to_owned(),
            counts: self.collapsed.clone(),
            curves: self.boundary.clone(),
            notes,
        }
    }
}
