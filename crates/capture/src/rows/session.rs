//! Rows of sessions and of frames.

use arachne_model::table::{PacketRow, SessionRow};
use arachne_model::{Anomaly, DirectionFacts, Endpoint, Protocol, TcpSession, UnixNanos};
use arachne_wire::{Belongs, Frame};

use super::id::SourceKey;
use super::text::{some_text, words};
use super::{RowMaker, vantage_of};

/// Sessions whose texts are remembered; a power of two.
const REMEMBERED: u64 = 256;

/// Texts of sessions that were in use lately: exchanges of a connection share them.
pub struct SessionTexts(Vec<Option<SessionText>>);

/// Texts of a session.
pub struct SessionText {
    number: u64,
    /// Its id.
    pub id: String,
    /// Its ends as they were formatted last.
    ends: Option<Ends>,
}

/// Two addresses with their texts.
struct Ends {
    client: Endpoint,
    server: Endpoint,
    texts: [String; 2],
}

impl Default for SessionTexts {
    fn default() -> Self {
        Self((0..REMEMBERED).map(|_| None).collect())
    }
}

impl SessionTexts {
    /// The texts of the session of this number, which began at `start`.
    pub(super) fn of(&mut self, key: &SourceKey, start: UnixNanos, number: u64) -> &mut SessionText {
        let slot = &mut self.0[usize::try_from(number % REMEMBERED).unwrap_or(0)];
        if slot.as_ref().is_none_or(|text| text.number != number) {
            *slot = None;
        }
        slot.get_or_insert_with(|| SessionText { number, id: key.session(start, number), ends: None })
    }
}

impl SessionText {
    /// Its id, and the addresses of client and server.
    pub(super) fn with_ends(&mut self, client: Endpoint, server: Endpoint) -> (&str, &[String; 2]) {
        if self.ends.as_ref().is_none_or(|ends| (ends.client, ends.server) != (client, server)) {
            self.ends = None;
        }
        let format = || [client, server].map(|end| end.address.to_string());
        let ends = self.ends.get_or_insert_with(|| Ends { client, server, texts: format() });
        (&self.id, &ends.texts)
    }
}

impl RowMaker {
    /// The id of a session.
    pub fn session_id(&mut self, start: UnixNanos, number: u64) -> String {
        self.sessions.of(&self.key, start, number).id.clone()
    }

    /// The row of a session of which `kept_packets` frames are kept. Counts it.
    pub fn session(&mut self, session: &TcpSession, kept_packets: u64) -> SessionRow {
        self.note_session(session, session.anomalies);
        let (client, server) = (session.client.address, session.server.address);
        let vantage = vantage_of(&self.options, self.vantage.as_deref(), client, server).map(str::to_owned);
        let text = self.sessions.of(&self.key, session.first, session.number);
        let (id, [client_address, server_address]) = text.with_ends(session.client, session.server);
        let server_name = match &session.protocol {
            Protocol::Tls { server_name: Some(name), .. } => some_text(name),
            _ => None,
        };
        let mut row = SessionRow {
            id: id.to_owned(),
            first: session.first.0,
            last: Some(session.last.0),
            established: session.established.map(|at| at.0),
            source: self.options.source.clone(),
            agent: self.options.agent.clone(),
            vantage,
            network: session.network,
            client_address: client_address.clone(),
            client_port: session.client.port,
            server_address: server_address.clone(),
            server_port: session.server.port,
            close: session.close.name().to_owned(),
            syn_seen: session.syn_seen,
            protocol: session.protocol.name().to_owned(),
            server_name,
            exchanges: session.exchanges,
            rtt: session.handshake_rtt_ns,
            anomalies: words(session.anomalies.iter().map(Anomaly::name)),
            kept_packets,
            tags: self.tags.clone(),
            ..SessionRow::default()
        };
        client_facts(&mut row, &session.client_facts);
        server_facts(&mut row, &session.server_facts);
        row
    }

    /// The row of a frame, with the bytes that are in `frame`.
    pub fn frame(&mut self, belongs: Belongs, frame: &Frame<'_>) -> PacketRow {
        PacketRow {
            session: self.session_id(belongs.session_start, belongs.session),
            time: frame.at.0,
            number: frame.number,
            direction: if belongs.from_client { "client" } else { "server" }.to_owned(),
            link_type: frame.link_type.0,
            length: u64::from(frame.original_length),
            bytes: frame.data.to_vec(),
        }
    }
}

fn client_facts(row: &mut SessionRow, facts: &DirectionFacts) {
    row.client_packets = facts.packets;
    row.client_bytes = facts.bytes;
    row.client_payload = facts.payload;
    row.client_retransmitted = facts.retransmitted;
    row.client_reordered = facts.reordered;
    row.client_overlapped = facts.overlapped;
    row.client_missing = facts.missing;
    row.client_duplicate_acks = facts.duplicate_acks;
    row.client_zero_windows = facts.zero_windows;
    row.client_rtt_min = facts.rtt_min_ns;
    row.client_rtt_sum = facts.rtt_sum_ns;
    row.client_rtt_count = facts.rtt_count;
}

fn server_facts(row: &mut SessionRow, facts: &DirectionFacts) {
    row.server_packets = facts.packets;
    row.server_bytes = facts.bytes;
    row.server_payload = facts.payload;
    row.server_retransmitted = facts.retransmitted;
    row.server_reordered = facts.reordered;
    row.server_overlapped = facts.overlapped;
    row.server_missing = facts.missing;
    row.server_duplicate_acks = facts.duplicate_acks;
    row.server_zero_windows = facts.zero_windows;
    row.server_rtt_min = facts.rtt_min_ns;
    row.server_rtt_sum = facts.rtt_sum_ns;
    row.server_rtt_count = facts.rtt_count;
}
