//! Capture files: pcap and pcapng writers, and a small strict reader for our own tools.
//!
//! The reader is no model for the product's: it refuses what it does not know. Source: draft-ietf-opsawg-pcap,
//! draft-ietf-opsawg-pcapng.

use std::io::{self, Read, Write};

use crate::conversation::Packet;

/// Longest record that [`Reader`] accepts.
const RECORD_BYTES_MAX: u32 = 1 << 18;

fn refused(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.to_owned())
}

fn length(bytes: &[u8]) -> io::Result<u32> {
    u32::try_from(bytes.len()).map_err(|_| refused("a packet over 4 GiB"))
}

/// Writes a pcap file with nanoseconds, little-endian.
#[derive(Debug)]
pub struct PcapWriter<W: Write> {
    out: W,
}

impl<W: Write> PcapWriter<W> {
    /// Writes the file header for `link_type`.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn new(mut out: W, link_type: u32) -> io::Result<Self> {
        let words = [0xA1B2_3C4D, 0x0004_0002, 0, 0, RECORD_BYTES_MAX, link_type];
        for word in words {
            out.write_all(&word.to_le_bytes())?;
        }
        Ok(Self { out })
    }

    /// Writes a packet captured `at` nanoseconds since the Unix epoch, which must lie in 1970 to 2106.
    ///
    /// # Errors
    /// Those of `out`, and `InvalidData` for a time that the format cannot hold.
    pub fn packet(&mut self, at: i64, bytes: &[u8]) -> io::Result<()> {
        self.packet_cut(at, bytes, length(bytes)?)
    }

    /// Writes a packet of which only `bytes` were captured out of `original`.
    ///
    /// # Errors
    /// As [`Self::packet`].
    pub fn packet_cut(&mut self, at: i64, bytes: &[u8], original: u32) -> io::Result<()> {
        let outside = |_| refused("a time outside 1970 to 2106");
        let seconds = u32::try_from(at.div_euclid(1_000_000_000)).map_err(outside)?;
        let nanos = u32::try_from(at.rem_euclid(1_000_000_000)).map_err(outside)?;
        let mut header = [0; 16];
        for (slot, word) in header.chunks_exact_mut(4).zip([seconds, nanos, length(bytes)?, original]) {
            slot.copy_from_slice(&word.to_le_bytes());
        }
        self.out.write_all(&header)?;
        self.out.write_all(bytes)
    }

    /// Writes out what is buffered and gives the writer back.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn finish(mut self) -> io::Result<W> {
        self.out.flush()?;
        Ok(self.out)
    }
}

/// A pcap file of these packets.
#[must_use]
pub fn pcap(link_type: u32, packets: &[Packet]) -> Vec<u8> {
    let mut writer = PcapWriter::new(Vec::new(), link_type).expect("writing to memory cannot fail");
    for packet in packets {
        writer.packet(packet.at, &packet.bytes).expect("the test gives times and sizes that pcap holds");
    }
    writer.finish().expect("writing to memory cannot fail")
}

/// One pcapng block of `kind` around `body`, padded, little-endian.
#[must_use]
pub fn block(kind: u32, body: &[u8]) -> Vec<u8> {
    let mut out = kind.to_le_bytes().to_vec();
    let padded = body.len().next_multiple_of(4);
    let total = u32::try_from(padded + 12).expect("the test gives a block below 4 GiB").to_le_bytes();
    out.extend_from_slice(&total);
    out.extend_from_slice(body);
    out.resize(8 + padded, 0);
    out.extend_from_slice(&total);
    out
}

/// A pcapng section header, little-endian, of unknown length.
#[must_use]
pub fn section() -> Vec<u8> {
    let mut body = 0x1A2B_3C4D_u32.to_le_bytes().to_vec();
    body.extend_from_slice(&[1, 0, 0, 0]);
    body.extend_from_slice(&[0xFF; 8]);
    block(0x0A0D_0D0A, &body)
}

/// A pcapng interface with nanoseconds.
#[must_use]
pub fn interface(link_type: u16) -> Vec<u8> {
    let mut body = u32::from(link_type).to_le_bytes().to_vec();
    body.extend_from_slice(&[0, 0, 4, 0]);
    body.extend_from_slice(&[9, 0, 1, 0, 9, 0, 0, 0, 0, 0, 0, 0]);
    block(1, &body)
}

/// A pcapng enhanced packet of `interface`, in nanoseconds.
#[must_use]
pub fn enhanced(interface: u32, packet: &Packet) -> Vec<u8> {
    let length = length(&packet.bytes).expect("the test gives a packet below 4 GiB").to_le_bytes();
    let at = packet.at.cast_unsigned().to_le_bytes();
    let mut body = interface.to_le_bytes().to_vec();
    body.extend_from_slice(&at[4..]);
    body.extend_from_slice(&at[..4]);
    body.extend_from_slice(&length);
    body.extend_from_slice(&length);
    body.extend_from_slice(&packet.bytes);
    block(6, &body)
}

/// A pcapng file of these packets on one interface.
#[must_use]
pub fn pcapng(link_type: u16, packets: &[Packet]) -> Vec<u8> {
    let mut out = section();
    out.extend(interface(link_type));
    packets.iter().for_each(|packet| out.extend(enhanced(0, packet)));
    out
}

/// A record of a pcap file as it stands there: its time in the unit of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Seconds since the Unix epoch.
    pub seconds: u32,
    /// Microseconds or nanoseconds, as the file says.
    pub fraction: u32,
    /// Length on the wire.
    pub original: u32,
    /// What was captured.
    pub bytes: Vec<u8>,
}

/// Reads a pcap file (not pcapng) record by record, and writes records back in the same dress.
#[derive(Debug)]
pub struct Reader<R: Read> {
    input: R,
    /// The file header as read.
    pub header: [u8; 24],
    big_endian: bool,
}

impl<R: Read> Reader<R> {
    /// Reads the file header.
    ///
    /// # Errors
    /// `InvalidData` when it is no pcap file, and those of `input`.
    pub fn new(mut input: R) -> io::Result<Self> {
        let mut header = [0; 24];
        input.read_exact(&mut header)?;
        let big_endian = match header[..4] {
            [0xA1, 0xB2, 0xC3, 0xD4] | [0xA1, 0xB2, 0x3C, 0x4D] => true,
            [0xD4, 0xC3, 0xB2, 0xA1] | [0x4D, 0x3C, 0xB2, 0xA1] => false,
            _ => return Err(refused("no pcap file (pcapng is not read here: convert it with editcap -F pcap)")),
        };
        Ok(Self { input, header, big_endian })
    }

    /// The link type of the file.
    #[must_use]
    pub const fn link_type(&self) -> u32 {
        let h = &self.header;
        self.word([h[20], h[21], h[22], h[23]]) & 0xFFFF
    }

    const fn word(&self, bytes: [u8; 4]) -> u32 {
        if self.big_endian { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) }
    }

    /// The next record; `None` at the end.
    ///
    /// # Errors
    /// `UnexpectedEof` when the file ends inside a record, `InvalidData` when a record is longer than 256 KiB.
    pub fn next_record(&mut self) -> io::Result<Option<Record>> {
        let mut first = [0; 1];
        if self.input.read(&mut first)? == 0 {
            return Ok(None);
        }
        let mut rest = [0; 15];
        self.input.read_exact(&mut rest)?;
        let header = [&first[..], &rest[..]].concat();
        let words: Vec<u32> = header.as_chunks::<4>().0.iter().map(|bytes| self.word(*bytes)).collect();
        if words[2] > RECORD_BYTES_MAX {
            return Err(refused("a record over 256 KiB"));
        }
        let mut bytes = vec![0; words[2] as usize];
        self.input.read_exact(&mut bytes)?;
        Ok(Some(Record { seconds: words[0], fraction: words[1], original: words[3], bytes }))
    }

    /// The bytes of `record` in this file's byte order.
    ///
    /// # Errors
    /// `InvalidData` for a record over 4 GiB.
    pub fn write(&self, record: &Record, out: &mut impl Write) -> io::Result<()> {
        for word in [record.seconds, record.fraction, length(&record.bytes)?, record.original] {
            out.write_all(&if self.big_endian { word.to_be_bytes() } else { word.to_le_bytes() })?;
        }
        out.write_all(&record.bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::{Reader, pcap, pcapng};
    use crate::conversation::Packet;

    #[test]
    fn what_is_written_is_read() {
        let packets = [Packet { at: 1_500_000_000_123_456_789, bytes: vec![1, 2, 3] }, Packet { at: 5, bytes: vec![] }];
        let file = pcap(1, &packets);
        let mut reader = Reader::new(&file[..]).unwrap();
        assert_eq!(reader.link_type(), 1);
        let mut copy = reader.header.to_vec();
        let first = reader.next_record().unwrap().unwrap();
        assert_eq!((first.seconds, first.fraction, &first.bytes[..]), (1_500_000_000, 123_456_789, &[1, 2, 3][..]));
        reader.write(&first, &mut copy).unwrap();
        let second = reader.next_record().unwrap().unwrap();
        reader.write(&second, &mut copy).unwrap();
        assert_eq!(reader.next_record().unwrap(), None);
        assert_eq!(copy, file);
    }

    #[test]
    fn damage_is_an_error() {
        let file = pcap(1, &[Packet { at: 5, bytes: vec![1, 2, 3] }]);
        assert!(Reader::new(&file[..20]).is_err());
        assert!(Reader::new(&[0; 24][..]).is_err());
        let mut reader = Reader::new(&file[..file.len() - 1]).unwrap();
        assert!(reader.next_record().is_err());
    }

    #[test]
    fn pcapng_blocks_have_their_length_at_both_ends() {
        let file = pcapng(1, &[Packet { at: 1 << 40, bytes: vec![7; 5] }]);
        let mut rest = &file[..];
        let mut kinds = Vec::new();
        while !rest.is_empty() {
            let length = u32::from_le_bytes(rest[4..8].try_into().unwrap()) as usize;
            assert_eq!(rest[length - 4..length], rest[4..8]);
            kinds.push(u32::from_le_bytes(rest[..4].try_into().unwrap()));
            rest = &rest[length..];
        }
        assert_eq!(kinds, [0x0A0D_0D0A, 1, 6]);
    }
}
