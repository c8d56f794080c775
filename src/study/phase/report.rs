//! [`Phase`] as JSON and as text for a person.

use super::{Never, Phase, Vary};
use crate::certificate::Verdict;
use crate::report::text::Page;
use crate::report::view::{Style, Table, View};

/// Digits of a boundary in text; the JSON has all.
fn digits(value: f64) -> String {
    let decimals = (9 - value.abs().log10().floor() as i32).clamp(0, 15) as usize;
    let text = format!("{value:.decimals$}");
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}

/// "classes 5..9", "classes 0 and 3", from ascending indices.
fn classes(set: &[u64]) -> String {
    let consecutive = set.windows(2).all(|pair| pair[1] == pair[0] + 1);
    match set {
        [first, .., last] if consecutive && set.len() > 2 => format!("classes {first}..{last}"),
        [first, second] => format!("classes {first} and {second}"),
        _ if set.len() <= 12 => {
            let list: Vec<String> = set.iter().map(u64::to_string).collect();
            format!("classes {}", list.join(", "))
        }
        [first, .., last] => format!("{} classes from {first} to {last}", set.len()),
        _ => "no classes".to_owned(),
    }
}

/// A reason in words.
pub(crate) fn theorem(why: Never) -> &'static str {
    match why {
        Never::NonnegativeFeatures => "nonnegative features have the orthogonal frame as optimum at any sizes",
        Never::EqualSizes => "classes of one size have the simplex as optimum",
        Never::TwoClasses => "two classes are antipodal at any sizes",
        Never::BalancedLoss => "bcl with class-balanced anchors has the simplex as optimum at any sizes",
        Never::OneSmallClass => {
            "classes that share a vector weigh less together than the next one, which one small class cannot do with any other"
        }
        Never::ScanAndLimit => "nothing was found, and the limit of large ratios collapses nothing",
    }
}

impl Vary {
    fn name(self) -> &'static str {
        match self {
            Self::Ratio => "ratio",
            Self::Temperature => "temperature",
            Self::Negatives => "negatives",
            Self::BatchSize => "batch size",
        }
    }
}

impl Phase {
    /// Who shares a vector: "minority classes 2 and 3 share one vector".
    fn subject(&self) -> String {
        if self.collapsed.is_empty() {
            return format!("{} classes share one vector", self.collapsed_counts.iter().sum::<u64>());
        }
        let sets: Vec<String> = self.collapsed.iter().map(|set| classes(set)).collect();
        let minority = self
            .at
            .step
            .is_some_and(|[_, minority]| self.collapsed_counts == [minority]);
        let name = if minority { "minority " } else { "" };
        let each = if sets.len() > 1 {
            "each share one vector"
        } else {
            "share one vector"
        };
        format!("{name}{} {each}", sets.join(", and "))
    }
}

impl View for Phase {
    const SCHEMA: &'static str = super::SCHEMA;

    fn text(&self, style: Style) -> String {
        text(self, style)
    }

    /// One line a stretch.
    fn table(&self) -> Option<Table> {
        let name = self.vary.name();
        let column = name.replace(' ', "_");
        let mut table = Table::new(&["state", &format!("{column}_from"), &format!("{column}_to")]);
        for (state, stretches) in [("collapsed", &self.intervals), ("undecided", &self.undecided)] {
            let rows = stretches.iter();
            table
                .rows
                .extend(rows.map(|[from, to]| vec![state.to_owned(), from.to_string(), to.to_string()]));
        }
        Some(table)
    }

    fn passes(&self) -> bool {
        true
    }

    fn is_complete(&self) -> bool {
        self.complete
    }
}

/// The answer in words.
pub fn text(phase: &Phase, style: Style) -> String {
    let at = &phase.at;
    let mut page = Page::new(style);
    if let Some(title) = &at.title {
        page.line(title);
    }
    let mut facts = vec![format!("{} classes, smallest {}", at.class_count, at.smallest)];
    if let Some([majority, minority]) = at.step {
        facts.push(format!("{majority} majority and {minority} minority"));
    }
    facts.push(at.loss.to_string());
    if at.anchors != "sample" {
        facts.push(format!("{} anchors", at.anchors));
    }
    facts.extend(
        at.negatives
            .map(|count| format!("{count} sampled {}", if count == 1 { "negative" } else { "negatives" })),
    );
    facts.extend(at.batch_size.map(|size| format!("random batches of {size}")));
    facts.extend(at.temperature.map(|value| format!("temperature {value}")));
    facts.extend(at.ratio.map(|value| format!("ratio {value}")));
    if at.views != 1 {
        facts.push(format!("{} views", at.views));
    }
    page.paragraph(facts.join(", "));
    let ([low, high], name) = (phase.range, phase.vary.name());
    let plural = match phase.vary {
        Vary::Negatives => "numbers of negatives".to_owned(),
        Vary::Ratio | Vary::Temperature | Vary::BatchSize => format!("{name}s"),
    };
    let scanned = format!("{} {plural} scanned from {low} to {high}", phase.scanned);
    let subject = || phase.subject();
    if let (Some(stop), None) = (phase.stop, phase.threshold) {
        page.line(format_args!(
            "stopped after {} of {} {}: where classes collapse is not known yet",
            stop.done, stop.total, stop.points
        ));
        return page.text();
    }
    match (phase.vary, phase.threshold, phase.never_because) {
        (_, None, Some(Never::ScanAndLimit)) => {
            let limit = phase.limit.unwrap_or_default();
            page.line(format_args!(
                "no {name} is found to collapse any classes: none of the {scanned},"
            ));
            page.line(format_args!(
                "nor the limit of large ratios, where the inner product of two minority classes is {limit:.6}"
            ));
        }
        (_, None, Some(why)) => page.line(format_args!("no {name} collapses any classes: {}", theorem(why))),
        (_, None, None) => page.line(format_args!("no classes are found collapsed at any of the {scanned}")),
        (Vary::Ratio, Some(ratio), _) if phase.intervals.len() == 1 && phase.intervals[0][1] == high => {
            page.line(format_args!("{} from ratio {} on", subject(), digits(ratio)));
        }
        (_, Some(_), _) => {
            let stretch = |[from, to]: &[f64; 2]| format!("from {} to {}", digits(*from), digits(*to));
            let stretches: Vec<String> = phase.intervals.iter().map(stretch).collect();
            page.line(format_args!("{} at {name} {}", subject(), stretches.join(" and ")));
        }
    }
    if phase.threshold.is_some() {
        page.line(format_args!("searched: {name} {low} to {high}"));
    }
    if phase.decided_by.iter().any(|method| method == "lowrank") {
        page.line("decided by the low-rank solver where no rule tells which classes share a vector: ends to some 1e-7 of themselves");
    }
    for neighbour in &phase.certified {
        let what = if neighbour.collapsed {
            "collapsed"
        } else {
            "not collapsed"
        };
        let verdict = match neighbour.verdict {
            Verdict::Certified => "certified",
            Verdict::NotCertified | Verdict::RankExceedsDimension => "not certified",
        };
        page.line(format_args!("ratio {}: {what}, {verdict}", digits(neighbour.ratio)));
    }
    for &[from, to] in &phase.undecided {
        page.line(format_args!("undecided: {name} {} to {}", digits(from), digits(to)));
    }
    for warning in &phase.warnings {
        page.line(format_args!("warning: {warning}"));
    }
    page.text()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_classes_read_well() {
        assert_eq!(digits(142.569686809), "142.5696868");
        assert_eq!(digits(0.49218865), "0.49218865");
        assert_eq!(digits(24650270.0), "24650270");
        assert_eq!(digits(50.0), "50");
        assert_eq!(classes(&[5, 6, 7, 8, 9]), "classes 5..9");
        assert_eq!(classes(&[2, 3]), "classes 2 and 3");
        assert_eq!(classes(&[0, 2, 5]), "classes 0, 2, 5");
    }
}
