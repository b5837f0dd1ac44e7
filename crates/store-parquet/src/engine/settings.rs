//! How a store is kept.

use std::time::Duration;

use crate::rows::COUNT;
use crate::scan::ScanOptions;

/// How long rows of a table stay; without limits for ever. Whole parts go, oldest first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Retention {
    /// Rows that ended longer ago may go.
    pub max_age: Option<Duration>,
    /// Of more bytes on disk, the oldest go.
    pub max_bytes: Option<u64>,
}

/// How a store is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// By table, in the order of [`arachne_model::table::STORED`].
    pub retention: [Retention; COUNT],
    /// Rows in memory that make a flush. 256 Ki.
    pub flush_rows: u64,
    /// Bytes in memory that make a flush. 128 MiB.
    pub flush_bytes: u64,
    /// The longest time between flushes. 60 s.
    pub flush_after: Duration,
    /// Bytes of rows that an import holds before it writes them; each table has its share of them. 160 MiB.
    pub import_bytes: usize,
    /// Rows of a part that merging makes at most. 4 Mi.
    pub merge_rows: u64,
    /// Bytes of a part that merging makes at most. 1 GiB.
    pub merge_bytes: u64,
    /// Parts of one size that are merged at a time.
    pub merge_parts: usize,
    /// Whether a thread flushes, merges and removes on its own. Without it the caller does.
    pub background: bool,
    /// Bytes of answers about points that are kept for the next time they are asked for. 128 MiB; 0 keeps none.
    pub slice_bytes: usize,
    /// How questions are answered.
    pub scan: ScanOptions,
}

impl Default for Settings {
    /// Everything stays: a capture of last year that somebody imports today must not be gone tomorrow. Limits are asked for.
    fn default() -> Self {
        Self {
            retention: [Retention::default(); COUNT],
            flush_rows: 256 << 10,
            flush_bytes: 128 << 20,
            flush_after: Duration::from_secs(60),
            import_bytes: 160 << 20,
            merge_rows: 4 << 20,
            merge_bytes: 1 << 30,
            merge_parts: 8,
            background: true,
            slice_bytes: 128 << 20,
            scan: ScanOptions::default(),
        }
    }
}
