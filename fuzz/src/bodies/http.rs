//! Both directions of HTTP/1.x: any bytes give exchanges, the same for any chunking.

use arachne_model::{AnomalySet, Exchange, Ledger, Limits, Message, UnixNanos};
use arachne_wire::Direction;
use arachne_wire::flow::{Address, FlowKey};
use arachne_wire::protocol::{Chunk, Context, http1};
use arachne_wire::tcp::queue::{Arrival, Doubt};

use super::{Checked, small_limits};

/// Turns change the direction at this byte, which HTTP does not need.
const TURN: u8 = 0xf5;
/// Bytes of a direction are lost here.
const GAP: u8 = 0xf6;

/// Plays the turns whole, byte by byte and in odd pieces, with usual and small limits.
pub fn http(data: &[u8]) {
    for limits in [Limits::default(), small_limits()] {
        let whole = play(data, usize::MAX, &limits);
        for size in [1, 3 + data.len() % 5] {
            let cut = play(data, size, &limits);
            assert!(whole == cut, "in pieces of {size}:\n{}\nnot\n{}", lines(&cut), lines(&whole));
        }
    }
}

fn lines(exchanges: &[Exchange]) -> String {
    let message = |message: &Option<Message>| match message {
        Some(m) => format!("[{} {:?} {:?} {}]", m.head.escape_ascii(), m.start_line, m.body, m.complete),
        None => "-".to_owned(),
    };
    let line = |e: &Exchange| {
        format!(
            "{} {} {:?} {:?} {}",
            message(&e.request),
            message(&e.response),
            e.anomalies,
            e.interim,
            e.first_sequence
        )
    };
    exchanges.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn play(data: &[u8], size: usize, limits: &Limits) -> Vec<Exchange> {
    let mut sink = Checked::default();
    let (mut ledger, mut anomalies, mut open_bodies, mut exchanges) = (Ledger::default(), AnomalySet::EMPTY, 0, 0);
    let (key, client) = FlowKey::new((Address::v4([10, 0, 0, 1]), 5000), (Address::v4([10, 0, 0, 2]), 80), 0);
    let Some(mut protocol) = http1::start(limits) else { return Vec::new() };
    let mut context = Context {
        sink: &mut sink,
        ledger: &mut ledger,
        limits,
        open_bodies: &mut open_bodies,
        anomalies: &mut anomalies,
        exchanges: &mut exchanges,
        key,
        client,
        session: 1,
        session_start: UnixNanos(0),
        retransmissions: 0,
        handshake_rtt_ns: None,
        two_sided: true,
    };
    let mut offsets = [0_u64, 0];
    let arrival = |needs| Arrival { at: UnixNanos(1), number: 1, needs, doubt: Doubt::None };
    for (turn, bytes) in data.split(|byte| *byte == TURN).enumerate() {
        let me = turn % 2;
        let direction = if me == 0 { Direction::Request } else { Direction::Response };
        let needs = offsets[1 - me];
        for (part, bytes) in bytes.split(|byte| *byte == GAP).enumerate() {
            if part > 0 {
                let length = 1 + bytes.len() as u64 % 9;
                protocol.gap(direction, offsets[me], length, arrival(0), &mut context);
                offsets[me] += length;
            }
            for bytes in bytes.chunks(size) {
                let sequence = u32::try_from(offsets[me]).unwrap_or(0);
                let chunk = Chunk { direction, offset: offsets[me], sequence, bytes, arrival: arrival(needs) };
                protocol.data(&chunk, &mut context);
                offsets[me] += bytes.len() as u64;
            }
        }
    }
    protocol.end(Direction::Request, arrival(0), &mut context);
    protocol.end(Direction::Response, arrival(0), &mut context);
    protocol.finish(arrival(0), &mut context);
    if let Err(error) = ledger.check() {
        panic!("{error}");
    }
    assert_eq!((ledger.exchanges.in_flight, open_bodies), (0, 0));
    sink.exchanges
}
