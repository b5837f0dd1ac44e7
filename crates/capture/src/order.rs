//! Byte order of a file or section, and the numbers read with it.

use std::fmt;

/// The order of the bytes of a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ByteOrder {
    /// Lowest byte first.
    Little,
    /// Highest byte first.
    Big,
}

impl fmt::Display for ByteOrder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Little => "little-endian",
            Self::Big => "big-endian",
        })
    }
}

impl ByteOrder {
    /// The number in `bytes`.
    #[inline]
    pub(crate) const fn u16(self, bytes: [u8; 2]) -> u16 {
        match self {
            Self::Little => u16::from_le_bytes(bytes),
            Self::Big => u16::from_be_bytes(bytes),
        }
    }

    /// The number in `bytes`.
    #[inline]
    pub(crate) const fn u32(self, bytes: [u8; 4]) -> u32 {
        match self {
            Self::Little => u32::from_le_bytes(bytes),
            Self::Big => u32::from_be_bytes(bytes),
        }
    }

    /// The number in `bytes`.
    #[inline]
    pub(crate) const fn u64(self, bytes: [u8; 8]) -> u64 {
        match self {
            Self::Little => u64::from_le_bytes(bytes),
            Self::Big => u64::from_be_bytes(bytes),
        }
    }

    /// The `WORDS` 32-bit numbers that `bytes` starts with; `None` when it is shorter.
    #[inline]
    pub(crate) fn words<const WORDS: usize>(self, bytes: &[u8]) -> Option<[u32; WORDS]> {
        let (words, _) = bytes.as_chunks::<4>();
        let words: &[[u8; 4]; WORDS] = words.first_chunk()?;
        Some(words.map(|word| self.u32(word)))
    }

    /// The two 16-bit numbers in a 32-bit `word` that was read in this order, in file order.
    pub(crate) const fn halves(self, word: u32) -> (u16, u16) {
        let (high, low) = ((word >> 16) as u16, (word & 0xffff) as u16);
        match self {
            Self::Little => (low, high),
            Self::Big => (high, low),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::ByteOrder::{Big, Little};

    #[test]
    fn numbers_in_both_orders() {
        let bytes = [1, 2, 3, 4, 5, 6, 7, 8, 9];
        assert_eq!(Little.words::<2>(&bytes), Some([0x0403_0201, 0x0807_0605]));
        assert_eq!(Big.words::<2>(&bytes), Some([0x0102_0304, 0x0506_0708]));
        assert_eq!(Big.words::<3>(&bytes), None);
        assert_eq!(Little.halves(0x0403_0201), (0x0201, 0x0403));
        assert_eq!(Big.halves(0x0102_0304), (0x0102, 0x0304));
        assert_eq!(Big.u16([1, 2]), 0x0102);
        assert_eq!(Little.u64([1, 0, 0, 0, 0, 0, 0, 2]), 0x0200_0000_0000_0001);
    }
}
