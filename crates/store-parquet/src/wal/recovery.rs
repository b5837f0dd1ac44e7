//! What a restart finds in the log.

use std::sync::Arc;

use super::writer::{Closed, Writer};
use super::{Options, WalError};
use crate::disk::{Disk, create_dir_durably};
use crate::frames::{
    Cause, Event, FRAME_HEADER_BYTES, FileKind, Finding, Frame, FrameError, FrameReader, SEQUENCE_MAX,
};

/// What was found, and the way to the frames.
#[derive(Debug)]
pub struct Recovery {
    /// Files.
    pub files: usize,
    /// Whole frames.
    pub frames: u64,
    /// Bytes of all files.
    pub bytes: u64,
    /// The highest sequence of a whole frame, or the mark.
    pub last: u64,
    /// What is wrong, in order of files and offsets.
    pub findings: Vec<Finding>,
    disk: Arc<dyn Disk>,
    paths: Vec<String>,
}

/// Frames above a mark, oldest first, each once. One is in memory at a time.
#[derive(Debug)]
pub struct Replay<'a> {
    recovery: &'a Recovery,
    file: usize,
    reader: Option<FrameReader>,
    after: u64,
}

impl Recovery {
    /// The frames with sequences above `after`, before anything of theirs is released.
    pub fn replay(&self, after: u64) -> Replay<'_> {
        Replay { recovery: self, file: 0, reader: None, after }
    }
}

impl Replay<'_> {
    fn advance(&mut self) -> Result<Option<Frame>, FrameError> {
        loop {
            let reader = match &mut self.reader {
                Some(reader) => reader,
                None => {
                    let Some(path) = self.recovery.paths.get(self.file) else { return Ok(None) };
                    self.file += 1;
                    self.reader.insert(FrameReader::open(&*self.recovery.disk, path, FileKind::Wal)?)
                }
            };
            match reader.next().transpose()? {
                Some(Event::Frame(frame)) if frame.sequence > self.after => {
                    self.after = frame.sequence;
                    return Ok(Some(frame));
                }
                // Findings were told when the log was opened.
                Some(_) => {}
                None => self.reader = None,
            }
        }
    }
}

impl Iterator for Replay<'_> {
    type Item = Result<Frame, WalError>;

    fn next(&mut self) -> Option<Self::Item> {
        let next = self.advance();
        if next.is_err() {
            (self.file, self.reader) = (self.recovery.paths.len(), None);
        }
        next.map_err(WalError::from).transpose()
    }
}

/// Reads all files once.
pub(super) fn recover(
    disk: &Arc<dyn Disk>,
    directory: &str,
    options: &Options,
) -> Result<(Recovery, Writer, u64), WalError> {
    let failed = |source| WalError::Io { path: directory.to_owned(), source };
    create_dir_durably(&**disk, directory).map_err(failed)?;
    let entries = disk.list(directory).map_err(failed)?;
    // Names of files whose frames are read but were never acknowledged may be as fleeting as the frames.
    disk.sync_dir(directory).map_err(failed)?;
    let released = options.released.min(SEQUENCE_MAX);
    let mut scan = Scan {
        disk: &**disk,
        known: released,
        next: released + 1,
        highest: 0,
        closed: Vec::new(),
        recovery: Recovery {
            files: 0,
            frames: 0,
            bytes: 0,
            last: released,
            findings: Vec::new(),
            disk: Arc::clone(disk),
            paths: Vec::new(),
        },
    };
    for entry in entries.iter().filter(|entry| !entry.directory) {
        let digits = entry.name.strip_suffix(".wal").filter(|digits| digits.len() == 20);
        if let Some(first) = digits.and_then(|digits| digits.parse().ok()).filter(|first| *first <= SEQUENCE_MAX) {
            scan.file(format!("{directory}/{}", entry.name), first)?;
        }
    }
    let writer = Writer::new(Arc::clone(disk), directory, options.file_bytes_max, scan.closed, scan.known);
    Ok((scan.recovery, writer, scan.next))
}

#[derive(Debug)]
struct Scan<'a> {
    disk: &'a dyn Disk,
    /// All sequences up to here were read, released, or named as lost.
    known: u64,
    /// The lowest sequence that no frame has had.
    next: u64,
    /// The highest sequence that was read.
    highest: u64,
    closed: Vec<Closed>,
    recovery: Recovery,
}

impl Scan<'_> {
    fn file(&mut self, path: String, first: u64) -> Result<(), WalError> {
        let mut reader = FrameReader::open(self.disk, &path, FileKind::Wal)?;
        if let Some(header) = reader.header().copied() {
            self.missing(&path, header.mark);
        }
        // What the file before this one lacks says nothing about this one.
        let own = self.recovery.findings.len();
        let mut torn_at = None;
        let (mut end, mut unread) = (0, 0);
        while let Some(event) = reader.next().transpose()? {
            match event {
                Event::Frame(frame) => {
                    end = frame.offset + (FRAME_HEADER_BYTES + frame.payload.len()) as u64;
                    self.frame(&path, &frame, own);
                }
                Event::Finding(finding) => {
                    end = finding.offset + finding.bytes;
                    match finding.cause {
                        Cause::TornTail => torn_at = Some(finding.offset),
                        Cause::Damaged { first, count: Some(count) } => {
                            self.known = self.known.max(first.saturating_add(count).saturating_sub(1));
                        }
                        Cause::Damaged { .. } => unread = finding.bytes,
                        _ => {}
                    }
                    self.recovery.findings.push(finding);
                }
            }
        }
        // Numbers of frames that damage at the end may have taken are not given again, nor is this file's name.
        let taken = unread / FRAME_HEADER_BYTES as u64;
        self.next = self.next.max(reader.next_sequence().saturating_add(taken)).max(first.saturating_add(1));
        let damaged = self.recovery.findings[own..].iter().any(Finding::is_damage);
        self.settle(&path, torn_at.filter(|_| reader.header().is_some()));
        let last = reader.next_sequence().saturating_sub(1).max(first.saturating_sub(1));
        self.recovery.files += 1;
        self.recovery.bytes += end;
        self.closed.push(Closed { path: path.clone(), last, damaged });
        self.recovery.paths.push(path);
        Ok(())
    }

    /// The header of this file says up to where all was acknowledged.
    fn missing(&mut self, path: &str, mark: u64) {
        if mark > self.known {
            let cause = Cause::Missing { first: self.known + 1, last: mark };
            self.recovery.findings.push(Finding { path: path.to_owned(), offset: 0, bytes: 0, cause });
            self.known = mark;
        }
    }

    fn frame(&mut self, path: &str, frame: &Frame, own: usize) {
        if frame.sequence <= self.highest {
            let told = self.recovery.findings[own..].iter().any(|f| matches!(f.cause, Cause::Repeated { .. }));
            if !told {
                let (path, sequence) = (path.to_owned(), frame.sequence);
                let cause = Cause::Repeated { sequence };
                self.recovery.findings.push(Finding { path, offset: frame.offset, bytes: 0, cause });
            }
            return;
        }
        self.recovery.frames += 1;
        self.highest = frame.sequence;
        self.recovery.last = self.recovery.last.max(frame.sequence);
        self.known = self.known.max(frame.sequence);
    }

    /// Cuts a torn tail off, and makes durable what is left. A disk that refuses stops nobody from reading.
    fn settle(&mut self, path: &str, torn_at: Option<u64>) {
        let cut = torn_at.map_or(Ok(()), |offset| self.disk.truncate(path, offset));
        if let Err(error) = cut.and_then(|()| self.disk.sync_file(path)) {
            let cause = Cause::Unusable(format!("what was read cannot be made durable: {error}"));
            self.recovery.findings.push(Finding { path: path.to_owned(), offset: 0, bytes: 0, cause });
        }
    }
}
