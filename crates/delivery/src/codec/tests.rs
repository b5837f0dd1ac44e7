//! Codec: the law that decoding undoes encoding, tables of what is refused, other versions.

use arachne_model::table::{BodyRow, ExchangeRow, Kind, QualityRow, Row, Rows, TABLES, Value};
use proptest::prelude::*;
use prost::Message as _;

use super::{BATCH_ROWS_MAX, CodecError, Head, Misfit, Packer, address, decode, encode, unpack};
use crate::proto::{Batch, Column, Lane, Table};

const HEAD: Head = Head { epoch: 7, lane: Lane::Backlog, sequence: 3, closed: -5 };

fn row<R: Row>(cells: &[u64]) -> R {
    let mut row = R::default();
    for (index, column) in R::TABLE.columns.iter().enumerate() {
        let cell = cells[index % cells.len()].rotate_left(u32::try_from(index).expect("few columns"));
        if column.nullable && cell % 5 == 0 {
            continue;
        }
        let text = ["", "a", "GET", "ü\n", "127.0.0.1"][usize::try_from(cell % 5).expect("less than 5")];
        let value = match column.kind {
            Kind::Flag => Value::Bool(cell % 2 == 0),
            Kind::Bytes => Value::Bytes(text.as_bytes()),
            Kind::Instant | Kind::Duration | Kind::Size | Kind::Integer | Kind::Hash => Value::Int(cell.cast_signed()),
            _ => Value::Text(text),
        };
        // What does not fit stays what it is: small numbers have their turn too.
        let _ = row.set(index, value) || row.set(index, Value::Int((cell % 60_000).cast_signed()));
    }
    row
}

fn some<R: Row + std::fmt::Debug>() -> impl Strategy<Value = Vec<R>> {
    prop::collection::vec(prop::collection::vec(any::<u64>(), 1..9).prop_map(|cells| row(&cells)), 0..40)
}

fn any_rows() -> impl Strategy<Value = Rows> {
    (some(), some(), some(), some(), some(), some(), some(), some()).prop_map(
        |(exchanges, sessions, packets, bodies, quality, hosts, points, logs)| Rows {
            exchanges,
            sessions,
            packets,
            bodies,
            quality,
            hosts,
            points,
            logs,
        },
    )
}

fn through_bytes(rows: &Rows) -> Rows {
    let packed = Packer::new().expect("there is memory").pack_rows(rows).expect("it is small");
    let batch = unpack(&address(&HEAD, &packed).expect("there is memory")).expect("it is a batch");
    assert_eq!((batch.epoch, batch.lane(), batch.sequence, batch.closed), (7, Lane::Backlog, 3, -5));
    let mut unknown = 0;
    let rows = decode(batch.tables, &mut unknown).expect("it fits");
    assert_eq!(unknown, 0);
    rows
}

proptest! {
    #[test]
    fn what_is_encoded_is_decoded(rows in any_rows()) {
        prop_assert_eq!(through_bytes(&rows), rows);
    }

    #[test]
    fn any_bytes_are_judged(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = super::measure::check(&bytes);
        if let Ok(batch) = Batch::decode(&bytes[..]) {
            super::measure::check(&bytes).expect("what prost takes was read to its end");
            let _ = decode(batch.tables, &mut 0);
        }
        prop_assert!(unpack(&bytes).is_err());
    }

    /// A batch with some bytes changed is refused or decoded; nothing else.
    #[test]
    fn damaged_messages_are_judged(rows in any_rows(), at in any::<prop::sample::Index>(), to in any::<u8>()) {
        let mut bytes = Batch { version: 1, tables: encode(&rows), ..Batch::default() }.encode_to_vec();
        *at.get_mut(&mut bytes) = to;
        let packed = zstd::bulk::compress(&bytes, 1).expect("there is memory");
        if let Ok(batch) = unpack(&packed) {
            let _ = decode(batch.tables, &mut 0);
        }
    }
}

fn names() -> Rows {
    Rows {
        quality: vec![QualityRow { stage: "packets".to_owned(), value: 1, ..QualityRow::default() }; 9],
        ..Rows::default()
    }
}

/// Changes a column of nine good rows.
fn changed(name: &str, change: impl Fn(&mut Column)) -> Result<Rows, CodecError> {
    let mut tables = encode(&names());
    change(tables[0].columns.iter_mut().find(|c| c.name == name).expect("it is written"));
    decode(tables, &mut 0)
}

fn misfit(name: &str, change: impl Fn(&mut Column)) -> Misfit {
    match changed(name, change).expect_err("it is refused") {
        CodecError::Column { misfit, .. } => misfit,
        other => unreachable!("{other}"),
    }
}

#[test]
fn columns_that_lie_are_refused() {
    assert_eq!(misfit("value", |c| c.present = vec![255]), Misfit::PresentLength { bytes: 1, rows: 9 });
    assert_eq!(misfit("value", |c| c.present = vec![255; 2]), Misfit::PresentBits);
    assert_eq!(misfit("value", |c| c.present = vec![255, 0]), Misfit::Count { values: 9, rows: 8 });
    assert_eq!(misfit("value", |c| c.integers.push(1)), Misfit::Count { values: 10, rows: 9 });
    assert_eq!(misfit("value", |c| c.integers.clear()), Misfit::Count { values: 0, rows: 9 });
    assert_eq!(misfit("value", |c| c.flags = vec![true]), Misfit::Type);
    assert_eq!(misfit("value", |c| c.integers[1] = -3), Misfit::Value { row: 1, value: -2 });
    assert_eq!(misfit("stage", |c| c.places[8] = 1), Misfit::Place { index: 1, values: 1 });
    assert_eq!(misfit("stage", |c| c.places.clear()), Misfit::Count { values: 1, rows: 9 });
    assert_eq!(misfit("stage", |c| c.texts.clear()), Misfit::Place { index: 0, values: 0 });
    assert_eq!(misfit("value", |c| c.places = vec![0; 9]), Misfit::Type);
    assert_eq!(misfit("value", |c| c.name = "start".to_owned()), Misfit::Twice);
    assert!(changed("value", |c| c.present = vec![255, 1]).is_ok(), "all rows may be named one by one");
}

#[test]
fn tables_that_lie_are_refused() {
    let named = |rows| Table { name: "bodies".to_owned(), rows, columns: Vec::new() };
    assert!(matches!(decode(vec![named(u32::MAX)], &mut 0), Err(CodecError::Rows)));
    let half = u32::try_from(BATCH_ROWS_MAX / 2 + 1).expect("it is small");
    let packets = Table { name: "packets".to_owned(), ..named(half) };
    assert!(matches!(decode(vec![named(half), packets], &mut 0), Err(CodecError::Rows)));
    assert!(matches!(decode(vec![named(1), named(1)], &mut 0), Err(CodecError::TableTwice { table: "bodies" })));
    assert_eq!(decode(vec![named(2)], &mut 0).expect("all are defaults").bodies, vec![BodyRow::default(); 2]);
}

/// A text of a megabyte in every row would be 64 GB.
#[test]
fn texts_do_not_multiply() {
    let rows = BATCH_ROWS_MAX;
    let text = "x".repeat(1 << 20);
    let column = Column { name: "url.path".to_owned(), texts: vec![text], places: vec![0; rows], ..Column::default() };
    let table =
        Table { name: "exchanges".to_owned(), rows: u32::try_from(rows).expect("it is small"), columns: vec![column] };
    assert!(matches!(decode(vec![table], &mut 0), Err(CodecError::Unpacked { .. })));
    let column = Column {
        name: "body.bytes".to_owned(),
        bytes: vec![vec![b'x'; 1 << 20]],
        places: vec![0; rows],
        ..Column::default()
    };
    let table =
        Table { name: "bodies".to_owned(), rows: u32::try_from(rows).expect("it is small"), columns: vec![column] };
    assert!(matches!(decode(vec![table], &mut 0), Err(CodecError::Unpacked { .. })));
}

/// What many got goes once.
#[test]
fn equal_bodies_travel_once() {
    let body = |n: usize| BodyRow { bytes: vec![b"abcdefgh"[n % 3]; 10_000], ..BodyRow::default() };
    let rows = Rows { bodies: (0..90).map(body).collect(), ..Rows::default() };
    let tables = encode(&rows);
    let bytes = tables[0].columns.iter().find(|column| column.name == "body.bytes").expect("it is written");
    assert_eq!((bytes.bytes.len(), bytes.places.len()), (3, 90));
    assert_eq!(through_bytes(&rows), rows);
}

#[test]
fn bombs_are_refused_before_they_need_memory() {
    let columns = [0x1a_u8, 0].repeat(4 << 20);
    let mut message = vec![0x08, 1, 0x32];
    prost::encode_length_delimiter(columns.len(), &mut message).expect("a vector grows");
    message.extend(columns);
    let packed = zstd::bulk::compress(&message, 1).expect("there is memory");
    assert!(matches!(unpack(&packed), Err(CodecError::Unpacked { .. })), "millions of empty columns");
    let zeros = zstd::bulk::compress(&vec![0; crate::BATCH_UNPACKED_MAX + 1], 1).expect("there is memory");
    assert!(matches!(unpack(&zeros), Err(CodecError::Unpacked { .. })), "zeros without end");
    assert!(matches!(unpack(&vec![0; crate::BATCH_PACKED_MAX + 1]), Err(CodecError::Packed { .. })));
}

#[test]
fn versions_and_lanes_are_checked() {
    let pack = |batch: Batch| zstd::bulk::compress(&batch.encode_to_vec(), 1).expect("there is memory");
    assert!(matches!(unpack(&pack(Batch::default())), Err(CodecError::Version { version: 0 })));
    let newer = Batch { version: crate::PROTOCOL_VERSION + 1, ..Batch::default() };
    assert!(matches!(unpack(&pack(newer)), Err(CodecError::Version { .. })));
    let lane = Batch { version: 1, lane: 2, ..Batch::default() };
    assert!(matches!(unpack(&pack(lane)), Err(CodecError::Lane { lane: 2 })));
    let good = Batch { version: 1, ..Batch::default() };
    let mut cut = pack(good.clone());
    assert_eq!(unpack(&cut).expect("it is a batch"), good);
    cut.pop();
    assert!(matches!(unpack(&cut), Err(CodecError::Unpack(_))));
}

/// A sender of another version has columns that are not known here, and lacks others.
#[test]
fn other_versions_of_tables_are_understood() {
    let rows = names();
    let mut tables = encode(&rows);
    let later = Column { name: "later".to_owned(), present: vec![1, 1], integers: vec![1, 1], ..Column::default() };
    let listed =
        Column { name: "listed".to_owned(), texts: vec!["x".to_owned()], places: vec![0; 9], ..Column::default() };
    tables[0].columns.extend([later, listed]);
    tables.push(Table {
        name: "spans".to_owned(),
        rows: u32::MAX,
        columns: vec![Column { flags: vec![true; 3], ..Column::default() }],
    });
    let mut unknown = 0;
    assert_eq!(decode(tables, &mut unknown).expect("what is known fits"), rows);
    assert_eq!(unknown, 2 + 9 + 3);

    let mut tables = encode(&rows);
    tables[0].columns.retain(|column| column.name != "value");
    let before = decode(tables, &mut 0).expect("what is there fits");
    assert!(before.quality.iter().all(|row| row.value == 0 && row.stage == "packets"));
}

#[test]
fn every_table_travels() {
    let mut rows = names();
    rows.exchanges.push(ExchangeRow { path: Some(String::new()), ..ExchangeRow::default() });
    rows.sessions.push(row(&[1]));
    rows.packets.push(row(&[2]));
    rows.bodies.push(row(&[3]));
    rows.hosts.push(row(&[4]));
    rows.points.push(row(&[5]));
    rows.logs.push(row(&[6]));
    let names: Vec<_> = encode(&rows).into_iter().map(|table| table.name).collect();
    assert_eq!(names, TABLES.iter().map(|table| table.name).collect::<Vec<_>>());
    assert_eq!(through_bytes(&rows), rows);
}
