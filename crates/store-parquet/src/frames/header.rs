//! The header of a log file.

use std::hash::{BuildHasher as _, RandomState};

use super::{SEQUENCE_MAX, VERSION, array};

/// Bytes of both copies.
pub const HEADER_BYTES: usize = 2 * COPY_BYTES;

pub(super) const COPY_BYTES: usize = 64;
const MAGIC: [u8; 8] = *b"ARACHLOG";

/// Which log a file belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// The write-ahead log.
    Wal,
    /// The manifest.
    Manifest,
}

impl FileKind {
    fn number(self) -> u16 {
        match self {
            Self::Wal => 1,
            Self::Manifest => 2,
        }
    }
}

/// What the header of a log file says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileHeader {
    /// The log.
    pub kind: FileKind,
    /// What makes the frame headers of this file valid in no other.
    pub salt: u64,
    /// The sequence of the first frame.
    pub first: u64,
    /// The log's own meaning.
    pub mark: u64,
}

/// One copy, judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Copy {
    Valid(FileHeader),
    Newer(u16),
    Damaged,
}

impl FileHeader {
    /// A header with a salt that nobody can foresee.
    pub fn new(kind: FileKind, first: u64, mark: u64) -> Self {
        Self { kind, salt: RandomState::new().hash_one((first, mark)), first, mark }
    }

    /// Both copies.
    pub fn encode(&self) -> [u8; HEADER_BYTES] {
        let mut out = [0; HEADER_BYTES];
        out[..8].copy_from_slice(&MAGIC);
        out[8..10].copy_from_slice(&VERSION.to_le_bytes());
        out[10..12].copy_from_slice(&self.kind.number().to_le_bytes());
        out[16..24].copy_from_slice(&self.salt.to_le_bytes());
        out[24..32].copy_from_slice(&self.first.to_le_bytes());
        out[32..40].copy_from_slice(&self.mark.to_le_bytes());
        let checksum = crc32c::crc32c(&out[..60]);
        out[60..64].copy_from_slice(&checksum.to_le_bytes());
        out.copy_within(..COPY_BYTES, COPY_BYTES);
        out
    }

    /// Judges one copy. The header of another log counts as damaged: nothing in the file is for the one who asks.
    pub(super) fn decode(copy: &[u8], kind: FileKind) -> Copy {
        let valid = copy.len() >= COPY_BYTES
            && copy[..8] == MAGIC
            && u32::from_le_bytes(array(copy, 60)) == crc32c::crc32c(&copy[..60]);
        if !valid {
            return Copy::Damaged;
        }
        let number = |at| u64::from_le_bytes(array(copy, at));
        let header = Self { kind, salt: number(16), first: number(24), mark: number(32) };
        let ours = u16::from_le_bytes(array(copy, 10)) == kind.number() && header.first <= SEQUENCE_MAX;
        match u16::from_le_bytes(array(copy, 8)) {
            VERSION if ours => Copy::Valid(header),
            version if version > VERSION => Copy::Newer(version),
            _ => Copy::Damaged,
        }
    }
}
