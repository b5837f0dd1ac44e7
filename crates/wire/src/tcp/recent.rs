//! The last bytes of a direction, kept to compare retransmissions with.

/// The first ring; most directions need no larger one.
const RING_MIN: usize = 512;

/// A ring over the newest bytes delivered.
#[derive(Debug, Default)]
pub struct Recent {
    ring: Vec<u8>,
    /// Stream offset one past the newest byte.
    end: u64,
    /// Bytes that are valid, at most the ring's length.
    valid: usize,
}

/// What a comparison found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// The bytes that could be compared are equal (also when none could).
    Equal,
    /// At least one byte differs.
    Differs,
}

impl Recent {
    /// Bytes of memory held.
    #[must_use]
    pub const fn held_bytes(&self) -> usize {
        self.ring.capacity()
    }

    /// Forgets everything; what follows starts at `offset`.
    pub fn restart(&mut self, offset: u64) {
        self.valid = 0;
        self.end = offset;
    }

    /// Takes the bytes delivered at `offset`. The ring grows with the direction up to `max` (a power of two).
    #[inline]
    pub fn push(&mut self, offset: u64, bytes: &[u8], max: usize) {
        if offset != self.end {
            self.restart(offset);
        }
        let keep = bytes.len().min(max);
        if self.valid + keep > self.ring.len() && self.ring.len() < max {
            self.grow((self.valid + keep).next_power_of_two().clamp(RING_MIN.min(max), max));
        }
        self.end += (bytes.len() - keep) as u64;
        self.write(&bytes[bytes.len() - keep..]);
    }

    /// Compares `bytes` that came again for `offset` with what is remembered of that range.
    #[must_use]
    pub fn compare(&self, offset: u64, bytes: &[u8]) -> Comparison {
        let start = self.end - self.valid as u64;
        let from = offset.max(start);
        let to = (offset + bytes.len() as u64).min(self.end);
        if from >= to {
            return Comparison::Equal;
        }
        let local = usize::try_from(from - offset).unwrap_or(usize::MAX);
        let length = usize::try_from(to - from).unwrap_or(0);
        let Some(bytes) = bytes.get(local..local + length) else {
            return Comparison::Equal;
        };
        let at = self.index(from);
        let first = length.min(self.ring.len() - at);
        let equal = self.ring[at..at + first] == bytes[..first] && self.ring[..length - first] == bytes[first..];
        if equal { Comparison::Equal } else { Comparison::Differs }
    }

    /// The place of a stream offset. The ring's length is a power of two.
    fn index(&self, offset: u64) -> usize {
        usize::try_from(offset & (self.ring.len() as u64 - 1)).unwrap_or(0)
    }

    fn grow(&mut self, size: usize) {
        let mut bigger = Self { ring: vec![0; size], end: self.end - self.valid as u64, valid: 0 };
        let at = if self.valid == 0 { 0 } else { self.index(bigger.end) };
        let first = self.valid.min(self.ring.len() - at);
        bigger.write(&self.ring[at..at + first]);
        bigger.write(&self.ring[..self.valid - first]);
        *self = bigger;
    }

    /// Writes bytes that fit behind the newest.
    #[inline]
    fn write(&mut self, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        let at = self.index(self.end);
        let first = bytes.len().min(self.ring.len() - at);
        self.ring[at..at + first].copy_from_slice(&bytes[..first]);
        self.ring[..bytes.len() - first].copy_from_slice(&bytes[first..]);
        self.end += bytes.len() as u64;
        self.valid = (self.valid + bytes.len()).min(self.ring.len());
    }
}

#[cfg(test)]
mod tests {
    use super::{Comparison, Recent};

    #[test]
    fn remembers_the_newest_bytes_over_wraps_and_growth() {
        let whole: Vec<u8> = (0..1000_u32).map(|i| (i % 251).to_le_bytes()[0]).collect();
        for chunk in [1, 3, 64, 100, 999] {
            let mut recent = Recent::default();
            let mut offset = 0;
            for piece in whole.chunks(chunk) {
                recent.push(offset, piece, 256);
                offset += piece.len() as u64;
            }
            assert!(recent.held_bytes() <= 256);
            assert_eq!(recent.compare(744, &whole[744..]), Comparison::Equal);
            assert_eq!(recent.compare(900, &whole[900..950]), Comparison::Equal);
            for at in 744..1000 {
                let mut changed = whole[744..].to_vec();
                changed[at - 744] ^= 1;
                assert_eq!(recent.compare(744, &changed), Comparison::Differs, "chunk {chunk} at {at}");
            }
            assert_eq!(recent.compare(0, &[9; 744]), Comparison::Equal, "what is forgotten cannot differ");
        }
    }

    #[test]
    fn a_jump_forgets() {
        let mut recent = Recent::default();
        recent.push(0, b"abc", 64);
        recent.push(10, b"def", 64);
        assert_eq!(recent.compare(0, b"xyz"), Comparison::Equal);
        assert_eq!(recent.compare(10, b"deX"), Comparison::Differs);
    }
}
