//! The HTTP API: typed queries, exports, uploads, running operations, documentation, with authentication and limits.
//!
//! It knows the trait of a store, not engines; SQL and the import of captures come in as [`Parts`]. Captured text is only
//! text here: bodies leave as attachments, errors hold neither internal texts nor paths.
//!
//! A request passes `guard::outer` (rate, Host, Origin, headers, counts), `guard::right` (token, permission), then its
//! handler in `api`. What blocks runs as a `work::Job` on a thread of its own, with a place among those who work, listed
//! while it runs, and stopped when nobody waits for it any more.

mod agents;
mod api;
mod app;
mod auth;
mod beacons;
mod config;
mod connection;
mod control;
mod docs;
mod durable;
mod etag;
mod guard;
mod install;
mod listen;
mod logins;
mod marks;
mod metrics;
mod openapi;
mod operations;
mod own;
mod parts;
mod paths;
mod problem;
mod rate;
mod routes;
mod running;
mod saved;
mod serve;
mod shelf;
mod stream;
mod strict;
mod tls;
mod ui;
mod uploads;
mod work;

pub use agents::{AgentEntry, Registry, RegistryError};
pub use auth::{AuthError, Permission, Role};
pub use config::{Auth, Config, Limits, PORT, TlsFiles};
pub use control::{Access, Control};
pub use install::install;
pub use marks::{Mark, MarkError, Marks, NewMark};
pub use parts::{
    BadCaptureFilter, Beacons, CaptureFilter, ImportFailure, ImportJob, ImportOptions, ImportStep, ImportWatch,
    Imported, Importer, Parts, SqlFailure, SqlRows, SqlRunner,
};
pub use routes::Route;
pub use serve::{Ready, ServeError, Server, serve};
pub use tls::TlsError;
pub use ui::UiFile;
