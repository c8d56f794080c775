//! One problem file over another: what is given replaces what was, and what it cannot stand beside.

use super::schema::{BatchesTable, ClassesTable, ClassifierTable, FeaturesTable, LossTable, ProblemFile, SolverTable};

/// Keys of a table: those that are given, else those that were.
macro_rules! over {
    ($old:expr, $given:expr, $table:ident { $($key:ident),* $(,)? }) => {
        $table { $($key: $given.$key.or($old.$key)),* }
    };
}

impl ProblemFile {
    /// This file with the values of another where that has any. Class sizes that are given in one way replace those that were
    /// given in another, and batches of one kind those of another.
    #[must_use]
    pub fn overridden(self, given: Self) -> Self {
        let (loss, solver) = (self.loss, self.solver);
        Self {
            title: given.title.or(self.title),
            classes: classes(self.classes, given.classes),
            loss: over!(
                loss,
                given.loss,
                LossTable {
                    kind,
                    temperature,
                    anchors,
                    singletons,
                    negatives,
                    scale,
                    reduction,
                    offsets,
                }
            ),
            features: features(self.features, given.features),
            batches: batches(self.batches, given.batches),
            classifier: match (self.classifier, given.classifier) {
                // A classifier is held back in one way.
                (_, Some(table)) if table != ClassifierTable::default() => Some(table),
                (table, given) => table.or(given),
            },
            solver: over!(solver, given.solver, SolverTable { method, tolerance }),
            expected: given.expected.or(self.expected),
        }
    }
}

fn classes(old: ClassesTable, given: ClassesTable) -> ClassesTable {
    if given.is_given() {
        return ClassesTable {
            views: given.views.or(old.views),
            ..given
        };
    }
    over!(
        old,
        given,
        ClassesTable {
            sizes,
            probabilities,
            file,
            counts,
            labels,
            column,
            key,
            ignore_label,
            drop_empty,
            normalise,
            profile,
            count,
            largest,
            smallest,
            majority,
            minority,
            ratio,
            views,
            order,
            read,
        }
    )
}

/// Features are held back in one way, as a classifier is.
fn features(old: FeaturesTable, given: FeaturesTable) -> FeaturesTable {
    let constrained = given.norm.is_some() || given.energy.is_some() || given.ridge.is_some();
    let old = if constrained {
        FeaturesTable {
            norm: None,
            energy: None,
            ridge: None,
            ..old
        }
    } else {
        old
    };
    over!(
        old,
        given,
        FeaturesTable {
            nonnegative,
            dimension,
            norm,
            energy,
            ridge
        }
    )
}

fn batches(old: Option<BatchesTable>, given: Option<BatchesTable>) -> Option<BatchesTable> {
    let Some(given) = given else { return old };
    let old = old.unwrap_or_default();
    Some(if given.members.is_some() || given.file.is_some() {
        BatchesTable {
            unused: given.unused.or(old.unused),
            ..given
        }
    } else if given.classes.is_some() || given.per_class.is_some() {
        BatchesTable {
            classes: given.classes.or(old.classes),
            per_class: given.per_class.or(old.per_class),
            ..given
        }
    } else if given.size.is_some() {
        BatchesTable {
            power: given.power.or(old.power),
            replacement: given.replacement.or(old.replacement),
            ..given
        }
    } else {
        BatchesTable {
            kind: given.kind.or(old.kind),
            power: given.power.or(old.power),
            replacement: given.replacement.or(old.replacement),
            unused: given.unused.or(old.unused),
            ..old
        }
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::spec::parse;

    fn merged(old: &str, given: &str) -> ProblemFile {
        let file = |text| parse(Path::new("p.toml"), text).unwrap();
        file(old).overridden(file(given))
    }

    #[test]
    fn sizes_replace_a_profile_and_a_ratio_changes_it() {
        let profile = "[classes]\nprofile = \"exponential\"\ncount = 10\nlargest = 500\nratio = 100\nviews = 2\n";
        let sizes = merged(profile, "[classes]\nsizes = [5, 4]\n").classes;
        assert_eq!((sizes.profile, sizes.ratio, sizes.views), (None, None, Some(2)));
        let ratio = merged(profile, "[classes]\nratio = 10.0\n").classes;
        assert_eq!(
            (ratio.profile.as_deref(), ratio.ratio),
            (Some("exponential"), Some(10.0))
        );
    }

    #[test]
    fn batches_of_one_kind_replace_those_of_another() {
        let random = "[batches]\nsize = 8\npower = 0.5\n";
        let larger = merged(random, "[batches]\nsize = 16\n").batches.unwrap();
        assert_eq!((larger.size, larger.power), (Some(16), Some(0.5)));
        let balanced = merged(random, "[batches]\nclasses = 4\nper_class = 2\n")
            .batches
            .unwrap();
        assert_eq!((balanced.size, balanced.power, balanced.classes), (None, None, Some(4)));
        let fixed = merged(random, "[batches]\nmembers = [[0, 1]]\n").batches.unwrap();
        assert_eq!((fixed.size, fixed.power), (None, None));
        let power = merged(random, "[batches]\npower = 0.0\n").batches.unwrap();
        assert_eq!((power.size, power.power), (Some(8), Some(0.0)));
    }

    #[test]
    fn one_constraint_of_a_classifier_replaces_another() {
        let file = merged("[classifier]\nnorm = 1.0\n", "[classifier]\nridge = 0.1\n");
        let table = file.classifier.unwrap();
        assert_eq!((table.norm, table.ridge), (None, Some(0.1)));
        let table = merged("[features]\nenergy = 5.0\ndimension = 3\n", "[features]\nnorm = 2.0\n").features;
        assert_eq!((table.energy, table.norm, table.dimension), (None, Some(2.0), Some(3)));
    }
}
