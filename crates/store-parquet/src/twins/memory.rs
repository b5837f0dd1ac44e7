//! Twins among rows that are in no part yet.
//!
//! Parts are compared when they are written ([`super::resolve`]), rows in memory with parts when they come ([`super::met`]), and
//! with each other here, whenever there are new ones: two agents that see one exchange have it once from the first answer on.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arachne_model::table::{ExchangeRow, Row as _};
use arachne_store::TWINS_APART_MAX;
use arrow::array::{AsArray as _, BooleanArray, RecordBatch};

use super::met::{Facts, Met};

/// A row: its wire key, its start, and where it is. Sorted, twins are together.
type Place = (i64, i64, u32, u32);

/// Smaller beats larger: the vantage nearest to the server, then the smaller source.
type Rank<'a> = (u8, &'a str);

/// Rows of one wire key up to which each is compared with each.
const FEW: usize = 8;

/// Batches of exchanges in memory with the right flags. `met` are the twins that they have in parts.
pub(crate) fn counted(memory: Vec<RecordBatch>, met: &Met) -> Vec<RecordBatch> {
    let all: Vec<Facts> = memory.iter().map(Facts::of).collect();
    let mut sources = BTreeSet::new();
    all.iter().for_each(|facts| facts.sources(&mut sources));
    if sources.len() < 2 && met.is_empty() {
        return memory;
    }
    let mut lost = vec![Vec::new(); all.len()];
    let places = places(&all);
    for twins in places.chunk_by(|a, b| a.0 == b.0).filter(|rows| rows.len() > 1) {
        mark(twins, &all, &mut lost);
    }
    for (key, start, source) in met.beaten() {
        let from = places.partition_point(|place| (place.0, place.1) < (key, start));
        let same = places[from..].iter().take_while(|place| (place.0, place.1) == (key, start));
        for (.., at, row) in same.map(|place| index(*place)).filter(|(.., at, row)| all[*at].source(*row) == source) {
            lost[at].push(row);
        }
    }
    memory.into_iter().zip(lost).map(|(batch, lost)| without(batch, &lost)).collect()
}

fn places(all: &[Facts]) -> Vec<Place> {
    let mut places: Vec<Place> = Vec::with_capacity(all.iter().map(|facts| facts.0.num_rows()).sum());
    for (at, facts) in (0..).zip(all) {
        places.extend(
            facts.keys().iter().zip(facts.starts()).zip(0..).map(|((key, start), row)| (*key, *start, at, row)),
        );
    }
    places.sort_unstable();
    places
}

/// A place with its numbers as indices.
fn index((key, start, at, row): Place) -> (i64, i64, usize, usize) {
    (key, start, at as usize, row as usize)
}

/// Marks which of the rows of one wire key, in the order of their starts, do not count.
fn mark(rows: &[Place], all: &[Facts], lost: &mut [Vec<usize>]) {
    let rank = |place: Place| -> Rank<'_> {
        let (.., at, row) = index(place);
        (all[at].vantage(row), all[at].source(row))
    };
    let mut lose = |place: Place| {
        let (.., at, row) = index(place);
        lost[at].push(row);
    };
    if rows.len() > FEW {
        return mark_many(rows, rank, lose);
    }
    for place in rows {
        let own = rank(*place);
        let beats = |other: &Place| {
            let near = other.1.abs_diff(place.1) <= TWINS_APART_MAX.unsigned_abs();
            let other = rank(*other);
            near && other < own && other.1 != own.1
        };
        if rows.iter().any(beats) {
            lose(*place);
        }
    }
}

/// However many there are of one source, each is compared with the nearest of another one only.
fn mark_many<'a>(rows: &[Place], rank: impl Fn(Place) -> Rank<'a>, mut lose: impl FnMut(Place)) {
    let mut starts: BTreeMap<Rank<'_>, Vec<i64>> = BTreeMap::new();
    rows.iter().for_each(|row| starts.entry(rank(*row)).or_default().push(row.1));
    for place in rows {
        let (own, start) = (rank(*place), place.1);
        let near = |starts: &[i64]| {
            let first = starts.partition_point(|other| *other < start.saturating_sub(TWINS_APART_MAX));
            starts.get(first).is_some_and(|other| *other <= start.saturating_add(TWINS_APART_MAX))
        };
        if starts.range(..own).any(|(other, starts)| other.1 != own.1 && near(starts)) {
            lose(*place);
        }
    }
}

/// The batch where these rows do not count.
fn without(batch: RecordBatch, lost: &[usize]) -> RecordBatch {
    if lost.is_empty() {
        return batch;
    }
    let at = ExchangeRow::TABLE.column("counted").expect("a column of the table");
    let mut flags: Vec<bool> = batch.column(at).as_boolean().values().iter().collect();
    lost.iter().for_each(|row| flags[*row] = false);
    let mut columns = batch.columns().to_vec();
    columns[at] = Arc::new(BooleanArray::from(flags));
    RecordBatch::try_new(batch.schema(), columns).expect("a column of the same kind and length")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::sorted;

    fn row(source: &str, vantage: &str, key: i64, start: i64) -> ExchangeRow {
        let (source, vantage) = (source.to_owned(), Some(vantage.to_owned()));
        let id = format!("{source}{key}{start}");
        ExchangeRow { id, source, vantage, wire_key: key, start, counted: true, ..ExchangeRow::default() }
    }

    fn batch(rows: &[ExchangeRow]) -> RecordBatch {
        sorted(rows).expect("there are rows")
    }

    /// Sources and keys of the rows that count.
    fn counting(memory: Vec<RecordBatch>) -> Vec<(String, i64)> {
        let mut found = Vec::new();
        for batch in counted(memory, &Met::default()) {
            let rows = (0..batch.num_rows()).map(|row| crate::columns::row::<ExchangeRow>(&batch, row));
            found.extend(rows.filter(|row| row.counted).map(|row| (row.source, row.wire_key)));
        }
        found.sort();
        found
    }

    #[test]
    fn the_one_nearest_to_the_server_counts_in_whichever_batch() {
        let (client, server) = ([row("a", "client", 1, 5), row("a", "client", 2, 6)], [row("b", "server", 1, 5)]);
        let expected = [("a".to_owned(), 2), ("b".to_owned(), 1)];
        for batches in [
            vec![batch(&client), batch(&server)],
            vec![batch(&server), batch(&client)],
            vec![batch(&[&client[..], &server].concat())],
        ] {
            assert_eq!(counting(batches), expected);
        }
        let alone = batch(&client);
        assert_eq!(counting(vec![alone]).len(), 2);
    }

    #[test]
    fn rows_of_one_source_or_far_apart_are_no_twins_however_many() {
        let rows: Vec<_> = (0..20_000).map(|n| row("a", "client", 1, n)).collect();
        let late = row("b", "server", 1, 20_000 + TWINS_APART_MAX);
        assert_eq!(counting(vec![batch(&rows), batch(&[late])]).len(), 20_001);
        let near = row("b", "server", 1, 10_000 + TWINS_APART_MAX);
        assert_eq!(counting(vec![batch(&rows), batch(&[near])]).len(), 10_001);
    }
}
