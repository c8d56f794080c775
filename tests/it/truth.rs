//! Statements of reports and pictures that a reader takes at their word.

use nalgebra::DMatrix;
use ufmin::plot::{Body, ColourRange};
use ufmin::problem::FullBatchLoss;
use ufmin::report::Report;
use ufmin::report::picture::Picture;
use ufmin::report::view::{Style, View};
use ufmin::solve::CrossCheck;
use ufmin::study::landscape::{Level, SearchSettings, VerifyReport, verify};

use crate::common::{model, problem, problem_of, run, solved};

/// Below the rank the second method looks at the relaxation, whose matrix is another than the one that is shown; classes of
/// equal size are not alike; and nothing says that the features are the best there are.
#[test]
fn a_report_below_the_rank_says_what_it_is_of() {
    let mut few = model(FullBatchLoss::Supcon, 0.3);
    few.features.dimension = Some(2);
    let sizes = [50, 50, 10, 10, 5];
    let limited = problem_of(&sizes, few);
    let answer = solved(&limited);
    let relaxation = solved(&problem(&sizes, FullBatchLoss::Supcon, 0.3));
    let (shown, relaxed) = (
        answer.certificate.gram.to_dense(),
        relaxation.certificate.gram.to_dense(),
    );
    assert!((shown - relaxed).amax() > 0.5);
    let check = answer.cross_check.clone().unwrap();
    assert!(check.gram_difference < 1e-6 && check.compared == CrossCheck::RELAXATION);
    assert_eq!(relaxation.cross_check.clone().unwrap().compared, CrossCheck::REPORTED);
    let text = |problem, solved| {
        let mut report = Report::new(problem, solved, false).unwrap();
        let text = report.text(Style::default());
        // As where there are too many groups to list: sizes are counted, not classes.
        report.solution.groups.reverse();
        report.solution.group_gram = None;
        (text, report.text(Style::default()))
    };
    let ((of_few, many), (of_all, _)) = (
        text(&limited, &answer),
        text(&problem(&sizes, FullBatchLoss::Supcon, 0.3), &relaxation),
    );
    let says = |text: &str, sentence: &str| assert!(text.contains(sentence), "{sentence}\n{text}");
    says(&of_few, "by conic of the relaxation alone, not of the features found");
    says(&of_few, "each class a group of its own");
    says(&of_few, "dimensions that the best features found span");
    says(&many, "\n3 distinct class sizes from 50 to 5\n");
    says(&of_all, "by conic: Gram entries");
    says(&of_all, "groups of classes of equal size");
    says(&of_all, "dimensions that the optimal features span");
    assert!(!of_few.contains("of equal size,") && !of_few.contains("optimal features"));
}

/// What is not proven to be an optimum has no optimal features.
#[test]
fn features_without_a_proof_are_not_called_optimal() {
    let folder = tempfile::tempdir().unwrap();
    let output = run(folder.path(), &["solve", "--sizes", "50,9,3", "--tolerance", "1e-300"]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(
        text.contains("NOT CERTIFIED") && text.contains("that these features span"),
        "{text}"
    );
}

/// What rounding leaves of equal matrices has the colour of zero; what two methods differ by has not.
#[test]
fn rounding_is_drawn_white() {
    let gram = |error: f64| {
        DMatrix::from_fn(4, 4, |i, j| match (i, j) {
            (i, j) if i == j => 1.0,
            (0, 1) | (1, 0) => -1.0 / 3.0 + error,
            _ => -1.0 / 3.0,
        })
    };
    let range = |error: f64| {
        let figure = Picture::of_matrix("a", gram(error)).against(Picture::of_matrix("b", gram(0.0)));
        match figure.body {
            Body::Heatmap(panels) => panels[2].range,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(range(1e-13), ColourRange { low: -1e-9, high: 1e-9 });
    let seen = range(3e-6);
    assert!((seen.high - 5e-6).abs() < 1e-18, "{seen:?}");
}

/// Five classes in the plane have twelve minima, of different geometries: the picture shows one of them, not their mean.
#[test]
fn the_picture_of_a_search_shows_one_geometry() {
    let problem = problem(&[50, 20, 10, 5, 3], FullBatchLoss::Supcon, 0.3);
    let optimum = solved(&problem);
    let settings = SearchSettings {
        starts: 40,
        level: Level::Class,
        ..SearchSettings::default()
    };
    let found = verify(&problem, &optimum, 2, &settings, None, &Default::default()).unwrap();
    assert!(found.minima.len() > 1);
    let report = VerifyReport::new(&problem, &optimum, &settings, &found, 0.0).unwrap();
    let figures = report.figures();
    let (_, figure) = figures.iter().find(|(name, _)| *name == "gram").unwrap();
    let Body::Heatmap(panels) = &figure.body else {
        panic!("a heatmap is drawn")
    };
    let lowest = &found.runs[found.minima[0].first as usize];
    assert_eq!(panels[1].values, lowest.class_gram());
    let (count, distinct) = (found.minima[0].count, found.minima.len());
    assert_eq!(
        panels[1].title,
        format!("Lowest of {distinct} distinct minima, of {count} starts")
    );
    // Unit vectors of the plane: a mean of different ones is none.
    assert!(panels[1].values.clone().svd(false, false).singular_values[2] < 1e-7);
}
