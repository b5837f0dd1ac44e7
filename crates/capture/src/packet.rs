//! What readers hand out.

use arachne_model::{LinkType, UnixNanos};

use crate::error::CaptureError;

/// A captured frame. Its bytes are borrowed from the reader until the next one is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet<'a> {
    /// When it was captured.
    pub timestamp: UnixNanos,
    /// Whether the file gave a time that cannot be, or none: `timestamp` is then the nearest that can be.
    pub bad_timestamp: bool,
    /// How `data` starts.
    pub link_type: LinkType,
    /// Length on the wire. May be less than `data` in odd files.
    pub original_length: u32,
    /// The bytes that were kept.
    pub data: &'a [u8],
}

/// A packet as a place in the buffer of its reader: what [`Packet`] is made of once nothing moves any more.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Found {
    pub timestamp: UnixNanos,
    pub bad_timestamp: bool,
    pub link_type: LinkType,
    pub original_length: u32,
    /// First byte in the buffer.
    pub start: usize,
    /// Number of bytes.
    pub length: usize,
}

/// Where packets come from: one file or several joined.
pub trait PacketSource {
    /// The next packet, or `None` at the end.
    ///
    /// # Errors
    /// What is wrong with a file. Each fault is reported once and ends its file; ask on until `None`: other files may
    /// have more.
    fn next_packet(&mut self) -> Result<Option<Packet<'_>>, CaptureError>;

    /// Whether the next packet can probably be had without waiting for the input. Tells when to flush what was found
    /// so far.
    fn is_buffered(&self) -> bool;

    /// Bytes read from the files themselves, packed as they are; for progress.
    fn bytes_read(&self) -> u64;
}
