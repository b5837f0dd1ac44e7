//! What counts of rows that are in no part yet, and what they beat in parts.
//!
//! Parts are compared when they are written ([`super::resolve`]), rows in memory with parts when they come ([`super::met`]), and
//! with each other here, for the first question after there are new ones: two agents that see one exchange have it once from the
//! first answer on.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use arachne_model::table::{ExchangeRow, Row as _};
use arrow::array::{AsArray as _, BooleanArray, RecordBatch};

use super::arrivals::Facts;
use super::met::{Pair, Run};
use super::rivals::{Rank, Rivals, near};
use crate::part::{Demoted, Part};

/// A row: its wire key, its start, and where it is. Sorted, twins are together.
type Place = (i64, i64, u32, u32);

/// Rows of one wire key up to which each is compared with each.
const FEW: usize = 8;

/// Gives batches of exchanges in memory and parts the right flags. `met` are the twins that the ones have in the others; what is
/// said there of rows or parts that are not here does not matter.
pub(crate) fn count(memory: &mut Vec<RecordBatch>, parts: &mut [Part], met: &[Run]) {
    let all: Vec<Facts> = memory.iter().map(Facts::of).collect();
    let mut sources = BTreeSet::new();
    all.iter().for_each(|facts| facts.sources(&mut sources));
    if sources.len() < 2 && met.is_empty() {
        return;
    }
    let mut lost = vec![Vec::new(); all.len()];
    let places = places(&all);
    for twins in places.chunk_by(|a, b| a.0 == b.0).filter(|rows| rows.len() > 1) {
        mark(twins, &all, &mut lost);
    }
    mark_met(&places, &all, parts, met, &mut lost);
    let marked = std::mem::take(memory).into_iter().zip(lost).map(|(batch, lost)| without(batch, &lost));
    *memory = marked.collect();
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

/// A place as indices.
fn index((.., at, row): Place) -> (usize, usize) {
    (at as usize, row as usize)
}

/// Marks what does not count of twins of which one is in a part.
fn mark_met(places: &[Place], all: &[Facts], parts: &mut [Part], met: &[Run], lost: &mut [Vec<usize>]) {
    let paths: HashMap<String, usize> =
        parts.iter().enumerate().map(|(at, part)| (part.meta.path.clone(), at)).collect();
    let mut beaten: BTreeMap<usize, Vec<u32>> = BTreeMap::new();
    for pairs in met.iter().flat_map(|run| run.chunk_by(|a, b| a.path == b.path)) {
        let Some(part) = paths.get(&*pairs[0].path) else { continue };
        for pair in pairs {
            let mut rows = rows_of(places, all, pair).peekable();
            match pair.position {
                Some(position) if rows.peek().is_some() => beaten.entry(*part).or_default().push(position),
                Some(_) => {}
                None => rows.for_each(|(at, row)| lost[at].push(row)),
            }
        }
    }
    for (part, positions) in beaten {
        // Who beats them does not matter: nobody goes without another snapshot.
        let demoted = Demoted::new(BTreeMap::from([(String::new(), positions)]));
        parts[part] = parts[part].with_overlay(Arc::new(demoted));
    }
}

/// The rows in memory of a pair.
fn rows_of<'a>(places: &'a [Place], all: &'a [Facts], pair: &'a Pair) -> impl Iterator<Item = (usize, usize)> + 'a {
    let wanted = (pair.key, pair.start);
    let from = places.partition_point(|place| (place.0, place.1) < wanted);
    let same = places[from..].iter().take_while(move |place| (place.0, place.1) == wanted);
    same.map(|place| index(*place)).filter(|(at, row)| all[*at].source(*row) == &*pair.source)
}

/// Marks which of the rows of one wire key, in the order of their starts, do not count.
fn mark(rows: &[Place], all: &[Facts], lost: &mut [Vec<usize>]) {
    let rank = |place: Place| -> Rank<'_> {
        let (at, row) = index(place);
        all[at].rank(row)
    };
    let mut lose = |place: Place| {
        let (at, row) = index(place);
        lost[at].push(row);
    };
    if rows.len() > FEW {
        let rivals = Rivals::of(rows.iter().map(|place| (rank(*place), place.1)));
        rows.iter().filter(|place| rivals.beating(rank(**place), place.1).next().is_some()).for_each(|p| lose(*p));
        return;
    }
    for place in rows {
        let own = rank(*place);
        let beats = |other: &Place| {
            let (start, other) = (other.1, rank(*other));
            near(start, place.1) && other < own && other.1 != own.1
        };
        if rows.iter().any(beats) {
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
    use arachne_store::TWINS_APART_MAX;

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
    fn counting(mut memory: Vec<RecordBatch>) -> Vec<(String, i64)> {
        let mut found = Vec::new();
        count(&mut memory, &mut [], &[]);
        for batch in memory {
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
