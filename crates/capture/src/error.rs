//! What can be wrong with a capture file, and where.

use std::fmt;
use std::io;
use std::path::PathBuf;

use crate::unpack::Compression;

/// A place in the capture stream. Displayed as `offset N`, which tools look for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// Bytes from the start of the stream, which is the file itself or what it unpacks to.
    pub offset: u64,
    /// What the file is packed with.
    pub compression: Compression,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "offset {}", self.offset)?;
        match self.compression {
            Compression::None => Ok(()),
            packed => write!(f, " of the unpacked {packed} data"),
        }
    }
}

/// The part of a file that an error is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// The header of a pcap file.
    FileHeader,
    /// The record of a pcap file with this number, from 1.
    Record(u64),
    /// The block of a pcapng file of this type; `None` where the type itself is cut off.
    Block(Option<u32>),
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::FileHeader => f.write_str("the file header"),
            Self::Record(number) => write!(f, "record {number}"),
            Self::Block(None) => f.write_str("a block"),
            Self::Block(Some(kind)) => write!(f, "a block of type {kind:#x}"),
        }
    }
}

/// Why reading a capture file ended. The packets that were handed out before stay valid. Texts hold nothing of the
/// file's content but numbers.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CaptureError {
    /// The file cannot be opened.
    #[error("cannot open {}", .path.display())]
    Open {
        /// The path that was given.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The input is something else.
    #[error("not a capture file ({what}), {at}")]
    NotACapture {
        /// What it seems to be.
        what: String,
        /// Where that shows.
        at: Position,
    },
    /// A capture file, but of a version, dialect or link type that is refused.
    #[error("{what}, {at}")]
    Unsupported {
        /// What is refused, by name.
        what: String,
        /// Where it is said.
        at: Position,
    },
    /// A part of the file cannot be right.
    #[error("{unit} at {at} is damaged: {reason}")]
    Damaged {
        /// The part.
        unit: Unit,
        /// Its first byte.
        at: Position,
        /// What is wrong with it.
        reason: String,
    },
    /// The file ends inside a part. Normal at the end of a file that is still being written.
    #[error("the file ends inside {unit} at {at}: {present} of {wanted} bytes are there")]
    Cut {
        /// The part.
        unit: Unit,
        /// Its first byte.
        at: Position,
        /// Bytes that are there.
        present: u64,
        /// Bytes that it needs, as far as that is known.
        wanted: u64,
    },
    /// The packed data are damaged or cut.
    #[error("cannot unpack the {} data beyond {at}", .at.compression)]
    Unpack {
        /// First byte of the record or block that could not be unpacked whole.
        at: Position,
        /// What the decoder says.
        source: io::Error,
    },
    /// The input cannot be read on.
    #[error("cannot read on at {at}")]
    Read {
        /// First byte of the record or block that could not be read whole.
        at: Position,
        /// What the system says.
        source: io::Error,
    },
}

impl CaptureError {
    /// Where in the stream; `None` when the file could not even be opened.
    #[must_use]
    pub const fn position(&self) -> Option<Position> {
        match self {
            Self::Open { .. } => None,
            Self::NotACapture { at, .. }
            | Self::Unsupported { at, .. }
            | Self::Damaged { at, .. }
            | Self::Cut { at, .. }
            | Self::Unpack { at, .. }
            | Self::Read { at, .. } => Some(*at),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{CaptureError, Position, Unit};
    use crate::unpack::Compression;

    #[test]
    fn texts_name_the_offset_in_plain_digits() {
        let at = Position { offset: 1_234_567, compression: Compression::Gzip };
        let error = CaptureError::Cut { unit: Unit::Record(3), at, present: 5, wanted: 16 };
        assert_eq!(
            error.to_string(),
            "the file ends inside record 3 at offset 1234567 of the unpacked gzip data: 5 of 16 bytes are there"
        );
        let at = Position { compression: Compression::None, ..at };
        let error = CaptureError::Damaged { unit: Unit::Block(Some(6)), at, reason: "so".to_owned() };
        assert_eq!(error.to_string(), "a block of type 0x6 at offset 1234567 is damaged: so");
        assert_eq!(error.position(), Some(at));
    }
}
