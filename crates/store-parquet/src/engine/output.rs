//! Rows of a table on their way into parts.

use std::collections::BTreeMap;
use std::sync::Arc;

use arachne_model::table::Table;
use arachne_store::StoreError;
use arrow::array::{AsArray as _, BooleanArray, RecordBatch};
use arrow::buffer::BooleanBuffer;
use arrow::compute::filter_record_batch;
use arrow::datatypes::Int64Type;

use crate::bloom::TextIndexBuilder;
use crate::disk::Disk;
use crate::part::PartMeta;
use crate::part::write::{PartWriter, write_sidecar};

/// Rows that last longer, in nanoseconds, are in parts of their own.
const LONG: i64 = 300 * 1_000_000_000;

/// One part, or two: rows that last long are apart, so that one of them does not make a whole part look long.
#[derive(Debug)]
pub(crate) struct Output {
    disk: Arc<dyn Disk>,
    table: &'static Table,
    path: String,
    rows: usize,
    writers: BTreeMap<bool, (PartWriter, TextIndexBuilder)>,
}

impl Output {
    /// For about `rows` rows; `path` is that of the parts without its ending.
    pub fn new(disk: &Arc<dyn Disk>, table: &'static Table, path: String, rows: usize) -> Self {
        Self { disk: Arc::clone(disk), table, path, rows, writers: BTreeMap::new() }
    }

    /// Adds rows; they come in the table's order. Returns for each whether it went to the long part.
    pub fn write(&mut self, batch: &RecordBatch) -> Result<BooleanBuffer, StoreError> {
        let long = long_rows(self.table, batch);
        let count = long.count_set_bits();
        if count == 0 || count == batch.num_rows() {
            self.put(count > 0, batch)?;
        } else {
            self.put(true, &filter(batch, long.clone()))?;
            self.put(false, &filter(batch, !&long))?;
        }
        Ok(long)
    }

    fn put(&mut self, long: bool, batch: &RecordBatch) -> Result<(), StoreError> {
        if batch.num_rows() == 0 {
            return Ok(());
        }
        if !self.writers.contains_key(&long) {
            let path = part_path(&self.path, long);
            let writer = PartWriter::create(&self.disk, self.table, &path, self.rows)?;
            self.writers.insert(long, (writer, TextIndexBuilder::new(self.table)));
        }
        let (writer, index) = self.writers.get_mut(&long).expect("it was just put there");
        index.add(batch);
        writer.write(batch)
    }

    /// Makes the parts durable; nobody knows them yet.
    pub fn finish(self) -> Result<Vec<PartMeta>, StoreError> {
        let mut done: Vec<PartMeta> = Vec::new();
        for (long, (writer, index)) in self.writers {
            match finish_one(&*self.disk, writer, index) {
                Ok(meta) => done.push(PartMeta { long, ..meta }),
                Err(error) => {
                    discard(&*self.disk, &done);
                    return Err(error);
                }
            }
        }
        Ok(done)
    }
}

fn part_path(path: &str, long: bool) -> String {
    format!("{path}{}.parquet", if long { "-long" } else { "" })
}

fn finish_one(disk: &dyn Disk, writer: PartWriter, index: TextIndexBuilder) -> Result<PartMeta, StoreError> {
    let mut meta = writer.finish()?;
    if let Some(bytes) = index.finish() {
        match write_sidecar(disk, &format!("{}.idx", meta.path), &bytes) {
            Ok(sidecar) => meta.index = Some(sidecar),
            Err(error) => {
                discard(disk, &[meta]);
                return Err(error);
            }
        }
    }
    Ok(meta)
}

/// Removes files that the manifest does not know. What cannot be removed now goes with the next start.
pub(crate) fn discard(disk: &dyn Disk, parts: &[PartMeta]) {
    parts.iter().flat_map(PartMeta::files).for_each(|path| drop(disk.remove(path)));
}

/// Which rows last long. Rows that are instants never do.
fn long_rows(table: &Table, batch: &RecordBatch) -> BooleanBuffer {
    let Some(end) = table.end else { return BooleanBuffer::new_unset(batch.num_rows()) };
    let starts = batch.column(table.start).as_primitive::<Int64Type>();
    let ends = batch.column(end).as_primitive::<Int64Type>();
    let long = |(start, end): (&i64, Option<i64>)| end.is_none_or(|end| end.saturating_sub(*start) > LONG);
    BooleanBuffer::from_iter(starts.values().iter().zip(ends.iter()).map(long))
}

fn filter(batch: &RecordBatch, rows: BooleanBuffer) -> RecordBatch {
    filter_record_batch(batch, &BooleanArray::new(rows, None)).expect("a mask of the batch's own length")
}
