//! The files of the log: one that grows, and those before it.

use std::io;
use std::sync::Arc;

use super::{AppendError, Released, WalError, WalStats};
use crate::disk::{Disk, WriteFile, quarantine};
use crate::frames::{FileHeader, FileKind, HEADER_BYTES, NewFrame};

/// Has the files. One thread at a time has it.
#[derive(Debug)]
pub(super) struct Writer {
    disk: Arc<dyn Disk>,
    directory: String,
    file_bytes_max: u64,
    active: Option<Active>,
    /// Files that are not written any more, oldest first.
    closed: Vec<Closed>,
    /// The highest sequence that is known to be durable.
    acked: u64,
    /// Since the last [`Self::count`].
    syncs: u64,
    created: u64,
}

/// A file that is not written any more.
#[derive(Debug)]
pub(super) struct Closed {
    pub(super) path: String,
    /// No frame in it has a higher sequence.
    pub(super) last: u64,
    pub(super) damaged: bool,
}

/// The file that grows. All of it is durable.
#[derive(Debug)]
struct Active {
    file: Box<dyn WriteFile>,
    path: String,
    salt: u64,
    bytes: u64,
    last: u64,
}

pub(super) fn file_path(directory: &str, first: u64) -> String {
    format!("{directory}/{first:020}.wal")
}

impl Writer {
    pub(super) fn new(
        disk: Arc<dyn Disk>,
        directory: &str,
        file_bytes_max: u64,
        closed: Vec<Closed>,
        acked: u64,
    ) -> Self {
        let directory = directory.to_owned();
        Self { disk, directory, file_bytes_max, active: None, closed, acked, syncs: 0, created: 0 }
    }

    /// Moves its counts over.
    pub(super) fn count(&mut self, stats: &mut WalStats) {
        stats.syncs += std::mem::take(&mut self.syncs);
        stats.files_created += std::mem::take(&mut self.created);
    }

    /// Writes a group whose first frame has this sequence, and syncs.
    pub(super) fn write(&mut self, first: u64, frames: &[NewFrame]) -> Result<(), AppendError> {
        let last = first + frames.len() as u64 - 1;
        if self.active.as_ref().is_some_and(|active| active.bytes >= self.file_bytes_max) {
            self.close();
        }
        let mut active = match self.active.take() {
            Some(active) => active,
            None => self.create(first, last)?,
        };
        let mut bytes = Vec::with_capacity(frames.iter().map(NewFrame::encoded_bytes).sum());
        for (sequence, frame) in (first..).zip(frames) {
            frame.encode(sequence, active.salt, &mut bytes);
        }
        self.syncs += 1;
        let written = active.file.write_all(&bytes).map_err(|error| ("write", error));
        if let Err((action, error)) = written.and_then(|()| active.file.sync().map_err(|error| ("sync", error))) {
            let failure = failure(action, &active.path, error);
            self.give_up(active, last);
            return Err(failure);
        }
        active.bytes += bytes.len() as u64;
        (active.last, self.acked) = (last, last);
        self.active = Some(active);
        Ok(())
    }

    fn create(&mut self, first: u64, last: u64) -> Result<Active, AppendError> {
        let path = file_path(&self.directory, first);
        let file = self.disk.create(&path).map_err(|error| failure("create", &path, error))?;
        let header = FileHeader::new(FileKind::Wal, first, self.acked);
        let bytes = HEADER_BYTES as u64;
        let mut active = Active { file, path, salt: header.salt, bytes, last: first.saturating_sub(1) };
        (self.created, self.syncs) = (self.created + 1, self.syncs + 1);
        let steps = active.file.write_all(&header.encode()).and_then(|()| active.file.sync());
        match steps.and_then(|()| self.disk.sync_dir(&self.directory)) {
            Ok(()) => Ok(active),
            Err(error) => {
                let failure = failure("begin", &active.path, error);
                self.give_up(active, last);
                Err(failure)
            }
        }
    }

    fn close(&mut self) {
        if let Some(active) = self.active.take() {
            self.closed.push(Closed { path: active.path, last: active.last, damaged: false });
        }
    }

    /// Leaves a file behind in which frames up to `last` may be or not be. What was not acknowledged is taken away if the
    /// disk allows, so that nobody reads from memory what may not be on the disk; it frees room too.
    fn give_up(&mut self, active: Active, last: u64) {
        let Active { file, path, bytes, .. } = active;
        drop(file);
        let empty = bytes == HEADER_BYTES as u64;
        let gone = if empty { self.disk.remove(&path) } else { self.disk.truncate(&path, bytes) };
        if !(empty && gone.is_ok()) {
            self.closed.push(Closed { path, last, damaged: false });
        }
    }

    pub(super) fn release(&mut self, disk: &dyn Disk, up_to: u64, out: &mut Vec<Released>) -> Result<(), WalError> {
        if self.active.as_ref().is_some_and(|active| active.last <= up_to) {
            self.close();
        }
        let count = self.closed.iter().take_while(|closed| closed.last <= up_to).count();
        for _ in 0..count {
            let closed = &self.closed[0];
            let path = closed.path.clone();
            let failed = |source| WalError::Io { path: path.clone(), source };
            let quarantined = if closed.damaged {
                Some(quarantine(disk, &path).map_err(failed)?)
            } else {
                disk.remove(&path).map_err(failed)?;
                None
            };
            self.closed.remove(0);
            out.push(Released { path, quarantined });
        }
        Ok(())
    }
}

fn failure(action: &'static str, path: &str, error: io::Error) -> AppendError {
    AppendError { action, path: path.to_owned(), source: Arc::new(error) }
}
