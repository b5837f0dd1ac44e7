//! What a table holds at one moment.

use arachne_model::table::Table;
use arachne_store::{StoreError, TimeRange};
use arrow::array::RecordBatch;

use crate::part::{Lost, Part};

/// An immutable view of a table: every row is in exactly one part or one batch. What it names stays readable as long as it
/// lives, whatever is merged or removed meanwhile.
#[derive(Clone, Debug)]
pub struct TableSnapshot {
    /// The table.
    pub table: &'static Table,
    /// The parts, by first start.
    pub parts: Vec<Part>,
    /// Rows in memory, durable by the write-ahead log; in each batch in the table's order, with all its columns. Ids that are
    /// provisional here are in no part and in no other batch.
    pub memory: Vec<RecordBatch>,
    /// What was lost to damage.
    pub lost: Vec<Lost>,
}

impl TableSnapshot {
    /// A table without rows.
    #[must_use]
    pub const fn empty(table: &'static Table) -> Self {
        Self { table, parts: Vec::new(), memory: Vec::new(), lost: Vec::new() }
    }

    /// Rows, lost ones not counted.
    #[must_use]
    pub fn rows(&self) -> u64 {
        let parts: u64 = self.parts.iter().map(|part| part.meta.rows).sum();
        parts + self.memory.iter().map(|batch| batch.num_rows() as u64).sum::<u64>()
    }

    /// Lost rows that may have been inside `range`.
    #[must_use]
    pub fn lost_rows(&self, range: TimeRange) -> u64 {
        let met = self.lost.iter().filter(|lost| lost.start_min < range.to && lost.end_max >= range.from);
        met.map(|lost| lost.rows).sum()
    }

    /// All rows with these columns, part by part, then memory: for engines of their own. A damaged part is reported, left out
    /// and added to `lost`.
    ///
    /// # Errors
    /// [`StoreError::Io`] where reading fails for now, and whatever `each` returns.
    pub fn scan(
        &self,
        columns: &[usize],
        batch_rows: usize,
        lost: &mut u64,
        each: &mut dyn FnMut(RecordBatch) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        for part in &self.parts {
            match scan_part(part, columns, batch_rows, each) {
                Err(StoreError::Damaged { .. }) => *lost += part.meta.rows,
                other => other?,
            }
        }
        for batch in &self.memory {
            each(batch.project(columns).map_err(|e| StoreError::Refused(e.to_string()))?)?;
        }
        Ok(())
    }
}

fn scan_part(
    part: &Part,
    columns: &[usize],
    batch_rows: usize,
    each: &mut dyn FnMut(RecordBatch) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    part.open()?.batches(columns, batch_rows)?.try_for_each(|batch| each(batch?))
}
