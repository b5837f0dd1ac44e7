//! The Internet checksum.
//!
//! Source: RFC 1071. The sum is taken in the machine's byte order and swapped once, as its section 2(B) allows.

/// The one's complement sum of `bytes`, not folded, as if `bytes` stood at an even offset. Sums may be added up before
/// [`fold`].
#[inline]
#[must_use]
pub fn sum(bytes: &[u8]) -> u64 {
    // 64-bit words with their carries, in four chains that do not wait for each other: two instructions a word.
    let mut lanes = [0_u128; 4];
    let mut blocks = bytes.chunks_exact(32);
    for block in &mut blocks {
        for (lane, chunk) in lanes.iter_mut().zip(block.chunks_exact(8)) {
            *lane += u128::from(word(chunk));
        }
    }
    let mut total: u128 = lanes.iter().sum();
    let mut words = blocks.remainder().chunks_exact(8);
    for chunk in &mut words {
        total += u128::from(word(chunk));
    }
    // By hand, since a copy of a length that is not known becomes a call.
    let mut rest = words.remainder();
    if let Some((four, behind)) = rest.split_first_chunk() {
        total += u128::from(u32::from_ne_bytes(*four));
        rest = behind;
    }
    if let Some((two, behind)) = rest.split_first_chunk() {
        total += u128::from(u16::from_ne_bytes(*two));
        rest = behind;
    }
    if let [last] = rest {
        total += u128::from(u16::from_ne_bytes([*last, 0]));
    }
    // 2^64 is 1 in one's complement, and so is 2^32: the carries and the halves may simply be added up.
    #[expect(clippy::cast_possible_truncation, reason = "the halves are meant")]
    let (low, carries) = (total as u64, (total >> 64) as u64);
    (low >> 32) + (low & 0xffff_ffff) + carries
}

/// The first eight bytes, in the machine's order.
#[inline]
fn word(bytes: &[u8]) -> u64 {
    bytes.first_chunk().map_or(0, |chunk| u64::from_ne_bytes(*chunk))
}

/// Folds a sum to 16 bits, in network order.
#[inline]
#[must_use]
pub fn fold(mut sum: u64) -> u16 {
    while sum >> 16 != 0 {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    #[expect(clippy::cast_possible_truncation, reason = "the loop above leaves 16 bits")]
    u16::from_be(sum as u16)
}

/// The part of a TCP or UDP pseudo-header that is not addresses: protocol and length.
#[inline]
#[must_use]
pub fn pseudo(protocol: u8, length: usize) -> u64 {
    let length = u32::try_from(length).unwrap_or(u32::MAX);
    u64::from(u32::from(protocol).to_be()) + u64::from(length.to_be())
}

#[cfg(test)]
mod tests {
    use super::{fold, sum};

    #[test]
    fn the_example_of_rfc_1071() {
        assert_eq!(fold(sum(&[0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7])), 0xddf2);
    }

    #[test]
    fn vector_and_plain_sums_agree_at_every_length() {
        let bytes: Vec<u8> = (0..200_u32).map(|i| (i * 37 + 11).to_le_bytes()[0]).collect();
        for end in 0..bytes.len() {
            let plain: u64 = bytes[..end]
                .chunks(2)
                .map(|w| u64::from(u16::from_be_bytes([w[0], w.get(1).copied().unwrap_or(0)])))
                .sum();
            let mut folded = plain;
            while folded >> 16 != 0 {
                folded = (folded & 0xffff) + (folded >> 16);
            }
            assert_eq!(u64::from(fold(sum(&bytes[..end]))), folded, "length {end}");
        }
    }
}
