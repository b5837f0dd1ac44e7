//! Parts as records of the manifest, and errors of the durable bottom as those of a store.

use std::io;

use arachne_store::StoreError;

use crate::disk::LockError;
use crate::error;
use crate::frames::FrameError;
use crate::manifest::{CommitError, EDIT_FORMAT, ManifestError, PartRecord, Quarantined};
use crate::part::{Lost, PartMeta};
use crate::wal::{AppendError, WalError};

/// The version of the folder's layout that is written.
pub(crate) const SCHEMA_VERSION: u32 = 1;

impl PartRecord for PartMeta {
    fn path(&self) -> &str {
        &self.path
    }

    fn files(&self) -> Vec<&str> {
        PartMeta::files(self).collect()
    }
}

/// What answers lack by a file in the quarantine.
pub(crate) fn lost(file: &Quarantined<PartMeta>) -> Option<Lost> {
    let part = file.part.as_ref()?;
    Some(Lost {
        table: part.table.clone(),
        path: file.path.clone(),
        reason: file.reason.clone(),
        rows: part.rows,
        start_min: part.start_min,
        start_max: part.start_max,
        end_max: part.end_max,
    })
}

/// An error of a commit.
pub(crate) fn commit_error(error: CommitError) -> StoreError {
    match error {
        CommitError::Io { action, path, source } => error::io(format!("cannot {action} {path}"), source),
        other => error::io("cannot change the manifest", io::Error::other(other)),
    }
}

/// An error of an append.
pub(crate) fn append_error(error: &AppendError) -> StoreError {
    let number = error.source.raw_os_error();
    let source = number
        .map_or_else(|| io::Error::new(error.source.kind(), error.source.to_string()), io::Error::from_raw_os_error);
    error::io(format!("cannot {} {}", error.action, error.path), source)
}

/// An error of the lock.
pub(crate) fn lock_error(error: LockError) -> StoreError {
    match error {
        LockError::Held { holder, .. } => StoreError::Locked { holder },
        LockError::Io { directory, source } => {
            error::io(format!("cannot lock the data folder {}", directory.display()), source)
        }
    }
}

/// An error of opening the manifest.
pub(crate) fn manifest_error(error: ManifestError) -> StoreError {
    match error {
        ManifestError::NewerSchema { found, known } => StoreError::Newer { found, known },
        ManifestError::NewerEdit { format, .. } => StoreError::Newer { found: format, known: EDIT_FORMAT },
        ManifestError::Frames(error) => frame_error(error),
        ManifestError::List(source) => error::io("cannot list the data folder", source),
        other => error::io("cannot open the manifest", io::Error::new(io::ErrorKind::InvalidData, other)),
    }
}

/// An error of the log.
pub(crate) fn wal_error(error: WalError) -> StoreError {
    match error {
        WalError::Frames(error) => frame_error(error),
        WalError::Io { path, source } => error::io(format!("cannot use the write-ahead log at {path}"), source),
    }
}

fn frame_error(error: FrameError) -> StoreError {
    match error {
        FrameError::Newer { version, .. } => {
            StoreError::Newer { found: u32::from(version), known: u32::from(crate::frames::VERSION) }
        }
        FrameError::Read { path, source } => error::io(format!("cannot read {path}"), source),
    }
}
