//! Beacons: what browsers tell of pages that were loaded, as series, 10 s after 10 s.
//!
//! A beacon is the query of a request, whoever took it: the server's own route or an nginx location whose log is read. What its
//! numbers mean is Navigation Timing 2 (stages) and Web Vitals. Pages and releases are named by strangers: the heaviest have
//! series of their own, all others are `~other`.

mod read;
mod window;

use std::collections::BTreeMap;

pub use read::{Beacon, STAGES, Unfit, VITALS, Vital};
pub use window::Window;

use crate::Normaliser;
use crate::access::job::Bots;
use crate::members::Members;
use crate::top::{KEY_BYTES_MAX, Rank, Tally, Top};
use crate::windows::{Missed, Windows};
use window::Group;

/// Pairs of page and release with series of their own.
const GROUPS_MAX: usize = 256;
/// Pairs without, which are watched within a window in case they get heavy.
const CANDIDATES: usize = 100;

/// Counts beacons.
#[derive(Clone, Debug)]
pub struct Beacons {
    normaliser: Normaliser,
    bots: Bots,
    groups: Members,
    candidates: Top,
    windows: Windows<Window>,
    outcomes: BTreeMap<&'static str, u64>,
}

impl Beacons {
    /// `seed` should be random: it keeps strangers from choosing what collides.
    #[must_use]
    pub fn new(normaliser: Normaliser, seed: u64) -> Self {
        Self {
            normaliser,
            bots: Bots::new(seed),
            groups: Members::new(GROUPS_MAX, seed),
            candidates: Top::new(CANDIDATES, Rank::Count),
            windows: Windows::default(),
            outcomes: BTreeMap::new(),
        }
    }

    /// Makes templates by other rules from now on.
    pub fn go_by(&mut self, normaliser: Normaliser) {
        self.normaliser = normaliser;
    }

    /// Counts the beacon that `query` is, sent by a `user_agent` at `at` (nanoseconds since the Unix epoch; `arrived` is when it was
    /// read). The page of what comes back is a template where it was a path.
    ///
    /// # Errors
    /// Why it does not count; it is counted so.
    pub fn push(&mut self, query: &[u8], user_agent: &[u8], at: i64, arrived: i64) -> Result<Beacon, Unfit> {
        let taken = self.take(query, user_agent, at, arrived);
        let outcome = taken.as_ref().map_or_else(|unfit| unfit.name(), |_| "counted");
        *self.outcomes.entry(outcome).or_default() += 1;
        taken
    }

    fn take(&mut self, query: &[u8], user_agent: &[u8], at: i64, arrived: i64) -> Result<Beacon, Unfit> {
        let mut beacon = Beacon::read(query)?;
        if beacon.automated || self.bots.is_bot(user_agent) {
            return Err(Unfit::Bot);
        }
        if beacon.page.starts_with('/') || beacon.page.contains("://") {
            let mut template = String::new();
            self.normaliser.normalise(&beacon.page, &mut template);
            beacon.page = template;
        }
        let before = self.windows.newest();
        let number = self.windows.enter(at, arrived, Window::default);
        if let Some(before) = before.filter(|before| Some(*before) != self.windows.newest()) {
            self.rank(before);
        }
        let window = number.and_then(|number| self.windows.held(number)).ok_or(Unfit::Late)?;
        let key = Group::key(&beacon.page, beacon.release.as_deref());
        let slot = self.groups.slot(&key);
        if slot.is_none() {
            self.candidates.add(&key, Tally { count: beacon.weight, sum: 0 });
        }
        window.groups.at(slot).add(&beacon);
        Ok(beacon)
    }

    /// One was not even looked at: too many came.
    pub fn refuse(&mut self) {
        *self.outcomes.entry("limited").or_default() += 1;
    }

    /// At the end of a window: who keeps or earned a place in it.
    fn rank(&mut self, number: i64) {
        let candidates = std::mem::replace(&mut self.candidates, Top::new(CANDIDATES, Rank::Count));
        let Some(window) = self.windows.held(number) else { return };
        window.bound(u64::try_from(candidates.most()).unwrap_or(u64::MAX));
        let left = self.groups.keep(number, &window.groups, &candidates);
        for window in self.windows.held_mut() {
            left.iter().for_each(|(slot, name)| window.groups.leave(*slot, name));
        }
    }

    /// Closes all windows and gives those that were not taken, each with its start in nanoseconds since the Unix epoch. A window can
    /// come more than once: what it holds is to be added to what came before.
    pub fn finish(&mut self) -> Vec<(i64, Window)> {
        if let Some(newest) = self.windows.newest() {
            self.rank(newest);
        }
        self.windows.close();
        let mut closed = self.windows.take_closed();
        for (_, window) in &mut closed {
            window.groups.settle(|slot| self.groups.name(slot));
        }
        closed
    }

    /// What became of beacons since this was asked last.
    pub fn outcomes(&mut self) -> BTreeMap<&'static str, u64> {
        std::mem::take(&mut self.outcomes)
    }

    /// Beacons of no open window.
    #[must_use]
    pub fn missed(&self) -> Missed {
        self.windows.missed()
    }
}

/// A key that would be cut as a candidate is the name of nobody.
const _: () = assert!(read::PAGE_BYTES_MAX + 1 + read::RELEASE_BYTES_MAX < KEY_BYTES_MAX);

#[cfg(test)]
mod tests;
