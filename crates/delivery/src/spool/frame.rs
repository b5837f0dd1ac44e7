//! The bytes of a spool: headers of files and frames. All numbers are little-endian.
//!
//! A file is a [`FileHead`] and frames; a frame is a [`FrameHead`] and its payload, a batch as [`crate::codec::Packer`] makes
//! it. A frame says all about itself, so that it is found and used where its surroundings are damaged.
//!
//! Source: docs/delivery.md.

use super::Waiting;
use super::class::{COUNTS_LEN, Class, Counts};
use crate::BATCH_PACKED_MAX;
use crate::codec::Head;
use crate::proto::Lane;

/// The format that is written. A newer one is refused.
pub const FORMAT: u32 = 1;
pub(super) const FILE_MAGIC: [u8; 8] = *b"ARASPOOL";
pub(super) const FRAME_MAGIC: [u8; 4] = *b"AraF";
/// Bytes of a [`FileHead`].
pub(super) const FILE_HEAD_LEN: usize = 36;
/// Bytes of a [`FrameHead`].
pub(super) const FRAME_HEAD_LEN: usize = 44 + 4 * COUNTS_LEN;

/// How a file begins: magic, version (4), lane, class, zero (2), epoch (8), number (8), checksum of these (4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FileHead {
    pub version: u32,
    pub lane: Lane,
    pub class: Class,
    pub epoch: u64,
    pub number: u64,
}

impl FileHead {
    pub fn bytes(&self) -> Vec<u8> {
        let mut out = FILE_MAGIC.to_vec();
        out.extend(self.version.to_le_bytes());
        out.extend([byte(self.lane.index()), byte(self.class.index()), 0, 0]);
        out.extend(self.epoch.to_le_bytes());
        out.extend(self.number.to_le_bytes());
        sealed(out)
    }

    /// `None` when the bytes are no whole header.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let mut fields = Fields::opened(bytes.get(..FILE_HEAD_LEN)?)?;
        let magic: [u8; 8] = fields.take()?;
        let version = fields.u32()?;
        let [lane, class, _, _] = fields.take()?;
        let head = Self {
            version,
            lane: Lane::try_from(i32::from(lane)).ok()?,
            class: Class::from_index(class.into())?,
            epoch: fields.u64()?,
            number: fields.u64()?,
        };
        (magic == FILE_MAGIC).then_some(head)
    }
}

/// How a frame begins: magic (4), length of the payload (4), epoch (8), sequence (8), closed (8), lane, class, zero (2), rows
/// by table (4 each), checksum of the payload (4), checksum of these (4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FrameHead {
    pub head: Head,
    pub class: Class,
    pub counts: Counts,
    pub length: u32,
    pub payload_crc: u32,
}

impl FrameHead {
    /// Of a batch with this payload.
    pub fn of(waiting: &Waiting, payload: &[u8]) -> Self {
        let Waiting { head, class, counts, bytes } = *waiting;
        Self { head, class, counts, length: bytes, payload_crc: crc32c::crc32c(payload) }
    }

    /// The frame: this header and its payload.
    pub fn framed(&self, payload: &[u8]) -> Vec<u8> {
        let mut bytes = self.bytes();
        bytes.extend_from_slice(payload);
        bytes
    }

    pub fn bytes(&self) -> Vec<u8> {
        let mut out = FRAME_MAGIC.to_vec();
        out.extend(self.length.to_le_bytes());
        out.extend(self.head.epoch.to_le_bytes());
        out.extend(self.head.sequence.to_le_bytes());
        out.extend(self.head.closed.to_le_bytes());
        out.extend([byte(self.head.lane.index()), byte(self.class.index()), 0, 0]);
        self.counts.0.iter().for_each(|count| out.extend(count.to_le_bytes()));
        out.extend(self.payload_crc.to_le_bytes());
        sealed(out)
    }

    /// `None` when the bytes are no whole header.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let mut fields = Fields::opened(bytes.get(..FRAME_HEAD_LEN)?)?;
        let magic: [u8; 4] = fields.take()?;
        let length = fields.u32()?;
        let (epoch, sequence) = (fields.u64()?, fields.u64()?);
        let closed = i64::from_le_bytes(fields.take()?);
        let [lane, class, _, _] = fields.take()?;
        let mut counts = Counts::default();
        for count in &mut counts.0 {
            *count = fields.u32()?;
        }
        let head = Head { epoch, lane: Lane::try_from(i32::from(lane)).ok()?, sequence, closed };
        let frame = Self { head, class: Class::from_index(class.into())?, counts, length, payload_crc: fields.u32()? };
        (magic == FRAME_MAGIC && length as usize <= BATCH_PACKED_MAX).then_some(frame)
    }
}

fn byte(index: usize) -> u8 {
    u8::try_from(index).unwrap_or(u8::MAX)
}

/// With the checksum of what is there behind it.
pub(super) fn sealed(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes.extend(crc32c::crc32c(&bytes).to_le_bytes());
    bytes
}

/// Numbers one after the other.
pub(super) struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    /// The bytes before the checksum, where that is right.
    pub fn opened(bytes: &'a [u8]) -> Option<Self> {
        let (body, crc) = bytes.split_last_chunk::<4>()?;
        (crc32c::crc32c(body) == u32::from_le_bytes(*crc)).then_some(Self(body))
    }

    pub fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*taken)
    }

    pub fn u32(&mut self) -> Option<u32> {
        self.take().map(u32::from_le_bytes)
    }

    pub fn u64(&mut self) -> Option<u64> {
        self.take().map(u64::from_le_bytes)
    }
}
