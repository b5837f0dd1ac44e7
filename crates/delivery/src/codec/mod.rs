//! Rows as batches and back.
//!
//! [`Packer::pack_rows`] turns rows into packed bytes of tables of columns, [`address`] puts behind them what names the batch; [`unpack`] and [`decode`] go the other way. Whoever reads trusts nothing: memory is measured before it
//! is taken, and whatever does not fit together is a [`CodecError`].
//!
//! Source: docs/delivery.md.

mod decode;
mod encode;
mod error;
mod judge;
mod measure;
mod pack;

pub use decode::decode;
pub use encode::encode;
pub use error::{CodecError, Misfit};
pub use judge::judge;
pub use pack::{Head, Packer, address, unpack};

use arachne_model::table::Kind;

/// Rows of all tables together that a batch may have. Policy: a sender makes smaller batches, a receiver refuses (413).
pub const BATCH_ROWS_MAX: usize = 65_536;

/// Which list of a [`crate::proto::Column`] has the values of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum List {
    Integers,
    Flags,
    Texts,
    Bytes,
}

impl List {
    const fn of(kind: Kind) -> Self {
        match kind {
            Kind::Instant | Kind::Duration | Kind::Size | Kind::Integer | Kind::Hash => Self::Integers,
            Kind::Flag => Self::Flags,
            Kind::Label | Kind::Words | Kind::Address | Kind::Text | Kind::Id | Kind::Headers | Kind::Labels => {
                Self::Texts
            }
            Kind::Bytes => Self::Bytes,
        }
    }
}

#[cfg(test)]
mod tests;
