//! What the store holds right now, in memory.

use std::collections::HashSet;
use std::sync::Arc;

use arachne_model::table::{ExchangeRow, Row as _, STORED, Table};
use arachne_store::{Senders, Token};
use arrow::array::RecordBatch;

use crate::manifest::SenderBatches;
use crate::memtable::Memtable;
use crate::open::{self, Open, Shown};
use crate::part::{Lost, Part};
use crate::rows::{COUNT, place};
use crate::snapshot::TableSnapshot;
use crate::twins::arrivals::{Arrivals, Holder};
use crate::twins::memory::count;
use crate::twins::met::{AllMet, Run};

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
    pub met: AllMet,
    /// Parts of exchanges that are durable and about to be there: what comes is compared with them already.
    pub coming: Vec<Part>,
    /// Batches of rows that were not compared with all that is near them.
    pub unmet: u64,
    /// Grows with each change.
    generation: u64,
    cache: [Option<Arc<TableSnapshot>>; COUNT],
}

impl Live {
    /// A table other than that of exchanges as it is now.
    pub fn snapshot(&mut self, table: &Table) -> Arc<TableSnapshot> {
        let at = place(table);
        if let Some(known) = &self.cache[at] {
            return Arc::clone(known);
        }
        let snapshot = Arc::new(self.ended(table));
        Arc::clone(self.cache[at].insert(snapshot))
    }

    /// The exchanges as they are now, when that was found out already.
    pub fn known_exchanges(&self) -> Option<Arc<TableSnapshot>> {
        self.cache[0].clone()
    }

    /// What the exchanges as they are now are made of. Cheap: who appends waits for it.
    pub fn now(&self) -> Now {
        let ended = self.ended(ExchangeRow::TABLE);
        Now { generation: self.generation, ended, open: self.open.shown(), met: self.met.runs() }
    }

    /// Keeps the exchanges as they were, if they still are.
    pub fn keep(&mut self, generation: u64, exchanges: &Arc<TableSnapshot>) {
        if generation == self.generation {
            self.cache[0] = Some(Arc::clone(exchanges));
        }
    }

    /// The table as it is now without exchanges that are open: costs nothing for these.
    pub fn ended(&self, table: &Table) -> TableSnapshot {
        let at = place(table);
        let frozen = self.frozen.as_ref().map(|frozen| frozen.rows.batches(at)).unwrap_or_default();
        let memory = frozen.iter().chain(self.memory.batches(at)).cloned().collect();
        let lost = self.lost.iter().filter(|lost| lost.table == table.name).cloned().collect();
        TableSnapshot { table: STORED[at], parts: self.parts[at].clone(), memory, lost }
    }

    /// What was frozen is in parts.
    pub fn thaw(&mut self) {
        self.frozen = None;
        self.met.thaw(self.open.keys());
    }

    /// Exchanges that are in no part; those that were frozen only when asked for.
    pub fn exchanges(&self, with_frozen: bool) -> InMemory {
        let frozen = self.frozen.as_ref().filter(|_| with_frozen);
        let frozen = frozen.map(|frozen| frozen.rows.batches(0)).unwrap_or_default().iter();
        let memory = self.memory.batches(0).iter();
        let batches = frozen.map(|batch| (Holder::Frozen, batch)).chain(memory.map(|batch| (Holder::Memory, batch)));
        let batches = batches.map(|(holder, batch)| (holder, batch.clone())).collect();
        InMemory { batches, open: self.open.shown() }
    }

    /// Parts of exchanges that may have twins of `arrivals`, the newest first, without those at `known` paths.
    pub fn near(&self, arrivals: &Arrivals, known: &HashSet<String>) -> Vec<Part> {
        let all = self.coming.iter().chain(self.parts[0].iter().rev());
        all.filter(|part| arrivals.may_meet(part) && !known.contains(&part.meta.path)).cloned().collect()
    }

    /// Whether a part of exchanges is there, or about to be.
    pub fn has(&self, path: &str) -> bool {
        self.coming.iter().chain(&self.parts[0]).any(|part| part.meta.path == path)
    }

    /// Snapshots made before stay; the next ones see what has changed.
    pub fn changed(&mut self) {
        self.cache = Default::default();
        self.generation += 1;
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
}

/// What the exchanges of one moment are made of.
#[derive(Debug)]
pub(crate) struct Now {
    /// Which moment.
    pub generation: u64,
    ended: TableSnapshot,
    open: Vec<Shown>,
    met: Vec<Run>,
}

impl Now {
    /// The exchanges as they are: open ones among them, and one counts of twins.
    pub fn snapshot(self) -> TableSnapshot {
        let mut snapshot = self.ended;
        snapshot.memory.extend(open::batch(&self.open));
        count(&mut snapshot.memory, &mut snapshot.parts, &self.met);
        snapshot
    }
}

/// Exchanges that are in no part, at one moment.
#[derive(Debug)]
pub(crate) struct InMemory {
    batches: Vec<(Holder, RecordBatch)>,
    open: Vec<Shown>,
}

impl InMemory {
    /// Ready to be compared with parts.
    pub fn arrivals(&self) -> Arrivals {
        let open = open::batch(&self.open);
        let batches = self.batches.iter().map(|(holder, batch)| (*holder, batch));
        Arrivals::of(batches.chain(open.iter().map(|open| (Holder::Open, open))))
    }
}
