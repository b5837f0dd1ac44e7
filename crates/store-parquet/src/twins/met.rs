//! Twins that rows in memory have in parts.
//!
//! Rows that come are compared with the parts near them in time before they are seen, and with new parts before these are; what
//! comes of it is kept as pairs until the rows are parts themselves, where [`super::resolve`] compares them for good. So one of
//! twins counts in every answer, and the same one whichever way they came.

use std::collections::HashSet;
use std::sync::Arc;

use super::arrivals::{Arrivals, HOLDERS, Holder};
use super::keys::Keys;
use super::rivals::Rivals;

/// Pairs that are kept for the rows of one holder: 28 MiB. Policy: of more, both twins count until the next flush; counted.
const PAIRS_MAX: usize = 512 << 10;

/// A row that does not count, and its twin on the other side.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Pair {
    /// The part that has one of them.
    pub path: Arc<str>,
    /// The place in the part of the row that does not count; without it, that in memory does not.
    pub position: Option<u32>,
    /// The wire key of both.
    pub key: i64,
    /// The start of the row in memory.
    pub start: i64,
    /// The source of the row in memory.
    pub source: Arc<str>,
}

impl Pair {
    /// Whether both say that the same row does not count.
    fn says_same(&self, other: &Self) -> bool {
        self.path == other.path && self.position == other.position && (self.position.is_some() || self == other)
    }
}

/// What a comparison found, by the holder of the rows in memory.
pub(crate) type Found = [Vec<Pair>; HOLDERS];

/// Compares rows in memory with those of the part at `path`. A row that does not count makes one pair, however many beat it.
pub(crate) fn compare(arrivals: &Arrivals, path: &Arc<str>, keys: &Keys, found: &mut Found) {
    for here in arrivals.by_key() {
        let (key, holder, ..) = here[0];
        let there = keys.of_key(key);
        if there.is_empty() {
            continue;
        }
        let found = &mut found[holder as usize];
        let mut pair = |position, start, source: &str| {
            found.push(Pair { path: Arc::clone(path), position, key, start, source: arrivals.source(source) });
        };
        let rivals = Rivals::of(there.iter().map(|row| (keys.rank(*row), row.start)));
        for row in here {
            let (own, start) = (arrivals.rank(*row), row.2);
            if rivals.beating(own, start).next().is_some() {
                pair(None, start, own.1);
            }
        }
        let rivals = Rivals::of(here.iter().map(|row| (arrivals.rank(*row), row.2)));
        for row in there {
            if let Some(((_, source), start)) = rivals.beating(keys.rank(*row), row.start).next() {
                pair(Some(row.position), start, source);
            }
        }
    }
}

/// Pairs in order, shared with who asks.
pub(crate) type Run = Arc<Vec<Pair>>;

/// Twins that rows of one holder have in parts. Few runs, of which small ones are merged: questions take them as they are.
#[derive(Clone, Debug, Default)]
pub(crate) struct Met {
    runs: Vec<Run>,
}

impl Met {
    /// Pairs.
    pub fn len(&self) -> usize {
        self.runs.iter().map(|run| run.len()).sum()
    }

    /// The pairs.
    pub fn runs(&self) -> &[Run] {
        &self.runs
    }

    /// Adds what a comparison found, each once: open exchanges come again and again. `false` when there was no room for all.
    pub fn add(&mut self, mut pairs: Vec<Pair>) -> bool {
        pairs.retain(|pair| !self.says(pair));
        pairs.sort_unstable();
        pairs.dedup_by(|b, a| a.says_same(b));
        let room = PAIRS_MAX.saturating_sub(self.len());
        let fits = pairs.len() <= room;
        pairs.truncate(room);
        if pairs.is_empty() {
            return fits;
        }
        self.runs.push(Arc::new(pairs));
        while let [.., a, b] = &self.runs[..]
            && a.len() <= 2 * b.len()
        {
            let mut both = [&a[..], &b[..]].concat();
            both.sort();
            self.runs.truncate(self.runs.len() - 2);
            self.runs.push(Arc::new(both));
        }
        fits
    }

    fn says(&self, pair: &Pair) -> bool {
        self.runs.iter().any(|run| {
            let at = match pair.position {
                Some(_) => run.partition_point(|one| (&one.path, one.position) < (&pair.path, pair.position)),
                None => run.partition_point(|one| one < pair),
            };
            run.get(at).is_some_and(|one| one.says_same(pair))
        })
    }

    /// The part is gone.
    fn forget(&mut self, path: &str) {
        for run in &mut self.runs {
            let from = run.partition_point(|pair| &*pair.path < path);
            let to = run.partition_point(|pair| &*pair.path <= path);
            if from < to {
                Arc::make_mut(run).drain(from..to);
            }
        }
        self.runs.retain(|run| !run.is_empty());
    }

    /// Takes the pairs of these keys.
    fn of(&self, keys: &HashSet<i64>) -> Vec<Pair> {
        self.runs.iter().flat_map(|run| run.iter()).filter(|pair| keys.contains(&pair.key)).cloned().collect()
    }
}

/// Twins that rows in memory have in parts.
#[derive(Clone, Debug, Default)]
pub(crate) struct AllMet([Met; HOLDERS]);

impl AllMet {
    /// Pairs.
    #[cfg(test)]
    pub fn len(&self) -> usize {
        self.0.iter().map(Met::len).sum()
    }

    /// The pairs, for a question.
    pub fn runs(&self) -> Vec<Run> {
        self.0.iter().flat_map(Met::runs).cloned().collect()
    }

    /// Adds what a comparison found. `false` when there was no room for all.
    pub fn add(&mut self, found: Found) -> bool {
        self.0.iter_mut().zip(found).fold(true, |fits, (met, found)| met.add(found) && fits)
    }

    /// What is in memory is to be written as parts.
    pub fn freeze(&mut self) {
        self.0[Holder::Frozen as usize] = std::mem::take(&mut self.0[Holder::Memory as usize]);
    }

    /// What was frozen is in parts; these wire keys are open.
    pub fn thaw(&mut self, open: impl Iterator<Item = i64>) {
        self.0[Holder::Frozen as usize] = Met::default();
        let met = &mut self.0[Holder::Open as usize];
        if met.len() > 0 {
            let (left, mut new) = (met.of(&open.collect()), Met::default());
            new.add(left);
            *met = new;
        }
    }

    /// What was open with these wire keys is in memory as it is.
    pub fn end(&mut self, keys: &HashSet<i64>) {
        let ended = self.0[Holder::Open as usize].of(keys);
        self.0[Holder::Memory as usize].add(ended);
    }

    /// The part is gone.
    pub fn forget(&mut self, path: &str) {
        self.0.iter_mut().for_each(|met| met.forget(path));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(path: &str, position: Option<u32>, start: i64) -> Pair {
        Pair { path: path.into(), position, key: 1, start, source: "a".into() }
    }

    #[test]
    fn each_row_that_does_not_count_is_kept_once_and_no_more_than_fit() {
        let mut met = Met::default();
        for start in 0..100 {
            assert!(met.add(vec![pair("p", Some(7), start), pair("p", None, start % 10), pair("q", None, 5)]));
        }
        assert_eq!((met.len(), met.runs.len() <= 3), (12, true));
        met.forget("p");
        assert_eq!(met.len(), 1);
        let many = |from: u32| (from..from + 300_000).map(|n| pair("p", Some(n), 0)).collect();
        assert!(met.add(many(0)) && !met.add(many(300_000)), "what has no room is told");
        assert_eq!(met.len(), PAIRS_MAX);
        let mut all = AllMet::default();
        assert!(all.add([Vec::new(), vec![pair("p", None, 1)], vec![pair("p", None, 2), pair("q", None, 3)]]));
        all.freeze();
        all.thaw([1].into_iter());
        assert_eq!(all.len(), 2, "what was frozen is in parts");
        all.end(&HashSet::from([1]));
        all.thaw([2].into_iter());
        assert_eq!(all.len(), 2, "what was open is in memory");
    }
}
