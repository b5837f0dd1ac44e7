//! Builders of records for tests and benches: what a parser would have made, without the parser.

use std::net::{IpAddr, Ipv4Addr};

use arachne_model::{
    AnomalySet, BodyFacts, CloseReason, DirectionFacts, Endpoint, Exchange, Field, Message, Protocol, Span, StartLine,
    TapFacts, TcpSession, UnixNanos,
};

/// 2024-02-29T10:02:11.304Z.
pub const START: i64 = 1_709_200_931_304_000_000;

/// Header lines as name and value.
pub type Lines<'a> = &'a [(&'a str, &'a str)];

fn append(head: &mut Vec<u8>, text: &[u8]) -> Span {
    let start = u32::try_from(head.len()).expect("heads of tests are short");
    head.extend_from_slice(text);
    Span { start, end: start + u32::try_from(text.len()).expect("heads of tests are short") }
}

fn message<B: AsRef<[u8]>>(head: Vec<u8>, start_line: StartLine, lines: &[(B, B)]) -> Message {
    let mut head = head;
    let fields: Vec<_> = lines
        .iter()
        .map(|(name, value)| Field { name: append(&mut head, name.as_ref()), value: append(&mut head, value.as_ref()) })
        .collect();
    Message {
        wire_bytes: head.len() as u64,
        head,
        start_line,
        trailers_at: fields.len(),
        fields,
        body: BodyFacts::default(),
        complete: true,
    }
}

/// A request over HTTP/1.1.
#[must_use]
pub fn request(method: &str, target: &str, lines: Lines<'_>) -> Message {
    raw_request(method.as_bytes(), target.as_bytes(), b"HTTP/1.1", lines)
}

/// A request of any bytes.
#[must_use]
pub fn raw_request<B: AsRef<[u8]>>(method: &[u8], target: &[u8], version: &[u8], lines: &[(B, B)]) -> Message {
    let mut head = Vec::new();
    let start_line = StartLine::Request {
        method: append(&mut head, method),
        target: append(&mut head, target),
        version: append(&mut head, version),
    };
    message(head, start_line, lines)
}

/// A response over HTTP/1.1.
#[must_use]
pub fn response(status: u16, lines: Lines<'_>) -> Message {
    let mut head = Vec::new();
    let version = append(&mut head, b"HTTP/1.1");
    let reason = append(&mut head, b"OK");
    message(head, StartLine::Response { version, status, reason }, lines)
}

/// `message` with a body that a tap decoded and kept.
#[must_use]
pub fn with_body(mut message: Message, wire_size: u64, decoded: &[u8]) -> Message {
    message.wire_bytes += wire_size;
    message.body = BodyFacts {
        size: wire_size,
        missing: 0,
        tap: Some(Box::new(TapFacts {
            decoded_size: Some(decoded.len() as u64),
            sha256: Some([0xab; 32]),
            decoded_sha256: Some([0xcd; 32]),
            kept: Some(decoded.to_vec()),
            kept_cut: false,
            anomalies: AnomalySet::EMPTY,
        })),
    };
    message
}

/// An address and port of 10.0.0.0/8.
#[must_use]
pub const fn endpoint(last: u8, port: u16) -> Endpoint {
    Endpoint { address: IpAddr::V4(Ipv4Addr::new(10, 0, 0, last)), port }
}

/// An exchange of 2.71 s on session 1.
#[must_use]
pub fn exchange(request: Option<Message>, response: Option<Message>) -> Exchange {
    let start = UnixNanos(START);
    let answered = response.is_some();
    Exchange {
        session_start: UnixNanos(START),
        network: 0,
        session: 1,
        completed_by: 9,
        client: endpoint(7, 51234),
        server: endpoint(9, 8080),
        first_sequence: 1,
        start,
        request_end: request.as_ref().map(|_| start.plus(1_500_000)),
        response_start: answered.then(|| start.plus(2_000_000_000)),
        end: answered.then(|| start.plus(2_710_000_000)),
        request,
        response,
        interim: Vec::new(),
        anomalies: AnomalySet::EMPTY,
        retransmissions: 0,
        handshake_rtt_ns: Some(350_000),
    }
}

/// A closed HTTP session with that number.
#[must_use]
pub fn session(number: u64) -> TcpSession {
    let side = DirectionFacts { packets: 5, bytes: 1200, payload: 1200, ..DirectionFacts::default() };
    TcpSession {
        number,
        client: endpoint(7, 51234),
        server: endpoint(9, 8080),
        network: 0,
        first: UnixNanos(START),
        established: Some(UnixNanos(START + 350_000)),
        last: UnixNanos(START + 3_000_000_000),
        close: CloseReason::Fin,
        syn_seen: true,
        client_facts: side.clone(),
        server_facts: DirectionFacts { rtt_min_ns: Some(100), rtt_sum_ns: 900, rtt_count: 3, ..side },
        handshake_rtt_ns: Some(350_000),
        protocol: Protocol::Http1,
        exchanges: 2,
        anomalies: AnomalySet::EMPTY,
    }
}
