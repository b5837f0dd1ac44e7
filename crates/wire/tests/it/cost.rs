//! Ten times the input costs about ten times the time, also when the input is made to cost more.
//!
//! Time is measured, and that means little beside other work: the checks run where `COST_FACTOR_MAX` sets the bound, as
//! `make soak` does (13, in release mode; a square cost would give a hundred). `docs/fuzzing.md` has the figures.

use std::time::{Duration, Instant};

use arachne_testkit::conversation::{Packet, Side};
use arachne_testkit::{Conversation, Ip, link};

use crate::support::{Run, talk};

/// Packets one behind the other, so that reading them costs the same however many there are.
struct Tape {
    bytes: Vec<u8>,
    packets: Vec<(i64, std::ops::Range<usize>)>,
}

impl Tape {
    fn new(packets: &[Packet]) -> Self {
        let mut tape = Self { bytes: Vec::new(), packets: Vec::new() };
        for packet in packets {
            let start = tape.bytes.len();
            tape.bytes.extend_from_slice(&packet.bytes);
            tape.packets.push((packet.at, start..tape.bytes.len()));
        }
        tape
    }

    fn play(&self) -> Duration {
        let run = Run { audit_every: usize::MAX, streams: false, ..Run::default() };
        let start = Instant::now();
        run.frames(
            self.packets
                .iter()
                .map(|(at, range)| (*at, &self.bytes[range.clone()], u32::try_from(range.len()).unwrap())),
        );
        start.elapsed()
    }

    /// The best of a few runs: other work on the machine only ever adds.
    fn best(&self, runs: usize) -> Duration {
        (0..runs).map(|_| self.play()).min().unwrap_or_default()
    }
}

#[track_caller]
fn check(what: &str, small: usize, make: impl Fn(usize) -> Vec<Packet>) {
    let Some(max) = std::env::var("COST_FACTOR_MAX").ok().and_then(|text| text.parse::<f64>().ok()) else {
        eprintln!("skipped: {what}: set COST_FACTOR_MAX to measure it");
        return;
    };
    let (one, ten) = (Tape::new(&make(small)), Tape::new(&make(small * 10)));
    let mut factor = f64::MAX;
    for _ in 0..6 {
        factor = factor.min(ten.best(2).as_secs_f64() / one.best(8).as_secs_f64());
        if factor <= max {
            break;
        }
    }
    eprintln!("{what}: {factor:.1} times for 10 times the input, {:?}", ten.best(1));
    assert!(factor <= max, "{what}: {factor:.1} times the time for 10 times the input");
}

/// What the client says in one-byte segments.
fn bytewise(bytes: &[u8]) -> Vec<Packet> {
    let mut talk = talk();
    talk.handshake().segment_size(1).client(bytes);
    talk.take_packets()
}

fn repeat(head: &[u8], line: &[u8], length: usize) -> Vec<u8> {
    let mut bytes = head.to_vec();
    while bytes.len() < length {
        bytes.extend_from_slice(line);
    }
    bytes.truncate(length);
    bytes
}

#[test]
fn heads_in_one_byte_segments() {
    check("a long header value", 6_000, |n| bytewise(&repeat(b"GET /a HTTP/1.1\r\nHost: x\r\nA: ", b"y", n)));
    check("a long target", 6_000, |n| bytewise(&repeat(b"GET /", b"y", n)));
    check("header lines", 6_000, |n| bytewise(&repeat(b"GET /a HTTP/1.1\r\nHost: x\r\n", b"A: b\r\n", n)));
    check("a name behind a line without version", 6_000, |n| bytewise(&repeat(b"GET /a\r\n", b"y", n)));
    check("lines that may begin a message", 6_000, |n| {
        bytewise(&repeat(b"GET /a HTTP/1.1\r\nA\x01\r\n\r\n\x01", b"\nGET ", n))
    });
}

#[test]
fn heads_at_once() {
    let whole = |bytes: &[u8]| {
        let mut talk = talk();
        talk.handshake();
        for _ in 0..20 {
            talk.client(bytes);
        }
        talk.take_packets()
    };
    check("folded lines", 6_000, |n| {
        whole(&[&repeat(b"GET /a HTTP/1.1\r\nA: b\r\n", b" c\r\n", n)[..], b"\r\n\r\n"].concat())
    });
    check("small header lines", 6_000, |n| {
        whole(&[&repeat(b"GET /a HTTP/1.1\r\n", b"A:\r\n", n)[..], b"\r\n\r\n"].concat())
    });
    check("carriage returns", 6_000, |n| {
        whole(&[&repeat(b"GET /a HTTP/1.1\r\nA: ", b"\r", n)[..], b"\r\n\r\n"].concat())
    });
    check("blank lines", 6_000, |n| whole(&repeat(b"GET /a HTTP/1.1\r\n\r\n", b"\r\n", n)));
}

#[test]
fn small_chunks() {
    check("chunks of a byte", 10_000, |n| {
        let mut talk = talk();
        talk.handshake().client(b"POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
        talk.client(&b"1\r\na\r\n".repeat(n)).client(b"0\r\n\r\n");
        talk.take_packets()
    });
}

/// `count` segments of `size` bytes behind a hole; `place` gives the place of the nth.
fn behind_a_hole(count: usize, size: usize, place: impl Fn(usize) -> usize) -> Vec<Packet> {
    let mut talk = talk();
    talk.handshake();
    for n in 0..count {
        let offset = i32::try_from(1 + place(n) * size).unwrap();
        talk.wait(-999_900).at_offset(Side::Client, offset, &vec![b'x'; size]);
    }
    talk.take_packets()
}

#[test]
fn bytes_out_of_order() {
    check("in order", 30_000, |n| {
        bytewise(&repeat(b"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 9000000\r\n\r\n", b"x", n))
    });
    check("one byte after the other", 6_000, |n| behind_a_hole(n, 1, |at| at));
    check("beyond the window", 20_000, |n| behind_a_hole(n, 1, |at| 80_000 + at));
    check("from the end", 3_000, |n| behind_a_hole(n, 1, |at| n - at));
    check("every other byte", 3_000, |n| behind_a_hole(n, 1, |at| at * 2 % n));
    check("whole segments from the end", 300, |n| behind_a_hole(n, 1000, |at| n - at));
    check("every byte twice", 3_000, |n| behind_a_hole(n, 1, |at| at / 2));
}

#[test]
fn fragments() {
    let (a, b) = ([10, 0, 0, 7].into(), [10, 0, 0, 9].into());
    check("fragments of eight bytes from the end", 400, |n| {
        let mut out = Vec::new();
        for id in 1..=20 {
            let mut pieces = Ip::new(a, b).id(id).fragments(&vec![0; 8 * n], 8);
            pieces.reverse();
            out.extend(pieces.iter().map(|piece| Packet { at: 0, bytes: link::ethernet(piece) }));
        }
        out
    });
    check("datagrams that never end", 3_000, |n| {
        let first = |id: usize| Ip::new(a, b).id(u16::try_from(id).unwrap()).fragment(&[0; 8], 0, true);
        (0..n).map(|id| Packet { at: 0, bytes: link::ethernet(&first(id)) }).collect()
    });
}

#[test]
fn connections() {
    check("connections that stay open", 3_000, |n| {
        let open = |n: usize| {
            let client = format!("10.{}.{}.7:{}", n / 60_000, n / 250 % 240, 1000 + n % 250);
            Conversation::new(&client, "10.0.0.9:80").handshake().take_packets()
        };
        (0..n).flat_map(open).collect()
    });
    check("requests without an answer", 3_000, |n| {
        let mut talk = talk();
        talk.handshake();
        for _ in 0..n {
            talk.client(b"GET /a HTTP/1.1\r\nHost: x\r\n\r\n");
        }
        talk.take_packets()
    });
}
