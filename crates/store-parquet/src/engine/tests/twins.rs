//! Twins of rows in memory and of parts: what is looked at, what it holds up, and how much is kept.

use super::*;
use crate::disk::{Hook, Hooked, Operation, Verdict};
use arachne_store::TWINS_APART_MAX;
use std::io;
use std::sync::{Mutex, OnceLock, PoisonError, Weak};

use crate::engine::Core;

const HOUR: i64 = 3600 * 1_000_000_000;

fn append(store: &EmbeddedStore, sequence: u64, exchanges: Vec<ExchangeRow>) {
    store.append(&token(sequence), Rows { exchanges, ..Rows::default() }).expect("there is room");
}

/// Exchanges of one wire key.
fn same(source: &str, vantage: &str, starts: impl Iterator<Item = i64>) -> Vec<ExchangeRow> {
    let row = |start| ExchangeRow {
        id: format!("{source}-{start:020}"),
        start,
        end: Some(start + 5),
        wire_key: 7,
        vantage: Some(vantage.to_owned()),
        ..exchange(source, 0)
    };
    starts.map(row).collect()
}

/// Rows of parts that are known by wire key.
fn looked_up(store: &EmbeddedStore) -> usize {
    store.core.keys().rows()
}

/// By source, how many count.
fn counting(store: &EmbeddedStore) -> BTreeMap<String, usize> {
    let mut counting = BTreeMap::new();
    let rows = exchanges(store).into_values().filter(|row| row.counted);
    rows.for_each(|row| *counting.entry(row.source).or_default() += 1);
    counting
}

#[test]
fn an_exchange_that_is_open_for_hours_does_not_bring_back_all_parts_since() {
    let store = open(&MemoryDisk::default());
    for hour in 0..24 {
        let rows = (0..10).map(|n| ExchangeRow { start: hour * HOUR + n, ..exchange("b", hour * 100 + n) });
        append(&store, hour as u64, rows.collect());
        store.flush().expect("there is room");
    }
    let still = |n| ExchangeRow { provisional: true, end: None, ..exchange("a", n) };
    append(&store, 100, vec![still(3), ExchangeRow { start: 23 * HOUR + 5, ..exchange("a", 2305) }]);
    assert!((1..=20).contains(&looked_up(&store)), "{} rows of 240", looked_up(&store));
    assert_eq!(counting(&store), [("a".to_owned(), 2), ("b".to_owned(), 238)].into(), "where two saw one, a counts");
    append(&store, 101, vec![ExchangeRow { start: 12 * HOUR, ..exchange("a", 1200) }]);
    assert!(looked_up(&store) <= 30, "{} rows of 240", looked_up(&store));
    assert_eq!(counting(&store), [("a".to_owned(), 3), ("b".to_owned(), 237)].into());
}

/// Whether somebody waits for who reads.
#[derive(Debug, Default)]
struct Waiting {
    core: OnceLock<Weak<Core>>,
    reads: Mutex<(u64, Vec<String>)>,
}

impl Hook for Waiting {
    fn before(&self, _: &Operation) -> Verdict {
        Verdict::Go
    }

    fn after(&self, _: Operation) {}

    fn read(&self) -> io::Result<()> {
        let Some(core) = self.core.get().and_then(Weak::upgrade) else { return Ok(()) };
        let mut reads = self.reads.lock().unwrap_or_else(PoisonError::into_inner);
        reads.0 += 1;
        if core.live.try_lock().is_err() {
            reads.1.push("whoever appends and asks".to_owned());
        }
        if core.gate.try_write().is_err() {
            reads.1.push("a flush, and with it whoever appends".to_owned());
        }
        Ok(())
    }
}

#[test]
fn nobody_waits_while_parts_are_read_for_twins() {
    let disk = Arc::new(Hooked::new(Arc::new(MemoryDisk::default()), Arc::new(Waiting::default())));
    let store = EmbeddedStore::open_on(Arc::clone(&disk) as Arc<dyn Disk>, settings()).expect("it is new");
    disk.hook().core.set(Arc::downgrade(&store.core)).expect("once");
    for n in 0..4 {
        append(&store, n, (0..10).map(|row| exchange(["a", "b"][n as usize % 2], n as i64 * 5 + row)).collect());
        store.flush().expect("there is room");
    }
    append(&store, 10, vec![exchange("c", 3), ExchangeRow { provisional: true, end: None, ..exchange("c", 11) }]);
    append(&store, 11, vec![ExchangeRow { start: -TWINS_APART_MAX / 2, ..exchange("c", 12) }]);
    store.merge().expect("there is room");
    assert!(import(&store, "d", 0..30, 30).expect("there is room"));
    store.flush().expect("there is room");
    let reads = disk.hook().reads.lock().unwrap_or_else(PoisonError::into_inner);
    assert!(reads.0 > 0 && reads.1.is_empty(), "{} of {} reads kept waiting {:?}", reads.1.len(), reads.0, reads.1);
}

#[test]
fn a_key_that_comes_again_and_again_before_two_agents_makes_no_more_pairs_than_rows() {
    const MANY: i64 = 20_000;
    let store = open(&MemoryDisk::default());
    append(&store, 1, same("client", "client", 0..MANY));
    store.flush().expect("there is room");
    append(&store, 2, same("server", "server", 10..MANY + 10));
    append(&store, 3, same("between", "between", (0..MANY).step_by(100)));
    let pairs = store.core.live().met.len();
    assert!(pairs as i64 <= 2 * MANY + MANY / 100, "{pairs} pairs");
    let expected = BTreeMap::from([("server".to_owned(), MANY as usize)]);
    assert_eq!(counting(&store), expected, "in memory and in a part");
    store.flush().expect("there is room");
    assert_eq!(counting(&store), expected, "in two parts");
    append(&store, 4, same("client", "client", (MANY..MANY + 5).chain([MANY + TWINS_APART_MAX + 20])));
    assert_eq!(counting(&store)["client"], 1, "of those that come later those near one that counts do not");
}

#[test]
fn of_more_than_fits_the_newest_is_looked_at_and_the_rest_is_told() {
    let store = open(&MemoryDisk::default());
    for (n, source) in [(0, "b"), (1, "c"), (2, "b")] {
        append(&store, n, (0..10).map(|row| exchange(source, n as i64 * 100 + row)).collect());
        store.flush().expect("there is room");
    }
    store.core.keys().rows_max = 25;
    append(&store, 10, vec![exchange("a", 203), exchange("a", 103), exchange("a", 3)]);
    assert_eq!(store.facts().twins_unmet, 1);
    assert_eq!(counting(&store), [("a".to_owned(), 3), ("b".to_owned(), 19), ("c".to_owned(), 9)].into());
    store.merge().expect("there is room");
    assert_eq!(counting(&store)["b"], 18, "parts that are written anew are looked at as a whole");
    store.flush().expect("there is room");
    append(&store, 11, vec![exchange("a", 10_000_000_000)]);
    assert_eq!(counting(&store), [("a".to_owned(), 4), ("b".to_owned(), 18), ("c".to_owned(), 9)].into());
    assert_eq!(store.facts().twins_unmet, 1, "what is far does not matter");
}
