//! Names that papers and libraries have for losses, and what they are called here.

use super::Loss;

/// What to do instead of giving a loss that is not solved here.
#[cfg(any(test, feature = "files"))]
pub(crate) const AVAILABLE: &str = "use supcon, sincere, nscl, population, bcl or nce";

/// What a name from elsewhere means here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meaning {
    /// The same loss under another name.
    Loss(Loss),
    /// The self-supervised loss: every image is a class of its own, and its views are the positives.
    EveryImageAClass,
    /// The loss of a linear classifier.
    CrossEntropy,
}

/// Names in lower case, letters and digits only, without `loss` at the end.
const SYNONYMS: [(Meaning, &[&str]); 6] = [
    (
        Meaning::Loss(Loss::Supcon),
        &[
            "supervisedcontrastive",
            "supervisedcontrastivelearning",
            "supcontrast",
            "supcontrastive",
            "scl",
        ],
    ),
    // SINCERE is Supervised InfoNCE revisited.
    (Meaning::Loss(Loss::Sincere), &["supervisedinfonce"]),
    // Decoupled: the positive is not in the denominator.
    (
        Meaning::Loss(Loss::Nscl),
        &[
            "dcl",
            "decoupled",
            "decoupledcontrastive",
            "decoupledcontrastivelearning",
            "negativesonly",
            "negativesonlysupervisedcontrastive",
        ],
    ),
    (
        Meaning::Loss(Loss::Bcl),
        &["balanced", "balancedcontrastive", "balancedcontrastivelearning"],
    ),
    (Meaning::EveryImageAClass, &["simclr", "infonce", "ntxent"]),
    (
        Meaning::CrossEntropy,
        &["ce", "crossentropy", "xent", "softmax", "softmaxcrossentropy"],
    ),
];

/// A name as [`SYNONYMS`] has it.
fn bare(word: &str) -> String {
    let word: String = word
        .chars()
        .filter(|c| c.is_ascii_alphanumeric())
        .map(|c| c.to_ascii_lowercase())
        .collect();
    match word.strip_suffix("loss") {
        Some(name) => name.to_owned(),
        None => word,
    }
}

fn meaning(word: &str) -> Option<Meaning> {
    let word = bare(word);
    let name = Loss::ALL.into_iter().find(|loss| loss.name() == word);
    name.map(Meaning::Loss).or_else(|| {
        SYNONYMS
            .iter()
            .find(|(_, names)| names.contains(&word.as_str()))
            .map(|&(meaning, _)| meaning)
    })
}

/// What to write in place of a name that is none here, if it is known from elsewhere.
pub(crate) fn hint(word: &str) -> Option<String> {
    Some(match meaning(word)? {
        Meaning::Loss(loss) => format!("did you mean `{loss}`?"),
        Meaning::EveryImageAClass => {
            "use supcon with every image a class of its own: sizes of 1 and views = 2".to_owned()
        }
        Meaning::CrossEntropy => {
            "write `cross-entropy`; it also needs a bound or a ridge of its classifier and of its features ([classifier] and [features] of a problem file)".to_owned()
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_from_elsewhere_are_known_however_they_are_written() {
        for (words, expected) in [
            (
                &["dcl", "DCL", "decoupled", "decoupled-contrastive", "DCLLoss"][..],
                "`nscl`",
            ),
            (
                &[
                    "supervised-contrastive",
                    "sup-con",
                    "SupCon",
                    "SupConLoss",
                    "supcon_loss",
                ],
                "`supcon`",
            ),
            (&["balanced", "balanced contrastive", "BCL"], "`bcl`"),
            (
                &[
                    "simclr",
                    "SimCLR",
                    "infonce",
                    "info-nce",
                    "InfoNCE",
                    "nt-xent",
                    "ntxent",
                    "NT_Xent",
                    "NTXentLoss",
                ],
                "sizes of 1 and views = 2",
            ),
            (
                &["ce", "CE", "crossentropy", "CrossEntropyLoss", "softmax"],
                "write `cross-entropy`",
            ),
        ] {
            for word in words {
                let hint = hint(word).unwrap_or_else(|| panic!("{word}"));
                assert!(hint.contains(expected), "{word}: {hint}");
            }
        }
        for word in ["", "loss", "triplet", "supconn", "d", "\u{416}", "clr"] {
            assert_eq!(hint(word), None, "{word}");
        }
    }

    #[test]
    fn every_name_stands_once_and_is_found() {
        let names = || SYNONYMS.iter().flat_map(|(_, names)| names.iter().copied());
        for name in names() {
            assert_eq!(bare(name), name);
            assert_eq!(names().filter(|&other| other == name).count(), 1, "{name}");
            assert!(Loss::ALL.iter().all(|loss| loss.name() != name), "{name}");
        }
    }

    #[test]
    fn what_is_available_is_all_losses() {
        let names = Loss::ALL.map(Loss::name).join(", ");
        assert_eq!(AVAILABLE.replace(" or ", ", "), format!("use {names}"));
    }
}
