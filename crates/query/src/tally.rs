//! What is counted of each group of rows: the same everywhere.

use std::collections::BTreeMap;

use arachne_aggregate::histogram::Histogram;
use arachne_filter::{Computed, Outcome};
use arachne_store::{GroupRequest, Groups, Key, Measure, Measured, Number, Scalar, Scanned};

use crate::error::QueryError;
use crate::limits::{GROUPS_MAX, SKETCHES_MAX};
use crate::scope::Resolved;

/// What was counted of some rows.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Tally {
    pub count: u64,
    /// The same by what came of them, in the order of [`Outcome`]; zeros when that was not asked for.
    pub outcomes: [u64; Outcome::COUNT],
    pub duration_ns: i64,
    pub bytes: i64,
    pub max: Option<i64>,
    pub histogram: Histogram,
}

impl Tally {
    /// Rows of class error.
    pub const fn errors(&self) -> u64 {
        self.outcomes[Outcome::Failed as usize] + self.outcomes[Outcome::Unanswered as usize]
    }

    pub fn add(&mut self, other: &Self) {
        self.count += other.count;
        self.outcomes.iter_mut().zip(other.outcomes).for_each(|(mine, others)| *mine += others);
        self.duration_ns = self.duration_ns.saturating_add(other.duration_ns);
        self.bytes = self.bytes.saturating_add(other.bytes);
        self.max = self.max.max(other.max);
        self.histogram.merge(&other.histogram);
    }

    /// Errors by rows, 0 to 1; `None` of no rows.
    pub fn error_share(&self) -> Option<f64> {
        share(self.errors(), self.count)
    }
}

/// A part of a whole, 0 to 1; `None` of nothing.
pub(crate) fn share(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

/// What is to be counted beside rows: columns that are not asked for are not read.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Wanted {
    /// What came of them.
    pub outcomes: bool,
    pub durations: bool,
    pub bytes: bool,
    /// The largest of a number.
    pub max: Option<Number>,
    /// Whether the histogram of that number is wanted too.
    pub sketch: bool,
}

impl Wanted {
    /// Everything, and the largest of a number if there is one.
    pub const fn all(max: Option<Number>, sketch: bool) -> Self {
        Self { outcomes: true, durations: true, bytes: true, max, sketch }
    }
}

/// How to count the groups of a scope.
#[derive(Clone, Debug)]
pub(crate) struct Counting {
    byte_columns: usize,
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
    /// Counts the rows of `resolved` by `keys`.
    pub fn new(resolved: &Resolved, keys: &[Key], wanted: Wanted) -> (Self, GroupRequest) {
        let table = resolved.table;
        let sizes = ["http.request.size", "http.response.size", "tcp.client.bytes", "tcp.server.bytes"];
        let bytes: Vec<usize> = sizes.iter().filter(|_| wanted.bytes).filter_map(|name| table.column(name)).collect();
        let durations = wanted.durations && table.end.is_some();
        let outcomes = wanted.outcomes && table.column("http.response.status_code").is_some();
        // Rows are the sum of what came of them.
        let mut measures = vec![if outcomes { Measure::Outcomes } else { Measure::Count }];
        measures.extend(bytes.iter().map(|&column| Measure::Sum(Number::Column(column))));
        measures.extend(durations.then_some(Measure::Sum(Number::Computed(Computed::Duration))));
        measures.extend(wanted.max.map(Measure::Max));
        measures.extend(wanted.max.filter(|_| wanted.sketch).map(Measure::Histogram));
        let groups_max = if wanted.sketch { SKETCHES_MAX } else { GROUPS_MAX };
        let request = GroupRequest {
            selection: resolved.selection.clone(),
            keys: keys.to_vec(),
            measures,
            groups_max,
            whole: false,
        };
        (Self { byte_columns: bytes.len() }, request)
    }

    /// Reads the answer to the request that came with it.
    pub fn read(&self, groups: Groups) -> Tallies {
        let mut tallies = Tallies { scanned: groups.scanned, ..Tallies::default() };
        for group in groups.groups {
            let tally = self.tally(group.measures);
            // A grouping by nothing has a group also when there are no rows.
            if tally.count > 0 {
                tallies.groups.insert(group.key, tally);
            }
        }
        tallies.rest = groups.rest.map(|measures| self.tally(measures));
        tallies
    }

    fn tally(&self, measures: Vec<Measured>) -> Tally {
        let mut tally = Tally::default();
        let mut ints = 0;
        for measured in measures {
            match measured {
                Measured::Extreme(extreme) => tally.max = extreme,
                Measured::Outcomes(outcomes) => {
                    tally.outcomes = outcomes;
                    tally.count = outcomes.iter().sum();
                    ints += 1;
                }
                Measured::Histogram(histogram) => tally.histogram = *histogram,
                // Nobody asks for it here.
                Measured::Sketch(_) | Measured::Mean(_) => {}
                Measured::Int(_) | Measured::Sum(_) => {
                    let number = measured.number();
                    match ints {
                        0 => tally.count = u64::try_from(number).unwrap_or(0),
                        n if n <= self.byte_columns => tally.bytes = tally.bytes.saturating_add(number),
                        _ => tally.duration_ns = number,
                    }
                    ints += 1;
                }
            }
        }
        tally
    }
}
