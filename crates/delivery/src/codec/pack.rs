//! Tables to packed bytes and back.
//!
//! A packed batch is two zstd frames: a small one with what names the batch, one with its tables. Protobuf messages and zstd
//! frames may both be put one behind the other, so what has the rows is packed once, where they are made, and gets its
//! sequence later without being touched.

use std::io::{Cursor, Read as _};

use arachne_model::table::Rows;
use prost::Message as _;

use super::encode::Encoder;
use super::{CodecError, measure};
use crate::proto::{Batch, Lane, Table};
use crate::{BATCH_PACKED_MAX, BATCH_UNPACKED_MAX, PROTOCOL_VERSION, PROTOCOL_VERSION_MIN};

/// Bytes of text that a packed byte may point back, as a power of two. A receiver holds as many.
const WINDOW_LOG_MAX: u32 = 23;
const LEVEL: i32 = 1;

/// What names a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Head {
    /// See [`Batch::epoch`].
    pub epoch: u64,
    /// See [`Batch::lane`].
    pub lane: Lane,
    /// See [`Batch::sequence`].
    pub sequence: u64,
    /// See [`Batch::closed`].
    pub closed: i64,
}

/// The part of a [`Batch`] that has the rows.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Tables {
    #[prost(message, repeated, tag = "6")]
    pub tables: Vec<Table>,
}

/// Packs tables. Keeps its memory from one to the next.
pub struct Packer {
    zstd: zstd::bulk::Compressor<'static>,
    encoder: Encoder,
    message: Vec<u8>,
}

impl std::fmt::Debug for Packer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Packer").finish_non_exhaustive()
    }
}

impl Packer {
    /// A packer.
    ///
    /// # Errors
    /// [`CodecError::Pack`] for lack of memory, here and below.
    pub fn new() -> Result<Self, CodecError> {
        let zstd = zstd::bulk::Compressor::new(LEVEL).map_err(CodecError::Pack)?;
        Ok(Self { zstd, encoder: Encoder::default(), message: Vec::new() })
    }

    /// Rows as a batch still without a name: give it one with [`address`].
    ///
    /// # Errors
    /// As of [`Self::pack`].
    pub fn pack_rows(&mut self, rows: &Rows) -> Result<Vec<u8>, CodecError> {
        self.message.clear();
        self.encoder.encode(rows, &mut self.message);
        self.finish()
    }

    /// As [`Self::pack_rows`], of tables.
    ///
    /// # Errors
    /// [`CodecError::Unpacked`] and [`CodecError::Packed`] when a receiver would refuse it: make two of it.
    pub fn pack(&mut self, tables: Vec<Table>) -> Result<Vec<u8>, CodecError> {
        self.message.clear();
        Tables { tables }.encode(&mut self.message).map_err(|_| CodecError::Unpacked { max: BATCH_UNPACKED_MAX })?;
        self.finish()
    }

    fn finish(&mut self) -> Result<Vec<u8>, CodecError> {
        if self.message.len() > BATCH_UNPACKED_MAX - HEAD_MAX {
            return Err(CodecError::Unpacked { max: BATCH_UNPACKED_MAX - HEAD_MAX });
        }
        let packed = self.zstd.compress(&self.message).map_err(CodecError::Pack)?;
        if packed.len() > BATCH_PACKED_MAX - HEAD_MAX {
            return Err(CodecError::Packed { bytes: packed.len() });
        }
        Ok(packed)
    }
}

/// Bytes that a head has at most, packed or not.
const HEAD_MAX: usize = 128;

/// A batch as it is sent: what [`Packer::pack`] made, with its name behind it, so that half of a batch has none and is refused.
///
/// # Errors
/// [`CodecError::Pack`] for lack of memory.
pub fn address(head: &Head, packed: &[u8]) -> Result<Vec<u8>, CodecError> {
    let batch = Batch {
        version: PROTOCOL_VERSION,
        epoch: head.epoch,
        lane: head.lane.into(),
        sequence: head.sequence,
        closed: head.closed,
        tables: Vec::new(),
    };
    let name = zstd::bulk::compress(&batch.encode_to_vec(), LEVEL).map_err(CodecError::Pack)?;
    Ok([packed, &name].concat())
}

/// The batch in the bytes of a sender. Its tables are still to be judged by [`super::decode`].
///
/// # Errors
/// [`CodecError`] for anything that is no batch of a version that is spoken here. Takes no more than
/// [`BATCH_UNPACKED_MAX`] bytes unpacked and twice as many for the message.
pub fn unpack(packed: &[u8]) -> Result<Batch, CodecError> {
    if packed.len() > BATCH_PACKED_MAX {
        return Err(CodecError::Packed { bytes: packed.len() });
    }
    let mut reader = zstd::stream::read::Decoder::with_buffer(Cursor::new(packed)).map_err(CodecError::Unpack)?;
    reader.window_log_max(WINDOW_LOG_MAX).map_err(CodecError::Unpack)?;
    let mut message = Vec::new();
    let limit = BATCH_UNPACKED_MAX as u64 + 1;
    reader.take(limit).read_to_end(&mut message).map_err(CodecError::Unpack)?;
    if message.len() > BATCH_UNPACKED_MAX {
        return Err(CodecError::Unpacked { max: BATCH_UNPACKED_MAX });
    }
    measure::check(&message)?;
    let batch = Batch::decode(&message[..])?;
    if !(PROTOCOL_VERSION_MIN..=PROTOCOL_VERSION).contains(&batch.version) {
        return Err(CodecError::Version { version: batch.version });
    }
    if Lane::try_from(batch.lane).is_err() {
        return Err(CodecError::Lane { lane: batch.lane });
    }
    Ok(batch)
}
