use super::*;

/// A file of some version with no data.
fn file((major, minor): (u8, u8), text: &[u8]) -> Vec<u8> {
    let mut bytes = b"\x93NUMPY".to_vec();
    bytes.extend([major, minor]);
    match major {
        1 => bytes.extend((text.len() as u16).to_le_bytes()),
        _ => bytes.extend((text.len() as u32).to_le_bytes()),
    }
    bytes.extend(text);
    bytes
}

fn read(text: &str) -> Result<Header, String> {
    parse(&file((1, 0), text.as_bytes()))
}

fn shape(text: &str) -> Result<Vec<u64>, String> {
    read(&format!(
        "{{'descr': '<i8', 'fortran_order': False, 'shape': {text}, }}"
    ))
    .map(|header| header.shape)
}

#[test]
fn what_numpy_writes_and_reads_is_read() {
    let expected = Header {
        element: Ok(Element {
            kind: NumberKind::Signed,
            width: 8,
            big_endian: false,
        }),
        fortran_order: true,
        shape: vec![3, 2],
        end: 0,
    };
    for text in [
        "{'descr': '<i8', 'fortran_order': True, 'shape': (3, 2), }          \n",
        "{'shape': (3, 2), 'fortran_order': True, 'descr': '<i8'}",
        "{\"fortran_order\":True,\"shape\":(3,2,),\"descr\":\"<i8\"}",
        " \t\n{ 'descr' :\n'<i8' ,'shape' : ( 3 , 2 , ) , 'fortran_order' : (True) } \n\n",
        "{'descr': '<i8', 'fortran_order': True, 'shape': (3L, 2L), }",
    ] {
        let found = read(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(
            found,
            Header {
                end: text.len() + 10,
                ..expected.clone()
            }
        );
    }
    for (text, lengths) in [
        ("()", &[][..]),
        ("(7,)", &[7]),
        ("(0,)", &[0]),
        ("(00, 3)", &[0, 3]),
        ("(1, 2, 3, 4)", &[1, 2, 3, 4]),
        ("(18446744073709551615,)", &[u64::MAX]),
    ] {
        assert_eq!(shape(text).as_deref(), Ok(lengths), "{text}");
    }
    // Versions differ in the width of the length and in the encoding.
    let latin = b"{'descr': [('\xe9', '<i4')], 'fortran_order': False, 'shape': (2,)}";
    let utf8 = "{'descr': [('\u{e9}', '<i4')], 'fortran_order': False, 'shape': (2,)}".as_bytes();
    for (version, text) in [((1, 0), &latin[..]), ((2, 0), latin), ((3, 0), utf8)] {
        let header = parse(&file(version, text)).expect("a good header");
        assert_eq!(header.element, Err("a structured type".to_owned()));
        assert_eq!(header.shape, [2]);
    }
    assert!(parse(&file((3, 0), latin)).is_err());
}

#[test]
fn a_header_has_each_key_once_and_no_other() {
    let keys = ["'descr': '<i8'", "'fortran_order': False", "'shape': (10,)"];
    for (i, key) in keys.into_iter().enumerate() {
        let name = key.split('\'').nth(1).expect("a name");
        let twice = format!("{{{}, {}, {}, {key}}}", keys[0], keys[1], keys[2]);
        assert_eq!(read(&twice), Err(format!("the key `{name}` is given more than once")));
        let rest: Vec<&str> = keys.into_iter().filter(|&other| other != key).collect();
        let missing = format!("{{{}}}", rest.join(", "));
        assert_eq!(read(&missing), Err(format!("the key `{name}` is missing")));
        let mut renamed = keys.map(str::to_owned);
        renamed[i] = key.replace(name, &format!("{name} "));
        let unknown = format!("the key `{name} ` is unknown");
        assert_eq!(read(&format!("{{{}}}", renamed.join(", "))), Err(unknown));
    }
    // A second meaning is refused wherever it stands, also if both agree or the values are wrong.
    for text in [
        "{'shape': (2,), 'descr': '<i8', 'fortran_order': False, 'shape': (10,), }",
        "{'descr': '<i8', 'fortran_order': False, 'shape': (10,), \"shape\": (10,), }",
        "{'descr': '<i8', 'fortran_order': False, 'shape': (10,), 'shape': None, }",
    ] {
        assert!(
            read(text).is_err_and(|error| error.contains("`shape` is given more")),
            "{text}"
        );
    }
    let extra = "{'descr': '<i8', 'fortran_order': False, 'shape': (10,), 'order': 1}";
    assert_eq!(read(extra), Err("the key `order` is unknown".to_owned()));
    assert_eq!(read("{}"), Err("the key `descr` is missing".to_owned()));
    // A key in a string is no key.
    let inside = "{'descr': '<i8', 'fortran_order': False, 'sha\\'pe': (2,), 'shape': (10,)}";
    assert!(read(inside).is_err_and(|error| error.contains("unknown")));
    let name = "{'descr': [('\\'shape\\': (2,)', '<i8')], 'fortran_order': False, 'shape': (10,)}";
    assert_eq!(read(name).map(|header| header.shape), Ok(vec![10]));
}

#[test]
fn shapes_are_tuples_of_whole_numbers() {
    for text in [
        "10",
        "(10)",
        "[10]",
        "[10,]",
        "(-1,)",
        "(+1,)",
        "(1.0,)",
        "(1e3,)",
        "(0x10,)",
        "(1_0,)",
        "(010,)",
        "('10',)",
        "(True,)",
        "(None,)",
        "((10,),)",
        "(10, (2,))",
        "'(10,)'",
        "None",
        "(18446744073709551616,)",
        "(10LL,)",
        "(L,)",
        "(2, nan)",
        "(1 0,)",
    ] {
        assert!(shape(text).is_err(), "{text}");
    }
    for text in [
        "", "(", "(10", "(10,", "(10,]", "(,)", "(10,,)", "(10;)", "10,)", "(10,))", "(10,)(", "{}", "(10,) 5",
    ] {
        assert!(shape(text).is_err(), "{text}");
    }
    let long = b"{'descr': '<i8', 'fortran_order': False, 'shape': (3L,), }";
    assert!(parse(&file((2, 0), long)).is_ok() && parse(&file((3, 0), long)).is_err());
    assert_eq!(
        shape("(3.0,)"),
        Err("`shape` is (3.0,), and a tuple of lengths is needed".to_owned())
    );
}

#[test]
fn the_order_is_true_or_false() {
    for word in ["true", "1", "0", "None", "'True'", "(True,)", "not True", "Truee", ""] {
        let text = format!("{{'descr': '<i8', 'fortran_order': {word}, 'shape': (2,), }}");
        assert!(read(&text).is_err(), "{word}");
    }
}

#[test]
fn types_are_those_with_a_byte_order() {
    let element = |descr: &str| {
        read(&format!(
            "{{'descr': {descr}, 'fortran_order': False, 'shape': (2,), }}"
        ))
        .map(|header| header.element)
    };
    let plain = |kind, width, big_endian| {
        Ok(Ok(Element {
            kind,
            width,
            big_endian,
        }))
    };
    assert_eq!(element("'|b1'"), plain(NumberKind::Bool, 1, false));
    assert_eq!(element("'|i1'"), plain(NumberKind::Signed, 1, false));
    assert_eq!(element("'>u4'"), plain(NumberKind::Unsigned, 4, true));
    assert_eq!(element("'<f4'"), plain(NumberKind::Float, 4, false));
    for other in [
        "|i8", "i8", "=i8", "<f1", "<f16", "<i16", "<i3", "<i08", "<i+8", "<c16", "<U1", "|O", "|b8", "<b2", "",
        "\u{e9}",
    ] {
        let found = element(&format!("'{other}'"));
        assert!(
            matches!(&found, Ok(Err(name)) if name.chars().count() <= 4),
            "{other}: {found:?}"
        );
    }
    for structured in ["[('a', '<i4'), ('b', '<f8', (2,))]", "('<i4', (2, 2))", "[]"] {
        assert_eq!(element(structured), Ok(Err("a structured type".to_owned())));
    }
    for wrong in ["None", "8", "<i8", "'<i8", "'<i8\n'", "'<i8' '<i8'"] {
        assert!(element(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn what_is_not_a_header_is_refused() {
    let good = b"{'descr': '<i8', 'fortran_order': False, 'shape': (2,), }";
    for version in [(0, 0), (1, 1), (2, 1), (4, 0), (9, 0), (255, 255)] {
        let error = parse(&file(version, good)).expect_err("no such version");
        assert!(
            error.contains(&format!("version {}.{}", version.0, version.1)),
            "{error}"
        );
    }
    for text in [
        "",
        " ",
        "\0",
        "[]",
        "5",
        "'shape'",
        "{",
        "{'shape'",
        "{'shape':",
        "{shape: (2,)}",
        "{,}",
        "{'a': 1,, }",
    ] {
        assert!(read(text).is_err(), "{text}");
    }
    let good = std::str::from_utf8(good).expect("ASCII");
    for end in ["}", "x", "\0", ", ", "# more", "{'shape': (9,)}"] {
        assert!(read(&format!("{good}{end}")).is_err(), "{end}");
    }
    for depth in [10_000, 60_000] {
        let text = format!("{{'descr': {}", "(".repeat(depth));
        assert_eq!(read(&text), Err("its brackets are nested too deeply".to_owned()));
    }
    let whole = file((1, 0), good.as_bytes());
    assert!(parse(&whole).is_ok());
    for cut in 0..whole.len() {
        assert!(parse(&whole[..cut]).is_err(), "{cut}");
    }
    assert!(parse(b"\x93NUMPY\x02\x00\xff\xff\xff\xff{}").is_err());
}

#[test]
fn elements_are_counted_without_overflow() {
    let count = |text: &str| {
        let header = read(&format!(
            "{{'descr': '<i8', 'fortran_order': False, 'shape': {text}, }}"
        ));
        header.expect("a good header").elements()
    };
    assert_eq!(count("()"), Some(1));
    assert_eq!(count("(3, 5)"), Some(15));
    assert_eq!(count("(4294967296, 4294967296)"), None);
    assert_eq!(count("(4294967296, 4294967296, 0)"), Some(0));
    assert_eq!(count("(4294967296, 4294967295)"), Some(u64::MAX - u64::from(u32::MAX)));
}
