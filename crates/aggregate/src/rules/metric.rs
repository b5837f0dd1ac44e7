//! A metric of a rule: its label sets, bounded, and its values in a window.

use std::sync::Arc;

use foldhash::fast::FixedState;
use std::hash::BuildHasher as _;

use super::spec::{Kind, MetricSpec};
use super::value::Value;
use crate::members::{Members, Named};
use crate::series::{OTHER, Series};
use crate::top::{Rank, Tally, Top};
use crate::{Distinct, Histogram, series};

/// Label sets of a metric with series of their own, unless chosen otherwise.
pub const LABEL_SETS_MAX: usize = 500;
/// Longer label values are cut.
pub const LABEL_BYTES_MAX: usize = 128;
/// Label sets without a place that are watched, in case one of them gets heavy.
const CANDIDATES: usize = 64;
/// The error bound of the label sets of a metric: none within `~other` has more values than this.
const OTHER_MAX: &str = "log.labels.other_max";
/// Between the values of a label set.
const BETWEEN: char = '\u{1f}';

/// What a label is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Label {
    Field(usize),
    Text(String),
}

/// What a metric is called and what labels it has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Described {
    /// Its name.
    pub name: String,
    /// What is made of values.
    pub kind: Kind,
    /// Whether there are values or only lines.
    pub valued: bool,
    /// Percentiles to show, in hundredths of a percent.
    pub percents: Vec<u16>,
    /// The names of its labels.
    pub labels: Vec<String>,
}

/// Label sets that found no place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limited {
    /// How many values went to `~other`.
    pub values: u64,
    /// The label with the most different values among them, and about how many.
    pub label: String,
    /// About how many different values it had.
    pub distinct: u64,
}

/// The values of one label set in one window.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Cell {
    count: u64,
    sum: i128,
    histogram: Histogram,
}

/// A metric ready for values.
#[derive(Clone, Debug)]
pub(super) struct Metric {
    pub(super) described: Arc<Described>,
    pub(super) value: Option<(Value, usize)>,
    pub(super) labels: Vec<Label>,
    pub(super) sets: Members,
    candidates: Top,
    hasher: FixedState,
    key: String,
    limited: u64,
    distinct: Vec<Distinct>,
    /// Values that are no numbers, or below zero where a distribution was asked for.
    pub(super) bad_values: u64,
    pub(super) values: u64,
}

impl Metric {
    pub(super) fn new(
        spec: &MetricSpec,
        value: Option<(Value, usize)>,
        labels: Vec<Label>,
        sets: usize,
        seed: u64,
    ) -> Self {
        let described = Described {
            name: spec.name.clone(),
            kind: spec.kind,
            valued: value.is_some(),
            percents: spec.percents.clone(),
            labels: spec.labels.iter().map(|(name, _)| name.clone()).collect(),
        };
        Self {
            described: Arc::new(described),
            value,
            distinct: vec![Distinct::new(); labels.len()],
            labels,
            sets: Members::new(sets, seed),
            candidates: Top::new(CANDIDATES, Rank::Count),
            hasher: FixedState::with_seed(seed),
            key: String::new(),
            limited: 0,
            bad_values: 0,
            values: 0,
        }
    }

    /// Adds what a line says to a window. Of a distribution the slot of its labels and the value.
    pub(super) fn add(&mut self, fields: &[Option<&[u8]>], window: &mut Named<Cell>) -> Option<(Option<usize>, u64)> {
        let number = match &self.value {
            None => 0,
            Some((value, field)) => match fields.get(*field).copied().flatten() {
                // A group that took no part is no value.
                None => return None,
                Some(text) => match value.read(text).filter(|n| self.described.kind == Kind::Rate || *n >= 0) {
                    Some(number) => number,
                    None => {
                        self.bad_values += 1;
                        return None;
                    }
                },
            },
        };
        self.values += 1;
        write_key(&mut self.key, &self.labels, fields);
        let slot = self.sets.slot(&self.key);
        if slot.is_none() {
            self.limited += 1;
            self.candidates.add(&self.key, Tally { count: 1, sum: 0 });
            for (distinct, value) in self.distinct.iter_mut().zip(self.key.split(BETWEEN)) {
                distinct.insert(self.hasher.hash_one(value));
            }
        }
        let cell = window.at(slot);
        cell.count += 1;
        cell.sum = cell.sum.saturating_add(number);
        (self.described.kind == Kind::Percentiles).then(|| {
            let number = u64::try_from(number).unwrap_or(u64::MAX);
            cell.histogram.record(number);
            (slot, number)
        })
    }

    /// At the end of a window: which slots change hands, with whom they were.
    pub(super) fn rank(&mut self, number: i64, window: &mut Named<Cell>) -> Vec<(usize, Arc<str>)> {
        let candidates = std::mem::replace(&mut self.candidates, Top::new(CANDIDATES, Rank::Count));
        window.bound(u64::try_from(candidates.most()).unwrap_or(u64::MAX), window.other.count);
        self.sets.keep(number, window, &candidates)
    }

    /// What had no place, if anything.
    pub(super) fn limited(&self) -> Option<Limited> {
        let (at, distinct) =
            self.distinct.iter().map(Distinct::estimate).enumerate().max_by_key(|(_, count)| *count)?;
        let label = self.described.labels.get(at)?.clone();
        (self.limited > 0).then_some(Limited { values: self.limited, label, distinct })
    }
}

/// The values of all labels, cut, with a separator that none holds.
fn write_key(key: &mut String, labels: &[Label], fields: &[Option<&[u8]>]) {
    key.clear();
    for (at, label) in labels.iter().enumerate() {
        if at > 0 {
            key.push(BETWEEN);
        }
        let value = match label {
            Label::Text(text) => text.as_bytes(),
            Label::Field(field) => fields.get(*field).copied().flatten().unwrap_or_default(),
        };
        let start = key.len();
        match std::str::from_utf8(value) {
            Ok(value) if memchr::memchr(BETWEEN as u8, value.as_bytes()).is_none() => key.push_str(value),
            _ => key.push_str(&String::from_utf8_lossy(value).replace(BETWEEN, " ")),
        }
        key.truncate(key.floor_char_boundary(start + LABEL_BYTES_MAX));
    }
}

impl Described {
    /// The series of a metric in a window.
    pub(super) fn series(&self, cells: &Named<Cell>, out: &mut dyn FnMut(Series<'_>)) {
        for (key, cell) in cells.all().filter(|(_, cell)| cell.count > 0) {
            let mut values = key.split(BETWEEN);
            let mut value = || if key == OTHER { OTHER } else { values.next().unwrap_or("") };
            let labels: Vec<_> = self.labels.iter().map(|name| (name.as_str(), value())).collect();
            let value = match (self.kind, self.valued) {
                (Kind::Percentiles, _) => series::Value::Histogram(&cell.histogram),
                (Kind::Rate, true) => series::Value::Sum(cell.sum),
                (Kind::Rate, false) => series::Value::Count(cell.count),
            };
            out(Series { name: &self.name, labels: &labels, value });
        }
        let most = cells.other_max(cells.other.count);
        if most > 0 {
            out(Series { name: OTHER_MAX, labels: &[("metric", &self.name)], value: series::Value::Count(most) });
        }
    }
}
