//! Files of class sizes and labels as their owners have them: each is read as what it is, or refused with its format and a
//! remedy. Those of tests/data are in the table of formats of the book.

use std::path::Path;

use proptest::prelude::*;
use serde_json::{Value, json};
use ufmin::files::counts::{Choice, Counts};
use ufmin::files::labels::Labels;
use ufmin::files::note::Note;
use ufmin::files::npy::{Array, npz_bytes};
use ufmin::problem::Label;

use crate::cli::{folder, npy, refusal};
use crate::common::{run, ufmin};

fn data(name: &str) -> String {
    format!("{}/tests/data/{name}", env!("CARGO_MANIFEST_DIR"))
}

/// The problem of a solve, and what is said of it.
fn solved(folder: &Path, arguments: &[&str]) -> (Value, Value) {
    let mut all = vec!["solve", "--format", "json", "--cross-check", "never"];
    all.extend(arguments);
    let output = run(folder, &all);
    assert!(output.status.code() < Some(2), "{arguments:?}: {output:?}");
    let mut value: Value = serde_json::from_slice(&output.stdout).unwrap();
    (value["problem"].take(), value["warnings"].take())
}

fn counts(bytes: &[u8], choice: &Choice) -> Result<Counts, ufmin::Error> {
    let folder = folder();
    let path = folder.path().join("c");
    std::fs::write(&path, bytes).unwrap();
    Counts::read(&path, choice)
}

fn labels(bytes: &[u8], choice: &Choice) -> Result<Labels, ufmin::Error> {
    let folder = folder();
    let path = folder.path().join("y");
    std::fs::write(&path, bytes).unwrap();
    Labels::read(&path, choice)
}

fn numbers(values: impl IntoIterator<Item = i128>) -> Option<Vec<Label>> {
    Some(values.into_iter().map(Label::Number).collect())
}

fn names(values: &[&str]) -> Option<Vec<Label>> {
    Some(values.iter().map(|&name| Label::Text(name.to_owned())).collect())
}

fn column(name: &str) -> Choice {
    Choice {
        column: Some(name.to_owned()),
        ..Choice::default()
    }
}

#[test]
fn class_sizes_of_every_form_are_read() {
    let folder = folder();
    for (name, more, sizes, labels) in [
        (
            "names.csv",
            &[][..],
            json!([105, 109, 500, 5]),
            json!(["asb", "ash", "bar", "int"]),
        ),
        ("float.csv", &[], json!([6, 4]), json!([1, 0])),
        ("idcount.csv", &[], json!([500, 50, 5]), json!([0, 1, 2])),
        ("idcount.tsv", &[], json!([500, 50, 5]), json!([0, 1, 2])),
        (
            "dict.json",
            &[],
            json!([6705, 1113, 115]),
            json!(["benign", "mel", "df"]),
        ),
        ("dicts.json", &[], json!([12, 4]), json!(["a", "b"])),
        ("pandas_vc.txt", &[], json!([500, 50, 5]), json!([2, 0, 1])),
        ("zeros.txt", &["--drop-empty"], json!([500, 50, 5]), json!([0, 2, 3])),
        ("counts.npy", &[], json!([500, 500, 500, 50, 50, 50, 50]), Value::Null),
        (
            "counts_lt.npy",
            &[],
            json!([5000, 2997, 1796, 1077, 645, 387, 232, 139, 83, 50]),
            Value::Null,
        ),
        (
            "train_test.csv",
            &["--column", "train"],
            json!([45927, 67343, 11656, 995, 52]),
            json!(["DoS", "Normal", "Probe", "R2L", "U2R"]),
        ),
        (
            "train_test.csv",
            &["--column", "2"],
            json!([7458, 9711, 2421, 2754, 200]),
            json!(["DoS", "Normal", "Probe", "R2L", "U2R"]),
        ),
    ] {
        let path = data(name);
        let mut arguments = vec!["--sizes-file", &path];
        arguments.extend(more);
        let (problem, warnings) = solved(folder.path(), &arguments);
        assert_eq!(problem["sizes"], sizes, "{name}");
        assert_eq!(problem["class_labels"], labels, "{name}");
        let said = warnings.as_array().unwrap().len();
        assert_eq!(said, usize::from(more.contains(&"--drop-empty")), "{name}: {warnings}");
        // The same in a problem file, relative to it.
        let keys: String = more
            .chunks(2)
            .map(|pair| match pair {
                ["--column", name] => format!("column = \"{name}\"\n"),
                _ => "drop_empty = true\n".to_owned(),
            })
            .collect();
        std::fs::copy(&path, folder.path().join(name)).unwrap();
        let text = format!("[classes]\ncounts = \"{name}\"\n{keys}");
        std::fs::write(folder.path().join("p.toml"), text).unwrap();
        assert_eq!(solved(folder.path(), &["p.toml"]).0, problem, "{name}");
    }
    // Sizes of 1 among them need views, as they would by hand.
    let path = data("list.json");
    let (problem, _) = solved(folder.path(), &["--sizes-file", &path]);
    assert_eq!(
        (&problem["class_count"], &problem["sizes"][10]),
        (&json!(30), &json!(333))
    );
}

#[test]
fn labels_of_every_form_are_read() {
    let folder = folder();
    for (name, more, sizes, labels) in [
        ("labels.txt", &[][..], json!([50, 20, 5]), json!([0, 1, 2])),
        ("imagelist.txt", &[], json!([7, 13]), json!([15, 38])),
        (
            "y_str.npy",
            &[],
            json!([50, 10, 20, 5]),
            json!(["cat", "cow", "dog", "pig"]),
        ),
        (
            "y_ignore.npy",
            &["--ignore-label", "-1"],
            json!([50, 20, 10, 5]),
            json!([0, 1, 2, 3]),
        ),
        (
            "y_ignore.npy",
            &["--ignore-label", "-1,3", "--ignore-label=2"],
            json!([50, 20]),
            json!([0, 1]),
        ),
    ] {
        let path = data(name);
        let mut arguments = vec!["--labels", &path];
        arguments.extend(more);
        let (problem, warnings) = solved(folder.path(), &arguments);
        assert_eq!(problem["class_labels"], labels, "{name}: {problem}");
        assert_eq!(problem["sizes"], sizes, "{name}");
        let said = warnings.to_string();
        assert_eq!(
            said.contains("40 samples are left out, whose label is -1"),
            !more.is_empty(),
            "{said}"
        );
    }
}

#[test]
fn what_is_not_read_is_refused_with_its_format_and_a_remedy() {
    let folder = folder();
    for (flag, name, needles) in [
        (
            "--sizes-file",
            "train_test.csv",
            &[
                "read as comma-separated values, 2 columns could be the class sizes: train, test",
                "--column NAME",
            ][..],
        ),
        ("--sizes-file", "zeros.txt", &["class 1 has no samples", "--drop-empty"]),
        ("--labels", "counts.npy", &["look like class sizes", "--sizes-file"]),
        ("--labels", "counts_lt.npy", &["look like class sizes", "--sizes-file"]),
        ("--labels", "y_onehot.npy", &["one-hot", "argmax(axis=1)"]),
        (
            "--labels",
            "y_ignore.npy",
            &["label -1 is negative, and 40 of 125 samples", "--ignore-label -1"],
        ),
        (
            "--sizes-file",
            "imagelist.txt",
            &["columns separated by spaces, it names files", "--labels"],
        ),
    ] {
        let output = run(folder.path(), &["solve", flag, &data(name)]);
        refusal(name, &output, needles);
    }
}

#[test]
fn messy_class_sizes_mean_what_their_owners_mean() {
    let none = Choice::default();
    let utf16 = |text: &str, mark: &[u8], unit: fn(u16) -> [u8; 2]| -> Vec<u8> {
        mark.iter().copied().chain(text.encode_utf16().flat_map(unit)).collect()
    };
    let table = "class;count\r\ncat;500\r\ndog;50\r\n";
    for (bytes, sizes, labels) in [
        // Excel: a mark, its own first line, semicolons, CRLF, UTF-16, empty rows and columns at the end.
        (
            format!("\u{feff}sep=;\r\n{table}").into_bytes(),
            vec![500, 50],
            names(&["cat", "dog"]),
        ),
        (
            utf16(table, &[0xff, 0xfe], u16::to_le_bytes),
            vec![500, 50],
            names(&["cat", "dog"]),
        ),
        (
            utf16(table, &[0xfe, 0xff], u16::to_be_bytes),
            vec![500, 50],
            names(&["cat", "dog"]),
        ),
        (
            utf16(table, &[], u16::to_le_bytes),
            vec![500, 50],
            names(&["cat", "dog"]),
        ),
        (
            b"class,count,,\ncat,500,,\ndog,50,,\n,,,\n".to_vec(),
            vec![500, 50],
            names(&["cat", "dog"]),
        ),
        (
            b"class\tcount\ncat\t500\ndog\t50\t\n".to_vec(),
            vec![500, 50],
            names(&["cat", "dog"]),
        ),
        // Quotes, separators inside of them, thousands.
        (
            b"\"class\",\"count\"\n\"cat, wild\",\"5,000\"\n\"the \"\"dog\"\"\",\"50\"\n".to_vec(),
            vec![5000, 50],
            names(&["cat, wild", "the \"dog\""]),
        ),
        (
            b"class,count\n\"two\nlines\",5\ndog,50\n".to_vec(),
            vec![5, 50],
            names(&["two\nlines", "dog"]),
        ),
        (
            b"cat\t5'000\ndog\t1_000\n".to_vec(),
            vec![5000, 1000],
            names(&["cat", "dog"]),
        ),
        // Trailing commas, lists in a line, floats of numpy.savetxt.
        (b"500,\n50,\n5\n".to_vec(), vec![500, 50, 5], None),
        (b"500,50,5\n".to_vec(), vec![500, 50, 5], None),
        (b"500 50 5".to_vec(), vec![500, 50, 5], None),
        (
            b"5.000000000000000000e+02\n5.000000000000000000e+01\n".to_vec(),
            vec![500, 50],
            None,
        ),
        (b"500\r\n50\r\n".to_vec(), vec![500, 50], None),
        (b"\"500\"\n\"50\"\n".to_vec(), vec![500, 50], None),
        (b"count\n500\n50\n".to_vec(), vec![500, 50], None),
        // Names with spaces, pairs, YAML.
        (
            b"Class 0: 5000\nClass 1: 50\n".to_vec(),
            vec![5000, 50],
            names(&["Class 0", "Class 1"]),
        ),
        (
            b"benign: 6705\nmel: 1113\n".to_vec(),
            vec![6705, 1113],
            names(&["benign", "mel"]),
        ),
        (b"0: 500\n1: 50\n".to_vec(), vec![500, 50], numbers([0, 1])),
        (b"cat = 500\ndog = 50\n".to_vec(), vec![500, 50], names(&["cat", "dog"])),
        (b"'a': 5,\n'b': 7,\n".to_vec(), vec![5, 7], names(&["a", "b"])),
        (b"- 500\n- 50\n".to_vec(), vec![500, 50], None),
        (
            b"great white shark 50\ntiger shark 7\n".to_vec(),
            vec![50, 7],
            names(&["great white shark", "tiger shark"]),
        ),
        // uniq -c.
        (
            b"    500 cat\n     50 dog\n".to_vec(),
            vec![500, 50],
            names(&["cat", "dog"]),
        ),
        // Prints of pandas: a series of any version, a table with its index.
        (
            b"cat    500\ndog     50\nName: label, dtype: int64\n".to_vec(),
            vec![500, 50],
            names(&["cat", "dog"]),
        ),
        (
            b"cat    500\ndog     50\ndtype: int64\n".to_vec(),
            vec![500, 50],
            names(&["cat", "dog"]),
        ),
        (
            b"species\nred fox    500\nowl         50\nName: count, dtype: int64\n".to_vec(),
            vec![500, 50],
            names(&["red fox", "owl"]),
        ),
        (
            b"  class  count\n0   cat    500\n1   dog     50\n".to_vec(),
            vec![500, 50],
            names(&["cat", "dog"]),
        ),
        // counts.to_csv() of pandas, with and without a name of its index.
        (
            b",class,count\n0,cat,500\n1,dog,50\n".to_vec(),
            vec![500, 50],
            names(&["cat", "dog"]),
        ),
        (
            b"label,count\n2,500\n0,50\n1,5\n".to_vec(),
            vec![500, 50, 5],
            numbers([2, 0, 1]),
        ),
        (b"2,500\n0,50\n1,5\n".to_vec(), vec![500, 50, 5], numbers([2, 0, 1])),
        (
            b"id,name,num_images,share\n0,cat,500,0.91\n1,dog,50,0.09\n".to_vec(),
            vec![500, 50],
            names(&["cat", "dog"]),
        ),
        (
            b"Class 0,500\nClass 1,300\nClass 2,100\n".to_vec(),
            vec![500, 300, 100],
            names(&["Class 0", "Class 1", "Class 2"]),
        ),
        // A table of Markdown, of LaTeX, lines of old Macs.
        (
            b"| class | count |\n|:---|---:|\n| cat | 500 |\n| dog | 50 |\n".to_vec(),
            vec![500, 50],
            names(&["cat", "dog"]),
        ),
        (
            b"cat & 500 \\\\\ndog & 50 \\\\\n".to_vec(),
            vec![500, 50],
            names(&["cat", "dog"]),
        ),
        (
            b"class,count\rcat,500\rdog,50\r".to_vec(),
            vec![500, 50],
            names(&["cat", "dog"]),
        ),
        (
            b"classes:\n  cat: 500\n  dog: 50\n".to_vec(),
            vec![500, 50],
            names(&["cat", "dog"]),
        ),
        (b"(500, 50,)\n".to_vec(), vec![500, 50], None),
        // JSON of other shapes.
        (b"[500.0, 50]".to_vec(), vec![500, 50], None),
        (
            b"[[\"cat\", 500], [\"dog\", 50]]".to_vec(),
            vec![500, 50],
            names(&["cat", "dog"]),
        ),
        (
            b"[{\"name\": \"cat\", \"count\": 500}, {\"name\": \"dog\", \"count\": 50}]".to_vec(),
            vec![500, 50],
            names(&["cat", "dog"]),
        ),
        (
            b"{\"name\": \"cat\", \"count\": 500}\n{\"name\": \"dog\", \"count\": 50}\n".to_vec(),
            vec![500, 50],
            names(&["cat", "dog"]),
        ),
        (
            b"{\"class\": [\"cat\", \"dog\"], \"count\": [500, 50]}".to_vec(),
            vec![500, 50],
            names(&["cat", "dog"]),
        ),
        (
            b"{\"count\": {\"cat\": 500, \"dog\": 50}}".to_vec(),
            vec![500, 50],
            names(&["cat", "dog"]),
        ),
        (
            b"{\"class\": {\"0\": \"cat\", \"1\": \"dog\"}, \"count\": {\"0\": 500, \"1\": 50}}".to_vec(),
            vec![500, 50],
            names(&["cat", "dog"]),
        ),
        (b"{\"2\": 500, \"0\": 50}".to_vec(), vec![500, 50], numbers([2, 0])),
    ] {
        let shown = String::from_utf8_lossy(&bytes).into_owned();
        let found = counts(&bytes, &none).unwrap_or_else(|error| panic!("{shown}: {error}"));
        assert_eq!((found.sizes, found.labels), (sizes, labels), "{shown}");
        assert_eq!(found.notes, [], "{shown}");
    }
}

#[test]
fn class_sizes_that_may_mean_something_else_are_refused() {
    let folder = folder();
    let path = folder.path().join("c.txt");
    for (bytes, needles) in [
        // Which column, which number.
        (
            &b"10,500\n20,50\n"[..],
            &[
                "comma-separated",
                "2 columns could be the class sizes: 0, 1",
                "--column",
            ][..],
        ),
        (b"0,1\n1,2\n2,3\n", &["2 columns could be the class sizes"]),
        (
            b"    500 10\n     50 20\n",
            &["columns separated by spaces", "2 columns"],
        ),
        (
            b"class,train_count,val_count\na,5,6\nb,7,8\n",
            &["train_count, val_count"],
        ),
        (
            b"class;count\na;1.000\nb;50\n",
            &["semicolon-separated", "class a has size 1.000", "thousands", "1234"],
        ),
        (
            b"class;count\na;1,234\nb;50\n",
            &["class a has size 1,234", "thousands"],
        ),
        (b"cat 5,000\ndog 2,997\n", &["5,000", "thousands"]),
        (b"5,000\n2,997\n", &["2 columns could be the class sizes"]),
        (
            b"Class 0: 5,000\nClass 1: 50\n",
            &["name: number", "5,000", "thousands"],
        ),
        (
            b"class,count\na,1,234\nb,50\n",
            &["line 2 has 3 columns, and the first line has 2", "double quotes"],
        ),
        // What is no size.
        (b"class,count\n", &["it has no values"]),
        (b"Counter({'cat': 500, 'dog': 50})", &["what Python prints", "json.dump"]),
        (b"array([500, 50])", &["what Python prints", "numpy.save"]),
        (
            b"          precision recall f1-score support\n\ncat 0.90 0.91 0.90 500\ndog 0.80 0.79 0.80 50\n\naccuracy 0.88 550\nmacro avg 0.85 0.85 0.85 550\n",
            &["classification report", "name: number"],
        ),
        (b"cat 0.9 500\nred fox 0.8 50\n", &["class 0 has size cat 0.9 500"]),
        (b"class,count\na,5\nb,\n", &["line 3: class b has size nothing"]),
        (b"class,count\na,5\nb,2.5\n", &["line 3: class b has size 2.5"]),
        (b"class,count\na,5\nb,-2\n", &["class b has size -2"]),
        (b"class,count\na,5\nb,nan\n", &["class b has size nan"]),
        (
            b"class,count\na,5\na,6\n",
            &["class a has two rows, lines 2 and 3", "--labels"],
        ),
        (
            b"path,label\na.png,cat\nb.png,dog\n",
            &["no column of whole numbers", "path, label", "--labels"],
        ),
        (b"class,share\na,0.75\nb,0.25\n", &["no column of whole numbers"]),
        (b"class,count\na,0\nb,0\n", &["class a has no samples", "--drop-empty"]),
        (b"class,count\n\"a,5\nb,6\n", &["line 2: a quote is not closed"]),
        // Prints that are cut, and files of other programs.
        (
            b"a     500\n     ... \nb       5\nName: n, Length: 100, dtype: int64\n",
            &["a printed value_counts()", "it is cut", "to_csv"],
        ),
        (b"{'a': 5, 'b': 7}", &["begins like JSON and is not", "json.dump"]),
        (b"{0: 5, 1: 7}", &["begins like JSON and is not", "json.dump"]),
        (b"[500 50 5]", &["begins like JSON and is not"]),
        (b"{\"a\": 5, \"a\": 7}", &["class a has two rows"]),
        (
            b"{\"a\": {\"b\": {\"c\": 5}}}",
            &["read as JSON", "a cell is an object"],
        ),
        (b"[500, [50]]", &["read as JSON"]),
        (b"[]", &["it has no values"]),
        (
            b"- name: a\n  count: 5\n- name: b\n  count: 6\n",
            &["YAML", "json.dump"],
        ),
        (b"PAR1\x00\x00", &["a Parquet file", "CSV"]),
        (b"\x1f\x8b\x08\x00", &["a gzip archive", "gunzip"]),
        (b"\x80\x04\x95", &["a Python pickle", "numpy.save"]),
        (b"\x89HDF\r\n", &["an HDF5 file"]),
        (
            b"class,count\ngr\xfcn,5\nrot,6\n",
            &["byte 14 is not UTF-8", "CSV UTF-8"],
        ),
        (b"500\n\x00\x01\n", &["neither text nor"]),
        (b"", &["it has no values"]),
        (b"# sizes\n\n", &["it has no values"]),
    ] {
        std::fs::write(&path, bytes).unwrap();
        let output = run(folder.path(), &["solve", "--sizes-file", "c.txt"]);
        refusal(&String::from_utf8_lossy(bytes), &output, needles);
        refusal(&String::from_utf8_lossy(bytes), &output, &["c.txt: "]);
    }
    // With the column they mean one thing.
    let found = counts(b"10,500\n20,50\n", &column("1")).unwrap();
    assert_eq!((found.sizes, found.labels), (vec![500, 50], numbers([10, 20])));
    let found = counts(b"class,Train Count,val\na,5,6\nb,7,8\n", &column("train count")).unwrap();
    assert_eq!(found.sizes, [5, 7]);
    let error = counts(b"class,count\na,5\nb,6\n", &column("size")).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("no column `size`; its columns are class, count"),
        "{error}"
    );
}

#[test]
fn messy_labels_mean_what_their_owners_mean() {
    let none = Choice::default();
    for (bytes, values, sizes) in [
        (&b"cat\ndog\ncat\n"[..], names(&["cat", "dog"]), vec![2, 1]),
        (b"label\r\ncat\r\ndog\r\ncat\r\n", names(&["cat", "dog"]), vec![2, 1]),
        (b"\xef\xbb\xbflabel\n1\n0\n1\n", numbers([0, 1]), vec![1, 2]),
        (b"0.0\n1.0\n1.0\n", numbers([0, 1]), vec![1, 2]),
        (
            b"0.000000000000000000e+00\n1.000000000000000000e+00\n",
            numbers([0, 1]),
            vec![1, 1],
        ),
        (b"True\nFalse\nTrue\n", names(&["False", "True"]), vec![1, 2]),
        (
            b"path,label\na/1.png,cat\na/2.png,dog\na/3.png,dog\n",
            names(&["cat", "dog"]),
            vec![1, 2],
        ),
        (b"a/1 x.png 0\na/2.png 1\na/3.png 1\n", numbers([0, 1]), vec![1, 2]),
        (
            b"image_id,dx,age\nISIC_1,mel,50\nISIC_2,nv,40\nISIC_3,nv,50\n",
            names(&["mel", "nv"]),
            vec![1, 2],
        ),
        (
            b",text,label\n0,good film,1\n1,bad film,0\n2,bad,0\n",
            numbers([0, 1]),
            vec![2, 1],
        ),
        (b"[0, 1, 1]", numbers([0, 1]), vec![1, 2]),
        (b"[\"cat\", \"dog\", \"dog\"]", names(&["cat", "dog"]), vec![1, 2]),
        (
            b"{\"text\": \"a\", \"label\": 1}\n{\"text\": \"b\", \"label\": 0}\n",
            numbers([0, 1]),
            vec![1, 1],
        ),
        (
            b"{\"a.png\": \"cat\", \"b.png\": \"dog\", \"c.png\": \"dog\"}",
            names(&["cat", "dog"]),
            vec![1, 2],
        ),
        (b"a.png;cat\nb.png;dog\n", names(&["cat", "dog"]), vec![1, 1]),
    ] {
        let shown = String::from_utf8_lossy(bytes).into_owned();
        let found = labels(bytes, &none).unwrap_or_else(|error| panic!("{shown}: {error}"));
        assert_eq!((Some(found.values), found.counts), (values, sizes), "{shown}");
    }
    let folder = folder();
    for (bytes, needles) in [
        (&b"500\n50\n5\n"[..], &["look like class sizes", "--sizes-file"][..]),
        (b"class,count\ncat,500\ndog,50\n", &["class cat has 1 sample"]),
        (
            b"Klasse;Anzahl\nHund;500\nKatze;50\n",
            &["look like class sizes", "--sizes-file"],
        ),
        (b"label\n0\n\"\"\n1\n", &["line 3 has no label"]),
        (b"0.5\n1.5\n", &["label 0.5 is a number that is not whole"]),
        (
            b"a.png 0 3\nb.png 1 4\n",
            &[
                "columns separated by spaces",
                "2 columns could be the labels",
                "--column",
            ],
        ),
        (
            b"coarse_label,fine_label\n0,1\n1,2\n",
            &["coarse_label, fine_label", "--column"],
        ),
        (
            b"image,MEL,NV,BCC\na,1,0,0\nb,0,1,0\nc,0,0,1\n",
            &["one-hot", "3 columns", "argmax"],
        ),
        (
            b"0\n0\n-1\n",
            &["label -1 is negative, and 1 of 3 samples", "--ignore-label -1"],
        ),
    ] {
        std::fs::write(folder.path().join("y.txt"), bytes).unwrap();
        let output = run(folder.path(), &["solve", "--labels", "y.txt"]);
        refusal(&String::from_utf8_lossy(bytes), &output, needles);
    }
    // A row that may be a header is said to be a class.
    let found = labels(b"tier\ncat\ncat\ndog\ndog\n", &none).unwrap();
    assert_eq!(
        found.notes,
        [Note::LikeHeader {
            label: Label::Text("tier".to_owned())
        }]
    );
    let found = labels(
        b"0\n0\n1\n1\n2\n2\n255\n255\n",
        &Choice {
            ignored: vec!["255".to_owned()],
            ..none
        },
    )
    .unwrap();
    assert_eq!((found.total, found.classes.len(), found.kept.unwrap().len()), (8, 6, 6));
}

#[test]
fn a_label_that_stands_apart_is_said_and_one_that_is_ignored_is_left_out() {
    let folder = folder();
    let mut labels: Vec<u8> = [0, 1, 2].iter().flat_map(|&label| [label; 100]).collect();
    labels.extend([255; 7]);
    std::fs::write(folder.path().join("y.npy"), npy("|u1", false, "(307,)", &labels)).unwrap();
    let (problem, warnings) = solved(folder.path(), &["--labels", "y.npy"]);
    assert_eq!(problem["sizes"], json!([100, 100, 100, 7]));
    let said = warnings[0].as_str().unwrap();
    assert!(
        said.contains("label 255 (7 samples) stands apart from 0 to 2") && said.contains("--ignore-label 255"),
        "{said}"
    );
    let (problem, warnings) = solved(folder.path(), &["--labels", "y.npy", "--ignore-label", "255"]);
    assert_eq!(problem["sizes"], json!([100, 100, 100]));
    assert_eq!(warnings, json!(["7 samples are left out, whose label is 255"]));
    let (_, warnings) = solved(folder.path(), &["--labels", "y.npy", "--ignore-label", "255,9"]);
    assert!(warnings.to_string().contains("no sample has the label 9"), "{warnings}");
    // Other verbs say it on stderr, but not to who wants silence.
    let arguments = ["compare", "--labels", "y.npy", "--losses", "supcon,sincere"];
    let output = run(folder.path(), &arguments);
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stderr.starts_with("warning: label 255 (7 samples)"), "{stderr}");
    let output = run(folder.path(), &[&arguments[..], &["--quiet"]].concat());
    assert!(output.stderr.is_empty());
    // Nothing is left, and where there are no labels.
    let all = run(
        folder.path(),
        &["solve", "--labels", "y.npy", "--ignore-label", "0,1,2,255"],
    );
    refusal("all", &all, &["every sample", "--ignore-label"]);
    let none = run(folder.path(), &["solve", "--sizes", "5,5", "--ignore-label", "-1"]);
    refusal("none", &none, &["--ignore-label: ", "--labels"]);
}

#[test]
fn labels_keep_their_values_everywhere() {
    let folder = folder();
    let long = |values: &[i64]| -> Vec<u8> { values.iter().flat_map(|v| v.to_le_bytes()).collect() };
    let labels: Vec<i64> = [3, 7, 9]
        .iter()
        .zip([40, 20, 1])
        .flat_map(|(&label, n)| vec![label; n])
        .collect();
    std::fs::write(folder.path().join("y.npy"), npy("<i8", false, "(61,)", &long(&labels))).unwrap();
    refusal(
        "9",
        &run(folder.path(), &["solve", "--labels", "y.npy"]),
        &["label 9 has 1 sample"],
    );
    let arguments = ["--labels", "y.npy", "--singletons", "skip"];
    assert_eq!(solved(folder.path(), &arguments).0["class_labels"], json!([3, 7, 9]));
    let text = String::from_utf8(run(folder.path(), &[&["solve"][..], &arguments].concat()).stdout).unwrap();
    assert!(
        text.contains("closest classes 7 and 9") || text.contains("closest classes 3 and"),
        "{text}"
    );
    // Names reach errors, the text and the axes of the picture.
    std::fs::write(folder.path().join("c.csv"), "class,count\ncat,400\ndog,30\nowl,1\n").unwrap();
    refusal(
        "owl",
        &run(folder.path(), &["solve", "--sizes-file", "c.csv"]),
        &["class owl has 1 sample"],
    );
    let all = [
        "solve",
        "--sizes-file",
        "c.csv",
        "--singletons",
        "zero",
        "--output",
        "out",
    ];
    let text = String::from_utf8(run(folder.path(), &all).stdout).unwrap();
    assert!(["cat", "dog", "owl"].iter().all(|name| text.contains(name)), "{text}");
    let svg = std::fs::read_to_string(folder.path().join("out/gram.svg")).unwrap();
    assert!(svg.contains("cat (400)") && svg.contains("owl (1)") && svg.contains("class (size)"));
}

#[test]
fn evaluate_leaves_out_the_rows_of_ignored_labels() {
    let folder = folder();
    let write = |name: &str, bytes: &[u8]| std::fs::write(folder.path().join(name), bytes).unwrap();
    let labels: Vec<i64> = (0..60).map(|i| [0, 0, -1, 1, 1, 2][i % 6]).collect();
    let row = |i: usize| -> [f64; 3] {
        match labels[i] {
            -1 => [f64::NAN; 3],
            label => std::array::from_fn(|j| {
                if j as i64 == label {
                    1.0
                } else {
                    0.1 + 0.01 * (i % 5) as f64
                }
            }),
        }
    };
    let bytes = |rows: &[usize]| -> Vec<u8> { rows.iter().flat_map(|&i| row(i)).flat_map(f64::to_le_bytes).collect() };
    let longs = |rows: &[usize]| -> Vec<u8> { rows.iter().flat_map(|&i| labels[i].to_le_bytes()).collect() };
    let all: Vec<usize> = (0..60).collect();
    let kept: Vec<usize> = all.iter().copied().filter(|&i| labels[i] >= 0).collect();
    for (suffix, rows) in [("all", &all), ("kept", &kept)] {
        let n = rows.len();
        write(
            &format!("h_{suffix}.npy"),
            &npy("<f8", false, &format!("({n}, 3)"), &bytes(rows)),
        );
        write(
            &format!("y_{suffix}.npy"),
            &npy("<i8", false, &format!("({n},)"), &longs(rows)),
        );
    }
    let evaluate = |embeddings: &str, labels: &str, more: &[&str]| -> Value {
        let first = [
            "evaluate",
            "--format",
            "json",
            "--embeddings",
            embeddings,
            "--labels",
            labels,
        ];
        let output = run(folder.path(), &[&first[..], more].concat());
        let mut value: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"));
        for key in ["embeddings", "seconds"] {
            value.as_object_mut().unwrap().remove(key);
        }
        value
    };
    let expected = evaluate("h_kept.npy", "y_kept.npy", &[]);
    assert_eq!(evaluate("h_all.npy", "y_all.npy", &["--ignore-label", "-1"]), expected);
    let explain = [
        "explain",
        "--embeddings",
        "h_all.npy",
        "--labels",
        "y_all.npy",
        "--ignore-label",
        "-1",
    ];
    ufmin(folder.path(), &explain).assert().code(0);
    let refused = run(
        folder.path(),
        &["evaluate", "--embeddings", "h_all.npy", "--labels", "y_all.npy"],
    );
    refusal("-1", &refused, &["label -1 is negative", "--ignore-label -1"]);
}

#[test]
fn archives_standard_input_and_products() {
    let folder = folder();
    let y = vec![0, 0, 1, 1, 1];
    let one = npz_bytes(&[("whatever", Array::Indices(y.clone()))]);
    let two = npz_bytes(&[
        ("y_train", Array::Indices(y.clone())),
        ("y_test", Array::Indices(vec![0, 1])),
    ]);
    let known = npz_bytes(&[("x", Array::Indices(vec![5])), ("labels", Array::Indices(y))]);
    let write = |name: &str, bytes: &[u8]| std::fs::write(folder.path().join(name), bytes).unwrap();
    write("one.npz", &one);
    write("two.npz", &two);
    write("known.npz", &known);
    write("c.npz", &npz_bytes(&[("n", Array::Indices(vec![2, 3]))]));
    for arguments in [
        &["--labels", "one.npz"][..],
        &["--labels", "known.npz"],
        &["--labels", "two.npz", "--key", "y_train"],
        &["--sizes-file", "c.npz"],
    ] {
        assert_eq!(
            solved(folder.path(), arguments).0["sizes"],
            json!([2, 3]),
            "{arguments:?}"
        );
    }
    refusal(
        "two",
        &run(folder.path(), &["solve", "--labels", "two.npz"]),
        &["y_train, y_test", "--key NAME"],
    );
    let wrong = run(folder.path(), &["solve", "--labels", "two.npz", "--key", "y"]);
    refusal("key", &wrong, &["none is called y", "--key"]);
    let gram = run(folder.path(), &["heatmap", "one.npz", "-o", "a.png"]);
    refusal(
        "heatmap",
        &gram,
        &["it is a .npz archive", "numpy.load(", "numpy.save("],
    );
    for (flag, input) in [
        ("--sizes-file", &b"class,count\na,2\nb,3\n"[..]),
        ("--labels", b"a\na\nb\nb\nb\n"),
        ("--labels", &one),
    ] {
        let output = ufmin(folder.path(), &["solve", flag, "-", "--format", "json"])
            .write_stdin(input)
            .output()
            .unwrap();
        let value: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"));
        assert_eq!(value["problem"]["sizes"], json!([2, 3]), "{flag}");
    }
    let output = ufmin(folder.path(), &["solve", "-"])
        .write_stdin("[classes]\nsizes = [5, 4]\n")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let products = |sizes: &str, more: &[&str]| solved(folder.path(), &[&["--sizes", sizes], more].concat());
    assert_eq!(
        products("500x5,50x3", &[]).0["sizes"],
        json!([500, 500, 500, 500, 500, 50, 50, 50])
    );
    assert_eq!(products("500x2,7,50 x 1", &[]).0["sizes"], json!([500, 500, 7, 50]));
    let (problem, warnings) = products("1024x1", &["--views", "2"]);
    assert_eq!(
        (&problem["class_count"], &problem["sizes"][1023]),
        (&json!(1024), &json!(1))
    );
    assert!(warnings[0].as_str().unwrap().contains("1x1024"), "{warnings}");
    let (problem, warnings) = products("1x1024", &["--views", "2"]);
    assert_eq!((&problem["class_count"], &warnings), (&json!(1024), &json!([])));
    for wrong in ["500x", "x5", "500x0", "0x5", "500x1.5", "500x5x5"] {
        let output = run(folder.path(), &["solve", "--sizes", wrong]);
        refusal(wrong, &output, &["--sizes: class 0 has size"]);
    }
    // Empty classes, and frequencies that were printed.
    let (problem, _) = products("500,0,50", &["--drop-empty"]);
    assert_eq!(
        (&problem["sizes"], &problem["class_labels"]),
        (&json!([500, 50]), &json!([0, 2]))
    );
    let frequencies = ["--probabilities", "0.3333,0.3333,0.3333", "--loss", "population"];
    refusal(
        "sum",
        &run(folder.path(), &[&["solve"][..], &frequencies].concat()),
        &["sum to 0.9999", "--normalise"],
    );
    let (problem, _) = solved(folder.path(), &[&frequencies[..], &["--normalise"]].concat());
    assert_eq!(problem["probabilities"], json!(vec![1.0 / 3.0; 3]));
}

#[test]
fn totals_and_labels_in_the_place_of_sizes_are_said() {
    let none = Choice::default();
    let total = counts(b"class,count\na,5\nb,7\nTotal,12\n", &none).unwrap();
    let owner = "class Total".to_owned();
    assert_eq!(total.notes, [Note::Total { owner, samples: 12 }]);
    assert_eq!(counts(b"class,count\na,5\nb,7\nc,11\n", &none).unwrap().notes, []);
    let labels = "1\n1\n1\n1\n2\n2\n2\n2\n2\n3\n3\n3\n".as_bytes();
    assert_eq!(
        counts(labels, &none).unwrap().notes,
        [Note::LikeLabels { values: 12, largest: 3 }]
    );
}

/// A table of names and sizes, in a format that people write.
fn written(format: usize, rows: &[(String, u64)]) -> String {
    let lines = |separator: &str, header: &str| -> String {
        let row = |(name, size): &(String, u64)| format!("{name}{separator}{size}\n");
        header.to_owned() + &rows.iter().map(row).collect::<String>()
    };
    match format {
        0 => lines(",", "class,count\n"),
        1 => lines(";", "class;count\n"),
        2 => lines("\t", "class\tcount\n"),
        3 => lines(": ", ""),
        4 => lines("    ", "label\n") + "Name: count, dtype: int64\n",
        5 => json!(
            rows.iter()
                .map(|(name, size)| json!({"name": name, "n": size}))
                .collect::<Vec<_>>()
        )
        .to_string(),
        6 => lines(",", ""),
        _ => {
            let entries: Vec<String> = rows.iter().map(|(name, size)| format!("{name:?}: {size}")).collect();
            format!("{{{}}}", entries.join(", "))
        }
    }
}

proptest! {
    /// What is written in any of the formats is read back, whatever the names and sizes.
    #[test]
    fn every_format_reads_back(
        format in 0usize..8,
        rows in proptest::collection::btree_map("[a-z]{2,6}( [a-z]{3,5})?", 1u64..100_000, 2..7),
        crlf in any::<bool>(),
        mark in any::<bool>(),
    ) {
        let rows: Vec<(String, u64)> = rows.into_iter().collect();
        let mut text = written(format, &rows);
        if crlf && !(5..8).contains(&format) {
            text = text.replace('\n', "\r\n");
        }
        if mark {
            text.insert(0, '\u{feff}');
        }
        let found = counts(text.as_bytes(), &Choice::default());
        let found = found.map_err(|error| TestCaseError::fail(format!("{text}: {error}")))?;
        prop_assert_eq!(found.sizes, rows.iter().map(|(_, size)| *size).collect::<Vec<_>>(), "{}", text);
        let names = rows.iter().map(|(name, _)| Label::Text(name.clone())).collect();
        prop_assert_eq!(found.labels, Some(names), "{}", text);
    }

    /// Hostile text: no reader panics, and what is read has as many names as sizes.
    #[test]
    fn any_text_is_read_or_refused(
        text in prop_oneof![
            "[0-9a-z,;:\t\n\r \"'\\[\\]{}.#=-]{0,60}",
            proptest::collection::vec(prop::sample::select(vec![
                "class", "count", "label", "500", "0", "1", "cat", ",", ";", "\t", "\n", "\r\n", "\"", ": ", " ", "- ",
                "{", "}", "[", "]", "dtype: int64", "sep=;\n", "\u{feff}", "1.000", "-1", "#", "nan", "\u{a0}", "..", "e5",
            ]), 0..40).prop_map(|parts| parts.concat()),
        ],
    ) {
        for choice in [Choice::default(), Choice { drop_empty: true, ..column("0") }] {
            match counts(text.as_bytes(), &choice) {
                Ok(found) => {
                    prop_assert!(!found.sizes.is_empty() && found.sizes.iter().all(|&size| size > 0));
                    prop_assert!(found.labels.is_none_or(|labels| labels.len() == found.sizes.len()));
                }
                Err(error) => prop_assert!(error.hint().is_some() && error.to_string().len() < 1000),
            }
            if let Ok(found) = labels(text.as_bytes(), &choice) {
                prop_assert_eq!(found.counts.iter().sum::<u64>() as usize, found.classes.len());
                prop_assert!(found.values.is_sorted() && found.counts.iter().all(|&count| count > 0));
            }
        }
    }

    #[test]
    fn any_bytes_are_no_harm(bytes in proptest::collection::vec(any::<u8>(), 0..80), archive in any::<bool>()) {
        let mut bytes = bytes;
        if archive {
            bytes.splice(0..0, *b"PK\x03\x04");
        }
        let _ = (counts(&bytes, &Choice::default()), labels(&bytes, &Choice::default()));
    }
}
