//! One JSON object per exchange and line: the contract for programs.
//!
//! Keys, in this order: `start`, `duration_ns`, `client.address`, `client.port`, `server.address`, `server.port`,
//! `http.request.method`, `http.request.header.host`, `url.path`, `url.query`, `http.response.status_code`,
//! `http.request.body.size`, `http.response.body.size`, `http.request.body.decoded_size`,
//! `http.response.body.decoded_size`, `network.protocol.version`, `tcp.session`, `anomalies`. All are always there,
//! `null` where there is nothing to say. Text that is not UTF-8 has U+FFFD in it and the raw value in base64 under the
//! key with `.base64` behind it, right after it.
//!
//! With headers: `http.request.headers`, `http.response.headers`, lists of `[name, value]` in the order of the wire. If
//! any of them is not UTF-8 a list of the same length follows under `http.request.headers.base64`: `null` for lines that
//! are, `[name, value]` in base64 for lines that are not.
//! With hashes: `http.request.body.sha256`, `http.response.body.sha256`, `http.request.body.decoded_sha256`,
//! `http.response.body.decoded_sha256`.
//! With several sources: `log.file.path`, the path as given.

use std::io::Write as _;
use std::net::IpAddr;

use arachne_model::{Endpoint, Exchange, Message, TapFacts};

use super::json::{
    Key, push, push_base64, push_hex, push_int, push_names, push_opt_int, push_string, push_text_member,
};
use super::target::{Target, method, protocol_version, status};
use super::time::Clock;
use super::{Output, SourceLabel};
use crate::key;
use arachne_capture::rows::all_anomalies;

/// Keys of one message that differ by side.
struct MessageKeys {
    headers: Key,
    sha256: &'static str,
    decoded_sha256: &'static str,
}

const REQUEST: MessageKeys = MessageKeys {
    headers: key!("http.request.headers"),
    sha256: key!("http.request.body.sha256").plain,
    decoded_sha256: key!("http.request.body.decoded_sha256").plain,
};
const RESPONSE: MessageKeys = MessageKeys {
    headers: key!("http.response.headers"),
    sha256: key!("http.response.body.sha256").plain,
    decoded_sha256: key!("http.response.body.decoded_sha256").plain,
};

/// The ndjson format of exchanges; see the module.
#[derive(Debug, Default)]
pub struct Ndjson {
    headers: bool,
    hashes: bool,
    clock: Clock,
    /// The ready member that names the source, empty for a single one.
    source: Vec<u8>,
}

impl Ndjson {
    /// `headers` and `hashes` add the keys of the module's text.
    #[must_use]
    pub fn new(headers: bool, hashes: bool) -> Self {
        Self { headers, hashes, ..Self::default() }
    }
}

impl Output for Ndjson {
    fn begin_source(&mut self, source: &SourceLabel<'_>, _out: &mut Vec<u8>) {
        self.source = source_member(source);
    }

    fn exchange(&mut self, exchange: &Exchange, out: &mut Vec<u8>) {
        push(out, "{\"start\":\"");
        self.clock.push_rfc3339(out, exchange.start);
        push(out, "\",\"duration_ns\":");
        push_opt_int(out, exchange.duration_ns());
        push_ends(out, exchange.client, exchange.server);
        push_request(out, exchange);
        push(out, key!("http.response.status_code").plain);
        push_opt_int(out, exchange.response.as_ref().map(status).filter(|s| *s > 0));
        push_sizes(out, exchange);
        push_text_member(out, key!("network.protocol.version"), protocol_version(exchange));
        push(out, key!("tcp.session").plain);
        push_int(out, exchange.session);
        push(out, key!("anomalies").plain);
        push_names(out, all_anomalies(exchange).iter().map(arachne_model::Anomaly::name));
        if self.headers {
            push_headers(out, REQUEST.headers, exchange.request.as_ref());
            push_headers(out, RESPONSE.headers, exchange.response.as_ref());
        }
        if self.hashes {
            push_hashes(out, exchange);
        }
        out.extend_from_slice(&self.source);
        push(out, "}\n");
    }
}

/// `,"log.file.path":"..."` where several sources are read, else nothing.
#[must_use]
pub fn source_member(source: &SourceLabel<'_>) -> Vec<u8> {
    let mut member = Vec::new();
    if source.among_many {
        push_text_member(&mut member, key!("log.file.path"), Some(source.name));
    }
    member
}

/// The four members that name both ends.
pub fn push_ends(out: &mut Vec<u8>, client: Endpoint, server: Endpoint) {
    push(out, ",\"client.address\":\"");
    push_address(out, client.address);
    push(out, "\",\"client.port\":");
    push_int(out, client.port);
    push(out, ",\"server.address\":\"");
    push_address(out, server.address);
    push(out, "\",\"server.port\":");
    push_int(out, server.port);
}

/// Appends an address as text.
pub fn push_address(out: &mut Vec<u8>, address: IpAddr) {
    match address {
        IpAddr::V4(v4) => {
            let [a, b, c, d] = v4.octets();
            push_int(out, a);
            for octet in [b, c, d] {
                out.push(b'.');
                push_int(out, octet);
            }
        }
        IpAddr::V6(v6) => write!(out, "{v6}").expect("a Vec takes every byte"),
    }
}

fn push_request(out: &mut Vec<u8>, exchange: &Exchange) {
    let request = exchange.request.as_ref();
    let target = Target::of(exchange);
    push_text_member(out, key!("http.request.method"), request.map(method));
    push_text_member(out, key!("http.request.header.host"), request.and_then(|m| m.header("host")));
    push_text_member(out, key!("url.path"), target.path);
    push_text_member(out, key!("url.query"), target.query);
}

fn push_sizes(out: &mut Vec<u8>, exchange: &Exchange) {
    let (request, response) = (exchange.request.as_ref(), exchange.response.as_ref());
    push(out, key!("http.request.body.size").plain);
    push_opt_int(out, request.map(|m| m.body.size));
    push(out, key!("http.response.body.size").plain);
    push_opt_int(out, response.map(|m| m.body.size));
    push(out, key!("http.request.body.decoded_size").plain);
    push_opt_int(out, tap(request).and_then(|t| t.decoded_size));
    push(out, key!("http.response.body.decoded_size").plain);
    push_opt_int(out, tap(response).and_then(|t| t.decoded_size));
}

fn tap(message: Option<&Message>) -> Option<&TapFacts> {
    message.and_then(|m| m.body.tap.as_deref())
}

fn push_hashes(out: &mut Vec<u8>, exchange: &Exchange) {
    let (request, response) = (tap(exchange.request.as_ref()), tap(exchange.response.as_ref()));
    push_hash(out, REQUEST.sha256, request.and_then(|t| t.sha256));
    push_hash(out, RESPONSE.sha256, response.and_then(|t| t.sha256));
    push_hash(out, REQUEST.decoded_sha256, request.and_then(|t| t.decoded_sha256));
    push_hash(out, RESPONSE.decoded_sha256, response.and_then(|t| t.decoded_sha256));
}

fn push_hash(out: &mut Vec<u8>, key: &str, hash: Option<[u8; 32]>) {
    push(out, key);
    match hash {
        Some(hash) => push_hex(out, &hash),
        None => push(out, "null"),
    }
}

fn push_headers(out: &mut Vec<u8>, key: Key, message: Option<&Message>) {
    push(out, key.plain);
    let Some(message) = message else { return push(out, "null") };
    let mut exact = true;
    push_list(out, message.headers(), |out, (name, value)| {
        out.push(b'[');
        exact &= push_string(out, name);
        out.push(b',');
        exact &= push_string(out, value);
        out.push(b']');
    });
    if !exact {
        push(out, key.base64);
        push_list(out, message.headers(), |out, (name, value)| push_raw_pair(out, name, value));
    }
}

fn push_raw_pair(out: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    if std::str::from_utf8(name).is_ok() && std::str::from_utf8(value).is_ok() {
        return push(out, "null");
    }
    out.push(b'[');
    push_base64(out, name);
    out.push(b',');
    push_base64(out, value);
    out.push(b']');
}

fn push_list<T>(out: &mut Vec<u8>, items: impl Iterator<Item = T>, mut one: impl FnMut(&mut Vec<u8>, T)) {
    out.push(b'[');
    for (at, item) in items.enumerate() {
        if at > 0 {
            out.push(b',');
        }
        one(out, item);
    }
    out.push(b']');
}
