//! A [`Report`] as text for a person: the answer first, then the proof, readable without colour.

use std::fmt::Write;

use comfy_table::{CellAlignment, Table, presets};

use crate::certificate::Verdict;
use crate::measure::metrics::{Pair, angle_degrees};
use crate::report::{ProblemReport, Report};

/// Most groups shown one by one; of more, the largest and the smallest are shown.
const MAX_SHOWN_GROUPS: usize = 10;

/// Most groups whose angle matrix is shown.
const MAX_MATRIX_GROUPS: usize = 8;

/// Renders a report. `verbose` adds how the matrix was moved to be feasible; `colour` marks the verdict with ANSI codes.
pub fn render(report: &Report, verbose: bool, colour: bool) -> String {
    let mut out = String::new();
    let dimension = report.problem.dimension;
    header(&mut out, &report.problem, dimension.map(|d| format!("dimension {d}")));
    loss(&mut out, report);
    schedule(&mut out, report);
    groups(&mut out, report);
    collapse(&mut out, report);
    references(&mut out, report);
    certificate(&mut out, report, verbose, colour);
    for warning in &report.warnings {
        line(&mut out, format_args!("warning: {warning}"));
    }
    out
}

pub(crate) fn line(out: &mut String, arguments: std::fmt::Arguments<'_>) {
    out.write_fmt(arguments)
        .and_then(|()| out.write_char('\n'))
        .expect("writing to a string does not fail");
}

/// Title, and what is solved in one line; `last` ends it.
pub(crate) fn header(out: &mut String, problem: &ProblemReport, last: Option<String>) {
    if let Some(title) = &problem.title {
        line(out, format_args!("{title}"));
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
    line(out, format_args!("{}\n", parts.join(", ")));
}

fn loss(out: &mut String, report: &Report) {
    let solution = &report.solution;
    line(
        out,
        format_args!(
            "loss      {:<22} {}",
            plain(solution.loss),
            if report
                .problem
                .batches
                .as_ref()
                .is_some_and(|batches| batches.size.is_some())
            {
                "mean over the samples of a batch, nats"
            } else {
                "mean over anchors, nats"
            }
        ),
    );
    if let Some(active) = solution.loss_per_active_anchor {
        line(
            out,
            format_args!("          {active:<22} mean over those that have a positive"),
        );
    }
    match (solution.floor, solution.excess, solution.log_excess) {
        (Some(floor), Some(excess), Some(log_excess)) => {
            line(
                out,
                format_args!("floor     {:<22} what no geometry can remove", plain(floor)),
            );
            if excess > 0.0 {
                line(out, format_args!("excess    {excess:<22e} what the geometry decides"));
            } else {
                line(
                    out,
                    format_args!("excess    exp({log_excess}), below the smallest positive number"),
                );
            }
        }
        _ => line(
            out,
            format_args!("floor     none: this loss has no positive term in its denominator"),
        ),
    }
    let dimensions = if solution.rank == 1 { "dimension" } else { "dimensions" };
    line(
        out,
        format_args!(
            "rank      {:<22} {dimensions} that the optimal features span\n",
            solution.rank
        ),
    );
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

pub(crate) fn table() -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table
}

pub(crate) fn right_align(table: &mut Table) {
    for column in table.column_iter_mut() {
        column.set_cell_alignment(CellAlignment::Right);
        column.set_padding((0, 3));
    }
}

/// What fixed batches make of the samples.
fn schedule(out: &mut String, report: &Report) {
    let Some(schedule) = &report.solution.schedule else {
        return;
    };
    let spread = &schedule.within_class_spread;
    let widest = (0..spread.len()).fold(0, |most, c| if spread[c] > spread[most] { c } else { most });
    line(
        out,
        format_args!(
            "The batches tell {} kinds of samples apart; {} anchors count, {} have no positive in their batch and are skipped.",
            schedule.cells, schedule.anchors, schedule.skipped_anchors
        ),
    );
    if spread[widest] > SAME_POINT {
        line(
            out,
            format_args!(
                "Samples of a class do not coincide: their mean square distance from the class mean is up to {:.3e} (class {widest}). Angles are those of class means.\n",
                spread[widest]
            ),
        );
    } else {
        line(out, format_args!("The samples of every class coincide (mean square distance below {SAME_POINT:.0e}).\n"));
    }
}

/// Mean square distances below this are not told from zero.
const SAME_POINT: f64 = 1e-9;

fn groups(out: &mut String, report: &Report) {
    let solution = &report.solution;
    let groups = &solution.groups;
    let Some(values) = &solution.group_gram else {
        line(
            out,
            format_args!(
                "{} distinct class sizes from {} to {}\n",
                groups.len(),
                plain(groups[0].size),
                plain(groups[groups.len() - 1].size)
            ),
        );
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
    line(
        out,
        format_args!("groups of classes of equal size, and angles between class means in degrees:"),
    );
    let mut summary = table();
    summary.set_header(["group", "size", "classes", "within", "nearest other", "farthest other"]);
    let shown: Vec<usize> = if groups.len() <= MAX_SHOWN_GROUPS {
        (0..groups.len()).collect()
    } else {
        (0..MAX_SHOWN_GROUPS / 2)
            .chain(groups.len() - MAX_SHOWN_GROUPS / 2..groups.len())
            .collect()
    };
    for (position, &g) in shown.iter().enumerate() {
        if position > 0 && shown[position - 1] + 1 != g {
            summary.add_row(["...", "", "", "", "", ""]);
        }
        let others = || (0..groups.len()).filter(|&h| h != g);
        let extreme = |better: fn(f64, f64) -> bool| {
            others()
                .map(|h| (angle(g, h), h))
                .reduce(|a, b| if better(b.0, a.0) { b } else { a })
        };
        let named = |found: Option<(f64, usize)>| {
            found.map_or("-".to_owned(), |(angle, h)| format!("{} (group {h})", degrees(angle)))
        };
        summary.add_row([
            g.to_string(),
            plain(groups[g].size),
            groups[g].count.to_string(),
            degrees(angle(g, g)),
            named(extreme(|a, b| a < b)),
            named(extreme(|a, b| a > b)),
        ]);
    }
    right_align(&mut summary);
    line(out, format_args!("{}\n", summary.trim_fmt()));
    if (2..=MAX_MATRIX_GROUPS).contains(&groups.len()) {
        let mut matrix = table();
        matrix.set_header(std::iter::once("angle".to_owned()).chain((0..groups.len()).map(|h| format!("group {h}"))));
        for g in 0..groups.len() {
            matrix
                .add_row(std::iter::once(format!("group {g}")).chain((0..groups.len()).map(|h| degrees(angle(g, h)))));
        }
        right_align(&mut matrix);
        line(out, format_args!("{}\n", matrix.trim_fmt()));
    }
}

/// At most this many classes of a set, or pairs, are listed.
const MAX_LISTED: usize = 12;

fn collapse(out: &mut String, report: &Report) {
    let solution = &report.solution;
    if let (Some(near), Some(far)) = (&solution.nearest_pair, &solution.farthest_pair) {
        let of = |pair: &Pair| {
            format!(
                "{} and {} at {} degrees",
                pair.classes[0],
                pair.classes[1],
                degrees(pair.angle_degrees)
            )
        };
        if near.angle_degrees == far.angle_degrees {
            line(
                out,
                format_args!("all pairs of classes at {} degrees\n", degrees(near.angle_degrees)),
            );
        } else {
            line(
                out,
                format_args!("closest classes {}, farthest {}\n", of(near), of(far)),
            );
        }
    }
    for set in &solution.collapsed {
        let listed: Vec<String> = set.iter().take(MAX_LISTED).map(u64::to_string).collect();
        let more = if set.len() > MAX_LISTED {
            format!(", ... ({} classes)", set.len())
        } else {
            String::new()
        };
        line(
            out,
            format_args!(
                "collapsed: classes {}{more} share one vector (proven)\n",
                listed.join(", ")
            ),
        );
    }
    if !solution.nearly_collapsed.is_empty() {
        let pairs = &solution.nearly_collapsed;
        let listed: Vec<String> = pairs
            .iter()
            .take(MAX_LISTED)
            .map(|p| format!("{}-{} ({:.2e})", p.classes[0], p.classes[1], p.angle_degrees))
            .collect();
        let more = if pairs.len() > MAX_LISTED {
            format!(", ... ({} pairs)", pairs.len())
        } else {
            String::new()
        };
        line(
            out,
            format_args!(
                "nearly collapsed: pairs of classes under 0.1 degree that are not proven to coincide, with their angle: {}{more}\n",
                listed.join(", ")
            ),
        );
    } else if solution.collapsed.is_empty() {
        line(out, format_args!("collapsed: no two classes share a vector\n"));
    }
}

fn references(out: &mut String, report: &Report) {
    if report.references.is_empty() {
        return;
    }
    line(
        out,
        format_args!("loss of standard geometries above the optimum, nats:"),
    );
    for reference in &report.references {
        let relative = report.solution.excess.filter(|&excess| excess > 0.0);
        let share = relative.map_or(String::new(), |excess| {
            format!("  ({:.3e} of the excess)", reference.loss_above_optimum / excess)
        });
        line(
            out,
            format_args!(
                "  {:<18} {:>12.4e}{share}",
                reference.name.replace('-', " "),
                reference.loss_above_optimum
            ),
        );
    }
    let _ = writeln!(out);
}

/// What the limit on the dimension costs.
fn dimension(out: &mut String, report: &Report) {
    let plural = |count: u64| if count == 1 { "dimension" } else { "dimensions" };
    if let Some(search) = &report.solution.dimension_search {
        line(
            out,
            format_args!(
                "  Best of {} starts in {} {}, found by {} of them; the relaxation loses {}, {:.2e} less, in {} {}.",
                search.starts,
                search.dimension,
                plural(search.dimension),
                search.best_found,
                search.relaxation_loss,
                search.loss_above_relaxation,
                search.relaxation_rank,
                plural(search.relaxation_rank)
            ),
        );
    } else if report.certificate.verdict == Verdict::RankExceedsDimension {
        let dimension = report.problem.dimension.unwrap_or_default();
        line(
            out,
            format_args!(
                "  Features in {dimension} {} lose at least the lower bound; {} dimensions attain it.",
                plural(dimension),
                report.solution.rank
            ),
        );
    }
}

fn certificate(out: &mut String, report: &Report, verbose: bool, colour: bool) {
    let certificate = &report.certificate;
    let relative = if report.solution.floor.is_some() {
        "of the excess"
    } else {
        "of max(1, |loss|)"
    };
    let how = explain(&certificate.method);
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
    let verdict = if colour {
        format!("\x1b[1;{code}m{verdict}\x1b[0m")
    } else {
        verdict.to_owned()
    };
    line(out, format_args!("{verdict}: {meaning}."));
    line(
        out,
        format_args!(
            "  lower bound {}, gap {:.2e} = {:.2e} {relative} (tolerance {:.0e});",
            plain(certificate.lower_bound),
            certificate.gap,
            certificate.relative_gap,
            certificate.tolerance
        ),
    );
    line(
        out,
        format_args!("  lambda_min(S) >= {:.2e}, because {how}.", certificate.min_eigenvalue),
    );
    dimension(out, report);
    if verbose {
        line(
            out,
            format_args!(
                "  The Gram matrix was moved by {:.2e} to be feasible.",
                certificate.feasibility_shift
            ),
        );
    }
    if let Some(check) = &report.solution.cross_check {
        line(
            out,
            format_args!(
                "  Independent check by {}: Gram entries differ by at most {:.1e} ({}).",
                check.method,
                check.gram_difference,
                duration(check.seconds)
            ),
        );
    }
    let solution = &report.solution;
    line(
        out,
        format_args!(
            "\nmethod {}, {} after {} iterations, {}",
            solution.method,
            solution.termination,
            solution.iterations,
            duration(solution.seconds)
        ),
    );
}

fn explain(method: &str) -> &'static str {
    use crate::certificate::BoundMethod::{Cauchy, Entrywise, Kernel, Merged, RankOne, Shift, Trivial};
    [RankOne, Cauchy, Merged, Kernel, Shift, Entrywise, Trivial]
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
