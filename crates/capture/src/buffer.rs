//! A buffer that slides over the input: large reads, no copy but of the record that a read has cut.

use std::io::{self, ErrorKind, Read};

use crate::error::{CaptureError, Position};
use crate::unpack::Compression;

/// Bytes asked for in one read: few system calls, yet the data stay in the second-level cache until they are parsed.
pub(crate) const CHUNK_BYTES: usize = 128 * 1024;

/// The unread part of the stream.
pub(crate) struct Buffer {
    source: Box<dyn Read + Send>,
    compression: Compression,
    bytes: Vec<u8>,
    /// First unread byte in `bytes`.
    start: usize,
    /// One past the last valid byte in `bytes`.
    end: usize,
    /// Stream offset of `start`.
    offset: u64,
    ended: bool,
}

impl Buffer {
    /// A buffer over `source`, of which `first` has been read already.
    pub fn new(source: Box<dyn Read + Send>, compression: Compression, first: Vec<u8>) -> Self {
        let end = first.len();
        Self { source, compression, bytes: first, start: 0, end, offset: 0, ended: false }
    }

    /// What is here and unread.
    #[inline]
    pub fn ready(&self) -> &[u8] {
        &self.bytes[self.start..self.end]
    }

    /// The place of the first unread byte.
    #[inline]
    pub fn position(&self) -> Position {
        Position { offset: self.offset, compression: self.compression }
    }

    /// Makes at least `need` bytes ready; false when the input ends before. Reads only when they are not here, and
    /// then takes what one read gives, so that a pipe is never waited for while a whole record is here.
    ///
    /// # Errors
    /// The input cannot be read or unpacked. Moves the unread bytes: earlier places are void.
    #[inline]
    pub fn have(&mut self, need: usize) -> Result<bool, CaptureError> {
        if self.end - self.start >= need { Ok(true) } else { self.fill(need) }
    }

    /// Takes `length` bytes, which are ready, and tells where they start; they stay until the next [`Self::have`].
    #[inline]
    pub fn take(&mut self, length: usize) -> usize {
        let start = self.start;
        self.start = (start + length).min(self.end);
        self.offset += (self.start - start) as u64;
        start
    }

    /// The bytes at a place that [`Self::take`] gave.
    #[inline]
    pub fn at(&self, start: usize, length: usize) -> &[u8] {
        self.bytes.get(start..start + length).unwrap_or_default()
    }

    #[cold]
    fn fill(&mut self, need: usize) -> Result<bool, CaptureError> {
        self.bytes.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        while self.end < need {
            if self.ended || self.read_once(need)? == 0 {
                self.ended = true;
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// One read. The room doubles when it is full, so that a length which a file only claims costs nothing.
    fn read_once(&mut self, need: usize) -> Result<usize, CaptureError> {
        let room = need.max(CHUNK_BYTES).min((2 * self.end).max(CHUNK_BYTES));
        if self.bytes.len() < room {
            self.bytes.reserve_exact(room - self.bytes.len());
            self.bytes.resize(room, 0);
        }
        loop {
            match self.source.read(&mut self.bytes[self.end..room]) {
                Ok(count) => {
                    self.end += count.min(room - self.end);
                    return Ok(count);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(self.failed(error)),
            }
        }
    }

    fn failed(&self, source: io::Error) -> CaptureError {
        let at = self.position();
        // A fault of the system has its number; what is left comes from the decoder.
        if self.compression == Compression::None || source.raw_os_error().is_some() {
            CaptureError::Read { at, source }
        } else {
            CaptureError::Unpack { at, source }
        }
    }

    /// Bytes of memory held.
    pub fn held_bytes(&self) -> usize {
        self.bytes.capacity()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::io::{Cursor, Read};

    use super::{Buffer, CHUNK_BYTES};
    use crate::unpack::Compression;

    fn buffer(source: impl Read + Send + 'static) -> Buffer {
        Buffer::new(Box::new(source), Compression::None, vec![1, 2])
    }

    #[test]
    fn bytes_come_in_order_across_reads() {
        let mut buffer = buffer(Cursor::new([3, 4]).chain(Cursor::new([5, 6, 7])));
        assert!(buffer.have(3).unwrap());
        assert_eq!(buffer.ready(), [1, 2, 3, 4]);
        let start = buffer.take(3);
        assert_eq!(buffer.at(start, 3), [1, 2, 3]);
        assert!(buffer.have(4).unwrap());
        assert_eq!(buffer.ready(), [4, 5, 6, 7]);
        assert_eq!(buffer.position().offset, 3);
        assert!(!buffer.have(5).unwrap());
        assert_eq!(buffer.ready(), [4, 5, 6, 7]);
    }

    #[test]
    fn a_claimed_length_costs_no_memory() {
        let mut buffer = buffer(Cursor::new(vec![0; 1000]));
        assert!(!buffer.have(1 << 30).unwrap());
        assert!(buffer.held_bytes() <= 2 * CHUNK_BYTES);
    }

    #[test]
    fn a_real_length_is_held() {
        let mut buffer = buffer(std::io::repeat(7));
        assert!(buffer.have(3 << 20).unwrap());
        assert_eq!(buffer.ready().len(), 3 << 20);
    }
}
