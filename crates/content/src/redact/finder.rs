//! Finds the first of many short strings in a text, in any case: what an automaton finds, at the speed of a filter.
//!
//! Three tables say of three bytes in a row which strings could start there; only where one could does the automaton
//! look. Ordinary text has such places once in a hundred bytes, so the tables do nearly all of the work, and unlike the
//! steps of an automaton their lookups do not wait for each other.

use aho_corasick::{AhoCorasick, Anchored, Input, Match, MatchKind, StartKind};

/// Bytes that the filter looks at together.
const GRAM: usize = 3;
/// Places that are judged by one branch.
const STRIDE: usize = 8;
/// Strings share bits of this many when they are more.
const BITS: usize = u64::BITS as usize;

/// Which bytes may follow each other: three of them may where a bit is set for each at its place.
pub(super) struct Grams {
    /// For each of the three places and each byte, the strings that may have it there.
    pub(super) bytes: Box<[[u64; 256]; GRAM]>,
    /// For each of the three places, the strings that end before it.
    pub(super) short: [u64; GRAM],
}

impl Default for Grams {
    fn default() -> Self {
        Self { bytes: Box::new([[0; 256]; GRAM]), short: [0; GRAM] }
    }
}

/// A searcher for the leftmost string; of those that start there, the first of the list.
pub(super) struct Finder {
    automaton: AhoCorasick,
    grams: Grams,
}

impl Finder {
    /// Builds the tables; `None` when the strings are too many (gigabytes of them).
    pub(super) fn new<'a>(strings: impl Iterator<Item = &'a str> + Clone) -> Option<Self> {
        let automaton = AhoCorasick::builder()
            .ascii_case_insensitive(true)
            .match_kind(MatchKind::LeftmostFirst)
            .start_kind(StartKind::Anchored)
            .build(strings.clone())
            .ok()?;
        let mut grams = Grams::default();
        for (number, string) in strings.enumerate() {
            let bit = 1 << (number % BITS);
            for place in 0..GRAM {
                match string.as_bytes().get(place) {
                    Some(byte) => {
                        grams.bytes[place][usize::from(byte.to_ascii_lowercase())] |= bit;
                        grams.bytes[place][usize::from(byte.to_ascii_uppercase())] |= bit;
                    }
                    None => {
                        grams.bytes[place].iter_mut().for_each(|strings| *strings |= bit);
                        grams.short[place] |= bit;
                    }
                }
            }
        }
        Some(Self { automaton, grams })
    }

    /// All places of strings that do not overlap, from left to right.
    pub(super) fn find_iter<'a>(&'a self, text: &'a [u8]) -> impl Iterator<Item = Match> + 'a {
        let mut at = 0;
        std::iter::from_fn(move || {
            let found = self.find(text, at)?;
            at = found.end();
            Some(found)
        })
    }

    /// The first string that starts at `from` or behind it.
    fn find(&self, text: &[u8], from: usize) -> Option<Match> {
        let mut at = from;
        loop {
            at = self.grams.next(text, at)?;
            let here = Input::new(text).range(at..).anchored(Anchored::Yes);
            // It only fails where searches of this kind were not asked for when it was built.
            if let Some(found) = self.automaton.try_find(here).ok().flatten() {
                return Some(found);
            }
            at += 1;
        }
    }

    /// Whether a string could start anywhere.
    pub(super) fn may_find(&self, text: &[u8]) -> bool {
        self.grams.next(text, 0).is_some()
    }
}

impl Grams {
    /// All places where one of them starts.
    pub(super) fn find_iter<'a>(&'a self, text: &'a [u8]) -> impl Iterator<Item = usize> + 'a {
        std::iter::successors(self.next(text, 0), |at| self.next(text, at + 1))
    }

    /// The first place at `from` or behind it where one of them starts.
    fn next(&self, text: &[u8], from: usize) -> Option<usize> {
        let [first, second, third] = &*self.bytes;
        let strings = |gram: &[u8]| match *gram {
            [a, b, c, ..] => first[usize::from(a)] & second[usize::from(b)] & third[usize::from(c)],
            [a, b] => first[usize::from(a)] & second[usize::from(b)] & self.short[2],
            [a] => first[usize::from(a)] & self.short[1],
            [] => 0,
        };
        let mut at = from;
        while let Some(block) = text.get(at..at + STRIDE + GRAM - 1) {
            if block.windows(GRAM).fold(0, |any, gram| any | strings(gram)) != 0 {
                break;
            }
            at += STRIDE;
        }
        (at..text.len()).find(|&at| strings(&text[at..text.len().min(at + GRAM)]) != 0)
    }
}

#[cfg(test)]
mod tests {
    use aho_corasick::{AhoCorasick, MatchKind};
    use proptest::prelude::*;

    use super::Finder;

    proptest! {
        #[test]
        fn it_finds_what_an_automaton_finds(
            strings in proptest::collection::vec("[abC\u{e9}]{1,4}", 0..100),
            text in "[abcABd\u{e9}]{0,60}",
        ) {
            let automaton = AhoCorasick::builder()
                .ascii_case_insensitive(true)
                .match_kind(MatchKind::LeftmostFirst)
                .build(&strings)
                .unwrap();
            let finder = Finder::new(strings.iter().map(String::as_str)).unwrap();
            let all: Vec<_> = automaton.find_iter(&text).collect();
            prop_assert_eq!(finder.find_iter(text.as_bytes()).collect::<Vec<_>>(), all);
        }
    }
}
