//! Places of bytes in small tables of what was seen before.

/// Spreads the bits of a number: 2^64 divided by the golden ratio.
const MIX: u64 = 0x9e37_79b9_7f4a_7c15;

/// A number by the length, the ends and some of the middle of `bytes`: of texts the ends are often alike. Equal bytes have equal
/// numbers; the lower 32 bits are spread well. It is no hash: who chooses the bytes chooses the number. O(1).
#[must_use]
pub fn place(bytes: &[u8]) -> u64 {
    let at = |at: usize| bytes[at..].iter().take(8).fold(0, |word, byte| word << 8 | u64::from(*byte));
    let places = [0, bytes.len() / 3, bytes.len() / 2, bytes.len().saturating_sub(8)];
    places.into_iter().fold(bytes.len() as u64, |mixed, place| (mixed ^ at(place)).wrapping_mul(MIX)) >> 32
}

#[cfg(test)]
mod tests {
    use super::place;

    #[test]
    fn what_differs_at_an_end_or_in_length_has_another_place() {
        let text = b"a body of more than three times eight bytes".to_vec();
        let (mut first, mut last) = (text.clone(), text.clone());
        first[0] ^= 1;
        *last.last_mut().expect("it is not empty") ^= 1;
        let all = [&text[..], &first, &last, &text[..text.len() - 1], b"", b"x"];
        for (at, one) in all.iter().enumerate() {
            assert!(all[..at].iter().all(|other| place(other) != place(one)), "{at}");
        }
    }
}
