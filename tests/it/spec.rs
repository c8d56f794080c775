//! The problem file against anything that can be written: nothing panics, every error has a place and a remedy, and the
//! ways of giving class sizes agree.

use std::path::Path;

use proptest::prelude::*;
use toml::Value;
use ufmin::error::Error;
use ufmin::problem::profile::Profile;
use ufmin::problem::{Classes, Problem};
use ufmin::solve::Options;
use ufmin::spec::{
    BatchesTable, ClassesTable, ClassifierTable, Expected, FeaturesTable, LossTable, ProblemFile, SolverTable,
    classes_of_counts, classes_of_labels, cross_entropy, load, locate, parse, resolve,
};

const PATH: &str = "p.toml";

/// As `load`, from a text, with file names relative to nowhere.
fn read(text: &str) -> Result<(Problem, Options), Error> {
    let path = Path::new(PATH);
    let file = parse(path, text)?;
    resolve(&file, Path::new("/nowhere")).map_err(|error| locate(error, path, text))
}

/// What every error has.
fn check_error(text: &str, error: &Error) {
    let message = error.to_string();
    assert!(!message.is_empty() && message.len() < 2000 + text.len(), "{message}");
    assert!(error.hint().is_some_and(|hint| !hint.is_empty()), "{message}");
    if let Some(location) = error.location() {
        assert!(message.starts_with(PATH), "{message}");
        assert!(
            location.span.start <= location.span.end && location.span.end <= text.len(),
            "{location:?}"
        );
        assert!(
            text.is_char_boundary(location.span.start) && text.is_char_boundary(location.span.end),
            "{location:?}"
        );
        assert!(location.line() <= text.matches('\n').count() + 1);
    }
}

fn check(text: &str) -> Option<(Problem, Options)> {
    match read(text) {
        Ok(solved) => Some(solved),
        Err(error) => {
            check_error(text, &error);
            None
        }
    }
}

/// Values of every type, most of them wrong wherever they stand. No whole number is so large that it would be a valid
/// and expensive class count.
fn any_value() -> impl Strategy<Value = Value> {
    let integers = prop::sample::select(vec![i64::MIN, -1, 0, 1, 2, 7, 500, 1 << 53, (1 << 53) + 1, i64::MAX]);
    let floats = prop::sample::select(vec![
        0.0,
        -0.0,
        0.1,
        0.5,
        1.0,
        2.5,
        -1.0,
        1e-300,
        1e300,
        f64::NAN,
        f64::INFINITY,
        f64::NEG_INFINITY,
    ]);
    let words = prop::sample::select(vec![
        "",
        "x",
        "supcon",
        "nce",
        "population",
        "class",
        "skip",
        "step",
        "exponential",
        "conic",
        "7",
        "\u{0}",
        "\u{1b}[31m",
        "\u{416}\u{1f600}",
        "..",
        "a.npy",
    ]);
    let leaf = prop_oneof![
        integers.prop_map(Value::Integer),
        floats.prop_map(Value::Float),
        words.prop_map(|word| Value::String(word.to_owned())),
        any::<bool>().prop_map(Value::Boolean),
        Just(Value::Datetime("1979-05-27T07:32:00Z".parse().unwrap())),
    ];
    leaf.prop_recursive(2, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            prop::collection::btree_map("[a-z]{1,6}", inner, 0..3)
                .prop_map(|table| Value::Table(table.into_iter().collect())),
        ]
    })
}

const KEYS: [(&str, &[&str]); 7] = [
    (
        "classes",
        &[
            "sizes",
            "probabilities",
            "file",
            "profile",
            "count",
            "largest",
            "smallest",
            "majority",
            "minority",
            "ratio",
            "views",
        ],
    ),
    (
        "loss",
        &["kind", "temperature", "anchors", "singletons", "negatives", "offsets"],
    ),
    ("features", &["nonnegative", "dimension", "norm", "energy", "ridge"]),
    ("solver", &["method", "tolerance"]),
    (
        "batches",
        &[
            "kind",
            "size",
            "power",
            "replacement",
            "classes",
            "per_class",
            "members",
            "file",
            "unused",
        ],
    ),
    ("classifier", &["norm", "energy"]),
    (
        "expected",
        &["loss", "excess", "rank", "collapsed", "entries", "tolerance", "source"],
    ),
];

fn all_keys() -> Vec<(&'static str, &'static str)> {
    KEYS.into_iter()
        .flat_map(|(table, keys)| keys.iter().map(move |&key| (table, key)))
        .collect()
}

/// The base problem with some keys set to some values.
fn document(set: &[((&str, &str), Value)]) -> String {
    let mut document = toml::Table::new();
    let mut sizes = toml::Table::new();
    sizes.insert(
        "sizes".to_owned(),
        Value::Array(vec![Value::Integer(5), Value::Integer(3)]),
    );
    document.insert("classes".to_owned(), Value::Table(sizes));
    for ((table, key), value) in set {
        let entry = document
            .entry(*table)
            .or_insert_with(|| Value::Table(toml::Table::new()));
        entry.as_table_mut().unwrap().insert((*key).to_owned(), value.clone());
    }
    toml::to_string(&document).unwrap()
}

fn number(value: &Value) -> Option<f64> {
    value.as_float().or(value.as_integer().map(|n| n as f64))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_read_or_refused(text in "(?s).{0,200}") {
        check(&text);
    }

    #[test]
    fn any_sequence_of_tokens_is_read_or_refused(tokens in prop::collection::vec(prop::sample::select(vec![
        "[classes]", "[loss]", "[[classes]]", "[", "]", "{", "}", "=", ",", ".", "\n", "\n", "\r\n", " ", "\t", "#", "\"", "'",
        "\"\"\"", "sizes", "sizes = [5, 3]", "profile = \"step\"", "temperature", "kind", "views = 2", "5", "0.1", "nan", "-",
        "true", "\u{feff}", "\u{0}", "\u{416}", "\u{1f600}", "\\u001b",
    ]), 0..25)) {
        check(&tokens.concat());
    }

    #[test]
    fn a_damaged_file_is_read_or_refused(at in 0usize..1000, to in any::<char>(), cut in 0usize..1000) {
        let good = "title = \"\u{416}\"\n[classes]\nsizes = [500, 500, 5, 5]\nviews = 2\n[loss]\nkind = \"supcon\"\ntemperature = 0.1\n\
                    [features]\nnonnegative = false\n[solver]\ntolerance = 1e-9\n";
        prop_assert!(check(good).is_some());
        let mut characters: Vec<char> = good.chars().collect();
        let at = at % characters.len();
        characters[at] = to;
        check(&characters.iter().collect::<String>());
        characters.truncate(cut);
        check(&characters.iter().collect::<String>());
    }

    #[test]
    fn any_value_of_any_key_is_read_or_refused(
        set in prop::collection::vec((prop::sample::select(all_keys()), any_value()), 0..3),
        whole in prop::option::of((prop::sample::select(KEYS.map(|(table, _)| table).to_vec()), any_value())),
    ) {
        check(&document(&set));
        // And in place of a whole table.
        if let Some((table, value)) = whole {
            let mut document: toml::Table = document(&set).parse().unwrap();
            document.insert(table.to_owned(), value);
            check(&toml::to_string(&document).unwrap());
        }
    }

    #[test]
    fn numbers_are_accepted_in_their_range_only(value in any_value()) {
        let accepted = |table, key| check(&document(&[((table, key), value.clone())])).is_some();
        let temperature = number(&value).is_some_and(|tau| (1e-4..=1e4).contains(&tau));
        prop_assert_eq!(accepted("loss", "temperature"), temperature);
        let tolerance = number(&value).is_some_and(|gap| gap > 0.0 && gap < 1.0);
        prop_assert_eq!(accepted("solver", "tolerance"), tolerance);
        let views = value.as_integer().is_some_and(|n| n >= 1 && 5 * i128::from(n) <= 1 << 53);
        prop_assert_eq!(accepted("classes", "views"), views);
        prop_assert_eq!(accepted("features", "dimension"), value.as_integer().is_some_and(|n| n >= 1));
        prop_assert_eq!(accepted("features", "nonnegative"), value.is_bool());
        let sizes = Value::Array(vec![value.clone(), Value::Integer(2)]);
        let size = value.as_integer().is_some_and(|n| (2..=1 << 53).contains(&n));
        prop_assert_eq!(check(&document(&[(("classes", "sizes"), sizes)])).is_some(), size);
    }
}

#[test]
fn later_keys_are_refused_whatever_their_value() {
    for text in [
        "[loss]\noffsets = \"d.npy\"",
        "[features]\nnorm = 1.0",
        "[features]\nenergy = 1.0",
        "[features]\nridge = 1.0",
        "[classifier]",
    ] {
        let error = read(&format!("[classes]\nsizes = [5, 5]\n{text}\n")).unwrap_err();
        assert!(error.to_string().contains("not available"), "{error}");
    }
}

// The ways of giving class sizes.

/// A `.npy` file of labels in which class c occurs `counts[c]` times, in a mixed order.
fn labels(counts: &[u64]) -> Vec<u8> {
    let mut labels: Vec<i64> = counts
        .iter()
        .enumerate()
        .flat_map(|(class, &count)| vec![class as i64; count as usize])
        .collect();
    let n = labels.len();
    for i in 0..n {
        labels.swap(i, (i * 7919 + 13) % n);
    }
    let mut header = format!("{{'descr': '<i8', 'fortran_order': False, 'shape': ({n},), }}");
    header.push_str(&" ".repeat(63 - (header.len() + 10) % 64));
    header.push('\n');
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.extend(labels.into_iter().flat_map(i64::to_le_bytes));
    bytes
}

fn profile() -> impl Strategy<Value = (Profile, String)> {
    let ratio = || (10u64..300).prop_map(|tenths| tenths as f64 / 10.0);
    let step = (1u64..5, 1u64..5, 1u64..9, 1u64..20).prop_map(|(majority, minority, smallest, ratio)| {
        let ratio = ratio as f64;
        let text = format!(
            "profile = \"step\"\nmajority = {majority}\nminority = {minority}\nsmallest = {smallest}\nratio = {ratio}\n"
        );
        (
            Profile::Step {
                majority,
                minority,
                smallest,
                ratio,
            },
            text,
        )
    });
    let exponential = (2u64..30, 30u64..400, ratio()).prop_map(|(count, largest, ratio)| {
        let text = format!("profile = \"exponential\"\ncount = {count}\nlargest = {largest}\nratio = {ratio}\n");
        (Profile::Exponential { count, largest, ratio }, text)
    });
    let pareto = (2u64..30, 30u64..400, ratio()).prop_map(|(count, largest, ratio)| {
        let text = format!("profile = \"pareto\"\ncount = {count}\nlargest = {largest}\nratio = {ratio}\n");
        (Profile::Pareto { count, largest, ratio }, text)
    });
    prop_oneof![step, exponential, pareto]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn profiles_lists_counts_and_labels_agree((profile, text) in profile()) {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, bytes: &[u8]| {
            let path = folder.path().join(name);
            std::fs::write(&path, bytes).unwrap();
            path
        };
        let classes = Classes::from_runs(profile.runs().unwrap()).unwrap();
        let counts: Vec<u64> = classes.sizes().map(|size| size as u64).collect();
        let lines: Vec<String> = counts.iter().map(u64::to_string).collect();
        let counts_file = write("c.txt", lines.join("\n").as_bytes());
        let labels_file = write("y.npy", &labels(&counts));
        prop_assert_eq!(&Classes::from_counts(&counts).unwrap(), &classes);
        prop_assert_eq!(&classes_of_counts(&counts_file).unwrap(), &classes);
        let of_labels = classes_of_labels(&labels_file).unwrap();
        prop_assert_eq!(of_labels.runs(), classes.runs());
        prop_assert_eq!(of_labels.labels().map(<[_]>::len), Some(counts.len()));
        // The same through problem files.
        for source in [
            text,
            format!("sizes = [{}]\n", lines.join(", ")),
            "file = \"c.txt\"\n".to_owned(),
            "file = \"y.npy\"\n".to_owned(),
        ] {
            let path = write("p.toml", format!("[loss]\nsingletons = \"skip\"\n[classes]\n{source}").as_bytes());
            match load(&path) {
                Ok((problem, _, _)) => prop_assert_eq!(problem.classes().runs(), classes.runs()),
                // Every class of one sample: no way of giving that is accepted.
                Err(error) => {
                    prop_assert!(counts.iter().all(|&count| count == 1), "{}", error);
                    prop_assert!(error.to_string().contains("every class has 1 sample"), "{}", error);
                }
            }
        }
    }
}

#[test]
fn profiles_of_large_classes_are_exact() {
    // The first class has the largest size, also where a relative tolerance would be above 1.
    for largest in [5_000_000_000_001u64, (1 << 53) - 1] {
        let profile = Profile::Exponential {
            count: 3,
            largest,
            ratio: 4.0,
        };
        assert_eq!(profile.runs().unwrap()[0].size, largest as f64);
    }
    let step = |smallest, ratio| Profile::Step {
        majority: 1,
        minority: 1,
        smallest,
        ratio,
    };
    // 2.3 is not exact in binary, 23 is meant.
    assert_eq!(step(10, 2.3).runs().unwrap()[0].size, 23.0);
    assert!(step(10_000_000_000, 1.000_000_000_05).runs().is_err());
    assert!(step((1 << 53) + 1, 1.0).runs().is_err());
}

// Round trip.

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z\"'#\\\\ ]{0,12}",
        prop::sample::select(vec![
            String::new(),
            "\u{416}\u{1f600}\n\t\u{1b}".to_owned(),
            "true".to_owned()
        ])
    ]
}

fn float() -> impl Strategy<Value = f64> {
    prop_oneof![
        any::<f64>().prop_filter("NaN is not equal to itself", |x| !x.is_nan()),
        Just(0.1),
        Just(f64::INFINITY)
    ]
}

fn classes_table() -> impl Strategy<Value = ClassesTable> {
    let o = prop::option::of::<BoxedStrategy<i64>>;
    let i = || o(any::<i64>().boxed());
    (
        prop::option::of(prop::collection::vec(
            prop_oneof![
                any::<i64>().prop_map(Value::Integer),
                text().prop_map(Value::String),
                float().prop_map(Value::Float)
            ],
            0..5,
        )),
        prop::option::of(prop::collection::vec(float(), 0..4)),
        (
            prop::option::of(text()),
            prop::option::of(text()),
            prop::option::of(text()),
        ),
        (
            prop::option::of(text()),
            prop::option::of(text()),
            prop::option::of(text()),
        ),
        (
            prop::option::of(any::<i64>().prop_map(Value::Integer)),
            prop::option::of(any::<bool>()),
            prop::option::of(any::<bool>()),
        ),
        (i(), i(), i(), i(), i(), i()),
        prop::option::of(float()),
    )
        .prop_map(
            |(
                sizes,
                probabilities,
                (file, counts, labels),
                (profile, column, key),
                (ignore_label, drop_empty, normalise),
                (count, largest, smallest, majority, minority, views),
                ratio,
            )| {
                ClassesTable {
                    order: None,
                    sizes,
                    probabilities,
                    file: file.map(Into::into),
                    counts: counts.map(Into::into),
                    labels: labels.map(Into::into),
                    column,
                    key,
                    ignore_label,
                    drop_empty,
                    normalise,
                    profile,
                    read: None,
                    count,
                    largest,
                    smallest,
                    majority,
                    minority,
                    ratio,
                    views,
                }
            },
        )
}

fn problem_file() -> impl Strategy<Value = ProblemFile> {
    let loss = (
        prop::option::of(text()),
        prop::option::of(float()),
        prop::option::of(text()),
        prop::option::of(text()),
        prop::option::of(any::<i64>()),
        prop::option::of(float()),
        prop::option::of(text()),
        prop::option::of(text()),
    )
        .prop_map(
            |(kind, temperature, anchors, singletons, negatives, scale, reduction, offsets)| LossTable {
                kind,
                temperature,
                anchors,
                singletons,
                negatives,
                scale,
                reduction,
                offsets: offsets.map(Into::into),
            },
        );
    let features = (
        prop::option::of(any::<bool>()),
        prop::option::of(any::<i64>()),
        prop::option::of(float()),
        prop::option::of(float()),
        prop::option::of(float()),
    )
        .prop_map(|(nonnegative, dimension, norm, energy, ridge)| FeaturesTable {
            nonnegative,
            dimension,
            norm,
            energy,
            ridge,
        });
    let expected = (
        prop::option::of(float()),
        prop::option::of(0u64..1 << 60),
        prop::option::of(prop::collection::vec(prop::collection::vec(0u64..9, 0..3), 0..3)),
        prop::option::of(prop::collection::vec((0u64..9, 0u64..9, float()), 0..3)),
        prop::option::of(text()),
    )
        .prop_map(|(loss, rank, collapsed, entries, source)| Expected {
            loss,
            rank,
            collapsed,
            entries,
            source,
            ..Expected::default()
        });
    let table = (
        prop::option::of(float()),
        prop::option::of(float()),
        prop::option::of(float()),
        prop::option::of(float()),
    )
        .prop_map(|(norm, energy, frobenius, ridge)| ClassifierTable {
            norm,
            energy,
            frobenius,
            ridge,
        });
    (
        prop::option::of(text()),
        classes_table(),
        loss,
        features,
        prop::option::of(table),
        prop::option::of(
            (
                prop::option::of(text()),
                prop::option::of(any::<i64>()),
                prop::option::of(prop::collection::vec(prop::collection::vec(any::<i64>(), 0..3), 0..3)),
                prop::option::of(text()),
                prop::option::of(text()),
            )
                .prop_map(|(kind, size, members, file, unused)| BatchesTable {
                    examples: None,
                    kind,
                    size,
                    power: None,
                    replacement: None,
                    classes: None,
                    per_class: None,
                    members,
                    file: file.map(Into::into),
                    unused,
                }),
        ),
        (prop::option::of(text()), prop::option::of(float())),
        prop::option::of(expected),
    )
        .prop_map(
            |(title, classes, loss, features, classifier, batches, (method, tolerance), expected)| ProblemFile {
                title,
                classes,
                loss,
                features,
                classifier,
                batches,
                solver: SolverTable { method, tolerance },
                expected,
            },
        )
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_problem_file_survives_being_written(file in problem_file()) {
        let text = toml::to_string(&file).unwrap();
        let back = parse(Path::new(PATH), &text);
        prop_assert!(back.is_ok(), "{}\n{}", back.unwrap_err(), text);
        prop_assert_eq!(back.unwrap(), file, "{}", text);
        check(&text);
    }
}

#[test]
fn problem_files_of_the_repository_survive_being_written() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/problems");
    let mut seen = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "toml") {
            continue;
        }
        let file = parse(&path, &std::fs::read_to_string(&path).unwrap()).unwrap();
        let text = toml::to_string(&file).unwrap();
        let back = parse(&path, &text).unwrap();
        assert_eq!(back, file, "{}", path.display());
        seen += 1;
        if let Some(of_file) = cross_entropy(&file, Path::new(folder)).unwrap() {
            assert_eq!(cross_entropy(&back, Path::new(folder)).unwrap(), Some(of_file));
            continue;
        }
        let (problem, options, _) = load(&path).unwrap();
        assert_eq!(resolve(&back, Path::new(folder)).unwrap(), (problem, options));
    }
    assert!(seen >= 12, "{seen} files");
}
