//! What is counted of each group of rows: the same everywhere.

use std::collections::BTreeMap;

use arachne_aggregate::histogram::Histogram;
use arachne_filter::{Class, Computed};
use arachne_store::{GroupRequest, Groups, Key, Measure, Measured, Number, Scalar, Scanned};

use crate::error::QueryError;
use crate::fields::column;
use crate::limits::{GROUPS_MAX, SKETCHES_MAX};
use crate::scope::Resolved;

/// What was counted of some rows.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Tally {
    pub count: u64,
    /// Of class error.
    pub errors: u64,
    pub duration_ns: i64,
    pub bytes: i64,
    pub max: Option<i64>,
    pub histogram: Histogram,
}

impl Tally {
    pub fn add(&mut self, other: &Self) {
        self.count += other.count;
        self.errors += other.errors;
        self.duration_ns = self.duration_ns.saturating_add(other.duration_ns);
        self.bytes = self.bytes.saturating_add(other.bytes);
        self.max = self.max.max(other.max);
        self.histogram.merge(&other.histogram);
    }

    /// Errors by rows, 0 to 1; `None` of no rows.
    pub fn error_share(&self) -> Option<f64> {
        share(self.errors, self.count)
    }
}

/// A part of a whole, 0 to 1; `None` of nothing.
pub(crate) fn share(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

/// How to count the groups of a scope.
#[derive(Clone, Debug)]
pub(crate) struct Counting {
    keys: usize,
    errors: bool,
    byte_columns: Vec<usize>,
    durations: bool,
    of: Option<Number>,
}

/// Groups by key, and what is beyond them.
#[derive(Debug, Default)]
pub(crate) struct Tallies {
    pub groups: BTreeMap<Vec<Scalar>, Tally>,
    /// What was beyond the most groups that are told apart.
    pub rest: Option<Tally>,
    pub scanned: Scanned,
}

impl Tallies {
    /// Everything.
    pub fn total(&self) -> Tally {
        let mut total = self.rest.clone().unwrap_or_default();
        self.groups.values().for_each(|tally| total.add(tally));
        total
    }

    /// Refuses what could not be told apart.
    pub fn whole(self) -> Result<Self, QueryError> {
        if self.rest.is_some() { Err(QueryError::TooManyGroups { max: GROUPS_MAX }) } else { Ok(self) }
    }
}

impl Counting {
    /// Counts the rows of `resolved` by `keys`, with the largest and the histogram of a number if one is given.
    pub fn new(resolved: &Resolved, keys: &[Key], of: Option<Number>, sketch: bool) -> (Self, GroupRequest) {
        let table = resolved.table;
        let sizes = [["http.request.size", "http.response.size"], ["tcp.client.bytes", "tcp.server.bytes"]];
        let byte_columns: Vec<usize> = sizes.iter().flatten().filter_map(|name| column(table, name)).collect();
        let counting = Self {
            keys: keys.len(),
            errors: table.column("http.response.status_code").is_some(),
            byte_columns,
            durations: table.end.is_some(),
            of: of.filter(|_| sketch),
        };
        let mut keys = keys.to_vec();
        keys.extend(counting.errors.then_some(Key::Class(resolved.settings.thresholds)));
        let mut measures = vec![Measure::Count];
        measures.extend(counting.byte_columns.iter().map(|&column| Measure::Sum(Number::Column(column))));
        measures.extend(counting.durations.then_some(Measure::Sum(Number::Computed(Computed::Duration))));
        measures.extend(of.map(Measure::Max));
        measures.extend(counting.of.map(Measure::Histogram));
        let groups_max = if counting.of.is_some() { SKETCHES_MAX } else { GROUPS_MAX };
        let request = GroupRequest { selection: resolved.selection.clone(), keys, measures, groups_max };
        (counting, request)
    }

    /// Reads the answer to the request that came with it.
    pub fn read(&self, groups: Groups) -> Tallies {
        let mut tallies = Tallies { scanned: groups.scanned, ..Tallies::default() };
        for mut group in groups.groups {
            let class = group.key.get(self.keys).filter(|_| self.errors);
            let error = class == Some(&Scalar::Text(Class::Error.name().into()));
            let tally = self.tally(group.measures, error);
            group.key.truncate(self.keys);
            // A grouping by nothing has a group also when there are no rows.
            if tally.count > 0 {
                tallies.groups.entry(group.key).or_default().add(&tally);
            }
        }
        // Which of the rest are errors is not known here.
        tallies.rest = groups.rest.map(|measures| self.tally(measures, false));
        tallies
    }

    fn tally(&self, measures: Vec<Measured>, error: bool) -> Tally {
        let mut tally = Tally::default();
        let mut ints = 0;
        for measured in measures {
            match measured {
                Measured::Extreme(extreme) => tally.max = extreme,
                Measured::Histogram(histogram) => tally.histogram = *histogram,
                Measured::Int(number) => {
                    match ints {
                        0 => tally.count = u64::try_from(number).unwrap_or(0),
                        n if n <= self.byte_columns.len() => tally.bytes = tally.bytes.saturating_add(number),
                        _ => tally.duration_ns = number,
                    }
                    ints += 1;
                }
            }
        }
        tally.errors = if error { tally.count } else { 0 };
        tally
    }
}
