//! A block of the ring, read packet by packet. The kernel's numbers are checked like anybody's.
//!
//! Packets come without their link header. In its place each gets the header of Linux cooked captures (v2), which says
//! interface, direction and protocol; a VLAN tag that the kernel or the card took off stands behind it again. Both are
//! written into the room that the kernel leaves before a packet. Source: include/uapi/linux/if_packet.h,
//! LINKTYPE_LINUX_SLL2.

use arachne_model::{LinkType, UnixNanos};

use super::filter::PacketView;
use super::ring::Held;
use crate::packet::Packet;

/// Bytes of `tpacket3_hdr`, behind which the address (`sockaddr_ll`) stands.
const HEADER: usize = 48;

/// Where header and address end.
const HEADER_END: usize = HEADER + 20;

/// Bytes of the header of cooked captures.
const COOKED: usize = 20;

/// Bytes of a VLAN tag.
const TAG: usize = 4;

/// EtherType of a customer's VLAN tag.
const VLAN: u16 = 0x8100;

/// EtherType of a provider's VLAN tag.
const PROVIDER: u16 = 0x88a8;

/// A block of packets. Given back to the kernel when it is dropped, and with it what was not read: whoever stops early
/// counts the rest as dropped.
pub struct Block<'r> {
    held: Held<'r>,
    /// Packets that were not read.
    left: u32,
    /// Where the next one is.
    at: usize,
}

/// A captured packet. Its bytes are borrowed from the block until the next one is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LivePacket<'a> {
    /// The packet as readers of files hand it out, as a cooked frame.
    pub packet: Packet<'a>,
    /// Index of its interface.
    pub interface: u32,
    /// Bytes on the wire, an Ethernet header and a VLAN tag included where there were some.
    pub wire_bytes: u32,
    facts: Facts,
    /// Where the network header is in the frame.
    head: usize,
}

/// What the kernel says of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Facts {
    length: u32,
    protocol: u16,
    hardware: u16,
    kind: u8,
    /// Protocol and control word of a tag that was taken off.
    tag: Option<(u16, u16)>,
}

impl<'a> LivePacket<'a> {
    /// What a filter sees of it.
    #[must_use]
    pub fn view(&self) -> PacketView<'a> {
        PacketView {
            network: self.packet.data.get(self.head..).unwrap_or_default(),
            length: self.facts.length,
            protocol: self.facts.protocol,
            interface: self.interface,
            hardware: self.facts.hardware,
            kind: self.facts.kind,
            vlan: self.facts.tag.map(|(_, control)| control),
        }
    }

    /// Whether this host sent it.
    #[must_use]
    pub const fn is_outgoing(&self) -> bool {
        self.facts.kind == libc::PACKET_OUTGOING
    }
}

impl<'r> Block<'r> {
    pub(super) fn new(held: Held<'r>) -> Self {
        let (left, at) = held.counts();
        Self { held, left, at }
    }

    /// The next packet, or `None` at the end of the block.
    #[inline]
    pub fn next_packet(&mut self) -> Option<LivePacket<'_>> {
        self.left = self.left.checked_sub(1)?;
        let record = self.held.bytes.get_mut(self.at..)?;
        let next = number(record, 0)? as usize;
        // The last one leads nowhere; so does one that says it is.
        self.left = if next < HEADER { 0 } else { self.left };
        self.at = self.at.saturating_add(next);
        read(record)
    }
}

#[inline]
fn number(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|b| u32::from_ne_bytes(*b))
}

#[inline]
fn short(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().map(|b| u16::from_ne_bytes(*b))
}

/// The packet at the start of `record`.
fn read(record: &mut [u8]) -> Option<LivePacket<'_>> {
    let (seconds, nanoseconds) = (number(record, 4)?, number(record, 8)?);
    let (captured, length, status) = (number(record, 12)?, number(record, 16)?, number(record, 20)?);
    let (network, control) = (usize::from(short(record, 26)?), number(record, 32)?);
    let address = record.get(HEADER..HEADER_END)?;
    let interface = number(address, 4)?;
    let outgoing = address[10] == libc::PACKET_OUTGOING;
    let mut facts = Facts {
        length,
        protocol: u16::from_be_bytes([address[2], address[3]]),
        hardware: short(address, 8)?,
        kind: address[10],
        tag: (status & libc::TP_STATUS_VLAN_VALID != 0).then(|| tag(status, record, control)),
    };
    let end = network.checked_add(captured as usize)?;
    let bytes = record.get(network..end)?;
    if outgoing && matches!(facts.protocol, VLAN | PROVIDER) {
        facts.protocol = inner_protocol(facts.protocol, bytes);
    } else if begins_with_tag(facts.protocol, length, bytes) {
        facts.protocol = VLAN;
    }
    let head = COOKED + if facts.tag.is_some() { TAG } else { 0 };
    let start = network.checked_sub(head).filter(|start| *start >= HEADER_END)?;
    let mut address_bytes = [0; 9];
    address_bytes.copy_from_slice(record.get(HEADER + 11..HEADER_END)?);
    write_head(record.get_mut(start..network)?, interface, facts, &address_bytes);
    let packet = Packet {
        timestamp: UnixNanos(i64::from(seconds) * 1_000_000_000 + i64::from(nanoseconds)),
        bad_timestamp: false,
        link_type: LinkType::LINUX_SLL2,
        original_length: length.saturating_add(u32::try_from(head).unwrap_or(0)),
        data: record.get(start..end)?,
    };
    Some(LivePacket { packet, interface, wire_bytes: wire_bytes(facts), facts, head })
}

fn tag(status: u32, record: &[u8], control: u32) -> (u16, u16) {
    let told = status & libc::TP_STATUS_VLAN_TPID_VALID != 0;
    let protocol = if told { short(record, 36).unwrap_or(VLAN) } else { VLAN };
    #[expect(clippy::cast_possible_truncation, reason = "a control word has 16 bits, the kernel gives it room for 32")]
    let control = control as u16;
    (protocol, control)
}

/// Kernels before 6.11 say of a packet that leaves with its tag in the frame that it is a tag, and skip it.
fn inner_protocol(protocol: u16, network: &[u8]) -> u16 {
    match network.first().map(|first| first >> 4) {
        Some(4) => 0x0800,
        Some(6) => 0x86dd,
        _ => protocol,
    }
}

/// Kernels from 6.11 name what is behind all tags, though a second tag still stands in the frame. Where its control word
/// looks like the start of an IP header as well, the length in that header is wrong.
fn begins_with_tag(protocol: u16, length: u32, network: &[u8]) -> bool {
    let [first, _, kind @ .., inner, more] = network.get(..6).unwrap_or_default() else { return false };
    let (version, told) = match protocol {
        0x0800 => (4, 0x0800),
        0x86dd => (6, 40 + u32::from(u16::from_be_bytes([*inner, *more]))),
        _ => return false,
    };
    *kind == protocol.to_be_bytes() && inner >> 4 == version && (first >> 4 != version || told != length)
}

fn wire_bytes(facts: Facts) -> u32 {
    let link = if matches!(facts.hardware, libc::ARPHRD_ETHER | libc::ARPHRD_LOOPBACK) { 14 } else { 0 };
    facts.length.saturating_add(link + if facts.tag.is_some() { 4 } else { 0 })
}

/// Writes the cooked header, and a tag behind it. `address` is the length of the sender's address and its bytes.
fn write_head(head: &mut [u8], interface: u32, facts: Facts, address: &[u8; 9]) {
    let outer = facts.tag.map_or(facts.protocol, |(protocol, _)| protocol);
    let mut cooked = [0; COOKED];
    cooked[..2].copy_from_slice(&outer.to_be_bytes());
    cooked[4..8].copy_from_slice(&interface.to_be_bytes());
    cooked[8..10].copy_from_slice(&facts.hardware.to_be_bytes());
    cooked[10] = facts.kind;
    cooked[11..].copy_from_slice(address);
    let (place, rest) = head.split_at_mut(COOKED.min(head.len()));
    place.copy_from_slice(&cooked[..place.len()]);
    if let (Some((_, control)), [high, low, kind @ ..]) = (facts.tag, rest) {
        [*high, *low] = control.to_be_bytes();
        kind.copy_from_slice(&facts.protocol.to_be_bytes()[..kind.len()]);
    }
}

#[cfg(test)]
mod tests {
    use super::begins_with_tag;

    #[test]
    fn a_tag_is_told_from_an_ip_header() {
        let cases: [(u16, u32, &[u8], bool); 9] = [
            (0x0800, 44, &[0, 7, 8, 0, 0x45, 0], true),
            (0x0800, 44, &[0x40, 7, 8, 0, 0x45, 0], true),
            (0x0800, 2048, &[0x45, 0, 8, 0, 0x45, 0], false),
            (0x0800, 40, &[0x45, 0, 0, 40, 0x45, 0], false),
            (0x86dd, 64, &[0x60, 7, 0x86, 0xdd, 0x60, 0], true),
            (0x86dd, 0x6000 + 40, &[0x60, 7, 0x86, 0xdd, 0x60, 0], false),
            (0x86dd, 64, &[0x60, 0, 0, 0, 0, 24], false),
            (0x0806, 28, &[0, 1, 8, 0, 6, 4], false),
            (0x0800, 3, &[0, 7, 8], false),
        ];
        for (protocol, length, network, expected) in cases {
            assert_eq!(begins_with_tag(protocol, length, network), expected, "{network:?}");
        }
    }
}
