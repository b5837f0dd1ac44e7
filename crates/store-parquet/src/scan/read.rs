//! Reading chosen rows and columns: from a row group of a part, or from a batch in memory.

use std::ops::Range;
use std::sync::Arc;

use arachne_store::StoreError;
use arrow::array::{BooleanArray, BooleanBufferBuilder, RecordBatch, RecordBatchOptions};
use arrow::buffer::BooleanBuffer;
use arrow::compute::filter_record_batch;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, RowSelection};

use crate::columns;
use crate::part::Readable;

/// Rows of a batch where many columns are read together: what fits a second-level cache.
pub(super) const BATCH_ROWS: usize = 16_384;
/// Rows of a batch of wide columns.
pub(super) const WIDE_ROWS: usize = 2_048;

/// Rows that are stored together.
#[derive(Debug)]
pub(super) enum Chunk<'a> {
    /// A row group of a part.
    Group(&'a Readable<'a>, usize),
    /// A batch in memory.
    Memory(&'a RecordBatch),
}

/// Which rows of a chunk are meant.
#[derive(Clone, Debug)]
pub(super) struct Rows {
    /// One bit for each row of the chunk.
    pub(super) mask: BooleanBuffer,
    /// How many are meant.
    pub(super) count: usize,
}

impl Rows {
    /// Those in `ranges`, ascending, of `all`.
    pub(super) fn ranges(ranges: &[Range<usize>], all: usize) -> Self {
        let mut mask = BooleanBufferBuilder::new(all);
        for range in ranges {
            mask.append_n(range.start.saturating_sub(mask.len()), false);
            mask.append_n(range.len(), true);
        }
        mask.append_n(all.saturating_sub(mask.len()), false);
        Self::of(mask.finish())
    }

    /// Those at `positions`, ascending, of `all`.
    pub(super) fn at(positions: &[usize], all: usize) -> Self {
        let mut mask = BooleanBufferBuilder::new(all);
        mask.append_n(all, false);
        positions.iter().for_each(|&position| mask.set_bit(position, true));
        Self::of(mask.finish())
    }

    fn of(mask: BooleanBuffer) -> Self {
        Self { count: mask.count_set_bits(), mask }
    }

    /// Their positions in the chunk.
    pub(super) fn positions(&self) -> impl Iterator<Item = usize> + '_ {
        self.mask.set_indices()
    }

    /// Those of them whose bit is set, one bit for each of them in order.
    pub(super) fn kept(&self, bits: &BooleanBuffer) -> Self {
        if bits.len() == self.mask.len() {
            return Self::of(&self.mask & bits);
        }
        let mut mask = BooleanBufferBuilder::new(self.mask.len());
        mask.append_n(self.mask.len(), false);
        self.positions()
            .zip(bits.iter())
            .filter(|(_, bit)| *bit)
            .for_each(|(position, _)| mask.set_bit(position, true));
        Self::of(mask.finish())
    }

    fn all(&self) -> bool {
        self.count == self.mask.len()
    }
}

impl<'a> Chunk<'a> {
    /// Rows in it.
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Group(part, group) => {
                usize::try_from(part.metadata.metadata().row_group(*group).num_rows()).unwrap_or_default()
            }
            Self::Memory(batch) => batch.num_rows(),
        }
    }

    /// Gives `rows` with `columns` (ascending) to `each`, in order, `batch_rows` at a time.
    pub(super) fn read(
        &self,
        columns: &[usize],
        rows: &Rows,
        batch_rows: usize,
        each: &mut dyn FnMut(RecordBatch) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        if rows.count == 0 {
            return Ok(());
        }
        if columns.is_empty() {
            return each(empty(rows.count));
        }
        match self {
            Self::Group(part, group) => read_group(part, *group, columns, rows, batch_rows, each),
            Self::Memory(batch) => {
                let batch = batch.project(columns).map_err(|e| StoreError::Refused(e.to_string()))?;
                each(filtered(batch, &rows.mask)?)
            }
        }
    }

    /// Position in the part of the first row.
    fn first(&self) -> u64 {
        let Self::Group(part, group) = self else { return 0 };
        let before = part.metadata.metadata().row_groups().iter().take(*group);
        before.map(|group| u64::try_from(group.num_rows()).unwrap_or_default()).sum()
    }
}

/// Rows without columns.
fn empty(rows: usize) -> RecordBatch {
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    let schema = Arc::new(arrow::datatypes::Schema::empty());
    RecordBatch::try_new_with_options(schema, Vec::new(), &options).expect("no column contradicts the number of rows")
}

/// The rows of a batch whose bit is set.
pub(super) fn filtered(batch: RecordBatch, bits: &BooleanBuffer) -> Result<RecordBatch, StoreError> {
    if bits.count_set_bits() == bits.len() {
        return Ok(batch);
    }
    filter_record_batch(&batch, &BooleanArray::new(bits.clone(), None)).map_err(|e| StoreError::Refused(e.to_string()))
}

fn read_group(
    part: &Readable<'_>,
    group: usize,
    columns: &[usize],
    rows: &Rows,
    batch_rows: usize,
    each: &mut dyn FnMut(RecordBatch) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let reader = reader(part, group, columns, rows, batch_rows)?;
    let mut counted = Counted::new(part, group, columns, rows);
    for batch in reader {
        let batch = batch.map_err(|e| part.part.report(e))?;
        let batch = columns::adapt(part.part.table, &batch, columns);
        each(counted.correct(batch))?;
    }
    Ok(())
}

fn reader(
    part: &Readable<'_>,
    group: usize,
    columns: &[usize],
    rows: &Rows,
    batch_rows: usize,
) -> Result<ParquetRecordBatchReader, StoreError> {
    let builder = part.builder().with_row_groups(vec![group]).with_projection(part.mask(columns));
    let builder = builder.with_batch_size(batch_rows.min(rows.count.max(1)));
    let builder = if rows.all() {
        builder
    } else {
        builder.with_row_selection(RowSelection::from_boolean_buffer(rows.mask.clone()))
    };
    builder.build().map_err(|e| part.part.report(e))
}

/// Takes rows that do not count any more out of the column `counted`.
struct Counted<'a> {
    part: &'a Readable<'a>,
    /// The place of the column in the batches; `None` when nothing is to be done.
    place: Option<usize>,
    positions: Box<dyn Iterator<Item = u64> + 'a>,
}

impl<'a> Counted<'a> {
    fn new(part: &'a Readable<'a>, group: usize, columns: &[usize], rows: &'a Rows) -> Self {
        let counted = part.part.table.column("counted").filter(|_| part.part.is_corrected());
        let first = Chunk::Group(part, group).first();
        Self {
            part,
            place: counted.and_then(|counted| columns.iter().position(|&column| column == counted)),
            positions: Box::new(rows.positions().map(move |row| first + row as u64)),
        }
    }

    fn correct(&mut self, batch: RecordBatch) -> RecordBatch {
        let Some(place) = self.place else { return batch };
        let written = batch.column(place).as_any().downcast_ref::<BooleanArray>();
        let positions = self.positions.by_ref().take(batch.num_rows());
        let flags = positions.enumerate().map(|(row, position)| {
            let beaten = u32::try_from(position).is_ok_and(|position| self.part.part.is_demoted(position));
            !beaten && written.is_none_or(|flags| flags.value(row))
        });
        let flags = BooleanArray::new(flags.collect::<BooleanBuffer>(), None);
        let mut columns = batch.columns().to_vec();
        columns[place] = Arc::new(flags);
        RecordBatch::try_new(batch.schema(), columns).expect("a column was replaced by one of its type and length")
    }
}
