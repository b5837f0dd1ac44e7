//! What is told of the frames of a session.

use arachne_model::table::PacketRow;
use arachne_query::Instant;
use arachne_wire::packet::flag;
use arachne_wire::replay::{Piece, Rung};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;

/// A page of a stream.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct StreamAnswer {
    /// Whether all bytes of the session are there, as far as this page was read.
    pub complete: bool,
    /// Why not, and what would keep them.
    pub why_not: Option<String>,
    /// What the client sent.
    pub client: StreamSide,
    /// What the server sent.
    pub server: StreamSide,
    /// What became readable, in the order of the capture.
    pub pieces: Vec<StreamPiece>,
    /// Where the next page goes on, as parameter `from`; null when this was the last.
    #[schema(value_type = Option<u64>)]
    pub next: Option<usize>,
}

/// A direction of a session.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct StreamSide {
    /// Payload bytes in order, all in all; null where sessions are not kept.
    pub bytes: Option<u64>,
}

/// Bytes of a direction.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct StreamPiece {
    /// Who sent them: client or server.
    direction: &'static str,
    /// When the frame came that made them readable: their own, or the one that filled the hole before them.
    #[schema(value_type = String)]
    time: Instant,
    /// How many bytes of the direction come before.
    offset: u64,
    /// How many they are.
    length: u64,
    /// They, in base64; empty for a gap and for what was sent again.
    bytes: String,
    /// They were never captured, or not kept.
    gap: bool,
    /// They were there before and were sent again.
    retransmitted: bool,
}

fn direction(from_client: bool) -> &'static str {
    if from_client { "client" } else { "server" }
}

impl StreamPiece {
    pub fn new(piece: &Piece, time: i64) -> Self {
        Self {
            direction: direction(piece.from_client),
            time: Instant(time),
            offset: piece.offset,
            length: piece.length,
            bytes: STANDARD.encode(&piece.bytes),
            gap: piece.bytes.is_empty(),
            retransmitted: false,
        }
    }

    /// Bytes that were sent again.
    pub fn again(rung: &Rung, time: i64) -> Self {
        Self {
            direction: direction(rung.from_client),
            time: Instant(time),
            // The first byte has the number 1.
            offset: rung.sequence.and_then(|number| u64::try_from(number - 1).ok()).unwrap_or(0),
            length: rung.length,
            bytes: String::new(),
            gap: false,
            retransmitted: true,
        }
    }
}

/// A page of segments.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct SegmentsAnswer {
    /// The segments.
    pub segments: Vec<Segment>,
    /// Where the next page goes on, as parameter `from`; null when this was the last.
    #[schema(value_type = Option<u64>)]
    pub next: Option<usize>,
    /// Why there are none, and what would keep them.
    pub why_not: Option<String>,
}

/// A segment of a session.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct Segment {
    /// The number of its frame in the source, as in packets.
    number: u64,
    /// When it was captured.
    #[schema(value_type = String)]
    time: Instant,
    /// Who sent it: client or server.
    direction: &'static str,
    /// Its sequence number from the start of the direction: the SYN is 0, the first byte 1; null behind the session's end.
    sequence: Option<i64>,
    /// What it acknowledges, counted the same way.
    acknowledgement: Option<i64>,
    /// Payload bytes on the wire.
    length: u64,
    /// Its flags: SYN, ACK, FIN, RST, PSH, URG, ECE, CWR.
    flags: Vec<&'static str>,
    /// The announced window in bytes, as far as its scale is known.
    window: u64,
    /// All its bytes were seen before.
    retransmitted: bool,
    /// It has new bytes below others that were seen: they, or their first copy, came late.
    out_of_order: bool,
    /// It repeats an acknowledgement while bytes are under way.
    duplicate_ack: bool,
    /// It probes a closed window or an idle connection.
    keep_alive: bool,
    /// It announces that nothing can be taken now.
    zero_window: bool,
    /// The same packet was captured twice.
    duplicate_packet: bool,
    /// Its checksum is wrong.
    bad_checksum: bool,
}

const FLAGS: [(u8, &str); 8] = [
    (flag::SYN, "SYN"),
    (flag::ACK, "ACK"),
    (flag::FIN, "FIN"),
    (flag::RST, "RST"),
    (flag::PSH, "PSH"),
    (flag::URG, "URG"),
    (flag::ECE, "ECE"),
    (flag::CWR, "CWR"),
];

impl Segment {
    pub fn new(row: &PacketRow, rung: &Rung) -> Self {
        let set = |bit: u8| rung.flags & bit != 0;
        Self {
            number: row.number,
            time: Instant(row.time),
            direction: direction(rung.from_client),
            sequence: rung.sequence,
            acknowledgement: rung.ack,
            length: rung.length,
            flags: FLAGS.iter().filter(|(bit, _)| set(*bit)).map(|(_, name)| *name).collect(),
            window: rung.window,
            retransmitted: rung.retransmitted,
            out_of_order: rung.out_of_order,
            duplicate_ack: rung.duplicate_ack,
            keep_alive: rung.keep_alive,
            zero_window: rung.window == 0 && !set(flag::RST),
            duplicate_packet: rung.duplicate,
            bad_checksum: rung.bad_checksum,
        }
    }
}
