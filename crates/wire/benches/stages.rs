//! What each stage of the engine costs: decoding, flow table and reassembly, heads, all together.
//!
//! The shapes are those of the captures that `make bench` reads as a whole: `web`, pages and pictures with about 15 packets
//! for each exchange, and `api`, small JSON with less than three. Inputs are made here, so the figures need no file.
//! `engine/*` minus `flows/*` is what HTTP costs, since `flows` runs over the same packets with payload that is nothing.
#![allow(clippy::expect_used, missing_docs)]

use std::hint::black_box;

use arachne_model::{Exchange, Limits, LinkType, TcpSession, UnixNanos};
use arachne_testkit::conversation::{Packet, Side};
use arachne_testkit::{Conversation, Random, disorder};
use arachne_wire::protocol::http1::{Parsed, Role, parse};
use arachne_wire::{Decoder, Engine, Frame, Sink};
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};

const CONNECTIONS: usize = 64;
const SEED: u64 = 7;

/// How an exchange looks.
struct Shape {
    name: &'static str,
    /// Exchanges on each connection.
    exchanges: usize,
    /// Bodies of answers are shorter than this.
    body_bytes: usize,
}

const SHAPES: [Shape; 2] =
    [Shape { name: "web", exchanges: 8, body_bytes: 32_000 }, Shape { name: "api", exchanges: 80, body_bytes: 600 }];

fn request(number: usize) -> Vec<u8> {
    format!(
        "GET /api/users/{number}?page=7&sort=name HTTP/1.1\r\nHost: www.shop.example\r\n\
         User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\r\nAccept: */*\r\n\
         Accept-Language: en-GB,en;q=0.8\r\nCookie: sid=0123456789abcdef; theme=dark; ab=3\r\n\
         Authorization: Bearer eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee\r\n\r\n"
    )
    .into_bytes()
}

fn response(body: usize) -> Vec<u8> {
    format!(
        "HTTP/1.1 200 OK\r\nServer: nginx\r\nDate: Sat, 21 Nov 2026 21:40:29 GMT\r\nContent-Type: application/json\r\n\
         Content-Length: {body}\r\nConnection: keep-alive\r\n\r\n"
    )
    .into_bytes()
}

/// What is done to the packets of a shape.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Dress {
    Plain,
    /// Each payload byte becomes one that begins no known protocol.
    Opaque,
    /// One packet in fifty changes places with the next of its connection.
    Reordered,
}

/// Packets of all connections, interleaved.
fn packets(shape: &Shape, how: Dress) -> Vec<Packet> {
    let mut random = Random::new(SEED);
    let dress =
        |bytes: Vec<u8>| if how == Dress::Opaque { bytes.iter().map(|byte| byte | 0x80).collect() } else { bytes };
    let mut all = Vec::new();
    for connection in 0..CONNECTIONS {
        let mut talk = Conversation::new(&format!("10.1.0.{}:{}", connection + 1, 20_000 + connection), "10.2.0.9:80");
        talk.handshake();
        for number in 0..shape.exchanges {
            let body = random.below(shape.body_bytes);
            talk.client(&dress(request(number))).ack(Side::Server);
            let mut answer = response(body);
            answer.extend((0..body).map(|_| b' ' + random.byte() % 64));
            for pair in dress(answer).chunks(2 * 1448) {
                talk.server(pair).ack(Side::Client);
            }
        }
        talk.close();
        let mut own = talk.take_packets();
        if how == Dress::Reordered {
            (1..own.len()).filter(|_| random.one_in(50)).for_each(|n| own.swap(n - 1, n));
            disorder::retime(&mut own);
        }
        all.extend(own);
    }
    all.sort_by_key(|packet| packet.at);
    all
}

fn frames(packets: &[Packet]) -> impl Iterator<Item = Frame<'_>> {
    (1..).zip(packets).map(|(number, packet)| Frame {
        number,
        at: UnixNanos(packet.at),
        link_type: LinkType::ETHERNET,
        original_length: u32::try_from(packet.bytes.len()).expect("packets are at most 1514 bytes long"),
        data: &packet.bytes,
    })
}

#[derive(Default)]
struct Count {
    exchanges: u64,
    sessions: u64,
}

impl Sink for Count {
    fn exchange(&mut self, exchange: Exchange) {
        black_box(exchange);
        self.exchanges += 1;
    }

    fn session(&mut self, session: TcpSession) {
        black_box(session);
        self.sessions += 1;
    }
}

fn run(packets: &[Packet]) -> Count {
    let mut engine = Engine::new(&Limits::default(), SEED, false);
    let mut count = Count::default();
    for frame in frames(packets) {
        engine.packet(&frame, &mut count);
    }
    engine.finish(&mut count);
    count
}

fn decoding(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("decode");
    for shape in &SHAPES {
        let packets = packets(shape, Dress::Plain);
        group.throughput(Throughput::Elements(packets.len() as u64));
        group.bench_function(shape.name, |b| {
            b.iter_batched_ref(
                || Decoder::new(&Limits::default()),
                |decoder| frames(&packets).filter(|frame| black_box(decoder.decode(frame)).is_some()).count(),
                BatchSize::SmallInput,
            );
        });
    }
    group.finish();
}

/// A run over `packets` that must find `exchanges`: a fast wrong answer is none.
fn whole(criterion: &mut Criterion, name: &str, how: Dress) {
    let mut group = criterion.benchmark_group(name);
    for shape in &SHAPES {
        let packets = packets(shape, how);
        let wanted = if how == Dress::Opaque { 0 } else { CONNECTIONS * shape.exchanges };
        let count = run(&packets);
        assert_eq!((count.exchanges, count.sessions), (wanted as u64, CONNECTIONS as u64), "{name}/{}", shape.name);
        group.throughput(Throughput::Elements(packets.len() as u64));
        group.bench_function(shape.name, |b| b.iter(|| run(&packets).exchanges));
    }
    group.finish();
}

fn heads(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("heads");
    let fields = Limits::default().head_fields_max;
    for (name, role, bytes) in [("request", Role::Request, request(7)), ("response", Role::Response, response(5_000))] {
        assert!(matches!(parse(role, &bytes, fields, false), Parsed::Done(_, length) if length == bytes.len()));
        group.throughput(Throughput::Elements(1));
        group.bench_function(name, |b| b.iter(|| parse(role, black_box(&bytes), fields, false)));
    }
    group.finish();
}

fn flows(criterion: &mut Criterion) {
    whole(criterion, "flows", Dress::Opaque);
}

fn engine(criterion: &mut Criterion) {
    whole(criterion, "engine", Dress::Plain);
    whole(criterion, "engine_reordered", Dress::Reordered);
}

criterion_group!(benches, decoding, flows, heads, engine);
criterion_main!(benches);
