//! The engine in memory: tokens, imports, twins, provisional rows.

use arachne_model::table::{ExchangeRow, Row as _};

use super::*;
use crate::conformance::{self, Extent};
use crate::request::{CountMode, Number, Order, Scalar, Selection, TimeRange};
use crate::store::Unwatched;

fn exchange(id: &str, source: &str, vantage: Option<&str>) -> ExchangeRow {
    let vantage = vantage.map(str::to_owned);
    ExchangeRow { id: id.into(), source: source.into(), vantage, end: Some(1), ..ExchangeRow::default() }
}

fn store(batches: &[&[ExchangeRow]]) -> MemoryStore {
    let store = MemoryStore::new();
    for (sequence, exchanges) in batches.iter().enumerate() {
        let rows = Rows { exchanges: exchanges.to_vec(), ..Rows::default() };
        let token = Token { sender: "t".into(), sequence: sequence as u64 };
        assert!(store.append(&token, rows).expect("rows are taken"));
    }
    store
}

fn ids(store: &MemoryStore, counted_only: bool) -> Vec<Scalar> {
    let table = ExchangeRow::TABLE;
    let predicate = Arc::new(arachne_filter::Predicate::All);
    let (range, mode) = (TimeRange::ALL, CountMode::Start);
    let request = ListRequest {
        selection: Selection { table, range, mode, predicate, now: 0, counted_only },
        order: Order { by: Number::Column(table.start), descending: false },
        after: None,
        limit: 100,
        columns: vec![0],
    };
    let page = store.list(&request, &Unwatched).expect("it answers");
    page.rows.into_iter().flatten().collect()
}

fn texts(ids: &[&str]) -> Vec<Scalar> {
    ids.iter().map(|&id| Scalar::Text(id.into())).collect()
}

#[test]
fn the_twin_nearest_to_the_server_counts_whatever_came_first() {
    let hours = |row: ExchangeRow, hours: i64| ExchangeRow { start: hours * 3_600_000_000_000, ..row };
    let rows = [
        exchange("e", "b", None),
        exchange("d", "a", None),
        exchange("c", "z", Some("client")),
        exchange("b", "w", Some("between")),
        exchange("a2", "y", Some("server")),
        // Not of another source: an exchange of its own.
        exchange("a1", "y", Some("server")),
        exchange("a0", "z", Some("server")),
        // More than an hour later: another connection with the same numbers.
        hours(exchange("x", "q", None), 2),
    ];
    let expected: [&[&str]; 8] =
        [&["e"], &["d"], &["c"], &["b"], &["a2"], &["a1", "a2"], &["a1", "a2"], &["a1", "a2", "x"]];
    for (last, expected) in expected.iter().enumerate() {
        let some = &rows[..=last];
        let reversed: Vec<_> = some.iter().rev().cloned().collect();
        assert_eq!(ids(&store(&[some]), true), texts(expected));
        assert_eq!(ids(&store(&[&reversed]), true), texts(expected));
        assert_eq!(ids(&store(&[some]), false).len(), last + 1);
    }
}

#[test]
fn a_closed_row_replaces_its_open_one_and_stays() {
    let open = ExchangeRow { provisional: true, end: None, ..exchange("a", "s", None) };
    let closed = exchange("a", "s", None);
    let alone = std::slice::from_ref(&open);
    let store = store(&[alone, &[open.clone(), closed], alone]);
    let content = store.read();
    assert_eq!(content.tables.facts()[0].rows, 1);
    drop(content);
    assert_eq!(ids(&store, true), texts(&["a"]));
    assert_eq!(store.facts().tables[0].range, Some((0, 1)), "it has an end: it is the closed one");
}

#[test]
fn it_stops_when_told() {
    struct Stop;
    impl Watch for Stop {
        fn progress(&self, _done: u64, _total: u64) -> std::ops::ControlFlow<()> {
            std::ops::ControlFlow::Break(())
        }
    }
    let table = ExchangeRow::TABLE;
    let predicate = Arc::new(arachne_filter::Predicate::All);
    let (range, mode) = (TimeRange::ALL, CountMode::Start);
    let selection = Selection { table, range, mode, predicate, now: 0, counted_only: true };
    let request = GroupRequest { selection, keys: Vec::new(), measures: Vec::new(), groups_max: 1, whole: false };
    assert!(matches!(MemoryStore::new().group(&[request], &Stop), Err(StoreError::Stopped)));
}

#[test]
fn the_reference_conforms_to_itself() {
    for seed in 1..4 {
        let extent = Extent { seed, exchanges: 60, questions: 40 };
        conformance::check(&|| Box::new(MemoryStore::new()), extent);
    }
}
