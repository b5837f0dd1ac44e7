//! What is written: each batch and each file is a function of its name alone, so that any row that is wrong is seen.

use arachne_model::table::{BodyRow, ExchangeRow, HostRow, LogRow, PacketRow, PointRow, QualityRow, SessionRow};
use arachne_store::{ImportName, Rows, Token};

/// Senders that append side by side.
pub const SENDERS: [&str; 3] = ["sender-a", "sender-b", "sender-c"];
/// 2025-11-03T09:00:00Z.
const BEGIN: i64 = 1_762_160_400_000_000_000;
const MILLI: i64 = 1_000_000;
/// Exchanges of a batch.
const EXCHANGES: u64 = 3;
/// A batch opens an exchange that a batch so much later ends.
const OPEN_FOR: u64 = 4;

/// The name of a batch.
pub fn token(sender: usize, sequence: u64) -> Token {
    Token { sender: SENDERS[sender].to_owned(), sequence }
}

/// The exchange that shows whether a batch is there.
pub fn first_id(sender: usize, sequence: u64) -> String {
    id(SENDERS[sender], sequence * EXCHANGES)
}

/// The rows of a batch.
pub fn batch(sender: usize, sequence: u64) -> Rows {
    let source = SENDERS[sender];
    let key = |number: u64| (sender as u64) << 40 | number;
    let first = sequence * EXCHANGES;
    let mut rows = around(source, first, key(first));
    rows.exchanges = (first..first + EXCHANGES).map(|number| exchange(source, number, key(number))).collect();
    let lasting = |begun: u64| exchange(source, 1 << 32 | begun, key(1 << 32 | begun));
    if sequence.is_multiple_of(OPEN_FOR) {
        let ended = lasting(sequence);
        rows.exchanges.push(ExchangeRow { end: None, provisional: true, status: None, ..ended });
    }
    if sequence % (2 * OPEN_FOR) == OPEN_FOR - 1 {
        rows.exchanges.push(lasting(sequence + 1 - OPEN_FOR));
    }
    rows
}

/// A step of the importer: a file is imported, and every fourth time the one before is replaced with other options.
pub fn file_name(step: u64) -> ImportName {
    let replaces = step % 4 == 3;
    let file = if replaces { step - 1 } else { step };
    ImportName {
        source: file_source(file),
        options: if replaces { "narrow" } else { "wide" }.to_owned(),
        label: format!("{file}.pcap"),
    }
}

fn file_source(file: u64) -> String {
    format!("file-{file:06}")
}

/// The rows of a file in pieces: some exchanges are those of a sender, some those of the file before.
pub fn file(step: u64) -> Vec<Rows> {
    let name = file_name(step);
    let narrow = name.options == "narrow";
    let file = if narrow { step - 1 } else { step };
    let senders = (file * 9..file * 9 + 18).map(|number| (number, number));
    let own = (file * 10..file * 10 + 20).map(|number| (1 << 33 | number, 1 << 50 | number));
    let numbers = senders.chain(own).filter(|(number, _)| !narrow || !number.is_multiple_of(3));
    let rows = numbers.map(|(number, key)| {
        let mut rows = around(&name.source, number, key);
        rows.exchanges.push(exchange(&name.source, number, key));
        if !number.is_multiple_of(4) {
            (rows.quality, rows.hosts) = (Vec::new(), Vec::new());
        }
        rows
    });
    rows.collect()
}

fn id(source: &str, number: u64) -> String {
    format!("{source}-{number:012}")
}

/// Twins have one key, and so one start.
fn start(key: u64) -> i64 {
    BEGIN + i64::try_from(key % (1 << 20)).unwrap_or(0) * MILLI
}

fn exchange(source: &str, number: u64, key: u64) -> ExchangeRow {
    let start = start(key);
    let lasts = if key % 11 == 3 { 400_000 } else { 1 + i64::try_from(key % 900).unwrap_or(0) } * MILLI;
    let path = format!("/cart/{}/{source}", key % 50);
    ExchangeRow {
        id: id(source, number),
        start,
        end: Some(start + lasts),
        response_start: Some(start + lasts / 2),
        source: source.to_owned(),
        agent: format!("host of {source}"),
        counted: true,
        wire_key: key.cast_signed(),
        session: id(source, number / EXCHANGES),
        protocol: "http".to_owned(),
        client_address: format!("10.0.{}.{}", key % 4, key % 251),
        client_port: u16::try_from(key % 60_000).unwrap_or(0),
        server_address: "10.1.0.1".to_owned(),
        server_port: 80,
        service: format!("service {}", key % 5),
        method: Some("GET".to_owned()),
        path: Some(path),
        query: (number % 2 == 1).then(|| format!("n={number}")),
        status: Some(if key.is_multiple_of(7) { 500 } else { 200 }),
        request_headers: Some(format!("Host: shop.example\nX-Number: {}\n", number.to_string().repeat(50))),
        response_size: number * 100,
        ..ExchangeRow::default()
    }
}

/// A row of each other table.
fn around(source: &str, number: u64, key: u64) -> Rows {
    let (id, at) = (id(source, number), start(key));
    let bytes = |salt: u64| (0..60 + number % 40).map(|n| (n * 31 + number * 7 + salt).to_le_bytes()[0]).collect();
    let packet = |place: u64| PacketRow {
        session: id.clone(),
        time: at + i64::try_from(place).unwrap_or(0) * MILLI,
        number: number * 2 + place,
        direction: if place == 0 { "client" } else { "server" }.to_owned(),
        link_type: 1,
        length: 60 + number % 40,
        bytes: bytes(place),
    };
    let session = SessionRow {
        id: id.clone(),
        first: at,
        last: Some(at + MILLI),
        source: source.to_owned(),
        exchanges: EXCHANGES,
        client_packets: number,
        ..SessionRow::default()
    };
    let body = BodyRow {
        exchange: id.clone(),
        time: at,
        direction: "response".to_owned(),
        size: number,
        bytes: bytes(9),
        ..BodyRow::default()
    };
    let quality = QualityRow {
        minute: at,
        source: source.to_owned(),
        stage: format!("packets {number}"),
        count: "in".to_owned(),
        value: number,
        ..QualityRow::default()
    };
    let host = HostRow {
        address: format!("10.9.{}.{}", number / 250 % 250, number % 250),
        name: id.clone(),
        first: at,
        last: Some(at + MILLI),
        source: source.to_owned(),
        kind: "header".to_owned(),
        ..HostRow::default()
    };
    let point = PointRow {
        start: at,
        width: MILLI,
        name: id.clone(),
        kind: "counter".to_owned(),
        labels: format!("class: {}\n", number % 5),
        count: number,
        sum: number.cast_signed(),
        sketch: bytes(5),
        ..PointRow::default()
    };
    let log = LogRow { start: at, id: id.clone(), message: format!("line {number}"), weight: 1, ..LogRow::default() };
    Rows {
        exchanges: Vec::new(),
        sessions: vec![session],
        packets: (0..2).map(packet).collect(),
        bodies: vec![body],
        quality: vec![quality],
        hosts: vec![host],
        points: vec![point],
        logs: vec![log],
    }
}
