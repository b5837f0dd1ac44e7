//! Checksummed frames: the format of every log.
//!
//! A log file is a file header and frames behind it without gaps. All numbers are little-endian; checksums are CRC-32C
//! (Castagnoli). A file is written once from its beginning to its end: nobody appends to the file of another process.
//!
//! ```text
//! file    header copy 1 │ header copy 2 │ frame │ frame │ …
//!
//! header copy, 64 bytes                          frame, 28 bytes and the payload
//!  0  8 magic        "ARACHLOG"                   0  4 magic        "AFRM"
//!  8  2 version      1                            4  4 length       of the payload, ≤ 64 MiB
//! 10  2 kind         1 WAL, 2 manifest            8  8 sequence
//! 12  4 zero                                     16  2 kind         the log's own meaning
//! 16  8 salt         random, one per file        18  2 flags        the log's own meaning
//! 24  8 first        sequence of the first frame 20  4 checksum     of the payload
//! 32  8 mark         the log's own meaning       24  4 checksum     of salt and bytes 0..24
//! 40 20 zero                                     28  … payload
//! 60  4 checksum     of bytes 0..60
//! ```
//!
//! **Two header copies**, so that no flipped bit makes a file unreadable. A reader takes the first valid one. All later
//! versions keep magic, version and checksum where they are: a version that a reader does not know is refused as newer,
//! not taken for damage.
//!
//! **Sequences** count up by one from frame to frame within a file. So a reader can name what is missing.
//!
//! **The salt** makes a frame header valid in its own file only. Payloads hold what strangers sent; without the salt
//! they could hold frames too, and a reader that looks for the next frame behind a damaged one would believe them.
//!
//! **Reading.** A frame with a valid header and a wrong payload is skipped by its length. Behind anything else the
//! reader looks, byte by byte, for the next header with magic, checksum and a sequence that is possible: not below the
//! expected one, and not above it by more frames than fit into the bytes between. What was skipped is a finding. At the
//! end of a file, a frame that the file's end cuts off, or zeros up to the end, are a *torn tail*: a write that was under
//! way when the process or the power went, never acknowledged. Any other damage at the end is reported as damage, although
//! a power cut in the middle of a write can leave that as well: doubt falls on the loud side.
//!
//! A reader holds one frame at a time and is safe on any bytes.

mod header;
mod reader;

use std::fmt;
use std::io;

pub use header::{FileHeader, FileKind, HEADER_BYTES};
pub use reader::{Event, FrameReader};

/// The greatest payload.
pub const PAYLOAD_BYTES_MAX: usize = 64 << 20;
/// The greatest sequence that a file may begin with, so that counting never overflows.
pub const SEQUENCE_MAX: u64 = 1 << 62;
/// The version that is written, and the highest that is read.
pub const VERSION: u16 = 1;
/// The bytes of a frame before its payload.
pub const FRAME_HEADER_BYTES: usize = 28;

const FRAME_MAGIC: [u8; 4] = *b"AFRM";

/// A frame as it was read. Its checksums are right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Its number.
    pub sequence: u64,
    /// What the log calls its kind.
    pub kind: u16,
    /// What the log calls its flags.
    pub flags: u16,
    /// The bytes.
    pub payload: Vec<u8>,
    /// Where it starts in its file.
    pub offset: u64,
}

/// What is wrong with a log file and was got over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The file, from the root of the disk.
    pub path: String,
    /// Where it starts.
    pub offset: u64,
    /// How many bytes of the file it takes.
    pub bytes: u64,
    /// What it is.
    pub cause: Cause,
}

/// The kinds of findings.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Cause {
    /// The file ends within a frame, or in zeros: a write that was under way, not acknowledged.
    TornTail,
    /// Bytes that are not what was written. `count` frames from sequence `first` on are lost; `None`: nobody knows how
    /// many, since nothing follows.
    Damaged {
        /// The first lost sequence.
        first: u64,
        /// How many.
        count: Option<u64>,
    },
    /// One copy of the file header is damaged. Nothing is lost.
    HeaderCopy,
    /// Both copies of the file header are damaged. Nothing of the file can be read.
    Header,
    /// Acknowledged frames from sequence `first` to `last` are nowhere: this file is cut or another one is gone.
    Missing {
        /// The first lost sequence.
        first: u64,
        /// The last lost sequence.
        last: u64,
    },
    /// A frame with a sequence that an earlier file had. It is passed over.
    Repeated {
        /// The sequence.
        sequence: u64,
    },
    /// The file cannot be read, or what was read cannot be made durable; the system's text.
    Unusable(String),
}

impl Finding {
    /// Whether something that was durable is not what it was, or may not be. A torn tail is no damage.
    pub fn is_damage(&self) -> bool {
        !matches!(self.cause, Cause::TornTail)
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: offset {}: ", self.path, self.offset)?;
        match &self.cause {
            Cause::TornTail => write!(f, "torn tail of {} bytes, never acknowledged", self.bytes),
            Cause::Damaged { first, count: Some(0) } => {
                write!(f, "{} damaged bytes before frame {first}, which is whole", self.bytes)
            }
            Cause::Damaged { first, count: Some(1) } => {
                write!(f, "{} damaged bytes, frame {first} is lost", self.bytes)
            }
            Cause::Damaged { first, count: Some(count) } => {
                write!(f, "{} damaged bytes, {count} frames from {first} on are lost", self.bytes)
            }
            Cause::Damaged { first, count: None } => {
                write!(f, "{} damaged bytes up to the end, all from frame {first} on is lost", self.bytes)
            }
            Cause::HeaderCopy => f.write_str("one of two copies of the file header is damaged, nothing is lost"),
            Cause::Header => f.write_str("both copies of the file header are damaged, the file cannot be read"),
            Cause::Missing { first, last } => write!(f, "acknowledged frames {first} to {last} are missing"),
            Cause::Repeated { sequence } => write!(f, "frame {sequence} is there a second time and is passed over"),
            Cause::Unusable(why) => f.write_str(why),
        }
    }
}

/// Why a log file cannot be read or a frame not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FrameError {
    /// The system failed to read.
    #[error("cannot read {path}")]
    Read {
        /// The file.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// A later release wrote the file.
    #[error(
        "{path} has format version {version}, this program reads up to {VERSION}: use the release that wrote it, or a \
         later one"
    )]
    Newer {
        /// The file.
        path: String,
        /// Its version.
        version: u16,
    },
}

/// The payload that was handed over is larger than [`PAYLOAD_BYTES_MAX`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a payload of {bytes} bytes is over the limit of {PAYLOAD_BYTES_MAX}: split it")]
pub struct TooLarge {
    /// Its length.
    pub bytes: usize,
}

/// A frame to write. Its payload's checksum is made here, so outside any lock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewFrame {
    kind: u16,
    flags: u16,
    payload: Vec<u8>,
    length: u32,
    checksum: u32,
}

impl NewFrame {
    /// A frame around `payload`.
    ///
    /// # Errors
    /// [`TooLarge`].
    pub fn new(kind: u16, flags: u16, payload: Vec<u8>) -> Result<Self, TooLarge> {
        let bytes = payload.len();
        let length = u32::try_from(bytes).ok().filter(|_| bytes <= PAYLOAD_BYTES_MAX).ok_or(TooLarge { bytes })?;
        Ok(Self { kind, flags, checksum: crc32c::crc32c(&payload), payload, length })
    }

    /// Bytes in the file.
    pub fn encoded_bytes(&self) -> usize {
        FRAME_HEADER_BYTES + self.payload.len()
    }

    /// Appends the frame as number `sequence` of the file with this salt.
    pub fn encode(&self, sequence: u64, salt: u64, out: &mut Vec<u8>) {
        let start = out.len();
        out.extend_from_slice(&FRAME_MAGIC);
        out.extend_from_slice(&self.length.to_le_bytes());
        out.extend_from_slice(&sequence.to_le_bytes());
        out.extend_from_slice(&self.kind.to_le_bytes());
        out.extend_from_slice(&self.flags.to_le_bytes());
        out.extend_from_slice(&self.checksum.to_le_bytes());
        let checksum = frame_checksum(salt, &out[start..]);
        out.extend_from_slice(&checksum.to_le_bytes());
        out.extend_from_slice(&self.payload);
    }
}

fn frame_checksum(salt: u64, header: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&salt.to_le_bytes()), header)
}

/// The `N` bytes at `at`, which the caller knows to be there.
fn array<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    let mut out = [0; N];
    out.copy_from_slice(&bytes[at..at + N]);
    out
}

#[cfg(test)]
mod tests;
