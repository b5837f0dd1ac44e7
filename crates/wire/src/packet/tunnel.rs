//! What carries packets inside packets: IP-in-IP, 6in4, GRE, ERSPAN, VXLAN, Geneve, GTP-U.
//!
//! Sources: RFC 2003, RFC 4213, RFC 2784, 2890 and 2637 (GRE), draft-foschiano-erspan (ERSPAN), RFC 7348 and its generic protocol extension (VXLAN),
//! RFC 8926 (Geneve), 3GPP TS 29.281 (GTP-U).

use arachne_model::DropReason;

use super::{Layer, ip};
use crate::bytes::{be16, be32, u8_at};
use crate::checksum::{fold, sum};

const CUT: DropReason = DropReason::MalformedIp;

/// The layer inside `protocol`, or why there is none.
pub fn enter<'a>(
    protocol: u8,
    _header: &ip::Header,
    data: &'a [u8],
    network: &mut u32,
) -> Result<Layer<'a>, DropReason> {
    match protocol {
        4 | 41 => Ok(Layer::Ip(data)),
        47 => gre(data),
        137 => Ok(Layer::Mpls(data)),
        17 => udp(data, network),
        1 | 58 => Err(DropReason::Icmp),
        50 => Err(DropReason::Encrypted),
        // Authentication header: next header, length in words of 4 less 2. Extension headers of IPv6 may stand behind
        // the fragment header too, with a length in words of 8 less 1.
        0 | 43 | 51 | 60 | 135 | 139 | 140 => {
            let words = usize::from(u8_at(data, 1).ok_or(CUT)?);
            let length = if protocol == 51 { (words + 2) * 4 } else { (words + 1) * 8 };
            let rest = data.get(length..).ok_or(CUT)?;
            let mut inner = *_header;
            inner.protocol = data[0];
            inner.payload_length = inner.payload_length.checked_sub(length).ok_or(CUT)?;
            Ok(Layer::Transport(data[0], inner, rest))
        }
        _ => Err(DropReason::OtherTransport),
    }
}

fn gre(data: &[u8]) -> Result<Layer<'_>, DropReason> {
    let flags = be16(data, 0).ok_or(CUT)?;
    let kind = be16(data, 2).ok_or(CUT)?;
    let (checksum, key, sequence, ack) =
        (flags & 0xc000 != 0, flags & 0x2000 != 0, flags & 0x1000 != 0, flags & 0x0080 != 0);
    // Version 1 (PPTP) has an acknowledgement number.
    let words = usize::from(checksum) + usize::from(key) + usize::from(sequence) + usize::from(ack && flags & 7 == 1);
    let rest = data.get(4 + 4 * words..).ok_or(CUT)?;
    match kind {
        // ERSPAN type I has no header of its own and no GRE sequence number; type II has 8 bytes.
        0x88be if sequence => Ok(Layer::Ethernet(rest.get(8..).ok_or(CUT)?)),
        0x88be => Ok(Layer::Ethernet(rest)),
        // ERSPAN type III: 12 bytes, 8 more when the low bit says that a platform header follows.
        0x22eb => {
            let platform = u8_at(rest, 11).ok_or(CUT)? & 1 != 0;
            Ok(Layer::Ethernet(rest.get(if platform { 20 } else { 12 }..).ok_or(CUT)?))
        }
        kind => Ok(Layer::EtherType(kind, rest)),
    }
}

fn udp<'a>(data: &'a [u8], network: &mut u32) -> Result<Layer<'a>, DropReason> {
    let (source, target) = (be16(data, 0).ok_or(CUT)?, be16(data, 2).ok_or(CUT)?);
    let body = data.get(8..).ok_or(CUT)?;
    let inner = match (target, source) {
        (4789 | 4790 | 8472, _) => vxlan(body, network),
        (6081, _) => geneve(body, network),
        // GTP is met on other ports than 2152 too; its header with a valid IP packet inside is unmistakable.
        _ => gtp(body),
    };
    inner.ok_or(DropReason::Udp)
}

fn vxlan<'a>(body: &'a [u8], network: &mut u32) -> Option<Layer<'a>> {
    let (flags, id) = (u8_at(body, 0)?, be32(body, 4)? >> 8);
    if flags & 0x08 == 0 {
        return None;
    }
    *network = id;
    // Generic protocol extension: the P flag and the number of what follows.
    match (flags & 0x04 != 0, body[3]) {
        (true, 1 | 2) => Some(Layer::Ip(&body[8..])),
        _ => Some(Layer::Ethernet(&body[8..])),
    }
}

fn geneve<'a>(body: &'a [u8], network: &mut u32) -> Option<Layer<'a>> {
    let first = u8_at(body, 0)?;
    if first >> 6 != 0 {
        return None;
    }
    let (kind, id) = (be16(body, 2)?, be32(body, 4)? >> 8);
    let rest = body.get(8 + usize::from(first & 0x3f) * 4..)?;
    *network = id;
    Some(Layer::EtherType(kind, rest))
}

/// GTPv1-U G-PDU whose length fits and whose inside is an IP packet with a right header.
fn gtp(body: &[u8]) -> Option<Layer<'_>> {
    let (first, kind, length) = (u8_at(body, 0)?, u8_at(body, 1)?, usize::from(be16(body, 2)?));
    if first & 0xf0 != 0x30 || kind != 0xff || length + 8 > body.len() {
        return None;
    }
    let mut at = 8;
    if first & 0x07 != 0 {
        let mut next = u8_at(body, 11)?;
        at = 12;
        // Extension headers: length in words of 4, ends with the number of the next.
        while next != 0 {
            let words = usize::from(u8_at(body, at)?);
            if words == 0 {
                return None;
            }
            at += words * 4;
            next = u8_at(body, at - 1)?;
        }
    }
    let inner = body.get(at..length + 8)?;
    let plausible = match u8_at(inner, 0)? >> 4 {
        4 => {
            let header = inner.get(..usize::from(inner[0] & 15) * 4)?;
            header.len() >= 20 && fold(sum(header)) == 0xffff
        }
        6 => usize::from(be16(inner, 4)?) + 40 == inner.len(),
        _ => false,
    };
    plausible.then_some(Layer::Ip(inner))
}
