//! Good batches, and everything that claims to be one.

use arachne_delivery::codec::{Head, Packer, address, encode};
use arachne_delivery::proto::Table;
use arachne_model::table::{
    BodyRow, ExchangeRow, HostRow, LogRow, PacketRow, PointRow, QualityRow, Row as _, SessionRow,
};
use std::sync::Arc;

use arachne_filter::Predicate;
use arachne_store::{CountMode, ListRequest, MemoryStore, Number, Order, Selection, TimeRange, Unwatched};
use proptest::prelude::*;

use super::*;

const START: i64 = 1_795_255_200_000_000_000;

fn rows(count: usize) -> Rows {
    let exchange = |n: usize| ExchangeRow {
        id: format!("{n:026}"),
        start: START + n as i64,
        end: Some(START + 2 * n as i64),
        source: "another".to_owned(),
        agent: "another".to_owned(),
        status: Some(200),
        counted: true,
        ..ExchangeRow::default()
    };
    let another = || "another".to_owned();
    Rows {
        exchanges: (0..count).map(exchange).collect(),
        sessions: vec![SessionRow {
            id: "s".to_owned(),
            first: START,
            source: another(),
            agent: another(),
            ..SessionRow::default()
        }],
        packets: vec![PacketRow { time: START, bytes: vec![1, 2], ..PacketRow::default() }],
        bodies: vec![BodyRow { time: START, bytes: vec![3], ..BodyRow::default() }],
        quality: vec![QualityRow { minute: START, source: another(), agent: another(), ..QualityRow::default() }],
        hosts: vec![HostRow { first: START, source: another(), ..HostRow::default() }],
        points: vec![PointRow { start: START, agent: another(), ..PointRow::default() }],
        logs: vec![LogRow { id: "l".to_owned(), start: START, agent: another(), ..LogRow::default() }],
    }
}

fn head(sequence: u64) -> Head {
    Head { epoch: 7, lane: Lane::Live, sequence, closed: START }
}

fn packed(sequence: u64, tables: Vec<Table>) -> Vec<u8> {
    let body = Packer::new().and_then(|mut packer| packer.pack(tables)).expect("it is small");
    address(&head(sequence), &body).expect("it is small")
}

fn refused(bytes: &[u8]) -> Problem {
    let memory = MemoryStore::new();
    let problem = store(&memory, "web-1", bytes).expect_err("it is no batch");
    assert!(memory.facts().tables.iter().all(|table| table.rows == 0), "nothing of it is kept");
    problem
}

fn sources(store: &MemoryStore, table: &'static arachne_model::table::Table, column: &str) -> Vec<String> {
    let at = table.column(column).expect("a column");
    let selection = Selection {
        table,
        range: TimeRange::ALL,
        mode: CountMode::Overlap,
        predicate: Arc::new(Predicate::All),
        now: START,
        counted_only: false,
    };
    let order = Order { by: Number::Column(table.start), descending: false };
    let request = ListRequest { selection, order, after: None, limit: 100, columns: vec![at] };
    let page = store.list(&request, &Unwatched).expect("memory answers");
    page.rows.iter().map(|row| format!("{:?}", row[0])).collect()
}

#[test]
fn rows_are_of_who_has_the_key() {
    let memory = MemoryStore::new();
    let stored = store(&memory, "web-1", &packed(1, encode(&rows(3)))).expect("a good batch");
    let ack = Ack { epoch: 7, lane: 0, sequence: 1, seen_before: false, rows: 10, values_unknown: 0 };
    assert_eq!(stored, Stored { ack: ack.clone(), closed: Some(START) });
    let counts: Vec<u64> = memory.facts().tables.iter().map(|table| table.rows).collect();
    assert_eq!(counts, [3, 1, 1, 1, 1, 1, 1, 1]);
    for (table, column) in [
        (ExchangeRow::TABLE, "source"),
        (ExchangeRow::TABLE, "agent"),
        (SessionRow::TABLE, "source"),
        (SessionRow::TABLE, "agent"),
        (QualityRow::TABLE, "source"),
        (QualityRow::TABLE, "agent"),
        (HostRow::TABLE, "source"),
        (PointRow::TABLE, "agent"),
        (LogRow::TABLE, "agent"),
    ] {
        let said = sources(&memory, table, column);
        assert!(
            !said.is_empty() && said.iter().all(|text| text.contains("web-1")),
            "{} {column}: {said:?}",
            table.name
        );
    }
    let again = store(&memory, "web-1", &packed(1, encode(&rows(3)))).expect("a good batch");
    assert_eq!(again.ack, Ack { seen_before: true, ..ack });
    assert_eq!(memory.facts().tables[0].rows, 3);
    assert!(!store(&memory, "web-2", &packed(1, encode(&rows(3)))).expect("another agent's").ack.seen_before);
}

#[test]
fn rows_that_cannot_be_are_named() {
    type Change = fn(&mut Rows);
    let cases: [(Change, &str, &str); 9] = [
        (|rows| rows.exchanges[1].start = -1, "exchanges", "row 1 of table exchanges: start"),
        (|rows| rows.exchanges[1].end = Some(START - 1), "exchanges", "end lies before its start"),
        (|rows| rows.exchanges[0].request_end = Some(i64::MAX), "exchanges", "request.end is no instant"),
        (|rows| rows.exchanges[2].id = "../x".to_owned(), "exchanges", "row 2 of table exchanges: id"),
        (|rows| rows.sessions[0].id.clear(), "tcp_sessions", "id"),
        (|rows| rows.packets[0].time = i64::MIN, "packets", "start"),
        (|rows| rows.hosts[0].last = Some(1), "hosts", "end lies before"),
        (|rows| rows.points[0].start = -1, "points", "row 0 of table points: start"),
        (|rows| rows.logs[0].id = "a b".to_owned(), "log_records", "row 0 of table log_records: id"),
    ];
    for (change, table, text) in cases {
        let mut all = rows(3);
        change(&mut all);
        let problem = refused(&packed(1, encode(&all)));
        assert_eq!((problem.code, problem.field), ("bad-batch", Some(table)), "{problem:?}");
        assert!(problem.detail.contains(text), "{problem:?}");
    }
}

#[test]
fn lies_of_the_protocol_are_named() {
    let good = encode(&rows(3));
    let change = |change: fn(&mut Table)| {
        let mut tables = good.clone();
        change(&mut tables[0]);
        refused(&packed(1, tables))
    };
    let codes = |problem: Problem| (problem.code, problem.status, problem.field);
    let exchanges = ("bad-batch", 400, Some("exchanges"));
    assert_eq!(codes(change(|table| table.rows = 4)), exchanges);
    assert_eq!(codes(change(|table| table.rows = u32::MAX)), ("too-large", 413, None));
    assert_eq!(codes(change(|table| table.columns[0].present = vec![0xff; 100])), exchanges);
    assert_eq!(codes(change(|table| table.columns.push(table.columns[0].clone()))), exchanges);
    let twice = refused(&packed(1, [good.clone(), good.clone()].concat()));
    assert_eq!(codes(twice), exchanges);
    let mut unknown = good.clone();
    unknown[0].columns[0].name = "of.tomorrow".to_owned();
    let memory = MemoryStore::new();
    let problem = store(&memory, "a", &packed(1, unknown)).expect_err("an id is missing then");
    assert_eq!(problem.code, "bad-batch");
}

#[test]
fn half_batches_and_other_versions_are_refused() {
    let whole = packed(1, encode(&rows(3)));
    for end in 0..whole.len() {
        let problem = refused(&whole[..end]);
        assert!([400, 422].contains(&problem.status), "{end}: {problem:?}");
    }
    let message = |version: u32| {
        use prost::Message as _;
        let batch = arachne_delivery::proto::Batch { version, sequence: 1, ..Default::default() };
        zstd::bulk::compress(&batch.encode_to_vec(), 1).expect("it is small")
    };
    for version in [0, arachne_delivery::PROTOCOL_VERSION + 1, u32::MAX] {
        assert_eq!(refused(&message(version)).status, 422, "{version}");
    }
    let empty =
        store(&MemoryStore::new(), "a", &message(arachne_delivery::PROTOCOL_VERSION)).expect("no rows are fine");
    assert_eq!(empty.ack.rows, 0);
    let bomb = zstd::bulk::compress(&vec![0; 200 << 20], 1).expect("it packs well");
    assert_eq!(refused(&bomb).status, 413);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn random_bytes_are_no_batch(bytes in proptest::collection::vec(any::<u8>(), 0..2000), wrap in any::<bool>()) {
        let bytes = if wrap { zstd::bulk::compress(&bytes, 1).expect("it is small") } else { bytes };
        let memory = MemoryStore::new();
        if let Err(problem) = store(&memory, "a", &bytes) {
            prop_assert!([400, 413, 422].contains(&problem.status), "{:?}", problem);
        }
    }

    #[test]
    fn a_changed_byte_gives_rows_or_a_reason(at in any::<proptest::sample::Index>(), mask in 1_u8..) {
        use prost::Message as _;
        let batch = arachne_delivery::proto::Batch {
            version: arachne_delivery::PROTOCOL_VERSION,
            tables: encode(&rows(2)),
            ..Default::default()
        };
        let mut message = batch.encode_to_vec();
        let at = at.index(message.len());
        message[at] ^= mask;
        let memory = MemoryStore::new();
        match store(&memory, "a", &zstd::bulk::compress(&message, 1).expect("it is small")) {
            Ok(stored) => prop_assert_eq!(stored.ack.seen_before, false),
            Err(problem) => prop_assert!([400, 413, 422].contains(&problem.status), "{:?}", problem),
        }
    }
}
