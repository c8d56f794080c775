//! Every file of `problems/` is solved and compared with its `[expected]`.

use std::path::{Path, PathBuf};

use ufmin::math::control::Control;
use ufmin::report::Report;
use ufmin::report::cross_entropy::CrossEntropyReport;
use ufmin::report::view::View;
use ufmin::solve::solve;
use ufmin::spec::{cross_entropy, load, parse};

fn files() -> Vec<PathBuf> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/problems");
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
    files.sort();
    files
}

#[test]
fn every_problem_file_meets_its_expectation() {
    let files = files();
    assert!(files.len() >= 12, "{} problem files", files.len());
    for path in files {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if check_cross_entropy(&path, &name) {
            continue;
        }
        let (problem, options, file) = load(&path).unwrap();
        let expected = file.expected.unwrap_or_else(|| panic!("{name} has no [expected]"));
        assert!(expected.source.is_some(), "{name}: expected values need a source");
        assert!(
            expected.loss.is_some() || expected.excess.is_some(),
            "{name}: expects neither loss nor excess"
        );
        let tolerance = expected.tolerance.unwrap_or(1e-6);
        let solved = solve(&problem, &options, &Control::default()).unwrap();
        assert!(solved.is_certified(), "{name}: {}", solved.certificate.relative_gap);
        let report = Report::new(&problem, &solved, false).unwrap();
        let solution = &report.solution;
        if let Some(loss) = expected.loss {
            assert!(
                (solution.loss - loss).abs() <= tolerance * loss.abs().max(1.0),
                "{name}: loss {} against {loss}",
                solution.loss
            );
        }
        if let Some(excess) = expected.excess {
            let found = solution.excess.unwrap();
            assert!(
                (found / excess - 1.0).abs() <= tolerance,
                "{name}: excess {found} against {excess}"
            );
        }
        if let Some(rank) = expected.rank {
            assert_eq!(solution.rank, rank, "{name}: rank");
        }
        for (i, j, value) in expected.entries.unwrap_or_default() {
            let found = solved.certificate.gram.entry(i, j);
            assert!(
                (found - value).abs() <= tolerance,
                "{name}: entry {i}, {j} is {found}, not {value}"
            );
        }
        // As the reference of problem files says: proven, or nearer than 1e-6 radians; and nothing else is proven.
        if let Some(sets) = expected.collapsed {
            for set in &solution.collapsed {
                assert!(
                    sets.iter().any(|wanted| set.iter().all(|class| wanted.contains(class))),
                    "{name}: classes {set:?} are said to share one vector"
                );
            }
            for pair in sets.iter().flat_map(|set| set.windows(2)) {
                let proven = solution
                    .collapsed
                    .iter()
                    .any(|set| pair.iter().all(|class| set.contains(class)));
                let near = solution
                    .nearly_collapsed
                    .iter()
                    .any(|found| found.classes == *pair && found.angle_degrees.to_radians() < 1e-6);
                assert!(proven || near, "{name}: classes {pair:?} should share one vector");
            }
        }
    }
}

/// The same for cross-entropy; false for another loss.
fn check_cross_entropy(path: &Path, name: &str) -> bool {
    let file = parse(path, &std::fs::read_to_string(path).unwrap()).unwrap();
    let Some((problem, tolerance)) = cross_entropy(&file, Path::new("")).unwrap() else {
        return false;
    };
    let expected = file.expected.unwrap_or_else(|| panic!("{name} has no [expected]"));
    assert!(expected.source.is_some(), "{name}: expected values need a source");
    let within = expected.tolerance.unwrap_or(1e-6);
    let solved = ufmin::cross_entropy::solve(&problem, &Control::default()).unwrap();
    let report = CrossEntropyReport::new(&problem, &solved, tolerance, false);
    assert!(report.passes(), "{name}: {}", report.certificate.relative_gap);
    let solution = &report.solution;
    let loss = expected.loss.unwrap_or_else(|| panic!("{name} expects no loss"));
    assert!(
        (solution.loss - loss).abs() <= within,
        "{name}: loss {} against {loss}",
        solution.loss
    );
    if let Some(rank) = expected.rank {
        assert_eq!(solution.rank, rank, "{name}: rank");
    }
    if let Some(sets) = expected.collapsed {
        assert_eq!(solution.collapsed, sets, "{name}: collapsed");
    }
    let gram = solution.gram.as_ref().unwrap();
    for (i, j, value) in expected.entries.unwrap_or_default() {
        let found = gram[i as usize][j as usize];
        assert!(
            (found - value).abs() <= within,
            "{name}: entry {i}, {j} is {found}, not {value}"
        );
    }
    true
}

#[test]
fn the_readme_of_the_problems_names_every_file() {
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/problems/README.md")).unwrap();
    for path in files() {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        assert!(readme.contains(&name), "problems/README.md does not mention {name}");
    }
}
