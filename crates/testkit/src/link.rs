//! Link headers and tunnels around packets. Each function returns the new bytes around `inner`.
//!
//! Sources: IEEE 802.3, 802.1Q; RFC 3032 (MPLS), 2516 (PPPoE), 2784 (GRE), 7348 (VXLAN), 8926 (Geneve); 3GPP TS 29.281
//! (GTP-U); tcpdump.org link-layer header types 113 and 276.

use std::net::IpAddr;

use crate::network::{Ip, cut, protocol, udp};

/// Link types of capture files (tcpdump.org).
pub mod link_type {
    /// BSD loopback.
    pub const NULL: u32 = 0;
    /// Ethernet.
    pub const ETHERNET: u32 = 1;
    /// IPv4 or IPv6 without a link header.
    pub const RAW: u32 = 101;
    /// Linux cooked.
    pub const LINUX_SLL: u32 = 113;
    /// Linux cooked, second version.
    pub const LINUX_SLL2: u32 = 276;
}

/// The Ethernet type of an IP packet, by its version.
#[must_use]
pub fn ether_type(packet: &[u8]) -> u16 {
    if packet.first().is_some_and(|byte| byte >> 4 == 6) { 0x86DD } else { 0x0800 }
}

/// An Ethernet frame around an IP packet.
#[must_use]
pub fn ethernet(packet: &[u8]) -> Vec<u8> {
    ethernet_of(ether_type(packet), packet)
}

/// An Ethernet frame of any type.
#[must_use]
pub fn ethernet_of(kind: u16, inner: &[u8]) -> Vec<u8> {
    join(&[&[2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1], &kind.to_be_bytes(), inner])
}

/// An Ethernet frame with VLAN tags around an IP packet, outermost first: (tag protocol, VLAN).
#[must_use]
pub fn vlan(tags: &[(u16, u16)], packet: &[u8]) -> Vec<u8> {
    let mut inner = join(&[&ether_type(packet).to_be_bytes(), packet]);
    for (protocol, vlan) in tags.iter().rev() {
        inner = join(&[&protocol.to_be_bytes(), &vlan.to_be_bytes(), &inner]);
    }
    join(&[&[2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1], &inner])
}

/// An Ethernet frame with MPLS labels around an IP packet, outermost first.
#[must_use]
pub fn mpls(labels: &[u32], packet: &[u8]) -> Vec<u8> {
    let mut inner = Vec::new();
    for (n, label) in labels.iter().enumerate() {
        let bottom = u32::from(n + 1 == labels.len());
        inner.extend_from_slice(&(label << 12 | bottom << 8 | 64).to_be_bytes());
    }
    inner.extend_from_slice(packet);
    ethernet_of(0x8847, &inner)
}

/// An Ethernet frame with a PPPoE session around an IP packet.
#[must_use]
pub fn pppoe(session: u16, packet: &[u8]) -> Vec<u8> {
    let ppp: u16 = if ether_type(packet) == 0x86DD { 0x0057 } else { 0x0021 };
    let length = cut(packet.len() + 2).to_be_bytes();
    ethernet_of(0x8864, &join(&[&[0x11, 0], &session.to_be_bytes(), &length, &ppp.to_be_bytes(), packet]))
}

/// A Linux cooked frame ([`link_type::LINUX_SLL`]).
#[must_use]
pub fn sll(packet: &[u8]) -> Vec<u8> {
    join(&[&[0, 0, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0], &ether_type(packet).to_be_bytes(), packet])
}

/// A Linux cooked frame, second version ([`link_type::LINUX_SLL2`]).
#[must_use]
pub fn sll2(packet: &[u8]) -> Vec<u8> {
    let rest = [0, 0, 0, 0, 0, 2, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0];
    join(&[&ether_type(packet).to_be_bytes(), &rest, packet])
}

/// A BSD loopback frame ([`link_type::NULL`]) in little-endian order.
#[must_use]
pub fn null(packet: &[u8]) -> Vec<u8> {
    let family: u32 = if ether_type(packet) == 0x86DD { 30 } else { 2 };
    join(&[&family.to_le_bytes(), packet])
}

/// GRE without options between two hosts, around an IP packet.
#[must_use]
pub fn gre(source: IpAddr, destination: IpAddr, packet: &[u8]) -> Vec<u8> {
    let inner = join(&[&[0, 0], &ether_type(packet).to_be_bytes(), packet]);
    Ip::new(source, destination).protocol(protocol::GRE).bytes(&inner)
}

/// IP in IP between two hosts (IPv6 in IPv4 is 6in4).
#[must_use]
pub fn ip_in_ip(source: IpAddr, destination: IpAddr, packet: &[u8]) -> Vec<u8> {
    let inner = if ether_type(packet) == 0x86DD { protocol::IPV6 } else { protocol::IPV4 };
    Ip::new(source, destination).protocol(inner).bytes(packet)
}

/// VXLAN between two hosts, around an Ethernet frame.
#[must_use]
pub fn vxlan(source: IpAddr, destination: IpAddr, network: u32, frame: &[u8]) -> Vec<u8> {
    let inner = join(&[&[8, 0, 0, 0], &(network << 8).to_be_bytes(), frame]);
    Ip::new(source, destination).protocol(protocol::UDP).bytes(&udp(50_000, 4789, &inner))
}

/// Geneve with `options` (a multiple of four bytes) between two hosts, around an Ethernet frame.
#[must_use]
pub fn geneve(source: IpAddr, destination: IpAddr, network: u32, options: &[u8], frame: &[u8]) -> Vec<u8> {
    let words = cut(options.len() / 4).to_be_bytes()[1] & 0x3F;
    let inner = join(&[&[words, 0, 0x65, 0x58], &(network << 8).to_be_bytes(), options, frame]);
    Ip::new(source, destination).protocol(protocol::UDP).bytes(&udp(50_000, 6081, &inner))
}

/// GTP-U (G-PDU) between two hosts, around an IP packet.
#[must_use]
pub fn gtp_u(source: IpAddr, destination: IpAddr, tunnel: u32, packet: &[u8]) -> Vec<u8> {
    let inner = join(&[&[0x30, 0xFF], &cut(packet.len()).to_be_bytes(), &tunnel.to_be_bytes(), packet]);
    Ip::new(source, destination).protocol(protocol::UDP).bytes(&udp(2152, 2152, &inner))
}

fn join(parts: &[&[u8]]) -> Vec<u8> {
    parts.concat()
}

#[cfg(test)]
mod tests {
    use super::{ethernet, geneve, gre, gtp_u, ip_in_ip, mpls, null, pppoe, sll, sll2, vlan, vxlan};
    use crate::network::Ip;

    #[test]
    fn headers_have_their_lengths_and_types() {
        let (a, b) = ("10.0.0.1".parse().unwrap(), "10.0.0.2".parse().unwrap());
        let packet = Ip::new(a, b).bytes(b"x");
        let frame = ethernet(&packet);
        let extra = |bytes: Vec<u8>| bytes.len() - packet.len();
        assert_eq!(frame[12..14], [8, 0]);
        assert_eq!(vlan(&[(0x88A8, 5), (0x8100, 6)], &packet)[12..22], [0x88, 0xA8, 0, 5, 0x81, 0, 0, 6, 8, 0]);
        assert_eq!(mpls(&[7, 8], &packet)[14..22], [0, 0, 0x70, 64, 0, 0, 0x81, 64]);
        assert_eq!(pppoe(1, &packet)[14..22], [0x11, 0, 0, 1, 0, 23, 0, 0x21]);
        assert_eq!([extra(sll(&packet)), extra(sll2(&packet)), extra(null(&packet))], [16, 20, 4]);
        assert_eq!([extra(gre(a, b, &packet)), extra(ip_in_ip(a, b, &packet))], [24, 20]);
        assert_eq!([extra(vxlan(a, b, 7, &frame)), extra(geneve(a, b, 7, &[0; 8], &frame))], [50, 58]);
        assert_eq!(extra(gtp_u(a, b, 7, &packet)), 36);
    }
}
