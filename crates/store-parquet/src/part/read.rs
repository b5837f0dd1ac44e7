//! Reading a part.
//!
//! A part is checked once in a process, before its first read: length, checksum, footer, page index. What fails is
//! reported to the [`DamageLog`], and never read.

use std::fmt;
use std::io::{self, Read};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use arachne_model::table::Table;
use arachne_store::{StoreError, TimeRange};
use arrow::array::RecordBatch;
use bytes::Bytes;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use parquet::errors::ParquetError;
use parquet::file::metadata::{PageIndexPolicy, RowGroupMetaData};
use parquet::file::reader::{ChunkReader, Length};
use parquet::file::statistics::Statistics;

use super::demoted::Demoted;
use super::meta::PartMeta;
use crate::columns;
use crate::disk::{Disk, ReadFile};
use crate::error;

/// Bytes that are read at a time where a file is only checked.
const STEP: usize = 1 << 20;

/// A part that cannot be served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// The file, from the data folder.
    pub path: String,
    /// What is wrong with it, and where.
    pub reason: String,
}

/// Damage that questions met, for the engine to set aside.
#[derive(Debug, Default)]
pub struct DamageLog(Mutex<Vec<Damage>>);

impl DamageLog {
    /// Takes what was reported since the last time.
    pub fn take(&self) -> Vec<Damage> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn report(&self, damage: Damage) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(damage);
    }
}

/// A part of a snapshot: its file as long as anybody reads it, and which of its rows count.
#[derive(Clone, Debug)]
pub struct Part {
    /// What the manifest says.
    pub meta: Arc<PartMeta>,
    /// The table.
    pub table: &'static Table,
    /// Rows that do not count; `None` when all do.
    pub demoted: Option<Arc<Demoted>>,
    /// Rows that do not count as long as those are in memory that a snapshot has beside it.
    overlay: Option<Arc<Demoted>>,
    /// Only rows that begin there are meant, in a snapshot that has the others elsewhere.
    pub(crate) within: Option<TimeRange>,
    file: Arc<PartFile>,
}

impl Part {
    /// A part that the manifest has. Nothing is read.
    pub(crate) fn new(
        disk: Arc<dyn Disk>,
        table: &'static Table,
        meta: PartMeta,
        demoted: Option<Arc<Demoted>>,
        log: Arc<DamageLog>,
    ) -> Self {
        let file = PartFile { disk, log, paths: Mutex::default(), opened: OnceLock::new(), index: OnceLock::new() };
        Self { meta: Arc::new(meta), table, demoted, overlay: None, within: None, file: Arc::new(file) }
    }

    /// The same file with other rows that do not count.
    pub(crate) fn with_demoted(&self, meta: PartMeta, demoted: Option<Arc<Demoted>>) -> Self {
        Self {
            meta: Arc::new(meta),
            table: self.table,
            demoted,
            overlay: None,
            within: None,
            file: Arc::clone(&self.file),
        }
    }

    /// The same with more rows that do not count, for a snapshot.
    pub(crate) fn with_overlay(&self, overlay: Arc<Demoted>) -> Self {
        Self { overlay: Some(overlay), ..self.clone() }
    }

    /// The same with only the rows that begin in `range`, for a snapshot; `None` when there are none.
    pub(crate) fn cut(&self, range: TimeRange) -> Option<Self> {
        let some = self.meta.start_min < range.to && self.meta.start_max >= range.from;
        some.then(|| Self { within: Some(range), ..self.clone() })
    }

    /// Whether there are rows that were written as counting and do not count.
    #[must_use]
    pub fn is_corrected(&self) -> bool {
        self.corrections().any(|demoted| !demoted.is_empty())
    }

    /// Whether the row at `position` does not count, whatever was written.
    #[must_use]
    pub fn is_demoted(&self, position: u32) -> bool {
        self.corrections().any(|demoted| demoted.contains(position))
    }

    fn corrections(&self) -> impl Iterator<Item = &Demoted> {
        [&self.demoted, &self.overlay].into_iter().flatten().map(|demoted| &**demoted)
    }

    /// Its files go when the last snapshot that has them does.
    pub(crate) fn remove_when_unused(&self) {
        let mut paths = self.file.paths.lock().unwrap_or_else(PoisonError::into_inner);
        paths.extend(self.meta.files().map(str::to_owned));
    }

    /// The part, checked. The first call of a process reads the whole file.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] when it cannot be trusted: it was reported, its rows are lost, the question goes on without
    /// them. [`StoreError::Io`] when reading failed for now.
    pub fn open(&self) -> Result<Readable<'_>, StoreError> {
        let metadata = self.metadata()?;
        let reader = PartReader::open(&*self.file.disk, &self.meta.path, self.meta.bytes);
        let reader = reader.map_err(|e| self.failed(e))?;
        Ok(Readable { part: self, metadata, reader })
    }

    /// Its text filters, checked. `None` when it has none, or when they are damaged: that was reported, and no row is lost.
    ///
    /// # Errors
    /// [`StoreError::Io`] when reading failed for now.
    pub fn index(&self) -> Result<Option<Bytes>, StoreError> {
        let Some(sidecar) = &self.meta.index else { return Ok(None) };
        if let Some(known) = self.file.index.get() {
            return Ok(known.clone());
        }
        let read = match read_checked(&*self.file.disk, &sidecar.path, sidecar.bytes, sidecar.checksum) {
            Ok(bytes) => Some(bytes),
            Err(Unreadable::Damaged(reason)) => {
                self.file.log.report(Damage { path: sidecar.path.clone(), reason });
                None
            }
            Err(Unreadable::Io(source)) => return Err(self.failed(source)),
        };
        Ok(self.file.index.get_or_init(|| read).clone())
    }

    /// Reports that the part cannot be decoded though its checksum holds; it is set aside.
    pub fn report(&self, reason: impl fmt::Display) -> StoreError {
        let damage = Damage { path: self.meta.path.clone(), reason: reason.to_string() };
        self.file.log.report(damage.clone());
        StoreError::Damaged { file: damage.path, reason: damage.reason }
    }

    fn metadata(&self) -> Result<ArrowReaderMetadata, StoreError> {
        let damaged = |reason| StoreError::Damaged { file: self.meta.path.clone(), reason };
        if let Some(known) = self.file.opened.get() {
            return known.clone().map_err(damaged);
        }
        let checked = match self.check() {
            Ok(metadata) => Ok(metadata),
            Err(Unreadable::Damaged(reason)) => {
                drop(self.report(&reason));
                Err(reason)
            }
            // Reading may work again later.
            Err(Unreadable::Io(source)) => return Err(self.failed(source)),
        };
        self.file.opened.get_or_init(|| checked).clone().map_err(damaged)
    }

    fn check(&self) -> Result<ArrowReaderMetadata, Unreadable> {
        check(&*self.file.disk, &self.meta)?;
        let reader = PartReader::open(&*self.file.disk, &self.meta.path, self.meta.bytes)?;
        let options = ArrowReaderOptions::new().with_page_index_policy(PageIndexPolicy::Required);
        let metadata = ArrowReaderMetadata::load(&reader, options).map_err(|e| Unreadable::Damaged(e.to_string()))?;
        let rows = metadata.metadata().file_metadata().num_rows();
        if u64::try_from(rows) == Ok(self.meta.rows) {
            Ok(metadata)
        } else {
            Err(Unreadable::Damaged(format!("it has {rows} rows, the manifest says {}", self.meta.rows)))
        }
    }

    fn failed(&self, source: io::Error) -> StoreError {
        error::io(format!("cannot read {}", self.meta.path), source)
    }
}

/// The file of a part, shared by all snapshots that have it.
#[derive(Debug)]
struct PartFile {
    disk: Arc<dyn Disk>,
    log: Arc<DamageLog>,
    /// What is removed with it.
    paths: Mutex<Vec<String>>,
    opened: OnceLock<Result<ArrowReaderMetadata, String>>,
    index: OnceLock<Option<Bytes>>,
}

impl Drop for PartFile {
    /// A file that cannot be removed now is removed by the next start: the manifest does not have it.
    fn drop(&mut self) {
        for path in self.paths.get_mut().unwrap_or_else(PoisonError::into_inner) {
            drop(self.disk.remove(path));
        }
    }
}

/// Why a file cannot be read.
#[derive(Debug)]
pub(crate) enum Unreadable {
    /// It is not what was written.
    Damaged(String),
    /// The system cannot read it now.
    Io(io::Error),
}

impl From<io::Error> for Unreadable {
    fn from(source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::NotFound => Self::Damaged("the file is missing".to_owned()),
            _ => Self::Io(source),
        }
    }
}

/// Compares length and checksum with the manifest.
fn check(disk: &dyn Disk, meta: &PartMeta) -> Result<(), Unreadable> {
    let file = disk.open(&meta.path)?;
    compare("length", file.len()?, meta.bytes)?;
    let mut buffer = vec![0; STEP.min(usize::try_from(meta.bytes).unwrap_or(STEP))];
    let (mut offset, mut checksum) = (0, 0);
    loop {
        let read = file.read_full_at(offset, &mut buffer)?;
        if read == 0 {
            return compare("checksum", checksum, meta.checksum);
        }
        checksum = crc32c::crc32c_append(checksum, &buffer[..read]);
        offset += read as u64;
    }
}

fn compare<T: PartialEq + fmt::Display>(what: &str, found: T, expected: T) -> Result<(), Unreadable> {
    if found == expected {
        return Ok(());
    }
    Err(Unreadable::Damaged(format!("its {what} is {found}, the manifest says {expected}")))
}

/// Reads a small file whole, and compares length and checksum.
pub(crate) fn read_checked(disk: &dyn Disk, path: &str, bytes: u64, checksum: u32) -> Result<Bytes, Unreadable> {
    let file = disk.open(path)?;
    compare("length", file.len()?, bytes)?;
    let length = usize::try_from(bytes).map_err(|_| Unreadable::Damaged("it is too long to be read".to_owned()))?;
    let mut buffer = vec![0; length];
    compare("length", file.read_full_at(0, &mut buffer)? as u64, bytes)?;
    compare("checksum", crc32c::crc32c(&buffer), checksum)?;
    Ok(buffer.into())
}

/// A row group of a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Group {
    /// Position of its first row.
    pub first: u32,
    /// Its rows.
    pub rows: usize,
    /// First and last start.
    pub starts: (i64, i64),
}

/// A part that was checked, with its metadata.
#[derive(Debug)]
pub struct Readable<'p> {
    /// The part.
    pub part: &'p Part,
    /// Footer and page index.
    pub metadata: ArrowReaderMetadata,
    reader: PartReader,
}

impl Readable<'_> {
    /// A reader with nothing chosen yet.
    #[must_use]
    pub fn builder(&self) -> ParquetRecordBatchReaderBuilder<PartReader> {
        ParquetRecordBatchReaderBuilder::new_with_metadata(self.reader.clone(), self.metadata.clone())
    }

    /// The place in the file of a column of the table; `None` when it was written before that column existed.
    #[must_use]
    pub fn leaf(&self, column: usize) -> Option<usize> {
        let name = self.part.table.columns.get(column)?.sql;
        let leaves = self.metadata.parquet_schema().columns();
        leaves.iter().position(|leaf| leaf.path().parts() == [name])
    }

    /// The mask of columns of the table.
    #[must_use]
    pub fn mask(&self, columns: &[usize]) -> ProjectionMask {
        let leaves = columns.iter().filter_map(|&column| self.leaf(column));
        ProjectionMask::leaves(self.metadata.parquet_schema(), leaves)
    }

    /// All rows in order, with `columns` of the table in this order, and `counted` as it is now.
    ///
    /// # Errors
    /// As of [`Part::open`], for the whole and for each batch.
    pub fn batches(
        &self,
        columns: &[usize],
        rows: usize,
    ) -> Result<impl Iterator<Item = Result<RecordBatch, StoreError>>, StoreError> {
        let part = self.part;
        let counted = part.table.column("counted").and_then(|c| columns.iter().position(|&wanted| wanted == c));
        let mut behind = 0;
        Ok(self.written(columns, rows)?.map(move |batch| {
            let batch = batch?;
            behind += batch.num_rows() as u64;
            Ok(part.count(batch, counted, behind))
        }))
    }

    /// The row groups.
    pub(crate) fn groups(&self) -> Vec<Group> {
        let (meta, leaf) = (&self.part.meta, self.leaf(self.part.table.start));
        let mut first = 0_u32;
        let group = |group: &RowGroupMetaData| {
            let statistics = leaf.and_then(|leaf| group.column(leaf).statistics());
            let known = match statistics {
                Some(Statistics::Int64(starts)) => starts.min_opt().copied().zip(starts.max_opt().copied()),
                _ => None,
            };
            let rows = usize::try_from(group.num_rows()).unwrap_or(usize::MAX);
            let here = Group { first, rows, starts: known.unwrap_or((meta.start_min, meta.start_max)) };
            first = first.saturating_add(u32::try_from(rows).unwrap_or(u32::MAX));
            here
        };
        self.metadata.metadata().row_groups().iter().map(group).collect()
    }

    /// The rows of a row group in order, with `columns` of the table but `counted`.
    ///
    /// # Errors
    /// As for [`Self::batches`].
    pub(crate) fn group_batches(
        &self,
        columns: &[usize],
        group: usize,
    ) -> Result<impl Iterator<Item = Result<RecordBatch, StoreError>> + use<'_>, StoreError> {
        let builder = self.builder().with_row_groups(vec![group]);
        self.read(builder, columns, 8192)
    }

    /// The same, with `counted` as it was written.
    ///
    /// # Errors
    /// As for [`Self::batches`].
    pub fn written(
        &self,
        columns: &[usize],
        rows: usize,
    ) -> Result<impl Iterator<Item = Result<RecordBatch, StoreError>> + use<'_>, StoreError> {
        self.read(self.builder(), columns, rows)
    }

    fn read(
        &self,
        builder: ParquetRecordBatchReaderBuilder<PartReader>,
        columns: &[usize],
        rows: usize,
    ) -> Result<impl Iterator<Item = Result<RecordBatch, StoreError>> + use<'_>, StoreError> {
        let reader = builder.with_projection(self.mask(columns)).with_batch_size(rows).build();
        let reader = reader.map_err(|e| self.part.report(e))?;
        let (part, columns) = (self.part, columns.to_vec());
        Ok(reader.map(move |batch| {
            let batch = batch.map_err(|e| part.report(e))?;
            Ok(columns::adapt(part.table, &batch, &columns))
        }))
    }
}

impl Part {
    /// Takes what does not count out of the column `counted` of a batch that ends before position `behind`.
    fn count(&self, batch: RecordBatch, counted: Option<usize>, behind: u64) -> RecordBatch {
        let Some(place) = counted.filter(|_| self.is_corrected()) else { return batch };
        let mut columns = batch.columns().to_vec();
        for demoted in self.corrections() {
            columns[place] = Arc::new(demoted.counted(&columns[place], behind - batch.num_rows() as u64));
        }
        RecordBatch::try_new(batch.schema(), columns).expect("a column was replaced by one of its type and length")
    }
}

/// The bytes of a part's file.
#[derive(Clone, Debug)]
pub struct PartReader {
    file: Arc<dyn ReadFile>,
    length: u64,
}

impl PartReader {
    fn open(disk: &dyn Disk, path: &str, length: u64) -> io::Result<Self> {
        Ok(Self { file: disk.open(path)?.into(), length })
    }
}

impl Length for PartReader {
    fn len(&self) -> u64 {
        self.length
    }
}

impl ChunkReader for PartReader {
    type T = io::BufReader<Cursor>;

    fn get_read(&self, start: u64) -> Result<Self::T, ParquetError> {
        Ok(io::BufReader::new(Cursor { file: Arc::clone(&self.file), offset: start }))
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes, ParquetError> {
        // The checksum held, but a length is never believed before there are as many bytes.
        if start.saturating_add(length as u64) > self.length {
            return Err(ParquetError::EOF(format!("{length} bytes from {start} of {}", self.length)));
        }
        let mut buffer = vec![0; length];
        let read = self.file.read_full_at(start, &mut buffer)?;
        if read == length { Ok(buffer.into()) } else { Err(ParquetError::EOF(format!("{read} of {length} bytes"))) }
    }
}

/// Reads on from an offset.
#[derive(Debug)]
pub struct Cursor {
    file: Arc<dyn ReadFile>,
    offset: u64,
}

impl Read for Cursor {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read_at(self.offset, buffer)?;
        self.offset += read as u64;
        Ok(read)
    }
}
