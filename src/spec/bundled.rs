//! The problem files of the repository, for users who do not have it.

/// Names and texts, in alphabetical order.
pub const PROBLEMS: [(&str, &str); 26] = [
    ("balanced-etf", include_str!("../../problems/balanced-etf.toml")),
    (
        "bcl-class-anchors",
        include_str!("../../problems/bcl-class-anchors.toml"),
    ),
    (
        "bcl-random-batches",
        include_str!("../../problems/bcl-random-batches.toml"),
    ),
    (
        "bcl-sample-anchors",
        include_str!("../../problems/bcl-sample-anchors.toml"),
    ),
    ("cifar10-lt", include_str!("../../problems/cifar10-lt.toml")),
    ("cifar10-lt-tau1", include_str!("../../problems/cifar10-lt-tau1.toml")),
    ("class-balanced", include_str!("../../problems/class-balanced.toml")),
    (
        "cross-entropy-simplex",
        include_str!("../../problems/cross-entropy-simplex.toml"),
    ),
    (
        "five-in-the-plane",
        include_str!("../../problems/five-in-the-plane.toml"),
    ),
    ("fixed-batches", include_str!("../../problems/fixed-batches.toml")),
    ("layer-peeled", include_str!("../../problems/layer-peeled.toml")),
    (
        "minority-collapse",
        include_str!("../../problems/minority-collapse.toml"),
    ),
    (
        "minority-collapse-unequal",
        include_str!("../../problems/minority-collapse-unequal.toml"),
    ),
    (
        "nonnegative-frame",
        include_str!("../../problems/nonnegative-frame.toml"),
    ),
    ("nscl", include_str!("../../problems/nscl.toml")),
    (
        "nscl-random-batches",
        include_str!("../../problems/nscl-random-batches.toml"),
    ),
    ("population", include_str!("../../problems/population.toml")),
    ("random-batches", include_str!("../../problems/random-batches.toml")),
    (
        "random-batches-collapse",
        include_str!("../../problems/random-batches-collapse.toml"),
    ),
    (
        "sampled-negatives",
        include_str!("../../problems/sampled-negatives.toml"),
    ),
    ("sincere", include_str!("../../problems/sincere.toml")),
    ("step-100", include_str!("../../problems/step-100.toml")),
    ("step-100-tau1", include_str!("../../problems/step-100-tau1.toml")),
    ("step-imbalance", include_str!("../../problems/step-imbalance.toml")),
    (
        "step-imbalance-tau1",
        include_str!("../../problems/step-imbalance-tau1.toml"),
    ),
    ("two-classes", include_str!("../../problems/two-classes.toml")),
];

/// The text of a bundled problem file.
pub fn problem(name: &str) -> Option<&'static str> {
    let name = name.strip_suffix(".toml").unwrap_or(name);
    PROBLEMS.iter().find(|(known, _)| *known == name).map(|(_, text)| *text)
}

/// What a bundled problem file shows: its first line, a comment.
pub fn summary(text: &str) -> &str {
    text.lines().next().unwrap_or_default().trim_start_matches('#').trim()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_of_the_folder_is_bundled() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/problems");
        let mut names: Vec<String> = std::fs::read_dir(folder)
            .expect("the folder is there")
            .filter_map(|entry| {
                entry
                    .ok()?
                    .file_name()
                    .to_str()?
                    .strip_suffix(".toml")
                    .map(str::to_owned)
            })
            .collect();
        names.sort();
        assert_eq!(names, PROBLEMS.map(|(name, _)| name));
        for (name, text) in PROBLEMS {
            assert!(
                !summary(text).is_empty(),
                "{name} begins with a comment that says what it shows"
            );
        }
    }
}
