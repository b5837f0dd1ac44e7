//! The write-ahead log: what is acknowledged here is found again.
//!
//! Files `<first sequence, 20 digits>.wal` of [`crate::frames`], each at most a little over
//! [`Options::file_bytes_max`]. Frames are numbered from 1 over the life of the store; the number of an
//! acknowledged frame is never given again. The
//! `mark` of a file header is the highest sequence that was acknowledged when the file was made; so a later file tells
//! which frames an earlier one must have.
//!
//! **Writing.** Any number of threads append. One of those that wait writes the frames of all, syncs once, and wakes them
//! ([`Options::window`] lets it wait for more first). The name of a new file is synced before its first frame is acknowledged.
//!
//! **Failure.** A failed write or sync makes the file's unacknowledged tail unknown. It is cut off if the disk allows, the
//! file is never written or synced again, all waiting appends get the error, and the next append tries a new file. So a
//! disk that was full is used again as soon as it has room. A frame whose append failed may be there after a restart or
//! not: idempotency tokens above deal with that. It is never found *behind* in place of an acknowledged one.
//!
//! **Reading.** Opening reads all files once, cuts torn tails off, and syncs what a dead process may have left unsynced,
//! so that what is served after a restart is durable too. It never appends to a file of another process. A flipped bit or a
//! lost sector costs the frames that it is in, and nothing else: **those are lost, acknowledged or not**, and named in
//! [`Recovery::findings`] by file, offset and sequence. There is one copy of the log only; whoever must survive damaged
//! media keeps the input until it is in a part, and parts on media with redundancy.
//!
//! **Releasing.** [`Wal::release`] removes files whose frames are all at or below a mark. It is the caller's duty to have
//! that mark in the manifest, durably, before. A file with damage is moved to the quarantine instead.

mod recovery;
mod writer;

use std::io;
use std::ops::Range;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

pub use recovery::{Recovery, Replay};

use crate::disk::Disk;
use crate::frames::{FrameError, NewFrame};
use writer::Writer;

/// How a log is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// A file that has reached this many bytes is closed and another one begun. 64 MiB.
    pub file_bytes_max: u64,
    /// How long the writing thread waits for others to join. 0: whoever comes during a sync joins the next one.
    pub window: Duration,
    /// The mark from the manifest: frames up to it are in parts.
    pub released: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self { file_bytes_max: 64 << 20, window: Duration::ZERO, released: 0 }
    }
}

/// Why a log cannot be opened or released.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WalError {
    /// A file cannot be read, or a later release wrote it. Nothing was changed.
    #[error("cannot read the write-ahead log")]
    Frames(#[from] FrameError),
    /// The directory cannot be made, listed or synced, or a file not be removed.
    #[error("cannot use the write-ahead log at {path}")]
    Io {
        /// The directory or file.
        path: String,
        /// Why.
        source: io::Error,
    },
}

/// Why frames were not acknowledged. They may be there after a restart or not.
#[derive(Clone, Debug, thiserror::Error)]
#[error("cannot {action} {path}; the data is not acknowledged, send it again with the same token")]
pub struct AppendError {
    /// What was tried.
    pub action: &'static str,
    /// The file.
    pub path: String,
    /// Why.
    #[source]
    pub source: Arc<io::Error>,
}

impl AppendError {
    /// Whether the disk, or the share of it that this user may have, is full.
    pub fn is_disk_full(&self) -> bool {
        matches!(self.source.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
    }
}

/// What a log did since it was opened. `appended` = `acked` + `failed` + those that wait right now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WalStats {
    /// Frames handed over.
    pub appended: u64,
    /// Frames acknowledged.
    pub acked: u64,
    /// Frames refused.
    pub failed: u64,
    /// Bytes of acknowledged frames with their headers.
    pub bytes: u64,
    /// Groups that were written and synced.
    pub groups: u64,
    /// Syncs of files that were tried, with those of new files' headers.
    pub syncs: u64,
    /// Files begun.
    pub files_created: u64,
    /// Files removed or quarantined.
    pub files_released: u64,
}

/// A file that was released.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Released {
    /// Where it was.
    pub path: String,
    /// Where it is now, when it was damaged; otherwise it is gone.
    pub quarantined: Option<String>,
}

/// A write-ahead log, open for appending. Shared between threads by reference.
#[derive(Debug)]
pub struct Wal {
    disk: Arc<dyn Disk>,
    window: Duration,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    next_sequence: u64,
    /// Frames of the group that is being gathered.
    waiting: Vec<NewFrame>,
    group: Arc<Group>,
    /// Away while some thread writes.
    writer: Option<Writer>,
    stats: WalStats,
}

/// Appends that share one sync.
#[derive(Debug)]
struct Group {
    first: u64,
    outcome: OnceLock<Result<(), AppendError>>,
}

impl Group {
    fn new(first: u64) -> Arc<Self> {
        Arc::new(Self { first, outcome: OnceLock::new() })
    }
}

impl Wal {
    /// Opens the log in `directory`, which is made when it is not there, and says what was found.
    ///
    /// # Errors
    /// [`WalError`]; never for damage, which is in [`Recovery::findings`].
    pub fn open(disk: Arc<dyn Disk>, directory: &str, options: Options) -> Result<(Self, Recovery), WalError> {
        let (recovery, writer, next_sequence) = recovery::recover(&disk, directory, &options)?;
        let state = State {
            next_sequence,
            waiting: Vec::new(),
            group: Group::new(next_sequence),
            writer: Some(writer),
            stats: WalStats::default(),
        };
        let wal = Self { disk, window: options.window, state: Mutex::new(state), changed: Condvar::new() };
        Ok((wal, recovery))
    }

    /// Appends frames and returns their sequences once they are durable. They get numbers in a row. After a crash in the
    /// meantime any of them may be there: what must be there as a whole belongs in one frame.
    ///
    /// Blocks for one sync, or two when one is under way; callers wait with what they hand over, so memory is bounded by
    /// their number.
    ///
    /// # Errors
    /// [`AppendError`]: none of them is acknowledged. The next call tries a new file.
    pub fn append(&self, frames: Vec<NewFrame>) -> Result<Range<u64>, AppendError> {
        let mut state = self.lock();
        let first = state.next_sequence;
        let sequences = first..first + frames.len() as u64;
        if sequences.is_empty() {
            return Ok(sequences);
        }
        state.next_sequence = sequences.end;
        state.stats.appended += frames.len() as u64;
        state.waiting.extend(frames);
        let group = Arc::clone(&state.group);
        loop {
            if let Some(outcome) = group.outcome.get() {
                return outcome.clone().map(|()| sequences);
            }
            state = match state.writer.take() {
                // Nobody writes and this group is not written: it is the one that is being gathered.
                Some(writer) => self.lead(state, writer),
                None => self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
            };
        }
    }

    /// Writes the group that is being gathered, and wakes all who wait.
    fn lead<'a>(&'a self, mut state: MutexGuard<'a, State>, mut writer: Writer) -> MutexGuard<'a, State> {
        if !self.window.is_zero() {
            drop(state);
            std::thread::sleep(self.window);
            state = self.lock();
        }
        let frames = std::mem::take(&mut state.waiting);
        let next = Group::new(state.next_sequence);
        let group = std::mem::replace(&mut state.group, next);
        drop(state);
        let outcome = writer.write(group.first, &frames);
        let mut state = self.lock();
        let count = frames.len() as u64;
        writer.count(&mut state.stats);
        match &outcome {
            Ok(()) => {
                state.stats.acked += count;
                state.stats.groups += 1;
                state.stats.bytes += frames.iter().map(|frame| frame.encoded_bytes() as u64).sum::<u64>();
            }
            Err(_) => state.stats.failed += count,
        }
        state.writer = Some(writer);
        // Nobody else has this group's cell to fill.
        let _ = group.outcome.set(outcome);
        self.changed.notify_all();
        state
    }

    /// Removes the files all of whose frames are at or below `up_to`, oldest first, and says which; a damaged one is
    /// quarantined. The mark must be durable in the manifest before.
    ///
    /// # Errors
    /// [`WalError::Io`] at the first file that cannot be removed; it and later ones stay for the next call.
    pub fn release(&self, up_to: u64) -> Result<Vec<Released>, WalError> {
        let mut state = self.lock();
        let mut writer = loop {
            match state.writer.take() {
                Some(writer) => break writer,
                None => state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
            }
        };
        // Appends wait while files go: few, and only one of many calls has any.
        drop(state);
        let mut released = Vec::new();
        let outcome = writer.release(&*self.disk, up_to, &mut released);
        let mut state = self.lock();
        state.stats.files_released += released.len() as u64;
        state.writer = Some(writer);
        self.changed.notify_all();
        outcome.map(|()| released)
    }

    /// What was done so far.
    pub fn stats(&self) -> WalStats {
        self.lock().stats
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
