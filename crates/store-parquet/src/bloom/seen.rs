//! Which texts came by lately.

/// Texts that are remembered.
const PLACES: usize = 1 << 10;
/// Longest text that is remembered.
const BYTES_MAX: usize = 256;

/// Spreads the bits of a number: 2^64 divided by the golden ratio.
pub(super) const MIX: u64 = 0x9e37_79b9_7f4a_7c15;

/// Remembers texts: each has one place, by its ends and length, which the next text there takes. So whoever chooses texts
/// can make it forget, and no more.
#[derive(Debug)]
pub(super) struct Seen(Vec<Vec<u8>>);

impl Default for Seen {
    fn default() -> Self {
        Self(vec![Vec::new(); PLACES])
    }
}

impl Seen {
    /// Whether the text is remembered; it is from now on.
    pub(super) fn has(&mut self, text: &[u8]) -> bool {
        if text.len() > BYTES_MAX {
            return false;
        }
        let known = &mut self.0[place(text)];
        let has = known == text;
        if !has {
            known.clear();
            known.extend_from_slice(text);
        }
        has
    }
}

/// Texts differ at their ends: names at the first, values at the last.
fn place(text: &[u8]) -> usize {
    let (first, last) = match (text.first_chunk::<8>(), text.last_chunk::<8>()) {
        (Some(first), Some(last)) => (u64::from_le_bytes(*first), u64::from_le_bytes(*last)),
        _ => (text.iter().fold(0, |all, byte| all << 8 | u64::from(*byte)), 0),
    };
    let mixed = (first.wrapping_mul(MIX) ^ last).wrapping_add(text.len() as u64).wrapping_mul(MIX);
    (mixed >> 54) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_known_the_second_time_and_no_other_is() {
        let mut seen = Seen::default();
        let texts = ["", "a", "b", "Host: a.example", "Host: b.example", "Hosts: a.example"];
        for text in &texts[1..] {
            assert!(!seen.has(text.as_bytes()), "{text}");
            assert!(seen.has(text.as_bytes()), "{text}");
        }
        assert!(seen.has(b""), "there is nothing to know of it");
        let long = [b'x'; BYTES_MAX + 1];
        assert!(!seen.has(&long) && !seen.has(&long));
        for number in 0..4 * PLACES {
            let text = format!("/a/path/{number}/and/more");
            assert!(!seen.has(text.as_bytes()));
        }
    }
}
