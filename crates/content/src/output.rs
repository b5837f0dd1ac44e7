//! Where decoded bytes end: counted, hashed, kept up to a cap.

use sha2::{Digest, Sha256};

/// Most bytes that are made room for before they came.
const EXPECTED_MAX: usize = 64 << 10;

/// The beginning of a body, up to a cap.
#[derive(Debug)]
pub(crate) struct Kept {
    bytes: Vec<u8>,
    bytes_max: usize,
    /// Bytes that are made room for with the first ones.
    expected: usize,
    /// Whether there was more than the cap.
    pub(crate) cut: bool,
}

impl Kept {
    /// Keeps up to `bytes_max` bytes.
    pub(crate) const fn new(bytes_max: usize) -> Self {
        Self { bytes: Vec::new(), bytes_max, expected: 0, cut: false }
    }

    /// Makes room for `length` bytes when the first ones come, if they are few: whoever announces more has to send them first.
    pub(crate) fn expecting(mut self, length: u64) -> Self {
        self.expected = usize::try_from(length).unwrap_or(usize::MAX).min(EXPECTED_MAX);
        self
    }

    /// Takes the next bytes.
    pub(crate) fn write(&mut self, bytes: &[u8]) {
        let room = self.bytes_max - self.bytes.len();
        let fits = bytes.get(..room).unwrap_or(bytes);
        self.cut |= fits.len() < bytes.len();
        let needed = self.bytes.len() + fits.len();
        if needed > self.bytes.capacity() {
            // Doubled as `Vec` does, but never past the cap.
            let target = (self.bytes.capacity() * 2).max(needed).max(self.expected).min(self.bytes_max);
            self.bytes.reserve_exact(target - self.bytes.len());
        }
        self.bytes.extend_from_slice(fits);
    }

    /// Bytes held now.
    pub(crate) const fn held_bytes(&self) -> usize {
        self.bytes.capacity()
    }

    /// The bytes.
    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

/// The end of the decoders.
#[derive(Debug)]
pub(crate) struct Output {
    /// Bytes that came.
    pub(crate) size: u64,
    /// Hash over them, where asked for.
    pub(crate) hash: Option<Sha256>,
    /// Their beginning, where asked for.
    pub(crate) kept: Option<Kept>,
}

impl Output {
    /// Takes the next decoded bytes.
    pub(crate) fn write(&mut self, bytes: &[u8]) {
        self.size += bytes.len() as u64;
        if let Some(hash) = &mut self.hash {
            hash.update(bytes);
        }
        if let Some(kept) = &mut self.kept {
            kept.write(bytes);
        }
    }

    /// Whether only the number of bytes is asked for.
    pub(crate) fn only_counts(&self) -> bool {
        self.hash.is_none() && self.kept.is_none()
    }

    /// All bytes that came, where they were kept.
    pub(crate) fn all(&self) -> Option<&[u8]> {
        self.kept.as_ref().filter(|kept| !kept.cut).map(|kept| &*kept.bytes)
    }

    /// Bytes held now.
    pub(crate) fn held_bytes(&self) -> usize {
        self.kept.as_ref().map_or(0, Kept::held_bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::{EXPECTED_MAX, Kept};

    #[test]
    fn keeping_stops_at_the_cap() {
        let mut kept = Kept::new(5);
        kept.write(b"abc");
        assert!(!kept.cut);
        kept.write(b"de");
        assert!(!kept.cut);
        kept.write(b"");
        assert!(!kept.cut);
        kept.write(b"f");
        assert!(kept.cut);
        assert_eq!(kept.held_bytes(), 5);
        assert_eq!(kept.into_bytes(), b"abcde");
    }

    #[test]
    fn what_is_announced_has_room_at_once_within_the_caps() {
        for (bytes_max, announced, room) in
            [(1 << 20, 20_000, 20_000), (5_000, 20_000, 5_000), (1 << 20, u64::MAX, EXPECTED_MAX), (1 << 20, 0, 3)]
        {
            let mut kept = Kept::new(bytes_max).expecting(announced);
            assert_eq!(kept.held_bytes(), 0);
            kept.write(b"abc");
            assert_eq!(kept.held_bytes(), room, "{announced}");
        }
    }
}
