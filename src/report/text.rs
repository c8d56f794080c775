//! A [`Report`] as text for a person: the answer first, then the proof, readable without colour.

use std::fmt::Display;

use comfy_table::{CellAlignment, Table, presets};

use crate::certificate::Verdict;
use crate::measure::batch_mean::BatchMean;
use crate::measure::metrics::{Pair, angle_degrees};
use crate::method::formula::ALL_EQUAL;
use crate::report::view::Style;
use crate::report::{ProblemReport, Report};
use crate::solve::CrossCheck;

/// Most groups shown one by one; of more, the largest and the smallest are shown.
const MAX_SHOWN_GROUPS: usize = 10;

/// Most groups whose angle matrix is shown.
const MAX_MATRIX_GROUPS: usize = 8;

/// Spaces between the columns of a table.
const GAP: usize = 3;

/// A text that grows line by line.
#[derive(Debug, Default)]
pub(crate) struct Page {
    text: String,
    width: Option<usize>,
}

impl Page {
    /// An empty page whose tables are as wide as a style allows.
    pub(crate) fn new(style: Style) -> Self {
        Self {
            text: String::new(),
            width: style.width,
        }
    }

    pub(crate) fn line(&mut self, line: impl Display) {
        self.text.push_str(&format!("{line}\n"));
    }

    /// A line with an empty one behind it.
    pub(crate) fn paragraph(&mut self, line: impl Display) {
        self.text.push_str(&format!("{line}\n\n"));
    }

    /// A table, its columns aligned to the right. One that is too wide continues below, with its first column again.
    pub(crate) fn table(&mut self, header: &[&str], rows: impl IntoIterator<Item = Vec<String>>) {
        let rows: Vec<Vec<String>> = rows.into_iter().collect();
        for (part, columns) in self.parts(header, &rows).into_iter().enumerate() {
            let mut table = Table::new();
            table.load_style(presets::NOTHING);
            table.set_header(columns.iter().map(|&column| header[column]));
            table.add_rows(rows.iter().map(|row| columns.iter().map(|&column| &row[column])));
            for column in table.column_iter_mut() {
                column.set_cell_alignment(CellAlignment::Right);
                column.set_padding((0, GAP as u16));
            }
            if part > 0 {
                self.line("");
            }
            self.line(table.trim_fmt());
        }
    }

    /// The columns of every part of a table.
    fn parts(&self, header: &[&str], rows: &[Vec<String>]) -> Vec<Vec<usize>> {
        let widest = |column: usize| {
            let cells = rows.iter().map(|row| row[column].chars().count());
            cells.chain([header[column].chars().count()]).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..header.len()).map(widest).collect();
        let limit = self.width.unwrap_or(usize::MAX);
        let mut parts = vec![vec![0]];
        let mut used = widths[0];
        for column in 1..header.len() {
            let next = used + GAP + widths[column];
            // A part has at least one column besides the first.
            if next > limit && parts.last().is_some_and(|part| part.len() > 1) {
                parts.push(vec![0, column]);
                used = widths[0] + GAP + widths[column];
            } else {
                parts.last_mut().expect("there is a part").push(column);
                used = next;
            }
        }
        parts
    }

    /// Title, and what is solved in one line; `last` ends it.
    pub(crate) fn header(&mut self, problem: &ProblemReport, last: Option<String>) {
        if let Some(title) = &problem.title {
            self.line(title);
        }
        let mut parts = vec![
            format!("{} classes", problem.class_count),
            problem.loss.to_string(),
            format!("temperature {}", problem.temperature),
        ];
        if problem.anchors != "sample" {
            parts.push("class-balanced anchors".to_owned());
        }
        if let Some(negatives) = problem.negatives {
            let word = if negatives == 1 { "negative" } else { "negatives" };
            parts.push(format!("{negatives} sampled {word}"));
        }
        if let Some(batches) = &problem.batches {
            parts.push(batches.to_string());
        }
        if problem.views != 1 {
            parts.push(format!("{} views", problem.views));
        }
        if problem.nonnegative {
            parts.push("nonnegative features".to_owned());
        }
        parts.extend(last);
        self.paragraph(parts.join(", "));
    }

    /// All of it.
    pub(crate) fn text(self) -> String {
        self.text
    }
}

/// Renders a report. A verbose style adds how the matrix was moved to be feasible; colour marks the verdict with ANSI codes.
pub fn render(report: &Report, style: Style) -> String {
    let mut page = Page::new(style);
    let dimension = report.problem.dimension;
    page.header(&report.problem, dimension.map(|d| format!("dimension {d}")));
    loss(&mut page, report);
    schedule(&mut page, report);
    groups(&mut page, report);
    shots(&mut page, report);
    collapse(&mut page, report);
    references(&mut page, report);
    certificate(&mut page, report, style);
    for warning in &report.warnings {
        page.line(format_args!("warning: {warning}"));
    }
    page.text()
}

fn loss(page: &mut Page, report: &Report) {
    let solution = &report.solution;
    let batch_size = report.problem.batches.as_ref().and_then(|batches| batches.size);
    let mean = match batch_size {
        Some(_) => "mean over the samples of a batch, nats",
        None => "mean over anchors, nats",
    };
    page.line(format_args!("loss      {:<22} {mean}", plain(solution.loss)));
    if let Some(active) = solution.loss_per_active_anchor {
        page.line(format_args!(
            "          {active:<22} mean over those that have a positive"
        ));
    }
    if let Some(BatchMean {
        mean,
        standard_error,
        batches,
    }) = solution.loss_per_batch
    {
        let shown = format!("{mean:.6} +- {standard_error:.6}");
        page.line(format_args!(
            "          {shown:<22} mean over batches of their means over those ({batches} drawn)"
        ));
    }
    if let Some(reported) = solution.reported_loss {
        let how = convention(&report.problem, solution.reported_anchors);
        page.line(format_args!("loss on your scale   {}  ({how})", plain(reported)));
    }
    match (solution.floor, solution.excess, solution.log_excess) {
        (Some(floor), Some(excess), Some(log_excess)) => {
            page.line(format_args!(
                "floor     {:<22} what no geometry can remove",
                plain(floor)
            ));
            if excess > 0.0 {
                page.line(format_args!("excess    {excess:<22e} what the geometry decides"));
            } else {
                page.line(format_args!(
                    "excess    exp({log_excess}), below the smallest positive number"
                ));
            }
        }
        _ => page.line("floor     none: this loss has no positive term in its denominator"),
    }
    let (rank, dimensions) = (solution.rank, dimensions(solution.rank));
    // Only a proof makes features the optimal ones.
    let whose = match report.certificate.verdict {
        _ if solution.dimension_search.is_some() => "the best features found",
        Verdict::Certified | Verdict::RankExceedsDimension => "the optimal features",
        Verdict::NotCertified => "these features",
    };
    page.paragraph(format_args!("rank      {rank:<22} {dimensions} that {whose} span"));
}

/// How the loss is stated on the user's scale: `x 1.5, sum over 127 anchors`.
pub(crate) fn convention(problem: &ProblemReport, anchors: Option<u64>) -> String {
    let of = anchors.map_or("mean over anchors".to_owned(), |anchors| {
        format!("sum over {anchors} anchors")
    });
    format!("x {}, {of}", plain(problem.loss_scale))
}

/// All digits, with an exponent where the number is very small or large.
pub(crate) fn plain(value: f64) -> String {
    if value == 0.0 || (1e-5..1e17).contains(&value.abs()) {
        value.to_string()
    } else {
        format!("{value:e}")
    }
}

fn degrees(angle: f64) -> String {
    if angle.is_nan() {
        "-".to_owned()
    } else {
        format!("{angle:.3}")
    }
}

fn dimensions(count: u64) -> &'static str {
    if count == 1 { "dimension" } else { "dimensions" }
}

/// What fixed batches make of the samples.
fn schedule(page: &mut Page, report: &Report) {
    let Some(schedule) = &report.solution.schedule else {
        return;
    };
    let (cells, anchors, skipped) = (schedule.cells, schedule.anchors, schedule.skipped_anchors);
    page.line(format_args!(
        "The batches tell {cells} kinds of samples apart; {anchors} anchors count, and {skipped} that lack a positive are skipped."
    ));
    if let Some(unique) = schedule.unique_orthogonal_frame {
        page.line(if unique {
            "The orthogonal frame is the only optimum: every class is connected, and every two classes meet."
        } else {
            "The orthogonal frame is one of several optima: `batches check` says which classes or pairs the batches leave apart."
        });
    }
    let spread = &schedule.within_class_spread;
    let widest = (0..spread.len()).fold(0, |most, c| if spread[c] > spread[most] { c } else { most });
    if spread[widest] > SAME_POINT {
        page.paragraph(format_args!(
            "Samples of a class do not coincide: their mean square distance from the class mean is up to {:.3e} (class {}).",
            spread[widest],
            report.problem.name(widest as u64)
        ));
    } else {
        page.paragraph(format_args!(
            "The samples of every class coincide (mean square distance below {SAME_POINT:.0e})."
        ));
    }
}

/// Mean square distances below this are not told from zero.
const SAME_POINT: f64 = 1e-9;

fn groups(page: &mut Page, report: &Report) {
    let solution = &report.solution;
    let groups = &solution.groups;
    let Some(values) = &report.solution.group_gram else {
        // Not every group has a size of its own: below the rank each class is one.
        let mut sizes: Vec<f64> = groups.iter().map(|group| group.size).collect();
        sizes.sort_by(|a, b| b.total_cmp(a));
        sizes.dedup();
        let (largest, smallest) = (plain(sizes[0]), plain(sizes[sizes.len() - 1]));
        let count = sizes.len();
        page.paragraph(format_args!(
            "{count} distinct class sizes from {largest} to {smallest}"
        ));
        return;
    };
    // Angle of two different classes; NaN where there are none.
    let angle = |g: usize, h: usize| {
        if g == h && groups[g].count < 2 {
            f64::NAN
        } else {
            angle_degrees(values[g][h])
        }
    };
    page.line(match solution.dimension_search {
        None => "groups of classes of equal size, and angles between class means in degrees:",
        Some(_) => {
            "each class a group of its own (in few dimensions classes of equal size need not be alike), and angles in degrees:"
        }
    });
    let row = |g: usize| {
        let others = (0..groups.len()).filter(|&h| h != g).map(|h| (angle(g, h), h));
        let named = |found: Option<(f64, usize)>| {
            found.map_or("-".to_owned(), |(angle, h)| format!("{} (group {h})", degrees(angle)))
        };
        vec![
            g.to_string(),
            plain(groups[g].size),
            groups[g].count.to_string(),
            degrees(angle(g, g)),
            named(others.clone().reduce(|a, b| if b.0 < a.0 { b } else { a })),
            named(others.reduce(|a, b| if b.0 > a.0 { b } else { a })),
        ]
    };
    let labelled = report.problem.names().is_some();
    let all = [
        "group",
        "size",
        "classes",
        "within",
        "nearest other",
        "farthest other",
        "labels",
    ];
    let header = if labelled { &all[..] } else { &all[..6] };
    let row = |g: usize| {
        let mut cells = row(g);
        if labelled {
            let classes = groups[g].classes.as_deref().unwrap_or_default();
            cells.push(names(report, classes));
        }
        cells
    };
    let rows: Vec<Vec<String>> = if groups.len() <= MAX_SHOWN_GROUPS {
        (0..groups.len()).map(row).collect()
    } else {
        let half = MAX_SHOWN_GROUPS / 2;
        let mut dots = vec![String::new(); header.len()];
        dots[0] = "...".to_owned();
        let gap = std::iter::once(dots);
        let smallest = groups.len() - half..groups.len();
        (0..half).map(row).chain(gap).chain(smallest.map(row)).collect()
    };
    page.table(header, rows);
    page.line("");
    if (2..=MAX_MATRIX_GROUPS).contains(&groups.len()) {
        let names: Vec<String> = (0..groups.len()).map(|g| format!("group {g}")).collect();
        let header: Vec<&str> = std::iter::once("angle")
            .chain(names.iter().map(String::as_str))
            .collect();
        let angles = |g: usize| (0..groups.len()).map(move |h| degrees(angle(g, h)));
        let row = |(g, name): (usize, &String)| std::iter::once(name.clone()).chain(angles(g)).collect();
        page.table(&header, names.iter().enumerate().map(row));
        page.line("");
    }
}

/// The names of the classes of a group, as far as they fit a column.
fn names(report: &Report, classes: &[u64]) -> String {
    const SHOWN: usize = 3;
    let names: Vec<String> = classes
        .iter()
        .take(SHOWN)
        .map(|&class| report.problem.name(class))
        .collect();
    match classes.len() {
        0..=SHOWN => names.join(", "),
        _ => format!("{}, ...", names.join(", ")),
    }
}

/// Classes with many, some and few samples.
fn shots(page: &mut Page, report: &Report) {
    if report.solution.shots.is_empty() {
        return;
    }
    page.line("classes by their number of samples; angles in degrees, means over pairs and over classes:");
    let rows = report.solution.shots.iter().map(|shot| {
        vec![
            format!("{}-shot", shot.name),
            shot.samples(),
            shot.classes.to_string(),
            shot.mean_angle_degrees.map_or("-".to_owned(), degrees),
            degrees(shot.nearest_angle_degrees),
        ]
    });
    page.table(
        &["", "samples", "classes", "among themselves", "to the nearest class"],
        rows,
    );
    page.line("");
}

/// At most this many classes of a set, or pairs, are listed.
const MAX_LISTED: usize = 12;

/// Items of a list in words, and how many there are where not all are listed.
fn listed<T>(items: &[T], plural: &str, word: impl Fn(&T) -> String) -> String {
    let words: Vec<String> = items.iter().take(MAX_LISTED).map(word).collect();
    let words = words.join(", ");
    if items.len() > MAX_LISTED {
        format!("{words}, ... ({} {plural})", items.len())
    } else {
        words
    }
}

fn collapse(page: &mut Page, report: &Report) {
    let solution = &report.solution;
    if let (Some(near), Some(far)) = (&solution.nearest_pair, &solution.farthest_pair) {
        let at = |pair: &Pair| {
            let angle = degrees(pair.angle_degrees);
            let [a, b] = pair.classes.map(|class| report.problem.name(class));
            format!("{a} and {b} at {angle} degrees")
        };
        if near.angle_degrees == far.angle_degrees {
            let angle = degrees(near.angle_degrees);
            page.paragraph(format_args!("all pairs of classes at {angle} degrees"));
        } else {
            page.paragraph(format_args!("closest classes {}, farthest {}", at(near), at(far)));
        }
    }
    for set in &solution.collapsed {
        let classes = listed(set, "classes", |&class| report.problem.name(class));
        page.paragraph(format_args!("collapsed: classes {classes} share one vector (proven)"));
    }
    if !solution.nearly_collapsed.is_empty() {
        let pairs = listed(&solution.nearly_collapsed, "pairs", |p| {
            let [a, b] = p.classes.map(|class| report.problem.name(class));
            format!("{a}-{b} ({:.2e})", p.angle_degrees)
        });
        page.paragraph(format_args!(
            "nearly collapsed: pairs of classes under 0.1 degree that are not proven to coincide, with their angle: {pairs}"
        ));
    } else if solution.collapsed.is_empty() {
        page.paragraph("collapsed: no two classes share a vector");
    }
}

fn references(page: &mut Page, report: &Report) {
    if report.references.is_empty() {
        return;
    }
    page.line("loss of standard geometries above the optimum, nats:");
    for reference in &report.references {
        let (name, above) = (reference.name.replace('-', " "), reference.loss_above_optimum);
        let relative = report.solution.excess.filter(|&excess| excess > 0.0);
        let share = relative.map_or(String::new(), |excess| {
            format!("  ({:.3e} of the excess)", above / excess)
        });
        page.line(format_args!("  {name:<18} {above:>12.4e}{share}"));
    }
    if let Some(equal) = report.references.iter().find(|reference| reference.name == ALL_EQUAL) {
        let scaled = equal
            .reported_loss
            .map_or(String::new(), |loss| format!(", {} on your scale", plain(loss)));
        page.line(format_args!(
            "With all features equal, as at a first step or after total collapse, the loss is {}{scaled}.",
            plain(equal.loss)
        ));
    }
    page.line("");
}

/// What the limit on the dimension costs.
fn dimension(page: &mut Page, report: &Report) {
    if let Some(search) = &report.solution.dimension_search {
        page.line(format_args!(
            "  Best of {} starts in {} {}, found by {} of them; the relaxation loses {}, {:.2e} less, in {} {}.",
            search.starts,
            search.dimension,
            dimensions(search.dimension),
            search.best_found,
            search.relaxation_loss,
            search.loss_above_relaxation,
            search.relaxation_rank,
            dimensions(search.relaxation_rank)
        ));
    } else if report.certificate.verdict == Verdict::RankExceedsDimension {
        let (dimension, rank) = (report.problem.dimension.unwrap_or_default(), report.solution.rank);
        page.line(format_args!(
            "  Features in {dimension} {} lose at least the lower bound; {rank} dimensions attain it.",
            dimensions(dimension)
        ));
    }
}

fn certificate(page: &mut Page, report: &Report, style: Style) {
    let (certificate, solution) = (&report.certificate, &report.solution);
    let relative = match solution.floor {
        Some(_) => "of the excess",
        None => "of max(1, |loss|)",
    };
    let (verdict, meaning, code) = match certificate.verdict {
        Verdict::Certified => (
            "CERTIFIED",
            "no features of any dimension do better than this by more than the gap",
            32,
        ),
        Verdict::NotCertified => (
            "NOT CERTIFIED",
            "the gap is above the tolerance, and this point may not be optimal",
            31,
        ),
        Verdict::RankExceedsDimension => (
            "RANK EXCEEDS DIMENSION",
            "the bound is that of the relaxation, whose optimum needs more dimensions than allowed",
            33,
        ),
    };
    if style.colour {
        page.line(format_args!("\x1b[1;{code}m{verdict}\x1b[0m: {meaning}."));
    } else {
        page.line(format_args!("{verdict}: {meaning}."));
    }
    page.line(format_args!(
        "  lower bound {}, gap {:.2e} = {:.2e} {relative} (tolerance {:.0e});",
        plain(certificate.lower_bound),
        certificate.gap,
        certificate.relative_gap,
        certificate.tolerance
    ));
    page.line(format_args!(
        "  lambda_min(S) >= {:.2e}, because {}.",
        certificate.min_eigenvalue,
        explain(&certificate.method)
    ));
    dimension(page, report);
    if style.verbose {
        let shift = certificate.feasibility_shift;
        page.line(format_args!(
            "  The Gram matrix was moved by {shift:.2e} to be feasible."
        ));
    }
    if let Some(check) = &solution.cross_check {
        let of = match check.compared.as_ref() {
            CrossCheck::RELAXATION => " of the relaxation alone, not of the features found",
            _ => "",
        };
        page.line(format_args!(
            "  Independent check by {}{of}: Gram entries differ by at most {:.1e} ({}).",
            check.method,
            check.gram_difference,
            duration(check.seconds)
        ));
    }
    page.line(format_args!(
        "\nmethod {}, {} after {} iterations, {}",
        solution.method,
        solution.termination,
        solution.iterations,
        duration(solution.seconds)
    ));
}

fn explain(method: &str) -> &'static str {
    crate::certificate::BoundMethod::ALL
        .into_iter()
        .find(|bound| bound.name() == method)
        .map_or("", |bound| bound.explanation())
}

fn duration(seconds: f64) -> String {
    if seconds < 1.0 {
        format!("{:.2} ms", seconds * 1e3)
    } else {
        format!("{seconds:.2} s")
    }
}
