//! What is said about a source beside its records: each with its log code and values, in one way.

use std::io;

use arachne_capture::CaptureError;
use arachne_telemetry::{chain, codes, emit};

use crate::exit::ExitStatus;

/// Something the user should know of a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// From `offset` on the file makes no sense.
    Damaged {
        /// First byte of what is damaged.
        offset: u64,
        /// What is wrong, with `offset N` in it.
        error: String,
    },
    /// It is no capture file, or one that is not read.
    Refused {
        /// Why.
        error: String,
    },
    /// The system did not open it, or stopped giving its bytes.
    Unreadable {
        /// What was tried and why it failed.
        error: String,
        /// The exit code it asks for.
        status: ExitStatus,
    },
    /// Records larger than the snap length of the file.
    OverSnapLength {
        /// The first one.
        oddity: String,
    },
    /// Secrets for decryption that were not read.
    SecretsSkipped {
        /// Blocks with secrets.
        blocks: u64,
    },
    /// Times that cannot be, or none.
    BadTimes {
        /// Packets with them.
        packets: u64,
    },
    /// Something that is not as the format asks.
    Odd {
        /// What it is, and how it was read.
        oddity: String,
    },
    /// A memory limit was reached.
    LimitReached(Limit),
    /// Packets that are not read.
    LinkTypeUnread {
        /// How many.
        packets: u64,
        /// Numbers of the link types.
        link_types: String,
    },
    /// Packets whose end is not in the file.
    Cut {
        /// How many.
        packets: u64,
    },
    /// Packets that are in the file twice.
    CapturedTwice {
        /// How many.
        packets: u64,
    },
    /// Sides of connections without a single right checksum.
    OffloadAssumed {
        /// How many.
        sides: u64,
    },
    /// Batches of a spool that its agent had delivered to this store: left out.
    Delivered {
        /// How many.
        batches: u64,
    },
    /// Bytes that the capture lost.
    BytesLost {
        /// How many, as far as can be told.
        bytes: u64,
    },
}

/// A limit that was reached, and what was given up for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// Names of fields of the table of limits.
    pub limit: &'static str,
    /// What was given up.
    pub given_up: &'static str,
    /// How many; 0 where nobody counts them.
    pub count: u64,
}

impl Notice {
    /// The notice of what ended the reading of a file.
    #[must_use]
    pub fn of(error: &CaptureError) -> Self {
        let text = chain(error).to_string();
        match error {
            CaptureError::Open { source, .. } => Self::cannot_open(source),
            CaptureError::Read { source, .. } => Self::Unreadable { error: text, status: status_of(source) },
            CaptureError::NotACapture { .. } | CaptureError::Unsupported { .. } => Self::Refused { error: text },
            // Damaged, cut, or it does not unpack.
            other => Self::Damaged { offset: other.position().map_or(0, |at| at.offset), error: text },
        }
    }

    /// The notice of a file that does not open.
    #[must_use]
    pub fn cannot_open(error: &io::Error) -> Self {
        Self::Unreadable { error: format!("cannot open: {error}"), status: status_of(error) }
    }

    /// The exit code it asks for.
    #[must_use]
    pub const fn status(&self) -> ExitStatus {
        match self {
            Self::Damaged { .. } | Self::Refused { .. } => ExitStatus::Damaged,
            Self::Unreadable { status, .. } => *status,
            _ => ExitStatus::Done,
        }
    }

    /// What it says, without a file: for those who know which one is meant.
    #[must_use]
    pub fn words(&self) -> String {
        match self {
            Self::Damaged { error, .. } => format!("the file is damaged: {error}"),
            Self::Refused { error } => format!("the file was refused: {error}"),
            Self::Unreadable { error, .. } => format!("the file cannot be read: {error}"),
            Self::OverSnapLength { oddity } | Self::Odd { oddity } => oddity.clone(),
            Self::SecretsSkipped { blocks } => format!("{blocks} blocks with secrets were skipped"),
            Self::BadTimes { packets } => format!("{packets} packets have impossible times"),
            Self::LimitReached(Limit { limit, given_up, count }) => {
                format!("the limit {limit} was reached; given up: {given_up} ({count})")
            }
            Self::LinkTypeUnread { packets, link_types } => {
                format!("{packets} packets of link types that are not read: {link_types}")
            }
            Self::Cut { packets } => format!("{packets} packets are cut"),
            Self::CapturedTwice { packets } => format!("{packets} packets were captured twice"),
            Self::OffloadAssumed { sides } => format!("checksum offload is assumed on {sides} sides of connections"),
            Self::Delivered { batches } => format!("{batches} batches are there already: their agent delivered them"),
            Self::BytesLost { bytes } => format!("{bytes} bytes are missing in the capture"),
        }
    }

    /// Says it of `file`.
    pub fn emit(&self, file: &str) {
        match self {
            // What ended a file says where, and its `offset N` is the last one of the line.
            Self::Damaged { offset, error } => emit!(codes::READ_FILE_001, file, offset, error),
            Self::Refused { error } => emit!(codes::READ_FILE_002, file, error),
            Self::Unreadable { error, .. } => emit!(codes::READ_FILE_003, file, error),
            Self::OverSnapLength { oddity } => emit!(codes::READ_FILE_004, file, oddity),
            Self::SecretsSkipped { blocks } => emit!(codes::READ_FILE_005, blocks, file),
            Self::BadTimes { packets } => emit!(codes::READ_FILE_006, packets, file),
            Self::Odd { oddity } => emit!(codes::READ_FILE_007, file, oddity),
            Self::LimitReached(Limit { limit, given_up, count }) => {
                emit!(codes::READ_LIMIT_001, limit, given_up, count, file);
            }
            Self::LinkTypeUnread { packets, link_types } => emit!(codes::READ_NET_001, packets, link_types, file),
            Self::Cut { packets } => emit!(codes::READ_NET_002, packets, file),
            Self::CapturedTwice { packets } => emit!(codes::READ_NET_003, packets, file),
            Self::OffloadAssumed { sides } => emit!(codes::READ_TCP_001, sides, file),
            Self::Delivered { batches } => emit!(codes::READ_FILE_008, batches, file),
            Self::BytesLost { bytes } => emit!(codes::READ_TCP_002, bytes, file),
        }
    }
}

/// Missing files and directories are wrong usage, rights are rights.
fn status_of(error: &io::Error) -> ExitStatus {
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::IsADirectory | io::ErrorKind::NotADirectory => ExitStatus::Usage,
        io::ErrorKind::PermissionDenied => ExitStatus::NotPermitted,
        _ => ExitStatus::Unexpected,
    }
}
