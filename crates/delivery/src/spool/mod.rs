//! Batches on disk until a server has them.
//!
//! A spool is a folder of files. Each file has the batches of one lane and one [`Class`], so that room is made by removing
//! whole files: what is dropped first never stands before what is dropped last. [`Spool::append`] gives a batch its
//! sequence and writes it, [`Spool::sync`] makes all that was appended durable at once, [`Spool::settle`] ends it. A file
//! goes when all in it is settled and the durable cursor says so, never before.
//!
//! When the disk is full or fails, batches wait in memory up to a small cap. A sequence is never used twice, whatever is
//! lost: a block of them is reserved durably before the first is given away.
//!
//! It never looks into a batch, has no clock and no thread.
//!
//! Source: docs/delivery.md.

mod class;
mod cursor;
mod evict;
mod facts;
mod files;
mod folder;
mod frame;
mod recover;
mod scan;

use std::collections::{BTreeMap, VecDeque};

pub use class::{COUNTS_LEN, Class, Counts, by_class};
pub use facts::{Figures, NewBatch, Settled, SpoolError, SpoolSettings, Waiting};
pub use folder::{Directory, Folder};
pub use frame::FORMAT;
pub use scan::{Fault, Finding, SpoolFile, is_file, read_file};

use crate::codec::Head;
use crate::proto::Lane;
use cursor::Cursor;
use files::{File, Place};
use frame::FRAME_HEAD_LEN;

#[derive(Debug)]
struct Entry {
    waiting: Waiting,
    /// Where it is on disk; durable when it is not `held`.
    place: Option<Place>,
    /// Its payload until it is durable.
    held: Option<Vec<u8>>,
}

#[derive(Debug)]
struct LaneState {
    waiting: VecDeque<Entry>,
    /// The next sequence.
    next: u64,
}

/// Batches that wait, on disk.
#[derive(Debug)]
pub struct Spool {
    folder: Box<dyn Folder>,
    settings: SpoolSettings,
    cursor: Cursor,
    /// The cursor as it is durable.
    stored: Cursor,
    lanes: [LaneState; 2],
    files: BTreeMap<u64, File>,
    /// By lane and class: the file that grows.
    growing: [[Option<u64>; 3]; 2],
    next_file: u64,
    /// Whether a file was made since the names were synced.
    names_changed: bool,
    /// Batches whose payloads are held until they are durable, and their bytes.
    held_count: usize,
    held_bytes: u64,
    figures: Figures,
    /// Whether records were dropped that the durable cursor does not count yet.
    uncounted: bool,
    findings: Vec<Finding>,
    /// Failures to read the front of each lane, one after the other.
    read_failures: [u8; 2],
}

/// Damaged places that wait to be told. Policy: further ones are skipped all the same, and their records counted.
const FINDINGS_MAX: usize = 1000;

/// Sequences that are reserved at a time.
const RESERVED: u64 = 1 << 20;

/// Whether there is room for a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Room {
    Made,
    /// All that is there is worth more.
    Full,
    /// The disk does not let room be made.
    Failed,
}

impl Spool {
    /// Spools a batch and returns its name. It is written, not yet durable; it may be delivered before.
    ///
    /// `None` when there is no room for it at all: it was counted as dropped.
    pub fn append(&mut self, lane: Lane, batch: NewBatch) -> Option<Head> {
        let NewBatch { class, counts, closed, payload } = batch;
        self.figures.appended[class.index()] += counts.total();
        let length =
            u32::try_from(payload.len()).ok().filter(|n| (1..=crate::BATCH_PACKED_MAX).contains(&(*n as usize)));
        let need = payload.len() as u64 + FRAME_HEAD_LEN as u64;
        let impossible = length.is_none() || need > self.settings.cap_bytes / 2;
        let spent = self.lanes[lane.index()].next >= self.cursor.reserved[lane.index()];
        let room = match self.figures.memory_bytes {
            _ if impossible || spent => Room::Full,
            0 => self.make_room(class, need),
            // In order: while others wait for the disk in memory, so does this one.
            _ => Room::Failed,
        };
        if room == Room::Full {
            self.count_dropped(class, counts.total());
            return None;
        }
        let state = &mut self.lanes[lane.index()];
        let head = Head { epoch: self.cursor.epoch, lane, sequence: state.next, closed };
        state.next += 1;
        let waiting = Waiting { head, class, counts, bytes: length.unwrap_or_default() };
        state.waiting.push_back(Entry { waiting, place: None, held: Some(payload) });
        self.held_count += 1;
        self.held_bytes += u64::from(waiting.bytes);
        self.figures.memory_bytes += u64::from(waiting.bytes);
        self.count_waiting(&waiting, true);
        if room == Room::Made {
            // Where it fails, the batch waits in memory, and the next sync fails.
            let _ = self.write_at(lane.index(), self.lanes[lane.index()].waiting.len() - 1);
        }
        self.bound_memory();
        Some(head)
    }

    /// The sequence that the next batch of a lane gets, if it gets one.
    #[must_use]
    pub const fn next_sequence(&self, lane: Lane) -> u64 {
        self.lanes[lane.index()].next
    }

    /// Whether a batch was spooled here: it waits, or has left its lane.
    #[must_use]
    pub fn has_had(&self, epoch: u64, lane: Lane, sequence: u64) -> bool {
        let settled = epoch == self.cursor.epoch && sequence <= self.cursor.settled[lane.index()];
        let is_it = |entry: &Entry| (entry.waiting.head.epoch, entry.waiting.head.sequence) == (epoch, sequence);
        settled || self.lanes[lane.index()].waiting.iter().any(is_it)
    }

    /// Makes all that was appended durable, what waits in memory too, and the count of what was dropped instead.
    ///
    /// # Errors
    /// [`SpoolError::Io`]: what was appended since the last success may not outlive a crash; it is still delivered. Also
    /// when there is no room for what waits in memory.
    pub fn sync(&mut self) -> Result<(), SpoolError> {
        let written = self.write_memory();
        let synced = self.sync_files();
        self.release();
        self.drop_beyond_memory();
        written.and(synced)?;
        if self.uncounted {
            self.store_cursor()?;
        }
        if self.lanes.iter().zip(self.cursor.reserved).any(|(lane, reserved)| lane.next + RESERVED / 2 > reserved) {
            self.reserve()?;
        }
        Ok(())
    }

    /// The next batch of a lane.
    #[must_use]
    pub fn front(&self, lane: Lane) -> Option<&Waiting> {
        self.lanes[lane.index()].waiting.front().map(|entry| &entry.waiting)
    }

    /// Batches that wait in a lane.
    #[must_use]
    pub fn waiting(&self, lane: Lane) -> u64 {
        self.lanes[lane.index()].waiting.len() as u64
    }

    /// The next batch of a lane with its payload. What is damaged is passed over, counted and among [`Self::findings`].
    ///
    /// # Errors
    /// [`SpoolError::Io`] when the disk cannot be read: try again later; the third failure passes over the batch.
    pub fn read(&mut self, lane: Lane) -> Result<Option<(Waiting, Vec<u8>)>, SpoolError> {
        while let Some(entry) = self.lanes[lane.index()].waiting.front() {
            let waiting = entry.waiting;
            if let Some(payload) = &entry.held {
                return Ok(Some((waiting, payload.clone())));
            }
            let place = entry.place;
            match self.read_payload(place, waiting.bytes) {
                Ok(Some(payload)) => {
                    self.read_failures[lane.index()] = 0;
                    return Ok(Some((waiting, payload)));
                }
                Ok(None) => self.pass_over(lane, Fault::Payload),
                Err(error) => {
                    self.read_failures[lane.index()] += 1;
                    if self.read_failures[lane.index()] < 3 {
                        return Err(error);
                    }
                    self.read_failures[lane.index()] = 0;
                    self.pass_over(lane, Fault::Payload);
                }
            }
        }
        Ok(None)
    }

    /// Ends a batch. `false` when it is not the next of its lane, as after it was dropped: nothing changes then.
    pub fn settle(&mut self, head: &Head, how: Settled) -> bool {
        let lane = &mut self.lanes[head.lane.index()];
        let Some(entry) = lane.waiting.pop_front_if(|entry| entry.waiting.head == *head) else { return false };
        let (class, records) = (entry.waiting.class.index(), entry.waiting.counts.total());
        match how {
            Settled::Delivered => {
                self.figures.delivered[class] += records;
                self.figures.delivered_batches += 1;
                self.figures.delivered_bytes += u64::from(entry.waiting.bytes);
            }
            Settled::Refused => {
                self.figures.refused[class] += records;
                self.cursor.refused[class] += records;
                self.set_aside(&entry);
            }
        }
        self.ended(&entry);
        self.remove_settled();
        true
    }

    /// Makes durable how far delivery is, so that less is sent again after a crash. Call it every few seconds and at the end.
    ///
    /// # Errors
    /// [`SpoolError::Io`]: more is sent again; nothing is lost.
    pub fn keep_cursor(&mut self) -> Result<(), SpoolError> {
        if self.cursor != self.stored {
            self.store_cursor()?;
        }
        self.remove_settled();
        Ok(())
    }

    /// Its limits.
    #[must_use]
    pub const fn settings(&self) -> &SpoolSettings {
        &self.settings
    }

    /// Another cap. What is too much now is dropped.
    pub fn set_cap(&mut self, cap_bytes: u64) {
        self.settings.cap_bytes = cap_bytes;
        let _ = self.make_room(Class::Facts, 0);
    }

    /// Names batches sent from here; see [`crate::proto::Batch::epoch`].
    #[must_use]
    pub const fn epoch(&self) -> u64 {
        self.cursor.epoch
    }

    /// All counts.
    #[must_use]
    pub fn figures(&self) -> Figures {
        let mut figures = self.figures.clone();
        figures.dropped_ever = self.cursor.dropped;
        figures.disk_bytes = self.files.values().map(|file| file.length).sum();
        for (lane, state) in self.lanes.iter().enumerate() {
            figures.waiting_batches[lane] = state.waiting.len() as u64;
        }
        let fronts = self.lanes.iter().filter_map(|lane| lane.waiting.front());
        figures.oldest = fronts.map(|entry| entry.waiting.head.closed).min();
        figures
    }

    /// What was found damaged since this was last asked: the first thousand places.
    pub fn findings(&mut self) -> Vec<Finding> {
        std::mem::take(&mut self.findings)
    }

    fn count_waiting(&mut self, waiting: &Waiting, comes: bool) {
        let (count, records) = (&mut self.figures.waiting[waiting.class.index()], waiting.counts.total());
        *count = if comes { *count + records } else { count.saturating_sub(records) };
    }

    fn count_dropped(&mut self, class: Class, records: u64) {
        self.figures.dropped[class.index()] += records;
        self.cursor.dropped[class.index()] += records;
        self.uncounted = true;
    }

    /// An entry has left its queue, whatever for.
    fn ended(&mut self, entry: &Entry) {
        let Waiting { head, bytes, .. } = entry.waiting;
        self.count_waiting(&entry.waiting, false);
        if entry.held.is_some() {
            self.held_count -= 1;
            self.held_bytes = self.held_bytes.saturating_sub(u64::from(bytes));
        }
        match entry.place {
            Some(place) => {
                if let Some(file) = self.files.get_mut(&place.file) {
                    file.waiting = file.waiting.saturating_sub(1);
                }
            }
            None => self.figures.memory_bytes = self.figures.memory_bytes.saturating_sub(u64::from(bytes)),
        }
        let lane = head.lane.index();
        let next = self.lanes[lane].waiting.iter().find(|e| e.waiting.head.epoch == self.cursor.epoch);
        if head.epoch == self.cursor.epoch && next.is_none_or(|e| e.waiting.head.sequence > head.sequence) {
            self.cursor.settled[lane] = self.cursor.settled[lane].max(head.sequence);
        }
    }

    /// Lets go of payloads that are durable now.
    fn release(&mut self) {
        if self.names_changed {
            return;
        }
        let mut left = self.held_count;
        for entry in self.lanes.iter_mut().flat_map(|lane| lane.waiting.iter_mut().rev()) {
            if left == 0 {
                break;
            }
            if entry.held.is_none() {
                continue;
            }
            left -= 1;
            let file = entry.place.and_then(|place| self.files.get(&place.file));
            if file.is_some_and(|file| !file.dirty) {
                entry.held = None;
                self.held_count -= 1;
                self.held_bytes = self.held_bytes.saturating_sub(u64::from(entry.waiting.bytes));
            }
        }
    }

    fn pass_over(&mut self, lane: Lane, what: Fault) {
        let Some(entry) = self.lanes[lane.index()].waiting.pop_front() else { return };
        let Waiting { head, class, counts, bytes } = entry.waiting;
        self.figures.damaged[class.index()] += counts.total();
        let place = entry.place.unwrap_or_default();
        let file = self.files.get(&place.file).map(|file| file.name.clone()).unwrap_or_default();
        let batch = Some((head, counts));
        self.find(Finding { file, offset: place.offset, bytes: u64::from(bytes), what, batch });
        self.ended(&entry);
    }

    fn find(&mut self, finding: Finding) {
        if self.findings.len() < FINDINGS_MAX {
            self.findings.push(finding);
        }
    }
}

#[cfg(test)]
pub(crate) mod broken;
#[cfg(test)]
mod tests;
