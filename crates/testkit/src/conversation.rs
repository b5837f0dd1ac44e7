//! A TCP connection as a script: who says what, with right sequence numbers unless the test sets them.

use std::net::{IpAddr, SocketAddr};

use crate::link;
use crate::network::Ip;
use crate::segment::{Segment, flags};

/// A captured packet: nanoseconds since the Unix epoch and bytes from the link header on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet {
    /// Capture time.
    pub at: i64,
    /// The frame.
    pub bytes: Vec<u8>,
}

/// The sides of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Who opens it.
    Client,
    /// Who answers.
    Server,
}

impl Side {
    /// The other.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Client => Self::Server,
            Self::Server => Self::Client,
        }
    }
}

#[derive(Clone, Debug)]
struct End {
    address: IpAddr,
    port: u16,
    /// The next byte to send.
    next: u32,
    id: u16,
}

/// A connection and the packets it has made so far, one millisecond apart.
///
/// ```
/// use arachne_testkit::Conversation;
/// let mut talk = Conversation::new("10.0.0.7:51234", "10.0.0.9:80");
/// talk.handshake().client(b"GET / HTTP/1.1\r\n\r\n").server(b"HTTP/1.1 204 No Content\r\n\r\n").close();
/// assert_eq!(talk.packets().len(), 3 + 2 + 4);
/// ```
#[derive(Clone, Debug)]
pub struct Conversation {
    client: End,
    server: End,
    now: i64,
    step: i64,
    size: usize,
    packets: Vec<Packet>,
}

impl Conversation {
    /// A connection between two `address:port`. It starts at 2026-01-01T00:00:00Z, the sides at sequence numbers 1000
    /// and 5000.
    ///
    /// # Panics
    /// When a text is no socket address, which is a mistake of the test.
    #[must_use]
    pub fn new(client: &str, server: &str) -> Self {
        let end = |text: &str, next| {
            let parsed: SocketAddr = text.parse().expect("the test gives address:port");
            End { address: parsed.ip(), port: parsed.port(), next, id: 1 }
        };
        Self {
            client: end(client, 1000),
            server: end(server, 5000),
            now: 1_767_225_600_000_000_000,
            step: 1_000_000,
            size: 1448,
            packets: Vec::new(),
        }
    }

    /// Starts the sides at these sequence numbers (those of the SYN, or of the next byte without a handshake).
    pub const fn sequences(&mut self, client: u32, server: u32) -> &mut Self {
        self.client.next = client;
        self.server.next = server;
        self
    }

    /// Cuts payload into segments of at most `size` bytes.
    pub const fn segment_size(&mut self, size: usize) -> &mut Self {
        self.size = size;
        self
    }

    /// Lets `nanos` pass.
    pub const fn wait(&mut self, nanos: i64) -> &mut Self {
        self.now = self.now.saturating_add(nanos);
        self
    }

    /// The next sequence number of a side.
    #[must_use]
    pub const fn next(&self, side: Side) -> u32 {
        self.end(side).next
    }

    const fn end(&self, side: Side) -> &End {
        match side {
            Side::Client => &self.client,
            Side::Server => &self.server,
        }
    }

    const fn end_mut(&mut self, side: Side) -> &mut End {
        match side {
            Side::Client => &mut self.client,
            Side::Server => &mut self.server,
        }
    }

    /// The segment that `side` would send now, without payload, to change and give to [`Self::segment`].
    #[must_use]
    pub const fn draft(&self, side: Side) -> Segment {
        let (from, to) = (self.end(side), self.end(side.other()));
        Segment::new(from.port, to.port, from.next, to.next)
    }

    /// Sends `segment` from `side` as it is. Numbers do not move.
    pub fn segment(&mut self, side: Side, segment: &Segment) -> &mut Self {
        let (source, destination) = (self.end(side).address, self.end(side.other()).address);
        let id = self.end(side).id;
        self.end_mut(side).id = id.wrapping_add(1);
        let packet = Ip::new(source, destination).id(id).bytes(&segment.bytes(source, destination));
        self.packets.push(Packet { at: self.now, bytes: link::ethernet(&packet) });
        self.wait(self.step)
    }

    /// SYN, SYN-ACK, ACK.
    pub fn handshake(&mut self) -> &mut Self {
        let syn = self.draft(Side::Client).flags(flags::SYN).option(&[2, 4, 5, 0xB4]);
        let syn = Segment { acknowledgement: 0, ..syn };
        self.segment(Side::Client, &syn).skip(Side::Client, 1);
        let answer = self.draft(Side::Server).flags(flags::SYN | flags::ACK).option(&[2, 4, 5, 0xB4]);
        self.segment(Side::Server, &answer).skip(Side::Server, 1);
        self.ack(Side::Client)
    }

    /// The client says `payload`.
    pub fn client(&mut self, payload: &[u8]) -> &mut Self {
        self.say(Side::Client, payload)
    }

    /// The server says `payload`.
    pub fn server(&mut self, payload: &[u8]) -> &mut Self {
        self.say(Side::Server, payload)
    }

    /// `side` sends `payload` in segments.
    pub fn say(&mut self, side: Side, payload: &[u8]) -> &mut Self {
        for piece in payload.chunks(self.size.max(1)) {
            let segment = self.draft(side).flags(flags::PSH | flags::ACK).payload(piece);
            self.segment(side, &segment).skip(side, piece.len());
        }
        self
    }

    /// Moves `side` ahead by `bytes` without a packet: lost before the capture.
    pub const fn skip(&mut self, side: Side, bytes: usize) -> &mut Self {
        let low = bytes.to_le_bytes();
        let end = self.end_mut(side);
        end.next = end.next.wrapping_add(u32::from_le_bytes([low[0], low[1], low[2], low[3]]));
        self
    }

    /// Sends `payload` as `side` at `offset` bytes from where it is now, negative for what was said before. Numbers do
    /// not move.
    pub fn at_offset(&mut self, side: Side, offset: i32, payload: &[u8]) -> &mut Self {
        let draft = self.draft(side).flags(flags::PSH | flags::ACK).payload(payload);
        let segment = Segment { sequence: draft.sequence.wrapping_add_signed(offset), ..draft };
        self.segment(side, &segment)
    }

    /// `side` acknowledges everything.
    pub fn ack(&mut self, side: Side) -> &mut Self {
        let segment = self.draft(side);
        self.segment(side, &segment)
    }

    /// `side` sends FIN.
    pub fn fin(&mut self, side: Side) -> &mut Self {
        let segment = self.draft(side).flags(flags::FIN | flags::ACK);
        self.segment(side, &segment).skip(side, 1)
    }

    /// `side` sends RST.
    pub fn rst(&mut self, side: Side) -> &mut Self {
        let segment = self.draft(side).flags(flags::RST | flags::ACK);
        self.segment(side, &segment)
    }

    /// FIN and ACK from both sides, the client first.
    pub fn close(&mut self) -> &mut Self {
        self.fin(Side::Client).ack(Side::Server).fin(Side::Server).ack(Side::Client)
    }

    /// The packets since the last call, which are forgotten here: for streams without end.
    pub fn take_packets(&mut self) -> Vec<Packet> {
        std::mem::take(&mut self.packets)
    }

    /// The packets so far: Ethernet frames.
    #[must_use]
    pub fn packets(&self) -> &[Packet] {
        &self.packets
    }
}

#[cfg(test)]
mod tests {
    use super::{Conversation, Side};

    fn sequence(frame: &[u8]) -> u32 {
        u32::from_be_bytes(frame[38..42].try_into().unwrap())
    }

    #[test]
    fn numbers_move_with_what_is_said() {
        let mut talk = Conversation::new("10.0.0.7:5000", "10.0.0.9:80");
        talk.sequences(u32::MAX - 1, 5).segment_size(2).handshake().client(b"abc").at_offset(Side::Client, -3, b"a");
        let numbers: Vec<_> = talk.packets().iter().map(|p| sequence(&p.bytes)).collect();
        assert_eq!(numbers, [u32::MAX - 1, 5, u32::MAX, u32::MAX, 1, u32::MAX]);
        assert_eq!((talk.next(Side::Client), talk.next(Side::Server)), (2, 6));
    }

    #[test]
    fn time_moves_and_ipv6_works() {
        let mut talk = Conversation::new("[fd00::7]:5000", "[fd00::9]:80");
        talk.handshake().wait(5).close();
        let times: Vec<_> = talk.packets().iter().map(|p| p.at - talk.packets()[0].at).collect();
        assert_eq!(times, [0, 1_000_000, 2_000_000, 3_000_005, 4_000_005, 5_000_005, 6_000_005]);
        assert_eq!(talk.packets()[0].bytes[12..14], [0x86, 0xDD]);
    }
}
