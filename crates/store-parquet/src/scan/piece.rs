//! What must be looked at to answer a question: pieces of parts and memory, after all that is known without decoding a
//! column was used to leave pieces out.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use arachne_filter::{Computed, IntRange, Test, TextTest};
use arachne_model::table::Table;
use arachne_store::{Number, Scanned, Selection, StoreError, TimeRange, Watch};
use arrow::array::{Array as _, AsArray as _, RecordBatch};
use arrow::datatypes::Int64Type;

use super::bounds::{Bounds, Nulls, Span, between, verdict};
use super::node::{Leaf, Node, Subject};
use super::read::{Chunk, Rows};
use super::statistics::{group_bounds, open_rows, pages};
use crate::bloom::TextIndex;
use crate::part::{Part, Readable};
use crate::snapshot::TableSnapshot;

/// A question that is being answered.
pub(super) struct Scan<'a> {
    /// What is asked.
    pub(super) snapshot: &'a TableSnapshot,
    /// What rows must pass.
    pub(super) node: Node,
    watch: &'a dyn Watch,
    lost_before: u64,
    looked: AtomicU64,
    lost: AtomicU64,
    done: AtomicU64,
}

/// Rows to be looked at.
#[derive(Debug)]
pub(super) struct Piece<'a> {
    /// Where they are.
    pub(super) place: Place<'a>,
    /// Which.
    pub(super) rows: Rows,
    /// What of the question is still open for them.
    pub(super) node: Arc<Node>,
    /// The largest and the smallest number that was asked for.
    pub(super) numbers: Bounds,
}

/// A place of rows that are stored together.
#[derive(Clone, Debug)]
pub(super) enum Place<'a> {
    /// A row group of a part.
    Group(Arc<Readable<'a>>, usize),
    /// A batch in memory.
    Memory(&'a RecordBatch),
}

impl Place<'_> {
    /// Its rows.
    pub(super) fn chunk(&self) -> Chunk<'_> {
        match self {
            Self::Group(part, group) => Chunk::Group(part, *group),
            Self::Memory(batch) => Chunk::Memory(batch),
        }
    }
}

impl<'a> Scan<'a> {
    /// Begins with a selection of a snapshot, and what its rows must pass besides.
    pub(super) fn new(
        snapshot: &'a TableSnapshot,
        selection: &Selection,
        extra: Option<Node>,
        watch: &'a dyn Watch,
    ) -> Self {
        Self {
            snapshot,
            node: Node::all(std::iter::once(Node::of(selection)).chain(extra).collect()),
            watch,
            lost_before: snapshot.lost_rows(selection.range),
            looked: AtomicU64::new(0),
            lost: AtomicU64::new(0),
            done: AtomicU64::new(0),
        }
    }

    /// Counts rows that were looked at or left out, and asks whether to go on.
    pub(super) fn progress(&self, rows: u64) -> Result<(), StoreError> {
        let done = self.done.fetch_add(rows, Relaxed) + rows;
        match self.watch.progress(done, self.snapshot.rows()) {
            std::ops::ControlFlow::Continue(()) => Ok(()),
            std::ops::ControlFlow::Break(()) => Err(StoreError::Stopped),
        }
    }

    /// Counts rows that are looked at.
    pub(super) fn look(&self, rows: usize) {
        self.looked.fetch_add(rows as u64, Relaxed);
    }

    /// What damage hides is counted, and the question goes on.
    pub(super) fn unless_damaged<T>(&self, rows: u64, result: Result<T, StoreError>) -> Result<Option<T>, StoreError> {
        match result {
            Err(StoreError::Damaged { .. }) => {
                self.lost.fetch_add(rows, Relaxed);
                Ok(None)
            }
            other => other.map(Some),
        }
    }

    /// What it cost.
    pub(super) fn scanned(&self) -> Scanned {
        let (rows, lost) = (self.looked.load(Relaxed), self.lost.load(Relaxed));
        let skipped = self.snapshot.rows().saturating_sub(rows).saturating_sub(lost);
        Scanned { rows, skipped, lost: lost + self.lost_before, resolution: 0 }
    }

    /// Whether a part may hold rows that pass, by what the manifest says.
    pub(super) fn wants(&self, part: &Part) -> bool {
        !self.known(part).is_never()
    }

    /// The question to a part, with what the manifest knows of it.
    fn known(&self, part: &Part) -> Node {
        let known = |leaf: &Leaf| verdict(part.table, leaf, &|column| part_bounds(part, column));
        let Some(TimeRange { from, to }) = part.within else { return self.node.simplified(&known) };
        let within = Test::Int(vec![IntRange { from, to: to.saturating_sub(1) }]);
        Node::all(vec![Node::extra(part.table.start, within), self.node.clone()]).simplified(&known)
    }

    /// The pieces of a part. `number` is what pieces give the bounds of; with `windows`, row groups are cut at the pages of
    /// the column of starts.
    pub(super) fn pieces(
        &self,
        part: &'a Part,
        number: Option<Number>,
        windows: bool,
    ) -> Result<Vec<Piece<'a>>, StoreError> {
        let node = self.without_missing_text(part)?;
        if node.is_never() {
            return Ok(Vec::new());
        }
        let part = Arc::new(part.open()?);
        let mut pieces = Vec::new();
        for group in 0..part.metadata.metadata().num_row_groups() {
            self.group_pieces(&part, group, &node, number, windows, &mut pieces);
        }
        Ok(pieces)
    }

    fn group_pieces(
        &self,
        part: &Arc<Readable<'a>>,
        group: usize,
        node: &Node,
        number: Option<Number>,
        windows: bool,
        pieces: &mut Vec<Piece<'a>>,
    ) {
        let table = self.snapshot.table;
        let bounds = |column| group_bounds(part, group, column);
        let known = |leaf: &Leaf| verdict(table, leaf, &bounds).or_else(|| bloom_verdict(part, group, leaf));
        let node = Arc::new(node.simplified(&known));
        if node.is_never() {
            return;
        }
        let place = Place::Group(Arc::clone(part), group);
        let all = place.chunk().len();
        let numbers = number.map(|number| number_bounds(table, number, &bounds)).unwrap_or_default();
        let mut cuts = vec![(0..all, numbers)];
        if windows {
            let pages = pages(part, group, table.start);
            cuts = if pages.is_empty() { cuts } else { pages };
        }
        for (window, numbers) in cuts {
            let rows = Rows::ranges(&open_rows(part, group, &node, window), all);
            if rows.count > 0 {
                pieces.push(Piece { place: place.clone(), rows, node: Arc::clone(&node), numbers });
            }
        }
    }

    /// A batch in memory.
    pub(super) fn memory(&self, batch: &'a RecordBatch, number: Option<Number>) -> Piece<'a> {
        let table = self.snapshot.table;
        let place = Place::Memory(batch);
        let numbers =
            number.map(|number| number_bounds(table, number, &|c| memory_bounds(batch, c))).unwrap_or_default();
        let all: Range<usize> = 0..batch.num_rows();
        Piece { place, rows: Rows::ranges(&[all], batch.num_rows()), node: Arc::new(self.node.clone()), numbers }
    }

    /// The question, with what the part's text filters know to be nowhere in it.
    fn without_missing_text(&self, part: &Part) -> Result<Node, StoreError> {
        let node = self.known(part);
        let mut texts = false;
        node.columns(part.table, &mut |column| texts |= part.table.texts.contains(&column));
        if node.is_never() || !texts {
            return Ok(node);
        }
        let Some(bytes) = part.index()? else { return Ok(node) };
        let Ok(index) = TextIndex::read(&bytes) else { return Ok(node) };
        Ok(node.simplified(&|leaf| text_verdict(&index, leaf)))
    }
}

/// Bounds of a column in all rows of a part.
fn part_bounds(part: &Part, column: usize) -> Bounds {
    let meta = &part.meta;
    if column == part.table.start {
        Bounds::integers(meta.start_min, meta.start_max, Nulls::None)
    } else if Some(column) == part.table.end {
        let nulls = if meta.end_max == i64::MAX { Nulls::Maybe } else { Nulls::None };
        Bounds::integers(i64::MIN, meta.end_max, nulls)
    } else {
        Bounds::default()
    }
}

fn memory_bounds(batch: &RecordBatch, column: usize) -> Bounds {
    let Some(array) = batch.columns().get(column).and_then(|array| array.as_primitive_opt::<Int64Type>()) else {
        return Bounds::default();
    };
    let range = arrow::compute::min(array).zip(arrow::compute::max(array)).map(|(low, high)| Span::Int(low, high));
    let nulls = if array.nulls().is_none_or(|nulls| nulls.null_count() == 0) { Nulls::None } else { Nulls::Maybe };
    Bounds { range, nulls }
}

/// Bounds of a number.
pub(super) fn number_bounds(table: &Table, number: Number, bounds: &dyn Fn(usize) -> Bounds) -> Bounds {
    match number {
        Number::Column(column) => bounds(column),
        Number::Computed(Computed::Duration) => {
            table.end.map_or_else(Bounds::default, |e| between(&bounds(table.start), &bounds(e)))
        }
        Number::Computed(_) => Bounds::default(),
    }
}

/// The bounds that pieces of a part will at best have.
pub(super) fn part_number_bounds(part: &Part, number: Number) -> Bounds {
    number_bounds(part.table, number, &|column| part_bounds(part, column))
}

/// That a value that is looked up by equality is not in a row group, by its bloom filter.
fn bloom_verdict(part: &Readable<'_>, group: usize, leaf: &Leaf) -> Option<bool> {
    let Subject::Column(column) = &leaf.subject else { return None };
    if !part.part.table.blooms.contains(column) {
        return None;
    }
    let place = part.leaf(*column)?;
    // A filter that cannot be read proves nothing; the rows are read instead.
    let read = || part.builder().get_row_group_column_bloom_filter(group, place).ok().flatten();
    let found = match &leaf.test {
        Test::Text(TextTest::OneOf(texts)) => {
            let bloom = read()?;
            texts.iter().any(|text| bloom.check(text.as_str()))
        }
        Test::Int(ranges) if ranges.iter().all(|range| range.from == range.to) => {
            let bloom = read()?;
            ranges.iter().any(|range| bloom.check(&range.from))
        }
        _ => return None,
    };
    (!found).then_some(false)
}

/// That a text is nowhere in a part, by its text filters.
fn text_verdict(index: &TextIndex<'_>, leaf: &Leaf) -> Option<bool> {
    let Test::Text(test) = &leaf.test else { return None };
    let possible = match &leaf.subject {
        Subject::Column(column) => index.may_pass(*column, test),
        Subject::Header(column, name) => index.may_contain(*column, name) && index.may_pass(*column, test),
        _ => true,
    };
    (!possible).then_some(false)
}
