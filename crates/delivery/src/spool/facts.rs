//! What goes into a spool, what is told of it, and why it cannot be used.

use super::{Class, Counts, FORMAT};
use crate::codec::Head;

/// Why a spool cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SpoolError {
    /// The system refuses.
    #[error("cannot {what}")]
    Io {
        /// What was tried.
        what: String,
        /// What the system says.
        #[source]
        source: std::io::Error,
    },
    /// Another version wrote it.
    #[error(
        "{file} has format {version}, newer than {FORMAT}: upgrade the program, or name another folder for the spool"
    )]
    Newer {
        /// The file.
        file: String,
        /// Its format.
        version: u32,
    },
}

/// Limits of a spool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpoolSettings {
    /// Bytes that there may be on disk; what is too much is dropped, oldest first by class.
    pub cap_bytes: u64,
    /// Bytes that may wait in memory while the disk fails; as many may wait for [`super::Spool::sync`].
    pub memory_bytes: u64,
}

impl Default for SpoolSettings {
    fn default() -> Self {
        Self { cap_bytes: 1 << 30, memory_bytes: 16 << 20 }
    }
}

/// A batch to spool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewBatch {
    /// What it holds.
    pub class: Class,
    /// Rows by table.
    pub counts: Counts,
    /// When it was closed, by the agent's clock.
    pub closed: i64,
    /// What [`crate::codec::Packer::pack`] made of it.
    pub payload: Vec<u8>,
}

/// A batch that waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// Its name.
    pub head: Head,
    /// What it holds.
    pub class: Class,
    /// Rows by table.
    pub counts: Counts,
    /// Bytes of its payload.
    pub bytes: u32,
}

/// How a batch ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Settled {
    /// The server has it.
    Delivered,
    /// The server will never take it.
    Refused,
}

/// Counts since the spool was opened, where nothing else is said. At any time
/// `recovered + appended = delivered + refused + dropped since then + damaged since then + waiting`, in records and batches.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Records found at the start that wait, by class.
    pub recovered: [u64; 3],
    /// Records appended.
    pub appended: [u64; 3],
    /// Records delivered.
    pub delivered: [u64; 3],
    /// Records refused.
    pub refused: [u64; 3],
    /// Records dropped for lack of room. A batch that is under way when it is dropped counts here, whatever comes of it.
    pub dropped: [u64; 3],
    /// Records of batches that were found damaged since the start, as far as their headers could be read.
    pub damaged: [u64; 3],
    /// Records that wait.
    pub waiting: [u64; 3],
    /// Records dropped since the spool was made.
    pub dropped_ever: [u64; 3],
    /// Batches delivered.
    pub delivered_batches: u64,
    /// Bytes of them.
    pub delivered_bytes: u64,
    /// Batches that wait, by lane.
    pub waiting_batches: [u64; 2],
    /// When the oldest of them was closed.
    pub oldest: Option<i64>,
    /// Bytes on disk.
    pub disk_bytes: u64,
    /// Bytes that wait in memory alone since the disk does not take them.
    pub memory_bytes: u64,
}
