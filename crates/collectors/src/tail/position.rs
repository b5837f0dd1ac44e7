//! How far files were read, and how a file is told from another one.
//!
//! A number of the file system is not enough: it is given again to new files, and a file can be emptied and written anew. So a file
//! is also known by its first bytes and by those before the place up to which it was read.

use std::fs::File;
use std::os::unix::fs::FileExt as _;

/// Bytes at the start that tell a file.
pub(super) const HEAD_BYTES: usize = 1024;
/// Bytes before the place that tell whether it is still the same place.
pub(super) const TAIL_BYTES: usize = 256;

/// A place in a file, between two lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mark {
    /// Bytes before it.
    pub offset: u64,
    /// How many of these are told by their checksum.
    pub tail_bytes: u32,
    /// The CRC-32C of them.
    pub tail_crc: u32,
}

impl Mark {
    /// The place behind `before` and then `more`.
    pub(super) fn behind(offset: u64, before: &[u8], more: &[u8]) -> Self {
        let more = &more[more.len().saturating_sub(TAIL_BYTES)..];
        let before = &before[before.len().saturating_sub(TAIL_BYTES - more.len())..];
        let tail_crc = crc32c::crc32c_append(crc32c::crc32c(before), more);
        // Both together are TAIL_BYTES at most.
        Self { offset, tail_bytes: (before.len() + more.len()) as u32, tail_crc }
    }
}

/// How far a file was read.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct Position {
    /// The path under which it is known; a rotated file keeps its first one.
    #[prost(string, tag = "1")]
    pub path: String,
    /// The device.
    #[prost(uint64, tag = "2")]
    pub device: u64,
    /// The number of the file on it.
    #[prost(uint64, tag = "3")]
    pub inode: u64,
    /// Bytes that were read, unpacked where it is packed.
    #[prost(uint64, tag = "4")]
    pub offset: u64,
    /// First bytes that tell it.
    #[prost(uint32, tag = "5")]
    pub head_bytes: u32,
    /// The CRC-32C of these.
    #[prost(fixed32, tag = "6")]
    pub head_crc: u32,
    /// Bytes before `offset` that tell it.
    #[prost(uint32, tag = "7")]
    pub tail_bytes: u32,
    /// The CRC-32C of these.
    #[prost(fixed32, tag = "8")]
    pub tail_crc: u32,
    /// Nothing more is expected of it.
    #[prost(bool, tag = "9")]
    pub ended: bool,
    /// The pattern that found it.
    #[prost(string, tag = "10")]
    pub pattern: String,
}

/// Where reading goes on.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct Positions {
    /// Patterns whose files were looked for before: a file that is new to them is read from its start.
    #[prost(string, repeated, tag = "1")]
    pub patterns: Vec<String>,
    /// Files.
    #[prost(message, repeated, tag = "2")]
    pub files: Vec<Position>,
    /// When files were last looked for, nanoseconds since the Unix epoch.
    #[prost(sfixed64, tag = "3")]
    pub looked: i64,
}

impl Positions {
    /// As bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        prost::Message::encode_to_vec(self)
    }

    /// Of bytes; None where they are not what [`Self::to_bytes`] made.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        prost::Message::decode(bytes).ok()
    }
}

impl Position {
    /// Whether an open file begins as this one did and has before the offset what this one had.
    pub(super) fn is_of(&self, file: &File) -> bool {
        let head = (self.head_bytes as usize).min(HEAD_BYTES);
        let tail = (self.tail_bytes as usize).min(TAIL_BYTES);
        let Some(before) = self.offset.checked_sub(tail as u64) else { return false };
        crc_at(file, 0, head) == Some(self.head_crc) && crc_at(file, before, tail) == Some(self.tail_crc)
    }

    /// Whether enough is known of it to find it under another number.
    pub(super) const fn is_told_by_content(&self) -> bool {
        self.offset > 0 && self.head_bytes > 0 && self.tail_bytes > 0
    }
}

/// The checksum of bytes of a file; None where it has not so many there.
fn crc_at(file: &File, offset: u64, length: usize) -> Option<u32> {
    let mut bytes = vec![0; length];
    file.read_exact_at(&mut bytes, offset).ok()?;
    Some(crc32c::crc32c(&bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_of_the_last_bytes_of_both_parts() {
        let all: Vec<u8> = (0..=255).cycle().take(700).collect();
        for (cut, end) in [(0, 700), (300, 310_usize), (699, 700), (10, 20), (0, 0), (500, 500)] {
            let tail = &all[end.saturating_sub(TAIL_BYTES)..end];
            let mark = Mark::behind(end as u64, &all[..cut], &all[cut..end]);
            assert_eq!((mark.tail_bytes as usize, mark.tail_crc), (tail.len(), crc32c::crc32c(tail)), "{cut} {end}");
        }
    }

    #[test]
    fn positions_come_back_and_nonsense_is_none() {
        let file = Position { path: "/a".to_owned(), inode: 7, offset: 9, ended: true, ..Position::default() };
        let positions = Positions { patterns: vec!["/a*".to_owned()], files: vec![file], looked: 5 };
        assert_eq!(Positions::from_bytes(&positions.to_bytes()), Some(positions));
        assert_eq!(Positions::from_bytes(&[0xff; 9]), None);
    }
}
