//! One function for each target.

mod bpf;
mod content;
mod file;
mod http;
mod packet;
mod tcp;

pub use bpf::bpf;
pub use content::content;
pub use file::file;
pub use http::http;
pub use packet::packet;
pub use tcp::tcp;

use std::collections::HashMap;

use arachne_model::{Exchange, Limits, TcpSession};
use arachne_wire::{Engine, Sink};

/// The body of the target called `name`.
///
/// # Panics
/// When there is no such target.
#[must_use]
pub fn named(name: &str) -> fn(&[u8]) {
    match name {
        "file" => file,
        "packet" => packet,
        "tcp" => tcp,
        "http" => http,
        "content" => content,
        "bpf" => bpf,
        _ => panic!("no target is called {name}"),
    }
}

/// Limits that short inputs can reach.
fn small_limits() -> Limits {
    Limits {
        held_bytes_max: 8 * 32 * 1024,
        gap_bytes_max: 2048,
        gap_segments_max: 8,
        gap_packets_max: 8,
        recent_bytes_max: 64,
        fragment_datagrams_max: 4,
        fragment_bytes_max: 4096,
        head_bytes_max: 512,
        head_fields_max: 8,
        pending_exchanges_max: 4,
        interim_max: 2,
        detect_bytes_max: 128,
        open_bodies_max: 2,
        record_bytes_max: 1 << 16,
        interfaces_max: 8,
        ..Limits::default()
    }
}

/// Takes what comes and checks that reassembled bytes follow each other.
#[derive(Default)]
struct Checked {
    exchanges: Vec<Exchange>,
    sessions: u64,
    ends: HashMap<(u64, bool), u64>,
}

impl Checked {
    fn follow(&mut self, session: u64, from_client: bool, offset: u64, length: u64) {
        let end = self.ends.entry((session, from_client)).or_insert(offset);
        // An urgent byte is taken out of the stream.
        assert!(offset == *end || offset == *end + 1, "bytes at {offset} behind {end}");
        *end = offset + length;
    }
}

impl Sink for Checked {
    fn exchange(&mut self, exchange: Exchange) {
        for message in [&exchange.request, &exchange.response].into_iter().flatten() {
            let inside = |span: arachne_model::Span| span.start <= span.end && span.end as usize <= message.head.len();
            assert!(message.fields.iter().all(|field| inside(field.name) && inside(field.value)));
        }
        self.exchanges.push(exchange);
    }
    fn session(&mut self, _session: TcpSession) {
        self.sessions += 1;
    }
    fn stream(&mut self, session: u64, from_client: bool, offset: u64, bytes: &[u8]) {
        self.follow(session, from_client, offset, bytes.len() as u64);
    }
    fn stream_gap(&mut self, session: u64, from_client: bool, offset: u64, length: u64) {
        self.follow(session, from_client, offset, length);
    }
}

/// What must hold at any time.
fn audit(engine: &Engine) {
    let (held, counted) = engine.audit();
    assert_eq!(held, counted, "the memory counter equals what is held");
    if let Err(error) = engine.summary().ledger.check() {
        panic!("{error}");
    }
}

/// Ends a run: nothing is held or under way any more.
fn end(mut engine: Engine, mut sink: Checked) {
    engine.finish(&mut sink);
    audit(&engine);
    assert_eq!(engine.audit(), (0, 0));
    let ledger = engine.summary().ledger;
    assert!(ledger.stages().iter().all(|(_, counts)| counts.in_flight == 0));
    assert_eq!(ledger.exchanges.output, sink.exchanges.len() as u64);
    assert_eq!(ledger.sessions.output, sink.sessions);
}
