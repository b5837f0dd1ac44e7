//! Every cap, forced with a small value: what gives way, what is flagged, what is counted; and time-outs by packet time.

use arachne_model::{CloseReason, DropReason, Limits, LinkType, UnixNanos};
use arachne_testkit::checksum;
use arachne_testkit::conversation::{Packet, Side};
use arachne_testkit::segment::flags;
use arachne_testkit::{Conversation, Segment};
use arachne_wire::{Engine, Frame, SHARDS};

use crate::support::{Found, Run, audit, run, talk, turns};

const GET: &[u8] = b"GET /a HTTP/1.1\r\nHost: x\r\n\r\n";
const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const SECOND: i64 = 1_000_000_000;

fn limited(limits: Limits, packets: &[Packet]) -> Found {
    Run { limits, ..Run::default() }.packets(packets)
}

fn reasons(found: &Found) -> Vec<CloseReason> {
    found.sessions.iter().map(|s| s.close).collect()
}

/// A connection that only makes time pass, on a shard of every number.
fn tick(packets: &mut Vec<Packet>, at: i64) {
    for host in 0..64 {
        let mut talk = Conversation::new(&format!("10.9.9.{host}:1"), "10.9.9.200:2");
        talk.ack(Side::Client);
        packets.push(Packet { at, ..talk.packets()[0].clone() });
    }
}

#[test]
fn half_open_connections_end_after_thirty_seconds() {
    for (wait, expected) in [(29, CloseReason::Fin), (31, CloseReason::HandshakeTimeout)] {
        let mut talk = talk();
        let syn = Segment { acknowledgement: 0, ..talk.draft(Side::Client).flags(flags::SYN) };
        talk.segment(Side::Client, &syn);
        let mut packets = talk.take_packets();
        let at = packets[0].at + wait * SECOND;
        tick(&mut packets, at);
        talk.wait(wait * SECOND + 2).handshake().client(GET).server(OK).close();
        packets.extend(talk.take_packets());
        let found = run(&packets);
        let ours = found.sessions.iter().find(|s| s.client.port == 51234).unwrap();
        assert_eq!(ours.close, expected, "{wait} s");
    }
}

#[test]
fn idle_connections_end_after_ten_minutes() {
    for (wait, sessions) in [(599, 1), (602, 2)] {
        let mut talk = talk();
        talk.handshake().client(GET).server(OK);
        let mut packets = talk.take_packets();
        let at = packets[4].at + wait * SECOND;
        tick(&mut packets, at);
        talk.wait(wait * SECOND + 1).client(GET).server(OK);
        packets.extend(talk.take_packets());
        let found = run(&packets);
        let ours: Vec<_> = found.sessions.iter().filter(|s| s.client.port == 51234).collect();
        assert_eq!(ours.len(), sessions, "{wait} s");
        assert_eq!(ours[0].close, if sessions == 1 { CloseReason::InputEnd } else { CloseReason::IdleTimeout });
        assert_eq!(found.lines().len(), 2);
    }
}

#[test]
fn closed_connections_are_remembered_for_late_packets() {
    for (wait, sessions) in [(4, 1), (6, 2)] {
        let mut talk = talk();
        talk.handshake().client(GET).server(OK).close();
        let mut packets = talk.take_packets();
        let at = packets[8].at + wait * SECOND;
        tick(&mut packets, at);
        talk.wait(wait * SECOND + 1).at_offset(Side::Server, -1, b"").ack(Side::Client);
        packets.extend(talk.take_packets());
        let found = run(&packets);
        assert_eq!(found.sessions.iter().filter(|s| s.client.port == 51234).count(), sessions, "{wait} s");
    }
}

#[test]
fn a_clock_that_steps_ends_nothing() {
    let mut talk = talk();
    talk.handshake().wait(-3600 * SECOND).client(GET).server(OK).wait(3600 * SECOND);
    // One packet from the far future moves nothing; two do.
    talk.wait(9000 * SECOND).client(GET).wait(-9000 * SECOND).server(OK).close();
    let found = run(talk.packets());
    assert_eq!(reasons(&found), [CloseReason::Fin]);
    assert_eq!(found.lines(), ["GET /a 200 0/2", "GET /a 200 0/2"]);
    let mut extreme = self::talk();
    extreme.handshake().client(GET).server(OK).close();
    for times in [[i64::MIN; 9], [i64::MAX; 9], [0, i64::MAX, i64::MIN, 1, i64::MAX, i64::MAX, 0, 5, i64::MIN]] {
        let packets: Vec<Packet> =
            extreme.packets().iter().zip(times).map(|(p, at)| Packet { at, ..p.clone() }).collect();
        assert_eq!(run(&packets).lines(), ["GET /a 200 0/2"], "{times:?}");
    }
}

#[test]
fn forged_times_overflow_nothing() {
    let mut talk = talk();
    talk.handshake();
    for _ in 0..20 {
        talk.client(b"ab").server(b"cd");
    }
    let times = [i64::MIN, i64::MAX].into_iter().cycle();
    let packets: Vec<Packet> = talk.packets().iter().zip(times).map(|(p, at)| Packet { at, ..p.clone() }).collect();
    let found = run(&packets);
    assert!(found.sessions.iter().any(|session| session.client_facts.rtt_count > 2));
}

#[test]
fn memory_is_bounded_and_established_flows_outlive_half_open_ones() {
    let limits = Limits { held_bytes_max: 64 * 1024 * SHARDS, ..Limits::default() };
    let mut talk = talk();
    talk.handshake().client(GET);
    let mut packets = talk.take_packets();
    for n in 0..4000_u32 {
        let mut flood = Conversation::new(&format!("10.1.{}.{}:{}", n / 250, n % 250, 1000 + n % 7), "10.0.0.9:80");
        let syn = Segment { acknowledgement: 0, ..flood.draft(Side::Client).flags(flags::SYN) };
        flood.segment(Side::Client, &syn);
        packets.extend(flood.take_packets());
    }
    talk.server(OK).close();
    packets.extend(talk.take_packets());
    let found = limited(limits.clone(), &packets);
    assert!(found.summary.held_bytes_max <= limits.held_bytes_max + 64 * 1024, "{}", found.summary.held_bytes_max);
    assert!(found.flags().contains(&"memcap"));
    assert!(reasons(&found).contains(&CloseReason::Evicted));
    assert!(found.lines().contains(&"GET /a 200 0/2".to_owned()), "{:?}", found.lines());
    assert_eq!(found.summary.ledger.sessions.output, 4001);
}

#[test]
fn bytes_and_segments_out_of_order_are_bounded() {
    let hole = |count: i32, size: usize| {
        let mut talk = talk();
        talk.handshake();
        for n in 0..count {
            talk.wait(-999_000).at_offset(Side::Client, 10 + n * size as i32, &vec![b'x'; size]);
        }
        talk.packets().to_vec()
    };
    let by_bytes = limited(Limits { gap_bytes_max: 10_000, ..Limits::default() }, &hole(60, 500));
    let by_segments = limited(Limits { gap_segments_max: 20, ..Limits::default() }, &hole(60, 500));
    for found in [by_bytes, by_segments] {
        assert!(found.flags().contains(&"memcap") && found.flags().contains(&"gap"), "{:?}", found.flags());
        assert_eq!((found.summary.ledger.bytes_lost, found.session().client_facts.payload), (10, 30_000));
        assert!(found.summary.held_bytes_max < 40_000, "{}", found.summary.held_bytes_max);
    }
}

#[test]
fn copies_of_last_resort_are_bounded() {
    let limits = Limits { gap_bytes_max: 64 * 1024, ..Limits::default() };
    let mut talk = talk();
    talk.handshake();
    for n in 0..2000 {
        let bad = talk.draft(Side::Client).payload(&[b'x'; 500]).corrupt();
        let sequence = bad.sequence.wrapping_add(n * 10);
        talk.wait(-999_000).segment(Side::Client, &Segment { sequence, ..bad });
    }
    let found = limited(limits, talk.packets());
    assert!(found.summary.held_bytes_max < 20_000, "{}", found.summary.held_bytes_max);
    assert_eq!(found.summary.ledger.bytes.output, 0);
}

#[test]
fn interim_responses_and_taps_are_bounded() {
    let many = [b"<", &b"HTTP/1.1 102 P\r\n\r\n".repeat(9)[..], OK].concat();
    let get = [b">", GET].concat();
    let found = limited(Limits { interim_max: 3, ..Limits::default() }, turns(&[&get, &many]).packets());
    assert_eq!(found.lines(), ["GET /a 200 0/2"]);
    assert_eq!(found.exchanges[0].interim.len(), 3);
    let mut untapped = turns(&[&get, &[b"<", OK].concat()]);
    let found = limited(Limits { open_bodies_max: 0, ..Limits::default() }, &untapped.take_packets());
    assert_eq!(found.lines(), ["GET /a 200 0/2 memcap"]);
    assert!(found.exchanges[0].response.as_ref().unwrap().body.tap.is_none());
}

#[test]
fn detection_is_bounded() {
    let mut talk = talk();
    talk.handshake().client(&[&b"FROB /"[..], &[b'a'; 30_000], b" HTTP/1.1\r\n\r\n"].concat());
    talk.client(&[b'b'; 100_000]).close();
    let found = limited(Limits { detect_bytes_max: 256, ..Limits::default() }, talk.packets());
    assert_eq!((found.lines().len(), found.session().protocol.name()), (0, "unknown"));
    assert!(found.summary.held_bytes_max < 20_000, "{}", found.summary.held_bytes_max);
}

/// Packets of many short connections beside one that never ends, all within the time-outs.
#[test]
fn what_waits_for_a_time_out_does_not_pile_up() {
    let limits = Limits { recent_bytes_max: 64, ..Limits::default() };
    let mut engine = Engine::new(&limits, 1, false);
    let mut found = Found::default();
    let mut number = 0;
    let mut feed = |packets: Vec<Packet>, engine: &mut Engine, found: &mut Found| {
        for packet in packets {
            number += 1;
            let original_length = u32::try_from(packet.bytes.len()).unwrap();
            let at = UnixNanos(1_767_225_600_000_000_000 + number * 1000);
            let frame = Frame {
                number: number.unsigned_abs(),
                at,
                link_type: LinkType::ETHERNET,
                original_length,
                data: &packet.bytes,
            };
            engine.packet(&frame, found);
        }
    };
    for host in 0..64 {
        let mut long = Conversation::new(&format!("10.7.0.{host}:5000"), "10.0.0.9:80");
        feed(long.handshake().take_packets(), &mut engine, &mut found);
    }
    for n in 0..20_000_u32 {
        let mut short = Conversation::new(&format!("10.8.{}.7:{}", n % 7, 1000 + n % 500), "10.0.0.9:80");
        short.sequences(n.wrapping_mul(0x9E37_79B1), n).handshake().rst(Side::Client);
        feed(short.take_packets(), &mut engine, &mut found);
    }
    audit(&engine);
    let after = engine.waiting_entries();
    // Without tidying there would be a place for each of the 20 000.
    assert!(after < 15_000, "{after}");
    // Ports that are used again and again, and one connection that lacks bytes every other packet.
    let mut again = talk();
    for n in 0..20_000_u32 {
        let syn = again.sequences(n.wrapping_mul(0x9E37_79B1), 0).draft(Side::Client).flags(flags::SYN);
        feed(again.segment(Side::Client, &syn).take_packets(), &mut engine, &mut found);
    }
    let mut lacking = Conversation::new("10.3.0.1:1", "10.3.0.2:2");
    lacking.handshake();
    for _ in 0..20_000 {
        lacking.at_offset(Side::Client, 1, b"b").skip(Side::Client, 2).ack(Side::Server);
        feed(lacking.at_offset(Side::Client, -2, b"a").take_packets(), &mut engine, &mut found);
    }
    let last = engine.waiting_entries();
    assert!(last < after + 10_000, "{after} then {last}");
    engine.finish(&mut found);
}

#[test]
fn trailers_leave_nothing_behind() {
    let mut talk = talk();
    talk.handshake();
    let mut held = Vec::new();
    let mut engine = Engine::new(&Limits::default(), 1, false);
    let mut found = Found::default();
    for n in 0..400_u64 {
        talk.client(GET)
            .segment_size(5)
            .server(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nA: b\r\n\r\n");
        talk.segment_size(1448).ack(Side::Client);
        for packet in talk.take_packets() {
            let original_length = u32::try_from(packet.bytes.len()).unwrap();
            let link_type = LinkType::ETHERNET;
            let frame = Frame { number: n, at: UnixNanos(packet.at), link_type, original_length, data: &packet.bytes };
            engine.packet(&frame, &mut found);
        }
        held.push(engine.audit().0);
    }
    assert_eq!(found.exchanges.len(), 400);
    assert_eq!(held[100], held[399], "memory between exchanges does not grow");
}

#[test]
fn offload_is_told_from_damage() {
    let mut talk = talk();
    talk.handshake();
    let mut sent = 0;
    for piece in GET.chunks(7) {
        let bad = talk.draft(Side::Client).payload(piece).corrupt();
        talk.segment(Side::Client, &bad).skip(Side::Client, piece.len());
        sent += 1;
    }
    talk.server(OK).close();
    // The handshake of this client has good checksums, so these segments are damaged ones that the server acknowledged.
    let damaged = run(talk.packets());
    assert!(damaged.lines()[0].starts_with("GET /a 200 0/2"), "{:?}", damaged.lines());
    assert!(damaged.flags().contains(&"bad_checksum") && sent == 4);
    let mut offload = self::talk();
    for side in [Side::Client, Side::Client, Side::Client, Side::Client] {
        let bad = offload.draft(side).payload(b"GET /a HT").corrupt();
        offload.segment(side, &bad).skip(side, 9);
    }
    let found = run(offload.packets());
    assert_eq!(found.summary.offloaded_sides, 1);
    assert!(!found.flags().contains(&"bad_checksum"));
    // A good copy wins over a bad one, whichever came first.
    let mut both = self::talk();
    both.handshake();
    let bad = both.draft(Side::Client).payload(b"XXX").corrupt();
    both.segment(Side::Client, &bad).client(b"abc").ack(Side::Server);
    let found = run(both.packets());
    assert_eq!(found.stream(true), "abc");
    assert_eq!(found.summary.ledger.bytes.dropped(DropReason::BadChecksum), 3);
}

/// Leaves the checksum of an IPv4 frame to the network card; with `chance` it is right all the same.
fn leave_to_card(frame: &mut [u8], chance: bool) {
    let [source, target] = [26, 30].map(|at| std::net::IpAddr::from(<[u8; 4]>::try_from(&frame[at..at + 4]).unwrap()));
    let pseudo = checksum::pseudo_header(source, target, 6, frame.len() - 34);
    frame[50..52].copy_from_slice(&(!checksum::fold(pseudo)).to_be_bytes());
    if chance {
        // The urgent pointer of a segment without that flag says nothing.
        let urgent = checksum::fold(checksum::sum(&frame[34..], pseudo));
        frame[52..54].copy_from_slice(&urgent.to_be_bytes());
    }
}

#[test]
fn a_segment_left_to_the_card_that_is_right_by_chance_says_nothing_of_the_others() {
    let mut talk = talk();
    talk.handshake();
    for piece in GET.chunks(7) {
        talk.client(piece);
    }
    talk.server(OK).close();
    for chance in 0..talk.packets().len() {
        let mut packets = talk.packets().to_vec();
        packets.iter_mut().enumerate().for_each(|(at, packet)| leave_to_card(&mut packet.bytes, at == chance));
        let found = run(&packets);
        assert_eq!(found.lines(), ["GET /a 200 0/2"], "by chance: {chance}");
        assert_eq!(found.summary.ledger.segments.dropped(DropReason::BadChecksum), 0, "by chance: {chance}");
        assert_eq!(found.sessions[0].close, CloseReason::Fin, "by chance: {chance}");
    }
}
