//! Runs packets through the engine and checks after each what must always hold: the ledger balances and the counter of
//! held memory equals what is held.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use arachne_model::{Exchange, Limits, LinkType, Message, StartLine, TapFacts, TcpSession, UnixNanos};
use arachne_testkit::Conversation;
use arachne_testkit::conversation::{Packet, Side};
use arachne_wire::{BodyTap, Engine, Frame, MessageHead, Sink, Summary};

/// Everything that came out of a run.
#[derive(Default)]
pub struct Found {
    pub exchanges: Vec<Exchange>,
    pub sessions: Vec<TcpSession>,
    /// Reassembled bytes by (session, from the client); lost ones are `?`.
    pub streams: BTreeMap<(u64, bool), Vec<u8>>,
    pub summary: Summary,
    taps: Arc<AtomicUsize>,
}

/// Hashes a body (FNV-1a) so that two runs can be compared.
struct HashTap {
    hash: u64,
    size: u64,
    finished: bool,
    open: Arc<AtomicUsize>,
}

impl BodyTap for HashTap {
    fn write(&mut self, bytes: &[u8]) {
        self.size += bytes.len() as u64;
        self.hash = fnv(self.hash, bytes);
    }
    fn gap(&mut self, missing: u64) {
        self.hash = fnv(self.hash, &missing.to_le_bytes());
    }
    fn held_bytes(&self) -> usize {
        100
    }
    fn finish(mut self: Box<Self>, _complete: bool) -> TapFacts {
        self.finished = true;
        self.open.fetch_sub(1, Ordering::Relaxed);
        let mut sha256 = [0; 32];
        sha256[..8].copy_from_slice(&self.hash.to_le_bytes());
        TapFacts { decoded_size: Some(self.size), sha256: Some(sha256), ..TapFacts::default() }
    }
}

impl Drop for HashTap {
    /// A tap that was offered and not taken gets no byte.
    fn drop(&mut self) {
        if self.size == 0 && !self.finished {
            self.open.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

/// The hash that the tap of the tests finds for a body.
pub fn body_hash(body: &[u8]) -> u64 {
    fnv(FNV_START, body)
}

const FNV_START: u64 = 0xcbf2_9ce4_8422_2325;

fn fnv(hash: u64, bytes: &[u8]) -> u64 {
    bytes.iter().fold(hash, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3))
}

impl Sink for Found {
    fn exchange(&mut self, exchange: Exchange) {
        for message in [&exchange.request, &exchange.response].into_iter().flatten() {
            check_spans(message);
        }
        self.exchanges.push(exchange);
    }
    fn session(&mut self, session: TcpSession) {
        self.sessions.push(session);
    }
    fn wants_streams(&self) -> bool {
        true
    }
    fn stream(&mut self, session: u64, from_client: bool, offset: u64, bytes: &[u8]) {
        let stream = self.streams.entry((session, from_client)).or_default();
        if stream.len() as u64 <= offset {
            stream.resize(usize::try_from(offset).unwrap(), b'_');
        }
        stream.extend_from_slice(bytes);
    }
    fn stream_gap(&mut self, session: u64, from_client: bool, offset: u64, length: u64) {
        let stream = self.streams.entry((session, from_client)).or_default();
        // Only small gaps are worth a picture.
        let end = offset.saturating_add(length).min(1 << 20);
        stream.resize(usize::try_from(end).unwrap().max(stream.len()), b'?');
    }
    fn body(&mut self, _head: &MessageHead<'_>) -> Option<Box<dyn BodyTap>> {
        self.taps.fetch_add(1, Ordering::Relaxed);
        Some(Box::new(HashTap { hash: FNV_START, size: 0, finished: false, open: Arc::clone(&self.taps) }))
    }
}

fn check_spans(message: &Message) {
    let inside = |span: arachne_model::Span| span.start <= span.end && span.end as usize <= message.head.len();
    assert!(message.trailers_at <= message.fields.len());
    assert!(message.fields.iter().all(|field| inside(field.name) && inside(field.value)), "{message:?}");
    assert!(match message.start_line {
        StartLine::Request { method, target, version } => inside(method) && inside(target) && inside(version),
        StartLine::Response { version, reason, .. } => inside(version) && inside(reason),
    });
}

/// How a run differs from the usual one.
pub struct Run {
    pub limits: Limits,
    pub link_type: LinkType,
    /// Audit the memory counter once in so many packets: each audit walks all connections.
    pub audit_every: usize,
    /// Streams cost memory that only the test pays for.
    pub streams: bool,
}

impl Default for Run {
    fn default() -> Self {
        Self { limits: Limits::default(), link_type: LinkType::ETHERNET, audit_every: 1, streams: true }
    }
}

impl Run {
    /// Runs `packets`, as (frame, length on the wire).
    pub fn frames<'a>(&self, packets: impl IntoIterator<Item = (i64, &'a [u8], u32)>) -> Found {
        let mut found = Found::default();
        let mut engine = Engine::new(&self.limits, 7, self.streams);
        for (index, (at, data, original_length)) in packets.into_iter().enumerate() {
            let number = index as u64 + 1;
            let frame = Frame { number, at: UnixNanos(at), link_type: self.link_type, original_length, data };
            engine.packet(&frame, &mut found);
            if index % self.audit_every == 0 {
                audit(&engine);
            }
        }
        engine.finish(&mut found);
        audit(&engine);
        assert_eq!(engine.audit(), (0, 0), "nothing is held at the end");
        found.summary = engine.summary();
        for (stage, counts) in found.summary.ledger.stages() {
            assert_eq!(counts.in_flight, 0, "{stage} in flight at the end");
        }
        assert_eq!(found.summary.ledger.sessions.output, found.sessions.len() as u64);
        assert_eq!(found.summary.ledger.exchanges.output, found.exchanges.len() as u64);
        assert_eq!(found.taps.load(Ordering::Relaxed), 0, "each tap is finished");
        found
    }

    pub fn packets(&self, packets: &[Packet]) -> Found {
        self.frames(packets.iter().map(|p| (p.at, &p.bytes[..], u32::try_from(p.bytes.len()).unwrap())))
    }
}

/// What must hold at any time.
pub fn audit(engine: &Engine) {
    let (held, counted) = engine.audit();
    assert_eq!(held, counted, "the memory counter equals what is held");
    engine.summary().ledger.check().unwrap();
}

pub fn run(packets: &[Packet]) -> Found {
    Run::default().packets(packets)
}

/// `GET /a 200 0/5`: sizes of both bodies; `-` for what is missing; `+n?` behind a size for missing bytes; then flags.
pub fn line(exchange: &Exchange) -> String {
    let request = exchange.request.as_ref();
    let response = exchange.response.as_ref();
    let mut text = match request.map(|m| (m, m.start_line)) {
        Some((m, StartLine::Request { method, target, .. })) => {
            format!("{} {}", m.text(method).escape_ascii(), m.text(target).escape_ascii())
        }
        _ => "- -".to_owned(),
    };
    match response.map(|m| m.start_line) {
        Some(StartLine::Response { status, .. }) => text += &format!(" {status}"),
        _ => text += " -",
    }
    text += &format!(" {}/{}", size(request), size(response));
    for flag in exchange.anomalies.iter() {
        text += &format!(" {}", flag.name());
    }
    text
}

fn size(message: Option<&Message>) -> String {
    let Some(message) = message else { return "-".to_owned() };
    let missing = if message.body.missing > 0 { format!("+{}?", message.body.missing) } else { String::new() };
    let cut = if message.complete { "" } else { "~" };
    format!("{}{missing}{cut}", message.body.size)
}

impl Found {
    pub fn lines(&self) -> Vec<String> {
        self.exchanges.iter().map(line).collect()
    }

    /// The only session.
    pub fn session(&self) -> &TcpSession {
        assert_eq!(self.sessions.len(), 1, "one session");
        &self.sessions[0]
    }

    /// The bytes of a direction of the first session.
    pub fn stream(&self, from_client: bool) -> String {
        let bytes = self.streams.iter().find(|((_, side), _)| *side == from_client).map(|(_, bytes)| &bytes[..]);
        bytes.unwrap_or_default().escape_ascii().to_string()
    }

    /// Every flag of any session, by name.
    pub fn flags(&self) -> Vec<&'static str> {
        self.summary.anomalies.iter().map(arachne_model::Anomaly::name).collect()
    }
}

/// A new conversation between the usual two.
pub fn talk() -> Conversation {
    Conversation::new("10.0.0.7:51234", "10.0.0.9:80")
}

/// A whole connection in which the sides take turns: `>` in front of what the client says, `<` of what the server says.
pub fn turns(turns: &[&[u8]]) -> Conversation {
    let mut talk = talk();
    talk.handshake();
    say(&mut talk, turns);
    talk.close();
    talk
}

/// Adds turns to a conversation.
pub fn say(talk: &mut Conversation, turns: &[&[u8]]) {
    for turn in turns {
        let side = if turn[0] == b'>' { Side::Client } else { Side::Server };
        talk.say(side, &turn[1..]);
    }
}

/// Whether the run of `turns` gives these lines.
#[track_caller]
pub fn check(turns_of: &[&[u8]], expected: &[&str]) {
    assert_eq!(run(turns(turns_of).packets()).lines(), expected, "{}", turns_of.concat().escape_ascii());
}
