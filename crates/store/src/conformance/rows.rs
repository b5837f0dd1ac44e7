//! Rows as captures give them, and some as nobody would expect them.

use arachne_aggregate::{Distinct, Histogram};
use arachne_model::table::{BodyRow, ExchangeRow, HostRow, LogRow, PacketRow, PointRow, QualityRow, SessionRow};

use super::Random;
use crate::store::{ImportName, Rows};

/// 2025-11-03T09:00:00Z: where the rows begin.
pub const BEGIN: i64 = 1_762_160_400_000_000_000;
/// Two hours behind [`BEGIN`]: where nearly all of them have ended.
pub const END: i64 = BEGIN + 2 * 3600 * SECOND;
const SECOND: i64 = 1_000_000_000;
const MILLI: i64 = 1_000_000;

/// What labels are made of.
pub const SERVICES: &[&str] = &["shop", "cart", "10.0.0.9:8080", "", "naïve café", "a \"quoted\" \\ name", "new\nline"];
/// Paths.
pub const PATHS: &[&str] =
    &["/", "/cart/1", "/cart/2", "/health", "/a b", "/über/ß", "/q\"uote", "/*star?", "", "/x/\u{1F980}", "/CART/1"];
/// Clients, servers, origins.
pub const ADDRESSES: &[&str] = &["10.1.0.1", "10.1.0.2", "10.2.0.7", "192.168.0.1", "2001:db8::1", "::1"];
const ANOMALIES: &[&str] = &["overlap_mismatch", "gap_in_body missing_syn", "missing_syn"];
const STATUSES: &[u16] = &[200, 200, 200, 204, 301, 404, 500, 503, 101];

/// Generated rows of a few sources.
#[derive(Clone, Debug)]
pub struct Sample {
    /// Closed rows, by source.
    sources: Vec<Rows>,
    /// Exchanges that come open at first, and never closed.
    open: Vec<ExchangeRow>,
}

impl Sample {
    /// About `exchanges` exchanges, and rows of all other tables.
    #[must_use]
    pub fn new(seed: u64, exchanges: usize) -> Self {
        let mut random = Random::new(seed);
        let mut sources: Vec<Rows> = vec![Rows::default(); 3];
        for number in 0..exchanges as u64 {
            let at = usize::try_from(random.below(3)).unwrap_or(0);
            let row = exchange(&mut random, number, at);
            if random.one_in(8) {
                let twin = twin(&mut random, &row, number, (at + 1) % 3);
                sources[(at + 1) % 3].exchanges.push(twin);
            }
            around(&mut random, &row, number, &mut sources[at]);
            sources[at].exchanges.push(row);
        }
        let open = (0..exchanges as u64 / 20).map(|n| opened(&exchange(&mut random, 1_000_000 + n, 0))).collect();
        Self { sources, open }
    }

    /// All rows in batches as an agent sends them; the closed form of an exchange comes behind its open one.
    #[must_use]
    pub fn batches(&self) -> Vec<Rows> {
        let mut open = self.open.clone();
        open.extend(self.sources.iter().flat_map(|rows| rows.exchanges.iter().step_by(7)).map(opened));
        let mut batches = vec![Rows { exchanges: open, ..Rows::default() }];
        batches.extend(self.sources.iter().flat_map(cut));
        batches
    }

    /// Exchanges that never close.
    pub(super) fn open(&self) -> &[ExchangeRow] {
        &self.open
    }

    /// Exchanges, each once.
    pub(super) fn exchanges(&self) -> u64 {
        (self.open.len() + self.sources.iter().map(|rows| rows.exchanges.len()).sum::<usize>()) as u64
    }

    /// Some of `rows` that are closed, as they were before.
    pub(super) fn opened_again(rows: &[ExchangeRow]) -> Vec<ExchangeRow> {
        rows.iter().filter(|row| !row.provisional).step_by(5).map(opened).collect()
    }

    /// The rows of each source as an import in batches: closed rows only.
    #[must_use]
    pub fn imports(&self) -> Vec<(ImportName, Vec<Rows>)> {
        let name = |at: usize| ImportName {
            source: source(at).into(),
            options: "wire 1".into(),
            label: format!("{}.pcap", source(at)),
        };
        self.sources.iter().enumerate().map(|(at, rows)| (name(at), cut(rows))).collect()
    }
}

/// Three batches of a source.
fn cut(rows: &Rows) -> Vec<Rows> {
    let third = rows.exchanges.len() / 3;
    let (first, rest) = rows.exchanges.split_at(third);
    let only = |exchanges: &[ExchangeRow]| Rows { exchanges: exchanges.to_vec(), ..Rows::default() };
    vec![only(first), Rows { exchanges: Vec::new(), ..rows.clone() }, only(rest)]
}

const fn source(at: usize) -> &'static str {
    ["0a1b", "agent-2", "f00d"][at % 3]
}

/// An id as the parser makes them: milliseconds, then a hash, in Crockford's base32.
fn id(start: i64, hash: u64) -> String {
    let millis = u128::from(start.max(0).unsigned_abs() / MILLI.unsigned_abs());
    let number = millis << 80 | u128::from(hash) << 16 | u128::from(hash >> 48);
    let digit = |place: u32| char::from(b"0123456789ABCDEFGHJKMNPQRSTVWXYZ"[(number >> (5 * place) & 31) as usize]);
    (0..26).rev().map(digit).collect()
}

fn start(random: &mut Random) -> i64 {
    match random.below(60) {
        0 => 0,
        1 => BEGIN,
        2 => 4_000_000_000_000_000_000,
        3 => BEGIN + 60 * SECOND * random.between(0, 100),
        _ => random.between(BEGIN, END),
    }
}

fn duration(random: &mut Random) -> i64 {
    match random.below(12) {
        0 => 0,
        1 => 500 * MILLI,
        2 => random.between(0, 600 * SECOND),
        3 => random.between(SECOND, 5 * SECOND),
        4 => random.between(500 * MILLI, SECOND),
        _ => random.between(0, 200 * MILLI),
    }
}

fn maybe<T>(random: &mut Random, value: T) -> Option<T> {
    (!random.one_in(5)).then_some(value)
}

fn exchange(random: &mut Random, number: u64, at: usize) -> ExchangeRow {
    let (start, lasts) = (start(random), duration(random));
    let end = start + lasts;
    let answered = !random.one_in(10);
    let wire_key = random.bits().cast_signed();
    let status = STATUSES[usize::try_from(random.below(STATUSES.len() as u64)).unwrap_or(0)];
    let path = random.of(PATHS);
    ExchangeRow {
        id: id(start, wire_key.cast_unsigned() ^ number),
        start,
        end: Some(end),
        request_end: maybe(random, start + lasts / 4),
        response_start: answered.then_some(start + lasts / 2),
        source: source(at).into(),
        agent: format!("host-{at}"),
        vantage: maybe(random, random_vantage(number).into()),
        counted: true,
        wire_key,
        session: id(start, number / 3),
        protocol: "http".into(),
        version: maybe(random, "1.1".into()),
        client_address: random.of(ADDRESSES).into(),
        client_port: u16::try_from(random.below(65_536)).unwrap_or(0),
        server_address: random.of(ADDRESSES).into(),
        server_port: 80,
        service: random.of(SERVICES).into(),
        origin: random.of(ADDRESSES).into(),
        user: random.one_in(3).then(|| "anna".into()),
        method: maybe(random, random.clone().of(&["GET", "POST", "get", "BREW"]).into()),
        host: maybe(random, "shop.example".into()),
        path: maybe(random, path.into()),
        query: random.one_in(2).then(|| format!("q={number}&empty=")),
        template: maybe(random, path.trim_end_matches(|c: char| c.is_ascii_digit()).into()),
        template_rules: 1,
        status: answered.then_some(status),
        interim: random.one_in(20).then(|| "100 103".into()),
        request_headers: maybe(random, format!("Host: shop.example\nX-Tenant: t{}\nx-tenant: second\n", number % 4)),
        response_headers: answered.then(|| format!("Server: nginx\nX-Tenant: {}\n", number % 3)),
        content_type: maybe(random, "text/html".into()),
        request_size: random.below(5000),
        request_body_size: random.below(3) * 100,
        request_body_decoded: random.one_in(3).then_some(100),
        response_size: if random.one_in(200) { u64::MAX } else { random.below(1 << 20) },
        response_body_size: random.below(1 << 20),
        response_body_decoded: maybe(random, number),
        bodies: random.one_in(4).then(|| "request response".into()),
        trace_id: maybe(random, format!("{:032x}", wire_key.unsigned_abs())),
        request_id: random.one_in(4).then(|| format!("req-{number}")),
        rtt: maybe(random, number * 1000),
        retransmissions: u32::try_from(random.below(3)).unwrap_or(0),
        anomalies: random.one_in(6).then(|| ANOMALIES[(number % 3) as usize].into()),
        tags: random.one_in(9).then(|| "load test".into()),
        provisional: false,
    }
}

const fn random_vantage(number: u64) -> &'static str {
    ["client", "server", "between"][(number % 3) as usize]
}

/// The same exchange as another agent saw it.
fn twin(random: &mut Random, row: &ExchangeRow, number: u64, at: usize) -> ExchangeRow {
    let start = row.start + random.between(0, 5 * MILLI);
    ExchangeRow {
        id: id(start, row.wire_key.cast_unsigned() ^ !number),
        start,
        end: row.end.map(|end| end.max(start)),
        source: source(at).into(),
        agent: format!("host-{at}"),
        vantage: maybe(random, random_vantage(number + 1).into()),
        ..row.clone()
    }
}

/// The same exchange before its answer came.
fn opened(row: &ExchangeRow) -> ExchangeRow {
    ExchangeRow {
        end: None,
        provisional: true,
        status: None,
        response_start: None,
        response_headers: None,
        bodies: None,
        ..row.clone()
    }
}

/// The rows of other tables that belong to an exchange.
fn around(random: &mut Random, row: &ExchangeRow, number: u64, rows: &mut Rows) {
    if number.is_multiple_of(3) {
        rows.sessions.push(session(random, row, number));
        rows.hosts.push(host(row, number));
        rows.quality.push(quality(random, row, number));
        rows.points.push(point(random, row, number));
        rows.logs.push(log(random, row, number));
    }
    if row.bodies.is_some() {
        rows.bodies.extend(["request", "response"].map(|direction| body(row, direction, number)));
    }
    let packet = |place: u64| PacketRow {
        session: row.session.clone(),
        time: row.start + i64::try_from(place).unwrap_or(0) * MILLI,
        number: number * 4 + place,
        direction: if place.is_multiple_of(2) { "client" } else { "server" }.into(),
        link_type: 1,
        length: 60 + place,
        bytes: vec![place as u8; 14],
    };
    rows.packets.extend((0..random.below(3)).map(packet));
}

fn session(random: &mut Random, row: &ExchangeRow, number: u64) -> SessionRow {
    SessionRow {
        id: id(row.start, !number),
        first: row.start,
        last: row.end,
        established: maybe(random, row.start),
        source: row.source.clone(),
        agent: row.agent.clone(),
        vantage: row.vantage.clone(),
        client_address: row.client_address.clone(),
        client_port: row.client_port,
        server_address: row.server_address.clone(),
        server_port: row.server_port,
        close: random.of(&["fin", "reset", "timeout"]).into(),
        syn_seen: random.one_in(2),
        protocol: "http".into(),
        server_name: random.one_in(3).then(|| "Shop.Example".into()),
        exchanges: random.below(4),
        rtt: row.rtt,
        anomalies: row.anomalies.clone(),
        client_packets: random.below(100),
        server_bytes: random.below(1 << 30),
        ..SessionRow::default()
    }
}

fn host(row: &ExchangeRow, number: u64) -> HostRow {
    HostRow {
        address: format!("10.9.{}.{}", number / 256 % 256, number % 256),
        name: format!("node-{}", number % 5),
        first: row.start,
        last: row.end,
        network: 0,
        source: row.source.clone(),
        kind: "header".into(),
    }
}

fn quality(random: &mut Random, row: &ExchangeRow, number: u64) -> QualityRow {
    let count = random.of(&["in", "out", "dropped"]);
    QualityRow {
        minute: row.start - row.start.rem_euclid(60 * SECOND),
        source: row.source.clone(),
        agent: row.agent.clone(),
        // Distinct by its stage, so that the table's order tells rows apart.
        stage: format!("packets-{number}"),
        count: count.into(),
        reason: (count == "dropped").then(|| random.of(&["not_tcp", "duplicate"]).into()),
        value: random.below(10_000),
    }
}

fn point(random: &mut Random, row: &ExchangeRow, number: u64) -> PointRow {
    let gauge = random.one_in(3);
    let value = random.between(-5, 10_000);
    PointRow {
        start: row.start - row.start.rem_euclid(10 * SECOND),
        width: 10 * SECOND,
        agent: row.agent.clone(),
        // Distinct by its name, so that the table's order tells rows apart.
        name: format!("metric.{number}"),
        kind: if gauge { "gauge" } else { "counter" }.into(),
        unit: "1".into(),
        labels: format!("class: {}\nX-Tenant: t{}\n", random.of(&["fast", "error", "a: b"]), number % 4),
        count: random.below(9),
        sum: value,
        min: gauge.then_some(value - 1),
        max: gauge.then_some(value + 1),
        last: gauge.then_some(value),
        sketch: sketch(random),
    }
}

/// Histograms, distinct counters, nothing, and bytes that are neither.
fn sketch(random: &mut Random) -> Vec<u8> {
    let mut histogram = Histogram::new();
    let mut distinct = Distinct::new();
    for _ in 0..random.below(20) {
        histogram.record(random.below(1 << 40));
        distinct.insert(random.bits());
    }
    match random.below(8) {
        0 => Vec::new(),
        1 => vec![9, 9, 9],
        2..5 => distinct.to_bytes(),
        _ => histogram.to_bytes(),
    }
}

fn log(random: &mut Random, row: &ExchangeRow, number: u64) -> LogRow {
    LogRow {
        start: row.start,
        id: id(row.start, number << 8),
        agent: row.agent.clone(),
        file: random.of(&["/var/log/app.log", "/var/log/über log"]).into(),
        offset: number,
        service: maybe(random, row.service.clone()),
        level: maybe(random, random.clone().of(&["error", "warn", "info"]).into()),
        code: random.one_in(4).then(|| format!("SHOP-PAY-{:03}", number % 7)),
        template: "connection <*> lost".into(),
        message: format!("connection {} lost: {}", number % 9, random.of(PATHS)),
        fields: format!("user: u{}\nx-tenant: t{}\nX-Tenant: second\n", number % 3, number % 4),
        request: row.request_id.clone(),
        weight: 1 + number % 3,
    }
}

fn body(row: &ExchangeRow, direction: &str, number: u64) -> BodyRow {
    BodyRow {
        exchange: row.id.clone(),
        time: row.start,
        direction: direction.into(),
        content_type: row.content_type.clone(),
        size: number,
        decoded_size: Some(number),
        bytes: format!("{{\"n\":{number}}}").into_bytes(),
        cut: false,
        withheld: None,
    }
}
