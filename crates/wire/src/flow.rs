//! Which packets belong together: the key of a connection.

use std::net::{IpAddr, Ipv6Addr};

use arachne_model::Endpoint;

/// An address as one number, IPv4 as IPv4-mapped IPv6.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default, Hash)]
pub struct Address(pub u128);

impl Address {
    /// From the four bytes of IPv4.
    #[inline]
    #[must_use]
    pub const fn v4(bytes: [u8; 4]) -> Self {
        Self(0xffff_0000_0000 | u32::from_be_bytes(bytes) as u128)
    }

    /// From the sixteen bytes of IPv6.
    #[inline]
    #[must_use]
    pub const fn v6(bytes: [u8; 16]) -> Self {
        Self(u128::from_be_bytes(bytes))
    }

    /// As the standard library's type.
    #[must_use]
    pub fn to_ip(self) -> IpAddr {
        Ipv6Addr::from_bits(self.0).to_canonical()
    }
}

/// The key of a connection: both ends, the smaller first, and the overlay network. VLAN tags, GRE keys and GTP tunnel
/// ids are left out, since the two directions may carry different ones.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FlowKey([u64; 5]);

/// One of the two sides of a connection: 0 for the smaller end of the key, 1 for the other.
pub type SideIndex = usize;

impl std::hash::Hash for FlowKey {
    /// Word by word, which a hasher for integers takes without a length or a loop.
    #[inline]
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.0.iter().for_each(|word| state.write_u64(*word));
    }
}

impl FlowKey {
    /// The key of a segment and the side that sent it.
    #[inline]
    #[must_use]
    pub fn new(source: (Address, u16), target: (Address, u16), network: u32) -> (Self, SideIndex) {
        let (low, high, side) = if source <= target { (source, target, 0) } else { (target, source, 1) };
        #[expect(clippy::cast_possible_truncation, reason = "the halves of the address are meant")]
        let halves = |a: Address| ((a.0 >> 64) as u64, a.0 as u64);
        let (low_high, low_low) = halves(low.0);
        let (high_high, high_low) = halves(high.0);
        let ports = u64::from(low.1) << 48 | u64::from(high.1) << 32 | u64::from(network);
        (Self([low_high, low_low, high_high, high_low, ports]), side)
    }

    /// One end.
    #[must_use]
    pub fn endpoint(&self, side: SideIndex) -> Endpoint {
        let at = side * 2;
        let address = Address(u128::from(self.0[at]) << 64 | u128::from(self.0[at + 1]));
        #[expect(clippy::cast_possible_truncation, reason = "16 bits of the packed word are meant")]
        let port = (self.0[4] >> (48 - 16 * side)) as u16;
        Endpoint { address: address.to_ip(), port }
    }

    /// The overlay network, 0 for none.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, reason = "the low half of the packed word is meant")]
    pub const fn network(&self) -> u32 {
        self.0[4] as u32
    }

    /// A shard below `shards`, the same for both directions and every run: where a connection is handled must not
    /// depend on a seed.
    #[inline]
    #[must_use]
    pub fn shard(&self, shards: usize) -> usize {
        const K: u64 = 0x9e37_79b9_7f4a_7c15;
        let mixed = self.0.iter().fold(0_u64, |h, w| (h ^ w).wrapping_mul(K).rotate_left(29));
        // Once more, since the last word holds the ports, whose bits have not met the high bits yet.
        let spread = (mixed ^ mixed >> 32).wrapping_mul(K) >> 32;
        usize::try_from(spread % shards as u64).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::{Address, FlowKey};

    #[test]
    fn both_directions_share_a_key() {
        let (a, b) = ((Address::v4([10, 0, 0, 2]), 80), (Address::v4([10, 0, 0, 1]), 50_000));
        let (there, from_b) = FlowKey::new(b, a, 7);
        let (back, from_a) = FlowKey::new(a, b, 7);
        assert_eq!(there, back);
        assert_ne!(from_a, from_b);
        assert_eq!(there.endpoint(from_a).to_string(), "10.0.0.2:80");
        assert_eq!(there.endpoint(from_b).to_string(), "10.0.0.1:50000");
        assert_eq!(there.network(), 7);
        assert!(there.shard(8) < 8);
    }

    #[test]
    fn connections_between_two_hosts_are_spread() {
        let (client, server) = (Address::v4([10, 9, 0, 2]), (Address::v4([10, 9, 0, 1]), 80));
        let mut shards = [0_u32; 8];
        for port in 10_000..50_000 {
            shards[FlowKey::new((client, port), server, 0).0.shard(8)] += 1;
        }
        assert!(shards.iter().all(|count| (4_500..5_500).contains(count)), "{shards:?}");
    }

    #[test]
    fn one_host_talking_to_itself_has_two_sides() {
        let host = Address::v6([1; 16]);
        let (key, side) = FlowKey::new((host, 9), (host, 8), 0);
        assert_eq!(side, 1);
        assert_eq!((key.endpoint(0).port, key.endpoint(1).port), (8, 9));
    }
}
