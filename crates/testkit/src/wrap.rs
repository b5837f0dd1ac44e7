//! `testkit wrap`: moves the sequence numbers of each connection so that they wrap soon after its start.
//!
//! Each side starts `k` bytes below 2^32, with a small `k` that differs per connection. Sequence numbers, acknowledgement
//! numbers and SACK blocks move together, checksums change by what changed in them (RFC 1624), so right ones stay right
//! and wrong ones stay wrong. Reads Ethernet (with VLAN tags) and raw IP; other packets are copied as they are, IP
//! fragments too. Memory: a few dozen bytes per 5-tuple. Source: RFC 9293, 2018.

use std::collections::HashMap;
use std::io::{self, Read, Write};

use crate::capture::Reader;
use crate::checksum;
use crate::link::link_type;
use crate::segment::flags;

/// Each side wraps at most this many bytes after its start.
const WRAPS_WITHIN_BYTES: u32 = 600;

/// What was done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Packets read.
    pub packets: u64,
    /// TCP segments moved.
    pub moved: u64,
    /// Sides of connections whose numbers have moved.
    pub sides: u64,
}

/// A direction: addresses as in the packet, and ports.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Key {
    source: Vec<u8>,
    destination: Vec<u8>,
    ports: [u8; 4],
}

impl Key {
    fn reverse(&self) -> Self {
        let [a, b, c, d] = self.ports;
        Self { source: self.destination.clone(), destination: self.source.clone(), ports: [c, d, a, b] }
    }
}

/// What is added to the sequence numbers of a direction.
#[derive(Clone, Copy)]
struct Shift {
    by: u32,
    /// The SYN it was made for, to tell a repeated SYN from a reused port.
    syn: Option<u32>,
}

/// Copies the pcap file `input` to `output` with wrapped numbers.
///
/// # Errors
/// `InvalidData` for what is no pcap file, and those of both ends.
pub fn wrap(input: impl Read, output: &mut impl Write) -> io::Result<Report> {
    let mut reader = Reader::new(input)?;
    output.write_all(&reader.header)?;
    let link = reader.link_type();
    let mut wrapper = Wrapper::default();
    while let Some(mut record) = reader.next_record()? {
        wrapper.packet(link, &mut record.bytes);
        reader.write(&record, output)?;
    }
    output.flush()?;
    Ok(wrapper.report)
}

/// Moves the numbers of packets, one after the other.
#[derive(Default)]
struct Wrapper {
    shifts: HashMap<Key, Shift>,
    report: Report,
}

impl Wrapper {
    /// Moves the numbers of one packet, where it has any.
    fn packet(&mut self, link: u32, bytes: &mut [u8]) {
        self.report.packets += 1;
        if let Some((key, tcp)) = locate(link, bytes)
            && let Some(segment) = bytes.get_mut(tcp..).filter(|segment| segment.len() >= 20)
        {
            self.segment(&key, segment);
            self.report.moved += 1;
        }
    }

    fn segment(&mut self, key: &Key, segment: &mut [u8]) {
        let sequence = word(segment, 4);
        let bits = segment[13];
        if bits & flags::SYN != 0 {
            self.syn(key, sequence, bits & flags::ACK == 0);
        }
        let own = self.shift(key, sequence, None);
        add(segment, 4, own);
        if bits & flags::ACK != 0 {
            let acknowledged = word(segment, 8);
            let other = self.shift(&key.reverse(), acknowledged, None);
            add(segment, 8, other);
            move_sack(segment, other);
        }
    }

    /// A SYN with a number that is new opens a new connection on the ports.
    fn syn(&mut self, key: &Key, sequence: u32, opens: bool) {
        let known = self.shifts.get(key).and_then(|shift| shift.syn);
        if known == Some(sequence) {
            return;
        }
        self.shifts.remove(key);
        if opens {
            self.shifts.remove(&key.reverse());
        }
        self.shift(key, sequence, Some(sequence));
    }

    /// What to add for the direction `key`, whose first number seen is `first`.
    fn shift(&mut self, key: &Key, first: u32, syn: Option<u32>) -> u32 {
        if let Some(shift) = self.shifts.get(key) {
            return shift.by;
        }
        self.report.sides += 1;
        // The first number goes in too: a reused port must not start at the number of its last connection.
        let below = 1 + (u32::from_be_bytes(key.ports) ^ first).wrapping_mul(0x9E37_79B1) % WRAPS_WITHIN_BYTES;
        let by = below.wrapping_neg().wrapping_sub(first);
        self.shifts.insert(key.clone(), Shift { by, syn });
        by
    }
}

/// The direction and the offset of the TCP header of an unfragmented packet.
fn locate(link: u32, bytes: &[u8]) -> Option<(Key, usize)> {
    let ip = match link {
        link_type::ETHERNET => {
            let mut at = 12;
            while matches!(bytes.get(at..at + 2)?, [0x81, 0] | [0x88, 0xA8]) {
                at += 4;
            }
            at + 2
        }
        link_type::RAW => 0,
        _ => return None,
    };
    let packet = bytes.get(ip..)?;
    let (source, header) = match packet.first()? >> 4 {
        4 if *packet.get(9)? == 6 && u16::from_be_bytes([*packet.get(6)?, *packet.get(7)?]) & 0x3FFF == 0 => {
            (12..16, usize::from(packet[0] & 15) * 4)
        }
        6 if *packet.get(6)? == 6 => (8..24, 40),
        _ => return None,
    };
    let destination = source.end..source.end + source.len();
    let ports = packet.get(header..header + 4)?.try_into().ok()?;
    let key = Key { source: packet.get(source)?.to_vec(), destination: packet.get(destination)?.to_vec(), ports };
    Some((key, ip + header))
}

fn word(segment: &[u8], at: usize) -> u32 {
    u32::from_be_bytes([segment[at], segment[at + 1], segment[at + 2], segment[at + 3]])
}

/// Adds `by` to the number at `at` and corrects the checksum.
fn add(segment: &mut [u8], at: usize, by: u32) {
    let moved = word(segment, at).wrapping_add(by).to_be_bytes();
    for (n, byte) in moved.into_iter().enumerate() {
        set(segment, at + n, byte);
    }
}

/// Sets one byte and corrects the checksum by the word it lies in.
fn set(segment: &mut [u8], at: usize, byte: u8) {
    let even = at & !1;
    let pair = |segment: &[u8]| u16::from_be_bytes([segment[even], segment.get(even + 1).copied().unwrap_or(0)]);
    let from = pair(segment);
    segment[at] = byte;
    let to = pair(segment);
    let sum = checksum::changed(u16::from_be_bytes([segment[16], segment[17]]), from, to);
    segment[16..18].copy_from_slice(&sum.to_be_bytes());
}

/// Moves the edges of SACK blocks (option 5).
fn move_sack(segment: &mut [u8], by: u32) {
    let end = (usize::from(segment[12] >> 4) * 4).min(segment.len());
    let mut at = 20;
    while at + 1 < end {
        let length = match segment[at] {
            0 => return,
            1 => 1,
            _ => usize::from(segment[at + 1]),
        };
        if length == 0 || at + length > end {
            return;
        }
        if segment[at] == 5 {
            (at + 2..at + length)
                .step_by(4)
                .filter(|edge| edge + 4 <= at + length)
                .for_each(|edge| add(segment, edge, by));
        }
        at += length;
    }
}

#[cfg(test)]
mod tests {
    use super::{Report, wrap};
    use crate::capture::{Reader, pcap};
    use crate::checksum;
    use crate::conversation::{Conversation, Side};
    use crate::link::link_type;

    fn wrapped(talk: &Conversation) -> (Report, Vec<Vec<u8>>) {
        let mut out = Vec::new();
        let report = wrap(&pcap(link_type::ETHERNET, talk.packets())[..], &mut out).unwrap();
        let mut reader = Reader::new(&out[..]).unwrap();
        let mut frames = Vec::new();
        while let Some(record) = reader.next_record().unwrap() {
            frames.push(record.bytes);
        }
        (report, frames)
    }

    fn number(frame: &[u8], at: usize) -> u32 {
        u32::from_be_bytes(frame[at..at + 4].try_into().unwrap())
    }

    #[test]
    fn numbers_wrap_and_checksums_stay_right() {
        let mut talk = Conversation::new("10.0.0.7:5000", "10.0.0.9:80");
        talk.handshake().client(&[b'x'; 700]).server(&[b'y'; 1400]).ack(Side::Client).close();
        let (report, frames) = wrapped(&talk);
        assert_eq!(report, Report { packets: 10, moved: 10, sides: 2 });
        let sum = |f: &[u8]| {
            let (a, b) = ("10.0.0.7".parse().unwrap(), "10.0.0.9".parse().unwrap());
            checksum::fold(checksum::sum(&f[34..], checksum::pseudo_header(a, b, 6, f.len() - 34)))
        };
        assert!(frames.iter().all(|frame| sum(frame) == 0));
        let first = number(&frames[0], 38);
        assert!(first > u32::MAX - 601, "{first}");
        assert_eq!(number(&frames[5], 38), first.wrapping_add(701), "wrapped");
        assert_eq!(number(&frames[4], 42), first.wrapping_add(701), "the acknowledgement moves with it");
    }

    #[test]
    fn sack_blocks_move_with_the_other_side() {
        let mut talk = Conversation::new("10.0.0.7:5000", "10.0.0.9:80");
        talk.handshake();
        let next = talk.next(Side::Server);
        let mut option = vec![1, 1, 5, 10];
        option.extend_from_slice(&(next + 100).to_be_bytes());
        option.extend_from_slice(&(next + 200).to_be_bytes());
        let segment = talk.draft(Side::Client).option(&option);
        talk.segment(Side::Client, &segment);
        let (_, frames) = wrapped(&talk);
        let acknowledged = number(&frames[3], 42);
        assert_eq!(number(&frames[3], 58), acknowledged.wrapping_add(100));
        assert_eq!(number(&frames[3], 62), acknowledged.wrapping_add(200));
    }

    #[test]
    fn a_reused_port_starts_anew_and_a_repeated_syn_does_not() {
        let mut talk = Conversation::new("10.0.0.7:5000", "10.0.0.9:80");
        talk.handshake().close();
        let mut again = talk.clone();
        again.sequences(900_000, 70).handshake();
        let (report, frames) = wrapped(&again);
        assert_eq!(report.sides, 4);
        assert_ne!(number(&frames[0], 38), number(&frames[7], 38));
        let mut repeated = Conversation::new("10.0.0.7:5000", "10.0.0.9:80");
        repeated.handshake().sequences(1000, 5000).handshake();
        assert_eq!(wrapped(&repeated).0.sides, 2);
    }
}
