//! Exchanges that have not ended. They are in memory and in the log, and in no part.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use arachne_model::table::{ExchangeRow, Row as _, Value};
use arachne_store::{SILENT_PERIODS, given_up};
use arrow::array::RecordBatch;

use crate::columns;
use crate::rows::in_order;

/// Most open exchanges that are held. Policy: of more, those that come are shown when they end; counted in [`Open::refused`].
const OPEN_MAX: usize = 65_536;

/// Bytes of open exchanges that are held. Policy: as above.
const OPEN_BYTES_MAX: usize = 32 << 20;

/// Bytes of rows in one frame of the log; a single row may have more.
const SLICE_BYTES: usize = 16 << 20;

/// Ends of periods (a day of them) after which what is given up is kept as it is.
const KEPT_PERIODS: u16 = 144;

#[derive(Clone, Debug)]
struct Held {
    row: Arc<ExchangeRow>,
    bytes: usize,
    /// Periods that ended since it was told of.
    silent: u16,
}

impl Held {
    fn is_given_up(&self) -> bool {
        self.silent >= SILENT_PERIODS
    }
}

/// An exchange as it is at one moment, for who looks at it later.
#[derive(Clone, Debug)]
pub(crate) struct Shown {
    row: Arc<ExchangeRow>,
    given_up: bool,
}

impl Shown {
    /// The row that is shown.
    pub fn row(&self) -> Cow<'_, ExchangeRow> {
        if self.given_up { Cow::Owned(given_up(&self.row)) } else { Cow::Borrowed(&self.row) }
    }

    /// Its start, and its end or once more its start.
    pub fn span(&self) -> (i64, i64) {
        let row = self.row();
        (row.start, row.end.unwrap_or(row.start).max(row.start))
    }
}

/// Exchanges as a batch; `None` for none.
pub(crate) fn batch(shown: &[Shown]) -> Option<RecordBatch> {
    let rows: Vec<_> = shown.iter().map(Shown::row).collect();
    in_order(rows.iter().map(|row| &**row).collect())
}

/// Exchanges that have not ended, by id; the last revision of each.
#[derive(Clone, Debug, Default)]
pub(crate) struct Open {
    rows: BTreeMap<String, Held>,
    bytes: usize,
    /// Revisions for which there was no room.
    pub refused: u64,
}

impl Open {
    /// A revision of an exchange that is open.
    pub fn put(&mut self, row: ExchangeRow) {
        let bytes = size_of::<ExchangeRow>() + row.text_bytes();
        let before = self.rows.get_mut(&row.id).map(|held| {
            held.silent = 0;
            held.bytes
        });
        let all = self.bytes - before.unwrap_or(0) + bytes;
        if all > OPEN_BYTES_MAX || before.is_none() && self.rows.len() >= OPEN_MAX {
            self.refused += 1;
            return;
        }
        self.bytes = all;
        self.rows.insert(row.id.clone(), Held { row: Arc::new(row), bytes, silent: 0 });
    }

    /// Whether an exchange is open as far as is known.
    pub fn contains(&self, id: &str) -> bool {
        self.rows.contains_key(id)
    }

    /// The exchanges of a batch have ended.
    pub fn end(&mut self, ended: &RecordBatch) {
        if self.rows.is_empty() {
            return;
        }
        let Some(ids) = ended.column_by_name("id") else { return };
        for row in 0..ids.len() {
            if let Value::Text(id) = columns::cell(ids, row) {
                self.remove(id);
            }
        }
    }

    fn remove(&mut self, id: &str) -> Option<Held> {
        let held = self.rows.remove(id)?;
        self.bytes -= held.bytes;
        Some(held)
    }

    /// A period is over. Returns what is to be kept as it is, for nothing was told of it for a day.
    pub fn end_period(&mut self) -> Vec<ExchangeRow> {
        self.rows.values_mut().for_each(|held| held.silent = held.silent.saturating_add(1));
        let old = |(id, held): (&String, &Held)| (held.silent >= KEPT_PERIODS).then(|| id.clone());
        let old: Vec<String> = self.rows.iter().filter_map(old).collect();
        old.iter().filter_map(|id| self.remove(id)).map(|held| given_up(&held.row)).collect()
    }

    /// Exchanges of which nothing was told for a whole period.
    pub fn given_up(&self) -> u64 {
        self.rows.values().filter(|held| held.is_given_up()).count() as u64
    }

    /// All of them as they are shown. Cheap.
    pub fn shown(&self) -> Vec<Shown> {
        let shown = |held: &Held| Shown { row: Arc::clone(&held.row), given_up: held.is_given_up() };
        self.rows.values().map(shown).collect()
    }

    /// Their wire keys.
    pub fn keys(&self) -> impl Iterator<Item = i64> {
        self.rows.values().map(|held| held.row.wire_key)
    }

    /// All of them as they came, in batches that each fit a frame of the log.
    pub fn slices(&self) -> Vec<RecordBatch> {
        let (mut slices, mut slice, mut bytes) = (Vec::new(), Vec::new(), 0);
        for held in self.rows.values() {
            if bytes + held.bytes > SLICE_BYTES {
                slices.extend(in_order(std::mem::take(&mut slice)));
                bytes = 0;
            }
            bytes += held.bytes;
            slice.push(&*held.row);
        }
        slices.extend(in_order(slice));
        slices
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::sorted;

    fn exchange(id: &str) -> ExchangeRow {
        ExchangeRow { id: id.to_owned(), provisional: true, ..ExchangeRow::default() }
    }

    fn shown(open: &Open) -> Vec<ExchangeRow> {
        let Some(batch) = batch(&open.shown()) else { return Vec::new() };
        (0..batch.num_rows()).map(|row| columns::row::<ExchangeRow>(&batch, row)).collect()
    }

    #[test]
    fn the_last_revision_stays_until_the_end() {
        let mut open = Open::default();
        open.put(ExchangeRow { start: 1, ..exchange("a") });
        open.put(ExchangeRow { start: 2, ..exchange("a") });
        open.put(exchange("b"));
        assert_eq!(shown(&open).iter().map(|row| row.start).collect::<Vec<_>>(), [0, 2]);
        open.end(&sorted(&[exchange("a")]).expect("one"));
        assert!(!open.contains("a") && open.contains("b"));
        open.end(&sorted(&[exchange("b")]).expect("one"));
        assert_eq!((shown(&open), open.bytes), (Vec::new(), 0));
    }

    #[test]
    fn what_is_silent_is_given_up_and_kept_after_a_day() {
        let mut open = Open::default();
        open.put(exchange("a"));
        open.put(exchange("b"));
        for _ in 0..SILENT_PERIODS {
            assert_eq!((open.given_up(), open.end_period()), (0, Vec::new()));
        }
        assert_eq!(shown(&open), [given_up(&exchange("a")), given_up(&exchange("b"))]);
        let logged = open.slices();
        assert!(columns::row::<ExchangeRow>(&logged[0], 0).provisional, "after a restart more may be told of it");
        open.put(exchange("a"));
        assert_eq!(open.given_up(), 1);
        let kept: Vec<_> = (SILENT_PERIODS..KEPT_PERIODS).flat_map(|_| open.end_period()).collect();
        assert_eq!((kept, open.contains("a"), open.contains("b")), (vec![given_up(&exchange("b"))], true, false));
    }

    #[test]
    fn large_rows_are_cut_into_slices_and_capped() {
        let mut open = Open::default();
        let large = |n: usize, bytes| ExchangeRow { path: Some("x".repeat(bytes)), ..exchange(&format!("{n:02}")) };
        (0..40).for_each(|n| open.put(large(n, 1 << 20)));
        assert!(open.bytes <= OPEN_BYTES_MAX && (30..32).contains(&open.rows.len()), "{}", open.rows.len());
        assert_eq!(open.refused, 40 - open.rows.len() as u64);
        let slices: Vec<_> = open.slices().iter().map(RecordBatch::num_rows).collect();
        assert!(slices.len() == 3 && slices.iter().all(|rows| *rows <= 16), "{slices:?}");
        open.put(large(0, OPEN_BYTES_MAX));
        assert!(open.contains("00") && open.bytes <= OPEN_BYTES_MAX, "what was there stays");
        open.put(large(0, 1));
        assert!(open.bytes < 31 << 20);
    }
}
