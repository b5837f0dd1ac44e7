//! Rows from senders: into the log, into memory, and from there into parts.

use std::sync::PoisonError;

use arachne_model::table::{ExchangeRow, Row as _, TABLES};
use arachne_store::{Rows, StoreError, Token};
use arrow::array::{AsArray as _, BooleanArray, RecordBatch};
use arrow::compute::filter_record_batch;
use arrow::error::ArrowError;

use super::core::{Change, Core};
use super::live::Live;
use super::output::{Output, discard};
use crate::columns;
use crate::error;
use crate::frames::{NewFrame, PAYLOAD_BYTES_MAX};
use crate::manifest::{Batch, Edit};
use crate::memtable::Memtable;
use crate::part::{Demoted, PartMeta};
use crate::record::{append_error, wal_error};
use crate::rows::{self, Batches};

/// The name by which a sender's batch is remembered.
pub(crate) fn token_name(token: &Token) -> String {
    format!("sender/{}/{}", token.sequence, token.sender)
}

/// An error of Arrow while rows are moved about in memory.
pub(crate) fn arrow_error(error: ArrowError) -> StoreError {
    error::io("cannot arrange rows", std::io::Error::other(error))
}

/// Parts a batch of exchanges into those that have ended and those that are open.
pub(crate) fn split_open(batch: RecordBatch) -> Result<(Option<RecordBatch>, Vec<ExchangeRow>), ArrowError> {
    let column = ExchangeRow::TABLE.column("provisional").expect("a column of the table");
    let provisional = batch.column(column).as_boolean().values();
    if provisional.count_set_bits() == 0 {
        return Ok((Some(batch), Vec::new()));
    }
    let open = provisional.set_indices().map(|row| columns::row::<ExchangeRow>(&batch, row)).collect();
    let done = filter_record_batch(&batch, &BooleanArray::new(!provisional, None))?;
    Ok((Some(done).filter(|done| done.num_rows() > 0), open))
}

impl Core {
    /// Makes rows durable and visible. `false` when the token was seen before.
    pub fn append(&self, token: &Token, rows: Rows) -> Result<bool, StoreError> {
        let name = token_name(token);
        if !self.begin(&name) {
            return Ok(false);
        }
        let outcome = self.append_new(token, &name, rows);
        let mut live = self.live();
        live.pending.remove(&name);
        self.appended.notify_all();
        drop(live);
        self.noted(outcome).map(|()| true)
    }

    /// Whether the batch is new. Waits for another thread that has the same one under way.
    fn begin(&self, name: &str) -> bool {
        let mut live = self.live();
        while live.pending.contains(name) {
            live = self.appended.wait(live).unwrap_or_else(PoisonError::into_inner);
        }
        !live.tokens.contains(name) && live.pending.insert(name.to_owned())
    }

    fn append_new(&self, token: &Token, name: &str, rows: Rows) -> Result<(), StoreError> {
        refuse_huge(&rows)?;
        let (batches, open) = rows::split(rows);
        let frame = frame(Some(token), &batches, &open)?;
        let gate = self.gate.read().unwrap_or_else(PoisonError::into_inner);
        let written = self.wal.append(vec![frame]).map_err(|e| append_error(&e))?;
        self.written();
        let mut live = self.live();
        live.sequence = live.sequence.max(written.end.saturating_sub(1));
        let added = live.add(Some(name.to_owned()), batches, open);
        drop(live);
        drop(gate);
        added.map_err(arrow_error)
    }

    /// Writes what is in memory as parts. Rows that are open stay in memory and in the log.
    ///
    /// # Errors
    /// When writing fails: everything stays where it was, and the next flush tries again.
    pub fn flush(&self) -> Result<(), StoreError> {
        let outcome = self.flush_now();
        self.noted(outcome)
    }

    fn flush_now(&self) -> Result<(), StoreError> {
        let mut manifest = self.manifest();
        let Some((frozen, mark)) = self.freeze()? else { return Ok(()) };
        let mut written: Vec<PartMeta> = Vec::new();
        for (at, table) in TABLES.iter().enumerate() {
            match self.write_table(table, frozen.batches(at)) {
                Ok(parts) => written.extend(parts),
                Err(error) => {
                    discard(&*self.disk, &written);
                    return Err(error);
                }
            }
        }
        let batch = |name: &String| Batch { name: name.clone(), passing: true, ..Batch::default() };
        let edit = Edit {
            wal_released: Some(mark),
            put_batches: frozen.tokens.iter().map(batch).collect(),
            ..Edit::default()
        };
        let new = written.into_iter().map(|meta| (meta, Demoted::default())).collect();
        self.commit(&mut manifest, Change { new, edit, ..Change::default() }, |live| {
            live.frozen = None;
            live.open.age();
        })?;
        let remembered = manifest.state().batches.keys().filter(|name| name.starts_with("sender/")).cloned();
        let mut live = self.live();
        live.tokens = remembered.chain(live.memory.tokens.iter().cloned()).collect();
        drop(live);
        // The mark is durable: what cannot be removed now is removed by a later flush.
        drop(self.wal.release(mark).map_err(wal_error));
        Ok(())
    }

    /// Draws a line: rows in memory so far, and the last frame that has any of them. Open rows are written behind the line
    /// once more, so that the log before it can go.
    fn freeze(&self) -> Result<Option<(Memtable, u64)>, StoreError> {
        let _gate = self.gate.write().unwrap_or_else(PoisonError::into_inner);
        let mut live = self.live();
        if live.frozen.is_none() {
            if live.memory.is_empty() {
                return Ok(None);
            }
            let mark = live.sequence;
            if let Some(open) = live.open.batch() {
                let mut batches = Batches::default();
                batches[0] = Some(open);
                let written = self.wal.append(vec![frame(None, &batches, &[])?]).map_err(|e| append_error(&e))?;
                live.sequence = written.end.saturating_sub(1);
            }
            live.frozen = Some((std::mem::take(&mut live.memory), mark));
        }
        Ok(live.frozen.clone())
    }

    fn write_table(
        &self,
        table: &'static arachne_model::table::Table,
        batches: &[RecordBatch],
    ) -> Result<Vec<PartMeta>, StoreError> {
        if batches.is_empty() {
            return Ok(Vec::new());
        }
        let merged = rows::merge(table, batches).map_err(arrow_error)?;
        let mut output = Output::new(&self.disk, table, self.new_path(table), merged.num_rows());
        output.write(&merged)?;
        output.finish()
    }

    /// Whether a flush is due by what is in memory.
    pub fn is_full_of_rows(&self) -> bool {
        let live = self.live();
        live.memory.rows >= self.settings.flush_rows || live.memory.bytes >= self.settings.flush_bytes
    }

    /// Whether there is so much in memory that who appends has to wait.
    pub fn is_overfull(&self) -> bool {
        let live = self.live();
        live.memory.rows >= 2 * self.settings.flush_rows || live.memory.bytes >= 2 * self.settings.flush_bytes
    }

    /// Bytes of the log's files.
    pub fn wal_bytes(&self) -> u64 {
        let listed = self.disk.list("wal").unwrap_or_default();
        let length = |name: &str| self.disk.open(&format!("wal/{name}")).and_then(|file| file.len()).ok();
        listed.iter().filter(|entry| !entry.directory).filter_map(|entry| length(&entry.name)).sum()
    }
}

impl Live {
    /// Adds rows that are durable.
    pub fn add(&mut self, token: Option<String>, batches: Batches, open: Vec<ExchangeRow>) -> Result<(), ArrowError> {
        self.note(token, batches[0].as_ref(), open);
        self.memory.add(batches)
    }

    /// A batch is durable: its name, the exchanges that have ended with it, and those that are open.
    pub fn note(&mut self, token: Option<String>, ended: Option<&RecordBatch>, open: Vec<ExchangeRow>) {
        if let Some(ended) = ended {
            self.open.end(ended);
        }
        open.into_iter().for_each(|row| self.open.put(row));
        if let Some(token) = token {
            self.tokens.insert(token.clone());
            self.memory.tokens.push(token);
        }
        self.changed();
    }
}

/// A column holds less than 2 GiB, and a frame less than 64 MiB anyway.
fn refuse_huge(rows: &Rows) -> Result<(), StoreError> {
    let packets: usize = rows.packets.iter().map(|row| row.bytes.len()).sum();
    let bodies: usize = rows.bodies.iter().map(|row| row.bytes.len()).sum();
    if packets.max(bodies) > 16 * PAYLOAD_BYTES_MAX { Err(too_large()) } else { Ok(()) }
}

fn too_large() -> StoreError {
    StoreError::Refused(format!(
        "a batch takes more than {PAYLOAD_BYTES_MAX} bytes in the log: send fewer rows at a time"
    ))
}

fn frame(token: Option<&Token>, batches: &Batches, open: &[ExchangeRow]) -> Result<NewFrame, StoreError> {
    let mut all = batches.clone();
    if let Some(open) = rows::sorted(open) {
        let both: Vec<_> = all[0].take().into_iter().chain([open]).collect();
        all[0] = Some(rows::merge(TABLES[0], &both).map_err(arrow_error)?);
    }
    let payload = rows::encode(token, &all).map_err(arrow_error)?;
    NewFrame::new(0, 0, payload).map_err(|_| too_large())
}
