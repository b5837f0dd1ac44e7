//! Lists: the first rows in an order, and where the next page goes on.
//!
//! Rows of a chunk are in the table's order. So among rows with the same number those further on have the greater key,
//! and a chunk's best rows are known from numbers and positions alone; keys are read only for them.

use std::sync::{Mutex, PoisonError};

use arachne_filter::{IntRange, Test};
use arachne_store::{Cursor, ListRequest, Number, Order, Page, Scalar, StoreError, Watch};

use arrow::datatypes::DataType;

use super::bounds::{Bounds, Nulls, Span};
use super::evaluate::Evaluator;
use super::fetch::materialise;
use super::node::{Node, computed_columns};
use super::piece::{Piece, Place, Scan, part_number_bounds};
use super::pipeline::{Plan, ascending};
use super::read::{BATCH_ROWS, Rows};
use super::top::{Candidate, Rank, Top};
use super::{ScanOptions, threads};
use crate::columns::{self, cell};
use crate::part::Part;
use crate::snapshot::TableSnapshot;

/// Answers a [`ListRequest`] over a snapshot of its table.
///
/// Chunks are taken in the order of the best number that they can hold, and the work ends when no further one can hold a
/// better row than those found. The answer is the same for any number of threads; [`Page::scanned`] may differ.
///
/// # Errors
/// [`StoreError::Stopped`] when `watch` says so, [`StoreError::Io`] when reading fails for now. Rows of damaged parts are
/// counted as lost.
pub fn list(
    snapshot: &TableSnapshot,
    request: &ListRequest,
    watch: &dyn Watch,
    options: &ScanOptions,
) -> Result<Page, StoreError> {
    let scan = Scan::new(snapshot, &request.selection, behind(request), watch);
    scan.progress(0)?;
    let search = Search { scan, request, top: Mutex::new(Top::new(request.limit.saturating_add(1))) };
    let jobs = search.jobs();
    threads::run(options.threads_for(snapshot.rows()), jobs, Evaluator::default, |evaluator, job, more| {
        search.work(evaluator, job, more)
    })?;
    let mut found = search.top.into_inner().unwrap_or_else(PoisonError::into_inner).into_sorted();
    let whole = found.len() <= request.limit;
    found.truncate(request.limit);
    let next =
        found.last().filter(|_| !whole).map(|last| Cursor { number: last.rank.number, key: last.rank.key.clone() });
    let rows = materialise(&search.scan, &found, &request.columns, options)?;
    Ok(Page { rows, next, scanned: search.scan.scanned() })
}

/// What the cursor says of the number alone: rows with its own number are told apart by their keys later.
fn behind(request: &ListRequest) -> Option<Node> {
    let cursor = request.after.as_ref()?;
    let Number::Column(column) = request.order.by else { return None };
    let kind = request.selection.table.columns.get(column)?.kind;
    if columns::data_type(kind) != DataType::Int64 {
        return None;
    }
    let range = match (request.order.descending, cursor.number) {
        (true, Some(number)) => IntRange { from: i64::MIN, to: number },
        (false, Some(number)) => IntRange { from: number, to: i64::MAX },
        // Only nulls come behind a null, or everything does.
        (true, None) => return Some(Node::extra(column, Test::Exists).negated()),
        (false, None) => return None,
    };
    let within = Node::extra(column, Test::Int(vec![range]));
    if request.order.descending {
        // Nulls are smallest, so they are behind every number.
        return Some(Node::any(vec![within, Node::extra(column, Test::Exists).negated()]));
    }
    Some(within)
}

/// A list that is being made.
struct Search<'a> {
    scan: Scan<'a>,
    request: &'a ListRequest,
    top: Mutex<Top>,
}

/// What is to be looked at.
struct Job<'a> {
    best: Best,
    work: Work<'a>,
}

enum Work<'a> {
    Part(usize, &'a Part),
    Piece(usize, Piece<'a>),
}

/// The best number that rows may have: greater comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Best {
    number: Option<i64>,
    descending: bool,
}

impl Best {
    fn of(bounds: &Bounds, order: Order) -> Self {
        let span = match bounds.range {
            Some(Span::Int(low, high)) => Some((low, high)),
            _ => None,
        };
        let number = match (order.descending, bounds.nulls, span) {
            (_, Nulls::All, _) => None,
            (true, _, span) => Some(span.map_or(i64::MAX, |(_, high)| high)),
            (false, Nulls::None, Some((low, _))) => Some(low),
            (false, ..) => None,
        };
        Self { number, descending: order.descending }
    }
}

impl Ord for Best {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        let ascending = self.number.cmp(&other.number);
        if self.descending { ascending } else { ascending.reverse() }
    }
}

impl PartialOrd for Best {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Job<'_> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.best.cmp(&other.best)
    }
}

impl PartialOrd for Job<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Job<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.best == other.best
    }
}

impl Eq for Job<'_> {}

impl<'a> Search<'a> {
    fn jobs(&self) -> Vec<Job<'a>> {
        let order = self.request.order;
        let snapshot = self.scan.snapshot;
        let parts = snapshot.parts.iter().enumerate().filter(|(_, part)| self.scan.wants(part)).map(|(place, part)| {
            Job { best: Best::of(&part_number_bounds(part, order.by), order), work: Work::Part(place, part) }
        });
        let memory = snapshot.memory.iter().enumerate().map(|(place, batch)| {
            let piece = self.scan.memory(batch, Some(order.by));
            Job { best: Best::of(&piece.numbers, order), work: Work::Piece(snapshot.parts.len() + place, piece) }
        });
        parts.chain(memory).collect()
    }

    fn work(&self, evaluator: &mut Evaluator, job: Job<'a>, more: &mut Vec<Job<'a>>) -> Result<(), StoreError> {
        self.scan.progress(0)?;
        let worst = self.worst();
        if self.request.limit == 0 || worst.is_some_and(|worst| job.best < worst) {
            return Ok(());
        }
        match job.work {
            Work::Part(place, part) => {
                let order = self.request.order;
                let windows = order.by == Number::Column(self.scan.snapshot.table.start);
                let pieces = self.scan.pieces(part, Some(order.by), windows);
                let pieces = self.scan.unless_damaged(part.meta.rows, pieces)?.unwrap_or_default();
                more.extend(
                    pieces
                        .into_iter()
                        .map(|piece| Job { best: Best::of(&piece.numbers, order), work: Work::Piece(place, piece) }),
                );
                Ok(())
            }
            Work::Piece(place, piece) => {
                let (rows, looked) = (piece.rows.count as u64, self.look(evaluator, place, &piece));
                self.scan.look(piece.rows.count);
                self.scan.unless_damaged(rows, looked)?;
                self.scan.progress(rows)
            }
        }
    }

    /// The number of the last row of the page as far as it is known; `None` while there is room.
    fn worst(&self) -> Option<Best> {
        let top = self.top.lock().unwrap_or_else(PoisonError::into_inner);
        top.worst().map(|rank| Best { number: rank.number, descending: rank.descending })
    }

    /// Adds the best rows of a piece.
    fn look(&self, evaluator: &mut Evaluator, place: usize, piece: &Piece<'a>) -> Result<(), StoreError> {
        let (table, order) = (self.scan.snapshot.table, self.request.order);
        let columns = match order.by {
            Number::Column(column) => vec![column],
            Number::Computed(computed) => computed_columns(table, computed),
        };
        let chunk = piece.place.chunk();
        let mut numbers: Vec<Option<i64>> = Vec::new();
        let rows =
            Plan::new(table, &piece.node, &columns).run(&chunk, piece.rows.clone(), evaluator, &mut |frame| {
                self.scan.progress(0)?;
                let read = frame.numbers(order.by);
                numbers.extend((0..frame.rows()).map(|row| read.at(row)));
                Ok(())
            })?;
        let best = self.best_rows(numbers.into_iter().zip(rows.positions()).collect());
        let positions: Vec<usize> = ascending(best.iter().map(|(_, position)| *position));
        let rows = Rows::at(&positions, chunk.len());
        let columns = ascending(table.order.iter().copied());
        let mut keys = Vec::with_capacity(best.len());
        chunk.read(&columns, &rows, BATCH_ROWS, &mut |batch| {
            self.scan.progress(0)?;
            let value = |row: usize, column: &usize| {
                let array = columns.binary_search(column).ok().and_then(|at| batch.columns().get(at));
                array.map_or(Scalar::Null, |array| cell(array, row).into())
            };
            keys.extend((0..batch.num_rows()).map(|row| table.order.iter().map(|c| value(row, c)).collect::<Vec<_>>()));
            Ok(())
        })?;
        self.push(place, &piece.place, best, &positions, keys);
        Ok(())
    }

    /// Of numbers with positions, those that may be on the page: the best ones, and all with the cursor's own number.
    fn best_rows(&self, mut all: Vec<(Option<i64>, usize)>) -> Vec<(Option<i64>, usize)> {
        let descending = self.request.order.descending;
        let mut tied = Vec::new();
        if let Some(cursor) = &self.request.after {
            let before = |number: Option<i64>| if descending { number > cursor.number } else { number < cursor.number };
            tied.extend(all.iter().filter(|(number, _)| *number == cursor.number));
            all.retain(|(number, _)| *number != cursor.number && !before(*number));
        }
        if let Some(worst) = self.worst() {
            let good = |(number, _): &(Option<i64>, usize)| Best { number: *number, descending } >= worst;
            all.retain(good);
            tied.retain(good);
        }
        let keep = self.request.limit.saturating_add(1);
        if all.len() > keep {
            let compare =
                |a: &(Option<i64>, usize), b: &(Option<i64>, usize)| if descending { b.cmp(a) } else { a.cmp(b) };
            all.select_nth_unstable_by(keep, compare);
            all.truncate(keep);
        }
        tied.extend(all);
        tied
    }

    fn push(
        &self,
        source: usize,
        place: &Place<'a>,
        best: Vec<(Option<i64>, usize)>,
        positions: &[usize],
        mut keys: Vec<Vec<Scalar>>,
    ) {
        let group = match place {
            Place::Group(_, group) => *group,
            Place::Memory(..) => 0,
        };
        let descending = self.request.order.descending;
        let after = self.request.after.as_ref();
        let after = after.map(|c| Rank { number: c.number, key: c.key.clone(), descending });
        let mut top = self.top.lock().unwrap_or_else(PoisonError::into_inner);
        for (number, position) in best {
            let Ok(at) = positions.binary_search(&position) else { continue };
            let Some(key) = keys.get_mut(at).map(std::mem::take) else { continue };
            let rank = Rank { number, key, descending };
            if after.as_ref().is_none_or(|after| *after < rank) {
                top.push(Candidate { rank, source, group, position });
            }
        }
    }
}
