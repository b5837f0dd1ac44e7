//! Rows from senders: into the log, into memory, and from there into parts.

use std::io::ErrorKind;
use std::sync::PoisonError;
use std::sync::atomic::Ordering;

use arachne_model::table::{ExchangeRow, Row as _, TABLES};
use arachne_store::{Rows, StoreError, Token};
use arrow::array::{AsArray as _, BooleanArray, RecordBatch};
use arrow::compute::filter_record_batch;
use arrow::error::ArrowError;

use super::core::{Change, Core};
use super::live::{Frozen, Live};
use super::output::{Output, discard};
use crate::columns;
use crate::error;
use crate::frames::{NewFrame, PAYLOAD_BYTES_MAX};
use crate::manifest::{Edit, sender_batches};
use crate::part::{Demoted, PartMeta};
use crate::record::{append_error, wal_error};
use crate::rows::{self, Batches};
use crate::twins::arrivals::{Arrivals, Holder};

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
        if !self.begin(token) {
            return Ok(false);
        }
        let outcome = self.append_new(token, rows);
        let mut live = self.live();
        live.pending.remove(token);
        self.appended.notify_all();
        drop(live);
        self.noted(outcome).map(|()| true)
    }

    /// Whether the batch is new. Waits for another thread that has the same one under way.
    fn begin(&self, token: &Token) -> bool {
        let mut live = self.live();
        while live.pending.contains(token) {
            live = self.appended.wait(live).unwrap_or_else(PoisonError::into_inner);
        }
        !live.senders.contains(token) && live.pending.insert(token.clone())
    }

    fn append_new(&self, token: &Token, rows: Rows) -> Result<(), StoreError> {
        refuse_huge(&rows)?;
        let (batches, open) = rows::split(rows);
        let open = self.not_ended(open)?;
        let frame = frame(Some(token), &batches, &open)?;
        let shown = rows::sorted(&open);
        let (ended, open_rows) = (batches[0].iter(), shown.iter());
        let both = ended.map(|ended| (Holder::Memory, ended)).chain(open_rows.map(|open| (Holder::Open, open)));
        let arrivals = Arrivals::of(both);
        let looked = self.look(&arrivals);
        let gate = self.gate.read().unwrap_or_else(PoisonError::into_inner);
        let written = self.wal.append(vec![frame]).map_err(|e| append_error(&e))?;
        self.written();
        let added = self.with_twins(&arrivals, looked, |live| {
            live.sequence = live.sequence.max(written.end.saturating_sub(1));
            live.add(Some(token), batches, open)
        });
        drop(gate);
        added.map_err(arrow_error)
    }

    /// Writes what is in memory as parts. Rows that are open stay in memory and in the log.
    ///
    /// # Errors
    /// When writing fails: everything stays where it was, and the next flush tries again.
    pub fn flush(&self) -> Result<(), StoreError> {
        let outcome = self.flush_now();
        self.no_room.store(matches!(outcome, Err(StoreError::Full { .. })), Ordering::Relaxed);
        match &outcome {
            Ok(()) => *self.failing() = None,
            Err(StoreError::Full { what, source } | StoreError::Io { what, source }) => {
                *self.failing() = Some(format!("{what}: {source}"));
            }
            Err(error) => *self.failing() = Some(error.to_string()),
        }
        self.noted(outcome)
    }

    /// Makes room in memory where there is too much in it: who appends faster than parts are written waits here, and is refused
    /// where they cannot be written.
    pub fn make_room(&self) -> Result<(), StoreError> {
        if !self.is_overfull() {
            return Ok(());
        }
        // The thread behind tries again and again; each who appends need not.
        let why = self.failing().clone().filter(|_| self.settings.background);
        let Some(why) = why else { return self.flush() };
        // The log may take rows where there is no room for parts: a disk without inodes.
        let kind = if self.no_room.load(Ordering::Relaxed) { ErrorKind::StorageFull } else { ErrorKind::Other };
        Err(error::io("what is in memory", std::io::Error::new(kind, why)))
    }

    fn flush_now(&self) -> Result<(), StoreError> {
        let mut manifest = self.manifest();
        let Some(frozen) = self.freeze()? else { return Ok(()) };
        let mut written: Vec<PartMeta> = Vec::new();
        for (at, table) in TABLES.iter().enumerate() {
            match self.write_table(table, frozen.rows.batches(at)) {
                Ok(parts) => written.extend(parts),
                Err(error) => {
                    discard(&*self.disk, &written);
                    return Err(error);
                }
            }
        }
        let edit = Edit { wal_released: Some(frozen.mark), senders: frozen.senders, ..Edit::default() };
        let new = written.into_iter().map(|meta| (meta, Demoted::default())).collect();
        self.commit(&mut manifest, Change { new, edit, thaw: true, ..Change::default() }, |_| ())?;
        // The mark is durable: what cannot be removed now is removed by a later flush.
        drop(self.wal.release(frozen.mark).map_err(wal_error));
        Ok(())
    }

    /// Draws a line: rows in memory so far, and the last frame that has any of them. Open rows are written behind the line
    /// once more, so that the log before it can go.
    fn freeze(&self) -> Result<Option<Frozen>, StoreError> {
        let _gate = self.gate.write().unwrap_or_else(PoisonError::into_inner);
        let mut live = self.live();
        if live.frozen.is_none() {
            if live.memory.is_empty() {
                return Ok(None);
            }
            let mark = live.sequence;
            let open = live.open.slices();
            let frames = open.into_iter().map(|open| frame(None, &only(open), &[]));
            let frames: Vec<_> = frames.collect::<Result<_, _>>()?;
            if !frames.is_empty() {
                let written = self.wal.append(frames).map_err(|e| append_error(&e))?;
                live.sequence = written.end.saturating_sub(1);
            }
            let rows = std::mem::take(&mut live.memory);
            live.met.freeze();
            let sent = |sender: &String| Some(sender_batches(sender, live.senders.of(sender)?));
            let senders = rows.senders.iter().filter_map(sent).collect();
            live.frozen = Some(Frozen { rows, mark, senders });
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
    pub fn add(&mut self, token: Option<&Token>, batches: Batches, open: Vec<ExchangeRow>) -> Result<(), ArrowError> {
        self.note(token, batches[0].as_ref(), open);
        self.memory.add(batches)
    }

    /// A batch is durable: its name, the exchanges that have ended with it, and those that are open.
    pub fn note(&mut self, token: Option<&Token>, ended: Option<&RecordBatch>, open: Vec<ExchangeRow>) {
        if let Some(ended) = ended {
            self.open.end(ended);
        }
        open.into_iter().for_each(|row| self.open.put(row));
        if let Some(token) = token {
            self.senders.insert(token);
            if !self.memory.senders.contains(&token.sender) {
                self.memory.senders.insert(token.sender.clone());
            }
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

/// Exchanges alone.
fn only(exchanges: RecordBatch) -> Batches {
    let mut batches = Batches::default();
    batches[0] = Some(exchanges);
    batches
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
