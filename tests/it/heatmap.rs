//! Pictures by the command: every kind of source, both formats, and what is said about unusual matrices.

use std::path::Path;

use assert_cmd::Command;
use nalgebra::DMatrix;
use ufmin::files::npy::{matrix_bytes, read_matrix};

use crate::common;

fn ufmin() -> Command {
    common::ufmin(Path::new(env!("CARGO_MANIFEST_DIR")), &[])
}

fn text(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap()
}

fn assert_png(path: &Path) {
    let bytes = std::fs::read(path).unwrap();
    assert_eq!(&bytes[..8], b"\x89PNG\r\n\x1a\n", "{}", path.display());
    let width = u32::from_be_bytes(bytes[16..20].try_into().unwrap());
    assert!((800..6000).contains(&width), "{width} pixels wide");
}

#[test]
fn solve_writes_its_folder_and_heatmap_reads_it() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    ufmin()
        .args(["solve", "problems/step-imbalance.toml", "--quiet", "--output"])
        .arg(&out)
        .assert()
        .code(0)
        .stdout("");
    let mut names: Vec<String> = std::fs::read_dir(&out)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(
        names,
        [
            "certificate.npz",
            "embeddings.npy",
            "gram.npy",
            "gram.png",
            "gram.svg",
            "result.json",
            "structure.npz"
        ]
    );
    let (gram, features) = (
        read_matrix(&out.join("gram.npy")).unwrap(),
        read_matrix(&out.join("embeddings.npy")).unwrap(),
    );
    assert_eq!((gram.shape(), features.shape()), ((10, 10), (9, 10)));
    assert!((features.transpose() * &features - &gram).amax() < 1e-12);
    assert_png(&out.join("gram.png"));
    let svg = text(&out.join("gram.svg"));
    for expected in ["STEP imbalance", "temperature 0.1", "class size"] {
        assert!(svg.contains(expected), "the picture says {expected}");
    }

    let again = folder.path().join("again.svg");
    ufmin().arg("heatmap").arg(&out).arg("-o").arg(&again).assert().code(0);
    assert!(text(&again).contains("STEP imbalance") && text(&again).contains("temperature 0.1"));

    assert!(text(&again).contains("supcon, temperature 0.1, sizes 5 \u{d7} 100, 5 \u{d7} 10"));

    // A matrix of other rows beside the result has no sizes at its axes.
    let other = folder.path().join("other");
    std::fs::create_dir(&other).unwrap();
    std::fs::copy(out.join("result.json"), other.join("result.json")).unwrap();
    std::fs::write(other.join("gram.npy"), matrix_bytes(&DMatrix::identity(3, 3))).unwrap();
    ufmin()
        .arg("heatmap")
        .arg(&other)
        .arg("-o")
        .arg(&again)
        .assert()
        .code(0);
    assert!(text(&again).contains("STEP imbalance") && !text(&again).contains("class size"));

    let both = folder.path().join("both.png");
    ufmin()
        .arg("heatmap")
        .arg(&out)
        .args(["--against", "problems/nonnegative-frame.toml", "-o"])
        .arg(&both)
        .assert()
        .code(0);
    assert_png(&both);

    let printed = folder.path().join("gram.PDF");
    ufmin()
        .arg("heatmap")
        .arg(&out)
        .arg("-o")
        .arg(&printed)
        .assert()
        .code(0);
    assert!(std::fs::read(&printed).unwrap().starts_with(b"%PDF-"));
}

#[test]
fn colours_end_where_the_range_says() {
    let folder = tempfile::tempdir().unwrap();
    let picture = folder.path().join("gram.svg");
    let draw = |range: &[&str]| {
        let mut command = ufmin();
        command
            .args(["heatmap", "problems/step-imbalance.toml", "-o"])
            .arg(&picture);
        command.args(range).assert()
    };
    for (range, ends) in [
        (&[][..], ["1", "\u{2212}1"]),
        (&["--range", "auto"], ["0.2", "\u{2212}0.2"]),
        (&["--range", "-0.3..0.5"], ["0.5", "\u{2212}0.3"]),
    ] {
        draw(range).code(0);
        let svg = text(&picture);
        for end in ends {
            assert!(svg.contains(&format!(">{end}</text>")), "{range:?} says {end}");
        }
        assert_eq!(svg.contains("10 entries lie outside"), !range.is_empty());
    }
    for wrong in ["0.5..0.5", "1", "a..b", "0..inf"] {
        draw(&["--range", wrong]).code(2);
    }
}

#[test]
fn matrices_from_elsewhere_are_drawn_and_their_oddities_said() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, matrix: DMatrix<f64>| {
        let path = folder.path().join(name);
        std::fs::write(&path, matrix_bytes(&matrix)).unwrap();
        path
    };
    let odd = write("odd.npy", DMatrix::from_row_slice(2, 2, &[0.5, -1.5, -1.5, 1.0]));
    let picture = folder.path().join("odd.svg");
    ufmin()
        .arg("heatmap")
        .arg(&odd)
        .arg("-o")
        .arg(&picture)
        .assert()
        .code(0);
    let svg = text(&picture);
    assert!(svg.contains("outside") && svg.contains("diagonal"), "{svg}");

    let small = write("small.npy", DMatrix::identity(3, 3));
    let pair = folder.path().join("pair.svg");
    ufmin()
        .arg("heatmap")
        .arg(&odd)
        .arg("--against")
        .arg(&small)
        .arg("-o")
        .arg(&pair)
        .assert()
        .code(0);
    assert!(text(&pair).contains("different sizes"));

    for k in [100usize, 1000] {
        let large = write(
            "large.npy",
            DMatrix::from_fn(k, k, |i, j| if i == j { 1.0 } else { -1.0 / (k as f64 - 1.0) }),
        );
        let picture = folder.path().join("large.svg");
        ufmin()
            .arg("heatmap")
            .arg(&large)
            .arg("-o")
            .arg(&picture)
            .assert()
            .code(0);
        assert!(text(&picture).len() < 2_000_000);
        let picture = folder.path().join("large.png");
        ufmin()
            .arg("heatmap")
            .arg(&large)
            .arg("-o")
            .arg(&picture)
            .assert()
            .code(0);
        assert_png(&picture);
    }
}

#[test]
fn what_cannot_be_drawn_is_an_error_with_a_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    std::fs::write(path("wide.npy"), matrix_bytes(&DMatrix::zeros(2, 3))).unwrap();
    std::fs::write(path("cut.npy"), &matrix_bytes(&DMatrix::identity(9, 9))[..300]).unwrap();
    std::fs::write(path("nan.npy"), matrix_bytes(&DMatrix::from_element(2, 2, f64::NAN))).unwrap();
    std::fs::create_dir(path("empty")).unwrap();
    for (source, output, said) in [
        ("wide.npy", "a.png", "square"),
        ("cut.npy", "a.png", "promises"),
        ("nan.npy", "a.png", "not finite"),
        ("missing.npy", "a.png", "cannot read"),
        ("empty", "a.png", "gram.npy"),
        ("wide.npy", "a.jpeg", ".png, .svg or .pdf"),
    ] {
        let assert = ufmin()
            .arg("heatmap")
            .arg(path(source))
            .arg("-o")
            .arg(path(output))
            .assert()
            .code(2)
            .stdout("");
        let stderr = String::from_utf8_lossy(&assert.get_output().stderr).into_owned();
        assert!(
            stderr.contains(said) && stderr.contains("hint:") && !stderr.contains("panicked"),
            "{source}: {stderr}"
        );
        assert!(!path(output).exists(), "no picture is left behind");
    }
}

#[test]
fn a_million_classes_are_drawn_by_groups() {
    let folder = tempfile::tempdir().unwrap();
    let problem = folder.path().join("p.toml");
    let step = "[classes]\nprofile = \"step\"\nmajority = 500000\nminority = 500000\nsmallest = 10\nratio = 10\n";
    std::fs::write(&problem, step).unwrap();
    let out = folder.path().join("out");
    ufmin()
        .arg("solve")
        .arg(&problem)
        .arg("--output")
        .arg(&out)
        .assert()
        .code(0);
    assert!(!out.join("gram.npy").exists() && out.join("structure.npz").exists());
    assert!(text(&out.join("result.json")).contains("structure.npz holds every entry"));
    assert!(text(&out.join("gram.svg")).contains("500000"));
}

#[test]
fn the_folder_of_a_cross_entropy_problem_is_drawn() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    ufmin()
        .args(["solve", "problems/cross-entropy-simplex.toml", "--quiet", "--output"])
        .arg(&out)
        .assert()
        .code(0);
    let picture = folder.path().join("gram.svg");
    ufmin()
        .arg("heatmap")
        .arg(&out)
        .arg("-o")
        .arg(&picture)
        .assert()
        .code(0);
    let drawn = text(&picture);
    assert!(drawn.contains("cosine of features") && drawn.contains("cross-entropy, classifier"));
    // Directions have length 1, whatever the features have.
    assert!(!drawn.contains("the diagonal is not 1"));
    std::fs::write(out.join("result.json"), "{}").unwrap();
    ufmin()
        .arg("heatmap")
        .arg(&out)
        .arg("-o")
        .arg(&picture)
        .assert()
        .code(2);
}
