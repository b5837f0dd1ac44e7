//! The HTTP API: typed queries, exports, uploads, running operations, documentation, with authentication and limits.
//!
//! It knows the trait of a store, not engines; SQL and the import of captures come in as [`Parts`]. Captured text is only
//! text here: bodies leave as attachments, errors hold neither internal texts nor paths.

mod config;
mod parts;

pub use config::{Auth, Config, Limits, PORT};
pub use parts::{
    ImportFailure, ImportJob, ImportOptions, ImportStep, ImportWatch, Imported, Importer, Parts, SqlFailure, SqlRows,
    SqlRunner,
};
