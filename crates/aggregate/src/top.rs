//! The heaviest keys of a stream in bounded memory, with a rest that keeps the total and a published error bound.
//!
//! Space-saving: a new key takes the place of the lightest one. What the leaving key had counted goes to the rest, so the
//! entries and the rest always add up to everything that was added. What a key may have had before it was admitted is its
//! `missed_max`: its true weight lies between its weight and that much more. No key heavier than [`Top::missed_max`] is
//! absent; over one stream and `k` places that is at most the total divided by `k`. Merging adds the bounds of both sides.
//!
//! Source: Metwally, Agrawal, El Abbadi 2005, "Efficient computation of frequent and top-k elements in data streams".

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::fmt;
use std::ops::AddAssign;
use std::sync::Arc;

/// Longer keys are cut, so that memory is bounded; keys equal up to here are one key.
pub const KEY_BYTES_MAX: usize = 256;

/// What is counted of a key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// How many times.
    pub count: u64,
    /// The sum of what each time brought: nanoseconds, bytes.
    pub sum: u128,
}

impl AddAssign for Tally {
    /// Counters stop at their largest value instead of wrapping.
    fn add_assign(&mut self, more: Self) {
        self.count = self.count.saturating_add(more.count);
        self.sum = self.sum.saturating_add(more.sum);
    }
}

/// What makes a key heavy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rank {
    /// How often it comes.
    Count,
    /// What it sums up to.
    Sum,
}

impl Rank {
    fn weight(self, tally: Tally) -> u128 {
        match self {
            Self::Count => tally.count.into(),
            Self::Sum => tally.sum,
        }
    }
}

/// One of the heaviest keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    /// The key, cut at [`KEY_BYTES_MAX`].
    pub key: &'a str,
    /// What was counted of it, exact since it was admitted.
    pub tally: Tally,
    /// How much more its weight may be, since it was not always held; that part is in the rest.
    pub missed_max: u128,
}

/// The heaviest keys of a stream.
#[derive(Clone, Debug)]
pub struct Top {
    capacity: usize,
    rank: Rank,
    slots: Vec<Slot>,
    by_key: BTreeMap<Arc<str>, usize>,
    /// Each slot once, with the weight it had at some time: weights only grow, so the smallest is found by correcting
    /// the head until it is true, and a key that is held costs nothing here.
    lightest: BinaryHeap<Reverse<(u128, usize)>>,
    other: Tally,
    missed_max: u128,
}

#[derive(Clone, Debug)]
struct Slot {
    key: Arc<str>,
    tally: Tally,
    missed_max: u128,
}

impl Slot {
    /// The most that the key may weigh.
    fn most(&self, rank: Rank) -> u128 {
        rank.weight(self.tally).saturating_add(self.missed_max)
    }
}

impl Top {
    /// An empty one with places for `capacity` keys, at least one.
    #[must_use]
    pub fn new(capacity: usize, rank: Rank) -> Self {
        Self {
            capacity: capacity.max(1),
            rank,
            slots: Vec::new(),
            by_key: BTreeMap::new(),
            lightest: BinaryHeap::new(),
            other: Tally::default(),
            missed_max: 0,
        }
    }

    /// Adds to a key. O(log capacity), amortised; allocates only for a key that is not held.
    pub fn add(&mut self, key: &str, tally: Tally) {
        let key = &key[..key.floor_char_boundary(KEY_BYTES_MAX)];
        if let Some(&at) = self.by_key.get(key) {
            self.slots[at].tally += tally;
        } else if self.slots.len() < self.capacity {
            self.push(Slot { key: key.into(), tally, missed_max: self.missed_max });
        } else if self.rank.weight(tally) == 0 {
            // Weighs nothing, so it displaces nothing.
            self.other += tally;
        } else {
            self.displace(key, tally);
        }
    }

    fn push(&mut self, slot: Slot) {
        let at = self.slots.len();
        self.by_key.insert(slot.key.clone(), at);
        self.lightest.push(Reverse((slot.most(self.rank), at)));
        self.slots.push(slot);
    }

    /// Gives the place of the lightest key to a new one.
    fn displace(&mut self, key: &str, tally: Tally) {
        let (most, at) = self.find_lightest();
        self.missed_max = self.missed_max.max(most);
        let slot = Slot { key: key.into(), tally, missed_max: self.missed_max };
        self.by_key.insert(slot.key.clone(), at);
        let gone = std::mem::replace(&mut self.slots[at], slot);
        self.by_key.remove(&gone.key);
        self.other += gone.tally;
    }

    /// The most that the lightest key may weigh, and its slot. There is at least one.
    fn find_lightest(&mut self) -> (u128, usize) {
        loop {
            let mut head = self.lightest.peek_mut().expect("a full top holds a key, and the heap has each slot once");
            let at = head.0.1;
            let most = self.slots[at].most(self.rank);
            if head.0.0 == most {
                return (most, at);
            }
            head.0.0 = most;
        }
    }

    /// Adds all of `other`. Totals stay exact; bounds add up: a key that one side did not hold may have had there as much
    /// as that side may have missed. Exact while all keys of both fit.
    ///
    /// # Errors
    /// [`RankMismatch`] when `other` ranks differently; nothing has changed then.
    pub fn merge(&mut self, other: &Self) -> Result<(), RankMismatch> {
        if self.rank != other.rank {
            return Err(RankMismatch);
        }
        let mut slots = self.union(other);
        slots.sort_unstable_by(|a, b| b.most(self.rank).cmp(&a.most(self.rank)).then_with(|| a.key.cmp(&b.key)));
        let mut merged = Self::new(self.capacity, self.rank);
        merged.other = self.other;
        merged.other += other.other;
        merged.missed_max = self.missed_max.saturating_add(other.missed_max);
        for slot in slots.drain(slots.len().min(self.capacity)..) {
            merged.missed_max = merged.missed_max.max(slot.most(self.rank));
            merged.other += slot.tally;
        }
        slots.into_iter().for_each(|slot| merged.push(slot));
        *self = merged;
        Ok(())
    }

    /// The slots of both, those of equal keys added.
    fn union(&self, other: &Self) -> Vec<Slot> {
        let mut slots = Vec::with_capacity(self.slots.len() + other.slots.len());
        for slot in &self.slots {
            let theirs = other.by_key.get(&slot.key).map(|&at| &other.slots[at]);
            let mut both = slot.clone();
            both.tally += theirs.map(|slot| slot.tally).unwrap_or_default();
            both.missed_max = both.missed_max.saturating_add(theirs.map_or(other.missed_max, |slot| slot.missed_max));
            slots.push(both);
        }
        for slot in other.slots.iter().filter(|slot| !self.by_key.contains_key(&slot.key)) {
            slots.push(Slot { missed_max: slot.missed_max.saturating_add(self.missed_max), ..slot.clone() });
        }
        slots
    }

    /// The `n` keys with the largest counted weight, heaviest first, equal ones by key, and the tally of all else: `~other`.
    #[must_use]
    pub fn heaviest<'a>(&'a self, n: usize) -> (Vec<Entry<'a>>, Tally) {
        let entry = |slot: &'a Slot| Entry { key: &slot.key, tally: slot.tally, missed_max: slot.missed_max };
        let mut entries: Vec<_> = self.slots.iter().map(entry).collect();
        let weight = |entry: &Entry<'_>| self.rank.weight(entry.tally);
        entries.sort_unstable_by(|a, b| weight(b).cmp(&weight(a)).then_with(|| a.key.cmp(b.key)));
        let mut other = self.other;
        entries.drain(entries.len().min(n)..).for_each(|entry| other += entry.tally);
        (entries, other)
    }

    /// Everything that was added, exact.
    #[must_use]
    pub fn total(&self) -> Tally {
        let mut total = self.other;
        self.slots.iter().for_each(|slot| total += slot.tally);
        total
    }

    /// The error bound: no key that is not held weighs more. Zero while every key is held.
    #[must_use]
    pub fn missed_max(&self) -> u128 {
        self.missed_max
    }

    /// The most that any key may weigh, held or not.
    #[must_use]
    pub fn most(&self) -> u128 {
        self.slots.iter().map(|slot| slot.most(self.rank)).fold(self.missed_max, u128::max)
    }

    /// How many keys are held.
    #[must_use]
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// Whether no key is held.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }
}

/// Tops by count and by sum cannot be merged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RankMismatch;

impl fmt::Display for RankMismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a top by count and a top by sum cannot be merged")
    }
}

impl std::error::Error for RankMismatch {}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    type Added = Vec<(u8, u64, u64)>;

    fn tally(count: u64, sum: u64) -> Tally {
        Tally { count, sum: sum.into() }
    }

    fn top(capacity: usize, rank: Rank, added: &Added) -> Top {
        let mut top = Top::new(capacity, rank);
        added.iter().for_each(|&(key, count, sum)| top.add(&key.to_string(), tally(count, sum)));
        top
    }

    fn exact(added: &Added) -> (BTreeMap<String, Tally>, Tally) {
        let (mut by_key, mut total) = (BTreeMap::<_, Tally>::new(), Tally::default());
        for &(key, count, sum) in added {
            *by_key.entry(key.to_string()).or_default() += tally(count, sum);
            total += tally(count, sum);
        }
        (by_key, total)
    }

    /// The laws: totals are kept, true weights lie within the bounds.
    fn holds(top: &Top, added: &Added, capacity: usize) -> Result<(), TestCaseError> {
        let (by_key, total) = exact(added);
        prop_assert_eq!(top.total(), total);
        let (entries, other) = top.heaviest(usize::MAX);
        prop_assert!(entries.len() <= capacity);
        let mut sum = other;
        entries.iter().for_each(|entry| sum += entry.tally);
        prop_assert_eq!(sum, total);
        for (key, &tally) in &by_key {
            let weight = top.rank.weight(tally);
            match entries.iter().find(|entry| entry.key == key) {
                Some(entry) => {
                    let counted = top.rank.weight(entry.tally);
                    prop_assert!(counted <= weight && weight <= counted + entry.missed_max, "{}", key);
                    prop_assert!(entry.missed_max <= top.missed_max());
                }
                None => prop_assert!(weight <= top.missed_max(), "{} is absent", key),
            }
        }
        prop_assert!(by_key.len() > capacity || top.missed_max() == 0);
        Ok(())
    }

    fn added() -> impl Strategy<Value = Added> {
        let key = prop_oneof![0_u8..5, any::<u8>()];
        vec((key, 0_u64..4, 0_u64..1000), 0..300)
    }

    #[test]
    fn a_heavy_key_stays_among_many_light_ones() {
        let mut top = Top::new(10, Rank::Sum);
        for n in 0..1000 {
            top.add("heavy", tally(1, 50));
            top.add(&format!("light {n}"), tally(1, 1));
        }
        let (entries, other) = top.heaviest(1);
        assert_eq!(entries, [Entry { key: "heavy", tally: tally(1000, 50_000), missed_max: 0 }]);
        assert_eq!((other, top.len()), (tally(1000, 1000), 10));
        assert!(top.missed_max() <= 51_000 / 10);
    }

    #[test]
    fn equal_weights_are_in_the_order_of_keys() {
        let top = top(5, Rank::Count, &vec![(3, 1, 0), (1, 1, 9), (2, 2, 0)]);
        let keys: Vec<_> = top.heaviest(5).0.iter().map(|entry| entry.key.to_owned()).collect();
        assert_eq!(keys, ["2", "1", "3"]);
    }

    #[test]
    fn long_keys_are_cut_between_characters() {
        let mut top = Top::new(2, Rank::Count);
        top.add(&"é".repeat(1000), tally(1, 0));
        top.add(&format!("x{}", "é".repeat(1000)), tally(1, 0));
        assert_eq!(top.heaviest(2).0.iter().map(|entry| entry.key.len()).collect::<Vec<_>>(), [255, 256]);
    }

    #[test]
    fn a_top_has_a_place_and_knows_its_rank() {
        let mut none = Top::new(0, Rank::Count);
        assert!(none.is_empty());
        none.add("a", tally(1, 1));
        assert_eq!(none.len(), 1);
        assert_eq!(none.merge(&Top::new(1, Rank::Sum)), Err(RankMismatch));
    }

    proptest! {
        #[test]
        fn totals_are_kept_and_bounds_hold(added in added(), capacity in 1_usize..20, by_sum: bool) {
            let rank = if by_sum { Rank::Sum } else { Rank::Count };
            let top = top(capacity, rank, &added);
            holds(&top, &added, capacity)?;
            prop_assert!(top.missed_max() <= rank.weight(top.total()) / capacity as u128);
        }

        #[test]
        fn merging_keeps_totals_and_bounds(a in added(), b in added(), more in added(), capacity in 1_usize..20) {
            let mut merged = top(capacity, Rank::Sum, &a);
            merged.merge(&top(capacity + 3, Rank::Sum, &b)).expect("both rank by sum");
            more.iter().for_each(|&(key, count, sum)| merged.add(&key.to_string(), tally(count, sum)));
            let all = [a, b, more].concat();
            holds(&merged, &all, capacity)?;
        }

        #[test]
        fn merging_is_exact_while_all_keys_fit(a in added(), b in added()) {
            let mut merged = top(256, Rank::Count, &a);
            merged.merge(&top(256, Rank::Count, &b)).expect("both rank by count");
            let (by_key, _) = exact(&[a, b].concat());
            let (entries, other) = merged.heaviest(256);
            prop_assert_eq!(other, Tally::default());
            prop_assert_eq!(entries.len(), by_key.len());
            prop_assert!(entries.iter().all(|entry| by_key[entry.key] == entry.tally && entry.missed_max == 0));
        }
    }
}
