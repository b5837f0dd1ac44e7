//! Big-endian reads that cannot fail past the end: they answer `None`.

/// The byte at `at`.
#[inline]
pub fn u8_at(bytes: &[u8], at: usize) -> Option<u8> {
    bytes.get(at).copied()
}

/// The big-endian number at `at`.
#[inline]
pub fn be16(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(*bytes.get(at..)?.first_chunk()?))
}

/// The big-endian number at `at`.
#[inline]
pub fn be32(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(*bytes.get(at..)?.first_chunk()?))
}

#[cfg(test)]
mod tests {
    use super::{be16, be32, u8_at};

    #[test]
    fn reads_stop_at_the_end() {
        let bytes = [1, 2, 3, 4];
        assert_eq!((u8_at(&bytes, 3), u8_at(&bytes, 4)), (Some(4), None));
        assert_eq!((be16(&bytes, 2), be16(&bytes, 3), be16(&bytes, 9)), (Some(0x0304), None, None));
        assert_eq!((be32(&bytes, 0), be32(&bytes, 1)), (Some(0x0102_0304), None));
    }
}
