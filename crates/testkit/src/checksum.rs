//! The internet checksum: whole, and its change when one word changes. Source: RFC 1071, RFC 1624.

use std::net::IpAddr;

/// Adds `bytes` as 16-bit words to `sum`; an odd last byte is padded with zero.
#[must_use]
pub fn sum(bytes: &[u8], sum: u64) -> u64 {
    let (words, rest) = bytes.as_chunks::<4>();
    let total = words.iter().fold(sum, |sum, word| sum + u64::from(u32::from_be_bytes(*word)));
    let mut last = [0; 4];
    last[..rest.len()].copy_from_slice(rest);
    total + u64::from(u32::from_be_bytes(last))
}

/// Folds a sum to the checksum.
#[must_use]
pub const fn fold(mut sum: u64) -> u16 {
    while sum > 0xFFFF {
        sum = (sum >> 16) + (sum & 0xFFFF);
    }
    !(sum.to_be_bytes()[7] as u16 | (sum.to_be_bytes()[6] as u16) << 8)
}

/// The sum of the pseudo header for `protocol` and `length` bytes behind the IP header.
#[must_use]
pub fn pseudo_header(source: IpAddr, destination: IpAddr, protocol: u8, length: usize) -> u64 {
    let addresses = |a: IpAddr| match a {
        IpAddr::V4(a) => sum(&a.octets(), 0),
        IpAddr::V6(a) => sum(&a.octets(), 0),
    };
    addresses(source) + addresses(destination) + u64::from(protocol) + length as u64
}

/// The checksum `old` after a 16-bit word changed from `from` to `to`: right stays right, wrong stays wrong.
#[must_use]
pub const fn changed(old: u16, from: u16, to: u16) -> u16 {
    fold(!old as u64 + !from as u64 + to as u64)
}

#[cfg(test)]
mod tests {
    use super::{changed, fold, sum};

    #[test]
    fn the_example_of_rfc_1071() {
        let bytes = [0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7];
        assert_eq!(fold(sum(&bytes, 0)), !0xddf2);
        assert_eq!(fold(sum(&bytes[..7], 0)), fold(sum(&[0, 1, 0xf2, 3, 0xf4, 0xf5, 0xf6, 0], 0)));
    }

    #[test]
    fn a_changed_word_changes_the_checksum_as_a_new_sum_would() {
        for (from, to) in [(0xf203_u16, 0x1234_u16), (0xf203, 0xffff), (0xf203, 0), (0xf203, 0xf203)] {
            let mut bytes = [0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7];
            let before = fold(sum(&bytes, 0));
            bytes[2..4].copy_from_slice(&to.to_be_bytes());
            assert_eq!(changed(before, from, to), fold(sum(&bytes, 0)), "{to:x}");
        }
    }
}
