//! Stopping, damage, bounded memory.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use arachne_filter::Predicate;
use arachne_model::table::ExchangeRow;
use arachne_store::{
    CountMode, GroupRequest, Key, ListRequest, Measure, Measured, Number, Order, Selection, StoreError, TimeRange,
    Unwatched, Watch,
};

use super::data::{TABLE, column};
use crate::columns;
use crate::disk::{Disk, MemoryDisk};
use crate::part::{DamageLog, Part, write::PartWriter};
use crate::scan::{ScanOptions, group, list};
use crate::snapshot::TableSnapshot;

fn rows(from: i64, count: i64) -> Vec<ExchangeRow> {
    let row = |n| ExchangeRow {
        id: format!("{n:026}"),
        start: n,
        end: Some(n + 1),
        path: Some(format!("/{n}")),
        ..ExchangeRow::default()
    };
    (from..from + count).map(row).collect()
}

/// Three parts of 30 000 rows each.
fn snapshot(disk: &Arc<dyn Disk>, log: &Arc<DamageLog>) -> TableSnapshot {
    let part = |n: i64| {
        let path = format!("{n}.parquet");
        let mut writer = PartWriter::create(disk, TABLE, &path, 30_000).expect("memory takes it");
        let rows = rows(n * 30_000, 30_000);
        writer.write(&columns::batch(&rows.iter().collect::<Vec<_>>())).expect("memory takes it");
        Part::new(Arc::clone(disk), TABLE, writer.finish().expect("memory takes it"), None, Arc::clone(log))
    };
    TableSnapshot { parts: (0..3).map(part).collect(), ..TableSnapshot::empty(TABLE) }
}

fn everything() -> Selection {
    Selection {
        table: TABLE,
        range: TimeRange::ALL,
        mode: CountMode::Overlap,
        predicate: Arc::new(Predicate::All),
        now: 0,
        counted_only: false,
    }
}

fn newest(limit: usize) -> ListRequest {
    let order = Order { by: Number::Column(column("start")), descending: true };
    ListRequest { selection: everything(), order, after: None, limit, columns: vec![column("start")] }
}

fn by_path(groups_max: usize) -> GroupRequest {
    let keys = vec![Key::Column(column("url.path"))];
    GroupRequest { selection: everything(), keys, measures: vec![Measure::Count], groups_max, whole: false }
}

#[test]
fn newest_first_looks_at_the_newest_only() {
    let disk: Arc<dyn Disk> = Arc::new(MemoryDisk::default());
    let page = list(&snapshot(&disk, &Arc::default()), &newest(10), &Unwatched, &ScanOptions::default());
    let page = page.expect("nothing is damaged");
    assert_eq!(page.rows.len(), 10);
    assert!(page.scanned.rows <= 30_000 && page.scanned.skipped >= 60_000, "{:?}", page.scanned);
}

#[test]
fn damage_is_reported_and_the_rest_answered() {
    let disk: Arc<dyn Disk> = Arc::new(MemoryDisk::default());
    let log = Arc::new(DamageLog::default());
    let snapshot = snapshot(&disk, &log);
    disk.remove("1.parquet").expect("it is there");
    super::data::save(&disk, "1.parquet", b"PAR1");
    let page = list(&snapshot, &newest(100_000), &Unwatched, &ScanOptions::default()).expect("it goes on");
    assert_eq!((page.rows.len(), page.scanned.lost), (60_000, 30_000));
    assert_eq!(log.take().iter().map(|damage| damage.path.as_str()).collect::<Vec<_>>(), ["1.parquet"]);
    let groups = group(&[(&snapshot, &by_path(10))], &Unwatched, &ScanOptions::default()).expect("it goes on");
    assert_eq!(groups[0].rest, Some(vec![Measured::Int(59_990)]));
    assert_eq!(groups[0].scanned.lost, 30_000);
}

/// Stops at the call with this number.
struct StopAt(AtomicU64);

impl Watch for StopAt {
    fn progress(&self, done: u64, total: u64) -> ControlFlow<()> {
        assert!(done <= total);
        match self.0.fetch_update(Relaxed, Relaxed, |left| left.checked_sub(1)) {
            Ok(_) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(()),
        }
    }
}

#[test]
fn whoever_asks_may_stop() {
    let disk: Arc<dyn Disk> = Arc::new(MemoryDisk::default());
    let snapshot = snapshot(&disk, &Arc::default());
    for calls in 0..8 {
        let listed = list(&snapshot, &newest(100_000), &StopAt(calls.into()), &ScanOptions::default());
        assert!(matches!(listed, Err(StoreError::Stopped)), "list, call {calls}");
        let grouped = group(&[(&snapshot, &by_path(10))], &StopAt(calls.into()), &ScanOptions::default());
        assert!(matches!(grouped, Err(StoreError::Stopped)), "group, call {calls}");
    }
    assert!(list(&snapshot, &newest(3), &StopAt(u64::MAX.into()), &ScanOptions::default()).is_ok());
}

#[test]
fn many_groups_are_not_remembered() {
    let disk: Arc<dyn Disk> = Arc::new(MemoryDisk::default());
    let snapshot = snapshot(&disk, &Arc::default());
    let groups = group(&[(&snapshot, &by_path(100))], &Unwatched, &ScanOptions::default()).expect("nothing is damaged");
    assert_eq!(groups[0].groups.len(), 100);
    assert_eq!(groups[0].rest, Some(vec![Measured::Int(89_900)]));
}
