//! What a search found as data (`ufmin/verify/1`, `ufmin/verify-sweep/1`) and as text.
//!
//! Equal searches give equal JSON on any number of threads, except for keys called `seconds`.

use serde::{Deserialize, Serialize, Serializer};

#[cfg(feature = "plot")]
use super::pictures;
use super::{EndKind, GLOBAL, Landscape, MILESTONES, Minimum, SearchSettings, Start};
use crate::certificate::Verdict;
use crate::error::Error;
use crate::gram::Gram;
#[cfg(feature = "plot")]
use crate::plot::Figure;
use crate::problem::Problem;
use crate::report::text::{Page, plain};
use crate::report::view::{Style, Table, View, cell};
use crate::report::{CertificateReport, Name, ProblemReport, Report};
use crate::solve::Solved;

/// Identifier of the JSON form of one search.
pub const SCHEMA: &str = "ufmin/verify/1";

/// Identifier of the JSON form of a sweep over dimensions.
pub const SWEEP_SCHEMA: &str = "ufmin/verify-sweep/1";

/// Most distinct minima that the text lists.
const MAX_LISTED: usize = 20;

/// A search and its verdict, as data.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct VerifyReport {
    /// [`SCHEMA`].
    pub schema: Name,
    /// Version of this crate.
    pub version: Name,
    /// Whether all starts were finished; if not, a stop request came before.
    pub complete: bool,
    /// What was searched.
    pub problem: ProblemReport,
    /// `sample` or `class`.
    pub level: Name,
    /// The optimum of the relaxation.
    pub optimum: OptimumReport,
    /// What is proven of it.
    pub certificate: CertificateReport,
    /// Number of finished starts.
    pub starts: u64,
    /// Dimension of the features.
    pub dimension: u64,
    /// Seed of the starts.
    pub seed: u64,
    /// Starts that ended in a local minimum.
    pub converged: u64,
    /// Starts that ended in a global minimum.
    pub global: u64,
    /// Starts that ended in a local minimum that is not global.
    pub spurious: u64,
    /// Starts that ended in a saddle.
    pub saddles: u64,
    /// Starts that ended in no stationary point.
    pub not_converged: u64,
    /// Whether the dimension is at least the rank of the optimum. If not, `global` is relative to the best found.
    pub attainable: bool,
    /// Distinct local minima by ascending loss.
    pub distinct_minima: Vec<Minimum>,
    /// Smallest relative gap of a local minimum to the optimum of the relaxation.
    pub best_relative_gap: Option<f64>,
    /// Largest relative gap of a local minimum; of all starts where there is none.
    pub worst_relative_gap: Option<f64>,
    /// Largest distance of the class Gram matrix of a local minimum from the optimal one.
    pub worst_gram_distance: Option<f64>,
    /// Largest within-class spread `tr Sigma_W / tr Sigma_B` of a local minimum; null at class level.
    pub worst_nc1: Option<f64>,
    /// Largest distance of two global minima after the best rotation.
    pub worst_procrustes: Option<f64>,
    /// Smallest eigenvalue of the Riemannian Hessian at a local minimum, rotations apart, relative to the multipliers.
    pub min_hessian_eigenvalue: Option<f64>,
    /// Median iterations of L-BFGS to relative gaps.
    pub iterations_to: Vec<IterationsTo>,
    /// `no-spurious-minimum`, `spurious-minima`, `not-converged`, `optimum-not-certified`, or `incomplete` where none of
    /// the finished starts speaks against the first and not all are finished.
    pub verdict: Name,
    /// Time of the search; that of this run alone where it went on from another.
    pub seconds: f64,
    /// The starts; absent in a sweep.
    #[serde(default, skip_serializing_if = "Option::is_none", serialize_with = "without_ways")]
    pub runs: Option<Vec<Start>>,
}

/// The optimum of the relaxation.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct OptimumReport {
    /// Mean over anchors, nats.
    pub loss: f64,
    /// What no geometry can remove; null for nscl.
    pub floor: Option<f64>,
    /// Loss minus floor; null for nscl.
    pub excess: Option<f64>,
    /// Rank of the Gram matrix: the dimensions that the optimum needs.
    pub rank: u64,
    /// How it was found.
    pub method: Name,
    /// All inner products; `None` where the report was read back.
    #[serde(skip)]
    pub gram: Option<Gram>,
}

/// How long L-BFGS took to come close.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct IterationsTo {
    /// The relative gap.
    pub relative_gap: f64,
    /// Median over starts; null where half of them never came so far.
    pub median: Option<u64>,
}

/// A search in each of several dimensions.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SweepReport {
    /// [`SWEEP_SCHEMA`].
    pub schema: Name,
    /// Version of this crate.
    pub version: Name,
    /// Whether all starts in all dimensions were finished.
    pub complete: bool,
    /// One search a dimension, ascending, without the starts.
    pub rows: Vec<VerifyReport>,
}

impl VerifyReport {
    /// The report of a search. `problem` is that of the optimum, without a limit on the dimension.
    ///
    /// # Errors
    /// As [`Report::new`].
    pub fn new(
        problem: &Problem,
        optimum: &Solved,
        settings: &SearchSettings,
        landscape: &Landscape,
        seconds: f64,
    ) -> Result<Self, Error> {
        let solved = Report::new(problem, optimum, false)?;
        let minima: Vec<&Start> = landscape
            .runs
            .iter()
            .filter(|run| run.kind == EndKind::Minimum)
            .collect();
        let over = |value: &dyn Fn(&Start) -> Option<f64>, better: fn(f64, f64) -> f64| {
            minima.iter().filter_map(|run| value(run)).reduce(better)
        };
        let converged = landscape.converged();
        let saddles = landscape.saddles();
        let verdict = if landscape.spurious() > 0 {
            "spurious-minima"
        } else if !optimum.is_certified() {
            "optimum-not-certified"
        } else if !landscape.is_complete() {
            "incomplete"
        } else if !landscape.passes() {
            "not-converged"
        } else {
            "no-spurious-minimum"
        };
        let medians = landscape.median_iterations();
        Ok(Self {
            schema: SCHEMA.into(),
            version: env!("CARGO_PKG_VERSION").into(),
            complete: landscape.is_complete(),
            problem: ProblemReport {
                dimension: Some(landscape.dimension),
                ..solved.problem
            },
            level: settings.level.name().into(),
            optimum: OptimumReport {
                loss: solved.solution.loss,
                floor: solved.solution.floor,
                excess: solved.solution.excess,
                rank: solved.solution.rank,
                method: solved.solution.method,
                gram: Some(optimum.certificate.gram.clone()),
            },
            certificate: solved.certificate,
            starts: landscape.runs.len() as u64,
            dimension: landscape.dimension,
            seed: settings.seed,
            converged,
            global: landscape.global(),
            spurious: landscape.spurious(),
            saddles,
            not_converged: landscape.runs.len() as u64 - converged - saddles,
            attainable: landscape.attainable,
            distinct_minima: landscape.minima.clone(),
            best_relative_gap: over(&|run| Some(run.relative_gap), f64::min),
            worst_relative_gap: landscape.worst().map(|run| run.relative_gap),
            worst_gram_distance: over(&|run| Some(run.gram_distance), f64::max),
            worst_nc1: over(&|run| run.nc1, f64::max),
            worst_procrustes: landscape.worst_procrustes,
            min_hessian_eigenvalue: over(&|run| Some(run.min_eigenvalue), f64::min),
            iterations_to: MILESTONES
                .iter()
                .zip(medians)
                .map(|(&relative_gap, median)| IterationsTo { relative_gap, median })
                .collect(),
            verdict: verdict.into(),
            seconds,
            runs: Some(landscape.runs.clone()),
        })
    }

    /// Whether the verdict is that no spurious minimum was found.
    pub fn passes(&self) -> bool {
        self.verdict == "no-spurious-minimum"
    }
}

/// What is reported of starts: not their class means, nor the way they took.
fn without_ways<S: Serializer>(runs: &Option<Vec<Start>>, serializer: S) -> Result<S::Ok, S::Error> {
    let brief = |run: &Start| Start {
        means: Vec::new(),
        trace: Vec::new(),
        ..run.clone()
    };
    let brief = |runs: &Vec<Start>| runs.iter().map(brief).collect::<Vec<_>>();
    runs.as_ref().map(brief).serialize(serializer)
}

impl SweepReport {
    /// A table of searches, whose starts are left out.
    pub fn new(rows: Vec<VerifyReport>) -> Self {
        Self {
            schema: SWEEP_SCHEMA.into(),
            version: env!("CARGO_PKG_VERSION").into(),
            complete: rows.iter().all(|row| row.complete),
            rows: rows.into_iter().map(|row| VerifyReport { runs: None, ..row }).collect(),
        }
    }
}

impl View for VerifyReport {
    const SCHEMA: &'static str = SCHEMA;

    fn text(&self, style: Style) -> String {
        text(self, style)
    }

    /// One line a start.
    fn table(&self) -> Option<Table> {
        let runs = self.runs.as_deref().unwrap_or_default();
        Some(Table::of_rows(
            runs,
            &[
                ("index", &|run| run.index.to_string()),
                ("kind", &|run| run.kind.name().to_owned()),
                ("minimum", &|run| cell(run.minimum)),
                ("loss", &|run| run.loss.to_string()),
                ("relative_gap", &|run| run.relative_gap.to_string()),
                ("gram_distance", &|run| run.gram_distance.to_string()),
                ("nc1", &|run| cell(run.nc1)),
                ("gradient", &|run| run.gradient.to_string()),
                ("min_eigenvalue", &|run| run.min_eigenvalue.to_string()),
                ("iterations", &|run| run.iterations.to_string()),
                ("polish", &|run| run.polish.to_string()),
                ("escapes", &|run| run.escapes.to_string()),
            ],
        ))
    }

    #[cfg(feature = "plot")]
    fn figures(&self) -> Vec<(&'static str, Figure)> {
        pictures::of_search(self)
    }

    fn passes(&self) -> bool {
        self.passes()
    }

    fn is_complete(&self) -> bool {
        self.complete
    }
}

impl View for SweepReport {
    const SCHEMA: &'static str = SWEEP_SCHEMA;

    fn text(&self, style: Style) -> String {
        sweep_text(self, style)
    }

    /// One line a dimension.
    fn table(&self) -> Option<Table> {
        Some(Table::of_rows(
            &self.rows,
            &[
                ("dimension", &|row| row.dimension.to_string()),
                ("starts", &|row| row.starts.to_string()),
                ("converged", &|row| row.converged.to_string()),
                ("global", &|row| row.global.to_string()),
                ("spurious", &|row| row.spurious.to_string()),
                ("saddles", &|row| row.saddles.to_string()),
                ("distinct_minima", &|row| row.distinct_minima.len().to_string()),
                ("best_relative_gap", &|row| cell(row.best_relative_gap)),
                ("worst_relative_gap", &|row| cell(row.worst_relative_gap)),
                ("verdict", &|row| row.verdict.to_string()),
            ],
        ))
    }

    #[cfg(feature = "plot")]
    fn figures(&self) -> Vec<(&'static str, Figure)> {
        pictures::of_sweep(self)
    }

    fn passes(&self) -> bool {
        self.rows.iter().all(VerifyReport::passes)
    }

    fn is_complete(&self) -> bool {
        self.complete
    }
}

/// The first lines: what is searched, and the optimum.
fn header(page: &mut Page, report: &VerifyReport) {
    let level = match report.level.as_ref() {
        "class" => "one vector a class",
        _ => "all samples free",
    };
    page.header(&report.problem, Some(level.to_owned()));
    let certificate = &report.certificate;
    let proof = match certificate.verdict {
        Verdict::NotCertified => "NOT CERTIFIED",
        Verdict::Certified | Verdict::RankExceedsDimension => "certified",
    };
    page.line(format_args!(
        "optimum of the relaxation {}, {proof} to {:.1e}, rank {}",
        plain(report.optimum.loss),
        certificate.relative_gap,
        report.optimum.rank
    ));
}

/// A search for a person.
pub fn text(report: &VerifyReport, style: Style) -> String {
    let mut page = Page::new(style);
    header(&mut page, report);
    let (starts, dimension, seed) = (report.starts, report.dimension, report.seed);
    page.paragraph(format_args!("{starts} starts in dimension {dimension}, seed {seed}"));
    let global = if report.attainable {
        "at the optimum"
    } else {
        "the lowest found"
    };
    page.line(format_args!("local minima      {:>6}", report.converged));
    page.line(format_args!(
        "  global          {:>6}   {global}, within {GLOBAL:.0e}",
        report.global
    ));
    page.line(format_args!("  spurious        {:>6}", report.spurious));
    page.line(format_args!("saddles           {:>6}", report.saddles));
    page.paragraph(format_args!("not converged     {:>6}", report.not_converged));
    if report.distinct_minima.len() > 1 || !report.attainable {
        page.line("distinct local minima, up to rotation and permutation of classes of equal size:");
        let row = |minimum: &Minimum| {
            vec![
                format!("{:.12}", minimum.loss),
                format!("{:.3e}", minimum.relative_gap),
                minimum.count.to_string(),
                if minimum.global { "global" } else { "spurious" }.to_owned(),
            ]
        };
        let listed = report.distinct_minima.iter().take(MAX_LISTED);
        page.table(&["loss", "relative gap", "starts", ""], listed.map(row));
        if report.distinct_minima.len() > MAX_LISTED {
            page.line(format_args!("... ({} in all)", report.distinct_minima.len()));
        }
        page.line("");
    }
    for (name, value, meaning) in [
        (
            "largest gap",
            report.worst_relative_gap,
            "above the optimum, relative to its excess",
        ),
        (
            "Gram distance",
            report.worst_gram_distance,
            "of class means from the optimal Gram matrix, at most",
        ),
        (
            "within classes",
            report.worst_nc1,
            "tr Sigma_W / tr Sigma_B, at most: 0 is collapse",
        ),
        (
            "between minima",
            report.worst_procrustes,
            "of global minima after the best rotation, at most",
        ),
        (
            "lowest curvature",
            report.min_hessian_eigenvalue,
            "of the Hessian at a minimum, relative",
        ),
    ] {
        if let Some(value) = value {
            page.line(format_args!("{name:<20}{value:>10.1e}   {meaning}"));
        }
    }
    let median = |reached: &IterationsTo| {
        let median = reached.median.map_or("-".to_owned(), |median| median.to_string());
        format!("{median} to {:.0e}", reached.relative_gap)
    };
    let medians: Vec<String> = report.iterations_to.iter().map(median).collect();
    page.paragraph(format_args!("iterations of L-BFGS, median: {}", medians.join(", ")));
    page.line(verdict(report));
    page.text()
}

fn verdict(report: &VerifyReport) -> String {
    let starts = report.starts;
    match report.verdict.as_ref() {
        "no-spurious-minimum" if report.attainable => {
            format!("NO SPURIOUS LOCAL MINIMUM in {starts} starts: every one that converged is at the optimum.")
        }
        "no-spurious-minimum" => format!(
            "ONE LOCAL MINIMUM in {starts} starts; the relaxation needs {} dimensions and is not attained.",
            report.optimum.rank
        ),
        "spurious-minima" => {
            let spurious: Vec<&Minimum> = report
                .distinct_minima
                .iter()
                .filter(|minimum| !minimum.global)
                .collect();
            format!(
                "SPURIOUS LOCAL MINIMA: {} of {starts} starts ended in {} that {} not global.",
                report.spurious,
                if spurious.len() == 1 {
                    "one minimum".to_owned()
                } else {
                    format!("{} minima", spurious.len())
                },
                if spurious.len() == 1 { "is" } else { "are" }
            )
        }
        "incomplete" if starts == 0 => "STOPPED before a start was finished.".to_owned(),
        "incomplete" => format!("STOPPED after {starts} starts, none of which ended in a minimum that is not global."),
        "optimum-not-certified" => {
            "NOT CERTIFIED: the optimum that the starts are compared with is not proven.".to_owned()
        }
        _ => format!(
            "NOT CONVERGED: {} of {starts} starts did not reach a local minimum.",
            starts - report.converged
        ),
    }
}

/// A sweep for a person.
pub fn sweep_text(report: &SweepReport, style: Style) -> String {
    let mut page = Page::new(style);
    let Some(first) = report.rows.first() else {
        return page.text();
    };
    header(&mut page, first);
    let (starts, seed) = (first.starts, first.seed);
    page.paragraph(format_args!("{starts} starts in each dimension, seed {seed}"));
    let gap = |gap: Option<f64>| gap.map_or("-".to_owned(), |gap| format!("{gap:.3e}"));
    let row = |row: &VerifyReport| {
        vec![
            row.dimension.to_string(),
            row.converged.to_string(),
            row.global.to_string(),
            row.spurious.to_string(),
            row.saddles.to_string(),
            row.distinct_minima.len().to_string(),
            gap(row.best_relative_gap),
            gap(row.worst_relative_gap),
        ]
    };
    let header = [
        "dimension",
        "minima",
        "global",
        "spurious",
        "saddles",
        "distinct",
        "best gap",
        "worst gap",
    ];
    page.table(&header, report.rows.iter().map(row));
    page.line("");
    let failing = report.rows.iter().filter(|row| !row.passes());
    let failing: Vec<String> = failing
        .map(|row| format!("{} ({})", row.dimension, row.verdict))
        .collect();
    if failing.is_empty() {
        page.line("NO SPURIOUS LOCAL MINIMUM in any of these dimensions.");
    } else {
        page.line(format_args!("Not so in dimension {}.", failing.join(", ")));
    }
    page.text()
}
