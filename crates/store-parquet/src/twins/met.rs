//! Twins of rows in memory among rows of parts.
//!
//! Rows that come are compared with the parts near them in time before they are seen, and with new parts before these are; what
//! comes of it is kept as pairs until the rows are parts themselves, where [`super::resolve`] compares them for good. So one of
//! twins counts in every answer, and the same one whichever way they came.
//!
//! What is looked up of parts is kept by wire key, up to [`KEYS_MAX`] rows. Policy: the newest parts are looked at; twins in
//! older ones both count until the next flush.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use arachne_store::{StoreError, TWINS_APART_MAX};
use arrow::array::{AsArray as _, RecordBatch};
use arrow::compute::{max, min};
use arrow::datatypes::Int64Type;

use super::{Changes, columns_of, text, vantage_rank};
use crate::part::{Demoted, Part};

/// Rows of parts that are kept by wire key: 64 MiB.
pub(crate) const KEYS_MAX: usize = 2 << 20;

/// The columns of a batch of exchanges that tell twins; see [`super::COLUMNS`].
#[derive(Clone, Debug)]
pub(crate) struct Facts(pub RecordBatch);

impl Facts {
    /// Of a batch with all columns.
    pub fn of(batch: &RecordBatch) -> Self {
        Self(batch.project(&columns_of()).expect("columns of the table"))
    }

    /// Wire keys.
    pub fn keys(&self) -> &[i64] {
        self.0.column(0).as_primitive::<Int64Type>().values()
    }

    /// Starts.
    pub fn starts(&self) -> &[i64] {
        self.0.column(1).as_primitive::<Int64Type>().values()
    }

    /// Smaller is nearer to the server.
    pub fn vantage(&self, row: usize) -> u8 {
        vantage_rank(text(&self.0, 2, row))
    }

    /// The source of a row.
    pub fn source(&self, row: usize) -> &str {
        text(&self.0, 3, row)
    }

    /// All sources, and perhaps some that no row has any more. Looks at no row where words are kept apart.
    pub fn sources(&self, all: &mut BTreeSet<String>) {
        let column = self.0.column(3);
        let words = column.as_any_dictionary_opt().and_then(|words| words.values().as_string_opt::<i32>().cloned());
        let mut add = |source: &str| {
            if !all.contains(source) {
                all.insert(source.to_owned());
            }
        };
        match words {
            Some(words) => words.iter().flatten().for_each(&mut add),
            None => (0..self.0.num_rows()).for_each(|row| add(self.source(row))),
        }
    }

    /// First and last start.
    fn range(&self) -> Option<(i64, i64)> {
        let starts = self.0.column(1).as_primitive::<Int64Type>();
        min(starts).zip(max(starts))
    }
}

/// Rows in memory that are compared with parts.
#[derive(Clone, Debug)]
pub(crate) struct Arrivals {
    batches: Vec<Facts>,
    sources: BTreeSet<String>,
    from: i64,
    to: i64,
}

impl Arrivals {
    pub fn of<'a>(batches: impl IntoIterator<Item = &'a RecordBatch>) -> Self {
        let mut all = Self { batches: Vec::new(), sources: BTreeSet::new(), from: i64::MAX, to: i64::MIN };
        for facts in batches.into_iter().map(Facts::of) {
            let Some((first, last)) = facts.range() else { continue };
            (all.from, all.to) = (all.from.min(first), all.to.max(last));
            facts.sources(&mut all.sources);
            all.batches.push(facts);
        }
        all
    }

    /// Whether a part may have twins of them.
    pub fn may_meet(&self, part: &Part) -> bool {
        let near = part.meta.start_min <= self.to.saturating_add(TWINS_APART_MAX)
            && self.from.saturating_sub(TWINS_APART_MAX) <= part.meta.start_max;
        let known = |source: &str| self.sources.len() == 1 && self.sources.contains(source);
        !self.batches.is_empty() && near && !part.meta.sources.iter().all(|one| known(&one.source))
    }

    /// From which start on rows of parts are looked at.
    pub const fn near_from(&self) -> i64 {
        self.from.saturating_sub(TWINS_APART_MAX)
    }
}

/// A row of a part.
#[derive(Clone, Copy, Debug)]
struct KeyRow {
    key: i64,
    start: i64,
    position: u32,
    source: u16,
    vantage: u8,
}

/// Rows of a part by wire key.
#[derive(Debug)]
pub(crate) struct Keys {
    /// Rows that start earlier are not in it.
    from: i64,
    rows: Vec<KeyRow>,
    sources: Vec<String>,
}

impl Keys {
    /// Rows.
    pub const fn len(&self) -> usize {
        self.rows.len()
    }

    /// Of the rows that start at `from` or later; `None` for more than `rows_max`.
    pub fn load(part: &Part, from: i64, rows_max: usize) -> Result<Option<Self>, StoreError> {
        let mut keys = Self { from, rows: Vec::new(), sources: Vec::new() };
        let mut position = 0;
        for batch in part.open()?.batches(&columns_of(), 65_536)? {
            let facts = Facts(batch?);
            for row in 0..facts.0.num_rows() {
                let start = facts.starts()[row];
                if start >= from {
                    if keys.rows.len() == rows_max {
                        return Ok(None);
                    }
                    let Some(source) = keys.source(facts.source(row)) else { return Ok(None) };
                    let (key, vantage) = (facts.keys()[row], facts.vantage(row));
                    keys.rows.push(KeyRow { key, start, position, source, vantage });
                }
                position += 1;
            }
        }
        keys.rows.sort_unstable_by_key(|row| row.key);
        Ok(Some(keys))
    }

    fn source(&mut self, source: &str) -> Option<u16> {
        let at = self.sources.iter().position(|known| known == source).unwrap_or_else(|| {
            self.sources.push(source.to_owned());
            self.sources.len() - 1
        });
        u16::try_from(at).ok()
    }

    fn of_key(&self, key: i64) -> &[KeyRow] {
        let from = self.rows.partition_point(|row| row.key < key);
        let rows = &self.rows[from..];
        &rows[..rows.iter().take_while(|row| row.key == key).count()]
    }
}

/// Rows of parts by wire key, of the parts that were looked at last.
#[derive(Debug, Default)]
pub(crate) struct KeyCache {
    parts: HashMap<String, Arc<Keys>>,
    rows: usize,
}

impl KeyCache {
    /// What is known of a part from `from` on.
    pub fn known(&self, path: &str, from: i64) -> Option<Arc<Keys>> {
        self.parts.get(path).filter(|keys| keys.from <= from).cloned()
    }

    /// Keeps what was loaded. Where there is no room, all else goes.
    pub fn keep(&mut self, path: &str, keys: &Arc<Keys>) {
        self.forget(path);
        if self.rows + keys.rows.len() > KEYS_MAX {
            *self = Self::default();
        }
        self.rows += keys.rows.len();
        self.parts.insert(path.to_owned(), Arc::clone(keys));
    }

    /// The part is gone.
    pub fn forget(&mut self, path: &str) {
        if let Some(old) = self.parts.remove(path) {
            self.rows -= old.rows.len();
        }
    }
}

/// A row in memory and its twin in a part.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Pair {
    path: Arc<str>,
    position: u32,
    key: i64,
    start: i64,
    source: Arc<str>,
    /// The row in memory does not count; otherwise the one in the part does not.
    beaten: bool,
}

/// Twins that rows in memory have in parts.
#[derive(Clone, Debug, Default)]
pub(crate) struct Met {
    /// Each once: open exchanges come again and again.
    pairs: HashSet<Pair>,
}

impl Met {
    pub fn is_empty(&self) -> bool {
        self.pairs.is_empty()
    }

    /// Compares rows in memory with those of the part at `path`.
    pub fn compare(&mut self, arrivals: &Arrivals, path: &str, keys: &Keys) {
        let path: Arc<str> = path.into();
        for facts in &arrivals.batches {
            for (row, (&key, &start)) in facts.keys().iter().zip(facts.starts()).enumerate() {
                for there in keys.of_key(key) {
                    let (source, other) = (facts.source(row), &*keys.sources[usize::from(there.source)]);
                    if source == other || start.abs_diff(there.start) > TWINS_APART_MAX.unsigned_abs() {
                        continue;
                    }
                    let beaten = (there.vantage, other) < (facts.vantage(row), source);
                    let (path, source) = (Arc::clone(&path), source.into());
                    self.pairs.insert(Pair { path, position: there.position, key, start, source, beaten });
                }
            }
        }
    }

    /// Adds what another comparison found.
    pub fn add(&mut self, more: Self) {
        self.pairs.extend(more.pairs);
    }

    /// Parts at these paths are gone.
    pub fn forget_parts(&mut self, paths: &[String]) {
        self.pairs.retain(|pair| !paths.iter().any(|path| **path == *pair.path));
    }

    /// What is not among `left` is in memory no more.
    pub fn keep_only(&mut self, left: &Arrivals) {
        let keys: HashSet<i64> = left.batches.iter().flat_map(Facts::keys).copied().collect();
        self.pairs.retain(|pair| keys.contains(&pair.key));
    }

    /// Key, start and source of rows in memory that do not count.
    pub fn beaten(&self) -> impl Iterator<Item = (i64, i64, &str)> {
        self.pairs.iter().filter(|pair| pair.beaten).map(|pair| (pair.key, pair.start, &*pair.source))
    }

    /// What rows in memory beat in parts, by path.
    pub fn overlay(&self) -> Changes {
        let mut beaten: BTreeMap<&str, BTreeMap<String, Vec<u32>>> = BTreeMap::new();
        for pair in self.pairs.iter().filter(|pair| !pair.beaten) {
            let rows = beaten.entry(&pair.path).or_default().entry(pair.source.as_ref().to_owned()).or_default();
            rows.push(pair.position);
        }
        beaten.into_iter().map(|(path, beaten)| (path.to_owned(), Demoted::new(beaten))).collect()
    }
}
