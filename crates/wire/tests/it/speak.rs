//! HTTP/1.x without TCP: chunks of both directions straight into the parser.

use arachne_model::{AnomalySet, Ledger, Limits, UnixNanos};
use arachne_testkit::conversation::Side;
use arachne_wire::Direction;
use arachne_wire::flow::{Address, FlowKey};
use arachne_wire::protocol::{Chunk, Context, http1};
use arachne_wire::tcp::queue::{Arrival, Doubt};

use crate::support::{Found, line};

/// The exchanges of turns that each come as one chunk.
pub fn speak(turns: &[(Side, Vec<u8>)]) -> Vec<String> {
    talk(turns.iter().map(|(side, bytes)| (*side, &bytes[..])))
}

/// The exchanges of turns that come byte by byte.
pub fn byte_by_byte(turns: &[(Side, Vec<u8>)]) -> Vec<String> {
    talk(turns.iter().flat_map(|(side, bytes)| bytes.chunks(1).map(|byte| (*side, byte))))
}

/// The exchanges of chunks, which follow each other on the connection.
pub fn talk<'a>(chunks: impl IntoIterator<Item = (Side, &'a [u8])>) -> Vec<String> {
    let limits = Limits::default();
    let mut found = Found::default();
    let (mut ledger, mut anomalies, mut open_bodies, mut exchanges) = (Ledger::default(), AnomalySet::EMPTY, 0, 0);
    let (key, client) = FlowKey::new((Address::v4([10, 0, 0, 1]), 5000), (Address::v4([10, 0, 0, 2]), 80), 0);
    let mut protocol = http1::start(&limits).unwrap();
    let mut offsets = [0_u64, 0];
    let mut arrival = Arrival { at: UnixNanos(1), number: 1, needs: 0, doubt: Doubt::None };
    let mut context = Context {
        sink: &mut found,
        ledger: &mut ledger,
        limits: &limits,
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
    for (side, bytes) in chunks {
        arrival.number += 1;
        arrival.needs = offsets[side.other() as usize];
        let direction = if side == Side::Client { Direction::Request } else { Direction::Response };
        let offset = offsets[side as usize];
        protocol.data(&Chunk { direction, offset, sequence: 0, bytes, arrival }, &mut context);
        offsets[side as usize] += bytes.len() as u64;
    }
    protocol.end(Direction::Request, arrival, &mut context);
    protocol.end(Direction::Response, arrival, &mut context);
    protocol.finish(arrival, &mut context);
    ledger.check().unwrap();
    assert_eq!((ledger.exchanges.in_flight, open_bodies), (0, 0));
    found.exchanges.iter().map(line).collect()
}
