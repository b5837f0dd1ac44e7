//! Parts: immutable Parquet files with the rows of one table, in the table's order.
//!
//! `write::PartWriter` makes one, [`Part`] reads it. What the manifest keeps of a part is [`PartMeta`]: with it whole
//! parts are skipped without a look at their files, and a damaged file is never served, since its checksum is compared
//! before the first read of a process.

mod demoted;
mod meta;
mod read;
#[cfg(test)]
mod tests;
pub(crate) mod write;

pub use demoted::Demoted;
pub use meta::{Lost, PartMeta, Sidecar, SourceRows};
pub(crate) use read::Group;
pub use read::{Damage, DamageLog, Part, PartReader, Readable};
