//! An [`Evaluation`] and a [`Sequence`] for a person: the gap first, then what it is made of, then what to do.

use super::{Advice, ClassReport, Evaluation, Measures, Nearest, Sequence};
use crate::certificate::Verdict;
use crate::report::CertificateReport;
use crate::report::text::{Page, convention, plain};
use crate::report::view::Style;

/// Most classes that are shown one by one.
const MAX_SHOWN: usize = 20;

pub(super) fn evaluation(report: &Evaluation, style: Style) -> String {
    let mut page = Page::new(style);
    page.header(&report.problem, None);
    page.line(format_args!(
        "{}: {} samples in {} dimensions\n",
        report.embeddings, report.samples, report.dimension
    ));
    losses(&mut page, report);
    collapse(&mut page, &report.measures);
    classes(&mut page, report);
    certificate(&mut page, &report.certificate);
    ending(&mut page, &report.advice, &report.warnings);
    page.text()
}

fn losses(page: &mut Page, report: &Evaluation) {
    let measures = &report.measures;
    let how = match (measures.loss_standard_error, measures.loss_anchors) {
        (Some(error), Some(anchors)) => format!("estimated from {anchors} anchors, standard error {error:.1e}"),
        (_, Some(_)) => "exact, over all pairs of samples".to_owned(),
        _ if measures.full_batch.is_some() => "the expectation over draws, at the class means".to_owned(),
        _ => "exact".to_owned(),
    };
    let unit = match report.problem.loss.as_ref() {
        "nscl" => "of max(1, |loss|)",
        _ => "of the excess",
    };
    page.line(format_args!("loss of the features  {:<22} {how}", plain(measures.loss)));
    if let Some(reported) = report.reported_loss {
        let how = convention(&report.problem, report.reported_anchors);
        page.line(format_args!("  on your scale       {:<22} {how}", plain(reported)));
    }
    page.line(format_args!(
        "loss of the optimum   {:<22} certified to {:.1e} {unit}",
        plain(measures.optimal_loss),
        report.certificate.relative_gap
    ));
    if let Some(equal) = report.all_equal_loss {
        page.line(format_args!(
            "all features equal    {:<22} a first step, or total collapse",
            plain(equal)
        ));
    }
    page.line(format_args!(
        "gap to the optimum    {:<22} {:.3e} {unit}",
        format!("{:.6e}", measures.gap_to_optimum),
        measures.relative_gap
    ));
    if let Some(collapsed) = measures.collapsed_loss.filter(|_| measures.loss_anchors.is_some()) {
        page.line(format_args!(
            "  by arrangement      {:<22} of the class means: what is left if every sample is at its own",
            format!("{:.6e}", collapsed - measures.optimal_loss)
        ));
        page.line(format_args!(
            "  by spread           {:<22} of samples about them",
            format!("{:.6e}", measures.loss - collapsed)
        ));
    }
    if let Some(full) = &measures.full_batch {
        let error = full
            .loss_standard_error
            .map_or(String::new(), |error| format!(", standard error {error:.1e}"));
        page.line(format_args!(
            "full-batch {:<10} {:<22} of all samples, {}{error}",
            full.name,
            plain(full.loss),
            full.loss_kind
        ));
    }
    page.line(format_args!(""));
}

fn number(value: Option<f64>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| format!("{value:.4e}"))
}

fn collapse(page: &mut Page, measures: &Measures) {
    let nc2 = &measures.nc2;
    let mut fact = |name: &str, value: Option<f64>, meaning: &str| {
        page.line(format_args!("{name:<21} {:>12}   {meaning}", number(value)));
    };
    fact(
        "Gram distance",
        measures.gram_distance,
        "of class means from the optimum (0 is the same, 2 the opposite)",
    );
    fact("  from the ETF", nc2.distance_etf, "simplex equiangular tight frame");
    fact("  from the frame", nc2.distance_of, "orthogonal frame");
    fact(
        "NC1",
        measures.nc1.trace_ratio,
        "tr Sigma_W / tr Sigma_B: spread within classes against between",
    );
    fact("  pinv", measures.nc1.pinv, "tr(Sigma_W Sigma_B^+) / k");
    fact(
        "NC2 lengths",
        nc2.equinorm,
        "deviation of the lengths of centred means, over their mean",
    );
    fact("  angles", nc2.equiangular, "deviation of their cosines");
    fact("  ETF", nc2.etf, "mean distance of their cosines from -1/(k-1)");
    if measures.nc3.is_some() {
        fact("NC3", measures.nc3, "distance of the classifier from the centred means");
    }
    page.line(format_args!(
        "{:<21} {:>12}   samples whose nearest class mean is their own",
        "NCC accuracy",
        format!("{:.4}", measures.ncc_accuracy)
    ));
    let rank = measures
        .effective_rank
        .map_or_else(|| "-".to_owned(), |rank| format!("{rank:.3}"));
    page.line(format_args!(
        "{:<21} {rank:>12}   of the class means, exp of an entropy\n",
        "effective rank"
    ));
}

fn classes(page: &mut Page, report: &Evaluation) {
    if report.per_class.is_empty() {
        return;
    }
    let (shown, all): (Vec<&ClassReport>, bool) = if report.per_class.len() <= MAX_SHOWN {
        (report.per_class.iter().collect(), true)
    } else {
        let of = |&class: &u64| &report.per_class[class as usize];
        (report.farthest.iter().map(of).collect(), false)
    };
    let what = if all {
        "classes; the angle to the nearest class in degrees, measured and at the optimum:".to_owned()
    } else {
        format!("the {} classes farthest from the optimum:", shown.len())
    };
    page.line(format_args!("{what}"));
    let angle = |nearest: &Option<Nearest>| {
        nearest.map_or_else(
            || "-".to_owned(),
            |nearest| format!("{:.2} ({})", nearest.angle_degrees, report.problem.name(nearest.class)),
        )
    };
    let rows = shown.into_iter().map(|class| {
        vec![
            report.problem.name(class.class),
            class.size.to_string(),
            format!("{:.2e}", class.within),
            format!("{:.4}", class.mean_norm),
            format!("{:.4}", class.ncc_accuracy),
            angle(&class.nearest),
            angle(&class.predicted),
            class
                .distance
                .map_or_else(|| "-".to_owned(), |distance| format!("{distance:.2e}")),
        ]
    });
    page.table(
        &[
            "class", "size", "spread", "mean", "NCC", "nearest", "optimum", "distance",
        ],
        rows,
    );
    if all && !report.farthest.is_empty() {
        let farthest: Vec<String> = report.farthest.iter().take(5).map(u64::to_string).collect();
        page.line(format_args!("farthest from the optimum: {}", farthest.join(", ")));
    }
    page.line(format_args!(""));
}

fn certificate(page: &mut Page, certificate: &CertificateReport) {
    let said = match certificate.verdict {
        Verdict::Certified => "CERTIFIED: no features have a loss below",
        Verdict::NotCertified => "NOT CERTIFIED: the optimum may be another; no features have a loss below",
        Verdict::RankExceedsDimension => "RANK EXCEEDS DIMENSION: no features have a loss below",
    };
    page.line(format_args!("{said} {}.", plain(certificate.lower_bound)));
}

fn ending(page: &mut Page, advice: &[Advice], warnings: &[String]) {
    for warning in warnings {
        page.line(format_args!("warning: {warning}"));
    }
    page.line(format_args!("\nwhat to do:"));
    for advice in advice {
        page.line(format_args!("  {}", advice.sentence));
    }
    if advice.is_empty() {
        page.line(format_args!("  nothing that these numbers speak for."));
    }
}

pub(super) fn sequence(report: &Sequence, style: Style) -> String {
    let mut page = Page::new(style);
    page.header(&report.problem, None);
    let rows = report.rows.iter().map(|row| {
        let measures = &row.measures;
        let short = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |value| format!("{value:.2}"));
        vec![
            row.embeddings.clone(),
            format!("{:.8}", measures.loss),
            format!("{:.3e}", measures.gap_to_optimum),
            format!("{:.3e}", measures.relative_gap),
            number(measures.gram_distance),
            number(measures.nc1.trace_ratio),
            format!("{:.4}", measures.ncc_accuracy),
            short(measures.effective_rank),
            short(measures.nearest_degrees),
        ]
    });
    page.table(
        &[
            "features",
            "loss",
            "gap",
            "of the excess",
            "Gram distance",
            "NC1",
            "NCC",
            "rank",
            "nearest",
        ],
        rows,
    );
    page.line("");
    page.line(format_args!("loss of the optimum   {}", plain(report.optimal_loss)));
    certificate(&mut page, &report.certificate);
    ending(&mut page, &report.advice, &report.warnings);
    page.text()
}
