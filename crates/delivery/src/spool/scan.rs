//! Reads the frames of a file, whatever happened to it.
//!
//! What is damaged is skipped, named and counted; the rest is found again by the magic and checksum of the next frame.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use super::folder::read_file_at;
use super::frame::{FILE_HEAD_LEN, FILE_MAGIC, FORMAT, FRAME_HEAD_LEN, FRAME_MAGIC, FileHead, FrameHead};
use super::{Counts, SpoolError};
use crate::codec::{CodecError, Head, address, unpack};
use crate::proto::Batch;

/// Something that a file should not have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The file.
    pub file: String,
    /// Where, in bytes.
    pub offset: u64,
    /// Bytes that were skipped.
    pub bytes: u64,
    /// What.
    pub what: Fault,
    /// The batch, where its header was readable, with its rows.
    pub batch: Option<(Head, Counts)>,
}

/// What is wrong in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The end was not written whole: the machine stopped meanwhile. Nothing of it was acknowledged.
    Torn,
    /// The header of the file.
    FileHead,
    /// The header of a frame.
    FrameHead,
    /// The payload of a frame.
    Payload,
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let what = match self.what {
            Fault::Torn => "the end was not written whole",
            Fault::FileHead => "the header of the file is damaged",
            Fault::FrameHead => "the header of a batch is damaged",
            Fault::Payload => "a batch is damaged",
        };
        write!(f, "{}: {what} at byte {}; {} bytes are skipped", self.file, self.offset, self.bytes)
    }
}

/// A whole frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Frame {
    pub head: FrameHead,
    /// Where its payload begins.
    pub offset: u64,
    pub payload: Vec<u8>,
}

/// Reads frames one after the other.
pub(super) struct Scan<R> {
    name: String,
    read: R,
    length: u64,
    at: u64,
    epoch: Option<u64>,
    pub findings: Vec<Finding>,
}

impl<R: FnMut(u64, usize) -> io::Result<Vec<u8>>> Scan<R> {
    /// For a file of `length` bytes, which `read` reads at an offset.
    pub fn new(name: &str, length: u64, mut read: R) -> Result<Self, SpoolError> {
        let failed = |source| SpoolError::Io { what: format!("read {name}"), source };
        let bytes = read(0, FILE_HEAD_LEN).map_err(failed)?;
        let head = FileHead::read(&bytes);
        let mut scan =
            Self { name: name.to_owned(), read, length, at: 0, epoch: head.map(|h| h.epoch), findings: Vec::new() };
        match head {
            Some(head) if head.version > FORMAT => {
                return Err(SpoolError::Newer { file: name.to_owned(), version: head.version });
            }
            Some(_) => scan.at = FILE_HEAD_LEN as u64,
            None if length < FILE_HEAD_LEN as u64 => {
                scan.at = length;
                if length > 0 {
                    scan.find(0, length, Fault::Torn, None);
                }
            }
            // Whatever is behind it may still be whole.
            None => {
                scan.at = FILE_HEAD_LEN as u64;
                scan.find(0, scan.at, Fault::FileHead, None);
            }
        }
        Ok(scan)
    }

    /// The next whole frame.
    pub fn next_frame(&mut self) -> Result<Option<Frame>, SpoolError> {
        while self.at < self.length {
            let at = self.at;
            let bytes = self.bytes(at, FRAME_HEAD_LEN)?;
            let Some(head) = FrameHead::read(&bytes) else {
                self.resync(at)?;
                continue;
            };
            let offset = at + FRAME_HEAD_LEN as u64;
            let payload = self.bytes(offset, head.length as usize)?;
            self.at = offset + u64::from(head.length);
            if payload.len() == head.length as usize && crc32c::crc32c(&payload) == head.payload_crc {
                return Ok(Some(Frame { head, offset, payload }));
            }
            let batch = Some((head.head, head.counts));
            if self.at >= self.length {
                self.at = self.length;
                self.find(at, self.length - at, Fault::Torn, batch);
            } else {
                self.find(at, self.at - at, Fault::Payload, batch);
            }
        }
        Ok(None)
    }

    /// Where what is whole ends, when the end is torn.
    pub fn torn_at(&self) -> Option<u64> {
        self.findings.last().filter(|f| f.what == Fault::Torn).map(|f| f.offset)
    }

    /// Where a frame is looked for, bytes of strangers may hold what looks like one; they do not know the epoch.
    fn ours(&self, head: &FrameHead) -> bool {
        self.epoch.is_none_or(|epoch| epoch == head.head.epoch)
    }

    fn bytes(&mut self, offset: u64, length: usize) -> Result<Vec<u8>, SpoolError> {
        (self.read)(offset, length).map_err(|source| SpoolError::Io { what: format!("read {}", self.name), source })
    }

    /// Goes on at the next header of a frame behind `from`.
    fn resync(&mut self, from: u64) -> Result<(), SpoolError> {
        const WINDOW: usize = 64 << 10;
        let mut at = from + 1;
        while at < self.length {
            let window = self.bytes(at, WINDOW)?;
            if window.is_empty() {
                break;
            }
            for (place, _) in window.windows(FRAME_MAGIC.len()).enumerate().filter(|(_, w)| *w == FRAME_MAGIC) {
                let candidate = at + place as u64;
                let bytes = self.bytes(candidate, FRAME_HEAD_LEN)?;
                if FrameHead::read(&bytes).is_some_and(|head| self.ours(&head)) {
                    self.at = candidate;
                    self.find(from, candidate - from, Fault::FrameHead, None);
                    return Ok(());
                }
            }
            // The magic may lie across the end of the window.
            at += window.len().saturating_sub(FRAME_MAGIC.len() - 1).max(1) as u64;
        }
        self.at = self.length;
        self.find(from, self.length - from, Fault::Torn, None);
        Ok(())
    }

    fn find(&mut self, offset: u64, bytes: u64, what: Fault, batch: Option<(Head, Counts)>) {
        self.findings.push(Finding { file: self.name.clone(), offset, bytes, what, batch });
    }
}

type ReadAt = Box<dyn FnMut(u64, usize) -> io::Result<Vec<u8>> + Send>;

/// The batches of a spool file, for an import.
pub struct SpoolFile {
    scan: Scan<ReadAt>,
    /// Where the batch that was read last begins.
    offset: u64,
}

impl std::fmt::Debug for SpoolFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SpoolFile").field("name", &self.scan.name).finish_non_exhaustive()
    }
}

/// Whether a file is a spool file, as its first eight bytes tell.
#[must_use]
pub fn is_file(path: &Path) -> bool {
    let mut magic = [0; FILE_MAGIC.len()];
    File::open(path).and_then(|mut file| file.read_exact(&mut magic)).is_ok() && magic == FILE_MAGIC
}

/// Opens a spool file; see [`is_file`].
///
/// # Errors
/// [`SpoolError::Io`] when it cannot be read, [`SpoolError::Newer`] when a newer version wrote it.
pub fn read_file(path: &Path) -> Result<SpoolFile, SpoolError> {
    let name = path.display().to_string();
    let failed = |source| SpoolError::Io { what: format!("open {name}"), source };
    let file = File::open(path).map_err(failed)?;
    let length = file.metadata().map_err(failed)?.len();
    let read: ReadAt = Box::new(move |offset, length| read_file_at(&file, offset, length));
    Ok(SpoolFile { scan: Scan::new(&name, length, read)?, offset: 0 })
}

impl SpoolFile {
    /// The next whole batch, as a sender would send it; `None` at the end.
    ///
    /// # Errors
    /// [`SpoolError::Io`] when the file cannot be read on.
    pub fn next_batch(&mut self) -> Result<Option<Result<Batch, CodecError>>, SpoolError> {
        let frame = self.scan.next_frame()?;
        self.offset = frame.as_ref().map_or(self.offset, |frame| frame.offset - FRAME_HEAD_LEN as u64);
        Ok(frame.map(|frame| address(&frame.head.head, &frame.payload).and_then(|packed| unpack(&packed))))
    }

    /// Where the batch that was read last begins, in bytes.
    #[must_use]
    pub const fn offset(&self) -> u64 {
        self.offset
    }

    /// Bytes of the file when it was opened.
    #[must_use]
    pub const fn length(&self) -> u64 {
        self.scan.length
    }

    /// What was damaged so far.
    #[must_use]
    pub fn findings(&self) -> &[Finding] {
        &self.scan.findings
    }
}
