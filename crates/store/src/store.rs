//! The trait of a store.

use std::ops::ControlFlow;

pub use arachne_model::table::Rows;
use arachne_model::table::TABLE_COUNT;

use crate::request::{GroupRequest, Groups, ListRequest, Page, Scanned};

/// Rows of one wire key from several sources are twins, of which one counts, when they start within this many nanoseconds of each
/// other: 10 minutes. Clocks of hosts differ by less, or the agents say so; numbers of connections come again after longer.
pub const TWINS_APART_MAX: i64 = 600_000_000_000;

/// Names a batch of a sender: the same token twice is the same batch twice.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Token {
    /// Who sends.
    pub sender: String,
    /// Grows by one with each batch of this sender. Numbers may be left out; one that comes late, behind 64 other holes, counts
    /// as seen before.
    pub sequence: u64,
}

/// Why a store could not do something.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The disk is full, or a quota: nothing was written, reads go on. Try again when there is room.
    #[error("no space to write {what}")]
    Full {
        /// What was to be written.
        what: String,
        /// The error of the system.
        #[source]
        source: std::io::Error,
    },
    /// Reading or writing failed otherwise.
    #[error("{what}")]
    Io {
        /// What was tried, with the file.
        what: String,
        /// The error of the system.
        #[source]
        source: std::io::Error,
    },
    /// A file is damaged; it was set aside.
    #[error("{file} is damaged: {reason}; it was moved to quarantine")]
    Damaged {
        /// The file, from the data folder.
        file: String,
        /// What is wrong with it, and where.
        reason: String,
    },
    /// Somebody else holds the data folder.
    #[error("the data folder is in use by {holder}")]
    Locked {
        /// The process that holds it.
        holder: String,
    },
    /// The data folder was written by a newer version.
    #[error("the data folder has format {found}, this program knows up to {known}: use the newer program")]
    Newer {
        /// What it has.
        found: u32,
        /// What we know.
        known: u32,
    },
    /// An import of the same source with other options exists.
    #[error("{source_name} was imported with other options ({existing}): repeat with --replace, or with those options")]
    OtherOptions {
        /// The source.
        source_name: String,
        /// The options of the import that is there.
        existing: String,
    },
    /// The caller stopped it.
    #[error("stopped")]
    Stopped,
    /// The question asks for more than the limits allow.
    #[error("{0}")]
    Refused(String),
}

/// Follows a question while it runs. Called from several threads, every few milliseconds of work.
pub trait Watch: Sync {
    /// `done` of `total` rows were looked at or skipped. `Break` stops the work: [`StoreError::Stopped`].
    fn progress(&self, done: u64, total: u64) -> ControlFlow<()>;
}

/// Nobody follows.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unwatched;

impl Watch for Unwatched {
    fn progress(&self, _done: u64, _total: u64) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
}

/// What an import is, by content and options.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportName {
    /// The content hash of the source: the value of the column `source` in all its rows.
    pub source: String,
    /// Version of the parser and the options that change rows, as text for people.
    pub options: String,
    /// What the source is called, for people: file names.
    pub label: String,
}

/// An import as the store knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportFacts {
    /// What it is.
    pub name: ImportName,
    /// Batches committed.
    pub batches: u64,
    /// Whether it was finished.
    pub finished: bool,
    /// Rows by table, in the order of [`arachne_model::table::TABLES`].
    pub rows: [u64; TABLE_COUNT],
}

/// How an import begins.
pub enum ImportStart {
    /// It is there, whole: nothing is to be done.
    Finished(ImportFacts),
    /// Rows are wanted.
    Wanted(Box<dyn Import>),
}

/// An import under way. The same source and options must give the same rows in the same order: batches are cut by their
/// number and size alone, so that those committed before an interruption are recognised and not written again.
pub trait Import: Send {
    /// Takes rows; some are written when enough came together.
    ///
    /// # Errors
    /// When writing fails; what was committed before stays, and a repeat goes on behind it.
    fn push(&mut self, rows: Rows) -> Result<(), StoreError>;

    /// As [`Self::push`], for a caller who goes on using the memory of the rows.
    ///
    /// # Errors
    /// As [`Self::push`].
    fn add(&mut self, rows: &Rows) -> Result<(), StoreError> {
        self.push(rows.clone())
    }

    /// Writes the rest and marks the import finished. It is durable when this returns.
    ///
    /// # Errors
    /// As for [`Self::push`].
    fn finish(self: Box<Self>) -> Result<ImportFacts, StoreError>;
}

/// What a table holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TableFacts {
    /// Rows.
    pub rows: u64,
    /// Bytes on disk, sidecars included.
    pub bytes: u64,
    /// Parts.
    pub parts: u64,
    /// Rows in memory, durable by the write-ahead log.
    pub memory_rows: u64,
    /// First start and last end, in nanoseconds; `None` when empty.
    pub range: Option<(i64, i64)>,
    /// Rows known to be lost by damage.
    pub lost_rows: u64,
}

/// What a store holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StoreFacts {
    /// By table, in the order of [`arachne_model::table::TABLES`].
    pub tables: Vec<TableFacts>,
    /// Bytes of the write-ahead log.
    pub wal_bytes: u64,
    /// Files set aside, with the reason.
    pub quarantined: Vec<(String, String)>,
    /// Damage found and what was lost by it, for people.
    pub damage: Vec<String>,
    /// Whether the last write was refused for lack of space.
    pub full: bool,
    /// Exchanges that came open, of which nothing more was told: they count as over, see [`crate::given_up`].
    pub given_up: u64,
    /// Revisions of open exchanges that were not held since the start, for lack of room: these show when they end.
    pub open_refused: u64,
    /// Batches of exchanges, since the start, that were not compared with all that other sources saw near them, for lack of room or
    /// since it could not be read: where several saw one of them, all of these count until it is compared for good.
    pub twins_unmet: u64,
}

/// A store. All calls block; they may come from many threads.
pub trait Store: Send + Sync {
    /// Makes rows durable and visible; returns when both is true. A token seen before changes nothing and gives `false`.
    /// A provisional exchange is replaced by what comes later with its id, unless that is provisional and it is not.
    ///
    /// # Errors
    /// When it cannot be made durable. A later call with the same token is safe.
    fn append(&self, token: &Token, rows: Rows) -> Result<bool, StoreError>;

    /// Whether a sender whose name ends with `sender_end` appended its batch of this sequence.
    fn has(&self, sender_end: &str, sequence: u64) -> bool;

    /// Begins the import of a source. With `replace`, rows of the same source with other options go when the new ones are
    /// all there.
    ///
    /// # Errors
    /// [`StoreError::OtherOptions`] when it is there with other options and `replace` is false.
    fn import(&self, name: &ImportName, replace: bool) -> Result<ImportStart, StoreError>;

    /// All imports.
    fn imports(&self) -> Vec<ImportFacts>;

    /// A page of rows.
    ///
    /// # Errors
    /// When reading fails, or `watch` stops it.
    fn list(&self, request: &ListRequest, watch: &dyn Watch) -> Result<Page, StoreError>;

    /// Groups of several selections; an engine may answer them in one pass.
    ///
    /// # Errors
    /// As for [`Self::list`].
    fn group(&self, requests: &[GroupRequest], watch: &dyn Watch) -> Result<Vec<Groups>, StoreError>;

    /// What it holds.
    fn facts(&self) -> StoreFacts;

    /// Makes templates of stored exchanges anew that were made by older rules than `rules`, some of them at a time: `template` gives that
    /// of now of the path a row has, or of its template where the path is not there; a row without a template stays so. `false` when none is left, but for rows that came a moment ago; an engine may leave all as they are.
    ///
    /// # Errors
    /// When reading or writing fails; what was done before stays.
    fn retemplate(&self, rules: u32, template: &(dyn Fn(&str) -> String + Sync)) -> Result<bool, StoreError> {
        let _ = (rules, template);
        Ok(false)
    }

    /// Why what was taken cannot be brought into its last form. It is durable and is answered all the same; when there is too much of it, [`Self::append`] refuses more. Cheap.
    fn failing(&self) -> Option<String> {
        None
    }

    /// Ends a period of [`crate::OPEN_PERIOD`]. Open exchanges of which nothing was told in a whole one are shown as
    /// [`crate::given_up`], until more is told of them after all. Engines that work behind do it by themselves.
    fn end_period(&self);
}

/// Sums what answers cost.
impl std::ops::AddAssign for Scanned {
    fn add_assign(&mut self, other: Self) {
        self.rows += other.rows;
        self.skipped += other.skipped;
        self.lost += other.lost;
        self.resolution = self.resolution.max(other.resolution);
    }
}
