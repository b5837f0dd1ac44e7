//! What the beacons of a window say.

use super::read::{Beacon, STAGES, VITALS};
use crate::Histogram;
use crate::members::Named;
use crate::series::{Series, Value};

/// How a vital is judged.
pub(super) const RATINGS: [&str; 3] = ["good", "fair", "poor"];

/// Beacons of a window of time, by page and release.
#[derive(Clone, Debug, Default)]
pub struct Window {
    pub(super) groups: Named<Group>,
}

/// Those of a page in a release.
#[derive(Clone, Debug, Default)]
pub(super) struct Group {
    /// Beacons, those too that tell of no view.
    beacons: u64,
    views: u64,
    errors: u64,
    stages: [Histogram; STAGES.len()],
    load: Histogram,
    vitals: [Histogram; VITALS.len()],
    ratings: [[u64; RATINGS.len()]; VITALS.len()],
}

impl Group {
    /// What tells one from all others. Neither part holds a control character.
    pub(super) fn key(page: &str, release: Option<&str>) -> String {
        format!("{page}\0{}", release.unwrap_or_default())
    }

    pub(super) fn add(&mut self, beacon: &Beacon) {
        let weight = beacon.weight;
        self.beacons += weight;
        self.views += if beacon.is_view() { weight } else { 0 };
        self.errors += beacon.errors * weight;
        for (held, stage) in self.stages.iter_mut().zip(beacon.stages) {
            stage.into_iter().for_each(|nanos| held.record_n(nanos, weight));
        }
        beacon.load.into_iter().for_each(|nanos| self.load.record_n(nanos, weight));
        for (at, value) in beacon.vitals.iter().enumerate() {
            if let Some(value) = *value {
                self.vitals[at].record_n(value, weight);
                self.ratings[at][VITALS[at].rating(value)] += weight;
            }
        }
    }

    fn series(&self, own: &[(&str, &str)], out: &mut impl FnMut(&Series<'_>)) {
        let mut put = |name: &str, labels: &[(&str, &str)], value: Value<'_>| {
            let labels: Vec<_> = own.iter().chain(labels).copied().collect();
            if value.total() > 0 {
                out(&Series { name, labels: &labels, value });
            }
        };
        put("browser.views", &[], Value::Count(self.views));
        put("browser.errors", &[], Value::Count(self.errors));
        for (stage, nanos) in STAGES.iter().zip(&self.stages) {
            put("browser.stage.time", &[("stage", stage)], Value::Histogram(nanos));
        }
        put("browser.load.time", &[], Value::Histogram(&self.load));
        for (at, vital) in VITALS.iter().enumerate() {
            match vital.name {
                "cls" => put("browser.layout_shift", &[], Value::Histogram(&self.vitals[at])),
                name => put("browser.vital.time", &[("vital", name)], Value::Histogram(&self.vitals[at])),
            }
            for (rating, count) in RATINGS.iter().zip(self.ratings[at]) {
                put("browser.vitals", &[("rating", rating), ("vital", vital.name)], Value::Count(count));
            }
        }
    }
}

impl Window {
    /// None of the pairs that are in `~other` up to now has more beacons than `most`.
    pub(super) fn bound(&mut self, most: u64) {
        let counted = self.groups.other.beacons;
        self.groups.bound(most, counted);
    }

    /// Everything in it, series by series.
    pub fn series(&self, out: &mut impl FnMut(&Series<'_>)) {
        for (key, group) in self.groups.all() {
            // All others together have the name `~other`, and no release.
            let (page, release) = key.split_once('\0').unwrap_or((key, ""));
            let labels = [("page", page), ("release", release)];
            let labels = if release.is_empty() { &labels[..1] } else { &labels[..] };
            group.series(labels, out);
        }
        let most = self.groups.other_max(self.groups.other.beacons);
        if most > 0 {
            out(&Series { name: "browser.other_max", labels: &[], value: Value::Count(most) });
        }
    }
}
