//! Writing a part.
//!
//! The bytes go to `<path>.tmp`, are made durable, and get their name; nobody reads a part before the manifest has it.
//! Encodings were measured: dictionaries only where values repeat, deltas for instants, zstd at level 1.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::sync::Arc;

use arachne_model::table::{BodyRow, Kind, Row as _, Table};
use arachne_store::StoreError;
use arrow::array::{Array as _, ArrayRef, AsArray as _, RecordBatch};
use arrow::compute;
use arrow::datatypes::{Int32Type, Int64Type};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterPropertiesBuilder};
use parquet::schema::types::ColumnPath;

use super::meta::{PartMeta, Sidecar, SourceRows};
use crate::columns;
use crate::disk::{Disk, WriteFile, parent};
use crate::error;

/// Rows of a row group: what one scan step reads.
const GROUP_ROWS: usize = 131_072;
/// Bytes of a row group where rows are large: what one look-up of a body or packet may have to read.
const GROUP_BYTES: usize = 8 << 20;
/// Bytes of large rows in a row group before anything is encoded: what reading all of it may take.
const GROUP_RAW_BYTES: usize = 64 << 20;
/// Most bytes of a dictionary of bodies: what is served to many is in a row group once. A row group ends before.
const BODIES_BYTES: usize = 3 * GROUP_BYTES;
/// Large rows are handed to the writer by so many.
pub(crate) const LARGE_STEP: usize = 32;
/// Rows of a page: what statistics can skip.
const PAGE_ROWS: usize = 20_000;
/// Rows of a page where rows lie in the order of a name first: an answer takes those of one of many names.
const NAMED_PAGE_ROWS: usize = 4_096;
/// Bytes of a page.
const PAGE_BYTES: usize = 128 << 10;
/// Most bytes of a dictionary; a column with more distinct text goes on without.
const DICTIONARY_BYTES: usize = 1 << 20;
/// Wrong answers of a bloom filter, as a share.
const BLOOM_ERRORS: f64 = 0.01;
/// Bytes that are collected before they go to the disk.
const BUFFER: usize = 256 << 10;

/// A part that is being written.
#[derive(Debug)]
pub(crate) struct PartWriter {
    disk: Arc<dyn Disk>,
    table: &'static Table,
    path: String,
    writer: Option<ArrowWriter<Checked>>,
    /// Bytes of large rows in the row group so far.
    raw_bytes: usize,
    tally: Tally,
}

impl PartWriter {
    /// Begins a part at `path` with about `rows` rows.
    pub fn create(disk: &Arc<dyn Disk>, table: &'static Table, path: &str, rows: usize) -> Result<Self, StoreError> {
        let temporary = temporary(path);
        let file = disk.create(&temporary).map_err(|e| error::io(format!("cannot create {temporary}"), e))?;
        let checked = Checked { file, buffer: Vec::with_capacity(BUFFER), bytes: 0, checksum: 0 };
        let (disk, tally) = (Arc::clone(disk), Tally::new(table));
        let mut new = Self { disk, table, path: path.to_owned(), writer: None, raw_bytes: 0, tally };
        let writer = ArrowWriter::try_new(checked, columns::schema(table), Some(properties(table, rows)));
        new.writer = Some(writer.map_err(|e| error::parquet(format!("cannot write {temporary}"), e))?);
        Ok(new)
    }

    /// Adds rows; they come in the table's order.
    pub fn write(&mut self, batch: &RecordBatch) -> Result<(), StoreError> {
        self.tally.add(batch);
        // The writer looks at the bytes of a row group between batches only.
        let large = has_bytes(self.table);
        let step = if large { LARGE_STEP } else { batch.num_rows().max(1) };
        for first in (0..batch.num_rows()).step_by(step) {
            let slice = batch.slice(first, step.min(batch.num_rows() - first));
            self.write_slice(&slice, large).map_err(|e| error::parquet(format!("cannot write {}", self.path), e))?;
        }
        Ok(())
    }

    fn write_slice(&mut self, slice: &RecordBatch, large: bool) -> Result<(), ParquetError> {
        let writer = self.writer.as_mut().expect("it is there until the part is finished");
        writer.write(slice)?;
        if writer.in_progress_rows() == 0 {
            self.raw_bytes = 0;
        } else if large {
            self.raw_bytes += raw_bytes(slice);
        }
        if self.raw_bytes >= GROUP_RAW_BYTES {
            self.raw_bytes = 0;
            writer.flush()?;
        }
        Ok(())
    }

    /// Makes the part durable under its name.
    pub fn finish(mut self) -> Result<PartMeta, StoreError> {
        let what = |verb: &str| format!("cannot {verb} {}", self.path);
        let writer = self.writer.take().expect("it is there until the part is finished");
        let mut checked = writer.into_inner().map_err(|e| error::parquet(what("write"), e))?;
        checked.flush().and_then(|()| checked.file.sync()).map_err(|e| error::io(what("write"), e))?;
        let named = self.disk.rename(&temporary(&self.path), &self.path);
        named.and_then(|()| self.disk.sync_dir(parent(&self.path))).map_err(|e| error::io(what("name"), e))?;
        let tally = std::mem::take(&mut self.tally);
        Ok(tally.into_meta(self.table, &self.path, checked.bytes, checked.checksum))
    }
}

impl Drop for PartWriter {
    /// What was not finished goes; when it cannot, the next start removes it.
    fn drop(&mut self) {
        if self.writer.take().is_some() {
            drop(self.disk.remove(&temporary(&self.path)));
        }
    }
}

fn temporary(path: &str) -> String {
    format!("{path}.tmp")
}

/// Writes a file beside a part, durably.
pub(crate) fn write_sidecar(disk: &dyn Disk, path: &str, bytes: &[u8]) -> Result<Sidecar, StoreError> {
    let temporary = temporary(path);
    let written = disk.create(&temporary).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync()?;
        disk.rename(&temporary, path)?;
        disk.sync_dir(parent(path))
    });
    if let Err(source) = written {
        drop(disk.remove(&temporary));
        return Err(error::io(format!("cannot write {path}"), source));
    }
    Ok(Sidecar { path: path.to_owned(), bytes: bytes.len() as u64, checksum: crc32c::crc32c(bytes) })
}

/// Whether rows of a table may be large.
pub(crate) fn has_bytes(table: &Table) -> bool {
    table.columns.iter().any(|column| column.kind == Kind::Bytes)
}

/// Bytes in the columns with bytes.
fn raw_bytes(rows: &RecordBatch) -> usize {
    let blobs = rows.columns().iter().filter_map(|column| column.as_binary_opt::<i32>());
    blobs
        .map(|blobs| blobs.value_offsets())
        .map(|o| o[o.len() - 1] - o[0])
        .map(|n| usize::try_from(n).unwrap_or(0))
        .sum()
}

fn properties(table: &Table, rows: usize) -> WriterProperties {
    let meta = [("arachne.table", table.name.to_owned()), ("arachne.version", table.version.to_string())];
    let meta = meta.into_iter().map(|(key, value)| KeyValue::new(key.to_owned(), value));
    let mut builder = WriterProperties::builder()
        .set_created_by(concat!("Arachne ", env!("CARGO_PKG_VERSION")).to_owned())
        .set_key_value_metadata(Some(meta.collect()))
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_max_row_group_row_count(Some(GROUP_ROWS))
        .set_max_row_group_bytes(has_bytes(table).then_some(GROUP_BYTES))
        .set_data_page_row_count_limit(page_rows(table))
        .set_data_page_size_limit(PAGE_BYTES)
        .set_dictionary_page_size_limit(DICTIONARY_BYTES)
        .set_column_index_truncate_length(Some(32))
        .set_statistics_truncate_length(Some(32))
        .set_write_page_header_statistics(false);
    for (index, column) in table.columns.iter().enumerate() {
        let path = ColumnPath::new(vec![column.sql.to_owned()]);
        builder = encoding(builder, &path, column.kind);
        if column.kind == Kind::Bytes && table.name == BodyRow::TABLE.name {
            builder = builder
                .set_column_dictionary_enabled(path.clone(), true)
                .set_column_dictionary_page_size_limit(path.clone(), BODIES_BYTES);
        }
        // What rows are looked up by, and what they lie in the order of, says much about a page whatever it is.
        let is_telling = table.id == Some(index) || table.order.first() == Some(&index);
        let statistics = if is_telling { EnabledStatistics::Page } else { statistics(column.kind) };
        builder = builder.set_column_statistics_enabled(path.clone(), statistics);
        if table.blooms.contains(&index) {
            builder = builder
                .set_column_bloom_filter_enabled(path.clone(), true)
                .set_column_bloom_filter_fpp(path.clone(), BLOOM_ERRORS)
                .set_column_bloom_filter_max_ndv(path, rows.clamp(64, GROUP_ROWS) as u64);
        }
    }
    builder.build()
}

fn page_rows(table: &Table) -> usize {
    if table.order.first().is_some_and(|first| *first != table.start) { NAMED_PAGE_ROWS } else { PAGE_ROWS }
}

/// A column of ids that repeat: exchanges and packets of a session have its id.
const REPEATED_IDS: &str = "tcp_session";

fn encoding(builder: WriterPropertiesBuilder, path: &ColumnPath, kind: Kind) -> WriterPropertiesBuilder {
    let dictionary =
        matches!(kind, Kind::Label | Kind::Words | Kind::Address | Kind::Labels) || path.string() == REPEATED_IDS;
    let builder = builder.set_column_dictionary_enabled(path.clone(), dictionary);
    match kind {
        Kind::Instant | Kind::Duration | Kind::Size | Kind::Integer => {
            builder.set_column_encoding(path.clone(), Encoding::DELTA_BINARY_PACKED)
        }
        _ => builder,
    }
}

/// Pages are skipped by instants and numbers; long text and hashes have nothing to say by their extremes.
const fn statistics(kind: Kind) -> EnabledStatistics {
    match kind {
        Kind::Instant | Kind::Duration | Kind::Size | Kind::Integer | Kind::Flag => EnabledStatistics::Page,
        Kind::Label | Kind::Words | Kind::Address | Kind::Labels => EnabledStatistics::Chunk,
        Kind::Hash | Kind::Text | Kind::Id | Kind::Headers | Kind::Bytes => EnabledStatistics::None,
    }
}

/// A file that counts and checksums what goes into it.
#[derive(Debug)]
struct Checked {
    file: Box<dyn WriteFile>,
    buffer: Vec<u8>,
    bytes: u64,
    checksum: u32,
}

impl Write for Checked {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.buffer.len() + bytes.len() > BUFFER {
            self.flush()?;
        }
        if bytes.len() >= BUFFER {
            self.file.write_all(bytes)?;
        } else {
            self.buffer.extend_from_slice(bytes);
        }
        self.bytes += bytes.len() as u64;
        self.checksum = crc32c::crc32c_append(self.checksum, bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if !self.buffer.is_empty() {
            self.file.write_all(&self.buffer)?;
            self.buffer.clear();
        }
        Ok(())
    }
}

/// What is known of the rows of a part.
#[derive(Debug, Default)]
struct Tally {
    start: usize,
    end: Option<usize>,
    source: Option<usize>,
    rows: u64,
    start_range: Option<(i64, i64)>,
    end_max: Option<i64>,
    sources: BTreeMap<String, u64>,
}

impl Tally {
    fn new(table: &Table) -> Self {
        Self { start: table.start, end: table.end, source: table.column("source"), ..Self::default() }
    }

    fn add(&mut self, batch: &RecordBatch) {
        self.rows += batch.num_rows() as u64;
        let starts = batch.column(self.start).as_primitive::<Int64Type>();
        if let (Some(min), Some(max)) = (compute::min(starts), compute::max(starts)) {
            self.start_range = Some(self.start_range.map_or((min, max), |(a, b)| (a.min(min), b.max(max))));
            self.end_max = self.end_max.max(Some(max));
        }
        if let Some(ends) = self.end.map(|end| batch.column(end).as_primitive::<Int64Type>()) {
            let last = if ends.null_count() > 0 { Some(i64::MAX) } else { compute::max(ends) };
            self.end_max = self.end_max.max(last);
        }
        match self.source.map(|source| batch.column(source)) {
            Some(sources) => self.add_sources(sources),
            None => *self.sources.entry(String::new()).or_default() += batch.num_rows() as u64,
        }
    }

    fn add_sources(&mut self, sources: &ArrayRef) {
        let words = sources.as_dictionary::<Int32Type>();
        let mut counts = vec![0_u64; words.values().len()];
        for key in words.keys().iter().flatten() {
            if let Some(count) = usize::try_from(key).ok().and_then(|key| counts.get_mut(key)) {
                *count += 1;
            }
        }
        let names = words.values().as_string::<i32>();
        for (index, count) in counts.into_iter().enumerate().filter(|(_, count)| *count > 0) {
            *self.sources.entry(names.value(index).to_owned()).or_default() += count;
        }
    }

    fn into_meta(self, table: &Table, path: &str, bytes: u64, checksum: u32) -> PartMeta {
        let (start_min, start_max) = self.start_range.unwrap_or_default();
        PartMeta {
            rolled: false,
            table: table.name.to_owned(),
            version: table.version,
            path: path.to_owned(),
            bytes,
            checksum,
            rows: self.rows,
            start_min,
            start_max,
            end_max: self.end_max.unwrap_or(start_max),
            long: false,
            sources: self.sources.into_iter().map(|(source, rows)| SourceRows { source, rows }).collect(),
            batch: None,
            index: None,
            demoted: None,
        }
    }
}
