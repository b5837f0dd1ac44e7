//! Reassembled streams and decoded bodies of real captures, against the hashes that tshark gives.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::support::{self, Ran, read, read_file};

/// Where a stream differs from what tshark's `follow` gives, and why ours is as it is.
const STREAMS_DECIDED: &[(&str, &str)] = &[
    ("tcp/seq-synthetic.pcap", "frames 1 and 2, on port 0, have wrong checksums and nobody acknowledges them"),
    ("tcp/no-syn-ack.pcap", "frame 10 has a wrong checksum and nobody acknowledges it"),
    ("tcp/urgent.pcap", "the urgent byte of frame 5 is not part of the stream that a server reads"),
    (
        "tcp/reassembly.pcap",
        "80 bytes came twice: frame 28 and its like are right and first, frame 64 has a wrong checksum",
    ),
    ("tcp/rst-with-data.pcap", "text in a RST tells why, and is no data (RFC 9293, section 3.5.3)"),
];

/// Where a body that tshark lists is not among ours, and why.
const BODIES_DECIDED: &[(&str, &str)] = &[
    ("http/connect-simple.pcap", "a blank line behind the head of an accepted CONNECT belongs to the tunnel"),
    ("http/chunk-events.pcap", "chunks of 8 and 4 bytes are 12: tshark stops at the second one"),
    ("http/multiple-content-length.pcap", "two lengths that differ: no body is cut out by guessing"),
    ("http/evader-125.pcap", "gzip twice: both layers are undone, and the 68 bytes are the EICAR test file"),
];

fn sha256_16(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

/// One direction as it was written, and where its gaps are: offset in the stream and length.
struct Written {
    bytes: Vec<u8>,
    gaps: Vec<(u64, u64)>,
}

impl Written {
    /// The bytes as tshark gives them: taking the marks of gaps out of its text leaves one NUL for each, where bytes
    /// follow.
    fn with_marks(&self) -> Vec<u8> {
        let (mut out, mut done, mut missing) = (Vec::new(), 0, 0);
        for (offset, length) in &self.gaps {
            let at = usize::try_from(offset - missing).unwrap();
            out.extend_from_slice(&self.bytes[done..at]);
            if at < self.bytes.len() {
                out.push(0);
            }
            (done, missing) = (at, missing + length);
        }
        out.extend_from_slice(&self.bytes[done..]);
        out
    }
}

/// What `--streams` wrote for the direction from `from` to `to`, of all sessions between them.
fn written(folder: &Path, stats: &Value, from: &str, to: &str) -> Vec<Written> {
    let mut all = Vec::new();
    for stream in stats["streams"].as_array().expect("asked for") {
        let side = match (stream["client"].as_str(), stream["server"].as_str()) {
            (Some(client), Some(server)) if client == from && server == to => "client",
            (Some(client), Some(server)) if client == to && server == from => "server",
            _ => continue,
        };
        let bytes = std::fs::read(folder.join(format!("{}-{side}.bin", stream["session"]))).unwrap_or_default();
        assert_eq!(stream[format!("{side}_bytes")], bytes.len() as u64, "--streams and --stats agree");
        let number = |gap: &Value, key: &str| gap[key].as_u64().expect("a number");
        let gaps = stream["gaps"].as_array().expect("a list").iter().filter(|gap| gap["direction"] == side);
        let gaps = gaps.map(|gap| (number(gap, "offset"), number(gap, "length"))).collect();
        all.push(Written { bytes, gaps });
    }
    all
}

/// Whether one of our sessions, or all of them one after the other, are the stream that tshark gives.
fn is_there(written: &[Written], hash: &str) -> bool {
    let one = |w: &Written| sha256_16(&w.bytes) == hash || sha256_16(&w.with_marks()) == hash;
    let all: Vec<u8> = written.iter().flat_map(|w| w.bytes.clone()).collect();
    written.iter().any(one) || sha256_16(&all) == hash
}

fn all_streams_are_there(captures: &Path, file: &str, streams: &[Value]) -> bool {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().to_str().expect("UTF-8");
    let ran = read_file(&captures.join(file), &format!("--format ndjson --stats --stream-hashes --streams {out}"));
    let stats = ran.stats();
    let mut directions = Vec::new();
    for stream in streams {
        for (from, to) in [("0", "1"), ("1", "0")] {
            if stream[format!("bytes_{from}_to_{to}")] != 0 {
                let node = |number: &str| stream[format!("node{number}")].as_str().expect("an address");
                let hash = stream[format!("sha256_16_{from}_to_{to}")].as_str().expect("a hash");
                directions.push((written(folder.path(), &stats, node(from), node(to)), hash));
            }
        }
    }
    directions.iter().all(|(written, hash)| is_there(written, hash))
}

#[test]
fn streams_of_real_captures() {
    let Some(captures) = support::shared("captures") else { return };
    let expected = support::expected(&captures);
    let mut differ = Vec::new();
    for (file, facts) in expected["files"].as_object().expect("an object") {
        if let Some(streams) = facts["tcp_payload"].as_array()
            && !all_streams_are_there(&captures, file, streams)
        {
            differ.push(file.as_str());
        }
    }
    let mut decided: Vec<_> = STREAMS_DECIDED.iter().map(|(file, _)| *file).collect();
    differ.sort_unstable();
    decided.sort_unstable();
    assert_eq!(differ, decided);
}

/// Bodies of one file: method, direction, size and hash after all codings, with how often.
type Bodies = BTreeMap<(Option<String>, &'static str, u64, String), i64>;

/// The bodies that tshark found.
fn listed(facts: &Value) -> Bodies {
    let mut bodies = Bodies::new();
    let lists = [&facts["http_requests"], &facts["http_responses_without_request"]];
    for row in lists.into_iter().filter_map(Value::as_array).flatten() {
        for (side, key) in [("response", "response_body"), ("request", "body")] {
            let size = row[format!("{key}_bytes")].as_u64().unwrap_or_default();
            let method = row["method"].as_str().map(str::to_owned);
            if let (Some(hash), true) = (row[format!("{key}_sha256_16")].as_str(), size > 0) {
                *bodies.entry((method, side, size, hash.to_owned())).or_default() += 1;
            }
        }
    }
    bodies
}

/// Takes the bodies of `ran` away from `bodies`.
fn take_away(ran: &Ran, bodies: &mut Bodies) {
    for row in ran.rows() {
        for side in ["response", "request"] {
            let value = |key: &str| &row[format!("http.{side}.body.{key}")];
            let (hash, size) = match value("decoded_sha256").as_str() {
                Some(hash) => (hash, value("decoded_size")),
                None => (value("sha256").as_str().unwrap_or_default(), value("size")),
            };
            let method = row["http.request.method"].as_str().map(str::to_owned);
            if let (Some(start), Some(size)) = (hash.get(..16), size.as_u64()) {
                *bodies.entry((method, side, size, start.to_owned())).or_default() -= 1;
            }
        }
    }
}

#[test]
fn bodies_of_real_captures() {
    let Some(captures) = support::shared("captures") else { return };
    let expected = support::expected(&captures);
    let (mut differ, mut compared) = (Vec::new(), 0);
    for (file, facts) in expected["files"].as_object().expect("an object") {
        let mut bodies = listed(facts);
        // Bodies inside TLS are read once its secrets are.
        if bodies.is_empty() || file.starts_with("tls/") {
            continue;
        }
        compared += bodies.values().sum::<i64>();
        take_away(&read_file(&captures.join(file), "--format ndjson --stream-hashes"), &mut bodies);
        if bodies.values().any(|missing| *missing > 0) {
            differ.push(file.as_str());
        }
    }
    let mut decided: Vec<_> = BODIES_DECIDED.iter().map(|(file, _)| *file).collect();
    differ.sort_unstable();
    decided.sort_unstable();
    assert_eq!(differ, decided);
    assert!(compared > 400, "{compared} bodies");
}

#[test]
fn stream_hashes_are_those_of_the_files() {
    let Some(captures) = support::shared("captures") else { return };
    let folder = tempfile::tempdir().unwrap();
    let (file, out) = (captures.join("http/pipelined.pcap"), folder.path());
    let words = ["--stats", "--stream-hashes", "--streams"].map(std::ffi::OsStr::new);
    let ran = read(words.into_iter().chain([out.as_os_str(), file.as_os_str()]));
    let stats = ran.stats();
    let stream = &stats["streams"][0];
    for side in ["client", "server"] {
        let bytes = std::fs::read(out.join(format!("{}-{side}.bin", stream["session"]))).unwrap();
        let hash: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(stream[format!("{side}_sha256")], hash);
    }
}
