//! TCP by scenarios: who wins, what is flagged, what is counted. Each test is a policy that the modules state.

use arachne_model::{CloseReason, DropReason, Limits};
use arachne_testkit::Segment;
use arachne_testkit::conversation::{Packet, Side};
use arachne_testkit::segment::flags;
use arachne_testkit::{Conversation, Ip, link};

use crate::support::{Found, Run, run, say, talk};

const GET: &[u8] = b"GET /a HTTP/1.1\r\nHost: x\r\n\r\n";
const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const SECOND: i64 = 1_000_000_000;

/// A handshake and what `act` adds, without an end.
fn after_handshake(act: impl FnOnce(&mut Conversation)) -> Found {
    let mut talk = talk();
    talk.handshake();
    act(&mut talk);
    run(talk.packets())
}

fn names(found: &Found) -> String {
    found.session().anomalies.iter().map(arachne_model::Anomaly::name).collect::<Vec<_>>().join(" ")
}

#[test]
fn a_clean_connection() {
    let found = after_handshake(|t| {
        t.client(GET).server(OK).close();
    });
    let session = found.session();
    assert_eq!((session.close, session.syn_seen, names(&found).as_str()), (CloseReason::Fin, true, ""));
    assert_eq!((session.client.port, session.server.port), (51234, 80));
    assert_eq!(session.handshake_rtt_ns, Some(2_000_000));
    assert_eq!((session.client_facts.payload, session.server_facts.payload), (28, 40));
    assert_eq!((session.client_facts.packets, session.server_facts.packets), (5, 4));
    assert_eq!(session.client_facts.rtt_count + session.server_facts.rtt_count, 2);
    assert_eq!((found.lines(), session.exchanges), (vec!["GET /a 200 0/2".to_owned()], 1));
    assert_eq!(found.exchanges[0].duration_ns(), Some(1_000_000));
    assert_eq!(found.exchanges[0].first_sequence, 1001);
}

#[test]
fn the_first_copy_wins_and_a_conflict_is_flagged() {
    let delivered = after_handshake(|t| {
        t.client(b"abc").at_offset(Side::Client, -3, b"aXc");
    });
    assert_eq!((delivered.stream(true).as_str(), names(&delivered).as_str()), ("abc", "overlap_conflict"));
    let equal = after_handshake(|t| {
        t.client(b"abc").at_offset(Side::Client, -3, b"abc");
    });
    assert_eq!((names(&equal).as_str(), equal.session().client_facts.retransmitted), ("", 1));
    let held = after_handshake(|t| {
        t.at_offset(Side::Client, 1, b"bc").at_offset(Side::Client, 0, b"aXYd");
    });
    assert_eq!((held.stream(true).as_str(), names(&held).as_str()), ("abcd", "overlap_conflict"));
    let partial = after_handshake(|t| {
        t.client(b"abc").at_offset(Side::Client, -2, b"bcd");
    });
    assert_eq!((partial.stream(true).as_str(), partial.session().client_facts.overlapped), ("abcd", 1));
}

#[test]
fn order_is_restored() {
    let found = after_handshake(|t| {
        t.at_offset(Side::Client, 4, b"ef").at_offset(Side::Client, 2, b"cd").at_offset(Side::Client, 0, b"ab");
    });
    assert_eq!((found.stream(true).as_str(), names(&found).as_str()), ("abcdef", ""));
    assert_eq!(found.session().client_facts.reordered, 1);
    assert_eq!(found.summary.ledger.bytes_lost, 0);
}

#[test]
fn an_answer_waits_for_its_request() {
    let mut talk = talk();
    talk.handshake().client(GET).server(OK).close();
    let mut packets = talk.packets().to_vec();
    packets.swap(3, 4);
    assert_eq!(run(&packets).lines(), ["GET /a 200 0/2"]);
}

/// A lost request, acknowledged by its answer.
fn lost_request() -> Conversation {
    let mut talk = talk();
    talk.handshake().skip(Side::Client, GET.len()).server(OK);
    talk
}

#[test]
fn acknowledged_bytes_are_given_up_after_a_second() {
    let mut soon = lost_request();
    soon.wait(SECOND / 2).at_offset(Side::Client, -(GET.len() as i32), GET);
    assert_eq!(run(soon.packets()).lines(), ["GET /a 200 0/2"], "it came in time");
    let mut late = lost_request();
    late.wait(SECOND * 3 / 2).at_offset(Side::Client, -(GET.len() as i32), GET);
    let found = run(late.packets());
    assert_eq!(found.lines(), ["- - 200 -/2 gap"]);
    assert_eq!(found.session().client_facts.missing, GET.len() as u64);
    assert_eq!(found.summary.ledger.bytes_lost, GET.len() as u64);
}

#[test]
fn acknowledged_bytes_are_given_up_after_64_packets() {
    let mut talk = lost_request();
    for _ in 0..62 {
        talk.wait(-999_000).server(b"x");
    }
    let mut more = talk.clone();
    let lost = -(GET.len() as i32);
    assert_eq!(run(talk.at_offset(Side::Client, lost, GET).packets()).lines()[0], "GET /a 200 0/2");
    more.server(b"x").server(b"x").at_offset(Side::Client, lost, GET);
    assert_eq!(run(more.packets()).lines()[0], "- - 200 -/2 gap");
}

#[test]
fn the_stream_resumes_behind_a_gap() {
    // In a head: the request is told as far as it was seen; the next one is found.
    let head = after_handshake(|t| {
        t.client(b"GET /a HTTP/1.1\r\nHo").skip(Side::Client, 7).client(b"\r\n").server(OK);
        t.client(GET).server(OK).close();
    });
    // More than its rest may have been lost, so the flag stands on the next one too.
    assert_eq!(head.lines(), ["GET /a 200 0~/2 gap", "GET /a 200 0/2 gap"]);
    // In a body with a length: the exchange survives.
    let body = after_handshake(|t| {
        t.client(GET).server(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n01").skip(Side::Server, 6).server(b"89");
        t.ack(Side::Client).client(GET).server(OK).close();
    });
    assert_eq!(body.lines(), ["GET /a 200 0/4+6? gap", "GET /a 200 0/2"]);
    // Inside a chunk it survives, over a chunk's end it does not.
    let chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n8\r\n01";
    let inside = after_handshake(|t| {
        t.client(GET).server(chunked).skip(Side::Server, 4).server(b"67\r\n0\r\n\r\n").ack(Side::Client).close();
    });
    assert_eq!(inside.lines(), ["GET /a 200 0/4+4? gap"]);
    let over = after_handshake(|t| {
        t.client(GET).server(chunked).skip(Side::Server, 9).server(b"\n0\r\n\r\n").ack(Side::Client);
        t.client(GET).server(OK).close();
    });
    assert_eq!(over.lines(), ["GET /a 200 0/2~ gap", "GET /a 200 0/2"]);
    // Between messages: a whole response is lost.
    let between = after_handshake(|t| {
        t.client(GET).skip(Side::Server, OK.len()).client(GET).server(OK).close();
    });
    assert_eq!(between.lines(), ["GET /a - 0/- gap", "GET /a 200 0/2"]);
}

#[test]
fn a_lost_answer_and_a_lost_request_do_not_meet() {
    // The answer that was captured belongs to the request that was not.
    let found = after_handshake(|t| {
        t.client(b"GET /1 HTTP/1.1\r\nHost: x\r\n\r\n").skip(Side::Server, OK.len());
        t.skip(Side::Client, GET.len()).server(b"HTTP/1.1 202 OK\r\nContent-Length: 0\r\n\r\n").close();
    });
    assert_eq!(found.lines(), ["GET /1 - 0/- gap", "- - 202 -/0 gap"]);
}

#[test]
fn a_gap_in_a_body_skips_no_pipelined_request() {
    let found = after_handshake(|t| {
        let head = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n";
        t.client(b"GET /1 HTTP/1.1\r\nHost: x\r\n\r\nGET /2 HTTP/1.1\r\nHost: x\r\n\r\n");
        t.server(head).server(b"01").skip(Side::Server, 6);
        t.client(b"GET /3 HTTP/1.1\r\nHost: x\r\n\r\n");
        t.server(b"89").server(b"HTTP/1.1 202 OK\r\nContent-Length: 0\r\n\r\n");
        t.server(b"HTTP/1.1 203 OK\r\nContent-Length: 0\r\n\r\n").close();
    });
    assert_eq!(found.lines(), ["GET /1 200 0/4+6? gap", "GET /2 202 0/0 gap", "GET /3 203 0/0"]);
}

#[test]
fn found_in_the_middle() {
    let mut talk = talk();
    talk.client(GET).server(OK).client(GET).server(OK);
    let found = run(talk.packets());
    assert_eq!((found.lines().len(), names(&found).as_str()), (2, "midstream"));
    assert!(!found.session().syn_seen);
    assert_eq!(found.session().close, CloseReason::InputEnd);
    assert_eq!(found.session().client.port, 51234);
}

#[test]
fn one_direction_alone() {
    let mut talk = talk();
    talk.handshake().client(GET).server(OK).client(GET).server(OK).ack(Side::Client);
    let only = |port: [u8; 2]| {
        let packets: Vec<Packet> = talk.packets().iter().filter(|p| p.bytes[34..36] == port).cloned().collect();
        run(&packets)
    };
    let (client, server) = (only(51234_u16.to_be_bytes()), only([0, 80]));
    assert_eq!(client.lines(), ["GET /a - 0/- one_sided", "GET /a - 0/- one_sided"]);
    assert_eq!(server.lines(), ["- - 200 -/2 one_sided", "- - 200 -/2 one_sided"]);
    assert_eq!((names(&client), names(&server)), ("one_sided".to_owned(), "one_sided".to_owned()));
    assert_eq!(client.summary.ledger.bytes_lost, 2 * OK.len() as u64, "the answers were acknowledged");
}

#[test]
fn the_handshake_in_any_shape() {
    let mut plain = talk();
    plain.handshake().client(GET).server(OK).close();
    let packets = plain.packets().to_vec();
    let reordered = |order: [usize; 5]| {
        let mut moved: Vec<Packet> = order.iter().map(|at| packets[*at].clone()).collect();
        moved.extend_from_slice(&packets[5..]);
        run(&moved)
    };
    for order in [[1, 0, 2, 3, 4], [3, 0, 1, 2, 4], [1, 2, 3, 0, 4], [0, 3, 1, 2, 4], [2, 1, 0, 3, 4]] {
        let found = reordered(order);
        assert_eq!(found.lines().len(), 1, "{order:?}");
        assert!(found.lines()[0].starts_with("GET /a 200 0/2"), "{order:?} {:?}", found.lines());
        assert_eq!(found.session().client.port, 51234, "{order:?}");
        assert_eq!(found.session().close, CloseReason::Fin, "{order:?}");
    }
    // Split: the server answers with a SYN of its own instead of SYN-ACK.
    let split = {
        let mut talk = talk();
        let syn = Segment { acknowledgement: 0, ..talk.draft(Side::Client).flags(flags::SYN) };
        talk.segment(Side::Client, &syn).skip(Side::Client, 1);
        let theirs = Segment { acknowledgement: 0, ..talk.draft(Side::Server).flags(flags::SYN) };
        talk.ack(Side::Server).segment(Side::Server, &theirs).skip(Side::Server, 1);
        let answer = talk.draft(Side::Client);
        talk.segment(
            Side::Client,
            &Segment { sequence: answer.sequence.wrapping_sub(1), ..answer }.flags(flags::SYN | flags::ACK),
        );
        talk.ack(Side::Server).client(GET).server(OK).close();
        run(talk.packets())
    };
    assert_eq!(split.lines(), ["GET /a 200 0/2"]);
    assert_eq!((split.session().client.port, split.session().close), (51234, CloseReason::Fin));
}

#[test]
fn a_simultaneous_open_is_one_connection() {
    let mut talk = talk();
    let syn = |t: &Conversation, side| Segment { acknowledgement: 0, ..t.draft(side).flags(flags::SYN) };
    let (ours, theirs) = (syn(&talk, Side::Client), syn(&talk, Side::Server));
    talk.segment(Side::Client, &ours).segment(Side::Server, &theirs).skip(Side::Client, 1).skip(Side::Server, 1);
    for side in [Side::Client, Side::Server] {
        let draft = talk.draft(side).flags(flags::SYN | flags::ACK);
        talk.segment(side, &Segment { sequence: draft.sequence.wrapping_sub(1), ..draft });
    }
    talk.client(GET).server(OK).close();
    let found = run(talk.packets());
    assert_eq!((found.lines(), found.session().close), (vec!["GET /a 200 0/2".to_owned()], CloseReason::Fin));
}

#[test]
fn reused_ports_are_a_new_session() {
    let mut talk = talk();
    talk.handshake().client(GET).server(OK).close().sequences(900_000, 800_000).handshake().client(GET).server(OK);
    let closed = run(talk.packets());
    assert_eq!(closed.sessions.len(), 2);
    assert_eq!(closed.lines().len(), 2);
    // Without the end of the first.
    let mut open = self::talk();
    open.handshake().client(GET).sequences(900_000_000, 800_000).handshake().client(GET).server(OK).close();
    let reused = run(open.packets());
    let reasons: Vec<_> = reused.sessions.iter().map(|s| s.close).collect();
    assert_eq!(reasons, [CloseReason::Reused, CloseReason::Fin]);
    assert_eq!(reused.lines(), ["GET /a - 0/-", "GET /a 200 0/2"]);
}

#[test]
fn a_reset_counts_inside_the_window_only() {
    let inside = after_handshake(|t| {
        t.client(GET).rst(Side::Server);
    });
    assert_eq!((inside.session().close, names(&inside).as_str()), (CloseReason::Reset, ""));
    let outside = after_handshake(|t| {
        let blind = t.draft(Side::Server).flags(flags::RST);
        let blind = Segment { sequence: blind.sequence.wrapping_add(1 << 30), ..blind };
        t.client(GET).segment(Side::Server, &blind).server(OK).close();
    });
    assert_eq!((outside.session().close, names(&outside).as_str()), (CloseReason::Fin, "out_of_window"));
    assert_eq!(outside.lines(), ["GET /a 200 0/2 out_of_window"]);
    // A refused connection.
    let mut refused = talk();
    let syn = Segment { acknowledgement: 0, ..refused.draft(Side::Client).flags(flags::SYN) };
    refused.segment(Side::Client, &syn).skip(Side::Client, 1);
    let answer = Segment { sequence: 0, ..refused.draft(Side::Server).flags(flags::RST | flags::ACK) };
    refused.segment(Side::Server, &answer);
    assert_eq!(run(refused.packets()).session().close, CloseReason::Reset);
    // A stray one opens nothing.
    let stray = run(talk().rst(Side::Client).packets());
    assert_eq!(stray.sessions.len(), 0);
    assert_eq!(stray.summary.ledger.segments.dropped(DropReason::AfterClose), 1);
}

#[test]
fn data_in_a_reset_is_not_in_the_stream() {
    let found = after_handshake(|t| {
        let rst = t.client(b"ab").draft(Side::Client).flags(flags::RST | flags::ACK).payload(b"cd");
        t.segment(Side::Client, &rst);
    });
    assert_eq!(found.stream(true), "ab");
    assert_eq!(found.summary.ledger.bytes.dropped(DropReason::AfterClose), 2);
}

#[test]
fn a_connection_may_end_half() {
    let half = after_handshake(|t| {
        t.client(GET).fin(Side::Client).server(OK).fin(Side::Server);
    });
    assert_eq!((half.lines(), half.session().close), (vec!["GET /a 200 0/2".to_owned()], CloseReason::Fin));
    let only = after_handshake(|t| {
        t.client(GET).server(OK).fin(Side::Server);
    });
    assert_eq!(only.session().close, CloseReason::InputEnd);
    // FIN with data, FIN again, FIN before its data.
    let with_data = after_handshake(|t| {
        let fin = t.draft(Side::Client).flags(flags::FIN | flags::ACK).payload(GET);
        t.segment(Side::Client, &fin).segment(Side::Client, &fin).skip(Side::Client, GET.len() + 1);
        t.server(OK).fin(Side::Server).ack(Side::Client);
    });
    assert_eq!((with_data.lines()[0].as_str(), with_data.session().close), ("GET /a 200 0/2", CloseReason::Fin));
    let early = after_handshake(|t| {
        let length = GET.len();
        t.skip(Side::Client, length).fin(Side::Client).at_offset(Side::Client, -(length as i32) - 1, GET);
        t.server(OK).fin(Side::Server).ack(Side::Client);
    });
    assert_eq!((early.lines()[0].as_str(), early.session().close), ("GET /a 200 0/2", CloseReason::Fin));
    let beyond = after_handshake(|t| {
        t.client(b"ab").fin(Side::Client).client(b"cd");
    });
    assert_eq!((beyond.stream(true).as_str(), names(&beyond).as_str()), ("ab", "desync"));
}

#[test]
fn data_in_the_syn_is_read_and_flagged() {
    let mut talk = talk();
    let syn = Segment { acknowledgement: 0, ..talk.draft(Side::Client).flags(flags::SYN).payload(GET) };
    talk.segment(Side::Client, &syn).skip(Side::Client, 1 + GET.len());
    let answer = talk.draft(Side::Server).flags(flags::SYN | flags::ACK);
    talk.segment(Side::Server, &answer).skip(Side::Server, 1).server(OK).ack(Side::Client).close();
    let found = run(talk.packets());
    assert_eq!((found.lines(), names(&found).as_str()), (vec!["GET /a 200 0/2 syn_data".to_owned()], "syn_data"));
}

#[test]
fn a_packet_captured_twice_is_no_retransmission() {
    let mut talk = talk();
    talk.handshake().client(GET).server(OK).close();
    let twice: Vec<Packet> = talk.packets().iter().flat_map(|p| [p.clone(), p.clone()]).collect();
    let found = run(&twice);
    assert_eq!((found.lines(), names(&found).as_str()), (vec!["GET /a 200 0/2".to_owned()], "duplicate_packet"));
    assert_eq!(found.summary.ledger.segments.dropped(DropReason::Duplicate), 9);
    assert_eq!(found.session().client_facts.retransmitted, 0);
    // The same bytes in another packet are sent again; so is the same packet much later.
    let again = after_handshake(|t| {
        t.client(b"abc").at_offset(Side::Client, -3, b"abc");
    });
    assert_eq!(again.session().client_facts.retransmitted, 1);
    let mut late = self::talk();
    late.handshake().client(b"abc");
    let mut packets = late.packets().to_vec();
    packets.push(Packet { at: packets[3].at + SECOND, ..packets[3].clone() });
    assert_eq!(run(&packets).session().client_facts.retransmitted, 1);
}

#[test]
fn sequence_numbers_wrap() {
    for start in [u32::MAX, u32::MAX - 1, u32::MAX - 10, u32::MAX - 60, 1 << 31, 0] {
        let mut talk = talk();
        talk.sequences(start, start.wrapping_sub(3)).segment_size(7).handshake();
        say(&mut talk, &[&[b">", GET].concat(), &[b"<", OK].concat(), &[b">", GET].concat(), &[b"<", OK].concat()]);
        talk.close();
        let found = run(talk.packets());
        assert_eq!(found.lines(), ["GET /a 200 0/2", "GET /a 200 0/2"], "{start}");
        assert_eq!((names(&found).as_str(), found.session().close), ("", CloseReason::Fin), "{start}");
    }
}

/// `bytes` of the usual frame, cut behind `keep` bytes of TCP payload.
fn cut(packet: &Packet, keep: usize) -> (i64, Vec<u8>, u32) {
    let length = packet.bytes.len();
    (packet.at, packet.bytes[..length.min(54 + keep)].to_vec(), u32::try_from(length).unwrap())
}

#[test]
fn packets_cut_by_the_snap_length() {
    let mut talk = talk();
    talk.handshake().client(GET).server(b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n").server(&[b'x'; 50]);
    talk.ack(Side::Client).client(GET).server(OK).close();
    let frames: Vec<_> = talk.packets().iter().map(|p| cut(p, 40)).collect();
    let found = Run::default().frames(frames.iter().map(|(at, bytes, length)| (*at, &bytes[..], *length)));
    assert_eq!(found.lines(), ["GET /a 200 0/40+10?~ gap truncated", "GET /a 200 0/2"]);
    assert_eq!((found.summary.truncated_packets, found.summary.ledger.bytes_lost), (1, 10));
}

#[test]
fn a_cut_packet_sent_again_costs_nothing_more() {
    let mut talk = talk();
    let body = [b'x'; 50];
    talk.handshake().client(GET).server(b"HTTP/1.1 200 OK\r\nContent-Length: 80\r\n\r\n").server(&body);
    talk.at_offset(Side::Server, -50, &body).server(&[b'y'; 30]).ack(Side::Client).client(GET).server(OK).close();
    let frames: Vec<_> = talk.packets().iter().map(|p| cut(p, 40)).collect();
    let found = Run::default().frames(frames.iter().map(|(at, bytes, length)| (*at, &bytes[..], *length)));
    assert_eq!(found.lines(), ["GET /a 200 0/70+10? gap truncated", "GET /a 200 0/2"]);
    assert_eq!((found.session().server_facts.retransmitted, found.summary.ledger.bytes_lost), (1, 10));
    // Behind a hole it waits like any other, and its missing end is known all the same.
    let mut held = self::talk();
    held.handshake().client(GET).server(b"HTTP/1.1 200 OK\r\nContent-Length: 80\r\n\r\n");
    held.at_offset(Side::Server, 30, &body).server(&[b'y'; 30]).skip(Side::Server, 50).ack(Side::Client).close();
    let frames: Vec<_> = held.packets().iter().map(|p| cut(p, 40)).collect();
    let found = Run::default().frames(frames.iter().map(|(at, bytes, length)| (*at, &bytes[..], *length)));
    assert_eq!(found.lines(), ["GET /a 200 0/70+10?~ gap truncated"]);
}

#[test]
fn an_old_timestamp_is_refused_and_a_ttl_step_flagged() {
    let found = after_handshake(|t| {
        let stamped = |t: &Conversation, value| t.draft(Side::Client).timestamp(value, 0);
        let new = stamped(t, 900_000).payload(b"ab");
        t.segment(Side::Client, &new).skip(Side::Client, 2);
        let old = stamped(t, 700_000).payload(b"XX");
        let good = stamped(t, 900_001).payload(b"cd");
        t.segment(Side::Client, &old).segment(Side::Client, &good);
    });
    assert_eq!((found.stream(true).as_str(), names(&found).as_str()), ("abcd", "paws"));
    assert_eq!(found.summary.ledger.segments.dropped(DropReason::Paws), 1);
    let (a, b) = ("10.0.0.7".parse().unwrap(), "10.0.0.9".parse().unwrap());
    let mut other = talk();
    other.handshake();
    let segment = other.draft(Side::Client).payload(b"x").bytes(a, b);
    let mut packets = other.packets().to_vec();
    packets.push(Packet { at: packets[2].at + 1, bytes: link::ethernet(&Ip::new(a, b).id(9).ttl(20).bytes(&segment)) });
    assert_eq!(names(&run(&packets)), "ttl_anomaly");
}

#[test]
fn probes_and_closed_windows_are_counted() {
    let found = after_handshake(|t| {
        t.client(GET).server(OK).ack(Side::Client);
        let alive = t.draft(Side::Client);
        let alive = Segment { sequence: alive.sequence.wrapping_sub(1), ..alive };
        t.segment(Side::Client, &alive).segment(Side::Client, &alive.clone().payload(b"\0"));
        let closed = Segment { window: 0, ..t.draft(Side::Server) };
        t.segment(Side::Server, &closed).segment(Side::Server, &closed).close();
    });
    assert_eq!(found.session().client_facts.keep_alives, 2);
    assert_eq!(found.session().server_facts.zero_windows, 2);
    assert_eq!((found.lines(), names(&found).as_str()), (vec!["GET /a 200 0/2".to_owned()], ""));
}

#[test]
fn repeated_acknowledgements_are_counted() {
    let found = after_handshake(|t| {
        t.client(GET);
        let before = t.draft(Side::Client);
        t.server(OK).segment(Side::Client, &before).segment(Side::Client, &before).segment(Side::Client, &before);
    });
    assert_eq!(found.session().client_facts.duplicate_acks, 3);
}

#[test]
fn the_urgent_byte_is_taken_out() {
    let found = after_handshake(|t| {
        let segment = t.draft(Side::Client).flags(flags::ACK | flags::URG).payload(b"abXcd");
        t.segment(Side::Client, &Segment { urgent: 3, ..segment });
    });
    assert_eq!((found.stream(true).as_str(), names(&found).as_str()), ("ab_cd", "urgent"));
    assert_eq!(found.summary.ledger.bytes.dropped(DropReason::Urgent), 1);
}

#[test]
fn two_sides_that_wait_for_each_other_are_set_free() {
    // Each first copy was lost before the capture; what is sent again acknowledges the other's.
    let found = after_handshake(|t| {
        let ours = t.draft(Side::Client).payload(b"ab");
        let ours = Segment { acknowledgement: ours.acknowledgement + 2, ..ours };
        let theirs = t.draft(Side::Server).payload(b"cd");
        let theirs = Segment { acknowledgement: theirs.acknowledgement + 2, ..theirs };
        t.segment(Side::Client, &ours).segment(Side::Server, &theirs);
    });
    assert_eq!((found.stream(true).as_str(), found.stream(false).as_str()), ("ab", "cd"));
    assert_eq!(found.summary.ledger.bytes_lost, 0);
    let limits = Limits { gap_segments_max: 1, ..Limits::default() };
    let mut talk = talk();
    talk.handshake();
    for (side, at) in [(Side::Client, 0), (Side::Server, 0), (Side::Client, 2), (Side::Server, 2), (Side::Client, 4)] {
        let draft = talk.draft(side).payload(b"xy");
        let (sequence, acknowledgement) = (draft.sequence + at, draft.acknowledgement + at + 2);
        talk.segment(side, &Segment { sequence, acknowledgement, ..draft });
    }
    let found = Run { limits, ..Run::default() }.packets(talk.packets());
    assert!(found.stream(true).contains("xy"));
}
