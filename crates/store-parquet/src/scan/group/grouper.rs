//! The groups of one request on one thread.
//!
//! Where there are more groups than may be told apart, those with the smallest hashes stay. So which ones stay depends on
//! the groups alone, not on the order of rows or the number of threads; a group that stays in the end has been told apart
//! from its first row on by every thread.

use std::hash::BuildHasher as _;

use arachne_store::{Group, GroupRequest, Groups, Measured, Number, Scalar};
use foldhash::fast::FixedState;
use hashbrown::HashTable;

use super::fold::{Folded, Folds};
use super::keys::Coder;
use super::measures::Accumulator;
use crate::scan::frame::{Frame, Numbers};

/// Not looked at yet.
const UNSEEN: u32 = u32::MAX;
/// The group of all rows that are not told apart.
const REST: u32 = 0;
/// Values and pairs that are remembered besides those of groups, before all that is not needed is forgotten.
const REMEMBERED: usize = 200_000;

/// The groups of one request on one thread.
pub(super) struct Grouper<'r> {
    request: &'r GroupRequest,
    /// The keys in the order in which they are folded, and their places in the request.
    coders: Vec<(usize, Coder)>,
    folds: Folds,
    /// The group of each folded number.
    slots: Vec<u32>,
    /// Key and hash of each group; the first is the rest.
    groups: Vec<(Vec<Scalar>, u64)>,
    /// Groups above this are not told apart.
    threshold: Option<u64>,
    measures: Vec<Accumulator>,
    rest: u64,
    /// There are too many groups for an answer that is wanted whole.
    given_up: bool,
    codes: Vec<u32>,
    folded: Folded,
}

impl<'r> Grouper<'r> {
    pub(super) fn new(request: &'r GroupRequest) -> Self {
        Self::empty(request, None)
    }

    fn empty(request: &'r GroupRequest, threshold: Option<u64>) -> Self {
        let selection = &request.selection;
        let mut measures: Vec<_> = request.measures.iter().map(|one| Accumulator::new(*one, selection)).collect();
        let keys = request.keys.iter().enumerate();
        let mut coders: Vec<_> = keys.map(|(at, key)| (at, Coder::new(key, &request.selection))).collect();
        coders.sort_by_key(|(_, coder)| coder.radix().map_or((0, 0), |radix| (1, radix)));
        let radixes: Vec<_> = coders.iter().map(|(_, coder)| coder.radix()).collect();
        measures.iter_mut().for_each(|measure| measure.resize(1));
        Self {
            request,
            coders,
            folds: Folds::new(&radixes),
            slots: Vec::new(),
            groups: vec![(Vec::new(), 0)],
            threshold,
            measures,
            rest: 0,
            given_up: false,
            codes: Vec::new(),
            folded: Folded::default(),
        }
    }

    /// Adds rows that passed.
    pub(super) fn add(&mut self, frame: Frame<'_>) {
        if self.given_up {
            return;
        }
        self.fold(frame);
        self.find_groups();
        let mut known: Option<(Number, Numbers<'_>)> = None;
        for measure in &mut self.measures {
            // Several measures of a number stand beside each other.
            let number = measure.number();
            if let Some(number) = number.filter(|number| known.as_ref().is_none_or(|(known, _)| known != number)) {
                known = Some((number, frame.numbers(number)));
            }
            let numbers = known.as_ref().filter(|_| number.is_some()).map(|(_, numbers)| numbers);
            measure.add(&self.folded.rows, frame, numbers);
        }
        self.bound();
    }

    /// Each row's keys as one number.
    fn fold(&mut self, frame: Frame<'_>) {
        self.folded.clear(frame.rows());
        for (at, (_, coder)) in self.coders.iter_mut().enumerate() {
            coder.codes(frame, &mut self.codes);
            self.folds.fold(at, &mut self.folded, &self.codes);
        }
    }

    /// Puts the number of its group in place of each row's folded number.
    fn find_groups(&mut self) {
        let mut rows = std::mem::take(&mut self.folded.rows);
        let mut rest = 0;
        for row in &mut rows {
            let known = self.slots.get(*row as usize).copied().unwrap_or(UNSEEN);
            *row = if known == UNSEEN { self.admit(*row) } else { known };
            rest += u64::from(*row == REST);
        }
        self.rest += rest;
        self.folded.rows = rows;
    }

    /// The group of a folded number that is seen for the first time.
    #[cold]
    fn admit(&mut self, folded: u32) -> u32 {
        let mut key = vec![Scalar::Null; self.coders.len()];
        if !self.coders.is_empty() {
            for ((place, coder), code) in self.coders.iter().zip(self.folds.unfolded(folded)) {
                key[*place] = coder.value(code);
            }
        }
        let group = self.group(key);
        self.set_slot(folded, group);
        group
    }

    fn set_slot(&mut self, folded: u32, group: u32) {
        let slot = folded as usize;
        if slot >= self.slots.len() {
            self.slots.resize((slot + 1).next_power_of_two(), UNSEEN);
        }
        self.slots[slot] = group;
    }

    /// A new group, or the rest where it will not be told apart.
    fn group(&mut self, key: Vec<Scalar>) -> u32 {
        let hash = FixedState::default().hash_one(&key);
        if self.request.groups_max == 0 || self.threshold.is_some_and(|threshold| hash > threshold) {
            return REST;
        }
        self.groups.push((key, hash));
        let groups = self.groups.len();
        self.measures.iter_mut().for_each(|measure| measure.resize(groups));
        u32::try_from(groups - 1).unwrap_or(REST)
    }

    /// Keeps memory bounded.
    fn bound(&mut self) {
        if self.request.whole && self.held() > self.request.groups_max {
            self.give_up();
            return;
        }
        let most = self.request.groups_max.saturating_mul(2);
        let remembered = self.folds.remembered() + self.coders.iter().map(|(_, c)| c.remembered()).sum::<usize>();
        let needed = self.groups.len().saturating_mul(self.coders.len().max(1) * 2);
        if self.groups.len() - 1 > most.max(16_384) || remembered > needed.saturating_add(REMEMBERED) {
            self.forget();
        }
    }

    /// Groups; where measures tell series apart, the series of all groups.
    fn held(&self) -> usize {
        self.measures.iter().map(Accumulator::series).fold(self.groups.len() - 1, usize::max)
    }

    /// Forgets all: nobody wants a part of it.
    fn give_up(&mut self) {
        *self = Self { given_up: true, rest: 1, ..Self::empty(self.request, None) };
    }

    /// Begins anew with the groups that stay.
    fn forget(&mut self) {
        let (kept, threshold) = kept(&self.groups, self.request.groups_max);
        let mut new = Self::empty(self.request, threshold.or(self.threshold));
        new.rest = self.rest + kept.iter().skip(1).filter(|stays| !**stays).count() as u64;
        let place = |(old, stays): (usize, &bool)| if *stays { new.known(self.groups[old].0.clone()) } else { REST };
        let placed: Vec<u32> = kept.iter().enumerate().map(place).collect();
        new.merge(&placed, self);
        *self = new;
    }

    /// The group of a key, from now on.
    fn known(&mut self, key: Vec<Scalar>) -> u32 {
        let mut folded = Folded::default();
        folded.clear(1);
        for (at, (place, coder)) in self.coders.iter_mut().enumerate() {
            self.folds.fold(at, &mut folded, &[coder.encode(&key[*place])]);
        }
        let group = self.group(key);
        self.set_slot(folded.rows[0], group);
        group
    }

    /// Adds each group of `other` to the one at its place in `placed`.
    fn merge(&mut self, placed: &[u32], other: &Self) {
        self.measures.iter_mut().zip(&other.measures).for_each(|(mine, others)| mine.merge(placed, others));
    }

    fn take(&mut self, group: usize) -> Vec<Measured> {
        self.measures.iter_mut().map(|measure| measure.take(group)).collect()
    }
}

/// Which groups stay, and the largest hash of them if some do not.
fn kept(groups: &[(Vec<Scalar>, u64)], most: usize) -> (Vec<bool>, Option<u64>) {
    let mut order: Vec<usize> = (1..groups.len()).collect();
    let mut stays = vec![true; groups.len()];
    stays[0] = false;
    if order.len() <= most {
        return (stays, None);
    }
    order.sort_unstable_by(|a, b| (groups[*a].1, &groups[*a].0).cmp(&(groups[*b].1, &groups[*b].0)));
    order[most..].iter().for_each(|group| stays[*group] = false);
    (stays, most.checked_sub(1).map(|last| groups[order[last]].1))
}

/// The groups of all threads as one answer, in the order of their keys.
pub(super) fn merged(groupers: Vec<Grouper<'_>>) -> Option<Groups> {
    let mut all = groupers.into_iter();
    let mut first = all.next()?;
    if first.given_up || all.as_slice().iter().any(|other| other.given_up) {
        first.give_up();
        return Some(Groups { groups: Vec::new(), rest: Some(first.take(0)), ..Groups::default() });
    }
    // By the hashes that groups have already, and without keys of its own: there may be hundreds of thousands.
    let mut known: HashTable<u32> = HashTable::with_capacity(first.groups.len());
    if !all.as_slice().is_empty() {
        for (group, (_, hash)) in (0..).zip(&first.groups).skip(1) {
            known.insert_unique(*hash, group, |group| first.groups[*group as usize].1);
        }
    }
    for other in all {
        first.rest += other.rest;
        let mut placed = vec![REST];
        for (key, hash) in other.groups.iter().skip(1) {
            if first.request.whole && first.groups.len() - 1 > first.request.groups_max {
                break;
            }
            let group = match known.find(*hash, |group| first.groups[*group as usize].0 == *key) {
                Some(group) => *group,
                None => {
                    let group = u32::try_from(first.groups.len()).unwrap_or(REST);
                    first.groups.push((key.clone(), *hash));
                    known.insert_unique(*hash, group, |group| first.groups[*group as usize].1);
                    let groups = first.groups.len();
                    first.measures.iter_mut().for_each(|measure| measure.resize(groups));
                    group
                }
            };
            placed.push(group);
        }
        first.merge(&placed, &other);
    }
    if first.request.whole && first.held() > first.request.groups_max {
        first.give_up();
    } else if first.groups.len() - 1 > first.request.groups_max {
        first.forget();
    }
    if first.request.keys.is_empty() && first.groups.len() == 1 && first.request.groups_max > 0 {
        first.group(Vec::new());
    }
    let mut groups: Vec<Group> = (1..first.groups.len())
        .map(|group| Group { key: std::mem::take(&mut first.groups[group].0), measures: first.take(group) })
        .collect();
    groups.sort_unstable_by(|a, b| a.key.cmp(&b.key));
    let rest = (first.rest > 0).then(|| first.take(0));
    Some(Groups { groups, rest, scanned: arachne_store::Scanned::default() })
}
