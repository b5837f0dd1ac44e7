//! The one table of all caps (law 3). Each has a policy where it is enforced and a counter when it is reached.

/// Caps of one engine. Sizes in bytes, times in nanoseconds. Defaults start from the figures measured in trusted
/// systems (Suricata, Zeek, Arkime) and fit the budget of 150 MiB while reading any capture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Flow table, parser state, buffers and reassembly of all shards together. Policy: flows go, closed first, then
    /// half-open, then the longest idle.
    pub held_bytes_max: usize,
    /// Bytes held out of order in one direction, with 96 bytes of cost for each segment. Policy: the gap is declared.
    pub gap_bytes_max: usize,
    /// Segments held out of order in one direction. Policy: as above.
    pub gap_segments_max: usize,
    /// Further packets of a connection after which missing bytes that were acknowledged are declared lost.
    pub gap_packets_max: u32,
    /// Time after which missing bytes are declared lost.
    pub gap_wait_ns: u64,
    /// Bytes of each direction kept to compare retransmissions with.
    pub recent_bytes_max: usize,
    /// Time until a connection without an answer is given up.
    pub half_open_ns: u64,
    /// Time until an idle connection is given up.
    pub idle_ns: u64,
    /// Time for which a closed connection is remembered, so that late packets open no ghost.
    pub closed_ns: u64,
    /// Time window in which an equal packet is the same packet captured twice.
    pub duplicate_ns: u64,
    /// Headers inside each other: tags, tunnels, extension headers. Policy: the packet is dropped.
    pub nesting_max: u32,
    /// Datagrams under reassembly. Policy: the oldest goes.
    pub fragment_datagrams_max: usize,
    /// Bytes of fragments held. Policy: the oldest datagram goes.
    pub fragment_bytes_max: usize,
    /// Time until an incomplete datagram is given up.
    pub fragment_ns: u64,
    /// Bytes of one message head. Policy: the message is cut there and flagged.
    pub head_bytes_max: usize,
    /// Header lines kept of one message. Policy: the rest is skipped and flagged.
    pub head_fields_max: usize,
    /// Requests without a response on one connection. Policy: the oldest is reported without response.
    pub pending_exchanges_max: usize,
    /// Interim responses kept of one exchange.
    pub interim_max: usize,
    /// Bytes of a body kept for output. Policy: the rest is measured but not kept.
    pub body_bytes_max: usize,
    /// Bytes that one body may unpack to. Policy: decoding stops, `decompress_bomb`.
    pub decoded_bytes_max: u64,
    /// Ratio of unpacked to packed bytes, once [`Self::ratio_from_bytes`] are unpacked. Policy: as above.
    pub ratio_max: u64,
    /// Unpacked bytes from which the ratio counts.
    pub ratio_from_bytes: u64,
    /// Content codings on top of each other. Policy: the body is not decoded, `decompress_error`.
    pub coding_layers_max: usize,
    /// Largest window a decoder may ask for, as a power of two. Policy: `decompress_error`.
    pub window_log_max: u32,
    /// Bodies decoded at the same time on one shard. Policy: further bodies are measured, not decoded, `memcap`.
    pub open_bodies_max: usize,
    /// Bytes looked at to find the protocol of a connection.
    pub detect_bytes_max: usize,
    /// Interfaces of one pcapng section. Policy: the file is refused there.
    pub interfaces_max: usize,
    /// Names of addresses kept of one source: from name resolution blocks, and from Host headers. Policy: further ones
    /// are not kept.
    pub host_names_max: usize,
    /// Bytes of frames held of sessions of which it is not known yet whether they are kept. Policy: further frames of
    /// such sessions are not kept.
    pub undecided_frames_max: usize,
    /// Bytes of one capture record. Policy: the file is refused there.
    pub record_bytes_max: usize,
}

/// One mebibyte.
const MIB: usize = 1 << 20;
/// One second in nanoseconds.
const SECOND: u64 = 1_000_000_000;

impl Default for Limits {
    fn default() -> Self {
        Self {
            held_bytes_max: 64 * MIB,
            gap_bytes_max: 4 * MIB,
            gap_segments_max: 16_384,
            gap_packets_max: 64,
            gap_wait_ns: SECOND,
            recent_bytes_max: 4096,
            half_open_ns: 30 * SECOND,
            idle_ns: 600 * SECOND,
            closed_ns: 5 * SECOND,
            duplicate_ns: 5_000_000,
            nesting_max: 16,
            fragment_datagrams_max: 1024,
            fragment_bytes_max: 4 * MIB,
            fragment_ns: 30 * SECOND,
            head_bytes_max: 64 * 1024,
            head_fields_max: 256,
            pending_exchanges_max: 1000,
            interim_max: 16,
            body_bytes_max: MIB,
            decoded_bytes_max: 10 * MIB as u64,
            ratio_max: 200,
            ratio_from_bytes: MIB as u64,
            coding_layers_max: 2,
            window_log_max: 23,
            open_bodies_max: 64,
            detect_bytes_max: 8192,
            interfaces_max: 4096,
            host_names_max: 65_536,
            undecided_frames_max: 32 * MIB,
            record_bytes_max: 16 * MIB,
        }
    }
}
