//! Link headers: Ethernet with tags, PPPoE, MPLS, cooked captures, raw IP, PPP, C-HDLC, NFLOG, loopback.
//!
//! Sources: IEEE 802.3 and 802.1Q, RFC 2516 (PPPoE), RFC 3032 (MPLS), RFC 1661 and 1662 (PPP), the link-layer header
//! pages of The Tcpdump Group.

use arachne_model::{DropReason, LinkType};

use super::Layer;
use crate::bytes::{be16, be32, u8_at};

const CUT: DropReason = DropReason::MalformedLink;

/// The first layer of a frame.
#[inline]
pub fn start(link_type: LinkType, data: &[u8]) -> Result<Layer<'_>, DropReason> {
    match link_type {
        LinkType::ETHERNET => Ok(Layer::Ethernet(data)),
        LinkType::RAW | LinkType::RAW_BSD | LinkType::RAW_OPENBSD | LinkType::IPV4 | LinkType::IPV6 => {
            Ok(Layer::Ip(data))
        }
        LinkType::NULL | LinkType::LOOP => loopback(data),
        LinkType::LINUX_SLL => Ok(Layer::EtherType(be16(data, 14).ok_or(CUT)?, data.get(16..).ok_or(CUT)?)),
        LinkType::LINUX_SLL2 => Ok(Layer::EtherType(be16(data, 0).ok_or(CUT)?, data.get(20..).ok_or(CUT)?)),
        LinkType::PPP | LinkType::PPP_HDLC => framed_ppp(data),
        LinkType::PPP_ETHER => Ok(Layer::EtherType(PPPOE_SESSION, data)),
        LinkType::C_HDLC => Ok(Layer::EtherType(be16(data, 2).ok_or(CUT)?, data.get(4..).ok_or(CUT)?)),
        LinkType::NFLOG => nflog(data),
        _ => Err(DropReason::LinkTypeUnread),
    }
}

const PPPOE_SESSION: u16 = 0x8864;

/// Destination, source, EtherType. A length below 1536 is an 802.3 frame, which carries no IP here but by SNAP.
#[inline]
pub fn ethernet(data: &[u8]) -> Result<Layer<'_>, DropReason> {
    let kind = be16(data, 12).ok_or(CUT)?;
    let rest = data.get(14..).ok_or(CUT)?;
    Ok(Layer::EtherType(kind, rest))
}

/// What an EtherType announces.
#[inline]
pub fn ether_type(kind: u16, data: &[u8]) -> Result<Layer<'_>, DropReason> {
    match kind {
        0x0800 | 0x86dd => Ok(Layer::Ip(data)),
        // Customer and service tags, and the older numbers for stacked tags.
        0x8100 | 0x88a8 | 0x9100 | 0x9200 | 0x9300 => {
            Ok(Layer::EtherType(be16(data, 2).ok_or(CUT)?, data.get(4..).ok_or(CUT)?))
        }
        0x8847 | 0x8848 => Ok(Layer::Mpls(data)),
        PPPOE_SESSION => Ok(Layer::Ppp(data.get(6..).ok_or(CUT)?)),
        // Transparent Ethernet bridging, as in NVGRE.
        0x6558 => Ok(Layer::Ethernet(data)),
        // C-HDLC and GRE carry PPP under this number.
        0x880b => Ok(Layer::Ppp(data)),
        0..1536 => snap(data),
        _ => Err(DropReason::NotIp),
    }
}

/// 802.2 with SNAP: `aa aa 03`, an organisation of zero, an EtherType.
fn snap(data: &[u8]) -> Result<Layer<'_>, DropReason> {
    match data {
        [0xaa, 0xaa, 3, 0, 0, 0, high, low, rest @ ..] => Ok(Layer::EtherType(u16::from_be_bytes([*high, *low]), rest)),
        _ => Err(DropReason::NotIp),
    }
}

/// Address family in the byte order of the capturing host; the numbers for IPv6 differ by system.
fn loopback(data: &[u8]) -> Result<Layer<'_>, DropReason> {
    let family = be32(data, 0).ok_or(CUT)?;
    let family = if family > 0xffff { family.swap_bytes() } else { family };
    match family {
        2 | 10 | 24 | 28 | 30 => Ok(Layer::Ip(&data[4..])),
        _ => Err(DropReason::NotIp),
    }
}

/// PPP with or without the HDLC address and control bytes.
fn framed_ppp(data: &[u8]) -> Result<Layer<'_>, DropReason> {
    match data {
        [0xff, 3, rest @ ..] => Ok(Layer::Ppp(rest)),
        // The pseudo-header of some systems: direction instead of the address; or Cisco HDLC under this link type.
        [0x0f | 0x8f, 0, rest @ ..] => Ok(Layer::EtherType(be16(rest, 0).ok_or(CUT)?, rest.get(2..).ok_or(CUT)?)),
        _ => Ok(Layer::Ppp(data)),
    }
}

/// A PPP protocol number of one or two bytes (RFC 1661, section 2: an odd first byte ends it).
pub fn ppp(data: &[u8]) -> Result<Layer<'_>, DropReason> {
    let first = u8_at(data, 0).ok_or(CUT)?;
    let (protocol, rest) =
        if first & 1 == 1 { (u16::from(first), &data[1..]) } else { (be16(data, 0).ok_or(CUT)?, &data[2..]) };
    match protocol {
        0x0021 | 0x0057 => Ok(Layer::Ip(rest)),
        0x0281 | 0x0283 => Ok(Layer::Mpls(rest)),
        _ => Err(DropReason::NotIp),
    }
}

/// Labels up to the bottom of the stack; what follows is told by its first nibble (RFC 4385: 0 is a control word).
pub fn mpls(data: &[u8]) -> Result<Layer<'_>, DropReason> {
    let label = be32(data, 0).ok_or(CUT)?;
    let rest = &data[4..];
    if label & 0x100 == 0 {
        return Ok(Layer::Mpls(rest));
    }
    match u8_at(rest, 0).ok_or(CUT)? >> 4 {
        4 | 6 => Ok(Layer::Ip(rest)),
        0 => Ok(Layer::Ethernet(rest.get(4..).ok_or(CUT)?)),
        _ => Ok(Layer::Ethernet(rest)),
    }
}

/// Family, version, resource id, then attributes: length and type in the host's order, padded to 4. Attribute 9 is the
/// packet.
fn nflog(data: &[u8]) -> Result<Layer<'_>, DropReason> {
    let mut rest = data.get(4..).ok_or(CUT)?;
    while let Some(head) = rest.first_chunk::<4>() {
        let little = usize::from(u16::from_le_bytes([head[0], head[1]]));
        let (length, kind) = if (4..=rest.len()).contains(&little) {
            (little, u16::from_le_bytes([head[2], head[3]]))
        } else {
            (usize::from(u16::from_be_bytes([head[0], head[1]])), u16::from_be_bytes([head[2], head[3]]))
        };
        if length < 4 {
            return Err(CUT);
        }
        if kind & 0x7fff == 9 {
            return Ok(Layer::Ip(rest.get(4..length.min(rest.len())).ok_or(CUT)?));
        }
        rest = rest.get(length.next_multiple_of(4)..).ok_or(CUT)?;
    }
    Err(DropReason::NotIp)
}
