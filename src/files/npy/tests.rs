use super::*;
use proptest::prelude::*;

fn file(header: &str, data: &[u8]) -> Vec<u8> {
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.extend(data);
    bytes
}

fn header(descr: &str, shape: &str) -> String {
    format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}\n")
}

fn integers(descr: &str, data: &[u8]) -> Vec<i128> {
    let file = file(&header(descr, "(2,)"), data);
    let raw = Raw::parse(&file, Contents::Labels).expect("a good file");
    raw.numbers().map(|n| n.whole().expect("an integer")).collect()
}

fn doubles(values: &[f64]) -> Vec<u8> {
    values.iter().flat_map(|v| v.to_le_bytes()).collect()
}

fn longs(values: &[i64]) -> Vec<u8> {
    values.iter().flat_map(|v| v.to_le_bytes()).collect()
}

/// Labels that are numbers, doubted as by the reader of files.
fn labels(bytes: &[u8]) -> Result<Vec<i128>, ArrayError> {
    let labels = super::labels_of(bytes)?;
    let numbers: Vec<i128> = labels.iter().filter_map(Label::number).collect();
    like_counts(
        labels.len() as u64,
        numbers.iter().min().copied(),
        numbers.iter().max().copied(),
    )?;
    Ok(numbers)
}

fn counts(bytes: &[u8]) -> Result<Vec<u64>, ArrayError> {
    whole_numbers(bytes, false)
}

fn labels_of(values: &[i64]) -> Result<Vec<i128>, ArrayError> {
    labels(&file(&header("<i8", &format!("({},)", values.len())), &longs(values)))
}

#[test]
fn every_integer_type_and_byte_order_is_read() {
    assert_eq!(integers("|i1", &[0xff, 3]), [-1, 3]);
    assert_eq!(integers("|u1", &[0xff, 3]), [255, 3]);
    // NumPy takes every byte but 0 for True.
    assert_eq!(integers("|b1", &[2, 0]), [1, 0]);
    assert_eq!(integers("<i2", &[0xfe, 0xff, 1, 2]), [-2, 513]);
    assert_eq!(integers(">i2", &[0xff, 0xfe, 2, 1]), [-2, 513]);
    assert_eq!(integers(">u4", &[0, 0, 1, 0, 255, 255, 255, 255]), [256, 4_294_967_295]);
    let mut wide = u64::MAX.to_le_bytes().to_vec();
    wide.extend(7u64.to_le_bytes());
    assert_eq!(integers("<u8", &wide), [i128::from(u64::MAX), 7]);
    assert_eq!(integers("<i8", &wide), [-1, 7]);
}

#[test]
fn matrices_round_trip_and_both_orders_mean_the_same() {
    let matrix = DMatrix::from_fn(3, 2, |i, j| i as f64 + 10.0 * j as f64);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("m.npy");
    std::fs::write(&path, matrix_bytes(&matrix)).expect("written");
    assert_eq!(read_matrix(&path).expect("read"), matrix);
    let row_major = doubles(&[0.0, 10.0, 1.0, 11.0, 2.0, 12.0]);
    std::fs::write(&path, file(&header("<f8", "(3, 2)"), &row_major)).expect("written");
    assert_eq!(read_matrix(&path).expect("read"), matrix);
}

#[test]
fn the_data_are_as_long_as_the_header_says() {
    let parse = |shape: &str, length: usize| {
        Raw::parse(&file(&header("<i8", shape), &vec![0; length]), Contents::Labels).map(|raw| raw.data.len())
    };
    assert_eq!(parse("(8,)", 64), Ok(64));
    assert_eq!(parse("()", 8), Ok(8));
    assert_eq!(parse("(3, 0)", 0), Ok(0));
    for (shape, expected) in [("(9,)", 72), ("(1000000000000,)", 8_000_000_000_000)] {
        let found = 64;
        assert_eq!(parse(shape, 64), Err(ArrayError::Truncated { expected, found }));
    }
    assert_eq!(
        parse("(2,)", 64),
        Err(ArrayError::Trailing {
            expected: 16,
            extra: 48
        })
    );
    for shape in [
        "(4294967296, 4294967296, 4294967296)",
        "(2305843009213693952,)",
        "(9223372036854775807,)",
    ] {
        assert!(
            matches!(parse(shape, 64), Err(ArrayError::Header { detail }) if detail.contains("too large")),
            "{shape}"
        );
    }
}

#[test]
fn labels_that_look_like_class_sizes_are_doubted() {
    let doubted = |samples, largest| Err(ArrayError::LikeCounts { samples, largest });
    assert_eq!(labels_of(&[500, 500, 500, 50, 50, 50, 50]), doubted(7, 500));
    assert_eq!(labels_of(&[0, 4, 4]), doubted(3, 4));
    assert_eq!(labels_of(&[i64::MAX]), doubted(1, i64::MAX.into()));
    // Labels from 0 or from 1, and what no class size is.
    for good in [
        &[0, 0, 1, 1][..],
        &[1, 1, 2, 2],
        &[3, 2, 1],
        &[0],
        &[1],
        &[-1, 500],
        &[-500, -500],
    ] {
        let expected: Vec<i128> = good.iter().map(|&n| n.into()).collect();
        assert_eq!(labels_of(good), Ok(expected));
    }
    // As floats they are doubted too.
    let floats = |values: &[f64]| labels(&file(&header("<f8", &format!("({},)", values.len())), &doubles(values)));
    assert_eq!(floats(&[500.0, 50.0, 50.0]), doubted(3, 500));
    assert_eq!(floats(&[0.0, 1.0, 1.0]), Ok(vec![0, 1, 1]));
    for other in [
        &[70.0, 0.5][..],
        &[70.0, f64::NAN],
        &[1.0, f64::INFINITY],
        &[1.0, 1e300],
    ] {
        let found = floats(other);
        assert!(
            matches!(found, Err(ArrayError::Label { index: 1, .. })),
            "{other:?}: {found:?}"
        );
    }
    // 2049 in half precision is another number.
    let half = [0u8, 0x3c, 1, 0x68];
    assert!(matches!(
        labels(&file(&header("<f2", "(2,)"), &half)),
        Err(ArrayError::Label { index: 1, .. })
    ));
}

#[test]
fn labels_of_text_are_read_in_both_byte_orders() {
    let units = |text: &[&str], width: usize, encode: fn(u32) -> [u8; 4]| -> Vec<u8> {
        let padded = text.iter().flat_map(|word| {
            let padding = std::iter::repeat_n('\0', width - word.chars().count());
            word.chars().chain(padding).collect::<Vec<char>>()
        });
        padded.flat_map(|c| encode(u32::from(c))).collect()
    };
    let words = ["cat", "b\u{e4}r", "ox"];
    let expected: Vec<Label> = words.iter().map(|&word| Label::Text(word.to_owned())).collect();
    let little = file(&header("<U3", "(3,)"), &units(&words, 3, u32::to_le_bytes));
    let big = file(&header(">U3", "(3,)"), &units(&words, 3, u32::to_be_bytes));
    assert_eq!(super::labels_of(&little), Ok(expected.clone()));
    assert_eq!(super::labels_of(&big), Ok(expected));
    let bytes = file(&header("|S3", "(2,)"), b"catox\0");
    assert_eq!(
        super::labels_of(&bytes),
        Ok(["cat", "ox"].map(|word| Label::Text(word.to_owned())).to_vec())
    );
    for (descr, shape, data) in [
        ("<U3", "(2, 2)", vec![65; 48]),
        ("<U3", "(2,)", vec![65; 12]),
        ("<U1", "(2,)", vec![0; 8]),
        ("<U1", "(1,)", vec![0, 0xd8, 0, 0]),
        ("|S1", "(1,)", vec![0xff]),
        ("<U0", "(1,)", vec![]),
        ("<U99999999999", "(1,)", vec![65; 4]),
        ("|O", "(1,)", vec![65; 8]),
    ] {
        assert!(
            super::labels_of(&file(&header(descr, shape), &data)).is_err(),
            "{descr} {shape}"
        );
    }
}

#[test]
fn one_hot_rows_and_columns_are_told_from_other_tables() {
    let axis = |order: &str, shape: [usize; 2], data: &[u8]| {
        let text = format!(
            "{{'descr': '|u1', 'fortran_order': {order}, 'shape': ({}, {}), }}\n",
            shape[0], shape[1]
        );
        match labels(&file(&text, data)) {
            Err(ArrayError::OneHot { axis, found }) => {
                assert_eq!(found, shape.map(|n| n as u64));
                Some(axis)
            }
            Err(ArrayError::Shape { .. }) => None,
            other => panic!("{other:?}"),
        }
    };
    let rows = [1, 0, 0, 1, 1, 0];
    assert_eq!(axis("False", [3, 2], &rows), Some(1));
    assert_eq!(axis("True", [2, 3], &rows), Some(0));
    assert_eq!(axis("False", [2, 3], &rows), None);
    assert_eq!(axis("True", [3, 2], &rows), None);
    assert_eq!(axis("True", [3, 2], &[1, 0, 1, 0, 1, 0]), Some(1));
    // A permutation is read by rows.
    assert_eq!(axis("False", [2, 2], &[0, 1, 1, 0]), Some(1));
    for other in [
        [1, 0, 0, 1, 1, 1],
        [1, 0, 0, 1, 0, 0],
        [2, 0, 0, 1, 1, 0],
        [1, 0, 0, 1, 255, 0],
    ] {
        assert_eq!(axis("False", [3, 2], &other), None);
    }
    for (descr, one) in [
        ("<f8", doubles(&[1.0])),
        ("<f4", 1f32.to_le_bytes().to_vec()),
        ("|b1", vec![1]),
    ] {
        let zero = vec![0; one.len()];
        let data = [&one, &zero, &zero, &one].map(Vec::as_slice).concat();
        assert!(matches!(
            labels(&file(&header(descr, "(2, 2)"), &data)),
            Err(ArrayError::OneHot { axis: 1, .. })
        ));
    }
}

#[test]
fn class_sizes_are_whole_positive_and_exact() {
    let read = |descr: &str, data: &[u8], width: usize| {
        counts(&file(&header(descr, &format!("({},)", data.len() / width)), data))
    };
    assert_eq!(read("<i8", &longs(&[500, 1, 1 << 53]), 8), Ok(vec![500, 1, 1 << 53]));
    assert_eq!(read("<f8", &doubles(&[500.0, 7.0]), 8), Ok(vec![500, 7]));
    let single: Vec<u8> = [5f32, 16_777_216.0].iter().flat_map(|v| v.to_le_bytes()).collect();
    assert_eq!(read("<f4", &single, 4), Ok(vec![5, 1 << 24]));
    let refused = |class, value: &str, most| {
        let value = value.to_owned();
        Err(ArrayError::Count { class, value, most })
    };
    assert_eq!(read("<i8", &longs(&[500, 0]), 8), refused(1, "0", 1 << 53));
    assert_eq!(read("<i8", &longs(&[-3, 5]), 8), refused(0, "-3", 1 << 53));
    assert_eq!(
        read("<i8", &longs(&[5, (1 << 53) + 1]), 8),
        refused(1, "9007199254740993", 1 << 53)
    );
    for (value, text) in [
        (0.5, "0.5"),
        (f64::NAN, "NaN"),
        (1e300, "1e300"),
        (-1.0, "-1"),
        (f64::INFINITY, "inf"),
    ] {
        assert_eq!(read("<f8", &doubles(&[5.0, 4.0, value]), 8), refused(2, text, 1 << 53));
    }
    // The next number of single precision: it may be 16777217 that was rounded.
    let single = 16_777_218f32.to_le_bytes();
    assert_eq!(read("<f4", &single, 4), refused(0, "16777218", 1 << 24));
    assert!(matches!(read("|b1", &[1, 1], 1), Err(ArrayError::Type { .. })));
    assert!(matches!(
        counts(&file(&header("<i8", "(2, 2)"), &longs(&[0, 1, 500, 50]))),
        Err(ArrayError::Shape { .. })
    ));
    assert_eq!(counts(&file(&header("<i8", "(0,)"), &[])), Err(ArrayError::Empty));
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(mut bytes in proptest::collection::vec(any::<u8>(), 0..200), cut in 0usize..150, flip in any::<(usize, u8)>()) {
        let read = |bytes: &[u8]| {
            let _ = (labels(bytes), counts(bytes), matrix(bytes));
        };
        read(&bytes);
        bytes.splice(0..0, *b"\x93NUMPY\x01\x00");
        read(&bytes);
        let mut good = file(&header("<i8", "(3,)"), &[7; 24]);
        let at = flip.0 % good.len();
        good[at] ^= flip.1;
        read(&good);
        good.truncate(cut);
        read(&good);
    }

    /// Headers of likely and unlikely parts: what is read has the one shape that the header tells, and all data.
    #[test]
    fn what_is_read_is_what_the_header_says(
        parts in proptest::collection::vec(prop::sample::select(vec![
            "'descr': '<i8'", "'fortran_order': False", "'fortran_order': True", "'shape': (2, 2)", "'shape': (4,)",
            "'shape': (2,)", "'shape': (1, 4)", "\"shape\": (4,)", "'shape': ()", "'shape': (0,)", "'shape': (-4,)",
            "'shape' : ( 4 , )", "'shape': (4)", "'shape': (4.0,)", "'x': 1",
        ]), 2..5),
        close in prop::sample::select(vec!["}", ", }", ", }   \n", "", "} ,", "\n}\n"]),
    ) {
        let text = format!("{{{}{close}", parts.join(", "));
        let data = longs(&[1, 0, 3, 2]);
        let bytes = file(&text, &data);
        let shapes: Vec<&&str> = parts.iter().filter(|part| part.contains("shape")).collect();
        let once = |key: &str| parts.iter().filter(|part| part.contains(key)).count() == 1;
        if let Ok(raw) = Raw::parse(&bytes, Contents::Matrix) {
            prop_assert!(once("descr") && once("fortran") && shapes.len() == 1 && parts.len() == 3, "{}", text);
            prop_assert_eq!(raw.shape.iter().product::<u64>(), 4);
            prop_assert_eq!(raw.data, &data[..]);
        } else {
            let good = once("descr") && once("fortran") && parts.len() == 3 && !close.is_empty() && !close.ends_with(',')
                && matches!(shapes[..], [shape] if ["(2, 2)", "(4,)", "(1, 4)", "( 4 , )"].iter().any(|s| shape.ends_with(s)));
            prop_assert!(!good, "{}", text);
        }
        // No reader panics, and a vector is read whole.
        let _ = (counts(&bytes), matrix(&bytes));
        if let Ok(labels) = labels(&bytes) {
            prop_assert_eq!(labels, [1, 0, 3, 2]);
        }
    }
}
