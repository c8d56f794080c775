//! Files and names as people have them: what is read is the data set that they mean, or an error says what to do.

use std::path::Path;

use serde_json::{Value, json};
use ufmin::error::{ArrayError, Error};
use ufmin::files::npy::{matrix_bytes, read_counts, read_labels, read_matrix};

use crate::cli::{folder, json_in, npy, refusal, without_time};
use crate::common::ufmin;

fn longs(values: &[i64]) -> Vec<u8> {
    values.iter().flat_map(|n| n.to_le_bytes()).collect()
}

fn doubles(values: &[f64]) -> Vec<u8> {
    values.iter().flat_map(|x| x.to_le_bytes()).collect()
}

/// A one-dimensional array of 64-bit integers, as `numpy.save` writes it.
fn vector(values: &[i64]) -> Vec<u8> {
    npy("<i8", false, &format!("({},)", values.len()), &longs(values))
}

/// A file with a header of any text.
fn with_header(text: &str, data: &[u8]) -> Vec<u8> {
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((text.len() as u16).to_le_bytes());
    bytes.extend(text.as_bytes());
    bytes.extend(data);
    bytes
}

fn refused_in(folder: &Path, arguments: &[&str], needles: &[&str]) {
    let output = ufmin(folder, arguments).output().unwrap();
    refusal(&format!("{arguments:?}"), &output, needles);
}

fn sizes(folder: &Path, arguments: &[&str]) -> Value {
    json_in(folder, arguments)["problem"]["sizes"].clone()
}

/// The classes of 500, 500, 500, 50, 50, 50 and 50 samples as `numpy.bincount` gives them.
const COUNTS: [i64; 7] = [500, 500, 500, 50, 50, 50, 50];

#[test]
fn a_header_with_two_shapes_is_no_array() {
    let folder = folder();
    let write = |bytes: &[u8]| std::fs::write(folder.path().join("y.npy"), bytes).unwrap();
    let labels = longs(&[0, 0, 1, 1, 1, 2, 2, 2, 2, 2]);
    let twice = |first: &str, second: &str| {
        format!("{{'descr': '<i8', 'shape': {first}, 'fortran_order': False, 'shape': {second}, }}\n")
    };
    for (first, second) in [("(10,)", "(2,)"), ("(2,)", "(10,)"), ("(10,)", "(10,)")] {
        write(&with_header(&twice(first, second), &labels));
        for flag in ["--labels", "--sizes-file"] {
            let needles = [
                "y.npy: it is not a .npy file",
                "`shape` is given more than once",
                "numpy.save",
            ];
            refused_in(folder.path(), &["solve", flag, "y.npy"], &needles);
        }
    }
    let matrix = doubles(&[1.0, 0.0, 0.0, 1.0]);
    for (first, second) in [
        ("(2, 2)", "(1, 1)"),
        ("(1, 1)", "(2, 2)"),
        ("(2, 2)", "(3, 3)"),
        ("(3, 3)", "(2, 2)"),
    ] {
        write(&with_header(&twice(first, second).replace("<i8", "<f8"), &matrix));
        refused_in(
            folder.path(),
            &["heatmap", "y.npy", "-o", "a.png"],
            &["y.npy: it is not a .npy file", "`shape` is given more than once"],
        );
    }
}

#[test]
fn hostile_headers_are_refused_by_every_reader() {
    let folder = folder();
    let path = folder.path().join("y.npy");
    let data = doubles(&[1.0, 0.0, 0.0, 1.0]);
    let good = "{'descr': '<f8', 'fortran_order': False, 'shape': (2, 2), }";
    let mut files: Vec<Vec<u8>> = [
        ("'fortran_order': False", "'fortran_order': 0"),
        ("'fortran_order': False", "'fortran_order': true"),
        (
            "'fortran_order': False",
            "'fortran_order': False, 'fortran_order': True",
        ),
        ("'fortran_order': False, ", ""),
        ("'descr': '<f8'", "'descr': '<f8', 'descr': '<i8'"),
        ("'descr': '<f8'", "'descr': [('a', '<f8')]"),
        ("'descr'", "'dtype'"),
        ("(2, 2)", "(2, 2), 'strides': (8, 16)"),
        ("(2, 2)", "(-2, -2)"),
        ("(2, 2)", "(2.0, 2)"),
        ("(2, 2)", "((2, 2))), ((2, 2)"),
        ("(2, 2)", "((2, 2),)"),
        ("(2, 2)", "[2, 2]"),
        ("(2, 2)", "(2, 2"),
        ("(2, 2)", "(4294967296, 4294967296)"),
        ("(2, 2)", "(4294967298, 4294967298)"),
        ("(2, 2)", "(18446744073709551618, 2)"),
        ("(2, 2)", "(9223372036854775809, 4)"),
        ("(2, 2)", "(1, 2)"),
        ("(2, 2)", "(2, 3)"),
        ("(2, 2)", "(\u{662}, 2)"),
        ("}", "} }"),
        ("}", ""),
    ]
    .map(|(from, to)| {
        let text = good.replace(from, to);
        assert_ne!(text, good);
        with_header(&text, &data)
    })
    .to_vec();
    for version in [[0, 0], [1, 1], [3, 7], [9, 0]] {
        let mut bytes = with_header(good, &data);
        bytes[6..8].copy_from_slice(&version);
        files.push(bytes);
    }
    std::fs::write(&path, with_header(good, &data)).unwrap();
    assert!(read_matrix(&path).unwrap().is_identity(0.0));
    for bytes in files {
        std::fs::write(&path, &bytes).unwrap();
        let shown = String::from_utf8_lossy(&bytes);
        for (reader, found) in [
            ("labels", read_labels(&path).map(drop)),
            ("counts", read_counts(&path).map(drop)),
            ("matrix", read_matrix(&path).map(drop)),
        ] {
            let Err(Error::Array { source, .. }) = found else {
                panic!("{reader}: {found:?} of {shown}");
            };
            assert!(!source.hint().is_empty() && source.to_string().len() < 300, "{source}");
        }
        refused_in(folder.path(), &["heatmap", "y.npy", "-o", "a.png"], &["y.npy: it"]);
        refused_in(folder.path(), &["solve", "--labels", "y.npy"], &["y.npy: it"]);
        refused_in(folder.path(), &["solve", "--sizes-file", "y.npy"], &["y.npy: it"]);
    }
}

#[test]
fn what_follows_the_array_is_not_ignored() {
    let folder = folder();
    // numpy.save twice into one open file.
    let mut two = vector(&[0, 0, 1, 1]);
    two.extend(vector(&[0, 0, 0, 1, 1, 1]));
    std::fs::write(folder.path().join("y.npy"), two).unwrap();
    let needles = [
        "y.npy: its header promises 32 bytes of data, and 176 more follow",
        "a file of its own",
    ];
    for flag in ["--labels", "--sizes-file"] {
        refused_in(folder.path(), &["solve", flag, "y.npy"], &needles);
    }
    let mut gram = matrix_bytes(&nalgebra::DMatrix::identity(2, 2));
    gram.push(0);
    std::fs::write(folder.path().join("g.npy"), gram).unwrap();
    refused_in(
        folder.path(),
        &["heatmap", "g.npy", "-o", "a.png"],
        &["g.npy: its header promises 32 bytes"],
    );
}

#[test]
fn class_sizes_are_read_from_an_array() {
    let folder = folder();
    let write = |name: &str, bytes: &[u8]| std::fs::write(folder.path().join(name), bytes).unwrap();
    let list = COUNTS.map(|n| n.to_string()).join(",");
    let expected = without_time(json_in(folder.path(), &["--sizes", &list]));
    let floats = doubles(&COUNTS.map(|n| n as f64));
    let singles: Vec<u8> = COUNTS.iter().flat_map(|&n| (n as f32).to_le_bytes()).collect();
    let shorts: Vec<u8> = COUNTS.iter().flat_map(|&n| (n as u16).to_be_bytes()).collect();
    write("counts.npy", &vector(&COUNTS));
    write("COUNTS.NPY", &vector(&COUNTS));
    write("column.npy", &npy("<i8", false, "(7, 1)", &longs(&COUNTS)));
    write("floats.npy", &npy("<f8", false, "(7,)", &floats));
    write("singles.npy", &npy("<f4", false, "(7,)", &singles));
    write("shorts.npy", &npy(">u2", false, "(7,)", &shorts));
    for name in [
        "counts.npy",
        "COUNTS.NPY",
        "column.npy",
        "floats.npy",
        "singles.npy",
        "shorts.npy",
    ] {
        let found = without_time(json_in(folder.path(), &["--sizes-file", name]));
        assert_eq!(found, expected, "{name}");
    }
    // In place of a file's classes, and with the other flags.
    write("p.toml", b"[classes]\nsizes = [5, 5]\nviews = 2\n");
    assert_eq!(
        sizes(folder.path(), &["p.toml", "--sizes-file", "counts.npy"]),
        json!(COUNTS)
    );
    let all = ["phase", "p.toml", "--sizes-file", "counts.npy", "--vary", "temperature"];
    ufmin(folder.path(), &all).assert().code(0);
    for (bytes, needles) in [
        (vector(&[500, 0, 50]), &["c.npy: class 1 has size 0", "--labels"][..]),
        (vector(&[500, -1, 50]), &["c.npy: class 1 has size -1", "--labels"]),
        (
            vector(&[500, i64::MAX]),
            &["class 1 has size 9223372036854775807", "9007199254740992"],
        ),
        (vector(&[500]), &["--sizes-file: only one class"]),
        (vector(&[500, 1]), &["--sizes-file: class 1 has 1 sample"]),
        (vector(&[]), &["c.npy: it has no elements"]),
        (
            npy("<f8", false, "(2,)", &doubles(&[0.7, 0.3])),
            &["class 0 has size 0.7", "--probabilities"],
        ),
        (
            npy("<f8", false, "(2,)", &doubles(&[5.0, f64::NAN])),
            &["class 1 has size NaN"],
        ),
        (
            npy("<f4", false, "(1,)", &3e7f32.to_le_bytes()),
            &["class 0 has size 30000000", "16777216 is needed (float32"],
        ),
        (
            npy("|b1", false, "(2,)", &[1, 1]),
            &["its element type is |b1", "--labels"],
        ),
        (
            npy("<U1", false, "(2,)", &[65; 8]),
            &["its element type is <U1", "--labels"],
        ),
        // numpy.unique(labels, return_counts=True) saved as a whole.
        (
            npy("<i8", false, "(2, 3)", &longs(&[0, 1, 2, 500, 50, 5])),
            &["its shape is [2, 3]", "one size a class", "return_counts=True)[1]"],
        ),
    ] {
        write("c.npy", &bytes);
        refused_in(folder.path(), &["solve", "--sizes-file", "c.npy"], needles);
    }
    refused_in(
        folder.path(),
        &["solve", "--sizes-file", "nothing.npy"],
        &["cannot read nothing.npy"],
    );
}

#[test]
fn labels_that_look_like_class_sizes_are_doubted() {
    let folder = folder();
    let write = |bytes: &[u8]| std::fs::write(folder.path().join("y.npy"), bytes).unwrap();
    std::fs::write(folder.path().join("p.toml"), "[classes]\nfile = \"y.npy\"\n").unwrap();
    let long_tail = [5000, 2997, 1796, 1077, 645, 387, 232, 139, 83, 50];
    let floats = npy("<f8", false, "(7,)", &doubles(&COUNTS.map(|n| n as f64)));
    for (bytes, message) in [
        (vector(&COUNTS), "its largest label is 500 and it has 7 elements"),
        (vector(&long_tail), "its largest label is 5000 and it has 10 elements"),
        // The remedy for the type, numpy.unique, would make two classes of them.
        (floats, "its largest label is 500 and it has 7 elements"),
        (vector(&[0, 0, 5, 5]), "its largest label is 5 and it has 4 elements"),
    ] {
        write(&bytes);
        for arguments in [
            &["solve", "--labels", "y.npy"][..],
            &["solve", "p.toml"],
            &["solve", "p.toml", "--singletons", "skip", "--views", "2"],
        ] {
            let needles = ["y.npy: ", message, "--sizes-file", "return_inverse=True)[1]"];
            refused_in(folder.path(), arguments, &needles);
        }
    }
    // Labels that number the classes never are, however few samples there are, nor are those that no class size can be.
    for (labels, expected) in [
        (&[0, 1, 0, 1][..], json!([2, 2])),
        (&[1, 2, 2, 1], json!([2, 2])),
        (&[3, 3, 1, 1, 2, 2], json!([2, 2, 2])),
        (&[0, 0, 4, 4], json!([2, 2])),
    ] {
        write(&vector(labels));
        assert_eq!(sizes(folder.path(), &["--labels", "y.npy"]), expected, "{labels:?}");
        assert_eq!(sizes(folder.path(), &["p.toml"]), expected, "{labels:?}");
    }
}

#[test]
fn one_hot_labels_are_answered_with_argmax() {
    let folder = folder();
    let check = |bytes: &[u8], needles: &[&str]| {
        std::fs::write(folder.path().join("y.npy"), bytes).unwrap();
        let output = ufmin(folder.path(), &["solve", "--labels", "y.npy"]).output().unwrap();
        refusal(&String::from_utf8_lossy(bytes), &output, needles);
        assert!(!String::from_utf8_lossy(&output.stderr).contains("ravel"));
    };
    let rows = [[1, 0, 0], [0, 1, 0], [1, 0, 0], [0, 0, 1], [0, 1, 0]].concat();
    let columns: Vec<u8> = (0..3)
        .flat_map(|j| (0..5).map(move |i| i * 3 + j))
        .map(|at| rows[at])
        .collect();
    let by_row = &["y.npy: its shape is [5, 3]", "one-hot", "labels.argmax(axis=1)"];
    for (descr, width) in [("|u1", 1), ("|b1", 1), ("|i1", 1), ("<i8", 8), ("<i2", 2)] {
        let wide = |cells: &[u8]| -> Vec<u8> {
            cells
                .iter()
                .flat_map(|&cell| u64::from(cell).to_le_bytes()[..width].to_vec())
                .collect()
        };
        check(&npy(descr, false, "(5, 3)", &wide(&rows)), by_row);
        check(&npy(descr, true, "(5, 3)", &wide(&columns)), by_row);
    }
    check(
        &npy(
            "<f8",
            false,
            "(5, 3)",
            &doubles(&rows.iter().map(|&c| f64::from(c)).collect::<Vec<_>>()),
        ),
        by_row,
    );
    let singles: Vec<u8> = rows.iter().flat_map(|&c| f32::from(c).to_le_bytes()).collect();
    check(&npy("<f4", false, "(5, 3)", &singles), by_row);
    // A column a sample.
    check(
        &npy("|u1", true, "(3, 5)", &rows),
        &["[3, 5]", "each column", "labels.argmax(axis=0)"],
    );
    // Other tables: two labels in a row, scores.
    let other = ["one label a sample", "labels[:, 0]", "labels.argmax(axis=1)"];
    check(&npy("|u1", false, "(2, 3)", &[1, 1, 0, 0, 1, 0]), &other);
    check(&npy("<f8", false, "(2, 2)", &doubles(&[0.3, 0.7, 0.9, 0.1])), &other);
    check(
        &npy("|u1", false, "(2, 2, 2)", &[0; 8]),
        &["its shape is [2, 2, 2]", "an array of one dimension"],
    );
}

#[test]
fn names_of_losses_from_elsewhere_are_known() {
    let folder = folder();
    let no_edit = ["did you mean"];
    for (words, needle) in [
        (
            &["dcl", "DCL", "decoupled", "decoupled-contrastive"][..],
            "did you mean `nscl`?",
        ),
        (
            &["supervised-contrastive", "sup-con", "SupConLoss"],
            "did you mean `supcon`?",
        ),
        (&["balanced", "BCL"], "did you mean `bcl`?"),
        (
            &["simclr", "SimCLR", "infonce", "info-nce", "nt-xent", "ntxent"],
            "use supcon with every image a class of its own: sizes of 1 and views = 2",
        ),
        (
            &["ce", "CE", "crossentropy", "softmax"],
            "write `cross-entropy`; it also needs a bound or a ridge of its classifier and of its features",
        ),
    ] {
        for word in words {
            let flag = ufmin(folder.path(), &["solve", "--sizes", "5,5", "--loss", word])
                .output()
                .unwrap();
            let text = format!("[classes]\nsizes = [5, 5]\n[loss]\nkind = \"{word}\"\n");
            std::fs::write(folder.path().join("p.toml"), text).unwrap();
            let file = ufmin(folder.path(), &["solve", "p.toml"]).output().unwrap();
            for output in [flag, file] {
                refusal(word, &output, &[&format!("`{word}` is not one of supcon,"), needle]);
                let stderr = String::from_utf8(output.stderr).unwrap();
                assert!(
                    needle.starts_with(no_edit[0]) || !stderr.contains(no_edit[0]),
                    "{stderr}"
                );
            }
        }
    }
    // What they are pointed at is there.
    let images = json_in(
        folder.path(),
        &["--sizes", "1,1,1,1", "--views", "2", "--loss", "supcon"],
    );
    assert_eq!(images["certificate"]["verdict"], "certified");
    // A few letters in common are no meaning; a letter too many is.
    for (word, needle) in [("mse", "choose one of these"), ("supconn", "did you mean `supcon`?")] {
        refused_in(folder.path(), &["solve", "--sizes", "5,5", "--loss", word], &[needle]);
    }
}

#[test]
fn an_array_error_names_its_remedy_in_the_library_too() {
    let folder = folder();
    let path = folder.path().join("y.npy");
    std::fs::write(&path, vector(&COUNTS)).unwrap();
    let found = ufmin::spec::classes_of_labels(&path);
    let Err(Error::Array { source, .. }) = found else {
        panic!("{found:?}");
    };
    let (samples, largest) = (7, 500);
    assert_eq!(source, ArrayError::LikeCounts { samples, largest });
    assert_eq!(read_counts(&path).unwrap(), COUNTS.map(|n| n as u64));
}
