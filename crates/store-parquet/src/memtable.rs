//! Rows that are durable in the log and not yet in a part.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use arachne_model::table::{ExchangeRow, TABLES};
use arrow::array::RecordBatch;
use arrow::error::ArrowError;

use crate::columns;
use crate::rows::{Batches, COUNT, merge, sorted};

/// Most open exchanges that are held; of more, those that began first go.
const OPEN_MAX: usize = 65_536;

/// Bytes of batches that are merged: of large rows there are few in a batch anyway, and each merge copies them.
const MERGED_BYTES: usize = 16 << 20;

/// Exchanges that have not ended, by id; the last revision of each. They are in no part.
#[derive(Clone, Debug, Default)]
pub(crate) struct Open {
    rows: BTreeMap<String, ExchangeRow>,
    /// Ids that ended a short while ago, so that a revision that comes late does not open them again.
    ended: HashSet<String>,
    ended_before: HashSet<String>,
}

impl Open {
    /// A revision of an exchange that is open.
    pub fn put(&mut self, row: ExchangeRow) {
        if self.ended.contains(&row.id) || self.ended_before.contains(&row.id) {
            return;
        }
        if self.rows.len() >= OPEN_MAX && !self.rows.contains_key(&row.id) {
            // Ids begin with the time.
            self.rows.pop_first();
        }
        self.rows.insert(row.id.clone(), row);
    }

    /// The exchanges of a batch have ended.
    pub fn end(&mut self, ended: &RecordBatch) {
        if self.rows.is_empty() {
            return;
        }
        let Some(ids) = ended.column_by_name("id") else { return };
        for row in 0..ids.len() {
            if let arachne_model::table::Value::Text(id) = columns::cell(ids, row)
                && self.rows.remove(id).is_some()
            {
                self.ended.insert(id.to_owned());
            }
        }
    }

    /// All of them; `None` for none.
    pub fn batch(&self) -> Option<RecordBatch> {
        sorted(&self.rows.values().cloned().collect::<Vec<_>>())
    }

    /// Forgets ids that ended two flushes ago.
    pub fn age(&mut self) {
        self.ended_before = std::mem::take(&mut self.ended);
    }
}

/// Final rows, by table.
#[derive(Clone, Debug, Default)]
pub(crate) struct Memtable {
    tables: [Vec<RecordBatch>; COUNT],
    /// Whose batches are in it.
    pub senders: BTreeSet<String>,
    /// Rows.
    pub rows: u64,
    /// Bytes of arrays.
    pub bytes: u64,
}

impl Memtable {
    /// Adds rows. Small batches are merged, so that questions meet few of them.
    pub fn add(&mut self, batches: Batches) -> Result<(), ArrowError> {
        for (at, batch) in batches.into_iter().enumerate() {
            let Some(batch) = batch else { continue };
            self.rows += batch.num_rows() as u64;
            self.bytes += batch.get_array_memory_size() as u64;
            let table = &mut self.tables[at];
            table.push(batch);
            while let [.., a, b] = &table[..]
                && a.num_rows() <= 2 * b.num_rows()
                && a.num_rows() + b.num_rows() <= 65_536
                && a.get_array_memory_size() + b.get_array_memory_size() <= MERGED_BYTES
            {
                let merged = merge(TABLES[at], &[a.clone(), b.clone()])?;
                table.truncate(table.len() - 2);
                table.push(merged);
            }
        }
        Ok(())
    }

    /// The batches of a table.
    pub fn batches(&self, table: usize) -> &[RecordBatch] {
        &self.tables[table]
    }

    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        self.rows == 0 && self.senders.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exchange(id: &str, provisional: bool) -> ExchangeRow {
        ExchangeRow { id: id.to_owned(), provisional, ..ExchangeRow::default() }
    }

    #[test]
    fn the_last_revision_stays_until_the_end() {
        let mut open = Open::default();
        open.put(ExchangeRow { start: 1, ..exchange("a", true) });
        open.put(ExchangeRow { start: 2, ..exchange("a", true) });
        open.put(exchange("b", true));
        let batch = open.batch().expect("two are open");
        assert_eq!((batch.num_rows(), columns::row::<ExchangeRow>(&batch, 1).start), (2, 2));
        open.end(&sorted(&[exchange("a", false)]).expect("one"));
        open.put(exchange("a", true));
        assert_eq!(open.batch().expect("one is open").num_rows(), 1);
    }

    #[test]
    fn small_batches_are_merged() {
        let mut memtable = Memtable::default();
        for n in 0..1000 {
            let mut batches = Batches::default();
            batches[0] = sorted(&[exchange(&format!("{n:04}"), false)]);
            memtable.add(batches).expect("of one table");
        }
        let rows: usize = memtable.batches(0).iter().map(RecordBatch::num_rows).sum();
        assert_eq!((memtable.rows, rows), (1000, 1000));
        assert!(memtable.batches(0).len() <= 11, "{}", memtable.batches(0).len());
    }
}
