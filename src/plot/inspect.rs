//! What is unusual about a matrix that is drawn as a Gram matrix of unit vectors.

use nalgebra::DMatrix;

use super::ColourRange;

/// Deviations up to this much are rounding (a Gram matrix in single precision) and are not mentioned.
const TOLERANCE: f64 = 1e-5;

/// Sentences about a matrix that is supposed to be a Gram matrix of unit vectors: entries that are not numbers or lie
/// outside [-1, 1], a diagonal that is not 1, a missing symmetry. Empty if there is nothing to say.
pub fn inspect(values: &DMatrix<f64>) -> Vec<String> {
    remarks(values, None, ColourRange::Unit)
}

pub(super) fn remarks(values: &DMatrix<f64>, multiplicity: Option<&[u64]>, range: ColourRange) -> Vec<String> {
    let mut remarks = Vec::new();
    if values.nrows() != values.ncols() {
        remarks.push(format!(
            "the matrix is {} x {}, not square",
            values.nrows(),
            values.ncols()
        ));
    }
    let max = range.max();
    let margin = match range {
        ColourRange::Unit => TOLERANCE,
        ColourRange::Symmetric(max) => TOLERANCE * max,
    };

    let missing = values.iter().filter(|v| !v.is_finite()).count();
    if missing > 0 {
        remarks.push(format!("{} not finite (drawn grey)", entries(missing, "is", "are")));
    }
    let outside = || values.iter().filter(|v| v.is_finite() && v.abs() > max + margin);
    if let Some(largest) = outside().copied().reduce(|a, b| if b.abs() > a.abs() { b } else { a }) {
        let what = if largest > 0.0 { "largest" } else { "smallest" };
        let subject = entries(outside().count(), "lies", "lie");
        remarks.push(format!(
            "{subject} outside [{}, {}] (colour of the end); {what} {}",
            brief(-max),
            brief(max),
            brief(largest)
        ));
    }
    if range == ColourRange::Unit {
        let size = values.nrows().min(values.ncols());
        let single = |i: usize| multiplicity.is_none_or(|m| m.get(i).is_none_or(|&m| m <= 1));
        let wrong: Vec<f64> = (0..size)
            .filter(|&i| single(i))
            .map(|i| values[(i, i)])
            .filter(|d| d.is_finite() && (d - 1.0).abs() > TOLERANCE)
            .collect();
        if let (Some(least), Some(most)) = (
            wrong.iter().copied().reduce(f64::min),
            wrong.iter().copied().reduce(f64::max),
        ) {
            let (least, most) = (brief(least), brief(most));
            let span = if least == most {
                least
            } else {
                format!("{least} to {most}")
            };
            remarks.push(format!(
                "the diagonal is not 1: {} of {size} entries differ ({span})",
                wrong.len()
            ));
        }
        if (0..size).any(|i| !single(i)) {
            remarks.push("diagonal cells of groups (×n) show two different classes of the group".to_string());
        }
    }
    if values.is_square() {
        let mut skew = 0.0f64;
        for j in 0..values.ncols() {
            for i in 0..j {
                // f64::max ignores the NaN of an entry that is not finite.
                skew = skew.max((values[(i, j)] - values[(j, i)]).abs());
            }
        }
        if skew > margin && skew.is_finite() {
            remarks.push(format!(
                "not symmetric: entries differ from their mirror image by up to {}",
                brief(skew)
            ));
        }
    }
    remarks
}

fn entries(count: usize, singular: &str, plural: &str) -> String {
    if count == 1 {
        format!("1 entry {singular}")
    } else {
        format!("{count} entries {plural}")
    }
}

/// Four significant digits, without trailing zeros.
fn brief(value: f64) -> String {
    super::labels::significant(value, 4)
}
