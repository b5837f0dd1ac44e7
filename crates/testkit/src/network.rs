//! IPv4 and IPv6 packets, whole or in fragments. Source: RFC 791, RFC 8200.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::checksum;

/// Protocol numbers.
pub mod protocol {
    /// IPv4 in IP.
    pub const IPV4: u8 = 4;
    /// TCP.
    pub const TCP: u8 = 6;
    /// UDP.
    pub const UDP: u8 = 17;
    /// IPv6 in IP.
    pub const IPV6: u8 = 41;
    /// GRE.
    pub const GRE: u8 = 47;
    /// The IPv6 fragment header.
    pub const FRAGMENT: u8 = 44;
}

/// How an IP packet is made. Both addresses are of one family.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ip {
    /// Source address.
    pub source: IpAddr,
    /// Destination address.
    pub destination: IpAddr,
    /// Protocol behind the header.
    pub protocol: u8,
    /// Identification; of fragments in IPv6.
    pub id: u16,
    /// Time to live, or hop limit.
    pub ttl: u8,
    /// IPv4 options, padded with zeros to a multiple of four; at most 40 bytes are written.
    pub options: Vec<u8>,
}

impl Ip {
    /// A TCP packet from one address to the other.
    ///
    /// # Panics
    /// When the addresses are not of one family, which is a mistake of the test.
    #[must_use]
    pub fn new(source: IpAddr, destination: IpAddr) -> Self {
        assert_eq!(source.is_ipv4(), destination.is_ipv4(), "addresses of two families");
        Self { source, destination, protocol: protocol::TCP, id: 1, ttl: 64, options: Vec::new() }
    }

    /// With this protocol instead.
    #[must_use]
    pub const fn protocol(mut self, protocol: u8) -> Self {
        self.protocol = protocol;
        self
    }

    /// With this identification.
    #[must_use]
    pub const fn id(mut self, id: u16) -> Self {
        self.id = id;
        self
    }

    /// With this time to live.
    #[must_use]
    pub const fn ttl(mut self, ttl: u8) -> Self {
        self.ttl = ttl;
        self
    }

    /// The packet around `payload`.
    #[must_use]
    pub fn bytes(&self, payload: &[u8]) -> Vec<u8> {
        match (self.source, self.destination) {
            (IpAddr::V4(source), IpAddr::V4(destination)) => self.v4(source, destination, 0x4000, payload),
            (source, destination) => v6(v6_of(source), v6_of(destination), self.protocol, self.ttl, payload),
        }
    }

    /// The packet around `payload` in fragments with at most `size` bytes of payload each, rounded down to a multiple of
    /// eight, at least eight.
    #[must_use]
    pub fn fragments(&self, payload: &[u8], size: usize) -> Vec<Vec<u8>> {
        let size = (size / 8 * 8).max(8);
        let pieces = payload.chunks(size).enumerate();
        pieces.map(|(n, piece)| self.fragment(piece, n * size, (n + 1) * size < payload.len())).collect()
    }

    /// One fragment: `piece` at byte `offset` (a multiple of eight) of the payload.
    #[must_use]
    pub fn fragment(&self, piece: &[u8], offset: usize, more: bool) -> Vec<u8> {
        let place = cut(offset) & !7;
        match (self.source, self.destination) {
            (IpAddr::V4(source), IpAddr::V4(destination)) => {
                self.v4(source, destination, place >> 3 | u16::from(more) << 13, piece)
            }
            (source, destination) => {
                let mut behind = vec![self.protocol, 0];
                behind.extend_from_slice(&(place | u16::from(more)).to_be_bytes());
                behind.extend_from_slice(&u32::from(self.id).to_be_bytes());
                behind.extend_from_slice(piece);
                v6(v6_of(source), v6_of(destination), protocol::FRAGMENT, self.ttl, &behind)
            }
        }
    }

    fn v4(&self, source: Ipv4Addr, destination: Ipv4Addr, fragment: u16, payload: &[u8]) -> Vec<u8> {
        let mut options = self.options.clone();
        options.truncate(40);
        options.resize(options.len().next_multiple_of(4), 0);
        let header = 20 + options.len();
        let words = u8::try_from(header / 4).expect("at most 60 bytes, 15 words");
        let mut out = vec![0x40 | words, 0];
        out.extend_from_slice(&cut(header + payload.len()).to_be_bytes());
        out.extend_from_slice(&self.id.to_be_bytes());
        out.extend_from_slice(&fragment.to_be_bytes());
        out.extend_from_slice(&[self.ttl, self.protocol, 0, 0]);
        out.extend_from_slice(&source.octets());
        out.extend_from_slice(&destination.octets());
        out.extend_from_slice(&options);
        let sum = checksum::fold(checksum::sum(&out, 0));
        out[10..12].copy_from_slice(&sum.to_be_bytes());
        out.extend_from_slice(payload);
        out
    }
}

fn v6_of(address: IpAddr) -> Ipv6Addr {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped(),
        IpAddr::V6(address) => address,
    }
}

fn v6(source: Ipv6Addr, destination: Ipv6Addr, next: u8, hops: u8, payload: &[u8]) -> Vec<u8> {
    let mut out = vec![0x60, 0, 0, 0];
    out.extend_from_slice(&cut(payload.len()).to_be_bytes());
    out.extend_from_slice(&[next, hops]);
    out.extend_from_slice(&source.octets());
    out.extend_from_slice(&destination.octets());
    out.extend_from_slice(payload);
    out
}

/// An IPv6 extension header of `kind`'s layout (hop-by-hop, routing, destination options) with `words` extra words of
/// eight bytes, in front of `payload` of protocol `next`.
#[must_use]
pub fn extension(next: u8, words: u8, payload: &[u8]) -> Vec<u8> {
    let mut out = vec![next, words, 1, 4, 0, 0, 0, 0];
    for _ in 0..words {
        out.extend_from_slice(&[1, 6, 0, 0, 0, 0, 0, 0]);
    }
    out.extend_from_slice(payload);
    out
}

/// A UDP datagram without checksum (IPv4 allows that; for tunnels so does RFC 6935).
#[must_use]
pub fn udp(source: u16, destination: u16, payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(8 + payload.len());
    out.extend_from_slice(&source.to_be_bytes());
    out.extend_from_slice(&destination.to_be_bytes());
    out.extend_from_slice(&cut(8 + payload.len()).to_be_bytes());
    out.extend_from_slice(&[0, 0]);
    out.extend_from_slice(payload);
    out
}

/// The low 16 bits.
pub(crate) const fn cut(n: usize) -> u16 {
    let bytes = n.to_le_bytes();
    u16::from_le_bytes([bytes[0], bytes[1]])
}

#[cfg(test)]
mod tests {
    use super::{Ip, extension, udp};
    use crate::checksum;

    #[test]
    fn an_ipv4_header_sums_to_zero() {
        let mut ip = Ip::new("10.0.0.1".parse().unwrap(), "10.0.0.2".parse().unwrap()).id(0x1234).ttl(3);
        ip.options = vec![1, 1, 1];
        let bytes = ip.bytes(b"abc");
        assert_eq!(bytes[..9], [0x46, 0, 0, 27, 0x12, 0x34, 0x40, 0, 3]);
        assert_eq!(checksum::fold(checksum::sum(&bytes[..24], 0)), 0);
    }

    #[test]
    fn fragments_cover_the_payload() {
        let payload: Vec<u8> = (0..50).collect();
        for (a, b, header) in [("10.0.0.1", "10.0.0.2", 20), ("fd00::1", "fd00::2", 48)] {
            let ip = Ip::new(a.parse().unwrap(), b.parse().unwrap());
            let fragments = ip.fragments(&payload, 19);
            assert_eq!(fragments.len(), 4);
            assert_eq!(fragments.concat().len(), 50 + 4 * header);
            let place = |f: &[u8]| if header == 20 { (f[6], f[7]) } else { (f[42], f[43]) };
            let expected = if header == 20 { (0, 6) } else { (0, 48) };
            assert_eq!(place(&fragments[3]), expected, "the last has its offset and no more-flag");
        }
    }

    #[test]
    fn small_headers() {
        assert_eq!(udp(1, 2, b"x"), [0, 1, 0, 2, 0, 9, 0, 0, b'x']);
        assert_eq!(extension(6, 1, b"x").len(), 17);
    }
}
