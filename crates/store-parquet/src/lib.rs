//! The embedded store: a write-ahead log, immutable Parquet parts and a manifest in one directory.
//!
//! The bottom is [`disk`] (all file access), [`frames`] (checksummed frames, one format for every log), [`wal`] (group
//! commit and replay) and [`manifest`] (which parts there are). These four know nothing of Arrow or Parquet: payloads are
//! bytes. They hold the promise that an acknowledged write is found again after any crash, that what a disk has damaged
//! is named and never served, and that a full disk stops nothing but writing.

pub mod bloom;
pub mod columns;
pub mod disk;
mod engine;
mod error;
#[cfg(test)]
mod flips;
pub mod frames;
mod import;
pub mod manifest;
mod memtable;
mod open;
pub mod part;
mod record;
mod repeated;
mod rollup;
mod rows;
pub mod scan;
pub mod snapshot;
mod twins;
pub mod wal;

pub use engine::{EmbeddedStore, Retention, Settings};
