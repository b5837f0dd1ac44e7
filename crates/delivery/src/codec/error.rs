//! What can be wrong with a batch.

use crate::BATCH_PACKED_MAX;

/// Why bytes are no batch. The sender gives it up: sent again it would be refused again.
#[derive(Debug, thiserror::Error)]
pub enum CodecError {
    /// More bytes than [`BATCH_PACKED_MAX`].
    #[error("batch of {bytes} packed bytes; at most {BATCH_PACKED_MAX} are taken: send smaller ones")]
    Packed {
        /// How many there are.
        bytes: usize,
    },
    /// What zstd says.
    #[error("cannot unpack a batch: it is no zstd, damaged, or has a window of more than 8 MiB")]
    Unpack(#[source] std::io::Error),
    /// What zstd says while packing: only for lack of memory.
    #[error("cannot pack a batch")]
    Pack(#[source] std::io::Error),
    /// More bytes, unpacked or in memory, than are taken.
    #[error("batch needs more than {max} bytes unpacked: send smaller ones")]
    Unpacked {
        /// The limit.
        max: usize,
    },
    /// No protobuf, or not of this message.
    #[error("batch is no protobuf message of its kind")]
    Protobuf(#[from] prost::DecodeError),
    /// Lengths that lie, unfinished numbers.
    #[error("batch is no protobuf message: it breaks off at byte {offset} of {bytes}")]
    Cut {
        /// Where it cannot be read on.
        offset: usize,
        /// How long it is.
        bytes: usize,
    },
    /// A version that is not spoken here.
    #[error(
        "batch of version {version}; spoken are {} to {}: upgrade the older side",
        crate::PROTOCOL_VERSION_MIN,
        crate::PROTOCOL_VERSION
    )]
    Version {
        /// The batch's.
        version: u32,
    },
    /// A lane that does not exist.
    #[error("batch of lane {lane}; there are 0 (live) and 1 (backlog)")]
    Lane {
        /// The batch's.
        lane: i32,
    },
    /// More rows than [`super::BATCH_ROWS_MAX`].
    #[error("batch of more than {} rows: send smaller ones", super::BATCH_ROWS_MAX)]
    Rows,
    /// A table that comes twice.
    #[error("table {table} comes twice in a batch")]
    TableTwice {
        /// Its name.
        table: &'static str,
    },
    /// A column that does not fit its table.
    #[error("column {column} of table {table} {misfit}")]
    Column {
        /// The table.
        table: &'static str,
        /// The column.
        column: &'static str,
        /// What is wrong.
        misfit: Misfit,
    },
    /// A row that cannot be; see [`super::judge`].
    #[error("row {row} of table {table}: {column} {what}")]
    Row {
        /// The table.
        table: &'static str,
        /// The row, from 0.
        row: usize,
        /// The column.
        column: &'static str,
        /// What is wrong.
        what: &'static str,
    },
}

/// Why a column does not fit its table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Misfit {
    /// It comes twice.
    #[error("comes twice")]
    Twice,
    /// `present` has bytes for another number of rows.
    #[error("has {bytes} bytes of presence for {rows} rows")]
    PresentLength {
        /// Its bytes.
        bytes: usize,
        /// Rows of the table.
        rows: usize,
    },
    /// `present` has bits set behind the last row.
    #[error("is present in rows behind the last")]
    PresentBits,
    /// Another number of values than rows that have one.
    #[error("has {values} values for {rows} rows that have one")]
    Count {
        /// Values in its list.
        values: usize,
        /// Rows that are not null.
        rows: usize,
    },
    /// A list that is not of its kind has entries.
    #[error("has values of another type")]
    Type,
    /// An index behind the last of the distinct values.
    #[error("names value {index} of {values}")]
    Place {
        /// The index.
        index: u32,
        /// Distinct values that there are.
        values: usize,
    },
    /// A number that its column cannot have, such as port 70000.
    #[error("has the value {value} in row {row}, which it cannot have")]
    Value {
        /// The row, from 0.
        row: usize,
        /// The value.
        value: i64,
    },
}
