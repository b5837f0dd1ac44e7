//! What the server is made of and does not know: the store, SQL over it, and the import of captures.

use std::fmt;
use std::ops::{ControlFlow, Range};
use std::path::Path;
use std::sync::Arc;

use arachne_aggregate::Normaliser;
use arachne_delivery::instructions::Keys;
use arachne_model::table::Rows;
use arachne_store::{ImportFacts, Store, Watch};
use serde_json::Value as Json;

use crate::ui::UiFile;

/// What the server works with.
#[derive(Clone)]
pub struct Parts {
    /// What is asked.
    pub store: Arc<dyn Store>,
    /// Runs SQL over the store; without it there is no SQL.
    pub sql: Option<Arc<dyn SqlRunner>>,
    /// Takes captures.
    pub importer: Arc<dyn Importer>,
    /// The files of the web UI; none for a server without one.
    pub ui: Vec<UiFile>,
    /// Judges filters of agents; without it agents alone do.
    pub capture_filter: Option<Arc<dyn CaptureFilter>>,
    /// What agents must know to redact as this installation does; without it they redact as strangers.
    pub keys: Option<Keys>,
    /// Takes what browsers tell; without it nothing is taken.
    pub beacons: Option<Arc<dyn Beacons>>,
}

/// Takes beacons of browsers, and makes rows of them.
pub trait Beacons: Send + Sync {
    /// Takes the query of one that a `user_agent` sent at `now`, in nanoseconds since the Unix epoch.
    ///
    /// # Errors
    /// What is wrong with it: shown to who sent it. One of a robot is none.
    fn take(&self, query: &[u8], user_agent: &[u8], now: i64) -> Result<(), String>;

    /// One was not looked at, since too many came.
    fn refuse(&self);

    /// Makes templates of paths by other rules from now on.
    fn go_by(&self, normaliser: Normaliser);

    /// What was taken since this was asked last: points, and those that are kept.
    fn rows(&self, now: i64) -> Rows;
}

impl fmt::Debug for Parts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parts").field("sql", &self.sql.is_some()).finish_non_exhaustive()
    }
}

/// Runs one read-only statement.
pub trait SqlRunner: Send + Sync {
    /// Gives the rows of `statement` as they come. Blocks.
    ///
    /// # Errors
    /// When the statement is wrong or not allowed, when it fails, or when `watch` or `rows` stop it.
    fn run(&self, statement: &str, watch: &dyn Watch, rows: &mut dyn SqlRows) -> Result<(), SqlFailure>;
}

/// Receives the answer of a statement.
pub trait SqlRows {
    /// The names of the columns, once, first.
    fn names(&mut self, names: &[String]) -> ControlFlow<()>;
    /// A row.
    fn row(&mut self, row: Vec<Json>) -> ControlFlow<()>;
}

/// Why a statement gave no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SqlFailure {
    /// It is wrong or not allowed; the text is about the statement alone and is shown to who sent it.
    #[error("{0}")]
    Statement(String),
    /// The watch or the receiver stopped it.
    #[error("stopped")]
    Stopped,
    /// Reading or computing failed; the text goes to the log.
    #[error("the statement failed: {0}")]
    Failed(String),
}

/// What is kept of a capture, as its uploader chose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportOptions {
    /// Keep frames.
    pub packets: bool,
    /// Keep TCP sessions.
    pub sessions: bool,
    /// Keep bodies.
    pub bodies: bool,
    /// Take the place of an import of the same capture with other options.
    pub replace: bool,
    /// Keep exchanges that pass this filter; empty for all.
    pub keep: String,
    /// Words for every exchange, separated by blanks.
    pub tags: String,
}

impl Default for ImportOptions {
    fn default() -> Self {
        Self { packets: true, sessions: true, bodies: true, replace: false, keep: String::new(), tags: String::new() }
    }
}

/// A capture to import.
#[derive(Clone, Copy, Debug)]
pub struct ImportJob<'a> {
    /// The file; it may be compressed.
    pub path: &'a Path,
    /// What people call it. It is text, never a path.
    pub label: &'a str,
    /// What is kept.
    pub options: &'a ImportOptions,
}

/// How far an import is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ImportStep {
    /// Bytes of the file that were read.
    pub bytes: u64,
    /// Bytes of the file.
    pub bytes_total: u64,
    /// Packets that were read.
    pub packets: u64,
    /// Exchanges that were found.
    pub exchanges: u64,
}

/// Follows an import.
pub trait ImportWatch: Sync {
    /// Where it is. `Break` stops it: [`ImportFailure::Stopped`].
    fn progress(&self, step: ImportStep) -> ControlFlow<()>;
}

/// What an import gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Imported {
    /// The import as the store knows it.
    pub facts: ImportFacts,
    /// Whether it was there before, whole.
    pub already: bool,
    /// What was odd about the capture, for people: words and numbers, no path.
    pub notices: Vec<String>,
}

/// Why an import failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ImportFailure {
    /// The file is no capture, or refused; nothing was kept. The text is about its content.
    #[error("{0}")]
    Refused(String),
    /// The capture is there with other options (named).
    #[error("it was imported with other options ({0})")]
    OtherOptions(String),
    /// There is no space.
    #[error("there is no space left")]
    Full,
    /// The watch stopped it.
    #[error("stopped")]
    Stopped,
    /// It failed otherwise; the text goes to the log.
    #[error("{0}")]
    Failed(String),
}

/// Imports captures.
pub trait Importer: Send + Sync {
    /// Imports a capture; durable when it returns. Blocks.
    ///
    /// # Errors
    /// See [`ImportFailure`]. A damaged file keeps what came before and is no failure: it is in the notices.
    fn import(&self, job: ImportJob<'_>, watch: &dyn ImportWatch) -> Result<Imported, ImportFailure>;
}

/// Judges filters in the syntax of tcpdump.
pub trait CaptureFilter: Send + Sync {
    /// Whether `text` is a filter.
    ///
    /// # Errors
    /// What is wrong with it.
    fn check(&self, text: &str) -> Result<(), BadCaptureFilter>;
}

/// What is wrong with a filter of a capture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadCaptureFilter {
    /// In words.
    pub message: String,
    /// Where, in bytes of the text.
    pub span: Range<usize>,
    /// What may be written there instead.
    pub fix: Option<String>,
}
