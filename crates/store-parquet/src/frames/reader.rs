//! Reads the frames of a file, and gets over what is damaged.

use super::header::{COPY_BYTES, Copy};
use super::{
    Cause, FRAME_HEADER_BYTES, FRAME_MAGIC, FileHeader, FileKind, Finding, Frame, FrameError, HEADER_BYTES,
    PAYLOAD_BYTES_MAX, array, frame_checksum,
};
use crate::disk::{Disk, ReadFile};

/// Bytes that are looked through at once behind damage.
const WINDOW: usize = 64 << 10;

/// What a reader comes across.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A frame, whole and true.
    Frame(Frame),
    /// Something that was got over.
    Finding(Finding),
}

/// Reads one file from its first frame to its last. An iterator that ends after the first error.
#[derive(Debug)]
pub struct FrameReader {
    file: Box<dyn ReadFile>,
    path: String,
    length: u64,
    header: Option<FileHeader>,
    /// Of the header, told first.
    finding: Option<Finding>,
    offset: u64,
    expected: u64,
}

/// A frame header that is valid in this file.
#[derive(Clone, Copy, Debug)]
struct Head {
    length: usize,
    sequence: u64,
    kind: u16,
    flags: u16,
    checksum: u32,
}

impl Head {
    fn bytes(&self) -> u64 {
        (FRAME_HEADER_BYTES + self.length) as u64
    }
}

impl FrameReader {
    /// Opens a file of this kind.
    ///
    /// # Errors
    /// [`FrameError::Newer`] for a version that a later release wrote; [`FrameError::Read`].
    pub fn open(disk: &dyn Disk, path: &str, kind: FileKind) -> Result<Self, FrameError> {
        let failed = |source| FrameError::Read { path: path.to_owned(), source };
        let file = disk.open(path).map_err(failed)?;
        let length = file.len().map_err(failed)?;
        let mut bytes = [0; HEADER_BYTES];
        let read = file.read_full_at(0, &mut bytes).map_err(failed)?;
        let bytes = &bytes[..read];
        let copies = [bytes.get(..COPY_BYTES), bytes.get(COPY_BYTES..HEADER_BYTES)]
            .map(|copy| copy.map_or(Copy::Damaged, |copy| FileHeader::decode(copy, kind)));
        if let Some(version) = copies.iter().find_map(|copy| if let Copy::Newer(v) = copy { Some(*v) } else { None }) {
            return Err(FrameError::Newer { path: path.to_owned(), version });
        }
        let header = copies.iter().find_map(|copy| if let Copy::Valid(h) = copy { Some(*h) } else { None });
        let whole = copies.iter().all(|copy| matches!(copy, Copy::Valid(_)));
        // A file whose header was never finished ends within it, or was given its length before its bytes.
        let unfinished = bytes.len() < HEADER_BYTES || bytes.iter().all(|byte| *byte == 0);
        let cause = match header {
            _ if unfinished => Cause::TornTail,
            Some(_) => Cause::HeaderCopy,
            None => Cause::Header,
        };
        let finding = (!whole).then(|| Finding { path: path.to_owned(), offset: 0, bytes: read as u64, cause });
        let offset = if header.is_some() { HEADER_BYTES as u64 } else { length };
        let expected = header.map_or(0, |header| header.first);
        Ok(Self { file, path: path.to_owned(), length, header, finding, offset, expected })
    }

    /// The file's header, `None` where it is lost.
    pub fn header(&self) -> Option<&FileHeader> {
        self.header.as_ref()
    }

    /// One more than the highest sequence that is known to have been given to a frame of this file, be it whole or not.
    pub fn next_sequence(&self) -> u64 {
        self.expected
    }

    fn advance(&mut self) -> Result<Option<Event>, FrameError> {
        if let Some(finding) = self.finding.take() {
            return Ok(Some(Event::Finding(finding)));
        }
        let Some(salt) = self.header.filter(|_| self.offset < self.length).map(|header| header.salt) else {
            return Ok(None);
        };
        let mut bytes = [0; FRAME_HEADER_BYTES];
        let read = self.read(self.offset, &mut bytes)?;
        match parse(&bytes[..read], salt) {
            Some(head) if head.sequence == self.expected => self.frame(head).map(Some),
            _ if read < FRAME_HEADER_BYTES && FRAME_MAGIC.starts_with(&bytes[..read.min(4)]) => Ok(Some(self.torn())),
            _ => self.resynchronise(salt).map(Some),
        }
    }

    /// The frame behind a valid header, which is trusted for its length.
    fn frame(&mut self, head: Head) -> Result<Event, FrameError> {
        let offset = self.offset;
        self.expected = self.expected.saturating_add(1);
        if head.bytes() > self.length - offset {
            return Ok(self.torn());
        }
        let mut payload = vec![0; head.length];
        let read = self.read(offset + FRAME_HEADER_BYTES as u64, &mut payload)?;
        self.offset += head.bytes();
        if read == head.length && crc32c::crc32c(&payload) == head.checksum {
            let Head { sequence, kind, flags, .. } = head;
            return Ok(Event::Frame(Frame { sequence, kind, flags, payload, offset }));
        }
        let cause = Cause::Damaged { first: head.sequence, count: Some(1) };
        Ok(self.found(offset, self.offset, cause))
    }

    /// What is at the offset is no frame: looks for the next one.
    fn resynchronise(&mut self, salt: u64) -> Result<Event, FrameError> {
        let from = self.offset;
        if self.zeros_to_the_end()? {
            return Ok(self.torn());
        }
        let mut window = vec![0; WINDOW];
        let mut start = from + 1;
        loop {
            let read = self.read(start, &mut window)?;
            // The last bytes are looked at again with what follows them.
            let fresh = if read == WINDOW { read - (FRAME_HEADER_BYTES - 1) } else { read };
            for at in 0..fresh {
                let possible = |head: &Head| {
                    let lost = head.sequence.checked_sub(self.expected);
                    lost.is_some_and(|lost| lost <= (start + at as u64 - from) / FRAME_HEADER_BYTES as u64)
                };
                if let Some(head) = parse(&window[at..read], salt).filter(possible) {
                    let cause = Cause::Damaged { first: self.expected, count: Some(head.sequence - self.expected) };
                    (self.expected, self.offset) = (head.sequence, start + at as u64);
                    return Ok(self.found(from, self.offset, cause));
                }
            }
            if read < WINDOW {
                self.offset = self.length;
                return Ok(self.found(from, self.length, Cause::Damaged { first: self.expected, count: None }));
            }
            start += fresh as u64;
        }
    }

    fn zeros_to_the_end(&self) -> Result<bool, FrameError> {
        let mut window = vec![0; WINDOW];
        let mut start = self.offset;
        loop {
            let read = self.read(start, &mut window)?;
            if read == 0 || window[..read].iter().any(|byte| *byte != 0) {
                return Ok(read == 0);
            }
            start += read as u64;
        }
    }

    fn torn(&mut self) -> Event {
        let offset = std::mem::replace(&mut self.offset, self.length);
        self.found(offset, self.length, Cause::TornTail)
    }

    fn found(&self, offset: u64, end: u64, cause: Cause) -> Event {
        Event::Finding(Finding { path: self.path.clone(), offset, bytes: end.saturating_sub(offset), cause })
    }

    fn read(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, FrameError> {
        self.file.read_full_at(offset, buffer).map_err(|source| FrameError::Read { path: self.path.clone(), source })
    }
}

fn parse(bytes: &[u8], salt: u64) -> Option<Head> {
    let header = bytes.get(..FRAME_HEADER_BYTES)?;
    if header[..4] != FRAME_MAGIC || u32::from_le_bytes(array(header, 24)) != frame_checksum(salt, &header[..24]) {
        return None;
    }
    let length = usize::try_from(u32::from_le_bytes(array(header, 4))).ok()?;
    (length <= PAYLOAD_BYTES_MAX).then(|| Head {
        length,
        sequence: u64::from_le_bytes(array(header, 8)),
        kind: u16::from_le_bytes(array(header, 16)),
        flags: u16::from_le_bytes(array(header, 18)),
        checksum: u32::from_le_bytes(array(header, 20)),
    })
}

impl Iterator for FrameReader {
    type Item = Result<Event, FrameError>;

    fn next(&mut self) -> Option<Self::Item> {
        let event = self.advance();
        if event.is_err() {
            self.offset = self.length;
        }
        event.transpose()
    }
}
