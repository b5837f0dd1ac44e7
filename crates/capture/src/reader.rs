//! Reads one capture file.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arachne_model::Limits;

use crate::buffer::{Buffer, CHUNK_BYTES};
use crate::detect::{Start, packed_again, start_of};
use crate::error::{CaptureError, Position};
use crate::packet::{Found, Packet, PacketSource};
use crate::pcap::Pcap;
use crate::pcapng::{Pcapng, Secret};
use crate::summary::FileSummary;
use crate::unpack::{Compression, Counted};

/// Enough of a file to say what it is.
const DETECT_BYTES: usize = 64;

/// How to read capture files.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct ReadOptions {
    /// Caps: `record_bytes_max` and `interfaces_max` hold here.
    pub limits: Limits,
    /// Keep secrets for decryption that are in the file; else they are only counted.
    pub keep_secrets: bool,
}

enum Records {
    Pcap(Pcap),
    Pcapng(Box<Pcapng>),
}

/// Reads the packets of one capture file, of whatever format, packed or not.
pub struct CaptureReader {
    buffer: Buffer,
    records: Records,
    summary: FileSummary,
    raw_bytes: Arc<AtomicU64>,
    ended: bool,
}

/// Opens the capture file at `path`.
///
/// # Errors
/// [`CaptureError::Open`] when it cannot be opened, else what [`CaptureReader::new`] says.
pub fn open(path: &Path, options: &ReadOptions) -> Result<CaptureReader, CaptureError> {
    let file = File::open(path).map_err(|source| CaptureError::Open { path: path.to_owned(), source })?;
    CaptureReader::new(file, options)
}

impl CaptureReader {
    /// A reader of `input`, which is read up to the first header and in large pieces: no buffer is needed around it.
    ///
    /// # Errors
    /// It is no capture file, or one that is not read.
    pub fn new(input: impl Read + Send + 'static, options: &ReadOptions) -> Result<Self, CaptureError> {
        let raw_bytes = Arc::new(AtomicU64::new(0));
        let mut input = Counted { inner: input, count: Arc::clone(&raw_bytes) };
        let first = read_first(&mut input)?;
        let compression = Compression::of(&first);
        let mut buffer = match compression {
            Compression::None => Buffer::new(Box::new(input), compression, first),
            packed => {
                let unpacked = packed.unpack(first, Box::new(input));
                let at = Position { offset: 0, compression };
                let unpacked = unpacked.map_err(|source| CaptureError::Unpack { at, source })?;
                Buffer::new(unpacked, compression, Vec::new())
            }
        };
        let (records, summary) = start(&mut buffer, options)?;
        Ok(Self { buffer, records, summary, raw_bytes, ended: false })
    }

    /// The next packet, or `None` at the end.
    ///
    /// # Errors
    /// What is wrong with the file, once; then it is at its end. Earlier packets stay valid.
    #[inline]
    pub fn next_packet(&mut self) -> Result<Option<Packet<'_>>, CaptureError> {
        Ok(self.advance()?.map(|found| self.packet(&found)))
    }

    /// Whether the next packet can probably be had without a read: it is whole in the buffer, or the end is reached.
    #[must_use]
    pub fn is_buffered(&self) -> bool {
        let ready = self.buffer.ready();
        self.ended
            || match &self.records {
                Records::Pcap(pcap) => pcap.is_ready(ready),
                Records::Pcapng(pcapng) => pcapng.is_ready(ready),
            }
    }

    /// What the file turned out to hold so far.
    #[must_use]
    pub const fn summary(&self) -> &FileSummary {
        &self.summary
    }

    /// Bytes read from the file itself, packed as it is.
    #[must_use]
    pub fn bytes_read(&self) -> u64 {
        self.raw_bytes.load(Ordering::Relaxed)
    }

    /// The secrets so far, where [`ReadOptions::keep_secrets`] is set.
    #[must_use]
    pub fn secrets(&self) -> &[Secret] {
        match &self.records {
            Records::Pcap(_) => &[],
            Records::Pcapng(pcapng) => &pcapng.secrets.kept,
        }
    }

    /// Bytes of memory held: the buffer, interfaces and secrets. What unpacks a packed file holds its window beside
    /// them, 32 KiB for gzip and up to 128 MiB for zstd, as the file asks.
    #[must_use]
    pub fn held_bytes(&self) -> usize {
        let records = match &self.records {
            Records::Pcap(_) => 0,
            Records::Pcapng(pcapng) => pcapng.held_bytes(),
        };
        self.buffer.held_bytes() + records
    }

    /// Finds the next packet. It stays in the buffer until the next call.
    #[inline]
    pub(crate) fn advance(&mut self) -> Result<Option<Found>, CaptureError> {
        if self.ended {
            return Ok(None);
        }
        let found = match &mut self.records {
            Records::Pcap(pcap) => pcap.next(&mut self.buffer, &mut self.summary),
            Records::Pcapng(pcapng) => pcapng.next(&mut self.buffer, &mut self.summary),
        };
        match &found {
            Ok(Some(found)) => {
                self.summary.packets += 1;
                self.summary.packet_bytes += found.length as u64;
                self.summary.bad_timestamps += u64::from(found.bad_timestamp);
            }
            Ok(None) | Err(_) => self.ended = true,
        }
        found
    }

    /// The packet that [`Self::advance`] found last.
    #[inline]
    pub(crate) fn packet(&self, found: &Found) -> Packet<'_> {
        Packet {
            timestamp: found.timestamp,
            bad_timestamp: found.bad_timestamp,
            link_type: found.link_type,
            original_length: found.original_length,
            data: self.buffer.at(found.start, found.length),
        }
    }
}

impl PacketSource for CaptureReader {
    #[inline]
    fn next_packet(&mut self) -> Result<Option<Packet<'_>>, CaptureError> {
        Self::next_packet(self)
    }

    fn is_buffered(&self) -> bool {
        Self::is_buffered(self)
    }

    fn bytes_read(&self) -> u64 {
        Self::bytes_read(self)
    }
}

/// The first bytes: enough to tell what it is, or all there are.
fn read_first(input: &mut impl Read) -> Result<Vec<u8>, CaptureError> {
    let mut first = vec![0; CHUNK_BYTES];
    let mut end = 0;
    // Four bytes tell a capture file; a pipe may have no more for now.
    while end < 4 {
        match input.read(&mut first[end..]) {
            Ok(0) => break,
            Ok(count) => end += count.min(CHUNK_BYTES - end),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(source) => {
                let at = Position { offset: end as u64, compression: Compression::None };
                return Err(CaptureError::Read { at, source });
            }
        }
    }
    first.truncate(end);
    Ok(first)
}

fn start(buffer: &mut Buffer, options: &ReadOptions) -> Result<(Records, FileSummary), CaptureError> {
    buffer.have(4)?;
    let at = buffer.position();
    if let Some(what) = packed_again(at.compression, buffer.ready()) {
        return Err(CaptureError::NotACapture { what, at });
    }
    let mut start = start_of(buffer.ready());
    if matches!(start, Start::Foreign(_) | Start::Other(_)) {
        // More bytes make for a better name, and nobody waits for packets.
        buffer.have(DETECT_BYTES)?;
        start = start_of(buffer.ready());
    }
    match start {
        Start::Pcap(magic) => {
            let (pcap, summary) = Pcap::new(magic, buffer, &options.limits)?;
            Ok((Records::Pcap(pcap), summary))
        }
        Start::Pcapng => {
            let (pcapng, summary) = Pcapng::new(buffer, &options.limits, options.keep_secrets)?;
            Ok((Records::Pcapng(Box::new(pcapng)), summary))
        }
        Start::Foreign(name) => Err(CaptureError::Unsupported { what: format!("{name} is not read"), at }),
        Start::Other(what) => Err(CaptureError::NotACapture { what, at }),
    }
}
