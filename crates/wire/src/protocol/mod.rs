//! What connections speak: one entry in [`CANDIDATES`] and one file for each protocol that is parsed.

pub mod detect;
pub mod http1;
mod identify;

use arachne_model::{Anomaly, AnomalySet, Endpoint, Exchange, Ledger, Limits, UnixNanos};

use crate::flow::{FlowKey, SideIndex};
use crate::sink::{Direction, Sink};
use crate::tcp::queue::Arrival;

pub use detect::{CANDIDATES, Candidate, Speaker, Verdict};

/// In-order bytes of one direction.
#[derive(Clone, Copy, Debug)]
pub struct Chunk<'a> {
    /// Who sent them.
    pub direction: Direction,
    /// Offset of the first byte in the direction's stream.
    pub offset: u64,
    /// Raw TCP sequence number of the first byte.
    pub sequence: u32,
    /// The bytes.
    pub bytes: &'a [u8],
    /// When they were captured, and how far the sender had the peer's stream.
    pub arrival: Arrival,
}

/// What a protocol may know and use while it works.
pub struct Context<'a> {
    /// Where results go.
    pub sink: &'a mut dyn Sink,
    /// The `exchanges` stage is counted here.
    pub ledger: &'a mut Ledger,
    /// All caps.
    pub limits: &'a Limits,
    /// Bodies with a tap on this shard.
    pub open_bodies: &'a mut usize,
    /// All flags of the shard.
    pub anomalies: &'a mut AnomalySet,
    /// Exchanges of the session.
    pub exchanges: &'a mut u64,
    /// The connection.
    pub key: FlowKey,
    /// Which side speaks as the client.
    pub client: SideIndex,
    /// The session's number.
    pub session: u64,
    /// The session's first packet.
    pub session_start: UnixNanos,
    /// Retransmitted segments of the connection so far.
    pub retransmissions: u64,
    /// Handshake round-trip time.
    pub handshake_rtt_ns: Option<u64>,
    /// Both directions were captured.
    pub two_sided: bool,
}

impl Context<'_> {
    /// Both ends: client, server.
    #[must_use]
    pub fn ends(&self) -> (Endpoint, Endpoint) {
        (self.key.endpoint(self.client), self.key.endpoint(1 - self.client))
    }

    /// Counts an exchange that begins.
    pub fn open_exchange(&mut self) {
        self.ledger.exchanges.input += 1;
        self.ledger.exchanges.in_flight += 1;
        *self.exchanges += 1;
    }

    /// Hands an exchange over.
    pub fn report(&mut self, exchange: Exchange) {
        self.anomalies.merge(exchange.anomalies);
        self.ledger.exchanges.in_flight -= 1;
        self.ledger.exchanges.output += 1;
        self.sink.exchange(exchange);
    }
}

/// A parser of one connection. It gets each direction in order; gaps and ends are told. Requests come before the
/// responses that answer them, since a response carries how far its sender had the peer's stream.
///
/// It holds bounded memory and says how much.
pub trait Protocol: Send {
    /// What it is, for the session's record.
    fn kind(&self) -> arachne_model::Protocol;
    /// The next bytes of a direction.
    fn data(&mut self, chunk: &Chunk<'_>, cx: &mut Context<'_>);
    /// `length` bytes of a direction at `offset` were not captured.
    fn gap(&mut self, direction: Direction, offset: u64, length: u64, arrival: Arrival, cx: &mut Context<'_>);
    /// A direction ended with FIN, all its bytes delivered.
    fn end(&mut self, direction: Direction, arrival: Arrival, cx: &mut Context<'_>);
    /// Something odd happened on the connection now.
    fn flag(&mut self, anomaly: Anomaly);
    /// The connection is over: what is open is reported as it is.
    fn finish(&mut self, arrival: Arrival, cx: &mut Context<'_>);
    /// Calls `visit` with each exchange that was begun and not reported, oldest first.
    fn open_exchanges(&self, visit: &mut dyn FnMut(&Exchange));
    /// Memory held now.
    fn held_bytes(&self) -> usize;
}
