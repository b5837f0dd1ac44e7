//! Rows of parts by wire key, as far as rows in memory need them.
//!
//! They are read by row groups, those that are near in time alone, and kept while there is room: what came is compared with the
//! same few again and again.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use arachne_store::StoreError;

use super::arrivals::Facts;
use super::columns_of;
use super::rivals::{Rank, Ranks};
use crate::part::{Group, Part};

/// Rows of parts that are kept by wire key: 48 MiB. No more are looked at for one batch of rows either. Policy: the newest parts
/// are looked at; twins in others both count until the next flush, and that is counted, see [`arachne_store::StoreFacts`].
pub(crate) const KEYS_MAX: usize = 2 << 20;

/// What keeping a row group costs beside its rows, in rows.
const OVERHEAD: usize = 16;

/// A row of a part.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KeyRow {
    key: i64,
    /// Its start.
    pub start: i64,
    /// Its place in the part.
    pub position: u32,
    rank: u32,
}

/// Rows of a row group by wire key.
#[derive(Debug)]
pub(crate) struct Keys {
    rows: Vec<KeyRow>,
    ranks: Ranks,
}

impl Keys {
    /// Of a row group.
    pub fn load(part: &Part, number: usize, group: Group) -> Result<Self, StoreError> {
        let (mut rows, mut ranks) = (Vec::with_capacity(group.rows), Ranks::default());
        let mut position = group.first;
        for batch in part.open()?.group_batches(&columns_of(), number)? {
            let facts = Facts(batch?);
            for (row, (&key, &start)) in facts.keys().iter().zip(facts.starts()).enumerate() {
                rows.push(KeyRow { key, start, position, rank: ranks.number(facts.rank(row)) });
                position += 1;
            }
        }
        rows.sort_unstable_by_key(|row| (row.key, row.start));
        Ok(Self { rows, ranks })
    }

    /// Rows of a wire key, by start.
    pub fn of_key(&self, key: i64) -> &[KeyRow] {
        let from = self.rows.partition_point(|row| row.key < key);
        let rows = &self.rows[from..];
        &rows[..rows.partition_point(|row| row.key == key)]
    }

    /// Vantage and source of a row.
    pub fn rank(&self, row: KeyRow) -> Rank<'_> {
        self.ranks.rank(row.rank)
    }
}

/// A row group that is kept, and when it was asked for last.
type Kept = (u64, Arc<Keys>);

#[derive(Debug)]
struct KeptPart {
    groups: Arc<[Group]>,
    keys: BTreeMap<usize, Kept>,
}

/// Rows of parts by wire key, of those that were looked at last.
#[derive(Debug)]
pub(crate) struct KeyCache {
    parts: HashMap<String, KeptPart>,
    rows: usize,
    asked: u64,
    /// How many rows may be kept, and looked at for one batch.
    pub rows_max: usize,
}

impl Default for KeyCache {
    fn default() -> Self {
        Self { parts: HashMap::new(), rows: 0, asked: 0, rows_max: KEYS_MAX }
    }
}

impl KeyCache {
    /// The row groups of a part.
    pub fn groups(&self, path: &str) -> Option<Arc<[Group]>> {
        self.parts.get(path).map(|part| Arc::clone(&part.groups))
    }

    /// What is known of a row group.
    pub fn known(&mut self, path: &str, group: usize) -> Option<Arc<Keys>> {
        self.asked += 1;
        let (asked, keys) = self.parts.get_mut(path)?.keys.get_mut(&group)?;
        *asked = self.asked;
        Some(Arc::clone(keys))
    }

    /// Keeps the row groups of a part.
    pub fn keep_groups(&mut self, path: &str, groups: &Arc<[Group]>) {
        self.parts
            .entry(path.to_owned())
            .or_insert_with(|| KeptPart { groups: Arc::clone(groups), keys: BTreeMap::new() });
    }

    /// Keeps what was loaded. Where there is no room, what nobody asked for since the longest time goes.
    pub fn keep(&mut self, path: &str, group: usize, keys: &Arc<Keys>) {
        self.asked += 1;
        let Some(part) = self.parts.get_mut(path) else { return };
        if part.keys.insert(group, (self.asked, Arc::clone(keys))).is_none() {
            self.rows += keys.rows.len() + OVERHEAD;
        }
        while self.rows > self.rows_max && self.drop_oldest() {}
    }

    fn drop_oldest(&mut self) -> bool {
        let of_part = |(path, part): (&String, &KeptPart)| {
            part.keys.iter().map(|(group, (asked, _))| (*asked, path.clone(), *group)).min()
        };
        let Some((_, path, group)) = self.parts.iter().filter_map(of_part).min() else { return false };
        let gone = self.parts.get_mut(&path).and_then(|part| part.keys.remove(&group));
        self.rows -= gone.map_or(0, |(_, keys)| keys.rows.len() + OVERHEAD);
        true
    }

    /// The part is gone.
    pub fn forget(&mut self, path: &str) {
        for (_, keys) in self.parts.remove(path).into_iter().flat_map(|old| old.keys.into_values()) {
            self.rows -= keys.rows.len() + OVERHEAD;
        }
    }

    /// Rows that are kept.
    #[cfg(test)]
    pub fn rows(&self) -> usize {
        self.parts.values().flat_map(|part| part.keys.values()).map(|(_, keys)| keys.rows.len()).sum()
    }
}
