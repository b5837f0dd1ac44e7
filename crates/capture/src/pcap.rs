//! pcap: a header of 24 bytes, then records of 16 (or 24) bytes and the packet.
//!
//! Source: draft-ietf-opsawg-pcap; the older versions and the modified variant as libpcap reads them (`sf-pcap.c`).

use arachne_model::{Limits, LinkType, UnixNanos};

use crate::buffer::Buffer;
use crate::detect::PcapMagic;
use crate::error::{CaptureError, Position, Unit};
use crate::order::ByteOrder;
use crate::packet::Found;
use crate::pcapng::Resolution;
use crate::summary::{FileSummary, Format, Warning};
use crate::variant::{TELLING_BYTES, longer_headers, looks_usual};

/// Length of the file header.
pub(crate) const HEADER_BYTES: usize = 24;
/// Length of a record header.
const RECORD_BYTES: usize = 16;
/// Length of a record header with interface, protocol and packet type behind.
const MODIFIED_RECORD_BYTES: usize = 24;

/// Reads the records of one file.
#[derive(Debug)]
pub(crate) struct Pcap {
    order: ByteOrder,
    modified: bool,
    header_bytes: usize,
    /// Version 2.3, whose writers did not agree on the order of the two lengths.
    lengths_may_be_swapped: bool,
    /// Fractions in a second.
    fractions: u32,
    nanos_per_fraction: u32,
    link_type: LinkType,
    /// 0 when there is no limit.
    snaplen: u32,
    record_bytes_max: usize,
    records: u64,
    /// Time of the first record.
    first_seconds: u32,
}

impl Pcap {
    /// Takes the file header, of which at least the magic number is ready.
    ///
    /// # Errors
    /// It is cut, or of a version or link type that is not read.
    pub fn new(magic: PcapMagic, buffer: &mut Buffer, limits: &Limits) -> Result<(Self, FileSummary), CaptureError> {
        let at = buffer.position();
        let whole = buffer.have(HEADER_BYTES)?;
        let Some([_, version, zone, _, snaplen, link]) = magic.order.words::<6>(buffer.ready()).filter(|_| whole)
        else {
            let at = Position { offset: buffer.ready().len() as u64, ..at };
            return Err(CaptureError::NotACapture { what: "it ends inside the file header".to_owned(), at });
        };
        let version = magic.order.halves(version);
        check_version(version).map_err(|what| CaptureError::Unsupported { what, at: Position { offset: 4, ..at } })?;
        let link_type =
            check_link(link).map_err(|what| CaptureError::Unsupported { what, at: Position { offset: 20, ..at } })?;
        buffer.take(HEADER_BYTES);
        let (fractions, nanos_per_fraction) = if magic.nanoseconds { (1_000_000_000, 1) } else { (1_000_000, 1000) };
        let pcap = Self {
            order: magic.order,
            modified: magic.modified,
            header_bytes: if magic.modified { MODIFIED_RECORD_BYTES } else { RECORD_BYTES },
            lengths_may_be_swapped: version == (2, 3),
            fractions,
            nanos_per_fraction,
            link_type,
            snaplen,
            record_bytes_max: limits.record_bytes_max,
            records: 0,
            first_seconds: 0,
        };
        let format = Format::Pcap { order: magic.order, version, modified: magic.modified };
        let mut summary = FileSummary::new(format, at.compression);
        summary.sections = 1;
        summary.add_interface(link_type, Resolution::decimal(if magic.nanoseconds { 9 } else { 6 }));
        header_warnings(&mut summary, zone, link);
        Ok((pcap, summary))
    }

    /// The next packet, or `None` at the end.
    ///
    /// # Errors
    /// The record is damaged or cut.
    #[inline]
    pub fn next(&mut self, buffer: &mut Buffer, summary: &mut FileSummary) -> Result<Option<Found>, CaptureError> {
        if !buffer.have(self.header_bytes)? {
            return self.end(buffer);
        }
        let Some([seconds, fraction, captured, original]) = self.order.words::<4>(buffer.ready()) else {
            return self.end(buffer);
        };
        match self.records {
            0 => self.first_seconds = seconds,
            1 => self.check_variant(buffer, [seconds, fraction, captured, original])?,
            _ => {}
        }
        let (captured, original) = self.lengths(captured, original, summary);
        let length = captured as usize;
        if length > self.record_bytes_max {
            return Err(self.too_long(buffer, captured));
        }
        if !buffer.have(self.header_bytes + length)? {
            return Err(self.cut(buffer, self.header_bytes + length));
        }
        if captured > self.snaplen && self.snaplen != 0 {
            self.over_snaplen(captured, summary);
        }
        self.records += 1;
        let start = buffer.take(self.header_bytes + length) + self.header_bytes;
        let (timestamp, bad_timestamp) = self.time(seconds, fraction);
        Ok(Some(Found {
            timestamp,
            bad_timestamp,
            link_type: self.link_type,
            original_length: original,
            start,
            length,
        }))
    }

    /// Whether the next record is whole in the buffer.
    pub fn is_ready(&self, ready: &[u8]) -> bool {
        self.order.words::<4>(ready).is_some_and(|[_, _, captured, original]| {
            let length = if self.lengths_may_be_swapped { captured.min(original) } else { captured };
            ready.len() - RECORD_BYTES >= length as usize + (self.header_bytes - RECORD_BYTES)
        })
    }

    /// The instant, and whether the fraction is a second or more. The second is then kept and the fraction clamped.
    #[inline]
    fn time(&self, seconds: u32, fraction: u32) -> (UnixNanos, bool) {
        let bad = fraction >= self.fractions;
        let fraction = fraction.min(self.fractions - 1);
        // At most 2^32 seconds, which fit i64 nanoseconds.
        let nanos = i64::from(seconds) * 1_000_000_000 + i64::from(fraction) * i64::from(self.nanos_per_fraction);
        (UnixNanos(nanos), bad)
    }

    #[inline]
    fn lengths(&self, captured: u32, original: u32, summary: &mut FileSummary) -> (u32, u32) {
        if self.lengths_may_be_swapped && captured > original {
            summary.warn(Warning::OldLengths, || {
                "a version 2.3 file with the two lengths of a record exchanged, read the right way round".to_owned()
            });
            return (original, captured);
        }
        (captured, original)
    }

    /// Looks whether the second record is where it belongs, which tells dialects with longer headers.
    #[cold]
    fn check_variant(&self, buffer: &mut Buffer, second: [u32; 4]) -> Result<(), CaptureError> {
        if looks_usual(self.first_seconds, second) {
            return Ok(());
        }
        // At the end there may be less, which is looked at as well.
        buffer.have(TELLING_BYTES)?;
        match longer_headers(self.order, self.modified, self.first_seconds, buffer.ready()) {
            None => Ok(()),
            Some(name) => Err(CaptureError::Unsupported { what: format!("{name} is not read"), at: buffer.position() }),
        }
    }

    #[cold]
    fn over_snaplen(&self, captured: u32, summary: &mut FileSummary) {
        let (number, snaplen) = (self.records + 1, self.snaplen);
        summary.warn(Warning::OverSnaplen, || {
            format!("record {number} has {captured} bytes, more than the snap length of {snaplen} in the file header")
        });
    }

    #[cold]
    fn too_long(&self, buffer: &Buffer, captured: u32) -> CaptureError {
        let reason = format!("it claims {captured} bytes, the limit is {}", self.record_bytes_max);
        CaptureError::Damaged { unit: Unit::Record(self.records + 1), at: buffer.position(), reason }
    }

    #[cold]
    fn cut(&self, buffer: &Buffer, wanted: usize) -> CaptureError {
        let (unit, present) = (Unit::Record(self.records + 1), buffer.ready().len() as u64);
        CaptureError::Cut { unit, at: buffer.position(), present, wanted: wanted as u64 }
    }

    #[cold]
    fn end(&self, buffer: &Buffer) -> Result<Option<Found>, CaptureError> {
        if buffer.ready().is_empty() { Ok(None) } else { Err(self.cut(buffer, self.header_bytes)) }
    }
}

/// Only 2.4 is in use. In 2.3 the two lengths may be exchanged; before that the layout depends on who wrote it.
fn check_version(version: (u16, u16)) -> Result<(), String> {
    match version {
        (2, 3 | 4) => Ok(()),
        (2, 2) => Err("pcap version 2.2, as AIX writes it with its own link types and times, is not read".to_owned()),
        (543, 0) => Err("the DG/UX variant of pcap (version 543.0) is not read".to_owned()),
        (major, minor) => Err(format!("pcap version {major}.{minor} is not read, 2.4 was expected")),
    }
}

/// The link type in the low 26 bits of `field`; above are the length of the frame check sequence and its flag. The bits
/// in the middle are reserved, so that a number there makes a type that does not exist.
fn check_link(field: u32) -> Result<LinkType, String> {
    let link_type = LinkType(field & 0x03ff_ffff);
    if link_type.exists() { Ok(link_type) } else { Err(format!("link type {} does not exist", link_type.0)) }
}

fn header_warnings(summary: &mut FileSummary, zone: u32, link: u32) {
    if zone != 0 {
        let seconds = zone.cast_signed();
        summary
            .warn(Warning::TimeZone, || format!("the time zone offset of {seconds} s in the file header is ignored"));
    }
    if link & 0x0400_0000 != 0 && link >> 28 != 0 {
        let bytes = (link >> 28) * 2;
        summary.warn(Warning::CheckSequence, || format!("each frame ends with {bytes} bytes of check sequence"));
    }
}
