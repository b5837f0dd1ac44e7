//! Which batches of senders are there. Engines remember it with the rows, so that a batch that is sent again is not taken again.

use std::collections::BTreeMap;

use crate::store::Token;

/// Senders that are remembered. Policy: those that sent nothing for longest are forgotten.
pub const SENDERS_MAX: usize = 10_000;

/// Holes in the sequence of a sender that are remembered. Policy: the lowest counts as filled, since what it lacks was given
/// up long ago.
const HOLES_MAX: usize = 64;

/// The sequences of one sender: ranges with both ends inside, ascending, with holes between them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sequences(Vec<(u64, u64)>);

impl Sequences {
    /// Those of [`Self::ranges`]; what is not in order is put in order.
    #[must_use]
    pub fn of(ranges: &[(u64, u64)]) -> Self {
        let mut all = Self::default();
        ranges.iter().for_each(|(first, last)| all.add(*first, *last));
        all
    }

    /// The ranges.
    #[must_use]
    pub fn ranges(&self) -> &[(u64, u64)] {
        &self.0
    }

    /// Whether a sequence is there. O(log holes).
    #[must_use]
    pub fn contains(&self, sequence: u64) -> bool {
        let at = self.0.partition_point(|(_, last)| *last < sequence);
        self.0.get(at).is_some_and(|(first, _)| *first <= sequence)
    }

    /// Adds all from `first` to `last`.
    fn add(&mut self, first: u64, last: u64) {
        if first > last {
            return;
        }
        // Ranges from `from` on up to `to` touch the new one and become part of it.
        let from = self.0.partition_point(|(_, end)| end.saturating_add(1) < first);
        let to = self.0.partition_point(|(begin, _)| *begin <= last.saturating_add(1));
        let (first, last) = match self.0.get(from..to) {
            Some([.., end]) => (first.min(self.0[from].0), last.max(end.1)),
            _ => (first, last),
        };
        self.0.splice(from..to.max(from), [(first, last)]);
        while self.0.len() > HOLES_MAX + 1 {
            let lowest = self.0.remove(0);
            self.0[0].0 = lowest.0;
        }
    }
}

/// The sequences of all senders.
#[derive(Clone, Debug, Default)]
pub struct Senders {
    known: BTreeMap<String, (u64, Sequences)>,
    /// Grows with each use.
    uses: u64,
}

/// Equal when the same batches are there, however they came.
impl PartialEq for Senders {
    fn eq(&self, other: &Self) -> bool {
        let plain =
            |one: &'_ Self| one.known.iter().map(|(name, (_, s))| (name.clone(), s.clone())).collect::<Vec<_>>();
        plain(self) == plain(other)
    }
}

impl Eq for Senders {}

impl Senders {
    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    /// Whether a batch is there.
    #[must_use]
    pub fn contains(&self, token: &Token) -> bool {
        self.known.get(&token.sender).is_some_and(|(_, sequences)| sequences.contains(token.sequence))
    }

    /// Whether a sender whose name ends so has a batch of this sequence there.
    #[must_use]
    pub fn has(&self, sender_end: &str, sequence: u64) -> bool {
        let named = self.known.iter().filter(|(name, _)| name.ends_with(sender_end));
        named.into_iter().any(|(_, (_, sequences))| sequences.contains(sequence))
    }

    /// A batch is there; whether it is new.
    pub fn insert(&mut self, token: &Token) -> bool {
        if self.contains(token) {
            return false;
        }
        self.add(&token.sender, &[(token.sequence, token.sequence)]);
        true
    }

    /// Ranges of a sender's batches are there.
    pub fn add(&mut self, sender: &str, ranges: &[(u64, u64)]) {
        self.uses += 1;
        if !self.known.contains_key(sender) {
            self.make_room();
            self.known.insert(sender.to_owned(), (0, Sequences::default()));
        }
        if let Some((used, sequences)) = self.known.get_mut(sender) {
            *used = self.uses;
            ranges.iter().for_each(|(first, last)| sequences.add(*first, *last));
        }
    }

    /// The batches of a sender.
    #[must_use]
    pub fn of(&self, sender: &str) -> Option<&Sequences> {
        self.known.get(sender).map(|(_, sequences)| sequences)
    }

    /// All senders, those that were used longest ago first.
    #[must_use]
    pub fn all(&self) -> Vec<(&str, &Sequences)> {
        let mut all: Vec<_> = self.known.iter().map(|(name, (used, sequences))| (*used, &**name, sequences)).collect();
        all.sort_unstable_by_key(|(used, ..)| *used);
        all.into_iter().map(|(_, name, sequences)| (name, sequences)).collect()
    }

    /// Sees to it that one more fits. A tenth goes at once, so that this is seldom.
    fn make_room(&mut self) {
        if self.known.len() < SENDERS_MAX {
            return;
        }
        let oldest: Vec<String> =
            self.all().iter().take(SENDERS_MAX / 10).map(|(name, _)| (*name).to_owned()).collect();
        oldest.iter().for_each(|name| drop(self.known.remove(name)));
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn token(sender: &str, sequence: u64) -> Token {
        Token { sender: sender.to_owned(), sequence }
    }

    #[test]
    fn sequences_in_any_order_are_as_a_set_of_them() {
        // Every order of a few numbers, by a permutation for each seed.
        for seed in 0..2000_u64 {
            let mut random = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
            let (mut sequences, mut expected) = (Sequences::default(), BTreeSet::new());
            for _ in 0..40 {
                random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let number = (random >> 33) % 60;
                sequences.add(number, number);
                expected.insert(number);
                assert!((0..62).all(|n| sequences.contains(n) == expected.contains(&n)), "{seed}: {sequences:?}");
            }
            let apart = sequences.0.windows(2).all(|two| two[0].1 + 1 < two[1].0);
            assert!(apart && sequences == Sequences::of(sequences.ranges()), "{sequences:?}");
        }
    }

    #[test]
    fn in_order_it_is_one_range_and_holes_are_few() {
        let mut sequences = Sequences::default();
        (1..=100_000).for_each(|n| sequences.add(n, n));
        assert_eq!(sequences.ranges(), [(1, 100_000)]);
        (0..1000).for_each(|n| sequences.add(200_000 + 2 * n, 200_000 + 2 * n));
        assert_eq!(sequences.ranges().len(), HOLES_MAX + 1);
        assert!(sequences.contains(200_001) && !sequences.contains(201_997) && !sequences.contains(202_000));
        sequences.add(u64::MAX, u64::MAX);
        sequences.add(0, u64::MAX - 1);
        assert_eq!(sequences.ranges(), [(0, u64::MAX)]);
        sequences.add(5, 4);
        assert_eq!(sequences.ranges(), [(0, u64::MAX)]);
    }

    #[test]
    fn a_busy_sender_pushes_nobody_out() {
        let mut senders = Senders::default();
        assert!(senders.insert(&token("quiet", 1)));
        (1..50_000).for_each(|n| assert!(senders.insert(&token("busy", n))));
        assert!(!senders.insert(&token("quiet", 1)) && senders.contains(&token("busy", 7)));
        for n in 0..SENDERS_MAX {
            senders.insert(&token(&format!("{n}"), 1));
        }
        assert!(senders.known.len() <= SENDERS_MAX && !senders.contains(&token("quiet", 1)));
        assert!(senders.contains(&token(&format!("{}", SENDERS_MAX - 1), 1)));
        let mut again = Senders::default();
        senders.all().iter().for_each(|(name, sequences)| again.add(name, sequences.ranges()));
        assert_eq!(again, senders);
    }
}
