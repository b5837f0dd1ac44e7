//! What was found out about texts that come over and over, in bounded memory: a new text takes the place of an old one.

use std::hash::BuildHasher as _;

use foldhash::fast::FixedState;

/// Longer texts are not remembered.
const TEXT_BYTES_MAX: usize = 200;

/// Answers by text, of at most 200 bytes each.
#[derive(Clone, Debug)]
pub(super) struct Memo<T> {
    hasher: FixedState,
    places: Vec<(Vec<u8>, Option<T>)>,
}

impl<T: Copy> Memo<T> {
    /// With so many places, a power of two: more of them answer more, as long as they stay in the cache of a core.
    pub(super) fn new(places: usize, seed: u64) -> Self {
        debug_assert!(places.is_power_of_two(), "{places}");
        Self { hasher: FixedState::with_seed(seed), places: (0..places).map(|_| (Vec::new(), None)).collect() }
    }

    fn place(&self, text: &[u8]) -> usize {
        // The high bits of the hash are the better mixed ones.
        (self.hasher.hash_one(text) >> 40) as usize & (self.places.len() - 1)
    }

    /// The answer for a text, by `judge` where it is not known.
    #[inline]
    pub(super) fn get_or(&mut self, text: &[u8], judge: impl FnOnce() -> T) -> T {
        if text.len() > TEXT_BYTES_MAX {
            return judge();
        }
        let at = self.place(text);
        if let (held, Some(answer)) = &self.places[at]
            && held == text
        {
            return *answer;
        }
        let answer = judge();
        let (held, place) = &mut self.places[at];
        held.clear();
        held.extend_from_slice(text);
        *place = Some(answer);
        answer
    }

    /// Forgets all answers, not the room for them.
    pub(super) fn forget(&mut self) {
        self.places.iter_mut().for_each(|(_, answer)| *answer = None);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_those_of_their_texts() {
        let mut memo = Memo::new(1024, 7);
        for round in 0..2 {
            for number in 0..20_000_usize {
                let text = "x".repeat(number % 300) + &number.to_string();
                assert_eq!(memo.get_or(text.as_bytes(), || number), number, "{round}");
            }
        }
        assert_eq!(memo.get_or(b"a", || 1), 1);
        assert_eq!(memo.get_or(b"a", || 2), 1);
        memo.forget();
        assert_eq!(memo.get_or(b"a", || 2), 2);
    }
}
