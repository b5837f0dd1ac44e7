//! The wanted columns of rows that were found.

use std::collections::BTreeMap;

use arachne_store::{Scalar, StoreError};

use super::piece::{Place, Scan};
use super::pipeline::ascending;
use super::read::{Rows, WIDE_ROWS};
use super::top::Candidate;
use super::{ScanOptions, threads};
use crate::columns::cell;

/// Reads the wanted columns of the rows that were found.
pub(super) fn materialise(
    scan: &Scan<'_>,
    found: &[Candidate],
    wanted: &[usize],
    options: &ScanOptions,
) -> Result<Vec<Vec<Scalar>>, StoreError> {
    let mut chunks: BTreeMap<(usize, usize), Vec<(usize, usize)>> = BTreeMap::new();
    for (at, candidate) in found.iter().enumerate() {
        chunks.entry((candidate.source, candidate.group)).or_default().push((candidate.position, at));
    }
    let jobs: Vec<_> = chunks.into_iter().collect();
    let threads = options.threads.get().min(jobs.len());
    let states = threads::run(threads, jobs, Vec::new, |mine: &mut Vec<(usize, Vec<Scalar>)>, job, _| {
        let ((source, group), mut rows) = job;
        rows.sort_unstable();
        let read = fetch(scan, source, group, &rows, wanted);
        mine.extend(scan.unless_damaged(rows.len() as u64, read)?.unwrap_or_default());
        Ok(())
    })?;
    let mut rows: Vec<(usize, Vec<Scalar>)> = states.into_iter().flatten().collect();
    rows.sort_unstable_by_key(|(at, _)| *at);
    Ok(rows.into_iter().map(|(_, row)| row).collect())
}

/// Rows of one chunk: `rows` are positions, ascending, and places in the answer.
fn fetch(
    scan: &Scan<'_>,
    source: usize,
    group: usize,
    rows: &[(usize, usize)],
    wanted: &[usize],
) -> Result<Vec<(usize, Vec<Scalar>)>, StoreError> {
    let snapshot = scan.snapshot;
    let place = match snapshot.parts.get(source) {
        Some(part) => Place::Group(part.open()?.into(), group),
        None => Place::Memory(&snapshot.memory[source - snapshot.parts.len()]),
    };
    let columns = ascending(wanted.iter().copied().filter(|column| *column < snapshot.table.columns.len()));
    let places: Vec<Option<usize>> = wanted.iter().map(|column| columns.binary_search(column).ok()).collect();
    let chunk = place.chunk();
    let chosen = Rows::at(&rows.iter().map(|(position, _)| *position).collect::<Vec<_>>(), chunk.len());
    let mut answer = Vec::with_capacity(rows.len());
    chunk.read(&columns, &chosen, WIDE_ROWS, &mut |batch| {
        scan.progress(0)?;
        for row in 0..batch.num_rows() {
            let value =
                |place: &Option<usize>| place.map_or(Scalar::Null, |place| cell(batch.column(place), row).into());
            answer.push(places.iter().map(value).collect());
        }
        Ok(())
    })?;
    Ok(rows.iter().map(|(_, at)| *at).zip(answer).collect())
}
