//! A captured frame as the kernel would show it to a program, so that a filter can be tried on files.

use arachne_model::LinkType;

use super::program::PacketView;

/// `ARPHRD_ETHER`.
const ETHERNET: u16 = 1;

impl<'a> PacketView<'a> {
    /// The view of an arriving frame of `length` bytes on the wire, on interface 1. The outermost VLAN tag is taken off,
    /// as the kernel does. `None` for link types other than Ethernet, raw IP and Linux cooked captures, and for frames
    /// that end in their link header.
    #[must_use]
    pub fn of_frame(link_type: LinkType, data: &'a [u8], length: u32) -> Option<Self> {
        let (hardware, kind, protocol, head) = match link_type {
            LinkType::ETHERNET => (ETHERNET, 0, half(data, 12)?, 14),
            LinkType::LINUX_SLL => (half(data, 2)?, *data.get(1)?, half(data, 14)?, 16),
            LinkType::LINUX_SLL2 => (half(data, 8)?, *data.get(10)?, half(data, 0)?, 20),
            LinkType::RAW | LinkType::IPV4 | LinkType::IPV6 => (0xfffe, 0, version(data)?, 0),
            _ => return None,
        };
        let (protocol, vlan, head) = match protocol {
            0x8100 | 0x88a8 => (half(data, head + 2)?, Some(half(data, head)?), head + 4),
            protocol => (protocol, None, head),
        };
        let network = data.get(head..)?;
        let length = length.saturating_sub(u32::try_from(head).unwrap_or(0));
        Some(Self { network, length, protocol, interface: 1, hardware, kind, vlan })
    }
}

fn half(data: &[u8], at: usize) -> Option<u16> {
    data.get(at..)?.first_chunk().map(|bytes| u16::from_be_bytes(*bytes))
}

fn version(data: &[u8]) -> Option<u16> {
    match data.first()? >> 4 {
        4 => Some(0x0800),
        6 => Some(0x86dd),
        _ => None,
    }
}
