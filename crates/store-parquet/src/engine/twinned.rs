//! Rows in memory meet their twins in parts, before either is seen.

use std::collections::HashSet;
use std::sync::{Arc, PoisonError};

use super::core::Core;
use super::live::Live;
use crate::part::Part;
use crate::rows::place;
use crate::twins::met::{Arrivals, KEYS_MAX, Keys, Met};

impl Core {
    /// Changes what is in memory, `arrivals` among it, together with the twins that these have in parts.
    pub fn with_twins<T>(&self, arrivals: &Arrivals, then: impl FnOnce(&mut Live) -> T) -> T {
        let (mut met, mut looked_at, mut rows) = (Met::default(), HashSet::<String>::new(), 0);
        loop {
            let mut live = self.live();
            // The newest first, where there are too many.
            let parts = live.parts(0).iter().rev();
            let new = |part: &&Part| !looked_at.contains(&part.meta.path) && arrivals.may_meet(part);
            let new: Vec<Part> = parts.filter(new).cloned().collect();
            if new.is_empty() || rows > KEYS_MAX {
                let gone: Vec<String> =
                    looked_at.into_iter().filter(|path| live.part_of_file(path).is_none()).collect();
                met.forget_parts(&gone);
                live.met.add(met);
                return then(&mut live);
            }
            drop(live);
            for part in new {
                if rows <= KEYS_MAX
                    && let Some(keys) = self.keys_of(&part, arrivals.near_from(), KEYS_MAX - rows)
                {
                    rows += keys.len();
                    met.compare(arrivals, &part.meta.path, &keys);
                }
                looked_at.insert(part.meta.path.clone());
            }
        }
    }

    /// Those parts among new ones that rows in memory may have twins in; what is asked of them is made ready.
    pub fn unmet(&self, parts: &[Part]) -> Vec<Part> {
        let mut new: Vec<Part> = parts.iter().filter(|part| place(part.table) == 0).cloned().collect();
        if new.is_empty() {
            return new;
        }
        let (known, arrivals) = {
            let live = self.live();
            let known: HashSet<String> = live.parts(0).iter().map(|part| part.meta.path.clone()).collect();
            (known, live.exchanges())
        };
        // Others are there already, and have other rows that count.
        new.retain(|part| !known.contains(&part.meta.path));
        for part in new.iter().filter(|part| arrivals.may_meet(part)) {
            drop(self.keys_of(part, arrivals.near_from(), KEYS_MAX));
        }
        new
    }

    /// New parts are there, others are gone: what rows in memory have in them.
    pub fn meet(&self, live: &mut Live, new: &[Part], gone: &[String]) {
        live.met.forget_parts(gone);
        let mut cache = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        gone.iter().for_each(|path| cache.forget(path));
        drop(cache);
        if new.is_empty() {
            return;
        }
        let arrivals = live.exchanges();
        for part in new.iter().filter(|part| arrivals.may_meet(part)) {
            if let Some(keys) = self.keys_of(part, arrivals.near_from(), KEYS_MAX) {
                live.met.compare(&arrivals, &part.meta.path, &keys);
            }
        }
    }

    /// The rows of a part by wire key. Where it cannot be read, questions lack its rows as well.
    fn keys_of(&self, part: &Part, from: i64, rows_max: usize) -> Option<Arc<Keys>> {
        let cache = || self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = cache().known(&part.meta.path, from) {
            return Some(known);
        }
        let keys = Arc::new(Keys::load(part, from, rows_max).ok().flatten()?);
        cache().keep(&part.meta.path, &keys);
        Some(keys)
    }
}
