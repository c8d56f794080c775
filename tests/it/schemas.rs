//! JSON Schemas of every output and of the problem file: generated from the types, stored in `docs/schemas`, and fitted by what
//! the program prints. `UFMIN_BLESS=1` renews them.

use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::{Value, json};
use ufmin::report::Report;
use ufmin::report::cross_entropy::CrossEntropyReport;
use ufmin::report::cross_entropy_phase::CrossEntropyPhase;
use ufmin::report::stopped::Stopped;
use ufmin::report::view::View;
use ufmin::spec::ProblemFile;
use ufmin::study::batches::{Check, Written};
use ufmin::study::bound::AllBatches;
use ufmin::study::compare::Comparison;
use ufmin::study::curve::Curve;
use ufmin::study::evaluate::{Evaluation, Sequence};
use ufmin::study::explain::Explanation;
use ufmin::study::landscape::{SweepReport, VerifyReport};
use ufmin::study::phase::{Grid, Phase};

use crate::cli::npy;
use crate::common::run;

/// The schema of a type as it is written; of outputs also with the only value of their field `schema`.
fn of<T: JsonSchema>(identifier: Option<&str>) -> Value {
    let settings = match identifier {
        Some(_) => SchemaSettings::draft2020_12().for_serialize(),
        // A file is read.
        None => SchemaSettings::draft2020_12(),
    };
    let mut schema = settings.into_generator().into_root_schema_for::<T>().to_value();
    if let Some(identifier) = identifier {
        schema["properties"]["schema"] = json!({ "const": identifier });
    }
    schema
}

fn output<T: View + JsonSchema>() -> (String, Value) {
    let name = T::SCHEMA.trim_start_matches("ufmin/").replace('/', "-");
    (name, of::<T>(Some(T::SCHEMA)))
}

/// File names without their ending, and schemas.
fn all() -> Vec<(String, Value)> {
    let renamed = |(name, schema): (String, Value), suffix: &str| (format!("{name}-{suffix}"), schema);
    vec![
        ("problem-file".to_owned(), of::<ProblemFile>(None)),
        output::<Report>(),
        renamed(output::<CrossEntropyReport>(), "cross-entropy"),
        output::<Stopped>(),
        output::<VerifyReport>(),
        output::<SweepReport>(),
        output::<Evaluation>(),
        output::<Sequence>(),
        output::<Phase>(),
        renamed(output::<CrossEntropyPhase>(), "cross-entropy"),
        output::<Grid>(),
        output::<Curve>(),
        output::<Comparison>(),
        output::<Check>(),
        output::<Written>(),
        output::<AllBatches>(),
        output::<Explanation>(),
    ]
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/schemas")
}

#[test]
fn stored_schemas_are_those_of_the_types() {
    let mut names = Vec::new();
    for (name, schema) in all() {
        let path = folder().join(format!("{name}.json"));
        let text = serde_json::to_string_pretty(&schema).unwrap() + "\n";
        if std::fs::read_to_string(&path).unwrap_or_default() != text {
            let renewed = std::env::var_os("UFMIN_BLESS").is_some_and(|value| value == "1");
            assert!(
                renewed,
                "{} is not of its type: renew it with UFMIN_BLESS=1",
                path.display()
            );
            std::fs::create_dir_all(folder()).unwrap();
            std::fs::write(&path, text).unwrap();
        }
        names.push(format!("{name}.json"));
    }
    let stored = std::fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap());
    for name in stored {
        assert!(names.contains(&name), "{name} is of no type");
    }
}

/// What is wrong with a value, at which path; what these schemas use of JSON Schema, and no more. A field that the schema does not
/// name is wrong too: outputs are those of this version.
fn wrong(schema: &Value, value: &Value, root: &Value, at: &str) -> Result<(), String> {
    let refused = |what: String| Err(format!("{at}: {what}"));
    let Value::Object(rules) = schema else {
        return if schema == &Value::Bool(true) {
            Ok(())
        } else {
            refused(format!("nothing fits {schema}"))
        };
    };
    for (rule, given) in rules {
        match rule.as_str() {
            "$ref" => {
                let name = given.as_str().unwrap().strip_prefix("#/$defs/").unwrap();
                wrong(&root["$defs"][name], value, root, at)?;
            }
            "type" => {
                let is = |name: &Value| match name.as_str().unwrap() {
                    "null" => value.is_null(),
                    "boolean" => value.is_boolean(),
                    "integer" => value.is_i64() || value.is_u64(),
                    "number" => value.is_number(),
                    "string" => value.is_string(),
                    "array" => value.is_array(),
                    "object" => value.is_object(),
                    other => panic!("type {other}"),
                };
                let fits = given.as_array().map_or_else(|| is(given), |names| names.iter().any(is));
                if !fits {
                    return refused(format!("{value} is no {given}"));
                }
            }
            "const" if value != given => return refused(format!("{value} is not {given}")),
            "enum" if !given.as_array().unwrap().contains(value) => {
                return refused(format!("{value} is none of {given}"));
            }
            "const" | "enum" => {}
            "anyOf" | "oneOf" => {
                let reasons: Vec<String> = given
                    .as_array()
                    .unwrap()
                    .iter()
                    .filter_map(|one| wrong(one, value, root, at).err())
                    .collect();
                if reasons.len() == given.as_array().unwrap().len() {
                    return refused(reasons.join("; "));
                }
            }
            "allOf" => {
                for one in given.as_array().unwrap() {
                    wrong(one, value, root, at)?;
                }
            }
            "required" => {
                for key in given.as_array().unwrap() {
                    if value.get(key.as_str().unwrap()).is_none() {
                        return refused(format!("{key} is missing"));
                    }
                }
            }
            "properties" => {
                for (key, inner) in value.as_object().into_iter().flatten() {
                    match given.get(key) {
                        Some(schema) => wrong(schema, inner, root, &format!("{at}.{key}"))?,
                        None => return refused(format!("{key} is not in the schema")),
                    }
                }
            }
            "items" => {
                let first = schema["prefixItems"].as_array().map_or(0, Vec::len);
                for (i, item) in value.as_array().into_iter().flatten().enumerate().skip(first) {
                    wrong(given, item, root, &format!("{at}[{i}]"))?;
                }
            }
            "prefixItems" => {
                for (i, schema) in given.as_array().unwrap().iter().enumerate() {
                    if let Some(item) = value.get(i) {
                        wrong(schema, item, root, &format!("{at}[{i}]"))?;
                    }
                }
            }
            "minItems"
                if value
                    .as_array()
                    .is_some_and(|items| (items.len() as u64) < given.as_u64().unwrap()) =>
            {
                return refused("too few items".to_owned());
            }
            "maxItems"
                if value
                    .as_array()
                    .is_some_and(|items| items.len() as u64 > given.as_u64().unwrap()) =>
            {
                return refused("too many items".to_owned());
            }
            "minimum" if value.as_f64().is_some_and(|number| number < given.as_f64().unwrap()) => {
                return refused(format!("{value} is below {given}"));
            }
            "maximum" if value.as_f64().is_some_and(|number| number > given.as_f64().unwrap()) => {
                return refused(format!("{value} is above {given}"));
            }
            "minItems" | "maxItems" | "minimum" | "maximum" => {}
            "$schema" | "$defs" | "title" | "description" | "format" | "default" | "additionalProperties" => {}
            other => panic!("the rule {other} is not checked"),
        }
    }
    Ok(())
}

/// The stored schema of an output.
fn stored(value: &Value) -> Value {
    let name = value["schema"]
        .as_str()
        .unwrap()
        .trim_start_matches("ufmin/")
        .replace('/', "-");
    let of_problem = value["problem"]["loss"].as_str().or(value["at"]["loss"].as_str());
    let other = of_problem == Some("cross-entropy") && ["solve-1", "phase-1"].contains(&&*name);
    let name = if other { format!("{name}-cross-entropy") } else { name };
    serde_json::from_str(&std::fs::read_to_string(folder().join(format!("{name}.json"))).unwrap()).unwrap()
}

#[test]
fn real_outputs_fit_their_schemas() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| std::fs::write(folder.path().join(name), bytes).unwrap();
    let points: [f64; 12] = [1.0, 0.1, 1.0, -0.2, 0.9, 0.3, -1.0, 0.3, -0.8, 0.1, -0.7, -0.3];
    let bytes = |values: &[f64]| -> Vec<u8> { values.iter().flat_map(|value| value.to_le_bytes()).collect() };
    write("h.npy", &npy("<f8", false, "(6, 2)", &bytes(&points)));
    write(
        "h2.npy",
        &npy("<f8", false, "(6, 2)", &bytes(&points.map(|x| x + 0.05))),
    );
    write("w.npy", &npy("<f8", false, "(2, 2)", &bytes(&[1.0, 0.0, -1.0, 0.1])));
    write("y.npy", &npy("|u1", false, "(6,)", &[0, 1, 0, 1, 0, 1]));
    write("b.json", b"[[0, 1, 2, 3], [2, 4, 5, 0]]");
    write(
        "many.toml",
        b"[classes]\nprofile = \"step\"\nmajority = 9000\nminority = 3000\nsmallest = 10\nratio = 4\n",
    );
    write(
        "ce.toml",
        b"[classes]\nsizes = [40, 40, 4, 4]\n[loss]\nkind = \"cross-entropy\"\n[classifier]\nnorm = 3\n[features]\nenergy = 2\n",
    );
    let commands = [
        "solve --sizes 50,20,5,5 --temperature 0.5 --loss-scale 1.4 --reduction sum",
        "solve --sizes 50,20,5 --dimension 1",
        "solve --sizes 4,3 --level sample",
        "solve --sizes 1000,10,10 --temperature 1",
        "solve --probabilities 0.5,0.3,0.2 --loss nce --negatives 3",
        "solve --sizes 30,20,5 --batch-classes 2 --per-class 3",
        "solve --sizes 30,20,5 --batch-size 8 --loss sincere --time-limit 1e-9",
        "solve --labels y.npy --batches b.json --loss nscl --temperature 0.5",
        "solve --sizes 4,3,2 --nonnegative",
        "solve many.toml",
        "solve ce.toml",
        "verify --sizes 4,3,2 --starts 4",
        "verify --sizes 9,5,4 --starts 4 --level class --dimension 1..3",
        "evaluate --embeddings h.npy --labels y.npy --classifier w.npy",
        "evaluate --embeddings h.npy --labels y.npy --batch-size 4 --temperature 1",
        "evaluate --embeddings h.npy h2.npy --labels y.npy",
        "explain --embeddings h.npy --labels y.npy",
        "explain --embeddings h.npy --labels y.npy --time-limit 1e-9",
        "phase --sizes 100,100,10,10 --temperature 1 --vary ratio --points 20",
        "phase --sizes 100,100,10,10 --temperature 1 --vary ratio --time-limit 1e-9",
        "phase --sizes 100,100,10,10 --vary negatives --temperature 1 --draws 1..8",
        "phase --sizes 100,100,10,10 --grid 4x4 --output grid",
        "phase ce.toml --vary ratio --points 5",
        "curve --sizes 9,5,3 --vary batch-size --values 4,8",
        "compare --sizes 100,100,10,10 --temperature 0.5 --losses supcon,sincere,cross-entropy",
        "batches check --labels y.npy --batches b.json",
        "batches bind --labels y.npy --batches b.json -o bound.json",
        "batches sample --sizes 6,3,1 --size 4 -o drawn.json",
        "bound all-batches --classes 3 --per-class 2 --batch 9",
    ];
    let mut used = std::collections::BTreeSet::new();
    for command in commands {
        let words: Vec<&str> = command.split_whitespace().chain(["--format", "json"]).collect();
        let output = run(folder.path(), &words);
        let value: Value = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| panic!("{command}: {error}\n{}", String::from_utf8_lossy(&output.stderr)));
        let schema = stored(&value);
        if let Err(why) = wrong(&schema, &value, &schema, "") {
            panic!("{command}\n{why}");
        }
        used.insert(schema["title"].as_str().unwrap().to_owned());
        // It can fail: without a field that it must have, or with one that is none.
        let mut less = value.clone();
        less.as_object_mut().unwrap().remove("version");
        assert!(wrong(&schema, &less, &schema, "").is_err());
        let mut other = value;
        other["version"] = json!(1);
        assert!(wrong(&schema, &other, &schema, "").is_err());
    }
    assert_eq!(used.len(), all().len() - 1, "{used:?}");
}

#[test]
fn bundled_problem_files_fit_their_schema() {
    let text = std::fs::read_to_string(folder().join("problem-file.json")).unwrap();
    let schema: Value = serde_json::from_str(&text).unwrap();
    for (name, text) in ufmin::spec::bundled::PROBLEMS {
        let table: toml::Table = text.parse().unwrap();
        let value = serde_json::to_value(table).unwrap();
        if let Err(why) = wrong(&schema, &value, &schema, "") {
            panic!("{name}\n{why}");
        }
    }
    for wrong_file in [
        json!({ "classes": { "sizes": [5, "6"] } }),
        json!({ "clases": {} }),
        json!({ "loss": { "temperature": "1" } }),
    ] {
        assert!(wrong(&schema, &wrong_file, &schema, "").is_err(), "{wrong_file}");
    }
}
