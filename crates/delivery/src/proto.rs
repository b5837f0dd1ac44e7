//! Messages in protobuf. The numbers of fields never change their meaning; fields that a reader does not know are skipped.
//!
//! Rows go by column, named, so that the two sides may know different columns: one that the receiver does not know is
//! counted and left out, one that the sender does not know is null.

/// Order of delivery within an agent: batches of a lane go one after the other, lanes go beside each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub enum Lane {
    /// What is captured now.
    Live = 0,
    /// What could not be delivered in time.
    Backlog = 1,
}

impl Lane {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Live, Self::Backlog];

    /// Its place in [`Self::ALL`].
    #[must_use]
    pub const fn index(self) -> usize {
        match self {
            Self::Live => 0,
            Self::Backlog => 1,
        }
    }

    /// The name in file names and statuses.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Backlog => "backlog",
        }
    }
}

/// Rows on their way to a server.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Batch {
    /// [`crate::PROTOCOL_VERSION`] of the sender.
    #[prost(uint32, tag = "1")]
    pub version: u32,
    /// Names the spool of the agent: another one after the spool was lost. Random.
    #[prost(fixed64, tag = "2")]
    pub epoch: u64,
    /// The lane.
    #[prost(enumeration = "Lane", tag = "3")]
    pub lane: i32,
    /// Grows by one with each batch of (epoch, lane), from 1. One that was dropped for lack of room leaves a hole.
    #[prost(uint64, tag = "4")]
    pub sequence: u64,
    /// When it was closed, by the agent's clock, nanoseconds since the Unix epoch.
    #[prost(sfixed64, tag = "5")]
    pub closed: i64,
    /// Rows by table.
    #[prost(message, repeated, tag = "6")]
    pub tables: Vec<Table>,
}

/// Rows of a table, by column.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Table {
    /// Its SQL name.
    #[prost(string, tag = "1")]
    pub name: String,
    /// Number of rows.
    #[prost(uint32, tag = "2")]
    pub rows: u32,
    /// Its columns; those that are null in all rows may be left out.
    #[prost(message, repeated, tag = "3")]
    pub columns: Vec<Column>,
}

/// A column. Exactly one of the lists has an entry for each row that is not null, in order.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Column {
    /// Its name with dots.
    #[prost(string, tag = "1")]
    pub name: String,
    /// One bit for each row, lowest first, set where it is not null; empty when none is null.
    #[prost(bytes = "vec", tag = "2")]
    pub present: Vec<u8>,
    /// Integers of all kinds; each less the one before, the first as it is (wrapping), since instants and counts are near
    /// each other.
    #[prost(sint64, repeated, tag = "3")]
    pub integers: Vec<i64>,
    /// Flags.
    #[prost(bool, repeated, tag = "4")]
    pub flags: Vec<bool>,
    /// Distinct texts of this batch, in order of first use ...
    #[prost(string, repeated, tag = "5")]
    pub texts: Vec<String>,
    /// ... and for each row that is not null which of the texts or bytes, from 0; empty when each has its own, in order.
    #[prost(uint32, repeated, tag = "6")]
    pub places: Vec<u32>,
    /// Distinct bytes of this batch, as texts.
    #[prost(bytes = "vec", repeated, tag = "7")]
    pub bytes: Vec<Vec<u8>>,
}

/// The answer to a batch: it is durable.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct Ack {
    /// The batch.
    #[prost(fixed64, tag = "1")]
    pub epoch: u64,
    /// Its lane.
    #[prost(enumeration = "Lane", tag = "2")]
    pub lane: i32,
    /// Its sequence.
    #[prost(uint64, tag = "3")]
    pub sequence: u64,
    /// Whether it was there before.
    #[prost(bool, tag = "4")]
    pub seen_before: bool,
    /// Rows that were taken.
    #[prost(uint64, tag = "5")]
    pub rows: u64,
    /// Values in columns that the server does not know.
    #[prost(uint64, tag = "6")]
    pub values_unknown: u64,
}
