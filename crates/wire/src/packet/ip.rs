//! IPv4 and IPv6 headers with options, extension headers and fragments.
//!
//! Sources: RFC 791, RFC 8200.

use arachne_model::DropReason;

use super::address;
use super::fragments::{Fragment, FragmentKey};
use crate::bytes::{be16, be32, u8_at};
use crate::checksum::{fold, sum};
use crate::flow::Address;

/// IP protocol number of TCP.
pub const TCP: u8 = 6;

const CUT: DropReason = DropReason::MalformedIp;

/// What later layers need of an IP header.
#[derive(Clone, Copy, Debug)]
pub struct Header {
    /// Sender.
    pub source: Address,
    /// Receiver.
    pub target: Address,
    /// Time to live or hop limit.
    pub ttl: u8,
    /// IPv4 identification, else 0.
    pub id: u16,
    /// What the payload is.
    pub protocol: u8,
    /// The header checksum is wrong (and was filled in), or the frame is shorter than the header says though nothing cut
    /// it: receivers throw such packets away, unless it was the capture that lost the end.
    pub bad_checksum: bool,
    /// Sum of both addresses as they stand in the pseudo-header.
    pub address_sum: u64,
    /// Payload bytes on the wire; more than there are when the packet is cut.
    pub payload_length: usize,
}

/// A packet or a piece of one.
pub enum Packet<'a> {
    /// A datagram with its payload, without padding of the link.
    Whole(Header, &'a [u8]),
    /// A fragment.
    Fragment(Fragment<'a>),
}

/// Reads an IP packet by its first nibble. `may_be_cut`: the capture may hold less than the header says; else that is a
/// fault of the packet.
#[inline]
pub fn packet(data: &[u8], may_be_cut: bool) -> Result<Packet<'_>, DropReason> {
    match u8_at(data, 0).ok_or(CUT)? >> 4 {
        4 => v4(data, may_be_cut),
        6 => v6(data, may_be_cut),
        _ => Err(CUT),
    }
}

/// Reads an IPv4 packet; see [`packet`].
#[inline(always)]
pub fn v4(data: &[u8], may_be_cut: bool) -> Result<Packet<'_>, DropReason> {
    let fixed: &[u8; 20] = data.first_chunk().ok_or(CUT)?;
    let header_length = usize::from(fixed[0] & 15) * 4;
    let claimed = usize::from(u16::from_be_bytes([fixed[2], fixed[3]]));
    // Segmentation offload writes 0: to the end of the frame.
    let total = if claimed == 0 { data.len() } else { claimed };
    // The link promised version 4 (RFC 791).
    if fixed[0] >> 4 != 4 || header_length < 20 || header_length > data.len() || total < header_length {
        return Err(CUT);
    }
    let checksum_field = u16::from_be_bytes([fixed[10], fixed[11]]);
    let header = Header {
        source: Address::v4([fixed[12], fixed[13], fixed[14], fixed[15]]),
        target: Address::v4([fixed[16], fixed[17], fixed[18], fixed[19]]),
        ttl: fixed[8],
        id: u16::from_be_bytes([fixed[4], fixed[5]]),
        protocol: fixed[9],
        bad_checksum: checksum_field != 0 && fold(sum(&data[..header_length])) != 0xffff
            || total > data.len() && !may_be_cut,
        address_sum: sum(&fixed[12..20]),
        payload_length: total - header_length,
    };
    let payload = &data[header_length..total.min(data.len())];
    let place = u16::from_be_bytes([fixed[6], fixed[7]]);
    let (more, offset) = (place & 0x2000 != 0, usize::from(place & 0x1fff) * 8);
    if !more && offset == 0 {
        return Ok(Packet::Whole(header, payload));
    }
    let key = FragmentKey {
        source: header.source,
        target: header.target,
        id: u32::from(header.id),
        protocol: header.protocol,
    };
    Ok(Packet::Fragment(Fragment { key, header, offset, more, payload, cut: total > data.len() }))
}

fn v6(data: &[u8], may_be_cut: bool) -> Result<Packet<'_>, DropReason> {
    let fixed: &[u8; 40] = data.first_chunk().ok_or(CUT)?;
    let claimed = usize::from(u16::from_be_bytes([fixed[4], fixed[5]]));
    let total = if claimed == 0 { data.len() } else { 40 + claimed };
    let mut header = Header {
        source: address::<16>(&fixed[8..]).ok_or(CUT)?,
        target: address::<16>(&fixed[24..]).ok_or(CUT)?,
        ttl: fixed[7],
        id: 0,
        protocol: fixed[6],
        bad_checksum: total > data.len() && !may_be_cut,
        address_sum: sum(&fixed[8..40]),
        payload_length: total - 40,
    };
    let mut payload = &data[40..total.min(data.len())];
    // Bounded: every turn takes at least 8 bytes of a packet.
    loop {
        let length = match header.protocol {
            // Hop-by-hop, routing, destination options, mobility, HIP, shim6.
            0 | 43 | 60 | 135 | 139 | 140 => (usize::from(u8_at(payload, 1).ok_or(CUT)?) + 1) * 8,
            // Authentication header (RFC 4302): length in words of 4, less 2.
            51 => (usize::from(u8_at(payload, 1).ok_or(CUT)?) + 2) * 4,
            44 => return v6_fragment(header, payload, total > data.len()),
            59 => return Err(DropReason::OtherTransport),
            _ => return Ok(Packet::Whole(header, payload)),
        };
        header.protocol = payload[0];
        header.payload_length = header.payload_length.checked_sub(length).ok_or(CUT)?;
        payload = payload.get(length..).ok_or(CUT)?;
    }
}

fn v6_fragment(mut header: Header, payload: &[u8], cut: bool) -> Result<Packet<'_>, DropReason> {
    let next = u8_at(payload, 0).ok_or(CUT)?;
    let place = be16(payload, 2).ok_or(CUT)?;
    let id = be32(payload, 4).ok_or(CUT)?;
    let body = &payload[8..];
    header.protocol = next;
    header.payload_length = header.payload_length.checked_sub(8).ok_or(CUT)?;
    let (more, offset) = (place & 1 != 0, usize::from(place & 0xfff8));
    // An atomic fragment (RFC 6946) is a whole datagram.
    if !more && offset == 0 {
        return Ok(Packet::Whole(header, body));
    }
    let key = FragmentKey { source: header.source, target: header.target, id, protocol: 44 };
    Ok(Packet::Fragment(Fragment { key, header, offset, more, payload: body, cut }))
}
