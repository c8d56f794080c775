//! [`search`]: all of a verification, from the problem to the reports.

use std::time::Instant;

use nalgebra::DMatrix;
use serde_json::Value;

use super::{Landscape, SearchSettings, SweepReport, VerifyReport, check, features, identity, verify_all};
use crate::error::Error;
use crate::math::control::Control;
use crate::problem::{Features, Model, Problem};
use crate::solve::{CrossCheckChoice, Options, Solved, solve};
use crate::study::{Journal, Stop};

/// What a search came to.
#[derive(Debug)]
pub struct Found {
    problem: Problem,
    optimum: Solved,
    settings: SearchSettings,
    landscapes: Vec<Landscape>,
    seconds: f64,
    /// What a later search goes on from.
    pub journal: Option<Journal>,
}

/// Solves the relaxation of `given`, and searches the landscape in every dimension from the first to the last of `dimensions`;
/// by default in that of the problem, or in as many as there are classes and one more. `journal` opens the journal of a study
/// with an identity, or none.
///
/// # Errors
/// As [`verify_all`] and [`solve`](fn@solve); [`Error::Stopped`] before the optimum is known.
pub fn search(
    given: &Problem,
    options: &Options,
    dimensions: Option<(u64, u64)>,
    settings: &SearchSettings,
    journal: impl FnOnce(&Value) -> Result<Option<Journal>, Error>,
    control: &Control,
) -> Result<Found, Error> {
    let options = Options {
        cross_check: CrossCheckChoice::Never,
        ..*options
    };
    // The relaxation knows no dimension.
    let model = Model {
        features: Features {
            dimension: None,
            ..given.model().features
        },
        ..given.model().clone()
    };
    let problem = Problem::new(given.classes().clone(), model)?;
    let own = given.model().features.dimension;
    let single = own.unwrap_or(problem.classes().count() + 1);
    let (first, last) = dimensions.unwrap_or((single, single));
    for dimension in [first, last] {
        check(&problem, dimension, settings.level)?;
    }
    let journal = journal(&identity(&problem, &options, settings))?;
    let optimum = solve(&problem, &options, &control.unobserved())?;
    if control.stop().is_some() && !optimum.is_certified() {
        return Err(Error::Stopped {
            what: "the optimum that the starts are compared with",
        });
    }
    let clock = Instant::now();
    let dimensions: Vec<u64> = (first..=last).collect();
    let landscapes = verify_all(&problem, &optimum, &dimensions, settings, journal.as_ref(), control)?;
    Ok(Found {
        problem,
        optimum,
        settings: settings.clone(),
        landscapes,
        seconds: clock.elapsed().as_secs_f64(),
        journal,
    })
}

impl Found {
    /// How far the search came, where it was stopped.
    pub fn stop(&self) -> Option<Stop> {
        Landscape::stop(&self.landscapes)
    }

    fn report_of(&self, landscape: &Landscape) -> Result<VerifyReport, Error> {
        // All dimensions are one search: each has its share of the time.
        let share = self.seconds / self.landscapes.len() as f64;
        VerifyReport::new(&self.problem, &self.optimum, &self.settings, landscape, share)
    }

    /// The report of the first dimension.
    ///
    /// # Errors
    /// [`Error::Contradiction`] where the optimum does not agree with itself.
    pub fn report(&self) -> Result<VerifyReport, Error> {
        self.report_of(&self.landscapes[0])
    }

    /// The reports of all dimensions.
    ///
    /// # Errors
    /// As [`Found::report`].
    pub fn sweep(&self) -> Result<SweepReport, Error> {
        let rows = self.landscapes.iter().map(|landscape| self.report_of(landscape));
        Ok(SweepReport::new(rows.collect::<Result<_, _>>()?))
    }

    /// The features (d x n) of the worst start of the first dimension, if one ended.
    ///
    /// # Errors
    /// As [`features`].
    pub fn worst(&self, control: &Control) -> Result<Option<DMatrix<f64>>, Error> {
        let landscape = &self.landscapes[0];
        let Some(worst) = landscape.worst() else {
            return Ok(None);
        };
        features(
            &self.problem,
            &self.optimum,
            landscape.dimension,
            &self.settings,
            worst.index,
            control,
        )
        .map(Some)
    }
}
