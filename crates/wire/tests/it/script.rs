//! Generated conversations whose exchanges are known beforehand, and what networks do to their packets.

use arachne_testkit::conversation::{Packet, Side};
use arachne_testkit::{Conversation, Ip, Random, Segment, link};
use proptest::prelude::{Strategy, any};

use crate::support::body_hash;

/// How one exchange of a script looks.
#[derive(Clone, Debug)]
pub struct Spec {
    pub method: usize,
    pub request_body: usize,
    pub request_chunked: bool,
    pub answer: usize,
    pub response_body: usize,
    pub interim: bool,
    /// Sent before the answer to the one before came.
    pub pipelined: bool,
}

pub fn spec() -> impl Strategy<Value = Spec> {
    let (method, answer) = (0..4_usize, 0..6_usize);
    (method, 0..400_usize, any::<bool>(), answer, 0..2000_usize, any::<bool>(), any::<bool>()).prop_map(
        |(method, request_body, request_chunked, answer, response_body, interim, pipelined)| Spec {
            method,
            request_body,
            request_chunked,
            answer,
            response_body,
            interim,
            pipelined,
        },
    )
}

/// What must come out: method, target, status, sizes and hashes of both bodies.
pub type Expected = (String, String, u16, u64, u64, u64, u64);

/// Turns of a connection and the exchanges in it. Only the last answer may end with the connection.
pub fn script(specs: &[Spec]) -> (Vec<(Side, Vec<u8>)>, Vec<Expected>) {
    let (mut turns, mut answers, mut expected) = (Vec::new(), Vec::new(), Vec::new());
    for (id, spec) in specs.iter().enumerate() {
        if !spec.pipelined {
            turns.append(&mut answers);
        }
        let (request, response, row) = exchange(id, spec, id + 1 == specs.len());
        turns.push((Side::Client, request));
        answers.push((Side::Server, response));
        expected.push(row);
    }
    turns.append(&mut answers);
    (turns, expected)
}

fn exchange(id: usize, spec: &Spec, last: bool) -> (Vec<u8>, Vec<u8>, Expected) {
    let method = ["GET", "POST", "HEAD", "FROB"][spec.method];
    let target = format!("/{id}?x={}", "y".repeat(spec.request_body % 50));
    let sends = matches!(spec.method, 1 | 3);
    let body = text(if sends { spec.request_body } else { 0 }, id);
    let mut request = format!("{method} {target} HTTP/1.1\r\nHost: h.example\r\nX-Id: {id}\r\n").into_bytes();
    frame(&mut request, &body, sends, spec.request_chunked);
    let (status, has_body) = match spec.answer {
        0 => (204, false),
        1 => (304, false),
        2 => (500, true),
        _ => (200, true),
    };
    let answer = text(spec.response_body, id + 7);
    let mut response = Vec::new();
    if spec.interim {
        response.extend_from_slice(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n");
    }
    response.extend_from_slice(format!("HTTP/1.1 {status} Fine\r\nX-Id: {id}\r\n").as_bytes());
    let sent: &[u8] = if has_body && spec.method != 2 { &answer } else { &[] };
    if !has_body {
        response.extend_from_slice(b"\r\n");
    } else if spec.method == 2 {
        response.extend_from_slice(format!("Content-Length: {}\r\n\r\n", answer.len()).as_bytes());
    } else if spec.answer == 5 && last {
        response.extend_from_slice(b"Connection: close\r\n\r\n");
        response.extend_from_slice(sent);
    } else {
        frame(&mut response, sent, true, spec.answer == 4);
    }
    let sizes = (body.len() as u64, sent.len() as u64);
    let row = (method.to_owned(), target, status, sizes.0, sizes.1, body_hash(&body), body_hash(sent));
    (request, response, row)
}

/// Text that no start line can be found in.
fn text(length: usize, seed: usize) -> Vec<u8> {
    (0..length).map(|n| b"abcdefgh \r\nxyz0123"[(n * 7 + seed * 3 + n / 11) % 18]).collect()
}

fn frame(out: &mut Vec<u8>, body: &[u8], has_body: bool, chunked: bool) {
    if !has_body {
        out.extend_from_slice(b"\r\n");
        return;
    }
    if !chunked {
        out.extend_from_slice(format!("Content-Length: {}\r\n\r\n", body.len()).as_bytes());
        out.extend_from_slice(body);
        return;
    }
    out.extend_from_slice(b"Transfer-Encoding: chunked\r\n\r\n");
    for piece in body.chunks(97) {
        out.extend_from_slice(format!("{:x}\r\n", piece.len()).as_bytes());
        out.extend_from_slice(piece);
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(if body.len().is_multiple_of(2) { b"0\r\n\r\n" } else { b"0\r\nX-Sum: 1\r\n\r\n" });
}

/// What the network does.
#[derive(Clone, Debug)]
pub struct Disorder {
    pub seed: u64,
    /// Segments per turn at most.
    pub cuts: usize,
    /// Packets move at most so far.
    pub distance: usize,
    /// One packet in so many is repeated; 0 for none.
    pub repeats: usize,
    /// Ranges sent again with other cuts.
    pub again: usize,
    pub starts: (u32, u32),
    pub wrapping: usize,
}

pub fn disorder() -> impl Strategy<Value = Disorder> {
    let starts = || proptest::prop_oneof![any::<u32>(), (u32::MAX - 3000)..=u32::MAX];
    (any::<u64>(), 1..12_usize, 0..20_usize, 0..6_usize, 0..6_usize, (starts(), starts()), 0..WRAPPINGS).prop_map(
        |(seed, cuts, distance, repeats, again, starts, wrapping)| Disorder {
            seed,
            cuts,
            distance,
            repeats,
            again,
            starts,
            wrapping,
        },
    )
}

/// The packets of a connection under `disorder`, from the handshake to both FINs.
pub fn packets(turns: &[(Side, Vec<u8>)], disorder: &Disorder) -> Vec<Packet> {
    let mut random = Random::new(disorder.seed);
    let mut talk = Conversation::new("10.0.0.7:51234", "10.0.0.9:80");
    talk.sequences(disorder.starts.0, disorder.starts.1).handshake();
    for (side, bytes) in turns {
        for (_, piece) in arachne_testkit::disorder::pieces(bytes, disorder.cuts, &mut random) {
            // Segments beyond 64 KiB do not exist.
            piece.chunks(1448).for_each(|piece| drop_ref(talk.say(*side, piece)));
        }
        if random.one_in(3) {
            talk.ack(side.other());
        }
        if disorder.again > 0 && random.one_in(disorder.again) {
            send_again(&mut talk, *side, bytes, &mut random);
        }
    }
    talk.fin(Side::Server).ack(Side::Client).fin(Side::Client).ack(Side::Server);
    let mut packets = talk.take_packets();
    if disorder.repeats > 0 {
        packets = arachne_testkit::disorder::repeat(&packets, disorder.repeats + 1, disorder.distance, &mut random);
    }
    // What comes before the SYN cannot be told from the middle of a connection.
    arachne_testkit::disorder::reorder(&mut packets[3..], disorder.distance, &mut random);
    arachne_testkit::disorder::retime(&mut packets);
    packets.iter_mut().for_each(|packet| packet.bytes = wrap(disorder.wrapping, &packet.bytes[14..]));
    packets
}

/// Takes the builder's reference, which is of no use here.
fn drop_ref(_: &mut Conversation) {}

fn send_again(talk: &mut Conversation, side: Side, sent: &[u8], random: &mut Random) {
    let from = random.below(sent.len());
    let length = (1 + random.below(1400)).min(sent.len() - from);
    let behind = i32::try_from(sent.len() - from).unwrap();
    let draft = talk.draft(side).payload(&sent[from..from + length]);
    let sequence = draft.sequence.wrapping_add_signed(-behind);
    talk.segment(side, &Segment { sequence, ..draft });
}

/// Unwrapped packets for a failing test: who, flags, sequence and acknowledgement from the start, what they carry.
pub fn picture(packets: &[Packet], starts: (u32, u32)) -> String {
    let mut text = String::from("\n");
    for packet in packets {
        let tcp = &packet.bytes[34..];
        let number = |at: usize| u32::from_be_bytes(tcp[at..at + 4].try_into().unwrap());
        let client = tcp[..2] == 51_234_u16.to_be_bytes();
        let (mine, theirs) = if client { starts } else { (starts.1, starts.0) };
        let (sequence, ack) = (number(4).wrapping_sub(mine), number(8).wrapping_sub(theirs));
        let payload = tcp[20.max(usize::from(tcp[12] >> 4) * 4)..].escape_ascii().to_string();
        let shown: String = payload.chars().take(90).collect();
        let who = if client { "client" } else { "server" };
        text += &format!("{who} {:02x} {sequence}+{} ack {ack} {shown}\n", tcp[13], tcp.len() - 20);
    }
    text
}

/// Ways to carry a packet.
pub const WRAPPINGS: usize = 10;

/// The frame that carries an IPv4 packet, all of them Ethernet.
pub fn wrap(way: usize, packet: &[u8]) -> Vec<u8> {
    let (a, b) = ("192.0.2.1".parse().unwrap(), "192.0.2.2".parse().unwrap());
    match way {
        1 => link::vlan(&[(0x8100, 7)], packet),
        2 => link::vlan(&[(0x88a8, 7), (0x8100, 8)], packet),
        3 => link::mpls(&[17, 18], packet),
        4 => link::pppoe(3, packet),
        5 => link::ethernet(&link::gre(a, b, packet)),
        6 => link::ethernet(&link::ip_in_ip(a, b, packet)),
        7 => link::ethernet(&link::vxlan(a, b, 9, &link::ethernet(packet))),
        8 => link::ethernet(&link::geneve(a, b, 9, &[0; 8], &link::vlan(&[(0x8100, 1)], packet))),
        9 => link::ethernet(&link::gtp_u(a, b, 5, packet)),
        _ => link::ethernet(packet),
    }
}

/// Each packet in fragments of at most `size` bytes, in random order.
pub fn fragmented(packets: &[Packet], size: usize, random: &mut Random) -> Vec<Packet> {
    let mut out = Vec::new();
    for (id, packet) in packets.iter().enumerate() {
        let ip = &packet.bytes[14..];
        let address = |at: usize| std::net::IpAddr::from([ip[at], ip[at + 1], ip[at + 2], ip[at + 3]]);
        let whole = Ip::new(address(12), address(16)).id(u16::try_from(id + 1).unwrap());
        let mut pieces = whole.fragments(&ip[20..], size);
        random.shuffle(&mut pieces);
        out.extend(pieces.iter().map(|piece| Packet { at: packet.at, bytes: link::ethernet(piece) }));
    }
    out
}
