//! Rows that are durable in the log and not yet in a part.

use std::collections::BTreeSet;

use arachne_model::table::TABLES;
use arrow::array::RecordBatch;
use arrow::error::ArrowError;

use crate::rows::{Batches, SENT, merge};

/// Bytes of batches that are merged: of large rows there are few in a batch anyway, and each merge copies them.
const MERGED_BYTES: usize = 16 << 20;

/// Final rows, by table.
#[derive(Clone, Debug, Default)]
pub(crate) struct Memtable {
    tables: [Vec<RecordBatch>; SENT],
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

    /// The batches of a table; what nobody sends has none.
    pub fn batches(&self, table: usize) -> &[RecordBatch] {
        self.tables.get(table).map_or(&[], Vec::as_slice)
    }

    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        self.rows == 0 && self.senders.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use arachne_model::table::ExchangeRow;

    use super::*;
    use crate::rows::sorted;

    #[test]
    fn small_batches_are_merged() {
        let mut memtable = Memtable::default();
        for n in 0..1000 {
            let mut batches = Batches::default();
            batches[0] = sorted(&[ExchangeRow { id: format!("{n:04}"), ..ExchangeRow::default() }]);
            memtable.add(batches).expect("of one table");
        }
        let rows: usize = memtable.batches(0).iter().map(RecordBatch::num_rows).sum();
        assert_eq!((memtable.rows, rows), (1000, 1000));
        assert!(memtable.batches(0).len() <= 11, "{}", memtable.batches(0).len());
    }
}
