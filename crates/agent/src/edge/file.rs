//! A capture file of the host as a source: read to its end, and on when it grows.
//!
//! What was read before the agent or its capture process started anew is passed over: its rows were told. As for interfaces, a
//! connection that goes on meanwhile is seen from its middle then.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use arachne_capture::{CaptureError, CaptureReader, Follow, ReadOptions};
use arachne_delivery::INSTANT_MAX;
use arachne_model::UnixNanos;

use super::worker::Worker;
use crate::channel::FilePosition;

/// How long to wait at the end of the file before looking again.
const WAIT: Duration = Duration::from_millis(100);
/// Packets between two looks at what is asked.
const PACKETS: usize = 1024;
/// Bytes by which a capture file is told.
const LEAST_BYTES: u64 = 24;

/// Bytes by which a file is told from another one of its name: the first packets of another capture have other times.
const HEAD_BYTES: usize = 4096;

/// Why a file cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// It does not open.
    #[error("cannot open {path}")]
    Open {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Nothing is in it yet.
    #[error("{path} holds no capture yet: it is looked at again")]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// It is no capture, or is damaged.
    #[error("{path} cannot be read")]
    Capture {
        /// The file.
        path: PathBuf,
        /// Why.
        source: CaptureError,
    },
}

/// See the module.
pub struct FileSource {
    reader: CaptureReader,
    file: File,
    path: PathBuf,
    newest: UnixNanos,
    position: FilePosition,
    /// Packets that were read before.
    known: u64,
    /// Since when nothing has come.
    at_end: Option<Instant>,
}

impl FileSource {
    /// The file at `path`; `stop` ends waiting for the rest of a packet, `before` says how far files were read before.
    ///
    /// # Errors
    /// See [`FileError`].
    pub fn open(path: &Path, stop: Arc<AtomicBool>, before: &[FilePosition]) -> Result<Self, FileError> {
        let opened = |source| FileError::Open { path: path.to_owned(), source };
        // To open a pipe waits for whoever writes to it, for ever.
        if !std::fs::metadata(path).map_err(opened)?.is_file() {
            return Err(opened(io::Error::new(io::ErrorKind::InvalidInput, "it is no regular file")));
        }
        let file = File::open(path).map_err(opened)?;
        if file.metadata().map_err(opened)?.len() < LEAST_BYTES {
            return Err(FileError::Empty { path: path.to_owned() });
        }
        let follow = Follow::new(file.try_clone().map_err(opened)?, stop);
        let reader = CaptureReader::new(follow, &ReadOptions::default())
            .map_err(|source| FileError::Capture { path: path.to_owned(), source })?;
        let mut position = FilePosition { path: path.to_string_lossy().into_owned(), ..FilePosition::default() };
        let same = |before: &&FilePosition| before.path == position.path && is_head(&file, before);
        let known = before.iter().find(same).map_or(0, |before| before.packets);
        position.identify(&file);
        Ok(Self { reader, file, path: path.to_owned(), newest: UnixNanos(i64::MIN), position, known, at_end: None })
    }

    /// Some packets into `worker`, or a wait at the end. `false` when there will never be more: the file is damaged there.
    ///
    /// # Errors
    /// Where and how it is damaged. What came before is fine.
    pub fn turn(&mut self, worker: &mut Worker) -> Result<bool, FileError> {
        let more = self.packets(worker);
        self.position.identify(&self.file);
        if self.position.packets > self.known {
            worker.read_up_to(self.position.clone());
        }
        more
    }

    fn packets(&mut self, worker: &mut Worker) -> Result<bool, FileError> {
        for _ in 0..PACKETS {
            if !self.reader.is_buffered() && !self.has_grown() {
                self.wait(worker);
                return Ok(true);
            }
            self.at_end = None;
            match self.reader.next_packet() {
                Ok(Some(mut packet)) => {
                    self.position.packets += 1;
                    if self.position.packets > self.known {
                        packet.timestamp = credible(packet.timestamp);
                        self.newest = self.newest.max(packet.timestamp);
                        worker.packet(&packet, 0, packet.original_length);
                    }
                }
                Ok(None) => return Ok(false),
                Err(source) => return Err(FileError::Capture { path: self.path.clone(), source }),
            }
        }
        Ok(true)
    }

    fn has_grown(&self) -> bool {
        self.file.metadata().is_ok_and(|facts| facts.len() > self.reader.bytes_read())
    }

    /// Time goes on from the last packet, however long ago that was.
    fn wait(&mut self, worker: &mut Worker) {
        let since = *self.at_end.get_or_insert_with(Instant::now);
        std::thread::sleep(WAIT);
        if self.newest.0 > i64::MIN {
            let passed = u64::try_from(since.elapsed().as_nanos()).unwrap_or(u64::MAX);
            worker.drained(credible(self.newest.plus(passed)));
        }
    }
}

impl FilePosition {
    /// Takes as much of the beginning of `file` as there is and is needed.
    fn identify(&mut self, file: &File) {
        if (self.head_bytes as usize) < HEAD_BYTES {
            let head = head(file, HEAD_BYTES);
            self.head_bytes = u32::try_from(head.len()).unwrap_or(0);
            self.head_crc = crc32c::crc32c(&head);
        }
    }
}

/// Whether `file` begins as the one does whose position was told.
fn is_head(file: &File, told: &FilePosition) -> bool {
    let head = head(file, (told.head_bytes as usize).min(HEAD_BYTES));
    head.len() == told.head_bytes as usize && crc32c::crc32c(&head) == told.head_crc
}

/// The first bytes of a file, `length` where it has as many.
fn head(file: &File, length: usize) -> Vec<u8> {
    let mut head = vec![0; length];
    let mut there = 0;
    while there < length {
        match file.read_at(&mut head[there..], there as u64) {
            Ok(read) if read > 0 => there += read,
            _ => break,
        }
    }
    head.truncate(there);
    head
}

/// Files hold any time; no server takes rows from before 1970 or after 2199.
fn credible(at: UnixNanos) -> UnixNanos {
    UnixNanos(at.0.clamp(0, INSTANT_MAX - 1))
}

#[cfg(test)]
mod tests;
