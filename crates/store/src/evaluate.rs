//! What a request means for a single row: the reference that engines equal, and what they may call for rows in memory.

use arachne_filter::{Computed, HeaderSide, Outcome, header_values};
use arachne_model::table::{Row, Value};

use crate::request::{Buckets, Callers, CountMode, Key, Number, Scalar, Selection, TimeRange};

impl TimeRange {
    /// Whether `at` lies inside.
    #[inline]
    #[must_use]
    pub const fn contains(&self, at: i64) -> bool {
        self.from <= at && at < self.to
    }
}

impl Selection {
    /// Whether an item with this `start` and `end` (null while it is open) belongs to the range. Items of tables without
    /// an end give their start for it.
    ///
    /// An item that ends at or before its start has no length: it overlaps what contains its start.
    #[must_use]
    pub fn covers(&self, start: i64, end: Option<i64>) -> bool {
        match self.mode {
            CountMode::Start => self.range.contains(start),
            CountMode::End => end.is_some_and(|end| self.range.contains(end)),
            CountMode::Overlap => match end.unwrap_or(self.now) {
                end if end <= start => self.range.contains(start),
                end => self.range.from < self.range.to && start < self.range.to && end > self.range.from,
            },
        }
    }

    /// Whether `row` is selected.
    #[must_use]
    pub fn selects<R: Row>(&self, row: &R) -> bool {
        let (start, end) = times(row);
        self.covers(start, end) && !(self.counted_only && is_twin(row)) && self.predicate.matches(row)
    }

    /// The first and the last instant of a selected item that count, clipped to the range.
    fn instants(&self, start: i64, end: Option<i64>) -> (i64, i64) {
        match self.mode {
            CountMode::Start => (start, start),
            CountMode::End => (end.unwrap_or(start), end.unwrap_or(start)),
            CountMode::Overlap => {
                let first = start.max(self.range.from);
                let last = end.unwrap_or(self.now).min(self.range.to).saturating_sub(1);
                (first, last.max(first))
            }
        }
    }
}

impl Buckets {
    /// The number of the bucket with `at`; the first or the last one for what lies outside.
    #[must_use]
    pub fn number(&self, at: i64) -> u32 {
        let number = (i128::from(at) - i128::from(self.origin)).div_euclid(i128::from(self.step.max(1)));
        let last = self.count.saturating_sub(1);
        u32::try_from(number.max(0)).unwrap_or(last).min(last)
    }

    /// The value of [`Key::Bucket`] of a selected item with this start and end.
    #[must_use]
    pub fn one(&self, selection: &Selection, start: i64, end: Option<i64>) -> i64 {
        i64::from(self.number(selection.instants(start, end).0))
    }

    /// The value of [`Key::Buckets`] of a selected item with this start and end.
    #[must_use]
    pub fn both(&self, selection: &Selection, start: i64, end: Option<i64>) -> i64 {
        let (first, last) = selection.instants(start, end);
        i64::from(self.number(first)) << 32 | i64::from(self.number(last))
    }
}

impl Number {
    /// The number of `row`; `None` for null and for what is no number.
    #[must_use]
    pub fn of<R: Row>(self, row: &R) -> Option<i64> {
        match self {
            Self::Column(column) => int(row.value(column)),
            Self::Computed(computed) => computed.with(row, int),
        }
    }
}

impl Key {
    /// The value of the key for a selected row.
    #[must_use]
    pub fn of<R: Row>(&self, row: &R, selection: &Selection) -> Scalar {
        match self {
            Self::Column(column) => row.value(*column).into(),
            Self::Class(thresholds) => Computed::Class(*thresholds).with(row, |value| value.into()),
            Self::Header(side, name) => first_header(*side, name, row),
            Self::Caller(callers) => callers.of(row),
            Self::Bucket(buckets) => {
                let (start, end) = times(row);
                Scalar::Int(buckets.one(selection, start, end))
            }
            Self::Buckets(buckets) => {
                let (start, end) = times(row);
                Scalar::Int(buckets.both(selection, start, end))
            }
        }
    }
}

impl Callers {
    /// The value of [`Key::Caller`] for a row.
    #[must_use]
    pub fn of<R: Row>(&self, row: &R) -> Scalar {
        let text = |column| if let Value::Text(text) = row.value(column) { Some(text) } else { None };
        let client = text(self.client);
        let forwards = client.is_some_and(|client| self.gateways.contains(client));
        let caller = if forwards { text(self.origin).or(client) } else { client };
        let named = caller.filter(|caller| self.named.contains(*caller));
        named.map_or(Scalar::Null, |caller| Scalar::Text(caller.into()))
    }
}

/// What came of a row; of tables without answers, all rows are unanswered.
#[must_use]
pub fn outcome<R: Row>(row: &R) -> Outcome {
    let value = |name: &str| R::TABLE.column(name).map_or(Value::Null, |column| row.value(column));
    Outcome::of(int(value("http.response.status_code")), value("provisional") == Value::Bool(true))
}

/// Start and end of a row; the end is the start in tables without one.
#[must_use]
pub fn times<R: Row>(row: &R) -> (i64, Option<i64>) {
    let start = int(row.value(R::TABLE.start)).unwrap_or_default();
    (start, R::TABLE.end.map_or(Some(start), |column| int(row.value(column))))
}

/// Whether another row counts for this one.
fn is_twin<R: Row>(row: &R) -> bool {
    R::TABLE.column("counted").is_some_and(|column| row.value(column) == Value::Bool(false))
}

fn first_header<R: Row>(side: HeaderSide, name: &str, row: &R) -> Scalar {
    let mut columns = side.columns(R::TABLE);
    let found = columns.find_map(|column| match row.value(column) {
        Value::Text(lines) => header_values(lines, name).next().map(|value| Scalar::from(Value::Text(value))),
        _ => None,
    });
    found.unwrap_or(Scalar::Null)
}

fn int(value: Value<'_>) -> Option<i64> {
    if let Value::Int(number) = value { Some(number) } else { None }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arachne_filter::Predicate;
    use arachne_model::table::ExchangeRow;

    use super::*;

    fn selection(mode: CountMode, from: i64, to: i64) -> Selection {
        let predicate = Arc::new(Predicate::All);
        let range = TimeRange { from, to };
        Selection { table: ExchangeRow::TABLE, range, mode, predicate, now: 100, counted_only: true }
    }

    #[test]
    fn what_belongs_to_a_range() {
        // start, end, and whether it overlaps, starts in, ends in [10, 20).
        let cases = [
            (0, Some(10), [false, false, true]),
            (0, Some(11), [true, false, true]),
            (10, Some(10), [true, true, true]),
            (19, Some(30), [true, true, false]),
            (20, Some(30), [false, false, false]),
            (0, Some(40), [true, false, false]),
            (15, Some(12), [true, true, true]),
            (25, Some(12), [false, false, true]),
            (5, None, [true, false, false]),
            (i64::MIN, Some(i64::MAX), [true, false, false]),
        ];
        for (start, end, expected) in cases {
            let modes = [CountMode::Overlap, CountMode::Start, CountMode::End];
            let found = modes.map(|mode| selection(mode, 10, 20).covers(start, end));
            assert_eq!(found, expected, "{start} {end:?}");
            assert!(!selection(CountMode::Overlap, 15, 15).covers(start, end), "an empty range has nothing");
        }
    }

    #[test]
    fn buckets_of_an_item() {
        let buckets = Buckets { origin: 0, step: 10, count: 4 };
        let both = |mode, start, end| buckets.both(&selection(mode, 5, 35), start, end);
        assert_eq!(both(CountMode::Overlap, 0, Some(20)), 1, "half-open: 20 is not met");
        assert_eq!(both(CountMode::Overlap, 0, Some(21)), 2);
        assert_eq!(both(CountMode::Overlap, 12, Some(12)), 1 << 32 | 1);
        assert_eq!(both(CountMode::Overlap, 12, None), 1 << 32 | 3, "an open one lasts until now");
        assert_eq!(both(CountMode::End, 12, Some(30)), 3 << 32 | 3);
        assert_eq!(buckets.one(&selection(CountMode::Start, 5, 35), 12, Some(30)), 1);
        assert_eq!(buckets.number(i64::MIN), 0);
        assert_eq!(buckets.number(i64::MAX), 3);
        assert_eq!(Buckets { origin: i64::MIN, step: 1, count: u32::MAX }.number(i64::MAX), u32::MAX - 1);
    }
}
