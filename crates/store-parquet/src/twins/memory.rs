//! Twins among rows that are in no part yet.
//!
//! Parts are compared when they are written ([`super::resolve`]). Until then a row counts when no twin in memory beats it and
//! none was written last: two agents that see one exchange have it once from the first answer on. Of twins that were written
//! earlier both count for as long as the later one is in memory: until the next flush, or its end where it is open.

use std::collections::BTreeMap;
use std::sync::Arc;

use arachne_model::table::{ExchangeRow, Row as _, Value};
use arrow::array::{AsArray as _, BooleanArray, RecordBatch};
use arrow::datatypes::Int64Type;

use super::{COLUMNS, WINDOW, vantage_rank};
use crate::columns::cell;

/// A row: its wire key, its start, and where it is. Sorted, twins are together.
type Place = (i64, i64, usize, usize);

/// Smaller beats larger: what was written, then the vantage nearest to the server, then the smaller source.
type Rank<'a> = (bool, u8, &'a str);

/// The columns of a batch of exchanges that tell twins.
pub(crate) fn facts(batch: &RecordBatch) -> RecordBatch {
    batch.project(&COLUMNS.map(place)).expect("columns of the table")
}

/// Batches of exchanges in memory with the right flags. `written` are the [`facts`] of those that were written last.
pub(crate) fn counted(memory: Vec<RecordBatch>, written: &[RecordBatch]) -> Vec<RecordBatch> {
    let mut all: Vec<RecordBatch> = memory.iter().map(facts).collect();
    all.extend_from_slice(written);
    if of_one_source(&all) {
        return memory;
    }
    let mut lost = vec![Vec::new(); all.len()];
    for twins in places(&all).chunk_by(|a, b| a.0 == b.0).filter(|rows| rows.len() > 1) {
        mark(twins, &all, memory.len(), &mut lost);
    }
    memory.into_iter().zip(lost).map(|(batch, lost)| without(batch, &lost)).collect()
}

fn place(name: &str) -> usize {
    ExchangeRow::TABLE.column(name).expect("a column of the table")
}

fn text(batch: &RecordBatch, column: usize, row: usize) -> &str {
    match cell(batch.column(column), row) {
        Value::Text(text) => text,
        _ => "",
    }
}

fn of_one_source(all: &[RecordBatch]) -> bool {
    let mut sources = all.iter().flat_map(|batch| (0..batch.num_rows()).map(|row| text(batch, 3, row)));
    let first = sources.next();
    sources.all(|source| Some(source) == first)
}

fn places(all: &[RecordBatch]) -> Vec<Place> {
    let of = |(at, batch): (usize, &RecordBatch)| {
        let [keys, starts] = [0, 1].map(|column| batch.column(column).as_primitive::<Int64Type>().values().clone());
        (0..batch.num_rows()).map(move |row| (keys[row], starts[row], at, row))
    };
    let mut places: Vec<Place> = all.iter().enumerate().flat_map(of).collect();
    places.sort_unstable();
    places
}

/// Marks which of the rows of one wire key, in the order of their starts, do not count. However many there are of one
/// source, each is compared with the nearest of another one only.
fn mark(rows: &[Place], all: &[RecordBatch], memory: usize, lost: &mut [Vec<usize>]) {
    let rank = |(_, _, at, row): Place| -> Rank<'_> {
        let batch = &all[at];
        (at < memory, vantage_rank(text(batch, 2, row)), text(batch, 3, row))
    };
    let mut starts: BTreeMap<Rank<'_>, Vec<i64>> = BTreeMap::new();
    rows.iter().for_each(|row| starts.entry(rank(*row)).or_default().push(row.1));
    for place in rows.iter().filter(|place| place.2 < memory) {
        let (own, start) = (rank(*place), place.1);
        let near = |starts: &[i64]| {
            let first = starts.partition_point(|other| *other < start.saturating_sub(WINDOW));
            starts.get(first).is_some_and(|other| *other <= start.saturating_add(WINDOW))
        };
        if starts.range(..own).any(|(other, starts)| other.2 != own.2 && near(starts)) {
            lost[place.2].push(place.3);
        }
    }
}

/// The batch where these rows do not count.
fn without(batch: RecordBatch, lost: &[usize]) -> RecordBatch {
    if lost.is_empty() {
        return batch;
    }
    let at = place("counted");
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
    fn counting(memory: Vec<RecordBatch>, written: &[RecordBatch]) -> Vec<(String, i64)> {
        let written: Vec<RecordBatch> = written.iter().map(facts).collect();
        let mut found = Vec::new();
        for batch in counted(memory, &written) {
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
            assert_eq!(counting(batches, &[]), expected);
        }
        let alone = batch(&client);
        assert_eq!(counting(vec![alone], &[]).len(), 2);
    }

    #[test]
    fn what_was_written_has_counted_already() {
        let (client, server) = (batch(&[row("a", "client", 1, 5)]), batch(&[row("b", "server", 1, 5)]));
        assert_eq!(counting(vec![server], &[client]), []);
    }

    #[test]
    fn rows_of_one_source_or_far_apart_are_no_twins_however_many() {
        let rows: Vec<_> = (0..20_000).map(|n| row("a", "client", 1, n)).collect();
        let late = row("b", "server", 1, 20_000 + WINDOW);
        assert_eq!(counting(vec![batch(&rows), batch(&[late])], &[]).len(), 20_001);
        let near = row("b", "server", 1, 10_000 + WINDOW);
        assert_eq!(counting(vec![batch(&rows), batch(&[near])], &[]).len(), 10_001);
    }
}
