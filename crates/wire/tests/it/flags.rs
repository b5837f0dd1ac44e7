//! Each flag of the model is raised by at least one input here, or is somebody else's.

use std::collections::BTreeSet;

use arachne_model::{Anomaly, Limits};
use arachne_testkit::conversation::{Packet, Side};
use arachne_testkit::segment::flags;
use arachne_testkit::{Conversation, Ip, Segment, link};

use crate::support::{Found, Run, run, talk, turns};

const OK: &[u8] = b"<HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// Flags that the capture files and the decoders of bodies raise.
const ELSEWHERE: [Anomaly; 3] = [Anomaly::BadTimestamp, Anomaly::DecompressBomb, Anomaly::DecompressError];

/// What HTTP alone raises: the request line, more header lines, the flag.
const HEADS: [(&str, &str, Anomaly); 19] = [
    ("GET /a HTTP/1.1", "Host: x\r\nA: b\r\n c", Anomaly::ObsFold),
    ("GET /a HTTP/1.1", "Host: x\nA: b", Anomaly::BareLf),
    ("GET /a HTTP/1.1", "Host: x\r\nA: b\rc", Anomaly::BareCr),
    ("GET /a HTTP/1.1", "Host: x\r\nA: b\0c", Anomaly::Nul),
    ("GET /a HTTP/1.1", "Host: x\r\nContent-Length: +1", Anomaly::BadCl),
    ("GET /a HTTP/1.1", "Host: x\r\nContent-Length: 0\r\nContent-Length: 0", Anomaly::DupCl),
    ("GET /a HTTP/1.1", "Host: x\r\nContent-Length: 0\r\nTransfer-Encoding: chunked", Anomaly::TeAndCl),
    ("GET /a HTTP/1.1", "Host: x\r\nTransfer-Encoding: identity, chunked", Anomaly::Ambiguous),
    ("GET /a HTTP/1.1", "Host: x\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n0", Anomaly::BadChunk),
    ("GET /a HTTP/1.1", "Host: x\r\nA b: c", Anomaly::BadHeader),
    ("G@T /a HTTP/1.1", "Host: x", Anomaly::BadMethod),
    ("GET /a HTTP/1.9", "Host: x", Anomaly::BadVersion),
    ("GET /a HTTP/1.1", "Host: x\r\nHost: x", Anomaly::DupHost),
    ("GET /a HTTP/1.1", "A: b", Anomaly::NoHost),
    ("GET http://y/ HTTP/1.1", "Host: x", Anomaly::HostMismatch),
    ("GET /a HTTP/1.1", "Host: x\r\nA:\r\nA:\r\nA:\r\nA:\r\nA:\r\nA:\r\nA:\r\nA:", Anomaly::TooManyHeaders),
    (
        "GET /aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa HTTP/1.1",
        "Host: x\r\nA: bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb",
        Anomaly::HeaderTooLarge,
    ),
    ("GET /a HTTP/1.1", "Host: x\r\nContent-Length: 99\r\n\r\nabc", Anomaly::Incomplete),
    ("GET /a HTTP/1.1", "Host: x\r\nContent-Length: 1\r\nContent-Length: 2", Anomaly::Ambiguous),
];

fn http(request: &str) -> Found {
    let limits = Limits { head_bytes_max: 130, head_fields_max: 8, ..Limits::default() };
    // A first request tells that it is HTTP, however the second looks.
    let first = b">GET / HTTP/1.1\r\nHost: x\r\n\r\n";
    let talk = turns(&[first, OK, format!(">{request}").as_bytes(), OK]);
    Run { limits, ..Run::default() }.packets(talk.packets())
}

fn after_handshake(act: impl FnOnce(&mut Conversation)) -> Found {
    let mut talk = talk();
    talk.handshake();
    act(&mut talk);
    run(talk.packets())
}

fn changed(change: impl FnOnce(Segment) -> Segment) -> Found {
    after_handshake(|t| {
        t.client(b"abc");
        let segment = change(t.draft(Side::Client).payload(b"abc"));
        t.segment(Side::Client, &segment);
    })
}

/// What the transport raises.
fn transport() -> Vec<(Anomaly, Found)> {
    let (a, b) = ("10.0.0.7".parse().unwrap(), "10.0.0.9".parse().unwrap());
    let ip = Ip::new(a, b);
    let pieces = [ip.fragment(&[1; 16], 0, true), ip.fragment(&[2; 16], 8, true)];
    let frames: Vec<Packet> = pieces.iter().map(|p| Packet { at: 0, bytes: link::ethernet(p) }).collect();
    let plain = after_handshake(|t| _ = t.client(b"abc"));
    assert!(plain.flags().is_empty(), "the control raises {:?}", plain.flags());
    let mut twice = talk();
    twice.handshake();
    let twice: Vec<Packet> = twice.packets().iter().flat_map(|p| [p.clone(), p.clone()]).collect();
    let far = after_handshake(|t| _ = t.at_offset(Side::Client, 1 << 25, b"x"));
    let stamped = after_handshake(|t| {
        for value in [9_000_000, 8_000_000] {
            let segment = t.draft(Side::Client).timestamp(value, 0).payload(b"x");
            t.segment(Side::Client, &segment).skip(Side::Client, 1);
        }
    });
    let cut = Run::default().frames(plain_frames().iter().map(|p| (p.at, &p.bytes[..p.bytes.len().min(56)], 2000)));
    let mut ttl = talk();
    ttl.handshake();
    let segment = ttl.draft(Side::Client).payload(b"x").bytes(a, b);
    let mut ttl = ttl.take_packets();
    ttl.push(Packet { at: ttl[2].at, bytes: link::ethernet(&Ip::new(a, b).ttl(9).bytes(&segment)) });
    let gap = after_handshake(|t| _ = t.skip(Side::Client, 9).client(b"abc").ack(Side::Server));
    let memcap = Run { limits: Limits { held_bytes_max: 1, ..Limits::default() }, ..Run::default() };
    let ask: &[u8] = b">GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n\r\n";
    let switch: &[u8] = b"<HTTP/1.1 101 S\r\nUpgrade: websocket\r\n\r\n";
    vec![
        (Anomaly::OverlapConflict, after_handshake(|t| _ = t.client(b"abc").at_offset(Side::Client, -3, b"abX"))),
        (Anomaly::Gap, gap),
        (Anomaly::OutOfWindow, far),
        (Anomaly::BadChecksum, changed(Segment::corrupt)),
        (Anomaly::SynData, syn_data()),
        (Anomaly::Urgent, changed(|s| Segment { urgent: 1, ..s.flags(flags::ACK | flags::URG) })),
        (Anomaly::TtlAnomaly, run(&ttl)),
        (Anomaly::Paws, stamped),
        (Anomaly::Desync, changed(|s| Segment { acknowledgement: s.acknowledgement.wrapping_add(1 << 30), ..s })),
        (Anomaly::Midstream, run(talk().client(b"abc").packets())),
        (Anomaly::OneSided, run(talk().client(b"abc").packets())),
        (Anomaly::Truncated, cut),
        (Anomaly::Memcap, memcap.packets(&plain_frames())),
        (Anomaly::FragmentOverlap, run(&frames)),
        (Anomaly::DuplicatePacket, run(&twice)),
        (
            Anomaly::BadStatus,
            run(turns(&[b">GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"<HTTP/1.1 999 X\r\n\r\n"]).packets()),
        ),
        (Anomaly::UnsolicitedResponse, run(turns(&[OK]).packets())),
        (Anomaly::Upgrade, run(turns(&[ask, switch]).packets())),
        (Anomaly::BadWebsocket, run(turns(&[ask, switch, b">\x83\x00"]).packets())),
    ]
}

fn plain_frames() -> Vec<Packet> {
    let mut talk = talk();
    talk.handshake().client(b"abcdef").server(b"xyz");
    talk.take_packets()
}

fn syn_data() -> Found {
    let mut talk = talk();
    let syn = Segment { acknowledgement: 0, ..talk.draft(Side::Client).flags(flags::SYN).payload(b"x") };
    run(talk.segment(Side::Client, &syn).packets())
}

#[test]
fn each_flag_is_raised() {
    let mut raised: BTreeSet<Anomaly> = ELSEWHERE.into_iter().collect();
    for (first, fields, flag) in HEADS {
        let found = http(&format!("{first}\r\n{fields}\r\n\r\n"));
        assert!(found.summary.anomalies.contains(flag), "{}: {:?} {:?}", flag.name(), found.flags(), found.lines());
        raised.insert(flag);
    }
    for (flag, found) in transport() {
        assert!(found.summary.anomalies.contains(flag), "{}: {:?}", flag.name(), found.flags());
        raised.insert(flag);
    }
    let missing: Vec<_> = Anomaly::ALL.iter().filter(|flag| !raised.contains(flag)).collect();
    assert!(missing.is_empty(), "no input for {missing:?}");
}

#[test]
fn a_clean_exchange_raises_none() {
    assert!(http("POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi").flags().is_empty());
}
