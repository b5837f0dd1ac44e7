//! What the store holds, in numbers. Nobody who appends waits while they are summed up.

use std::sync::atomic::Ordering;

use arachne_model::table::{STORED, Table};
use arachne_store::{StoreFacts, TableFacts};
use arrow::array::{AsArray as _, RecordBatch};
use arrow::compute::{max, min};
use arrow::datatypes::Int64Type;

use super::core::Core;
use crate::open::Shown;
use crate::snapshot::TableSnapshot;

/// First start and last end.
type Span = (i64, i64);

impl Core {
    /// See [`arachne_store::Store::facts`].
    pub fn facts(&self) -> StoreFacts {
        let quarantined = {
            let manifest = self.manifest();
            let files = manifest.state().quarantined.values();
            files.map(|file| (file.kept.clone().unwrap_or_else(|| file.path.clone()), file.reason.clone())).collect()
        };
        let live = self.live();
        let tables: Vec<TableSnapshot> = STORED.iter().map(|table| live.ended(table)).collect();
        let (shown, damage) = (live.open.shown(), live.damage.clone());
        let (given_up, open_refused, twins_unmet) = (live.open.given_up(), live.open.refused, live.unmet);
        drop(live);
        let open = |at: usize| if at == 0 { &shown[..] } else { &[] };
        StoreFacts {
            tables: tables.iter().enumerate().map(|(at, table)| of_table(table, open(at))).collect(),
            wal_bytes: self.wal_bytes(),
            quarantined,
            damage,
            full: self.full.load(Ordering::Relaxed),
            given_up,
            open_refused,
            twins_unmet,
        }
    }
}

fn of_table(ended: &TableSnapshot, open: &[Shown]) -> TableFacts {
    let parts = ended.parts.iter().map(|part| &part.meta);
    let memory = ended.memory.iter().filter_map(|batch| batch_span(ended.table, batch));
    let spans = parts.clone().map(|meta| (meta.start_min, meta.end_max)).chain(memory);
    let wider = |a: Option<Span>, (from, to): Span| Some(a.map_or((from, to), |(x, y)| (x.min(from), y.max(to))));
    TableFacts {
        rows: ended.rows() + open.len() as u64,
        bytes: parts.clone().map(|meta| meta.bytes_all()).sum(),
        parts: ended.parts.len() as u64,
        memory_rows: ended.memory.iter().map(|batch| batch.num_rows() as u64).sum::<u64>() + open.len() as u64,
        range: spans.chain(open.iter().map(Shown::span)).fold(None, wider),
        lost_rows: ended.lost.iter().map(|lost| lost.rows).sum(),
    }
}

fn batch_span(table: &Table, batch: &RecordBatch) -> Option<Span> {
    let starts = batch.column(table.start).as_primitive::<Int64Type>();
    let last = table.end.and_then(|end| max(batch.column(end).as_primitive::<Int64Type>()));
    Some((min(starts)?, last.max(max(starts))?))
}
