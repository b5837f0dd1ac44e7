//! Tests of the engine as a whole, on disks in memory.

mod crash;
mod damage;
mod imports;
mod rolled;
mod templates;
mod twins;
mod writes;

use std::collections::BTreeMap;
use std::sync::Arc;

use arachne_model::table::{
    ExchangeRow, LogRow, PacketRow, PointRow, QualityRow, Row, STORED, STORED_COUNT, SessionRow, TABLE_COUNT, TABLES,
};
use arachne_store::{Import, ImportName, ImportStart, Rows, Store as _, StoreError, Token};

use super::{EmbeddedStore, Retention, Settings};
use crate::columns;
use crate::disk::{Disk, MemoryDisk};

/// Nothing happens behind, batches of an import have three exchanges, and two parts are merged.
fn settings() -> Settings {
    let forever = Retention { max_age: None, max_bytes: None };
    Settings {
        retention: [forever; STORED_COUNT],
        import_bytes: 7168,
        merge_parts: 2,
        background: false,
        scan: crate::scan::ScanOptions { threads: std::num::NonZeroUsize::MIN },
        ..Settings::default()
    }
}

fn open(disk: &MemoryDisk) -> EmbeddedStore {
    EmbeddedStore::open_on(Arc::new(disk.clone()), settings()).expect("it opens whatever is there")
}

fn exchange(source: &str, n: i64) -> ExchangeRow {
    ExchangeRow {
        id: format!("{source}-{n:020}"),
        start: n * 1_000,
        end: Some(n * 1_000 + 500),
        source: source.to_owned(),
        counted: true,
        wire_key: n,
        path: Some(format!("/{source}/{n}")),
        ..ExchangeRow::default()
    }
}

/// Exchanges with what belongs to them.
fn rows(source: &str, numbers: std::ops::Range<i64>) -> Rows {
    let session = |n| SessionRow {
        id: format!("{source}-{n}"),
        first: n,
        last: Some(n),
        source: source.to_owned(),
        ..SessionRow::default()
    };
    let packet =
        |n: i64| PacketRow { session: format!("{source}-{n}"), time: n, bytes: vec![7; 40], ..PacketRow::default() };
    let quality = |n| QualityRow { minute: n, source: source.to_owned(), value: 1, ..QualityRow::default() };
    Rows {
        exchanges: numbers.clone().map(|n| exchange(source, n)).collect(),
        sessions: numbers.clone().map(session).collect(),
        packets: numbers.clone().map(packet).collect(),
        quality: numbers.map(quality).collect(),
        ..Rows::default()
    }
}

fn token(sequence: u64) -> Token {
    Token { sender: "agent".to_owned(), sequence }
}

fn read<R: Row>(store: &EmbeddedStore) -> (Vec<R>, u64) {
    let all: Vec<usize> = (0..R::TABLE.columns.len()).collect();
    let (mut rows, mut lost) = (Vec::new(), 0);
    let snapshot = store.snapshot(R::TABLE);
    let each = &mut |batch: arrow::array::RecordBatch| {
        rows.extend((0..batch.num_rows()).map(|row| columns::row::<R>(&batch, row)));
        Ok(())
    };
    snapshot.scan(&all, 1000, &mut lost, each).expect("memory can be read");
    let known: u64 = snapshot.lost.iter().map(|lost| lost.rows).sum();
    (rows, lost + known)
}

/// All exchanges by id; none is there twice.
fn exchanges(store: &EmbeddedStore) -> BTreeMap<String, ExchangeRow> {
    let (rows, _) = read::<ExchangeRow>(store);
    let count = rows.len();
    let by_id: BTreeMap<_, _> = rows.into_iter().map(|row| (row.id.clone(), row)).collect();
    assert_eq!(by_id.len(), count, "a row is there twice");
    by_id
}

fn name(source: &str, options: &str) -> ImportName {
    ImportName { source: source.to_owned(), options: options.to_owned(), label: format!("{source}.pcap") }
}

fn begin(
    store: &EmbeddedStore,
    source: &str,
    options: &str,
    replace: bool,
) -> Result<Option<Box<dyn Import>>, StoreError> {
    store.import(&name(source, options), replace).map(|start| match start {
        ImportStart::Finished(_) => None,
        ImportStart::Wanted(import) => Some(import),
    })
}

/// Imports rows handed over `step` at a time; whether there was anything to do.
fn import(store: &EmbeddedStore, source: &str, numbers: std::ops::Range<i64>, step: usize) -> Result<bool, StoreError> {
    let Some(mut import) = begin(store, source, "", false)? else { return Ok(false) };
    for from in numbers.clone().step_by(step) {
        import.push(rows(source, from..numbers.end.min(from + step as i64)))?;
    }
    import.finish().map(|_| true)
}

/// Rows of a table that are in parts.
fn part_rows(store: &EmbeddedStore, table: usize) -> u64 {
    store.snapshot(STORED[table]).parts.iter().map(|part| part.meta.rows).sum()
}

fn disk_files(disk: &MemoryDisk, below: &str) -> Vec<String> {
    disk.files().into_keys().filter(|path| path.starts_with(below)).collect()
}

fn on(disk: impl Disk + 'static) -> Result<EmbeddedStore, StoreError> {
    EmbeddedStore::open_on(Arc::new(disk), settings())
}
