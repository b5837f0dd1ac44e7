//! Which of any number of things have series of their own.

use std::collections::BTreeMap;

use arachne_aggregate::members::Members;
use arachne_aggregate::windows::WIDTH;

/// The heaviest of things, by several measures at once; one that was heavy stays for half an hour after.
#[derive(Debug)]
pub(crate) struct Places {
    members: Members,
    each: usize,
}

impl Places {
    /// `each` of the heaviest by every measure earn a place; there are `places`.
    pub(crate) fn new(places: usize, each: usize) -> Self {
        Self { members: Members::new(places, 0), each }
    }

    /// Splits things by name into those with a place and all others added up with `add`. `measures` say how heavy one is.
    pub(crate) fn split<T: Default>(
        &mut self,
        second: i64,
        things: BTreeMap<String, T>,
        measures: &[&dyn Fn(&T) -> u64],
        mut add: impl FnMut(&mut T, &T),
    ) -> (BTreeMap<String, T>, Option<T>) {
        let window = second / (WIDTH / 1_000_000_000);
        for measure in measures {
            let mut ranked: Vec<(u64, &str)> =
                things.iter().map(|(name, thing)| (measure(thing), name.as_str())).collect();
            ranked.retain(|(weight, _)| *weight > 0);
            ranked.sort_unstable_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(b.1)));
            for (_, name) in ranked.into_iter().take(self.each) {
                self.members.earn(name, window);
            }
        }
        let mut other = None;
        let mut named = BTreeMap::new();
        for (name, thing) in things {
            if self.members.slot(&name).is_some() {
                named.insert(name, thing);
            } else {
                add(other.get_or_insert_with(T::default), &thing);
            }
        }
        (named, other)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn sums_are_kept_the_heaviest_have_places_and_there_are_no_more_of_those(
            readings in proptest::collection::vec(proptest::collection::btree_map("[a-j]", (0_u64..100, 0_u64..100), 0..10), 1..8),
        ) {
            let mut places = Places::new(4, 2);
            for (second, things) in readings.into_iter().enumerate() {
                let sum = things.values().fold((0, 0), |sum, thing| (sum.0 + thing.0, sum.1 + thing.1));
                let heaviest = things.iter().max_by(|a, b| a.1.0.cmp(&b.1.0).then_with(|| b.0.cmp(a.0)));
                let heaviest = heaviest.filter(|(_, thing)| thing.0 > 0).map(|(name, _)| name.clone());
                // Hours apart: nobody has earned a place so recently that it could not be taken.
                let second = i64::try_from(second).expect("eight at most") * 3600;
                let add = |sum: &mut (u64, u64), more: &(u64, u64)| *sum = (sum.0 + more.0, sum.1 + more.1);
                let (named, other) = places.split(second, things, &[&|thing| thing.0, &|thing| thing.1], add);
                prop_assert!(named.len() <= 4);
                prop_assert!(heaviest.is_none_or(|name| named.contains_key(&name)));
                let told = named.values().fold(other.unwrap_or_default(), |sum, thing| (sum.0 + thing.0, sum.1 + thing.1));
                prop_assert_eq!(told, sum);
            }
        }
    }
}
