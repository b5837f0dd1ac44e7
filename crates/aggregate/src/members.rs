//! Which names have series of their own: those that earn it, kept for half an hour after they stop.
//!
//! While there are free places each new name gets one, on trial. At the end of a window the names that were heavy in it
//! earn their places; a heavy name without one takes that of a name on trial, else of one that has not earned its own
//! for [`KEPT`] windows. All others are counted together.

use std::sync::Arc;

use foldhash::fast::FixedState;
use hashbrown::HashMap;

use crate::series::OTHER;
use crate::top::{KEY_BYTES_MAX, Top};

/// Windows that a name keeps its place without earning it again: 30 minutes of 10 s.
pub const KEPT: i64 = 180;

/// Names by slot.
#[derive(Clone, Debug)]
pub struct Members {
    slots: Vec<Member>,
    by_name: HashMap<Arc<str>, usize, FixedState>,
    places: usize,
}

#[derive(Clone, Debug)]
struct Member {
    name: Arc<str>,
    /// The window in which it last earned its place; None on trial.
    earned: Option<i64>,
}

impl Members {
    /// None yet. `seed` keeps strangers from choosing names that collide.
    #[must_use]
    pub fn new(places: usize, seed: u64) -> Self {
        Self { slots: Vec::new(), by_name: HashMap::with_hasher(FixedState::with_seed(seed)), places }
    }

    /// The slot of a name that has one or gets one.
    pub fn slot(&mut self, name: &str) -> Option<usize> {
        if let Some(slot) = self.by_name.get(name) {
            return Some(*slot);
        }
        (self.slots.len() < self.places).then(|| {
            let name: Arc<str> = name.into();
            self.by_name.insert(name.clone(), self.slots.len());
            self.slots.push(Member { name, earned: None });
            self.slots.len() - 1
        })
    }

    pub(crate) fn name(&self, slot: usize) -> &Arc<str> {
        &self.slots[slot].name
    }

    /// A name was heavy in a window. The slot and former name of who made place for it, if one had to.
    pub fn earn(&mut self, name: &str, window: i64) -> Option<(usize, Arc<str>)> {
        if let Some(slot) = self.slot(name) {
            self.slots[slot].earned = Some(window);
            return None;
        }
        let leaves = |(_, member): &(usize, &Member)| member.earned.is_none_or(|earned| window - earned > KEPT);
        let (slot, _) = self.slots.iter().enumerate().filter(leaves).min_by_key(|(_, member)| member.earned)?;
        let member = Member { name: name.into(), earned: Some(window) };
        self.by_name.insert(member.name.clone(), slot);
        let gone = std::mem::replace(&mut self.slots[slot], member);
        self.by_name.remove(&gone.name);
        Some((slot, gone.name))
    }

    /// At the end of a window: names that were in it keep their places, and the heaviest ones without get those of names
    /// long quiet. Which slots change hands, with whom they were.
    pub(crate) fn keep<T: Default>(
        &mut self,
        number: i64,
        window: &Named<T>,
        candidates: &Top,
    ) -> Vec<(usize, Arc<str>)> {
        window.slots().for_each(|(slot, _)| self.slots[slot].earned = Some(number));
        let candidates = candidates.heaviest(usize::MAX).0.into_iter();
        // What was cut there is the name of nobody.
        let whole = candidates.filter(|one| one.key.len() < KEY_BYTES_MAX);
        whole.filter_map(|one| self.earn(one.key, number)).collect()
    }
}

/// Values by slot; of slots that changed hands by name; of all others together.
#[derive(Clone, Debug, Default)]
pub(crate) struct Named<T> {
    slots: Vec<Option<Box<T>>>,
    named: Vec<(Arc<str>, Box<T>)>,
    pub(crate) other: T,
    /// No name had more of the first `bounded` of those in `other` than this.
    bound: u64,
    bounded: u64,
}

impl<T: Default> Named<T> {
    /// What is held of a slot; of all others without one.
    pub(crate) fn at(&mut self, slot: Option<usize>) -> &mut T {
        let Some(slot) = slot else { return &mut self.other };
        if slot >= self.slots.len() {
            self.slots.resize_with(slot + 1, || None);
        }
        self.slots[slot].get_or_insert_default()
    }

    /// The slot is another's from now on; what it holds is of `name`.
    pub(crate) fn leave(&mut self, slot: usize, name: &Arc<str>) {
        let held = self.slots.get_mut(slot).and_then(Option::take);
        self.named.extend(held.map(|held| (name.clone(), held)));
    }

    /// Of the `counted` that are in `other` up to now, no name has more than `most`.
    pub(crate) fn bound(&mut self, most: u64, counted: u64) {
        // Who was watched may have been so in other windows, too.
        (self.bound, self.bounded) = (most.min(counted), counted);
    }

    /// The error bound: no name within `other`, where `counted` are by now, has more than this. Those that came behind the bound may all
    /// be of one name.
    pub(crate) fn other_max(&self, counted: u64) -> u64 {
        self.bound + counted.saturating_sub(self.bounded)
    }

    /// What is held by slot.
    pub(crate) fn slots(&self) -> impl Iterator<Item = (usize, &T)> {
        self.slots.iter().enumerate().filter_map(|(slot, held)| Some((slot, held.as_deref()?)))
    }

    /// Gives each slot the name of its member.
    pub(crate) fn settle<'a>(&mut self, name: impl Fn(usize) -> &'a Arc<str>) {
        let slots = std::mem::take(&mut self.slots).into_iter().enumerate();
        self.named.extend(slots.filter_map(|(slot, held)| Some((name(slot).clone(), held?))));
    }

    /// What is held by name, the last being of all others.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&str, &T)> {
        let named = self.named.iter().map(|(name, held)| (name.as_ref(), held.as_ref()));
        named.chain([(OTHER, &self.other)])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_heavy_name_takes_the_place_of_one_on_trial_then_of_one_long_quiet() {
        let mut members = Members::new(2, 0);
        assert_eq!((members.slot("a"), members.slot("b"), members.slot("c")), (Some(0), Some(1), None));
        assert_eq!(members.earn("a", 1), None);
        assert_eq!(members.earn("c", 1), Some((1, "b".into())));
        assert_eq!((members.slot("b"), members.slot("c")), (None, Some(1)));
        assert_eq!(members.earn("b", 2), None);
        assert_eq!((members.slot("b"), members.earn("c", 100)), (None, None));
        assert_eq!(members.earn("b", 1 + KEPT), None);
        assert_eq!(members.earn("b", 2 + KEPT), Some((0, "a".into())));
        assert_eq!(members.name(0).as_ref(), "b");
    }
}
