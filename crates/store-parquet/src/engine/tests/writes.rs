//! Appending, flushing, merging, retention, and a disk without room.

use super::*;
use crate::disk::{Fault, FaultDisk, Plan};
use std::time::Duration;

#[test]
fn what_was_appended_is_there_once_and_after_a_restart() {
    let disk = MemoryDisk::default();
    let store = open(&disk);
    assert!(store.append(&token(1), rows("a", 0..5)).expect("there is room"));
    assert!(!store.append(&token(1), rows("a", 0..5)).expect("there is room"));
    assert!(store.append(&token(2), rows("a", 5..9)).expect("there is room"));
    let before = exchanges(&store);
    assert_eq!(before.len(), 9);
    drop(store);
    let store = open(&disk);
    assert_eq!(exchanges(&store), before);
    assert!(!store.append(&token(2), rows("a", 5..9)).expect("there is room"), "the log remembers");
    store.flush().expect("there is room");
    assert_eq!((exchanges(&store), part_rows(&store, 0), part_rows(&store, 2)), (before.clone(), 9, 9));
    assert!(!store.append(&token(2), rows("a", 5..9)).expect("there is room"), "the manifest remembers");
    store.append(&token(3), rows("a", 9..10)).expect("there is room");
    store.close().expect("there is room");
    let store = open(&disk);
    assert!(!store.append(&token(1), rows("a", 0..5)).expect("there is room"));
    assert_eq!((exchanges(&store).len(), part_rows(&store, 0)), (10, 10));
    assert_eq!(store.facts().damage, Vec::<String>::new());
}

#[test]
fn a_batch_is_known_however_many_others_came_since() {
    let disk = MemoryDisk::default();
    let mut store = open(&disk);
    let sent = |sender: &str, sequence| Token { sender: sender.to_owned(), sequence };
    let row = || Rows { quality: vec![QualityRow::default()], ..Rows::default() };
    let lanes = ["agent/a/1/live", "agent/a/1/backlog"];
    assert!(
        store.append(&sent(lanes[0], 1), row()).expect("room")
            && store.append(&sent(lanes[1], 3), row()).expect("room")
    );
    for round in 0..3_u64 {
        for n in 1..=4000 {
            assert!(store.append(&sent("agent/busy/1/live", round * 4000 + n), row()).expect("room"));
        }
        if round < 2 {
            store.flush().expect("room");
        }
        // What kill -9 leaves: the log, and the manifest as it was.
        drop(store);
        store = open(&disk);
        for (lane, sequence) in [(lanes[0], 1), (lanes[1], 3), ("agent/busy/1/live", 1)] {
            assert!(!store.append(&sent(lane, sequence), row()).expect("room"), "round {round}: {lane}");
        }
    }
    assert!(store.append(&sent(lanes[1], 2), row()).expect("room"), "a hole is none that was seen");
    store.flush().expect("room");
    store.close().expect("room");
    let store = open(&disk);
    assert!(!store.append(&sent(lanes[1], 2), row()).expect("room"));
    assert_eq!(store.facts().tables[4].rows, 12_003);
}

#[test]
fn open_exchanges_stay_in_memory_until_they_end() {
    let disk = MemoryDisk::default();
    let mut store = open(&disk);
    let open_row = |n| ExchangeRow { provisional: true, end: None, ..exchange("a", n) };
    store
        .append(&token(1), Rows { exchanges: vec![open_row(1), open_row(2), exchange("a", 3)], ..Rows::default() })
        .expect("room");
    for round in 0..3 {
        store.flush().expect("there is room");
        let rows = exchanges(&store);
        assert_eq!((rows.len(), rows.values().filter(|row| row.provisional).count()), (3, 2), "round {round}");
        assert_eq!(part_rows(&store, 0), 1);
        drop(store);
        store = open(&disk);
        store
            .append(&token(10 + round), Rows { quality: vec![QualityRow::default()], ..Rows::default() })
            .expect("room");
    }
    store.append(&token(2), Rows { exchanges: vec![exchange("a", 1)], ..Rows::default() }).expect("there is room");
    assert_eq!(exchanges(&store).values().filter(|row| row.provisional).count(), 1);
    drop(store);
    let store = open(&disk);
    let rows = exchanges(&store);
    assert_eq!((rows.len(), rows[&exchange("a", 1).id].clone()), (3, exchange("a", 1)));
}

#[test]
fn many_large_open_exchanges_stop_no_flush() {
    let disk = MemoryDisk::default();
    let store = open(&disk);
    // Text that does not pack: together it fits no frame of the log.
    let mut seed = 7_u64;
    let mut text = || {
        let mut letter = || {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            char::from(b' ' + (seed >> 57) as u8 % 95)
        };
        (0..1 << 20).map(|_| letter()).collect::<String>()
    };
    for n in 0..80 {
        let row = ExchangeRow { provisional: true, end: None, request_headers: Some(text()), ..exchange("a", n) };
        store.append(&token(n as u64), Rows { exchanges: vec![row], ..Rows::default() }).expect("there is room");
    }
    store.append(&token(100), rows("b", 0..5)).expect("there is room");
    store.flush().expect("open exchanges fit the log");
    assert_eq!(part_rows(&store, 0), 5);
    let held = exchanges(&store).len() as u64 - 5;
    assert_eq!((held > 20, held + store.facts().open_refused), (true, 80));
    drop(store);
    assert_eq!(exchanges(&open(&disk)).len() as u64, held + 5);
}

#[test]
fn what_was_given_up_a_day_ago_is_in_a_part_and_told_late_is_not_open_again() {
    let disk = MemoryDisk::default();
    let store = open(&disk);
    let open_row = || Rows {
        exchanges: vec![ExchangeRow { provisional: true, end: None, ..exchange("a", 1) }],
        ..Rows::default()
    };
    store.append(&token(1), open_row()).expect("there is room");
    (0..200).for_each(|_| store.end_period());
    store.flush().expect("there is room");
    assert_eq!((part_rows(&store, 0), store.facts().given_up), (1, 0));
    store.append(&token(2), open_row()).expect("there is room");
    let rows = exchanges(&store);
    assert!(rows.values().all(|row| !row.provisional && row.anomalies.as_deref() == Some("incomplete")), "{rows:?}");
    drop(store);
    assert_eq!(exchanges(&open(&disk)), rows);
}

#[test]
fn long_exchanges_are_apart() {
    let store = open(&MemoryDisk::default());
    let long = ExchangeRow { end: Some(i64::from(u32::MAX) * 1_000), ..exchange("a", 1) };
    store
        .append(&token(1), Rows { exchanges: vec![long, exchange("a", 2)], ..Rows::default() })
        .expect("there is room");
    store.flush().expect("there is room");
    let parts: Vec<_> = store.snapshot(TABLES[0]).parts.iter().map(|part| (part.meta.long, part.meta.rows)).collect();
    assert_eq!(parts, [(true, 1), (false, 1)]);
}

#[test]
fn merging_keeps_every_row_and_old_files_until_nobody_reads_them() {
    let disk = MemoryDisk::default();
    let store = open(&disk);
    for n in 0..8 {
        store.append(&token(n as u64), rows("a", n * 10..n * 10 + 10)).expect("there is room");
        store.flush().expect("there is room");
    }
    let before = exchanges(&store);
    let old = store.snapshot(TABLES[0]);
    store.merge().expect("there is room");
    let new = store.snapshot(TABLES[0]);
    assert_eq!((old.parts.len(), new.parts.len()), (8, 1));
    assert_eq!((exchanges(&store), old.rows(), new.rows()), (before.clone(), 80, 80));
    assert_eq!(old.parts[3].open().expect("it is still there").part.meta.rows, 10);
    drop(old);
    let known: usize =
        store.snapshots().iter().flat_map(|s| s.parts.clone()).map(|part| part.meta.files().count()).sum();
    assert_eq!(disk_files(&disk, "parts/").len(), known);
    drop((store, new));
    assert_eq!(exchanges(&open(&disk)), before);
}

#[test]
fn rows_go_by_age_and_by_bytes() {
    let mut settings = settings();
    settings.retention[0].max_age = Some(Duration::from_nanos(15_000));
    let store = EmbeddedStore::open_on(Arc::new(MemoryDisk::default()), settings).expect("it is new");
    for n in 0..4 {
        store.append(&token(n as u64), rows("a", n * 10..n * 10 + 10)).expect("there is room");
        store.flush().expect("there is room");
    }
    assert_eq!(store.retire(40_000).expect("there is room"), [20, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(store.retire(40_000).expect("there is room"), [0; STORED_COUNT]);
    store.set_retention([Retention::default(); STORED_COUNT]);
    assert_eq!(store.retire(i64::MAX).expect("there is room"), [0; STORED_COUNT], "everything stays");
    assert_eq!((exchanges(&store).len(), store.retired_rows()[0]), (20, 20), "what came is there or was removed");
    let rows = exchanges(&store);
    assert!(rows.values().all(|row| row.start >= 20_000));
}

#[test]
fn a_full_disk_stops_writing_only_and_only_while_it_is_full() {
    let memory = MemoryDisk::default();
    let disk = Arc::new(FaultDisk::faulty(Arc::new(memory.clone()), None));
    let store = EmbeddedStore::open_on(Arc::clone(&disk) as Arc<dyn Disk>, settings()).expect("it is new");
    store.append(&token(1), rows("a", 0..5)).expect("there is room");
    let full = Some(Plan { at: 0, times: u64::MAX, fault: Fault::Tear(28) });
    disk.plan(full);
    for _ in 0..3 {
        assert!(matches!(store.append(&token(2), rows("a", 5..9)), Err(StoreError::Full { .. })));
        assert!(matches!(store.flush(), Err(StoreError::Full { .. })));
        assert!(matches!(import(&store, "b", 0..9, 9), Err(StoreError::Full { .. })));
        assert_eq!((exchanges(&store).len(), store.facts().full), (5, true));
        store.set_damage_aside().expect("nothing is damaged");
        assert!(store.facts().full, "only what was written says that there is room");
    }
    disk.plan(None);
    assert!(store.append(&token(2), rows("a", 5..9)).expect("there is room"));
    store.flush().expect("there is room");
    assert!(import(&store, "b", 0..9, 9).expect("there is room"));
    assert_eq!((exchanges(&store).len(), store.facts().full), (18, false));
    drop(store);
    let store = open(&memory);
    assert_eq!(exchanges(&store).len(), 18);
    assert!(disk_files(&memory, "parts/").iter().all(|path| !path.ends_with(".tmp")));
}

#[test]
fn one_process_at_a_time() {
    let folder = tempfile::tempdir().expect("there is a place for tests");
    let store = EmbeddedStore::open(folder.path(), Settings::default()).expect("it is new");
    store.append(&token(1), rows("a", 0..5)).expect("there is room");
    assert!(matches!(EmbeddedStore::open(folder.path(), Settings::default()), Err(StoreError::Locked { .. })));
    store.close().expect("there is room");
    let store = EmbeddedStore::open(folder.path(), Settings::default()).expect("it was given back");
    assert_eq!(exchanges(&store).len(), 5);
}

#[test]
fn threads_append_while_others_flush_and_read() {
    let disk = MemoryDisk::default();
    let store = open(&disk);
    std::thread::scope(|scope| {
        for sender in 0..4 {
            let store = &store;
            scope.spawn(move || {
                for n in 0..25_i64 {
                    let token = Token { sender: format!("{sender}"), sequence: n as u64 };
                    let name = format!("{sender}");
                    assert!(store.append(&token, rows(&name, n..n + 1)).expect("there is room"));
                    assert!(exchanges(store).len() > n as usize, "what was acknowledged is visible");
                }
            });
        }
        scope.spawn(|| (0..10).for_each(|_| store.flush().expect("there is room")));
    });
    assert_eq!(exchanges(&store).len(), 100);
    drop(store);
    assert_eq!(exchanges(&open(&disk)).len(), 100);
}

#[test]
fn a_disk_that_takes_the_log_and_no_parts_is_told_refuses_in_the_end_and_recovers() {
    let disk = Arc::new(FaultDisk::faulty(Arc::new(MemoryDisk::default()), None));
    let settings = Settings { flush_rows: 10, ..settings() };
    let store = EmbeddedStore::open_on(Arc::clone(&disk) as Arc<dyn Disk>, settings).expect("it is empty");
    store.append(&token(1), rows("a", 0..8)).expect("the disk works");
    disk.plan(Some(Plan { at: 0, times: 1, fault: Fault::Fail(5) }));
    store.flush().expect_err("it cannot write");
    let why = store.failing().expect("it says so");
    assert!(why.contains("part") && why.contains("Input/output error"), "{why}");
    assert!(!store.facts().full);
    // The log works. Rows are taken and answered until there are too many.
    store.append(&token(2), rows("a", 8..14)).expect("the log takes it");
    assert_eq!(exchanges(&store).len(), 14);
    assert!(store.core.is_overfull());
    disk.plan(Some(Plan { at: 0, times: u64::MAX, fault: Fault::Fail(5) }));
    let refused = store.append(&token(3), rows("a", 14..15)).expect_err("memory is bounded");
    assert!(matches!(refused, StoreError::Io { .. }), "{refused}");
    assert_eq!(exchanges(&store).len(), 14);
    disk.plan(None);
    store.append(&token(3), rows("a", 14..15)).expect("the disk works again");
    assert_eq!((exchanges(&store).len(), store.failing()), (15, None));
}

#[test]
fn no_room_for_parts_is_told_though_the_log_takes_more() {
    let disk = Arc::new(FaultDisk::faulty(Arc::new(MemoryDisk::default()), None));
    let store = EmbeddedStore::open_on(Arc::clone(&disk) as Arc<dyn Disk>, settings()).expect("it is empty");
    store.append(&token(1), rows("a", 0..8)).expect("there is room");
    disk.plan(Some(Plan { at: 0, times: 1, fault: Fault::Fail(28) }));
    assert!(matches!(store.flush(), Err(StoreError::Full { .. })));
    store.append(&token(2), rows("a", 8..10)).expect("the log has room");
    let why = store.failing().expect("it says so, whatever went well since");
    assert!(why.contains("No space left"), "{why}");
    store.flush().expect("there is room again");
    assert_eq!((store.failing(), exchanges(&store).len()), (None, 10));
}

#[test]
fn the_thread_behind_tries_again_by_itself() {
    let disk = Arc::new(FaultDisk::faulty(Arc::new(MemoryDisk::default()), None));
    let settings = Settings { flush_after: Duration::ZERO, background: true, ..settings() };
    let store = EmbeddedStore::open_on(Arc::clone(&disk) as Arc<dyn Disk>, settings).expect("it is empty");
    let until = |what: &str, is_so: &dyn Fn() -> bool| {
        let begun = std::time::Instant::now();
        while !is_so() {
            assert!(begun.elapsed() < Duration::from_secs(60), "waited in vain until {what}");
            std::thread::sleep(Duration::from_millis(10));
        }
    };
    store.append(&token(1), rows("a", 0..3)).expect("the disk works");
    until("it is written", &|| part_rows(&store, 0) == 3);
    store.core.failing().replace("injected".to_owned());
    store.append(&token(2), rows("a", 3..5)).expect("there is room in memory");
    until("it is written, and well again", &|| part_rows(&store, 0) == 5 && store.failing().is_none());
}

/// A store of a release that had six tables.
#[test]
fn an_older_store_takes_rows_of_tables_that_came_later() {
    let disk = MemoryDisk::default();
    let store = open(&disk);
    assert!(store.append(&token(1), rows("a", 0..5)).expect("there is room"));
    store.flush().expect("there is room");
    drop(store);
    let old = disk.files();
    assert!(!old.keys().any(|path| path.contains("points") || path.contains("log_records")), "{:?}", old.keys());
    let disk = MemoryDisk::from_files(old);
    let store = open(&disk);
    assert_eq!(exchanges(&store).len(), 5);
    let point =
        PointRow { name: "m".to_owned(), labels: "a: 1\n".to_owned(), sketch: vec![1, 2], ..PointRow::default() };
    let log = LogRow { id: "l".to_owned(), message: "a line".to_owned(), ..LogRow::default() };
    let both = Rows { points: vec![point.clone()], logs: vec![log.clone()], ..Rows::default() };
    for sequence in [2, 3] {
        assert!(store.append(&token(sequence), both.clone()).expect("there is room"));
        store.flush().expect("there is room");
    }
    store.merge().expect("there is room");
    drop(store);
    let store = open(&disk);
    assert_eq!((read::<PointRow>(&store).0, read::<LogRow>(&store).0), (vec![point; 2], vec![log; 2]));
    assert_eq!((part_rows(&store, 6), part_rows(&store, 7)), (2, 2));
}
