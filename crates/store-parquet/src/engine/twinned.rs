//! Rows in memory meet their twins in parts, before either is seen. Nothing is read of parts while somebody waits for a lock.

use std::collections::HashSet;
use std::sync::{Arc, MutexGuard, PoisonError};

use arachne_store::StoreError;

use super::core::Core;
use super::live::Live;
use crate::part::{Group, Part};
use crate::rows::place;
use crate::snapshot::TableSnapshot;
use crate::twins::arrivals::Arrivals;
use crate::twins::keys::{KeyCache, Keys};
use crate::twins::met::{self, Found};

/// What was looked up in parts for rows that come, or for parts that come.
#[derive(Debug, Default)]
pub(crate) struct Looked {
    /// The parts.
    paths: HashSet<String>,
    rows: usize,
    found: Found,
    /// Not all that is near was looked at.
    short: bool,
}

impl Core {
    /// Compares rows that come with the parts near them.
    pub fn look(&self, arrivals: &Arrivals) -> Looked {
        let mut looked = Looked::default();
        let parts = self.live().near(arrivals, &looked.paths);
        let rows_max = self.keys().rows_max;
        parts.iter().for_each(|part| self.look_at(part, arrivals, rows_max, &mut looked));
        looked
    }

    /// Changes what is in memory, `arrivals` among it, together with the twins that these have in parts. Only parts that have come
    /// since they were `looked` up are looked at here, where a flush waits.
    pub fn with_twins<T>(&self, arrivals: &Arrivals, mut looked: Looked, then: impl FnOnce(&mut Live) -> T) -> T {
        loop {
            let mut live = self.live();
            let new = live.near(arrivals, &looked.paths);
            if new.is_empty() {
                add(&mut live, looked);
                return then(&mut live);
            }
            drop(live);
            let rows_max = self.keys().rows_max;
            new.iter().for_each(|part| self.look_at(part, arrivals, rows_max, &mut looked));
        }
    }

    /// New parts are about to be there: what rows in memory have in them, without those that are frozen where these are what is in
    /// the parts. Rows that come from now on are compared with the new parts as with all others.
    pub fn meet(&self, parts: &[Part], thaw: bool) -> Looked {
        let mut looked = Looked::default();
        let (new, memory) = {
            let mut live = self.live();
            let known: HashSet<&str> = live.parts(0).iter().map(|part| &*part.meta.path).collect();
            // Others are there already, and have other rows that count.
            let is_new = |part: &&Part| place(part.table) == 0 && !known.contains(&*part.meta.path);
            let new: Vec<Part> = parts.iter().filter(is_new).cloned().collect();
            if new.is_empty() {
                return looked;
            }
            live.coming.clone_from(&new);
            (new, live.exchanges(!thaw))
        };
        let arrivals = memory.arrivals();
        for part in new.iter().filter(|part| arrivals.may_meet(part)) {
            // All of it was just written, or read to be written: there is no hurry.
            self.look_at(part, &arrivals, usize::MAX, &mut looked);
        }
        looked
    }

    /// The parts that [`Self::meet`] met are there, others are gone.
    pub fn met(&self, live: &mut Live, looked: Looked, gone: &[String]) {
        live.coming.clear();
        add(live, looked);
        gone.iter().for_each(|path| live.met.forget(path));
        let mut keys = self.keys();
        gone.iter().for_each(|path| keys.forget(path));
    }

    /// Compares rows with the row groups of a part that are near them, the newest first, up to `rows_max` rows of all parts. Where
    /// a part is damaged, questions lack its rows as well.
    fn look_at(&self, part: &Part, arrivals: &Arrivals, rows_max: usize, looked: &mut Looked) {
        looked.paths.insert(part.meta.path.clone());
        let path: Arc<str> = part.meta.path.as_str().into();
        let outcome = self.groups_of(part).and_then(|groups| {
            let near = |(_, group): &(usize, Group)| arrivals.near().meets(group.starts.0, group.starts.1);
            for (number, group) in groups.iter().copied().enumerate().rev().filter(near) {
                if looked.rows.saturating_add(group.rows) > rows_max {
                    looked.short = true;
                    return Ok(());
                }
                looked.rows += group.rows;
                met::compare(arrivals, &path, &*self.keys_of(part, number, group)?, &mut looked.found);
            }
            Ok(())
        });
        looked.short |= !matches!(outcome, Ok(()) | Err(StoreError::Damaged { .. }));
    }

    fn groups_of(&self, part: &Part) -> Result<Arc<[Group]>, StoreError> {
        if let Some(known) = self.keys().groups(&part.meta.path) {
            return Ok(known);
        }
        let groups = part.open()?.groups().into();
        self.keys().keep_groups(&part.meta.path, &groups);
        Ok(groups)
    }

    fn keys_of(&self, part: &Part, number: usize, group: Group) -> Result<Arc<Keys>, StoreError> {
        if let Some(known) = self.keys().known(&part.meta.path, number) {
            return Ok(known);
        }
        let keys = Arc::new(Keys::load(part, number, group)?);
        self.keys().keep(&part.meta.path, number, &keys);
        Ok(keys)
    }

    /// What is known of parts by wire key.
    pub fn keys(&self) -> MutexGuard<'_, KeyCache> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The exchanges as they are now, and what `beside` takes at the same moment. One question finds out what counts, others that
    /// come meanwhile wait for it; who appends does not.
    pub fn exchanges<T>(&self, beside: impl FnOnce(&mut Live) -> T) -> (Arc<TableSnapshot>, T) {
        let _alone = self.asking.lock().unwrap_or_else(PoisonError::into_inner);
        let (now, beside) = {
            let mut live = self.live();
            let beside = beside(&mut live);
            if let Some(known) = live.known_exchanges() {
                return (known, beside);
            }
            (live.now(), beside)
        };
        let generation = now.generation;
        let snapshot = Arc::new(now.snapshot());
        self.live().keep(generation, &snapshot);
        (snapshot, beside)
    }
}

/// Rows and parts that were compared are there.
fn add(live: &mut Live, mut looked: Looked) {
    let gone: HashSet<String> = looked.paths.into_iter().filter(|path| !live.has(path)).collect();
    if !gone.is_empty() {
        looked.found.iter_mut().for_each(|pairs| pairs.retain(|pair| !gone.contains(&*pair.path)));
    }
    let fits = live.met.add(looked.found);
    live.unmet += u64::from(looked.short || !fits);
}
