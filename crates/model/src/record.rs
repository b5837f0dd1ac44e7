//! The records that leave the wire core: exchanges and TCP sessions.

use std::fmt;
use std::net::IpAddr;

use crate::{AnomalySet, UnixNanos};

/// One end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Endpoint {
    /// Its address, IPv4-mapped addresses as IPv4.
    pub address: IpAddr,
    /// Its TCP port.
    pub port: u16,
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.address {
            IpAddr::V4(a) => write!(f, "{a}:{}", self.port),
            IpAddr::V6(a) => write!(f, "[{a}]:{}", self.port),
        }
    }
}

/// A range of bytes inside [`Message::head`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Span {
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

/// A header or trailer line. Both spans lie in [`Message::head`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// The name as sent.
    pub name: Span,
    /// The value, without the blanks around it, folded lines joined by a space.
    pub value: Span,
}

/// The first line of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StartLine {
    /// `GET /path HTTP/1.1`. A span is empty where the capture does not hold it.
    Request {
        /// The method as sent.
        method: Span,
        /// The request target as sent.
        target: Span,
        /// Empty for HTTP/0.9.
        version: Span,
    },
    /// `HTTP/1.1 200 OK`.
    Response {
        /// As sent, `HTTP/1.1`.
        version: Span,
        /// 0 when it is no number.
        status: u16,
        /// The text behind the status.
        reason: Span,
    },
}

/// A request or a response as it was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The bytes of head and trailers that the spans point into; bytes as captured, but folded values joined.
    pub head: Vec<u8>,
    /// The first line.
    pub start_line: StartLine,
    /// Header lines in order, then trailer lines from [`Self::trailers_at`] on.
    pub fields: Vec<Field>,
    /// Where the trailers start in `fields`.
    pub trailers_at: usize,
    /// The body.
    pub body: BodyFacts,
    /// Whether the message was seen to its end.
    pub complete: bool,
    /// Bytes of head and body as they were seen, the framing of chunks apart.
    pub wire_bytes: u64,
}

impl Message {
    /// The bytes of `span`.
    #[must_use]
    pub fn text(&self, span: Span) -> &[u8] {
        self.head.get(span.start as usize..span.end as usize).unwrap_or_default()
    }

    /// Header lines as (name, value), without trailers.
    pub fn headers(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.pairs(0, self.trailers_at)
    }

    /// Trailer lines as (name, value).
    pub fn trailers(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.pairs(self.trailers_at, self.fields.len())
    }

    /// The value of the first header called `name` (lower case).
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&[u8]> {
        self.headers().find(|(n, _)| n.eq_ignore_ascii_case(name.as_bytes())).map(|(_, v)| v)
    }

    fn pairs(&self, from: usize, to: usize) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.fields[from..to].iter().map(|f| (self.text(f.name), self.text(f.value)))
    }
}

/// What is known of a body.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct BodyFacts {
    /// Bytes after de-chunking, before content decoding. Counts what was seen, without [`Self::missing`].
    pub size: u64,
    /// Bytes that the capture does not hold.
    pub missing: u64,
    /// What the tap found, where one was attached.
    pub tap: Option<Box<TapFacts>>,
}

/// What a tap on a body found: decoding, hashes, kept bytes.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct TapFacts {
    /// Bytes after content decoding; what was decoded before an error or a limit.
    pub decoded_size: Option<u64>,
    /// SHA-256 of the bytes after de-chunking.
    pub sha256: Option<[u8; 32]>,
    /// SHA-256 of the bytes after content decoding.
    pub decoded_sha256: Option<[u8; 32]>,
    /// Decoded bytes up to the cap, where they are asked for.
    pub kept: Option<Vec<u8>>,
    /// Whether `kept` is less than the decoded body.
    pub kept_cut: bool,
    /// Decompression oddities.
    pub anomalies: AnomalySet,
}

/// A request with its response, or either alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exchange {
    /// The session: number of its first packet in the source, from 1.
    pub session: u64,
    /// First packet of the session.
    pub session_start: UnixNanos,
    /// VXLAN or Geneve network, 0 for none.
    pub network: u32,
    /// Number of the packet that completed the exchange; of the last packet of the source when nothing did.
    pub completed_by: u64,
    /// Who asked.
    pub client: Endpoint,
    /// Who answers.
    pub server: Endpoint,
    /// Raw TCP sequence number of the first byte of the request, or of the response where that is alone. With the
    /// 5-tuple it makes the wire key.
    pub first_sequence: u32,
    /// First byte of the request, or of the response where that is alone.
    pub start: UnixNanos,
    /// Last byte of the request.
    pub request_end: Option<UnixNanos>,
    /// First byte of the final response.
    pub response_start: Option<UnixNanos>,
    /// Last byte of the final response.
    pub end: Option<UnixNanos>,
    /// The request.
    pub request: Option<Message>,
    /// The final response.
    pub response: Option<Message>,
    /// Status codes of interim (1xx) responses, in order.
    pub interim: Vec<u16>,
    /// What was odd.
    pub anomalies: AnomalySet,
    /// TCP segments sent again on the connection between the first and the last byte.
    pub retransmissions: u32,
    /// Round-trip time of the connection's handshake in nanoseconds.
    pub handshake_rtt_ns: Option<u64>,
}

impl Exchange {
    /// From the first to the last byte, in nanoseconds; `None` while it is open.
    #[must_use]
    pub fn duration_ns(&self) -> Option<u64> {
        self.end.map(|end| end.since(self.start))
    }
}

/// Why a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloseReason {
    /// Both sides sent FIN.
    Fin,
    /// A side sent RST.
    Reset,
    /// No packet for longer than the idle time-out.
    IdleTimeout,
    /// No answer to the SYN.
    HandshakeTimeout,
    /// A new SYN took the ports.
    Reused,
    /// The flow table was full.
    Evicted,
    /// The input ended before.
    InputEnd,
}

impl CloseReason {
    /// The stable name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Fin => "fin",
            Self::Reset => "reset",
            Self::IdleTimeout => "idle_timeout",
            Self::HandshakeTimeout => "handshake_timeout",
            Self::Reused => "reused",
            Self::Evicted => "evicted",
            Self::InputEnd => "input_end",
        }
    }
}

/// What a connection speaks, found by content.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub enum Protocol {
    /// No payload, or nothing that is known.
    #[default]
    Unknown,
    /// HTTP/1.x.
    Http1,
    /// HTTP/2 with its preface.
    Http2,
    /// TLS; from the ClientHello where it was seen.
    Tls {
        /// The server name indication, as sent.
        server_name: Option<Vec<u8>>,
        /// Offered application protocols.
        alpn: Vec<Vec<u8>>,
    },
    /// SSH.
    Ssh,
    /// PostgreSQL.
    PostgreSql,
    /// Redis.
    Redis,
    /// DNS over TCP.
    Dns,
}

impl Protocol {
    /// The stable name, an OpenTelemetry `network.protocol.name` where there is one.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Http1 => "http",
            Self::Http2 => "http2",
            Self::Tls { .. } => "tls",
            Self::Ssh => "ssh",
            Self::PostgreSql => "postgresql",
            Self::Redis => "redis",
            Self::Dns => "dns",
        }
    }
}

/// Counts of one direction of a session. Bytes are TCP payload.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct DirectionFacts {
    /// Segments seen, duplicates of the capture apart.
    pub packets: u64,
    /// Payload bytes in these segments.
    pub bytes: u64,
    /// Payload bytes delivered in order.
    pub payload: u64,
    /// Segments that carried bytes seen before.
    pub retransmitted: u64,
    /// Segments that came before an earlier one.
    pub reordered: u64,
    /// Segments that overlapped others only in part.
    pub overlapped: u64,
    /// Payload bytes never captured.
    pub missing: u64,
    /// Acknowledgements that repeat the one before, without payload.
    pub duplicate_acks: u64,
    /// Segments that announced a zero window.
    pub zero_windows: u64,
    /// Probes of a closed window or an idle connection.
    pub keep_alives: u64,
    /// Smallest time from a segment of this direction to its acknowledgement, as seen at the capture point, in
    /// nanoseconds.
    pub rtt_min_ns: Option<u64>,
    /// Sum of these times, for the mean.
    pub rtt_sum_ns: u64,
    /// Number of these times.
    pub rtt_count: u64,
}

/// A TCP connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TcpSession {
    /// Number of its first packet in the source, from 1.
    pub number: u64,
    /// Who opened it, or who speaks like a client.
    pub client: Endpoint,
    /// The other.
    pub server: Endpoint,
    /// VXLAN or Geneve network, 0 for none.
    pub network: u32,
    /// First packet.
    pub first: UnixNanos,
    /// End of the handshake.
    pub established: Option<UnixNanos>,
    /// Last packet.
    pub last: UnixNanos,
    /// Why it ended.
    pub close: CloseReason,
    /// Whether the SYN was captured.
    pub syn_seen: bool,
    /// Client to server.
    pub client_facts: DirectionFacts,
    /// Server to client.
    pub server_facts: DirectionFacts,
    /// SYN to the ACK of the handshake, in nanoseconds.
    pub handshake_rtt_ns: Option<u64>,
    /// What it speaks.
    pub protocol: Protocol,
    /// Exchanges found.
    pub exchanges: u64,
    /// What was odd.
    pub anomalies: AnomalySet,
}
