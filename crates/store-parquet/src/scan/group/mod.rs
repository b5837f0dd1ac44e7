//! Groups: what passes, counted and summed by keys.

mod bucket;
mod fold;
mod grouper;
mod intern;
mod keys;
mod means;
mod measures;

use std::sync::Arc;

use arachne_model::table::Table;
use arachne_store::{GroupRequest, Groups, Means, Measure, Number, Selection, StoreError, Watch};
use arrow::array::RecordBatch;

use self::grouper::{Grouper, merged};
use super::evaluate::Evaluator;
use super::node::computed_columns;
use super::piece::{Piece, Scan};
use super::pipeline::Plan;
use super::{ScanOptions, threads};
use crate::part::Part;
use crate::snapshot::TableSnapshot;

/// Answers [`GroupRequest`]s, each over a snapshot of its table. Those of the same selection share one scan.
///
/// The answer is the same for any number of threads, and its groups are in the order of their keys.
///
/// # Errors
/// [`StoreError::Stopped`] when `watch` says so, [`StoreError::Io`] when reading fails for now. Rows of damaged parts are
/// counted as lost.
pub fn group(
    requests: &[(&TableSnapshot, &GroupRequest)],
    watch: &dyn Watch,
    options: &ScanOptions,
) -> Result<Vec<Groups>, StoreError> {
    let mut answers: Vec<Option<Groups>> = vec![None; requests.len()];
    for at in 0..requests.len() {
        if answers[at].is_some() {
            continue;
        }
        let (snapshot, first) = requests[at];
        let alike = |other: &usize| {
            std::ptr::eq(requests[*other].0, snapshot) && same(&requests[*other].1.selection, &first.selection)
        };
        let shared: Vec<usize> = (at..requests.len()).filter(alike).collect();
        let together: Vec<&GroupRequest> = shared.iter().map(|other| requests[*other].1).collect();
        for (other, groups) in shared.into_iter().zip(scan_once(snapshot, &together, watch, options)?) {
            answers[other] = Some(groups);
        }
    }
    Ok(answers.into_iter().map(Option::unwrap_or_default).collect())
}

/// Whether two selections have the same rows.
fn same(a: &Selection, b: &Selection) -> bool {
    std::ptr::eq(a.table, b.table)
        && (a.range, a.mode, a.now, a.counted_only) == (b.range, b.mode, b.now, b.counted_only)
        && (Arc::ptr_eq(&a.predicate, &b.predicate) || a.predicate == b.predicate)
}

/// What is to be looked at: parts first to be opened, then their pieces. Earlier ones first.
struct Job<'a> {
    place: usize,
    work: Work<'a>,
}

enum Work<'a> {
    Part(&'a Part),
    Memory(&'a RecordBatch),
    Piece(Piece<'a>),
}

impl Ord for Job<'_> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        other.place.cmp(&self.place)
    }
}

impl PartialOrd for Job<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Job<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.place == other.place
    }
}

impl Eq for Job<'_> {}

/// The state of a thread.
struct Worker<'r> {
    evaluator: Evaluator,
    groupers: Vec<Grouper<'r>>,
}

/// Answers requests of one selection.
fn scan_once(
    snapshot: &TableSnapshot,
    requests: &[&GroupRequest],
    watch: &dyn Watch,
    options: &ScanOptions,
) -> Result<Vec<Groups>, StoreError> {
    let Some(first) = requests.first() else { return Ok(Vec::new()) };
    let scan = Scan::new(snapshot, &first.selection, None, watch);
    scan.progress(0)?;
    let columns: Vec<usize> = requests.iter().flat_map(|request| columns(request)).collect();
    let parts = snapshot.parts.iter().filter(|part| scan.wants(part)).map(Work::Part);
    let work = parts.chain(snapshot.memory.iter().map(Work::Memory)).enumerate();
    let jobs = work.map(|(place, work)| Job { place, work }).collect();
    let state =
        || Worker { evaluator: Evaluator::default(), groupers: requests.iter().map(|r| Grouper::new(r)).collect() };
    let workers = threads::run(options.threads_for(snapshot.rows()), jobs, state, |worker, job, more| {
        work_on(&scan, &columns, worker, job, more)
    })?;
    let mut columns: Vec<Vec<Grouper<'_>>> = requests.iter().map(|_| Vec::new()).collect();
    for worker in workers {
        columns.iter_mut().zip(worker.groupers).for_each(|(column, grouper)| column.push(grouper));
    }
    let scanned = scan.scanned();
    let answers = columns.into_iter().map(|groupers| Groups { scanned, ..merged(groupers).unwrap_or_default() });
    Ok(answers.collect())
}

fn work_on<'a>(
    scan: &Scan<'a>,
    columns: &[usize],
    worker: &mut Worker<'_>,
    job: Job<'a>,
    more: &mut Vec<Job<'a>>,
) -> Result<(), StoreError> {
    match job.work {
        Work::Part(part) => {
            let pieces = scan.unless_damaged(part.meta.rows, scan.pieces(part, None, false))?.unwrap_or_default();
            more.extend(pieces.into_iter().map(|piece| Job { place: job.place, work: Work::Piece(piece) }));
            scan.progress(0)
        }
        Work::Memory(batch) => look(scan, columns, worker, &scan.memory(batch, None)),
        Work::Piece(piece) => look(scan, columns, worker, &piece),
    }
}

/// Adds the rows of a piece to all groups.
fn look(scan: &Scan<'_>, columns: &[usize], worker: &mut Worker<'_>, piece: &Piece<'_>) -> Result<(), StoreError> {
    let Worker { evaluator, groupers } = worker;
    let plan = Plan::new(scan.snapshot.table, &piece.node, columns);
    let read = plan.run(&piece.place.chunk(), piece.rows.clone(), evaluator, &mut |frame| {
        groupers.iter_mut().for_each(|grouper| grouper.add(frame));
        scan.progress(0)
    });
    scan.look(piece.rows.count);
    let rows = piece.rows.count as u64;
    scan.unless_damaged(rows, read)?;
    scan.progress(rows)
}

/// The columns that keys and measures need.
fn columns(request: &GroupRequest) -> Vec<usize> {
    let table = request.selection.table;
    let keys = request.keys.iter().flat_map(|key| keys::columns(key, &request.selection));
    let measures = request.measures.iter().flat_map(|measure| match measure {
        Measure::Count => Vec::new(),
        Measure::Outcomes => {
            ["http.response.status_code", "provisional"].iter().filter_map(|name| table.column(name)).collect()
        }
        Measure::Sum(number) | Measure::Min(number) | Measure::Max(number) | Measure::Histogram(number) => {
            number_columns(table, *number)
        }
        Measure::Last(number) => std::iter::once(table.start).chain(number_columns(table, *number)).collect(),
        Measure::Sketch(column) => vec![*column],
        Measure::Means(Means { sum, count, of }) => [*sum, *count].into_iter().chain(*of).collect(),
    });
    keys.chain(measures).collect()
}

fn number_columns(table: &Table, number: Number) -> Vec<usize> {
    match number {
        Number::Column(column) => Some(column).filter(|column| *column < table.columns.len()).into_iter().collect(),
        Number::Computed(computed) => computed_columns(table, computed),
    }
}
