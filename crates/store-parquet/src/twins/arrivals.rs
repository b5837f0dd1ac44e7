//! Rows in memory that are compared with parts, and what of parts is near them.

use std::collections::BTreeSet;
use std::sync::Arc;

use arachne_store::TWINS_APART_MAX;
use arrow::array::{AsArray as _, RecordBatch};
use arrow::datatypes::Int64Type;

use super::rivals::Rank;
use super::{columns_of, text, vantage_rank};
use crate::part::Part;

/// Starts are near when their stretches of so many nanoseconds are: a minute.
const STRETCH: i64 = TWINS_APART_MAX / 10;

/// The columns of a batch of exchanges that tell twins; see [`super::COLUMNS`].
#[derive(Clone, Debug)]
pub(crate) struct Facts(pub RecordBatch);

impl Facts {
    /// Of a batch with all columns.
    pub fn of(batch: &RecordBatch) -> Self {
        Self(batch.project(&columns_of()).expect("columns of the table"))
    }

    /// Wire keys.
    pub fn keys(&self) -> &[i64] {
        self.0.column(0).as_primitive::<Int64Type>().values()
    }

    /// Starts.
    pub fn starts(&self) -> &[i64] {
        self.0.column(1).as_primitive::<Int64Type>().values()
    }

    /// Vantage and source of a row.
    pub fn rank(&self, row: usize) -> Rank<'_> {
        (vantage_rank(text(&self.0, 2, row)), self.source(row))
    }

    /// The source of a row.
    pub fn source(&self, row: usize) -> &str {
        text(&self.0, 3, row)
    }

    /// All sources, and perhaps some that no row has any more. Looks at no row where words are kept apart.
    pub fn sources(&self, all: &mut BTreeSet<Arc<str>>) {
        let column = self.0.column(3);
        let words = column.as_any_dictionary_opt().and_then(|words| words.values().as_string_opt::<i32>().cloned());
        let mut add = |source: &str| {
            if !all.contains(source) {
                all.insert(source.into());
            }
        };
        match words {
            Some(words) => words.iter().flatten().for_each(&mut add),
            None => (0..self.0.num_rows()).for_each(|row| add(self.source(row))),
        }
    }
}

/// Which rows in memory: they become parts, or go, together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Holder {
    /// Those that are being written as parts.
    Frozen,
    /// Those since then.
    Memory,
    /// Exchanges that have not ended.
    Open,
}

/// All of them.
pub(crate) const HOLDERS: usize = 3;

/// A row: its wire key, who holds it, its start, and where it is. Sorted, twins are together.
pub(crate) type Arrival = (i64, Holder, i64, usize, usize);

/// Rows in memory that are compared with parts.
#[derive(Clone, Debug, Default)]
pub(crate) struct Arrivals {
    batches: Vec<Facts>,
    sources: BTreeSet<Arc<str>>,
    rows: Vec<Arrival>,
    near: Near,
}

impl Arrivals {
    pub fn of<'a>(batches: impl IntoIterator<Item = (Holder, &'a RecordBatch)>) -> Self {
        let mut all = Self::default();
        for (at, (holder, batch)) in batches.into_iter().enumerate() {
            let facts = Facts::of(batch);
            facts.sources(&mut all.sources);
            let rows = facts.keys().iter().zip(facts.starts()).enumerate();
            all.rows.extend(rows.map(|(row, (key, start))| (*key, holder, *start, at, row)));
            all.batches.push(facts);
        }
        all.rows.sort_unstable();
        all.near = Near::of(all.rows.iter().map(|row| row.2));
        all
    }

    /// Whether a part may have twins of them.
    pub fn may_meet(&self, part: &Part) -> bool {
        let known = |source: &str| self.sources.len() == 1 && self.sources.contains(source);
        self.near.meets(part.meta.start_min, part.meta.start_max)
            && !part.meta.sources.iter().all(|one| known(&one.source))
    }

    /// Where twins of them start.
    pub const fn near(&self) -> &Near {
        &self.near
    }

    /// Rows of one wire key that are held together, key by key.
    pub fn by_key(&self) -> impl Iterator<Item = &[Arrival]> {
        self.rows.chunk_by(|a, b| (a.0, a.1) == (b.0, b.1))
    }

    /// Vantage and source of a row.
    pub fn rank(&self, (.., at, row): Arrival) -> Rank<'_> {
        self.batches[at].rank(row)
    }

    /// The source with this name.
    pub fn source(&self, name: &str) -> Arc<str> {
        self.sources.get(name).map_or_else(|| name.into(), Arc::clone)
    }
}

/// Times at which twins of rows may start: ranges with both ends, ascending and apart. A single row of hours ago does not make all
/// that came since near.
#[derive(Clone, Debug, Default)]
pub(crate) struct Near(Vec<(i64, i64)>);

impl Near {
    fn of(starts: impl Iterator<Item = i64>) -> Self {
        let mut stretches: Vec<i64> = Vec::new();
        for stretch in starts.map(|start| start.div_euclid(STRETCH)) {
            if stretches.last() != Some(&stretch) {
                stretches.push(stretch);
            }
        }
        stretches.sort_unstable();
        let mut ranges: Vec<(i64, i64)> = Vec::new();
        for stretch in stretches {
            let from = stretch.saturating_mul(STRETCH).saturating_sub(TWINS_APART_MAX);
            let to = (stretch + 1).saturating_mul(STRETCH).saturating_add(TWINS_APART_MAX);
            match ranges.last_mut().filter(|last| last.1 >= from) {
                Some(last) => last.1 = to,
                None => ranges.push((from, to)),
            }
        }
        Self(ranges)
    }

    /// Whether rows that start from `first` to `last` may be among them.
    pub fn meets(&self, first: i64, last: i64) -> bool {
        let at = self.0.partition_point(|(_, to)| *to < first);
        self.0.get(at).is_some_and(|(from, _)| *from <= last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_near_one_of_them_is_near_and_what_lies_between_is_not() {
        let hour = 3600 * 1_000_000_000;
        let near = Near::of([9 * hour, 0, 1, 9 * hour + 5, i64::MIN, i64::MAX].into_iter());
        assert_eq!(near.0.len(), 4);
        let at = |start| near.meets(start, start);
        assert!(
            [0, TWINS_APART_MAX, -TWINS_APART_MAX, 9 * hour - TWINS_APART_MAX, i64::MIN, i64::MAX]
                .map(at)
                .iter()
                .all(|near| *near)
        );
        assert!(!near.meets(hour, 8 * hour) && near.meets(hour, 9 * hour) && near.meets(i64::MIN, i64::MAX));
        assert!(!Near::default().meets(i64::MIN, i64::MAX));
    }
}
