//! Errors of files, Arrow and Parquet as those of a store.

use std::io;

use arachne_store::StoreError;
use parquet::errors::ParquetError;

/// An error of the system while doing `what`. No room is told apart: writing can be tried again later.
pub(crate) fn io(what: impl Into<String>, source: io::Error) -> StoreError {
    let what = what.into();
    match source.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => StoreError::Full { what, source },
        _ => StoreError::Io { what, source },
    }
}

/// An error while writing a Parquet file: in nearly all cases the system's own.
pub(crate) fn parquet(what: impl Into<String>, source: ParquetError) -> StoreError {
    match source {
        ParquetError::External(inner) => match inner.downcast::<io::Error>() {
            Ok(source) => io(what, *source),
            Err(other) => io(what, io::Error::other(other)),
        },
        other => io(what, io::Error::other(other)),
    }
}
