//! What the store holds right now, in memory.

use std::collections::HashSet;
use std::sync::Arc;

use arachne_model::table::{TABLES, Table};
use arachne_store::{Senders, TableFacts, Token};
use arrow::array::RecordBatch;

use crate::manifest::SenderBatches;
use crate::memtable::Memtable;
use crate::open::Open;
use crate::part::{Lost, Part, PartMeta};
use crate::rows::{COUNT, place};
use crate::snapshot::TableSnapshot;
use crate::twins::memory::counted;
use crate::twins::met::{Arrivals, Met};

/// Rows that are being written as parts.
#[derive(Clone, Debug)]
pub(crate) struct Frozen {
    /// The rows.
    pub rows: Memtable,
    /// The last log frame that has any of them.
    pub mark: u64,
    /// All that senders of such rows had sent up to there.
    pub senders: Vec<SenderBatches>,
}

/// Parts and memory. Every row is in exactly one of `parts`, `frozen`, `memory` and `open` under one lock.
#[derive(Debug, Default)]
pub(crate) struct Live {
    parts: [Vec<Part>; COUNT],
    /// Rows that are being written as parts.
    pub frozen: Option<Frozen>,
    /// Rows since then.
    pub memory: Memtable,
    /// Exchanges that have not ended.
    pub open: Open,
    /// The last log frame that is in memory.
    pub sequence: u64,
    /// What was lost to damage.
    pub lost: Vec<Lost>,
    /// Damage, for people.
    pub damage: Vec<String>,
    /// Batches that are being made durable right now.
    pub pending: HashSet<Token>,
    /// Batches of senders, in memory or in parts.
    pub senders: Senders,
    /// Rows that retention removed since the start, by table.
    pub retired: [u64; COUNT],
    /// Twins that exchanges in memory have in parts.
    pub met: Met,
    cache: [Option<Arc<TableSnapshot>>; COUNT],
}

impl Live {
    /// The table as it is now.
    pub fn snapshot(&mut self, table: &Table) -> Arc<TableSnapshot> {
        let at = place(table);
        if let Some(known) = &self.cache[at] {
            return Arc::clone(known);
        }
        let mut snapshot = self.ended(table);
        if at == 0 {
            snapshot.memory.extend(self.open.shown());
            snapshot.memory = counted(snapshot.memory, &self.met);
            for (path, beaten) in self.met.overlay() {
                if let Some(part) = snapshot.parts.iter_mut().find(|part| part.meta.path == path) {
                    let demoted = part.demoted.as_deref().cloned().unwrap_or_default().with(beaten.beaten().clone());
                    *part = part.with_demoted(PartMeta::clone(&part.meta), Some(Arc::new(demoted)));
                }
            }
        }
        Arc::clone(self.cache[at].insert(Arc::new(snapshot)))
    }

    /// The table as it is now without exchanges that are open: costs nothing for these.
    pub fn ended(&self, table: &Table) -> TableSnapshot {
        let at = place(table);
        let frozen = self.frozen.as_ref().map(|frozen| frozen.rows.batches(at)).unwrap_or_default();
        let memory = frozen.iter().chain(self.memory.batches(at)).cloned().collect();
        let lost = self.lost.iter().filter(|lost| lost.table == table.name).cloned().collect();
        TableSnapshot { table: TABLES[at], parts: self.parts[at].clone(), memory, lost }
    }

    /// What was frozen is in parts.
    pub fn thaw(&mut self) {
        self.frozen = None;
        let left = self.exchanges();
        self.met.keep_only(&left);
    }

    /// The exchanges that are in no part.
    pub fn exchanges(&self) -> Arrivals {
        let frozen = self.frozen.as_ref().map(|frozen| frozen.rows.batches(0)).unwrap_or_default();
        let open = self.open.shown();
        Arrivals::of(frozen.iter().chain(self.memory.batches(0)).chain(&open))
    }

    /// Snapshots made before stay; the next ones see what has changed.
    pub fn changed(&mut self) {
        self.cache = Default::default();
    }

    /// The parts of a table, by first start.
    pub fn parts(&self, table: usize) -> &[Part] {
        &self.parts[table]
    }

    /// The part with this path, or with this file of text filters.
    pub fn part_of_file(&self, path: &str) -> Option<&Part> {
        self.parts.iter().flatten().find(|part| part.meta.files().any(|file| file == path))
    }

    /// Adds a part, or replaces the one with its path.
    pub fn put(&mut self, part: Part) {
        let parts = &mut self.parts[place(part.table)];
        parts.retain(|old| old.meta.path != part.meta.path);
        let key = |part: &Part| (part.meta.start_min, part.meta.path.clone());
        let new = key(&part);
        let at = parts.partition_point(|old| key(old) < new);
        parts.insert(at, part);
    }

    /// Takes a part out.
    pub fn remove(&mut self, path: &str) -> Option<Part> {
        for parts in &mut self.parts {
            if let Some(at) = parts.iter().position(|part| part.meta.path == path) {
                return Some(parts.remove(at));
            }
        }
        None
    }

    /// What a table holds.
    pub fn facts(&mut self, table: &'static Table) -> TableFacts {
        let snapshot = self.snapshot(table);
        let parts = snapshot.parts.iter().map(|part| &part.meta);
        let range = |a: Option<(i64, i64)>, (from, to): (i64, i64)| {
            Some(a.map_or((from, to), |(x, y)| (x.min(from), y.max(to))))
        };
        let memory = snapshot.memory.iter().map(|batch| batch_range(table, batch));
        TableFacts {
            rows: snapshot.rows(),
            bytes: parts.clone().map(|meta| meta.bytes_all()).sum(),
            parts: snapshot.parts.len() as u64,
            memory_rows: snapshot.memory.iter().map(|batch| batch.num_rows() as u64).sum(),
            range: parts.map(|meta| (meta.start_min, meta.end_max)).chain(memory.flatten()).fold(None, range),
            lost_rows: snapshot.lost.iter().map(|lost| lost.rows).sum(),
        }
    }
}

fn batch_range(table: &Table, batch: &RecordBatch) -> Option<(i64, i64)> {
    use arrow::array::AsArray as _;
    use arrow::compute::{max, min};
    use arrow::datatypes::Int64Type;
    let starts = batch.column(table.start).as_primitive::<Int64Type>();
    let last = table.end.and_then(|end| max(batch.column(end).as_primitive::<Int64Type>()));
    Some((min(starts)?, last.max(max(starts))?))
}
