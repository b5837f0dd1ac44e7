//! SHA-256 of the reassembled bytes of each direction of each session, for `--stream-hashes`.
//!
//! Hashed is what was delivered in order: where bytes are missing the hash goes on behind the gap, and the gap is listed.
//! Memory: two hash states for each open session (their number is limited by the flow table), and for closed ones a
//! fixed cost up to [`SESSIONS_MAX`]; what is beyond is counted, as are gaps beyond [`GAPS_MAX`] of a session.
//!
//! Members of the stats line: `streams`, by session number, each `{session, client, server, client_sha256,
//! server_sha256, client_bytes, server_bytes, gaps: [{direction, offset, length}]}` with `direction` the side that sent
//! (`client` or `server`) and `gaps_omitted` where gaps were left out; `streams_omitted` where sessions were. With several
//! sources each entry ends with `log.file.path`.

use std::collections::HashMap;

use arachne_model::TcpSession;
use sha2::{Digest as _, Sha256};

use crate::output::SourceLabel;
use crate::output::json::{push, push_hex, push_int, push_string};
use crate::output::ndjson::source_member;

/// Sessions in the list.
pub const SESSIONS_MAX: usize = 100_000;
/// Gaps listed for one session.
pub const GAPS_MAX: usize = 64;

#[derive(Clone, Debug, Default)]
struct Side {
    hash: Sha256,
    bytes: u64,
}

#[derive(Clone, Copy, Debug)]
struct Gap {
    from_client: bool,
    offset: u64,
    length: u64,
}

/// A session whose bytes still come.
#[derive(Debug, Default)]
struct Open {
    client: Side,
    server: Side,
    gaps: Vec<Gap>,
    gaps_omitted: u64,
}

/// A session in the list.
#[derive(Debug)]
struct Closed {
    session: u64,
    ends: [arachne_model::Endpoint; 2],
    sha256: [[u8; 32]; 2],
    bytes: [u64; 2],
    gaps: Box<[Gap]>,
    gaps_omitted: u64,
    source: usize,
}

/// Collects hashes; see the module.
#[derive(Debug, Default)]
pub struct StreamHashes {
    open: HashMap<u64, Open>,
    closed: Vec<Closed>,
    omitted: u64,
    /// For each source the member that names it.
    sources: Vec<Vec<u8>>,
}

impl StreamHashes {
    /// The sessions of another source follow; session numbers begin again.
    pub fn begin_source(&mut self, source: &SourceLabel<'_>) {
        self.open.clear();
        self.sources.push(source_member(source));
    }

    /// The next delivered bytes of a direction.
    pub fn write(&mut self, session: u64, from_client: bool, bytes: &[u8]) {
        let open = self.open.entry(session).or_default();
        let side = if from_client { &mut open.client } else { &mut open.server };
        side.hash.update(bytes);
        side.bytes += bytes.len() as u64;
    }

    /// `length` bytes at `offset` of a direction were not captured.
    pub fn gap(&mut self, session: u64, from_client: bool, offset: u64, length: u64) {
        let open = self.open.entry(session).or_default();
        if open.gaps.len() < GAPS_MAX {
            open.gaps.push(Gap { from_client, offset, length });
        } else {
            open.gaps_omitted += 1;
        }
    }

    /// The session has ended: its hashes are final.
    pub fn close(&mut self, session: &TcpSession) {
        let open = self.open.remove(&session.number).unwrap_or_default();
        if self.closed.len() >= SESSIONS_MAX {
            self.omitted += 1;
            return;
        }
        self.closed.push(Closed {
            session: session.number,
            ends: [session.client, session.server],
            bytes: [open.client.bytes, open.server.bytes],
            sha256: [open.client.hash, open.server.hash].map(|h| h.finalize().into()),
            gaps: open.gaps.into_boxed_slice(),
            gaps_omitted: open.gaps_omitted,
            source: self.sources.len(),
        });
    }

    /// Puts the list into the order of sources and session numbers. Call once, before [`Self::push_members`].
    pub fn sort(&mut self) {
        self.closed.sort_by_key(|c| (c.source, c.session));
    }

    /// Appends `,"streams":[...]`.
    pub fn push_members(&self, out: &mut Vec<u8>) {
        push(out, ",\"streams\":[");
        for (at, stream) in self.closed.iter().enumerate() {
            push(out, if at > 0 { "," } else { "" });
            stream.push(out);
            // A list without sources is one that was filled without a label.
            let source = stream.source.checked_sub(1).and_then(|at| self.sources.get(at));
            out.extend_from_slice(source.map(Vec::as_slice).unwrap_or_default());
            out.push(b'}');
        }
        out.push(b']');
        if self.omitted > 0 {
            push(out, ",\"streams_omitted\":");
            push_int(out, self.omitted);
        }
    }
}

impl Closed {
    /// Everything but the closing brace.
    fn push(&self, out: &mut Vec<u8>) {
        push(out, "{\"session\":");
        push_int(out, self.session);
        for (key, end) in [(",\"client\":", self.ends[0]), (",\"server\":", self.ends[1])] {
            push(out, key);
            push_string(out, end.to_string().as_bytes());
        }
        for (key, hash) in [(",\"client_sha256\":", self.sha256[0]), (",\"server_sha256\":", self.sha256[1])] {
            push(out, key);
            push_hex(out, &hash);
        }
        for (key, bytes) in [(",\"client_bytes\":", self.bytes[0]), (",\"server_bytes\":", self.bytes[1])] {
            push(out, key);
            push_int(out, bytes);
        }
        push(out, ",\"gaps\":[");
        for (at, gap) in self.gaps.iter().enumerate() {
            push(out, if at > 0 { "," } else { "" });
            gap.push(out);
        }
        out.push(b']');
        if self.gaps_omitted > 0 {
            push(out, ",\"gaps_omitted\":");
            push_int(out, self.gaps_omitted);
        }
    }
}

impl Gap {
    fn push(self, out: &mut Vec<u8>) {
        push(out, if self.from_client { "{\"direction\":\"client\"" } else { "{\"direction\":\"server\"" });
        push(out, ",\"offset\":");
        push_int(out, self.offset);
        push(out, ",\"length\":");
        push_int(out, self.length);
        out.push(b'}');
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{GAPS_MAX, StreamHashes};
    use crate::fixtures::session;
    use crate::output::SourceLabel;

    const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    fn members(mut hashes: StreamHashes) -> Value {
        let mut out = b"{\"x\":0".to_vec();
        hashes.sort();
        hashes.push_members(&mut out);
        out.push(b'}');
        serde_json::from_slice(&out).expect("valid JSON")
    }

    #[test]
    fn known_hashes_in_any_pieces_and_order() {
        let mut hashes = StreamHashes::default();
        hashes.write(2, true, b"a");
        hashes.write(1, false, b"abc");
        hashes.gap(2, true, 1, 7);
        hashes.write(2, true, b"bc");
        hashes.close(&session(2));
        hashes.close(&session(1));
        hashes.close(&session(3));
        let streams = members(hashes)["streams"].clone();
        assert_eq!(streams.as_array().map(Vec::len), Some(3));
        assert_eq!(
            streams[1],
            json!({"session": 2, "client": "10.0.0.7:51234", "server": "10.0.0.9:8080", "client_sha256": ABC,
                "server_sha256": EMPTY, "client_bytes": 3, "server_bytes": 0,
                "gaps": [{"direction": "client", "offset": 1, "length": 7}]})
        );
        assert_eq!((&streams[0]["server_sha256"], &streams[2]["client_sha256"]), (&json!(ABC), &json!(EMPTY)));
    }

    #[test]
    fn lists_are_bounded_and_say_so() {
        let mut hashes = StreamHashes::default();
        for number in 1..=2 {
            hashes.begin_source(&SourceLabel { name: b"a.pcap", number, among_many: true });
            (0..GAPS_MAX as u64 + 5).for_each(|at| hashes.gap(1, false, at * 10, 1));
            hashes.close(&session(1));
        }
        let value = members(hashes);
        let stream = &value["streams"][1];
        assert_eq!(stream["gaps"].as_array().map(Vec::len), Some(GAPS_MAX));
        assert_eq!((&stream["gaps_omitted"], &stream["log.file.path"]), (&json!(5), &json!("a.pcap")));
        assert_eq!(value["streams_omitted"], Value::Null);
    }
}
