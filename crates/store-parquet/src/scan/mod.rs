//! Answering questions over a snapshot: lists and groups of the rows of parts and memory, with Arrow and Parquet directly.
//!
//! A question becomes one tree of conditions (`node`). What a manifest, statistics, pages and filters know of a
//! `piece` of the data replaces leaves of the tree by true or false (`bounds`, `statistics`); what is left is
//! evaluated (`evaluate`), cheap columns first (`pipeline`). Pieces are spread over `threads`; the answer does not
//! depend on how.

mod bounds;
mod contains;
mod evaluate;
mod fetch;
mod frame;
mod group;
mod list;
mod node;
mod piece;
mod pipeline;
mod read;
mod statistics;
#[cfg(test)]
mod tests;
mod threads;
mod top;

use std::num::NonZeroUsize;

pub use group::group;
pub use list::list;

/// How questions are answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScanOptions {
    /// Threads that work on one question.
    pub threads: NonZeroUsize,
}

impl Default for ScanOptions {
    /// As many threads as the machine runs at a time.
    fn default() -> Self {
        Self { threads: std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN) }
    }
}

impl ScanOptions {
    /// Threads that are worth starting for so many rows.
    fn threads_for(self, rows: u64) -> usize {
        let useful = usize::try_from(rows / 16_384).unwrap_or(usize::MAX).max(1);
        self.threads.get().min(useful)
    }
}
