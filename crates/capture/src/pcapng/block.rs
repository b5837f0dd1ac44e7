//! The frame around each block: type, length, body, the length again.

use crate::buffer::Buffer;
use crate::detect::SECTION_MAGIC;
use crate::error::{CaptureError, Position, Unit};
use crate::order::ByteOrder;

/// Block types. Source: section 11.1.
pub(crate) mod kind {
    pub const SECTION: u32 = 0x0a0d_0d0a;
    pub const INTERFACE: u32 = 1;
    pub const PACKET: u32 = 2;
    pub const SIMPLE_PACKET: u32 = 3;
    pub const NAMES: u32 = 4;
    pub const STATISTICS: u32 = 5;
    pub const ENHANCED_PACKET: u32 = 6;
    pub const SECRETS: u32 = 10;
}

/// Type and length in front of the body.
const HEAD_BYTES: usize = 8;
/// The length again behind it.
const TAIL_BYTES: usize = 4;
/// The shortest block.
const BLOCK_BYTES_MIN: usize = HEAD_BYTES + TAIL_BYTES;

/// A whole block.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Block {
    pub kind: u32,
    /// The first byte of the block in the stream.
    pub at: Position,
    /// The first byte of the body in the buffer.
    pub start: usize,
    /// Bytes of the body, with padding.
    pub length: usize,
}

/// Cuts the stream into blocks. Knows the byte order of the section.
pub(crate) struct Framing {
    pub order: ByteOrder,
    block_bytes_max: usize,
}

impl Framing {
    pub fn new(block_bytes_max: usize) -> Self {
        Self { order: ByteOrder::Little, block_bytes_max }
    }

    /// The next block, or `None` at the end. It stays in the buffer until the next call.
    ///
    /// # Errors
    /// Its length cannot be, the input ends inside it, or the two lengths differ.
    #[inline]
    pub fn next(&mut self, buffer: &mut Buffer) -> Result<Option<Block>, CaptureError> {
        if !buffer.have(BLOCK_BYTES_MIN)? {
            return self.end(buffer);
        }
        let at = buffer.position();
        let Some((kind, length)) = self.head(buffer.ready(), at)? else { return self.end(buffer) };
        self.check_length(kind, length, at)?;
        if !buffer.have(length)? {
            return Err(cut(buffer, Some(kind), length));
        }
        self.check_tail(buffer.ready(), kind, length, at)?;
        let start = buffer.take(length) + HEAD_BYTES;
        Ok(Some(Block { kind, at, start, length: length - BLOCK_BYTES_MIN }))
    }

    /// Whether the next block is whole in `ready`. Its byte order may change with it, then the answer is no.
    pub fn is_ready(&self, ready: &[u8]) -> bool {
        self.order.words::<2>(ready).is_some_and(|[_, length]| ready.len() >= length as usize)
    }

    /// Type and total length. A section header brings its own byte order.
    #[inline]
    fn head(&mut self, ready: &[u8], at: Position) -> Result<Option<(u32, usize)>, CaptureError> {
        if ready.starts_with(&SECTION_MAGIC) {
            self.order = section_order(ready).ok_or_else(|| {
                let reason = "the byte-order magic of the section is neither 1a2b3c4d nor 4d3c2b1a".to_owned();
                damaged(kind::SECTION, at, reason)
            })?;
        }
        Ok(self.order.words::<2>(ready).map(|[kind, length]| (kind, length as usize)))
    }

    #[inline]
    fn check_length(&self, kind: u32, length: usize, at: Position) -> Result<(), CaptureError> {
        let reason = if length < BLOCK_BYTES_MIN {
            format!("its length of {length} bytes is less than {BLOCK_BYTES_MIN}")
        } else if !length.is_multiple_of(4) {
            format!("its length of {length} bytes is no multiple of 4")
        } else if length > self.block_bytes_max {
            format!("it claims {length} bytes, the limit is {}", self.block_bytes_max)
        } else {
            return Ok(());
        };
        Err(damaged(kind, at, reason))
    }

    #[inline]
    fn check_tail(&self, ready: &[u8], kind: u32, length: usize, at: Position) -> Result<(), CaptureError> {
        let tail = ready.get(length - TAIL_BYTES..).and_then(|tail| self.order.words::<1>(tail));
        match tail {
            Some([tail]) if tail as usize == length => Ok(()),
            Some([tail]) => Err(damaged(kind, at, format!("its length is {length} in front but {tail} behind"))),
            None => Err(damaged(kind, at, "its second length is missing".to_owned())),
        }
    }

    #[cold]
    fn end(&self, buffer: &Buffer) -> Result<Option<Block>, CaptureError> {
        let ready = buffer.ready();
        if ready.is_empty() {
            return Ok(None);
        }
        let kind = self.order.words::<1>(ready).map(|[kind]| kind);
        Err(cut(buffer, kind, BLOCK_BYTES_MIN))
    }
}

/// Section 4.1: the first field behind the length.
fn section_order(ready: &[u8]) -> Option<ByteOrder> {
    match ready.get(HEAD_BYTES..BLOCK_BYTES_MIN)? {
        [0x4d, 0x3c, 0x2b, 0x1a] => Some(ByteOrder::Little),
        [0x1a, 0x2b, 0x3c, 0x4d] => Some(ByteOrder::Big),
        _ => None,
    }
}

#[cold]
fn damaged(kind: u32, at: Position, reason: String) -> CaptureError {
    CaptureError::Damaged { unit: Unit::Block(Some(kind)), at, reason }
}

#[cold]
fn cut(buffer: &Buffer, kind: Option<u32>, wanted: usize) -> CaptureError {
    let present = buffer.ready().len() as u64;
    CaptureError::Cut { unit: Unit::Block(kind), at: buffer.position(), present, wanted: wanted as u64 }
}
