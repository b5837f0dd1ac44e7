//! What a live capture asks beside packets: time without them, and what is open now.

use arachne_model::{CloseReason, Limits, LinkType, UnixNanos};
use arachne_testkit::Conversation;
use arachne_testkit::conversation::Packet;
use arachne_wire::{Engine, Frame};

use crate::support::{Found, audit, line, talk};

const GET: &[u8] = b"GET /a HTTP/1.1\r\nHost: x\r\n\r\n";
const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const SECOND: i64 = 1_000_000_000;
const HOUR: i64 = 3600 * SECOND;

/// An engine that was fed `packets`, and what it found.
fn fed(packets: &[Packet]) -> (Engine, Found) {
    let (mut engine, mut found) = (Engine::new(&Limits::default(), 7, false), Found::default());
    feed(&mut engine, &mut found, packets);
    (engine, found)
}

fn feed(engine: &mut Engine, found: &mut Found, packets: &[Packet]) {
    for packet in packets {
        let original_length = u32::try_from(packet.bytes.len()).unwrap();
        let at = UnixNanos(packet.at);
        let frame = Frame { number: 1, at, link_type: LinkType::ETHERNET, original_length, data: &packet.bytes };
        engine.packet(&frame, found);
        audit(engine);
    }
}

/// A connection with a request, and the time of its last packet.
fn asked() -> (Conversation, Engine, Found, i64) {
    let mut talk = talk();
    talk.handshake().client(GET);
    let packets = talk.take_packets();
    let (engine, found) = fed(&packets);
    let last = packets.last().unwrap().at;
    (talk, engine, found, last)
}

fn open(engine: &Engine, from: i64, to: i64) -> Vec<String> {
    let mut lines = Vec::new();
    engine.open_exchanges(&(UnixNanos(from)..UnixNanos(to)), &mut |exchange| {
        assert!(exchange.end.is_none());
        lines.push(line(&exchange));
    });
    lines
}

#[test]
fn what_is_silent_ends_without_a_packet() {
    let (_, mut engine, mut found, last) = asked();
    engine.at(UnixNanos(last + 599 * SECOND), &mut found);
    assert_eq!(found.sessions.len(), 0);
    engine.at(UnixNanos(last + 600 * SECOND), &mut found);
    audit(&engine);
    assert_eq!(found.sessions[0].close, CloseReason::IdleTimeout);
    assert_eq!(found.lines(), ["GET /a - 0/-"]);
    assert_eq!(engine.audit(), (0, 0));
}

#[test]
fn delayed_work_is_not_punished() {
    // The host's clock is hours ahead of what is read, and nobody says that the input is drained.
    let (mut talk, mut engine, mut found, _) = asked();
    talk.wait(HOUR / 7).server(OK).close();
    feed(&mut engine, &mut found, &talk.take_packets());
    assert_eq!(found.lines(), ["GET /a 200 0/2"]);
}

#[test]
fn an_open_exchange_is_shown_as_it_is_and_comes_once_more_with_its_end() {
    let (mut talk, mut engine, mut found, last) = asked();
    let before = engine.summary().ledger;
    assert_eq!(open(&engine, i64::MIN, i64::MAX), ["GET /a - 0/-"]);
    assert_eq!(open(&engine, last + 1, i64::MAX), [""; 0], "it began before");
    assert_eq!(open(&engine, i64::MIN, last), [""; 0], "it began later");
    assert_eq!(engine.summary().ledger, before, "looking counts nothing");
    talk.server(&OK[..OK.len() - 1]);
    feed(&mut engine, &mut found, &talk.take_packets());
    assert_eq!(open(&engine, 0, i64::MAX), ["GET /a 200 0/1~"]);
    let mut shown = Vec::new();
    engine.open_exchanges(&(UnixNanos(0)..UnixNanos(i64::MAX)), &mut |exchange| shown.push(exchange));
    talk.server(b"k");
    feed(&mut engine, &mut found, &talk.take_packets());
    assert_eq!(open(&engine, 0, i64::MAX), [""; 0]);
    let identity = |x: &arachne_model::Exchange| (x.start, x.client, x.server, x.first_sequence, x.session);
    assert_eq!(found.exchanges.iter().map(identity).collect::<Vec<_>>(), [identity(&shown[0])]);
}

#[test]
fn a_clock_that_is_set_back_keeps_time_outs() {
    let (mut talk, mut engine, mut found, last) = asked();
    engine.at(UnixNanos(last - 90_000 * HOUR), &mut found);
    assert_eq!(found.sessions.len(), 0, "nothing ends by it");
    talk.wait(-90_000 * HOUR).server(OK);
    let packets = talk.take_packets();
    feed(&mut engine, &mut found, &packets);
    assert_eq!(found.lines(), ["GET /a 200 0/2"]);
    engine.at(UnixNanos(packets[0].at + 601 * SECOND), &mut found);
    audit(&engine);
    assert_eq!(found.sessions.len(), 1, "idle by the new clock");
}
