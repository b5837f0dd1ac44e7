//! Every byte flipped and every file cut at every length: what is asked of the store afterwards is true.
//!
//! A sample of both runs each time; all of them with `ARACHNE_ALL_FLIPS=1`, as `make crash` does.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::Arc;

use arachne_filter::Predicate;
use arachne_model::table::{
    BodyRow, ExchangeRow, HostRow, LogRow, PacketRow, PointRow, QualityRow, STORED_COUNT, SessionRow, TABLES, Table,
};
use arachne_store::{
    CountMode, GroupRequest, ImportName, ImportStart, ListRequest, Measure, Measured, Number, Order, Rows, Scalar,
    Selection, Store as _, TimeRange, Token, Unwatched,
};

use crate::disk::MemoryDisk;
use crate::scan::ScanOptions;
use crate::{EmbeddedStore, Retention, Settings};

type Files = BTreeMap<String, Vec<u8>>;
type Line = Vec<Scalar>;

fn settings() -> Settings {
    let forever = Retention { max_age: None, max_bytes: None };
    let scan = ScanOptions { threads: NonZeroUsize::MIN };
    Settings { retention: [forever; STORED_COUNT], merge_parts: 2, background: false, scan, ..Settings::default() }
}

fn open(disk: &MemoryDisk) -> EmbeddedStore {
    EmbeddedStore::open_on(Arc::new(disk.clone()), settings()).expect("it opens whatever is there")
}

/// One row of each table for each number; equal numbers are twins.
fn rows(source: &str, numbers: std::ops::Range<i64>) -> Rows {
    let id = |n: i64| format!("{source}-{n:04}");
    let count = |n: i64| n.unsigned_abs();
    let exchange = |n: i64| ExchangeRow {
        id: id(n),
        start: n * 1000,
        end: Some(n * 1000 + 500),
        source: source.to_owned(),
        counted: true,
        wire_key: n,
        path: Some(format!("/{source}/{n}")),
        status: Some(200),
        ..ExchangeRow::default()
    };
    let session =
        |n: i64| SessionRow { id: id(n), first: n, last: Some(n), source: source.to_owned(), ..SessionRow::default() };
    let packet =
        |n: i64| PacketRow { session: id(n), time: n, number: count(n), bytes: vec![7; 40], ..PacketRow::default() };
    let body = |n: i64| BodyRow { exchange: id(n), time: n, bytes: b"a body".to_vec(), ..BodyRow::default() };
    let quality =
        |n: i64| QualityRow { minute: n, source: source.to_owned(), value: count(n), ..QualityRow::default() };
    let host =
        |n: i64| HostRow { address: id(n), name: id(n), first: n, source: source.to_owned(), ..HostRow::default() };
    let point = |n: i64| PointRow { start: n, name: id(n), sketch: vec![7; 40], ..PointRow::default() };
    let log = |n: i64| LogRow { start: n, id: id(n), message: id(n), ..LogRow::default() };
    Rows {
        exchanges: numbers.clone().map(exchange).collect(),
        sessions: numbers.clone().map(session).collect(),
        packets: numbers.clone().map(packet).collect(),
        bodies: numbers.clone().map(body).collect(),
        quality: numbers.clone().map(quality).collect(),
        hosts: numbers.clone().map(host).collect(),
        points: numbers.clone().map(point).collect(),
        logs: numbers.map(log).collect(),
    }
}

/// A small store, and what was written to each of its tables.
struct Small {
    files: Files,
    written: Vec<Vec<Line>>,
}

impl Small {
    /// What is imported, what is appended and becomes parts, and what stays in the log.
    fn new(imported: Rows, in_parts: Rows, in_log: [Rows; 2]) -> Self {
        let disk = MemoryDisk::default();
        let store = open(&disk);
        let name = ImportName { source: "a".to_owned(), options: String::new(), label: "a.pcap".to_owned() };
        let Ok(ImportStart::Wanted(mut import)) = store.import(&name, false) else { panic!("it is new") };
        import.push(imported).expect("there is room");
        import.finish().expect("there is room");
        let append = |sequence, rows| {
            let token = Token { sender: "b".to_owned(), sequence };
            assert!(store.append(&token, rows).expect("there is room"));
        };
        append(1, in_parts);
        store.flush().expect("there is room");
        let [first, second] = in_log;
        append(2, first);
        append(3, second);
        let written = TABLES.iter().map(|table| list(&store, table).0).collect();
        drop(store);
        Self { files: disk.files(), written }
    }
}

/// Exchanges in two parts with twins, and beside them whatever is small.
fn twins() -> Small {
    let imported = Rows {
        sessions: Vec::new(),
        quality: Vec::new(),
        hosts: Vec::new(),
        points: Vec::new(),
        logs: Vec::new(),
        ..rows("a", 0..3)
    };
    let exchanges = |numbers| Rows { exchanges: rows("b", numbers).exchanges, ..Rows::default() };
    let in_log = |numbers| Rows { packets: rows("b", numbers).packets, ..Rows::default() };
    Small::new(imported, exchanges(0..2), [in_log(2..4), in_log(4..5)])
}

/// Sessions, and exchanges in the log.
fn sessions() -> Small {
    let imported = Rows { exchanges: Vec::new(), points: Vec::new(), logs: Vec::new(), ..rows("a", 0..3) };
    let in_parts = Rows { hosts: rows("b", 0..2).hosts, ..Rows::default() };
    let exchanges = Rows { exchanges: rows("b", 3..5).exchanges, ..Rows::default() };
    let hosts = Rows { hosts: rows("b", 5..6).hosts, ..Rows::default() };
    Small::new(imported, in_parts, [exchanges, hosts])
}

/// Points and lines of logs.
fn layers() -> Small {
    let only = |source: &str, numbers: std::ops::Range<i64>| {
        let all = rows(source, numbers);
        Rows { points: all.points, logs: all.logs, ..Rows::default() }
    };
    Small::new(only("a", 0..3), only("b", 0..2), [only("b", 3..5), only("b", 5..6)])
}

fn selection(table: &'static Table) -> Selection {
    let predicate = Arc::new(Predicate::All);
    Selection { table, range: TimeRange::ALL, mode: CountMode::Start, predicate, now: 0, counted_only: false }
}

/// All rows, but for the column that says which of twins counts, and how many are lost.
fn list(store: &EmbeddedStore, table: &'static Table) -> (Vec<Line>, u64) {
    let counted = table.column("counted");
    let request = ListRequest {
        selection: selection(table),
        order: Order { by: Number::Column(table.start), descending: true },
        after: None,
        limit: 1000,
        columns: (0..table.columns.len()).filter(|&column| Some(column) != counted).collect(),
    };
    let page = store.list(&request, &Unwatched).expect("damage is no error of a list");
    let mut rows = page.rows;
    rows.sort();
    (rows, page.scanned.lost)
}

fn count(store: &EmbeddedStore, table: &'static Table) -> (u64, u64) {
    let request = GroupRequest {
        selection: selection(table),
        keys: Vec::new(),
        measures: vec![Measure::Count],
        groups_max: 10,
        whole: false,
    };
    let groups = store.group(&[request], &Unwatched).expect("damage is no error of a group").swap_remove(0);
    let count = match groups.groups.first().map(|group| &group.measures[0]) {
        Some(Measured::Int(count)) => count.unsigned_abs(),
        _ => 0,
    };
    (count, groups.scanned.lost)
}

/// What a store of changed files answers, twice: as it is opened, and opened again.
fn check(files: Files, written: &[Vec<Line>], path: &str, what: &str) {
    let disk = MemoryDisk::from_files(files);
    for time in ["first", "second"] {
        let at = format!("{path} {what}, {time} start");
        let store = open(&disk);
        for (table, written) in TABLES.iter().zip(written) {
            let (found, lost) = list(&store, table);
            let (counted, also_lost) = count(&store, table);
            assert!(found.windows(2).all(|pair| pair[0] != pair[1]), "{at}: a row of {} is there twice", table.name);
            let wrong = found.iter().find(|row| written.binary_search(row).is_err());
            assert_eq!(wrong, None, "{at}: it was never written to {}", table.name);
            assert_eq!((counted, also_lost), (found.len() as u64, lost), "{at}: {} is counted otherwise", table.name);
            let facts = store.facts();
            let known = facts.tables.iter().zip(TABLES).find(|(_, known)| known.name == table.name);
            let known = known.map(|(facts, _)| (facts.rows, facts.lost_rows));
            if path.starts_with("wal/") {
                // How many rows a frame had that cannot be read is not known, but that there was one is; and a last file
                // that ends early looks like one that was never written on.
                let told = !facts.damage.is_empty() || !facts.quarantined.is_empty();
                assert!(found.len() == written.len() || told || what.starts_with("cut"), "{at}: {} rows", found.len());
            } else {
                assert_eq!(
                    found.len() as u64 + lost,
                    written.len() as u64,
                    "{at}: all of {} is there or lost",
                    table.name
                );
                assert_eq!(known, Some((found.len() as u64, lost)), "{at}: facts of {}", table.name);
                assert!(lost == 0 || !facts.quarantined.is_empty(), "{at}: nobody says where {} is lost", table.name);
            }
        }
        let token = Token { sender: "c".to_owned(), sequence: 1 };
        store.append(&token, Rows::default()).expect("it goes on");
    }
}

#[test]
fn whatever_of_exchanges_is_flipped_or_cut_no_answer_is_wrong() {
    let small = twins();
    let has = |ending: &str| small.files.keys().any(|path| path.ends_with(ending));
    assert!(has(".idx") && has(".demoted") && has(".wal") && has(".a") && has(".b"), "{:?}", small.files.keys());
    flip_and_cut(&small);
}

#[test]
fn whatever_of_sessions_is_flipped_or_cut_no_answer_is_wrong() {
    flip_and_cut(&sessions());
}

#[test]
fn whatever_of_points_and_logs_is_flipped_or_cut_no_answer_is_wrong() {
    flip_and_cut(&layers());
}

fn flip_and_cut(Small { files, written }: &Small) {
    let all = std::env::var_os("ARACHNE_ALL_FLIPS").is_some();
    let sizes: Vec<_> = files.iter().map(|(path, bytes)| (path, bytes.len())).collect();
    let size: usize = files.values().map(Vec::len).sum();
    assert!(size <= 64 << 10, "{size} bytes: {sizes:?}");
    let step = if all { 1 } else { 997 };
    let places: Vec<(&String, usize)> =
        files.iter().flat_map(|(path, bytes)| (0..bytes.len()).map(move |at| (path, at))).step_by(step).collect();
    let threads = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    std::thread::scope(|scope| {
        for some in places.chunks(places.len().div_ceil(threads)) {
            scope.spawn(move || some.iter().for_each(|&(path, at)| flip_and_cut_at(files, written, path, at)));
        }
    });
    for path in files.keys() {
        let mut without = files.clone();
        without.remove(path);
        check(without, written, path, "cut away");
    }
    // What `make crash` shows.
    println!("{size} bytes in {} files: {} flipped, {} cuts", files.len(), places.len(), places.len() + files.len());
}

fn flip_and_cut_at(files: &Files, written: &[Vec<Line>], path: &str, at: usize) {
    let with = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut files = files.clone();
        files.get_mut(path).into_iter().for_each(change);
        files
    };
    check(with(&|bytes| bytes[at] ^= 1 << (at % 8)), written, path, &format!("with byte {at} flipped"));
    check(with(&|bytes| bytes.truncate(at)), written, path, &format!("cut to {at}"));
}
