//! The report of a cross-entropy problem: the JSON form `ufmin/solve/1` with classifier and logits, the text and the pictures.

use nalgebra::DMatrix;
use serde::{Deserialize, Serialize};

#[cfg(feature = "plot")]
use super::picture::{axis_of_classes, ticks};
use super::text::Page;
use super::view::{Style, View};
use super::{GroupReport, MAX_JSON_ROWS, MAX_LISTED_CLASSES, Name, SCHEMA, class_name, rows};
use crate::certificate::Verdict;
use crate::cross_entropy::{Constraint, CrossEntropy, Solved};
use crate::math::array::Array;
use crate::method::formula::Reference;
#[cfg(feature = "plot")]
use crate::plot::{Body, ColourRange, Figure, Panel};
use crate::problem::{Label, Measure};

/// Most classes that are drawn.
pub const MAX_DRAWN: u64 = 1000;

/// Most groups whose angles are shown in the text.
const MAX_MATRIX_GROUPS: usize = 8;

/// Default tolerance on the relative gap.
pub const TOLERANCE: f64 = 1e-9;

/// How a bound can be proven: by the gradient, shrunken until it is feasible, and for SELI by the signs of its slacks.
pub const CERTIFICATE_METHODS: [&str; 2] = ["shrunken-gradient", "signs"];

/// A value by pairs of groups, null where it means nothing.
pub type PairMatrix = Vec<Vec<Option<f64>>>;

/// A report, as its JSON has it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[allow(missing_docs)] // As in the reference of the JSON form.
pub struct CrossEntropyReport {
    pub schema: Name,
    pub version: Name,
    pub complete: bool,
    pub problem: CrossEntropyProblem,
    pub solution: CrossEntropySolution,
    pub certificate: CrossEntropyCertificate,
    pub references: Vec<Reference>,
    pub warnings: Vec<String>,
    /// All inner products, where they are drawn: features, classifier, logits.
    #[serde(skip)]
    pub matrices: Option<[DMatrix<f64>; 3]>,
}

/// The problem, restated.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[allow(missing_docs)]
pub struct CrossEntropyProblem {
    pub title: Option<String>,
    pub sizes: Option<Vec<u64>>,
    pub probabilities: Option<Vec<f64>>,
    pub class_count: u64,
    #[serde(default)]
    pub class_labels: Option<Vec<Label>>,
    pub views: u64,
    pub loss: Name,
    /// Always null: logits have no temperature.
    pub temperature: Option<f64>,
    pub nonnegative: bool,
    pub dimension: Option<u64>,
    /// Always null.
    pub batches: Option<Name>,
    pub classifier: ConstraintReport,
    pub features: ConstraintReport,
}

/// A constraint, by its key and its number.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[allow(missing_docs)]
pub struct ConstraintReport {
    pub constraint: Name,
    pub value: f64,
}

impl From<Constraint> for ConstraintReport {
    fn from(constraint: Constraint) -> Self {
        Self {
            constraint: constraint.name().into(),
            value: constraint.value(),
        }
    }
}

/// What was found. Values by group are in the order of `groups`; matrices by class in the user's order.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[allow(missing_docs)]
pub struct CrossEntropySolution {
    pub method: Name,
    pub termination: Name,
    pub iterations: u64,
    pub seconds: f64,
    /// Weighted mean cross-entropy with ridges; for SELI its limit, 0.
    pub loss: f64,
    /// Without ridges.
    pub cross_entropy: f64,
    /// Always null, as the two below.
    pub floor: Option<f64>,
    pub excess: Option<f64>,
    pub log_excess: Option<f64>,
    pub rank: u64,
    pub cross_check: Option<Name>,
    /// Sets of classes whose classifiers coincide.
    pub collapsed: Vec<Vec<u64>>,
    /// Classes whose classifiers are zero.
    pub vanished: Vec<u64>,
    pub groups: Vec<GroupReport>,
    /// Cross-entropy of a class, by group.
    pub class_loss: Vec<f64>,
    pub feature_norms: Vec<f64>,
    pub classifier_norms: Vec<f64>,
    /// Cosine of classifier and feature of a class, by group; null where one is zero.
    pub alignment: Vec<Option<f64>>,
    pub feature_cosines: PairMatrix,
    pub classifier_cosines: PairMatrix,
    /// Of the classifier of the row with the feature of the column.
    pub cross_cosines: PairMatrix,
    /// For SELI: the least nuclear norm of logits with margins of at least 1, a column a sample.
    pub nuclear_norm: Option<f64>,
    pub level: Name,
    pub gram: Option<Vec<Vec<f64>>>,
    pub classifier_gram: Option<Vec<Vec<f64>>>,
    /// Row: classifier; column: feature.
    pub logits: Option<Vec<Vec<f64>>>,
}

/// What is proven.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[allow(missing_docs)]
pub struct CrossEntropyCertificate {
    pub lower_bound: f64,
    pub gap: f64,
    /// By the loss.
    pub relative_gap: f64,
    pub min_eigenvalue: f64,
    pub method: Name,
    pub verdict: Verdict,
    pub tolerance: f64,
}

/// What is proven of an answer, where a relative gap of `tolerance` counts as certified.
pub fn verdict(problem: &CrossEntropy, solved: &Solved, tolerance: f64) -> Verdict {
    if solved.proof.relative_gap > tolerance {
        Verdict::NotCertified
    } else if problem.dimension().is_some_and(|d| d < solved.rank) {
        Verdict::RankExceedsDimension
    } else {
        Verdict::Certified
    }
}

/// How the bound of an answer is proved.
pub fn proof_method(solved: &Solved) -> &'static str {
    CERTIFICATE_METHODS[usize::from(solved.nuclear_norm.is_some())]
}

/// The classes of some groups, ascending.
fn classes_of(members: &[Vec<u64>], set: &[usize]) -> Vec<u64> {
    let mut all: Vec<u64> = set.iter().flat_map(|&g| members[g].iter().copied()).collect();
    all.sort_unstable();
    all
}

/// Sets of classes whose classifiers coincide; none above [`MAX_LISTED_CLASSES`].
pub fn collapsed_sets(solved: &Solved) -> Vec<Vec<u64>> {
    if solved.partition.classes() > MAX_LISTED_CLASSES {
        return Vec::new();
    }
    let members = solved.partition.members();
    solved.coincident.iter().map(|set| classes_of(&members, set)).collect()
}

impl CrossEntropyReport {
    /// The report of a solved problem; matrices have up to 64 rows, any number with `full_gram`.
    pub fn new(problem: &CrossEntropy, solved: &Solved, tolerance: Option<f64>, full_gram: bool) -> Self {
        let classes = problem.classes();
        let count = classes.count();
        let partition = &solved.partition;
        let listed = count <= MAX_LISTED_CLASSES;
        let members = if listed { partition.members() } else { Vec::new() };
        let groups = partition.groups();
        let tolerance = tolerance.unwrap_or(TOLERANCE);
        let verdict = verdict(problem, solved, tolerance);
        let mut warnings = Vec::new();
        if solved.nuclear_norm.is_some() {
            warnings.push("the loss falls to 0 as the ridges vanish; what is shown is the geometry of the limit, SELI, whose scale is that of margins of 1".to_owned());
        }
        let wanted = full_gram || count <= MAX_DRAWN;
        let matrices = wanted.then(|| {
            [&solved.features, &solved.classifier, &solved.logits].map(|products| products.to_dense(partition))
        });
        let shown = |i: usize| {
            let small = full_gram || count <= MAX_JSON_ROWS as u64;
            matrices.as_ref().filter(|_| small).map(|all| rows(&all[i]))
        };
        let pairs = |cosine: &dyn Fn(usize, usize) -> Option<f64>| -> PairMatrix {
            (0..groups)
                .map(|j| (0..groups).map(|g| cosine(j, g)).collect())
                .collect()
        };
        let collapsed = collapsed_sets(solved);
        let vanished = if listed {
            classes_of(&members, &solved.vanished())
        } else {
            Vec::new()
        };
        let counts = classes.measure() == Measure::Counts;
        Self {
            schema: SCHEMA.into(),
            version: env!("CARGO_PKG_VERSION").into(),
            complete: solved.termination == crate::solution::Termination::Converged,
            problem: CrossEntropyProblem {
                title: problem.title().map(str::to_owned),
                sizes: (listed && counts).then(|| classes.sizes().map(|size| size as u64).collect()),
                probabilities: (listed && !counts).then(|| classes.sizes().collect()),
                class_count: count,
                class_labels: problem
                    .classes()
                    .labels()
                    .filter(|_| count <= MAX_LISTED_CLASSES)
                    .map(<[Label]>::to_vec),
                views: problem.views(),
                loss: "cross-entropy".into(),
                temperature: None,
                nonnegative: false,
                dimension: problem.dimension(),
                batches: None,
                classifier: problem.classifier().into(),
                features: problem.features().into(),
            },
            solution: CrossEntropySolution {
                method: solved.method.name().into(),
                termination: solved.termination.name().into(),
                iterations: solved.iterations,
                seconds: solved.seconds,
                loss: solved.loss,
                cross_entropy: solved.cross_entropy,
                floor: None,
                excess: None,
                log_excess: None,
                rank: solved.rank,
                cross_check: None,
                collapsed,
                vanished,
                groups: GroupReport::all(partition),
                class_loss: solved.of_class.clone(),
                feature_norms: solved.norms(&solved.features),
                classifier_norms: solved.norms(&solved.classifier),
                alignment: solved.alignment(),
                feature_cosines: pairs(&|j, g| solved.cosine(&solved.features, j, g)),
                classifier_cosines: pairs(&|j, g| solved.cosine(&solved.classifier, j, g)),
                cross_cosines: pairs(&|j, g| solved.cross_cosine(j, g)),
                nuclear_norm: solved.nuclear_norm,
                level: "class".into(),
                gram: shown(0),
                classifier_gram: shown(1),
                logits: shown(2),
            },
            certificate: CrossEntropyCertificate {
                lower_bound: solved.proof.lower_bound,
                gap: solved.proof.gap,
                relative_gap: solved.proof.relative_gap,
                min_eigenvalue: solved.proof.min_eigenvalue,
                method: proof_method(solved).into(),
                verdict,
                tolerance,
            },
            references: Vec::new(),
            warnings,
            matrices,
        }
    }

    /// The three matrices, of few classes from the JSON alone.
    #[cfg(feature = "plot")]
    fn drawn(&self) -> Option<[DMatrix<f64>; 3]> {
        let read = |list: &Option<Vec<Vec<f64>>>| {
            let list = list.as_ref()?;
            Some(DMatrix::from_fn(list.len(), list.len(), |i, j| list[i][j]))
        };
        let solution = &self.solution;
        self.matrices.clone().or_else(|| {
            Some([
                read(&solution.gram)?,
                read(&solution.classifier_gram)?,
                read(&solution.logits)?,
            ])
        })
    }
}

/// An angle from its cosine.
fn degrees(cosine: Option<f64>) -> String {
    cosine.map_or_else(|| "-".to_owned(), |cosine| format!("{:.3}", cosine.acos().to_degrees()))
}

impl View for CrossEntropyReport {
    const SCHEMA: &'static str = SCHEMA;

    fn text(&self, style: Style) -> String {
        let (problem, solution, proof) = (&self.problem, &self.solution, &self.certificate);
        let mut page = Page::new(style);
        if let Some(title) = &problem.title {
            page.line(title);
        }
        page.paragraph(format!(
            "{} classes, cross-entropy, classifier {} {}, features {} {}",
            problem.class_count,
            problem.classifier.constraint,
            problem.classifier.value,
            problem.features.constraint,
            problem.features.value
        ));
        page.line(format!("loss           {}", solution.loss));
        if solution.cross_entropy != solution.loss {
            page.line(format!("cross-entropy  {}", solution.cross_entropy));
        }
        if let Some(norm) = solution.nuclear_norm {
            page.line(format!("nuclear norm   {norm}"));
        }
        page.paragraph(format!("rank           {}", solution.rank));
        let norm = |value: f64| format!("{value:.6}");
        let line = |g: usize| {
            let group = &solution.groups[g];
            vec![
                group.size.to_string(),
                group.count.to_string(),
                format!("{:.6}", solution.class_loss[g]),
                norm(solution.classifier_norms[g]),
                norm(solution.feature_norms[g]),
                degrees(solution.alignment[g]),
            ]
        };
        let header = ["size", "classes", "loss", "|w|", "|h|", "angle of w and h"];
        let groups = solution.groups.len();
        let most = if style.verbose { groups } else { groups.min(10) };
        page.table(&header, (0..most).map(line));
        if most < groups {
            page.line(format!("and {} more sizes", groups - most));
        }
        if groups <= MAX_MATRIX_GROUPS {
            for (name, cosines) in [
                ("classifiers", &solution.classifier_cosines),
                ("features", &solution.feature_cosines),
            ] {
                page.line("");
                page.line(format!("Angles between {name} of different classes, in degrees"));
                let sizes: Vec<String> = solution.groups.iter().map(|group| group.size.to_string()).collect();
                let mut header = vec!["size"];
                header.extend(sizes.iter().map(String::as_str));
                page.table(
                    &header,
                    cosines.iter().zip(&sizes).map(|(row, size)| {
                        let cells = row.iter().map(|cosine| degrees(*cosine));
                        std::iter::once(size.clone()).chain(cells).collect()
                    }),
                );
            }
        }
        page.line("");
        for set in &solution.collapsed {
            page.line(format!("One classifier for classes {}", list(problem, set)));
        }
        if !solution.vanished.is_empty() {
            page.line(format!(
                "No classifier (zero) for classes {}",
                list(problem, &solution.vanished)
            ));
        }
        let verdict = match proof.verdict {
            Verdict::Certified => "certified",
            Verdict::NotCertified => "NOT certified",
            Verdict::RankExceedsDimension => "not attained: the rank exceeds the dimension",
        };
        page.line(format!(
            "{verdict}: no classifier and features have a loss below {} (relative gap {:.1e}, tolerance {:.0e})",
            proof.lower_bound, proof.relative_gap, proof.tolerance
        ));
        if style.verbose {
            page.line(format!(
                "method {}, {} iterations, {:.3} s, smallest eigenvalue of the dual matrix above {:.1e}",
                solution.method, solution.iterations, solution.seconds, proof.min_eigenvalue
            ));
        }
        for warning in &self.warnings {
            page.line(format!("note: {warning}"));
        }
        page.text()
    }

    #[cfg(feature = "plot")]
    fn figures(&self) -> Vec<(&'static str, Figure)> {
        let Some(matrices) = self.drawn() else {
            return Vec::new();
        };
        if self.problem.class_count > MAX_DRAWN {
            return Vec::new();
        }
        let problem = &self.problem;
        let sizes: Option<Vec<f64>> = match (&problem.sizes, &problem.probabilities) {
            (Some(sizes), _) => Some(sizes.iter().map(|&size| size as f64).collect()),
            (None, probabilities) => probabilities.clone(),
        };
        let sizes = sizes.unwrap_or_default();
        let subtitle = format!(
            "cross-entropy, classifier {} {}, features {} {}, {} classes",
            problem.classifier.constraint,
            problem.classifier.value,
            problem.features.constraint,
            problem.features.value,
            problem.class_count
        );
        let names = [
            ("gram", "inner product of features", "Features"),
            ("classifier_gram", "inner product of classifiers", "Classifier"),
            ("logits", "logit (row: classifier, column: feature)", "Logits"),
        ];
        let figure = |((name, quantity, what), values): ((&'static str, &str, &str), DMatrix<f64>)| {
            let panel = Panel {
                labels: ticks(problem.class_labels.as_deref(), &sizes),
                axis: axis_of_classes(problem.class_labels.as_deref(), problem.sizes.is_some()),
                boundaries: (1..sizes.len()).filter(|&i| sizes[i] != sizes[i - 1]).collect(),
                range: ColourRange::around(values.iter().copied()),
                quantity: quantity.to_owned(),
                ..Panel::new(values)
            };
            let title = problem
                .title
                .as_ref()
                .map_or(what.to_owned(), |title| format!("{what}: {title}"));
            let figure = Figure {
                title,
                subtitle: subtitle.clone(),
                body: Body::Heatmap(vec![panel]),
                notes: Vec::new(),
            };
            (name, figure)
        };
        names.into_iter().zip(matrices).map(figure).collect()
    }

    fn passes(&self) -> bool {
        self.certificate.verdict == Verdict::Certified
    }

    fn is_complete(&self) -> bool {
        self.complete
    }
}

/// The first few of a list of classes.
fn list(problem: &CrossEntropyProblem, classes: &[u64]) -> String {
    const SHOWN: usize = 20;
    let name = |&class: &u64| class_name(problem.class_labels.as_deref(), class);
    let mut words: Vec<String> = classes.iter().take(SHOWN).map(name).collect();
    if classes.len() > SHOWN {
        words.push(format!("... ({} in all)", classes.len()));
    }
    words.join(", ")
}

/// The arrays of `certificate.npz`: the dual point by groups, from which the bound of THEORY 8 can be recomputed. None for
/// SELI, whose proof is a sign.
pub fn certificate_arrays(problem: &CrossEntropy, solved: &Solved) -> Vec<(&'static str, Array)> {
    let partition = &solved.partition;
    let total: f64 = problem.classes().sizes().sum();
    let mut arrays = vec![
        ("multiplicity", Array::Vector(partition.multiplicity_f64())),
        (
            "probability",
            Array::Vector(partition.sizes().iter().map(|size| size / total).collect()),
        ),
    ];
    if !solved.proof.alpha.is_empty() {
        arrays.extend([
            ("alpha", Array::Vector(solved.proof.alpha.clone())),
            ("beta", Array::Vector(solved.proof.beta.clone())),
            ("gradient_between", Array::Matrix(solved.proof.between.clone())),
            ("gradient_diagonal", Array::Vector(solved.proof.diagonal.clone())),
        ]);
    }
    arrays
}
